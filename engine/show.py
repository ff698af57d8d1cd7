"""Graphs to look at: a tree for a terminal, DOT for Graphviz, Mermaid for Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from .errors import EngineError
from .graph import Constant, Tensor, toposort
from .types import TupleType

LIMIT = 1000  # lines or nodes; the rest is counted, not drawn
DEEP = 30  # deeper levels of a tree are numbered instead of indented


def show(tensors: Tensor | Sequence[Tensor], format: str = "tree", limit: int = LIMIT) -> str:
    """The graph of one tensor or several as text: ``format`` is "tree", "dot" or "mermaid".

    In the tree, a tensor that is used more than once is drawn once, with a number by which it is named elsewhere.
    Graphs of more than ``limit`` nodes are cut, and say so.

    >>> x = ag.placeholder("x", (None, 3))
    >>> y = (x * x).sum()
    >>> print(ag.show(y))
    sum: float32()
    └─ multiply: float32(None, 3)
       ├─ x = placeholder: float32(None, 3)  #1
       └─ #1
    """
    if format not in FORMATS:
        raise EngineError(f"show: format is one of {', '.join(FORMATS)}, got {format!r}")
    if not isinstance(limit, int) or limit < 1:
        raise EngineError(f"show: limit is a positive integer, got {limit!r}")
    return "\n".join(FORMATS[format]([tensors] if isinstance(tensors, Tensor) else list(tensors), limit))


def what(t: Tensor) -> str:
    """A tensor in one line, without its inputs."""
    if isinstance(t, Constant):
        kind = f"constant {t.value}" if t.shape == () else "constant"
    else:
        kind = t.op.name if t.op else type(t).__name__.lower()
    type_text = "tuple" if isinstance(t.type, TupleType) and len(t.type.items) > 4 else str(t.type)
    return f"{t.name + ' = ' if t.name else ''}{kind}: {type_text}"


def tree(tensors: Sequence[Tensor], limit: int) -> Iterator[str]:
    """Lines of the tree, depth first and without recursion."""
    order = toposort(tensors)
    uses = Counter(x.id for t in order for x in t.inputs) + Counter(t.id for t in tensors)
    numbers: dict[int, int] = {}
    stack: list[tuple[Tensor, int, str, str]] = [(t, 0, "", "") for t in reversed(tensors)]
    for _ in range(limit):
        if not stack:
            return
        t, depth, indent, branch = stack.pop()
        head = indent + branch if depth <= DEEP else f"{depth}: "
        if t.id in numbers:
            yield f"{head}#{numbers[t.id]}"
            continue
        mark = ""
        if uses[t.id] > 1 and not plain(t):
            numbers[t.id] = len(numbers) + 1
            mark = f"  #{numbers[t.id]}"
        yield head + what(t) + mark
        if depth < DEEP:
            indent += {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
        branches = ["├─ "] * (len(t.inputs) - 1) + ["└─ "]
        stack.extend((x, depth + 1, indent, b) for x, b in zip(reversed(t.inputs), reversed(branches), strict=False))
    if stack:
        yield f"... {len(order):,} nodes in all; show(..., limit=) draws more"


def plain(t: Tensor) -> bool:
    """Numbers are written where they are used."""
    return isinstance(t, Constant) and t.shape == ()


def dot(tensors: Sequence[Tensor], limit: int) -> Iterator[str]:
    """Graphviz: leaves as boxes, ops as ellipses, edges in the direction of the data."""
    yield "digraph {"
    yield "  rankdir=BT;"
    shown = toposort(tensors)
    for t in shown[-limit:]:
        text = what(t).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        yield f'  n{t.id} [label="{text}", shape={"box" if t.op is None else "ellipse"}];'
    yield from cut(shown, limit, lambda text: f'  more [label="{text}", shape=note];')
    yield from edges(shown[-limit:], "  n{} -> n{};")
    yield "}"


def mermaid(tensors: Sequence[Tensor], limit: int) -> Iterator[str]:
    """Mermaid: leaves as boxes, ops rounded; whatever its text could take for markup is escaped."""
    yield "graph BT"
    shown = toposort(tensors)
    for t in shown[-limit:]:
        text = "".join(c if c.isalnum() or c in " .,:=_()-+" else f"#{ord(c)};" for c in what(t))
        yield f'  n{t.id}["{text}"]' if t.op is None else f'  n{t.id}(["{text}"])'
    yield from cut(shown, limit, lambda text: f'  more["{text}"]')
    yield from edges(shown[-limit:], "  n{} --> n{}")


def cut(order: Sequence[Tensor], limit: int, line: Callable[[str], str]) -> Iterator[str]:
    if len(order) > limit:
        yield line(f"{len(order) - limit:,} nodes more")


def edges(shown: Sequence[Tensor], line: str) -> Iterator[str]:
    """One line for each pair of an input and its user that are both shown."""
    ids = {t.id for t in shown}
    for t in shown:
        for x in dict.fromkeys(t.inputs):
            if x.id in ids:
                yield line.format(x.id, t.id)


FORMATS: dict[str, Callable[[Sequence[Tensor], int], Iterator[str]]] = {"tree": tree, "dot": dot, "mermaid": mermaid}
