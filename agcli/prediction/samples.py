"""Samples that a program has in memory, as a frame: rows, columns, arrays, or a file's name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from agcli.datasets import DataError
from agcli.datasets.frame import Frame, joined
from agcli.spec import Spec

from .sources import check_columns, opened
from .target_encoding import SetTerms, TableTerms, Terms

NAME = "the samples"


def frame_of(samples: Any, spec: Spec, terms: Terms) -> Frame:
    """A frame with every column that the model reads.

    ``samples`` are a mapping of columns (of single values, for one sample), a sequence of mappings, a data frame of
    polars or pandas, an array with a row a sample, or the path of a file. Raises DataError for anything else.
    """
    if isinstance(samples, str | os.PathLike):
        with opened(os.fspath(samples), spec, terms) as source:
            return joined(source.frames())
    frame = Frame(NAME, _columns(samples, terms))
    if not len(frame):
        raise DataError(f"{NAME}: expected at least one, found none")
    check_columns(frame, terms)
    return frame


def _columns(samples: Any, terms: Terms) -> dict[str, Any]:
    if hasattr(samples, "columns") and hasattr(samples, "__getitem__"):  # a data frame
        return {str(name): _values(str(name), np.asarray(samples[name])) for name in samples.columns}
    if isinstance(samples, Mapping):
        single = all(np.ndim(value) == 0 for value in samples.values())
        return {str(k): _values(str(k), [v] if single else v) for k, v in samples.items()}
    if isinstance(samples, Sequence) and samples and isinstance(samples[0], Mapping):
        names = list(dict.fromkeys(str(name) for row in samples for name in row))
        return {name: _values(name, [row.get(name) for row in samples]) for name in names}
    return _of_array(samples, terms)


def _of_array(samples: Any, terms: Terms) -> dict[str, Any]:
    """An array of samples of a named set, the only column of a table, or a table whose columns are in order."""
    try:
        array = np.asarray(samples)
    except ValueError:
        raise DataError(f"{NAME}: expected rows of one length") from None
    if array.dtype.kind not in "biuf":
        expected = "columns by name, rows by name, or an array of numbers"
        raise DataError(f"{NAME}: expected {expected}, found {type(samples).__name__} of {array.dtype}")
    if isinstance(terms, SetTerms):
        is_one = array.shape == terms.stored.shape
        return {"x": array[None] if is_one else array}
    inputs = terms.inputs if isinstance(terms, TableTerms) else ()
    if len(inputs) == 1:
        return {inputs[0]: array}
    if array.ndim == 1 and len(array) == len(inputs):
        array = array[None]
    if array.ndim != 2 or array.shape[1] != len(inputs):
        raise DataError(
            f"{NAME}: expected rows of {len(inputs)} numbers ({', '.join(inputs[:20])}), found {array.shape}"
        )
    return {name: _values(name, array[:, i]) for i, name in enumerate(inputs)}


def _values(name: str, values: Any) -> Any:
    """A column as a frame holds it."""
    import polars as pl

    if np.ndim(values) > 1:
        return np.asarray(values)
    try:
        return pl.Series(name, values.tolist() if isinstance(values, np.ndarray) else list(values))
    except (TypeError, pl.exceptions.PolarsError):
        return pl.Series(name, [None if value is None else str(value) for value in values])
