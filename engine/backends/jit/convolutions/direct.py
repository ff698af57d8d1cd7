"""Convolutions as compiled loops over outputs, without matrices of patches.

The gradient in the input is such a convolution too: of the cotangents, with the window turned around; where the window
moves by several places, it is one for each of these steps. Each channel may have its own window (depthwise); other
groups stay with BLAS, as do windows of one place over many channels, which are products of matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from ....frozen import frozen
from ....graph import Tensor
from ....ops.convolution import Conv, ConvInputGrad, ConvWeightGrad, Product
from ....ops.program import program, steady
from ....ops.windows import Axis
from ....rewrite.cost import operations
from ....types import Array, static
from ...threads import workers
from ..code.compiler import CompileError, compiled
from ..code.machine import register_width
from ..compiled_op import CompiledOp
from ..elementwise.launch import together
from ..elementwise.sums import chain
from ..kernel import Kernel, among
from ..llvm.loop_nest import SIZES
from ..llvm.values import KINDS
from . import direct_text as texts
from . import winograd
from .direct_text import Tile
from .direct_weights import best_weights, weights_text
from .launch import Routine, once, shares

Axes: TypeAlias = "tuple[Axis, Axis]"
Call: TypeAlias = "Callable[[], Any]"
EACH = 256  # operations that count as one element that NumPy reads
LEAST = 1 << 18  # operations of a convolution; a smaller one gains little beside its call
FEWEST = 2  # channels of the result; a single one leaves the vectors empty
MOST = 512  # channels for windows of one place
PARTS = 4  # in which weights are summed then, however many threads there are
REGISTERS = {64: 32, 32: 16, 16: 16}  # bytes of one -> how many there are


@frozen
class Direct(CompiledOp):
    """A convolution or one of its gradients, compiled for the lengths of its arrays."""

    op: Product

    @property
    def shape_only(self) -> tuple[int, ...]:  # type: ignore[override]
        return self.op.shape_only

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        bind = {Conv: forward, ConvInputGrad: input_grad, ConvWeightGrad: weight_grad}[type(self.op)]
        try:
            usual = out.flags.c_contiguous and out.size and inputs[0].size
            call = bind(self.op, inputs, out, self.threads) if usual else None
        except CompileError:
            call = None
        return self.op.bind(inputs, out) if call is None else call


def is_direct(t: Tensor) -> bool:
    """Whether ``t`` is a convolution that gains by a kernel of its own."""
    op = t.op
    if not isinstance(op, Product) or t.dtype.name not in KINDS or t.dtype.kind != "f":
        return False
    if not all(x.type.known and x.dtype == t.dtype for x in (t, *t.inputs)) or operations(t) < LEAST:
        return False
    w = t if isinstance(op, ConvWeightGrad) else t.inputs[1]
    kh, kw, inner, outputs = map(static, w.shape)
    if op.groups > 1:
        return inner == 1 and op.groups == outputs
    return static(t.shape[3]) >= FEWEST and (kh * kw > 1 or max(inner, outputs) <= MOST)


def geometry(op: Product, axes: Axes, x: Array, y: Array) -> tuple[texts.Conv, int, int]:
    """The convolution of x to y, the lanes of a register, and how many registers hold the outputs of one place."""
    kind, outputs = KINDS[x.dtype.name], y.shape[3]
    lanes = register_width() // SIZES[kind]
    conv = texts.Conv(kind, *axes, x.shape[3], outputs, y.strides[:3], op.groups > 1)
    return conv, lanes, -(-outputs // lanes)


@cache
def forward_kernel(conv: texts.Conv, lanes: int, vectors: int, pool: texts.Pooled = None) -> Routine:
    tile = texts.best_tile(conv, vectors, REGISTERS[register_width()], pool.size if pool else (1, 1))
    return Routine(compiled(texts.forward_text(conv, tile, lanes, pool)), texts.FIELDS, {})


@cache
def weights_kernel(conv: texts.Conv, lanes: int, tile: Tile) -> Routine:
    return Routine(compiled(weights_text(conv, tile, lanes)), texts.FIELDS, {})


def forward(op: Product, inputs: Sequence[Array], out: Array, threads: bool) -> Call:
    x, w = inputs
    before: list[Call] = []
    x, w = steady(x, out.dtype, before), steady(w, out.dtype, before)
    return sequence(before, convolved(op, op.axes(x, w), x, w, (out,), threads), [])


def convolved(
    op: Product, axes: Axes, x: Array, w: Array, outputs: Sequence[Array], threads: bool, pool: texts.Pooled = None
) -> Call:
    """A call that fills the first of ``outputs``, whose places may lie apart, with the convolution of x with w.

    With a pool it is the largest of each window, and where that is comes into the second, if there is one.
    """
    conv, lanes, vectors = geometry(op, axes, x, outputs[0])
    fewer = winograd.Problem(conv, lanes, REGISTERS[register_width()], pool)
    kernel = winograd.forward_kernel(fewer, len(x)) or forward_kernel(conv, lanes, vectors, pool)
    names = ("x", "w", "y", "positions")[: 2 + len(outputs)]
    parts = shares(x, w, outputs[0], workers() if threads else 1)
    return together([once(kernel, conv, (x, w, *outputs), names, part) for part in parts])


def input_grad(op: Product, inputs: Sequence[Array], out: Array, threads: bool) -> Call | None:
    g, w, like = inputs
    rows, columns = map(turned, op.axes(like, w))
    if not rows or not columns:
        return None
    before: list[Call] = []
    g = steady(g, out.dtype, before)
    calls: list[Call] = []
    for (i, down, first), (j, along, second) in product(rows, columns):
        places = out[:, i :: down.step, j :: along.step]
        window = w[down, along][::-1, ::-1]
        if op.groups == 1:
            window = window.transpose(0, 1, 3, 2)
        if window.size:
            weights = np.empty(window.shape, out.dtype)
            before.append(partial(np.copyto, weights, window))
            calls.append(convolved(op, (first, second), g, weights, (places,), threads))
        else:
            before.append(partial(places.fill, 0))
    return program([*before, *calls])


def turned(a: Axis) -> list[tuple[int, slice, Axis]]:
    """The gradient along an axis: for each step of the window the first input, the taps that see it, and how they move.

    Nothing where that is no convolution: a border wider than the window, or taps and windows that both move apart.
    """
    found: list[tuple[int, slice, Axis]] = []
    for i in range(min(a.stride, a.length)):
        shift, tap = divmod(i + a.before, a.stride)
        count, size = -(-(a.length - i) // a.stride), len(range(tap, a.size, a.stride))
        front = (size - 1) * a.dilation - shift
        back = max(0, shift + count - a.count)
        if (a.stride > 1 and a.dilation > 1) or (size and front < 0):
            return []
        found.append((i, slice(tap, None, a.stride), Axis(size, 1, a.dilation, front, back, a.count, count)))
    return found


def weight_grad(op: Product, inputs: Sequence[Array], out: Array, threads: bool) -> Call | None:
    x, g, _ = inputs
    before: list[Call] = []
    x, g = steady(x, out.dtype, before), steady(g, out.dtype, before)
    conv, lanes, vectors = geometry(op, op.axes(x, out), x, g)
    registers = REGISTERS[register_width()]
    tile = best_weights(conv, vectors, registers)
    if tile is None:
        return None
    fewer = winograd.Problem(conv, lanes, registers, added=True)
    kernel = winograd.weights_kernel(fewer, tile, len(x)) or weights_kernel(conv, lanes, tile)
    parts = shares(x, out, g, PARTS if threads else 1)
    totals = [out, *(np.empty_like(out) for _ in parts[1:])]
    before += [partial(total.fill, 0) for total in totals]
    calls = [once(kernel, conv, (x, g, total), ("x", "y", "w"), p) for p, total in zip(parts, totals, strict=True)]
    every = together(calls) if workers() > 1 else chain(calls, ())
    return sequence(before, every, [partial(np.add, out, total, out) for total in totals[1:]])


def sequence(before: Sequence[Call], call: Call, after: Sequence[Call]) -> Call:
    """All calls in order, which move as the one in the middle does, with its two inputs."""
    if not before and not after:
        return call
    every = program([*before, call, *after])

    def run() -> None:
        every()

    run.move = lambda inputs: call.move(inputs[:2])  # type: ignore[attr-defined]
    return run


KERNEL = Kernel(
    among(Product), is_direct, lambda op, t, shards: Direct(op, not shards), lambda t: int(operations(t)) // EACH
)
