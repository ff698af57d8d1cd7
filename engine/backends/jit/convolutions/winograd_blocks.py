"""What the kernels of minimal filtering have in common: blocks of tiles, their transforms, and products of matrices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from math import isqrt

from ....frozen import frozen
from ..llvm.counted_loop import Row, counted, shifted, start_of, times
from ..llvm.loop_nest import SIZES
from ..llvm.values import Code, Value
from .direct_text import Conv, fused

POINTS = 16  # of a transformed patch
PLACES = list(product(range(4), range(4)))
INFINITE = 255  # the exponent of float32 that no number has


@frozen
class Blocks:
    """How the tiles of an image are taken, and what of a product of matrices is kept in registers."""

    rows: int  # of tiles in a block
    columns: int  # of tiles in a row
    high: int  # rows of tiles in an image
    lines: int  # tiles whose products stay in registers
    vectors: int  # of outputs, likewise

    @property
    def tiles(self) -> int:
        return self.rows * self.columns


def whole_vectors(length: int, lanes: int) -> int:
    """Elements of a row that is filled up to whole vectors."""
    return -(-length // lanes) * lanes


def panel(lines: int, length: int, lanes: int) -> int:
    """Elements from one of the 16 matrices to the next: one vector more, as caches dislike powers of two."""
    return lines * whole_vectors(length, lanes) + lanes


def scratch(panels: Mapping[str, int]) -> dict[str, int]:
    """Elements of each array that a call needs for itself."""
    return {name: POINTS * size for name, size in panels.items()}


class Points:
    """16 matrices of so many lines and elements of a line, one for each point of a transformed patch."""

    def __init__(self, code: Code, kind: str, lines: int, length: int) -> None:
        self.code, self.kind = code, kind
        self.line = whole_vectors(length, code.lanes) * SIZES[kind]  # bytes from one line to the next
        self.step = panel(lines, length, code.lanes) * SIZES[kind]  # and from one matrix

    def load(self, place: str, v: int) -> list[Value]:
        """Vector v of the line at ``place`` of the first matrix, and of the same line of all others."""
        places = (shifted(self.code, place, p * self.step) for p in range(POINTS))
        return [Value(self.code, read_whole(self.code, self.kind, at, v), self.kind) for at in places]

    def store(self, points: Sequence[Value], place: str, v: int) -> None:
        for p, value in enumerate(points):
            whole(self.code, value, shifted(self.code, place, p * self.step), v)


@frozen
class Matrices:
    """Products a b of matrices with so many rows and such a common axis; steps are bytes within a."""

    rows: int
    common: int
    row_step: int
    common_step: int
    outputs: int
    panels: Mapping[str, int]  # words where a, b and the products begin -> elements from one of them to the next
    adds: bool  # to the products that are there


def each_vector(
    code: Code,
    row: Row,
    pointers: Sequence[str],
    body: Callable[[list[str], int, list[str]], list[str]],
    carried: Sequence[tuple[str, str]] = (),
) -> list[str]:
    """``body`` for each vector of a row: it gets pointers, behind which that is vector v, v, and what is carried along.

    Returns what is carried at the end.
    """
    count, kept = len(pointers), [ref for _, ref in carried]

    def turn(_: str, refs: list[str]) -> list[str]:
        kept = body(refs[:count], 0, refs[count:])
        return [*(shifted(code, ref, code.lanes * SIZES[row.kind]) for ref in refs[:count]), *kept]

    if row.full:
        kept = counted(code, row.full, [*(("ptr", p) for p in pointers), *carried], turn)[count:]
    return body([*pointers], row.full, kept) if row.count > row.full else kept


def when(code: Code, condition: str, body: Callable[[], None]) -> None:
    """``body`` where a condition holds, which is rare."""
    code.count += 1
    name = f"when{code.count}"
    code.do(f"br i1 {condition}, label %{name}, label %{name}.done")
    code.label(name)
    body()
    code.do(f"br label %{name}.done")
    code.label(f"{name}.done")


def values(code: Code, kind: str, refs: Sequence[str]) -> list[Value]:
    return [Value(code, ref, kind) for ref in refs]


def both_ways(numbers: Sequence[Value], transform: Callable[[Sequence[Value]], list[Value]]) -> list[Value]:
    """A transform of the columns, then of the rows of a square, which is given and returned row by row."""
    side = isqrt(len(numbers))
    across = [transform(numbers[column::side]) for column in range(side)]
    return [value for row in zip(*across, strict=True) for value in transform(row)]


def patch_points(d: Sequence[Value]) -> list[Value]:
    """B'd for four numbers."""
    return [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]]


def whole(code: Code, value: Value, base: str, v: int) -> None:
    """Store a vector where there is room for all of it."""
    size = SIZES[value.kind]
    place = shifted(code, base, v * code.lanes * size)
    code.do(f"store {code.vector(value.kind)} {value.ref}, ptr {place}, align {size}")


def read_whole(code: Code, kind: str, base: str, v: int) -> str:
    place = shifted(code, base, v * code.lanes * SIZES[kind])
    return code.emit(f"load {code.vector(kind)}, ptr {place}, align {SIZES[kind]}")


def patch_of(code: Code, conv: Conv, x: str, top: str, left: str) -> str:
    return shifted(code, shifted(code, x, times(code, top, conv.line)), times(code, left, conv.pixel))


def starts(code: Code, conv: Conv, i: str, j: str) -> tuple[str, str]:
    """The first output of a tile; at an odd end a tile overlaps the one before it."""
    return start_of(code, i, 2, conv.rows.count - 2), start_of(code, j, 2, conv.columns.count - 2)


def points_of_patches(code: Code, conv: Conv, blocks: Blocks, x: str, first: str) -> None:
    """The transformed patches of a block, as 16 matrices (tiles, channels)."""
    row, points = Row(code, conv.kind, conv.channels), Points(code, conv.kind, blocks.tiles, conv.channels)

    def tiles(i: str, refs: list[str]) -> list[str]:
        def tile(j: str, refs: list[str]) -> list[str]:
            source = patch_of(code, conv, x, *starts(code, conv, code.emit(f"add i64 {first}, {i}"), j))

            def one(places: list[str], v: int, _: list[str]) -> list[str]:
                d = [row.load(shifted(code, places[0], a * conv.line + b * conv.pixel), v) for a, b in PLACES]
                points.store(both_ways(values(code, conv.kind, d), patch_points), places[1], v)
                return []

            each_vector(code, row, [source, refs[0]], one)
            return [shifted(code, refs[0], points.line)]

        return counted(code, blocks.columns, [("ptr", refs[0])], tile)

    counted(code, blocks.rows, [("ptr", "%patches")], tiles)


def multiply(code: Code, kind: str, blocks: Blocks, m: Matrices) -> None:
    """16 products of matrices."""
    size, lanes, vector = SIZES[kind], code.lanes, code.vector(kind)
    line = whole_vectors(m.outputs, lanes) * size

    def point(_: str, refs: list[str]) -> list[str]:
        full, rest = divmod(line // size // lanes, blocks.vectors)

        def group(_: str, places: list[str]) -> list[str]:
            columns(refs[0], places[0], places[1], blocks.vectors)
            return [shifted(code, place, blocks.vectors * lanes * size) for place in places]

        b, out = refs[1:]
        if full:
            b, out = counted(code, full, [("ptr", b), ("ptr", out)], group)
        if rest:
            columns(refs[0], b, out, rest)
        return [shifted(code, ref, step * size) for ref, step in zip(refs, m.panels.values(), strict=True)]

    def columns(a: str, b: str, out: str, width: int) -> None:
        grid = list(product(range(blocks.lines), range(width)))

        def lines(i: str, _: list[str]) -> list[str]:
            start = start_of(code, i, blocks.lines, m.rows - blocks.lines)
            target = shifted(code, out, times(code, start, line))
            sums = common(shifted(code, a, times(code, start, m.row_step)), b)
            for (r, v), total in zip(grid, sums, strict=True):
                value, place = Value(code, total, kind), shifted(code, target, r * line)
                if m.adds:
                    value = Value(code, read_whole(code, kind, place, v), kind) + value
                whole(code, value, place, v)
            return []

        def common(a: str, b: str) -> list[str]:
            def turn(_: str, refs: list[str]) -> list[str]:
                at, along, *sums = refs
                rights = [read_whole(code, kind, along, v) for v in range(width)]
                places = [shifted(code, at, r * m.row_step) for r in range(blocks.lines)]
                lefts = [code.splat(kind, code.emit(f"load {kind}, ptr {place}")) for place in places]
                new = [fused(code, kind, lefts[r], rights[v], s) for (r, v), s in zip(grid, sums, strict=True)]
                return [shifted(code, at, m.common_step), shifted(code, along, line), *new]

            zeros = [(vector, "zeroinitializer")] * len(grid)
            return counted(code, m.common, [("ptr", a), ("ptr", b), *zeros], turn)[2:]

        counted(code, -(-m.rows // blocks.lines), [], lines)

    counted(code, POINTS, [("ptr", f"%{name}") for name in m.panels], point)


def larger(code: Code, value: Value, seen: str) -> str:
    """In each lane the larger of some bits and those of a number without its sign, which have the order of numbers."""
    bits = code.vector("i32")
    found = code.emit(f"and {bits} {value.bitcast('i32').ref}, splat (i32 {(1 << 31) - 1})")
    return code.call(f"llvm.umax.v{code.lanes}i32", bits, (bits, found), (bits, seen))


def exponent(code: Code, seen: str) -> str:
    """The exponent of the largest of some numbers, of which these are the bits."""
    bits = code.vector("i32")
    largest = code.call(f"llvm.vector.reduce.umax.v{code.lanes}i32", "i32", (bits, seen))
    return code.emit(f"lshr i32 {largest}, 23")


def infinite(code: Code, ref: str) -> str:
    """Whether an exponent is that of infinities and NaN."""
    return code.emit(f"icmp eq i32 {ref}, {INFINITE}")
