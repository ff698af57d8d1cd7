"""Tables: a file of columns, with a role each, a target and a split, as a data set."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt

from ..counts import number_of
from . import guess, kinds
from .checks import Rows, left_out, spelled, untargeted, warnings
from .dataset import Dataset, Split
from .dates import Date
from .errors import DataError
from .fitting import check_classes, fit, written_by
from .frame import Frame
from .labels import Labels
from .nested import is_nothing
from .preprocessing import Recipe
from .reading_notes import reading_notes
from .roles import REFUSE, Categorical, Ignore, Numeric, Role
from .samples import Sides, check_name, check_sigma, lacking, part_of, renamed, with_target
from .splits import PARTS, HeldOut, Rule, Shuffled, Stratified, Time, share_of
from .strays import check_numbers
from .stream import written
from .tabular import TableFile, written_as


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

    `target` names the columns to predict, `columns` gives roles, `split` says what is held out for validation and
    testing, as far as `validation` and `test` are no files of their own. `stream` leaves the samples on disk. `dtype`
    is that of the floats that are fed. With `plain`, columns of numbers without a role are fed as they stand, even if
    they count the rows, and a split that does not say otherwise holds out nothing for validation. `wanted` kinds of
    targets will do, the usual first, see `kinds`; `kind` and `code` say what became of it. `sigma` names the column
    with the target's standard deviations, `weights` the one that says how much samples count.
    """

    source: Source
    target: tuple[str, ...] = ()
    columns: Mapping[str, Role] = field(default_factory=dict)
    split: Rule | None = None
    test: Source | None = None
    validation: Source | None = None
    stream: bool = False
    dtype: str = "float32"
    plain: bool = False
    wanted: tuple[str, ...] = (kinds.OPEN,)
    kind: str = kinds.ANY
    code: str = ""
    sigma: str = ""
    weights: str = ""

    def __post_init__(self) -> None:
        for name, file in (("test", self.test), ("validation", self.validation)):
            if file is not None and getattr(self.split, name, None):
                raise DataError(f"expected a share or a file for {name}, found both; leave one of them out", ("split",))
        if self.test is not None and self.split is not None and not isinstance(self.split, HeldOut):
            raise DataError("expected a fold or a file for testing, found both; leave one of them out", ("split",))

    def read(
        self, fitted: Recipe | None = None, *, frame: Frame | None = None, settled: Table | None = None
    ) -> Dataset:
        """The data set; with `fitted`, encoded as an earlier training split taught.

        `frame` are the samples if they were read already, by `parsed`, and `settled` is this table with nothing left
        open about them, if that is known.
        """
        table = replace(self, columns={**(written_by(fitted) if fitted is not None else {}), **self.columns})
        if self.stream or frame is None:
            frame = self.source.head() if self.stream else table.parsed(self.source)
        table = settled or table.settled(frame)
        check_inputs(frame, table, (*self.columns, self.sigma, self.weights))
        if self.stream and table.split is not None and table.split.validation is None:
            table = replace(table, split=table.split.with_share(table._count()))
        if self.stream:
            recipe, splits, found, lost = table._streamed(frame, fitted)
        else:
            files = table._files(frame, table.parsed)
            recipe, splits, found = table._fitted(table._parted(files), fitted)
            lost = tuple(table._lost(files))
        if fitted is None:
            check_classes(recipe, splits["train"])
        table = table._with_shares({name: len(split) for name, split in splits.items()})
        known = (*self.columns, self.sigma, self.weights)
        guessed = [name for name, role in table.columns.items() if role.name == "ignore" and name not in known]
        guessed = [name for name in guessed if not is_nothing(frame.columns[name])]  # which its reader said
        notes = [note for source in (self.source, self.validation, self.test) for note in getattr(source, "notes", ())]
        open_roles = {name: role for name, role in table.columns.items() if name not in known}
        notes += reading_notes(frame, open_roles) if fitted is None else ()
        grouping = table.grouping if table.grouping in guessed else ""
        said = (*dict.fromkeys(notes), *left_out(frame, guessed, grouping), *found)
        return table._dataset(recipe, splits, lost, said)

    def parsed(self, source: Source) -> Frame:
        """All samples of a file, whose numbers are parsed once."""
        if not isinstance(source, TableFile):
            return source.read()
        by = self.split.by if self.split is not None else None
        names = [name for name, role in self.columns.items() if not isinstance(role, Numeric)]
        return source.parsed([*names, *([by] if by else [])])

    def settled(self, frame: Frame) -> Table:
        """The same table with nothing left open: target, role of every column, split, and how the file is written."""
        if lists := [name for name in getattr(self.source, "lists", ()) if name not in self.columns]:
            return replace(self, columns={**self.columns, **dict.fromkeys(lists, Labels())}).settled(frame)
        target = self.target or (guess.target(frame),)
        for name in target:
            check_name(frame, name, ("target",))
        for part in ("sigma", "weights"):
            if getattr(self, part):
                check_name(frame, getattr(self, part), (part,))
        for name in self.columns:
            check_name(frame, name, ("columns", name))
        check_numbers(frame, self.columns, target)
        if self.split is not None and self.split.by is not None:
            check_name(frame, self.split.by, ("split",))
        guessed = guess.roles(frame, target)
        if self.grouping and self.grouping not in target and not self.plain:
            guessed[self.grouping] = Ignore()
        for name, role in guessed.items() if self.plain else ():
            is_free = name not in target or {kinds.OPEN, kinds.ANY, kinds.NUMBERS, kinds.COUNTS} & {*self.wanted}
            if isinstance(role, Numeric) or (is_free and guess.is_quantity(frame[name])):
                guessed[name] = Numeric(scale="none", missing=REFUSE)
        beside = [name for name in (self.sigma, self.weights) if name]
        coding = self._coding(with_target(frame, self._required(target)), target)
        roles = {**guessed, **self.columns, **(self._plainly(coding.roles) if coding else {})}
        if self.sigma:
            check_sigma(self.sigma, target, {**guessed, **roles})
        if self.weights in target:
            raise DataError(f'weights: expected another column than the target "{self.weights}"', ("weights",))
        roles |= {name: Ignore() for name in beside}
        roles = self._readable(frame, roles)
        is_class = len(target) == 1 and isinstance(roles[target[0]], Categorical)
        split = self._settled_split(is_class)
        if split is not None and split.by is not None:
            split = split.settled(frame, roles[split.by])
        ordered = {name: roles[name] for name in frame.columns}
        validation, test = (file.settled() if file else None for file in (self.validation, self.test))
        source, validation, test = (
            written_as(file, frame.numerals) for file in (self.source.settled(), validation, test)
        )
        kind, code = (coding.kind, coding.code) if coding else (self.kind, self.code)
        return replace(
            self, source=source, target=target, columns=ordered, split=split, validation=validation, test=test,
            kind=kind, code=code,
        )  # fmt: skip

    @property
    def grouping(self) -> str:
        """The column whose names a split keeps together, which is no input unless it has a role; empty without one."""
        return getattr(self.split, "grouping", "") or ""

    def _coding(self, frame: Frame, target: tuple[str, ...]) -> kinds.Coding | None:
        """How the target is coded: by all samples, or, where these will not do, by those for training.

        A class that only others have is then one that training does not see.
        """
        try:
            return kinds.settled(frame, target, self.wanted, self.columns)
        except kinds.KindError:
            split = self._settled_split(len(target) == 1)
            if self.stream or split is None or split.keeps_all or len(target) > 1:
                raise
            labels = replace(self, target=target, columns={target[0]: Categorical()})._labels(frame)
            train = frame.take(split.parts(frame, labels)[0])
            try:
                return kinds.settled(train, target, self.wanted, self.columns)
            except kinds.KindError:
                pass
            raise

    def _plainly(self, roles: Mapping[str, Role]) -> Mapping[str, Role]:
        """Roles of targets that nobody gave, as they are where columns are fed as they stand."""
        given, plain = self.columns, Numeric(scale="none", missing=REFUSE)
        return {
            name: plain if self.plain and name not in given and isinstance(role, Numeric) else role
            for name, role in roles.items()
        }

    def _readable(self, frame: Frame, roles: Mapping[str, Role]) -> dict[str, Role]:
        """The roles, with nothing left open about how cells are written; a split may say it of its column."""
        split, known = self.split, dict(roles)
        if isinstance(split, Time) and split.format is not None:
            role = known[split.column]
            if isinstance(role, Date) and role.format is None:
                known[split.column] = replace(role, format=split.format)
        return {
            name: _with_unit(role, frame.mark(name))
            if isinstance(role, Numeric) and frame.is_parsed(name)  # nothing else is open
            else role.settled(frame[name])
            for name, role in known.items()
        }

    def _required(self, target: tuple[str, ...]) -> tuple[str, ...]:
        """The columns without which a sample has no target; an empty set of labels is one."""
        return tuple(name for name in target if not isinstance(self.columns.get(name), Labels))

    def _settled_split(self, is_class: bool) -> Rule | None:
        """The split, without the shares of parts that have files; None if all parts have."""
        split = self.split
        if split is None:
            if self.test is not None and self.validation is not None:
                return None
            split = Stratified() if is_class and not self.stream else Shuffled()
        if isinstance(split, HeldOut) and split.test is None:
            split = replace(split, test=0.0 if self.test is not None else split.test_share)
        if split.validation is None and (self.plain or self.validation is not None):
            split = replace(split, validation=0.0)
        return split

    def _with_shares(self, sizes: Mapping[str, int]) -> Table:
        """The same table, in whose split a share for validation that was left open is that of the sizes found."""
        if self.split is None or self.split.validation is not None:
            return self
        held_out = sizes.get("validation", 0)
        share = share_of(held_out, sizes["train"] + held_out)
        return replace(self, split=replace(self.split, validation=share))

    def frames(self, side: str) -> Iterator[Frame]:
        """The samples of a split as they stand in the file, in the order of the split, in pieces.

        The table must be settled.
        """
        file = {"test": self.test, "validation": self.validation}.get(side)
        if not self.stream:
            yield self._sides(self.source.read())[side]
        elif file is not None:
            yield from self._pieces(file)
        else:
            sides = self._masks()
            for frame in self._pieces(self.source):
                part = part_of(frame, sides, side)
                if len(part):
                    yield part

    def _sides(self, frame: Frame) -> dict[str, Frame]:
        """The samples of each split; of those alone that have any."""
        return self._parted(self._files(frame, lambda file: file.read()))

    def _files(self, frame: Frame, read: Callable[[Source], Frame]) -> dict[str, Frame]:
        """All rows of the file, and of those for validation and testing."""
        files = (("validation", self.validation), ("test", self.test))
        return {"train": frame, **{name: renamed(read(file), frame) for name, file in files if file is not None}}

    def _parted(self, files: Mapping[str, Frame]) -> dict[str, Frame]:
        known = {name: with_target(frame, self._required(self.target)) for name, frame in files.items()}
        if self.split is not None and not self.split.keeps_all:
            frame = known["train"]
            rows = self.split.parts(frame, self._labels(frame))
            known |= {name: frame.take(part) for name, part in zip(PARTS, rows, strict=True) if len(part)}
        return known

    def _lost(self, files: Mapping[str, Frame]) -> Iterator[str]:
        """How many rows of each file have no target."""
        sources = {"train": self.source, "validation": self.validation, "test": self.test}
        is_class = isinstance(self.columns[self.target[0]], Categorical)
        for name, frame in files.items():
            count = int(lacking(frame, self._required(self.target)).sum())
            marks = spelled(sources[name], self.target, count) if count else {}
            file = frame.file if name != "train" else ""
            yield from untargeted(self.target, count, len(frame), marks, file=file, is_class=is_class)

    def _fitted(
        self, frames: Mapping[str, Frame], fitted: Recipe | None
    ) -> tuple[Recipe, dict[str, Split], tuple[str, ...]]:
        train = frames["train"]
        recipe = fitted or self._learnt([train])
        splits = {name: recipe.split(frames[name], training=name == "train") for name in PARTS if name in frames}
        return recipe, splits, warnings(train, recipe, splits, leaking=not self.plain)

    def _streamed(
        self, head: Frame, fitted: Recipe | None
    ) -> tuple[Recipe, dict[str, Split], tuple[str, ...], tuple[str, ...]]:
        sides = self._masks()
        recipe = fitted or self._learnt(part_of(frame, sides, "train") for frame in self._pieces(self.source))
        rows = Rows()
        splits = written(self._pieces(self.source, rows), recipe, sides, self._drawn_parts())
        lost = list(untargeted(self.target, rows.lost, rows.total))
        for name, file in (("validation", self.validation), ("test", self.test)):
            if file is not None:
                rows = Rows()
                splits[name] = written(self._pieces(file, rows), recipe, None)["train"]
                lost += untargeted(self.target, rows.lost, rows.total, file=str(file.path))
        found = warnings(with_target(head, self._required(self.target)), recipe, splits, leaking=not self.plain)
        return recipe, {name: splits[name] for name in PARTS if name in splits}, found, tuple(lost)

    def _drawn_parts(self) -> tuple[str, ...]:
        """The parts that the split draws from the file."""
        split = self.split
        wanted = {"test": getattr(split, "test", 1.0), "validation": getattr(split, "validation", 0.0)}
        return tuple(name for name in PARTS if wanted.get(name) != 0)

    def _masks(self) -> Sides | None:
        """What says of the samples of a piece in which part they are; None if all of them are for training."""
        split = self.split
        if split is None or split.keeps_all:
            return None
        total = self._count() if split.counts else 0
        return lambda frame: split.sides(frame, total)

    def _count(self) -> int:
        """How many samples the file has."""
        return sum(len(frame) for frame in self._pieces(self.source))

    def _learnt(self, frames: Iterable[Frame]) -> Recipe:
        options = {name: getattr(self, name) for name in ("dtype", "sigma", "weights", "kind", "code")}
        return fit(frames, self.columns, self.target, **options)

    def _pieces(self, source: Source, rows: Rows | None = None) -> Iterator[Frame]:
        """The samples that have a target, renumbered, so that a split need not know of the others; ``rows`` counts."""
        first = 1
        for frame in source.frames():
            if rows is not None:
                rows.add(len(frame), lacking(frame, self._required(self.target)))
            kept = with_target(frame, self._required(self.target))
            yield kept if kept.first == first else replace(kept, first=first, picked=kept.numbers)
            first += len(kept)

    def _labels(self, frame: Frame) -> npt.NDArray[Any] | None:
        """The classes as numbers, for splits that look at them."""
        role = self.columns[self.target[0]]
        if len(self.target) > 1 or not isinstance(role, Categorical):
            return None
        ranks: npt.NDArray[Any] = role.names(frame[self.target[0]]).rank("dense").to_numpy()
        return ranks

    def _dataset(
        self, recipe: Recipe, splits: dict[str, Split], lost: tuple[str, ...], found: tuple[str, ...]
    ) -> Dataset:
        path = self.source.path
        sizes = ", ".join(f"{len(split):,} to {name}" for name, split in splits.items())
        return Dataset(
            name=path.name,
            description=f"{number_of(len(self.columns), 'column')}, target {', '.join(self.target)}; {sizes}",
            source=str(path), licence="", classes=recipe.classes, features=recipe.features, splits=splits,
            fitted=recipe, warnings=(*lost, *found), settled=self, lost=lost,
        )  # fmt: skip


def _with_unit(role: Numeric, mark: str) -> Role:
    """The role with what stands beside the digits, if that is open."""
    return replace(role, unit=mark) if role.unit is None and not role.clock else role


def check_inputs(frame: Frame, table: Table, given: Collection[str]) -> None:
    """Raise DataError where a settled table has no column left as an input, with why those not `given` are none."""
    others = [name for name in table.columns if name not in table.target]
    if len(frame) < 2 or any(not isinstance(table.columns[name], Ignore) for name in others):
        return  # of one sample, that is what is told
    reasons = guess.reasons(frame, [name for name in others if name not in given])
    said = "; ".join(f"{', '.join(json.dumps(name) for name in names)}: {why}" for why, names in reasons.items())
    found = f"none ({said})" if said else "none"
    raise DataError(f"{frame.file}: expected at least one column as an input, found {found}", ("columns",))
