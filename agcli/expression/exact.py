"""Arithmetic of exact numbers, within bounds: whatever would grow too large is left to floats."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import factorial

MAX_BITS = 1000  # of a numerator or denominator; floats end at 1,024
LARGEST_FACTORIAL = 170  # of floats

Exact = int | Fraction


def power(base: Exact, exponent: Exact) -> Exact | None:
    if exponent.denominator != 1 or (base == 0 and exponent < 0):
        return None
    n = int(exponent)
    if bits(base) * abs(n) > MAX_BITS and abs(base) != 1:
        return None
    return Fraction(base) ** n


def quotient(a: Exact, b: Exact) -> Exact | None:
    return Fraction(a) / b if b else None


def factorial_of(n: Exact) -> Exact | None:
    return factorial(int(n)) if n.denominator == 1 and 0 <= n <= LARGEST_FACTORIAL else None


RULES: dict[str, Callable[..., Exact | None]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": quotient,
    "power": power,
    "negative": lambda a: -a,
    "abs": abs,
    "factorial": factorial_of,
}


def compute(function: str, args: tuple[object, ...]) -> Exact | None:
    """The exact value of a function of exact numbers; None if it has none, or too large a one."""
    rule = RULES.get(function)
    numbers = [a for a in args if isinstance(a, int | Fraction) and not isinstance(a, bool)]
    if rule is None or len(numbers) < len(args):
        return None
    value = rule(*numbers)
    if value is None or bits(value) > MAX_BITS:
        return None
    return value.numerator if value.denominator == 1 else value


def bits(value: Exact) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())
