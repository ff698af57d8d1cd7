"""Sums, products and powers in canonical form: like terms and powers collected, numbers exact.

Every step keeps the value wherever the input has one, in real numbers: a fractional power of a negative number has
none. So x*x^-1 is 1, (x^2)^(1/2) is |x|, and (x*y)^(1/2) stays whole unless a sign is known.
"""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm
from typing import Any

from .nodes import (
    Add,
    Atom,
    E,
    Expr,
    Factor,
    Fn,
    Mul,
    Node,
    Number,
    UndefinedError,
    exact,
    factors_of,
    fn,
    make_add,
    make_mul,
    small_primes,
    terms_of,
)
from .order import sorted_terms

MAX_BITS = 512  # of a number that a power makes; floats end at 1,024
NONNEGATIVE = {"abs", "cosh", "sigmoid", "exp2", "exp10", "square", "softplus", "relu", "hypot"}
POSITIVE = {"cosh", "sigmoid", "exp2", "exp10", "softplus"}


def add(*args: Expr) -> Expr:
    """The sum, like terms collected."""
    constant: Number = 0
    terms: dict[Node, Number] = {}
    for a in args:
        if not isinstance(a, Node):
            constant += a
            continue
        scale, inner = scaled_sum(a)
        c, parts = terms_of(inner)
        constant += scale * c
        for term, k in parts:
            terms[term] = terms[term] + scale * k if term in terms else scale * k
    return build_add(constant, terms)


def scaled_sum(e: Node) -> tuple[Number, Expr]:
    """``3*(x + y)`` as (3, x + y); anything else as (1, e)."""
    if type(e) is Mul and len(e.factors) == 1:
        base, exponent = e.factors[0]
        if exponent == 1 and type(base) is Add:
            return e.coefficient, base
    return 1, e


def build_add(constant: Number, terms: dict[Node, Number]) -> Expr:
    kept = tuple((t, exact(k)) for t, k in terms.items() if k)
    constant = exact(constant)
    if not kept:
        return constant
    if len(kept) == 1 and not constant:
        return scale(kept[0][1], kept[0][0])
    return make_add(constant, kept)


def scale(k: Number, e: Expr) -> Expr:
    """``k*e``; a number times a sum keeps the sum as one factor."""
    if not isinstance(e, Node):
        return exact(k * e)
    if k == 1:
        return e
    if k == 0:
        return 0
    if type(e) is Add:
        return mul(k, e)
    coefficient, factors = factors_of(e)
    return build_mul(exact(k * coefficient), dict(factors))


def negate(e: Expr) -> Expr:
    """``-e``, the sign moved into sums."""
    if type(e) is Add:
        return make_add(-e.constant, tuple((t, -k) for t, k in e.terms))
    return scale(-1, e)


def subtract(a: Expr, b: Expr) -> Expr:
    return add(a, negate(b))


def divide(a: Expr, b: Expr) -> Expr:
    return mul(a, power(b, -1))


def plus(a: Expr, b: Expr) -> Expr:
    """Sum of two exponents."""
    if not isinstance(a, Node) and not isinstance(b, Node):
        return exact(a + b)
    return add(a, b)


def times(a: Expr, b: Expr) -> Expr:
    """Product of two exponents, multiplied out."""
    if not isinstance(a, Node) and not isinstance(b, Node):
        return exact(a * b)
    if not isinstance(b, Node):
        a, b = b, a
    if not isinstance(a, Node) and type(b) is Add:
        return build_add(a * b.constant, {t: a * k for t, k in b.terms})
    return mul(a, b)


def mul(*args: Expr) -> Expr:
    """The product, equal bases collected."""
    coefficient: Number = 1
    powers: dict[Expr, Expr] = {}
    for a in args:
        if not isinstance(a, Node):
            coefficient *= a
            continue
        if type(a) is Add:
            content, a = primitive(a)
            coefficient *= content
        k, factors = factors_of(a)
        coefficient *= k
        for base, exponent in factors:
            powers[base] = plus(powers[base], exponent) if base in powers else exponent
    if not coefficient:
        return 0
    return build_mul(exact(coefficient), powers)


def build_mul(coefficient: Number, powers: dict[Expr, Expr]) -> Expr:
    """The product of collected powers; a power that is no longer canonical is taken again."""
    if not coefficient:
        return 0
    kept: list[Factor] = []
    again: list[Expr] = []
    roots: dict[Fraction, int] = {}
    for base, exponent in powers.items():
        if exponent == 0:
            continue
        if not canonical(base, exponent):
            again.append(power(base, exponent))
        elif type(exponent) is Fraction:
            if type(base) is Add and (merged := merged_sums(base, powers)) is not None:
                return mul(coefficient, *merged)
            if type(base) is int and exponent in roots:
                kept.remove((roots[exponent], exponent))
                again.append(root(base * roots[exponent], exponent))
            else:
                kept.append((base, exponent))
                if type(base) is int:
                    roots[exponent] = base
        else:
            kept.append((base, exponent))
    if again:
        return mul(coefficient, *again, *(make_mul(1, (f,)) if f[1] != 1 else f[0] for f in kept))
    if not kept:
        return coefficient
    if len(kept) == 1 and coefficient == 1 and kept[0][1] == 1:
        return kept[0][0]
    return make_mul(coefficient, tuple(kept))


def merged_sums(base: Add, powers: dict[Expr, Expr]) -> list[Expr] | None:
    """The powers with those of a multiple of the sum ``base``, such as ``-base``, joined to those of ``base``."""
    content, inner = primitive(base)
    n = powers.get(inner)
    if inner is base or type(n) is not int:
        return None
    rest = {b: x for b, x in powers.items() if b is not inner}
    rest[base] = plus(rest[base], n)
    return [exact(Fraction(content) ** -n), *(power(b, x) for b, x in rest.items())]


def canonical(base: Expr, exponent: Expr) -> bool:
    """Whether ``power`` would give this very factor."""
    if type(base) is Atom:
        return base is not E or not isinstance(exponent, Node) or not has_log(exponent)
    if not isinstance(base, Node):
        return not is_power(base) if isinstance(exponent, Node) else 0 < exponent < 1 and type(base) is int
    if type(base) is Mul:
        return type(exponent) is not int
    if type(base) is Fn:
        return not (type(exponent) is int and base.head in ("abs", "cbrt") and exponent % FULL[base.head] == 0)
    return exponent == 1 or type(exponent) is not int or primitive(base)[0] == 1  # type: ignore[arg-type]


FULL = {"abs": 2, "cbrt": 3}  # |x|^2 = x^2, cbrt(x)^3 = x


def primitive(e: Add) -> tuple[Number, Expr]:
    """A sum as number times sum: whole coefficients without common divisor, the first in order positive."""
    numbers = [k for _, k in e.terms]
    if e.constant:
        numbers.append(e.constant)
    top = gcd(*(k.numerator for k in numbers))
    bottom = lcm(*(k.denominator for k in numbers))
    content: Number = exact(Fraction(top, bottom)) if bottom != 1 else top
    if minus_leads(e):
        content = -content
    if content == 1:
        return 1, e
    return content, make_add(
        exact(Fraction(e.constant) / content) if e.constant else 0,
        tuple((t, exact(Fraction(k) / content)) for t, k in e.terms),
    )


def minus_leads(e: Expr) -> bool:
    """Whether ``-e`` is the nicer of the two; exactly one of ``e`` and ``-e`` says so."""
    if not isinstance(e, Node):
        return e < 0
    if type(e) is Mul:
        return e.coefficient < 0
    if type(e) is not Add:
        return False
    signs = [k > 0 for _, k in e.terms]
    if e.constant:
        signs.append(e.constant > 0)
    if sum(signs) * 2 != len(signs):
        return sum(signs) * 2 < len(signs)
    return sorted_terms(e)[0][1] < 0


def power(base: Expr, exponent: Expr) -> Expr:
    """``base^exponent``."""
    if exponent == 0 or (type(base) is int and base == 1):
        return 1
    if exponent == 1:
        return base
    if not isinstance(base, Node):
        return number_power(base, exponent)
    if base is E:
        return exponential(exponent)
    if not isinstance(exponent, Node):
        if type(base) is Mul:
            return product_power(base, exponent)
        if type(base) is Add:
            return sum_power(base, exponent)
        if type(base) is Fn and type(exponent) is int and base.head in FULL and exponent % FULL[base.head] == 0:
            inner = exponent if base.head == "abs" else exponent // 3
            return power(base.args[0], inner)
    elif type(base) is Mul and len(base.factors) == 1 and base.coefficient == 1:
        inner, p = base.factors[0]
        if positive(inner) or (not isinstance(p, Node) and p.denominator % 2 == 0):
            return power(inner, times(p, exponent))
    return make_mul(1, ((base, exponent),))


def is_power(base: Number) -> bool:
    return base in POWERS


# Small powers as base and exponent, so that 4^x and 2^x meet: 4^x is 2^(2*x).
POWERS = {n**k: (n, k) for n in (2, 3, 5, 6, 7, 10) for k in range(2, 10) if n**k <= 1000}


def number_power(base: Number, exponent: Expr) -> Expr:
    if isinstance(exponent, Node):
        if is_power(base):
            n, k = POWERS[base]
            return make_mul(1, ((n, times(k, exponent)),))
        return make_mul(1, ((base, exponent),))
    if base == 0:
        if exponent < 0:
            raise UndefinedError
        return 0
    if type(exponent) is int:
        if abs(exponent) * max(base.numerator.bit_length(), base.denominator.bit_length()) > MAX_BITS and base != -1:
            raise UndefinedError
        return exact(Fraction(base) ** exponent)
    if base < 0:
        raise UndefinedError
    if base.denominator != 1:
        return mul(number_power(base.numerator, exponent), number_power(base.denominator, -exponent))
    return root(base.numerator, exponent)


def root(n: int, exponent: Fraction) -> Expr:
    """``n^exponent`` with whole parts of the exponents outside: 12^(1/2) = 2*3^(1/2)."""
    outside: Number = 1
    inside: dict[Expr, Expr] = {}
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
                inside[p] = part
    if rest != 1:
        whole, part = divmod(exponent, 1)
        outside *= Fraction(rest) ** int(whole)
        inside[rest] = part
    return make_mul(exact(outside), merged_roots(inside)) if inside else exact(outside)


def merged_roots(inside: dict[Expr, Expr]) -> tuple[Factor, ...]:
    """Roots of the same degree under one root: 2^(1/2)*3^(1/2) = 6^(1/2)."""
    by_exponent: dict[Expr, Any] = {}
    for p, e in inside.items():
        by_exponent[e] = by_exponent.get(e, 1) * p
    return tuple((b, e) for e, b in by_exponent.items())


def product_power(base: Mul, exponent: Number) -> Expr:
    """(a*b)^n factor by factor for whole n; otherwise what is known not to be negative leaves the root."""
    if type(exponent) is int:
        k = number_power(base.coefficient, exponent)
        return mul(k, *(power_of_power(b, e, exponent) for b, e in base.factors))
    if len(base.factors) == 1 and base.coefficient == 1:
        return power_of_power(*base.factors[0], exponent)
    outside: list[Expr] = []
    inside: list[Factor] = []
    for b, e in base.factors:
        if nonnegative_power(b, e):
            outside.append(power_of_power(b, e, exponent))
        else:
            inside.append((b, e))
    k = base.coefficient
    if len(inside) == 1 and k > 0:
        outside.append(power_of_power(*inside[0], exponent))
        inside = []
    if not inside:
        return mul(number_power(k, exponent), *outside)
    sign = -1 if k < 0 else 1
    outside.append(number_power(abs(k), exponent))
    return mul(
        *outside,
        make_mul(1, ((make_mul(sign, tuple(inside)) if len(inside) > 1 or sign < 0 else power(*inside[0]), exponent),)),
    )


def power_of_power(base: Expr, inner: Expr, outer: Number) -> Expr:
    """(base^inner)^outer. For an even inner power the base may be negative, so its absolute value is taken."""
    if inner == 1:
        return power(base, outer)
    if type(outer) is int or nonnegative(base) or isinstance(inner, Node):
        if type(outer) is int or positive(base) or not isinstance(inner, Node):
            return power(base, times(inner, outer))
        return make_mul(1, ((power(base, inner), outer),))
    product = exact(inner * outer)
    if inner.numerator % 2 == 0 and inner.denominator == 1 and not (type(product) is int and product % 2 == 0):
        return power(fn("abs", base), product)
    return power(base, product)


def sum_power(base: Add, exponent: Number) -> Expr:
    content, inner = primitive(base)
    if content == 1 or (type(exponent) is not int and not is_square(content, exponent)):
        return make_mul(1, ((base, exponent),))
    return mul(number_power(content, exponent), make_mul(1, ((inner, exponent),)))


def is_square(content: Number, exponent: Number) -> bool:
    """Whether ``content^exponent`` is rational."""
    return content > 0 and not isinstance(number_power(content, exponent), Node)


def exponential(exponent: Expr) -> Expr:
    """E^exponent; E^(a*log(u) + b) is u^a * E^b."""
    if not isinstance(exponent, Node) or not has_log(exponent):
        return make_mul(1, ((E, exponent),))
    constant, terms = terms_of(exponent)
    rest: list[Expr] = [constant]
    powers: list[Expr] = []
    for term, k in terms:
        split = split_log(term)
        if split is None:
            rest.append(scale(k, term))
        else:
            powers.append(power(split[0], scale(k, split[1])))
    return mul(power(E, add(*rest)), *powers)


def has_log(e: Expr) -> bool:
    return any(split_log(t) is not None for t, _ in terms_of(e)[1])


def split_log(term: Node) -> tuple[Expr, Expr] | None:
    """``a*log(u)`` as (u, a), if it has just one logarithm."""
    logs = [b for b, e in factors_of(term)[1] if type(b) is Fn and b.head == "log" and e == 1]
    if len(logs) != 1:
        return None
    return logs[0].args[0], mul(term, power(logs[0], -1))


def nonnegative_power(base: Expr, exponent: Expr) -> bool:
    """Whether ``base^exponent`` is never negative where it has a value."""
    if not isinstance(exponent, Node) and (exponent.denominator % 2 == 0 or exponent.numerator % 2 == 0):
        return True
    return nonnegative(base) or isinstance(exponent, Node)


def nonnegative(e: Expr) -> bool:
    """Whether ``e`` is known never to be negative where it has a value."""
    if not isinstance(e, Node):
        return e >= 0
    if type(e) is Atom:
        return e.positive
    if type(e) is Fn:
        return e.head in NONNEGATIVE
    if type(e) is Mul:
        return e.coefficient > 0 and all(nonnegative_power(b, k) for b, k in e.factors)
    return e.constant >= 0 and all(k > 0 and nonnegative(t) for t, k in e.terms)  # type: ignore[union-attr]


def never_zero(e: Expr) -> bool:
    """Whether ``e`` is known not to be 0 anywhere."""
    if not isinstance(e, Node):
        return e != 0
    if type(e) is Mul:
        return all(never_zero(b) or (not isinstance(x, Node) and x < 0) for b, x in e.factors)
    return positive(e)


def positive(e: Expr) -> bool:
    """Whether ``e`` is known to be positive where it has a value."""
    if not isinstance(e, Node):
        return e > 0
    if type(e) is Atom:
        return e.positive
    if type(e) is Fn:
        return e.head in POSITIVE
    if type(e) is Mul:
        return e.coefficient > 0 and all(positive(b) for b, _ in e.factors)
    return nonnegative(e) and (e.constant > 0 or any(positive(t) for t, _ in e.terms))  # type: ignore[union-attr]
