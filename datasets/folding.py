"""Named sets parted anew, for cross-validation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .dataset import Column, Dataset, Scaling, Split
from .frame import Frame
from .splits import Fold


def folded(data: Dataset, fold: Fold) -> Dataset:
    """The samples of both splits together, of which one part is for testing; standardised as the others say."""
    train, test = data.splits["train"].columns, data.splits["test"].columns
    whole = {n: replace(column, stored=np.concatenate([column.stored, test[n].stored])) for n, column in train.items()}
    labels = whole["y"].stored if data.classes and "y" in whole else None
    count = len(whole["x"])
    ours, theirs = fold.rows(Frame(data.name, {"sample": np.arange(count)}), labels)
    scaled = {name: _fitted(column, column.stored[ours]) for name, column in whole.items()}
    plain = {name: replace(column, augment=None) for name, column in scaled.items()}
    return replace(data, splits={"train": Split(scaled).select(ours), "test": Split(plain).select(theirs)})


def _fitted(column: Column, seen: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Column:
    """The column with the mean and the deviation of the samples to train on, if it is standardised."""
    if isinstance(column.scaling, Scaling) and column.scaling.offset is not None:
        return replace(column, scaling=Scaling.standard(seen, column.scaling.dtype))
    return column
