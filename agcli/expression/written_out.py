"""Functions of vectors and matrices that are written out, as formulas of their elements.

det([[a, b], [c, d]]) is a*d - b*c, prod([a, b]) is a*b, norm([a, b]) is sqrt(a^2 + b^2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agcli.engine.graph import Constant, Tensor, call, toposort
from agcli.engine.types import TensorType
from agcli.expression.lift_shapes import vector_parts, written
from agcli.expression.substitution import substitute

MAX_ROWS = 3


def expanded(t: Tensor) -> Tensor:
    """`t` without determinants, products and norms of what is written out."""
    found = {}
    for x in toposort([t]):
        rule = RULES.get(x.op.name) if x.op is not None else None
        made = rule(x) if rule else None
        if made is not None:
            found[x] = made
    return expanded(substitute(t, found)) if found else t


def rows_of(t: Tensor) -> list[list[Tensor]] | None:
    """The rows of a square matrix whose elements are formulas of one value."""
    if len(t.shape) != 2 or t.shape[0] != t.shape[1]:
        return None
    rows = []
    for part in vector_parts(t) or []:
        row = vector_parts(part)
        if row is None and isinstance(part, Constant):
            row = [Constant(float(v), TensorType((), t.dtype, weak=True)) for v in part.array]
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
    total = first[0] * determinant([row[1:] for row in others])
    for column in range(1, len(first)):
        term = first[column] * determinant([row[:column] + row[column + 1 :] for row in others])
        total = total + term if column % 2 == 0 else total - term
    return total


def reduced(t: Any) -> list[Tensor] | None:
    """The elements of a vector all of which are reduced to one number."""
    return written(t.inputs[0]) if t.shape == () else None


def prod(t: Tensor) -> Tensor | None:
    elements = reduced(t)
    if not elements:
        return None
    total = elements[0]
    for element in elements[1:]:
        total = total * element
    return total


def norm(t: Tensor) -> Tensor | None:
    elements = reduced(t)
    if not elements:
        return None
    total = call("square", elements[0])
    for element in elements[1:]:
        total = total + call("square", element)
    return call("sqrt", total)


RULES: dict[str, Callable[[Tensor], Tensor | None]] = {"det": det, "prod": prod, "norm": norm}
