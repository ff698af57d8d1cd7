"""What a run has to know of arrays that a program gave: types, shapes, scalings and names, without the samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .dataset import TARGET, Array, Cast, Column, Dataset, Feeding, Scaling, Split
from .errors import DataError


@dataclass(frozen=True, eq=False)
class Layout:
    """The columns of a data set, each with one sample of zeros, and the names of features and classes."""

    columns: Mapping[str, Column]
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()

    @classmethod
    def of(cls, data: Dataset) -> Layout:
        """That of a data set. Raises DataError for a column that is fed in a way which cannot be written down."""
        columns = {}
        for name, column in data.train.columns.items():
            if not isinstance(column.scaling, Scaling | Cast | None):
                found = type(column.scaling).__name__
                raise DataError(f'{data.name}: column "{name}": expected Scaling, Cast or None, found {found}')
            columns[name] = Column(np.zeros((1, *column.shape), column.stored.dtype), column.scaling)
        return cls(columns, data.classes, data.features)

    def dataset(self, name: str) -> Dataset:
        """A data set of these columns."""
        split = Split(self.columns)
        return Dataset(
            name=name, description="", source="", licence="", classes=self.classes, features=self.features,
            splits={"train": split, "test": split}, fitted=self,
        )  # fmt: skip

    def restore(self, output: Array) -> Array:
        """A model's output in units of the target: numbers unscaled, scores as names of classes."""
        if self.classes:
            return likeliest(output, self.classes)
        target = self.columns.get(TARGET)
        return output if target is None else unscaled(target, output)

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON holds; `Layout.from_json` reads it."""
        columns = {
            name: {"dtype": c.stored.dtype.name, "shape": list(c.shape), "fed": _plain(c.scaling)}
            for name, c in self.columns.items()
        }
        return {"kind": "arrays", "columns": columns, "classes": list(self.classes), "features": list(self.features)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Layout:
        """The layout that `to_json` wrote. Raises DataError for anything else."""
        try:
            columns = {
                str(name): Column(np.zeros((1, *map(int, c["shape"])), np.dtype(c["dtype"])), _feeding(c["fed"]))
                for name, c in plain["columns"].items()
            }
            return cls(columns, tuple(map(str, plain["classes"])), tuple(map(str, plain["features"])))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise DataError("expected the columns of arrays as they were saved, found something else") from None


def likeliest(output: Array, classes: tuple[str, ...]) -> Array:
    """The names of the likeliest classes of scores (n, classes), or of one score a sample, above 0 for the second."""
    flat = output.reshape(len(output), -1)
    best = (flat[:, 0] > 0).astype(int) if flat.shape[1] == 1 else flat.argmax(axis=1)
    named: Array = np.array(classes)[best]
    return named


def unscaled(column: Column, values: Array) -> Array:
    """Values as they are fed, in the units in which the column stores them; a row a sample."""
    if not isinstance(column.scaling, Scaling):
        return values
    scaling = column.scaling
    offset = 0.0 if scaling.offset is None else scaling.offset.astype(np.float64)
    shape = (len(values), *column.shape)
    fits = values.size == int(np.prod(shape))
    units: Array = (values.reshape(shape) if fits else values) * scaling.scale.astype(np.float64) + offset
    return units.reshape(values.shape)


def _plain(scaling: Feeding | None) -> dict[str, Any] | None:
    if scaling is None:
        return None
    if isinstance(scaling, Scaling):
        offset = None if scaling.offset is None else scaling.offset.tolist()
        return {"dtype": scaling.dtype.name, "scale": scaling.scale.tolist(), "offset": offset}
    return {"dtype": scaling.dtype.name}


def _feeding(plain: Mapping[str, Any] | None) -> Feeding | None:
    if plain is None:
        return None
    dtype = np.dtype(plain["dtype"])
    if "scale" not in plain:
        return Cast(dtype)
    offset = plain["offset"]
    return Scaling(np.asarray(plain["scale"], dtype), None if offset is None else np.asarray(offset, dtype))
