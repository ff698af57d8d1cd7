"""Products with packed matrices, and the loops that use them, beside NumPy."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import agcli as ag
from agcli.engine.backends.jit.code.compiler import CompileError
from agcli.engine.backends.jit.products import gemm_kernel as panel_product
from agcli.engine.backends.jit.products import packing, panels
from agcli.engine.backends.jit.products.gemm_kernel import GemmKernel
from agcli.engine.backends.jit.products.panels import Pack
from agcli.engine.types import TensorType

pytestmark = pytest.mark.numeric

RNG = np.random.default_rng(0)
TOLERANCE = {"float32": 2e-5, "float64": 1e-13}
SHAPES = [
    (16, 40, 192),
    (1, 3, 100),
    (2, 9, 64),
    (3, 64, 65),
    (17, 33, 129),
    (9, 1, 16),
    (5, 7, 3),
    (0, 3, 4),
    (4, 0, 5),
]


def packed(w):
    out = np.full(Pack().infer(TensorType(w.shape, w.dtype)).shape, np.nan, w.dtype)
    Pack().kernel(w, out=out)
    return out


def product(a, w, *start):
    out = np.full((len(a), w.shape[1]), np.nan, a.dtype)
    GemmKernel(w.shape[1], False).kernel(a, packed(w), *start, out=out)
    return out


def real(dtype, *shape):
    return RNG.uniform(-1, 1, shape).astype(dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("m", "k", "n"), SHAPES)
def test_products(dtype, m, k, n):
    a, w, start = real(dtype, m, k), real(dtype, k, n), real(dtype, m, n)
    tolerance = TOLERANCE[dtype] * max(k, 1)
    for left in (a, np.asfortranarray(a), real(dtype, m, 2 * k)[:, ::2]):
        for right in (w, np.asfortranarray(w), real(dtype, k, 2 * n)[:, ::2]):
            np.testing.assert_allclose(product(left, right), left @ right, rtol=0, atol=tolerance)
            np.testing.assert_allclose(product(left, right, start), left @ right + start, rtol=0, atol=tolerance)


@pytest.mark.parametrize("width", [16, 32])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_products_in_narrow_registers(dtype, width, monkeypatch):
    for module in (panels, panel_product):
        monkeypatch.setattr(module, "register_width", lambda: width)
    for cached in (panels.transposer, panel_product.kernel):
        cached.cache_clear()
    for m, k, n in SHAPES:
        a, w, start = real(dtype, m, k), np.asfortranarray(real(dtype, k, n)), real(dtype, m, n)
        np.testing.assert_allclose(product(a, w, start), a @ w + start, rtol=0, atol=TOLERANCE[dtype] * max(k, 1))
    for cached in (panels.transposer, panel_product.kernel):
        cached.cache_clear()


@pytest.mark.parametrize("broken", [{"place": "fortran"}, {"place": "here"}])
def test_other_arrays_and_machines(broken, monkeypatch):
    """Outputs whose columns lie apart, and kernels that cannot be compiled."""

    def refuse(*_):
        raise CompileError("no")

    a, w, start = real("float32", 6, 20), real("float32", 20, 70), real("float32", 6, 70)
    out = np.zeros((6, 70), "float32", order="F" if broken["place"] == "fortran" else "C")
    if broken["place"] == "here":
        monkeypatch.setattr(panel_product, "kernel", refuse)
        monkeypatch.setattr(panels, "transposer", refuse)
        monkeypatch.setattr(panels, "copier", refuse)
    for more in ((), (start,)):
        GemmKernel(70, False).kernel(a, packed(w), *more, out=out)
        np.testing.assert_allclose(out, a @ w + sum(more), rtol=0, atol=1e-5)


def test_special_numbers_go_where_they_go_in_numpy():
    a, w = real("float32", 8, 5), real("float32", 5, 70)
    a[1, 2], a[3, 0], a[5, 4], w[1, 69], w[3, 0] = np.nan, np.inf, -np.inf, np.inf, 0
    with np.errstate(all="ignore"):
        expected = a @ w
    np.testing.assert_allclose(product(a, w), expected, rtol=0, atol=1e-5)


def test_rows_do_not_depend_on_their_neighbours():
    """Blocks of rows overlap at the end; a row has the same bits in any batch."""
    a, w = real("float32", 13, 50), real("float32", 50, 150)
    whole = product(a, w)
    for cut in (slice(0, 3), slice(3, 13), slice(12, 13), slice(2, 7)):
        np.testing.assert_array_equal(product(a[cut], w), whole[cut])


def test_a_call_moves():
    a, b = real("float32", 4, 20), real("float32", 4, 20)
    w, out = packed(real("float32", 20, 33)), np.empty((4, 33), "float32")
    call = GemmKernel(33, False).bind([a, w], out)
    call()
    assert call.move([b, w])
    call()
    expected = np.empty_like(out)
    GemmKernel(33, False).bind([b, w], expected)()
    np.testing.assert_array_equal(out, expected)
    assert not call.move([np.asfortranarray(a), w])


@pytest.mark.parametrize("place", ["together", "turned", "apart"])
def test_stacks_and_rows_that_are_added(place):
    """All rows of a stack at once where they lie evenly, else one matrix after the other; one row for all."""
    stack, w, line = real("float32", 3, 8, 20), real("float32", 20, 70), real("float32", 70)
    a = {"together": stack, "turned": np.swapaxes(real("float32", 8, 3, 20), 0, 1), "apart": stack[:, ::2]}[place]
    for start in ((), (line,), (real("float32", *a.shape[:-1], 70),)):
        out = np.full((*a.shape[:-1], 70), np.nan, "float32")
        GemmKernel(70, False).kernel(a, packed(w), *start, out=out)
        np.testing.assert_allclose(out, a @ w + sum(start), rtol=0, atol=1e-5)


def test_threads_change_no_bit(monkeypatch):
    """Rows are shared among threads; such calls move as others do."""
    monkeypatch.setattr(panel_product, "SHARED", 0)
    monkeypatch.setattr(panel_product, "workers", lambda: 3)
    a, b, start = real("float32", 37, 50), real("float32", 37, 50), real("float32", 150)
    w, one, several = packed(real("float32", 50, 150)), np.empty((37, 150), "float32"), np.empty((37, 150), "float32")
    GemmKernel(150, False).kernel(b, w, start, out=one)
    call = GemmKernel(150, True).bind([a, w, start], several)
    call()
    assert call.move([b, w, start])
    call()
    np.testing.assert_array_equal(several, one)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(37, 150), (40, 64), (16, 700), (64, 5)])
def test_threads_pack_the_same(shape, order, monkeypatch):
    """Panels are shared out; the call moves to another matrix that lies the same way."""
    monkeypatch.setattr(panels, "SHARED", 0)
    monkeypatch.setattr(panels, "workers", lambda: 3)
    w, other = (np.asarray(real("float32", *shape), order=order) for _ in range(2))
    out = np.full_like(packed(w), np.nan)
    call = Pack(True).bind([w], out)
    call()
    np.testing.assert_array_equal(out, packed(w))
    if getattr(call, "move", None) and call.move([other]):
        call()
        np.testing.assert_array_equal(out, packed(other))


@pytest.mark.parametrize("shards", [1, 2])
def test_large_products_are_packed(shards, monkeypatch, policy):
    """A layer and its gradients: what several products read is packed once, and the bias begins the sums."""
    policy(min_gain=0)
    monkeypatch.setattr(packing, "LARGE", 0)
    monkeypatch.setattr(packing, "WIDE", 0)
    monkeypatch.setattr(packing, "ROWS", 16)
    x = ag.placeholder("x", (None, 9, 40))
    w, b, v = (ag.variable(real("float32", *s), "p") for s in ((40, 48), (48,), (40, 48)))
    y = ag.tanh(x @ w + b) * (x @ v)
    fetches = [y, *ag.grad((y**2).sum(), [w, b, v]), ag.grad(y.sum(), x)]
    plain, fast = (ag.function(fetches, shards=shards) for _ in range(2))
    a = real("float32", 16, 9, 40)
    monkeypatch.setenv("AG_BACKEND", "numpy")
    expected = plain(a)
    monkeypatch.delenv("AG_BACKEND")
    for found, right in zip(fast(a), expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=0, atol=2e-5 * np.abs(right).max())
    names = [s.op.name for s in fast.plan.steps]
    assert names.count("compiled<matmul>") == 6 * shards
    assert names.count("pack") == 4 + 2 * shards
    assert "matmul" not in names


def test_a_matrix_that_is_huge_is_left_to_blas(monkeypatch, policy):
    x, w = ag.placeholder("x", (64, 128)), ag.placeholder("w", (128, 64))
    for most, names in ((1 << 24, ["pack", "compiled<matmul>"]), (1 << 10, ["matmul"])):
        policy(min_gain=0)
        monkeypatch.setattr(packing, "WIDE", 0)
        monkeypatch.setattr(packing, "MOST", most)
        f = ag.function(x @ w)
        f(np.ones((64, 128), "f"), np.ones((128, 64), "f"))
        assert [s.op.name for s in f.plan.steps] == names


# Loops -----------------------------------------------------------------------------------------------------------
def simple(h, z, w):
    return ag.tanh(z + h @ w)


def gated(h, z, w):
    """What is added is read elsewhere too, and a product is read twice."""
    y = h @ w
    u = ag.sigmoid(y + z)
    return u * h + (1 - u) * ag.tanh(y) + z * 0.1


def both_ways(h, z, w):
    return ag.tanh(h @ w + z @ w.T)


@pytest.mark.parametrize("step", [simple, gated, both_ways])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_loops_multiply_by_packed_matrices(step, dtype, monkeypatch, policy):
    """Values, gradients and second derivatives as without kernels; the matrix is packed anew at every run."""
    policy(min_gain=0, apart_elements=-1)
    z, v = ag.placeholder("z", (6, 5, 32), dtype), ag.placeholder("v", (32, 32), dtype)
    w = ag.variable(real(dtype, 32, 32) * 0.3, "w")
    last, ys = ag.scan(lambda h, z: (step(h, z, w),) * 2, np.zeros((5, 32), dtype), z)
    slope = ag.grad(ys.sum() + (last**2).sum(), w)
    fetches = [last, ys, slope, ag.grad((slope * v).sum(), w)]
    a, b = real(dtype, 6, 5, 32), real(dtype, 32, 32)
    plain, fast = (ag.function(fetches, inputs=[z, v]) for _ in range(2))
    for _ in range(2):
        monkeypatch.setenv("AG_BACKEND", "numpy")
        expected = plain(a, b)
        monkeypatch.delenv("AG_BACKEND")
        for x, y in zip(fast(a, b), expected, strict=True):
            np.testing.assert_allclose(x, y, rtol=0, atol=200 * TOLERANCE[dtype] * np.abs(y).max())
        w.value = w.value * 0.9
    assert "pack" in [s.op.name for s in fast.plan.steps]
    assert "pack" not in [s.op.name for s in plain.plan.steps]


@pytest.mark.parametrize(("turns", "width"), [(2, 32), (6, 4)])
def test_short_loops_and_small_matrices_stay_as_they_are(turns, width, monkeypatch, policy):
    policy(min_gain=0, apart_elements=-1)
    z, w = ag.placeholder("z", (turns, 5, width)), ag.placeholder("w", (width, width))
    f = ag.function(ag.scan(lambda h, z: (ag.tanh(h @ w + z), None), np.zeros((5, width), "f"), z)[0], inputs=[z, w])
    f(np.ones((turns, 5, width), "f"), np.ones((width, width), "f"))
    assert "pack" not in [s.op.name for s in f.plan.steps]


def test_turns_do_not_come_back_to_python():
    """Pieces that are joined, and read elsewhere too, are written twice by the kernel that makes them."""
    z = ag.placeholder("z", (6, None, 32), "float64")

    def step(h, z):
        a, b = ag.tanh(h + z), h * z
        return a, (ag.concatenate(a, b, axis=1), ag.concatenate(b, a * 2, a, axis=1))

    f = ag.function(ag.scan(step, ag.zeros_like(z[0]), z)[1])
    v = real("float64", 6, 10, 32)
    left, right = f(v)
    h, expected = np.zeros((10, 32)), []
    for row in v:
        a, b = np.tanh(h + row), h * row
        h = a
        expected.append(np.concatenate([a, b, b, a * 2, a], 1))
    np.testing.assert_allclose(np.concatenate([left, right], 2), expected, rtol=0, atol=1e-12)
    (executor,) = f.executors.values()
    loops = [c.__self__ for s, c in zip(f.plan.steps, executor.calls, strict=True) if s.op.name == "scan"]
    assert [len(loop.calls) for loop in loops] == [1]
