"""The guards of the engine's gradients, which keep a 0 times infinity out of a training, left out of formulas.

The engine differentiates x^x as x*x^where(x == 0, 1, x - 1) + x^x*log(where(x == 0, 1, x)): at single points, where the
textbook's formula has no value, a factor beside the guard is 0. A reader typed no condition and wants to see none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from agcli.engine.graph import Tensor, toposort
from agcli.engine.rewrite.rules import number

POINTS = {"equal", "not_equal", "logical_and"}  # conditions that single points meet, or all others


def unguarded(outputs: Sequence[Tensor], typed: Collection[int]) -> list[Tensor]:
    """``outputs`` without guards; a condition whose id is among ``typed`` is no guard, but a part of the formula."""
    order = toposort(outputs)
    if not any(is_guard(t, typed) for t in order):
        return list(outputs)
    made: dict[int, Tensor] = {}
    for t in order:
        inputs = [made[x.id] for x in t.inputs]
        if is_guard(t, typed):
            bare = inputs[kept(t)]
            made[t.id] = bare if bare.type == t.type else t
        else:
            unchanged = t.op is None or all(a is b for a, b in zip(inputs, t.inputs, strict=True))
            made[t.id] = t if unchanged else t.on(inputs)
    return [made[t.id] for t in outputs]


def is_guard(t: Tensor, typed: Collection[int]) -> bool:
    """Whether ``t`` chooses between an operand and a harmless 0 or 1 by a condition that nobody typed."""
    if t.op is None or t.op.name != "where":
        return False
    condition = t.inputs[0]
    if condition.id in typed or condition.op is None or condition.op.name not in POINTS:
        return False
    harmless = number(t.inputs[3 - kept(t)])
    return harmless in (0, 1) and number(t.inputs[kept(t)]) != 0  # 0 is the share of a maximum that is none


def kept(t: Tensor) -> int:
    """The operand of a guard that is its value away from the single points."""
    return 1 if t.inputs[0].op.name == "not_equal" else 2  # type: ignore[union-attr]
