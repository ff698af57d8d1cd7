"""Parquet, Arrow and JSON with columns of more than one value a sample; libraries that panic."""

import os
import random
from contextlib import suppress

import polars as pl
import pytest

from agcli.data.formats import table_file
from agcli.datasets import DataError, Ignore, Table, foreign

NESTED = pl.DataFrame(
    {
        "a": [1, 2],
        "meta": [{"x": 1}, {"x": 2}],
        "tags": [[1], [1, 2]],
        "words": [["p"], ["q"]],
        "v": [[1.5, 2.5], [3.5, 4.5]],
        "w": [[True, False], [False, True]],
        "raw": [b"1", b"2"],
        "y": ["no", "yes"],
    },
    schema_overrides={"v": pl.Array(pl.Float64, 2)},
)
TOLD = (
    'left out: "meta" (a structure of several values), "tags" (lists of different lengths), "words" (lists of text), '
    '"raw" (bytes); a column holds one value a sample'
)


def table(tmp_path, frame, name="t.parquet"):
    writers = {".parquet": frame.write_parquet, ".arrow": frame.write_ipc, ".arrows": frame.write_ipc_stream,
               ".jsonl": frame.write_ndjson, ".feather": frame.write_ipc}  # fmt: skip
    path = tmp_path / name
    writers[path.suffix](path)
    return table_file(path)


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.feather", "t.arrows"])
def test_nested_columns_are_numbers_or_left_out(name, tmp_path):
    file = table(tmp_path, NESTED, name)
    columns = file.read().columns
    known = {name: values.to_list() for name, values in columns.items() if values.dtype != pl.Null}
    assert known == {
        "a": [1, 2], "v_0": [1.5, 3.5], "v_1": [2.5, 4.5], "w_0": [True, False], "w_1": [False, True],
        "y": ["no", "yes"],
    }  # fmt: skip
    assert TOLD in file.notes
    assert 'column "v" holds 2 numbers a sample, which are v_0 to v_1' in file.notes


@pytest.mark.parametrize("named", [False, True])
def test_a_table_trains_beside_its_nested_columns(named, tmp_path):
    rows = pl.concat([NESTED] * 20)
    roles = {"meta": Ignore(), "raw": Ignore()} if named else {}
    data = Table(source=table(tmp_path, rows), target=("y",), columns=roles).read()
    assert data.features == ("a", "v_0", "v_1", "w_0", "w_1")
    assert TOLD in data.warnings
    assert not any('"meta" (empty)' in text for text in data.warnings)


def test_json_is_flattened_alike(tmp_path):
    frame = NESTED.drop("raw")
    file = table(tmp_path, frame, "t.jsonl")
    assert file.read().columns["v_1"].to_list() == [2.5, 4.5]
    assert '"meta" (a structure of several values)' in file.notes[0]


def test_arrays_of_several_dimensions_and_missing_ones(tmp_path):
    kind = pl.Array(pl.Array(pl.Int64, 2), 2)
    file = table(tmp_path, pl.DataFrame({"m": [[[1, 2], [3, 4]], None]}, schema={"m": kind}))
    assert {name: list(values) for name, values in file.read().columns.items()} == {
        "m_0": [1, None], "m_1": [2, None], "m_2": [3, None], "m_3": [4, None]
    }  # fmt: skip


def test_names_that_are_taken_and_lists_that_are_long_are_left_out(tmp_path):
    file = table(tmp_path, pl.DataFrame({"v": [[1, 2]], "v_1": [7], "long": [list(range(1_001))]}))
    assert file.read().columns["v_1"].to_list() == [7]
    assert 'there is a column "v_0" or the like' in file.notes[0]
    assert '"long" (1,001 numbers a sample; write them into an NPZ file)' in file.notes[0]


def test_an_old_feather_file_and_one_that_is_none(tmp_path):
    for content, text in (
        (b"FEA1\0\0\0\0", "it is Feather version 1"),
        (b"\0junk" * 9, "t.arrow: cannot be read as Arrow: "),
    ):
        (tmp_path / "t.arrow").write_bytes(content)
        with pytest.raises(DataError, match=text):
            table_file(tmp_path / "t.arrow").read()


def test_what_unpacks_to_too_much_is_refused(tmp_path):
    file = table(tmp_path, pl.DataFrame({"a": pl.repeat(1, 3_000_000, eager=True)}))
    assert file.path.stat().st_size < 100_000
    with pytest.raises(DataError, match="expected at most 500,000 bytes unpacked, found more"):
        file.read(100_000)


# Panics


class PanicException(BaseException):
    """As pyo3 has it."""


def test_a_panic_is_an_error_like_others_and_its_own_words_are_not_shown(tmp_path, capfd):
    def panic():
        with foreign.reading(tmp_path / "t", "Parquet"):
            os.write(2, b"thread '<unnamed>' panicked\n")
            raise PanicException("index out of bounds")

    with pytest.raises(DataError, match=r"t: cannot be read as Parquet: it is damaged \(index out of bounds\)"):
        panic()
    assert capfd.readouterr().err == ""


def test_what_else_was_written_is_passed_on(tmp_path, capfd):
    def fail():
        with foreign.reading(tmp_path / "t", "Parquet"):
            os.write(2, b"a word of another thread\n")
            raise ValueError("no")

    with pytest.raises(DataError, match="t: cannot be read as Parquet: no"):
        fail()
    assert capfd.readouterr().err == "a word of another thread\n"


def test_an_interruption_stays_one(tmp_path):
    with pytest.raises(KeyboardInterrupt), foreign.reading(tmp_path / "t", "Parquet"):
        raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow"])
def test_damaged_files_are_one_message(name, tmp_path, capfd):
    file = table(tmp_path, NESTED, name)
    whole, draw = file.path.read_bytes(), random.Random(0)
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(draw.randrange(1, 4)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        file.path.write_bytes(damaged)
        with suppress(DataError):
            table_file(file.path).read()
    assert capfd.readouterr().err == ""
