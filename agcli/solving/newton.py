"""The last digits of a zero of several functions: Newton's steps while they pay."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from agcli.engine.frozen import frozen
from agcli.engine.types import Array

HALVINGS = 8
STEADY = 0.05  # by how much the ratio of two steps may differ from that of the two before
EXPLAINED = 1e-3  # of the values, that a step may leave
NOISE = 1e-15  # of values beside slopes, where they are computed in float64
SLOW = 0.3  # ratio of steps from which a zero is taken for a multiple one


@frozen
class Zero:
    """A point, the values there, and the Newton step that was left: how far the zero may be."""

    x: Array
    values: Array
    error: Array


@np.errstate(all="ignore")
def newton(
    values: Callable[[Array], Array],
    jacobian: Callable[[Array], Array],
    x: Array,
    low: Array,
    high: Array,
    rounds: int,
    noise: float = NOISE,
) -> Zero:
    """The zero near `x` within the bounds; `noise` is that of the values beside the slopes.

    A step is halved until the values shrink; the first that cannot ends it.
    At a zero of multiplicity m the steps shrink by (m - 1)/m; where that is seen, m steps are taken at once
    (Ostrowski, Solution of Equations, 1973).
    """
    here = values(x)
    steps: list[float] = []
    step = np.full(len(x), np.inf)
    for _ in range(rounds):
        if not here.any():
            return Zero(x, here, np.zeros(len(x)))
        slopes = jacobian(x)
        step = newton_step(x, here, slopes, noise)
        size = float(np.abs(step).max())
        if not np.isfinite(size) or (np.abs(step) <= np.spacing(np.abs(x)) / 2).all():
            break
        steps.append(size)
        lengths = [0.5**k for k in range(HALVINGS)]
        ratios = [b / a for a, b in zip(steps[-3:], steps[-2:], strict=False) if a]
        if len(ratios) == 2 and SLOW < ratios[1] < 1 and abs(ratios[1] - ratios[0]) < STEADY:
            lengths.insert(0, 1 / (1 - ratios[1]))
        found = shorter(values, x, here, slopes, step, lengths, low, high, noise)
        if found is None:
            break
        x, here = found
    else:
        step = newton_step(x, here, jacobian(x), noise) if here.any() else np.zeros(len(x))
    return Zero(x, here, np.abs(step))


def newton_step(x: Array, here: Array, slopes: Array, noise: float) -> Array:
    """The least step to the zero of the tangents; infinite where there are none."""
    if not (np.isfinite(here).all() and np.isfinite(slopes).all()):
        return np.full(slopes.shape[1], np.inf)
    try:
        step = np.asarray(np.linalg.lstsq(slopes, -here, rcond=None)[0])
    except np.linalg.LinAlgError:
        return np.full(slopes.shape[1], np.inf)
    left = float(np.abs(slopes @ step + here).max())  # not all of it where the tangents have no zero
    rounding = noise * float(np.abs(slopes).max()) * (1 + float(np.abs(x).max()))
    return step if left <= max(EXPLAINED * float(np.abs(here).max()), rounding) else np.full(len(step), np.inf)


def shorter(
    values: Callable[[Array], Array],
    x: Array,
    here: Array,
    slopes: Array,
    step: Array,
    lengths: list[float],
    low: Array,
    high: Array,
    noise: float,
) -> tuple[Array, Array] | None:
    """The first point along a step at which the values are smaller, or what a Newton step with the same tangents would
    be: in curved valleys values grow before they shrink (Deuflhard, Newton Methods for Nonlinear Problems, 2004)."""
    size, length_of_step = float(np.linalg.norm(here)), float(np.linalg.norm(step))
    for length in lengths:
        there = np.clip(x + length * step, low, high)
        new = values(there)
        if not np.isfinite(new).all():
            continue
        if np.linalg.norm(new) < size or np.linalg.norm(newton_step(x, new, slopes, noise)) < length_of_step:
            return there, new
    return None
