"""Masks of floats, which attention adds to its scores: values, gradients by the mask too, and what is closed."""

import numpy as np
import pytest

import agcli.api as ag
from agcli.engine.backends.jit import active
from agcli.engine.errors import ShapeError
from agcli.engine.ops.attention_plain import plain_weights
from agcli.engine.testing import check_grads

pytestmark = pytest.mark.numeric

SHAPES = [(3, 1, 1, -1), (1, 1, -1, 1), (1, 4, -1, -1), (3, 4, -1, -1)]


@pytest.fixture(params=["numpy", "compiled"])
def backend(request, monkeypatch, policy):
    """Both backends, the compiled one from the smallest sizes on."""
    if request.param == "numpy":
        monkeypatch.setenv("AG_BACKEND", "numpy")
    elif not active():
        pytest.skip("nothing is compiled here")
    policy(min_elements=0, min_gain=0, attention_scores=0, apart_elements=-1)
    return request.param


def drawn(shape, queries, keys, groups, dtype, seed=0):
    """Queries, keys and values, and a mask with infinities, which closes some rows altogether."""
    rng = np.random.default_rng(seed)
    shapes = ((3, 4, queries, 5), (3, groups, keys, 5), (3, groups, keys, 3))
    mask = rng.normal(size=[n if n > 0 else (queries, keys)[i - 2] for i, n in enumerate(shape)]) * 2
    mask[rng.random(mask.shape) < 0.3] = -np.inf
    mask[..., :1, :] = -np.inf if shape[2] != 1 else mask[..., :1, :]
    return [rng.standard_normal(s).astype(dtype) for s in shapes], mask.astype(dtype)


def by_loops(q, k, v, mask, causal):
    """One query after the other."""
    mask = np.broadcast_to(mask, (3, 4, q.shape[2], k.shape[2]))
    out = np.zeros((*q.shape[:3], v.shape[3]))
    for n, h, i in np.ndindex(q.shape[:3]):
        g = h * k.shape[1] // q.shape[1]
        scores = k[n, g] @ q[n, h, i] / np.sqrt(q.shape[3]) + mask[n, h, i]
        if causal:
            scores[i + 1 :] = -np.inf
        if np.isfinite(scores).any():
            power = np.exp(scores - scores.max())
            out[n, h, i] = power @ v[n, g] / power.sum()
    return out


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("causal", [False, True])
def test_values_by_loops_and_gradients_of_the_plain_form(causal, shape, dtype, backend):
    for queries, keys, groups in ((7, 7, 4), (37, 21, 2), (18, 70, 1)):
        arrays, mask = drawn(shape, queries, keys, groups, dtype)
        xs = [ag.placeholder(n, a.shape, dtype) for n, a in zip("qkvm", (*arrays, mask), strict=True)]
        q, k, v, m = xs
        ours = ag.scaled_dot_product_attention(q, k, v, m, causal=causal)
        each = 4 // groups
        plain = plain_weights(q, ag.repeat(k, each, axis=1), m, causal, None) @ ag.repeat(v, each, axis=1)
        g = np.cos(np.arange(ours.type.size)).reshape(ours.shape).astype(dtype)
        tolerance = 300 * np.finfo(dtype).eps
        found = [ag.function([y, *ag.grad(ag.sum(y * g), xs)], inputs=xs)(*arrays, mask) for y in (ours, plain)]
        expected = by_loops(*(a.astype("float64") for a in (*arrays, mask)), causal)
        np.testing.assert_allclose(found[0][0], expected, rtol=0, atol=tolerance * np.abs(expected).max())
        for a, b in zip(*found, strict=True):
            assert np.isfinite(a).all()
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(np.abs(b).max(), 1))
        assert not found[0][4][mask == -np.inf].any()


def test_what_is_compiled_and_that_no_gradient_of_the_mask_costs_nothing(backend):
    arrays, mask = drawn((1, 4, -1, -1), 40, 40, 4, "float32")
    xs = [ag.placeholder(n, a.shape) for n, a in zip("qkv", arrays, strict=True)]
    y = ag.scaled_dot_product_attention(*xs, mask)
    f = ag.function(ag.grad(ag.sum(y * y), xs), inputs=xs)
    f(*arrays)
    names = [step.op.name for step in f.plan.steps]
    wanted = ["attention", "attention_grad"]
    assert [n for n in names if "attention" in n] == [f"compiled<{n}>" if backend == "compiled" else n for n in wanted]
    assert not any("softmax" in n or "matmul" in n for n in names)


@pytest.mark.parametrize("causal", [False, True])
def test_values_and_gradients_are_those_of_torch(causal, backend):
    torch = pytest.importorskip("torch", reason="values are compared with those of PyTorch")
    arrays, mask = drawn((3, 4, -1, -1), 12, 12, 4, "float64")
    if causal:
        mask = np.where(np.tri(12, dtype=bool), mask, -np.inf)
    xs = [ag.placeholder(n, a.shape, "float64") for n, a in zip("qkvm", (*arrays, mask), strict=True)]
    y = ag.scaled_dot_product_attention(*xs, causal=causal)
    found = ag.function([y, *ag.grad(ag.sum(ag.square(y)), xs)], inputs=xs)(*arrays, mask)
    seen = np.isfinite(mask).any(-1)  # elsewhere theirs is NaN
    theirs = [torch.from_numpy(a).requires_grad_() for a in (*arrays, np.where(seen[..., None], mask, 0.0))]
    out = torch.nn.functional.scaled_dot_product_attention(*theirs)
    out = torch.where(torch.from_numpy(seen[..., None].copy()), out, 0.0)
    out.square().sum().backward()
    for a, b in zip(found, [out.detach(), *(x.grad for x in theirs)], strict=True):
        np.testing.assert_allclose(a, b.numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("causal", [False, True])
def test_derivatives_to_third_order_by_all_four(causal):
    rng = np.random.default_rng(3)
    arrays = [rng.standard_normal(s) for s in ((2, 4, 3, 2), (1, 2, 3, 2), (2, 2, 3, 3), (1, 4, 3, 3))]

    def attended(q, k, v, m):
        return ag.scaled_dot_product_attention(q, k, v, m, causal=causal, dropout=0.3, random_key=ag.random_key(3))

    check_grads(attended, arrays, order=3, tolerance=1e-5)


def test_numbers_of_any_kind_and_rank():
    """Floats are added, integers and bools say where to look; a query that may look nowhere gets 0."""
    rng = np.random.default_rng(4)
    q, k, v = (rng.standard_normal(s) for s in ((4, 2), (3, 2), (3, 5)))
    whole = ag.scaled_dot_product_attention(q, k, v)
    for mask in (np.zeros(3), np.ones(3), 2.5, np.array([[7.0]]), np.ones(3, int), True):
        np.testing.assert_allclose(ag.scaled_dot_product_attention(q, k, v, mask).eval(), whole.eval(), rtol=1e-13)
    closed = np.array([0.0, -np.inf, 0.0])
    pair = [ag.scaled_dot_product_attention(q, k, v, m).eval() for m in (closed, closed == 0)]
    np.testing.assert_allclose(*pair, rtol=1e-13)
    assert not ag.scaled_dot_product_attention(q, k, v, -np.inf).eval().any()
    with pytest.raises(ShapeError, match="a mask of 4 keys does not belong to 3"):
        ag.scaled_dot_product_attention(q, k, v, np.zeros((1, 4)))
    half = ag.scaled_dot_product_attention(*(x.astype("float16") for x in (q, k, v)), np.zeros(3, "float32"))
    assert half.dtype == np.float16
    deep = ag.scaled_dot_product_attention(*(np.broadcast_to(x, (1, 2, 1, *x.shape)) for x in (q, k, v)), closed)
    np.testing.assert_allclose(deep.eval()[0, 1, 0], pair[0], rtol=1e-13)


def test_shards_and_many_examples_at_once_compute_the_same():
    arrays, mask = drawn((3, 4, -1, -1), 6, 6, 2, "float64")
    xs = [ag.placeholder(n, a.shape, "float64") for n, a in zip("qkvm", (*arrays, mask), strict=True)]
    loss = ag.mean(ag.scaled_dot_product_attention(*xs) ** 2)
    outputs = [loss, *ag.grad(loss, xs)]
    whole, split = (ag.function(outputs, inputs=xs, **more)(*arrays, mask) for more in ({}, {"shards": 3}))
    for a, b in zip(whole, split, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)

    def slopes(q, k, v, m):
        return ag.grad(ag.mean(ag.scaled_dot_product_attention(q, k, v, m) ** 2), [q, k, v, m])

    pairs = [np.stack([a, a[::-1]]) for a in (*arrays, mask)]
    many = ag.vmap(slopes)(*map(ag.constant, pairs))
    for i, picked in enumerate(((*arrays, mask), [a[::-1] for a in (*arrays, mask)])):
        for a, b in zip(many, slopes(*map(ag.constant, picked)), strict=True):
            np.testing.assert_allclose(a.eval()[i], b.eval(), rtol=1e-11, atol=1e-14)
