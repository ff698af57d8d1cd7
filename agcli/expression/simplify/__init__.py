"""Formulas made short and readable, without a change of value."""

from __future__ import annotations

from .simplifier import simplify

__all__ = ["simplify"]
