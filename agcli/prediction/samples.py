"""Samples that a program has in memory, as a frame: rows, columns, arrays, a data set, or a file's name."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np

from agcli.counts import number_of
from agcli.datasets import Categorical, DataError, Dataset, Recipe, Table
from agcli.datasets.frame import Frame, joined
from agcli.datasets.memory import NAME, known_samples, named_columns, number_array
from agcli.datasets.numerals import numerals_of
from agcli.datasets.preprocessing import Part
from agcli.engine.types import Array
from agcli.spec import Spec

from .sources import check_columns, opened
from .target_encoding import SetTerms, TableTerms, Terms, set_frame


def frame_of(samples: Any, spec: Spec, terms: Terms) -> Frame:
    """A frame with every column that the model reads.

    ``samples`` are a mapping of columns (of single values, for one sample), a sequence of mappings, a data frame of
    polars, pandas or PyArrow, an array with a row a sample, or the path of a file. Raises DataError for anything else.
    """
    if isinstance(samples, str | os.PathLike):
        with opened(os.fspath(samples), spec, terms) as source:
            return joined(source.frames())
    if isinstance(samples, Dataset):
        return judged_frame(samples, spec, terms)
    columns = named_columns(samples)
    frame = Frame(NAME, _of_array(samples, terms) if columns is None else columns)
    if not len(frame) and not (columns or hasattr(samples, "shape")):  # an empty list does not say of what
        raise DataError(f"{NAME}: expected at least one, found none")
    check_columns(frame, terms)
    return _written(frame, spec)


def judged_frame(samples: Any, spec: Spec, terms: Terms) -> Frame:
    """The same with the target, of samples whose target is known: a Dataset, a frame, a mapping, or a pair (x, y)."""
    if isinstance(samples, Dataset):
        frame = _stored(samples, terms)
    else:
        frame, target = known_samples(samples)
        frame = _written(_with_target_names(frame, target, terms), spec)
    check_columns(frame, terms)
    return frame


def _written(frame: Frame, spec: Spec) -> Frame:
    """The frame, whose text writes numbers as the file of training did."""
    data = spec.data.fields
    decimal, thousands = (getattr(data, name, None) for name in ("decimal", "thousands"))
    return replace(frame, numerals=numerals_of(decimal, thousands) or frame.numerals)


def _stored(data: Dataset, terms: Terms) -> Frame:
    """The samples of a data set by which it is judged, in its own units: the model has its own way to feed them."""
    if isinstance(data.settled, Table):
        return replace(joined(data.settled.frames(data.judged)), file=NAME)
    if isinstance(data.fitted, Recipe):
        raise DataError(f"{NAME}: expected a data set that knows its table; give the frame itself")
    if isinstance(terms, SetTerms):
        split = data[data.judged]
        columns: dict[str, Any] = {name: column.stored for name, column in split.columns.items()}
        if data.classes and "y" in columns and columns["y"].ndim == 1:
            columns["y"] = np.array(data.classes)[columns["y"]]
        return Frame(NAME, columns)
    return replace(set_frame(data, data.judged), file=NAME)


def _with_target_names(frame: Frame, target: tuple[str, ...], terms: Terms) -> Frame:
    """A pair's target, and an array beside it, under the names that training gave them."""
    columns = dict(frame.columns)
    if target == ("y",) and len(terms.targets) == 1 and isinstance(terms, TableTerms):
        columns[terms.targets[0]] = columns.pop("y")
    if target and isinstance(terms, TableTerms) and "x" in columns and "x" not in terms.inputs:
        columns = {**_of_array(columns.pop("x"), terms), **columns}
    return replace(frame, columns=columns)


def _of_array(samples: Any, terms: Terms) -> dict[str, Any]:
    """An array of samples of a named set, the only column of a table, or a table whose columns are in order."""
    array = number_array(samples)
    if isinstance(terms, SetTerms):
        name, stored = terms.only
        return {name: array[None] if array.shape == stored.shape else array}
    if not isinstance(terms, TableTerms):
        raise DataError(f"{NAME}: expected columns by name, found {array.shape}")
    inputs = terms.inputs
    if len(inputs) == 1:
        shape = terms.recipe.inputs[0].shape
        is_column = shape == () and array.ndim == 2 and array.shape[1] == 1  # a row a sample, as scikit-learn has it
        return {inputs[0]: array[:, 0] if is_column else array[None] if shape and array.shape == shape else array}
    if array.ndim == 1 and len(array) == len(inputs):
        array = array[None]
    if array.ndim != 2 or array.shape[1] != len(inputs):
        names = ", ".join(inputs[:20]) + (", ..." if len(inputs) > 20 else "")
        raise DataError(f"{NAME}: expected rows of {number_of(len(inputs), 'number')} ({names}), found {array.shape}")
    return {name: _column(array[:, i], terms.recipe.inputs[i]) for i, name in enumerate(inputs)}


def _column(values: Array, part: Part) -> Array:
    """A column of an array of floats; whole numbers where these are names."""
    is_name = isinstance(part.role, Categorical) and values.dtype.kind == "f" and bool((values % 1 == 0).all())
    return values.astype(np.int64) if is_name else values
