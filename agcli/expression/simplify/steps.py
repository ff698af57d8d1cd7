"""``steps``: how a derivative came about, told by the very rules that made it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from agcli.engine.errors import DTypeError
from agcli.engine.gradient import forward
from agcli.engine.graph import Constant, Tensor, toposort
from agcli.engine.leaves import Placeholder
from agcli.engine.ops.creation import ones_like
from agcli.expression.gradients import gradients
from agcli.expression.simplify.convert import Reader
from agcli.expression.simplify.nodes import ExhaustedError, UndefinedError
from agcli.expression.simplify.simplifier import BUDGET, readable, workspace

TOGETHER = "put together"
COLLECT = "collect like terms and powers"
BINARY = {
    "add": "sum rule",
    "subtract": "difference rule",
    "multiply": "product rule",
    "divide": "quotient rule",
}
POWERS = {
    (True, False): "power rule",
    (False, True): "exponential rule",
    (True, True): "power rule with a variable exponent",
}


class Step(NamedTuple):
    """One rule at work. A derivative step says that d/dx of ``before`` is ``after``; a rewrite step that they are
    equal."""

    rule: str
    before: Tensor
    after: Tensor
    kind: Literal["derivative", "rewrite"]


def steps(t: Tensor, x: Placeholder, budget: int = BUDGET) -> list[Step]:
    """The derivative of the formula ``t`` by ``x`` step by step: from the innermost parts to the whole, then shorter.

    Derivative steps are traced while the engine's own rules run; rewrite steps are those that ``simplify`` took from
    the derivative to its result, so that the last ``after`` is ``simplify(grad(t, x))``.
    """
    found: list[Step] = []

    def trace(node: Tensor, tangents: Sequence[Any], tangent: Any) -> None:
        if isinstance(tangent, Tensor) and node.op is not None:
            found.append(Step(rule_name(node, tangents, x), node, collected(tangent), "derivative"))

    forward(toposort([t]), [t], [x], [ones_like(x)], trace)
    return [*found, *rewrites(gradients(t, [x])[0], budget)]


def rule_name(t: Tensor, tangents: Sequence[Any], x: Placeholder) -> str:
    """What a textbook calls the rule of the op of ``t``."""
    name = t.op.name if t.op else ""
    moving = [d is not None for d in tangents]
    if name == "negative" or (name in ("multiply", "divide") and moving != [True, True] and moving[0]):
        return "constant factor rule"
    if name == "multiply" and not moving[0]:
        return "constant factor rule"
    if name in BINARY:
        return BINARY[name]
    if name == "power":
        return chain(POWERS[(moving[0], moving[1])], t.inputs[1 if moving[1] else 0], x)
    if name in ("square", "sqrt", "reciprocal", "rsqrt"):
        return chain("power rule", t.inputs[0], x)
    return chain(f"derivative of {name}", t.inputs[0], x)


def chain(rule: str, inner: Tensor, x: Placeholder) -> str:
    return rule if inner is x or isinstance(inner, Constant) else f"{rule}, chain rule"


def collected(t: Tensor) -> Tensor:
    """``t`` in canonical form, before any search."""
    if not readable(t):
        return t
    with workspace(BUDGET):
        try:
            reader = Reader(t.dtype)
            return reader.write(reader.read(t), t)
        except (UndefinedError, ExhaustedError, RecursionError, DTypeError):
            return t


def rewrites(t: Tensor, budget: int) -> list[Step]:
    """The rules by which ``simplify`` shortens ``t``."""
    if not readable(t):
        return []
    with workspace(budget):
        try:
            reader = Reader(t.dtype)
            e = reader.read(t)
            result = reader.search(e)
            start, end = reader.write(e, t), reader.write(result, t)
            found = [Step(COLLECT, t, start, "rewrite")]
            for rule, before, after in dict.fromkeys(reader.search.trail(e)):
                found.append(Step(rule, reader.emit(before), reader.emit(after), "rewrite"))
            if found[-1].after is not end:
                found.append(Step(TOGETHER, start, end, "rewrite"))
        except (UndefinedError, ExhaustedError, RecursionError, DTypeError):
            return []
    return found
