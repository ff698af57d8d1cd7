"""Metrics of classes: what is predicted against what is true."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from agcli.model.ops import call
from agcli.model.summed import Summed
from agcli.spec.field_types import OneOf, Size
from agcli.spec.fields import Field
from agcli.spec.nouns import METRICS

if TYPE_CHECKING:
    from agcli.engine.graph import Tensor
    from agcli.engine.types import Array
    from agcli.model.contributions import Rows

Average = Annotated[
    Literal["binary", "micro", "macro", "weighted", "per_class"],
    OneOf("binary", "micro", "macro", "weighted", "per_class"),
]


NO_WEIGHT = "there are no samples, or all have the weight 0"


class Share(Summed):
    """A share of the samples."""

    better = "high"
    takes_unseen = True
    undefined = NO_WEIGHT

    def finish(self, sums: Mapping[str, Array], samples: int) -> Any:
        from agcli.model.figures import mean

        return mean(sums)


@METRICS.row("accuracy")
class Accuracy(Share):
    """The share of samples whose class is predicted right."""

    def rows(self, output: Tensor, target: Tensor, weights: Tensor | None = None) -> Rows:
        """Of several labels a sample, the share of right labels."""
        from agcli.model.contributions import Rows, choices

        chosen = choices(output, target, weights, self._classes)
        return Rows({"sum": chosen.hits}, chosen.weights)


@METRICS.row("top_k")
class TopK(Share):
    """The share of samples whose class has one of the `k` largest scores."""

    main = "k"
    k: Size = Field(default=5, description="how many")

    def rows(self, output: Tensor, target: Tensor, weights: Tensor | None = None) -> Rows:
        """Fewer than k classes have a larger score than the target, or the same one and a smaller number."""
        from agcli.model.contributions import Rows, choices
        from agcli.model.targets import labels

        labels(output, target, "top_k")
        chosen = choices(output, target, weights, self._classes)
        scores, index = output.reshape(-1, chosen.scores), call("expand_dims", chosen.safe, -1)
        own = call("take_along_axis", scores, index, axis=-1)
        ties = call("equal", scores, own) & (call("arange", chosen.scores) < index)
        above = call("sum", ((scores > own) | ties).astype("float32"), axis=-1)
        return Rows({"sum": (above < self.k) & chosen.known}, chosen.weights)


class OfClasses(Summed):
    """A figure of each class, averaged over the classes; of a class that it has no value for, 0."""

    main = "average"
    better = "high"
    takes_unseen = True
    undefined = NO_WEIGHT
    average: Average | None = Field(
        default=None, description="over classes; if not given, `binary` (class 1) for two classes, else `macro`"
    )

    @property
    def is_number(self) -> bool:
        return self.average != "per_class"

    def rows(self, output: Tensor, target: Tensor, weights: Tensor | None = None) -> Rows:
        """Right ones, predictions and members, each counted for its class."""
        from agcli.model.contributions import Labels, Rows, choices

        chosen = choices(output, target, weights, self._classes)
        hit = call("where", chosen.hits, chosen.true, -1)
        classes = {"hit": hit, "found": chosen.found, "true": chosen.true}
        return Rows({name: Labels(t, chosen.classes) for name, t in classes.items()}, chosen.weights)

    def finish(self, sums: Mapping[str, Array], samples: int) -> Any:
        import numpy as np

        from agcli.model.figures import averaged

        hit, found, true = (sums[name] for name in ("hit", "found", "true"))
        average = self.average or ("binary" if true.shape[-1] == 2 else "macro")
        figure, count = averaged(self.of, average, hit, found, true), np.asarray(sums["count"])
        return np.where(count[..., None] if average == "per_class" else count, figure, np.nan)

    def of(self, hit: Array, found: Array, true: Array) -> Array:
        """The figure of a class, of its right ones, its predictions and its members."""
        raise NotImplementedError


@METRICS.row("precision")
class Precision(OfClasses):
    """The share of right ones among those predicted to be of a class."""

    def of(self, hit: Array, found: Array, true: Array) -> Array:
        from agcli.model.figures import precision

        return precision(hit, found, true)


@METRICS.row("recall")
class Recall(OfClasses):
    """The share of a class that is predicted to be of it."""

    def of(self, hit: Array, found: Array, true: Array) -> Array:
        from agcli.model.figures import recall

        return recall(hit, found, true)


@METRICS.row("f1")
class F1(OfClasses):
    """The harmonic mean of precision and recall."""

    def of(self, hit: Array, found: Array, true: Array) -> Array:
        from agcli.model.figures import f1

        return f1(hit, found, true)


@METRICS.row("confusion_matrix")
class ConfusionMatrix(Summed):
    """Counts: a row for each class, a column for each prediction, those of scores that no class has among them."""

    better = None
    counts = True
    takes_unseen = True

    @property
    def is_number(self) -> bool:
        return False

    def rows(self, output: Tensor, target: Tensor, weights: Tensor | None = None) -> Rows:
        """The cell of each sample in a table (classes + 1, scores), whose last row is of classes never seen."""
        from agcli.model.contributions import Labels, Rows, choices

        chosen = choices(output, target, weights, self._classes)
        true = call("where", chosen.known, chosen.true, chosen.classes)
        cells = Labels(true * chosen.scores + chosen.found, (chosen.classes + 1) * chosen.scores)
        return Rows({"cells": cells}, chosen.weights)

    def parts(self, output: Tensor, target: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        """The same counts as a product of two tables of classes, far smaller than one of cells."""
        from agcli.model.contributions import Labels, choices

        chosen = choices(output, target, weights, self._classes)
        dtype = "float32" if weights is None else "float64"
        true = call("where", chosen.known, chosen.true, chosen.classes)
        rows = Labels(true, chosen.classes + 1).members.astype(dtype)
        columns = Labels(chosen.found, chosen.scores).members.astype(dtype)
        if chosen.weights is not None:
            columns = columns * call("expand_dims", chosen.weights.astype(dtype), -1)
        return {"cells": (call("transpose", rows) @ columns).reshape(-1)}

    def finish(self, sums: Mapping[str, Array], samples: int) -> Any:
        """The table, without its last row where that is empty."""
        cells = sums["cells"]
        size, rows = cells.shape[-1], self._classes + 1
        if rows == 1 or size % rows or size // rows < rows - 1:  # as many scores as classes, or a single score
            rows = math.isqrt(size) + 1
        counts = cells.reshape(*cells.shape[:-1], rows, size // rows)
        return counts if counts[..., -1, :].any() else counts[..., :-1, :]
