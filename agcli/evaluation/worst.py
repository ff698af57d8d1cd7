"""The samples on which a model is furthest off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from agcli.engine.types import Array
from agcli.prediction import Answers, Classes

from .samples import Samples

COUNT = 10


@dataclass(frozen=True)
class Worst:
    """One of them: its row in the file, what is true, what was said, how wrong that was, and its cells.

    ``wrong`` is -log of the probability of the truth (of scores: how much a wrong class leads), or the error in
    units; ``place`` is the number of the answer within a sample that has several.
    """

    row: int
    place: int
    truth: Any
    said: Any
    wrong: float
    cells: dict[str, Any]


def worst(answers: Answers, truth: Array, samples: Samples, count: int = COUNT, dtype: str = "float64") -> list[Worst]:
    """The worst answers, worst first; right ones of classes are left out. Numbers have the digits of ``dtype``."""
    wrong = _wrongness(answers, truth)
    chosen = np.argsort(-np.abs(wrong), kind="stable")[: max(count, 0)]
    if isinstance(answers, Classes):
        chosen = chosen[(answers.chosen[chosen] != truth[chosen]) & (truth[chosen] < len(answers.names))]
    each = answers.each if isinstance(answers, Classes) else 1
    rows, cells = samples.rows(chosen // each)
    found = []
    for place, row, cell in zip(chosen, rows, cells, strict=True):
        true, said = _words(answers, truth, int(place), dtype)
        found.append(Worst(int(row), int(place) % each, true, said, float(wrong[place]), cell))
    return found


def _wrongness(answers: Answers, truth: Array) -> Array:
    if isinstance(answers, Classes):
        known = truth < len(answers.names)  # of a class that training does not have, nothing is known
        right = answers.log_probabilities[np.arange(len(truth)), np.where(known, truth, 0)]
        wrong = -right if answers.certain else answers.log_probabilities.max(axis=1) - right
        return np.where(known, wrong, 0.0)
    error = answers.values - truth
    if error.shape[1] == 1:
        return np.asarray(error[:, 0])
    spread = truth.std(axis=0)
    return np.asarray(np.sqrt(np.square(error / np.where(spread > 0, spread, 1)).mean(axis=1)))


def _words(answers: Answers, truth: Array, place: int, dtype: str) -> tuple[Any, Any]:
    if isinstance(answers, Classes):
        return answers.names[int(truth[place])], answers.names[int(answers.chosen[place])]
    true, said = (values[place].astype(dtype) for values in (truth, answers.values))  # no digits that are noise
    return (rounded(true[0]), rounded(said[0])) if len(true) == 1 else ([*map(rounded, true)], [*map(rounded, said)])


def rounded(value: np.floating[Any]) -> float:
    """The shortest number that is the same in its type."""
    return float(str(value))
