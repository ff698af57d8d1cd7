"""Gradients simplified element by element, with the values of the model as they are.

A value that the model computes is one symbol here: `1 - h^2` of `h = tanh(z)` is shorter than `1/cosh(z)^2`.
"""

from __future__ import annotations

from collections.abc import Sequence

from agcli.engine.graph import Constant, Tensor
from agcli.engine.leaves import placeholder
from agcli.engine.subgraph import first_used
from agcli.engine.substitution import substitute
from agcli.expression.errors import ExpressionError
from agcli.expression.printers.text import to_text
from agcli.expression.simplify import simplify


def shortened(gradients: Sequence[Tensor], model: Sequence[Tensor]) -> list[Tensor]:
    """Shorter forms of `gradients` over the tensors `model` and leaves."""
    values = {t.id for t in model if not isinstance(t, Constant)}
    used = first_used(gradients, values)
    symbols = {t: placeholder(f"value{place}", t.shape, t.dtype) for place, t in enumerate(used)}
    short = [shorter(t) for t in substitute(gradients, symbols)]
    return substitute(short, {symbol: t for t, symbol in symbols.items()})


def shorter(t: Tensor) -> Tensor:
    """The simplified tensor, if its text is shorter."""
    found = simplify(t)
    try:
        return found if len(to_text(found)) < len(to_text(t)) else t
    except ExpressionError:  # shared so often that it cannot be written out
        return t
