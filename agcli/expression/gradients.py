"""Derivatives of a formula as it is written: the engine's rules without its repairs, which would turn `log(x + 1)`
into `log1p(x)` first. Numbers are computed by functions of the engine, which repair what they are given."""

from __future__ import annotations

from collections.abc import Sequence

from agcli.engine.gradient import forward, is_float, reverse
from agcli.engine.graph import Tensor, label, toposort
from agcli.engine.leaves import Placeholder
from agcli.engine.ops.creation import ones_like, zeros_like
from agcli.expression.errors import ExpressionError
from agcli.expression.guards import unguarded


def gradients(f: Tensor, xs: Sequence[Placeholder]) -> list[Tensor]:
    """The derivatives of a number by each of `xs`, in one pass; zeros where `f` does not depend on one.

    They are without the engine's guards at single points. With a choice in the formula, forward mode, which
    differentiates each branch by itself: in reverse mode the zero of the branch not taken meets the derivative of that
    branch, which may be infinite.
    """
    for x in xs:
        if not is_float(x):
            raise ExpressionError(f"{label(x)} is {x.type}; only floats have a derivative")
    order = toposort([f])
    if any(t.op is not None and t.op.name == "where" for t in order) and all(x.shape == () for x in xs):
        return [tangent(f, x) for x in xs]
    found = reverse(order, [f], xs, [ones_like(f)])
    return unguarded([zeros_like(x) if df is None else df for x, df in zip(xs, found, strict=True)], ids(order))


def tangent(f: Tensor, x: Placeholder) -> Tensor:
    """The derivative of each element of `f` by the number `x`."""
    order = toposort([f])
    (found,) = forward(order, [f], [x], [ones_like(x)])
    return zeros_like(f) if found is None else unguarded([found], ids(order))[0]


def ids(order: Sequence[Tensor]) -> set[int]:
    return {t.id for t in order}
