"""The figure by which the best weights are chosen: where it has no value, and where nothing can be watched."""

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from agcli.data.section import load_data
from agcli.runs import RunError
from agcli.spec import parse_spec, read_spec
from agcli.training import Trainer
from agcli.training.best import Best

MODELS = Path(__file__).parents[2] / "models"
GOLDEN = Path(__file__).parents[1] / "golden" / "runs"
SPEC = """
data: {file: samples.csv, validation_file: one.csv, target: y, split: {stratified: {test: 0.2}}}
model: [{dense: 2}]
loss: softmax_cross_entropy
metrics: [accuracy, roc_auc]
train: {epochs: 9, patience: 3, watch: roc_auc, batch_size: 8}
"""
WHY = "undefined: it needs samples of every class, and others"


@pytest.fixture
def place(tmp_path):
    """A folder with a spec whose validation file has samples of one class alone."""
    rng = np.random.default_rng(0)
    for name, count in (("samples", 60), ("one", 40)):
        points = rng.normal(size=(count, 2))
        classes = ["hi" if a + b > 0 or name == "one" else "lo" for a, b in points]
        lines = [f"{a:.4f},{b:.4f},{c}" for (a, b), c in zip(points, classes, strict=True)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["a,b,y", *lines]))
    (tmp_path / "s.yaml").write_text(SPEC)
    return tmp_path


def test_a_watched_figure_without_a_value_is_told_after_the_first_evaluation(ag, place):
    out = ag("train", place / "s.yaml", "--out", place / "run", "--json", check=0)
    events = [json.loads(line) for line in out.stdout.splitlines()]
    kinds = [event["event"] for event in events if event.get("topic", "watch") == "watch"]
    assert kinds == ["start", "note", "epoch", "epoch", "epoch", "done"]
    (note,) = [event["text"] for event in events if event.get("topic") == "watch"]
    assert note.startswith(f"`watch: roc_auc` has no value on the validation data ({WHY}): ")
    assert "write `watch: loss`, or hold out other samples" in note
    assert events[-1]["reason"] == f"patience: roc_auc had no value in 3 evaluations ({WHY})"
    assert (events[-1]["best"], events[-1]["weights"]["which"]) == (None, "last")


def test_the_screen_says_that_no_weights_are_the_best(ag, place):
    out = ag("train", place / "s.yaml", "--out", place / "run", check=0)
    assert "weights: the last; the watched figure had no value" in out.stdout


def test_a_figure_that_has_a_value_later_is_not_told_again():
    best, nan = Best("f1"), float("nan")
    said = []
    for step, value in enumerate([nan, nan, 2.0, nan, nan, nan]):
        best.judge({"f1": value}, 1, step)
        said.append((bool(best.unusable), best.standstill(3)))
    assert [note for note, _ in said] == [True, False, False, False, False, False]
    assert [reason for _, reason in said] == [""] * 5 + ["patience: f1 has not improved for 3 evaluations"]


def test_patience_counts_one_evaluation_as_one():
    best = Best("loss")
    for value in (1.0, 2.0):
        best.judge({"loss": value}, 1, 1)
    assert best.standstill(1) == "patience: loss has not improved for 1 evaluation"


# Runs of older versions, whose figures on the way were those of the test data


@pytest.fixture
def flowers(tmp_path):
    shutil.copytree(GOLDEN / "flowers", tmp_path / "flowers")
    return tmp_path / "flowers"


def command(told):
    """The arguments of the command that a message ends in."""
    return shlex.split(re.search(r"ag (train --resume .*)", told.replace("\n", " "))[1])


@pytest.mark.parametrize("options", [(), ("--set", "train.epochs=14"), ("--set", "train.patience=9")])
def test_an_old_run_names_the_command_by_which_it_goes_on(ag, flowers, options):
    told = ag("train", "--resume", "flowers", *options, cwd=flowers.parent, check=2).stderr
    assert "flowers: the run has no validation data, at which `patience` and `watch` look" in told
    words = command(told)
    assert words[:3] == ["train", "--resume", "flowers"]
    assert words[-4:] == ["--set", "train.patience=null", "--set", "train.watch=loss"]
    assert ("train.epochs=14" in words, "train.patience=9" in words) == ("train.epochs=14" in options, False)
    out = ag(*words, cwd=flowers.parent, check=0)
    assert "weights: the last; there is no validation data" in out.stdout
    result = json.loads((flowers / "result.json").read_text())
    assert result["epochs"] == (14 if "train.epochs=14" in options else 12)


def test_a_plateau_without_validation_data_goes_on_at_its_own_rate(tmp_path):
    """As an older version left it: the plateau saw the test data, and the run has no other to show it."""
    text = "{data: moons, model: [{dense: 2}], loss: softmax_cross_entropy, train: {epochs: 1}, optimizer: {adam: %s}}"
    spec = parse_spec(text % "{lr: {plateau: {lr: 0.01, patience: 1}}}")
    plain = parse_spec(text % "0.01", "s", ("data.validation=0",))
    Trainer(plain, tmp_path / "run").finish()
    written = yaml.safe_load((tmp_path / "run" / "spec.yaml").read_text())
    written["optimizer"] = yaml.safe_load(spec.dump())["optimizer"]
    (tmp_path / "run" / "spec.yaml").write_text(yaml.safe_dump(written))
    with pytest.raises(RunError) as caught:
        Trainer.resume(tmp_path / "run", ("train.epochs=2",))
    words = command(str(caught.value))
    assert words[-2:] == ["--set", "optimizer.adam.lr=0.01"]
    overrides = tuple(words[words.index("--set") + 1 :: 2])
    done = Trainer.resume(tmp_path / "run", overrides).finish()
    assert done.epochs == 2


def test_weights_that_are_the_best_and_the_last_are_called_what_was_asked_for(ag, tmp_path):
    """Of a training of one epoch there is one checkpoint."""
    spec = "{data: moons, model: [{dense: 2}], loss: softmax_cross_entropy, train: {epochs: 1}}"
    done = Trainer(parse_spec(spec), tmp_path / "run").finish()
    said = {}
    for weights in ("", "best", "last", str(done.steps)):
        options = ("--weights", weights) if weights else ()
        said[weights] = ag("eval", tmp_path / "run", "--split", "validation", *options, check=0).stdout
        found = json.loads(ag("eval", tmp_path / "run", "--split", "validation", *options, "--json", check=0).stdout)
        assert found["weights"] == ("last" if weights == "last" else "best")
    assert f"the last weights, of step {done.steps}" in said["last"]
    assert all(f"the best weights, of step {done.steps}" in text for name, text in said.items() if name != "last")


@pytest.mark.parametrize(
    ("name", "validation"),
    [("oscillator", 77), ("curve_fit", 0), ("gaussian_mixture", 0), ("sine", 120)],
)
def test_specs_of_formulas_alone_have_no_validation_data(name, validation):
    """The oscillator has layers, which its formulas train: 0.15 of the samples that are not for testing."""
    spec = read_spec(MODELS / f"{name}.yaml")
    data = load_data(spec)
    assert (len(data.validation) if data.has_validation else 0) == validation
    assert spec.is_formulas == (validation == 0)
