"""Texts and options -> what is looked for: formulas over variables with bounds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from agcli.engine.frozen import frozen
from agcli.engine.graph import Constant, Tensor, toposort
from agcli.engine.leaves import Placeholder, placeholder
from agcli.engine.ops.words import Draw
from agcli.engine.types import Array
from agcli.expression.answers import check_size
from agcli.expression.api import variable_named
from agcli.expression.assignments import assignments, constant
from agcli.expression.errors import ExpressionError, shorten
from agcli.expression.foreign_names import defined
from agcli.expression.lower import FLOAT, functions, lower
from agcli.expression.parser import parse_syntax
from agcli.expression.substitution import substitute
from agcli.expression.syntax import Syntax
from agcli.expression.tokens import canonical_name
from agcli.expression.values import values

MAX_VARIABLES = 50
MAX_STARTS = 100_000
STARTS, SEED = 64, 0
EXAMPLE = "write --bounds x=0..1, or x=0.. and x=..1 for one end"


def placed(names: Sequence[str], x: Array) -> dict[str, float]:
    """Numbers by names, 0 without a sign."""
    return {name: float(v) + 0.0 for name, v in zip(names, x, strict=True)}


@frozen
class Problem:
    """Formulas of numbers over `variables`, each between `low` and `high`, which may be infinite."""

    texts: tuple[str, ...]
    formulas: tuple[Tensor, ...]
    variables: tuple[Placeholder, ...]
    low: Array
    high: Array
    start: Array | None
    fixed: Mapping[str, float]
    starts: int
    seed: int
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        return [x.name or "" for x in self.variables]

    @property
    def bounded(self) -> bool:
        return bool(np.isfinite(self.low).any() or np.isfinite(self.high).any())


def problem(
    texts: Sequence[str],
    *,
    bounds: Sequence[str] = (),
    start: Sequence[str] = (),
    at: Sequence[str] = (),
    starts: int = STARTS,
    seed: int = SEED,
    equations: bool = False,
) -> Problem:
    """The problem that the options describe. Raises ExpressionError, with notes how the formulas were read."""
    notes: list[str] = []
    try:
        return read_problem(texts, bounds, start, at, (starts, seed), equations, notes)
    except ExpressionError as error:
        error.notes = tuple(notes)
        raise


def read_problem(
    texts: Sequence[str],
    bounds: Sequence[str],
    start: Sequence[str],
    at: Sequence[str],
    numbers: tuple[int, int],
    equations: bool,
    notes: list[str],
) -> Problem:
    starts, seed = numbers
    if not 1 <= starts <= MAX_STARTS:
        raise ExpressionError(f"--starts: expected a whole number from 1 to {MAX_STARTS:,}, found {starts}")
    if seed < 0:
        raise ExpressionError(f"--seed: expected a whole number from 0, found {seed}")
    syntaxes = [parsed(text, equations, notes) for text in texts]
    names = sorted({name for syntax in syntaxes for name in syntax.variables})
    known = {name: placeholder(name, (), "float64") for name in names}
    formulas = [number(syntax, lower(syntax, known), equations) for syntax in syntaxes]
    fixed = numbers_of(at, "--at", known)
    free = {name: x for name, x in known.items() if name not in fixed}
    if not free:
        what = "every variable has a value from --at" if known else "the formula has no variables"
        raise ExpressionError(f"{what}: nothing is left to look for", texts[0], 0, len(texts[0]))
    if len(free) > MAX_VARIABLES:
        raise ExpressionError(f"expected at most {MAX_VARIABLES} variables, found {len(free)}")
    new: dict[Tensor, Tensor] = {known[name]: Constant(value, FLOAT) for name, value in fixed.items()}
    formulas = [substitute(f, new) for f in formulas] if new else formulas
    low, high = np.full(len(free), -math.inf), np.full(len(free), math.inf)
    for name, (a, b) in bounds_of(bounds, free, fixed).items():
        low[[*free].index(name)], high[[*free].index(name)] = a, b
    begin = first_point(start, free, low, high) if start else None
    return Problem(
        tuple(texts), tuple(formulas), tuple(free.values()), low, high, begin, fixed, starts, seed, tuple(notes)
    )  # fmt: skip


def parsed(text: str, equations: bool, notes: list[str]) -> Syntax:
    """The syntax of one formula; `f(x, y) = ...` names what is minimized."""
    left, begin = ("", 0) if equations else defined(text)
    if left:
        notes.append(f"`{shorten(left)} =` is read as the name of the formula behind it")
        text = " " * begin + text[begin:]
    syntax = parse_syntax(text, functions())
    notes.extend(doubt.message for doubt in syntax.doubts)
    check_size(syntax)
    return syntax


def number(syntax: Syntax, sides: tuple[Tensor, ...], equations: bool) -> Tensor:
    """The formula of one number; of an equation, left minus right."""
    text = syntax.text
    if len(sides) > 1 and not equations:
        equals = text.find("=")
        hint = f'write ag solve "{shorten(text)}" for the roots of an equation'
        raise ExpressionError("expected a formula to minimize, found an equation", text, equals, equals + 1, hint)
    for side in sides:
        if side.shape != ():
            what = f"an array of shape {side.shape}"
            hint = "give each equation by itself" if equations else "write sum(...) or norm(...) of it"
            raise ExpressionError(f"expected a formula of one number, found {what}", text, 0, len(text), hint)
        if side.dtype.kind == "b":
            raise ExpressionError("expected a formula of one number, found true or false", text, 0, len(text))
    f = sides[0] if len(sides) == 1 else sides[0] - sides[1]
    if any(isinstance(t.op, Draw) for t in toposort([f])):
        message = "the formula draws random numbers, so that no point of it stays where it is"
        raise ExpressionError(message, text, 0, len(text))
    if f.dtype.kind != "f" and syntax.variables:
        raise ExpressionError("expected a formula of real numbers, found whole ones", text, 0, len(text))
    return f


def numbers_of(texts: Iterable[str], option: str, known: Mapping[str, Any]) -> dict[str, float]:
    """Finite numbers by the names of variables."""
    found = {}
    for name, syntax in assignments(texts, option).items():
        variable_named(name, known, option)
        value = values([constant(syntax, option)], {})[0]
        if value.shape != () or not np.isfinite(value):
            message = f"{option}: the value of `{shorten(name)}` is not a finite number"
            raise ExpressionError(message, syntax.text, 0, len(syntax.text))
        found[name] = float(value)
    return found


def bounds_of(
    texts: Iterable[str], free: Mapping[str, Any], fixed: Mapping[str, float]
) -> dict[str, tuple[float, float]]:
    """The ends of each variable of `x=0..1,y=0..`."""
    found: dict[str, tuple[float, float]] = {}
    for text in texts:
        for piece in text.split(","):
            name, sign, interval = piece.partition("=")
            low, dots, high = interval.partition("..")
            if not sign or not dots:
                raise ExpressionError("--bounds: expected `name=low..high`", piece, 0, len(piece), EXAMPLE)
            word = canonical_name(name.strip())
            if word in fixed:
                raise ExpressionError(f"--bounds: `{shorten(word)}` has its value from --at")
            variable_named(word, free, "--bounds")
            if word in found:
                raise ExpressionError(f"--bounds: `{shorten(word)}` is given twice", piece, 0, len(piece))
            a, b = end(low, piece, -math.inf), end(high, piece, math.inf)
            if a >= b:
                swap = f"write {word}={high.strip()}..{low.strip()}" if a > b else f"write --at {word}={low.strip()}"
                what = "the lower end is above the upper one" if a > b else "the two ends are the same"
                raise ExpressionError(f"--bounds: {what}", piece, 0, len(piece), swap)
            found[word] = (a, b)
    return found


def end(text: str, piece: str, empty: float) -> float:
    """One end of an interval; `empty` where none is written."""
    if not text.strip():
        return empty
    value = values([constant(parse_syntax(text, functions()), "--bounds")], {})[0]
    if value.shape != () or not np.isfinite(value):
        raise ExpressionError("--bounds: expected finite numbers", piece, 0, len(piece), EXAMPLE)
    return float(value)


def first_point(start: Sequence[str], free: Mapping[str, Any], low: Array, high: Array) -> Array:
    """The point of --start, which names every free variable and lies within the bounds."""
    found = numbers_of(start, "--start", free)
    missing = [name for name in free if name not in found]
    if missing:
        example = ",".join([*(f"{name}=..." for name in found), *(f"{name}=1" for name in missing)])
        names = ", ".join(f"`{shorten(name)}`" for name in missing)
        raise ExpressionError(f"--start gives no value for {names}", hint=f"write --start {example}")
    point = np.array([found[name] for name in free])
    for name, x, a, b in zip(free, point, low, high, strict=True):
        if not a <= x <= b:
            raise ExpressionError(f"--start: {shorten(name)}={x:.12g} lies outside of the bounds {a:.12g}..{b:.12g}")
    return point
