"""What each sample contributes to a metric, and the sums of that with a weight a sample.

A metric that is made of sums says once what a sample contributes. In a graph that is summed over a batch; an evaluation
fetches it and sums it under many weights at once (see agcli.evaluation.bootstrap).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agcli.engine.graph import Tensor, call
from agcli.engine.types import static
from agcli.model.targets import is_classes, matched


@dataclass(frozen=True)
class Labels:
    """A sample counts for one of ``count`` classes; of a number that is none of them, for nothing."""

    numbers: Tensor  # (rows,), integers
    count: int

    @property
    def members(self) -> Tensor:
        """Which sample is of which class, (rows, count)."""
        return call("equal", call("expand_dims", self.numbers, -1), call("arange", self.count))


@dataclass(frozen=True)
class Rows:
    """What each row contributes, by name: truth values or numbers (rows, ...), or labels.

    ``weights`` (rows,) say how much each counts; without them, all count alike.
    """

    each: Mapping[str, Tensor | Labels]
    weights: Tensor | None = None

    def sums(self) -> dict[str, Tensor]:
        """The weighted sums, and under ``count`` the sum of the weights, unless that is a contribution itself."""
        found = {name: self.sum(value) for name, value in self.each.items()}
        if "count" not in found:
            found["count"] = self.count()
        return found

    def sum(self, value: Tensor | Labels) -> Tensor:
        x = value.members if isinstance(value, Labels) else value
        if self.weights is not None:
            return call("tensordot", self.weights.astype("float64"), x.astype("float64"), 1)
        # Truth values are counted exactly by any float; sums of numbers are to have the digits of double precision.
        return call("sum", x.astype("float32" if x.dtype.kind == "b" else "float64"), axis=0)

    def count(self) -> Tensor:
        if self.weights is not None:
            return call("sum", self.weights.astype("float64"))
        first = next(iter(self.each.values()))
        rows = first.numbers if isinstance(first, Labels) else first
        return call("size", rows if rows.ndim == 1 else rows[:, 0])


def spread(weights: Tensor | None, like: Tensor) -> Tensor | None:
    """A weight for each place of ``like`` (n, ...), flat; ``weights`` are those of samples (n,), or of places."""
    if weights is None:
        return None
    for _ in range(like.ndim - weights.ndim):
        weights = call("expand_dims", weights, -1)
    return (weights * call("ones_like", like).astype("float64")).reshape(-1)


@dataclass(frozen=True)
class Choices:
    """Predicted and true class numbers of all places, flat, the weights of the places, and how many classes there are.

    A true number that is none of the classes belongs to a class that training did not see. There may be more scores
    than classes; a prediction beyond these is of no class, and wrong.
    """

    found: Tensor
    true: Tensor
    classes: int
    weights: Tensor | None
    scores: int

    @property
    def hits(self) -> Tensor:
        """Where the prediction is right."""
        return call("equal", self.found, self.true)

    @property
    def known(self) -> Tensor:
        """Where the true class is one that training saw."""
        return known(self.true, self.classes)

    @property
    def safe(self) -> Tensor:
        """The true class, and 0 where that is not known."""
        return call("where", self.known, self.true, 0)


def known(true: Tensor, classes: int) -> Tensor:
    """Where a number is that of a class."""
    return (true >= 0) & (true < classes)


def choices(output: Tensor, target: Tensor, weights: Tensor | None, classes: int = 0) -> Choices:
    """The class of the largest score, the first of equal ones; of a single score, 1 where it is above 0.

    The training data has so many ``classes``; as many as there are scores, if it is not known.
    """
    if output.ndim > target.ndim and output.shape[-1] != 1:
        found, true, scores = call("argmax", output, axis=-1), target, static(output.shape[-1])
    else:
        found, true, scores, classes = (output > 0).astype("int64"), matched(output, target), 2, 2
    known = min(classes, scores) or scores
    return Choices(found.reshape(-1), true.astype("int64").reshape(-1), known, spread(weights, true), scores)


def logarithms(output: Tensor, target: Tensor) -> Tensor:
    """Logarithms of the probabilities of all classes (places, classes), of scores; of a single score those of two."""
    z = output.astype("float64")
    if is_classes(output, target):
        return call("log_softmax", z.reshape(-1, static(output.shape[-1])))
    z = z.reshape(-1)
    return call("stack", call("log_sigmoid", -z), call("log_sigmoid", z), axis=1)


def numbers(x: Tensor, axes: int) -> Tensor:
    """Numbers (rows, targets), where the first ``axes`` axes tell rows apart."""
    axes = min(axes, x.ndim)
    width = 1
    for length in x.shape[axes:]:
        width *= static(length)
    return x.reshape(-1, width)
