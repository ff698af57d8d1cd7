"""Linear systems; leading axes are batches, as in NumPy.

Most rules are in Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008); the rules whose source is another name it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import DTypeError, ExecutionError, ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor, unify
from ..table import Arg, op, sample
from ..types import Array, Dim, DType, Shape, TensorType, broadcast_dims, broadcast_shapes
from .arrays import swap_last
from .diagonals import tril, triu
from .matmul import MatMul
from .slicing import expand_dims, squeeze


def regular(*shape: int) -> Arg:
    """Matrices whose singular and eigenvalues are positive and far apart, not symmetric; ``shape`` ends in (m, n)."""

    def draw(rng: np.random.Generator) -> Any:
        diagonal = np.arange(1, min(shape[-2:]) + 1)
        return np.pad(np.diag(diagonal), [(0, d - len(diagonal)) for d in shape[-2:]]) + rng.uniform(-0.3, 0.3, shape)

    return Arg(draw)


def result_float(name: str, *types: TensorType) -> DType:
    """The dtype that LAPACK computes with: float32 or float64."""
    dtype = np.result_type(*(t.dtype for t in types))
    if dtype == np.float16:
        raise DTypeError(f"{name}: float16 is for storage; cast to float32 with astype")
    return dtype if dtype.kind == "f" else np.dtype("float64")


def symmetric(x: Tensor) -> Tensor:
    """(X + X') / 2."""
    return (x + swap_last(x)) * 0.5


def symmetric_part(name: str, a: Like) -> Tensor:
    """The symmetric part of an argument of which LAPACK reads one triangle, so that the other has a derivative too."""
    x = as_tensor(a)
    square_shape(name, x.shape)
    return symmetric(x)


def add(*parts: Tensor | None) -> Tensor | None:
    """Sum of those that are not None."""
    total: Tensor | None = None
    for part in parts:
        if part is not None:
            total = part if total is None else total + part
    return total


def matrix_shape(name: str, shape: Shape) -> Shape:
    if len(shape) < 2:
        raise ShapeError(f"{name}: takes a matrix, or a batch of them in the last two axes; got shape {shape}")
    return shape


def square_shape(name: str, shape: Shape) -> Shape:
    """``shape`` of square matrices; a length that one side knows is known for both."""
    *batch, m, n = matrix_shape(name, shape)
    if m is not None and n is not None and m != n:
        raise ShapeError(f"{name}: takes square matrices, got shape {shape}")
    side = n if m is None else m
    return (*batch, side, side)


def shorter(m: Dim, n: Dim) -> Dim:
    """The smaller of two lengths, where both are known."""
    return None if m is None or n is None else min(m, n)


def attempt(name: str, failure: str, compute: Callable[..., Any], a: Array, *rest: Any) -> Any:
    """The result of a LAPACK call; where it fails, an error that says so in words and which matrix of the batch."""
    try:
        return compute(a, *rest)
    except np.linalg.LinAlgError:
        where = f"the matrix{position(a, compute if not rest else np.linalg.inv)}"
        fault = failure if np.isfinite(a).all() else "holds NaN or infinity"
        raise ExecutionError(f"{name}: {where} {fault}") from None


def position(a: Array, compute: Callable[[Array], Any]) -> str:
    """The index of the first matrix of the batch at which ``compute`` fails."""
    for index in np.ndindex(a.shape[:-2]):
        try:
            compute(a[index])
        except np.linalg.LinAlgError:
            return f" at {list(index)} of the batch" if index else ""
    return ""


@frozen
class Solve(Op):
    """X with A X = B, for square A."""

    name = "solve"

    def infer(self, a: TensorType, b: TensorType) -> TensorType:
        shape = square_shape("solve", a.shape)
        return TensorType(system_shape("solve", shape, b.shape), result_float("solve", a, b))

    def kernel(self, a: Array, b: Array, *, out: Array) -> None:
        out[...] = attempt("solve", "is singular", np.linalg.solve, a, b)

    def vjp(self, g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Cotangents:
        gb = Solve()(swap_last(a), g)
        return -MatMul()(gb, swap_last(y)), gb

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return Solve()(a, residual(tangents, y))


def system_shape(name: str, a: Shape, b: Shape) -> Shape:
    """The shape of X in A X = B."""
    matrix_shape(name, b)
    if a[-1] is not None and b[-2] is not None and a[-1] != b[-2]:
        raise ShapeError(f"{name}: {a} and {b}: the matrix has {a[-1]} rows, the right side {b[-2]}")
    return (*broadcast_shapes(a[:-2], b[:-2]), broadcast_dims(a[-1], b[-2]), b[-1])


def residual(tangents: Sequence[Tensor | None], y: Tensor) -> Tensor:
    """dB - dA X, to which the tangent of X is the solution."""
    da, db = tangents
    product = None if da is None else MatMul()(da, y)
    return db if product is None else -product if db is None else db - product  # type: ignore[return-value]


def with_columns(solver: Callable[[Tensor, Tensor], Tensor], a: Like, b: Like) -> Tensor:
    """``solver`` with a vector ``b`` as one column."""
    x, y = unify([as_tensor(a), as_tensor(b)])
    return squeeze(solver(x, expand_dims(y, 1)), -1) if y.ndim == 1 else solver(x, y)


@op(
    sample(regular(3, 3), (3,)),
    sample(regular(3, 3), (3, 2)),
    sample(regular(2, 3, 3), (3, 1)),
    sample(regular(2, 2), (2, 2, 3)),
    sample((0, 0), (0, 2)),
)
def solve(a: Like, b: Like) -> Tensor:
    """The solution x of ``a @ x = b`` for square ``a``; ``b`` is a vector or has right sides as its columns.

    Leading axes broadcast. A singular matrix is an error when the graph runs.

    >>> print(ag.solve([[2.0, 0.0], [1.0, 1.0]], [4.0, 5.0]).eval())
    [2. 3.]
    """
    return with_columns(Solve(), a, b)


@frozen
class SolveTriangular(Op):
    """X with A X = B, where only one triangle of A is read."""

    lower: bool
    unit_diagonal: bool
    name = "solve_triangular"

    def infer(self, a: TensorType, b: TensorType) -> TensorType:
        shape = square_shape(self.name, a.shape)
        return TensorType(system_shape(self.name, shape, b.shape), result_float(self.name, a, b))

    def kernel(self, a: Array, b: Array, *, out: Array) -> None:
        out[...] = b
        if not out.size:
            return
        if not self.unit_diagonal and (np.diagonal(a, axis1=-2, axis2=-1) == 0).any():
            raise ExecutionError("solve_triangular: the matrix is singular: its diagonal holds a 0")
        from scipy.linalg import get_blas_funcs  # on first use: SciPy takes longer to import than NumPy

        (trsm,) = get_blas_funcs(("trsm",), dtype=out.dtype)
        a = np.broadcast_to(a.astype(out.dtype, copy=False), (*out.shape[:-2], *a.shape[-2:]))
        for index in np.ndindex(out.shape[:-2]):  # X' A' = B' in column-major order is A X = B in row-major order
            m, x = a[index], out[index].T
            columns = m.flags.f_contiguous
            lower = self.lower if columns else not self.lower
            solved = trsm(1.0, m if columns else m.T, x, 1, lower, columns, self.unit_diagonal, True)
            if not np.may_share_memory(solved, x):
                x[...] = solved

    def vjp(self, g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Cotangents:
        gb = SolveTriangular(not self.lower, self.unit_diagonal)(swap_last(a), g)
        return -self.triangle(MatMul()(gb, swap_last(y))), gb

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, a: Tensor, b: Tensor) -> Tensor:
        da, db = tangents
        return self(a, residual((None if da is None else self.triangle(da), db), y))

    def triangle(self, x: Tensor) -> Tensor:
        """The part of ``x`` that is read."""
        k = int(self.unit_diagonal)
        return tril(x, -k) if self.lower else triu(x, k)


@op(
    sample(regular(3, 3), (3,)),
    sample(regular(3, 3), (3, 2), lower=True),
    sample(regular(2, 3, 3), (3, 2), lower=True, unit_diagonal=True),
    sample(regular(2, 2), (2, 2, 3)),
    sample((0, 0), (0, 2)),
)
def solve_triangular(a: Like, b: Like, lower: bool = False, unit_diagonal: bool = False) -> Tensor:
    """The solution x of ``a @ x = b`` for triangular ``a``, of which only the upper (or ``lower``) triangle is read.

    With ``unit_diagonal`` the diagonal is not read either and counts as ones. Leading axes broadcast. A zero on the
    diagonal is an error when the graph runs.

    >>> print(ag.solve_triangular([[2.0, 0.0], [1.0, 1.0]], [4.0, 5.0], lower=True).eval())
    [2. 3.]
    """
    return with_columns(SolveTriangular(bool(lower), bool(unit_diagonal)), a, b)


@op(sample(regular(4, 2), (4,)), sample(regular(2, 3, 2), (3, 2)), sample(regular(2, 4), (2,)))
def lstsq(a: Like, b: Like) -> Tensor:
    """The x of least |a @ x - b|^2, and of least norm where several are, for ``a`` of full rank, through its QR.

    ``b`` is a vector or has right sides as its columns. Where the rank is not full, use ``pinv(a) @ b``.

    >>> print(ag.lstsq([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], [1.0, 3.0, 5.0]).eval().round(6))
    [1. 2.]
    """
    from .decompositions import qr

    def solver(x: Tensor, y: Tensor) -> Tensor:
        m, n = matrix_shape("lstsq", x.shape)[-2:]
        if m is not None and n is not None and m < n:
            q, r = qr(swap_last(x))
            return MatMul()(q, SolveTriangular(True, False)(swap_last(r), y))
        q, r = qr(x)
        return SolveTriangular(False, False)(r, MatMul()(swap_last(q), y))

    return with_columns(solver, a, b)
