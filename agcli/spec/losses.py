"""Losses: what training makes small, always as the mean over a batch."""

from typing import Annotated

from .tables import Choice, Row, Table

LOSSES = Table(
    "loss",
    {
        "softmax_cross_entropy": Row(
            doc="For classes 0, 1, 2, ... as integers; the model ends in one raw score a class, without a softmax."
        ),
        "sigmoid_cross_entropy": Row(
            doc="For labels 0 and 1; the model ends in one raw score a label, without a sigmoid."
        ),
        "mean_squared_error": Row(doc="For numbers: the mean of `(y - target)^2`.", aliases=("mse",)),
    },
)

# What a spec reports that names no metrics.
USUAL_METRICS = {
    "softmax_cross_entropy": ("accuracy",),
    "sigmoid_cross_entropy": ("accuracy",),
    "mean_squared_error": ("root_mean_squared_error",),
}

Loss = Annotated[Choice, LOSSES]
