"""The sets that ship with the package: one gzipped CSV each, the class in its last column (see README.md here)."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .dataset import Array, Column, Scaling, Split
from .order import stratified

DIGITS = tuple("0123456789")
IRIS = ("setosa", "versicolor", "virginica")
_SPLIT_SEED = 0  # part of the sets' definition: another seed makes another test set


def digits(*, flatten: bool, raw: bool, dtype: str = "float32") -> dict[str, Split]:
    """x: (n, 64) or (n, 8, 8) counts 0..16, fed as floats in [0, 1], or counts if raw; y: (n,) int64."""
    counts, y = _table("digits.csv.gz", DIGITS, np.uint8)
    x = counts if flatten else counts.reshape(-1, 8, 8)
    return _split(Column(x, None if raw else Scaling.by(16, dtype)), y, held_out=360)


def iris(*, raw: bool, dtype: str = "float32") -> dict[str, Split]:
    """x: (n, 4) of `dtype`, centimetres if raw, else standardised as the training split says; y: (n,) int64."""
    x, y = _table("iris.csv.gz", IRIS, np.dtype(dtype).type)
    splits = _split(Column(x), y, held_out=30)
    scaling = None if raw else Scaling.standard(splits["train"].x, dtype)
    return {name: Split({**part.columns, "x": Column(part.x, scaling)}) for name, part in splits.items()}


def _table(file: str, classes: tuple[str, ...], dtype: type[np.generic]) -> tuple[Array, npt.NDArray[np.int64]]:
    with gzip.open(Path(__file__).with_name(file), "rt", encoding="utf-8") as lines:
        cells: Array = np.loadtxt(
            lines, dtype, delimiter=",", skiprows=1, converters={-1: classes.index}, encoding=None
        )
    return np.ascontiguousarray(cells[:, :-1]), cells[:, -1].astype(np.int64)


def _split(x: Column, y: npt.NDArray[np.int64], held_out: int) -> dict[str, Split]:
    whole = Split({"x": x, "y": Column(y)})
    train, test = stratified(y, held_out, _SPLIT_SEED)
    return {"train": whole.select(train), "test": whole.select(test)}
