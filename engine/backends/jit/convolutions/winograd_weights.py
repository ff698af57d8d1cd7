"""The text of the gradient in the weights by minimal filtering: F(3x3, 2x2), with four cotangents as the filter.

Nine weights need 16 products a tile instead of 36. What is summed over all tiles are the products of transformed
patches of inputs (B'dB, as forward) and transformed cotangents (GgG'); the sums become weights at the end (A'mA).

    G = 1    0     A' = 1  1  1  0
        1/2  1/2        0  1 -1  0
        1/2 -1/2        0  1  1 -1
        0    1

The rounding of a weight is relative to the nine of its window here, to itself in the direct kernel. So where those at
some place of the window are much smaller than those at another, or not finite, all is computed again directly: what
must be zero is, and Adam, which divides by the size of a gradient, does not follow roundings.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from ..llvm.counted_loop import Row, counted, shifted, start_of, times
from ..llvm.loop_nest import SIZES, module, read_fields
from ..llvm.values import Code, Value
from .direct_text import Conv, Tile, bordered
from .direct_weights import add_weights
from .winograd_blocks import (
    POINTS,
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
    points_of_patches,
    values,
    when,
    whole_vectors,
)

FIELDS = ("images", "x", "y", "w", "padded", "patches", "cotangents", "products")
POINTERS = FIELDS[1:]
TAPS = 9
RANGE = 8  # powers of two between the largest weights at each place of the window, at most


def panels_of(conv: Conv, blocks: Blocks, lanes: int) -> dict[str, int]:
    """Elements from one matrix of patches, of cotangents, and of products to the next."""
    patches, cotangents = (panel(blocks.tiles, n, lanes) for n in (conv.channels, conv.outputs))
    products = panel(whole_vectors(conv.channels, lanes), conv.outputs, lanes)
    return {"patches": patches, "cotangents": cotangents, "products": products}


def cotangent_points(g: Sequence[Value]) -> list[Value]:
    """Gg for two numbers."""
    a, b = (x * 0.5 for x in g)
    return [g[0], a + b, a - b, g[1]]


def weights_of(m: Sequence[Value]) -> list[Value]:
    """A'm for four numbers."""
    both = m[1] + m[2]
    return [m[0] + both, m[1] - m[2], both - m[3]]


def winograd_weights_text(conv: Conv, blocks: Blocks, tile: Tile, lanes: int) -> str:
    """A module with the function ``kernel``: w = the sum over positions of inputs times y.

    ``tile`` is that of the direct kernel.
    """
    code = Code(lanes)
    read_fields(code, FIELDS, POINTERS)
    image = conv.rows.length * conv.columns.length * conv.pixel
    size, inner, panels = SIZES[conv.kind], whole_vectors(conv.channels, lanes), panels_of(conv, blocks, lanes)
    rows = -(-conv.channels // blocks.lines) * blocks.lines
    products = Matrices(rows, blocks.tiles, size, inner * size, conv.outputs, panels, True)
    clear(code, "%products", POINTS * panels["products"] * size)

    def one_image(n: str, _: list[str]) -> list[str]:
        x = bordered(code, conv, shifted(code, "%x", times(code, n, image)))
        y = shifted(code, "%y", times(code, n, conv.steps[0]))

        def one_block(i: str, _: list[str]) -> list[str]:
            first = times(code, i, blocks.rows)
            points_of_patches(code, conv, blocks, x, first)
            points_of_cotangents(code, conv, blocks, y, first)
            multiply(code, conv.kind, blocks, products)
            return []

        return counted(code, blocks.high // blocks.rows, [], one_block)

    counted(code, "%images", [], one_image)
    largest = weights(code, conv)

    def again() -> None:
        clear(code, "%w", TAPS * conv.channels * conv.outputs * size)
        add_weights(code, conv, tile)

    when(code, spoiled(code, largest), again)
    return module(code)


def clear(code: Code, place: str, length: int) -> None:
    name = "llvm.memset.p0.i64"
    code.declared[name] = f"declare void @{name}(ptr, i8, i64, i1)"
    code.do(f"call void @{name}(ptr {place}, i8 0, i64 {length}, i1 false)")


def points_of_cotangents(code: Code, conv: Conv, blocks: Blocks, y: str, first: str) -> None:
    """The transformed cotangents of a block, as 16 matrices (tiles, outputs); none counts twice where tiles overlap."""
    row, points = Row(code, conv.kind, conv.outputs), Points(code, conv.kind, blocks.tiles, conv.outputs)
    _, down, along = conv.steps
    vector = code.vector(conv.kind)

    def tiles(i: str, refs: list[str]) -> list[str]:
        top, again_down = overlap(code, code.emit(f"add i64 {first}, {i}"), conv.rows.count)
        source = shifted(code, y, times(code, top, down))

        def tile(j: str, refs: list[str]) -> list[str]:
            left, again_along = overlap(code, j, conv.columns.count)

            def one(places: list[str], v: int, _: list[str]) -> list[str]:
                found = []
                for a, b in product(range(2), range(2)):
                    ref = row.load(shifted(code, places[0], a * down + b * along), v)
                    for seen, offset in ((again_down, a), (again_along, b)):
                        if seen and offset == 0:
                            ref = code.emit(f"select i1 {seen}, {vector} zeroinitializer, {vector} {ref}")
                    found.append(ref)
                points.store(both_ways(values(code, conv.kind, found), cotangent_points), places[1], v)
                return []

            each_vector(code, row, [shifted(code, source, times(code, left, along)), refs[0]], one)
            return [shifted(code, refs[0], points.line)]

        return counted(code, blocks.columns, [("ptr", refs[0])], tile)

    counted(code, blocks.rows, [("ptr", "%cotangents")], tiles)


def overlap(code: Code, i: str, count: int) -> tuple[str, str]:
    """Where a tile begins, and whether its first output belongs to the tile before it; empty where that never is."""
    start = start_of(code, i, 2, count - 2)
    return start, code.emit(f"icmp ne i64 {start}, {times(code, i, 2)}") if count % 2 else ""


def weights(code: Code, conv: Conv) -> list[str]:
    """The weights of all sums of products; returns the bits of the largest in each lane, for each place of a window."""
    row, bits = Row(code, conv.kind, conv.outputs), code.vector("i32")
    points = Points(code, conv.kind, whole_vectors(conv.channels, code.lanes), conv.outputs)

    def channel(_: str, refs: list[str]) -> list[str]:
        def one(places: list[str], v: int, seen: list[str]) -> list[str]:
            found = both_ways(points.load(places[0], v), weights_of)
            for tap, value in enumerate(found):
                row.store(value.ref, shifted(code, places[1], tap * conv.channels * conv.vector), v)
            return [larger(code, value, old) for value, old in zip(found, seen, strict=True)]

        seen = each_vector(code, row, refs[:2], one, [(bits, ref) for ref in refs[2:]])
        return [shifted(code, refs[0], points.line), shifted(code, refs[1], conv.vector), *seen]

    carried = [("ptr", "%products"), ("ptr", "%w"), *[(bits, "zeroinitializer")] * TAPS]
    return counted(code, conv.channels, carried, channel)[2:]


def spoiled(code: Code, seen: Sequence[str]) -> str:
    """Whether some weights are not right, by the bits of the largest at each place of the window."""
    high = low = exponent(code, seen[0])
    for other in seen[1:]:
        ref = exponent(code, other)
        high = code.call("llvm.umax.i32", "i32", ("i32", high), ("i32", ref))
        low = code.call("llvm.umin.i32", "i32", ("i32", low), ("i32", ref))
    apart = code.emit(f"icmp ugt i32 {code.emit(f'sub i32 {high}, {low}')}, {RANGE}")
    return code.emit(f"or i1 {infinite(code, high)}, {apart}")
