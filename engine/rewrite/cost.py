"""Whether shards pay: the seconds that a graph takes, estimated from its shapes alone.

A model instead of a measurement, so that the choice is the same at every run on as many threads, and a run that is
resumed goes on to the last bit. The figures are those of one core of a current machine; only their ratios matter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ..graph import Tensor, toposort
from ..ops.attention import Attends
from ..ops.base import Item, Pointwise
from ..ops.convolution import Conv, ConvInputGrad, ConvWeightGrad
from ..ops.matmul import MatMul
from ..types import TensorType, TupleType
from .shards import MAIN, RunsOthers, arrange

FLOPS = 70e9  # of one thread in matrix products, in float32
BYTES = 25e9  # that simple elementwise kernels move in a second
SLOW = 8  # other kernels take so many times as long for a byte
CALL = 1e-6  # seconds of any step
THREADED = 1e6  # operations of the smallest product that BLAS shares among its threads
HANDOVER = 80e-6  # seconds to give a phase to the threads and to wait for them
WORTH = 0.85  # shards must save more than a model of a machine can be wrong
CHEAP = ("add", "subtract", "multiply", "divide", "negative", "square", "where", "keep", "relu", "maximum", "copy")
FREE = ("reshape", "transpose", "getitem", "broadcast_to", "expand_dims", "squeeze")  # most are views


def nbytes(type: TensorType | TupleType) -> int:
    return sum(map(nbytes, type.items)) if isinstance(type, TupleType) else type.nbytes


def operations(t: Tensor) -> float:
    """Multiplications and additions of a matrix product, a convolution or attention; 0 for other ops."""
    if isinstance(t.op, MatMul):
        return 2.0 * float(t.type.size * t.inputs[0].type.shape[-1])
    if isinstance(t.op, Attends):
        return 2.0 * t.op.products(*(x.shape for x in t.inputs))
    if not isinstance(t.op, Conv | ConvInputGrad | ConvWeightGrad):
        return 0.0
    a, b = t.inputs[:2]
    y, w = (t, b) if isinstance(t.op, Conv) else (a, b) if isinstance(t.op, ConvInputGrad) else (b, t)
    return 2.0 * float(y.type.size * w.type.size) / max(w.shape[-1] or 1, 1)


def seconds(t: Tensor, threads: int) -> float:
    """The time of one tensor, where BLAS has so many threads."""
    if t.op is None or isinstance(t.op, Item) or t.op.name in FREE:
        return 0.0
    if isinstance(t.op, RunsOthers):  # a product of a turn is too small to be shared
        turns, outputs = t.op.graph(t.inputs)
        return CALL + turns * whole(outputs, 1)
    work = operations(t)
    if work:
        shared = threads if isinstance(t.op, MatMul | Attends) and work > THREADED else 1
        return CALL + work / FLOPS / (1 + 0.8 * (shared - 1))
    moved = nbytes(t.type) + sum(nbytes(x.type) for i, x in enumerate(t.inputs) if i not in t.op.shape_only)
    slow = 1 if isinstance(t.op, Pointwise) and t.op.name in CHEAP else SLOW
    return CALL + moved * slow / BYTES


def whole(outputs: Iterable[Tensor], threads: int) -> float:
    """The time of a graph on one thread, beside those of BLAS."""
    return sum(seconds(t, threads) for t in toposort(outputs))


def sharded(outputs: Sequence[Tensor], shard_of: Mapping[int, int]) -> float:
    """The time of a graph whose shards run side by side, with one BLAS thread each."""
    phases: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for t, shard, phase in arrange(toposort(outputs), shard_of):
        phases[phase][shard] += seconds(t, 1)
    return sum(max(row.values()) + (HANDOVER if set(row) != {MAIN} else 0.0) for row in phases.values())


def pays(before: Sequence[Tensor], after: Sequence[Tensor], shard_of: Mapping[int, int], threads: int) -> bool:
    """Whether a graph is faster in shards."""
    return sharded(after, shard_of) < WORTH * whole(before, threads)
