"""odeint against closed solutions, SciPy and differences; gradients against each other; what cannot be integrated."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import agcli as ag

pytestmark = pytest.mark.numeric

TIMES = np.array([0.0, 0.3, 0.3, 1.0, 2.5])
P, Y0 = np.array([0.5, 0.02, 0.01, 0.8]), np.array([30.0, 4.0])
T = np.linspace(0, 12, 13)
TIGHT = {"rtol": 1e-10, "atol": 1e-10}


def number(name="a"):
    return ag.placeholder(name, (), "float64")


def lotka_volterra(p):
    return lambda y, t: ag.stack([p[0] * y[0] - p[1] * y[0] * y[1], p[2] * y[0] * y[1] - p[3] * y[1]])


CLOSED = {
    "decay": (lambda y, t: -2 * y, 3.0, lambda t: 3 * np.exp(-2 * t)),
    "time alone": (lambda y, t: 3 * t**2, 1.0, lambda t: 1 + t**3),
    "logistic": (lambda y, t: y * (1 - y), 0.1, lambda t: 1 / (1 + 9 * np.exp(-t))),
    "tangent": (lambda y, t: (1 + y * y) / 2, 0.0, lambda t: np.tan(t / 2)),
    "oscillator": (lambda y, t: ag.stack([y[1], -y[0]]), [1.0, 0.0], lambda t: np.stack([np.cos(t), -np.sin(t)], -1)),
    "a matrix": (lambda y, t: -y, [[1.0, 2.0], [3.0, 4.0]], lambda t: np.multiply.outer(np.exp(-t), [[1, 2], [3, 4]])),
    "at rest": (lambda y, t: 0 * y, 7.0, lambda t: 7 + 0 * t),
}


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("times", [TIMES, -TIMES, TIMES[:1], np.zeros(3)], ids=["on", "back", "one", "none"])
def test_closed_solutions(name, times):
    rate, start, exact = CLOSED[name]
    found = ag.odeint(rate, ag.constant(start, "float64"), times, **TIGHT).eval()
    assert found.shape == (len(times), *np.shape(start))
    np.testing.assert_allclose(found, exact(times), rtol=1e-8, atol=1e-8)
    np.testing.assert_array_equal(found[0], start)


SYSTEMS = {
    "lotka-volterra": (lotka_volterra(P), Y0),
    "van der pol": (lambda y, t: ag.stack([y[1], 5 * (1 - y[0] ** 2) * y[1] - y[0]]), [2.0, 0.0]),
    "lorenz": (
        lambda y, t: ag.stack([10 * (y[1] - y[0]), y[0] * (28 - y[2]) - y[1], y[0] * y[1] - 8 / 3 * y[2]]),
        [1.0, 1.0, 1.0],
    ),
    "forced": (lambda y, t: ag.stack([y[1], ag.cos(2 * t) - y[0] - 0.1 * y[1]]), [0.0, 0.0]),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_values_are_those_of_scipy(name):
    rate, start = SYSTEMS[name]
    times = np.linspace(0, 3, 7)
    y, t = ag.placeholder("y", (len(start),), "float64"), number("t")
    f = ag.function(rate(y, t), inputs=[y, t])
    right = solve_ivp(lambda t, y: f(y, t), (0, 3), start, t_eval=times, rtol=1e-12, atol=1e-12).y.T
    found = ag.odeint(rate, ag.constant(start, "float64"), times, **TIGHT).eval()
    np.testing.assert_allclose(found, right, rtol=1e-7, atol=1e-7)


def test_the_error_follows_the_tolerance():
    errors = []
    for tolerance in (1e-4, 1e-6, 1e-8, 1e-10):
        y = ag.odeint(
            lambda y, t: ag.stack([y[1], -y[0]]), np.array([1.0, 0.0]), [0.0, 10.0], rtol=tolerance, atol=tolerance
        )
        errors.append(abs(y.eval()[1] - [np.cos(10), -np.sin(10)]).max() / tolerance)
    assert max(errors) < 100
    assert min(errors) > 0.01  # no more work than was asked for


def problem(**options):
    p, y0 = ag.placeholder("p", (4,), "float64"), ag.placeholder("y0", (2,), "float64")
    t = ag.placeholder("t", (None,), "float64")
    y = ag.odeint(lotka_volterra(p), y0, t, **TIGHT, **options)
    weights = np.cos(np.arange(2.0 * len(T))).reshape(-1, 2)
    return [p, y0, t], (y * weights).sum() / 100


def differences(f, point, step=1e-5):
    """Central differences by every number of three arrays."""
    found = [np.zeros_like(x) for x in point]
    for k, x in enumerate(point):
        for i in range(x.size):
            h = step * max(1e-2, abs(x[i]))
            ends = []
            for side in (1, -1):
                moved = [a.copy() for a in point]
                moved[k][i] += side * h
                ends.append(f(*moved))
            found[k][i] = (ends[0] - ends[1]) / (2 * h)
    return found


@pytest.mark.parametrize("gradient", ["discrete", "adjoint"])
def test_gradients_by_parameters_start_and_times(gradient):
    inputs, loss = problem(gradient=gradient)
    f = ag.function([loss, *ag.grad(loss, inputs)], inputs=inputs)
    found = f(P, Y0, T)[1:]
    right = differences(ag.function(loss, inputs=inputs), [P, Y0, T])
    for a, b in zip(found, right, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5 * abs(b).max())
    again = f(P, Y0, T)
    np.testing.assert_array_equal(again[1], found[0])  # bit by bit


def test_both_gradients_agree_to_the_tolerance():
    found = []
    for gradient in ("discrete", "adjoint"):
        inputs, loss = problem(gradient=gradient)
        found.append(ag.function(ag.grad(loss, inputs), inputs=inputs)(P, Y0, T))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6 * abs(a).max())


@pytest.mark.parametrize("gradient", ["discrete", "adjoint"])
def test_higher_orders(gradient):
    """y = y0 exp(a t), whose derivatives by a are t^k y."""
    a = number()
    y = ag.odeint(lambda y, t: a * y, ag.constant(2.0, "float64"), [0.0, 0.5, 1.5], **TIGHT, gradient=gradient)[2]
    for order in range(1, 4 if gradient == "discrete" else 3):
        y = ag.grad(y, a)
        assert y.eval({a: 0.7}) == pytest.approx(1.5**order * 2 * np.exp(1.5 * 0.7), rel=1e-7)


def test_second_derivatives_by_times():
    t = number("t")
    y = ag.odeint(lambda y, s: ag.sin(s) * y, ag.constant(1.0, "float64"), ag.stack([0 * t, t]), **TIGHT)[1]
    first = ag.grad(y, t)
    exact = np.exp(1 - np.cos(1.2))
    assert first.eval({t: 1.2}) == pytest.approx(np.sin(1.2) * exact, rel=1e-8)
    assert ag.grad(first, t).eval({t: 1.2}) == pytest.approx((np.sin(1.2) ** 2 + np.cos(1.2)) * exact, rel=1e-7)


def test_forward_mode():
    a = number()
    y = ag.odeint(lambda y, t: a * y, ag.constant(1.0, "float64"), [0.0, 1.0, 2.0], **TIGHT)
    np.testing.assert_allclose(ag.jvp(y, a, 1.0).eval({a: -0.5}), [0, np.exp(-0.5), 2 * np.exp(-1)], rtol=1e-8)


def test_shared_parts_count_once():
    """A rate that reads both k and a tensor made of k."""
    k = number("k")
    double = 2 * k
    for gradient in ("discrete", "adjoint"):
        y = ag.odeint(
            lambda y, t: -(k + double) * y, ag.constant(1.0, "float64"), [0.0, 1.0], **TIGHT, gradient=gradient
        )
        assert ag.grad(y[1], k).eval({k: 0.1}) == pytest.approx(-3 * np.exp(-0.3), rel=1e-8)


def test_a_network_as_a_rate_of_a_batch_of_unknown_length():
    rng = np.random.default_rng(0)
    w = ag.variable(rng.normal(size=(3, 3)) / 3, dtype="float64")
    y0, start = ag.placeholder("y0", (None, 3), "float64"), rng.normal(size=(5, 3))
    found = []
    for gradient in ("discrete", "adjoint"):
        y = ag.odeint(lambda y, t: ag.tanh(y @ w), y0, [0.0, 1.0, 2.0], **TIGHT, gradient=gradient)
        loss = (y[-1] ** 2).mean()
        found.append(ag.function([loss, ag.grad(loss, w), ag.grad(loss, y0)], inputs=[y0])(start))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


def test_several_states_and_single_precision():
    x, v = ag.odeint(lambda s, t: (s[1], -s[0]), (np.float64(1.0), np.float64(0.0)), [0.0, 1.0], **TIGHT)
    assert (x.eval()[1], v.eval()[1]) == pytest.approx((np.cos(1), -np.sin(1)), rel=1e-8)
    y = ag.odeint(lambda y, t: -y, ag.constant([1.0, 2.0], "float32"), [0.0, 1.0])
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.eval()[1], np.exp(-1) * np.array([1, 2]), rtol=1e-5)


def test_a_parameter_is_found_by_training():
    rate = ag.variable(np.float64(0.1))
    times, seen = np.linspace(0, 2, 9), np.exp(-0.7 * np.linspace(0, 2, 9))
    y = ag.odeint(lambda y, t: -rate * y, ag.constant(1.0, "float64"), times, **TIGHT)
    loss = ((y - seen) ** 2).sum()
    step = ag.function(loss, updates={rate: rate - 0.5 * ag.grad(loss, rate)})
    for _ in range(40):
        step()
    assert rate.value == pytest.approx(0.7, abs=1e-6)


REFUSED = [
    (lambda y, t: y * y, 1.0, [0.0, 2.0], {}, r"no step is short enough at t = 1: .*grows without bound"),
    (lambda y, t: ag.log(1 - t) + 0 * y, 1.0, [0.0, 2.0], {}, r"no step is short enough at t = 1"),
    (lambda y, t: ag.log(-1 - y * y), 1.0, [0.5, 2.0], {}, r"a rate of change is not a finite number at t = 0\.5"),
    (
        lambda y, t: ag.cos(40 * t) + 0 * y,
        1.0,
        [0.0, 90.0],
        {"max_steps": 50},
        r"50 steps reach only t = .* of 90; try",
    ),
    (lambda y, t: -1e6 * (y - ag.cos(t)), 1.0, [0.0, 9.0], {"max_steps": 300}, r"the equations are stiff"),
    (
        lambda y, t: y,
        1.0,
        [0.0, 2.0, 1.0],
        {},
        r"or they fall; 2 is followed by 1 \(the first is 0; that of a spec is its `begin`\)",
    ),
    (lambda y, t: y, 1.0, [0.0, np.nan], {}, r"the times are finite numbers, found nan"),
]


@pytest.mark.parametrize(("rate", "start", "times", "options", "expected"), REFUSED, ids=[r[-1] for r in REFUSED])
def test_what_cannot_be_integrated_is_said_with_its_time(rate, start, times, options, expected):
    y = ag.odeint(rate, ag.constant(start, "float64"), ag.constant(times, "float64"), **options)
    with pytest.raises((ag.ExecutionError, ag.ShapeError), match=expected):
        y.eval()


WRONG = [
    ({"gradient": "both"}, r"gradient is one of 'discrete', 'adjoint'; got 'both'"),
    ({"rtol": 0}, r"rtol is a number from 1e-13 to 1, got 0"),
    ({"rtol": float("nan")}, r"rtol is a number"),
    ({"atol": -1.0}, r"atol is a number from 0 to 1, got -1.0"),
    ({"max_steps": 0}, r"max_steps is a positive whole number, got 0"),
    ({"t": 1.0}, r"t is a vector of times"),
    ({"y0": np.array([1, 2])}, r"y0 holds floats"),
    ({"f": lambda y, t: ag.stack([y, y])}, r"a state of shape \(\) has the shape \(2,\)"),
    ({"f": lambda y, t: (y, y)}, r"f returns 1 rates for as many states, it returned 2"),
]


@pytest.mark.parametrize(("change", "expected"), WRONG, ids=[w[1] for w in WRONG])
def test_wrong_arguments(change, expected):
    options = {"f": lambda y, t: -y, "y0": 1.0, "t": [0.0, 1.0]} | change
    with pytest.raises(ag.EngineError, match=expected):
        ag.odeint(options.pop("f"), options.pop("y0"), options.pop("t"), **options)


def test_the_adjoint_takes_one_state():
    with pytest.raises(ag.GradientError, match="takes one state, found several"):
        ag.odeint(lambda s, t: (s[1], -s[0]), (1.0, 0.0), [0.0, 1.0], gradient="adjoint")


def test_a_batch_of_parameters_is_refused_by_name():
    with pytest.raises(ag.ShapeError, match="vmap: odeint makes a length out of values"):
        ag.vmap(lambda a: ag.odeint(lambda y, t: a * y, ag.constant(1.0), [0.0, 1.0]))(ag.placeholder("a", (3,)))
    with pytest.raises(ag.ShapeError, match="scan: odeint makes a length out of values"):
        ag.scan(lambda c, x: (ag.odeint(lambda y, t: -y * x, c, [0.0, 1.0])[1], None), 1.0, ag.constant([1.0, 2.0]))


def test_a_turn_of_a_scan_may_multiply_by_what_it_makes_and_transposes():
    """Every turn has its own matrix there, though all lie in one place."""
    x = ag.placeholder("x", (4, 3), "float64")
    (_, found), _ = ag.scan(lambda c, h: ((0.9 * c[0], c[1] + ag.sin(h * c[0]).T @ c[0]), None),
                            (x, np.zeros((3, 3))), ag.constant(np.arange(1.0, 8.0), "float64"))  # fmt: skip
    y, right = np.random.default_rng(2).normal(size=(4, 3)), np.zeros((3, 3))
    start = y
    for h in range(1, 8):
        right, y = right + np.sin(h * y).T @ y, 0.9 * y
    np.testing.assert_allclose(ag.function(found, inputs=[x])(start), right, rtol=1e-12)


def test_a_turn_of_a_scan_may_join_tensors():
    """The pieces of what a turn stacks lie in the memory of the whole."""
    x, p = ag.placeholder("x", (2,), "float64"), number("p")
    last, _ = ag.scan(lambda c, _: (c * 0.5 + ag.stack([p * c[0], c[1] - c[0]]), None), x, length=2)
    np.testing.assert_allclose(ag.function(last, inputs=[x, p])([1.0, 2.0], 3.0), [12.25, -0.5])
