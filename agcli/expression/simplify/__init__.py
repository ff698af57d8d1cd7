"""Formulas made short and readable, without a change of value; and how that was done."""

from agcli.expression.simplify.simplifier import simplify
from agcli.expression.simplify.steps import Step, gradient_steps, steps

__all__ = ["Step", "gradient_steps", "simplify", "steps"]
