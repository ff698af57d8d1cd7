"""Whether a shorter form has the value of the formula that it was made of: a quick proof by numbers.

Both are computed in their own precision at points at which the formula has a value. How far rounding moves a value is
measured by computing it again several times with every operation off by a few units of its last digit, as in the
CESTAC method of Vignes (1993): what differs by more than that is not the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from agcli.engine.graph import Constant, Tensor, toposort
from agcli.engine.leaves import Placeholder
from agcli.engine.types import Array, TensorType, static
from agcli.expression.values import compiled, is_pointwise, pointwise, value_of

POINTS = 8  # compared
DRAWS = 48  # made for them at once
SCALES = (1.0, 0.1, 10.0, 200.0, 1e-3)  # of the draws, one after the other until there are points
SHAKES = 3  # times that a value is computed with other rounding
UNITS = 4  # of the last digit, by which each operation is off
ALLOWED = 60  # times what the shakes move a value
LOOSE = 1e-7  # relative difference that is no fault; and so many units of the last digit
LOOSE_UNITS = 1e3
LARGEST = 1e100  # value that is compared; of float32 and float16, all
TRIES = 12  # draws for arrays, which are compared one by one
MAX_TENSORS = 6_000  # of a formula that is compared


class Verdict(NamedTuple):
    """What was found: ``same`` is None if no point was found at which the formula has a value."""

    same: bool | None
    points: int


SAME = Verdict(True, 0)


def same_value(before: Tensor, after: Tensor, seed: int = 0) -> Verdict:
    """Whether two formulas of the same variables have the same values, by numbers."""
    if before is after:
        return SAME
    order = toposort([before, after])
    if len(order) > MAX_TENSORS or before.shape != after.shape:
        return Verdict(None, 0)
    variables = [t for t in order if isinstance(t, Placeholder)]
    rng = np.random.default_rng(seed)
    unit = max((float(np.finfo(t.dtype).eps) for t in order if is_float(t)), default=0.0)
    compare = compare_points if is_pointwise([before, after]) else compare_arrays
    return compare(before, after, variables, unit, rng)


def is_float(t: Tensor) -> bool:
    return isinstance(t.type, TensorType) and t.dtype.kind == "f"


def draw(count: int, rng: np.random.Generator) -> Array:
    """Numbers of the sizes that domains have: of both signs, near 0, in (0, 1), beyond 1."""
    low = np.array([-2.0, -1.0, 0.0, 0.0, 1.0])
    width = np.array([4.0, 2.0, 1.0, 4.0, 4.0])
    kind = rng.integers(0, 5, count)
    return np.asarray(low[kind] + width[kind] * rng.random(count))


# Formulas of single numbers: all points at once


def compare_points(
    before: Tensor, after: Tensor, variables: Sequence[Placeholder], unit: float, rng: np.random.Generator
) -> Verdict:
    chosen = good_points(before, variables, rng)
    if chosen is None:
        return Verdict(None, 0)
    feeds = {name: np.repeat(v, 1 + SHAKES) for name, v in chosen.items()}
    count = len(next(iter(chosen.values()), np.zeros(1)))
    shape = (count, 1 + SHAKES)
    shakes = 1 + UNITS * unit * (2 * rng.random((len(toposort([before, after])), *shape)) - 1)
    shakes[:, :, 0] = 1
    (a, b), infinite = shaken([before, after], feeds, shakes)
    return verdict(a, b, infinite, max(LOOSE, LOOSE_UNITS * unit))


def good_points(t: Tensor, variables: Sequence[Placeholder], rng: np.random.Generator) -> dict[str, Array] | None:
    """Points at which ``t`` has a value of a size that can be compared; None if none is found."""
    count = DRAWS if variables else 1
    for scale in SCALES:
        feeds = {p.name or "": scale * draw(count, rng) for p in variables}
        (values,) = pointwise([t], feeds)
        sizes = np.abs(np.broadcast_to(values, count).astype(np.float64))
        good = np.flatnonzero(sizes < LARGEST)[:POINTS]  # NaN and infinity are not
        if len(good):
            return {name: v[good] for name, v in feeds.items()}
    return None


def shaken(outputs: Sequence[Tensor], feeds: dict[str, Array], shakes: Array) -> tuple[list[Array], Array]:
    """Values at points that are there several times over: of each, the first as it is, the others shaken; and where a
    part was infinite."""
    found: dict[int, Array] = {}
    order, shape = toposort(outputs), shakes.shape[1:]
    size = shape[0] * shape[1]
    vague, infinite = np.zeros(size, bool), np.zeros(size, bool)
    with np.errstate(all="ignore"):
        for t, shake in zip(order, shakes.reshape(-1, size), strict=True):
            inputs = [found[x.id] for x in t.inputs]
            value = value_of(t, inputs, feeds)
            if value.dtype.kind == "b":  # a comparison with what has no value is no condition
                for x in inputs:
                    vague |= np.isnan(x)
            elif value.dtype.kind == "f" and not isinstance(t, Placeholder) and not is_whole(t):
                value = (value * shake).astype(value.dtype, copy=False)
                infinite |= np.isinf(value)
            found[t.id] = value
    values = [np.where(vague, np.nan, found[t.id]).reshape(shape) for t in outputs]
    return values, infinite.reshape(shape)


def is_whole(t: Tensor) -> bool:
    return isinstance(t, Constant) and (type(t.value) is int or bool((t.array == np.rint(t.array)).all()))


def verdict(a: Array, b: Array, infinite: Array, loose: float) -> Verdict:
    """Rows are points; columns a value as it is and shaken. A point at which a part overflows says nothing."""
    usable = np.isfinite(a[:, 0]) & np.isfinite(b[:, 0])
    lost = np.isfinite(a).all(axis=1) & np.isnan(b).all(axis=1) & ~infinite.any(axis=1)  # outside of its domain
    if not usable.any() and not lost.any():
        return Verdict(None, 0)
    with np.errstate(all="ignore"):
        noise = spread(a) + spread(b)
        error = np.abs(a[:, 0] - b[:, 0]) - ALLOWED * noise
        wrong = usable & (error > loose * np.fmax(np.abs(a[:, 0]), np.abs(b[:, 0])) + 1e-290)
    return Verdict(not (wrong | lost).any(), int(usable.sum()))


def spread(values: Array) -> Array:
    """How far the shakes move a value; infinite where one has no value."""
    moved = np.abs(values[:, 1:] - values[:, :1]).max(axis=1)
    return np.where(np.isnan(moved), np.inf, moved)


# Formulas of arrays: one point after the other


def compare_arrays(
    before: Tensor, after: Tensor, variables: Sequence[Placeholder], unit: float, rng: np.random.Generator
) -> Verdict:
    if not all(t.type.known for t in variables):
        return Verdict(None, 0)
    function = compiled([before, after])
    points = 0
    with np.errstate(all="ignore"):
        for _ in range(TRIES):
            feeds = {
                p.name or "": draw(p.type.size, rng).reshape(tuple(map(static, p.shape))).astype(p.dtype)
                for p in variables
            }
            used = {name: v for name, v in feeds.items() if name in function.by_name}
            a, b = (v.astype(np.float64) for v in function(used))  # a derivative may be a condition, which is 0 or 1
            if not (np.isfinite(a).all() and np.isfinite(b).all()):
                continue
            moved = function({name: v * (1 + 16 * UNITS * unit) for name, v in used.items()})
            near = [v.astype(np.float64) for v in moved]
            noise = sum(float(np.max(np.abs(x - y), initial=0)) for x, y in zip((a, b), near, strict=True))
            size = max(float(np.max(np.abs(a), initial=0)), float(np.max(np.abs(b), initial=0)))
            if (
                float(np.max(np.abs(a - b), initial=0))
                > max(10 * LOOSE, LOOSE_UNITS * unit) * size + 1e3 * noise + 1e-290
            ):
                return Verdict(False, points)
            points += 1
            if points == POINTS // 2:
                break
    return Verdict(True if points else None, points)
