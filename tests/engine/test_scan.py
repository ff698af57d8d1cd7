"""``scan``: a loop as one op, its derivatives, its plan."""

import numpy as np
import pytest

from agcli.engine import functional, ops
from agcli.engine.custom import checkpoint
from agcli.engine.errors import FeedError, ShapeError
from agcli.engine.function import function
from agcli.engine.gradient import grad
from agcli.engine.graph import call
from agcli.engine.leaves import placeholder, variable
from agcli.engine.loops.loop import KEEP
from agcli.engine.loops.scan import Scan, scan
from agcli.engine.ops.random import standard_normal
from agcli.engine.testing import check_grads
from agcli.engine.transforms.apply import hessian, jacobian, jvp, vmap

pytestmark = pytest.mark.numeric

assert functional
assert ops
RNG = np.random.default_rng(0)


def real(*shape):
    return RNG.uniform(-1, 1, shape)


def sigmoid(x):
    return call("sigmoid", x)


def tanh(x):
    return call("tanh", x)


def rnn(x, w, h):
    last, ys = scan(lambda h, x: (tanh(h @ w + x),) * 2, h, x)
    return ys.sum(0) + last


def lstm(x, w, h, c):
    def step(carry, x):
        h, c = carry
        n = h.shape[-1]
        z = x + h @ w
        i, f, o, g = (z[:, k * n : (k + 1) * n] for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
        return (h, c), h

    (_, c), ys = scan(step, (h, c), x)
    return call("concatenate", ys.reshape(-1), c.reshape(-1))


def backwards(x):
    last, ys = scan(lambda c, x: (c * 0.5 + x * c, call("sin", c)), np.ones(2), x, reverse=True)
    return call("concatenate", ys, last.reshape(1, 2))


def counted(x):
    last, ys = scan(lambda c, _: (c * x + 1, c), x, length=4)
    return ys * last


def swapped(a, b, x):
    (a, b), ys = scan(lambda c, x: ((c[1] * x, c[0] + c[1]), c[0]), (a, b), x)
    return a * b + ys.sum()


def several(x, y):
    last, (p, q) = scan(lambda c, xy: (c + xy[0] * xy[1], (c, xy[1] ** 2)), 1.0, (x, y))
    return p * q + last


def nested(x):
    def row(c, x):
        inner, _ = scan(lambda d, x: (d * x + c, None), c, x)
        return inner, inner

    return scan(row, 0.5, x)[1]


def tied(x, w):
    """The same matrix twice in a turn, once transposed: several terms in one sum over the turns."""
    return scan(lambda h, x: (tanh(h @ w) @ w.T + x, h.sum()), x[0] * 0, x)[0]


def kept(x):
    """Checkpoints inside of a loop."""
    return scan(lambda h, x: (checkpoint(lambda h: call("sin", h * x))(h),) * 2, 0.3, x)[1]


CASES = {
    "rnn": (rnn, [(3, 2, 2), (2, 2), (2, 2)]),
    "lstm": (lstm, [(2, 1, 8), (2, 8), (1, 2), (1, 2)]),
    "backwards": (backwards, [(3, 2)]),
    "counted": (counted, [(2,)]),
    "swapped": (swapped, [(2,), (2,), (3, 2)]),
    "several": (several, [(3,), (3,)]),
    "nested": (nested, [(3, 2)]),
    "tied": (tied, [(3, 2, 2), (2, 2)]),
    "kept": (kept, [(3,)]),
    "no turns": (lambda x, h: scan(lambda h, x: (h * x, h), h, x)[0] * 2, [(0, 2), (2,)]),
}
ROWS = pytest.mark.parametrize(("f", "shapes"), CASES.values(), ids=CASES)


@ROWS
def test_derivatives_to_third_order(f, shapes):
    check_grads(f, [real(*s) for s in shapes], order=3)


@ROWS
def test_unknown_lengths_give_the_same_gradient(f, shapes):
    values = [real(*s) for s in shapes]
    results = []
    for known in (True, False):
        xs = [placeholder(f"x{i}", (s[0] if known else None, *s[1:]), "float64") for i, s in enumerate(shapes)]
        if not known and f in (lstm, counted, tied):  # these ask for lengths, or carry a shape that is not known
            xs = [placeholder(x.name, s, "float64") for x, s in zip(xs, shapes, strict=True)]
        y = f(*xs)
        results.append(function([y, *grad((y * y).sum(), xs, allow_unused=True)], inputs=xs)(*values))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_lstm_against_a_plain_loop():
    x, w, h, c = real(5, 3, 16), real(4, 16), real(3, 4), real(3, 4)
    xs = [placeholder(n, a.shape, "float64") for n, a in zip("xwhc", (x, w, h, c), strict=True)]
    got = function(lstm(*xs), inputs=xs)(x, w, h, c)
    ys = []
    for row in x:
        i, f, o, g = np.split(row + h @ w, 4, 1)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
        ys.append(h)
    np.testing.assert_allclose(got, np.concatenate([np.ravel(ys), np.ravel(c)]), rtol=1e-12)


def test_one_function_serves_sequences_of_any_length():
    x = placeholder("x", (None,), "float64")
    last, sums = scan(lambda total, x: (total + x, total + x), 0.0, x)
    f = function([last, sums, grad(last, x)])
    for n in (0, 1, 7):
        a = real(n)
        for got, expected in zip(f(a), (a.sum(), np.cumsum(a), np.ones(n)), strict=True):
            np.testing.assert_allclose(got, expected)


def test_long_loops_are_bound_as_they_run(monkeypatch):
    x = placeholder("x", (None,), "float64")
    last, ys = scan(lambda c, x: (call("sin", c) + x, c), 0.0, x)
    f = function([ys, grad(last, x)])
    a = real(50)
    expected = f(a)
    assert KEEP > 1000
    monkeypatch.setattr("agcli.engine.loops.loop.KEEP", 10)
    for got, e in zip(function([ys, grad(last, x)])(a), expected, strict=True):
        np.testing.assert_array_equal(got, e)


def loops(f):
    return [step for step in f.plan.steps if isinstance(step.op, Scan)]


def test_without_a_gradient_nothing_is_kept():
    x, w, h = placeholder("x", (4, 2, 3)), placeholder("w", (3, 3)), placeholder("h", (2, 3))
    f = function(scan(lambda h, x: (tanh(h @ w + x), h * 2), h, x)[0])
    f({x: np.zeros((4, 2, 3), "f"), w: np.zeros((3, 3), "f"), h: np.zeros((2, 3), "f")})
    (loop,) = loops(f)
    assert loop.op.outputs == (("final", 0),)
    assert not loop.op.body.emits


def test_the_gradient_of_a_weight_is_one_product_after_the_loop():
    x, w, h = placeholder("x", (4, 2, 3)), placeholder("w", (3, 3)), placeholder("h", (2, 3))
    f = function(grad(rnn(x, w, h).sum(), w), inputs=[x, w, h])
    f(np.ones((4, 2, 3), "f"), np.ones((3, 3), "f"), np.ones((2, 3), "f"))
    forward, backward = loops(f)
    assert ("trace", 0) in forward.op.outputs
    assert not [o for o in backward.op.outputs if o[0] == "total"]
    assert f.plan.steps[-1].op.name == "matmul"


def test_what_is_stacked_for_a_product_is_added_up_after_the_loop():
    """The gradient of a bias takes the cotangents that the one of a weight beside it needs."""
    x, h = placeholder("x", (None, 2, 3), "float64"), placeholder("h", (2, 3), "float64")
    w, b = variable(real(3, 3), "w"), variable(real(3), "b")
    last = scan(lambda h, x: (tanh(h @ w + b + x), None), h, x)[0]
    f = function(grad(last.sum(), [w, b]), inputs=[x, h])
    v, start, found = real(5, 2, 3), real(2, 3), []
    _, slope = f(v, start)
    assert {kind for kind, _ in loops(f)[-1].op.outputs} == {"emit"}
    for sign in (1, -1):
        y = start
        for row in v:
            y = np.tanh(y @ w.value + b.value + sign * 1e-6 + row)
        found.append(y.sum())
    np.testing.assert_allclose(slope.sum(), (found[0] - found[1]) / 2e-6, rtol=1e-6)


def test_a_turn_writes_its_results_in_place():
    """The plan of a turn of the LSTM has no copies: eleven kernels, as a person would write it."""
    x, w, z = placeholder("x", (4, 2, 12)), placeholder("w", (3, 12)), np.zeros((2, 3), "f")
    f = function(lstm(x, w, z, z))
    f({x: np.zeros((4, 2, 12), "f"), w: np.zeros((3, 12), "f")})
    body = loops(f)[0].op.body
    (turn,) = [p for b in (body, *body.retyped.values()) for p in b.plans.values()]
    assert len(turn.plan.steps) == 11
    assert all(turn.plan.slots[s].kind == "out" for s in turn.nexts)


def test_random_ops_draw_anew_in_every_turn():
    _, ys = scan(lambda c, _: (c, standard_normal((3,))), 0.0, length=4)
    f = function(ys, seed=5)
    first, second = f(), f()
    assert len({*first.ravel(), *second.ravel()}) == 24
    again = function(ys, seed=5)
    np.testing.assert_array_equal(again(), first)


def test_forward_mode_hessian_and_vmap_of_a_loop():
    x = placeholder("x", (3,), "float64")

    def f(x):
        return scan(lambda c, x: (call("sin", c * x) + x, c), 1.0, x)[0]

    a, v = real(3), real(3)
    j, h, t = function([jacobian(f, x), hessian(f, x), jvp(f, x, v)])(a)
    np.testing.assert_allclose(j @ v, t)
    np.testing.assert_allclose(h, h.T, atol=1e-12)
    many = placeholder("many", (4, 3), "float64")
    batch = real(4, 3)
    together = function([vmap(f)(many), vmap(lambda x: grad(f(x), x))(many)])(batch)
    one = function([f(x), grad(f(x), x)])
    for i, row in enumerate(batch):
        for got, expected in zip(together, one(row), strict=True):
            np.testing.assert_allclose(got[i], expected)


def test_variables_inside_of_a_loop():
    w = variable(np.float32(2.0), "w")
    x = placeholder("x", (3,))
    last, _ = scan(lambda c, x: (c * w + x, None), 0.0, x)
    f = function(last, updates={w: w - 0.5 * grad(last, w)})
    a = np.array([1, 2, 3], "float32")
    assert f(a) == 4 + 4 + 3
    assert w.value == 2 - 0.5 * (2 * 2 * 1 + 2)
    assert f(a) == 1 - 2 + 3


def test_integer_carries_have_no_gradient():
    x = placeholder("x", (3,), "float64")
    (count, total), _ = scan(lambda c, x: ((c[0] + 1, c[1] + x * c[0]), None), (np.int64(0), 0.0), x)
    n, g = function([count, grad(total, x)])(np.ones(3))
    assert n == 3
    np.testing.assert_array_equal(g, [0, 1, 2])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda x: scan(lambda c, x: (c, x), 0.0), "without xs, length= counts the turns; got None"),
        (lambda x: scan(lambda c, x: c, 0.0, x), r"must return a pair \(carry, y\), it returned <Tensor"),
        (lambda x: scan(lambda c, x: ((c, c), x), 0.0, x), "must return 1 carries, it returned 2"),
        (lambda x: scan(lambda c, x: (c, x), 0.0, x.sum()), "along the first axis of xs"),
        (lambda x: scan(lambda c, x: (c, x), 0.0, x, length=4), r"length=4, but xs have lengths \[3\]"),
        (lambda x: scan(lambda c, x: (x, x), np.zeros(2), x), r"carry 0 comes in as float64\(2,\), and the step makes"),
        (lambda x: scan(lambda c, xy: (c, None), 0.0, (x, np.zeros(2))), "lengths 2 and 3 differ"),
    ],
)
def test_errors(build, message):
    with pytest.raises(ShapeError, match=message):
        build(placeholder("x", (3,), "float64"))


def test_lengths_that_differ_only_when_fed():
    x, y = placeholder("x", (None,), "float64"), placeholder("y", (None,), "float64")
    last, _ = scan(lambda c, xy: (c + xy[0] * xy[1], None), 0.0, (x, y))
    with pytest.raises((ShapeError, FeedError), match="lengths 2 and 3 differ"):
        function(last)({x: np.zeros(2), y: np.zeros(3)})


# Slices sent back ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("cuts", "kernels"),
    [
        ([(0, 2), (2, 5), (5, 6)], {}),
        ([(5, 6), (0, 2), (2, 5)], {}),  # in whatever order
        ([(0, 2), (2, 4)], {"putitem": 1}),
        ([(0, 2), (4, 6)], {"putitem": 2, "add": 1}),  # a gap
        ([(0, 3), (2, 6)], {"putitem": 2, "add": 1}),  # an overlap
    ],
)
def test_neighbouring_slices_send_back_one_concatenation(cuts, kernels):
    x = placeholder("x", (3, 6), "float64")
    parts = [call("sin", x[:, a:b]) * (k + 1) for k, (a, b) in enumerate(cuts)]
    f = function(grad([p.sum() for p in parts], x))
    a = real(3, 6)
    expected = np.zeros((3, 6))
    for k, (i, j) in enumerate(cuts):
        expected[:, i:j] += (k + 1) * np.cos(a[:, i:j])
    np.testing.assert_allclose(f(a), expected)
    names = [s.op.name for s in f.plan.steps]
    assert {n: names.count(n) for n in ("putitem", "add") if n in names} == kernels


@pytest.mark.parametrize("axis", [1, -1, 2])
def test_pieces_are_computed_in_their_place(axis, monkeypatch):
    """Ufuncs write into columns of the whole; what others make, or what is read again, is copied there."""
    monkeypatch.setenv("AG_BACKEND", "numpy")
    x = placeholder("x", (2, 3, 4), "float64")
    a, b, c = x * 2, x.sum(axis=axis, keepdims=True), call("sin", x)
    whole = call("concatenate", a, b, c, axis=axis)
    f = function([whole, c.sum(), call("tanh", whole)])
    v = real(2, 3, 4)
    expected = np.concatenate([v * 2, v.sum(axis, keepdims=True), np.sin(v)], axis)
    for found, right in zip(f(v), (expected, np.sin(v).sum(), np.tanh(expected)), strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-15)
    names = [s.op.name for s in f.plan.steps]
    assert "concatenate" not in names
    assert names.count("copy") == 2


def test_a_turn_reshapes_an_element_with_gaps():
    x = placeholder("x", (2, 3, 4), "float64")
    last, _ = scan(lambda c, x: (call("sin", c + x.reshape(6)), None), np.zeros(6), call("transpose", x))
    v, expected = real(2, 3, 4), np.zeros(6)
    for row in v.T:
        expected = np.sin(expected + row.ravel())
    f = function(last)
    f(v * 2)
    np.testing.assert_allclose(f(v), expected, rtol=1e-12)


def test_loops_copy_a_transposed_factor_once():
    """Nine turns, equal to NumPy's; the factor is read anew at every run."""
    w, x = variable(real(3, 3), "w", dtype="float64"), placeholder("x", (9, 2, 3), "float64")
    f = function(scan(lambda c, x: (call("tanh", c @ w.T + x), None), np.zeros((2, 3)), x)[0])
    v = real(9, 2, 3)
    for _ in range(2):
        c = np.zeros((2, 3))
        for row in v:
            c = np.tanh(c @ w.value.T + row)
        np.testing.assert_allclose(f(v), c, rtol=1e-12)
        w.value = w.value * 0.5 + 0.1
