"""Curves in the terminal, drawn with braille dots: four rows and two columns of dots a character."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np

from agcli.engine.types import Array

WIDTH, HEIGHT = 64, 12  # characters
SAMPLES = 8  # points a column of dots
DOTS = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]
MARGIN = 10  # characters for the numbers at the left


@dataclass(frozen=True)
class Curve:
    """A title and the values at the points of an interval; NaN where there is no value."""

    title: str
    values: Array


def grid(low: float, high: float) -> Array:
    """The points at which curves are drawn."""
    return np.linspace(low, high, 2 * WIDTH * SAMPLES)


def panels(low: float, high: float, curves: Sequence[Curve]) -> str:
    """One panel a curve, below each other, over the same interval."""
    ends = f"{low:.4g}", f"{high:.4g}"
    axis = " " * MARGIN + "└" + "─" * WIDTH
    numbers = " " * (MARGIN + 1) + ends[0] + ends[1].rjust(WIDTH - len(ends[0]))
    return "\n\n".join("\n".join([curve.title, *panel(curve.values), axis, numbers]) for curve in curves)


def panel(values: Array) -> list[str]:
    """The rows of one panel, with the largest and the smallest value at the left."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return [" " * MARGIN + "│ no value in this interval"]
    low, high = limits(finite)
    dots = draw(values, low, high)
    labels = {0: f"{high:.4g}", HEIGHT - 1: f"{low:.4g}"}
    rows = []
    for row in range(HEIGHT):
        line = "".join(character(dots[4 * row : 4 * row + 4, 2 * c : 2 * c + 2]) for c in range(WIDTH))
        label = labels.get(row, "")
        rows.append(f"{label:>{MARGIN - 1}} {'┤' if label else '│'}{line}".rstrip())
    return rows


def limits(finite: Array) -> tuple[float, float]:
    """The values between which a panel is drawn; peaks of poles are cut off."""
    low, high = float(finite.min()), float(finite.max())
    inner_low, inner_high = np.percentile(finite, [5, 95])
    spread = float(inner_high - inner_low)
    if high - low > 10 * spread > 0:
        low, high = max(low, float(inner_low) - spread), min(high, float(inner_high) + spread)
    if high - low <= 1e-12 * max(1.0, abs(high)):
        middle = abs(high) or 1.0
        return low - middle, high + middle
    return low, high


def draw(values: Array, low: float, high: float) -> Array:
    """Dots: each column from the smallest to the largest value that it holds; NaN leaves a gap."""
    dots = np.zeros((4 * HEIGHT, 2 * WIDTH), bool)
    last = len(dots) - 1
    with np.errstate(invalid="ignore"):
        heights = (high - values) / (high - low) * last
    for column in range(dots.shape[1]):
        part = heights[max(0, column * SAMPLES - 1) : (column + 1) * SAMPLES]
        for a, b in pairwise(part):
            if np.isfinite(a) and np.isfinite(b):
                top, bottom = sorted((round(float(np.clip(a, -1, last + 1))), round(float(np.clip(b, -1, last + 1)))))
                dots[max(top, 0) : min(bottom, last) + 1, column] = True
    return dots


def character(cell: Array) -> str:
    code = int(np.sum(np.where(cell, DOTS, 0)))
    return chr(0x2800 + code) if code else " "


def save(path: str, points: Array, curves: Sequence[Curve]) -> None:
    """The curves as a picture, by matplotlib; the file appears whole or not at all."""
    from agcli.data.whole_file import whole_file
    from agcli.expression.errors import ExpressionError

    if not path.endswith((".svg", ".png")):
        raise ExpressionError(f"--save: expected a file that ends in .svg or .png, found `{path}`")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ExpressionError("--save needs matplotlib", hint="run `pip install agcli[plots]`") from None
    figure = Figure(figsize=(7, 2.5 * len(curves)), layout="constrained")
    for number, curve in enumerate(curves):
        axes = figure.add_subplot(len(curves), 1, number + 1)
        axes.set_title(curve.title, fontsize=10)
        axes.set_xlim(points[0], points[-1])
        axes.grid(alpha=0.3)
        finite = curve.values[np.isfinite(curve.values)]
        if not finite.size:
            axes.text(0.5, 0.5, "no value in this interval", transform=axes.transAxes, ha="center")
            continue
        low, high = limits(finite)
        axes.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
        axes.plot(points, np.where(np.isfinite(curve.values), curve.values, np.nan))
    picture = BytesIO()
    figure.savefig(picture, format=path[-3:])
    with whole_file(Path(path)) as file:
        file.write(picture.getbuffer())
