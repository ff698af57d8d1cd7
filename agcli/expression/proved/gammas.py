"""The gamma family and the error functions of a proof."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial

from flint import arb, fmpq, fmpz

from agcli.expression.enclosures.interval import NoValueError
from agcli.expression.proved.elementary import smooth
from agcli.expression.proved.numbers import (
    ONE,
    ZERO,
    BeyondError,
    Number,
    UndecidedError,
    ball,
    is_exact,
    is_whole,
    large,
    subtract,
)
from agcli.expression.proved.site import Rule, Site, bounded, within

LARGEST_FACTORIAL = 5_000  # that is written out
MAX_ORDER = 1_000  # of polygamma
SIZE = 240  # bits of an argument before the point


def not_a_pole(a: Number) -> None:
    """Refuse 0 and the negative whole numbers."""
    if is_whole(a) and isinstance(a, fmpq) and a <= 0:
        raise NoValueError


def sure(value: arb) -> arb:
    """What is finite; balls around a pole are not."""
    if not value.is_finite():
        raise UndecidedError("{0} is a pole")
    return value


def gamma(a: Number) -> Number:
    not_a_pole(a)
    if is_whole(a) and isinstance(a, fmpq) and a <= LARGEST_FACTORIAL:
        return fmpq(fmpz.fac_ui(a.p - 1))
    return sure(bounded(a, SIZE).gamma())


def log_gamma(a: Number) -> Number:
    """log|gamma(x)|; below 0 by the reflection pi/(sin(pi x) gamma(1 - x)) (DLMF 5.5.3)."""
    not_a_pole(a)
    if is_exact(a) and a in (ONE, fmpq(2)):
        return ZERO
    value = bounded(a, SIZE)
    if value > 0:
        return value.lgamma()
    return sure((arb.pi() / abs(sine(a))).log() - ball(subtract(ONE, a)).lgamma())


def sine(a: Number) -> arb:
    return arb.sin_pi_fmpq(a) if isinstance(a, fmpq) else ball(a).sin_pi()


def digamma(a: Number) -> Number:
    not_a_pole(a)
    return sure(bounded(a, SIZE).digamma())


def polygamma(s: Site, a: Number) -> Number:
    """(-1)^(n+1) n! zeta(n+1, x), for n >= 1 (DLMF 5.15.1)."""
    n: int = s.op.n
    if n == 0:
        return digamma(a)
    not_a_pole(a)
    if n > MAX_ORDER:
        raise BeyondError(f"its order is above {MAX_ORDER:,}")
    return hurwitz(n + 1, a) * (factorial(n) if n % 2 else -factorial(n))


def hurwitz(s: int, a: Number) -> arb:
    """zeta(s, x) for a whole s above 1; below 0 by the fraction r of x, as the sum of 1/(r - k)^s on the way is
    (-1)^s (zeta(s, 1 - r) - zeta(s, 1 - x)) (DLMF 25.11.4)."""
    value, power = bounded(a, SIZE), arb(s)
    if not value < 0:
        return sure(power.zeta(value))
    floor = value.floor().unique_fmpz()
    if floor is None:
        raise UndecidedError("{0} is a pole")
    r = value - floor
    return sure(power.zeta(r) + (-1) ** s * (power.zeta(1 - r) - power.zeta(1 - value)))


def erf(a: Number) -> Number:
    return ZERO if is_exact(a) and not a else bounded(a, SIZE).erf()


def erfc(a: Number) -> Number:
    """1 - erf(x); what is below all numbers that are looked at is between 0 and the first of them."""
    if is_exact(a) and not a:
        return ONE
    value = ball(a)
    if large(value, SIZE // 2) and value > 0:
        return arb(0).union((-(arb(2) ** SIZE)).exp())
    return bounded(a, SIZE).erfc()


def inverse(function: Callable[[arb], arb], low: int, high: int, middle: int) -> Rule:
    """The inverse of an error function, which is 0 in the middle of its domain."""

    def rule(s: Site, a: Number) -> Number:
        within(s, a, low, high, ends=False)
        return ZERO if is_exact(a) and a == middle else sure(function(ball(a)))

    return rule


GAMMAS: dict[str, Rule] = {
    "gamma": smooth(gamma),
    "lgamma": smooth(log_gamma),
    "digamma": smooth(digamma),
    "polygamma": polygamma,
    "erf": smooth(erf),
    "erfc": smooth(erfc),
    "erfinv": inverse(arb.erfinv, -1, 1, 0),
    "erfcinv": inverse(arb.erfcinv, 0, 2, 1),
}
