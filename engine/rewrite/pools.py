"""Rules for the largest elements of windows: what keeps the order of numbers is cheaper behind the pool than before it.

A pool leaves a quarter of the elements or fewer. Adding a number and cutting off at 0 commute with it, to the last bit,
as rounding keeps the order too; the cotangent of a relu before a pool is masked before it is scattered to the places.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Tensor, toposort
from ..ops import elementwise as ew
from ..ops.activations import relu
from ..ops.base import items
from ..ops.logic import Keep, greater, is_zero, not_equal
from ..ops.pools import MaxLocated, MaxPool, MaxPosition, MaxScatter
from ..ops.reductions import Sum
from ..origin import origin


def pool_first(t: Tensor, x: Tensor) -> Tensor | None:
    """max_pool2d(relu(x)) -> relu(max_pool2d(x)); max_pool2d(x + b) -> max_pool2d(x) + b for b of the channels"""
    if x.op is relu:
        return relu(t.op(x.inputs[0]))  # type: ignore[misc]
    a = shifted(x)
    return None if a is None else ew.add(t.op(a), next(b for b in x.inputs if b is not a))  # type: ignore[misc]


def shifted(x: Tensor) -> Tensor | None:
    """a, where x is a + b and b is the same at all places of an image."""
    if x.op is not ew.add or x.inputs[0] is x.inputs[1]:
        return None
    for a, b in (x.inputs, x.inputs[::-1]):
        places = ((1,) * 4 + b.shape)[-3:-1]
        if a.type == x.type and places == (1, 1):
            return a
    return None


def position_before_shift(t: Tensor, x: Tensor, y: Tensor) -> Tensor | None:
    """The largest of x + b is where that of x is; a tie that only rounding makes goes to the larger x."""
    a = shifted(x)
    return None if a is None else located(t, a)


def located(t: Tensor, x: Tensor) -> Tensor:
    """Where the largest elements of ``x`` are, in the windows of the pool, position or scatter ``t``."""
    op = MaxPool(t.op.size, t.op.window)  # type: ignore[union-attr]
    return op.position(op(x), x)


def mask_before_scatter(t: Tensor, x: Tensor, condition: Tensor) -> Tensor | None:
    """Scattered cotangents kept where what was pooled is positive -> those kept whose maximum is, then scattered."""
    if not (t.op == Keep(True) and isinstance(x.op, MaxScatter)):
        return None
    g, position, like = x.inputs
    if not (isinstance(position.op, MaxPosition) and is_positive(condition, position.inputs[0])):
        return None
    return x.op(Keep(True)(g, greater(position.inputs[1], 0)), position, like)


def scatter_without_relu(t: Tensor, g: Tensor, position: Tensor, like: Tensor) -> Tensor | None:
    """Where only positive maxima get a cotangent, the place of the largest relu(x) is that of the largest x."""
    if not (isinstance(position.op, MaxPosition) and position.inputs[0].op is relu and g.op == Keep(True)):
        return None
    if not is_positive(g.inputs[1], position.inputs[1]):
        return None
    return t.op(g, located(t, position.inputs[0].inputs[0]), like)  # type: ignore[misc]


def is_positive(condition: Tensor, x: Tensor) -> bool:
    """Whether ``condition`` is x > 0."""
    return condition.op is greater and condition.inputs[0] is x and is_zero(condition.inputs[1])


def sum_before_scatter(t: Tensor, x: Tensor) -> Tensor | None:
    """The sum over all places of scattered cotangents is that of those cotangents which have a place."""
    if isinstance(t.op, Sum) and isinstance(x.op, MaxScatter) and {1, 2} <= set(t.op.axes):
        g, position, _ = x.inputs
        return t.op(Keep(True)(g, not_equal(position, 0)))
    return None


def located_at_once(outputs: Sequence[Tensor]) -> list[Tensor]:
    """``outputs`` where a pool whose positions are wanted gives both, so that its input is looked at once."""
    order = toposort(sorted(outputs, key=lambda t: t.id))
    pairs = {t.inputs[1].id: t for t in order if isinstance(t.op, MaxPosition) and is_pool_of(t.inputs[1], t)}
    if not pairs:
        return list(outputs)
    new: dict[int, Tensor] = {}
    for t in toposort(outputs):
        if t.id in pairs:
            with origin(t.place):
                x = new[t.inputs[0].id]
                new[t.id], new[pairs[t.id].id] = items(MaxLocated(t.op.size, t.op.window)(x))  # type: ignore[union-attr]
        elif t.id not in new:
            inputs = [new[x.id] for x in t.inputs]
            new[t.id] = t if all(a is b for a, b in zip(inputs, t.inputs, strict=True)) else t.on(inputs)
    return [new[t.id] for t in outputs]


def is_pool_of(y: Tensor, position: Tensor) -> bool:
    """Whether ``y`` are the maxima of which ``position`` tells the places."""
    op = position.op
    return y.op == MaxPool(op.size, op.window) and y.inputs[0] is position.inputs[0]  # type: ignore[union-attr]
