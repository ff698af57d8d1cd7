"""Sums that compiled loops make on their way: exact, the same with any number of threads, wherever the inputs lie."""

import math

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import agcli as ag
from agcli.engine.backends.jit.code import compiler
from agcli.engine.backends.jit.elementwise import launch, sums
from agcli.engine.backends.jit.elementwise.sums import Summed

pytestmark = [pytest.mark.numeric, pytest.mark.usefixtures("compiled")]


def ops(f):
    return [step.op for step in f.plan.steps]


SHAPES = [
    (64,), (1000,), (1024,), (1025,), (5000,), (40_003,),
    (1, 64), (7, 100), (7, 5000), (3, 4, 70), (64, 10, 10),
]  # fmt: skip
EXACT = {"float32": np.float64, "float64": np.longdouble}


@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sums_over_all_or_the_last_axes(shape, dtype):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=shape).astype(dtype), rng.normal(size=shape[-1:]).astype(dtype)
    x, y = ag.placeholder("x", shape, dtype), ag.placeholder("y", shape[-1:], dtype)
    d = x - y
    exact = a.astype(EXACT[dtype]) - b
    stored = (exact * 2).astype(dtype)
    kept = [k for k in range(len(shape)) if np.prod(shape[k:]) >= sums.LEAST]
    for k in kept:
        axes = tuple(range(k, len(shape)))
        f = ag.function([ag.sum(d * d, axes), ag.sum(ag.abs(d), axes, keepdims=True), d * 2], inputs=[x, y])
        squares, absolute, whole = f(a, b)
        assert [type(op) for op in ops(f)] == [Summed]
        eps = 4 * np.finfo(dtype).eps
        np.testing.assert_allclose(squares, (exact**2).sum(axes), rtol=eps)
        np.testing.assert_allclose(absolute, np.abs(exact).sum(axes, keepdims=True), rtol=eps)
        np.testing.assert_allclose(whole, stored, rtol=1e-4)
    for other in (0,) if len(shape) > 1 else ():  # what is not last stays a product with ones
        f = ag.function(ag.sum(d * d, other), inputs=[x, y])
        np.testing.assert_allclose(f(a, b), (exact**2).sum(other), rtol=1e-5)
        assert not any(isinstance(op, Summed) for op in ops(f))


@pytest.mark.parametrize("dtype", EXACT)
def test_sums_of_what_is_there_already(dtype):
    for shape in ((64,), (5000,), (7, 100), (3, 4, 70)):
        a = np.random.default_rng(0).random(shape).astype(dtype)
        x = ag.placeholder("x", shape, dtype)
        f = ag.function([ag.sum(x), ag.sum(ag.transpose(x)), ag.sum(x, -1, keepdims=True)], inputs=[x])
        exact = a.astype(EXACT[dtype])
        for got, wanted in zip(f(a), (exact.sum(), exact.sum(), exact.sum(-1, keepdims=True)), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=4 * np.finfo(dtype).eps)
        assert {type(op) for op in ops(f)} == {Summed}


@pytest.mark.parametrize("masks", [True, False])
@pytest.mark.parametrize("dtype", EXACT)
def test_extremes_are_those_of_numpy(dtype, masks, monkeypatch):
    monkeypatch.setattr(launch, "_kernels", {})
    if not masks:
        monkeypatch.setattr(launch, "register_width", lambda: 16)
        monkeypatch.setattr(launch, "has_masks", lambda: False)
    for shape in ((64,), (67,), (5001,), (7, 100), (3, 4, 70)):
        a = np.random.default_rng(0).normal(size=shape).astype(dtype) - 9  # so that 0 behind the end would show
        x = ag.placeholder("x", shape, dtype)
        d = x * 2
        f = ag.function([ag.max(d), ag.max(d, -1), ag.min(-d, -1), ag.min(x), ag.sum(d), d], inputs=[x])
        for value in (None, np.inf, -np.inf, np.nan):
            if value is not None:
                a[..., 5] = value
            largest, rows, smallest, least, total, doubled = f(a)
            np.testing.assert_array_equal(largest, (a * 2).max())
            np.testing.assert_array_equal(rows, (a * 2).max(-1))
            np.testing.assert_array_equal(smallest, (a * -2).min(-1))
            np.testing.assert_array_equal(least, a.min())
            np.testing.assert_allclose(total, (a * 2).sum(), rtol=1e-5)
            np.testing.assert_array_equal(doubled, a * 2)
        assert {"max", "min"} <= {op.program.fold for op in ops(f) if isinstance(op, Summed)}


def test_sums_of_integers_stay_exact():
    a = np.full(100, 2**53 + 1)
    x = ag.placeholder("x", a.shape, "int64")
    f = ag.function([ag.sum(x * 2), ag.sum(x)], inputs=[x])
    assert f(a) == [200 * (2**53 + 1), 100 * (2**53 + 1)]


def test_means_of_rows_enter_the_same_formula_again():
    """Layer normalization: a group cannot make a sum that it reads itself."""
    a = np.random.default_rng(0).normal(size=(9, 200)).astype("float32")
    x = ag.placeholder("x", a.shape)
    d = x * 2 - ag.mean(x * 2, -1, keepdims=True)
    f = ag.function([d / ag.sqrt(ag.mean(d * d, -1, keepdims=True)), ag.sum(d)], inputs=[x])
    y, total = f(a)
    centred = a - a.mean(-1, keepdims=True)
    np.testing.assert_allclose(y, centred / centred.std(-1, keepdims=True), rtol=2e-5, atol=2e-6)
    assert abs(total) < 1e-2
    assert sum(isinstance(op, Summed) for op in ops(f)) >= 2


def test_inputs_with_strides_and_with_many_axes():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(6, 5, 4, 3, 7)).astype("float32")
    x = ag.placeholder("x", a.shape)
    y = ag.transpose(x, (3, 0, 4, 1, 2)) * ag.constant(rng.normal(size=(6, 1, 5, 1)).astype("float32"))
    factor = next(t for t in ag.function(y, inputs=[x]).outputs[0].inputs if t is not x and t.shape == (6, 1, 5, 1))
    f = ag.function([ag.sum(y * y), ag.sum(y * y, (1, 2, 3, 4))], inputs=[x])
    exact = (a.transpose(3, 0, 4, 1, 2).astype("float64") * factor.value) ** 2
    for got, wanted in zip(f(a), (exact.sum(), exact.sum((1, 2, 3, 4))), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-6)
    assert any(isinstance(op, Summed) for op in ops(f))


def test_bits_do_not_depend_on_threads_and_feeds_may_move(monkeypatch):
    monkeypatch.setattr(launch, "SHARED", 1000)
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=200_011).astype("float32") for _ in range(3)]
    x = ag.placeholder("x", (None,))
    results = []
    for count in (1, 2, 3):
        monkeypatch.setattr(launch, "workers", lambda count=count: count)
        f = ag.function([ag.sum(ag.exp(x) * 2), ag.exp(x)], inputs=[x])
        results.append([f(a) for a in arrays])
    for row in zip(*results, strict=True):
        for other in row[1:]:
            for a, b in zip(row[0], other, strict=True):
                np.testing.assert_array_equal(a, b)
    exact = [2 * np.exp(a.astype("float64")).sum() for a in arrays]
    np.testing.assert_allclose([r[0] for r in results[0]], exact, rtol=1e-6)


@pytest.mark.parametrize("dtype", EXACT)
def test_rounding_is_that_of_pairwise_sums(dtype):
    """Random terms of one sign, at many lengths, in whatever order they are added.

    A sum in pairs of n such terms is off by 0.8 units of rounding (half an epsilon), whatever n: each of its last few
    additions rounds a large part of the total, all the others next to nothing. One after another, by sqrt(n) / 3.
    """
    rng = np.random.default_rng(0)
    x = ag.placeholder("x", (None,), dtype)
    f = ag.function(ag.sum(x * 1.5), inputs=[x])
    unit = np.finfo(dtype).eps / 2
    errors, one_by_one = [], []
    for n in rng.integers(1000, 100_000, 100):
        a = rng.random(n).astype(dtype)
        terms = a * np.asarray(1.5, dtype)
        for total, found in ((f(a), errors), (np.add.accumulate(terms)[-1], one_by_one)):
            found.append(math.fsum([*terms.tolist(), -float(total)]) / float(total) / unit)
    assert np.sqrt(np.mean(np.square(errors))) <= 1.2
    assert np.sqrt(np.mean(np.square(one_by_one))) > 20


def test_narrow_registers_without_masks(monkeypatch):
    """As on processors without AVX-512: whole vectors first, then what is left of a row."""
    monkeypatch.setattr(launch, "_kernels", {})
    monkeypatch.setattr(launch, "register_width", lambda: 16)
    monkeypatch.setattr(launch, "has_masks", lambda: False)
    rng = np.random.default_rng(0)
    for shape in ((64,), (67,), (1000,), (5001,), (7, 300)):
        a = rng.normal(size=shape).astype("float32")
        x = ag.placeholder("x", shape)
        total, rows, doubled = ag.function([ag.sum(x * x), ag.sum(x * x, -1), x * 2], inputs=[x])(a)
        np.testing.assert_allclose(total, (a.astype("float64") ** 2).sum(), rtol=1e-6)
        np.testing.assert_allclose(rows, (a.astype("float64") ** 2).sum(-1), rtol=1e-6)
        np.testing.assert_array_equal(doubled, a * 2)


def test_infinities_nan_and_a_masked_end():
    x = ag.placeholder("x", (None,))
    f = ag.function(ag.sum(1 / x), inputs=[x])
    assert f(np.full(100, 2, "float32")) == 50  # what lies behind the end would be 1 / 0
    a = np.ones(100, "float32")
    a[3] = 0
    assert f(a) == np.inf
    a[50] = -0.0
    assert np.isnan(f(a))


def test_gradients_pass_through():
    ag.check_grads(lambda v: ag.mean(ag.tanh(v) ** 2) * ag.sum(ag.exp(v)), [np.linspace(-1, 1, 300)])


def test_without_a_compiler_the_sums_are_numpys(monkeypatch):
    def refuse(text):
        raise compiler.CompileError(text)

    monkeypatch.setattr(launch, "compiled", refuse)
    monkeypatch.setattr(launch, "_kernels", {})
    a = np.random.default_rng(0).normal(size=(5, 100)).astype("float32")
    x = ag.placeholder("x", a.shape)
    f = ag.function([ag.sum(x * x, -1), x * x, ag.sum(x - 1, -1, keepdims=True), ag.max(x * 3)], inputs=[x])
    wanted = ((a * a).sum(-1), a * a, (a - 1).sum(-1, keepdims=True), (a * 3).max())
    for got, value in zip(f(a), wanted, strict=True):
        np.testing.assert_allclose(got, value, rtol=1e-5)
    assert {type(op) for op in ops(f)} == {Summed}


@pytest.mark.parametrize("reduce", [ag.sum, ag.max], ids=["sum", "max"])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(70,), (70, 1)], ids=str)
def test_a_total_in_the_place_of_what_all_rows_read(shape, axis, keepdims, reduce):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(70, 70)), rng.normal(size=shape)
    x, y = ag.placeholder("x", a.shape, "float64"), ag.placeholder("y", shape, "float64")
    f = ag.function(reduce(ag.tanh(x) * ag.sort(y, 0), axis, keepdims), inputs=[x, y])
    expected = getattr(np, reduce.__name__)(np.tanh(a) * np.sort(b, 0), axis, keepdims=keepdims)
    np.testing.assert_allclose(f(a, b), expected, rtol=1e-12, atol=1e-13)


def test_a_total_in_the_place_of_a_variable_that_all_rows_read():
    a, state = np.random.default_rng(0).normal(size=(100, 100)), np.linspace(0, 1, 100)
    x, v = ag.placeholder("x", a.shape, "float64"), ag.variable(state)
    ag.function([], updates={v: ag.sum(ag.tanh(x) * v, 1)}, inputs=[x])(a)
    np.testing.assert_allclose(v.value, (np.tanh(a) * state).sum(1), rtol=1e-12, atol=1e-13)
