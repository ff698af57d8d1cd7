"""The search: every part of a formula is replaced by the cheapest form that the rules find for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from . import identities as ids
from .arithmetic import add, mul, power, scale
from .functions import call
from .layout import cost
from .nodes import NUMBERS, TABLE, Add, Atom, Exhausted, Expr, Fn, Mul, Undefined
from .polynomials import expand, factored
from .rational import cancelled, common_denominator, common_factor, joined_below, partial_factor


class Rule(NamedTuple):
    """A named identity: an expression -> others of the same value."""

    name: str
    find: Callable[[Any], Iterable[Expr | None]]
    gain: float = 0.0  # operators that it must save


def once(function: Callable[[Any], Expr | None]) -> Callable[[Any], Iterable[Expr | None]]:
    return lambda e: (function(e),)


RULES: dict[type, tuple[Rule, ...]] = {
    Add: (
        Rule("multiply out", once(expand)),
        Rule("common factor", common_factor),
        Rule("common denominator", common_denominator),
        Rule("factor", once(factored)),
        Rule("partial factor", partial_factor, gain=1.5),
        Rule("sin^2 + cos^2 = 1", ids.squares("sin", "cos", 1)),
        Rule("cosh^2 - sinh^2 = 1", ids.squares("sinh", "cosh", -1)),
        Rule("1 + tan^2 = 1/cos^2", ids.tangent_square),
        Rule("tan = sin/cos", ids.in_sines),
        Rule("sum of angles", ids.sums_of_angles),
        Rule("exponentials to hyperbolic functions", ids.exponential_pairs),
        Rule("hyperbolic functions to exponentials", ids.hyperbolic_pairs),
        Rule("join logarithms", ids.logarithms),
    ),
    Mul: (
        Rule("guard at 0", ids.guards),
        Rule("cancel", once(cancelled)),
        Rule("tan = sin/cos, sin*cos = sin(2u)/2", ids.tangents("sin", "cos", "tan")),
        Rule("tanh = sinh/cosh, sinh*cosh = sinh(2u)/2", ids.tangents("sinh", "cosh", "tanh")),
        Rule("signs", ids.signs),
        Rule("multiply out", once(expand)),
        Rule("multiply out below", joined_below),
    ),
    Fn: (
        Rule("split logarithm", ids.log_of_product),
        Rule("branches", ids.branches),
    ),
}

FOUND = tuple[str, Expr]


class Search:
    """One simplification; ``how`` tells for each expression what became of it."""

    def __init__(self) -> None:
        self.best: dict[Any, Expr] = {}
        self.how: dict[Any, list[FOUND]] = {}
        self.tired = False

    def __call__(self, e: Expr) -> Expr:
        """The cheapest form of ``e`` that was found."""
        if isinstance(e, NUMBERS) or type(e) is Atom:
            return e
        if e in self.best:
            return self.best[e]
        self.best[e] = e  # while it is being looked at, it stands for itself
        trail: list[FOUND] = []
        current = e
        try:
            inner = self.rebuilt(e)
            if inner is not e:
                trail.append(("", inner))
                current = inner
            if current is e:
                current = self.improved(e, trail)
            else:
                current = self(current)
        except Exhausted:
            self.tired = True
            TABLE.left = 1_000
        if cost(current) > cost(e):
            current = e
        self.best[e] = current
        self.how[e] = trail
        return current

    def rebuilt(self, e: Any) -> Expr:
        """``e`` from its simplified parts."""
        if type(e) is Fn:
            args = tuple(self(a) for a in e.args)
            return e if args == e.args else call(e.head, *args)
        if type(e) is Mul:
            pairs = [(self(b), self(x)) for b, x in e.factors]
            if all(p is b and (q is x or q == x) for (p, q), (b, x) in zip(pairs, e.factors, strict=True)):
                return e
            return mul(e.coefficient, *(power(b, x) for b, x in pairs))
        terms = [(self(t), k) for t, k in e.terms]
        if all(a is b for (a, _), (b, _) in zip(terms, e.terms, strict=True)):
            return e  # type: ignore[no-any-return]
        return add(e.constant, *(scale(k, t) for t, k in terms))

    def improved(self, e: Expr, trail: list[FOUND]) -> Expr:
        """The best of what the rules make of ``e``."""
        best, price, name, step = e, cost(e), "", e
        for rule in RULES.get(type(e), ()):
            if self.tired:
                break
            try:
                for candidate in rule.find(e):
                    if candidate is None or candidate is e:
                        continue
                    result = self(candidate)
                    if cost(result) < min(price, cost(e) - rule.gain):
                        best, price, name, step = result, cost(result), rule.name, candidate
            except Undefined:
                continue
        if best is not e:
            trail.append((name, step))
        return best


__all__ = ["RULES", "Search"]
