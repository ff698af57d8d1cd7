"""Words, characters and bytes as numbers: tokenising, and vocabularies."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from .dataset import Array
from .errors import DataError

UNITS = ("characters", "bytes", "words")
PAD, UNKNOWN = "<pad>", "<unknown>"
_WORD = re.compile(r"\w+|[^\w\s]")


def tokens(text: str, unit: str) -> Sequence[Any]:
    """The text in its units: characters, or words in lower case and punctuation marks."""
    return text if unit == "characters" else _WORD.findall(text.lower())


@dataclass(frozen=True)
class Vocabulary:
    """Tokens by number. One that has `<unknown>` gives it to all that it does not know; another raises DataError."""

    unit: str
    entries: tuple[str, ...]

    def __len__(self) -> int:
        return 256 if self.unit == "bytes" else len(self.entries)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Token -> number."""
        return {token: number for number, token in enumerate(self.entries)}

    def encode(self, text: str) -> Array:
        """The numbers of a text's tokens, in the smallest type that holds them."""
        dtype = np.min_scalar_type(max(len(self) - 1, 0))
        if self.unit == "bytes":
            return np.frombuffer(text.encode("utf-8"), np.uint8)
        if self.unit == "characters" and UNKNOWN not in self.numbers:
            return self._characters(text).astype(dtype, copy=False)
        unknown = self.numbers.get(UNKNOWN, -1)
        found = [self.numbers.get(token, unknown) for token in tokens(text, self.unit)]
        if -1 in found:
            raise DataError(f"the vocabulary has no {tokens(text, self.unit)[found.index(-1)]!r}")
        return np.array(found, dtype)

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of some numbers; words with blanks between them."""
        if self.unit == "bytes":
            return bytes(int(number) for number in numbers).decode("utf-8", "replace")
        known = (self.entries[int(number)] for number in numbers)
        return "".join(known) if self.unit == "characters" else " ".join(known)

    def _characters(self, text: str) -> npt.NDArray[np.int64]:
        """By a table of code points, which is a hundred times as fast as a dictionary."""
        points = np.frombuffer(text.encode("utf-32-le"), "<u4")
        table = np.full(max([int(points.max(initial=0)), *map(ord, self.entries)]) + 1, -1, np.int64)
        table[[ord(character) for character in self.entries]] = np.arange(len(self.entries))
        found: npt.NDArray[np.int64] = table[points]
        if (found < 0).any():
            strange = text[int((found < 0).argmax())]
            raise DataError(f"the vocabulary has no character {strange!r} (U+{ord(strange):04X})")
        return found


class Counting:
    """Collects texts, and makes a vocabulary of the tokens that came most often."""

    def __init__(self, unit: str, size: int, reserved: tuple[str, ...]) -> None:
        self.unit, self.size, self.reserved = unit, size, reserved
        self.counts: Counter[str] = Counter()

    def add(self, text: str) -> None:
        """Count the tokens of a text. Bytes need no counting: all of them have a number."""
        if self.unit != "bytes":
            self.counts.update(tokens(text, self.unit))

    def vocabulary(self) -> Vocabulary:
        """The reserved entries, then the most frequent tokens, ties in alphabetical order."""
        common = sorted(self.counts, key=lambda token: (-self.counts[token], token))
        return Vocabulary(self.unit, (*self.reserved, *common[: max(self.size - len(self.reserved), 0)]))


def alphabet(text: str) -> Vocabulary:
    """All characters of a text, in the order of their code points."""
    return Vocabulary("characters", tuple(map(chr, np.unique(np.frombuffer(text.encode("utf-32-le"), "<u4")))))
