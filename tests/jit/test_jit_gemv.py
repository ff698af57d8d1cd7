"""Products with a vector or a few rows: the numbers of NumPy, whatever lies in memory however."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import agcli as ag
from agcli.engine.backends.jit.code import machine
from agcli.engine.backends.jit.code.native import Movable, Parts
from agcli.engine.backends.jit.products import gemv
from agcli.engine.backends.jit.products.gemv import Thin
from agcli.engine.backends.jit.products.narrow_gemm import NarrowGemm
from agcli.engine.types import TensorType

pytestmark = pytest.mark.numeric


@pytest.fixture(autouse=True)
def kernels(monkeypatch, own_kernels, policy):
    policy(min_gain=0)


def turned(x):
    return np.ascontiguousarray(x.T).T


def spread(x):
    """The same numbers with gaps between rows."""
    room = np.full((len(x), x.shape[1] + 3), np.nan, x.dtype)
    room[:, : x.shape[1]] = x
    return room[:, : x.shape[1]]


SHAPES = [
    (1, 784, 512), (3, 512, 40), (2, 2000, 100), (1, 1500, 273),
    (1, 300, 10), (1, 100, 37), (1, 17, 1000), (2, 64, 100), (3, 200, 33), (4, 90, 256), (4, 300, 15),
    (784, 16, 1), (100, 105, 1), (1024, 107, 1), (17, 300, 1), (33, 64, 1), (16, 257, 1),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lie", [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (0, 2)])
@pytest.mark.parametrize(("m", "k", "n"), SHAPES)
def test_products(m, k, n, lie, dtype):
    rng = np.random.default_rng(m + k + n)
    ways = [np.copy, turned, spread]
    a, b = ways[lie[0]](rng.normal(size=(m, k)).astype(dtype)), ways[lie[1]](rng.normal(size=(k, n)).astype(dtype))
    for parts in (1, 2, 3):
        op, out = Thin(steady=True, threads=True), np.empty((m, n), dtype)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(gemv, "SHARED", 0)
            patch.setattr(gemv, "workers", lambda parts=parts: parts)
            op.bind([a, b], out)()
        exact = a.astype(np.float64) @ b.astype(np.float64)
        scale = np.abs(a).astype(np.float64) @ np.abs(b).astype(np.float64)
        np.testing.assert_array_less(np.abs(out - exact), 2 * np.finfo(dtype).eps * scale)
        if parts == 1:
            first = out.copy()
        np.testing.assert_array_equal(out, first)  # each number is one thread's


@pytest.mark.parametrize(("m", "k", "n", "kind"), [(1, 500, 300, Movable), (500, 300, 1, Movable), (5, 500, 9, object)])
def test_which_kernel(m, k, n, kind):
    out = np.empty((m, n), np.float32)
    call = Thin(steady=False, threads=False).bind([np.ones((m, k), np.float32), np.ones((k, n), np.float32)], out)
    assert type(call) is kind or kind is object
    call()
    np.testing.assert_array_equal(out, np.full((m, n), k, np.float32))


@pytest.mark.parametrize("special", [np.inf, -np.inf, np.nan])
def test_special_numbers_stay_in_their_place(special):
    a, b = np.ones((40, 45), np.float32), np.ones((45, 1), np.float32)
    a[7, 44] = a[8, 0] = special
    out = np.empty((40, 1), np.float32)
    Thin(steady=False, threads=False).bind([a, b], out)()
    np.testing.assert_array_equal(out, a @ b)


def test_a_long_sum_is_exact_enough():
    out = np.empty((1, 64), np.float32)
    a, b = np.ones((1, 1 << 17), np.float32), np.full((1 << 17, 64), 0.1, np.float32)
    Thin(steady=False, threads=False).bind([a, b], out)()
    np.testing.assert_allclose(out, float(np.float32(0.1)) * (1 << 17), rtol=2e-5)


def test_a_model_uses_them_and_learns_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    data, labels = rng.normal(size=(500, 107)).astype(np.float32), rng.integers(0, 2, 500)

    def run():
        x, y = ag.placeholder("x", (None, 107)), ag.placeholder("y", (None,), "int64")
        w, c = ag.variable(np.zeros((107, 1), np.float32)), ag.variable(np.zeros(1, np.float32))
        loss = ag.sigmoid_cross_entropy(x @ w + c, ag.expand_dims(ag.astype(y, "float32"), 1)).mean()
        gradients = ag.grad(loss, [w, c])
        step = ag.function(loss, updates={v: v - 0.1 * g for v, g in zip((w, c), gradients, strict=True)})
        losses = [float(step({x: data, y: labels})) for _ in range(20)]
        return losses, w.value.copy(), sum(isinstance(s.op, Thin) for s in step.plan.steps)

    losses, weights, used = run()
    monkeypatch.setenv("AG_BACKEND", "numpy")
    expected, others, none = run()
    assert (used, none) == (2, 0)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    np.testing.assert_allclose(weights, others, rtol=1e-3, atol=1e-6)


def test_weights_are_shared_among_threads(monkeypatch):
    monkeypatch.setattr(gemv, "workers", lambda: 2)
    x, w = ag.placeholder("x", (None, 300)), ag.variable(np.ones((300, 400), np.float32))
    f = ag.function(ag.relu(x @ w))
    row = np.ones((1, 300), np.float32)
    np.testing.assert_array_equal(f({x: row}), np.full((1, 400), 300, np.float32))
    (executor,) = f.executors.values()
    kinds = {type(call) for call in executor.calls}
    assert Parts in kinds or len(kinds) == 1
    assert executor.plan.slots[executor.plan.steps[0].inputs[1]].type == TensorType((300, 400), np.dtype("float32"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("m", [128, 141, 300])
def test_narrow_products_along_columns_and_rows(dtype, m):
    """Where the columns or rows of the left side are contiguous, vectors run along them; feeds may move."""
    lanes = machine.register_width() // np.dtype(dtype).itemsize
    rng = np.random.default_rng(7)
    for n in {lanes // 2 + 1, max(lanes - 1, 2), lanes}:  # of one column, it would be a vector
        x, g, w = (
            ag.placeholder(name, shape, dtype) for name, shape in (("x", (1100, m)), ("g", (1100, n)), ("w", (m, n)))
        )
        f = ag.function([x.T @ g, x @ w], inputs=[x, g, w])
        arrays = [[rng.standard_normal(t.shape).astype(dtype) for t in (x, g, w)] for _ in range(2)]
        for a, b, c in (*arrays, (arrays[0][0], *arrays[1][1:]), arrays[0]):
            for got, wanted in zip(f(a, b, c), (a.T @ b, a @ c), strict=True):
                np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-3 if dtype == "float32" else 1e-11)
        assert [type(s.op) for s in f.plan.steps] == [NarrowGemm, NarrowGemm]
