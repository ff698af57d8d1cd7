"""`sigma`: the standard deviation of each sample's target; and columns of a table by their own names in formulas."""

import numpy as np
import polars as pl
import pytest
from scipy.optimize import curve_fit

import agcli as ag
from agcli.data.section import load_data
from agcli.spec import SpecError, parse_spec
from agcli.training import Session, Trainer

pytestmark = pytest.mark.numeric

COUNT = 30
FORMULA = "mean(square((y - output) / sigma))"


def curve(t, a, b, c):
    return a * np.exp(-b * t) + c


@pytest.fixture(scope="module")
def table():
    rng, t = np.random.default_rng(3), np.linspace(0, 4, COUNT)
    dy = 0.01 + 0.1 * rng.random(COUNT)
    return {"t": t, "y": curve(t, 2.5, 0.7, 0.3) + dy * rng.standard_normal(COUNT), "dy": dy}


@pytest.fixture(scope="module")
def folder(table, tmp_path_factory):
    place = tmp_path_factory.mktemp("sigma")
    frame = pl.DataFrame(table)
    frame.write_csv(place / "decay.csv")
    frame.with_columns(kind=pl.Series(["a", "b"] * (COUNT // 2)), z=pl.col("y")).write_csv(place / "more.csv")
    for name, value in (("zero", "0"), ("negative", "-1"), ("missing", ""), ("infinite", "inf")):
        lines = (place / "decay.csv").read_text().splitlines()
        lines[3] = f"{lines[3].rpartition(',')[0]},{value}"
        (place / f"{name}.csv").write_text("\n".join(lines))
    return place


def spec(folder, *overrides, loss="mse", file="decay.csv"):
    text = f"""
data: {{file: {folder}/{file}, target: y, sigma: dy, split: {{tail: 0}}}}
variables: {{a: 1, b: 1, c: 0}}
let: {{output: "a * exp(-b * t) + c"}}
loss: "{loss}"
optimizer: {{lbfgs: {{iterations: 200, tolerance: 0}}}}
train: {{epochs: 3, batch_size: 1000}}
"""
    return parse_spec(text, "decay", overrides)


@pytest.mark.parametrize("loss", ["mse", FORMULA, "sum(square(y - output) / sigma^2)"])
@pytest.mark.parametrize("absolute", [False, True])
def test_samples_weigh_as_in_scipy(folder, table, tmp_path, loss, absolute):
    expected, _ = curve_fit(curve, table["t"], table["y"], [1, 1, 0], sigma=table["dy"], absolute_sigma=absolute)
    Trainer(spec(folder, f"data.sigma.absolute={str(absolute).lower()}", loss=loss), tmp_path / "run").finish()
    run = ag.load(tmp_path / "run")
    arrays = run.place.chosen("last").arrays
    assert [float(arrays[f"model.{name}"]) for name in "abc"] == pytest.approx(expected, rel=1e-6)
    assert run.predict({"t": [0.5]})[0] == pytest.approx(curve(0.5, *expected), rel=1e-6)  # which needs no sigma
    assert run.evaluate(data=folder / "decay.csv").loss == pytest.approx(run.metrics["loss"], rel=1e-9)


def test_deviations_are_scaled_like_their_target(folder, table):
    text = f"""
data:
  file: {folder}/decay.csv
  target: y
  sigma: dy
  split: {{tail: {{test: 0, validation: 0}}}}
  columns: {{dy: ignore}}
model: [{{dense: 4}}, tanh, {{dense: 1}}]
loss: mse
dtype: float64
"""
    session = Session(made := parse_spec(text), load_data(made))
    column = session.data.train["sigma"]
    assert column == pytest.approx(table["dy"] / table["y"].std())
    batch = session.next_batch()
    values = session.evaluator({p: batch[p.name] for p in session.evaluator.inputs})
    plain = Session(other := parse_spec(text, overrides=("data.sigma=null",)), load_data(other))
    output = plain.model.predictor()(batch["x"])[:, 0]
    assert float(values["loss"]) == pytest.approx(np.mean(((batch["y"] - output) / batch["sigma"]) ** 2))
    assert session.advance(batch)


@pytest.mark.parametrize("name", ["zero", "negative", "missing", "infinite"])
@pytest.mark.parametrize("stream", ["true", "false"])
def test_a_deviation_is_above_0(folder, name, stream):
    expected = rf'{name}.csv: row 3: column "dy": expected a standard deviation, a number above 0, found'
    with pytest.raises(SpecError, match=rf"data.sigma: .*{expected}"):
        load_data(spec(folder, f"data.stream={stream}", file=f"{name}.csv"))


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        (("data.sigma=dz",), 'data.sigma: .*unknown column "dz"; did you mean "z"'),
        (("data.sigma=y",), 'data.sigma: .*expected another column than the target "y"'),
        (("data.target=[y, z]",), "data.sigma: .*is of one target, found 2: y, z"),
        (("data.target=kind",), 'loss: `mean_squared_error` takes numbers, and "kind" holds names'),
        (
            ("data.target=kind", "loss=mean(square(y / sigma))"),
            'data.sigma: .*is of numbers, and the target "kind" is categorical',
        ),
        (("data.columns={y: {numeric: {log: true}}}",), 'data.sigma: .*in units of the target "y", which has `log'),
        (("loss=mae",), "data.sigma: `mean_absolute_error` does not use it; take `mean_squared_error`"),
        (("loss=mean(square(y - output))",), "data.sigma: the formula of the loss does not use `sigma`; divide by it"),
        (("data.columns={t: {numeric: {input: sigma}}}",), "sigma is the name of its standard deviation"),
    ],
)
def test_a_deviation_without_effect_is_refused(folder, overrides, text):
    made = spec(folder, *overrides, file="more.csv")
    with pytest.raises(ValueError, match=text):
        Session(made, load_data(made))


def test_a_deviation_is_no_input(folder):
    data = load_data(spec(folder))
    assert (data.features, data.train.inputs, data.warnings) == (("t",), ("x",), ())


# Columns by name


def test_formulas_know_columns_by_name(folder):
    losses = []
    for output in ("a * exp(-b * t) + c * dy + 0 * z", "a * exp(-b * x[:, 0]) + c * x[:, 1]"):
        one = spec(folder, "data.sigma=null", f"let.output={output}", file="more.csv")
        session = Session(one, load_data(one))
        session.advance(session.next_batch())
        losses.append(session.sums.loss)
    assert losses[0] == pytest.approx(losses[1])


LAYERS = "data: sine\nmodel: [{dense: 4}, tanh, {dense: 1}]\n"


@pytest.mark.parametrize("formula", ["mean(square(output - y))", "mean(abs(y - 2 * tanh(output)))"])
def test_an_output_of_one_column_beside_the_target_is_refused(formula):
    made = parse_spec(f"{LAYERS}loss: {formula}")
    with pytest.raises(SpecError, match=r"`y` has the shape \(n,\), and .* \(n, 1\): together they make a table"):
        Session(made, load_data(made))


@pytest.mark.parametrize("place", ["metrics: {far: FORMULA}", "outputs: {far: FORMULA}"])
@pytest.mark.parametrize("formula", ["max(abs(output - y))", "mean(square(y - 2 * output))"])
def test_so_is_one_in_formulas_that_see_units_of_the_target(place, formula):
    """The target is then no input of the graph, but computed of one."""
    made = parse_spec(f"{LAYERS}loss: mean_squared_error\n{place.replace('FORMULA', formula)}")
    with pytest.raises(SpecError, match=r"`y` has the shape \(n,\), and .* \(n, 1\): together they make a table"):
        Session(made, load_data(made))


@pytest.mark.parametrize(
    "formula", ["mean(square(output[:, 0] - y))", "mean(square(expand_dims(y, 1) - y)) + mean(output)"]
)
def test_rows_and_pairs_are_not(formula):
    made = parse_spec(f"{LAYERS}loss: {formula}")
    session = Session(made, load_data(made))
    assert session.advance(session.next_batch())


def test_functions_and_constants_come_first(tmp_path):
    pl.DataFrame({"exp": [1.0, 2.0], "e": [5.0, 6.0], "y": [1.0, 2.0]}).write_csv(tmp_path / "odd.csv")
    text = f"data: {{file: {tmp_path}/odd.csv, target: y, split: {{tail: 0}}}}\nvariables: {{a: 2}}\n"
    made = parse_spec(f"{text}let: {{output: 'exp(a) + e + 0 * x[:, 0]'}}\nloss: mse")
    session = Session(made, load_data(made))
    output = session.model.predictor()(session.next_batch()["x"])
    assert output == pytest.approx([np.exp(2) + np.e] * 2)


def test_a_column_beside_a_row_is_refused(folder):
    made = spec(folder, "let.output=a * exp(-b * x) + c", "loss=mean(square((y - output) / sigma))")
    with pytest.raises(SpecError, match=r"`x` has the shape \(n, 1\).*write x\[:, 0\], or name the column: t"):
        Session(made, load_data(made))
