"""Vectors and matrices of a proof: the rules of the enclosures, and those that only exact numbers have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from agcli.engine.graph import Tensor
from agcli.expression.enclosures.arrays import (
    ARRAY_RULES,
    Apply,
    UnsupportedError,
    boxed,
    cofactors,
    determinant,
    empty,
    matmul,
    moved,
    square,
)
from agcli.expression.proved.numbers import rational


def solve(apply: Apply, t: Tensor, args: Sequence[Any]) -> Any:
    """X with A X = B, by the cofactors of a small A."""
    a = square(args[0])
    by = determinant(apply, a)
    products = boxed(matmul(apply, t, [cofactors(apply, t, [a]).T, args[1]]))
    out = empty(products.shape)
    for index, value in enumerate(products.flat):
        out.flat[index] = apply("divide", value, by)
    return out


def steps(apply: Apply, t: Tensor, args: Sequence[Any]) -> Any:
    """Numbers at equal distance, which are exact where they are whole."""
    op: Any = t.op
    if not isinstance(op.start, int) or not isinstance(op.step, int):
        raise UnsupportedError
    out = empty(t.shape)
    for i in range(len(out)):
        out[i] = rational(op.start + i * op.step)
    return out


RULES: dict[str, Callable[..., Any]] = {**ARRAY_RULES, "solve": solve, "arange": steps}


def rule_of(name: str) -> Callable[..., Any]:
    """The rule of an op of arrays; what has none only moves elements, or raises UnsupportedError."""
    return RULES.get(name, moved)
