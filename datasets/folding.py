"""Named sets parted anew: samples of the training split held out for validation, and folds of all samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from .dataset import Column, Dataset, Scaling, Split
from .frame import Frame
from .splits import Fold, Shuffled, Stratified, validation_count

Numbers = npt.NDArray[np.int64]


def validated(data: Dataset, share: float | None, seed: int = 0) -> Dataset:
    """The set with `validation`, a share of its training samples (0: none; None: 0.15, at most 10,000).

    Each class has its share of them; the samples that are left are standardised as they say themselves.
    """
    train = data.splits["train"]
    count = validation_count(len(train), share)
    if not count:
        return data
    kind = Stratified if _labels(data, train.columns) is not None else Shuffled
    held_out = kind(seed=seed).chosen(np.arange(len(train)), _labels(data, train.columns), count, 0)
    parts = {"train": np.delete(np.arange(len(train)), held_out), "validation": held_out}
    return replace(data, splits=_parted(train.columns, parts, {n: s for n, s in data.splits.items() if n != "train"}))


def folded(data: Dataset, fold: Fold) -> Dataset:
    """The samples of both splits together, of which one part is for testing; standardised as the others say."""
    train, test = data.splits["train"].columns, data.splits["test"].columns
    whole = {n: replace(column, stored=np.concatenate([column.stored, test[n].stored])) for n, column in train.items()}
    frame = Frame(data.name, {"sample": np.arange(len(whole["x"]))})
    parts = fold.parts(frame, _labels(data, whole))
    return replace(data, splits=_parted(whole, dict(zip(("train", "validation", "test"), parts, strict=True)), {}))


def _labels(data: Dataset, columns: Mapping[str, Column]) -> npt.NDArray[np.generic] | None:
    """The classes of the target, if it has such."""
    return columns["y"].stored if data.classes and "y" in columns and columns["y"].stored.ndim == 1 else None


def _parted(columns: Mapping[str, Column], parts: dict[str, Numbers], others: dict[str, Split]) -> dict[str, Split]:
    """Splits of some samples and other splits, all scaled as those for training say; images change only there."""
    scalings = {name: _fitted(column, column.stored[parts["train"]]).scaling for name, column in columns.items()}
    scaled = {name: replace(column, scaling=scalings[name]) for name, column in columns.items()}
    plain = Split({name: replace(column, augment=None) for name, column in scaled.items()})
    made = {"train": Split(scaled).select(parts["train"])}
    made |= {name: plain.select(rows) for name, rows in parts.items() if name != "train" and len(rows)}
    for name, split in others.items():
        made[name] = replace(
            split, columns={n: replace(column, scaling=scalings[n]) for n, column in split.columns.items()}
        )
    return made


def _fitted(column: Column, seen: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Column:
    """The column with the mean and the deviation of the samples to train on, if it is standardised."""
    if isinstance(column.scaling, Scaling) and column.scaling.offset is not None:
        return replace(column, scaling=Scaling.standard(seen, column.scaling.dtype))
    return column
