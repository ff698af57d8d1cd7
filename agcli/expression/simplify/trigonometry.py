"""Identities of trigonometric and hyperbolic functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from agcli.expression.simplify.arithmetic import add, divide, mul, negate, power, scale, subtract, times
from agcli.expression.simplify.features import NEGATIVE, TANGENT, features
from agcli.expression.simplify.functions import HALF, call
from agcli.expression.simplify.nodes import PI, Add, Expr, Fn, Mul, Node, Number, factors_of, fn
from agcli.expression.simplify.polynomials import expand
from agcli.expression.simplify.rational import common_denominator


def arguments(e: Add | Mul, *heads: str) -> list[Expr]:
    """What the functions ``heads`` are taken of in the factors of the terms of ``e``."""
    terms = [t for t, _ in e.terms] if type(e) is Add else [e]
    found = (b for t in terms for b, _ in factors_of(t)[1] if type(b) is Fn and b.head in heads)
    return list(dict.fromkeys(b.args[0] for b in found))


def substituted(e: Add, head: str, u: Expr, square: Expr) -> Expr | None:
    """``e`` with the squares of ``head(u)`` replaced."""
    function = fn(head, u)
    parts: list[Expr] = [e.constant]
    changed = False
    for term, k in e.terms:
        powers = dict(factors_of(term)[1])
        n = powers.get(function, 0)
        if type(n) is int and 2 <= n <= 8:
            changed = True
            powers[function] = n % 2
            product = mul(*(power(b, x) for b, x in powers.items()), power(square, n // 2))
            parts.append(scale(k, product))
        else:
            parts.append(scale(k, term))
    return expand(add(*parts)) if changed else None


def squares(one: str, other: str, sign: int) -> Callable[[Add], Iterator[Expr]]:
    """Both ways to write a sum with the squares of a pair of functions."""

    def rule(e: Add) -> Iterator[Expr]:
        for u in arguments(e, one, other):
            a, b = fn(one, u), fn(other, u)
            # sin^2 = 1 - cos^2, cos^2 = 1 - sin^2; sinh^2 = cosh^2 - 1, cosh^2 = 1 + sinh^2
            forms = (
                (one, scale(sign, subtract(1, power(b, 2)))),
                (other, subtract(1, scale(sign, power(a, 2)))),
            )
            for head, square in forms:
                found = substituted(e, head, u, square)
                if found is not None:
                    yield found

    return rule


def doubled(one: str, other: str, sign: int) -> Callable[[Add], Iterator[Expr | None]]:
    """cos(u)^2 - sin(u)^2 -> cos(2u), and all other squares in terms of 2u"""
    return lambda e: (in_double_argument(e, one, other, u, sign) for u in arguments(e, one, other))


def in_double_argument(e: Add, one: str, other: str, u: Expr, sign: int) -> Expr | None:
    """``e`` in functions of 2u."""
    twice = call(other, times(2, u))
    first = substituted(e, one, u, mul(HALF, scale(sign, subtract(1, twice))))
    second = substituted(first if type(first) is Add else e, other, u, mul(HALF, add(1, twice)))
    return first if second is None else second


def ratios(one: str, other: str, ratio: str) -> Callable[[Mul], Iterator[Expr]]:
    """sin/cos -> tan; tan*cos -> sin; tan/sin -> 1/cos"""

    def rule(e: Mul) -> Iterator[Expr]:
        powers = dict(e.factors)
        for u in arguments(e, one, other, ratio):
            s, c, t = fn(one, u), fn(other, u), fn(ratio, u)
            a, b, r = powers.get(s, 0), powers.get(c, 0), powers.get(t, 0)
            if type(r) is int and r:
                yield mul(e, power(t, -r), power(s, r), power(c, -r))
            elif type(a) is int and type(b) is int and a * b < 0:
                n = min(abs(a), abs(b)) * (1 if a > 0 else -1)
                yield mul(e, power(s, -n), power(c, n), power(t, n))

    return rule


def product_of_pair(one: str, other: str) -> Callable[[Mul], Iterator[Expr]]:
    """sin*cos -> sin(2u)/2"""

    def rule(e: Mul) -> Iterator[Expr]:
        powers = dict(e.factors)
        for u in arguments(e, one):
            a, b = powers.get(fn(one, u), 0), powers.get(fn(other, u), 0)
            if type(a) is int and a == b and a != 0:
                inverse = mul(power(fn(one, u), -a), power(fn(other, u), -a))
                yield mul(e, inverse, power(scale(HALF, call(one, times(2, u))), a))

    return rule


def sums_of_angles(one: str, other: str, sign: int) -> Callable[[Add], Iterator[Expr]]:
    """sin(a)cos(b) + cos(a)sin(b) -> sin(a + b); cos(a)cos(b) - sin(a)sin(b) -> cos(a + b); hyperbolic likewise"""

    def rule(e: Add) -> Iterator[Expr]:
        rows = [(term, k, rest, a, b) for term, k in e.terms for rest, a, b in pairs(term, one, other)]
        for t1, k1, rest, a, b in rows:
            for t2, k2, other_rest, c, d in rows:
                if t1 is t2 or abs(k1) != abs(k2) or not same(rest, other_rest):
                    continue
                equal = 1 if k1 == k2 else -1
                u, v = a.args[0], b.args[0]
                if a.head == c.head == other and b.head == d.head == other:
                    continue
                if (a.head, b.head) == (one, other) and c is fn(other, u) and d is fn(one, v):
                    found = call(one, add(u, scale(equal, v)))
                elif (a.head, b.head) == (other, other) and c is fn(one, u) and d is fn(one, v):
                    found = call(other, add(u, scale(-sign * equal, v)))
                else:
                    continue
                yield add(e, scale(-k1, t1), scale(-k2, t2), mul(k1, rest, found))

    return rule


def same(a: Expr, b: Expr) -> bool:
    return a is b or (not isinstance(a, Node) and not isinstance(b, Node) and a == b)


def pairs(term: Node, *heads: str) -> list[tuple[Expr, Fn, Fn]]:
    """Ordered pairs of different functions among the factors of a term, behind what is left of it."""
    found = [b for b, x in factors_of(term)[1] if type(b) is Fn and b.head in heads and type(x) is int and x > 0]
    return [(divide(term, mul(f, g)), f, g) for f in found for g in found if f is not g]


def products_to_sums(e: Add) -> Iterator[Expr]:
    """sin(a)cos(b) -> (sin(a + b) + sin(a - b))/2, and the same for two sines or cosines, in all terms"""
    known = set(arguments(e, "sin", "cos"))
    parts: list[Expr] = [e.constant]
    for term, k in e.terms:
        found = pairs(term, "sin", "cos")
        if not found:
            parts.append(scale(k, term))
            continue
        rest, f, g = max(found, key=lambda row: (meeting(row, known), row[1].head == "sin"))
        total, difference = add(f.args[0], g.args[0]), subtract(f.args[0], g.args[0])
        if f.head != g.head:
            value = add(call("sin", total), call("sin", difference))
        else:
            value = add(call("cos", difference), scale(1 if f.head == "cos" else -1, call("cos", total)))
        parts.append(expand(mul(HALF * k, rest, value)) or 0)
    yield add(*parts)


def meeting(row: tuple[Expr, Fn, Fn], known: set[Expr]) -> int:
    """How many of the functions that a product becomes are there already."""
    a, b = row[1].args[0], row[2].args[0]
    return (add(a, b) in known) + (subtract(a, b) in known or subtract(b, a) in known)


def halved(e: Add | Mul) -> Iterator[Expr]:
    """sin(2u) -> 2 sin(u)cos(u), cos(2u) -> 1 - 2 sin(u)^2 or 2 cos(u)^2 - 1, where functions of u are there too"""
    there = heads_of(e)
    for one, other, sign in (("sin", "cos", -1), ("sinh", "cosh", 1)):
        for u in arguments(e, one, other):
            twice = times(2, u)
            if fn(one, twice) not in there and fn(other, twice) not in there:
                continue
            s, c = fn(one, u), fn(other, u)
            for square in (add(1, mul(2 * sign, power(s, 2))), add(-1, mul(2, power(c, 2)))):
                table = {fn(one, twice): mul(2, s, c), fn(other, twice): square}
                yield replaced(e, table)
                if type(e) is Mul:
                    yield mul(e.coefficient, *(power(inside(b, table), x) for b, x in e.factors))


def heads_of(e: Add | Mul) -> set[Expr]:
    """The factors of the terms of ``e``, also of sums that are factors themselves."""
    found: set[Expr] = set()
    for t in [t for t, _ in e.terms] if type(e) is Add else [e]:
        for base, _ in factors_of(t)[1]:
            found.add(base)
            if type(base) is Add:
                found.update(b for term, _ in base.terms for b, _ in factors_of(term)[1])
    return found


def inside(e: Expr, table: dict[Any, Expr]) -> Expr:
    """A sum with factors of its terms replaced; anything else as it is."""
    return replaced(e, table) if type(e) is Add else e


def replaced(e: Add | Mul, table: dict[Any, Expr]) -> Expr:
    """``e`` with factors of its terms replaced."""

    def product(t: Expr) -> Expr:
        k, factors = factors_of(t)
        if not any(b in table for b, _ in factors):
            return t
        return mul(k, *(power(table.get(b, b), x) for b, x in factors))

    if type(e) is Add:
        return add(e.constant, *(scale(k, product(t)) for t, k in e.terms))
    return product(e)


def tangent_square(e: Add) -> Iterator[Expr]:
    """1 + tan^2 -> 1/cos^2; 1 - tanh^2 -> 1/cosh^2; 1 + 1/tan^2 -> 1/sin^2"""
    for head, other, sign in (("tan", "cos", 1), ("tanh", "cosh", -1)):
        for u in arguments(e, head):
            found = substituted(e, head, u, scale(sign, subtract(power(fn(other, u), -2), 1)))
            if found is not None:
                yield found
            function, inverse = power(fn(head, u), -2), power(fn("sin" if head == "tan" else "sinh", u), -2)
            if any(t is function for t, _ in e.terms):
                k = dict(e.terms)[function]  # type: ignore[index]
                yield add(e, scale(-k, function), scale(k, subtract(inverse, sign)))


def tangent_of_half(e: Add) -> Iterator[Expr]:
    """1 + tan(u/2)^2 -> 2/(cos(u) + 1); 1 - tanh(u/2)^2 -> 2/(cosh(u) + 1)"""
    for head, other, sign in (("tan", "cos", 1), ("tanh", "cosh", -1)):
        for u in filter(is_half, arguments(e, head)):
            below = add(call(other, times(2, u)), 1)
            square = scale(sign, subtract(divide(2, below), 1))
            found_sum = substituted(e, head, u, square)
            if found_sum is not None:
                yield found_sum


def squares_of_half(e: Mul) -> Iterator[Expr]:
    """2*cos(u/2)^2 -> cos(u) + 1; 2*sin(u/2)^2 -> 1 - cos(u)"""
    for base, n in e.factors:
        if type(base) is Fn and base.head in ("sin", "cos") and type(n) is int and n % 2 == 0 and is_half(base.args[0]):
            cosine = call("cos", times(2, base.args[0]))
            square = scale(HALF, add(1, cosine) if base.head == "cos" else subtract(1, cosine))
            yield mul(e, power(base, -n), power(square, n // 2))


def is_half(u: Expr) -> bool:
    """Whether 2u is shorter than u."""
    return factors_of(u)[0].denominator % 2 == 0


def tangent_of_sum(e: Mul) -> Iterator[Expr]:
    """(sin(u) + cos(u))/(cos(u) - sin(u)) -> tan(u + pi/4) or 1/tan(pi/4 - u)"""
    quarter = scale(HALF * HALF, PI)
    powers = dict(e.factors)
    for base, n in e.factors:
        for u in arguments(base, "sin") if type(base) is Add else ():
            s, c = fn("sin", u), fn("cos", u)
            for other, sign in ((subtract(c, s), 1), (subtract(s, c), -1)) if base is add(s, c) else ():
                if type(n) is int and powers.get(other) == -n:
                    rest = mul(e, power(base, -n), power(other, n), power(sign, n))
                    yield mul(rest, power(call("tan", add(u, quarter)), n))
                    yield mul(rest, power(call("tan", subtract(quarter, u)), -n))


def tangent_and_inverse(e: Add) -> Iterator[Expr]:
    """tan(u) + 1/tan(u) -> 2/sin(2u)"""
    coefficients: dict[Any, Number] = dict(e.terms)
    for u in arguments(e, "tan"):
        one, other = fn("tan", u), power(fn("tan", u), -1)
        k = coefficients.get(one)
        if k is not None and coefficients.get(other) == k:
            yield add(e, scale(-k, one), scale(-k, other), divide(2 * k, call("sin", times(2, u))))


RATIOS = {"tan": ("sin", "cos"), "tanh": ("sinh", "cosh")}


def in_sines(e: Expr) -> Expr:
    """tan -> sin/cos in the terms of a sum or product"""
    if type(e) not in (Add, Mul):
        return e
    table: dict[Any, Expr] = {}
    for head, (above, below) in RATIOS.items():
        for u in arguments(e, head):  # type: ignore[arg-type]
            table[fn(head, u)] = divide(fn(above, u), fn(below, u))
    return replaced(e, table) if table else e  # type: ignore[arg-type]


def clear_fractions(e: Mul) -> Iterator[Expr]:
    """a/(1 + 1/b) -> a*b/(b + 1), also where the fraction is a tangent"""
    everywhere: Expr = e
    for base, exponent in e.factors:
        if type(base) is Add and type(exponent) is int and features(base) & (NEGATIVE | TANGENT):
            last = None
            plain = in_sines(base)
            for product in common_denominator(plain) if type(plain) is Add else ():
                last = mul(power(base, -exponent), power(product, exponent))
                yield mul(e, last)
            if last is not None:
                everywhere = mul(everywhere, last)
    if everywhere is not e:
        yield in_sines(everywhere)


def tangent_factors(e: Mul) -> Iterator[Expr]:
    """a*(1 + tan(u)^2) -> a/cos(u)^2; a*(1 - tanh(u)^2) -> a/cosh(u)^2"""
    for base, exponent in e.factors:
        if type(base) is Add and isinstance(base.constant, int) and len(base.terms) == 1:
            for found in tangent_square(base):
                if type(found) is not Add:
                    yield mul(e, power(base, negate(exponent)), power(found, exponent))
