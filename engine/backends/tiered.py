"""Small functions that are called again and again: first as steps, then as Python text, then as machine code.

All three give the same bits, so which of them runs changes nothing but the time. The text is made of names, operators
and numbers of this file alone. What Python refuses, such as a division by zero, and what the text has left out, such
as a product of zero and infinity, is computed by the steps.
"""

from __future__ import annotations

import contextvars
import math
import struct
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..graph import Tensor, toposort
from ..leaves import Variable
from ..ops.matmul import MatMul
from ..ops.program import program as row
from ..ops.reductions import Sum
from ..plan import Step
from ..types import Array, Shape, static
from . import jit
from .numpy import Call, Executor
from .scalarize import last, rows_and_columns, taken_apart
from .scalars import Element, Trace, Unsuited

WARM = 20  # calls before the text is made
NATIVE = 1000  # calls before it is compiled, for which LLVM must be loaded
LONGEST = 1500  # lines of a text; Python compiles about 50 in a millisecond
STEP, CALL, LINE = 0.55, 0.25, 0.03  # microseconds of a step, of a function of NumPy on one number, of an operation
OPERATIONS = {
    np.add: "{} + {}", np.subtract: "{} - {}", np.multiply: "{} * {}", np.divide: "{} / {}", np.negative: "-{}",
    np.sqrt: "sqrt({})", np.absolute: "abs({})", np.maximum: "{0} if {0} >= {1} or {0} != {0} else {1}",
    np.minimum: "{0} if {0} <= {1} or {0} != {0} else {1}", np.where: "{1} if {0} else {2}", np.less: "{} < {}",
    np.less_equal: "{} <= {}", np.greater: "{} > {}", np.greater_equal: "{} >= {}", np.equal: "{} == {}",
    np.not_equal: "{} != {}", np.isnan: "{0} != {0}", np.logical_and: "{} and {}", np.logical_or: "{} or {}",
    np.logical_xor: "{} != {}", np.logical_not: "not {}",
}  # fmt: skip
# of Python's arithmetic, of a sum that is not finite, and of SciPy, where its user asked for errors
REFUSED = (ArithmeticError, ValueError, SystemError)
Program = Callable[..., list[Any]]


def write(trace: Trace, shapes: Sequence[Shape], steps: int) -> Program:
    """The function of arrays of these shapes as Python text.

    Raises Unsuited where Python's floats are of another type, or would not be faster than so many steps.
    """
    functions = {line.function.__name__: line.function for line in trace.lines if line.function not in OPERATIONS}
    calls = sum(line.function not in OPERATIONS for line in trace.lines)
    cost = LINE * len(trace.lines) + CALL * calls + 0.015 * sum(map(len, trace.outputs))
    if trace.dtype != np.float64 or len(trace.lines) > LONGEST or cost > STEP * steps:
        raise Unsuited
    names: dict[str, Any] = {"float": float, "abs": abs, "sqrt": math.sqrt, **functions}
    lines = [unpacked(n, x, shape) for n, (x, shape) in enumerate(zip(trace.inputs, shapes, strict=True)) if x]
    for line in trace.lines:
        form = OPERATIONS.get(line.function) or call_of(line.function)
        lines.append(f"{line.name} = {form.format(*map(literal, line.operands))}")
    if trace.dropped:
        lines.append(f"if {trace.check} - {trace.check} != 0.0: raise ArithmeticError")
    results = []
    for n, (x, shape) in enumerate(zip(trace.outputs, trace.shapes, strict=True)):
        names[f"f{n}"] = maker(shape)
        results.append(f"f{n}({', '.join(map(literal, x))})")
    lines.append(f"return [{', '.join(results)}]")
    arguments = ", ".join(f"a{n}" for n in range(len(shapes)))
    source = f"def program({arguments}):\n    " + "\n    ".join(lines)
    exec(compile(source, "<small function>", "exec"), names)  # noqa: S102
    program: Program = names["program"]
    return quiet(program) if functions else program


def unpacked(n: int, elements: Sequence[str], shape: Shape) -> str:
    """The line that reads the elements of input ``n``."""
    return f"[{', '.join(elements)}] = a{n}.ravel().tolist()" if shape else f"{elements[0]} = a{n}.item()"


def call_of(function: np.ufunc) -> str:
    return f"float({function.__name__}({', '.join(['{}'] * function.nin)}))"


def literal(x: Element) -> str:
    """An element within an expression."""
    return x if isinstance(x, str) else f"({x!r})"


def maker(shape: Shape) -> Callable[..., Any]:
    """What makes an output of its elements."""
    if not shape:
        return np.float64
    lengths = [static(d) for d in shape]
    pack = struct.Struct(f"{math.prod(lengths)}d").pack_into

    def filled(*numbers: float) -> Array:
        out = np.empty(lengths)
        pack(out.data, 0, *numbers)
        return out

    return filled


def quiet(program: Program) -> Program:
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
        self.program: Program | None = None
        self.state = [t for t in toposort(roots) if isinstance(t, Variable)]
        return self

    def bind(self, step: Step) -> Call:
        """Sums as those of rows, whose order is known, instead of that of BLAS."""
        if not isinstance(step.op, Sum | MatMul):
            return super().bind(step)
        (x, *others), out = [self.values[i] for i in step.inputs], self.values[step.outputs[0]]
        if isinstance(step.op, MatMul):
            pairs = rows_and_columns(x, *others)
            terms = np.empty(pairs[0].shape, out.dtype)
            return row((partial(np.multiply, *pairs, terms), partial(np.add.reduce, terms, -1, None, out)))
        moved = last(x, step.op.axes)
        packed = moved if moved.flags.c_contiguous else np.empty(moved.shape, moved.dtype)
        sums = partial(
            np.add.reduce, packed.reshape(out.size, moved.size // max(out.size, 1)), 1, None, out.reshape(-1)
        )
        return sums if packed is moved else row((partial(np.copyto, packed, moved), sums))

    def run(self, arrays: Sequence[Array], trap: bool = False) -> list[Any]:
        if self.state:
            arrays = [*arrays, *[v.value for v in self.state]]
        if self.runs < NATIVE:
            self.count(arrays)
        if self.program is not None:
            try:
                return self.program(*arrays)
            except REFUSED:
                pass
        return super().run(arrays, trap)

    def count(self, arrays: Sequence[Array]) -> None:
        """One of the first calls, after some of which the function is written out."""
        self.runs += 1
        if self.runs in FORMS:
            try:
                trace = taken_apart([*self.inputs, *self.state], self.roots)
                program = FORMS[self.runs](trace, [a.shape for a in arrays], len(self.plan.steps))
                again = program(*arrays)
            except (Unsuited, *REFUSED):
                return
            expected = super().run(arrays)  # it is trusted if it repeats what the steps give
            if all(np.array_equal(a, b, equal_nan=True) for a, b in zip(expected, again, strict=True)):
                self.program = program


def native(trace: Trace, shapes: Sequence[Shape], steps: int) -> Program:
    """The function as machine code, where llvmlite is there and knows how."""
    if not jit.active():
        raise Unsuited
    from .jit.scalar_function import straight

    return straight(trace)


FORMS = {WARM: write, NATIVE: native}
