"""The text of sums of columns: blocks of rows, which are read one after the other, as they lie in memory.

To read some columns of all rows of a block, then the next ones, is half as fast: a processor fetches ahead what lies
side by side. So the running sums of a whole row stay in registers, or lie in memory where there are too many.
"""

from __future__ import annotations

from ..llvm.counted_loop import Row, counted, shifted, times
from ..llvm.loop_nest import SIZES, element, module, stored, truth
from ..llvm.values import Code, Value, kind_of
from .fused import Program

TOGETHER = 8  # vectors of a row at a time where running sums lie in memory


def columns_text(program: Program, beside: tuple[bool, ...], length: int, lanes: int, running: int) -> str:
    """A module with the function ``kernel``.

    Its argument is the number of blocks, of the rows of a block and of the rows of the last one; then of inputs,
    results and sums: address, and bytes from block to block and from row to row. Of the inputs, those ``beside`` have
    an element a column, others one for the whole row. Up to ``running`` vectors of sums stay in registers.
    """
    return Text(program, beside, length, lanes).module(running)


class Text:
    """A kernel in the making; what it goes through are the addresses of a row of each operand, sums last."""

    def __init__(self, program: Program, beside: tuple[bool, ...], length: int, lanes: int) -> None:
        self.code, self.program, self.length = Code(lanes), program, length
        self.code.start = None
        self.inputs, self.outputs = ([kind_of(d) for d in x] for x in (program.arguments, program.outputs))
        self.kinds = [*self.inputs, *self.outputs]
        self.beside = [*beside, *(True for _ in self.outputs)]
        self.moving = len(self.kinds) - program.sums

    def module(self, running: int) -> str:
        code = self.code
        for n, name in enumerate(("blocks", "each", "end")):
            code.do(f"%{name} = load i64, ptr {element(code, n)}")
        for k, _ in enumerate(self.kinds):
            code.do(f"%base{k} = load ptr, ptr {element(code, 3 + 3 * k)}")
            code.do(f"%block{k} = load i64, ptr {element(code, 4 + 3 * k)}")
            code.do(f"%step{k} = load i64, ptr {element(code, 5 + 3 * k)}")
        vectors = self.program.sums * -(-self.length // code.lanes)
        sums = self.in_registers if vectors <= running else self.in_memory

        def block(j: str, _: list[str]) -> list[str]:
            count = rows_of_block(code, j)
            sums(
                [shifted(code, f"%base{k}", code.emit(f"mul i64 {j}, %block{k}")) for k in range(len(self.kinds))],
                count,
            )
            return []

        counted(code, "%blocks", [], block)
        return module(code)

    def in_registers(self, places: list[str], count: str) -> None:
        """The sums of a block, of all columns at once."""
        code, runs, ends = self.code, self.runs(self.length), self.ends(places)
        vectors = range(runs[stored(self.kinds[-1])].count)
        first = [(code.vector(kind), "zeroinitializer") for kind, _ in ends for _ in vectors]

        def one_row(_: str, refs: list[str]) -> list[str]:
            here = refs[: self.moving]
            return [*self.below(here), *self.added(here, refs[self.moving :], runs)]

        added = counted(code, count, [*(("ptr", p) for p in places[: self.moving]), *first], one_row)
        self.store(added[self.moving :], ends, runs)

    def in_memory(self, places: list[str], count: str) -> None:
        """The sums of a block, which are read and written for each row."""
        code = self.code
        step = TOGETHER * code.lanes
        full, rest = divmod(self.length, step)

        def some(places: list[str], columns: int) -> list[str]:
            runs, ends = self.runs(columns), self.ends(places)
            totals = [runs[kind].load(place, v) for kind, place in ends for v in range(runs[kind].count)]
            self.store(self.added(places[: self.moving], totals, runs), ends, runs)
            return []

        def one_row(_: str, refs: list[str]) -> list[str]:
            here = [*refs, *places[self.moving :]]

            def moved(c: str) -> list[str]:
                return [
                    shifted(code, p, times(code, c, step * SIZES[stored(kind)])) if beside else p
                    for p, kind, beside in zip(here, self.kinds, self.beside, strict=True)
                ]

            if full:
                counted(code, full, [], lambda c, _: some(moved(c), step))
            if rest:
                some(moved(str(full)), rest)
            return self.below(refs)

        for kind, place in self.ends(places):
            clear(code, kind, place, self.length)
        counted(code, count, [("ptr", p) for p in places[: self.moving]], one_row)

    def runs(self, columns: int) -> dict[str, Row]:
        """How vectors of each kind lie in so many columns."""
        return {kind: Row(self.code, kind, columns) for kind in map(stored, self.kinds)}

    def ends(self, places: list[str]) -> list[tuple[str, str]]:
        """Kinds and addresses of the sums."""
        return list(zip(self.kinds[self.moving :], places[self.moving :], strict=True))

    def below(self, places: list[str]) -> list[str]:
        """The next row."""
        return [shifted(self.code, p, f"%step{k}") for k, p in enumerate(places)]

    def added(self, places: list[str], totals: list[str], runs: dict[str, Row]) -> list[str]:
        """What a row adds to totals: vector by vector of each sum."""
        code, sums = self.code, self.program.sums
        added, vectors = list(totals), len(totals) // sums
        for v in range(vectors):
            values = [read(code, runs[stored(kind)], kind, places[k], v if self.beside[k] else None)
                      for k, kind in enumerate(self.inputs)]  # fmt: skip
            results = self.program(code, values)
            for n, value in enumerate(results[:-sums]):
                write(code, runs[stored(value.kind)], value, places[len(self.inputs) + n], v)
            for n, value in enumerate(results[-sums:]):
                i = n * vectors + v
                added[i] = code.emit(f"fadd {code.vector(value.kind)} {totals[i]}, {value.ref}")
        return added

    def store(self, added: list[str], ends: list[tuple[str, str]], runs: dict[str, Row]) -> None:
        found = iter(added)
        for kind, place in ends:
            for v in range(runs[kind].count):
                runs[kind].store(next(found), place, v)


def rows_of_block(code: Code, j: str) -> str:
    """How many rows a block has, by its number."""
    left = code.emit(f"sub i64 %blocks, {j}")
    at_end = code.emit(f"icmp eq i64 {left}, 1")
    return code.emit(f"select i1 {at_end}, i64 %end, i64 %each")


def clear(code: Code, kind: str, place: str, length: int) -> None:
    """Zeros in a row of sums."""
    full, rest = divmod(length, code.lanes)

    def one(i: str, _: list[str]) -> list[str]:
        at = shifted(code, place, times(code, i, code.lanes * SIZES[kind]))
        code.do(f"store {code.vector(kind)} zeroinitializer, ptr {at}, align {SIZES[kind]}")
        return []

    if full:
        counted(code, full, [], one)
    if rest:
        end = shifted(code, place, full * code.lanes * SIZES[kind])
        Row(code, kind, rest).store("zeroinitializer", end, 0)


def read(code: Code, run: Row, kind: str, place: str, v: int | None) -> Value:
    """A vector of a row, or the one element of the row in all lanes."""
    if v is not None:
        return truth(code, run.load(place, v), kind)
    return truth(code, code.splat(stored(kind), code.emit(f"load {stored(kind)}, ptr {place}")), kind)


def write(code: Code, run: Row, value: Value, place: str, v: int) -> None:
    ref = value.ref
    if value.kind == "i1":
        ref = code.emit(f"zext {code.vector('i1')} {ref} to {code.vector('i8')}")
    run.store(ref, place, v)
