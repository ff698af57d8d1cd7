"""Names for the parts of matrix formulas, so that no line is long and nothing is written twice.

A part of the model is called `h`, with a number; one that only gradients have is called `g`. Named are the parts that
stand in several places, and operands of what would be too long for a line.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass

from agcli.engine.graph import Tensor
from agcli.engine.types import Shape
from agcli.expression.lift import Lifter, renumbered
from agcli.expression.matrix.lengths import lettered, part
from agcli.expression.printers.letters import fresh
from agcli.expression.reading import Text
from agcli.expression.syntax import AnyNode, Call, Literal, Name, Number, Syntax

WIDTH = 72  # characters of a formula
SHORT = 12  # characters that a name must save
TRIVIAL = {"transpose", "negative"}


@dataclass(frozen=True)
class Part:
    """A named part, or without a name a result: its node, its shape, and its formula as text."""

    name: str
    node: int
    shape: tuple[int | str, ...]
    text: str


@dataclass(frozen=True)
class Parts:
    """Formulas with their named parts, in the order in which they can be computed.

    In `nodes`, products of arrays element by element are calls of `hadamard`: some formats have a sign of their own.
    """

    nodes: tuple[AnyNode, ...]
    bound: dict[int, str]
    named: tuple[Part, ...]
    results: tuple[Part, ...]

    @property
    def variables(self) -> list[str]:
        """The names that the formulas and their parts use, without the parts' own."""
        wanted = (self.nodes[i] for i in used(self.nodes, [p.node for p in self.results]))
        return sorted({node.name for node in wanted if isinstance(node, Name)})

    def whole(self, result: Part) -> Syntax:
        """One result without named parts."""
        order = sorted(used(self.nodes, [result.node]))
        moved = {old: new for new, old in enumerate(order)}
        return Syntax("", tuple(renumbered(self.nodes[i], moved) for i in order))


def parts(outputs: Sequence[Tensor], model: Sequence[Tensor], taken: Collection[str]) -> Parts:
    """The formulas of `outputs` in parts; `model` are tensors of the model itself, `taken` the names of variables."""
    lifter = Lifter()
    roots = [lifter.lift(t) for t in outputs]
    forward = {lifter.lift(t) for t in model}
    nodes = tuple(with_letters(node) for node in lifter.nodes)
    bound: dict[int, str] = {}
    writer = Text(nodes, bound)
    texts: dict[int, str] = {}
    counts = {"h": 0, "g": 0}
    prefixes = {letter: fresh(letter, taken) for letter in counts}

    def name(i: int) -> None:
        letter = "h" if i in forward else "g"
        counts[letter] += 1
        bound[i] = f"{prefixes[letter]}{counts[letter]}"

    uses = used(nodes, roots)
    for i in sorted(uses):
        node = nodes[i]
        if not isinstance(node, Call) or node.function in TRIVIAL:
            continue
        text = writer.write(i)
        while len(text) > WIDTH:
            operand = longest(writer, nodes, i, lifter.shapes)
            if operand is None:
                break
            name(operand)
            text = writer.write(i)
        if i not in roots and i in lifter.shapes and (uses[i] - 1) * len(text) > SHORT:
            name(i)
    order = sorted(bound)
    bound.clear()
    counts = dict.fromkeys(counts, 0)
    for i in order:  # operands have lower numbers, so now the names follow each other
        texts[i] = writer.write(i)
        name(i)
    return Parts(
        tuple(hadamard(node, lifter.shapes) for node in nodes),
        bound,
        tuple(Part(bound[i], i, tuple(lettered(lifter.shapes[i])), texts[i]) for i in order),
        tuple(Part("", i, tuple(lettered(lifter.shapes[i])), bound.get(i) or writer.write(i)) for i in roots),
    )


def with_letters(node: AnyNode) -> AnyNode:
    """An unknown length as its letter, or as a product such as `28*n`."""
    length = part(node.value) if isinstance(node, Number) and isinstance(node.value, int) else 0
    return Name(0, 0, length) if isinstance(length, str) else node


def hadamard(node: AnyNode, shapes: Mapping[int, Shape]) -> AnyNode:
    """A product of two arrays by its own name."""
    if isinstance(node, Call) and node.function == "multiply" and all(shapes.get(i) for i in node.args):
        return Call(0, 0, "hadamard", node.args)
    return node


def used(nodes: Sequence[AnyNode], roots: Sequence[int]) -> dict[int, int]:
    """How often each node stands in the formulas, where every shared part is counted once."""
    uses = dict.fromkeys(roots, 1)
    for i in range(len(nodes) - 1, -1, -1):
        if i in uses:
            for j in getattr(nodes[i], "args", ()):
                uses[j] = uses.get(j, 0) + 1
    return uses


def longest(writer: Text, nodes: Sequence[AnyNode], i: int, known: Container[int]) -> int | None:
    """The operand to name: the longest that is an operation and has no name yet, looked for through thin ones."""
    best, width = None, 2 * SHORT
    stack = list(getattr(nodes[i], "args", ()))
    whole = len(writer.write(i))
    while stack:
        j = stack.pop()
        node = nodes[j]
        if j in writer.bound or isinstance(node, Name | Literal):
            continue
        if not isinstance(node, Call) or node.function in TRIVIAL:
            stack += getattr(node, "args", ())
            continue
        length = len(writer.write(j))
        if length > 0.85 * whole and node.args:  # all but a factor of the whole
            stack += node.args
        elif length > width and j in known:
            best, width = j, length
    return best
