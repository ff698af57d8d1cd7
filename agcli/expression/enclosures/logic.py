"""Truth values of a program: what `and`, `or`, `where` and `keep` need, of which some decides alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from agcli.engine.graph import Tensor
from agcli.expression.enclosures.arrays import each

LOGICAL = frozenset(["logical_and", "logical_or", "logical_xor", "logical_not"])


class Logic(NamedTuple):
    """What is true among some kind of numbers. `missing` are the kinds of values that are none, the first before the
    others; `holds` tells of a number that is a truth value whether it is true."""

    false: Any
    true: Any
    missing: tuple[type, ...]
    holds: Callable[[Any], bool]

    def operands(self, t: Tensor, args: Sequence[Any], told: Callable[[int, Any], Any]) -> list[Any]:
        """The operands of a word of logic as truth values: `told` makes them from numbers, by the operand's place."""
        return [
            a if x.dtype.kind == "b" else each(partial(told, i), x.shape, a)
            for i, (x, a) in enumerate(zip(t.inputs, args, strict=True))
        ]

    def joined(self, name: str, a: Any, b: Any) -> Any:
        """`and`, `or`: one operand may decide alone."""
        decisive = name == "logical_or"
        for v in (a, b):
            if not isinstance(v, self.missing) and self.holds(v) == decisive:
                return self.true if decisive else self.false
        for kind in self.missing:
            for v in (a, b):
                if isinstance(v, kind):
                    return v
        return self.false if decisive else self.true

    def chosen(self, op: Any, shape: Any, args: Sequence[Any], singular: Sequence[int]) -> tuple[Any, int]:
        """What a condition chooses, and along which variables that is singular; the rest may have no value."""
        if op.name == "keep":
            (x, condition), (of_x, of_condition) = args, singular
            args = [condition, x, self.false] if op.value else [condition, self.false, x]
            singular = [of_condition, of_x, 0] if op.value else [of_condition, 0, of_x]
        taken = singular[0]

        def choose(condition: Any, a: Any, b: Any) -> Any:
            nonlocal taken
            if isinstance(condition, self.missing):
                return condition
            holds = self.holds(condition)
            taken |= singular[1 if holds else 2]
            return a if holds else b

        value = each(choose, shape, *args)
        return value, taken
