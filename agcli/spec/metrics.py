"""Metrics: what is reported beside the loss, over a whole split of the data. `agcli/metrics.py` computes them."""

from typing import Annotated, Literal

from .field_types import OneOf, Size, Word
from .fields import Field, Fields
from .formula import Formula
from .tables import Choice, Row, Table

Average = Annotated[
    Literal["binary", "micro", "macro", "weighted", "per_class"],
    OneOf("binary", "micro", "macro", "weighted", "per_class"),
]


class TopK(Fields):
    """The share of samples whose class has one of the `k` largest scores."""

    main = "k"
    k: Size = Field(default=5, description="how many")


class Averaged(Fields):
    """The share of right ones among those predicted to be of a class."""

    main = "average"
    average: Average | None = Field(
        default=None, description="over classes; if not given, `binary` (class 1) for two classes, else `macro`"
    )


class Calibration(Fields):
    """The mean gap between certainty and accuracy over bins of certainty (Naeini et al. 2015)."""

    main = "bins"
    bins: Size = Field(default=15, description="number of bins")


class NamedFormula(Fields):
    """A formula over the whole split: a mean or sum over samples, or made of such. `metrics: {NAME: FORMULA}`."""

    name: Word = Field(description="what it is called")
    formula: Formula = Field(description="such as `mean(argmax(z, -1) == y)`")


METRICS = Table(
    "metric",
    {
        "accuracy": Row(doc="The share of samples whose class is predicted right."),
        "top_k": TopK,
        "precision": Averaged,
        "recall": Row(Averaged, "The share of a class that is predicted to be of it."),
        "f1": Row(Averaged, "The harmonic mean of precision and recall."),
        "roc_auc": Row(doc="The chance that a sample of a class has a larger score than one of another class."),
        "pr_auc": Row(doc="The mean precision over all recalls; over classes, their mean."),
        "confusion_matrix": Row(doc="Counts: a row for each class, a column for each prediction."),
        "mean_absolute_error": Row(doc="The mean of `|y - target|`.", aliases=("mae",)),
        "mean_squared_error": Row(doc="The mean of `(y - target)^2`.", aliases=("mse",)),
        "root_mean_squared_error": Row(doc="The root of the mean of `(y - target)^2`.", aliases=("rmse",)),
        "r2": Row(doc="The share of the targets' variance that is predicted; 0 for their mean, 1 at best."),
        "perplexity": Row(doc="`exp` of the mean softmax cross-entropy: among how many equal choices a model guesses."),
        "calibration_error": Calibration,
        "expression": NamedFormula,
    },
)

Metric = Annotated[Choice, METRICS]
