"""Graph -> graph: standardization, softmax and cross-entropy spelled out, so that their parts enter loops."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from ....graph import Constant, Tensor, toposort
from ....ops import elementwise as ew
from ....ops.base import Item
from ....ops.normalization import Standardize
from ....ops.reductions import Sum
from ....origin import origin
from ....types import TensorType, static
from .columns import are_columns
from .frames import frame_of
from .row_formulas import RowFormulas

LEAST = 1 << 10  # elements whose rows are standardized by a loop


def spelled_out(roots: Sequence[Tensor], shard_of: dict[int, int]) -> list[Tensor]:
    """``roots`` where large columns and rows are seen as sums and formulas; ``shard_of`` learns the new tensors."""
    order = toposort(roots)
    formulas = RowFormulas()
    parts: dict[int, tuple[Tensor, ...]] = {}
    new: dict[int, Tensor] = {}
    for t in order:
        inputs = [new[x.id] for x in t.inputs if x.id in new]
        with origin(t.place):
            found = spelled(t, inputs, formulas)
        if found is not None:
            if t.id in shard_of:
                made = toposort(found, stop={x.id for x in inputs})
                shard_of.update((x.id, shard_of[t.id]) for x in made if x.id not in shard_of)
            parts[t.id] = found
            if isinstance(t.type, TensorType):
                (new[t.id],) = found
        elif isinstance(t.op, Item) and t.inputs[0].id in parts:
            new[t.id] = parts[t.inputs[0].id][t.op.index]
        elif all(a is b for a, b in zip(inputs, t.inputs, strict=True)):
            new[t.id] = t
        else:
            new[t.id] = Tensor(t.type, t.op, tuple(inputs), t.place, t.name)
            if t.id in shard_of:
                shard_of[new[t.id].id] = shard_of[t.id]
    return [new[t.id] for t in roots]


def are_parts(x: Tensor, axes: tuple[int, ...]) -> bool:
    """Whether to standardize over ``axes`` is a loop over rows, or sums of columns."""
    if are_columns(x, axes):
        return True
    return x.type.known and x.type.size >= LEAST and frame_of(Sum(axes, True)(x)) is not None


def spelled(t: Tensor, inputs: Sequence[Tensor], formulas: RowFormulas) -> tuple[Tensor, ...] | None:
    """The outputs of ``t`` as formulas, or None."""
    if isinstance(t.op, Standardize):
        return standardized(inputs[0], t.op) if are_parts(inputs[0], t.op.axes) else None
    return formulas.parts(t.op, inputs) if len(inputs) == len(t.inputs) else None


def standardized(x: Tensor, op: Standardize) -> tuple[Tensor, Tensor, Tensor]:
    """What ``op`` makes of ``x``; x - mean comes twice, which is cheaper than stored."""
    kind = TensorType((), x.dtype)
    share = Constant(1 / prod(static(x.shape[i]) for i in op.axes), kind)
    total = Sum(op.axes, True)
    centre = ew.multiply(total(x), share)
    apart = ew.subtract(x, centre)
    variance = ew.multiply(total(ew.square(apart)), share)
    value = ew.multiply(ew.subtract(x, centre), ew.rsqrt(ew.add(variance, Constant(op.epsilon, kind))))
    return value, centre, variance
