"""Eigenvalues and singular values; leading axes are batches, as in NumPy.

Eigen- and singular vectors have no derivative where their values are equal. There the rules divide by 0 and give
infinity or NaN, as JAX and PyTorch do, and for the same reason: a masked 0 would be a wrong number. Only quotients
0 / 0, of vectors that the result does not depend on, count as 0, so that the leading vectors of a matrix with a
null space of any dimension can be differentiated; and functions of the values alone always can.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..errors import ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor
from ..table import distinct, op, sample
from ..types import Array, TensorType, TupleType
from .arrays import swap_last
from .base import items
from .diagonals import Diagonal, OnDiagonal
from .elementwise import abs
from .linalg import add, attempt, matrix_shape, regular, result_float, shorter, square_shape, symmetric_part
from .logic import equal, logical_and, where
from .matmul import product
from .reductions import max, min, sum
from .slicing import expand_dims, squeeze
from .statistics import norm


def divide_gaps(x: Tensor, gaps: Tensor) -> Tensor:
    """x / gaps, and 0 where both are 0."""
    return x / where(logical_and(equal(x, 0), equal(gaps, 0)), 1, gaps)


def columns(w: Tensor) -> Tensor:
    """A row vector for each matrix: it scales columns."""
    return expand_dims(w, -2)


def rows(w: Tensor) -> Tensor:
    """A column vector for each matrix: it scales rows."""
    return expand_dims(w, -1)


# Eigenvalues --------------------------------------------------------------------------------------------------
@frozen
class Eigh(Op):
    """Eigenvalues in ascending order and eigenvectors of symmetric matrices; rules from Giles (2008), section 3.1."""

    name = "eigh"

    def infer(self, a: TensorType) -> TupleType:
        shape, dtype = square_shape("eigh", a.shape), result_float("eigh", a)
        return TupleType((TensorType(shape[:-1], dtype), TensorType(shape, dtype)))

    def kernel(self, a: Array, *, out: tuple[Array, Array]) -> None:
        out[0][...], out[1][...] = attempt("eigh", "has no eigenvalues that LAPACK finds", np.linalg.eigh, a)

    def vjp(self, g: Sequence[Tensor | None], y: Tensor, a: Tensor) -> Cotangents:
        w, v = items(y)
        gw, gv = g
        middle = add(
            None if gw is None else OnDiagonal(0)(gw), None if gv is None else turn(product(swap_last(v), gv), w)
        )
        return (None if middle is None else product(v, middle, swap_last(v)),)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, a: Tensor) -> Sequence[Tensor | None] | None:
        if tangents[0] is None:
            return None
        w, v = items(y)
        change = product(swap_last(v), tangents[0], v)
        dw = Diagonal(0)(change)
        return dw, product(v, divide_gaps(change - OnDiagonal(0)(dw), columns(w) - rows(w)))


def turn(x: Tensor, w: Tensor) -> Tensor:
    """The symmetric part of x_ij / (w_j - w_i), in which the diagonal of x cancels."""
    return divide_gaps((x - swap_last(x)) * 0.5, columns(w) - rows(w))


@op(sample(regular(3, 3)), sample(regular(2, 2, 2)))
def eigh(a: Like) -> tuple[Tensor, Tensor]:
    """Eigenvalues in ascending order, and eigenvectors as columns, of symmetric matrices.

    Of a matrix that is not symmetric, the symmetric part is taken. Signs are LAPACK's. Eigenvectors whose values are
    equal have no derivative: it is infinite or NaN if the result depends on them, as in JAX and PyTorch.

    >>> values, vectors = ag.eigh([[2.0, 1.0], [1.0, 2.0]])
    >>> print(values.eval().round(6))
    [1. 3.]
    >>> print(abs(vectors).eval().round(6))
    [[0.707107 0.707107]
     [0.707107 0.707107]]
    """
    w, v = items(Eigh()(symmetric_part("eigh", a)))
    return w, v


@frozen
class Eigvalsh(Op):
    """Eigenvalues without vectors."""

    name = "eigvalsh"

    def infer(self, a: TensorType) -> TensorType:
        return TensorType(square_shape("eigvalsh", a.shape)[:-1], result_float("eigvalsh", a))

    def kernel(self, a: Array, *, out: Array) -> None:
        out[...] = attempt("eigvalsh", "has no eigenvalues that LAPACK finds", np.linalg.eigvalsh, a)

    def vjp(self, g: Tensor, y: Tensor, a: Tensor) -> Cotangents:
        _, v = items(Eigh()(a))
        return (product(v * columns(g), swap_last(v)),)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, a: Tensor) -> Tensor | None:
        _, v = items(Eigh()(a))
        return None if tangents[0] is None else Diagonal(0)(product(swap_last(v), tangents[0], v))


@op(sample(regular(3, 3)), sample(regular(2, 2, 2)))
def eigvalsh(a: Like) -> Tensor:
    """Eigenvalues of symmetric matrices in ascending order; see ``eigh``.

    >>> print(ag.eigvalsh([[2.0, 1.0], [1.0, 2.0]]).eval().round(6))
    [1. 3.]
    """
    return Eigvalsh()(symmetric_part("eigvalsh", a))


# Singular values ----------------------------------------------------------------------------------------------
@frozen
class Svd(Op):
    """A = U S V'; rules from Townsend, "Differentiating the singular value decomposition" (2016)."""

    name = "svd"

    def infer(self, a: TensorType) -> TupleType:
        *batch, m, n = matrix_shape("svd", a.shape)
        k = shorter(m, n)
        dtype = result_float("svd", a)
        return TupleType(tuple(TensorType((*batch, *shape), dtype) for shape in ((m, k), (k,), (k, n))))

    def kernel(self, a: Array, *, out: tuple[Array, Array, Array]) -> None:
        found = attempt("svd", "has no singular values that LAPACK finds", lambda x: np.linalg.svd(x, False), a)
        for array, value in zip(out, found, strict=True):
            array[...] = value

    def vjp(self, g: Sequence[Tensor | None], y: Tensor, a: Tensor) -> Cotangents:
        u, s, vh = items(y)
        gu, gs, gv = g[0], g[1], None if g[2] is None else swap_last(g[2])
        v = swap_last(vh)
        middle = add(
            None if gs is None else OnDiagonal(0)(gs),
            None if gu is None else 2 * self.turn(gu, u, s) * columns(s),
            None if gv is None else 2 * self.turn(gv, v, s) * rows(s),
        )
        total = add(
            None if middle is None else product(u, middle, vh),
            None if gu is None or wide(a) else product(divide_gaps(outside(gu, u), columns(s)), vh),
            None
            if gv is None or wide(swap_last(a))
            else product(u, swap_last(divide_gaps(outside(gv, v), columns(s)))),
        )
        return (total,)

    def turn(self, g: Tensor, u: Tensor, s: Tensor) -> Tensor:
        """The symmetric part of (U' g)_ij / (s_j^2 - s_i^2)."""
        x = product(swap_last(u), g)
        return divide_gaps((x - swap_last(x)) * 0.5, gaps(s))

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, a: Tensor) -> Sequence[Tensor | None] | None:
        da = tangents[0]
        if da is None:
            return None
        u, s, vh = items(y)
        v = swap_last(vh)
        change = product(swap_last(u), da, v)
        ds = Diagonal(0)(change)
        off = change - OnDiagonal(0)(ds)
        du = product(u, divide_gaps(off * columns(s) + swap_last(off) * rows(s), gaps(s)))
        dv = product(v, divide_gaps(off * rows(s) + swap_last(off) * columns(s), gaps(s)))  # s_i p_ij + s_j p_ji
        if not wide(a):
            du = du + divide_gaps(outside(product(da, v), u), columns(s))
        if not wide(swap_last(a)):
            dv = dv + divide_gaps(outside(product(swap_last(da), u), v), columns(s))
        return du, ds, swap_last(dv)


def gaps(s: Tensor) -> Tensor:
    """s_j^2 - s_i^2, as a product that does not cancel."""
    return (columns(s) - rows(s)) * (columns(s) + rows(s))


def wide(a: Tensor) -> bool:
    """Whether ``a`` certainly has no more rows than columns, so that its left singular vectors span everything."""
    m, n = a.shape[-2:]
    return m is not None and n is not None and m <= n


def outside(x: Tensor, u: Tensor) -> Tensor:
    """The part of the columns of ``x`` that is orthogonal to those of ``u``."""
    return x - product(u, product(swap_last(u), x))


@op(sample(regular(3, 3)), sample(regular(4, 2)), sample(regular(2, 2, 3)))
def svd(a: Like) -> tuple[Tensor, Tensor, Tensor]:
    """U, s and V' with ``a = U @ diag(s) @ V'``, the singular values descending, of k = min(m, n) each.

    Signs are LAPACK's. Singular vectors whose values are equal, or 0 where they span a part of the space only, have
    no derivative: it is infinite or NaN if the result depends on them, as in JAX and PyTorch.

    >>> u, s, v = ag.svd([[3.0, 1.0], [1.0, 3.0]])
    >>> print(s.eval().round(6))
    [4. 2.]
    >>> print((u @ ag.diag(s) @ v.T).eval().round(6))
    [[3. 1.]
     [1. 3.]]
    """
    u, s, vh = items(Svd()(as_tensor(a)))
    return u, s, vh


@frozen
class Svdvals(Op):
    """Singular values without vectors."""

    name = "svdvals"

    def infer(self, a: TensorType) -> TensorType:
        *batch, m, n = matrix_shape("svdvals", a.shape)
        return TensorType((*batch, shorter(m, n)), result_float("svdvals", a))

    def kernel(self, a: Array, *, out: Array) -> None:
        out[...] = attempt("svdvals", "has no singular values that LAPACK finds", np.linalg.svdvals, a)

    def vjp(self, g: Tensor, y: Tensor, a: Tensor) -> Cotangents:
        u, _, vh = items(Svd()(a))
        return (product(u * columns(g), vh),)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, a: Tensor) -> Tensor | None:
        u, _, vh = items(Svd()(a))
        return None if tangents[0] is None else Diagonal(0)(product(swap_last(u), tangents[0], swap_last(vh)))


@op(sample(regular(3, 3)), sample(regular(4, 2)), sample(regular(2, 2, 3)))
def svdvals(a: Like) -> Tensor:
    """Singular values in descending order.

    >>> print(ag.svdvals([[0.0, 2.0], [3.0, 0.0]]).eval().round(6))
    [3. 2.]
    """
    return Svdvals()(as_tensor(a))


# Norms --------------------------------------------------------------------------------------------------------
NORMS: dict[object, Callable[[Tensor], Tensor]] = {
    "fro": lambda x: norm(x, 2, (-2, -1), keepdims=True),
    "nuc": lambda x: rows(sum(svdvals(x), -1, keepdims=True)),
    2: lambda x: rows(max(svdvals(x), -1, keepdims=True)),
    -2: lambda x: rows(min(svdvals(x), -1, keepdims=True)),
    1: lambda x: max(sum(abs(x), -2, keepdims=True), -1, keepdims=True),
    -1: lambda x: min(sum(abs(x), -2, keepdims=True), -1, keepdims=True),
    "inf": lambda x: max(sum(abs(x), -1, keepdims=True), -2, keepdims=True),
    "-inf": lambda x: min(sum(abs(x), -1, keepdims=True), -2, keepdims=True),
}


@op(*(sample(distinct(2, 3), ord=o) for o in NORMS), sample(regular(2, 3, 2), keepdims=True))
def matrix_norm(x: Like, ord: str | float = "fro", keepdims: bool = False) -> Tensor:
    """A norm of the matrices in the last two axes.

    ``"fro"`` (Frobenius; derivative 0 at a matrix of zeros), ``"nuc"`` (sum of the singular values), 2 and -2 (largest
    and smallest singular value), 1 and -1 (largest and smallest column sum of absolute values), ``"inf"`` and
    ``"-inf"`` (the same of rows; the infinite numbers are allowed too).

    >>> print(ag.matrix_norm([[1.0, -2.0], [3.0, 4.0]], ord=1).eval())
    6.0
    """
    t = as_tensor(x)
    matrix_shape("matrix_norm", t.shape)
    compute = NORMS.get(str(ord) if ord in (np.inf, -np.inf) else ord)
    if compute is None:
        raise ShapeError(f"matrix_norm: ord is one of {', '.join(map(repr, NORMS))}; got {ord!r}")
    y = compute(t)
    return y if keepdims else squeeze(y, (-2, -1))
