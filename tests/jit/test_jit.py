"""Compiled kernels: the same numbers as NumPy's, whatever lies in memory however."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("llvmlite")

import agcli as ag
from agcli.engine.backends import jit
from agcli.engine.backends.jit import fuse
from agcli.engine.backends.jit.code import compiler, machine
from agcli.engine.backends.jit.elementwise import launch
from agcli.engine.backends.jit.elementwise.fused import Fused, Line, Looped
from agcli.engine.backends.jit.llvm import elementary, error_functions, gammas
from agcli.engine.backends.jit.products.narrow_gemm import NarrowGemm
from agcli.engine.ops.base import Elementwise
from agcli.engine.table import OPS

pytestmark = pytest.mark.numeric

FLOATS = ["float32", "float64"]
SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-310, -1e-310, 1e-40, 3e38, -3e38, 88.72, -103.9, 0.5]


@pytest.fixture(autouse=True)
def every_group(monkeypatch, compiled):
    """Fuse whatever can be fused, single ops and small arrays too."""
    monkeypatch.setattr(fuse, "passes", lambda op: 2)


def both(monkeypatch, fetches, inputs, arrays):
    """Results of NumPy and of compiled kernels, and the ops of the compiled plan."""
    plain, fast = (ag.function(fetches, inputs=inputs) for _ in range(2))
    monkeypatch.setenv("AG_BACKEND", "numpy")
    expected = plain(*arrays)
    assert not any(isinstance(s.op, Fused) for s in plain.plan.steps)
    monkeypatch.delenv("AG_BACKEND")
    return expected, fast(*arrays), [s.op for s in fast.plan.steps]


def same(a, b, tolerance=0.0):
    """Bit by bit (zeros of either sign and all NaN alike), or up to a relative error."""
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(y, x, rtol=tolerance, atol=0, equal_nan=True)


EXACT = {  # as NumPy rounds
    "add": 2, "subtract": 2, "multiply": 2, "divide": 2, "maximum": 2, "minimum": 2, "negative": 1, "square": 1,
    "sqrt": 1, "reciprocal": 1, "rsqrt": 1, "abs": 1,
    "less": 2, "less_equal": 2, "greater": 2, "greater_equal": 2, "equal": 2, "not_equal": 2,
    "isnan": 1, "isinf": 1, "isfinite": 1, "relu": 1, "softsign": 1,
}  # fmt: skip


def numbers(rng, shape, dtype):
    """Ordinary numbers mixed with special ones."""
    x = rng.standard_normal(shape).astype(dtype)
    with np.errstate(all="ignore"):
        return np.where(rng.random(shape) < 0.2, rng.choice(np.asarray(SPECIAL, dtype), shape), x).astype(dtype)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", EXACT)
def test_arithmetic_is_that_of_numpy(monkeypatch, name, dtype):
    rng = np.random.default_rng(0)
    xs = [ag.placeholder(f"x{i}", (None,), dtype) for i in range(EXACT[name])]
    y = OPS[name].function(*xs)
    for n in (0, 1, 7, 8, 9, 1000):
        arrays = [numbers(rng, n, dtype) for _ in xs]
        a, b, ops = both(monkeypatch, [y], xs, arrays)
        assert n == 0 or [type(op) for op in ops] == [Fused]
        same(a, b)


def test_every_formula_of_an_elementwise_op_is_tested():
    others = {"power", "softplus", "log_sigmoid", "logical_and", "logical_or", "logical_xor", "logical_not"}
    formulas = {n for n, e in OPS.items() if isinstance(e.function, Elementwise) and e.function.scalar_rule is not None}
    assert formulas == {*EXACT, *elementary.ULP, *others, *error_functions.ULP, *gammas.ULP}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("make", [lambda x: x**3, lambda x: x**-2, ag.softplus, ag.log_sigmoid])
def test_composed_formulas(monkeypatch, make, dtype):
    x = ag.placeholder("x", (None,), dtype)
    a, b, ops = both(monkeypatch, [make(x)], [x], [np.linspace(-90, 90, 301).astype(dtype)])
    assert isinstance(ops[-1], Fused)
    same(a, b, 8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("base", [0.9, 0.999, 2.0, 10.0, 0.5, 1e-30, 1 + 2**-20])
def test_powers_of_a_number(monkeypatch, base, dtype):
    x = ag.placeholder("x", (None,), dtype)
    exponents = np.concatenate([np.arange(200), np.linspace(-700, 700, 1001), [1e6, -1e6, np.inf, -np.inf, np.nan]])
    a, b, ops = both(monkeypatch, [ag.power(ag.constant(base, dtype), x)], [x], [exponents.astype(dtype)])
    assert isinstance(ops[-1], Fused)
    limits = np.finfo(dtype)
    np.testing.assert_allclose(b[0], a[0], rtol=4 * limits.eps, atol=2 * limits.smallest_subnormal, equal_nan=True)


REFERENCE = {
    "exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "sin": np.sin, "cos": np.cos,
}  # fmt: skip


def all_magnitudes(dtype, n):
    """Random bits, the range of exp, the neighbourhoods of 0 and 1, and special numbers."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2 ** (8 * dtype.itemsize), n, dtype=f"u{dtype.itemsize}").view(dtype)
    top = 1.05 * np.log(float(np.finfo(dtype).max))
    rows = [rng.uniform(-top, top, n), rng.standard_normal(n), 1 + 1e-3 * rng.standard_normal(n), 1e-3 * rng.random(n)]
    with np.errstate(all="ignore"):
        return np.concatenate([bits, *(r.astype(dtype) for r in rows), np.asarray(SPECIAL, dtype)])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", elementary.ULP)
def test_functions_keep_their_bounds(name, dtype):
    x = all_magnitudes(np.dtype(dtype), 40_000)
    t = ag.placeholder("x", (None,), dtype)
    y = ag.function(OPS[name].function(t))(x)
    wide = np.float64 if dtype == "float32" else np.longdouble
    with np.errstate(all="ignore"):
        exact = REFERENCE[name](x.astype(wide))
        rounded = exact.astype(dtype)
    np.testing.assert_array_equal(np.isnan(y), np.isnan(rounded))
    whole = np.isfinite(rounded)
    if name == "sigmoid":  # where exp(-x) overflows it is 0, in both backends
        whole &= exact >= 2 / float(np.finfo(dtype).max)
    else:
        np.testing.assert_array_equal(y[np.isinf(rounded)], rounded[np.isinf(rounded)])
    ulp = np.abs(y[whole].astype(wide) - exact[whole]) / np.spacing(np.abs(rounded[whole])).astype(wide)
    assert ulp.max() <= elementary.ULP[name]


LAYOUTS = {  # shape of the result, and how two operands lie in it
    "columns": ((33, 17), lambda a: a, lambda a: a[:, :1]),
    "rows": ((33, 17), lambda a: a, lambda a: a[0]),
    "row and column": ((20, 70), lambda a: a[:, :1], lambda a: a[0]),
    "transposed": ((33, 17), lambda a: a, lambda a: np.ascontiguousarray(a.T).T),
    "every second": ((9, 130), lambda a: np.repeat(a, 2, -1)[:, ::2], lambda a: a),
    "reversed": ((40,), lambda a: a[::-1], lambda a: a),
    "planes": ((4, 5, 6, 7), lambda a: a, lambda a: a[:, :1, :, :1]),
    "deep": (
        (2, 3, 2, 3, 2, 3),
        lambda a: a[:, :1, :, :1, :, :1],
        lambda a: a.transpose(5, 1, 4, 3, 2, 0).copy().transpose(5, 1, 4, 3, 2, 0),
    ),
    "one element": ((), lambda a: a, lambda a: a),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_in_memory_does_not_matter(layout):
    """Kernels straight on arrays, as feeds are made contiguous."""
    shape, first, second = LAYOUTS[layout]
    rng = np.random.default_rng(1)
    a = first(rng.random(shape, dtype="f"))
    b = second(rng.random(shape, dtype="f"))
    xs = [ag.placeholder("a", a.shape), ag.placeholder("b", b.shape)]
    total = xs[0] + xs[1]
    y, z = fuse.fuse([total * 2, total < xs[1]])
    assert z.inputs == y.inputs
    op = y.inputs[0].op
    out = np.empty(shape, "f"), np.empty(shape, bool)
    op.kernel(a, b, out=out)
    np.testing.assert_array_equal(out[0], (a + b) * 2)
    np.testing.assert_array_equal(out[1], a + b < b)


def test_outputs_may_lie_apart():
    x = ag.placeholder("x", (5, 3))
    (y,) = fuse.fuse([x * 2 + 1])
    whole = np.zeros((5, 6), "f")
    y.op.kernel(np.ones((5, 3), "f"), out=whole[:, ::2])
    np.testing.assert_array_equal(whole[:, ::2], np.full((5, 3), 3.0))
    assert not whole[:, 1::2].any()


@pytest.mark.parametrize(("dtype", "make"), [
    ("int64", lambda a, b: [a + b * 3, -a, ag.maximum(a, b), ag.where(a < b, a, b), ag.abs(a)]),
    ("int32", lambda a, b: [a - b, a * b, a.astype("float64"), ag.clip(a, -2, 2), a / b]),
    ("bool", lambda a, b: [a & b, a | ~b, ag.logical_xor(a, b), ag.where(a, 1.5, 2.5), a.astype("float32")]),
])  # fmt: skip
def test_integers_and_truth_values(monkeypatch, dtype, make):
    rng = np.random.default_rng(2)
    arrays = [rng.integers(-5, 5, 77).astype(dtype) for _ in range(2)]
    xs = [ag.placeholder(n, (77,), dtype) for n in "ab"]
    a, b, ops = both(monkeypatch, make(*xs), xs, arrays)
    assert any(isinstance(op, Fused) for op in ops)
    same(a, b)


def test_a_million_elements_in_threads(monkeypatch):
    x = np.random.default_rng(3).standard_normal(1_000_003).astype("f")
    t = ag.placeholder("x", (None,))
    y = ag.where(t > 0, t * 3 + 1, -t) / (1 + t * t)
    a, b, ops = both(monkeypatch, [y], [t], [x])
    assert len(ops) == 1
    same(a, b)


def test_threads_cut_where_an_axis_is_long(monkeypatch):
    monkeypatch.setattr(launch, "SHARED", 0)
    monkeypatch.setattr(launch, "workers", lambda: 3)
    for shape in ((10, 7), (1, 2, 900), (2, 3, 4, 5), (1,), (256,)):
        x = ag.placeholder("x", shape)
        column = ag.placeholder("column", (*shape[:-1], 1))
        arrays = [np.random.default_rng(5).random(t.shape, dtype="f") for t in (x, column)]
        f = ag.function((x + column) * 2)
        np.testing.assert_array_equal(f(*arrays), (arrays[0] + arrays[1]) * 2)


def test_calls_follow_feeds_that_move(monkeypatch):
    """Large feeds are used where they lie: another array at every call, once with other strides."""
    monkeypatch.setattr(launch, "SHARED", 10_000)
    rng = np.random.default_rng(9)
    lanes = machine.register_width() // 4
    x, w = ag.placeholder("x", (300, 64)), rng.random((64, lanes), dtype="f")
    f = ag.function([ag.tanh(x * 2), x @ w, ag.softmax(x)])
    feeds = [rng.random((300, 64), dtype="f") for _ in range(3)]
    feeds += [feeds[0][::-1], np.asfortranarray(feeds[1])]
    for a in [*feeds, *feeds]:
        t, p, s = f(a)
        np.testing.assert_allclose(t, np.tanh(a * 2), rtol=1e-6)
        np.testing.assert_allclose(p, a @ w, rtol=1e-5)
        np.testing.assert_allclose(s.sum(1), np.ones(300), rtol=1e-5)


def test_ops_run_one_by_one_where_llvm_fails(monkeypatch):
    def fail(text):
        raise compiler.CompileError("no such instruction")

    monkeypatch.setattr(launch, "compiled", fail)
    v = ag.variable(np.ones(5, "f"))
    f = ag.function(v * 3 + 0.125, updates={v: v * 3 + 1})
    np.testing.assert_array_equal(f(), np.full(5, 3.125))
    np.testing.assert_array_equal(v.value, np.full(5, 4.0))


UNARY = [ag.tanh, ag.sigmoid, ag.softplus, ag.relu, ag.square, lambda x: -x, lambda x: x * 0.5, lambda x: x + 1]
BINARY = [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, ag.maximum, lambda a, b: ag.where(a < b, a, b)]


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_chains_agree(data):
    """Random graphs over three operands that broadcast, with several results."""
    shapes = [(6, 5), (5,), (6, 1)]
    xs = [ag.placeholder(f"x{i}", s, "float64") for i, s in enumerate(shapes)]
    terms = list(xs)
    for _ in range(data.draw(st.integers(2, 10))):
        pick = st.integers(0, len(terms) - 1)
        if data.draw(st.booleans()):
            terms.append(data.draw(st.sampled_from(UNARY))(terms[data.draw(pick)]))
        else:
            terms.append(data.draw(st.sampled_from(BINARY))(terms[data.draw(pick)], terms[data.draw(pick)]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    with pytest.MonkeyPatch.context() as patch:
        a, b, _ = both(patch, terms[-3:], xs, [rng.standard_normal(s) for s in shapes])
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(y, x, rtol=1e-11, atol=1e-11)


SAMPLED = [
    pytest.param(entry, sample, id=f"{entry.name}-{i}")
    for entry in OPS.values()
    for i, sample in enumerate(entry.samples[:1])
    if entry.differentiable and any(a.real for a in sample.args)
]


@pytest.mark.parametrize(("entry", "sample"), SAMPLED)
def test_gradients_of_all_ops_agree(monkeypatch, entry, sample):
    """Whatever the table holds: value and gradient under both backends."""
    drawn = sample.draw()
    xs = [ag.placeholder(f"x{i}", d.shape, "float64") for i, d in enumerate(drawn) if sample.args[i].real]
    given = iter(xs)
    args = [next(given) if a.real else d for a, d in zip(sample.args, drawn, strict=True)]
    y = entry.function(*args, **sample.kwargs)
    parts = [t for t in (y if isinstance(y, tuple) else [y]) if t.dtype.kind == "f"]
    total = sum((ag.sum(ag.sin(t)) for t in parts[1:]), ag.sum(ag.sin(parts[0])))
    arrays = [d for a, d in zip(sample.args, drawn, strict=True) if a.real]
    a, b, _ = both(monkeypatch, [*parts, *ag.grad(total, xs, allow_unused=True)], xs, arrays)
    for x, z in zip(a, b, strict=True):
        np.testing.assert_allclose(z, x, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("window", [
    {"size": 2}, {"size": (2, 3)}, {"size": 3, "strides": 2}, {"size": 2, "padding": "same"}, {"size": 5, "strides": 5},
])  # fmt: skip
@pytest.mark.parametrize("pool", [ag.max_pool2d, ag.avg_pool2d])
def test_pools(monkeypatch, pool, window, dtype):
    """Windows side by side run as one loop over their elements; where they overlap or leave the image, as before."""
    x = ag.placeholder("x", (2, 15, 6, 17), dtype)
    array = np.random.default_rng(6).integers(-3, 3, x.shape).astype(dtype)  # with ties
    array[0, 0, 0, 0] = np.nan
    y = pool(x, **window)
    a, b, ops = both(monkeypatch, [y, ag.grad(ag.sum(y * y), x)], [x], [array])
    assert any(isinstance(op, Looped) for op in ops) or "padding" in window
    same(a, b)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(1, 1), (5, 10), (3, 4, 16), (2, 3, 17), (7, 64), (3, 65), (9,)])
def test_rows(monkeypatch, shape, dtype):
    """Softmax and cross-entropy of rows that fit into registers, and of longer ones; NaN and infinities included."""
    rng = np.random.default_rng(8)
    x, t = ag.placeholder("x", shape, dtype), ag.placeholder("t", shape[:-1], "int64")
    array = 20 * rng.standard_normal(shape).astype(dtype)
    array.flat[:3] = [np.inf, np.nan, -np.inf][: array.size]
    for start in (array, np.abs(array[..., ::-1]), np.zeros(shape, dtype)):
        loss = ag.sparse_softmax_cross_entropy(x, t)
        outputs = [ag.softmax(x), ag.log_softmax(x), loss, ag.grad(ag.sum(loss * loss), x)]
        arrays = [np.ascontiguousarray(start), rng.integers(0, shape[-1], shape[:-1])]
        a, b, ops = both(monkeypatch, outputs, [x, t], arrays)
        assert sum(isinstance(op, Looped) for op in ops) == 4
        for p, q in zip(a, b, strict=True):
            np.testing.assert_allclose(q, p, rtol=100 * np.finfo(dtype).eps, atol=10 * np.finfo(dtype).eps)


def test_labels_out_of_range_are_refused():
    x, t = ag.placeholder("x", (4, 3)), ag.placeholder("t", (4,), "int32")
    f = ag.function(ag.sparse_softmax_cross_entropy(x, t))
    with pytest.raises(ag.FeedError, match="index 3 is outside"):
        f(np.zeros((4, 3)), np.array([0, 1, 2, 3]))
    np.testing.assert_allclose(f(np.zeros((4, 3)), np.array([0, 1, 2, 2])), np.full(4, np.log(3.0)), rtol=1e-6)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("m", [32, 45, 200])
def test_narrow_products(monkeypatch, m, dtype):
    """Rows in eights and alone, forward and for the gradient, whose left side is transposed."""
    lanes = machine.register_width() // np.dtype(dtype).itemsize
    rng = np.random.default_rng(7)
    for n in (lanes // 2 + 1, lanes):
        x, w = ag.placeholder("x", (m, 50), dtype), ag.placeholder("w", (50, n), dtype)
        arrays = [rng.standard_normal(t.shape).astype(dtype) for t in (x, w)]
        y = x @ w
        a, b, ops = both(monkeypatch, [y, ag.grad(ag.sum(y * y), w)], [x, w], arrays)
        assert sum(isinstance(op, NarrowGemm) for op in ops) == 2
        for p, q in zip(a, b, strict=True):
            np.testing.assert_allclose(q, p, rtol=1e-4, atol=1e-4 if dtype == "float32" else 1e-10)


def test_groups_close_no_circle():
    """What waits for a sum cannot run with what is summed."""
    x = ag.placeholder("x", (4, 3))
    e = ag.tanh(x * 2)
    y = e / ag.sum(e) + 1
    f = ag.function(y)
    array = np.ones((4, 3), "f")
    np.testing.assert_allclose(f(array), np.full((4, 3), 1 + 1 / 12), rtol=1e-6)
    assert [s.op.name for s in f.plan.steps] == ["fused<multiply tanh>", "sum", "fused<divide add>"]


def test_an_optimizer_is_one_step_in_place():
    w, x = ag.variable(np.ones((300, 1), "f"), "w"), ag.placeholder("x", (5, 300))
    step = ag.adam(0.1).function(ag.sum(x @ w), [w])
    step(np.ones((5, 300)))
    last = step.plan.steps[-1]
    assert isinstance(last.op, Fused)
    assert [step.plan.slots[o].kind for o in last.outputs] == ["variable"] * 3
    np.testing.assert_allclose(w.value, np.full((300, 1), 0.9), rtol=1e-5)


def test_small_graphs_and_the_numpy_backend_stay_as_they_are(monkeypatch, policy):
    x = ag.placeholder("x", (1000,))
    y = ag.tanh(x * 2) + 1
    policy(min_gain=1 << 16)
    assert fuse.fuse([y]) == [y]
    policy(min_gain=0)
    assert fuse.fuse([y]) != [y]
    assert jit.fusion([y]) != [y]
    monkeypatch.setenv("AG_BACKEND", "numpy")
    assert jit.fusion([y]) == [y]
    monkeypatch.setenv("AG_BACKEND", "cuda")
    with pytest.raises(ag.StateError, match="expected numpy or jit, got 'cuda'"):
        jit.fusion([y])
    monkeypatch.setenv("AG_BACKEND", "jit")
    monkeypatch.setattr(jit, "available", lambda: False)
    with pytest.raises(ag.StateError, match="pip install"):
        jit.fusion([y])


def test_without_llvm_graphs_stay_as_they_are(monkeypatch):
    monkeypatch.setattr(fuse, "usable", lambda: False)
    y = ag.placeholder("x", (9,)) * 2 + 1
    assert fuse.fuse([y]) == [y]


def test_zeros_of_both_signs_are_different_numbers():
    assert Line(None, (), np.dtype("f"), 0.0, "0.0") != Line(None, (), np.dtype("f"), -0.0, "-0.0")
