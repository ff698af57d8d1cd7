"""The search: every part of a formula is replaced by the cheapest form that the rules find for it.

Parts come first. Then the rules make other forms of the whole; a cheaper one is taken and looked at again. Where none
is cheaper, the most promising ones are followed a little further, since what multiplies out may cancel.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from .arithmetic import add, mul, power, scale
from .features import features
from .functions import call
from .layout import cost
from .nodes import TABLE, Atom, Exhausted, Expr, Fn, Mul, Node, Undefined
from .rules import RULES

SLACK = 4.5  # operators by which a form may be longer and still be followed
TRIES = 3  # forms that are followed
AHEAD = 1  # how far


class Step(NamedTuple):
    """``before`` became ``after`` by the rule of this name."""

    rule: str
    before: Expr
    after: Expr


class Search:
    """One simplification; ``how`` tells for each expression what became of it."""

    def __init__(self) -> None:
        self.best: list[dict[Any, Expr]] = [{} for _ in range(AHEAD + 1)]
        self.how: dict[Any, tuple[str, Expr]] = {}
        self.tired = False

    def __call__(self, e: Expr, ahead: int = AHEAD) -> Expr:
        """The cheapest form of ``e`` that was found."""
        if not isinstance(e, Node) or type(e) is Atom:
            return e
        best = self.best[ahead]
        if e in best:
            return best[e]
        best[e] = e  # while it is being looked at, it stands for itself
        try:
            inner = self.rebuilt(e, ahead)
            if inner is not e:
                found, name = self(inner, ahead), ""
            else:
                found, name = self.improved(e, ahead)
        except Exhausted:
            self.tired = True
            TABLE.left = 1_000
            found = e
        if cost(found) >= cost(e):
            found = e
        best[e] = found
        return found

    def rebuilt(self, e: Any, ahead: int) -> Expr:
        """``e`` from its simplified parts."""
        if type(e) is Fn:
            args = tuple([self(a, ahead) for a in e.args])
            return e if args == e.args else call(e.head, *args)
        if type(e) is Mul:
            pairs = [(self(b, ahead), self(x, ahead)) for b, x in e.factors]
            if all(p is b and (q is x or q == x) for (p, q), (b, x) in zip(pairs, e.factors, strict=True)):
                return e
            return mul(e.coefficient, *(power(b, x) for b, x in pairs))
        terms = [scale(k, t) for t, k in e.terms]
        found = [self(t, ahead) for t in terms]
        if all(a is b for a, b in zip(terms, found, strict=True)):
            return e  # type: ignore[no-any-return]
        return add(e.constant, *found)

    def improved(self, e: Any, ahead: int) -> tuple[Expr, str]:
        """The best of what the rules make of ``e``."""
        price = cost(e)
        best, name, lowest = e, "", price
        later: list[tuple[float, int, Expr, str]] = []
        for rule, candidate in self.candidates(e):
            value = cost(candidate)
            if value < min(lowest, price - rule.gain):
                best, name, lowest = candidate, rule.name, value
            elif ahead and value <= price + SLACK:
                later.append((value, len(later), candidate, rule.name))
        if best is not e:
            return self(best, ahead), name
        for _, _, candidate, rule_name in sorted(later, key=lambda row: row[:2])[:TRIES]:
            found = self.followed(candidate, ahead - 1)
            if cost(found) < lowest:
                best, name, lowest = found, rule_name, cost(found)
        return (e if best is e else self(best, ahead)), name

    def followed(self, e: Expr, ahead: int) -> Expr:
        """What becomes of a longer form: first it is looked at as a whole, lest its parts turn back."""
        if isinstance(e, Node) and type(e) is not Atom and e not in self.best[ahead]:
            e = self.improved(e, ahead)[0]
        return self(e, ahead)

    def candidates(self, e: Any) -> Iterator[tuple[Any, Expr]]:
        """Other forms of ``e``, with the rule that made them."""
        kind, seen = features(e), {e}
        for rule in RULES[type(e)]:
            if self.tired:
                return
            if rule.needs & ~kind:
                continue
            try:
                for candidate in rule.find(e):
                    if candidate is not None and candidate not in seen:
                        seen.add(candidate)
                        yield rule, candidate
            except Undefined:
                continue


__all__ = ["Search", "Step"]
