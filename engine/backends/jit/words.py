"""Random words from compiled code: those of NumPy's Philox, shared among threads, for ops that make numbers of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from ...frozen import frozen
from ...graph import Tensor
from ...ops.program import program
from ...ops.words import Draw, Words
from ...types import Array
from ..threads import workers
from .code.compiler import CompileError, compiled
from .code.native import Native, address
from .compiled_op import CompiledOp
from .elementwise.launch import together
from .kernel import Kernel, among
from .llvm.counted_loop import counted
from .llvm.loop_nest import module, read_fields
from .llvm.philox import WORDS, signed, words_of_blocks
from .llvm.values import Code

Call: TypeAlias = "Callable[[], Any]"
BYTES = 8 * WORDS  # of a block
LEAST = 1 << 10  # words; below, NumPy takes a few microseconds
SHARED = 1 << 16  # elements from which threads share them
FIELDS = ("first", "blocks", "key", "stream", "out")


@frozen
class InBlocks(CompiledOp):
    """Elements of a known shape, each of which a block of the generator decides."""

    op: Draw

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        (key,) = inputs
        flat = out.reshape(-1)
        try:
            run = self.kernel_of_blocks() if out.flags.c_contiguous and key.flags.c_contiguous else None
        except CompileError:
            run = None
        if run is None:
            return self.op.bind(inputs, out)
        parts = workers() if self.threads and flat.size >= SHARED else 1
        return in_blocks(run, key, self.settings(), flat, self.block(out), parts)

    def kernel_of_blocks(self) -> Any:
        """What fills blocks. Raises CompileError."""
        raise NotImplementedError

    def settings(self) -> tuple[int, ...]:
        """What the kernel takes beside blocks, key and memory."""
        return (signed(self.op.stream),)

    def block(self, out: Array) -> int:
        """Elements of a block."""
        raise NotImplementedError


@frozen
class CompiledWords(InBlocks):
    """The words themselves."""

    op: Words

    def kernel_of_blocks(self) -> Any:
        return kernel()

    def block(self, out: Array) -> int:
        return BYTES // out.itemsize


def is_words(t: Tensor) -> bool:
    """Whether ``t`` is many words, whose shape is known."""
    return isinstance(t.op, Words) and len(t.inputs) == 1 and t.type.known and t.type.size >= LEAST


def in_blocks(run: Any, key: Array, settings: Sequence[int], flat: Array, block: int, parts: int) -> Call:
    """A call that fills ``flat``: whole blocks in parts, and what is left over by way of a block of its own.

    ``run`` takes the first block, how many, the key, ``settings``, and where the ``block`` elements of each block go.
    """
    whole, rest = divmod(flat.size, block)
    parts = max(1, min(parts, whole))
    bounds = [whole * n // parts for n in range(parts + 1)]

    def part(first: int, blocks: int, memory: Array) -> Native:
        return Native(run, [first, blocks, address(key), *settings, address(memory)], (key, memory))

    calls = [part(a, b - a, flat[a * block :]) for a, b in pairwise(bounds) if b > a]
    steps: list[Call] = [together(calls)] if calls else []
    if rest:
        last = np.empty(block, flat.dtype)
        steps += [part(whole, 1, last), partial(np.copyto, flat[whole * block :], last[:rest])]
    return program(steps)


@cache
def kernel() -> Any:
    return compiled(words_text())


def words_text() -> str:
    """A module with the function ``kernel``, which writes blocks of the generator one after the other."""
    code = Code(WORDS)
    read_fields(code, FIELDS, ("key", "out"))
    words = words_of_blocks(code)

    def block(i: str, _: list[str]) -> list[str]:
        vector = words(code.emit(f"add i64 {i}, %first"))
        place = code.emit(f"getelementptr i8, ptr %out, i64 {code.emit(f'mul i64 {i}, {BYTES}')}")
        code.do(f"store <4 x i64> {vector}, ptr {place}, align 4")
        return []

    counted(code, "%blocks", [], block)
    return module(code)


KERNEL = Kernel(among(Words), is_words, lambda op, t, shards: CompiledWords(op, not shards))
