"""Evaluation: figures with intervals, confusions, calibration, the worst samples, and parts of the data apart."""

from .bootstrap import Figure
from .evaluate import Evaluation, evaluate

__all__ = ["Evaluation", "Figure", "evaluate"]
