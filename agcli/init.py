"""A first spec for a file: roles, target, loss and a small model, guessed, explained, and ready to train."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agcli.datasets import Categorical, DataError, Role, Table, TableFile, Text
from agcli.datasets.frame import Frame
from agcli.engine.variables import write_atomically
from agcli.spec.dump import quoted
from agcli.spec.errors import printable
from agcli.survey import content, described

SMALL = 5_000  # samples; below, many passes are cheap and batches are small
WIDE = 400  # columns that are written out


@dataclass(frozen=True)
class Draft:
    """The text of a spec and where it belongs."""

    path: Path
    text: str


def draft(file: str, target: str | None = None, out: Path | None = None) -> Draft:
    """A spec for a table, with what was guessed as comments; written to `<file>.yaml`, or to ``out``.

    Raises DataError if the file is no table, or has no such target.
    """
    table = described(file, (target,) if target else ())
    if not isinstance(table, Table) or not isinstance(table.source, TableFile):
        raise DataError(f"{file}: expected a table (CSV, TSV, JSON lines or Parquet)")
    frame = table.source.read()
    settled = table.settled(frame)
    path = out or Path(f"{Path(file).name.split('.')[0]}.yaml")
    return Draft(path, "\n".join(_lines(settled, frame, path)) + "\n")


def write(made: Draft, *, force: bool = False) -> None:
    """Write the draft into its place, which must be free unless forced."""
    if made.path.exists() and not force:
        raise DataError(f"{made.path}: exists; name another with --out, or replace it with --force")
    if not made.path.parent.is_dir():
        raise DataError(f"{made.path}: no such folder: {made.path.parent}")
    write_atomically(made.path, made.text.encode())


def _lines(table: Table, frame: Frame, path: Path) -> Iterator[str]:
    name = table.target[0]
    role = table.columns[name]
    file = os.path.relpath(table.source.path, path.parent)
    yield f"# {printable(table.source.path.name)}: {len(frame):,} samples. Train with: ag train {printable(str(path))}"
    yield "# All of this was guessed from the file; change what is wrong."
    yield "data:"
    yield f"  file: {quoted(file)}"
    yield f"  target: {quoted(name)} # {_comment(content(frame[name], role))}"
    yield from _columns(table, frame)
    yield f"  split: {table.split.name if table.split else 'shuffled'} # one sample in five for testing"
    yield ""
    yield from _model(role, frame, name)
    yield ""
    yield from _training(role, len(frame))


def _columns(table: Table, frame: Frame) -> Iterator[str]:
    if len(table.columns) > WIDE:
        yield f"  # {len(table.columns):,} columns, whose roles are guessed at every training; `columns:` settles them"
        return
    yield "  columns: # numeric, categorical, date, text, or ignore"
    for name, role in table.columns.items():
        missing = int(frame[name].missing().sum())
        notes = [content(frame[name], role), f"{missing:,} missing" if missing else ""]
        chosen = "ignore" if isinstance(role, Text) else role.name
        if isinstance(role, Text):
            notes.append("`text` gives it an input of its own")
        yield f"    {quoted(name)}: {chosen} # {_comment('; '.join(note for note in notes if note))}"


def _model(role: Role, frame: Frame, target: str) -> Iterator[str]:
    yield "model:"
    yield "  - dense: {units: 64, activation: relu}"
    yield "  - dense: {units: 32, activation: relu}"
    if isinstance(role, Categorical):
        classes = role.names(frame[target]).drop_nulls().n_unique()
        yield f"  - dense: {max(classes, 2)} # a score for each class"
    else:
        yield "  - dense: 1 # the prediction"


def _training(role: Role, samples: int) -> Iterator[str]:
    is_class = isinstance(role, Categorical)
    yield "loss: " + ("softmax_cross_entropy" if is_class else "mean_squared_error")
    scaled = " # of the standardised target: 1 is its standard deviation"
    yield "metrics: " + ("[accuracy]" if is_class else f"[root_mean_squared_error, mean_absolute_error]{scaled}")
    yield "optimizer: {adam: 0.003} # a smaller number learns slower and surer"
    epochs, batch = (50, 32) if samples < SMALL else (20, 128)
    yield f"train: {{epochs: {epochs}, batch_size: {batch}}}"


def _comment(text: str) -> str:
    """Text that stays on its line and steers no terminal."""
    return printable(text)[:120]
