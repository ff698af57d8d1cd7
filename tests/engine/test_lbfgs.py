"""L-BFGS: its direction beside the dense formula, and what it does to the parameters. The path itself is held against
torch's in test_optimizers.py.
"""

import numpy as np
import pytest

import agcli as ag
from agcli.engine import optimizers as o
from agcli.engine.leaves import placeholder
from agcli.engine.ops.control import apply
from agcli.engine.optimizers.lbfgs import History
from agcli.engine.optimizers.wolfe import Point, search

pytestmark = pytest.mark.numeric


def test_two_loops_are_the_dense_formula():
    """Against H <- (I - r s y') H (I - r y s') + r s s' (Nocedal and Wright, equation 6.17), pair by pair."""
    rng = np.random.default_rng(0)
    n, memory = 6, 4
    root = rng.normal(size=(n, n))
    hessian = root @ root.T + np.eye(n)
    history, pairs = History(np.zeros((memory, n)), np.zeros((memory, n)), 0), []
    for _ in range(7):
        s = rng.normal(size=n)
        history.add(s, hessian @ s)
        pairs.append((s, hessian @ s))
        last_s, last_y = pairs[-1]
        h = np.eye(n) * (last_s @ last_y) / (last_y @ last_y)
        for s, y in pairs[-memory:]:
            left = np.eye(n) - np.outer(s, y) / (s @ y)
            h = left @ h @ left.T + np.outer(s, s) / (s @ y)
        g = rng.normal(size=n)
        np.testing.assert_allclose(history.direction(g), -h @ g, rtol=1e-10)
    count = history.count
    history.add(s, -s)
    assert history.count == count, "a pair without curvature is not remembered"


def test_lbfgs_goes_on_where_a_checkpoint_stopped():
    def fresh():
        p = ag.variable(np.array([-1.2, 1.0]), "p")
        return p, o.lbfgs(memory=3, iterations=2).function((1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2, [p])

    p, step = fresh()
    for _ in range(4):
        step()
    q, again = fresh()
    q.value = p.value
    for k, v in again.variables.items():
        v.value = step.variables[k].value
    for _ in range(4):
        assert step() == again()
    assert np.array_equal(p.value, q.value)


def test_lbfgs_leaves_parameters_alone_when_the_loss_fails():
    x, p = placeholder("x", (None,), "float64"), ag.variable(np.array([1.0, 1.0]), "p")
    calls = []

    def fails_later(a):
        calls.append(a)
        if len(calls) > 2:
            raise ValueError("no more")
        return a

    loss = ag.sum(apply(fails_later, (p - x) ** 4, vjp=lambda g, y, a: g))
    step = o.lbfgs().function(loss, [p])
    with pytest.raises(ArithmeticError, match="no more"):
        step(np.zeros(2))
    assert p.value.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("start", [[1.0, -1.0], [np.inf, 0.0]])
def test_lbfgs_stays_where_nothing_is_to_gain(start):
    p = ag.variable(np.array(start), "p")
    loss = (p[0] - 1) ** 2 + 4 * (p[1] + 1) ** 2
    o.lbfgs().function(loss, [p])()
    assert p.value.tolist() == start


def saturation(scale=1.0):
    """A curve whose loss curves by more than 1e10 along its second parameter, and by about 1 along its first."""
    x = np.linspace(70, 760, 14)
    p = ag.variable(np.array([250.0, 5e-4]), "p")
    loss = ag.sum((239 * (1 - np.exp(-5.5e-4 * x)) - p[0] * (1 - ag.exp(-p[1] * x))) ** 2)
    return p, o.lbfgs(iterations=200, tolerance=0.0).function(loss * scale, [p])


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_lbfgs_solves_a_problem_of_any_scale(scale):
    p, step = saturation(scale)
    for _ in range(3):
        step()
    np.testing.assert_allclose(p.value, [239, 5.5e-4], rtol=1e-6)


@pytest.mark.parametrize("curvature", [1e-12, 1.0, 1e14])
def test_pairs_are_kept_however_much_the_loss_curves(curvature):
    history = History(np.zeros((2, 2)), np.zeros((2, 2)), 0)
    history.add(np.array([1.0, 2.0]), curvature * np.array([1.0, 2.0]))
    assert history.count == 1


def test_a_search_comes_back_from_far_beyond_where_the_loss_is_finite():
    def evaluate(t):
        value, slope = (-t, -1.0 + t / 5e-13) if t < 1e-12 else (np.inf, np.nan)
        return Point(t, value, slope, np.zeros(1))

    found = search(evaluate, evaluate(0.0), 1.0)
    assert 0 < found.t < 1e-12


def test_what_is_steep_in_one_parameter_does_not_hide_the_way_of_another():
    """The gradient shows how to move the rate alone; by relative changes the size has as far to go."""
    p, step = saturation(1 / 14)
    for _ in range(3):
        step()
    np.testing.assert_allclose(p.value, [239, 5.5e-4], rtol=1e-6)
    assert step.halt.converged


def test_why_it_ends_is_known():
    p = ag.variable(np.array([1.0, -1.0]), "p")
    step = o.lbfgs().function(ag.sum((p - 1.0) ** 2), [p])
    step()
    assert (step.halt.converged, step.halt.why) == (True, "no gradient is above 1e-07")
    kink = o.lbfgs().function(ag.sum(ag.abs(p - 0.5)) + p[0], [p])
    for _ in range(3):
        kink()
    assert (kink.halt.converged, kink.halt.why) == (False, "no step makes the loss smaller")
