"""What python, numpy and c share: a formula as a function whose repeated parts have names.

A part that is used twice is computed once, and a deep part gets a name of its own, so that a graph of any depth and
any sharing is written in as many lines as it has such parts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from agcli.engine.graph import Tensor, toposort
from agcli.engine.leaves import Placeholder
from agcli.engine.types import static
from agcli.expression.errors import ExpressionError
from agcli.expression.lift import lift
from agcli.expression.printers.letters import fresh, identifiers
from agcli.expression.printers.where_else import in_numpy
from agcli.expression.reading import Text
from agcli.expression.syntax import AnyNode, Call, Form, Name, Syntax
from agcli.expression.writer import Content, Rule, Writer
from agcli.expression.written_out import spread

MAX_DEPTH = 20  # of one line; compilers refuse expressions that are nested too deeply


class Code(Text):
    """A writer of program text: names are identifiers, and helpers are noted when they are used."""

    helpers: ClassVar[Mapping[str, str]] = {}  # function -> its definition in the language
    needs: ClassVar[Mapping[str, Sequence[str]]] = {}  # helper -> helpers that it calls
    reserved: ClassVar[Collection[str]] = ()
    language: ClassVar[str]
    arrays: ClassVar[bool] = False  # whether variables may be vectors and matrices

    def __init__(self, nodes: tuple[AnyNode, ...], bound: dict[int, str], names: dict[str, str]) -> None:
        super().__init__(nodes, bound)
        self.names = names
        self.used: dict[str, str] = {}
        self.eager = False  # whether a part of a branch may be computed where the branch is not taken

    def name(self, name: str) -> str:
        return self.names[name]

    def elsewhere(self, function: str) -> str:
        """What to type for a function that is not here."""
        return in_numpy(function)

    def unknown(self, function: str) -> ExpressionError:
        return ExpressionError(f"{self.language} has no function `{function}`", hint=self.elsewhere(function))

    def form(self, node: Form) -> Content:
        if self.arrays:
            return super().form(node)
        raise self.unknown({"index": "x[0]", "vector": "[a, b]"}.get(node.kind, node.kind))

    def use(self, name: str) -> None:
        """Note that a helper is called."""
        for other in self.needs.get(name, ()):
            self.use(other)
        self.used[name] = self.helpers[name]


@dataclass(frozen=True)
class Program:
    """Lines `name = expression` in order, and the expressions of the result: one, or all elements of an array of
    `shape` in order. `floats` are the parameters that are no whole numbers."""

    parameters: list[str]
    floats: list[str]
    lines: list[tuple[str, str]]
    results: list[str]
    helpers: list[str]
    shape: tuple[int, ...]


def program(t: Tensor, writer: type[Code], parameters: Mapping[str, Placeholder] | None = None) -> Program:
    """The parts of a function that computes `t`.

    Its variables are those of `t` and `parameters`, in alphabetical order: also those that `t` does not need. In a
    language without arrays, a vector's elements are results of their own.
    """
    leaves = {p.name: p for p in toposort([t]) if isinstance(p, Placeholder) and p.name} | dict(parameters or {})
    if not writer.arrays:
        check_numbers(leaves.values(), writer)
        t = spread(t)
    syntax = lift(t)
    nodes = syntax.nodes
    check_constants(syntax, leaves)
    names = identifiers(sorted(leaves), writer.reserved)
    roots = [len(nodes) - 1] if writer.arrays else list(elements(syntax))
    prefix = fresh("t", names.values())
    bound: dict[int, str] = {}
    code = writer(nodes, bound, names)
    parts = named_parts(nodes, roots)
    code.eager = bool(parts) and any(isinstance(node, Call) and node.function == "where" for node in nodes)
    lines = []
    for index in parts:
        text = code.write(index)
        bound[index] = f"{prefix}{len(bound) + 1}"
        lines.append((bound[index], text))
    results = [bound.get(root) or code.write(root) for root in roots]
    shape = () if writer.arrays else tuple(map(static, t.shape))
    floats = [word for name, word in names.items() if leaves[name].dtype.kind == "f"]
    return Program(list(names.values()), floats, lines, results, list(code.used.values()), shape)


def check_numbers(leaves: Iterable[Placeholder], writer: type[Code]) -> None:
    """Refuse variables that are arrays in a language of numbers."""
    for p in leaves:
        if p.shape != ():
            message = f"{writer.language} functions take numbers here; `{p.name}` has the shape {p.shape}"
            raise ExpressionError(message, hint="--format numpy takes vectors and matrices")


def check_constants(syntax: Syntax, leaves: Collection[str]) -> None:
    """Refuse arrays that are too large to be written out; `lift` has only names for them."""
    for name in syntax.variables:
        if name not in leaves:
            raise ExpressionError(f"the formula holds an array that is too large to be written out, `{name}`")


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


def helper(name: str, as_name: str = "") -> Rule:
    """A function that the language lacks, whose definition stands before the program."""

    def rule(writer: Writer, node: Call) -> Content:
        if isinstance(writer, Code):
            writer.use(as_name or name)
        return writer.call(Call(0, 0, as_name or name, node.args, node.keywords))

    return rule


def module(
    functions: Sequence[tuple[str, Tensor]],
    writer: type[Code],
    write: Callable[[Program, str], str],
    parameters: Mapping[str, Placeholder] | None,
    apart: str = "\n\n\n",
) -> str:
    """A function for each formula, by name, and before them every helper once."""
    parts = [program(t, writer, parameters) for _, t in functions]
    helpers = dict.fromkeys(text for part in parts for text in part.helpers)
    return apart.join([*helpers, *(write(part, name) for part, (name, _) in zip(parts, functions, strict=True))])
