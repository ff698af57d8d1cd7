"""Compiled convolutions: the numbers of the NumPy kernels, whatever the window, the layout and the machine."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import agcli as ag
from agcli.engine.backends.jit.code import compiler
from agcli.engine.backends.jit.convolutions import direct, direct_pool, direct_weights, launch, winograd
from agcli.engine.backends.jit.convolutions.direct import Direct, turned
from agcli.engine.backends.jit.convolutions.direct_pool import DirectPool
from agcli.engine.ops.convolution import Conv, ConvInputGrad, ConvWeightGrad
from agcli.engine.ops.windows import Axis, window

pytestmark = pytest.mark.numeric

CASES = {  # shapes of inputs and weights, and the window
    "plain": ((2, 6, 5, 3), (3, 2, 3, 4), {}),
    "same": ((2, 6, 5, 3), (3, 4, 3, 2), {"padding": "same"}),
    "same, strided": ((1, 7, 6, 2), (3, 3, 2, 2), {"padding": "same", "strides": (2, 3)}),
    "strides larger than the window": ((1, 8, 9, 2), (2, 2, 2, 2), {"strides": 3}),
    "dilated": ((3, 9, 9, 7), (5, 5, 7, 33), {"padding": 2, "dilation": (2, 1)}),
    "dilated columns": ((1, 8, 9, 2), (3, 2, 2, 2), {"dilation": (2, 3)}),
    "one side": ((3, 9, 9, 1), (3, 3, 1, 17), {"padding": ((1, 0), (0, 2))}),
    "whole image": ((1, 5, 5, 1), (5, 5, 1, 1), {}),
    "wider padding than window": ((2, 9, 9, 2), (3, 3, 2, 2), {"padding": 4}),
    "shard_of": ((3, 30, 31, 3), (7, 7, 3, 64), {"padding": 3, "strides": 2}),
    "layer": ((5, 14, 14, 32), (3, 3, 32, 40), {"padding": "same"}),
    "sequence": ((3, 1, 40, 8), (1, 5, 8, 24), {"padding": "same"}),
    "prime lengths": ((2, 11, 13, 37), (1, 2, 37, 3), {}),
    "steps of two": ((3, 9, 8, 5), (4, 3, 5, 18), {"padding": "same", "strides": 2}),
    "steps of different lengths": ((2, 11, 10, 3), (5, 2, 3, 6), {"padding": ((2, 1), (0, 1)), "strides": (3, 2)}),
    "one by one": ((2, 4, 5, 3), (1, 1, 3, 2), {}),
    "one by one, strided": ((2, 5, 5, 3), (1, 1, 3, 18), {"strides": 2}),
    "depthwise": ((3, 9, 8, 20), (3, 3, 1, 20), {"padding": "same", "groups": 20}),
    "depthwise, strided": ((2, 9, 8, 35), (3, 2, 1, 35), {"padding": 1, "strides": 2, "groups": 35}),
    "depthwise, dilated": ((2, 9, 8, 3), (2, 3, 1, 3), {"dilation": 2, "groups": 3}),
}
DOUBLE = ("plain", "dilated", "one side", "prime lengths", "steps of different lengths", "depthwise, strided")
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


@pytest.fixture(autouse=True)
def every_convolution(monkeypatch, own_kernels, policy):
    """Compile small ones too, and none by minimal filtering."""
    monkeypatch.setattr(direct, "LEAST", 0)
    monkeypatch.setattr(winograd, "SAVES", 0)
    monkeypatch.setattr(direct, "FEWEST", 0)
    policy(min_gain=0, apart_elements=-1)


def products(shapes, dtype, keywords):
    """Placeholders of x and w, and the convolution with both of its gradients."""
    x, w = (ag.placeholder(n, s, dtype) for n, s in zip("xw", shapes, strict=True))
    y = ag.conv2d(x, w, **keywords)
    return [x, w], [y, *ag.grad(ag.sum(y * y), [x, w])]


def both(monkeypatch, inputs, fetches, arrays):
    """Results of NumPy and of compiled kernels, of which every convolution is one."""
    plain, fast = (ag.function(fetches, inputs=inputs) for _ in range(2))
    monkeypatch.setenv("AG_BACKEND", "numpy")
    expected = plain(*arrays)
    monkeypatch.delenv("AG_BACKEND")
    found = fast(*arrays)
    kinds = [type(s.op) for s in fast.plan.steps]
    assert Direct in kinds
    assert not {Conv, ConvInputGrad, ConvWeightGrad} & set(kinds)
    return expected, found


def close(a, b, dtype):
    for p, q in zip(a, b, strict=True):
        np.testing.assert_allclose(q, p, rtol=0, atol=TOLERANCE[dtype] * max(1.0, float(np.abs(p).max())))


@pytest.mark.parametrize(("case", "dtype"), [*((c, "float32") for c in CASES), *((c, "float64") for c in DOUBLE)])
def test_values_and_gradients(monkeypatch, case, dtype):
    *shapes, keywords = CASES[case]
    inputs, fetches = products(shapes, dtype, keywords)
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s).astype(dtype) for s in shapes]
    close(*both(monkeypatch, inputs, fetches, arrays), dtype)


def test_second_derivatives(monkeypatch):
    *shapes, keywords = CASES["one side"]
    inputs, (_, dx, dw) = products(shapes, "float64", keywords)
    fetches = ag.grad(ag.sum(ag.sin(dx)) + ag.sum(ag.sin(dw)), inputs)
    rng = np.random.default_rng(1)
    close(*both(monkeypatch, inputs, fetches, [rng.standard_normal(s) for s in shapes]), "float64")


@pytest.mark.parametrize("width", [16, 32])
@pytest.mark.parametrize("case", ["dilated", "one side", "layer", "prime lengths"])
def test_narrow_registers(monkeypatch, case, width):
    """What a machine with shorter vectors runs."""
    monkeypatch.setattr(direct, "register_width", lambda: width)
    for cached in (direct.forward_kernel, direct.weights_kernel):
        cached.cache_clear()
    *shapes, keywords = CASES[case]
    inputs, fetches = products(shapes, "float32", keywords)
    rng = np.random.default_rng(2)
    close(*both(monkeypatch, inputs, fetches, [rng.standard_normal(s, "f") for s in shapes]), "float32")


def test_several_bands_of_rows(monkeypatch):
    monkeypatch.setattr(direct_weights, "BAND", 1 << 12)
    direct.weights_kernel.cache_clear()
    inputs, fetches = products(((2, 23, 9, 5), (3, 3, 5, 20)), "float64", {"strides": (2, 1)})
    rng = np.random.default_rng(3)
    close(*both(monkeypatch, inputs, fetches, [rng.standard_normal(x.shape) for x in inputs]), "float64")
    direct.weights_kernel.cache_clear()


def test_threads_share_the_images(monkeypatch):
    """Also more of them than images; bits do not depend on how many there are."""
    monkeypatch.setattr(launch, "SHARED", 0)
    for n, keywords in ((1, {}), (2, {"strides": 2}), (7, {"padding": "same"})):
        inputs, fetches = products(((n, 6, 7, 3), (3, 3, 3, 20)), "float32", keywords)
        rng = np.random.default_rng(4)
        arrays = [rng.standard_normal(x.shape, "f") for x in inputs]
        found = []
        for threads in (1, 3, 5):
            monkeypatch.setattr(direct, "workers", lambda threads=threads: threads)
            a, b = both(monkeypatch, inputs, fetches, arrays)
            close(a, b, "float32")
            found.append(b)
        for other in found[1:]:
            for p, q in zip(found[0], other, strict=True):
                np.testing.assert_array_equal(p, q)


def test_no_images_and_numbers_that_are_not_finite(monkeypatch):
    inputs, fetches = products(((0, 6, 7, 3), (3, 3, 3, 4)), "float32", {})
    a, b = both(monkeypatch, inputs, fetches, [np.zeros(x.shape, "f") for x in inputs])
    assert b[0].shape == (0, 4, 5, 4)
    np.testing.assert_array_equal(b[2], a[2])
    inputs, fetches = products(((2, 6, 7, 3), (3, 3, 3, 4)), "float32", {"padding": "same"})
    x, w = (np.random.default_rng(5).standard_normal(t.shape, "f") for t in inputs)
    x[0, 0, 0, 0], x[1, 5, 6, 2], x[1, 2, 2, 1] = np.nan, np.inf, -np.inf
    for p, q in zip(*both(monkeypatch, inputs, fetches, [x, w]), strict=True):
        np.testing.assert_array_equal(np.isnan(p), np.isnan(q))
        np.testing.assert_allclose(p, q, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["x", "w", "out"])
def test_layout_in_memory_does_not_matter(name):
    """Kernels straight on arrays, as feeds are made contiguous."""
    rng = np.random.default_rng(6)
    place = window(1, 1, "same", "test")
    x, w = rng.standard_normal((2, 6, 5, 3), "f"), rng.standard_normal((3, 3, 3, 20), "f")
    y = rng.standard_normal((2, 6, 5, 20), "f")
    rows = ((Conv, (x, w), y), (ConvInputGrad, (y, w, x), x), (ConvWeightGrad, (x, y, w), w))
    for make, inputs, like in rows:
        arrays = dict(zip(("x", "w"), inputs[:2], strict=True), out=np.empty_like(like))
        expected = np.empty_like(like)
        make(place, 1).kernel(*inputs, out=expected)
        arrays[name] = np.repeat(arrays[name], 2, -1)[..., ::2]
        given = (arrays["x"], arrays["w"], *inputs[2:])
        Direct(make(place, 1), False).kernel(*given, out=arrays["out"])
        np.testing.assert_allclose(arrays["out"], expected, rtol=1e-4, atol=1e-5)


def test_calls_follow_feeds_that_move(monkeypatch):
    """Large feeds are used where they lie: other arrays at every call."""
    inputs, fetches = products(((40, 20, 20, 3), (3, 3, 3, 24)), "float32", {"padding": "same"})
    rng = np.random.default_rng(7)
    f = ag.function(fetches, inputs=inputs)
    monkeypatch.setenv("AG_BACKEND", "numpy")
    plain = ag.function(fetches, inputs=inputs)
    feeds = [[rng.standard_normal(x.shape, "f") for x in inputs] for _ in range(2)]
    expected = [plain(*arrays) for arrays in feeds]
    monkeypatch.delenv("AG_BACKEND")
    for n in (0, 1, 1, 0):
        close(expected[n], f(*feeds[n]), "float32")


def test_numpy_takes_over_where_llvm_fails(monkeypatch):
    def fail(*_):
        raise compiler.CompileError("no such instruction")

    monkeypatch.setattr(direct, "forward_kernel", fail)
    monkeypatch.setattr(direct, "weights_kernel", fail)
    inputs, fetches = products(((2, 6, 7, 3), (3, 3, 3, 4)), "float32", {})
    rng = np.random.default_rng(8)
    a, b = both(monkeypatch, inputs, fetches, [rng.standard_normal(x.shape, "f") for x in inputs])
    for p, q in zip(a, b, strict=True):
        np.testing.assert_array_equal(p, q)


def test_small_convolutions_groups_and_plain_products_stay_with_blas(monkeypatch):
    x, w = ag.placeholder("x", (2, 6, 6, 4)), ag.placeholder("w", (3, 3, 4, 8))
    assert direct.is_direct(ag.conv2d(x, w))
    assert direct.is_direct(ag.conv2d(x, ag.placeholder("w", (1, 1, 4, 8))))
    assert not direct.is_direct(ag.conv2d(x, ag.placeholder("w", (1, 1, 4, 600))))
    assert not direct.is_direct(ag.conv2d(x, ag.placeholder("w", (3, 3, 1, 8)), groups=4))
    assert direct.is_direct(ag.conv2d(x, ag.placeholder("w", (3, 3, 1, 4)), groups=4))
    one = ag.conv2d(x, ag.placeholder("w", (3, 3, 4, 1)))
    assert direct.is_direct(one)
    monkeypatch.setattr(direct, "FEWEST", 2)
    assert not direct.is_direct(one)
    monkeypatch.setattr(direct, "LEAST", 1 << 20)
    assert not direct.is_direct(ag.conv2d(x, w))


def test_gradients_as_convolutions():
    """One a step of the window; none for a border wider than the window, or where taps and windows both move apart."""

    def gradients(size, *place):
        return turned(window(*place, "test").axis(0, 9, size))

    assert gradients(3, 1, 1, 3) == gradients(3, 2, 2, "same") == []
    ((first, taps, axis),) = gradients(3, 1, 2, ((1, 0), (0, 0)))
    assert (first, taps, axis) == (0, slice(0, None, 1), Axis(3, 1, 2, 3, 4, 6, 9))
    even, odd = gradients(3, 2, 1, "same")
    assert even == (0, slice(1, None, 2), Axis(1, 1, 1, 0, 0, 5, 5))
    assert odd == (1, slice(0, None, 2), Axis(2, 1, 1, 0, 0, 5, 4))
    assert [axis.size for *_, axis in gradients(2, 3, 1, 0)] == [1, 1, 0]


def pooled(shapes, dtype, conv, pool, gradient):
    """A relu of a pool of a convolution, with its gradients or without."""
    x, w = (ag.placeholder(n, s, dtype) for n, s in zip("xw", shapes, strict=True))
    y = ag.relu(ag.max_pool2d(ag.conv2d(x, w, **conv), **pool))
    return [x, w], [y, *ag.grad(ag.sum(y * y), [x, w])] if gradient else [y]


POOLS = {  # shapes, the convolution, and the pool
    "halves": (((3, 12, 14, 3), (3, 3, 3, 20)), {"padding": "same"}, {"size": 2}),
    "rows and columns left over": (((2, 11, 9, 4), (3, 3, 4, 5)), {"padding": "same"}, {"size": 2}),
    "thirds by halves": (((2, 13, 9, 2), (2, 2, 2, 33)), {}, {"size": (3, 2)}),
    "strided": (((2, 16, 15, 3), (3, 3, 3, 8)), {"strides": 2, "padding": 1}, {"size": (2, 4)}),
    "depthwise": (((2, 8, 8, 18), (3, 3, 1, 18)), {"groups": 18, "padding": "same"}, {"size": 3}),
    "all places": (((2, 6, 5, 3), (3, 3, 3, 8)), {}, {"size": (4, 3)}),
}


@pytest.mark.parametrize(("gradient", "dtype"), [(True, "float32"), (False, "float64")])
@pytest.mark.parametrize("case", POOLS)
def test_pools_in_registers(monkeypatch, case, dtype, gradient):
    inputs, fetches = pooled(*POOLS[case][:1], dtype, *POOLS[case][1:], gradient)
    rng = np.random.default_rng(9)
    arrays = [rng.integers(-2, 3, x.shape).astype(dtype) for x in inputs]  # exact sums, with ties
    arrays[0][0, 2, 2, 0], arrays[0][1, 5, 4, 1] = np.nan, np.inf
    plain, fast = (ag.function(fetches, inputs=inputs) for _ in range(2))
    monkeypatch.setenv("AG_BACKEND", "numpy")
    expected = plain(*arrays)
    monkeypatch.delenv("AG_BACKEND")
    found = fast(*arrays)
    assert [s.op.pool.name for s in fast.plan.steps if isinstance(s.op, DirectPool)] == [
        "max_pool2d_located" if gradient else "max_pool2d"
    ]
    assert not any(s.op.name == "compiled<conv2d>" for s in fast.plan.steps)
    np.testing.assert_array_equal(found[0], expected[0])
    if gradient:
        close(
            [np.nan_to_num(p, posinf=0) for p in expected[1:]], [np.nan_to_num(q, posinf=0) for q in found[1:]], dtype
        )


def test_pools_in_threads_and_without_llvm(monkeypatch):
    shapes, conv, pool = POOLS["halves"]
    inputs, fetches = pooled(shapes, "float32", conv, pool, True)
    rng = np.random.default_rng(10)
    arrays = [rng.standard_normal(x.shape, "f") for x in inputs]
    a, b = both_pooled(monkeypatch, inputs, fetches, arrays)
    monkeypatch.setattr(launch, "SHARED", 0)
    monkeypatch.setattr(direct, "workers", lambda: 2)
    for p, q in zip(both_pooled(monkeypatch, inputs, fetches, arrays)[1], b, strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-4, atol=1e-4)

    def fail(*_):
        raise compiler.CompileError("no such instruction")

    monkeypatch.setattr(direct, "forward_kernel", fail)
    close(a, both_pooled(monkeypatch, inputs, fetches, arrays)[1], "float32")


def both_pooled(monkeypatch, inputs, fetches, arrays):
    plain, fast = (ag.function(fetches, inputs=inputs) for _ in range(2))
    monkeypatch.setenv("AG_BACKEND", "numpy")
    expected = plain(*arrays)
    monkeypatch.delenv("AG_BACKEND")
    return expected, fast(*arrays)


@pytest.mark.parametrize(("width", "expected"), [(64, True), (32, False)])
def test_windows_that_fit_into_the_registers(monkeypatch, width, expected):
    x, w = ag.placeholder("x", (2, 10, 10, 3)), ag.placeholder("w", (3, 3, 3, 8))
    y = ag.max_pool2d(ag.conv2d(x, w), size=4)
    monkeypatch.setattr(direct_pool, "register_width", lambda: width)
    assert direct_pool.is_pooled(y, {y.inputs[0].id: 1}, {}) == expected


def test_what_others_read_is_stored_and_windows_that_overlap_are_pooled_apart():
    x, w = ag.placeholder("x", (2, 8, 8, 3)), ag.placeholder("w", (3, 3, 3, 8))
    y = ag.conv2d(x, w)
    arrays = [np.ones(t.shape, "f") for t in (x, w)]
    for fetches, expected in (
        ([ag.max_pool2d(y)], True),
        ([ag.max_pool2d(y), y], False),
        ([ag.max_pool2d(y), ag.sum(y)], False),
        ([ag.max_pool2d(y, size=3, strides=2)], False),
        ([ag.max_pool2d(y, padding="same", size=4)], False),
    ):
        f = ag.function(fetches, inputs=[x, w])
        f(*arrays)
        assert any(isinstance(s.op, DirectPool) for s in f.plan.steps) == expected
