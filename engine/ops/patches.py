"""Kernels of convolutions: blocks of images (or of rows) become a matrix of patches, then one matrix product.

A block is small enough for its patches to stay in the second-level cache; the derivative builds them again instead of
keeping them. All views are made when a kernel is bound, so that a run is a list of copies and products.

Everything is (N, H, W, channels); weights are (kh, kw, channels / groups, outputs). Where each group has one channel
(depthwise), products of matrices degenerate, and each tap is a multiplication of whole blocks instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..types import Array
from .program import Call, program, steady
from .windows import Axis, Pair, cut, taps

BLOCK = 1 << 19  # bytes of patches in one block; half of a common second-level cache
RUN = 8  # elements; shorter runs of memory are copied tap by tap

Part: TypeAlias = "tuple[slice, Pair]"  # images, and rows of outputs


def parts(images: int, axes: tuple[Axis, Axis], row_bytes: int) -> Iterator[Part]:
    """Cut the work into blocks: several images, or a band of rows of one; ``row_bytes`` is for one row of outputs."""
    rows = axes[0].count
    n = BLOCK // max(1, rows * row_bytes)
    if n:
        for i in range(0, images, n):
            yield slice(i, min(i + n, images)), (0, rows)
        return
    band = max(1, BLOCK // row_bytes)
    for i in range(images):
        for r in range(0, rows, band):
            yield slice(i, i + 1), (r, min(r + band, rows))


class Patches:
    """The windows of an input, block by block, in memory that every block uses again."""

    def __init__(self, x: Array, axes: tuple[Axis, Axis], groups: int) -> None:
        self.x, self.axes, self.groups = x, axes, groups
        self.taps = axes[0].size * axes[1].size
        channels = x.shape[3]
        self.width = self.taps * channels
        self.parts = list(parts(len(x), axes, axes[1].count * self.width * x.itemsize))
        images = max((p.stop - p.start for p, _ in self.parts), default=0)
        rows = max((stop - start for _, (start, stop) in self.parts), default=0)
        self.filled: dict[Pair, tuple[Array, list[Call]]] = {}
        self.columns = np.empty(images * rows * axes[1].count * self.width, x.dtype)
        self.padded: Array | None = None
        if any(a.before or a.after for a in axes):
            height = (rows - 1) * axes[0].stride + axes[0].span
            self.padded = np.zeros((images, height, axes[1].length + axes[1].before + axes[1].after, channels), x.dtype)

    def source(self, part: Part, calls: list[Call]) -> Array:
        """The input rows of a block with their padding, which ``calls`` fills where there is any."""
        images, (start, stop) = part
        rows, columns = self.axes
        top = start * rows.stride - rows.before
        bottom = (stop - 1) * rows.stride + rows.span - rows.before
        low, high = max(top, 0), min(bottom, rows.length)
        if self.padded is None:
            return self.x[images, low:high]
        block = self.padded[: images.stop - images.start, : bottom - top]
        if (start, stop) != (0, rows.count):  # bands: the border of one lies inside of the next
            calls += [partial(edge.fill, 0) for edge in (block[:, : low - top], block[:, high - top :]) if edge.size]
        inside = block[:, low - top : max(high, low) - top, columns.before : columns.before + columns.length]
        calls.append(partial(np.copyto, inside, self.x[images, low : max(high, low)]))
        return block

    def windows(self, block: Array, count: int) -> Array:
        """A block with ``count`` rows of outputs as a view (images, rows, columns, kh, kw, channels)."""
        rows, columns = self.axes
        n, r, c, k = block.strides
        shape = (len(block), count, columns.count, rows.size, columns.size, block.shape[3])
        strides = (n, r * rows.stride, c * columns.stride, r * rows.dilation, c * columns.dilation, k)
        return as_strided(block, shape, strides, writeable=False)

    def matrix(self, part: Part, calls: list[Call]) -> Array:
        """The block as (groups, positions, taps * channels of a group), which ``calls`` fills."""
        images, (start, stop) = part
        if self.taps == 1 and self.padded is None and all(a.stride == 1 for a in self.axes):
            flat = self.x[images, start:stop].reshape(-1, self.width)
            return split_last(flat, self.groups).transpose(1, 0, 2)
        block = self.source(part, calls)
        key = (len(block), stop - start)
        if self.padded is None or key not in self.filled:  # the padded block lies at one place, so do its patches
            self.filled[key] = self.fill(self.windows(block, stop - start))
        matrix, copies = self.filled[key]
        calls += copies
        return matrix

    def fill(self, view: Array) -> tuple[Array, list[Call]]:
        """The memory of the patches as a matrix for each group, and the calls that copy ``view`` into it."""
        n, r, c, kh, kw, channels = view.shape
        flat = self.columns[: view.size].reshape(n * r * c, self.width)
        target = flat.reshape((n, r, c, self.groups, kh, kw, channels // self.groups)).transpose(0, 1, 2, 4, 5, 3, 6)
        source = split_last(view, self.groups)
        if kw * channels // self.groups >= RUN:
            copies: list[Call] = [partial(np.copyto, target, source)]
        else:
            places = ((a, b) for a in range(kh) for b in range(kw))
            copies = [partial(np.copyto, target[:, :, :, a, b], source[:, :, :, a, b]) for a, b in places]
        return split_last(flat, self.groups).transpose(1, 0, 2), copies


def split_last(x: Array, groups: int) -> Array:
    """The last axis as (groups, rest): a view, whatever the strides are."""
    return x.reshape((*x.shape[:-1], groups, x.shape[-1] // groups))


def grouped_rows(y: Array, part: Part, groups: int) -> Array:
    """A block of (N, H, W, F) as (groups, positions, F / groups)."""
    images, (start, stop) = part
    return split_last(y[images, start:stop].reshape(-1, y.shape[3]), groups).transpose(1, 0, 2)


def grouped_weights(w: Array, groups: int) -> Array:
    """Weights as (groups, taps * channels of a group, outputs of a group)."""
    return split_last(w.reshape(-1, w.shape[3]), groups).transpose(1, 0, 2)


def bare(*arrays: Array) -> list[Array]:
    """Stacks of one matrix as that matrix, which NumPy multiplies with less ado."""
    return [a[0] if len(a) == 1 else a for a in arrays]


def depthwise(w: Array, groups: int) -> bool:
    return groups > 1 and w.shape[2] == 1


def forward(x: Array, w: Array, axes: tuple[Axis, Axis], groups: int, out: Array) -> Call:
    """out = convolution of x with w."""
    calls: list[Call] = []
    x, w = steady(x, out.dtype, calls), steady(w, out.dtype, calls)
    if depthwise(w, groups):
        return program(calls + depthwise_forward(x, w, axes, groups, out))
    patches = Patches(x, axes, groups)
    weights = grouped_weights(w, groups)
    for part in patches.parts:
        operands = bare(patches.matrix(part, calls), weights, grouped_rows(out, part, groups))
        calls.append(partial(np.matmul, *operands))
    return program(calls)


def weight_grad(x: Array, g: Array, axes: tuple[Axis, Axis], groups: int, out: Array) -> Call:
    """out = the sum over positions of patches of x times g."""
    calls: list[Call] = []
    x, g = steady(x, out.dtype, calls), steady(g, out.dtype, calls)
    if depthwise(out, groups):
        return program(calls + depthwise_weight_grad(x, g, axes, groups, out))
    patches = Patches(x, axes, groups)
    total = grouped_weights(out, groups)
    term = np.empty(total.shape, out.dtype)
    for n, part in enumerate(patches.parts):
        matrix = patches.matrix(part, calls).transpose(0, 2, 1)
        calls.append(partial(np.matmul, *bare(matrix, grouped_rows(g, part, groups), term if n else total)))
        if n:
            calls.append(partial(np.add, total, term, total))
    return program(calls if patches.parts else [partial(out.fill, 0)])


def input_grad(g: Array, w: Array, axes: tuple[Axis, Axis], groups: int, out: Array) -> Call:
    """out = each input's sum, over the windows that see it, of g times the weight between them."""
    calls: list[Call] = []
    g, w = steady(g, out.dtype, calls), steady(w, out.dtype, calls)
    if depthwise(w, groups):
        return program(calls + depthwise_input_grad(g, w, axes, groups, out))
    kh, kw, channels, outputs = w.shape
    count = kh * kw
    blocks = list(parts(len(out), axes, axes[1].count * count * out.shape[3] * out.itemsize))
    weights = split_last(w.reshape(count, channels, outputs), groups).transpose(2, 0, 3, 1)  # (groups, taps, f, c)
    result = split_last(out, groups)
    positions = max(((i.stop - i.start) * (b - a) for i, (a, b) in blocks), default=0) * axes[1].count
    scratch = np.empty(groups * count * positions * channels, out.dtype)
    for images, band in blocks:
        if band[0] == 0:
            calls.append(partial(out[images].fill, 0))
        rows = grouped_rows(g, (images, band), groups)[:, None]
        places = rows.shape[2]
        spread = scratch[: groups * count * places * channels].reshape(groups, count, places, channels)
        calls.append(partial(np.matmul, *bare(rows, weights, spread)))
        shape = (groups, count, images.stop - images.start, band[1] - band[0], axes[1].count, channels)
        terms = spread.reshape(shape).transpose(1, 2, 3, 4, 0, 5)
        for term, (where, seen) in zip(terms, taps(*axes, band), strict=True):
            rows_of_band = slice(where[0].start - band[0], where[0].stop - band[0])
            total = cut(result[images], seen)
            calls.append(partial(np.add, total, cut(term, (rows_of_band, where[1])), total))
    return program(calls)


# One channel a group ----------------------------------------------------------------------------------------------
Work: TypeAlias = "tuple[tuple[int, int, int, slice], Array, Array, Array]"


def depthwise_blocks(
    x: Array, y: Array, axes: tuple[Axis, Axis], multiplier: int
) -> Iterator[tuple[slice, list[Work]]]:
    """Blocks of images with their work: for each tap (a, b) and each output f of a channel, and columns, three views.

    The views are of x (inputs that the tap reads), of y (outputs that it serves) and of as much scratch.
    """
    image_bytes = axes[0].count * axes[1].count * x.shape[3] * x.itemsize
    n = max(1, BLOCK // max(1, 4 * image_bytes))
    scratch = np.empty((min(n, len(x)), *y.shape[1:3], x.shape[3]), x.dtype)
    outputs = split_last(y, x.shape[3])
    for i in range(0, len(x), n):
        images = slice(i, min(i + n, len(x)))
        work: list[Work] = []
        for k, (where, seen) in enumerate(taps(*axes)):
            a, b = divmod(k, axes[1].size)
            inputs, served = cut(x[images], seen), cut(outputs[images], where)
            memory = cut(scratch[: len(inputs)], where)
            if served.size:
                work += [((a, b, f, where[1]), inputs, served[..., f], memory) for f in range(multiplier)]
        yield images, work


def tiled(w: Array, axes: tuple[Axis, Axis], groups: int, calls: list[Call]) -> Array:
    """Weights as (kh, kw, f, columns, channels), repeated along a row so that rows multiply in one run."""
    source = split_last(w[:, :, 0], groups).transpose(0, 1, 3, 2)[:, :, :, None]
    kh, kw, f, _, channels = source.shape
    tiles = np.empty((kh, kw, f, axes[1].count, channels), w.dtype)
    calls.append(partial(np.copyto, tiles, source))
    return tiles


def depthwise_forward(x: Array, w: Array, axes: tuple[Axis, Axis], groups: int, out: Array) -> list[Call]:
    calls: list[Call] = []
    weights = tiled(w, axes, groups, calls)
    for images, work in depthwise_blocks(x, out, axes, weights.shape[2]):
        calls.append(partial(out[images].fill, 0))
        for at, inputs, outputs, memory in work:
            calls += [partial(np.multiply, inputs, weights[at], memory), partial(np.add, outputs, memory, outputs)]
    return calls


def depthwise_input_grad(g: Array, w: Array, axes: tuple[Axis, Axis], groups: int, out: Array) -> list[Call]:
    calls: list[Call] = []
    weights = tiled(w, axes, groups, calls)
    for images, work in depthwise_blocks(out, g, axes, weights.shape[2]):
        calls.append(partial(out[images].fill, 0))
        for at, inputs, outputs, memory in work:
            calls += [partial(np.multiply, outputs, weights[at], memory), partial(np.add, inputs, memory, inputs)]
    return calls


def depthwise_weight_grad(x: Array, g: Array, axes: tuple[Axis, Axis], groups: int, out: Array) -> list[Call]:
    result = split_last(out[:, :, 0], groups)
    rows, term = np.empty((axes[1].count, groups), out.dtype), np.empty(groups, out.dtype)
    calls: list[Call] = [partial(out.fill, 0)]
    for _, work in depthwise_blocks(x, g, axes, result.shape[-1]):
        for (a, b, f, columns), inputs, outputs, memory in work:
            row, total = rows[columns], result[a, b, :, f]
            calls.append(partial(np.multiply, inputs, outputs, memory))
            calls.append(partial(np.add.reduce, memory, (0, 1), None, row))  # rows are long runs, channels are not
            calls.append(partial(np.add.reduce, row, 0, None, term))
            calls.append(partial(np.add, total, term, total))
    return calls
