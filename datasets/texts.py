"""Columns of free text, as numbers of tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .dataset import Array, Feeding
from .frame import Cells
from .roles import INT64, Fitter, Role, Stats, one_of
from .vocabulary import PAD, UNITS, UNKNOWN, Counting, Vocabulary

PADDINGS = ("right", "left", "unmasked")


@dataclass(frozen=True, kw_only=True)
class Text(Role):
    """Free text as token numbers, cut or filled with 0 to `length`; number 1 is a token that training did not see.

    `padding` is the side of the zeros, which layers leave out: no token has the number 0. They count the zeros of an
    "unmasked" text, as models of version 0.1 were trained to.
    """

    name = "text"
    joins = False
    padding: str = "right"
    unit: str = "words"
    length: int = 100
    vocabulary: int = 10_000

    def __post_init__(self) -> None:
        one_of("unit", self.unit, UNITS)
        one_of("padding", self.padding, PADDINGS)

    def fitter(self) -> Fitter:
        return _Texts(Counting(self.unit, self.vocabulary, (PAD, UNKNOWN)))

    def encode(self, cells: Cells, stats: Stats) -> Array:
        known = Vocabulary(self.unit, tuple(stats["vocabulary"]))
        encoded = np.zeros((len(cells), self.length), np.min_scalar_type(len(known)))
        for row, text in zip(encoded, cells.texts(), strict=True):
            found = known.encode(text or "")
            found = found[found != 0][: self.length]  # bytes may be 0
            row[len(row) - len(found) if self.padding == "left" else 0 :][: len(found)] = found
        return encoded

    def feeding(self, stats: Stats) -> Feeding | None:
        return INT64


class _Texts:
    def __init__(self, counting: Counting) -> None:
        self.counting = counting

    def add(self, cells: Cells) -> None:
        for text in cells.texts().drop_nulls():
            self.counting.add(text)

    def stats(self) -> Stats:
        return {"vocabulary": list(self.counting.vocabulary().entries)}
