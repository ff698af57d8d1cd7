"""What is known of a data set or a file before any model: a list, a description, the first samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agcli.data.doubts import Settled, settled
from agcli.data.formats import TABLE, TEXT, array_file, format_of, kind_of, table_file, text_of
from agcli.datasets import (
    Corpus,
    DataError,
    Dataset,
    Date,
    Numeric,
    Role,
    Table,
    TableFile,
    info,
    load,
    names,
    options,
    sides_of,
    where,
)
from agcli.datasets.errors import unknown
from agcli.datasets.frame import Cells, Frame
from agcli.datasets.several import SeveralError
from agcli.datasets.tabular import with_sets

SHOWN = 6  # features of a sample, names of a column


@dataclass(frozen=True)
class ColumnFacts:
    """A column of a file: its guessed role, how many cells are missing, and what the others hold."""

    name: str
    role: str
    missing: int
    content: str


def overview() -> list[dict[str, Any]]:
    """Every named data set: name, where it comes from, and one sentence."""
    return [{"name": name, "where": where(name), "description": info(name).description} for name in names()]


def about(name: str, target: Sequence[str] = (), file: TableFile | None = None) -> dict[str, Any]:
    """A data set by its name, or a file by its path, described as plain data. Raises DataError if it is neither.

    ``file`` is the table that is meant, of a file that may hold several.
    """
    if name in names():
        if target:
            raise DataError(f"--target: is for a file; {name} has its own target")
        known = info(name)
        facts = {
            "description": known.description,
            "source": known.source,
            "licence": known.licence,
            "classes": list(known.classes),
        }
        return {"name": name, "where": where(name), **facts, "options": options(name)}
    try:
        found = described(file or name, target)
        return about_table(found) if isinstance(found, Table) else _splits(found.read())
    except SeveralError as error:
        if error.wanted or not error.names:
            raise
        first = error.line(error.names[0])
        return {"name": Path(name).name, f"{error.what}s": list(error.names), "description": f"name one with {first}"}


def about_table(table: Table) -> dict[str, Any]:
    """A table: its samples, columns with guessed roles, target, and everything that is strange about it."""
    found = settled(table)
    known, frame = found.known, found.frame
    return {
        "name": known.source.path.name,
        "samples": len(frame),
        "target": list(known.target),
        "split": known.split.name if known.split else "a file of its own",
        "columns": [vars(facts) for facts in columns(frame, known)],
        "warnings": [*found.said, *warnings(found)],
    }


def warnings(found: Settled) -> list[str]:
    """What is strange about a table, or why nothing can be trained on it as it is."""
    try:
        return list(found.table.read(frame=found.frame, settled=found.known).warnings)
    except DataError as error:
        return [f"cannot be trained on as it is: {error}"]


def columns(frame: Frame, table: Table) -> list[ColumnFacts]:
    """What each column of a frame holds, for a table with all its roles."""
    return [_facts(frame[name], role) for name, role in table.columns.items()]


def _facts(cells: Cells, role: Role) -> ColumnFacts:
    return ColumnFacts(cells.name, role.name, int(cells.missing().sum()), content(cells, role))


def content(cells: Cells, role: Role) -> str:
    """What a column holds, in a few words: the range of numbers, the most frequent names."""
    if cells.known is None and isinstance(cells.values, np.ndarray) and cells.values.ndim > 1:
        return f"{cells.values.dtype} {cells.values.shape[1:]}"
    if isinstance(role, Numeric):
        numbers = role.read(cells)
        known, infinite = numbers[np.isfinite(numbers)], int(np.isinf(numbers).sum())
        span = f"{_number(known.min())} to {_number(known.max())}, mean {_number(known.mean())}" if len(known) else ""
        return "; ".join(part for part in (span, f"{infinite:,} infinite" if infinite else "") if part) or "nothing"
    if isinstance(role, Date):
        return _span(cells, role)
    texts = cells.texts().drop_nulls()
    counts = texts.rename("name").value_counts(sort=True)
    shown = [shortened(str(text)) for text in counts.to_series(0).head(SHOWN)]
    more = ", ..." if len(counts) > len(shown) else ""
    kinds = "the same in every row" if len(counts) == 1 else f"{len(counts):,} different"
    return f"{kinds}: {', '.join(shown)}{more}" if shown else "nothing"


def shortened(text: str, most: int = 40) -> str:
    """Text of so many characters at most, cut behind a word if there is one."""
    return text if len(text) <= most else f"{text[: most - 1].rpartition(' ')[0] or text[: most - 1]}…"


def _span(cells: Cells, role: Date) -> str:
    """The first and the last of some dates, and how many there are."""
    dates = cells.dates(role.format).drop_nulls()
    first, last = (str(date).removesuffix(" 00:00:00") for date in (dates.min(), dates.max()))
    return f"{first} to {last}, {dates.n_unique():,} different" if len(dates) else "nothing"


def head(name: str, count: int, file: TableFile | None = None) -> tuple[list[str], list[list[str]]]:
    """The first samples of a set or a file, as headings and rows of text."""
    if not 1 <= count <= 1_000:
        raise DataError(f"expected 1 to 1,000 samples, got {count}")
    if name in names():
        raw: dict[str, Any] = {"raw": True} if "raw" in options(name) else {}
        return _samples(load(name, **raw), count)
    found = described(file or name)
    if not isinstance(found, Table):
        return _samples(found.read(), count)
    frame = found.source.head()
    rows = [[_cell(frame.columns[column][row]) for column in frame.columns] for row in range(min(count, len(frame)))]
    return list(frame.columns), rows


def described(name: str | TableFile, target: Sequence[str] = ()) -> Table | Corpus:
    """The table or the text in a file, all else to be guessed. Raises DataError if no set and no file is called so."""
    if isinstance(name, TableFile):
        return Table(source=with_sets(name, tuple(target)), target=tuple(target))
    path = Path(name)
    kind = kind_of(path)
    if not kind and not path.suffix and not path.exists():
        raise unknown("data set", name, names())
    kind = kind or format_of(path).kind
    if kind == TABLE:
        return Table(source=table_file(path, sets=tuple(target)), target=tuple(target))
    if kind == TEXT:
        return Corpus(path=path, decode=text_of)
    sides = {part: array_file(path, side=side) for part, side in sides_of(path).items()}
    if sides:
        validation, test = (sides.get(part) for part in ("validation", "test"))
        return Table(source=sides["train"], target=tuple(target), validation=validation, test=test)
    return Table(source=array_file(path), target=tuple(target))


def _splits(data: Dataset) -> dict[str, Any]:
    sizes = {name: len(split) for name, split in data.splits.items()}
    return {"name": data.name, "description": data.description, "source": data.source, "splits": sizes}


def _samples(data: Dataset, count: int) -> tuple[list[str], list[list[str]]]:
    """Rows of a training split, wide ones cut."""
    split = data.train.select(slice(0, count))
    rows = [[_cell(split[name][row]) for name in split.columns] for row in range(len(split))]
    return list(split.columns), rows


def _number(value: float) -> str:
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, np.ndarray):
        return str(value)[:40]
    flat = value.ravel()
    shown = " ".join(f"{number:.4g}" for number in flat[:SHOWN])
    return shown if len(flat) <= SHOWN else f"{shown} ... {value.shape}"
