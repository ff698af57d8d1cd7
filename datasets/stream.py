"""Tables larger than memory: read in pieces, encoded into a temporary file, which batches read as a memory map."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import numpy as np

from .dataset import Array, Split
from .errors import DataError
from .frame import Frame
from .preprocessing import Recipe
from .splits import PARTS


class Disk:
    """Encoded samples in files without a name, one an array; they are gone when nothing reads them any more."""

    def __init__(self, folder: Path | None, files: ExitStack) -> None:
        self.folder, self.opened = folder, files
        self.files: dict[str, IO[bytes]] = {}
        self.kinds: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}
        self.count = 0

    def add(self, arrays: Mapping[str, Array]) -> None:
        """Write the arrays of some more samples."""
        try:
            for name, array in arrays.items():
                if name not in self.files:
                    self.files[name] = self.opened.enter_context(_temporary(self.folder))
                    self.kinds[name] = array.dtype, array.shape[1:]
                self.files[name].write(np.ascontiguousarray(array).data)
        except OSError as error:
            where = self.folder or tempfile.gettempdir()
            raise DataError(f"{where}: cannot be written: {error.strerror}; AG_CACHE names another folder") from None
        self.count += len(next(iter(arrays.values())))

    def split(self, recipe: Recipe) -> Split:
        """The samples as a split on disk."""
        maps = {name: _mapped(file) for name, file in self.files.items()}
        arrays = {
            name: np.frombuffer(maps[name], dtype).reshape(self.count, *shape)
            for name, (dtype, shape) in self.kinds.items()
        }
        return Split(recipe.columns(arrays), _releaser(list(maps.values())))


OTHERS = "another `seed` or share of the split may do"
ADVICE = {name: f"`{name}: 0` in `split` goes without; {OTHERS}" for name in PARTS[1:]}


def written(
    frames: Iterator[Frame],
    recipe: Recipe,
    sides: Callable[[Frame], Array] | None,
    parts: tuple[str, ...] = PARTS,
) -> dict[str, Split]:
    """The splits of a file that comes in pieces, as far as they are among ``parts``.

    ``sides`` gives the part of each sample, a place in PARTS; without it, all of them are for training. Raises
    DataError for a split without samples.
    """
    with ExitStack() as files:  # a map holds its file by itself
        folder = _folder()
        disks = {name: Disk(folder, files) for name in (parts if sides else PARTS[:1])}
        for frame in frames:
            found = {PARTS[0]: frame}
            if sides is not None:
                side = sides(frame)
                found = {name: frame.take(np.flatnonzero(side == PARTS.index(name))) for name in disks}
            for name, part in found.items():
                if len(part):
                    disks[name].add(recipe.encode(part))
        empty = [name for name, disk in disks.items() if not disk.count]
        if empty:
            raise DataError(f"the {empty[0]} split has no samples; {ADVICE.get(empty[0], OTHERS)}", ("split",))
        return {name: disk.split(recipe) for name, disk in disks.items()}


def _temporary(folder: Path | None) -> IO[bytes]:
    return tempfile.TemporaryFile(dir=folder)


def _mapped(file: IO[bytes]) -> mmap.mmap:
    file.flush()
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _releaser(maps: list[mmap.mmap]) -> Callable[[], None]:
    def release() -> None:
        """Take the pages out of this process; the system keeps or drops its copies as it likes."""
        for mapped in maps:
            if hasattr(mmap, "MADV_DONTNEED"):
                mapped.madvise(mmap.MADV_DONTNEED)

    return release


def _folder() -> Path | None:
    """$AG_CACHE if it is set, since the system's folder for temporary files may itself be memory."""
    given = os.environ.get("AG_CACHE")
    if not given:
        return None
    folder = Path(given).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot make the cache folder: {error.strerror}") from None
    return folder
