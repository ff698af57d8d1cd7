"""Batches: the samples of a split in a random order that (seed, epoch) decides, gathered into reused buffers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
import numpy.typing as npt

from .dataset import Array, Column, Scaling, Split
from .errors import DataError, unknown
from .order import shuffled

Reader = Callable[[slice], Array]

_RING = 2  # one batch in use, one being made


@dataclass(frozen=True, slots=True)
class Batch:
    """Some samples of a split: `rows` are their numbers in it. Valid until the next but one batch is made."""

    rows: npt.NDArray[np.int64]
    columns: Mapping[str, Array]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> Array:
        if name not in self.columns:
            raise unknown("column", name, self.columns)
        return self.columns[name]

    @property
    def x(self) -> Array:
        """The inputs."""
        return self["x"]

    @property
    def y(self) -> Array:
        """The targets."""
        return self["y"]


class Batches:
    """A split cut into batches, every sample once an epoch.

    It has no state to save: `epoch(e, start)` gives the batches of epoch `e` from number `start` on, so a run that
    knows both numbers goes on where it stopped. The last batch is smaller where the size does not divide the
    number of samples, unless `drop_last`. Without `shuffle` the order is that of the split, and columns that need
    no scaling are views of it.
    """

    def __init__(
        self, split: Split, batch_size: int, seed: int = 0, *, shuffle: bool = True, drop_last: bool = False
    ) -> None:
        self.split, self.shuffle, self.drop_last = split, shuffle, drop_last
        self.batch_size = _whole("batch size", batch_size, 1, 1 << 31)
        self.seed = _whole("seed", seed, 0, 1 << 64)
        if not self.steps_per_epoch:
            dropped = " and drop_last" if drop_last and len(split) else ""
            raise DataError(f"no batch: the split has {len(split):,} samples, batch size {batch_size:,}{dropped}")

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches in an epoch, also `len(batches)`."""
        whole, rest = divmod(len(self.split), self.batch_size)
        return whole + bool(rest and not self.drop_last)

    def __len__(self) -> int:
        return self.steps_per_epoch

    def order(self, epoch: int) -> npt.NDArray[np.int64]:
        """The row numbers of an epoch in the order in which its batches take them."""
        count = len(self.split)
        return shuffled(count, self.seed, epoch) if self.shuffle else np.arange(count)

    def epoch(self, epoch: int = 0, start: int = 0) -> Iterator[Batch]:
        """The batches `start`, `start` + 1, ... of an epoch; each is valid until the next but one is made."""
        _whole("epoch", epoch, 0, 1 << 64)
        _whole("start", start, 0, self.steps_per_epoch + 1)
        return self._epoch(self.order(epoch), start)

    def _epoch(self, order: npt.NDArray[np.int64], start: int) -> Iterator[Batch]:
        # Buffers belong to one walk through an epoch, so that two walks at a time do not disturb each other.
        gather = order if self.shuffle else None
        readers = {name: _reader(column, gather, self.batch_size) for name, column in self.split.columns.items()}
        for step in range(start, self.steps_per_epoch):
            place = slice(step * self.batch_size, (step + 1) * self.batch_size)
            yield Batch(order[place], {name: read(place) for name, read in readers.items()})


def _reader(column: Column, order: npt.NDArray[np.int64] | None, batch_size: int) -> Reader:
    """A function from a place in the order to the values that are fed there."""
    shape = (min(batch_size, len(column)), *column.shape)
    stored, scaling = column.stored, column.scaling
    if scaling is None:
        return stored.__getitem__ if order is None else _gather(stored, order, _ring(_RING, shape, stored.dtype))
    if order is None:
        return _scale(stored.__getitem__, scaling, _ring(_RING, shape, column.dtype))
    return _scale(_gather(stored, order, _ring(1, shape, stored.dtype)), scaling, _ring(_RING, shape, column.dtype))


def _ring(count: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[Array]:
    return cycle([np.empty(shape, dtype) for _ in range(count)])


def _gather(stored: Array, order: npt.NDArray[np.int64], buffers: Iterator[Array]) -> Reader:
    def gathered(place: slice) -> Array:
        rows = order[place]
        # "clip" does not clip here, all rows exist; but "raise" fills a temporary before it fills `out`.
        return np.take(stored, rows, axis=0, out=next(buffers)[: len(rows)], mode="clip")

    return gathered


def _scale(read: Reader, scaling: Scaling, buffers: Iterator[Array]) -> Reader:
    def scaled(place: slice) -> Array:
        rows = read(place)
        return scaling.apply(rows, next(buffers)[: len(rows)])

    return scaled


def _whole(what: str, value: int, low: int, end: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value < end:
        raise DataError(f"{what}: expected a whole number of {low:,} to {end - 1:,}, got {value!r}")
    return int(value)
