"""The table of rules: for each kind of expression, what may make it shorter, and where that is worth a try."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from . import identities as ids
from .features import (
    ADDED,
    BELOW,
    EXPONENTIAL,
    GAMMA,
    GUARD,
    HYPERBOLIC,
    NEGATIVE,
    PAIR,
    SIGN,
    SINES,
    SQUARE,
    SUM,
    TANGENT,
    THREE,
    TRIG,
    TWO_LOGS,
)
from .nodes import Add, Expr, Fn, Mul
from .polynomials import expand, factored
from .rational import cancelled, common_denominator, common_factor, joined_below, partial_factor


class Rule(NamedTuple):
    """A named identity: an expression with the features ``needs`` -> others of the same value."""

    name: str
    find: Callable[[Any], Iterable[Expr | None]]
    needs: int = 0
    gain: float = 0.0  # operators that it must save


def once(function: Callable[[Any], Expr | None]) -> Callable[[Any], Iterable[Expr | None]]:
    return lambda e: (function(e),)


RULES: dict[type, tuple[Rule, ...]] = {
    Add: (
        Rule("multiply out", once(expand), SUM),
        Rule("common factor", common_factor),
        Rule("common denominator", common_denominator, NEGATIVE),
        Rule("factor", once(factored), SQUARE),
        Rule("partial factor", partial_factor, THREE, gain=1.5),
        Rule("sin^2 + cos^2 = 1", ids.squares("sin", "cos", 1), TRIG | SQUARE),
        Rule("cosh^2 - sinh^2 = 1", ids.squares("sinh", "cosh", -1), HYPERBOLIC | SQUARE),
        Rule("1 + tan^2 = 1/cos^2", ids.tangent_square, TANGENT | SQUARE),
        Rule("tan = sin/cos", once(ids.in_sines), TANGENT | SINES),
        Rule("sum of angles", ids.sums_of_angles("sin", "cos", 1), TRIG | PAIR),
        Rule("sum of angles", ids.sums_of_angles("sinh", "cosh", -1), HYPERBOLIC | PAIR),
        Rule("products to sums", ids.products_to_sums, TRIG | PAIR),
        Rule("double argument", ids.doubled("sin", "cos", 1), TRIG | SQUARE),
        Rule("double argument", ids.doubled("sinh", "cosh", -1), HYPERBOLIC | SQUARE),
        Rule("double argument", ids.halved, SINES),
        Rule("exponentials to hyperbolic functions", ids.exponential_pairs, EXPONENTIAL),
        Rule("hyperbolic functions to exponentials", ids.hyperbolic_pairs, HYPERBOLIC),
        Rule("digamma(u + 1) = digamma(u) + 1/u", ids.digamma_difference, GAMMA),
        Rule("join logarithms", ids.logarithms, TWO_LOGS),
    ),
    Mul: (
        Rule("guard at 0", ids.guards, GUARD),
        Rule("cancel", once(cancelled), SUM | BELOW),
        Rule("tan = sin/cos", ids.ratios("sin", "cos", "tan"), TRIG),
        Rule("tan = sin/cos", ids.ratios("sin", "cos", "tan"), TANGENT),
        Rule("tanh = sinh/cosh", ids.ratios("sinh", "cosh", "tanh"), HYPERBOLIC),
        Rule("tanh = sinh/cosh", ids.ratios("sinh", "cosh", "tanh"), TANGENT),
        Rule("double argument", ids.product_of_pair("sin", "cos"), TRIG | PAIR),
        Rule("double argument", ids.product_of_pair("sinh", "cosh"), HYPERBOLIC | PAIR),
        Rule("double argument", ids.halved, SINES | PAIR),
        Rule("double argument", ids.halved, SINES | ADDED),
        Rule("signs", ids.signs, SIGN),
        Rule("1 + tan^2 = 1/cos^2", ids.tangent_factors, ADDED),
        Rule("clear fractions", ids.clear_fractions, ADDED),
        Rule("gamma(u + 1) = u*gamma(u)", ids.gamma_ratio, GAMMA | NEGATIVE),
        Rule("multiply out", once(expand), SUM),
        Rule("multiply out below", joined_below, BELOW),
    ),
    Fn: (
        Rule("split logarithm", ids.log_of_product),
        Rule("branches", ids.branches),
        Rule("step", ids.step),
    ),
}
