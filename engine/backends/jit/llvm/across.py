"""Short rows side by side: a vector for each element of a row, in which every lane is another row.

The rules of ops that look at a whole row hold here as they stand: what they ask of a ``Value`` is done vector by
vector, and the sum of a row adds vectors, in the order in which the lanes of one row are added.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .values import Code, UnsupportedError, Value


class Across:
    """The elements of rows; one vector for what is one number a row. ``width``: the lanes that one row would take."""

    __slots__ = ("columns", "count", "width")

    def __init__(self, columns: Sequence[Value], count: int, width: int) -> None:
        self.columns, self.count, self.width = list(columns), count, width

    @property
    def kind(self) -> str:
        return self.columns[0].kind

    def lifted(self, name: str, *others: Any) -> Across:
        """A method of values, vector by vector; what has one vector stands beside each of the others'."""
        rows = [x.columns if isinstance(x, Across) else [x] for x in (self, *others)]
        many = max(map(len, rows))
        columns = []
        for k in range(many):
            first, *rest = (x[k] if len(x) > 1 else x[0] for x in rows)
            columns.append(getattr(first, name)(*rest))
        return Across(columns, self.count, self.width)

    def __getattr__(self, name: str) -> Callable[..., Across]:
        if not hasattr(Value, name) or name in ("reduced", "place"):
            raise UnsupportedError(name)
        return lambda *others: self.lifted(name, *others)

    def in_pairs(self, name: str, neutral: float) -> Across:
        """The vectors in pairs, each with the one half the width behind it; beyond the row stands what is neutral."""
        if len(self.columns) != self.count:
            raise UnsupportedError("the elements of one number")
        first = self.columns[0]
        columns = [*self.columns, *[first.code.constant(neutral, first.kind)] * (self.width - self.count)]
        while len(columns) > 1:
            half = len(columns) // 2
            columns = [getattr(a, name)(b) for a, b in zip(columns[:half], columns[half:], strict=True)]
        return Across(columns, self.count, self.width)

    def row_max(self) -> Across:
        """The largest element; NaN does not count."""
        return self.in_pairs("larger", float("-inf"))

    def row_sum(self) -> Across:
        return self.in_pairs("__add__", 0.0)

    def is_position(self) -> Across:
        """For each element of a row, whether its place is this number."""
        (number,) = self.columns
        return Across([number.equals(k) for k in range(self.count)], self.count, self.width)


def by_vectors(name: str) -> Callable[..., Across]:
    """An operator, vector by vector."""
    return lambda self, *others: self.lifted(name, *others)


OPERATORS = ("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "neg", "and", "or", "xor", "invert",
             "lt", "le", "gt", "ge")  # fmt: skip
for operator in OPERATORS:
    setattr(Across, f"__{operator}__", by_vectors(f"__{operator}__"))


def transposed(code: Code, rows: Sequence[str], kind: str) -> list[str]:
    """As many vectors as a vector has lanes, by their references, with rows and columns exchanged.

    In pairs, fours and so on: first of lines side by side, at last of halves (Eklundh, 1972).
    """
    found, vector, step = list(rows), code.vector(kind), 1
    while step < code.lanes:
        masks = []
        for own in (0, 1):
            lanes = ((k + own * step, k - (1 - own) * step + code.lanes)[k & step > 0] for k in range(code.lanes))
            masks.append(f"<{', '.join(f'i32 {k}' for k in lanes)}>")
        for i in (i for i in range(code.lanes) if not i & step):
            pair = f"{vector} {found[i]}, {vector} {found[i + step]}, {code.vector('i32')}"
            found[i], found[i + step] = (code.emit(f"shufflevector {pair} {mask}") for mask in masks)
        step *= 2
    return found
