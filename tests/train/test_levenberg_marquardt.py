"""Levenberg-Marquardt: beside problems whose answers are known, with bounds, and where it cannot get on."""

import numpy as np
import pytest
from scipy.optimize import least_squares, lsq_linear

import agcli as ag
from agcli.engine.errors import StateError
from agcli.engine.leaves import placeholder
from agcli.engine.optimizers.trust_region import bounded, damped

pytestmark = pytest.mark.numeric

X = np.linspace(0.0, 4.0, 25)
NOISE = np.random.default_rng(1).normal(size=25)
Y = 3.0 * np.exp(-0.6 * X) + 0.05 * NOISE


def decay(start, dtype="float64", y=Y, **options):
    p = ag.variable(start, "p", dtype)
    loss = ag.mean((y.astype(dtype) - p[0] * ag.exp(-p[1] * X.astype(dtype))) ** 2)
    bounds = options.pop("bounds", None)
    made = ag.levenberg_marquardt(**options)
    return p, made.function(loss, [p], bounds=None if bounds is None else {p: bounds})


def by_scipy(start, **options):
    return least_squares(lambda p: Y - p[0] * np.exp(-p[1] * X), start, xtol=1e-15, ftol=1e-15, gtol=1e-15, **options).x


def test_a_fit_has_the_parameters_that_scipy_finds():
    p, step = decay([1.0, 1.0])
    first = step()
    assert first == pytest.approx(np.mean((Y - np.exp(-X)) ** 2)), "the loss is that at the start"
    assert step.halt is not None
    assert step.halt.converged
    np.testing.assert_allclose(p.value, by_scipy([1.0, 1.0]), rtol=1e-7)
    once = p.value.copy()
    step()
    np.testing.assert_allclose(p.value, once, rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_units_do_not_matter(scale):
    """Parameters in other units, and a loss in other units, take the same path."""
    p = ag.variable(np.array([scale, 1 / scale]), "p")
    loss = scale * ag.sum((Y - p[0] / scale * ag.exp(-p[1] * scale * X)) ** 2)
    ag.levenberg_marquardt().function(loss, [p])()
    np.testing.assert_allclose(p.value * [1 / scale, scale], by_scipy([1.0, 1.0]), rtol=1e-7)


def test_float32_comes_as_near_as_it_can_and_says_so():
    p, step = decay([1.0, 1.0], "float32")
    for _ in range(3):
        step()
    np.testing.assert_allclose(p.value, by_scipy([1.0, 1.0]), rtol=1e-3)
    assert step.halt is not None
    assert p.value.dtype == np.float32


def test_a_call_makes_as_many_iterations_as_it_says():
    whole, all_at_once = decay([1.0, 3.0])
    all_at_once()
    p, step = decay([1.0, 3.0], iterations=1)
    losses = [step() for _ in range(30)]
    assert losses[1] < losses[0], "each call lowers the loss"
    np.testing.assert_allclose(p.value, whole.value, rtol=1e-8)


def test_a_fit_goes_on_bit_by_bit_where_a_checkpoint_stopped():
    p, step = decay([1.0, 3.0], iterations=2)
    step()
    q, again = decay([1.0, 3.0], iterations=2)
    q.value = p.value
    assert sorted(again.variables) == ["radius", "scale"]
    for name, v in again.variables.items():
        v.value = step.variables[name].value
    for _ in range(4):
        assert step() == again()
        assert np.array_equal(p.value, q.value)


def test_fewer_residuals_than_parameters_give_the_nearest_solution():
    a = ag.variable(np.zeros(4), "a")
    m = np.array([[1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 3.0, 4.0]])
    y = placeholder("y", (None,), "float64")
    step = ag.levenberg_marquardt().function(ag.sum((m @ a - y) ** 2), [a], inputs=[y])
    for _ in range(3):
        step([5.0, 25.0])
    np.testing.assert_allclose(m @ a.value, [5.0, 25.0], rtol=1e-9)


def test_parameters_that_cannot_be_told_apart_do_no_harm():
    a, b = ag.variable(1.0, "a", "float64"), ag.variable(2.0, "b", "float64")
    ag.levenberg_marquardt().function(ag.mean((Y - (a + b) * np.exp(-0.6 * X)) ** 2), [a, b])()
    e = np.exp(-0.6 * X)
    np.testing.assert_allclose(a.value + b.value, Y @ e / (e @ e), rtol=1e-9)


# Bounds -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("bounds", [(None, 2.0), (0.7, None), (0.7, 2.5), (None, None)])
def test_bounds_hold_and_the_rest_is_at_its_best(bounds):
    p, step = decay([1.0, 1.0], bounds=bounds)
    for _ in range(2):
        step()
    low, high = (np.inf * s if b is None else b for b, s in zip(bounds, (-1, 1), strict=True))
    wanted = by_scipy([1.0, 1.0], bounds=(low, high)) if np.isfinite([low, high]).any() else by_scipy([1.0, 1.0])
    assert (p.value >= low).all()
    assert (p.value <= high).all()
    np.testing.assert_allclose(p.value, wanted, rtol=1e-5)
    assert step.halt.converged


@pytest.mark.parametrize("seed", range(20))
def test_a_linear_problem_in_a_box_is_solved_as_scipy_does(seed):
    rng = np.random.default_rng(seed)
    m, y, ends = rng.normal(size=(9, 4)), rng.normal(size=9), np.sort(rng.normal(size=(2, 4)), axis=0)
    parts = [ag.variable(v, f"p{i}", "float64") for i, v in enumerate(ends.mean(axis=0))]
    row = ag.stack(parts)
    step = ag.levenberg_marquardt().function(
        ag.sum((m @ row - y) ** 2), parts, bounds={p: tuple(e) for p, e in zip(parts, ends.T, strict=True)}
    )
    for _ in range(3):
        step()
    found = np.array([p.value for p in parts])
    wanted = lsq_linear(m, y, (ends[0], ends[1]), tol=1e-14).x
    assert np.sum((m @ found - y) ** 2) <= np.sum((m @ wanted - y) ** 2) * (1 + 1e-9)


def test_optimizers_with_a_rate_stay_inside_too():
    w = ag.variable([0.5, 0.5], "w")
    step = ag.adam(0.1).function(ag.sum((w - [2.0, 0.7]) ** 2), [w], bounds={w: (0.0, 1.0)})
    for _ in range(200):
        step()
        assert w.value.max() <= 1
    np.testing.assert_allclose(w.value, [1.0, 0.7], atol=1e-2)


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ((2.0, 1.0), "the second is to be the larger one"),
        ((1.5, None), "starts outside of 1.5 to inf"),
    ],
)
def test_bounds_that_do_not_fit_are_refused(bounds, said):
    with pytest.raises(StateError, match=said):
        decay([1.0, 1.0], bounds=bounds)


def test_bounds_of_strangers_are_refused_and_lbfgs_takes_none():
    p, other = ag.variable([1.0], "p"), ag.variable([1.0], "other")
    with pytest.raises(StateError, match="other is not among the parameters"):
        ag.adam().function(ag.sum(p * p), [p], bounds={other: (0, 1)})
    with pytest.raises(StateError, match="lbfgs: takes no bounds; levenberg_marquardt"):
        ag.lbfgs().function(ag.sum(p * p), [p], bounds={p: (0, 1)})


# Where it ends ------------------------------------------------------------------------------------------------------
def test_a_loss_that_is_no_sum_of_squares_is_refused():
    p = ag.variable([1.0], "p")
    with pytest.raises(StateError, match="levenberg_marquardt: the loss has `abs` where a square is needed; it takes"):
        ag.levenberg_marquardt().function(ag.mean(ag.abs(p)), [p])
    with pytest.raises(StateError, match="a trust region is no graph"):
        ag.levenberg_marquardt().minimize(ag.sum(p * p), [p])


def test_a_jacobian_too_large_is_refused(monkeypatch):
    module = __import__("agcli.engine.optimizers.levenberg_marquardt", fromlist=["MAX_JACOBIAN"])
    monkeypatch.setattr(module, "MAX_JACOBIAN", 49)
    with pytest.raises(StateError, match="the Jacobian of 25 residuals by 2 parameters is too large"):
        decay([1.0, 1.0])[1]()


@pytest.mark.parametrize(
    ("loss", "converged", "why"),
    [
        (lambda p: ag.sum((p - 1.0) ** 2), True, "all residuals are 0"),
        (lambda p: ag.sum(ag.round(p * 3 + 0.4) ** 2) + ag.sum((ag.floor(p) + p - 3.0) ** 2), False, "no step makes"),
    ],
)
def test_why_it_ends_is_known(loss, converged, why):
    p = ag.variable(np.array([1.0, 1.0]), "p")
    step = ag.levenberg_marquardt().function(loss(p), [p])
    step()
    assert step.halt is not None
    assert step.halt.why.startswith(why)
    assert step.halt.converged is converged


@pytest.mark.parametrize(
    ("loss", "why"),
    [
        (lambda p: -ag.sum((p - 1.0) ** 2), "the squares have a negative factor"),
        (lambda p: ag.sum(ag.constant([1.0, -1.0]) * (p - 1.0) ** 2), "residuals are not finite numbers"),
        (lambda p: ag.sum(p**2) + (-0.5) * ag.sum((p - 1.0) ** 2), "residuals are not finite numbers"),
    ],
)
def test_squares_that_count_negatively_are_no_sum_of_squares(loss, why):
    p = ag.variable(np.array([2.0, 3.0]), "p")
    step = ag.levenberg_marquardt().function(loss(p), [p])
    step()
    assert step.halt.why.startswith(why)
    assert not step.halt.converged
    assert p.value.tolist() == [2.0, 3.0]


def test_exact_data_end_at_their_rounding():
    p, step = decay([1.0, 1.0], y=3.0 * np.exp(-0.6 * X))
    step()
    assert step.halt.converged
    np.testing.assert_allclose(p.value, [3.0, 0.6], rtol=1e-12)


def test_a_start_that_is_not_finite_stays():
    p, step = decay([1.0, -1e3])
    assert not np.isfinite(step())
    assert not step.halt.converged
    assert p.value.tolist() == [1.0, -1e3]


def test_a_plateau_is_no_minimum():
    """Far out the exponential is gone at all points but the first, and every step is short beside the parameters."""
    x = np.linspace(0.1, 10, 30)
    y = 3 * np.exp(-0.7 * x) + 0.5 + 0.05 * np.cos(7 * x)
    p = ag.variable(np.array([1e4, 20.0, -100.0]), "p")
    step = ag.levenberg_marquardt().function(ag.mean((y - p[0] * ag.exp(-p[1] * x) - p[2]) ** 2), [p])
    for _ in range(5):
        step()
    assert not step.halt.converged
    near = ag.variable(np.array([1.0, 1.0, 0.0]), "p")
    step = ag.levenberg_marquardt().function(ag.mean((y - near[0] * ag.exp(-near[1] * x) - near[2]) ** 2), [near])
    step()
    assert step.halt.converged


@pytest.mark.parametrize(("unit", "converged"), [(1e-140, True), (1e-165, False)])
def test_squares_too_small_for_float64_are_named(unit, converged):
    p = ag.variable(np.array([0.0, 0.0]), "p")
    step = ag.levenberg_marquardt().function(ag.mean((unit * Y - p[0] * X - p[1]) ** 2), [p])
    step()
    assert step.halt.converged is converged
    assert converged or step.halt.why == "the squares of the residuals are too small for float64"
    if converged:
        np.testing.assert_allclose(p.value, unit * np.polyfit(X, Y, 1), rtol=1e-9)


# The linear problem -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(10))
def test_a_damped_step_has_the_length_of_the_radius(seed):
    rng = np.random.default_rng(seed)
    j, r = rng.normal(size=(8, 5)) * 10.0 ** rng.integers(-3, 3, size=5), rng.normal(size=8)
    whole = -np.linalg.lstsq(j, r, rcond=None)[0]
    np.testing.assert_allclose(damped(j, r, np.inf), whole, rtol=1e-6)
    for share in (1e-8, 1e-3, 0.5):
        radius = share * np.linalg.norm(whole)
        q = damped(j, r, radius)
        assert 0.89 * radius < np.linalg.norm(q) < 1.11 * radius
        assert (j.T @ r) @ q < 0, "it goes downhill"


def test_a_bounded_step_stays_inside_and_goes_downhill():
    rng = np.random.default_rng(0)
    for _ in range(100):
        j, r = rng.normal(size=(6, 3)), rng.normal(size=6)
        low, high = -rng.uniform(0, 1, 3) * (rng.random(3) < 0.7), rng.uniform(0, 1, 3) * (rng.random(3) < 0.7)
        p = bounded(j, r, np.ones(3), 0.1, low, high)
        assert (p >= low).all()
        assert (p <= high).all()
        assert (j.T @ r) @ p <= 0
