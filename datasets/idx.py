"""IDX, the format of MNIST: a magic number, big-endian dimensions, then the numbers row by row.

Source: Y. LeCun, "The IDX file format", on the MNIST page. Byte 2 of the magic is the type, byte 3 the rank.
"""

from __future__ import annotations

import io
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import DataError

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_RANK = 8
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP = 31  # what zlib calls the format: the largest window, with header, length and checksum
_PIECE = 1 << 19
_MAX_RATIO = 1040  # deflate packs at most 1032 to 1; the rest is room for gzip's own header


def read_idx(path: str | os.PathLike[str], max_bytes: int = 1 << 31) -> npt.NDArray[Any]:
    """Read an IDX file, plain or gzipped (told by its first bytes), into an array of native byte order.

    Memory is bounded by what the header says, which is bounded by `max_bytes` and by what the file's size can
    hold; a byte more or less than the header says is a DataError that names the file.
    """
    file = Path(path)
    try:
        size = file.stat().st_size
        with file.open("rb") as raw:
            if raw.read(2) != _GZIP_MAGIC:
                raw.seek(0)
                return _read(raw, min(max_bytes, size))
            raw.seek(0)
            return _read(_Unpacked(raw), min(max_bytes, size * _MAX_RATIO))
    except EOFError:
        raise DataError(f"{file}: the gzip stream ends too early; fetch the file again") from None
    except zlib.error as error:
        raise DataError(f"{file}: damaged gzip stream ({error}); fetch the file again") from None
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror or error}") from None
    except DataError as error:
        raise DataError(f"{file}: {error}") from None


class _Unpacked:
    """A gzipped file as it is unpacked, in large pieces; `gzip.GzipFile` takes small ones, and half as long again."""

    def __init__(self, raw: io.BufferedReader) -> None:
        self.raw = raw
        self.member = zlib.decompressobj(_GZIP)

    def read(self, count: int) -> bytes:
        """So many bytes, or what is left of them."""
        found = b""
        while len(found) < count and (more := self._some(count - len(found))):
            found += more
        return found

    def readinto(self, buffer: memoryview) -> int:
        """Put some bytes into the buffer; how many, 0 at the end."""
        found = self._some(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def _some(self, most: int) -> bytes:
        while True:
            if self.member.eof:  # its checksum was right; another member may follow, or zeros that fill a block
                rest = self.member.unused_data.lstrip(b"\0") or self.raw.read(_PIECE).lstrip(b"\0")
                if not rest:
                    return b""
                self.member = zlib.decompressobj(_GZIP)
            else:
                rest = self.member.unconsumed_tail or self.raw.read(_PIECE)
                if not rest:
                    raise EOFError
            found = self.member.decompress(rest, most)
            if found:
                return found


_File = io.BufferedReader | _Unpacked


def _read(file: _File, limit: int) -> npt.NDArray[Any]:
    dtype, shape = _header(file)
    expected = math.prod(shape) * dtype.itemsize
    if expected > limit:
        raise DataError(f"the header says shape {shape}, {expected:,} bytes; at most {limit:,} are possible or allowed")
    try:
        values = np.empty(shape, dtype)
    except ValueError:  # a size of 0 hides sizes whose product no address can hold
        raise DataError(f"the header says shape {shape}, which is too large") from None
    found = _fill(file, values.reshape(-1).view(np.uint8).data)
    if found < expected:
        raise DataError(f"expected {expected:,} bytes after the header for shape {shape}, found {found:,}")
    if file.read(1):  # reading past the end also makes gzip verify its checksum
        raise DataError(f"expected {expected:,} bytes after the header for shape {shape}, found more")
    return values.astype(dtype.newbyteorder("="), copy=False)


def _header(file: _File) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise DataError(f"not an IDX file: expected two zero bytes, a type and a rank, found {magic!r}")
    code, rank = magic[2:]
    if code not in _TYPES:
        known = ", ".join(f"0x{known:02x}" for known in _TYPES)
        raise DataError(f"unknown IDX type 0x{code:02x}; known: {known}")
    if not 1 <= rank <= _MAX_RANK:
        raise DataError(f"expected 1 to {_MAX_RANK} dimensions, found {rank}")
    sizes = file.read(4 * rank)
    if len(sizes) < 4 * rank:
        raise DataError(f"the header ends too early: expected {rank} dimensions of 4 bytes, found {len(sizes)} bytes")
    return np.dtype(_TYPES[code]), struct.unpack(f">{rank}I", sizes)


def _fill(file: _File, buffer: memoryview) -> int:
    """Read until the buffer is full or the file ends; returns the number of bytes that were read."""
    done = 0
    while done < len(buffer):
        count = file.readinto(buffer[done:])
        if not count:
            break
        done += count
    return done
