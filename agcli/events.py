"""What a trainer tells: one event for each thing that happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from agcli.engine.frozen import frozen
from agcli.model.undefined import in_json


@frozen
class Started:
    """Before the first step of this process; ``step`` of a resumed run is not 0."""

    name: str
    run: Path
    data: str
    samples: int
    parameters: int
    epochs: int
    steps: int  # an epoch
    epoch: int = 0  # epochs done before
    step: int = 0  # steps done before
    validation: int = 0  # samples for validation
    test: int = 0  # samples for testing
    run_id: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "event": "start",
            "name": self.name,
            "run": str(self.run),
            "run_id": self.run_id,
            "data": self.data,
            "samples": self.samples,
            "validation_samples": self.validation,
            "test_samples": self.test,
            "parameters": self.parameters,
            "epochs": self.epochs,
            "steps_per_epoch": self.steps,
            "resumed_at_step": self.step or None,
        }


@frozen
class Stepped:
    """After some steps; only progress displays look at it."""

    epoch: int
    step: int  # within the epoch, from 1
    samples: int  # of this epoch so far
    loss: float  # mean over this epoch so far
    rate: float = 0.0  # the learning rate


@frozen
class Evaluated:
    """After an evaluation on the validation data in the middle of an epoch."""

    epoch: int
    step: int  # of the whole training
    validation_loss: float
    metrics: dict[str, float]  # of the validation split
    best: bool

    def to_json(self) -> dict[str, Any]:
        return {
            "event": "evaluation",
            "epoch": self.epoch,
            "step": self.step,
            "validation_loss": self.validation_loss,
            **in_json(self.metrics),
            "best": self.best,
        }


@frozen
class EpochDone:
    """After an epoch: training loss and metrics as they were on the way, and those of the validation split."""

    epoch: int
    loss: float
    train: dict[str, float]
    validation_loss: float | None
    metrics: dict[str, float]  # of the validation split; empty in an epoch without evaluation
    seconds: float
    samples: int
    step: int = 0  # of the whole training
    rate: float = 0.0  # the learning rate of the next step
    best: bool = False
    elapsed: float = 0.0  # seconds of training, those before a resumption included

    def to_json(self) -> dict[str, Any]:
        return {
            "event": "epoch",
            "epoch": self.epoch,
            "step": self.step,
            "loss": self.loss,
            "validation_loss": self.validation_loss,
            **in_json(self.metrics),
            "train_metrics": in_json(self.train)["metrics"],
            "best": self.best,
            "lr": self.rate,
            "seconds": round(self.seconds, 6),
            "elapsed": round(self.elapsed, 6),
            "samples_per_second": round(self.samples / self.seconds, 1) if self.seconds else None,
        }


@frozen
class Note:
    """Something to be said: a warning about the training, or what a resumed run does differently."""

    text: str
    topic: str = ""  # a word that programs may look for

    def to_json(self) -> dict[str, Any]:
        return {"event": "note", "topic": self.topic, "text": self.text}


@frozen
class Interrupted:
    """Stopped by a signal, with a checkpoint of this very step."""

    run: Path
    signal: int
    epoch: int
    step: int

    def to_json(self) -> dict[str, Any]:
        return {
            "event": "interrupted",
            "run": str(self.run),
            "signal": self.signal,
            "epoch": self.epoch,
            "step": self.step,
            "resume": f"ag train --resume {self.run}",
        }


@frozen
class Failed:
    """Before the error of a step that gave NaN or infinity; ``bundle`` is the folder that repeats it."""

    run: Path
    epoch: int
    step: int
    text: str
    bundle: Path | None

    def to_json(self) -> dict[str, Any]:
        return {
            "event": "failed",
            "run": str(self.run),
            "epoch": self.epoch,
            "step": self.step,
            "text": self.text,
            "bundle": None if self.bundle is None else str(self.bundle),
        }


@frozen
class Done:
    """After the last step, with everything written. Figures are those of ``weights``, the best by the validation data.

    ``metrics`` are of ``split``: of the test data, or else of the validation data, or else of the training data, of
    which ``loss`` then is, too, judged with these weights; else it is that of the last epoch, as it was on the way.
    """

    FINISHED: ClassVar[str] = "all epochs are done"

    run: Path
    epochs: int
    steps: int
    loss: float
    validation_loss: float | None
    test_loss: float | None
    metrics: dict[str, float]
    seconds: float
    weights: dict[str, Any]  # which ("best" or "last"), step, epoch
    reason: str = FINISHED
    best: dict[str, Any] | None = None  # step, epoch, value, and what was watched
    converged: bool | None = None  # whether the optimizer came to a minimum; None if it has not said
    split: str = "test"  # of which the metrics are
    validation_metrics: dict[str, float] | None = None  # None without validation data
    test_looks: int = 0  # how often the test data was looked at, this time included
    fit: dict[str, Any] | None = None  # of a least-squares fit: its parameters and their errors, or the problem
    run_id: str = ""

    @property
    def figures(self) -> dict[str, Any]:
        """Loss and metrics of the split that a run is judged by."""
        losses = {"test": self.test_loss, "validation": self.validation_loss, "train": self.loss}
        return {"loss": losses[self.split], **self.metrics}

    def to_json(self) -> dict[str, Any]:
        return {
            "event": "done",
            "run": str(self.run),
            "run_id": self.run_id,
            "epochs": self.epochs,
            "steps": self.steps,
            "loss": self.loss,
            "validation_loss": self.validation_loss,
            "validation_metrics": self.validation_metrics and in_json(self.validation_metrics)["metrics"],
            "test_loss": self.test_loss,
            **in_json(self.metrics),
            "seconds": round(self.seconds, 6),
            "reason": self.reason,
            "converged": self.converged,
            "best": self.best,
            "weights": self.weights,
            "split": self.split,
            "test_looks": self.test_looks,
            "fit": self.fit,
        }


@frozen
class Folded:
    """After the last fold of a cross-validation: mean and standard deviation of the test figures over the folds."""

    run: Path
    runs: tuple[Path, ...]
    mean: dict[str, float]
    deviation: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        return {
            "event": "folds",
            "run": str(self.run),
            "runs": [str(run) for run in self.runs],
            **in_json(self.mean, "mean"),
            "deviation": in_json(self.deviation)["metrics"],
        }


Event: TypeAlias = "Started | Stepped | Evaluated | EpochDone | Note | Interrupted | Failed | Done | Folded"
