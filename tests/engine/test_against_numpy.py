"""Every elementwise op and every reduction beside NumPy and SciPy at the ends of the floats; derivatives there.

The references stand beside the names; the few places where ours is better than the reference are named.
"""

import numpy as np
import pytest
from scipy import special

import agcli as ag
from agcli.engine import functional, ops
from agcli.engine.table import OPS

pytestmark = pytest.mark.numeric

assert functional
assert ops
INF, NAN = np.inf, np.nan
POINTS = [0.0, 1.0, 0.5, 2.0, 3.0, 20, 40, 710, 745, 1e4, 1e-8, 1e16, 5e-324, 1e-300, 1e300, 1.7e308, INF]
EXTREMES = np.array([*POINTS, *(-np.array(POINTS)), NAN, 170.5, 171.7, -170.5])
NUMPY = [
    "add", "subtract", "multiply", "divide", "negative", "mod", "fmod", "floor_divide", "power", "square", "sqrt",
    "cbrt", "reciprocal", "hypot", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "logaddexp", "sin",
    "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "arctan2",
    "abs", "sign", "floor", "ceil", "trunc", "round", "maximum", "minimum", "less", "less_equal", "greater",
    "greater_equal", "equal", "not_equal", "logical_and", "logical_or", "logical_xor", "logical_not", "isnan",
    "isinf", "isfinite",
]  # fmt: skip


def lgamma(x):
    """As C's: SciPy's is -inf at -inf, and infinite for denormal numbers."""
    size = np.abs(x)
    return np.where(size < np.finfo(x.dtype).tiny, -np.log(size), np.where(x == -INF, INF, special.gammaln(x)))


REFERENCES = {name: getattr(np, name) for name in NUMPY} | {
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "exp10": special.exp10,
    "xlogy": special.xlogy,
    "erf": special.erf,
    "erfc": special.erfc,
    "erfinv": special.erfinv,
    "lgamma": lgamma,
    "gamma": special.gamma,
    "digamma": special.psi,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": special.expit,
    "softplus": lambda x: np.logaddexp(0, x),
    "log_sigmoid": special.log_expit,
    "softsign": lambda x: np.where(np.isinf(x), np.sign(x), x / (1 + np.abs(x))),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "relu6": lambda x: np.clip(x, 0, 6),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "celu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "quick_gelu": lambda x: x * special.expit(1.702 * x),
    "gelu": lambda x: np.where(x == -INF, NAN, x * special.ndtr(x)),  # -inf * 0, as everywhere
    "silu": lambda x: x * special.expit(x),
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
}
ELSEWHERE = {
    "sinc",
    "selu",
    "polygamma",
    "clip",
    "where",
    "select",
    "stop_gradient",
    "add_n",
    "glu",
}  # have tests of their own


def test_every_elementwise_op_has_a_reference():
    families = ("elementwise", "special", "activations", "logic")
    assert {n for n, e in OPS.items() if e.family in families} - ELSEWHERE == set(REFERENCES)


def ends(dtype):
    with np.errstate(over="ignore"):
        return EXTREMES.astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", REFERENCES)
def test_elementwise_at_the_ends_of_the_floats(name, dtype, backend):
    entry, x = OPS[name], ends(dtype)
    arrays = [x] if len(entry.samples[0].args) == 1 else [a.ravel() for a in np.meshgrid(x, x)]
    inputs = [ag.placeholder(f"x{i}", a.shape, dtype) for i, a in enumerate(arrays)]
    found = ag.function(entry.function(*inputs), inputs=inputs)(*arrays)
    with np.errstate(all="ignore"):
        exact = np.asarray(REFERENCES[name](*arrays))
    tiny = {"float32": 1e-37, "float64": 1e-307}[dtype]  # what is smaller has lost digits, or is taken for 0
    np.testing.assert_allclose(found, exact, rtol={"float32": 1e-5, "float64": 1e-12}[dtype], atol=tiny)


def log_sum_exp(x):
    return special.logsumexp(x) if x.size else -INF


# name -> (ours, reference); where the reference refuses empty rows, so do we
REDUCTIONS = {
    "sum": (ag.sum, np.sum),
    "mean": (ag.mean, np.mean),
    "prod": (ag.prod, np.prod),
    "max": (ag.max, np.max),
    "min": (ag.min, np.min),
    "any": (ag.any, np.any),
    "all": (ag.all, np.all),
    "argmax": (ag.argmax, np.argmax),
    "argmin": (ag.argmin, np.argmin),
    "logsumexp": (ag.logsumexp, log_sum_exp),
    "norm": (ag.norm, lambda x: np.hypot.reduce(x) if x.size else 0.0),  # linalg.norm overflows
    "norm 1": (lambda x: ag.norm(x, 1), lambda x: np.linalg.norm(x, 1)),
    "var": (ag.var, np.var),
    "var, ddof 1": (lambda x: ag.var(x, ddof=1), lambda x: np.var(x, ddof=1)),
    "var, ddof 5": (lambda x: ag.var(x, ddof=5), lambda x: np.var(x, ddof=5)),
    "std": (ag.std, np.std),
    "std, ddof 1": (lambda x: ag.std(x, ddof=1), lambda x: np.std(x, ddof=1)),
    "std, ddof 5": (lambda x: ag.std(x, ddof=5), lambda x: np.std(x, ddof=5)),
    "cumsum": (ag.cumsum, np.cumsum),
    "cumprod": (ag.cumprod, np.cumprod),
    "cummax": (ag.cummax, np.maximum.accumulate),
    "cummin": (ag.cummin, np.minimum.accumulate),
    "logcumsumexp": (ag.logcumsumexp, np.logaddexp.accumulate),
    "sort": (ag.sort, np.sort),
    "argsort": (ag.argsort, lambda x: np.argsort(x, kind="stable")),
    "softmax": (ag.softmax, lambda x: special.softmax(x) if x.size else x),
}
ROWS = [
    [], [0.0], [3.0], [-0.0, -0.0], [INF], [-INF], [INF, -INF], [INF, 1], [-INF, 1], [0, INF], [INF, INF], [-INF, -INF],
    [NAN, 1], [1, NAN, 3], [0, NAN], [1e300, 1e300], [1e-300, 1e-300], [5e-324], [1.7e308, 1.7e308, -1.7e308],
    [710, 710], [1.0, 2, 4], [5.0, 5, 5],
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_at_the_ends_of_the_floats(name, known):
    ours, reference = REDUCTIONS[name]
    for row in ROWS:
        a = np.array(row)
        x = ag.placeholder("x", a.shape if known else (None,), "float64")
        try:
            exact = reference(a)
        except ValueError:
            with pytest.raises(ag.EngineError):
                ag.function(ours(x))(a)
            continue
        np.testing.assert_allclose(ag.function(ours(x))(a), exact, rtol=1e-12, atol=0, err_msg=str(row))


# (base, exponent) -> derivatives of base**exponent by both: the limits, JAX's where there is none
POWERS = {
    (INF, 0.0): (0, INF),
    (2.0, 0.0): (0, np.log(2)),
    (0.0, 0.0): (0, 0),
    (0.0, 1.0): (1, 0),
    (0.0, 2.0): (0, 0),
    (0.0, 3.5): (0, 0),
    (0.0, 0.5): (INF, 0),
    (0.0, -1.0): (-INF, -INF),
    (INF, 1.0): (1, INF),
    (INF, 2.0): (INF, INF),
    (-2.0, 2.0): (-4, NAN),
    (-2.0, 0.0): (0, NAN),
    (1.0, INF): (INF, 0),
    (2.0, -INF): (NAN, 0),
}


@pytest.mark.parametrize(("point", "slopes"), POWERS.items(), ids=str)
def test_derivatives_of_powers(point, slopes, backend):
    a, b = point
    x, y = (ag.placeholder(n, (), "float64") for n in "xy")
    np.testing.assert_array_equal(ag.function(ag.grad(x**y, [x, y]), inputs=[x, y])(a, b), slopes)
    np.testing.assert_array_equal(ag.grad(a**y, y).eval({y: b}), slopes[1])  # a constant base, a constant exponent
    if np.isfinite(b):
        np.testing.assert_array_equal(ag.grad(x**b, x, allow_unused=True).eval({x: a}), slopes[0])


# (logit, target) -> the binary cross-entropy and its derivatives by both: the limits
BINARY = {
    (INF, 1.0): (0, 0, -INF),
    (-INF, 0.0): (0, 0, INF),
    (INF, 0.0): (INF, 1, -INF),
    (-INF, 1.0): (INF, -1, INF),
    (INF, 0.5): (INF, 0.5, -INF),
    (-INF, 0.5): (INF, -0.5, INF),
    (NAN, 0.0): (NAN, NAN, NAN),
    (NAN, 1.0): (NAN, NAN, NAN),
    (1e30, 1.0): (0, 0, -1e30),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_binary_cross_entropy_at_infinities(dtype, backend):
    points = np.array(list(BINARY)).T.astype(dtype)
    x, t = (ag.placeholder(n, (len(BINARY),), dtype) for n in "xt")
    loss = ag.sigmoid_cross_entropy(x, t)
    found = ag.function([loss, *ag.grad(ag.sum(loss), [x, t])], inputs=[x, t])(*points)
    np.testing.assert_allclose(found, np.array(list(BINARY.values())).T, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cross_entropy_of_classes_that_are_ruled_out(dtype, backend):
    """A mask of logits -inf: value, first and second derivatives are those of the other classes alone."""
    x, t = (ag.placeholder(n, (4, 5), dtype) for n in "xt")
    logits, targets = np.random.default_rng(0).normal(size=(2, 4, 5)).astype(dtype)
    targets = np.exp(targets)
    logits[:, 3], targets[:, 3] = -INF, 0
    some = [0, 1, 2, 4]

    def slopes(x, t):
        loss = ag.softmax_cross_entropy(x, t)
        g = ag.grad(ag.sum(loss), x)
        return [loss, g, ag.grad(ag.sum(ag.where(ag.isfinite(x), g * g, 0)), x)]

    loss, *found = ag.function(slopes(x, t), inputs=[x, t])(logits, targets)
    y, u = (ag.placeholder(n, (4, 4), dtype) for n in "yu")
    exact, *expected = ag.function(slopes(y, u), inputs=[y, u])(logits[:, some], targets[:, some])
    np.testing.assert_allclose(loss, exact, rtol=1e-5)
    for g, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(g[:, 3], 0)
        np.testing.assert_allclose(g[:, some], wanted, rtol=1e-5, atol=1e-6)
    targets[0, 3] = 0.5  # what is ruled out, but happens
    assert ag.function(slopes(x, t)[0], inputs=[x, t])(logits, targets)[0] == INF


def test_mixed_second_derivatives_of_powers_where_the_exponent_is_0():
    x, y = (ag.placeholder(n, (), "float64") for n in "xy")
    mixed = [ag.grad(ag.grad(x**y, x), y), ag.grad(ag.grad(x**y, y), x), ag.grad(ag.grad(x**y, y), y)]
    np.testing.assert_allclose(ag.function(mixed, inputs=[x, y])(4.0, 0.0), [0.25, 0.25, np.log(4) ** 2])


@pytest.mark.parametrize("ddof", [1, 2, 5])
def test_derivatives_of_what_is_not_defined_are_not_0(ddof):
    x = ag.placeholder("x", (None,), "float64")
    one, few = np.array([3.0]), np.array([1.0, 2.0, 4.0])[:ddof]
    for spread in (ag.var, ag.std):
        for a in (one, few):
            assert not np.isfinite(ag.grad(spread(x, ddof=ddof), x).eval({x: a})).any()
            assert not spread(x, ddof=ddof).eval({x: a}) < 0


def test_where_all_elements_are_equal_the_derivatives_are_0():
    x = ag.placeholder("x", (None,), "float64")
    same = np.full(3, 5.0)
    for spread in (ag.var(x, ddof=1), ag.std(x, ddof=1), ag.norm(x - ag.mean(x))):
        np.testing.assert_array_equal(ag.grad(spread, x).eval({x: same}), 0)
