"""A function of few numbers as machine code that Python calls without anything in between.

The code is a C function of CPython's calling convention (METH_FASTCALL). It takes arrays, inputs first, then outputs,
reads where their numbers lie from the arrays themselves, whose layout is part of NumPy's binary interface, and returns
whether its results hold. Arithmetic rounds as NumPy's; functions such as ``exp`` are NumPy's own loops, called for one
number. What has an address of this process stands in the table that the function is bound to, so the code itself is
the same in every process, and can be kept on disk.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from ...types import DType
from ..scalars import Element, Line, Trace, Unsuited
from .code.compiler import CompileError, compiled
from .code.machine import usable
from .llvm.values import KINDS, SUFFIX
from .llvm.values import literal as number

HEADER = object.__basicsize__  # bytes before the address of an array's numbers
FASTCALL = 0x80  # METH_FASTCALL
FORMS: dict[Any, str] = {  # functions as instructions; {t} is the type of floats, {d} of their name in an intrinsic
    np.add: "fadd {t} {0}, {1}", np.subtract: "fsub {t} {0}, {1}", np.multiply: "fmul {t} {0}, {1}",
    np.divide: "fdiv {t} {0}, {1}", np.negative: "fneg {t} {0}", np.where: "select i1 {0}, {t} {1}, {t} {2}",
    np.less: "fcmp olt {t} {0}, {1}", np.less_equal: "fcmp ole {t} {0}, {1}", np.greater: "fcmp ogt {t} {0}, {1}",
    np.greater_equal: "fcmp oge {t} {0}, {1}", np.equal: "fcmp oeq {t} {0}, {1}",
    np.not_equal: "fcmp une {t} {0}, {1}", np.isnan: "fcmp uno {t} {0}, {0}", np.logical_and: "and i1 {0}, {1}",
    np.logical_or: "or i1 {0}, {1}", np.logical_xor: "xor i1 {0}, {1}", np.logical_not: "xor i1 {0}, true",
    np.sqrt: "call {t} @llvm.sqrt.{d}({t} {0})", np.absolute: "call {t} @llvm.fabs.{d}({t} {0})",
    np.maximum: "call {t} @llvm.maximum.{d}({t} {0}, {t} {1})",
    np.minimum: "call {t} @llvm.minimum.{d}({t} {0}, {t} {1})",
}  # fmt: skip
INTRINSICS = (
    "{t} @llvm.sqrt.{d}({t})",
    "{t} @llvm.fabs.{d}({t})",
    "{t} @llvm.maximum.{d}({t}, {t})",
    "{t} @llvm.minimum.{d}({t}, {t})",
)


class Method(ctypes.Structure):
    """CPython's PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


class Loops(ctypes.Structure):
    """The beginning of NumPy's PyUFuncObject."""

    _fields_ = (
        ("header", ctypes.c_char * HEADER),
        ("inputs", ctypes.c_int),
        ("outputs", ctypes.c_int),
        ("operands", ctypes.c_int),
        ("identity", ctypes.c_int),
        ("functions", ctypes.POINTER(ctypes.c_void_p)),
        ("data", ctypes.POINTER(ctypes.c_void_p)),
        ("count", ctypes.c_int),
    )


_methods: list[Method] = []  # alive as long as the process, as the functions made of them may be


@cache
def known_layout() -> bool:
    """Whether arrays and functions of NumPy look in memory as this file expects."""
    if sys.implementation.name != "cpython" or ctypes.sizeof(ctypes.c_void_p) != 8:
        return False
    x, loops = np.zeros(3), Loops.from_address(id(np.hypot))
    place = ctypes.c_void_p.from_address(id(x) + HEADER).value
    return place == x.ctypes.data and (loops.inputs, loops.outputs, loops.count) == (2, 1, np.hypot.ntypes)


def loop_of(function: np.ufunc, dtype: DType) -> tuple[int, int]:
    """The addresses of NumPy's loop for these numbers, and of what it takes along."""
    types = dtype.char * function.nin + "->" + dtype.char
    if types not in function.types:
        raise Unsuited
    loops, n = Loops.from_address(id(function)), function.types.index(types)
    if loops.count != function.ntypes or loops.inputs != function.nin:
        raise Unsuited
    return loops.functions[n] or 0, loops.data[n] or 0


def straight(trace: Trace) -> Callable[..., list[Any]]:
    """A function of arrays, in C order, that returns new arrays; Unsuited where there is no way to make it.

    It raises ArithmeticError where results do not hold, because something that is not finite met a zero.
    """
    if not known_layout() or not usable():
        raise Unsuited
    functions = list({line.function: None for line in trace.lines if line.function not in FORMS})
    table = [ctypes.cast(ctypes.pythonapi.PyBool_FromLong, ctypes.c_void_p).value or 0]
    for function in functions:
        table += loop_of(function, trace.dtype)
    try:
        run: Any = compiled(module(trace, functions))
    except CompileError:
        raise Unsuited from None
    kernel = method(ctypes.cast(run, ctypes.c_void_p).value or 0, np.array(table, np.int64))
    return wrapped(kernel, trace)


def wrapped(kernel: Any, trace: Trace) -> Callable[..., list[Any]]:
    """``kernel`` with the making of its results around it, written out, as a loop would take longer than the kernel."""
    ins = ", ".join(f"a{n}" for n in range(len(trace.inputs)))
    outs = ", ".join(f"o{n}" for n in range(len(trace.outputs)))
    results = ", ".join(f"o{n}" if shape else f"o{n}[()]" for n, shape in enumerate(trace.shapes))
    lines = [f"o{n} = empty({shape}, dtype)" for n, shape in enumerate(trace.shapes)]
    lines += [f"if kernel({', '.join(filter(None, (ins, outs)))}): return [{results}]", "raise ArithmeticError"]
    names = {"empty": np.empty, "dtype": trace.dtype, "kernel": kernel, "ArithmeticError": ArithmeticError}
    exec("\n    ".join([f"def call({ins}):", *lines]), names)  # noqa: S102  text of numbers and names of this file
    call: Callable[..., list[Any]] = names["call"]
    return call


def method(address: int, owner: Any) -> Any:
    """The machine code at an address as a function of Python, bound to ``owner``, which it keeps alive."""
    pointer = ctypes.c_void_p
    new = ctypes.PYFUNCTYPE(ctypes.py_object, pointer, ctypes.py_object, pointer, pointer)(
        ("PyCMethod_New", ctypes.pythonapi)
    )
    _methods.append(Method(b"small", address, FASTCALL, None))
    return new(ctypes.addressof(_methods[-1]), owner, None, None)


def module(trace: Trace, functions: Sequence[np.ufunc]) -> str:
    """LLVM text; ``functions`` stand behind PyBool_FromLong in the table, two numbers each."""
    kind = KINDS[trace.dtype.name]
    lines = [*address("%table", "%self"), "%truth = load ptr, ptr %table"]
    places = {}
    for k, function in enumerate(functions):
        places[function] = f"ptr %loop{k}, ptr %data{k}"
        lines += [*entry(f"%loop{k}", "%table", 1 + 2 * k), *entry(f"%data{k}", "%table", 2 + 2 * k)]
    used = {
        trace.check,
        *(x for line in trace.lines for x in line.operands),
        *(x for row in trace.outputs for x in row),
    }
    for n in range(len(trace.inputs) + len(trace.outputs)):
        lines += [*entry(f"%array{n}", "%args", n), *address(f"%base{n}", f"%array{n}")]
    for n, names in enumerate(trace.inputs):
        for i, x in enumerate(names):
            if x in used:
                lines += [gep(f"%at_{x}", f"%base{n}", i, kind), f"%{x} = load {kind}, ptr %at_{x}, align 1"]
    for line in trace.lines:
        lines.append(f"%{line.name} = {operation(line, kind, places)}")
    for n, row in enumerate(trace.outputs, len(trace.inputs)):
        for i, y in enumerate(row):
            lines += [gep(f"%to{n}_{i}", f"%base{n}", i, kind), f"store {kind} {ref(y, kind)}, ptr %to{n}_{i}"]
    check = ref(trace.check, kind)
    lines += [f"%zero = fsub {kind} {check}, {check}", f"%holds = fcmp oeq {kind} %zero, {ref(0.0, kind)}"]
    lines += ["%wide = zext i1 %holds to i64", "%result = call ptr %truth(i64 %wide)", "ret ptr %result"]
    head = ["declare " + name.format(t=kind, d=SUFFIX[kind]) for name in INTRINSICS]
    head += [caller(count, kind) for count in sorted({f.nin for f in functions})]
    return "\n".join([*head, "define ptr @kernel(ptr %self, ptr %args, i64 %count) {", *lines, "}", ""])


def ref(x: Element, kind: str) -> str:
    return f"%{x}" if isinstance(x, str) else number(x, "i1" if isinstance(x, bool) else kind)


def gep(name: str, base: str, i: int, kind: str) -> str:
    return f"{name} = getelementptr {kind}, ptr {base}, i64 {i}"


def entry(name: str, table: str, i: int) -> list[str]:
    """Read pointer ``i`` of a table."""
    return [gep(f"{name}.at", table, i, "ptr"), f"{name} = load ptr, ptr {name}.at"]


def address(name: str, array: str) -> list[str]:
    """Read where the numbers of an array lie."""
    return [gep(f"{name}.at", array, HEADER, "i8"), f"{name} = load ptr, ptr {name}.at"]


def operation(line: Line, kind: str, places: dict[np.ufunc, str]) -> str:
    operands = [ref(x, kind) for x in line.operands]
    if line.function in FORMS:
        return FORMS[line.function].format(*operands, t=kind, d=SUFFIX[kind])
    return f"call {kind} @one{len(operands)}({places[line.function]}, {', '.join(f'{kind} {x}' for x in operands)})"


def caller(count: int, kind: str) -> str:
    """A function that calls a loop of NumPy, ``loop(places, n, strides, data)``, for one number of so many inputs."""
    given = ", ".join(f"{kind} %x{i}" for i in range(count))
    lines = ["%places = alloca [3 x ptr]", "%strides = alloca [3 x i64]", "%n = alloca i64", "store i64 1, ptr %n"]
    for i in range(count + 1):
        lines += [f"%at{i} = alloca {kind}", gep(f"%place{i}", "%places", i, "ptr"), f"store ptr %at{i}, ptr %place{i}"]
        lines += [gep(f"%stride{i}", "%strides", i, "i64"), f"store i64 {8 if kind == 'double' else 4}, ptr %stride{i}"]
    lines += [f"store {kind} %x{i}, ptr %at{i}" for i in range(count)]
    lines += ["call void %loop(ptr %places, ptr %n, ptr %strides, ptr %data)", f"%y = load {kind}, ptr %at{count}"]
    body = "\n".join([*lines, f"ret {kind} %y"])
    return f"define internal {kind} @one{count}(ptr %loop, ptr %data, {given}) noinline {{\n{body}\n}}"
