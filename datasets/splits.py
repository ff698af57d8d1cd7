"""Splits: which samples are for training, for validation and for testing. A rule is a row of `RULES`.

A rule holds out the test samples first; the validation samples are drawn from the others, in the same way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from ..counts import number_of
from .errors import DataError
from .frame import Cells, Frame
from .order import drawn, shuffled, stratified

Numbers = npt.NDArray[np.int64]
Labels = npt.NDArray[Any] | None
Parts = tuple[Numbers, Numbers, Numbers]

PARTS = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)
TEST_SHARE = 0.2  # of all samples, if nothing else is said
VALIDATION_SHARE, MAX_VALIDATION = 0.15, 10_000  # of the samples that are not for testing; and the most by default
ALL_FOR_TRAINING = "`split: {shuffled: {test: 0, validation: 0}}` takes all samples for training"


def usual_validation(count: int) -> int:
    """How many of so many samples are for validation if no share is given."""
    return min(round(count * VALIDATION_SHARE), MAX_VALIDATION)


def validation_count(count: int, share: float | None) -> int:
    """How many of the samples that are not for testing are for validation; of a given share one at least, not all."""
    if share is None:
        return usual_validation(count)
    return min(max(1, round(count * share)), count - 1) if share else 0


def share_of(held_out: int, count: int) -> float:
    """The share by which so many of some samples are held out again: the usual one where that is what they are."""
    if held_out and held_out == round(count * VALIDATION_SHARE):
        return VALIDATION_SHARE
    return held_out / count if count else 0.0


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A way to hold out samples; `seed` draws them, where anything is drawn.

    `validation` is a share of the samples that are not for testing; if None, 0.15 and at most 10,000 samples.
    """

    name: ClassVar[str] = ""
    counts: ClassVar[bool] = False  # whether `sides` has to know the total
    validation: float | None = None
    seed: int = 0

    @property
    def by(self) -> str | None:
        """The column that the rule looks at."""
        return None

    @property
    def grouping(self) -> str | None:
        """The column whose names stay together."""
        return None

    @property
    def keeps_all(self) -> bool:
        """Whether all samples are for training."""
        return False

    def parts(self, frame: Frame, labels: Labels) -> Parts:
        """Indices for training, validation and testing, ascending. `labels` are the classes of the target, if any."""
        keys, rest = self.keys(frame), np.arange(len(frame))
        test = self.tested(keys, labels)
        rest = np.delete(rest, test)
        count = validation_count(len(rest), self.validation)
        if not count:
            return rest, rest[:0], test
        chosen = self.chosen(keys[rest], None if labels is None else labels[rest], count, VALIDATION)
        return np.delete(rest, chosen), rest[chosen], test

    def sides(self, frame: Frame, total: int) -> Numbers:
        """The part (a place in `PARTS`) of each sample of a piece of a file of `total` samples that is too large
        to be held; shares are approximate, and none may be open (see `with_share`)."""
        raise DataError(f"split {self.name}: needs all samples in memory; with `stream: true` use `shuffled`")

    def keys(self, frame: Frame) -> npt.NDArray[Any]:
        """What the rule looks at: a number a sample; their places, if it looks at no column."""
        return np.arange(len(frame))

    def tested(self, keys: npt.NDArray[Any], labels: Labels) -> Numbers:
        """The indices of the samples for testing, ascending."""
        raise NotImplementedError

    def chosen(self, keys: npt.NDArray[Any], labels: Labels, count: int, part: int) -> Numbers:
        """The indices of about `count` samples to hold out for a part, ascending."""
        raise NotImplementedError

    def tested_count(self, total: int) -> float:
        """How many of so many samples are for testing, about."""
        raise NotImplementedError

    def with_share(self, total: int) -> Self:
        """The same rule for so many samples with the usual share for validation, if none was given."""
        if self.validation is not None:
            return self
        count = max(round(total - self.tested_count(total)), 0)
        return replace(self, validation=share_of(usual_validation(count), count))

    @property
    def validation_share(self) -> float:
        """The share for validation, which is settled."""
        if self.validation is None:
            raise DataError("expected a share for validation, found none", ("split",))
        return self.validation


@dataclass(frozen=True, kw_only=True)
class HeldOut(Rule):
    """A way to hold out `test`, a share of the samples; with 0, none. If None, 0.2, or 0 beside a file for testing."""

    test: float | None = None

    @property
    def keeps_all(self) -> bool:
        return self.test == 0 and self.validation == 0

    @property
    def test_share(self) -> float:
        """The share for testing."""
        return TEST_SHARE if self.test is None else self.test

    def tested(self, keys: npt.NDArray[Any], labels: Labels) -> Numbers:
        if not self.test_share:
            return np.arange(0)
        count = len(keys)
        if count < 2:
            raise DataError(f"expected at least 2 samples to split, found {count}; {ALL_FOR_TRAINING}", ("split",))
        return self.chosen(keys, labels, min(max(1, round(count * self.test_share)), count - 1), TEST)

    def tested_count(self, total: int) -> float:
        return total * self.test_share

    def cut(self, draws: npt.NDArray[np.float64]) -> Numbers:
        """The part of samples by their draws from [0, 1): the lowest are for testing, the next for validation."""
        validation = (1 - self.test_share) * self.validation_share
        sides = np.where(draws < self.test_share + validation, VALIDATION, TRAIN)
        return np.where(draws < self.test_share, TEST, sides)


@dataclass(frozen=True, kw_only=True)
class Shuffled(HeldOut):
    """Any samples."""

    name = "shuffled"

    def chosen(self, keys: npt.NDArray[Any], labels: Labels, count: int, part: int) -> Numbers:
        return np.sort(shuffled(len(keys), self.seed)[:count])

    def sides(self, frame: Frame, total: int) -> Numbers:
        return self.cut(_drawn(frame, self.seed))


@dataclass(frozen=True, kw_only=True)
class Stratified(HeldOut):
    """The same share of every class."""

    name = "stratified"

    def chosen(self, keys: npt.NDArray[Any], labels: Labels, count: int, part: int) -> Numbers:
        if labels is None:
            message = "split stratified: expected classes as the target, found numbers; use `shuffled`"
            raise DataError(message, ("split",))
        return stratified(labels, count, self.seed)[1]

    def sides(self, frame: Frame, total: int) -> Numbers:
        return self.cut(_drawn(frame, self.seed))  # of many samples, each class has its share


@dataclass(frozen=True, kw_only=True)
class Group(HeldOut):
    """Whole groups: all samples of a patient, say, are in one part. A missing name is a group of its own."""

    name = "group"
    column: str

    @property
    def by(self) -> str | None:
        return self.column

    @property
    def grouping(self) -> str | None:
        return self.column

    def keys(self, frame: Frame) -> npt.NDArray[Any]:
        return np.unique(_names(frame[self.column]), return_inverse=True)[1]

    def chosen(self, keys: npt.NDArray[Any], labels: Labels, count: int, part: int) -> Numbers:
        left = 1 + (part == TEST and self.validation != 0)
        return _groups(keys, count, left, self.seed, f'split group: expected {{}} groups or more in "{self.column}"')

    def sides(self, frame: Frame, total: int) -> Numbers:
        return self.cut(_drawn_by_name(frame[self.column], str(self.seed)))


@dataclass(frozen=True, kw_only=True)
class Time(HeldOut):
    """The latest samples for testing, those before them for validation, by a column of dates or numbers.

    Samples of one moment are in one part, so that a part may be a little smaller or larger than its share.
    """

    name = "time"
    column: str

    @property
    def by(self) -> str | None:
        return self.column

    def keys(self, frame: Frame) -> npt.NDArray[Any]:
        return _moments(frame[self.column])

    def chosen(self, keys: npt.NDArray[Any], labels: Labels, count: int, part: int) -> Numbers:
        left = 1 + (part == TEST and self.validation != 0)  # moments that stay
        order = np.argsort(keys, kind="stable")
        cuts = np.flatnonzero(np.diff(keys[order]))[left - 1 :] + 1  # places where another moment begins
        if not len(cuts):
            expected = f'split time: expected {{}} moments or more in "{self.column}"'
            raise _too_few(expected, len(np.unique(keys)), left)
        cut = cuts[np.abs(cuts - (len(keys) - count)).argmin()]
        return np.sort(order[cut:])


@dataclass(frozen=True, kw_only=True)
class Tail(HeldOut):
    """The last samples of the file for testing, those before them for validation."""

    name = "tail"
    counts = True

    def chosen(self, keys: npt.NDArray[Any], labels: Labels, count: int, part: int) -> Numbers:
        return np.arange(len(keys) - count, len(keys))

    def sides(self, frame: Frame, total: int) -> Numbers:
        tested = len(self.tested(np.empty(total), None))
        validated = validation_count(total - tested, self.validation_share)
        left = total - np.arange(frame.first - 1, frame.first - 1 + len(frame))  # samples from this one to the end
        return np.where(left <= tested, TEST, np.where(left <= tested + validated, VALIDATION, TRAIN))


@dataclass(frozen=True, kw_only=True)
class Fold(Rule):
    """Part `number` (from 1) `of` some parts of the same size: k-fold cross-validation tests every sample once.

    Classes are spread evenly over the parts. With `group`, a column, all samples of one name are in one part.
    Samples for validation are drawn from the other parts: by groups, by classes, or any.
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

    @property
    def grouping(self) -> str | None:
        return self.group

    def keys(self, frame: Frame) -> npt.NDArray[Any]:
        if self.group is None:
            return super().keys(frame)
        return np.unique(_names(frame[self.group]), return_inverse=True)[1]

    def tested(self, keys: npt.NDArray[Any], labels: Labels) -> Numbers:
        if self.group is not None:
            sizes = np.bincount(keys)
            self._check(len(sizes), f'the number of different names in "{self.group}"')
            parts = _even(sizes, self.of, shuffled(len(sizes), self.seed))
            return np.flatnonzero(parts[keys] == self.number - 1)
        self._check(len(keys), "the number of samples")
        order = shuffled(len(keys), self.seed)
        if labels is not None:
            order = order[np.argsort(labels[order], kind="stable")]
        return np.sort(order[self.number - 1 :: self.of])

    def chosen(self, keys: npt.NDArray[Any], labels: Labels, count: int, part: int) -> Numbers:
        if self.group is not None:
            return _groups(keys, count, 1, self.seed, f'split fold: expected {{}} groups or more in "{self.group}"')
        kind = Shuffled(seed=self.seed) if labels is None else Stratified(seed=self.seed)
        return kind.chosen(keys, labels, count, part)

    def tested_count(self, total: int) -> float:
        return total / self.of

    def sides(self, frame: Frame, total: int) -> Numbers:
        if self.group is None:
            draws, more = _drawn(frame, self.seed), _drawn(frame, self.seed, VALIDATION)
        else:
            cells = frame[self.group]
            draws, more = (_drawn_by_name(cells, seed) for seed in (str(self.seed), f"{self.seed} {PARTS[VALIDATION]}"))
        others = np.where(more < self.validation_share, VALIDATION, TRAIN)
        return np.where(np.floor(draws * self.of) == self.number - 1, TEST, others)

    def _check(self, most: int, what: str) -> None:
        if self.of > most:
            raise DataError(
                f"split fold: expected at most {number_of(most, 'part')}, {what}, found {self.of:,}", ("split",)
            )


RULES: Mapping[str, type[Rule]] = {rule.name: rule for rule in (Shuffled, Stratified, Group, Time, Tail, Fold)}


def _even(sizes: Numbers, parts: int, order: Numbers) -> Numbers:
    """The part of each group: the largest first, each into the part that is smallest by then; ties by the order."""
    chosen, filled = np.zeros(len(sizes), np.int64), np.zeros(parts, np.int64)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        chosen[group] = filled.argmin()
        filled[chosen[group]] += sizes[group]
    return chosen


def _groups(keys: Numbers, count: int, left: int, seed: int, expected: str) -> Numbers:
    """The samples of as many groups as hold `count` samples; so many groups stay."""
    names, members = np.unique(keys, return_inverse=True)
    if len(names) <= left:
        raise _too_few(expected, len(names), left)
    order = shuffled(len(names), seed)
    sizes = np.cumsum(np.bincount(members)[order])
    enough = int(np.searchsorted(sizes, count)) + 1
    return np.flatnonzero(np.isin(members, order[: min(enough, len(names) - left)]))


def _too_few(expected: str, found: int, left: int) -> DataError:
    """The error for groups or moments that do not suffice for a part, so that `left` of them stay."""
    advice = f"with `validation: 0`, {found} suffice" if left > 1 and found == left else ALL_FOR_TRAINING
    return DataError(f"{expected.format(left + 1)}, found {found}; {advice}", ("split",))


def _drawn(frame: Frame, seed: int, stream: int = 0) -> npt.NDArray[np.float64]:
    rows = np.arange(frame.first, frame.first + len(frame))
    draws: npt.NDArray[np.float64] = drawn(rows, seed, stream, 1)[:, 0]
    return draws


def _names(cells: Cells) -> npt.NDArray[Any]:
    names: npt.NDArray[Any] = cells.texts().fill_null("").to_numpy().astype(str)
    return names


def _drawn_by_name(cells: Cells, seed: str) -> npt.NDArray[np.float64]:
    names, members = np.unique(_names(cells), return_inverse=True)
    return np.array([_hashed(name, seed) for name in names])[members]


def _hashed(name: str, seed: str) -> float:
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
