"""Writing at positions that are computed: ``x`` with other elements set, or combined with those that stand there.

Along an axis each op comes down to rows: ``u[k]`` meets ``x[at[k]]``, and the same place may be named many times. An
index counts from the end if it is negative, and is an error that names it if it is outside of the axis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..errors import ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor, unify
from ..table import distinct, integers, op, real, sample
from ..types import Array, Shape, TensorType, broadcast_shapes, fits, normalize_axis
from .arrays import ExpandLike, Transpose, expand_like, flatten, moveaxis, reshape_like
from .chains import products_of_others, rows_of
from .creation import ones_like, zeros_like
from .indexing import Place, Take, check_indices, wrap
from .logic import equal, where


@frozen
class Places(Op):
    """Positions along the first axis of the first input, counted from 0 and found to be inside of it."""

    name: str
    internal = True
    shape_only = (0,)

    def infer(self, x: TensorType, at: TensorType) -> TensorType:
        check_indices((at,), self.name)
        return TensorType(at.shape, np.dtype("int64"))

    def unify(self, inputs: list[Tensor]) -> list[Tensor]:
        return inputs

    def kernel(self, x: Array, at: Array, *, out: Array) -> None:
        out[...] = wrap(at.astype(np.intp, copy=False), x.shape[0], self.name)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor, at: Tensor) -> Cotangents:
        return None, None


@frozen
class LastPlace(Op):
    """Whether no later index along the last axis is the same."""

    name = "last_place"
    internal = True

    def infer(self, at: TensorType) -> TensorType:
        return at.with_dtype(bool)

    def kernel(self, at: Array, *, out: Array) -> None:
        order = np.argsort(at, -1, kind="stable")
        found = np.take_along_axis(at, order, -1)
        last = np.ones(at.shape, bool)
        np.not_equal(found[..., 1:], found[..., :-1], last[..., :-1])
        np.put_along_axis(out, order, last, -1)

    def vjp(self, g: Tensor, y: Tensor, at: Tensor) -> Cotangents:
        return (None,)


@frozen
class Scatter(Op):
    """What meets at the rows of ``x`` (n, ...): rows of ``u`` (k, ...), at the places ``at`` (k,)."""

    name: str
    inplace = (0,)

    def infer(self, x: TensorType, u: TensorType, at: TensorType) -> TensorType:
        return TensorType(x.shape, np.result_type(x.dtype, u.dtype))

    def unify(self, inputs: list[Tensor]) -> list[Tensor]:
        return [*unify(inputs[:2]), inputs[2]]

    def kernel(self, x: Array, u: Array, at: Array, *, out: Array) -> None:
        if not np.may_share_memory(x, out):
            np.copyto(out, x)
        if u.size:
            self.write(out, u, at)

    def write(self, out: Array, u: Array, at: Array) -> None:
        raise NotImplementedError

    def combine(self, ufunc: np.ufunc, out: Array, u: Array, at: Array) -> None:
        """Row by row ``ufunc`` of what stands there and ``u``, element by element, for which NumPy is quick."""
        width = u.size // len(at)
        places = at if width == 1 else (at[:, None] * width + np.arange(width)).reshape(-1)
        flat = out.reshape(-1)
        ufunc.at(flat, places, u.reshape(-1))
        if not np.may_share_memory(flat, out):
            np.copyto(out, flat.reshape(out.shape))


class ScatterSet(Scatter):
    """Rows replaced; of several at one place the last stays, which gets the whole cotangent."""

    def write(self, out: Array, u: Array, at: Array) -> None:
        last = np.full(len(out), -1)
        np.maximum.at(last, at, np.arange(len(at)))
        places = np.flatnonzero(last >= 0)
        out[places] = u[last[places]]

    def vjp(self, g: Tensor, y: Tensor, x: Tensor, u: Tensor, at: Tensor) -> Cotangents:
        stays = rows_of(LastPlace()(at), u)
        return self(g, zeros_like(u, g.dtype), at), where(stays, Take(0)(g, at), 0), None

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> Tensor:
        x, u, at = inputs
        dx, du, _ = tangents
        return self(zeros_like(x) if dx is None else dx, zeros_like(u) if du is None else du, at)


class ScatterMultiply(Scatter):
    """Products; derivatives are exact where factors are 0."""

    def write(self, out: Array, u: Array, at: Array) -> None:
        self.combine(np.multiply, out, u, at)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor, u: Tensor, at: Tensor) -> Cotangents:
        factors = self(ones_like(x, y.dtype), u, at)
        return g * factors, Take(0)(g * x, at) * products_of_others(u, at), None

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> Tensor | None:
        x, u, at = inputs
        dx, du, _ = tangents
        by_x = None if dx is None else dx * self(ones_like(x, y.dtype), u, at)
        if du is None:
            return by_x
        by_u = Place(0, self.name)(Take(0)(x, at) * products_of_others(u, at) * du, y, at)
        return by_u if by_x is None else by_x + by_u


@frozen
class ScatterExtremum(Scatter):
    """The largest or smallest of all that meet; those that tie share the cotangent equally."""

    largest: bool

    def write(self, out: Array, u: Array, at: Array) -> None:
        self.combine(np.maximum if self.largest else np.minimum, out, u, at)

    def hits(self, y: Tensor, x: Tensor, u: Tensor, at: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Where ``x`` is the extremum, where ``u`` is, and how many are at each place."""
        of_x, of_u = equal(x, y).astype(y.dtype), equal(u, Take(0)(y, at)).astype(y.dtype)
        return of_x, of_u, of_x + Place(0, self.name)(of_u, y, at)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor, u: Tensor, at: Tensor) -> Cotangents:
        of_x, of_u, count = self.hits(y, x, u, at)
        part = g / count
        return part * of_x, Take(0)(part, at) * of_u, None

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> Tensor | None:
        x, u, at = inputs
        dx, du, _ = tangents
        of_x, of_u, count = self.hits(y, x, u, at)
        parts = [] if dx is None else [dx * of_x]
        parts += [] if du is None else [Place(0, self.name)(du * of_u, y, at)]
        return None if not parts else (parts[0] if len(parts) == 1 else parts[0] + parts[1]) / count


def placed(updates: Like, like: Shape, of: Tensor, name: str) -> Tensor:
    """``updates`` repeated to the shape of the places that ``of`` has."""
    u = as_tensor(updates)
    try:
        fit = fits(like, broadcast_shapes(u.shape, like))
    except ShapeError:
        fit = False
    if not fit:
        raise ShapeError(f"{name}: updates must have the shape {like} of the places, or broadcast to it, got {u.shape}")
    return expand_like(u, of) if u.type.known else ExpandLike((), True)(u, of)


def by_rows(op: Scatter, x: Like, indices: Like, updates: Like, axis: int) -> Tensor:
    """``op`` along one axis, which leads the others while it is applied, at indices in one row."""
    t, i = as_tensor(x), as_tensor(indices)
    a = normalize_axis(axis, t.ndim, op.name)
    like = Take(a, op.name)(t, i)
    u = placed(updates, like.shape, like, op.name)
    index_axes = range(a, a + i.ndim)
    order = (*index_axes, *(k for k in range(u.ndim) if k not in index_axes))
    rows, at = moveaxis(t, a, 0), flatten(i)
    u = Transpose(order).simplest(u)
    if i.ndim != 1:
        u = reshape_like(u, Take(0)(rows, at))
    return moveaxis(op(rows, u, Places(op.name)(rows, at)), 0, a)


ROWS = (
    sample((4, 3), integers(2, high=4), (2, 3)),
    sample((4,), integers(5, low=-4, high=4), (5,)),
    sample((2, 3), integers(2, 2, high=3), real(2, 2, 2), axis=1),
    sample((2, 3), integers(high=3), (), axis=-1),
    sample((3, 2), integers(0, high=3), (0, 2)),
)
TIES_APART = (
    sample(distinct(4, 3), integers(2, high=4), real(2, 3, low=-0.04, high=0.04)),
    sample(distinct(3), integers(5, low=-3, high=3), distinct(5, gap=0.02)),
    sample(distinct(2, 3), integers(2, 2, high=3), real(2, 2, 2, low=-0.04, high=0.04), axis=1),
)


@op(*ROWS[:3])
def scatter_add(x: Like, indices: Like, updates: Like, axis: int = 0) -> Tensor:
    """``x`` with ``updates`` added at integer ``indices`` along ``axis``; an index that repeats adds each time.

    ``updates`` has the shape of ``take(x, indices, axis)``, or broadcasts to it.

    >>> print(ag.scatter_add([0, 0, 0], [2, 0, 2], [1, 5, 10]).eval())
    [ 5  0 11]
    """
    t = as_tensor(x)
    a = normalize_axis(axis, t.ndim, "scatter_add")
    like = Take(a, "scatter_add")(t, indices)
    u = placed(updates, like.shape, like, "scatter_add")
    return t + Place(a, "scatter_add")(u, t, indices)


@op(*ROWS)
def scatter_set(x: Like, indices: Like, updates: Like, axis: int = 0) -> Tensor:
    """``x`` with ``updates`` in place of the elements at integer ``indices`` along ``axis``.

    Where an index repeats the last of its updates stays, and has the whole derivative; what was replaced has 0.
    ``updates`` has the shape of ``take(x, indices, axis)``, or broadcasts to it.

    >>> print(ag.scatter_set([1, 2, 3], [2, 0, 2], [7, 8, 9]).eval())
    [8 2 9]
    """
    return by_rows(ScatterSet("scatter_set"), x, indices, updates, axis)


@op(*ROWS)
def scatter_multiply(x: Like, indices: Like, updates: Like, axis: int = 0) -> Tensor:
    """``x`` times ``updates`` at integer ``indices`` along ``axis``; an index that repeats multiplies each time.

    Derivatives of any order are exact also where factors are 0. ``updates`` has the shape of
    ``take(x, indices, axis)``, or broadcasts to it.

    >>> print(ag.scatter_multiply([1, 2, 3], [2, 0, 2], [7, 8, 9]).eval())
    [  8   2 189]
    """
    return by_rows(ScatterMultiply("scatter_multiply"), x, indices, updates, axis)


@op(*TIES_APART)
def scatter_max(x: Like, indices: Like, updates: Like, axis: int = 0) -> Tensor:
    """The larger of ``x`` and all ``updates`` at integer ``indices`` along ``axis``.

    What ties at a place, in ``x`` or among the updates, shares the cotangent equally. ``updates`` has the shape of
    ``take(x, indices, axis)``, or broadcasts to it.

    >>> print(ag.scatter_max([4, 2, 3], [1, 0, 1], [5, 1, 9]).eval())
    [4 9 3]
    """
    return by_rows(ScatterExtremum("scatter_max", True), x, indices, updates, axis)


@op(*TIES_APART)
def scatter_min(x: Like, indices: Like, updates: Like, axis: int = 0) -> Tensor:
    """The smaller of ``x`` and all ``updates`` at integer ``indices`` along ``axis``.

    What ties at a place, in ``x`` or among the updates, shares the cotangent equally. ``updates`` has the shape of
    ``take(x, indices, axis)``, or broadcasts to it.

    >>> print(ag.scatter_min([4, 2, 3], [1, 0, 1], [5, 1, 9]).eval())
    [1 2 3]
    """
    return by_rows(ScatterExtremum("scatter_min", False), x, indices, updates, axis)


MODES: dict[str, Callable[..., Tensor]] = {
    "set": scatter_set,
    "add": scatter_add,
    "multiply": scatter_multiply,
    "max": scatter_max,
    "min": scatter_min,
}


def of_mode(mode: str, name: str) -> Callable[..., Tensor]:
    """The function of a mode. Raises ShapeError that names all."""
    if mode not in MODES:
        raise ShapeError(f"{name}: mode is set, add, multiply, max or min, got {mode!r}")
    return MODES[mode]
