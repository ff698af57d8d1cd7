"""Bounds on parameters: the box that they are kept in, in the layout of the arena."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from ..errors import StateError
from ..graph import label
from ..leaves import Variable
from ..types import Array

Bounds: TypeAlias = "Mapping[Variable, tuple[float | None, float | None]]"


def box(bounds: Bounds | None, params: Sequence[Variable]) -> tuple[Array, Array] | None:
    """The least and the largest value of every parameter, flat, in the parameters' dtype; None where all are free.

    Raises StateError for bounds of something that is not trained, for an empty interval, and for a parameter that
    starts outside of its own.
    """
    if not bounds:
        return None
    strangers = [label(v) for v in bounds if v not in params]
    if strangers:
        raise StateError(f"bounds: {', '.join(strangers)} is not among the parameters")
    lows, highs = [], []
    for v in params:
        low, high = (
            end if given is None else float(given)
            for given, end in zip(bounds.get(v, (None, None)), (-np.inf, np.inf), strict=True)
        )
        if not low < high:
            raise StateError(
                f"bounds: those of {label(v)} are {low:g} and {high:g}; the second is to be the larger one"
            )
        if not bool(np.all((v.value >= v.dtype.type(low)) & (v.value <= v.dtype.type(high)))):
            raise StateError(f"bounds: {label(v)} starts outside of {low:g} to {high:g}")
        lows.append(np.full(v.value.size, low, v.dtype))
        highs.append(np.full(v.value.size, high, v.dtype))
    return np.concatenate(lows), np.concatenate(highs)
