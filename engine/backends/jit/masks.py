"""Masks of dropout from compiled code: the bits of NumPy's Philox in two thirds of the time, and shared among threads.

A block of the generator decides for 16 elements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeAlias

from ...frozen import frozen
from ...graph import Op, Tensor
from ...ops.dropout import DropoutMask
from ...types import Array, TensorType
from ..threads import workers
from .code.compiler import CompileError, compiled
from .llvm.counted_loop import counted
from .llvm.loop_nest import module, read_fields
from .llvm.philox import words_of_blocks
from .llvm.values import Code
from .words import in_blocks

Call: TypeAlias = "Callable[[], Any]"
BLOCK = 16  # elements that one block of the generator decides
LEAST = 1 << 12  # elements; below, NumPy takes a few microseconds
SHARED = 1 << 16  # elements from which threads share a mask
FIELDS = ("first", "blocks", "key", "stream", "threshold", "out")


@frozen
class CompiledMask(Op):
    """A mask of a known shape."""

    op: DropoutMask
    threads: bool
    name = "compiled<dropout_mask>"

    def infer(self, *types: TensorType) -> TensorType:
        return self.op.infer(*types)

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        (key,) = inputs
        try:
            run = kernel() if out.flags.c_contiguous and key.flags.c_contiguous else None
        except CompileError:
            run = None
        return self.op.bind(inputs, out) if run is None else drawn(run, key, self.op, out, self.threads)


def is_mask(t: Tensor) -> bool:
    """Whether ``t`` is a large mask of dropout, whose shape is known."""
    return isinstance(t.op, DropoutMask) and len(t.inputs) == 1 and t.type.known and t.type.size >= LEAST


def drawn(run: Any, key: Array, op: DropoutMask, out: Array, threads: bool) -> Call:
    """A call that fills ``out``."""
    flat = out.reshape(-1)
    parts = workers() if threads and flat.size >= SHARED else 1
    return in_blocks(run, key, (op.stream, op.threshold), flat, BLOCK, parts)


@cache
def kernel() -> Any:
    return compiled(mask_text())


def mask_text() -> str:
    """A module with the function ``kernel``: whether each 16 bits are the threshold or more, block by block."""
    code = Code(BLOCK)
    read_fields(code, FIELDS, ("key", "out"))
    decide = deciding(code)

    def block(i: str, _: list[str]) -> list[str]:
        number = code.emit(f"add i64 {i}, %first")
        decide(number, code.emit(f"getelementptr i8, ptr %out, i64 {code.emit(f'mul i64 {i}, {BLOCK}')}"))
        return []

    counted(code, "%blocks", [], block)
    return module(code)


def deciding(code: Code) -> Callable[[str, str], None]:
    """What writes for a block of the generator, by its number, which of its elements are the threshold or more.

    The code knows %key, %stream and %threshold; the other argument is where a byte for each element goes.
    """
    words = words_of_blocks(code)
    limit = code.splat("i16", code.emit("trunc i64 %threshold to i16"))

    def decide(number: str, place: str) -> None:
        numbers = code.emit(f"bitcast <4 x i64> {words(number)} to {code.vector('i16')}")
        kept = code.emit(f"icmp uge {code.vector('i16')} {numbers}, {limit}")
        bits = code.emit(f"zext {code.vector('i1')} {kept} to {code.vector('i8')}")
        code.do(f"store {code.vector('i8')} {bits}, ptr {place}, align 1")

    return decide
