"""Differences of neighbors along an axis: plain ones, slopes, and areas under a curve."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ..errors import ShapeError, UsageError
from ..graph import Like, Tensor, as_tensor
from ..table import Arg, op, sample
from ..types import Axes, normalize_axes, normalize_axis
from .alike import Alike
from .arrays import astype, expand_like
from .joining import concatenate
from .logic import not_equal
from .reductions import sum
from .slicing import getitem
from .windows import is_int

STEPS = Arg(lambda rng: np.cumsum(rng.uniform(0.5, 1.5, 4)))  # places of points, in order


def part(x: Tensor, axis: int, index: Any) -> Tensor:
    """``x`` at a slice, or at one place, which stays as an axis of length one."""
    kept = (index,) if isinstance(index, slice) else (index, None)
    return getitem(x, (*(slice(None),) * axis, *kept))


def floats(x: Like) -> Tensor:
    t = as_tensor(x)
    return t if t.dtype.kind == "f" else astype(t, "float64")


def neighbors(x: Tensor, axis: int) -> Tensor:
    """Each element but the first minus the one before; of bools whether the two differ."""
    after, before = part(x, axis, slice(1, None)), part(x, axis, slice(None, -1))
    return not_equal(after, before) if x.dtype.kind == "b" else after - before


def border(value: Like, like: Tensor, axis: int, name: str) -> Tensor:
    """What is put before or behind ``like``: a number stands for one element in each row."""
    t = as_tensor(value)
    if t.ndim not in (0, like.ndim):
        raise ShapeError(f"diff: {name} is a number or has the {like.ndim} axes of x {like.shape}, got {t.shape}")
    return t if t.ndim else expand_like(t, sum(like, axis, keepdims=True))  # of which only the shape is read


def check_count(x: Any, n: Any) -> None:
    """Refuse what is no count, and what asks for a derivative."""
    if isinstance(x, str) or isinstance(n, str | Tensor):
        raise UsageError(
            'diff: takes differences of neighbors; a derivative is ag.grad(y, x), of text ag.derivative("x^2", "x")'
        )
    if not is_int(n, 0):
        raise ShapeError(f"diff: n is a whole number of 0 or more, got {n!r}")


@op(
    sample((4,)),
    sample((2, 4), n=2),
    sample((3, 2), axis=0),
    sample((2, 3), prepend=0.0, append=1.0),
    sample((2, 3), n=4),
)
def diff(x: Like, n: int = 1, axis: int = -1, prepend: Like | None = None, append: Like | None = None) -> Tensor:
    """``x[1:] - x[:-1]`` along ``axis``, ``n`` times over; of bools whether neighbors differ.

    ``prepend`` and ``append`` are joined to ``x`` before: a number, or a tensor that fits. The axis loses ``n``
    elements, at most all.

    >>> print(ag.diff([1, 4, 9, 16]).eval(), ag.diff([1, 4, 9], prepend=0).eval())
    [3 5 7] [1 3 5]
    """
    check_count(x, n)
    t = as_tensor(x)
    a = normalize_axis(axis, t.ndim, "diff")
    before = [] if prepend is None else [border(prepend, t, a, "prepend")]
    behind = [] if append is None else [border(append, t, a, "append")]
    if before or behind:
        t = concatenate(*before, t, *behind, axis=a)
    for _ in range(n):
        t = neighbors(t, a)
    return t


def slopes(x: Tensor, axis: int, spacing: Tensor, edge_order: int) -> Tensor:
    """The derivative along one axis by central differences, one-sided at the ends."""
    n = x.shape[axis]
    if n is not None and n <= edge_order:
        raise ShapeError(
            f"gradient: needs {edge_order + 1} or more elements along axis {axis} of {x.shape} for edge_order="
            f"{edge_order}; the derivative of a tensor is ag.grad(y, x)"
        )
    low, middle, high = (part(x, axis, s) for s in (slice(None, -2), slice(1, -1), slice(2, None)))
    if spacing.ndim == 0:
        first = second = last = second_last = spacing
        inner = (high - low) / (2 * spacing)
    else:
        steps = along(neighbors(spacing, 0), x, axis)
        far = edge_order - 1  # with order 1 one step an end is read
        first, second, last, second_last = (part(steps, axis, i) for i in (0, far, -1, -1 - far))
        before, after = part(steps, axis, slice(None, -1)), part(steps, axis, slice(1, None))
        inner = ((middle - low) * after / before + (high - middle) * before / after) / (before + after)
    left = one_sided([part(x, axis, i) for i in range(edge_order + 1)], first, second)
    right = one_sided([part(x, axis, -1 - i) for i in range(edge_order + 1)], last, second_last, backward=True)
    return concatenate(left, inner, right, axis=axis)


def along(vector: Tensor, x: Tensor, axis: int) -> Tensor:
    """One number for each element along ``axis`` of ``x``, in the rank of ``x``."""
    return getitem(vector, (*(None,) * axis, slice(None), *(None,) * (x.ndim - 1 - axis)))


def one_sided(points: list[Tensor], first: Tensor, second: Tensor, backward: bool = False) -> Tensor:
    """The slope at the first of two points, or by a parabola through three; ``backward`` if they come from the end."""
    rises = [a - b if backward else b - a for a, b in pairwise(points)]
    near = rises[0] / first
    return near if len(rises) == 1 else near + (near - rises[1] / second) * first / (first + second)


def places_along(vector: Tensor, x: Tensor, axis: int, name: str) -> Tensor:
    """``vector``, found to have one element for each along ``axis`` of ``x``."""
    others = tuple(i for i in range(x.ndim) if i != axis)
    like = sum(x, others) if others else x  # of which only the shape is read
    return Alike(name, (f"samples along axis {axis}", "their coordinates"), "each has one")(vector, like)


def spacings(given: tuple[Any, ...], x: Tensor, axes: tuple[int, ...]) -> list[Tensor]:
    """The spacing along each axis: a number, or as many coordinates as the axis has elements."""
    found = [as_tensor(s) for s in (given or (1,))]
    found = found * len(axes) if len(found) == 1 else found
    if len(found) != len(axes):
        raise ShapeError(f"gradient: needs one spacing, or one for each of the {len(axes)} axes, got {len(found)}")
    for i, (s, a) in enumerate(zip(found, axes, strict=True)):
        if s.ndim > 1:
            raise ShapeError(f"gradient: a spacing is a number, or coordinates along one axis, got {s.shape}")
        found[i] = places_along(s, x, a, "gradient") if s.ndim else s
    return [s if s.dtype.kind == "f" or s.type.weak else astype(s, x.dtype) for s in found]


@op(
    sample((5,)),
    sample((2, 4), axis=1, edge_order=2),
    sample((4,), STEPS),
    sample((2, 4), STEPS, axis=-1, edge_order=2),
    sample((2, 3), axis=(0, 1)),
)
def gradient(x: Like, *spacing: Like, axis: Axes = None, edge_order: int = 1) -> Tensor | tuple[Tensor, ...]:
    """Slopes of samples ``x`` along ``axis``, as ``np.gradient`` has them; of several axes one tensor each.

    Central differences inside, one-sided ones at the ends: by a line, or with ``edge_order=2`` by a parabola.
    ``spacing`` is the distance of the samples, or their coordinates along the axis; one for all axes, or one each.
    The result has the shape of ``x``. The derivative of a tensor by another is ``ag.grad(y, x)``.

    >>> print(ag.gradient([1.0, 4.0, 9.0, 16.0]).eval())
    [3. 4. 6. 7.]
    >>> print(ag.gradient([1.0, 4.0, 16.0], [1.0, 2.0, 4.0], edge_order=2).eval())
    [2. 4. 8.]
    """
    t = floats(x)
    if edge_order not in (1, 2):
        raise ShapeError(f"gradient: edge_order is 1 or 2, got {edge_order!r}")
    axes = normalize_axes(axis, t.ndim, "gradient")
    if not axes:
        raise ShapeError(
            f"gradient: needs samples along an axis, got {t.shape}; the derivative of a tensor is ag.grad(y, x)"
        )
    found = [slopes(t, a, s, edge_order) for a, s in zip(axes, spacings(spacing, t, axes), strict=True)]
    return found[0] if len(found) == 1 else tuple(found)


@op(
    sample((4,)),
    sample((2, 4), dx=0.5),
    sample((3, 2), axis=0),
    sample((2, 4), STEPS),
    sample((2, 3), (2, 3), axis=1),
)
def trapezoid(y: Like, x: Like | None = None, dx: Like = 1.0, axis: int = -1) -> Tensor:
    """The area under samples ``y`` along ``axis`` by the trapezoidal rule.

    Their places are ``x``, one for each element of the axis or of the shape of ``y``, or ``dx`` apart.

    >>> print(ag.trapezoid([1.0, 2.0, 3.0]).eval(), ag.trapezoid([1.0, 2.0, 3.0], [0.0, 1.0, 3.0]).eval())
    4.0 6.5
    """
    t = floats(y)
    a = normalize_axis(axis, t.ndim, "trapezoid")
    pairs = part(t, a, slice(1, None)) + part(t, a, slice(None, -1))
    if x is None:
        return sum(as_tensor(dx) * pairs / 2, a)
    places = as_tensor(x)
    if places.ndim == 1:
        steps = along(neighbors(places_along(places, t, a, "trapezoid"), 0), t, a)
    elif places.ndim == t.ndim:
        steps = neighbors(places, a)
    else:
        raise ShapeError(f"trapezoid: x has one axis, or those of y {t.shape}, got {places.shape}")
    return sum(steps * pairs / 2, a)
