"""Fourier transforms of pairs: values beside NumPy, derivatives beside torch, products of spectra, errors."""

import numpy as np
import pytest

import agcli as ag
from tests.engine.helpers import refused

pytestmark = pytest.mark.numeric

RNG = np.random.default_rng(8)
LENGTHS = [1, 2, 5, 6, 12]


def run(outputs, *arrays):
    """``outputs(*placeholders)`` of lengths that are not known before."""
    inputs = [ag.placeholder(f"x{i}", (None,) * a.ndim, a.dtype) for i, a in enumerate(arrays)]
    return ag.function(list(outputs(*inputs)), inputs=inputs)(*arrays)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("n", LENGTHS)
def test_values_are_those_of_numpy(n, axis, dtype):
    shape = (n, 3) if axis == 0 else (3, n)
    re, im = (RNG.standard_normal(shape).astype(dtype) for _ in range(2))
    z = re.astype(float) + 1j * im
    tolerance = {"float64": 1e-13, "float32": 1e-5, "float16": 2e-2}[dtype] * n
    for name in ("fft", "ifft"):
        found = run(lambda a, b, name=name: getattr(ag, name)(a, b, axis=axis), re, im)
        exact = getattr(np.fft, name)(z, axis=axis)
        assert found[0].dtype == found[1].dtype == dtype
        np.testing.assert_allclose(found, [exact.real, exact.imag], rtol=tolerance, atol=tolerance)
    half = run(lambda a: ag.rfft(a, axis=axis), re)
    exact = np.fft.rfft(re.astype(float), axis=axis)
    np.testing.assert_allclose(half, [exact.real, exact.imag], rtol=tolerance, atol=tolerance)
    (back,) = run(lambda a, b: [ag.irfft(a, b, n, axis)], *half)
    np.testing.assert_allclose(back, re, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft"])
@pytest.mark.parametrize("n", LENGTHS)
def test_gradients_are_those_of_torch(name, n):
    """Which gives d/d re + i d/d im for a complex number."""
    torch = pytest.importorskip("torch", reason="the peer")
    m = n // 2 + 1 if name == "irfft" else n
    parts = [RNG.standard_normal((2, m)) for _ in range(1 if name == "rfft" else 2)]
    options = {"n": n} if name == "irfft" else {}
    z = torch.tensor(parts[0] if name == "rfft" else parts[0] + 1j * parts[1], requires_grad=True)
    y = getattr(torch.fft, name)(z, **options)
    weights = [RNG.standard_normal(tuple(y.shape)) for _ in range(1 if name == "irfft" else 2)]
    there = [y] if name == "irfft" else [y.real, y.imag]
    sum((p.sin() * torch.tensor(w)).sum() for p, w in zip(there, weights, strict=True)).backward()

    def slopes(*xs):
        made = getattr(ag, name)(*xs, **options)
        here = [made] if name == "irfft" else made
        return ag.grad(ag.add_n(*((ag.sin(p) * w).sum() for p, w in zip(here, weights, strict=True))), list(xs))

    wanted = [z.grad.numpy()] if name == "rfft" else [z.grad.real.numpy(), z.grad.imag.numpy()]
    for ours, theirs in zip(run(slopes, *parts), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_a_product_of_spectra_is_a_cyclic_convolution():
    x, k = RNG.standard_normal((2, 9))
    a, b = ag.rfft(x)
    c, d = ag.rfft(k)
    y = ag.irfft(a * c - b * d, a * d + b * c, n=9).eval()
    np.testing.assert_allclose(y, [sum(x[j] * k[(i - j) % 9] for j in range(9)) for i in range(9)], atol=1e-12)


@pytest.mark.parametrize("n", [1, 3, 4, 7])
def test_numbers_are_cut_or_lengthened(n):
    re, im = RNG.standard_normal((2, 4, 2))
    for name in ("fft", "ifft"):
        exact = getattr(np.fft, name)(re + 1j * im, n, axis=0)
        found = [t.eval() for t in getattr(ag, name)(re, im, n, axis=0)]
        np.testing.assert_allclose(found, [exact.real, exact.imag], atol=1e-13)
    exact = np.fft.rfft(re, n, axis=0)
    np.testing.assert_allclose([t.eval() for t in ag.rfft(re, n, axis=0)], [exact.real, exact.imag], atol=1e-13)


def test_real_numbers_need_no_imaginary_parts():
    for ours, theirs in ((ag.fft([1, 2, 4]), np.fft.fft([1, 2, 4])), (ag.ifft([1, 2, 4]), np.fft.ifft([1, 2, 4]))):
        np.testing.assert_allclose([t.eval() for t in ours], [theirs.real, theirs.imag], atol=1e-13)


X = ag.placeholder("x", (3, 4))
ERRORS = [
    (lambda: ag.constant(1j), "dtype complex128 is not supported (complex numbers are pairs of floats: ag.fft)"),
    (lambda: ag.fft(X, X[:2]), "fft: real parts (3, 4) and imaginary parts (2, 4) must have one shape"),
    (lambda: ag.ifft(ag.fft(X)), "ifft: takes both parts by themselves, got a pair: write ifft(*pair)"),
    (lambda: ag.rfft(ag.fft(X)), "rfft: takes both parts by themselves, got a pair"),
    (lambda: ag.fft(X[:, :0]), "fft: needs at least one element along axis 1"),
    (lambda: ag.rfft(X[:0], axis=0), "rfft: needs at least one element along axis 0 of (0, 4)"),
    (lambda: ag.rfft(X, n=0.5), "rfft: n is a whole number of 1 or more, got 0.5"),
    (lambda: ag.fft(ag.placeholder("u", (None,)), n=3), "fft: to choose n=3 the length of axis 0 must be known"),
    (lambda: ag.rfft(X > 0), "rfft: takes numbers, got bool(3, 4)"),
    (lambda: ag.irfft(X, X, n=9), "irfft: the pairs of 9 numbers (3, 5, 2) and those given (3, 4, 2)"),
    (lambda: ag.irfft(X, X, n=0), "irfft: n is a whole number of 1 or more, got 0"),
    (lambda: ag.irfft(X[:, :1], X[:, :1]), "irfft: name n, as 1 pairs along axis 1 of (3, 1) do not tell it"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "words"), ERRORS)
def test_errors_name_the_op_and_the_shapes(call, words):
    refused(call, words)


def test_a_length_that_does_not_fit_is_an_error_when_the_graph_runs():
    x = ag.placeholder("x", (None,), "float64")
    f = ag.function(ag.irfft(x, x, n=9))
    with pytest.raises(ag.EngineError, match="the pairs of 9 numbers"):
        f(x=np.ones(1))
