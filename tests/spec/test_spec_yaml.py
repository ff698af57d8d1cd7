"""The YAML layer: YAML 1.2 scalars, places of values, bounds, and files that are no text."""

import errno
import math
import os
from pathlib import Path
from typing import Any

import pytest

from agcli.spec import SpecError, read_spec
from agcli.spec.document import MAX_DEPTH, MAX_NODES, Document, read_document
from agcli.spec.scalars import is_plain_text, resolve
from agcli.spec.source import MAX_BYTES, Source, checked, decoded

SCALARS: list[tuple[str, Any]] = [
    *[(text, None) for text in ("", "~", "null", "Null", "NULL")],
    *[(text, True) for text in ("true", "True", "TRUE")],
    *[(text, False) for text in ("false", "False", "FALSE")],
    *[(text, text) for text in ("no", "yes", "on", "off", "y", "n", "No", "NULl", "tRUE", "nil", "none")],
    *[("0", 0), ("10", 10), ("-3", -3), ("+7", 7), ("010", 10), ("-007", -7)],
    *[("0o10", 8), ("0o777", 511), ("0x1F", 31), ("0xff", 255)],
    *[(text, text) for text in ("0o8", "0xg", "-0x1", "0b11", "0O7", "0X1", "1_000", "1,000", "12:30", "٣")],
    *[("1e-3", 0.001), ("1E3", 1000.0), ("1.", 1.0), (".5", 0.5), ("-.5", -0.5), ("+1.5e+2", 150.0), ("0.1", 0.1)],
    *[(text, text) for text in (".", "e3", "1e", "1e+", "1.5.2", "+", "--1", "1 2", "2026-01-01", "1.0f")],
    *[(".inf", math.inf), ("+.Inf", math.inf), ("-.INF", -math.inf), ("1e999", math.inf)],
    *[(text, text) for text in ("inf", "nan", "Infinity", "+.nan", ".iNF")],
]


def document(text: str) -> Document:
    return read_document(checked(Source("f.yaml", text)))


@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_scalar_is_that_of_yaml_1_2(text: str, value: Any) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)
    assert document(f"a: {text}").data == {"a": value}
    assert not is_plain_text(text) or resolve(text) == text


def test_nan_is_a_float() -> None:
    assert math.isnan(document("a: .NaN").data["a"])


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", None),
        ("# comment\n", None),
        ("a", "a"),
        ("a: 'no'\nb: \"1\"", {"a": "no", "b": "1"}),
        ("a: |\n  1\n  2\n", {"a": "1\n2\n"}),
        ("1: x\ntrue: y\n~: z", {"1": "x", "true": "y", "~": "z"}),
        ("a: &x {b: [1, 2]}\nc: *x", {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}}),
        ("- &k a\n- *k", ["a", "a"]),
        ("a: !!str 5\nb: !!int 5\nc: !!float 5\nd: !!seq [1]\ne: ! 5", {"a": "5", "b": 5, "c": 5, "d": [1], "e": "5"}),
        ("? a\n: 1", {"a": 1}),
        ("%YAML 1.2\n---\na: 1\n...\n", {"a": 1}),
        ("a: \ufeffb", {"a": "\ufeffb"}),
    ],
)
def test_data_of_text(text: str, data: Any) -> None:
    read = document(text)
    assert read.data == data
    assert not read.problems


PLACES = """\
# one
model:
  - dense: {units: 64}
  - dropout: 0.2

  - relu
  - dense:
      units: 10
  - reshape: [8, x]
loss:
"""


@pytest.mark.parametrize(
    ("path", "of_key", "line", "column", "width"),
    [
        ((), False, 2, 1, 5),
        (("model",), True, 2, 1, 5),
        (("model",), False, 2, 1, 5),  # a block: its key
        (("model", 0), False, 3, 5, 5),
        (("model", 0, "dense"), False, 3, 12, 11),
        (("model", 0, "dense", "units"), False, 3, 20, 2),
        (("model", 0, "dense", "units"), True, 3, 13, 5),
        (("model", 0, "dense", "bias"), False, 3, 5, 5),  # a missing field: the key that lacks it
        (("model", 1, "dropout", "rate"), False, 4, 14, 3),  # a main field in short
        (("model", 2, "relu"), False, 6, 5, 4),
        (("model", 3, "dense", "units"), False, 8, 14, 2),
        (("model", 4, "reshape", "shape", 1), False, 9, 18, 1),
        (("loss",), False, 10, 1, 4),  # a value of nothing: its key
    ],
)
def test_place_of_value(path: tuple[str | int, ...], of_key: bool, line: int, column: int, width: int) -> None:
    place = document(PLACES).place(path, of_key=of_key)
    assert (place.line, place.column, place.width) == (line, column, width)


def test_missing_section_has_no_line_to_show() -> None:
    assert document(PLACES).place(("data",)).excerpt() == ""


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [("a: 1\nb: 2\0", 2, 5), ("a: 1\r\nb: \x1b", 2, 4), ("\x07", 1, 1), ("a:\n\n\x7f", 3, 1), ("a: \ufffe", 1, 4)],
)
def test_control_character_is_shown_at_its_place(text: str, line: int, column: int) -> None:
    with pytest.raises(SpecError, match=r"control character U\+") as caught:
        document(text)
    assert (caught.value.problems[0].place.line, caught.value.problems[0].place.column) == (line, column)
    assert str(caught.value).replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a: 1\nb: \xff", "f.yaml:2:4: expected UTF-8 text, got the byte 0xff; save"),
        (b"\xe9", "f.yaml:1:1: expected UTF-8 text, got the byte 0xe9; save"),
        ("ä: \u1234".encode()[:-1], "f.yaml:1:4: expected UTF-8 text, got the byte 0xe1; save"),
        ("a: 1".encode("utf-16"), "f.yaml:1:1: expected UTF-8 text, got UTF-16; save"),
        ("a: 1".encode("utf-16-be"), "f.yaml:1:1: expected printable text, got the control character U+0000"),
        (b"\xff\xff", "f.yaml:1:1: expected UTF-8 text, got the byte 0xff; save"),
    ],
)
def test_bytes_that_are_no_utf_8(content: bytes, says: str) -> None:
    with pytest.raises(SpecError) as caught:
        decoded("f.yaml", content)
    assert str(caught.value).startswith(says)


def test_utf_8_byte_order_mark_is_no_column() -> None:
    read = read_document(decoded("f.yaml", b"\xef\xbb\xbfa: 1"))
    assert read.data == {"a": 1}
    assert read.place(("a",)).column == 4


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "at most 10,000 values"),
        ("a: &a {b: 1}\nc: [" + "*a, " * MAX_NODES + "]", "at most 10,000 values"),
        ("[" * 100_000, "at most 64 levels"),
        ("- " * 100_000, "at most 64 levels"),
        ("{a: " * 50_000, "at most 64 levels"),
        ("? " * 50_000, "at most 64 levels"),
        ("a: &a [[[[[[[[[[1]]]]]]]]]]\nb: " + "[" * 60 + "*a" + "]" * 60, "at most 64 levels"),
        ("[" + "1, " * 100_000 + "]", "at most 10,000 values"),
        ("a: " + "9" * 100_000, "at most 100 characters"),
        ("a: 0x" + "f" * 100_000, "at most 100 characters"),
        ("a: 9223372036854775808", "fits in 64 bits"),
        ("%YAML 1." + "9" * 10_000 + "\n---\na: 1", "number out of range"),
        ('a: "\\UFFFFFFFF"', "number out of range"),
    ],
    ids=lambda value: value[:12],
)
def test_bounds_hold(text: str, says: str) -> None:
    try:
        read = document(text)
    except SpecError as error:
        problems = error.problems
    else:
        problems = read.problems
    assert len(problems) == 1
    assert says in problems[0].message


def test_what_is_just_within_the_bounds_is_read() -> None:
    assert document("[" * (MAX_DEPTH - 1) + "1" + "]" * (MAX_DEPTH - 1)).data
    assert len(document("[" + "1, " * (MAX_NODES - 1) + "]").data) == MAX_NODES - 1
    assert document(f"a: {2**63 - 1}").data == {"a": 2**63 - 1}


# Files


def told(path: str | Path) -> str:
    with pytest.raises(SpecError) as caught:
        read_spec(path)
    return str(caught.value)


def test_missing_file_names_a_near_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("models").mkdir()
    Path("models/digits.yaml").touch()
    near = "expected a spec file, found none; did you mean `models/digits.yaml`?"
    assert told("models/digit.yaml") == f"models/digit.yaml: {near}"
    assert told("models/digits") == f"models/digits: {near}"
    assert told("digits.yml") == "digits.yml: expected a spec file, found none; did you mean `digits`?"
    assert told("zzz.yaml") == "zzz.yaml: expected a spec file, found none"
    assert told("no/where/zzz.yaml") == "no/where/zzz.yaml: expected a spec file, found none"


def test_directory_is_no_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("models").mkdir()
    assert told("models") == "models: expected a spec file, found a directory"
    Path("models/iris.yaml").touch()
    assert told("models") == "models: expected a spec file, found a directory; did you mean `models/iris.yaml`?"


def test_unreadable_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("builtins.open", refuse)  # a mode of 0 would not keep root out
    assert told("f.yaml") == "f.yaml: expected a readable spec file: permission denied"


def test_names_that_no_file_can_have() -> None:
    assert told("a\0b") == "a·b: expected a readable spec file: a NUL character"
    assert "expected a readable spec file: file name too long" in told("a" * 5_000)


def test_large_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    assert told(path) == f"{path}: expected a spec of at most 1,000,000 bytes, got more"
    if Path("/dev/zero").exists():
        assert told("/dev/zero") == "/dev/zero: expected a spec file, found a device"
