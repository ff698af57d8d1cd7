"""Files that are not what their names say: one message says what a file is and what to do."""

from __future__ import annotations

import io
import sqlite3
import zipfile
from contextlib import closing

import numpy as np
import polars as pl
import pytest

from agcli.data.formats import FORMATS, array_file, table_file, text_of
from agcli.datasets import DataError
from agcli.datasets.signatures import SIGNATURES, signature

FRAME = pl.DataFrame({"a": [1, 2], "y": ["x", "z"]})


def zipped(name):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, "a,y\n1,2\n")
    return content.getvalue()


def binary(write, *values):
    content = io.BytesIO()
    write(content, *values)
    return content.getvalue()


def database(folder):
    with closing(sqlite3.connect(folder / "made")) as connection:
        connection.execute("create table t (a)")
    return (folder / "made").read_bytes()


CONTENTS = {
    "a web page": lambda _: b"\xef\xbb\xbf\n<!DOCTYPE html>\n<html><p>a,b,c</p></html>",
    "XML": lambda _: b"<?xml version='1.0'?>\n<rows><row a='1'/></rows>",
    "a PDF document": lambda _: b"%PDF-1.4\n%\xe2\xe3\n1 0 obj",
    "a Parquet file": lambda _: binary(FRAME.write_parquet),
    "an Arrow file": lambda _: binary(FRAME.write_ipc),
    "a SQLite database": database,
    "an NPY file": lambda _: binary(np.save, np.zeros(3)),
    "an NPZ file": lambda _: binary(np.savez, np.zeros(3)),
    "a ZIP archive": lambda _: zipped("t.csv"),
    "an Excel workbook": lambda _: zipped("[Content_Types].xml"),
    "a JSON array": lambda _: b'[{"a": 1},\n {"a": 2}]\n',
    "JSON": lambda _: b'{"a": 1}\n{"a": 2}\n',
    "a picture": lambda _: b"\x89PNG\r\n\x1a\n" + bytes(40),
    "a pointer of Git LFS, not the file itself": lambda _: b"version https://git-lfs.github.com/spec/v1",
    "text": lambda _: "a,y\n1,é\n".encode(),
}
SAME = {
    "csv": "text", "tsv": "text", "jsonl": "JSON", "parquet": "a Parquet file", "arrow": "an Arrow file",
    "xlsx": "an Excel workbook", "sqlite": "a SQLite database", "npz": "an NPZ file", "npy": "an NPY file",
}  # fmt: skip


@pytest.mark.parametrize("what", CONTENTS)
@pytest.mark.parametrize("end", SAME)
def test_a_file_that_is_something_else_is_called_by_its_name(tmp_path, what, end):
    path = tmp_path / f"t.{end}"
    path.write_bytes(CONTENTS[what](tmp_path))
    read = array_file if end in ("npz", "npy") else table_file
    if SAME[end] == what or (end == "jsonl" and what == "text"):  # whose reader says the line
        read(path)
        return
    with pytest.raises(DataError) as caught:
        read(path)
    name = next(row.name for row in FORMATS if f".{end}" in row.endings)
    advice = str(caught.value).removeprefix(f"{path}: expected {name}, found {what}; ")
    assert advice != str(caught.value)
    found = signature(path.read_bytes())
    ending = next((row.endings[0] for row in FORMATS if row.name == found.format), "")
    assert advice.endswith(found.advice or f"let its name end in {ending}")


def test_any_text_is_text(tmp_path):
    for what in ("a web page", "XML", "a JSON array", "text"):
        (tmp_path / "t.txt").write_bytes(CONTENTS[what](tmp_path))
        assert text_of(tmp_path / "t.txt")
    (tmp_path / "t.txt").write_bytes(b"%PDF-1.4\nplain so far")
    with pytest.raises(DataError, match=r"t\.txt: expected text, found a PDF document; save its table as CSV"):
        text_of(tmp_path / "t.txt")


def test_signatures_name_formats():
    known = {row.name for row in FORMATS}
    assert all(each.format in known or (each.advice and not each.format) for each in SIGNATURES)


def test_a_packed_file_is_looked_into(tmp_path):
    import gzip

    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"<html><body>404</body></html>"))
    with pytest.raises(DataError, match=r"t\.csv\.gz: expected CSV, found a web page"):
        table_file(tmp_path / "t.csv.gz")


def test_standard_input_is_looked_into(ag, tmp_path):
    (tmp_path / "t.csv").write_text("a,y\n" + "".join(f"{i},{i * 2}\n" for i in range(30)))
    spec = "data: {file: t.csv, target: y}\nmodel: [{dense: 1}]\nloss: mean_squared_error\ntrain: {epochs: 1}\n"
    (tmp_path / "s.yaml").write_text(spec)
    ag("train", tmp_path / "s.yaml", "--out", tmp_path / "run", "--quiet")
    done = ag("predict", tmp_path / "run", "-", input="<html><body>404</body></html>", check=2)
    assert "standard input: expected a table or arrays, found a web page; download the file itself" in done.stderr
    assert len(ag("predict", tmp_path / "run", "-", input='{"a": 1}\n').stdout.splitlines()) == 2
