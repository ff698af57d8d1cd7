"""Steps, kinks, comparisons and whole numbers of a proof: each is decided, or it is asked for more bits."""

from __future__ import annotations

from collections.abc import Callable

from flint import fmpq

from agcli.expression.proved.elementary import quotient
from agcli.expression.proved.numbers import (
    HALF,
    ONE,
    ZERO,
    BeyondError,
    Number,
    absolute,
    add,
    ball,
    divide,
    is_whole,
    multiply,
    negative,
    rational,
    subtract,
)
from agcli.expression.proved.site import Rule, Site, floor_of

BETWEEN = "{0} is halfway between whole numbers"
QUOTIENT_IS_WHOLE = "{0}/({1}) is a whole number"


def truth(holds: bool) -> fmpq:
    return ONE if holds else ZERO


def comparison(test: Callable[[int], bool]) -> Rule:
    return lambda s, a, b: truth(test(s.compared(a, b)))


def sign(s: Site, a: Number) -> Number:
    return rational(s.sign(a))


def abs_(s: Site, a: Number) -> Number:
    return negative(a) if s.sign(a) < 0 else a


def relu(s: Site, a: Number) -> Number:
    return a if s.sign(a) > 0 else ZERO


def softsign(s: Site, a: Number) -> Number:
    return divide(a, add(ONE, abs_(s, a)))


def maximum(s: Site, a: Number, b: Number) -> Number:
    return a if s.compared(a, b) > 0 else b


def minimum(s: Site, a: Number, b: Number) -> Number:
    return a if s.compared(a, b) < 0 else b


def clip(s: Site, x: Number, low: Number, high: Number) -> Number:
    sides = [s.sign(subtract(x, bound), f"{{0}} is {{{i}}}") for i, bound in ((1, low), (2, high))]
    if sides[1] > 0:
        return high
    return low if sides[0] < 0 else x


def floor(s: Site, a: Number) -> Number:
    return floor_of(s, a)


def ceil(s: Site, a: Number) -> Number:
    return -floor_of(s, negative(a))


def trunc(s: Site, a: Number) -> Number:
    """Towards 0, around which there is no step."""
    if abs(ball(a)) < 1:
        return ZERO
    below = floor_of(s, absolute(a), step=False)
    if is_whole(a) and a:
        s.touch()
    return below if s.sign(a) > 0 else -below


def rounded(s: Site, a: Number) -> Number:
    """Halves to the even number; they are where it jumps."""
    above = floor_of(s, add(a, HALF), BETWEEN, step=False)
    distance = subtract(a, above)
    if isinstance(distance, fmpq) and distance == -HALF:
        s.touch()
        return above if above.p % 2 == 0 else above - 1
    return above


def floor_divide(s: Site, a: Number, b: Number) -> Number:
    return floor_of(s, quotient(s, a, b), QUOTIENT_IS_WHOLE)


def mod(s: Site, a: Number, b: Number) -> Number:
    return subtract(a, multiply(b, floor_divide(s, a, b)))


def fmod(s: Site, a: Number, b: Number) -> Number:
    return subtract(a, multiply(b, trunc(s, quotient(s, a, b))))


def heaviside(s: Site, a: Number, b: Number) -> Number:
    """0, the second value at 0, or 1."""
    side = s.sign(a)
    return b if side == 0 else truth(side > 0)


def is_true(i: int, s: Site, a: Number) -> Number:
    """The truth value of a number, operand `i` of a word of logic: false at 0, where it jumps."""
    if s.sign(a, f"{{{i}}} is 0", smooth=True) != 0:
        return ONE
    s.touch(i)
    return ZERO


def as_dtype(s: Site, a: Number) -> Number:
    """A cast that changes no number: to float64, or of a whole number."""
    kind, size = s.op.dtype.kind, s.op.dtype.itemsize
    if kind == "f" and size >= 8:
        return a
    if kind == "b":
        return truth(s.sign(a) != 0)
    if kind in "iu" and isinstance(a, fmpq) and is_whole(a) and abs(a) < 2**31:
        return a
    raise BeyondError(f"numbers in {s.op.dtype} are rounded")


CHOICES: dict[str, Rule] = {
    "less": comparison(lambda d: d < 0),
    "less_equal": comparison(lambda d: d <= 0),
    "greater": comparison(lambda d: d > 0),
    "greater_equal": comparison(lambda d: d >= 0),
    "equal": comparison(lambda d: d == 0),
    "not_equal": comparison(lambda d: d != 0),
    "logical_xor": lambda s, a, b: truth(a != b),
    "logical_not": lambda s, a: truth(a == 0),
    "isnan": lambda s, a: ZERO,
    "isinf": lambda s, a: ZERO,
    "isfinite": lambda s, a: ONE,
    "abs": abs_,
    "sign": sign,
    "floor": floor,
    "ceil": ceil,
    "trunc": trunc,
    "round": rounded,
    "floor_divide": floor_divide,
    "mod": mod,
    "fmod": fmod,
    "maximum": maximum,
    "minimum": minimum,
    "clip": clip,
    "relu": relu,
    "softsign": softsign,
    "heaviside": heaviside,
    "astype": as_dtype,
    "stop_gradient": lambda s, a: a,
}
