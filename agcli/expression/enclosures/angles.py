"""Trigonometric functions of intervals, their inverses, and the cardinal sine."""

from __future__ import annotations

import math
from decimal import Context, Decimal
from fractions import Fraction

from agcli.expression.enclosures.elementary import (
    Function,
    increasing,
    odd_powers,
    pi,
    pi_digits,
    powers,
    series,
)
from agcli.expression.enclosures.gammas import modest
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
    UnsureError,
    absolute,
    add,
    context,
    divide,
    multiply,
    negative,
    subtract,
)

MAX_REDUCED = 3_000  # digits of an angle before its point


def reduced(p: Precision, x: Decimal) -> tuple[int, Decimal, Decimal]:
    """x = k pi/2 + r with abs(r) <= pi/4, and how far r may be off: 0 where nothing was subtracted."""
    if x.copy_abs() < Decimal("0.78"):
        return 0, x, ZERO
    if not x.is_finite() or x.adjusted() > MAX_REDUCED:
        raise UnsureError
    whole = max(0, x.adjusted()) + 2
    c = p.more(whole)
    quarter = c.divide(pi_digits(p.digits + 2 * GUARD + whole), TWO)
    k = c.divide(x, quarter).to_integral_value()
    return int(k) % 4, c.subtract(x, c.multiply(k, quarter)), p.unit * TENTH


def sin_series(c: Context, x: Decimal) -> Decimal:
    return series(c, x, powers(c, x, c.multiply(x, x).copy_negate(), lambda k: 2 * k * (2 * k + 1))) if x else ZERO


def cos_series(c: Context, x: Decimal) -> Decimal:
    return series(c, ONE, powers(c, ONE, c.multiply(x, x).copy_negate(), lambda k: 2 * k * (2 * k - 1))) if x else ONE


def wave(quarters: int) -> Function:
    """sin(x + quarters pi/2)"""

    def function(p: Precision, a: Interval) -> Interval:
        radius = ZERO if a.exact else p.up.subtract(a.high, a.low)
        if radius > 1:
            return Interval(-ONE, ONE)
        k, r, error = reduced(p, a.low)
        k = (k + quarters) % 4
        value = cos_series(p.near, r) if k % 2 else sin_series(p.near, r)
        if k > 1:
            value = value.copy_negate()
        if error == 0 and radius == 0 and r == 0:
            return Interval(value, value)
        y = p.around(value)
        slack = p.up.add(radius, error)
        return Interval(max(p.down.subtract(y.low, slack), -ONE), min(p.up.add(y.high, slack), ONE))

    return function


sin, cos = wave(0), wave(1)


def tan(p: Precision, a: Interval) -> Interval:
    return divide(p, sin(p, a), cos(p, a))


def arctan_value(c: Context, x: Decimal) -> Decimal:
    """Halved until the series is fast: arctan(x) = 2 arctan(x / (1 + sqrt(1 + x^2)))."""
    if x < 0:
        return arctan_value(c, x.copy_negate()).copy_negate()
    if x > 1:
        quarter = c.divide(pi_digits(c.prec), TWO)
        return quarter if x == INFINITY else c.subtract(quarter, arctan_value(c, c.divide(ONE, x)))
    halved = 0
    while x > Decimal("0.05"):
        x = c.divide(x, c.add(ONE, c.sqrt(c.add(ONE, c.multiply(x, x)))))
        halved += 1
    terms = odd_powers(c, x, c.multiply(x, x).copy_negate())
    return c.multiply(series(c, x, terms), Decimal(2**halved)) if x else ZERO


def arctan_point(p: Precision, x: Decimal) -> Interval:
    return p.around(arctan_value(p.near, x))


arctan = increasing(arctan_point)


def arcsin_point(p: Precision, x: Decimal) -> Interval:
    c = p.near
    if x.copy_abs() >= 1:
        quarter = c.divide(pi_digits(c.prec), TWO)
        return p.around(quarter.copy_sign(x))
    y = c.sqrt(c.multiply(p.more(p.digits).subtract(ONE, x), p.more(p.digits).add(ONE, x)))
    return p.around(arctan_value(c, c.divide(x, y)))


def arccos_point(p: Precision, x: Decimal) -> Interval:
    """2 arctan(sqrt((1 - x) / (1 + x))), decreasing."""
    c = p.more(max(0, -x.adjusted()) if x else 0)
    if x <= -1:
        return pi(p)
    if x >= 1:
        return NULL
    d = context(max(c.prec, 2 * p.digits, len(x.as_tuple().digits) + 5), "ROUND_HALF_EVEN")
    return p.around(c.multiply(TWO, arctan_value(c, c.sqrt(c.divide(d.subtract(ONE, x), d.add(ONE, x))))))


def within_unit(p: Precision, a: Interval) -> None:
    """Raises NoValueError where a number lies beyond -1 or 1, and UnsureError where that is not known."""
    if p.sign(subtract(p, UNIT, a)) < 0 or p.sign(add(p, UNIT, a)) < 0:
        raise NoValueError


def arcsin(p: Precision, a: Interval) -> Interval:
    within_unit(p, a)
    return increasing(arcsin_point)(p, a)


def arccos(p: Precision, a: Interval) -> Interval:
    within_unit(p, a)
    return Interval(arccos_point(p, a.high).low, arccos_point(p, a.low).high)


def arctan2(p: Precision, a: Interval, b: Interval) -> Interval:
    """The angle of the point (b, a), from -pi to pi; 0 at the origin."""
    above, right = p.sign(a), p.sign(b)
    if right > 0:
        return arctan(p, divide(p, a, b))
    half = Interval(*(p.near.divide(x, TWO) for x in pi(p)))
    if above == 0:
        return NULL if right == 0 else pi(p)
    quarter = half if above > 0 else negative(p, half)
    return subtract(p, quarter, arctan(p, divide(p, b, a)))


# The cardinal sine
def sinc(p: Precision, n: int, a: Interval) -> Interval:
    """The n-th derivative of sin(pi x)/(pi x): its Maclaurin series where pi x is moderate, else the recurrence of
    parts, f_n = (sin(z + n pi/2) - n f_(n-1)) / z with z = pi x."""
    p = modest(p)
    size = absolute(p, a)
    if n == 0 and a.exact and a.low == a.low.to_integral_value():
        return NULL if a.low else UNIT
    if size.high > 30:
        z = multiply(p, a, pi(p))
        f = divide(p, sin(p, z), z)
        for k in range(1, n + 1):
            turned = (sin, cos)[k % 2](p, z)
            turned = negative(p, turned) if k % 4 > 1 else turned
            f = divide(p, subtract(p, turned, multiply(p, p.number(k), f)), z)
        return multiply(p, f, power_of_pi(p, n))
    value = sinc_series(p, n, a.low)
    if a.exact:
        return value
    radius = multiply(p, subtract(p, a, Interval(a.low, a.low)), power_of_pi(p, n + 1))
    return p.within(value.low, p.up.add(radius.high, p.up.subtract(value.high, value.low)))


def power_of_pi(p: Precision, n: int) -> Interval:
    result = UNIT
    for _ in range(n):
        result = multiply(p, result, pi(p))
    return result


def sinc_series(p: Precision, n: int, x: Decimal) -> Interval:
    """sum over 2k >= n of (-1)^k pi^(2k) x^(2k-n) (2k)! / ((2k-n)! (2k+1)!)"""
    c = p.more(int(abs(x) * 2) + 20)
    k = -(-n // 2)
    square = c.multiply(pi_digits(c.prec), pi_digits(c.prec))
    factor = c.multiply(c.power(square, k), Decimal((-1) ** k))
    total, limit = ZERO, ONE.scaleb(-c.prec, c)
    power = x if (2 * k - n) else ONE
    while True:
        weight = Fraction(math.factorial(2 * k), math.factorial(2 * k - n) * math.factorial(2 * k + 1))
        term = c.multiply(c.multiply(factor, power), c.divide(Decimal(weight.numerator), Decimal(weight.denominator)))
        total = c.add(total, term)
        if term.copy_abs() < limit and k > 4 * abs(x):
            break
        k += 1
        factor = c.multiply(factor, square).copy_negate()
        power = c.multiply(power, c.multiply(x, x))
    return p.within(total, p.up.multiply(p.unit, max(total.copy_abs(), ONE)))
