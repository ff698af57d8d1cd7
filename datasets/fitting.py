"""Fitting: from the roles of columns and the samples of a training split to a recipe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..counts import number_of
from .columns import Columns
from .dataset import Split
from .errors import DataError, unknown
from .frame import Frame
from .kinds import EACH, MAX_CLASSES, SETS
from .labels import Labels
from .preprocessing import Part, Recipe
from .roles import Categorical, Ignore, Numeric, Role
from .running_stats import Moments, pieces


class Fitting:
    """Looks at the training split, piece by piece, and gives the recipe for it."""

    def __init__(
        self, roles: Mapping[str, Role], target: tuple[str, ...], dtype: str = "float32", **options: str
    ) -> None:
        self.dtype, self.options = dtype, options
        used = {name: role for name, role in roles.items() if not isinstance(role, Ignore)}
        code = options.get("code", "")
        self.target = {name: _as_target(name, used.get(name, roles.get(name)), len(target), code) for name in target}
        self.inputs = {name: role for name, role in used.items() if name not in self.target}
        if not self.inputs:
            raise DataError("expected at least one column as an input, found none", ("columns",))
        self.fitters = {name: role.fitter() for name, role in {**self.inputs, **self.target}.items()}

    def add(self, frame: Frame) -> None:
        """Look at some more samples."""
        known = self._together(frame)
        for name, fitter in self.fitters.items():
            if name not in known:
                fitter.add(frame[name])

    def _together(self, frame: Frame) -> set[str]:
        """Look at the columns of numbers that were parsed side by side; gives those of which nothing is left to do."""
        columns = frame.columns
        if not isinstance(columns, Columns) or not columns.count:
            return set()
        roles = {**self.inputs, **self.target}
        fitters = {
            name: fitter
            for name, fitter in self.fitters.items()
            if isinstance(fitter, Moments)
            and not fitter.median
            and name in columns.places
            and _is_plain(roles[name], columns.marks.get(name, ""))
        }
        found = zip(fitters, pieces(columns, fitters), strict=True)
        known = {name: piece for name, piece in found if piece is not None}
        for name, piece in known.items():
            fitters[name].merge(piece)
        return {*known}

    def recipe(self) -> Recipe:
        """What was learnt."""
        inputs, target = (
            tuple(Part(name, role, self.fitters[name].stats()) for name, role in roles.items())
            for roles in (self.inputs, self.target)
        )
        return Recipe(inputs, target, self.dtype, **self.options)


def _is_plain(role: Role, mark: str) -> bool:
    return isinstance(role, Numeric) and role.is_affine and role.takes(mark)


def fit(frames: Iterable[Frame], roles: Mapping[str, Role], target: tuple[str, ...], **options: str) -> Recipe:
    """The recipe for the samples of a training split."""
    fitting = Fitting(roles, target, **options)
    for frame in frames:
        fitting.add(frame)
    return fitting.recipe()


def _as_target(name: str, role: Role | None, count: int, code: str) -> Role:
    """The role of a target: numbers, or one column of classes, all of which count, or labels."""
    if (code == SETS and isinstance(role, Labels)) or (code == EACH and isinstance(role, Categorical)):
        return role
    if isinstance(role, Categorical) and count == 1:
        return replace(role, limit=MAX_CLASSES, encoding="one_hot")
    if isinstance(role, Numeric):
        return role
    if role is None:
        raise unknown("target", name, (), ("target",))
    expected = "numeric" if count > 1 else "numeric or categorical"
    advice = ""
    if role.name == "date":
        number = "write a time as a number, such as the days since a first one"
        advice = f"; {number}, or let dates be the names of classes: `columns: {{{name}: categorical}}`"
    raise DataError(f'target "{name}": expected the role {expected}, found {role.name}{advice}', ("target",))


def written_by(fitted: Recipe) -> dict[str, Role]:
    """The roles of columns that are not read as they stand, as training read them."""
    read = (part for part in fitted.inputs if getattr(part.role, "format", None) or getattr(part.role, "clock", None))
    return {part.column: part.role for part in read}


def check_classes(recipe: Recipe, train: Split) -> None:
    """Raise DataError for a target of more classes than are kept."""
    if recipe.classes and int(train.columns["y"].stored.max(initial=0)) >= len(recipe.classes):
        expected = f"at most {number_of(len(recipe.classes), 'class')}"
        name = recipe.target[0].column
        raise DataError(f'target "{name}": expected {expected}, found more; is it a number?', ("target",))
