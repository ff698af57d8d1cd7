"""What goes wrong without an error: divergence, units that are dead or saturated, gradients that vanish or explode.

A look costs a forward and a backward pass over about a batch, without dropout. It is taken when training
does not get on, and else so rarely that it does not count.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from agcli.datasets import Batches
from agcli.engine.function import Function
from agcli.engine.gradient import grad
from agcli.engine.graph import Tensor, toposort
from agcli.engine.leaves import Variable
from agcli.engine.ops import elementwise as ew
from agcli.engine.ops import logic
from agcli.engine.ops import reductions as over
from agcli.events import Note
from agcli.spec import Spec

from .advice import clipping, other_rate
from .evaluate import fed
from .session import Session

LEAST, MOST = 64, 512  # samples; in between as many as a batch has, which the memory is known to hold
RARE = 50  # a look may take a fiftieth of the time
PATIENCE = 10.0  # seconds before a look without an occasion
SLOW, STUCK = 0.95, 0.99  # of the first epoch's loss: worth a look; to be said if the look finds nothing
DEAD = 0.25  # of a layer's units; fewer are usual
SATURATED = 0.9  # of a layer's values
VANISHING, EXPLODING = 3e-4, 1e3  # to the largest gradient of a layer; to the weights of the layer itself
NOISE = 1e-12  # gradients below this tell nothing about their ratio


def dead(y: Tensor) -> Tensor:
    """The fraction of units (the last axis) that are 0 for all samples and places."""
    return over.mean(logic.less_equal(over.max(y, axis=tuple(range(y.ndim - 1))), 0).astype("float32"))


def saturated(low: float, high: float) -> Callable[[Tensor], Tensor]:
    """The fraction of values that lie within a hundredth of the range's ends."""
    margin = (high - low) / 200
    middle, reach = (low + high) / 2, (high - low) / 2 - margin
    return lambda y: over.mean(logic.greater(ew.abs(y - middle), reach).astype("float32"))


# Activation -> what is counted, its limit, and the sentence.
COUNTS: Mapping[str, tuple[str, Callable[[Tensor], Tensor], float]] = {
    "relu": ("dead units", dead, DEAD),
    "tanh": ("saturated units", saturated(-1, 1), SATURATED),
    "sigmoid": ("saturated units", saturated(0, 1), SATURATED),
}


class Health:
    """Looks at a session now and then, and says what it finds once."""

    def __init__(self, session: Session, clock: Callable[[], float] = time.perf_counter) -> None:
        self.session, self.spec, self.clock = session, session.spec, clock
        self.first: float | None = None  # loss of the first batch
        self.losses: list[float] = []  # of the epochs that this process has done
        self.said: set[tuple[str, str]] = set()
        self.looked, self.cost = clock(), 0.0
        self._function: Function | None = None

    def after_epoch(self, loss: float) -> Iterator[Note]:
        """What is to be said after an epoch of this mean training loss."""
        known = [x for x in (self.first, *self.losses) if x is not None]
        diverges = bool(known) and loss > known[0] and loss > 2 * min(known)
        # A training that goes on may be near its end, where nothing gets better.
        slow = self.first is not None and bool(self.losses) and loss > SLOW * self.losses[0] and not diverges
        self.losses.append(loss)
        if diverges:
            text = f"the loss rises: {known[0]:.4g} at first, {min(known):.4g} at best, {loss:.4g} now"
            yield from self.once(
                "divergence", "", f"{text}; try {other_rate(self.spec, 0.1)}, or {clipping(self.spec)}"
            )
        waited = self.clock() - self.looked
        if diverges or slow or waited > PATIENCE + RARE * self.cost:
            yield from self.look()
            if slow and not self.said and loss > STUCK * self.losses[0]:
                advice = f"try {other_rate(self.spec, 10)}, or {other_rate(self.spec, 0.1)}; `--overfit` tells more"
                yield from self.once("no progress", "", f"the loss stays at {loss:.4g}; {advice}")

    def once(self, topic: str, about: str, text: str) -> Iterator[Note]:
        if (topic, about) not in self.said:
            self.said.add((topic, about))
            yield Note(f"{topic}: {text}", topic)

    def look(self) -> Iterator[Note]:
        """Look at all layers now."""
        began = self.clock()
        found = self.values()
        self.looked = self.clock()
        self.cost = self.looked - began
        for (kind, place, _), value in found.items():
            topic, _, limit = COUNTS.get(kind, ("", dead, math.inf))
            if value > limit:
                yield from self.once(topic, place, sentence(kind, place, value, self.spec))
        yield from self.gradients([(v, found["gradient", "", k], found["weight", "", k]) for k, v in self.weights()])

    def gradients(self, layers: Sequence[tuple[Variable, float, float]]) -> Iterator[Note]:
        """Gradients that are far smaller than those of other layers, or far larger than the weights."""
        largest = max((g for _, g, _ in layers), default=0.0)
        for v, g, w in layers:
            where = f"{v.origin} ({v.name})"
            if g > EXPLODING * max(w, 1.0) or not math.isfinite(g):
                text = f"{where}: the gradient has norm {g:.3g}, the weights {w:.3g}"
                advice = f"try {clipping(self.spec)}, {other_rate(self.spec, 0.1)}, or batch_norm or layer_norm"
                yield from self.once("exploding gradients", where, f"{text}; {advice}")
            elif g == 0.0 < largest:
                text = f"{where}: the gradient is 0; nothing of the loss comes through the layers behind it"
                yield from self.once("vanishing gradients", where, f"{text}; {UNBLOCK}")
            elif NOISE < g < VANISHING * largest:
                text = f"{where}: the gradient has norm {g:.3g}, {g / largest:.0e} of that of another layer"
                yield from self.once("vanishing gradients", where, f"{text}; {UNBLOCK}")

    def weights(self) -> list[tuple[str, Variable]]:
        """The trainable parameters that are matrices or more, in the order of the layers."""
        return [(k, v) for k, v in self.session.model.parameters.items() if v.trainable and v.ndim >= 2]

    def values(self) -> dict[tuple[str, str, str], float]:
        """(What, place, name) -> its value for some samples of the training data."""
        if self._function is None:
            self._function = self.function()
        data = self.session.data.train
        batches = Batches(data, min(len(data), max(LEAST, min(self.spec.train.batch_size, MOST))), self.spec.seed)
        batch = next(iter(batches.epoch()))
        found = self._function(fed(self._function, batch))
        return {key: float(value) for key, value in found.items()}

    def function(self) -> Function:
        """All that is looked at, as one function of a batch."""
        model = self.session.model
        names, params = [k for k, _ in self.weights()], [v for _, v in self.weights()]
        fetches: dict[Any, Tensor] = {}
        for t in toposort([model.test.loss]):
            if t.op is not None and t.op.name in COUNTS and t.ndim >= 2:
                fetches[t.op.name, t.origin, ""] = COUNTS[t.op.name][1](t)
        for name, v, g in zip(names, params, grad(model.test.loss, params, allow_unused=True), strict=True):
            fetches["gradient", "", name] = norm(g)
            fetches["weight", "", name] = norm(v)
        return Function(fetches, inputs=self.session.step_function.inputs)


UNBLOCK = "try relu or gelu, he_normal weights, batch_norm or layer_norm, or fewer layers"


def norm(t: Tensor) -> Tensor:
    """The Euclidean norm in float64, where no square overflows that is finite in float32."""
    wide = t.astype("float64")
    return ew.sqrt(over.sum(wide * wide))


def sentence(kind: str, where: str, value: float, spec: Spec) -> str:
    """What is wrong with a layer's activations, and what to try."""
    if kind == "relu":
        text = f"{where}: {value:.0%} of the units of relu are 0 for all samples"
        return f"{text}; try {other_rate(spec, 0.1)}, leaky_relu or gelu, or he_normal weights"
    text = f"{where}: {value:.0%} of the values of {kind} are at an end of its range"
    return f"{text}; try smaller weights, batch_norm, or relu"
