"""Bootstrap intervals: the same resamples for all figures, vectorised over resamples.

A statistic is a function of weights, how often each sample was drawn: (resamples, samples) -> (resamples,). With all
weights 1 it is the figure itself. Source: B. Efron, Bootstrap methods (1979); the intervals are percentiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from agcli.engine.types import Array

Statistic = Callable[[Array], Array]

LEVEL = 0.95
RESAMPLES, FEWEST = 1000, 200
DRAWS = 30_000_000  # in all; of more samples, fewer resamples are drawn, down to the fewest
CHUNK = 1 << 21  # weights at a time


@dataclass(frozen=True)
class Figure:
    """A value with the interval in which it lies in 95 of 100 resamples, and the value of the best constant answer."""

    value: float
    low: float | None = None
    high: float | None = None
    baseline: float | None = None

    def to_json(self) -> dict[str, float | None]:
        """Plain data."""
        return vars(self)


def intervals(
    statistics: Mapping[str, Statistic], samples: int, seed: int = 0, each: int = 1
) -> dict[str, tuple[float, float]]:
    """The 95 % interval of each statistic; of a single sample, or where resamples have no value, there is none.

    A sample that has ``each`` answers is drawn with all of them, since they hang together.
    """
    if samples < 2 or not statistics:
        return {}
    drawn = [
        {name: of(np.repeat(w, each, axis=1)) for name, of in statistics.items()}
        for w in weights(samples, count_for(samples * each), seed, CHUNK // each)
    ]
    found = {}
    for name in statistics:
        values = np.concatenate([chunk[name] for chunk in drawn])
        known = values[np.isfinite(values)]
        if len(known):
            low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            found[name] = float(low), float(high)
    return found


def value(statistic: Statistic, samples: int) -> float:
    """The statistic of the samples themselves."""
    return float(statistic(np.ones((1, samples)))[0])


def count_for(samples: int) -> int:
    """How many resamples are drawn."""
    return int(np.clip(DRAWS // samples, FEWEST, RESAMPLES))


def weights(samples: int, count: int, seed: int, chunk: int = CHUNK) -> Iterator[Array]:
    """How often each sample is in each of ``count`` resamples, some resamples at a time."""
    rng = np.random.default_rng([seed, samples])
    rows = max(1, chunk // samples)
    for start in range(0, count, rows):
        n = min(rows, count - start)
        drawn = rng.integers(0, samples, (n, samples)) + np.arange(n)[:, None] * samples
        yield np.bincount(drawn.ravel(), minlength=n * samples).reshape(n, samples).astype(np.float64)


def mean_of(values: Array) -> Statistic:
    """The mean of a value a sample."""
    return lambda w: w @ values / w.sum(axis=1)


def total_by(labels: Array, count: int) -> Callable[[Array], Array]:
    """The sums of weights over each of ``count`` labels: (resamples, samples) -> (resamples, count)."""
    order = np.argsort(labels, kind="stable")
    there, starts = np.unique(labels[order], return_index=True)

    def totals(w: Array) -> Array:
        sums = np.zeros((len(w), count))
        if len(there):
            sums[:, there] = np.add.reduceat(w[:, order], starts, axis=1)
        return sums

    return totals
