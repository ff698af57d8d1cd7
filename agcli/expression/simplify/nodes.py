"""The simplifier's own algebra: a sum, a product of powers, a function, an atom, or an exact number.

Equal expressions are one object (hash-consing), so comparing and looking up are cheap. Numbers are plain ``int`` and
``Fraction``. A power is a product of one factor: ``x^2`` is ``Mul(1, ((x, 2),))``, and exp(u) is a power of the atom E.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, TypeAlias

Number: TypeAlias = "int | Fraction"
Expr: TypeAlias = "int | Fraction | Node"
Factor: TypeAlias = "tuple[Expr, Expr]"  # base, exponent


class UndefinedError(ArithmeticError):
    """A division by zero: the formula has no value anywhere, and is left as it is."""


class ExhaustedError(ArithmeticError):
    """The budget is used up."""


class Node:
    """What all expressions share; they are compared by identity."""

    __slots__ = ("cost", "order", "place")

    cost: float
    order: Any
    place: tuple[Any, ...]  # of a term among others


class Atom(Node):
    """A symbol, or anything that is not looked into: ``tensor`` is what it stands for."""

    __slots__ = ("name", "positive", "tensor")

    def __init__(self, name: str, tensor: Any = None, positive: bool = False) -> None:
        self.name = name
        self.tensor = tensor
        self.positive = positive


class Fn(Node):
    """A function of expressions; ``head`` is a name of the engine's table, or an op with attributes."""

    __slots__ = ("args", "head")

    head: Any
    args: tuple[Expr, ...]


class Mul(Node):
    """``coefficient * base^exponent * ...``; no base occurs twice, no exponent is 0."""

    __slots__ = (
        "coefficient",
        "factors",
        "features",
        "groups",
        "line",
        "marks",
        "multiples",
        "one",
        "overflows",
        "plain",
        "powers",
    )

    coefficient: Number
    factors: tuple[Factor, ...]
    one: Mul | None  # the product without its number; None where it has none
    multiples: Any  # of a product without a number: those with numbers, by the number; None where there are none
    groups: list[Expr] | None  # what ``factor_groups`` found; None for the product itself
    line: Any  # how it is written: what ``quotient`` found
    features: int  # what ``term_features`` found
    marks: set[Any]  # what ``marks_of`` found
    overflows: bool  # what ``stable.overflows`` found
    plain: float | None  # what ``plain_cost`` found
    powers: dict[Any, Number]  # what ``powers_of`` found


class Add(Node):
    """``coefficient*term + ... + constant``; terms have no coefficient of their own."""

    __slots__ = ("constant", "features", "groups", "marks", "residues", "rows", "split", "terms", "wide")

    constant: Number
    terms: tuple[tuple[Node, Number], ...]
    groups: list[Expr] | None  # what ``term_groups`` found; None for the sum itself
    features: int  # what ``features`` found
    marks: frozenset[Any]  # what ``sum_marks`` found
    rows: list[tuple[Number, dict[Any, Number]]]  # what ``rows_of`` found
    residues: dict[Any, list[int]] | None  # what ``residues_of`` found
    wide: int  # what ``terms_when_expanded`` found
    split: tuple[Number, Add] | None  # what ``primitive`` found; None for 1 and the sum itself


class Table:
    """Where equal expressions meet, and how much work is left; one for each simplification."""

    def __init__(self) -> None:
        self.nodes: dict[Any, Any] = {}
        self.products: dict[frozenset[Factor], Mul] = {}  # without numbers
        self.expanded: dict[Expr, Expr | None] = {}  # what products of sums were multiplied out to
        self.divided: dict[tuple[Add, Add], tuple[Expr, Expr, Expr] | None] = {}  # the common divisors of pairs of sums
        self.places: dict[Any, int] = {}  # of generators, in the order in which they were met
        self.left = 0

    def open(self, budget: int) -> None:
        for node in self.products.values():
            node.multiples = None  # which hold the node itself
        self.nodes.clear()
        self.products.clear()
        self.expanded.clear()
        self.places.clear()
        self.divided.clear()
        self.left = budget


TABLE = Table()


def fn(head: Any, *args: Expr) -> Fn:
    """The function node, as it is; ``functions.call`` knows values and identities."""
    key = (head, args)
    node = TABLE.nodes.get(key)
    if node is None:
        node = Fn()
        node.head, node.args = head, args
        register(key, node)
    return node


def make_mul(coefficient: Number, factors: tuple[Factor, ...]) -> Mul:
    """The product node, as it is."""
    key = frozenset(factors)
    node = TABLE.products.get(key)
    if node is None:
        node = TABLE.products[key] = Mul()
        node.coefficient, node.factors, node.one, node.multiples = 1, factors, None, None
        spend(1)
    return node if coefficient == 1 else multiple(coefficient, node)


def multiple(k: Number, e: Mul) -> Mul:
    """``k`` times a product without a number, for k other than 1."""
    if e.multiples is None:
        e.multiples = {}
    node = e.multiples.get(k)
    if node is None:
        node = e.multiples[k] = Mul()
        node.coefficient, node.factors, node.one, node.multiples = k, e.factors, e, None
        spend(1)
    return node  # type: ignore[no-any-return]


def make_add(constant: Number, terms: tuple[tuple[Node, Number], ...]) -> Add:
    """The sum node, as it is."""
    key = (Add, constant, frozenset(terms))
    node = TABLE.nodes.get(key)
    if node is None:
        node = Add()
        node.constant, node.terms = constant, terms
        register(key, node)
    return node


def register(key: Any, node: Node) -> None:
    spend(1)
    TABLE.nodes[key] = node


def spend(work: int) -> None:
    """Count ``work``, in units of an expression made."""
    TABLE.left -= work
    if TABLE.left < 0:
        raise ExhaustedError


E = Atom("e", positive=True)
PI = Atom("pi", positive=True)
REST = Atom("rest")  # stands for the factors around a group of factors, which count in what the group costs


def size(q: Number) -> Number:
    """The absolute value."""
    return -q if q.numerator < 0 else q


def is_number(e: Expr) -> bool:
    return not isinstance(e, Node)


def exact(q: Number) -> Number:
    """``q`` as an int where it is one."""
    return q.numerator if q.denominator == 1 else q


def ratio(a: Number, b: Number) -> Number:
    """``a/b``, exactly."""
    if type(a) is int and type(b) is int and a % b == 0:
        return a // b
    return exact(Fraction(a) / b)


def factors_of(e: Expr) -> tuple[Number, tuple[Factor, ...]]:
    """``e`` as coefficient and factors."""
    if not isinstance(e, Node):
        return e, ()
    if type(e) is Mul:
        return e.coefficient, e.factors
    return 1, ((e, 1),)


def terms_of(e: Expr) -> tuple[Number, tuple[tuple[Node, Number], ...]]:
    """``e`` as constant and terms."""
    if not isinstance(e, Node):
        return e, ()
    if type(e) is Add:
        return e.constant, e.terms
    if type(e) is Mul and e.coefficient != 1:
        return 0, ((bare(e), e.coefficient),)
    return 0, ((e, 1),)


def bare(e: Mul) -> Node:
    """A product without its coefficient."""
    if len(e.factors) == 1 and e.factors[0][1] == 1:
        return e.factors[0][0]  # type: ignore[return-value]
    return e.one or e
