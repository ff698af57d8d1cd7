"""Rows of text that no reader could read, emptied in a copy of their file, so that all others are read as usual."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

from agcli.counts import number_of
from agcli.datasets import TableFile
from agcli.datasets.delimited import pieces
from agcli.datasets.files import UNBOUNDED, row_of
from agcli.datasets.json_lines import KINDS, clash, kind_of, read_object
from agcli.datasets.shards import Sharded
from agcli.datasets.tabular import Delimited, Lines, Reader

Bad = Mapping[int, str]  # what is wrong with a row, by its number
Write = Callable[[bytes], object]
Tell = Callable[[int, str], object]  # of a bad row
Writer = Callable[[TableFile, Write, Tell], tuple[TableFile, int]]  # gives how the copy is written, and its rows
_TORN = 100  # records of a piece that are taken apart, as a quote in them may never be closed


def emptied(file: TableFile, folder: Path, names: Sequence[str] = ()) -> tuple[TableFile, Bad, Mapping[str, str]]:
    """A file whose bad rows are empty ones, in ``folder``: those with too many cells or too few, and broken JSON.

    ``names`` are the columns of a file that says none, as no line of it is an object. Also what is wrong with the rows,
    and of each copy's name the name of what it is a copy of. Other formats stay as they are.
    """
    if isinstance(file.reader, Sharded):
        return _of_shards(file, file.reader, folder, names)
    write = _writer(file.reader, names)
    if write is None:
        return file, {}, {}
    form, _, bad = _copied(file, folder, write)
    return form, bad, {str(form.path): str(file.path)}


def _copied(file: TableFile, folder: Path, write: Writer) -> tuple[TableFile, int, Bad]:
    """The copy, how many rows it has, and the bad ones."""
    place, bad = folder / file.path.name, dict[int, str]()
    with place.open("wb") as out:
        form, rows = write(file, out.write, bad.setdefault)
    return replace(form, path=place), rows, {row: f"{row_of(str(file.path), row)}: {text}" for row, text in bad.items()}


def _of_shards(
    file: TableFile, several: Sharded, folder: Path, columns: Sequence[str]
) -> tuple[TableFile, Bad, Mapping[str, str]]:
    write = _writer(several.reader, columns)
    if write is None:
        return file, {}, {}
    form, copies, bad, names, before = file, list[Path](), dict[int, str](), dict[str, str](), 0
    for number, path in enumerate(several.paths):
        inside = folder / str(number)
        inside.mkdir()
        form, rows, found = _copied(replace(file, path=path, reader=several.reader), inside, write)
        copies.append(form.path)
        names[str(form.path)] = str(path)
        bad |= {before + row: text for row, text in found.items()}
        before += rows
    return replace(form, path=file.path, reader=Sharded(several.reader, tuple(copies))), bad, names


def _writer(reader: Reader | None, names: Sequence[str]) -> Writer | None:
    if isinstance(reader, Lines):
        return lambda file, write, tell: _lines(file, write, tell, names)
    return _delimited if isinstance(reader, Delimited) else None


def _delimited(file: TableFile, write: Write, tell: Tell) -> tuple[TableFile, int]:
    """The header, and rows with as many cells as it has; a quote that is never closed spoils one line alone."""
    reader = file.reader
    assert isinstance(reader, Delimited)  # noqa: S101  # asked before
    form = reader.dialect(file)
    count, mark = len(form.names), form.separator
    empty = ('""' + mark * (count - 1) + "\n").encode()
    if form.has_header:
        head = io.StringIO()
        csv.writer(head, delimiter=mark, lineterminator="\n").writerow("" if n in form.left else n for n in form.names)
        write(head.getvalue().encode())
    row = blank = 0
    start = form.start
    for piece in pieces(file.path, UNBOUNDED, encoding=file.encoding, note=file.note):
        for text, cells in _records(form.samples(piece[start:]).decode("utf-8"), mark, count):
            if not cells or (len(cells) == 1 and not cells[0].strip() and (count > 1 or text.isspace())):
                write(text.encode())
                blank += count == 1  # a row whose cell is missing, unless nothing follows
                continue
            row += blank + 1
            blank = 0
            is_even = len(cells) == count
            wrong = _misquoted(text, mark) if is_even else f"expected {number_of(count, 'cell')}, found {len(cells):,}"
            if wrong:
                tell(row, wrong)
            write(empty if wrong else text.encode())
        start = 0
    return replace(file, separator=mark, header=form.has_header, encoding=None), row


def _records(text: str, mark: str, count: int) -> Iterator[tuple[str, list[str]]]:
    """The records of a text and their cells; a wrong one of several lines is only the first of them."""
    lines, at, torn = io.StringIO(text, newline="\n").readlines(), 0, 0
    while at < len(lines):
        reader = csv.reader(islice(lines, at, None), delimiter=mark, skipinitialspace=True)
        end = 0
        try:
            for cells in reader:
                taken, end = reader.line_num - end, reader.line_num
                text = "".join(lines[at : at + taken])
                is_torn = taken > 1 and torn < _TORN and (len(cells) != count or bool(_misquoted(text, mark)))
                torn += is_torn
                yield lines[at] if is_torn else text, cells
                at += 1 if is_torn else taken
                if is_torn:
                    break
            else:
                return
        except csv.Error:  # a cell that is too long for this reader
            yield lines[at], [""] * (count + 1)
            at += 1


def _misquoted(record: str, mark: str) -> str:
    """What is wrong with the quotes of a record, of which polars would read nothing."""
    if '"' not in record:
        return ""
    lines = io.StringIO(record, newline="")
    try:
        list(csv.reader(lines, delimiter=mark, skipinitialspace=True, strict=True))
    except csv.Error as problem:
        return "a quote is never closed" if str(problem) == "unexpected end of data" else str(problem)
    return ""


def _lines(file: TableFile, write: Write, tell: Tell, names: Sequence[str]) -> tuple[TableFile, int]:
    """JSON objects; in the place of another line, or of one with a value of another kind than those of the other lines,
    one with a key of the others and nothing in it."""
    usual = _usual(file)
    nothing = {next(iter(usual)): None} if usual else dict.fromkeys(names, "")
    empty = json.dumps(nothing).encode() + b"\n"
    row = 0
    for row, line in enumerate(_each(file), 1):
        try:
            found = read_object(line.strip())
        except ValueError as problem:
            tell(row, str(problem))
            write(empty)
            continue
        wrong = next(
            (key for key, held in found.items() if held is not None and clash(usual[key], kind_of(held))), None
        )
        if wrong is not None:
            tell(row, f'column "{wrong}": expected {usual[wrong]}, found {json.dumps(found[wrong])[:40]}')
        write(empty if wrong is not None else line.rstrip(b"\r\n") + b"\n")
    return replace(file, encoding=None), row


def _usual(file: TableFile) -> dict[str, str]:
    """The kind of most of the values of each key."""
    kinds: dict[str, Counter[str]] = {}
    for line in _each(file):
        with suppress(ValueError):
            for key, held in read_object(line.strip()).items():
                counts = kinds.setdefault(key, Counter())
                counts.update([] if held is None else [kind_of(held)])
    return {key: _most(counts) for key, counts in kinds.items()}


def _most(counts: Counter[str]) -> str:
    """The most frequent kind; of text and others that may stand beside it, text."""
    first = max(KINDS, key=lambda kind: counts[kind])
    return KINDS[0] if counts[KINDS[0]] and not clash(KINDS[0], first) else first


def _each(file: TableFile) -> Iterator[bytes]:
    """The lines that hold something."""
    for piece in pieces(file.path, UNBOUNDED, encoding=file.encoding, note=file.note):
        yield from (line for line in piece.splitlines(keepends=True) if line.strip())
