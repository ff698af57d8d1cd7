"""Sums as one product: common factors, common denominators, and what cancels in a fraction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, TypeAlias

from agcli.expression.simplify.arithmetic import add, mul, negate, plus, power, product, scale
from agcli.expression.simplify.contents import primitive
from agcli.expression.simplify.divisors import PRIME, common_divisor, meet, quotient, residue, trimmed
from agcli.expression.simplify.features import GUARD, NEGATIVE, features
from agcli.expression.simplify.nodes import REST, TABLE, Add, Atom, E, Expr, Fn, Mul, Node, Number, exact, make_add
from agcli.expression.simplify.order import term_key
from agcli.expression.simplify.polynomials import (
    MAX_DEGREE,
    expand,
    powers_of,
    read,
    terms_when_expanded,
    write,
)
from agcli.expression.simplify.signs import never_zero

MANY = 4  # terms of a sum in which a denominator is common if half of them have it
SPARE = 12  # terms that a common numerator may have beyond two for each term of the sum

Row: TypeAlias = "tuple[Number, dict[Any, Number]]"


def rows_of(e: Add) -> list[Row]:
    """The terms of a sum as coefficient and powers of generators, which nobody changes."""
    try:
        return e.rows
    except AttributeError:
        e.rows = rows = [(k, powers_of(t)) for t, k in e.terms]
        if e.constant:
            rows.append((e.constant, {}))
        return rows


def lowest(rows: list[Row]) -> dict[Any, Number]:
    """The lowest power of each generator over all terms, where it is not 0."""
    least: dict[Any, Number] = {}
    count: dict[Any, int] = {}
    for _, row in rows:
        for generator, k in row.items():
            if generator not in count:
                count[generator], least[generator] = 1, k
                continue
            count[generator] += 1
            least[generator] = min(least[generator], k)
    everywhere = len(rows)
    return {g: k for g, k in least.items() if k and (k.numerator < 0 or count[g] == everywhere)}


def is_exponential(generator: Any) -> bool:
    return isinstance(generator, tuple) or generator is E


def product_of(row: dict[Any, Number]) -> Expr:
    """A product of generators; u^a and u^-1 are u^(a - 1), which may have a value at 0."""
    exponents_by_base: dict[Expr, Expr] = {}
    for generator, k in row.items():
        base, exponent = (generator[0], scale(k, generator[1])) if type(generator) is tuple else (generator, k)
        known = exponents_by_base.get(base)
        exponents_by_base[base] = exponent if known is None else plus(known, exponent)
    return product(1, exponents_by_base)


def pull_out(rows: list[Row], shared: dict[Any, Number]) -> tuple[Expr, Expr]:
    """``shared`` as a product, and the sum of what is left of the terms."""
    return product_of(shared), add(*(scale(k, product_of(without(row, shared))) for k, row in rows))


def without(row: dict[Any, Number], shared: dict[Any, Number]) -> dict[Any, Number]:
    """A product of generators divided by another."""
    left = row.copy()
    for g, k in shared.items():
        x = exact(left.get(g, 0) - k)
        if x:
            left[g] = x
        else:
            left.pop(g, None)
    return left


def common_factor(e: Add) -> Iterator[Expr]:
    """a*b + a*c -> a*(b + c); a/2 + b/2 -> (a + b)/2; u^(a - 1) + u^a -> u^(a - 1)*(u + 1)"""
    joined = whole_numbers(e)
    if joined is not e:
        yield joined
    rows = rows_of(e)
    least = lowest(rows)
    shared = {g: k for g, k in least.items() if k > 0 or is_shift(g, least, rows)}
    if shared:
        shared = without_mixed(shared, least, rows)
    if shared:
        front, rest = pull_out(rows, shared)
        yield mul(front, rest)


def is_shift(u: Any, least: dict[Any, Number], rows: list[Row]) -> bool:
    """Whether a negative power of ``u`` is a part of u^(a - 1): without it, u^a*(1/u + 1) would have no value at 0.

    Where log(u) is in the sum, it has none there already.
    """
    if not any(isinstance(g, tuple) and g[0] is u and k > 0 for g, k in least.items()) or never_zero(u):
        return False
    return not any(is_log(g, u) for _, row in rows for g in row)


def without_mixed(shared: dict[Any, Number], least: dict[Any, Number], rows: list[Row]) -> dict[Any, Number]:
    """``shared`` without powers of u that no term has: u^(a/2 - 1) + u^(a - 2) is u^(a/2 - 2)*(u + u^(a/2)), and
    u^(1 - a) + 2*u^(1 - a) is u*(u^-a + 2*u^-a), but at 0."""
    mixed: set[Any] = set()
    for u in dict.fromkeys(g[0] for _, row in rows for g in row if isinstance(g, tuple)):
        if never_zero(u) or any(is_log(g, u) for _, row in rows for g in row):
            continue
        own = dict.fromkeys(g for _, row in rows for g in row if g is u or (isinstance(g, tuple) and g[0] is u))
        pulled = {g: shared.get(g, 0) for g in own}
        if any(pulled.values()) and not any(all(row.get(g, 0) == k for g, k in pulled.items()) for _, row in rows):
            mixed |= set(own)
    return {g: k for g, k in shared.items() if g not in mixed}


def is_lowered(u: Any, rows: list[Row]) -> bool:
    """Whether ``u`` is below the line only as a part of u^(a - 1): u^a/u would have no value at 0. See ``is_shift``."""
    below = [row for _, row in rows if row.get(u, 0) < 0]
    if is_exponential(u) or never_zero(u) or any(is_log(g, u) for _, row in rows for g in row):
        return False
    return all(any(isinstance(g, tuple) and g[0] is u and k > 0 for g, k in row.items()) for row in below)


def is_log(g: Any, u: Any) -> bool:
    return type(g) is Fn and g.head == "log" and g.args[0] is u


def aligned(rows: list[Row]) -> list[Row]:
    """1/(x - 1) as -1/(1 - x) where another term has a root of 1 - x, which cannot be turned around."""
    roots = {g for _, row in rows for g, x in row.items() if type(g) is Add and x.denominator != 1}
    turned = {negate(g): g for g in roots}
    if not any(g in turned for _, row in rows for g in row):
        return rows
    found: list[Row] = []
    for k, row in rows:
        whole = {g: x for g, x in row.items() if g in turned and type(x) is int}
        made = {g: x for g, x in row.items() if g not in whole}
        for g, x in whole.items():
            made[turned[g]] = plus(made.get(turned[g], 0), x)  # type: ignore[assignment]
        found.append((-k if sum(whole.values()) % 2 else k, made))
    return found


def common_denominator(e: Add) -> Iterator[Expr]:
    """a/b + c/d -> (a*d + b*c)/(b*d), cancelled"""
    rows = aligned(rows_of(e))
    least = lowest(rows)
    if not any(k < 0 for k in least.values()):
        return
    shared = {g: k for g, k in least.items() if k > 0 or is_shift(g, least, rows) or not is_lowered(g, rows)}
    if len(rows) >= MANY:  # what stands below few terms of many makes the others longer
        below = Counter(g for _, row in rows for g, x in row.items() if x < 0)
        shared = {g: k for g, k in shared.items() if k > 0 or 2 * below[g] >= len(rows)}
    shared = without_mixed(shared, least, rows)
    if not any(k < 0 for k in shared.values()):
        return
    most = SPARE + 2 * len(rows)  # more terms do not meet again
    plain = {g: k for g, k in shared.items() if k > 0 or not is_exponential(g)}
    for chosen in (shared, plain) if len(plain) != len(shared) else (shared,):
        if chosen:
            front, rest = pull_out(rows, chosen)
            yield mul(front, rest)
            expanded = expand(rest) if terms_when_expanded(rest) <= most else None
            if expanded is not None:
                yield cancelled(mul(front, expanded))


def nested(e: Add) -> Iterator[Expr]:
    """a/b + c/(b*d) + f/(b*d*g) -> (a + (c + f/g)/d)/b"""
    yield whole_numbers(horner(rows_of(e)))


def horner(rows: list[Row]) -> Expr:
    """A sum in which what stands below several terms is written once."""
    least = lowest(rows).items()
    below = {g: k for g, k in least if k < 0 and all(g in row for _, row in rows) and not is_lowered(g, rows)}
    if below:
        inner = [(k, {g: plus(x, negate(below.get(g, 0))) for g, x in row.items()}) for k, row in rows]
        rest = horner([(k, {g: x for g, x in row.items() if x}) for k, row in inner])  # type: ignore[misc]
        return mul(whole_numbers(rest), product_of(below))
    counts = Counter(g for _, row in rows for g, x in row.items() if x < 0 and not is_lowered(g, rows))
    shared, count = counts.most_common(1)[0] if counts else (None, 0)
    if count < 2:
        return pull_out(rows, {})[1]
    apart = [row for row in rows if row[1].get(shared, 0) >= 0]
    return add(horner([row for row in rows if row[1].get(shared, 0) < 0]), pull_out(apart, {})[1])


def whole_numbers(e: Expr) -> Expr:
    """a/2 + b/4 -> (2*a + b)/4"""
    content, inner = primitive(e) if type(e) is Add else (1, e)
    return e if content.denominator == 1 else mul(content, inner)


def cancelled(e: Expr) -> Expr:
    """A product in which no sum above the line has a common divisor with a sum below it."""
    if type(e) is not Mul:
        return e
    above = [b for b, x in e.factors if type(b) is Add and type(x) is int and x > 0]
    below = [b for b, x in e.factors if type(b) is Add and not isinstance(x, Node) and x < 0]
    for a in above:
        for b in below:
            parts = split(a, b)
            if parts is not None:
                shared, rest_a, rest_b = parts
                x, y = dict(e.factors)[a], dict(e.factors)[b]
                if type(y) is int or rest_b == 1:
                    inverse = (power(a, negate(x)), power(b, negate(y)))
                    return cancelled(mul(e, *inverse, power(rest_a, x), power(shared, plus(x, y)), power(rest_b, y)))
    return e


def multiplied_out(e: Mul) -> Iterator[Expr | None]:
    """a*(b + c) -> a*b + a*c, where products of sums or functions may cancel"""
    sums = [(b, x) for b, x in e.factors if type(b) is Add]
    others = [b for b, _ in e.factors if type(b) is not Add]
    single = len(sums) == 1 and sums[0][1] == 1 and bool(others)
    if single and others == [REST] and not features(sums[0][0]) & GUARD:
        return  # the sum was looked at alone, and without powers such as x^n, what stands for factors meets nothing
    plain = single and all(type(b) is Atom and b is not REST for b in others)  # x*(y + 1) is the shorter one already
    if not plain or features(sums[0][0]) & NEGATIVE:
        yield expand(e)


def joined_roots(e: Mul) -> Iterator[Expr]:
    """sqrt(x - 1)*sqrt(x + 1) -> sqrt(x^2 - 1)"""
    roots: dict[Expr, list[Expr]] = {}
    for b, x in e.factors:
        if type(b) is Add and type(x) is Fraction:
            roots.setdefault(x, []).append(b)
    for exponent, bases in roots.items():
        product = expand(mul(*bases)) if len(bases) > 1 else None
        if product is not None:
            inverse = [power(b, negate(exponent)) for b in bases]
            yield mul(e, *inverse, power(product, exponent))


def joined_below(e: Mul) -> Iterator[Expr]:
    """a/((x - 1)*(x + 1)) -> a/(x^2 - 1)"""
    below = [b for b, x in e.factors if x == -1 and type(b) is Add]
    if len(below) > 1:
        product = expand(mul(*below))
        if product is not None:
            yield mul(e, *below, power(product, -1))


def split(a: Add, b: Add) -> tuple[Expr, Expr, Expr] | None:
    """The common divisor of two sums, and what is left of each."""
    if (a, b) not in TABLE.divided:
        TABLE.divided[a, b] = found_split(a, b)
    return TABLE.divided[a, b]


def found_split(a: Add, b: Add) -> tuple[Expr, Expr, Expr] | None:
    wide_a, wide_b = expand(a), expand(b)
    if wide_a is None or wide_b is None or are_coprime(wide_a, wide_b):
        return None
    found = read(wide_a, wide_b)
    if found is None:
        return None
    generators, (f, g) = found
    if not f or not g:
        return None
    d = common_divisor(f, g)
    if d is None:
        return None
    rest_f, rest_g = quotient(f, d), quotient(g, d)
    if rest_f is None or rest_g is None:
        return None
    return write(d, generators), write(rest_f, generators), write(rest_g, generators)


def are_coprime(a: Expr, b: Expr) -> bool:
    """Whether two sums are known to have no common divisor, by their images modulo a prime, found once for each."""
    f = residues_of(a) if type(a) is Add else None
    g = residues_of(b) if type(b) is Add else None
    if f is None or g is None:
        return False
    return not any(meet(list(f[generator]), list(g[generator])) for generator in f if generator in g)


def residues_of(e: Add) -> dict[Any, list[int]] | None:
    """The images of a sum as a polynomial of each of its generators, numbers in the places of the others; None where a
    power is none of a polynomial, or too large."""
    try:
        return e.residues
    except AttributeError:
        rows = rows_of(e)
        whole = all(type(x) is int and 0 < x <= MAX_DEGREE for _, row in rows for x in row.values())
        e.residues = found = images(rows) if whole else None
        return found


def images(rows: list[Row]) -> dict[Any, list[int]]:
    """Generator -> the coefficients modulo a prime of a sum as a polynomial of it, rising."""
    places = TABLE.places
    terms: list[tuple[int, dict[Any, Any]]] = []  # with whole powers
    degrees: dict[Any, Any] = {}
    for k, row in rows:
        value = k.numerator * pow(k.denominator, -1, PRIME)
        for g, x in row.items():
            value = value * residue(places.setdefault(g, len(places)), x) % PRIME
            degrees[g] = max(degrees.get(g, 0), x)
        terms.append((value, row))
    found: dict[Any, list[int]] = {}
    for generator, degree in degrees.items():
        image, place = [0] * (degree + 1), places[generator]
        for value, row in terms:
            power_of: Any = row.get(generator, 0)
            image[power_of] += value * residue(place, -power_of)
        found[generator] = trimmed(image)
    return found


def partial_factor(e: Add) -> Iterator[Expr]:
    """a*b + a*c + d -> a*(b + c) + d"""
    if len(e.terms) + (e.constant != 0) < 3:
        return
    # In the order of writing, so that ties are decided alike when the sum is read again.
    own = zip(e.terms, rows_of(e), strict=False)
    rows = sorted([(t, k, row) for (t, k), (_, row) in own], key=term_key)
    holders: dict[Any, list[int]] = {}
    for i, (_, _, row) in enumerate(rows):
        for g in row:
            holders.setdefault(g, []).append(i)
    for where in sorted({tuple(found) for found in holders.values() if len(found) > 1}):
        chosen = [rows[i] for i in where]
        if not any(isinstance(g, tuple) or type(g) is not Atom for g in lowest([(k, row) for _, k, row in chosen])):
            continue  # x^2 + x + 1 is nicer than x*(x + 1) + 1
        group = make_add(0, tuple((t, k) for t, k, _ in chosen))
        rest = [scale(k, t) for i, (t, k, _) in enumerate(rows) if i not in where]
        for joined in common_factor(group):
            yield add(joined, *rest, e.constant)
