"""What kind of point the gradient vanishes at, or a descent ended at."""

from __future__ import annotations

from typing import Any

import numpy as np

from agcli.engine.frozen import frozen
from agcli.engine.types import Array
from agcli.solving.functions import TINY, Objective
from agcli.solving.newton import newton
from agcli.solving.problem import Problem, placed

CLOSE = 1e-6  # largest Newton step that is left, relative, at a point that is shown
ROUNDING = 1e-13  # of an eigenvalue beside the largest
LEFT = 4  # times the step that is left, over which a curvature keeps its sign
DISTANCES = (1e-2, 1e-3, 1e-4)  # at which nearby values are compared, relative
AROUND = (1e-3, 1e-5, 1e-7)  # the same for points without a derivative
DRAWS = 16
NEWTON = 60
FLAT = 1e-12
KINK = "at a kink or an edge of the domain, by nearby values"
NEARBY = "by nearby values, as the derivatives do not decide"
LINE = "f is as low all along a line, curve or region; this is one of its points"
UNDECIDED = "the second derivatives do not decide; f is higher at the nearby points that were looked at"


@frozen
class Point:
    """A critical point. `curvatures` are the eigenvalues of the Hessian in the variables at no bound, from the least;
    `gradient` is the largest derivative among them, `bounds` are the sides that it lies on (-1, 0, 1 a variable),
    `error` how far off it may be."""

    x: Array
    value: float
    kind: str  # minimum, maximum, saddle or degenerate
    gradient: float
    curvatures: tuple[float, ...]
    bounds: tuple[int, ...]
    error: Array
    note: str = ""
    found: int = 1
    names: tuple[str, ...] = ()

    @property
    def at(self) -> dict[str, float]:
        """The numbers by the names of their variables."""
        return placed(self.names, self.x)


def sides(problem: Problem, x: Array) -> Array:
    """-1 where a variable is at its lower end, 1 at the upper one."""
    found: Array = (x >= problem.high).astype(int) - (x <= problem.low).astype(int)
    return found


class Judge:
    """Looks at one point after the other."""

    def __init__(self, f: Objective, problem: Problem, everything: bool) -> None:
        self.f, self.problem, self.names = f, problem, tuple(problem.names)
        self.kinks = [(1, "minimum"), (-1, "maximum")][: 1 + everything]  # that are looked for

    def __call__(self, x: Array, found: int = 1) -> Point | None:
        """What is known of a point; None if it is none of the kinds."""
        on = sides(self.problem, x)
        moving = on == 0
        if moving.any():
            x, error = self.exact_zero(x, moving)
        else:
            error = np.zeros(len(x))
        slope = self.f.gradient.exact(x)
        value = float(self.f.value.exact(x)[0])
        if not np.isfinite(value):
            return None
        if self.breaks(x, value):
            return None
        close = bool((error <= CLOSE * (1 + np.abs(x))).all())
        size = float(np.abs(slope[moving]).max(initial=0.0))
        if not close or not np.isfinite(slope).all() or self.f.value.singular(x):
            return self.kink(x, size, found)
        outward = slope[~moving] * on[~moving]  # below 0 where f rises towards the inside of a lower end, and so on
        hessian = self.f.hessian(x, exact=True)[np.ix_(moving, moving)]
        if not np.isfinite(hessian).all():
            return self.kink(x, size, found)
        if 0 < np.abs(slope[moving]).max(initial=0.0) <= TINY:  # that it vanishes is but the end of float64
            return None
        values, vectors = np.linalg.eigh(hessian) if moving.any() else (np.empty(0), np.empty((0, 0)))
        signs = self.signs(x, moving, values, vectors, error)
        kind, note = self.kind(x, signs, outward, moving, vectors, error)
        curvatures = tuple(float(v) for v in values)
        return Point(x, value, kind, size, curvatures, tuple(map(int, on)), error, note, found, self.names)

    def breaks(self, x: Array, value: float) -> bool:
        """Whether values do not come nearer to that of the point on any side, as at a pole."""
        scale = 1 + np.abs(x)
        gaps = []
        for distance in (AROUND[0], AROUND[-1]):
            steps = np.diag(distance * scale)
            around = np.clip(np.concatenate([x + steps, x - steps]), self.problem.low, self.problem.high)
            found = np.abs(self.f.value.many(around[(around != x).any(axis=1)])[:, 0] - value)
            gaps.append(float(found[np.isfinite(found)].min(initial=np.inf)))
        far, near = gaps
        return near > far / 2 and near > FLAT * abs(value) and np.isfinite(far)

    def exact_zero(self, x: Array, moving: Array) -> tuple[Array, Array]:
        """The zero of the gradient without errors of rounding, and the step that is left."""

        def full(part: Array) -> Array:
            whole = x.copy()
            whole[moving] = part
            return whole

        zero = newton(
            lambda part: self.f.gradient.exact(full(part))[moving],
            lambda part: self.f.hessian(full(part), exact=True)[np.ix_(moving, moving)],
            x[moving], self.problem.low[moving], self.problem.high[moving], NEWTON, self.f.gradient.noise,
        )  # fmt: skip
        new, error = full(zero.x), np.zeros(len(x))
        error[moving] = zero.error
        return (new, error) if (np.abs(new - x) <= 0.01 * (1 + np.abs(x))).all() else (x, np.where(moving, np.inf, 0))

    def signs(self, x: Array, moving: Array, values: Array, vectors: Array, error: Array) -> list[int]:
        """The sign of each curvature; 0 where rounding, or the step that is left, might have made it."""
        found = []
        reach = LEFT * max(float(error.max()), float(np.spacing(np.abs(x)).max()))
        largest = float(np.abs(values).max(initial=0.0))
        for value, vector in zip(values, vectors.T, strict=True):
            sign = int(np.sign(value)) if abs(value) > ROUNDING * largest else 0
            for side in (-1, 1) if sign else ():
                there = x.copy()
                there[moving] += side * reach * vector
                hessian = self.f.hessian(there, exact=True)[np.ix_(moving, moving)]
                if np.sign(vector @ hessian @ vector) != sign:
                    sign = 0
            found.append(sign)
        return found

    def kind(
        self, x: Array, signs: list[int], outward: Array, moving: Array, vectors: Array, error: Array
    ) -> tuple[str, str]:
        tiny = FLAT * (1 + float(np.abs(outward).max(initial=0.0)))
        rising, falling = bool((outward <= tiny).all()), bool((outward >= -tiny).all())
        if 1 in signs and -1 in signs:
            return "saddle", ""
        weak = bool((np.abs(outward) <= tiny).any()) and len(outward) > 0
        if 0 not in signs and not weak:
            if rising and -1 not in signs:
                return "minimum", ""
            if falling and 1 not in signs:
                return "maximum", ""
            return "saddle", ""
        if not (rising or falling):
            return "saddle", ""
        directions = [v for v, sign in zip(self.axes(moving, vectors), signs, strict=True) if sign == 0]
        ends = [axis for axis, out in zip(np.eye(len(x))[~moving], outward, strict=True) if abs(out) <= tiny]
        return self.by_values(x, [*directions, *ends], signs, error)

    def axes(self, moving: Array, vectors: Array) -> Array:
        """The eigenvectors in all variables."""
        found = np.zeros((vectors.shape[1], len(moving)))
        found[:, moving] = vectors.T
        return found

    def by_values(self, x: Array, directions: list[Array], signs: list[int], error: Array) -> tuple[str, str]:
        """From values at nearby points along directions of no curvature."""
        told = [s for s in (self.along(x, d, error) for d in directions) if s != ()]
        seen = {s for signs_of in told for s in signs_of} | {s for s in signs if s}
        if 1 in seen and -1 in seen:
            return ("saddle" if len(x) > 1 or not directions else "degenerate"), NEARBY
        alone = len(x) == 1
        if seen == {1}:
            return ("minimum", NEARBY) if alone else ("degenerate", UNDECIDED)
        if seen == {-1}:
            return ("maximum", NEARBY) if alone else ("degenerate", UNDECIDED.replace("higher", "lower"))
        if 0 in seen:
            return ("maximum" if -1 in seen else "minimum"), LINE
        return "degenerate", ""

    def along(self, x: Array, direction: Array, error: Array) -> tuple[int, ...]:
        """Whether f is higher (1), lower (-1) or the same (0) on both sides along a direction, close by."""
        here = self.f.value.enclosed(x)[0]
        found = []
        for side in (1, -1):
            signs = []
            for distance in DISTANCES:
                there = x + side * distance * (1 + np.abs(x).max()) * direction
                if not ((there >= self.problem.low) & (there <= self.problem.high)).all():
                    continue
                value = self.f.value.enclosed(there)[0]
                if here is None or value is None:
                    a, b = self.f.value.exact(there)[0], self.f.value.exact(x)[0]
                    signs.append(0 if not np.isfinite(a) or abs(a - b) <= FLAT * abs(b) else int(np.sign(a - b)))
                    continue
                signs.append(1 if value.low > here.high else -1 if value.high < here.low else 0)
            if signs:
                found.append(signs[-1])
        return tuple(found)

    def kink(self, x: Array, size: float, found: int) -> Point | None:
        """A minimum or maximum at which f has no derivative, if all nearby values are higher, or lower."""
        for sign, kind in self.kinks:
            there, reach = self.simplex(x, sign)
            on = sides(self.problem, there)
            value = float(self.f.value.exact(there)[0])
            if (
                not np.isfinite(value)
                or self.breaks(there, value)
                or not all(self.around(there, value, d, sign) for d in AROUND if d > 10 * reach)
            ):
                continue
            error = np.full(len(x), 0.0 if (there == x).all() else reach * (1 + np.abs(x).max()))
            return Point(there, value, kind, size, (), tuple(map(int, on)), error, KINK, found, self.names)
        return None

    def simplex(self, x: Array, sign: int) -> tuple[Array, float]:
        """The lowest (or highest) point near by without derivatives (Nelder and Mead, 1965), and how sure its place is.

        The point itself where no lower one is found.
        """
        from scipy.optimize import minimize

        def height(y: Array) -> float:
            inside = (y >= self.problem.low).all() and (y <= self.problem.high).all()
            value = sign * float(self.f.value(y)[0]) if inside else np.inf
            return np.inf if np.isnan(value) else value

        step = 1e-4 * (1 + np.abs(x))
        corners = np.concatenate([x[None], x + np.diag(step)])
        options: Any = {"xatol": 1e-13, "fatol": 0.0, "maxiter": 200 * len(x), "initial_simplex": corners}
        with np.errstate(all="ignore"):
            found = np.asarray(minimize(height, x, method="Nelder-Mead", options=options).x)
        return (found, 1e-9) if height(found) < height(x) else (x, 0.0)

    def around(self, x: Array, value: float, distance: float, sign: int) -> bool:
        """Whether all values at a distance are above this one (or with -1 below); there must be some."""
        n = len(x)
        random = np.random.default_rng(0).normal(size=(DRAWS * n, n))
        random /= np.linalg.norm(random, axis=1, keepdims=True)
        steps = distance * (1 + np.abs(x)) * np.concatenate([np.eye(n), random])
        points = np.clip(np.concatenate([x + steps, x - steps]), self.problem.low, self.problem.high)
        points = points[(points != x).any(axis=1)]
        heights = self.f.value.many(points)[:, 0]
        heights = heights[np.isfinite(heights)]
        return bool(len(heights)) and bool((sign * heights > sign * value).all())
