"""What a data set is in memory: splits of columns, stored compactly and scaled when they are fed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .augment import Augment
from .errors import DataError, unknown

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.floating[Any]]
# Columns that are known of a sample whose target is: it, its standard deviation, and how much the sample counts.
TARGET, SIGMA, WEIGHTS = KNOWN = ("y", "sigma", "weights")
HELD_OUT = ("test", "validation")  # splits that a model is judged by, the first that there is
Rows = slice | npt.NDArray[np.integer[Any]]


class Feeding(Protocol):
    """How what is stored becomes what is fed."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype that is fed."""

    def apply(self, stored: Array, out: Array) -> Array:
        """Fill `out` with what is fed for `stored`, and return it."""


@dataclass(frozen=True)
class Cast:
    """fed = stored, as another type: token numbers of one byte, say, fed as int64."""

    dtype: np.dtype[Any]

    def apply(self, stored: Array, out: Array) -> Array:
        """Fill `out` (of this dtype, the shape of `stored`), and return it."""
        np.copyto(out, stored, casting="unsafe")
        return out


@dataclass(frozen=True, eq=False)
class Scaling:
    """fed = (stored - offset) / scale in the type of `scale`; both are numbers, or arrays of a sample's shape."""

    scale: Floats
    offset: Floats | None = None

    @classmethod
    def by(cls, divisor: float, dtype: Any = np.float32) -> Scaling:
        """Divide by one number, as in 255 for bytes."""
        return cls(np.asarray(divisor, dtype))

    @classmethod
    def standard(cls, stored: Array, dtype: Any = np.float32) -> Scaling:
        """Zero mean and unit variance a feature, as seen in `stored`; a constant feature becomes 0."""
        deviation = stored.std(axis=0, dtype=np.float64)
        offset = stored.mean(axis=0, dtype=np.float64)
        return cls(np.where(deviation > 0, deviation, 1.0).astype(dtype), offset.astype(dtype))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype that is fed: float32 or float64."""
        return self.scale.dtype

    @property
    def divisor(self) -> np.float32 | None:
        """The one number by which all is divided, if that is all, of what is fed as float32."""
        is_all = self.offset is None and not self.scale.ndim and self.dtype == np.float32
        return np.float32(self.scale) if is_all else None

    def cast(self, dtype: Any) -> Scaling:
        """The same in floats of another type."""
        return Scaling(self.scale.astype(dtype), None if self.offset is None else self.offset.astype(dtype))

    def apply(self, stored: Array, out: Floats) -> Floats:
        """Fill `out` (of this dtype, the shape of `stored`) with the scaled values, and return it."""
        if self.offset is not None:
            stored = np.subtract(stored, self.offset, out=out)
        return np.divide(stored, self.scale, out=out)


@dataclass(frozen=True, eq=False)
class Column:
    """One input of a model, a row a sample. Images stay bytes in memory; a batch is scaled as it is gathered.

    `stored` becomes a read-only, contiguous view (a copy only if it was not contiguous). `augment` changes images
    at random in batches for training, and nowhere else.
    """

    stored: Array
    scaling: Feeding | None = None
    augment: Augment | None = None

    def __post_init__(self) -> None:
        if not self.stored.ndim:
            raise DataError("a column needs a row a sample, found a single number")
        if self.augment is not None:
            self.augment.check(self.stored.shape[1:], self.dtype)
        stored = np.ascontiguousarray(self.stored).view()  # np.take would copy a strided array at every batch
        stored.flags.writeable = False
        object.__setattr__(self, "stored", stored)

    def __len__(self) -> int:
        return len(self.stored)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self.stored.shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype that is fed."""
        return self.stored.dtype if self.scaling is None else self.scaling.dtype

    def cast(self, dtype: Any) -> Column:
        """The same column, fed as floats of this type; whole numbers stay what they are."""
        if isinstance(self.scaling, Scaling):
            return self if self.dtype == dtype else replace(self, scaling=self.scaling.cast(dtype))
        is_other = self.scaling is None and self.stored.dtype.kind == "f" and self.stored.dtype != dtype
        return replace(self, stored=self.stored.astype(dtype)) if is_other else self

    @cached_property
    def values(self) -> Array:
        """All rows as they are fed, read-only, kept once made (188 MB for MNIST's training images)."""
        if self.scaling is None:
            return self.stored
        values = self.scaling.apply(self.stored, np.empty(self.stored.shape, self.dtype))
        values.flags.writeable = False
        return values


@dataclass(frozen=True, eq=False)
class Split:
    """Samples: named columns of one length. `split["x"]`, or `split.x`, holds the values that a model is fed.

    The columns of a split on disk are memory maps; `release` gives back the memory that reading them took.
    """

    columns: Mapping[str, Column]
    release: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        lengths = {name: len(column) for name, column in self.columns.items()}
        if len(set(lengths.values())) != 1:
            found = ", ".join(f"{name} has {length:,}" for name, length in lengths.items()) or "no column"
            raise DataError(f"a split needs columns of one length, found {found}")

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, name: str) -> Array:
        if name not in self.columns:
            raise unknown("column", name, self.columns)
        return self.columns[name].values

    @property
    def weight_unit(self) -> float:
        """The weight, as the data has it, that is fed as 1: the mean weight, or 1 of samples without weights."""
        column = self.columns.get(WEIGHTS)
        scaling = column.scaling if column is not None else None
        return float(scaling.scale) if isinstance(scaling, Scaling) else 1.0

    @property
    def x(self) -> Array:
        """The column of inputs."""
        return self["x"]

    @property
    def y(self) -> Array:
        """The column of targets."""
        return self["y"]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of all columns but the target's and its deviation's, in the order in which a model takes them."""
        return tuple(name for name in self.columns if name not in KNOWN)

    def select(self, rows: Rows) -> Split:
        """The split of these rows: of a slice without a copy, of row numbers in their order."""
        return Split({name: replace(column, stored=column.stored[rows]) for name, column in self.columns.items()})

    def cast(self, dtype: Any) -> Split:
        """The split with its floats of this type."""
        columns = {name: column.cast(dtype) for name, column in self.columns.items()}
        is_same = all(column is self.columns[name] for name, column in columns.items())
        return self if is_same else replace(self, columns=columns)

    def augmented(self, augment: Augment | None, name: str = "x") -> Split:
        """The same split, whose column of images is changed at random in batches for training."""
        changed = replace(self.columns[name], augment=augment)
        return replace(self, columns={**self.columns, name: changed})


@dataclass(frozen=True)
class Info:
    """What is known of a data set before it is read; `classes` and `features` are empty where there are none."""

    name: str
    description: str
    source: str
    licence: str
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()


class Fitted(Protocol):
    """What was learnt of the training split: it encodes new samples, and reads a model's output in its own words."""

    def to_json(self) -> dict[str, Any]:
        """Plain data, from which `datasets.fitted` makes an equal one."""

    def restore(self, output: Array) -> Array:
        """A model's output in units of the target: numbers unscaled, scores as names of classes."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset(Info):
    """A data set: its info and its splits, `train` and, unless all samples are for training, `validation` and `test`.

    Data read from a file has `fitted`, `warnings` (sentences on what is strange about it), and `settled`: the
    description that it was read by, with nothing left open.
    """

    splits: Mapping[str, Split]
    fitted: Fitted | None = None
    warnings: tuple[str, ...] = ()
    settled: Any = None
    lost: tuple[str, ...] = ()  # of the warnings, those on rows without a target

    def __getitem__(self, name: str) -> Split:
        if name in HELD_OUT and name not in self.splits:
            raise DataError(f"{self.name}: there is no {name} data, only {', '.join(self.splits)}")
        if name not in self.splits:
            raise unknown(f"split of {self.name}", name, self.splits)
        return self.splits[name]

    def cast(self, dtype: Any) -> Dataset:
        """The data set with its floats of this type, float32 or float64; whole numbers stay what they are."""
        splits = {name: split.cast(dtype) for name, split in self.splits.items()}
        is_same = all(split is self.splits[name] for name, split in splits.items())
        return self if is_same else replace(self, splits=splits)

    @property
    def train(self) -> Split:
        """The split to learn from."""
        return self["train"]

    @property
    def validation(self) -> Split:
        """The split by which a training chooses: the best weights, and when to end."""
        return self["validation"]

    @property
    def test(self) -> Split:
        """The split to be judged by."""
        return self["test"]

    @property
    def has_validation(self) -> bool:
        """Whether some samples are held out for validation."""
        return "validation" in self.splits

    @property
    def has_test(self) -> bool:
        """Whether some samples are held out for testing."""
        return "test" in self.splits

    @property
    def judged(self) -> str:
        """The split by which a model is judged if nothing else is said: `test`, else `validation`, else `train`."""
        return next((name for name in HELD_OUT if name in self.splits), "train")
