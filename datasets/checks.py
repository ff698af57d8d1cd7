"""What is strange about data that can be used all the same: one sentence each, with what to do about it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from . import guess
from .columns import Columns
from .dataset import Array, Split
from .date_layouts import layouts_of
from .digits import lost_digits
from .frame import Frame
from .images import Image
from .leaks import leaks
from .preprocessing import Part, Recipe
from .roles import FILLS, Categorical, Numeric
from .tabular import MISSING, TableFile

SCARCE = 3  # samples in all; of a smaller class no split has some for each part
TINY = 8  # training samples; a smaller class is hardly learnt
_FEW = 20  # samples, of which nothing can be said
_NAMED = 8
_AGAIN = 1 << 26  # bytes of a file that may be read once more


def warnings(train: Frame, recipe: Recipe, splits: dict[str, Split], *, leaking: bool = True) -> tuple[str, ...]:
    """All that is strange about the samples of the training split, and about the classes of each split.

    Without ``leaking``, an input may say the target: a law that is fitted to exact numbers does.
    """
    lost = _digits(train, recipe)
    found = [
        *_missing(train, recipe),
        *lost.values(),
        *_constant(recipe, lost),
        *_turned(train, recipe),
        *_dated(train, recipe),
        *(_leaks(train, recipe) if leaking else ()),
    ]
    if recipe.classes:
        counts = {name: _counts(split, len(recipe.classes)) for name, split in splits.items()}
        found += [*_tiny(recipe.classes, counts), *_unseen(counts), *_sorted(splits["train"].columns["y"].stored)]
    return tuple(found)


def left_out(frame: Frame, guessed: Iterable[str], grouping: str = "") -> Iterator[str]:
    """The columns that nobody ignored but a guess, with the reason; ``grouping`` is the column that a split keeps
    together."""
    found = {"the split keeps its groups together": [grouping]} if grouping else {}
    for reason, names in {**found, **guess.reasons(frame, [n for n in guessed if n != grouping])}.items():
        shown = _listed([f'"{name}"' for name in names])
        yield f"left out: {shown} ({reason}); a role in `columns` brings a column back"


def reasons_apart(frame: Frame, guessed: Iterable[str]) -> dict[str, str]:
    """Why columns that a guess ignores are left out."""
    return {name: reason for reason, names in guess.reasons(frame, guessed).items() for name in names}


def _missing(frame: Frame, recipe: Recipe) -> Iterator[str]:
    for part in recipe.inputs:
        count = _gaps(frame, part.column)
        if count:
            fill = part.role.missing if isinstance(part.role, Numeric) else "unknown"
            how = f"filled with the {fill}" if fill in FILLS else f"fed as {fill}"
            yield f'column "{part.column}": {count:,} of {len(frame):,} training samples have no value; {how}'


def _gaps(frame: Frame, name: str) -> int:
    """How many cells of a column are missing."""
    columns = frame.columns
    if (
        isinstance(columns, Columns)
        and name in columns.places
        and not np.isnan(columns.ends([columns.places[name]])[0])
    ):
        return 0
    return int(frame[name].missing().sum())


def _digits(frame: Frame, recipe: Recipe) -> dict[str, str]:
    """What floats lose of a column, by its name."""
    return {part.column: f'column "{part.column}": {told}' for part, told in lost_digits(frame, recipe)}


def _constant(recipe: Recipe, others: Collection[str]) -> Iterator[str]:
    """Inputs that are the same in all samples, but for some others of which something else is told."""
    for part in recipe.inputs:
        if part.column in others:
            continue
        if isinstance(part.role, Numeric):
            is_constant = np.array_equal(part.stats["low"], part.stats["high"]) if part.shape else _is_one(part)
        else:
            is_constant = isinstance(part.role, Categorical) and len(part.stats["categories"]) < 2
        if is_constant:
            yield f'column "{part.column}": the same value in all training samples; give it the role `ignore`'


def _is_one(part: Part) -> bool:
    return bool(part.stats["low"] == part.stats["high"])


def _turned(frame: Frame, recipe: Recipe) -> Iterator[str]:
    """Arrays that look like pictures with their channels first; here they stand last."""
    for part in recipe.inputs:
        if not part.shape:
            continue
        shape: tuple[int, ...] = tuple(getattr(frame.columns[part.column], "shape", ()))[1:]
        is_said = isinstance(part.role, Image) and part.role.channels is not None
        if len(shape) == 3 and shape[0] in (1, 3, 4) and shape[1] == shape[2] > 4 and not is_said:
            yield (
                f'column "{part.column}": samples of shape {shape} are read as (height, width, channels); '
                "if the channels stand first, turn them: np.moveaxis(x, 1, -1)"
            )


def _dated(frame: Frame, recipe: Recipe) -> Iterator[str]:
    """Targets of dates: each of them is a name, and none is near another."""
    for part in recipe.target:
        cells = frame[part.column]
        if not isinstance(part.role, Categorical) or isinstance(cells.values, np.ndarray):
            continue
        if cells.values.dtype.is_temporal() or (cells.is_text and layouts_of(cells.values).all_of):
            yield (
                f'target "{part.column}": holds dates, each of which is taken for the name of a class; to predict a '
                "time, write it as a number, such as the days since a first one"
            )


def _leaks(frame: Frame, recipe: Recipe) -> Iterator[str]:
    """Inputs that say the target; whoever predicts may not have them."""
    for column, how in leaks(frame, recipe):
        yield (
            f'column "{column}": says the target "{recipe.target[0].column}" ({how}); if it is not known before the '
            f"prediction is made, write `{column}: ignore` in `columns`"
        )


@dataclass
class Rows:
    """How many rows a file has, and how many of them no target."""

    total: int = 0
    lost: int = 0

    def add(self, total: int, lacking: Array) -> None:
        """Count the rows of a piece."""
        self.total, self.lost = self.total + total, self.lost + int(lacking.sum())


def untargeted(
    target: Sequence[str],
    lost: int,
    total: int,
    marks: Mapping[str, int] | None = None,
    *,
    file: str = "",
    is_class: bool = False,
) -> Iterator[str]:
    """How many rows of a file have no target, so that nothing can be learnt of them, nor are they judged.

    ``marks`` says how often which text stands for that in the file; of classes it may be the name of one.
    """
    if lost:
        told = [f'{count:,} "{text}"' if text else f"{count:,} empty" for text, count in (marks or {}).items()]
        shown = f" ({', '.join(told[:_NAMED])})" if told else ""
        others = ", ".join(json.dumps(text) for text in MISSING if text not in (marks or {}) or not text)
        advice = (
            f"; if one of these is a class, write `missing: [{others}]` in `data`"
            if is_class and any(marks or {})
            else ""
        )
        where = f"{file}: " if file else ""
        names = " or ".join(f'"{name}"' for name in target)
        yield f"{where}{lost:,} of {total:,} rows have no {names} and are left out{shown}{advice}"


def spelled(source: object, target: Sequence[str], count: int) -> dict[str, int]:
    """How often which text says in a file that there is no target, the most frequent first; empty if it is not known.

    What a cell says is lost where it is read as nothing, so the file is read again, if it is not a large one.
    """
    if not isinstance(source, TableFile) or len(target) != 1 or source.path.stat().st_size > _AGAIN:
        return {}
    cells = replace(source, missing=()).read()[target[0]].texts()
    kinds = Counter({text: int((cells == text).sum()) for text in source.missing})
    found = {text: number for text, number in kinds.most_common() if number}
    empty = count - sum(found.values())
    return {**found, "": found.get("", 0) + empty} if empty > 0 else found


def _counts(split: Split, classes: int) -> Array:
    """The samples of each class, and behind them those of classes that training does not have."""
    return np.bincount(split.columns["y"].stored.reshape(-1), minlength=classes + 1)


def _tiny(classes: tuple[str, ...], counts: dict[str, Array]) -> Iterator[str]:
    train = counts["train"]
    tiny = [f'"{name}" ({count})' for name, count in zip(classes, train, strict=False) if count < TINY]
    if tiny:
        yield f"classes of fewer than {TINY} training samples: {_listed(tiny)}"
    total = np.sum(list(counts.values()), axis=0)
    names = [name for name, count in zip(classes, counts.get("test", train), strict=False) if not count]
    scarce = [name for name, count in zip(classes, total, strict=False) if name in names and count < SCARCE]
    if scarce:
        cells = ", ".join(json.dumps(name, ensure_ascii=False) for name in scarce[:_NAMED])
        yield (
            f"classes of too few samples to test any: {_listed([json.dumps(n) for n in scarce])}; "
            f"collect more of them, or leave their rows out with `missing: [{cells}]` in `data`"
        )
    untested = [f'"{name}"' for name in names if name not in scarce]
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
