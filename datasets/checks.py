"""What is strange about data that can be used all the same: one sentence each, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from . import guess
from .dataset import Array, Split
from .frame import Frame
from .images import Image
from .preprocessing import Part, Recipe
from .roles import FILLS, Categorical, Numeric

TINY = 8  # training samples; a smaller class is hardly learnt
_FEW = 20  # samples, of which nothing can be said
_NAMED = 8
_FIRST = 1_000  # samples
_SAME = 1 - 1e-9  # a correlation that is no accident


def warnings(train: Frame, recipe: Recipe, splits: dict[str, Split], *, leaks: bool = True) -> tuple[str, ...]:
    """All that is strange about the samples of the training split, and about the classes of each split.

    Without ``leaks``, an input may say the target: a law that is fitted to exact numbers does.
    """
    found = [
        *_missing(train, recipe),
        *_constant(train, recipe),
        *_turned(train, recipe),
        *(_leaks(train, recipe) if leaks else ()),
    ]
    if recipe.classes:
        counts = {name: _counts(split, len(recipe.classes)) for name, split in splits.items()}
        found += [*_tiny(recipe.classes, counts), *_unseen(counts), *_sorted(splits["train"].columns["y"].stored)]
    return tuple(found)


def left_out(frame: Frame, guessed: Iterable[str]) -> Iterator[str]:
    """The columns that nobody ignored but a guess, with the reason."""
    for reason, names in guess.reasons(frame, guessed).items():
        shown = _listed([f'"{name}"' for name in names])
        yield f"left out: {shown} ({reason}); a role in `columns` brings a column back"


def _missing(frame: Frame, recipe: Recipe) -> Iterator[str]:
    for part in recipe.inputs:
        count = int(frame[part.column].missing().sum())
        if count:
            fill = part.role.missing if isinstance(part.role, Numeric) else "unknown"
            how = f"filled with the {fill}" if fill in FILLS else f"fed as {fill}"
            yield f'column "{part.column}": {count:,} of {len(frame):,} training samples have no value; {how}'


def _constant(frame: Frame, recipe: Recipe) -> Iterator[str]:
    for part in recipe.inputs:
        if isinstance(part.role, Numeric):
            is_constant = bool(np.all(np.asarray(part.stats["low"]) == np.asarray(part.stats["high"])))
        else:
            is_constant = isinstance(part.role, Categorical) and len(part.stats["categories"]) < 2
        if is_constant:
            yield f'column "{part.column}": the same value in all training samples; give it the role `ignore`'


def _turned(frame: Frame, recipe: Recipe) -> Iterator[str]:
    """Arrays that look like pictures with their channels first; here they stand last."""
    for part in recipe.inputs:
        shape: tuple[int, ...] = tuple(getattr(frame.columns[part.column], "shape", ()))[1:]
        is_said = isinstance(part.role, Image) and part.role.channels is not None
        if len(shape) == 3 and shape[0] in (1, 3, 4) and shape[1] == shape[2] > 4 and not is_said:
            yield (
                f'column "{part.column}": samples of shape {shape} are read as (height, width, channels); '
                "if the channels stand first, turn them: np.moveaxis(x, 1, -1)"
            )


def _leaks(frame: Frame, recipe: Recipe) -> Iterator[str]:
    """Inputs that say the target: the same numbers up to a factor, or one name for each class and back."""
    if len(recipe.target) != 1 or len(frame) < _FEW:
        return
    target = recipe.target[0]
    for part in recipe.inputs:
        if type(part.role) is type(target.role) and _tells(part, target, frame):
            yield (
                f'column "{part.column}": says the target "{target.column}" exactly; '
                "if it is not known before the prediction is made, give it the role `ignore`"
            )


def _tells(part: Part, target: Part, frame: Frame) -> bool:
    ours, theirs = frame[part.column], frame[target.column]
    if isinstance(part.role, Categorical) and isinstance(target.role, Categorical):
        ranks, labels = part.role.numbers(ours, part.stats), target.role.numbers(theirs, target.stats)
        both = ranks * len(target.stats["categories"]) + labels
        pairs, names, classes = (len(np.unique(found)) for found in (both, ranks, labels))
        return pairs > 1 and pairs == names == classes
    a, b = ours.numbers(), theirs.numbers()
    if a.ndim != 1 or b.ndim != 1:
        return False
    early = _correlation(a[:_FIRST], b[:_FIRST])  # the first samples acquit nearly every column
    return (early is None or early > _SAME) and (_correlation(a, b) or 0.0) > _SAME


def _correlation(a: Array, b: Array) -> float | None:
    """The correlation of the samples that have both numbers, without its sign; None if one of them is constant."""
    known = ~(np.isnan(a) | np.isnan(b))
    if not known.any():
        return None
    a, b = a[known] - a[known].mean(), b[known] - b[known].mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))  # sums, as products would wake up the threads of BLAS
    return abs(float((a * b).sum())) / size if size else None


def _counts(split: Split, classes: int) -> Array:
    """The samples of each class, and behind them those of classes that training does not have."""
    return np.bincount(split.columns["y"].stored.reshape(-1), minlength=classes + 1)


def _tiny(classes: tuple[str, ...], counts: dict[str, Array]) -> Iterator[str]:
    train = counts["train"]
    tiny = [f'"{name}" ({count})' for name, count in zip(classes, train, strict=False) if count < TINY]
    if tiny:
        yield f"classes of fewer than {TINY} training samples: {_listed(tiny)}"
    untested = [f'"{name}"' for name, count in zip(classes, counts.get("test", train), strict=False) if not count]
    if untested:
        yield f"classes without a test sample: {_listed(untested)}; `split: stratified` gives each its share"


def _unseen(counts: dict[str, Array]) -> Iterator[str]:
    """Samples to be judged by whose class training does not see."""
    found = [f"{count[-1]:,} of {count.sum():,} {name} samples" for name, count in counts.items() if count[-1]]
    if found:
        yield (
            f"{' and '.join(found)} have a class that no training sample has: they count as wrong in accuracy, F1 and "
            "confusion, and are left out of the loss"
        )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else "")


def _sorted(labels: Array) -> Iterator[str]:
    if labels.ndim > 1 or len(labels) < _FEW or labels[0] == labels[-1]:
        return
    # As unsigned numbers a step down would be a large step up.
    steps = np.diff(labels.astype(np.int64))
    if (steps >= 0).all() or (steps <= 0).all():
        yield "the samples are sorted by their class; keep `shuffle: true`, and do not split by `tail`"
