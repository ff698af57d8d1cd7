"""Files of arrays: NPZ, NPY and IDX, as columns with a row a sample. Nothing in them is executed, all is bounded."""

from __future__ import annotations

import math
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError  # which NumPy lets pass
from typing import IO, Any

import numpy as np

from .compressed import seekable
from .dataset import Array
from .errors import DataError
from .files import UNBOUNDED, check_size, size_of
from .frame import Frame
from .idx import read_idx
from .tabular import MAX_BYTES, first_bytes

MAX_ARRAYS = 1_000
SIDES = {"train": ("train",), "validation": ("validation", "valid", "val"), "test": ("test",)}  # ends of names
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


@dataclass(frozen=True)
class Reader:
    """How the arrays of a format are read: a function of a path, for an array that is called x, or arrays by name."""

    read: Callable[[Path], Any]

    def arrays(self, path: Path, end: str) -> dict[str, Array]:
        """The arrays by name; with `end`, those whose name ends so, without it."""
        found = self.read(path)
        arrays = dict(found) if isinstance(found, Mapping) else {"x": found}
        for name, array in arrays.items():
            if not isinstance(array, np.ndarray):
                raise DataError(f'{path}: array "{name}": expected an array of NumPy, found {type(array).__name__}')
        return {str(n).removesuffix(end): array for n, array in arrays.items() if str(n).endswith(end)}


class Npz(Reader):
    """NPZ, of which only the arrays that are wanted are read."""

    def arrays(self, path: Path, end: str) -> dict[str, Array]:
        return read_npz(path, end)


@dataclass(frozen=True)
class ArrayFile:
    """The arrays of an NPZ file; or one array `x`, and `y` from a file of its own.

    With `side` ("train" or "test", say), only arrays whose name ends in it count, as in `x_train`.
    """

    path: Path
    target_path: Path | None = None
    side: str = ""
    reader: Reader | None = None
    target_reader: Reader | None = None

    def settled(self) -> ArrayFile:
        """The same: nothing about such a file is open."""
        return self

    def read(self, *, may_be_empty: bool = False) -> Frame:
        """All samples."""
        arrays = (self.reader or by_content(self.path)).arrays(self.path, f"_{self.side}" if self.side else "")
        if self.target_path is not None:
            targets = (self.target_reader or by_content(self.target_path)).arrays(self.target_path, "")
            if len(targets) != 1:
                raise DataError(f"{self.target_path}: expected one array, found {len(targets)}: {', '.join(targets)}")
            arrays["y"] = next(iter(targets.values()))
        for name, array in arrays.items():
            if not array.ndim:
                raise DataError(f'{self.path}: array "{name}": expected a row a sample, found a single number')
        if not all(map(len, arrays.values())) and not may_be_empty:
            raise DataError(f"{self.path}: expected at least one sample, found none")
        return Frame(str(self.path), arrays)

    def head(self) -> Frame:
        """The same as all of them."""
        return self.read()

    def frames(self) -> Iterator[Frame]:
        """All samples, in one piece."""
        yield self.read()


def sides_of(path: Path) -> dict[str, str]:
    """The parts that an NPZ file tells apart -> the ends of their arrays' names: `x_train`, `x_test` and so on.

    Empty for a file that does not. Samples for validation are called `x_validation`, `x_valid` or `x_val`.
    """
    if known_content(path) is not NPZ:
        return {}
    names = [Path(info.filename).stem for info in _listed(path)]
    ends = {part: next((end for end in ends if _ends(names, end)), "") for part, ends in SIDES.items()}
    there = {part: end for part, end in ends.items() if end}
    return there if {"train", "test"} <= set(there) or {"train", "validation"} <= set(there) else {}


def _ends(names: list[str], end: str) -> bool:
    return any(name.endswith(f"_{end}") for name in names)


def read_npy(path: Path) -> Array:
    """The array of an NPY file."""
    check_size(path, MAX_BYTES)
    with seekable(path, MAX_BYTES) as place:
        if not isinstance(place, Path):
            return _npy(place, len(place.getvalue()), str(path))
        try:
            with place.open("rb") as file:
                return _npy(file, size_of(place), str(path))
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


def read_npz(path: Path, end: str = "") -> dict[str, Array]:
    """The arrays of an NPZ file by name; with `end`, those whose name ends so, without it."""
    arrays = {}
    entries = [info for info in _listed(path) if Path(info.filename).stem.endswith(end)]
    if sum(info.file_size for info in entries) > MAX_BYTES:
        raise DataError(f"{path}: expected at most {MAX_BYTES:,} bytes of arrays, found more")
    try:
        with zipfile.ZipFile(path) as archive:
            for info in entries:
                name = Path(info.filename).stem.removesuffix(end)
                with archive.open(info) as file:
                    arrays[name] = _npy(file, info.file_size, f'{path}: array "{name}"')
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path}: damaged NPZ file ({error})") from None
    if not arrays:
        raise DataError(f"{path}: expected arrays, found none")
    return arrays


def _listed(path: Path) -> list[zipfile.ZipInfo]:
    check_size(path, MAX_BYTES)
    try:
        with zipfile.ZipFile(path) as archive:
            found = [info for info in archive.infolist() if info.filename.endswith(".npy")]
    except (OSError, zipfile.BadZipFile, NotImplementedError, struct.error, ValueError) as error:
        raise DataError(f"{path}: expected an NPZ file, found something else ({error})") from None
    if len(found) > MAX_ARRAYS:
        raise DataError(f"{path}: expected at most {MAX_ARRAYS:,} arrays, found {len(found):,}")
    return found


def _npy(file: IO[bytes], size: int, where: str) -> Array:
    """An array, whose header may not promise more than the file holds; arrays of Python objects are refused."""
    try:
        version = np.lib.format.read_magic(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of headers that Python 2 wrote
            shape, by_column, dtype = _HEADERS[version](file)
    except (ValueError, KeyError, TypeError, SyntaxError, RecursionError, MemoryError, EOFError, TokenError) as error:
        raise DataError(f"{where}: not an NPY file that NumPy wrote ({str(error)[:80]})") from None
    if dtype.hasobject or dtype.fields:
        raise DataError(f"{where}: expected an array of numbers or text, found {dtype}")
    if any(isinstance(length, bool) or not 0 <= length < 1 << 62 for length in shape):
        raise DataError(f"{where}: expected lengths of 0 or more in the header, found shape {shape}")
    expected = math.prod(shape) * dtype.itemsize
    if expected > size:
        raise DataError(f"{where}: the header says shape {shape}, {expected:,} bytes; the file holds {size:,}")
    content = file.read(expected + 1)
    if len(content) != expected:
        raise DataError(f"{where}: expected {expected:,} bytes after the header, found {len(content):,}")
    array: Array = np.frombuffer(content, dtype).reshape(shape, order="F" if by_column else "C")
    return array.astype(_native(dtype), copy=False)


def _native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype.newbyteorder("=")


NPZ, NPY, IDX = Npz(read_npz), Reader(read_npy), Reader(read_idx)
_STARTS = {b"PK": NPZ, b"\x93NUMPY": NPY, b"\0\0": IDX}


def known_content(path: Path) -> Reader | None:
    """The reader for a file of arrays, told by its first bytes; None if they are of none."""
    start = first_bytes(path)
    return next((reader for beginning, reader in _STARTS.items() if start.startswith(beginning)), None)


def by_content(path: Path) -> Reader:
    """The same. Raises DataError for a file that holds no arrays."""
    check_size(path, UNBOUNDED)
    found = known_content(path)
    if found is None:
        raise DataError(f"{path}: expected arrays (NPZ, NPY or IDX), found something else", ("file",))
    return found
