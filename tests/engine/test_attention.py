"""Attention against loops, and where a query may look nowhere."""

import numpy as np
import pytest
from scipy import special

from agcli.engine import functional as fn
from agcli.engine.function import Function
from agcli.engine.gradient import grad
from agcli.engine.leaves import placeholder
from agcli.engine.ops.elementwise import square
from agcli.engine.ops.reductions import sum

pytestmark = pytest.mark.numeric

RNG = np.random.default_rng(7)


def draw(*shape):
    return RNG.standard_normal(shape)


def same(a, b, rtol=1e-12):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


def loop_attention(q, k, v, allowed, scale):
    """One query at a time."""
    out = np.zeros((*q.shape[:-1], v.shape[-1]))
    for at in np.ndindex(q.shape[:-1]):
        n, i = at[:-1], at[-1]
        seen = np.flatnonzero(allowed[i])
        out[at] = special.softmax(k[n][seen] @ q[at] * scale) @ v[n][seen]
    return out


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("causal", "masked"), [(False, False), (True, False), (False, True), (True, True)])
def test_attention(causal, masked, known):
    q, k, v = draw(2, 3, 4, 5), draw(2, 3, 6, 5), draw(2, 3, 6, 2)
    mask = RNG.random((4, 6)) < 0.7
    mask[:, 0] = True
    allowed = (mask if masked else np.ones((4, 6), bool)) & (np.tri(4, 6, dtype=bool) if causal else True)
    xs = [placeholder(n, a.shape if known else (None,) * 4, "float64") for n, a in zip("qkv", (q, k, v), strict=True)]
    y = fn.scaled_dot_product_attention(*xs, mask if masked else None, causal=causal)
    same(Function(y, inputs=xs)(q, k, v), loop_attention(q, k, v, allowed, 5**-0.5))


NOWHERE = np.array([[True, False, True, True], [False] * 4, [False, False, False, True]])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("known", [False, True])
def test_a_query_that_may_look_nowhere_gets_0_and_has_no_derivatives(known, causal, dtype):
    """As in torch and the ONNX operator; to third order. With ``causal`` the last query looks nowhere either."""
    shapes = ((3, 2), (4, 2), (4, 3))
    arrays = [draw(*s).astype(dtype) for s in shapes]
    q, k, v = (placeholder(n, s if known else (None, None), dtype) for n, s in zip("qkv", shapes, strict=True))
    y = fn.scaled_dot_product_attention(q, k, v, NOWHERE, causal=causal)
    empty = [1, 2] if causal else [1]
    slopes = grad(sum(square(y[1])), [q, k, v])
    curved = grad(sum(square(grad(sum(y * y * y), q))), q)
    third = grad(sum(curved * curved), q)
    value, dq, ddq, d3q, *none = Function([y, grad(sum(y * y), q), curved, third, *slopes], inputs=[q, k, v])(*arrays)
    assert not value[empty].any()
    assert not any(d[empty].any() for d in (dq, ddq, d3q))
    assert value[0].any()
    assert dtype == "float16" or all(np.isfinite(d).all() and d[0].any() for d in (dq, ddq, d3q) if not causal)
    assert not any(d.any() for d in none)


@pytest.mark.parametrize(
    "mask", [False, np.zeros(4, bool), np.zeros((3, 1), bool), np.zeros((2, 1, 3, 4), bool)], ids=str
)
def test_masks_of_any_rank_may_close_everything(mask):
    y = fn.scaled_dot_product_attention(draw(3, 2), draw(4, 2), draw(4, 3), mask)
    assert not y.eval().any()


def test_attention_over_no_keys_is_0():
    y = fn.scaled_dot_product_attention(draw(3, 2), np.zeros((0, 2)), np.zeros((0, 5)))
    same(y.eval(), np.zeros((3, 5)))
