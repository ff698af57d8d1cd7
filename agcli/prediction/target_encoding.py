"""The data's own terms: what columns, classes and units are called, and the way from them to a model and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from agcli.data.section import load_data
from agcli.datasets import Categorical, Column, DataError, Dataset, Recipe, Split, fitted
from agcli.datasets.dataset import KNOWN, SIGMA, TARGET, WEIGHTS, Cast
from agcli.datasets.frame import Frame
from agcli.engine.types import Array
from agcli.runs import Run

MANY = 64  # columns of a frame made from arrays; wider ones stay one array


class Terms(Protocol):
    """What a trained model needs to know of its data."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the target's classes; none for numbers."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of the columns that are predicted."""

    def split(self, frame: Frame, *, target: bool = False) -> Split:
        """Samples as they are fed, with their target if wanted."""

    def restore(self, values: Array) -> Array:
        """Encoded targets (n, targets) in their own units."""

    def deviations(self, frame: Frame) -> Array | None:
        """The standard deviations of the encoded target, (n,), if samples bring such."""

    def skeleton(self, split: Split) -> Dataset:
        """A data set of the same columns as the one that was trained on, to build the model by."""


class TableTerms:
    """Those of a table: its recipe."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    @property
    def classes(self) -> tuple[str, ...]:
        return self.recipe.classes

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(part.column for part in self.recipe.target)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns that the model reads."""
        return tuple(part.column for part in self.recipe.inputs)

    def split(self, frame: Frame, *, target: bool = False) -> Split:
        return Split(self.recipe.columns(self.recipe.encode(frame, target=target)))

    def restore(self, values: Array) -> Array:
        return self.recipe.restore(values)

    def deviations(self, frame: Frame) -> Array | None:
        return self.recipe.deviations(frame) if self.recipe.sigma in frame.columns else None

    def skeleton(self, split: Split) -> Dataset:
        columns = {name: column for name, column in split.columns.items() if name not in KNOWN}
        first = {name: Column(c.stored[:1], c.scaling) for name, c in columns.items()}
        return _skeleton(first | self._target(), self.recipe)

    def _target(self) -> dict[str, Column]:
        shape = (1, *self.recipe.target_shape)
        if self.recipe.is_class:
            return {"y": Column(np.zeros(shape, np.uint8), Cast(np.dtype(np.int64)))}
        known = {TARGET: Column(np.zeros(shape, self.recipe.dtype))} if self.targets else {}
        return known | {
            name: Column(np.ones(1, self.recipe.dtype))
            for name, column in ((SIGMA, self.recipe.sigma), (WEIGHTS, self.recipe.weights))
            if column
        }

    def unseen(self, frame: Frame) -> Iterator[tuple[str, Array]]:
        """For each column of categories, the numbers of the rows whose name training did not see."""
        for part in self.recipe.inputs:
            if isinstance(part.role, Categorical) and part.column in frame.columns:
                cells = frame[part.column]
                wrong = (part.role.numbers(cells, part.stats) < 0) & ~cells.missing()
                if wrong.any():
                    yield part.column, np.flatnonzero(wrong)


class SetTerms:
    """Those of a named set, or of a text: samples are arrays as the set stores them."""

    def __init__(self, data: Dataset) -> None:
        self.data = data

    @property
    def classes(self) -> tuple[str, ...]:
        return self.data.classes

    @cached_property
    def targets(self) -> tuple[str, ...]:
        column = self.data.train.columns.get("y")
        count = int(np.prod(column.shape)) if column is not None else 0
        return ("target",) if count == 1 else tuple(f"target_{i}" for i in range(count))

    @property
    def stored(self) -> Column:
        return self.data.train.columns["x"]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the numbers of a sample, if they have names."""
        return self.data.features

    def split(self, frame: Frame, *, target: bool = False) -> Split:
        columns = {"x": Column(self._samples(frame), self.stored.scaling)}
        return Split(columns | self._labels(frame) if target else columns)

    def restore(self, values: Array) -> Array:
        return values

    def deviations(self, frame: Frame) -> Array | None:
        return None

    def skeleton(self, split: Split) -> Dataset:
        return self.data

    def _samples(self, frame: Frame) -> Array:
        """The samples of a frame in the shape in which the set stores them."""
        size = int(np.prod(self.stored.shape))
        if "x" in frame.columns and np.ndim(frame.columns["x"]) > 1:
            values = np.asarray(frame.columns["x"])
        else:
            names = self.inputs or tuple(name for name in frame.columns if name not in ("y", *self.targets))
            if not self.inputs and len(names) == size + 1:
                names = names[:-1]  # the class, which stands last in such files
            if len(names) != size:
                expected = f"{size:,} columns of numbers, one for each number of a sample"
                raise DataError(f"{frame.file}: expected {expected}, found {len(names):,} columns")
            values = np.stack([frame[name].numbers() for name in names], axis=1)
        if not len(values):
            raise DataError(f"{frame.file}: expected at least one sample, found none")
        if values[:1].size != size or values.dtype.kind not in "biuf":
            found = f"{values.dtype} of shape {values.shape[1:]}"
            raise DataError(f"{frame.file}: expected samples of shape {self.stored.shape}, found {found}")
        fed = self.stored.dtype if self.stored.dtype.kind == "f" else np.dtype(np.float32)
        fits = np.abs(values) <= np.finfo(fed).max  # false for NaN, too
        if not fits.all():
            place = tuple(np.argwhere(~fits)[0])
            row, found = frame.numbers[int(place[0])], values[place]
            raise DataError(f"{frame.file}: row {row:,}: expected finite numbers of {fed}, found {found:g}")
        if self.stored.scaling is None:
            values = values.astype(self.stored.dtype)
        return values.reshape(-1, *self.stored.shape)

    def _labels(self, frame: Frame) -> dict[str, Column]:
        known = self.data.train.columns["y"]
        name = next((name for name in ("y", *self.targets, "class", "label") if name in frame.columns), "")
        name = name or list(frame.columns)[-1]
        if np.ndim(frame.columns[name]) > 1 and not known.shape:
            expected = "targets beside the samples: arrays x and y of an NPZ file, or a column"
            raise DataError(f"{frame.file}: expected {expected}, found none")
        if not self.classes:
            numbers = frame[name].numbers().astype(known.stored.dtype)
            return {"y": Column(numbers.reshape(-1, *known.shape), known.scaling)}
        texts = frame[name].texts().to_list()
        numbered = {text: number for number, text in enumerate(self.classes)}
        wrong = next((row for row, text in enumerate(texts) if text not in numbered), None)
        if wrong is not None:
            raise frame[name].error(wrong, f"a class ({', '.join(self.classes[:20])})")
        return {"y": Column(np.array([numbered[text] for text in texts], known.stored.dtype), known.scaling)}


def terms_of(data: Dataset) -> Terms:
    """The terms of a data set."""
    return TableTerms(data.fitted) if isinstance(data.fitted, Recipe) else SetTerms(data)


def terms_in(run: Run) -> Terms:
    """The terms of the data that a run was trained on. A table need not be there any more: the run has its recipe."""
    preprocessing = run.preprocessing
    known = fitted(preprocessing) if preprocessing is not None else None
    return TableTerms(known) if isinstance(known, Recipe) else SetTerms(load_data(run.spec, preprocessing))


def set_frame(data: Dataset, name: str) -> Frame:
    """A split of a named set as a frame: its numbers as columns if they have names, and the class by its name."""
    split = data[name]
    columns: dict[str, Any] = {}
    for key, column in split.columns.items():
        if key == "y" and data.classes and not column.shape:
            columns["class"] = np.array(data.classes)[column.stored]
        elif key == "x" and 0 < len(data.features) <= MANY and column.shape == (len(data.features),):
            columns |= {feature: column.stored[:, i] for i, feature in enumerate(data.features)}
        else:
            columns["target" if key == "y" else key] = column.stored
    return Frame(f"{data.name} ({name})", columns)


def _skeleton(columns: Mapping[str, Column], recipe: Recipe) -> Dataset:
    split = Split(columns)
    splits = {"train": split, "test": split}
    return Dataset(name="samples", description="", source="", licence="", splits=splits, fitted=recipe)
