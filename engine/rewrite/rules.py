"""Rules that rewrite a graph: the table, what each op waits for, and the folding of constants; see ``rewriter``."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from ..frozen import frozen
from ..graph import Constant, Op, Tensor
from ..ops import elementwise as ew
from ..ops.arrays import BroadcastTo, broadcast_to
from ..ops.base import Pointwise
from ..ops.logic import Keep, Where
from ..registry import several_a_name
from ..types import Array, TensorType, holds
from . import pools
from .products import sum_of_products, sum_of_transpose, transpose_after

Rule = Callable[..., "Tensor | None"]
RULES: dict[str, list[Rule]] = {}
EXACT = (int, float, Fraction)  # types of numbers that are compared with those of rules
FOLD_LIMIT = 65536  # elements; larger constants are cheaper to compute than to keep
_register = several_a_name(RULES)


@frozen
class Looks:
    """What the rules of an op wait for, as far as a look at its inputs says so."""

    inputs: frozenset[str] = frozenset({"broadcast_to"})  # ops that make inputs; this one may spread a number
    numbers: frozenset[Any] = frozenset()  # that are inputs
    beside: frozenset[str] = frozenset()  # ops that make inputs beside a number


_looks: dict[str, Looks | None] = {}  # of the ops that have rules; None: these look at everything
NO_RULES = Looks()


def rule(
    *names: str, inputs: Iterable[str] | None = None, numbers: Iterable[Any] = (), beside: Iterable[str] = ()
) -> Callable[[Rule], Rule]:
    """A decorator for a rule of the ops of these names, which gets the tensor and its inputs.

    With ``inputs``, it changes nothing unless an op of these names makes an input, or an input is one of ``numbers``,
    or a number and another is made by an op of ``beside``. Where an array is an input, it is asked anyway.
    """
    for name in names:
        known = _looks.get(name, NO_RULES)
        if inputs is None or known is None:
            _looks[name] = None
        else:
            _looks[name] = Looks(known.inputs.union(inputs), known.numbers.union(numbers), known.beside.union(beside))
    return _register(*names)


def stays(op: Op, inputs: Sequence[Tensor]) -> bool:
    """Whether a look at an op and its inputs says that nothing simplifies it; most tensors are such."""
    if not inputs or type(op).simplify is not Op.simplify:
        return False
    looks = _looks.get(op.name, NO_RULES)
    if looks is None:
        return False
    wanted, constants = looks.inputs, 0
    for x in inputs:
        made_by = x.op
        if made_by is not None:
            if made_by.name in wanted:
                return False
        elif isinstance(x, Constant):
            if type(x.value) not in EXACT or x.value in looks.numbers:
                return False
            constants += 1
    if not constants:
        return True
    return constants < len(inputs) and not any(x.op is not None and x.op.name in looks.beside for x in inputs)


def number(t: Tensor) -> Any:
    """The one number that every element of ``t`` has, if ``t`` is such a constant."""
    while isinstance(t.op, BroadcastTo):
        t = t.inputs[0]
    if t.op is not None:
        return None
    if not isinstance(t, Constant) or t.shape != ():
        return None
    return t.value if not isinstance(t.value, np.ndarray) else t.value.item()


def fill(value: Any, like: Tensor) -> Tensor:
    """``value`` in the type of ``like``, whose shape is known."""
    return broadcast_to(Constant(value, TensorType((), like.dtype, like.type.weak)), like.shape)


@rule("add", inputs=(), numbers=(0,))
def add_zero(t: Tensor, a: Tensor, b: Tensor) -> Tensor | None:
    """x + 0 -> x"""
    for x, y in ((a, b), (b, a)):
        if number(y) == 0 and x.type == t.type:
            return x
    return None


@rule("add", inputs=("negative",))
def add_negative(t: Tensor, a: Tensor, b: Tensor) -> Tensor | None:
    """x + (-y) -> x - y"""
    for x, y in ((a, b), (b, a)):
        if y.op is ew.negative and signs_move(t, y):
            return ew.subtract(x, y.inputs[0])
    return None


@rule("subtract", inputs=("negative",), numbers=(0,))
def subtract_zero(t: Tensor, a: Tensor, b: Tensor) -> Tensor | None:
    """x - 0 -> x; 0 - x -> -x; x - (-y) -> x + y"""
    if number(b) == 0 and a.type == t.type:
        return a
    if number(a) == 0 and b.type == t.type:
        return ew.negative(b)
    return ew.add(a, b.inputs[0]) if b.op is ew.negative and signs_move(t, b) else None


def signs_move(t: Tensor, x: Tensor) -> bool:
    """Whether -x in ``t`` is the number -x: integers wrap around, so that -1 of uint8 is 255 beside wider numbers."""
    return x.dtype == t.dtype or x.dtype.kind == "f"


@rule("multiply", inputs=(), numbers=(0, 1, -1), beside=("multiply",))
def multiply_number(t: Tensor, a: Tensor, b: Tensor) -> Tensor | None:
    """x * 1 -> x; x * -1 -> -x; x * 0 -> 0; (x * c) * d -> x * (c d)"""
    for x, y in ((a, b), (b, a)):
        if (y.op is not None and not isinstance(y.op, BroadcastTo)) or (n := number(y)) is None:
            continue
        if n == 0 and t.type.known:
            return fill(0, t)
        if n == 1 and x.type == t.type:
            return x
        if n == -1 and x.type == t.type:
            return ew.negative(x)
        if x.op is ew.multiply and isinstance(y, Constant) and number(x) is None:
            for u, v in ((x.inputs), (x.inputs[::-1])):
                if (
                    isinstance(v, Constant)
                    and v.shape == ()
                    and number(v) is not None
                    and exact(v, y)
                    and holds(y.dtype, number(v) * n)
                ):
                    return ew.multiply(u, Constant(number(v) * n, y.type))
    return None


def exact(*constants: Tensor) -> bool:
    return all(isinstance(c, Constant) and isinstance(c.value, int | Fraction) for c in constants)


@rule("multiply", "divide", inputs=("negative",))
def move_sign_out(t: Tensor, a: Tensor, b: Tensor) -> Tensor | None:
    """(-x) * y -> -(x * y), and the same for quotients"""
    if a.op is ew.negative and signs_move(t, a):
        return ew.negative(t.op(a.inputs[0], b))  # type: ignore[misc]
    if b.op is ew.negative and signs_move(t, b):
        return ew.negative(t.op(a, b.inputs[0]))  # type: ignore[misc]
    return None


@rule("divide", inputs=(), numbers=(0, 1))
def divide_one(t: Tensor, a: Tensor, b: Tensor) -> Tensor | None:
    """x / 1 -> x; 0 / n -> 0 for a number n that is not 0: 0 / 0 is NaN"""
    if number(b) == 1 and a.type == t.type:
        return a
    return fill(0, t) if number(a) == 0 and number(b) not in (0, None) and t.type.known else None


@rule("negative", inputs=("negative", "subtract"))
def negative_twice(t: Tensor, x: Tensor) -> Tensor | None:
    """-(-x) -> x; -(x - y) -> y - x"""
    if x.op is ew.negative:
        return x.inputs[0]
    return ew.subtract(x.inputs[1], x.inputs[0]) if x.op is ew.subtract else None


POWERS: dict[Any, Callable[[Tensor], Tensor]] = {
    2: ew.square,
    3: lambda x: ew.multiply(x, ew.square(x)),
    4: lambda x: ew.square(ew.square(x)),
    -1: ew.reciprocal,
    Fraction(1, 2): ew.sqrt,
    Fraction(-1, 2): ew.rsqrt,
}


@rule("power", inputs=(), numbers=(0, 1, *POWERS))
def power_of_number(t: Tensor, a: Tensor, b: Tensor) -> Tensor | None:
    """x^0 -> 1; x^1 -> x; x^2 -> square(x); x^3 and x^4 -> products, 50 times as fast; roots; x^-1 -> 1/x"""
    n = number(b)
    if n is None or b.shape not in ((), a.shape) or a.type.shape != t.type.shape or a.dtype != t.dtype:
        return None
    if n == 0:
        return fill(1, t) if t.type.known else None
    if n == 1:
        return a
    if a.dtype.kind != "f":
        return None
    return POWERS[n](a) if n in POWERS else None


@rule("where")
def where_same(t: Tensor, c: Tensor, a: Tensor, b: Tensor) -> Tensor | None:
    """where(c, x, x) -> x; where(True, x, y) -> x"""
    n = number(c)
    chosen = a if a is b or n is True else b if n is False else None
    return chosen if chosen is not None and chosen.type == t.type else None


@rule("where")
def where_nested(t: Tensor, c: Tensor, a: Tensor, b: Tensor) -> Tensor | None:
    """where(c, where(c, x, y), z) -> where(c, x, z), and the same on the other side"""
    x, z = chosen(a, c, True), chosen(b, c, False)
    if x is a and z is b:
        return None
    new = Where()(c, x, z)
    return new if new.type == t.type else None


def chosen(t: Tensor, c: Tensor, value: bool) -> Tensor:
    """What ``t`` is where ``c`` has this value."""
    if isinstance(t.op, Where) and t.inputs[0] is c:
        return t.inputs[1 if value else 2]
    return t.inputs[0] if t.op == Keep(value) and t.inputs[1] is c else t


@rule("sum")
def sum_of_number(t: Tensor, x: Tensor) -> Tensor | None:
    """sum of n equal numbers -> n times the number"""
    n = number(x)
    if n is None or not x.type.known or not t.type.known:
        return None
    count = x.type.size // t.type.size if t.type.size else 0
    return fill(n * count, t)


rule("matmul")(transpose_after)
rule("sum")(sum_of_products)
rule("sum")(sum_of_transpose)
rule("max_pool2d")(pools.pool_first)
rule("max_pool2d_position")(pools.position_before_shift)
rule("max_pool2d_scatter")(pools.scatter_without_relu)
rule("keep")(pools.mask_before_scatter)
rule("sum")(pools.sum_before_scatter)


ARITHMETIC: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "negative": operator.neg,
    "divide": lambda a, b: Fraction(a) / b if b else None,
    "power": lambda a, b: a**b if isinstance(b, int) and abs(b) <= 64 and (a or b >= 0) and abs(a) <= 2**32 else None,
    "square": lambda a: a * a,
}


def fold_exact(t: Tensor, inputs: Sequence[Tensor]) -> Tensor | None:
    """Arithmetic of exact numbers, in exact numbers."""
    compute = ARITHMETIC.get(t.op.name) if t.op else None
    if compute is None or t.shape != () or not exact(*inputs):
        return None
    values = [x.value for x in inputs if isinstance(x, Constant)]
    result = compute(*(Fraction(v) if isinstance(v, int) and t.op is ew.power else v for v in values))
    if result is None or (t.dtype.kind != "f" and Fraction(result).denominator != 1):
        return None
    value = Fraction(result)
    if max(abs(value.numerator), value.denominator) >= 2**63 or not holds(t.dtype, value.numerator):
        return None  # integers wrap around, as their kernels do
    return Constant(value.numerator if value.denominator == 1 else value, t.type)


def fold(t: Tensor, inputs: Sequence[Tensor]) -> Tensor | None:
    """The value of an op whose inputs are all constant."""
    if t.op is None or not t.op.pure or not isinstance(t.type, TensorType) or not t.type.known:
        return None
    if t.type.size > FOLD_LIMIT or isinstance(t.op, BroadcastTo):
        return None
    out: Array = np.empty(t.shape, t.dtype)
    with np.errstate(all="ignore"):
        t.op.kernel(*(x.array for x in inputs if isinstance(x, Constant)), out=out)
    return Constant(out, t.type)


def narrow(t: Tensor, inputs: Sequence[Tensor]) -> list[Tensor] | None:
    """Inputs of an elementwise op without the broadcasts that the op does by itself."""
    if not isinstance(t.op, Pointwise) or BroadcastTo not in [type(x.op) for x in inputs]:
        return None
    found = list(inputs)
    for i, x in enumerate(inputs):
        if isinstance(x.op, BroadcastTo):
            found[i] = x.inputs[0]
            if t.op.infer(*(y.type for y in found)).shape != t.shape:
                found[i] = x
    return found if found != list(inputs) else None
