"""Operations on single numbers, one after another: what a small function is taken apart into.

Results are those of NumPy to the last bit (but for the sign of a zero): operations round as its own do, sums are added
in its order, functions are its own. A product of zero and infinity has been left out, so these results hold only where
the factors of zeros, ``Trace.dropped``, are finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ..types import DType

Element: TypeAlias = "str | float | bool"  # the name of what an operation gives, or a number

LINES = 3000  # of the longest list of operations
PAIRWISE = 128  # numbers that NumPy adds without halving them first


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

    def __init__(self, dtype: DType) -> None:
        self.dtype = dtype
        self.lines: list[Line] = []
        self.known: dict[Any, str] = {}  # operation -> its name
        self.dropped: set[str] = set()  # factors of zeros that were left out
        self.inputs: list[list[str]] = []  # without elements, where nothing depends on an input
        self.outputs: list[list[Element]] = []
        self.shapes: list[tuple[int, ...]] = []  # of the outputs
        self.check: Element = 0.0  # finite, if all of ``dropped`` are

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

    def lgamma(self) -> Any:
        raise Unsuited  # at minus infinity, SciPy's function is another one

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
OTHERS: dict[str, np.ufunc] = {
    "__neg__": np.negative, "__lt__": np.less, "__gt__": np.greater, "__invert__": np.logical_not,
    "equals": np.equal, "differs": np.not_equal, "maximum": np.maximum, "minimum": np.minimum,
    "abs": np.abs, "exp": np.exp, "log1p": np.log1p, "sqrt": np.sqrt,
}  # fmt: skip
for name, function in BETWEEN.items():
    setattr(Scalar, f"__{name}__", method(function, False))
    setattr(Scalar, f"__r{name}__", method(function, True))
for name, function in OTHERS.items():
    setattr(Scalar, name, method(function, False))
