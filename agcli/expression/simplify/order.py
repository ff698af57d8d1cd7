"""The order in which people write: polynomials by falling degree, numbers first in products and last in sums."""

from __future__ import annotations

from typing import Any

from agcli.expression.simplify.nodes import PI, Add, Atom, E, Expr, Factor, Fn, Mul, Node, Number

SYMBOL, SUM, FUNCTION, EXPONENTIAL = range(4)


def head_name(head: Any) -> str:
    """What functions are ordered by: their names, but the sine before the cosine."""
    return BEFORE.get(head, head) if isinstance(head, str) else f"{head.name} {head!r}"


BEFORE = {"sin": "cos", "cos": "cos,", "sinh": "cosh", "cosh": "cosh,"}


def key(e: Expr) -> tuple[Any, ...]:
    """A structural key: equal for equal expressions only, and the same in every run."""
    if not isinstance(e, Node):
        return (0, e)
    try:
        return e.order  # type: ignore[no-any-return]
    except AttributeError:
        e.order = found = structural_key(e)
        return found


def structural_key(e: Node) -> tuple[Any, ...]:
    if type(e) is Atom:
        return (1, e.name, 0 if e.tensor is None else e.tensor.id)
    if type(e) is Fn:
        return (2, head_name(e.head), len(e.args), *map(key, e.args))
    if type(e) is Mul:
        return (3, len(e.factors), *sorted((key(b), key(x)) for b, x in e.factors), e.coefficient)
    return (4, len(e.terms), *sorted((key(t), k) for t, k in e.terms), e.constant)  # type: ignore[attr-defined]


def factor_key(factor: Factor) -> tuple[Any, ...]:
    """What factors are sorted by when they are written."""
    base, exponent = factor
    return (factor_rank(base, exponent), key(base), key(exponent))


def factor_rank(base: Expr, exponent: Expr) -> int:
    """Roots of numbers, pi, symbols, sums, functions, exponentials."""
    if isinstance(exponent, Node):
        return 6 if base is E else 5
    if not isinstance(base, Node):
        return 0
    if type(base) is Atom:
        return 1 if base is PI or base is E else 2
    return 4 if type(base) is Fn else 3


def sorted_terms(e: Add) -> list[tuple[Expr, Number]]:
    """Terms as they are written: falling degree, the constant last."""
    terms: list[tuple[Expr, Number]] = sorted(e.terms, key=term_key)
    if e.constant:
        terms.append((1, e.constant))
    return terms


def term_key(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """What the terms of a sum are sorted by, which stand first in ``row``."""
    return (*place(row[0]), Structure(row[0]))


def place(term: Node) -> tuple[Any, ...]:
    """Where a term stands among others, found once for each."""
    try:
        return term.place
    except AttributeError:
        powers = symbol_powers(term)
        plain = type(term) is Atom or (type(term) is Mul and all(type(b) is Atom for b, _ in term.factors))
        names = [(name, -p) for name, p in sorted(powers.items())]
        term.place = found = (-degree(term), plain, -function_degree(term), names)
        return found


class Structure:
    """The structural key of an expression, which is only made where nothing before it decides."""

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        self.node = node

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Structure) and self.node is other.node

    def __lt__(self, other: Structure) -> bool:
        return key(self.node) < key(other.node)

    __hash__ = None  # type: ignore[assignment]


def degree(e: Expr) -> Any:
    """The degree in plain symbols, those in sums included."""
    total: Any = 0
    for b, p in e.factors if type(e) is Mul else ((e, 1),):
        if isinstance(p, Node) or b is PI or b is E:
            continue
        if type(b) is Atom:
            total += p
        elif type(b) is Add and p > 0:
            total += p * max(degree(t) for t, _ in b.terms)
    return total


def function_degree(e: Expr) -> int:
    """The largest whole power of a function: sin(x)^4 stands before sin(x)^2."""
    factors = e.factors if type(e) is Mul else ()
    return max((p for b, p in factors if type(b) is Fn and type(p) is int and p > 1), default=1)


def symbol_powers(e: Expr) -> dict[str, Any]:
    """Powers of plain symbols in a term."""
    factors = e.factors if type(e) is Mul else ((e, 1),)
    return {b.name: p for b, p in factors if type(b) is Atom and not isinstance(p, Node) and b is not PI and b is not E}
