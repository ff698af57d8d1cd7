"""Formulas of a spec: text and the tensors that its names stand for -> Tensor.

Beside the functions of every formula they know `grad(f, x)`, the derivative of the sum of `f` by any tensor that `f`
is made of, in the shape of `x`; `jacobian(f, x)`; `hessian(f, x)` of a number; and `model(x, ...)` where there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agcli.engine.gradient import grad
from agcli.engine.graph import Tensor, call
from agcli.engine.transforms.apply import hessian, jacobian
from agcli.expression.composites import Composite
from agcli.expression.errors import ExpressionError
from agcli.expression.lower import functions, lower
from agcli.expression.parser import parse_syntax

Model = Callable[..., Tensor]


def total(f: Tensor) -> Tensor:
    return f if f.shape == () else call("sum", f)


CALCULUS = {
    "grad": Composite(2, 2, lambda f, x: grad(total(f), x)),
    "jacobian": Composite(2, 2, jacobian),
    "hessian": Composite(2, 2, lambda f, x: hessian(total(f), x)),
}


def tensor_of(text: str, names: Mapping[str, Tensor | int], model: Model | None = None) -> Tensor:
    """The formula over the tensors, or whole numbers, of these names. Raises ExpressionError at the place."""
    extra = CALCULUS if model is None else {**CALCULUS, "model": Composite(1, None, model)}
    syntax = parse_syntax(text, functions() | extra.keys() - names.keys(), names)
    sides = lower(syntax, names, extra)
    if len(sides) > 1:
        hint = "write `left - right`, or `left == right` for a comparison"
        raise ExpressionError("expected a formula, found an equation", text, 0, len(text), hint)
    return sides[0]
