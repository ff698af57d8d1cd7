"""Metrics of scores against all others: areas under curves, for which all scores have to be known at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agcli.spec.nouns import METRICS, Metric

if TYPE_CHECKING:
    from agcli.engine.graph import Tensor
    from agcli.engine.types import Array


class OfCurve(Metric):
    """An area under a curve: for class 1 of two; of more, the mean over classes, each against the others."""

    better = "high"
    takes_unseen = True
    keep = True
    undefined = "it needs samples of every class, and others"

    def parts(self, output: Tensor, target: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        """Scores (m,), or logarithms of probabilities (m, classes); their targets; and weights (m,), if there are some.

        Several labels a sample have a column each, in scores and targets.
        """
        from agcli.engine.types import static
        from agcli.model.contributions import logarithms, spread
        from agcli.model.targets import is_classes, labels, matched

        if is_classes(output, target):
            labels(output, target, "roc_auc")
            z, classes = output.astype("float64"), self._classes or output.shape[-1]
            is_two = classes == 2
            scores = (z[..., 1] - z[..., 0]).reshape(-1) if is_two else logarithms(output, target)[:, :classes]
            # The order of logarithms is that of probabilities. Equal ones stay equal in single precision, however
            # double precision rounds them, and those near 1 stay apart.
            found, weights = (
                {"scores": scores.astype("float32"), "targets": target.reshape(-1)},
                spread(weights, target),
            )
        else:
            t = matched(output, target)
            width = static(output.shape[-1]) if output.ndim > 1 else 1
            shape = (-1, width) if width > 1 else (-1,)
            found = {"scores": output.reshape(*shape), "targets": t.reshape(*shape)}
            weights = spread(weights, t[..., 0] if width > 1 else t)
        return found if weights is None else {**found, "weights": weights}

    def finish(self, sums: Mapping[str, Array], samples: int) -> Any:
        from agcli.model.figures import curve

        return curve(self.area, sums)

    def area(self, score: Array, is_true: Array, weights: Array) -> Array:
        """The area (...) under the curve of scores (m,) with weights (..., m)."""
        raise NotImplementedError


@METRICS.row("roc_auc")
class RocAuc(OfCurve):
    """The chance that a sample of a class has a larger score than one of another class."""

    def area(self, score: Array, is_true: Array, weights: Array) -> Array:
        from agcli.model.figures import roc_area

        return roc_area(score, is_true, weights)


@METRICS.row("pr_auc")
class PrAuc(OfCurve):
    """The mean precision over all recalls; over classes, their mean."""

    def area(self, score: Array, is_true: Array, weights: Array) -> Array:
        from agcli.model.figures import average_precision

        return average_precision(score, is_true, weights)
