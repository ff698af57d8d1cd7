"""Losses take one target for each prediction: shapes that would broadcast are refused, when built and when fed."""

import re

import numpy as np
import pytest

import agcli as ag

LOSSES = [
    "mean_squared_error", "mean_absolute_error", "huber", "log_cosh", "hinge", "kl_divergence", "poisson_nll",
    "sigmoid_cross_entropy", "sigmoid_focal_loss", "softmax_cross_entropy",
]  # fmt: skip
WRONG = [
    ((4, 3), (4, 1)),
    ((4, 1), (4,)),
    ((4,), (4, 1)),
    ((4, 4), (4,)),
    ((4, 3), (3,)),
    ((1,), (4,)),
    ((4, 1), (4, 3)),
]


def loss_of(name, prediction, target):
    return getattr(ag, name)(prediction, target)


@pytest.mark.parametrize(("prediction", "target"), WRONG, ids=str)
@pytest.mark.parametrize("name", LOSSES)
def test_shapes_that_differ_are_refused_with_both(name, prediction, target):
    a, b = np.full(prediction, 0.5), np.full(target, 0.5)
    shapes = re.escape(str(prediction)), re.escape(str(target))
    text = rf"^{name}: .* {shapes[0]} and .* {shapes[1]} must have one shape; "
    with pytest.raises(ag.ShapeError, match=text):
        loss_of(name, a, b)
    x, y = (ag.placeholder(n, (None,) * s.ndim, "float64") for n, s in (("x", a), ("y", b)))
    with pytest.raises(ag.ShapeError, match=f"^{name}: "):
        ag.function(ag.sum(loss_of(name, x, y)), inputs=[x, y])(a, b)


@pytest.mark.parametrize("name", LOSSES)
def test_one_number_may_stand_for_all_targets_but_not_for_probabilities(name):
    x = np.full((4, 3), 0.5)
    if name in ("softmax_cross_entropy", "kl_divergence"):
        text = "sparse_softmax_cross_entropy" if name == "softmax_cross_entropy" else "must have one shape"
        with pytest.raises(ag.ShapeError, match=text):
            loss_of(name, x, 1.0)
    else:
        np.testing.assert_array_equal(loss_of(name, x, 1.0).eval(), loss_of(name, x, np.ones((4, 3))).eval())


@pytest.mark.parametrize("name", LOSSES)
def test_unknown_lengths_cost_nothing_and_give_the_same(name):
    x, y = (ag.placeholder(n, (None, None), "float64") for n in "xy")
    loss = ag.sum(loss_of(name, x, y))
    a, b = np.random.default_rng(0).uniform(0.1, 1, (2, 4, 3))
    f = ag.function([loss, *ag.grad(loss, [x, y]), ag.jvp(loss, y, np.ones((4, 3)))], inputs=[x, y])
    known = [ag.constant(a), ag.variable(b)]
    exact = ag.sum(loss_of(name, *known))
    np.testing.assert_allclose(f(a, b)[0], exact.eval())
    np.testing.assert_allclose(f(a, b)[2], ag.grad(exact, known[1]).eval())
    np.testing.assert_allclose(f(a, b)[3], ag.grad(exact, known[1]).eval().sum())
    assert "alike" not in str(f.plan)
    rows = ag.vmap(lambda p, t: ag.sum(loss_of(name, p, t)))(x, y)
    np.testing.assert_allclose(ag.sum(rows).eval({x: a, y: b}), exact.eval() * (4 if name.startswith("mean") else 1))


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: ag.softmax_cross_entropy(np.zeros((3, 3)), np.array([0, 1, 2])), "for class numbers there is sparse"),
        (lambda: ag.mean_squared_error(np.zeros((4, 1)), np.zeros(4)), r"drop the last axis: prediction\[\.\.\., 0\]"),
        (lambda: ag.mean_squared_error(np.zeros(4), np.zeros((4, 1))), r"drop the last axis: target\[\.\.\., 0\]"),
        (lambda: ag.mean_squared_error(np.zeros((4, 3)), np.zeros(3)), r"ag\.broadcast_to"),
        (lambda: ag.sparse_softmax_cross_entropy(np.zeros((4, 3)), np.zeros((4, 1), int)), r"need labels \(4,\)"),
        (lambda: ag.negative_log_likelihood(np.zeros((4, 3)), np.zeros((1,), int)), "must have one shape"),
        (lambda: ag.negative_log_likelihood(np.zeros((4, 3)), np.zeros((4, 1), int)), "must have one shape"),
        (lambda: ag.gaussian_nll(np.zeros((4, 1)), 0.0, np.zeros(4)), "gaussian_nll: prediction"),
        (
            lambda: ag.gaussian_nll(np.zeros(4), np.zeros((4, 1)), np.zeros(4)),
            "gaussian_nll: prediction .* log_variance",
        ),
    ],
)
def test_the_message_says_what_to_write(build, text):
    with pytest.raises(ag.ShapeError, match=text):
        build()
