"""IDX, the format of MNIST: a magic number, big-endian dimensions, then the numbers row by row.

Source: Y. LeCun, "The IDX file format", on the MNIST page. Byte 2 of the magic is the type, byte 3 the rank.
"""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from .compressed import Unpacked, opened
from .errors import DataError
from .files import size_of

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_RANK = 8


def read_idx(path: str | os.PathLike[str], max_bytes: int = 1 << 31) -> npt.NDArray[Any]:
    """Read an IDX file, plain or packed (told by its first bytes), into an array of native byte order.

    Memory is bounded by what the header says, which is bounded by `max_bytes` and by what the file's size can
    hold; a byte more or less than the header says is a DataError that names the file.
    """
    file = Path(path)
    size = size_of(file)
    try:
        with opened(file) as raw:
            most = size * raw.packing.ratio if isinstance(raw, Unpacked) else size
            return _read(raw, min(max_bytes, most))
    except DataError as error:
        known = str(error).removeprefix(f"{file}: ")
        raise DataError(f"{file}: {known}") from None


def _read(file: IO[bytes], limit: int) -> npt.NDArray[Any]:
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


def _header(file: IO[bytes]) -> tuple[np.dtype[Any], tuple[int, ...]]:
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


def _fill(file: IO[bytes], buffer: memoryview) -> int:
    """Read until the buffer is full or the file ends; returns the number of bytes that were read."""
    done = 0
    while done < len(buffer):
        count = cast(Any, file).readinto(buffer[done:])
        if not count:
            break
        done += count
    return done
