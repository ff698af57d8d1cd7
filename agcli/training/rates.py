"""What becomes of the learning rate when a training goes on with another number of epochs, or another schedule."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import numpy as np

from agcli.counts import number_of
from agcli.engine.graph import constant
from agcli.engine.optimizers import Schedule
from agcli.model.optimizers import Shared
from agcli.model.schedules import Plateau
from agcli.spec import Choice, Spec
from agcli.spec.clock import Clock
from agcli.spec.nouns import rate_of

SAME = 1e-6  # of a rate; less is no difference
PLACES = 50  # steps of the training at which two courses are compared

Course = Callable[[float], float]  # steps of the optimizer that are done -> the learning rate of the next


def course(spec: Spec, batches: int) -> Course | None:
    """The learning rate of a spec whose epochs have so many batches; None of an optimizer without one.

    Of a plateau it is the rate as long as nothing has been a reason to lower it.
    """
    optimizer = spec.optimizer.fields
    if not isinstance(optimizer, Shared):
        return None
    rate = optimizer.lr
    if isinstance(rate, Choice) and isinstance(rate.fields, Plateau):
        rate = rate.fields.lr
    made = rate_of(rate, optimizer.in_steps(Clock(batches, batches * spec.train.epochs, spec.train.epochs)))
    if isinstance(made, int | float):
        return lambda done: float(made)
    schedule = cast("Schedule", made)  # no plateau
    return lambda done: float(schedule(constant(np.float64(done))).eval())


def bent(old: Spec, new: Spec, batches: tuple[int, int], done: int, rate: float) -> str:
    """What is to be said of the learning rate of a training that goes on by another spec; empty if it stays.

    ``batches`` are those of an epoch by the old and by the new spec, ``done`` the batches so far, ``rate`` that of the
    next step by the new spec, which a plateau may have lowered.
    """
    before, after = (course(spec, count) for spec, count in zip((old, new), batches, strict=True))
    if before is None or after is None:
        return ""
    accumulate = getattr(new.optimizer.fields, "accumulate", 1)
    place = done // accumulate
    then, now = before(place), after(place)
    if not math.isclose(then, now, rel_tol=SAME):
        lowered = rate / now if now else 1.0
        return (
            f"the learning rate of the next step is {rate:.4g}; as the run was set up, it would have been "
            f"{then * lowered:.4g}: {cause(old, new)}"
        )
    end = round(batches[1] * new.train.epochs / accumulate)
    for step in sorted({int(step) for step in np.linspace(place, max(end - 1, place), PLACES)}):
        if not math.isclose(before(float(step)), after(float(step)), rel_tol=SAME):
            return (
                f"the learning rate takes another course from here: at step {step * accumulate + 1:,} it is "
                f"{after(float(step)):.4g} instead of {before(float(step)):.4g}: {cause(old, new)}"
            )
    return ""


def cause(old: Spec, new: Spec) -> str:
    """Why the rate differs, and what keeps it."""
    if old.optimizer != new.optimizer:
        return "`optimizer` has changed"
    if old.train.epochs != new.train.epochs:
        name = unlimited(getattr(new.optimizer.fields, "lr", None))
        return (
            f"the schedule `{name}` is as long as the training, {number_of(new.train.epochs, 'epoch')} instead of "
            f"{old.train.epochs}; with `steps` of its own it would stay"
        )
    return "an epoch has another number of steps"


def unlimited(rate: object) -> str:
    """The name of the schedule, among those one inside of the other, that has no length of its own."""
    while isinstance(rate, Choice) and getattr(rate.fields, "steps", "") is not None:
        inner = getattr(rate.fields, "lr", None)
        if not isinstance(inner, Choice):
            break
        rate = inner
    return rate.name if isinstance(rate, Choice) else ""
