"""The data's own terms: what columns, classes and units are called, and the way from them to a model and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from agcli.counts import number_of
from agcli.data.section import load_data
from agcli.datasets import Categorical, Column, DataError, Dataset, Layout, Recipe, Split, fitted
from agcli.datasets.dataset import KNOWN, SIGMA, TARGET, WEIGHTS, Cast
from agcli.datasets.errors import CellError
from agcli.datasets.frame import Frame
from agcli.datasets.images import other_way
from agcli.datasets.layout import unscaled
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

    def other_shape(self, split: Split) -> tuple[str, tuple[int, ...], tuple[int, ...]] | None:
        """An input whose samples have another shape than those of training, that shape, and the one of training."""


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
        return Split(self.recipe.columns(self.recipe.encode(replace(frame, is_new=True), target=target)))

    def restore(self, values: Array) -> Array:
        return self.recipe.restore(values)

    def deviations(self, frame: Frame) -> Array | None:
        return self.recipe.deviations(frame) if self.recipe.sigma in frame.columns else None

    def skeleton(self, split: Split) -> Dataset:
        columns = {name: column for name, column in split.columns.items() if name not in KNOWN}
        first = {n: Column(np.zeros((1, *c.shape), c.stored.dtype), c.scaling) for n, c in columns.items()}
        return _skeleton(first | self._target(), self.recipe)

    def other_shape(self, split: Split) -> tuple[str, tuple[int, ...], tuple[int, ...]] | None:
        for name, (first, *others) in self.recipe.groups.items():
            found = split.columns[name].shape
            if not others and first.shape and found != first.shape:
                return first.column, found, first.shape
        return None

    def _target(self) -> dict[str, Column]:
        shape = (1, *self.recipe.target_shape)
        if self.recipe.is_class:
            known = {TARGET: Column(np.zeros(shape, np.uint8), Cast(np.dtype(np.int64)))}
        else:
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
    """Those of a named set, of arrays that a program gave, or of a text: samples are arrays as the set stores them."""

    def __init__(self, data: Dataset) -> None:
        self.data = data

    @property
    def classes(self) -> tuple[str, ...]:
        return self.data.classes

    @cached_property
    def targets(self) -> tuple[str, ...]:
        column = self.data.train.columns.get(TARGET)
        count = int(np.prod(column.shape)) if column is not None else 0
        return ("target",) if count == 1 else tuple(f"target_{i}" for i in range(count))

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The model's inputs by name."""
        train = self.data.train
        return {name: train.columns[name] for name in train.inputs}

    @property
    def only(self) -> tuple[str, Column]:
        """The only input. Raises DataError if there are several."""
        if len(self.columns) != 1:
            names = ", ".join(self.columns)
            raise DataError(f"the samples: expected a mapping with an array for each input: {names}")
        return next(iter(self.columns.items()))

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the numbers of a sample, if they have names; of several inputs, theirs."""
        return self.data.features if len(self.columns) == 1 else tuple(self.columns)

    def split(self, frame: Frame, *, target: bool = False) -> Split:
        frame = replace(frame, is_new=True)
        columns = {name: Column(self._samples(frame, name), c.scaling) for name, c in self.columns.items()}
        return Split(columns | self._labels(frame) if target else columns)

    def restore(self, values: Array) -> Array:
        known = self.data.train.columns.get(TARGET)
        return values if known is None or self.classes else unscaled(known, values)

    def deviations(self, frame: Frame) -> Array | None:
        return None

    def skeleton(self, split: Split) -> Dataset:
        return self.data

    def other_shape(self, split: Split) -> tuple[str, tuple[int, ...], tuple[int, ...]] | None:
        return None  # such samples are refused where they are encoded

    def _samples(self, frame: Frame, name: str) -> Array:
        """The samples of a frame in the shape in which the set stores them."""
        stored = self.columns[name]
        values = self._array(frame, name, stored)
        if values.dtype.kind not in "biuf" or not same_shape(values.shape[1:], stored.shape):
            found = f"{values.dtype} of shape {values.shape[1:]}"
            hint = other_way(values.shape[1:], stored.shape)
            raise DataError(f"{frame.file}: expected samples of shape {stored.shape}, found {found}{hint}")
        if stored.stored.dtype.kind == "u" and is_fraction(values):
            advice = "give the samples as the data set stores them; they are divided when they are fed"
            raise DataError(f"{frame.file}: expected {stored.stored.dtype}, found numbers of 0 to 1; {advice}")
        fed = stored.dtype if stored.dtype.kind == "f" else np.dtype(np.float32)
        fits = np.abs(values) <= np.finfo(fed).max  # false for NaN, too
        if not fits.all():
            place = tuple(np.argwhere(~fits)[0])
            row, found = frame.numbers[int(place[0])], values[place]
            wrong = np.flatnonzero(~fits.reshape(len(values), -1).all(axis=1)).tolist()
            said = f"{frame.file}: row {row:,}: expected finite numbers of {fed}, found {found:g}"
            raise CellError(said, (), wrong)
        self._check_pixels(values, stored, frame)
        if stored.scaling is None:
            values = values.astype(stored.dtype)
        return values.reshape(-1, *stored.shape)

    def _check_pixels(self, values: Array, stored: Column, frame: Frame) -> None:
        """Raise CellError for pictures with a pixel that the stored type cannot hold, which is in other units."""
        if stored.stored.dtype.kind != "u" or len(stored.shape) < 2 or values.dtype == stored.stored.dtype:
            return
        most = np.iinfo(stored.stored.dtype).max
        wrong = ((values < 0) | (values > most)).any(axis=tuple(range(1, values.ndim)))
        if wrong.any():
            rows = np.flatnonzero(wrong)
            found = f"{values[rows[0]].min():g} to {values[rows[0]].max():g}"
            place = f"{frame.file}: row {int(frame.numbers[rows[0]]):,}"
            raise CellError(f"{place}: expected pixels of 0 to {most}, found {found}", (), rows.tolist())

    def _array(self, frame: Frame, name: str, stored: Column) -> Array:
        """The array of an input, or its numbers from a column each."""
        size = int(np.prod(stored.shape))
        if name in frame.columns and (np.ndim(frame.columns[name]) > 1 or len(self.columns) > 1 or size == 1):
            values = frame.columns[name]
            return values if isinstance(values, np.ndarray) else frame[name].numbers("")
        known = self.inputs if len(self.columns) == 1 else ()
        names = known or tuple(name for name in frame.columns if name not in (TARGET, *self.targets))
        if not known and len(names) == size + 1:
            names = names[:-1]  # the class, which stands last in such files
        if len(names) != size:
            expected = f"{number_of(size, 'column')} of numbers, one for each number of a sample"
            raise DataError(f"{frame.file}: expected {expected}, found {number_of(len(names), 'column')}")
        return np.stack([frame[name].numbers("") for name in names], axis=1)

    def _labels(self, frame: Frame) -> dict[str, Column]:
        known = self.data.train.columns[TARGET]
        free = [name for name in frame.columns if name not in self.inputs]
        names = (TARGET, *self.targets, "class", "label", *free[-1:], *list(frame.columns)[-1:])
        name = next(name for name in names if name in (free or frame.columns))
        if name not in free or (np.ndim(frame.columns[name]) > 1 and not known.shape):
            expected = "targets beside the samples: arrays x and y of an NPZ file, or a column"
            raise DataError(f"{frame.file}: expected {expected}, found none")
        if not self.classes:
            numbers = frame[name].numbers()
            if known.stored.dtype.kind in "iu" and (wrong := numbers % 1 != 0).any():
                raise frame[name].error(int(np.argwhere(wrong)[0][0]), "a whole number, as in training")
            return {TARGET: Column(numbers.reshape(-1, *known.shape).astype(known.stored.dtype), known.scaling)}
        texts = frame[name].texts().to_list()
        numbered = {text: number for number, text in enumerate(self.classes)}
        if not set(texts) <= numbered.keys() and set(texts) <= set(map(str, range(len(self.classes)))):
            numbered = {str(number): number for number in range(len(self.classes))}  # as the set stores them
        strange = next((row for row, text in enumerate(texts) if text not in numbered), None)
        if strange is not None:
            raise frame[name].error(strange, f"a class ({', '.join(self.classes[:20])})")
        labels = np.array([numbered[text] for text in texts], known.stored.dtype)
        return {TARGET: Column(labels.reshape(-1, *known.shape), known.scaling)}


def same_shape(found: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    """Whether samples of one shape are those of another: flat, or with axes of length 1; never in another order."""
    if int(np.prod(found)) != int(np.prod(expected)):
        return False
    long, short = ([n for n in shape if n != 1] for shape in (found, expected))
    return long == short or len(long) == 1 or len(short) == 1


def is_fraction(values: Array) -> bool:
    """Whether numbers are floats of 0 to 1, as pixels are that somebody divided already."""
    return values.dtype.kind == "f" and values.size > 0 and bool(0 < values.max() <= 1) and bool(values.min() >= 0)


def terms_of(data: Dataset) -> Terms:
    """The terms of a data set."""
    return TableTerms(data.fitted) if isinstance(data.fitted, Recipe) else SetTerms(data)


def terms_in(run: Run) -> Terms:
    """The terms of the data that a run was trained on. A table, or what a program gave, need not be there any more."""
    preprocessing = run.preprocessing
    known = fitted(preprocessing) if preprocessing is not None else None
    if isinstance(known, Layout):
        return SetTerms(known.dataset(run.environment.get("data", {}).get("name", run.spec.data.name)))
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
    known = recipe.classes
    return Dataset(name="samples", description="", source="", licence="", classes=known, splits=splits, fitted=recipe)
