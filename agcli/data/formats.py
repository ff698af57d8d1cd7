"""The formats of files that `ag` reads and writes: a row each, and nowhere else is there an ending.

A format is added by a row here and its reader, or by another distribution: an entry point of the group
`agcli.formats`, called like the ending (`toml` for `.toml`), that names a `Format`. Readers and writers are named, not
imported: they are loaded when a file of their format is read.

reader of a table    a function of a path; gives what `ag.train(data=...)` takes: a frame, a mapping of columns, rows
reader of arrays     a function of a path; gives an array with a row a sample, or a mapping of arrays
reader of text       a function of a path; gives the text
writer of a table    a context manager over a binary file; gives a function that takes frames of polars, one by one
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agcli.datasets import ArrayFile, TableFile
    from agcli.spec.plugins import Plugin

GROUP = "agcli.formats"
TABLE, ARRAYS, TEXT = KINDS = ("table", "arrays", "text")  # as `data:` calls them
PACKINGS = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "Zstandard"}  # behind the ending of a packed file
DATABASE = "SQLite"
_OF_TEXT = ("CSV", "TSV", "JSON lines")
_FAMILIES = {TABLE: "a table", ARRAYS: "arrays", TEXT: "text"}
ALL_ENDINGS = "`ag data list` shows all endings"
FOLDER = "/"  # at the end of a name: all files of one format that lie there


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format: its name, what a file of it holds, and the ends of its files' names, in lower case.

    ``reader`` and ``writer`` are `module:name`. With ``packed``, files may be packed, as the end of their names says.
    """

    name: str
    kind: str
    endings: tuple[str, ...]
    reader: str
    writer: str = ""
    packed: bool = False
    plugin: Plugin | None = None

    @property
    def spellings(self) -> tuple[str, ...]:
        """All ends that a file's name may have."""
        return (*self.endings, *(end + packing for end in self.endings if self.packed for packing in PACKINGS))

    @property
    def key(self) -> str:
        """The short name, as `--format` takes it."""
        return self.endings[0].lstrip(".-")

    def load(self, place: str) -> Any:
        """The reader or the writer. Raises PluginError where a plug-in names none."""
        return self.guarded(lambda: _named(place))

    def guarded(self, call: Callable[[], Any]) -> Any:
        """What a reader gives; of a plug-in, all that goes wrong in it has its name."""
        if self.plugin is None:
            return call()
        from agcli.spec.plugins import guarded

        return guarded(self.plugin, call)


FORMATS = (
    Format(
        name="CSV", kind=TABLE, endings=(".csv",), packed=True,
        reader="agcli.datasets.tabular:DELIMITED", writer="agcli.prediction.sinks:csv",
    ),
    Format(
        name="TSV", kind=TABLE, endings=(".tsv",), packed=True,
        reader="agcli.datasets.tabular:TABBED", writer="agcli.prediction.sinks:tsv",
    ),
    Format(
        name="JSON lines", kind=TABLE, endings=(".jsonl", ".ndjson"), packed=True,
        reader="agcli.datasets.tabular:LINES", writer="agcli.prediction.sinks:lines",
    ),
    Format(
        name="Parquet", kind=TABLE, endings=(".parquet",), packed=True,
        reader="agcli.datasets.tabular:PARQUET", writer="agcli.prediction.sinks:parquet",
    ),
    Format(
        name="Arrow", kind=TABLE, endings=(".arrow", ".feather", ".ipc", ".arrows"), packed=True,
        reader="agcli.datasets.tabular:ARROW",
    ),
    Format(name="Excel", kind=TABLE, endings=(".xlsx", ".xlsm", ".xls"), reader="agcli.datasets.excel:EXCEL"),
    Format(name="SQLite", kind=TABLE, endings=(".sqlite", ".sqlite3", ".db"), reader="agcli.datasets.sqlite:SQLITE"),
    Format(name="NPZ", kind=ARRAYS, endings=(".npz",), reader="agcli.datasets.arrays:NPZ"),
    Format(name="NPY", kind=ARRAYS, endings=(".npy",), packed=True, reader="agcli.datasets.arrays:NPY"),
    Format(name="IDX", kind=ARRAYS, endings=(".idx", "-ubyte"), packed=True, reader="agcli.datasets.arrays:IDX"),
    Format(name="text", kind=TEXT, endings=(".txt", ".md"), packed=True, reader="agcli.datasets.corpus:decoded"),
)  # fmt: skip


def find(name: str | os.PathLike[str]) -> Format | None:
    """The format that a file's name says; None for an ending that nobody knows. Raises PluginError for a broken one."""
    known = _ending(Path(name).name.lower(), ((end, row) for row in FORMATS for end in row.spellings))
    return known or _plugged(Path(name).name.lower())


def packing_of(name: str) -> str:
    """How a file is packed by its name; empty if it is not."""
    return next((packing for end, packing in PACKINGS.items() if name.lower().endswith(end)), "")


def kind_of(path: Path) -> str:
    """What a file holds by its name, or what lies in a folder; empty for an ending that nobody knows."""
    found = find(path)
    return TABLE if path.is_dir() else found.kind if found else ""


def format_of(path: str | os.PathLike[str], *kinds: str) -> Format:
    """The same, of one of some kinds (or of any). Raises DataError for another ending, which says what would fit."""
    found = find(path)
    if found is None or (kinds and found.kind not in kinds):
        from agcli.datasets.errors import DataError

        end = Path(path).suffix
        unknown = f"a name that ends in {end}" if end else "a name without an ending"
        shown = _FAMILIES[found.kind] if found else f"{unknown}; {ALL_ENDINGS}"
        raise DataError(f"{path}: expected {families(*kinds)}, found {shown}", ("file",))
    return found


def families(*kinds: str, plugged: bool = True) -> str:
    """The words for files of some kinds, or of any, by the names of their formats, to follow "expected"; those of
    plug-ins too, if wanted."""
    rows = [row for row in FORMATS if not kinds or row.kind in kinds]
    words = {kind: [row.name for row in rows if row.kind == kind] for kind in (TABLE, ARRAYS)}
    words[TEXT] = [end for row in rows if row.kind == TEXT for end in row.endings]
    found = [f"{_FAMILIES[kind]} ({_either(names)})" for kind, names in words.items() if names]
    more = plugged_endings() if plugged else []
    return _either([*found, f"what a plug-in reads ({_either(more)})"] if more else found)


def phrase(*kinds: str) -> str:
    """All endings of files of some kinds, or of any, those of plug-ins too."""
    rows = [row for row in FORMATS if not kinds or row.kind in kinds]
    packed = [end for row in rows if row.packed for end in row.endings]
    plain = [end for row in rows if not row.packed for end in row.endings] + plugged_endings()
    packings = f"also packed as {_either(list(PACKINGS))}"
    if not packed or not plain:
        return f"a file that ends in {_either(packed or plain)}" + (f", {packings}" if packed else "")
    return f"a file that ends in {', '.join(packed)} ({packings}), {_either(plain)}"


def _either(words: list[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def names(*kinds: str) -> str:
    """The names of the formats of some kinds: "NPZ, NPY or IDX"."""
    return _either([row.name for row in FORMATS if row.kind in kinds])


def plugged_endings() -> list[str]:
    """The endings that plug-ins bring, by metadata alone, which does not say what kind of files they are."""
    known = {end for row in FORMATS for end in row.spellings}
    return [end for end in map(_as_ending, _plugins()) if end not in known]


def pattern(kind: str) -> str:
    """A regular expression for the names of files of a kind; JSON Schema has no flag for letters of either case."""
    packings = f"({'|'.join(map(_either_case, PACKINGS))})?"
    known = [
        _either_case(end) + (packings if row.packed else "")
        for row in FORMATS
        if row.kind == kind
        for end in row.endings
    ]
    plugged = [_either_case(end) + packings for end in plugged_endings()]
    folders = [FOLDER] if kind == TABLE else []
    return rf"({'|'.join([*known, *plugged, *folders])})$"


def written() -> dict[str, Format]:
    """The formats that predictions can be written in, by their short names."""
    return {row.key: row for row in FORMATS if row.writer}


def table_file(
    path: Path,
    separator: str | None = None,
    header: Any = None,
    missing: Any = None,
    *,
    database: bool = False,
    **form: Any,
) -> TableFile:  # fmt: skip
    """A table in a file, or in several: a pattern such as `data/*.csv`, or a folder; options are those of TableFile.

    A ``database`` is one whatever its name.

    Raises DataError for another format.
    """
    from agcli.datasets import TableFile
    from agcli.datasets.shards import Sharded, is_pattern, matching, numbered
    from agcli.datasets.tabular import missing_of

    place = _pattern_of(path) if path.is_dir() else path
    shards = matching(place) if is_pattern(place) else []
    found = next(row for row in FORMATS if row.name == DATABASE) if database else format_of(place, TABLE)
    if not database:
        _check_content(found, Path(shards[0]) if shards else place)
    reader = _table_reader(found)
    reader.prepare()
    if shards:
        reader = Sharded(reader, tuple(shards))
    table = TableFile(place, separator, header, missing_of(missing), reader, **form)
    pattern, count = ("", 0) if shards else numbered(place)
    if count:
        table.note(f"this is one of {count:,} files; `{pattern}` reads all of them")
    return table


def _check_content(found: Format, path: Path) -> None:
    """Raise DataError where a file is not what its name says; what a plug-in reads is its own business."""
    from agcli.datasets import signatures

    if found.plugin is None:
        is_text = found.name in _OF_TEXT or found.kind == TEXT
        holds = signatures.TEXT if found.kind == TEXT else "" if is_text else signatures.BINARY
        signatures.check(path, found.name, (found.name,), _endings(), holds=holds)


def check_content(path: Path) -> None:
    """Raise DataError for a file without a name that holds neither a table nor arrays."""
    from agcli.datasets import signatures

    known = [row.name for row in FORMATS if row.kind != TEXT]
    signatures.check(path, f"{_FAMILIES[TABLE]} or {_FAMILIES[ARRAYS]}", known, _endings())


def _endings() -> dict[str, str]:
    return {row.name: row.endings[0] for row in FORMATS}


def _table_reader(found: Format) -> Any:
    from agcli.datasets.tabular import Reader, Whole

    reader = found.load(found.reader)
    if isinstance(reader, Reader):
        return reader
    return Whole(lambda path: found.guarded(lambda: reader(path)))


def _pattern_of(folder: Path) -> Path:
    """The pattern of the tables that lie in a folder. Raises DataError if they are of several formats, or of none."""
    from agcli.datasets.errors import DataError

    names = sorted(entry.name for entry in folder.iterdir() if entry.is_file() and entry.name[:1] not in "._")
    tables = [(name, row) for name in names if (row := find(name)) is not None and row.kind == TABLE]
    ends = {_spelling(name, row) for name, row in tables}
    if not ends:
        raise DataError(f"{folder}: expected a file, or a folder with tables, found a folder without one", ("file",))
    if len(ends) > 1:
        advice = f"write `{folder}/*{min(ends)}`"
        raise DataError(
            f"{folder}: expected tables of one format, found {', '.join(sorted(ends))}; {advice}", ("file",)
        )
    return folder / f"*{ends.pop()}"


def _spelling(name: str, row: Format) -> str:
    """The end of a file's name that says its format, as it is written there."""
    longest = max((end for end in row.spellings if name.lower().endswith(end)), key=len)
    return name[-len(longest) :]


def array_file(path: Path, target: Path | None = None, side: str = "") -> ArrayFile:
    """Arrays in a file, and their targets in another one. Raises DataError for another format."""
    from agcli.datasets import ArrayFile

    for each in (path, target) if target else (path,):
        _check_content(format_of(each, ARRAYS), each)
    return ArrayFile(path, target, side, _array_reader(path), _array_reader(target) if target else None)


def text_of(path: Path, encoding: str | None = None, note: Callable[[str], None] | None = None) -> str:
    """The running text in a file; ``note`` takes what was found out about it. Raises DataError for another format."""
    found = format_of(path, TEXT)
    _check_content(found, path)
    read = found.load(found.reader)
    text = found.guarded(lambda: read(path)) if found.plugin else read(path, encoding, note)
    if isinstance(text, str):
        return text
    from agcli.datasets import DataError

    raise DataError(f"{path}: expected text from the reader of {found.name}, found {type(text).__name__}")


def _array_reader(path: Path) -> Any:
    from agcli.datasets.arrays import Reader

    found = format_of(path, ARRAYS)
    reader = found.load(found.reader)
    return reader if isinstance(reader, Reader) else Reader(lambda path: found.guarded(lambda: reader(path)))


def _named(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def _ending(name: str, known: Iterable[tuple[str, Format]]) -> Format | None:
    """The format with the longest ending that a name has."""
    fits = [(len(end), row) for end, row in known if name.endswith(end)]
    return max(fits, key=lambda pair: pair[0])[1] if fits else None


def _plugins() -> dict[str, Plugin]:
    from agcli.spec.plugins import plugins

    return plugins(GROUP)


def _plugged(name: str) -> Format | None:
    """The format of a plug-in whose ending a name has, which is loaded then."""
    bare = next((name.removesuffix(end) for end in PACKINGS if name.endswith(end)), name)
    found = [plugin for end, plugin in _plugins().items() if bare.endswith(_as_ending(end))]
    return _ending(name, _spelled(found)) if found else None


def _spelled(found: Iterable[Plugin]) -> Iterator[tuple[str, Format]]:
    for plugin in found:
        row = plugin.load(Format)
        if _as_ending(plugin.name) not in row.spellings:
            raise plugin.error(f"it is called {plugin.name}, and its endings are {', '.join(row.endings)}")
        if row.kind not in KINDS:
            raise plugin.error(f"its kind is one of {', '.join(KINDS)}, found {row.kind!r}")
        known = Format(**{**vars(row), "plugin": plugin})
        yield from ((end, known) for end in known.spellings)


def _as_ending(name: str) -> str:
    """The ending that an entry point is called by."""
    lowered = name.lower()
    return lowered if lowered[:1] in ".-" else f".{lowered}"


def _either_case(ending: str) -> str:
    from re import escape

    return "".join(f"[{c}{c.upper()}]" if c.isalpha() else escape(c) for c in ending)
