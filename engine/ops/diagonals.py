"""Diagonals, triangles and outer products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Tensor, as_tensor, call, unify
from ..table import op, sample
from ..types import Array, TensorType, normalize_axes, normalize_axis
from .alike import Alike
from .arrays import flatten, moveaxis, reshape
from .base import Linear
from .joining import stack
from .slicing import expand_dims, getitem

MATRICES = (sample((3, 3)), sample((2, 4), k=1), sample((2, 3, 2), k=-1), sample((0, 2)))


@frozen
class Triangle(Linear):
    """One triangle of the last two axes, zeros elsewhere."""

    k: int
    upper: bool
    inplace = (0,)

    @property
    def name(self) -> str:  # type: ignore[override]
        return "triu" if self.upper else "tril"

    def infer(self, x: TensorType) -> TensorType:
        if x.rank < 2:
            raise ShapeError(f"{self.name}: needs at least two axes, got {x.shape}")
        return x

    def kernel(self, x: Array, *, out: Array) -> None:
        self.bind((x,), out)()

    def bind(self, inputs: Sequence[Array], out: Array) -> Callable[[], Any]:
        (x,) = inputs
        rows, columns = x.shape[-2:]
        low = np.tri(rows, columns, self.k - self.upper, bool)
        if np.may_share_memory(x, out):
            return partial(np.copyto, out, 0, where=low if self.upper else ~low)
        chosen = ~low if self.upper else low

        def fill() -> None:
            out[...] = 0
            np.copyto(out, x, where=chosen)

        return fill

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (self(g),)


@op(*MATRICES)
def tril(x: Like, k: int = 0) -> Tensor:
    """The lower triangle of the last two axes up to the ``k``-th diagonal, zeros above.

    >>> print(ag.tril([[1, 2], [3, 4]]).eval())
    [[1 0]
     [3 4]]
    """
    return Triangle(int(k), upper=False)(x)


@op(*MATRICES)
def triu(x: Like, k: int = 0) -> Tensor:
    """The upper triangle of the last two axes from the ``k``-th diagonal on, zeros below.

    >>> print(ag.triu([[1, 2], [3, 4]]).eval())
    [[1 2]
     [0 4]]
    """
    return Triangle(int(k), upper=True)(x)


@frozen
class Diagonal(Linear):
    """The ``k``-th diagonal of the last two axes."""

    k: int
    name = "diagonal"

    def infer(self, x: TensorType) -> TensorType:
        rows, columns = x.shape[-2:]
        if rows is None or columns is None:
            return x.with_shape((*x.shape[:-2], None))
        return x.with_shape((*x.shape[:-2], max(0, min(rows + min(self.k, 0), columns - max(self.k, 0)))))

    def kernel(self, x: Array, *, out: Array) -> None:
        out[...] = x.diagonal(self.k, -2, -1)

    def view(self, x: Array) -> Array | None:
        return x.diagonal(self.k, -2, -1)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (OnDiagonal(self.k)(g, x),)


@frozen
class OnDiagonal(Linear):
    """Zeros with the first input on the ``k``-th diagonal: a square, or of the shape of the second input."""

    k: int
    name = "diag"
    shape_only = (1,)

    def infer(self, g: TensorType, *like: TensorType) -> TensorType:
        if like:
            return g.with_shape(like[0].shape)
        n = g.shape[-1]
        side = None if n is None else n + abs(self.k)
        return g.with_shape((*g.shape[:-1], side, side))

    def kernel(self, g: Array, *like: Array, out: Array) -> None:
        out[...] = 0
        i = np.arange(g.shape[-1])
        out[..., i + max(0, -self.k), i + max(0, self.k)] = g

    def vjp(self, g: Tensor, y: Tensor, x: Tensor, *like: Tensor) -> Cotangents:
        return Diagonal(self.k)(g), *(None for _ in like)


@op(
    sample((3, 3)),
    sample((2, 4), offset=1),
    sample((3, 2, 4), offset=-1, axis1=2, axis2=0),
    sample((2, 3), offset=5),
)
def diagonal(x: Like, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonal of the axes ``axis1`` and ``axis2``, as a new last axis; ``offset`` counts to the right.

    >>> print(ag.diagonal([[1, 2, 3], [4, 5, 6]], offset=1).eval())
    [2 6]
    """
    t = as_tensor(x)
    if t.ndim < 2 or len(normalize_axes((axis1, axis2), t.ndim, "diagonal")) != 2:
        raise ShapeError(f"diagonal: needs two axes, got {t.shape}")
    return Diagonal(int(offset))(moveaxis(t, (axis1, axis2), (-2, -1)))


@op(sample((3,)), sample((2,), k=-1), sample((3, 2)), sample((2, 3), k=1))
def diag(x: Like, k: int = 0) -> Tensor:
    """The matrix with the vector ``x`` on its ``k``-th diagonal, or the ``k``-th diagonal of the matrix ``x``.

    >>> print(ag.diag([1, 2]).eval())
    [[1 0]
     [0 2]]
    """
    t = as_tensor(x)
    if t.ndim not in (1, 2):
        raise ShapeError(f"diag: needs a vector or a matrix, got {t.shape}; see diagonal for more axes")
    return OnDiagonal(int(k))(t) if t.ndim == 1 else Diagonal(int(k))(t)


@op(sample((3, 3)), sample((2, 4), offset=1), sample((3, 2, 3), axis1=0, axis2=2))
def trace(x: Like, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Sum of the diagonal of the axes ``axis1`` and ``axis2``.

    >>> print(ag.trace([[1, 2], [3, 4]]).eval())
    5
    """
    return diagonal(x, offset, axis1, axis2).sum(-1)


@op(sample((3,), (2,)), sample((2, 2), (3,)))
def outer(a: Like, b: Like) -> Tensor:
    """Products of every element of ``a`` with every element of ``b``, both flattened, as a matrix.

    >>> print(ag.outer([1, 2], [3, 4, 5]).eval())
    [[ 3  4  5]
     [ 6  8 10]]
    """
    return expand_dims(flatten(a), 1) * expand_dims(flatten(b), 0)


@op(sample((3,), (3,)), sample((2, 3), (4, 3)), sample((2, 2, 3), (3,)), sample((), (2,)))
def inner(a: Like, b: Like) -> Tensor:
    """Sums of products over the last axes of ``a`` and ``b``: shape ``a.shape[:-1] + b.shape[:-1]``.

    >>> print(ag.inner([1, 2], [3, 4]).eval())
    11
    """
    x, y = as_tensor(a), as_tensor(b)
    return call("tensordot", x, y, axes=((-1,), (-1,))) if x.ndim and y.ndim else x * y


@op(sample((2, 3), (2, 2)), sample((2,), (3,)), sample((2,), (2, 3)), sample((), (2,)))
def kron(a: Like, b: Like) -> Tensor:
    """Kronecker product: ``a`` with each element replaced by its product with ``b``; missing first axes have length 1.

    More than one unknown length in the result is a ``ShapeError``.

    >>> print(ag.kron([1, 10], [1, 2, 3]).eval())
    [ 1  2  3 10 20 30]
    """
    x, y = as_tensor(a), as_tensor(b)
    n = max(x.ndim, y.ndim)
    x = expand_dims(x, tuple(range(n - x.ndim)))
    y = expand_dims(y, tuple(range(n - y.ndim)))
    shape = [-1 if i is None or j is None else i * j for i, j in zip(x.shape, y.shape, strict=True)]
    if shape.count(-1) > 1:
        raise ShapeError(f"kron: at most one axis may have an unknown length, got {x.shape} and {y.shape}")
    product = expand_dims(x, tuple(range(1, 2 * n, 2))) * expand_dims(y, tuple(range(0, 2 * n, 2)))
    return reshape(product, shape)


@op(sample((3,), (3,)), sample((2, 3), (3,)), sample((3, 2), (3, 1), axis=0))
def cross(a: Like, b: Like, axis: int = -1) -> Tensor:
    """The cross product of vectors of 3 numbers along ``axis``; the other axes broadcast.

    >>> print(ag.cross([1, 0, 0], [0, 1, 0]).eval())
    [0 0 1]
    """
    vectors = []
    for t in unify([as_tensor(a), as_tensor(b)]):
        at = normalize_axis(axis, t.ndim, "cross")
        if t.shape[at] not in (3, None):
            plane = "; of vectors of 2 write a[0]*b[1] - a[1]*b[0]" if t.shape[at] == 2 else ""
            raise ShapeError(f"cross: needs vectors of 3 numbers along axis {axis}, got {t.shape}{plane}")
        found = moveaxis(t, at, -1)
        if t.shape[at] is None:  # found out when the graph runs
            three = stack([getitem(found, (Ellipsis, i)) for i in range(3)], axis=-1)
            found = Alike("cross", ("vectors of 3", "those given"), "all elements are read")(found, three)
        vectors.append([getitem(found, (Ellipsis, i)) for i in range(3)])
    u, v = vectors
    return stack([u[i - 2] * v[i - 1] - u[i - 1] * v[i - 2] for i in range(3)], axis=axis)
