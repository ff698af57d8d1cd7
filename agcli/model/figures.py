"""From sums over samples to figures: the arithmetic of all metrics, for training, evaluation, report and Python alike.

Sums may have leading axes, such as one of resamples; a figure then has them too. What has no value is NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from agcli.engine.types import Array

# Of sums of squares about any center, this much may be left by rounding where all numbers are the same.
ROUNDING = 1e-13


def mean(sums: Mapping[str, Array]) -> Array:
    """The mean over samples; NaN of none."""
    return quotient(sums["sum"], sums["count"])


def means(sums: Mapping[str, Array]) -> Array:
    """The means of several targets (..., targets)."""
    return quotient(sums["sum"], np.asarray(sums["count"])[..., None])


def quotient(a: Array, b: Array, otherwise: float = np.nan) -> Array:
    """a / b, and ``otherwise`` where b is 0."""
    a, b = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(b, np.float64))
    found: Array = np.divide(a, b, out=np.full(a.shape, otherwise), where=b != 0)
    return found


# Classes


def precision(hit: Array, found: Array, true: Array) -> Array:
    return quotient(hit, found, 0.0)


def recall(hit: Array, found: Array, true: Array) -> Array:
    return quotient(hit, true, 0.0)


def f1(hit: Array, found: Array, true: Array) -> Array:
    return quotient(2 * np.asarray(hit), np.asarray(found) + true, 0.0)


def averaged(of: Callable[[Array, Array, Array], Array], average: str, hit: Array, found: Array, true: Array) -> Array:
    """A function of right ones, predictions and members of classes (..., classes), averaged over the classes."""
    if average == "micro":
        return of(hit.sum(-1), found.sum(-1), true.sum(-1))
    each = of(hit, found, true)
    if average == "per_class":
        return each
    if average == "binary":
        return each[..., 1]
    if average == "weighted":
        return quotient((each * true).sum(-1), true.sum(-1), 0.0)
    return np.asarray(each.mean(-1))


# Curves


def counts_above(score: Array, is_true: Array, weights: Array) -> tuple[Array, Array]:
    """Weights (..., scores) of true and of false ones among the samples with at least each score that occurs.

    The highest score is first; ``weights`` are (..., samples).
    """
    order = np.argsort(-score, kind="stable")
    scores, ordered, true = score[order], weights[..., order], is_true[order]
    last = np.append(np.flatnonzero(scores[1:] != scores[:-1]), len(score) - 1)  # a difference of infinities is NaN
    of_true, of_others = (np.cumsum(np.where(x, ordered, 0.0), axis=-1)[..., last] for x in (true, ~true))
    return of_true, of_others


def roc_area(score: Array, is_true: Array, weights: Array) -> Array:
    """Area under the curve of true against false positives, by trapezoids; NaN where one of them has no sample."""
    if not len(score):
        return np.full(weights.shape[:-1], np.nan)
    true, false = counts_above(score, is_true, weights)
    before = true - np.diff(true, axis=-1, prepend=0.0)
    area = (np.diff(false, axis=-1, prepend=0.0) * (true + before) / 2).sum(-1)
    return quotient(area, true[..., -1] * false[..., -1])


def average_precision(score: Array, is_true: Array, weights: Array) -> Array:
    """The precisions, weighted by the recall that each adds, without interpolation; NaN as for ``roc_area``."""
    if not len(score):
        return np.full(weights.shape[:-1], np.nan)
    true, false = counts_above(score, is_true, weights)
    area = (np.diff(true, axis=-1, prepend=0.0) * quotient(true, true + false, 0.0)).sum(-1)
    return np.where(false[..., -1] > 0, quotient(area, true[..., -1]), np.nan)


def curve(area: Callable[[Array, Array, Array], Array], kept: Mapping[str, Array]) -> Array:
    """The area for class 1 of two (scores (m,)); of several classes or labels (m, c), the mean over them."""
    score, target = kept["scores"], kept["targets"]
    weights = np.asarray(kept["weights"], np.float64) if "weights" in kept else np.ones(len(score))
    if target.ndim == 2:  # labels, each on its own
        return np.asarray(np.mean([area(s, t > 0.5, weights) for s, t in zip(score.T, target.T, strict=True)], axis=0))
    seen = (target >= 0) & (target < (2 if score.ndim == 1 else score.shape[1]))
    if not seen.all():
        score, target, weights = score[seen], target[seen], weights[..., seen]
    if score.ndim == 1:
        return area(score, target == 1, weights)
    return np.asarray(np.mean([area(score[:, c], target == c, weights) for c in range(score.shape[1])], axis=0))


# Numbers


def r2(sums: Mapping[str, Array]) -> Array:
    """1 - squared errors / squared deviations from the mean, averaged over targets; NaN of a constant target."""
    if "moments" in sums:
        _, count, y, yy, errors = sums["moments"]
    else:
        count, y, yy, errors = np.asarray(sums["count"])[..., None], sums["y"], sums["yy"], sums["errors"]
    spread = np.asarray(yy - quotient(np.square(y), count))
    return np.asarray((1 - quotient(errors, np.where(spread > ROUNDING * yy, spread, 0.0))).mean(-1))


def merged(total: Array, new: Array) -> Array:
    """The moments of two parts of the samples together, about the center of the first.

    Rows are center, weight, and the sums of y, y^2 and squared errors, where y is about the center.
    """
    center, count, y, yy, errors = new
    shift = center - total[0]
    about = np.stack([np.zeros_like(center), count, y + count * shift, yy + 2 * shift * y + count * shift**2, errors])
    return np.asarray(total + about)


def calibration_error(sums: Mapping[str, Array]) -> Array:
    """The gaps between certainty and accuracy, weighted by the samples of their bins."""
    gaps = np.abs(sums["certainty"] - sums["hits"]).sum(-1)
    return quotient(gaps, np.asarray(sums["samples"]).sum(-1))
