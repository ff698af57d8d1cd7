"""Training and evaluation: runs the plan and yields events. Nothing here prints."""

from .session import Session
from .trainer import Trainer, train

__all__ = ["Session", "Trainer", "train"]
