"""Numbers from formulas: at one point, or at many at once; and a word on values that are none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from agcli.engine.graph import Constant, Tensor, toposort
from agcli.engine.leaves import Placeholder
from agcli.engine.ops.arrays import Astype
from agcli.engine.ops.base import Elementwise, Pointwise
from agcli.engine.types import Array

if TYPE_CHECKING:
    from agcli.engine.function import Function

Feeds = Mapping[str, Any]


def is_pointwise(outputs: Sequence[Tensor]) -> bool:
    """Whether the formulas are made of single numbers and of ops that treat every element alike."""
    return all(t.shape == () and (t.op is None or isinstance(t.op, Pointwise | Astype)) for t in toposort(outputs))


def values(outputs: Sequence[Tensor], feeds: Feeds) -> list[Array]:
    """The values of the formulas where the variables have the values `feeds`, without warnings."""
    with np.errstate(all="ignore"):
        if is_pointwise(outputs):
            return pointwise(outputs, {k: np.asarray(v, np.float64) for k, v in feeds.items()})
        function = compiled(outputs)
        return list(function({k: v for k, v in feeds.items() if k in function.by_name}))


def compiled(outputs: Sequence[Tensor]) -> Function:
    """The compiled function of formulas of arrays. What compiles is loaded here: formulas of numbers do without it."""
    from agcli.engine.function import Function

    return Function(list(outputs))


def pointwise(outputs: Sequence[Tensor], feeds: Mapping[str, Array]) -> list[Array]:
    """The values at many points: feeds are vectors of one length, or numbers; formulas are pointwise."""
    found: dict[int, Array] = {}
    with np.errstate(all="ignore"):
        for t in toposort(outputs):
            found[t.id] = value_of(t, [found[x.id] for x in t.inputs], feeds)
    return [found[t.id] for t in outputs]


def value_of(t: Tensor, inputs: Sequence[Array], feeds: Mapping[str, Array]) -> Array:
    if isinstance(t, Placeholder):
        return feeds[t.name or ""]
    if isinstance(t, Constant):
        return t.array
    op: Any = t.op
    if type(op) is Elementwise and op.fill is None and type(op.ufunc) is np.ufunc and is_alike(t, inputs):
        return np.asarray(op.ufunc(*inputs))
    out: Array = np.empty(np.broadcast_shapes(*(x.shape for x in inputs)), t.dtype)
    op.kernel(*inputs, out=out)
    return out


def is_alike(t: Tensor, inputs: Sequence[Array]) -> bool:
    """Whether the inputs of a float have its dtype, so that a ufunc makes it of them without more ado."""
    dtype = t.dtype
    return dtype.kind == "f" and [x.dtype for x in inputs] == [dtype] * len(inputs)


def show(value: Any) -> str:
    """A value as a person reads it: at most twelve digits, whole numbers without a point, vectors in brackets."""
    array = np.asarray(value)
    if array.ndim:
        return f"[{', '.join(map(show, array))}]" if array.size <= 100 else f"{array.size:,} numbers"
    if array.dtype.kind == "b":
        return str(bool(array))
    number = float(array)
    if math.isfinite(number) and number == int(number) and abs(number) < 1e15:
        return str(int(number))
    return f"{number:.12g}"
