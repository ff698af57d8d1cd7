"""Optimizers and schedules as graph.

A rule is a function ``(g, p, state) -> step`` that says how far to move ``p`` for the gradient ``g``; it declares its
moments and counters where it uses them, and rules chain. All parameters of one dtype lie in one arena and are
updated as one flat tensor, so that an optimizer costs the same number of kernel calls for any number of parameters.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from .errors import StateError
from .gradient import grad
from .graph import Tensor, Variable, as_tensor, label, variable
from .ops.elementwise import sqrt, square
from .ops.joining import concatenate
from .variables import pack, packed

Schedule: TypeAlias = "Callable[[Tensor], Tensor]"
Rate: TypeAlias = "float | Schedule"


@dataclass
class State:
    """The variables of one optimizer over one group of parameters, and their next values."""

    params: Sequence[Variable]
    variables: dict[str, Variable] = field(default_factory=dict)
    updates: dict[Variable, Tensor] = field(default_factory=dict)

    def moment(self, name: str) -> Variable:
        """A flat variable of zeros beside the flat parameters; saved as one variable a parameter."""
        parts = []
        for i, p in enumerate(self.params):
            part = variable(np.zeros(p.value.shape, p.dtype), f"{name}.{p.name or i}", trainable=False)
            self.variables[part.name or ""] = part
            parts.append(part)
        return pack(parts, name)

    @property
    def step(self) -> Tensor:
        """The number of this step, from 1, as float64."""
        if "step" not in self.variables:
            counter = self.variables["step"] = variable(np.zeros((), np.int64), "step", trainable=False)
            self.updates[counter] = counter + 1
        return self.updates[self.variables["step"]].astype("float64")

    def set(self, v: Variable, new: Tensor) -> Tensor:
        """Give ``v`` its next value."""
        self.updates[v] = new
        return new

    def rate(self, lr: Rate) -> Tensor | float:
        """The learning rate of this step."""
        return lr if isinstance(lr, int | float) else lr(self.step)


Rule: TypeAlias = "Callable[[Tensor, Tensor, State], Tensor]"


@dataclass(frozen=True)
class Optimizer:
    """A rule with its name; ``minimize`` builds the updates that ``ag.function`` takes."""

    name: str
    rule: Rule

    def minimize(self, loss: Tensor, params: Sequence[Variable]) -> dict[Variable, Tensor]:
        """Updates that make the scalar ``loss`` smaller; the optimizer's own state is among them."""
        return self.build(loss, params).updates

    def build(self, loss: Tensor, params: Sequence[Variable]) -> State:
        """Like ``minimize``, but gives the whole state, whose ``variables`` belong in a checkpoint."""
        if not params:
            raise StateError(f"{self.name}: there are no parameters to train")
        fixed = [label(p) for p in params if not isinstance(p, Variable)]
        if fixed:
            raise StateError(f"{self.name}: only variables can be trained, not {', '.join(fixed)}")
        state = State(list(params))
        flat = packed(params)
        flat = pack(params, "parameters") if flat is None else flat
        gradients = [g.reshape(-1) for g in grad(loss, list(params))]
        g = gradients[0] if len(gradients) == 1 else concatenate(*gradients)
        state.set(flat, flat - self.rule(g, flat, state))
        return state


def chain(*rules: Rule) -> Rule:
    """One rule after the other: each gets the step of the one before as its gradient."""
    def rule(g: Tensor, p: Tensor, state: State) -> Tensor:
        for r in rules:
            g = r(g, p, state)
        return g

    return rule


def narrow(x: Any, like: Tensor) -> Any:
    """A scalar computed in float64, in the dtype of the parameters."""
    return x.astype(like.dtype) if isinstance(x, Tensor) else x


def sgd(lr: Rate = 0.01, momentum: float = 0.0, nesterov: bool = False) -> Optimizer:
    """p <- p - lr v with v <- momentum v + g; Nesterov's variant uses g + momentum v (Sutskever et al., 2013)."""
    def rule(g: Tensor, p: Tensor, state: State) -> Tensor:
        if momentum:
            v = state.moment("velocity")
            new = state.set(v, momentum * v + g)
            g = g + momentum * new if nesterov else new
        return narrow(state.rate(lr), p) * g

    return Optimizer("sgd", rule)


def adam(lr: Rate = 0.001, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """Adam (Kingma and Ba, 2015, algorithm 1): moments of g and g^2, corrected for their start at zero."""
    def rule(g: Tensor, p: Tensor, state: State) -> Tensor:
        m, v, t = state.moment("m"), state.moment("v"), state.step
        new_m = state.set(m, beta1 * m + (1 - beta1) * g)
        new_v = state.set(v, beta2 * v + (1 - beta2) * square(g))
        rate = narrow(state.rate(lr) / (1 - as_tensor(beta1) ** t), p)
        spread = narrow(1 / sqrt(1 - as_tensor(beta2) ** t), p)
        return rate * (new_m / (sqrt(new_v) * spread + eps))

    return Optimizer("adam", rule)
