"""The text of the gradient of a convolution in its weights: a tile of weights stays in registers over many places.

Each place of an image multiplies its inputs with vectors of the cotangents of its outputs.
"""

from __future__ import annotations

from itertools import product

from ..llvm.counted_loop import Row, counted, shifted, times
from ..llvm.loop_nest import module, read_fields
from ..llvm.values import Code
from .direct_text import FIELDS, POINTERS, Conv, Tile, bordered, fused, groups, inputs

BAND = 1 << 16  # bytes of inputs and cotangents that all tiles of weights read in turn: they stay in the cache


def divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]


def best_weights(conv: Conv, vectors: int, registers: int) -> Tile | None:
    """The tile of weights (rows of the window, places in the last loop of its taps, vectors) that multiplies fastest.

    Tiles cannot overlap, so they divide both; None where that leaves too few sums at a time.
    """

    def cost(tile: Tile) -> float:
        n = tile.count
        return -(-vectors // tile.vectors) / n * (max(n * tile.vectors, 8) + (n + tile.vectors) / 8 + 2)

    limits = (divisors(conv.rows.size), divisors(conv.taps[-1][0]), range(1, min(vectors, registers) + 1))
    every = (Tile(*t) for t in product(*limits))
    found = min((t for t in every if t.count * t.vectors + t.vectors + 1 <= registers), key=cost)
    return found if found.count * found.vectors >= 6 else None


def weights_text(conv: Conv, tile: Tile, lanes: int) -> str:
    """A module with the function ``kernel``, which adds to w the sum over positions of inputs times y."""
    code = Code(lanes)
    read_fields(code, FIELDS, POINTERS)
    add_weights(code, conv, tile)
    return module(code)


def add_weights(code: Code, conv: Conv, tile: Tile) -> None:
    """Add to w the sum over positions of inputs times y."""
    row = Row(code, conv.kind, conv.outputs)
    rows, columns = conv.rows, conv.columns
    image = rows.length * columns.length * conv.pixel
    band = max(1, min(rows.count, BAND // (rows.stride * conv.line + conv.steps[1])))
    (kh, down), *middle, (run, along) = conv.taps

    def one_image(n: str, _: list[str]) -> list[str]:
        x = bordered(code, conv, shifted(code, "%x", times(code, n, image)))
        y = shifted(code, "%y", times(code, n, conv.steps[0]))

        def one_band(i: str, _: list[str]) -> list[str]:
            start = times(code, i, band)
            left = code.emit(f"sub i64 {rows.count}, {start}")
            count = code.call("llvm.smin.i64", "i64", ("i64", left), ("i64", str(band)))
            source = shifted(code, x, times(code, start, rows.stride * conv.line))
            band_weights(source, shifted(code, y, times(code, start, conv.steps[1])), count)
            return []

        counted(code, -(-rows.count // band), [], one_band)
        return []

    def band_weights(x: str, y: str, count: str) -> None:
        """All tiles of weights for a band of positions."""
        loops = [(kh // tile.rows, down * tile.rows), *middle, (run // tile.columns, along * tile.columns)]
        behind = run * conv.vector * (middle[0][0] if middle else 1)  # bytes of the weights of one row of the window

        def tiles(loops: list[tuple[int, int]], x: str, w: str) -> str:
            if not loops:
                one_tile(x, y, w, count, behind)
                return shifted(code, w, tile.columns * conv.vector)
            (turns, step), *inner = loops

            def turn(_: str, refs: list[str]) -> list[str]:
                return [shifted(code, refs[0], step), tiles(inner, *refs)]

            last = counted(code, turns, [("ptr", x), ("ptr", w)], turn)[1]
            return shifted(code, last, behind * (tile.rows - 1)) if len(loops) == len(conv.taps) - 1 else last

        tiles(loops, x, "%w")

    def one_tile(x: str, y: str, w: str, count: str, behind: int) -> None:
        for first, vectors in groups(row.count, tile.vectors):
            sums = position_sums(code, conv, tile, row, (x, y), count, (first, vectors))
            for (p, v), total in zip(product(tile.places, range(vectors)), sums, strict=True):
                place = shifted(code, w, p[0] * behind + p[1] * conv.vector)
                old = row.load(place, first + v)
                row.store(code.emit(f"fadd {code.vector(conv.kind)} {old}, {total}"), place, first + v)

    counted(code, "%images", [], one_image)


def position_sums(
    code: Code, conv: Conv, tile: Tile, row: Row, places: tuple[str, str], count: str, vectors: tuple[int, int]
) -> list[str]:
    """For the weights of a tile, the sums over ``count`` rows of positions; x and y are read from two places."""
    first, width = vectors
    kind = code.vector(conv.kind)
    offsets = [r * conv.taps[0][1] + c * conv.taps[-1][1] for r, c in tile.places]

    def position(_: str, refs: list[str]) -> list[str]:
        x, y, *sums = refs
        cotangents = [row.load(y, first + v) for v in range(width)]
        new = []
        for n, offset in enumerate(offsets):
            values = inputs(code, conv, row, shifted(code, x, offset), vectors)
            new += [
                fused(code, conv.kind, *pair, sums[n * width + v])
                for v, pair in enumerate(zip(values, cotangents, strict=True))
            ]
        return [shifted(code, x, conv.columns.stride * conv.pixel), shifted(code, y, conv.steps[2]), *new]

    def line(_: str, refs: list[str]) -> list[str]:
        x, y, *sums = refs
        sums = counted(code, conv.columns.count, [("ptr", x), ("ptr", y), *((kind, s) for s in sums)], position)[2:]
        below = shifted(code, x, conv.rows.stride * conv.line)
        return [below, shifted(code, y, conv.steps[1]), *sums]

    zeros = [(kind, "zeroinitializer")] * (len(offsets) * width)
    return counted(code, count, [("ptr", places[0]), ("ptr", places[1]), *zeros], line)[2:]
