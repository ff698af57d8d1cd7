"""Roles: what a column means, what is learnt of it in the training split, and how it is fed to a model.

A role is a description (what a spec says). `fitter()` collects samples of the training split and gives statistics,
plain data that JSON can hold; with them `encode` makes an array of any samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt

from .clocks import CLOCKS, clocks_of
from .dataset import Array, Cast, Feeding
from .errors import AmbiguousError, DataError, unknown
from .frame import Cells
from .marks import is_free
from .numerals import EXACT
from .running_stats import Moments

if TYPE_CHECKING:
    import polars as pl

Stats = dict[str, Any]
Floats = npt.NDArray[np.float64]
SCALES = ("standard", "minmax", "none")
FILLS = ("mean", "median")
REFUSE = "refuse"  # of a missing value: an error
ENCODINGS = ("one_hot", "index")
INT64 = Cast(np.dtype(np.int64))


class Fitter(Protocol):
    """Collects what the training split has in a column."""

    def add(self, cells: Cells) -> None:
        """Look at some more samples."""

    def stats(self) -> Stats:
        """What was learnt, as plain data."""


@dataclass(frozen=True, kw_only=True)
class Role:
    """What all roles share: `input` names the input of the model that the column goes to, or is None.

    Columns of numbers go to `x` together, any other column has an input of its own name.
    """

    name: ClassVar[str] = ""
    joins: ClassVar[bool] = True  # with other columns, side by side
    input: str | None = None

    def settled(self, cells: Cells) -> Self:
        """The same role with nothing left open about how the cells of a whole column are written.

        Raises AmbiguousError if they can be read in several ways.
        """
        return self

    def fitter(self) -> Fitter:
        """A collector of what this role has to know."""
        raise NotImplementedError

    def encode(self, cells: Cells, stats: Stats) -> Array:
        """An array with a row a sample; the recipe says of what type floats are, and truths as 0 and 1, when stored."""
        raise NotImplementedError

    def feeding(self, stats: Stats) -> Feeding | None:
        """How the stored array is fed; None if as it is."""
        return None

    def features(self, column: str, stats: Stats) -> list[str]:
        """The names of the encoded numbers of a sample."""
        return [column]

    def to_json(self) -> dict[str, Any]:
        """The description as plain data."""
        return {"role": self.name, **asdict(self)}


class _Nothing:
    def add(self, cells: Cells) -> None:
        pass

    def stats(self) -> Stats:
        return {}


@dataclass(frozen=True, kw_only=True)
class Ignore(Role):
    """A column that the model does not see."""

    name = "ignore"

    def fitter(self) -> Fitter:
        return _Nothing()


@dataclass(frozen=True, kw_only=True)
class Numeric(Role):
    """A quantity: clipped, then on a logarithmic scale, then scaled; what is missing is filled last.

    `log` is sign(v) * log(1 + |v|), which every number has. `scale` is "standard" (zero mean, unit variance),
    "minmax" (0 to 1) or "none". `missing` is "mean", "median" (of clipped values, on the scale), a number, or "refuse".
    Durations and times of day are seconds; of text, `clock` says what 12:30 is, "h:m" or "m:s". `unit` is what stands
    beside the digits of every cell, as in `12.7%`, `$5` and `5 kg`; "" for nothing, None if that is open.
    """

    name = "numeric"
    scale: str = "standard"
    log: bool = False
    clip: tuple[float, float] | None = None
    missing: str | float = "mean"
    clock: str | None = None
    unit: str | None = None

    def __post_init__(self) -> None:
        one_of("scale", self.scale, SCALES)
        if isinstance(self.missing, str):
            one_of("missing", self.missing, (*FILLS, REFUSE))
        if self.clock is not None:
            one_of("clock", self.clock, CLOCKS)
        if self.clip is not None and not self.clip[0] < self.clip[1]:
            raise DataError(f"clip: expected a lower and a higher bound, found {self.clip}")

    def fitter(self) -> Fitter:
        return Moments(lambda cells: self.squeezed(self.read(cells)), median=self.missing == "median")

    def settled(self, cells: Cells) -> Self:
        if self.unit is None and not self.clock:
            return replace(self, unit=cells.mark).settled(cells)
        clocks = () if self.clock or cells.known is not None else clocks_of(cells.values)
        if len(clocks) < 2:
            return replace(self, clock=clocks[0]) if clocks else self
        row = int((cells.values.str.count_matches(":") == 1).arg_max() or 0)
        readings = ("hours and minutes", "minutes and seconds")
        lines = tuple(f'{cells.key}: {{numeric: {{clock: "{clock}"}}}}' for clock in clocks)
        raise AmbiguousError(cells.place, cells.shown(row), readings, lines, ("columns", cells.name))

    @property
    def is_affine(self) -> bool:
        """Whether encoded numbers are the cells scaled and moved, and no more."""
        return self.clip is None and not self.log

    def read(self, cells: Cells) -> Floats:
        """The cells as numbers, NaN where one is missing."""
        return cells.seconds(self.clock) if self.clock else cells.numbers(self.unit)

    def takes(self, mark: str) -> bool:
        """Whether numbers that were parsed, with a mark beside their digits, are those of this column."""
        return self.unit is None or self.unit == mark or (not mark and is_free(self.unit))

    def squeezed(self, values: Floats) -> Floats:
        """Clipped, and on the logarithmic scale."""
        if self.clip is not None:
            values = np.clip(values, *self.clip)
        return np.sign(values) * np.log1p(np.abs(values)) if self.log else values

    def affine(self, stats: Stats) -> tuple[Floats, Floats]:
        """(scale, offset) such that encoded = (squeezed - offset) / scale."""
        offset, scale = np.zeros(np.shape(stats["mean"])), np.ones(np.shape(stats["mean"]))
        if self.scale == "standard":
            offset, scale = np.asarray(stats["mean"]), np.asarray(stats["deviation"])
        elif self.scale == "minmax":
            offset, scale = np.asarray(stats["low"]), np.subtract(stats["high"], stats["low"])
        return np.where(scale > 0, scale, 1.0), offset

    def encode(self, cells: Cells, stats: Stats) -> Array:
        scale, offset = self.affine(stats)
        with np.errstate(over="ignore", invalid="ignore"):  # what becomes infinite is refused below
            return self._scaled(cells, stats, scale, offset)

    def _scaled(self, cells: Cells, stats: Stats, scale: Floats, offset: Floats) -> Array:
        values = self.squeezed(self.read(cells))
        if self.missing == REFUSE:
            fill = np.asarray(np.nan)
            self.refuse_missing(cells, values)
        elif isinstance(self.missing, str):
            fill = np.asarray(stats[self.missing])
        else:
            fill = self.squeezed(np.asarray(float(self.missing)))
        encoded = (np.where(np.isnan(values), fill, values) - offset) / scale
        if not np.isfinite(encoded).all():
            beyond = not np.isinf(values).any() and "a number that is finite when it is scaled"
            raise cells.error(~np.isfinite(encoded), beyond or "a finite number")
        return encoded

    def refuse_missing(self, cells: Cells, values: Floats) -> None:
        """Raise DataError for the first sample without a value."""
        wrong = np.isnan(values)
        if wrong.any():
            fill = f", or fill its place with `columns: {{{cells.name}: {{numeric: {{missing: mean}}}}}}`"
            advice = "; a formula takes numbers as they stand: leave the row out"
            advice += "" if cells.is_new else fill  # which is decided in training
            raise cells.error(wrong, "a number", advice)

    def restore(self, output: Array, stats: Stats) -> Array:
        """Encoded numbers in their own units again."""
        scale, offset = self.affine(stats)
        values = output.astype(np.float64) * scale + offset
        return np.sign(values) * np.expm1(np.abs(values)) if self.log else values


@dataclass(frozen=True, kw_only=True)
class Categorical(Role):
    """One of several names. `encode` is "one_hot", or "index" for an embedding layer, which has its own input.

    Number 0 of an index is what training did not see, or was missing; in one-hot such a sample has no 1. `limit`
    keeps that many of the most frequent names. `strip` takes characters off both ends of every name. `whole`, of a
    target, says that names are whole numbers and are written so: 1.0 and 01 are 1.
    """

    name = "categorical"
    encoding: str = "one_hot"
    limit: int = 100
    strip: str | None = None
    whole: bool = False

    def __post_init__(self) -> None:
        one_of("encoding", self.encoding, ENCODINGS)

    @property
    def joins(self) -> bool:  # type: ignore[override]
        return self.encoding == "one_hot"

    def fitter(self) -> Fitter:
        return _Names(self.names, self.limit)

    def names(self, cells: Cells) -> pl.Series:
        """The cells as names, null where one is missing."""
        names = cells.texts()
        if self.strip:
            names = names.str.strip_chars(self.strip + " ")
        return _as_integers(names) if self.whole else names

    def numbers(self, cells: Cells, stats: Stats) -> npt.NDArray[np.int64]:
        """The numbers of the names, -1 for those that are missing or unknown."""
        import polars as pl

        known = stats["categories"]
        numbers = self.names(cells).replace_strict(known, range(len(known)), default=-1, return_dtype=pl.Int64)
        found: npt.NDArray[np.int64] = numbers.fill_null(-1).to_numpy()
        return found

    def encode(self, cells: Cells, stats: Stats) -> Array:
        numbers = self.numbers(cells, stats)
        if self.encoding == "index":
            return (numbers + 1).astype(np.min_scalar_type(len(stats["categories"])))
        hot = np.arange(len(stats["categories"]))
        one_hot: Array = numbers[:, None] == hot
        return one_hot

    def feeding(self, stats: Stats) -> Feeding | None:
        return INT64 if self.encoding == "index" else None

    def features(self, column: str, stats: Stats) -> list[str]:
        return [column] if self.encoding == "index" else [f"{column}={name}" for name in stats["categories"]]


class _Names:
    """Counts names; the known ones are the most frequent, in alphabetical (or numerical) order."""

    def __init__(self, names: Callable[[Cells], pl.Series], limit: int) -> None:
        self.names, self.limit = names, limit
        self.counts: Counter[str] = Counter()

    def add(self, cells: Cells) -> None:
        found = self.names(cells).drop_nulls().rename("name").value_counts()
        self.counts.update(dict(zip(found.to_series(0).to_list(), found.to_series(1).to_list(), strict=True)))

    def stats(self) -> Stats:
        known = sorted(self.counts, key=lambda name: (-self.counts[name], name))[: self.limit]
        return {"categories": sorted(known, key=_natural)}


def _as_integers(names: pl.Series) -> pl.Series:
    """Names that are whole numbers, without a point and zeros; others as they are."""
    import polars as pl

    numbers = names.cast(pl.Float64, strict=False)
    small = numbers.abs() < EXACT
    is_whole = (small & (numbers % 1 == 0)).fill_null(False)
    plain = pl.when(is_whole).then(numbers.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(names)
    return pl.select(plain.alias(names.name)).to_series()


def _natural(name: str) -> tuple[bool, float, str]:
    try:
        return False, float(name), name
    except ValueError:
        return True, 0.0, name


def one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    """Raise DataError for a value that an option cannot have."""
    if value not in known:
        raise unknown(option, value, known)
