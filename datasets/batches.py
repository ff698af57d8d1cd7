"""Batches: the samples of a split in a random order that (seed, epoch) decides, gathered into reused buffers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sized
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import cycle
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..counts import number_of
from .augment import Augment
from .dataset import Array, Cast, Column, Feeding, Scaling, Split
from .errors import DataError, unknown
from .order import Windowed, balanced, shuffled
from .prefetch import Foreseen, ahead

Reader = Callable[[slice], Array]
Ring = Callable[..., Iterator[Array]]  # of a shape, a dtype, and whether one buffer is enough
Rings = dict[tuple[str, bool], Iterator[Array]]
Fill = Callable[[npt.NDArray[np.int64], Array], None]  # an array with the rows of these numbers
Gather = Callable[[Array, np.float32 | None], Fill | None]  # of what is stored, divided; None: as well as NumPy does

_MAX_PREFETCH = 64
_WINDOW = 1 << 25  # bytes of a split on disk that are shuffled in memory
_RELEASED = 1 << 24  # bytes of a split on disk that are read before their memory is given back
_FORESEEN = range(1 << 14, 1 << 22)  # samples whose next order is made early: fewer gain nothing, more take memory
_FED = 1 << 22  # bytes of a column that is kept as it is fed
_BLOCK = 256  # rows of a split on disk that are read together
_RELEASED_BLOCKS = 8


class Order(Sized, Protocol):
    """Row numbers that are read by slices."""

    def __getitem__(self, place: slice, /) -> npt.NDArray[np.int64]:
        """The row numbers of some places in an epoch."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some samples of a split: `rows` are their numbers in it. Its arrays are used again for later batches."""

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

    `balanced` draws every class of the column `y` equally often, instead of every sample once. `augment` lets
    columns of images change as they say: set it for training. `prefetch` makes that many batches ahead on a thread;
    the batches are the same. A batch stays valid until as many more are made as `lasting` says. `gather` knows a
    faster way to copy rows, where there is one.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        seed: int = 0,
        *,
        shuffle: bool = True,
        drop_last: bool = False,
        balanced: bool = False,
        augment: bool = False,
        prefetch: int = 0,
        lasting: int = 2,
        gather: Gather | None = None,
    ) -> None:
        self.split, self.shuffle, self.drop_last, self.augment = split, shuffle, drop_last, augment
        self.batch_size = _whole("batch size", batch_size, 1, 1 << 31)
        self.seed = _whole("seed", seed, 0, 1 << 64)
        self.lasting = _whole("lasting", lasting, 1, _MAX_PREFETCH + 1)
        self.gather = gather
        self.prefetch = _whole("prefetch", prefetch, 0, _MAX_PREFETCH + 1)
        self._rings: Rings = {}
        self._labels = _labels(split, shuffle) if balanced else None
        early = shuffle and split.release is None and len(split) in _FORESEEN
        self._current: tuple[int, Order] | None = None
        self._fed: dict[str, Array] = {}
        self._order: Callable[[int], Order] = Foreseen(self.order) if early else self.order
        if not self.steps_per_epoch:
            dropped = " and drop_last" if drop_last and len(split) else ""
            raise DataError(
                f"no batch: the split has {number_of(len(split), 'sample')}, batch size {batch_size:,}{dropped}"
            )

    @cached_property
    def steps_per_epoch(self) -> int:
        """The number of batches in an epoch, also `len(batches)`."""
        whole, rest = divmod(len(self.split), self.batch_size)
        return whole + bool(rest and not self.drop_last)

    def __len__(self) -> int:
        return self.steps_per_epoch

    def order(self, epoch: int) -> Order:
        """The row numbers of an epoch in the order in which its batches take them."""
        count = len(self.split)
        if self._labels is not None:
            return balanced(self._labels, self.seed, epoch)
        if self.shuffle:
            return self._windowed(epoch) if self.split.release is not None else shuffled(count, self.seed, epoch)
        return np.arange(count)

    def _ordered(self, epoch: int) -> Order:
        """The same, kept as long as the epoch runs: it is asked for by batches and by rows."""
        if self._current is None or self._current[0] != epoch:
            self._current = epoch, self._order(epoch)
        return self._current[1]

    def rows(self, epoch: int) -> npt.NDArray[np.int64] | None:
        """The row numbers of an epoch, if they lie in memory."""
        order = self._ordered(epoch)
        return order if isinstance(order, np.ndarray) else None

    def by_rows(self, name: str) -> tuple[Array, np.float32 | None] | None:
        """What a batch of a column is simply rows of, and by what they are divided; None where more is done to them."""
        column = self.split.columns[name]
        if self.split.release is not None or (self.augment and column.augment is not None):
            return None
        feeding = column.scaling
        if feeding is None:
            return column.stored, None
        if isinstance(feeding, Cast | Scaling) and column.stored.size * column.dtype.itemsize <= _FED:
            if name not in self._fed:
                self._fed[name] = feeding.apply(column.stored, np.empty(column.stored.shape, column.dtype))
            return self._fed[name], None
        divisor = feeding.divisor if isinstance(feeding, Scaling) else None
        return None if divisor is None else (column.stored, divisor)

    def _windowed(self, epoch: int) -> Windowed:
        blocks = _WINDOW // (_BLOCK * self._row_bytes)
        return Windowed(len(self.split), self.seed, epoch, _BLOCK, max(8, min(blocks, 256)))

    @property
    def _row_bytes(self) -> int:
        """What a sample takes on disk."""
        columns = self.split.columns.values()
        return max(1, sum(column.stored.nbytes for column in columns) // max(len(self.split), 1))

    def epoch(self, epoch: int = 0, start: int = 0) -> Iterator[Batch]:
        """The batches `start`, `start` + 1, ... of an epoch; each is valid until `lasting` more are made."""
        _whole("epoch", epoch, 0, 1 << 64)
        _whole("start", start, 0, self.steps_per_epoch + 1)
        batches = self._epoch(epoch, start)
        return ahead(batches, self.prefetch) if self.prefetch else batches

    def _epoch(self, epoch: int, start: int) -> Iterator[Batch]:
        # Buffers belong to one walk through an epoch, so that two walks at a time do not disturb each other. At its end
        # it leaves them to the next, as to use memory for the first time takes longer than to fill it.
        order, (rings, self._rings) = self._ordered(epoch), (self._rings, {})
        # Beside those that wait in the queue, one batch waits for room in it.
        ring = self.lasting + self.prefetch + bool(self.prefetch)
        readers = {
            name: self._reader(column, order, partial(_ring, rings, name, ring))
            for name, column in self.split.columns.items()
        }
        augments, row_bytes, unreleased = self._augments(), self._row_bytes, 0
        for step in range(start, self.steps_per_epoch):
            place = slice(step * self.batch_size, (step + 1) * self.batch_size)
            rows = order[place]
            columns = {name: read(place) for name, read in readers.items()}
            for name, augment in augments.items():
                columns[name] = _augmented(augment, columns[name], rows, self.seed, epoch)
            if step == self.steps_per_epoch - 1:
                self._rings = rings
            yield Batch(rows, columns)
            unreleased += len(rows) * row_bytes
            # Balanced rows lie all over the file, so that each batch maps much more than it reads.
            if self.split.release is not None and (unreleased >= _RELEASED or self._labels is not None):
                self.split.release()
                unreleased = 0

    def _reader(self, column: Column, order: Order, ring: Ring) -> Reader:
        """A function from a place in the order to the values that are fed there."""
        if not self.shuffle:
            return _reader(column, None, self.batch_size, ring, None)
        divisor = column.scaling.divisor if isinstance(column.scaling, Scaling) else None
        known = not isinstance(order, Windowed) and (column.scaling is None or divisor is not None)
        fill = self.gather(column.stored, divisor) if known and self.gather is not None else None
        if fill is not None:
            return _filled(fill, order, ring(_shape(column, self.batch_size), column.dtype))
        return _reader(column, order, self.batch_size, ring, self.split.release)

    def _augments(self) -> dict[str, Augment]:
        columns = self.split.columns if self.augment else {}
        return {name: column.augment for name, column in columns.items() if column.augment is not None}


def _labels(split: Split, shuffle: bool) -> Array:
    """The classes to balance."""
    labels = split.columns["y"].stored if "y" in split.columns else np.empty(0)
    if labels.ndim != 1 or labels.dtype.kind not in "iub":
        raise DataError(f"balanced: expected one class a sample as the target, found {labels.dtype} {labels.shape}")
    if not shuffle:
        raise DataError("balanced: expected `shuffle: true` beside it, found false")
    return labels


def _augmented(augment: Augment, images: Array, rows: npt.NDArray[np.int64], seed: int, epoch: int) -> Array:
    images = images if images.flags.writeable else images.copy()
    augment.apply(images, rows, seed, epoch)
    return images


def _reader(
    column: Column, order: Order | None, batch_size: int, ring: Ring, release: Callable[[], None] | None
) -> Reader:
    """The same with NumPy; without an order, samples are read as they lie."""
    shape = _shape(column, batch_size)
    stored, feeding = column.stored, column.scaling
    read: Reader = stored.__getitem__
    if order is not None:
        buffers = ring(shape, stored.dtype, feeding is not None)
        if isinstance(order, Windowed) and release is not None:
            read = _gather_window(stored, order, buffers, release)
        else:
            read = _gather(stored, order, buffers)
    return read if feeding is None else _feed(read, feeding, ring(shape, column.dtype))


def _shape(column: Column, batch_size: int) -> tuple[int, ...]:
    return (min(batch_size, len(column)), *column.shape)


def _ring(
    rings: Rings, name: str, count: int, shape: tuple[int, ...], dtype: np.dtype[Any], inner: bool = False
) -> Iterator[Array]:
    """Buffers that are filled in turn; one is enough for what only stands between what is stored and what is fed."""
    if (name, inner) not in rings:
        rings[name, inner] = cycle([np.empty(shape, dtype) for _ in range(1 if inner else count)])
    return rings[name, inner]


def _first(buffer: Array, count: int) -> Array:
    """The first rows; the same object for all batches of full size, as who knows an array need not look at it again."""
    return buffer if count == len(buffer) else buffer[:count]


def _gather(stored: Array, order: Order, buffers: Iterator[Array]) -> Reader:
    def gathered(place: slice) -> Array:
        rows = order[place]
        # "clip" does not clip here, all rows exist; but "raise" fills a temporary before it fills `out`.
        return stored.take(rows, 0, _first(next(buffers), len(rows)), "clip")  # np.take adds half a microsecond

    return gathered


def _filled(fill: Fill, order: Order, buffers: Iterator[Array]) -> Reader:
    def filled(place: slice) -> Array:
        rows = order[place]
        out = _first(next(buffers), len(rows))
        fill(rows, out)
        return out

    return filled


def _gather_window(stored: Array, order: Windowed, buffers: Iterator[Array], release: Callable[[], None]) -> Reader:
    held, window = -1, stored[:0]

    def gathered(place: slice) -> Array:
        nonlocal held, window
        out, end = next(buffers), 0
        for number, places in order.parts(place):
            if number != held:
                held, window = number, _copied(stored, order.stretches(number), release)
            start, end = end, end + len(places)
            np.take(window, places, axis=0, out=out[start:end], mode="clip")
        return out[:end]

    return gathered


def _copied(stored: Array, stretches: list[slice], release: Callable[[], None]) -> Array:
    """Some stretches of an array on disk. Where one is read, the system maps megabytes around it: so give them back."""
    copied, end = np.empty((sum(s.stop - s.start for s in stretches), *stored.shape[1:]), stored.dtype), 0
    for number, stretch in enumerate(stretches):
        start, end = end, end + stretch.stop - stretch.start
        copied[start:end] = stored[stretch]
        if number % _RELEASED_BLOCKS == 0:
            release()
    release()
    return copied


def _feed(read: Reader, feeding: Feeding, buffers: Iterator[Array]) -> Reader:
    def fed(place: slice) -> Array:
        rows = read(place)
        return feeding.apply(rows, _first(next(buffers), len(rows)))

    return fed


def _whole(what: str, value: int, low: int, end: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value < end:
        raise DataError(f"{what}: expected a whole number of {low:,} to {end - 1:,}, got {value!r}")
    return int(value)
