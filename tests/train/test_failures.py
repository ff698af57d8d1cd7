"""A step that gives NaN or infinity is explained and repeated; what goes wrong quietly is said."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

import agcli as ag
from agcli.data.section import load_data
from agcli.datasets import Column
from agcli.runs import Run, RunError
from agcli.runs.files import Folder
from agcli.spec import read_spec
from agcli.training import Trainer
from agcli.training.failure import TrainingError, replay
from agcli.training.health import Health
from agcli.training.nan_trace import find
from agcli.training.session import Session

pytestmark = pytest.mark.numeric

HEAD = "data: digits\nmodel:\n"
TAIL = "loss: softmax_cross_entropy\ntrain: {epochs: 3, checkpoint_every: 3 steps}\n"
LAYERS = "  - dense: {units: 16, activation: relu}\n  - dropout: 0.3\n  - dense: 10\n"
# Predictions of 1e26 whose squares overflow one by one: no sum is in it, whose order would tell infinity from NaN.
WILD = {
    "head": "data: sine\nmodel:\n",
    "layers": "  - dense: {units: 16, activation: tanh}\n  - dense: 1\n",
    "tail": TAIL.replace("softmax_cross_entropy", "mse"),
    "optimizer": "sgd: 1.0e+25",
}


def written(tmp_path, layers=LAYERS, optimizer="sgd: 1.0e+38", tail=TAIL, head=HEAD):
    path = tmp_path / "spec.yaml"
    path.write_text(f"{head}{layers}{tail}optimizer: {{{optimizer}}}\n")
    return read_spec(path)


def failed(spec, folder):
    events = []
    with pytest.raises(TrainingError) as caught:
        events.extend(Trainer(spec, folder))
    return caught.value


@pytest.mark.parametrize("name", ["batch.safetensors", "state.safetensors"])
def test_a_bundle_with_a_huge_file_is_refused_by_its_first_bytes(tmp_path, name):
    bundle = failed(written(tmp_path, **WILD), tmp_path / "run").bundle
    with (bundle / name).open("r+b") as file:
        file.truncate(1 << 32)  # of which nothing is on the disk
    with pytest.raises(
        RunError, match=rf"{name}: is not a whole safetensors file \(it has 4,294,967,296 bytes, and says"
    ):
        replay(bundle)


def test_a_disk_that_is_full_does_not_hide_why_a_training_failed(tmp_path, monkeypatch):
    write, append = Folder.write, Folder.append

    def full(self, name, *args, **options):
        if "failure-step-" in name or (name == "log.txt" and any(self.path.glob("failure-*"))):
            raise OSError(28, "No space left on device", str(self.path / name))
        return (append if name.endswith((".txt", ".jsonl")) else write)(self, name, *args, **options)

    monkeypatch.setattr(Folder, "write", full)
    monkeypatch.setattr(Folder, "append", full)
    error = failed(written(tmp_path, **WILD), tmp_path / "run")
    first, *_, last = str(error).splitlines()
    assert first == "the loss became inf at step 2 (batch 2 of epoch 1)"
    assert last.startswith("the step could not be kept: ")
    assert last.endswith("spec.yaml: cannot be written: No space left on device")
    assert error.bundle is None


def test_the_op_its_line_its_inputs_and_the_rows_are_named(tmp_path):
    error = failed(written(tmp_path, **WILD), tmp_path / "run")
    text = str(error)
    first, culprit, *inputs, result, batch, advice, kept = text.splitlines()
    assert first == "the loss became inf at step 2 (batch 2 of epoch 1)"
    assert re.fullmatch(r".*spec\.yaml:5:7: square made an infinity", culprit)
    assert all(
        re.match(r"  from [\w.]+ float32\(.*\): -?[\d.e+]+ to [\d.e+-]+, mean -?[\d.e+-]+", line) for line in inputs
    )
    assert result.startswith("  came ")
    rows = [int(n) for n in re.findall(r"\d+", batch.partition(": ")[2].partition(" and ")[0])]
    s = Session(read_spec(tmp_path / "spec.yaml"), Trainer(read_spec(tmp_path / "spec.yaml")).data)
    s.next_batch()
    assert rows == list(s.next_batch().rows[: len(rows)])
    assert "--set optimizer.sgd.lr=1e+24" in advice
    assert "--set optimizer.sgd.clip=1.0" in advice
    assert kept == f"the step is kept: ag replay {error.bundle}"
    assert error.exit_code == 1


def test_a_bundle_repeats_its_step_bit_for_bit(ag, tmp_path):
    error = failed(written(tmp_path, **WILD), tmp_path / "run")
    moved = tmp_path / "elsewhere"
    shutil.move(error.bundle, moved)
    shutil.rmtree(tmp_path / "run")
    said = json.loads(ag("replay", moved, "--json", check=0).stdout)
    assert (said["step"], said["same"]) == (2, True)
    assert said["culprit"]["made"] == "an infinity"
    assert "step 2 again: the same, bit for bit" in ag("replay", moved, check=0).stdout
    about = json.loads((moved / "failure.json").read_text())
    (moved / "failure.json").write_text(json.dumps(about | {"sha256": "0" * 64}))
    assert "DIFFERENT" in ag("replay", moved, check=1).stdout
    assert "expected a bundle" in ag("replay", tmp_path, check=2).stderr


@pytest.mark.parametrize("steps", ["1", "4 steps", "1000 steps"])
def test_the_state_before_the_step_is_found_again(tmp_path, steps, monkeypatch):
    """From the seed or from a checkpoint, with dropout, accumulation and a plateau that has seen evaluations."""
    tail = f"loss: softmax_cross_entropy\ntrain: {{epochs: 3, eval_every: 7 steps, checkpoint_every: {steps}}}\n"
    spec = written(tmp_path, optimizer="adam: {lr: {plateau: {lr: 0.01, patience: 1}}, accumulate: 2}", tail=tail)
    states = []
    real = Session.advance

    def advance(self, batch):
        if self.step == 20:
            states.append({k: v.copy() for k, v in self.arrays.items()})
            batch = type(batch)(batch.rows, {**batch.columns, "x": np.full_like(batch.columns["x"], np.nan)})
        return real(self, batch)

    monkeypatch.setattr(Session, "advance", advance)
    error = failed(spec, tmp_path / "run")
    assert "step 21" in str(error)
    live, again = states[:2]
    assert all(np.array_equal(live[k], again[k]) for k in live)
    assert replay(error.bundle).same


def test_bad_data_is_named_by_its_row(tmp_path):
    spec = written(tmp_path, optimizer="adam: 0.01")
    data = load_data(spec)
    values = data.train.x.copy()
    values[41, 7] = np.nan
    train = replace(data.train, columns={**data.train.columns, "x": Column(values)})
    trainer = Trainer(spec, tmp_path / "run", data=replace(data, splits={**data.splits, "train": train}))
    with pytest.raises(TrainingError) as caught:
        trainer.finish()
    text = str(caught.value)
    assert "it began with a NaN in the batch's x float32(32, 64): 0 to 1, mean" in text
    assert "for row 41 of the training data" in text
    assert "look at these rows of the data" in text
    assert replay(caught.value.bundle).same


def test_inside_a_loop_the_turn_is_named():
    x, w = ag.placeholder("x", (None, 3)), ag.variable(np.float32(1e10), "w")
    last, _ = ag.scan(lambda carry, _: (ag.square(carry * w), None), x, length=3)
    step = ag.sgd(0.1).function(last.sum(), [w], inputs=[x])
    feeds = {x: np.array([[1, 2, 3], [0, 0, 0]], np.float32)}
    culprit = find(step, 2, lambda: setattr(w, "value", 1e10), lambda: step(feeds))
    assert (culprit.op, culprit.made, culprit.rows) == ("scan", "an infinity", (0,))
    assert re.search(r"inside: square in turn 1, built at .*test_failures.py:\d+$", next(culprit.lines()))


def test_a_finite_loss_with_infinite_parameters_stops(tmp_path):
    """The step after would give NaN; this one made the infinity."""
    spec = written(
        tmp_path, layers="  - dense: 10\n", optimizer="sgd: 3.0e+38", tail=TAIL.replace("epochs: 3", "epochs: 1")
    )
    text = str(failed(spec, tmp_path / "run"))
    assert "made an infinity" in text or "made a NaN" in text


def test_the_command_says_it_and_logs_it(ag, tmp_path):
    written(tmp_path, **WILD)
    done = ag("train", tmp_path / "spec.yaml", "--json", "--out", tmp_path / "run", check=1)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[-1]["event"] == "failed"
    assert events[-1]["bundle"] == str(next((tmp_path / "run").glob("failure-*")))
    assert "made an infinity" in done.stderr
    assert "made an infinity" in (tmp_path / "run" / "log.txt").read_text()
    assert not (tmp_path / "run" / "result.json").exists()


DENSE = "  - dense: {{units: 16, activation: {}}}\n"
CASES = {  # layers, optimizer -> topics that are said
    "healthy": (DENSE.format("relu") + "  - dense: 10\n", "adam: 0.01", set()),
    "diverges": (DENSE.format("relu") + "  - dense: 10\n", "sgd: 3.0e+5", {"divergence", "dead units"}),
    "deep sigmoid": (DENSE.format("sigmoid") * 7 + "  - dense: 10\n", "sgd: 0.01", {"vanishing gradients"}),
    "too slow": (DENSE.format("relu") + "  - dense: 10\n", "sgd: 1.0e-7", {"no progress"}),
    "all dead": (
        "  - dense: {units: 16, activation: relu, bias_init: {constant: -100}}\n  - dense: 10\n",
        "sgd: 0.1",
        {"dead units"},
    ),
    "saturated": (
        "  - dense: {units: 16, activation: tanh, init: {normal: {std: 100}}}\n  - dense: 10\n",
        "sgd: 1.0e-6",
        {"saturated units"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_goes_wrong_quietly_is_named(tmp_path, case):
    layers, optimizer, expected = CASES[case]
    spec = written(tmp_path, layers=layers, optimizer=optimizer)
    notes = [e for e in Trainer(spec, tmp_path / "run") if type(e).__name__ == "Note"]
    assert {n.topic for n in notes} == expected
    assert not expected or all("try" in n.text for n in notes)
    assert expected or not notes
    assert all("spec.yaml:3:5" in n.text for n in notes if n.topic in ("dead units", "saturated units"))
    log = (tmp_path / "run" / "log.txt").read_text()
    assert all(n.text in log for n in notes)


def test_exploding_gradients_are_named(tmp_path):
    layers = "  - dense: {units: 16, init: {normal: {std: 30}}}\n" * 4 + "  - dense: 1\n"
    head = "data: {name: digits}\nmodel:\n"
    spec = written(tmp_path, layers=layers.replace("dense: 1\n", "dense: 10\n"), optimizer="sgd: 1.0e-9", head=head)
    health = Health(Session(spec, Trainer(spec).data))
    notes = list(health.look())
    assert {n.topic for n in notes} == {"exploding gradients"}
    assert "clip" in notes[0].text


def test_looking_changes_nothing(tmp_path, monkeypatch):
    spec = written(tmp_path, optimizer="adam: 0.01")
    Trainer(spec, tmp_path / "a").finish()
    monkeypatch.setattr(Health, "after_epoch", lambda self, loss: self.look())
    Trainer(spec, tmp_path / "b").finish()
    assert Run(tmp_path / "a").newest()[0].hash == Run(tmp_path / "b").newest()[0].hash


def test_looks_are_rare(tmp_path):
    now = [0.0]
    health = Health(Session(written(tmp_path, optimizer="adam: 0.01"), Trainer(written(tmp_path)).data), lambda: now[0])
    looks = []
    health.look = lambda: looks.append(now[0]) or iter(())
    for epoch in range(100):
        now[0] += 1.0
        if looks and looks[-1] == now[0] - 1:
            health.looked = looks[-1]
        list(health.after_epoch(1.0 / (epoch + 1)))
    assert 5 <= len(looks) <= 10
