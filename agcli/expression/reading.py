"""Syntax -> explicit text: every product has its sign and every doubtful grouping its parentheses."""

from __future__ import annotations

from typing import ClassVar

from agcli.expression.syntax import (
    ATOM,
    BINARY,
    COMPARISON,
    POSTFIX,
    PREFIX,
    SUM,
    Call,
    Form,
    Literal,
    Number,
    Operator,
    Syntax,
)
from agcli.expression.writer import Content, Piece, Writer, around, infix, listed, minus, prefix, product


def reading(syntax: Syntax) -> str:
    """The formula as it was understood, in text that parses to the same syntax: `1/2x` gives `1/2*x`."""
    return Reading(syntax.nodes).write()


def spaced(operator: Operator) -> str:
    """The sign of an operator, with the spaces that it has in a text."""
    symbol = operator.symbol
    return f" {symbol} " if operator.precedence <= SUM or symbol == "@" else symbol


class Text(Writer):
    """Formulas of the same value in the language that the parser reads."""

    rules: ClassVar = {
        **{o.function: infix(spaced(o), o.precedence, o.right) for o in BINARY.values()},
        "multiply": product("*", " * "),
        "hadamard": product("*", " * "),
        "divide": product("/", " / "),
        "matmul": product(" @ ", " @ "),
        "negative": minus("-"),
        "transpose": around("", ".T", precedence=POSTFIX, inside=POSTFIX),
    }

    def literal(self, node: Literal) -> str:
        if node.value is ...:
            return "..."
        if isinstance(node.value, str):
            quote = "'" if '"' in node.value else '"'
            return f"{quote}{node.value}{quote}"
        return str(node.value)

    def form(self, node: Form) -> Content:
        if node.kind == "equation":
            return self.rules["equation"](self, Call(0, 0, "equation", node.args))
        if node.kind == "index":
            base, *items = node.args
            number = isinstance(self.nodes[base], Number)
            return [(base, ATOM + number), "[", *listed(items), "]"], ATOM
        if node.kind == "slice":
            return self.slice(node.args)
        if node.kind == "tuple":
            return ["(", *listed(node.args), ",)" if len(node.args) == 1 else ")"], ATOM
        return ["[", *listed(node.args), "]"], ATOM

    def slice(self, args: tuple[int, ...]) -> Content:
        def part(index: int) -> Piece:
            node = self.nodes[index]
            return "" if isinstance(node, Literal) and node.value is None else (index, COMPARISON)

        start, stop, step = map(part, args)
        return [start, ":", stop, *([":", step] if step else [])], ATOM


class Reading(Text):
    """Formulas whose text parses to the very same syntax, where `-2*x` is a product and `-(2*x)` is not."""

    rules: ClassVar = {**Text.rules, "negative": prefix("-", PREFIX["-"].precedence)}
