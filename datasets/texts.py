"""Columns of free text, as numbers of tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .dataset import Array, Feeding
from .frame import Cells
from .roles import INT64, Fitter, Role, Stats, one_of
from .vocabulary import PAD, UNITS, UNKNOWN, Counting, Vocabulary


@dataclass(frozen=True, kw_only=True)
class Text(Role):
    """Free text as token numbers, cut or filled with 0 to `length`; number 1 is a token that training did not see."""

    name = "text"
    joins = False
    unit: str = "words"
    length: int = 100
    vocabulary: int = 10_000

    def __post_init__(self) -> None:
        one_of("unit", self.unit, UNITS)

    def fitter(self) -> Fitter:
        return _Texts(Counting(self.unit, self.vocabulary, (PAD, UNKNOWN)))

    def encode(self, cells: Cells, stats: Stats) -> Array:
        known = Vocabulary(self.unit, tuple(stats["vocabulary"]))
        encoded = np.zeros((len(cells), self.length), np.min_scalar_type(len(known)))
        for row, text in zip(encoded, cells.texts(), strict=True):
            found = known.encode(text or "")[: self.length]
            row[: len(found)] = found
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
