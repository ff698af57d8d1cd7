"""Ops that users of NumPy and torch look for: values beside theirs, shapes, types, errors by name."""

import numpy as np
import pytest

import agcli as ag
from agcli.engine.graph import Tensor
from tests.engine.helpers import refused

pytestmark = pytest.mark.numeric

RNG = np.random.default_rng(5)
A, C = RNG.standard_normal((3, 4)), RNG.standard_normal((2, 3, 4))
V, W = RNG.standard_normal(6), np.sort(RNG.uniform(0, 5, 6))
N, M = RNG.integers(-100, 100, (3, 4)), RNG.integers(0, 9, (3, 4))
ODD = np.array([0.0, -0.0, 1.0, -2.0, np.inf, -np.inf, np.nan])
PAIRS = np.array(np.meshgrid(ODD, ODD)).reshape(2, -1)
BOOLS = A > 0

# name, arguments, keywords, reference of the arguments
VALUES = [
    ("copysign", PAIRS, {}, np.copysign),
    ("signbit", (ODD,), {}, np.signbit),
    ("logaddexp2", PAIRS, {}, np.logaddexp2),
    ("nan_to_num", (ODD,), {}, np.nan_to_num),
    ("nan_to_num", (ODD.astype("float32"),), {"nan": 1.5}, lambda x: np.nan_to_num(x, nan=1.5)),
    ("nan_to_num", (ODD,), {"posinf": 3, "neginf": -3}, lambda x: np.nan_to_num(x, posinf=3, neginf=-3)),
    ("nan_to_num", (N,), {}, np.nan_to_num),
    ("isclose", PAIRS, {}, np.isclose),
    ("isclose", PAIRS, {"equal_nan": True}, lambda a, b: np.isclose(a, b, equal_nan=True)),
    ("isclose", (A, A * 1.01), {"rtol": 0.01, "atol": 0}, lambda a, b: np.isclose(a, b, rtol=0.01, atol=0)),
    ("isclose", (np.uint8([3, 4]), np.uint8([4, 4])), {}, np.isclose),
    ("allclose", (A, A + 1e-9), {}, np.allclose),
    ("allclose", (A, A + 1e-3), {}, np.allclose),
    *[(f"bitwise_{name}", (N, M), {}, getattr(np, f"bitwise_{name}")) for name in ("and", "or", "xor")],
    *[(f"bitwise_{name}", (BOOLS, A > 1), {}, getattr(np, f"bitwise_{name}")) for name in ("and", "or", "xor")],
    ("bitwise_and", (N.astype("int8"), M.astype("uint8")), {}, np.bitwise_and),
    ("bitwise_or", (N, BOOLS), {}, np.bitwise_or),
    ("bitwise_not", (N,), {}, np.invert),
    ("bitwise_not", (BOOLS,), {}, np.invert),
    ("bitwise_not", (M.astype("uint8"),), {}, np.invert),
    ("left_shift", (N, M), {}, np.left_shift),
    ("left_shift", (N.astype("int8"), np.array(200, "uint8")), {}, np.left_shift),
    ("right_shift", (N, M), {}, np.right_shift),
    ("right_shift", (N, np.array(99)), {}, np.right_shift),
    ("cummax", (A,), {"axis": 1}, lambda x: np.maximum.accumulate(x, 1)),
    ("diff", (A,), {}, np.diff),
    ("diff", (A,), {"n": 2, "axis": 0}, lambda x: np.diff(x, 2, 0)),
    ("diff", (A,), {"n": 5}, lambda x: np.diff(x, 5)),
    ("diff", (A,), {"n": 0}, lambda x: x),
    ("diff", (N,), {"prepend": 0, "append": 7}, lambda x: np.diff(x, prepend=0, append=7)),
    ("diff", (N,), {"prepend": 0.5}, lambda x: np.diff(x, prepend=0.5)),
    ("diff", (np.zeros((2, 0)),), {"prepend": 1, "append": 3}, lambda x: np.diff(x, prepend=1, append=3)),
    ("diff", (A,), {"append": A[:1], "axis": 0}, lambda x: np.diff(x, append=A[:1], axis=0)),
    ("diff", (BOOLS,), {"prepend": False}, lambda x: np.diff(x, prepend=False)),
    ("gradient", (V,), {}, np.gradient),
    ("gradient", (N[0],), {}, np.gradient),
    ("gradient", (V,), {"edge_order": 2}, lambda x: np.gradient(x, edge_order=2)),
    ("gradient", (V, 0.5), {"edge_order": 2}, lambda x, h: np.gradient(x, h, edge_order=2)),
    ("gradient", (V, W), {}, np.gradient),
    ("gradient", (V, W), {"edge_order": 2}, lambda x, h: np.gradient(x, h, edge_order=2)),
    ("gradient", (V, np.array([0, 1, 3, 4, 9, 7])), {}, np.gradient),
    ("gradient", (C,), {}, np.gradient),
    ("gradient", (C, 2.0), {"axis": (0, 2)}, lambda x, h: np.gradient(x, h, axis=(0, 2))),
    ("gradient", (A, W[:3], W[:4]), {"edge_order": 2}, lambda x, g, h: np.gradient(x, g, h, edge_order=2)),
    ("gradient", (A[:2],), {"axis": 0}, lambda x: np.gradient(x, axis=0)),
    ("trapezoid", (V,), {}, np.trapezoid),
    ("trapezoid", (V, W), {}, np.trapezoid),
    ("trapezoid", (C,), {"dx": 0.5, "axis": 1}, lambda y: np.trapezoid(y, dx=0.5, axis=1)),
    ("trapezoid", (C, np.cumsum(np.abs(C), 1)), {"axis": 1}, lambda y, x: np.trapezoid(y, x, axis=1)),
    ("trapezoid", (N,), {}, np.trapezoid),
    ("trapezoid", (V[:1],), {}, np.trapezoid),
    ("cross", (A[:, :3], A[:, 1:]), {}, np.cross),
    ("cross", (C[:, :, 0], A[:, 0]), {}, np.cross),
    ("cross", (A, A[:, ::-1]), {"axis": 0}, lambda a, b: np.cross(a, b, axis=0)),
    ("cross", (N[:, :3], N[0, 1:]), {}, np.cross),
    ("atleast_1d", (np.array(3.0),), {}, np.atleast_1d),
    *[(f"atleast_{n}d", (x,), {}, getattr(np, f"atleast_{n}d")) for n in (1, 2, 3) for x in (np.array(2.0), V, A, C)],
    ("vstack", (V, V), {}, lambda *xs: np.vstack(xs)),
    ("vstack", (A, A[0]), {}, lambda *xs: np.vstack(xs)),
    ("hstack", (V, W[:2]), {}, lambda *xs: np.hstack(xs)),
    ("hstack", (A, A[:, :1]), {}, lambda *xs: np.hstack(xs)),
    ("hstack", (np.array(1.0), V), {}, lambda *xs: np.hstack(xs)),
    ("dstack", (V, V), {}, lambda *xs: np.dstack(xs)),
    ("dstack", (A, N), {}, lambda *xs: np.dstack(xs)),
    ("dstack", (C, C[:, :, :2]), {}, lambda *xs: np.dstack(xs)),
    ("column_stack", (A[:, 0], A, A[:, 1]), {}, lambda *xs: np.column_stack(xs)),
    *[("array_split", (V,), {"parts": p}, lambda x, p=p: np.array_split(x, p)) for p in (1, 2, 4, 5, 11)],
    ("array_split", (C,), {"parts": 3, "axis": -1}, lambda x: np.array_split(x, 3, -1)),
    ("array_split", (V,), {"parts": (1, 4)}, lambda x: np.array_split(x, (1, 4))),
    ("vsplit", (C,), {"parts": 2}, lambda x: np.vsplit(x, 2)),
    ("hsplit", (C,), {"parts": 3}, lambda x: np.hsplit(x, 3)),
    ("hsplit", (V,), {"parts": (2, 3)}, lambda x: np.hsplit(x, (2, 3))),
    ("dsplit", (C,), {"parts": 2}, lambda x: np.dsplit(x, 2)),
    ("flipud", (V,), {}, np.flipud),
    ("flipud", (C,), {}, np.flipud),
    ("fliplr", (C,), {}, np.fliplr),
    *[("rot90", (C,), {"k": k}, lambda x, k=k: np.rot90(x, k)) for k in range(-2, 4)],
    *[("rot90", (C,), {"k": k, "axes": (2, -2)}, lambda x, k=k: np.rot90(x, k, (2, -2))) for k in range(4)],
    ("partition", (V,), {"kth": (0, -1)}, lambda x: np.partition(x, (0, 1, 2, 3, 4, 5))[[0, -1]]),
    ("lp_normalize", (A,), {"axis": 0}, lambda x: x / np.linalg.norm(x, axis=0)),
    ("lp_normalize", (A,), {"ord": "inf"}, lambda x: x / np.abs(x).max(1, keepdims=True)),
    ("lerp", (A, C, 0.25), {}, lambda a, b, t: a + t * (b - a)),
]  # fmt: skip


def apply(name, args, kwargs):
    """The op called ``name``, its arguments fed to placeholders."""
    inputs = [ag.placeholder(f"x{i}", np.shape(a), np.asarray(a).dtype) for i, a in enumerate(args)]
    made = getattr(ag, name)(*inputs, **kwargs)
    outputs = [made] if isinstance(made, Tensor) else list(made)
    found = [np.asarray(a) for a in ag.function(outputs, inputs=inputs)(*args)]
    return found[0] if isinstance(made, Tensor) else found


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("name", "args", "kwargs", "reference"), VALUES, ids=[row[0] for row in VALUES])
def test_values_are_those_of_numpy(name, args, kwargs, reference):
    found, expected = apply(name, args, kwargs), reference(*args)
    if name == "partition":
        found = found[[0, -1]]
    if not isinstance(found, list):
        found, expected = [found], [expected]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == np.asarray(theirs).dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)
        np.testing.assert_array_equal(np.signbit(ours), np.signbit(theirs)) if name == "copysign" else None


TORCH = {
    "celu": {"alpha": 2.0},
    "glu": {"axis": -1},
    "hard_swish": {},
    "hard_tanh": {},
    "logaddexp2": {},
    "copysign": {},
    "lerp": {},
    "trapezoid": {},
    "logcumsumexp": {"axis": 1},
    "cummax": {"axis": 1},
    "cummin": {"axis": 1},
    "gradient": {"axis": 1},
}
THEIRS = {
    "celu": "nn.functional.celu",
    "glu": "nn.functional.glu",
    "hard_swish": "nn.functional.hardswish",
    "hard_tanh": "nn.functional.hardtanh",
}


@pytest.mark.parametrize("name", TORCH)
def test_gradients_are_those_of_torch(name):
    torch = pytest.importorskip("torch", reason="the peer")
    kwargs = TORCH[name]
    count = {"logaddexp2": 2, "copysign": 2, "lerp": 3}.get(name, 1)
    args = [5 * RNG.standard_normal((3, 4)) for _ in range(count)]
    inputs = [ag.placeholder(f"x{i}", a.shape, "float64") for i, a in enumerate(args)]
    y = getattr(ag, name)(*inputs, **kwargs)
    theirs = [torch.tensor(a, requires_grad=True) for a in args]
    function = torch
    for part in THEIRS.get(name, name).split("."):
        function = getattr(function, part)
    ty = function(*theirs, **{"dim" if k == "axis" else k: v for k, v in kwargs.items()})
    ty = ty if isinstance(ty, torch.Tensor) else ty[0]
    weights = RNG.standard_normal(tuple(ty.shape))
    (ty * torch.tensor(weights)).sum().backward()
    found = ag.function([y, *ag.grad((y * weights).sum(), inputs)], inputs=inputs)(*args)
    for ours, other in zip(found, (ty.detach(), *(t.grad for t in theirs)), strict=True):
        np.testing.assert_allclose(ours, np.broadcast_to(other.numpy(), np.shape(ours)), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("p", [1, 2, 3, np.inf])
def test_lp_normalize_is_torchs_normalize(p):
    torch = pytest.importorskip("torch", reason="the peer")
    x, t = ag.placeholder("x", A.shape, "float64"), torch.tensor(A, requires_grad=True)
    y, theirs = ag.lp_normalize(x, p), torch.nn.functional.normalize(t, p=p, dim=-1)
    (theirs * torch.tensor(A**2)).sum().backward()
    found = ag.function([y, ag.grad((y * A**2).sum(), x)], inputs=[x])(A)
    for ours, other in zip(found, (theirs.detach(), t.grad), strict=True):
        np.testing.assert_allclose(ours, other.numpy(), rtol=1e-12, atol=1e-14)


def test_a_vector_of_zeros_is_normalized_to_zeros():
    x = ag.placeholder("x", (2, 3), "float64")
    y = ag.lp_normalize(x, epsilon=0.5)
    value, slope = ag.function([y, ag.grad(y.sum(), x)])(x=[[0.0, 0, 0], [3.0, 0, 4]])
    np.testing.assert_allclose(value, [[0, 0, 0], [0.6, 0, 0.8]])
    np.testing.assert_allclose(slope[0], 2)


@pytest.mark.parametrize("k", [0, 1, 2, 7, 30, 200])
@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8"])
def test_the_smallest_are_those_of_a_stable_sort(k, dtype):
    x = RNG.integers(0, 6, (10, 200)).astype(dtype)  # many ties
    values, places = apply("top_k", (x,), {"k": k, "largest": False})
    order = np.argsort(x, -1, kind="stable")[:, :k]
    np.testing.assert_array_equal(places, order)
    np.testing.assert_array_equal(values, np.take_along_axis(x, order, -1))


def test_nan_is_the_last_of_the_smallest():
    x = np.array([np.nan, 3.0, -np.inf, 1.0])
    assert apply("top_k", (x,), {"k": 3, "largest": False})[1].tolist() == [2, 3, 1]
    x = np.r_[x, np.ones(40)]
    assert apply("top_k", (x,), {"k": 2, "largest": False})[1].tolist() == [2, 3]


@pytest.mark.parametrize("kth", [0, 3, -2, (1, 4)])
def test_partition_splits_at_the_place_and_takes_along_the_gradient(kth):
    data = RNG.integers(0, 4, (4, 7)).astype(float)
    x = ag.placeholder("x", (None, 7), "float64")
    y, at = ag.partition(x, kth), ag.argpartition(x, kth)
    values, places, slope = ag.function([y, at, ag.grad((y * np.arange(7.0)).sum(), x)], inputs=[x])(data)
    np.testing.assert_array_equal(values, np.take_along_axis(data, places, -1))
    np.testing.assert_array_equal(np.sort(places, -1), np.tile(np.arange(7), (4, 1)))
    np.testing.assert_array_equal(np.take_along_axis(slope, places, -1), np.tile(np.arange(7.0), (4, 1)))
    for k in np.atleast_1d(kth):
        np.testing.assert_array_equal(values[:, k], np.sort(data, -1)[:, k])
        assert (values[:, : k % 7] <= values[:, k, None]).all()


def test_positions_of_running_extrema():
    x = np.array([[2.0, 5, 5, np.nan, 7], [3, 1, 1, 0, 9]])
    assert apply("cumargmax", (x,), {"axis": 1}).tolist() == [[0, 1, 1, 3, 3], [0, 0, 0, 0, 4]]
    assert apply("cumargmin", (x,), {"axis": 1}).tolist() == [[0, 0, 0, 3, 3], [0, 1, 1, 3, 3]]
    assert apply("cumargmax", (x[1:],), {}).tolist() == [0, 0, 0, 0, 4]
    t = ag.placeholder("t", (3, 4), "float64")
    y, at = ag.cummax(t, axis=0), ag.cumargmax(t, axis=0)
    value, place, slope = ag.function([y, at, ag.grad(y.sum(), t)], inputs=[t])(A)
    np.testing.assert_array_equal(np.take_along_axis(A, place, 0), value)
    np.testing.assert_array_equal(slope, [[(place[:, j] == i).sum() for j in range(4)] for i in range(3)])


def test_gradient_by_coordinates_that_are_tensors():
    x, w = ag.placeholder("x", (6,), "float64"), ag.placeholder("w", (6,), "float64")
    ag.check_grads(lambda x, w: ag.gradient(x, w, edge_order=2), [V, W], order=3)
    f = ag.function(ag.gradient(x, w), inputs=[x, w])
    np.testing.assert_allclose(f(W**2, W)[1:-1], 2 * W[1:-1])  # central differences are right for parabolas
    np.testing.assert_allclose(ag.gradient(W**2, W, edge_order=2).eval(), 2 * W)


def test_coordinates_that_do_not_fit_are_an_error_when_the_graph_runs():
    x, w = ag.placeholder("x", (None, None), "float64"), ag.placeholder("w", (None,), "float64")
    for y in (ag.trapezoid(x, w), ag.gradient(x, w, axis=1)):
        f = ag.function(y, inputs=[x, w])
        f(A, W[:4])
        for n in (2, 3, 5):
            with pytest.raises(ag.EngineError, match="samples along axis 1"):
                f(A, W[:n])


def test_a_cross_product_never_leaves_out_elements():
    x = ag.placeholder("x", (None, None), "float64")
    f = ag.function(ag.cross(x, x[::-1]), inputs=[x])
    np.testing.assert_allclose(f(A[:, :3]), np.cross(A[:, :3], A[::-1, :3]))
    with pytest.raises(ag.EngineError, match=r"cross: vectors of 3 \(3, 3\) and those given \(3, 4\)"):
        f(A)


def test_lerp_is_exact_at_both_ends_and_does_not_overflow():
    a, b = np.array([0.1, -1.7e308, 3.0]), np.array([0.3, 1.7e308, -7.1])
    np.testing.assert_array_equal(ag.lerp(a, b, 0.0).eval(), a)
    np.testing.assert_array_equal(ag.lerp(a, b, 1.0).eval(), b)
    assert ag.lerp(a, b, 0.5).eval()[1] == 0


X, S = ag.placeholder("x", (3, 4)), ag.placeholder("s")
ERRORS = [
    (lambda: ag.bitwise_and(X, 1), "bitwise_and: takes integers or bools, got float32(3, 4)"),
    (lambda: ag.left_shift(ag.constant([1]), 1.5), "left_shift: takes integers or bools"),
    (lambda: X & (X > 0), "for truth values write ag.logical_and"),
    (lambda: ag.grad((X.astype("int64") << 2).sum(), X), "only floats have a derivative"),
    (lambda: ag.grad(ag.signbit(X).astype("float32").sum(), X), "only through signbit"),
    (lambda: ag.diff(X, n=-1), "diff: n is a whole number of 0 or more, got -1"),
    (lambda: ag.diff(X, axis=2), "diff: axis 2 is out of range"),
    (lambda: ag.diff(X, prepend=np.ones(4)), "diff: prepend is a number or has the 2 axes of x (3, 4), got (4,)"),
    (lambda: ag.diff(X * X, X), "ag.grad(y, x)"),
    (lambda: ag.diff("x^2", "x"), 'ag.derivative("x^2", "x")'),
    (lambda: ag.gradient(S * S, S), "gradient: needs samples along an axis, got (); the derivative of a tensor"),
    (lambda: ag.gradient(X[:1], axis=0), "gradient: needs 2 or more elements along axis 0 of (1, 4)"),
    (lambda: ag.gradient(X, edge_order=3), "edge_order is 1 or 2, got 3"),
    (lambda: ag.gradient(X, 1.0, 2.0, 3.0), "one for each of the 2 axes, got 3"),
    (lambda: ag.gradient(X, np.ones(3), axis=1), "gradient: samples along axis 1 (4,) and their coordinates (3,)"),
    (lambda: ag.gradient(X, np.ones((3, 4))), "a spacing is a number, or coordinates along one axis, got (3, 4)"),
    (lambda: ag.trapezoid(X, [0.0, 1.0]), "trapezoid: samples along axis 1 (4,) and their coordinates (2,)"),
    (lambda: ag.trapezoid(X, np.ones((2, 3, 4))), "trapezoid: x has one axis, or those of y (3, 4), got (2, 3, 4)"),
    (lambda: ag.cross(X[:, :2], X[:, :2]), "of 2 write a[0]*b[1] - a[1]*b[0]"),
    (lambda: ag.cross(X, X), "cross: needs vectors of 3 numbers along axis -1, got (3, 4)"),
    (lambda: ag.vstack(X, X[:, :2]), "vstack: shapes (3, 4), (3, 2) differ outside of axis 0"),
    (ag.hstack, "hstack: needs at least one tensor"),
    (lambda: ag.column_stack(X, X[None]), "column_stack: needs tensors of 1 or 2 axes, got (3, 4), (1, 3, 4)"),
    (lambda: ag.hsplit(X, 3), "hsplit: 3 equal pieces need a known length that they divide, got 4 in (3, 4)"),
    (lambda: ag.vsplit(X[0], 2), "vsplit: needs 2 or more axes, got (4,)"),
    (lambda: ag.dsplit(X, 2), "dsplit: needs 3 or more axes, got (3, 4)"),
    (lambda: ag.array_split(X, 0), "array_split: 0 pieces"),
    (lambda: ag.flipud(S), "flipud: needs 1 or more axes, got ()"),
    (lambda: ag.fliplr(X[0]), "fliplr: needs 2 or more axes, got (4,)"),
    (lambda: ag.rot90(X, axes=(0, -2)), "rot90: the axes (0, -2) of (3, 4) are one"),
    (lambda: ag.rot90(X, 0.5), "rot90: takes a whole number of turns"),
    (lambda: ag.partition(X, 4), "partition: place 4 is outside of axis 1 of (3, 4)"),
    (lambda: ag.partition(X, 1.5), "partition: kth is a place or a list of places, got 1.5"),
    (lambda: ag.glu(X[:, :3]), "glu: needs an even known length along axis 1, got 3 in (3, 3)"),
    (lambda: ag.celu(X, alpha=0), "celu: alpha is a number above 0, got 0"),
    (lambda: ag.lp_normalize(X, ord=-1), "ord is a positive number"),
    (lambda: ag.cumargmax(S, axis=0), "cumargmax: needs at least one axis, got ()"),
    (lambda: X[None].transpose(0, 1), "swapaxes"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "words"), ERRORS)
def test_errors_name_the_op_and_the_shapes(call, words):
    refused(call, words)
