"""Numbers of a proof: rational ones and rational multiples of pi exactly, all others as balls."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple, TypeAlias

from flint import arb, fmpq, fmpz

MAX_EXACT = 100_000  # bits of a rational number that is kept as it is
MAX_SIZE = 256  # bits of the exponent of two of a number


class PiTimes(NamedTuple):
    """A rational number, not 0, times pi."""

    factor: fmpq


Number: TypeAlias = fmpq | PiTimes | arb

ZERO, ONE, HALF = fmpq(0), fmpq(1), fmpq(1, 2)


class UndecidedError(Exception):
    """What more bits may tell; `{0}` and `{1}` in the question are the operands."""

    def __init__(self, question: str) -> None:
        super().__init__(question)
        self.question = question


class BeyondError(Exception):
    """A number that is too large for a proof, as `reason` says."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def rational(value: Fraction | int | float) -> fmpq:
    """A number of Python as it is."""
    exact = Fraction(value)
    return fmpq(exact.numerator, exact.denominator)


def ball(value: Number) -> arb:
    """A number as a ball at the working precision."""
    if isinstance(value, PiTimes):
        return arb.pi() * value.factor
    return value if isinstance(value, arb) else arb(value)


def is_exact(value: Number) -> bool:
    """Whether it is a rational number that is known exactly."""
    return isinstance(value, fmpq)


def is_whole(value: Number) -> bool:
    return isinstance(value, fmpq) and value.q == 1


def bits(value: fmpq) -> int:
    return int(value.height_bits())


def kept(value: fmpq) -> Number:
    """The rational number, or a ball of one that has too many bits."""
    return value if bits(value) <= MAX_EXACT else arb(value)


def times_pi(factor: fmpq) -> Number:
    return PiTimes(factor) if factor else ZERO


def sign(value: Number) -> int | None:
    """The sign; None where the ball does not tell."""
    if isinstance(value, arb):
        return 1 if value > 0 else -1 if value < 0 else 0 if value.is_zero() else None
    q = value.factor if isinstance(value, PiTimes) else value
    return 1 if q > 0 else -1 if q < 0 else 0


def large(value: arb, size: int = MAX_SIZE) -> bool:
    """Whether a number surely has more than `size` bits before the point."""
    return bool(abs(value) > arb(fmpz(1) << size))


def add(a: Number, b: Number) -> Number:
    if isinstance(a, fmpq) and isinstance(b, fmpq):
        return kept(a + b)
    if isinstance(a, PiTimes) and isinstance(b, PiTimes):
        return times_pi(a.factor + b.factor)
    if is_exact(a) and not a:
        return b
    return a if is_exact(b) and not b else ball(a) + ball(b)


def negative(a: Number) -> Number:
    return PiTimes(-a.factor) if isinstance(a, PiTimes) else -a


def subtract(a: Number, b: Number) -> Number:
    return add(a, negative(b))


def multiply(a: Number, b: Number) -> Number:
    for x, y in ((a, b), (b, a)):
        if isinstance(x, fmpq):
            if not x:
                return ZERO
            if isinstance(y, fmpq):
                return kept(x * y)
            if isinstance(y, PiTimes):
                return PiTimes(x * y.factor)
    return ball(a) * ball(b)


def divide(a: Number, b: Number) -> Number:
    """A quotient by a number that is not 0."""
    if isinstance(a, fmpq) and (not a or isinstance(b, fmpq)):
        return kept(a / b) if isinstance(b, fmpq) else ZERO
    if isinstance(b, PiTimes) and isinstance(a, PiTimes):
        return fmpq(a.factor / b.factor)
    if isinstance(a, PiTimes) and isinstance(b, fmpq):
        return PiTimes(a.factor / b)
    return ball(a) / ball(b)


def absolute(a: Number) -> Number:
    """The size of a number; of a ball around 0, one that reaches from 0 on."""
    if isinstance(a, PiTimes):
        return PiTimes(abs(a.factor))
    return fmpq(abs(a)) if isinstance(a, fmpq) else arb(abs(a))


def root_of(value: fmpq, n: int) -> fmpq | None:
    """The n-th root of a positive rational number, if it is rational."""
    parts = []
    for part in (value.p, value.q):
        root = part.root(n)
        if root**n != part:
            return None
        parts.append(root)
    return fmpq(*parts)
