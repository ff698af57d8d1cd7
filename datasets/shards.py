"""Tables in several files of one form: all that a pattern finds, in the order of their names."""

from __future__ import annotations

import glob
import itertools
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import DataError
from .files import MARKS, UNBOUNDED, Names, check_size, row_of, size_of
from .tabular import Reader, TableFile

if TYPE_CHECKING:
    import polars as pl

MAX_SHARDS = 10_000
MAX_FOLDERS = 100_000  # in which `**` looks
_OF = re.compile(r"(\d+)-of-(\d+)")
_SHOWN = 10


def is_pattern(path: Path) -> bool:
    """Whether a path is no file itself, and may stand for several."""
    return any(mark in str(path) for mark in MARKS) and not path.exists()


def is_there(path: Path) -> bool:
    """Whether there is such a file, or one that a pattern finds."""
    return path.exists() or (is_pattern(path) and any(True for _ in glob.iglob(_pattern(path))))


def _pattern(path: Path) -> str:
    """The path as `glob` takes it: a folder that is there may have marks in its name."""
    folder = path.parent
    return str(Path(glob.escape(str(folder))) / path.name) if folder.is_dir() else str(path)


def matching(path: Path) -> list[Path]:
    """The files that a pattern finds, in the order of their names, numbers in them as numbers.

    Raises DataError if there is none, or if one of `-of-N` is from another set than the others.
    """
    found: dict[Path, None] = {}
    for name in _names(_pattern(path), itertools.count(1)):
        if not Path(name).is_dir():
            found[Path(name)] = None
        if len(found) > MAX_SHARDS:
            raise DataError(f"{path}: expected at most {MAX_SHARDS:,} files, found more", ("file",))
    if not found:
        raise DataError(f"{path}: expected files of such names, found none", ("file",))
    _check_sets(path, list(found))
    return sorted(found, key=_natural)


def _names(pattern: str, looked: Iterator[int]) -> Iterator[str]:
    """What a pattern finds, `**` in any folders below; ``looked`` counts them.

    `glob` would follow links to folders there, which may lead round in circles: two of them have it walk for ever.
    """
    parts = Path(pattern).parts
    if "**" not in parts:
        yield from glob.iglob(pattern)
        return
    at = parts.index("**")
    for top in glob.iglob(str(Path(*parts[:at]))) if at else [os.curdir]:
        for folder, below, files in os.walk(top):
            if next(looked) > MAX_FOLDERS:
                raise DataError(
                    f"{pattern}: expected at most {MAX_FOLDERS:,} folders below {top}, found more", ("file",)
                )
            below[:] = [name for name in below if not name.startswith(".")]
            rest = parts[at + 1 :]
            if rest:
                yield from _names(str(Path(glob.escape(folder), *rest)), looked)
            else:
                yield from (os.path.join(folder, name) for name in files if not name.startswith("."))


def numbered(path: Path) -> tuple[str, int]:
    """The pattern for all files of the set that a file is one of, and how many there are; "" and 0 if it is of none."""
    found = _OF.search(path.name)
    if found is None or int(found[2]) < 2:
        return "", 0
    return f"{path.name[: found.start(1)]}*{path.name[found.end(1) :]}", int(found[2])


def missing(paths: Sequence[Path]) -> tuple[list[str], int]:
    """The names of the files of `-of-N` that are not there, and N; none for files of no such set."""
    marks = [_OF.search(path.name) for path in paths]
    first = marks[0]
    if first is None or not all(marks):
        return [], 0
    count, width = int(first[2]), len(first[1])
    numbers = {int(mark[1]) for mark in marks if mark}
    start = 0 if 0 in numbers or count not in numbers else 1
    name = paths[0].name
    wanted = range(start, start + min(count, MAX_SHARDS))
    lacking = [f"{name[: first.start(1)]}{n:0{width}}{name[first.end(1) :]}" for n in wanted if n not in numbers]
    return lacking, count


def _check_sets(path: Path, found: Sequence[Path]) -> None:
    totals = sorted({mark[2] for each in found if (mark := _OF.search(each.name))}, key=int)
    if len(totals) > 1:
        shown = " and ".join(f"-of-{total}" for total in totals[:3])
        raise DataError(f"{path}: expected files of one set, found {shown}", ("file",))


def _natural(path: Path) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", str(path))
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts]


@dataclass(frozen=True)
class Sharded(Reader):
    """Several files, each read by the reader of their format. ``counts`` are the rows of those that were read."""

    reader: Reader
    paths: tuple[Path, ...]
    counts: dict[Path, int] = field(default_factory=dict, compare=False, repr=False)

    def called(self, file: TableFile) -> str:
        found = Names(file.path)
        found.row = self._row
        return found

    def _row(self, number: int) -> str:
        """A row in one of the files, of its number among all of their rows."""
        for path in self.paths:
            count = self.counts.get(path)
            if count is None or number <= count:
                break
            number -= count
        return row_of(str(path), number)

    def settled(self, file: TableFile) -> TableFile:
        found = self.reader.settled(self._shard(file, self.paths[0]))
        return replace(found, path=file.path, reader=self)

    def size(self, file: TableFile) -> int:
        return sum(map(size_of, self.paths))

    def check(self, file: TableFile, max_bytes: int) -> None:
        for path in self.paths:
            check_size(path, max_bytes)
        total = self.size(file)
        if total > max_bytes:
            advice = "`stream: true` reads CSV and Parquet of any size"
            raise DataError(f"{file.path}: expected at most {max_bytes:,} bytes, found {total:,}; {advice}", ("file",))
        lacking, count = missing(self.paths)
        if lacking:
            more = f" and {len(lacking) - _SHOWN:,} more" if len(lacking) > _SHOWN else ""
            told = f"{len(lacking):,} of {count:,} files {'is' if len(lacking) == 1 else 'are'} missing"
            file.note(f"{told}: {', '.join(lacking[:_SHOWN])}{more}")

    def pieces(self, file: TableFile, max_bytes: int) -> Iterator[pl.DataFrame]:
        import polars as pl

        if max_bytes >= UNBOUNDED:
            yield from self._all(file, max_bytes, streamed=False)
            return
        pieces = list(self._all(file, max_bytes, streamed=False))
        if len({tuple(piece.schema.items()) for piece in pieces}) > 1:
            pieces = [pl.concat(pieces, how="vertical_relaxed")]
        yield from pieces

    def streamed(self, file: TableFile) -> Iterator[pl.DataFrame]:
        return self._all(file, UNBOUNDED, streamed=True)

    def _all(self, file: TableFile, max_bytes: int, *, streamed: bool) -> Iterator[pl.DataFrame]:
        columns: list[str] = []
        kinds: dict[str, pl.DataType] = {}
        for path in self.paths:
            shard, rows = self._shard(file, path), 0
            for piece in self.reader.streamed(shard) if streamed else self.reader.pieces(shard, max_bytes):
                if not columns:
                    columns, kinds = piece.columns, dict(piece.schema)
                self._check(path, columns, piece.columns)
                for name, kind in kinds.items():
                    if not _agree(kind, piece.schema[name]):
                        found = f"{piece.schema[name]}, in {self.paths[0].name} it is {kind}"
                        raise DataError(f'{path}: column "{name}": expected the type of the other files, found {found}')
                rows += len(piece)
                yield piece.select(columns)
            self.counts[path] = rows

    def _shard(self, file: TableFile, path: Path) -> TableFile:
        return replace(file, path=path, reader=self.reader)

    def _check(self, path: Path, expected: list[str], found: list[str]) -> None:
        """Raise DataError for a file whose columns are not those of the first."""
        lacks = [name for name in expected if name not in found]
        more = [name for name in found if name not in expected]
        if not lacks and not more:
            return
        said = [f"{verb} {_listed(names)}" for verb, names in (("lacks", lacks), ("has also", more)) if names]
        raise DataError(f"{path}: expected the columns of {self.paths[0].name}; it {' and '.join(said)}", ("file",))


def _listed(names: list[str]) -> str:
    shown = ", ".join(f'"{name}"' for name in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")


def _agree(one: pl.DataType, other: pl.DataType) -> bool:
    """Whether cells of two types can stand in one column: numbers with numbers, anything with nothing."""
    import polars as pl

    return one == other or pl.Null in (one, other) or (one.is_numeric() and other.is_numeric())
