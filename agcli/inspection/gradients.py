"""The gradient of a model's loss held against differences of the loss, and parameters that get no gradient."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from agcli.engine.errors import EngineError
from agcli.engine.function import Function
from agcli.engine.gradient import grad
from agcli.engine.leaves import Variable, variable
from agcli.engine.types import Array
from agcli.model.build import Model

from .fixed import Fixed, fixed

SAMPLES = 16  # of the batch on which the gradient is checked
COORDINATES = 4  # of each parameter: the largest derivative, and others at random
MOST = 200  # coordinates in all
PATIENCE = 10.0  # seconds, after which no more parameters are looked at
# Steps of central differences. A kink (of relu, say) between two points spoils a wide step, rounding a narrow one.
STEPS = {"float64": (1e-5, 1e-6, 1e-7), "float32": (1e-2, 3e-3, 1e-3)}
ASIDE = 0.01
FLOOR = {"float64": 1e-5, "float32": 1e-3}
TOLERANCE = {"float64": 1e-4, "float32": 5e-2}


@dataclass(frozen=True)
class Checked:
    """A parameter whose derivatives were compared. ``error`` is the largest difference, as a part of the larger one."""

    name: str
    coordinates: int
    error: float
    right: bool

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Gradients:
    """What was found out about the gradient of a batch."""

    precision: str  # in which it was checked
    samples: int
    loss: float
    norm: float
    checked: tuple[Checked, ...]
    dead: tuple[str, ...]  # all derivatives are zero for this batch
    silent: Mapping[str, tuple[int, int]]  # parameter -> units without any gradient, of how many

    @property
    def right(self) -> bool:
        return all(c.right for c in self.checked)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"right": self.right}


def check_gradients(model: Model, columns: Mapping[str, Array], seed: int = 0) -> Gradients:
    """Compare sampled derivatives of the training loss with central differences, for a batch of ``columns``."""
    used = [n for n, v in model.parameters.items() if isinstance(v, Variable) and v.trainable]
    size = len(next(iter(columns.values())))
    try:
        probe = Probe(model, fixed(model, [model.train.loss], size, double=True), columns, used)
        precision = "float64"
    except EngineError:  # an op that computes in float32 only
        probe = Probe(model, fixed(model, [model.train.loss], size, copy=True), columns, used)
        precision = "float32"
    loss, gradients = probe.gradients()
    count = max(1, min(COORDINATES, MOST // max(len(used), 1)))
    rng = np.random.default_rng(seed)
    # Parameters that begin at zero may lie on a kink: relu(0 * w + 0). A little beside it, derivatives are defined.
    probe.move(rng)
    near = probe.gradients()[1]
    end = time.perf_counter() + PATIENCE
    names = rng.permutation([n for n, g in near.items() if g.size]).tolist()
    picked = {name: chosen(near[name], count, rng) for name in names}
    checked = [probe.compare(n, near[n], picked[n], precision) for n in names if time.perf_counter() < end]
    return Gradients(
        precision,
        size,
        loss,
        float(np.sqrt(sum(float((g * g).sum()) for g in gradients.values()))),
        tuple(checked),
        tuple(n for n, g in gradients.items() if g.size and not g.any()),
        {n: found for n, g in gradients.items() if (found := silent(g))[0]},
    )


class Probe:
    """The loss of one batch as a function of the parameters; random ops draw the same numbers at each call."""

    def __init__(self, model: Model, made: Fixed, columns: Mapping[str, Array], names: list[str]) -> None:
        self.variables = {n: made.variables[n] for n in names}
        self.feeds = [columns[n].astype(p.dtype) for n, p in made.inputs.items()]
        self.key = variable(model.key.value.copy(), "random key", trainable=False)
        loss = made.tensors[0]
        options: dict[str, Any] = {"inputs": list(made.inputs.values()), "key": self.key}
        self.first = self.key.value.copy()
        self.function = Function([loss], **options)
        self.both = Function([loss, *grad(loss, list(self.variables.values()))], **options)

    def gradients(self) -> tuple[float, dict[str, Array]]:
        """The loss, and its derivatives by the parameters."""
        self.key.value = self.first
        value, *found = self.both(*self.feeds)
        return float(value), {n: np.asarray(g, np.float64) for n, g in zip(self.variables, found, strict=True)}

    def move(self, rng: np.random.Generator) -> None:
        """Take each parameter a little aside."""
        for v in self.variables.values():
            v.value = v.value + ASIDE * rng.standard_normal(v.value.shape)

    def value(self) -> float:
        self.key.value = self.first
        return float(self.function(*self.feeds)[0])

    def difference(self, name: str, place: tuple[int, ...], step: float) -> float:
        """The central difference of the loss in one coordinate of a parameter."""
        array = self.variables[name].value
        old = array[place]
        values, points = [], []
        for sign in (1.0, -1.0):
            array[place] = old + sign * step
            points.append(float(array[place]))  # what rounding made of it
            values.append(self.value())
        array[place] = old
        return (values[0] - values[1]) / (points[0] - points[1])

    def compare(self, name: str, g: Array, places: list[tuple[int, ...]], precision: str) -> Checked:
        # What is much smaller than the others, or zero by a symmetry, is lost in the rounding of the loss.
        floor = 1e-3 * float(np.abs(g).max()) + FLOOR[precision] * max(1.0, abs(self.value()))
        worst = 0.0
        for place in places:
            width = max(1.0, abs(float(self.variables[name].value[place])))
            errors = []
            for step in STEPS[precision]:
                found = self.difference(name, place, step * width)
                errors.append(abs(found - g[place]) / max(abs(found), abs(float(g[place])), floor))
                if errors[-1] <= TOLERANCE[precision]:
                    break
            worst = max(worst, min(errors))
        return Checked(name, len(places), worst, worst <= TOLERANCE[precision])


def chosen(g: Array, count: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """The coordinate of the largest derivative, and some more at random."""
    flat = {int(np.abs(g).argmax())}
    flat |= set(map(int, rng.integers(0, g.size, count - 1)))
    return [tuple(map(int, np.unravel_index(i, g.shape))) for i in sorted(flat)]


def silent(g: Array) -> tuple[int, int]:
    """Units (the last axis of a matrix) of which no weight has a gradient, unless that is true of all of them."""
    if g.ndim < 2:
        return 0, g.size
    zero = np.logical_not(g.any(axis=tuple(range(g.ndim - 1))))
    return (0 if zero.all() else int(zero.sum())), g.shape[-1]
