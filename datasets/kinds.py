"""Kinds of targets: what the cells of a target are, and what they become for a kind that is wanted of them.

Who trains says which kinds will do. `classes` become numbers 0..k-1, `labels` 0 and 1. `chances`, numbers from 0 to 1,
`counts` and `shares` are never scaled, nor are `directions`, vectors whose length does not count. `numbers` are
standardised and given back in their own units. `any` leaves all to a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .clocks import clocks_of
from .errors import DataError
from .frame import Cells, Frame
from .labels import Labels, is_nested, separator_of
from .numerals import are_codes
from .roles import REFUSE, Categorical, Numeric, Role

Floats = npt.NDArray[np.float64]
CLASSES, LABELS, CHANCES, COUNTS, SHARES, DIRECTIONS, NUMBERS, ANY = KINDS = (
    "classes", "labels", "chances", "counts", "shares", "directions", "numbers", "any",
)  # fmt: skip
UNSCALED = (CHANCES, COUNTS, SHARES, DIRECTIONS)
OPEN = "open"  # wanted for a first look, before there is a loss: also a set of names is looked for
# How the cells of a target are coded: names as numbers; numbers by their role; numbers as they stand; several columns
# of which one is 1, as its number; two names a column, as 0 and 1; sets of names, 0 and 1 each; whole numbers as such.
NAMES, SCALED, PLAIN, ONE_HOT, EACH, SETS, PLACES = CODES = (
    "names", "scaled", "plain", "one_hot", "each", "sets", "places",
)  # fmt: skip
MAX_CLASSES = 10_000
TOLERANCE = 1e-3  # by which shares may miss 1, as rounded ones do
_TRUTHS = ({"true", "false"}, {"True", "False"}, {"TRUE", "FALSE"})
_SHOWN = 20  # characters of a name
_FIRST = 64  # cells, of which one mostly is a fraction if any is


@dataclass(frozen=True)
class Form:
    """What the cells of a target are, in words, and how they are coded for each kind that they can be, the usual first.

    ``classes`` is how many different values one column has, or how many columns exclude each other.
    """

    what: str
    codes: Mapping[str, str]
    classes: int = 0
    size: int = 1  # columns, or different names in sets
    pairs: bool = False  # of several columns, whether each has two values
    advice: str = ""  # what to write about the columns, if that is what stands in the way

    @property
    def is_sets(self) -> bool:
        """Whether cells are sets of names, and nothing else."""
        return SETS in self.codes.values() and len(self.codes) == 1


class KindError(DataError):
    """A target that is none of the kinds that will do."""

    def __init__(self, form: Form, target: tuple[str, ...], wanted: tuple[str, ...]) -> None:
        super().__init__(f"the target {form.what}; expected {' or '.join(wanted)}", ("target",))
        self.form, self.target, self.wanted = form, target, wanted


@dataclass(frozen=True)
class Coding:
    """A target as it will be: its kind, how it is coded, and the role of each of its columns."""

    kind: str
    code: str
    roles: Mapping[str, Role]


def settled(frame: Frame, target: tuple[str, ...], wanted: tuple[str, ...], given: Mapping[str, Role]) -> Coding | None:
    """How a target is coded, whose columns may have roles already; None where a guess will do. Raises KindError."""
    if wanted in ((), (ANY,), (OPEN,)):
        return _guessed(frame, target, wanted, given)
    form = ruled(form_of([frame[name] for name in target]), target, given)
    kind = next((kind for kind in wanted if kind in form.codes), "")
    if not kind:
        raise KindError(form, target, wanted)
    code = form.codes[kind]
    return Coding(kind, code, {name: _role(frame[name], kind, code, given.get(name)) for name in target})


def _guessed(
    frame: Frame, target: tuple[str, ...], wanted: tuple[str, ...], given: Mapping[str, Role]
) -> Coding | None:
    """How a target of several numbers is coded where any kind will do: 0 and 1, and shares, stay what they are."""
    if len(target) == 1 and _width(frame[target[0]]) == 1:
        return _guessed_sets(frame[target[0]], given.get(target[0]), is_open=OPEN in wanted)
    form = form_of([frame[name] for name in target])
    code = next((form.codes[kind] for kind in (SHARES, LABELS) if kind in form.codes), SCALED)
    if wanted and code == EACH and NUMBERS not in form.codes:
        raise KindError(form, target, (CLASSES, NUMBERS))
    code = SCALED if code == EACH and NUMBERS in form.codes else code
    if any(name in given for name in target) or (code == SCALED and NUMBERS not in form.codes):
        return None
    return Coding(ANY, code, {name: _role(frame[name], ANY, code, None) for name in target})


def _guessed_sets(cells: Cells, given: Role | None, *, is_open: bool) -> Coding | None:
    """How one column of sets of names is coded; None for any other, and for names with commas in them.

    Text such as `a;b` is a set where the loss ``is_open``, as before a first spec; a formula may mean it as one name.
    """
    is_text = cells.known is None and not isinstance(cells.values, np.ndarray) and cells.is_text
    if isinstance(given, Labels) or (
        given is None and is_open and is_text and _of_text(cells, _different(cells)).is_sets
    ):
        return Coding(LABELS, SETS, {cells.name: _role(cells, LABELS, SETS, given)})
    return None


def ruled(form: Form, target: tuple[str, ...], given: Mapping[str, Role]) -> Form:
    """The form as far as the roles that its columns have been given allow it."""
    roles = [given[name] for name in target if name in given]
    if not roles:
        return form
    first, shown = roles[0], ", ".join(f"{name}: {{}}" for name in target)
    write = f"`columns: {{{shown}}}`"
    if all(isinstance(role, Numeric) for role in roles):
        kept = {kind: code for kind, code in form.codes.items() if code not in (NAMES, EACH, SETS)}
        if kept == form.codes:
            return form
        told = f"{form.what}, and its role is `numeric`"
        return replace(form, what=told, codes=kept, advice=write.replace("{}", "categorical"))
    if all(isinstance(role, Categorical) for role in roles):
        kept = {kind: code for kind, code in form.codes.items() if code in (NAMES, EACH)}
        if len(target) > 1 and form.pairs:
            kept = {LABELS: EACH}
        if len(target) == 1 and CLASSES not in kept:
            kept = {CLASSES: NAMES, **kept}
        if NUMBERS not in form.codes:
            return replace(form, codes=kept)
        told = f"{form.what}, and its role is `categorical`"
        return replace(form, what=told, codes=kept, advice=write.replace("{}", "numeric"))
    if isinstance(first, Labels) and len(target) == 1:
        return replace(form, codes={LABELS: SETS}, what=f"{form.what}, and its role is `labels`")
    return replace(form, codes=dict.fromkeys(KINDS, SCALED))  # no role of a target: that is told where roles are


def _role(cells: Cells, kind: str, code: str, given: Role | None) -> Role:
    """The role of a column of a target."""
    if code in (NAMES, EACH):
        role = given if isinstance(given, Categorical) else Categorical()
        return replace(role, limit=MAX_CLASSES, encoding="one_hot", whole=_are_whole(cells))
    if code == SETS:
        return given if isinstance(given, Labels) else Labels(separator=separator_of(cells))
    if code == SCALED:
        return given or Numeric()
    plain = Numeric(scale="none", missing=REFUSE)
    is_changed = isinstance(given, Numeric) and (given.scale != "none" or given.log)
    if is_changed and kind in UNSCALED:
        raise DataError(
            f'target "{cells.name}": {kind} are never scaled; '
            f"write `columns: {{{cells.name}: {{numeric: {{scale: none}}}}}}`",
            ("columns", cells.name),
        )
    return replace(given, scale="none", missing=REFUSE) if isinstance(given, Numeric) and not given.log else plain


def _are_whole(cells: Cells) -> bool:
    """Whether all cells are whole numbers, which then are written as such, whatever the file writes."""
    numbers = _numbers(cells)
    return numbers is not None and bool(_whole(numbers[~np.isnan(numbers)]).all())


def _whole(numbers: Floats) -> npt.NDArray[np.bool_]:
    """Which numbers are whole; infinite ones are not."""
    whole: npt.NDArray[np.bool_] = np.isfinite(numbers) & (np.trunc(numbers) == numbers)
    return whole


# What cells are -------------------------------------------------------------------------------------------------------
def form_of(columns: list[Cells]) -> Form:
    """What a target of one or several columns is."""
    if len(columns) == 1 and _width(columns[0]) == 1:
        return _of_one(columns[0])
    names = ", ".join(f'"{cells.name}"' for cells in columns)
    found = [_numbers(cells) for cells in columns]
    if any(numbers is None for numbers in found):
        return _of_names(columns, names)
    known = [numbers for numbers in found if numbers is not None]
    table = known[0] if len(known) == 1 else np.stack([numbers.reshape(len(numbers)) for numbers in known], axis=-1)
    is_array = len(columns) == 1
    return _of_several(table, names, is_array and columns[0].values.dtype.kind in "iub")


def _width(cells: Cells) -> int:
    if cells.known is not None or not isinstance(cells.values, np.ndarray):
        return 1
    return int(np.prod(np.shape(cells.values)[1:]))


def _of_one(cells: Cells) -> Form:
    numbers, name = _numbers(cells), f'"{cells.name}"'
    different = _different(cells) if cells.known is None else []
    if _are_truths(cells, different):
        return Form(f"{name} holds true and false", {LABELS: NAMES, CLASSES: NAMES}, 2)
    if numbers is None:
        return _of_text(cells, different)
    known = numbers[~np.isnan(numbers)]
    if not len(known):
        return Form(f"{name} is empty", {})
    low, high = float(known.min()), float(known.max())
    codes: dict[str, str] = {}
    if _whole(known[:_FIRST]).all() and _whole(known).all():
        known = np.unique(known)
        if len(known) == 2:
            codes[LABELS] = NAMES
        codes[CLASSES] = NAMES
        shown = f"{low:g} and {high:g}" if len(known) == 2 else f"whole numbers from {low:g} to {high:g}"
        what, classes = f"{name} holds {shown}", len(known)
    else:
        if low >= 0 and high <= 1:
            codes[CHANCES] = PLAIN
        fraction = float(known[~_whole(known)].min())
        what, classes = f"{name} holds numbers such as {fraction:g}", 0
    codes = {NUMBERS: SCALED, **codes} if not classes else {**codes, NUMBERS: SCALED}
    if low >= 0:
        codes[COUNTS] = PLAIN
    elif classes:
        what = what if len(known) == 2 else f"{what}, some of them below 0"
    return Form(what, codes, classes)


def _of_text(cells: Cells, different: list[str]) -> Form:
    shown = ", ".join(f'"{name[:_SHOWN]}"' for name in different[:3]) + (", ..." if len(different) > 3 else "")
    mark = separator_of(cells)
    codes = {CLASSES: NAMES}
    if mark and (len(different) > 2 or is_nested(cells)):
        codes = {LABELS: SETS} if mark != "," else {CLASSES: NAMES, LABELS: SETS}
        kind = "sets of names" if mark != "," else "names"
        names = {part.strip() for cell in different for part in cell.split(mark)}
        return Form(f'"{cells.name}" holds {kind} ({shown})', codes, len(different), len(names))
    if len(different) <= 2:
        codes[LABELS] = NAMES
    return Form(f'"{cells.name}" holds names ({shown})', codes, len(different))


def _of_names(columns: list[Cells], names: str) -> Form:
    """Several columns, of which at least one has names."""
    if all(_width(cells) == 1 and len(_different(cells)) <= 2 for cells in columns):
        return Form(f"{names} hold two names each", {LABELS: EACH}, size=len(columns), pairs=True)
    return Form(f"{names} hold names", {})


def _of_several(table: Floats, names: str, is_whole_array: bool) -> Form:
    """Numbers (n, ..., k): several columns, or one array."""
    hold = "hold" if ", " in names else "holds"
    known = table[~np.isnan(table)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    is_whole = bool(_whole(known).all())
    with np.errstate(invalid="ignore"):  # of infinite ones, which are refused where they are encoded
        sums = table.sum(axis=-1)
    adds_up = low >= 0 and bool((np.abs(sums - 1) <= TOLERANCE).all())
    moves = bool((np.abs(table).max(axis=-1) > 0).all())
    codes: dict[str, str] = {}
    classes = 0
    if is_whole and low >= 0 and high <= 1:
        if adds_up and table.ndim == 2:
            what = f"{names} {hold} 0 and 1, a single 1 a row"
            classes = table.shape[-1]
            codes = {CLASSES: ONE_HOT, LABELS: PLAIN, SHARES: PLAIN}
        else:
            what = f"{names} {hold} 0 and 1, not a single 1 a row"
            codes = {LABELS: PLAIN} | ({CLASSES: PLACES} if is_whole_array and table.ndim > 2 else {})
    elif adds_up:
        what, codes = f"{names} {hold} shares that add up to 1", {SHARES: PLAIN, CHANCES: PLAIN}
    elif is_whole and len(np.unique(known)) == 2:
        what, codes = f"{names} {hold} {low:g} and {high:g}", {LABELS: EACH} if table.ndim == 2 else {}
    else:
        shown = f"whole numbers from {low:g} to {high:g}" if is_whole else f"numbers from {low:g} to {high:g}"
        what = f"{names} {hold} {shown} in several columns"
        codes = {CHANCES: PLAIN} if low >= 0 and high <= 1 else {}
        if is_whole_array and low >= 0:
            codes[CLASSES] = PLACES
    codes = codes if codes else {NUMBERS: SCALED}
    codes.setdefault(NUMBERS, SCALED)
    if low >= 0:
        codes[COUNTS] = PLAIN
    if moves and table.shape[-1] > 1:
        codes[DIRECTIONS] = PLAIN
    pairs = table.ndim == 2 and all(len(np.unique(column)) <= 2 for column in table.T)
    return Form(what, codes, classes, table.shape[-1], pairs)


def _numbers(cells: Cells) -> Floats | None:
    """The cells as numbers, (n,) of arrays (n, 1) too; None where some are none. Truths of a table are none."""
    if cells.known is not None:
        return cells.known
    values = cells.values
    if isinstance(values, np.ndarray):
        if values.dtype.kind not in "biuf":
            return None
        numbers = values.astype(np.float64)
        return numbers.reshape(len(numbers)) if _width(cells) == 1 else numbers
    clocks = clocks_of(values)
    if clocks:
        return cells.seconds(clocks[0])
    if values.dtype.is_temporal() or values.dtype.is_nested():
        return None
    if cells.is_words or are_codes(values.drop_nulls()):
        return None
    read = cells.numerals.read(values)
    return None if (read.is_null() & values.is_not_null()).any() else read.fill_null(np.nan).to_numpy()


def _different(cells: Cells) -> list[str]:
    """The names in a column, in order."""
    if is_nested(cells):
        return sorted({";".join(map(str, row)) for row in cells.values.drop_nulls().to_list()})
    return sorted(cells.texts().drop_nulls().unique().to_list())


def _are_truths(cells: Cells, different: Iterable[str]) -> bool:
    if isinstance(cells.values, np.ndarray) and cells.values.dtype.kind == "b":
        return True
    return any(set(different) == truths for truths in _TRUTHS)


# What cells must be, sample by sample ---------------------------------------------------------------------------------
def check(kind: str, values: npt.NDArray[Any], cells: Cells) -> None:
    """Raise DataError for the first sample whose target, encoded as it stands, is not of the kind."""
    rows = values.reshape(len(values), -1)
    if kind == COUNTS:
        _refuse((rows < 0).any(axis=1), cells, "a count, a number of 0 or more")
    elif kind in (LABELS, CHANCES):
        wrong = (rows < 0) | (rows > 1) if kind == CHANCES else (rows != 0) & (rows != 1)
        _refuse(wrong.any(axis=1), cells, "a number from 0 to 1" if kind == CHANCES else "a label, 0 or 1")
    elif kind == SHARES:
        sums = np.abs(values.sum(axis=-1) - 1).reshape(len(values), -1)
        wrong = (rows < 0).any(axis=1) | (sums > TOLERANCE).any(axis=1)
        _refuse(wrong, cells, "shares of 0 or more that add up to 1")


def _refuse(wrong: Any, cells: Cells, expected: str) -> None:
    if wrong.any():
        raise cells.error(wrong, expected)
