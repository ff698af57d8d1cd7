"""Shards of a batch on threads compute what one thread computes, whatever couples the samples."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import agcli as ag
from agcli.engine.ops.keys import streams

pytestmark = pytest.mark.numeric


def conv_net(x, parameter):
    h = ag.relu(ag.conv2d(x, parameter((3, 3, 1, 4)), padding="same") + parameter((4,)))
    h = ag.dropout(ag.max_pool2d(h, size=2), 0.25)
    h = ag.relu(ag.conv2d(h, parameter((3, 3, 4, 8)), padding="same", strides=2))
    h = ag.avg_pool2d(h, size=2)
    return ag.flatten(h, keep=1) @ parameter((8, 3)) + parameter((3,))


def coupled(x, parameter):
    """Batch normalisation and a softmax over the batch: every sample depends on all others."""
    h = ag.flatten(x, keep=1) @ parameter((64, 6))
    h = (h - ag.mean(h, axis=0)) / ag.sqrt(ag.var(h, axis=0) + 1e-3)
    h = h * ag.softmax(h, axis=0) + ag.cumsum(h, axis=0) * 0.01 + ag.max(h, axis=0)
    return ag.tanh(h) @ parameter((6, 3))


def noisy(x, parameter):
    """Numbers that are drawn for the whole batch, and gradients through them."""
    h = ag.flatten(x, keep=1) @ parameter((64, 8))
    z = ag.normal(ag.tanh(h), ag.exp(0.1 * h)) + ag.truncated_normal(0, 0.1, h) * ag.exponential(0.2, h)
    return z @ parameter((8, 3))


def tokens(x, parameter):
    """Rows of a table, axes moved and joined, and weights shared."""
    table = parameter((10, 4))
    at = ag.astype(ag.flatten(x, keep=1) * 3 + 5, "int64") % 10
    e = ag.take(table, at, axis=0)
    h = ag.tanh(ag.concatenate(e, e[:, ::-1], axis=2) @ parameter((8, 4)))
    h = ag.transpose(h, (1, 0, 2)).sum(axis=0) + ag.mean(e, axis=1)
    return ag.stack([h.sum(axis=1), h[:, 0], ag.max(h, axis=1)], axis=1)


def recurrent(x, parameter):
    """Loops in both directions over the rows of an image, one of which counts its turns."""
    rows = ag.moveaxis(x.reshape(-1, 8, 8), 1, 0)
    w, u, start = parameter((8, 5)), parameter((5, 5)), ag.zeros_like(x[:, :5, 0, 0])

    def step(state, row):
        (h, n), z = state, row @ w
        h = ag.tanh(z + h @ u) * 0.9 + h / (n + 1)
        return (h, n + 1), (h, h.sum(axis=1))

    (last, n), (hs, sums) = ag.scan(step, (start, 0.0), rows)
    (back, _), _ = ag.scan(step, (start, 2.0), hs @ parameter((5, 8)), reverse=True)
    return (last + back) @ parameter((5, 3)) + ag.transpose(sums)[:, :3] + n


def recurrent_coupled(x, parameter):
    """A loop whose turns look at the whole batch, and one whose turns are drawn at random."""
    rows, w, u = ag.moveaxis(x.reshape(-1, 8, 8), 1, 0), parameter((8, 5)), parameter((5, 5))
    start = ag.zeros_like(x[:, :5, 0, 0])
    mean, _ = ag.scan(lambda h, z: (ag.tanh(z @ w + h @ u - ag.mean(h, axis=0)), None), start, rows)
    dropped, _ = ag.scan(lambda h, z: (ag.dropout(ag.tanh(z @ w + h @ u), 0.3), None), start, rows)
    return (mean + dropped) @ parameter((5, 3))


def trained(net, shards, steps=3, batch=7):
    rng = np.random.default_rng(0)
    parameters = []

    def parameter(shape):
        parameters.append(ag.variable(rng.normal(0, 0.4, shape), f"p{len(parameters)}"))
        return parameters[-1]

    with streams():
        x, y = ag.placeholder("x", (None, 8, 8, 1), "float64"), ag.placeholder("y", (None,), "int64")
        logits = net(x, parameter)
        loss = ag.mean(ag.sparse_softmax_cross_entropy(logits, y)) + 0.01 * ag.mean(logits**2)
    updates = ag.adam(0.01).minimize(loss, parameters)
    step = ag.function([loss, logits], updates=updates, shards=shards, seed=3)
    results = [step(x=rng.normal(size=(batch, 8, 8, 1)), y=rng.integers(0, 3, batch)) for _ in range(steps)]
    return results, [p.value.copy() for p in parameters], step


@pytest.mark.parametrize("net", [conv_net, coupled, noisy, tokens, recurrent, recurrent_coupled])
@pytest.mark.parametrize("shards", [2, 3])
def test_shards_change_only_the_order_of_sums(net, shards):
    (plain, weights, _), (parallel, others, step) = trained(net, 1), trained(net, shards)
    for (a, p), (b, q) in zip(plain, parallel, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)
        np.testing.assert_allclose(p, q, rtol=1e-9, atol=1e-12)
    for a, b in zip(weights, others, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)
    shard_of = {s.shard for s in step.plan.steps}
    assert set(range(shards)) <= shard_of


def test_most_of_a_convolutional_step_runs_in_shards():
    *_, step = trained(conv_net, 2)
    inside = [s.op.name for s in step.plan.steps if s.shard >= 0]
    outside = [s.op.name for s in step.plan.steps if s.shard < 0]
    assert {"conv2d", "conv2d_weight_grad", "max_pool2d_located", "sparse_softmax_cross_entropy", "matmul"} <= set(
        inside
    )
    assert not {"conv2d", "conv2d_weight_grad", "conv2d_input_grad", "max_pool2d_located", "matmul"} & set(outside)


def test_loops_run_in_shards():
    """All loops of a recurrent net, forward and back, and the products with which its gradients end."""
    _, _, step = trained(recurrent, 2, steps=1)
    found = [(s.op.name, s.shard) for s in step.plan.steps]
    assert sorted(c for name, c in found if name == "scan") == [0, 0, 0, 0, 1, 1, 1, 1]
    assert {c for name, c in found if name in ("matmul", "tanh")} == {0, 1}


def test_a_sharded_run_repeats_to_the_last_bit():
    (_, first, _), (_, second, _) = trained(conv_net, 2), trained(conv_net, 2)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_batch_smaller_than_the_shards_still_runs():
    plain, parallel = trained(conv_net, 1, batch=1), trained(conv_net, 2, batch=1)
    np.testing.assert_allclose(plain[0][0][0], parallel[0][0][0], rtol=1e-12)


def test_errors_in_a_shard_are_said_as_ever():
    x, y = ag.placeholder("x", (None, 3)), ag.placeholder("y", (None,), "int64")
    f = ag.function(ag.mean(ag.sparse_softmax_cross_entropy(x, y)), shards=2)
    with pytest.raises(ag.EngineError, match=r"outside of 0\.\.2"):
        f(x=np.zeros((4, 3), "float32"), y=[0, 1, 2, 3])
    assert np.isfinite(f(x=np.zeros((4, 3), "float32"), y=[0, 1, 2, 2]))


@pytest.mark.parametrize(("net", "channels", "expected"), [("dense", 8, False), ("conv", 32, True)])
def test_auto_shards_where_they_pay_and_repeats(net, channels, expected):
    """Two processors: a small dense layer stays in one piece, convolutions are split; all calls give equal bits."""
    x, y = ag.placeholder("x", (None, 28, 28, 1)), ag.placeholder("y", (None,), "int64")
    w = ag.variable(ag.initial("glorot_uniform", (3, 3, 1, channels), 0), "w")
    v = ag.variable(ag.initial("glorot_uniform", (784, channels), 1), "v")
    conv = ag.mean(ag.relu(ag.conv2d(x, w, padding="same")), axis=(1, 2))
    logits = conv if net == "conv" else ag.flatten(x, keep=1) @ v
    loss = ag.mean(ag.sparse_softmax_cross_entropy(logits, y))
    parameter = w if net == "conv" else v
    rng = np.random.default_rng(0)
    batch = {"x": rng.random((64, 28, 28, 1)), "y": rng.integers(0, channels, 64)}
    batch["x"] = batch["x"].astype("float32")
    gradients = []
    for shards in ("auto", "auto", 2 if expected else 1):
        f = ag.function(ag.grad(loss, parameter), shards=shards)
        f.threads = 2
        gradients.append(f(**batch))
        assert any(step.shard >= 0 for step in f.plan.steps) is expected
    assert all(np.array_equal(g, gradients[0]) for g in gradients)


def test_one_thread_has_no_shards():
    x = ag.placeholder("x", (None, 28, 28, 1))
    f = ag.function(ag.conv2d(x, ag.variable(np.ones((3, 3, 1, 32), "float32"))), shards="auto")
    f.threads = 1
    f(np.ones((64, 28, 28, 1), "float32"))
    assert all(step.shard < 0 for step in f.plan.steps)


@pytest.mark.parametrize("shards", [0, -1, 1.5, "all"])
def test_shards_are_counted_or_auto(shards):
    with pytest.raises(ag.StateError, match="positive integer or 'auto'"):
        ag.function(ag.placeholder("x"), shards=shards)


CHILD = """
import os
import sys
import warnings

import numpy as np

import agcli as ag

warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12: a fork beside threads
x = ag.placeholder("x", (None, 3))
f = ag.function(ag.sum(ag.tanh(x), 1), inputs=[x], shards=2)
batch = np.ones((8, 3), np.float32)
expected = f(batch)
if pid := os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
os._exit(int(not np.array_equal(f(batch), expected)))
"""


@pytest.mark.only(hasattr(os, "fork"))
def test_shards_run_on_threads_of_their_own_after_a_fork():
    root = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", CHILD], cwd=root, timeout=300, check=False)
    assert done.returncode == 0
