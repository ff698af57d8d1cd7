"""Levenberg-Marquardt: for losses that are sums of squares, whose residuals and Jacobian the graph gives exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from ..errors import ExecutionError, StateError
from ..function import Function, outputs_of
from ..graph import Tensor
from ..leaves import Placeholder, Variable, variable
from ..ops.joining import concatenate
from ..substitution import substitute
from ..transforms.apply import jacobian
from ..types import Array, TensorType
from .bounds import Bounds, box
from .descent import Descent, Stops
from .halt import Halt
from .least_squares import NoSquaresError, Squares, squares_of
from .optimizer import Fetches, Step, arena
from .state import State

NAME = "levenberg_marquardt"
MAX_JACOBIAN = 1 << 27  # numbers: a GiB of float64


@dataclass(frozen=True)
class LevenbergMarquardt:
    """Least squares by a Gauss-Newton step in a region that is trusted (Levenberg 1944; Marquardt 1963; Moré 1978).

    The loss is a sum or a mean of squares, weighted or not; its residuals are found in the graph, and other losses
    are refused. A call makes at most ``iterations`` steps that lower the loss. It ends where the loss is about to fall
    by less than the share ``ftol`` of itself, where the region is no larger than ``xtol`` beside the parameters, or
    where the residuals are orthogonal to every column of the Jacobian to ``gtol`` (a cosine): ``halt`` says why.

    >>> x = np.linspace(0, 4, 9)
    >>> p = ag.variable([1.0, 1.0], dtype="float64")
    >>> loss = ((p[0] * ag.exp(-p[1] * x) - 3 * np.exp(-0.5 * x)) ** 2).mean()
    >>> step = ag.levenberg_marquardt().function(loss, [p])
    >>> print(step().round(4), p.value.round(9), step.halt.converged)
    1.427 [3.  0.5] True
    """

    iterations: int = 100
    ftol: float = 1e-15
    xtol: float = 1e-11
    gtol: float = 1e-15
    name = NAME

    def minimize(self, loss: Tensor, params: Sequence[Variable]) -> NoReturn:
        """Not possible: which steps are taken depends on values."""
        raise StateError(f"{NAME}: a trust region is no graph; use function(loss, params) instead")

    def function(
        self,
        loss: Tensor,
        params: Sequence[Variable],
        fetches: Fetches | None = None,
        *,
        updates: Mapping[Variable, Tensor] | None = None,
        bounds: Bounds | None = None,
        inputs: Sequence[Placeholder] | None = None,
        seed: int = 0,
        key: Variable | None = None,
        **_: Any,
    ) -> LevenbergMarquardtStep:
        """A call of the fit as one callable; see ``Optimizer.function``. It needs all of the data at once.

        ``bounds`` maps variables to (least, largest) values, None for an open end. Raises StateError for a loss that
        is no sum of squares, and for bounds that do not fit.
        """
        flat, limits = arena(NAME, params), box(bounds, params)
        try:
            found = squares_of(loss, params)
        except NoSquaresError as e:
            raise NoSquaresError(
                f"{NAME}: {e}; it takes a sum or a mean of squares, such as mean(square(y - f)); "
                "lbfgs takes any loss that is smooth"
            ) from None
        state = State(list(params))
        state.variables["scale"] = variable(np.zeros(flat.value.size), "scale", trainable=False)
        state.number("radius", 0.0)
        options = {"inputs": inputs, "seed": seed, "key": key}
        step = LevenbergMarquardtStep(state, loss if fetches is None else fetches, updates or {}, **options)
        step.prepare(self, flat, params, found, limits)
        return step


def levenberg_marquardt(
    iterations: int = 100, ftol: float = 1e-15, xtol: float = 1e-11, gtol: float = 1e-15
) -> LevenbergMarquardt:
    """Levenberg-Marquardt with so many iterations a call, and its three reasons to stop.

    >>> w = ag.variable([0.0, -3.0], dtype="float64")
    >>> step = ag.levenberg_marquardt().function(((w - [1.0, 2.0]) ** 2).sum(), [w], bounds={w: (None, 1.5)})
    >>> print(step(), w.value)
    26.0 [1.  1.5]
    """
    return LevenbergMarquardt(iterations, ftol, xtol, gtol)


def jacobian_of(residuals: Tensor, params: Sequence[Variable], mode: str = "forward") -> Tensor:
    """All derivatives of a vector by the parameters in the layout of their arena: (n, size)."""
    columns = [jacobian(residuals, p, mode).reshape(-1, p.value.size) for p in params]
    return columns[0] if len(columns) == 1 else concatenate(*columns, axis=1)


def refused(factor: float, r: Array) -> Halt | None:
    """Why squares in the graph are no sum of squares in numbers, which shows only with the data."""
    if factor < 0:
        return Halt(False, "the squares have a negative factor, and the loss no least value")
    if factor > 0 and not np.isfinite(r).all():
        return Halt(False, "residuals are not finite numbers (the root of a negative weight is none)")
    return None


class LevenbergMarquardtStep(Step):
    """Runs Levenberg-Marquardt on the batch that it is given; the updates of the model are made once, at the start."""

    def prepare(
        self,
        rule: LevenbergMarquardt,
        flat: Variable,
        params: Sequence[Variable],
        found: Squares,
        limits: tuple[Array, Array] | None,
    ) -> None:
        """Declare what is evaluated: the fetches at the start of a call, residuals and Jacobian on the way."""
        self.rule, self.flat, self.params, self.found, self.limits = rule, flat, params, found, limits
        self.options: dict[str, Any] = {"inputs": self.inputs, "key": self.key}
        self.first = Function([*outputs_of(self.fetches), found.factor, found.residuals], self.updates, **self.options)
        self.next = Function([found.residuals], **self.options)
        self.slopes = Function([jacobian_of(found.residuals, params)], **self.options)
        self.by_rows: tuple[Any, Function] | None = None  # for a batch with fewer residuals than parameters
        self.random = self.first.random

    def slopes_for(self, arrays: list[Array], rows: int) -> Function:
        """The Jacobian in the mode that takes fewer passes over the graph."""
        if rows * self.flat.value.size > MAX_JACOBIAN:
            raise StateError(
                f"{NAME}: the Jacobian of {rows:,} residuals by {self.flat.value.size:,} parameters is too large to "
                "be kept; lbfgs needs none"
            )
        if rows >= self.flat.value.size:
            return self.slopes
        shapes = [a.shape for a in arrays]
        if self.by_rows is None or self.by_rows[0] != shapes:
            fixed = [Placeholder(TensorType(a.shape, p.dtype)) for a, p in zip(arrays, self.inputs, strict=True)]
            swap: dict[Tensor, Tensor] = dict(zip(self.inputs, fixed, strict=True))
            (residuals,) = substitute([self.found.residuals], swap)
            known = residuals.type.known
            made = jacobian_of(residuals, self.params, "reverse" if known else "forward")
            self.by_rows = shapes, Function([made], inputs=fixed, key=self.key)
        return self.by_rows[1]

    def run(self, arrays: list[Array]) -> list[Any]:
        """The fetches as they are at the start; if anything fails on the way, the parameters stay as they were."""
        x = self.flat.value.copy()
        *values, factor, r = self.first.run(arrays)
        self.halt = refused(float(factor), r)
        if self.halt is not None:
            return values
        slopes = self.slopes_for(arrays, len(r))

        def residuals_at(point: Array) -> Array:
            self.flat.value = point
            try:
                return np.asarray(self.next.run(arrays)[0], np.float64)
            except ExecutionError:  # there the model has no value, as of equations that have no solution
                return np.full(len(r), np.inf)

        def jacobian_at(point: Array) -> Array:
            self.flat.value = point
            return np.asarray(slopes.run(arrays)[0], np.float64)

        kept, rule = self.variables, self.rule
        stops = Stops(rule.ftol, rule.xtol, rule.gtol, x.dtype)
        scale, radius = kept["scale"].value.copy(), float(kept["radius"].value)
        fit = Descent(residuals_at, jacobian_at, self.limits, stops, scale, radius)
        new = x
        try:
            with np.errstate(all="ignore"):
                new, self.halt = fit.descended(x, np.asarray(r, np.float64), rule.iterations)
        finally:
            self.flat.value = new
        kept["scale"].value, kept["radius"].value = fit.scale, np.array(fit.radius)
        self.plan = self.next.plan or self.first.plan
        return values
