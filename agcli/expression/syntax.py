"""What the parser makes of a text: a flat list of nodes, operands before operators, so that no walk needs recursion."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from types import EllipsisType
from typing import Literal as OneOf
from typing import NamedTuple, TypeAlias

MAX_LENGTH = 100_000  # characters
MAX_TOKENS = 50_000
MAX_DEPTH = 1_000  # brackets and operators that wait for their operand
MAX_DIGITS = 1_000  # of one number
MAX_EXPONENT = 1_000  # of 1e3


class Operator(NamedTuple):
    """An operator that stands between or before its operands; `function` is the op it means."""

    symbol: str
    function: str
    precedence: int
    arity: int = 2
    right: bool = False


EQUATION, COMPARISON, SUM, PRODUCT, SIGN, POWER, POSTFIX, ROOT, ATOM = range(9)

BINARY = {
    symbol: Operator(symbol, function, precedence, right=symbol == "^")
    for symbol, function, precedence in [
        ("=", "equation", EQUATION),
        ("<", "less", COMPARISON),
        ("<=", "less_equal", COMPARISON),
        (">", "greater", COMPARISON),
        (">=", "greater_equal", COMPARISON),
        ("==", "equal", COMPARISON),
        ("!=", "not_equal", COMPARISON),
        ("+", "add", SUM),
        ("-", "subtract", SUM),
        ("*", "multiply", PRODUCT),
        ("/", "divide", PRODUCT),
        ("@", "matmul", PRODUCT),
        ("^", "power", POWER),
    ]
}
PREFIX = {
    "-": Operator("-", "negative", SIGN, arity=1),
    "√": Operator("√", "sqrt", ROOT, arity=1),
    "∛": Operator("∛", "cbrt", ROOT, arity=1),
}
POSTFIX_FUNCTIONS = {"!": "factorial", ".T": "transpose"}
BAR_FUNCTION = "abs"


@dataclass(frozen=True, slots=True)
class Node:
    """Any node; `text[start:end]` of the formula is where it was written. Places do not count in comparisons."""

    start: int = field(compare=False, repr=False)
    end: int = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Number(Node):
    """An exact number; `text` is how it was written: `0.1` is Fraction(1, 10), `1e3` the integer 1000."""

    value: int | Fraction
    text: str = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """`pi` or `e`."""

    name: str


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """`True`, `False`, `None`, a string, or the `...` of an index."""

    value: bool | str | EllipsisType | None


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function of earlier nodes; operators are calls too: `x + 1` is `add`. `keywords` name the last arguments."""

    function: str
    args: tuple[int, ...]
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Form(Node):
    """Structure that is no function: the values of a vector or tuple, the base and items of an index, the start, stop
    and step of a slice (Literal None where left out), the two sides of an equation."""

    kind: OneOf["vector", "tuple", "index", "slice", "equation"]
    args: tuple[int, ...]


AnyNode: TypeAlias = Number | Constant | Name | Literal | Call | Form


class Doubt(NamedTuple):
    """A place that people read in two ways, and a sentence that says how it was read."""

    start: int
    end: int
    message: str


@dataclass(frozen=True, slots=True)
class Syntax:
    """A parsed formula. Nodes stand after the nodes they refer to, and the last one is the whole formula:
    one loop over `nodes` translates it, whatever its depth."""

    text: str = field(compare=False)
    nodes: tuple[AnyNode, ...]
    doubts: tuple[Doubt, ...] = field(compare=False, default=())

    @property
    def root(self) -> AnyNode:
        """The node of the whole formula."""
        return self.nodes[-1]

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables, each once, in the order in which they appear."""
        return tuple(dict.fromkeys(node.name for node in self.nodes if isinstance(node, Name)))
