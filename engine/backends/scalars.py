"""Small functions as operations on single numbers, one after another.

A call of NumPy costs about as much as twenty operations of Python, or a thousand of compiled code. So a graph of a few
thousand elements, such as a formula of ten variables with its gradient and Hessian, is taken apart element by element,
without its zeros and with equal parts once; ``small`` and ``jit.straight`` write these operations out.

Results are those of the steps to the last bit (but for the sign of a zero): operations round as NumPy's do, sums are
added in NumPy's order, functions are NumPy's own. A product of zero and infinity has been left out, so these results
hold only where the factors of zeros, ``Trace.dropped``, are finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any, TypeAlias

import numpy as np

from ..graph import Constant, Tensor, toposort
from ..ops.arrays import Astype, BroadcastTo, Reshape, Transpose
from ..ops.base import Elementwise, Pointwise, SciPy
from ..ops.joining import Concatenate
from ..ops.reductions import Max, Min, Sum
from ..ops.slicing import GetItem, PutItem
from ..types import DType, static

Element: TypeAlias = "str | float | bool"  # the name of what an operation gives, or a number

ELEMENTS = 5000  # of all tensors of a graph that is taken apart
LINES = 3000  # of the longest list of operations
PAIRWISE = 128  # numbers that NumPy adds without halving them first
MOVES = (BroadcastTo, Reshape, Transpose, Concatenate, GetItem, PutItem)  # ops that only place elements
EXTREMES = {Max: np.maximum, Min: np.minimum}
ORDERS = (np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal, np.isnan)
LOGIC = (np.logical_and, np.logical_or, np.logical_xor, np.logical_not)  # of truth values, as ``ORDERS`` give


class Unsuited(Exception):  # noqa: N818
    """A graph that cannot be written out."""


@dataclass(frozen=True)
class Line:
    """One operation: a function of NumPy, of floats or truth values, or ``np.where``."""

    name: str
    function: Any
    operands: tuple[Element, ...]


class Trace:
    """The operations of a function of arrays ``inputs``, whose elements are called x0_0, x0_1, ..., x1_0, ..."""

    def __init__(self, inputs: Sequence[Tensor], roots: Sequence[Tensor]) -> None:
        self.dtype: DType = roots[0].dtype
        self.lines: list[Line] = []
        self.known: dict[Any, str] = {}  # operation -> its name
        self.dropped: set[str] = set()  # factors of zeros that were left out
        self.inputs: list[list[str]] = []  # without elements, where nothing depends on an input
        order = toposort(roots)
        used = {t.id for t in order}
        values: dict[int, Any] = {}
        for n, x in enumerate(inputs):
            self.inputs.append([f"x{n}_{i}" for i in range(x.type.size)] if x.id in used else [])
            if x.id in used:
                values[x.id] = np.array(self.inputs[-1], object).reshape(x.shape)
        for t in order:
            if isinstance(t, Constant):
                array = t.array if t.dtype.kind == "b" else np.asarray(t.array, self.dtype)
                values[t.id] = np.array([number(x) for x in array.flat], object).reshape(t.shape)
            elif t.id not in values:
                values[t.id] = elements(self, t, [values[x.id] for x in t.inputs])
        self.check = self.add_up(sorted(self.dropped)) if self.dropped else 0.0
        self.outputs: list[list[Element]] = [values[t.id].reshape(-1).tolist() for t in roots]
        self.shapes = [tuple(map(static, t.shape)) for t in roots]

    def operate(self, function: Any, *xs: Element) -> Element:
        """One operation; on numbers it is done here, and what changes nothing is left out."""
        if all(isinstance(x, float) for x in xs):
            with np.errstate(all="ignore"):
                return number(function(*map(self.dtype.type, xs)))
        a, b = xs[0], xs[-1]
        if function is np.square or (function is np.power and b == 2.0):
            return self.operate(np.multiply, a, a)
        if function is np.multiply and 0.0 in xs:
            self.dropped.add(str(b if a == 0.0 else a))
            return 0.0
        if (function in (np.multiply, np.divide) and b == 1.0) or (function in (np.add, np.subtract) and b == 0.0):
            return a
        if (function is np.multiply and a == 1.0) or (function is np.add and a == 0.0):
            return b
        if function in (np.add, np.multiply):
            xs = tuple(sorted(xs, key=str))
        return self.line(function, *xs)

    def choose(self, condition: Element, a: Element, b: Element) -> Element:
        if isinstance(condition, bool):
            return a if condition else b
        return a if a == b else self.line(np.where, condition, a, b)

    def as_float(self, x: Element, truth: bool) -> Element:
        return self.choose(x, 1.0, 0.0) if truth else x

    def line(self, function: Any, *xs: Element) -> str:
        key = (function, *map(str, xs))
        if key not in self.known:
            self.known[key] = f"t{len(self.lines)}"
            self.lines.append(Line(self.known[key], function, xs))
            if len(self.lines) > LINES:
                raise Unsuited
        return self.known[key]

    def add_up(self, items: Sequence[Element]) -> Element:
        """A sum in the order of NumPy's: pairs of eight running sums, of halves where there are many."""
        n = len(items)
        if n < 8:
            return self.in_order(0.0, items)
        if n > PAIRWISE:
            half = n // 2 - n // 2 % 8
            return self.operate(np.add, self.add_up(items[:half]), self.add_up(items[half:]))
        whole = n - n % 8
        runs = [self.in_order(items[i], items[i + 8 : whole : 8]) for i in range(8)]
        while len(runs) > 1:
            runs = [self.operate(np.add, *runs[i : i + 2]) for i in range(0, len(runs), 2)]
        return self.in_order(runs[0], items[whole:])

    def in_order(self, total: Element, items: Sequence[Element]) -> Element:
        for x in items:
            total = self.operate(np.add, total, x)
        return total


def number(x: Any) -> float | bool:
    """A number that has a literal; others do not occur in a graph worth writing out."""
    if isinstance(x, bool | np.bool_):
        return bool(x)
    if not math.isfinite(x):
        raise Unsuited
    return float(x)


class Scalar:
    """An element with the methods that the scalar rules of ops use, as ``jit.values.Value`` has them."""

    def __init__(self, trace: Trace, element: Element) -> None:
        self.trace, self.element = trace, element

    def choose(self, a: Any, b: Any) -> Scalar:
        return Scalar(self.trace, self.trace.choose(self.element, element(a), element(b)))

    def sigmoid(self) -> Any:
        x: Any = self
        return 1 / ((-x).exp() + 1)

    def astype(self, dtype: DType) -> Scalar:
        if dtype != self.trace.dtype:
            raise Unsuited
        return self


def element(x: Any) -> Element:
    return x.element if isinstance(x, Scalar) else number(float(x))


def method(function: np.ufunc, swapped: bool) -> Callable[..., Scalar]:
    def apply(self: Scalar, *others: Any) -> Scalar:
        xs = [self.element, *map(element, others)]
        return Scalar(self.trace, self.trace.operate(function, *(reversed(xs) if swapped else xs)))

    return apply


BETWEEN: dict[str, np.ufunc] = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide}
OTHERS: dict[str, np.ufunc] = {"neg": np.negative, "lt": np.less, "gt": np.greater, "invert": np.logical_not}
for name, function in BETWEEN.items():
    setattr(Scalar, f"__{name}__", method(function, False))
    setattr(Scalar, f"__r{name}__", method(function, True))
for name, function in OTHERS.items():
    setattr(Scalar, f"__{name}__", method(function, False))
for name in ("exp", "log1p", "sqrt", "maximum", "minimum", "abs"):
    setattr(Scalar, name, method(getattr(np, name), False))


def elements(trace: Trace, t: Tensor, inputs: list[Any]) -> Any:
    """The elements of ``t``, in an array of objects, for those of its inputs."""
    shape = tuple(map(static, t.shape))
    out = np.empty(shape, object)
    if isinstance(t.op, Pointwise | Astype):
        arrays: list[Any] = [np.broadcast_to(x, shape) for x in inputs]
        rule = formula(trace, t)
        for n in np.ndindex(shape):
            out[n] = rule(*(a[n] for a in arrays))
    elif isinstance(t.op, Sum | Max | Min):
        rows = last(inputs[0], t.op.axes).reshape(out.size, -1) if out.size else []
        join = trace.add_up if isinstance(t.op, Sum) else partial(reduce, partial(trace.operate, EXTREMES[type(t.op)]))
        out.reshape(-1)[...] = [join(row.tolist()) for row in rows]
    elif isinstance(t.op, MOVES):
        t.op.kernel(*inputs, out=out)
        for n in np.ndindex(shape):
            x = np.asarray(out[n], object)[()]  # where one object is moved, NumPy leaves it in an array
            out[n] = x if isinstance(x, str) else number(x)
    else:
        raise Unsuited
    return out


def formula(trace: Trace, t: Tensor) -> Callable[..., Element]:
    """What an op does to one element: a function of NumPy, or its scalar rule."""
    op: Any = t.op
    truths = [x.dtype.kind == "b" for x in t.inputs]
    function: Any = getattr(op, "ufunc", None)
    if isinstance(function, SciPy):
        function = function.ufunc
    if isinstance(op, Elementwise) and op.fill is None and isinstance(function, np.ufunc):
        fits = function in (*ORDERS, *LOGIC) if t.dtype.kind == "b" else function not in LOGIC
        if not fits or (function in LOGIC and not all(truths)):
            raise Unsuited
        if function in LOGIC or not any(truths):
            return partial(trace.operate, function)
        return lambda *xs: trace.operate(function, *map(trace.as_float, xs, truths))

    def rule(*xs: Element) -> Element:
        y = op.scalar(*[Scalar(trace, x) for x in xs])
        if not isinstance(y, Scalar) or t.dtype.kind == "b":
            raise Unsuited
        return y.element

    if isinstance(op, Astype) and truths[0]:
        return lambda x: trace.as_float(x, True)
    return rule


def last(x: Any, axes: Sequence[int]) -> Any:
    """``x`` with these axes behind the others."""
    return x.transpose(*(a for a in range(x.ndim) if a not in axes), *axes)


def suits(roots: Sequence[Tensor]) -> bool:
    """Whether a graph is small enough, of one float type, and has only ops that can be written out."""
    size, dtypes = 0, {t.dtype.char for t in roots}
    for t in toposort(roots):
        if t.op is not None and not isinstance(t.op, (Pointwise, Astype, Sum, Max, Min, *MOVES)):
            return False
        if not isinstance(t, Constant) and (t.op is None or t.dtype.kind != "b"):
            dtypes.add(t.dtype.char)
        size += t.type.size
    return size <= ELEMENTS and dtypes in ({"f"}, {"d"})
