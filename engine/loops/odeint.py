"""``odeint``: the solution of a system of ordinary differential equations as a graph.

How long the steps are is found by a run of an adaptive method, whose record is a constant for derivatives; the solution
is then a loop over these steps, which is differentiated to any order like every ``scan``. A step is held fixed as a
part of the interval between two output times, so that derivatives by the times are right as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import GradientError, ShapeError
from ..graph import Tensor, as_tensor, call, cast
from ..leaves import Placeholder
from ..ops.indexing import take
from ..ops.joining import concatenate
from ..ops.logic import where
from ..subgraph import captured
from ..substitution import substitute
from ..types import TensorType
from .ode_adjoint import adjoint
from .ode_steps import ODE, Steps
from .scan import leaves, like, scan

METHODS = ("discrete", "adjoint")
# Dormand and Prince (1980): Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I, table II.5.2.
NODES = (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0)
STAGES = (
    (),
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
)
WEIGHTS = (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84)


@dataclass(frozen=True)
class Jump:
    """What happens to a state at each output time but the first: ``values`` are added to it, or take its place."""

    values: Tensor
    adds: bool


def odeint(
    f: Callable[[Any, Tensor], Any],
    y0: Any,
    t: Any,
    *,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    gradient: str = "discrete",
    max_steps: int = 10_000,
) -> Any:
    """The solution of y' = ``f(y, t)`` at the times ``t``, from ``y0`` at the first of them: shape (n, *y0.shape).

    ``f`` makes tensors of tensors and may use any other; ``y0`` is a tensor of floats or a tuple of them, as is then
    what ``f`` returns. The times grow or fall, and may repeat. Explicit Runge-Kutta steps of order 5 with an error
    estimate of order 4 (Dormand and Prince, 1980) are taken such that each error stays below ``atol + rtol*|y|``, and
    end at every output time.

    ``gradient`` is "discrete", the derivative of the steps that were taken, which is exact for the numbers that came
    out and has any order; or "adjoint", the solution of the adjoint equation backwards in time (Chen et al., 2018),
    which keeps no step in memory and is as exact as its tolerance.

    Raises ExecutionError, with the time, where the steps become too small or more than ``max_steps``.

    >>> rate = ag.placeholder("rate", (), "float64")
    >>> y = ag.odeint(lambda y, t: -rate * y, ag.constant(1.0, "float64"), [0.0, 1.0, 2.0])
    >>> print(y.eval({rate: 0.5}).round(4), ag.grad(y[1], rate).eval({rate: 0.5}).round(4))
    [1.     0.6065 0.3679] -0.6065
    """
    if gradient not in METHODS:
        raise GradientError(f"odeint: gradient is one of {', '.join(map(repr, METHODS))}; got {gradient!r}")
    check_settings(rtol, atol, max_steps)
    starts = [as_tensor(y) for y in leaves(y0)]
    starts = [cast(y, np.dtype("float64")) if y.type.weak and y.dtype.kind != "f" else y for y in starts]
    for y in starts:
        if y.dtype.kind != "f":
            raise ShapeError(f"odeint: y0 holds floats, got {y.type}")
    times = as_tensor(t)
    if times.ndim != 1 or times.shape[0] == 0:
        raise ShapeError(f"odeint: t is a vector of times, got {times.type}")
    times = times if times.dtype.kind == "f" and times.dtype.itemsize == 8 else cast(times, np.dtype("float64"))
    states = [Placeholder(y.type) for y in starts]
    time = Placeholder(TensorType((), np.dtype("float64")))
    made = [as_tensor(r) for r in leaves(f(like(y0, states), time))]
    ode, outside = equations(states, time, made, (float(rtol), float(atol), max_steps))
    found = solution(ode, starts, times, outside)
    if gradient == "adjoint":
        if len(starts) > 1:
            raise GradientError('odeint: gradient="adjoint" takes one state, found several; stack them in one tensor')
        found = [adjoint(ode, found[0], starts[0], times, outside)]
    return like(y0, found)


def check_settings(rtol: float, atol: float, max_steps: int) -> None:
    """Raises ShapeError for tolerances that no step can meet."""
    for name, value, least in (("rtol", rtol, 1e-13), ("atol", atol, 0.0)):
        if not (isinstance(value, int | float) and least <= value < 1):
            raise ShapeError(f"odeint: {name} is a number from {least:g} to 1, got {value!r}")
    if isinstance(max_steps, bool) or not isinstance(max_steps, int) or max_steps < 1:
        raise ShapeError(f"odeint: max_steps is a positive whole number, got {max_steps!r}")


def equations(
    states: Sequence[Placeholder], time: Placeholder, rates: Sequence[Tensor], settings: tuple[float, float, int]
) -> tuple[ODE, list[Tensor]]:
    """The equations as a graph of its own, and the tensors around it that it reads."""
    if len(rates) != len(states):
        raise ShapeError(f"odeint: f returns {len(states)} rates for as many states, it returned {len(rates)}")
    for y, rate in zip(states, rates, strict=True):
        if rate.shape != y.shape:
            raise ShapeError(f"odeint: the rate of a state of shape {y.shape} has the shape {rate.shape}")
    rates = [cast(rate, y.dtype) if rate.dtype != y.dtype else rate for y, rate in zip(states, rates, strict=True)]
    outside = captured(rates, [*states, time])
    shared = [Placeholder(x.type) for x in outside]
    made = substitute(rates, dict(zip(outside, shared, strict=True)))
    return ODE(tuple(states), time, tuple(shared), tuple(made), *settings), outside


def solution(
    ode: ODE, starts: Sequence[Tensor], times: Tensor, shared: Sequence[Tensor], jumps: Sequence[Jump | None] = ()
) -> list[Tensor]:
    """The states at the times, stacked; with jumps, as they are after them."""
    jumps = list(jumps) or [None] * len(starts)
    kept = [j for j in jumps if j is not None]
    modes = tuple("" if j is None else "add" if j.adds else "set" for j in jumps)
    record = Steps(ode, modes)(*starts, times, *shared, *(j.values for j in kept))
    interval, row = (cast(record[:, k], np.dtype("int64")) for k in (0, 3))
    begin, reached = take(times, interval, axis=0), record[:, 3] >= 0
    width = take(times, interval + 1, axis=0) - begin
    elements = [begin + record[:, 1] * width, record[:, 2] * width, reached]
    elements += [take(j.values, call("maximum", row, 0), axis=0) for j in kept]

    def turn(carry: tuple[Tensor, ...], x: tuple[Tensor, ...]) -> tuple[Any, Any]:
        moved, given = step(ode, carry, x[0], x[1], shared), iter(x[3:])
        for i, jump in enumerate(jumps):
            if jump is not None:
                there = next(given)
                moved[i] = where(x[2], moved[i] + there if jump.adds else there, moved[i])
        return tuple(moved), tuple(moved)

    _, after = scan(turn, tuple(starts), tuple(elements))
    rank = call("cumsum", cast(reached, np.dtype("int64")))
    wanted = call("cumsum", call("ones_like", cast(times, np.dtype("int64")))) - 1
    # the step that reaches each time, the first of its rank; row 0 is the start, before all steps
    places = call("searchsorted", rank, wanted) + cast(wanted > 0, np.dtype("int64"))
    return [
        take(concatenate([call("expand_dims", y0, axis=0), ys], axis=0), places, axis=0)
        for y0, ys in zip(starts, after, strict=True)
    ]


def step(ode: ODE, states: Sequence[Tensor], t: Tensor, h: Tensor, shared: Sequence[Tensor]) -> list[Tensor]:
    """The states after one step of length ``h``."""
    slopes: list[list[Tensor]] = []
    for node, factors in zip(NODES, STAGES, strict=True):
        there = [y + combined(h, factors, slopes, i) if factors else y for i, y in enumerate(states)]
        slopes.append(ode.at(there, t + node * h, shared))
    return [y + combined(h, WEIGHTS, slopes, i) for i, y in enumerate(states)]


def combined(h: Tensor, factors: Sequence[float], slopes: Sequence[Sequence[Tensor]], i: int) -> Tensor:
    """h times a sum of slopes of one state."""
    terms = [factor * k[i] for factor, k in zip(factors, slopes, strict=True) if factor]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return cast(h, total.dtype) * total
