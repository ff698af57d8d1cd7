"""From a start to the end of a descent, with SciPy's methods and the engine's derivatives."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from agcli.engine.frozen import frozen
from agcli.engine.types import Array
from agcli.solving.functions import Objective
from agcli.solving.newton import newton
from agcli.solving.problem import Problem

ROUNDS = 3  # of a method, each in units of the slope where it starts
STEPS, STEPS_AT_KINKS = 200, 60
FAR, DEEP = 1e60, -1e60  # where a descent is not followed any more
LARGEST = 1e60
NEAR = 1e-6  # of a bound, relative to the interval, or to the number
DECIMALS = (0, 1, 2, 3, 4, 6)
NEWTON = 40


class FellError(Exception):
    """A descent went on beyond all bounds."""

    def __init__(self, x: Array) -> None:
        super().__init__()
        self.x = x


@frozen
class End:
    """Where a descent ended, and whether it was still falling beyond all bounds."""

    x: Array
    value: float
    fell: bool = False


def descend(f: Objective, problem: Problem, start: Array) -> End:
    """The end of a descent: a trust region with exact Hessians (Conn, Gould and Toint, 2000), or L-BFGS-B in bounds."""
    local = in_bounds if problem.bounded else free
    x, value = start, height(f, start)
    try:
        for _ in range(ROUNDS):
            new = local(f, problem, x)
            there = height(f, new)
            gained, x, value = value - there, (new if there <= value else x), min(value, there)
            if not gained > 1e-12 * (abs(value) + gained):
                break
    except FellError as fell:
        return End(fell.x, height(f, fell.x), True)
    x, value = settled(f, problem, x, value)
    return End(x, value)


def height(f: Objective, x: Array) -> float:
    """The value, infinite where there is none: a method turns back there."""
    value = float(f.value(x)[0])
    return np.inf if np.isnan(value) else value


def watched(f: Objective, unit: float) -> Callable[[Array], float]:
    """The objective in some unit; falls without end are exceptions."""

    def value(x: Array) -> float:
        found = height(f, x)
        if found < DEEP or (np.abs(x).max() > FAR and np.isfinite(found)):
            raise FellError(np.array(x))
        return found / unit

    return value


def slope(f: Objective, unit: float) -> Callable[[Array], Array]:
    return lambda x: modest(f.gradient(x) / unit)


def modest(values: Array) -> Array:
    """The values within what SciPy can square."""
    found: Array = np.clip(np.nan_to_num(values, nan=0.0), -LARGEST, LARGEST)
    return found


def unit_at(f: Objective, x: Array) -> float:
    size = float(np.abs(f.gradient(x)).max())
    return size if np.isfinite(size) and size > 0 else 1.0


def run(function: Callable[[Array], float], x: Array, **options: Any) -> Array:
    from scipy.optimize import minimize

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return np.asarray(minimize(function, x, **options).x)
        except (ValueError, ArithmeticError, np.linalg.LinAlgError, UnboundLocalError):
            return x  # SciPy's errors, where numbers are beyond float64


def free(f: Objective, problem: Problem, x: Array) -> Array:
    unit = unit_at(f, x)

    def curvature(x: Array) -> Array:
        return modest(f.hessian(x) / unit)

    radius = max(1.0, 0.1 * float(np.abs(x).max()))
    options = {
        "gtol": 1e-9,
        "maxiter": STEPS if f.smooth else STEPS_AT_KINKS,
        "initial_trust_radius": radius,
        "max_trust_radius": 1e80,
    }
    value = watched(f, unit)
    return run(value, x, method="trust-exact", jac=slope(f, unit), hess=curvature, options=options)


def in_bounds(f: Objective, problem: Problem, x: Array) -> Array:
    unit = unit_at(f, x)
    bounds = list(zip(problem.low, problem.high, strict=True))
    options = {"maxiter": STEPS, "ftol": 1e-15, "gtol": 1e-10}
    found = run(watched(f, unit), x, method="L-BFGS-B", jac=slope(f, unit), bounds=bounds, options=options)
    return np.clip(found, problem.low, problem.high)


def settled(f: Objective, problem: Problem, x: Array, value: float) -> tuple[Array, float]:
    """The point on the bounds that it is near to, with Newton's last digits, or on round numbers, if none is higher."""
    for near in (lambda x: [on_bounds(problem, x)], lambda x: [polished(f, problem, x)], rounded):
        for there in near(x):
            new = height(f, there)
            if new <= value and inside(problem, there):
                x, value = there, new
    return x, value


def inside(problem: Problem, x: Array) -> bool:
    return bool((x >= problem.low).all() and (x <= problem.high).all())


def on_bounds(problem: Problem, x: Array) -> Array:
    width = np.where(np.isfinite(problem.high - problem.low), problem.high - problem.low, 1 + np.abs(x))
    x = np.where(x - problem.low <= NEAR * width, problem.low, x)
    return np.where(problem.high - x <= NEAR * width, problem.high, x)


def rounded(x: Array, reach: float = 1e-5) -> list[Array]:
    """The point with fewer decimals: minima at kinks lie on such numbers, and no derivative leads to them."""
    near = [x.round(digits) for digits in DECIMALS]
    return [y for y in near if (np.abs(y - x) <= reach * (1 + np.abs(x))).all()]


def polished(f: Objective, problem: Problem, x: Array) -> Array:
    """The zero of the gradient near a point, in the variables that are at no bound."""
    moving = (x > problem.low) & (x < problem.high)
    if not moving.any():
        return x

    def full(part: Array) -> Array:
        whole = x.copy()
        whole[moving] = part
        return whole

    zero = newton(
        lambda part: f.gradient(full(part))[moving],
        lambda part: f.hessian(full(part))[np.ix_(moving, moving)],
        x[moving], problem.low[moving], problem.high[moving], NEWTON,
    )  # fmt: skip
    return full(zero.x)
