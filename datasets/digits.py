"""What floats do not hold of a column's numbers: whole numbers of too many digits, and those that are too large."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .columns import Floats
from .frame import Cells, Frame
from .numerals import EXACT
from .preprocessing import Part, Recipe
from .roles import Numeric

_DIGITS = {"float32": 7, "float64": 15}  # decimal ones that any number of a type keeps


def lost_digits(frame: Frame, recipe: Recipe) -> Iterator[tuple[Part, str]]:
    """The columns of numbers of which floats lose something, and a sentence on it, at most one for each."""
    for part in (*recipe.inputs, *recipe.target):
        if isinstance(part.role, Numeric) and not part.shape:
            told = _lost(frame, part, part.role, recipe.dtype)
            if told:
                yield part, told


def _lost(frame: Frame, part: Part, role: Numeric, dtype: str) -> str:
    low, high = float(part.stats["low"]), float(part.stats["high"])
    largest = max(abs(low), abs(high))
    kept = 2.0 ** (np.finfo(dtype).nmant + 1)  # up to that, floats hold every whole number
    if role.is_affine and largest < kept / 2:  # and offsets lie between the ends
        return ""
    if role.is_affine and largest > float(np.finfo(dtype).max):
        return (
            f"holds numbers to {largest:.4g}, and {dtype} those to {np.finfo(dtype).max:.2g}; `dtype: float64` holds "
            "them, or give the column a `clip`"
        )
    if largest >= EXACT and _are_merged(frame[part.column]):
        return (
            "whole numbers beyond 2**53, of which some are one number as floats; if they are names, write "
            f"`columns: {{{part.column}: categorical}}`, or `ignore`"
        )
    offset = float(role.affine(part.stats)[1])
    if role.is_affine and max(abs(low - offset), abs(high - offset)) < kept:
        return ""
    pair = _one(role, part, frame[part.column], dtype)
    if pair is None:
        return ""
    instead = "`dtype: float64` keeps them apart; " if dtype == "float32" else ""
    return (
        f"{pair[0]:.0f} and {pair[1]:.0f} are one number in {dtype}, which holds {_DIGITS[dtype]} digits; {instead}if "
        f"they are names, write `columns: {{{part.column}: categorical}}`"
    )


def _are_merged(cells: Cells) -> bool:
    """Whether a column holds whole numbers that float64 does not tell apart."""
    import polars as pl

    names = cells.texts().drop_nulls().unique()
    if not names.str.contains(r"^[+-]?\d+$").all():
        return False
    return names.cast(pl.Float64, strict=False).n_unique() < len(names)


def _one(role: Numeric, part: Part, cells: Cells, dtype: str) -> tuple[float, float] | None:
    """Two whole numbers of a column of such that are fed as the same float; None if there are none."""
    values: Floats = role.read(cells)
    if np.isnan(values).all() or (values[~np.isnan(values)] % 1).any():
        return None
    different = np.unique(values[~np.isnan(values)])
    scale, offset = role.affine(part.stats)
    fed = ((role.squeezed(different) - offset) / scale).astype(dtype)
    same = np.flatnonzero(fed[1:] == fed[:-1])
    return (float(different[same[0]]), float(different[same[0] + 1])) if len(same) and role.clip is None else None
