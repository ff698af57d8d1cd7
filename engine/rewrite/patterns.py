"""Recognising formulas: what the rules of repair may see of a graph, and the table that they register in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ..graph import Op, Tensor
from ..ops import elementwise as ew
from ..registry import several_a_name
from .rules import number

ALIKE = 32  # ops of a formula that is compared with another


@dataclass
class Look:
    """What the rules may see: not through kept tensors, and which tensors have an unsafe op behind them."""

    keep: set[int]
    risky: set[int] = field(default_factory=set)

    def through(self, t: Tensor, op: Op | type[Op]) -> bool:
        """Whether ``t`` is made by ``op`` (one op, or any of a class) and may be taken apart."""
        return (t.op is op or (isinstance(op, type) and isinstance(t.op, op))) and t.id not in self.keep

    def exponent(self, t: Tensor) -> Tensor | None:
        """u, if ``t`` is exp(u)."""
        return t.inputs[0] if self.through(t, ew.exp) else None

    def negated(self, t: Tensor) -> Tensor | None:
        """u, if ``t`` is -u."""
        if self.through(t, ew.negative):
            return t.inputs[0]
        if self.through(t, ew.multiply):
            return next((b for a, b in both(t) if number(a) == -1), None)
        return t.inputs[1] if self.through(t, ew.subtract) and number(t.inputs[0]) == 0 else None

    def squared(self, t: Tensor) -> Tensor | None:
        """u, if ``t`` is u^2."""
        if self.through(t, ew.square):
            return t.inputs[0]
        if self.through(t, ew.multiply):
            return t.inputs[0] if t.inputs[0] is t.inputs[1] else None
        return t.inputs[0] if self.through(t, ew.power) and number(t.inputs[1]) == 2 else None

    def above_one(self, t: Tensor) -> Tensor | None:
        """u, if ``t`` is 1 + u."""
        return next((b for a, b in both(t) if number(a) == 1), None) if self.through(t, ew.add) else None

    def below_one(self, t: Tensor) -> Tensor | None:
        """u, if ``t`` is 1 - u."""
        if self.through(t, ew.subtract):
            return t.inputs[1] if number(t.inputs[0]) == 1 else None
        u = self.above_one(t)
        return None if u is None else self.negated(u)

    def same(self, a: Tensor | None, b: Tensor | None) -> bool:
        """Whether two tensors are built alike from the same leaves or kept tensors; small formulas only."""
        pairs, budget = [(a, b)], ALIKE
        while pairs and budget:
            x, y = pairs.pop()
            budget -= 1
            if x is y or (x is not None and y is not None and number(x) is not None and number(x) == number(y)):
                continue
            if x is None or y is None or x.op is None or not x.op.pure or x.op != y.op or {x.id, y.id} & self.keep:
                return False
            pairs.extend(zip(x.inputs, y.inputs, strict=True))
        return not pairs


Repair = Callable[..., "Tensor | None"]
REPAIRS: dict[str, list[Repair]] = {}
repair = several_a_name(REPAIRS)  # a repair gets what it may see, the tensor and its inputs


def both(t: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """The two inputs, in either order."""
    a, b = t.inputs
    yield a, b
    yield b, a
