"""Joining and cutting by rows, columns and layers, ranks of at least so many axes, and quarter turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..graph import Like, Tensor, as_tensor
from ..table import op, sample
from ..types import normalize_axis
from .arrays import swapaxes
from .joining import concatenate
from .slicing import expand_dims, flip, split


def listed(xs: tuple[Any, ...], name: str) -> list[Tensor]:
    """The tensors that were given, one by one or in a sequence."""
    found = [as_tensor(x) for x in (xs[0] if len(xs) == 1 and isinstance(xs[0], list | tuple) else xs)]
    if not found:
        raise ShapeError(f"{name}: needs at least one tensor")
    return found


def joined(tensors: Sequence[Tensor], axis: int, name: str, rank: int = 0) -> Tensor:
    """Tensors along an axis. Raises ShapeError in the name of the op that was called."""
    shapes = ", ".join(str(t.shape) for t in tensors)
    if rank and any(t.ndim != rank for t in tensors):
        raise ShapeError(f"{name}: needs tensors of {rank - 1} or {rank} axes, got {shapes}")
    try:
        return concatenate(*tensors, axis=axis)
    except ShapeError as e:
        raise ShapeError(f"{name}: {str(e).removeprefix('concatenate: ')}") from None


@op(sample((3,)), sample(()))
def atleast_1d(x: Like) -> Tensor:
    """``x`` with at least one axis: a number becomes a vector of one element.

    >>> print(ag.atleast_1d(3.0).shape)
    (1,)
    """
    t = as_tensor(x)
    return t if t.ndim else expand_dims(t, 0)


@op(sample((3,)), sample(()), sample((2, 3)))
def atleast_2d(x: Like) -> Tensor:
    """``x`` with at least two axes: a vector becomes a row.

    >>> print(ag.atleast_2d([1.0, 2.0, 3.0]).shape)
    (1, 3)
    """
    t = as_tensor(x)
    return t if t.ndim > 1 else expand_dims(atleast_1d(t), 0)


@op(sample((3,)), sample(()), sample((2, 3)))
def atleast_3d(x: Like) -> Tensor:
    """``x`` with at least three axes, as NumPy has it: a vector (n,) becomes (1, n, 1), a matrix (m, n) (m, n, 1).

    >>> print(ag.atleast_3d([1.0, 2.0, 3.0]).shape, ag.atleast_3d(ag.ones((2, 3))).shape)
    (1, 3, 1) (2, 3, 1)
    """
    t = as_tensor(x)
    return t if t.ndim > 2 else expand_dims(atleast_2d(t), 2)


@op(sample((3,), (3,)), sample((2, 3), (3,)), sample((2, 3), (1, 3)))
def vstack(*xs: Like) -> Tensor:
    """Tensors joined as rows, along the first axis; a vector is one row. A single sequence is allowed too.

    >>> print(ag.vstack([1, 2], [3, 4]).eval())
    [[1 2]
     [3 4]]
    """
    return joined([atleast_2d(t) for t in listed(xs, "vstack")], 0, "vstack")


@op(sample((3,), (2,)), sample((2, 3), (2, 1)), sample((), (2,)))
def hstack(*xs: Like) -> Tensor:
    """Tensors joined side by side, along the second axis, vectors along their only one. A sequence is allowed too.

    >>> print(ag.hstack([[1], [2]], [[3], [4]]).eval())
    [[1 3]
     [2 4]]
    """
    tensors = [atleast_1d(t) for t in listed(xs, "hstack")]
    return joined(tensors, 0 if tensors[0].ndim == 1 else 1, "hstack")


@op(sample((3,), (3,)), sample((2, 3), (2, 3)), sample((2, 3, 1), (2, 3, 2)))
def dstack(*xs: Like) -> Tensor:
    """Tensors joined in depth, along the third axis, which vectors and matrices get. A sequence is allowed too.

    >>> print(ag.dstack([1, 2], [3, 4]).eval())
    [[[1 3]
      [2 4]]]
    """
    return joined([atleast_3d(t) for t in listed(xs, "dstack")], 2, "dstack")


@op(sample((3,), (3,)), sample((3,), (3, 2)), sample((), ()))
def column_stack(*xs: Like) -> Tensor:
    """Vectors as the columns of a matrix, beside matrices of as many rows. A sequence is allowed too.

    >>> print(ag.column_stack([1, 2], [3, 4]).eval())
    [[1 3]
     [2 4]]
    """
    tensors = [t if t.ndim > 1 else expand_dims(atleast_1d(t), 1) for t in listed(xs, "column_stack")]
    return joined(tensors, 1, "column_stack", rank=2)


@op(sample((5, 2), parts=3), sample((2, 5), parts=(1, 1, 4), axis=1), sample((2,), parts=3))
def array_split(x: Like, parts: int | Sequence[int], axis: int = 0) -> tuple[Tensor, ...]:
    """``x`` cut along ``axis`` into ``parts`` pieces as equal as can be, the longer ones first.

    ``parts`` may also be the positions before which it is cut, as for ``split``.

    >>> print([piece.eval().tolist() for piece in ag.array_split([1, 2, 3, 4, 5], 3)])
    [[1, 2], [3, 4], [5]]
    """
    t = as_tensor(x)
    a = normalize_axis(axis, t.ndim, "array_split")
    if not isinstance(parts, int | np.integer):
        return split(t, parts, a)
    n = t.shape[a]
    if n is None or parts < 1:
        raise ShapeError(f"array_split: {parts} pieces need a known length, and to be 1 or more, got {n} in {t.shape}")
    return split(t, [i * (n // parts) + min(i, n % parts) for i in range(1, parts)], a)


def cut(x: Like, parts: int | Sequence[int], axis: int, name: str) -> tuple[Tensor, ...]:
    """``split`` along a fixed axis. Raises ShapeError in the name of the op that was called."""
    t = as_tensor(x)
    if t.ndim <= axis:
        raise ShapeError(f"{name}: needs {axis + 1} or more axes, got {t.shape}")
    try:
        return split(t, parts, axis)
    except ShapeError as e:
        raise ShapeError(f"{name}: {str(e).removeprefix('split: ')}") from None


@op(sample((4, 3), parts=2), sample((4, 3), parts=(1, 3)))
def vsplit(x: Like, parts: int | Sequence[int]) -> tuple[Tensor, ...]:
    """``x`` cut along the first axis into equal pieces, or before positions, of two axes or more.

    >>> print([piece.eval().tolist() for piece in ag.vsplit([[1, 2], [3, 4]], 2)])
    [[[1, 2]], [[3, 4]]]
    """
    if as_tensor(x).ndim < 2:
        raise ShapeError(f"vsplit: needs 2 or more axes, got {as_tensor(x).shape}")
    return cut(x, parts, 0, "vsplit")


@op(sample((2, 4), parts=2), sample((4,), parts=(1, 3)))
def hsplit(x: Like, parts: int | Sequence[int]) -> tuple[Tensor, ...]:
    """``x`` cut along the second axis into equal pieces, or before positions; a vector along its only one.

    >>> print([piece.eval().tolist() for piece in ag.hsplit([[1, 2], [3, 4]], 2)])
    [[[1], [3]], [[2], [4]]]
    """
    return cut(x, parts, 0 if as_tensor(x).ndim == 1 else 1, "hsplit")


@op(sample((2, 1, 4), parts=2), sample((1, 2, 4), parts=(1, 3)))
def dsplit(x: Like, parts: int | Sequence[int]) -> tuple[Tensor, ...]:
    """``x`` cut along the third axis into equal pieces, or before positions.

    >>> print([piece.eval().tolist() for piece in ag.dsplit([[[1, 2]]], 2)])
    [[[[1]]], [[[2]]]]
    """
    return cut(x, parts, 2, "dsplit")


@op(sample((2, 3)), sample((3,)))
def flipud(x: Like) -> Tensor:
    """Upside down: reversed along the first axis.

    >>> print(ag.flipud([[1, 2], [3, 4]]).eval())
    [[3 4]
     [1 2]]
    """
    return flip(x, turned(x, 0, "flipud"))


@op(sample((2, 3)), sample((2, 3, 2)))
def fliplr(x: Like) -> Tensor:
    """Left and right exchanged: reversed along the second axis.

    >>> print(ag.fliplr([[1, 2], [3, 4]]).eval())
    [[2 1]
     [4 3]]
    """
    return flip(x, turned(x, 1, "fliplr"))


def turned(x: Like, axis: int, name: str) -> int:
    """``axis``, where there is one."""
    t = as_tensor(x)
    if t.ndim <= axis:
        raise ShapeError(f"{name}: needs {axis + 1} or more axes, got {t.shape}")
    return axis


@op(sample((2, 3)), sample((2, 3), k=2), sample((2, 3, 2), k=-1, axes=(1, 2)), sample((2, 3), k=4))
def rot90(x: Like, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor:
    """``k`` quarter turns in the plane of two axes, from the first toward the second: of images counterclockwise.

    >>> print(ag.rot90([[1, 2], [3, 4]]).eval())
    [[2 4]
     [1 3]]
    """
    t = as_tensor(x)
    if len(axes) != 2 or not isinstance(k, int | np.integer):
        raise ShapeError(f"rot90: takes a whole number of turns and two axes, got k={k!r}, axes={axes}")
    a, b = (normalize_axis(axis, t.ndim, "rot90") for axis in axes)
    if a == b:
        raise ShapeError(f"rot90: the axes {axes} of {t.shape} are one")
    turns: tuple[Callable[[Tensor], Tensor], ...] = (
        lambda y: y,
        lambda y: swapaxes(flip(y, b), a, b),
        lambda y: flip(y, (a, b)),
        lambda y: flip(swapaxes(y, a, b), b),
    )
    return turns[int(k) % 4](t)
