"""Metrics: for each name of the spec, what is fetched of a batch and what follows from all batches together.

A metric over a split is exactly the metric of all its samples at once: batches contribute sums, or the scores
themselves where only all of them together tell (areas under curves).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from agcli.engine.errors import ShapeError
from agcli.engine.graph import Tensor, call
from agcli.engine.types import Array, static
from agcli.model.targets import absolute_error, is_classes, labels, matched, per_sample, squared_error

Value: TypeAlias = Any  # a number, or nested lists of numbers
Parts: TypeAlias = "dict[str, Tensor]"
Sums: TypeAlias = "Mapping[str, Array]"


@dataclass(frozen=True)
class Metric:
    """`parts` are fetched of every batch and added up, or kept; `finish(parts, samples, fields)` is the value."""

    parts: Callable[[Tensor, Tensor, Any], Parts]
    finish: Callable[[Sums, int, Any], Value]
    keep: bool = False
    is_number: Callable[[Any], bool] = lambda fields: True
    counts_unseen: bool = False  # samples of a class that training does not see as wrong, instead of leaving them out


@dataclass(frozen=True)
class Meter:
    """A metric in a graph."""

    name: str
    parts: Parts
    finish: Callable[[Sums, int], Value]
    keep: bool = False
    folds: Mapping[str, str] = field(default_factory=dict)  # of a formula: "max", "min" or "once"; else sums
    is_number: bool = True
    kind: str = ""  # the metric by its own name, where the spec gives it another; empty for a formula
    counts_unseen: bool = False  # see Metric

    def key(self, part: str) -> str:
        """The name under which a part is fetched."""
        return f"{self.name}.{part}"

    def fetches(self) -> Parts:
        return {self.key(part): t for part, t in self.parts.items()}

    def fold(self, part: str, total: Any, new: Any) -> Any:
        """The total of a part with what another batch gives; the total of no batch is None."""
        if self.keep:
            return [*(total or []), np.array(new)]
        new = np.array(new, np.float64)
        return new if total is None else FOLDS[self.folds.get(part, "sum")](total, new)

    def value(self, totals: Mapping[str, Any], samples: int, unseen: Array | None = None) -> Value:
        """The metric of the totals of its parts.

        ``unseen`` counts by predicted class the samples of other classes than training has, which are not among them.
        """
        parts = {k: np.concatenate(v) if self.keep else v for k, v in totals.items()}
        if unseen is not None and self.counts_unseen:
            samples += int(unseen.sum())
            if "counts" in parts:
                parts["counts"] = np.vstack([parts["counts"], unseen[: parts["counts"].shape[1]]])
        return self.finish(parts, samples)


def once(total: Array, new: Any) -> Array:
    """A formula that cannot be added up has a value of one batch only."""
    return np.full_like(total, math.nan)


FOLDS: Mapping[str, Callable[[Any, Any], Any]] = {"sum": np.add, "max": np.maximum, "min": np.minimum, "once": once}


def as_value(x: Any) -> Value:
    """A number, or nested lists of numbers."""
    array = np.asarray(x, np.float64)
    return float(array) if array.ndim == 0 else array.tolist()


# Means over samples ---------------------------------------------------------------------------------------------
def mean_of(
    sample: Callable[[Tensor, Tensor, Any], Tensor], finish: Callable[[float], float] = float, **options: Any
) -> Metric:
    """``finish`` of the mean of what ``sample`` gives for each sample."""
    return Metric(
        lambda output, target, fields: {"sum": call("sum", sample(output, target, fields))},
        lambda sums, samples, fields: finish(float(sums["sum"]) / samples),
        **options,
    )


def predicted(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Predicted and true class numbers: the largest score, or for a single score its sign."""
    if output.ndim > target.ndim and output.shape[-1] != 1:
        return call("argmax", output, axis=-1), target
    return (output > 0).astype("int64"), matched(output, target).astype("int64")


def hits(output: Tensor, target: Tensor, fields: Any) -> Tensor:
    """1 where the predicted class is the target."""
    return per_sample(call("equal", *predicted(output, target)).astype("float32"))


def top_k(output: Tensor, target: Tensor, fields: Any) -> Tensor:
    """1 where fewer than k classes have a larger score than the target, or the same one and a smaller number."""
    index = call("expand_dims", labels(output, target, "top_k"), -1)
    own = call("take_along_axis", output, index, axis=-1)
    ties = call("equal", output, own) & (call("arange", static(output.shape[-1])) < index)
    above = call("sum", (output > own).astype("float32") + ties.astype("float32"), axis=-1)
    return per_sample((above < fields.k).astype("float32"))


def cross_entropy(output: Tensor, target: Tensor, fields: Any) -> Tensor:
    return per_sample(call("sparse_softmax_cross_entropy", output, labels(output, target, "perplexity")))


# Classes ----------------------------------------------------------------------------------------------------------
def confusion(output: Tensor, target: Tensor, fields: Any) -> Parts:
    """Counts by true class (rows) and predicted class (columns), of all places of all samples."""
    classes = static(output.shape[-1]) if is_classes(output, target) else 2
    found, true = (call("one_hot", t.reshape(-1), classes, dtype="float32") for t in predicted(output, target))
    return {"counts": call("transpose", true) @ found}


def ratio(a: Any, b: Any) -> Any:
    """a / b, and 0 where b is 0."""
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=np.asarray(b) != 0)


def averaged(of: Callable[[Any, Any, Any], Any]) -> Callable[[Sums, int, Any], Value]:
    """A function of hits, predictions and members of classes, averaged as the spec says."""

    def finish(sums: Sums, samples: int, fields: Any) -> Value:
        counts = sums["counts"]
        hit, found = np.diag(counts), counts.sum(0)  # a last row is of classes that training does not see
        true = counts.sum(1)[: len(hit)]
        average = fields.average or ("binary" if len(hit) == 2 else "macro")
        if average == "micro":
            return as_value(of(hit.sum(), found.sum(), true.sum()))
        each = of(hit, found, true)
        weights = {"weighted": true, "binary": np.eye(len(hit))[1]}.get(average, np.ones(len(hit)))
        return as_value(each) if average == "per_class" else as_value(ratio(each @ weights, weights.sum()))

    return finish


CLASSES: Mapping[str, Callable[[Any, Any, Any], Any]] = {
    "precision": lambda hit, found, true: ratio(hit, found),
    "recall": lambda hit, found, true: ratio(hit, true),
    "f1": lambda hit, found, true: ratio(2 * hit, found + true),
}


def calibration(output: Tensor, target: Tensor, fields: Any) -> Parts:
    """For each bin of certainty: samples, sum of certainties, hits."""
    if is_classes(output, target):
        certainty = call("max", call("softmax", output), axis=-1).reshape(-1)
    else:
        certainty = call("sigmoid", call("abs", output)).reshape(-1)
    hit = call("equal", *predicted(output, target)).astype("float32").reshape(-1)
    place = call("clip", call("ceil", certainty * fields.bins) - 1, 0, fields.bins - 1).astype("int64")
    rows = call("one_hot", place, fields.bins, dtype="float32")
    columns = call("stack", call("ones_like", certainty), certainty, hit, axis=1)
    return {"bins": call("transpose", rows) @ columns}


def calibration_error(sums: Sums, samples: int, fields: Any) -> Value:
    """The gaps between certainty and accuracy, weighted by the samples of their bins."""
    count, certainty, hit = sums["bins"].T
    return as_value(np.abs(certainty - hit).sum() / count.sum())


# Curves -----------------------------------------------------------------------------------------------------------
def scores(output: Tensor, target: Tensor, fields: Any) -> Parts:
    """Probabilities, or raw scores of two classes, with their targets."""
    if not is_classes(output, target):
        return {"scores": output.reshape(-1), "targets": matched(output, target).reshape(-1)}
    labels(output, target, "roc_auc")
    if output.shape[-1] == 2:
        return {"scores": (output[..., 1] - output[..., 0]).reshape(-1), "targets": target.reshape(-1)}
    flat = call("softmax", output).reshape(-1, static(output.shape[-1]))
    return {"scores": flat, "targets": target.reshape(-1)}


def counts_above(score: Array, is_true: Array) -> tuple[Array, Array]:
    """True and false ones among the samples with at least each score that occurs, from the highest down."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    true = np.cumsum(is_true[order], dtype=np.float64)[last]
    return true, last + 1 - true


def roc(score: Array, is_true: Array) -> float:
    """Area under the curve of true against false positives, by trapezoids; NaN where a class is empty."""
    true, false = (np.append(0.0, x) for x in counts_above(score, is_true))
    if not true[-1] or not false[-1]:
        return math.nan
    return float((np.diff(false) * (true[1:] + true[:-1]) / 2).sum() / (true[-1] * false[-1]))


def average_precision(score: Array, is_true: Array) -> float:
    """Sum of precisions weighted by the recall that each adds, without interpolation."""
    true, false = counts_above(score, is_true)
    if not true[-1]:
        return math.nan
    return float((np.diff(np.append(0.0, true)) * true / (true + false)).sum() / true[-1])


def curve(area: Callable[[Array, Array], float]) -> Metric:
    """The area for class 1 of two; of more, the mean over classes, each against the others."""

    def finish(kept: Sums, samples: int, fields: Any) -> Value:
        score, target = kept["scores"], kept["targets"]
        if score.ndim == 1:
            return area(score, target > 0.5)
        return float(np.mean([area(score[:, c], target == c) for c in range(score.shape[1])]))

    return Metric(scores, finish, keep=True)


# Numbers ------------------------------------------------------------------------------------------------------------
def moments(output: Tensor, target: Tensor, fields: Any) -> Parts:
    """Sums over samples of y, y^2 and squared errors, in double precision, for each target."""
    t = matched(output, target).astype("float64")
    rows = {"y": t, "yy": call("square", t), "errors": call("square", t - output.astype("float64"))}
    return {k: call("sum", v, axis=0) for k, v in rows.items()}


def r2(sums: Sums, samples: int, fields: Any) -> Value:
    """1 - squared errors / squared deviations, averaged over targets; a constant target counts as 0, or 1 if hit."""
    spread = sums["yy"] - sums["y"] ** 2 / samples
    constant = spread <= 1e-12 * np.abs(sums["yy"])
    each = np.where(constant, sums["errors"] == 0, 1 - sums["errors"] / np.where(constant, 1, spread))
    return float(np.mean(each))


METRICS: Mapping[str, Metric] = {
    "accuracy": mean_of(hits, counts_unseen=True),
    "top_k": mean_of(top_k, counts_unseen=True),
    "mean_absolute_error": mean_of(absolute_error),
    "mean_squared_error": mean_of(squared_error),
    "root_mean_squared_error": mean_of(squared_error, math.sqrt),
    "perplexity": mean_of(cross_entropy, lambda loss: math.exp(min(loss, 700.0))),
    "confusion_matrix": Metric(
        confusion,
        lambda sums, samples, fields: as_value(sums["counts"]),
        is_number=lambda fields: False,
        counts_unseen=True,
    ),
    **{
        name: Metric(
            confusion, averaged(of), is_number=lambda fields: fields.average != "per_class", counts_unseen=True
        )
        for name, of in CLASSES.items()
    },
    "roc_auc": curve(roc),
    "pr_auc": curve(average_precision),
    "r2": Metric(moments, r2),
    "calibration_error": Metric(calibration, calibration_error),
}


def of_row(row: Any) -> Metric:
    """A metric whose row has the functions itself."""
    return Metric(
        lambda output, target, fields: row.parts(output, target),
        lambda sums, samples, fields: row.finish(sums, samples),
        row.keep,
        lambda fields: row.is_number,
    )


def meter(choice: Any, output: Tensor, target: Tensor | None) -> Meter:
    """The metric of a name of the spec, of this output and target."""
    if target is None:
        raise ShapeError(f"{choice.name}: needs a target, and the data has none; write the metric as a formula")
    metric, fields = METRICS.get(choice.name) or of_row(choice.fields), choice.fields
    parts = metric.parts(output, target, fields)
    number = metric.is_number(fields)
    return Meter(
        choice.name,
        parts,
        lambda sums, n: metric.finish(sums, n, fields),
        metric.keep,
        is_number=number,
        kind=choice.name,
        counts_unseen=metric.counts_unseen,
    )
