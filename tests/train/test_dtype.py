"""`dtype`: of what floats data, parameters and steps are; runs from before there was one are of float32."""

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import agcli as ag
from agcli.data.section import load_data
from agcli.datasets import Augment, Column, Split
from agcli.engine.graph import toposort
from agcli.engine.ops.arrays import Astype
from agcli.runs import Run
from agcli.spec import SpecError, parse_spec, read_spec
from agcli.training import Session, Trainer

OLD = Path(__file__).parents[1] / "golden" / "runs"  # trained when all was float32, and columns of formulas were scaled
FORMULA = """
name: line
data: {name: sine, samples: 50}
variables: {a: {value: [0.5, 0.1]}}
let: {output: "a[0] * sin(x[:, 0]) + a[1] + zeros(1)"}
loss: mean(square(y - output))
"""
LAYERS = """
name: net
data: {name: blobs, samples: 50}
model: [{dense: 4}, batch_norm, tanh, {dropout: 0.2}, {dense: 3}]
loss: softmax_cross_entropy
"""


def session(text, *overrides):
    spec = parse_spec(text, "spec", overrides)
    return Session(spec, load_data(spec))


@pytest.mark.parametrize(
    ("text", "overrides", "expected"),
    [
        (FORMULA, (), "float64"),
        (FORMULA, ("dtype=float32",), "float32"),
        (FORMULA, ("dtype=null",), "float64"),
        (LAYERS, (), "float32"),
        (LAYERS, ("dtype=float64",), "float64"),
    ],
)
def test_formulas_alone_are_float64_and_layers_float32(text, overrides, expected):
    spec = parse_spec(text, "spec", overrides)
    assert spec.dtype == expected
    assert f"dtype: {expected}\n" in spec.dump()
    assert parse_spec(spec.dump()) == spec
    made = session(text, *overrides)
    assert {str(v.dtype) for v in made.variables.values() if v.dtype.kind == "f"} - {expected} == set()
    assert {str(c.dtype) for c in made.data.train.columns.values() if c.dtype.kind == "f"} == {expected}
    assert made.model.train.loss.dtype == expected
    assert made.advance(made.next_batch())


@pytest.mark.parametrize("name", ["digits_cnn", "char_transformer", "char_lstm", "oscillator", "gaussian_mixture"])
def test_nothing_in_a_graph_of_float64_is_narrower(name, monkeypatch, tmp_path):
    monkeypatch.setenv("AG_DATA", str(tmp_path))
    overrides = ["dtype=float64"]
    if name.startswith("char"):
        (tmp_path / "text.txt").write_text("to be or not to be, that is the question " * 100)
        overrides.append(f"data={{file: {tmp_path}/text.txt, length: 8}}")
    spec = read_spec(f"models/{name}.yaml", overrides)
    graph = Session(spec, load_data(spec)).model.train
    tensors = toposort([graph.output, graph.loss, *graph.outputs.values(), *graph.updates.values()])
    assert not [t for t in tensors if getattr(t.type, "dtype", None) == np.float32 and not isinstance(t.op, Astype)]


def test_columns_of_a_table_keep_all_their_digits(tmp_path):
    pl.DataFrame({"t": [1 / 3, 0.1, 2.0, 7e50], "y": [0.7, 1 / 7, 2.0, 1.0]}).write_csv(tmp_path / "some.csv")
    text = (
        f"data: {{file: {tmp_path}/some.csv, target: y, split: {{tail: 0.25}}}}\nvariables: {{a: 1}}\nloss: mean(a * x)"
    )
    train = session(text).data.train
    assert train.x[:, 0].tolist() == [1 / 3, 0.1, 2.0]
    assert train.y.tolist() == [0.7, 1 / 7, 2.0]
    with pytest.raises(ValueError, match=r'row 4: column "t": expected a number to 3.4e\+38, the largest'):
        session(text, "dtype=float32", "data.columns={t: {numeric: none}}")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_stream_has_the_same_numbers(tmp_path, dtype):
    rows = np.random.default_rng(0).normal(size=(300, 2))
    pl.DataFrame(rows, ["t", "y"]).write_csv(tmp_path / "some.csv")
    data = f"data: {{file: {tmp_path}/some.csv, target: y, split: {{tail: 0.1}}, STREAM}}"
    text = f"{data}\nvariables: {{a: 1}}\nloss: mean(a * t)"
    whole, stream = (
        session(text.replace("STREAM", f"stream: {flag}"), f"dtype={dtype}").data for flag in ("false", "true")
    )
    for split in ("train", "test"):
        for name in ("x", "y"):
            assert stream[split][name].dtype == dtype
            np.testing.assert_array_equal(stream[split][name], whole[split][name])


def test_a_data_set_of_a_program_is_fed_in_the_type_of_the_spec(tmp_path):
    data = ag.datasets.load("sine", samples=50)
    trainer = Trainer(parse_spec(FORMULA, "spec", ("train.epochs=1",)), tmp_path / "run", data=data)
    trainer.finish()
    assert trainer.data.train.x.dtype == np.float64
    assert data.train.x.dtype == np.float32


def test_sets_by_name_are_exact():
    assert ag.datasets.load("iris", "float64", raw=True).train.x.dtype == np.float64
    assert 5.1 in ag.datasets.load("iris", "float64", raw=True).train.x
    wave = ag.datasets.load("sine", "float64", noise=0).train
    np.testing.assert_allclose(wave.y, np.sin(wave.x[:, 0]), rtol=1e-14)
    single = ag.datasets.load("sine", noise=0).train
    np.testing.assert_array_equal(single.x, wave.x.astype(np.float32))


def test_pictures_change_in_their_own_type():
    pixels = np.arange(32, dtype=np.uint8).reshape(2, 4, 4)
    column = Column(pixels, ag.datasets.Scaling.by(4))
    wide = Split({"x": column}).cast(np.float64).augmented(Augment(shift=1.5, noise=0.1))["x"]
    assert wide.dtype == np.float64
    np.testing.assert_array_equal(wide, pixels / 4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_resumed_run_ends_in_the_same_bits(tmp_path, dtype):
    spec = parse_spec(FORMULA, "spec", (f"dtype={dtype}", "train.batch_size=8", "train.epochs=4"))
    Trainer(spec, tmp_path / "whole").finish()
    half = parse_spec(FORMULA, "spec", (f"dtype={dtype}", "train.batch_size=8", "train.epochs=2"))
    Trainer(half, tmp_path / "parts").finish()
    Trainer.resume(tmp_path / "parts", ("train.epochs=4",)).finish()
    whole, parts = (Run(tmp_path / name).chosen("last") for name in ("whole", "parts"))
    assert whole.arrays["model.a"].dtype == dtype
    assert whole.hash == parts.hash


def test_a_run_keeps_its_type(tmp_path):
    Trainer(parse_spec(FORMULA, "spec", ("train.epochs=1",)), tmp_path / "run").finish()
    with pytest.raises(ValueError, match="dtype: float64 -> float32: weights and the optimizer's state"):
        Trainer.resume(tmp_path / "run", ("dtype=float32", "train.epochs=2"))


def test_other_types_are_refused():
    with pytest.raises(SpecError, match="expected one of `float32`, `float64`"):
        parse_spec(FORMULA, "spec", ("dtype=half",))


# Runs of today's users


@pytest.mark.parametrize(
    ("name", "loss", "metrics", "figure"),
    [
        ("curve", 0.015012656, {"rmse": 0.12252615}, 0.12252615),
        ("plane", 0.00068185176, {"root_mean_squared_error": 0.20309178}, 0.20309178),
    ],
)
def test_an_older_run_is_judged_as_it_was(name, loss, metrics, figure, tmp_path):
    run = ag.load(shutil.copytree(OLD / name, tmp_path / name))
    assert run.spec.dtype == "float32"
    found = run.evaluate()
    assert found.loss == pytest.approx(loss, rel=1e-5)
    assert found.metrics == pytest.approx(metrics, rel=1e-5)
    assert found.figures["root_mean_squared_error"].value == pytest.approx(figure, rel=1e-5)


def test_an_older_run_predicts_in_units_of_its_target():
    run = ag.load(OLD / "plane")  # which is not written to
    found = run.predict({"a": [1.0, 5.0], "b": [100.0, 200.0]})
    assert found.tolist() == pytest.approx([-3.0, -5.0], abs=0.3)
    assert run.predictor.function.inputs[0].dtype == np.float32


def test_an_older_run_goes_on_in_its_type(tmp_path):
    shutil.copytree(OLD / "curve", tmp_path / "run")
    Trainer.resume(tmp_path / "run", ("train.epochs=5",)).finish()
    assert Run(tmp_path / "run").chosen("last").arrays["model.p"].dtype == np.float32
    assert "dtype: float32\n" in (tmp_path / "run" / "spec.yaml").read_text()


def test_check_reports_the_type(ag, tmp_path):
    (tmp_path / "line.yaml").write_text(FORMULA)
    assert json.loads(ag("check", tmp_path / "line.yaml", "--json", check=0).stdout)["dtype"] == "float64"
    assert "float64 for data, parameters and steps" in ag("check", tmp_path / "line.yaml", check=0).stdout
