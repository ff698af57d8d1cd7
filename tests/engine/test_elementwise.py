"""Elementwise ops against NumPy and SciPy: values, dtypes, kinks, corners and errors."""

import math

import numpy as np
import pytest
from scipy import special, stats

from agcli.engine import ops
from agcli.engine.errors import DTypeError, GradientError, ShapeError
from agcli.engine.function import Function
from agcli.engine.gradient import grad, pushforward
from agcli.engine.graph import constant
from agcli.engine.leaves import placeholder
from agcli.engine.ops import elementwise as ew
from agcli.engine.ops.special import Sinc
from agcli.engine.table import OPS

pytestmark = pytest.mark.numeric

assert ops
REALS = np.array([-3.5, -1.5, -0.5, -0.0, 0.0, 0.25, 0.5, 1.0, 2.5, 30.0])
POSITIVE = np.array([0.1, 0.5, 1.0, 2.5, 7.0, 30.0])
UNIT = np.array([-0.99, -0.5, 0.0, 0.3, 0.9])
STRANGE = np.array([np.nan, np.inf, -np.inf, 0.0, 1.0])
A, B = np.array([[-7.5], [2.0], [3.0]]), np.array([-2.0, 0.75, 3.0])


def apply(name, *args, **kwargs):
    """The op on arrays, which become placeholders of their own dtype."""
    arrays = [np.asarray(a) for a in args]
    xs = [placeholder(f"x{i}", a.shape, a.dtype) for i, a in enumerate(arrays)]
    return Function([OPS[name].function(*xs, **kwargs)], inputs=xs)(*arrays)[0]


def derivatives(f, points, order=1):
    """Values of f, f', f'', ... at the points, each by itself."""
    points = np.asarray(points, "float64")
    x = placeholder("x", points.shape, "float64")
    found = [f(x)]
    for _ in range(order):
        found.append(grad(found[-1].sum(), x, allow_unused=True))
    return Function(found, inputs=[x])(points)


UNARY = {
    "negative": (np.negative, REALS), "abs": (np.abs, REALS), "sign": (np.sign, REALS), "floor": (np.floor, REALS),
    "ceil": (np.ceil, REALS), "trunc": (np.trunc, REALS), "round": (np.round, REALS), "square": (np.square, REALS),
    "sqrt": (np.sqrt, POSITIVE), "cbrt": (np.cbrt, REALS), "reciprocal": (lambda x: 1 / x, POSITIVE),
    "rsqrt": (lambda x: 1 / np.sqrt(x), POSITIVE), "exp": (np.exp, REALS), "exp2": (np.exp2, REALS),
    "exp10": (special.exp10, REALS), "expm1": (np.expm1, REALS), "log": (np.log, POSITIVE),
    "log2": (np.log2, POSITIVE), "log10": (np.log10, POSITIVE), "log1p": (np.log1p, POSITIVE), "sin": (np.sin, REALS),
    "cos": (np.cos, REALS), "tan": (np.tan, REALS), "arcsin": (np.arcsin, UNIT), "arccos": (np.arccos, UNIT),
    "arctan": (np.arctan, REALS), "sinh": (np.sinh, REALS), "cosh": (np.cosh, REALS), "tanh": (np.tanh, REALS),
    "arcsinh": (np.arcsinh, REALS), "arccosh": (np.arccosh, 1 + POSITIVE), "arctanh": (np.arctanh, UNIT),
    "sinc": (np.sinc, REALS[:-2]), "erf": (special.erf, REALS), "erfc": (special.erfc, REALS),
    "erfinv": (special.erfinv, UNIT), "lgamma": (special.gammaln, REALS), "gamma": (special.gamma, POSITIVE),
    "digamma": (special.psi, POSITIVE), "isnan": (np.isnan, STRANGE), "isinf": (np.isinf, STRANGE),
    "isfinite": (np.isfinite, STRANGE), "logical_not": (np.logical_not, REALS), "sigmoid": (special.expit, REALS),
    "softplus": (lambda x: np.logaddexp(x, 0), REALS), "log_sigmoid": (special.log_expit, REALS),
    "relu": (lambda x: np.maximum(x, 0), REALS), "softsign": (lambda x: x / (1 + abs(x)), REALS),
    "leaky_relu": (lambda x: np.where(x > 0, x, 0.01 * x), REALS),
    "elu": (lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), REALS),
    "selu": (lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0))), REALS),
    "gelu": (lambda x: x * stats.norm.cdf(x).astype(x.dtype), REALS), "silu": (lambda x: x * special.expit(x), REALS),
    "mish": (lambda x: x * np.tanh(np.logaddexp(x, 0)), REALS), "relu6": (lambda x: np.clip(x, 0, 6), REALS),
    "hard_sigmoid": (lambda x: np.clip(x / 6 + x.dtype.type(0.5), 0, 1), REALS), "stop_gradient": (lambda x: x, REALS),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", UNARY)
def test_unary_values(name, dtype):
    reference, x = UNARY[name]
    expected = reference(x.astype(dtype))
    found = apply(name, x.astype(dtype))
    assert found.dtype == (bool if expected.dtype == bool else dtype)
    np.testing.assert_allclose(found, expected, rtol=16 * np.finfo(dtype).eps, atol=np.finfo(dtype).eps)


BINARY = (
    "add", "subtract", "multiply", "divide", "mod", "fmod", "floor_divide", "hypot", "arctan2", "logaddexp", "maximum",
    "minimum", "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "logical_and", "logical_or",
    "logical_xor",
)  # fmt: skip


@pytest.mark.parametrize("name", BINARY)
def test_binary_values(name):
    np.testing.assert_allclose(apply(name, A, B), getattr(np, name)(A, B), rtol=1e-15)


def test_power_and_xlogy():
    np.testing.assert_allclose(apply("power", abs(A), B), np.power(abs(A), B), rtol=1e-15)
    np.testing.assert_allclose(apply("xlogy", A, abs(B)), special.xlogy(A, abs(B)), rtol=1e-15)
    assert apply("xlogy", 0.0, 0.0) == 0


def test_every_elementwise_op_is_compared():
    families = ("elementwise", "logic", "special")  # activations: test_against_numpy
    elsewhere = {"add_n", "clip", "where", "select", "polygamma", "power", "xlogy"}
    assert {n for n, e in OPS.items() if e.family in families} <= {*UNARY, *BINARY, *elsewhere}


INTEGERS = {
    "sqrt": "float64", "reciprocal": "float64", "sigmoid": "float64", "softplus": "float64", "divide": "float64",
    "rsqrt": "float64", "erf": "float64", "round": "int64", "floor": "int64", "relu": "int64", "clip": "int64",
    "abs": "int64", "elu": "float64", "sinc": "float64", "digamma": "float64",
}  # fmt: skip


@pytest.mark.parametrize("name", INTEGERS)
def test_integers_are_promoted_where_needed(name):
    x = np.array([1, 2, 5])
    args = (x, x) if name == "divide" else (x,)
    found = apply(name, *args)
    assert found.dtype == INTEGERS[name]
    np.testing.assert_array_equal(found, apply(name, *(a.astype("float64") for a in args)))


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8"])
def test_small_integers_do_not_become_half_floats(dtype):
    for name in ("sqrt", "exp", "rsqrt"):
        found = apply(name, np.array([1, 1], dtype))
        assert found.dtype == "float32"
        np.testing.assert_allclose(found, apply(name, np.ones(2, "float32")), rtol=1e-6)


def test_half_floats_stay():
    for name in ("sqrt", "add", "where"):
        x = np.array([0.25, 4], "float16")
        args = {"add": (x, x), "where": (x > 1, x, -x)}.get(name, (x,))
        assert apply(name, *args).dtype == "float16"


def test_sums_and_choices():
    xs = [np.full((2, 1), i, "float64") for i in range(7)]
    np.testing.assert_array_equal(apply("add_n", *xs), np.sum(xs, 0))
    np.testing.assert_array_equal(apply("where", B > 0, A, B), np.where(B > 0, A, B))
    np.testing.assert_array_equal(apply("where", True, A[:, 0], B), A[:, 0])
    cases = [B < 0, B < 1], [B, B * 10]
    np.testing.assert_array_equal(apply("select", B < 0, B, B < 1, B * 10, default=5.0), np.select(*cases, 5.0))
    x = placeholder("x", B.shape, "float64")
    f = Function(OPS["select"].function([x < 0, x < 1], [x, x * 10]), inputs=[x])
    np.testing.assert_array_equal(f(B), np.select(*cases))
    np.testing.assert_array_equal(apply("clip", REALS, -1.0, np.full(10, 2.0)), np.clip(REALS, -1, 2))
    np.testing.assert_array_equal(apply("clip", np.array([1, 200], "uint8"), high=7), np.array([1, 7], "uint8"))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "int8", "bool"])
def test_where_keeps_every_bit(dtype):
    """NaN, infinities and -0 of the branch that is not chosen leave no trace, and those that are chosen stay."""
    rng = np.random.default_rng(0)
    a, b = (rng.integers(0, 2 if dtype == "bool" else 256, 64 * 8, "uint8").view(dtype) for _ in "ab")
    c = rng.random(a.shape) < 0.5
    for x, y in ((a, b), (a, np.zeros_like(b)), (np.zeros_like(a), b), (a, b[:1]), (a[:1], b)):
        assert apply("where", c, x, y).tobytes() == np.where(c, x, y).tobytes()
    x, zero = placeholder("x", a.shape, dtype), np.zeros((), dtype)
    chosen = Function([ops.logic.where(c, x, zero), ops.logic.where(c, zero, x)], inputs=[x])(a)
    for found, kept in zip(chosen, (c, ~c), strict=True):
        assert found.tobytes() == np.where(kept, a, zero).tobytes()


# (f, points, derivatives of order 1, 2, ... at the points)
KINKS = {
    "abs": (ew.abs, [-1, 0, 1], [-1, 0, 1], [0, 0, 0]),
    "sign": (ew.sign, [-1, 0], [0, 0]),
    "relu": (OPS["relu"].function, [-1, 0, 1], [0, 0, 1], [0, 0, 0]),
    "leaky_relu": (OPS["leaky_relu"].function, [-1, 0, 1], [0.01, 0.01, 1], [0, 0, 0]),
    "elu": (OPS["elu"].function, [-1, 0, 1], [math.exp(-1), 1, 1], [math.exp(-1), 1, 0], [math.exp(-1), 1, 0]),
    "relu6": (OPS["relu6"].function, [-1, 0, 3, 6, 7], [0, 1, 1, 1, 0], [0] * 5),
    "clip of a square": (lambda x: ew.clip(x * x, 1, 4), [0.5, 1.5, 3], [0, 3, 0], [0, 2, 0], [0, 0, 0]),
    "maximum": (lambda x: ew.maximum(x, 0), [-1, 0, 1], [0, 0.5, 1], [0, 0, 0]),
    "minimum": (lambda x: ew.minimum(x * x, 4), [1, 2, 3], [2, 2, 0], [2, 1, 0]),
    "softsign": (OPS["softsign"].function, [-1, 0, 1], [0.25, 1, 0.25], [0.25, 0, -0.25]),
    "hypot": (lambda x: ew.hypot(x, 0), [-1, 0, 1], [-1, 0, 1], [0, 0, 0]),
    "arctan2": (lambda x: ew.arctan2(x, x), [-2, 0, 2], [0, 0, 0], [0, 0, 0]),
    "floor": (ew.floor, [0, 0.5], [0, 0], [0, 0]),
    "mod": (lambda x: ew.mod(x, 2), [-1, 0, 3], [1, 1, 1], [0, 0, 0]),
}


@pytest.mark.parametrize("name", KINKS)
def test_derivatives_at_kinks(name):
    f, points, *expected = KINKS[name]
    found = derivatives(f, points, len(expected))[1:]
    for order, (values, want) in enumerate(zip(found, expected, strict=True), 1):
        np.testing.assert_allclose(values, want, rtol=1e-14, atol=1e-15, err_msg=f"order {order}")


POWERS = [  # exponent, base, value and derivatives
    (0, 0.0, [1, 0, 0]),
    (1, 0.0, [0, 1, 0]),
    (2, 0.0, [0, 0, 2, 0]),
    (3, 0.0, [0, 0, 0, 6, 0]),
    (2, -3.0, [9, -6, 2, 0]),
    (3, -2.0, [-8, 12, -12, 6]),
    (-1, -2.0, [-0.5, -0.25, -0.25]),
    (-2, 1e-100, [1e200, -2e300]),
    (0.5, 4.0, [2, 0.25, -1 / 32]),
    (2.5, 0.0, [0, 0, 0]),
]


@pytest.mark.parametrize("as_array", [False, True])
@pytest.mark.parametrize(("n", "a", "expected"), POWERS)
def test_corners_of_power(n, a, expected, as_array):
    b = constant(np.array([n], "float64")) if as_array else n
    found = derivatives(lambda x: ew.power(x, b), [a], len(expected) - 1)
    np.testing.assert_allclose(np.ravel(found), expected, rtol=1e-14)


def test_power_in_the_exponent():
    a, b = placeholder("a", (4,), "float64"), placeholder("b", (4,), "float64")
    da, db = grad(ew.power(a, b).sum(), [a, b])
    found = Function([da, db], inputs=[a, b])([2.0, 0.0, 0.0, -2.0], [3.0, 2.0, 0.0, 2.0])
    np.testing.assert_allclose(found[0], [12, 0, 0, -4])
    np.testing.assert_allclose(found[1], [8 * math.log(2), 0, 0, np.nan])


@pytest.mark.parametrize("a", [1.0, -1.0, 0.0])
@pytest.mark.parametrize("b", [2.0, -2.0, 0.0])
def test_arctan2_in_all_quadrants(a, b):
    x, y = placeholder("x", (), "float64"), placeholder("y", (), "float64")
    t = ew.arctan2(y, x)
    value, dy, dx = Function([t, *grad(t, [y, x])], inputs=[y, x])(a, b)
    r2 = a * a + b * b or 1
    np.testing.assert_allclose([value, dy, dx], [math.atan2(a, b), b / r2, -a / r2], rtol=1e-15)


@pytest.mark.parametrize("n", range(7))
def test_derivatives_of_sinc(n):
    """Against the power series sum (-1)^k pi^2k x^2k / (2k+1)!, in exact arithmetic of many digits."""
    import mpmath

    points = [-20.3, -3.0, -0.75, -1e-9, 0.0, 1e-20, 1e-5, 0.1, 2.5, 3.9, 11.5]
    with mpmath.workdps(80):
        expected = [
            float(mpmath.nsum(lambda k, x=x: series(k, n, mpmath.mpf(x)), [0, 150], method="d")) for x in points
        ]
    x = placeholder("x", (len(points),), "float64")
    found = Function(Sinc(n)(x), inputs=[x])(np.array(points))
    np.testing.assert_allclose(found, expected, rtol=2e-13, atol=math.pi**n * 1e-16)


def series(k, n, x):
    """The n-th derivative of the k-th term of the series of sinc."""
    import mpmath

    k = int(k)
    if 2 * k < n:
        return mpmath.mpf(0)
    return (-1) ** k * mpmath.pi ** (2 * k) / mpmath.factorial(2 * k + 1) * mpmath.ff(2 * k, n) * x ** (2 * k - n)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 9])
def test_polygamma(n):
    f = OPS["polygamma"].function
    points = [0.3, 1.0, 4.5, -0.5]
    values, slopes = derivatives(lambda x: f(n, x), points)
    np.testing.assert_allclose(values, special.polygamma(n, points), rtol=1e-13)
    np.testing.assert_allclose(slopes, special.polygamma(n + 1, points), rtol=1e-13)


def test_lgamma_is_finite_wherever_it_can_be():
    """SciPy's is infinite for denormal numbers, and above 2.5563e305."""
    x = np.array([5e-324, -1e-310, 2.5599e305, 2.5601e305])
    np.testing.assert_allclose(
        apply("lgamma", x), [744.44007192138126, 713.8013788281542, 1.7976345363473801e308, np.inf]
    )
    np.testing.assert_allclose(apply("lgamma", x[0]), 744.44007192138126)
    t = placeholder("x", (3,), "float64")
    f = Function(OPS["lgamma"].function(t + 1), inputs=[t])  # in the place of the sum, where lgamma(1) is 0
    np.testing.assert_allclose(f(np.array([0.0, 1.0, 4.0])), [0, 0, math.log(24)])


def test_stop_gradient_in_both_modes():
    x = placeholder("x", (), "float64")
    y = x * OPS["stop_gradient"].function(x * x)
    (dy,) = pushforward([y], [x], [constant(1.0, "float64")])
    assert Function([grad(y, x), dy])(x=3.0) == [9, 9]
    with pytest.raises(GradientError, match="x reaches"):
        grad(OPS["stop_gradient"].function(x), x)


F32 = placeholder("x", (3,), "float32")
ERRORS = {
    "sin of two": (lambda: ew.sin(F32, F32), ShapeError, "sin: takes 1 argument, got 2"),
    "add of one": (lambda: ew.add(F32), ShapeError, "add: takes 2 arguments, got 1"),
    "negative of bool": (lambda: ew.negative(F32 > 0), DTypeError, "negative: does not compute with bool"),
    "complex": (lambda: ew.exp(np.array([1j])), DTypeError, "dtype complex128 is not supported"),
    "where on floats": (lambda: ops.logic.where(F32, 1, 2), DTypeError, "where: the condition must be bool"),
    "select without choice": (lambda: OPS["select"].function(F32 > 0), ShapeError, "select: needs a choice"),
    "select of lists": (lambda: OPS["select"].function([F32 > 0], []), ShapeError, "1 conditions do not fit 0 choices"),
    "add_n of nothing": (ew.add_n, ShapeError, "add_n: needs at least one tensor"),
    "polygamma of -1": (lambda: OPS["polygamma"].function(-1, F32), ShapeError, "whole number from 0 to 170, got -1"),
    "polygamma of 1.5": (lambda: OPS["polygamma"].function(1.5, F32), ShapeError, "whole number from 0 to 170"),
    "clip of bool": (lambda: ew.clip(F32 > 0, 0, 1), DTypeError, "clip: does not compute with bool"),
    "shapes": (lambda: F32 + np.ones(2, "float32"), ShapeError, r"add: shapes \(3,\) and \(2,\) do not broadcast"),
    "gradient of less": (lambda: (F32 < 0).op.vjp(F32, F32 < 0, F32, F32), GradientError, "less has no derivative"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_say_what_was_expected(name):
    action, kind, text = ERRORS[name]
    with pytest.raises(kind, match=text):
        action()
