"""The order of samples: a function of (seed, epoch, count), the same on every machine and NumPy version."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

# Keeps this stream apart from other users of Philox that are keyed by the run's seed, such as dropout masks.
_STREAM = int.from_bytes(b"ordering", "big")


def shuffled(count: int, seed: int, epoch: int = 0) -> npt.NDArray[np.int64]:
    """A random permutation of range(count), rebuilt from (seed, epoch) alone, each in [0, 2**64).

    Philox (Salmon et al., 2011) is keyed by (seed, epoch), so no epoch has to be replayed to reach a later one.
    The permutation sorts raw random words, because NumPy keeps a bit generator's words stable across versions and
    promises nothing of `Generator.permutation`: a run resumed after an upgrade must not see a sample twice.
    """
    bits = count.bit_length()
    words: npt.NDArray[Any] = np.random.Philox(
        key=np.array([seed, epoch], np.uint64), counter=np.array([0, 0, 0, _STREAM], np.uint64)
    ).random_raw(count)
    # The sample's number rides in the low bits: all words differ, so that any sorting algorithm gives one order.
    words <<= np.uint64(bits)
    words |= np.arange(count, dtype=np.uint64)
    words.sort()
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
