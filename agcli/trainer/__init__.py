"""Training and evaluation: runs the plan and yields events. Nothing here prints."""

from .evaluate import evaluate_run
from .session import Session
from .trainer import Trainer, train

__all__ = ["Session", "Trainer", "evaluate_run", "train"]
