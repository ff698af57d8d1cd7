"""Copies of elements in other places: tiles, repeats, borders, and elements moved around the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor
from ..table import op, sample
from ..types import Array, Axes, TensorType, as_shape, fits, normalize_axis, static
from .addition import summation
from .arrays import flatten, reshape_like
from .base import Linear
from .indexing import take
from .slicing import expand_dims, getitem


@frozen
class Tile(Linear):
    """Copies along each axis: of the whole axis in turn, or of each element where it stands (``inner``)."""

    reps: tuple[int, ...]
    inner: bool
    name = "tile"

    def infer(self, x: TensorType) -> TensorType:
        return x.with_shape([None if d is None else d * r for d, r in zip(x.shape, self.reps, strict=True)])

    def split(self, shape: tuple[int, ...], copies: bool) -> list[int]:
        """``shape`` with two lengths an axis, the copies and the elements, in the order of memory."""
        pairs = [(r if copies else 1, d) for d, r in zip(shape, self.reps, strict=True)]
        return [n for pair in pairs for n in (pair[::-1] if self.inner else pair)]

    def kernel(self, x: Array, *, out: Array) -> None:
        out.reshape(self.split(x.shape, True))[...] = x.reshape(self.split(x.shape, False))

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (SumTiles(self.reps, self.inner)(g, x),)

    def simplify(self, x: Tensor) -> Tensor | None:
        return x if all(r == 1 for r in self.reps) else None


@frozen
class SumTiles(Linear):
    """The copies that ``Tile`` made, summed, in the shape of the second input."""

    reps: tuple[int, ...]
    inner: bool
    name = "sum_tiles"
    shape_only = (1,)

    def infer(self, g: TensorType, like: TensorType) -> TensorType:
        return g.with_shape(like.shape)

    def kernel(self, g: Array, like: Array, *, out: Array) -> None:
        copies = Tile(self.reps, self.inner).split(out.shape, True)
        axes = tuple(range(int(self.inner), 2 * out.ndim, 2))
        summation(g.reshape(copies), axes, False, out)()

    def vjp(self, g: Tensor, y: Tensor, x: Tensor, like: Tensor) -> Cotangents:
        return Tile(self.reps, self.inner)(g), None


@op(sample((2, 3), reps=2), sample((2, 3), reps=(2, 1, 3)), sample((), reps=(2, 2)), sample((2, 3), reps=(0, 1)))
def tile(x: Like, reps: int | Sequence[int]) -> Tensor:
    """``x`` repeated ``reps`` times along each axis; fewer ``reps`` than axes count for the last axes.

    >>> print(ag.tile([1, 2], 3).eval())
    [1 2 1 2 1 2]
    """
    t = as_tensor(x)
    times = as_shape(reps)
    if None in times:
        raise ShapeError(f"tile: repeats are integers of 0 or more, got {times}")
    if len(times) > t.ndim:
        t = expand_dims(t, tuple(range(len(times) - t.ndim)))
    return Tile((*(1,) * (t.ndim - len(times)), *map(static, times)), inner=False).simplest(t)


@op(
    sample((2, 3), repeats=2, axis=1),
    sample((2, 3), repeats=2),
    sample((3, 2), repeats=(2, 0, 1), axis=0),
    sample((2,), repeats=0, axis=0),
)
def repeat(x: Like, repeats: int | Sequence[int], axis: int | None = None) -> Tensor:
    """Each element repeated where it stands, along ``axis`` or in the flattened ``x``: ``abc`` becomes ``aabbcc``.

    ``repeats`` is one number, or one for each element of the axis.

    >>> print(ag.repeat([1, 2], 3).eval())
    [1 1 1 2 2 2]
    """
    t = flatten(x) if axis is None else as_tensor(x)
    a = 0 if axis is None else normalize_axis(axis, t.ndim, "repeat")
    times = as_shape(repeats)
    if None in times:
        raise ShapeError(f"repeat: repeats are integers of 0 or more, got {times}")
    if isinstance(repeats, int | np.integer):
        return Tile(tuple(int(repeats) if i == a else 1 for i in range(t.ndim)), inner=True).simplest(t)
    if not fits((t.shape[a],), (len(times),)):
        raise ShapeError(f"repeat: axis {a} of {t.shape} needs as many repeats as elements, got {len(times)}")
    return take(t, np.repeat(np.arange(len(times)), list(map(static, times))), a)


@frozen
class Pad(Linear):
    """A border of one number around the elements; negative widths cut off."""

    widths: tuple[tuple[int, int], ...]
    value: float
    name = "pad"

    def infer(self, x: TensorType) -> TensorType:
        shape = [None if d is None else d + a + b for d, (a, b) in zip(x.shape, self.widths, strict=True)]
        for axis, (d, n) in enumerate(zip(x.shape, shape, strict=True)):
            if n is not None and n < 0:
                raise ShapeError(f"pad: widths {self.widths[axis]} cut more than the {d} elements of axis {axis}")
        return x.with_shape(shape)

    def inside(self) -> tuple[slice, ...]:
        return tuple(slice(before, -after or None) for before, after in self.widths)

    def kernel(self, x: Array, *, out: Array) -> None:
        out[...] = self.value
        source, target = [], []
        for n, m, (before, _) in zip(x.shape, out.shape, self.widths, strict=True):
            low, high = max(before, 0), max(before, 0, min(m, before + n))
            target.append(slice(low, high))
            source.append(slice(low - before, high - before))
        out[tuple(target)] = x[tuple(source)]

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        if min(map(min, self.widths), default=0) < 0:
            return (Pad(tuple((-before, -after) for before, after in self.widths), 0)(g),)
        return (getitem(g, self.inside()),)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> Tensor | None:
        return None if tangents[0] is None else Pad(self.widths, 0)(tangents[0])

    def simplify(self, x: Tensor) -> Tensor | None:
        return x if all(w == (0, 0) for w in self.widths) else None


@frozen
class Border(Op):
    """Which element of an axis stands at each place of the padded axis."""

    axis: int
    widths: tuple[int, int]
    mode: str
    name = "pad"
    shape_only = (0,)

    def infer(self, x: TensorType) -> TensorType:
        n = x.shape[self.axis]
        if n == 0:
            raise ShapeError(f"pad: axis {self.axis} of {x.shape} has no elements for mode {self.mode!r}")
        return TensorType((None if n is None else n + self.widths[0] + self.widths[1],), np.dtype("int64"))

    def kernel(self, x: Array, *, out: Array) -> None:
        out[...] = np.pad(np.arange(x.shape[self.axis]), self.widths, self.mode)  # type: ignore[call-overload]

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (None,)


def pad_widths(widths: Any, rank: int) -> tuple[tuple[int, int], ...]:
    """``widths`` (a number, a pair, or a pair an axis) as a pair an axis."""
    try:
        table = np.broadcast_to(np.asarray(widths), (rank, 2))
    except ValueError:
        table = np.empty(0)
    if table.dtype.kind not in "iu":
        raise ShapeError(f"pad: widths are a number, a pair, or a pair for each of {rank} axes, got {widths}")
    return tuple((int(before), int(after)) for before, after in table)


@op(
    sample((2, 3), widths=1),
    sample((2, 3), widths=((0, 2), (1, 0)), value=1.5),
    sample((3, 2), widths=((2, 1), (0, 0)), mode="reflect"),
    sample((3,), widths=(1, 4), mode="edge"),
    sample((2, 3), widths=((1, 1), (2, 2)), mode="symmetric"),
    sample((3,), widths=(2, 1), mode="wrap"),
    sample((4, 3), widths=((-1, 2), (0, -2)), value=2.0),
)
def pad(x: Like, widths: Any, mode: str = "constant", value: float = 0.0) -> Tensor:
    """``x`` with a border; ``widths`` is a number, a pair (before, after), or such a pair for each axis.

    The border holds ``value``, or with ``mode`` reflect, symmetric, edge or wrap elements of ``x``, as in NumPy. A
    negative width cuts elements off, where the border holds a value.

    >>> print(ag.pad([1, 2], (1, 2)).eval(), ag.pad([1, 2, 3], 2, mode="reflect").eval())
    [0 1 2 0 0] [3 2 1 2 3 2 1]
    """
    t = as_tensor(x)
    table = pad_widths(widths, t.ndim)
    if mode == "constant":
        return Pad(table, value).simplest(t)
    if mode not in ("reflect", "symmetric", "edge", "wrap"):
        raise ShapeError(f"pad: mode is constant, reflect, symmetric, edge or wrap, got {mode!r}")
    if min(map(min, table), default=0) < 0:
        raise ShapeError(f"pad: mode {mode!r} takes widths of 0 or more, got {widths}; cut with x[...] before it")
    for axis, pair in enumerate(table):
        if pair != (0, 0):
            t = take(t, Border(axis, pair, mode)(t), axis)
    return t


@frozen
class Roll(Linear):
    """Elements moved along one axis; those that leave it at one end come in at the other."""

    shift: int
    axis: int
    name = "roll"

    def infer(self, x: TensorType) -> TensorType:
        return x

    def kernel(self, x: Array, *, out: Array) -> None:
        n = x.shape[self.axis]
        cut = self.shift % n if n else 0
        source, target = np.moveaxis(x, self.axis, 0), np.moveaxis(out, self.axis, 0)
        target[cut:], target[:cut] = source[: n - cut], source[n - cut :]

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (Roll(-self.shift, self.axis)(g),)


@op(
    sample((4,), shift=1),
    sample((3, 4), shift=-6, axis=1),
    sample((2, 3), shift=2),
    sample((2, 3), shift=(1, 2), axis=(0, 1)),
)
def roll(x: Like, shift: int | Sequence[int], axis: Axes = None) -> Tensor:
    """Elements moved by ``shift`` along ``axis``, around the end; without ``axis``, in row-major order.

    >>> print(ag.roll([1, 2, 3, 4], 1).eval())
    [4 1 2 3]
    """
    t = as_tensor(x)
    if axis is None:
        return reshape_like(roll(flatten(t), shift, 0), t)
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    shifts = (shift,) * len(axes) if isinstance(shift, int) else tuple(shift)
    if len(shifts) != len(axes):
        raise ShapeError(f"roll: needs one shift an axis, got {shifts} for axes {axes}")
    for by, a in zip(shifts, axes, strict=True):
        t = Roll(int(by), normalize_axis(a, t.ndim, "roll"))(t)
    return t
