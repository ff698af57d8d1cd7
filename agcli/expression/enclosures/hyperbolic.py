"""Hyperbolic functions of intervals, their inverses, and sigmoids."""

from __future__ import annotations

from decimal import Decimal

from agcli.expression.enclosures.elementary import (
    exp,
    exp_point,
    expm1_point,
    increasing,
    log1p_value,
    powers,
    series,
)
from agcli.expression.enclosures.interval import (
    HALF,
    INFINITY,
    NULL,
    ONE,
    TWO,
    UNIT,
    Interval,
    NoValueError,
    Precision,
    absolute,
    add,
    context,
    divide,
    negative,
    subtract,
)


def sinh_point(p: Precision, x: Decimal) -> Interval:
    if x.copy_abs() < ONE:
        terms = powers(p.near, x, p.near.multiply(x, x), lambda k: 2 * k * (2 * k + 1))
        return p.around(series(p.near, x, terms)) if x else NULL
    y = exp_point(p, x)
    z = divide(p, UNIT, y) if y.low > 0 else Interval(ONE, INFINITY)
    return Interval(*(c.divide(v, TWO) for c, v in zip((p.down, p.up), subtract(p, y, z), strict=True)))


sinh = increasing(sinh_point)


def cosh(p: Precision, a: Interval) -> Interval:
    size = absolute(p, a)
    if size == NULL:
        return UNIT
    y = exp(p, size)
    low, high = (divide(p, UNIT, Interval(v, v)) if v < INFINITY else NULL for v in y)
    return Interval(p.down.divide(p.down.add(y.low, low.low), TWO), p.up.divide(p.up.add(y.high, high.high), TWO))


def tanh_point(p: Precision, x: Decimal) -> Interval:
    if x == 0:
        return NULL
    y = expm1_point(p, p.near.multiply(TWO, x.copy_abs()))
    if y.high == INFINITY:
        value = Interval(p.down.subtract(ONE, p.unit), ONE)
    else:
        value = divide(p, y, add(p, y, Interval(TWO, TWO)))
    value = Interval(value.low, min(value.high, ONE))
    return value if x > 0 else negative(p, value)


tanh = increasing(tanh_point)


def arcsinh_point(p: Precision, x: Decimal) -> Interval:
    c = p.near
    size = x.copy_abs()
    s = c.multiply(size, size)
    inner = c.add(size, c.divide(s, c.add(ONE, c.sqrt(c.add(ONE, s)))))
    return p.around(log1p_value(c, inner).copy_sign(x)) if x else NULL


arcsinh = increasing(arcsinh_point)


def arccosh_point(p: Precision, x: Decimal) -> Interval:
    if x <= 1:
        return NULL
    c = p.near
    d = context(max(c.prec, len(x.as_tuple().digits) + 5), "ROUND_HALF_EVEN").subtract(x, ONE)
    return p.around(log1p_value(c, c.add(d, c.sqrt(c.multiply(d, c.add(x, ONE))))))


def arccosh(p: Precision, a: Interval) -> Interval:
    if p.sign(subtract(p, a, UNIT)) < 0:
        raise NoValueError
    return increasing(arccosh_point)(p, a)


def arctanh(p: Precision, a: Interval) -> Interval:
    """log(1 + 2x / (1 - x)) / 2"""
    if p.sign(subtract(p, UNIT, a)) <= 0 or p.sign(add(p, UNIT, a)) <= 0:
        raise NoValueError

    def point(p: Precision, x: Decimal) -> Interval:
        c = p.near
        d = context(max(c.prec, len(x.as_tuple().digits) + 5), "ROUND_HALF_EVEN")
        top, bottom = (x, d.subtract(ONE, x)) if x >= 0 else (x.copy_negate(), d.add(ONE, x))
        y = p.around(c.multiply(HALF, log1p_value(c, c.divide(c.multiply(TWO, top), bottom))))
        return y if x >= 0 else negative(p, y)

    return increasing(point)(p, a)


def sigmoid(p: Precision, a: Interval) -> Interval:
    """1 / (1 + exp(-x)), at each end by itself."""
    return increasing(lambda p, x: divide(p, UNIT, add(p, UNIT, exp_point(p, x.copy_negate()))))(p, a)


def softplus(p: Precision, a: Interval) -> Interval:
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-abs(x)))"""

    def point(p: Precision, x: Decimal) -> Interval:
        tail = exp_point(p, x.copy_abs().copy_negate())
        low, high = (p.around(log1p_value(p.near, v)) for v in tail)
        rest = Interval(low.low, high.high)
        return add(p, Interval(x, x), rest) if x > 0 else rest

    return increasing(point)(p, a)


def logaddexp(p: Precision, a: Interval, b: Interval) -> Interval:
    if subtract(p, b, a).high < 0:
        a, b = b, a
    return add(p, b, softplus(p, subtract(p, a, b)))
