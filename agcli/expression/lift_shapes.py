"""Shapes without noise: ops that only fit shapes together are left out where a formula says the same without them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from agcli.engine.errors import ShapeError
from agcli.engine.graph import Constant, Tensor, call, toposort
from agcli.engine.ops.base import Pointwise
from agcli.engine.rewrite.rules import number
from agcli.engine.types import Shape, TensorType, broadcast_shapes

FULL = (None, None, None)
MAX_TURNED = 12  # nested ops of a row or column that are looked through
MAX_WRITTEN = 10  # elements of vectors whose products are written out


def tidy(t: Tensor) -> Tensor:
    """`t` with factors of one left out, vectors that were turned and turned back, and repetitions done last."""
    order = toposort([t])
    types = [x.type for x in order]
    if all(type(x) is TensorType and not x.shape for x in types):
        return t  # as in most formulas, there are only numbers
    if not all(isinstance(x, TensorType) and x.known for x in types):
        return t
    made: dict[int, Tensor] = {}
    for x in order:
        inputs = [made[i.id] for i in x.inputs]
        unchanged = x.op is None or all(a is b for a, b in zip(inputs, x.inputs, strict=True))
        made[x.id] = tidied(x if unchanged else x.on(inputs))
    return made[t.id]


def tidied(t: Tensor) -> Tensor:
    """One op, whose inputs are tidy."""
    shortcut = SHORTCUTS.get(t.op.name) if t.op else None
    found = shortcut(t) if shortcut else None
    if found is not None:
        return found
    if not isinstance(t.op, Pointwise):
        return t
    operands = [barest(x) for x in t.inputs]
    smaller = broadcast_shapes(*(x.shape for x in operands))
    return t if smaller == t.shape else call("broadcast_to", tidied(t.op(*operands)), shape=t.shape)


def picked(t: Tensor) -> Tensor | None:
    """An element of a vector that is written out."""
    index: Any = getattr(t.op, "index", ())  # none where arrays are the indices
    x = t.inputs[0]
    if len(index) == 1 and isinstance(index[0], int):
        if isinstance(x, Constant) and len(x.shape) == 1:
            return entry(x, index[0])
        found = element(x, index[0])
        if found is not None:
            return found
    product = written_product(t)
    return turned_back(t) if product is None else product


def element(t: Tensor, place: int, depth: int = MAX_TURNED) -> Tensor | None:
    """An element of a vector that is written out, or of a pointwise formula of such vectors and numbers."""
    if len(t.shape) != 1:
        return None
    place = 0 if t.shape[0] == 1 else place  # a vector of one element stands for all of the others' length
    parts = vector_parts(t)
    if parts is not None:
        return parts[place]
    if not isinstance(t.op, Pointwise) or not depth or t.type.size > MAX_WRITTEN:
        return None
    operands = []
    for x in t.inputs:
        operand = barest(x) if barest(x).shape == () else element(x, place, depth - 1)
        if operand is None:
            return None
        operands.append(operand)
    return t.op(*operands)


def written(t: Tensor) -> list[Tensor] | None:
    """The elements of a short vector that is written out."""
    if not t.type.known or len(t.shape) != 1 or t.type.size > MAX_WRITTEN:
        return None
    if isinstance(t, Constant):
        return [entry(t, i) for i in range(t.type.size)]
    parts = vector_parts(t)
    return parts if parts is not None and all(part.shape == () for part in parts) else None


def entry(t: Constant, place: int) -> Tensor:
    """An element of a constant vector."""
    return Constant(float(t.array[place]), TensorType((), t.dtype, weak=True))


def written_product(t: Tensor) -> Tensor | None:
    """The product of two vectors that are written out, as a sum of products."""
    vectors = factors(t) if t.shape == () else None
    if vectors is None:
        return None
    a, b = map(written, vectors)
    if a is None or b is None:
        return None
    terms = [x * y for x, y in zip(a, b, strict=True)]
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return result


def turned_back(t: Tensor) -> Tensor | None:
    """A vector as a row or column, and back."""
    vector = as_vector(t.inputs[0])
    return vector if vector is not None and vector.shape == t.shape else None


def turned_product(t: Tensor) -> Tensor | None:
    """A row or column times a number, and turned back into a vector."""
    inner = t.inputs[0]
    if len(t.shape) != 1 or not isinstance(inner.op, Pointwise) or inner.type.size != t.type.size:
        return None
    operands = []
    for x in inner.inputs:
        vector, number_of_one = as_vector(x), barest(x)
        if vector is not None and vector.shape == t.shape:
            operands.append(vector)
        elif number_of_one.shape == ():
            operands.append(number_of_one)
        else:
            return None
    product = inner.op(*operands)
    return product if product.shape == t.shape else None


def reshaped(t: Tensor) -> Tensor | None:
    """A vector that was turned and turned back, or one element that was cut out as a vector: v[i:i+1]."""
    cut, index = t.inputs[0], getattr(t.inputs[0].op, "index", None)
    product = written_product(t)
    if product is not None:
        return product
    if t.shape != () or index is None or len(index) != 1 or not isinstance(index[0], tuple) or cut.shape != (1,):
        turned = turned_back(t)
        return turned_product(t) if turned is None else turned
    start, _, step = index[0]
    if not isinstance(start, int) or start < 0 or step is not None or len(cut.inputs[0].shape) != 1:
        return None
    parts = vector_parts(cut.inputs[0])
    return call("getitem", cut.inputs[0], index=start) if parts is None else parts[start]


def times_one(t: Tensor) -> Tensor | None:
    for one, other in (t.inputs, t.inputs[::-1]):
        if number(barest(one)) == 1 and other.shape == t.shape:
            return other
    return None


def times_unit(t: Tensor) -> Tensor | None:
    """A matrix times the identity matrix, or times [[1]]."""
    for one, other in (t.inputs, t.inputs[::-1]):
        if is_identity(one) and other.shape == t.shape:
            return other
        if one.shape == (1, 1) and other.shape == t.shape and number(barest(one)) == 1:
            return other
    return None


def is_identity(t: Tensor) -> bool:
    """Whether a matrix has ones on its main diagonal and zeros elsewhere."""
    if t.op is None or len(t.shape) != 2 or t.shape[0] != t.shape[1] or getattr(t.op, "k", None) != 0:
        return False
    return t.op.name == "eye" or (t.op.name == "diag" and number(barest(t.inputs[0])) == 1)


def unguarded(t: Tensor) -> Tensor | None:
    """where(y > -inf, y, 0): a guard of a gradient that matters only where everything is infinite."""
    condition, value, _ = t.inputs
    if condition.op is None or condition.op.name != "greater":
        return None
    left, right = condition.inputs
    return value if left is value and number(right) == -math.inf else None


SHORTCUTS: dict[str, Callable[[Tensor], Tensor | None]] = {
    "reshape": reshaped,
    "getitem": picked,
    "multiply": times_one,
    "matmul": times_unit,
    "where": unguarded,
}


def vector_parts(t: Tensor) -> list[Tensor] | None:
    """The elements of a vector that was written out, `[a, b]`; None for any other tensor."""
    if t.op is None or t.op.name != "concatenate" or getattr(t.op, "axis", None) != 0:
        return None
    parts = []
    for piece in t.inputs:
        if piece.shape == (1,) and piece.op is not None and piece.op.name == "broadcast_to":
            parts.append(barest(piece))
            continue
        index = getattr(piece.op, "index", None)
        if index is None or index[:1] != (None,) or any(i != (None, None, None) for i in index[1:]):
            return None
        parts.append(piece.inputs[0])
    return parts


def barest(t: Tensor) -> Tensor:
    """What is left without all that only repeats it or puts axes in front."""
    while (inner := bare(t)) is not None:
        t = inner
    return t


def bare_operands(t: Tensor) -> list[Tensor | Constant]:
    """The inputs of a pointwise op without the reshapes and repetitions that broadcasting does by itself."""
    found = list(t.inputs)
    for place in range(len(found)):
        while (inner := bare(found[place])) is not None:
            shapes = [inner.shape if i == place else x.shape for i, x in enumerate(found)]
            if not broadcast_to(shapes, t.shape):
                break
            found[place] = inner
    return found


def bare(t: Tensor) -> Tensor | None:
    """What a tensor repeats, or is with more axes in front."""
    if isinstance(t, Constant):
        return uniform(t)
    name = t.op.name if t.op else ""
    if name not in ("broadcast_to", "reshape", "getitem") or not t.type.known or not t.inputs[0].type.known:
        return None
    inner = t.inputs[0]
    if name == "broadcast_to":
        return inner
    if len(inner.shape) > len(t.shape):
        return None
    if name == "getitem" and not all(i is None or i == FULL for i in getattr(t.op, "index", (0,))):
        return None
    return inner if inner.type.size == 1 == t.type.size or without_ones(inner.shape) == without_ones(t.shape) else None


def without_ones(shape: Shape) -> Shape:
    """A shape without the axes of length one in front."""
    start = next((i for i, d in enumerate(shape) if d != 1), len(shape))
    return shape[start:]


def uniform(t: Constant) -> Constant | None:
    """The one number of a constant array."""
    if t.shape == () or not t.type.known or not t.type.size or t.type.size > 10_000:
        return None
    values = t.array.reshape(-1)
    return Constant(values[0].item(), TensorType((), t.dtype)) if np.all(values == values[0]) else None


def broadcast_to(shapes: Sequence[Shape], result: Shape) -> bool:
    try:
        return broadcast_shapes(*shapes) == result
    except ShapeError:
        return False


def as_vector(t: Tensor, depth: int = MAX_TURNED) -> Tensor | None:
    """The vector that a row or a column is made of; of a pointwise formula of rows or columns, that of the vectors."""
    if isinstance(t.op, Pointwise) and len(t.shape) == 2 and 1 in t.shape and t.type.known and depth:
        operands = []
        for x in t.inputs:
            inner = barest(x) if barest(x).shape == () else as_vector(x, depth - 1)
            if inner is None:
                return None
            operands.append(inner)
        found = t.op(*operands)
        return found if found.shape == (t.type.size,) else None
    turned = False
    while t.op is not None and t.op.name == "transpose":
        t, turned = t.inputs[0], not turned
    if t.op is None or t.op.name not in ("getitem", "reshape") or len(t.shape) != 2 or 1 not in t.shape:
        return None
    inner = t.inputs[0]
    if len(inner.shape) != 1 or not inner.type.known or inner.type.size != t.type.size:
        return None
    if t.op.name == "getitem" and None not in getattr(t.op, "index", ()):
        return None
    return inner


def factors(t: Tensor) -> tuple[Tensor, Tensor] | None:
    """The operands of a matrix product that was made of vectors, with the vectors themselves; None for others.

    `t` is the product as a vector or a number: the product of matrices without the axes of length one.
    """
    if t.op is None or t.op.name not in ("getitem", "reshape"):
        return None
    product = t.inputs[0]
    if product.op is None or product.op.name != "matmul" or len(product.shape) != 2 or not product.type.known:
        return None
    if t.type.known and t.type.size != product.type.size:
        return None
    left, right = product.inputs
    row = as_vector(left) if left.shape[0] == 1 else None
    column = as_vector(right) if right.shape[1] == 1 else None
    expected = (() if row is not None else product.shape[:1]) + (() if column is not None else product.shape[1:])
    if (row is None and column is None) or t.shape != expected:
        return None
    return (left if row is None else row), (right if column is None else column)


def outer_factors(t: Tensor) -> tuple[Tensor, Tensor] | None:
    """The vectors of which each element of a matrix is a product."""
    left, right = t.inputs
    if t.op is not None and t.op.name == "multiply" and len(left.shape) == 2 and left.shape[0] == 1:
        left, right = right, left
    if len(left.shape) != 2 or len(right.shape) != 2 or left.shape[1] != 1 or right.shape[0] != 1:
        return None
    column, row = as_vector(left), as_vector(right)
    return None if column is None or row is None else (column, row)
