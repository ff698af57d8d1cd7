"""Convolutions and pools against loops, SciPy and closed forms."""

import itertools

import numpy as np
import pytest
from scipy import signal

from agcli.engine import functional as fn
from agcli.engine.function import Function, function
from agcli.engine.gradient import grad
from agcli.engine.graph import as_tensor
from agcli.engine.leaves import placeholder, variable
from agcli.engine.ops import convolution as cv
from agcli.engine.ops import patches, pooling
from agcli.engine.ops.cross_entropy import sparse_softmax_cross_entropy
from agcli.engine.ops.elementwise import square
from agcli.engine.ops.reductions import mean, sum
from agcli.engine.ops.windows import window
from agcli.engine.testing import check_grads

pytestmark = pytest.mark.numeric

RNG = np.random.default_rng(7)


def draw(*shape):
    return RNG.standard_normal(shape)


def run(f, *arrays):
    """The value of ``f`` of placeholders at arrays."""
    xs = [placeholder(f"x{i}", a.shape, a.dtype) for i, a in enumerate(map(np.asarray, arrays))]
    return Function(f(*xs), inputs=xs)(*arrays)


def same(a, b, rtol=1e-12):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


# Convolutions -------------------------------------------------------------------------------------------------
def both(value):
    return value if isinstance(value, tuple) else (value, value)


def padding_of(x, kernel, strides, dilation, padding):
    """(before, after) of both axes, by the definitions."""
    if padding == "valid":
        return ((0, 0), (0, 0))
    if padding == "same":
        sides = []
        for length, k, s, d in zip(x.shape[1:3], kernel, strides, dilation, strict=True):
            total = max((-(-length // s) - 1) * s + (k - 1) * d + 1 - length, 0)
            sides.append((total // 2, total - total // 2))
        return tuple(sides)
    return tuple(both(p) for p in both(padding))


def loop_conv(x, w, strides=1, padding="valid", *, dilation=1, groups=1):
    """The convolution by its definition, one output at a time."""
    strides, dilation = both(strides), both(dilation)
    x = np.pad(x, ((0, 0), *padding_of(x, w.shape[:2], strides, dilation, padding), (0, 0)))
    kh, kw, inner, outputs = w.shape
    spans = [(k - 1) * d + 1 for k, d in zip((kh, kw), dilation, strict=True)]
    counts = [(n - span) // s + 1 for n, span, s in zip(x.shape[1:3], spans, strides, strict=True)]
    y = np.zeros((len(x), *counts, outputs))
    for i, j, f in itertools.product(*map(range, (*counts, outputs))):
        g = f // (outputs // groups)
        for a, b in itertools.product(range(kh), range(kw)):
            seen = x[:, i * strides[0] + a * dilation[0], j * strides[1] + b * dilation[1]]
            y[:, i, j, f] += seen[:, g * inner : (g + 1) * inner] @ w[a, b, :, f]
    return y


CONVOLUTIONS = {
    "plain": ((2, 6, 5, 3), (3, 2, 3, 4), {}),
    "one by one": ((2, 4, 5, 3), (1, 1, 3, 2), {}),
    "one by one, strided": ((2, 4, 5, 3), (1, 1, 3, 2), {"strides": 2}),
    "same": ((2, 6, 5, 3), (3, 4, 3, 2), {"padding": "same"}),
    "same, strided": ((1, 7, 6, 2), (3, 3, 2, 2), {"padding": "same", "strides": (2, 3)}),
    "strides larger than the window": ((1, 8, 9, 2), (2, 2, 2, 2), {"strides": 3}),
    "dilated": ((1, 8, 9, 2), (3, 2, 2, 2), {"dilation": (2, 3)}),
    "explicit": ((1, 5, 5, 1), (3, 3, 1, 2), {"padding": ((2, 0), (1, 3))}),
    "wide padding": ((1, 2, 2, 1), (2, 2, 1, 1), {"padding": 3}),
    "everything": ((2, 9, 8, 2), (3, 2, 2, 3), {"padding": (2, 1), "strides": (2, 1), "dilation": (2, 3)}),
    "groups": ((2, 5, 5, 6), (3, 3, 3, 4), {"groups": 2}),
    "groups, one by one": ((2, 5, 5, 6), (1, 1, 3, 4), {"groups": 2}),
    "groups, all": ((1, 7, 6, 4), (3, 2, 2, 6), {"groups": 2, "padding": "same", "strides": 2}),
    "depthwise": ((2, 5, 6, 3), (3, 3, 1, 3), {"groups": 3, "padding": "same"}),
    "depthwise, two each": ((2, 5, 6, 3), (2, 3, 1, 6), {"groups": 3, "strides": 2, "dilation": 2, "padding": 2}),
    "single channel": ((3, 6, 6, 1), (3, 3, 1, 8), {"padding": "same"}),
}


@pytest.fixture(params=[1 << 19, 3000, 1], ids=["one block", "few images a block", "bands of rows"])
def blocks(request, monkeypatch):
    """Blocks of several sizes, as small images would all fit into one."""
    monkeypatch.setattr(patches, "BLOCK", request.param)


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_conv2d_and_its_gradients(case):
    """The value, and the two gradients as the transposes of two linear maps: <g, conv(x, w)> whichever way."""
    shape, weights, kwargs = CONVOLUTIONS[case]
    x, w = draw(*shape), draw(*weights)
    y = loop_conv(x, w, **kwargs)
    g = draw(*y.shape)
    xs = [placeholder("x", x.shape, "float64"), placeholder("w", w.shape, "float64")]
    out = cv.conv2d(*xs, **kwargs)
    f = Function([out, *grad(out, xs, as_tensor(g))], inputs=xs)
    for _ in range(2):  # a second run finds the scratch as the first left it
        value, gx, gw = f(x, w)
        same(value, y)
    other_x, other_w = draw(*shape), draw(*weights)
    same((gx * other_x).sum(), (g * loop_conv(other_x, w, **kwargs)).sum(), 1e-10)
    same((gw * other_w).sum(), (g * loop_conv(x, other_w, **kwargs)).sum(), 1e-10)


def test_conv2d_is_scipys_correlation():
    x, w = draw(1, 7, 8, 1), draw(3, 2, 1, 1)
    same(run(cv.conv2d, x, w)[0, :, :, 0], signal.correlate2d(x[0, :, :, 0], w[:, :, 0, 0], "valid"))


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_conv2d_transpose_is_the_transpose(case):
    """<conv(x, w), y> = <x, conv_transpose(y, w)>, for the shortest x that has such a y."""
    shape, weights, kwargs = CONVOLUTIONS[case]
    if case == "wide padding":
        kwargs = {"padding": 1}
    w = draw(*weights)
    y = draw(*loop_conv(draw(*shape), w, **kwargs).shape)
    back = run(lambda y, w: cv.conv2d_transpose(y, w, **kwargs), y, w)
    x = draw(*back.shape)
    forward = loop_conv(x, w, **kwargs)
    assert forward.shape == y.shape
    same((forward * y).sum(), (x * back).sum(), 1e-10)


@pytest.mark.parametrize(
    ("length", "k", "strides", "padding", "expected"),
    [(5, 3, 2, "same", 10), (5, 3, 2, "valid", 11), (5, 3, 2, 1, 9), (4, 2, 2, "valid", 8), (4, 3, 1, (1, 0), 5)],
)
def test_conv1d_transpose_lengths(length, k, strides, padding, expected):
    y = cv.conv1d_transpose(as_tensor(draw(2, length, 3)), as_tensor(draw(k, 4, 3)), strides=strides, padding=padding)
    assert y.shape == (2, expected, 4)


def test_conv1d_is_numpys_correlation_and_can_be_causal():
    x, w = draw(1, 9, 1), draw(3, 1, 1)
    same(run(cv.conv1d, x, w)[0, :, 0], np.correlate(x[0, :, 0], w[:, 0, 0], "valid"))
    causal = run(lambda x, w: cv.conv1d(x, w, padding=(4, 0), dilation=2), x, w)
    later = x.copy()
    later[0, 5:] = 0
    same(causal[0, :5], run(lambda x, w: cv.conv1d(x, w, padding=(4, 0), dilation=2), later, w)[0, :5])
    assert causal.shape == (1, 9, 1)


def test_conv2d_of_unknown_lengths():
    x = placeholder("x", (None, None, None, 2), "float64")
    w = variable(draw(3, 3, 2, 4))
    y = cv.conv2d(x, w, strides=2, padding="same")
    assert y.shape == (None, None, None, 4)
    big = cv.conv2d_transpose(y, w, strides=2, padding="same")
    assert big.shape == (None, None, None, 2)
    f = Function([y, big, grad(sum(square(big)), w)])
    for n, h in ((2, 5), (1, 8)):
        a = draw(n, h, h, 2)
        value, back, _ = f(x=a)
        same(value, loop_conv(a, w.value, 2, "same"))
        assert back.shape == (n, 2 * -(-h // 2), 2 * -(-h // 2), 2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_conv2d_of_an_empty_batch_has_zero_gradients(dtype):
    x, w = placeholder("x", (None, 4, 4, 2), dtype), variable(np.ones((3, 3, 2, 2), dtype))
    dw = function(grad(sum(cv.conv2d(x, w)), w))(x=np.zeros((0, 4, 4, 2), dtype))
    assert dw.dtype == dtype
    assert not dw.any()


def test_convolution_writes_no_more_than_its_blocks(monkeypatch):
    """The patches of many images are never in memory at once."""
    monkeypatch.setattr(patches, "BLOCK", 10_000)
    x, w = np.zeros((50, 9, 9, 2)), np.zeros((3, 3, 2, 4))
    axes = window(1, 1, "same", "conv2d").axes((9, 9), (3, 3))
    assert patches.Patches(x, axes, 1).columns.nbytes <= 2 * 10_000 < x.nbytes * w[..., 0].size // 2


# Pools --------------------------------------------------------------------------------------------------------
def loop_pool(x, reduce, size, strides, padding):
    sizes, strides = both(size), both(size if strides is None else strides)
    sides = padding_of(x, sizes, strides, (1, 1), padding)
    x = np.pad(x, ((0, 0), *sides, (0, 0)), constant_values=np.nan)
    counts = [(n - k) // s + 1 for n, k, s in zip(x.shape[1:3], sizes, strides, strict=True)]
    y = np.empty((len(x), *counts, x.shape[3]))
    for i, j in itertools.product(*map(range, counts)):
        a, b = i * strides[0], j * strides[1]
        y[:, i, j] = reduce(x[:, a : a + sizes[0], b : b + sizes[1]], axis=(1, 2))
    return y


POOLS = {
    "disjoint": ((2, 4, 6, 3), 2, None, "valid"),
    "a rest": ((2, 5, 7, 3), 2, None, "valid"),
    "overlapping": ((2, 7, 7, 2), 3, 2, "valid"),
    "gaps": ((1, 7, 8, 2), 2, 3, "valid"),
    "same": ((1, 5, 6, 2), (3, 2), (2, 2), "same"),
    "padded": ((1, 5, 6, 2), 3, 1, ((1, 0), (2, 1))),
    "one": ((1, 3, 3, 2), 1, None, "valid"),
    "many taps": ((1, 18, 18, 1), 17, 1, "valid"),
}


@pytest.mark.parametrize("case", POOLS)
@pytest.mark.parametrize(("pool", "reduce"), [(pooling.max_pool2d, np.nanmax), (pooling.avg_pool2d, np.nanmean)])
def test_pools(pool, reduce, case):
    """The value, and the gradient: at distinct elements, a pool is linear nearby."""
    shape, size, strides, padding = POOLS[case]
    x = RNG.permutation(np.prod(shape)).reshape(shape) / 10.0
    expected = loop_pool(x, reduce, size, strides, padding)
    p = placeholder("x", shape, "float64")
    y = pool(p, size, strides, padding)
    g = draw(*expected.shape)
    value, gx = Function([y, grad(y, p, as_tensor(g))], inputs=[p])(x)
    same(value, expected)
    step = draw(*shape) * 1e-3
    moved = loop_pool(x + step, reduce, size, strides, padding) - expected
    same((gx * step).sum(), (g * moved).sum(), 1e-10)


def test_max_pool_gives_a_tie_to_the_first_and_keeps_infinities():
    x = placeholder("x", (1, 2, 4, 1), "float64")
    y = pooling.max_pool2d(x)
    g = np.array([3.0, np.inf]).reshape(1, 1, 2, 1)
    gx = function(grad(y, x, as_tensor(g)))(x=np.array([[1.0, 5, 0, 0], [5, 5, 0, 0]]).reshape(1, 2, 4, 1))
    np.testing.assert_array_equal(gx[0, :, :, 0], [[0, 3, np.inf, 0], [0, 0, 0, 0]])


def test_global_pools():
    x = draw(2, 3, 4, 5)
    same(run(pooling.global_avg_pool, x), x.mean((1, 2)))
    same(run(pooling.global_max_pool, x), x.max((1, 2)))


# Second derivatives, which are easily lost ----------------------------------------------------------------
def test_second_derivative_of_max_pool():
    """f = sum(pool(x)^3): the second derivative is 6 x at the largest elements, and 0 elsewhere."""
    x = RNG.permutation(np.arange(32.0)).reshape(1, 4, 4, 2)
    t = placeholder("x", x.shape, "float64")
    y = pooling.max_pool2d(t)
    second = Function(grad(sum(grad(sum(y * y * y), t)), t), inputs=[t])(x)
    top = np.repeat(np.repeat(loop_pool(x, np.nanmax, 2, None, "valid"), 2, 1), 2, 2)
    same(second, np.where(x == top, 6 * x, 0))


def test_second_derivative_of_conv2d():
    """f = sum(conv(x, w)^2) / 2: the mixed derivative along v in x and u in w is known in closed form."""
    x, w, v = draw(1, 4, 4, 2), draw(2, 2, 2, 3), draw(1, 4, 4, 2)
    a, b = placeholder("x", x.shape, "float64"), placeholder("w", w.shape, "float64")
    loss = 0.5 * sum(square(cv.conv2d(a, b)))
    mixed = Function(grad(sum(grad(loss, a) * v), b), inputs=[a, b])(x, w)
    u = draw(*w.shape)
    expected = (loop_conv(x, u) * loop_conv(v, w) + loop_conv(x, w) * loop_conv(v, u)).sum()
    same((mixed * u).sum(), expected, 1e-10)


def test_a_small_network_differentiates_to_third_order():
    def network(x, w, scale):
        y = pooling.max_pool2d(cv.conv2d(x, w, padding="same"))
        return sparse_softmax_cross_entropy(mean(fn.batch_norm(y, scale), (1, 2)), np.array([0, 2]))

    check_grads(network, [draw(2, 4, 4, 2), draw(3, 3, 2, 3), draw(3)], order=3, tolerance=2e-5)
