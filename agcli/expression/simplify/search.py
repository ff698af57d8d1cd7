"""The search: every part of a formula is replaced by the cheapest form that the rules find for it.

Parts come first. Then the rules make other forms of the whole; a cheaper one is taken and looked at again. Where none
is cheaper, the most promising ones are followed a little further, since what multiplies out may cancel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any, NamedTuple

from agcli.expression.simplify.arithmetic import add, mul, negate, power, scale
from agcli.expression.simplify.features import features
from agcli.expression.simplify.functions import call
from agcli.expression.simplify.layout import cost
from agcli.expression.simplify.nodes import TABLE, Add, Atom, ExhaustedError, Expr, Fn, Mul, Node, UndefinedError
from agcli.expression.simplify.rules import LAST, RULES, Rule
from agcli.expression.simplify.stable import penalty

SLACK = 3.0  # operators by which a form may be longer and still be followed
TRIES = 2  # forms that are followed
AHEAD = 1  # how far
AGAIN = 4  # times that a formula is searched and finished
LAST_ROUNDS = 4  # of last rules for one expression
RESERVE = 2_000  # expressions that may still be made to write down what was found


class Move(NamedTuple):
    """What happened to an expression: a rule gave ``target``, or its parts were replaced (no rule), or, without a
    target, it was taken over from the memory of ``ahead``."""

    rule: str
    target: Expr | None
    ahead: int


class Search:
    """One simplification. ``ahead`` is how many longer forms in a row may still be followed."""

    def __init__(self) -> None:
        self.best: list[dict[Any, Expr]] = [{} for _ in range(AHEAD + 1)]
        self.moves: list[dict[Any, list[Move]]] = [{} for _ in range(AHEAD + 1)]
        self.forms: dict[Any, list[tuple[Rule, Expr]]] = {}
        self.tired = False

    def __call__(self, e: Expr, ahead: int = AHEAD) -> Expr:
        """The cheapest form of ``e`` that was found."""
        if not isinstance(e, Node) or type(e) is Atom or is_monomial(e):
            return e
        best = self.best[ahead]
        if e in best:
            return best[e]
        best[e] = e  # while it is being looked at, it stands for itself
        try:
            inner = rebuilt(e, partial(self, ahead=ahead))
            if inner is not e:
                found, moves = self(inner, ahead), [Move("", inner, ahead), Move("", None, ahead)]
            else:
                found, moves = self.improved(e, ahead)
        except ExhaustedError:
            self.tired = True
            TABLE.left = RESERVE
            return e
        if cost(found) < cost(e):
            best[e] = found
            self.moves[ahead][e] = moves
        return best[e]

    def again(self) -> Search:
        """A search with the forms that the rules made, but without what was the best of them: that depends on what was
        looked at around it."""
        other = Search()
        other.forms, other.tired = self.forms, self.tired
        return other

    def improved(self, e: Any, ahead: int) -> tuple[Expr, list[Move]]:
        """The best of what the rules make of ``e``."""
        price = cost(e)
        best, name, lowest = e, "", price
        later: list[tuple[float, int, Expr, str]] = []
        for rule, candidate in self.candidates(e):
            value = cost(candidate)
            if value < min(lowest, price - rule.gain):
                best, name, lowest = candidate, rule.name, value
            elif ahead and not rule.gain and value <= price + SLACK:
                later.append((value, len(later), candidate, rule.name))
        if best is not e:
            return self(best, ahead), [Move(name, best, ahead), Move("", None, ahead)]
        moves: list[Move] = []
        for _, _, candidate, rule_name in sorted(later, key=lambda row: row[:2])[:TRIES]:
            found, path = self.followed(candidate, ahead - 1)
            if cost(found) < lowest:
                best, lowest, moves = found, cost(found), [Move(rule_name, candidate, ahead), *path]
        return self(best, ahead), [*moves, Move("", None, ahead)]

    def followed(self, e: Expr, ahead: int) -> tuple[Expr, list[Move]]:
        """What becomes of a longer form: first it is looked at as a whole, lest its parts turn back."""
        moves: list[Move] = []
        if isinstance(e, Node) and type(e) is not Atom and e not in self.best[ahead]:
            e, moves = self.improved(e, ahead)
        return self(e, ahead), [*moves, Move("", None, ahead)]

    def candidates(self, e: Any) -> list[tuple[Rule, Expr]]:
        """Other forms of ``e``, each with the rule that made it; asked again with another ``ahead``, they are there."""
        if e in self.forms:
            return self.forms[e]
        found: list[tuple[Rule, Expr]] = []
        seen = {e}
        for rule in applicable(e.__class__, features(e)):
            if self.tired:
                return found
            try:
                for candidate in rule.find(e):
                    if candidate is not None and candidate not in seen:
                        seen.add(candidate)
                        found.append((rule, candidate))
            except UndefinedError:
                continue
        self.forms[e] = found
        return found

    def trail(self, e: Expr, ahead: int = AHEAD) -> Iterator[tuple[str, Expr, Expr]]:
        """The rules that made the best form of ``e``, each with the part before and after it, in order."""
        for move in self.moves[ahead].get(e, ()):
            if move.target is None:
                yield from self.trail(e, move.ahead)
                e = self.best[move.ahead].get(e, e)
                continue
            if move.rule:
                yield move.rule, e, move.target
            else:
                for part in parts_of(e):
                    yield from self.trail(part, move.ahead)
            e = move.target


@lru_cache(maxsize=4096)
def applicable(kind: type, found: int) -> tuple[Rule, ...]:
    """The rules for expressions of a kind with these features."""
    return tuple(rule for rule in RULES[kind] if not rule.needs & ~found)


def shortest(search: Search, e: Expr) -> Expr:
    """The form that stays what it is: searched and finished again until nothing changes, so that simplifying twice is
    simplifying once."""
    for _ in range(AGAIN):
        found, _ = finished(search(e))
        if found is e:
            break
        e, search = found, search.again()
    return e


def finished(e: Expr) -> tuple[Expr, list[str]]:
    """The formula after the last rules, which are for a form that stays as it is, and the names of those that were
    used."""
    made: dict[Any, Expr] = {}
    names: list[str] = []

    def finish(e: Any) -> Expr:
        if not isinstance(e, Node) or type(e) is Atom or is_monomial(e):
            return e  # type: ignore[no-any-return]
        if e not in made:
            made[e], name = last_form(rebuilt(e, finish))
            names.extend([name] if name else [])
        return made[e]

    return plain_sign(finish(e)), list(dict.fromkeys(names))


def plain_sign(e: Expr) -> Expr:
    """-(x + y) as -x - y, which is what reading it gives."""
    if type(e) is Mul and e.coefficient == -1 and len(e.factors) == 1 and type(e.factors[0][0]) is Add:
        turned = negate(e.factors[0][0])
        return turned if e.factors[0][1] == 1 and cost(turned) <= cost(e) else e
    return e


def last_form(e: Any) -> tuple[Expr, str]:
    """The cheapest form that the last rules find, and the names of the rules."""
    names: list[str] = []
    for _ in range(LAST_ROUNDS):
        best, name, price = e, "", cost(e) + penalty(e)
        kind = features(e) if type(e) in LAST else 0
        for rule in LAST.get(type(e), ()):
            for found in rule.find(e) if not rule.needs & ~kind else ():
                if found is not None and (value := cost(found) + penalty(found)) < price - rule.gain:
                    best, name, price = found, rule.name, value
        if best is e:
            break
        e = best
        names.append(name)
    return e, ", ".join(dict.fromkeys(names))


def rebuilt(e: Any, change: Callable[[Expr], Expr]) -> Expr:
    """``e`` from its parts after a change."""
    if type(e) is Fn:
        args = tuple([change(a) for a in e.args])
        return e if args == e.args else call(e.head, *args)
    if type(e) is Mul:
        pairs = [(change(b), change(x)) for b, x in e.factors]
        if all(p is b and (q is x or q == x) for (p, q), (b, x) in zip(pairs, e.factors, strict=True)):
            return e
        return mul(e.coefficient, *[power(b, x) for b, x in pairs])
    terms = parts_of(e)
    found = [change(t) for t in terms]
    if all(a is b for a, b in zip(terms, found, strict=True)):
        return e  # type: ignore[no-any-return]
    return add(e.constant, *found)


def is_monomial(e: Node) -> bool:
    """Whether ``e`` is a product of symbols in plain powers, which no rule makes shorter."""
    return type(e) is Mul and all(type(b) is Atom and not isinstance(x, Node) for b, x in e.factors)


def parts_of(e: Any) -> list[Expr]:
    """What ``rebuilt`` looks at."""
    if type(e) is Fn:
        return list(e.args)
    if type(e) is Mul:
        return [part for factor in e.factors for part in factor]
    return [scale(k, t) for t, k in e.terms]
