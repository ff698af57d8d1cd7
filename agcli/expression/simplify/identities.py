"""Identities of trigonometric and hyperbolic functions, exponentials, logarithms and signs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from .arithmetic import add, divide, mul, negate, nonnegative, power, scale, subtract, times
from .functions import HALF, call
from .nodes import Add, E, Expr, Fn, Mul, Node, Number, exact, factors_of, fn, terms_of
from .polynomials import expand
from .rational import common_denominator


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
        coefficient, factors = factors_of(term)
        powers = dict(factors)
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
    parts: list[Expr] = [e.constant]
    for term, k in e.terms:
        found = pairs(term, "sin", "cos")
        if not found:
            parts.append(scale(k, term))
            continue
        rest, f, g = found[0] if found[0][1].head == "sin" else found[-1]
        total, difference = add(f.args[0], g.args[0]), subtract(f.args[0], g.args[0])
        if f.head != g.head:
            value = add(call("sin", total), call("sin", difference))
        else:
            value = add(call("cos", difference), scale(1 if f.head == "cos" else -1, call("cos", total)))
        parts.append(expand(mul(HALF * k, rest, value)) or 0)
    yield add(*parts)


def halved(e: Add | Mul) -> Iterator[Expr]:
    """sin(2u) -> 2 sin(u)cos(u), cos(2u) -> 1 - 2 sin(u)^2, where functions of u are there too"""
    for one, other, sign in (("sin", "cos", -1), ("sinh", "cosh", 1)):
        for u in arguments(e, one, other):
            twice = times(2, u)
            s, c = fn(one, u), fn(other, u)
            for square in (add(1, mul(2 * sign, power(s, 2))), add(-sign, mul(2, power(c, 2)))):
                table = {fn(one, twice): mul(2, s, c), fn(other, twice): square}
                yield replaced(e, table)
                if type(e) is Mul:
                    yield mul(e.coefficient, *(power(inside(b, table), x) for b, x in e.factors))


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

    if type(e) is Mul:
        return product(e)
    return add(e.constant, *(scale(k, product(t)) for t, k in e.terms))


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
        if type(base) is Add and type(exponent) is int:
            last = None
            for product in common_denominator(in_sines(base)):
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


def exponential_pairs(e: Add) -> Iterator[Expr]:
    """exp(u) + exp(-u) -> 2*cosh(u); exp(u) - exp(-u) -> 2*sinh(u)"""
    found: dict[Any, tuple[Node, Number]] = {}
    for term, k in e.terms:
        coefficient, factors = factors_of(term)
        powers = dict(factors)
        u = powers.pop(E, None)
        if u is None:
            continue
        rest = mul(*(power(b, x) for b, x in powers.items()))
        opposite = found.get((rest, negate(u)))
        if opposite is not None and abs(opposite[1]) == abs(k):
            other, j = opposite
            head = "cosh" if j == k else "sinh"
            yield add(e, scale(-k, term), scale(-j, other), mul(2 * k, rest, call(head, u)))
        found[(rest, u)] = (term, k)


def hyperbolic_pairs(e: Add) -> Iterator[Expr]:
    """cosh(u) + sinh(u) -> exp(u); cosh(u) - sinh(u) -> exp(-u)"""
    coefficients = dict(e.terms)
    for term, k in e.terms:
        for b, x in factors_of(term)[1]:
            if type(b) is Fn and b.head == "cosh" and x == 1:
                other = mul(divide(term, b), fn("sinh", *b.args))
                j = coefficients.get(other) if isinstance(other, Node) else None  # type: ignore[arg-type]
                if j is not None and abs(j) == abs(k):
                    u = b.args[0] if j == k else negate(b.args[0])
                    yield add(e, scale(-k, term), scale(-j, other), mul(k, divide(term, b), power(E, u)))


def gamma_ratio(e: Mul) -> Iterator[Expr]:
    """gamma(u + 1)/gamma(u) -> u"""
    gammas = [(b, x) for b, x in e.factors if type(b) is Fn and b.head == "gamma"]
    for f, m in gammas:
        for g, n in gammas:
            u = g.args[0]
            if m == 1 and n == -1 and subtract(f.args[0], u) == 1:
                yield mul(e, u, power(f, -1), g)


def digamma_difference(e: Add) -> Iterator[Expr]:
    """digamma(u + 1) - digamma(u) -> 1/u"""
    found = [(t, k) for t, k in e.terms if type(t) is Fn and t.head == "digamma"]
    for f, j in found:
        for g, k in found:
            u = g.args[0]  # type: ignore[attr-defined]
            if j == -k and subtract(f.args[0], u) == 1:  # type: ignore[attr-defined]
                yield add(e, scale(-j, f), scale(-k, g), divide(j, u))


def logarithms(e: Add) -> Iterator[Expr]:
    """a*log(u) + a*log(v) -> a*log(u*v); a*log(u) - a*log(v) -> a*log(u/v)"""
    found: dict[Any, tuple[Node, Number, Fn]] = {}
    for term, k in e.terms:
        logs = [b for b, x in factors_of(term)[1] if type(b) is Fn and b.head == "log" and x == 1]
        if len(logs) != 1:
            continue
        rest = divide(term, logs[0])
        key = (rest, abs(k))
        if key in found:
            other, j, log = found[key]
            inner = mul(log.args[0], power(logs[0].args[0], 1 if j == k else -1))
            yield add(e, scale(-k, term), scale(-j, other), mul(j, rest, call("log", inner)))
        else:
            found[key] = (term, k, logs[0])


def log_of_product(e: Fn) -> Iterator[Expr]:
    """log(exp(u)*v) -> u + log(v)"""
    if e.head == "log" and type(e.args[0]) is Mul:
        powers = dict(e.args[0].factors)
        if E in powers and len(powers) > 1:
            u = powers.pop(E)
            yield add(u, call("log", mul(e.args[0].coefficient, *(power(b, x) for b, x in powers.items()))))


def signs(e: Mul) -> Iterator[Expr]:
    """u*sign(u) -> |u|; |u|*sign(u) -> u; u/|u| -> sign(u); u^2/|u| -> |u|"""
    powers = dict(e.factors)
    for b, n in e.factors:
        if type(b) is not Fn or b.head not in ("sign", "abs") or type(n) is not int:
            continue
        u = b.args[0]
        m = powers.get(u, 0)
        if b.head == "sign" and nonnegative(u) and any(base in powers for base, _ in factors_of(u)[1]):
            yield mul(e, power(b, -n))
        if b.head == "sign" and n % 2 and n > 0:
            size = fn("abs", u)
            if type(m) is int and m > 0:
                yield mul(e, power(b, -n), power(u, -1), size)
            elif type(powers.get(size, 0)) is int and powers.get(size, 0) > 0:  # type: ignore[operator]
                yield mul(e, power(b, -n), power(size, -1), u)
        elif b.head == "sign" and n % 2 and n > 1:
            yield mul(e, power(b, 1 - n))
        elif b.head == "abs" and type(m) is int and m > 0:
            if m % 2 == 0:
                yield mul(e, power(u, -m), power(b, m))
            elif n < 0:
                yield mul(e, power(u, -m), power(b, m), fn("sign", u))


def guards(e: Mul) -> Iterator[Expr]:
    """b * a^where(b == 0, 1, b - 1) -> b * a^(b - 1); a^b * log(where(a == 0, 1, a)) -> a^b * log(a);
    a/where(r == 0, 1, r) -> a/r for a distance r. The guards keep the engine's gradients finite at 0."""
    bases = {b for b, _ in e.factors}
    for base, exponent in e.factors:
        for term, k in terms_of(exponent)[1]:
            plain = unguarded(term)
            if plain is not None and plain[0] in bases:
                powers = dict(e.factors)
                powers[base] = add(exponent, scale(-k, term), scale(k, plain[1]))
                yield mul(e.coefficient, *(power(b, x) for b, x in powers.items()))
        if type(base) is Fn and base.head == "log":
            plain = unguarded(base.args[0])
            if plain is not None and (plain[0] in bases or plain[1] in bases):
                yield mul(divide(e, power(base, exponent)), power(call("log", plain[1]), exponent))
        plain = unguarded(base)
        if plain is not None and plain[0] is plain[1] and is_distance(plain[0]):
            yield mul(divide(e, power(base, exponent)), power(plain[1], exponent))


def is_distance(e: Expr) -> bool:
    """Whether ``e`` is a root of a sum of squares."""
    factors = factors_of(e)[1]
    return len(factors) == 1 and factors[0][1] == HALF and type(factors[0][0]) is Add and nonnegative(factors[0][0])


def unguarded(e: Expr) -> tuple[Expr, Expr] | None:
    """``where(u == 0, 1, v)`` as (u, v)."""
    if type(e) is Fn and e.head == "where" and e.args[1] == 1:
        condition = e.args[0]
        if type(condition) is Fn and condition.head == "equal" and condition.args[1] == 0:
            return condition.args[0], e.args[2]
    return None


def step(e: Fn) -> Iterator[Expr]:
    """where(u > v, 1, where(u == v, 1/2, 0)) -> (1 + sign(u - v))/2"""
    if e.head == "where" and e.args[1] == 1 and type(e.args[2]) is Fn and e.args[2].args[1:] == (HALF, 0):
        outer, inner = e.args[0], e.args[2].args[0]
        if type(outer) is Fn and type(inner) is Fn and inner.head == "equal" and set(inner.args) == set(outer.args):
            if outer.head in ("greater", "less"):
                u, v = outer.args if outer.head == "greater" else outer.args[::-1]
                yield mul(HALF, add(1, call("sign", subtract(u, v))))


def branches(e: Fn) -> Iterator[Expr]:
    """where(c, k*a, k*b) -> k*where(c, a, b), for numbers k; where(c, where(c, a, b), d) -> where(c, a, d)"""
    if e.head != "where":
        return
    condition, a, b = e.args
    if type(a) is Fn and a.head == "where" and a.args[0] is condition:
        yield call("where", condition, a.args[1], b)
    if type(b) is Fn and b.head == "where" and b.args[0] is condition:
        yield call("where", condition, a, b.args[2])
    k, j = factors_of(a)[0], factors_of(b)[0]
    if a != 0 and b != 0 and k != 1 and k == j:
        yield scale(k, call("where", condition, scale(exact(Fraction(1) / k), a), scale(exact(Fraction(1) / k), b)))


__all__ = ["nonnegative", "terms_of"]
