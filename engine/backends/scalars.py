"""Small functions as straight-line Python over floats.

A call of NumPy costs about as much as twenty operations of Python. So a graph of a few hundred elements, such as a
formula of ten variables with its gradient and Hessian, is written out element by element, without its zeros and with
equal parts once, and is compiled by Python. The text is made of names, operators and numbers of this file alone.

Results are those of the steps to the last bit (but for the sign of a zero): Python's floats are IEEE doubles, sums are
added in NumPy's order, functions are NumPy's own. What Python refuses, such as a division by zero, or a product of
zero and infinity that the text has left out, is computed by the steps.
"""

from __future__ import annotations

import contextvars
import math
import struct
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..graph import Constant, Tensor, toposort
from ..leaves import Variable
from ..ops.arrays import BroadcastTo, Reshape, Transpose
from ..ops.base import Elementwise
from ..ops.joining import Concatenate
from ..ops.reductions import Sum
from ..ops.slicing import GetItem, PutItem
from ..types import Array, static
from .numpy import Executor

ELEMENTS = 5000  # of all tensors of a graph that is written out
LINES = 1500  # of the longest text; Python compiles about 50 in a millisecond
PAIRWISE = 128  # numbers that NumPy adds without halving them first
WARM = 20  # calls before the text is made
MOVES = (BroadcastTo, Reshape, Transpose, Concatenate, GetItem, PutItem)  # ops that only place elements
OPERATORS = {np.add: "+", np.subtract: "-", np.multiply: "*", np.divide: "/"}
STEP, CALL, LINE = 0.55, 0.25, 0.03  # microseconds of a step, of a function of NumPy on one number, of an operation


class Unsuited(Exception):  # noqa: N818
    """A graph that cannot be written out."""


class Text:
    """The lines of a function under construction. An element is the name of a local variable, or a number."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.known: dict[str, str] = {}  # expression -> its variable
        self.names: dict[str, Any] = {"float": float, "sqrt": math.sqrt}  # what the text may use
        self.dropped: set[str] = set()  # factors of zeros that were left out
        self.warns = False  # whether a function of NumPy may have something to say
        self.cost = 0.0

    def let(self, expression: str, cost: float = LINE) -> str:
        """The variable that holds an expression."""
        if expression not in self.known:
            self.known[expression] = name = f"t{len(self.known)}"
            self.lines.append(f"{name} = {expression}")
            self.cost += cost
            if len(self.lines) > LINES:
                raise Unsuited
        return self.known[expression]

    def operate(self, sign: str, a: Any, b: Any) -> Any:
        """One operation; on numbers it is done here."""
        if isinstance(a, float) and isinstance(b, float):
            with np.errstate(all="ignore"):
                ufunc = {s: f for f, s in OPERATORS.items()}[sign]
                return float(ufunc(a, b))
        if sign == "*" and (a == 0.0 or b == 0.0):
            self.dropped.add(b if a == 0.0 else a)
            return 0.0
        if (sign in "*/" and b == 1.0) or (sign in "+-" and b == 0.0):
            return a
        if (sign == "*" and a == 1.0) or (sign == "+" and a == 0.0):
            return b
        if sign in "+*" and str(b) < str(a):
            a, b = b, a
        return self.let(f"{literal(a)} {sign} {literal(b)}")

    def apply(self, ufunc: Any, x: Any) -> Any:
        """A function of one element."""
        if ufunc is np.negative:
            return -x if isinstance(x, float) else self.let(f"-{x}")
        if ufunc is np.square:
            return self.operate("*", x, x)
        if ufunc is np.sqrt and not isinstance(x, float):
            return self.let(f"sqrt({x})", 2 * LINE)
        name, self.warns = ufunc.__name__, True
        self.names[name] = ufunc
        return self.let(f"float({name}({literal(x)}))", CALL)

    def add_up(self, items: Sequence[Any]) -> Any:
        """A sum in the order of NumPy's: pairs of eight running sums."""
        if len(items) < 8:
            return self.in_order(0.0, items)
        whole = len(items) - len(items) % 8
        runs = [self.in_order(items[i], items[i + 8 : whole : 8]) for i in range(8)]
        while len(runs) > 1:
            runs = [self.operate("+", *runs[i : i + 2]) for i in range(0, len(runs), 2)]
        return self.in_order(runs[0], items[whole:])

    def in_order(self, total: Any, items: Sequence[Any]) -> Any:
        for x in items:
            total = self.operate("+", total, x)
        return total


def literal(x: Any) -> str:
    """An element within an expression; a number that has no literal does not occur in a graph worth writing out."""
    if isinstance(x, float):
        if not math.isfinite(x):
            raise Unsuited
        return f"({x!r})"
    return str(x)


def elements(text: Text, t: Tensor, inputs: list[Any]) -> Any:
    """The elements of ``t``, in an array of objects, for those of its inputs."""
    shape = tuple(map(static, t.shape))
    out = np.empty(shape, object)
    if isinstance(t.op, Elementwise):
        ufunc, arrays = t.op.ufunc, [np.broadcast_to(x, shape) for x in inputs]
        if t.op.fill is np.reciprocal:
            arrays, ufunc = [np.full(shape, 1.0, object), *arrays], np.divide
        elif t.op.fill is not None or not isinstance(ufunc, np.ufunc):
            raise Unsuited
        if ufunc not in OPERATORS and len(arrays) != 1:
            raise Unsuited
        for n in np.ndindex(shape):
            row = [a[n] for a in arrays]
            out[n] = text.operate(OPERATORS[ufunc], *row) if ufunc in OPERATORS else text.apply(ufunc, *row)
    elif isinstance(t.op, Sum):
        axes = t.op.axes
        groups = np.moveaxis(inputs[0], axes, range(-len(axes), 0)).reshape(out.size, -1)
        out.reshape(-1)[...] = [total(text, g.tolist(), out.size == 1) for g in groups]
    elif isinstance(t.op, MOVES):
        t.op.kernel(*inputs, out=out)
        for n in np.ndindex(shape):
            out[n] = float(out[n]) if isinstance(out[n], int) else out[n]  # the zeros of ``putitem``
    else:
        raise Unsuited
    return out


def total(text: Text, items: list[Any], alone: bool) -> Any:
    """A sum; BLAS adds rows in an order of its own, which makes no difference for two numbers beside zeros."""
    if alone and len(items) <= PAIRWISE:
        return text.add_up(items)
    items = [x for x in items if x != 0.0]
    if len(items) > 2:
        raise Unsuited
    return text.in_order(0.0, items)


def suits(roots: Sequence[Tensor]) -> bool:
    """Whether a graph is small enough and has only ops that can be written out, from a look at its types."""
    size = 0
    for t in toposort(roots):
        if t.op is not None and not isinstance(t.op, (Elementwise, Sum, *MOVES)):
            return False
        if not isinstance(t, Constant) and t.dtype != np.float64:
            return False
        size += t.type.size
    return size <= ELEMENTS


def write(roots: Sequence[Tensor], inputs: Sequence[Tensor], steps: int) -> Callable[..., list[Any]]:
    """The function of the arrays of ``inputs`` that returns the values of ``roots``.

    Raises Unsuited for a graph that cannot be written out, or would not be faster than so many steps.
    """
    text, values = Text(), dict[int, Any]()
    for n, x in enumerate(inputs):
        row = [f"x{n}_{i}" for i in range(x.type.size)]
        values[x.id] = np.array(row, object).reshape(x.shape)
        text.lines.append(f"[{', '.join(row)}] = a{n}.ravel().tolist()" if x.shape else f"{row[0]} = a{n}.item()")
    for t in toposort(roots):
        if isinstance(t, Constant):
            values[t.id] = np.asarray(t.array, np.float64).astype(object)
        elif t.id not in values:
            values[t.id] = elements(text, t, [values[x.id] for x in t.inputs])
    if text.dropped:
        total = text.in_order(0.0, sorted(text.dropped))
        text.lines.append(f"if {total} - {total} != 0.0: raise ArithmeticError")
    if text.cost + 0.015 * sum(t.type.size for t in roots) > STEP * steps:
        raise Unsuited
    text.lines.append(f"return [{', '.join(result(text, n, values[t.id]) for n, t in enumerate(roots))}]")
    names = ", ".join(f"a{n}" for n in range(len(inputs)))
    source = f"def program({names}):\n    " + "\n    ".join(text.lines)
    exec(compile(source, "<small function>", "exec"), text.names)  # noqa: S102
    program: Callable[..., list[Any]] = text.names["program"]
    return quiet(program) if text.warns else program


def result(text: Text, n: int, value: Any) -> str:
    """The expression that makes output ``n`` of its elements."""
    row = ", ".join(literal(x) for x in value.reshape(-1).tolist())
    if not value.shape:
        text.names[f"f{n}"] = np.float64
        return f"f{n}({row})"
    pack, shape = struct.Struct(f"{value.size}d").pack_into, value.shape

    def filled(*numbers: float) -> Array:
        out = np.empty(shape)
        pack(out.data, 0, *numbers)
        return out

    text.names[f"f{n}"] = filled
    return f"f{n}({row})"


def quiet(program: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """``program`` without NumPy's warnings, one call at a time."""
    context, lock = contextvars.Context(), threading.Lock()
    context.run(np.seterr, all="ignore")

    def run(*arrays: Array) -> list[Any]:
        with lock:
            return context.run(program, *arrays)

    return run


class SmallExecutor(Executor):
    """An executor that writes its graph out when it is called again and again."""

    def prepare(self, roots: Sequence[Tensor]) -> SmallExecutor:
        self.roots, self.runs = roots, 0
        self.program: Callable[..., list[Any]] | None = None
        self.state: list[Variable] = []
        return self

    def run(self, arrays: Sequence[Array], trap: bool = False) -> list[Any]:
        if self.program is not None:
            try:
                return self.program(*arrays, *[v.value for v in self.state])
            except (ArithmeticError, ValueError):
                return super().run(arrays, trap)
        self.runs += 1
        results = super().run(arrays, trap)
        if self.runs == WARM:
            self.write(arrays, results)
        return results

    def write(self, arrays: Sequence[Array], results: Sequence[Any]) -> None:
        """Make the program, and trust it if it repeats what the steps have just computed."""
        self.state = [t for t in toposort(self.roots) if isinstance(t, Variable)]
        try:
            program = write(self.roots, [*self.inputs, *self.state], len(self.plan.steps))
            again = program(*arrays, *[v.value for v in self.state])
        except (Unsuited, ArithmeticError, ValueError):
            return
        if all(np.array_equal(a, b) for a, b in zip(results, again, strict=True)):
            self.program = program
