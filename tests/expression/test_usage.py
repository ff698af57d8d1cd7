"""What people try who know NumPy, JAX or torch: it works, or one sentence says what to write; never a wrong object."""

import math
import operator

import numpy as np
import pytest

import agcli as ag

T, S = ag.placeholder("t", (3,), "float64"), ag.placeholder("s", (), "float64")
U = ag.placeholder("u", (2,), "float64")
A = np.array([1.0, 2.0, 4.0])


def f(x):
    return (x * x).sum() if getattr(x, "shape", ()) else x * x


REFUSED = {
    "sum": (lambda: np.sum(T), "ag.sum"),
    "max": (lambda: np.max(T), "ag.max"),
    "concatenate": (lambda: np.concatenate([T, T]), "ag.concatenate"),
    "stack": (lambda: np.stack([T, T]), "ag.stack"),
    "reshape": (lambda: np.reshape(T, (3, 1)), "ag.reshape"),
    "norm": (lambda: np.linalg.norm(T), "ag.norm"),
    "dot": (lambda: np.dot(T, A), "ag.dot"),
    "fft": (lambda: np.fft.fft(T), "eval"),
    "exp": (lambda: np.exp(T), "ag.exp"),
    "absolute": (lambda: np.absolute(T), "ag.abs"),
    "isnan": (lambda: np.isnan(T), "ag.isnan"),
    "multiply": (lambda: np.multiply(T, A), "ag.multiply"),
    "add.reduce": (lambda: np.add.reduce(T), "ag.sum"),
    "heaviside": (lambda: np.heaviside(T, 1), "eval"),
    "asarray": (lambda: np.asarray(T), "eval"),
    "array of objects": (lambda: np.array([T, S], dtype=object), "ag.stack"),
    "array of two": (lambda: np.array([T, T]), "ag.stack"),
    "array of scalars": (lambda: np.array([S, 1.0]), "ag.stack"),
    "float64": (lambda: np.float64(S), "eval"),
    "constant": (lambda: ag.constant([S, S]), "ag.stack"),
    "float": (lambda: float(S), "eval"),
    "int": (lambda: int(S), "eval"),
    "complex": (lambda: complex(S), "eval"),
    "math": (lambda: math.exp(S), "eval"),
    "index": (lambda: [1, 2][S], "eval"),
    "bool": (lambda: bool(S), "ag.where"),
    "array == tensor": (lambda: A == T, "ag.equal"),
    "tensor == array": (lambda: T == A, "ag.equal"),
    "tensor == number": (lambda: S == 0, "ag.equal"),
    "tensor != number": (lambda: np.float64(0) != S, "ag.not_equal"),
    "in place": (lambda: operator.iadd(A.copy(), T), "a = a \\+ t"),
    "grad of a function": (lambda: ag.grad(f), r"ag\.placeholder.*ag\.grad\(f, x\)"),
    "grad at an array": (lambda: ag.grad(f, A), r'ag\.placeholder\("x", \(3,\), .float64.\)'),
    "grad of an array": (lambda: ag.grad(A, T), r"ag\.grad\(y, x\)"),
    "grad by a name": (lambda: ag.grad(f(T), "t"), "the text 't'"),
    "grad by names": (lambda: ag.grad(f(T), ["t"]), "the text 't'"),
    "value_and_grad": (lambda: ag.value_and_grad(f), r"ag\.value_and_grad\(f, x\)"),
    "hessian at an array": (lambda: ag.hessian(f, A), r"ag\.hessian\(f, x\)"),
    "hessian at a number": (lambda: ag.hessian(f, 2.0), r"ag\.hessian\(f, x\)"),
    "jacobian of an array": (lambda: ag.jacobian(A, T), r"ag\.jacobian\(y, x\)"),
    "jacobian of a function": (lambda: ag.jacobian(f), r"ag\.jacobian\(f, x\)"),
    "jacobian by a list": (lambda: ag.jacobian(T, [T]), "one tensor"),
    "jvp": (lambda: ag.jvp(f, (A,), (A,)), r"ag\.jvp\(f, x, v\)"),
    "jvp without a direction": (lambda: ag.jvp(f, T), "directions in the shape of t"),
    "hvp": (lambda: ag.hvp(f, A, A), r"ag\.hvp\(f, x, v\)"),
    "vjp": (lambda: ag.vjp(f, A), r"ag\.vjp\(f, x, g\)"),
    "a function of arrays": (lambda: ag.grad(lambda x: A, T), "expected the function to return a tensor"),
    "vmap of a tensor": (lambda: ag.vmap(T), "ag.vmap"),
    "per_example_grads of a tensor": (lambda: ag.per_example_grads(f(T), T, [T]), "ag.per_example_grads"),
    "function of a lambda": (lambda: ag.function(lambda x: x), r"ag\.function\(f\(x\), inputs=\[x\]\)"),
    "function of functions": (lambda: ag.function([f]), r"ag\.function\(f\(x\), inputs=\[x\]\)"),
    "function of a name": (lambda: ag.function("loss"), "the text 'loss'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_what_to_write(name):
    build, text = REFUSED[name]
    with pytest.raises(TypeError, match=text) as e:
        build()
    assert "\n" not in str(e.value)


BUILT = {
    "2.0 * t": (lambda: 2.0 * T, lambda t: 2.0 * t),
    "float64 * t": (lambda: np.float64(2) * T, lambda t: 2 * t),
    "array * t": (lambda: A * T, lambda t: A * t),
    "array - t": (lambda: A - T, lambda t: A - t),
    "array / t": (lambda: A / T, lambda t: A / t),
    "array // t": (lambda: A // T, lambda t: A // t),
    "array % t": (lambda: A % T, lambda t: A % t),
    "array ** t": (lambda: A**T, lambda t: A**t),
    "array @ t": (lambda: A @ T, lambda t: A @ t),
    "array < t": (lambda: A < T, lambda t: np.less(A, t)),
    "array <= t": (lambda: A <= T, lambda t: np.less_equal(A, t)),
    "array > t": (lambda: A > T, lambda t: np.greater(A, t)),
    "array >= t": (lambda: A >= T, lambda t: np.greater_equal(A, t)),
    "t * array": (lambda: T * A, lambda t: t * A),
    "sum of a list": (lambda: ag.sum([T[0], T[1], 1.0]), lambda t: t[0] + t[1] + 1),
    "max of a nested list": (
        lambda: ag.max([[T[0], 0.0], [T[1], T[2]]], axis=0),
        lambda t: [max(t[0], t[1]), max(0, t[2])],
    ),
    "matmul of a list": (lambda: ag.matmul([[T[0], T[1]]], [[1.0], [T[2]]]), lambda t: [[t[0] + t[1] * t[2]]]),
    "concatenate": (lambda: ag.concatenate([T, T]), lambda t: np.concatenate([t, t])),
    "grad of a function": (lambda: ag.grad(f, T), lambda t: 2 * t),
}


@pytest.mark.parametrize("name", BUILT)
def test_builds_graph(name):
    build, expected = BUILT[name]
    t = np.array([3.0, 0.5, -2.0])
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(build().eval({T: t}), expected(t))


def test_shape_and_rank_are_known_without_numbers():
    assert np.shape(T) == (3,)
    assert np.ndim(T) == 1
    assert len(T) == len(list(T)) == 3
    assert T in [S, T]
    assert S not in [T]
    assert T != S


UNUSED = {
    "grad": lambda **k: ag.grad(f(T), U, **k),
    "value_and_grad": lambda **k: ag.value_and_grad(f(T), U, **k)[1],
    "hessian": lambda **k: ag.hessian(f(T), U, **k),
    "hvp": lambda **k: ag.hvp(f(T), U, [1.0, 1.0], **k),
    "vjp": lambda **k: ag.vjp(T * T, U, A, **k),
    "jvp": lambda **k: ag.jvp(T * T, U, [1.0, 1.0], **k),
    "jvp of two": lambda **k: ag.jvp(T * T, [T, U], [A, [1.0, 1.0]], **k),
    "jacobian": lambda **k: ag.jacobian(T * T, U, **k),
    "jacobian forward": lambda **k: ag.jacobian(T * T, U, "forward", **k),
    "jacobian reverse": lambda **k: ag.jacobian(T * T, U, "reverse", **k),
    "gauss_newton_vp": lambda **k: ag.gauss_newton_vp(T * T, lambda y: y.sum(), U, [1.0, 1.0], **k),
    "per_example_grads": lambda **k: ag.per_example_grads(lambda u, t: t * t, U, [T], **k),
}


@pytest.mark.parametrize("name", UNUSED)
def test_what_does_not_reach_the_output_is_named_or_zero(name):
    with pytest.raises(ag.GradientError, match=r"u does not reach .*; allow_unused=True gives zeros"):
        UNUSED[name]()
    zeros = UNUSED[name](allow_unused=True)
    assert not np.any(zeros.eval({T: A, U: [1.0, 1.0]})) or name == "jvp of two"


def test_a_tensor_that_reaches_one_of_several_outputs_is_used():
    first, second = ag.jacobian([T * T, U * 2], U)
    assert not first.eval({T: A, U: [0.0, 0.0]}).any()
    np.testing.assert_array_equal(second.eval(), 2 * np.eye(2))


def test_what_ends_in_an_op_without_derivative_names_the_op():
    stopped = ag.stop_gradient(T) * 1
    for build in (lambda: ag.jacobian(stopped, T), lambda: ag.hessian(stopped.sum(), T), lambda: ag.jvp(stopped, T, A)):
        with pytest.raises(ag.GradientError, match="only through stop_gradient"):
            build()


def test_a_linear_function_has_a_hessian_of_zeros():
    assert not ag.hessian(T.sum(), T).eval({T: A}).any()
    assert not ag.hvp(T.sum(), T, A).eval({T: A}).any()
