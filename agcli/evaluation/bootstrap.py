"""Bootstrap intervals: the same resamples for all figures, vectorised over resamples.

A statistic is a function of weights, how often each sample was drawn: (resamples, samples) -> (resamples,). With all
weights 1 it is the figure itself. Samples that have weights of their own are drawn like others, and count by the
product of both. Source: B. Efron, Bootstrap methods (1979); the intervals are percentiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from agcli.engine.types import Array
from agcli.model.undefined import Undefined
from agcli.spec.nouns import Metric

Statistic = Callable[[Array], Array]


@dataclass(frozen=True)
class Numbered:
    """The number of a label a sample, of ``count`` labels."""

    numbers: Array
    count: int


Contributions: TypeAlias = "Mapping[str, Array | Numbered]"

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

    def to_json(self) -> dict[str, float | str | None]:
        """Plain data; where there is no value, with the reason."""
        reason = {"undefined": self.value.reason} if isinstance(self.value, Undefined) else {}
        return {**vars(self), **reason}


def intervals(
    statistics: Mapping[str, Statistic], samples: int, seed: int = 0, each: int = 1, counts: Array | None = None
) -> dict[str, tuple[float, float]]:
    """The 95 % interval of each statistic; of a single sample, or where resamples have no value, there is none.

    A sample that has ``each`` answers is drawn with all of them, since they hang together. ``counts`` (samples * each,)
    say how much each answer counts, else all alike.
    """
    if samples < 2 or not statistics:
        return {}
    drawn = [
        {name: of(w) for name, of in statistics.items()}
        for drawn_once in weights(samples, count_for(samples * each), seed, CHUNK // each)
        for w in [weighed(np.repeat(drawn_once, each, axis=1), counts)]
    ]
    found = {}
    for name in statistics:
        values = np.concatenate([chunk[name] for chunk in drawn])
        known = values[np.isfinite(values)]
        if len(known):
            low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            found[name] = float(low), float(high)
    return found


def weighed(drawn: Array, counts: Array | None) -> Array:
    """How much each answer counts (resamples, answers) that is drawn so often."""
    return drawn if counts is None else drawn * counts


def value(of: Statistic, samples: int, reason: str = "", counts: Array | None = None) -> float:
    """The statistic of the samples themselves; of NaN, a number that knows the ``reason``."""
    found = float(of(weighed(np.ones((1, samples)), counts))[0])
    return Undefined(reason) if reason and np.isnan(found) else found


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


def statistic(row: Metric, fetched: Contributions) -> Statistic:
    """The figure of a metric under weights, of what each sample contributes to it."""
    totals = {name: total_of(value) for name, value in fetched.items()}

    def figure(w: Array) -> Array:
        if row.keep:
            sums: dict[str, Array] = {**fetched, "weights": w}  # type: ignore[dict-item]
        else:
            sums = {name: total(w) for name, total in totals.items()}
            sums.setdefault("count", w.sum(axis=1))
        return np.asarray(row.finish(sums, w.shape[1]))

    return figure


def total_of(value: Array | Numbered) -> Callable[[Array], Array]:
    """The weighted sums of a contribution: (resamples, samples) -> (resamples, ...)."""
    if isinstance(value, Numbered):
        return total_by(value.numbers, value.count)
    numbers = value.astype(np.float64)
    return lambda w: w @ numbers


def total_by(labels: Array, count: int) -> Callable[[Array], Array]:
    """The sums of weights over each of ``count`` labels; other labels count for none of them."""
    order = np.argsort(labels, kind="stable")
    order = order[(labels[order] >= 0) & (labels[order] < count)]
    there, starts = np.unique(labels[order], return_index=True)

    def totals(w: Array) -> Array:
        sums = np.zeros((len(w), count))
        if len(there):
            sums[:, there] = np.add.reduceat(w[:, order], starts, axis=1)
        return sums

    return totals
