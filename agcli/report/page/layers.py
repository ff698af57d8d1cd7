"""The model on the page: a table of its layers, and the graph that they form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agcli.counts import number_of
from agcli.engine.graph import Tensor, toposort
from agcli.engine.leaves import Placeholder, Variable
from agcli.engine.variables import total
from agcli.model.build import Model
from agcli.model.layers.scope import Trace

from .html import Html, joined, table, tag

LAYERS = 200  # that are drawn
BOX, TALL, GAP, STEP = 190, 34, 24, 62  # sizes of the drawing


@dataclass(frozen=True)
class Node:
    """A layer or an input: what it is called, its kind and shape, its parameters, and what it reads."""

    name: str
    kind: str
    shape: str
    parameters: int
    sources: tuple[int, ...]


def layer_table(nodes: Sequence[Node], parameters: int) -> Html:
    """A row a layer, and all parameters."""
    rows = [(n.name, n.kind, n.shape, f"{n.parameters:,}" if n.parameters else "") for n in nodes]
    last = ("all", "", "", f"{parameters:,}")
    return table(("layer", "kind", "output of a sample", "parameters"), [*rows, last], (3,), "sum")


def nodes_of(model: Model) -> list[Node]:
    """The inputs and the outermost layers of a model, in order."""
    traces = model.test.traces
    outer = min((t.depth for t in traces), default=0)
    layers = [t for t in traces if t.depth == outer]
    inputs = list(model.sources.values())
    made = {p.id: i for i, p in enumerate(inputs)}
    found = [Node(p.name or "", "input", shape_text(p), 0, ()) for p in inputs]
    for trace in layers:
        sources = tuple(dict.fromkeys(s for x in trace.inputs for s in origins(x, made)))
        found.append(Node(trace.path, trace.kind, shape_text(trace.output), parameters(trace), sources))
        made[trace.output.id] = len(found) - 1
    return found


def parameters(trace: Trace) -> int:
    """How many numbers a layer learns; those that layers share count at each of them."""
    inside = toposort([trace.output], {x.id for x in trace.inputs})
    return total({v.id: v for v in inside if isinstance(v, Variable) and v.trainable}.values())


def shape_text(t: Tensor) -> str:
    return " × ".join("?" if d is None else f"{d:,}" for d in t.shape[1:]) or "1"


def origins(x: Tensor, made: Mapping[int, int]) -> Iterable[int]:
    """The numbers of the nodes from which a tensor is computed, the nearest on each way."""
    stack, seen = [x], set[int]()
    while stack:
        t = stack.pop()
        if t.id in made:
            yield made[t.id]
        elif t.id not in seen and not isinstance(t, Placeholder):
            seen.add(t.id)
            stack.extend(t.inputs)


def graph(nodes: Sequence[Node]) -> Html:
    """The layers as boxes from top to bottom, each below all that it reads."""
    rank: list[int] = []
    for node in nodes:
        rank.append(max((rank[s] + 1 for s in node.sources), default=0))
    rows: dict[int, list[int]] = {}
    for i, r in enumerate(rank):
        rows.setdefault(r, []).append(i)
    widest = max(len(row) for row in rows.values())
    width = widest * (BOX + GAP) + GAP
    middle = {}
    for r, row in rows.items():
        left = (width - len(row) * (BOX + GAP) + GAP) / 2
        for j, i in enumerate(row):
            middle[i] = left + j * (BOX + GAP) + BOX / 2, GAP + r * STEP
    parts = [edge(middle[s], middle[i], rank[i] - rank[s]) for i, node in enumerate(nodes) for s in node.sources]
    parts += [box(node, *middle[i]) for i, node in enumerate(nodes)]
    height = GAP * 2 + max(rank) * STEP + TALL
    drawn = tag(
        "svg", *parts, viewBox=f"0 0 {width} {height}", width=width, height=height, role="img", aria_label="graph"
    )
    return tag("div", drawn, class_="graph scroll")


def edge(start: tuple[float, float], end: tuple[float, float], ranks: int) -> Html:
    """A line from the lower side of a box to the upper side of another; around the boxes between, if there are any."""
    (x0, y0), (x1, y1) = (start[0], start[1] + TALL), end
    if ranks <= 1:
        way = f"M{x0:.0f} {y0:.0f} C{x0:.0f} {y0 + 14:.0f} {x1:.0f} {y1 - 14:.0f} {x1:.0f} {y1:.0f}"
    else:
        out = max(x0, x1) + (BOX + GAP) * 2 / 3  # a curve comes three quarters of the way to where it is drawn
        way = f"M{x0:.0f} {y0:.0f} C{out:.0f} {y0 + 20:.0f} {out:.0f} {y1 - 20:.0f} {x1:.0f} {y1:.0f}"
    return tag("path", d=way, class_="edge")


def box(node: Node, x: float, y: float) -> Html:
    name = node.name if len(node.name) <= 26 else f"…{node.name[-25:]}"
    what = node.kind if node.kind != node.name else ""
    below = " · ".join(part for part in (what, node.shape) if part)
    said = tag("title", f"{node.name}: {node.kind}, {node.shape}, {number_of(node.parameters, 'parameter')}")
    style = "box in" if node.kind == "input" else "box"
    return joined([
        tag("rect", said, x=x - BOX / 2, y=y, width=BOX, height=TALL, rx=5, class_=style),
        tag("text", name, x=x, y=y + 14, class_="name"),
        tag("text", below[:34], x=x, y=y + 27, class_="tick"),
    ])  # fmt: skip
