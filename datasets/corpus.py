"""Plain text for language models: windows of tokens, and for each token the next one as its target."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .compressed import content
from .dataset import Array, Column, Dataset, Split
from .encodings import utf8
from .errors import DataError, unknown
from .files import check_size
from .roles import INT64
from .splits import MAX_VALIDATION, VALIDATION_SHARE
from .vocabulary import UNITS, UNKNOWN, Counting, Vocabulary, alphabet, tokens

MAX_BYTES = 1 << 28
_BLOCK = 1 << 22  # bytes, decoded at a time
TEST_SHARE = 0.1  # of the text, if nothing else is said


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

    The last part of the text, a share of `test`, is for testing, unless `test_path` names another file, or it is 0;
    of what is left the last part, a share of `validation`, is for validation, likewise (if None, 0.15 and at most
    10,000 windows). `x` and `y` are (n, length) int64; y is x one token later. Bytes all have a number, and so have
    the characters of the training split; of words, those that it has most often, up to `vocabulary`. `<unknown>` is
    number 0 of words, and of characters where another split has some that the training split lacks.
    """

    path: Path
    unit: str = "characters"
    length: int = 64
    stride: int | None = None
    vocabulary: int = 10_000
    test: float | None = None
    test_path: Path | None = None
    validation: float | None = None
    validation_path: Path | None = None
    encoding: str | None = None
    decode: Callable[[Path, str | None, Callable[[str], None]], str] | None = None

    def __post_init__(self) -> None:
        for name in ("test", "validation"):
            if getattr(self, f"{name}_path") is not None and getattr(self, name):
                raise DataError(f"expected a share or a file for {name}, found both; leave one of them out", (name,))

    def read(self, fitted: Speller | None = None) -> Dataset:
        """The data set. Raises DataError for a file that is no UTF-8, too large, or too short for one window."""
        if self.unit not in UNITS:
            raise unknown("unit", self.unit, UNITS, ("unit",))
        notes: list[str] = []
        texts, share = self._texts(notes.append)
        speller = fitted or Speller(self._learnt(texts))
        splits = {name: self._windows(speller.encode(text), name) for name, text in texts.items()}
        kind = f"{len(speller.vocabulary):,} {self.unit}"
        sizes = ", ".join(f"{len(split):,} to {name}" for name, split in splits.items())
        test = 0.0 if self.test_path is not None else self._test_share
        return Dataset(
            name=self.path.name,
            description=f"windows of {self.length:,} out of {kind}; {sizes}",
            source=str(self.path),
            licence="",
            classes=speller.classes,
            splits=splits,
            fitted=speller,
            warnings=tuple(dict.fromkeys(notes)),
            settled=replace(self, stride=self.stride or self.length, validation=share, test=test),
        )

    @property
    def _test_share(self) -> float:
        return TEST_SHARE if self.test is None else self.test

    def _texts(self, note: Callable[[str], None]) -> tuple[dict[str, str], float]:
        """The text of each split, and the share for validation."""
        read = self.decode or decoded
        rest, test = read(self.path, self.encoding, note), ""
        if self.test_path is not None:
            test = read(self.test_path, self.encoding, note)
        elif self._test_share:
            rest, test = _cut(rest, self._test_share)
        if self.validation_path is not None:
            share, validation = 0.0, read(self.validation_path, self.encoding, note)
        else:
            share = self._validation_share(rest)
            rest, validation = _cut(rest, share) if share else (rest, "")
        texts = {"train": rest, "validation": validation, "test": test}
        return {name: text for name, text in texts.items() if text or name == "train"}, share

    def _validation_share(self, text: str) -> float:
        """The share for validation of the text that is not for testing."""
        if self.validation is not None:
            return self.validation
        count = len(text.encode() if self.unit == "bytes" else tokens(text, self.unit))
        if round(count * VALIDATION_SHARE) <= self.length:
            return 0.0  # it would not fill a window
        return min(VALIDATION_SHARE, MAX_VALIDATION / max(count // (self.stride or self.length), 1))

    def _learnt(self, texts: Mapping[str, str]) -> Vocabulary:
        if self.unit == "bytes":
            return Vocabulary("bytes", ())
        if self.unit == "characters":
            known = alphabet(texts["train"])
            others = set().union(*(text for name, text in texts.items() if name != "train"))
            return known if others <= set(known.entries) else replace(known, entries=(UNKNOWN, *known.entries))
        counting = Counting(self.unit, self.vocabulary, (UNKNOWN,))
        counting.add(texts["train"])
        return counting.vocabulary()

    def _windows(self, numbers: Array, name: str) -> Split:
        if len(numbers) <= self.length:
            found = f"{len(numbers):,} in the {name} split"
            advice = f"; a smaller `length` will do, or `{name}: 0`" if name != "train" else ""
            message = f"{self.path}: expected more than {self.length:,} {self.unit}, found {found}{advice}"
            raise DataError(message, ("length",))
        windows = np.lib.stride_tricks.sliding_window_view(numbers, self.length)
        step = self.stride or self.length
        return Split({"x": Column(windows[:-1][::step], INT64), "y": Column(windows[1:][::step], INT64)})


def _cut(text: str, share: float) -> tuple[str, str]:
    """The text without its end, and its end, which is a share of it."""
    place = len(text) - max(1, round(len(text) * share))
    return text[:place], text[place:]


def decoded(path: Path, encoding: str | None = None, note: Callable[[str], None] | None = None) -> str:
    """The text of a file, unpacked if it is packed; ``note`` takes how it is written, if that had to be found out."""
    check_size(path, MAX_BYTES)
    text = io.BytesIO(content(path, MAX_BYTES))
    return b"".join(utf8(iter(lambda: text.read(_BLOCK), b""), path, encoding, note or (lambda _: None))).decode()
