"""The text of a loop over rows that needs their sums: passes over a row, which lies in the cache from the second on.

What is computed element by element belongs to the first pass that knows all the sums it needs. What a later pass needs
again is kept: in registers where a row has few vectors, else in scratch memory. Results are stored in the last pass,
after all reads of their place. Sums of columns are read and written for each row, and begin anew with each block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ....ops.reductions import Max, Min, Sum
from ..llvm.counted_loop import Row, counted, shifted, times
from ..llvm.loop_nest import NEUTRAL, SIZES, element, module, stored
from ..llvm.values import Code, Value, kind_of
from .columns_text import clear, read, rows_of_block, write
from .fused import Program, applied

HELD = 8  # vectors of a row that is kept in registers
TOGETHER = 4  # vectors of a row at a time, and running sums, so that one need not wait for another
Totals = list[Value]


class RowsText:
    """A kernel in the making; ``places`` of the program that are ``single`` hold one number a row.

    Its argument is the number of blocks, of the rows of a block and of the rows of the last one; then of inputs,
    results and sums of columns: address, and bytes from block to block and from row to row.
    """

    def __init__(self, program: Program, single: Sequence[bool], length: int, lanes: int) -> None:
        self.program, self.length = program, length
        self.code = code = Code(lanes)
        self.arguments = len(program.arguments)
        self.kinds = [kind_of(d) for d in (*program.arguments, *program.inner)]
        self.single = single
        self.stored = program.results[: len(program.results) - program.sums]
        self.summed = program.results[len(program.results) - program.sums :]
        self.phases = self.known_in()
        self.last = max(
            [self.phases[p] for p in (*self.stored, *self.summed) if not single[p]]
            + [self.phases[line.places[0]] for line in program.lines if is_fold(line.op)]
        )
        self.held = -(-length // lanes) <= HELD
        self.values: dict[int, Value] = {}  # of the row
        self.parts: dict[tuple[int, int], Value] = {}  # of a vector of the row, by its number
        self.scratch: dict[int, str] = {}
        self.begin(code)

    def known_in(self) -> list[int]:
        """The pass before which, or in which, each place is known."""
        found = [0] * self.arguments
        for line in self.program.lines:
            before = max((found[p] for p in line.places), default=0)
            found.append(before + is_fold(line.op))
        return found

    def begin(self, code: Code) -> None:
        for n, name in enumerate(("blocks", "each", "end")):
            code.do(f"%{name} = load i64, ptr {element(code, n)}")
        self.operands = [*range(self.arguments), *self.stored, *self.summed]
        for k, _ in enumerate(self.operands):
            code.do(f"%base{k} = load ptr, ptr {element(code, 3 + 3 * k)}")
            code.do(f"%block{k} = load i64, ptr {element(code, 4 + 3 * k)}")
            code.do(f"%step{k} = load i64, ptr {element(code, 5 + 3 * k)}")
        if self.held:
            return
        padded = -(-self.length // code.lanes) * code.lanes
        for p in sorted(self.again()):
            code.do(f"%kept{p} = alloca [{padded} x {stored(self.kinds[p])}], align 64")
            self.scratch[p] = f"%kept{p}"

    def again(self) -> set[int]:
        """Computed elements that are needed in a later pass than the one that knows them."""
        found = {p for p in self.stored if self.phases[p] < self.last}
        for n, line in enumerate(self.program.lines, self.arguments):
            if not self.single[n] and not is_fold(line.op):
                found |= {p for p in line.places if self.phases[p] < self.phases[n]}
        return {p for p in found if p >= self.arguments and not self.single[p]}

    def text(self) -> str:
        code, count = self.code, len(self.operands)
        moving = count - len(self.summed)

        def block(j: str, _: list[str]) -> list[str]:
            rows = rows_of_block(code, j)
            places = [shifted(code, f"%base{k}", code.emit(f"mul i64 {j}, %block{k}")) for k in range(count)]
            for p, place in zip(self.summed, places[moving:], strict=True):
                clear(code, self.kinds[p], place, self.length)

            def row(_: str, refs: list[str]) -> list[str]:
                self.row([*refs, *places[moving:]])
                return [shifted(code, ref, f"%step{k}") for k, ref in enumerate(refs)]

            counted(code, rows, [("ptr", p) for p in places[:moving]], row)
            return []

        counted(code, "%blocks", [], block)
        return module(code)

    def row(self, places: list[str]) -> None:
        """All passes over a row."""
        code, program = self.code, self.program
        self.values, self.parts = {}, {}
        for p in range(self.arguments):
            if self.single[p]:
                self.values[p] = read(code, Row(code, stored(self.kinds[p]), 1), self.kinds[p], places[p], None)
        for phase in range(self.last + 2):
            for n, line in enumerate(program.lines, self.arguments):
                if self.single[n] and self.phases[n] == phase and not is_fold(line.op):
                    if line.op is None:
                        self.values[n] = code.constant(line.number, self.kinds[n])
                    else:
                        self.values[n] = applied(line.op, [self.values[p] for p in line.places], line.dtype)
            if phase <= self.last:
                self.values.update(self.one_pass(phase, places))
        for k, p in enumerate(self.stored, self.arguments):
            if self.single[p]:
                value = self.values[p]
                first = code.emit(f"extractelement {code.vector(value.kind)} {value.ref}, i32 0")
                if value.kind == "i1":
                    first = code.emit(f"zext i1 {first} to i8")
                code.do(f"store {stored(value.kind)} {first}, ptr {places[k]}")

    def one_pass(self, phase: int, places: list[str]) -> dict[int, Value]:
        """A pass over a row -> its sums and extremes that are known after it, by their places."""
        code = self.code
        folds = [n for n, line in enumerate(self.program.lines, self.arguments)
                 if is_fold(line.op) and self.phases[line.places[0]] == phase]  # fmt: skip
        step = TOGETHER * code.lanes
        full, rest = (0, self.length) if self.held else divmod(self.length, step)
        running = min(TOGETHER, -(-self.length // code.lanes))
        totals = [code.constant(NEUTRAL[self.fold(n)], self.kinds[n]) for n in folds for _ in range(running)]
        if full:

            def some(i: str, refs: list[str]) -> list[str]:
                before = [Value(code, ref, t.kind) for ref, t in zip(refs, totals, strict=True)]
                return [t.ref for t in self.vectors(phase, places, times(code, i, step), step, folds, before)]

            carried = [(code.vector(t.kind), t.ref) for t in totals]
            kinds = [t.kind for t in totals]
            refs = counted(code, full, carried, some)
            totals = [Value(code, ref, kind) for ref, kind in zip(refs, kinds, strict=True)]
        if rest:
            totals = self.vectors(phase, places, full * step, rest, folds, totals)
        return {n: self.whole(self.fold(n), totals[k * running : (k + 1) * running]) for k, n in enumerate(folds)}

    def vectors(
        self, phase: int, places: list[str], start: str | int, count: int, folds: list[int], totals: Totals
    ) -> Totals:
        """Some elements of a row in a pass, from ``start`` on; returns the running totals."""
        code, totals = self.code, list(totals)
        runs = {kind: Row(code, kind, count) for kind in {stored(k) for k in self.kinds}}
        running = len(totals) // len(folds) if folds else 1
        number = 0 if isinstance(start, str) else start // code.lanes

        def at(base: str, p: int) -> str:
            size = SIZES[stored(self.kinds[p])]
            return shifted(code, base, start * size if isinstance(start, int) else times(code, start, size))

        for v in range(-(-count // code.lanes)):
            code.start = code.emit(f"add i64 {start}, {v * code.lanes}")
            values = self.pass_values(phase, places, at, runs, v, number + v)
            for k, n in enumerate(folds):
                place = self.program.lines[n - self.arguments].places[0]
                i = k * running + v % running
                value = values(place)
                run = runs[stored(value.kind)]
                if v >= run.full:
                    value = Value(code, run.mask, "i1").choose(value, NEUTRAL[self.fold(n)])
                totals[i] = folded(self.fold(n), totals[i], value)
            for k, p in enumerate(self.summed, self.arguments + len(self.stored)):
                if self.phases[p] == phase:
                    run, total = runs[self.kinds[p]], at(places[k], p)
                    before = Value(code, run.load(total, v), self.kinds[p])
                    run.store((before + values(p)).ref, total, v)
            if phase == self.last:
                found = [(k, p, values(p)) for k, p in enumerate(self.stored, self.arguments) if not self.single[p]]
                for k, p, value in found:
                    write(code, runs[stored(value.kind)], value, at(places[k], p), v)
        return totals

    def pass_values(
        self, phase: int, places: list[str], at: Callable[[str, int], str], runs: dict[str, Row], v: int, number: int
    ) -> Callable[[int], Value]:
        """What gives the value of a place for a vector; what is computed in this pass is computed here, in order."""
        code = self.code
        here: dict[int, Value] = {}

        def value(p: int) -> Value:
            if p in here:
                return here[p]
            if self.single[p]:
                return self.values[p]
            kind = self.kinds[p]
            if p < self.arguments:
                here[p] = read(code, runs[stored(kind)], kind, at(places[p], p), v)
            elif self.held:
                return self.parts[p, number]
            else:
                here[p] = read(code, runs[stored(kind)], kind, at(self.scratch[p], p), v)
            return here[p]

        for n, line in enumerate(self.program.lines, self.arguments):
            if line.op is None or self.single[n] or self.phases[n] != phase:
                continue
            here[n] = applied(line.op, [value(p) for p in line.places], line.dtype)
            if self.held:
                self.parts[n, number] = here[n]
            elif n in self.scratch:
                write(code, Row(code, stored(self.kinds[n]), (v + 1) * code.lanes), here[n], at(self.scratch[n], n), v)
        return value

    def fold(self, n: int) -> str:
        return self.program.lines[n - self.arguments].op.name  # type: ignore[union-attr]

    def whole(self, fold: str, totals: Totals) -> Value:
        """The total of the running totals, in pairs."""
        while len(totals) > 1:
            pairs = [folded(fold, *pair) for pair in zip(totals[::2], totals[1::2], strict=False)]
            totals = pairs + totals[len(totals) & ~1 :]
        if fold == "sum":
            return totals[0].row_sum()
        return totals[0].reduced({"max": "fmaximum", "min": "fminimum"}[fold], 0.0)


def is_fold(op: object) -> bool:
    return isinstance(op, Sum | Max | Min)


def folded(fold: str, a: Value, b: Value) -> Value:
    return a + b if fold == "sum" else a.maximum(b) if fold == "max" else a.minimum(b)
