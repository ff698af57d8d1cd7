"""Syntax -> text: what all printers share. No recursion, and nothing is written twice before it is needed.

A format is a `Writer` with a table of rules. A rule says with which pieces a call is written and how tightly that
binds; a piece is text, or an operand with the weakest precedence that may stand there without parentheses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from agcli.expression.errors import ExpressionError
from agcli.expression.syntax import (
    ATOM,
    COMPARISON,
    EQUATION,
    POWER,
    PRODUCT,
    SIGN,
    AnyNode,
    Call,
    Constant,
    Form,
    Literal,
    Name,
    Number,
)

MAX_PIECES = 400_000  # of one text: all that the parser reads fits, and a formula with shared parts may be endless

PRODUCTS = {"multiply", "hadamard", "divide", "matmul"}  # hadamard: element by element, of arrays

Piece = str | tuple[int, int]
Content = tuple[list[Piece], int]
Rule = Callable[["Writer", Call], Content]


class Writer:
    """Writes the nodes of one formula; `bound` names nodes that are written by their name."""

    rules: ClassVar[Mapping[str, Rule]] = {}
    parentheses: ClassVar[tuple[str, str]] = ("(", ")")
    constants: ClassVar[Mapping[str, str]] = {"pi": "pi", "e": "e"}

    def __init__(self, nodes: Sequence[AnyNode], bound: Mapping[int, str] | None = None) -> None:
        self.nodes = nodes
        self.bound = {} if bound is None else bound  # a printer adds to it as it goes

    def write(self, root: int = -1) -> str:
        """The text of a node, by default the last."""
        root %= len(self.nodes)
        written: list[str] = []
        content, _ = self.content(self.nodes[root])
        pieces = content[::-1]
        opening, closing = self.parentheses
        for _ in range(MAX_PIECES):
            if not pieces:
                return "".join(written)
            piece = pieces.pop()
            if isinstance(piece, str):
                written.append(piece)
            elif piece[0] in self.bound:
                written.append(self.bound[piece[0]])
            else:
                content, precedence = self.content(self.nodes[piece[0]])
                if precedence < piece[1]:
                    content = [opening, *content, closing]
                pieces.extend(reversed(content))
        message = f"the formula has more than {MAX_PIECES:,} parts when it is written out"
        hint = "--format python, numpy and c give names to the parts that repeat"
        raise ExpressionError(message, hint=hint)

    def content(self, node: AnyNode) -> Content:
        """What a node is written with, and how tightly that binds."""
        match node:
            case Call():
                return self.rules.get(node.function, type(self).call)(self, node)
            case Number():
                return self.number(node)
            case Name():
                return [self.name(node.name)], ATOM
            case Constant():
                return [self.constants[node.name]], ATOM
            case Literal():
                return [self.literal(node)], ATOM
            case Form():
                return self.form(node)

    def number(self, node: Number) -> Content:
        return [node.text], ATOM

    def name(self, name: str) -> str:
        return name

    def literal(self, node: Literal) -> str:
        return str(node.value)

    def form(self, node: Form) -> Content:
        return ["[", *listed(node.args), "]"], ATOM

    def call(self, node: Call) -> Content:
        positional = len(node.args) - len(node.keywords)
        labels = [""] * positional + [f"{keyword}=" for keyword in node.keywords]
        return [node.function, "(", *listed(node.args, labels), ")"], ATOM


def listed(args: Sequence[int], labels: Sequence[str] = (), comma: str = ", ") -> list[Piece]:
    """Operands with commas between them."""
    pieces: list[Piece] = []
    for place, index in enumerate(args):
        label = labels[place] if labels else ""
        pieces += [f"{comma if place else ''}{label}", (index, COMPARISON)]
    return pieces


def infix(sign: str, precedence: int, right: bool = False) -> Rule:
    """`a sign b`; of equal operators the left one binds first, or the right one."""
    left = precedence + (right or precedence == COMPARISON)

    def rule(writer: Writer, node: Call) -> Content:
        if len(node.args) != 2 or node.keywords:
            return writer.call(node)
        last = writer.nodes[node.args[1]]
        signed = isinstance(last, Call) and last.function == "negative"
        return [(node.args[0], left), sign, (node.args[1], POWER if signed else precedence + 1)], precedence

    return rule


def product(sign: str, apart: str) -> Rule:
    """A product or quotient whose left operand is one of the other kind: `(A @ x)*y`, but `A @ x / n`."""
    plain = infix(sign, PRODUCT)

    def rule(writer: Writer, node: Call) -> Content:
        content, precedence = plain(writer, node)
        left = writer.nodes[node.args[0]]
        inner = left.function if isinstance(left, Call) and node.args[0] not in writer.bound else ""
        if len(node.args) != 2 or inner not in PRODUCTS or (inner == "matmul") == (node.function == "matmul"):
            return content, precedence
        if node.function == "divide":
            return [content[0], apart, *content[2:]], precedence
        return [(node.args[0], POWER), *content[1:]], precedence

    return rule


def prefix(sign: str, precedence: int) -> Rule:
    """`sign a`"""

    def rule(writer: Writer, node: Call) -> Content:
        if len(node.args) != 1 or node.keywords:
            return writer.call(node)
        return [sign, (node.args[0], precedence + 1)], precedence

    return rule


def minus(sign: str) -> Rule:
    """`-a`; a product needs no parentheses, as the sign of its first factor is its own: `-2*x`, `-x/y`."""

    def rule(writer: Writer, node: Call) -> Content:
        operand = writer.nodes[node.args[0]]
        product = isinstance(operand, Call) and operand.function in PRODUCTS and not operand.keywords
        return [sign, (node.args[0], PRODUCT if product else POWER)], PRODUCT if product else SIGN

    return rule


def named(name: str) -> Rule:
    """A function that is called in another way here."""

    def rule(writer: Writer, node: Call) -> Content:
        return writer.call(Call(0, 0, name, node.args, node.keywords))

    return rule


def around(*texts: str, precedence: int = ATOM, inside: int = EQUATION) -> Rule:
    """Operands between texts, as in `|a|`; `inside` is the weakest precedence of an operand."""

    def rule(writer: Writer, node: Call) -> Content:
        if len(node.args) != len(texts) - 1 or node.keywords:
            return writer.call(node)
        pieces: list[Piece] = [texts[0]]
        for index, text in zip(node.args, texts[1:], strict=True):
            pieces += [(index, inside), text]
        return pieces, precedence

    return rule


def whole(writer: Writer, index: int) -> str:
    """The digits of a whole number, perhaps negative; empty for anything else."""
    node = writer.nodes[index]
    sign = ""
    if isinstance(node, Call) and node.function == "negative":
        sign, node = "-", writer.nodes[node.args[0]]
    return f"{sign}{node.text}" if isinstance(node, Number) and node.text.isdigit() else ""
