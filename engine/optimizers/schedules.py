"""Learning rates that change while training goes on.

A schedule is a function of the number of steps done so far, a float64 scalar of the graph; any such function will
do. Those of this file know their lengths in steps. A ``Plateau`` looks at a metric instead.

>>> lr = ag.schedules.warmup(ag.schedules.cosine(0.1, length=100), length=10)
>>> done = ag.placeholder("done", (), "float64")
>>> print([lr(done).eval({done: n}).round(3).item() for n in (0, 5, 10, 60, 110)])
[0.0, 0.05, 0.1, 0.05, 0.0]
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..errors import StateError
from ..graph import Tensor, as_tensor
from ..ops.elementwise import cos, floor, log, maximum, minimum, power
from ..ops.logic import logical_or, where
from .state import Rate, Schedule, State

ROUNDING = 1e-9  # relative; a cycle that ends at a whole step must not end one step later


def steps(lr: float, every: float, factor: float = 0.1) -> Schedule:
    """``lr``, multiplied by ``factor`` after every ``every`` steps."""
    return lambda done: lr * power(factor, floor(done / every))


def exponential(lr: float, every: float, factor: float) -> Schedule:
    """``lr factor^(done / every)``: the same as ``steps``, but smooth."""
    return lambda done: lr * power(factor, done / every)


def polynomial(lr: float, length: float, end: float = 0.0, degree: float = 1.0) -> Schedule:
    """From ``lr`` to ``end`` in ``length`` steps, as (1 - done / length)^degree; a straight line for degree 1."""
    return lambda done: end + (lr - end) * power(1 - minimum(done / length, 1), as_tensor(degree))


def half_wave(start: float, end: float, position: Tensor) -> Tensor:
    """From ``start`` at position 0 to ``end`` at position 1, flat at both."""
    return end + (start - end) / 2 * (1 + cos(math.pi * position))


def cosine(lr: float, length: float, end: float = 0.0) -> Schedule:
    """From ``lr`` to ``end`` in ``length`` steps along half a cosine wave (Loshchilov and Hutter, 2017, equation 5)."""
    return lambda done: half_wave(lr, end, minimum(done / length, 1))


def cosine_restarts(lr: float, length: float, growth: float = 1.0, end: float = 0.0) -> Schedule:
    """``cosine`` again and again, each time ``growth`` times as long as the time before (SGDR, the same paper)."""

    def schedule(done: Tensor) -> Tensor:
        if growth == 1:
            return half_wave(lr, end, done / length - floor(done / length))
        cycle = floor(log(1 + done * ((growth - 1) / length)) / math.log(growth) + ROUNDING)
        scale = power(growth, cycle)
        return half_wave(lr, end, (done - length * (scale - 1) / (growth - 1)) / (length * scale))

    return schedule


def one_cycle(lr: float, length: float, rising: float = 0.3, start: float = 1 / 25, end: float = 1e-4) -> Schedule:
    """Up from ``start lr`` to ``lr`` in the share ``rising`` of ``length`` steps, then down to ``start end lr``.

    Both ways are half cosine waves (Smith and Topin, 2018; the phases are those of torch's OneCycleLR).
    """
    top, last = max(rising * length - 1, 0.0), max(length - 1, 1.0)

    def schedule(done: Tensor) -> Tensor:
        up = half_wave(start * lr, lr, done / max(top, 1e-12))
        down = half_wave(lr, start * end * lr, minimum((done - top) / max(last - top, 1e-12), 1))
        return where(done < top, up, down)

    return schedule


def warmup(lr: Rate, length: float, start: float = 0.0) -> Schedule:
    """In a straight line from the share ``start`` of ``lr`` to all of it in ``length`` steps (Goyal et al., 2017).

    A schedule ``lr`` begins to count when the warm-up is over.
    """
    if isinstance(lr, Plateau):
        raise StateError("warmup: a plateau cannot be warmed up; plateau(warmup(...)) is the same the other way round")

    def schedule(done: Tensor) -> Tensor:
        share = minimum(start + (1 - start) / length * done, 1)
        return share * (lr(maximum(done - length, 0)) if callable(lr) else lr)

    return schedule


@dataclass(frozen=True)
class Plateau:
    """``lr``, multiplied by ``factor`` whenever a metric has not become smaller for more than ``patience`` values.

    "Smaller" is by more than the share ``threshold``. After a reduction, ``cooldown`` values are not judged, and the
    rate does not fall below ``least``. ``Step.observe`` takes the values; what is remembered of them lies in
    variables. The rules are those of torch's ReduceLROnPlateau.

    >>> w = ag.variable(1.0)
    >>> step = ag.sgd(ag.Plateau(0.1, factor=0.5, patience=1)).function(w * w, [w])
    >>> for loss in [1.0, 1.0, 1.0]:
    ...     step.observe(loss)
    >>> print(step.rate)
    0.05
    """

    lr: Rate
    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    cooldown: int = 0
    least: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.lr, Plateau):
            raise StateError("plateau: its rate is a number or a schedule of the step, not another plateau")

    def declare(self, state: State) -> Tensor:
        """The rate of this step; ``state`` learns what a value of the metric changes."""
        base = self.lr if isinstance(self.lr, int | float) else state.scheduled(self.lr)
        scale, best = state.number("plateau.scale", 1.0), state.number("plateau.best", np.inf)
        bad, rest = state.number("plateau.bad", 0), state.number("plateau.rest", 0)
        better = state.metric < best - self.threshold * where(best < np.inf, abs(best), 0.0)
        worse = where(logical_or(better, rest > 0), 0, bad + 1)
        enough = worse > self.patience
        state.observing |= {
            best: where(better, state.metric, best),
            scale: where(enough, scale * self.factor, scale),
            bad: where(enough, 0, worse),
            rest: where(enough, self.cooldown, maximum(rest - 1, 0)),
        }
        return maximum(base * scale, self.least)
