"""Columns that give the target away: from them alone it follows, so that there is nothing to predict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .columns import Columns
from .dataset import Array
from .frame import Cells, Frame
from .preprocessing import Part, Recipe
from .roles import Categorical, Numeric

MIN_ROWS = 20  # of fewer, nothing can be said
EXPLAINED = 0.9999  # of the target's variance
_FIRST = 1_000  # samples, which acquit nearly every column
_ROUNDING = 1e-6  # more than sums in another order differ by
_AGAIN = 5  # times, on average, that a name has to come before what always goes with it is no accident

SCALED = "the same numbers up to a factor and an offset"
RISING = "each of its numbers belongs to one of the target, in the same or in reverse order"
NAMED = "a name for each class, and back"
DECIDES = "each of its values goes with one value of the target"


def leaks(frame: Frame, recipe: Recipe) -> Iterator[tuple[str, str]]:
    """The inputs that say the target of some samples, and how."""
    if len(recipe.target) != 1 or len(frame) < MIN_ROWS:
        return
    target = recipe.target[0]
    known = ~frame[target.column].missing()
    some = frame if known.all() else frame.take(np.flatnonzero(known))
    if isinstance(target.role, Categorical):
        labels = target.role.numbers(some[target.column], target.stats)
        told = ((part, _of_class(part, some[part.column], labels)) for part in recipe.inputs)
    elif isinstance(target.role, Numeric) and (theirs := _single(target.role.read(some[target.column]))) is not None:
        acquitted = _acquitted(some, recipe, theirs)
        suspects = (part for part in recipe.inputs if part.column not in acquitted)
        told = ((part, _of_number(part, some[part.column], theirs)) for part in suspects)
    else:
        return
    yield from ((part.column, how) for part, how in told if how)


def _of_class(part: Part, cells: Cells, labels: Array) -> str:
    values = _values(part, cells)
    if values is None:
        return ""
    first = _pairs(_ranks(values[:_FIRST]), labels[:_FIRST])
    if first[0] > first[1]:
        return ""
    pairs, names, classes = _pairs(_ranks(values), labels)
    if pairs < 2 or classes < 2 or pairs > names:
        return ""
    if names == classes:
        return NAMED
    return DECIDES if names * _AGAIN <= len(labels) else ""


def _of_number(part: Part, cells: Cells, theirs: Array) -> str:
    if isinstance(part.role, Categorical):
        values = _values(part, cells)
        return DECIDES if values is not None and _explains(values, theirs) else ""
    ours = _single(part.role.read(cells)) if isinstance(part.role, Numeric) else None
    if ours is None:
        return ""
    first, other = ours[:_FIRST], theirs[:_FIRST]
    if np.isnan(first).any() or np.isnan(other).any():
        a, b = _both(ours, theirs)
        if len(a) < MIN_ROWS:
            return ""
        first, other = a[:_FIRST], b[:_FIRST]
    if np.ptp(first) == 0 or np.ptp(other) == 0:  # which tells nothing of the others
        first, other = _both(ours, theirs)
    if _is_line(first, other) and _is_line(*_both(ours, theirs)):
        return SCALED
    return RISING if _is_rising(first, other) and _is_rising(*_both(ours, theirs)) else ""


def _acquitted(frame: Frame, recipe: Recipe, theirs: Array) -> set[str]:
    """Columns of numbers that were parsed, of which the first samples say that the target does not follow from them."""
    other = theirs[:_FIRST]
    if not isinstance(frame.columns, Columns) or np.isnan(other).any() or np.ptp(other) == 0:
        return set()
    places = frame.columns.places
    names = [part.column for part in recipe.inputs if isinstance(part.role, Numeric) and part.column in places]
    if not names:
        return set()
    first = frame.columns.some([places[name] for name in names], 0, _FIRST)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        a, b = first - first.mean(axis=1, keepdims=True), other - other.mean()
        alike = (a * b).sum(axis=1) ** 2 / ((a * a).sum(axis=1) * (b * b).sum())
        steps = np.diff(first[:, np.argsort(other, kind="stable")], axis=1)
    is_apart: Any = alike < EXPLAINED - _ROUNDING  # not so of NaN
    turns: Any = (steps < 0).any(axis=1) & (steps > 0).any(axis=1)
    return {name for name, apart, turn in zip(names, is_apart, turns, strict=True) if apart and turn}


def _both(ours: Array, theirs: Array) -> tuple[Array, Array]:
    """The samples of which both numbers are known."""
    missing = np.isnan(ours) | np.isnan(theirs)
    return (ours[~missing], theirs[~missing]) if missing.any() else (ours, theirs)


def _values(part: Part, cells: Cells) -> Array | None:
    """The cells as numbers, alike for cells that are alike; None if there are none, or one is missing."""
    if isinstance(part.role, Categorical):
        numbers: Array = part.role.numbers(cells, part.stats)
        return numbers if len(part.stats["categories"]) < part.role.limit else None
    found = _single(part.role.read(cells)) if isinstance(part.role, Numeric) else None
    return None if found is None or np.isnan(found).any() else found


def _ranks(values: Array) -> Array:
    """Numbers as whole ones, in their order."""
    return values if values.dtype.kind == "i" else np.unique(values, return_inverse=True)[1]


def _single(numbers: Array) -> Array | None:
    if numbers.ndim > 1 and np.size(numbers) != len(numbers):
        return None
    flat: Array = numbers.reshape(len(numbers))
    return flat


def _pairs(values: Array, labels: Array) -> tuple[int, int, int]:
    """How many different pairs there are, how many values, and how many labels."""
    both = (values - values.min()) * (int(labels.max()) - int(labels.min()) + 1) + (labels - labels.min())
    return len(np.unique(both)), len(np.unique(values)), len(np.unique(labels))


def _explains(values: Array, numbers: Array) -> bool:
    """Whether the mean of each value's samples is their number, all but exactly; values have to come again."""
    places = np.unique(values, return_inverse=True)[1]
    counts = np.bincount(places)
    if len(counts) < 2 or len(counts) * _AGAIN > len(values):
        return False
    center = numbers - numbers.mean()
    means = np.bincount(places, center) / counts
    total = float((center * center).sum())
    return total > 0 and float(((center - means[places]) ** 2).sum()) < (1 - EXPLAINED) * total


def _is_line(a: Array, b: Array) -> bool:
    """Whether one is a factor times the other and an offset, so far as their variances say."""
    a, b = a - a.mean(), b - b.mean()
    with np.errstate(over="ignore", invalid="ignore"):
        size = float((a * a).sum()) * float((b * b).sum())  # sums, as products would wake up the threads of BLAS
        return bool(np.isfinite(size)) and size > 0 and float((a * b).sum()) ** 2 > EXPLAINED * size


def _is_rising(a: Array, b: Array) -> bool:
    """Whether all go up together, or one goes down as the other goes up, in many steps that are not even.

    Even steps are those of a clock or a counter: what grows with time does not follow from it.
    """
    order = np.argsort(a, kind="stable")
    a, b = a[order], b[order]
    up, moves = np.diff(a), np.diff(b)
    if not (np.array_equal(up != 0, moves != 0) and ((moves >= 0).all() or (moves <= 0).all())):
        return False
    steps = up[up != 0]
    return len(steps) >= MIN_ROWS - 1 and not np.allclose(steps, steps[0])
