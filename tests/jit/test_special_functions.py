"""Compiled special functions against mpmath: at every magnitude, near zeros, where one polynomial follows another."""

import mpmath
import numpy as np
import pytest

pytest.importorskip("llvmlite")

import agcli as ag
from agcli.engine.backends.jit import fuse
from agcli.engine.backends.jit.elementwise.fused import Fused
from agcli.engine.backends.jit.llvm import error_functions, fits
from agcli.engine.table import OPS
from tools import special_fits

pytestmark = pytest.mark.numeric

FLOATS = ["float32", "float64"]
ULP = error_functions.ULP
INF = float("inf")


@pytest.fixture(autouse=True)
def every_group(monkeypatch, own_kernels):
    """Compile single ops and small arrays too."""
    monkeypatch.setattr(fuse, "LEAST", 0)
    monkeypatch.setattr(fuse, "WORTH", 0)
    monkeypatch.setattr("agcli.engine.backends.scalarize.ELEMENTS", -1)
    monkeypatch.setattr(fuse, "passes", lambda op: 2)


def erfc(x):
    return mpmath.erfc(x) if x < 1e4 else mpmath.mpf(0)  # mpmath's exponents end there


def erfinv(y):
    """Newton's method on log(erfc(x)) near 1, where mpmath's takes long."""
    if abs(y) < 0.9:
        return mpmath.erfinv(y)
    return mpmath.sign(y) * special_fits.erfinv_beside(1 - abs(y))


REFERENCE = {"erf": mpmath.erf, "erfc": erfc, "erfinv": erfinv}
DOMAIN = {"erfinv": (-1, 1)}  # open intervals
# where polynomials, formulas and results change
HARD = {
    "erf": [0.47693628, 0.8, 0.85, 0.9, 0.95, 1, 3.9, 4, 5.9, 6],
    "erfinv": [0.25, 0.5, 0.75, 0.9, 0.99, 0.9999, 1],
    "erfc": [0.25, 0.47693628, 0.5, 0.79, 0.8, 0.85, 1, 3, 9.19, 10.05, 20, 26.54, 27.22, 28],
}  # fmt: skip
EXACT = {  # what stands for infinities, zeros and NaN
    "erf": [(INF, 1), (-INF, -1), (0.0, 0.0), (-0.0, -0.0), (np.nan, np.nan)],
    "erfc": [(INF, 0), (-INF, 2), (0.0, 1), (-0.0, 1), (np.nan, np.nan)],
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
    return every[(low < every) & (every < high)]


def errors(name, x, y):
    """In units in the last place of the exact results."""
    limits = np.finfo(x.dtype)
    least, found = mpmath.mpf(float(limits.smallest_subnormal)), []
    with mpmath.workdps(40):
        for a, b in zip(x.tolist(), y.tolist(), strict=True):
            exact = REFERENCE[name](mpmath.mpf(a))
            unit = max(mpmath.ldexp(1, int(mpmath.frexp(exact)[1]) - 1 - limits.nmant) if exact else 0, least)
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


@pytest.mark.parametrize("name", special_fits.FITS)
def test_polynomials_are_those_of_the_tool(name):
    fit = special_fits.FITS[name]
    with mpmath.workdps(special_fits.DIGITS):
        coefficients, _ = special_fits.remez(fit)
        assert [*getattr(fits, name)] == special_fits.numbers(fit, coefficients)
