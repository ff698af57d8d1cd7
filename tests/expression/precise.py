"""Values in mpmath, to any number of digits, of functions and of the simplifier's expressions.

What has no real, finite value is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import cache
from typing import Any

import mpmath as mp

from agcli.expression.simplify.nodes import PI, Atom, E, Fn, Mul, Node

LARGEST = 2_500  # of an exponent, so that a few thousand digits tell what cancels
WIDER = 8  # times it where a form is asked for once more: another form has another exponent
LARGEST_ANGLE = 10**30
LARGEST_GAMMA = 10**4


class UnknownError(Exception):
    """An op that has no mpmath twin here."""


_limits = [LARGEST]


@contextmanager
def wider() -> Iterator[None]:
    """Exponents may be ``WIDER`` times as large."""
    _limits.append(LARGEST * WIDER)
    try:
        yield
    finally:
        _limits.pop()


def is_small(x: Any) -> bool:
    """Whether an exponent is one that is computed."""
    return bool(abs(x) <= _limits[-1])


def number(k: int | Fraction) -> Any:
    return mp.mpf(k.numerator) / k.denominator if k.denominator != 1 else mp.mpf(k.numerator)


def bounded(function: Any, largest: float, low: float = -math.inf, high: float = math.inf) -> Any:
    """A function of numbers of at most this size within its domain."""

    def value(x: Any) -> Any:
        return function(x) if abs(x) <= largest and low <= x <= high else mp.nan

    return value


def power(b: Any, y: Any) -> Any:
    """Real powers: 0^0 is 1, and a negative base takes whole exponents."""
    if mp.isint(y):
        if b == 0:
            return mp.mpf(0) if y > 0 else mp.mpf(1) if y == 0 else mp.nan
        if y < 0 and is_nothing(b):
            return mp.nan
        return b ** int(y) if is_small(y) else mp.nan
    if b < 0 or (b == 0 and y < 0):
        return mp.nan
    return mp.mpf(0) if b == 0 else exp(y * mp.log(b))


def quotient(a: Any, b: Any) -> Any:
    return mp.nan if is_nothing(b) else a / b


def is_nothing(x: Any) -> bool:
    """Whether a number is 0, or what rounding left of it."""
    return bool(abs(x) < rounding(mp.mp.dps))


@cache
def rounding(digits: int) -> Any:
    return mp.mpf(10) ** (8 - digits)


def log(x: Any) -> Any:
    return mp.log(x) if x > 0 else mp.nan


def exp(x: Any) -> Any:
    return mp.exp(x) if is_small(x) else mp.nan


def cbrt(x: Any) -> Any:
    return mp.sign(x) * mp.cbrt(abs(x))


def sigmoid(x: Any) -> Any:
    return 1 / (1 + exp(-x))


def softplus(x: Any) -> Any:
    return mp.log1p(exp(x))


def sinc(x: Any, n: int = 0) -> Any:
    if n:
        with mp.workdps(2 * mp.mp.dps + 20):
            return mp.quad(lambda t: (mp.pi * t) ** n * mp.cos(mp.pi * x * t + n * mp.pi / 2), [0, 1])
    return mp.mpf(1) if x == 0 else mp.sin(mp.pi * x) / (mp.pi * x)


def lgamma(x: Any) -> Any:
    return mp.log(abs(mp.gamma(x)))


def tangent(x: Any) -> Any:
    """Beside a pole by no more than rounding there is none."""
    value = mp.tan(x)
    return value if abs(value) < mp.mpf(10) ** (mp.mp.dps - 5) else mp.nan


def arctan2(a: Any, b: Any) -> Any:
    return mp.atan2(a, b)


def truncated(x: Any) -> Any:
    return mp.floor(x) if x >= 0 else mp.ceil(x)


def where(condition: Any, a: Any, b: Any) -> Any:
    return mp.nan if not isinstance(condition, bool) else a if condition else b


LAZY = {"where", "keep"}  # an operand without a value need not spoil the result

SCALARS: dict[str, Any] = {
    "add": lambda *a: mp.fsum(a),
    "add_n": lambda *a: mp.fsum(a),
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": quotient,
    "negative": lambda a: -a,
    "power": power,
    "square": lambda a: a * a,
    "sqrt": lambda a: power(a, mp.mpf(0.5)),
    "rsqrt": lambda a: quotient(mp.mpf(1), power(a, mp.mpf(0.5))),
    "cbrt": cbrt,
    "reciprocal": lambda a: quotient(mp.mpf(1), a),
    "hypot": lambda a, b: mp.sqrt(a * a + b * b),
    "exp": exp,
    "exp2": lambda x: exp(x * mp.log(2)),
    "exp10": lambda x: exp(x * mp.log(10)),
    "expm1": lambda x: mp.expm1(x) if is_small(x) else mp.nan,
    "log": log,
    "log2": lambda x: log(x) / mp.log(2),
    "log10": lambda x: log(x) / mp.log(10),
    "log1p": lambda x: log(1 + x),
    "logaddexp": lambda a, b: log(exp(a) + exp(b)),
    "xlogy": lambda a, b: mp.mpf(0) if a == 0 else a * log(b),
    "sin": bounded(mp.sin, LARGEST_ANGLE),
    "cos": bounded(mp.cos, LARGEST_ANGLE),
    "tan": bounded(tangent, LARGEST_ANGLE),
    "arcsin": bounded(mp.asin, 1),
    "arccos": bounded(mp.acos, 1),
    "arctan": mp.atan,
    "arctan2": arctan2,
    "sinh": lambda x: mp.sinh(x) if is_small(x) else mp.nan,
    "cosh": lambda x: mp.cosh(x) if is_small(x) else mp.nan,
    "tanh": lambda x: mp.tanh(x) if is_small(x) else mp.nan,
    "arcsinh": mp.asinh,
    "arccosh": bounded(mp.acosh, math.inf, low=1),
    "arctanh": bounded(mp.atanh, 1),
    "abs": abs,
    "sign": mp.sign,
    "floor": mp.floor,
    "ceil": mp.ceil,
    "trunc": truncated,
    "round": mp.nint,
    "maximum": max,
    "minimum": min,
    "mod": lambda a, b: a - b * mp.floor(a / b),
    "fmod": lambda a, b: a - b * truncated(a / b),
    "floor_divide": lambda a, b: mp.floor(a / b),
    "clip": lambda x, low, high: min(max(x, low), high),
    "erf": mp.erf,
    "erfc": mp.erfc,
    "erfinv": bounded(mp.erfinv, 1),
    "gamma": bounded(mp.gamma, LARGEST_GAMMA),
    "lgamma": bounded(lgamma, LARGEST_GAMMA),
    "digamma": bounded(mp.digamma, LARGEST_GAMMA),
    "sinc": sinc,
    "step": lambda a, b: mp.mpf(a > b),
    "relu": lambda x: max(x, mp.mpf(0)),
    "sigmoid": sigmoid,
    "softplus": softplus,
    "log_sigmoid": lambda x: -softplus(-x),
    "softsign": lambda x: x / (1 + abs(x)),
    "where": where,
    "keep": lambda x, c, value=True: where(c if value else not c, x, mp.mpf(0)),
    "less": lambda a, b: bool(a < b),
    "less_equal": lambda a, b: bool(a <= b),
    "greater": lambda a, b: bool(a > b),
    "greater_equal": lambda a, b: bool(a >= b),
    "equal": lambda a, b: bool(a == b),
    "not_equal": lambda a, b: bool(a != b),
    "logical_and": lambda a, b: bool(a and b),
    "logical_or": lambda a, b: bool(a or b),
    "logical_not": lambda a: not a,
    "isinf": lambda a: False,
    "isnan": lambda a: bool(mp.isnan(a)),
}


def apply(head: Any, *args: Any) -> Any:
    """The value of a function of numbers and conditions; ``head`` is a name or an op with attributes."""
    name = head if isinstance(head, str) else head.name
    if name not in LAZY and any(not isinstance(a, bool) and mp.isnan(a) for a in args):
        return mp.nan
    try:
        if name == "polygamma":
            return mp.polygamma(head.n, args[0]) if args[0] < LARGEST_GAMMA else mp.nan
        if name == "sinc" and not isinstance(head, str):
            return sinc(args[0], head.n)
        if name == "keep" and not isinstance(head, str):
            return SCALARS["keep"](*args, head.value)
        rule = SCALARS.get(name)
        if rule is None:
            raise UnknownError(name)
        value = rule(*args)
    except (ValueError, ZeroDivisionError, OverflowError):
        return mp.nan
    if isinstance(value, bool):
        return value
    return value if isinstance(value, mp.mpf) and mp.isfinite(value) else mp.mpf(value) if mp.isint(value) else mp.nan


class Values:
    """Values of the simplifier's expressions at one point; every expression is computed once."""

    def __init__(self, point: dict[Any, Any], digits: int, largest: float = math.inf) -> None:
        self.largest = largest  # value that is told; more is none
        self.point = point  # atoms -> numbers
        self.digits = digits
        self.found: dict[Any, Any] = {}

    def __call__(self, e: Any) -> Any:
        with mp.workdps(self.digits):
            return self.value(e)

    def value(self, e: Any) -> Any:
        if not isinstance(e, Node):
            return number(e)
        known = self.found.get(e)
        if known is None:
            known = self.compute(e)
            if not isinstance(known, bool) and abs(known) > self.largest:
                known = mp.nan
            self.found[e] = known
        return known

    def compute(self, e: Any) -> Any:
        if type(e) is Atom:
            return +mp.e if e is E else +mp.pi if e is PI else self.point[e]
        if type(e) is Fn:
            return apply(e.head, *(self.value(a) for a in e.args))
        if type(e) is Mul:
            product = number(e.coefficient)
            for base, exponent in e.factors:
                product *= exp(self.value(exponent)) if base is E else self.raised(base, exponent)
            return product if mp.isfinite(product) else mp.nan
        total = mp.fsum([number(e.constant), *(number(k) * self.value(t) for t, k in e.terms)])
        return total if mp.isfinite(total) else mp.nan

    def raised(self, base: Any, exponent: Any) -> Any:
        b = self.value(base)
        if exponent == 1 or mp.isnan(b):
            return b
        if isinstance(exponent, Fraction) and b < 0:
            return mp.nan
        if not isinstance(exponent, Node) and exponent < 0 and is_nothing(b):
            return mp.nan
        y = self.value(exponent)
        return mp.nan if mp.isnan(y) else apply("power", b, y)
