"""Runs in the terminal: a table of them, and comparisons with curves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agcli.comparison import Comparison, Curve, Row
from agcli.model.undefined import Undefined
from agcli.printable import printable

from .evaluation import amount, columned, short
from .figures import duration

STYLES = {"done": "green", "training": "cyan", "stopped": "yellow", "damaged": "red"}
COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "red")
METRICS = 3  # in a list
SPLITS = {"test": "test", "validation": "validation", "train": "training; no test data"}
WIDTH, HEIGHT = 60, 12  # of a drawing, in characters


def print_list(console: Console, rows: Sequence[Row], place: Path) -> None:
    """A line a run, by its name in the folder ``place``."""
    table = columned("run", "state", "started", "epochs", "time", "result", right=(3, 4))
    for row in rows:
        began = time.localtime(row.started)
        started = time.strftime("%m-%d %H:%M" if began.tm_year == time.localtime().tm_year else "%Y-%m-%d", began)
        numbers = [(k, v) for k, v in row.metrics.items() if isinstance(v, int | float)]
        result = "  ".join(f"{k} {amount(v)}" for k, v in numbers[:METRICS])
        result += f"  ({SPLITS[row.split]})" if numbers else ""
        state = Text(row.state, STYLES.get(row.state, ""))
        epochs = f"{row.epoch}/{row.epochs}"
        table.add_row(
            short(str(row.folder.relative_to(place)), 40),
            state,
            started,
            epochs,
            duration(row.seconds),
            Text(printable(result)),
        )
    console.print(table, highlight=False)


def print_comparison(console: Console, found: Comparison) -> None:
    """Settings that differ, results, and curves."""
    marks = [chr(ord("A") + i % 26) for i in range(len(found.runs))]
    for mark, name in zip(marks, found.runs, strict=True):
        console.print(Text.assemble((mark, color(mark)), f"  {printable(name)}"), highlight=False)
    console.print(Text("\nsettings that differ", "bold"))
    console.print(values_table(marks, found.settings) if found.settings else "none", highlight=False)
    console.print(Text("\nresults", "bold"))
    console.print(values_table(marks, found.results), highlight=False)
    for figure, curves in found.curves.items():
        console.print(Text(f"\n{figure} over the epochs", "bold"))
        console.print(drawing(curves, marks), highlight=False)


def values_table(marks: Sequence[str], values: dict[str, list[Any]]) -> Table:
    """A row a name, a column a run."""
    table = columned("", *marks, right=range(1, len(marks) + 1))
    for name, items in values.items():
        table.add_row(Text(printable(name)), *(Text(shown(item)) for item in items))
    return table


def shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, Undefined):
        return str(value)
    return short(f"{value:.6g}" if isinstance(value, float) else str(value), 60)


def color(mark: str) -> str:
    return COLOURS[(ord(mark) - ord("A")) % len(COLOURS)]


def drawing(curves: Sequence[Curve], marks: Sequence[str]) -> Text:
    """The curves of some runs in one frame, each drawn with its letter; where they meet, the last one shows."""
    there = [curve for curve in curves if curve.x]
    xs, ys = np.concatenate([c.x for c in there]), np.concatenate([c.y for c in there])
    low, high, end = float(ys.min()), float(ys.max()), float(xs.max())
    span, start = (high - low) or 1.0, float(xs.min())
    cells = [[" "] * WIDTH for _ in range(HEIGHT)]
    places = np.linspace(start, end, WIDTH)
    for mark, curve in zip(marks, curves, strict=True):
        if not curve.x:
            continue
        for column, value in enumerate(np.interp(places, curve.x, curve.y)):
            if curve.x[0] <= places[column] <= curve.x[-1] + 1e-9:
                cells[round((high - value) / span * (HEIGHT - 1))][column] = mark
    labels = {0: amount(high), HEIGHT - 1: amount(low)}
    text = Text()
    for i, line in enumerate(cells):
        text.append(f"{labels.get(i, ''):>10} │", "dim")
        for character in line:
            text.append(character, color(character) if character != " " else "")
        text.append("\n")
    ends = f"{start:g}", f"{end:g}"
    text.append(f"{'':>10} └{'─' * WIDTH}\n{'':>12}{ends[0]}{ends[1]:>{WIDTH - len(ends[0])}}", "dim")
    return text
