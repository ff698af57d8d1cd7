"""The roots of a formula, of an equation or of a system."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from agcli.engine.frozen import changed, frozen
from agcli.engine.types import Array
from agcli.expression.errors import ExpressionError
from agcli.solving.descent import inside, modest, rounded
from agcli.solving.functions import TINY, System, single_threaded
from agcli.solving.merging import SAME, groups, near
from agcli.solving.newton import Zero, newton
from agcli.solving.problem import Problem, placed
from agcli.solving.proofs import Proof, prove
from agcli.solving.starts import POOL, chosen, line, spread

GRID = 2_001  # numbers at which a formula of one variable is looked at
MOST = 60  # distinct points that are looked at closely
BRACKETS = 200  # changes of sign that are followed, those nearest to 0
SURE, SURE_OF_ALL = 1e-10, 1e-14  # largest Newton step that is left: of the number itself, of the largest one
ROUGH = 1e-6  # the same where nothing tells the values to all digits
NEWTON = 80
LEFT = 4
KINK = "at a kink"
MULTIPLE = "multiple: the derivative vanishes"
MANY = "one of many: all points near it along a line are roots, too"
NEAR = 1e-5  # distance of a round number that is tried, at most
EXACT = 1e-12  # distance of two simple roots that are taken for one, relative
MOST_BESIDE = 4  # roots beside another that are looked for
ENOUGH = 3  # of these, after which there is nothing more to find


@frozen
class Root:
    """A root. `residual` is the largest of the values left; `error` how far off it may be."""

    x: Array
    residual: float
    error: Array
    kind: str  # simple or multiple
    note: str = ""
    found: int = 1
    names: tuple[str, ...] = ()

    @property
    def at(self) -> dict[str, float]:
        """The numbers by the names of their variables."""
        return placed(self.names, self.x)


@frozen
class Roots:
    """The answer; `best` is the point of the smallest residual where no root was found."""

    problem: Problem
    points: tuple[Root, ...]
    started: int
    ended: int
    looked: int
    outside: int
    left: int = 0
    best: Root | None = None
    proof: Proof | None = None


@single_threaded
def solve(problem: Problem) -> Roots:
    """Search from many starts. Raises ExpressionError where there are fewer equations than variables."""
    m, n = len(problem.formulas), len(problem.variables)
    if m < n:
        free = ", ".join(f"{name}=..." for name in problem.names[: n - m])
        message = f"{n} unknowns ({', '.join(problem.names)}) need {n} equations, found {m}"
        raise ExpressionError(message, hint=f"give more equations, or values: --at {free}")
    system = System(problem.formulas, problem.variables)
    pool = spread(problem, max(256, POOL * problem.starts))
    with np.errstate(all="ignore"):
        heights = np.abs(system.value.many(pool)).max(axis=1)
    starts, outside = chosen(problem, pool, heights)
    ends = [searched(system, problem, x) for x in starts]
    if n == 1:
        ends += [searched(system, problem, x) for x in valleys(system, problem)]
        if m == 1:
            ends += crossings(system, problem)
    found = [x for x in ends if x is not None]
    residuals = [residual(system, x) for x in found]
    distinct = groups(found, residuals)
    roots, best = [], None
    for x, count in distinct[:MOST]:
        root, sure = judged(system, problem, x, count)
        if sure:
            roots.append(root)
            roots += beside(system, problem, root, found)
            if sum(r.note == MANY for r in roots) == ENOUGH:
                break
        elif np.isfinite(root.residual) and (best is None or root.residual < best.residual):
            best = root
    points = merged(roots)
    ended = len(ends) - sum(p.found for p in points)
    proof = None
    if n == m == 1 and np.isfinite(problem.low[0]) and np.isfinite(problem.high[0]):
        proof = prove(system, problem, [float(p.x[0]) for p in points])
    left = max(0, len(distinct) - MOST)
    return Roots(
        problem, tuple(points), len(ends), ended, len(pool), outside, left, None if points else best, proof
    )  # fmt: skip


def beside(system: System, problem: Problem, root: Root, ends: Sequence[Array]) -> list[Root]:
    """Other simple roots so close to one that their ends were taken for the same."""
    if root.kind != "simple":
        return []
    apart = [x for x in ends if near(x, root.x) and not near(x, root.x, root.error, EXACT)]
    kept = [x for x, _ in groups(apart, [0.0] * len(apart), EXACT)][:MOST_BESIDE]
    judged_ones = [judged(system, problem, x, 0) for x in kept]
    return [other for other, sure in judged_ones if sure and other.kind == "simple"]


def residual(system: System, x: Array) -> float:
    found = float(np.abs(system.value(x)).max())
    return np.inf if np.isnan(found) else found


def searched(system: System, problem: Problem, start: Array) -> Array | None:
    """The end of a search: Powell's hybrid method (1970) or Levenberg and Marquardt's, then Newton's; on round numbers
    if the values are smaller there."""
    from scipy.optimize import root

    unit = residual(system, start)
    if not np.isfinite(unit):
        return None
    unit = unit or 1.0

    def value(x: Array) -> Array:
        found = system.value(x)
        return modest(np.where(np.isnan(found), np.inf, found) / unit)

    def slopes(x: Array) -> Array:
        return modest(system.jacobian(x) / unit)

    method: Any = "hybr" if len(problem.formulas) == len(start) else "lm"
    with np.errstate(all="ignore"):
        try:
            found = root(value, start, jac=slopes, method=method).x
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            found = start
    x = np.clip(found, problem.low, problem.high)
    if not np.isfinite(x).all() or not np.isfinite(residual(system, x)):
        x = start
    return nearby(system, problem, newton(system.value, system.jacobian, x, problem.low, problem.high, 30))


def nearby(system: System, problem: Problem, zero: Zero) -> Array | None:
    """The end of Newton's method, or a round number as near as it is exact, where the values are no larger."""
    x = zero.x
    if not np.isfinite(x).all():
        return None
    size, left = residual(system, x), float(zero.error.max())
    reach = min(NEAR, max(10 * left, EXACT)) if np.isfinite(left) else NEAR
    for there in rounded(x, reach):
        if inside(problem, there) and residual(system, there) <= size * (1 if size else 0):
            return there
    return x


def valleys(system: System, problem: Problem) -> Array:
    """Where the values are nearer to 0 than beside, on a fine grid."""
    grid = line(problem, GRID)
    with np.errstate(all="ignore"):
        heights = np.abs(system.value.many(grid[:, None])).max(axis=1)
    lower = np.r_[False, (heights[1:-1] < heights[:-2]) & (heights[1:-1] <= heights[2:]), False]
    found = grid[lower]
    return found[np.argsort(np.abs(found), kind="stable")][:BRACKETS, None]


def crossings(system: System, problem: Problem) -> list[Array | None]:
    """The roots between numbers of a fine grid at which the signs differ (Brent, 1973)."""
    from scipy.optimize import brentq

    grid = line(problem, GRID)
    signs = np.sign(system.value.many(grid[:, None])[:, 0])
    places = np.flatnonzero(signs[:-1] * signs[1:] < 0)
    places = places[np.argsort(np.abs(grid[places]), kind="stable")][:BRACKETS]
    found: list[Array | None] = [np.array([x]) for x in grid[signs == 0][:BRACKETS]]
    for a, b in zip(grid[places], grid[places + 1], strict=True):
        try:
            x = brentq(lambda x: float(system.value(np.array([x]))[0]), a, b, xtol=1e-300, rtol=1e-15, disp=False)
        except ValueError:  # there is no value at a pole on the way
            x = (a + b) / 2
        zero = newton(system.value, system.jacobian, np.array([float(x)]), problem.low, problem.high, 30)
        found.append(nearby(system, problem, zero))
    return found


def judged(system: System, problem: Problem, x: Array, count: int) -> tuple[Root, bool]:
    """What is known of a point, and whether it is a root: whether rounding it explains the values that are left."""

    def exact(low: Array, high: Array, rounds: int) -> Zero:
        value = system.value
        return newton(
            value.exact, lambda y: system.jacobian(y, exact=True), x, low, high, rounds, value.noise
        )  # fmt: skip

    zero = exact(problem.low, problem.high, NEWTON)
    if not (np.abs(zero.x - x) <= 0.01 * (1 + np.abs(x))).all():
        zero = exact(x, x, 1)
    x = zero.x
    rough = 0.0 if system.value.supported else ROUGH * (1 + np.abs(x))
    close = (zero.error <= SURE * np.abs(x) + SURE_OF_ALL * np.abs(x).max() + rough).all()
    size = float(np.abs(zero.values).max())
    sure = size == 0 or bool(np.isfinite(size) and size > TINY and close)  # below that nothing tells it from 0
    kind, note = "simple", ""
    if sure and system.value.singular(x):
        note = KINK
    elif sure and not regular(system, x, zero.error):
        kind, note = "multiple", MANY if not size and is_one_of_many(system, x) else MULTIPLE
        sure = not size or is_bottom(system, x, zero)
    return Root(x, size, zero.error, kind, note, count, tuple(problem.names)), sure


def regular(system: System, x: Array, error: Array) -> bool:
    """Whether the Jacobian has full rank, and still has where the root may be as well."""
    slopes = system.jacobian(x, exact=True)
    if not np.isfinite(slopes).all():
        return True
    sizes = np.linalg.svd(slopes, compute_uv=False)
    if not sizes[-1] > 1e-12 * sizes[0]:
        return False
    reach = LEFT * np.maximum(error, np.spacing(np.abs(x)))
    change = max(float(np.abs(system.jacobian(x + s * reach, exact=True) - slopes).max()) for s in (-1, 1))
    return not change * np.sqrt(slopes.size) > sizes[-1] / 2


def is_one_of_many(system: System, x: Array) -> bool:
    """Whether points beside a root, where the Jacobian vanishes, are roots to the last digit as well."""
    slopes = np.nan_to_num(system.jacobian(x, exact=True))
    direction = np.linalg.svd(slopes)[2][-1]
    reach = 1e-4 * (1 + np.abs(x).max()) * direction
    return any(not system.value.exact(x + side * s * reach).any() for side in (-1, 1) for s in (1.0, 0.3))


def is_bottom(system: System, x: Array, zero: Zero) -> bool:
    """Whether the values grow on all sides of a multiple root, which tells it from values that only tend to 0."""
    reach = 2 * LEFT * max(float(zero.error.max()), float(np.spacing(np.abs(x)).max()))
    size = float(np.abs(zero.values).max())
    return all(
        float(np.abs(system.value.exact(x + side * reach * axis)).max()) > 2 * size
        for axis in np.eye(len(x)) for side in (-1, 1)
    )  # fmt: skip


def merged(roots: Sequence[Root]) -> list[Root]:
    """The roots in order, each once; of those that are one of many, the one nearest to 0."""
    kept: list[Root] = []
    for root in sorted(roots, key=lambda r: (float(r.error.max()), float(np.abs(r.x).max()))):
        same = next((i for i, r in enumerate(kept) if alike(root, r)), None)
        if same is None:
            kept.append(root)
        else:
            kept[same] = changed(kept[same], found=kept[same].found + root.found)
    return sorted(kept, key=lambda r: tuple(r.x))


def alike(a: Root, b: Root) -> bool:
    same = EXACT if a.kind == b.kind == "simple" else SAME
    return near(a.x, b.x, a.error + b.error, same) or (a.note == b.note == MANY)
