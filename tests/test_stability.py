"""Unstable formulas: each rule before and after, and values and gradients at the ends of the floats."""

import time

import mpmath
import numpy as np
import pytest

from agcli.engine import functional
from agcli.engine.function import Function
from agcli.engine.gradient import grad, pullback, pushforward
from agcli.engine.graph import Tensor, constant, placeholder, toposort
from agcli.engine.ops.elementwise import (
    abs,
    exp,
    expm1,
    hypot,
    log,
    log1p,
    log2,
    logaddexp,
    power,
    reciprocal,
    rsqrt,
    sqrt,
    square,
    xlogy,
)
from agcli.engine.ops.logic import where
from agcli.engine.ops.reductions import logsumexp, mean, sum
from agcli.engine.stability import REPAIRS, UNSAFE, stabilise
from agcli.engine.table import OPS
from agcli.engine.testing import check_grads

assert functional
F = {name: entry.function for name, entry in OPS.items()}
sigmoid, softmax = F["sigmoid"], F["softmax"]


def formula(t, leaf):
    """A graph as text, so that two columns can be compared."""
    if t.op is None:
        return "x" if t is leaf else f"{float(t.value):g}"
    return f"{t.op.name}({', '.join(formula(i, leaf) for i in t.inputs)})"


# rule -> rows of (formula as a user writes it, what it becomes, the same in NumPy)
RULES = {
    "log_of_activation": [
        (lambda x: log(softmax(x)), "log_softmax(x)", lambda x: np.log(np.exp(x) / np.exp(x).sum())),
        (lambda x: log(softmax(x)[1:]), "getitem(log_softmax(x))", lambda x: np.log(np.exp(x) / np.exp(x).sum())[1:]),
        (lambda x: log(sigmoid(x)), "log_sigmoid(x)", lambda x: -np.log(1 + np.exp(-x))),
        (lambda x: log(1 + exp(x)), "softplus(x)", lambda x: np.log(1 + np.exp(x))),
        (lambda x: log(exp(-x) + 1.0), "softplus(negative(x))", lambda x: np.log(1 + np.exp(-x))),
        (lambda x: log(exp(x) + exp(x)), "logaddexp(x, x)", lambda x: x + np.log(2)),
        (lambda x: log(1 - sigmoid(x)), "log_sigmoid(negative(x))", lambda x: -np.log(1 + np.exp(x))),
        (lambda x: log(1 - sigmoid(-x)), "log_sigmoid(x)", lambda x: -np.log(1 + np.exp(-x))),
        (lambda x: log(1 + -sigmoid(x)), "log_sigmoid(negative(x))", lambda x: -np.log(1 + np.exp(x))),
        (lambda x: log(exp(x)), "x", lambda x: x),
        (lambda x: log(sum(exp(x))), "logsumexp(x)", lambda x: np.log(np.exp(x).sum())),
        (
            lambda x: log(mean(exp(x), keepdims=True)),
            "subtract(logsumexp(x), log(astype(3)))",
            lambda x: np.log(np.exp(x).mean(keepdims=True)),
        ),
        (lambda x: log(1 / (1 + exp(-x))), "log_sigmoid(x)", lambda x: -np.log(1 + np.exp(-x))),
    ],
    "log_to_base": [
        (lambda x: log2(sigmoid(x)), "divide(log_sigmoid(x), astype(log(2)))", lambda x: -np.log2(1 + np.exp(-x))),
        (lambda x: log2(1 + x), "log2(add(1, x))", lambda x: np.log2(1 + x)),
    ],
    "log_near_one": [
        (lambda x: log(1 + x), "log1p(x)", np.log1p),
        (lambda x: log(1 - x / 4), "log1p(negative(divide(x, 4)))", lambda x: np.log(1 - x / 4)),
        (lambda x: log(2 + x), "log(add(2, x))", lambda x: np.log(2 + x)),
    ],
    "log1p_of_activation": [
        (lambda x: log1p(exp(x)), "softplus(x)", lambda x: np.log(1 + np.exp(x))),
        (lambda x: log1p(-sigmoid(x)), "log_sigmoid(negative(x))", lambda x: -np.log(1 + np.exp(x))),
    ],
    "exp_minus_one": [
        (lambda x: exp(x) - 1, "expm1(x)", np.expm1),
        (lambda x: -1 + exp(x), "expm1(x)", np.expm1),
        (lambda x: 1 - exp(x), "negative(expm1(x))", lambda x: -np.expm1(x)),
        (lambda x: exp(x) - 2, "subtract(exp(x), 2)", lambda x: np.exp(x) - 2),
    ],
    "quotient_of_exponentials": [
        (lambda x: exp(x) / sum(exp(x)), "softmax(x)", lambda x: np.exp(x) / np.exp(x).sum()),
        (
            lambda x: exp(2 * x) / sum(exp(2 * x), 0, keepdims=True),
            "softmax(multiply(2, x))",
            lambda x: np.exp(2 * x) / np.exp(2 * x).sum(),
        ),
        (lambda x: exp(x) / (1 + exp(x)), "sigmoid(x)", lambda x: 1 / (1 + np.exp(-x))),
        (lambda x: exp(x) / (exp(x) + exp(x * x)), "sigmoid(subtract(x, multiply(x, x)))",
         lambda x: 1 / (1 + np.exp(x * x - x))),
    ],
    "hyperbolic_tangent": [
        (lambda x: (exp(x) - exp(-x)) / (exp(x) + exp(-x)), "tanh(multiply(0.5, subtract(x, negative(x))))", np.tanh),
        (lambda x: (exp(2 * x) - 1) / (exp(2 * x) + 1), "tanh(multiply(0.5, multiply(2, x)))", np.tanh),
    ],
    "logistic": [
        (lambda x: 1 / (1 + exp(-x)), "sigmoid(x)", lambda x: 1 / (1 + np.exp(-x))),
        (lambda x: 1 / (1 + exp(x)), "sigmoid(negative(x))", lambda x: 1 / (1 + np.exp(x))),
        (lambda x: x / (1 + exp(-1 * x)), "multiply(x, sigmoid(x))", lambda x: x / (1 + np.exp(-x))),
    ],
    "logistic_inverse": [
        (lambda x: reciprocal(1 + exp(0 - x)), "sigmoid(x)", lambda x: 1 / (1 + np.exp(-x))),
        (lambda x: (1 + exp(-x)) ** -1, "sigmoid(x)", lambda x: 1 / (1 + np.exp(-x))),
        (lambda x: (1 + exp(-x)) ** -2, "power(add(1, exp(negative(x))), -2)", lambda x: (1 + np.exp(-x)) ** -2),
    ],
    "root_of_squares": [
        (lambda x: sqrt(x**2), "abs(x)", np.abs),
        (lambda x: sqrt(x * x + square(x - 1)), "hypot(x, subtract(x, 1))", lambda x: np.hypot(x, x - 1)),
        (lambda x: (x**2 + x**2 + x**2) ** 0.5, "hypot(hypot(x, x), x)", lambda x: np.sqrt(3) * x),
        (lambda x: sqrt(sum(square(x))), "norm(x)", lambda x: np.sqrt((x**2).sum())),
        (
            lambda x: sqrt(mean(x * x)),
            "divide(norm(x), sqrt(astype(3)))",
            lambda x: np.sqrt((x**2).mean()),
        ),
        (lambda x: sqrt(1 + square(x)), "sqrt(add(1, square(x)))", lambda x: np.sqrt(1 + x * x)),
    ],
    "mask_unsafe_branch": [
        (
            lambda x: where(x > 0, log(x), 0),
            "where(greater(x, 0), log(where(greater(x, 0), x, 0.5)), 0)",
            np.log,
        ),
        (
            lambda x: where(x > 0, log(where(x > 0, x, 1)), 0),
            "where(greater(x, 0), log(where(greater(x, 0), x, 1)), 0)",
            np.log,
        ),
        (
            lambda x: where(x < 0, 0, 1 / x + x),
            "where(less(x, 0), 0, add(divide(1, where(less(x, 0), 1, x)), x))",
            lambda x: 1 / x + x,
        ),
    ],
}  # fmt: skip
ROWS = [pytest.param(*row, id=f"{name}-{i}") for name, rows in RULES.items() for i, row in enumerate(rows)]
POINTS = np.array([0.3, 0.9, 0.5])


def test_every_rule_has_rows():
    assert {rule.__name__ for rules in REPAIRS.values() for rule in rules} == set(RULES)


@pytest.mark.parametrize(("build", "after", "reference"), ROWS)
def test_rules_before_and_after(build, after, reference):
    x = placeholder("x", (3,), "float64")
    y = build(x)
    (repaired,), _ = stabilise([y])
    assert formula(repaired, x) == after
    assert repaired.type == y.type
    np.testing.assert_allclose(Function([y], inputs=[x])(POINTS)[0], reference(POINTS), rtol=1e-14)
    check_grads(build, [POINTS], order=2)


@pytest.mark.parametrize(("build", "after", "reference"), ROWS)
def test_rules_do_not_look_through_what_is_differentiated(build, after, reference):
    """The gradient with respect to any intermediate tensor exists, also a second time."""
    x = placeholder("x", (3,), "float64")
    y = build(x)
    for t in toposort([y]):
        if t.op is not None and t.dtype.kind == "f" and t is not y:
            (g,) = pullback([y], [t], [F["ones_like"](y)])
            assert g is not None or t.op.name == "greater"


def test_a_repaired_tensor_can_be_differentiated_by_twice():
    x = placeholder("x", (3,), "float64")
    h = log(softmax(x))
    loss = sum(h * h * x)
    dh, dx = grad(loss, [h, x])
    assert grad(sum(dh), h) is not None
    hh, hx, ref = Function([grad(sum(dh), h), dx, log(softmax(x))], inputs=[x])(POINTS * 1000)
    np.testing.assert_allclose(hh, 2000 * POINTS)
    assert np.isfinite(hx).all()
    assert np.isfinite(ref).all()


def test_what_is_stable_stays_the_same_node():
    x = placeholder("x", (3,), "float64")
    y = sum(sqrt(1 + square(x)) * sigmoid(x) / (2 + exp(x)))
    assert stabilise([y], [x]) == ([y], [x])


def test_names_and_the_place_survive():
    x = placeholder("x", (3,), "float64")
    y = log(softmax(x)).named("scores")
    (new,), _ = stabilise([y])
    assert (new.name, new.origin) == ("scores", y.origin)


def test_nested_conditions_are_masked_together():
    """Each piece of a piecewise function is unsafe where another one is chosen."""
    x = placeholder("x", (4,), "float64")
    y = where(x < 0, 0, where(x < 1, sqrt(x) * x, log(x - 1 + 1 / (x - 2))))
    f = Function([y, grad(sum(y), x), grad(sum(grad(sum(y), x)), x)], inputs=[x])
    for found in f(np.array([-1.0, 0.25, 3.0, -1e30])):
        assert np.isfinite(found).all(), found


@pytest.mark.parametrize("name", UNSAFE)
def test_branches_that_are_not_chosen_leave_no_nan(name):
    """At points where the op or its derivative is not finite, the other branch is chosen."""
    bad = np.array([0.0, -1.0, 1.0, -2.0, np.inf, -np.inf, 1e30, -1e30])
    x = placeholder("x", bad.shape, "float32")
    f = F[name]
    call = {"polygamma": lambda t: f(1, t), "power": lambda t: f(t, -1.5)}.get(name, f)
    z = call(1.0, x) if UNSAFE[name][0] == 1 else call(x)
    y = where(x > 100.5, x, where(x < 100.5, x, z))
    (dy,) = pushforward([y], [x], [F["ones_like"](x)])
    for found in Function([grad(sum(y), x), dy], inputs=[x])(bad.astype("float32")):
        np.testing.assert_array_equal(found, 1)


# Extremes -----------------------------------------------------------------------------------------------------
def mp_sigmoid(x):
    return 1 / (1 + mpmath.exp(-x))


def mp_softplus(x):
    return mpmath.log1p(mpmath.exp(-mpmath.fabs(x))) + max(x, 0)


def mp_normal(x):
    """The normal distribution function, which mpmath computes only for arguments of ordinary size."""
    return mpmath.ncdf(x) if mpmath.fabs(x) < 50 else mpmath.mpf(x > 0)


def abs_(x):
    return mpmath.fabs(x)


def pair(x):
    """Logits x and 0, as a vector of two."""
    return F["concatenate"](x.reshape(1), F["zeros_like"](x).reshape(1))


# name -> (formula of a scalar, its value, its derivative)
EXTREMES = {
    "softplus": (F["softplus"], mp_softplus, mp_sigmoid),
    "log(1+exp(x))": (lambda x: log(1 + exp(x)), mp_softplus, mp_sigmoid),
    "sigmoid": (sigmoid, mp_sigmoid, lambda x: mp_sigmoid(x) * mp_sigmoid(-x)),
    "1/(1+exp(-x))": (lambda x: 1 / (1 + exp(-x)), mp_sigmoid, lambda x: mp_sigmoid(x) * mp_sigmoid(-x)),
    "exp(x)/(1+exp(x))": (lambda x: exp(x) / (1 + exp(x)), mp_sigmoid, lambda x: mp_sigmoid(x) * mp_sigmoid(-x)),
    "log_sigmoid": (F["log_sigmoid"], lambda x: -mp_softplus(-x), lambda x: mp_sigmoid(-x)),
    "log(sigmoid(x))": (lambda x: log(sigmoid(x)), lambda x: -mp_softplus(-x), lambda x: mp_sigmoid(-x)),
    "log(1-sigmoid(x))": (lambda x: log(1 - sigmoid(x)), lambda x: -mp_softplus(x), lambda x: -mp_sigmoid(x)),
    "log_softmax": (lambda x: F["log_softmax"](pair(x))[0], lambda x: -mp_softplus(-x), lambda x: mp_sigmoid(-x)),
    "log(softmax(x))": (lambda x: log(softmax(pair(x)))[1], lambda x: -mp_softplus(x), lambda x: -mp_sigmoid(x)),
    "softmax": (lambda x: softmax(pair(x))[0], mp_sigmoid, lambda x: mp_sigmoid(x) * mp_sigmoid(-x)),
    "exp/sum(exp)": (
        lambda x: (exp(pair(x)) / sum(exp(pair(x))))[0], mp_sigmoid, lambda x: mp_sigmoid(x) * mp_sigmoid(-x)
    ),
    "logsumexp": (lambda x: logsumexp(pair(x)), mp_softplus, mp_sigmoid),
    "log(sum(exp(x)))": (lambda x: log(sum(exp(pair(x)))), mp_softplus, mp_sigmoid),
    "logaddexp": (lambda x: logaddexp(x, 0), mp_softplus, mp_sigmoid),
    "softmax cross-entropy": (
        lambda x: F["sparse_softmax_cross_entropy"](pair(x), 0), lambda x: mp_softplus(-x), lambda x: -mp_sigmoid(-x)
    ),
    "cross-entropy by hand": (
        lambda x: -sum(constant([0, 1], x.dtype) * log(softmax(pair(x)))), mp_softplus, mp_sigmoid
    ),
    "sigmoid cross-entropy": (
        lambda x: F["sigmoid_cross_entropy"](x, 1.0), lambda x: mp_softplus(-x), lambda x: -mp_sigmoid(-x)
    ),
    "binary cross-entropy by hand": (
        lambda x: -(1.0 * log(sigmoid(x)) + 0.0 * log(1 - sigmoid(x))),
        lambda x: mp_softplus(-x),
        lambda x: -mp_sigmoid(-x),
    ),
    "expm1": (expm1, mpmath.expm1, mpmath.exp),
    "exp(x)-1": (lambda x: exp(x) - 1, mpmath.expm1, mpmath.exp),
    "log1p(abs)": (
        lambda x: log(1 + abs(x)), lambda x: mpmath.log1p(abs_(x)), lambda x: mpmath.sign(x) / (1 + abs_(x))
    ),
    "tanh": (F["tanh"], mpmath.tanh, lambda x: mpmath.sech(x) ** 2),
    "tanh by hand": (
        lambda x: (exp(x) - exp(-x)) / (exp(x) + exp(-x)), mpmath.tanh, lambda x: mpmath.sech(x) ** 2
    ),
    "hypot": (lambda x: hypot(x, 0), abs_, mpmath.sign),
    "sqrt(x^2)": (lambda x: sqrt(x**2), abs_, mpmath.sign),
    "norm": (lambda x: F["norm"](pair(x)), abs_, mpmath.sign),
    "sqrt(sum(x^2))": (lambda x: sqrt(sum(square(pair(x)))), abs_, mpmath.sign),
    "sqrt(mean(x^2))": (
        lambda x: sqrt(mean(square(pair(x)))),
        lambda x: abs_(x) / mpmath.sqrt(2),
        lambda x: mpmath.sign(x) / mpmath.sqrt(2),
    ),
    "silu": (F["silu"], lambda x: x * mp_sigmoid(x), lambda x: mp_sigmoid(x) * (1 + x * mp_sigmoid(-x))),
    "x/(1+exp(-x))": (
        lambda x: x / (1 + exp(-x)), lambda x: x * mp_sigmoid(x), lambda x: mp_sigmoid(x) * (1 + x * mp_sigmoid(-x))
    ),
    "gelu": (F["gelu"], lambda x: x * mp_normal(x), lambda x: mp_normal(x) + x * mpmath.npdf(x)),
    "erf": (
        F["erf"],
        lambda x: 2 * mp_normal(x * mpmath.sqrt(2)) - 1,
        lambda x: 2 * mpmath.exp(-x * x) / mpmath.sqrt(mpmath.pi),
    ),
    "elu": (F["elu"], lambda x: x if x > 0 else mpmath.expm1(x), lambda x: 1 if x > 0 else mpmath.exp(x)),
    "elu by hand": (
        lambda x: where(x > 0, x, exp(x) - 1),
        lambda x: x if x > 0 else mpmath.expm1(x),
        lambda x: 1 if x > 0 else mpmath.exp(x),
    ),
    "softsign": (F["softsign"], lambda x: x / (1 + abs_(x)), lambda x: 1 / (1 + abs_(x)) ** 2),
    "arctan": (F["arctan"], mpmath.atan, lambda x: 1 / (1 + x * x)),
    "arcsinh": (F["arcsinh"], mpmath.asinh, lambda x: 1 / mpmath.sqrt(1 + x * x)),
    "arctan2": (lambda x: F["arctan2"](x, 1.0), mpmath.atan, lambda x: 1 / (1 + x * x)),
    "where(x>0, log(x), 0)": (
        lambda x: where(x > 0, log(x), 0),
        lambda x: mpmath.log(x) if x > 0 else 0,
        lambda x: 1 / x if x > 0 else 0,
    ),
    "where(x>0, sqrt(x), 0)": (
        lambda x: where(x > 0, sqrt(x), 0),
        lambda x: mpmath.sqrt(x) if x > 0 else 0,
        lambda x: 1 / (2 * mpmath.sqrt(x)) if x > 0 else 0,
    ),
    "where(x>0, 1/sqrt(x), 0)": (
        lambda x: where(x > 0, rsqrt(x), 0),
        lambda x: 1 / mpmath.sqrt(x) if x > 0 else 0,
        lambda x: -1 / (2 * x * mpmath.sqrt(x)) if x > 0 else 0,
    ),
    "xlogy(a, a)": (
        lambda x: xlogy(abs(x), abs(x)),
        lambda x: abs_(x) * mpmath.log(abs_(x)) if x else 0,
        lambda x: mpmath.sign(x) * (mpmath.log(abs_(x)) + 1) if x else 0,
    ),
    "power": (lambda x: power(x, 1), lambda x: x, lambda x: 1),
}  # fmt: skip


def points(dtype):
    largest = float(np.finfo(dtype).max)
    sizes = [1e-30, 1e-4, 0.5, 1, 20, 100, 1e4, 1e30, largest]
    return [0.0, *sizes, *(-s for s in sizes)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", EXTREMES)
def test_extreme_values(name, dtype):
    """Value and derivative in both modes against mpmath, and a finite second derivative."""
    build, value, slope = EXTREMES[name]
    x = placeholder("x", (), dtype)
    y = build(x)
    g = grad(y, x)
    (dy,) = pushforward([y], [x], [constant(1, dtype)])
    f = Function([y, g, dy, grad(g, x, allow_unused=True)], inputs=[x])
    limits = np.finfo(dtype)
    for point in np.array(points(dtype), dtype):
        found = f(point)
        with mpmath.workdps(60):
            exact = [value(mpmath.mpf(float(point))), slope(mpmath.mpf(float(point)))]
            if any(mpmath.fabs(e) > float(limits.max) for e in exact):
                continue
            expected = [float(e) for e in exact]
        for result, want in zip(found[:3], (*expected, expected[1]), strict=True):
            assert np.asarray(result).dtype == dtype
            assert np.abs(float(result) - want) <= 16 * limits.eps * max(1, np.abs(want)), (point, result, want)
        curvature = 1 if name.startswith(("where", "xlogy")) and 0 < point < 1e-4 else found[3]  # 1/x^2 overflows
        assert np.isfinite(curvature), (point, curvature)


# Scale --------------------------------------------------------------------------------------------------------
def chain(n, repairs):
    x: Tensor = placeholder("x", (), "float64")
    y = x
    for i in range(n // 4):
        y = log(1 + exp(y)) * 0.5 if repairs else log(2 + exp(y)) * 0.5
        if repairs and i % 10 == 0:
            y = where(y > 0, log(y), y)
    return y


@pytest.mark.parametrize("repairs", [False, True])
def test_time_grows_linearly(repairs):
    seconds = []
    for n in (5_000, 20_000):
        y = chain(n, repairs)
        start = time.perf_counter()
        stabilise([y])
        seconds.append(time.perf_counter() - start)
    assert seconds[1] < 12 * seconds[0] + 0.1, seconds
