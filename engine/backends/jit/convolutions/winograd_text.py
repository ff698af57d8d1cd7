"""The text of a convolution by minimal filtering, F(2x2, 3x3) of Winograd (Lavin and Gray, 2016).

Four outputs side by side need 16 products a channel instead of 36: of the patch of inputs that they see and of the
weights, both transformed (B'dB and GgG'), which for many tiles and channels are 16 products of matrices; the outputs
are A'mA. A block of tiles is transformed, multiplied and transformed back while it lies in the cache.

    B' = 1  0 -1  0    G = 1    0    0     A' = 1  1  1  0
         0  1  1  0        1/2  1/2  1/2        0  1 -1 -1
         0 -1  1  0        1/2 -1/2  1/2
         0  1  0 -1        0    0    1

An output is made of what it sees alone, here too: d0 is in the first point only, d3 in the last, and these are in one
output each. So a NaN, or a number that is much larger than its neighbors, spoils nothing else. But infinities become
NaN, and sums on the way may overflow: a tile with an output that is not finite is computed again directly.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..llvm.counted_loop import Row, counted, shifted, start_of, times
from ..llvm.loop_nest import SIZES, module, read_fields
from ..llvm.values import Code, Value
from .direct_text import Conv, Pooled, Tile, bordered, finished, groups, tile_sums
from .winograd_blocks import (
    Blocks,
    Matrices,
    Points,
    both_ways,
    each_vector,
    exponent,
    infinite,
    larger,
    multiply,
    panel,
    patch_of,
    points_of_patches,
    starts,
    values,
    when,
    whole_vectors,
)

FIELDS = ("images", "x", "w", "y", "padded", "positions", "kernels", "patches", "products")
POINTERS = FIELDS[1:]


def panels_of(conv: Conv, blocks: Blocks, lanes: int) -> dict[str, int]:
    """Elements from one matrix of patches, of kernels, and of products to the next."""
    patches, products = (panel(blocks.tiles, n, lanes) for n in (conv.channels, conv.outputs))
    return {"patches": patches, "kernels": panel(conv.channels, conv.outputs, lanes), "products": products}


def weight_points(g: Sequence[Value]) -> list[Value]:
    """Gg for three numbers."""
    ends = (g[0] + g[2]) * 0.5
    middle = g[1] * 0.5
    return [g[0], ends + middle, ends - middle, g[2]]


def outputs_of(m: Sequence[Value]) -> list[Value]:
    """A'm for four numbers."""
    return [m[0] + m[1] + m[2], m[1] - m[2] - m[3]]


def winograd_text(conv: Conv, blocks: Blocks, lanes: int, pool: Pooled = None) -> str:
    """A module with the function ``kernel``: y = convolution of x with w, or the largest of each four outputs."""
    code = Code(lanes)
    read_fields(code, FIELDS, POINTERS)
    image = conv.rows.length * conv.columns.length * conv.pixel
    length, panels = whole_vectors(conv.channels, lanes) * SIZES[conv.kind], panels_of(conv, blocks, lanes)
    products = Matrices(blocks.tiles, conv.channels, length, SIZES[conv.kind], conv.outputs, panels, False)
    kernel_points(code, conv)

    def one_image(n: str, _: list[str]) -> list[str]:
        x = bordered(code, conv, shifted(code, "%x", times(code, n, image)))
        offset = times(code, n, conv.steps[0])

        def one_block(i: str, _: list[str]) -> list[str]:
            first = start_of(code, i, blocks.rows, blocks.high - blocks.rows)
            points_of_patches(code, conv, blocks, x, first)
            multiply(code, conv.kind, blocks, products)
            outputs(code, conv, blocks, pool, x, first, offset)
            return []

        return counted(code, -(-blocks.high // blocks.rows), [], one_block)

    counted(code, "%images", [], one_image)
    return module(code)


def kernel_points(code: Code, conv: Conv) -> None:
    """The transformed weights, as 16 matrices (channels, outputs)."""
    row, points = Row(code, conv.kind, conv.outputs), Points(code, conv.kind, conv.channels, conv.outputs)

    def channel(_: str, refs: list[str]) -> list[str]:
        def one(places: list[str], v: int, _: list[str]) -> list[str]:
            g = [row.load(shifted(code, places[0], tap * conv.channels * conv.vector), v) for tap in range(9)]
            points.store(both_ways(values(code, conv.kind, g), weight_points), places[1], v)
            return []

        each_vector(code, row, refs, one)
        return [shifted(code, refs[0], conv.vector), shifted(code, refs[1], points.line)]

    counted(code, conv.channels, [("ptr", "%w"), ("ptr", "%kernels")], channel)


def outputs(code: Code, conv: Conv, blocks: Blocks, pool: Pooled, x: str, first: str, offset: str) -> None:
    """The outputs of a block, ``offset`` bytes behind y."""
    row, points = Row(code, conv.kind, conv.outputs), Points(code, conv.kind, blocks.tiles, conv.outputs)

    def tile(i: str, j: str, refs: list[str]) -> list[str]:
        down = code.emit(f"add i64 {first}, {i}")
        top, left = starts(code, conv, down, j)
        place = (down, j) if pool else (top, left)
        steps = [times(code, index, s) for index, s in zip(place, conv.steps[1:], strict=True)]
        target = code.emit(f"add i64 {code.emit(f'add i64 {offset}, {steps[0]}')}, {steps[1]}")

        def one(places: list[str], v: int, kept: list[str]) -> list[str]:
            y = both_ways(points.load(places[0], v), outputs_of)
            at, seen = target if v else kept[0], kept[1]
            finished(code, conv, Tile(2, 2, 1), pool, [value.ref for value in y], (v, 1), at)
            for value in y:
                seen = larger(code, value, seen)
            return [code.emit(f"add i64 {at}, {code.lanes * SIZES[conv.kind]}"), seen]

        carried = [("i64", target), (code.vector("i32"), "zeroinitializer")]
        seen = each_vector(code, row, refs[:1], one, carried)[1]

        def again() -> None:
            source = patch_of(code, conv, x, top, left)
            for start, count in groups(row.count, max(1, blocks.lines * blocks.vectors // 4)):
                sums = tile_sums(code, conv, Tile(2, 2, count), row, source, start, count)
                finished(code, conv, Tile(2, 2, count), pool, sums, (start, count), target)

        when(code, infinite(code, exponent(code, seen)), again)
        return [shifted(code, refs[0], points.line)]

    def tiles(i: str, refs: list[str]) -> list[str]:
        return counted(code, blocks.columns, [("ptr", refs[0])], lambda j, refs: tile(i, j, refs))

    counted(code, blocks.rows, [("ptr", "%products")], tiles)
