"""Losses: what training makes small, always as the mean over a batch. `agcli/losses.py` computes them."""

from typing import Annotated

from .field_types import Fraction, Positive, Reals, Weight
from .fields import Field, Fields
from .formula import Formula
from .tables import Choice, Row, Table


class CrossEntropy(Fields):
    """For labels 0 and 1; the model ends in one raw score a label, without a sigmoid."""

    label_smoothing: Fraction = Field(default=0.0, description="the share of certainty that is taken off the labels")
    class_weights: Reals | None = Field(default=None, description="how much a sample of each class counts")


class Huber(Fields):
    """For numbers: the square of small errors, the magnitude of large ones (Huber 1964)."""

    main = "delta"
    delta: Positive = Field(default=1.0, description="where small errors end")


class Focal(Fields):
    """Cross-entropy in which samples that are predicted well count little (Lin et al. 2017); raw scores."""

    main = "gamma"
    gamma: Weight = Field(default=2.0, description="how much less they count")
    alpha: Fraction | None = Field(default=None, description="weight of the label 1, of two; the other's is 1 less it")


class Margin(Fields):
    """For vectors in pairs `(2, width)`: close where the label is 1, else `margin` apart (Hadsell et al. 2006)."""

    main = "margin"
    margin: Positive = Field(default=1.0, description="distance from which on nothing is lost")


class Expression(Fields):
    """A formula of all names of the spec; one number, or numbers whose mean counts. The bare formula does the same."""

    main = "formula"
    formula: Formula = Field(description="such as `mean(square(output[:, 0] - y))`")


LOSSES = Table(
    "loss",
    {
        "softmax_cross_entropy": Row(
            CrossEntropy,
            "For classes 0, 1, 2, ... as integers, or probabilities; the model ends in one raw score a class, "
            "without a softmax.",
        ),
        "sigmoid_cross_entropy": CrossEntropy,
        "mean_squared_error": Row(doc="For numbers: the mean of `(y - target)^2`.", aliases=("mse",)),
        "mean_absolute_error": Row(doc="For numbers: the mean of `|y - target|`.", aliases=("mae",)),
        "huber": Huber,
        "log_cosh": Row(doc="For numbers: the mean of `log(cosh(y - target))`."),
        "focal": Focal,
        "hinge": Row(doc="For classes: `max(0, 1 - margin)` of two, or of each wrong class against the right one."),
        "kl_divergence": Row(doc="For probabilities; the model ends in one raw score a class."),
        "poisson": Row(doc="For counts; the model ends in the logarithm of their mean."),
        "gaussian": Row(
            doc="For numbers; the model ends in their mean and the logarithm of their variance, side by side."
        ),
        "negative_log_likelihood": Row(doc="For classes; the model ends in logarithms of probabilities."),
        "cosine": Row(doc="For vectors: 1 less the cosine of the angle to the target."),
        "contrastive": Margin,
        "triplet": Row(
            Margin,
            "For vectors in threes `(3, width)`: the first closer to the second than to the third, by `margin`.",
        ),
        "expression": Expression,
    },
)

_ACCURACY, _ERROR = ("accuracy",), ("root_mean_squared_error",)

# What a spec reports that names no metrics.
USUAL_METRICS = {
    "softmax_cross_entropy": _ACCURACY,
    "sigmoid_cross_entropy": _ACCURACY,
    "mean_squared_error": _ERROR,
    "mean_absolute_error": _ERROR,
    "huber": _ERROR,
    "log_cosh": _ERROR,
    "focal": _ACCURACY,
    "hinge": _ACCURACY,
    "kl_divergence": (),
    "poisson": (),
    "gaussian": (),
    "negative_log_likelihood": _ACCURACY,
    "cosine": (),
    "contrastive": (),
    "triplet": (),
    "expression": (),
}

Loss = Annotated[Choice, LOSSES]
