"""Loops over rows that need the sums of their rows: beside NumPy, on odd shapes, in registers of every width."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import agcli as ag
from agcli.engine.backends.jit.code import compiler
from agcli.engine.backends.jit.elementwise import columns, launch, rows
from agcli.engine.backends.jit.elementwise.rows import RowLoop

pytestmark = [pytest.mark.numeric, pytest.mark.usefixtures("compiled")]

RNG = np.random.default_rng(0)
UNITS = {"float32": 1e-5, "float64": 1e-13}
SHAPES = [(16, 64), (300, 5), (7, 9, 33), (129, 130), (40, 300), (20, 1000), (16, 4096)]


@pytest.fixture(autouse=True)
def every_group(monkeypatch, policy):
    policy(min_gain=0)


def layer_norm(x, s, o):
    return ag.layer_norm(x, s, o)


def rms_norm(x, s, o):
    return ag.rms_norm(x, s) + o


def softmax(x, s, o):
    """Of scores that would overflow, by its formula."""
    z = 100 * x * s + o
    p = ag.exp(z - ag.max(z, -1, keepdims=True))
    return p / ag.sum(p, -1, keepdims=True)


def spread(x, s, o):
    """A smallest number, flags, and two sums in a row; sums over rows and columns leave the loop."""
    low = ag.min(x, -1, keepdims=True)
    d = ag.where(x - low > 1, x * s, o)
    return d - ag.sum(ag.abs(d), -1, keepdims=True) / 50


def problem(f, shape, dtype):
    """A formula beside what is added to it, its gradients, and their inputs."""
    shapes = (shape, shape, shape[-1:], shape[-1:])
    inputs = [ag.placeholder(n, s, dtype) for n, s in zip("xzso", shapes, strict=True)]
    x, z, s, o = inputs
    y = f(x + z, s, o)
    loss = ag.sum(ag.sin(y) * z)
    arrays = [RNG.standard_normal(s).astype(dtype) for s in shapes]
    return inputs, [y, x + z, *ag.grad(loss, [x, z, s, o])], arrays


def beside_numpy(monkeypatch, inputs, fetches, arrays, unit, **options):
    """The function by compiled loops, whose results are those of NumPy."""
    fast, plain = (ag.function(fetches, inputs=inputs, **options) for _ in range(2))
    found = fast(*arrays)
    monkeypatch.setenv("AG_BACKEND", "numpy")
    expected = plain(*arrays)
    monkeypatch.delenv("AG_BACKEND")
    for p, q in zip(found, expected, strict=True):
        np.testing.assert_allclose(p, q, rtol=0, atol=unit * max(np.abs(q).max(), 1))
    return fast


def loops(f):
    return sum(isinstance(s.op, RowLoop) for s in f.plan.steps)


@pytest.mark.parametrize("formula", [layer_norm, rms_norm, softmax, spread])
@pytest.mark.parametrize("dtype", UNITS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values_and_gradients(formula, dtype, shape, monkeypatch):
    assert loops(beside_numpy(monkeypatch, *problem(formula, shape, dtype), UNITS[dtype] * 10)) > 0


@pytest.mark.parametrize("width", [16, 32])
@pytest.mark.parametrize("dtype", UNITS)
def test_narrow_registers(dtype, width, monkeypatch):
    for module in (launch, columns):
        monkeypatch.setattr(module, "register_width", lambda: width)
    for cached in (rows.kernel, columns.kernel):
        cached.cache_clear()
    for shape in ((300, 5), (7, 9, 33), (40, 300)):
        for formula in (layer_norm, softmax, spread):
            assert loops(beside_numpy(monkeypatch, *problem(formula, shape, dtype), UNITS[dtype] * 10)) > 0
    for cached in (rows.kernel, columns.kernel):
        cached.cache_clear()


@pytest.mark.parametrize("shards", [1, 2])
def test_group_normalization(shards, monkeypatch):
    """Rows of several axes."""
    x = ag.placeholder("x", (None, 6, 5, 4), "float64")
    y = ag.normalize(ag.tanh(x), (1, 2, 3))
    fetches = [y, ag.grad(ag.sum(ag.sin(y)), x)]
    f = beside_numpy(monkeypatch, [x], fetches, [RNG.standard_normal((40, 6, 5, 4))], 1e-12, shards=shards)
    assert loops(f) == shards


def test_a_normalization_and_its_gradient_go_through_memory_once(monkeypatch):
    """Statistics, values, gradients of the rows and of scale and offset: one loop."""
    f = beside_numpy(monkeypatch, *problem(layer_norm, (300, 64), "float32"), 1e-4)
    assert [type(s.op) for s in f.plan.steps] == [RowLoop]


@pytest.mark.parametrize("threads", [2, 3, 5])
def test_bits_do_not_depend_on_threads(threads, monkeypatch):
    monkeypatch.setattr(rows, "SHARED", 0)
    inputs, fetches, arrays = problem(layer_norm, (1100, 37), "float32")
    one, several = (ag.function(fetches, inputs=inputs) for _ in range(2))
    monkeypatch.setattr(columns, "workers", lambda: 1)
    expected = one(*arrays)
    monkeypatch.setattr(columns, "workers", lambda: threads)
    for p, q in zip(several(*arrays), expected, strict=True):
        np.testing.assert_array_equal(p, q)


def test_rows_do_not_depend_on_their_neighbours():
    x = ag.placeholder("x", (None, 70))
    f = ag.function(ag.layer_norm(x * 2), inputs=[x])
    a = RNG.standard_normal((300, 70)).astype("float32")
    whole = f(a)
    assert loops(f) == 1
    for cut in (slice(0, 20), slice(17, 300), slice(100, 200)):
        np.testing.assert_array_equal(f(a[cut]), whole[cut])


LAYOUTS = {
    "every second row": lambda a: np.repeat(a, 2, 0)[::2],
    "every second column": lambda a: np.repeat(a, 2, 2)[:, :, ::2],
    "transposed": lambda a: np.ascontiguousarray(a.transpose(2, 1, 0)).transpose(2, 1, 0),
    "turned": lambda a: np.ascontiguousarray(a.swapaxes(0, 1)).swapaxes(0, 1),
    "reversed": lambda a: a[::-1],
    "one row": lambda a: np.broadcast_to(a[:1, :1], a.shape),
    "a number a row": lambda a: np.broadcast_to(a[:, :, :1], a.shape),
}


@pytest.mark.parametrize("rows_between", [4, 20])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_in_memory_does_not_matter(layout, rows_between, monkeypatch):
    """An array anyhow, beside one that is the same for all samples."""
    shape = (12, rows_between, 40)
    x, z = ag.placeholder("x", shape, "float64"), ag.placeholder("z", shape[1:], "float64")
    arrays = [LAYOUTS[layout](RNG.standard_normal(shape)), RNG.standard_normal(shape[1:])]
    y = ag.normalize(x * z)
    fetches = [y, ag.sum(y * x, -1), ag.sum(y * z, (0, 1))]
    assert loops(beside_numpy(monkeypatch, [x, z], fetches, arrays, 1e-12)) == 1


def test_calls_follow_feeds_that_move():
    inputs, fetches, arrays = problem(layer_norm, (64, 37), "float64")
    f = ag.function(fetches, inputs=inputs)
    for sign in (1, -1, 1):
        a = [sign * array for array in arrays]
        h = a[0] + a[1]
        expected = (h - h.mean(-1, keepdims=True)) / np.sqrt(h.var(-1, keepdims=True) + 1e-5) * a[2] + a[3]
        np.testing.assert_allclose(f(*a)[0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("where", [0, 1])
def test_a_result_in_the_place_of_what_it_is_made_of(where):
    """All elements, where one input lies, and a number a row, where an input lies that is the same for all samples."""
    x, v = ag.placeholder("x", (20, 20, 20), "float64"), ag.placeholder("v", (20, 20), "float64")
    z = x * v
    d = z - ag.mean(z, -1, keepdims=True)
    f = ag.function([ag.sum(d * d, -1), d * x][1 - where], inputs=[x, v])
    arrays = [RNG.standard_normal(t.shape) for t in (x, v)]
    expected = f(*arrays)
    (step,) = f.plan.steps
    assert isinstance(step.op, RowLoop)
    assert expected.shape == arrays[where].shape
    step.op.bind(arrays, arrays[where])()
    np.testing.assert_array_equal(arrays[where], expected)


def classified(shape, dtype, special=()):
    """Cross-entropy of long rows, softmax, its logarithm, and gradients."""
    x, labels, w = ag.placeholder("x", shape, dtype), ag.placeholder("n", shape[:-1], "int64"), ag.variable(1.5)
    z = x * w.astype(dtype)
    loss = ag.sparse_softmax_cross_entropy(z, labels)
    slope = ag.grad(ag.sum(loss * loss), x)
    fetches = [loss, slope, ag.softmax(z), ag.log_softmax(z)]
    a = 3 * RNG.standard_normal(shape).astype(dtype)
    for n, value in enumerate(special):
        a[n, ..., n] = value
    return [x, labels], fetches, [a, RNG.integers(0, shape[-1], shape[:-1])]


@pytest.mark.parametrize("shards", [1, 2])
@pytest.mark.parametrize("dtype", UNITS)
@pytest.mark.parametrize("shape", [(40, 65), (20, 9, 100), (40, 1000), (16, 4096)], ids=str)
def test_cross_entropy_of_many_classes(shape, dtype, shards, monkeypatch):
    f = beside_numpy(monkeypatch, *classified(shape, dtype), UNITS[dtype] * 10, shards=shards)
    assert loops(f) > 0


@pytest.mark.parametrize("width", [16, 32])
def test_cross_entropy_in_narrow_registers(width, monkeypatch):
    monkeypatch.setattr(launch, "register_width", lambda: width)
    rows.kernel.cache_clear()
    for shape in ((40, 65), (17, 300)):
        for dtype, unit in UNITS.items():
            assert loops(beside_numpy(monkeypatch, *classified(shape, dtype), unit * 10)) > 0
    rows.kernel.cache_clear()


def test_losses_of_infinite_logits(monkeypatch):
    inputs, fetches, arrays = classified((20, 70), "float64", (np.inf, -np.inf, np.nan, 1e300, -1e300))
    arrays[1][:6] = (3, 1, 2, 3, 4, 0)
    fast, plain = (ag.function(fetches, inputs=inputs) for _ in range(2))
    found = fast(*arrays)
    monkeypatch.setenv("AG_BACKEND", "numpy")
    for p, q in zip(found, plain(*arrays), strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-11, atol=1e-12)


def test_a_loss_and_its_gradient_are_one_loop(monkeypatch):
    """Logits are read once, for the largest, the exponentials, the label's and the gradient."""
    x, labels = ag.placeholder("x", (300, 70)), ag.placeholder("n", (300,), "int64")
    loss = ag.mean(ag.sparse_softmax_cross_entropy(x, labels))
    slope = ag.grad(loss, x)
    arrays = [RNG.standard_normal((300, 70)).astype("float32"), RNG.integers(0, 70, 300)]
    f = beside_numpy(monkeypatch, [x, labels], [loss, slope, ag.sum(slope, 0)], arrays, 1e-6)
    assert loops(f) == 1
    assert not any("softmax" in s.op.name for s in f.plan.steps)


@pytest.mark.parametrize("label", [-1, 70])
def test_labels_out_of_range_are_refused(label):
    inputs, fetches, arrays = classified((20, 70), "float32")
    arrays[1][7] = label
    with pytest.raises(ag.FeedError, match=f"label: index {label} is outside of 0..69"):
        ag.function(fetches, inputs=inputs)(*arrays)


def test_numpy_takes_over_where_llvm_fails(monkeypatch):
    def fail(*_):
        raise compiler.CompileError("no such instruction")

    monkeypatch.setattr(rows, "kernel", fail)
    for formula in (layer_norm, softmax, spread):
        assert loops(beside_numpy(monkeypatch, *problem(formula, (7, 9, 33), "float64"), 1e-12)) > 0
    assert loops(beside_numpy(monkeypatch, *classified((7, 9, 70), "float64"), 1e-12)) > 0


def test_infinities_and_nan():
    x = ag.placeholder("x", (None, 100))
    f = ag.function(ag.normalize(x * 1), inputs=[x])
    a = RNG.standard_normal((20, 100)).astype("float32")
    a[3, 99], a[5, 0], a[7] = np.inf, np.nan, 2
    found = f(a)
    assert loops(f) == 1
    assert np.isnan(found[3]).any()
    assert np.isnan(found[5]).all()
    assert not found[7].any()
    assert np.isfinite(np.delete(found, (3, 5), 0)).all()


def test_third_order():
    x = np.linspace(-1, 1, 16 * 70).reshape(16, 70) ** 3
    ag.check_grads(lambda v: ag.sum(ag.layer_norm(v) ** 3 * np.cos(x)), [x], order=3, modes=["reverse"])
