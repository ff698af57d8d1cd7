"""The search: every part of a formula is replaced by the cheapest form that the rules find for it.

Parts come first. Then the rules make other forms of the whole; a cheaper one is taken and looked at again. Where none
is cheaper, the most promising ones are followed a little further, since what multiplies out may cancel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any, NamedTuple

from agcli.expression.simplify.arithmetic import add, mul, negate, power, scale
from agcli.expression.simplify.features import BIG, LONG, features
from agcli.expression.simplify.functions import call
from agcli.expression.simplify.groups import factor_groups, term_groups, without_rest
from agcli.expression.simplify.layout import cost
from agcli.expression.simplify.nodes import REST, TABLE, Add, Atom, ExhaustedError, Expr, Fn, Mul, Node, UndefinedError
from agcli.expression.simplify.rules import LAST, RULES, Rule
from agcli.expression.simplify.stable import penalty

SLACK = 3.0  # operators by which a form may be longer and still be followed
TRIES = 2  # forms that are followed
AHEAD = 1  # how far
SHORT, HUGE = 30, 60  # operators of an expression up to which all is tried, and from which what comes first is taken
AGAIN = 4  # times that a formula is searched and finished
LAST_ROUNDS = 4  # of last rules for one expression
DEEPEST = 1 << 30
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
        self.settled: list[set[Any]] = [set() for _ in range(AHEAD + 1)]  # what does not depend on what is around it
        self.open: list[dict[Any, int]] = [{} for _ in range(AHEAD + 1)]  # what is being looked at, and how deep
        self.outside = DEEPEST  # the outermost of these that stood for itself
        self.depth = 0
        self.forms: dict[Any, list[tuple[Rule, Expr]]] = {}
        self.tired = False

    def __call__(self, e: Expr, ahead: int = AHEAD) -> Expr:
        """The cheapest form of ``e`` that was found."""
        if not isinstance(e, Node) or type(e) is Atom or is_monomial(e):
            return e
        best = self.best[ahead]
        if e in best:
            if e not in self.settled[ahead]:
                self.outside = min(self.outside, self.open[ahead].get(e, 0))
            return best[e]
        if ahead < AHEAD and e in self.settled[AHEAD]:
            best[e], self.moves[ahead][e] = self.best[AHEAD][e], [Move("", None, AHEAD)]
            self.settled[ahead].add(e)
            return best[e]
        best[e] = e  # while it is being looked at, it stands for itself
        around, self.outside = self.outside, DEEPEST
        self.depth += 1
        self.open[ahead][e] = self.depth
        try:
            found, moves = self.looked_at(e, ahead)
        except ExhaustedError:
            self.tired = True
            TABLE.left = RESERVE
            self.outside = 0
            return e
        finally:
            del self.open[ahead][e]
            if self.outside >= self.depth:
                self.settled[ahead].add(e)
                self.outside = around
            else:
                self.outside = min(around, self.outside)
            self.depth -= 1
        if cost(found) < cost(e):
            best[e] = found
            self.moves[ahead][e] = moves
        return best[e]

    def looked_at(self, e: Any, ahead: int) -> tuple[Expr, list[Move]]:
        """The form of ``e`` that its parts and the rules give."""
        inner = regrouped(e, partial(self, ahead=ahead))
        if inner is not e:
            return self(inner, ahead), [Move("", inner, ahead), Move("", None, ahead)]
        return (e, []) if is_split(e) else self.improved(e, ahead)

    def again(self) -> Search:
        """A search with the forms that the rules made, but of what was the best of them without what depends on what
        was looked at around it."""
        other = Search()
        other.forms, other.tired = self.forms, self.tired
        if not self.tired:
            other.settled = self.settled
            for ahead, settled in enumerate(self.settled):
                other.best[ahead] = {e: self.best[ahead][e] for e in settled}
                other.moves[ahead] = {e: m for e, m in self.moves[ahead].items() if e in settled}
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
            elif ahead and price <= SHORT and not rule.gain and value <= price + SLACK:
                later.append((value, len(later), candidate, rule.name))
        if best is not e:
            return self(best, ahead), [Move(name, best, ahead), Move("", None, ahead)]
        moves: list[Move] = []
        for _, _, candidate, rule_name in sorted(later, key=lambda row: row[:2])[:TRIES]:
            found, path = self.followed(candidate, ahead - 1)
            if cost(found) < lowest:
                best, lowest, moves = found, cost(found), [Move(rule_name, candidate, ahead), *path]
        return best if best is e else self(best, ahead), [*moves, Move("", None, ahead)]

    def followed(self, e: Expr, ahead: int) -> tuple[Expr, list[Move]]:
        """What becomes of a longer form: first it is looked at as a whole, lest its parts turn back."""
        moves: list[Move] = []
        if isinstance(e, Node) and type(e) is not Atom and e not in self.best[ahead] and not is_split(e):
            e, moves = self.improved(e, ahead)
        return self(e, ahead), [*moves, Move("", None, ahead)]

    def candidates(self, e: Any) -> list[tuple[Rule, Expr]]:
        """Other forms of ``e``, each with the rule that made it; asked again with another ``ahead``, they are there."""
        if e in self.forms:
            return self.forms[e]
        found: list[tuple[Rule, Expr]] = []
        seen = {e}
        size, price = extent(e), cost(e)
        for rule in applicable(e.__class__, features(e) | size):
            if self.tired:
                return found
            if price > HUGE and any(cost(form) < price - r.gain for r, form in found):
                break  # what is huge is made shorter by the first rule that can
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
                yield move.rule, alone(e), alone(move.target)
            else:
                for part in parts_of(e):
                    yield from self.trail(part, move.ahead)
            e = move.target


def extent(e: Any) -> int:
    """The bits of what is too large for most rules."""
    return (LONG if type(e) is Add and len(term_groups(e)) > 1 else 0) | (BIG if cost(e) > SHORT else 0)


@lru_cache(maxsize=4096)
def applicable(kind: type, found: int) -> tuple[Rule, ...]:
    """The rules for expressions of a kind with these features."""
    return tuple(rule for rule in RULES[kind] if not rule.needs & ~found and not rule.avoids & found)


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
    names: list[str] = []
    found = plain_sign(finish(e, {}, names))
    return found, list(dict.fromkeys(names))


def finish(e: Any, made: dict[Any, Expr], names: list[str]) -> Expr:
    """``e`` after the last rules, its parts first; ``made`` and ``names`` are filled."""
    if not isinstance(e, Node) or type(e) is Atom or is_monomial(e):
        return e  # type: ignore[no-any-return]
    found = made.get(e)
    if found is None:
        found, name = last_form(rebuilt(e, partial(finish, made=made, names=names)))
        made[e] = found
        names.extend([name] if name else [])
    return found


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
    terms = [scale(k, t) for t, k in e.terms]
    found = [change(t) for t in terms]
    if all(a is b for a, b in zip(terms, found, strict=True)):
        return e  # type: ignore[no-any-return]
    return add(e.constant, *found)


def regrouped(e: Any, change: Callable[[Expr], Expr]) -> Expr:
    """``e`` after a change of its parts, which are groups where it falls into some."""
    groups = groups_of(e)
    if len(groups) < 2:
        return rebuilt(e, change)
    found = [change(g) for g in groups]
    if all(a is b for a, b in zip(groups, found, strict=True)):
        return e  # type: ignore[no-any-return]
    if type(e) is Add:
        return add(*found)
    alone = [part for g, a in zip(groups, found, strict=True) if (part := without_rest(g, a)) is not None]
    return mul(*alone) if len(alone) == len(found) else e


def groups_of(e: Any) -> list[Expr]:
    """What of a sum or product is searched together; ``[e]`` for all of it, and for functions."""
    return [e] if type(e) is Fn else term_groups(e) if type(e) is Add else factor_groups(e)


def is_monomial(e: Node) -> bool:
    """Whether ``e`` is a product of symbols in plain powers, which no rule makes shorter."""
    return type(e) is Mul and all(type(b) is Atom and not isinstance(x, Node) for b, x in e.factors)


def alone(e: Expr) -> Expr:
    """A form of a group of factors without what stands for the others."""
    if e is REST:
        return 1
    return rebuilt(e, alone) if isinstance(e, Node) and type(e) is not Atom else e


def is_split(e: Any) -> bool:
    """Whether ``e`` is a product of groups of factors that have nothing in common."""
    return type(e) is Mul and len(factor_groups(e)) > 1


def parts_of(e: Any) -> list[Expr]:
    """What ``regrouped`` looks at."""
    groups = groups_of(e)
    if len(groups) > 1:
        return groups
    if type(e) is Fn:
        return list(e.args)
    if type(e) is Mul:
        return [part for factor in e.factors for part in factor]
    return [scale(k, t) for t, k in e.terms]
