"""No data held out: all samples are for training, and whoever asks for others hears that there are none."""

import json
import re

import numpy as np
import polars as pl
import pytest

import agcli as ag
from agcli.data.section import load_data
from agcli.datasets import DataError
from agcli.report.page import written
from agcli.spec import SpecError, parse_spec
from agcli.training import Trainer
from agcli.training.dry_run import dry_run

COUNT = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table of measurements, and a text."""
    place = tmp_path_factory.mktemp("data")
    rng, t = np.random.default_rng(0), np.linspace(0, 5, COUNT)
    table = {"t": t, "y": 2.5 * np.exp(-0.7 * t) + 0.3 + 0.02 * rng.standard_normal(COUNT), "who": ["a", "b"] * 20}
    pl.DataFrame(table).write_csv(place / "decay.csv")
    (place / "some.txt").write_text("to be or not to be " * 50)
    return place


def spec(folder, *overrides, split="{tail: 0}"):
    text = f"""
name: decay
data: {{file: {folder}/decay.csv, target: y, split: {split}, columns: {{who: ignore}}}}
variables: {{a: 1, b: 1, c: 0}}
let: {{output: "a * exp(-b * x[:, 0]) + c"}}
loss: mse
optimizer: lbfgs
train: {{epochs: 3, batch_size: 1000}}
"""
    return parse_spec(text, "decay", overrides)


@pytest.mark.parametrize(
    "split",
    [
        "{shuffled: 0}",
        "{tail: 0}",
        "{stratified: 0}",
        "{group: {column: who, test: 0}}",
        "{time: {column: t, test: 0}}",
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_every_split_can_keep_all_samples(folder, split, stream):
    data = load_data(spec(folder, f"data.stream={str(stream).lower()}", split=split))
    assert (len(data.train), list(data.splits)) == (COUNT, ["train"])
    with pytest.raises(DataError, match="there is no test data, only train"):
        len(data.test)
    with pytest.raises(DataError, match="there is no validation data, only train"):
        len(data.validation)


def test_a_text_can_be_trained_on_to_its_end(folder):
    layers = "model: [{embedding: {size: 16, width: 2}}, {dense: 16}]\nloss: softmax_cross_entropy"
    text = f"data: {{file: {folder}/some.txt, length: 8, test: 0, validation: 0}}\n{layers}"
    data = load_data(parse_spec(text))
    assert list(data.splits) == ["train"]
    assert len(data.train) == (19 * 50 - 1) // 8


def test_a_fit_of_all_samples_is_judged_on_them(folder, tmp_path):
    events = list(Trainer(spec(folder), tmp_path / "run"))
    done = events[-1]
    run = ag.load(tmp_path / "run")
    found = run.evaluate()
    assert (done.test_loss, done.split, done.best) == (None, "train", None)
    assert (done.test_looks, done.weights) == (0, {"which": "last", "step": done.steps, "epoch": done.epochs})
    assert [e.validation_loss for e in events if type(e).__name__ == "EpochDone"] == [None] * done.epochs
    assert run.metrics == {"loss": done.loss, **done.metrics}
    assert (found.split, found.samples) == ("train", COUNT)
    assert found.loss == pytest.approx(done.loss, rel=1e-9)
    assert found.notes == ("no test data: the model is judged on the samples that it was trained on",)
    with pytest.raises(DataError, match="there is no test data"):
        run.evaluate("test")
    assert "no test data" in written(tmp_path / "run").read_text().lower()
    assert run.predict({"t": [0.0]})[0] == pytest.approx(2.8, abs=0.05)


def test_it_resumes(folder, tmp_path):
    Trainer(spec(folder, "train.epochs=1"), tmp_path / "run").finish()
    Trainer.resume(tmp_path / "run", ("train.epochs=3",)).finish()
    Trainer(spec(folder), tmp_path / "whole").finish()
    one, other = (ag.load(tmp_path / name).place.chosen("last") for name in ("run", "whole"))
    assert one.hash == other.hash


@pytest.mark.parametrize(
    ("override", "name"),
    [
        ("train.patience=3", "patience"),
        ("train.watch=root_mean_squared_error", "watch"),
        ("optimizer={adam: {lr: {plateau: 0.1}}}", "plateau"),
    ],
)
def test_what_looks_at_validation_data_is_refused_by_name(folder, override, name):
    told = (
        f"`{name}` looks at validation data, and there is none; write `split: {{tail: {{validation: 0.15}}}}` in `data`"
    )
    with pytest.raises(SpecError, match=re.escape(told)):
        Trainer(spec(folder, override))


def test_the_commands_say_it(ag, folder, tmp_path):
    (tmp_path / "decay.yaml").write_text(spec(folder).dump())
    done = ag("train", tmp_path / "decay.yaml", "--out", tmp_path / "run", check=0)
    assert "no test data, loss" in done.stderr
    assert "training data" in done.stdout
    assert "weights: the last; there is no validation data" in done.stdout
    assert "(training; no test data)" in ag("runs", "--dir", tmp_path, check=0).stdout
    told = ag("eval", tmp_path / "run", check=0).stdout
    assert "note: no test data: the model is judged on the samples that it was trained on" in told
    assert json.loads(ag("eval", tmp_path / "run", "--json", check=0).stdout)["split"] == "train"
    ag("eval", tmp_path / "run", "--split", "test", check=2)


def test_a_dry_run_needs_none(folder):
    assert dry_run(spec(folder)).validation_loss is None
