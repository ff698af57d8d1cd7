"""Where the searches start: points of low discrepancy, near 0 and far away, the same for a seed."""

from __future__ import annotations

import math

import numpy as np

from agcli.engine.types import Array
from agcli.solving.problem import Problem

REACH = math.asinh(1000.0)  # of the starts of a variable without bounds
POOL = 16  # points that are looked at for each start


def spread(problem: Problem, count: int) -> Array:
    """Points (count, n) within the bounds: a Halton sequence (1960), rotated by the seed (Cranley and Patterson, 1976).

    A variable without bounds is sinh of an even spread, so that half of the points lie within 22 of zero and the rest
    up to 1,000.
    """
    from scipy.stats import qmc

    n = len(problem.variables)
    shift = np.random.default_rng(problem.seed).random(n)
    even = (qmc.Halton(n, scramble=False).random(count) + shift) % 1.0
    return np.stack([mapped(u, a, b) for u, a, b in zip(even.T, problem.low, problem.high, strict=True)], axis=1)


def mapped(u: Array, low: float, high: float) -> Array:
    """Numbers from 0 to 1 to an interval."""
    if math.isfinite(low) and math.isfinite(high):
        found = low * (1 - u) + high * u
    elif math.isfinite(low):
        found = low + max(1.0, abs(low)) * np.expm1(REACH * u)
    elif math.isfinite(high):
        found = high - max(1.0, abs(high)) * np.expm1(REACH * u)
    else:
        found = np.sinh(REACH * (2 * u - 1))
    return np.clip(found, low, high)


def line(problem: Problem, count: int) -> Array:
    """The same for one variable, in order: numbers (count,) from one end to the other."""
    return np.unique(mapped(np.linspace(0, 1, count), float(problem.low[0]), float(problem.high[0])))


def chosen(problem: Problem, points: Array, height: Array) -> tuple[Array, int]:
    """The starts out of a pool, and how many of the pool have no value.

    Every other one is the next point of the sequence, the rest are those of the least `height`; --start is the first.
    """
    usable = np.isfinite(height)
    order = np.argsort(np.where(usable, height, np.inf), kind="stable")[: usable.sum()]
    even = np.flatnonzero(usable)
    count = min(problem.starts - (problem.start is not None), len(even))
    best = order[: count // 2]
    rest = even[~np.isin(even, best)][: count - len(best)]
    found = points[np.concatenate([rest, best])]
    if problem.start is not None:
        found = np.concatenate([problem.start[None], found])
    return found, int((~usable).sum())
