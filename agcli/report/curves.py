"""An answer -> the curves of its formula and derivatives over an interval."""

from __future__ import annotations

import math

import numpy as np

from agcli.engine.graph import Tensor, toposort
from agcli.engine.leaves import Placeholder
from agcli.engine.types import Array
from agcli.expression.api import to_text
from agcli.expression.assignments import constant
from agcli.expression.errors import ExpressionError, shorten
from agcli.expression.lower import functions
from agcli.expression.parser import parse_syntax
from agcli.expression.questions import Answer
from agcli.expression.values import is_pointwise, pointwise, values
from agcli.report import labels
from agcli.report.plot import Curve, grid, panels, save

INTERVAL = "-5:5"


def plot(answer: Answer, interval: str | None, path: str | None) -> str:
    """The drawing of an answer, or where it was saved."""
    low, high = ends(interval or INTERVAL)
    formulas = [("f", answer.function), *((labels.text(r), r.formula) for r in answer.results)]
    name = variable(answer)
    points = grid(low, high)
    curves = [Curve(f"{title} = {shorten(to_text(t), 60)}", over(t, name, points)) for title, t in formulas]
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
    """The one variable over which is drawn."""
    free = sorted({t.name or "" for t in toposort([answer.function]) if isinstance(t, Placeholder)})
    if len(free) > 1:
        hint = f"give the others a value: --given {','.join(f'{name}=1' for name in free[1:])}"
        raise ExpressionError(f"--plot: the formula has {len(free)} variables: {', '.join(free)}", hint=hint)
    return free[0] if free else "x"


def over(t: Tensor, name: str, points: Array) -> Array:
    """The values of a formula at points of its variable."""
    if t.shape != ():
        raise ExpressionError(f"--plot: expected a formula with one value, found one of shape {t.shape}")
    if is_pointwise([t]):
        return np.broadcast_to(pointwise([t], {name: points})[0], points.shape).astype(float)
    return np.array([float(values([t], {name: x})[0]) for x in points])
