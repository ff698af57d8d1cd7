"""Identities of trigonometric and hyperbolic functions, exponentials, logarithms and signs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from .arithmetic import add, divide, mul, negate, nonnegative, power, scale, subtract, times
from .functions import HALF, call
from .nodes import NUMBERS, Add, E, Expr, Fn, Mul, Node, Number, exact, factors_of, fn, terms_of
from .polynomials import expand


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
    """Both ways to write a sum with the squares of a pair of functions, and the double argument."""
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
            both = double_argument(e, one, other, u, sign)
            if both is not None:
                yield both

    return rule


def double_argument(e: Add, one: str, other: str, u: Expr, sign: int) -> Expr | None:
    """``e`` in functions of 2u."""
    twice = call(other, times(2, u))
    first = substituted(e, one, u, mul(HALF, scale(sign, subtract(1, twice))))
    second = substituted(first if type(first) is Add else e, other, u, mul(HALF, add(1, twice)))
    return first if second is None else second


def tangents(one: str, other: str, ratio: str) -> Callable[[Mul], Iterator[Expr]]:
    """sin/cos -> tan; tan*cos -> sin; sin*cos -> sin(2u)/2"""
    def rule(e: Mul) -> Iterator[Expr]:
        powers = dict(e.factors)
        for u in arguments(e, one, other, ratio):
            s, c, t = fn(one, u), fn(other, u), fn(ratio, u)
            a, b, r = powers.get(s, 0), powers.get(c, 0), powers.get(t, 0)
            if not (type(a) is int and type(b) is int and type(r) is int):
                continue
            if r:
                yield mul(e, power(t, -r), power(s, r), power(c, -r))
            if a * b < 0:
                n = min(abs(a), abs(b)) * (1 if a > 0 else -1)
                yield mul(e, power(s, -n), power(c, n), power(t, n))
            if a and a == b:
                yield mul(e, power(s, -a), power(c, -a), power(scale(HALF, call(one, times(2, u))), a))

    return rule


def sums_of_angles(e: Add) -> Iterator[Expr]:
    """sin(a)cos(b) + cos(a)sin(b) -> sin(a + b), and the same for differences and cosines"""
    rows = [(term, k, trig_pair(term)) for term, k in e.terms]
    rows = [row for row in rows if row[2]]
    for i, (t1, k1, pairs1) in enumerate(rows):
        for t2, k2, pairs2 in rows[i + 1 :]:
            if abs(k1) != abs(k2):
                continue
            for (f, a), (g, b), rest in pairs1:
                for (p, c), (q, d), other in pairs2:
                    if rest is not other and rest != other:
                        continue
                    found = angle_sum(f, a, g, b, p, c, q, d, 1 if k1 == k2 else -1)
                    if found is not None:
                        yield add(e, scale(-k1, t1), scale(-k2, t2), mul(k1, rest, found))


def trig_pair(term: Node) -> list[Any]:
    """Pairs of different sines and cosines in a term, and what is left of it."""
    found = [b for b, x in factors_of(term)[1] if type(b) is Fn and b.head in ("sin", "cos") and type(x) is int and x > 0]
    pairs = []
    for f in found:
        for g in found:
            if f is not g:
                pairs.append(((f.head, f.args[0]), (g.head, g.args[0]), divide(term, mul(f, g))))
    return pairs


def angle_sum(f: str, a: Expr, g: str, b: Expr, p: str, c: Expr, q: str, d: Expr, sign: int) -> Expr | None:
    """f(a)g(b) + sign*p(c)q(d) as one function, for one order of the factors."""
    if a is not c or b is not d:
        return None
    if (f, g, p, q) == ("sin", "cos", "cos", "sin"):
        return call("sin", add(a, scale(sign, b)))
    if (f, g, p, q) == ("cos", "cos", "sin", "sin"):
        return call("cos", add(a, scale(-sign, b)))
    return None


def tangent_square(e: Add) -> Iterator[Expr]:
    """1 + tan^2 -> 1/cos^2; 1 - tanh^2 -> 1/cosh^2"""
    for head, other, sign in (("tan", "cos", 1), ("tanh", "cosh", -1)):
        for u in arguments(e, head):
            found = substituted(e, head, u, scale(sign, subtract(power(fn(other, u), -2), 1)))
            if found is not None:
                yield found


def in_sines(e: Add) -> Iterator[Expr]:
    """tan -> sin/cos in a sum"""
    if arguments(e, "tan", "tanh"):
        yield map_factors(e, {"tan": ("sin", "cos"), "tanh": ("sinh", "cosh")})


def map_factors(e: Add, table: dict[str, tuple[str, str]]) -> Expr:
    def factor(base: Expr, exponent: Expr) -> Expr:
        if type(base) is Fn and base.head in table:
            above, below = table[base.head]
            base = divide(fn(above, *base.args), fn(below, *base.args))
        return power(base, exponent)

    parts = (scale(k, mul(*(factor(b, x) for b, x in factors_of(t)[1]))) for t, k in e.terms)
    return add(e.constant, *parts)


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
    """b * a^where(b == 0, 1, b - 1) -> b * a^(b - 1); a^b * log(where(a == 0, 1, a)) -> a^b * log(a)"""
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
            if plain is not None and plain[0] in bases:
                yield mul(divide(e, power(base, exponent)), power(call("log", plain[1]), exponent))


def unguarded(e: Expr) -> tuple[Expr, Expr] | None:
    """``where(u == 0, 1, v)`` as (u, v)."""
    if type(e) is Fn and e.head == "where" and e.args[1] == 1:
        condition = e.args[0]
        if type(condition) is Fn and condition.head == "equal" and condition.args[1] == 0:
            return condition.args[0], e.args[2]
    return None


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


__all__ = ["NUMBERS", "nonnegative", "terms_of"]
