"""What a training will take: bytes, and seconds an epoch."""

from __future__ import annotations

import math
import statistics
import time
from dataclasses import asdict, dataclass
from typing import Any

from agcli.datasets import Dataset
from agcli.training import Session
from agcli.training.evaluate import EVAL_BATCH

PATIENCE = 1.0  # seconds of measured steps
MOST = 20  # steps


@dataclass(frozen=True)
class Cost:
    """Bytes by what holds them, and seconds. A step's buffers include those of its gradient and optimizer."""

    parameters: int
    optimizer: int
    buffers: int
    evaluating: int  # the buffers of an evaluation, whose batches are larger
    data: int
    step: float  # seconds
    evaluation: float  # seconds for the validation data
    steps: int  # an epoch
    epochs: int

    @property
    def memory(self) -> int:
        return self.parameters + self.optimizer + self.buffers + self.evaluating + self.data

    @property
    def epoch(self) -> float:
        """Seconds of training in an epoch; evaluation is not counted."""
        return self.step * self.steps

    @property
    def total(self) -> float:
        """Seconds of all epochs, each with an evaluation."""
        return (self.epoch + self.evaluation) * self.epochs

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"memory": self.memory, "epoch": self.epoch, "total": self.total}


def predicted(session: Session) -> Cost:
    """The cost of a training, from some of its steps, which are done and change the session's parameters."""
    seconds = _steps(session)
    held = session.model.parameters
    parameters = sum(v.value.nbytes for v in held.values())
    state = sum(v.value.nbytes for v in session.variables.values())
    evaluation = _evaluation(session)
    training = (session.step_function, getattr(session.step_function, "gather", None))
    return Cost(
        parameters=parameters,
        optimizer=state - parameters,
        buffers=_buffers(*training),
        evaluating=_buffers(session.evaluator),
        data=_stored(session.data),
        step=statistics.median(seconds),
        evaluation=evaluation,
        steps=len(session.batches),
        epochs=session.spec.train.epochs,
    )


def _buffers(*functions: Any) -> int:
    """Bytes of the plans that functions ran."""
    plans = [getattr(function, "plan", None) for function in functions]
    return sum(plan.arena for plan in plans if plan is not None)


def _evaluation(session: Session) -> float:
    """Seconds for the validation data, from one of its batches; the first call compiles. None is there: no seconds."""
    split = session.data.validation if session.data.has_validation else session.data.train  # to know its buffers
    session.evaluate(split, limit=1)
    before = time.perf_counter()
    session.evaluate(split, limit=1)
    if not session.data.has_validation:
        return 0.0
    count = len(split)
    return (time.perf_counter() - before) * math.ceil(count / min(EVAL_BATCH, count))


def _steps(session: Session) -> list[float]:
    """Seconds of some steps; the first, which compiles, does not count unless it is the only one."""
    seconds: list[float] = []
    began = time.perf_counter()
    for _ in range(min(MOST, len(session.batches)) + 1):
        if session.is_epoch_complete:
            session.next_epoch()
        before = time.perf_counter()
        session.advance(session.next_batch())
        seconds.append(time.perf_counter() - before)
        if time.perf_counter() - began > PATIENCE and len(seconds) > 1:
            break
    session.leave()
    return seconds[1:] or seconds


def _stored(data: Dataset) -> int:
    """Bytes of the samples in memory; those on disk take none."""
    splits = [split for split in data.splits.values() if split.release is None]
    return sum(column.stored.nbytes for split in splits for column in split.columns.values())
