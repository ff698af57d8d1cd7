"""Every rule at work, for those who check the rules: while nobody observes, nothing is paid for it.

Whatever makes a form of an expression is a row of a table: the rules of the search, those of last forms, what is known
of a function, and what a power is. ``observed`` puts a reporting function around each row for as long as it is open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from agcli.expression.simplify import functions, search
from agcli.expression.simplify.arithmetic import POWERS_OF
from agcli.expression.simplify.nodes import Expr
from agcli.expression.simplify.rules import LAST, RULES, Rule
from agcli.expression.simplify.simplifier import LOCK


class Call(NamedTuple):
    """A function of arguments before anything is known of it."""

    head: Any
    args: tuple[Expr, ...]


See = Callable[[str, "Expr | Call", Expr], None]


def names() -> list[str]:
    """All that ``observed`` reports: a rule of each table, and each function of which something is known."""
    rules = [name for table in (RULES, LAST) for kind in table for name, _ in named(table, kind)]
    powers = [f"power: {kind}" for kind in POWERS_OF if kind != "Atom"]  # a power of a symbol stays what it is
    return [*rules, *(f"function: {head}" for head in functions.MAKERS), *powers]


def named(table: dict[type, tuple[Rule, ...]], kind: type) -> Iterator[tuple[str, Rule]]:
    """The rules for a kind of expression by table, kind and name; those of one name have numbers."""
    count: Counter[str] = Counter()
    for rule in table[kind]:
        count[rule.name] += 1
        number = f" #{count[rule.name]}" if count[rule.name] > 1 else ""
        yield f"{'last ' if table is LAST else ''}{kind.__name__}: {rule.name}{number}", rule


@contextmanager
def observed(see: See) -> Iterator[None]:
    """While it is open, ``see`` is called with the name of a rule, an expression, and the form that the rule made."""
    tables: list[tuple[dict[Any, Any], dict[Any, Any]]] = []
    with LOCK:
        for table in (RULES, LAST):
            rows = {
                kind: tuple(rule._replace(find=reported(see, name, rule.find)) for name, rule in named(table, kind))
                for kind in table
            }
            tables.append((table, rows))
        calls = {head: reported_call(see, head, make) for head, make in functions.MAKERS.items()}
        powers = {kind: reported_power(see, kind, make) for kind, make in POWERS_OF.items() if kind != "Atom"}
        tables += [(functions.MAKERS, calls), (POWERS_OF, powers)]
        before = [dict(table) for table, _ in tables]
        try:
            for table, rows in tables:
                table.update(rows)
            search.applicable.cache_clear()
            yield
        finally:
            for (table, _), rows in zip(tables, before, strict=True):
                table.update(rows)
            search.applicable.cache_clear()


def reported(see: See, name: str, find: Callable[[Any], Iterable[Expr | None]]) -> Callable[[Any], Iterator[Any]]:
    def reporting(e: Any) -> Iterator[Expr | None]:
        for form in find(e):
            if form is not None and form is not e:
                see(name, e, form)
            yield form

    return reporting


def reported_call(see: See, head: Any, make: Callable[..., Expr | None]) -> Callable[..., Expr | None]:
    def reporting(*args: Expr) -> Expr | None:
        form = make(*args)
        if form is not None:
            see(f"function: {head}", Call(head, args), form)
        return form

    return reporting


def reported_power(see: See, kind: str, make: Callable[[Any, Any], Expr]) -> Callable[[Any, Any], Expr]:
    def reporting(base: Expr, exponent: Expr) -> Expr:
        form = make(base, exponent)
        see(f"power: {kind}", Call("power", (base, exponent)), form)
        return form

    return reporting
