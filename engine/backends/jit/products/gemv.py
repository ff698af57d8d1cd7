"""Products with a vector, or with a few rows: all their time goes into reading the matrix, once and in its order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeAlias

from ....frozen import frozen
from ....graph import Constant, Op, Tensor
from ....leaves import Variable
from ....ops.matmul import MatMul
from ....types import Array, TensorType, static
from ...threads import workers
from ..code.compiler import CompileError, compiled
from ..code.machine import has_masks, register_width
from ..code.native import address, movable
from ..elementwise.launch import together
from ..kernel import Kernel, among
from ..llvm.values import KINDS
from .gemv_text import COLUMN_FIELDS, ROW_FIELDS, column_text, rows_text

Part: TypeAlias = "tuple[Any, list[int]]"  # kernel and numbers
MOST = 4  # rows
LEAST = 1 << 10  # elements of the matrix
NARROWEST = 16  # elements of a sum
SUMS = {64: 16, 32: 8, 16: 8}  # bytes of a register -> vectors of sums that stay in registers
SHARED = 1 << 18  # bytes of weights of which each thread takes a share, which stays in its cache
STREAMED = 1 << 22  # bytes of another matrix, more than a cache holds
PLAIN, TURNED = ("a", "b", "out"), ("b", "a", "out")


@frozen
class Thin(Op):
    """A matrix product with few rows, or with one column."""

    name = "compiled<matmul>"
    steady: bool  # the matrix is the same at every run
    threads: bool  # whether it may use the threads of this process

    def infer(self, a: TensorType, b: TensorType) -> TensorType:
        return MatMul().infer(a, b)

    def bind(self, inputs: Sequence[Array], out: Array) -> Callable[[], Any]:
        a, b = inputs
        matrix = a if b.shape[1] == 1 else b
        parts = workers() if self.threads and matrix.nbytes >= (SHARED if self.steady else STREAMED) else 1
        for fields, (x, y, result) in ((PLAIN, (a, b, out)), (TURNED, (b.T, a.T, out.T))):
            for make, names in ((rows, ROW_FIELDS), (column, COLUMN_FIELDS)):
                try:
                    found = make(x, y, result, parts)
                except CompileError:
                    found = None
                if found:
                    places = [names.index(name) for name in fields]
                    return together([movable(run, numbers, [a, b, out], places) for run, numbers in found])
        return MatMul().bind(inputs, out)


def rows(a: Array, b: Array, out: Array, parts: int) -> list[Part] | None:
    """``out = a b`` for few rows of ``a``, in parts of columns; None where they do not lie so."""
    (m, k), n, size = a.shape, b.shape[1], out.itemsize
    if m > MOST or n == 1 or b.strides[1] != size or out.strides[1] != size:
        return None
    lanes = register_width() // size
    if n < lanes and not has_masks():
        return None
    found, each = [], -(-n // (parts * lanes)) * lanes
    for start in range(0, n, each):
        count = min(each, n - start)
        vectors = min(-(-count // lanes), SUMS[register_width()] // m)
        blocks, rest = divmod(count, vectors * lanes)
        run = row_kernel(KINDS[out.dtype.name], lanes, m, vectors, -(-rest // lanes), count < lanes)
        numbers = [k, count, blocks, address(a), *a.strides, address(b) + start * size, b.strides[0]]
        found.append((run, [*numbers, address(out) + start * size, out.strides[0]]))
    return found


def column(a: Array, b: Array, out: Array, parts: int) -> list[Part] | None:
    """``out = a b`` for a matrix ``a`` and one column, in parts of rows; None where they do not lie so."""
    (m, k), size = a.shape, out.itemsize
    lanes = register_width() // size
    lie_so = (a.strides[1], b.strides[0], out.strides[0]) == (size, size, size)
    if b.shape[1] > 1 or min(m, k) < lanes or not lie_so:
        return None
    run = column_kernel(KINDS[out.dtype.name], lanes, k % lanes == 0)
    found, each = [], max(-(-m // parts), lanes)
    for begin in range(0, m, each):
        start, count = min(begin, m - lanes), max(min(each, m - begin), lanes)
        place = address(out) + start * size
        found.append((run, [count, k, address(a) + start * a.strides[0], a.strides[0], address(b), place]))
    return found


@cache
def row_kernel(*parameters: Any) -> Any:
    return compiled(rows_text(*parameters))


@cache
def column_kernel(*parameters: Any) -> Any:
    return compiled(column_text(*parameters))


def multiplies_floats(t: Tensor) -> bool:
    """Whether ``t`` is a product of two matrices of known lengths, of floats of one dtype."""
    if not isinstance(t.op, MatMul) or t.ndim != 2 or any(x.dtype != t.dtype for x in t.inputs) or not t.type.known:
        return False
    return t.dtype.name in ("float32", "float64")


def is_gemv(t: Tensor) -> bool:
    """Whether ``t`` is such a product."""
    if not multiplies_floats(t):
        return False
    (m, k), n = (static(d) for d in t.inputs[0].shape), static(t.shape[1])
    if k < NARROWEST:
        return False
    return (m <= MOST and n > 1 and k * n >= LEAST) or (n == 1 and m > 1 and m * k >= LEAST)


def gemv(t: Tensor, threads: bool) -> Thin:
    """The op in place of that of ``t``."""
    matrix = t.inputs[0] if t.shape[1] == 1 else t.inputs[1]
    while matrix.op is not None and matrix.op.view is not Op.view and len(matrix.inputs) == 1:
        (matrix,) = matrix.inputs
    return Thin(isinstance(matrix, Variable | Constant), threads)


KERNEL = Kernel(
    among(MatMul), is_gemv, lambda op, t, shards: gemv(t, not shards), lambda t: max(x.type.size for x in t.inputs)
)
