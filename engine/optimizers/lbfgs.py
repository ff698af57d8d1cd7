"""L-BFGS: for problems whose loss and gradient are computed from all of the data at every step.

The graph gives loss and gradient; direction and line search are a few lines of NumPy around it, which evaluate the
one compiled plan as often as they need.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

import numpy as np

from ..errors import StateError
from ..function import Function, outputs_of
from ..graph import Tensor
from ..leaves import Placeholder, Variable, variable
from ..types import Array
from .bounds import Bounds, box
from .halt import Halt
from .optimizer import Fetches, Step, arena, flat_gradient
from .state import State
from .wolfe import Point, search

BOUNDED = "levenberg_marquardt (for sums of squares) and the optimizers with a learning rate"
NOISE = 16.0  # roundings of the loss; a smaller fall in a whole call is none
FLAT = 0.01  # of the share by which a parameter changes, the share by which the loss still does at its least

Gradient: TypeAlias = Callable[[Array], tuple[float, Array]]


@dataclass
class History:
    """The last pairs s (how the parameters moved) and y (how the gradient changed), oldest overwritten first."""

    s: Array
    y: Array
    count: int

    def add(self, s: Array, y: Array) -> None:
        """Remember a pair, unless it shows no positive curvature: then s·y is no more than the rounding of |s| |y|.

        The test has no scale, so that it asks the same of a loss that curves by 1e12 as of one that curves by 1.
        """
        if float(s @ y) > np.finfo(s.dtype).eps * float(np.linalg.norm(s)) * float(np.linalg.norm(y)):
            at = self.count % len(self.s)
            self.s[at], self.y[at] = s, y
            self.count += 1

    def direction(self, gradient: Array) -> Array:
        """-H g, with H the inverse Hessian that the pairs describe (Nocedal and Wright, algorithm 7.4)."""
        newest_first = [(self.count - 1 - i) % len(self.s) for i in range(min(self.count, len(self.s)))]
        q, shares = -gradient, []
        for i in newest_first:
            shares.append(float(self.s[i] @ q) / float(self.s[i] @ self.y[i]))
            q -= shares[-1] * self.y[i]
        if newest_first:
            s, y = self.s[newest_first[0]], self.y[newest_first[0]]
            q *= float(s @ y) / float(y @ y)
        for i, share in zip(reversed(newest_first), reversed(shares), strict=True):
            q += (share - float(self.y[i] @ q) / float(self.s[i] @ self.y[i])) * self.s[i]
        return q


def descend(
    gradient_at: Gradient, x: Array, loss: float, g: Array, history: History
) -> tuple[Array, float, Array, Halt | None]:
    """One iteration from ``x``: where it ends, with loss and gradient; at ``x`` itself, and why, if no step helps.

    Where the remembered curvature leads nowhere, it is forgotten and the gradient followed instead, at last that by
    the relative change of each parameter: what is steep in one may hide that there is a way to go in another.
    """
    for d in (history.direction(g), -g, -g * x * x):
        start = Point(0.0, loss, float(d @ g), g)
        if start.slope < 0:
            end = search(along(gradient_at, x, d), start, 1.0 if history.count else first_trial(loss, g, d))
            if end.t > 0:
                new = moved(x, end.t, d)
                history.add(new - x, end.gradient - g)
                return new, end.value, end.gradient, None
        history.count = 0
    return x, loss, g, stopped(x, loss, g)


def stopped(x: Array, loss: float, g: Array) -> Halt:
    """Why no step helps: in float64 the loss may be at its least but for rounding; in float32 that is too early."""
    if x.dtype == np.float64 and float(np.max(np.abs(g * x), initial=0.0)) <= FLAT * abs(loss):
        return Halt(True, f"the loss cannot be told from its least in {x.dtype}", rounding=True)
    return Halt(False, "no step makes the loss smaller", rounding=True)


def first_trial(loss: float, g: Array, d: Array) -> float:
    """How far to go at first along d, a gradient downhill, where nothing is known of the curvature.

    So far that no parameter moves by more than 1 (as in torch and SciPy), and that a loss of which 0 is the least
    falls to it twice over: that is the same step in any units of the loss, and of the parameters together.
    """
    wide = d.astype(np.float64)  # where the square of no float32 underflows
    unit = 1.0 / float(np.abs(wide).sum())
    return min(unit, 2.0 * abs(loss) / -float(wide @ g)) if loss else unit


def moved(x: Array, t: float, d: Array) -> Array:
    new: Array = x + np.asarray(t, x.dtype) * d
    return new


def along(gradient_at: Gradient, x: Array, d: Array) -> Callable[[float], Point]:
    """The loss on the ray from ``x`` in direction ``d``."""

    def evaluate(t: float) -> Point:
        loss, g = gradient_at(moved(x, t, d))
        return Point(t, loss, float(g @ d), g)

    return evaluate


@dataclass(frozen=True)
class Lbfgs:
    """L-BFGS (Liu and Nocedal, 1989) with a line search for the strong Wolfe conditions; it needs no learning rate.

    >>> w = ag.variable([-1.0, 1.0], dtype="float64")
    >>> rosenbrock = (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2
    >>> step = ag.Lbfgs(iterations=50).function(rosenbrock, [w])
    >>> print(step(), w.value.round(6))
    4.0 [1. 1.]
    """

    memory: int = 10
    iterations: int = 20
    tolerance: float = 1e-7
    name = "lbfgs"

    def minimize(self, loss: Tensor, params: Sequence[Variable]) -> NoReturn:
        """Not possible: how often a step evaluates the loss depends on its values."""
        raise StateError("lbfgs: a line search is no graph; use function(loss, params) instead")

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
    ) -> LbfgsStep:
        """A step of ``iterations`` iterations as one callable; see ``Optimizer.function``. It knows no ``bounds``."""
        if box(bounds, params) is not None:
            raise StateError(f"{self.name}: takes no bounds; {BOUNDED} do")
        flat, g = arena(self.name, params), flat_gradient(loss, params)
        state = State(list(params))
        for name in ("s", "y"):
            zeros = np.zeros((self.memory, flat.value.size), flat.dtype)
            state.variables[name] = variable(zeros, name, trainable=False)
        state.number("count", 0)
        options = {"inputs": inputs, "seed": seed, "key": key}
        step = LbfgsStep(state, loss if fetches is None else fetches, updates or {}, **options)
        step.prepare(self, flat, loss, g)
        return step


class LbfgsStep(Step):
    """Runs L-BFGS on the batch that it is given; the updates of the model are made once, at the start."""

    largest = 0.0  # of the losses with which the calls began

    def prepare(self, rule: Lbfgs, flat: Variable, loss: Tensor, g: Tensor) -> None:
        """Compile what is evaluated: everything at the start of a step, loss and gradient on the way."""
        options: dict[str, Any] = {"inputs": self.inputs, "key": self.key}
        self.rule, self.flat = rule, flat
        self.first = Function([*outputs_of(self.fetches), loss, g], self.updates, **options)
        self.next = Function([loss, g], **options)
        self.random = self.first.random

    def run(self, arrays: list[Array]) -> list[Any]:
        """The fetches as they are at the start; if anything fails on the way, the parameters stay as they were."""
        x = self.flat.value.copy()
        *values, loss, g = self.first.run(arrays)
        kept = self.variables
        history = History(kept["s"].value.copy(), kept["y"].value.copy(), int(kept["count"].value))

        def gradient_at(point: Array) -> tuple[float, Array]:
            self.flat.value = point
            loss, g = self.next.run(arrays)
            return float(loss), g

        new = x
        try:
            new = self.iterated(gradient_at, x, float(loss), g, history)
        finally:
            self.flat.value = new
        kept["s"].value, kept["y"].value, kept["count"].value = history.s, history.y, history.count
        self.plan = self.next.plan or self.first.plan
        return values

    def iterated(self, gradient_at: Gradient, x: Array, loss: float, g: Array, history: History) -> Array:
        """Iterate until the gradient is small, no step helps, or the iterations are used up."""
        first, slope, self.largest = loss, np.abs(g).max(initial=0.0), max(self.largest, abs(loss))
        for _ in range(self.rule.iterations):
            largest = np.abs(g).max(initial=0.0)
            if not largest > self.rule.tolerance:  # also where it is NaN
                small = bool(largest <= self.rule.tolerance)
                self.halt = Halt(True, f"no gradient is above {self.rule.tolerance:g}") if small else None
                return x
            with np.errstate(all="ignore"):
                x, loss, g, self.halt = descend(gradient_at, x, loss, g, history)
            if self.halt is not None:
                if abs(loss) <= float(np.finfo(x.dtype).eps) * self.largest:
                    self.halt = Halt(True, "the loss is a rounding error of what it was at first", rounding=True)
                return x
        falls = abs(first - loss) > NOISE * float(np.finfo(x.dtype).eps) * abs(first)
        if not (falls or 2 * np.abs(g).max(initial=0.0) < slope):
            self.halt = stopped(x, loss, g)
        return x


def lbfgs(memory: int = 10, iterations: int = 20, tolerance: float = 1e-7) -> Lbfgs:
    """L-BFGS with ``memory`` pairs and ``iterations`` a step; it stops where no gradient is above ``tolerance``.

    >>> w = ag.variable([5.0, -3.0])
    >>> step = ag.lbfgs(iterations=5).function(((w - [1.0, 2.0]) ** 2).sum(), [w])
    >>> print(step(), w.value.round(4))
    41.0 [1. 2.]
    """
    return Lbfgs(memory, iterations, tolerance)
