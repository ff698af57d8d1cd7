"""The text of one kernel: three loops around the formulas of a program, of which the innermost takes vectors.

A kernel has one argument, an array of int64: the three lengths, then for every operand (inputs first, then outputs)
its address and its three strides in bytes. How the innermost loop reads an input is part of the kernel: side by side,
one element for all, or with a stride. Outputs lie side by side, or are the sums of their rows. What does not fill a
vector at the end of a row is done under a mask.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Any, TypeAlias

from ....frozen import frozen
from .values import BITS, Code, Value

BESIDE, SAME, APART, TOTAL = "beside", "same", "apart", "total"
SIZES = {"float": 4, "double": 8, "i32": 4, "i64": 8, "i8": 1}
NEUTRAL = {"sum": 0.0, "max": float("-inf"), "min": float("inf")}  # what changes nothing in a row's total
Blocks: TypeAlias = "Callable[[Code, Shape, Formulas], str]"  # returns the first row that is left
Formulas: TypeAlias = "Callable[[Code, list[Value]], list[Value]]"


@frozen
class Shape:
    """What a kernel is made for besides its formulas: kinds of inputs and outputs, and how all of them lie in a row."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    modes: tuple[str, ...]
    fold: str = "sum"  # what the totals of rows are


def stored(kind: str) -> str:
    """A kind as it lies in memory: a truth value takes a byte."""
    return "i8" if kind == "i1" else kind


def kernel_text(shape: Shape, formulas: Formulas, lanes: int, masks: bool, blocks: Blocks | None = None) -> str:
    """A module with the function ``kernel``; ``masks`` says that the machine reads and writes under a mask for free.

    ``blocks`` takes rows of the second loop several at a time, and leaves the rest.
    """
    code = Code(lanes)
    code.start = None
    operands = [*shape.inputs, *shape.outputs]
    field = 3
    for i in range(3):
        code.do(f"%n{i} = load i64, ptr {element(code, i)}")
    for k, _ in enumerate(operands):
        code.do(f"%base{k} = load ptr, ptr {element(code, field)}")
        for i in range(3):
            code.do(f"%s{k}.{i} = load i64, ptr {element(code, field + 1 + i)}")
        field += 4
    totals = [(k, kind) for k, kind in enumerate(operands) if shape.modes[k] == TOTAL]
    for k, kind in totals:
        code.do(f"%total{k} = alloca {code.vector(kind)}")
    code.do("br label %outer")
    code.label("outer", "%i = phi i64 [0, %entry], [%i.next, %outer.end]")
    first = "0"
    if blocks is not None:
        first = blocks(code, shape, formulas)
    else:
        code.do("br label %middle")
    code.label("middle", f"%j = phi i64 [{first}, %{code.block}], [%j.next, %middle.end]")
    for k, _ in enumerate(operands):
        a, b = code.emit(f"mul i64 %i, %s{k}.0"), code.emit(f"mul i64 %j, %s{k}.1")
        offset = code.emit(f"add i64 {a}, {b}")
        code.do(f"%row{k} = getelementptr i8, ptr %base{k}, i64 {offset}")
    for k, kind in totals:
        code.do(f"store {code.vector(kind)} {code.constant(NEUTRAL[shape.fold], kind).ref}, ptr %total{k}")
    same = {k: read_one(code, k, kind) for k, kind in enumerate(shape.inputs) if shape.modes[k] == SAME}
    (always_masked if masks else masked_at_the_end)(code, shape, formulas, same)
    code.label("middle.end", "%j.next = add i64 %j, 1", "%j.again = icmp slt i64 %j.next, %n1")
    for k, kind in totals:
        write_total(code, k, kind, shape.fold)
    code.do("br i1 %j.again, label %middle, label %outer.end")
    code.label("outer.end", "%i.next = add i64 %i, 1", "%i.again = icmp slt i64 %i.next, %n0")
    code.do("br i1 %i.again, label %outer, label %end")
    code.label("end")
    return module(code)


def always_masked(code: Code, shape: Shape, formulas: Formulas, same: dict[int, Value]) -> None:
    """A row under a mask: half the code, and so half the time to compile it."""
    code.do("br label %loop")
    code.label("loop", "%x = phi i64 [0, %middle], [%x.next, %loop.end]")
    turn(code, shape, formulas, same, "%x", mask_of(code, code.emit("sub i64 %n2, %x")))
    code.do("br label %loop.end")
    code.label("loop.end")
    code.do(f"%x.next = add i64 %x, {code.lanes}")
    code.do("%again = icmp slt i64 %x.next, %n2")
    code.do("br i1 %again, label %loop, label %middle.end")


def masked_at_the_end(code: Code, shape: Shape, formulas: Formulas, same: dict[int, Value]) -> None:
    """Whole vectors, then what is left under a mask."""
    code.do(f"%full = and i64 %n2, {-code.lanes}")
    code.do("%rest = sub i64 %n2, %full")
    code.do("%some = icmp sgt i64 %full, 0")
    code.do("br i1 %some, label %loop, label %after")
    code.label("loop", "%x = phi i64 [0, %middle], [%x.next, %loop.end]")
    turn(code, shape, formulas, same, "%x", None)
    code.do("br label %loop.end")
    code.label("loop.end")
    code.do(f"%x.next = add i64 %x, {code.lanes}")
    code.do("%again = icmp slt i64 %x.next, %full")
    code.do("br i1 %again, label %loop, label %after")
    code.label("after", "%more = icmp sgt i64 %rest, 0")
    code.do("br i1 %more, label %tail, label %middle.end")
    code.label("tail")
    turn(code, shape, formulas, same, "%full", mask_of(code, "%rest"))
    code.do("br label %middle.end")


def mask_of(code: Code, count: str) -> str:
    """The first ``count`` lanes (an i64, perhaps more than there are)."""
    small = code.call("llvm.smin.i64", "i64", ("i64", count), ("i64", str(code.lanes)))
    limit = code.splat("i32", code.emit(f"trunc i64 {small} to i32"))
    numbers = ", ".join(f"i32 {i}" for i in range(code.lanes))
    return code.emit(f"icmp slt {code.vector('i32')} <{numbers}>, {limit}")


def element(code: Code, i: int) -> str:
    return code.emit(f"getelementptr i64, ptr %args, i64 {i}")


def read_fields(code: Code, names: Sequence[str], pointers: Container[str]) -> None:
    """Read the words of the argument, by their names."""
    for i, name in enumerate(names):
        code.do(f"%{name} = load {'ptr' if name in pointers else 'i64'}, ptr {element(code, i)}")


def module(code: Code) -> str:
    """The text of a module whose function ``kernel`` does what ``code`` says."""
    code.do("ret void")
    head = [*code.declared.values(), "define void @kernel(ptr noalias readonly %args) {", "entry:"]
    return "\n".join([*head, *code.lines, "}", ""])


def truth(code: Code, ref: str, kind: str) -> Value:
    """What was read from memory as a value."""
    if kind != "i1":
        return Value(code, ref, kind)
    return Value(code, code.emit(f"icmp ne {code.vector('i8')} {ref}, zeroinitializer"), "i1")


def read_one(code: Code, k: int, kind: str) -> Value:
    """The element of a row that serves all lanes."""
    ref = code.emit(f"load {stored(kind)}, ptr %row{k}")
    return truth(code, code.splat(stored(kind), ref), kind)


def turn(code: Code, shape: Shape, formulas: Formulas, same: dict[int, Value], x: str, mask: str | None) -> None:
    """Read, compute, write; all reads come first, so an output may lie where an input lies."""
    code.mask = mask
    values = [same[k] if k in same else read(code, shape, k, x, mask) for k in range(len(shape.inputs))]
    for n, value in enumerate(formulas(code, values)):
        k = len(shape.inputs) + n
        if shape.modes[k] == TOTAL:
            add(code, k, value, shape.fold)
        elif shape.modes[k] == SAME:
            first = code.emit(f"extractelement {code.vector(value.kind)} {value.ref}, i32 0")
            code.do(f"store {value.kind} {first}, ptr %row{k}")
        else:
            write(code, k, value, x, mask)


def add(code: Code, k: int, value: Value, fold: str) -> None:
    """Add the elements that there are to the running totals, one a lane."""
    vector = code.vector(value.kind)
    if code.mask is not None:
        value = Value(code, code.mask, "i1").choose(value, NEUTRAL[fold])
    total = Value(code, code.emit(f"load {vector}, ptr %total{k}"), value.kind)
    new = total + value if fold == "sum" else total.maximum(value) if fold == "max" else total.minimum(value)
    code.do(f"store {vector} {new.ref}, ptr %total{k}")


def write_total(code: Code, k: int, kind: str, fold: str) -> None:
    """The total of the running totals, in pairs."""
    code.mask = None
    vector = code.vector(kind)
    total = Value(code, code.emit(f"load {vector}, ptr %total{k}"), kind)
    total = total.row_sum() if fold == "sum" else total.reduced({"max": "fmaximum", "min": "fminimum"}[fold], 0.0)
    first = code.emit(f"extractelement {vector} {total.ref}, i32 0")
    code.do(f"store {kind} {first}, ptr %row{k}")


def read(code: Code, shape: Shape, k: int, x: str, mask: str | None) -> Value:
    kind = stored(shape.inputs[k])
    vector = code.vector(kind)
    if shape.modes[k] == APART:
        places = apart(code, k, x)
        every = mask or "splat (i1 true)"
        name = f"llvm.masked.gather.v{code.lanes}{suffix(kind)}.v{code.lanes}p0"
        arguments = [(code.vector("ptr"), places), *masked(code, kind, every)]
        return truth(code, code.call(name, vector, *arguments), shape.inputs[k])
    place = code.emit(f"getelementptr {kind}, ptr %row{k}, i64 {x}")
    if mask is None:
        return truth(code, code.emit(f"load {vector}, ptr {place}, align {SIZES[kind]}"), shape.inputs[k])
    name = f"llvm.masked.load.v{code.lanes}{suffix(kind)}.p0"
    return truth(code, code.call(name, vector, ("ptr", place), *masked(code, kind, mask)), shape.inputs[k])


def apart(code: Code, k: int, x: str) -> str:
    """The addresses of elements that lie a stride apart."""
    wide = code.vector("i64")
    numbers = ", ".join(f"i64 {i}" for i in range(code.lanes))
    steps = code.emit(f"add {wide} {code.splat('i64', x)}, <{numbers}>")
    offsets = code.emit(f"mul {wide} {steps}, {code.splat('i64', f'%s{k}.2')}")
    return code.emit(f"getelementptr i8, ptr %row{k}, {wide} {offsets}")


def masked(code: Code, kind: str, mask: str) -> list[tuple[str, str]]:
    """The last arguments of a masked read: alignment, mask, and what stands in the other lanes."""
    return [("i32", str(SIZES[kind])), (code.vector("i1"), mask), (code.vector(kind), "zeroinitializer")]


def write(code: Code, k: int, value: Value, x: str, mask: str | None) -> None:
    kind, ref = stored(value.kind), value.ref
    vector = code.vector(kind)
    if value.kind == "i1":
        ref = code.emit(f"zext {code.vector('i1')} {ref} to {vector}")
    place = code.emit(f"getelementptr {kind}, ptr %row{k}, i64 {x}")
    if mask is None:
        code.do(f"store {vector} {ref}, ptr {place}, align {SIZES[kind]}")
    else:
        store(code, kind, ref, place, mask)


def store(code: Code, kind: str, ref: str, place: str, mask: str) -> None:
    """Write under a mask."""
    name = f"llvm.masked.store.v{code.lanes}{suffix(kind)}.p0"
    arguments: list[tuple[str, Any]] = [
        (code.vector(kind), ref), ("ptr", place), ("i32", SIZES[kind]), (code.vector("i1"), mask),
    ]  # fmt: skip
    code.declared[name] = f"declare void @{name}({', '.join(t for t, _ in arguments)})"
    code.do(f"call void @{name}({', '.join(f'{t} {r}' for t, r in arguments)})")


def suffix(kind: str) -> str:
    """A kind as it stands in the names of intrinsics."""
    return {"float": "f32", "double": "f64"}.get(kind, kind)


def lanes_for(kinds: Sequence[str], width: int) -> int:
    """Elements of a vector, for registers of ``width`` bytes: as many as there are of the smallest number."""
    return width // min((SIZES[k] for k in kinds if k in BITS or k in ("i32", "i64")), default=4)
