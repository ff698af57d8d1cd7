"""The table of rules: for each kind of expression, what may make it shorter, and where that is worth a try."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from agcli.expression.simplify import guards, stable
from agcli.expression.simplify import identities as ids
from agcli.expression.simplify import trigonometry as trig
from agcli.expression.simplify.features import (
    ADDED,
    BELOW,
    BIG,
    EXPONENTIAL,
    GAMMA,
    GUARD,
    HYPERBOLIC,
    LONG,
    NEGATIVE,
    PAIR,
    PRODUCT_ROOT,
    SIGN,
    SINES,
    SQUARE,
    STEP,
    SUM,
    TANGENT,
    THREE,
    TRIG,
    TWO_LOGS,
)
from agcli.expression.simplify.nodes import Add, Expr, Fn, Mul
from agcli.expression.simplify.polynomials import expand, factored
from agcli.expression.simplify.rational import (
    cancelled,
    common_denominator,
    common_factor,
    joined_below,
    joined_roots,
    multiplied_out,
    nested,
    partial_factor,
)


class Rule(NamedTuple):
    """A named identity: an expression with the features ``needs`` -> others of the same value."""

    name: str
    find: Callable[[Any], Iterable[Expr | None]]
    needs: int = 0
    gain: float = 0.0  # operators that it must save
    avoids: int = BIG | LONG  # features with which it is not tried


def once(function: Callable[[Any], Expr | None]) -> Callable[[Any], Iterable[Expr | None]]:
    return lambda e: (function(e),)


RULES: dict[type, tuple[Rule, ...]] = {
    Add: (
        Rule("multiply out", once(expand), SUM),
        Rule("common factor", common_factor, avoids=0),
        Rule("common denominator", common_denominator, NEGATIVE, avoids=LONG),
        Rule("nested fractions", nested, NEGATIVE | THREE, gain=1.5, avoids=LONG),
        Rule("factor", factored, SQUARE),
        Rule("partial factor", partial_factor, THREE, gain=1.5, avoids=LONG),
        Rule("sin^2 + cos^2 = 1", trig.squares("sin", "cos", 1), TRIG | SQUARE),
        Rule("cosh^2 - sinh^2 = 1", trig.squares("sinh", "cosh", -1), HYPERBOLIC | SQUARE),
        Rule("1 + tan^2 = 1/cos^2", trig.tangent_square, TANGENT | SQUARE),
        Rule("tan + 1/tan = 2/sin(2u)", trig.tangent_and_inverse, TANGENT | NEGATIVE),
        Rule("tan = sin/cos", once(trig.in_sines), TANGENT | SINES),
        Rule("sum of angles", trig.sums_of_angles("sin", "cos", 1), TRIG | PAIR),
        Rule("sum of angles", trig.sums_of_angles("sinh", "cosh", -1), HYPERBOLIC | PAIR),
        Rule("products to sums", trig.products_to_sums, TRIG | PAIR),
        Rule("double argument", trig.doubled("sin", "cos", 1), TRIG | SQUARE),
        Rule("double argument", trig.doubled("sinh", "cosh", -1), HYPERBOLIC | SQUARE),
        Rule("double argument", trig.halved, SINES),
        Rule("exponentials to hyperbolic functions", ids.exponential_pairs, EXPONENTIAL),
        Rule("hyperbolic functions to exponentials", ids.hyperbolic_pairs, HYPERBOLIC),
        Rule("digamma(u + 1) = digamma(u) + 1/u", ids.digamma_difference, GAMMA),
        Rule("join logarithms", ids.logarithms, TWO_LOGS),
        Rule("join logarithms", ids.number_logarithms, TWO_LOGS),
        Rule("signs", ids.signed_sums, SIGN),
        Rule("choice", ids.choices, STEP),
    ),
    Mul: (
        Rule("guard at 0", guards.guards, GUARD),
        Rule("cancel", once(cancelled), SUM | BELOW),
        Rule("tan = sin/cos", trig.ratios("sin", "cos", "tan"), TRIG),
        Rule("tan = sin/cos", trig.ratios("sin", "cos", "tan"), TANGENT),
        Rule("tanh = sinh/cosh", trig.ratios("sinh", "cosh", "tanh"), HYPERBOLIC),
        Rule("tanh = sinh/cosh", trig.ratios("sinh", "cosh", "tanh"), TANGENT),
        Rule("double argument", trig.product_of_pair("sin", "cos"), TRIG | PAIR),
        Rule("double argument", trig.product_of_pair("sinh", "cosh"), HYPERBOLIC | PAIR),
        Rule("double argument", trig.halved, SINES | PAIR),
        Rule("double argument", trig.halved, SINES | ADDED),
        Rule("signs", ids.signs, SIGN),
        Rule("1 + tan^2 = 1/cos^2", trig.tangent_factors, ADDED),
        Rule("clear fractions", trig.clear_fractions, ADDED),
        Rule("gamma(u + 1) = u*gamma(u)", ids.gamma_ratio, GAMMA | NEGATIVE),
        Rule("multiply out", multiplied_out, SUM),
        Rule("shift root", ids.shifted_roots, PRODUCT_ROOT),
        Rule("choice", ids.choices, STEP),
        Rule("join roots", joined_roots, ADDED | SQUARE),
        Rule("multiply out below", joined_below, BELOW),
    ),
    Fn: (
        Rule("split logarithm", ids.log_of_product),
        Rule("branches", ids.branches),
        Rule("step", ids.step),
        Rule("guard at 0", guards.guarded_distance),
    ),
}

# Of the finished formula and its parts: forms in which parts of a sum would not meet.
LAST: dict[type, tuple[Rule, ...]] = {
    Add: (
        Rule("1 + tan(u)^2 = 2/(cos(2u) + 1)", trig.tangent_of_half, TANGENT | SQUARE, gain=0.5),
        Rule("stable difference", stable.differences),
    ),
    Mul: (
        Rule("exponentials to hyperbolic functions", ids.exponential_quotients, EXPONENTIAL | BELOW),
        Rule("tangent of a sum", trig.tangent_of_sum, ADDED | BELOW, gain=0.5),
        Rule("2*cos(u)^2 = cos(2u) + 1", trig.squares_of_half, TRIG | SQUARE, gain=0.5),
        Rule("stable quotient", stable.hyperbolic_quotients),
        Rule("stable quotient", stable.exponential_quotients, EXPONENTIAL | BELOW),
        Rule("stable quotient", stable.in_exponentials, EXPONENTIAL),
        Rule("stable quotient", stable.split_quotients, SUM | NEGATIVE),
    ),
}
