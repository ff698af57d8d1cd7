"""Trainings that leave nothing behind: two steps of everything, and one batch until it is learnt."""

from __future__ import annotations

import math
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from agcli.data.section import load_data
from agcli.datasets import Batch
from agcli.engine.variables import total
from agcli.events import Done
from agcli.runs import Run, RunError
from agcli.spec import Spec

from .evaluate import fed
from .failure import kept
from .session import Session
from .sums import Sums
from .trainer import Trainer

LEARNT = 0.01  # of the first loss
LOOK = 10  # steps between two looks at what is learnt
MOST = 1000  # steps


@dataclass(frozen=True)
class Tried:
    """What a dry run saw."""

    name: str
    data: str
    samples: int
    parameters: int
    steps: int  # of the whole training
    loss: float
    validation_loss: float | None  # None without validation data
    checkpoint_bytes: int
    seconds_per_step: float
    notes: tuple[str, ...] = ()  # what the training would say first

    @property
    def seconds(self) -> float:
        """How long the steps of the whole training take, evaluations not counted."""
        return self.steps * self.seconds_per_step

    def to_json(self) -> dict[str, Any]:
        return {"event": "dry-run", **asdict(self), "seconds": self.seconds}


def dry_run(spec: Spec) -> Tried:
    """Two steps, an evaluation of two batches, a checkpoint, and a resumption from it, in a temporary folder.

    The test data is not looked at.
    """
    with tempfile.TemporaryDirectory(prefix="ag-dry-run-") as place:
        folder = Path(place) / "run"
        data = load_data(spec)
        data = replace(data, splits={name: split for name, split in data.splits.items() if name != "test"})
        trainer = Trainer(shortened(spec, 1), folder, data=data)
        trainer.limit = 2
        trainer.finish()
        resumed = Trainer.resume(folder, ("train.max_steps=2",), data=data)
        resumed.limit = 2
        done = resumed.finish()
        if not isinstance(done, Done):
            raise RunError("the dry run was interrupted")
        # The first step of a process compiles; another one tells what a step takes.
        s = resumed.session
        batch = s.next_batch()
        began = time.perf_counter()
        s.advance(batch)
        seconds = time.perf_counter() - began
        s.leave()
        steps = len(s.batches) * spec.train.epochs
        return Tried(
            spec.name, data.name, len(data.train), total(s.model.parameters.trainable),
            min(steps, spec.train.max_steps or steps), done.loss, done.validation_loss,
            Run(folder).checkpoints()[-1].stat().st_size, seconds, tuple(note.text for note in trainer.notes),
        )  # fmt: skip


def shortened(spec: Spec, steps: int) -> Spec:
    """The spec with so many steps of training, of which nothing ends early."""
    train = spec.train.model_copy(update={"max_steps": steps, "max_time": None, "patience": None})
    return spec.model_copy(update={"train": train})


@dataclass(frozen=True)
class Overfitted:
    """What training on one batch came to. ``metrics`` and losses are those of this batch, without dropout."""

    learnt: bool
    samples: int
    steps: int
    first_loss: float
    loss: float
    metrics: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        return {"event": "overfit", **asdict(self)}


def overfit(spec: Spec, most: int = MOST) -> Overfitted:
    """Train on the first batch until its loss is a hundredth of what it was, or for ``most`` steps.

    A model that cannot learn one batch by heart will not learn the data: something is wrong with the model, the
    targets, or the learning rate. Raises the error of a broken step.
    """
    session = Session(spec, load_data(spec))
    batch = kept(session.next_batch())
    session.leave()
    first = now = figures(session, batch)
    for step in range(1, most + 1):
        sound = session.advance(batch)
        if step % LOOK == 0 or step == most or not sound:
            now = figures(session, batch)
            if not sound or now["loss"] <= LEARNT * abs(first["loss"]):
                break
    learnt = math.isfinite(now["loss"]) and now["loss"] <= LEARNT * abs(first["loss"])
    loss, metrics = now["loss"], {name: value for name, value in now.items() if name != "loss"}
    return Overfitted(learnt, len(batch), step, first["loss"], loss, metrics)


def figures(session: Session, batch: Batch) -> dict[str, float]:
    """Loss and metrics of a batch as evaluation sees them."""
    sums = Sums(session.model.test.meters)
    sums.add(session.evaluator(fed(session.evaluator, batch)), len(batch))
    return sums.figures
