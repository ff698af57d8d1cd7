"""Plain text for language models: windows of tokens, and for each token the next one as its target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .dataset import Array, Column, Dataset, Split
from .delimited import opened, read
from .errors import DataError, unknown
from .roles import INT64
from .tabular import check_size
from .vocabulary import UNITS, UNKNOWN, Counting, Vocabulary, alphabet

MAX_BYTES = 1 << 28


@dataclass(frozen=True)
class Speller:
    """What a text taught: its vocabulary."""

    vocabulary: Vocabulary

    @property
    def classes(self) -> tuple[str, ...]:
        """What a model chooses from: the tokens in the order of their numbers."""
        words = self.vocabulary
        return tuple(map(str, range(256))) if words.unit == "bytes" else words.entries

    def encode(self, text: str) -> Array:
        """The token numbers of a text."""
        return self.vocabulary.encode(text)

    def restore(self, output: Array) -> Array:
        """The likeliest token for each place, as text, from scores (..., tokens)."""
        best: Array = np.array(self.classes)[output.argmax(axis=-1)]
        return best

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON holds."""
        return {"kind": "corpus", "unit": self.vocabulary.unit, "vocabulary": list(self.vocabulary.entries)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Speller:
        """The speller that `to_json` wrote."""
        try:
            return cls(Vocabulary(plain["unit"], tuple(map(str, plain["vocabulary"]))))
        except (KeyError, TypeError):
            raise DataError("expected a text's vocabulary as it was saved, found something else") from None


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A text file, cut into windows of `length` tokens, `stride` tokens apart (`length`, if not given).

    The last part of the text, a share of `test`, is for testing, unless `test_path` names another file, or it is 0.
    `x` and `y` are (n, length) int64; y is x one token later. Characters and bytes all have a number; of words, those
    that the training split has most often, up to `vocabulary`, and `<unknown>` is number 0.
    """

    path: Path
    unit: str = "characters"
    length: int = 64
    stride: int | None = None
    vocabulary: int = 10_000
    test: float = 0.1
    test_path: Path | None = None
    decode: Callable[[Path], str] | None = None

    def read(self, fitted: Speller | None = None) -> Dataset:
        """The data set. Raises DataError for a file that is no UTF-8, too large, or too short for one window."""
        if self.unit not in UNITS:
            raise unknown("unit", self.unit, UNITS, ("unit",))
        train, test = self._texts()
        speller = fitted or Speller(self._learnt(train, test))
        parts = {"train": train} if self.test_path is None and not self.test else {"train": train, "test": test}
        splits = {name: self._windows(speller.encode(text), name) for name, text in parts.items()}
        kind = f"{len(speller.vocabulary):,} {self.unit}"
        sizes = ", ".join(f"{len(split):,} to {name}" for name, split in splits.items())
        return Dataset(
            name=self.path.name,
            description=f"windows of {self.length:,} out of {kind}; {sizes}",
            source=str(self.path),
            licence="",
            classes=speller.classes,
            splits=splits,
            fitted=speller,
            settled=replace(self, stride=self.stride or self.length),
        )

    def _texts(self) -> tuple[str, str]:
        decode = self.decode or utf8
        text = decode(self.path)
        if self.test_path is not None:
            return text, decode(self.test_path)
        cut = len(text) - max(1, round(len(text) * self.test)) if self.test else len(text)
        return text[:cut], text[cut:]

    def _learnt(self, train: str, test: str) -> Vocabulary:
        if self.unit == "bytes":
            return Vocabulary("bytes", ())
        if self.unit == "characters":
            return alphabet(train + test)
        counting = Counting(self.unit, self.vocabulary, (UNKNOWN,))
        counting.add(train)
        return counting.vocabulary()

    def _windows(self, numbers: Array, name: str) -> Split:
        if len(numbers) <= self.length:
            found = f"{len(numbers):,} in the {name} split"
            raise DataError(f"{self.path}: expected more than {self.length:,} {self.unit}, found {found}", ("length",))
        windows = np.lib.stride_tricks.sliding_window_view(numbers, self.length)
        step = self.stride or self.length
        return Split({"x": Column(windows[:-1][::step], INT64), "y": Column(windows[1:][::step], INT64)})


def utf8(path: Path) -> str:
    """The text of a file in UTF-8, unpacked if it is gzipped."""
    check_size(path, MAX_BYTES)
    content = bytearray()
    with opened(path) as file:
        while piece := read(file, 1 << 20, path):
            content += piece
            if len(content) > MAX_BYTES:
                raise DataError(f"{path}: expected at most {MAX_BYTES:,} bytes of text, found more")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"the byte 0x{error.object[error.start]:02x} at {error.start:,}"
        raise DataError(f"{path}: expected UTF-8 text, found {found}; save the file as UTF-8") from None
