"""The part of a kernel that takes short rows as many at a time as a vector has lanes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....frozen import frozen
from .across import Across, transposed
from .counted_loop import Row, counted, shifted, times
from .loop_nest import SAME, Shape, stored, truth
from .values import Code, UnsupportedError, Value


@frozen
class ShortRows:
    """Rows of ``length`` elements in vectors of so many lanes."""

    lanes: int
    length: int

    def in_blocks(self, code: Code, shape: Shape, formulas: Any) -> str:
        """Whole blocks of the rows of the second loop, then on to ``middle`` with the row returned, if one is left.

        All of a block is read before any of it is written, as results may lie where inputs lie.
        """
        operands = range(len(shape.inputs) + len(shape.outputs))
        lanes, code.lanes = code.lanes, self.lanes
        blocks = code.emit(f"sdiv i64 %n1, {code.lanes}")
        starts = [shifted(code, f"%base{k}", code.emit(f"mul i64 %i, %s{k}.0")) for k in operands]
        code.do(f"br i1 {code.emit(f'icmp sgt i64 {blocks}, 0')}, label %together, label %single")
        code.label("together")

        def block(_: str, refs: list[str]) -> list[str]:
            rows = [
                [shifted(code, ref, times(code, f"%s{k}.1", r)) for r in range(code.lanes)]
                for k, ref in enumerate(refs)
            ]
            inputs = [self.read(code, shape, k, rows[k]) for k, _ in enumerate(shape.inputs)]
            results = formulas(code, [Across(columns, self.length, lanes) for columns in inputs])
            for k, result in enumerate(results, len(shape.inputs)):
                self.write(code, shape, k, result.columns, rows[k])
            return [shifted(code, ref, times(code, f"%s{k}.1", code.lanes)) for k, ref in enumerate(refs)]

        counted(code, blocks, [("ptr", ref) for ref in starts], block)
        code.do("br label %single")
        code.label("single")
        first = code.emit(f"mul i64 {blocks}, {code.lanes}")
        code.lanes = lanes
        code.do(f"br i1 {code.emit(f'icmp slt i64 {first}, %n1')}, label %middle, label %outer.end")
        return first

    def read(self, code: Code, shape: Shape, k: int, rows: Sequence[str]) -> list[Value]:
        """The elements of an input, a vector a column; one vector of what is one number a row."""
        kind = stored(shape.inputs[k])
        if shape.modes[k] == SAME:
            vector, ref = code.vector(kind), "poison"
            for r, row in enumerate(rows):
                ref = code.emit(f"insertelement {vector} {ref}, {kind} {code.emit(f'load {kind}, ptr {row}')}, i32 {r}")
            return [truth(code, ref, shape.inputs[k])]
        run = Row(code, kind, self.length)
        columns = [ref for v in range(run.count) for ref in transposed(code, [run.load(row, v) for row in rows], kind)]
        return [truth(code, ref, shape.inputs[k]) for ref in columns[: self.length]]

    def write(self, code: Code, shape: Shape, k: int, columns: Sequence[Value], rows: Sequence[str]) -> None:
        kind = columns[0].kind
        if kind == "i1":
            raise UnsupportedError("truth values of short rows")
        if shape.modes[k] == SAME:
            (value,) = columns
            for r, row in enumerate(rows):
                one = code.emit(f"extractelement {code.vector(kind)} {value.ref}, i32 {r}")
                code.do(f"store {kind} {one}, ptr {row}")
            return
        run = Row(code, kind, self.length)
        refs = [value.ref for value in columns] + ["poison"] * (run.count * code.lanes - self.length)
        for v in range(run.count):
            for row, ref in zip(rows, transposed(code, refs[v * code.lanes : (v + 1) * code.lanes], kind), strict=True):
                run.store(ref, row, v)
