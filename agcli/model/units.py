"""Outputs and targets of a graph in the target's own units: what metrics, and formulas about a trained model, see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agcli.datasets import Dataset, Recipe, kinds
from agcli.engine.graph import Tensor, call, constant
from agcli.engine.types import Array
from agcli.model.targets import direction, distance, halves
from agcli.spec.nouns import Loss


def margin_of(loss: Loss) -> float:
    """From which distance on vectors are apart, of a loss with the link `distance`."""
    return float(dict(loss)["margin"])


@dataclass(frozen=True)
class Units:
    """How the output of a model, and its target, are read. ``scale`` is None where the target is fed as it stands."""

    loss: Loss
    kind: str = kinds.ANY
    scale: Array | None = None
    offset: Array | None = None
    log: Array | None = None

    @classmethod
    def of(cls, loss: Loss, data: Dataset) -> Units:
        """Those of a data set under a loss."""
        recipe = data.fitted
        if not isinstance(recipe, Recipe):
            return cls(loss)
        units = recipe.units
        return cls(loss, recipe.kind) if units is None else cls(loss, recipe.kind, *units)

    def own(self, values: Tensor) -> Tensor:
        """Encoded targets (n, ...), or outputs beside them, in their own units, as float64 where these are others."""
        if self.scale is None or self.offset is None:
            return values
        wide = values.astype("float64")
        scaled = wide * constant(self.scale) + constant(self.offset)
        if self.log is None:
            return scaled
        plain = call("sign", scaled) * call("expm1", call("abs", scaled))
        return plain if self.log.all() else call("where", constant(self.log), plain, scaled)

    def fits(self, output: Tensor) -> bool:
        """Whether an output has a number for each one of the target, in other units than those of the target."""
        if self.scale is None or self.loss.link not in ("identity", "gaussian"):
            return False
        each = 2 if self.loss.link == "gaussian" else 1
        last = output.shape[-1] if output.ndim > 1 else 1
        return last == each * (self.scale.shape[-1] if self.scale.ndim else 1) and (each == 1 or self.log is None)

    def output(self, output: Tensor) -> Tensor:
        """The output in units of the target; of a mean and a log variance, both. For outputs that `fit` alone."""
        if self.loss.link == "identity":
            return self.own(output)
        mean, log_variance = halves(output)
        wide = log_variance.astype("float64") + constant(2 * np.log(np.abs(np.asarray(self.scale))))
        return call("concatenate", self.own(mean), wide, axis=-1)

    def numbers(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """What is predicted and what is true, as numbers of one meaning."""
        link = self.loss.link
        if link == "identity":
            if self.scale is not None and output.ndim == target.ndim + 1 and output.shape[-1] == 1:
                output = call("squeeze", output, axis=-1)  # the scale has the shape of a target
            return self.own(output), self.own(target)
        if link == "gaussian":
            return self.own(halves(output)[0]), self.own(target)
        if link == "exp":
            return call("exp", output), target
        if link == "direction":
            return direction(output), direction(target.astype(output.dtype))
        if link == "sigmoid":
            return call("sigmoid", output), target
        if link == "softmax" and target.ndim == output.ndim and target.dtype.kind == "f":
            return call("softmax", output), target
        return output, target

    def scores(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Scores, and the class or the label that is true, or the likeliest one of probabilities."""
        if self.loss.link == "distance":
            output = margin_of(self.loss) / 2 - distance(output[:, 0], output[:, 1])
        if target.dtype.kind == "f" and self.kind == kinds.SHARES:
            target = call("argmax", target, axis=-1)
        elif target.dtype.kind == "f" and self.kind in (kinds.LABELS, kinds.CHANCES):
            target = (target > 0.5).astype(target.dtype)
        return output, target
