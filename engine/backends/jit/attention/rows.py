"""Functions over the rows of a tile of scores: softmax, its gradient, and which weights dropout keeps."""

from __future__ import annotations

from collections.abc import Callable

from ....frozen import frozen
from ..llvm.counted_loop import counted, times
from ..llvm.elementary import FORMATS, power_of_two, reduced
from ..llvm.loop_nest import mask_of, suffix
from ..llvm.values import Code, Value
from ..masks import BLOCK, deciding
from .blocks import Module, masked_load, masked_store

LOWEST = {"float": -87.0, "double": -708.0}  # below, an exponential is 0: its results are normal numbers


@frozen
class Look:
    """Where a query may look: at keys up to its own place, at those that a mask names (one by one, or all), at all.

    A mask of floats is ``added`` to the scores.
    """

    causal: bool
    mask: str  # "", "beside" or "same"
    dropped: bool
    added: bool = False

    @property
    def arguments(self) -> str:
        """Keys of the first row (and of each) that may be looked at, then the mask, then the bits of dropout."""
        return "i64 %limit, i64 %most, ptr %mask, i64 %mask.row, ptr %bits, i64 %bits.row, ptr %keep"


def exp_down(x: Value) -> Value:
    """e^x for x <= 0 (a little above does no harm), 0 where that would be no normal number."""
    form, lowest = FORMATS[x.kind], LOWEST[x.kind]
    small = x < lowest
    n, p = reduced(small.choose(x.like(lowest), x), form)
    return small.choose(x.like(0.0), (p + 1.0) * power_of_two(n, form))


class Rows:
    """A function in the making that goes through the rows of a tile."""

    def __init__(self, module: Module, look: Look) -> None:
        self.module, self.look, self.kind = module, look, module.kind
        self.code = module.code()
        numbers = ", ".join(f"i32 {i}" for i in range(module.lanes))
        self.numbers = f"<{numbers}>"

    def value(self, ref: str, kind: str = "") -> Value:
        return Value(self.code, ref, kind or self.kind)

    def load(self, place: str) -> Value:
        return self.value(self.code.emit(f"load {self.code.vector(self.kind)}, ptr {place}, align {self.module.size}"))

    def store(self, x: Value, place: str) -> None:
        self.code.do(f"store {self.code.vector(self.kind)} {x.ref}, ptr {place}, align {self.module.size}")

    def one(self, place: str) -> Value:
        """A number in all lanes."""
        return self.value(self.code.splat(self.kind, self.code.emit(f"load {self.kind}, ptr {place}")))

    def at(self, base: str, i: str, size: int) -> str:
        return self.code.emit(f"getelementptr i8, ptr {base}, i64 {times(self.code, i, size)}")

    def row(self, base: str, r: str) -> str:
        offset = self.code.emit(f"mul i64 {r}, {base}.row")
        return self.code.emit(f"getelementptr i8, ptr {base}, i64 {offset}")

    def limit(self, r: str) -> str:
        """Keys that the query of a row may look at."""
        most = "%most"
        if self.look.causal:
            own = self.code.emit(f"add i64 %limit, {r}")
            most = self.code.call("llvm.smin.i64", "i64", ("i64", own), ("i64", "%most"))
        return self.small(most)

    def small(self, n: str) -> str:
        """A number of keys in all lanes, as 32 bits: 64 would take twice as many registers as the scores do."""
        return self.code.splat("i32", self.code.emit(f"trunc i64 {n} to i32"))

    def seen(self, j: str, limit: str, mask: str) -> Value:
        """Which keys of vector j may be looked at."""
        code, vector = self.code, self.code.vector("i32")
        places = code.emit(f"add {vector} {self.small(times(code, j, self.module.lanes))}, {self.numbers}")
        found = self.value(code.emit(f"icmp slt {vector} {places}, {limit}"), "i1")
        if not self.look.mask or self.look.added:
            return found
        return (
            found & self.flags(self.at(mask, j, self.module.lanes), found)
            if self.look.mask == "beside"
            else (found & self.value(code.splat("i1", mask), "i1"))
        )

    def looked(self, x: Value, j: str, limit: str, mask: str) -> Value:
        """Scores of vector j, with what a mask adds, and -inf where the query may not look."""
        seen = self.seen(j, limit, mask)
        if self.look.added and self.look.mask == "same":
            x = x + self.value(self.code.splat(self.kind, mask))
        elif self.look.added:
            place = self.at(mask, j, self.module.bytes)
            x = x + self.value(masked_load(self.code, self.kind, place, seen.ref))
        return seen.choose(x, float("-inf"))

    def flags(self, place: str, where: Value) -> Value:
        """Truth values of so many bytes; nothing is read where ``where`` is false."""
        code, small = self.code, self.code.vector("i8")
        name = f"llvm.masked.load.v{code.lanes}{suffix('i8')}.p0"
        arguments = [("ptr", place), ("i32", "1"), (code.vector("i1"), where.ref), (small, "zeroinitializer")]
        return self.value(code.emit(f"icmp ne {small} {code.call(name, small, *arguments)}, zeroinitializer"), "i1")

    def mask_row(self, r: str) -> str:
        """Where the mask of a row lies, or what it says for all keys."""
        if not self.look.mask:
            return ""
        place = self.row("%mask", r)
        if self.look.mask == "beside":
            return place
        if self.look.added:
            return self.code.emit(f"load {self.kind}, ptr {place}")
        return self.code.emit(f"icmp ne i8 {self.code.emit(f'load i8, ptr {place}')}, 0")

    def kept(self, x: Value, r: str, j: str) -> Value:
        """``x`` where dropout keeps it, else 0."""
        place = self.at(self.row("%bits", r), j, self.module.lanes)
        every = self.value("splat (i1 true)", "i1")
        return self.flags(place, every).choose(x, 0.0)

    def loop(self, begin: list[Value], body: Callable[[str, list[Value]], list[Value]]) -> list[Value]:
        """Over the vectors of a row."""
        vector = self.code.vector(self.kind)

        def turn(j: str, refs: list[str]) -> list[str]:
            return [x.ref for x in body(j, [self.value(ref) for ref in refs])]

        return [self.value(x) for x in counted(self.code, "%vectors", [(vector, x.ref) for x in begin], turn)]

    def number(self, x: float) -> Value:
        return self.code.constant(x, self.kind)

    def first(self, x: Value) -> str:
        """The number of all lanes."""
        return self.code.emit(f"extractelement {self.code.vector(self.kind)} {x.ref}, i32 0")


def softmax(module: Module, look: Look) -> str:
    """The name of a function that makes exponentials of scores; it stores the largest score and the sum of each row."""
    f = Rows(module, look)
    code, low = f.code, float("-inf")

    def row(r: str, _: list[str]) -> list[str]:
        start, limit, mask = f.row("%s", r), f.limit(r), f.mask_row(r)

        def highest(j: str, carried: list[Value]) -> list[Value]:
            place = f.at(start, j, module.bytes)
            x = f.looked(f.load(place), j, limit, mask)
            f.store(x, place)
            return [(x > carried[0]).choose(x, carried[0])]

        (top,) = f.loop([f.number(low)], highest)
        top = top.row_max()
        if look.mask:
            top = top.equals(low).choose(f.number(0.0), top)

        def raised(j: str, carried: list[Value]) -> list[Value]:
            place = f.at(start, j, module.bytes)
            x = exp_down(f.load(place) - top)
            f.store(f.kept(x, r, j) if look.dropped else x, place)
            return [carried[0] + x]

        (total,) = f.loop([f.number(0.0)], raised)
        for base, x in (("%tops", top), ("%totals", total.row_sum())):
            code.do(f"store {f.kind} {f.first(x)}, ptr {f.at(base, r, module.size)}")
        return []

    counted(code, "%rows", [], row)
    names = f"ptr %s, i64 %s.row, ptr %tops, ptr %totals, {look.arguments}, i64 %rows, i64 %vectors"
    module.add("softmax", names, code)
    return "softmax"


def levels(module: Module, look: Look) -> str:
    """The name of a function that makes the logarithm of the sum, and the factor of the result, for so many rows."""
    f = Rows(module, look)
    code = f.code

    def some(i: str, _: list[str]) -> list[str]:
        places = [f.at(base, i, module.bytes) for base in ("%tops", "%totals", "%level")]
        top, total = (f.load(place) for place in places[:2])
        if look.mask:
            total = total.equals(0.0).choose(f.number(1.0), total)
        rest = mask_of(code, code.emit(f"sub i64 %rows, {times(code, i, module.lanes)}"))
        masked_store(code, f.kind, (top + total.log()).ref, places[2], rest)
        f.store(1.0 / (total * f.one("%keep") if look.dropped else total), places[1])
        return []

    counted(code, "%vectors", [], some)
    module.add("levels", "ptr %tops, ptr %totals, ptr %level, ptr %keep, i64 %rows, i64 %vectors", code)
    return "levels"


def slopes(module: Module, look: Look) -> str:
    """The name of a function that makes weights of scores, and the cotangents of scores of those of the weights."""
    f = Rows(module, look)
    code = f.code

    def row(r: str, _: list[str]) -> list[str]:
        starts, limit, mask = [f.row(x, r) for x in ("%s", "%d")], f.limit(r), f.mask_row(r)
        level = f.one(f.at("%level", r, module.size))
        middle = f.one(starts[1])  # any of the numbers near their mean, so that sums are of small ones
        more = 1.0 / f.one("%keep") if look.dropped else None

        def weights(j: str, carried: list[Value]) -> list[Value]:
            at, to = (f.at(x, j, module.bytes) for x in starts)
            p = exp_down(f.looked(f.load(at), j, limit, mask) - level)
            d = f.load(to)
            f.store(p, at)
            d = (d if more is None else f.kept(d * more, r, j)) - middle
            f.store(d, to)
            return [carried[0] + p, p.fma(d, carried[1])]

        whole, both = f.loop([f.number(0.0)] * 2, weights)
        whole = whole.row_sum()
        mean = both.row_sum() / whole.equals(0.0).choose(f.number(1.0), whole)

        def bent(j: str, carried: list[Value]) -> list[Value]:
            at, to = (f.at(x, j, module.bytes) for x in starts)
            p = f.load(at)
            f.store(p * (f.load(to) - mean), to)
            if more is not None:
                f.store(f.kept(p * more, r, j), at)
            return carried

        f.loop([], bent)
        return []

    counted(code, "%rows", [], row)
    names = f"ptr %s, i64 %s.row, ptr %d, i64 %d.row, ptr %level, {look.arguments}, i64 %rows, i64 %vectors"
    module.add("slopes", names, code)
    return "slopes"


def drawing(module: Module) -> str:
    """The name of a function that decides which weights of some rows stay; each row has so many blocks of its own.

    It takes the number of the first row, how many blocks of a row there are and how many are wanted.
    """
    code = Code(BLOCK)
    decide = deciding(code)

    def row(r: str, _: list[str]) -> list[str]:
        before = code.emit(f"mul i64 {code.emit(f'add i64 {r}, %first')}, %blocks")
        start = code.emit(f"getelementptr i8, ptr %bits, i64 {code.emit(f'mul i64 {r}, %bits.row')}")

        def block(j: str, _: list[str]) -> list[str]:
            number = code.emit(f"add i64 {before}, {j}")
            decide(number, code.emit(f"getelementptr i8, ptr {start}, i64 {times(code, j, BLOCK)}"))
            return []

        counted(code, "%wanted", [], block)
        return []

    counted(code, "%rows", [], row)
    names = (
        "ptr %bits, i64 %bits.row, i64 %first, i64 %rows, i64 %blocks, i64 %wanted, ptr %key, i64 %stream,"
        " i64 %threshold"
    )
    module.add("draw", names, code)
    return "draw"
