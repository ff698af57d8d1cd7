"""Compiled special functions against mpmath: at every magnitude, near zeros, where one polynomial follows another."""

import mpmath
import numpy as np
import pytest
from scipy import special

pytest.importorskip("llvmlite")

import agcli as ag
from agcli.engine.backends.jit import fuse
from agcli.engine.backends.jit.elementwise.fused import Fused
from agcli.engine.backends.jit.llvm import error_functions, fits, gammas
from agcli.engine.ops import quantile_fits
from agcli.engine.table import OPS
from tools import special_fits

pytestmark = pytest.mark.numeric

FLOATS = ["float32", "float64"]
ULP = {**error_functions.ULP, **gammas.ULP}
INF = float("inf")


@pytest.fixture(autouse=True)
def every_group(monkeypatch, compiled):
    """Compile single ops and small arrays too."""
    monkeypatch.setattr(fuse, "passes", lambda op: 2)


def erfc(x):
    return mpmath.erfc(x) if x < 1e4 else mpmath.mpf(0)  # mpmath's exponents end there


def erfinv(y):
    """Newton's method on log(erfc(x)) near 1, where mpmath's takes long."""
    if abs(y) < 0.9:
        return mpmath.erfinv(y)
    return mpmath.sign(y) * special_fits.erfinv_beside(1 - abs(y))


def lgamma(x):
    """Negative numbers by reflection."""
    if x > 0:
        return mpmath.loggamma(x)
    return mpmath.log(mpmath.pi / abs(x * mpmath.sinpi(x))) - mpmath.loggamma(-x)


REFERENCE = {"erf": mpmath.erf, "erfc": erfc, "erfinv": erfinv, "lgamma": lgamma, "digamma": mpmath.digamma}
DOMAIN = {"erfinv": (-1, 1)}  # open intervals
# where polynomials, formulas and results change
HARD = {
    "erf": [0.47693628, 0.8, 0.85, 0.9, 0.95, 1, 3.9, 4, 5.9, 6],
    "lgamma": [
        0.5, 1, 1.5, 2, 2.25, 2.4570247, 2.7476826, 3, 3.1435809, 3.9552943, 4.0393618, 4.9915444, 15, 25, 100.3
    ],
    "digamma": [0.5, 0.5040830, 1, 1.4616321, 1.5734985, 2.6107209, 10.702, 100.25, 130.818, 1e6],
    "erfinv": [0.25, 0.5, 0.75, 0.9, 0.99, 0.9999, 1],
    "erfc": [0.25, 0.47693628, 0.5, 0.79, 0.8, 0.85, 1, 3, 9.19, 10.05, 20, 26.54, 27.22, 28],
}  # fmt: skip
EXACT = {  # what stands for infinities, zeros and NaN
    "erf": [(INF, 1), (-INF, -1), (0.0, 0.0), (-0.0, -0.0), (np.nan, np.nan)],
    "erfc": [(INF, 0), (-INF, 2), (0.0, 1), (-0.0, 1), (np.nan, np.nan)],
    "lgamma": [
        (INF, INF),
        (-INF, INF),
        (np.nan, np.nan),
        (0.0, INF),
        (-0.0, INF),
        (-1, INF),
        (-7, INF),
        (-(2.0**60), INF),
        (1, 0.0),
        (2, 0.0),
    ],
    "digamma": [
        (INF, INF),
        (-INF, np.nan),
        (np.nan, np.nan),
        (0.0, -INF),
        (-0.0, INF),
        (-1, np.nan),
        (-7, np.nan),
        (-(2.0**60), np.nan),
    ],
    "erfinv": [
        (1, INF),
        (-1, -INF),
        (0.0, 0.0),
        (-0.0, -0.0),
        (np.nan, np.nan),
        (1.5, np.nan),
        (-1.0000002, np.nan),
        (INF, np.nan),
        (-INF, np.nan),
    ],
}


def points(name, dtype):
    """Two numbers of every binade, numbers of ordinary size, and those next to the hard ones; of both signs."""
    rng = np.random.default_rng(0)
    limits = np.finfo(dtype)
    powers = np.arange(limits.minexp - limits.nmant, limits.maxexp)
    binades = np.ldexp(rng.uniform(1, 2, (2, len(powers))), powers).reshape(-1)
    around = np.outer(HARD[name], 1 + np.linspace(-4, 4, 9) * float(limits.eps)).reshape(-1)
    beside = np.outer(HARD[name], rng.uniform(0.99, 1.01, 20)).reshape(-1)
    usual = np.concatenate([rng.uniform(0, 1, 200), rng.uniform(0, 6, 300), rng.uniform(0, 30, 200)])
    every = np.concatenate([binades, around, beside, usual]).astype(dtype)
    every = np.concatenate([every, -every, 1 - every[every < 0.25], every[every < 0.25] - 1])
    low, high = DOMAIN.get(name, (-INF, INF))
    inside = (low < every) & (every < high)
    return every[inside & ~((every <= 0) & (every == np.rint(every)))] if name in gammas.ULP else every[inside]


def beside_a_zero(name, x):
    """Within 0.1 of a zero other than lgamma's 1 and 2, where bounds are those of 1."""
    if name == "lgamma":  # between -2 and -5 the zeros are far from the poles, then beside them
        return any(abs(x - z) < 0.1 for z in (-2.4570247, -2.7476827, -3.1435809, -3.9552943, -4.0393618)) or (
            x < -4.5 and abs(x - round(x)) < 0.09
        )
    if name == "digamma":
        between = np.arctan2(np.pi, -special.digamma(1 + abs(x))) / np.pi  # the zero of digamma(1 + a) + pi cot(pi a)
        return abs(x - 1.4616321) < 0.1 or (x < 0 and abs(-x % 1 - between) < 0.09)
    return False


def errors(name, x, y):
    """In units in the last place of the exact results."""
    limits = np.finfo(x.dtype)
    least, found = mpmath.mpf(float(limits.smallest_subnormal)), []
    with mpmath.workdps(40):
        for a, b in zip(x.tolist(), y.tolist(), strict=True):
            exact = REFERENCE[name](mpmath.mpf(a))
            if abs(exact) > float(limits.max):
                found.append(float(b != INF))
                continue
            size = 1 if beside_a_zero(name, a) and abs(exact) < 1 else exact
            unit = max(mpmath.ldexp(1, int(mpmath.frexp(size)[1]) - 1 - limits.nmant) if size else 0, least)
            found.append(float(abs(mpmath.mpf(b) - exact) / unit))
    return np.array(found)


def compiled(name, dtype):
    """The op alone, as compiled code."""
    t = ag.placeholder("x", (None,), dtype)
    f = ag.function(OPS[name].function(t))
    f(np.ones(3, dtype))
    assert [type(s.op) for s in f.plan.steps] == [Fused]
    return f


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ULP)
def test_functions_keep_their_bounds(name, dtype):
    x = points(name, dtype)
    y = compiled(name, dtype)(x)
    found = errors(name, x, y)
    assert found.max() <= ULP[name], (x[found.argmax()], y[found.argmax()])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ULP)
def test_ends_of_the_floats(name, dtype):
    x, expected = np.array(EXACT[name], dtype).T
    y = compiled(name, dtype)(x)
    np.testing.assert_array_equal(y, expected)
    with np.errstate(all="ignore"):
        OPS[name].function.kernel(x, out=(reference := np.empty_like(x)))
    np.testing.assert_array_equal(reference, expected)
    known = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(y[known]), np.signbit(expected[known]))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ULP)
def test_a_group_computes_what_the_op_alone_computes(name, dtype):
    """In rows of any length, whose last vector is not full."""
    t = ag.placeholder("x", (None,), dtype)
    y = OPS[name].function(t * 2)
    f = ag.function([y * t, ag.sum(y)])
    alone = compiled(name, dtype)
    for n in (1, 7, 64, 1003):
        x = points(name, dtype)[-n:] / 3
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(f(x)[0], alone(x * 2) * x)
    assert name not in {s.op.name for s in f.plan.steps}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", [*ULP, "gelu"])
def test_derivatives_to_the_third_order(monkeypatch, name, dtype):
    """As NumPy and SciPy compute them."""
    t = ag.placeholder("x", (None,), dtype)
    results = [OPS[name].function(t)]
    for _ in range(3):
        results.append(ag.grad(ag.sum(results[-1]), t))
    x = np.linspace(0.05, 0.95, 301).astype(dtype)
    fast, plain = (ag.function(results, inputs=[t]) for _ in range(2))
    found = fast(x)
    assert any(isinstance(s.op, Fused) for s in fast.plan.steps)
    monkeypatch.setenv("AG_BACKEND", "numpy")
    for y, z in zip(found, plain(x), strict=True):
        scale = 1 + np.abs(z).max()
        np.testing.assert_allclose(y, z, rtol=64 * np.finfo(dtype).eps, atol=16 * np.finfo(dtype).eps * scale)


def test_gelu_and_its_derivative_are_loops_of_their_own():
    """No step of a training is left to SciPy, which computes one number at a time."""
    t = ag.placeholder("x", (64, 64, 64))
    y = ag.gelu(t * 2)
    f = ag.function([y, ag.grad(ag.sum(y * y), t)], inputs=[t])
    f(np.ones(t.shape, "f"))
    assert not {"erfc", "erf"} & {s.op.name for s in f.plan.steps}


FITS = [(module, name) for module in (fits, quantile_fits) for name in vars(module) if name.isupper()]


@pytest.mark.parametrize(("module", "name"), FITS, ids=lambda part: getattr(part, "__name__", part).split(".")[-1])
def test_polynomials_are_those_of_the_tool(module, name):
    fit = (special_fits.FITS if module is fits else special_fits.QUANTILE_FITS)[name]
    with mpmath.workdps(special_fits.DIGITS):
        coefficients, _ = special_fits.remez(fit)
        assert [*getattr(module, name)] == special_fits.numbers(fit, coefficients)
