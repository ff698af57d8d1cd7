"""Tensor -> Syntax: the inverse of lowering. Every printer reads its result.

Nodes that are equal become one node, so a graph with shared parts stays as small as it is; only texts repeat them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from agcli.engine.graph import Constant as ConstantTensor
from agcli.engine.graph import Tensor, label, toposort
from agcli.engine.ops.base import Elementwise, Pointwise
from agcli.engine.ops.special_base import Nth
from agcli.engine.types import Shape, TensorType
from agcli.expression.lift_rules import RULES
from agcli.expression.lift_shapes import bare_operands, tidy
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
        self.shapes: dict[int, Shape] = {}  # of the tensors, by node

    def lift(self, t: Tensor) -> int:
        t = tidy(t)
        for x in toposort([t], self.places):
            if x.id not in self.places:
                place = self.places[x.id] = self.leaf(x) if x.op is None else self.operation(x)
                if isinstance(x.type, TensorType):
                    self.shapes.setdefault(place, x.shape)
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
        place = self.known.setdefault(node, len(self.nodes))
        if place == len(self.nodes):
            self.nodes.append(node)
        return place

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
        if value == math.sqrt(0.5):
            return self.call("divide", self.number(1), self.call("sqrt", self.number(2)))
        if math.isnan(value) or math.isinf(value):
            top = 0 if math.isnan(value) else 1 if value > 0 else -1
            return self.call("divide", self.number(top), self.number(0))
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
        op: Any = t.op
        operands = bare_operands(t) if isinstance(op, Pointwise) else t.inputs
        args = [self.place(x) for x in operands]
        rule = RULES.get(op.name)
        if rule:
            return rule(self, t, *args)
        if isinstance(op, Nth):
            return self.lift(op.formula(*t.inputs))
        if isinstance(op, Elementwise):
            return self.call(op.name, *args)
        return self.call(op.name, *args, **attributes(op))

    def place(self, t: Tensor) -> int:
        """The node of a tensor that was lifted, or that a rule made."""
        return self.places[t.id] if t.id in self.places else self.lift(t)

    # What the rules ask

    def negated(self, i: int) -> int | None:
        """What `i` is the negative of."""
        node = self.nodes[i]
        return node.args[0] if isinstance(node, Call) and node.function == "negative" else None

    def is_number(self, i: int, value: int) -> bool:
        node = self.nodes[i]
        return isinstance(node, Number) and node.value == value

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


def attributes(op: Any) -> dict[str, Any]:
    """The fields of an op as keywords; fields of fields are keywords too."""
    found: dict[str, Any] = {}
    for name in type(op).__match_args__:
        value = getattr(op, name)
        if hasattr(type(value), "__match_args__"):
            found |= attributes(value)
        elif name != "name":
            found[name] = value
    return found
