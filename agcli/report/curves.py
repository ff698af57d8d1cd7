"""An answer -> the curves of its formula and derivatives over an interval."""

from __future__ import annotations

import math

from agcli.engine.graph import toposort
from agcli.engine.leaves import Placeholder
from agcli.expression.api import to_text
from agcli.expression.assignments import constant
from agcli.expression.errors import ExpressionError, shorten
from agcli.expression.lower import functions
from agcli.expression.parser import parse_syntax
from agcli.expression.questions import Answer
from agcli.expression.samples import sampled
from agcli.expression.values import values
from agcli.report import labels
from agcli.report.plot import Curve, grid, panels, save

INTERVAL = "-5:5"


def plot(answer: Answer, interval: str | None, path: str | None) -> str:
    """The drawing of an answer, or where it was saved."""
    low, high = ends(interval or INTERVAL)
    name = variable(answer)
    fixed = {other: value for other, value in answer.at.items() if other != name}
    points = grid(low, high)
    formulas = [("f", answer.function), *((labels.text(r), r.formula) for r in answer.results)]
    for _, t in formulas:
        if t.shape != ():
            raise ExpressionError(f"--plot: expected a formula with one value, found one of shape {t.shape}")
    curves = [
        Curve(f"{title} = {shorten(to_text(t), 60)}", sampled(answer.function, t, name, fixed, points))
        for title, t in formulas
    ]
    if path is None:
        return panels(low, high, curves)
    save(path, points, curves)
    return f"saved {path}"


def ends(interval: str) -> tuple[float, float]:
    """`-pi:pi` as two numbers."""
    parts = interval.split(":")
    hint = "write --range -5:5"
    if len(parts) != 2:
        raise ExpressionError("--range: expected two numbers with a colon between them", interval, hint=hint)
    low, high = (float(values([constant(parse_syntax(p, functions()), "--range")], {})[0]) for p in parts)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ExpressionError("--range: the first number must be less than the second", interval, hint=hint)
    return low, high


def variable(answer: Answer) -> str:
    """The one variable over which is drawn; --at or --given may hold the others."""
    free = sorted({t.name or "" for t in toposort([answer.function]) if isinstance(t, Placeholder)})
    moving = [name for name in free if name not in answer.at] if len(free) > 1 else free
    if len(moving) > 1 or (free and not moving):
        hint = f"give all but one a value: --at {','.join(f'{name}=1' for name in free[1:])}"
        raise ExpressionError(f"--plot: the formula has {len(free)} variables: {', '.join(free)}", hint=hint)
    return moving[0] if moving else "x"
