"""Attention and its gradient by compiled kernels, shared among threads by sample and head."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from ....frozen import frozen
from ....graph import Tensor
from ....ops.attention import Attends, Attention
from ....ops.attention_tiles import LEVELS
from ....types import Array, Shape, static
from ...policy import current
from ...threads import workers
from ..code.compiler import CompileError, compiled
from ..code.machine import register_width
from ..code.native import Native, address, movable
from ..compiled_op import CompiledOp
from ..elementwise.launch import together
from ..kernel import Kernel, among
from ..llvm.loop_nest import SIZES
from ..llvm.philox import signed
from ..llvm.values import KINDS
from ..masks import BLOCK
from .blocks import VECTORS, block_rows, padded
from .kernels import ARRAYS, SCRATCH, STEPS, WORDS, Form, text
from .rows import Look

SHARED = 1 << 20  # operations from which threads share them
WIDEST = 512  # of a head, up to which a row of results stays in the cache
TILE = {True: 16, False: 32}  # queries of a tile, with and without ``causal``: whose tiles see few keys too many
MOST_KEYS = 1 << 30  # which are counted in 32 bits
SCORES = 1 << 17  # of a tile, from which on it has fewer queries
INPUTS = {False: ("q", "k", "v"), True: ("dy", "level", "q", "k", "v")}
OUTPUTS = {False: ("y", "level"), True: ("dq", "dk", "dv")}


@frozen
class CompiledAttention(CompiledOp):
    """``attention`` or ``attention_grad``."""

    op: Attends

    def products(self, *shapes: Shape) -> float:
        return self.op.products(*shapes)

    def bind(self, inputs: Sequence[Array], out: Any) -> Callable[[], Any]:
        gradient = not isinstance(self.op, Attention)
        names = INPUTS[gradient]
        arrays = dict(zip((*names, *OUTPUTS[gradient]), (*inputs[: len(names)], *out), strict=True))
        rest = list(inputs[len(names) :])
        mask = rest.pop(0) if self.op.masked else None
        launch = Launch(self.op, arrays, mask, rest[0] if rest else np.zeros(2, np.uint64))
        try:
            calls = launch.calls(self.threads) if launch.fits() else []
        except CompileError:
            calls = []
        return together(calls) if calls else self.op.bind(inputs, out)


def is_attention(t: Tensor) -> bool:
    """Whether ``t`` is attention or its gradient of a size that is worth a kernel."""
    if not isinstance(t.op, Attends) or not all(x.type.known for x in t.inputs):
        return False
    return t.type.items[0].dtype.name in KINDS and scores(t) >= current().attention_scores


def scores(t: Tensor) -> int:
    """Scores of attention or its gradient."""
    q, k = t.inputs[:2] if isinstance(t.op, Attention) else t.inputs[2:4]
    return int(q.type.size) // max(static(q.shape[3]), 1) * static(k.shape[1])


class Launch:
    """The arrays of one op, ready for a kernel."""

    def __init__(self, op: Attends, arrays: Mapping[str, Array], mask: Array | None, key: Array) -> None:
        self.op, self.arrays, self.key = op, arrays, key
        self.gradient = "dy" in arrays
        self.q, self.k, self.v = (arrays[name] for name in "qkv")
        self.level = arrays["level"]
        self.batch, self.heads, self.rows = self.level.shape
        self.groups = max(self.k.shape[2], self.v.shape[2])
        self.columns = self.k.shape[1]
        self.mask = None
        if mask is not None:
            self.mask = np.broadcast_to(mask, (self.batch, self.heads, self.rows, self.columns))

    def fits(self) -> bool:
        """Whether the arrays lie as the kernel needs them."""
        every = [x for name, x in self.arrays.items() if name != "level"]
        if (
            min(x.size for x in every) == 0
            or self.columns >= MOST_KEYS
            or not self.level.flags.c_contiguous
            or not self.key.flags.c_contiguous
        ):
            return False
        if max(self.q.shape[3], self.v.shape[3]) > WIDEST or any(
            x.strides[3] != x.itemsize for x in every if x.shape[3] > 1
        ):
            return False
        if self.mask is not None and (self.mask.strides[3] not in (0, self.mask.itemsize)):
            return False
        whole = (self.batch, self.heads) == self.q.shape[::2][:2] and all(
            x.shape[0] == self.batch and x.shape[2] == self.groups for x in (self.k, self.v)
        )
        return whole or not self.gradient

    def form(self) -> Form:
        kind = KINDS[self.q.dtype.name]
        mask = "" if self.mask is None else "beside" if self.mask.strides[3] else "same"
        added = self.mask is not None and self.mask.dtype.kind == "f"
        look = Look(self.op.causal, mask, bool(self.op.threshold), added)
        return Form(kind, register_width() // SIZES[kind], self.q.shape[3], self.v.shape[3], look)

    def calls(self, threads: bool) -> list[Native]:
        """One call, or one for each thread."""
        form = self.form()
        run = kernel(form, self.gradient)
        units = self.batch * self.groups
        work = 2 * self.heads * self.batch * self.rows * self.columns * (form.width + form.value_width)
        count = min(workers(), units) if threads and work >= SHARED else 1
        return [self.call(run, form, units * n // count, units * (n + 1) // count) for n in range(count)]

    def call(self, run: Any, form: Form, first: int, last: int) -> Native:
        itemsize, lanes = self.q.itemsize, form.lanes
        tile = min(TILE[self.op.causal], max(block_rows(), padded(SCORES // self.columns, block_rows())))
        tile = min(tile, padded(self.rows, block_rows()))
        columns = padded(self.columns, VECTORS * lanes) + lanes  # rows of equal places in the cache would meet there
        keys, values = padded(form.width, lanes), padded(form.value_width, lanes)
        most = padded(self.columns, VECTORS * lanes)
        bits = padded(most, BLOCK) + BLOCK
        sizes = {
            "keys": most * keys, "keys.t": keys * columns, "values": most * values, "queries": tile * keys,
            "s": tile * columns, "o": tile * max(keys, values), "tops": tile + lanes, "totals": tile + lanes,
            "bits": -(-tile * bits // itemsize) if form.look.dropped else 0,
        }  # fmt: skip
        if self.gradient:
            sizes |= {
                "values.t": values * columns, "slopes": tile * values, "d": tile * columns, "dkeys": most * keys,
                "dvalues": most * values,
            }  # fmt: skip
        memory = np.zeros(sum(padded(n, 64) for n in sizes.values()) + 64, self.q.dtype)
        place = address(memory) + -address(memory) % 64
        words = dict.fromkeys(WORDS, 0)
        for name in SCRATCH:
            words[name] = place
            place += padded(sizes.get(name, 0), 64) * itemsize
        words |= {
            "first": first, "last": last, "groups": self.groups, "each": self.heads // self.groups,
            "rows": self.rows, "columns": self.columns, "tile": tile, "s.row": columns * itemsize, "bits.row": bits,
            "blocks": -(-self.columns // BLOCK), "sample": self.op.first, "stream": signed(self.op.stream),
            "threshold": self.op.threshold, "level": address(self.level), "key": address(self.key),
            "scale": self.bits(self.op.factor(form.width)), "one": self.bits(1.0),
            "keep": self.bits(1 - self.op.threshold / LEVELS),
        }  # fmt: skip
        if self.mask is not None:
            steps = zip(("mask.sample", "mask.head", "mask.row"), self.mask.strides, strict=False)
            words |= {"mask": address(self.mask), **dict(steps)}
        for name in ARRAYS:
            if name in self.arrays:
                words |= self.steps(name, self.arrays[name])
        numbers, operands = [words[name] for name in WORDS], [*self.arrays.values()]
        kept = (memory, self.mask, self.key)
        if self.mask is not None or self.op.threshold:  # inputs that have no place among those that move
            call = Native(run, numbers, operands)
        else:
            call = movable(run, numbers, operands, [WORDS.index(name) for name in self.arrays])
        call.beside = kept
        return call

    def bits(self, number: float) -> int:
        """A float as the first bytes of a word."""
        form = "<f4x" if self.q.itemsize == 4 else "<d"
        return int.from_bytes(struct.pack(form, number), "little", signed=True)

    def steps(self, name: str, x: Array) -> dict[str, int]:
        """Address and steps of an array, 0 along axes that serve all samples or heads."""
        wanted = self.groups if name in ("k", "v", "dk", "dv") else self.heads
        strides = [
            s if n == m else 0 for s, n, m in zip(x.strides, x.shape, (self.batch, x.shape[1], wanted), strict=False)
        ]
        return {name: address(x), **dict(zip((f"{name}.{step}" for step in STEPS), strides, strict=True))}


@cache
def kernel(form: Form, gradient: bool) -> Any:
    return compiled(text(form, gradient))


KERNEL = Kernel(among(Attends), is_attention, lambda op, t, shards: CompiledAttention(op, not shards), scores)
