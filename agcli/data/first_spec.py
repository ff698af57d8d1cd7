"""A first spec for a file: roles, target, loss and a small model, guessed, explained, and ready to train."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from agcli.counts import number_of
from agcli.data.dataset_info import content, warnings
from agcli.data.formats import table_file
from agcli.data.mending import usual
from agcli.datasets import Categorical, DataError, Ignore, Role, Table, Text, kinds
from agcli.datasets.frame import Frame
from agcli.engine.variables import write_atomically
from agcli.printable import printable
from agcli.spec.dump import quoted

SMALL = 5_000  # samples; below, many passes are cheap and batches are small
WIDE = 400  # columns that are written out


@dataclass(frozen=True)
class Draft:
    """The text of a spec and where it belongs."""

    path: Path
    text: str
    warnings: tuple[str, ...] = ()


def draft(file: str, target: str | None = None, out: Path | None = None) -> Draft:
    """A spec for a table, with what was guessed as comments; written to `<file>.yaml`, or to ``out``.

    Raises DataError if the file is no table, or has no such target.
    """
    table = Table(source=table_file(Path(file)), target=(target,) if target else ())
    frame = table.source.read()
    settled = table.settled(frame)
    path = out or Path(f"{Path(file).name.split('.')[0]}.yaml")
    found = warnings(table)
    chosen, apart = _one_input(settled, frame)
    if apart:
        found.append(f"left out: {', '.join(map(quoted, apart))} (free text, which needs an input of its own)")
    return Draft(path, "\n".join(_lines(chosen, frame, path, found)) + "\n", tuple(found))


def write(made: Draft, *, force: bool = False) -> None:
    """Write the draft into its place, which must be free unless forced."""
    if made.path.exists() and not force:
        raise DataError(f"{made.path}: exists; name another with --out, or replace it with --force")
    if not made.path.parent.is_dir():
        raise DataError(f"{made.path}: no such folder: {made.path.parent}")
    write_atomically(made.path, made.text.encode())


def _one_input(table: Table, frame: Frame) -> tuple[Table, list[str]]:
    """The table for a model of one input, and the texts that are left out: all but the longest, if there is no more."""
    inputs = {name: role for name, role in table.columns.items() if name not in table.target and role.name != "ignore"}
    texts = {name: frame[name].texts().str.len_chars().mean() or 0 for name in inputs if isinstance(inputs[name], Text)}
    longest = max(texts, key=lambda name: texts[name], default=None) if len(texts) == len(inputs) else None
    apart = [name for name in texts if name != longest]
    return replace(table, columns={**table.columns, **dict.fromkeys(apart, Ignore())}), apart


def _lines(table: Table, frame: Frame, path: Path, found: list[str]) -> Iterator[str]:
    name = table.target[0]
    role = table.columns[name]
    file = os.path.relpath(table.source.path, path.parent)
    samples = number_of(len(frame), "sample")
    yield f"# {printable(table.source.path.name)}: {samples}. Train with: ag train {printable(str(path))}"
    yield "# All of this was guessed from the file; change what is wrong."
    yield from (f"# warning: {printable(text)}" for text in found)
    yield "data:"
    yield f"  file: {quoted(file)}"
    yield f"  target: {quoted(name)} # {_comment(content(frame[name], role))}"
    yield from _columns(table, frame)
    kind = table.split.name if table.split else "shuffled"
    yield f"  split: {kind} # one sample in five for testing, 15 % of the others for validation"
    yield ""
    texts = [role for role in table.columns.values() if isinstance(role, Text)]
    yield from _model(role, frame, name, texts)
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
        yield f"    {quoted(name)}: {role.name} # {_comment('; '.join(note for note in notes if note))}"


def _model(role: Role, frame: Frame, target: str, texts: list[Text]) -> Iterator[str]:
    yield "model:"
    for text in texts:
        yield f"  - embedding: {{size: {text.vocabulary}, width: 32}} # a vector a word"
        yield "  - global_avg_pool # their mean"
    yield "  - dense: {units: 64, activation: relu}"
    yield "  - dense: {units: 32, activation: relu}"
    if isinstance(role, Categorical):
        classes = role.names(frame[target]).drop_nulls().n_unique()
        yield f"  - dense: {max(classes, 2)} # a score for each class"
    else:
        yield "  - dense: 1 # the prediction"


def _training(role: Role, samples: int) -> Iterator[str]:
    is_class = isinstance(role, Categorical)
    yield f"loss: {usual(kinds.CLASSES if is_class else kinds.NUMBERS)}"
    scaled = " # in units of the target"
    yield "metrics: " + ("[accuracy]" if is_class else f"[root_mean_squared_error, mean_absolute_error]{scaled}")
    yield "optimizer: {adam: 0.003} # a smaller number learns slower and surer"
    epochs, batch = (50, 32) if samples < SMALL else (20, 128)
    yield f"train: {{epochs: {epochs}, batch_size: {batch}}}"


def _comment(text: str) -> str:
    """Text that stays on its line and steers no terminal."""
    return printable(text)[:120]
