"""What a trainer tells: one event for each thing that happened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Started:
    """Before the first step."""

    name: str
    run: Path
    data: str
    samples: int
    parameters: int
    epochs: int
    steps: int  # an epoch

    def to_json(self) -> dict[str, Any]:
        return {
            "event": "start",
            "name": self.name,
            "run": str(self.run),
            "data": self.data,
            "samples": self.samples,
            "parameters": self.parameters,
            "epochs": self.epochs,
            "steps_per_epoch": self.steps,
        }


@dataclass(frozen=True)
class Stepped:
    """After some steps; only progress displays look at it."""

    epoch: int
    step: int  # within the epoch, from 1
    samples: int  # of this epoch so far
    loss: float  # mean over this epoch so far


@dataclass(frozen=True)
class EpochDone:
    """After an epoch: training loss and metrics as they were on the way, and those of the test split."""

    epoch: int
    loss: float
    train: dict[str, float]
    test_loss: float | None
    metrics: dict[str, float]  # of the test split; empty in an epoch without evaluation
    seconds: float
    samples: int

    def to_json(self) -> dict[str, Any]:
        return {
            "event": "epoch",
            "epoch": self.epoch,
            "loss": self.loss,
            "metrics": self.metrics,
            "test_loss": self.test_loss,
            "train_metrics": self.train,
            "seconds": round(self.seconds, 6),
            "samples_per_second": round(self.samples / self.seconds, 1) if self.seconds else None,
        }


@dataclass(frozen=True)
class Done:
    """After the last epoch, with everything written."""

    run: Path
    epochs: int
    steps: int
    loss: float
    test_loss: float
    metrics: dict[str, float]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        return {
            "event": "done",
            "run": str(self.run),
            "epochs": self.epochs,
            "steps": self.steps,
            "loss": self.loss,
            "test_loss": self.test_loss,
            "metrics": self.metrics,
            "seconds": round(self.seconds, 6),
        }


Event: TypeAlias = "Started | Stepped | EpochDone | Done"
