"""The minima of a formula, or all its critical points."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np

from agcli.engine.frozen import changed, frozen
from agcli.engine.types import Array
from agcli.solving.critical import LINE, UNDECIDED, Judge, Point
from agcli.solving.descent import End, descend, inside, modest, rounded
from agcli.solving.functions import Objective, single_threaded
from agcli.solving.merging import groups, near
from agcli.solving.newton import newton
from agcli.solving.problem import Problem
from agcli.solving.starts import POOL, chosen, line, spread

GRID = 2_001  # numbers at which a formula of one variable is looked at
VALLEYS = 40  # of these that are searched
MOST = 40  # distinct points that are looked at closely
CROWD = 4  # points at which the Hessian is singular, of the same value, that are taken for one curve
PROBES = (1e2, 1e4, 1e6, 1e8)


@frozen
class Fall:
    """Values that go on falling: the last point that was looked at, and whether it is beyond all bounds."""

    x: Array
    value: float
    endless: bool


@frozen
class Minima:
    """The answer. `started` searches were made; `ended` of them elsewhere than at a point that is listed; `looked`
    points were looked at for starts, of which `outside` have no value; `left` distinct points were not looked at."""

    problem: Problem
    points: tuple[Point, ...]
    started: int
    ended: int
    looked: int
    outside: int
    left: int = 0
    fall: Fall | None = None
    everything: bool = False


@single_threaded
def minimize(problem: Problem, everything: bool = False) -> Minima:
    """Search from many starts. With `everything`, for maxima, saddles and all else where the gradient vanishes, too."""
    f = Objective(problem.formulas[0], problem.variables)
    pool = spread(problem, max(256, POOL * problem.starts))
    heights = f.value.many(pool)[:, 0]
    starts, outside = chosen(problem, pool, heights)
    if len(problem.variables) == 1:
        starts = np.concatenate([starts, valleys(f, problem, 1.0), *([valleys(f, problem, -1.0)] * everything)])
    ends = [descend(f, problem, x) for x in starts]
    searched = len(ends)
    if everything:
        upside = Objective(-problem.formulas[0], problem.variables)
        tops = [descend(upside, problem, x) for x in starts]
        flat = [stationary(f, problem, x) for x in starts]
        ends += [*(End(e.x, -e.value, e.fell) for e in tops), *(e for e in flat if e is not None)]
        searched *= 3
    usable = [e for e in ends if not e.fell and np.isfinite(e.value)]
    distinct = groups([e.x for e in usable], [e.value for e in usable])
    judge = Judge(f, problem, everything)
    if everything:  # maxima are the highest: where many searches ended is no less worth a look than where f is low
        half = MOST // 2
        distinct = distinct[:half] + sorted(distinct[half:], key=lambda end: -end[1])
    points = [point for x, count in distinct[:MOST] if (point := judge(x, count)) is not None]
    points = merged(p for p in points if everything or p.kind == "minimum" or lowest_kind(p))
    ended = searched - sum(p.found for p in points)
    fall = falling(f, problem, points, ends[: len(starts)])
    return Minima(
        problem, tuple(points), searched, ended, len(pool), outside, max(0, len(distinct) - MOST), fall, everything
    )  # fmt: skip


def lowest_kind(p: Point) -> bool:
    """Whether a point may be a minimum though its derivatives do not tell."""
    return p.kind == "degenerate" and "higher" in p.note


def valleys(f: Objective, problem: Problem, sign: float) -> Array:
    """Where a formula of one variable is lower (or higher) than beside, on a fine grid."""
    grid = line(problem, GRID)
    heights = sign * f.value.many(grid[:, None])[:, 0]
    lower = np.r_[False, (heights[1:-1] < heights[:-2]) & (heights[1:-1] <= heights[2:]), False]
    found = grid[lower]
    return found[np.argsort(heights[lower], kind="stable")][:VALLEYS, None]


def stationary(f: Objective, problem: Problem, x: Array) -> End | None:
    """A point near a start at which the gradient vanishes: Powell's hybrid method (1970), then Newton's."""
    from scipy.optimize import root

    size = float(np.abs(f.gradient(x)).max())
    if not np.isfinite(size) or not size:
        return None

    def slope(y: Array) -> Array:
        return modest(f.gradient(y) / size)

    def curvature(y: Array) -> Array:
        return modest(f.hessian(y) / size)

    with np.errstate(all="ignore"):
        found = np.asarray(root(slope, x, jac=curvature, method="hybr").x)
    if not np.isfinite(found).all():
        return None
    zero = newton(f.gradient, f.hessian, found, problem.low, problem.high, 20)
    close = bool((zero.error <= 1e-3 * (1 + np.abs(zero.x))).all())
    round_ones = rounded(zero.x, 1e-5 if close else 1e-2)
    best = next((y for y in round_ones if not f.gradient.exact(y).any()), zero.x if close else None)
    return None if best is None or not inside(problem, best) else End(best, float(f.value(best)[0]))


def merged(points: Iterable[Point]) -> list[Point]:
    """The points from the lowest, each once; a line of points of the same value is one."""
    found: list[Point] = []
    for p in sorted(points, key=lambda p: p.value):
        same = next((i for i, q in enumerate(found) if alike(p, q)), None)
        if same is None:
            found.append(p)
            continue
        first = min(found[same], p, key=lambda q: (q.error.max() > 1e-9, q.error.max(), float(np.abs(q.x).max())))
        found[same] = changed(first, found=found[same].found + p.found)
    return lines(found)


def lines(points: list[Point]) -> list[Point]:
    """The points, where many of them of one value lie on a curve only the one nearest to 0."""
    flat = [p for p in points if p.note in (LINE, UNDECIDED)]
    kept = [p for p in points if p.note not in (LINE, UNDECIDED)]
    while flat:
        value = flat[0].value
        level = [p for p in flat if abs(p.value - value) <= 1e-9 * (1 + abs(value))]
        flat = flat[len(level) :]
        if len(level) >= CROWD:
            first = min(level, key=lambda p: float(np.abs(p.x).max()))
            level = [changed(first, kind="minimum", note=LINE, found=sum(p.found for p in level))]
        kept += level
    return sorted(kept, key=lambda p: p.value)


def alike(p: Point, q: Point) -> bool:
    if near(p.x, q.x, p.error + q.error):
        return True
    tolerance = 1e-9 * (1 + abs(q.value))
    return p.note == LINE == q.note and p.kind == q.kind and abs(p.value - q.value) <= tolerance


def falling(f: Objective, problem: Problem, points: list[Point], ends: list[End]) -> Fall | None:
    """Whether f goes lower than its lowest minimum: where a descent fell, far out, or at the end of a descent."""
    fell = [e for e in ends if e.fell]
    if fell:
        last = min(fell, key=lambda e: e.value)
        return Fall(last.x, last.value, True)
    least = min((p.value for p in points), default=np.inf)
    begin = min(points, key=lambda p: p.value).x if points else min(ends, key=lambda e: e.value).x if ends else None
    if begin is None:
        return None
    found = [
        Fall(x, values[-1], values[-1] < 2 * min(values[-2], -1.0) or values[-1] == -np.inf)
        for x, values in probes(f, problem, begin)
        if falls(values, least)
    ]
    lower = [e for e in ends if e.value < least - 1e-9 * (1 + abs(least))] if points else ends
    found += [Fall(e.x, e.value, e.value == -np.inf) for e in lower]
    return min(found, key=lambda fall: fall.value, default=None)


def probes(f: Objective, problem: Problem, begin: Array) -> Iterable[tuple[Array, list[float]]]:
    """Values further and further out, along each variable without an end and, of several, diagonally."""
    n = len(begin)
    lines: list[Any] = [side * axis for axis in np.eye(n) for side in (-1.0, 1.0)]
    if n > 1:
        rng = np.random.default_rng(0)
        lines += [np.ones(n), -np.ones(n), *np.sign(rng.normal(size=(2 * n, n)))]
    for direction in lines:
        last = begin + PROBES[-1] * direction
        if not inside(problem, last):
            continue
        yield last, [float(f.value.exact(begin + reach * direction)[0]) for reach in PROBES]


def falls(values: list[float], least: float) -> bool:
    """Whether values fall at every step, and below the lowest that is known."""
    if not values[-1] < least - 1e-9 * (1 + abs(least) if np.isfinite(least) else 1):
        return False
    return all(b < a or b == -np.inf for a, b in pairwise(values))
