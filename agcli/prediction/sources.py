"""Files of samples to predict or to judge: tables in pieces, arrays, and whatever comes on standard input."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from agcli.data.formats import ARRAYS, TABLE, array_file, format_of, kind_of, table_file
from agcli.datasets import ArrayFile, DataError, TableFile
from agcli.datasets.contents import holds_arrays, table_reader
from agcli.datasets.files import check_size
from agcli.datasets.frame import Frame
from agcli.datasets.tabular import MISSING, missing_of
from agcli.spec import Spec
from agcli.spec.data import FORM, ArrayData, PythonData, TableData

from .target_encoding import SetTerms, TableTerms, Terms

STDIN = "-"
STDIN_NAME = "standard input"


@dataclass(frozen=True)
class Source:
    """A file of samples. ``names`` are the columns of the file that was trained on, in its order.

    ``known`` are these with any others that its description names; nothing where it has none.
    """

    path: Path
    name: str
    terms: Terms
    names: tuple[str, ...] = ()
    missing: tuple[str, ...] = MISSING
    file: TableFile | ArrayFile | None = None
    known: frozenset[str] = frozenset()

    @property
    def size(self) -> int:
        """Bytes of the file, or of all its files."""
        return self.file.size if isinstance(self.file, TableFile) else self.path.stat().st_size

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found out about how the file is written."""
        return tuple(self.file.notes) if isinstance(self.file, TableFile) else ()

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

    def unread(self, frame: Frame) -> tuple[str, ...]:
        """The columns of a table of samples that the file that was trained on did not have."""
        return tuple(name for name in frame.columns if name not in self.known) if self.known else ()

    def _pieces(self) -> Iterator[Frame]:
        file = self.file if self.file is not None else self._told()
        if isinstance(file, ArrayFile):
            check_size(self.path, 1 << 40)
            yield self._arrays(file.read(may_be_empty=True))
        else:
            yield from replace(file, missing=self.missing).streamed(may_be_empty=True)

    def _told(self) -> TableFile | ArrayFile:
        """What the first bytes say that standard input holds, which has no name to say it."""
        is_array = holds_arrays(self.path)
        return ArrayFile(self.path) if is_array else TableFile(self.path, reader=table_reader(self.path))

    def _arrays(self, frame: Frame) -> Frame:
        """Arrays under the names of the columns; the only one of a file is the model's only input."""
        if isinstance(self.terms, TableTerms) and len(self.terms.inputs) == 1 and list(frame.columns) == ["x"]:
            return replace(frame, columns={self.terms.inputs[0]: frame.columns["x"]})
        if isinstance(self.terms, SetTerms) and len(frame.columns) == len(self.terms.columns) == 1:
            return replace(frame, columns={self.terms.only[0]: next(iter(frame.columns.values()))})
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
def opened(place: str | Path | TableFile, spec: Spec, terms: Terms) -> Iterator[Source]:
    """A file, or with `-` standard input, which is put into a temporary file first."""
    data = spec.data.fields
    columns = data.columns if isinstance(data, TableData | ArrayData | PythonData) else None
    names = tuple(columns or terms_names(terms))
    known = frozenset((*names, *terms_names(terms), data.sigma, data.weights)) if columns else frozenset()
    missing = missing_of(data.missing) if isinstance(data, TableData) else MISSING
    if isinstance(place, TableFile) or str(place) != STDIN:
        table = place if isinstance(place, TableFile) else _named(Path(place), data)
        yield Source(table.path, str(table.path), terms, names, missing, table, known)
        return
    import sys

    with tempfile.TemporaryDirectory(prefix="ag-input-") as folder:
        path = Path(folder) / "samples"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        if not path.stat().st_size:
            raise DataError(f"{STDIN_NAME}: expected samples, found nothing")
        yield Source(path, STDIN_NAME, terms, names, missing, None, known)


def _named(path: Path, data: Any) -> TableFile | ArrayFile:
    """The samples in a file; of a workbook or a database those under the names that the run's own data has."""
    if kind_of(path) != TABLE:
        format_of(path, TABLE, ARRAYS)
        check_size(path, 1 << 62)
        return array_file(path)
    form = {name: getattr(data, name) for name in FORM if name != "encoding"} if isinstance(data, TableData) else {}
    known = table_file(path, **form)
    known.check(1 << 62)
    return known


def terms_names(terms: Terms) -> tuple[str, ...]:
    """The inputs and targets of a data set, in the order that its terms know."""
    inputs = terms.inputs if isinstance(terms, TableTerms | SetTerms) else ()
    return (*inputs, *terms.targets)


def check_columns(frame: Frame, terms: Terms) -> None:
    """Raise DataError that names every column which is missing, with the nearest that is there."""
    inputs = terms.inputs if isinstance(terms, TableTerms | SetTerms) else ()
    missing = [name for name in inputs if name not in frame.columns]
    is_array = isinstance(terms, SetTerms) and len(terms.columns) == 1 and terms.only[0] in frame.columns
    if not missing or is_array:
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
