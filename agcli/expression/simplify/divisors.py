"""Exact division and greatest common divisors of polynomials.

A polynomial is a dict from exponents (one for each generator) to rational coefficients. The greatest common divisor is
the heuristic one of Char, Geddes and Gonnet (1989): evaluate at a large integer, take the gcd of the integers, read
the result in that base, and check it by division. Most pairs have none, which their images modulo a prime tell before.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd, isqrt, lcm, prod
from operator import add, sub
from typing import Any, TypeAlias

from agcli.expression.simplify.nodes import ratio, spend

Poly: TypeAlias = "dict[tuple[int, ...], Any]"

MAX_TERMS = 240  # of a quotient
MAX_BITS = 4096  # of the integers of the heuristic gcd
PRIME = 2**31 - 1
POINTS = (1234567891, 987654321, 1092837465, 564738291, 1618033988, 271828182, 314159265, 141421356)  # arbitrary


def whole(poly: Poly) -> Poly:
    """``poly`` times a number, with integer coefficients without a common divisor and a positive first one."""
    bottom = lcm(*(c.denominator for c in poly.values()))
    ints = {m: int(c * bottom) for m, c in poly.items()}
    top = gcd(*ints.values())
    if ints[max(ints)] < 0:
        top = -top
    return {m: c // top for m, c in ints.items()}


def quotient(f: Poly, g: Poly) -> Poly | None:
    """``f / g`` if ``g`` divides ``f``."""
    lead = max(g)
    rest = dict(f)
    result: Poly = {}
    while rest:
        top = max(rest)
        shift = tuple(a - b for a, b in zip(top, lead, strict=True))
        if min(shift, default=0) < 0 or len(result) > MAX_TERMS:
            return None
        c = ratio(rest[top], g[lead])
        result[shift] = c
        spend(1 + len(g) // 4)
        for m, k in g.items():
            n = tuple(a + b for a, b in zip(m, shift, strict=True))
            value = rest.get(n, 0) - c * k
            if value:
                rest[n] = value
            else:
                rest.pop(n, None)
    return result


def common_divisor(f: Poly, g: Poly) -> Poly | None:
    """The greatest common divisor with whole coefficients, if it is more than a number."""
    f, g = whole(f), whole(g)
    f, powers = without_powers(f)
    g, others = without_powers(g)
    common = tuple(map(min, powers, others))
    n = len(common)
    shared = [i for i in range(n) if any(m[i] for m in f) and any(m[i] for m in g)]
    a, b = (residues(f), residues(g)) if shared else ({}, {})
    if not any(meet(image(a, i), image(b, i)) for i in shared):
        return {common: 1} if any(common) else None
    found = heuristic_gcd(f, g, n)
    if found is None:
        return None
    found = {tuple(map(add, m, common)): c for m, c in found.items()}
    return found if any(any(m) for m in found) else None


def without_powers(f: Poly) -> tuple[Poly, tuple[int, ...]]:
    """A polynomial divided by the powers of generators that are in all its terms, and these powers."""
    powers = tuple(map(min, zip(*f, strict=True)))
    return ({tuple(map(sub, m, powers)): c for m, c in f.items()} if any(powers) else f), powers


def meet(a: list[int], b: list[int]) -> bool:
    """Whether two polynomials can have a common divisor with a generator: whether their images have one, which two that
    have none have with a probability of about 1e-8."""
    while b:
        inverse = pow(b[-1], -1, PRIME)
        while len(a) >= len(b):
            k = a[-1] * inverse % PRIME
            shift = len(a) - len(b)
            for j, c in enumerate(b):
                a[shift + j] = (a[shift + j] - k * c) % PRIME
            while a and not a[-1]:
                a.pop()
        a, b = b, a
    return len(a) > 1


def residues(f: Poly) -> Poly:
    """The terms of ``f`` modulo a prime, with numbers in the places of all generators."""
    return {m: c * prod(residue(j, x) for j, x in enumerate(m) if x) % PRIME for m, c in f.items()}


def image(terms: Poly, i: int) -> list[int]:
    """``residues`` as a polynomial of generator ``i``; coefficients rising."""
    found = [0] * (1 + max(m[i] for m in terms))
    for m, c in terms.items():
        found[m[i]] += c * residue(i, -m[i])
    return trimmed(found)


def trimmed(coefficients: list[int]) -> list[int]:
    """Coefficients modulo the prime, without zeros at the end."""
    found = [c % PRIME for c in coefficients]
    while found and not found[-1]:
        found.pop()
    return found


@lru_cache(maxsize=4096)
def residue(j: int, x: int) -> int:
    """The number in the place of generator ``j``, to a power."""
    return pow(POINTS[j % len(POINTS)] + j, x, PRIME)


def heuristic_gcd(f: Poly, g: Poly, n: int) -> Poly | None:
    if n == 0:
        return {(): gcd(f.get((), 0), g.get((), 0))}
    content = gcd(*f.values(), *g.values())
    f = {m: c // content for m, c in f.items()}
    g = {m: c // content for m, c in g.items()}
    point = 2 * min(max(map(abs, f.values())), max(map(abs, g.values()))) + 29
    for _ in range(4):
        if point.bit_length() * (1 + max(m[-1] for m in (*f, *g))) > MAX_BITS:
            return None
        spend(1 + (len(f) + len(g)) // 4)
        a, b = evaluated(f, point), evaluated(g, point)
        if a and b:
            h = heuristic_gcd(a, b, n - 1)
            if h is not None:
                candidate = whole(interpolated(h, point))
                if quotient(f, candidate) is not None and quotient(g, candidate) is not None:
                    return {m: c * content for m, c in candidate.items()}
        point = 73794 * point * isqrt(isqrt(point)) // 27011
    return None


def evaluated(f: Poly, point: int) -> Poly:
    """``f`` with its last generator replaced by a number."""
    result: Poly = {}
    for m, c in f.items():
        result[m[:-1]] = result.get(m[:-1], 0) + c * point ** m[-1]
    return {m: c for m, c in result.items() if c}


def interpolated(h: Poly, point: int) -> Poly:
    """The polynomial in one more generator whose value at ``point`` is ``h``, with coefficients near 0."""
    result: Poly = {}
    degree = 0
    while h:
        rest: Poly = {}
        for m, c in h.items():
            digit = (c + point // 2) % point - point // 2
            if digit:
                result[(*m, degree)] = digit
            if c != digit:
                rest[m] = (c - digit) // point
        h = rest
        degree += 1
    return result
