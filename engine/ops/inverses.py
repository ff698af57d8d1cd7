"""Inverses, determinants, powers and the exponential of matrices; leading axes are batches, as in NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import ExecutionError, ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor
from ..table import op, sample
from ..types import Array, TensorType, TupleType
from .arrays import swap_last
from .base import items
from .creation import ones_like, zeros_like
from .diagonals import Diagonal, OnDiagonal
from .elementwise import exp
from .joining import concatenate, part_like
from .linalg import attempt, matrix_shape, regular, result_float, square_shape
from .matmul import product
from .reductions import sum
from .slicing import expand_dims, getitem

LAST, REST = slice(-1, None), slice(None, -1)  # the border of a bordered matrix, and the rest


def scale(s: Tensor, x: Tensor) -> Tensor:
    """One number for each matrix times the matrix."""
    return expand_dims(s, (-2, -1)) * x


def inner(a: Tensor, b: Tensor) -> Tensor:
    """Sum of products over each matrix."""
    return sum(a * b, (-2, -1))


@frozen
class Inv(Op):
    """The inverse."""

    name = "inv"

    def infer(self, a: TensorType) -> TensorType:
        return TensorType(square_shape("inv", a.shape), result_float("inv", a))

    def kernel(self, a: Array, *, out: Array) -> None:
        out[...] = attempt("inv", "is singular", np.linalg.inv, a)

    def vjp(self, g: Tensor, y: Tensor, a: Tensor) -> Cotangents:
        t = swap_last(y)
        return (-product(t, g, t),)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, a: Tensor) -> Tensor | None:
        return None if tangents[0] is None else -product(y, tangents[0], y)


@op(sample(regular(3, 3)), sample(regular(2, 2, 2)), sample((0, 0)))
def inv(a: Like) -> Tensor:
    """The inverse of square matrices; a singular one is an error when the graph runs.

    To apply an inverse use ``solve``, which is faster and more accurate.

    >>> print(ag.inv([[2.0, 1.0], [1.0, 1.0]]).eval().round(6))
    [[ 1. -1.]
     [-1.  2.]]
    """
    return Inv()(as_tensor(a))


@frozen
class Det(Op):
    """The determinant; its gradient is the matrix of cofactors, which singular matrices have too."""

    name = "det"

    def infer(self, a: TensorType) -> TensorType:
        return TensorType(square_shape("det", a.shape)[:-2], result_float("det", a))

    def kernel(self, a: Array, *, out: Array) -> None:
        out[...] = np.linalg.det(a)

    def vjp(self, g: Tensor, y: Tensor, a: Tensor) -> Cotangents:
        return (scale(g, Cofactors()(a)),)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, a: Tensor) -> Tensor | None:
        return None if tangents[0] is None else inner(Cofactors()(a), tangents[0])


@frozen
class Cofactors(Op):
    """det(A) inv(A)', continued to singular matrices through the SVD: of U S V' it is |U| |V| U adj(S) V'.

    Its derivative comes from M = [[A, u], [v', 0]], which is regular at any A of rank n - 1 or more for fitting u and
    v. With X = inv(M) = [[X1, c], [r, x]], Cramer's rule gives det(A) = det(M) x, for constant u and v an identity
    in A that can be differentiated any number of times.
    """

    name = "cofactors"

    def infer(self, a: TensorType) -> TensorType:
        return TensorType(square_shape("det", a.shape), result_float("det", a))

    def kernel(self, a: Array, *, out: Array) -> None:
        try:
            inverse = np.linalg.inv(a)
        except np.linalg.LinAlgError:
            out[...] = svd_cofactors(a)
            return
        out[...] = np.linalg.det(a)[..., None, None] * inverse.swapaxes(-1, -2)
        condition = np.linalg.matrix_norm(a) * np.linalg.matrix_norm(inverse)
        poor = np.asarray(~(condition < np.finfo(out.dtype).eps ** -0.5))
        if poor.any():
            out[poor] = svd_cofactors(a[poor])

    def vjp(self, g: Tensor, y: Tensor, a: Tensor) -> Cotangents:
        m = Border()(a)
        sign, size = slogdet(m)
        xs = inv(m)
        x1, c, r = (getitem(xs, (Ellipsis, i, j)) for i, j in ((REST, REST), (REST, LAST), (LAST, REST)))
        x = getitem(xs, (Ellipsis, LAST, LAST))
        cr, x1g = product(c, r), product(x1, g)
        change = product(cr, g, x1) + product(x1g, cr) - x * product(x1g, x1) - scale(inner(g, swap_last(x1)), cr)
        return (swap_last(scale(inner(g, y), x1) + scale(sign * exp(size), change)),)


def svd_cofactors(a: Array) -> Array:
    """Cofactors of matrices of any rank, which for well conditioned ones are cheaper through the inverse."""
    u, s, vh = attempt("det", "has no singular values that LAPACK finds", np.linalg.svd, a)
    others = np.where(np.eye(s.shape[-1], dtype=bool), 1, s[..., None, :]).prod(-1)  # the product of all s but one
    others = others * (np.linalg.det(u) * np.linalg.det(vh))[..., None]
    return np.asarray((u * others[..., None, :]) @ vh)


@frozen
class Border(Op):
    """[[A, u], [v', 0]] with the singular vectors of the smallest singular value, scaled by the largest."""

    name = "border"

    def infer(self, a: TensorType) -> TensorType:
        *batch, n, _ = square_shape("det", a.shape)
        side = None if n is None else n + 1
        return TensorType((*batch, side, side), result_float("det", a))

    def kernel(self, a: Array, *, out: Array) -> None:
        n = a.shape[-1]
        out[...] = 0
        if n == 0:
            out[...] = 1
            return
        u, s, vh = attempt("det", "has no singular values that LAPACK finds", np.linalg.svd, a)
        if n > 1 and (s[..., -2] <= n * np.finfo(s.dtype).eps * s[..., 0]).any():
            raise ExecutionError(f"det: a second derivative needs matrices of rank {n - 1} or more")
        weight = np.where(s[..., :1] > 0, s[..., :1], 1)
        out[..., :-1, :-1] = a
        out[..., :-1, -1] = u[..., :, -1] * weight
        out[..., -1, :-1] = vh[..., -1, :] * weight

    def vjp(self, g: Tensor, y: Tensor, a: Tensor) -> Cotangents:
        return (getitem(g, (Ellipsis, REST, REST)),)


@op(sample(regular(3, 3)), sample(regular(2, 2, 2)), sample((1, 1)), sample((0, 0)))
def det(a: Like) -> Tensor:
    """The determinant of square matrices.

    The gradient is right at singular matrices too; higher derivatives need a rank of n - 1 or more.

    >>> print(ag.det([[1.0, 2.0], [3.0, 4.0]]).eval().round(6))
    -2.0
    """
    return Det()(as_tensor(a))


@frozen
class Slogdet(Op):
    """Sign and logarithm of the absolute value of the determinant."""

    name = "slogdet"

    def infer(self, a: TensorType) -> TupleType:
        t = TensorType(square_shape("slogdet", a.shape)[:-2], result_float("slogdet", a))
        return TupleType((t, t))

    def kernel(self, a: Array, *, out: tuple[Array, Array]) -> None:
        out[0][...], out[1][...] = np.linalg.slogdet(a)

    def vjp(self, g: Sequence[Tensor | None], y: Tensor, a: Tensor) -> Cotangents:
        return (None if g[1] is None else scale(g[1], swap_last(Inv()(a))),)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, a: Tensor) -> list[Tensor | None] | None:
        return None if tangents[0] is None else [None, inner(swap_last(Inv()(a)), tangents[0])]


@op(sample(regular(3, 3)), sample(regular(2, 2, 2)))
def slogdet(a: Like) -> tuple[Tensor, Tensor]:
    """Sign and log of the absolute value of the determinant, which does not overflow; the sign has derivative 0.

    A singular matrix gives 0 and -inf; its gradient is an error when the graph runs.

    >>> sign, log = ag.slogdet([[0.0, 2.0], [3.0, 0.0]])
    >>> print(sign.eval(), log.eval().round(6))
    -1.0 1.791759
    """
    sign, size = items(Slogdet()(as_tensor(a)))
    return sign, size


@frozen
class Pinv(Op):
    """The pseudo-inverse; derivative where the rank is constant: Golub and Pereyra (1973), equation 4.12."""

    name = "pinv"

    def infer(self, a: TensorType) -> TensorType:
        *batch, m, n = matrix_shape("pinv", a.shape)
        return TensorType((*batch, n, m), result_float("pinv", a))

    def kernel(self, a: Array, *, out: Array) -> None:
        tolerance = max(a.shape[-2:]) * np.finfo(out.dtype).eps
        out[...] = attempt(
            "pinv", "has no singular values that LAPACK finds", lambda x: np.linalg.pinv(x, tolerance), a
        )

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, a: Tensor) -> Tensor | None:
        if tangents[0] is None:
            return None
        p, pt, da = y, swap_last(y), tangents[0]
        left, right = product(p, pt, swap_last(da)), product(swap_last(da), pt, p)
        return left - product(left, a, p) + right - product(p, a, right) - product(p, da, p)

    def vjp(self, g: Tensor, y: Tensor, a: Tensor) -> Cotangents:
        p, pt, at, gt = y, swap_last(y), swap_last(a), swap_last(g)
        left, right = product(gt, p, pt), product(pt, p, gt)
        return (left - product(pt, at, left) + right - product(right, at, pt) - product(pt, g, pt),)


@op(sample(regular(3, 2)), sample(regular(2, 2, 3)))
def pinv(a: Like) -> Tensor:
    """The Moore-Penrose pseudo-inverse; singular values below max(m, n) eps times the largest count as 0.

    Its derivative is that along matrices of the same rank; where the rank changes there is none.

    >>> print(ag.pinv([[1.0], [1.0]]).eval().round(6))
    [[0.5 0.5]]
    """
    return Pinv()(as_tensor(a))


@op(sample(regular(2, 2), n=3), sample(regular(2, 2, 2), n=-2), sample(regular(2, 2), n=0), sample(regular(2, 2), n=1))
def matrix_power(a: Like, n: int) -> Tensor:
    """Square matrices multiplied with themselves ``n`` times, by repeated squaring; a negative ``n`` inverts first.

    >>> print(ag.matrix_power([[1.0, 1.0], [1.0, 0.0]], 10).eval())
    [[89. 55.]
     [55. 34.]]
    """
    base = as_tensor(a)
    square_shape("matrix_power", base.shape)
    if not isinstance(n, int):
        raise ShapeError(f"matrix_power: the power is an integer, got {n!r}")
    if n == 0:
        return OnDiagonal(0)(ones_like(Diagonal(0)(base)))
    base, n, result = (inv(base), -n, None) if n < 0 else (base, n, None)
    while n:
        if n % 2:
            result = base if result is None else product(result, base)
        n //= 2
        base = product(base, base) if n else base
    return result  # type: ignore[return-value]


@frozen
class Expm(Op):
    """The matrix exponential; exp([[A, E], [0, A]]) holds its derivative along E (Mathias, 1996, theorem 2.1)."""

    name = "expm"

    def infer(self, a: TensorType) -> TensorType:
        return TensorType(square_shape("expm", a.shape), result_float("expm", a))

    def kernel(self, a: Array, *, out: Array) -> None:
        if not np.isfinite(a).all():
            raise ExecutionError("expm: the matrix holds NaN or infinity")
        from scipy.linalg import expm  # on first use: SciPy takes longer to import than NumPy

        out[...] = expm(a) if a.size else a

    def vjp(self, g: Tensor, y: Tensor, a: Tensor) -> Cotangents:
        return (along(swap_last(a), g),)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, a: Tensor) -> Tensor | None:
        return None if tangents[0] is None else along(a, tangents[0])


def along(a: Tensor, e: Tensor) -> Tensor:
    """The derivative of the matrix exponential at ``a`` along ``e``."""
    top, bottom = concatenate(a, e, axis=-1), concatenate(zeros_like(a), a, axis=-1)
    block = Expm()(concatenate(top, bottom, axis=-2))
    upper = part_like(block, (top, bottom), 0, axis=a.ndim - 2)
    return part_like(upper, (a, e), 1, axis=a.ndim - 1)


@op(sample((2, 2)), sample((2, 2, 2)), sample((0, 0)))
def expm(a: Like) -> Tensor:
    """The exponential of square matrices, by scaling, squaring and a Padé approximant.

    >>> print(ag.expm([[0.0, 1.0], [0.0, 0.0]]).eval())
    [[1. 1.]
     [0. 1.]]
    """
    return Expm()(as_tensor(a))
