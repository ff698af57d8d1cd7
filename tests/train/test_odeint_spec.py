"""The section `odeint`: parameters of differential equations from data, with the standard errors that SciPy finds."""

import json

import numpy as np
import pytest
from scipy.optimize import curve_fit

import agcli as ag
from agcli.spec import SpecError, parse_spec

pytestmark = pytest.mark.numeric

K1, K2, NOISE = 0.8, 0.3, 0.02
T = np.linspace(0, 12, 25)


def concentrations(t, k1, k2):
    """A -> B -> C from A = 1, in closed form."""
    a = np.exp(-k1 * t)
    b = k1 / (k2 - k1) * (np.exp(-k1 * t) - np.exp(-k2 * t))
    return np.stack([a, b, 1 - a - b], axis=1)


SEEN = concentrations(T, K1, K2) + NOISE * np.random.default_rng(3).normal(size=(len(T), 3))
SPEC = {
    "data": {"file": "kinetics.csv", "target": ["a", "b", "c"], "split": {"tail": 0}},
    "variables": {"k1": {"value": 1, "bounds": [0, None]}, "k2": {"value": 0.5, "bounds": [0, None]}},
    "odeint": {
        "at": "t",
        "start": {"A": 1, "B": 0, "C": 0},
        "rates": {"A": "-k1*A", "B": "k1*A - k2*B", "C": "k2*B"},
    },
    "let": {"output": "stack(A, B, C, axis=1)"},
    "loss": "mean_squared_error",
    "optimizer": "levenberg_marquardt",
    "train": {"epochs": 10, "batch_size": 32},
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with the measurements, in no order."""
    monkeypatch.chdir(tmp_path)
    order = np.random.default_rng(0).permutation(len(T))
    lines = [",".join(f"{v:.17g}" for v in (T[i], *SEEN[i])) for i in order]
    (tmp_path / "kinetics.csv").write_text("t,a,b,c\n" + "\n".join(lines) + "\n")
    return tmp_path


def changed(**odeint):
    return {**SPEC, "odeint": {**SPEC["odeint"], **odeint}}


@pytest.mark.parametrize("gradient", ["discrete", "adjoint"])
def test_rates_and_their_standard_errors_are_those_of_the_closed_form(place, gradient):
    run = ag.train(changed(gradient=gradient), place / "run")
    right, covariance = curve_fit(lambda t, *k: concentrations(t, *k).ravel(), T, SEEN.ravel(), [1, 0.5])
    found = [run.parameters[name] for name in ("k1", "k2")]
    assert [p.value for p in found] == pytest.approx(right, rel=1e-6)
    assert [p.standard_error for p in found] == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-4)
    for p, truth in zip(found, (K1, K2), strict=True):
        assert abs(p.value - truth) < 3 * p.standard_error


def test_predictions_are_the_solution_at_any_times(place):
    run = ag.train(SPEC, place / "run")
    k = [run.parameters[name].value for name in ("k1", "k2")]
    times = np.array([7.0, 0.0, 3.3, 3.3, 20.0])
    np.testing.assert_allclose(run.predict({"t": times}), concentrations(times, *k), rtol=1e-6, atol=1e-8)
    assert run.predict({"t": [3.3]})[0] == pytest.approx(concentrations(np.array([3.3]), *k)[0], rel=1e-6)


def test_lotka_volterra_is_recovered_within_its_errors(tmp_path):
    run = ag.train("lotka_volterra", tmp_path / "run")
    truth = {"birth": 0.55, "catch": 0.028, "growth": 0.024, "death": 0.8, "hares0": 30, "lynxes0": 4}
    for name, value in truth.items():
        found = run.parameters[name]
        assert abs(found.value - value) < 3 * found.standard_error, name
        assert found.standard_error < 0.03 * value, name
    assert run.metrics["root_mean_squared_error"] < 1.3  # noise of deviation 1


def test_rates_may_use_the_time_by_both_of_its_names(place):
    """y' = c t + time, so y = (c + 1) t^2/2."""
    lines = [f"{t},{2.5 * t * t / 2 + error}" for t, error in ((0.5, 1e-7), (1.0, -2e-7), (2.0, 1e-7), (3.0, -1e-7))]
    (place / "line.csv").write_text("t,y\n" + "\n".join(lines) + "\n")
    spec = {
        "data": {"file": "line.csv", "target": "y", "split": {"tail": 0}},
        "variables": {"c": 1.0},
        "odeint": {"at": "t", "start": {"q": 0}, "rates": {"q": "c*t + time"}},
        "let": {"output": "q"},
        "loss": "mean_squared_error",
        "optimizer": "levenberg_marquardt",
    }
    run = ag.train(spec, place / "run", epochs=5)
    assert run.parameters["c"].value == pytest.approx(1.5, abs=1e-6)
    bands = run.bands({"t": [1.0]})
    assert bands.values == pytest.approx([1.25], abs=1e-6)


def test_a_first_order_optimizer_trains_it_too(place):
    run = ag.train(SPEC, place / "run", optimizer={"adam": 0.05}, epochs=40)
    assert run.history[-1]["loss"] < run.history[0]["loss"] / 5


WRONG = [
    ({"rates": {"A": "-k1*AA"}, "start": {"A": 1}}, "odeint.rates.A: there is no `AA` here"),
    ({"start": {"A": 1, "B": 0}}, "odeint.start: expected where `C` starts, as it has a rate"),
    ({"start": {"A": 1, "B": 0, "C": 0, "D": 0}}, "expected a quantity that has a rate, got `D`"),
    ({"start": {"A": "t", "B": 0, "C": 0}}, "odeint.start.A: there is no `t` here"),
    ({"at": "when"}, "odeint.at: there is no `when` here"),
    ({"rates": {}, "start": {}}, "expected the rate of a quantity at least, got none"),
    ({"rates": {"A": "[k1, k2]"}, "start": {"A": 1}}, "expected a number, found a formula of shape (2,)"),
    ({"rates": {"k1": "k1"}, "start": {"k1": 1}}, "expected a new name, got `k1`, which means something else already"),
    ({"rtol": 2}, "odeint.rtol: expected a number from 1e-13 to below 1, got 2"),
    ({"gradient": "both"}, 'odeint.gradient: expected one of `discrete`, `adjoint`, got "both"'),
    ({"methods": 1}, "odeint.methods"),
]


@pytest.mark.parametrize(("change", "expected"), WRONG, ids=[w[1][:50] for w in WRONG])
def test_wrong_sections_are_errors_at_their_place(place, change, expected):
    with pytest.raises(SpecError) as caught:
        ag.train(changed(**change), place / "run")
    assert expected in str(caught.value)


def test_what_has_no_solution_ends_a_training_with_the_time(place):
    spec = changed(rates={"A": "9*A^2", "B": "k1*A - k2*B", "C": "k2*B"})
    with pytest.raises(ag.ExecutionError, match=r"no step is short enough at t = 0\.11"):
        ag.train(spec, place / "run")


def test_an_optimizer_turns_back_where_there_is_no_solution(place):
    """y' = a y^2 from 1 has none beyond t = 1/a; from a = 0.05 a whole Gauss-Newton step leads past 1/2."""
    times = np.linspace(0, 2, 12)
    rows = [f"{t},{1 / (1 - 0.45 * t)}" for t in times]
    (place / "blow.csv").write_text("t,y\n" + "\n".join(rows) + "\n")
    spec = {
        "data": {"file": "blow.csv", "target": "y", "split": {"tail": 0}},
        "variables": {"a": 0.05},
        "odeint": {"at": "t", "start": {"q": 1}, "rates": {"q": "a*q^2"}},
        "let": {"output": "q"},
        "loss": "mean_squared_error",
        "optimizer": "levenberg_marquardt",
    }
    run = ag.train(spec, place / "run", epochs=10)
    assert run.parameters["a"].value == pytest.approx(0.45, abs=1e-6)


def test_the_section_is_written_out_and_read_again():
    spec = parse_spec(json.dumps(SPEC))
    assert spec.odeint.begin == 0
    assert parse_spec(spec.dump()) == spec
