"""The same samples in a file of each format, packed if its ending says so."""

import bz2
import gzip
import lzma
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from books import write_book
from click.testing import CliRunner

from agcli.cli import ag
from agcli.data import formats

X = np.arange(120, dtype=np.float32).reshape(40, 3) % 7
Y = (X[:, 0] > 3).astype(np.uint8)
SAMPLES = pl.DataFrame(X, schema=["a", "b", "c"]).with_columns(kind=pl.Series(np.array(["low", "high"])[Y]))
WORDS = "the quick brown fox jumps over the lazy dog. " * 20


def idx(array, code):
    return bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def saved(save, *args, **arrays):
    def write(path):
        with path.open("wb") as file:
            save(file, *args, **arrays)

    return write


def database(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table samples (a, b, c, kind)")
        connection.executemany("insert into samples values (?, ?, ?, ?)", SAMPLES.rows())


# A row a format, as there is in the table: what writes the samples, and of arrays the targets, into a file.
WRITERS = {
    "CSV": lambda path: path.write_text(SAMPLES.write_csv()),
    "TSV": lambda path: path.write_text(SAMPLES.write_csv(separator="\t")),
    "JSON lines": lambda path: path.write_text(SAMPLES.write_ndjson()),
    "Parquet": SAMPLES.write_parquet,
    "Arrow": lambda path: (SAMPLES.write_ipc_stream if path.suffix.lower() == ".arrows" else SAMPLES.write_ipc)(path),
    "Excel": lambda path: write_book(path, {"samples": [SAMPLES.columns, *SAMPLES.rows()]}),
    "SQLite": database,
    "NPZ": saved(np.savez, x=X, y=Y),
    "NPY": saved(np.save, X),
    "IDX": lambda path: path.write_bytes(idx(X.astype(">f4"), 0x0D)),
    "text": lambda path: path.write_text(WORDS),
}


def zstandard(content):
    return pytest.importorskip("zstandard", reason="the extra zstd is not installed").compress(content)


PACK = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "Zstandard": zstandard}


def write(row, folder, ending):
    """A file of a format; packed if its ending says so."""
    path = Path(folder) / f"samples{ending}"
    WRITERS[row.name](path)
    pack = PACK.get(formats.packing_of(path.name))
    if pack is not None:
        path.write_bytes(pack(path.read_bytes()))
    return path


def run(*args):
    """A command in this process: exit code and all that it says."""
    done = CliRunner().invoke(ag, list(map(str, args)), env={"CI": "true"})
    if done.exception is None or isinstance(done.exception, SystemExit):
        return done.exit_code, done.output
    if not hasattr(done.exception, "exit_code"):
        raise done.exception
    return done.exception.exit_code, str(done.exception)
