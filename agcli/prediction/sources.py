"""Files of samples to predict or to judge: tables in pieces, arrays, and whatever comes on standard input."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Any

from agcli.datasets import ArrayFile, DataError, TableFile
from agcli.datasets.delimited import pieces
from agcli.datasets.frame import Frame
from agcli.datasets.tabular import LINES, MISSING, check_size
from agcli.spec import Spec

from .target_encoding import SetTerms, TableTerms, Terms

STDIN = "-"
STDIN_NAME = "standard input"
ARRAYS = (".npz", ".npy", ".idx")


@dataclass(frozen=True)
class Source:
    """A file of samples. ``names`` are the columns of the file that was trained on, in its order."""

    path: Path
    name: str
    terms: Terms
    names: tuple[str, ...] = ()
    missing: tuple[str, ...] = MISSING
    separator: str | None = None

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.path.stat().st_size

    def frames(self) -> Iterator[Frame]:
        """The samples in pieces, with every column that the model reads. Raises DataError for what does not fit."""
        try:
            for number, frame in enumerate(self._pieces()):
                named = replace(self._with_names(frame), file=self.name)
                if number == 0:
                    check_columns(named, self.terms)
                yield named
        except DataError as error:
            text = str(error).replace(str(self.path), self.name)
            raise DataError(text) from None

    def _pieces(self) -> Iterator[Frame]:
        if is_array(self.path):
            check_size(self.path, 1 << 40)
            yield self._arrays(ArrayFile(self.path).read())
            return
        file = TableFile(self.path, self.separator, missing=self.missing)
        yield from _lines(self.path, self.missing) if file.format == LINES else file.frames()

    def _arrays(self, frame: Frame) -> Frame:
        """Arrays under the names of the columns; the only one of a file is the model's only input."""
        if isinstance(self.terms, TableTerms) and len(self.terms.inputs) == 1 and list(frame.columns) == ["x"]:
            return replace(frame, columns={self.terms.inputs[0]: frame.columns["x"]})
        if isinstance(self.terms, SetTerms) and len(frame.columns) == 1:
            return replace(frame, columns={"x": next(iter(frame.columns.values()))})
        return frame

    def _with_names(self, frame: Frame) -> Frame:
        """A file without a header has the columns of the one that was trained on, perhaps without the target."""
        if not all(name.startswith("column_") for name in frame.columns) or not self.names:
            return frame
        inputs = tuple(name for name in self.names if name not in self.terms.targets)
        for names in (self.names, inputs):
            if len(names) == len(frame.columns):
                return replace(frame, columns=dict(zip(names, frame.columns.values(), strict=True)))
        return frame


@contextmanager
def opened(place: str | Path, spec: Spec, terms: Terms) -> Iterator[Source]:
    """A file, or with `-` standard input, which is put into a temporary file first."""
    fields: Any = spec.data.fields
    names = tuple(getattr(fields, "columns", None) or terms_names(terms))
    missing = tuple(getattr(fields, "missing", None) or MISSING)
    if str(place) != STDIN:
        path = Path(place)
        check_size(path, 1 << 62)
        yield Source(path, str(path), terms, names, missing)
        return
    import sys

    with tempfile.TemporaryDirectory(prefix="ag-input-") as folder:
        path = Path(folder) / "samples"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        if not path.stat().st_size:
            raise DataError(f"{STDIN_NAME}: expected samples, found nothing")
        path = path.rename(path.with_suffix(_told(path)))
        yield Source(path, STDIN_NAME, terms, names, missing)


def terms_names(terms: Terms) -> tuple[str, ...]:
    """The inputs and targets of a data set, in the order that its terms know."""
    inputs = terms.inputs if isinstance(terms, TableTerms | SetTerms) else ()
    return (*inputs, *terms.targets)


def is_array(path: Path) -> bool:
    """Whether a file holds arrays, by its name."""
    stem = path.name.removesuffix(".gz")
    return stem.endswith((*ARRAYS, "-ubyte"))


def check_columns(frame: Frame, terms: Terms) -> None:
    """Raise DataError that names every column which is missing, with the nearest that is there."""
    inputs = terms.inputs if isinstance(terms, TableTerms | SetTerms) else ()
    missing = [name for name in inputs if name not in frame.columns]
    if not missing or (isinstance(terms, SetTerms) and "x" in frame.columns):
        return
    free = [name for name in frame.columns if name not in inputs]
    lowered = {name.lower(): name for name in free}
    said = []
    for name in missing[:20]:
        near = get_close_matches(name.lower(), lowered, 1, 0.6)
        said.append(f'"{name}"' + (f' (there is "{lowered[near[0]]}"; rename it)' if near else ""))
    more = f" and {len(missing) - 20:,} more" if len(missing) > 20 else ""
    shown = ", ".join(list(frame.columns)[:20]) + (", ..." if len(frame.columns) > 20 else "")
    raise DataError(f"{frame.file}: lacks columns that the model reads: {', '.join(said)}{more}; it has {shown}")


def _lines(path: Path, missing: tuple[str, ...]) -> Iterator[Frame]:
    """JSON lines in pieces; a key that a line does not have is a missing cell."""
    import polars as pl

    first, before, known = 1, 0, dict[str, Any]()
    for piece in pieces(path, 1 << 62):
        if not piece.strip():
            continue
        try:
            table = pl.read_ndjson(piece, infer_schema_length=None)
        except pl.exceptions.PolarsError as error:
            raise _broken(path, piece, before, error) from None
        nested = [name for name, dtype in table.schema.items() if dtype.is_nested()]
        if nested:
            raise DataError(
                f'{path}: column "{nested[0]}": expected numbers, text or dates, found {table[nested[0]].dtype}'
            )
        known |= dict.fromkeys(n for n in table.columns if n not in known)
        text = pl.col(pl.String).str.strip_chars()
        table = (
            table.with_columns(pl.when(~text.is_in(list(missing))).then(text)) if pl.String in table.dtypes else table
        )
        columns = {n: table[n] if n in table.columns else pl.Series(n, [None] * len(table), pl.String) for n in known}
        yield Frame(str(path), columns, first)
        first += len(table)
        before += piece.count(b"\n")
    if first == 1:
        raise DataError(f"{path}: expected samples, found none")


def _broken(path: Path, piece: bytes, before: int, error: Exception) -> DataError:
    """Polars says what it did not like, and not where: look for the line."""
    for number, line in enumerate(piece.splitlines(), before + 1):
        try:
            value = json.loads(line) if line.strip() else {}
        except (ValueError, RecursionError) as problem:
            return DataError(f"{path}: line {number:,}: expected a JSON object, found broken JSON ({problem})")
        if not isinstance(value, dict):
            return DataError(f"{path}: line {number:,}: expected a JSON object, found {str(value)[:40]!r}")
    return DataError(f"{path}: cannot be read as JSON lines: {str(error).splitlines()[0]}")


def _told(path: Path) -> str:
    """The suffix that fits the first bytes of a file."""
    with path.open("rb") as file:
        start = _start(file)
    if start.startswith(b"PAR1"):
        return ".parquet"
    if start.startswith(b"\x93NUMPY"):
        return ".npy"
    if start.startswith(b"PK\x03\x04"):
        return ".npz"
    return ".jsonl" if start.lstrip().startswith(b"{") else ".csv"


def _start(file: IO[bytes]) -> bytes:
    return file.read(64).removeprefix(b"\xef\xbb\xbf")
