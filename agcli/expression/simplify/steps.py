"""``steps``: how a derivative came about, told by the very rules that made it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from agcli.engine.errors import DTypeError
from agcli.engine.gradient import depends, forward, reverse
from agcli.engine.graph import Constant, Tensor, toposort
from agcli.engine.leaves import Placeholder
from agcli.engine.ops.creation import ones_like
from agcli.engine.types import TensorType
from agcli.expression.gradients import gradients
from agcli.expression.guards import unguarded
from agcli.expression.lift_shapes import FULL, tidy
from agcli.expression.simplify.convert import Reader
from agcli.expression.simplify.nodes import ExhaustedError, UndefinedError
from agcli.expression.simplify.search import finished, shortest
from agcli.expression.simplify.simplifier import BUDGET, readable, workspace

TOGETHER = "put together"
MOVES = {"getitem", "reshape", "transpose", "expand_dims", "squeeze"}
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
    equal; a gradient step that the gradient of the whole formula by ``before`` is ``after``."""

    rule: str
    before: Tensor
    after: Tensor
    kind: Literal["derivative", "rewrite", "gradient"]


def steps(t: Tensor, x: Placeholder, budget: int = BUDGET) -> list[Step]:
    """The derivative of the formula ``t`` by ``x`` step by step: from the innermost parts to the whole, then shorter.

    Derivative steps are traced while the engine's own rules run; rewrite steps are those that ``simplify`` took from
    the derivative to its result, so that the last ``after`` is ``simplify(grad(t, x))``.
    """
    found: list[Step] = []

    def trace(node: Tensor, tangents: Sequence[Any], tangent: Any) -> None:
        if isinstance(tangent, Tensor) and node.op is not None:
            (bare,) = unguarded([tangent], typed)
            found.append(Step(rule_name(node, tangents, x), node, collected(bare), "derivative"))

    order = toposort([t])
    typed = {node.id for node in order}
    (whole,) = forward(order, [t], [x], [ones_like(x)], trace)
    if t.shape != ():
        return found if whole is None else [*found, *rewrites(unguarded([whole], typed)[0], budget)]
    return [*found, *rewrites(gradients(t, [x])[0], budget)]


def gradient_steps(t: Tensor, x: Placeholder, budget: int = BUDGET) -> list[Step]:
    """The gradient of the number ``t`` by the array ``x`` step by step: from the whole to its parts, in reverse mode.

    Of a vector that is only turned into a row or a column, one form is told.
    """
    order = toposort([t])
    live, typed = depends(order, [x]), {part.id for part in order}
    path = [part for part in order if part.id in live and isinstance(part.type, TensorType) and part.dtype.kind == "f"]
    users: dict[int, list[str]] = {}
    forms: dict[int, Tensor] = {}
    for part in path:
        root = origin_of(part)
        if root.id not in forms or part.ndim < forms[root.id].ndim:
            forms[root.id] = part
        if not is_move(part):
            for operand in part.inputs:
                users.setdefault(origin_of(operand).id, []).append(part.op.name if part.op else "")
    found = []
    for part, g in reversed(list(zip(path, reverse(order, [t], path, [ones_like(t)]), strict=True))):
        root = origin_of(part)
        if root.id in users and part is forms[root.id] and g is not None:
            names = " and ".join(dict.fromkeys(users[root.id]))
            (bare,) = unguarded([g], typed)
            found.append(Step(f"through {names}", part, collected(tidy(bare)), "gradient"))
    return [*found, *rewrites(tidy(gradients(t, [x])[0]), budget)]


def origin_of(t: Tensor) -> Tensor:
    """The tensor of which ``t`` holds the same elements in another shape."""
    while is_move(t):
        t = t.inputs[0]
    return t


def is_move(t: Tensor) -> bool:
    """Whether ``t`` is its input in another shape."""
    if (
        t.op is None
        or t.op.name not in MOVES
        or (
            t.op.name == "getitem"
            and any(
                i is not None and i != FULL and not isinstance(i, int)
                for i in t.op.index  # type: ignore[attr-defined]
            )
        )
    ):
        return False
    return t.type.known and t.inputs[0].type.known and bool(t.type.size == t.inputs[0].type.size)


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
            last, names = finished(result)
            start, end = reader.write(e, t), reader.write(shortest(reader.search, e), t)
            found = [Step(COLLECT, t, start, "rewrite")]
            for rule, before, after in dict.fromkeys(reader.search.trail(e)):
                found.append(Step(rule, reader.emit(before), reader.emit(after), "rewrite"))
            if last is not result:
                found.append(
                    Step(", ".join(names) or TOGETHER, reader.write(result, t), reader.write(last, t), "rewrite")
                )
            if found[-1].after is not end:
                found.append(Step(TOGETHER, start, end, "rewrite"))
        except (UndefinedError, ExhaustedError, RecursionError, DTypeError):
            return []
    return found
