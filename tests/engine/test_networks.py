"""Softmax, cross-entropies, losses, normalizations and dropout against SciPy, loops and closed forms."""

import numpy as np
import pytest
from scipy import special, stats

from agcli.engine import functional as fn
from agcli.engine.errors import DTypeError, FeedError, ShapeError
from agcli.engine.function import Function, function
from agcli.engine.gradient import grad
from agcli.engine.leaves import placeholder, variable
from agcli.engine.ops import binary_cross_entropy as binary
from agcli.engine.ops import convolution as cv
from agcli.engine.ops import cross_entropy as ce
from agcli.engine.ops import losses, nn, pooling
from agcli.engine.ops.elementwise import square
from agcli.engine.ops.keys import make_key, streams
from agcli.engine.ops.reductions import sum

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


# Softmax and cross-entropies --------------------------------------------------------------------------------------
@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 5), (7,), (2, 100), (5, 32), (5, 33)])
@pytest.mark.parametrize("axis", [0, -1])
def test_softmax_and_its_logarithm(shape, axis):
    x = draw(*shape)
    same(run(lambda x: nn.softmax(x, axis), x), special.softmax(x, axis))
    same(run(lambda x: nn.log_softmax(x, axis), x), special.log_softmax(x, axis))


def smoothed(labels, classes, s):
    return (1 - s) * np.eye(classes)[labels] + s / classes


@pytest.mark.parametrize("s", [0.0, 0.1])
@pytest.mark.parametrize("classes", [5, 70])
def test_cross_entropies_of_labels(s, classes):
    x, labels = draw(2, 3, classes), RNG.integers(0, classes, (2, 3))
    expected = -(smoothed(labels, classes, s) * special.log_softmax(x, -1)).sum(-1)
    for dtype in ("int64", "uint8", "int32", "uint64"):
        same(run(lambda x, t: ce.sparse_softmax_cross_entropy(x, t, s), x, labels.astype(dtype)), expected)
    same(run(lambda x, t: ce.softmax_cross_entropy(x, t, label_smoothing=s), x, np.eye(classes)[labels]), expected)


@pytest.mark.parametrize("labels", [[0, 4], [-1, 0]])
def test_labels_out_of_range_are_named(labels):
    bad = next(n for n in labels if not 0 <= n < 4)
    with pytest.raises(FeedError, match=f"label: index {bad} is outside of 0..3"):
        run(ce.sparse_softmax_cross_entropy, draw(2, 4), np.array(labels))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("label", [0, 1, 2])
@pytest.mark.parametrize("big", [1e4, 1e30, "limit"])
def test_cross_entropy_at_extreme_logits(dtype, label, big):
    """Finite values and exact gradients, also where the loss is as large as the numbers are."""
    big = float(np.finfo(dtype).max) / 2 if big == "limit" else big
    x = np.array([[big, 0.0, -big]], dtype)
    t = placeholder("x", (1, 3), dtype)
    loss = ce.sparse_softmax_cross_entropy(t, np.array([label]))
    dense = ce.softmax_cross_entropy(t, np.eye(3, dtype=dtype)[[label]])
    for y in (loss, dense):
        value, slope = Function([y, grad(sum(y), t)], inputs=[t])(x)
        same(value, x[:, 0] - x[:, label], 1e-6)
        same(slope, np.eye(3)[[0]] - np.eye(3)[[label]], 1e-6)


def test_second_derivative_of_softmax_cross_entropy():
    x, label = draw(4), 2
    p = special.softmax(x)
    hessian = np.diag(p) - np.outer(p, p)
    v = draw(4)
    t = placeholder("x", (4,), "float64")
    for loss in (
        ce.sparse_softmax_cross_entropy(t, np.array(label)),
        ce.softmax_cross_entropy(t, np.eye(4)[label]),
    ):
        same(Function(grad(sum(grad(loss, t) * v), t), inputs=[t])(x), hessian @ v)


# Losses -------------------------------------------------------------------------------------------------------
P, T, S = draw(4, 3), draw(4, 3), draw(4, 3)
Q1, Q2 = (special.softmax(a, -1) for a in (P, T))
BITS = RNG.random((4, 3)) < 0.5
SIGNS = 2.0 * BITS - 1
COUNTS = RNG.integers(0, 5, (4, 3)).astype(float)


def focal(x, t, gamma=2.0, alpha=None):
    p = np.where(t, special.expit(x), special.expit(-x))
    weight = 1 if alpha is None else np.where(t, alpha, 1 - alpha)
    return -weight * (1 - p) ** gamma * np.log(p)


VALUES = {
    "mean_squared_error": (losses.mean_squared_error, (P, T), ((P - T) ** 2).mean()),
    "mean_absolute_error": (losses.mean_absolute_error, (P, T), np.abs(P - T).mean()),
    "huber": (losses.huber, (P, T), special.huber(1.0, P - T)),
    "huber, wide": (lambda p, t: losses.huber(p, t, 2.0), (3 * P, T), special.huber(2.0, 3 * P - T)),
    "log_cosh": (losses.log_cosh, (P, T), np.log(np.cosh(P - T))),
    "hinge": (losses.hinge, (P, SIGNS), np.maximum(0, 1 - P * SIGNS)),
    "kl_divergence": (losses.kl_divergence, (Q1, Q2), special.rel_entr(Q2, Q1).sum(-1)),
    "poisson_nll": (
        lambda s, t: losses.poisson_nll(s, t, full=True), (P, COUNTS), -stats.poisson.logpmf(COUNTS, np.exp(P)),
    ),
    "gaussian_nll": (
        lambda m, s, t: losses.gaussian_nll(m, s, t, full=True), (P, S, T), -stats.norm.logpdf(T, P, np.exp(S / 2)),
    ),
    "sigmoid_focal_loss": (losses.sigmoid_focal_loss, (P, BITS), focal(P, BITS)),
    "sigmoid_focal_loss, weighed": (
        lambda x, t: losses.sigmoid_focal_loss(x, t, 1.5, 0.3), (P, BITS), focal(P, BITS, 1.5, 0.3),
    ),
    "sigmoid_cross_entropy": (
        binary.sigmoid_cross_entropy, (P, Q1), -(Q1 * special.log_expit(P) + (1 - Q1) * special.log_expit(-P)),
    ),
    "cosine_similarity": (
        losses.cosine_similarity, (P, T), (P * T).sum(-1) / np.linalg.norm(P, axis=-1) / np.linalg.norm(T, axis=-1),
    ),
    "negative_log_likelihood": (
        lambda p: losses.negative_log_likelihood(p, np.array([0, 2, 1, 1])), (P,), -P[np.arange(4), [0, 2, 1, 1]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", VALUES)
def test_losses_against_closed_forms(case):
    loss, arrays, expected = VALUES[case]
    same(run(loss, *arrays), expected)


EXTREME = {
    "mean_squared_error": losses.mean_squared_error,
    "mean_absolute_error": losses.mean_absolute_error,
    "huber": losses.huber,
    "log_cosh": losses.log_cosh,
    "hinge": losses.hinge,
    "sigmoid_cross_entropy": binary.sigmoid_cross_entropy,
    "sigmoid_focal_loss": losses.sigmoid_focal_loss,
    "softmax_cross_entropy": ce.softmax_cross_entropy,
    "cosine_similarity": losses.cosine_similarity,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", EXTREME)
def test_losses_stay_finite(name, dtype):
    x = placeholder("x", (5,), dtype)
    loss = sum(EXTREME[name](x, np.array([0, 1, 1, 0, 0], dtype)))
    slope = grad(loss, x)
    f = Function([loss, slope, grad(sum(slope * slope), x, allow_unused=True)], inputs=[x])
    for scale in (1e4, 1e2, 0.0):
        for value in f(scale * np.array([1, -1, 1, -1, 0], dtype)):
            assert np.isfinite(value).all()


@pytest.mark.parametrize("name", ["huber", "log_cosh"])
def test_smooth_losses_have_their_curvature_at_zero(name):
    x = placeholder("x", (), "float64")
    second = grad(grad(EXTREME[name](x, 0.0), x), x)
    same(Function(second, inputs=[x])(0.0), 1.0)


def test_log_cosh_is_exact_for_small_and_large_errors():
    x = np.array([1e-9, 1e-4, 1.0, 19.999, 20.001, 1e4])
    exact = [5e-19, 5e-9, np.log(np.cosh(1)), 19.999 - np.log(2), 20.001 - np.log(2), 1e4 - np.log(2)]
    np.testing.assert_allclose(run(losses.log_cosh, x, np.zeros(6)), exact, rtol=1e-8)


# Normalisations -------------------------------------------------------------------------------------------------
def standard(x, axes, epsilon=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


X = draw(3, 4, 5, 6)
A, B = draw(6), draw(6)
GROUPED = standard(X.reshape(3, 4, 5, 2, 3), (1, 2, 4)).reshape(X.shape)
NORMS = {
    "normalize": (lambda x, a, b: fn.normalize(x, (1, 3)), standard(X, (1, 3))),
    "layer_norm": (fn.layer_norm, standard(X, -1) * A + B),
    "instance_norm": (fn.instance_norm, standard(X, (1, 2)) * A + B),
    "group_norm": (lambda x, a, b: fn.group_norm(x, a, b, groups=2), GROUPED * A + B),
    "group_norm, one channel each": (lambda x, a, b: fn.group_norm(x, groups=6), standard(X, (1, 2))),
    "batch_norm": (fn.batch_norm, standard(X, (0, 1, 2)) * A + B),
    "batch_norm, axis 1": (lambda x, a, b: fn.batch_norm(x, a[:4], axis=1), standard(X, (0, 2, 3)) * A[:4, None, None]),
    "batch_norm, running": (
        lambda x, a, b: fn.batch_norm(x, mean=a, variance=square(b), epsilon=0), (X - A) / np.abs(B),
    ),
    "rms_norm": (lambda x, a, b: fn.rms_norm(x, a), X / np.sqrt((X**2).mean(-1, keepdims=True) + 1e-6) * A),
}  # fmt: skip


@pytest.mark.parametrize("case", NORMS)
def test_normalisations(case):
    norm, expected = NORMS[case]
    same(run(norm, X, A, B), expected, 1e-10)


def test_group_norm_of_unknown_lengths():
    x = placeholder("x", (None, None, None, 6), "float64")
    same(Function(fn.group_norm(x, groups=2), inputs=[x])(X), GROUPED, 1e-10)


def test_running_statistics_follow_the_batches():
    x = placeholder("x", (None, 2), "float64")
    running = [variable(np.zeros(2)), variable(np.ones(2))]
    y, *news = fn.batch_norm_train(x, None, None, *running, momentum=0.75)
    train = function(y, updates=dict(zip(running, news, strict=True)))
    expected = [np.zeros(2), np.ones(2)]
    for _ in range(3):
        a = draw(8, 2) * 2 + 1
        same(train(x=a), standard(a, 0))
        expected = [0.75 * old + 0.25 * new for old, new in zip(expected, (a.mean(0), a.var(0)), strict=True)]
    for v, e in zip(running, expected, strict=True):
        same(v.value, e)


def test_normalising_a_constant_is_finite():
    t = placeholder("x", (2, 4), "float32")
    for norm in (fn.normalize, fn.rms_norm, fn.batch_norm):
        f = Function([norm(t), grad(sum(norm(t) * A[:4].astype("float32")), t)], inputs=[t])
        for value in (*f(np.zeros((2, 4), "float32")), *f(np.full((2, 4), 1e4, "float32"))):
            assert np.isfinite(value).all()


# Dropout --------------------------------------------------------------------------------------------------------
N = 40_000


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dropout_keeps_the_right_share_and_the_mean(rate, dtype):
    x = placeholder("x", (N,), dtype)
    value = function(fn.dropout(x, rate), seed=3)(x=np.ones(N, dtype))
    kept = np.count_nonzero(value)
    assert abs(kept - N * (1 - rate)) < 4 * np.sqrt(N * rate * (1 - rate))
    np.testing.assert_allclose(value[value != 0], 1 / (1 - rate), rtol=1e-4)


def test_dropout_draws_afresh_at_every_op_and_call_and_repeats_from_the_seed():
    x = placeholder("x", (N,))
    masks = [fn.dropout(x, 0.5), fn.dropout(x, 0.5)]
    with streams():
        inside = [fn.dropout(x, 0.5), fn.dropout(x, 0.5)]
    ones = np.ones(N, "float32")
    f = function([*masks, *inside], seed=1)
    draws = [a / 2 for _ in range(2) for a in f(x=ones)]
    correlation = np.corrcoef(draws) - np.eye(len(draws))
    assert np.abs(correlation).max() < 5 / np.sqrt(N)
    again = function([*masks, *inside], seed=1)
    np.testing.assert_array_equal([a / 2 for _ in range(2) for a in again(x=ones)], draws)
    other = function(masks, seed=2)(x=ones)
    assert abs(np.corrcoef(other[0], draws[0])[0, 1]) < 5 / np.sqrt(N)


def test_dropout_masks_are_free_of_patterns():
    """Neighbours, also those cut from one word of 64 random bits, are independent."""
    mask = function(fn.dropout(placeholder("x", (N,)), 0.5), seed=9)(x=np.ones(N, "float32")) - 1
    for lag in range(1, 9):
        assert abs(np.mean(mask[lag:] * mask[:-lag])) < 4 / np.sqrt(N)


def test_gradient_of_dropout_uses_the_mask_of_the_value():
    x = placeholder("x", (1000,), "float64")
    y = fn.dropout(x, 0.3)
    value, slope = function([y, grad(sum(y), x)])(x=np.ones(1000))
    np.testing.assert_array_equal(value, slope)


def test_dropout_of_a_key_repeats_and_clears_even_infinities():
    x = placeholder("x", (None,))
    f = function(fn.dropout(x, 0.5, key=make_key(5)))
    a = f(x=np.full(100, np.inf, "float32"))
    np.testing.assert_array_equal(a, f(x=np.full(100, np.inf, "float32")))
    assert set(np.unique(a)) == {0, np.inf}


# Embedding ---------------------------------------------------------------------------------------------------------
def test_embedding_looks_up_rows_and_gathers_their_gradients():
    table = variable(draw(5, 3))
    y = fn.embedding(table, np.array([[1, 4], [1, 0]]))
    value, slope = function([y, grad(sum(y), table)])()
    same(value, table.value[[[1, 4], [1, 0]]])
    same(slope, np.array([1, 2, 0, 0, 1])[:, None] * np.ones(3))


# Errors ---------------------------------------------------------------------------------------------------------
IMAGE = placeholder("image", (None, 8, 8, 3))
ERRORS = {
    "channels": (lambda: cv.conv2d(IMAGE, np.zeros((3, 3, 4, 2), "float32")), "has 3 channels, weights .* take 4"),
    "no filters": (
        lambda: cv.conv2d(IMAGE, np.zeros((3, 3, 3, 0), "float32")),
        r"conv2d: expected weights of at least one .* filter, found no filters: \(3, 3, 3, 0\)",
    ),
    "no rows": (lambda: cv.conv2d(IMAGE, np.zeros((0, 3, 3, 4), "float32")), r"an empty window: \(0, 3, 3, 4\)"),
    "no filters of a sequence": (lambda: cv.conv1d(np.zeros((1, 5, 2)), np.zeros((3, 2, 0))), "found no filters"),
    "groups": (
        lambda: cv.conv2d(IMAGE, np.zeros((3, 3, 1, 4), "float32"), groups=3),
        "4 outputs do not divide into 3 groups",
    ),
    "too large": (
        lambda: cv.conv2d(IMAGE, np.zeros((9, 3, 3, 4), "float32")),
        "spans 9 does not fit on axis 1 of length 8 with padding 0 . 0",
    ),
    "rank": (lambda: cv.conv2d(IMAGE, np.zeros((3, 3), "float32")), r"needs \(N, H, W, C\) and weights"),
    "strides": (lambda: cv.conv2d(IMAGE, IMAGE, strides=0), "strides is a positive integer or two of them, got 0"),
    "dilation": (lambda: cv.conv1d(np.zeros((1, 2, 1)), np.zeros((1, 1, 1)), dilation=1.5), "dilation is a positive"),
    "padding": (lambda: cv.conv2d(IMAGE, IMAGE, padding="full"), 'padding is "valid", "same", an integer'),
    "padding of the pool": (lambda: pooling.max_pool2d(IMAGE, 2, padding=2), "must be smaller than the window"),
    "integers": (lambda: cv.conv2d(np.zeros((1, 2, 2, 1), int), np.zeros((1, 1, 1, 1), int)), "needs float dtypes"),
    "pool rank": (lambda: pooling.max_pool1d(IMAGE), r"max_pool1d: needs \(N, L, C\)"),
    "transpose": (lambda: cv.conv2d_transpose(IMAGE, np.zeros((2, 2, 3, 4), "float32")), "weights .* take 4"),
    "dropout": (lambda: fn.dropout(IMAGE, 1.0), r"the rate lies in \[0, 1\), got 1.0"),
    "smoothing": (lambda: ce.softmax_cross_entropy(IMAGE, IMAGE, label_smoothing=1), "label_smoothing lies in"),
    "batch norm": (lambda: fn.batch_norm(IMAGE, mean=0.0), "give both mean and variance"),
    "group norm": (lambda: fn.group_norm(IMAGE, groups=2), "divisible by groups=2"),
    "labels": (lambda: ce.sparse_softmax_cross_entropy(IMAGE, np.zeros(3)), "labels must be integers"),
    "label shape": (lambda: ce.sparse_softmax_cross_entropy(np.zeros((3, 2)), np.zeros(4, int)), r"need labels \(3,\)"),
    "huber": (lambda: losses.huber(IMAGE, IMAGE, delta=0), "delta is positive"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_say_what_was_expected(case):
    build, text = ERRORS[case]
    with pytest.raises((ShapeError, DTypeError), match=text):
        build()
