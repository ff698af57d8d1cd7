"""What other loops can compute cheaply is neither stored nor read: same numbers, no more memory."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import agcli as ag
from agcli.engine.backends.jit.elementwise.fused import Fused

pytestmark = [pytest.mark.numeric, pytest.mark.usefixtures("compiled")]

RNG = np.random.default_rng(0)


def batch_norm(x, s, o):
    return ag.relu(ag.batch_norm(x, s, o))


def residual(x, s, o):
    return ag.relu(ag.batch_norm(x, s, o) + x)


def layer_norm(x, s, o):
    return ag.layer_norm(x, s, o)


def gelu(x, s, o):
    return ag.gelu(x * s + o)


def network(f, policy, shards=1, least=1, dtype="float64"):
    """A layer between products, its gradients, and the arrays to feed."""
    policy(recomputed_elements=least)
    x = ag.placeholder("x", (None, 20), dtype)
    w, v, s, o = (ag.variable(RNG.standard_normal(n).astype(dtype), "p") for n in ((20, 40), (40, 20), 40, 40))
    loss = ag.sum(ag.sin(f(x @ w, s, o) @ v))
    return ag.function([loss, *ag.grad(loss, [x, w, v, s, o])], inputs=[x], shards=shards)


@pytest.mark.parametrize("shards", [1, 2])
@pytest.mark.parametrize("formula", [batch_norm, residual, layer_norm, gelu])
def test_values_and_gradients_have_the_same_bits(formula, shards, monkeypatch, policy):
    a = RNG.standard_normal((600, 20))
    state = RNG.bit_generator.state
    found = network(formula, policy, shards)(a)
    RNG.bit_generator.state = state
    expected = network(formula, policy, shards, 1 << 30)(a)
    for p, q in zip(found, expected, strict=True):
        np.testing.assert_array_equal(p, q)


@pytest.mark.parametrize("formula", [batch_norm, residual, layer_norm, gelu])
def test_less_memory_is_moved_and_no_more_is_held(formula, monkeypatch, policy):
    """Bytes of all results of loops, and of the arena."""
    a = RNG.standard_normal((4000, 20)).astype("float32")
    sizes = []
    for least in (1, 1 << 30):
        f = network(formula, policy, least=least, dtype="float32")
        f(a)
        made = [s.op.infer() for s in f.plan.steps if isinstance(s.op, Fused)]
        written = sum(t.nbytes for made in made for t in getattr(made, "items", (made,)))
        sizes.append((written, f.plan.arena))
    (less, held), (more, before) = sizes
    assert less < more
    assert held <= before * 1.02  # a layer norm keeps two more numbers a row of 40


def test_what_begins_with_two_arrays_or_costs_much_is_stored(monkeypatch, policy):
    """x * z would be read from two arrays instead of one; exp takes longer than memory."""
    policy(recomputed_elements=1, min_elements=1)
    x, z = ag.placeholder("x", (500, 30)), ag.placeholder("z", (500, 30))
    w = ag.variable(RNG.standard_normal((30, 30)).astype("float32"))
    for y, stored in ((x * z, 2), (ag.exp(x), 2), (x * 2 + 1, 1)):
        d = ag.tanh(y)
        f = ag.function((d @ w) * y, inputs=[x, z])
        f(*(RNG.standard_normal((500, 30)).astype("float32") for _ in range(2)))
        first = next(s.op for s in f.plan.steps if isinstance(s.op, Fused))
        assert len(first.program.results) == stored


@pytest.mark.parametrize("shape", [(1, 3, 20, 100), (20, 100), (2, 1, 1, 100), (2, 3, 20, 1)])
def test_what_is_made_of_a_smaller_array_has_as_many_numbers_a_row_as_that(shape, policy):
    """Cheap operations on an array that broadcasts, done again in a loop over the rows of a larger one."""
    policy(recomputed_elements=1, min_elements=0, min_gain=0)
    s, m = ag.placeholder("s", (2, 3, 20, 100), "float64"), ag.placeholder("m", shape, "float64")
    look = ag.greater(m, -1.0)
    x = ag.where(look, s + ag.where(look, m, 0), -1e300)
    y = ag.where(ag.any(look, -1, keepdims=True), ag.softmax(x), 0)
    a, b = RNG.standard_normal(s.shape), RNG.standard_normal(shape)
    scores = np.where(b > -1, a + b, -1e300)
    power = np.exp(scores - scores.max(-1, keepdims=True))
    expected = np.where((b > -1).any(-1, keepdims=True), power / power.sum(-1, keepdims=True), 0)
    np.testing.assert_allclose(ag.function(y, inputs=[s, m])(a, b), expected, rtol=1e-12, atol=1e-300)
