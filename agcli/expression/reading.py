"""Syntax -> explicit text: every product has its sign and every doubtful grouping its parentheses."""

from __future__ import annotations

from agcli.expression.syntax import (
    ATOM,
    BINARY,
    COMPARISON,
    EQUATION,
    POWER,
    PREFIX,
    SUM,
    AnyNode,
    Call,
    Form,
    Literal,
    Number,
    Operator,
    Syntax,
)

_OPERATORS = {operator.function: operator for operator in [*BINARY.values(), PREFIX["-"]]}
_BRACKETS = {"vector": ("[", "]"), "tuple": ("(", ")")}

Piece = str | tuple[int, int]  # text, or a node and the weakest precedence that may stand there without parentheses


def reading(syntax: Syntax) -> str:
    """The formula as it was understood, in text that parses to the same syntax: `1/2x` gives `1/2*x`."""
    nodes = syntax.nodes
    written: list[str] = []
    pieces: list[Piece] = [(len(nodes) - 1, EQUATION)]
    while pieces:
        piece = pieces.pop()
        if isinstance(piece, str):
            written.append(piece)
            continue
        index, weakest = piece
        content, precedence = _pieces(nodes, nodes[index])
        if precedence < weakest:
            content = ["(", *content, ")"]
        pieces.extend(reversed(content))
    return "".join(written)


def _pieces(nodes: tuple[AnyNode, ...], node: AnyNode) -> tuple[list[Piece], int]:
    """What a node is written with, and how tightly that binds."""
    if isinstance(node, Number):
        return [node.text], ATOM
    if isinstance(node, Call):
        operator = _OPERATORS.get(node.function)
        if operator and len(node.args) == operator.arity and not node.keywords:
            return _operation(nodes, operator, node.args), operator.precedence
        positional = len(node.args) - len(node.keywords)
        labels = [""] * positional + [f"{keyword}=" for keyword in node.keywords]
        return [node.function, "(", *_listed(node.args, labels), ")"], ATOM
    if isinstance(node, Form):
        return _form(nodes, node)
    if isinstance(node, Literal):
        return [_literal(node)], ATOM
    return [node.name], ATOM


def _operation(nodes: tuple[AnyNode, ...], operator: Operator, args: tuple[int, ...]) -> list[Piece]:
    if operator.arity == 1:
        return [operator.symbol, (args[0], operator.precedence + 1)]
    precedence = operator.precedence
    spaced = precedence <= SUM or operator.symbol == "@"
    sign = f" {operator.symbol} " if spaced else operator.symbol
    left = precedence + (operator.right or precedence == COMPARISON)
    last = nodes[args[1]]
    signed = isinstance(last, Call) and last.function == "negative"
    return [(args[0], left), sign, (args[1], POWER if signed else precedence + 1)]


def _form(nodes: tuple[AnyNode, ...], node: Form) -> tuple[list[Piece], int]:
    if node.kind == "equation":
        return _operation(nodes, BINARY["="], node.args), EQUATION
    if node.kind == "index":
        base, *items = node.args
        number = isinstance(nodes[base], Number)
        return [(base, ATOM + number), "[", *_listed(tuple(items)), "]"], ATOM
    if node.kind == "slice":
        return _slice(nodes, node.args), ATOM
    opener, closer = _BRACKETS[node.kind]
    comma = "," if node.kind == "tuple" and len(node.args) == 1 else ""
    return [opener, *_listed(node.args), comma, closer], ATOM


def _slice(nodes: tuple[AnyNode, ...], args: tuple[int, ...]) -> list[Piece]:
    def part(index: int) -> Piece:
        node = nodes[index]
        return "" if isinstance(node, Literal) and node.value is None else (index, COMPARISON)

    start, stop, step = map(part, args)
    return [start, ":", stop, *([":", step] if step else [])]


def _listed(args: tuple[int, ...], labels: list[str] | None = None) -> list[Piece]:
    pieces: list[Piece] = []
    for place, index in enumerate(args):
        label = labels[place] if labels else ""
        pieces += [f"{', ' if place else ''}{label}", (index, COMPARISON)]
    return pieces


def _literal(node: Literal) -> str:
    if node.value is ...:
        return "..."
    if isinstance(node.value, str):
        quote = "'" if '"' in node.value else '"'
        return f"{quote}{node.value}{quote}"
    return str(node.value)
