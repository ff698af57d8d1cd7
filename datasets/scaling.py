"""Columns of numbers encoded side by side, with the very numbers that `Numeric.encode` gives for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .columns import Columns, Floats
from .dataset import Array
from .roles import REFUSE, Numeric, Role, Stats

_TILE = 1 << 16  # cells that are scaled at a time, which stay in the processor's cache


def fits(columns: object, name: str, role: Role, stats: Stats) -> bool:
    """Whether a column is one of numbers that were parsed, and is encoded as they stand, scaled and moved."""
    is_plain = isinstance(role, Numeric) and role.is_affine and np.ndim(stats["mean"]) == 0
    return is_plain and isinstance(columns, Columns) and name in columns.places


def encoded(
    columns: Columns, names: Sequence[str], roles: Sequence[Any], stats: Sequence[Stats], dtype: str
) -> Array | None:
    """The columns as they are stored, (n, k); None if a cell cannot be fed, which `Numeric.encode` then tells."""
    affine = [role.affine(each) for role, each in zip(roles, stats, strict=True)]
    scale, offset = (np.array([float(pair[i]) for pair in affine])[:, None] for i in range(2))
    fill = np.array([_fill(role, each) for role, each in zip(roles, stats, strict=True)])[:, None]
    if not columns.rows:
        return np.empty((0, len(names)), dtype)
    if not _can_be_fed(columns, names, scale, offset, fill, dtype):
        return None
    places = [columns.places[name] for name in names]
    is_run = places == list(range(places[0], places[0] + len(places)))
    stored = np.empty((columns.rows, len(names)), dtype)
    step = max(1, _TILE // len(names))
    for start in range(0, columns.rows, step):
        if is_run:
            values = columns.numbers[places[0] : places[0] + len(places), start : start + step]
        else:
            values = columns.numbers[places, start : start + step]
        missing = np.isnan(values)
        if missing.any():
            values = np.where(missing, fill, values)
        values = values - offset
        np.divide(values, scale, out=values)
        stored[start : start + step] = values.T
    return stored


def _fill(role: Numeric, stats: Stats) -> float:
    """What stands for a missing value; NaN where none may be missing."""
    if role.missing == REFUSE:
        return float("nan")
    return float(stats[role.missing] if isinstance(role.missing, str) else role.missing)


def _can_be_fed(
    columns: Columns, names: Sequence[str], scale: Floats, offset: Floats, fill: Floats, dtype: str
) -> bool:
    """Whether all cells are finite when they are scaled and stored: the least and the largest of each column are."""
    ends = []
    for values in columns.blocks(names):
        low, high = values.min(axis=1), values.max(axis=1)  # NaN if one is missing
        if np.isnan(low).any():
            low, high = np.fmin.reduce(values, axis=1), np.fmax.reduce(values, axis=1)
            ends.append(np.stack([low, high, np.where(np.isnan(values).any(axis=1), np.nan, low)]))
        else:
            ends.append(np.stack([low, high, low]))
    low, high, lacking = np.concatenate(ends, axis=1)[:, :, None]
    low, high = (np.where(np.isnan(each), fill, each) for each in (low, high))  # of a column without any number
    filled = np.where(np.isnan(lacking), fill, low)
    with np.errstate(over="ignore", invalid="ignore"):
        fed = ((np.concatenate([low, high, filled], axis=1) - offset) / scale).astype(dtype)
    return bool(np.isfinite(fed).all())
