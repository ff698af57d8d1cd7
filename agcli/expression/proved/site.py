"""One use of an op in a proof: what may be asked of its operands, and what they show of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from flint import arb, fmpq, fmpz

from agcli.expression.enclosures.interval import NoValueError
from agcli.expression.proved.numbers import (
    MAX_SIZE,
    BeyondError,
    Number,
    UndecidedError,
    ball,
    is_whole,
    large,
    rational,
    sign,
    subtract,
)

Rule: TypeAlias = "Callable[..., Number]"
IS_ZERO, IS_EQUAL, IS_WHOLE = "{0} is 0", "{0} is {1}", "{0} is a whole number"
OF_SIGN = {1: "{0} is positive", -1: "{0} is negative"}


class Site:
    """The op, and which variables each input depends on, as bits. `singular` collects the variables along which the
    formula is not smooth here."""

    def __init__(self, moving: tuple[int, ...], op: Any) -> None:
        self.moving = moving
        self.op = op
        self.singular = 0

    def touch(self, *inputs: int) -> None:
        for i in inputs or range(len(self.moving)):
            self.singular |= self.moving[i]

    def sign(self, value: Number, question: str = IS_ZERO, smooth: bool = False) -> int:
        """The sign of a number; where it is 0 the formula is singular, unless it is `smooth` there."""
        found = sign(value)
        if found is None:
            raise UndecidedError(question)
        if found == 0 and not smooth:
            self.touch()
        return found

    def compared(self, a: Number, b: Number) -> int:
        return self.sign(subtract(a, b), IS_EQUAL)

    def beside(self, value: Number, end: int) -> int:
        """On which side of a whole number a value is, at which a domain ends."""
        return self.sign(subtract(value, rational(end)), f"{{0}} is {end}")


def nonzero(value: Number, question: str = IS_ZERO) -> Number:
    """A number that must not be 0."""
    found = sign(value)
    if found is None:
        raise UndecidedError(question)
    if found == 0:
        raise NoValueError
    return value


def positive(value: Number) -> Number:
    """A number that must be above 0."""
    found = sign(value)
    if found is None:
        raise UndecidedError(OF_SIGN[1])
    if found <= 0:
        raise NoValueError
    return value


def within(s: Site, value: Number, low: int | None, high: int | None = None, ends: bool = True) -> None:
    """The domain of a function; its ends belong to it or have no value."""
    for end, side in ((low, 1), (high, -1)):
        if end is not None:
            found = s.beside(value, end) * side
            if found < 0 or (found == 0 and not ends):
                raise NoValueError


def bounded(value: Number, size: int = MAX_SIZE, reason: str = "") -> arb:
    """A ball of a number that is not so large that a function of it is beyond bounds."""
    found = ball(value)
    if large(found, size):
        raise BeyondError(reason or f"{{0}} has more than {size:,} bits before the point")
    if not found.is_finite() or large_radius(found, size):
        raise UndecidedError("{0} is small enough for a proof")
    return found


def large_radius(value: arb, size: int) -> bool:
    """Whether a ball may hold numbers that are too large."""
    return not abs(value) < arb(fmpz(1) << size + 1)


def floor_of(s: Site, value: Number, question: str = IS_WHOLE, step: bool = True) -> fmpq:
    """The whole number at or below a number; at whole ones there is a step."""
    if isinstance(value, fmpq):
        if step and is_whole(value):
            s.touch()
        return fmpq(value.floor())
    found = bounded(value, 100_000).floor().unique_fmpz()
    if found is None:
        raise UndecidedError(question)
    return fmpq(found)
