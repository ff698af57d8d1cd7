"""``batch``: graph -> graph with a new first axis, over which the old graph is applied example by example.

One rule an op in the table below; where there is none, the op is applied to one example after the other by a loop,
so a new op needs nothing. What does not depend on a batched tensor stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from ..errors import ShapeError
from ..frozen import changed
from ..graph import Constant, Tensor, call, constant, toposort
from ..leaves import Placeholder
from ..loops.scan import Scan, loop
from ..ops.arrays import BroadcastTo, Reshape, Transpose
from ..ops.base import Item, Pointwise, items
from ..ops.reductions import Reduction
from ..origin import origin
from ..registry import one_a_name
from ..types import Shape, TensorType, TupleType, as_shape

FULL = (None, None, None)  # a whole slice, as ``getitem`` keeps it
WINDOWS = "MaxPool MaxPosition MaxScatter MaxGather MaxIndices AvgPool AvgSpread Unfold Fold Conv ConvInputGrad"


@dataclass(frozen=True)
class Value:
    """What stands for a tensor of the old graph: with the new axis, or the same for all examples."""

    tensor: Any
    batched: bool


Rule: TypeAlias = "Callable[[Batch, Any, Tensor, list[Value]], Value | Tensor | None]"
RULES: dict[str, Rule] = {}
rule = one_a_name(RULES)  # a rule may return None to leave the case to the loop


class Batch:
    """One batching; ``size`` is the length of the new axis, None if it is known only when the graph runs."""

    def __init__(self, replaced: Mapping[Tensor, Tensor]) -> None:
        self.values = {old.id: Value(new, True) for old, new in replaced.items()}
        lengths = {new.shape[0] for new in replaced.values()}
        self.size = next((d for d in lengths if d is not None), None)
        self.carrier = next(iter(replaced.values()))

    def __call__(self, outputs: Sequence[Tensor]) -> list[Value]:
        for t in toposort(outputs, set(self.values)):
            if t.op is not None and any(x.id in self.values for x in t.inputs):
                xs = [self.values.get(x.id) or Value(x, False) for x in t.inputs]
                with origin(t.place):
                    self.values[t.id] = self.apply(t.op, t, xs)
        return [self.values.get(t.id) or Value(t, False) for t in outputs]

    def apply(self, op: Any, t: Tensor, xs: list[Value]) -> Value:
        if isinstance(op, Item):
            many = xs[0].tensor
            return Value(many[op.index] if isinstance(many, list) else op(many), xs[0].batched)
        if op.dynamic:
            raise ShapeError(f"vmap: {op.name} makes a length out of values, which differs from example to example")
        found: Value | Tensor | None = None
        if not any(x.batched for x in xs):
            found = Value(op(*(x.tensor for x in xs)), False)
        elif isinstance(op, Pointwise):
            found = pointwise(self, op, t, xs)
        elif isinstance(op, Reduction):
            found = shift_axes(self, op, t, xs)
        elif type(op).__name__ in RULES:
            found = RULES[type(op).__name__](self, op, t, xs)
        if found is None:
            found = one_by_one(t, xs)
        return found if isinstance(found, Value) else Value(found, True)

    def lead(self, x: Value) -> Tensor:
        """``x`` with the new axis, repeated if it is the same for all examples."""
        if x.batched:
            return x.tensor  # type: ignore[no-any-return]
        if self.size is not None and x.tensor.type.known:
            return BroadcastTo((self.size, *x.tensor.shape))(x.tensor)
        return self.rows(x.tensor.ndim, x.tensor.dtype) + call("expand_dims", x.tensor, axis=0)

    def rows(self, rank: int, dtype: Any) -> Tensor:
        """Zeros of shape (size, 1, ..., 1), with ``rank`` ones."""
        one = call("sum", self.carrier, axis=tuple(range(1, self.carrier.ndim)))
        return call("getitem", call("zeros_like", one, dtype=dtype), (slice(None), *(None,) * rank))

    def shape_of(self, x: Value) -> Tensor:
        """``lead`` for an input of which only the shape is read."""
        if x.batched or self.size is None or not x.tensor.type.known:
            return self.lead(x)
        shape = as_shape((self.size, *x.tensor.shape))
        zero = np.broadcast_to(np.zeros((), x.tensor.dtype), shape)  # type: ignore[arg-type]
        return Constant(zero, TensorType(shape, x.tensor.dtype))


def align(x: Value, rank: int) -> Tensor:
    """``x`` with axes of length one behind the new axis, so that one example has ``rank`` axes."""
    missing = rank + 1 - x.tensor.ndim
    if not x.batched or missing <= 0:
        return x.tensor  # type: ignore[no-any-return]
    return call("getitem", x.tensor, (slice(None), *(None,) * missing))


def one_by_one(t: Tensor, xs: Sequence[Value]) -> Value:
    """The op on one example after the other."""
    elements = [Placeholder(x.tensor.type.with_shape(x.tensor.shape[1:])) if x.batched else None for x in xs]
    one = t.op(*(x.tensor if p is None else p for p, x in zip(elements, xs, strict=True)))  # type: ignore[misc]
    made = items(one) if isinstance(t.type, TupleType) else (one,)
    stacks = [(p, x.tensor) for p, x in zip(elements, xs, strict=True) if p is not None]
    done = loop([], stacks, made).emit
    return Value(done if isinstance(t.type, TupleType) else done[0], True)


def pointwise(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor:
    return op(*(align(x, t.ndim) for x in xs))  # type: ignore[no-any-return]


@rule("Standardize")
def shift_axes(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor:
    return changed(op, axes=tuple(a + 1 for a in op.axes))(xs[0].tensor)  # type: ignore[no-any-return]


@rule("Alike")
def checked_before(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Value:
    return xs[0]


@rule("Size")
def same_size(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Value:
    return Value(shift_axes(b, op, t, xs), False)


SHIFTED = """Softmax LogSoftmax Arg RunningArg Concatenate PartLike Sort ArgSort CumSum CumProd LogCumSumExp Recurrence
Roll AxisMap AxisMapBack"""


@rule(*SHIFTED.split())
def shift_axis(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor:
    tensors = [b.shape_of(x) if i in op.shape_only else b.lead(x) for i, x in enumerate(xs)]
    return changed(op, axis=op.axis + 1)(*tensors)  # type: ignore[no-any-return]


MATRICES = "Cholesky Eigh Eigvalsh Svd Svdvals Qr Inv Det Slogdet Cofactors Pinv Expm Triangle Diagonal OnDiagonal"


@rule(*MATRICES.split(), "OneHot", "TopPlaces", "SparseSoftmaxCrossEntropy", "SparseSoftmaxGrad", "FullLike")
def leading(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor:
    """Ops that look at the last axes and take any number of axes before them."""
    return op(*(b.lead(x) for x in xs))  # type: ignore[no-any-return]


@rule("Random", "Words", "StandardGamma")
def random(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor | None:
    """Samples in the shape of all examples, from one key."""
    return None if xs[0].batched else op(*(x.tensor for x in xs))


@rule("Astype", "Tap", "StopGradient")
def as_is(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor:
    return op(xs[0].tensor)  # type: ignore[no-any-return]


@rule("Barrier", "After")
def first(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Value:
    return Value(op(*(x.tensor for x in xs)), xs[0].batched)


@rule("Checkpoint")
def wrapped(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor:
    return op(b.lead(xs[0]), *(x.tensor for x in xs[1:]))  # type: ignore[no-any-return]


@rule("MatMul")
def matmul(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor:
    """One product of long matrices where the right factor is the same for all, else a product an example."""
    left, right = xs
    x, w = left.tensor, right.tensor
    if left.batched and not right.batched and x.ndim == 3 and w.ndim == 2 and None not in x.shape[1:]:
        product = op(Reshape((-1, x.shape[2]))(x), w)
        return call("reshape", product, shape=(-1 if b.size is None else b.size, x.shape[1], w.shape[1]))
    return op(align(left, t.ndim), align(right, t.ndim))  # type: ignore[no-any-return]


@rule("Attention", "AttentionGrad")
def attention(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Value | None:
    """Examples are joined with the samples; what serves all samples of all examples stays as it is."""
    outs, gradient = [x.shape for x in t.type.items], type(op).__name__ == "AttentionGrad"
    samples = (t.inputs[0].shape if gradient else outs[0])[0]
    if op.threshold or b.size is None or not all(x.tensor.type.known for x in xs):
        return None
    tensors = []
    for x in xs:
        shape = x.tensor.shape[x.batched :]
        if shape[0] == 1 and not x.batched and not gradient:
            tensors.append(x.tensor)
        elif shape[0] == samples:
            tensors.append(call("reshape", b.lead(x), shape=(b.size * samples, *shape[1:])))
        else:
            return None
    made = items(op(*tensors))
    return Value([call("reshape", y, shape=(b.size, *s)) for y, s in zip(made, outs, strict=True)], True)


@rule("Solve", "SolveTriangular")
def systems(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor:
    rank = max(x.tensor.ndim - x.batched for x in xs)
    return op(*(align(x, rank) for x in xs))  # type: ignore[no-any-return]


@rule("Unpool", "UnpoolGather", *WINDOWS.split())
def images(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor | None:
    """Ops on (N, H, W, channels): the examples are joined with the images; weights must be the same for all."""
    weights = 1 if type(op).__name__.startswith("Conv") else -1
    parts = [b.shape_of(x) if i in op.shape_only else b.lead(x) for i, x in enumerate(xs) if i != weights]
    if (weights > 0 and xs[weights].batched) or None in t.shape or any(None in x.shape[1:] for x in parts):
        return None
    joined = [Reshape((-1, *x.shape[2:]))(x) for x in parts]  # type: ignore[arg-type]
    if weights > 0:
        joined.insert(weights, xs[weights].tensor)
    return Reshape((-1 if b.size is None else b.size, *t.shape))(op(*joined))  # type: ignore[arg-type]


@rule("Tile", "SumTiles")
def tiles(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor:
    tensors = [b.shape_of(x) if i in op.shape_only else b.lead(x) for i, x in enumerate(xs)]
    return changed(op, reps=(1, *op.reps))(*tensors)  # type: ignore[no-any-return]


@rule("Pad")
def pad(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor:
    return changed(op, widths=((0, 0), *op.widths))(xs[0].tensor)  # type: ignore[no-any-return]


@rule("Transpose")
def transpose(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor:
    return Transpose((0, *(a + 1 for a in op.axes)))(xs[0].tensor)


@rule("Reshape")
def reshape(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor | None:
    dims: Shape = t.shape if t.type.known else op.shape
    if b.size is None and -1 in dims:
        return None
    return Reshape((-1 if b.size is None else b.size, *dims))(xs[0].tensor)  # type: ignore[arg-type]


@rule("BroadcastTo")
def broadcast_to(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor:
    x = align(xs[0], t.ndim)
    if b.size is not None:
        return BroadcastTo((b.size, *op.shape))(x)
    if not t.type.known:
        return x + call("zeros_like", b.lead(Value(t, False)))
    zero = BroadcastTo(t.shape)(Constant(0, TensorType((), t.dtype)))
    return x + zero


@rule("GetItem")
def getitem(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor:
    return changed(op, index=(FULL, *op.index))(xs[0].tensor)  # type: ignore[no-any-return]


@rule("PutItem")
def putitem(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor:
    return changed(op, index=(FULL, *op.index))(b.lead(xs[0]), b.shape_of(xs[1]))  # type: ignore[no-any-return]


@rule("ReshapeLike")
def reshape_like(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor:
    return call("reshape_like", b.lead(xs[0]), b.shape_of(xs[1]))


@rule("ExpandLike")
def expand_like(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor:
    """``axes`` name a reduction that is undone; without them it is a plain broadcast."""
    x = Value(b.lead(xs[0]), True)
    axes = tuple(a + 1 for a in op.axes)
    tensor = x.tensor if axes and not op.keepdims else align(x, t.ndim)
    return changed(op, axes=axes).simplest(tensor, b.shape_of(xs[1]))  # type: ignore[no-any-return]


@rule("SumLike")
def sum_like(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor:
    x, like = b.lead(xs[0]), Value(b.shape_of(xs[1]), True)
    extra = x.ndim - like.tensor.ndim
    total = op.simplest(x, align(like, x.ndim - 1))
    return call("getitem", total, (slice(None), *(0,) * extra)) if extra else total


def example_numbers(b: Batch, rank: int) -> Tensor | None:
    """The number of each example, in the shape (size, 1, ..., 1)."""
    return None if b.size is None else constant(np.arange(b.size).reshape(-1, *(1,) * rank))


@rule("Take")
def take(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor | None:
    x, *indices = xs
    if not any(i.batched for i in indices):
        return changed(op, axis=op.axis + 1)(x.tensor, *(i.tensor for i in indices))  # type: ignore[no-any-return]
    rank = max(i.tensor.ndim - i.batched for i in indices)
    places = [align(i, rank) for i in indices]
    rows = example_numbers(b, rank)
    if op.axis or (x.batched and rows is None):
        return None
    return op(x.tensor, rows, *places) if x.batched else op(x.tensor, *places)  # type: ignore[no-any-return]


@rule("Place")
def place(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor | None:
    g, like, *indices = xs
    rank = max(i.tensor.ndim - i.batched for i in indices)
    if not any(i.batched for i in indices):
        return changed(op, axis=op.axis + 1)(b.lead(g), b.shape_of(like), *(i.tensor for i in indices))  # type: ignore[no-any-return]
    rows = example_numbers(b, rank)
    if op.axis or rows is None:
        return None
    return op(b.lead(g), b.shape_of(like), rows, *(align(i, rank) for i in indices))  # type: ignore[no-any-return]


@rule("Scan")
def scan(b: Batch, op: Scan, t: Tensor, xs: list[Value]) -> Value:
    """A loop over batches: the new axis comes behind the axis of the turns."""
    body, n, m = op.body, len(op.body.carries), len(op.body.elements)
    tensors = [b.lead(x) if i < n else x.tensor for i, x in enumerate(xs)]
    swapped = [swap(x) if n <= i < n + m and xs[i].batched else x for i, x in enumerate(tensors)]
    inputs = [Placeholder(x.type.with_shape(x.shape[1:]) if n <= i < n + m else x.type) for i, x in enumerate(swapped)]
    wide = [i < n or x.batched for i, x in enumerate(xs)]
    inner = Batch({p: q for p, q, w in zip(body.inputs, inputs, wide, strict=True) if w})
    inner.values.update((p.id, Value(q, False)) for p, q, w in zip(body.inputs, inputs, wide, strict=True) if not w)
    made = [inner.lead(v) for v in inner([*body.nexts, *body.emits, *body.totals])]
    k, e = len(body.nexts), len(body.emits)
    new = replace(body, carries=tuple(inputs[:n]), elements=tuple(inputs[n : n + m]), shared=tuple(inputs[n + m :]),
                  nexts=tuple(made[:k]), emits=tuple(made[k : k + e]), totals=tuple(made[k + e :]),
                  retyped={}, plans={})  # fmt: skip
    done = items(replace(op, body=new)(*swapped))
    return Value(
        [swap(y) if kind in ("trace", "emit") else y for y, (kind, _) in zip(done, op.outputs, strict=True)], True
    )


def swap(x: Tensor) -> Tensor:
    """The first two axes exchanged."""
    return Transpose((1, 0, *range(2, x.ndim)))(x)


def batch(outputs: Sequence[Tensor], replaced: Mapping[Tensor, Tensor]) -> list[Tensor]:
    """``outputs`` for many examples at once: each key of ``replaced`` has become a tensor with a new first axis."""
    b = Batch(replaced)
    return [b.lead(v) for v in b(outputs)]
