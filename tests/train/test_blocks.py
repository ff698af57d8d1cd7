"""Groups of elementwise ops in blocks compute what the ops compute by themselves, to the last bit."""

import numpy as np
import pytest

import agcli as ag
from agcli.engine.backends import blocks

pytestmark = pytest.mark.numeric

LENGTH = 1000  # no multiple of a block


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setenv("AG_BACKEND", "numpy")
    for name, value in {"LEAST": 64, "BLOCK": 48, "SHARED": 256}.items():
        monkeypatch.setattr(blocks, name, value)
    monkeypatch.setattr(blocks, "processors", lambda: 2)


def values(*shape):
    return np.random.default_rng(0).normal(size=shape)


def chain(x):
    return ag.tanh(ag.exp(-x * x) * ag.sin(x) + 0.5 * x) * ag.sqrt(ag.abs(x) + 1) - x / (1 + x * x)


GRAPHS = {
    "chain": lambda x: [chain(x)],
    "its gradient": lambda x: [ag.grad(chain(x).sum(), x)],
    "several results": lambda x: [y := x * x + 1, z := ag.exp(y - 3), y * z],
    "a truth value": lambda x: [ag.where(x > 0, x * 2, ag.square(x)), ag.clip(x * 3, -1, 1)],
    "one number": lambda x: [(x - ag.mean(x)) / ag.sqrt(ag.mean(x * x)) + 1],
    "a column beside": lambda x: [ag.exp(x * 2 + ag.reshape(x, (-1, 10))[:, 0].sum()) * x],
    "two dtypes": lambda x: [ag.astype(ag.astype(x, "float32") * 2 + 1, "float64") * x],
}


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("shards", [1, 2])
def test_blocks_change_no_bit(name, shards):
    x = ag.placeholder("x", (None,), "float64")
    f, plain = (ag.function(GRAPHS[name](x), inputs=[x], shards=s) for s in (shards, 1))
    plain.debug_nans = True  # which looks at every op by itself
    v = values(LENGTH)
    results = f(v)
    for a, b in zip(results, plain(v), strict=True):
        if name == "one number" and shards == 2:
            np.testing.assert_allclose(a, b, rtol=1e-12)
        else:
            np.testing.assert_array_equal(a, b)
    assert any(step.op.name.startswith("fused") for step in f.plan.steps)
    for a, b in zip(f(v), results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_results_may_lie_where_inputs_lay():
    """Adam writes parameters and moments in place, while later lines still read what was there."""
    g = ag.placeholder("g", (LENGTH,), "float64")
    found = []
    for plain in (False, True):
        p = ag.variable(values(LENGTH))
        step = ag.function([], updates=ag.adam(0.1).minimize(ag.sum(p * g), [p]), inputs=[g], debug_nans=plain)
        for k in range(3):
            step(values(LENGTH) * (k + 1))
        found.append(p.value.copy())
    np.testing.assert_array_equal(*found)


def test_views_and_feeds_that_move():
    x = ag.placeholder("x", (50, 40), "float64")
    f = ag.function(ag.exp(x.T * 2) + ag.transpose(x) * 3 - 1, inputs=[x])
    for k in range(3):
        v = values(50, 40) + k
        np.testing.assert_array_equal(f(v), np.exp(v.T * 2) + v.T * 3 - 1)


def test_blocks_need_less_memory():
    x = ag.placeholder("x", (LENGTH,), "float64")
    f = ag.function(chain(x), inputs=[x])
    f(values(LENGTH))
    assert f.plan.arena < 2 * 8 * LENGTH
