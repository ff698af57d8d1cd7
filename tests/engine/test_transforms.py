"""Transforms of functions: Jacobians, Hessians, batching, checkpoints, functions of the user, hooks."""

import io
from collections import UserList

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der, rosen_hess, rosen_hess_prod

from agcli.engine import functional, ops
from agcli.engine.custom import checkpoint, custom_gradient
from agcli.engine.errors import ExecutionError, GradientError, ShapeError, StateError
from agcli.engine.function import function
from agcli.engine.gradient import grad
from agcli.engine.graph import call
from agcli.engine.leaves import placeholder, variable
from agcli.engine.ops.control import apply, assign, print_shape, print_value, tap, with_dependencies
from agcli.engine.ops.keys import streams
from agcli.engine.testing import check_grads
from agcli.engine.transforms.apply import (
    gauss_newton_vp,
    hessian,
    hvp,
    jacobian,
    jvp,
    per_example_grads,
    value_and_grad,
    vjp,
)

pytestmark = pytest.mark.numeric

assert functional
assert ops
RNG = np.random.default_rng(0)


def real(*shape):
    return RNG.uniform(0.5, 2.0, shape)


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def test_rosenbrock_against_scipy():
    x, v = placeholder("x", (10,), "float64"), placeholder("v", (10,), "float64")
    value, gradient = value_and_grad(rosenbrock, x)
    f = function([value, gradient, hessian(rosenbrock, x), hvp(rosenbrock, x, v)], inputs=[x, v])
    a, b = real(10), real(10)
    for ours, reference in zip(f(a, b), (rosen(a), rosen_der(a), rosen_hess(a), rosen_hess_prod(a, b)), strict=True):
        np.testing.assert_allclose(ours, reference, rtol=1e-12)


def test_hessian_takes_a_few_vector_kernels_whatever_the_size():
    steps = []
    for n in (5, 50):
        x = placeholder("x", (n,), "float64")
        f = function(hessian(rosenbrock, x))
        f(real(n))
        steps.append(len(f.plan.steps))
    assert steps[0] == steps[1] < 40


FUNCTIONS = {
    "outer": lambda x: x.reshape(-1, 1) * x.reshape(1, -1),
    "matmul": lambda x: x.reshape(-1, 1) @ np.ones((1, 2)) + 1,
    "scalar": lambda x: (x**3).sum(),
    "softmax": lambda x: call("softmax", x.reshape(-1)),
    "norms": lambda x: call("log", (x * x).sum()) * x,
}


@pytest.mark.parametrize("mode", ["forward", "reverse", None])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)], ids=str)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_jacobian_is_every_gradient(name, shape, mode):
    x = placeholder("x", shape, "float64")
    y = FUNCTIONS[name](x)
    j = jacobian(y, x, mode)
    assert j.shape == y.shape + x.shape
    rows = [grad(y[i], x) for i in np.ndindex(*y.shape)]
    a = real(*shape)
    expected = np.reshape(function(rows, inputs=[x])(a), y.shape + x.shape)
    np.testing.assert_allclose(function(j, inputs=[x])(a), expected, rtol=1e-12)


def test_jacobian_chooses_the_cheaper_side():
    x = placeholder("x", (100,), "float64")
    assert jacobian(x.sum(), x).op.name == "getitem"  # one row, in reverse
    assert jacobian(x[:2], x).shape == (2, 100)
    t = placeholder("t", (), "float64")
    assert jacobian(t * np.ones(5), t).shape == (5,)


def test_jacobian_with_unknown_lengths():
    x = placeholder("x", (None,), "float64")
    j = jacobian(call("stack", x.sum(), (x**2).sum()), x)
    np.testing.assert_array_equal(function(j)([1.0, 2.0, 3.0]), [[1, 1, 1], [2, 4, 6]])
    with pytest.raises(ShapeError, match="must be known"):
        jacobian(x * x, x)


def test_jacobian_of_nothing_is_zero_if_allowed_and_of_integers_an_error():
    x, y = placeholder("x", (2,), "float64"), placeholder("y", (3,), "float64")
    j = jacobian(y * 2, x, allow_unused=True)
    np.testing.assert_array_equal(function(j, inputs=[x, y])(np.ones(2), np.ones(3)), np.zeros((3, 2)))
    with pytest.raises(GradientError, match=r"k is int64\(2,\); only floats"):
        jacobian(y, placeholder("k", (2,), "int64"))


@pytest.mark.parametrize("transform", [
    grad, lambda y, xs: [t for row in hessian(y, xs) for t in row], lambda y, xs: hvp(y, xs, [1.0, 2.0]),
    lambda y, xs: vjp(y, xs, 3.0),
])  # fmt: skip
@pytest.mark.parametrize("sequence", [tuple, UserList])
def test_any_sequence_of_tensors_is_a_list_of_them(transform, sequence):
    x = [placeholder(name, (), "float64") for name in "ab"]
    y = x[0] ** 2 * x[1]
    of_list, of_sequence = (function(transform(y, xs), inputs=x) for xs in (x, sequence(x)))
    assert of_sequence(3.0, 5.0) == of_list(3.0, 5.0)


def test_hessian_in_blocks():
    x, y = placeholder("x", (2,), "float64"), placeholder("y", (3,), "float64")
    blocks = hessian(lambda x, y: (x * x).sum() * y.sum() + (y**3).sum(), [x, y])
    a, b = real(2), real(3)
    (xx, xy), (yx, yy) = (function(row, inputs=[x, y])(a, b) for row in blocks)
    np.testing.assert_allclose(xx, 2 * b.sum() * np.eye(2))
    np.testing.assert_allclose(xy, np.repeat(2 * a[:, None], 3, 1))
    np.testing.assert_allclose(yx, xy.T)
    np.testing.assert_allclose(yy, np.diag(6 * b))


def test_vjp_and_jvp_are_transposes():
    x = placeholder("x", (3,), "float64")
    f = FUNCTIONS["norms"]
    v, u, a = real(3), real(3), real(3)
    back, forth = function([vjp(f, x, v), jvp(f, x, u)])(a)
    assert np.dot(back, u) == pytest.approx(np.dot(v, forth))


def test_directions_are_checked():
    x = placeholder("x", (3,), "float64")
    with pytest.raises(ShapeError, match=r"hvp: the direction of x must have its shape \(3,\), got \(2,\)"):
        hvp(rosenbrock, x, [1.0, 2.0])
    with pytest.raises(GradientError, match="needs 1 directions, one for each tensor, got 2"):
        hvp(rosenbrock, [x], [np.ones(3), np.ones(3)])


def test_gauss_newton_is_jt_h_j():
    w = placeholder("w", (3,), "float64")
    inputs, target, v, a = real(4, 3), real(4), real(3), real(3)
    out = call("tanh", inputs @ w)
    product = gauss_newton_vp(out, lambda o: ((o - target) ** 4).sum(), w, v)
    got, j, o = function([product, jacobian(out, w), out], inputs=[w])(a)
    np.testing.assert_allclose(got, j.T @ (12 * (o - target) ** 2 * (j @ v)))


@pytest.mark.parametrize("n", [4, None], ids=["known", "unknown"])
def test_per_example_gradients(n):
    w, b = placeholder("w", (3, 2), "float64"), placeholder("b", (2,), "float64")
    x, y = placeholder("x", (n, 3), "float64"), placeholder("y", (n,), "int64")

    def loss(w, b, x, y):
        return call("sparse_softmax_cross_entropy", call("tanh", x @ w) + b, y)

    gw, gb = per_example_grads(loss, [w, b], [x, y])
    values = real(3, 2), real(2), real(4, 3), np.array([0, 1, 1, 0])
    got = function([gw, gb], inputs=[w, b, x, y])(*values)
    x1, y1 = placeholder("x", (3,), "float64"), placeholder("y", (), "int64")
    one = function(grad(loss(w, b, x1, y1), [w, b]), inputs=[w, b, x1, y1])
    for i in range(4):
        for ours, reference in zip(got, one(*values[:2], values[2][i], values[3][i]), strict=True):
            np.testing.assert_allclose(ours[i], reference, rtol=1e-12)


# Checkpoints and gradients of one's own -------------------------------------------------------------------------
def layers(x, ws, wrap):
    for w in ws:
        x = wrap(lambda x, w=w: call("tanh", call("tanh", call("tanh", x @ w) * 1.5) * 2))(x)
    return (x * x).sum()


def test_checkpoint_gives_the_same_gradient_with_less_memory():
    x = placeholder("x", (256, 16), "float64")
    ws = [variable(real(16, 16) / 8, f"w{i}") for i in range(8)]
    results, peaks = [], []
    for wrap in (lambda f: f, checkpoint):
        f = function(grad(layers(x, ws, wrap), [x, *ws]))
        results.append(f(np.linspace(-1, 1, 256 * 16).reshape(256, 16)))
        peaks.append(f.plan.arena)
    for plain, recomputed in zip(*results, strict=True):
        np.testing.assert_allclose(plain, recomputed, rtol=1e-12, atol=1e-14)  # a BLAS may heed where arrays lie
    assert peaks[1] < 0.6 * peaks[0]


def test_checkpoint_differentiates_to_any_order_and_reaches_what_it_closes_over():
    def f(x, w):
        return checkpoint(lambda x: call("sin", x * w) * x)(x).sum()

    check_grads(f, [real(3), real(3)], order=3)


def test_checkpoint_draws_the_same_mask_again():
    x = placeholder("x", (50,), "float64")
    results = []
    for wrap in (lambda f: f, checkpoint):
        with streams():
            y = wrap(lambda x: call("sin", functional.dropout(call("exp", x), 0.5)))(x)
        results.append(function([y, grad(y.sum(), x)], seed=3)(np.linspace(0, 1, 50)))
    np.testing.assert_array_equal(*results)
    assert 10 < np.count_nonzero(results[0][0]) < 40


def test_checkpoint_costs_nothing_without_a_gradient():
    x = placeholder("x", (3,))
    f = function(checkpoint(lambda x: call("sin", x * 2))(x))
    f(np.ones(3, "float32"))
    assert [s.op.name for s in f.plan.steps] == ["multiply", "sin"]


def test_custom_gradient_replaces_the_rule_in_both_modes():
    x = placeholder("x", (3,), "float64")
    f = custom_gradient(lambda x, k: x * k, lambda g, y, x, k: (g * 7 * x, None))
    y = f(x, 2.0)
    got = function([y, grad(y.sum(), x), jvp(y, x, np.ones(3)), grad(grad(y.sum(), x).sum(), x)])([1.0, 2.0, 3.0])
    np.testing.assert_allclose(got, [[2, 4, 6], [7, 14, 21], [7, 14, 21], [7, 7, 7]])


def test_custom_gradient_counts_its_cotangents():
    x = placeholder("x", (3,), "float64")
    with pytest.raises(GradientError, match="must return 1 cotangents, it returned 2"):
        grad(custom_gradient(lambda x: x, lambda g, y, x: (g, g))(x).sum(), x)


# Functions of the user and hooks ---------------------------------------------------------------------------------
def test_apply_with_a_gradient_of_any_order():
    def cube(x):
        return apply(lambda a: a**3, x, vjp=lambda g, y, x: g * 3 * x * x)

    check_grads(cube, [real(2, 3)], order=3)


def test_apply_says_what_is_missing_or_wrong():
    x = placeholder("x", (3,), "float64")
    with pytest.raises(GradientError, match="mine has no derivative; give apply"):
        grad(apply(np.sin, x, name="mine").sum(), x)
    with pytest.raises(ExecutionError, match=r"must return shape \(3,\), it returned \(\)"):
        function(apply(np.sum, x, name="total"))(np.ones(3))
    total = apply(np.sum, x, shape=(), dtype="float32")
    assert (total.shape, str(total.dtype)) == ((), "float32")
    assert apply(np.transpose, placeholder("m", (2, 3)), shape=lambda s: s[::-1]).shape == (3, 2)


def test_apply_cannot_write_into_its_inputs():
    def spoil(a):
        a[...] = 0
        return a

    with pytest.raises(ExecutionError, match="read-only"):
        function(apply(spoil, placeholder("x", (3,), "float64")))(np.ones(3))


def test_hooks_see_values_and_let_gradients_through():
    x = placeholder("x", (2,), "float64")
    seen, text = [], io.StringIO()
    y = tap(x * 2, lambda a: seen.append(a.copy()))
    y = print_shape(print_value(y, "y", text), "y", text) ** 2
    np.testing.assert_array_equal(function(grad(y.sum(), x))([1.0, 3.0]), [8, 24])
    np.testing.assert_array_equal(seen, [[2.0, 6.0]])
    assert text.getvalue() == "y: [2. 6.]\ny: float64(2,)\n"


def test_a_hook_runs_at_every_call_and_each_for_itself():
    x = placeholder("x", (), "float64")
    seen = []
    f = function([tap(x, seen.append), tap(x, seen.append), tap(5.0, seen.append)])
    f(1.0)
    f(2.0)
    assert len(seen) == 6


def test_dependencies_run_first():
    x = placeholder("x", (), "float64")
    seen = []
    first = tap(x * 3, lambda a: seen.append("first"))
    y = tap(with_dependencies(x, [first]) * 2, lambda a: seen.append("then"))
    assert function([y, grad(y, x)])(4.0) == [8, 2]
    assert seen == ["first", "then"]


def test_assign_checks_what_it_is_given():
    v = variable(np.zeros(3, "float32"), "v")
    f = function([], updates=dict([assign(v, v + 1)]))
    f()
    np.testing.assert_array_equal(v.value, np.ones(3))
    with pytest.raises(StateError, match=r"variable v is float32\(3,\), its new value is float32\(2,\)"):
        assign(v, np.zeros(2, "float32"))
    with pytest.raises(StateError, match="only variables"):
        assign(placeholder("x"), 1.0)
