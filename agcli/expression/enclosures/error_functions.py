"""Error functions of intervals: Maclaurin's series and the asymptotic one (DLMF 7.6.2, 7.12.1)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Context, Decimal

from agcli.expression.enclosures.elementary import (
    exp_point,
    increasing,
    pi_digits,
    series,
)
from agcli.expression.enclosures.gammas import modest
from agcli.expression.enclosures.interval import (
    GUARD,
    INFINITY,
    NULL,
    ONE,
    TWO,
    UNIT,
    ZERO,
    Interval,
    NoValueError,
    Precision,
    UnsureError,
    add,
    multiply,
    negative,
    subtract,
)


def erfc_tail(p: Precision, x: Decimal) -> Interval | None:
    """exp(-x^2) / (x sqrt(pi)) * (1 - 1/(2 x^2) + 3/(4 x^4) - ...) for large x; None where it does not converge."""
    c = p.more(len(x.as_tuple().digits) * 2)
    square = c.multiply(x, x)
    term = total = ONE
    limit = ONE.scaleb(-p.digits - 5, c)
    k = 0
    while term.copy_abs() > limit:
        k += 1
        new = c.divide(c.multiply(term, Decimal(1 - 2 * k)), c.multiply(TWO, square))
        if new.copy_abs() >= term.copy_abs():
            return None
        term = new
        total = c.add(total, term)
    size = exp_point(p, p.more(len(x.as_tuple().digits) * 2 + 40).multiply(x, x).copy_negate())
    root = c.multiply(x, c.sqrt(pi_digits(c.prec)))
    return multiply(p, size, p.around(c.divide(total, root)))


def erf_series(c: Context, x: Decimal) -> Decimal:
    """2/sqrt(pi) exp(-x^2) (x + 2 x^3/3 + 4 x^5/15 + ...), whose terms have one sign."""
    if not x:
        return ZERO
    square = c.multiply(x, x)

    def terms() -> Iterator[Decimal]:
        term, k = x, 1
        while True:
            k += 2
            term = c.divide(c.multiply(term, c.multiply(TWO, square)), Decimal(k))
            yield term

    factor = c.divide(c.multiply(TWO, c.exp(square.copy_negate())), c.sqrt(pi_digits(c.prec)))
    return c.multiply(factor, series(c, x, terms()))


def erfc_point(p: Precision, x: Decimal) -> Interval:
    if x == INFINITY:
        return NULL
    if x <= 0:
        return add(p, UNIT, erf_point(p, x.copy_negate()))
    if x > 5:
        tail = erfc_tail(p, x)
        if tail is not None:
            return tail
    lost = int(x * x / TWO) + 2  # digits that 1 - erf(x) loses
    c = p.more(lost)
    return p.around(c.subtract(ONE, erf_series(c, x)))


def erf_point(p: Precision, x: Decimal) -> Interval:
    if x < 0:
        return negative(p, erf_point(p, x.copy_negate()))
    if x > 5:
        return subtract(p, UNIT, erfc_point(p, x))
    return p.around(erf_series(p.near, x))


def erf(p: Precision, a: Interval) -> Interval:
    p = modest(p)
    return increasing(erf_point)(p, a)


def erfc(p: Precision, a: Interval) -> Interval:
    p = modest(p)
    low = erfc_point(p, a.low)
    return low if a.exact else Interval(erfc_point(p, a.high).low, low.high)


def erfinv_point(p: Precision, y: Decimal) -> Interval:
    """Newton's method on log(erfc) beyond 1/2, and the change of sign beside its result."""
    if y < 0:
        return negative(p, erfinv_point(p, y.copy_negate()))
    if y == 0:
        return NULL
    c = p.more(len(y.as_tuple().digits))
    rest = c.subtract(ONE, y)
    if rest < Decimal("0.5"):
        log_rest = c.ln(rest)
        x = c.sqrt(c.subtract(c.copy_abs(log_rest), c.ln(c.add(ONE, c.sqrt(c.copy_abs(log_rest))))))
    else:
        x = c.multiply(y, Decimal("0.8862"))
    root = c.sqrt(pi_digits(c.prec))
    for _ in range(200):
        if rest < Decimal("0.5"):
            tail = erfc_point(Precision(p.digits + 2 * GUARD), x)
            value = c.divide(c.add(tail.low, tail.high), TWO)
            change = c.multiply(c.subtract(c.ln(value), log_rest), value)
        else:
            change = c.subtract(y, erf_series(c, x))
        step = c.multiply(change, c.divide(c.multiply(root, c.exp(c.multiply(x, x))), TWO))
        x = c.add(x, step)
        if step.copy_abs() < c.multiply(x, ONE.scaleb(-p.digits - 2, c)):
            return p.within(x, p.up.multiply(x, p.unit.scaleb(2, c)))
    raise UnsureError


def erfinv(p: Precision, a: Interval) -> Interval:
    p = modest(p)
    if p.sign(subtract(p, UNIT, a)) <= 0 or p.sign(add(p, UNIT, a)) <= 0:
        raise NoValueError
    return increasing(erfinv_point)(p, a)
