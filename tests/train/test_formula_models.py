"""Specs of formulas alone: in units of the data, with one meaning in training, evaluation and prediction."""

import json

import numpy as np
import polars as pl
import pytest

import agcli as ag
from agcli.data.section import load_data
from agcli.datasets import DataError
from agcli.spec import SpecError, parse_spec
from agcli.training import Trainer
from agcli.training.failure import TrainingError

COUNT = 50


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("formulas")
    rng = np.random.default_rng(1)
    t, u = rng.uniform(100, 300, COUNT), rng.uniform(0, 1, COUNT)
    y = 5000 + 2 * t - 30 * u + rng.standard_normal(COUNT)
    pl.DataFrame({"t": t, "u": u, "y": y}).write_csv(place / "plane.csv")
    days = np.arange(1, 21)
    pl.DataFrame({"day": days, "count": 3 + 2 * days}).write_csv(place / "days.csv")
    return place


def spec(folder, *overrides, let='{output: "a + b * t + c * u"}', loss="mean(square(y - output))", outputs="{}"):
    text = f"""
data: {{file: {folder}/plane.csv, target: y}}
variables: {{a: 0, b: 0, c: 0}}
let: {let}
loss: "{loss}"
metrics: {{rmse: "sqrt(mean(square(y - (a + b * t + c * u))))"}}
outputs: {outputs}
optimizer: levenberg_marquardt
train: {{epochs: 2, batch_size: 1000}}
"""
    return parse_spec(text, "plane", overrides)


def fitted(made, place):
    Trainer(made, place).finish()
    return ag.load(place)


# Names


@pytest.mark.parametrize("loss", ["mean_squared_error", "mean(square(z - output))"])
def test_columns_called_x_and_y_are_those_of_the_table(tmp_path, loss):
    """A surface z(x, y): `x` is not all inputs, and `y` is not the target."""
    x, y = (v.ravel() for v in np.meshgrid(np.linspace(-1, 1, 5), np.linspace(0, 2, 6)))
    z = 1 + 2 * x - 3 * y + 0.1 * np.cos(9 * x * y)
    pl.DataFrame({"x": x, "y": y, "z": z}).write_csv(tmp_path / "surface.csv")
    made = parse_spec(
        f"""
data: {{file: {tmp_path}/surface.csv, target: z, split: {{tail: 0}}}}
variables: {{a: 0, b: 0, c: 0}}
let: {{output: a + b*x + c*y}}
loss: {loss}
optimizer: levenberg_marquardt
""",
        "surface",
    )
    run = fitted(made, tmp_path / "run")
    best, *_ = np.linalg.lstsq(np.stack([np.ones(30), x, y], axis=1), z, rcond=None)
    np.testing.assert_allclose([p.value for p in run.parameters.values()], best, rtol=1e-9)
    np.testing.assert_allclose(run.predict({"x": [1.0], "y": [0.5]}), best @ [1, 1, 0.5], rtol=1e-9)


@pytest.mark.parametrize(("section", "entry"), [("variables", "t: 1"), ("let", "t: a")])
def test_no_name_hides_a_column(folder, section, entry):
    sections = {"variables": "a: 1", "let": "output: a * u", section: entry}
    sections["let" if section == "variables" else "variables"] = "output: t * u" if section == "variables" else "a: 1"
    text = f"""
data: {{file: {folder}/plane.csv, target: y}}
variables: {{{sections["variables"]}}}
let: {{{sections["let"]}}}
loss: mean(square(y - t))
"""
    with pytest.raises(SpecError, match=rf"{section}\.t: expected a new name, got `t`, which is a column of the data"):
        Trainer(parse_spec(text, "hidden"))


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["let.output=a"], "the target (None,); a number for all samples is written with an input, as in `a + 0*x`"),
        (
            ["data.split=0.2"],
            "expected a split such as {shuffled: 0.2}, {stratified: {validation: 0.15, test: 0.2}}, or {tail: ",
        ),
    ],
)
def test_what_a_law_lacks_is_said(folder, overrides, said):
    with pytest.raises(SpecError) as caught:
        Trainer(spec(folder, "loss=mean_squared_error", "metrics=[]", *overrides))
    assert said in str(caught.value)


@pytest.mark.parametrize("optimizer", ["levenberg_marquardt", "lm", "lbfgs"])
def test_a_start_without_a_loss_asks_for_another_start(folder, tmp_path, optimizer):
    made = spec(folder, f"optimizer={optimizer}", let='{output: "a + b * t + c * u + log(a - 1)"}')
    with pytest.raises(TrainingError, match=r"the loss became nan at step 1(.|\n)*try other starting values"):
        fitted(made, tmp_path / "run")


# Missing numbers


@pytest.mark.parametrize("cell", ["", "nan"])
def test_a_missing_number_is_no_sample_of_a_law(tmp_path, cell):
    (tmp_path / "line.csv").write_text(f"t,v\n1,2\n2,4.1\n{cell},6\n4,8\n")
    text = f"""
data: {{file: {tmp_path}/line.csv, target: v, split: {{tail: 0}}}}
variables: {{a: 1}}
let: {{output: a*t}}
loss: mean(square(v - output))
optimizer: levenberg_marquardt
"""
    with pytest.raises(SpecError, match=r'row 3: column "t": expected a number, found none; a formula takes numbers'):
        Trainer(parse_spec(text, "line"))
    filled = parse_spec(text, "line", ["data.columns={t: {numeric: {missing: 3}}}"])
    run = fitted(filled, tmp_path / "filled")
    assert run.predict({"t": [None]}) == pytest.approx(3 * run.parameters["a"].value)
    (tmp_path / "line.csv").write_text("t,v\n1,2\n2,4.1\n3,6\n4,8\n")
    with pytest.raises(DataError, match=r'row 1: column "t": expected a number, found none'):
        fitted(parse_spec(text, "line"), tmp_path / "full").predict({"t": [None]})


# Units


def test_parameters_and_metrics_are_in_units_of_the_data(folder, tmp_path):
    run = fitted(spec(folder), tmp_path / "run")
    arrays = run.place.chosen("last").arrays
    assert [float(arrays[f"model.{name}"]) for name in "abc"] == pytest.approx([5000, 2, -30], rel=0.05)
    found = run.evaluate()
    assert found.metrics["rmse"] == pytest.approx(found.figures["root_mean_squared_error"].value, rel=1e-9)
    assert found.notes == ("looked at the test data 2 times; choices made by its figures flatter them",)
    assert "scale: none" in (tmp_path / "run" / "spec.yaml").read_text()


def test_columns_that_are_scaled_by_wish_are_named(folder, tmp_path):
    made = spec(folder, "data.columns={t: numeric, y: {numeric: standard}, u: {numeric: minmax}}")
    notes = [e.text for e in Trainer(made, tmp_path / "run") if type(e).__name__ == "Note"]
    assert any(n.startswith("the loss is of the scaled target: 1 is ") for n in notes)
    assert any(n.startswith('formulas see the column "u" scaled as (u - ') for n in notes)
    assert not any('"t"' in n for n in notes)
    found = ag.load(tmp_path / "run").evaluate()
    assert found.notes[0].startswith("the loss is of the scaled target: 1 is ")
    assert found.metrics["rmse"] < 0.1 < found.figures["root_mean_squared_error"].value


def test_layers_keep_their_scaling(folder):
    made = parse_spec(f"data: {{file: {folder}/plane.csv, target: y}}\nmodel: [{{dense: 1}}]\nloss: mse")
    assert {part.role.scale for part in load_data(made).fitted.inputs} == {"standard"}


@pytest.mark.parametrize("stream", ["true", "false"])
def test_numbers_stay_numbers(folder, tmp_path, stream):
    """A target of 5, 7, 9, ... has no classes, and a column that counts the rows is no identifier."""
    text = f"""
data: {{file: {folder}/days.csv, target: count, split: {{tail: 0}}, stream: {stream}}}
variables: {{a: 0, b: 0}}
let: {{output: a + b * day}}
loss: mse
optimizer: levenberg_marquardt
train: {{batch_size: 1000}}
"""
    run = fitted(parse_spec(text, "days"), tmp_path / "run")
    assert run.predict({"day": [1, 100]}) == pytest.approx([5, 203])
    assert run.evaluate().figures["root_mean_squared_error"].value < 1e-9
    for few in (2, 3, 4):  # also where whole numbers run from 1
        pl.DataFrame({"day": np.arange(1, few + 9), "count": np.arange(1, few + 9)}).write_csv(tmp_path / "few.csv")
        again = fitted(
            parse_spec(text.replace(f"{folder}/days.csv", str(tmp_path / "few.csv")), "few"), tmp_path / f"{few}"
        )
        assert again.predict({"day": [1, 2]}) == pytest.approx([1, 2])


def test_arrays_are_not_scaled_either(tmp_path):
    x, y = np.array([[100.0, 1], [200, 2], [300, 5]]), np.array([1, 2, 3])
    np.savez(tmp_path / "some.npz", x=x, y=y)
    text = f"data: {{file: {tmp_path}/some.npz, split: {{tail: 0}}}}\nvariables: {{w: {{shape: [2]}}}}\n"
    data = load_data(parse_spec(f"{text}loss: mean(square(y - x @ w))"))
    np.testing.assert_array_equal(data.train.x, x)
    np.testing.assert_array_equal(data.train.y, y)
    assert data.train.y.dtype == np.float64
    of_classes = load_data(parse_spec(f"{text}let: {{output: 'x @ ones([2, 3])'}}\nloss: softmax_cross_entropy"))
    assert of_classes.classes == ("1", "2", "3")


# Prediction


def test_a_formula_predicts_by_the_names_of_columns(ag, folder, tmp_path):
    run = fitted(spec(folder), tmp_path / "run")
    table = pl.DataFrame({"note": ["a", "b"], "u": [0.0, 1.0], "t": [0.0, 100.0]})  # in any order, and without y
    table.write_csv(tmp_path / "new.csv")
    done = ag("predict", tmp_path / "run", tmp_path / "new.csv", check=0)
    values = [float(line) for line in done.stdout.splitlines()[1:]]
    assert values == pytest.approx([5000, 5170], rel=1e-2)
    assert run.predict(table).tolist() == values  # all digits of float64 are written
    table.drop("t").write_csv(tmp_path / "less.csv")
    assert (
        'lacks columns that the model reads: "t"'
        in ag("predict", tmp_path / "run", tmp_path / "less.csv", check=2).stderr
    )


def test_outputs_that_need_no_target_are_columns(ag, folder, tmp_path):
    outputs = '{part: "b * t", share: "c", residual: "y - a", rank: "t - mean(t)"}'
    run = fitted(
        spec(folder, let="{}", loss="mean(square(y - (a + b * t + c * u)))", outputs=outputs), tmp_path / "run"
    )
    pl.DataFrame({"t": [0.0, 100.0], "u": [0.0, 0.0]}).write_csv(tmp_path / "new.csv")
    header, *rows = ag("predict", tmp_path / "run", tmp_path / "new.csv", check=0).stdout.splitlines()
    assert header == "part"
    assert [float(row) for row in rows] == pytest.approx([0, 200], rel=0.01)
    assert run.predict({"t": [100.0], "u": [0.0]}) == pytest.approx([200], rel=0.01)


@pytest.mark.parametrize(
    ("let", "text"),
    [
        (
            '{wave: "a + b * t", residual: "y - wave"}',
            "the spec defines no `output` in `let`, what the model predicts, as in `output: wave`",
        ),
        (
            '{wave: "a + b * t", output: "wave - y"}',
            "`output` is made of the target, which nobody knows of new samples; .* as in `output: wave`",
        ),
        ('{output: "a + b * mean(t)"}', r"`output` has the shape \(\); expected a row for each sample"),
        ('{output: "a + b * (t - mean(t))"}', "`output` of a sample depends on the other samples"),
        ("{}", r"no `output` in `let`, what the model predicts, as in `let: {output: a \* x\[:, 0\] \+ b}`"),
    ],
)
def test_what_cannot_predict_says_which_name_to_define(folder, tmp_path, let, text):
    run = fitted(spec(folder, let=let, loss="mean(square(y - (a + b * t + c * u)))"), tmp_path / "run")
    with pytest.raises(DataError, match=f"plane: cannot predict: .*{text}"):
        run.predict({"t": [1.0], "u": [1.0]})
    assert run.evaluate().figures == {}


def test_a_prediction_does_not_depend_on_its_batch(folder, tmp_path):
    run = fitted(spec(folder), tmp_path / "run")
    t, u = np.linspace(0, 1, 2500), np.linspace(1, 0, 2500)
    whole = run.predict({"t": t, "u": u})
    assert whole[[0, 1024, 2499]] == pytest.approx(
        [run.predict({"t": t[[i]], "u": u[[i]]})[0] for i in (0, 1024, 2499)]
    )


# Outputs


def test_outputs_are_of_the_training_data_unless_a_split_is_named(ag, folder, tmp_path):
    run = fitted(spec(folder, outputs='{count: "size(y)"}'), tmp_path / "run")
    found = {split: run.evaluate(split) for split in ("", "train", "test")}
    assert {s: (int(e.outputs["count"]), e.outputs_of, e.split) for s, e in found.items()} == {
        "": (40, "train", "test"),
        "train": (40, "train", "train"),
        "test": (10, "test", "test"),
    }
    assert "outputs of the training data" in ag("eval", tmp_path / "run", check=0).stdout
    assert json.loads(ag("eval", tmp_path / "run", "--json", check=0).stdout)["outputs_of"] == "train"
    by_file = run.evaluate(data=folder / "plane.csv")
    assert (int(by_file.outputs["count"]), by_file.outputs_of) == (COUNT, "")
    layers = parse_spec("data: iris\nmodel: [{dense: 3}]\nloss: softmax_cross_entropy\noutputs: {count: size(y)}")
    of_layers = fitted(layers, tmp_path / "layers").evaluate()
    assert (int(of_layers.outputs["count"]), of_layers.outputs_of) == (30, "test")
