"""Recipes: the roles of all columns with what the training split taught; frames in, arrays for a model out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from .dataset import KNOWN, SIGMA, TARGET, Array, Column, Split
from .dates import Date
from .errors import DataError, unknown
from .frame import Cells, Frame
from .images import Image
from .layout import likeliest
from .roles import INT64, Categorical, Ignore, Numeric, Role, Stats
from .texts import Text

ROLES: Mapping[str, type[Role]] = {role.name: role for role in (Numeric, Categorical, Date, Text, Image, Ignore)}
MAX_CLASSES = 10_000


@dataclass(frozen=True)
class Part:
    """A column with its role and its statistics."""

    column: str
    role: Role
    stats: Stats

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a sample in this column: () of a single value; of pictures, where that is known."""
        if isinstance(self.role, Image):
            return tuple(self.stats["shape"])
        return np.shape(self.stats["mean"]) if isinstance(self.role, Numeric) else ()


@dataclass(frozen=True)
class Recipe:
    """How samples of a table are encoded, and a model's output is read. The parts stand in the order of the file."""

    inputs: tuple[Part, ...]
    target: tuple[Part, ...] = ()
    dtype: str = "float32"  # of the floats that a model is fed
    sigma: str = ""  # the column with the target's standard deviation, if there is one

    @cached_property
    def groups(self) -> dict[str, list[Part]]:
        """The inputs of the model -> the columns in each; a single one is called x."""
        groups: dict[str, list[Part]] = {}
        for part in self.inputs:
            groups.setdefault(part.role.input or _own_input(part), []).append(part)
        if len(groups) == 1 and not self.inputs[0].role.input:
            return {"x": list(self.inputs)}
        for name in KNOWN if self.sigma else (TARGET,):
            if name in groups:
                owner = "the target's name" if name == TARGET else "the name of its standard deviation"
                raise DataError(f"{name} is {owner}; give the column another `input`")
        return groups

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the target's classes; none for numbers."""
        is_class = len(self.target) == 1 and isinstance(self.target[0].role, Categorical)
        return tuple(self.target[0].stats["categories"]) if is_class else ()

    @property
    def padded(self) -> dict[str, str]:
        """The inputs that are texts filled up with 0 -> the side of the zeros, `left` or `right`."""
        roles = {name: group[0].role for name, group in self.groups.items()}
        return {n: r.padding for n, r in roles.items() if isinstance(r, Text) and r.padding != "unmasked"}

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the encoded numbers, input after input."""
        parts = (part for group in self.groups.values() for part in group)
        return tuple(name for part in parts for name in part.role.features(part.column, part.stats))

    def encode(self, frame: Frame, *, target: bool = True) -> dict[str, Array]:
        """Arrays by input, and `y`; without `target`, of samples whose target nobody knows."""
        arrays = {name: self._joined(frame, name, group) for name, group in self.groups.items()}
        known = {TARGET: self._targets(frame)} if target and self.target else {}
        if known and self.sigma:
            known[SIGMA] = self.deviations(frame)
        return arrays | known

    def columns(self, arrays: Mapping[str, Array]) -> dict[str, Column]:
        """The columns of encoded arrays, which know how they are fed."""
        columns = {}
        for name, group in self.groups.items():
            role, stats = group[0].role, group[0].stats
            column = Column(arrays[name], role.feeding(stats) if len(group) == 1 else None)
            columns[name] = column.cast(np.dtype(self.dtype))
        if "y" in arrays:
            columns["y"] = Column(arrays["y"], INT64 if self.classes else None)
        if SIGMA in arrays:
            columns[SIGMA] = Column(arrays[SIGMA])
        return columns

    def split(self, frame: Frame, *, training: bool = False) -> Split:
        """The samples of a frame; images change at random only if it is for training."""
        split = Split(self.columns(self.encode(frame)))
        return self.augmented(split) if training else split

    def augmented(self, split: Split) -> Split:
        """The split, whose images change as their roles say."""
        for name, group in self.groups.items():
            if isinstance(group[0].role, Image):
                split = split.augmented(group[0].role.augment, name)
        return split

    def restore(self, output: Array) -> Array:
        """A model's output in units of the target: numbers in its own units, or the name of the likeliest class.

        Of classes, `output` has a score each, (n, classes), or one for two classes, (n,) or (n, 1), above 0 for the
        second. Of numbers it has a row a sample and a column a target.
        """
        if self.classes:
            return likeliest(output, self.classes)
        flat = output.reshape(len(output), -1)
        if flat.shape[1] != len(self.target):
            names = ", ".join(part.column for part in self.target)
            raise DataError(f"expected outputs for {names}, found {flat.shape[1]} numbers a sample")
        columns = [
            part.role.restore(flat[:, i], part.stats)
            for i, part in enumerate(self.target)
            if isinstance(part.role, Numeric)
        ]
        return columns[0] if len(columns) == 1 else np.stack(columns, axis=1)

    def to_json(self) -> dict[str, Any]:
        """Plain data that JSON holds; `Recipe.from_json` reads it."""
        named = {"inputs": self.inputs, "target": self.target}
        return {
            "kind": "table",
            "dtype": self.dtype,
            "sigma": self.sigma,
            **{
                key: [{"column": p.column, **p.role.to_json(), "stats": p.stats} for p in parts]
                for key, parts in named.items()
            },
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Recipe:
        """The recipe that `to_json` wrote. Raises DataError for anything else."""
        try:
            inputs, target = (tuple(_part(item) for item in plain[key]) for key in ("inputs", "target"))
            return cls(inputs, target, np.dtype(plain["dtype"]).name, str(plain["sigma"]))
        except (KeyError, TypeError, AttributeError):
            raise DataError("expected a table's statistics as they were saved, found something else") from None

    def _targets(self, frame: Frame) -> Array:
        if self.classes:
            return _labels(frame[self.target[0].column], self.target[0])
        arrays = [self._encoded(frame, part) for part in self.target]
        return arrays[0] if len(arrays) == 1 else np.stack(arrays, axis=1)

    def deviations(self, frame: Frame) -> Array:
        """The standard deviations of the target, in its encoded units. Raises DataError for one that is none."""
        cells = frame[self.sigma]
        values = cells.numbers()
        wrong = ~((values > 0) & np.isfinite(values))  # also of NaN, which a missing cell is
        if wrong.any():
            error = cells.error(int(wrong.argmax()), "a standard deviation, a number above 0")
            raise DataError(str(error), ("sigma",))
        part = self.target[0]
        scale = part.role.affine(part.stats)[0] if isinstance(part.role, Numeric) else 1.0
        return np.asarray(values / scale, self.dtype)

    def _encoded(self, frame: Frame, part: Part) -> Array:
        """A column as it is stored; pictures as they came, since they become floats when they are fed."""
        _check_shape(frame[part.column], part)
        array = part.role.encode(frame[part.column], part.stats)
        is_float = array.dtype.kind in "fb" and not isinstance(part.role, Image)
        if not is_float:
            return array
        with np.errstate(over="ignore"):
            stored = array.astype(self.dtype, copy=False)
        beyond = np.isinf(stored) if stored.dtype != array.dtype and array.dtype.kind == "f" else np.zeros(0, bool)
        if beyond.any():
            expected = (
                f"a number to {np.finfo(self.dtype).max:.2g}, the largest of float32; `dtype: float64` holds more"
            )
            raise frame[part.column].error(int(np.argwhere(beyond)[0][0]), expected)
        return stored

    def _joined(self, frame: Frame, name: str, group: list[Part]) -> Array:
        arrays = [self._encoded(frame, part) for part in group]
        if len(arrays) == 1:
            return arrays[0][:, None] if arrays[0].ndim == 1 and group[0].role.joins else arrays[0]
        apart = [part.column for part in group if not part.role.joins]
        if apart:
            expected = f'expected columns of numbers, found "{apart[0]}"; give it an input of its own'
            raise DataError(f"input {name}: {expected}")
        return np.concatenate([array.reshape(len(array), -1) for array in arrays], axis=1)


def _check_shape(cells: Cells, part: Part) -> None:
    """Raise DataError for samples of another shape than those of training, which statistics would be spread over."""
    found = cells.values.shape[1:] if isinstance(cells.values, np.ndarray) else ()
    if isinstance(part.role, Numeric) and found != part.shape:
        expected = f"samples of shape {part.shape}" if part.shape else "one number a sample"
        shown = f"shape {found}" if found else "one number a sample"
        raise DataError(f'{cells.file}: column "{cells.name}": expected {expected}, found {shown}')


def _own_input(part: Part) -> str:
    return "x" if part.role.joins else re.sub(r"\W+", "_", part.column).strip("_") or "input"


def _labels(cells: Cells, part: Part) -> Array:
    """The numbers of the classes; one that the training split does not have is numbered behind all others."""
    count = len(part.stats["categories"])
    numbers = part.role.numbers(cells, part.stats) if isinstance(part.role, Categorical) else np.zeros(0, np.int64)
    return np.where(numbers < 0, count, numbers).astype(np.min_scalar_type(count))


def _part(plain: Mapping[str, Any]) -> Part:
    described = ("column", "role", "stats")
    options: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in plain.items() if key not in described
    }
    return Part(str(plain["column"]), ROLES[plain["role"]](**options), dict(plain["stats"]))


class Fitting:
    """Looks at the training split, piece by piece, and gives the recipe for it."""

    def __init__(
        self, roles: Mapping[str, Role], target: tuple[str, ...], dtype: str = "float32", sigma: str = ""
    ) -> None:
        self.dtype, self.sigma = dtype, sigma
        used = {name: role for name, role in roles.items() if not isinstance(role, Ignore)}
        self.target = {name: _as_target(name, used.get(name, roles.get(name)), len(target)) for name in target}
        self.inputs = {name: role for name, role in used.items() if name not in self.target}
        if not self.inputs:
            raise DataError("expected at least one column as an input, found none", ("columns",))
        self.fitters = {name: role.fitter() for name, role in {**self.inputs, **self.target}.items()}

    def add(self, frame: Frame) -> None:
        """Look at some more samples."""
        for name, fitter in self.fitters.items():
            fitter.add(frame[name])

    def recipe(self) -> Recipe:
        """What was learnt."""
        inputs, target = (
            tuple(Part(name, role, self.fitters[name].stats()) for name, role in roles.items())
            for roles in (self.inputs, self.target)
        )
        return Recipe(inputs, target, self.dtype, self.sigma)


def fit(frames: Iterable[Frame], roles: Mapping[str, Role], target: tuple[str, ...], **options: str) -> Recipe:
    """The recipe for the samples of a training split."""
    fitting = Fitting(roles, target, **options)
    for frame in frames:
        fitting.add(frame)
    return fitting.recipe()


def _as_target(name: str, role: Role | None, count: int) -> Role:
    """The role of a target: numbers, or one column of classes, all of which count."""
    if isinstance(role, Categorical) and count == 1:
        return replace(role, limit=MAX_CLASSES, encoding="one_hot")
    if isinstance(role, Numeric):
        return role
    if role is None:
        raise unknown("target", name, (), ("target",))
    expected = "numeric" if count > 1 else "numeric or categorical"
    raise DataError(f'target "{name}": expected the role {expected}, found {role.name}', ("target",))
