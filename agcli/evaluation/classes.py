"""What classes are confused, how each of them fares, and whether the probabilities can be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agcli.engine.types import Array
from agcli.model.figures import f1, precision, recall
from agcli.prediction import Classes
from agcli.spec.nouns import METRICS, Metric

from .bootstrap import weighed
from .figures import contributions, statistics


@dataclass(frozen=True)
class ClassRow:
    """One class: how many samples it has, or their weights in all, and how they were told from the others."""

    name: str
    samples: float
    predicted: float
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class Bin:
    """Answers of a similar certainty: how many, how certain they were, how often they were right."""

    low: float
    high: float
    samples: float
    certainty: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """``error`` is the expected calibration error (Naeini et al. 2015): the mean gap of certainty and accuracy."""

    error: float
    bins: tuple[Bin, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"expected_calibration_error": self.error, "bins": [vars(b) for b in self.bins]}


def confusion(answers: Classes, truth: Array, counts: Array | None = None) -> Array:
    """Counts: a row for each class, a column for each prediction; a last row for classes that training did not see.

    A model with more scores than classes has a column for each.

    Where answers count by their weights ``counts`` (answers,), it holds sums of these.
    """
    of = statistics(
        {"it": METRICS.read("confusion_matrix").fields.over(len(answers.known))}, answers.log_probabilities, truth
    )["it"]
    return whole(of(weighed(np.ones((1, len(truth))), counts))[0])


def whole(totals: Array) -> Array:
    """As integers, if all are such."""
    rounded = np.rint(totals)
    return rounded.astype(np.int64) if np.array_equal(rounded, totals) else totals


def class_table(answers: Classes, confused: Array) -> list[ClassRow]:
    """A row for each class, of the confusions."""
    seen = len(answers.known)
    return table_of(answers.known, np.diag(confused)[:seen], confused.sum(axis=1)[:seen], confused.sum(axis=0)[:seen])


def label_table(answers: Classes, truth: Array, counts: Array | None = None) -> list[ClassRow]:
    """A row for each label of sets: the samples that have it, and those of which it is predicted."""
    shape = (-1, answers.each)
    is_true, is_said = (x.reshape(shape) == 1 for x in (truth, answers.chosen))
    w = weighed(np.ones(len(truth)), counts).reshape(shape)
    right, true, predicted = (whole((w * x).sum(axis=0)) for x in (is_true & is_said, is_true, is_said))
    return table_of(answers.of, right, true, predicted)


def table_of(names: Sequence[str], right: Array, true: Array, predicted: Array) -> list[ClassRow]:
    """The rows of classes of so many right ones, members and predictions."""
    shares = [of(right, predicted, true) for of in (precision, recall, f1)]
    known = [predicted > 0, true > 0, predicted + true > 0]
    return [
        ClassRow(
            name,
            true[i].item(),
            predicted[i].item(),
            *(float(share[i]) if there[i] else None for share, there in zip(shares, known, strict=True)),
        )
        for i, name in enumerate(names)
    ]


def calibration(
    answers: Classes, truth: Array, row: Metric | None = None, counts: Array | None = None
) -> Calibration | None:
    """The gap of certainty and accuracy over the bins of the metric ``row``; None for scores that are no probabilities.

    None, too, where no sample is of a class that training saw. ``counts`` (answers,) say how much each answer counts.
    """
    if not answers.certain:
        return None
    row = row or METRICS.read("calibration_error").fields
    of = contributions({"it": row}, answers.log_probabilities, truth)["it"]
    w = weighed(np.ones(len(truth)), counts)
    sums = {name: w @ np.asarray(part, np.float64) for name, part in of.items()}
    samples, certainty, hits = (sums[name] for name in ("samples", "certainty", "hits"))
    there, count, shown = np.flatnonzero(samples), len(samples), whole(samples)
    if not len(there):
        return None
    bins = tuple(
        Bin(i / count, (i + 1) / count, shown[i].item(), certainty[i] / samples[i], hits[i] / samples[i]) for i in there
    )
    return Calibration(float(row.finish(sums, len(truth))), bins)
