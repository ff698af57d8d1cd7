"""Splits: which samples are for training and which for testing. A rule is a row of `RULES`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from .errors import DataError
from .frame import Cells, Frame
from .order import drawn, shuffled, stratified

Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Sides = tuple[Numbers, Numbers]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A way to hold out samples; `seed` draws them, where anything is drawn."""

    name: ClassVar[str] = ""
    counts: ClassVar[bool] = False  # whether `is_test` has to know the total
    seed: int = 0

    @property
    def by(self) -> str | None:
        """The column that the rule looks at."""
        return None

    @property
    def keeps_all(self) -> bool:
        """Whether all samples are for training."""
        return False

    def rows(self, frame: Frame, labels: npt.NDArray[Any] | None) -> Sides:
        """Indices for training and for testing, both ascending. `labels` are the classes of the target, if any."""
        raise NotImplementedError

    def is_test(self, frame: Frame, total: int) -> Mask:
        """The same for a piece of a file of `total` samples that is too large to be held; shares are approximate."""
        raise DataError(f"split {self.name}: needs all samples in memory; with `stream: true` use `shuffled`")


@dataclass(frozen=True, kw_only=True)
class HeldOut(Rule):
    """A way to hold out `test`, a share of the samples; with 0, all are for training."""

    test: float = 0.2

    @property
    def keeps_all(self) -> bool:
        return self.test == 0

    def held_out(self, count: int) -> int:
        """How many samples are for testing: the share, but one at least, and not all."""
        if count < 2:
            raise DataError(f"expected at least 2 samples to split, found {count}")
        return min(max(1, round(count * self.test)), count - 1)


@dataclass(frozen=True, kw_only=True)
class Shuffled(HeldOut):
    """Any samples."""

    name = "shuffled"

    def rows(self, frame: Frame, labels: npt.NDArray[Any] | None) -> Sides:
        count = len(frame)
        return _sides(count, shuffled(count, self.seed)[: self.held_out(count)])

    def is_test(self, frame: Frame, total: int) -> Mask:
        return _drawn(frame, self.seed) < self.test


@dataclass(frozen=True, kw_only=True)
class Stratified(HeldOut):
    """The same share of every class."""

    name = "stratified"

    def rows(self, frame: Frame, labels: npt.NDArray[Any] | None) -> Sides:
        if labels is None:
            message = "split stratified: expected classes as the target, found numbers; use `shuffled`"
            raise DataError(message, ("split",))
        return stratified(labels, self.held_out(len(frame)), self.seed)

    def is_test(self, frame: Frame, total: int) -> Mask:
        return _drawn(frame, self.seed) < self.test  # of many samples, each class has its share


@dataclass(frozen=True, kw_only=True)
class Group(HeldOut):
    """Whole groups: all samples of a patient, say, are on one side. A missing name is a group of its own."""

    name = "group"
    column: str

    @property
    def by(self) -> str | None:
        return self.column

    def rows(self, frame: Frame, labels: npt.NDArray[Any] | None) -> Sides:
        names, members = np.unique(_names(frame[self.column]), return_inverse=True)
        if len(names) < 2:
            raise DataError(f'split group: expected several groups in "{self.column}", found one', ("split",))
        order = shuffled(len(names), self.seed)
        sizes = np.cumsum(np.bincount(members)[order])
        enough = int(np.searchsorted(sizes, self.held_out(len(frame)))) + 1
        return _sides(len(frame), np.flatnonzero(np.isin(members, order[: min(enough, len(names) - 1)])))

    def is_test(self, frame: Frame, total: int) -> Mask:
        return _drawn_by_name(frame[self.column], self.seed) < self.test


@dataclass(frozen=True, kw_only=True)
class Time(HeldOut):
    """The latest samples, by a column of dates or numbers. Samples of one moment may be on both sides."""

    name = "time"
    column: str

    @property
    def by(self) -> str | None:
        return self.column

    def rows(self, frame: Frame, labels: npt.NDArray[Any] | None) -> Sides:
        order = np.argsort(_moments(frame[self.column]), kind="stable")
        return _sides(len(frame), order[len(frame) - self.held_out(len(frame)) :])


@dataclass(frozen=True, kw_only=True)
class Tail(HeldOut):
    """The last samples of the file."""

    name = "tail"
    counts = True

    def rows(self, frame: Frame, labels: npt.NDArray[Any] | None) -> Sides:
        return _sides(len(frame), np.arange(len(frame) - self.held_out(len(frame)), len(frame)))

    def is_test(self, frame: Frame, total: int) -> Mask:
        return np.arange(frame.first - 1, frame.first - 1 + len(frame)) >= total - self.held_out(total)


@dataclass(frozen=True, kw_only=True)
class Fold(Rule):
    """Part `number` (from 1) `of` some parts of the same size: k-fold cross-validation tests every sample once.

    Classes are spread evenly over the parts. With `group`, a column, all samples of one name are in one part.
    """

    name = "fold"
    of: int = 5
    number: int = 1
    group: str | None = None

    def __post_init__(self) -> None:
        if self.of < 2 or not 1 <= self.number <= self.of:
            found = f"{self.number} of {self.of}"
            raise DataError(
                f"split fold: expected 2 parts or more, and one of their numbers, found {found}", ("split",)
            )

    @property
    def by(self) -> str | None:
        return self.group

    def rows(self, frame: Frame, labels: npt.NDArray[Any] | None) -> Sides:
        if self.group is not None:
            names, members = np.unique(_names(frame[self.group]), return_inverse=True)
            self._check(len(names), f'the number of different names in "{self.group}"')
            parts = _even(np.bincount(members), self.of, shuffled(len(names), self.seed))
            return _sides(len(frame), np.flatnonzero(parts[members] == self.number - 1))
        self._check(len(frame), "the number of samples")
        order = shuffled(len(frame), self.seed)
        if labels is not None:
            order = order[np.argsort(labels[order], kind="stable")]
        return _sides(len(frame), order[self.number - 1 :: self.of])

    def is_test(self, frame: Frame, total: int) -> Mask:
        draws = _drawn(frame, self.seed) if self.group is None else _drawn_by_name(frame[self.group], self.seed)
        chosen: Mask = np.floor(draws * self.of) == self.number - 1
        return chosen

    def _check(self, most: int, what: str) -> None:
        if self.of > most:
            raise DataError(f"split fold: expected at most {most:,} parts, {what}, found {self.of:,}", ("split",))


RULES: Mapping[str, type[Rule]] = {rule.name: rule for rule in (Shuffled, Stratified, Group, Time, Tail, Fold)}


def _even(sizes: Numbers, parts: int, order: Numbers) -> Numbers:
    """The part of each group: the largest first, each into the part that is smallest by then; ties by the order."""
    chosen, filled = np.zeros(len(sizes), np.int64), np.zeros(parts, np.int64)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        chosen[group] = filled.argmin()
        filled[chosen[group]] += sizes[group]
    return chosen


def _sides(count: int, test: Numbers) -> Sides:
    mask = np.zeros(count, bool)
    mask[test] = True
    return np.flatnonzero(~mask), np.flatnonzero(mask)


def _drawn(frame: Frame, seed: int) -> npt.NDArray[np.float64]:
    draws: npt.NDArray[np.float64] = drawn(np.arange(frame.first, frame.first + len(frame)), seed, 0, 1)[:, 0]
    return draws


def _names(cells: Cells) -> npt.NDArray[Any]:
    names: npt.NDArray[Any] = cells.texts().fill_null("").to_numpy().astype(str)
    return names


def _drawn_by_name(cells: Cells, seed: int) -> npt.NDArray[np.float64]:
    names, members = np.unique(_names(cells), return_inverse=True)
    return np.array([_hashed(name, seed) for name in names])[members]


def _hashed(name: str, seed: int) -> float:
    """A number in [0, 1) that name and seed decide."""
    digest = hashlib.blake2b(f"{seed} {name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2.0**64


def _moments(cells: Cells) -> npt.NDArray[Any]:
    """The cells as numbers that grow with time; none may be missing."""
    import polars as pl

    if cells.missing().any():
        wrong = int(cells.missing().argmax())
        raise cells.error(wrong, "a date or a number to split by")
    is_number = not isinstance(cells.values, np.ndarray) and not cells.values.dtype.is_temporal()
    if isinstance(cells.values, np.ndarray):
        return cells.numbers()
    if is_number and not cells.values.cast(pl.Float64, strict=False).has_nulls():
        return cells.numbers()
    moments: npt.NDArray[Any] = cells.dates().cast(pl.Int64).to_numpy()
    return moments
