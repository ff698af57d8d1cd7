"""What stands in a sum or product, as bits: a rule is only tried where its pattern can be."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from agcli.expression.simplify.contents import minus_leads
from agcli.expression.simplify.nodes import Add, E, Expr, Fn, Mul, Node, factors_of

(SUM, BELOW, NEGATIVE, SQUARE, TRIG, PAIR, HYPERBOLIC, TANGENT, EXPONENTIAL, LOGARITHM, SIGN, GUARD, SINES, TWO_LOGS,
 THREE, ADDED, GAMMA, STEP, PRODUCT_ROOT, LONG, BIG) = (1 << i for i in range(21))  # fmt: skip

WIDE = 6  # terms of a sum that is searched as a whole; longer ones in groups of so many

HEADS = {
    "sin": TRIG | SINES,
    "cos": TRIG | SINES,
    "sinh": HYPERBOLIC | SINES,
    "cosh": HYPERBOLIC | SINES,
    "tan": TANGENT,
    "tanh": TANGENT,
    "log": LOGARITHM,
    "abs": SIGN,
    "sign": SIGN,
    "where": GUARD | STEP,
    "step": STEP,
    "gamma": GAMMA,
    "digamma": GAMMA,
}


def features(e: Any) -> int:
    """The bits of all terms of a sum, or of the factors of a product."""
    if type(e) is Mul:
        return term_features(e)
    if type(e) is not Add:
        return 0 if type(e) is Fn else term_features(e)
    try:
        return e.features
    except AttributeError:
        found, logs = 0, 0
        for term, _ in e.terms:
            bits = term_features(term)
            logs += bool(bits & LOGARITHM)
            found |= bits
        if logs > 1:
            found |= TWO_LOGS
        if len(e.terms) + (e.constant != 0) > 2:
            found |= THREE
        e.features = found
        return found


def term_features(term: Expr) -> int:
    """The bits of the factors of a term, found once for each product."""
    if type(term) is not Mul:
        return factor_features(term)
    try:
        return term.features
    except AttributeError:
        term.features = found = factor_features(term)
        return found


def factor_features(term: Expr) -> int:
    found, sines = 0, 0
    for base, exponent in factors_of(term)[1]:
        if not isinstance(exponent, Node):
            if exponent.numerator < 0:
                found |= NEGATIVE
            if exponent != 1:
                found |= SQUARE
        else:
            found |= GUARD
        if base is E:
            found |= EXPONENTIAL | (NEGATIVE if minus_leads(exponent) else 0)
        elif type(base) is Add:
            found |= ADDED | (SUM if isinstance(exponent, Node) or exponent >= 1 else BELOW)
        elif type(base) is Mul:
            found |= PRODUCT_ROOT if type(exponent) is Fraction else 0
        elif type(base) is Fn:
            bits = HEADS.get(base.head, 0)
            sines += bool(bits & SINES)
            found |= bits
    return found | PAIR if sines > 1 else found
