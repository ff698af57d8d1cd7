"""Arrays of pictures: bytes in memory, scaled when they are fed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .augment import Augment
from .dataset import Array, Feeding, Scaling
from .errors import DataError
from .frame import Cells
from .roles import Fitter, Role, Stats
from .running_stats import Moments


@dataclass(frozen=True, kw_only=True)
class Image(Role):
    """Pictures of shape (height, width) or (height, width, channels), stored as they are.

    Fed divided by `divide` (255 for bytes, if not given), or with `normalise` with zero mean and unit variance, as
    the training split says. `flip`, `shift`, `rotate` and `noise` change them while training (see Augment).
    """

    name = "image"
    joins = False
    divide: float | None = None
    normalise: bool = False
    flip: bool = False
    shift: float = 0.0
    rotate: float = 0.0
    noise: float = 0.0

    @property
    def augment(self) -> Augment | None:
        """How images change while training."""
        wanted = Augment(self.flip, self.shift, self.rotate, self.noise)
        return None if wanted == Augment() else wanted

    def fitter(self) -> Fitter:
        return _Pixels(self.normalise)

    def encode(self, cells: Cells, stats: Stats) -> Array:
        values = cells.values
        if not isinstance(values, np.ndarray) or values.ndim not in (3, 4) or values.dtype.kind not in "uif":
            shape = values.shape if isinstance(values, np.ndarray) else "a column of single values"
            expected = "an array of shape (samples, height, width) or (samples, height, width, channels)"
            raise DataError(f'{cells.file}: column "{cells.name}": expected {expected}, found {shape}')
        known = tuple(stats["shape"])
        if known and (values.ndim - 1 != len(known) or values.shape[3:] != known[2:]):
            found = f"found {values.shape[1:]}"
            raise DataError(f'{cells.file}: column "{cells.name}": expected pictures of shape {known}, {found}')
        self._check_range(cells, values, stats)
        return values

    def _check_range(self, cells: Cells, values: Array, stats: Stats) -> None:
        """Raise DataError for pixels of 0 to 1 where training saw bytes, or the other way round."""
        seen = float(stats["high"])
        if (seen > 1) != (values.dtype.kind == "f"):
            return  # bytes where there were bytes, floats where there were fractions
        most, least = (float(values.max()), float(values.min())) if values.size else (0.0, 0.0)
        place = f'{cells.file}: column "{cells.name}"'
        if seen > 1 and values.dtype.kind == "f" and 0 < most <= 1 and least >= 0:
            raise DataError(
                f"{place}: expected pixels of 0 to {seen:g} as in training, found 0 to {most:g}; they are "
                f"divided by {self._divisor(stats):g} when they are fed"
            )
        if 0 < seen <= 1 and values.dtype.kind in "ui" and most > 1:
            raise DataError(
                f"{place}: expected pixels of 0 to 1 as in training, found {values.dtype} of 0 to {most:g}; divide them"
            )

    def _divisor(self, stats: Stats) -> float:
        return self.divide or (255.0 if stats["bytes"] else 1.0)

    def feeding(self, stats: Stats) -> Feeding | None:
        if not self.normalise:
            return Scaling.by(self._divisor(stats), np.float64)
        return Scaling(np.asarray(stats["deviation"] or 1.0, np.float64), np.asarray(stats["mean"], np.float64))


class _Pixels:
    """Mean and deviation of all pixels, if wanted; whether they are bytes, the largest, and the shape of a picture."""

    def __init__(self, wanted: bool) -> None:
        self.moments = Moments(lambda cells: cells.numbers().reshape(-1)) if wanted else None
        self.bytes = False
        self.high = 0.0
        self.shape: tuple[int, ...] = ()

    def add(self, cells: Cells) -> None:
        if isinstance(cells.values, np.ndarray) and cells.values.size and cells.values.dtype.kind in "uif":
            self.high, self.shape = max(self.high, float(cells.values.max())), cells.values.shape[1:]
        self.bytes = isinstance(cells.values, np.ndarray) and cells.values.dtype == np.uint8
        if self.moments is not None:
            self.moments.add(cells)

    def stats(self) -> Stats:
        seen = {"bytes": self.bytes, "high": self.high, "shape": list(self.shape)}
        return {**seen, **(self.moments.stats() if self.moments else {})}
