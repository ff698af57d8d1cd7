"""Loops of a fixed number of turns, for kernels that are written loop by loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from .loop_nest import SIZES, mask_of, store, suffix
from .values import Code

Carried: TypeAlias = "Sequence[tuple[str, str]]"  # types, and references to the values before the first turn
Body: TypeAlias = "Callable[[str, list[str]], list[str]]"


def counted(code: Code, count: int | str, carried: Carried, body: Body) -> list[str]:
    """A loop of ``count`` turns, at least one; ``body`` gets the number of the turn and what is carried along.

    It returns the values for the next turn; those of the last turn are the result.
    """
    code.count += 1
    name, before = f"loop{code.count}", code.block
    code.do(f"br label %{name}")
    code.label(name, f"%{name}.i = phi i64 [0, %{before}], [%{name}.next, %{name}.end]")
    refs = [f"%{name}.c{k}" for k in range(len(carried))]
    slots = []
    for ref, (kind, first) in zip(refs, carried, strict=True):
        slots.append((len(code.lines), f"  {ref} = phi {kind} [{first}, %{before}], [{{}}, %{name}.end]"))
        code.lines.append("")
    last = body(f"%{name}.i", refs)
    for (line, text), value in zip(slots, last, strict=True):
        code.lines[line] = text.format(value)
    code.do(f"br label %{name}.end")
    code.label(f"{name}.end", f"%{name}.next = add i64 %{name}.i, 1")
    code.do(f"%{name}.more = icmp slt i64 %{name}.next, {count}")
    code.do(f"br i1 %{name}.more, label %{name}, label %{name}.done")
    code.label(f"{name}.done")
    return last


def shifted(code: Code, base: str, offset: int | str) -> str:
    """The address ``offset`` bytes behind another."""
    return base if offset == 0 else code.emit(f"getelementptr i8, ptr {base}, i64 {offset}")


def times(code: Code, i: str, factor: int) -> str:
    return code.emit(f"mul i64 {i}, {factor}")


def start_of(code: Code, i: str, step: int, last: int) -> str:
    """Where the tile of number ``i`` begins: ``step`` after ``step``, but never behind ``last``."""
    return code.call("llvm.smin.i64", "i64", ("i64", times(code, i, step)), ("i64", str(last)))


class Row:
    """A run of elements as vectors, the last of which may be filled in part."""

    def __init__(self, code: Code, kind: str, length: int) -> None:
        self.code, self.kind = code, kind
        self.full, rest = divmod(length, code.lanes)
        self.count = self.full + (rest > 0)
        self.mask = mask_of(code, str(rest)) if rest else ""

    def place(self, base: str, v: int) -> str:
        return shifted(self.code, base, v * self.code.lanes * SIZES[self.kind])

    def load(self, base: str, v: int) -> str:
        code, vector = self.code, self.code.vector(self.kind)
        if v < self.full:
            return code.emit(f"load {vector}, ptr {self.place(base, v)}, align {SIZES[self.kind]}")
        return code.call(
            f"llvm.masked.load.v{code.lanes}{suffix(self.kind)}.p0", vector, ("ptr", self.place(base, v)),
            ("i32", str(SIZES[self.kind])), (code.vector("i1"), self.mask), (vector, "zeroinitializer"),
        )  # fmt: skip

    def store(self, ref: str, base: str, v: int) -> None:
        if v < self.full:
            place = self.place(base, v)
            self.code.do(f"store {self.code.vector(self.kind)} {ref}, ptr {place}, align {SIZES[self.kind]}")
        else:
            store(self.code, self.kind, ref, self.place(base, v), self.mask)
