"""Matrices as panels: a few vector registers side by side, and the rows of a panel behind each other.

A BLAS copies the right matrix of a product into such an order at every call. Here ``Pack`` does it once for all
products that read it, which is what a loop needs that multiplies a few rows by the same weights in every turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import pairwise
from typing import Any

import numpy as np

from ....frozen import frozen
from ....graph import Op
from ....ops.program import program as row
from ....types import Array, TensorType, static
from ...threads import workers
from ..code.compiler import CompileError, compiled
from ..code.machine import register_width
from ..code.native import Native, address, movable
from ..elementwise.launch import together
from ..llvm.across import transposed
from ..llvm.loop_nest import SIZES, module, read_fields
from ..llvm.values import KINDS, Code

Call = Callable[[], Any]
FIELDS = ("rows", "columns", "from", "step", "to", "size")  # of the kernel that transposes; steps in bytes
COPIED = ("rows", "panels", "from", "step", "to", "size")  # of the one that copies
SHARED = 1 << 18  # bytes of a matrix from which it is packed by threads


def vectors_for(columns: int, itemsize: int) -> int:
    """Registers side by side in a panel: so many that a product has a block of sums, and few columns are filled up."""
    count = -(-columns * itemsize // register_width())
    if register_width() < 64:
        return min(2, count)
    return count if count < 6 else min((4, 5, 3), key=lambda v: -count % v)


@frozen
class Pack(Op):
    """A matrix as panels (panels, rows, width of a panel); the last one is filled up with zeros."""

    threads: bool = False  # whether it may use the threads of this process
    name = "pack"

    def infer(self, w: TensorType) -> TensorType:
        k, n = map(static, w.shape)
        width = vectors_for(n, w.dtype.itemsize) * register_width() // w.dtype.itemsize
        return TensorType((-(-n // width), k, width), w.dtype)

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        (w,) = inputs
        if not w.size or not out.flags.c_contiguous:
            return row(copies(w, out))
        try:
            if w.strides[1] == w.itemsize:
                return self.copied(w, out)
            if w.strides[0] == w.itemsize:
                return self.turned(w, out)
        except CompileError:
            pass
        return row(copies(w, out))

    def copied(self, w: Array, out: Array) -> Call:
        """The rows of a matrix lie side by side in memory."""
        (k, n), width, size = w.shape, out.shape[2], w.itemsize
        lanes = register_width() // size
        run = copier(w.dtype.name, lanes, width // lanes)
        calls: list[Native] = []
        for first, last in self.shares(n // width, w):
            source, target = address(w) + first * width * size, address(out) + first * out.strides[0]
            calls.append(
                movable(run, [k, last - first, source, w.strides[0], target, out.strides[0]], [w, out], (2, 4))
            )
        return row([*at_once(calls), *columns(w, out, n // width * width)])

    def turned(self, w: Array, out: Array) -> Call:
        """Its columns do: whole squares are transposed."""
        width, lanes = out.shape[2], register_width() // w.itemsize
        k, n = (length // lanes * lanes for length in w.shape)
        if not k or not n:
            return row(copies(w, out))
        run = transposer(w.dtype.name, lanes, width // lanes)
        calls: list[Native] = []
        for first, last in self.shares(-(-n // width), w):
            count = min(last * width, n) - first * width
            source, target = address(w) + first * width * w.strides[1], address(out) + first * out.strides[0]
            calls.append(movable(run, [k, count, source, w.strides[1], target, out.strides[0]], [w, out], (2, 4)))
        return row([*at_once(calls), *copies(w[k:], out[:, k:]), *columns(w[:k], out, n)])

    def shares(self, panels: int, w: Array) -> list[tuple[int, int]]:
        """Panels from and to, for each thread."""
        count = min(workers(), max(panels, 1)) if self.threads and w.nbytes >= SHARED else 1
        cuts = [panels * i // count for i in range(count + 1)]
        return [*pairwise(cuts)] if panels else []


def at_once(calls: list[Native]) -> list[Call]:
    """The shares of all threads as one call, if there are any."""
    return [together(calls)] if calls else []


def copies(w: Array, out: Array) -> list[Call]:
    """Calls that copy all rows of ``w`` into ``out``, whole panels first."""
    (k, n), width = w.shape, out.shape[2]
    whole = n // width
    panels = w[:, : whole * width].reshape(k, whole, width).transpose(1, 0, 2)
    return [partial(np.copyto, out[:whole], panels), *columns(w, out, whole * width)] if k else []


def columns(w: Array, out: Array, first: int) -> list[Call]:
    """Calls that copy the columns from ``first`` on, which lie in the last panel, and fill it up."""
    (k, n), width = w.shape, out.shape[2]
    last, rest = out[-1:, :k], (n - 1) % width + 1
    calls: list[Call] = []
    if first < n:
        calls.append(partial(np.copyto, last[0, :, rest - (n - first) : rest], w[:, first:]))
    if rest < width and n:
        calls.append(partial(last[0, :, rest:].fill, 0))
    return calls


@cache
def copier(dtype: str, lanes: int, vectors: int) -> Any:
    return compiled(copier_text(KINDS[dtype], lanes, vectors))


def copier_text(kind: str, lanes: int, vectors: int) -> str:
    """A module with the function ``kernel``, which packs whole panels of a matrix whose rows are contiguous."""
    code, vector, size = Code(lanes), f"<{lanes} x {kind}>", SIZES[kind]
    width = lanes * vectors * size
    read_fields(code, COPIED, ("from", "to"))
    code.do("br label %panels.loop")
    code.label(
        "panels.loop", "%j = phi i64 [0, %entry], [%j.next, %panels.end]",
        "%source = phi ptr [%from, %entry], [%source.next, %panels.end]",
        "%target = phi ptr [%to, %entry], [%target.next, %panels.end]",
    )  # fmt: skip
    code.do("br label %rows.loop")
    come = "[{}, %panels.loop], [{}, %rows.loop]"
    code.label("rows.loop", f"%i = phi i64 {come.format(0, '%i.next')}")
    code.do(f"%line = phi ptr {come.format('%source', '%line.next')}")
    code.do(f"%place = phi ptr {come.format('%target', '%place.next')}")
    for v in range(vectors):
        x = code.emit(
            f"load {vector}, ptr {code.emit(f'getelementptr {kind}, ptr %line, i64 {v * lanes}')}, align {size}"
        )
        place = code.emit(f"getelementptr {kind}, ptr %place, i64 {v * lanes}")
        code.do(f"store {vector} {x}, ptr {place}, align {size}")
    code.do("%line.next = getelementptr i8, ptr %line, i64 %step")
    code.do(f"%place.next = getelementptr i8, ptr %place, i64 {width}")
    code.do("%i.next = add i64 %i, 1")
    code.do(f"br i1 {code.emit('icmp slt i64 %i.next, %rows')}, label %rows.loop, label %panels.end")
    code.label("panels.end", f"%source.next = getelementptr i8, ptr %source, i64 {width}")
    code.do("%target.next = getelementptr i8, ptr %target, i64 %size")
    code.do("%j.next = add i64 %j, 1")
    code.do(f"br i1 {code.emit('icmp slt i64 %j.next, %panels')}, label %panels.loop, label %end")
    code.label("end")
    return module(code)


@cache
def transposer(dtype: str, lanes: int, vectors: int) -> Any:
    return compiled(transposer_text(KINDS[dtype], lanes, vectors))


def transposer_text(kind: str, lanes: int, vectors: int) -> str:
    """A module with the function ``kernel``, which packs whole squares of a matrix whose columns are contiguous."""
    code, vector, size = Code(lanes), f"<{lanes} x {kind}>", SIZES[kind]
    read_fields(code, FIELDS, ("from", "to"))
    code.do("br label %columns.loop")
    code.label("columns.loop", "%j = phi i64 [0, %entry], [%j.next, %columns.end]")
    number = code.emit(f"udiv i64 %j, {lanes * vectors}")
    place = code.emit(f"getelementptr i8, ptr %to, i64 {code.emit(f'mul i64 {number}, %size')}")
    inside = code.emit(f"urem i64 %j, {lanes * vectors}")
    code.do(f"%panel = getelementptr {kind}, ptr {place}, i64 {inside}")
    code.do(f"%column = getelementptr i8, ptr %from, i64 {code.emit('mul i64 %j, %step')}")
    code.do("br label %rows.loop")
    code.label("rows.loop", "%i = phi i64 [0, %columns.loop], [%i.next, %rows.loop]")
    source = code.emit(f"getelementptr {kind}, ptr %column, i64 %i")
    square = []
    for _ in range(lanes):
        square.append(code.emit(f"load {vector}, ptr {source}, align {size}"))
        source = code.emit(f"getelementptr i8, ptr {source}, i64 %step")
    target = code.emit(f"getelementptr {kind}, ptr %panel, i64 {code.emit(f'mul i64 %i, {lanes * vectors}')}")
    for line in transposed(code, square, kind):
        code.do(f"store {vector} {line}, ptr {target}, align {size}")
        target = code.emit(f"getelementptr {kind}, ptr {target}, i64 {lanes * vectors}")
    code.do(f"%i.next = add i64 %i, {lanes}")
    code.do(f"br i1 {code.emit('icmp slt i64 %i.next, %rows')}, label %rows.loop, label %columns.end")
    code.label("columns.end", f"%j.next = add i64 %j, {lanes}")
    code.do(f"br i1 {code.emit('icmp slt i64 %j.next, %columns')}, label %columns.loop, label %end")
    code.label("end")
    return module(code)
