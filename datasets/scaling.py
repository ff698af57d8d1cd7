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
    if not isinstance(role, Numeric) or not isinstance(columns, Columns) or name not in columns.places:
        return False
    return role.is_affine and isinstance(stats["mean"], float) and role.takes(columns.marks.get(name, ""))


def encoded(
    columns: Columns, names: Sequence[str], roles: Sequence[Any], stats: Sequence[Stats], dtype: str
) -> Array | None:
    """The columns as they are stored, (n, k); None if a cell cannot be fed, which `Numeric.encode` then tells."""
    scale, offset = _affine(roles, stats)
    fill = np.array([_fill(role, each) for role, each in zip(roles, stats, strict=True)])[:, None]
    places = [columns.places[name] for name in names]
    if not columns.count:
        return np.empty((0, len(names)), dtype)
    if not _can_be_fed(columns, places, scale, offset, fill, dtype):
        return None
    has_gaps = bool(np.isnan(columns.ends(places)).any())
    stored = np.empty((columns.count, len(names)), dtype)
    step = max(1, _TILE // len(names))
    for start in range(0, columns.count, step):
        values = columns.some(places, start, start + step)
        if has_gaps:
            values = np.where(np.isnan(values), fill, values)
        is_own = has_gaps or columns.rows is not None  # a copy, which may be changed
        values = np.subtract(values, offset, out=values if is_own else None)
        np.divide(values, scale, out=values)
        stored[start : start + step] = values.T
    return stored


def _affine(roles: Sequence[Numeric], stats: Sequence[Stats]) -> tuple[Floats, Floats]:
    """The scale and the offset of each column, (k, 1)."""
    scale, offset = (np.empty((len(roles), 1)) for _ in range(2))
    for role in {role.scale: role for role in roles}.values():
        some = [i for i, other in enumerate(roles) if other.scale == role.scale]
        together = {key: np.array([stats[i][key] for i in some]) for key in ("mean", "deviation", "low", "high")}
        scale[some, 0], offset[some, 0] = role.affine(together)
    return scale, offset


def _fill(role: Numeric, stats: Stats) -> float:
    """What stands for a missing value; NaN where none may be missing."""
    if role.missing == REFUSE:
        return float("nan")
    return float(stats[role.missing] if isinstance(role.missing, str) else role.missing)


def _can_be_fed(
    columns: Columns, places: Sequence[int], scale: Floats, offset: Floats, fill: Floats, dtype: str
) -> bool:
    """Whether all cells are finite when they are scaled and stored: the least and the largest of each column are."""
    low, high = columns.ends(places)
    has_gaps = np.isnan(low)
    for i in np.flatnonzero(has_gaps).tolist():
        values = columns.some([places[i]])[0]
        low[i], high[i] = np.fmin.reduce(values), np.fmax.reduce(values)
    low, high = (np.where(np.isnan(each), fill[:, 0], each) for each in (low, high))  # of a column without any number
    filled = np.where(has_gaps, fill[:, 0], low)
    with np.errstate(over="ignore", invalid="ignore"):
        fed = ((np.stack([low, high, filled], axis=1) - offset) / scale).astype(dtype)
    return bool(np.isfinite(fed).all())
