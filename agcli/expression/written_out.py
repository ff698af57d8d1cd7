"""Functions of vectors and matrices that are written out, as formulas of their elements.

det([[a, b], [c, d]]) is a*d - b*c, prod([a, b]) is a*b, norm([a, b]) is sqrt(a^2 + b^2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agcli.engine.graph import Constant, Tensor, call, toposort
from agcli.engine.rewrite.rules import number
from agcli.engine.types import static
from agcli.expression.lift_shapes import element, entry, tidy, vector_parts, written
from agcli.expression.lower import stack
from agcli.expression.substitution import substitute

MAX_ROWS = 3
MAX_SPREAD = 1_000  # elements of an array that are told apart


def expanded(t: Tensor) -> Tensor:
    """`t` without determinants, products and norms of what is written out."""
    found = {}
    for x in toposort([t]):
        rule = RULES.get(x.op.name) if x.op is not None else None
        made = rule(x) if rule else None
        if made is not None:
            found[x] = made
    return expanded(substitute(t, found)) if found else t


def spread(t: Tensor) -> Tensor:
    """An array as its elements, where they can be told apart: 2*[x, y] as [2*x, 2*y]."""
    t = expanded(tidy(t))
    if not 1 <= len(t.shape) <= 2 or not t.type.known or t.type.size > MAX_SPREAD or not t.type.size:
        return t
    parts = [element(t, i) for i in range(static(t.shape[0]))] if len(t.shape) == 1 else vector_parts(t)
    if parts is None or None in parts:
        return t
    return stack([spread(part) for part in parts])  # type: ignore[arg-type]


def rows_of(t: Tensor) -> list[list[Tensor]] | None:
    """The rows of a square matrix whose elements are formulas of one value."""
    if len(t.shape) != 2 or t.shape[0] != t.shape[1]:
        return None
    rows = []
    for part in vector_parts(t) or []:
        row = vector_parts(part)
        if row is None and isinstance(part, Constant):
            row = [entry(part, i) for i in range(part.type.size)]
        if row is None:
            return None
        rows.append(row)
    return rows


def det(t: Tensor) -> Tensor | None:
    rows = rows_of(t.inputs[0])
    return determinant(rows) if rows and len(rows) <= MAX_ROWS else None


def determinant(rows: list[list[Tensor]]) -> Tensor:
    """Laplace's expansion along the first row."""
    first, *others = rows
    if not others:
        return first[0]
    total = times(first[0], determinant([row[1:] for row in others]))
    for column in range(1, len(first)):
        term = times(first[column], determinant([row[:column] + row[column + 1 :] for row in others]))
        total = total + term if column % 2 == 0 else total - term
    return total


def times(a: Tensor, b: Tensor) -> Tensor:
    """a*b, without a factor of one."""
    return b if number(a) == 1 else a if number(b) == 1 else a * b


def reduced(t: Any) -> list[Tensor] | None:
    """The elements of a vector all of which are reduced to one number."""
    return written(t.inputs[0]) if t.shape == () else None


def prod(t: Tensor) -> Tensor | None:
    elements = reduced(t)
    if not elements:
        return None
    total = elements[0]
    for other in elements[1:]:
        total = total * other
    return total


def norm(t: Tensor) -> Tensor | None:
    elements = reduced(t)
    if not elements:
        return None
    total = call("square", elements[0])
    for other in elements[1:]:
        total = total + call("square", other)
    return call("sqrt", total)


RULES: dict[str, Callable[[Tensor], Tensor | None]] = {"det": det, "prod": prod, "norm": norm}
