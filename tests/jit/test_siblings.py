"""Sums of columns made by loops that read what they add, and results in the places of inputs that are read no more."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import agcli as ag
from agcli.engine.backends.jit.elementwise.columns import Columns
from agcli.engine.backends.jit.elementwise.fused import Fused
from agcli.engine.backends.jit.elementwise.rows import RowLoop

pytestmark = [pytest.mark.numeric, pytest.mark.usefixtures("compiled")]

RNG = np.random.default_rng(0)


def beside_numpy(monkeypatch, fetches, inputs, arrays, **options):
    fast, plain = (ag.function(fetches, inputs=inputs, **options) for _ in range(2))
    found = fast(*arrays)
    monkeypatch.setenv("AG_BACKEND", "numpy")
    for p, q in zip(found, plain(*arrays), strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-10, atol=1e-11)
    monkeypatch.delenv("AG_BACKEND")
    return fast


def kinds(f):
    return [type(s.op) for s in f.plan.steps if isinstance(s.op, Fused)]


@pytest.mark.parametrize("shards", [1, 2])
def test_gradients_of_scale_and_offset_join_that_of_the_rows(shards, monkeypatch):
    x = ag.placeholder("x", (None, 40), "float64")
    w, v, s, o = (ag.variable(RNG.standard_normal(n), "p") for n in ((40, 40), (40, 9), 40, 40))
    loss = ag.sum(ag.sin(ag.layer_norm(x @ w, s, o) @ v))
    f = beside_numpy(monkeypatch, [loss, *ag.grad(loss, [x, w, v, s, o])], [x], [RNG.standard_normal((600, 40))],
                     shards=shards)  # fmt: skip
    assert kinds(f).count(RowLoop) == 2 * shards
    assert Columns not in kinds(f)


def cases(x, z, w):
    """Sums that a loop reading the same could make, or must not, as it waits for them."""
    a = x @ w
    s = ag.sum(a, 0)
    yield "beside", [ag.tanh(a), s]
    yield "products beside", [ag.tanh(a) + z, ag.sum(a * z, 0), ag.sum(ag.abs(z), 0)]
    yield "read by the loop", [ag.tanh(a) * s, s]
    yield "read by way of a product", [ag.tanh(a) * (s @ w), s]
    yield "read by way of a sort", [ag.tanh(a) * ag.sort(s, 0), ag.sum(a * a, 0)]
    yield "products read by the loop", [ag.tanh(a) * ag.sort(ag.sum(a * z, 0), 0), ag.exp(z - a)]
    yield "two loops, one behind the sum", [ag.tanh(a) * s, ag.exp(-a), (ag.exp(-a) @ w) * ag.sqrt(ag.abs(s))]
    centred = a - ag.mean(a, -1, keepdims=True)
    yield "rows", [centred, s, ag.sum(a * a, 0)]
    yield "of outer products", [a, ag.sum(ag.abs(a[:, :1] - w[:1]), 0)]
    yield "rows behind the sum", [centred * ag.sort(s, 0), ag.sum(a * z, 0)]


@pytest.mark.parametrize("number", range(10))
def test_sums_join_loops_that_do_not_wait_for_them(number, monkeypatch):
    x, z = (ag.placeholder(n, (100, 30), "float64") for n in "xz")
    w = ag.variable(RNG.standard_normal((30, 30)) / 6)
    name, fetches = list(cases(x, z, w))[number]
    f = beside_numpy(monkeypatch, fetches, [x, z], [RNG.standard_normal((100, 30)) for _ in range(2)])
    if name in ("beside", "rows"):
        assert len(kinds(f)) == 1


def test_each_of_several_results_takes_the_place_of_an_input(monkeypatch):
    """Two products die in a loop that makes two arrays of them; sums that of the scale, which all rows read."""
    x = ag.placeholder("x", (None, 64), "float64")
    w, v, s = (ag.variable(RNG.standard_normal(n) / 8) for n in ((64, 64), (64, 64), 64))
    a, b, scale = x @ w, x @ v, ag.sort(s, 0)
    p = ag.tanh(a) * b
    q = ag.exp(-p * p) * scale
    fetches = [p @ w, q @ v, ag.sum(p * scale, 0) + 1]
    f = beside_numpy(monkeypatch, fetches, [x], [RNG.standard_normal((500, 64))])
    (step,) = (step for step in f.plan.steps if step.multiple)
    places = [{f.plan.slots[i].offset for i in side} for side in (step.inputs, step.outputs)]
    assert places[0] == places[1]
