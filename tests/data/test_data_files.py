"""Files as frames: what a CSV, TSV, JSON lines, Parquet, NPZ or NPY file holds, and what is said of a broken one."""

import contextlib
import gzip
import io
import sqlite3
import zipfile

import numpy as np
import polars as pl
import pytest

from agcli.counts import number_of
from agcli.data.formats import array_file, table_file
from agcli.datasets import DataError, delimited, read_npz, sides_of


def file(tmp_path, content, name="t.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def cells(path, **options):
    frame = table_file(path, **options).read()
    return {name: values.to_list() for name, values in frame.columns.items()}


def told(call, tmp_path):
    with pytest.raises(DataError) as caught:
        call()
    return str(caught.value).replace(f"{tmp_path}/", "")


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        ("a,b\n1,x\n2,y\n", {}, {"a": ["1", "2"], "b": ["x", "y"]}),
        ("a;b\n1,5;x\n", {}, {"a": ["1,5"], "b": ["x"]}),
        ("a\tb\n1\t2", {}, {"a": ["1"], "b": ["2"]}),
        ("a|b\r\n1|2\r\n", {}, {"a": ["1"], "b": ["2"]}),
        ("a b\n1 2\n", {"separator": " "}, {"a": ["1"], "b": ["2"]}),
        ("\ufeffa,b\n1,2\n", {}, {"a": ["1"], "b": ["2"]}),
        ("1,x\n2,y\n", {}, {"column_1": ["1", "2"], "column_2": ["x", "y"]}),
        ("a,b\n1,2\n", {"header": False}, {"column_1": ["a", "1"], "column_2": ["b", "2"]}),
        ("1,2\n3,4\n", {"header": True}, {"1": ["3"], "2": ["4"]}),
        ("1,2\n3,4\n", {"header": ("x", "y")}, {"x": ["1", "3"], "y": ["2", "4"]}),
        (" a , b \n 1 , x y \n", {}, {"a": ["1"], "b": ["x y"]}),
        ("a,b\n?,NA\n,nan\n1,z\n", {}, {"a": [None, None, "1"], "b": [None, None, "z"]}),
        ("a,b\n?,-1\n", {"missing": ("-1",)}, {"a": [None], "b": [None]}),
        ("a,b\n?,-1\n", {"missing": ("", "-1")}, {"a": ["?"], "b": [None]}),
        ('a,b\n"x, y",2\n"p\nq","say ""no"""\n', {}, {"a": ["x, y", "p\nq"], "b": ["2", 'say "no"']}),
        ("a,b\n1,2\n\n3,4\n\n\n", {}, {"a": ["1", "3"], "b": ["2", "4"]}),
        ("\n\na,b\n1,2\n", {}, {"a": ["1"], "b": ["2"]}),
        ("größe,名\n1,ü\n", {}, {"größe": ["1"], "名": ["ü"]}),
        ("a,b\n1\n", {}, {"a": ["1"], "b": [None]}),
        ("only\nx\n", {}, {"only": ["x"]}),
    ],
)
def test_a_csv_is_read_as_it_is_written(content, options, expected, tmp_path):
    assert cells(file(tmp_path, content), **options) == expected


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 20])
def test_pieces_break_at_ends_of_lines_only(size, tmp_path):
    rows = "".join(f'{i},"line\n{i}, ""quoted"""\n' for i in range(50))
    path = file(tmp_path, "a,b\n" + rows)
    pieces = list(delimited.pieces(path, 1 << 20, size))
    assert b"".join(pieces).decode() == "a,b\n" + rows
    assert all(piece.count(b'"') % 2 == 0 and piece.endswith(b"\n") for piece in pieces)
    assert len(pieces) > 10 or size > 64


def test_a_file_in_pieces_is_the_same_as_whole(tmp_path, monkeypatch):
    path = file(tmp_path, "a,b\n" + "".join(f"{i},n{i}\n" for i in range(1000)))
    monkeypatch.setattr(delimited.pieces, "__defaults__", (500,))
    frames = list(table_file(path).frames())
    assert len(frames) > 5
    assert [frame.first for frame in frames][:1] == [1]
    assert frames[3].first == sum(map(len, frames[:3])) + 1
    assert frames[3]["a"].values[0] == str(frames[3].first - 1)
    assert cells(path)["b"] == [f"n{i}" for i in range(1000)]


def test_other_formats_hold_the_same(tmp_path):
    table = pl.DataFrame({"a": [1, 2], "b": ["x ", None]})
    table.write_parquet(tmp_path / "t.parquet")
    table.write_ndjson(tmp_path / "t.jsonl")
    file(tmp_path, gzip.compress(b"a,b\n1,x \n2,\n", mtime=0), "t.csv.gz")
    file(tmp_path, "a\tb\n1\tx, y\n", "t.tsv")
    for name in ("t.parquet", "t.jsonl"):
        assert cells(tmp_path / name) == {"a": [1, 2], "b": ["x", None]}
    assert cells(tmp_path / "t.csv.gz") == {"a": ["1", "2"], "b": ["x", None]}
    assert cells(tmp_path / "t.tsv") == {"a": ["1"], "b": ["x, y"]}


def test_what_is_found_out_can_be_settled(tmp_path):
    settled = table_file(file(tmp_path, "5;x\n6;y\n")).settled()
    assert (settled.separator, settled.header) == (";", ("column_1", "column_2"))
    assert cells(settled.path, separator=settled.separator, header=settled.header)["column_1"] == ["5", "6"]


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("t.csv", "", "t.csv: expected a header or samples in the first line, found nothing"),
        ("t.csv", "a,b\n", "t.csv: expected samples, found none"),
        ("t.csv", "a,b\n1,2\n3,4,5\n", "t.csv: line 3: expected 2 cells, found 3"),
        (
            "t.csv",
            "a,b\nö,2\n".encode() + b"\xff,3\n",
            "t.csv: expected UTF-8 text, found the byte 0xff in line 3",
        ),
        ("t.csv.gz", gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:-9], "t.csv.gz: the gzip stream ends too early"),
        ("t.jsonl", '{"a": 1}\n{"a": }\n', "t.jsonl: line 2: expected a JSON object, found broken JSON"),
        ("t.jsonl", '{"a": 1}\n[2]\n', "t.jsonl: line 2: expected a JSON object, found '[2]'"),
        ("t.csv", 'a,b\n1,2\n3,"4\n5,6\n', "t.csv: line 3: a quote is never closed; is the file cut off?"),
        ("t.csv", 'a,b\n1,2\n3,"4"5\n6,7\n', "t.csv: line 3: ',' expected after '\"'"),
        (
            "t.jsonl",
            '{"a": 1.5}\n{"a": NaN}\n',
            "t.jsonl: line 2: expected a JSON object, found broken JSON (NaN is",
        ),
        ("t.jsonl", '{"a": 1.5}\n{"a": 1e400}\n', "t.jsonl: line 2: expected a JSON object, found broken JSON (1e400"),
        (
            "t.jsonl",
            '{"a": 1, "b": 2}\n{"a": "x", "b": true}\n',
            't.jsonl: line 2: "b": expected a number as in',
        ),
        ("t.jsonl", "", "t.jsonl: expected samples, found none"),
        (
            "t.parquet",
            "no parquet",
            "t.parquet: expected Parquet, found text; if it is a table",
        ),
        ("t.ods", "a", "t.ods: expected a table (CSV, TSV, JSON lines, Parquet, Arrow, Excel or SQLite), found a name"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(name, content, text, tmp_path):
    path = file(tmp_path, content, name)
    assert told(lambda: table_file(path).read(), tmp_path).startswith(text)


@pytest.mark.parametrize("end", ["csv", "jsonl"])
@pytest.mark.parametrize(
    ("name", "what"), [("parquet", "a Parquet file"), ("arrow", "an Arrow file"), ("sqlite", "a SQLite database")]
)
def test_a_binary_table_under_the_name_of_a_text_is_known(tmp_path, name, what, end):
    path = tmp_path / f"t.{end}"
    table = pl.DataFrame({"a": [1.5] * 9, "é": ["ü"] * 9})
    if name == "sqlite":
        with contextlib.closing(sqlite3.connect(path)) as base, base:
            base.execute("create table t(a)")
    else:
        (table.write_parquet if name == "parquet" else table.write_ipc)(path)
    said = told(lambda: table_file(path).read(), tmp_path)
    assert f"found {what}; let its name end in .{name}" in said
    path.write_text("PAR1,b\n" + "1,2\n" * 9)
    if end == "csv":
        assert len(table_file(path).read()) == 9


def test_a_file_that_is_not_there_names_the_nearest(tmp_path):
    file(tmp_path, "a\n1\n", "housing.csv")
    text = told(lambda: table_file(tmp_path / "housnig.csv").read(), tmp_path)
    assert text == "housnig.csv: cannot be read: No such file or directory; did you mean housing.csv?"


def test_reading_is_bounded(tmp_path):
    path = file(tmp_path, "a\n" + "1\n" * 1000)
    assert "expected at most 100 bytes, found 2,002" in told(lambda: table_file(path).read(100), tmp_path)
    packed = file(tmp_path, gzip.compress(b"a\n" + b"1\n" * 100_000, mtime=0), "t.csv.gz")
    assert "expected at most 10,000 bytes; `stream: true`" in told(lambda: table_file(packed).read(10_000), tmp_path)


@pytest.mark.parametrize("header", [("a",), ("a", "b", "c")])
def test_given_names_are_one_a_column(header, tmp_path):
    path = file(tmp_path, "1,2\n")
    assert f"found {number_of(len(header), 'name')} for 2 columns" in told(
        lambda: table_file(path, header=header).read(), tmp_path
    )


# Cells


@pytest.mark.parametrize(
    ("content", "read", "text"),
    [
        ("a\n1\nten\n", "numbers", 't.csv: row 2: column "a": expected a number, found "ten"; if it is no'),
        ("a\n2024-01-01\n1.2.2024\n", "dates", 't.csv: row 2: column "a": expected a date such as 2024-12-31, found'),
        ("a\n" + "x" * 90 + "\n", "numbers", 't.csv: row 1: column "a": expected a number, found "' + "x" * 39 + "…"),
    ],
)
def test_a_cell_that_does_not_fit_is_named(content, read, text, tmp_path):
    frame = table_file(file(tmp_path, content)).read()
    assert told(getattr(frame["a"], read), tmp_path).startswith(text)


def test_rows_keep_their_numbers_when_picked(tmp_path):
    frame = table_file(file(tmp_path, "a\n1\nx\n3\ny\n")).read().take(np.array([2, 3]))
    assert "row 4" in told(frame["a"].numbers, tmp_path)


def test_an_unknown_column_names_the_nearest(tmp_path):
    frame = table_file(file(tmp_path, "age,name\n1,x\n")).read()
    assert told(lambda: frame["aeg"], tmp_path) == 't.csv: unknown column "aeg"; did you mean "age"? known: age, name'


# Arrays


def test_arrays_are_read_by_name(tmp_path):
    x, y = np.arange(12, dtype=">i4").reshape(3, 2, 2), np.array(["a", "b", "a"])
    np.savez(tmp_path / "s.npz", x=x, y=np.asfortranarray(y))
    np.savez_compressed(tmp_path / "c.npz", x_train=x, y_train=y, x_test=x[:1], y_test=y[:1])
    np.save(tmp_path / "x.npy", np.asfortranarray(x))
    np.save(tmp_path / "y.npy", y)
    for frame in (array_file(tmp_path / "s.npz").read(), array_file(tmp_path / "x.npy", tmp_path / "y.npy").read()):
        np.testing.assert_array_equal(frame.columns["x"], x)
        np.testing.assert_array_equal(frame.columns["y"], y)
        assert frame.columns["x"].dtype == np.int32
    assert sides_of(tmp_path / "c.npz") == {"train": "train", "test": "test"}
    assert sides_of(tmp_path / "s.npz") == {}
    np.savez(tmp_path / "v.npz", x_train=x, y_train=y, x_val=x[:2], y_val=y[:2])
    assert sides_of(tmp_path / "v.npz") == {"train": "train", "validation": "val"}
    assert len(array_file(tmp_path / "c.npz", side="test").read()) == 1


def npy(header):
    text = repr(header).encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def broken(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    np.save(tmp_path / "point.npy", np.float64(3))
    np.savez(tmp_path / "ragged.npz", x=np.zeros(3), y=np.zeros(2))
    lying = npy({"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    file(tmp_path, lying, "huge.npy")
    file(tmp_path, npy({"descr": "<f8", "fortran_order": False, "shape": (3,)}) + b"\0" * 23, "short.npy")
    file(tmp_path, npy({"descr": "<f8", "fortran_order": False, "shape": (-3,)}) + bytes(24), "negative.npy")
    file(tmp_path, npy("").replace(b"''", b"((") + bytes(24), "open.npy")
    file(tmp_path, b"text", "text.npy")
    file(tmp_path, b"text", "text.npz")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("x.npy", lying)
    file(tmp_path, content.getvalue(), "huge.npz")
    zipfile.ZipFile(tmp_path / "empty.npz", "w").close()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("objects.npy", "objects.npy: expected an array of numbers or text, found object"),
        ("point.npy", 'point.npy: array "x": expected a row a sample, found a single number'),
        ("none.npy", "none.npy: expected at least one sample, found none"),
        ("ragged.npz", "ragged.npz: expected columns of one length, found x has 3, y has 2"),
        ("huge.npy", "huge.npy: the header says shape (1000000000000,), 8,000,000,000,000 bytes; the file holds 128"),
        ("huge.npz", 'huge.npz: array "x": the header says shape (1000000000000,)'),
        ("short.npy", "short.npy: expected 24 bytes after the header, found 23"),
        ("negative.npy", "negative.npy: expected lengths of 0 or more in the header, found shape (-3,)"),
        ("open.npy", "open.npy: not an NPY file that NumPy wrote"),
        ("text.npy", "text.npy: expected NPY, found text; if it is a table"),
        ("text.npz", "text.npz: expected NPZ, found text; if it is a table"),
        ("empty.npz", "empty.npz: expected arrays, found none"),
        ("absent.npy", "absent.npy: cannot be read: No such file or directory"),
        (
            "x.mat",
            "x.mat: expected arrays (NPZ, NPY or IDX), found a name that ends in .mat; `ag data list` shows",
        ),
    ],
)
def test_what_is_wrong_with_arrays_is_said(name, text, tmp_path):
    broken(tmp_path)
    np.save(tmp_path / "none.npy", np.zeros((0, 4)))
    assert told(lambda: array_file(tmp_path / name).read(), tmp_path).startswith(text)


def test_nothing_is_unpickled(tmp_path):
    np.savez(tmp_path / "o.npz", x=np.array([print], object))
    with pytest.raises(DataError, match="expected an array of numbers or text, found object"):
        read_npz(tmp_path / "o.npz")
