"""What each op does to intervals, and where it is singular: has a kink, a jump, or ends."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from agcli.expression.enclosures import angles, elementary, error_functions, gammas, hyperbolic
from agcli.expression.enclosures.interval import (
    NULL,
    ONE,
    UNIT,
    ZERO,
    Interval,
    NoValueError,
    Precision,
    UnsureError,
    absolute,
    add,
    divide,
    maximum,
    minimum,
    multiply,
    negative,
    sqrt,
    square,
    subtract,
)

WIDEST = Decimal(10) ** 6  # exponents of ten of a whole number that is looked at


class Site:
    """One use of an op: the precision, and which variables each input depends on, as bits.

    `singular` collects the variables along which the formula is not smooth here.
    """

    def __init__(self, p: Precision, moving: tuple[int, ...], op: Any) -> None:
        self.p = p
        self.moving = moving
        self.op = op
        self.singular = 0

    def touch(self, *inputs: int) -> None:
        for i in inputs or range(len(self.moving)):
            self.singular |= self.moving[i]

    def sign(self, a: Interval) -> int:
        """The sign of a number that makes a difference; 0 is singular."""
        found = self.p.sign(a)
        if found == 0:
            self.touch()
        return found


Rule = Callable[..., Interval]


def smooth(function: Callable[..., Interval]) -> Rule:
    """An op that is smooth wherever it has a value."""
    return lambda s, *args: function(s.p, *args)


def truth(holds: bool) -> Interval:
    return UNIT if holds else NULL


def comparison(test: Callable[[int], bool]) -> Rule:
    return lambda s, a, b: truth(test(s.sign(subtract(s.p, a, b))))


def ended(function: Callable[[Precision, Interval], Interval], ends: tuple[int, ...]) -> Rule:
    """An op whose domain ends at some numbers, at which it has a value but no derivative."""

    def rule(s: Site, a: Interval) -> Interval:
        for end in ends:
            s.sign(subtract(s.p, a, s.p.number(end)))
        return function(s.p, a)

    return rule


def whole(s: Site, a: Interval, rounding: str) -> Interval:
    """A number rounded to a whole one."""
    if not a.low.is_finite() or not a.high.is_finite() or a.high.adjusted() > WIDEST:
        raise UnsureError
    if a.exact and a.low == a.low.to_integral_value():
        s.touch()
        return a
    low, high = (v.to_integral_value(rounding) for v in a)
    if low == high:
        return Interval(low, low)
    nearest = a.low.to_integral_value()
    if s.sign(subtract(s.p, a, Interval(nearest, nearest))) != 0:  # of wide intervals, which hold other whole numbers
        raise UnsureError
    return Interval(nearest, nearest)


def rounded(s: Site, a: Interval) -> Interval:
    """Halves to the even number; they are where it jumps."""
    below = whole(Site(s.p, (), s.op), add(s.p, a, Interval(Decimal("0.5"), Decimal("0.5"))), "ROUND_FLOOR")
    distance = subtract(s.p, a, below)
    if s.sign(add(s.p, distance, Interval(Decimal("0.5"), Decimal("0.5")))) == 0:
        n = int(below.low)
        return s.p.number(n if n % 2 == 0 else n - 1)
    return below


def rounding(mode: str) -> Rule:
    return lambda s, a: whole(s, a, mode)


def quotient(mode: str) -> Rule:
    return lambda s, a, b: whole(s, divide(s.p, a, b), mode)


def remainder(mode: str) -> Rule:
    return lambda s, a, b: subtract(s.p, a, multiply(s.p, b, whole(s, divide(s.p, a, b), mode)))


def sign(s: Site, a: Interval) -> Interval:
    return s.p.number(s.sign(a))


def heaviside(s: Site, a: Interval, at_zero: Interval) -> Interval:
    """0, 1, and at the jump what is given there."""
    side = s.sign(a)
    return at_zero if side == 0 else truth(side > 0)


def abs_(s: Site, a: Interval) -> Interval:
    s.sign(a)
    return absolute(s.p, a)


def relu(s: Site, a: Interval) -> Interval:
    return a if s.sign(a) > 0 else NULL


def softsign(s: Site, a: Interval) -> Interval:
    return divide(s.p, a, add(s.p, UNIT, abs_(s, a)))


def extremum(choose: Callable[..., Interval]) -> Rule:
    def rule(s: Site, a: Interval, b: Interval) -> Interval:
        s.sign(subtract(s.p, a, b))
        return choose(s.p, a, b)

    return rule


def clip(s: Site, x: Interval, low: Interval, high: Interval) -> Interval:
    for bound in (low, high):
        if bound.low.is_finite():
            s.sign(subtract(s.p, x, bound))
    return minimum(s.p, maximum(s.p, x, low), high)


def root(s: Site, a: Interval) -> Interval:
    return NULL if s.sign(a) == 0 else sqrt(s.p, a)


def cube_root(s: Site, a: Interval) -> Interval:
    side = s.sign(a)
    if side < 0:
        return negative(s.p, cube_root(s, negative(s.p, a)))
    if side == 0:
        return NULL
    if a.exact:
        c = s.p.near
        guess = Decimal(c.power(a.low, c.divide(ONE, Decimal(3))).quantize(ONE)) if a.low.adjusted() < 20 else ZERO
        if s.p.more(100).power(guess, 3) == a.low:
            return Interval(guess, guess)
    return elementary.exp(s.p, divide(s.p, elementary.log(s.p, a), s.p.number(3)))


def power(s: Site, a: Interval, b: Interval) -> Interval:
    """a^b: 0^0 is 1, and a negative base takes whole exponents only."""
    whole_number = b.exact and b.low == b.low.to_integral_value()
    if whole_number and b.low.copy_abs() < WIDEST:
        n = int(b.low)
        side = s.p.sign(a) if n < 0 or s.moving[1] else 1
        if side <= 0:
            s.touch(*((1,) if side else ()))
        if side == 0 and n < 0:
            raise NoValueError
        return elementary.whole_power(s.p, a, n)
    side = s.p.sign(a)
    if side > 0:
        return elementary.exp(s.p, multiply(s.p, b, elementary.log(s.p, a)))
    s.touch(*((1,) if side and whole_number else ()))
    if side < 0:
        return power_of_negative(s, a, b, whole_number)
    exponent = s.p.sign(b)
    if exponent < 0:
        raise NoValueError
    return NULL if exponent else UNIT


def power_of_negative(s: Site, a: Interval, b: Interval, whole_number: bool) -> Interval:
    """Of an exponent that is a very large whole number, or may turn out to be whole."""
    if whole_number:
        size = elementary.exp(s.p, multiply(s.p, b, elementary.log(s.p, negative(s.p, a))))
        return size if b.low.remainder_near(Decimal(2), s.p.more(400)) == 0 else negative(s.p, size)
    if b.low.to_integral_value("ROUND_CEILING") > b.high:
        raise NoValueError
    return power(s, a, whole(Site(s.p, (), s.op), b, "ROUND_FLOOR"))


def power_of(base: int) -> Rule:
    return lambda s, x: power(Site(s.p, (0, 0), s.op), s.p.number(base), x)


def reciprocal_root(s: Site, a: Interval) -> Interval:
    return divide(s.p, UNIT, sqrt(s.p, a))


def xlogy(s: Site, a: Interval, b: Interval) -> Interval:
    if s.p.sign(a) == 0:
        if s.p.sign(b) <= 0:
            s.touch()
        return NULL
    return multiply(s.p, a, elementary.log(s.p, b))


def hypot(s: Site, a: Interval, b: Interval) -> Interval:
    return root(s, add(s.p, square(s.p, a), square(s.p, b)))


def arctan2(s: Site, a: Interval, b: Interval) -> Interval:
    if s.p.sign(b) <= 0:
        s.sign(a)
    return angles.arctan2(s.p, a, b)


def log_sigmoid(p: Precision, a: Interval) -> Interval:
    return negative(p, hyperbolic.softplus(p, negative(p, a)))


def polygamma(s: Site, a: Interval) -> Interval:
    return gammas.polygamma(s.p, s.op.n, a)


def sinc(s: Site, a: Interval) -> Interval:
    return angles.sinc(s.p, s.op.n, a)


def log_cosh(p: Precision, a: Interval) -> Interval:
    return elementary.log(p, hyperbolic.cosh(p, a))


def sigmoid_cross_entropy(p: Precision, x: Interval, t: Interval) -> Interval:
    """softplus(x) - x t"""
    return subtract(p, hyperbolic.softplus(p, x), multiply(p, x, t))


def identity(s: Site, a: Interval) -> Interval:
    return a


def is_true(i: int, s: Site, a: Interval) -> Interval:
    """The truth value of a number, operand `i` of a word of logic: false at 0, where it jumps."""
    if s.p.sign(a) != 0:
        return UNIT
    s.touch(i)
    return NULL


SMOOTH: dict[str, Callable[..., Interval]] = {
    "add": add, "subtract": subtract, "multiply": multiply, "divide": divide, "negative": negative,
    "square": square, "exp": elementary.exp, "expm1": elementary.expm1, "log": elementary.log,
    "log1p": elementary.log1p, "logaddexp": hyperbolic.logaddexp, "sin": angles.sin, "cos": angles.cos,
    "tan": angles.tan, "arctan": angles.arctan, "sinh": hyperbolic.sinh, "cosh": hyperbolic.cosh,
    "tanh": hyperbolic.tanh, "arcsinh": hyperbolic.arcsinh, "arctanh": hyperbolic.arctanh,
    "erf": error_functions.erf, "erfc": error_functions.erfc, "erfinv": error_functions.erfinv,
    "lgamma": gammas.log_gamma,
    "gamma": gammas.gamma, "sigmoid": hyperbolic.sigmoid, "softplus": hyperbolic.softplus, "log_sigmoid": log_sigmoid,
    "log_cosh": log_cosh, "sigmoid_cross_entropy": sigmoid_cross_entropy,
}  # fmt: skip
RULES: dict[str, Rule] = {
    **{name: smooth(function) for name, function in SMOOTH.items()},
    "reciprocal": lambda s, a: divide(s.p, UNIT, a),
    "digamma": lambda s, a: gammas.polygamma(s.p, 0, a),
    "polygamma": polygamma,
    "heaviside": heaviside,
    "sinc": sinc,
    "log2": lambda s, a: elementary.log_to(s.p, a, 2),
    "log10": lambda s, a: elementary.log_to(s.p, a, 10),
    "exp2": power_of(2),
    "exp10": power_of(10),
    "power": power,
    "sqrt": root,
    "rsqrt": reciprocal_root,
    "cbrt": cube_root,
    "hypot": hypot,
    "xlogy": xlogy,
    "arcsin": ended(angles.arcsin, (-1, 1)),
    "arccos": ended(angles.arccos, (-1, 1)),
    "arccosh": ended(hyperbolic.arccosh, (1,)),
    "arctan2": arctan2,
    "less": comparison(lambda d: d < 0),
    "less_equal": comparison(lambda d: d <= 0),
    "greater": comparison(lambda d: d > 0),
    "greater_equal": comparison(lambda d: d >= 0),
    "equal": comparison(lambda d: d == 0),
    "not_equal": comparison(lambda d: d != 0),
    "logical_xor": lambda s, a, b: truth(a != b),
    "logical_not": lambda s, a: truth(a == NULL),
    **dict.fromkeys(("isnan", "isinf"), lambda s, a: NULL),
    "signbit": lambda s, a: truth(s.sign(a) < 0),
    "isfinite": lambda s, a: UNIT,
    "abs": abs_,
    "sign": sign,
    "floor": rounding("ROUND_FLOOR"),
    "ceil": rounding("ROUND_CEILING"),
    "trunc": rounding("ROUND_DOWN"),
    "round": rounded,
    "floor_divide": quotient("ROUND_FLOOR"),
    "mod": remainder("ROUND_FLOOR"),
    "fmod": remainder("ROUND_DOWN"),
    "maximum": extremum(maximum),
    "minimum": extremum(minimum),
    "clip": clip,
    "relu": relu,
    "softsign": softsign,
    "copysign": lambda s, a, b: abs_(s, a) if s.sign(b) >= 0 else negative(s.p, abs_(s, a)),
    **dict.fromkeys(("astype", "stop_gradient"), identity),
}  # fmt: skip
