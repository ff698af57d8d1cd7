"""The texts of kernels of convolutions, without matrices of patches.

A tile of outputs stays in registers while the taps and channels run: each input is multiplied with vectors of outputs
that lie side by side. One image after the other is copied into memory with its border of zeros, which stays in the
cache. All lengths are numbers in the text, so addresses are those of a few running pointers plus constants.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TypeAlias

from ....frozen import frozen
from ....ops.pools import MaxLocated, MaxPool
from ....ops.windows import Axis
from ..llvm.counted_loop import Row, counted, shifted, start_of, times
from ..llvm.loop_nest import SIZES, module, read_fields, suffix
from ..llvm.values import Code, Value

FIELDS = ("images", "x", "w", "y", "padded", "positions")
POINTERS = FIELDS[1:]
Pooled: TypeAlias = "MaxPool | MaxLocated | None"  # what is made of windows of outputs before they are stored


@frozen
class Conv:
    """A convolution of images (length of rows, length of columns, channels) to outputs."""

    kind: str
    rows: Axis
    columns: Axis
    channels: int
    outputs: int
    steps: tuple[int, ...]  # bytes from one image of outputs to the next, from one row, and from one place
    depthwise: bool = False  # each output sees its own channel only

    @property
    def pads(self) -> bool:
        return any(a.before or a.after for a in (self.rows, self.columns))

    @property
    def height(self) -> int:
        return self.rows.before + self.rows.length + self.rows.after

    @property
    def width(self) -> int:
        return self.columns.before + self.columns.length + self.columns.after

    @property
    def pixel(self) -> int:
        """Bytes of one place in the input."""
        return self.channels * SIZES[self.kind]

    @property
    def line(self) -> int:
        """Bytes of one row of the input with its border."""
        return self.width * self.pixel

    @property
    def vector(self) -> int:
        """Bytes of the weights from one input to all outputs."""
        return self.outputs * SIZES[self.kind]

    @property
    def taps(self) -> list[tuple[int, int]]:
        """Loops over a window, in the order of its weights: turns, and bytes from one input to the next."""
        down = (self.rows.size, self.rows.dilation * self.line)
        along = (self.columns.size, self.columns.dilation * self.pixel)
        if self.depthwise:
            return [down, along]
        if self.columns.dilation > 1:
            return [down, along, (self.channels, SIZES[self.kind])]
        return [down, (self.columns.size * self.channels, SIZES[self.kind])]


@frozen
class Tile:
    """What is kept in registers: places of outputs, and vectors at each."""

    rows: int
    columns: int
    vectors: int

    @property
    def count(self) -> int:
        """Of places."""
        return self.rows * self.columns

    @property
    def places(self) -> list[tuple[int, int]]:
        return list(product(range(self.rows), range(self.columns)))


def best_tile(conv: Conv, vectors: int, registers: int, unit: tuple[int, int] = (1, 1)) -> Tile:
    """The tile that multiplies fastest: one multiplication a cycle but for eight at least, half a cycle for a load.

    It holds whole windows of ``unit`` places.
    """

    def cost(tile: Tile) -> float:
        n = tile.count
        tiles = -(-conv.rows.count // tile.rows) * -(-conv.columns.count // tile.columns) * -(-vectors // tile.vectors)
        return tiles * (max(n * tile.vectors, 8) + (n + tile.vectors) / 8 + 2)

    ends = [min(n, registers) + 1 for n in (conv.rows.count, conv.columns.count, vectors)]
    every = product(*(range(n, end, n) for n, end in zip((*unit, 1), ends, strict=True)))
    return min((Tile(r, c, v) for r, c, v in every if (r * c + 1) * v < registers), key=cost)


def bordered(code: Code, conv: Conv, x: str) -> str:
    """The image at ``x`` with its border, the zeros of which are there already."""
    if not conv.pads:
        return x
    inside = shifted(code, "%padded", conv.rows.before * conv.line + conv.columns.before * conv.pixel)
    name, length = "llvm.memcpy.p0.p0.i64", conv.columns.length * conv.pixel
    code.declared[name] = f"declare void @{name}(ptr, ptr, i64, i1)"

    def copy(i: str, _: list[str]) -> list[str]:
        target, source = shifted(code, inside, times(code, i, conv.line)), shifted(code, x, times(code, i, length))
        code.do(f"call void @{name}(ptr {target}, ptr {source}, i64 {length}, i1 false)")
        return []

    counted(code, conv.rows.length, [], copy)
    return "%padded"


def groups(vectors: int, most: int) -> Iterator[tuple[int, int]]:
    """First vector and number of vectors, ``most`` at a time."""
    for first in range(0, vectors, most):
        yield first, min(most, vectors - first)


def fused(code: Code, kind: str, a: str, b: str, c: str) -> str:
    """a * b + c, rounded once where the machine can."""
    vector = code.vector(kind)
    name = f"llvm.fmuladd.v{code.lanes}{suffix(kind)}"
    return code.call(name, vector, (vector, a), (vector, b), (vector, c))


def forward_text(conv: Conv, tile: Tile, lanes: int, pool: Pooled = None) -> str:
    """A module with the function ``kernel``: y = convolution of x with w, or the largest of windows of it."""
    code = Code(lanes)
    read_fields(code, FIELDS, POINTERS)
    row = Row(code, conv.kind, conv.outputs)
    rows, columns = conv.rows, conv.columns
    high, wide = pool.size if pool else (1, 1)
    image = rows.length * columns.length * conv.pixel
    down, along = rows.count // high, columns.count // wide  # results
    each_down, each_along = tile.rows // high, tile.columns // wide  # of a tile

    def one_image(n: str, _: list[str]) -> list[str]:
        x = bordered(code, conv, shifted(code, "%x", times(code, n, image)))

        def one_tile(i: str, j: str) -> list[str]:
            top = start_of(code, i, each_down, down - each_down)
            left = start_of(code, j, each_along, along - each_along)
            source = shifted(code, x, times(code, top, high * rows.stride * conv.line))
            source = shifted(code, source, times(code, left, wide * columns.stride * conv.pixel))
            places = [times(code, index, step) for index, step in zip((n, top, left), conv.steps, strict=True)]
            offset = code.emit(f"add i64 {code.emit(f'add i64 {places[0]}, {places[1]}')}, {places[2]}")
            for first, count in groups(row.count, tile.vectors):
                sums = tile_sums(code, conv, tile, row, source, first, count)
                finished(code, conv, tile, pool, sums, (first, count), offset)
            return []

        tiles = -(-down // each_down), -(-along // each_along)
        return counted(code, tiles[0], [], lambda i, _: counted(code, tiles[1], [], lambda j, _: one_tile(i, j)))

    counted(code, "%images", [], one_image)
    return module(code)


def finished(
    code: Code, conv: Conv, tile: Tile, pool: Pooled, sums: list[str], vectors: tuple[int, int], offset: str
) -> None:
    """Store the sums of a tile, or the largest of each window of them, and where it is, ``offset`` bytes behind y."""
    size, (first, count) = SIZES[conv.kind], vectors
    high, wide = pool.size if pool else (1, 1)
    places = {p: n for n, p in enumerate(tile.places)}
    y = code.emit(f"getelementptr i8, ptr %y, i64 {offset}")
    where = code.emit(f"getelementptr i8, ptr %positions, i64 {code.emit(f'sdiv exact i64 {offset}, {size}')}")
    row, bytes_row = Row(code, conv.kind, conv.outputs), Row(code, "i8", conv.outputs)
    for (i, j), v in product(product(range(tile.rows // high), range(tile.columns // wide)), range(count)):
        window = [places[i * high + a, j * wide + b] for a in range(high) for b in range(wide)]
        values = [Value(code, sums[n * count + v], conv.kind) for n in window]
        largest, *position = pool.scalar(*values) if pool else values
        step = i * conv.steps[1] + j * conv.steps[2]
        row.store(largest.ref, shifted(code, y, step), first + v)
        for value in position:
            bytes_row.store(value.ref, shifted(code, where, step // size), first + v)


def inputs(code: Code, conv: Conv, row: Row, place: str, vectors: tuple[int, int]) -> list[str]:
    """What some vectors of outputs are multiplied with: one input in all lanes, or each its own."""
    first, count = vectors
    if conv.depthwise:
        return [row.load(place, first + v) for v in range(count)]
    return [code.splat(conv.kind, code.emit(f"load {conv.kind}, ptr {place}"))] * count


def tile_sums(code: Code, conv: Conv, tile: Tile, row: Row, source: str, first: int, count: int) -> list[str]:
    """The sums over all taps and channels for the outputs of a tile, in some of the vectors of a row."""
    vector = code.vector(conv.kind)
    offsets = [
        r * conv.rows.stride * conv.line + c * conv.columns.stride * conv.pixel for r, c in tile.places
    ]  # of inputs

    def taps(loops: list[tuple[int, int]], x: str, w: str, sums: list[str]) -> list[str]:
        """The remaining loops; returns the weights behind those that were used, and the sums."""
        if not loops:
            weights = [row.load(w, first + v) for v in range(count)]
            new = []
            for n, offset in enumerate(offsets):
                values = inputs(code, conv, row, shifted(code, x, offset), (first, count))
                new += [
                    fused(code, conv.kind, *pair, sums[n * count + v])
                    for v, pair in enumerate(zip(values, weights, strict=True))
                ]
            return [shifted(code, w, conv.vector), *new]
        (turns, step), *inner = loops

        def turn(_: str, refs: list[str]) -> list[str]:
            return [shifted(code, refs[0], step), *taps(inner, refs[0], refs[1], refs[2:])]

        carried = [("ptr", x), ("ptr", w), *((vector, s) for s in sums)]
        return counted(code, turns, carried, turn)[1:]

    return taps(conv.taps, source, "%w", ["zeroinitializer"] * (len(offsets) * count))[1:]
