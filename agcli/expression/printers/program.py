"""What python, numpy and c share: a formula as a function whose repeated parts have names.

A part that is used twice is computed once, and a deep part gets a name of its own, so that a graph of any depth and
any sharing is written in as many lines as it has such parts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar

from agcli.engine.graph import Tensor
from agcli.expression.errors import ExpressionError
from agcli.expression.lift import lift
from agcli.expression.printers.letters import fresh, identifiers
from agcli.expression.reading import Text
from agcli.expression.syntax import AnyNode, Call, Form, Name, Syntax
from agcli.expression.writer import Rule, Writer

MAX_DEPTH = 20  # of one line; compilers refuse expressions that are nested too deeply


class Code(Text):
    """A writer of program text: names are identifiers, and helpers are noted when they are used."""

    helpers: ClassVar[Mapping[str, str]] = {}  # function -> its definition in the language
    reserved: ClassVar[Collection[str]] = ()
    language: ClassVar[str]

    def __init__(self, nodes: tuple[AnyNode, ...], bound: dict[int, str], names: dict[str, str]) -> None:
        super().__init__(nodes, bound)
        self.names = names
        self.used: dict[str, str] = {}

    def name(self, name: str) -> str:
        return self.names[name]

    def unknown(self, function: str, hint: str = "") -> ExpressionError:
        return ExpressionError(f"{self.language} has no function `{function}`", hint=hint)


@dataclass(frozen=True)
class Program:
    """Lines `name = expression` in order, and the expressions of the result: one, or the elements of a vector."""

    parameters: list[str]
    lines: list[tuple[str, str]]
    results: list[str]
    helpers: list[str]
    vector: bool


def program(t: Tensor, writer: type[Code], split: bool = False) -> Program:
    """The parts of a function that computes `t`; with `split`, a vector's elements are results of their own."""
    syntax = lift(t)
    nodes = syntax.nodes
    names = identifiers(sorted(syntax.variables), writer.reserved)
    roots = list(elements(syntax)) if split else [len(nodes) - 1]
    prefix = fresh("t", names.values())
    bound: dict[int, str] = {}
    code = writer(nodes, bound, names)
    lines = []
    for index in named_parts(nodes, roots):
        text = code.write(index)
        bound[index] = f"{prefix}{len(bound) + 1}"
        lines.append((bound[index], text))
    results = [bound.get(root) or code.write(root) for root in roots]
    return Program(list(names.values()), lines, results, list(code.used.values()), roots != [len(nodes) - 1])


def elements(syntax: Syntax) -> tuple[int, ...]:
    """The nodes of a vector's or matrix's elements in order; of anything else, itself."""
    found = [len(syntax.nodes) - 1]
    while all(isinstance(node := syntax.nodes[i], Form) and node.kind == "vector" for i in found):
        found = [j for i in found for j in getattr(syntax.nodes[i], "args", ())]
    return tuple(found)


def named_parts(nodes: tuple[AnyNode, ...], roots: list[int]) -> list[int]:
    """The calls that get a name, in order: those used more than once, and those that end a deep part."""
    uses = [0] * len(nodes)
    for node in nodes:
        for i in getattr(node, "args", ()):
            uses[i] += 1
    for i in roots:
        uses[i] += 1
    depth = [0] * len(nodes)
    parts = []
    for i, node in enumerate(nodes):
        depth[i] = 1 + max((depth[j] for j in getattr(node, "args", ())), default=0)
        shared = uses[i] > 1 and depth[i] > 2
        if isinstance(node, Call) and (shared or (uses[i] and depth[i] > MAX_DEPTH)) and not is_number(nodes, i):
            parts.append(i)
            depth[i] = 1
    return parts


def is_number(nodes: tuple[AnyNode, ...], index: int) -> bool:
    """Whether a node is a fraction or a negative number."""
    node = nodes[index]
    while isinstance(node, Call) and node.function == "negative":
        node = nodes[node.args[0]]
    if isinstance(node, Call) and node.function == "divide":
        return not any(isinstance(nodes[i], Call | Form | Name) for i in node.args)
    return not isinstance(node, Call)


def helper(name: str) -> Rule:
    """A function that the language lacks, whose definition stands before the program."""

    def rule(writer: Writer, node: Call) -> tuple[list[str | tuple[int, int]], int]:
        if isinstance(writer, Code):
            writer.used[name] = writer.helpers[name]
        return writer.call(node)

    return rule
