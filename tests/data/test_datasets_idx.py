"""The IDX reader: what it reads, and how it refuses what is damaged."""

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from agcli.datasets import DataError, read_idx

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def header(code: int, *shape: int) -> bytes:
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


def idx(values: np.ndarray) -> bytes:
    return header(CODES[values.dtype.str[1:]], *values.shape) + values.astype(values.dtype.newbyteorder(">")).tobytes()


def written(folder: Path, content: bytes) -> Path:
    path = folder / "file-idx"
    path.write_bytes(content)
    return path


IMAGES = idx(np.arange(24, dtype="u1").reshape(2, 3, 4))


@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (0, 28, 28), (1, 1, 1, 1, 1, 1, 1, 2)])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_every_type_and_rank_comes_back(tmp_path, dtype, shape, pack):
    values = (np.arange(np.prod(shape)) - (0 if dtype == "u1" else 3)).astype(dtype).reshape(shape)
    found = read_idx(written(tmp_path, pack(idx(values))))
    np.testing.assert_array_equal(found, values)
    assert found.dtype == np.dtype(dtype)
    assert found.dtype.isnative


@pytest.mark.parametrize("cut", [0, 1, 16, 20, 40])
@pytest.mark.parametrize("filled", [b"", bytes(100)])
def test_a_packed_file_may_have_several_members_and_end_in_zeros(tmp_path, cut, filled):
    content = gzip.compress(IMAGES[:cut]) + filled + gzip.compress(IMAGES[cut:]) + filled
    np.testing.assert_array_equal(read_idx(written(tmp_path, content)), np.arange(24).reshape(2, 3, 4))


def test_large_files_come_in_pieces(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (3, 500_000)).astype("u1")
    np.testing.assert_array_equal(read_idx(written(tmp_path, gzip.compress(idx(values), 1))), values)


PACKED = gzip.compress(IMAGES, mtime=0)
FLIPPED = bytearray(PACKED)
FLIPPED[-6] ^= 0xFF  # the stored checksum


DAMAGED = {
    "empty file": (b"", "not an IDX file"),
    "cut in the magic": (b"\0\0\x08", "not an IDX file"),
    "text": (b"5.1,3.5,1.4,0.2,setosa\n", r"not an IDX file: .* found b'5\.1,'"),
    "unknown type": (header(0x0A, 3) + bytes(3), "unknown IDX type 0x0a; known: 0x08"),
    "rank 0": (header(0x08) + b"\1", "expected 1 to 8 dimensions, found 0"),
    "rank 9": (header(0x08, *[1] * 9) + b"\1", "expected 1 to 8 dimensions, found 9"),
    "cut in the sizes": (IMAGES[:14], "header ends too early: expected 3 dimensions of 4 bytes, found 10 bytes"),
    "one byte short": (gzip.compress(IMAGES[:-1]), r"expected 24 bytes .* shape \(2, 3, 4\), found 23"),
    "one byte short, plain": (IMAGES[: 16 + 7], r"shape \(2, 3, 4\), 24 bytes; at most 23 are possible"),
    "one byte more": (IMAGES + b"\0", "expected 24 bytes .* found more"),
    "one byte more, packed": (gzip.compress(IMAGES + b"\0"), "expected 24 bytes .* found more"),
    "header of terabytes": (header(0x0E, 1 << 20, 1 << 20) + bytes(9), "8,796,093,022,208 bytes; at most 21 are"),
    "sizes beyond 64 bits": (header(0x08, *[0xFFFFFFFF] * 8), "at most 36 are possible"),
    "empty but too large": (header(0x08, 0, *[0xFFFFFFFF] * 7), "which is too large"),
    "packed header of gigabytes": (gzip.compress(header(0x08, 1 << 30) + bytes(99)), "at most .* are possible"),
    "cut gzip": (PACKED[:-9], "gzip stream ends too early"),
    "cut gzip header": (PACKED[:5], "gzip stream ends too early"),
    "wrong checksum": (bytes(FLIPPED), r"damaged gzip stream \(.*incorrect data check"),
    "broken deflate": (PACKED[:10] + b"\xff" * 20, "damaged gzip stream"),
    "junk after gzip": (PACKED + b"junk", "damaged gzip stream"),
}


@pytest.mark.parametrize(("content", "text"), DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_file_is_refused_by_name(tmp_path, content, text):
    path = written(tmp_path, content)
    with pytest.raises(DataError, match=text) as caught:
        read_idx(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("cut", range(len(PACKED)))
def test_every_cut_of_a_packed_file_is_refused(tmp_path, cut):
    with pytest.raises(DataError):
        read_idx(written(tmp_path, PACKED[:cut]))


def test_a_bomb_takes_no_more_memory_than_its_header_says(tmp_path):
    path = written(tmp_path, gzip.compress(header(0x08, 1000) + bytes(50_000_000)))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"expected 1,000 bytes .* found more"):
            read_idx(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_the_limit_is_the_callers(tmp_path):
    path = written(tmp_path, IMAGES)
    assert read_idx(path, max_bytes=24).size == 24
    with pytest.raises(DataError, match="24 bytes; at most 23 are possible or allowed"):
        read_idx(path, max_bytes=23)


@pytest.mark.parametrize(
    ("name", "text"), [("nowhere", "cannot be read: No such file"), (".", "expected a file, found a folder")]
)
def test_what_cannot_be_opened_is_refused_by_name(tmp_path, name, text):
    with pytest.raises(DataError, match=text):
        read_idx(tmp_path / name)
