"""What classes are confused, how each of them fares, and whether the probabilities can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from agcli.engine.types import Array
from agcli.prediction import Classes

BINS = 15


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
    """Counts: a row for each class, a column for each prediction; a last row for classes that training lacks."""
    count = len(answers.names)
    rows = max(count, int(truth.max(initial=0)) + 1)
    return np.bincount(truth * count + answers.chosen, minlength=rows * count).reshape(rows, count)


def class_table(answers: Classes, counts: Array) -> list[ClassRow]:
    """A row for each class."""
    right, true, predicted = np.diag(counts), counts.sum(axis=1)[: len(answers.names)], counts.sum(axis=0)
    return [
        ClassRow(name, int(t), int(p), _share(r, p), _share(r, t), _share(2 * r, t + p))
        for name, r, t, p in zip(answers.names, right, true, predicted, strict=True)
    ]


def calibration(answers: Classes, truth: Array) -> Calibration | None:
    """The gap of certainty and accuracy over bins of equal width; None for scores that are no probabilities."""
    if not answers.certain:
        return None
    known = truth < len(answers.names)
    if not known.any():
        return None
    certainty = answers.probabilities[known].max(axis=1)
    hits = (answers.chosen == truth)[known]
    number = np.minimum((certainty * BINS).astype(int), BINS - 1)
    samples, sums, right = (np.bincount(number, w, BINS) for w in (None, certainty, hits))
    there = np.flatnonzero(samples)
    bins = tuple(
        Bin(i / BINS, (i + 1) / BINS, int(samples[i]), float(sums[i] / samples[i]), float(right[i] / samples[i]))
        for i in there
    )
    return Calibration(float(np.abs(sums - right).sum() / len(hits)), bins)


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None
