"""Exponentials, logarithms and powers of intervals.

A function of one decimal is computed to some digits more than it needs; a monotone function of an interval lies between
those of its ends. Series are summed until a term is too small to matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Context, Decimal
from functools import lru_cache

from agcli.expression.enclosures.interval import (
    GUARD,
    INFINITY,
    NULL,
    ONE,
    TENTH,
    TWO,
    UNIT,
    ZERO,
    Interval,
    NoValueError,
    Precision,
    add,
    context,
    divide,
    hull,
    multiply,
    negative,
)

Function = Callable[[Precision, Interval], Interval]


def increasing(point: Callable[[Precision, Decimal], Interval]) -> Function:
    """An increasing function of an interval, from its values at a point."""

    def function(p: Precision, a: Interval) -> Interval:
        low = point(p, a.low)
        return low if a.low == a.high else Interval(low.low, point(p, a.high).high)

    return function


def series(c: Context, first: Decimal, rest: Iterator[Decimal]) -> Decimal:
    """The sum of terms of which each is much smaller than the first, in the end."""
    total = first
    for term in rest:
        new = c.add(total, term)
        if new == total:
            return total
        total = new
    return total


def powers(c: Context, first: Decimal, ratio: Decimal, step: Callable[[int], int]) -> Iterator[Decimal]:
    """first * ratio^k / (step(1) * ... * step(k)) for k = 1, 2, ..."""
    term, k = first, 0
    while True:
        k += 1
        term = c.divide(c.multiply(term, ratio), Decimal(step(k)))
        yield term


def odd_powers(c: Context, first: Decimal, ratio: Decimal) -> Iterator[Decimal]:
    """first * ratio^k / (2 k + 1) for k = 1, 2, ...: the series of inverse tangents"""
    power, k = first, 1
    while True:
        power, k = c.multiply(power, ratio), k + 2
        yield c.divide(power, Decimal(k))


@lru_cache(maxsize=64)
def pi_digits(digits: int) -> Decimal:
    """Machin: pi/4 = 4 arctan(1/5) - arctan(1/239), in whole numbers."""
    unit = 10 ** (digits + GUARD)

    def inverse_tangent(n: int) -> int:
        term: int = unit // n
        total = term
        k, sign = 1, -1
        while term:
            term //= n * n
            total += sign * (term // (2 * k + 1))
            k, sign = k + 1, -sign
        return total

    value = 4 * (4 * inverse_tangent(5) - inverse_tangent(239))
    return Decimal(value).scaleb(-(digits + GUARD), context(digits + 2 * GUARD, "ROUND_HALF_EVEN"))


def pi(p: Precision) -> Interval:
    return p.around(pi_digits(p.digits + GUARD))


def e(p: Precision) -> Interval:
    return exp(p, UNIT)


# Exponentials and logarithms
def exp_point(p: Precision, x: Decimal) -> Interval:
    if x == 0:
        return UNIT
    y = p.near.exp(x)
    if y == 0:
        return Interval(ZERO, ONE.scaleb(p.near.Emin, p.near))
    return Interval(ONE.scaleb(p.near.Emax, p.near), INFINITY) if y == INFINITY else p.around(y)


def log_point(p: Precision, x: Decimal) -> Interval:
    if x <= 0:
        return Interval(-INFINITY, -INFINITY)
    return NULL if x == 1 else Interval(x, x) if x == INFINITY else p.around(p.near.ln(x))


exp = increasing(exp_point)
raw_log = increasing(log_point)


def log(p: Precision, a: Interval) -> Interval:
    if p.sign(a) <= 0:
        raise NoValueError
    return raw_log(p, a)


def expm1_point(p: Precision, x: Decimal) -> Interval:
    if x.copy_abs() < TENTH:
        if x == 0:
            return NULL
        return p.around(series(p.near, x, powers(p.near, x, x, lambda k: k + 1)))
    y = exp_point(p, x)
    return Interval(max(p.down.subtract(y.low, ONE), -ONE), p.up.subtract(y.high, ONE))


def log1p_value(c: Context, x: Decimal) -> Decimal:
    """log(1 + x) = 2 artanh(x / (2 + x))"""
    if x.copy_abs() > TENTH:
        return c.ln(c.add(ONE, x))
    t = c.divide(x, c.add(TWO, x))
    return c.multiply(TWO, series(c, t, odd_powers(c, t, c.multiply(t, t)))) if x else ZERO


def log1p_point(p: Precision, x: Decimal) -> Interval:
    return p.around(log1p_value(p.near, x)) if x > -1 else Interval(-INFINITY, -INFINITY)


expm1 = increasing(expm1_point)


def log1p(p: Precision, a: Interval) -> Interval:
    if p.sign(add(p, a, UNIT)) <= 0:
        raise NoValueError
    return increasing(log1p_point)(p, a)


def log_to(p: Precision, a: Interval, base: int) -> Interval:
    """Logarithm to a base, exact for its powers."""
    if a.exact and a.low > 0:
        y = divide(p, log(p, a), log(p, p.number(base)))
        n = int(y.low.to_integral_value()) if y.low.copy_abs() < 10_000 else 0
        if base == 10 and a.low.scaleb(-a.low.adjusted(), p.near) == 1:
            return p.number(a.low.adjusted())
        if base == 2 and abs(n) < 1100 and a.low == p.more(1200).power(TWO, n):
            return p.number(n)
        return y
    return divide(p, log(p, a), log(p, p.number(base)))


# Powers
def whole_power(p: Precision, a: Interval, n: int) -> Interval:
    """a^n for a whole number; exact where the digits suffice."""
    if n < 0:
        return divide(p, UNIT, whole_power(p, a, -n))
    if n % 2 == 0 and a.low < 0:
        if a.high <= 0:
            return whole_power(p, negative(p, a), n)
        return Interval(ZERO, whole_power(p, Interval(ZERO, max(a.low.copy_negate(), a.high)), n).high)
    if a.low < 0:
        low = negative(p, whole_power(p, Interval(a.low.copy_negate(), a.low.copy_negate()), n)).low
        high = whole_power(p, Interval(a.high, a.high), n).high if a.high >= 0 else None
        return Interval(low, negative(p, whole_power(p, negative(p, a), n)).high if high is None else high)
    if n > 1_000_000:
        large = exp(p, multiply(p, p.number(n), raw_log(p, a)))
        return hull(NULL, large) if a.low == 0 else large
    result, factor = UNIT, a
    while n:
        if n & 1:
            result = Interval(p.down.multiply(result.low, factor.low), p.up.multiply(result.high, factor.high))
        n >>= 1
        if n:
            factor = Interval(p.down.multiply(factor.low, factor.low), p.up.multiply(factor.high, factor.high))
    return result
