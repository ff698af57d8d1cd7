"""Gradients of arrays as short matrix formulas: a batch has `n` samples, factors stand outside, parts have names."""

from agcli.expression.matrix.factors import factored
from agcli.expression.matrix.lengths import Lengths, fixed
from agcli.expression.matrix.parts import Part, Parts, parts
from agcli.expression.matrix.shorter import shortened

__all__ = ["Lengths", "Part", "Parts", "factored", "fixed", "parts", "shortened"]
