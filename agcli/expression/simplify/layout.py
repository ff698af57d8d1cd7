"""How an expression will be written, and what that costs: the number of operators, then the length.

The cost counts what a reader of the text counts: each of + - * / ^, each function, each sign. Sums, products and
quotients are laid out here, so that the cost and the tensors in ``emit`` cannot disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

from agcli.expression.simplify.arithmetic import negate, scale
from agcli.expression.simplify.contents import minus_leads, primitive
from agcli.expression.simplify.nodes import Add, Atom, E, Expr, Fn, Mul, Node, Number, size
from agcli.expression.simplify.order import degree, factor_key, factor_rank, sorted_terms

HALF = Fraction(1, 2)
LETTER = 1 / 1024  # what a symbol or a digit costs: decides only between equal numbers of operators


class Part(NamedTuple):
    """A written factor: the product of ``bases`` to the power ``exponent``."""

    bases: tuple[Expr, ...]
    exponent: Expr


class Quotient(NamedTuple):
    """A written product: sign, numbers and parts above and below the line."""

    negative: bool
    top: int
    bottom: int
    above: list[Part]
    below: list[Part]


def quotient(e: Mul) -> Quotient:
    """How a product is written; found once for each."""
    try:
        return e.line  # type: ignore[no-any-return]
    except AttributeError:
        e.line = found = laid_out(e)
        return found


def laid_out(e: Mul) -> Quotient:
    """Negative powers below the line, roots of one degree under one sign."""
    top, bottom = abs(e.coefficient.numerator), e.coefficient.denominator
    above: list[Part] = []
    below: list[Part] = []
    roots: tuple[dict[Expr, list[Expr]], dict[Expr, list[Expr]]] = ({}, {})
    factors = sorted(e.factors, key=factor_key)
    for base, exponent in factors:
        if base is E:
            above.append(Part((base,), exponent))
        elif isinstance(exponent, Node):
            turned = minus_leads(exponent) and (len(factors) > 1 or e.coefficient != 1)
            (below if turned else above).append(Part((base,), negate(exponent) if turned else exponent))
        elif exponent.denominator == 1:
            (above if exponent > 0 else below).append(Part((base,), size(exponent)))
        else:
            roots[exponent < 0].setdefault(size(exponent), []).append(base)
    over, under = roots
    number = over[HALF][0] if HALF in under and HALF in over else None
    if type(number) is int and bottom % number == 0:
        bottom //= number
        under[HALF].insert(0, over[HALF].pop(0))
    above = placed(above, over)
    below = placed(below, under)
    negative = e.coefficient < 0 and not sign_absorbed(above, below)
    return Quotient(negative, top, bottom, above, below)


def placed(parts: list[Part], roots: dict[Expr, list[Expr]]) -> list[Part]:
    """``parts`` and roots together: roots of numbers first, of symbols after symbols, of sums after sums."""
    found = [Part(tuple(bases), x) for x, bases in roots.items() if bases]
    return sorted([*parts, *found], key=part_rank) if found else parts


def part_rank(part: Part) -> float:
    bases, exponent = part
    ranks = [factor_rank(b, exponent if b is E or isinstance(exponent, Node) else 1) for b in bases]
    if isinstance(exponent, Node) or exponent.denominator == 1:
        return max(ranks)
    return 0 if max(ranks) <= 1 else max(ranks) + 0.5


def sign_absorbed(*sides: list[Part]) -> bool:
    """Turn a sum around, where that costs nothing: -(x - 1)/y is (1 - x)/y, and -(x - 1)/(1 + x - x^2) is
    (x - 1)/(x^2 - x - 1). Longer sums are not turned into rising degree."""
    rising = None
    for parts in sides:
        for i, (bases, exponent) in enumerate(parts):
            if exponent == 1 and type(bases[0]) is Add:
                turned: Any = negate(bases[0])
                if cost(turned) > cost(bases[0]):
                    continue
                if not rises(turned):
                    parts[i] = Part((turned,), 1)
                    return True
                if len(turned.terms) + (turned.constant != 0) == 2:
                    rising = rising or (parts, i, turned)
    if rising is None:
        return False
    parts, i, turned = rising
    parts[i] = Part((turned,), 1)
    return True


def rises(e: Add) -> bool:
    """Whether a sum is written in rising degree, so that it has no sign in front."""
    first, *_, last = terms = sorted_terms(e)
    return first[1] < 0 < last[1] and all(degree(a) > degree(b) for (a, _), (b, _) in pairwise(terms))


def written_terms(e: Add) -> list[tuple[Expr, Number]]:
    """Terms from left to right; a positive one leads if there is one."""
    terms = sorted_terms(e)
    if rises(e):
        terms.reverse()
    elif terms[0][1] < 0:
        if len({degree(term) for term, _ in terms if term != 1}) == 1:
            terms.sort(key=lambda term: (term[0] == 1, term[1] < 0))  # b + c - a, and a number last
        first = next((i for i, (_, k) in enumerate(terms) if k > 0), 0)
        terms.insert(0, terms.pop(first))
    return terms


def cost(e: Expr) -> float:
    """Operators in the text of ``e``, plus a little for its length."""
    if not isinstance(e, Node):
        return number_cost(e)
    try:
        return e.cost
    except AttributeError:
        pass
    if type(e) is Atom:
        found = LETTER
    elif type(e) is Fn:
        found = 1 + (e.head == "step") + sum(map(cost, e.args))  # where(u > v, 1, 0)
    elif type(e) is Mul:
        found = product_cost(e)
    else:
        found = sum_cost(e)  # type: ignore[arg-type]
    e.cost = found
    return found


def number_cost(q: Number) -> float:
    if type(q) is int:
        return LETTER * len(str(q)) if q >= 0 else 1 + LETTER * len(str(-q))
    n, d = q.numerator, q.denominator
    return (n < 0) + (d != 1) + LETTER * (len(str(abs(n))) + (len(str(d)) if d != 1 else 0))


def sum_cost(e: Add) -> float:
    constant = e.constant
    total = len(e.terms) - 1.0
    leads = constant > 0
    for term, k in e.terms:
        total += term_cost(term, k)
        if not leads and k > 0:
            leads = True
        if type(term) is Mul and is_fraction(term):
            total += LETTER / 4
    if constant:
        total += 1 + number_cost(size(constant))
    return total if leads else total + 1


def is_fraction(term: Mul) -> bool:
    """Whether something stands below the line; of equal forms the one with fewer fractions is nicer."""
    below = False
    for _, x in term.factors:
        below = below or (not isinstance(x, Node) and x.numerator < 0)  # a fraction is slow to compare
    return below


def term_cost(term: Expr, k: Number) -> float:
    """Cost of ``|k|*term``."""
    total = cost(term)
    n, d = abs(k.numerator), k.denominator
    if n != 1:
        total += LETTER * len(str(n)) + (type(term) is not Mul or stands_above(term))
    return total + 1 + LETTER * len(str(d)) if d != 1 else total


def stands_above(term: Mul) -> bool:
    """Whether there is something above the line of a product without a number."""
    if any(base is E or (not isinstance(x, Node) and x > 0) for base, x in term.factors):
        return True
    return any(isinstance(x, Node) for _, x in term.factors) and bool(quotient(term).above)


def product_cost(e: Mul) -> float:
    try:
        line: Quotient = e.line
    except AttributeError:
        if (found := plain(e) if e.one is None else cost_of_multiple(e, e.one)) is not None:
            return found
        line = quotient(e)
    above, below = len(line.above) + (line.top != 1), len(line.below) + (line.bottom != 1)
    operators = (max(above, 1) - 1) + below + line.negative
    total = operators + sum(part_cost(*p) for p in line.above) + sum(part_cost(*p) for p in line.below)
    if line.top != 1 or not line.above:
        total += LETTER * len(str(line.top))
    return total + (LETTER * len(str(line.bottom)) if line.bottom != 1 else 0.0)


def plain(e: Mul) -> float | None:
    """What ``plain_cost`` finds for a product without a number, found once for each."""
    try:
        return e.plain
    except AttributeError:
        e.plain = found = plain_cost(e)
        return found


def cost_of_multiple(e: Mul, one: Mul) -> float | None:
    """What ``plain_cost`` finds, from the cost of the product without its number."""
    total = plain(one)
    k = e.coefficient
    if total is None or (k < 0 and any(x in (1, -1) and type(b) is Add for b, x in e.factors)):
        return None
    n, d = abs(k.numerator), k.denominator
    if n != 1:
        total += LETTER * len(str(n)) + (1 if stands_above(one) else -LETTER)
    return total + (1 + LETTER * len(str(d)) if d != 1 else 0) + (k < 0)


def plain_cost(e: Mul) -> float | None:
    """What ``product_cost`` finds for a product without a number, without an order of the factors; None where the
    layout matters: with roots of numbers, and exponents that are turned."""
    above = below = 0
    total = 0.0
    roots: dict[Number, list[Expr]] = {}
    for base, exponent in e.factors:
        if isinstance(exponent, Node):
            if base is not E and minus_leads(exponent):
                return None
            above += 1
            total += part_cost((base,), exponent)
        elif type(exponent) is Fraction and base is not E:
            if type(base) is int:
                return None
            roots.setdefault(exponent, []).append(base)
        elif exponent > 0 or base is E:
            above += 1
            total += part_cost((base,), exponent)
        else:
            below += 1
            total += part_cost((base,), -exponent)
    for exponent, bases in roots.items():
        above += exponent.numerator > 0
        below += exponent.numerator < 0
        total += part_cost(bases, size(exponent))
    return total + max(above - 1, 0) + below + (LETTER if not above else 0)


def number_power(base: int, exponent: Expr) -> tuple[int, Expr]:
    """2^(3*x) as it is written: 8^x."""
    if type(exponent) not in (Add, Mul):
        return base, exponent
    content, inner = primitive(exponent) if type(exponent) is Add else (exponent.coefficient, None)  # type: ignore
    if type(content) is int and 1 < content < 10 and base**content <= 1000:
        return base**content, scale(Fraction(1, content), exponent) if inner is None else inner
    return base, exponent


def part_cost(bases: Sequence[Expr], exponent: Expr) -> float:
    if bases[0] is E:
        return LETTER if exponent == 1 else 1 + cost(exponent)
    if type(bases[0]) is int and isinstance(exponent, Node):
        base, exponent = number_power(bases[0], exponent)
        return LETTER * len(str(base)) + 1 + cost(exponent)
    inner = len(bases) - 1 + sum(map(cost, bases))
    if exponent == 1:
        return inner
    return inner + 1 + (0 if exponent == HALF else cost(exponent))
