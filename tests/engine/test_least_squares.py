"""Losses that are sums of squares: what is found in the graph, beside the loss itself and its gradient."""

import numpy as np
import pytest

import agcli as ag
from agcli.engine.leaves import placeholder
from agcli.engine.optimizers.least_squares import NoSquaresError, squares_of
from agcli.model.formulas import tensor_of

pytestmark = pytest.mark.numeric

RNG = np.random.default_rng(3)
VALUES = {
    "x": RNG.normal(size=7),
    "y": RNG.normal(size=7),
    "s": RNG.uniform(0.5, 2, size=7),
    "m": RNG.normal(size=(7, 2)),
}
LOSSES = [
    "sum((y - a*x)^2)",
    "sum((y - a*x)**2)/2",
    "mean(square(y - a*x))",
    "mean(square(y - a*x)/s)",
    "3*mean(s*(y - a*x)^2)",
    "mean(((y - a*x)/s)^2)",
    "sum((y - a*x)*(y - a*x))",
    "(y - a*x) @ (y - a*x)",
    "norm(y - a*x)^2",
    "sum(|y - a*x|^2)",
    "sum((y - a*x)^2)/size(y)",
    "sum(s*square(y - a*x))/sum(s)",
    "-sum(-square(y - a*x))",
    "mean_squared_error(a*x, y)",
    "mean(square(y - a*x)) + 0.1*a^2",
    "mean(square(y - a*x) + 0.1*a^2)",
    "mean(square(y - a*x)) + mean(s)",
    "mean(square(y - a*x) - s)",
    "sum((y - a*x)^4)",
    "mean(mean(square(m - b), axis=1))",
    "mean(s*mean(square(m - b), axis=1))",
    "sum(square(a*b)) + sum(square(a - y))",
]


def built(text):
    a, b = ag.variable(0.7, "a", "float64"), ag.variable([1.5, -0.4], "b", "float64")
    inputs = {name: placeholder(name, (None, *value.shape[1:]), "float64") for name, value in VALUES.items()}
    return tensor_of(text, {"a": a, "b": b, **inputs}), [a, b], {p: VALUES[name] for name, p in inputs.items()}


@pytest.mark.parametrize("text", LOSSES)
def test_a_loss_is_the_sum_of_the_squares_that_are_found_but_for_a_constant(text):
    loss, params, feeds = built(text)
    found = squares_of(loss, params)
    again = found.factor * ag.sum(ag.square(found.residuals))
    assert found.residuals.ndim == found.roots.ndim == 1
    function = ag.function([*ag.grad(loss, params, allow_unused=True), *ag.grad(again, params, allow_unused=True)])
    *values, da, db = function({p: v for p, v in feeds.items() if p in function.inputs})
    np.testing.assert_allclose(da, values[0], rtol=1e-12)
    np.testing.assert_allclose(db, values[1], rtol=1e-12)


def test_weights_of_zero_do_not_count():
    a, y = ag.variable(0.5, "a", "float64"), placeholder("y", (None,), "float64")
    found = squares_of(ag.mean(ag.constant([1.0, 0.0, 4.0]) * ag.square(y - a)), [a])
    assert found.roots.eval({y: [1.0, 2.0, 3.0]}).tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    ("text", "op"),
    [
        ("mean(|y - a*x|)", "`abs`"),
        ("mean(log(cosh(y - a*x)))", "`log`"),
        ("mean((y - a*x)^3)", "`power`"),
        ("mean((y - a*x)*(y - 2*a*x))", "`multiply`"),
        ("mean(a*x)", "`a` itself"),
        ("sum(square(y - a*x)) - a^2", "`subtract`"),
        ("sqrt(mean(square(y - a*x)))", "`sqrt`"),
        ("mean(square(y - a*x)/a)", "`divide`"),
    ],
)
def test_other_losses_are_refused_by_the_op_in_the_way(text, op):
    loss, params, _ = built(text)
    with pytest.raises(NoSquaresError, match=f"^the loss has {op} where a square is needed$"):
        squares_of(loss, params)
