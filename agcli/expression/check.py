"""Proof by numbers: a derivative against the engine's reverse mode and against differences, at random points.

A point counts if the formula and its derivative are finite there; points are drawn until enough are found, so `log`,
`sqrt` and `arcsin` are checked inside of their domains. Where every op of a formula takes complex numbers, the
difference is a complex step, which is exact to rounding (Squire and Trapp, 1998); elsewhere a central difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np

from agcli.engine.frozen import frozen
from agcli.engine.gradient import grad
from agcli.engine.graph import Constant, Tensor, toposort
from agcli.engine.leaves import Placeholder
from agcli.engine.ops.reductions import sum
from agcli.engine.types import Array, static
from agcli.expression.constants import has_value
from agcli.expression.values import is_pointwise, pointwise, values

POINTS = 12  # wanted
DRAWS = 240  # made for them at once
TRIES = 40  # made for a formula that is not pointwise, one by one
EXACT, ROUGH = 1e-6, 1e-3  # largest relative error: of reverse mode and complex step; of a central difference
STEP = 1e-20
LARGEST = 6_000  # tensors of a formula that is still checked


@frozen
class Claim:
    """That `result` is the derivative of `formula` by `x`, or without `x`: that the two are equal."""

    formula: Tensor
    x: Placeholder | None
    result: Tensor


@frozen
class Check:
    """What was found. `ok` is None where no point was found at which the formula has a derivative."""

    ok: bool | None
    points: int
    max_error: float

    def to_json(self) -> dict[str, Any]:
        return {"ok": self.ok, "points": self.points, "max_error": self.max_error}


def check(claims: Sequence[Claim], seed: int = 0) -> Check:
    """All claims at random points; the fewest points and the largest error of any of them."""
    results = [check_claim(claim, np.random.default_rng(seed)) for claim in claims if small(claim)]
    if not results:
        return Check(None, 0, 0.0)
    ok = False if any(r.ok is False for r in results) else None if any(r.ok is None for r in results) else True
    return Check(ok, min(r.points for r in results), max(r.max_error for r in results))


def small(claim: Claim) -> bool:
    return len(toposort([claim.formula, claim.result])) <= LARGEST


def check_claim(claim: Claim, rng: np.random.Generator) -> Check:
    reference = claim.formula if claim.x is None else reverse(claim.formula, claim.x)
    outputs = [claim.formula, reference, claim.result]
    variables = [t for t in toposort(outputs) if isinstance(t, Placeholder)]
    if is_pointwise(outputs):
        return check_pointwise(claim, reference, variables, rng)
    return check_arrays(claim, reference, variables, rng)


def reverse(f: Tensor, x: Placeholder) -> Tensor:
    """The engine's own gradient, of the sum of the elements."""
    return grad(f if f.shape == () else sum(f), x, allow_unused=True)


# Formulas of single numbers: all points at once


def draw(count: int, rng: np.random.Generator) -> Array:
    """Numbers of the sizes that domains have: near 0, in (-1, 1), in (0, 1), positive, beyond 1."""
    kinds = rng.integers(0, 5, count)
    samples = [
        rng.uniform(-2, 2, count), rng.uniform(-1, 1, count), rng.uniform(0, 1, count), rng.lognormal(0, 1, count),
        rng.uniform(1, 5, count),
    ]  # fmt: skip
    return np.choose(kinds, samples)


def check_pointwise(
    claim: Claim, reference: Tensor, variables: Sequence[Placeholder], rng: np.random.Generator
) -> Check:
    feeds = {p.name or "": draw(DRAWS, rng) for p in variables}
    f, exact = (np.broadcast_to(v, DRAWS) for v in pointwise([claim.formula, reference], feeds))
    good = np.flatnonzero(np.isfinite(f) & np.isfinite(exact) & (np.abs(exact) < 1e100) & (np.abs(f) < 1e100))
    chosen = good[:POINTS]
    if not len(chosen) or not has_value(claim.formula, {name: float(v[chosen[0]]) for name, v in feeds.items()}):
        return Check(None, 0, 0.0)
    feeds = {name: v[chosen] for name, v in feeds.items()}
    found = np.broadcast_to(pointwise([claim.result], feeds)[0], len(chosen))
    x = None if claim.x is None else feeds.get(claim.x.name or "")
    size = np.abs(f[chosen]) / (1 if x is None else np.maximum(np.abs(x), 1e-3))
    noise = np.maximum(100 * rounding(reference, feeds, exact[chosen]), 1e-13 * size)
    noise = np.maximum(noise, 1e-15 * largest_term(reference, feeds, len(chosen)))
    error = relative(found, exact[chosen], noise)
    shown = relative(found, exact[chosen])  # what is told, with the rounding that is allowed
    ok = bool(error.max() <= EXACT)
    if claim.x is not None:
        numeric, bound = difference(claim.formula, claim.x, feeds, len(chosen))
        other = relative(found, numeric, noise)
        usable = np.isfinite(numeric)
        ok = ok and bool((other[usable] <= bound).all())
        if bound == EXACT:
            shown = np.maximum(shown, np.where(usable, relative(found, numeric), 0))
    return Check(ok, len(chosen), float(shown.max()))


def rounding(t: Tensor, feeds: Mapping[str, Array], at: Array) -> Array:
    """How far the values of `t` move with the last digits of the variables: where terms cancel, more than it seems."""
    noise = np.zeros(len(at))
    for shift in (-2e-15, 1e-15, 3e-15):
        moved = np.broadcast_to(pointwise([t], {name: v * (1 + shift) for name, v in feeds.items()})[0], len(at))
        noise = np.fmax(noise, np.abs(moved - at))
    return noise


def largest_term(t: Tensor, feeds: Mapping[str, Array], count: int) -> Array:
    """The size of the largest number that is added or subtracted in `t`: its last digit is what may be left."""
    sums = [s for s in toposort([t]) if s.op is not None and s.op.name in ("add", "subtract")]
    terms = pointwise([x for s in sums for x in s.inputs], feeds)
    sizes = (np.abs(np.broadcast_to(v, count)) for v in terms)
    return reduce(np.fmax, sizes, np.zeros(count))


def relative(a: Array, b: Array, noise: Array | float = 0.0) -> Array:
    """The difference beyond the noise relative to the values, and to their usual size where they cancel; infinite for
    NaN."""
    usual = 1e-3 * np.median(np.abs(b[np.isfinite(b)])) if np.isfinite(b).any() else 0.0
    with np.errstate(all="ignore"):
        scale = np.maximum(np.maximum(np.abs(a), np.abs(b)), max(usual, 1e-12))
        error = np.maximum(np.abs(a - b) - noise, 0) / scale
    return np.where(np.isnan(error), np.inf, error)


def difference(f: Tensor, x: Placeholder, feeds: Mapping[str, Array], count: int) -> tuple[Array, float]:
    """The derivative of `f` by differences, and how much it may be off."""
    numeric = complex_step(f, x, feeds, count)
    if numeric is not None:
        return numeric, EXACT
    name = x.name or ""
    at = feeds.get(name, np.zeros(count))
    h = 1e-4 * np.maximum(1.0, np.abs(at)) * 0.1

    def moved(steps: float) -> Array:
        return np.broadcast_to(pointwise([f], {**feeds, name: at + steps * h})[0], count)

    with np.errstate(all="ignore"):
        wide, narrow = (moved(2) - moved(-2)) / (4 * h), (moved(1) - moved(-1)) / (2 * h)
        numeric = (4 * narrow - wide) / 3
        noise = 1e-14 * np.abs(moved(0)) / h  # rounding
        trusted = (np.abs(wide - narrow) <= 1e-4 * np.abs(narrow) + 1e-9) & (noise <= 1e-4 * np.abs(numeric) + 1e-12)
    return np.where(trusted, numeric, np.nan), ROUGH


def by_part(pick: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    """A choice between two complex numbers by their real parts."""
    return lambda a, b: choose(pick(a.real, b.real), a, b)


def choose(condition: Array, a: Any, b: Any) -> Array:
    result: Array = np.where(condition, a, b)
    return result


def real_parts(ufunc: Any) -> Callable[..., Array]:
    return lambda *args: ufunc(*(a.real for a in args))


ANALYTIC: dict[str, Callable[..., Array]] = {
    "abs": lambda a: choose(a.real < 0, -a, a),
    "where": choose,
    "maximum": by_part(np.greater_equal),
    "minimum": by_part(np.less_equal),
    "astype": lambda a: a,
    "relu": lambda a: choose(a.real > 0, a, 0),
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "cbrt": lambda a: choose(a.real < 0, -((-a) ** (1 / 3)), a ** (1 / 3)),
    "arctan2": lambda a, b: choose(
        b.real > 0, np.arctan(a / b), np.where(a.real > 0, np.pi / 2, -np.pi / 2) - np.arctan(b / a)
    ),
    **{name: real_parts(getattr(np, name)) for name in ("sign", "floor", "ceil")},
    **{name: getattr(np, name) for name in (
        "add", "subtract", "multiply", "divide", "negative", "power", "square", "sqrt", "reciprocal", "exp", "log",
        "expm1", "log1p", "exp2", "log2", "log10", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos",
        "arctan", "arcsinh", "arccosh", "arctanh")},
}  # fmt: skip


def complex_step(f: Tensor, x: Placeholder, feeds: Mapping[str, Array], count: int) -> Array | None:
    """Im f(x + ih) / h; None if an op of `f` does not take complex numbers."""
    found: dict[int, Array] = {}
    order = toposort([f])
    if not all(t.op is None or t.dtype.kind == "b" or t.op.name in ANALYTIC for t in order):
        return None
    with np.errstate(all="ignore"):
        for t, real in zip(order, pointwise(order, feeds), strict=True):
            if t.dtype.kind == "b":
                found[t.id] = real
            elif isinstance(t, Placeholder):
                found[t.id] = real + (1j * STEP if t is x else 0)
            elif isinstance(t, Constant):
                found[t.id] = real.astype(complex)
            else:  # what has no real value, such as the root of -1, has no complex one here
                step = ANALYTIC[t.op.name](*(found[i.id] for i in t.inputs))  # type: ignore[union-attr]
                found[t.id] = choose(np.isnan(real), np.nan, step)
        return np.broadcast_to(np.imag(found[f.id]) / STEP, count)


# Formulas of arrays: one point after the other, in one random direction


def check_arrays(claim: Claim, reference: Tensor, variables: Sequence[Placeholder], rng: np.random.Generator) -> Check:
    points, error, ok = 0, 0.0, True
    for _ in range(TRIES):
        feeds: dict[str, Any] = {p.name or "": draw(p.type.size, rng).reshape(p.shape) for p in variables}
        f, exact, found = values([claim.formula, reference, claim.result], feeds)
        if not (np.isfinite(f).all() and np.isfinite(exact).all()):
            continue
        points += 1
        rows = found.sum(axis=tuple(range(f.ndim))) if claim.x is not None and found.ndim > exact.ndim else found
        cancelled = 1e-13 * float(np.max(np.abs(found), initial=0.0))  # of the sums of all rows
        difference = relative_size(rows, exact, cancelled) if rows.shape == exact.shape else 0.0
        error = max(error, difference)
        ok = ok and difference <= EXACT
        if claim.x is not None:
            ok = ok and along(claim.formula, claim.x, feeds, found, rng) <= ROUGH
        if points == POINTS // 3:
            break
    return Check(ok if points else None, points, error)


def along(f: Tensor, x: Placeholder, feeds: Mapping[str, Any], found: Array, rng: np.random.Generator) -> float:
    """The error of <derivative, v> against a central difference along a random v."""
    v = rng.standard_normal(tuple(map(static, x.shape)))
    h = 1e-5
    name = x.name or ""
    sides = [values([f], {**feeds, name: feeds.get(name, np.zeros(v.shape)) + s * h * v})[0] for s in (1, -1)]
    numeric = (sides[0] - sides[1]) / (2 * h)
    whole = found.shape == (*np.shape(numeric), *v.shape)
    product = np.asarray(np.tensordot(found, v, v.ndim) if whole else found * v if x.shape == () else np.sum(found * v))
    if not np.isfinite(numeric).all() or np.shape(product) != np.shape(numeric):
        return 0.0
    rounding = 1e-15 * max(float(np.max(np.abs(side), initial=0.0)) for side in sides) / h  # erf near 1 has few digits
    return relative_size(product, numeric, rounding)


def relative_size(a: Array, b: Array, noise: float = 0.0) -> float:
    scale = max(float(np.max(np.abs(b), initial=0.0)), float(np.max(np.abs(a), initial=0.0)), 1e-12)
    error = max(float(np.max(np.abs(a - b), initial=0.0)) - noise, 0.0) / scale
    return float("inf") if np.isnan(error) else error
