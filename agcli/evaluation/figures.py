"""The figures of an evaluation: the rows of agcli/model/metrics.py, resampled, and as a constant would have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from agcli.engine.function import Function
from agcli.engine.graph import Tensor
from agcli.engine.leaves import placeholder
from agcli.engine.types import Array
from agcli.model.class_metrics import OfClasses, Share
from agcli.model.contributions import Labels
from agcli.model.curve_metrics import OfCurve
from agcli.model.number_metrics import R2, OfErrors
from agcli.model.probability_metrics import OfProbabilities
from agcli.model.summed import Summed
from agcli.model.undefined import NOT_FINITE
from agcli.prediction import Answers, Classes, Numbers
from agcli.spec.nouns import METRICS, Metric

from .bootstrap import Contributions, Figure, Numbered, Statistic, intervals, statistic, value

OF_CLASSES = ("accuracy", "f1")
OF_TWO = ("roc_auc",)
OF_PROBABILITIES = ("log_loss", "brier_score")
OF_NUMBERS = ("mean_absolute_error", "root_mean_squared_error", "r2", "bias")
CELLS = 1 << 24  # scores that are looked at in one go
CURVES = 20  # classes whose areas under curves are resampled, if the spec asks for them

Rows = Mapping[str, Metric]


def figures(
    answers: Answers,
    truth: Array,
    seed: int = 0,
    *,
    compared: bool = True,
    own: Rows | None = None,
    counts: Array | None = None,
) -> dict[str, Figure]:
    """All figures with their intervals; ``compared`` to the best constant answer, if wanted.

    ``own`` are rows with the fields of a spec, by name: a name means what it means in training. ``counts`` (answers,)
    say how much each answer counts, else all alike.
    """
    rows = rows_of(answers, own or {})
    statistics = statistics_of(answers, truth, rows)
    each = answers.each if isinstance(answers, Classes) else 1
    found = intervals(statistics, len(truth) // each, seed, each, counts)
    plain = baseline(answers, truth, rows, counts) if compared else {}
    is_finite = bool(np.isfinite(answers.values if isinstance(answers, Numbers) else answers.probabilities).all())
    made = {}
    for name, of in statistics.items():
        low, high = found.get(name, (None, None))
        reason = reason_of(rows, name) if is_finite else NOT_FINITE
        made[name] = Figure(value(of, len(truth), reason, counts), low, high, plain.get(name))
    return made


def rows_of(answers: Answers, own: Rows) -> dict[str, Metric]:
    """The rows of the figures for one kind of answers; those that a spec names have its fields."""
    kinds: tuple[type[Metric], ...] = (OfErrors, R2)
    names, skipped = OF_NUMBERS, False
    if isinstance(answers, Classes):
        kinds = (Share, OfClasses, OfProbabilities, OfCurve)
        # Labels of a sample that has several are judged each on its own by the metrics of the spec, not all at once.
        count = len(answers.known)
        is_labels = answers.each > 1 and count == 2
        skipped = is_labels or count > CURVES
        two = OF_TWO if count == 2 and not is_labels else ()
        names = (*OF_CLASSES, *two, *(OF_PROBABILITIES if answers.certain else ()))
    classes = len(answers.known) if isinstance(answers, Classes) else 0
    rows: dict[str, Metric] = {name: own.get(name) or METRICS.read(name).fields.over(classes) for name in names}
    fitting = {name: row for name, row in own.items() if isinstance(row, kinds) and not (skipped and row.keep)}
    return {name: row for name, row in (rows | fitting).items() if row.is_number}


def reason_of(rows: Rows, name: str) -> str:
    """Why a figure may have no value; the name may be that of a metric of one target."""
    return rows[name if name in rows else name.partition(" of ")[0]].undefined


def baseline(answers: Answers, truth: Array, rows: Rows | None = None, counts: Array | None = None) -> dict[str, float]:
    """The figures of the answer that is the same for all samples: the most frequent class, or the mean."""
    statistics = statistics_of(constant(answers, truth, counts), truth, rows)
    reasons = rows_of(answers, {}) if rows is None else rows
    return {name: value(of, len(truth), reason_of(reasons, name), counts) for name, of in statistics.items()}


def constant(answers: Answers, truth: Array, counts: Array | None = None) -> Answers:
    """The best answer that does not look at the samples: the frequencies of the classes, or the mean."""
    if isinstance(answers, Numbers):
        mean = truth.mean(axis=0) if counts is None else np.average(truth, axis=0, weights=counts)
        return replace(answers, values=np.broadcast_to(mean, truth.shape), deviations=None)
    seen = (truth >= 0) & (truth < len(answers.names))
    totals = np.bincount(truth[seen], None if counts is None else counts[seen], minlength=len(answers.names))
    shares = totals / (totals.sum() or 1)
    with np.errstate(divide="ignore"):
        logarithms = np.log(shares)
    shape = answers.probabilities.shape
    return replace(
        answers, probabilities=np.broadcast_to(shares, shape), log_probabilities=np.broadcast_to(logarithms, shape)
    )


def statistics_of(answers: Answers, truth: Array, rows: Rows | None = None) -> dict[str, Statistic]:
    """The statistics for one kind of answers; of several targets, for each."""
    rows = rows_of(answers, {}) if rows is None else rows
    if isinstance(answers, Classes):
        return statistics(rows, answers.log_probabilities, truth)
    if answers.values.shape[1] == 1:
        return statistics(rows, answers.values[:, 0], truth[:, 0])
    found: dict[str, Statistic] = {}
    for i, name in enumerate(answers.names):
        of_target = statistics(rows, answers.values[:, i], truth[:, i])
        found |= {f"{metric} of {name}": of for metric, of in of_target.items()}
    return found


def statistics(rows: Rows, output: Array, target: Array) -> dict[str, Statistic]:
    """The statistics of metrics of a model's outputs (n, ...) and targets (n, ...)."""
    return {name: statistic(rows[name], each) for name, each in contributions(rows, output, target).items()}


def contributions(rows: Rows, output: Array, target: Array) -> dict[str, Contributions]:
    """What each sample contributes to each metric."""
    y, t = (placeholder(n, (None, *a.shape[1:]), a.dtype) for n, a in (("output", output), ("target", target)))
    each: dict[str, Mapping[str, Tensor | Labels]] = {
        name: row.rows(y, t).each if isinstance(row, Summed) else row.parts(y, t) for name, row in rows.items()
    }
    places = [(name, part) for name, of in each.items() for part in of]
    of_place = [each[name][part] for name, part in places]
    function = Function([x.numbers if isinstance(x, Labels) else x for x in of_place], inputs=[y, t])
    # Of one number a sample, all are taken at once: some rows look at their mean.
    size = len(output) if output.ndim == 1 else max(1, CELLS // int(np.prod(output.shape[1:])))
    starts = range(0, max(len(output), 1), max(size, 1))
    parts = [function({y: output[i : i + size], t: target[i : i + size]}) for i in starts]
    found: dict[str, dict[str, Array | Numbered]] = {name: {} for name in rows}
    for (name, part), x, *arrays in zip(places, of_place, *parts, strict=True):
        array = np.concatenate(arrays)
        found[name][part] = Numbered(array, x.count) if isinstance(x, Labels) else array
    return dict(found)
