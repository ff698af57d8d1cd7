"""Which rows of a file are samples, of which part, and whether the columns are there that a description names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from .columns import Columns
from .errors import DataError, unknown
from .frame import Frame
from .nested import is_nothing
from .roles import Numeric, Role
from .splits import PARTS

Sides = Callable[[Frame], npt.NDArray[np.int64]]  # the part of each sample of a piece, a place in PARTS


def part_of(frame: Frame, sides: Sides | None, side: str) -> Frame:
    """The samples of a piece that are of a split; all of them if nothing parts them."""
    return frame if sides is None else frame.take(np.flatnonzero(sides(frame) == PARTS.index(side)))


def check_name(frame: Frame, name: str, path: tuple[str, ...]) -> None:
    if name not in frame.columns:
        raise DataError(f"{frame.file}: {unknown('column', name, frame.columns)}", path)


def check_sigma(name: str, target: tuple[str, ...], roles: Mapping[str, Role]) -> None:
    """Raise DataError where a standard deviation says nothing of the target."""
    role = roles[target[0]]
    if name in target:
        raise DataError(f'sigma: expected another column than the target "{name}"', ("sigma",))
    if len(target) > 1:
        raise DataError(f"sigma: is of one target, found {len(target)}: {', '.join(target)}", ("sigma",))
    if not isinstance(role, Numeric):
        raise DataError(f'sigma: is of numbers, and the target "{target[0]}" is {role.name}', ("sigma",))
    if role.log:
        raise DataError(f'sigma: is in units of the target "{target[0]}", which has `log: true`', ("sigma",))


def lacking(frame: Frame, target: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Which rows have no target."""
    missing = [frame[name].missing() for name in target]
    return np.any(missing, axis=0) if missing else np.zeros(len(frame), bool)


def with_target(frame: Frame, target: tuple[str, ...]) -> Frame:
    """The samples whose target is known; of the others nothing can be learnt."""
    if not target:
        return frame
    missing = lacking(frame, target)
    kept = frame.take(np.flatnonzero(~missing)) if missing.any() else frame
    if not len(kept) and is_nothing(frame.columns[target[0]]):
        advice = "a cell holds one value; write a set of names into one cell, as `a;b`"
        raise DataError(f'{frame.file}: target "{target[0]}": {advice}', ("target",))
    if not len(kept):
        raise DataError(f'{frame.file}: expected samples with a "{target[0]}", found none', ("target",))
    return kept


def are_counted(names: Sequence[str], train: Collection[str]) -> bool:
    """Whether columns are called as those of a file without a header, and not by the names of the one for training.

    There may be files whose columns have such names of their own, in any order.
    """
    return [*names] == [f"column_{n}" for n in range(1, len(names) + 1)] and not {*train} <= {*names}


def renamed(frame: Frame, train: Frame) -> Frame:
    """The samples of another file. A file without a header has the columns of the one for training, in its order."""
    if len(frame.columns) == len(train.columns) and are_counted([*frame.columns], train.columns):
        if isinstance(frame.columns, Columns):
            return replace(frame, columns=frame.columns.renamed(train.columns))
        return replace(frame, columns=dict(zip(train.columns, frame.columns.values(), strict=True)))
    return frame
