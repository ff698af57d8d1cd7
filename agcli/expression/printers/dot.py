"""Graphviz: the formula as a drawing in which a shared part stands once."""

from __future__ import annotations

from agcli.engine.graph import Tensor
from agcli.expression.lift import lift
from agcli.expression.reading import Text
from agcli.expression.syntax import BINARY, Call, Form, Name, Syntax

SIGNS = {operator.function: operator.symbol for operator in BINARY.values()} | {"negative": "−", "hadamard": "⊙"}
FORMS = {"vector": "[ ]", "index": "x[ ]", "slice": ":", "tuple": "( )", "equation": "="}


def to_dot(t: Tensor, name: str = "f") -> str:
    """A digraph: operands above, the result below."""
    return drawing(lift(t), name)


def drawing(syntax: Syntax, name: str) -> str:
    text = Text(syntax.nodes)
    lines = [f"digraph {quoted(name)} {{", '  node [shape=box, fontname="monospace"];']
    for place, node in enumerate(syntax.nodes):
        if isinstance(node, Call):
            label, shape = SIGNS.get(node.function, node.function), "box"
        elif isinstance(node, Form):
            label, shape = FORMS[node.kind], "box"
        else:
            (written,), _ = text.content(node)
            label, shape = str(written), "ellipse" if isinstance(node, Name) else "plain"
        lines.append(f"  n{place} [label={quoted(label)}, shape={shape}];")
        args = getattr(node, "args", ())
        ordered = len(args) > 1
        lines += [f"  n{arg} -> n{place}{f' [label={i + 1}]' * ordered};" for i, arg in enumerate(args)]
    return "\n".join([*lines, "}"])


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
