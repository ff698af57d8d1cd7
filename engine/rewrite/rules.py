"""Rewrites: graph -> graph of the same values.

One pass from the leaves up. At each tensor, in this order: the op's own ``simplify``; the rules of the table below;
constants folded, exactly where they are exact; equal tensors merged. What a rule returns is rewritten in turn.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from operator import is_not
from typing import Any

import numpy as np

from ..graph import Constant, Op, Tensor, toposort
from ..leaves import Placeholder
from ..ops import elementwise as ew
from ..ops.arrays import BroadcastTo, broadcast_to
from ..ops.base import Item, Pointwise
from ..ops.logic import Keep, Where
from ..origin import built_at, origin
from ..registry import several_a_name
from ..types import Array, TensorType, TupleType, holds
from . import pools
from .products import sum_of_products, sum_of_transpose, transpose_after

Rule = Callable[..., "Tensor | None"]
RULES: dict[str, list[Rule]] = {}
NUMBERS = frozenset({"broadcast_to"})  # what makes a number an input: rules and folding look at each constant anyway
FOLD_LIMIT = 65536  # elements; larger constants are cheaper to compute than to keep
_register = several_a_name(RULES)
_inputs: dict[str, frozenset[str] | None] = {}  # op -> ops of inputs that its rules wait for; None: any


def rule(*names: str, inputs: Iterable[str] | None = None) -> Callable[[Rule], Rule]:
    """A decorator for a rule of the ops of these names, which gets the tensor and its inputs.

    ``inputs`` names the ops of which it wants one at least among what makes the inputs, beside constants.
    """
    for name in names:
        known = _inputs.get(name, NUMBERS)
        _inputs[name] = None if inputs is None or known is None else known | frozenset(inputs)
    return _register(*names)


def stays(op: Op, inputs: Sequence[Tensor]) -> bool:
    """Whether the looks of an op and its inputs say that nothing simplifies it; most tensors are such."""
    if not inputs or type(op).simplify is not Op.simplify:
        return False
    wanted = _inputs.get(op.name, NUMBERS)
    if wanted is None:
        return False
    for x in inputs:
        made_by = x.op
        if made_by is None:
            if isinstance(x, Constant):
                return False
        elif made_by.name in wanted:
            return False
    return True


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


@rule("add", inputs=NUMBERS)
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


@rule("subtract", inputs=(*NUMBERS, "negative"))
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


@rule("multiply", inputs=NUMBERS)
def multiply_number(t: Tensor, a: Tensor, b: Tensor) -> Tensor | None:
    """x * 1 -> x; x * -1 -> -x; x * 0 -> 0; (x * c) * d -> x * (c d)"""
    for x, y in ((a, b), (b, a)):
        if (y.op is not None and not isinstance(y.op, BroadcastTo)) or (n := number(y)) is None:
            continue
        if n == 0 and t.type.known:
            return fill(0, t)
        if x.type == t.type and n == 1:
            return x
        if x.type == t.type and n == -1:
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


@rule("divide", inputs=NUMBERS)
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


@rule("power", inputs=NUMBERS)
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


POWERS: dict[Any, Callable[[Tensor], Tensor]] = {
    2: ew.square,
    3: lambda x: ew.multiply(x, ew.square(x)),
    4: lambda x: ew.square(ew.square(x)),
    -1: ew.reciprocal,
    Fraction(1, 2): ew.sqrt,
    Fraction(-1, 2): ew.rsqrt,
}


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


class Rewriter:
    """One rewriting; tensors that it has made are never looked at again."""

    def __init__(self, replace: Mapping[Tensor, Tensor] | None = None) -> None:
        self.memo: dict[int, Tensor] = {old.id: new for old, new in (replace or {}).items()}
        self.ends = {old.id for old in replace or () if old.op is not None}  # nobody needs what these are made of
        for t in list(self.memo.values()):
            self.memo[t.id] = t
        self.seen: dict[Any, Tensor] = {}

    def __call__(self, outputs: Sequence[Tensor]) -> list[Tensor]:
        return self.along(toposort(oldest_first(outputs), self.ends), outputs)

    def along(self, order: Iterable[Tensor], outputs: Sequence[Tensor]) -> list[Tensor]:
        """``outputs`` rewritten; ``order`` has all that they need and that is not known yet, inputs first."""
        memo = self.memo
        with origin(None):  # what is built takes the place of the tensor that it is made of
            for t in order:
                if t.id not in memo:
                    op = t.op
                    new = self.leaf(t) if op is None else self.apply(t, op, [memo[x.id] for x in t.inputs])
                    memo[t.id] = memo[new.id] = new
        return [memo[t.id] for t in outputs]

    def leaf(self, t: Tensor) -> Tensor:
        if isinstance(t, Constant) and not isinstance(t.value, np.ndarray):
            return self.seen.setdefault((type(t.value), t.value, str(t.value), t.type), t)
        return t

    def apply(self, t: Tensor, op: Op, inputs: list[Tensor]) -> Tensor:
        for i in op.shape_only:
            if i < len(inputs) and inputs[i].type.known and not isinstance(inputs[i], Constant):
                inputs[i] = self.stub(inputs[i].type)
        if len(inputs) == 1:
            key: Any = op, inputs[0].id
        else:
            ids = [x.id for x in inputs]
            if op.commutative:
                ids.sort()
            key = op, *ids
        found = self.seen.get(key)
        if found is not None:
            return found
        if any(map(is_not, inputs, t.inputs)):
            t = t.on(inputs)
        if stays(op, inputs):
            self.seen[key] = t
            return t
        built_at(t.place)
        new = self.simplified(t, op, inputs)
        if new is None or new is t:
            self.seen[key] = t
            return t
        (result,) = self.along(toposort([new], self.memo), [new])
        self.seen[key] = result
        return result

    def simplified(self, t: Tensor, op: Op, inputs: list[Tensor]) -> Tensor | None:
        new = op.simplify(*inputs)
        if new is None and all(isinstance(x, Constant) for x in inputs):
            new = fold_exact(t, inputs)
            new = fold(t, inputs) if new is None else new
        if new is not None:
            return new
        fewer = narrow(t, inputs)
        if fewer is not None:
            return op(*fewer)
        for r in RULES.get(op.name, ()):
            new = r(t, *inputs)
            if new is not None:
                return new
        return None

    def stub(self, type: TensorType) -> Tensor:
        """A constant that costs nothing, where only the shape of an input is read."""
        key = ("stub", type)
        if key not in self.seen:
            t = Constant(np.broadcast_to(np.zeros((), type.dtype), type.shape), type)  # type: ignore[arg-type]
            self.seen[key] = self.memo[t.id] = t
        return self.seen[key]


def oldest_first(outputs: Iterable[Tensor]) -> list[Tensor]:
    """``outputs`` in the order in which they were built.

    Computed in this order, the gradient of a late layer is done before those of earlier layers are begun, so what
    both need is not kept longer than necessary.
    """
    return sorted(outputs, key=lambda t: t.id)


def specialise(outputs: Sequence[Tensor], replace: Mapping[Tensor, Tensor]) -> list[Tensor]:
    """``outputs`` rewritten, with some leaves replaced (placeholders by placeholders of the shapes that are fed)."""
    return pools.located_at_once(prune(Rewriter(replace)(outputs)))


def prune(outputs: Sequence[Tensor]) -> list[Tensor]:
    """``outputs`` without what ops of several outputs make for nobody."""
    order = toposort(oldest_first(outputs))
    if TupleType not in {type(t.type) for t in order}:
        return list(outputs)
    live = {t.id for t in outputs}
    used: dict[int, set[int]] = {}
    smaller: dict[int, tuple[Tensor, dict[int, int]]] = {}
    for t in reversed(order):
        inputs = t.inputs
        if t.id in live and isinstance(t.op, Item):
            used.setdefault(inputs[0].id, set()).add(t.op.index)
        elif t.id in live and t.op and isinstance(t.type, TupleType):
            found = t.op.prune(frozenset(used.get(t.id, ())), inputs)
            if found is not None:
                smaller[t.id], inputs = found, found[0].inputs
        if t.id in live:
            live.update(x.id for x in inputs)
    memo: dict[int, Tensor] = {}
    for t in order:
        if t.id in live:
            memo[t.id] = rebuilt(t, memo, smaller)
    return [memo[t.id] for t in outputs]


def rebuilt(t: Tensor, memo: Mapping[int, Tensor], smaller: Mapping[int, tuple[Tensor, dict[int, int]]]) -> Tensor:
    """``t`` on the inputs in ``memo``, where some ops of several outputs have become smaller."""
    new, op = t, t.op
    if t.id in smaller:
        new = smaller[t.id][0]
        op = new.op
    elif isinstance(op, Item) and t.inputs[0].id in smaller:
        whole, numbers = smaller[t.inputs[0].id]
        op = Item(numbers[op.index], len(whole.type.items))
    inputs = [memo[x.id] for x in new.inputs]
    if op is None or (op is new.op and all(a is b for a, b in zip(inputs, new.inputs, strict=True))):
        return new
    if op is t.op:
        return t.on(inputs)
    with origin(t.place):
        result = op(*inputs)
    result.name = t.name
    return result


def simplify(outputs: Sequence[Tensor]) -> list[Tensor]:
    """``outputs`` rewritten."""
    return prune(Rewriter()(outputs))


__all__ = ["RULES", "Placeholder", "Rewriter", "rule", "simplify", "specialise"]
