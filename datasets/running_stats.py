"""Mean, deviation, extremes and median of a column that comes in pieces, exact whatever the pieces."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .columns import Columns
from .errors import DataError
from .frame import Cells

LARGEST = 1e150  # the squares of larger values are infinite
_MAX_KEPT = 1 << 25  # values that are kept to find a median


class Piece(NamedTuple):
    """Statistics of some rows: numbers, or arrays with the shape of a sample."""

    count: Any
    mean: Any
    squares: Any
    low: Any
    high: Any


def pieces(columns: Columns, names: Iterable[str]) -> Iterator[Piece | None]:
    """The statistics of columns of numbers, bit for bit those that `Moments.add` finds; None where it may raise."""
    for places, values in columns.blocks([columns.places[name] for name in names]):
        low, high = columns.see(places, values)
        if np.isnan(low).any():
            found = _with_gaps(values)
        else:
            count = values.shape[1]
            with np.errstate(over="ignore", invalid="ignore"):  # which is not passed on
                mean = values.sum(axis=1) / count
                apart = values - mean[:, None]
                squares = np.square(apart, out=apart).sum(axis=1)
            found = (np.full(len(values), count), mean, squares, low, high)
        for count, mean, squares, low, high in zip(*(each.tolist() for each in found), strict=True):
            is_within = not count or (low >= -LARGEST and high <= LARGEST)
            yield Piece(count, mean, squares, low, high) if is_within else None


def _with_gaps(values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[Any], ...]:
    """The same of values (k, n) of which some are missing."""
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.where(known, values, 0.0).sum(axis=1) / np.maximum(count, 1)
        squares = (np.where(known, values - mean[:, None], 0.0) ** 2).sum(axis=1)
    low = np.where(known, values, np.inf).min(axis=1, initial=np.inf)
    return count, mean, squares, low, np.where(known, values, -np.inf).max(axis=1, initial=-np.inf)


class Moments:
    """Statistics a feature over all rows, missing (NaN) values left out.

    Pieces are merged by the formulas of Chan, Golub and LeVeque (1979), which lose no digits to large means.
    """

    def __init__(self, read: Callable[[Cells], npt.NDArray[np.float64]], *, median: bool = False) -> None:
        self.read, self.median = read, median
        self.kept: list[npt.NDArray[np.float64]] = []
        self.count: Any = 0
        self.mean: Any = 0.0
        self.squares: Any = 0.0
        self.low: Any = np.inf
        self.high: Any = -np.inf

    def add(self, cells: Cells) -> None:
        """Take in some more rows. Raises DataError for an infinite value, or one whose square would be."""
        values = self.read(cells)
        self._check(cells, values)
        known = ~np.isnan(values)
        count, filled = known.sum(axis=0), np.where(known, values, 0.0)
        mean = filled.sum(axis=0) / np.maximum(count, 1)
        squares = (np.where(known, values - mean, 0.0) ** 2).sum(axis=0)
        low = np.where(known, values, np.inf).min(axis=0, initial=np.inf)
        high = np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)
        self.merge(Piece(count, mean, squares, low, high))
        if self.median:
            self._keep(values, cells)

    def merge(self, piece: Piece) -> None:
        """Take in the statistics of some more rows."""
        total, apart = self.count + piece.count, piece.mean - self.mean
        is_single = isinstance(total, int)
        at_least = max(total, 1) if is_single else np.maximum(total, 1)
        self.mean = self.mean + apart * piece.count / at_least
        self.squares = self.squares + piece.squares + apart**2 * self.count * piece.count / at_least
        self.count = total
        self.low, self.high = (
            (min(self.low, piece.low), max(self.high, piece.high))
            if is_single
            else (np.minimum(self.low, piece.low), np.maximum(self.high, piece.high))
        )

    def _check(self, cells: Cells, values: npt.NDArray[np.float64]) -> None:
        for beyond, expected in (
            (np.isinf(values), "a finite number"),
            (np.abs(values) > LARGEST, "a number to 1e150"),
        ):
            if beyond.any():
                advice = "; name it in `missing`, or give the column a `clip`"
                raise cells.error(beyond, expected, advice)

    def stats(self) -> dict[str, Any]:
        """`mean`, `deviation`, `low`, `high` (and `median`): numbers, or nested lists for arrays."""
        if isinstance(self.count, int) and not self.median:
            deviation = math.sqrt(self.squares / max(self.count, 1))
            low, high = (self.low, self.high) if self.count else (0.0, 0.0)
            return {"mean": float(self.mean), "deviation": deviation, "low": float(low), "high": float(high)}
        seen = np.asarray(self.count) > 0
        found = {
            "mean": self.mean,
            "deviation": np.sqrt(self.squares / np.maximum(self.count, 1)),
            "low": np.where(seen, self.low, 0.0),
            "high": np.where(seen, self.high, 0.0),
        }
        if self.median:
            values = np.concatenate([*self.kept])
            found["median"] = np.nanmedian(np.where(seen, values, 0.0), axis=0)
        return {name: np.asarray(value).tolist() for name, value in found.items()}

    def _keep(self, values: npt.NDArray[np.float64], cells: Cells) -> None:
        self.kept.append(values)
        if sum(part.size for part in self.kept) > _MAX_KEPT:
            advice = "`missing: mean` has no such bound"
            raise DataError(
                f'{cells.file}: column "{cells.name}": a median is of at most {_MAX_KEPT:,} values; {advice}'
            )
