"""The figures of an evaluation: what each is, as a statistic that can be resampled, and as a constant would have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from agcli.engine.types import Array
from agcli.prediction import Answers, Classes, Numbers

from .bootstrap import Figure, Statistic, intervals, mean_of, total_by, value


def figures(answers: Answers, truth: Array, seed: int = 0, *, compared: bool = True) -> dict[str, Figure]:
    """All figures with their intervals; ``compared`` to the best constant answer, if wanted."""
    statistics = statistics_of(answers, truth)
    each = answers.each if isinstance(answers, Classes) else 1
    found = intervals(statistics, len(truth) // each, seed, each)
    plain = baseline(answers, truth) if compared else {}
    made = {}
    for name, of in statistics.items():
        low, high = found.get(name, (None, None))
        made[name] = Figure(value(of, len(truth)), low, high, plain.get(name))
    return made


def baseline(answers: Answers, truth: Array) -> dict[str, float]:
    """The figures of the answer that is the same for all samples: the most frequent class, or the mean."""
    statistics = statistics_of(constant(answers, truth), truth)
    return {name: value(of, len(truth)) for name, of in statistics.items()}


def constant(answers: Answers, truth: Array) -> Answers:
    """The best answer that does not look at the samples: the frequencies of the classes, or the mean."""
    if isinstance(answers, Numbers):
        return replace(answers, values=np.broadcast_to(truth.mean(axis=0), truth.shape), deviations=None)
    counts = np.bincount(truth, minlength=len(answers.names))[: len(answers.names)]
    shares = counts / max(counts.sum(), 1)
    with np.errstate(divide="ignore"):
        logarithms = np.log(shares)
    shape = answers.probabilities.shape
    return replace(
        answers, probabilities=np.broadcast_to(shares, shape), log_probabilities=np.broadcast_to(logarithms, shape)
    )


def statistics_of(answers: Answers, truth: Array) -> dict[str, Statistic]:
    """The statistics for one kind of answers."""
    if isinstance(answers, Classes):
        return dict(_of_classes(answers, truth))
    if answers.values.shape[1] == 1:
        return _of_numbers(answers.values[:, 0], truth[:, 0])
    return {
        f"{metric} of {name}": statistic
        for i, name in enumerate(answers.names)
        for metric, statistic in _of_numbers(answers.values[:, i], truth[:, i]).items()
    }


def _of_classes(answers: Classes, truth: Array) -> Mapping[str, Statistic]:
    known = np.flatnonzero(truth < len(answers.names))  # not those of classes that training does not have
    hits = answers.chosen == truth
    found: dict[str, Statistic] = {"accuracy": mean_of(hits.astype(np.float64))}
    found["f1"] = _f1(truth, answers.chosen, len(answers.names))
    if len(answers.names) == 2:
        found["roc_auc"] = _roc_auc(answers.log_probabilities[:, 1] - answers.log_probabilities[:, 0], truth)
    if answers.certain:
        found["log_loss"] = _mean_among(known, -answers.log_probabilities[known, truth[known]])
        found["brier_score"] = _mean_among(known, _brier(answers.probabilities[known], truth[known]))
    return found


def _mean_among(rows: Array, values: Array) -> Statistic:
    """The mean of a value a sample of some rows."""

    def mean(w: Array) -> Array:
        of_rows = w[:, rows]
        with np.errstate(invalid="ignore"):
            found: Array = of_rows @ values / of_rows.sum(axis=1)
        return found

    return mean


def _of_numbers(values: Array, truth: Array) -> dict[str, Statistic]:
    error = values - truth
    squares = np.square(error)
    centred = truth - truth.mean()

    def r2(w: Array) -> Array:
        n = w.sum(axis=1)
        spread = w @ np.square(centred) - np.square(w @ centred) / n
        with np.errstate(divide="ignore", invalid="ignore"):
            return 1 - np.where(spread > 0, w @ squares / spread, np.nan)

    return {
        "mean_absolute_error": mean_of(np.abs(error)),
        "root_mean_squared_error": lambda w: np.sqrt(mean_of(squares)(w)),
        "r2": r2,
        "bias": mean_of(error),
    }


def _brier(probabilities: Array, truth: Array) -> Array:
    """The squared distance of the probabilities to the truth, summed over classes (Brier 1950): 0 to 2."""
    right = probabilities[np.arange(len(truth)), truth]
    score: Array = np.square(probabilities).sum(axis=1) - 2 * right + 1
    return score


def _f1(truth: Array, chosen: Array, classes: int) -> Statistic:
    """The mean of the classes' F1, those left out that neither occur nor are predicted."""
    true, predicted = total_by(truth, classes + 1), total_by(chosen, classes)
    right = total_by(np.where(chosen == truth, truth, classes), classes + 1)

    def f1(w: Array) -> Array:
        both = true(w)[:, :classes] + predicted(w)
        with np.errstate(invalid="ignore"):
            each = 2 * right(w)[:, :classes] / both
        mean: Array = np.nanmean(each, axis=1)
        return mean

    return f1


def _roc_auc(scores: Array, truth: Array) -> Statistic:
    """The chance that a sample of the second class has a larger score than one of the first, ties counted half."""
    _, ties = np.unique(scores, return_inverse=True)
    count = int(ties.max(initial=0)) + 1
    above = total_by(np.where(truth == 1, ties, count), count + 1)
    below = total_by(np.where(truth == 0, ties, count), count + 1)

    def auc(w: Array) -> Array:
        p, n = above(w)[:, :count], below(w)[:, :count]
        wins = (p * (np.cumsum(n, axis=1) - n / 2)).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(wins / (p.sum(axis=1) * n.sum(axis=1)))

    return auc
