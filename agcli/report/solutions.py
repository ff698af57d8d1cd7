"""Minima, critical points and roots for a terminal, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from rich.text import Text

from agcli.counts import number_of
from agcli.expression.errors import printable, shorten
from agcli.solving.critical import Point
from agcli.solving.minima import Fall, Minima
from agcli.solving.problem import Problem
from agcli.solving.roots import Root, Roots

from .console import PlainConsole
from .tables import print_table

SHOWN = 20  # rows of a table
COLUMNS = 4  # variables that have a column each
DIGITS = 12
NO_PROOF = "a search from many starts is no proof that there are no others"
SIDES = {-1: "lower", 1: "upper"}


def print_minima(found: Minima) -> None:
    """The points from the lowest as a table, and what is to be said about them."""
    if found.points:
        rows = [
            [p.kind, *place(p), height(p), small(p.gradient), curvature(p), str(p.found), remark(p)]
            for p in found.points[:SHOWN]
        ]
        heads = ["kind", *places(found.problem), "f", "gradient", "curvature", "starts", "note"]
        table(heads, rows, left=("kind", "note", "curvature"))
    say(minima_words(found))


def print_roots(found: Roots) -> None:
    """The roots in order as a table, and what is to be said about them."""
    if found.points:
        shown = sorted(found.points, key=lambda r: float(np.abs(r.x).max()))[:SHOWN]
        shown.sort(key=lambda r: tuple(r.x))
        rows = [[r.kind, *place(r), small(r.residual), str(r.found), r.note] for r in shown]
        table(["root", *places(found.problem), "residual", "starts", "note"], rows, left=("root", "note"))
    say(roots_words(found))


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[str]) -> None:
    """A table without a column that is empty everywhere."""
    kept = [i for i in range(len(heads)) if any(row[i] for row in rows)]
    shown = [heads[i] for i in kept]
    print_table(shown, [[row[i] for i in kept] for row in rows], right=[h for h in shown if h not in left])


def say(lines: Iterator[str]) -> None:
    console = PlainConsole(soft_wrap=True, highlight=False)
    for line in lines:
        console.print(Text(printable(line)))


def places(problem: Problem) -> list[str]:
    return [shorten(name) for name in problem.names] if len(problem.names) <= COLUMNS else ["at"]


def place(p: Point | Root) -> list[str]:
    """The numbers to the digits that are sure."""
    numbers = [sure(x, float(e)) for x, e in zip(p.at.values(), p.error, strict=True)]
    if len(numbers) <= COLUMNS:
        return numbers
    return [" ".join(f"{shorten(name)}={x}" for name, x in zip(p.names, numbers, strict=True))]


def sure(x: float, error: float) -> str:
    """A number without the digits that its error makes doubtful."""
    if not error or not math.isfinite(error) or not x:
        return number(x)
    digits = math.floor(math.log10(abs(x))) - math.ceil(math.log10(error))
    return f"{x:.{min(DIGITS, max(1, digits))}g}"


def height(p: Point) -> str:
    """The value; of one that is but the error of the place, its size."""
    off = float(p.error.max()) ** 2 * max(map(abs, p.curvatures), default=0.0)
    return small(p.value) if abs(p.value) <= off else number(p.value)


def number(x: float) -> str:
    if math.isfinite(x) and x == int(x) and abs(x) < 1e12:
        return str(int(x))
    return f"{x:.{DIGITS}g}"


def small(x: float) -> str:
    return "0" if x == 0 else f"{x:.1e}"


def curvature(p: Point) -> str:
    """The eigenvalues of the Hessian, of many the least and the largest."""
    if len(p.curvatures) > 2:
        return f"{p.curvatures[0]:.4g} to {p.curvatures[-1]:.4g}"
    return ", ".join(f"{v:.4g}" for v in p.curvatures)


def remark(p: Point) -> str:
    at = [f"{shorten(n)} at its {SIDES[side]} bound" for n, side in zip(p.names, p.bounds, strict=True) if side]
    return "; ".join([*at, *([p.note] if p.note else [])])


def point_words(at: Mapping[str, float]) -> str:
    return ", ".join(f"{shorten(name)} = {number(x)}" for name, x in at.items())


def minima_words(found: Minima) -> Iterator[str]:
    what = "critical point" if found.everything else "minimum"
    if not found.points:
        yield f"no {what} was found by {number_of(found.started, 'search')}; this is no proof that there is none"
    else:
        yield searches(found.started, found.ended, "these points")
        yield f"{NO_PROOF}{within(found.problem)}"
    yield from left_out(found, f"{what}s" if found.everything else "minima")
    if found.fall is not None:
        yield fall_words(found.problem, found.fall)


def within(problem: Problem) -> str:
    return "" if problem.bounded else "; --bounds x=0..1 narrows it"


def searches(started: int, ended: int, where: str) -> str:
    if not ended:
        return f"{number_of(started, 'search')}, all of which ended at {where}"
    return f"{number_of(started, 'search')}, of which {ended:,} ended elsewhere than at {where}"


def left_out(found: Minima | Roots, what: str) -> Iterator[str]:
    """What the table does not show, and starts that have no value."""
    count = len(found.points)
    if count > SHOWN:
        which = "lowest" if isinstance(found, Minima) else "nearest to 0"
        yield f"{count} {what} were found, of which the {SHOWN} {which} are shown"
    if found.left and count:
        yield f"{number_of(found.left, 'more end')} of searches were not looked at"
    if found.outside:
        yield f"of {found.looked:,} points that were looked at for starts, {found.outside:,} have no value"


def fall_words(problem: Problem, fall: Fall) -> str:
    at = point_words(dict(zip(problem.names, fall.x, strict=True)))
    if fall.endless:
        return f"f has no lowest value as far as was looked: it is {number(fall.value)} at {at}"
    return f"f goes lower where no minimum was found: it is {number(fall.value)} at {at}"


def roots_words(found: Roots) -> Iterator[str]:
    proof, problem = found.proof, found.problem
    name = problem.names[0]
    if found.points:
        yield searches(found.started, found.ended, "these roots")
    interval = f"{number(float(problem.low[0]))}..{number(float(problem.high[0]))}"
    if proof is not None:
        there = f"that there is no other root in {name} = {interval}" if found.points else f"in {name} = {interval}"
        pieces = number_of(proof.pieces, "piece")
        if found.points:
            yield f"proved with intervals, on {pieces}: {there}"
        else:
            yield f"there is no root {there}: proved with intervals, on {pieces}"
    elif found.points:
        yield f"{NO_PROOF}{within(problem)}"
    else:
        yield f"no root was found by {number_of(found.started, 'search')}; this is no proof that there is none"
    yield from left_out(found, "roots")
    if found.best is not None and proof is None:
        yield f"the smallest residual is {found.best.residual:.3g}, at {point_words(found.best.at)}"


# JSON ---------------------------------------------------------------------------------------------------------------


def finite(x: float) -> float | str | None:
    """A number, "inf" or "-inf"; null where there is none."""
    return None if math.isnan(x) else float(x) if math.isfinite(x) else str(float(x))


def head(problem: Problem) -> dict[str, Any]:
    bounds = {
        name: [finite(float(a)), finite(float(b))]
        for name, a, b in zip(problem.names, problem.low, problem.high, strict=True)
        if np.isfinite([a, b]).any()
    }
    row = {"variables": problem.names, "bounds": bounds, "fixed": dict(problem.fixed), "seed": problem.seed}
    return row | {"notes": list(problem.notes)}


def counts(found: Minima | Roots) -> dict[str, Any]:
    return {
        "searches": found.started, "elsewhere": found.ended, "not_looked_at": found.left,
        "looked": found.looked, "without_value": found.outside,
    }  # fmt: skip


def minima_json(found: Minima) -> dict[str, Any]:
    points = [
        {
            "kind": p.kind, "at": p.at, "value": finite(p.value), "gradient": finite(p.gradient),
            "curvatures": list(p.curvatures),
            "bounds": {n: SIDES[side] for n, side in zip(p.names, p.bounds, strict=True) if side},
            "error": dict(zip(p.names, map(finite, p.error), strict=True)), "starts": p.found, "note": p.note,
        }
        for p in found.points
    ]  # fmt: skip
    row = {"expression": found.problem.texts[0], **head(found.problem), "points": points, **counts(found)}
    if found.fall is None:
        return row | {"falls": None}
    at = {n: finite(float(x)) for n, x in zip(found.problem.names, found.fall.x, strict=True)}
    return row | {"falls": {"at": at, "value": finite(found.fall.value), "without_end": found.fall.endless}}


def roots_json(found: Roots) -> dict[str, Any]:
    row = {"equations": list(found.problem.texts), **head(found.problem)}
    row |= {"roots": [root_json(r) for r in found.points], **counts(found)}
    best = None if found.best is None else {"at": found.best.at, "residual": finite(found.best.residual)}
    return row | {"closest": best, "proved": found.proof is not None}


def root_json(r: Root) -> dict[str, Any]:
    error = dict(zip(r.names, map(finite, r.error), strict=True))
    return {"kind": r.kind, "at": r.at, "residual": r.residual, "error": error, "starts": r.found, "note": r.note}
