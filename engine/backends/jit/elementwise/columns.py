"""Sums over all axes but the last, of what a compiled loop computes: what biases and batch normalization ask for.

The numbers of a column are added in blocks of rows, one after the other, and sums of blocks in the same way; so bits do
not depend on the number of threads, and no BLAS shares out what memory limits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from ....frozen import frozen
from ....graph import Tensor
from ....ops.program import program as row
from ....ops.reductions import Sum
from ....types import Array, static
from ...threads import workers
from ..code.compiler import CompileError, compiled
from ..code.native import Native, address, movable
from ..llvm.counted_loop import Row, counted, shifted, times
from ..llvm.loop_nest import SIZES, element, module, stored, truth
from ..llvm.values import Code, UnsupportedError, Value, kind_of
from .fused import Program
from .launch import SHARED, collapse, lanes, packed, together
from .sums import Summed, chain, stored_apart

COLUMNS = -1  # where others say how many first axes a sum keeps
LEAST = (64, 8)  # rows and columns; smaller sums are a product with ones
BLOCK = 256  # rows


def is_column_sum(t: Tensor) -> bool:
    """Whether ``t`` adds the rows of a large array."""
    if not isinstance(t.op, Sum) or not t.inputs[0].type.known:
        return False
    return t.dtype == t.inputs[0].dtype and are_columns(t.inputs[0], t.op.axes)


def are_columns(x: Tensor, axes: tuple[int, ...]) -> bool:
    """Whether ``axes`` are all but the last of a large array of floats."""
    if x.ndim < 2 or x.dtype.name not in ("float32", "float64") or axes != tuple(range(x.ndim - 1)):
        return False
    rows, columns = prod(map(static, x.shape[:-1])), static(x.shape[-1])
    return rows >= LEAST[0] and columns >= LEAST[1]


@frozen
class Columns(Summed):
    """A group whose last results are sums over all axes but the last."""

    def bind(self, inputs: Sequence[Array], out: Any) -> Callable[[], Any]:
        outputs = list(out) if len(self.program.results) > 1 else [out]
        wholes, totals = outputs[: -len(self.totals)], outputs[-len(self.totals) :]
        shape: tuple[Any, ...] = self.shape
        try:
            return column_sums(self.program, shape, inputs, wholes, totals, self.threads)
        except (CompileError, UnsupportedError):
            return stored_apart(self.program, shape, inputs, wholes, totals, COLUMNS)


def lone_columns(t: Tensor, threads: bool) -> Columns:
    """The op that makes the sum ``t`` of what is there already."""
    x = t.inputs[0]
    return Columns(Program((x.dtype,), (), (0,), 1), x.shape, threads, COLUMNS, (t.type,))


def column_sums(
    program: Program,
    shape: tuple[int, ...],
    inputs: Sequence[Array],
    wholes: Sequence[Array],
    totals: Sequence[Array],
    threads: bool,
) -> Callable[[], Any]:
    """A call that fills ``wholes``, of this shape, and ``totals``, one number a column."""
    before: list[Callable[[], Any]] = []
    inputs = [x if in_rows(x, shape) else packed(x, shape, before) for x in inputs]
    if not all(in_rows(x, shape) for x in wholes):
        raise CompileError("results that lie apart")
    count, length = prod(shape[:-1]), shape[-1]
    blocks = -(-count // BLOCK)
    partials = [np.empty((blocks, length), t.dtype) if blocks > 1 else t.reshape(1, length) for t in totals]
    beside = tuple(np.broadcast_to(x, shape).strides[-1] != 0 for x in inputs)
    run = kernel(program, beside, length)
    operands = [*inputs, *wholes, *partials]
    steps = [row_step(x, shape) for x in (*inputs, *wholes)] + [p.strides[0] for p in partials]
    rows = [BLOCK] * (len(operands) - len(partials)) + [1] * len(partials)  # of a block
    parts = min(workers(), blocks) if threads and count * length >= SHARED else 1
    bounds = [blocks * n // parts for n in range(parts + 1)]
    calls: list[Native] = []
    for low, high in pairwise(bounds):
        numbers = [min(high * BLOCK, count) - low * BLOCK]
        for x, step, each in zip(operands, steps, rows, strict=True):
            numbers += [address(x) + low * each * step, step]
        calls.append(movable(run, numbers, operands, [1 + 2 * k for k in range(len(operands))]))
    after = []
    if blocks > 1:
        for p, t in zip(partials, totals, strict=True):
            one = Program((p.dtype,), (), (0,), 1)
            after.append(column_sums(one, p.shape, [p], [], [t.reshape(-1)], False))
    return row((*before, chain([together(calls)], after)))


def row_step(x: Array, shape: tuple[int, ...]) -> int:
    """Bytes from one row to the next."""
    _, steps = collapse(shape[:-1], [np.broadcast_to(x, shape).strides[:-1]], False)
    return steps[0][0] if steps[0] else 0


def in_rows(x: Array, shape: tuple[int, ...]) -> bool:
    """Whether all rows are one step apart, and their elements beside each other or all the same."""
    strides = np.broadcast_to(x, shape).strides
    lengths, _ = collapse(shape[:-1], [strides[:-1]], False)
    return len(lengths) <= 1 and strides[-1] in (0, x.itemsize)


@cache
def kernel(program: Program, beside: tuple[bool, ...], length: int) -> Any:
    return compiled(columns_text(program, beside, length, lanes(program)))


def columns_text(program: Program, beside: tuple[bool, ...], length: int, lanes: int) -> str:
    """A module with the function ``kernel``, whose argument is the number of rows, then address and step of operands.

    Of the inputs, those ``beside`` have an element a column, others one for the whole row.
    """
    code, sums = Code(lanes), program.sums
    inputs, outputs = [kind_of(d) for d in program.arguments], [kind_of(d) for d in program.outputs]
    kinds = [*inputs, *outputs]
    apart = [*beside, *(True for _ in outputs)]
    code.do(f"%rows = load i64, ptr {element(code, 0)}")
    for k, _ in enumerate(kinds):
        code.do(f"%base{k} = load ptr, ptr {element(code, 1 + 2 * k)}")
        code.do(f"%step{k} = load i64, ptr {element(code, 2 + 2 * k)}")
    more = code.emit(f"add i64 %rows, {BLOCK - 1}")
    blocks = code.emit(f"udiv i64 {more}, {BLOCK}")
    width = 4 if sums == 1 else 2 if sums < 4 else 1  # vectors at a time
    full, rest = divmod(length, width * lanes)

    def columns(places: list[str], count: str, some: int) -> list[str]:
        """Sums of some columns over the rows of a block."""
        runs = {kind: Row(code, kind, some) for kind in map(stored, kinds)}
        vectors = runs[stored(kinds[-1])].count
        first = [(code.vector(kind), "zeroinitializer") for kind in outputs[-sums:] for _ in range(vectors)]

        def one_row(_: str, refs: list[str]) -> list[str]:
            here, totals = refs[: len(places) - sums], refs[len(places) - sums :]
            added = list(totals)
            for v in range(vectors):
                values = [read(code, runs[stored(kind)], kind, here[k], v if beside[k] else None)
                          for k, kind in enumerate(inputs)]  # fmt: skip
                results = program(code, values)
                for n, value in enumerate(results[: len(results) - sums]):
                    write(code, runs[stored(value.kind)], value, here[len(inputs) + n], v)
                for n, value in enumerate(results[len(results) - sums :]):
                    i = n * vectors + v
                    added[i] = code.emit(f"fadd {code.vector(value.kind)} {totals[i]}, {value.ref}")
            return [*(shifted(code, p, f"%step{k}") for k, p in enumerate(here)), *added]

        moving, ends = places[: len(places) - sums], places[len(places) - sums :]
        added = counted(code, count, [*(("ptr", p) for p in moving), *first], one_row)[len(moving) :]
        for n, place in enumerate(ends):
            for v in range(vectors):
                runs[outputs[len(outputs) - sums + n]].store(added[n * vectors + v], place, v)
        return []

    def block(j: str, _: list[str]) -> list[str]:
        start = times(code, j, BLOCK)
        left = code.emit(f"sub i64 %rows, {start}")
        count = code.call("llvm.smin.i64", "i64", ("i64", left), ("i64", str(BLOCK)))
        places = []
        for k in range(len(kinds)):
            number = j if k >= len(kinds) - sums else start
            places.append(shifted(code, f"%base{k}", code.emit(f"mul i64 {number}, %step{k}")))

        def moved(c: str) -> list[str]:
            return [
                shifted(code, p, times(code, c, width * lanes * SIZES[stored(kind)])) if aside else p
                for p, kind, aside in zip(places, kinds, apart, strict=True)
            ]

        if full:
            counted(code, full, [], lambda c, _: columns(moved(c), count, width * lanes))
        if rest:
            columns(moved(str(full)), count, rest)
        return []

    counted(code, blocks, [], block)
    return module(code)


def read(code: Code, run: Row, kind: str, place: str, v: int | None) -> Value:
    """A vector of a row, or the one element of the row in all lanes."""
    if v is not None:
        return truth(code, run.load(place, v), kind)
    return truth(code, code.splat(stored(kind), code.emit(f"load {stored(kind)}, ptr {place}")), kind)


def write(code: Code, run: Row, value: Value, place: str, v: int) -> None:
    ref = value.ref
    if value.kind == "i1":
        ref = code.emit(f"zext {code.vector('i1')} {ref} to {code.vector('i8')}")
    run.store(ref, place, v)
