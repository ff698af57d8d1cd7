"""Looking at a model before it is trained: its layers, its gradient, what it will cost, and its graph."""

from .check import Check, check
from .draw import FORMATS, STAGES, draw

__all__ = ["FORMATS", "STAGES", "Check", "check", "draw"]
