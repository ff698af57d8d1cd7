"""Metrics: what is reported beside the loss, over a whole split of the data."""

from typing import Annotated, Literal

from agcli.spec.field_types import OneOf, Size
from agcli.spec.fields import Field
from agcli.spec.nouns import METRICS, Metric, NamedFormula

Average = Annotated[
    Literal["binary", "micro", "macro", "weighted", "per_class"],
    OneOf("binary", "micro", "macro", "weighted", "per_class"),
]


@METRICS.row("accuracy")
class Accuracy(Metric):
    """The share of samples whose class is predicted right."""


@METRICS.row("top_k")
class TopK(Metric):
    """The share of samples whose class has one of the `k` largest scores."""

    main = "k"
    k: Size = Field(default=5, description="how many")


@METRICS.row("precision")
class Averaged(Metric):
    """The share of right ones among those predicted to be of a class."""

    main = "average"
    average: Average | None = Field(
        default=None, description="over classes; if not given, `binary` (class 1) for two classes, else `macro`"
    )


@METRICS.row("recall")
class Recall(Averaged):
    """The share of a class that is predicted to be of it."""


@METRICS.row("f1")
class F1(Averaged):
    """The harmonic mean of precision and recall."""


@METRICS.row("roc_auc")
class RocAuc(Metric):
    """The chance that a sample of a class has a larger score than one of another class."""


@METRICS.row("pr_auc")
class PrAuc(Metric):
    """The mean precision over all recalls; over classes, their mean."""


@METRICS.row("confusion_matrix")
class ConfusionMatrix(Metric):
    """Counts: a row for each class, a column for each prediction."""


@METRICS.row("mean_absolute_error", "mae")
class MeanAbsoluteError(Metric):
    """The mean of `|y - target|`."""

    reads = "numbers"


@METRICS.row("mean_squared_error", "mse")
class MeanSquaredError(Metric):
    """The mean of `(y - target)^2`."""

    reads = "numbers"


@METRICS.row("root_mean_squared_error", "rmse")
class RootMeanSquaredError(Metric):
    """The root of the mean of `(y - target)^2`."""

    reads = "numbers"


@METRICS.row("r2")
class R2(Metric):
    """The share of the targets' variance that is predicted; 0 for their mean, 1 at best."""

    reads = "numbers"


@METRICS.row("perplexity")
class Perplexity(Metric):
    """`exp` of the mean softmax cross-entropy: among how many equal choices a model guesses."""


@METRICS.row("calibration_error")
class Calibration(Metric):
    """The mean gap between certainty and accuracy over bins of certainty (Naeini et al. 2015)."""

    main = "bins"
    bins: Size = Field(default=15, description="number of bins")


METRICS.row("expression")(NamedFormula)
