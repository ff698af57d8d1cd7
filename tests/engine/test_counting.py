"""Class weights, an ignored label, smoothing and means of cross-entropies: by their formulas, and beside PyTorch."""

import itertools

import numpy as np
import pytest

import agcli as ag
from agcli.engine.errors import DTypeError, ShapeError
from tests.engine.helpers import first, same, torch

pytestmark = pytest.mark.numeric
RNG = np.random.default_rng(11)
WEIGHTS = np.array([1.0, 0.0, 2.5, 0.5])


def by_formula(x, labels, weights, ignore, smoothing, reduction):
    """One label after the other."""
    classes = x.shape[-1]
    weights = np.ones(classes) if weights is None else weights
    losses, counted = np.zeros(labels.shape), 0.0
    for place in np.ndindex(labels.shape):
        label = labels[place]
        if label == ignore:
            continue
        log_p = x[place] - np.log(np.sum(np.exp(x[place])))
        target = np.full(classes, smoothing / classes) + (1 - smoothing) * (np.arange(classes) == label)
        losses[place] = -np.sum(target * weights * log_p)
        counted += weights[label]
    if reduction == "none":
        return losses
    return losses.sum() if reduction == "sum" else losses.sum() / counted if counted else 0.0


def drawn(ignore):
    """Scores and labels, of which two are ignored if any."""
    x, labels = RNG.normal(size=(3, 5, 4)), RNG.integers(0, 4, (3, 5))
    labels[0, :2] = 2 if ignore is None else ignore
    return x, labels


OPTIONS = [*itertools.product([None, WEIGHTS], [None, 2, -100], [0.0, 0.3], ["none", "sum", "mean"])]


@pytest.mark.parametrize(("weights", "ignore", "smoothing", "reduction"), OPTIONS)
def test_by_formula(weights, ignore, smoothing, reduction):
    x, labels = drawn(ignore)
    t = ag.placeholder("x", (None, 5, None), "float64")
    loss = ag.sparse_softmax_cross_entropy(t, labels, smoothing, weights, ignore, reduction)
    expected = by_formula(x, labels, weights, ignore, smoothing, reduction)
    same(loss.eval({t: x}), expected)
    h, step = 1e-6, RNG.normal(size=x.shape)
    moved = [by_formula(x + s * h * step, labels, weights, ignore, smoothing, reduction) for s in (1, -1)]
    slope = np.sum(ag.grad(ag.sum(loss), t).eval({t: x}) * step)
    assert slope == pytest.approx(np.sum(moved[0] - moved[1]) / (2 * h), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(("weights", "ignore", "smoothing", "reduction"), OPTIONS)
def test_beside_pytorch(weights, ignore, smoothing, reduction):
    x, labels = drawn(ignore)
    theirs = torch().nn.functional.cross_entropy(
        first(x),
        torch().tensor(labels),
        weight=None if weights is None else torch().tensor(weights),
        ignore_index=-1000 if ignore is None else ignore,
        label_smoothing=smoothing,
        reduction=reduction,
    )
    ours = ag.sparse_softmax_cross_entropy(x, labels, smoothing, weights, ignore, reduction)
    same(ours.eval(), theirs.numpy())


@pytest.mark.parametrize(("weights", "ignore", "smoothing", "reduction"), OPTIONS)
def test_the_likelihood_counts_alike(weights, ignore, smoothing, reduction):
    x, labels = drawn(ignore)
    ours = ag.negative_log_likelihood(ag.log_softmax(x), labels, weights, ignore, reduction)
    same(ours.eval(), by_formula(x, labels, weights, ignore, 0.0, reduction))


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_probabilities_beside_pytorch(weights, smoothing, reduction):
    x, p = RNG.normal(size=(5, 4)), RNG.dirichlet(np.ones(4), 5)
    tensors = [torch().tensor(a) for a in (x, p)]
    theirs = torch().nn.functional.cross_entropy(
        *tensors,
        weight=None if weights is None else torch().tensor(weights),
        label_smoothing=smoothing,
        reduction=reduction,
    )
    same(ag.softmax_cross_entropy(x, p, -1, smoothing, weights, reduction).eval(), theirs.numpy())
    same(ag.softmax_cross_entropy(x.T, p.T, 0, smoothing, weights, reduction).eval(), theirs.numpy())


@pytest.mark.parametrize("weight", [0.0, 2.0, np.array([0.5, 1.0, 3.0])])
def test_weights_of_ones_beside_pytorch(weight):
    x, p = RNG.normal(size=(5, 3)) * 10, RNG.random((5, 3))
    theirs = torch().nn.functional.binary_cross_entropy_with_logits(
        torch().tensor(x), torch().tensor(p), pos_weight=torch().tensor(weight), reduction="none"
    )
    same(ag.sigmoid_cross_entropy(x, p, pos_weight=weight).eval(), theirs.numpy())


def test_weights_of_ones_by_formula_and_at_the_ends():
    x, t = np.array([-np.inf, -800.0, 0.0, 800.0, np.inf]), np.array([0.0, 1.0, 0.5, 0.0, 1.0])
    assert ag.sigmoid_cross_entropy(x, t, pos_weight=3.0).eval() == pytest.approx([0, 2400, 2 * np.log(2), 800, 0])


def test_where_nothing_counts_nothing_is_lost():
    """PyTorch has NaN there, of 0 / 0."""
    t = ag.placeholder("x", (2, 3), "float64")
    for weights, labels in ((None, [-1, -1]), ([1.0, 0.0, 1.0], [1, -1])):
        loss = ag.sparse_softmax_cross_entropy(t, labels, weights=weights, ignore_index=-1, reduction="mean")
        value, slope = ag.function([loss, ag.grad(loss, t)], inputs=[t])(RNG.normal(size=(2, 3)))
        assert value == 0
        assert not slope.any()
    empty = ag.sparse_softmax_cross_entropy(np.zeros((0, 3)), np.zeros(0, int), ignore_index=1, reduction="mean")
    assert empty.eval() == 0


def test_what_is_ignored_may_be_anything():
    x = np.array([[np.nan, 1.0, 2.0], [0.0, np.inf, np.inf], [1.0, 2.0, 3.0]])
    t = ag.placeholder("x", (3, 3), "float64")
    for smoothing in (0.0, 0.1):
        loss = ag.sparse_softmax_cross_entropy(t, [7, 7, 1], smoothing, ignore_index=7, reduction="mean")
        value, slope = ag.function([loss, ag.grad(loss, t)], inputs=[t])(x)
        same(value, by_formula(x[2:], np.array([1]), None, 7, smoothing, "mean"))
        assert not slope[:2].any()
        assert np.isfinite(slope).all()


def test_labels_that_are_not_ignored_are_checked_still():
    loss = ag.sparse_softmax_cross_entropy(np.zeros((2, 3)), [-1, 5], ignore_index=-1)
    with pytest.raises(ag.FeedError, match=r"label: index 5 is outside of 0\.\.2"):
        loss.eval()
    unsigned = ag.sparse_softmax_cross_entropy(np.zeros((2, 3)), np.array([0, 255], "uint8"), ignore_index=255)
    same(unsigned.eval(), [np.log(3), 0])


def test_weights_have_derivatives_and_half_precision_stays():
    w = ag.placeholder("w", (4,), "float64")
    x, labels = RNG.normal(size=(6, 4)), RNG.integers(0, 4, 6)
    loss = ag.sparse_softmax_cross_entropy(x, labels, 0.1, w, reduction="mean")
    ag.check_grads(lambda v: ag.sparse_softmax_cross_entropy(x, labels, 0.1, v, 2, "mean"), [WEIGHTS + 1], order=2)
    assert loss.dtype == np.float64
    half = ag.sparse_softmax_cross_entropy(x.astype("float16"), labels, weights=WEIGHTS, reduction="mean")
    assert half.dtype == np.float16


X = np.zeros((2, 4))
WRONG = {
    "sparse_softmax_cross_entropy: expected a weight for each of 4 classes, got \\(3,\\)": lambda: (
        ag.sparse_softmax_cross_entropy(X, [0, 1], weights=[1.0, 2.0, 3.0])
    ),
    "softmax_cross_entropy: expected a weight for each of 4 classes": lambda: ag.softmax_cross_entropy(
        X, X, weights=2.0
    ),
    "negative_log_likelihood: reduction is none, mean or sum, got 'avg'": lambda: ag.negative_log_likelihood(
        X, [0, 1], reduction="avg"
    ),
    "ignore_index is an integer, got 0.5": lambda: ag.sparse_softmax_cross_entropy(X, [0, 1], ignore_index=0.5),
    "expected a weight, or one for each label of \\(2, 4\\), got \\(2,\\)": lambda: ag.sigmoid_cross_entropy(
        X, X, pos_weight=[1.0, 2.0]
    ),
    "logits \\(2, 4\\) need labels \\(2,\\), got \\(3,\\)": lambda: ag.sparse_softmax_cross_entropy(
        X, [0, 1, 2], ignore_index=2, weights=WEIGHTS
    ),
}


@pytest.mark.parametrize("message", WRONG)
def test_what_is_wrong_is_said(message):
    with pytest.raises(ShapeError, match=message):
        WRONG[message]()


def test_weights_are_numbers():
    with pytest.raises(DTypeError, match="weights of classes are numbers, got bool"):
        ag.sparse_softmax_cross_entropy(X, [0, 1], weights=np.ones(4, bool))
