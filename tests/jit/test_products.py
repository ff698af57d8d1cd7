"""Products of stacks of matrices: what runs in their place, and that it gives the same numbers."""

import numpy as np
import pytest

import agcli as ag
from agcli.engine.graph import toposort
from agcli.engine.rewrite.rewriter import simplify

pytestmark = pytest.mark.numeric

B, T, K, N = 3, 5, 4, 6


def swap(x):
    return ag.swapaxes(x, 0, 1)


def weight_gradient(x, w, g):
    return ag.grad(ag.sum((x @ w) * g), w)


def input_gradient(x, w, g):
    return ag.grad(ag.sum((x @ w) * g), x)


# Formula of x (B, T, K), w (K, N) and g (B, T, N), and the same by NumPy.
ROWS = {
    "rows of a stack": (lambda x, w, g: x @ w, lambda x, w, g: np.einsum("btk,kn->btn", x, w)),
    "rows in another order": (lambda x, w, g: swap(x) @ w, lambda x, w, g: np.einsum("btk,kn->tbn", x, w)),
    "columns moved": (
        lambda x, w, g: ag.transpose(g, (0, 2, 1)) @ x,
        lambda x, w, g: np.einsum("btn,btk->bnk", g, x),
    ),
    "weights": (weight_gradient, lambda x, w, g: np.einsum("btk,btn->kn", x, g)),
    "weights, inputs moved": (
        lambda x, w, g: weight_gradient(swap(x), w, swap(g)),
        lambda x, w, g: np.einsum("btk,btn->kn", x, g),
    ),
    "weights, outputs moved": (
        lambda x, w, g: weight_gradient(x, w, swap(swap(g) * 2)),
        lambda x, w, g: np.einsum("btk,btn->kn", x, 2 * g),
    ),
    "inputs": (input_gradient, lambda x, w, g: np.einsum("btn,kn->btk", g, w)),
    "a sum of products": (
        lambda x, w, g: ag.sum(ag.transpose(x, (0, 2, 1)) @ g, axis=0),
        lambda x, w, g: np.einsum("btk,btn->kn", x, g),
    ),
    "a sum of products that transposing would copy": (
        lambda x, w, g: ag.sum(x @ ag.transpose(x, (0, 2, 1)), axis=0),
        lambda x, w, g: np.einsum("btk,bsk->ts", x, x),
    ),
}


@pytest.mark.parametrize("shape", [(B, T), (0, T), (B, 0), (1, 1)], ids=str)
@pytest.mark.parametrize("name", ROWS)
def test_products_of_stacks(name, shape):
    formula, expected = ROWS[name]
    rng = np.random.default_rng(0)
    values = [rng.normal(size=s) for s in ((*shape, K), (K, N), (*shape, N))]
    inputs = [ag.placeholder(n, v.shape, "float64") for n, v in zip("xwg", values, strict=True)]
    f = ag.function(formula(*inputs))
    feeds = {x: v for x, v in zip(inputs, values, strict=True) if x in f.inputs}
    np.testing.assert_allclose(f(feeds), expected(*values), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["weights", "weights, inputs moved", "weights, outputs moved", "a sum of products"])
def test_a_gradient_of_weights_is_one_product(name):
    inputs = [ag.placeholder(n, s, "float64") for n, s in (("x", (B, T, K)), ("w", (K, N)), ("g", (B, T, N)))]
    f = ag.function(ROWS[name][0](*inputs))
    f({x: np.ones(x.shape) for x in f.inputs})
    products = [s for s in f.plan.steps if s.op.name == "matmul"]
    assert [f.plan.slots[i].type.shape for s in products for i in s.inputs] == [(K, B * T), (B * T, N)]
    assert "sum" not in [s.op.name for s in f.plan.steps]


def test_a_stack_of_rows_runs_as_one_matrix():
    """The kernel is bound to views of two axes where the rows lie behind each other, else to the stack."""
    op = ag.matmul(ag.zeros((B, T, K)), ag.zeros((K, N))).op
    whole, out = np.ones((B, T, K)), np.empty((B, T, N))
    weights = np.ones((K, N))
    assert [x.shape for x in op.bind([whole, weights], out).args] == [(B * T, K), (K, N), (B * T, N)]
    part = np.ones((B, T + 1, K))[:, 1:]
    assert [x.shape for x in op.bind([part, weights], out).args] == [(B, T, K), (K, N), (B, T, N)]


@pytest.mark.parametrize(
    ("order", "axes", "names"),
    [
        ((1, 0, 2), (0, 1), ["sum"]),
        ((1, 0, 2), (0,), ["sum"]),
        ((2, 0, 1), (0, 2), ["sum"]),
        ((2, 1, 0), (0, 1, 2), ["sum"]),
        ((1, 0, 2), (2,), ["transpose", "sum"]),  # what is left comes in another order
    ],
)
@pytest.mark.parametrize("keepdims", [False, True])
def test_a_sum_does_not_see_a_transpose(order, axes, names, keepdims):
    a = ag.placeholder("a", (2, 3, 4), "float64")
    y = ag.sum(ag.transpose(a, order), axis=axes, keepdims=keepdims)
    v = np.random.default_rng(0).normal(size=(2, 3, 4))
    expected = v.transpose(order).sum(axes, keepdims=keepdims)
    np.testing.assert_allclose(ag.function(y)(v), expected, rtol=1e-12)
    (new,) = simplify([y])
    assert [t.op.name for t in toposort([new]) if t.op and t.op.name != "reshape"] == names
