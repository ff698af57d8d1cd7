"""A finished run, opened with its weights, and the evaluation of a model over a split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agcli.data.section import load_data
from agcli.datasets import Batch, Batches, Dataset, Split
from agcli.datasets.dataset import TARGET, WEIGHTS
from agcli.engine.function import Function
from agcli.engine.leaves import Placeholder
from agcli.engine.types import Array
from agcli.model.build import Model, build
from agcli.model.class_weights import is_balanced, weighed
from agcli.runs import Run, RunError
from agcli.runs.environment import other_splits

from .sums import Sums

EVAL_BATCH = 1000


class ChangedError(RunError):
    """Data that is not what it was when a run was trained."""


@dataclass(frozen=True)
class Trained:
    """The model of a run with the weights of a checkpoint, the epoch and the step of that one, and the data.

    ``weights`` says which these are: best, last or step. ``is_changed`` says that the data is not what it was.
    """

    run: Run
    model: Model
    data: Dataset
    epoch: int
    step: int
    weights: str = "last"
    is_changed: bool = False

    def evaluate(self, split: Split | None = None) -> Sums:
        """Loss and metrics over a split (the one by which a model is judged if nothing else is said)."""
        split = self.data[self.data.judged] if split is None else split
        return measured(self.model, self.model.evaluator(), split) or Sums(self.model.test.meters)


def opened(folder: Path, which: str = "", *, anyway: bool = False) -> Trained:
    """A finished run with the weights of a checkpoint (see ``Run.chosen``) and all of its data.

    Raises RunError for data that is not what it was when the run was trained, unless it is to be taken ``anyway``.
    """
    run = Run.open(folder)
    data = load_data(run.spec, run.preprocessing)
    changed = other_splits(run.environment, data)
    if changed and not anyway:
        raise ChangedError(
            f"{run.folder}: the data is not what it was when this run was trained: samples to judge it by may be "
            "samples that it was trained on; `ag eval RUN --data FILE` judges a file, --anyway takes the data as it is"
        )
    return weighted(run, data, which, is_changed=bool(changed))


def weighted(
    run: Run, data: Dataset, which: str = "", *, is_changed: bool = False, trained_on: Dataset | None = None
) -> Trained:
    """The same for data that is at hand: that of the run, or as much as shows the shapes of its columns.

    For the latter, ``trained_on`` is the data by which the classes of the loss are weighed, see ``weighing_data``.
    """
    model = build(run.spec if trained_on is None else weighed(run.spec, trained_on), data)
    checkpoint = run.restore({f"model.{k}": v for k, v in model.parameters.items()}, which)
    kind = which if which == "last" else run.kind(checkpoint.step)  # one checkpoint may be the best and the last
    return Trained(run, model, data, int(checkpoint.progress["epoch"]), checkpoint.step, kind, is_changed)


def weighing_data(run: Run, known: Dataset | None = None) -> Dataset | None:
    """The data of a run, if its loss weighs classes by how many samples of each it has; ``known`` if it is at hand."""
    if not is_balanced(run.spec):
        return None
    return load_data(run.spec, run.preprocessing) if known is None else known


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
    sums, key = Sums(model.test.meters, split), model.key.value.copy()
    unseen: Function | None = None
    weight = 0.0  # of samples that have a loss, in data that holds others, too
    has_unseen = is_of_classes(model, split) and int(split.columns[TARGET].stored.max(initial=0)) >= model.classes
    try:
        for n, batch in enumerate(Batches(split, min(EVAL_BATCH, len(split)), shuffle=False).epoch()):
            if n == limit:
                break
            if stopped():
                return None
            if not has_unseen:
                sums.add(evaluator(fed(evaluator, batch)), len(batch))
                continue
            known, others = parted(batch, model.classes)
            if len(known):
                sums.add(evaluator(fed(evaluator, known)), len(known))
                weight += float(known[WEIGHTS].sum(dtype=np.float64)) if WEIGHTS in known.columns else len(known)
            if len(others):
                unseen = unseen or model.unseen_evaluator()
                sums.add_unseen(unseen(fed(unseen, others)), len(others))
    finally:
        model.key.value = key  # training draws the same numbers, however often it was evaluated
    if weight:
        sums.loss *= sums.samples / weight
    return sums.settle()


def is_of_classes(model: Model, split: Split) -> bool:
    """Whether the target holds one class a sample."""
    target = split.columns.get(TARGET)
    return model.classes > 0 and target is not None and not target.shape and target.stored.dtype.kind in "iu"


def parted(batch: Batch, classes: int) -> tuple[Batch, Batch]:
    """The samples of a batch whose class training sees, and the others, of class -1."""
    seen = batch[TARGET] < classes
    known, others = (
        Batch(batch.rows[part], {name: array[part] for name, array in batch.columns.items()}) for part in (seen, ~seen)
    )
    return known, Batch(others.rows, {**others.columns, TARGET: np.full_like(others[TARGET], -1)})
