"""Arrays of pictures: bytes in memory, scaled when they are fed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .augment import Augment
from .dataset import Array, Feeding, Scaling
from .errors import DataError
from .frame import Cells
from .roles import Fitter, Role, Stats, one_of
from .running_stats import Moments

PLACES = ("first", "last")  # of channels
COUNTS = (1, 3, 4)  # of channels, as pictures have them
BYTE = 255  # the largest
GRAYS = 16  # pixels of at least so many values are never 0 and 1 alone
TWICE, MANY_TIMES = 2, 10  # the largest pixel of training: farther than that are other units


@dataclass(frozen=True, kw_only=True)
class Image(Role):
    """Pictures of shape (height, width) or (height, width, channels), stored as they are.

    `channels` says where these stand in the array, "first" or "last"; they are fed last. Fed divided by `divide` (255
    for bytes, if not given), or with `normalise` with zero mean and unit variance, as the training split says. `flip`,
    `shift`, `rotate` and `noise` change them while training (see Augment).
    """

    name = "image"
    joins = False
    divide: float | None = None
    channels: str | None = None
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

    def __post_init__(self) -> None:
        if self.channels is not None:
            one_of("channels", self.channels, PLACES)

    def fitter(self) -> Fitter:
        return _Pixels(self)

    def pictures(self, cells: Cells, shape: tuple[int, ...] = ()) -> Array:
        """The array, its channels last. Raises DataError for what are no pictures, or none of a shape, if it is known.

        Channels that seem to stand first are refused, unless `channels` says where they stand.
        """
        values = cells.values
        if isinstance(values, np.ndarray) and values.ndim in (3, 4) and values.dtype.kind not in "uif":
            raise DataError(f'{cells.file}: column "{cells.name}": expected pixels as numbers, found {values.dtype}')
        if not isinstance(values, np.ndarray) or values.ndim not in (3, 4):
            found = values.shape if isinstance(values, np.ndarray) else "a column of single values"
            expected = "an array of shape (samples, height, width) or (samples, height, width, channels)"
            raise DataError(f'{cells.file}: column "{cells.name}": expected {expected}, found {found}')
        if self.channels == "first" and values.ndim == 4:
            values = np.moveaxis(values, 1, -1)
        fits = not shape or (values.ndim - 1 == len(shape) and values.shape[3:] == shape[2:])
        seems_first = self.channels is None and channels_first(values.shape[1:])
        if fits and not (seems_first and not shape):
            return values
        place, given = f'{cells.file}: column "{cells.name}"', cells.values.shape[1:]
        if seems_first and not shape:
            option = f"columns: {{{cells.name}: {{image: {{channels: first}}}}}}"
            advice = f"write `{option}`, or `channels: last` if {given[0]} is the height"
            expected = "pictures of shape (height, width, channels)"
            raise DataError(
                f"{place}: expected {expected}, found {given}, which has its channels first; {advice}",
                ("columns", cells.name),
            )
        known = (shape[2], *shape[:2]) if self.channels == "first" and len(shape) == 3 else shape
        raise DataError(f"{place}: expected pictures of shape {known}, found {given}{other_way(given, known)}")

    def encode(self, cells: Cells, stats: Stats) -> Array:
        values = self.pictures(cells, tuple(stats["shape"]))
        wrong: npt.NDArray[np.bool_] = ~np.isfinite(cells.values)
        if wrong.any():
            raise cells.error(wrong, "finite pixels")
        if problem := _units(values, stats, self._divisor(stats)):
            raise DataError(f'{cells.file}: column "{cells.name}": {problem}')
        return values

    def _divisor(self, stats: Stats) -> float:
        return self.divide or (255.0 if stats["bytes"] else 1.0)

    def feeding(self, stats: Stats) -> Feeding | None:
        if not self.normalise:
            return Scaling.by(self._divisor(stats), np.float64)
        return Scaling(np.asarray(stats["deviation"] or 1.0, np.float64), np.asarray(stats["mean"], np.float64))


def channels_first(shape: tuple[int, ...]) -> bool:
    """Whether samples seem to be of (channels, height, width)."""
    return len(shape) == 3 and shape[0] in COUNTS and shape[-1] not in COUNTS


def other_way(found: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """What to write where the axes of pictures stand in another order."""
    if len(found) == len(expected) + 1 and found[-1] == 1:
        return "; `x[..., 0]` takes the last axis off"
    if len(found) + 1 == len(expected) and expected[-1] == 1:
        return "; `x[..., None]` adds the last axis"
    if len(found) == len(expected) == 3:
        if found[0] == expected[-1] and found[0] in COUNTS:
            return "; `x.transpose(0, 2, 3, 1)` puts the channels last"
        if found[-1] == expected[0] and found[-1] in COUNTS:
            return "; `x.transpose(0, 3, 1, 2)` puts the channels first"
    return ""


def _units(values: Array, stats: Stats, divisor: float) -> str:
    """What is wrong with pixels that are in other units than those of training; or nothing."""
    seen_low, seen = float(stats.get("low", 0.0)), float(stats["high"])
    if not values.size or seen <= 0:
        return ""
    low, high = float(values.min()), float(values.max())
    said = f"expected pixels of {min(0.0, seen_low):g} to {seen:g} as in training, found {low:g} to {high:g}"
    is_float, size = values.dtype.kind == "f", max(-low, high)
    if seen > 1:
        fed = f"; they are divided by {divisor:g} when they are fed" if divisor != 1 else ""
        if 0 < size <= 1 and (is_float or seen >= GRAYS):
            return f"{said}{fed or f'; multiply them by {seen:g}'}"
        most = min(BYTE if stats["bytes"] else np.inf, MANY_TIMES * seen)
        return said if high > most or _goes_below(low, seen_low, seen) else ""
    beyond = high > 1 if not is_float else high > TWICE
    if beyond:
        return f"{said}; divide them" + (f" by {BYTE if high <= BYTE else 65535}" if high > 16 else "")
    return said if _goes_below(low, seen_low, seen) else ""


def _goes_below(low: float, seen_low: float, seen: float) -> bool:
    """Whether pixels are negative, by more than what resampling makes of dark ones, where training had none so."""
    return seen_low >= 0 and low < -seen / 2


class _Pixels:
    """Mean and deviation of all pixels, if wanted; their extremes, whether they are bytes, the shape of a picture."""

    def __init__(self, role: Image) -> None:
        self.role = role
        self.moments = Moments(lambda cells: cells.numbers().reshape(-1)) if role.normalise else None
        self.bytes = False
        self.low, self.high = 0.0, 0.0
        self.shape: tuple[int, ...] = ()

    def add(self, cells: Cells) -> None:
        values = self.role.pictures(cells)
        if values.size:
            self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
            self.shape = values.shape[1:]
        self.bytes = values.dtype == np.uint8
        if self.moments is not None:
            self.moments.add(cells)

    def stats(self) -> Stats:
        seen = {"bytes": self.bytes, "low": self.low, "high": self.high, "shape": list(self.shape)}
        return {**seen, **(self.moments.stats() if self.moments else {})}
