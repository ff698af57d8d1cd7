"""Polynomials over any expressions as generators: multiplying out, reading, writing, factors."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import reduce
from math import comb, gcd, lcm
from typing import Any, TypeAlias

from agcli.expression.simplify.arithmetic import add, build_mul, mul, plus, power, scale
from agcli.expression.simplify.divisors import Poly, common_divisor, quotient, whole
from agcli.expression.simplify.nodes import (
    TABLE,
    Add,
    Expr,
    Factor,
    Mul,
    Node,
    Number,
    exact,
    factors_of,
    ratio,
    terms_of,
)

Generators: TypeAlias = "tuple[Expr, ...]"

MAX_TERMS = 20  # of an expanded sum
MAX_POWER = 8  # of a sum that is multiplied out
MAX_DEGREE = 40


def expand(e: Expr) -> Expr | None:
    """``e`` with products of sums multiplied out; None if that gets long."""
    if not isinstance(e, Node):
        return e
    if e not in TABLE.expanded:
        TABLE.expanded[e] = without_products(e)
    return TABLE.expanded[e]


def without_products(e: Node) -> Expr | None:
    constant, terms = terms_of(e)
    if type(e) is Add and not any(has_product(t) for t, _ in terms):
        return e if len(terms) + (constant != 0) <= MAX_TERMS else None
    if terms_when_expanded(e) > MAX_TERMS:
        return None
    parts: list[Expr] = [constant]
    for term, k in terms:
        product = expand_product(term)
        if product is None:
            return None
        parts.append(times_number(k, product))
    return add(*parts)


def has_product(term: Node) -> bool:
    """Whether a sum is a factor that is multiplied out."""
    found = False
    for base, x in term.factors if type(term) is Mul else ():
        found = found or (type(base) is Add and not isinstance(x, Node) and 1 <= x <= MAX_POWER)
    return found


def terms_when_expanded(e: Expr) -> int:
    """How many terms ``e`` has at most when products of sums are multiplied out, before any of them meet."""
    if type(e) is not Add:
        return counted_terms(e)
    try:
        return e.wide
    except AttributeError:
        e.wide = found = counted_terms(e)
        return found


def counted_terms(e: Expr) -> int:
    constant, terms = terms_of(e)
    total = int(constant != 0)
    for term, _ in terms:
        count = 1
        for base, x in factors_of(term)[1]:
            if type(base) is Add and not isinstance(x, Node) and 1 <= x <= MAX_POWER:
                n = len(base.terms) + (base.constant != 0)
                count *= comb((terms_when_expanded(base) if n < MAX_TERMS else n) + int(x) - 1, int(x))
                if count > MAX_TERMS:
                    return count
        total += count
    return total


def times_number(k: Number, e: Expr) -> Expr:
    """``k*e``, with the number inside a sum."""
    if type(e) is Add:
        return add(*(scale(k * c, t) for t, c in e.terms), exact(k * e.constant))
    return scale(k, e)


def expand_product(e: Expr) -> Expr | None:
    coefficient, factors = factors_of(e)
    sums: list[Add] = []
    rest: dict[Expr, Expr] = {}
    for base, exponent in factors:
        if type(base) is Add and not isinstance(exponent, Node) and 1 <= exponent <= MAX_POWER:
            whole, part = divmod(exponent, 1)
            sums.extend([base] * int(whole))
            if part:
                rest[base] = part
        else:
            rest[base] = exponent
    if not sums:
        return e
    total: list[tuple[Number, dict[Expr, Expr]]] = [(coefficient, rest)]
    for s in sums:
        inner = expand(s)
        if inner is None:
            return None
        constant, terms = terms_of(inner)
        factor: list[tuple[Number, tuple[Factor, ...]]] = [(k, factors_of(t)[1]) for t, k in terms]
        if constant:
            factor.append((constant, ()))
        if len(total) * len(factor) > 4 * MAX_TERMS:
            return None
        total = products(total, factor)
        if len(total) > MAX_TERMS:
            return None
    return add(*[build_mul(exact(k), powers) for k, powers in total])


def products(
    rows: list[tuple[Number, dict[Expr, Expr]]], terms: list[tuple[Number, tuple[Factor, ...]]]
) -> list[tuple[Number, dict[Expr, Expr]]]:
    """Each of the products ``rows`` times each of ``terms``, equal ones together."""
    found: dict[frozenset[Factor], tuple[Number, dict[Expr, Expr]]] = {}
    for c, powers in rows:
        for k, factors in terms:
            made = powers.copy()
            for base, exponent in factors:
                if base not in made:
                    made[base] = exponent
                    continue
                x = plus(made[base], exponent)
                if x == 0:
                    del made[base]
                else:
                    made[base] = x
            key = frozenset(made.items())
            known = found.get(key)
            found[key] = (c * k, made) if known is None else (known[0] + c * k, made)
    return [row for row in found.values() if row[0]]


def read(*sums: Expr) -> tuple[Generators, list[Poly]] | None:
    """Expanded sums as polynomials over common generators; None if an exponent is negative or too large."""
    units: dict[Any, int] = {}
    lists: list[list[tuple[Number, dict[Any, Any]]]] = []
    for e in sums:
        rows: list[tuple[Number, dict[Any, Any]]] = []
        constant, terms = terms_of(e)
        if constant:
            rows.append((constant, {}))
        for term, k in terms:
            row = powers_of(term)
            for generator, x in row.items():
                if x.numerator < 0 or x > MAX_DEGREE:
                    return None
                units[generator] = lcm(units.get(generator, 1), x.denominator)
            rows.append((k, row))
        lists.append(rows)
    generators = list(units)
    polys: list[Poly] = []
    for rows in lists:
        poly: Poly = {}
        for k, row in rows:
            monomial = tuple(int(row.get(g, 0) * units[g]) for g in generators)
            poly[monomial] = poly.get(monomial, 0) + k
        polys.append({m: c for m, c in poly.items() if c})
    if any(max(m, default=0) > MAX_DEGREE for p in polys for m in p):
        return None
    return tuple(generator_power(g, Fraction(1, units[g])) for g in generators), polys


def powers_of(term: Node) -> dict[Any, Number]:
    """``exponents`` by generator, which nobody changes; found once for each product."""
    if type(term) is not Mul:
        return dict(exponents(term))
    try:
        return term.powers
    except AttributeError:
        term.powers = found = dict(exponents(term))
        return found


def exponents(term: Node) -> list[tuple[Any, Number]]:
    """Generators of a term with their exponents; 2^(x + y) is 2^x * 2^y."""
    found: list[tuple[Any, Number]] = []
    for base, exponent in factors_of(term)[1]:
        if not isinstance(exponent, Node):
            found.append((base, exponent))
            continue
        constant, terms = terms_of(exponent)
        found.extend(((base, t), k) for t, k in terms)
        if constant:
            found.append((base, constant))
    return found


def generator_power(generator: Any, k: Number) -> Expr:
    """A generator of ``exponents`` to the power ``k``."""
    if isinstance(generator, tuple):
        return power(generator[0], scale(k, generator[1]))
    return power(generator, k)


def write(poly: Poly, generators: Generators) -> Expr:
    """The sum that a polynomial stands for."""
    return add(*(mul(exact(c), *map(power, generators, m)) for m, c in poly.items()))


def derivative(f: Poly, i: int) -> Poly:
    return {(*m[:i], m[i] - 1, *m[i + 1 :]): c * m[i] for m, c in f.items() if m[i]}


def factors(f: Poly, roots: bool) -> list[Poly]:
    """Factors of ``f`` (repeated ones repeatedly) that derivatives find, and rational ``roots``; a number is lost."""
    n = len(next(iter(f)))
    for i in range(n):
        if max(m[i] for m in f) < 2:
            continue
        d = common_divisor(f, derivative(f, i))
        rest = None if d is None else quotient(f, d)
        if d is not None and rest is not None:
            return [*factors(d, roots), *coprime_factors(rest, d, roots)]
    root = rational_root(whole(f)) if roots and n == 1 else None
    if root is None:
        return [f]
    linear: Poly = {(1,): root.denominator, (0,): -root.numerator} if root else {(1,): 1}
    rest = quotient(f, linear)
    if rest is None:
        return [f]
    return [linear, *factors(rest, roots)] if any(map(any, rest)) else [linear]


def coprime_factors(f: Poly, d: Poly, roots: bool) -> list[Poly]:
    """Factors of ``f``, split where ``d`` has a common divisor with it."""
    common = common_divisor(f, d)
    rest = None if common is None else quotient(f, common)
    if common is None or rest is None:
        return factors(f, roots)
    return [*factors(common, roots), *(factors(rest, roots) if any(map(any, rest)) else [])]


def rational_root(f: Poly) -> Fraction | None:
    """A rational root of a polynomial of one generator with small whole coefficients."""
    degree = max(m[0] for m in f)
    if degree < 2 or degree > 6:
        return None
    last, lead = f.get((0,), 0), f[(degree,)]
    if last == 0:
        return Fraction(0)
    if max(abs(last), abs(lead)) > 1000:
        return None
    for q in divisors(abs(lead)):
        for p in divisors(abs(last)):
            for r in (Fraction(p, q), Fraction(-p, q)):
                if gcd(p, q) == 1 and not sum_at(f, r):
                    return r
    return None


def divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]


def sum_at(f: Poly, x: Fraction) -> Number:
    p, q = x.numerator, x.denominator
    degree = max(m[0] for m in f)
    return reduce(lambda total, m: total + f[m] * p ** m[0] * q ** (degree - m[0]), f, 0)


def factored(e: Add) -> Iterator[Expr]:
    """A sum as a product: first its repeated factors, then all that can be found."""
    expanded = expand(e)
    found = read(expanded) if type(expanded) is Add else None
    if found is None:
        return
    generators, (poly,) = found
    if not any(mixed(poly, i) for i in range(len(generators))):
        return
    for roots in (False, True):
        parts = factors(poly, roots)
        if len(parts) > 1:
            product = reduce(multiplied, parts)
            lead = max(poly)
            yield mul(ratio(poly[lead], product[lead]), *(write(p, generators) for p in parts))
        if len(generators) > 1:
            return


def mixed(f: Poly, i: int) -> bool:
    """Whether generator ``i`` stands in two different powers; if none does, ``f`` has no repeated factor."""
    degrees = {m[i] for m in f if m[i]}
    return len(degrees) > 1


def multiplied(f: Poly, g: Poly) -> Poly:
    result: Poly = {}
    for a, c in f.items():
        for b, k in g.items():
            m = tuple(x + y for x, y in zip(a, b, strict=True))
            result[m] = result.get(m, 0) + c * k
    return result
