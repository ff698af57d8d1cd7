"""Metrics: what is reported beside the loss, over a whole split of the data."""

from typing import Annotated

from .tables import Choice, Row, Table

METRICS = Table(
    "metric",
    {
        "accuracy": Row(doc="The share of samples whose class is predicted right."),
        "mean_absolute_error": Row(doc="The mean of `|y - target|`.", aliases=("mae",)),
        "root_mean_squared_error": Row(doc="The root of the mean of `(y - target)^2`.", aliases=("rmse",)),
    },
)

Metric = Annotated[Choice, METRICS]
