"""Packed files: streams that are bounded like plain files, whatever packed them; and paths that are no files."""

import bz2
import gzip
import lzma
import os
import random
import socket
import stat
import tracemalloc

import numpy as np
import polars as pl
import pytest

from agcli.data.formats import PACKINGS, array_file, table_file, text_of
from agcli.datasets import DataError, compressed
from agcli.datasets.compressed import content
from agcli.datasets.files import size_of
from agcli.spec import SpecError, read_spec

pytestmark = pytest.mark.sampled(3)  # each takes a while; the full check runs all

SAMPLES = pl.DataFrame({"a": [1, 2], "b": ["x", "y"]})
BOMB = 64 << 20  # bytes


def zstandard(data):
    return pytest.importorskip("zstandard", reason="the extra zstd is not installed").compress(data)


PACK = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstandard}


def test_there_is_a_packer_for_each_packing():
    assert PACK.keys() == PACKINGS.keys()


@pytest.fixture(params=PACK)
def packing(request):
    PACK[request.param](b"")  # skips
    return request.param


def told(call):
    with pytest.raises(DataError) as caught:
        call()
    return str(caught.value)


def test_every_kind_of_file_may_be_packed(packing, tmp_path):
    pack = PACK[packing]
    (tmp_path / f"t.csv{packing}").write_bytes(pack(SAMPLES.write_csv().encode()))
    (tmp_path / f"t.jsonl{packing}").write_bytes(pack(SAMPLES.write_ndjson().encode()))
    for name, write in (("parquet", SAMPLES.write_parquet), ("arrow", SAMPLES.write_ipc)):
        write(tmp_path / f"t.{name}")
        (tmp_path / f"t.{name}{packing}").write_bytes(pack((tmp_path / f"t.{name}").read_bytes()))
    for name in ("csv", "jsonl", "parquet", "arrow"):
        frame = table_file(tmp_path / f"t.{name}{packing}").read()
        assert [int(value) for value in frame.columns["a"]] == [1, 2]
        assert frame.columns["b"].to_list() == ["x", "y"]
    np.save(tmp_path / "x.npy", np.arange(6).reshape(3, 2))
    (tmp_path / f"x.npy{packing}").write_bytes(pack((tmp_path / "x.npy").read_bytes()))
    np.testing.assert_array_equal(
        array_file(tmp_path / f"x.npy{packing}").read().columns["x"], [[0, 1], [2, 3], [4, 5]]
    )
    (tmp_path / f"t.txt{packing}").write_bytes(pack("größer".encode()))
    assert text_of(tmp_path / f"t.txt{packing}") == "größer"


def test_streams_that_follow_each_other_are_one_file(packing, tmp_path):
    path = tmp_path / "t"
    path.write_bytes(PACK[packing](b"a\n1\n") + PACK[packing](b"2\n"))
    assert content(path, 100) == b"a\n1\n2\n"


def test_no_cut_of_a_packed_file_is_taken_for_a_whole_one(packing, tmp_path):
    draw = random.Random(0)
    text = bytes(draw.randrange(65, 91) for _ in range(3_000)) + bytes(100_000)
    packed = PACK[packing](text)
    path = tmp_path / "t"
    path.write_bytes(packed)
    assert content(path, 1 << 20) == text
    for end in sorted({*draw.sample(range(8, len(packed)), 40), len(packed) - 1}):
        path.write_bytes(packed[:end])
        assert "stream ends too early" in told(lambda: content(path, 1 << 20))


def test_a_damaged_stream_is_one_message(packing, tmp_path):
    path = tmp_path / "t.csv"
    packed = bytearray(PACK[packing](b"text " * 400))
    packed[8:24] = bytes(byte ^ 0xFF for byte in packed[8:24])
    path.write_bytes(packed)
    assert f"{path}: damaged " in told(lambda: content(path, 1 << 20))


def test_a_bomb_costs_no_more_than_is_allowed(packing, tmp_path):
    path = tmp_path / f"t.csv{packing}"
    path.write_bytes(PACK[packing](b"a\n" + b"1\n" * (BOMB // 2)))
    assert path.stat().st_size < BOMB // 50
    table = table_file(path)
    content(path, 1 << 30)
    tracemalloc.start()
    try:
        assert "expected at most 1,000,000 bytes" in told(lambda: table.read(1_000_000))
        assert "expected at most 1,000,000 bytes unpacked" in told(lambda: content(path, 1_000_000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < BOMB


def test_without_the_package_zstandard_the_message_says_what_to_install(tmp_path, monkeypatch):
    def absent():
        raise ImportError

    packings = (*compressed.PACKINGS[:-1], compressed.Packing("Zstandard", compressed.PACKINGS[-1].start, absent))
    monkeypatch.setattr(compressed, "PACKINGS", packings)
    (tmp_path / "t.csv.zst").write_bytes(compressed.PACKINGS[-1].start + b"any")
    assert 'pip install "agcli[zstd]"' in told(lambda: table_file(tmp_path / "t.csv.zst").read())


# What is no file


@pytest.fixture(params=["a named pipe", "a socket", "a folder", "a device"])
def no_file(request, tmp_path):
    path = tmp_path / "t.csv"
    if request.param == "a named pipe":
        os.mkfifo(path)
    elif request.param == "a socket":
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(path))
    elif request.param == "a folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
        assert stat.S_ISCHR(path.stat().st_mode)
    return path, request.param


@pytest.mark.only(hasattr(os, "mkfifo"))
def test_what_is_no_file_is_told_and_never_waited_for(no_file):
    path, kind = no_file
    assert told(lambda: size_of(path)) == f"{path}: expected a file, found {kind}"
    for ending in (".csv", ".jsonl", ".parquet", ".arrow", ".xlsx", ".db"):
        renamed = path.rename(path.with_suffix(ending))
        path = renamed
        if kind != "a folder":
            assert "found " + kind in told(lambda p=renamed: table_file(p).read())
    for ending in (".npy", ".npz", ".idx"):
        path = path.rename(path.with_suffix(ending))
        assert "found " + kind in told(lambda p=path: array_file(p).read())
    path = path.rename(path.with_suffix(".txt"))
    assert "found " + kind in told(lambda: text_of(path))
    with pytest.raises(SpecError, match="expected a spec file, found a "):
        read_spec(path.rename(path.with_suffix(".yaml")))
