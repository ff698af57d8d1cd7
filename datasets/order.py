"""The order of samples: a function of (seed, epoch, count), the same on every machine and NumPy version."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]

# Keeps this stream apart from other users of Philox that are keyed by the run's seed, such as dropout masks.
_STREAM = int.from_bytes(b"ordering", "big")
_PRESORTED = 500  # numbers, beyond which sorting twice takes less time: a quarter of it for 26,000


def shuffled(count: int, seed: int, epoch: int = 0, stream: int = 0) -> Numbers:
    """A random permutation of range(count), rebuilt from (seed, epoch, stream) alone, each in [0, 2**64).

    Philox (Salmon et al., 2011) is keyed by (seed, epoch), so no epoch has to be replayed to reach a later one.
    The permutation sorts raw random words, because NumPy keeps a bit generator's words stable across versions and
    promises nothing of `Generator.permutation`: a run resumed after an upgrade must not see a sample twice.
    """
    bits = count.bit_length()
    words: npt.NDArray[Any] = np.random.Philox(
        key=np.array([seed, epoch], np.uint64), counter=np.array([0, 0, stream, _STREAM], np.uint64)
    ).random_raw(count)
    # The sample's number rides in the low bits: all words differ, so that any sorting algorithm gives one order.
    words <<= np.uint64(bits)
    words |= np.arange(count, dtype=np.uint64)
    if count > _PRESORTED:
        # NumPy sorts 16 bits by radix. A merge sort of what is nearly sorted then guesses its branches right.
        words = words[(words >> np.uint64(48)).astype(np.uint16).argsort(kind="stable")]
    words.sort(kind="stable")
    words &= np.uint64((1 << bits) - 1)
    return words.view(np.int64)


def stratified(labels: npt.NDArray[Any], held_out: int, seed: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Row numbers (kept, held out), both ascending; `held_out` rows spread over the classes by largest remainder."""
    order = shuffled(len(labels), seed)
    classes, counts = np.unique(labels, return_counts=True)
    quotas, remainders = np.divmod(counts * held_out, len(labels))
    quotas[np.argsort(-remainders, kind="stable")[: held_out - int(quotas.sum())]] += 1
    chosen = [order[labels[order] == label][:quota] for label, quota in zip(classes, quotas, strict=True)]
    mask = np.zeros(len(labels), bool)
    mask[np.concatenate(chosen)] = True
    return np.flatnonzero(~mask), np.flatnonzero(mask)


def balanced(labels: npt.NDArray[Any], seed: int, epoch: int) -> Numbers:
    """Row numbers, as many as there are labels, in which every class comes equally often (or once more than another).

    Rows of a small class come several times, of a large one a random part comes: another one in each epoch.
    """
    order = shuffled(len(labels), seed, epoch, stream=1)
    classes, members = np.unique(labels[order], return_inverse=True)
    quotas = np.full(len(classes), len(labels) // max(len(classes), 1))
    quotas[shuffled(len(classes), seed, epoch, stream=2)[: len(labels) - int(quotas.sum())]] += 1
    chosen = [np.resize(order[members == number], quota) for number, quota in enumerate(quotas)]
    return np.concatenate([*chosen, order[:0]])[shuffled(len(labels), seed, epoch)]


def drawn(rows: Numbers, seed: int, epoch: int, count: int) -> npt.NDArray[np.float64]:
    """Uniform numbers in (0, 1) of shape (rows, count): a function of (seed, epoch, row), whatever the batch.

    The mixing function is SplitMix64 (Steele, Lea, Flood 2014), applied to a counter that starts at the row's key.
    """
    start = np.random.Philox(key=np.array([seed, epoch], np.uint64)).random_raw()
    keys = _mixed(rows.astype(np.uint64) + np.uint64(start))
    words = _mixed(keys[:, None] + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    return ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def _mixed(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


class Windowed:
    """The order of samples that lie on disk: blocks of neighbours in random order, shuffled a window at a time.

    It reads like an array of row numbers, by slices, and holds one window: `block * blocks` rows. A reader that keeps
    a window of the samples reads a file larger than memory once an epoch, block after block.
    Rows that stand in one block land in one window; a file that is sorted by its label shuffles well only as far as
    a window holds many blocks.
    """

    def __init__(self, count: int, seed: int, epoch: int, block: int = 256, blocks: int = 256) -> None:
        self.count, self.seed, self.epoch, self.block, self.blocks = count, seed, epoch, block, blocks
        self._held: tuple[int, Numbers] = (-1, np.empty(0, np.int64))

    @cached_property
    def _order(self) -> Numbers:
        return shuffled(-(-self.count // self.block), self.seed, self.epoch)

    @cached_property
    def _starts(self) -> Numbers:
        """The place of each window's first sample in the epoch, and the end."""
        sizes = np.minimum(self.block, self.count - self._order * self.block)
        return np.append(np.cumsum(np.append(0, sizes))[:-1][:: self.blocks], self.count)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, place: slice) -> Numbers:
        parts = [np.empty(0, np.int64)]
        parts += [self.rows(number)[places] for number, places in self.parts(place)]
        return np.concatenate(parts)

    def parts(self, place: slice) -> Iterator[tuple[int, Numbers]]:
        """The windows that a place in the epoch lies in, and the rows that it takes of each, counted in the window."""
        start, stop, _ = place.indices(self.count)
        number = int(np.searchsorted(self._starts, start, side="right")) - 1
        while start < stop:
            begin, end = int(self._starts[number]), min(int(self._starts[number + 1]), stop)
            yield number, self._shuffle(number)[start - begin : end - begin]
            start, number = end, number + 1

    def stretches(self, number: int) -> list[slice]:
        """The blocks of a window, in the order in which its rows are counted."""
        first = self._order[number * self.blocks : (number + 1) * self.blocks] * self.block
        return [slice(int(start), min(int(start) + self.block, self.count)) for start in first]

    def rows(self, number: int) -> Numbers:
        """The row numbers of a window, block after block."""
        return np.concatenate([np.arange(block.start, block.stop) for block in self.stretches(number)])

    def _shuffle(self, number: int) -> Numbers:
        if self._held[0] != number:
            size = int(self._starts[number + 1] - self._starts[number])
            self._held = number, shuffled(size, self.seed, self.epoch, stream=number + 3)
        return self._held[1]
