"""An optimizer: a rule with what goes around it, and the training step that follows from it for a loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import StateError
from ..function import Function
from ..gradient import grad
from ..graph import Tensor, label
from ..leaves import Placeholder, Variable
from ..ops.creation import zeros_like
from ..ops.elementwise import clip, minimum
from ..ops.joining import concatenate
from ..types import Array
from ..variables import pack, packed
from .bounds import Bounds, box
from .decay import decays
from .halt import Halt
from .state import Rate, Rule, State, narrow

Fetches = Tensor | Sequence[Tensor] | Mapping[str, Tensor]


class Step(Function):
    """A function that trains: each call also changes the parameters. ``variables`` belong in a checkpoint.

    While gradients are being added up, another plan runs in its place, which leaves the parameters alone.
    """

    def __init__(self, state: State, fetches: Fetches, updates: Mapping[Variable, Tensor], **options: Any) -> None:
        super().__init__(fetches, {**updates, **state.updates}, **options)
        self.state = state
        self.halt: Halt | None = None  # why another call would change nothing, once a call has found that
        self.variables = state.variables
        self.gather: Function | None = None
        if state.gathering:
            self.gather = Function(fetches, {**updates, **state.gathering}, inputs=self.inputs, key=self.key)
            self.gather.shards = self.shards
        self._rate: Function | None = None
        self._observe: Function | None = None

    def run(self, arrays: list[Array]) -> list[Any]:
        """Values of the fetches, as they are before the parameters change."""
        if self.gather is not None and self.variables["gathered"].value < self.state.batches - 1:
            return self.gather.run(arrays)
        return super().run(arrays)

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        if isinstance(self.state.rate, int | float):
            return float(self.state.rate)
        if self._rate is None:
            self._rate = Function([self.state.rate])
        return float(self._rate()[0])

    def observe(self, metric: float) -> None:
        """Tell a plateau schedule a new value of the metric that it looks at; nothing happens without one."""
        if self.state.observing:
            if self._observe is None:
                self._observe = Function([], self.state.observing, inputs=[self.state.metric])
            self._observe(float(metric))


@dataclass(frozen=True)
class Optimizer:
    """A rule with its name and what may go around any rule; ``using`` changes that.

    ``clip`` is a rule for the gradient (see ``clipping``), ``no_decay`` holds patterns for the names of parameters
    without weight decay, gradients of ``accumulate`` batches are averaged before a step, and ``average`` is the decay
    of running means of the parameters (0: none), which are kept beside them.

    >>> w = ag.variable([1.0, 2.0], "w")
    >>> step = ag.adam(0.1).using(clip=ag.clipping.global_norm(1.0)).function((w * w).sum(), [w])
    >>> print(step(), w.value.round(3))
    5.0 [0.9 1.9]
    """

    name: str
    rule: Rule
    lr: Rate
    weight_decay: float = 0.0
    no_decay: tuple[str, ...] = ()
    clip: Rule | None = None
    accumulate: int = 1
    average: float = 0.0

    def using(self, **changes: Any) -> Optimizer:
        """The same optimizer with other fields: ``adam(0.01).using(weight_decay=0.1, no_decay=("*.bias",))``."""
        return replace(self, **changes)

    def minimize(
        self, loss: Tensor, params: Sequence[Variable], *, bounds: Bounds | None = None
    ) -> dict[Variable, Tensor]:
        """Updates that make the scalar ``loss`` smaller; the optimizer's own state is among them."""
        if self.accumulate > 1:
            raise StateError(f"{self.name}: accumulate takes two plans; use function(loss, params) instead")
        return self.build(loss, params, bounds=bounds).updates

    def function(
        self,
        loss: Tensor,
        params: Sequence[Variable],
        fetches: Fetches | None = None,
        *,
        updates: Mapping[Variable, Tensor] | None = None,
        averages: Sequence[Variable] = (),
        bounds: Bounds | None = None,
        inputs: Sequence[Placeholder] | None = None,
        seed: int = 0,
        key: Variable | None = None,
        shards: int | str = 1,
    ) -> Step:
        """A training step as one callable, which returns ``fetches`` (the loss) of the batch that it is given.

        ``updates`` are those of the model itself; ``averages`` are variables for the running means, one a parameter;
        ``bounds`` maps parameters to (least, largest) values, None for an open end, to which every step is cut;
        ``shards`` is that of ``ag.function``.
        """
        state = self.build(loss, params, averages, bounds)
        options = {"inputs": inputs, "seed": seed, "key": key, "shards": shards}
        return Step(state, loss if fetches is None else fetches, updates or {}, **options)

    def build(
        self,
        loss: Tensor,
        params: Sequence[Variable],
        averages: Sequence[Variable] = (),
        bounds: Bounds | None = None,
    ) -> State:
        """The state of a training step, with the updates that ``function`` compiles."""
        limits = box(bounds, params)
        flat, g = arena(self.name, params), flat_gradient(loss, params)
        state = State(list(params), self.lr, decays(float(self.weight_decay), params, self.no_decay))
        if self.accumulate > 1:
            g = gathered(g, self.accumulate, state)
        if self.clip is not None:
            g = self.clip(g, flat, state)
        new = flat - self.rule(g, flat, state)
        if limits is not None:
            new = clip(new, *limits)
        state.updates = {flat: new, **state.updates}  # first, so that moments can be overwritten once it is known
        if self.average:
            follow(new, self.average, averages, state)
        return state


def arena(name: str, params: Sequence[Variable]) -> Variable:
    """The flat variable that holds all of ``params``."""
    if not params:
        raise StateError(f"{name}: there are no parameters to train")
    fixed = [label(p) for p in params if not isinstance(p, Variable)]
    if fixed:
        raise StateError(f"{name}: only variables can be trained, not {', '.join(fixed)}")
    return packed_or_pack(params, "parameters")


def packed_or_pack(variables: Sequence[Variable], name: str) -> Variable:
    """The arena in which ``variables`` lie already, as for a second optimizer, or a new one."""
    found = packed(variables)
    return pack(variables, name) if found is None else found


def flat_gradient(loss: Tensor, params: Sequence[Variable]) -> Tensor:
    """The gradient in the layout of the arena."""
    parts = [g.reshape(-1) for g in grad(loss, list(params))]
    return parts[0] if len(parts) == 1 else concatenate(*parts)


def gathered(g: Tensor, batches: int, state: State) -> Tensor:
    """The mean gradient of the last ``batches`` batches, and what a batch changes that is not the last of them."""
    total, count = state.moment("gradient"), state.number("gathered", 0)
    summed = total + g
    state.batches = batches
    state.gathering |= {total: summed, count: count + 1}
    state.set(total, zeros_like(total))
    state.set(count, zeros_like(count))
    return summed * (1 / batches)


def follow(new: Tensor, decay: float, averages: Sequence[Variable], state: State) -> None:
    """Running means of the parameters, of decay min(decay, (1 + t) / (10 + t)) in step t.

    So the first values are soon forgotten (the num_updates of TensorFlow's ExponentialMovingAverage).
    """
    if averages:
        mean = packed_or_pack(averages, "averages")
    else:
        mean = state.moment("average", [np.array(p.value) for p in state.params])
    t = state.step
    keep = narrow(minimum((1 + t) / (10 + t), decay), new)
    state.set(mean, mean + (1 - keep) * (new - mean))
