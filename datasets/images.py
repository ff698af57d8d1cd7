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
        return values

    def feeding(self, stats: Stats) -> Feeding | None:
        divide = self.divide or (255.0 if stats["bytes"] else 1.0)
        if not self.normalise:
            return Scaling.by(divide, np.float64)
        return Scaling(np.asarray(stats["deviation"] or 1.0, np.float64), np.asarray(stats["mean"], np.float64))


class _Pixels:
    """Mean and deviation of all pixels, if wanted, and whether they are bytes."""

    def __init__(self, wanted: bool) -> None:
        self.moments = Moments(lambda cells: cells.numbers().reshape(-1)) if wanted else None
        self.bytes = False

    def add(self, cells: Cells) -> None:
        self.bytes = isinstance(cells.values, np.ndarray) and cells.values.dtype == np.uint8
        if self.moments is not None:
            self.moments.add(cells)

    def stats(self) -> Stats:
        return {"bytes": self.bytes, **(self.moments.stats() if self.moments else {})}
