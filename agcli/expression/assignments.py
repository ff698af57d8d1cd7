"""`x=2,y=pi/3`: names and values in one option."""

from __future__ import annotations

from collections.abc import Iterable

from agcli.engine.graph import Tensor
from agcli.expression.errors import ExpressionError, shorten
from agcli.expression.lower import functions, lower
from agcli.expression.parser import parse_syntax
from agcli.expression.syntax import Form, Name, Syntax
from agcli.expression.tokens import canonical_name, tokenize

DEPTHS = {"(": 1, "[": 1, ")": -1, "]": -1}


def pieces(text: str) -> list[str]:
    """The text between commas that stand in no brackets."""
    found, start, depth = [], 0, 0
    for token in tokenize(text):
        depth += DEPTHS.get(token.kind, 0)
        if token.kind == "," and depth == 0:
            found.append(text[start : token.start])
            start = token.end
    return [*found, text[start:]]


def assignments(texts: Iterable[str], option: str) -> dict[str, Syntax]:
    """Name -> syntax of its value, of `name=value` pairs. Raises ExpressionError."""
    found: dict[str, Syntax] = {}
    for text in texts:
        for piece in pieces(text):
            name, sign, right = piece.partition("=")
            if not sign or not right.strip():
                hint = f"write {option} x=2 or {option} x=2,y=pi/3"
                raise ExpressionError(f"{option}: expected `name=value`", piece, 0, len(piece), hint)
            word = canonical_name(name.strip())
            if word in found:
                raise ExpressionError(f"{option}: `{shorten(word)}` is given twice", piece, 0, len(piece))
            found[word] = parse_syntax(right, functions())
    return found


def constant(syntax: Syntax, option: str) -> Tensor:
    """A value without variables."""
    for node in syntax.nodes:
        if isinstance(node, Name):
            message = f"{option}: expected a value without variables, found `{shorten(node.name)}`"
            raise ExpressionError(message, syntax.text, node.start, node.end)
    if isinstance(syntax.root, Form) and syntax.root.kind == "equation":
        raise ExpressionError(f"{option}: expected one value, found an equation", syntax.text, 0, len(syntax.text))
    return lower(syntax, {})[0]
