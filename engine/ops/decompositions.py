"""Cholesky and QR decompositions; leading axes are batches, as in NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor
from ..table import op, sample, spd
from ..types import Array, TensorType, TupleType
from .arrays import swap_last
from .base import items
from .diagonals import tril
from .joining import concatenate
from .linalg import (
    SolveTriangular,
    add,
    attempt,
    matrix_shape,
    regular,
    result_float,
    square_shape,
    symmetric,
    symmetric_part,
)
from .matmul import product
from .slicing import getitem


# Cholesky -----------------------------------------------------------------------------------------------------
@frozen
class Cholesky(Op):
    """Lower triangular L with L L' = A; rules from Murray, "Differentiation of the Cholesky decomposition" (2016)."""

    name = "cholesky"

    def infer(self, a: TensorType) -> TensorType:
        return TensorType(square_shape("cholesky", a.shape), result_float("cholesky", a))

    def kernel(self, a: Array, *, out: Array) -> None:
        out[...] = attempt("cholesky", "is not positive definite", np.linalg.cholesky, a)

    def vjp(self, g: Tensor, y: Tensor, a: Tensor) -> Cotangents:
        middle = half_lower(product(swap_last(y), g))
        solve = SolveTriangular(False, False)  # with L'
        return (symmetric(swap_last(solve(swap_last(y), swap_last(solve(swap_last(y), middle))))),)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, a: Tensor) -> Tensor | None:
        if tangents[0] is None:
            return None
        solve = SolveTriangular(True, False)
        return product(y, half_lower(solve(y, swap_last(solve(y, tangents[0])))))


def half_lower(x: Tensor) -> Tensor:
    """The lower triangle with half of the diagonal."""
    return (tril(x) + tril(x, -1)) * 0.5


@op(sample(spd(3, 3)), sample(spd(2, 2, 2)), sample((0, 0)))
def cholesky(a: Like) -> Tensor:
    """The lower triangular L with ``L @ L.T = a`` for symmetric positive definite matrices.

    Of a matrix that is not symmetric, the symmetric part is taken. One that is not positive definite is an error
    when the graph runs.

    >>> print(ag.cholesky([[4.0, 2.0], [2.0, 5.0]]).eval())
    [[2. 0.]
     [1. 2.]]
    """
    return Cholesky()(symmetric_part("cholesky", a))


# QR -----------------------------------------------------------------------------------------------------------
@frozen
class Qr(Op):
    """A = Q R for m >= n; rules from Walter and Lehmann, "Algorithmic differentiation of linear algebra functions
    with application in optimum experimental design" (2010), and, in reverse, Roberts and Roberts (2020)."""

    name = "qr"

    def infer(self, a: TensorType) -> TupleType:
        *batch, m, n = matrix_shape("qr", a.shape)
        if m is not None and n is not None and m < n:
            raise ShapeError(f"qr: {a.shape} has fewer rows than columns; this must be known when the graph is built")
        dtype = result_float("qr", a)
        return TupleType((TensorType((*batch, m, n), dtype), TensorType((*batch, n, n), dtype)))

    def kernel(self, a: Array, *, out: tuple[Array, Array]) -> None:
        out[0][...], out[1][...] = np.linalg.qr(a)

    def vjp(self, g: Sequence[Tensor | None], y: Tensor, a: Tensor) -> Cotangents:
        q, r = items(y)
        gq, gr = g
        m = add(
            None if gr is None else product(r, swap_last(gr)),
            None if gq is None else -product(swap_last(gq), q),
        )
        if m is None:
            return (None,)
        low = half_lower(m)
        inner = product(q, low + swap_last(low))
        back = inner if gq is None else inner + gq
        return (swap_last(SolveTriangular(False, False)(r, swap_last(back))),)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, a: Tensor) -> Sequence[Tensor | None] | None:
        if tangents[0] is None:
            return None
        q, r = items(y)
        x = swap_last(SolveTriangular(True, False)(swap_last(r), swap_last(tangents[0])))  # dA inv(R)
        c = product(swap_last(q), x)
        low = tril(c, -1)
        spin = low - swap_last(low)
        return x + product(q, spin - c), product(c - spin, r)


@op(sample(regular(3, 3)), sample(regular(4, 2)), sample(regular(2, 2, 3)))
def qr(a: Like) -> tuple[Tensor, Tensor]:
    """Q with orthonormal columns and upper triangular R with ``a = Q @ R``, reduced; signs are LAPACK's.

    The first min(m, n) columns must be independent for the derivative. One length may be
    unknown; then there must be no fewer rows than columns.

    >>> q, r = ag.qr([[3.0, 1.0], [4.0, 2.0]])
    >>> print((q @ r).eval().round(6))
    [[3. 1.]
     [4. 2.]]
    >>> print(abs(r).eval().round(6))
    [[5.  2.2]
     [0.  0.4]]
    """
    x = as_tensor(a)
    m, n = matrix_shape("qr", x.shape)[-2:]
    if m is None and n is None:
        raise ShapeError(f"qr: one of the last two lengths of {x.shape} must be known")
    if m is None or n is None or m >= n:
        q, r = items(Qr()(x))
        return q, r
    q, r = items(Qr()(getitem(x, (Ellipsis, slice(None, m)))))
    return q, concatenate(r, product(swap_last(q), getitem(x, (Ellipsis, slice(m, None)))), axis=-1)
