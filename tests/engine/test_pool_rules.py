"""Rules for pools: values and gradients stay, and the large arrays before the pool are looked at less often."""

import numpy as np
import pytest

import agcli as ag
from agcli.engine.rewrite import rules
from agcli.engine.rewrite.rewriter import simplify

pytestmark = pytest.mark.numeric

NAMES = ("max_pool2d", "max_pool2d_position", "max_pool2d_scatter", "keep", "sum")
WINDOWS = {
    "side by side": {"size": 2},
    "overlapping": {"size": 3, "strides": 2},
    "padded": {"size": 3, "strides": 2, "padding": "same"},
    "with gaps": {"size": 2, "strides": 3},
}
SHIFTS = {"of channels": (4,), "of images": (3, 1, 1, 4), "a number": (), "of rows": (9, 1, 1)}


def pieces(keywords, shift, activation):
    """Placeholders, and value and gradients of a pool."""
    x, b = ag.placeholder("x", (3, 9, 7, 4), "float64"), ag.placeholder("b", shift, "float64")
    y = ag.max_pool2d(activation(x + b), **keywords)
    return [x, b], [y, *ag.grad(ag.sum(ag.sin(y)), [x, b])]


def with_and_without(monkeypatch, inputs, fetches, arrays):
    found = ag.function(fetches, inputs=inputs)(*arrays)
    with monkeypatch.context() as patch:
        for name in NAMES:
            patch.setitem(rules.RULES, name, [])
        patch.setattr(rules.pools, "located_at_once", list)
        plain = ag.function(fetches, inputs=inputs)
        expected = plain(*arrays)
    return found, expected, [s.op.name for s in plain.plan.steps]


@pytest.mark.parametrize("activation", [ag.relu, lambda x: x], ids=["relu", "none"])
@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("case", WINDOWS)
def test_values_and_gradients_stay(monkeypatch, case, shift, activation):
    """Whole numbers, with many ties and NaN; only the order of the sum for b changes."""
    inputs, fetches = pieces(WINDOWS[case], SHIFTS[shift], activation)
    rng = np.random.default_rng(0)
    x, b = rng.integers(-3, 3, (3, 9, 7, 4)).astype(float), rng.integers(-1, 2, SHIFTS[shift]).astype(float)
    x[1, 0, 0, 0], x[2, 8, 6, 3] = np.nan, -np.inf
    (y, dx, db), (expected, *gradients), names = with_and_without(monkeypatch, inputs, fetches, [x, b])
    assert "max_pool2d" in names
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(dx, gradients[0])
    np.testing.assert_allclose(db, gradients[1], rtol=1e-12, atol=1e-12)


def test_what_keeps_the_order_comes_behind_the_pool(monkeypatch):
    monkeypatch.setenv("AG_BACKEND", "numpy")
    inputs, fetches = pieces({"size": 2}, (4,), ag.relu)
    f = ag.function(fetches, inputs=inputs)
    f(np.zeros((3, 9, 7, 4)), np.zeros(4))
    sizes = {s.op.name: f.plan.slots[s.outputs[0]].type.shape[1] for s in f.plan.steps if s.op.name != "sum"}
    assert sizes.pop("max_pool2d_scatter") == 9
    assert set(sizes.values()) == {4}
    assert {"add", "relu", "max_pool2d_located", "keep"} <= set(sizes)


def names_of(t):
    return [t.op.name, *(x.op.name for x in t.inputs if x.op)]


def test_before_and_after():
    x, rows = ag.placeholder("x", (3, 8, 6, 4)), ag.placeholder("b", (8, 1, 1))
    (y,) = simplify([ag.max_pool2d(ag.relu(x))])
    assert names_of(y) == ["relu", "max_pool2d"]
    (y,) = simplify([ag.max_pool2d(ag.placeholder("b", (4,)) + x)])
    assert names_of(y) == ["add", "max_pool2d"]
    (y,) = simplify([ag.max_pool2d(x + rows)])  # which differs from place to place
    assert names_of(y) == ["max_pool2d", "add"]
    (y,) = simplify([ag.max_pool2d(ag.tanh(x))])
    assert names_of(y) == ["max_pool2d", "tanh"]


def test_derivatives_of_any_order_stay(monkeypatch):
    x = ag.placeholder("x", (2, 6, 6, 3), "float64")
    y = ag.max_pool2d(ag.relu(x + 0.25))
    (g,) = ag.grad(ag.sum(y * y * y), [x])
    (h,) = ag.grad(ag.sum(ag.sin(g)), [x])
    array = np.random.default_rng(1).standard_normal((2, 6, 6, 3))
    (found, *_), (expected, *_), _ = with_and_without(monkeypatch, [x], [h], [array])
    assert expected.any()
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_relu_that_others_read_stays():
    x = ag.placeholder("x", (2, 4, 4, 3), "float64")
    r = ag.relu(x)
    f = ag.function([r, ag.max_pool2d(r), *ag.grad(ag.sum(ag.max_pool2d(r)) + ag.sum(r * r), [x])], inputs=[x])
    array = np.random.default_rng(2).standard_normal((2, 4, 4, 3))
    value, pooled, gradient = f(array)
    np.testing.assert_array_equal(value, np.maximum(array, 0))
    np.testing.assert_array_equal(pooled, value.reshape(2, 2, 2, 2, 2, 3).max((2, 4)))
    largest = value == np.repeat(np.repeat(pooled, 2, 1), 2, 2)
    np.testing.assert_allclose(gradient, np.where(array > 0, 2 * value + largest, 0))
