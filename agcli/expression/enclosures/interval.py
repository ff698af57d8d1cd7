"""Intervals of decimals, their arithmetic, and what may go wrong in it."""

from __future__ import annotations

from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, ROUND_FLOOR, Context, Decimal, InvalidOperation
from fractions import Fraction
from typing import NamedTuple

ZERO, ONE, TWO = Decimal(0), Decimal(1), Decimal(2)
HALF, TENTH = Decimal("0.5"), Decimal("0.1")
INFINITY = Decimal("Infinity")
GUARD = 12  # digits beyond those of a precision, for sums of series


class Interval(NamedTuple):
    """All numbers from `low` to `high`; a number that is known exactly where the two are equal."""

    low: Decimal
    high: Decimal

    @property
    def exact(self) -> bool:
        return self.low == self.high


NULL, UNIT, ANYTHING = Interval(ZERO, ZERO), Interval(ONE, ONE), Interval(-INFINITY, INFINITY)


class UnsureError(Exception):
    """The digits at hand do not decide: the sign of a number, or which whole number lies below it."""


class NoValueError(Exception):
    """An op has no value where it was asked for one."""


def context(digits: int, rounding: str) -> Context:
    return Context(digits, rounding, MIN_EMIN, MAX_EMAX, traps=[InvalidOperation])


class Precision:
    """Contexts of so many digits. Where `last` is set, no more digits will come: a number that cannot be told from 0
    is taken for 0."""

    def __init__(self, digits: int, last: bool = False) -> None:
        self.digits = digits
        self.down, self.up = context(digits, ROUND_FLOOR), context(digits, ROUND_CEILING)
        self.near = context(digits + GUARD, "ROUND_HALF_EVEN")
        self.unit = Decimal((0, (1,), -digits))
        self.tiny = Decimal((0, (1,), -(digits // 2)))
        self.last = last

    def more(self, digits: int) -> Context:
        """A context for steps on the way, with more digits."""
        return context(self.digits + GUARD + digits, "ROUND_HALF_EVEN")

    def sign(self, a: Interval) -> int:
        """-1, 0 or 1. Raises UnsureError."""
        if a.low > 0:
            return 1
        if a.high < 0:
            return -1
        if a.low == a.high or (self.last and self.up.subtract(a.high, a.low) < self.tiny):
            return 0
        raise UnsureError

    def around(self, value: Decimal) -> Interval:
        """Where a number lies that was computed to more digits than this precision has."""
        margin = self.up.multiply(value.copy_abs(), self.unit)
        return Interval(self.down.subtract(value, margin), self.up.add(value, margin))

    def within(self, value: Decimal, error: Decimal) -> Interval:
        return Interval(self.down.subtract(value, error), self.up.add(value, error))

    def number(self, value: int | float | Fraction) -> Interval:
        """An exact number; a fraction between its nearest decimals."""
        if isinstance(value, Fraction):
            top, bottom = Decimal(value.numerator), Decimal(value.denominator)
            return Interval(self.down.divide(top, bottom), self.up.divide(top, bottom))
        number = Decimal(value)
        return Interval(number, number)


def hull(a: Interval, b: Interval) -> Interval:
    return Interval(min(a.low, b.low), max(a.high, b.high))


def negative(p: Precision, a: Interval) -> Interval:
    return Interval(a.high.copy_negate(), a.low.copy_negate())


def add(p: Precision, a: Interval, b: Interval) -> Interval:
    return Interval(p.down.add(a.low, b.low), p.up.add(a.high, b.high))


def subtract(p: Precision, a: Interval, b: Interval) -> Interval:
    return Interval(p.down.subtract(a.low, b.high), p.up.subtract(a.high, b.low))


def multiply(p: Precision, a: Interval, b: Interval) -> Interval:
    if NULL in (a, b):
        return NULL
    if a.low >= 0 and b.low >= 0:
        pairs = ((a.low, b.low), (a.high, b.high))
        return Interval(p.down.multiply(*pairs[0]), p.up.multiply(*pairs[1]))
    corners = [(x, y) for x in a for y in b]
    return Interval(min(p.down.multiply(*c) for c in corners), max(p.up.multiply(*c) for c in corners))


def divide(p: Precision, a: Interval, b: Interval) -> Interval:
    if p.sign(b) == 0:
        raise NoValueError
    if a == NULL:
        return NULL
    corners = [(x, y) for x in a for y in b]
    return Interval(min(p.down.divide(*c) for c in corners), max(p.up.divide(*c) for c in corners))


def square(p: Precision, a: Interval) -> Interval:
    b = absolute(p, a)
    return Interval(p.down.multiply(b.low, b.low), p.up.multiply(b.high, b.high))


def absolute(p: Precision, a: Interval) -> Interval:
    if a.low >= 0:
        return a
    if a.high <= 0:
        return negative(p, a)
    return Interval(ZERO, max(a.low.copy_negate(), a.high))


def maximum(p: Precision, a: Interval, b: Interval) -> Interval:
    return Interval(max(a.low, b.low), max(a.high, b.high))


def minimum(p: Precision, a: Interval, b: Interval) -> Interval:
    return Interval(min(a.low, b.low), min(a.high, b.high))


def sqrt(p: Precision, a: Interval) -> Interval:
    if p.sign(a) < 0:
        raise NoValueError
    low, high = max(a.low, ZERO), max(a.high, ZERO)
    below = root(p, low)
    return Interval(below.low, below.high if low == high else root(p, high).high)


def root(p: Precision, a: Decimal) -> Interval:
    """The square root of a number; exact for squares."""
    y = p.near.sqrt(a)
    exact = p.more(p.digits + 2 * GUARD).multiply(y, y) == a
    return Interval(y, y) if exact else p.around(y)
