"""Recipes: the roles of all columns with what the training split taught; frames in, arrays for a model out."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np

from .columns import Columns
from .dataset import KNOWN, SIGMA, TARGET, WEIGHTS, Array, Cast, Column, Feeding, Scaling, Split
from .dates import Date
from .errors import CellError, DataError
from .frame import Cells, Frame
from .images import Image
from .kinds import ANY, EACH, LABELS, NAMES, ONE_HOT, PLACES, SCALED, SETS, SHARES, check
from .labels import Labels
from .layout import likeliest
from .roles import INT64, Categorical, Ignore, Numeric, Role, Stats
from .scaling import encoded, fits
from .texts import Text
from .vocabulary import Vocabulary

ROLES: Mapping[str, type[Role]] = {
    role.name: role for role in (Numeric, Categorical, Date, Text, Image, Labels, Ignore)
}
_OWNERS = {
    TARGET: "the target's name",
    SIGMA: "the name of its standard deviation",
    WEIGHTS: "the name of the samples' weights",
}


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
    kind: str = ANY  # of the target, see `kinds`
    code: str = ""  # how the target is coded; what its role says where nothing else does
    weights: str = ""  # the column that says how much samples count, if there is one

    @cached_property
    def groups(self) -> dict[str, list[Part]]:
        """The inputs of the model -> the columns in each: numbers side by side in x, all else by its own name."""
        groups: dict[str, list[Part]] = {}
        for part in self.inputs:
            groups.setdefault(part.role.input or _own_input(part), []).append(part)
        taken = {TARGET: True, SIGMA: bool(self.sigma), WEIGHTS: bool(self.weights)}
        for name in KNOWN:
            if name in groups and taken[name]:
                raise DataError(f"{name} is {_OWNERS[name]}; give the column another `input`")
        return groups

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the target's classes; none for numbers."""
        if not self.target:
            return ()
        first = self.target[0]
        if self.code == ONE_HOT:
            return self._members
        if self.code == PLACES:
            return tuple(map(str, range(int(np.max(first.stats["high"])) + 1)))
        is_class = len(self.target) == 1 and isinstance(first.role, Categorical)
        return tuple(first.stats["categories"]) if is_class else ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of labels that do not exclude each other; none if a sample has one target."""
        if self.kind != LABELS or self.code == NAMES:
            return ()
        if self.code == SETS:
            return tuple(self.target[0].stats["categories"])
        return self._members if len(self._members) > 1 else ()

    @property
    def separator(self) -> str:
        """What stands between the names of labels where a cell holds all of them; empty where none does."""
        role = self.target[0].role if self.target else None
        return role.separator if isinstance(role, Labels) else ""

    @property
    def shares(self) -> tuple[str, ...]:
        """The names of the shares of a sample; none if it has another target."""
        return self._members if self.kind == SHARES else ()

    @property
    def answers(self) -> tuple[str, str]:
        """The names of the two answers to each label, the second for 1."""
        found = {tuple(part.stats["categories"]) for part in self.target} if self.code == EACH else set()
        only = next(iter(found), ())
        return (only[0], only[1]) if len(found) == 1 and len(only) == 2 else ("0", "1")

    @cached_property
    def _members(self) -> tuple[str, ...]:
        """The names of all numbers of a target: its columns, or the places of an array."""
        if len(self.target) > 1:
            return tuple(part.column for part in self.target)
        size = int(np.size(self.target[0].stats["mean"])) if isinstance(self.target[0].role, Numeric) else 1
        return (self.target[0].column,) if size == 1 else tuple(map(str, range(size)))

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of the numbers that are predicted: the columns, or a name for each number of an array."""
        if len(self.target) == 1 and len(self._members) > 1:
            return tuple(f"{self.target[0].column}_{place}" for place in self._members)
        return tuple(part.column for part in self.target)

    @property
    def target_shape(self) -> tuple[int, ...]:
        """The shape of a sample's target as it is fed."""
        if self.code == SETS:
            return (len(self.labels),)
        if self.code == ONE_HOT or not self.target:
            return ()
        if len(self.target) > 1:
            return (len(self.target),)
        first = self.target[0]
        return tuple(np.shape(first.stats["mean"])) if isinstance(first.role, Numeric) else ()

    @property
    def is_class(self) -> bool:
        """Whether the target is fed as class numbers."""
        return bool(self.classes) and not self.labels

    @property
    def units(self) -> tuple[Array, Array, Array | None] | None:
        """(scale, offset, log) of numbers, in the shape of a sample's target: encoded * scale + offset, and where `log`
        is true expm1 of that, are in their own units. None where they are fed in these, or have none."""
        found = []
        for part in self.target:
            if not isinstance(part.role, Numeric) or self.code not in ("", SCALED):
                return None
            scale, offset = part.role.affine(part.stats)
            found.append((scale, offset, np.full(np.shape(scale), part.role.log)))
        if not found:
            return None
        scale, offset, log = (np.stack(c, axis=-1) if len(found) > 1 else c[0] for c in zip(*found, strict=True))
        if not log.any() and (scale == 1).all() and (offset == 0).all():
            return None
        return scale, offset, log if log.any() else None

    @property
    def padded(self) -> dict[str, str]:
        """The inputs that are texts filled up with 0 -> the side of the zeros, `left` or `right`."""
        roles = {name: group[0].role for name, group in self.groups.items()}
        return {n: r.padding for n, r in roles.items() if isinstance(r, Text) and r.padding != "unmasked"}

    @property
    def tokens(self) -> dict[str, int]:
        """The inputs that are numbers of tokens or names -> how many there are, from 0."""
        found = {}
        for name, (first, *_) in self.groups.items():
            if isinstance(first.role, Text):
                found[name] = len(Vocabulary(first.role.unit, tuple(first.stats["vocabulary"])))
            elif isinstance(first.role, Categorical) and not first.role.joins:
                found[name] = len(first.stats["categories"]) + 1
        return found

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
        if known and self.weights:
            known[WEIGHTS] = self.sample_weights(frame)
        return arrays | known

    def columns(self, arrays: Mapping[str, Array]) -> dict[str, Column]:
        """The columns of encoded arrays, which know how they are fed."""
        columns = {}
        for name, group in self.groups.items():
            role, stats = group[0].role, group[0].stats
            column = Column(arrays[name], role.feeding(stats) if len(group) == 1 else None)
            columns[name] = column.cast(np.dtype(self.dtype))
        if "y" in arrays:
            columns["y"] = Column(arrays["y"], INT64 if self.is_class else self._bits(arrays["y"]))
        if SIGMA in arrays:
            columns[SIGMA] = Column(arrays[SIGMA])
        if WEIGHTS in arrays:
            columns[WEIGHTS] = self._weighing(arrays[WEIGHTS])
        return columns

    def _bits(self, stored: Array) -> Feeding | None:
        """How labels of one byte are fed."""
        return Cast(np.dtype(self.dtype)) if stored.dtype.kind == "u" else None

    def _weighing(self, stored: Array) -> Column:
        """Weights of which the mean over a split is 1, so that means of what they weigh are weighted means."""
        total = float(stored.sum(dtype=np.float64))
        if not total > 0:
            raise DataError(f'weights: expected some above 0 in "{self.weights}", found none', ("weights",))
        return Column(stored, Scaling.by(total / len(stored), self.dtype))

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
        if self.classes and self.code != PLACES:
            return likeliest(output, self.classes)
        flat = output.reshape(len(output), -1)
        if flat.shape[1] != len(self.targets):
            names = ", ".join(self.targets)
            raise DataError(f"expected outputs for {names}, found {flat.shape[1]} numbers a sample")
        first = self.target[0]
        if any(not isinstance(part.role, Numeric) for part in self.target):
            return output
        if len(self.target) == 1 and isinstance(first.role, Numeric):
            return first.role.restore(output.reshape(-1, *self.target_shape), first.stats)
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
            "of": self.kind,
            "code": self.code,
            "weights": self.weights,
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
            words = [str(plain[key]) for key in ("sigma", "of", "code", "weights")]
            return cls(inputs, target, np.dtype(plain["dtype"]).name, *words)
        except (KeyError, TypeError, AttributeError):
            raise DataError("expected a table's statistics as they were saved, found something else") from None

    def _targets(self, frame: Frame) -> Array:
        first, part = frame[self.target[0].column], self.target[0]
        if self.code == EACH:
            pairs = np.stack([_labels(frame[each.column], each) for each in self.target], axis=1)
            check(LABELS, pairs, first)  # a third name is none of the two that training saw
            return pairs
        if self.code == SETS:
            return part.role.encode(first, part.stats)
        if self.classes and self.code not in (ONE_HOT, PLACES):
            return _labels(first, part)
        arrays = [self._encoded(frame, each) for each in self.target]
        found = arrays[0] if len(arrays) == 1 else np.stack(arrays, axis=1)
        if self.code == PLACES:
            return _numbered(found, first, len(self.classes))
        check(SHARES if self.code == ONE_HOT else self.kind, found, first)
        return found.argmax(axis=1).astype(np.min_scalar_type(found.shape[1])) if self.code == ONE_HOT else found

    def sample_weights(self, frame: Frame) -> Array:
        """How much the samples count, (n,). Raises DataError for a weight that is none."""
        cells = frame[self.weights]
        values = cells.numbers().reshape(len(cells), -1)[:, 0]
        wrong = ~((values >= 0) & np.isfinite(values))  # also of NaN, which a missing cell is
        if wrong.any():
            error = cells.error(wrong, "a weight, a number of 0 or more")
            raise DataError(str(error), ("weights",))
        return np.asarray(values, self.dtype)

    def deviations(self, frame: Frame) -> Array:
        """The standard deviations of the target, in its encoded units. Raises DataError for one that is none."""
        cells = frame[self.sigma]
        values = cells.numbers()
        wrong = ~((values > 0) & np.isfinite(values))  # also of NaN, which a missing cell is
        if wrong.any():
            error = cells.error(wrong, "a standard deviation, a number above 0")
            raise CellError(str(error), ("sigma",), error.rows)
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
            raise frame[part.column].error(beyond, expected)
        return stored

    def _side_by_side(self, frame: Frame, parts: list[Part]) -> list[Array]:
        """Columns of numbers that were parsed, together if all can be fed."""
        names, roles, stats = ([getattr(part, each) for part in parts] for each in ("column", "role", "stats"))
        found = encoded(frame.columns, names, roles, stats, self.dtype) if isinstance(frame.columns, Columns) else None
        return [self._encoded(frame, part) for part in parts] if found is None else [found]

    def _joined(self, frame: Frame, name: str, group: list[Part]) -> Array:
        arrays: list[Array] = []
        for is_plain, run in groupby(group, lambda part: fits(frame.columns, part.column, part.role, part.stats)):
            parts = list(run)
            arrays += self._side_by_side(frame, parts) if is_plain else [self._encoded(frame, part) for part in parts]
        if len(arrays) == 1:
            return arrays[0][:, None] if arrays[0].ndim == 1 and group[0].role.joins else arrays[0]
        apart = [part.column for part in group if not part.role.joins]
        if apart:
            expected = f'expected columns of numbers, found "{apart[0]}"; give it an input of its own'
            raise DataError(f"input {name}: {expected}")
        return np.concatenate([array.reshape(len(array), math.prod(array.shape[1:])) for array in arrays], axis=1)


def _check_shape(cells: Cells, part: Part) -> None:
    """Raise DataError for samples of another shape than those of training, which statistics would be spread over."""
    found = cells.values.shape[1:] if cells.known is None and isinstance(cells.values, np.ndarray) else ()
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


def _numbered(values: Array, cells: Cells, classes: int) -> Array:
    """Class numbers that stand as they are in an array."""
    wrong = ((values < 0) | (values >= classes) | (values % 1 != 0)).reshape(len(values), -1).any(axis=1)
    if wrong.any():
        raise cells.error(wrong, f"class numbers of the training split, 0 to {classes - 1}")
    return values.astype(np.int64)


def _part(plain: Mapping[str, Any]) -> Part:
    described = ("column", "role", "stats")
    options: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in plain.items() if key not in described
    }
    return Part(str(plain["column"]), ROLES[plain["role"]](**options), dict(plain["stats"]))
