"""Data parallelism: graph -> graph in which shards of the batch are computed side by side.

Every tensor is *whole*, *split* along the axis that holds the batch, or *partial*: the sum over all shards. A rule for
each op says what it makes of split inputs; an op without a rule, or one that couples the samples of a batch, gets whole
inputs, so that the result never changes but for the order in which sums are added up, which is fixed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from ..frozen import changed
from ..graph import Constant, Op, Tensor, toposort
from ..ops import elementwise as ew
from ..ops.arrays import BroadcastTo, Reshape, Transpose
from ..ops.base import Item, Pointwise
from ..ops.convolution import Conv, ConvInputGrad
from ..ops.joining import Concatenate
from ..ops.matmul import MatMul
from ..ops.pools import Pool
from ..ops.reductions import Reduction, Sum
from ..ops.slicing import GetItem
from ..origin import origin
from ..registry import one_a_name
from ..types import TupleType, static

WHOLE, PARTIAL = -1, -2  # beside the number of the axis that is split
FULL = (None, None, None)  # a whole slice, as ``getitem`` keeps it
MAIN = -1  # the shard of what is not computed in a shard


State: TypeAlias = "int | tuple[int, ...]"  # of a tensor; of each item, where they differ


@dataclass(frozen=True)
class Layout:
    """How an op runs in shards: what it needs of each input, and what it makes."""

    out: State
    inputs: tuple[int, ...]
    reshaped: bool = False  # the op has a ``shape``, of which the axis ``out`` shrinks
    ops: tuple[Op, ...] = ()  # one for each shard, where it is another one
    numbered: bool = False  # the op has a ``first``, the number of the first sample that it gets


@runtime_checkable
class RunsOthers(Protocol):
    """An op that runs a graph of its own so many times, and knows how it splits."""

    def graph(self, inputs: Sequence[Tensor]) -> tuple[int, list[Tensor]]: ...

    def in_shards(self, sharder: Sharder, t: Tensor, states: list[int]) -> Layout | None: ...


Rule: TypeAlias = "Callable[[Any, Tensor, list[int]], Layout | None]"
RULES: dict[str, Rule] = {}
rule = one_a_name(RULES)  # None says that the inputs must be whole


def pointwise(op: Op, t: Tensor, states: list[int]) -> Layout | None:
    """Split along one axis of the result; inputs that broadcast along it stay whole."""
    rank = t.ndim
    if PARTIAL in states:
        return linear(op, states)
    axes = {s + rank - x.ndim for s, x in zip(states, t.inputs, strict=True) if s >= 0}
    if len(axes) != 1:
        return None
    (axis,) = axes
    needs = []
    for x in t.inputs:
        own = axis - (rank - x.ndim)
        needs.append(own if own >= 0 and x.shape[own] == t.shape[axis] else WHOLE)
    return Layout(axis, tuple(needs))


def linear(op: Op, states: list[int]) -> Layout | None:
    """Sums that are still partial may be added, negated, and multiplied or divided by what is whole."""
    if op in (ew.add, ew.subtract, ew.negative) and all(s == PARTIAL for s in states):
        return Layout(PARTIAL, tuple(states))
    if op is ew.multiply and sorted(states) == [PARTIAL, WHOLE]:
        return Layout(PARTIAL, tuple(states))
    return Layout(PARTIAL, (PARTIAL, WHOLE)) if op is ew.divide and states == [PARTIAL, WHOLE] else None


def reduction(op: Reduction, t: Tensor, states: list[int]) -> Layout | None:
    (axis,) = states
    if axis in op.axes:
        return Layout(PARTIAL, (axis,)) if isinstance(op, Sum) else None
    return Layout(axis if op.keepdims else axis - sum(a < axis for a in op.axes), (axis,))


@rule("MatMul")
def matmul(op: Op, t: Tensor, states: list[int]) -> Layout | None:
    """Rows of the left or columns of the right are split, or both along the inner axis; leading axes like pointwise."""
    (a, b), (p, q), rank = states, (x.ndim for x in t.inputs), t.ndim
    if a == p - 1 or b == q - 2:
        return Layout(PARTIAL, (p - 1, q - 2)) if a in (p - 1, WHOLE) and b in (q - 2, WHOLE) else None
    if a == p - 2 and b == WHOLE:
        return Layout(rank - 2, (a, WHOLE))
    if b == q - 1 and a == WHOLE:
        return Layout(rank - 1, (WHOLE, b))
    leading = all(s == WHOLE or 0 <= s < x.ndim - 2 for s, x in zip(states, t.inputs, strict=True))
    return pointwise(op, t, states) if leading else None


@rule("Transpose")
def transpose(op: Any, t: Tensor, states: list[int]) -> Layout:
    return Layout(op.axes.index(states[0]), (states[0],))


@rule("Softmax", "LogSoftmax", "AxisMap", "AxisMapBack")
def along(op: Any, t: Tensor, states: list[int]) -> Layout | None:
    return Layout(max(states), (max(states),) * len(states)) if op.axis not in states else None


@rule("Reshape")
def reshape(op: Any, t: Tensor, states: list[int]) -> Layout | None:
    """The batch stays split if it leads: its samples then lie behind each other in memory before and after."""
    (axis,), (x,) = states, t.inputs
    first = next((i for i, d in enumerate(t.shape) if d != 1), 0)
    leads = all(d == 1 for d in x.shape[:axis])
    return Layout(first, (axis,), reshaped=True) if leads else None


@rule("BroadcastTo")
def broadcast(op: Any, t: Tensor, states: list[int]) -> Layout:
    return Layout(states[0] + t.ndim - t.inputs[0].ndim, (states[0],), reshaped=True)


def place(index: tuple[Any, ...], axis: int) -> tuple[int, int]:
    """Where an axis of the indexed tensor stands among the indices, and which axis of the result it becomes."""
    seen = -1
    for k, i in enumerate(index):
        seen += i is not None
        if seen == axis:
            return k, sum(not isinstance(j, int) for j in index[:k])
    raise IndexError(axis)


@rule("GetItem")
def getitem(op: Any, t: Tensor, states: list[int]) -> Layout | None:
    at, out = place(op.index, states[0])
    return Layout(out, (states[0],)) if op.index[at] == FULL else None


@rule("PutItem")
def putitem(op: Any, t: Tensor, states: list[int]) -> Layout | None:
    for axis in range(t.ndim):
        at, source = place(op.index, axis)
        if source == states[0] and op.index[at] == FULL:
            return Layout(axis, (source, axis))
    return None


@rule("Concatenate")
def concatenate(op: Any, t: Tensor, states: list[int]) -> Layout | None:
    axes = set(states) - {WHOLE}
    if len(axes) != 1 or axes & {op.axis, PARTIAL}:
        return None
    (axis,) = axes
    return Layout(axis, (axis,) * len(states))


@rule("SparseSoftmaxCrossEntropy", "SparseSoftmaxGrad", "SoftmaxCrossEntropy", "OneHot", "Unpool", "UnpoolGather")
def by_sample(op: Op, t: Tensor, states: list[int]) -> Layout | None:
    """All inputs begin with the batch, and so does the result."""
    return Layout(0, (0,) * len(states)) if set(states) <= {0, WHOLE} else None


@rule("Standardize")
def standardized(op: Any, t: Tensor, states: list[int]) -> Layout | None:
    return Layout((states[0],) * 3, (states[0],)) if states[0] not in op.axes else None


@rule("Attention", "AttentionGrad")
def attention(op: Op, t: Tensor, states: list[int]) -> Layout | None:
    """Samples by themselves; what serves all of them stays whole, and has no gradient by shards."""
    if set(states) - {0, WHOLE}:
        return None
    batch, gradient = (t.type.items[0].shape[0], False) if op.name == "attention" else (t.inputs[0].shape[0], True)
    needs = tuple(0 if x.ndim > 2 and x.shape[0] == batch else WHOLE for x in t.inputs)
    if gradient and any(x.shape[0] != batch for x in t.type.items):
        return None
    return Layout((0,) * len(t.type.items), needs, numbered=True)


@rule("ConvWeightGrad")
def weight_gradient(op: Op, t: Tensor, states: list[int]) -> Layout | None:
    return Layout(PARTIAL, (0, 0, WHOLE)) if set(states[:2]) <= {0, WHOLE} else None


@rule("Take")
def take(op: Any, t: Tensor, states: list[int]) -> Layout | None:
    """Rows of a whole table at split positions."""
    table, *at = states
    axes = set(at)
    return Layout(op.axis + at[0], (WHOLE, *at)) if table == WHOLE and len(axes) == 1 and min(axes) >= 0 else None


@rule("Place")
def put(op: Any, t: Tensor, states: list[int]) -> Layout | None:
    """Rows added to a whole table at split positions; each shard has a table of its own."""
    g, _, *at = states
    axes = set(at)
    return Layout(PARTIAL, (g, WHOLE, *at)) if len(axes) == 1 and min(axes) >= 0 and g == op.axis + at[0] else None


def layout(op: Op, t: Tensor, states: list[int]) -> Layout | None:
    """The layout of ``t`` for inputs in these states."""
    if all(s == WHOLE for s in states):
        return None
    if isinstance(op, Pointwise):
        return pointwise(op, t, states)
    if PARTIAL in states:  # what is linear may be done before the sum
        return Layout(PARTIAL, (PARTIAL,)) if isinstance(op, Reshape | Transpose | BroadcastTo | Sum) else None
    if isinstance(op, Reduction):
        return reduction(op, t, states)
    if isinstance(op, Conv | ConvInputGrad):
        return Layout(0, (0, WHOLE, 0)[: len(states)]) if states[0] == 0 and states[1] == WHOLE else None
    if isinstance(op, Pool):
        return by_sample(op, t, states)
    found = RULES.get(type(op).__name__)
    return found(op, t, states) if found else None


def stack(rows: Tensor) -> Tensor | None:
    """The stack of matrices of which a matrix holds all rows."""
    x = rows.inputs[0] if isinstance(rows.op, Reshape) else None
    return x if x is not None and rows.ndim == 2 and x.shape[-1:] == rows.shape[-1:] else None


class Sharder:
    """One sharding of a graph whose shapes are known; ``shard_of`` says in which shard a new tensor is computed."""

    def __init__(self, batch: int, count: int, inputs: Sequence[Tensor]) -> None:
        self.batch = batch
        self.bounds = [(batch * i // count, batch * (i + 1) // count) for i in range(count)]
        self.states: dict[int, State] = {x.id: 0 for x in inputs}
        self.wholes: dict[int, Tensor] = {}
        self.pieces: dict[tuple[int, State], list[Tensor]] = {}
        self.shard_of: dict[int, int] = {}
        for x in inputs:
            self.pieces[x.id, 0] = self.sliced(x, 0)

    def __call__(self, outputs: Sequence[Tensor]) -> list[Tensor]:
        self.visit(outputs)
        return [self.whole(t) for t in outputs]

    def visit(self, outputs: Sequence[Tensor]) -> None:
        for t in toposort(outputs):
            if t.op is not None and t.id not in self.states:
                with origin(t.place):
                    self.apply(t, t.op)

    def state(self, t: Tensor) -> Any:
        return self.states.get(t.id, WHOLE)

    def apply(self, t: Tensor, op: Op) -> None:
        states = [self.state(x) for x in t.inputs]
        if isinstance(op, Item) and states != [WHOLE]:
            self.item(t, op, states[0])
            return
        if self.rows(t):
            return
        found = op.in_shards(self, t, states) if isinstance(op, RunsOthers) else layout(op, t, states)
        if found is not None and self.divides(t, found):
            self.states[t.id] = found.out
            parts = [self.parts(x, s) for x, s in zip(t.inputs, found.inputs, strict=True)]
            made = [self.local(op, t, found, i)(*(p[i] for p in parts)) for i in range(len(self.bounds))]
            self.pieces[t.id, found.out] = [self.coloured(m, i) for i, m in enumerate(made)]
            return
        inputs = [self.whole(x) for x in t.inputs]
        self.wholes[t.id] = t if inputs == list(t.inputs) else op(*inputs)

    def rows(self, t: Tensor) -> bool:
        """Whether ``t`` is a product over all rows of two stacks, and split: they come in any order, in both alike."""
        if not (isinstance(t.op, MatMul) and isinstance(t.inputs[0].op, Transpose) and t.ndim == 2):
            return False
        left, right = t.inputs
        a, b = stack(left.inputs[0]), stack(right)
        if a is None or b is None or a.shape[:-1] != b.shape[:-1]:
            return False
        state = self.state(a)
        if not 0 <= state == self.state(b) < a.ndim - 1:
            return False
        flat = [[Reshape((-1, static(x.shape[-1])))(p) for p in self.parts(x, state)] for x in (a, b)]
        made = [t.op(left.op(x), y) for x, y in zip(*flat, strict=True)]  # type: ignore[misc]
        self.states[t.id] = PARTIAL
        self.pieces[t.id, PARTIAL] = [self.coloured(m, i) for i, m in enumerate(made)]
        for i, m in enumerate(made):
            for x in (*m.inputs, *m.inputs[0].inputs):
                self.coloured(x, i)
        return True

    def item(self, t: Tensor, op: Item, states: State) -> None:
        """One of several outputs, which may be whole where others are split: then any shard has it."""
        made = [op(x) for x in self.pieces[t.inputs[0].id, states]]
        own = states[op.index] if isinstance(states, tuple) else states
        if own == WHOLE:
            self.wholes[t.id] = made[0]
        else:
            self.states[t.id] = own
            self.pieces[t.id, own] = [self.coloured(m, i) for i, m in enumerate(made)]

    def divides(self, t: Tensor, found: Layout) -> bool:
        """Whether the axes that are to be split hold whole samples."""
        types = t.type.items if isinstance(t.type, TupleType) else (t.type,)
        outs = found.out if isinstance(found.out, tuple) else (found.out,)
        pairs = [*zip((x.type for x in t.inputs), found.inputs, strict=True), *zip(types, outs, strict=False)]
        return all(s < len(type.shape) and static(type.shape[s]) % self.batch == 0 for type, s in pairs if s >= 0)

    def span(self, length: int, i: int) -> tuple[int, int]:
        """The part of an axis of this length that shard ``i`` holds."""
        low, high = self.bounds[i]
        return low * length // self.batch, high * length // self.batch

    def local(self, op: Op, t: Tensor, found: Layout, i: int) -> Op:
        """The op for shard ``i``, whose shape attribute, if any, is smaller."""
        if found.ops:
            return found.ops[i]
        if found.numbered:
            whole = t.inputs[found.inputs.index(0)]
            return changed(op, first=op.first + self.span(static(whole.shape[0]), i)[0])  # type: ignore[attr-defined]
        if not found.reshaped or isinstance(found.out, tuple):
            return op
        low, high = self.span(static(t.shape[found.out]), i)
        shape = (*t.shape[: found.out], high - low, *t.shape[found.out + 1 :])
        return changed(op, shape=shape)

    def coloured(self, t: Tensor, i: int) -> Tensor:
        self.shard_of[t.id] = i
        return t

    def parts(self, t: Tensor, state: int) -> list[Tensor]:
        """``t`` in each shard, in the state that an op needs."""
        if state == WHOLE:
            return [self.whole(t)] * len(self.bounds)
        if (t.id, state) not in self.pieces:
            self.pieces[t.id, state] = self.sliced(self.whole(t), state)
        return self.pieces[t.id, state]

    def sliced(self, t: Tensor, axis: int) -> list[Tensor]:
        slices = [self.span(static(t.shape[axis]), i) for i in range(len(self.bounds))]
        if isinstance(t, Constant):  # a stub of which only the shape is read stays one
            cut = [(slice(None),) * axis + (slice(*s),) for s in slices]
            return [Constant(t.array[c], t.type.with_shape(t.array[c].shape)) for c in cut]
        rest = (FULL,) * (t.ndim - axis - 1)
        made = [GetItem(((FULL,) * axis + ((*s, None),)) + rest)(t) for s in slices]
        return [self.coloured(m, i) for i, m in enumerate(made)]

    def whole(self, t: Tensor) -> Tensor:
        """``t`` put together again: partial sums added in the order of the shards, split axes joined."""
        state = self.state(t)
        if state == WHOLE:
            return self.wholes.get(t.id, t)
        if t.op is None:
            return t
        if t.id not in self.wholes:
            pieces = self.pieces[t.id, state]
            if state == PARTIAL:
                total = pieces[0]
                for piece in pieces[1:]:
                    total = ew.add(total, piece)
            else:
                total = Concatenate(state)(*pieces)
            self.wholes[t.id] = total
        return self.wholes[t.id]


def arrange(order: Sequence[Tensor], shard_of: Mapping[int, int]) -> list[tuple[Tensor, int, int]]:
    """Tensors with shard and phase, by phase: even ones belong to the main thread, odd ones to shards side by side."""
    if not shard_of:
        return [(t, MAIN, 0) for t in order]
    phases: dict[int, int] = {}
    rows = []
    for n, t in enumerate(order):
        shard = shard_of.get(t.id, MAIN)
        phase = max((phases[x.id] for x in t.inputs), default=0)
        if t.op is not None and phase % 2 != (shard != MAIN):
            phase += 1
        phases[t.id] = phase
        rows.append((phase, shard, n, t))
    rows.sort(key=lambda row: row[:3])
    return [(t, shard, phase) for phase, shard, _, t in rows]
