"""What classes are confused, how each of them fares, and whether the probabilities can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from agcli.engine.types import Array
from agcli.model.figures import f1, precision, recall
from agcli.prediction import Classes
from agcli.spec.nouns import METRICS, Metric

from .figures import contributions, statistics


@dataclass(frozen=True)
class ClassRow:
    """One class: how many samples it has, and how they were told from the others."""

    name: str
    samples: int
    predicted: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class Bin:
    """Answers of a similar certainty: how many, how certain they were, how often they were right."""

    low: float
    high: float
    samples: int
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


def confusion(answers: Classes, truth: Array) -> Array:
    """Counts: a row for each class, a column for each prediction; a last row for classes that training did not see."""
    of = statistics({"it": METRICS.read("confusion_matrix").fields}, answers.log_probabilities, truth)["it"]
    counts: Array = of(np.ones((1, len(truth))))[0].astype(np.int64)
    return counts


def class_table(answers: Classes, counts: Array) -> list[ClassRow]:
    """A row for each class."""
    seen = len(answers.names)
    right, true, predicted = np.diag(counts), counts.sum(axis=1)[:seen], counts.sum(axis=0)
    shares = [of(right, predicted, true) for of in (precision, recall, f1)]
    known = [predicted > 0, true > 0, predicted + true > 0]
    return [
        ClassRow(
            name,
            int(true[i]),
            int(predicted[i]),
            *(float(share[i]) if there[i] else None for share, there in zip(shares, known, strict=True)),
        )
        for i, name in enumerate(answers.names)
    ]


def calibration(answers: Classes, truth: Array, row: Metric | None = None) -> Calibration | None:
    """The gap of certainty and accuracy over the bins of the metric ``row``; None for scores that are no probabilities.

    None, too, where no sample is of a class that training saw.
    """
    if not answers.certain:
        return None
    row = row or METRICS.read("calibration_error").fields
    of = contributions({"it": row}, answers.log_probabilities, truth)["it"]
    sums = {name: np.asarray(part).sum(axis=0) for name, part in of.items()}
    samples, certainty, hits = (sums[name] for name in ("samples", "certainty", "hits"))
    there, count = np.flatnonzero(samples), len(samples)
    if not len(there):
        return None
    bins = tuple(
        Bin(i / count, (i + 1) / count, int(samples[i]), certainty[i] / samples[i], hits[i] / samples[i]) for i in there
    )
    return Calibration(float(row.finish(sums, len(truth))), bins)
