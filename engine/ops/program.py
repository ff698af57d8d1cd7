"""Kernels as programs: lists of calls without arguments, all views and scratch of which are made once, when bound."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np

from ..types import Array, DType

Call: TypeAlias = "Callable[[], Any]"


def joined(calls: Iterable[Call]) -> list[tuple[int, Call]]:
    """Calls in their order, each with its number; neighbours are one where they say how (``join``, if they have it)."""
    calls = list(calls)
    if {type(call) for call in calls} == {partial}:
        return list(enumerate(calls))
    found: list[tuple[int, Call]] = []
    for join, group in groupby(enumerate(calls), key=how_joined):
        rows = list(group)
        found += rows if join is None or len(rows) == 1 else [(rows[0][0], join([call for _, call in rows]))]
    return found


def how_joined(row: tuple[int, Call]) -> Any:
    """What makes one call of several, by one of them; most are plain calls of NumPy, which need not be asked."""
    return None if type(row[1]) is partial else getattr(row[1], "join", None)


class Steps:
    """Calls one after the other, as one."""

    __slots__ = ("steps",)

    def __init__(self, steps: tuple[Call, ...]) -> None:
        self.steps = steps

    def __call__(self) -> None:
        for step in self.steps:
            step()


def program(calls: Iterable[Call]) -> Call:
    """All calls, one after the other."""
    steps = tuple([call for _, call in joined(calls)])
    if len(steps) == 1:
        return steps[0]

    return Steps(steps)


def steady(x: Array, dtype: DType, calls: list[Call]) -> Array:
    """``x`` if it is contiguous and of ``dtype``, else a copy that ``calls`` refreshes at every run."""
    if x.flags.c_contiguous and x.dtype == dtype:
        return x
    copy = np.empty(x.shape, dtype)
    calls.append(partial(np.copyto, copy, x))
    return copy


@dataclass
class Aligned:
    """Views of the arrays of an op for which its scalar rule holds, element by element or row by row."""

    read: list[Array]
    written: list[Array]
    rows: bool = False  # the rule looks at all elements along the last axis, of which there are at most ``ROW``
    before: tuple[Call, ...] = ()  # what has to run first


ROW = 64
