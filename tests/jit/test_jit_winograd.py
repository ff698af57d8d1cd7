"""Convolutions by minimal filtering: right to the bound of the theory, direct where that bound says too little."""

import random
from itertools import product

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import agcli as ag
from agcli.engine.backends.jit.convolutions import direct, launch, winograd
from agcli.engine.backends.jit.convolutions.direct import Direct
from agcli.engine.backends.jit.convolutions.direct_text import Conv
from agcli.engine.ops.convolution import Conv as ConvOp
from agcli.engine.ops.convolution import ConvInputGrad, ConvWeightGrad
from agcli.engine.ops.windows import window

pytestmark = pytest.mark.numeric

PATCH = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
WEIGHTS = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
OUTPUTS = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])
COTANGENTS = np.array([[1, 0], [0.5, 0.5], [0.5, -0.5], [0, 1]])
TAPS = np.array([[1, 1, 1, 0], [0, 1, -1, 0], [0, 1, 1, -1]])
UNIT = 2.0**-24
CASES = {  # shapes of images and weights, and the padding
    "same": ((2, 8, 6, 16), (3, 3, 16, 16), "same"),
    "valid": ((2, 8, 10, 5), (3, 3, 5, 20), "valid"),
    "odd lengths": ((3, 7, 9, 17), (3, 3, 17, 33), "same"),
    "uneven": ((1, 9, 6, 20), (3, 3, 20, 7), ((2, 0), (0, 1))),
    "wider than the window": ((2, 5, 6, 3), (3, 3, 3, 40), 2),
    "one tile": ((1, 4, 4, 9), (3, 3, 9, 9), "valid"),
    "three by two": ((2, 3, 2, 8), (3, 3, 8, 16), "same"),
    "several blocks": ((1, 22, 21, 4), (3, 3, 4, 16), "same"),
    "many channels": ((1, 4, 6, 70), (3, 3, 70, 130), "same"),
}


@pytest.fixture(autouse=True)
def used(monkeypatch, own_kernels, policy):
    """Every convolution that can is computed so, however small; the texts of its kernels are kept in a list."""
    monkeypatch.setattr(direct, "LEAST", 0)
    policy(min_gain=0)
    monkeypatch.setattr(winograd, "SAVES", float("inf"))
    texts, compiled = [], winograd.compiled
    monkeypatch.setattr(winograd, "compiled", lambda text: texts.append(text) or compiled(text))
    forget()
    yield texts
    forget()


def forget():
    for cached in (winograd.forward_blocks, winograd.weights_blocks):
        cached.cache_clear()


def run(make, inputs, like, padding, workers=1):
    """One of the three compiled ops on arrays, and the same by NumPy."""
    op, out, expected = make(window(1, 1, padding, "test"), 1), np.empty_like(like), np.empty_like(like)
    Direct(op, workers > 1).bind(inputs, out)()
    with np.errstate(all="ignore"):
        op.kernel(*inputs, out=expected)
    return out, expected


def rows_of(x, w, y):
    """The three ops with their inputs and the array that their result is like."""
    return {ConvOp: ((x, w), y), ConvInputGrad: ((y, w, x), x), ConvWeightGrad: ((x, y, w), w)}


def arrays(case, draw):
    """Images, weights and outputs."""
    x, w, padding = CASES[case]
    counts = window(1, 1, padding, "test").counts(x[1:3], w[:2])
    return [draw(s).astype("f") for s in (x, w, (x[0], *counts, w[3]))], padding


@pytest.mark.parametrize("make", [ConvOp, ConvInputGrad, ConvWeightGrad])
@pytest.mark.parametrize("case", CASES)
def test_whole_numbers_are_exact(case, make, used):
    """Halves and quarters of small numbers are exact, so every order of sums gives the same."""
    rng = np.random.default_rng(0)
    three, padding = arrays(case, lambda s: rng.integers(-3, 4, s))
    inputs, like = rows_of(*three)[make]
    np.testing.assert_array_equal(*run(make, inputs, like, padding))
    assert len(used) == 1


@pytest.mark.parametrize("width", [16, 32, 64])
@pytest.mark.parametrize("case", ["odd lengths", "uneven", "many channels"])
def test_other_registers(monkeypatch, case, width, used):
    """What machines with vectors of another length run."""
    monkeypatch.setattr(direct, "register_width", lambda: width)
    rng = np.random.default_rng(1)
    three, padding = arrays(case, lambda s: rng.integers(-3, 4, s))
    for make, (inputs, like) in rows_of(*three).items():
        np.testing.assert_array_equal(*run(make, inputs, like, padding))
    assert len(used) == 3


@pytest.mark.parametrize("seed", range(8))
def test_random_shapes(monkeypatch, seed, used):
    """Also of no image, in blocks of other lengths, on other machines, and with threads."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    monkeypatch.setattr(launch, "SHARED", 0)
    monkeypatch.setattr(winograd, "CACHE", draw.choice([1, 1 << 14, 1 << 17]))
    width, threads = draw.choice([16, 32, 64]), draw.randint(1, 3)
    monkeypatch.setattr(direct, "register_width", lambda: width)
    monkeypatch.setattr(direct, "workers", lambda: threads)
    channels, outputs = (draw.choice([1, 3, 7, 16, 17, 32, 40]) for _ in range(2))
    padding = draw.choice(["same", 1, 2, ((0, 1), (1, 0)), ((2, 1), (0, 2))])
    x = rng.integers(-3, 4, (draw.choice([0, 1, 2, 5]), draw.randint(3, 12), draw.randint(3, 12), channels))
    w = rng.integers(-3, 4, (3, 3, channels, outputs))
    y = rng.integers(-3, 4, (len(x), *window(1, 1, padding, "test").counts(x.shape[1:3], (3, 3)), outputs))
    for make, (inputs, like) in rows_of(*(a.astype("f") for a in (x, w, y))).items():
        np.testing.assert_array_equal(*run(make, inputs, like, padding, 2))
    assert len(used) == (3 if len(x) else 0)


def padded(x, padding):
    rows, columns = window(1, 1, padding, "test").axes(x.shape[1:3], (3, 3))
    return np.pad(x, ((0, 0), (rows.before, rows.after), (columns.before, columns.after), (0, 0)))


def tiles_of(height, width):
    """First outputs of all tiles; the last of an odd number overlaps."""
    return product(*(sorted({min(i, n - 2) for i in range(0, n, 2)}) for n in (height, width)))


def twice(matrix, x):
    """|matrix| x |matrix|' over the first two axes."""
    return np.einsum("ai,bj,ij...->ab...", np.abs(matrix), np.abs(matrix), x)


def bound_of_outputs(x, w, y, padding):
    """Higham's bound (Accuracy and Stability, 3.1): roundings on the way of a number times the sum of magnitudes."""
    x, g = np.abs(padded(x, padding)).astype("d"), twice(WEIGHTS, np.abs(w).astype("d"))
    bound = np.zeros(y.shape)
    for i, j in tiles_of(*y.shape[1:3]):
        d = twice(PATCH, x[:, i : i + 4, j : j + 4].transpose(1, 2, 0, 3))
        tile = twice(OUTPUTS, np.einsum("abnc,abck->abnk", d, g)).transpose(2, 0, 1, 3)
        part = bound[:, i : i + 2, j : j + 2]
        np.maximum(part, tile, out=part)
    roundings = 2 + 4 + (w.shape[2] + 1) + 4  # patches, weights, products with their sum, outputs
    return bound * UNIT * roundings / (1 - UNIT * roundings)


def bound_of_weights(x, y, w, padding):
    """The same for the gradient in the weights; a cotangent counts in one tile."""
    x, y, seen = np.abs(padded(x, padding)).astype("d"), np.abs(y).astype("d"), np.zeros(y.shape[1:3], bool)
    total, count = np.zeros((4, 4, *w.shape[2:])), 0
    for i, j in tiles_of(*y.shape[1:3]):
        own = ~seen[i : i + 2, j : j + 2]
        seen[i : i + 2, j : j + 2] = True
        d = twice(PATCH, x[:, i : i + 4, j : j + 4].transpose(1, 2, 0, 3))
        g = y[:, i : i + 2, j : j + 2] * own[None, :, :, None]
        total += np.einsum("abnc,abnk->abck", d, twice(COTANGENTS, g.transpose(1, 2, 0, 3)))
        count += 1
    roundings = 2 + 2 + (2 * count * len(x) + 1) + launch.SHARED.bit_length() + 4  # and a few sums of sums
    return twice(TAPS, total) * UNIT * roundings / (1 - UNIT * roundings)


def exact(make, inputs, like, padding):
    """By NumPy in float64."""
    out = np.empty(like.shape)
    make(window(1, 1, padding, "test"), 1).kernel(*(x.astype("d") for x in inputs), out=out)
    return out


@pytest.mark.parametrize("case", CASES)
def test_errors_are_within_the_bound_of_the_theory(case, used):
    rng = np.random.default_rng(2)
    (x, w, y), padding = arrays(case, rng.standard_normal)
    found, _ = run(ConvOp, (x, w), y, padding)
    assert (np.abs(found - exact(ConvOp, (x, w), y, padding)) <= bound_of_outputs(x, w, y, padding)).all()
    found, _ = run(ConvWeightGrad, (x, y, w), w, padding)
    assert (np.abs(found - exact(ConvWeightGrad, (x, y, w), w, padding)) <= bound_of_weights(x, y, w, padding)).all()
    assert len(used) == 2


def agree(found, expected):
    """Not finite in the same places, in the same way, and close elsewhere."""
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("make", [ConvOp, ConvInputGrad, ConvWeightGrad])
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_where_it_is_read(monkeypatch, make, number, used):
    """As the direct kernels do it; NumPy's do not multiply a weight with zeros of the border."""
    for which in range(2):
        rng = np.random.default_rng(3)
        three, padding = arrays("odd lengths", rng.standard_normal)
        inputs, like = rows_of(*three)[make]
        bad = inputs[which]
        if bad.shape[:2] == (3, 3):
            bad[0, 2, 1, 4] = number
        else:
            bad[1, 0, 3, 2] = bad[2, 6, 5, 0] = bad[2, 3, 3, 3] = number
        found, expected = run(make, inputs, like, padding)
        if bad.shape[:2] != (3, 3):
            agree(found, expected)
        with monkeypatch.context() as patch:
            patch.setattr(winograd, "SAVES", 0)
            forget()
            expected, _ = run(make, inputs, like, padding)
        forget()
        assert 0 < np.isfinite(expected).sum() < expected.size
        agree(found, expected)
    assert len(used) == 2


def test_what_overflows_on_the_way_only(used):
    """Sums of inputs and of weights are too large, each output is not."""
    rng = np.random.default_rng(4)
    (x, w, y), padding = arrays("same", rng.standard_normal)
    large = np.float32(2.5e38) * np.sign(x)
    small = w * np.float32(1e-3)
    found, expected = run(ConvOp, (large, small), y, padding)
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(found / 1e38, expected / 1e38, rtol=1e-5, atol=1e-5)
    cotangents = np.where(rng.random(y.shape) < 0.01, np.float32(1e-2) * y, 0)  # few, so that sums are not too large
    found, expected = run(ConvWeightGrad, (large, cotangents, w), w, padding)
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(found / 1e38, expected / 1e38, rtol=1e-5, atol=1e-5)


def test_a_large_number_spoils_only_what_reads_it(used):
    """A mark for what is missing, 1e20, beside ordinary numbers; and outputs that see zeros alone are zeros."""
    rng = np.random.default_rng(5)
    (x, w, y), padding = arrays("several blocks", rng.standard_normal)
    x[0, 5, 6, 2], x[0, 14, 9, 0] = 1e20, -1e20
    x[0, :, 15:] = 0
    found, expected = run(ConvOp, (x, w), y, padding)
    ordinary = np.abs(expected).max(-1) < 1e3
    assert 0 < (~ordinary).sum() == 18
    np.testing.assert_allclose(found[ordinary], expected[ordinary], rtol=0, atol=1e-4)
    assert (found[:, :, 16:] == 0).all()


def test_weights_that_see_only_zeros_have_no_gradient(used):
    """Nor any that is rounding; beside inputs of very different size, and among weights that have one."""
    rng = np.random.default_rng(9)
    (x, w, y), padding = arrays("three by two", rng.standard_normal)
    x[:, 1:], y[:, 2:] = 0, 0
    found, expected = run(ConvWeightGrad, (x, y, w), w, padding)
    assert (expected[2] == 0).all()
    assert (expected[:2] != 0).any()
    assert (found[2] == 0).all()
    x[:, 2] = 1e-6 * rng.standard_normal(x[:, 2].shape)
    found, expected = run(ConvWeightGrad, (x, y, w), w, padding)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6 * np.abs(b).max())


def test_threads_share_the_images(monkeypatch, used):
    """Also more of them than images; bits do not depend on how many there are."""
    monkeypatch.setattr(launch, "SHARED", 0)
    rng = np.random.default_rng(6)
    three, padding = arrays("odd lengths", rng.standard_normal)
    for make, (inputs, like) in rows_of(*three).items():
        found = []
        for threads in (1, 2, 5):
            monkeypatch.setattr(direct, "workers", lambda threads=threads: threads)
            found.append(run(make, inputs, like, padding, 2)[0])
        for other in found[1:]:
            np.testing.assert_array_equal(other, found[0])


def test_calls_follow_feeds_that_move(monkeypatch, used):
    """Large feeds are used where they lie: other arrays at every call."""
    x, w = ag.placeholder("x", (40, 20, 20, 8)), ag.placeholder("w", (3, 3, 8, 16))
    y = ag.conv2d(x, w, padding="same")
    f, plain = (ag.function([y, *ag.grad(ag.sum(y), [x, w])], inputs=[x, w]) for _ in range(2))
    rng = np.random.default_rng(7)
    feeds = [[rng.integers(-2, 3, t.shape).astype("f") for t in (x, w)] for _ in range(2)]
    monkeypatch.setenv("AG_BACKEND", "numpy")
    expected = [plain(*arrays) for arrays in feeds]
    monkeypatch.delenv("AG_BACKEND")
    for n in (0, 1, 1, 0):
        for a, b in zip(f(*feeds[n]), expected[n], strict=True):
            np.testing.assert_array_equal(a, b)
    assert len(used) == 3


@pytest.mark.parametrize(("padding", "size"), [("same", (9, 11)), ("valid", (8, 8)), (2, (5, 6))])
def test_pools_of_two_by_two_take_the_outputs_of_a_tile(monkeypatch, padding, size, used):
    x, w = ag.placeholder("x", (3, *size, 5)), ag.placeholder("w", (3, 3, 5, 21))
    y = ag.max_pool2d(ag.conv2d(x, w, padding=padding), size=2)
    fetches = [y, *ag.grad(ag.sum(y * y), [x, w])]
    rng = np.random.default_rng(8)
    feeds = [rng.integers(-2, 3, t.shape).astype("f") for t in (x, w)]  # with ties
    feeds[0][1, 2, 3, 0] = np.nan
    plain, fast = (ag.function(fetches, inputs=[x, w]) for _ in range(2))
    monkeypatch.setenv("AG_BACKEND", "numpy")
    expected = plain(*feeds)
    monkeypatch.delenv("AG_BACKEND")
    for a, b in zip(fast(*feeds), expected, strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(used) == 3


def chosen(channels, outputs, images=64, size=32, window_size=3, dtype="float", **keywords):
    op = window(keywords.get("strides", 1), keywords.get("dilation", 1), "same", "test")
    rows, columns = op.axes((size, size), (window_size, window_size))
    conv = Conv(dtype, rows, columns, channels, outputs, (0, 0, 0), keywords.get("depthwise", False))
    if not winograd.applies(conv):
        return False, False
    problems = [winograd.Problem(conv, 16, 32, added=added) for added in (False, True)]
    return tuple(p.saves(p.best(), images) for p in problems)


def test_a_model_of_cost_chooses(monkeypatch):
    monkeypatch.undo()
    both, neither = (True, True), (False, False)
    assert chosen(32, 32) == chosen(64, 64, size=16) == chosen(128, 128, size=8) == chosen(64, 32, size=14) == both
    assert chosen(1, 32) == chosen(3, 64) == chosen(4, 16) == neither  # transforms cost as much as they save
    assert chosen(256, 256, images=1, size=2) == neither  # weights are transformed for one tile
    assert chosen(32, 32, dtype="double") == chosen(32, 32, depthwise=True) == neither
    assert chosen(32, 32, window_size=5) == chosen(32, 32, strides=2) == chosen(32, 32, dilation=2) == neither
