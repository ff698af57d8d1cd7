"""A program and arrays -> a call without arguments: loops collapsed, kernel compiled, addresses filled in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from ....ops.program import program as row
from ....types import Array
from ...thread_pool import beside
from ...threads import workers
from ..code.compiler import compiled
from ..code.machine import has_masks, register_width
from ..code.native import Native, address, movable, parallel
from ..llvm.loop_nest import APART, BESIDE, SAME, TOTAL, Shape, kernel_text, lanes_for
from ..llvm.short_rows import ShortRows
from ..llvm.values import UnsupportedError, kind_of
from .fused import Program, Rule

Call: TypeAlias = "Callable[[], Any]"
Part: TypeAlias = "tuple[list[int], list[int]]"  # lengths and addresses
Formulas: TypeAlias = "Program | Rule"
DEPTH = 3  # loops of a kernel
SHARED = 1 << 18  # elements from which a loop is shared among threads

LONG = ((1 << 17, 4), (64, 2), (0, 1))  # length of a row -> vectors at a time, so that one need not wait for another
ACROSS = 24  # elements of the longest row that is taken with others, each in a lane of as many vectors
LEAST_ROWS = 64  # of those
SUMMED = ((256, 4), (64, 2), (0, 1))  # the same where rows are summed

_kernels: dict[tuple[Formulas, tuple[str, ...], int, int], Any] = {}


def kernel(program: Formulas, modes: tuple[str, ...], length: int, rows: int) -> Any:
    """The compiled function for a program whose operands lie in these ways, in ``rows`` of ``length``.

    It takes several registers at a time, in longer rows more of them, or as many as a whole row needs; of many short
    rows as many as a register has lanes.
    """
    across = length if program.rows and length <= ACROSS and rows >= LEAST_ROWS and APART not in modes else 0
    vectors = next(v for least, v in (SUMMED if program.sums else LONG) if length >= least)
    if program.rows:
        each = lanes_for([kind_of(d) for d in program.arguments], register_width())
        vectors = 1 << (-(-length // each) - 1).bit_length()
    width = vectors * lanes(program)
    found = _kernels.get((program, modes, width, across))
    if found is None:
        kinds = tuple(map(kind_of, program.arguments))
        results = tuple(map(kind_of, program.outputs))
        blocks = ShortRows(lanes(program), across).in_blocks if across else None
        text = kernel_text(Shape(kinds, results, modes, program.fold), program, width, has_masks(), blocks)
        found = _kernels[program, modes, width, across] = compiled(text)
    return found


def lanes(program: Formulas) -> int:
    """Elements of a register."""
    return lanes_for([kind_of(d) for d in (*program.arguments, *program.inner)], register_width())


def collapse(shape: Sequence[int], strides: Sequence[Sequence[int]], rows: bool) -> tuple[list[int], list[list[int]]]:
    """The same loops with as few axes as possible: lengths, and the strides of each operand; ``rows`` stay apart."""
    lengths: list[int] = []
    steps: list[list[int]] = [[] for _ in strides]
    for axis in reversed(range(len(shape))):
        n = shape[axis]
        if n == 1 and not (rows and axis == len(shape) - 1):
            continue
        if (
            lengths
            and not (rows and len(lengths) == 1)
            and all(s[axis] == t[0] * lengths[0] for s, t in zip(strides, steps, strict=True))
        ):
            lengths[0] *= n
            continue
        lengths.insert(0, n)
        for s, t in zip(strides, steps, strict=True):
            t.insert(0, s[axis])
    return lengths, steps


def bound(program: Formulas, inputs: Sequence[Array], outputs: list[Array], threads: bool) -> Call:
    """A call that fills ``outputs``."""
    shape = np.broadcast_shapes(*(x.shape for x in (*outputs, *inputs)))
    if outputs[0].size == 0:
        return int
    if program.rows:
        lengths, steps = strides_of(shape, inputs, outputs, True)
        if len(lengths) > DEPTH or any(
            s[-1] not in (0, o.itemsize) for s, o in zip(steps[len(inputs) :], outputs, strict=True)
        ):
            raise UnsupportedError("rows that lie apart")
        return launched(program, [*inputs, *outputs], lengths, steps, threads)
    before: list[Call] = []
    lengths, steps = strides_of(shape, inputs, outputs)
    places = outputs
    if any(s and s[-1] != o.itemsize for s, o in zip(steps[len(inputs) :], outputs, strict=True)):
        places = [np.empty(shape, o.dtype) for o in outputs]
        lengths, steps = strides_of(shape, inputs, places)
    if len(lengths) > DEPTH:
        inputs = [packed(x, shape, before) for x in inputs]
        places = [np.empty(shape, o.dtype) if not o.flags.c_contiguous else o for o in places]
        lengths, steps = strides_of(shape, inputs, places)
    after: list[Call] = [partial(np.copyto, o, p) for o, p in zip(outputs, places, strict=True) if o is not p]
    call = launched(program, [*inputs, *places], lengths, steps, threads)
    return row((*before, call, *after)) if before or after else call


def strides_of(
    shape: Sequence[int], inputs: Sequence[Array], outputs: Sequence[Array], rows: bool = False
) -> tuple[list[int], list[list[int]]]:
    views = [x if x.shape == shape else np.broadcast_to(x, shape) for x in (*inputs, *outputs)]
    return collapse(shape, [x.strides for x in views], rows)


def packed(x: Array, shape: Sequence[int], calls: list[Call]) -> Array:
    """``x`` where it is contiguous or one element, else a whole copy, which ``calls`` refreshes at every run."""
    if x.size == 1 or (x.shape == tuple(shape) and x.flags.c_contiguous):
        return x
    copy = np.empty(shape, x.dtype)
    calls.append(partial(np.copyto, copy, x))
    return copy


def launched(
    program: Formulas, operands: list[Array], lengths: list[int], steps: list[list[int]], threads: bool
) -> Call:
    return together(parts(program, operands, lengths, steps, threads))


def parts(
    program: Formulas, operands: list[Array], lengths: list[int], steps: list[list[int]], threads: bool, rest: int = 0
) -> list[Native]:
    """Calls that do not depend on one another; ``rest`` elements are a last, shorter row."""
    missing = DEPTH - len(lengths)
    lengths = [1] * missing + lengths
    table = [[0] * missing + s for s in steps]
    if missing == DEPTH:
        for x, s in zip(operands, table, strict=True):
            s[-1] = x.itemsize
    modes = [
        SAME if s[-1] == 0 else BESIDE if s[-1] == x.itemsize else APART for x, s in zip(operands, table, strict=True)
    ]
    modes[len(modes) - program.sums :] = [TOTAL] * program.sums
    run = kernel(program, tuple(modes), lengths[-1], lengths[1])
    addresses = [address(x) for x in operands]
    places = [(lengths, addresses)]
    if threads and lengths[0] * lengths[1] * lengths[2] >= SHARED:
        places = cut(lengths, addresses, table, workers(), DEPTH - (program.sums > 0))
    if rest:
        places.append(([lengths[0], 1, rest], [a + lengths[1] * s[1] for a, s in zip(addresses, table, strict=True)]))
    return [once(run, n, addresses, table, operands) for n, addresses in places]


def cut(lengths: list[int], addresses: list[int], table: list[list[int]], parts: int, depth: int) -> list[Part]:
    """The same loops in parts along the first axis that is long, of ``depth``; within a row, at whole vectors."""
    axis = next(i for i, n in enumerate(lengths) if n >= parts or i == depth - 1)
    unit = 256 if axis == DEPTH - 1 else 1
    each = -(-lengths[axis] // (parts * unit)) * unit
    found = []
    for start in range(0, lengths[axis], each):
        n = [*lengths]
        n[axis] = min(each, lengths[axis] - start)
        found.append((n, [a + start * s[axis] for a, s in zip(addresses, table, strict=True)]))
    return found


def together(calls: list[Native]) -> Call:
    """Calls at the same time, each on a thread."""
    own, *others = calls
    if not others:
        return own
    return parallel(calls) or in_pool(calls)


def in_pool(calls: list[Native]) -> Call:
    """The same by threads of Python, on systems that lack what workers need."""

    def move(inputs: Sequence[Array]) -> bool:
        return all(call.move(inputs) for call in calls)

    def run() -> None:
        beside(calls)

    run.move = move  # type: ignore[attr-defined]
    return run


def once(run: Any, lengths: list[int], addresses: list[int], table: list[list[int]], operands: list[Array]) -> Native:
    """One call of a kernel; the arrays live as long as it does."""
    numbers = [*lengths]
    for place, s in zip(addresses, table, strict=True):
        numbers += [place, *s]
    return movable(run, numbers, operands, [3 + 4 * k for k in range(len(operands))])
