"""Formulas as functions of a point: compiled, at many points at once, and to all digits of a float64."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import wraps
from importlib import import_module
from typing import ParamSpec, TypeVar

import numpy as np

from agcli.engine.errors import EngineError
from agcli.engine.function import Function
from agcli.engine.gradient import grad
from agcli.engine.graph import Tensor
from agcli.engine.leaves import Placeholder
from agcli.engine.types import Array
from agcli.expression.enclosures.arrays import UnsupportedError
from agcli.expression.enclosures.interval import Interval
from agcli.expression.enclosures.program import Undefined, point
from agcli.expression.enclosures.refine import Known, evaluate
from agcli.expression.errors import ExpressionError
from agcli.expression.kinks import kinks
from agcli.expression.values import is_pointwise, pointwise
from agcli.solving.newton import NOISE

P = ParamSpec("P")
R = TypeVar("R")
TINY = math.ulp(0.0)


def single_threaded(search: Callable[P, R]) -> Callable[P, R]:
    """A search whose matrices of a few rows are not shared among threads, which wait for each other."""

    @wraps(search)
    def alone(*args: P.args, **kwargs: P.kwargs) -> R:
        import_module("scipy.optimize")  # whose BLAS has to be there to be limited
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, "blas"), np.errstate(all="ignore"):
            return search(*args, **kwargs)

    return alone


class Formulas:
    """Formulas of numbers as one function: a point (n,) -> values (m,). What has no value is NaN."""

    def __init__(self, outputs: Sequence[Tensor], variables: Sequence[Placeholder]) -> None:
        self.outputs, self.variables = list(outputs), list(variables)
        self.function = Function(self.outputs, inputs=self.variables)
        self.is_pointwise = is_pointwise(self.outputs)
        self.supported = True
        self.calls = 0

    def __call__(self, x: Array) -> Array:
        self.calls += 1
        with np.errstate(all="ignore"):
            try:
                found = self.function.run([np.array(v) for v in x])
            except EngineError:  # a singular matrix
                return np.full(len(self.outputs), np.nan)
        return np.array([float(v) for v in found])

    def many(self, points: Array) -> Array:
        """The values at points (k, n) as (k, m)."""
        if not self.is_pointwise:
            return np.array([self(x) for x in points]).reshape(len(points), len(self.outputs))
        feeds = {x.name or "": column for x, column in zip(self.variables, points.T, strict=True)}
        found = pointwise(self.outputs, feeds)
        return np.stack([np.broadcast_to(v, len(points)) for v in found], axis=1).astype(np.float64)

    def known(self, x: Array) -> list[Known]:
        """What intervals tell of the values at a point; nothing where an op has no rule for them."""
        if self.supported:
            feeds = {p.name or "": point(float(v)) for p, v in zip(self.variables, x, strict=True)}
            try:
                return evaluate(self.outputs, feeds)[0]
            except UnsupportedError:
                self.supported = False
        return []

    def enclosed(self, x: Array) -> list[Interval | None]:
        """Where the values lie at a point that is known exactly; None where that cannot be told."""
        values = [k.value if isinstance(k.value, Interval) else None for k in self.known(x)]
        return values or [None] * len(self.outputs)

    def singular(self, x: Array) -> bool:
        """Whether a formula has a kink or an end at a point."""
        return any(k.singular for k in self.known(x))

    @property
    def noise(self) -> float:
        """Of `exact`, beside the slopes."""
        return 0.0 if self.supported else NOISE

    def exact(self, x: Array) -> Array:
        """The values at a point without what rounding on the way adds; compiled values where that cannot be told."""
        rough, known = self(x), self.known(x)
        return np.array([known_float(k.value, r) for k, r in zip(known, rough, strict=True)]) if known else rough


def known_float(value: object, rough: float) -> float:
    if isinstance(value, Interval):
        if value.low > 0 or value.high < 0:  # which no rounding makes 0
            return max(float(value.low), TINY) if value.low > 0 else min(float(value.high), -TINY)
        return float(value.low) if value.low == value.high else (float(value.low) + float(value.high)) / 2
    return float("nan") if isinstance(value, Undefined) else rough


def gradient_of(f: Tensor, variables: Sequence[Placeholder]) -> list[Tensor]:
    """The first derivatives, made by the engine. Raises ExpressionError where an op has none."""
    try:
        return grad(f, list(variables), allow_unused=True)
    except EngineError as error:
        raise ExpressionError(str(error)) from None


class Objective:
    """One formula with its gradient and Hessian."""

    def __init__(self, f: Tensor, variables: Sequence[Placeholder]) -> None:
        self.count = len(variables)
        self.smooth = not kinks(f)
        first = gradient_of(f, variables)
        second = [h for i, g in enumerate(first) for h in gradient_of(g, variables)[: i + 1]]
        self.value = Formulas([f], variables)
        self.gradient = Formulas(first, variables)
        self.hessian_parts = Formulas(second, variables)

    def hessian(self, x: Array, exact: bool = False) -> Array:
        parts = self.hessian_parts.exact(x) if exact else self.hessian_parts(x)
        matrix = np.zeros((self.count, self.count))
        matrix[np.tril_indices(self.count)] = parts
        return matrix + np.tril(matrix, -1).T


class System:
    """Several formulas with their Jacobian."""

    def __init__(self, fs: Sequence[Tensor], variables: Sequence[Placeholder]) -> None:
        self.shape = len(fs), len(variables)
        self.value = Formulas(fs, variables)
        self.slopes = Formulas([d for f in fs for d in gradient_of(f, variables)], variables)

    def jacobian(self, x: Array, exact: bool = False) -> Array:
        return (self.slopes.exact(x) if exact else self.slopes(x)).reshape(self.shape)
