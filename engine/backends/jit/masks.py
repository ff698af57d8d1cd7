"""Masks of dropout from compiled code: the bits of NumPy's Philox in two thirds of the time, and shared among threads.

A block of the generator is a function of its number alone (Salmon et al., 2011, Philox4x64-10): 256 bits, which decide
for 16 elements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from ...frozen import frozen
from ...graph import Op, Tensor
from ...ops.dropout import DropoutMask
from ...ops.program import program
from ...types import Array, TensorType
from ..threads import workers
from .code.compiler import CompileError, compiled
from .code.native import Native, address
from .elementwise.launch import together
from .llvm.counted_loop import counted
from .llvm.loop_nest import module, read_fields
from .llvm.values import Code

Call: TypeAlias = "Callable[[], Any]"
BLOCK = 16  # elements that one block of the generator decides
LEAST = 1 << 12  # elements; below, NumPy takes a few microseconds
SHARED = 1 << 16  # elements from which threads share a mask
FIELDS = ("first", "blocks", "key", "stream", "threshold", "out")
ROUNDS = 10
FACTORS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
STEPS = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)  # of the keys, from one round to the next


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
    """A call that fills ``out``: whole blocks in parts, and what is left over by way of a block of its own."""
    flat = out.reshape(-1)
    whole, rest = divmod(flat.size, BLOCK)
    parts = max(1, min(workers(), whole)) if threads and flat.size >= SHARED else 1
    bounds = [whole * n // parts for n in range(parts + 1)]

    def part(first: int, blocks: int, memory: Array) -> Native:
        numbers = [first, blocks, address(key), op.stream, op.threshold, address(memory)]
        return Native(run, numbers, (key, memory))

    calls = [part(a, b - a, flat[a * BLOCK :]) for a, b in pairwise(bounds) if b > a]
    steps: list[Call] = [together(calls)] if calls else []
    if rest:
        last = np.empty(BLOCK, bool)
        steps += [part(whole, 1, last), partial(np.copyto, flat[whole * BLOCK :], last[:rest])]
    return program(steps)


def signed(n: int) -> int:
    """The same 64 bits as a signed number."""
    return n - (1 << 64) if n >= 1 << 63 else n


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
    code.do("%seed = load i64, ptr %key")
    code.do(f"%step = load i64, ptr {code.emit('getelementptr i64, ptr %key, i64 1')}")
    limit = code.splat("i16", code.emit("trunc i64 %threshold to i16"))
    keys = [[code.emit(f"add i64 {k}, {signed(r * w % 2**64)}") for r in range(ROUNDS)]
            for k, w in zip(("%seed", "%stream"), STEPS, strict=True)]  # fmt: skip

    def decide(number: str, place: str) -> None:
        words = [code.emit(f"add i64 {number}, 1"), "0", "0", "%step"]  # the generator counts, then computes
        for pair in zip(*keys, strict=True):
            words = turned(code, words, pair)
        vector = "poison"
        for n, word in enumerate(words):
            vector = code.emit(f"insertelement <4 x i64> {vector}, i64 {word}, i32 {n}")
        numbers = code.emit(f"bitcast <4 x i64> {vector} to {code.vector('i16')}")
        kept = code.emit(f"icmp uge {code.vector('i16')} {numbers}, {limit}")
        bits = code.emit(f"zext {code.vector('i1')} {kept} to {code.vector('i8')}")
        code.do(f"store {code.vector('i8')} {bits}, ptr {place}, align 1")

    return decide


def turned(code: Code, words: list[str], keys: tuple[str, ...]) -> list[str]:
    """One round: the products of two words, their halves exchanged and mixed with the other words and the keys."""
    halves = []
    for word, factor in zip(words[::2], FACTORS, strict=True):
        whole = code.emit(f"mul i128 {code.emit(f'zext i64 {word} to i128')}, {factor}")
        high = code.emit(f"trunc i128 {code.emit(f'lshr i128 {whole}, 64')} to i64")
        halves.append((high, code.emit(f"trunc i128 {whole} to i64")))
    (high0, low0), (high1, low1) = halves
    first = code.emit(f"xor i64 {code.emit(f'xor i64 {high1}, {words[1]}')}, {keys[0]}")
    third = code.emit(f"xor i64 {code.emit(f'xor i64 {high0}, {words[3]}')}, {keys[1]}")
    return [first, low1, third, low0]
