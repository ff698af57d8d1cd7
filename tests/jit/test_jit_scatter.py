"""Rows added at their places by a compiled loop, beside NumPy's ``add.at``."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import agcli as ag
from agcli.engine.backends.jit import scatter
from agcli.engine.backends.jit.code.compiler import CompileError
from agcli.engine.backends.jit.scatter import Scatter
from agcli.engine.ops.indexing import Place

pytestmark = pytest.mark.numeric

RNG = np.random.default_rng(0)
CASES = [  # shape of the table and of the indices, and of each of several
    ((5, 7), [(9,)]),
    ((5, 64), [(3, 4)]),
    ((4, 3), [(2, 3, 2)]),
    ((6,), [(8,)]),
    ((3, 4, 10), [(6,), (6,)]),
    ((3, 5), [()]),
    ((3, 5), [(0,)]),
    ((5, 2, 9), [(3, 4)]),
]


def arrays(dtype, shape, indices, turned):
    at = [RNG.integers(-n, n, s) for n, s in zip(shape, indices, strict=False)]
    g = RNG.normal(size=(*indices[0], *shape[len(indices) :])).astype(dtype)
    if turned and g.ndim > 1:
        g = np.ascontiguousarray(g.swapaxes(0, 1)).swapaxes(0, 1)
    return g, at


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "indices"), CASES)
@pytest.mark.parametrize("turned", [False, True])
def test_the_same_bits_as_numpy(dtype, shape, indices, turned):
    g, at = arrays(dtype, shape, indices, turned)
    like, out = np.zeros(shape, dtype), np.full(shape, np.nan, dtype)
    expected = np.zeros(shape, dtype)
    np.add.at(expected, tuple(at), g)
    Scatter(Place(0)).kernel(g, like, *at, out=out)
    np.testing.assert_array_equal(out, expected)


def test_nan_and_infinity_stay_in_their_rows():
    g = np.array([[1, np.nan, 2], [np.inf, 1, 1], [-np.inf, 1, 1], [3, 4, 5]], "float32")
    out = np.empty((3, 3), "float32")
    with np.errstate(invalid="ignore"):
        Scatter(Place(0)).kernel(g, out, np.array([0, 1, 1, 2]), out=out)
    np.testing.assert_array_equal(out, np.array([[1, np.nan, 2], [np.nan, 2, 2], [3, 4, 5]], "float32"))


@pytest.mark.parametrize("broken", [False, True])
def test_the_gradient_of_an_embedding(broken, monkeypatch, policy):
    """Of whatever runs, with indices that change; positions out of range are errors as ever."""

    def refuse(_):
        raise CompileError("no")

    policy(min_gain=0, scattered_elements=0)
    if broken:
        monkeypatch.setattr(scatter, "kernel", refuse)
    table, at = ag.variable(RNG.normal(size=(10, 6)), "table"), ag.placeholder("at", (4, 5), "int64")
    e = ag.take(table, at, axis=0)
    f = ag.function([e, ag.grad(ag.sum(ag.transpose(e, (1, 0, 2)) ** 3), table)])
    for _ in range(2):
        v = RNG.integers(0, 10, (4, 5))
        rows, slope = f(v)
        expected = np.zeros((10, 6))
        np.add.at(expected, v, 3 * rows**2)
        np.testing.assert_allclose(slope, expected, rtol=1e-12)
    assert "compiled<place>" in [s.op.name for s in f.plan.steps]
    with pytest.raises(ag.FeedError, match="10"):
        f(np.full((4, 5), 10))
