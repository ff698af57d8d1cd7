"""Minima and roots for Python: what `ag minimize` and `ag solve` do, as functions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from agcli.expression.errors import ExpressionError
from agcli.solving import minima, roots
from agcli.solving.minima import Minima
from agcli.solving.problem import SEED, STARTS, problem
from agcli.solving.roots import Roots

Bounds = Mapping[str, tuple[float, float]]
Numbers = Mapping[str, float]


def minimize(
    formula: str,
    bounds: Bounds | None = None,
    *,
    start: Numbers | None = None,
    at: Numbers | None = None,
    starts: int = STARTS,
    seed: int = SEED,
    all: bool = False,
) -> Minima:
    """The minima of a formula, found by ``starts`` searches with its gradient and Hessian, and checked by these.

    ``bounds`` are pairs by the names of variables, whose ends may be infinite; ``at`` gives values to some variables;
    ``start`` is where the first search starts. With ``all``, maxima and saddles are looked for, too. ``points`` of the
    result are sorted by ``value``; ``fall`` tells where values go on falling. Raises ExpressionError.

    >>> found = ag.minimize("x^4 - 2*x^2 + y^2", {"x": (0, 3)})
    >>> for point in found.points:
    ...     print(point.kind, point.at, point.value, point.curvatures)
    minimum {'x': 1.0, 'y': 0.0} -1.0 (2.0, 8.0)
    """
    asked = problem(
        [formula], bounds=intervals(bounds), start=pairs(start), at=pairs(at), starts=starts, seed=seed
    )  # fmt: skip
    return minima.minimize(asked, all)


def solve(
    equations: str | Sequence[str],
    bounds: Bounds | None = None,
    *,
    start: Numbers | None = None,
    at: Numbers | None = None,
    starts: int = STARTS,
    seed: int = SEED,
) -> Roots:
    """The roots of a formula, an equation, or of as many of them as there are unknowns. Raises ExpressionError.

    ``points`` of the result are the roots in order; where there are none, ``best`` is the point of the smallest
    residual, and ``proof`` is set where intervals prove that no other root lies within the bounds.
    """
    texts = [equations] if isinstance(equations, str) else list(equations)
    if not texts:
        raise ExpressionError("expected an equation, found none", hint='write ag.solve("x^2 = 2")')
    asked = problem(
        texts, bounds=intervals(bounds), start=pairs(start), at=pairs(at), starts=starts, seed=seed, equations=True
    )  # fmt: skip
    return roots.solve(asked)


def pairs(numbers: Numbers | None) -> list[str]:
    """Numbers as the command takes them."""
    return [f"{name}={float(value)!r}" for name, value in (numbers or {}).items()]


def intervals(bounds: Bounds | None) -> list[str]:
    return [f"{name}={ends(pair)}" for name, pair in (bounds or {}).items()]


def ends(pair: Iterable[float]) -> str:
    low, high = map(float, pair)
    return f"{'' if low == -math.inf else repr(low)}..{'' if high == math.inf else repr(high)}"
