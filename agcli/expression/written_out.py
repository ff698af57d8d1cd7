"""Functions of vectors and matrices that are written out, as formulas of their elements.

det([[a, b], [c, d]]) is a*d - b*c, trace([[a, b], [c, d]]) a + d, prod([a, b]) a*b, norm([a, b]) sqrt(a^2 + b^2).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import add, mul
from typing import Any

from agcli.engine.graph import Constant, Tensor, call, toposort
from agcli.engine.rewrite.rules import number
from agcli.engine.types import static
from agcli.expression.lift_shapes import element, entry, tidy, vector_parts, written
from agcli.expression.lower import stack
from agcli.expression.substitution import substitute

MAX_ROWS = 3
WHOLE = (None, None, None)  # the slice `:`, as an index has it
MAX_SPREAD = 1_000  # elements of an array that are told apart


def expanded(t: Tensor) -> Tensor:
    """`t` without determinants, traces, products and norms of what is written out."""
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
    """The rows of a matrix whose elements are formulas of one value."""
    if len(t.shape) != 2:
        return None
    index = getattr(t.op, "index", ())
    if index in ((WHOLE, None), (None, WHOLE)):
        elements = written(t.inputs[0])
        if not elements:
            return None
        return [[x] for x in elements] if index[0] else [elements]
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
    rows = square(t)
    return determinant(rows) if rows else None


def square(t: Tensor) -> list[list[Tensor]] | None:
    """The rows of the operand of `t`, if it is a small square matrix."""
    rows = rows_of(t.inputs[0])
    return rows if rows and len(rows) == len(rows[0]) <= MAX_ROWS else None


def inv(t: Tensor) -> Tensor | None:
    """Cramer's rule: the transposed cofactors by the determinant."""
    rows = square(t)
    if not rows or len(rows) == 1:
        return None
    places, whole = range(len(rows)), determinant(rows)
    return stack([stack([cofactor(rows, j, i) / whole for j in places]) for i in places])


def cofactor(rows: list[list[Tensor]], row: int, column: int) -> Tensor:
    minor = determinant([r[:column] + r[column + 1 :] for i, r in enumerate(rows) if i != row])
    return minor if (row + column) % 2 == 0 else -minor


def diagonal(t: Tensor) -> Tensor | None:
    rows = square(t) if getattr(t.op, "k", None) == 0 else None
    return stack([row[i] for i, row in enumerate(rows)]) if rows else None


def product(t: Tensor) -> Tensor | None:
    """The product of two small matrices."""
    rows, others = (rows_of(x) for x in t.inputs)
    if not rows or not others or not others[0] or max(len(rows), len(others), len(others[0])) > MAX_ROWS:
        return None
    columns = list(zip(*others, strict=True))
    return stack([stack([reduce(add, map(times, row, column)) for column in columns]) for row in rows])


def picked(t: Tensor) -> Tensor | None:
    """An element of a vector or matrix, or a row or column."""
    index = getattr(t.op, "index", ())
    rows = rows_of(t.inputs[0]) if len(index) == 2 else None
    elements = written(t.inputs[0]) if len(index) == 1 else None
    match index:
        case (int(i),) if elements:
            return elements[i]
        case (int(i), int(j)) if rows:
            return rows[i][j]
        case (int(i), (None, None, None)) if rows:
            return stack(rows[i])
        case ((None, None, None), int(j)) if rows:
            return stack([row[j] for row in rows])
    return None


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


def total(t: Tensor) -> Tensor | None:
    elements = reduced(t)
    return reduce(add, elements) if elements else None


def prod(t: Tensor) -> Tensor | None:
    elements = reduced(t)
    return reduce(mul, elements) if elements else None


def norm(t: Tensor) -> Tensor | None:
    elements = reduced(t)
    return call("sqrt", reduce(add, [call("square", x) for x in elements])) if elements else None


RULES: dict[str, Callable[[Tensor], Tensor | None]] = {
    "det": det, "inv": inv, "diagonal": diagonal, "matmul": product, "getitem": picked,
    "sum": total, "prod": prod, "norm": norm,
}  # fmt: skip
