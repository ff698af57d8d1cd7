"""Files of samples to predict or to judge: tables in pieces, arrays, and whatever comes on standard input."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from agcli.data.formats import ARRAYS, TABLE, array_file, check_content, format_of, kind_of, table_file
from agcli.datasets import ArrayFile, DataError, TableFile
from agcli.datasets.contents import holds_arrays, table_reader
from agcli.datasets.files import UNBOUNDED, Names, check_size
from agcli.datasets.frame import Frame
from agcli.datasets.samples import are_counted
from agcli.datasets.shards import Sharded
from agcli.datasets.tabular import MISSING, missing_of
from agcli.spec import Spec
from agcli.spec.data import FORM, ArrayData, PythonData, TableData

from .bad_rows import emptied
from .target_encoding import SetTerms, TableTerms, Terms

STDIN = "-"
STDIN_NAME = "standard input"
_NAMED = 10  # columns in one note


@dataclass(frozen=True)
class Source:
    """A file of samples. ``names`` are the columns of the file that was trained on, in its order.

    ``known`` are these with any others that its description names; nothing where it has none.
    """

    path: Path
    name: str
    terms: Terms
    file: TableFile | ArrayFile
    names: tuple[str, ...] = ()
    missing: tuple[str, ...] = MISSING
    known: frozenset[str] = frozenset()
    bad: Mapping[int, str] = field(default_factory=dict)  # what is wrong with rows, in the words of their reader
    copied: Mapping[str, str] = field(default_factory=dict)  # the name of a copy -> that of the file

    @property
    def size(self) -> int:
        """Bytes of the file, or of all its files."""
        return self.file.size if isinstance(self.file, TableFile) else self.path.stat().st_size

    @property
    def paths(self) -> tuple[Path, ...]:
        """The file, or all its files, as a person named them."""
        reader = self.file.reader if isinstance(self.file, TableFile) else None
        found = map(str, reader.paths if isinstance(reader, Sharded) else (self.path,))
        return tuple(Path(self.copied.get(path, path)) for path in found)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found out about how the file is written."""
        return tuple(self.file.notes) if isinstance(self.file, TableFile) else ()

    def frames(self) -> Iterator[Frame]:
        """The samples in pieces, with every column that the model reads. Raises DataError for what does not fit."""
        try:
            for number, frame in enumerate(self._pieces()):
                named = replace(self._with_names(frame), file=self._name(frame.file))
                if number == 0:
                    check_columns(named, self.terms)
                yield named
        except DataError as error:
            raise DataError(self._called(str(error))) from None

    def _called(self, text: str) -> str:
        """A text with the names that people know."""
        for path, name in {**self.copied, str(self.path): self.name}.items():
            text = text.replace(path, name)
        return text

    @property
    def spoiled(self) -> Mapping[int, str]:
        """What is wrong with the rows that were emptied, by their number."""
        return {row: self._called(text) for row, text in self.bad.items()}

    def _name(self, file: str) -> str:
        """The name of a frame's file; of several files, each by its own."""
        if not isinstance(file, Names):
            return self.name
        found, row = Names(self.name), file.row
        found.row = lambda number: self._called(row(number))
        return found

    def unread(self, frame: Frame) -> tuple[str, ...]:
        """The columns of a table of samples that the file that was trained on did not have."""
        return tuple(name for name in frame.columns if name not in self.known) if self.known else ()

    def _pieces(self) -> Iterator[Frame]:
        file = self.file
        if isinstance(file, ArrayFile):
            check_size(self.path, 1 << 40)
            yield self._arrays(file.read(may_be_empty=True))
        else:
            form = replace(file, missing=self.missing, sets=self.terms.targets)
            yield from form.streamed(may_be_empty=True)

    def _arrays(self, frame: Frame) -> Frame:
        """Arrays under the names of the columns; the only one of a file is the model's only input."""
        if isinstance(self.terms, TableTerms) and len(self.terms.inputs) == 1 and list(frame.columns) == ["x"]:
            return replace(frame, columns={self.terms.inputs[0]: frame.columns["x"]})
        if isinstance(self.terms, SetTerms) and len(frame.columns) == len(self.terms.columns) == 1:
            return replace(frame, columns={self.terms.only[0]: next(iter(frame.columns.values()))})
        return frame

    def _with_names(self, frame: Frame) -> Frame:
        """A file without a header has the columns of the one that was trained on, perhaps without the target."""
        inputs = tuple(name for name in self.names if name not in self.terms.targets)
        if not are_counted([*frame.columns], inputs):
            return frame
        for names in (self.names, inputs):
            if len(names) == len(frame.columns):
                if isinstance(self.file, TableFile) and names != tuple(frame.columns):
                    shown = ", ".join(f'"{name}"' for name in names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
                    self.file.note(f"no header; its columns are taken as those of the training: {shown}")
                return replace(frame, columns=dict(zip(names, frame.columns.values(), strict=True)))
        return frame


@contextmanager
def opened(
    place: str | Path | TableFile, spec: Spec, terms: Terms, *, skip_bad: bool = False
) -> Iterator[Source]:  # fmt: skip
    """A file, or with `-` standard input, which is put into a temporary file first.

    With ``skip_bad``, rows that cannot be told apart into cells are empty, and the source says which they are.
    """
    data = spec.data.fields
    columns = data.columns if isinstance(data, TableData | ArrayData | PythonData) else None
    names = tuple(columns or terms_names(terms))
    known = frozenset((*names, *terms_names(terms), data.sigma, data.weights)) if columns else frozenset()
    missing = missing_of(data.missing) if isinstance(data, TableData) else MISSING
    with tempfile.TemporaryDirectory(prefix="ag-input-") as folder:
        if isinstance(place, TableFile) or str(place) != STDIN:
            table = place if isinstance(place, TableFile) else _named(Path(place), data)
            name = str(table.path)
        else:
            table, name = _standard_input(Path(folder)), STDIN_NAME
        path = table.path
        bad: Mapping[int, str] = {}
        copied: Mapping[str, str] = {}
        if skip_bad and isinstance(table, TableFile):
            inside = Path(folder) / "copy"
            inside.mkdir()
            table, bad, copied = emptied(table, inside, names)
        yield Source(path, name, terms, table, names, missing, known, bad, copied)


def _standard_input(folder: Path) -> TableFile | ArrayFile:
    """What the first bytes say that standard input holds, which has no name to say it."""
    import sys

    path = folder / "samples"
    with path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    if not path.stat().st_size:
        raise DataError(f"{STDIN_NAME}: expected samples, found nothing")
    if holds_arrays(path):
        return ArrayFile(path)
    try:
        check_content(path)
    except DataError as error:
        raise DataError(str(error).replace(str(path), STDIN_NAME), ("file",)) from None
    return TableFile(path, reader=table_reader(path))


def _named(path: Path, data: Any) -> TableFile | ArrayFile:
    """The samples in a file; of a workbook or a database those under the names that the run's own data has."""
    if kind_of(path) != TABLE:
        format_of(path, TABLE, ARRAYS)
        check_size(path, UNBOUNDED)
        return array_file(path)
    form = {name: getattr(data, name) for name in FORM if name != "encoding"} if isinstance(data, TableData) else {}
    known = table_file(path, **form)
    known.check(UNBOUNDED)
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
