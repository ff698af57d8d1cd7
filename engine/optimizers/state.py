"""What an optimizer keeps between its steps, as variables, and what becomes of them in a step, as graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ..graph import Tensor, as_tensor
from ..leaves import Placeholder, Variable, variable
from ..types import Array, TensorType
from ..variables import pack

if TYPE_CHECKING:
    from .schedules import Plateau

Schedule: TypeAlias = "Callable[[Tensor], Tensor]"
Rate: TypeAlias = "float | Schedule | Plateau"


@dataclass
class State:
    """The variables of one optimizer over one group of parameters, and their next values.

    Their names are stable: a checkpoint that holds ``variables`` and the parameters is complete.
    """

    params: Sequence[Variable]
    lr: Rate = 0.0
    decay: float | Array | None = None  # weight decay, for all parameters or for each element
    variables: dict[str, Variable] = field(default_factory=dict)
    updates: dict[Variable, Tensor] = field(default_factory=dict)
    batches: int = 1  # whose gradients make one step
    gathering: dict[Variable, Tensor] = field(default_factory=dict)  # instead of updates, while gradients are added up
    observing: dict[Variable, Tensor] = field(default_factory=dict)  # when a value of ``metric`` is known
    metric: Placeholder = field(default_factory=lambda: Placeholder(TensorType((), np.dtype("float64"))))
    _rate: Tensor | float | None = field(default=None, repr=False)

    def moment(self, name: str, start: Sequence[Array] = ()) -> Variable:
        """A flat variable beside the flat parameters, zeros unless ``start`` says else; saved as one a parameter."""
        values = [v.copy() for v in start] or [np.zeros(p.value.shape, p.dtype) for p in self.params]
        names = [f"{name}.{p.name or i}" for i, p in enumerate(self.params)]
        parts = {n: Variable(v, n, trainable=False) for n, v in zip(names, values, strict=True)}
        self.variables |= parts
        return pack(list(parts.values()), name)

    def number(self, name: str, start: float) -> Variable:
        """A variable of one number: int64 or float64, as ``start``."""
        value = np.array(start, np.int64 if isinstance(start, int) else np.float64)
        self.variables[name] = variable(value, name, trainable=False)
        return self.variables[name]

    @property
    def counter(self) -> Variable:
        """The number of steps done before this one."""
        if "step" not in self.variables:
            counter = self.number("step", 0)
            self.updates[counter] = counter + 1
        return self.variables["step"]

    @property
    def step(self) -> Tensor:
        """The number of this step, from 1, as float64."""
        return self.updates[self.counter].astype("float64")

    @property
    def rate(self) -> Tensor | float:
        """The learning rate of this step, as float64."""
        if self._rate is None:
            self._rate = self.lr if isinstance(self.lr, int | float) else self.scheduled(self.lr)
        return self._rate

    def scheduled(self, schedule: Schedule | Plateau) -> Tensor:
        """The value of a schedule for this step; a plateau also declares what it remembers."""
        return schedule(self.counter.astype("float64")) if callable(schedule) else schedule.declare(self)

    def set(self, v: Variable, new: Tensor) -> Tensor:
        """Give ``v`` its next value."""
        self.updates[v] = new
        return new


Rule: TypeAlias = "Callable[[Tensor, Tensor, State], Tensor]"


def chain(*rules: Rule) -> Rule:
    """One rule after the other: each gets the step of the one before as its gradient.

    >>> halved = ag.chain(ag.clipping.value(1.0), lambda g, p, state: 0.5 * g)
    >>> w = ag.variable([10.0, -0.25])
    >>> step = ag.Optimizer("halved", halved, lr=1.0).function((w * w).sum() / 2, [w])
    >>> print(step(), w.value)
    50.03125 [ 9.5   -0.125]
    """

    def rule(g: Tensor, p: Tensor, state: State) -> Tensor:
        for r in rules:
            g = r(g, p, state)
        return g

    return rule


def narrow(x: Tensor | float, like: Tensor) -> Tensor:
    """A scalar computed in float64, in the dtype of the parameters."""
    return x.astype(like.dtype) if isinstance(x, Tensor) else as_tensor(x)
