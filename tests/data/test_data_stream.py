"""Streams: tables that stay on disk train like those in memory, and in memory that does not grow with the file."""

import os
import subprocess
import sys

import numpy as np
import pytest

from agcli.datasets import Batches, DataError, Table, TableFile, Tail

COLUMNS = 40
# Trains like `ag` does, a batch at a time, and prints by how many bytes the process grew beyond what it had with
# all libraries loaded and a small file read.
TRAIN = r"""
import re, sys
from pathlib import Path
from agcli.datasets import Batches, Table, TableFile

def peak():
    return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])

def walk(path):
    data = Table(source=TableFile(Path(path)), target=("y",), stream=True).read()
    total = 0.0
    for epoch in range(2):
        for batch in Batches(data.train, 256).epoch(epoch):
            total += float(batch.x.sum())
    return len(data.train)

walk(sys.argv[1])
before = peak()
print(walk(sys.argv[2]), peak() - before)
"""


def written(path, rows):
    import polars as pl

    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"c{i}": rng.random(rows) for i in range(COLUMNS)} | {"y": rng.integers(0, 3, rows)})
    frame.write_parquet(path, row_group_size=20_000) if path.suffix == ".parquet" else frame.write_csv(path)
    return path


def grown(small, large, tmp_path):
    env = os.environ | {"POLARS_MAX_THREADS": "2", "AG_CACHE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", TRAIN, small, large], env=env, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return tuple(map(int, done.stdout.split()))


@pytest.mark.only(sys.platform == "linux")  # the peak of a process is read from /proc
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_memory_does_not_grow_with_the_file(suffix, tmp_path):
    small = written(tmp_path / f"small{suffix}", 20_000)
    large = written(tmp_path / f"large{suffix}", 400_000)
    samples, bytes_more = grown(small, large, tmp_path)
    assert 310_000 < samples < 330_000
    assert large.stat().st_size > 120e6
    assert bytes_more < 250e6, f"{bytes_more / 1e6:.0f} MB"  # 400 to 1,300 MB if all were read at once


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    rows = (f"{i % 17}.5,{'rgb'[i % 3]},{'uv'[i % 17 > 8]}\n" for i in range(3_000))
    path.write_text("a,color,k\n" + "".join(rows))
    return path


def read(path, stream, **options):
    return Table(source=TableFile(path), target=("k",), stream=stream, **options).read()


def test_a_stream_holds_the_same_samples(table, monkeypatch):
    from agcli.datasets import delimited

    whole = read(table, False, split=Tail(test=0.1))
    monkeypatch.setattr(delimited, "PIECE", 1_000)
    streamed = read(table, True, split=Tail(test=0.1))
    for side in ("train", "test"):
        np.testing.assert_allclose(streamed[side].x, whole[side].x, atol=1e-6)
        np.testing.assert_array_equal(streamed[side].y, whole[side].y)
    assert streamed.fitted.classes == whole.fitted.classes
    assert streamed.settled.stream


def test_batches_of_a_stream_hold_every_sample_once(table):
    data = read(table, True)
    assert data.train.release is not None
    for epoch in (0, 1):
        batches = [batch.rows for batch in Batches(data.train, 100).epoch(epoch)]
        assert sorted(np.concatenate(batches)) == list(range(len(data.train)))
    balanced = Batches(data.train, 100, balanced=True)
    labels = np.concatenate([batch.y.copy() for batch in balanced.epoch()])
    assert abs(int((labels == 0).sum()) - int((labels == 1).sum())) <= 1


def test_the_folder_for_encoded_samples_is_checked(table, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AG_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(DataError, match="cannot make the cache folder"):
        read(table, True)
