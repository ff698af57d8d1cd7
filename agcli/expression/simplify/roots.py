"""Powers of numbers: exact, and with the smallest numbers under the root."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache

from agcli.expression.simplify.nodes import Expr, Factor, Number, exact, make_mul


def is_power(base: Number) -> bool:
    return base in POWERS


# Small powers as base and exponent, so that 4^x and 2^x meet: 4^x is 2^(2*x).
POWERS = {n**k: (n, k) for n in (2, 3, 5, 6, 7, 10) for k in range(2, 10) if n**k <= 1000}


@cache
def small_primes() -> tuple[int, ...]:
    """Enough to take roots of the numbers that people write."""
    return tuple(n for n in range(2, 100) if all(n % d for d in range(2, n)))


def root(n: int, exponent: Fraction) -> Expr:
    """``n^exponent`` with whole parts of the exponents outside: 12^(1/2) = 2*3^(1/2)."""
    outside: Number = 1
    inside: dict[Number, int] = {}
    rest = n
    for p in small_primes():
        k = 0
        while rest % p == 0:
            rest //= p
            k += 1
        if k:
            whole, part = divmod(exponent * k, 1)
            outside *= Fraction(p) ** int(whole)
            if part:
                inside[part] = inside.get(part, 1) * p
    if rest != 1:
        whole, part = divmod(exponent, 1)
        outside *= Fraction(rest) ** int(whole)
        inside[part] = inside.get(part, 1) * rest
    return make_mul(exact(outside), tuple((b, e) for e, b in inside.items())) if inside else exact(outside)


def joined_roots(factors: Sequence[Factor]) -> list[Expr]:
    """The roots of numbers among ``factors`` with one root for each degree; empty if they are so already."""
    joined: dict[Number, int] = {}
    count = 0
    for n, e in factors:
        if type(n) is int and type(e) is Fraction:
            joined[e] = joined.get(e, 1) * n
            count += 1
    return [] if len(joined) == count else [root(n, e) for e, n in joined.items()]  # type: ignore[arg-type]
