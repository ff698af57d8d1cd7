"""Formulas made short and readable, without a change of value; and how that was done."""

from .simplifier import simplify
from .steps import Step, steps

__all__ = ["Step", "simplify", "steps"]
