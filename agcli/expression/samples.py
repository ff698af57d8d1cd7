"""Values of a formula at many points, for curves: float64 where that is good enough to be drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from agcli.engine.graph import Tensor
from agcli.engine.types import Array
from agcli.expression.at_point import exact_feeds, numbers
from agcli.expression.enclosures.arrays import UnsupportedError
from agcli.expression.enclosures.findings import finding_of
from agcli.expression.enclosures.refine import evaluate
from agcli.expression.values import is_pointwise, pointwise, values

VISIBLE = 1e-3  # of the height of a curve
STEEP = 0.02  # of the height: from here on, two neighbors may belong to different sides of a jump
HALVINGS = 60
EVERY = 16  # one point of so many is computed exactly

Sampler = Callable[[Array], Array]


def sampled(f: Tensor, t: Tensor, name: str, fixed: Mapping[str, Any], points: Array) -> Array:
    """The values of `t`, which is `f` or one of its derivatives: NaN where `f` has none, and a NaN at each jump."""
    sample = sampler(t, name, fixed)
    found = sample(points)
    unsure = ~np.isfinite(found) | ~np.isfinite(sampler(f, name, fixed)(points))
    for chosen in (unsure, tested(len(points)) & ~unsure):
        before = found.copy()
        for i in np.flatnonzero(chosen):
            found[i] = exact(f, t, {**fixed, name: points[i]}, found[i])
    if (np.abs(found - before)[chosen] > VISIBLE * height(found[chosen])).any():
        for i in np.flatnonzero(~unsure & ~chosen):
            found[i] = exact(f, t, {**fixed, name: points[i]}, found[i])
    return broken(found, points, sample)


def tested(count: int) -> Array:
    """Which points are looked at to see whether float64 keeps enough digits."""
    chosen: Array = np.arange(count) % EVERY == 0
    return chosen


def sampler(t: Tensor, name: str, fixed: Mapping[str, Any]) -> Sampler:
    """The formula as a function of many points."""
    if is_pointwise([t]):
        return lambda x: np.broadcast_to(pointwise([t], {**fixed, name: x})[0], x.shape).astype(float)
    return lambda x: np.array([float(values([t], {**fixed, name: v})[0]) for v in x])


def height(found: Array) -> float:
    """How much of the values is seen."""
    finite = found[np.isfinite(found)]
    spread = float(np.subtract(*np.percentile(finite, [95, 5]))) if finite.size else 0.0
    return max(spread, 1e-9 * float(np.max(np.abs(finite), initial=0.0)), 1e-300)


def exact(f: Tensor, t: Tensor, at: Mapping[str, Any], otherwise: float) -> float:
    """The value at one point, NaN where `f` or `t` has none."""
    try:
        whole, part = (finding_of(known.value) for known in evaluate([f, t], exact_feeds(at))[0])
    except UnsupportedError:
        return otherwise
    return float("nan") if whole.value is None else float(numbers(part))


def broken(found: Array, points: Array, sample: Sampler) -> Array:
    """The values with a NaN at each place where the formula jumps or has a pole: where a step does not get smaller
    between points that come ever closer."""
    steps = np.abs(np.diff(found))
    with np.errstate(invalid="ignore"):
        steep = np.flatnonzero(steps > STEEP * height(found))
    if not steep.size:
        return found
    low, high = points[steep], points[steep + 1]
    at_low, at_high = found[steep], found[steep + 1]
    for _ in range(HALVINGS):
        middle = low + (high - low) / 2
        value = sample(middle)
        with np.errstate(invalid="ignore"):
            left = ~(np.abs(value - at_low) < np.abs(at_high - value))
        low, at_low = np.where(left, low, middle), np.where(left, at_low, value)
        high, at_high = np.where(left, middle, high), np.where(left, value, at_high)
    with np.errstate(invalid="ignore"):
        jumps = ~(np.abs(at_high - at_low) < steps[steep] / 2)
    found[steep[jumps]] = np.nan
    return found
