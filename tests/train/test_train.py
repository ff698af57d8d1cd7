"""`ag train` and `ag eval` as a person and as a program use them."""

import json
import re

import pytest

from tests.outcomes import outcome

CONTROL = re.compile(r"\x1b|\r")


def trained(ag, spec, folder, *options, check=0):
    done = ag("train", spec, "--json", "--out", folder, *options, check=check)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(("spec", "least"), [("models/digits.yaml", 0.95), ("models/iris.yaml", 0.9)])
def test_embedded_models_learn_and_are_evaluated(ag, tmp_path, spec, least):
    start, *epochs, done = [e for e in trained(ag, spec, tmp_path / "run") if e["event"] != "note"]
    assert start["event"] == "start"
    assert [e["epoch"] for e in epochs] == list(range(1, len(epochs) + 1))
    assert all(e["event"] == "epoch" for e in epochs)
    assert epochs[-1]["loss"] < epochs[0]["loss"]
    assert done["event"] == "done"
    assert done["run"] == str(tmp_path / "run")
    assert done["metrics"]["accuracy"] >= least
    best = min(epochs, key=lambda e: e["validation_loss"])
    assert (done["validation_loss"], done["validation_metrics"]) == (best["validation_loss"], best["metrics"])
    assert done["weights"] == {"which": "best", "step": best["step"], "epoch": best["epoch"]}
    result = json.loads(ag("eval", tmp_path / "run", "--json", check=0).stdout)
    assert result["metrics"] == done["metrics"]
    assert result["loss"] == pytest.approx(done["test_loss"], rel=1e-6)
    logged = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert logged == epochs


def test_mnist_softmax_reaches_the_reference(ag, tmp_path, real_data):
    *_, done = trained(ag, "models/mnist_softmax.yaml", tmp_path / "run")
    assert 0.913 <= done["metrics"]["accuracy"] <= 0.92
    assert done["steps"] == 900


def test_a_run_repeats_to_the_last_bit(ag, tmp_path):
    options = ("--set", "train.epochs=2")
    runs = [trained(ag, "models/digits.yaml", tmp_path / name, *options) for name in "ab"]
    assert outcome(tmp_path / "a") == outcome(tmp_path / "b")  # all but whose the files are
    assert runs[0][-1]["loss"] == runs[1][-1]["loss"]
    *_, other = trained(ag, "models/digits.yaml", tmp_path / "c", *options, "--set", "seed=1")
    assert other["loss"] != runs[0][-1]["loss"]


def test_the_resolved_spec_trains_the_same_model(ag, tmp_path):
    first = trained(ag, "models/iris.yaml", tmp_path / "a", "--set", "train.epochs=3")
    second = trained(ag, tmp_path / "a" / "spec.yaml", tmp_path / "b")
    assert first[-1]["loss"] == second[-1]["loss"]


def test_without_a_terminal_lines_are_plain(ag, tmp_path):
    done = ag("train", "models/iris.yaml", "--out", tmp_path / "run", "--set", "train.epochs=3", check=0)
    assert not CONTROL.search(done.stderr + done.stdout)
    assert [line.split()[1] for line in done.stderr.splitlines() if line.startswith("epoch")] == ["1/3", "2/3", "3/3"]
    assert "accuracy" in done.stdout
    assert f"run: {tmp_path / 'run'}" in done.stdout
    quiet = ag("train", "models/iris.yaml", "--quiet", "--out", tmp_path / "q", "--set", "train.epochs=1", check=0)
    assert not quiet.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "models/digts.yaml"], "digits.yaml"),
        (["train", "models/digits.yaml", "--set", "train.epochs=ten"], "train.epochs"),
        (["train", "models/digits.yaml", "--set", "train.epoch=1"], "epochs"),
        (["train", "models/digits.yaml", "--out", "models"], "not an empty folder"),
        (["train"], "Missing argument"),
        (["trian", "x"], "did you mean `ag train`"),
        (["eval", "models"], "spec.yaml"),
        (["eval", "nowhere"], "found nothing there"),
        (["grad", "2*(x"], "2*(x"),
        (["grad", "x", "--shape", "x=0"], "whole numbers from 1"),
        (["init", "datasets/iris.csv.gz", "--out", "models"], "models: exists"),
        (["show", "digits", "--out", "models"], "error: models: expected the name of a file, found a folder"),
        (["show", "digits", "--out", "nowhere/x"], "error: nowhere/x: there is no folder nowhere"),
        (["train", "nowhere"], "`ag models` lists"),
        (["train", "digits", "--set", "data={digits: {raw: true}}"], "as in {name: digits, ...}"),
        (["verify-resume", "nowhere"], "error: nowhere: expected a spec file"),
    ],
)
def test_bad_input_gets_one_message_and_exit_code_2(ag, tmp_path, arguments, said):
    done = ag(*arguments, check=2)
    assert said in done.stderr
    assert not done.stdout
    assert "internal error" not in done.stderr


def test_a_shape_that_does_not_fit_names_the_layer(ag, tmp_path):
    spec = tmp_path / "bad.yaml"
    spec.write_text(
        "data: {name: digits, flatten: false}\nmodel:\n  - reshape: [5, 13]\n  - dense: 10\n"
        "loss: softmax_cross_entropy\n"
    )
    done = ag("train", spec, "--out", tmp_path / "run", check=2)
    assert "bad.yaml:3:5" in done.stderr
    assert "64 values" in done.stderr
    assert "^" in done.stderr
    assert not (tmp_path / "run").exists()


def test_damaged_checkpoints_are_refused(ag, tmp_path):
    trained(ag, "models/iris.yaml", tmp_path / "run", "--set", "train.epochs=1")
    (checkpoint,) = (tmp_path / "run" / "checkpoints").iterdir()
    whole = checkpoint.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"\0" * 100, whole[:40]):
        checkpoint.write_bytes(content)
        assert "is not a whole safetensors file" in ag("eval", tmp_path / "run", check=2).stderr
    other = tmp_path / "other.yaml"
    other.write_text((tmp_path / "run" / "spec.yaml").read_text().replace("units: 16", "units: 17"))
    (tmp_path / "run" / "spec.yaml").write_text(other.read_text())
    checkpoint.write_bytes(whole)
    assert "model[0].dense.units: 16 -> 17" in ag("eval", tmp_path / "run", check=2).stderr


def test_divergence_is_said_with_what_to_try(ag, tmp_path):
    spec = tmp_path / "wild.yaml"
    spec.write_text("data: iris\nmodel: [dense: 3]\nloss: softmax_cross_entropy\noptimizer: {sgd: 1.0e+38}\n")
    done = ag("train", spec, "--out", tmp_path / "run", check=1)
    assert "learning rate" in done.stderr


def test_a_read_only_folder_is_said(ag, tmp_path):
    tmp_path.chmod(0o500)
    done = ag("train", "models/iris.yaml", "--out", tmp_path / "run", check=2, anyone=True)
    assert "cannot be written" in done.stderr
    tmp_path.chmod(0o700)
