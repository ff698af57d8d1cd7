"""Masks of dropout from compiled code: the bits of NumPy's Philox in two thirds of the time, and shared among threads.

A block of the generator decides for 16 elements.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from ...frozen import frozen
from ...graph import Tensor
from ...ops.dropout import DropoutMask
from ...types import Array
from .code.compiler import compiled
from .kernel import Kernel, among
from .llvm.counted_loop import counted
from .llvm.loop_nest import module, read_fields
from .llvm.philox import words_of_blocks
from .llvm.values import Code
from .words import InBlocks

BLOCK = 16  # elements that one block of the generator decides
LEAST = 1 << 12  # elements; below, NumPy takes a few microseconds
FIELDS = ("first", "blocks", "key", "stream", "threshold", "out")


@frozen
class CompiledMask(InBlocks):
    """A mask of a known shape."""

    op: DropoutMask

    def kernel_of_blocks(self) -> Any:
        return kernel()

    def settings(self) -> tuple[int, ...]:
        return *super().settings(), self.op.threshold

    def block(self, out: Array) -> int:
        return BLOCK


def is_mask(t: Tensor) -> bool:
    """Whether ``t`` is a large mask of dropout, whose shape is known."""
    return isinstance(t.op, DropoutMask) and len(t.inputs) == 1 and t.type.known and t.type.size >= LEAST


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


KERNEL = Kernel(among(DropoutMask), is_mask, lambda op, t, shards: CompiledMask(op, t.id not in shards))
