"""The gradient of a solution of differential equations by their adjoint, integrated backwards in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..custom import Wrapped
from ..gradient import is_float, pullback
from ..graph import Cotangents, Tensor, call
from ..leaves import Placeholder
from ..ops.joining import concatenate
from ..substitution import substitute
from ..types import TensorType
from .ode_steps import ODE
from .scan import scan


@dataclass(frozen=True, eq=False)
class Adjoint(Wrapped):
    """A solution, with the gradient by the adjoint equation a' = -a df/dy in the first state, the times and what the
    rates read (Chen, Rubanova, Bettencourt and Duvenaud, Neural ordinary differential equations, 2018, algorithm 2).

    The cotangent of each output is added when its time is passed, and the state is set to what it was there, so that
    the error of the way back does not add up. The rule is made of a solution, so it is differentiated in its turn.
    """

    ode: ODE
    name = "odeint"

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        from .odeint import Jump, equations, solution

        _, start, times, *shared = inputs
        ode, floats = self.ode, [i for i, x in enumerate(shared) if is_float(x)]
        state, a = Placeholder(start.type), Placeholder(start.type)
        sums = [Placeholder(shared[i].type) for i in floats]
        time = Placeholder(TensorType((), np.dtype("float64")))
        (rate,) = ode.at([state], time, ode.shared)
        found = pullback([rate], [state, *(ode.shared[i] for i in floats)], [a])
        falls = [call("negative", d) if d is not None else call("zeros_like", x) for d, x in zip(
            found, [state, *sums], strict=True)]  # fmt: skip
        settings = (ode.rtol, ode.atol, ode.max_steps)
        back, outside = equations([state, a, *sums], time, [rate, *falls], settings)
        starts = [y[-1], g[-1], *(call("zeros_like", shared[i]) for i in floats)]
        jumps = [Jump(y[::-1], False), Jump(g[::-1], True), *(None for _ in floats)]
        around = substitute(outside, dict(zip(ode.shared, shared, strict=True)))  # and what is made of them alone
        states = solution(back, starts, times[::-1], around, jumps)
        first = states[1][-1]
        cotangents: list[Tensor | None] = [None] * len(shared)
        for i, total in zip(floats, states[2:], strict=True):
            cotangents[i] = total[-1]
        return [None, first, self.by_times(g, y, first, times, shared), *cotangents]

    def by_times(self, g: Tensor, y: Tensor, first: Tensor, times: Tensor, shared: Sequence[Tensor]) -> Tensor:
        """An output moves with its time at its rate; the start, when later, goes back by its own."""
        weights = concatenate([call("expand_dims", g[0] - first, axis=0), g[1:]], axis=0)

        def moved(carry: Tensor, x: tuple[Tensor, ...]) -> tuple[Any, Any]:
            (rate,) = self.ode.at([x[0]], x[1], shared)
            return carry, call("sum", x[2] * rate)

        _, found = scan(moved, call("zeros_like", times[0]), (y, times, weights))
        return found  # type: ignore[no-any-return]


def adjoint(ode: ODE, found: Tensor, start: Tensor, times: Tensor, shared: Sequence[Tensor]) -> Tensor:
    """A solution of one state, with the adjoint's gradient."""
    return Adjoint(ode)(found, start, times, *shared)
