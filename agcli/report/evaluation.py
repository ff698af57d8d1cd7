"""An evaluation as tables in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from agcli.counts import number_of
from agcli.engine.types import Array
from agcli.evaluation import Evaluation, Figure
from agcli.evaluation.classes import Calibration, ClassRow
from agcli.evaluation.groups import Group
from agcli.evaluation.worst import Worst
from agcli.prediction import Classes
from agcli.printable import printable

from . import fits
from .figures import figure

WIDE = 12  # classes of a confusion matrix that fit a terminal; of more, the most frequent confusions are listed
LONG = 30  # classes in a table
NO_INTERVAL = {"calibration_error": "none: a resample has larger gaps"}  # of figures that have none, and why
GROUPED = 2  # figures of a group
CUT = 24  # characters of a cell
WORDS = {"train": "training", "validation": "validation", "test": "test"}  # of splits
PLAIN = 80  # characters of a sample's line where there is no terminal


def print_evaluation(console: Console, found: Evaluation) -> None:
    """Print all of it."""
    for part in parts(found, console.width if console.is_terminal else PLAIN):
        console.print(part, highlight=False)


def parts(found: Evaluation, width: int) -> Iterator[RenderableType]:
    """The tables, the most important first."""
    where = f" ({found.split})" if found.split else ""
    yield Text(f"{found.name}: {number_of(found.samples, 'sample')} of {found.data}{where}, {weights_of(found)}")
    for note in found.notes:
        yield Text(f"note: {note}", "yellow")
    yield figure_table(found)
    if found.fit is not None:
        yield from fit_parts(found.fit)
    if found.outputs:
        yield Text(f"\noutputs{of_data(found.outputs_of)}", "bold")
        yield output_table(found.outputs)
    if found.table:
        what = noun_of(found)
        yield Text(f"\n{what[1]}", "bold")
        yield class_table(found.table, what[0])
    if found.confusion is not None:
        many = len(found.classes) > WIDE
        yield Text("\nconfused most often" if many else "\nconfusion: a row a class, a column a prediction", "bold")
        yield confusion_table(found.classes, found.confusion, rows_of(found))
    if found.calibration:
        error = figure(found.calibration.error)
        yield Text(f"\ncalibration: certainty and accuracy differ by {error} on average", "bold")
        yield calibration_table(found.calibration)
    if found.groups:
        yield Text(f"\nby {printable(found.by or '')}", "bold")
        yield group_table(found.by or "", found.groups)
    if found.worst:
        yield Text("\nworst samples", "bold")
        yield worst_table(found.worst, width)


def weights_of(found: Evaluation) -> str:
    """Which weights were judged, in words."""
    kind = {"best": "the best weights, ", "last": "the last weights, "}.get(found.weights, "weights ")
    return f"{kind}of step {found.step:,}"


def of_data(split: str) -> str:
    """Of which split something is, in words; empty for a file's samples."""
    return {name: f" of the {words} data" for name, words in WORDS.items()}.get(split, "")


def fit_parts(fit: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The parameters of a least-squares fit with their errors, or why they have none."""
    if fits.problem(fit):
        yield Text(fits.problem(fit))
        return
    yield Text(f"\n{fits.heading(fit)}", "bold")
    table = columned(*fits.HEAD, right=(1, 2))
    for row in fits.rows(fit):
        table.add_row(*row)
    yield table
    yield from map(Text, fits.remarks(fit))


def output_table(outputs: Mapping[str, Array]) -> Table:
    """The spec's own formulas: their values, in short if they are many."""
    table = columned("name", "value", right=(1,))
    for name, value in outputs.items():
        table.add_row(name, np.array2string(value, precision=5, threshold=64, suppress_small=True))
    return table


def figure_table(found: Evaluation) -> Table:
    """Figures with intervals; what the spec measures beside them; and what a constant answer would reach."""
    table = columned("metric", "value", "95 % interval", "constant answer", right=(1, 2, 3))
    table.columns[0].no_wrap = False
    table.add_row("loss", figure(found.loss), "", "")
    for name, f in found.figures.items():
        table.add_row(name, amount(f.value), interval(f), "" if f.baseline is None else amount(tidy(f.baseline)))
    for name, value in found.metrics.items():
        if name not in found.figures and np.ndim(value) == 0:
            table.add_row(printable(name), amount(value), NO_INTERVAL.get(name, ""), "")
    return table


def noun_of(found: Evaluation) -> tuple[str, str]:
    """What the rows of the table of classes are: one of them, and several."""
    is_labels = isinstance(found.answers, Classes) and found.answers.of
    return ("label", "labels") if is_labels else ("class", "classes")


def class_table(rows: Sequence[ClassRow], noun: str = "class") -> Table:
    table = columned(noun, "samples", "predicted", "precision", "recall", "f1", right=range(1, 6))
    for row in rows[:LONG]:
        shares = [share(x) for x in (row.precision, row.recall, row.f1)]
        table.add_row(short(row.name), counted(row.samples), counted(row.predicted), *shares)
    if len(rows) > LONG:
        table.add_row(f"and {len(rows) - LONG:,} more", "", "", "", "", "")
    return table


def confusion_table(classes: Sequence[str], counts: Any, rows: Sequence[str]) -> Table:
    """A row for each class, a column for each prediction; of many classes, the pairs that are confused most."""
    if len(classes) > WIDE:
        table = columned("class", "taken for", "samples", right=(2,))
        off = np.where(np.eye(counts.shape[0], counts.shape[1], dtype=bool), 0, counts)
        for place in np.argsort(-off, axis=None, kind="stable")[:10]:
            true, said = divmod(int(place), len(classes))
            if off[true, said]:
                table.add_row(short(rows[true]), short(classes[said]), counted(off[true, said]))
        return table
    names = [short(name, 10) for name in classes]
    table = columned("", *names, right=range(1, len(names) + 1))
    for i, name in enumerate(rows):
        styles = ["green" if i == j else "" if n else "dim" for j, n in enumerate(counts[i])]
        row = [Text(counted(n) if n else "·", style) for n, style in zip(counts[i], styles, strict=True)]
        table.add_row(short(name, 10), *row)
    return table


def rows_of(found: Evaluation) -> list[str]:
    """The names of the rows of a confusion matrix: the classes, and those that training does not have, if there are."""
    count = 0 if found.confusion is None else len(found.confusion)
    known = found.answers.known if isinstance(found.answers, Classes) else found.classes
    return [*known, "(unseen)"][:count]


def calibration_table(found: Calibration) -> Table:
    table = columned("certainty", "samples", "mean certainty", "accuracy", right=range(1, 4))
    for b in found.bins:
        table.add_row(f"{b.low:.2f} to {b.high:.2f}", counted(b.samples), share(b.certainty), share(b.accuracy))
    return table


def group_table(by: str, groups: Sequence[Group]) -> Table:
    """The figures of each group in a column each, with their intervals below."""
    names = list(groups[0].figures)[:GROUPED]
    table = columned(short(by), "samples", *names, right=range(1, len(names) + 2))
    for group in groups:
        cells = [f"{amount(group.figures[n].value)}\n{interval(group.figures[n])}" for n in names]
        table.add_row(short(group.name, 18), f"{group.samples:,}", *cells)
    return table


def worst_table(rows: Sequence[Worst], width: int) -> Table:
    """A row a sample, with as many of its cells as fit; `--json` has all of them."""
    table = columned("row", "true", "said", "wrong by", "sample", right=(0, 3))
    lines = [
        (f"{row.row:,}", *(short(cell_text(value), 14) for value in (row.truth, row.said)), amount(row.wrong))
        for row in rows
    ]
    heads = ("row", "true", "said", "wrong by")
    room = width - 12 - sum(max(len(line[i]) for line in [heads, *lines]) for i in range(4))
    for row, line in zip(rows, lines, strict=True):
        cells = " ".join(f"{short(name)}={short(cell_text(value))}" for name, value in row.cells.items())
        table.add_row(*line, Text(short(cells, max(room, 10)), "dim"))
    return table


def columned(*columns: str, right: Sequence[int] = ()) -> Table:
    """An empty table; where a terminal is too narrow for it, cells take more lines and lose nothing."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for i, name in enumerate(columns):
        table.add_column(Text(printable(name)), justify="right" if i in right else "left", overflow="fold")
    return table


def amount(value: float) -> str:
    """Four digits behind the point, but whole numbers from a thousand on."""
    if 100 <= abs(value) < 1e12:
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}"
    return figure(value)


def counted(value: float) -> str:
    """How many samples, or their weights in all, to two digits behind the point."""
    return f"{value:,.2f}".removesuffix(".00")


def interval(f: Figure) -> str:
    return "" if f.low is None or f.high is None else f"{amount(f.low)} to {amount(f.high)}"


def share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def tidy(value: float) -> float:
    """Zero where only rounding made something else of it."""
    return 0.0 if abs(value) < 1e-9 else value


def short(text: str, length: int = CUT) -> str:
    shown = printable(text)
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"


def cell_text(value: Any) -> str:
    """A cell in a few characters."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        flat = np.ravel(np.array(value, dtype=object))
        return f"{' '.join(cell_text(v) for v in flat[:4])}{' ...' if len(flat) > 4 else ''}"
    return str(value)
