"""Charts as SVG: lines, points, bars. Colours and fonts are classes, so that the page decides on light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agcli.engine.types import Array

from .html import Html, joined, tag

WIDTH, HEIGHT = 460, 240
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 12, 34  # margins
SMALLEST = 1e-300  # a distance between two values that has a fifth
DOTTED = 60  # points; of more, a line has no dots


@dataclass(frozen=True)
class Series:
    """A line: its name and its points."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True)
class Frame:
    """The plane of a chart: what of both axes is shown."""

    x0: float
    x1: float
    y0: float
    y1: float

    def x(self, value: float) -> float:
        """The place of a value on the horizontal axis."""
        return LEFT + (value - self.x0) / ((self.x1 - self.x0) or 1.0) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """The place of a value on the vertical axis."""
        return HEIGHT - BOTTOM - (value - self.y0) / ((self.y1 - self.y0) or 1.0) * (HEIGHT - TOP - BOTTOM)


def lines(title: str, series: Sequence[Series], across: str) -> Html:
    """Lines over a common axis of whole numbers, with a legend; every dot says its values."""
    known = [s for s in series if len(s.x)]
    xs, ys = [v for s in known for v in s.x], [v for s in known for v in s.y]
    marks = ticks(min(ys), max(ys))
    frame = Frame(min(xs), max(xs), marks[0], marks[-1])
    whole = [tick for tick in ticks(min(xs), max(xs)) if tick == int(tick)]
    parts = [axes(frame, whole, marks, across)]
    for number, s in enumerate(known):
        points = list(zip(s.x, s.y, strict=True))
        parts.append(tag("path", d=way(frame, points), class_=f"line s{number}"))
        for x, y in points if len(points) <= DOTTED else ():
            said = tag("title", f"{s.name}: {number_text(y)} at {across} {number_text(x)}")
            place = {"cx": f"{frame.x(x):.1f}", "cy": f"{frame.y(y):.1f}"}
            parts.append(tag("circle", said, **place, r=2.6, class_=f"dot s{number}"))
    return figure(title, parts, [(f"s{i}", s.name) for i, s in enumerate(known)] if len(known) > 1 else [])


def reliability(title: str, bins: Sequence[tuple[float, float, str]]) -> Html:
    """Accuracy over certainty, a bar a bin, and the line on which both are the same."""
    frame = Frame(0.0, 1.0, 0.0, 1.0)
    marks = [0.0, 0.25, 0.5, 0.75, 1.0]
    parts = [axes(frame, marks, marks, "certainty")]
    width = (WIDTH - LEFT - RIGHT) / 15 * 0.8
    for certainty, accuracy, samples in bins:
        top = frame.y(accuracy)
        said = tag("title", f"{samples} samples: certainty {certainty:.3f}, accuracy {accuracy:.3f}")
        place = {"x": f"{frame.x(certainty) - width / 2:.1f}", "y": f"{top:.1f}", "width": f"{width:.1f}"}
        parts.append(tag("rect", said, **place, height=f"{max(frame.y(0) - top, 1):.1f}", class_="bar"))
    parts.append(tag("line", x1=frame.x(0), y1=frame.y(0), x2=frame.x(1), y2=frame.y(1), class_="same"))
    return figure(title, parts, [("bar", "accuracy"), ("same", "as certain as right")])


def scatter(title: str, x: Sequence[float], y: Sequence[float], across: str, up: str) -> Html:
    """Points, and the line on which both values are the same."""
    low, high = float(np.quantile([*x, *y], 0.002)), float(np.quantile([*x, *y], 0.998))
    marks = ticks(low, high)
    frame = Frame(marks[0], marks[-1], marks[0], marks[-1])
    parts = [axes(frame, marks, marks, across)]
    parts.append(
        tag(
            "line",
            x1=frame.x(frame.x0),
            y1=frame.y(frame.y0),
            x2=frame.x(frame.x1),
            y2=frame.y(frame.y1),
            class_="same",
        )
    )
    for a, b in zip(x, y, strict=True):
        if frame.x0 <= a <= frame.x1 and frame.y0 <= b <= frame.y1:
            parts.append(tag("circle", cx=f"{frame.x(a):.1f}", cy=f"{frame.y(b):.1f}", r=1.8, class_="point"))
    return figure(title, parts, [("point", f"{up} over {across}"), ("same", "both the same")])


def curve(
    title: str,
    samples: tuple[Sequence[float], Sequence[float]],
    grid: Array,
    values: Array,
    bands: Sequence[tuple[str, Array | None]],
    across: str,
) -> Html:
    """A curve over points, in bands (m, 2) about it, the widest first."""
    known = [(name, band) for name, band in bands if band is not None]
    ends = np.concatenate([samples[1], values, *(band.reshape(-1) for _, band in known)])
    ends = ends[np.isfinite(ends)]
    wide, high = ticks(float(grid[0]), float(grid[-1])), ticks(float(ends.min()), float(ends.max()))
    frame = Frame(wide[0], wide[-1], high[0], high[-1])
    parts = [axes(frame, wide, high, across)]
    for number, (_, band) in enumerate(known):
        there = np.flatnonzero(np.isfinite(band).all(axis=1))
        around = [(grid[i], band[i, 0]) for i in there] + [(grid[i], band[i, 1]) for i in there[::-1]]
        if around:
            parts.append(tag("path", d=f"{way(frame, around)}Z", class_=f"band b{number}"))
    for x, y in zip(*samples, strict=True):
        parts.append(tag("circle", cx=f"{frame.x(x):.1f}", cy=f"{frame.y(y):.1f}", r=1.8, class_="point"))
    line = [(x, y) for x, y in zip(grid, values, strict=True) if np.isfinite(y)]
    parts.append(tag("path", d=way(frame, line), class_="line s1"))
    legend = [("point", "samples"), ("s1", "model"), *((f"band b{i}", name) for i, (name, _) in enumerate(known))]
    return figure(title, parts, legend)


def way(frame: Frame, points: Sequence[tuple[float, float]]) -> str:
    """The path from point to point."""
    return " ".join(f"{'L' if i else 'M'}{frame.x(x):.1f} {frame.y(y):.1f}" for i, (x, y) in enumerate(points))


def axes(frame: Frame, across: Sequence[float], up: Sequence[float], name: str) -> Html:
    """Grid lines with their numbers, and the name of the horizontal axis."""
    parts = []
    for value in up:
        y = f"{frame.y(value):.1f}"
        parts.append(tag("line", x1=LEFT, y1=y, x2=WIDTH - RIGHT, y2=y, class_="grid"))
        parts.append(tag("text", number_text(value), x=LEFT - 6, y=float(y) + 3.5, class_="tick up"))
    low = HEIGHT - BOTTOM + 15
    shown = [value for value in across if frame.x0 <= value <= frame.x1]
    parts += [tag("text", number_text(value), x=f"{frame.x(value):.1f}", y=low, class_="tick") for value in shown]
    parts.append(tag("text", name, x=(LEFT + WIDTH - RIGHT) / 2, y=HEIGHT - 4, class_="tick"))
    return joined(parts)


def figure(title: str, parts: Sequence[Html], legend: Sequence[tuple[str, str]]) -> Html:
    """A chart with its title and the names of what is drawn."""
    drawn = tag("svg", *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=title)
    keys = tag("div", *(tag("span", tag("i", class_=f"key {c}"), name) for c, name in legend), class_="legend")
    return tag("figure", tag("figcaption", title), drawn, keys if legend else "")


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers that enclose an interval, about ``count`` of them: multiples of 1, 2 or 5 times a power of ten."""
    if not high - low > SMALLEST:
        span = abs(low) or 1.0
        low, high = low - span / 2, high + span / 2
    raw = high / count - low / count  # the difference may be too large for a number
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def number_text(value: float) -> str:
    """A number in a few characters."""
    if value and not 1e-4 <= abs(value) < 1e6:
        return f"{value:.3g}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
