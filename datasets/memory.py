"""Samples that a program has in memory: data frames, mappings, rows and arrays, as a frame of columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .dataset import TARGET, Array
from .errors import DataError
from .frame import Frame, Values

if TYPE_CHECKING:
    import polars as pl

NAME = "the samples"
PYTHON = "python"  # the name of a set that no file holds


@dataclass(frozen=True, eq=False)
class Memory:
    """Samples in memory where a `Table` expects a file."""

    frame: Frame

    @property
    def path(self) -> Path:
        """What stands in the place of a file's name."""
        return Path(PYTHON)

    def settled(self) -> Memory:
        """The same: nothing about it is open."""
        return self

    def read(self) -> Frame:
        """All samples."""
        return self.frame

    def head(self) -> Frame:
        """The same as all of them."""
        return self.frame

    def frames(self) -> Iterator[Frame]:
        """All samples, in one piece."""
        yield self.frame


def known_samples(samples: Any) -> tuple[Frame, tuple[str, ...]]:
    """Samples with their targets, and the names of these where the form says them.

    A pair (x, y) of arrays, frames or series; else whatever `named_columns` takes. Raises DataError for a lone array,
    of which nobody knows what to predict.
    """
    if isinstance(samples, tuple) and len(samples) == 2:
        return _paired(*samples)
    columns = named_columns(samples)
    if columns is None:
        found = _found(samples)
        raise DataError(f"{NAME}: expected a target beside them: (x, y), or columns by name; found {found}")
    return _frame(columns), ()


def named_columns(samples: Any) -> dict[str, Values] | None:
    """The columns of a data frame, of a mapping, of a sequence of mappings, of a structured array; None without names.

    A data frame is what has Arrow's C stream (polars, PyArrow, pandas, DuckDB), or `columns` and an item for each.
    A mapping of single values is one sample. Raises DataError for a column that holds neither numbers, text nor dates.
    """
    frame = _arrow(samples)
    if frame is not None:
        return {series.name: _values(series.name, series) for series in frame.get_columns()}
    if isinstance(samples, Mapping):
        single = all(_is_single(value) for value in samples.values())
        return {str(k): _values(str(k), [v] if single else v) for k, v in samples.items()}
    if hasattr(samples, "columns") and hasattr(samples, "__getitem__"):
        return {str(name): _values(str(name), samples[name]) for name in samples.columns}
    if isinstance(samples, np.ndarray) and samples.dtype.names:
        return {name: _values(name, samples[name]) for name in samples.dtype.names}
    if isinstance(samples, Sequence) and samples and all(isinstance(row, Mapping) for row in samples):
        names = list(dict.fromkeys(str(name) for row in samples for name in row))
        return {name: _values(name, [row.get(name) for row in samples]) for name in names}
    return None


def number_array(samples: Any) -> Array:
    """Samples without names as an array of numbers with a row a sample. Raises DataError for anything else."""
    try:
        array = np.asarray(samples)
    except (ValueError, TypeError, RuntimeError) as error:
        expected = "rows of one length" if isinstance(error, ValueError) else "columns by name, or an array of numbers"
        raise DataError(f"{NAME}: expected {expected}, found {_found(samples)}") from None
    if array.dtype.kind not in "biuf" or not array.ndim:
        expected = "columns by name, rows by name, or an array of numbers"
        raise DataError(f"{NAME}: expected {expected}, found {_found(samples)}")
    return array


def _paired(x: Any, y: Any) -> tuple[Frame, tuple[str, ...]]:
    columns = named_columns(x)
    inputs = {"x": number_array(x)} if columns is None else columns
    targets = named_columns(y)
    if targets is None:
        name = getattr(y, "name", None)
        name = name if isinstance(name, str) and name else TARGET
        targets = {name: _values(name, y)}
    both = [name for name in targets if name in inputs]
    if both:
        raise DataError(f'{NAME}: expected other columns in y than in x, found "{both[0]}" in both')
    return _frame({**inputs, **targets}), tuple(targets)


def _frame(columns: Mapping[str, Values]) -> Frame:
    frame = Frame(NAME, columns)
    if not len(frame):
        raise DataError(f"{NAME}: expected at least one, found none")
    return frame


def _arrow(samples: Any) -> pl.DataFrame | None:
    """What Arrow's C stream gives, if it is one of columns; a series has such a stream too, of one column alone."""
    import polars as pl

    if isinstance(samples, pl.LazyFrame):
        return samples.collect()
    if isinstance(samples, pl.DataFrame):
        return samples
    if not hasattr(samples, "__arrow_c_stream__") or hasattr(samples, "dtype") or hasattr(samples, "chunks"):
        return None
    try:
        return pl.DataFrame(samples)
    except (ImportError, TypeError, ValueError, pl.exceptions.PolarsError):  # pandas asks for PyArrow
        return None


def _is_single(value: Any) -> bool:
    if isinstance(value, str | bytes) or value is None:
        return True
    return not hasattr(value, "__len__") or np.ndim(value) == 0


def _values(name: str, values: Any) -> Values:
    """A column as a frame holds it: an array if a sample has several numbers, else a series whose gaps are null."""
    import polars as pl

    series = values if isinstance(values, pl.Series) else None
    if series is None:
        if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
            raise DataError(f'{NAME}: column "{name}": expected a value a sample, found {_found(values)}')
        if not isinstance(values, list | tuple):
            values = np.asarray(values)
        if np.ndim(_even(name, values)) > 1:
            return _numbers(name, np.asarray(values))
        series = _series(name, values)
    if isinstance(series.dtype, pl.Array):
        return _numbers(name, series.to_numpy())
    if series.dtype.is_float():
        return series.fill_nan(None)
    if series.dtype in (pl.Categorical, pl.Enum, pl.Decimal):
        return series.cast(pl.Float64 if series.dtype == pl.Decimal else pl.String)
    if series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object):
        raise DataError(f'{NAME}: column "{name}": expected numbers, text or dates, found {series.dtype}')
    return series


def _series(name: str, values: Any) -> pl.Series:
    import polars as pl

    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return pl.Series(name, np.ascontiguousarray(values.astype(values.dtype.newbyteorder("="))))
    if isinstance(values, np.ndarray) and values.dtype.kind in "Mm":
        return pl.Series(name, values)
    cells = [_cell(value) for value in (values.tolist() if isinstance(values, np.ndarray) else values)]
    try:
        return pl.Series(name, cells)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):  # of several types
        return pl.Series(name, [None if value is None else str(value) for value in cells])


def _cell(value: Any) -> Any:
    """A cell of a list: NumPy's numbers as Python's, and what pandas has for a gap (NaN, NaT, NA) as none."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return None if np.isnan(value) else value
    is_gap = type(value).__name__ in ("NAType", "NaTType")
    return None if is_gap else value


def _even(name: str, values: Any) -> Any:
    """The values, if samples have one shape."""
    try:
        np.ndim(values)
    except ValueError:
        raise DataError(f'{NAME}: column "{name}": expected samples of one shape, found different ones') from None
    return values


def _numbers(name: str, array: Array) -> Array:
    if array.dtype.kind not in "biuf":
        raise DataError(f'{NAME}: column "{name}": expected numbers, found {array.dtype} of shape {array.shape}')
    return array


def _found(samples: Any) -> str:
    """What something is, in a few words."""
    kind = type(samples).__name__
    shape = getattr(samples, "shape", None)
    dtype = getattr(samples, "dtype", None)
    if isinstance(samples, list | tuple) and samples:
        return f"{kind} of {type(samples[0]).__name__}"
    if hasattr(samples, "toarray"):
        return f"{kind} of shape {shape}; `.toarray()` makes an array of it"
    return kind + (f" of {dtype}" if dtype is not None else "") + (f", shape {shape}" if shape is not None else "")
