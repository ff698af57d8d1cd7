"""Least-squares fits from a spec: covariances as SciPy has them, and bands as the closed form of a line has them."""

import json

import numpy as np
import polars as pl
import pytest
from scipy import stats
from scipy.optimize import curve_fit
from test_report_page import check

import agcli as ag
from agcli.datasets import DataError
from agcli.report.page import written
from agcli.spec import parse_spec
from agcli.training import Trainer
from agcli.training.fit import NoFitError, fit_for

COUNT = 25
NEW = np.linspace(-1, 7, 9)
MODELS = {
    "line": ("a + b * t", lambda t, a, b: a + b * t, {"a": 0.0, "b": 0.0}),
    "decay": ("a * exp(-b * t) + c", lambda t, a, b, c: a * np.exp(-b * t) + c, {"a": 1.0, "b": 1.0, "c": 0.0}),
}
TIGHT = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15}  # SciPy stops early by default
SLOPES = {
    "line": lambda t, a, b: np.stack([np.ones_like(t), t], axis=1),
    "decay": lambda t, a, b, c: np.stack([np.exp(-b * t), -a * t * np.exp(-b * t), np.ones_like(t)], axis=1),
}


@pytest.fixture(scope="module")
def table():
    rng, t = np.random.default_rng(5), np.linspace(0, 6, COUNT)
    dy = 0.02 + 0.1 * rng.random(COUNT)
    return {"t": t, "y": 2.5 * np.exp(-0.7 * t) + 0.3 + dy * rng.standard_normal(COUNT), "dy": dy}


@pytest.fixture(scope="module")
def fits(table, tmp_path_factory):
    """A run of a model, with or without `sigma`."""
    place, known = tmp_path_factory.mktemp("fits"), {}
    pl.DataFrame(table).write_csv(place / "data.csv")

    def fit(model, sigma="null", *overrides, loss="mse"):
        key = (model, sigma, overrides, loss)
        if key not in known:
            output, _, start = MODELS[model]
            text = f"""
data: {{file: {place}/data.csv, target: y, sigma: {sigma}, split: {{tail: 0}}, columns: {{dy: ignore}}}}
variables: {json.dumps(start)}
let: {{output: "{output}"}}
loss: "{loss}"
optimizer: levenberg_marquardt
train: {{epochs: 2, batch_size: 1000}}
"""
            known[key] = place / f"run-{len(known)}"
            Trainer(parse_spec(text, model, overrides), known[key]).finish()
        return ag.load(known[key])

    return fit


SIGMAS = {
    "null": {},
    "dy": {"sigma": "dy", "absolute_sigma": False},
    "{column: dy, absolute: true}": {"sigma": "dy", "absolute_sigma": True},
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("sigma", SIGMAS)
def test_values_and_covariances_are_scipy_s(fits, table, model, sigma):
    options = {k: table[v] if v == "dy" else v for k, v in SIGMAS[sigma].items()}
    _, function, start = MODELS[model]
    expected, covariance = curve_fit(
        function, table["t"], table["y"], list(start.values()), jac=SLOPES[model], **TIGHT, **options
    )
    found = fit_for(fits(model, sigma).place)
    assert found.names == tuple(start)
    assert found.values == pytest.approx(expected, rel=1e-6)
    assert found.covariance == pytest.approx(covariance, rel=1e-6)
    assert found.errors == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-5)


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_the_bands_of_a_line_are_those_of_the_textbook(fits, table, level):
    t, y = table["t"], table["y"]
    slope, intercept = np.polyfit(t, y, 1)
    s = np.sqrt(np.square(y - intercept - slope * t).sum() / (COUNT - 2))
    spread = np.square(NEW - t.mean()) / np.square(t - t.mean()).sum()
    q = stats.t.ppf((1 + level) / 2, COUNT - 2)
    found = fits("line").bands({"t": NEW}, level)
    line = intercept + slope * NEW
    assert found.values == pytest.approx(line, rel=1e-8)
    for band, reach in ((found.confidence, 1 / COUNT + spread), (found.prediction, 1 + 1 / COUNT + spread)):
        assert band[:, 0] == pytest.approx(line - q * s * np.sqrt(reach), rel=1e-8)
        assert band[:, 1] == pytest.approx(line + q * s * np.sqrt(reach), rel=1e-8)


@pytest.mark.parametrize("sigma", ["dy", "{column: dy, absolute: true}"])
def test_the_bands_of_a_weighted_line_are_those_of_weighted_least_squares(fits, table, sigma):
    absolute, weights = "true" in sigma, 1 / np.square(table["dy"])
    design, new = (np.stack([np.ones_like(t), t], axis=1) for t in (table["t"], NEW))
    inverse = np.linalg.inv(design.T @ (weights[:, None] * design))
    beta = inverse @ design.T @ (weights * table["y"])
    freedom = COUNT - 2
    s2 = 1.0 if absolute else float(weights @ np.square(table["y"] - design @ beta)) / freedom
    q = stats.norm.ppf(0.975) if absolute else stats.t.ppf(0.975, freedom)
    own = np.linspace(0.1, 0.5, len(NEW))
    sure = s2 * np.einsum("np,pq,nq->n", new, inverse, new)
    found = fits("line", sigma).bands({"t": NEW, "dy": own})
    assert found.confidence[:, 1] - found.values == pytest.approx(q * np.sqrt(sure), rel=1e-8)
    assert found.prediction[:, 1] - found.values == pytest.approx(q * np.sqrt(sure + s2 * own**2), rel=1e-8)
    assert fits("line", sigma).bands({"t": NEW}).prediction is None


@pytest.mark.parametrize("loss", ["sum(square(y - output)) / 2", "mean(((y - output) / 0.1)^2)"])
def test_the_factor_of_the_loss_does_not_matter(fits, loss):
    one, other = fits("decay").bands({"t": NEW}), fits("decay", loss=loss).bands({"t": NEW})
    assert other.confidence == pytest.approx(one.confidence, rel=1e-6)
    assert other.prediction == pytest.approx(one.prediction, rel=1e-6)


def test_bands_of_a_scaled_target_are_in_its_units(fits):
    scaled = fits("line", "null", "data.columns={dy: ignore, y: {numeric: standard}}")
    one, other = fits("line").bands({"t": NEW}), scaled.bands({"t": NEW})
    assert other.confidence == pytest.approx(one.confidence, rel=1e-6)
    assert other.prediction == pytest.approx(one.prediction, rel=1e-6)


def test_bands_hold_as_often_as_they_say(fits):
    """Of 400 lines with known truth, the confidence band of 90 % has it inside in 90 % of the cases, give or take 5."""
    from agcli.data.section import load_data
    from agcli.datasets import Column, Split
    from agcli.model.build import build
    from agcli.prediction.bands import bands_of, slopes_of
    from agcli.training.fit import fit_of

    run = fits("line")
    data = load_data(run.spec, run.place.preprocessing)
    model, rng, inside = build(run.spec, data), np.random.default_rng(0), 0
    t = data.train["x"][:, 0]
    slopes = slopes_of(model)
    for _ in range(400):
        y = 1 + 2 * t + 0.3 * rng.standard_normal(len(t))
        b, a = np.polyfit(t, y, 1)
        model.parameters["a"].value, model.parameters["b"].value = np.asarray(a), np.asarray(b)
        fit = fit_of(model, Split({"x": data.train.columns["x"], "y": Column(y)}))
        found = slopes(np.array([[4.5]]))
        low, high = bands_of(fit, **found, level=0.9, sigma=None, weighed=False).confidence[0]
        inside += low <= 1 + 2 * 4.5 <= high
    assert 340 <= inside <= 380


# Where there is no fit


def test_without_its_file_a_fit_comes_from_the_data(fits):
    run = fits("decay")
    written = (run.folder / "fit.json").read_text()
    (run.folder / "fit.json").unlink()
    try:
        assert fit_for(run.place).covariance == pytest.approx(np.array(json.loads(written)["covariance"]), rel=1e-9)
    finally:
        (run.folder / "fit.json").write_text(written)


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        (("loss=mae", "optimizer=lbfgs"), "errors and bands are those of least squares"),
        (("variables.d=0", "let.output=a + b * t + d * b"), "the data does not tell `a`, `d` apart"),
        (("variables.d=0", "let.output=a + b * t + d * a * 0"), "the data says nothing of `d`"),
        (("data.split={tail: 0.95}",), "need at least 3 residuals for 2 parameters, found 1"),
        (("optimizer={adam: {average: 0.9}}",), r"running means of the parameters \(`average`\) have none"),
    ],
)
def test_what_is_no_fit_says_why(fits, overrides, text):
    with pytest.raises(NoFitError, match=text):
        fits("line", "null", *overrides).bands({"t": NEW})


def test_a_network_has_no_bands(tmp_path):
    run = ag.train("models/sine.yaml", tmp_path / "run", epochs=1)
    with pytest.raises(ValueError, match="parameters"):
        run.bands([[0.0]])


def test_bands_need_one_number_a_sample(fits):
    run = fits(
        "line", "null", "let.output=expand_dims(a + b * t, 1) * [1, 2]", "loss=mean(square(expand_dims(y, 1) - output))"
    )
    with pytest.raises(DataError, match="bands are of one number a sample"):
        run.bands({"t": NEW})


def test_residuals_of_rounding_have_no_bands(tmp_path):
    (tmp_path / "exact.csv").write_text("t,y\n" + "".join(f"{t},{1 + 2 * t}\n" for t in range(9)))
    text = f"""
data: {{file: {tmp_path}/exact.csv, target: y, split: {{tail: 0}}}}
variables: {{a: 0, b: 0}}
let: {{output: a + b * t}}
loss: mse
optimizer: levenberg_marquardt
train: {{batch_size: 100}}
"""
    Trainer(parse_spec(text, "exact"), tmp_path / "run").finish()
    with pytest.raises(NoFitError, match="the residuals are rounding errors"):
        ag.load(tmp_path / "run").bands({"t": NEW})


def test_a_fit_that_stopped_early_says_so_beside_its_bands(ag, fits, tmp_path):
    run, new = fits("decay", "null", "optimizer={sgd: 1e-6}"), tmp_path / "new.csv"
    pl.DataFrame({"t": NEW}).write_csv(new)
    assert "standard errors away" in ag("predict", run.folder, new, "--bands", check=0).stderr


def test_a_fit_has_the_weights_that_predict(tmp_path):
    """The best weights are kept, and they are not the last."""
    data = {"name": "sine", "samples": 500, "validation": 0.15}
    run = ag.train("curve_fit", tmp_path / "run", data=data, patience=2, optimizer={"adam": 0.3}, epochs=60)
    arrays = run.place.chosen().arrays
    written = json.loads((tmp_path / "run" / "fit.json").read_text())
    assert written["step"] == run.place.chosen().step
    assert written["values"] == [float(arrays[f"model.{name}"]) for name in written["names"]]
    assert run.place.chosen("last").step > written["step"]


@pytest.mark.parametrize("level", [0, 1, -1, 95, float("nan")])
def test_a_level_is_a_chance(fits, level):
    with pytest.raises(DataError, match="level: expected a number between 0 and 1"):
        fits("line").bands({"t": NEW}, level)


# The command


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_files_of_predictions_have_the_ends_of_bands(ag, fits, tmp_path, format):
    run, new, out = fits("decay"), tmp_path / "new.csv", tmp_path / f"out.{format}"
    pl.DataFrame({"t": NEW}).write_csv(new)
    ag("predict", run.folder, new, "--out", out, "--bands", check=0)
    read = {"csv": pl.read_csv, "jsonl": pl.read_ndjson, "parquet": pl.read_parquet}[format]
    table, bands = read(out), run.bands({"t": NEW})
    assert table.columns == ["predicted", *bands.columns()]
    for name, column in bands.columns().items():
        assert table[name].to_numpy() == pytest.approx(column, rel=1e-12)


def test_the_command_takes_a_level_and_names_what_lacks(ag, fits, tmp_path):
    run, new = fits("line", "dy"), tmp_path / "new.csv"
    pl.DataFrame({"t": NEW}).write_csv(new)
    done = ag("predict", run.folder, new, "--level", "0.5", check=0)
    assert done.stdout.splitlines()[0] == "predicted,confidence_low,confidence_high"
    assert "note: no prediction bands: the samples lack the column of `sigma`" in done.stderr
    for typed, said in (
        ("95", "level: expected a number between 0 and 1, such as 0.95, found 95; 95 % is written 0.95"),
        ("99.5%", "found 99.5%; 99.5 % is written 0.995"),
        ("0.5%", "found 0.5%; 0.5 % is written 0.005"),
        ("1", "such as 0.95, found 1\n"),
        ("-2", "such as 0.95, found -2\n"),
        ("nan", "such as 0.95, found nan\n"),
        ("high", "such as 0.95, found high\n"),
    ):
        done = ag("predict", run.folder, new, "--level", typed, check=2)
        assert said in done.stderr
        assert not done.stdout
    assert (
        "errors and bands"
        in ag("predict", fits("line", "null", "loss=mae", "optimizer=lbfgs").folder, new, "--bands", check=2).stderr
    )


# The report


def drawn(run):
    """What the report draws: its text, and how many bands."""
    text = written(run.folder, run.folder.with_suffix(".html")).read_text()
    check(text)
    return text, text.count('class="band b')


def test_the_report_draws_the_curve_in_its_bands(fits):
    text, bands = drawn(fits("decay"))
    assert bands == 2
    assert "y over t: training data and model" in text
    assert "95 % prediction band" in text
    assert text.count('class="point"') >= COUNT


def test_with_deviations_of_their_own_samples_have_no_common_band(fits):
    text, bands = drawn(fits("line", "dy"))
    assert bands == 1
    assert "prediction band" not in text


def test_without_a_fit_the_curve_says_why_it_has_no_bands(fits):
    text, bands = drawn(fits("line", "null", "loss=mae", "optimizer=lbfgs"))
    assert bands == 0
    assert "No bands: errors and bands are those of least squares" in text


def test_a_set_by_name_has_a_curve_too(tmp_path):
    run = ag.train("models/curve_fit.yaml", tmp_path / "run", epochs=2)
    text, bands = drawn(run)
    assert bands == 2
    assert "target over x: training data and model" in text
