"""Sums of columns that compiled loops make: exact, the same with any number of threads, wherever the inputs lie."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import agcli as ag
from agcli.engine.backends.jit.code import compiler
from agcli.engine.backends.jit.elementwise import columns, launch
from agcli.engine.backends.jit.elementwise.columns import Columns, column_sums
from agcli.engine.backends.jit.elementwise.fused import Program
from agcli.engine.ops.normalization import Standardize

pytestmark = pytest.mark.numeric

SHAPES = [(64, 8), (1000, 37), (257, 16), (300, 3, 200), (8, 9, 10, 24), (70, 1000), (70_000, 9)]
EXACT = {"float32": np.float64, "float64": np.longdouble}


@pytest.fixture(autouse=True)
def every_group(monkeypatch, own_kernels, policy):
    policy(min_gain=0)


def problem(shape, dtype):
    """A group with three sums of columns and two results of its own, its inputs, and all results in more digits."""
    axes = tuple(range(len(shape) - 1))
    shapes = (shape, shape[-1:], (*shape[:-1], 1))
    inputs = [ag.placeholder(n, s, dtype) for n, s in zip("xcr", shapes, strict=True)]
    x, c, r = inputs
    d = x - c
    fetches = [ag.sum(x, axes), ag.sum(d * d, axes), ag.sum(ag.abs(d) * r, axes, keepdims=True), d > 0.5, d * 2]
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s).astype(dtype) for s in shapes]
    a, b, e = (v.astype(EXACT[dtype]) for v in arrays)
    near = arrays[0] - arrays[1]
    sums = [a.sum(axes), ((a - b) ** 2).sum(axes), (np.abs(a - b) * e).sum(axes, keepdims=True)]
    return inputs, fetches, arrays, [*sums, near > 0.5, near * 2]


@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sums_of_columns(shape, dtype):
    inputs, fetches, arrays, expected = problem(shape, dtype)
    f = ag.function(fetches, inputs=inputs)
    found = f(*arrays)
    assert [type(s.op) for s in f.plan.steps] == [Columns]
    for p, q in zip(found[:3], expected[:3], strict=True):
        np.testing.assert_allclose(
            p, q, rtol=0, atol=16 * np.finfo(dtype).eps * np.abs(q).max() + 1e-5 * (dtype[5] == "3")
        )
    np.testing.assert_array_equal(found[3], expected[3])
    np.testing.assert_array_equal(found[4], expected[4])


@pytest.mark.parametrize("width", [16, 32])
@pytest.mark.parametrize("dtype", EXACT)
def test_sums_of_columns_in_narrow_registers(dtype, width, monkeypatch):
    """Few columns, whose sums stay in registers, and many, whose sums lie in memory."""
    monkeypatch.setattr(launch, "register_width", lambda: width)
    monkeypatch.setattr(columns, "register_width", lambda: width)
    columns.kernel.cache_clear()
    for shape in ((300, 3, 9), (64, 8), (257, 130), (70, 1000)):
        inputs, fetches, arrays, expected = problem(shape, dtype)
        for p, q in zip(ag.function(fetches, inputs=inputs)(*arrays), expected, strict=True):
            unit = 16 * np.finfo(dtype).eps
            np.testing.assert_allclose(p.astype(float), q.astype(float), rtol=0, atol=unit * max(np.abs(q).max(), 40))
    columns.kernel.cache_clear()


@pytest.mark.parametrize("length", [9, 70, 300])
def test_sums_in_the_place_of_what_all_rows_read(length):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(100, length)), rng.normal(size=length)
    x, v = ag.placeholder("x", a.shape, "float64"), ag.variable(b)
    ag.function([], updates={v: ag.sum(ag.tanh(x) * v, 0)}, inputs=[x])(a)
    np.testing.assert_allclose(v.value, (np.tanh(a) * b).sum(0), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("threads", [2, 3, 5])
def test_bits_do_not_depend_on_threads(monkeypatch, threads):
    monkeypatch.setattr(columns, "SHARED", 0)
    inputs, fetches, arrays, _ = problem((1000, 37), "float32")
    one = ag.function(fetches, inputs=inputs)
    several = ag.function(fetches, inputs=inputs)
    monkeypatch.setattr(columns, "workers", lambda: 1)
    expected = one(*arrays)
    monkeypatch.setattr(columns, "workers", lambda: threads)
    for p, q in zip(several(*arrays), expected, strict=True):
        np.testing.assert_array_equal(p, q)


def test_small_sums_and_other_axes_stay():
    x = ag.placeholder("x", (100, 20, 10))
    for t, large in ((x[:, 0, :7], False), (x[:63, 0], False), (x[:64, 0], True)):
        assert columns.is_column_sum(ag.sum(t, 0)) == large
    assert columns.is_column_sum(ag.sum(x, (0, 1)))
    assert not columns.is_column_sum(ag.sum(x, 0))
    assert not columns.is_column_sum(ag.sum(x))


@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("shape", [(64, 5, 4, 16), (9, 100, 37), (3, 300, 9), (2, 3, 4, 2, 200)], ids=str)
def test_sums_of_each_sample(shape, dtype, threads, monkeypatch):
    """Over axes between the first ones and the last: a global pool, and its gradient, which all places share."""
    monkeypatch.setattr(columns, "SHARED", 0)
    monkeypatch.setattr(columns, "workers", lambda: threads)
    axes = tuple(range(len(shape) // 2, len(shape) - 1)) if len(shape) > 3 else (1,)
    x, r = ag.placeholder("x", shape, dtype), ag.placeholder("r", shape[-1:], dtype)
    pooled = ag.sum(ag.relu(x - r), axes)
    weights = np.random.default_rng(4).standard_normal(pooled.shape).astype(dtype)
    loss = ag.sum(pooled * weights)
    f = ag.function([pooled, ag.sum(x, axes, keepdims=True), *ag.grad(loss, [x, r])], inputs=[x, r])
    a, b = (np.random.default_rng(n).standard_normal(t.shape).astype(dtype) for n, t in enumerate((x, r)))
    found = f(a, b)
    assert sum(isinstance(s.op, Columns) for s in f.plan.steps) >= 2
    d = a.astype(EXACT[dtype]) - b
    slope = (d > 0) * weights.reshape([1 if i in axes else n for i, n in enumerate(shape)])
    expected = [np.maximum(d, 0).sum(axes), a.astype(EXACT[dtype]).sum(axes, keepdims=True), slope,
                -slope.sum(tuple(range(len(shape) - 1)))]  # fmt: skip
    for p, q in zip(found, expected, strict=True):
        unit = 128 * np.finfo(dtype).eps  # equal numbers, one after the other, are rounded the same way
        np.testing.assert_allclose(p, q.astype(float), rtol=0, atol=unit * max(np.abs(q).max(), 16))


def test_one_number_a_column_of_a_sample_is_not_repeated(monkeypatch):
    """The cotangent of a global pool, which is the same at all places of a sample."""

    def fail(*_):
        raise AssertionError("a copy for all places")

    x, g = ag.placeholder("x", (40, 6, 5, 16)), ag.placeholder("g", (40, 1, 1, 16))
    f = ag.function(ag.sum(ag.where(x > 0, g, 0), (0, 1, 2)), inputs=[x, g])
    a, b = (np.random.default_rng(n).standard_normal(t.shape).astype("float32") for n, t in enumerate((x, g)))
    monkeypatch.setattr(columns, "packed", fail)
    np.testing.assert_allclose(f(a, b), ((a > 0) * b).sum((0, 1, 2)), rtol=0, atol=1e-3)
    assert any(isinstance(s.op, Columns) for s in f.plan.steps)


LAYOUTS = {
    "every second row": lambda a: np.repeat(a, 2, 0)[::2],
    "every second column": lambda a: np.repeat(a, 2, 1)[:, ::2],
    "transposed": lambda a: np.ascontiguousarray(a.T).T,
    "reversed": lambda a: a[::-1],
    "one row": lambda a: np.broadcast_to(a[:1], a.shape),
    "one number": lambda a: np.broadcast_to(a[:1, :1], a.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_in_memory_does_not_matter(layout):
    x = LAYOUTS[layout](np.random.default_rng(1).standard_normal((500, 20)))
    total = np.empty(20)
    column_sums(Program((x.dtype,), (), (0,), 1), x.shape, [x], [], [total], False)()
    np.testing.assert_allclose(total, x.sum(0), rtol=1e-12, atol=1e-12)


def test_calls_follow_feeds_that_move():
    inputs, fetches, arrays, _ = problem((1000, 37), "float64")
    f = ag.function(fetches, inputs=inputs)
    for sign in (1, -1, 1):
        given = [sign * a for a in arrays]
        np.testing.assert_allclose(f(*given)[0], given[0].sum(0), rtol=1e-11, atol=1e-11)


def test_numpy_takes_over_where_llvm_fails(monkeypatch):
    def fail(*_):
        raise compiler.CompileError("no such instruction")

    monkeypatch.setattr(columns, "kernel", fail)
    inputs, fetches, arrays, expected = problem((8, 9, 10, 24), "float64")
    for p, q in zip(ag.function(fetches, inputs=inputs)(*arrays), expected, strict=True):
        np.testing.assert_allclose(p.astype(float), q.astype(float), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("shards", [1, 2])
def test_standardization_is_spelled_out(monkeypatch, shards):
    """Value and gradient of batch normalization."""
    x = ag.placeholder("x", (None, 5, 6, 16), "float64")
    y = ag.batch_norm(x, ag.ones(16), ag.zeros(16))
    fetches = [y, *ag.grad(ag.sum(ag.sin(y)), [x])]
    array = 3 + np.random.default_rng(2).standard_normal((12, 5, 6, 16))
    fast, plain = (ag.function(fetches, inputs=[x], shards=shards) for _ in range(2))
    found = fast(array)
    assert not any(isinstance(s.op, Standardize) for s in fast.plan.steps)
    monkeypatch.setenv("AG_BACKEND", "numpy")
    expected = plain(array)
    assert any(isinstance(s.op, Standardize) for s in plain.plan.steps)
    for p, q in zip(found, expected, strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-10, atol=1e-12)
