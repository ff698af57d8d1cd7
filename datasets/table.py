"""Tables: a file of columns, with a role each, a target and a split, as a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from . import guess, kinds
from .checks import left_out, warnings
from .dataset import Dataset, Split
from .errors import DataError, unknown
from .fitting import fit
from .frame import Frame
from .labels import Labels
from .preprocessing import Recipe
from .roles import REFUSE, Categorical, Ignore, Numeric, Role
from .splits import Rule, Shuffled, Stratified
from .stream import written

IsTest = Callable[[Frame], npt.NDArray[np.bool_]]  # what says of the samples of a piece which are for testing


class Source(Protocol):
    """A file of columns."""

    @property
    def path(self) -> Path:
        """Where it is."""

    def settled(self) -> Any:
        """The same with nothing about the file left open."""

    def read(self) -> Frame:
        """All samples."""

    def head(self) -> Frame:
        """The first samples."""

    def frames(self) -> Iterator[Frame]:
        """All samples, in pieces."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A file of columns and what is to be made of them. What is left open is guessed, see `settled`.

    `target` names the columns to predict, `columns` gives roles, `split` says what is held out unless `test` is a
    file of its own. `stream` leaves the samples on disk. `dtype` is that of the floats that are fed. With `plain`,
    columns of numbers without a role are fed as they stand, even if they count the rows. `wanted` kinds of targets will
    do, the usual first, see `kinds`; `kind` and `code` say what became of it. `sigma` names the column with the
    target's standard deviations, `weights` the one that says how much samples count.
    """

    source: Source
    target: tuple[str, ...] = ()
    columns: Mapping[str, Role] = field(default_factory=dict)
    split: Rule | None = None
    test: Source | None = None
    stream: bool = False
    dtype: str = "float32"
    plain: bool = False
    wanted: tuple[str, ...] = (kinds.ANY,)
    kind: str = kinds.ANY
    code: str = ""
    sigma: str = ""
    weights: str = ""

    def __post_init__(self) -> None:
        if self.test is not None and self.split is not None:
            raise DataError("expected a split or a file for testing, found both", ("split",))

    def read(self, fitted: Recipe | None = None) -> Dataset:
        """The data set; with `fitted`, encoded as an earlier training split taught."""
        frame = self.source.head() if self.stream else self.source.read()
        table = self.settled(frame)
        recipe, splits, found = table._streamed(frame, fitted) if self.stream else table._whole(frame, fitted)
        known = (*self.columns, self.sigma, self.weights)
        guessed = [name for name, role in table.columns.items() if role.name == "ignore" and name not in known]
        return table._dataset(recipe, splits, (*left_out(frame, guessed), *found))

    def settled(self, frame: Frame) -> Table:
        """The same table with nothing left open: target, role of every column, split, and how the file is written."""
        target = self.target or (guess.target(frame),)
        for name in target:
            _check_name(frame, name, ("target",))
        for part in ("sigma", "weights"):
            if getattr(self, part):
                _check_name(frame, getattr(self, part), (part,))
        for name in self.columns:
            _check_name(frame, name, ("columns", name))
        if self.split is not None and self.split.by is not None:
            _check_name(frame, self.split.by, ("split",))
        guessed = guess.roles(frame, target)
        for name, role in guessed.items() if self.plain else ():
            is_free = name not in target or {kinds.ANY, kinds.NUMBERS, kinds.COUNTS} & {*self.wanted}
            if isinstance(role, Numeric) or (is_free and guess.is_quantity(frame[name])):
                guessed[name] = Numeric(scale="none", missing=REFUSE)
        beside = [name for name in (self.sigma, self.weights) if name]
        coding = kinds.settled(_with_target(frame, self._required(target)), target, self.wanted, self.columns)
        roles = {**guessed, **self.columns, **(self._plainly(coding.roles) if coding else {})}
        if self.sigma:
            _check_sigma(self.sigma, target, {**guessed, **roles})
        if self.weights in target:
            raise DataError(f'weights: expected another column than the target "{self.weights}"', ("weights",))
        roles |= {name: Ignore() for name in beside}
        split = self.split
        if split is None and self.test is None:
            is_class = len(target) == 1 and isinstance(roles[target[0]], Categorical)
            split = Stratified() if is_class and not self.stream else Shuffled()
        ordered = {name: roles[name] for name in frame.columns}
        test = self.test.settled() if self.test else None
        kind, code = (coding.kind, coding.code) if coding else (self.kind, self.code)
        return replace(
            self,
            source=self.source.settled(),
            target=target,
            columns=ordered,
            split=split,
            test=test,
            kind=kind,
            code=code,
        )

    def _plainly(self, roles: Mapping[str, Role]) -> Mapping[str, Role]:
        """Roles of targets that nobody gave, as they are where columns are fed as they stand."""
        given, plain = self.columns, Numeric(scale="none", missing=REFUSE)
        return {
            name: plain if self.plain and name not in given and isinstance(role, Numeric) else role
            for name, role in roles.items()
        }

    def _required(self, target: tuple[str, ...]) -> tuple[str, ...]:
        """The columns without which a sample has no target; an empty set of labels is one."""
        return tuple(name for name in target if not isinstance(self.columns.get(name), Labels))

    def frames(self, side: str) -> Iterator[Frame]:
        """The samples of the train or test split as they stand in the file, in the order of the split, in pieces.

        The table must be settled.
        """
        if not self.stream:
            yield self._sides(self.source.read())[side == "test"]
        elif side == "test" and self.test is not None:
            yield from self._pieces(self.test)
        else:
            is_test = self._masks()
            for frame in self._pieces(self.source):
                part = _side(frame, is_test, side)
                if len(part):
                    yield part

    def _sides(self, frame: Frame) -> tuple[Frame, Frame]:
        frame = _with_target(frame, self._required(self.target))
        if self.split is not None and self.split.keeps_all:
            return frame, frame.take(np.arange(0))
        if self.split is not None:
            train, test = self.split.rows(frame, self._labels(frame))
            return frame.take(train), frame.take(test)
        test_frame = _renamed(self.test, frame) if self.test is not None else frame
        return frame, _with_target(test_frame, self._required(self.target))

    def _whole(self, frame: Frame, fitted: Recipe | None) -> tuple[Recipe, dict[str, Split], tuple[str, ...]]:
        return self._fitted(*self._sides(frame), fitted)

    def _fitted(
        self, train: Frame, test: Frame, fitted: Recipe | None
    ) -> tuple[Recipe, dict[str, Split], tuple[str, ...]]:
        recipe = fitted or self._learnt([train])
        splits = {"train": recipe.split(train, training=True)}
        if len(test):
            splits["test"] = recipe.split(test)
        return recipe, splits, warnings(train, recipe, splits, leaks=not self.plain)

    def _streamed(self, head: Frame, fitted: Recipe | None) -> tuple[Recipe, dict[str, Split], tuple[str, ...]]:
        is_test = self._masks()
        recipe = fitted or self._learnt(_side(frame, is_test, "train") for frame in self._pieces(self.source))
        splits = written(self._pieces(self.source), recipe, is_test)
        if self.test is not None:
            splits["test"] = written(self._pieces(self.test), recipe, None)["train"]
        return (
            recipe,
            splits,
            warnings(_with_target(head, self._required(self.target)), recipe, splits, leaks=not self.plain),
        )

    def _masks(self) -> IsTest | None:
        """What says of the samples of a piece which are for testing; None if none are."""
        split = self.split
        if split is None or split.keeps_all:
            return None
        total = sum(len(frame) for frame in self._pieces(self.source)) if split.counts else 0
        return lambda frame: split.is_test(frame, total)

    def _learnt(self, frames: Iterable[Frame]) -> Recipe:
        options = {name: getattr(self, name) for name in ("dtype", "sigma", "weights", "kind", "code")}
        return fit(frames, self.columns, self.target, **options)

    def _pieces(self, source: Source) -> Iterator[Frame]:
        """The samples that have a target, renumbered, so that a split need not know of the others."""
        first = 1
        for frame in source.frames():
            kept = _with_target(frame, self._required(self.target))
            yield kept if kept.first == first else replace(kept, first=first, picked=kept.numbers)
            first += len(kept)

    def _labels(self, frame: Frame) -> npt.NDArray[Any] | None:
        """The classes as numbers, for splits that look at them."""
        role = self.columns[self.target[0]]
        if len(self.target) > 1 or not isinstance(role, Categorical):
            return None
        ranks: npt.NDArray[Any] = role.names(frame[self.target[0]]).rank("dense").to_numpy()
        return ranks

    def _dataset(self, recipe: Recipe, splits: dict[str, Split], found: tuple[str, ...]) -> Dataset:
        path = self.source.path
        sizes = ", ".join(f"{len(split):,} to {name}" for name, split in splits.items())
        return Dataset(
            name=path.name,
            description=f"{len(self.columns):,} columns, target {', '.join(self.target)}; {sizes}",
            source=str(path),
            licence="",
            classes=recipe.classes,
            features=recipe.features,
            splits=splits,
            fitted=recipe,
            warnings=found,
            settled=self,
        )


def _side(frame: Frame, is_test: IsTest | None, side: str) -> Frame:
    """The samples of a piece that are of the train or test split; all of them if nothing parts them."""
    return frame if is_test is None else frame.take(np.flatnonzero(is_test(frame) == (side == "test")))


def _check_name(frame: Frame, name: str, path: tuple[str, ...]) -> None:
    if name not in frame.columns:
        raise DataError(f"{frame.file}: {unknown('column', name, frame.columns)}", path)


def _check_sigma(name: str, target: tuple[str, ...], roles: Mapping[str, Role]) -> None:
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


def _with_target(frame: Frame, target: tuple[str, ...]) -> Frame:
    """The samples whose target is known; of the others nothing can be learnt."""
    if not target:
        return frame
    missing = np.any([frame[name].missing() for name in target], axis=0)
    kept = frame.take(np.flatnonzero(~missing)) if missing.any() else frame
    if not len(kept):
        raise DataError(f'{frame.file}: expected samples with a "{target[0]}", found none', ("target",))
    return kept


def _renamed(test: Source, train: Frame) -> Frame:
    """The samples for testing. A file without a header has the columns of the one for training, in its order."""
    frame = test.read()
    if len(frame.columns) == len(train.columns) and all(name.startswith("column_") for name in frame.columns):
        return replace(frame, columns=dict(zip(train.columns, frame.columns.values(), strict=True)))
    return frame
