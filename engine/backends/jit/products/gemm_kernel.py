"""Products with a packed matrix: a block of the result stays in registers while the common axis runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ....frozen import frozen
from ....graph import Op
from ....ops.program import program as row
from ....types import Array, TensorType
from ...threads import workers
from ..code.compiler import CompileError, compiled
from ..code.machine import register_width
from ..code.native import Native, address, movable
from ..elementwise.launch import together
from ..llvm.loop_nest import SIZES, mask_of, module, read_fields, store, suffix
from ..llvm.values import KINDS, Code

FIELDS = (
    "blocks", "last", "panels", "k", "n", "a", "a.row", "a.step", "b", "start", "start.row", "out", "out.row",
)  # fmt: skip
POINTERS = ("a", "b", "start", "out")
SHARED = 1 << 22  # operations from which a product is shared among threads

Call = Callable[[], Any]


def rows_for(vectors: int) -> int:
    """Rows of a block: with as many registers for sums as hide how long a multiplication takes."""
    return (16 if register_width() == 64 else 12) // vectors


@frozen
class GemmKernel(Op):
    """``a`` (..., k) times a packed matrix of so many columns, plus ``start`` (all of it, or one row) if given."""

    columns: int
    threads: bool  # whether it may use the threads of this process
    name = "compiled<matmul>"
    strided: ClassVar[bool] = True

    def infer(self, a: TensorType, b: TensorType, start: TensorType | None = None) -> TensorType:
        return TensorType((*a.shape[:-1], self.columns), a.dtype)

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        a, b, *start = inputs
        if not out.size or not a.size:
            return partial(by_hand, inputs, out)
        first = [np.broadcast_to(x, out.shape) for x in start]
        flat = [rows_of(x) for x in (a, *first, out)]
        matrices = [x for x in flat if x is not None]
        if len(matrices) < len(flat) and out.ndim > 2:
            return row([self.bind([a[i], b, *(x[i] for x in first)], out[i]) for i in range(len(out))])
        if len(matrices) < len(flat) or any(x.strides[1] != x.itemsize for x in matrices[1:]):
            return partial(by_hand, inputs, out)
        vectors = b.shape[2] * b.itemsize // register_width()
        rows = min(len(matrices[0]), rows_for(vectors))
        try:
            run = kernel(out.dtype.name, rows, vectors, bool(start))
        except CompileError:
            return partial(by_hand, inputs, out)
        return together(self.parts(run, rows, matrices, [*inputs, out]))

    def parts(self, run: Any, rows: int, matrices: Sequence[Array], operands: Sequence[Array]) -> list[Native]:
        """The call, or one for each thread, with whole blocks of ``rows``; ``operands`` may move."""
        (m, k), b = matrices[0].shape, operands[1]
        count = min(workers(), m // rows) if self.threads and 2 * m * k * self.columns >= SHARED else 1
        places = [FIELDS.index(name) for name in ("a", "b", *(("start",) if len(matrices) == 3 else ()), "out")]
        calls: list[Native] = []
        for i in range(count):
            a, *others = (x[m * i // count : m * (i + 1) // count] for x in matrices)
            numbers = [-(-len(a) // rows), len(a) - rows, len(b), k, self.columns, address(a), *a.strides, address(b)]
            for x in (others[0], others[-1]):
                numbers += [address(x), x.strides[0]]
            calls.append(movable(run, numbers, operands, places))
        return calls


def rows_of(x: Array) -> Array | None:
    """An array as a matrix of its rows, whose elements lie side by side or not; None where rows lie anyhow."""
    if x.ndim == 2:
        return x
    lead, strides = x.shape[:-1], x.strides[:-1]
    if any(n > 1 and s != t * m for n, s, t, m in zip(lead, strides, strides[1:], lead[1:], strict=False)):
        return None
    return as_strided(x, (prod(lead), x.shape[-1]), (strides[-1], x.strides[-1]), writeable=x.flags.writeable)


def by_hand(inputs: Sequence[Array], out: Array) -> None:
    """The same with NumPy, where the kernel cannot be compiled or the arrays lie otherwise."""
    a, b, *start = inputs
    product = np.matmul(a, np.hstack([*b])[:, : out.shape[-1]]) if out.size else out
    np.add(product, start[0], out) if start else np.copyto(out, product)


@cache
def kernel(dtype: str, rows: int, vectors: int, start: bool) -> Any:
    kind = KINDS[dtype]
    return compiled(product_text(kind, register_width() // SIZES[kind], rows, vectors, start))


def product_text(kind: str, lanes: int, rows: int, vectors: int, start: bool) -> str:
    """A module with the function ``kernel``; a block of the result has so many rows and vectors.

    The last block of rows begins ``rows`` before the end, so that some rows are computed twice: every row is the same
    sum wherever its block begins.
    """
    code, width = Code(lanes), lanes * vectors * SIZES[kind]
    read_fields(code, FIELDS, POINTERS)
    code.do(f"%size = mul i64 %k, {width}")
    code.do("br label %columns")
    code.label(
        "columns", "%p = phi i64 [0, %entry], [%p.next, %columns.end]",
        "%panel = phi ptr [%b, %entry], [%panel.next, %columns.end]",
        "%left = phi i64 [%n, %entry], [%left.next, %columns.end]",
    )  # fmt: skip
    masks = [mask_of(code, code.emit(f"sub i64 %left, {v * lanes}")) for v in range(vectors)]
    code.do(f"%offset = mul i64 %p, {width}")
    code.do("br label %rows")
    code.label("rows", "%block = phi i64 [0, %columns], [%block.next, %rows.end]")
    wanted = code.emit(f"mul i64 %block, {rows}")
    first = code.call("llvm.smin.i64", "i64", ("i64", wanted), ("i64", "%last"))
    grid = [(r, v) for r in range(rows) for v in range(vectors)]
    begin = dict.fromkeys(grid, "zeroinitializer")
    if start:
        for r, place in enumerate(lines(code, "start", first, rows, "%offset")):
            begin.update(((r, v), read(code, kind, place, v, masks[v])) for v in range(vectors))
    sums = common_axis(code, kind, lines(code, "a", first, rows, "0"), begin, vectors)
    for r, place in enumerate(lines(code, "out", first, rows, "%offset")):
        for v in range(vectors):
            store(code, kind, sums[r, v], beside(code, kind, place, v), masks[v])
    code.do("%block.next = add i64 %block, 1")
    again(code, "block", "blocks", "rows", "columns.end")
    code.label("columns.end", "%p.next = add i64 %p, 1", "%panel.next = getelementptr i8, ptr %panel, i64 %size")
    code.do(f"%left.next = sub i64 %left, {lanes * vectors}")
    again(code, "p", "panels", "columns", "end")
    code.label("end")
    return module(code)


def common_axis(
    code: Code, kind: str, starts: Sequence[str], begin: dict[tuple[int, int], str], vectors: int
) -> dict[tuple[int, int], str]:
    """The loop over the common axis; returns the sums of a block, and goes on in the block ``rows.end``."""
    vector, lanes = code.vector(kind), code.lanes
    code.do("br label %common")
    come = "[{}, %rows], [{}, %common]"
    code.label("common", f"%i = phi i64 {come.format(0, '%i.next')}", f"%step = phi i64 {come.format(0, '%step.next')}")
    code.do(f"%line = phi ptr {come.format('%panel', '%line.next')}")
    for (r, v), ref in begin.items():
        code.do(f"%sum{r}.{v} = phi {vector} {come.format(ref, f'%new{r}.{v}')}")
    line = [
        code.emit(f"load {vector}, ptr {beside(code, kind, '%line', v)}, align {SIZES[kind]}") for v in range(vectors)
    ]
    multiply = f"llvm.fmuladd.v{lanes}{suffix(kind)}"
    code.declared[multiply] = f"declare {vector} @{multiply}({vector}, {vector}, {vector})"
    for r, start in enumerate(starts):
        x = code.splat(kind, code.emit(f"load {kind}, ptr {code.emit(f'getelementptr i8, ptr {start}, i64 %step')}"))
        for v in range(vectors):
            code.do(f"%new{r}.{v} = call {vector} @{multiply}({vector} {x}, {vector} {line[v]}, {vector} %sum{r}.{v})")
    code.do("%i.next = add i64 %i, 1")
    code.do("%step.next = add i64 %step, %a.step")
    code.do(f"%line.next = getelementptr i8, ptr %line, i64 {lanes * vectors * SIZES[kind]}")
    again(code, "i", "k", "common", "rows.end")
    code.label("rows.end")
    return {(r, v): f"%new{r}.{v}" for r, v in begin}


def again(code: Code, counter: str, limit: str, loop: str, after: str) -> None:
    more = code.emit(f"icmp slt i64 %{counter}.next, %{limit}")
    code.do(f"br i1 {more}, label %{loop}, label %{after}")


def lines(code: Code, name: str, first: str, count: int, offset: str) -> list[str]:
    """Where the rows of a block begin in an operand."""
    skipped = code.emit(f"mul i64 {first}, %{name}.row")
    found = [code.emit(f"getelementptr i8, ptr %{name}, i64 {code.emit(f'add i64 {skipped}, {offset}')}")]
    for _ in range(count - 1):
        found.append(code.emit(f"getelementptr i8, ptr {found[-1]}, i64 %{name}.row"))
    return found


def beside(code: Code, kind: str, place: str, v: int) -> str:
    return code.emit(f"getelementptr {kind}, ptr {place}, i64 {v * code.lanes}")


def read(code: Code, kind: str, place: str, v: int, mask: str) -> str:
    """A vector under a mask."""
    vector = code.vector(kind)
    arguments = [("ptr", beside(code, kind, place, v)), ("i32", str(SIZES[kind])), (code.vector("i1"), mask)]
    name = f"llvm.masked.load.v{code.lanes}{suffix(kind)}.p0"
    return code.call(name, vector, *arguments, (vector, "zeroinitializer"))
