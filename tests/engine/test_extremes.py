"""Values and gradients at the ends of the floats, against mpmath, of ops and of formulas as users write them."""

import mpmath
import numpy as np
import pytest

from agcli.engine import functional
from agcli.engine.function import Function
from agcli.engine.gradient import grad, pushforward
from agcli.engine.graph import constant
from agcli.engine.leaves import placeholder
from agcli.engine.ops.elementwise import abs, exp, expm1, hypot, log, logaddexp, power, rsqrt, sqrt, square, xlogy
from agcli.engine.ops.logic import where
from agcli.engine.ops.reductions import logsumexp, mean, sum
from agcli.engine.ops.special import polygamma
from agcli.engine.table import OPS

pytestmark = pytest.mark.numeric

assert functional
F = {name: entry.function for name, entry in OPS.items()}
sigmoid, softmax = F["sigmoid"], F["softmax"]


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


@pytest.mark.parametrize("n", [1, 2, 3])
def test_polygamma_far_below_0(n):
    """By the fraction of its argument: a term for every whole number on the way would take minutes."""
    at = np.array([-65.25, -1000.3, -999999.875, -1e9 + 0.25, -1e12 + 0.75])
    x = placeholder("x", (None,), "float64")
    found = Function(polygamma(n, x))(at)
    with mpmath.workdps(40):
        expected = [float(mpmath.psi(n, mpmath.mpf(v))) for v in at[:3]]
    np.testing.assert_allclose(found[:3], expected, rtol=1e-14)
    np.testing.assert_allclose(found[3], (-1) ** (n + 1) * found[4], rtol=1e-7)  # 1/4 above and below a pole
