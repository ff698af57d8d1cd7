"""Products with a narrow matrix, such as the one that makes ten classes; a BLAS takes half as long again for them.

A row of the narrow matrix fits into one vector register. Eight rows of the result are kept in registers while the
common axis runs, and each element of the other matrix is multiplied with a whole row. Where long rows or columns of
that matrix are contiguous, vectors run along these instead, so that no lane is idle, and the narrow matrix, or the
result, is turned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from ....frozen import frozen
from ....graph import Op, Tensor
from ....ops.matmul import MatMul
from ....types import Array, TensorType, static
from ..code.compiler import CompileError, compiled
from ..code.machine import register_width
from ..code.native import Movable, Native, address, movable, pairs, sequence
from ..elementwise.sums import chain
from ..kernel import Kernel, among
from ..llvm.loop_nest import SIZES
from ..llvm.values import KINDS
from .gemv import multiplies_floats, row_kernel
from .gemv_text import ROW_FIELDS
from .narrow_gemm_text import FIELDS, dots_text, product_text, turn_text

COLUMN = 128  # elements of a row or column, along which vectors run
LEAST = 32  # rows and common length
WIDEST = 64  # bytes of a vector register
REGISTERS = {64: 32, 32: 16, 16: 16}  # bytes of a register -> how many there are
TURNED = tuple(ROW_FIELDS.index(name) for name in ("b", "a", "out"))
ADDRESSES = tuple(FIELDS.index(name) for name in ("a", "b", "out"))


@frozen
class NarrowGemm(Op):
    """A matrix product whose right side has few columns."""

    name = "compiled<matmul>"

    def infer(self, a: TensorType, b: TensorType) -> TensorType:
        return MatMul().infer(a, b)

    def bind(self, inputs: Sequence[Array], out: Array) -> Callable[[], Any]:
        a, b = inputs
        try:
            run = kernel(out.dtype.name)
        except CompileError:
            run = None
        if run is None or b.strides[1] != b.itemsize or out.strides[1] != b.itemsize:
            return MatMul().bind(inputs, out)
        if a.strides[0] == a.itemsize and len(a) >= COLUMN:
            return along_columns(a, b, out)
        if a.strides[1] == a.itemsize and a.shape[1] >= COLUMN and len(a) > rows_at_once(b.shape[1]) > 1:
            return along_rows(a, b, out)
        numbers = [*a.shape, b.shape[1], address(a), *a.strides, address(b), b.strides[0]]
        return movable(run, [*numbers, address(out), out.strides[0]], (a, b, out), ADDRESSES)


def along_columns(a: Array, b: Array, out: Array) -> Callable[[], Any]:
    """``out = a b`` with contiguous columns of ``a``: first its transpose, the few rows of ``b.T`` times ``a.T``."""
    (m, k), n, kind = a.shape, b.shape[1], KINDS[out.dtype.name]
    lanes = register_width() // out.itemsize
    vectors = max(1, (REGISTERS[register_width()] - n - 2) // n)
    turned = np.empty((n, m), out.dtype)
    blocks, rest = divmod(m, vectors * lanes)
    run = row_kernel(kind, lanes, n, vectors, -(-rest // lanes), False)
    numbers = [k, m, blocks, address(b), b.strides[1], b.strides[0], address(a), a.strides[1]]
    first = movable(run, [*numbers, address(turned), turned.strides[0]], (a, b, turned), TURNED)
    return chain([first], [turn(turned.T, out)])


def along_rows(a: Array, b: Array, out: Array) -> Callable[[], Any]:
    """``out = a b`` with contiguous rows of ``a``: products with the columns of ``b``, lane by lane, then added up."""
    (m, k), n = a.shape, b.shape[1]
    turned = np.empty((n, k), out.dtype)
    lanes = register_width() // out.itemsize
    run = dots_kernel(KINDS[out.dtype.name], lanes, n, rows_at_once(n), k % lanes == 0)
    numbers = [m, k, address(a), a.strides[0], address(turned), turned.strides[0], address(out), out.strides[0]]
    calls = (turn(b, turned.T), movable(run, numbers, (a, turned, out), (2, 4, 6)))
    return Pair(sequence(), [2, *pairs(calls)], calls)


class Pair(Native):
    """The narrow matrix turned, then the product, which move together."""

    def move(self, inputs: Sequence[Array]) -> bool:
        turning, product = self.kept
        return turning.move(inputs[1:]) and product.move(inputs[:1])  # type: ignore[no-any-return]


def rows_at_once(n: int) -> int:
    """Rows of n sums that fit into registers."""
    return (REGISTERS[register_width()] - 2) // n


def turn(x: Array, out: Array) -> Movable:
    """Copy a matrix of few columns, all of whose elements may lie apart."""
    numbers = [len(x), address(x), *x.strides, address(out), *out.strides]
    return movable(turn_kernel(KINDS[out.dtype.name], x.shape[1]), numbers, (x, out), (1, 4))


@cache
def turn_kernel(kind: str, n: int) -> Any:
    return compiled(turn_text(kind, n))


@cache
def dots_kernel(*parameters: Any) -> Any:
    return compiled(dots_text(*parameters))


def is_narrow_gemm(t: Tensor) -> bool:
    """Whether ``t`` is such a product."""
    if not multiplies_floats(t):
        return False
    m, k, n = (*(static(d) for d in t.inputs[0].shape), static(t.shape[1]))
    if min(m, k) < LEAST or n > WIDEST // t.dtype.itemsize:
        return False  # before anybody asks what the registers are
    lanes = register_width() // t.dtype.itemsize
    return lanes < 2 * n <= 2 * lanes


@cache
def kernel(dtype: str) -> Any:
    kind = KINDS[dtype]
    return compiled(product_text(kind, register_width() // SIZES[kind]))


KERNEL = Kernel(among(MatMul), is_narrow_gemm, lambda op, t, shards: NarrowGemm(), lambda t: t.inputs[0].type.size)
