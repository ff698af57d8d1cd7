"""The texts of attention and its gradient: samples and groups of heads one after the other, their queries in tiles.

A group is the heads of queries that share keys and values. These are copied into scratch memory, and transposed, so
that all products read rows that lie side by side. A tile holds all keys that its queries may see.
"""

from __future__ import annotations

from ....frozen import frozen
from ..llvm.counted_loop import counted
from .blocks import VECTORS, Module, block_rows, call, clearing, copies, padded, panels_of, product, turning
from .rows import Look, drawing, levels, slopes, softmax

ARRAYS = ("q", "k", "v", "dy", "y", "dq", "dk", "dv")
STEPS = ("sample", "row", "head")  # from one to the next, in bytes, behind the address of each of the arrays
SCRATCH = ("keys", "keys.t", "values", "values.t", "queries", "slopes", "s", "d", "o", "tops", "totals", "bits",
           "dkeys", "dvalues")  # fmt: skip
NUMBERS = (
    "first", "last", "groups", "each", "rows", "columns", "tile", "s.row", "bits.row", "blocks", "sample", "stream",
    "threshold", "level", "mask", "mask.sample", "mask.head", "mask.row", "key", "scale", "one", "keep",
)  # fmt: skip
WORDS = (*NUMBERS, *SCRATCH, *(name for x in ARRAYS for name in (x, *(f"{x}.{step}" for step in STEPS))))
POINTERS = {"level", "mask", "key", *SCRATCH, *ARRAYS}
PLACES = ("scale", "one", "keep")  # of which the functions want the address


@frozen
class Form:
    """What a kernel is made for: kind of numbers, lanes, widths of keys and values, and where queries look."""

    kind: str
    lanes: int
    width: int
    value_width: int
    look: Look


class Kernel:
    """A kernel in the making."""

    def __init__(self, form: Form, gradient: bool) -> None:
        self.form, self.gradient = form, gradient
        self.module = Module(form.kind, form.lanes)
        self.look = form.look
        self.code = code = self.module.code()
        for i, name in enumerate(WORDS):
            place = code.emit(f"getelementptr i64, ptr %args, i64 {i}")
            if name in PLACES:
                code.do(f"%{name} = getelementptr i8, ptr {place}, i64 0")
            else:
                code.do(f"%{name} = load {'ptr' if name in POINTERS else 'i64'}, ptr {place}")
        size, lanes = self.module.size, form.lanes
        self.key_row, self.value_row = (padded(n, lanes) * size for n in (form.width, form.value_width))
        self.heads = code.emit("mul i64 %groups, %each")
        count = code.emit("sub i64 %last, %first")
        counted(code, count, [], lambda n, _: self.unit(code.emit(f"add i64 {n}, %first")))
        self.module.add("kernel", "ptr noalias readonly %args", code, internal=False)

    # Small steps
    def ceiling(self, n: str, unit: int) -> str:
        return self.code.emit(f"udiv i64 {self.code.emit(f'add i64 {n}, {unit - 1}')}, {unit}")

    def place(self, name: str, *steps: tuple[str, str]) -> str:
        """The address in an array, so many steps of each kind from its beginning."""
        code, found = self.code, f"%{name}"
        for step, count in steps:
            found = code.emit(f"getelementptr i8, ptr {found}, i64 {code.emit(f'mul i64 {count}, %{name}.{step}')}")
        return found

    def fetch(self, source: str, name: str, to: str, width: int, rows: str, factor: str = "one") -> None:
        row = padded(width, self.form.lanes) * self.module.size
        call(self.code, copies(self.module, width, True), ("ptr", source), ("i64", f"%{name}.row"), ("ptr", f"%{to}"),
             ("i64", row), ("ptr", f"%{factor}"), ("i64", 0), ("i64", rows))  # fmt: skip

    def put(self, source: str, name: str, to: str, width: int, rows: str, factor: str, step: int = 0) -> None:
        row = padded(width, self.form.lanes) * self.module.size
        call(self.code, copies(self.module, width, False), ("ptr", f"%{source}"), ("i64", row), ("ptr", to),
             ("i64", f"%{name}.row"), ("ptr", f"%{factor}"), ("i64", step), ("i64", rows))  # fmt: skip

    def turn(self, source: str, to: str, width: int) -> None:
        row = padded(width, self.form.lanes) * self.module.size
        rows = self.ceiling("%columns", self.form.lanes)
        call(self.code, turning(self.module), ("ptr", f"%{source}"), ("i64", row), ("ptr", f"%{to}"), ("i64", "%s.row"),
             ("i64", rows), ("i64", -(-width // self.form.lanes)))  # fmt: skip

    def scored(self, a: str, width: int, b: str, c: str, blocks: str, panels: str) -> None:
        """Products of the rows of a tile with columns of scratch memory."""
        row = padded(width, self.form.lanes) * self.module.size
        call(self.code, product(self.module, VECTORS, False), ("ptr", f"%{a}"), ("i64", row),
             ("i64", self.module.size), ("ptr", f"%{b}"), ("i64", "%s.row"), ("ptr", f"%{c}"), ("i64", "%s.row"),
             ("i64", blocks), ("i64", width), ("i64", panels))  # fmt: skip

    def weighted(self, a: str, b: str, c: str, width: int, blocks: str, length: str) -> None:
        """The rows of a tile of weights times rows of scratch memory."""
        row, (vectors, panels) = padded(width, self.form.lanes) * self.module.size, panels_of(width, self.form.lanes)
        call(self.code, product(self.module, vectors, False), ("ptr", f"%{a}"), ("i64", "%s.row"),
             ("i64", self.module.size), ("ptr", f"%{b}"), ("i64", row), ("ptr", f"%{c}"), ("i64", row),
             ("i64", blocks), ("i64", length), ("i64", panels))  # fmt: skip

    def added(self, a: str, b: str, c: str, width: int, blocks: str, length: str) -> None:
        """The columns of a tile of weights times rows of a tile, added to rows of scratch memory."""
        row, (vectors, panels) = padded(width, self.form.lanes) * self.module.size, panels_of(width, self.form.lanes)
        call(self.code, product(self.module, vectors, True), ("ptr", f"%{a}"), ("i64", self.module.size),
             ("i64", "%s.row"), ("ptr", f"%{b}"), ("i64", row), ("ptr", f"%{c}"), ("i64", row),
             ("i64", blocks), ("i64", length), ("i64", panels))  # fmt: skip

    # The loops
    def unit(self, n: str) -> list[str]:
        """A sample and a group."""
        code, form = self.code, self.form
        b, g = code.emit(f"udiv i64 {n}, %groups"), code.emit(f"urem i64 {n}, %groups")
        for name, to, width in (("k", "keys", form.width), ("v", "values", form.value_width)):
            self.fetch(self.place(name, ("sample", b), ("head", g)), name, to, width, "%columns")
        self.turn("keys", "keys.t", form.width)
        if self.gradient:
            self.turn("values", "values.t", form.value_width)
            rows = code.emit(f"mul i64 {self.ceiling('%columns', block_rows())}, {block_rows()}")
            for name, row in (("dkeys", self.key_row), ("dvalues", self.value_row)):
                count = code.emit(f"mul i64 {rows}, {row // self.module.bytes}")
                call(code, clearing(self.module), ("ptr", f"%{name}"), ("i64", count))
        start = code.emit(f"mul i64 {g}, %each")
        counted(code, "%each", [], lambda e, _: self.head(b, code.emit(f"add i64 {start}, {e}")))
        if self.gradient:
            for name, to, width in (("dkeys", "dk", form.width), ("dvalues", "dv", form.value_width)):
                self.put(name, to, self.place(to, ("sample", b), ("head", g)), width, "%columns", "one")
        return []

    def head(self, b: str, h: str) -> list[str]:
        code = self.code
        most = code.emit(f"sub i64 {code.emit('add i64 %rows, %tile')}, 1")
        tiles = code.emit(f"udiv i64 {most}, %tile")
        counted(code, tiles, [], lambda t, _: self.tile(b, h, code.emit(f"mul i64 {t}, %tile")))
        return []

    def tile(self, b: str, h: str, i: str) -> list[str]:
        code, form, module = self.code, self.form, self.module
        rows = code.call("llvm.smin.i64", "i64", ("i64", "%tile"), ("i64", code.emit(f"sub i64 %rows, {i}")))
        blocks = self.ceiling(rows, block_rows())
        stop = "%columns"
        if self.look.causal:
            end = code.emit(f"add i64 {i}, {rows}")
            stop = code.call("llvm.smin.i64", "i64", ("i64", end), ("i64", "%columns"))
        panels = self.ceiling(stop, VECTORS * form.lanes)
        vectors = code.emit(f"mul i64 {panels}, {VECTORS}")
        self.fetch(self.place("q", ("sample", b), ("row", i), ("head", h)), "q", "queries", form.width, rows, "scale")
        self.scored("queries", form.width, "keys.t", "s", blocks, panels)
        number = code.emit(f"add i64 {code.emit(f'mul i64 {b}, {self.heads}')}, {h}")
        row = code.emit(f"add i64 {code.emit(f'mul i64 {number}, %rows')}, {i}")
        level = code.emit(f"getelementptr i8, ptr %level, i64 {code.emit(f'mul i64 {row}, {module.size}')}")
        where = self.where(b, h, i, rows, stop)
        sizes = [("i64", rows), ("i64", vectors)]
        spot = (("sample", b), ("row", i), ("head", h))
        if not self.gradient:
            call(code, softmax(module, self.look), ("ptr", "%s"), ("i64", "%s.row"), ("ptr", "%tops"),
                 ("ptr", "%totals"), *where, *sizes)  # fmt: skip
            call(code, levels(module, self.look), ("ptr", "%tops"), ("ptr", "%totals"), ("ptr", level),
                 ("ptr", "%keep"), ("i64", rows), ("i64", self.ceiling(rows, form.lanes)))  # fmt: skip
            self.weighted("s", "values", "o", form.value_width, blocks, stop)
            self.put("o", "y", self.place("y", *spot), form.value_width, rows, "totals", module.size)
            return []
        self.fetch(self.place("dy", *spot), "dy", "slopes", form.value_width, rows)
        self.scored("slopes", form.value_width, "values.t", "d", blocks, panels)
        call(code, slopes(module, self.look), ("ptr", "%s"), ("i64", "%s.row"), ("ptr", "%d"), ("i64", "%s.row"),
             ("ptr", level), *where, *sizes)  # fmt: skip
        seen = self.ceiling(stop, block_rows())
        self.added("s", "slopes", "dvalues", form.value_width, seen, rows)
        self.added("d", "queries", "dkeys", form.width, seen, rows)
        self.weighted("d", "keys", "o", form.width, blocks, stop)
        self.put("o", "dq", self.place("dq", *spot), form.width, rows, "scale")
        return []

    def where(self, b: str, h: str, i: str, rows: str, stop: str) -> list[tuple[str, str]]:
        """What says where the queries of a tile look, as ``Look.arguments`` has it."""
        code = self.code
        if self.look.dropped:
            sample = code.emit(f"add i64 {b}, %sample")
            head = code.emit(f"add i64 {code.emit(f'mul i64 {sample}, {self.heads}')}, {h}")
            first = code.emit(f"add i64 {code.emit(f'mul i64 {head}, %rows')}, {i}")
            call(code, drawing(self.module), ("ptr", "%bits"), ("i64", "%bits.row"), ("i64", first), ("i64", rows),
                 ("i64", "%blocks"), ("i64", self.ceiling(stop, 16)), ("ptr", "%key"), ("i64", "%stream"),
                 ("i64", "%threshold"))  # fmt: skip
        mask = self.place("mask", ("sample", b), ("head", h), ("row", i)) if self.look.mask else "%mask"
        limit = code.emit(f"add i64 {i}, 1")
        return [("i64", limit), ("i64", "%columns"), ("ptr", mask), ("i64", "%mask.row"), ("ptr", "%bits"),
                ("i64", "%bits.row"), ("ptr", "%keep")]  # fmt: skip


def text(form: Form, gradient: bool) -> str:
    """A module with the function ``kernel``."""
    return Kernel(form, gradient).module.text()
