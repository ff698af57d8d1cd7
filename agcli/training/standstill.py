"""A training that makes no progress: an optimizer that found its last step, and parameters that do not change."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from agcli.counts import number_of
from agcli.datasets import Batches
from agcli.engine.function import Function
from agcli.engine.gradient import grad
from agcli.engine.optimizers import Halt
from agcli.engine.types import Array
from agcli.events import Note
from agcli.spec import Spec

from .advice import other_rate
from .evaluate import EVAL_BATCH, fed
from .session import Session

TOPIC = "no progress"
SHARE = 20  # epochs without a change are worth a word from a twentieth of all of them on


def ending(halt: Halt, spec: Spec) -> str:
    """Why a training is over whose optimizer goes no further, and what to do if that is too early."""
    if halt.converged:
        return f"converged: {halt.why}"
    place = f" in {spec.dtype}" if halt.rounding else ""
    return f"stopped: {halt.why}{place}; {advice(spec)}"


def advice(spec: Spec) -> str:
    """What else to try where no step helps."""
    if spec.dtype == "float64":
        return "try other starting values, or another optimizer"
    return "write `dtype: float64` to compute with more digits, or try other starting values"


def hash_of(values: Sequence[Array]) -> str:
    """A hash by which values are known again; -0 and 0 are one number."""
    found = hashlib.sha256()
    for array in values:
        found.update(np.add(array, 0.0, dtype=array.dtype).data)
    return found.hexdigest()


class Standstill:
    """Looks at the end of an epoch whether any parameter has changed in it.

    It belongs to the state of a training: a resumed one counts on. ``known`` is what ``to_json`` gave.
    """

    def __init__(self, session: Session, known: Mapping[str, Any] | None = None) -> None:
        self.session, self.spec = session, session.spec
        self.since = session.epoch  # epochs that were done when the parameters last changed
        self.cause = ""
        self.values: list[Array] = []  # of then, unless this process has only their hash
        self.remember()
        if known is not None:
            self.since, self.cause = int(known["since"]), str(known["cause"])
            self.step, self.hash = int(known["step"]), str(known["hash"])
            self.values = []

    def remember(self) -> None:
        self.step, self.values, self.hash = self.session.step, [a.copy() for a in self.session.arenas], ""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        if not self.hash:
            self.hash = hash_of(self.values)
        return {"since": self.since, "cause": self.cause, "step": self.step, "hash": self.hash}

    def has_changed(self) -> bool:
        """Whether any parameter is not what it was."""
        now = self.session.arenas
        if not self.values:
            return hash_of(now) != self.hash
        return any(not np.array_equal(a, b) for a, b in zip(self.values, now, strict=True))

    @property
    def epochs(self) -> int:
        """Epochs without a change up to now."""
        return self.session.epoch - self.since

    def after_epoch(self) -> Note | None:
        """The word to be said now, if there is one: the first time that the parameters have stood still for long."""
        s = self.session
        group = getattr(self.spec.optimizer.fields, "accumulate", 1)
        says_itself = self.spec.optimizer.fields.full_batch
        if says_itself or not s.arenas or s.step - self.step < group:
            return None  # nothing to compare, or no step of the optimizer yet
        if self.has_changed():
            self.since, self.cause = s.epoch, ""
            self.remember()
            return None
        is_scheduled = not isinstance(getattr(self.spec.optimizer.fields, "lr", 0.0), int | float)
        may_rise = is_scheduled and (s.rate == 0 or self.epochs < 2) and s.epoch < self.spec.train.epochs
        if self.cause or may_rise or self.epochs * SHARE < self.spec.train.epochs:
            return None
        self.cause = self.found()
        return Note(f"{TOPIC}: no parameter changes in an epoch: {self.cause}", TOPIC)

    @property
    def reason(self) -> str:
        """How a training ended that stood still at its end; empty if it did not."""
        if not self.cause:
            return ""
        many = f"the last {number_of(self.epochs, 'epoch')}" if self.epochs > 1 else "the last epoch"
        return f"no parameter changed in {many}: {self.cause}"

    def found(self) -> str:
        """Why nothing changes, in a clause, with what to try."""
        if "lr" in type(self.spec.optimizer.fields).model_fields and self.session.rate == 0:
            return "the learning rate is 0"
        largest = self.largest_gradient()
        if largest == 0:
            return "all gradients are 0"
        wider = "" if self.spec.dtype == "float64" else ", or `dtype: float64`"
        return (
            f"the steps are lost in the rounding of {self.spec.dtype} (the largest gradient is {largest:.3g}); "
            f"try {other_rate(self.spec, 10)}{wider}"
        )

    def largest_gradient(self) -> float:
        """Of the loss of some training data, by any parameter."""
        model = self.session.model
        gradients = grad(model.test.loss, model.parameters.trainable, allow_unused=True)
        function = Function(gradients, inputs=self.session.step_function.inputs)
        data = self.session.data.train
        batch = next(iter(Batches(data, min(len(data), EVAL_BATCH), shuffle=False).epoch()))
        return max(float(np.max(np.abs(g), initial=0.0)) for g in function(fed(function, batch)))
