"""Metrics of numbers: of several targets a sample, the mean over the targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from agcli.model.ops import call
from agcli.model.summed import Summed
from agcli.spec.nouns import METRICS, Better

if TYPE_CHECKING:
    from agcli.engine.graph import Tensor
    from agcli.engine.types import Array
    from agcli.model.contributions import Rows


class OfErrors(Summed):
    """The mean over samples of something of the error of each number, then over targets."""

    better: ClassVar[Better | None] = "low"
    reads = "numbers"
    undefined = "there are no samples"

    def rows(self, output: Tensor, target: Tensor, weights: Tensor | None = None) -> Rows:
        from agcli.model.contributions import Rows, numbers, spread
        from agcli.model.targets import matched

        error = output - matched(output, target)
        axes = weights.ndim if weights is not None else 1
        return Rows({"sum": numbers(self.cost(error), axes)}, spread(weights, weights) if weights is not None else None)

    def cost(self, error: Tensor) -> Tensor:
        """Of each number, of its error: output less target."""
        raise NotImplementedError

    def finish(self, sums: Mapping[str, Array], samples: int) -> Any:
        from agcli.model.figures import means

        return means(sums).mean(-1)


@METRICS.row("mean_absolute_error", "mae")
class MeanAbsoluteError(OfErrors):
    """The mean of `|y - target|`."""

    def cost(self, error: Tensor) -> Tensor:
        return call("abs", error)


@METRICS.row("mean_squared_error", "mse")
class MeanSquaredError(OfErrors):
    """The mean of `(y - target)^2`."""

    def cost(self, error: Tensor) -> Tensor:
        return call("square", error)


@METRICS.row("root_mean_squared_error", "rmse")
class RootMeanSquaredError(MeanSquaredError):
    """The root of the mean of `(y - target)^2`; of several targets, the mean of their roots."""

    def finish(self, sums: Mapping[str, Array], samples: int) -> Any:
        import numpy as np

        from agcli.model.figures import means

        return np.sqrt(means(sums)).mean(-1)


@METRICS.row("bias")
class Bias(OfErrors):
    """The mean of `y - target`: how much too high the predictions are."""

    better = None

    def cost(self, error: Tensor) -> Tensor:
        return error


@METRICS.row("r2")
class R2(Summed):
    """The share of the targets' variance that is predicted; 0 for their mean, 1 at best."""

    better = "high"
    reads = "numbers"
    undefined = "all targets are the same"
    folds: ClassVar[Mapping[str, str]] = {"moments": "merged"}

    def centered(self, output: Tensor, target: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Rows]:
        """The mean of each target, and the sums of targets about it, their squares and squared errors.

        In double precision and about a center, so that squares of numbers far from 0 do not cancel.
        """
        from agcli.model.contributions import Rows, numbers, spread
        from agcli.model.targets import matched

        axes = weights.ndim if weights is not None else 1
        t, y = (numbers(x.astype("float64"), axes) for x in (matched(output, target), output))
        center = call("mean", t, axis=0)
        about = t - center
        each = {"y": about, "yy": call("square", about), "errors": call("square", y - t)}
        return center, Rows(each, spread(weights, weights) if weights is not None else None)

    def rows(self, output: Tensor, target: Tensor, weights: Tensor | None = None) -> Rows:
        return self.centered(output, target, weights)[1]

    def parts(self, output: Tensor, target: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        """Center, weight and sums as one array (5, targets), since batches have other centers."""
        center, rows = self.centered(output, target, weights)
        sums = rows.sums()
        count = call("ones_like", center) * sums["count"].astype("float64")
        return {"moments": call("stack", center, count, *(sums[name] for name in ("y", "yy", "errors")), axis=0)}

    def finish(self, sums: Mapping[str, Array], samples: int) -> Any:
        from agcli.model.figures import r2

        return r2(sums)
