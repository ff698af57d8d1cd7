"""Tensor -> Syntax: the inverse of lowering. Every printer reads its result.

Nodes that are equal become one node, so a graph with shared parts stays as small as it is; only texts repeat them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import fields
from fractions import Fraction
from typing import Any

import numpy as np

from agcli.engine.graph import Constant as ConstantTensor
from agcli.engine.graph import Tensor, label, toposort
from agcli.engine.ops.arrays import BroadcastTo, ExpandLike
from agcli.engine.ops.base import Elementwise
from agcli.expression.syntax import AnyNode, Call, Constant, Form, Literal, Name, Number, Syntax

MAX_SHOWN = 100  # elements of a constant array that are written out


def lift(t: Tensor) -> Syntax:
    """The formula of a tensor; its nodes may be operands of several others."""
    return lift_all([t])[0]


def lift_all(outputs: Sequence[Tensor]) -> list[Syntax]:
    """The formulas of several tensors, each with the nodes of those before it."""
    lifter = Lifter()
    results = []
    for t in outputs:
        root = lifter.lift(t)
        results.append(Syntax("", tuple(lifter.needed(root))))
    return results


class Lifter:
    """Nodes as they are made, and where each tensor is among them."""

    def __init__(self) -> None:
        self.nodes: list[AnyNode] = []
        self.known: dict[AnyNode, int] = {}
        self.places: dict[int, int] = {}
        self.names: dict[str, Tensor] = {}

    def lift(self, t: Tensor) -> int:
        for x in toposort([t], self.places):
            if x.id not in self.places:
                self.places[x.id] = self.leaf(x) if x.op is None else self.operation(x)
        return self.places[t.id]

    def needed(self, root: int) -> list[AnyNode]:
        """The nodes that `root` needs, `root` last, counted anew."""
        wanted = {root}
        for i in range(root, -1, -1):
            if i in wanted:
                wanted.update(getattr(self.nodes[i], "args", ()))
        order = sorted(wanted)
        moved = {old: new for new, old in enumerate(order)}
        return [renumbered(self.nodes[i], moved) for i in order]

    def make(self, node: AnyNode) -> int:
        if node not in self.known:
            self.known[node] = len(self.nodes)
            self.nodes.append(node)
        return self.known[node]

    # Nodes

    def number(self, value: int | Fraction) -> int:
        if value < 0:
            return self.make(Call(0, 0, "negative", (self.number(-value),)))
        if value.denominator == 1:
            return self.make(Number(0, 0, int(value), str(int(value))))
        parts = (self.number(value.numerator), self.number(value.denominator))
        return self.make(Call(0, 0, "divide", parts))

    def float(self, value: float) -> int:
        for name, known in (("pi", math.pi), ("e", math.e)):
            if value == known:
                return self.make(Constant(0, 0, name))
        if math.isnan(value) or math.isinf(value):
            name = "nan" if math.isnan(value) else "inf"
            node = self.make(Name(0, 0, name))
            return self.make(Call(0, 0, "negative", (node,))) if value < 0 else node
        if value == int(value) and abs(value) < 1e15:
            return self.number(int(value))
        if value < 0:
            return self.make(Call(0, 0, "negative", (self.float(-value),)))
        return self.make(Number(0, 0, Fraction(value), repr(value)))

    def call(self, function: str, *args: int, **keywords: Any) -> int:
        values = [self.plain(v) for v in keywords.values()]
        return self.make(Call(0, 0, function, (*args, *values), tuple(keywords)))

    def form(self, kind: Any, *args: int) -> int:
        return self.make(Form(0, 0, kind, args))

    def plain(self, value: Any) -> int:
        """An argument or a part of an index."""
        if isinstance(value, tuple | list):
            return self.form("tuple", *map(self.plain, value))
        if isinstance(value, bool | str | None) or value is ...:
            return self.make(Literal(0, 0, value))
        if isinstance(value, int | Fraction | np.integer):
            return self.number(value if isinstance(value, Fraction) else int(value))
        if isinstance(value, float):
            return self.float(value)
        return self.make(Literal(0, 0, str(value)))

    # Tensors

    def leaf(self, t: Tensor) -> int:
        if isinstance(t, ConstantTensor):
            return self.constant(t.value)
        name = t.name or f"{label(t)}{t.id}"
        return self.make(Name(0, 0, name))

    def constant(self, value: Any) -> int:
        if isinstance(value, bool | np.bool):
            return self.make(Literal(0, 0, bool(value)))
        if isinstance(value, int | Fraction | np.integer):
            return self.number(value if isinstance(value, Fraction) else int(value))
        if isinstance(value, float | np.floating):
            return self.float(float(value))
        if value.shape == ():
            return self.constant(value.item())
        if value.size > MAX_SHOWN or not value.size:
            return self.make(Name(0, 0, f"constant{'x'.join(map(str, value.shape))}"))
        return self.form("vector", *map(self.constant, value))

    def operation(self, t: Tensor) -> int:
        op = t.op
        assert op is not None
        args = [self.places[x.id] for x in t.inputs]
        rule = RULES.get(op.name)
        if rule:
            return rule(self, t, *args)
        if isinstance(op, Elementwise):
            return self.call(op.name, *args)
        attributes = {f.name: getattr(op, f.name) for f in fields(op) if f.name != "name"}  # type: ignore[arg-type]
        return self.call(op.name, *args, **attributes)

    # What the rules ask

    def negated(self, i: int) -> int | None:
        """What `i` is the negative of."""
        node = self.nodes[i]
        return node.args[0] if isinstance(node, Call) and node.function == "negative" else None

    def is_call(self, i: int, function: str) -> bool:
        node = self.nodes[i]
        return isinstance(node, Call) and node.function == function

    def is_one(self, i: int) -> bool:
        node = self.nodes[i]
        return isinstance(node, Number) and node.value == 1

    def is_fraction(self, i: int) -> bool:
        node = self.nodes[i]
        if not isinstance(node, Call) or node.function != "divide":
            return False
        return all(isinstance(self.nodes[j], Number) for j in node.args)


def renumbered(node: AnyNode, moved: dict[int, int]) -> AnyNode:
    if isinstance(node, Call):
        return Call(0, 0, node.function, tuple(moved[i] for i in node.args), node.keywords)
    if isinstance(node, Form):
        return Form(0, 0, node.kind, tuple(moved[i] for i in node.args))
    return node


def negative(lifter: Lifter, t: Any, x: int) -> int:
    inner = lifter.negated(x)
    return lifter.call("negative", x) if inner is None else inner


def add(lifter: Lifter, t: Any, a: int, b: int) -> int:
    """a + -b is written a - b, and -a + b is b - a."""
    right, left = lifter.negated(b), lifter.negated(a)
    if right is not None:
        return lifter.call("subtract", a, right)
    if left is not None:
        return lifter.call("subtract", b, left)
    return lifter.call("add", a, b)


def subtract(lifter: Lifter, t: Any, a: int, b: int) -> int:
    right = lifter.negated(b)
    return lifter.call("subtract", a, b) if right is None else lifter.call("add", a, right)


def multiply(lifter: Lifter, t: Any, a: int, b: int) -> int:
    """Signs in front; a fraction before a factor is written as a quotient: 3*x/2."""
    left, right = lifter.negated(a), lifter.negated(b)
    if left is not None or right is not None:
        product = multiply(lifter, t, a if left is None else left, b if right is None else right)
        return product if left is not None and right is not None else negative(lifter, t, product)
    if lifter.is_fraction(b) and not lifter.is_fraction(a):
        a, b = b, a
    if lifter.is_fraction(a):
        top, bottom = lifter.nodes[a].args  # type: ignore[union-attr]
        return divide(lifter, t, b if lifter.is_one(top) else lifter.call("multiply", top, b), bottom)
    return lifter.call("multiply", a, b)


def divide(lifter: Lifter, t: Any, a: int, b: int) -> int:
    left, right = lifter.negated(a), lifter.negated(b)
    if left is not None or right is not None:
        quotient = lifter.call("divide", a if left is None else left, b if right is None else right)
        return quotient if left is not None and right is not None else negative(lifter, t, quotient)
    return lifter.call("divide", a, b)


def same(lifter: Lifter, t: Any, x: int, *like: int) -> int:
    return x


def reduction(lifter: Lifter, t: Any, x: int) -> int:
    """Axes are written where they are not all."""
    axes, keepdims = t.op.axes, t.op.keepdims
    keywords: dict[str, Any] = {}
    if axes != tuple(range(t.inputs[0].ndim)):
        keywords["axis"] = axes[0] if len(axes) == 1 else axes
    if keepdims:
        keywords["keepdims"] = True
    return lifter.call(t.op.name, x, **keywords)


def transpose(lifter: Lifter, t: Any, x: int) -> int:
    axes = t.op.axes
    return lifter.call("transpose", x, **({} if axes == tuple(range(len(axes)))[::-1] else {"axes": axes}))


def getitem(lifter: Lifter, t: Any, x: int) -> int:
    parts = [lifter.form("slice", *map(lifter.plain, i)) if isinstance(i, tuple) else lifter.plain(i)
             for i in t.op.index]  # fmt: skip
    return lifter.form("index", x, *parts)


def concatenate(lifter: Lifter, t: Any, *args: int) -> int:
    """A concatenation of single elements is a vector."""
    pieces = [inside(lifter, i) for i in args]
    if t.op.axis == 0 and all(p is not None for p in pieces):
        return lifter.form("vector", *[p for p in pieces if p is not None])
    return lifter.call("concatenate", *args, axis=t.op.axis)


def inside(lifter: Lifter, i: int) -> int | None:
    """What stands in x[None], or in x[None, :]."""
    node = lifter.nodes[i]
    if not isinstance(node, Form) or node.kind != "index":
        return None
    first, *rest = (lifter.nodes[j] for j in node.args[1:])
    whole = all(isinstance(r, Form) and r.kind == "slice" and all(
        isinstance(lifter.nodes[j], Literal) for j in r.args) for r in rest)  # fmt: skip
    return node.args[0] if isinstance(first, Literal) and first.value is None and whole else None


def broadcast_to(lifter: Lifter, t: Any, x: int) -> int:
    """Left out where the reader broadcasts by itself; constants are written out."""
    return lifter.call("broadcast_to", x, shape=t.op.shape)


def power_of(exponent: int | Fraction) -> Callable[..., int]:
    return lambda lifter, t, x: lifter.call("power", x, lifter.number(exponent))


RULES: dict[str, Callable[..., int]] = {
    "negative": negative,
    "add": add,
    "subtract": subtract,
    "multiply": multiply,
    "divide": divide,
    "square": power_of(2),
    "reciprocal": lambda lifter, t, x: lifter.call("divide", lifter.number(1), x),
    **dict.fromkeys(["sum", "mean", "max", "min", "prod", "logsumexp", "any", "all"], reduction),
    "transpose": transpose,
    "getitem": getitem,
    "concatenate": concatenate,
    "broadcast_to": broadcast_to,
    "expand_like": broadcast_to if False else lambda lifter, t, x, like: lifter.call("expand_like", x, like),
    "astype": lambda lifter, t, x: same(lifter, t, x),
}

__all__ = ["BroadcastTo", "ExpandLike", "Lifter", "lift", "lift_all"]
