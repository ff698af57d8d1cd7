"""Gamma functions of intervals.

Stirling's series with an argument that was shifted until its terms fall below the digits wanted (DLMF 5.11.1, 5.11.2).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache

from agcli.expression.enclosures.elementary import (
    exp,
    pi_digits,
)
from agcli.expression.enclosures.interval import (
    NULL,
    ONE,
    TWO,
    ZERO,
    Interval,
    NoValueError,
    Precision,
    UnsureError,
    absolute,
    multiply,
)

MAX_DIGITS = 330  # to which these functions are computed
MAX_SHIFT = 20_000  # steps of a recurrence


def modest(p: Precision) -> Precision:
    """A precision at which these functions take milliseconds."""
    return p if p.digits <= MAX_DIGITS else Precision(MAX_DIGITS, p.last)


@lru_cache(maxsize=4096)
def bernoulli(n: int) -> Fraction:
    """B_n for even n from 2 on, by the tangent numbers (Brent and Harvey, 2011)."""
    k = n // 2
    top = (-1) ** (k - 1) * n * tangents(-(-k // 64) * 64)[k - 1]
    return Fraction(top, 4**k * (4**k - 1))


@lru_cache(maxsize=16)
def tangents(count: int) -> list[int]:
    found = [1] * (count + 1)
    for k in range(2, count + 1):
        found[k] = (k - 1) * found[k - 1]
    for k in range(2, count + 1):
        for j in range(k, count + 1):
            found[j] = (j - k) * found[j - 1] + (j - k + 2) * found[j]
    return found[1:]


def shift_of(p: Precision, x: Decimal, order: int = 0) -> int:
    """How many steps upwards make x large enough for Stirling's series."""
    enough = int(0.6 * (p.digits + 15)) + 2 * order + 10
    if x >= enough:
        return 0
    steps = math.ceil(enough - x)
    if steps > MAX_SHIFT:
        raise UnsureError
    return steps


def at_pole(x: Decimal) -> bool:
    return x <= 0 and x == x.to_integral_value()


def stirling(c: Context, x: Decimal, digits: int) -> Decimal:
    """log(gamma(x)) for large x."""
    half = Decimal("0.5")
    total = c.subtract(c.multiply(c.subtract(x, half), c.ln(x)), x)
    total = c.add(total, c.multiply(half, c.ln(c.multiply(TWO, pi_digits(c.prec)))))
    square, power = c.multiply(x, x), x
    limit = ONE.scaleb(-digits - 5, c)
    for k in range(1, 2 * digits):
        b = bernoulli(2 * k) / (2 * k * (2 * k - 1))
        term = c.divide(c.divide(Decimal(b.numerator), Decimal(b.denominator)), power)
        total = c.add(total, term)
        if term.copy_abs() < limit:
            return total
        power = c.multiply(power, square)
    raise UnsureError


def product_up(c: Context, x: Decimal, steps: int) -> Decimal:
    """x (x + 1) ... (x + steps - 1)"""
    product = ONE
    for k in range(steps):
        product = c.multiply(product, c.add(x, Decimal(k)))
    return product


def working(p: Precision, x: Decimal) -> Context:
    """Enough digits for x plus whole numbers."""
    return p.more(len(x.as_tuple().digits) + max(0, x.adjusted()) + 25)


def log_gamma_point(p: Precision, x: Decimal) -> Interval:
    """log(abs(gamma(x))), with an error relative to the terms that it is the difference of."""
    if at_pole(x):
        raise NoValueError
    if x in (ONE, TWO):
        return NULL
    if x.adjusted() > 10**6:
        raise UnsureError
    steps = shift_of(p, x)
    c = working(p, x)
    top = stirling(c, c.add(x, Decimal(steps)), p.digits + max(0, x.adjusted()))
    below = c.ln(product_up(c, x, steps).copy_abs()) if steps else ZERO
    size = p.up.add(top.copy_abs(), below.copy_abs())
    return p.within(c.subtract(top, below), p.up.multiply(p.up.add(size, ONE), p.unit))


def gamma_point(p: Precision, x: Decimal) -> Interval:
    if at_pole(x):
        raise NoValueError
    if 0 < x < 200 and x == x.to_integral_value():
        return p.within(Decimal(math.factorial(int(x) - 1)), ZERO)
    if x.adjusted() > 18:
        if x < 0:
            raise UnsureError
        return exp(p, Interval(x, x))  # too large for any number, and smaller
    steps = shift_of(p, x)
    c = working(p, x)
    value = c.exp(stirling(c, c.add(x, Decimal(steps)), p.digits + max(0, x.adjusted()) + 5))
    return p.around(c.divide(value, product_up(c, x, steps)))


def polygamma_point(p: Precision, n: int, x: Decimal) -> Interval:
    """The n-th derivative of digamma: a sum over the steps of the recurrence, and Stirling's series differentiated."""
    if at_pole(x):
        raise NoValueError
    steps = shift_of(p, x, n)
    c = working(p, x)
    y = c.add(x, Decimal(steps))
    sign = -1 if n % 2 == 0 else 1
    below = ZERO
    for k in range(steps):
        below = c.add(below, c.power(c.add(x, Decimal(k)), -(n + 1)))
    below = c.multiply(below, Decimal(math.factorial(n)))
    if n == 0:
        total = c.subtract(c.ln(y), c.divide(ONE, c.multiply(TWO, y)))
    else:
        total = c.divide(Decimal(math.factorial(n - 1)), c.power(y, n))
        total = c.add(total, c.divide(Decimal(math.factorial(n)), c.multiply(TWO, c.power(y, n + 1))))
    limit = c.multiply(total.copy_abs(), ONE.scaleb(-p.digits - 8, c))
    square, power = c.multiply(y, y), c.power(y, n + 2)
    for k in range(1, 2 * p.digits):
        b = bernoulli(2 * k) * Fraction(math.factorial(2 * k + n - 1), math.factorial(2 * k))
        term = c.divide(c.divide(Decimal(b.numerator), Decimal(b.denominator)), power)
        total = c.subtract(total, term) if n == 0 else c.add(total, term)
        if term.copy_abs() < limit:
            break
        power = c.multiply(power, square)
    else:
        raise UnsureError
    size = p.up.add(total.copy_abs(), below.copy_abs())
    value = c.subtract(total, below) if n == 0 else c.multiply(Decimal(sign), c.add(total, below))
    return p.within(value, p.up.multiply(size, p.unit))


def wide(p: Precision, a: Interval, value: Interval, slopes: Iterable[Interval]) -> Interval:
    """The value at the lower end, and how far it may move up to the upper one of a short interval: four times as far as
    the steepest of the slopes at the ends says."""
    steepest = max(absolute(p, slope).high for slope in slopes)
    change = p.up.multiply(p.up.multiply(Decimal(4), steepest), p.up.subtract(a.high, a.low))
    return Interval(p.down.subtract(value.low, change), p.up.add(value.high, change))


def regular(p: Precision, a: Interval) -> None:
    """Raises UnsureError where a pole may lie in an interval."""
    if not a.low.is_finite() or not a.high.is_finite():
        raise UnsureError
    if (
        not a.exact
        and a.low <= 0
        and (a.low.to_integral_value("ROUND_FLOOR") != a.high.to_integral_value("ROUND_FLOOR") or at_pole(a.low))
    ):
        if p.last and at_pole(a.high.to_integral_value()):
            raise NoValueError
        raise UnsureError


def polygamma(p: Precision, n: int, a: Interval) -> Interval:
    p = modest(p)
    regular(p, a)
    low = polygamma_point(p, n, a.low)
    if a.exact:
        return low
    if a.low > 0 or n % 2 == 0:  # monotone between two poles
        high = polygamma_point(p, n, a.high)
        return Interval(min(low.low, high.low), max(low.high, high.high))
    return wide(p, a, low, [polygamma_point(p, n + 1, v) for v in a])


def log_gamma(p: Precision, a: Interval) -> Interval:
    p = modest(p)
    regular(p, a)
    low = log_gamma_point(p, a.low)
    if a.exact:
        return low
    return wide(p, a, low, [polygamma_point(p, 0, v) for v in a])


def gamma(p: Precision, a: Interval) -> Interval:
    p = modest(p)
    regular(p, a)
    low = gamma_point(p, a.low)
    if a.exact:
        return low
    return wide(p, a, low, [multiply(p, gamma_point(p, v), polygamma_point(p, 0, v)) for v in a])
