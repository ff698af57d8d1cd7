"""Derivatives to third order under compiled kernels, however small, against NumPy's: attention, and random graphs."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import agcli as ag

pytestmark = pytest.mark.numeric


@pytest.fixture
def both(own_kernels, monkeypatch, policy):
    """The results of a function by NumPy's kernels and by compiled ones."""
    policy(min_elements=0, min_gain=0, apart_elements=-1)

    def results(fetches, inputs, arrays):
        compiled = ag.function(fetches, inputs=inputs)
        found = compiled(*arrays)
        with monkeypatch.context() as numpy_only:
            numpy_only.setenv("AG_BACKEND", "numpy")
            expected = ag.function(fetches, inputs=inputs)(*arrays)
        return compiled, found, expected

    return results


def orders(y, inputs, rng):
    """A value and its derivatives to third order along random directions."""
    found, directions = [y], [rng.normal(size=x.shape) for x in inputs]
    value = ag.sum(y)
    for _ in range(3):
        slopes = ag.grad(value, inputs, allow_unused=True)
        found += slopes
        value = ag.add_n([ag.sum(g * v.astype(g.dtype)) for g, v in zip(slopes, directions, strict=True)])
    return found


def close(found, expected, dtype):
    for a, b in zip(found, expected, strict=True):
        size = np.max(np.abs(b), initial=1)
        np.testing.assert_allclose(a, b, rtol=0, atol=500 * np.finfo(dtype).eps * size)


MASKS = {
    "none": None,
    "some": np.random.default_rng(0).random((2, 5, 6)) < 0.6,
    "nowhere": np.arange(5)[:, None] != np.full(6, 2),  # the third query may look nowhere
    "one key too many": np.tri(5, 6, dtype=bool),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("mask", MASKS)
def test_attention(mask, causal, dtype, both):
    rng = np.random.default_rng(0)
    shapes = ((2, 5, 4), (2, 6, 4), (2, 6, 3))
    inputs = [ag.placeholder(n, s, dtype) for n, s in zip("qkv", shapes, strict=True)]
    y = ag.scaled_dot_product_attention(*inputs, MASKS[mask], causal=causal)
    arrays = [rng.normal(size=s).astype(dtype) for s in shapes]
    f, found, expected = both(orders(y, inputs, rng), inputs, arrays)
    assert any("compiled" in step.op.name or "fused" in step.op.name for step in f.plan.steps)
    close(found, expected, dtype)


SMOOTH = [
    ag.tanh, ag.sigmoid, ag.softplus, ag.silu, ag.sin, ag.cos, ag.arctan, ag.gelu, ag.square, ag.softmax,
    ag.log_softmax, ag.layer_norm,
    lambda x: ag.exp(ag.tanh(x)),
    lambda x: ag.log(1 + x * x),
    lambda x: ag.sqrt(1 + x * x),
    lambda x: 1 / (2 + ag.sin(x)),
    lambda x: ag.cumsum(x, -1) / 8,
    lambda x: ag.where(x > 0.1, x * x, ag.sin(x)),
    lambda x: x[..., ::-1],
    lambda x: x - ag.mean(x, -1, keepdims=True),
    lambda x: ag.power(1.5 + ag.tanh(x), 2.5),
    lambda x: ag.logsumexp(x, -1, keepdims=True) * x,
    lambda x: x / (1 + ag.norm(x)),
    lambda x: ag.var(x, 0) + x,
]  # fmt: skip
JOINING = [ag.add, ag.subtract, ag.multiply, lambda a, b: a / (2 + ag.square(b)), lambda a, b: ag.arctan2(a, 2 + b * b)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(6))
def test_random_graphs(seed, dtype, both):
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(6, 20, 2))  # pairs that are nearly equal are normalized badly
    inputs = [ag.placeholder("a", shape, dtype), ag.placeholder("b", shape[-1:], dtype)]
    pool = list(inputs)
    for _ in range(6):
        a, b = (pool[i] for i in rng.integers(len(pool), size=2))
        kind = rng.integers(len(SMOOTH) + len(JOINING))
        made = SMOOTH[kind](a + inputs[0]) if kind < len(SMOOTH) else JOINING[kind - len(SMOOTH)](a, b)
        pool.append(ag.tanh(made))
    arrays = [rng.normal(size=x.shape).astype(dtype) for x in inputs]
    y = ag.add_n([ag.mean(p) for p in pool])
    _, found, expected = both(orders(y, inputs, rng), inputs, arrays)
    close(found, expected, dtype)
