"""Linear algebra: values against NumPy and SciPy, what is computed how, gauges, ties and errors."""

import numpy as np
import pytest
import scipy.linalg

from agcli.engine import ops
from agcli.engine.errors import DTypeError, ExecutionError, ShapeError
from agcli.engine.function import Function
from agcli.engine.gradient import grad
from agcli.engine.graph import Op
from agcli.engine.leaves import placeholder
from agcli.engine.ops.base import items
from agcli.engine.ops.decompositions import cholesky, qr
from agcli.engine.ops.einsum import dot, multi_dot, tensordot, vdot
from agcli.engine.ops.inverses import det, expm, inv, matrix_power, pinv, slogdet
from agcli.engine.ops.linalg import lstsq, solve, solve_triangular
from agcli.engine.ops.matmul import matmul
from agcli.engine.ops.spectral import Svd, eigh, eigvalsh, matrix_norm, svd, svdvals
from agcli.engine.testing import check_grads

pytestmark = pytest.mark.numeric

assert ops
rng = np.random.default_rng(7)
A = rng.uniform(-1, 1, (2, 3, 3)) + 3 * np.eye(3)  # a batch of regular matrices
S = A @ A.swapaxes(-1, -2)
TALL, WIDE = rng.normal(size=(5, 3)), rng.normal(size=(2, 3, 5))
B, V = rng.normal(size=(3, 2)), rng.normal(size=3)
E = np.zeros((0, 0))


def run(f, *arrays):
    """``f`` of placeholders fed with ``arrays``: an array, or a list where it has several outputs."""
    arrays = [np.asarray(a) for a in arrays]
    xs = [placeholder(f"x{i}", a.shape, a.dtype) for i, a in enumerate(arrays)]
    y = f(*xs)
    return Function(list(y) if isinstance(y, tuple) else y, inputs=xs)(*arrays)


def gradient(f, *arrays):
    xs = [placeholder(f"x{i}", np.shape(a), "float64") for i, a in enumerate(arrays)]
    return Function(grad(f(*xs), xs), inputs=xs)(*arrays)


VALUES = {
    "solve": (solve, np.linalg.solve, (A, B)),
    "solve vector": (solve, np.linalg.solve, (A, V)),
    "solve broadcast": (solve, np.linalg.solve, (A[0], rng.normal(size=(4, 3, 2)))),
    "solve empty": (solve, np.linalg.solve, (E, np.zeros((0, 2)))),
    "solve_triangular": (solve_triangular, scipy.linalg.solve_triangular, (A[0], B)),
    "solve_triangular lower": (
        lambda a, b: solve_triangular(a, b, lower=True),
        lambda a, b: scipy.linalg.solve_triangular(a, b, lower=True),
        (A[1], V),
    ),
    "solve_triangular of a transpose": (
        lambda a, b: solve_triangular(a.T, b, unit_diagonal=True),
        lambda a, b: scipy.linalg.solve_triangular(a.T, b, unit_diagonal=True),
        (A[1], B),
    ),
    "solve_triangular batch": (solve_triangular, lambda a, b: np.linalg.solve(np.triu(a), b), (A, B)),
    "lstsq": (lstsq, lambda a, b: np.linalg.lstsq(a, b)[0], (TALL, rng.normal(size=(5, 2)))),
    "lstsq vector": (lstsq, lambda a, b: np.linalg.lstsq(a, b)[0], (TALL, rng.normal(size=5))),
    "lstsq wide": (lstsq, lambda a, b: np.linalg.lstsq(a, b)[0], (TALL.T, V)),
    "inv": (inv, np.linalg.inv, (A,)),
    "det": (det, np.linalg.det, (A,)),
    "det empty": (det, np.linalg.det, (E,)),
    "slogdet": (slogdet, np.linalg.slogdet, (-A,)),
    "slogdet singular": (slogdet, np.linalg.slogdet, (np.ones((2, 2)),)),
    "pinv": (pinv, np.linalg.pinv, (WIDE,)),
    "pinv of rank 1": (pinv, np.linalg.pinv, (np.ones((3, 2)),)),
    "expm": (expm, scipy.linalg.expm, (A,)),
    "matrix_power": (lambda a: matrix_power(a, 5), lambda a: np.linalg.matrix_power(a, 5), (A,)),
    "matrix_power negative": (lambda a: matrix_power(a, -3), lambda a: np.linalg.matrix_power(a, -3), (A,)),
    "matrix_power 0": (lambda a: matrix_power(a, 0), lambda a: np.linalg.matrix_power(a, 0), (A,)),
    "cholesky": (cholesky, np.linalg.cholesky, (S,)),
    "eigh": (eigh, np.linalg.eigh, (S,)),
    "eigvalsh": (eigvalsh, np.linalg.eigvalsh, (S,)),
    "svd": (svd, lambda a: np.linalg.svd(a, full_matrices=False), (WIDE,)),
    "svdvals": (svdvals, np.linalg.svdvals, (TALL,)),
    "qr": (qr, np.linalg.qr, (TALL,)),
    "qr wide": (qr, np.linalg.qr, (WIDE,)),
    "tensordot": (lambda a, b: tensordot(a, b, 1), lambda a, b: np.tensordot(a, b, 1), (A, B)),
    "tensordot axes": (
        lambda a, b: tensordot(a, b, ((0, -1), (1, 0))),
        lambda a, b: np.tensordot(a, b, ((0, -1), (1, 0))),
        (A, B),
    ),
    "dot": (dot, np.dot, (A, WIDE)),
    "dot scalar": (dot, np.dot, (2.0, A)),
    "dot vector": (dot, np.dot, (A, V)),
    "vdot": (vdot, np.vdot, (A, A + 1)),
    "multi_dot": (multi_dot, lambda *x: np.linalg.multi_dot(x), (V, A[0], TALL.T, TALL)),
    "matmul integers": (matmul, np.matmul, (np.arange(6).reshape(2, 3), np.arange(3))),
}


@pytest.mark.parametrize("name", VALUES)
def test_values(name):
    ours, reference, arrays = VALUES[name]
    found, expected = run(ours, *arrays), reference(*arrays)
    pairs = zip(found, expected, strict=True) if isinstance(expected, tuple) else [(found, expected)]
    for a, b in pairs:
        assert np.shape(a) == np.shape(b)
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("ord", ["fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf])
def test_matrix_norms(ord, keepdims):
    expected = np.linalg.matrix_norm(WIDE, ord=ord, keepdims=keepdims)
    np.testing.assert_allclose(run(lambda x: matrix_norm(x, ord, keepdims), WIDE), expected)


# Gauges: functions that do not depend on signs, whichever LAPACK computes ------------------------------------
def polar(x):
    u, _, vh = svd(x)
    return u @ vh


def log_matrix(x):
    w, v = eigh(x @ x.T)
    return (v * np.array([1.0, 2.0, 3.0]) * w**0.5) @ v.T


def projection(x):
    q, _ = qr(x)
    return q @ q.T


REGULAR = np.diag([1.0, 2, 3]) + rng.uniform(-0.3, 0.3, (3, 3))
GAUGE_FREE = {
    "polar": (polar, REGULAR),
    "polar tall": (polar, TALL),
    "polar wide": (polar, TALL.T),
    "eigh": (log_matrix, REGULAR),
    "qr": (projection, TALL),
    "det singular": (det, np.array([[1.0, 2, 3], [2, 4, 6], [0, 1, 5]])),
    "det of rank n - 1, diagonal": (det, np.diag([0.0, 1, 2])),
    "pinv": (pinv, TALL),
}


@pytest.mark.parametrize("name", GAUGE_FREE)
def test_gauge_free_functions_to_third_order(name):
    f, x = GAUGE_FREE[name]
    check_grads(f, [x], order=3, tolerance=2e-6)


@pytest.mark.parametrize("name", ["svd", "eigh", "qr", "slogdet", "svd wide"])
def test_one_output_alone_has_a_derivative(name):
    f = {"svd": svd, "eigh": eigh, "qr": qr, "slogdet": slogdet, "svd wide": svd}[name]
    x = TALL[:, :2].T if name == "svd wide" else REGULAR
    for i in range(len(f(placeholder("x", x.shape, "float64")))):
        check_grads(lambda a, i=i: f(a)[i], [x], order=2)


def test_forward_mode_by_transposing_an_op_of_several_outputs():
    class Plain(Svd):
        jvp = Op.jvp

    def f(x):
        u, s, vh = items(Plain()(x))
        return (u * s) @ vh @ u

    check_grads(f, [TALL[:3]], order=2)


# Where a derivative is delicate -------------------------------------------------------------------------------
def test_det_of_regular_and_nearly_singular_matrices_in_one_batch():
    a = np.array([[[2.0, 1], [1, 3]], [[1, 1], [1, 1 + 1e-13]], [[1, 2], [3, 4]]])
    adjugate = np.stack([a[:, 1, 1], -a[:, 1, 0], -a[:, 0, 1], a[:, 0, 0]], -1).reshape(3, 2, 2)
    np.testing.assert_allclose(gradient(lambda x: det(x).sum(), a)[0], adjugate, rtol=1e-12)


def test_det_of_low_rank():
    (g,) = gradient(det, np.ones((3, 3)))
    np.testing.assert_allclose(g, np.zeros((3, 3)), atol=1e-12)
    with pytest.raises(ExecutionError, match="a second derivative needs matrices of rank 2 or more"):
        gradient(lambda x: (grad(det(x), x) ** 2).sum(), np.ones((3, 3)))


def test_equal_eigenvalues():
    """Values are smooth; vectors that are not determined give no finite number, and nothing where they are unused."""
    eye = np.eye(3)
    np.testing.assert_allclose(gradient(lambda x: (eigvalsh(x) ** 2).sum(), eye)[0], 2 * eye, atol=1e-12)
    np.testing.assert_allclose(gradient(lambda x: (eigh(x)[0] ** 3).sum(), eye)[0], 3 * eye, atol=1e-12)
    assert not np.isfinite(gradient(lambda x: eigh(x)[1][0, 1], eye)[0]).all()
    low_rank = np.diag([0.0, 0, 0, 1, 3])
    top = gradient(lambda x: (eigh(x)[1][:, -1] ** 4).sum(), low_rank)[0]
    assert np.isfinite(top).all()
    tilt = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    check_grads(lambda x: (eigh(tilt @ x @ tilt.T)[1][:, -1] ** 4).sum(), [low_rank], order=1)


def test_equal_singular_values():
    g = gradient(lambda x: matrix_norm(x, "nuc"), np.eye(3))[0]
    np.testing.assert_allclose(g, np.eye(3), atol=1e-12)
    low_rank = np.outer([1.0, 2, 3, 4], [1.0, 1, 2])
    assert np.isfinite(gradient(lambda x: (svd(x)[0][:, 0] ** 4).sum(), low_rank)[0]).all()


def test_frobenius_norm_at_zero_and_at_the_limits():
    np.testing.assert_array_equal(gradient(matrix_norm, np.zeros((2, 2)))[0], np.zeros((2, 2)))
    np.testing.assert_allclose(run(matrix_norm, np.full((2, 2), 1e300)), 2e300)


def test_only_one_triangle_is_read():
    a = np.array([[2.0, 1.0], [np.nan, 3.0]])
    x = run(solve_triangular, a, np.array([3.0, 3.0]))
    np.testing.assert_allclose(x, [1.0, 1.0])
    ga, _ = gradient(lambda a, b: solve_triangular(a, b).sum(), a, np.array([3.0, 3.0]))
    assert ga[1, 0] == 0
    ga, _ = gradient(lambda a, b: solve_triangular(a, b, lower=True, unit_diagonal=True).sum(), a.T, np.ones(2))
    np.testing.assert_array_equal(ga[[0, 1, 0], [0, 1, 1]], 0)


# Types and errors ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("f", [inv, det, slogdet, cholesky, eigh, eigvalsh, svd, svdvals, qr, expm, pinv, matrix_norm])
def test_dtypes(f):
    def dtypes(dtype):
        y = run(f, np.array([[4, 1], [1, 3]], dtype))
        return {np.asarray(v).dtype.name for v in (y if isinstance(y, list) else [y])}

    assert dtypes("float32") == {"float32"}
    assert dtypes("int32") == {"float64"}
    if f is not matrix_norm:
        with pytest.raises(DTypeError, match="float16 is for storage"):
            f(placeholder("x", (2, 2), "float16"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("turned", [False, True])
def test_solve_triangular_of_every_layout(lower, turned, dtype):
    a, b = A.astype(dtype), B.astype(dtype)
    x = run(lambda a, b: solve_triangular(a.transpose(0, 2, 1) if turned else a, b, lower), a, b)
    read = (np.tril if lower else np.triu)(a.swapaxes(1, 2) if turned else a)
    np.testing.assert_allclose(read @ x, np.broadcast_to(b, x.shape), rtol=1e-4, atol=1e-5)
    assert x.dtype == dtype


SINGULAR = np.stack([np.eye(2), np.ones((2, 2)), np.eye(2)])
RUN_TIME = [
    (lambda a: solve(a, np.ones(2)), SINGULAR, "solve: the matrix at [1] of the batch is singular"),
    (lambda a: solve(a, np.ones(2)), np.ones((2, 2)), "solve: the matrix is singular"),
    (inv, SINGULAR, "inv: the matrix at [1] of the batch is singular"),
    (cholesky, -np.eye(2), "cholesky: the matrix is not positive definite"),
    (cholesky, S - 20 * np.eye(3), "cholesky: the matrix at [0] of the batch is not positive definite"),
    (svd, np.full((2, 2), np.nan), "svd: the matrix holds NaN or infinity"),
    (expm, np.full((2, 2), np.inf), "expm: the matrix holds NaN or infinity"),
    (
        lambda a: solve_triangular(a, np.ones(2)),
        np.array([[1.0, 1], [1, 0]]),
        "solve_triangular: the matrix is singular",
    ),
    (lambda a: grad(slogdet(a)[1], a), np.ones((2, 2)), "inv: the matrix is singular"),
]


@pytest.mark.parametrize(("f", "x", "message"), RUN_TIME, ids=[m for _, _, m in RUN_TIME])
def test_run_time_errors(f, x, message):
    with pytest.raises(ExecutionError) as e:
        run(f, x)
    assert str(e.value).startswith(message)
    assert "built at" in str(e.value)


def p(*shape):
    return placeholder("x", shape)


BUILD_TIME = [
    (lambda: solve(p(3, 3), p(4, 2)), "solve: (3, 3) and (4, 2): the matrix has 3 rows, the right side 4"),
    (lambda: solve(p(3, 2), p(3)), "solve: takes square matrices, got shape (3, 2)"),
    (lambda: inv(p(3)), "inv: takes a matrix, or a batch of them in the last two axes; got shape (3,)"),
    (lambda: det(p(None, 2, 3)), "det: takes square matrices, got shape (None, 2, 3)"),
    (lambda: cholesky(p(1, 3)), "cholesky: takes square matrices, got shape (1, 3)"),
    (lambda: eigh(p(2)), "eigh: takes a matrix"),
    (lambda: qr(p(None, None)), "qr: one of the last two lengths of (None, None) must be known"),
    (lambda: matrix_power(p(2, 2), 0.5), "matrix_power: the power is an integer, got 0.5"),
    (
        lambda: matrix_norm(p(2, 2), "max"),
        "matrix_norm: ord is one of 'fro', 'nuc', 2, -2, 1, -1, 'inf', '-inf'; got",
    ),
    (lambda: tensordot(p(2, 3), p(4, 3), 1), "tensordot: axis 1 of (2, 3) and axis 0 of (4, 3) differ in length"),
    (lambda: tensordot(p(2, 3), p(3), 2), "tensordot: cannot pair 2 axes of tensors of ranks 2 and 1"),
    (lambda: tensordot(p(2, 2), p(2, 2), ((0, 0), (0, 1))), "tensordot: axes ((0, 0), (0, 1)) are not pairs"),
    (lambda: vdot(p(2), p(3)), "vdot: (2,) has 2 elements, (3,) has 3"),
    (lambda: multi_dot(p(2, 3)), "multi_dot: takes two or more matrices, or vectors at the ends; got (2, 3)"),
    (lambda: matmul(p(2), p(3)), "matmul: (2,) @ (3,): inner dimensions 2 and 3 differ"),
    (lambda: matmul(p(4, 2), p(3)), "matmul: (4, 2) @ (3,): inner dimensions 2 and 3 differ"),
    (lambda: matmul(p(2, 3), p(2, 3)), "matmul: (2, 3) @ (2, 3): inner dimensions 3 and 2 differ"),
]


@pytest.mark.parametrize(("build", "message"), BUILD_TIME, ids=[m for _, m in BUILD_TIME])
def test_build_time_errors(build, message):
    with pytest.raises(ShapeError) as e:
        build()
    assert str(e.value).startswith(message)


def test_a_length_known_on_one_side_is_known_on_both():
    assert inv(p(None, None, 3)).shape == (None, 3, 3)
    assert svd(p(None, 5, 3))[0].shape == (None, 5, 3)
    assert qr(p(None, 3))[1].shape == (3, 3)
