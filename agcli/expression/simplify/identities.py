"""Identities of exponentials, logarithms, gamma functions, signs and conditions."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import prod
from typing import Any

from agcli.expression.simplify.arithmetic import add, divide, mul, negate, power, scale, subtract
from agcli.expression.simplify.functions import HALF, call
from agcli.expression.simplify.nodes import Add, Atom, E, Expr, Fn, Mul, Node, Number, exact, factors_of, fn, terms_of
from agcli.expression.simplify.order import key
from agcli.expression.simplify.polynomials import expand
from agcli.expression.simplify.signs import nonnegative
from agcli.expression.simplify.stable import grows_above
from agcli.expression.simplify.trigonometry import replaced, same

HALVES: dict[Number, str] = {1: "cosh", -1: "sinh"}  # exp(u) + 1 = 2*exp(u/2)*cosh(u/2)
EVERYWHERE = {
    "sin",
    "cos",
    "sinh",
    "cosh",
    "tanh",
    "arctan",
    "arcsinh",
    "erf",
    "sigmoid",
    "softplus",
    "abs",
    "sign",
    "step",
    "maximum",
    "minimum",
    "cbrt",
    "floor",
    "ceil",
}  # functions of all numbers
MOVING = {"abs", "maximum", "minimum"}  # functions none of whose pieces is a constant
SMOOTH = {
    "sin",
    "cos",
    "tan",
    "sinh",
    "cosh",
    "tanh",
    "arcsin",
    "arccos",
    "arctan",
    "arcsinh",
    "arccosh",
    "arctanh",
    "log",
    "log1p",
    "log2",
    "log10",
    "expm1",
    "erf",
    "erfc",
    "erfinv",
    "gamma",
    "lgamma",
    "digamma",
    "sigmoid",
    "softplus",
    "cbrt",
    "sinc",
}  # functions of one piece
LARGEST_LOG = 1_000_000  # log(m) + log(n) is put together up to this product


def exponential_pairs(e: Add) -> Iterator[Expr]:
    """exp(u) + exp(-u) -> 2*cosh(u); exp(u) - exp(-u) -> 2*sinh(u)"""
    found: dict[Any, tuple[Node, Number]] = {}
    for term, k in e.terms:
        powers = dict(factors_of(term)[1])
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


def exponential_quotients(e: Mul) -> Iterator[Expr]:
    """exp(u)/(exp(2*u) + 1) -> 1/(2*cosh(u)); exp(u)/(exp(2*u) - 1) -> 1/(2*sinh(u))"""
    exponent = dict(e.factors).get(E, 0)
    for base, n in e.factors:
        if type(base) is Add and type(n) is int and n < 0 and base.constant in HALVES and len(base.terms) == 1:
            ((term, k),) = base.terms
            (inner, u), *others = factors_of(term)[1]
            if k == 1 and inner is E and not others and same(add(exponent, scale(n * HALF, u)), 0):
                if grows_above(mul(e, power(E, negate(exponent)))):
                    continue  # E^u*(x + E^u)/(E^u + 1)^2 would be inf/inf at a large u
                function = call(HALVES[base.constant], scale(HALF, u))
                yield mul(e, power(E, negate(exponent)), power(base, -n), power(mul(2, function), n))


def hyperbolic_pairs(e: Add) -> Iterator[Expr]:
    """cosh(u) + sinh(u) -> exp(u); cosh(u) - sinh(u) -> exp(-u)"""
    coefficients = dict(e.terms)
    for term, k in e.terms:
        for b, x in factors_of(term)[1]:
            if type(b) is Fn and b.head == "cosh" and x == 1:
                other = mul(divide(term, b), fn("sinh", *b.args))
                j = coefficients.get(other) if isinstance(other, Node) else None
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
            u = g.args[0]
            if j == -k and subtract(f.args[0], u) == 1:
                yield add(e, scale(-j, f), scale(-k, g), divide(j, u))


def logarithms(e: Add) -> Iterator[Expr]:
    """a*log(u) + a*log(v) -> a*log(u*v); a*log(u) - a*log(v) -> a*log(u/v), where u or v is known not to be negative:
    log(u*v) has a value also where both are negative, and the sum has none"""
    found: dict[Any, tuple[Node, Number, Fn]] = {}
    for term, k in e.terms:
        logs = [b for b, x in factors_of(term)[1] if type(b) is Fn and b.head == "log" and x == 1]
        if len(logs) != 1:
            continue
        rest = divide(term, logs[0])
        key = (rest, abs(k))
        if key in found:
            other, j, log = found[key]
            if not (nonnegative(log.args[0]) or nonnegative(logs[0].args[0])):
                continue
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
    powers: dict[Any, Any] = dict(e.factors)
    for b, n in e.factors:
        if type(b) is Fn and type(n) is int and b.head == "sign":
            yield from sign_products(e, b, n, powers)
        elif type(b) is Fn and type(n) is int and b.head == "abs":
            yield from size_products(e, b, n, powers)


def sign_products(e: Mul, b: Fn, n: int, powers: dict[Any, Any]) -> Iterator[Expr]:
    """What ``b = sign(u)`` to the power ``n`` makes with other factors."""
    u = b.args[0]
    length = fn("abs", u)
    if nonnegative(u) and any(base in powers for base, _ in factors_of(u)[1]):
        yield mul(e, power(b, -n))
    if n < 1 or n % 2 == 0:
        return
    if n > 1:
        yield mul(e, power(b, 1 - n))
    if count(powers.get(u)) > 0:
        yield mul(e, power(b, -n), power(u, -1), length)
    elif count(powers.get(length)) > 0:
        yield mul(e, power(b, -n), power(length, -1), u)


def size_products(e: Mul, b: Fn, n: int, powers: dict[Any, Any]) -> Iterator[Expr]:
    """What ``b = |u|`` to the power ``n`` makes with a power of ``u``."""
    u = b.args[0]
    m = count(powers.get(u))
    if m > 0 and m % 2 == 0:
        yield mul(e, power(u, -m), power(b, -n), power(b, n + m))
    elif m > 0 and n < 0:
        yield mul(e, power(u, -m), power(b, m), fn("sign", u))


def count(exponent: Any) -> int:
    """A whole exponent; 0 for any other, or none."""
    return exponent if type(exponent) is int else 0


def step(e: Fn) -> Iterator[Expr]:
    """where(u > v, g, where(u == v, g/2, 0)), the share of a maximum in its derivative, as g*step(u, v)"""
    if e.head != "where":
        return
    condition, share, tie = e.args
    if type(condition) is not Fn or condition.head not in ("greater", "less"):
        return
    if type(tie) is Fn and tie.head == "where" and same(tie.args[1], scale(HALF, share)) and same(tie.args[2], 0):
        inner = tie.args[0]
        if type(inner) is Fn and inner.head == "equal" and set(inner.args) == set(condition.args):
            u, v = condition.args if condition.head == "greater" else condition.args[::-1]
            if not meet_at_points(u, v):
                return
            turned = isinstance(v, Node) and (not isinstance(u, Node) or key(v) < key(u))
            if turned:
                yield call("where", fn("greater", v, u), 0, share)
            elif has_value(share):
                yield mul(share, fn("step", u, v))
            else:  # 0 times what has no value is none
                yield call("where", fn("greater", u, v), share, 0)


def meet_at_points(u: Expr, v: Expr) -> bool:
    """Whether ``u`` and ``v`` are known to tie at single points only: |x| and x tie where x is positive.

    They do if neither has pieces, or if they share no symbol and no piece is constant.
    """
    (one, pieces), (other, more) = symbols_and_pieces(u), symbols_and_pieces(v)
    if not pieces and not more:
        return True
    apart = bool(one) and bool(other) and not one & other
    return apart and all(p.head in MOVING and all(isinstance(a, Node) for a in p.args) for p in (*pieces, *more))


def symbols_and_pieces(e: Expr) -> tuple[set[Atom], list[Fn]]:
    """The atoms of an expression, and its functions that are made of pieces."""
    atoms: set[Atom] = set()
    pieces: list[Fn] = []
    stack = [e]
    while stack:
        part = stack.pop()
        if type(part) is Atom:
            atoms.add(part)
        elif type(part) is Fn:
            if part.head not in SMOOTH:
                pieces.append(part)
            stack.extend(part.args)
        elif type(part) is Mul:
            stack.extend(p for factor in part.factors for p in factor)
        elif type(part) is Add:
            stack.extend(t for t, _ in part.terms)
    return atoms, pieces


def has_value(e: Expr) -> bool:
    """Whether ``e`` has a value for all numbers."""
    if not isinstance(e, Node) or type(e) is Atom:
        return True
    if type(e) is Fn:
        return e.head in EVERYWHERE and all(map(has_value, e.args))
    if type(e) is Mul:
        return all(has_value(b) and has_value(x) and (b is E or (type(x) is int and x > 0)) for b, x in e.factors)
    return all(has_value(t) for t, _ in terms_of(e)[1])


def choices(e: Add | Mul) -> Iterator[Expr]:
    """a*where(c, u, v) + b*where(c, w, z) -> where(c, a*u + b*w, a*v + b*z); a*step(u, v) + b -> where(u > v, a + b, b)
    (where u and v meet, there is no derivative)"""
    bases = [b for t in ([t for t, _ in e.terms] if type(e) is Add else [e]) for b, x in factors_of(t)[1] if x == 1]
    made = [b for b in dict.fromkeys(bases) if type(b) is Fn and b.head in ("where", "step")]
    for condition in dict.fromkeys(b.args[0] if b.head == "where" else fn("greater", *b.args) for b in made):
        tables: list[dict[Any, Expr]] = [{}, {}]
        for b in made:
            if b.head == "where" and b.args[0] is condition:
                tables[0][b], tables[1][b] = b.args[1:]
            elif b.head == "step" and fn("greater", *b.args) is condition:
                tables[0][b], tables[1][b] = 1, 0
        yield call("where", condition, *(replaced(e, table) for table in tables))


def signed_sums(e: Add) -> Iterator[Expr | None]:
    """a*sign(u) + b*|u| -> (a + b*u)*sign(u), multiplied out"""
    bases = {b for t, _ in e.terms for b, _ in factors_of(t)[1] if type(b) is Fn}
    for b in bases:
        if type(b) is Fn and b.head == "abs" and fn("sign", b.args[0]) in bases:
            yield expand(replaced(e, {b: mul(b.args[0], fn("sign", b.args[0]))}))


def shifted_roots(e: Mul) -> Iterator[Expr]:
    """(a/b)^(-1/2)/b^2 -> sqrt(a/b)/(a*b)"""
    for base, exponent in e.factors:
        if type(base) is Mul and type(exponent) is Fraction and exponent < 0:
            rest = mul(e.coefficient, *(power(b, x) for b, x in e.factors if b is not base))
            yield mul(rest, power(base, exponent + 1), power(base, -1))


def number_logarithms(e: Add) -> Iterator[Expr]:
    """2*a*log(2) + a*log(4) -> a*log(16)"""
    found: dict[Any, list[tuple[Node, int, int]]] = {}
    for term, k in e.terms:
        for b, x in factors_of(term)[1]:
            number = b.args[0] if type(b) is Fn and b.head == "log" and x == 1 else None
            if type(number) is int and type(k) is int and abs(k) < 9:
                found.setdefault(divide(term, b), []).append((term, k, number))
    for rest, rows in found.items():
        product = prod((Fraction(n) ** k for _, k, n in rows), start=Fraction(1))
        if len(rows) > 1 and max(product.numerator, product.denominator) < LARGEST_LOG:
            yield add(e, *(scale(-k, term) for term, k, _ in rows), mul(rest, call("log", exact(product))))


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
