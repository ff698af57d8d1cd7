"""A sum as a number times a sum with whole coefficients, and which of a sum and its negative is the nicer."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm

from agcli.expression.simplify.nodes import Add, Expr, Mul, Node, Number, exact, make_add, ratio
from agcli.expression.simplify.order import sorted_terms


def primitive(e: Add) -> tuple[Number, Add]:
    """A sum as number times sum: whole coefficients without common divisor, the nicer sign."""
    try:
        return e.split or (1, e)
    except AttributeError:
        found = content_and_sum(e)
        e.split = found if found[1] is not e else None  # what holds itself is left to the garbage collector
        return found


def content_and_sum(e: Add) -> tuple[Number, Add]:
    numbers = [k for _, k in e.terms]
    if e.constant:
        numbers.append(e.constant)
    top = gcd(*[k.numerator for k in numbers])
    bottom = lcm(*[k.denominator for k in numbers])
    content: Number = top if bottom == 1 else exact(Fraction(top, bottom))
    if minus_leads(e):
        content = -content
    if content == 1:
        return 1, e
    return content, make_add(ratio(e.constant, content), tuple([(t, ratio(k, content)) for t, k in e.terms]))


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
