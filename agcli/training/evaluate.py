"""A finished run, opened with its weights, and the evaluation of a model over a split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agcli.data.section import load_data
from agcli.datasets import Batch, Batches, Dataset, Split
from agcli.engine.function import Function
from agcli.engine.leaves import Placeholder
from agcli.engine.types import Array
from agcli.model.build import Model, build
from agcli.runs import Run

from .sums import Sums

EVAL_BATCH = 1000


@dataclass(frozen=True)
class Trained:
    """The model of a run with the weights of a checkpoint, the epoch and the step of that one, and the data."""

    run: Run
    model: Model
    data: Dataset
    epoch: int
    step: int

    def evaluate(self, split: Split | None = None) -> Sums:
        """Loss and metrics over a split (the test split, or without one the training split)."""
        split = self.data[self.data.judged] if split is None else split
        return measured(self.model, self.model.evaluator(), split) or Sums(self.model.test.meters)


def opened(folder: Path, which: str = "") -> Trained:
    """A finished run with the weights of a checkpoint (see ``Run.chosen``) and all of its data."""
    run = Run.open(folder)
    return weighted(run, load_data(run.spec, run.preprocessing), which)


def weighted(run: Run, data: Dataset, which: str = "") -> Trained:
    """The same for data that is at hand: that of the run, or as much as shows the shapes of its columns."""
    model = build(run.spec, data)
    checkpoint = run.restore({f"model.{k}": v for k, v in model.parameters.items()}, which)
    return Trained(run, model, data, int(checkpoint.progress["epoch"]), checkpoint.step)


def fed(function: Function, samples: Batch | Split) -> dict[Placeholder, Array]:
    """What a function takes of a batch, or of all samples of a split: inputs have the names of columns."""
    return {p: samples[p.name or ""] for p in function.inputs}


def measured(
    model: Model,
    evaluator: Function,
    split: Split,
    stopped: Callable[[], bool] = lambda: False,
    limit: int | None = None,
) -> Sums | None:
    """Loss and metrics of a model over a split, or its first ``limit`` batches; None if ``stopped`` says so."""
    sums, key = Sums(model.test.meters), model.key.value.copy()
    try:
        for n, batch in enumerate(Batches(split, min(EVAL_BATCH, len(split)), shuffle=False).epoch()):
            if n == limit:
                break
            if stopped():
                return None
            sums.add(evaluator(fed(evaluator, batch)), len(batch))
    finally:
        model.key.value = key  # training draws the same numbers, however often it was evaluated
    return sums.settle()
