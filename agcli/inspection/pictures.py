"""Pictures of what has nodes and edges: Mermaid for Markdown, DOT for Graphviz, SVG for a browser."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape

LIMIT = 400  # nodes of a picture; the rest is counted, not drawn
_WIDTH, _LINE, _GAP, _DOWN = 6.6, 15, 24, 34  # of a letter, a line, between nodes, between ranks; pixels


@dataclass(frozen=True)
class Node:
    """A box, or a rounded one for what computes."""

    id: int
    text: str
    rounded: bool = True


@dataclass(frozen=True)
class Picture:
    """Nodes, inputs before users, and edges in the direction of the data."""

    nodes: list[Node]
    edges: list[tuple[int, int]]

    def cut(self, limit: int) -> Picture:
        """The last ``limit`` nodes, and one that counts the others."""
        if len(self.nodes) <= limit:
            return self
        shown = self.nodes[-limit:]
        ids = {node.id for node in shown}
        more = Node(-1, f"{len(self.nodes) - limit:,} nodes more", rounded=False)
        return Picture([more, *shown], [(a, b) for a, b in self.edges if a in ids and b in ids])


def mermaid(picture: Picture) -> Iterator[str]:
    """A flow chart; whatever its text could take for markup is escaped."""
    yield "graph TD"
    for node in picture.nodes:
        text = re.sub(r"[^\w .,:=()+-]", lambda found: f"#{ord(found[0])};", node.text)
        yield f'  {_name(node.id)}(["{text}"])' if node.rounded else f'  {_name(node.id)}["{text}"]'
    yield from (f"  {_name(a)} --> {_name(b)}" for a, b in picture.edges)


def dot(picture: Picture) -> Iterator[str]:
    """A digraph for Graphviz."""
    yield "digraph {"
    yield '  node [shape=box, fontname="sans-serif"];'
    for node in picture.nodes:
        text = node.text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        yield f'  {_name(node.id)} [label="{text}"{", style=rounded" if node.rounded else ""}];'
    yield from (f"  {_name(a)} -> {_name(b)};" for a, b in picture.edges)
    yield "}"


def svg(picture: Picture) -> Iterator[str]:
    """A drawing by ranks: each node below all of its inputs, and as near to the middle of them as there is room."""
    ranks = _ranks(picture)
    widths = {node.id: len(node.text) * _WIDTH + 18 for node in picture.nodes}
    places = _places(picture, ranks, widths)
    across = max((places[n.id][0] + widths[n.id] for n in picture.nodes), default=0) + _GAP
    down = (max(ranks.values(), default=0) + 1) * (_LINE + 12 + _DOWN)
    size = f'width="{across:.0f}" height="{down:.0f}" viewBox="0 0 {across:.0f} {down:.0f}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
    yield '<rect width="100%" height="100%" fill="white"/>'
    for a, b in picture.edges:
        (xa, ya), (xb, yb) = places[a], places[b]
        start, end, bottom = xa + widths[a] / 2, xb + widths[b] / 2, ya + _LINE + 12
        bend = (bottom + yb) / 2
        path = f"M{start:.1f},{bottom:.1f} C{start:.1f},{bend:.1f} {end:.1f},{bend:.1f} {end:.1f},{yb:.1f}"
        yield f'<path d="{path}" fill="none" stroke="#888"/>'
    for node in picture.nodes:
        x, y = places[node.id]
        fill, round_ = ("#eef4ff", 8) if node.rounded else ("#f4f4f4", 0)
        box = f'x="{x:.1f}" y="{y:.1f}" width="{widths[node.id]:.1f}" height="{_LINE + 12}" rx="{round_}"'
        yield f'<rect {box} fill="{fill}" stroke="#456"/>'
        yield f'<text x="{x + 9:.1f}" y="{y + _LINE + 2:.1f}">{escape(node.text)}</text>'
    yield "</svg>"


def _name(number: int) -> str:
    return f"n{number}" if number >= 0 else "more"


def _ranks(picture: Picture) -> dict[int, int]:
    """How many edges lie above each node, at most; inputs stand just above their first user."""
    ranks = {node.id: 0 for node in picture.nodes}
    users: dict[int, list[int]] = defaultdict(list)
    sources: dict[int, list[int]] = defaultdict(list)
    for a, b in picture.edges:
        users[a].append(b)
        sources[b].append(a)
    for node in picture.nodes:
        ranks[node.id] = max((ranks[a] + 1 for a in sources[node.id]), default=0)
    for node in picture.nodes:
        if not sources[node.id] and users[node.id]:
            ranks[node.id] = min(ranks[b] for b in users[node.id]) - 1
    return ranks


def _places(picture: Picture, ranks: Mapping[int, int], widths: Mapping[int, float]) -> dict[int, tuple[float, float]]:
    """Left upper corners. Within a rank, nodes stand in the order of the means of their inputs, without overlaps."""
    rows: dict[int, list[int]] = defaultdict(list)
    sources: dict[int, list[int]] = defaultdict(list)
    for node in picture.nodes:
        rows[ranks[node.id]].append(node.id)
    for a, b in picture.edges:
        sources[b].append(a)
    places: dict[int, tuple[float, float]] = {}
    for rank in sorted(rows):
        wanted = {}
        for number in rows[rank]:
            middles = [places[a][0] + widths[a] / 2 for a in sources[number] if a in places]
            wanted[number] = sum(middles) / len(middles) - widths[number] / 2 if middles else float(_GAP)
        x = float(_GAP)
        for number in sorted(wanted, key=lambda n: wanted[n]):
            x = max(x, wanted[number])
            places[number] = x, rank * (_LINE + 12 + _DOWN) + 8.0
            x += widths[number] + _GAP
    return places


WRITERS: Mapping[str, Callable[[Picture], Iterator[str]]] = {"mermaid": mermaid, "dot": dot, "svg": svg}
