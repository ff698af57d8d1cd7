"""Constants of a formula that is left as it was built: computed where their value is sure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from agcli.engine.graph import Constant, Tensor, toposort
from agcli.engine.rewrite.rewriter import simplify as rewrite
from agcli.engine.types import TensorType
from agcli.expression.substitution import substitute

KEPT = {"eye"}  # say more than their elements


def folded(t: Tensor) -> Tensor:
    """The formula with its constants computed; as it is where one has no value, as 1/sin(pi), or one beyond float64.

    float64 would make 1.2e-16 of sin(pi), so the numbers come from intervals of decimals.
    """
    order = toposort([t])
    if any(x.op is not None and x.op.name in KEPT for x in order):
        return t
    found = values_of(constants(order, t))
    if found is None:
        return t
    new = rewrite([substitute(t, found)])[0]
    numbers = [x.array for x in toposort([new]) if isinstance(x, Constant) and x.dtype.kind == "f"]
    return new if all(np.isfinite(n).all() for n in numbers) else t


def constants(order: Sequence[Tensor], whole: Tensor) -> list[Tensor]:
    """The largest parts that are numbers made of constants alone."""
    fixed: set[int] = set()
    largest: dict[int, Tensor] = {}
    for t in order:
        if isinstance(t, Constant) or (t.op is not None and t.op.pure and all(x.id in fixed for x in t.inputs)):
            fixed.add(t.id)
        if t.id in fixed and (isinstance(t, Constant) or is_number(t)):
            continue
        largest |= {x.id: x for x in t.inputs if x.id in fixed and is_number(x)}
    if whole.id in fixed and is_number(whole):
        largest[whole.id] = whole
    return list(largest.values())


def is_number(t: Tensor) -> bool:
    return t.op is not None and isinstance(t.type, TensorType) and t.shape == () and t.dtype.kind == "f"


def values_of(parts: Sequence[Tensor]) -> dict[Tensor, Tensor] | None:
    """Their values as constants; None if one has none, or none that is sure. Those without a rule are left out."""
    new: dict[Tensor, Tensor] = {}
    if not parts:
        return new
    from agcli.expression.enclosures.arrays import UnsupportedError
    from agcli.expression.enclosures.findings import value_at

    for t in parts:
        try:
            found = value_at(t, {})
        except UnsupportedError:
            continue
        if found.status != "value":
            return None
        new[t] = Constant(whole(found.number), t.type)
    return new


def whole(value: float) -> float | int:
    return int(value) if value == int(value) and abs(value) < 2**53 else value


def has_value(t: Tensor, at: Mapping[str, float]) -> bool:
    """Whether a formula has a value at a point, as far as its constants go: x/sin(pi) has none, though float64 has."""
    if not constants(toposort([t]), t):
        return True
    from agcli.expression.enclosures.arrays import UnsupportedError
    from agcli.expression.enclosures.program import Undefined, point
    from agcli.expression.enclosures.refine import evaluate

    try:
        return not isinstance(evaluate([t], {name: point(v) for name, v in at.items()})[0][0].value, Undefined)
    except UnsupportedError:
        return True
