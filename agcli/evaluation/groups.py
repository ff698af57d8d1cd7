"""The same figures for parts of the samples: those with one value of a column, or with values in one range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from agcli.datasets import DataError
from agcli.datasets.frame import Cells
from agcli.engine.types import Array
from agcli.prediction import Answers, Classes

from .bootstrap import Figure
from .figures import Rows, figures

NAMES = 20  # values of a column that are groups of their own; numbers of more values are cut into quarters


@dataclass(frozen=True)
class Group:
    """Some samples: what they have in common, how many they are, and their figures."""

    name: str
    samples: int
    figures: dict[str, Figure]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "name": self.name,
            "samples": self.samples,
            "figures": {k: f.to_json() for k, f in self.figures.items()},
        }


def groups(
    answers: Answers,
    truth: Array,
    cells: Cells,
    seed: int = 0,
    own: Rows | None = None,
    counts: Array | None = None,
) -> list[Group]:
    """The groups that a column makes, largest first for names, in their order for ranges of numbers.

    ``own`` are rows with the fields of a spec, and ``counts`` the weights of answers, as for ``figures``.
    """
    each = answers.each if isinstance(answers, Classes) else 1
    found = []
    for name, members in _members(cells):
        rows = np.repeat(members, each)
        weights = None if counts is None else counts[rows]
        of_group = figures(_taken(answers, rows), truth[rows], seed, compared=False, own=own, counts=weights)
        found.append(Group(name, int(members.sum()), of_group))
    return found


def _taken(answers: Answers, rows: Array) -> Answers:
    if isinstance(answers, Classes):
        return replace(
            answers, probabilities=answers.probabilities[rows], log_probabilities=answers.log_probabilities[rows]
        )
    return replace(answers, values=answers.values[rows], deviations=None)


def _members(cells: Cells) -> Iterator[tuple[str, Array]]:
    """Pairs of a group's name and which samples are in it."""
    if np.ndim(cells.values) > 1:
        raise DataError(f'column "{cells.name}": expected one value a sample, found arrays')
    names = cells.texts().fill_null("(missing)").to_numpy().astype(str)
    values, counts = np.unique(names, return_counts=True)
    if len(values) > NAMES:
        numbers = _numbers(cells)
        if numbers is not None:
            yield from _ranges(numbers)
            return
    chosen = values[np.argsort(-counts, kind="stable")[:NAMES]]
    for name in chosen:
        yield str(name), names == name
    rest = ~np.isin(names, chosen)
    if rest.any():
        yield f"({len(values) - NAMES:,} others)", rest


def _numbers(cells: Cells) -> Array | None:
    try:
        return cells.numbers()
    except DataError:
        return None


def _ranges(numbers: Array) -> Iterator[tuple[str, Array]]:
    """Quarters of the samples, by their numbers."""
    edges = np.unique(np.nanquantile(numbers, [0, 0.25, 0.5, 0.75, 1]))
    for low, high in pairwise(edges):
        inside = (numbers > low) & (numbers <= high) if low != edges[0] else numbers <= high
        if inside.any():
            yield f"{low:g} to {high:g}", inside
    if np.isnan(numbers).any():
        yield "(missing)", np.isnan(numbers)
