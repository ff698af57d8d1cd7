"""Mean, deviation, extremes and median of a column that comes in pieces, exact whatever the pieces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import DataError
from .frame import Cells

LARGEST = 1e150  # the squares of larger values are infinite
_MAX_KEPT = 1 << 25  # values that are kept to find a median


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
        for beyond, expected in (
            (np.isinf(values), "a finite number"),
            (np.abs(values) > LARGEST, "a number to 1e150"),
        ):
            if beyond.any():
                advice = "; name it in `missing`, or give the column a `clip`"
                raise cells.error(beyond, expected, advice)
        known = ~np.isnan(values)
        count, filled = known.sum(axis=0), np.where(known, values, 0.0)
        mean = filled.sum(axis=0) / np.maximum(count, 1)
        squares = (np.where(known, values - mean, 0.0) ** 2).sum(axis=0)
        total, apart = self.count + count, mean - self.mean
        self.mean = self.mean + apart * count / np.maximum(total, 1)
        self.squares = self.squares + squares + apart**2 * self.count * count / np.maximum(total, 1)
        self.count = total
        self.low = np.minimum(self.low, np.where(known, values, np.inf).min(axis=0, initial=np.inf))
        self.high = np.maximum(self.high, np.where(known, values, -np.inf).max(axis=0, initial=-np.inf))
        if self.median:
            self._keep(values, cells)

    def stats(self) -> dict[str, Any]:
        """`mean`, `deviation`, `low`, `high` (and `median`): numbers, or nested lists for arrays."""
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
