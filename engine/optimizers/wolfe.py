"""Line search: a step along a direction that fulfils the strong Wolfe conditions.

Nocedal and Wright, Numerical Optimization, 2nd edition, algorithms 3.5 (bracket) and 3.6 (zoom), equation 3.59.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from ..types import Array

DECREASE, CURVATURE = 1e-4, 0.9
TRIALS = 25  # evaluations in one search, at most
GROWTH = 10.0  # at most, from one trial step to the next
MARGIN = 0.1  # of a bracket; a trial keeps this far from its ends


@dataclass(frozen=True)
class Point:
    """The loss at ``x + t d``, its slope along d, and its whole gradient."""

    t: float
    value: float
    slope: float
    gradient: Array

    @property
    def finite(self) -> bool:
        return math.isfinite(self.value) and math.isfinite(self.slope)


Evaluate: TypeAlias = Callable[[float], Point]


def low_enough(start: Point, p: Point) -> bool:
    """Armijo's condition: the loss fell by a share of what the slope promised."""
    return p.finite and p.value <= start.value + DECREASE * p.t * start.slope


def flat_enough(start: Point, p: Point) -> bool:
    return abs(p.slope) <= -CURVATURE * start.slope


def cubic_minimum(a: Point, b: Point) -> float:
    """Where the cubic with the values and slopes of both points is lowest.

    Their middle if that is nowhere; near the finite point if the other one is not.
    """
    middle = (a.t + b.t) / 2
    if a.finite != b.finite:  # the edge of where the loss is finite may lie anywhere: near the finite end, by decades
        near, far = (a, b) if a.finite else (b, a)
        return near.t + MARGIN * (far.t - near.t)
    if not a.finite or a.t == b.t:
        return middle
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if square < 0:
        return middle
    d2 = math.copysign(math.sqrt(square), b.t - a.t)
    divisor = b.slope - a.slope + 2 * d2
    return b.t - (b.t - a.t) * (b.slope + d2 - d1) / divisor if divisor else middle


def search(evaluate: Evaluate, start: Point, t: float) -> Point:
    """A point that fulfils both conditions; the best one found if none does, which may be ``start`` itself."""
    previous = start
    for trial in range(TRIALS):
        p = evaluate(t)
        if not low_enough(start, p) or (trial and p.value >= previous.value):
            return zoom(evaluate, start, previous, p, TRIALS - trial)
        if flat_enough(start, p):
            return p
        if p.slope >= 0:
            return zoom(evaluate, start, p, previous, TRIALS - trial)
        t = min(max(cubic_minimum(previous, p), t + 0.01 * (t - previous.t)), GROWTH * t)
        previous = p
    return previous


def zoom(evaluate: Evaluate, start: Point, low: Point, high: Point, trials: int) -> Point:
    """The same between ``low``, the lowest point so far that is low enough, and ``high``, which lies past a minimum."""
    for _ in range(trials):
        margin = MARGIN * abs(high.t - low.t)
        least, most = min(low.t, high.t) + margin, max(low.t, high.t) - margin
        p = evaluate(min(max(cubic_minimum(low, high), least), most))
        if not low_enough(start, p) or p.value >= low.value:
            high = p
            continue
        if flat_enough(start, p):
            return p
        if p.slope * (high.t - low.t) >= 0:
            high = low
        low = p
    return low
