"""What is searched together: the factors of a product, and the terms of a long sum, that have something in common.

What the rules do grows with the square of the terms or factors or faster, and those without a common function, sum or
power do not meet. The terms of a derivative by the product rule share all but two factors, so that a group of factors
is there several times, and searched once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import combinations
from typing import Any, TypeVar

from agcli.expression.simplify.arithmetic import add, mul, power, scale
from agcli.expression.simplify.features import EXPONENTIAL, NEGATIVE, SINES, SQUARE, TANGENT, WIDE, features
from agcli.expression.simplify.nodes import (
    REST,
    Add,
    Atom,
    E,
    Expr,
    Factor,
    Fn,
    Mul,
    Node,
    Number,
    factors_of,
    make_add,
    make_mul,
    terms_of,
)
from agcli.expression.simplify.rational import split

M = TypeVar("M", Add, Mul)
FEW = 4  # terms of a sum that is looked at in groups if it falls into some
FAMILIES = {
    **dict.fromkeys(("sin", "cos", "tan"), "circular"),
    **dict.fromkeys(("sinh", "cosh", "tanh"), "hyperbolic"),
    **dict.fromkeys(("gamma", "digamma"), "gamma"),
}
RATIONAL = "rational"  # the mark of terms of symbols only
MEET_ALL = frozenset(("where", "step", "abs", "sign", "keep"))  # with any factor


def found_once(e: M, split: Callable[[M], list[Expr]]) -> list[Expr]:
    """The parts of a sum or product, found once."""
    try:
        return e.groups or [e]
    except AttributeError:
        found = split(e)
        e.groups = found if len(found) > 1 else None  # what holds itself is left to the garbage collector
        return found


# Sums


def term_groups(e: Add) -> list[Expr]:
    """Parts of a sum, which together are ``e``; ``[e]`` where all of it belongs together. The terms most alike come
    together first."""
    return found_once(e, split_sum)


def split_sum(e: Add) -> list[Expr]:
    if len(e.terms) < FEW:
        return [e]
    holders: dict[Any, list[int]] = {}
    for i, (term, _) in enumerate(e.terms):
        for mark in marks_of(term):
            holders.setdefault(mark, []).append(i)
    alike: Counter[tuple[int, int]] = Counter()
    for where in holders.values():
        alike.update(combinations(where, 2))
    member = list(range(len(e.terms)))
    size = [1] * len(member)
    for (i, j), _ in sorted(alike.items(), key=lambda row: (-row[1], row[0])):
        a, b = member[i], member[j]
        if a != b and size[a] + size[b] <= WIDE:
            size[a] += size[b]
            member = [a if m == b else m for m in member]
    rows: dict[int, list[tuple[Node, Number]]] = {}
    for m, row in zip(member, e.terms, strict=True):
        rows.setdefault(m, []).append(row)
    if len(rows) == 1:
        return [e]
    at = next((member[i] for mark in ("circular", "hyperbolic", RATIONAL) for i in of_family(holders, mark)), -1)
    found: list[Expr] = [] if at in rows or not e.constant else [e.constant]
    for m, terms in rows.items():
        constant = e.constant if m == at else 0
        alone = len(terms) == 1 and not constant
        found.append(scale(terms[0][1], terms[0][0]) if alone else make_add(constant, tuple(terms)))
    return found


def of_family(holders: dict[Any, list[int]], family: str) -> list[int]:
    """The terms with functions of a family."""
    return [i for mark, where in holders.items() if type(mark) is tuple and mark[0] == family for i in where]


def marks_of(term: Node) -> set[Any]:
    """The marks of a term, found once for each product."""
    if type(term) is not Mul:
        return set(marks(term))
    try:
        return term.marks
    except AttributeError:
        term.marks = found = set(marks(term))
        return found


def marks(term: Expr) -> Iterator[Any]:
    """What a term may have in common with others: functions, sums and powers, and whether it has symbols only."""
    rational = True
    for base, exponent in factors_of(term)[1]:
        if isinstance(exponent, Node):
            rational = False
            yield from ((base, t) for t, _ in terms_of(exponent)[1])
        elif type(base) is Fn:
            rational = False
            yield from function_marks(base)
        elif type(base) is not Atom:
            yield base
    if rational:
        yield (RATIONAL,)


def function_marks(e: Fn) -> Iterator[Any]:
    """What a function has in common with those that it meets: sin(x + y), cos(2*x), but not log(x)."""
    family = FAMILIES.get(e.head)
    if family is None:
        yield (e.head, e.args)
    elif family == "gamma":
        yield (family,)
    else:
        yield from ((family, term) for term, _ in terms_of(e.args[0])[1] or ((e.args[0], 1),))


# Products


def factor_groups(e: Mul) -> list[Expr]:
    """Parts of a product, each times ``REST``, which together are ``e``; ``[e]`` where all of it belongs together."""
    return found_once(e, split_product)


def split_product(e: Mul) -> list[Expr]:
    if len(e.factors) < 2 or any(b is REST or meets_all(b, x) for b, x in e.factors):
        return [e]
    groups: list[tuple[set[Any], list[Factor]]] = []
    above = [b for b, x in e.factors if type(b) is Add and type(x) is int and x > 0]
    divisors = {b for b, x in e.factors if type(b) is Atom and not isinstance(x, Node) and x < 0}
    for base, exponent in e.factors:
        own, factors = marks_of_factor(base, exponent), [(base, exponent)]
        if type(base) is Add and not isinstance(exponent, Node) and exponent < 0:
            own.update(a for a in above if split(a, base) is not None)  # what may cancel
        if divisors and type(base) is Add and len(base.terms) + (base.constant != 0) == 2:  # (x^2 + 1)/x^2 = 1 + 1/x^2
            own.update(b for t, _ in base.terms for b, _ in factors_of(t)[1] if b in divisors)
        apart = []
        for group in groups:
            if group[0].isdisjoint(own):
                apart.append(group)
            else:
                own |= group[0]
                factors = group[1] + factors
        groups = [*apart, (own, factors)]
    if len(groups) == 1:
        return [e]
    first = next((i for i, (_, factors) in enumerate(groups) if has_pair(factors)), -1)
    found: list[Expr] = [e.coefficient] if first < 0 else []
    for i, (_, factors) in enumerate(groups):
        if len(factors) == 1 and is_inert(*factors[0]):
            found.append(power(*factors[0]))
        else:
            found.append(make_mul(e.coefficient if i == first else 1, ((REST, 1), *factors)))
    return found


def without_rest(group: Expr, e: Expr) -> Expr | None:
    """What became of a group, without ``REST``; None where that is not a factor of it any more."""
    if e == 0 or type(group) is not Mul or (REST, 1) not in group.factors:
        return e
    constant, terms = terms_of(e)
    parts: list[Expr] = []
    for term, k in terms:
        factors = factors_of(term)[1]
        if (REST, 1) not in factors:
            return None
        parts.append(mul(k, *(power(b, x) for b, x in factors if b is not REST)))
    return add(*parts) if constant == 0 else None


def has_pair(factors: list[Factor]) -> bool:
    """Whether a number makes a group shorter: 2*sin(x)*cos(x)."""
    return sum(type(b) is Fn and b.head in FAMILIES for b, _ in factors) > 1


def is_inert(base: Expr, exponent: Expr) -> bool:
    """Whether no rule changes a factor that stands alone."""
    if type(base) is Add:
        return not features(base) & (NEGATIVE | SQUARE | TANGENT | EXPONENTIAL | SINES)
    return type(base) is Atom or (type(base) is Fn and base.head not in ("tan", "tanh"))


def meets_all(base: Expr, exponent: Expr) -> bool:
    """Whether a factor may change with any other: choices and guards."""
    if isinstance(exponent, Node) and has_choice(exponent):
        return True
    if type(base) is not Fn:
        return False
    return base.head in MEET_ALL or (base.head == "log" and has_choice(base.args[0]))


def has_choice(e: Expr) -> bool:
    return any(type(b) is Fn and b.head in MEET_ALL for t, _ in terms_of(e)[1] for b, _ in factors_of(t)[1])


def marks_of_factor(base: Expr, exponent: Expr) -> set[Any]:
    """The marks of a factor; those of sums are found once."""
    if isinstance(exponent, Node) or type(base) not in (Atom, Add):
        return set(factor_marks(base, exponent))
    return {base} if type(base) is Atom else {base, *sum_marks(base)}  # type: ignore[arg-type]


def factor_marks(base: Expr, exponent: Expr) -> Iterator[Any]:
    """What a factor may have in common with others. A symbol meets sums in which something is divided by it."""
    if isinstance(exponent, Node):
        yield from ((base, t) for t, _ in terms_of(exponent)[1])
        if base is E:
            return
    if type(base) is Atom or not isinstance(base, Node):
        yield base
    elif type(base) is Fn:
        yield from function_marks(base)
    elif type(base) is Mul:
        for b, x in base.factors:
            yield from factor_marks(b, x)
    elif isinstance(base, Add):
        yield base
        yield from sum_marks(base)


def sum_marks(e: Add) -> frozenset[Any]:
    """The marks of a sum that is a factor, found once for each."""
    try:
        return e.marks
    except AttributeError:
        found: set[Any] = set()
        for term, _ in e.terms:
            if type(term) is Atom or type(term) is Mul:
                found.add(("term", term))
            for base, exponent in factors_of(term)[1]:
                if type(base) is Add:
                    found |= sum_marks(base)
                    found.add(base)
                elif type(base) is not Atom or isinstance(exponent, Node):
                    found.update(factor_marks(base, exponent))
                elif exponent < 0 or type(exponent) is Fraction:
                    found.add(base)
        e.marks = kept = frozenset(found)  # without the sum itself, lest it is left to the garbage collector
        return kept
