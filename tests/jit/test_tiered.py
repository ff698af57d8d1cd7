"""Small functions that are written out, as Python or machine code, give what the steps give, to the last bit."""

import numpy as np
import pytest
from scipy import special

import agcli as ag
from agcli.engine.backends import jit
from agcli.engine.backends import tiered as small
from agcli.engine.backends.numpy import Executor
from agcli.engine.backends.scalarize import taken_apart
from agcli.engine.backends.scalars import Unsuited
from agcli.engine.ops.base import Elementwise
from agcli.engine.ops.special_base import Float64
from agcli.engine.table import OPS

pytestmark = pytest.mark.numeric

FORMS = [
    pytest.param(small.write, id="text"),
    pytest.param(small.native, id="native", marks=pytest.mark.skipif(not jit.available(), reason="needs llvmlite")),
]
TRUTHS = {
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "equal",
    "not_equal",
    "isnan",
    "isinf",
    "isfinite",
    "signbit",
} | {f"logical_{name}" for name in ("and", "or", "xor", "not")}
SPECIAL = [0.0, -0.0, 1.0, -1.0, 2.0, np.inf, -np.inf, np.nan, 5e-324, -1e-40, 1e200, -3e38, 745.0, -745.0]


def rosenbrock(v):
    return ag.sum(100 * (v[1:] - v[:-1] ** 2) ** 2 + (1 - v[:-1]) ** 2)


def rational(v):
    return ag.sum(v[::2] / v[1::2] ** 2) - ag.sqrt(ag.sum(v**4) + v[0] ** 2)


def functions(v):
    return ag.sin(v[0]) * ag.exp(-v[1]) / (2 + ag.tanh(v[2]))


def powers(v):
    return v[1] ** 3 / (2 + ag.sin(v[2])) ** 2.5


def many(v):
    """Sums of 17 and of 8 numbers, which NumPy adds in pairs."""
    long = ag.concatenate(v, v * 3, v[:1] - 1)
    return ag.sum(long) * ag.sum(long[:8] / 7)


def dense(v):
    """Its Hessian is full of sums of rows."""
    return ag.sum(v**2) ** 2


def pieces(v):
    """Conditions, kinks and truth values as numbers."""
    low = ag.where((v[1:] > v[:-1]) & (v[1:] < 2), v[1:] ** 2, ag.abs(v[:-1]))
    return ag.sum(low * (v[1:] > 0)) + ag.max(v) * ag.relu(v[0]) + ag.sum(ag.clip(v, -0.5, 0.6) ** 3) + ag.min(v**2)


def activations(v):
    return ag.sum(ag.sigmoid(v) * ag.softplus(v) + ag.softsign(v) * ag.log_sigmoid(v) + ag.rsqrt(v**2 + 1))


FORMULAS = (rosenbrock, rational, functions, powers, many, dense, pieces, activations)


@pytest.fixture
def form(request, monkeypatch, own_kernels):
    """Write every function out in this form, at its first call."""
    monkeypatch.setattr(small, "NATIVE", 1)
    monkeypatch.setattr(small, "FORMS", {1: request.param})
    monkeypatch.setattr(small, "STEP", np.inf)
    return request.param


def compiled(formula, dtype="float64", **options):
    v = ag.placeholder("v", (8,), dtype)
    y = formula(v)
    return ag.function([y, ag.grad(y, v), ag.hessian(formula, v)], inputs=[v], **options)


def program(f):
    (executor,) = f.executors.values()
    return getattr(executor, "program", None)


def by_steps(f, *arrays):
    (executor,) = f.executors.values()
    return Executor.run(executor, f.arrays(arrays[0], arrays[1:], {}))


def same(results, expected):
    """Bit by bit, zeros of either sign and all NaN alike."""
    for a, b in zip(results, expected, strict=True):
        assert type(a) is type(b)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("form", FORMS, indirect=True)
@pytest.mark.parametrize("formula", FORMULAS, ids=lambda f: f.__name__)
def test_values_gradients_and_hessians_are_those_of_the_steps(formula, form):
    rng = np.random.default_rng(0)
    fast, checked = compiled(formula), compiled(formula, debug_nans=True)
    fast(np.linspace(0.1, 0.9, 8))
    assert program(fast) is not None
    for scale in (1e-3, 1.0, 30.0):
        v = rng.normal(size=8) * scale
        results = fast(v)
        same(results, by_steps(fast, v))
        assert all(x.ndim == 0 or x.base is None for x in results)
        for a, b in zip(results, checked(v), strict=True):  # which adds rows in an order of its own
            np.testing.assert_allclose(a, b, rtol=1e-14, atol=1e-14 * np.abs(b).max())


@pytest.mark.parametrize("form", FORMS, indirect=True)
@pytest.mark.parametrize(
    ("formula", "point"),
    [
        (rational, np.zeros(8)),  # 0 / 0
        (rational, np.full(8, -1.0)),
        (rosenbrock, np.full(8, np.inf)),  # 0 times infinity
        (rosenbrock, np.full(8, 1e200)),  # overflow
        (functions, np.array([1.0, -800, 2, 3, 4, 5, 6, 7])),
        (functions, np.array([np.nan, 1, 2, 3, 4, 5, 6, 7])),
        (powers, np.zeros(8)),
        (pieces, np.zeros(8)),
        (pieces, np.array([np.nan, 1, np.inf, -np.inf, 4, 5, np.nan, 7])),
        (activations, np.array([800.0, -800, 1e200, -1e200, np.inf, -np.inf, np.nan, 0])),
    ],
)
def test_what_is_not_finite_is_that_of_the_steps_without_a_warning(formula, point, form):
    f = compiled(formula)
    f(np.linspace(0.1, 0.9, 8))
    assert program(f) is not None
    same(f(point), by_steps(f, point))


@pytest.mark.skipif(not jit.available(), reason="needs llvmlite")
@pytest.mark.parametrize("form", FORMS[1:], indirect=True)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions_are_those_of_numpy(dtype, form):
    """All elementwise ops, each for one number after another."""
    rng = np.random.default_rng(0)
    tested = set()
    for name, op in [(n, entry.function) for n, entry in OPS.items() if isinstance(entry.function, Elementwise)]:
        xs = [ag.placeholder(f"x{i}", (), dtype) for i in range(op.ufunc.nin)]
        y = op(*xs)
        if y.dtype != dtype:  # truth values
            continue
        f = ag.function(y, inputs=xs)
        f(*[0.7] * len(xs))
        if program(f) is None:
            continue
        tested.add(name)
        with np.errstate(all="ignore"):
            numbers = np.asarray([*SPECIAL, *rng.normal(size=30), *rng.normal(size=10) * 100]).astype(dtype)
        for row in zip(numbers, *[rng.permutation(numbers)] * (len(xs) - 1), strict=True):
            same([f(*row)], by_steps(f, *row))
    ops = {n: entry.function for n, entry in OPS.items() if isinstance(entry.function, Elementwise)}
    own = {"round", "lgamma", "digamma", *(n for n, op in ops.items() if isinstance(op.ufunc, Float64))}  # kernels
    assert tested == ops.keys() - own - TRUTHS


@pytest.mark.skipif(not jit.available(), reason="needs llvmlite")
@pytest.mark.parametrize("form", FORMS[1:], indirect=True)
@pytest.mark.parametrize("formula", FORMULAS, ids=lambda f: f.__name__)
def test_single_precision_is_compiled(formula, form):
    f = compiled(formula, "float32")
    f(np.linspace(0.1, 0.9, 8))
    assert program(f) is not None
    for seed in range(5):
        v = np.random.default_rng(seed).normal(size=8).astype("float32")
        same(f(v), by_steps(f, v))


ROWS = [
    pytest.param(entry, sample, id=f"{name}-{i}")
    for name, entry in OPS.items()
    for i, sample in enumerate(entry.samples)
    if entry.differentiable and any(a.real for a in sample.args)
]


@pytest.mark.sampled(4)  # the full check tries all
@pytest.mark.parametrize("form", FORMS, indirect=True)
@pytest.mark.parametrize(("entry", "sample"), ROWS)
def test_every_op_with_its_gradient_gives_what_its_steps_give(entry, sample, form):
    """Written out or not."""
    drawn = sample.draw()
    reals = [np.asarray(d, "float64") for a, d in zip(sample.args, drawn, strict=True) if a.real]
    xs = [ag.placeholder(f"x{i}", a.shape, "float64") for i, a in enumerate(reals)]
    given = iter(xs)
    y = entry.function(
        *(next(given) if a.real else d for a, d in zip(sample.args, drawn, strict=True)), **sample.kwargs
    )
    outputs = [t for t in (y if isinstance(y, tuple) else (y,)) if t.dtype == "float64"]
    total = sum(ag.sum(t**2) for t in outputs)
    f = ag.function([*outputs, *ag.grad(total, xs, allow_unused=True)], inputs=xs)
    f(*reals)
    executor = next(iter(f.executors.values()))
    if getattr(executor, "program", None) is not None:
        same(f(*reals), Executor.run(executor, f.arrays(None, (), dict(zip([x.name for x in xs], reals, strict=True)))))


WRITTEN = (
    lambda v: v[:4].reshape(2, 2) @ v[4:].reshape(2, 2) @ v[:2],
    lambda v: ag.stack(v, v * 2, axis=1).T @ ag.stack(v, ag.sin(v), v, axis=1),
    lambda v: ag.cumsum(v, reverse=True) * ag.prod(v),
    lambda v: v[[0, 3, 3]] + ag.roll(v, 2)[:3] * ag.diag(ag.outer(v, v))[2:5],
)


@pytest.mark.skipif(not jit.available(), reason="needs llvmlite")
@pytest.mark.parametrize("form", FORMS, indirect=True)
@pytest.mark.parametrize("build", WRITTEN)
def test_products_of_matrices_and_moves_are_written_out(build, form):
    v = ag.placeholder("v", (8,), "float64")
    f = ag.function(build(v), inputs=[v])
    f(np.linspace(0.1, 0.9, 8))
    assert program(f) is not None
    for seed in range(3):
        point = np.random.default_rng(seed).normal(size=8)
        same([f(point)], by_steps(f, point))


@pytest.mark.parametrize("form", FORMS, indirect=True)
@pytest.mark.parametrize("shape", [(300,), (9, 20), (20, 9), (2, 3, 4), (0, 3), (3, 0)])
def test_sums_are_added_in_the_order_of_the_steps(shape, form):
    x = ag.placeholder("x", shape, "float64")
    axes = [None, *range(len(shape))] + [(0, 2)] * (len(shape) == 3)
    f = ag.function([ag.sum(y, a) for a in axes for y in (x, ag.transpose(x) * 3)], inputs=[x])
    f(np.ones(shape))
    assert program(f) is not None
    v = np.random.default_rng(0).normal(size=shape)
    same(f(v), by_steps(f, v))


@pytest.mark.parametrize("form", FORMS, indirect=True)
def test_inputs_may_lie_anywhere_and_results_are_arrays_of_their_own(form):
    v, w, unused = ag.placeholder("v", (3,), "float64"), ag.variable(np.ones(3)), ag.placeholder("u", (9,), "int64")
    f = ag.function([v * w + 1, v, ag.constant(np.array([2.0, 3.0]))], inputs=[v, unused])
    results = [f(np.arange(3.0), np.zeros(9, "int64")) for _ in range(3)]
    assert program(f) is not None
    assert all(a is not b for a, b in zip(results[-1], results[-2], strict=True))
    w.value = [1.0, 2.0, 3.0]
    raw = np.frombuffer(b"\0" + np.arange(3.0).tobytes(), np.uint8)[1:].view(np.float64)  # not aligned
    for given in (raw, np.arange(6.0)[::2] / 2, [0, 1, 2]):
        scaled, same_as_given, constant = f(given, np.zeros(9, "int64"))
        np.testing.assert_array_equal(scaled, [1.0, 3.0, 7.0])
        np.testing.assert_array_equal(same_as_given, [0.0, 1.0, 2.0])
        np.testing.assert_array_equal(constant, [2.0, 3.0])


@pytest.mark.parametrize("form", FORMS, indirect=True)
def test_errors_that_the_user_asked_scipy_for_are_those_of_the_steps(form):
    x = ag.placeholder("x", (), "float64")
    f = ag.function(ag.gamma(x) + 1, inputs=[x])
    assert f(3.0) == 3
    assert program(f) is not None
    with special.errstate(all="raise"), pytest.raises(special.SpecialFunctionError):
        f(-1.0)
    assert np.isnan(f(-1.0))


def test_forms_follow_each_other_without_changing_a_bit(monkeypatch, tmp_path):
    monkeypatch.setenv("AG_KERNEL_CACHE", str(tmp_path))
    monkeypatch.setattr(small, "NATIVE", 30)
    monkeypatch.setattr(small, "FORMS", {small.WARM: small.write, 30: small.native})
    f, v = compiled(rosenbrock), np.linspace(0.1, 0.9, 8)
    seen, first = [], f(v)
    for _ in range(40):
        same(f(v), first)
        if program(f) not in seen:
            seen.append(program(f))
    assert len(seen) == 2 + jit.active()


@pytest.mark.parametrize(
    "build",
    [
        ag.sort,
        ag.softmax,
        lambda v: ag.sum(v.astype("float32")),
        lambda v: v * np.inf,
        lambda v: ag.sum(ag.concatenate(*[ag.round(v + k) for k in range(40)])),
    ],
)
@pytest.mark.parametrize("form", FORMS, indirect=True)
def test_other_graphs_stay_steps(build, form):
    v = ag.placeholder("v", (8,), "float64")
    f = ag.function(build(v), inputs=[v])
    first = f(np.linspace(0.1, 1, 8))
    for _ in range(3):
        np.testing.assert_array_equal(f(np.linspace(0.1, 1, 8)), first)
    assert program(f) is None


def test_text_is_made_only_where_it_is_faster():
    v = ag.placeholder("v", (200,), "float64")
    trace = taken_apart([v], [ag.sin(v)])
    with pytest.raises(Unsuited):
        small.write(trace, [v.shape], 1)
