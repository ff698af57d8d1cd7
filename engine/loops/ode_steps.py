"""The steps of an adaptive Runge-Kutta method, as a dynamic op: how many there are is known when it has run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ExecutionError, ShapeError
from ..graph import Op, Tensor
from ..leaves import Placeholder
from ..substitution import substitute
from ..types import Array, TensorType
from .scan import Body, Scan

STIFF = 2.5  # length of a step in units of the fastest rate from which stability, not accuracy, may hold it
ADVICE = "the solution grows without bound or is not smooth there"


@dataclass(frozen=True, eq=False)
class ODE:
    """Equations as a graph: the ``rates`` of ``states`` at ``time``, and what else they read."""

    states: tuple[Placeholder, ...]
    time: Placeholder
    shared: tuple[Placeholder, ...]
    rates: tuple[Tensor, ...]
    rtol: float
    atol: float
    max_steps: int

    def at(self, states: Sequence[Tensor], time: Tensor, shared: Sequence[Tensor]) -> list[Tensor]:
        """The rates for other states at another time."""
        old = (*self.states, self.time, *self.shared)
        return substitute(self.rates, dict(zip(old, (*states, time, *shared), strict=True)))


@dataclass(frozen=True, eq=False)
class Steps(Op):
    """A row a step: the interval between output times in which it lies, where it begins and how long it is as parts of
    that interval, and the output time at which it ends, or -1.

    Inputs are the first states, the times, what the rates read, and the values of ``jumps``: what is added to a state,
    or set in its place, at every output time. Rows at the end may be steps of no length, so that few lengths occur.
    """

    ode: ODE
    jumps: tuple[str, ...]
    name = "odeint"
    dynamic = True
    stops = True

    def unify(self, inputs: list[Tensor]) -> list[Tensor]:
        return inputs

    def infer(self, *types: TensorType) -> TensorType:
        return TensorType((None, 4), np.dtype("float64"))

    def vjp(self, g: Any, y: Tensor, *inputs: Any) -> list[None]:
        return [None] * len(inputs)

    def compute(self, *arrays: Array) -> Array:
        n, m = len(self.ode.states), len(self.ode.shared)
        starts, times, shared = arrays[:n], np.asarray(arrays[n], np.float64), arrays[n + 1 : n + 1 + m]
        check_times(times)
        values = iter(arrays[n + 1 + m :])
        return Run(self.ode, starts, times, shared, [(mode, next(values) if mode else None) for mode in self.jumps])()


def check_times(times: Array) -> None:
    if not np.isfinite(times).all():
        raise ExecutionError(f"odeint: the times are finite numbers, found {times[~np.isfinite(times)][0]}")
    turns = np.diff(times)
    if (turns > 0).any() and (turns < 0).any():
        where = int(np.argmax(turns < 0 if turns[turns != 0][0] > 0 else turns > 0))
        raise ShapeError(
            f"odeint: the times grow, or they fall; {times[where]:.6g} is followed by {times[where + 1]:.6g}"
            f" (the first is {times[0]:.6g}; that of a spec is its `begin`)"
        )


class Run:
    """One integration."""

    def __init__(
        self, ode: ODE, starts: Sequence[Array], times: Array, shared: Sequence[Array], jumps: Sequence[Any]
    ) -> None:
        self.ode, self.times, self.jumps = ode, times, jumps
        whole: Array = np.empty(sum(np.asarray(y).size for y in starts))
        slopes = np.empty_like(whole)
        shapes = [(np.asarray(y).shape, np.asarray(y).dtype) for y in starts]
        self.states = pieces(whole, shapes)
        for y, start in zip(self.states, starts, strict=True):
            y[...] = start
        self.whole = whole if all(dtype == whole.dtype for _, dtype in shapes) else None
        self.slopes = slopes
        self.time = np.zeros((), np.float64)
        body = Body((), (), (*ode.states, ode.time, *ode.shared), (), ode.rates, ())
        loop = Scan(body, tuple(("emit", i) for i in range(len(ode.rates))), 1, False)
        self.rates = [rate.reshape(1, *rate.shape) for rate in pieces(slopes, shapes)]
        arrays = [*self.states, self.time, *(np.asarray(x) for x in shared)]
        self.run: Callable[[], Any] = loop.bind(arrays, tuple(self.rates))
        self.rows: list[tuple[float, float, float, float]] = []

    def __call__(self) -> Array:
        y, length = self.flat(self.states), None
        for i, (begin, end) in enumerate(zip(self.times[:-1], self.times[1:], strict=True)):
            y, length = self.interval(i, float(begin), float(end), y, length)
            y = self.jumped(y, i + 1)
        wanted = padded(len(self.rows))
        last = (max(0, len(self.times) - 2), 1.0, 0.0, -1.0)
        rows = self.rows + [last] * (wanted - len(self.rows))
        if len(self.times) == 1:
            return np.zeros((0, 4))
        return np.array(rows)

    def flat(self, arrays: Sequence[Array]) -> Array:
        return np.concatenate([np.asarray(a, np.float64).ravel() for a in arrays])

    def parts(self, flat: Array) -> list[Array]:
        sizes = np.cumsum([y.size for y in self.states])[:-1]
        return [p.reshape(y.shape) for p, y in zip(np.split(flat, sizes), self.states, strict=True)]

    def slope(self, t: float, flat: Array) -> Array:
        """The rates of change, as one vector."""
        self.time[...] = t
        if self.whole is not None:  # the states are pieces of one array, and so are the rates
            self.whole[...] = flat
            self.run()
            return self.slopes.copy()
        for y, part in zip(self.states, self.parts(flat), strict=True):
            y[...] = part
        self.run()
        return self.flat(self.rates)

    def interval(self, i: int, begin: float, end: float, y: Array, length: float | None) -> tuple[Array, float | None]:
        """The state at the end of an interval, and the length that the next step may have; steps go to the record."""
        from scipy.integrate import RK45

        if begin == end:
            self.rows.append((i, 0.0, 0.0, i + 1))
            return y, length
        with np.errstate(all="ignore"):
            first = None if length is None else min(length, abs(end - begin))
            solver: Any = RK45(self.slope, begin, y, end, rtol=self.ode.rtol, atol=self.ode.atol, first_step=first)
            if not np.isfinite(solver.f).all():  # the rates at the beginning
                raise ExecutionError(f"odeint: a rate of change is not a finite number at t = {begin:.6g}")
            while solver.status == "running":
                if len(self.rows) >= self.ode.max_steps:
                    raise ExecutionError(self.too_many(solver))
                before, tried = solver.t, solver.h_abs
                solver.step()
                if solver.status == "failed" or not np.isfinite(solver.y).all():
                    raise ExecutionError(f"odeint: no step is short enough at t = {before:.6g}: {ADVICE}")
                done = solver.status == "finished"
                part = (before - begin) / (end - begin)
                size = 1 - part if done else (solver.t - before) / (end - begin)
                self.rows.append((i, part, size, i + 1 if done else -1))
                length = max(tried, solver.h_abs) if done else solver.h_abs
        return solver.y, length

    def too_many(self, solver: Any) -> str:
        """Where the steps were used up, and whether the equations are stiff there (Hairer and Wanner, 1996, IV.2)."""
        slopes, h = solver.K, solver.h_previous or 0.0
        inner = solver.y_old + h * (solver.A[5] @ slopes[:5]) if solver.y_old is not None else solver.y
        apart = float(np.linalg.norm(solver.y - inner))
        fastest = float(np.linalg.norm(slopes[6] - slopes[5])) / apart if apart else 0.0
        message = f"odeint: {self.ode.max_steps:,} steps reach only t = {solver.t:.6g} of {float(self.times[-1]):.6g}"
        if abs(h) * fastest > STIFF:
            return (
                f"{message}: the equations are stiff (a rate of {fastest:.3g} allows no steps beyond {abs(h):.3g}); "
                "leave out or solve for what is that fast, or try a larger max_steps"
            )
        return f"{message}; try a larger rtol and atol, or a larger max_steps"

    def jumped(self, y: Array, row: int) -> Array:
        parts = self.parts(y)
        for k, (mode, values) in enumerate(self.jumps):
            if mode:
                parts[k] = parts[k] + values[row] if mode == "add" else np.asarray(values[row])
        return self.flat(parts)


def pieces(whole: Array, shapes: Sequence[tuple[tuple[int, ...], Any]]) -> list[Array]:
    """Arrays of these shapes and types, in the memory of ``whole`` where they have its type."""
    found, start = [], 0
    for shape, dtype in shapes:
        size = int(np.prod(shape))
        piece = np.ndarray(shape, np.float64, whole, 8 * start) if size else np.empty(shape)
        found.append(piece if dtype == whole.dtype and size else np.empty(shape, dtype))
        start += size
    return found


def padded(count: int) -> int:
    """The next of few lengths, so that few plans are made."""
    unit = max(16, 1 << max(0, count.bit_length() - 2))
    return -(-count // unit) * unit
