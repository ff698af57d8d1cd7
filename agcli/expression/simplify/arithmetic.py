"""Sums, products and powers in canonical form: like terms and powers collected, numbers exact.

Every step keeps the value wherever the input has one, in real numbers: a fractional power of a negative number has
none. So x*x^-1 is 1, (x^2)^(1/2) is |x|, and (x*y)^(1/2) stays whole unless a sign is known.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from agcli.expression.simplify.contents import primitive
from agcli.expression.simplify.nodes import (
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
    bare,
    exact,
    factors_of,
    fn,
    make_add,
    make_mul,
    multiple,
    size,
    terms_of,
)
from agcli.expression.simplify.roots import POWERS, is_power, joined_roots, root
from agcli.expression.simplify.signs import nonnegative, nonnegative_power, positive

MAX_BITS = 512  # of a number that a power makes; floats end at 1,024


def add(*args: Expr) -> Expr:
    """The sum, like terms collected."""
    constant: Number = 0
    terms: dict[Node, Number] = {}
    for a in args:
        if type(a) is Add:
            constant += a.constant
            for term, k in a.terms:
                terms[term] = terms[term] + k if term in terms else k
        elif type(a) is Mul:
            k, inner = a.coefficient, bare(a)
            if type(inner) is not Add:
                terms[inner] = terms[inner] + k if inner in terms else k
                continue
            constant += k * inner.constant
            for term, c in inner.terms:
                terms[term] = terms[term] + k * c if term in terms else k * c
        elif isinstance(a, Node):
            terms[a] = terms[a] + 1 if a in terms else 1
        else:
            constant += a
    return build_add(constant, terms)


def build_add(constant: Number, terms: dict[Node, Number]) -> Expr:
    kept = tuple([(t, k if type(k) is int else exact(k)) for t, k in terms.items() if k])
    constant = exact(constant)
    if len(kept) > 1 or (kept and constant):
        return make_add(constant, kept)
    return scale(kept[0][1], kept[0][0]) if kept else constant


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
    if type(e) is not Mul:
        return make_mul(k, ((e, 1),))
    k = k if e.coefficient == 1 else exact(k * e.coefficient)
    return bare(e) if k == 1 else multiple(k, e.one or e)  # whose factors are collected already


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
    if type(a) is int and type(b) is int:
        return a + b
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
        if type(a) is Add:
            content, inner = primitive(a)
            if content != 1:
                coefficient *= content
            powers[inner] = plus(powers[inner], 1) if inner in powers else 1
        elif type(a) is Mul:
            if a.coefficient != 1:
                coefficient *= a.coefficient
            for base, exponent in a.factors:
                powers[base] = plus(powers[base], exponent) if base in powers else exponent
        elif isinstance(a, Node):
            powers[a] = plus(powers[a], 1) if a in powers else 1
        else:
            coefficient *= a
    return build_mul(exact(coefficient), powers)


def product(coefficient: Number, powers: dict[Expr, Expr]) -> Expr:
    """``mul`` of a number and the powers of different bases."""
    for base, exponent in powers.items():
        if type(base) is Add and exponent == 1 and primitive(base)[0] != 1:
            return mul(coefficient, *[power(b, x) for b, x in powers.items()])
    return build_mul(coefficient, powers)


def build_mul(coefficient: Number, powers: dict[Expr, Expr]) -> Expr:
    """The product of collected powers; a power that is no longer canonical is taken again."""
    if not coefficient:
        return 0
    kept: list[Factor] = []
    again: list[Expr] = []
    numbers = 0
    for base, exponent in powers.items():
        if exponent == 0:
            continue
        if type(base) is Atom and base is not E:
            kept.append((base, exponent))
            continue
        numbers += type(base) is int
        if not canonical(base, exponent):
            again.append(power(base, exponent))
        elif type(exponent) is Fraction and type(base) is Add and (merged := merged_sums(base, powers)) is not None:
            return mul(coefficient, *merged)
        else:
            kept.append((base, exponent))
    roots = joined_roots(kept) if numbers > 1 else []
    if roots:
        kept = [f for f in kept if type(f[0]) is not int or type(f[1]) is not Fraction]
        again.extend(roots)
    if again:
        return mul(coefficient, *again, *(plain_power(b, x) if x != 1 else b for b, x in kept))
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
        return not isinstance(exponent, Node) or not has_log(exponent)
    if not isinstance(base, Node):
        return not is_power(base) if isinstance(exponent, Node) else 0 < exponent < 1 and type(base) is int
    if type(base) is Mul:
        return type(exponent) is not int
    if type(base) is Fn:
        return not (type(exponent) is int and base.head in ("abs", "cbrt") and exponent % FULL[base.head] == 0)
    return exponent == 1 or type(exponent) is not int or primitive(base)[0] == 1  # type: ignore[arg-type]


FULL = {"abs": 2, "cbrt": 3}  # |x|^2 = x^2, cbrt(x)^3 = x


def power(base: Expr, exponent: Expr) -> Expr:
    """``base^exponent``."""
    if type(exponent) is Fraction and exponent.denominator == 1:
        exponent = exponent.numerator
    if exponent == 0 or base == 1:
        return 1
    if exponent == 1:
        return base
    return POWERS_OF[kind_of_power(base, exponent)](base, exponent)


def kind_of_power(base: Expr, exponent: Expr) -> str:
    """The row of ``POWERS_OF``."""
    if not isinstance(base, Node):
        return "number"
    if base is E:
        return "exponential"
    return "symbolic" if isinstance(exponent, Node) else type(base).__name__


def plain_power(base: Expr, exponent: Expr) -> Expr:
    return make_mul(1, ((base, exponent),))


def symbolic_power(base: Node, exponent: Node) -> Expr:
    """(u^p)^v = u^(p*v) where u cannot be negative."""
    if type(base) is Mul and len(base.factors) == 1 and base.coefficient == 1:
        inner, p = base.factors[0]
        if positive(inner) or (not isinstance(p, Node) and p.denominator % 2 == 0):
            return power(inner, times(p, exponent))
    return plain_power(base, exponent)


def function_power(base: Fn, exponent: Number) -> Expr:
    """|u|^2 = u^2, cbrt(u)^3 = u."""
    full = FULL.get(base.head) if isinstance(base.head, str) else None
    if full is None or type(exponent) is not int or exponent % full:
        return plain_power(base, exponent)
    return power(base.args[0], exponent if base.head == "abs" else exponent // full)


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
    return root(base.numerator, Fraction(exponent))


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
    outside.append(number_power(size(k), exponent))
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


def exponential(base: Expr, exponent: Expr) -> Expr:
    """E^exponent; E^(a*log(u) + b) is u^a * E^b."""
    if not isinstance(exponent, Node) or not has_log(exponent):
        return make_mul(1, ((base, exponent),))
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


# What a power is, by its base and exponent.
POWERS_OF: dict[str, Callable[[Any, Any], Expr]] = {
    "number": number_power,
    "exponential": exponential,
    "symbolic": symbolic_power,
    "Atom": plain_power,
    "Fn": function_power,
    "Mul": product_power,
    "Add": sum_power,
}
