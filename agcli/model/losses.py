"""Losses: what training makes small, always as the mean over a batch; over a split, as the mean over its samples.

A row says what its target is, how the model's output is read, and what is reported where a spec names no metrics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Len
from pydantic import BeforeValidator, Strict

from agcli.model.ops import call
from agcli.spec.field_types import Either, Fraction, Positive, Weight
from agcli.spec.fields import Field
from agcli.spec.formula import Formula
from agcli.spec.names import scalar_text
from agcli.spec.nouns import LOSSES, Loss

if TYPE_CHECKING:
    from agcli.engine.graph import Tensor


def _name(value: object) -> object:
    """The name of a class, which YAML may read as a number or a truth."""
    return scalar_text(value) if isinstance(value, bool | int | float) else value


_Weights = (
    Literal["balanced"]
    | Annotated[tuple[Weight, ...], Strict(False), Len(1, 10_000)]
    | dict[Annotated[str, BeforeValidator(_name)], Weight]
)
ClassWeights = Annotated[
    _Weights,
    Either("a list of numbers of 0 or more, a mapping from names to such, or `balanced`"),
]
# One choice of all, since a choice within a choice would be answered twice.
LabelWeights = Annotated[
    Weight | _Weights,
    Either("a number of 0 or more, a list of such, one for each label, a mapping from names to such, or `balanced`"),
]
ACCURACY = ("accuracy",)
ERROR = ("root_mean_squared_error",)


class OfClasses(Loss):
    """A loss of classes, which may count by their classes."""

    metrics: ClassVar[tuple[str, ...]] = ACCURACY
    class_weights: ClassWeights | None = Field(
        default=None,
        description="how much a sample of each class counts: by name, as a list in the order of the classes, or "
        "`balanced`: so that all classes together count alike",
    )


class CrossEntropy(OfClasses):
    """What cross-entropies have in common."""

    label_smoothing: Fraction = Field(default=0.0, description="the share of certainty that is taken off the labels")


@LOSSES.row("softmax_cross_entropy")
class SoftmaxCrossEntropy(CrossEntropy):
    """For classes, or their probabilities; the model ends in one raw score a class, without a softmax."""

    target = ("classes", "shares")
    link = "softmax"

    def of(self, output: Tensor, target: Tensor) -> Tensor:
        from agcli.engine.errors import DTypeError
        from agcli.model.targets import check_weights, matched, per_sample, weighted

        name = "softmax_cross_entropy"
        check_weights(self.class_weights, output.shape[-1] if output.ndim > 1 else None, name)
        if target.dtype.kind == "f" and target.ndim == output.ndim:
            if self.class_weights is not None:
                raise DTypeError(f"{name}: class weights need targets that are class numbers, got {target.type}")
            t = matched(output, target)
            return per_sample(call(name, output, t, label_smoothing=self.label_smoothing))
        loss = call(f"sparse_{name}", output, target, label_smoothing=self.label_smoothing)
        return per_sample(weighted(loss, target, self.class_weights))


@LOSSES.row("sigmoid_cross_entropy")
class SigmoidCrossEntropy(CrossEntropy):
    """For labels 0 and 1, or their chances; the model ends in one raw score a label, without a sigmoid."""

    target = ("labels", "chances")
    link = "sigmoid"
    pos_weight: LabelWeights | None = Field(
        default=None, description="how much a 1 counts beside a 0: a number, or one for each label, or `balanced`"
    )

    def of(self, output: Tensor, target: Tensor) -> Tensor:
        from agcli.model.targets import matched, per_sample, weighted_labels

        t, s = matched(output, target), self.label_smoothing
        soft = t * (1 - s) + s / 2 if s else t
        loss = call("sigmoid_cross_entropy", output, soft, pos_weight=self.pos_weight)
        return per_sample(weighted_labels(loss, t, self.class_weights, "sigmoid_cross_entropy"))


class OfNumbers(Loss):
    """A loss of each number; of several a sample, their mean."""

    metrics: ClassVar[tuple[str, ...]] = ERROR

    def each(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of each number."""
        raise NotImplementedError

    def of(self, output: Tensor, target: Tensor) -> Tensor:
        from agcli.model.targets import matched, per_sample

        return per_sample(self.each(output, matched(output, target)))


@LOSSES.row("mean_squared_error", "mse")
class MeanSquaredError(OfNumbers):
    """For numbers: the mean of `(y - target)^2`."""

    sigma = True

    def each(self, output: Tensor, target: Tensor) -> Tensor:
        return call("square", output - target)


@LOSSES.row("mean_absolute_error", "mae")
class MeanAbsoluteError(OfNumbers):
    """For numbers: the mean of `|y - target|`."""

    def each(self, output: Tensor, target: Tensor) -> Tensor:
        return call("abs", output - target)


@LOSSES.row("huber")
class Huber(OfNumbers):
    """For numbers: the square of small errors, the magnitude of large ones (Huber 1964)."""

    main = "delta"
    delta: Positive = Field(default=1.0, description="where small errors end")

    def each(self, output: Tensor, target: Tensor) -> Tensor:
        return call("huber", output, target, delta=self.delta)


@LOSSES.row("log_cosh")
class LogCosh(OfNumbers):
    """For numbers: the mean of `log(cosh(y - target))`."""

    def each(self, output: Tensor, target: Tensor) -> Tensor:
        return call("log_cosh", output, target)


@LOSSES.row("focal")
class Focal(OfClasses):
    """Cross-entropy in which samples that are predicted well count little (Lin et al. 2017); raw scores."""

    main = "gamma"
    target = ("classes", "labels")
    link = "softmax"
    gamma: Weight = Field(default=2.0, description="how much less they count")
    alpha: Fraction | None = Field(default=None, description="weight of the label 1, of two; the other's is 1 less it")

    def of(self, output: Tensor, target: Tensor) -> Tensor:
        """Of two classes by their sigmoid, of several by their softmax: (1 - p)^gamma times -log p."""
        from agcli.engine.errors import ShapeError
        from agcli.model.targets import check_weights, is_classes, matched, per_sample, weighted, weighted_labels

        if not is_classes(output, target):
            t = matched(output, target)
            loss = call("sigmoid_focal_loss", output, t, gamma=self.gamma, alpha=self.alpha)
            return per_sample(weighted_labels(loss, t, self.class_weights, "focal"))
        if self.alpha is not None:
            raise ShapeError(f"focal: alpha is for one score a sample, got outputs {output.type}")
        check_weights(self.class_weights, output.shape[-1], "focal")
        loss = call("sparse_softmax_cross_entropy", output, target)
        return per_sample(weighted((-call("expm1", -loss)) ** self.gamma * loss, target, self.class_weights))


@LOSSES.row("hinge")
class Hinge(OfClasses):
    """For classes: `max(0, 1 - margin)` of two, or of each wrong class against the right one."""

    target = ("classes", "labels")
    link = "margin"

    def of(self, output: Tensor, target: Tensor) -> Tensor:
        """Of several classes the mean over all but the right one, divided by their number (Weston and Watkins 1999)."""
        from agcli.model.targets import check_weights, is_classes, matched, per_sample, weighted, weighted_labels

        if not is_classes(output, target):
            t = matched(output, target)
            loss = call("hinge", output, call("where", t > 0, 1.0, -1.0).astype(output.dtype))
            return per_sample(weighted_labels(loss, t, self.class_weights, "hinge"))
        check_weights(self.class_weights, output.shape[-1], "hinge")
        index = call("expand_dims", target, -1)
        margins = call("relu", 1 + output - call("take_along_axis", output, index, axis=-1))
        right = call("one_hot", target, output.shape[-1], dtype=output.dtype)
        loss = call("sum", margins * (1 - right), axis=-1) / float(output.shape[-1] or 1)
        return per_sample(weighted(loss, target, self.class_weights))


@LOSSES.row("kl_divergence")
class KlDivergence(Loss):
    """For probabilities; the model ends in one raw score a class."""

    target = ("shares",)
    link = "softmax"

    def of(self, output: Tensor, target: Tensor) -> Tensor:
        from agcli.model.targets import matched, per_sample

        t = matched(output, target)
        return per_sample(call("sum", call("xlogy", t, t) - t * call("log_softmax", output), axis=-1))


@LOSSES.row("poisson")
class Poisson(OfNumbers):
    """For counts; the model ends in the logarithm of their mean."""

    target = ("counts",)
    link = "exp"
    metrics = ()

    def each(self, output: Tensor, target: Tensor) -> Tensor:
        return call("poisson_nll", output, target)


@LOSSES.row("gaussian")
class Gaussian(Loss):
    """For numbers; the model ends in their mean and the logarithm of their variance, side by side."""

    link = "gaussian"

    def of(self, output: Tensor, target: Tensor) -> Tensor:
        """The first half of the outputs are means, the second half logarithms of variances."""
        from agcli.model.targets import halves, matched, per_sample

        mean, log_variance = halves(output)
        return per_sample(call("gaussian_nll", mean, log_variance, matched(mean, target)))


@LOSSES.row("negative_log_likelihood")
class NegativeLogLikelihood(OfClasses):
    """For classes; the model ends in logarithms of probabilities."""

    target = ("classes",)
    link = "log_softmax"

    def of(self, output: Tensor, target: Tensor) -> Tensor:
        from agcli.model.targets import check_weights, labels, per_sample, weighted

        name = "negative_log_likelihood"
        loss = call(name, output, labels(output, target, name))
        check_weights(self.class_weights, output.shape[-1], name)
        return per_sample(weighted(loss, target, self.class_weights))


@LOSSES.row("cosine")
class Cosine(Loss):
    """For vectors: 1 less the cosine of the angle to the target; of no use is their length."""

    target = ("directions",)
    link = "direction"

    def of(self, output: Tensor, target: Tensor) -> Tensor:
        from agcli.model.targets import matched, per_sample

        return per_sample(1 - call("cosine_similarity", output, matched(output, target)))


class Margin(Loss):
    """Losses of vectors in tuples."""

    main = "margin"
    margin: Positive = Field(default=1.0, description="distance from which on nothing is lost")


@LOSSES.row("contrastive")
class Contrastive(Margin):
    """For vectors in pairs `(2, width)`: close where the label is 1, else `margin` apart (Hadsell et al. 2006)."""

    target = ("labels",)
    link = "distance"

    def of(self, output: Tensor, target: Tensor) -> Tensor:
        from agcli.model.targets import distance, matched, tuples

        a, b = tuples(output, 2, "contrastive")
        apart, same = distance(a, b), matched(a[:, 0], target)
        return same * call("square", apart) + (1 - same) * call("square", call("relu", self.margin - apart))


@LOSSES.row("triplet")
class Triplet(Margin):
    """For vectors in threes `(3, width)`: the first closer to the second than to the third, by `margin`."""

    target = ()
    link = "vectors"

    def of(self, output: Tensor, target: Tensor) -> Tensor:
        from agcli.model.targets import distance, tuples

        anchor, like, other = tuples(output, 3, "triplet")
        return call("relu", distance(anchor, like) - distance(anchor, other) + self.margin)


@LOSSES.row("expression")
class Expression(Loss):
    """A formula of all names of the spec; one number, or numbers whose mean counts. The bare formula does the same."""

    main = "formula"
    target = ("any",)
    formula: Formula = Field(description="such as `mean(square(output[:, 0] - y))`")
