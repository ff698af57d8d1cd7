"""Metrics: what is reported beside the loss, over a whole split of the data.

A row says what a sample contributes, what follows from the sums over all samples, and which way is better. There are no
other figures: training, evaluation, report, folds and Python take them from here. Definitions are scikit-learn's, over
all classes of the training data; docs/evaluation.md lists what differs.
"""

from agcli.model import class_metrics, curve_metrics, number_metrics, probability_metrics
from agcli.spec.nouns import METRICS, NamedFormula

METRICS.row("expression")(NamedFormula)

__all__ = ["class_metrics", "curve_metrics", "number_metrics", "probability_metrics"]
