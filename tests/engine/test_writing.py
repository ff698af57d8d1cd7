"""Writing at positions: values beside NumPy, gradients beside torch, ties, repeats, zeros, errors, shards."""

import numpy as np
import pytest

import agcli as ag
from tests.engine.helpers import refused

pytestmark = pytest.mark.numeric

RNG = np.random.default_rng(3)
A, B = RNG.integers(-4, 5, (5, 3)).astype(float), RNG.integers(-4, 5, (7, 3)).astype(float)
AT = np.array([4, 0, -1, 0, 2, 0, -5])
UFUNCS = {"add": np.add, "multiply": np.multiply, "max": np.maximum, "min": np.minimum}
MODES = {name: getattr(ag, f"scatter_{name}") for name in ("set", *UFUNCS)}


def written(mode, x, index, values):
    """What NumPy makes of an array in place, one value after the other."""
    out = np.array(x)
    if mode == "set":
        places = np.arange(out.size).reshape(out.shape)[index]
        for place, value in zip(places.ravel(), np.broadcast_to(values, places.shape).ravel(), strict=True):
            out.flat[place] = value
    else:
        UFUNCS[mode].at(out, index, values)
    return out


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "int8", "bool"])
@pytest.mark.parametrize("mode", MODES)
def test_scatter_as_numpy_in_place(mode, dtype):
    x, u = (np.abs(a).astype(dtype) for a in (A, B))
    inputs = [ag.placeholder(n, v.shape, v.dtype) for n, v in zip("xiu", (x, AT, u), strict=True)]
    y = ag.function(MODES[mode](*inputs), inputs=inputs)(x, AT, u)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, written(mode, x, AT, u))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(), (2, 2), (0,)])
def test_scatter_at_indices_of_any_rank_along_any_axis(mode, shape):
    at = RNG.integers(-3, 3, shape)
    u = RNG.integers(-3, 4, (5, *shape)).astype(float)
    y = MODES[mode](A, at, u, axis=1).eval()
    np.testing.assert_array_equal(y, written(mode, A, (slice(None), at), u))


INDICES = [
    1, -1, (slice(None), 1), slice(1, 4), (slice(None, None, -2), [0, 2]), [0, 0, 2], (np.array([0, 0, 3]), [1, 1, 2]),
    A > 0, (np.array([True, False, True, True, False]), 1), (Ellipsis, None, 2), slice(2, 2),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=str)
@pytest.mark.parametrize("mode", MODES)
def test_an_index_points_where_numpy_says(mode, index):
    values = RNG.integers(-5, 6, A[index].shape).astype(float)
    x = ag.placeholder("x", (None, None), "float64")
    for v in (values, 3.0):
        found = getattr(x.at[index], mode)(v)
        np.testing.assert_array_equal(found.eval({x: A}), written(mode, A, index, v))


def test_an_index_may_be_a_tensor():
    x, i = ag.placeholder("x", (None, 3), "float64"), ag.placeholder("i", (), "int64")
    y = x.at[i, :2].set(x[0, :2] * 2)
    np.testing.assert_array_equal(y.eval({x: A, i: 3}), written("set", A, (3, slice(0, 2)), A[0, :2] * 2))
    np.testing.assert_array_equal(x.at[x < 0].set(0.0).eval({x: A}), np.maximum(A, 0))


@pytest.mark.parametrize("mode", MODES)
def test_writing_along_an_axis(mode):
    at, values = RNG.integers(-3, 3, (5, 4)), RNG.integers(-4, 5, (5, 4)).astype(float)
    rows = np.broadcast_to(np.arange(5)[:, None], at.shape)
    y = ag.put_along_axis(A, at, values, axis=1, mode=mode).eval()
    np.testing.assert_array_equal(y, written(mode, A, (rows, at), values))


REDUCED = {"multiply": "prod", "max": "amax", "min": "amin", "add": "sum"}


@pytest.mark.parametrize("mode", REDUCED)
def test_values_and_gradients_are_those_of_torch(mode):
    """Among small whole numbers most places tie, and some factors are 0."""
    torch = pytest.importorskip("torch", reason="the peer of scatter_reduce")
    at, values = RNG.integers(0, 3, (5, 4)), RNG.integers(-2, 3, (5, 4)).astype(float)
    weights = RNG.standard_normal(A.shape)
    tx, tv = (torch.tensor(a, requires_grad=True) for a in (A, values))
    ty = tx.scatter_reduce(1, torch.tensor(at), tv, REDUCED[mode])
    (ty * torch.tensor(weights)).sum().backward()
    x, v = ag.placeholder("x", A.shape, "float64"), ag.placeholder("v", values.shape, "float64")
    y = ag.put_along_axis(x, at, v, axis=1, mode=mode)
    found = ag.function([y, *ag.grad((y * weights).sum(), [x, v])], inputs=[x, v])(A, values)
    for ours, theirs in zip(found, (ty.detach(), tx.grad, tv.grad), strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-12, atol=1e-12)


def slopes(mode, x, at, u):
    """Derivatives of the sum of all elements."""
    xs = [ag.placeholder(n, np.shape(a), "float64") for n, a in (("x", x), ("u", u))]
    return [g.tolist() for g in ag.function(ag.grad(MODES[mode](xs[0], at, xs[1]).sum(), xs), inputs=xs)(x, u)]


def test_the_last_of_several_is_set_and_has_the_derivative():
    assert slopes("set", [1.0, 2, 3], [2, 0, 2], [7.0, 8, 9]) == [[0, 1, 0], [0, 1, 1]]


def test_ties_share_equally():
    assert slopes("max", [5.0, 2], [0, 0, 1, 1], [5.0, 5, 3, 3]) == [[1 / 3, 0], [1 / 3, 1 / 3, 0.5, 0.5]]
    assert slopes("min", [5.0, 2], [0, 0, 1, 1], [5.0, 5, 3, 3]) == [[1 / 3, 1], [1 / 3, 1 / 3, 0, 0]]


def test_products_are_exact_at_zeros_and_places_do_not_disturb_each_other():
    assert slopes("multiply", [2.0, 3, 4], [0, 0, 1, 1], [0.0, 0, 0, 7]) == [[0, 0, 1], [0, 0, 21, 0]]
    with np.errstate(over="ignore"):
        dx, du = slopes("multiply", [1.0, 1.0], [0, 0, 0, 1], [1e200, 1e200, 1e200, 5.0])
    assert dx == [np.inf, 5]
    assert du[3] == 1


def test_many_updates_at_one_place():
    u = RNG.uniform(0.9, 1.1, 3000)
    at = np.zeros(3000, int)
    dx, du = slopes("multiply", [2.0], at, u)
    np.testing.assert_allclose(dx, [u.prod()], rtol=1e-10)
    np.testing.assert_allclose(du, 2 * u.prod() / u, rtol=1e-10)


def test_nan_goes_where_it_is_written():
    x = np.zeros(3)
    for mode in ("max", "min", "multiply", "set"):
        y = MODES[mode](x, [1, 1], [np.nan, 1.0] if mode != "set" else [1.0, np.nan]).eval()
        np.testing.assert_array_equal(np.isnan(y), [False, True, False])


def test_types_of_both_are_kept():
    i, f = ag.placeholder("i", (3,), "int64"), ag.placeholder("f", (3,), "float32")
    assert MODES["set"](i, [0], [1.5]).dtype == "float64"
    assert MODES["set"](f, [0], 2).dtype == f.at[0].multiply(2).dtype == f.at[f > 0].max(0).dtype == "float32"
    assert i.at[0].set(7).dtype == "int64"


X34 = ag.placeholder("x", (3, 4))
ERRORS = [
    (lambda: ag.scatter_set(X34, [0, 1], np.ones((3, 4))), "scatter_set: updates must have the shape (2, 4)"),
    (lambda: ag.scatter_max(X34, [0.5], np.ones((1, 4))), "scatter_max: an index must be integers"),
    (lambda: ag.scatter_min(X34, [0], 1.0, axis=2), "scatter_min: axis 2 is out of range"),
    (lambda: ag.scatter_set([1, 2], [5], [1]).eval(), "scatter_set: index 5 is out of range for an axis of length 2"),
    (lambda: ag.put_along_axis([1, 2], [2], [1]).eval(), "index 2 is out of range for an axis of length 2"),
    (lambda: ag.put_along_axis(X34, [0], 1.0), "put_along_axis: (3, 4) needs indices of rank 2, got (1,)"),
    (lambda: ag.setitem(X34, 1.0, index=0, mode="mean"), "setitem: mode is set, add, multiply, max or min, got 'mean'"),
    (lambda: X34.at[0].set(np.ones(3)), "setitem: updates must have the shape (4,)"),
    (lambda: X34.at[7].set(1.0), "getitem: index 7 is out of range for axis 0 of length 3"),
    (lambda: X34.at["a"].set(1.0), "getitem: an index is an integer"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "words"), ERRORS)
def test_errors_name_the_op_and_the_shapes(call, words):
    refused(call, words)


@pytest.mark.parametrize("mode", MODES)
def test_shards_of_the_batch_write_as_one(mode):
    """Along the axis of the batch and across it; a batch that does not divide evenly."""
    data = RNG.integers(-2, 3, (7, 5)).astype(float)
    x, w = ag.placeholder("x", (None, 5), "float64"), ag.variable(RNG.integers(-2, 3, (3, 5)).astype(float), "w")
    across = MODES[mode](x, [4, 0, 4], x[:, 1:4] * 2, axis=1)
    along = MODES[mode](across, [0, 2, 0], w)
    loss = (along * along).sum()
    outputs = [along, loss, *ag.grad(loss, [x, w])]
    for one, several in zip(ag.function(outputs)(x=data), ag.function(outputs, shards=3)(x=data), strict=True):
        np.testing.assert_allclose(several, one, rtol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_derivatives_of_batches_with_places_of_their_own(mode):
    """``vmap`` over indices that differ, then a gradient through it, beside one example after the other."""
    xs, us = RNG.standard_normal((4, 5, 2)), RNG.standard_normal((4, 3, 2))
    at = RNG.integers(-5, 5, (4, 3))
    x, u = (ag.placeholder(n, a.shape, "float64") for n, a in (("x", xs), ("u", us)))
    i = ag.placeholder("i", at.shape, "int64")
    y = ag.vmap(lambda *one: ag.sin(MODES[mode](*one)))(x, i, u)
    one = ag.stack([ag.sin(MODES[mode](x[k], i[k], u[k])) for k in range(4)])
    feeds = {x: xs, i: at, u: us}
    for a, b in zip(*([t, *ag.grad((t * t).sum(), [x, u])] for t in (y, one)), strict=True):
        np.testing.assert_allclose(a.eval(feeds), b.eval(feeds), rtol=1e-12)


IN_ONE = {
    "at": lambda x, i: x.at[1].set(0.0),
    "mask": lambda x, i: x.at[x > 0].multiply(2.0),
    "mask of rows": lambda x, i: x.at[i > 0].max(0.5),
    "indices": lambda x, i: x.at[i[0], 1].add(1.0),
    "scatter": lambda x, i: ag.scatter_multiply(x, i, 2.0),
    "put_along_axis": lambda x, i: ag.put_along_axis(x, i[:, None], 1.0, axis=1, mode="max"),
    "take_along_axis": lambda x, i: ag.take_along_axis(x, i[:, None], axis=1),
    "partition": lambda x, i: ag.partition(x, 1, axis=0),
    "rfft": lambda x, i: ag.rfft(x, axis=0)[1],
}


@pytest.mark.parametrize("f", IN_ONE.values(), ids=IN_ONE)
def test_a_batch_is_written_at_once_not_in_a_loop(f):
    xs, at = RNG.standard_normal((4, 3, 2)), RNG.integers(0, 2, (4, 3))
    x, i = ag.placeholder("x", xs.shape, "float64"), ag.placeholder("i", at.shape, "int64")
    y = ag.vmap(f)(x, i)
    assert "scan" not in ag.show(y)
    feeds = {x: xs, i: at}
    np.testing.assert_allclose(y.eval(feeds), ag.stack([f(x[k], i[k]) for k in range(4)]).eval(feeds), rtol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_what_is_written_may_be_part_of_what_is_written_to(mode):
    """A result takes the memory of an input that nobody reads any more, unless another input lies in it."""
    x = ag.placeholder("x", (5, 3), "float64")
    y = x * 1.5
    found = MODES[mode](y, [0, 1, 1], y[1:4]).eval({x: A})
    np.testing.assert_array_equal(found, written(mode, A * 1.5, np.array([0, 1, 1]), (A * 1.5)[1:4]))


def test_writing_across_the_batch_stays_in_shards():
    x = ag.placeholder("x", (None, 5), "float64")
    f = ag.function(ag.scatter_set(ag.exp(x), [4, 0, 4], x[:, 1:4] * 2, axis=1).sum(), shards=3)
    f(x=np.ones((7, 5)))
    assert str(f.plan).count("= scatter_set(") == 3


def test_a_mask_is_not_repeated_in_silence():
    x, m = ag.placeholder("x", (None, 3), "float64"), ag.placeholder("m", (None,), "bool")
    f = ag.function(x.at[m].set(0.0), inputs=[x, m])
    np.testing.assert_array_equal(f(A, A[:, 0] > 0), np.where(A[:, :1] > 0, 0, A))
    with pytest.raises(ag.EngineError, match=r"setitem: the first axes of x \(5,\) and the mask \(1,\)"):
        f(A, [True])
    with pytest.raises(ag.EngineError, match=r"setitem: a mask of shape \(\) does not fit"):
        x.at[x[0, 0] > 0].set(0.0)
