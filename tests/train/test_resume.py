"""A training that was stopped, killed or failed goes on as if nothing had happened."""

import json
import re
import shutil
import signal
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from itertools import count

import numpy as np
import pytest
from conftest import ROOT
from faults import Disk, Killed
from outcomes import outcome

import agcli as ag
from agcli.model.layers.dropout import Dropout
from agcli.runs import DamagedError, Run, RunError
from agcli.runs.checkpoints import read, write
from agcli.runs.environment import PACKAGES, installed
from agcli.runs.files import Folder
from agcli.runs.identity import Provenance
from agcli.spec import parse_spec, read_spec
from agcli.training import Trainer
from agcli.training import trainer as module
from agcli.training.evaluate import opened
from agcli.training.open_trainer import trainer_for
from agcli.training.resume import changes

# Everything that has state: dropout, moments, a schedule that observes, running means, gradients that are added up.
SPEC = """
name: small
seed: 3
data: {name: iris, validation: 0.05}
model: [{dense: {units: 8, activation: tanh}}, {dropout: 0.2}, {dense: 3}]
loss: softmax_cross_entropy
optimizer: {adam: {lr: {plateau: {lr: 0.05, patience: 1}}, accumulate: 2, average: 0.9}}
train: {epochs: 2, batch_size: 16, eval_every: 3 steps, checkpoint_every: 4 steps, patience: 50}
"""


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SPEC)
    return path


@pytest.fixture(autouse=True)
def every_step_is_an_event(monkeypatch):
    monkeypatch.setattr(module, "TICK", -1.0)


def end_of(folder):
    """What has to be equal, of a folder without anything half written."""
    assert 1 <= json.loads((folder / "result.json").read_text())["test_looks"] <= 2
    assert not list(folder.rglob("*.part"))
    return outcome(folder)


def finish(trainer):
    return list(trainer)[-1]


def undisturbed(spec, folder):
    finish(Trainer(read_spec(spec), folder))
    return end_of(folder)


def steps_of(trainer, n):
    """Train for so many steps, and leave everything as it lies."""
    events = iter(trainer)
    for event in events:
        if getattr(event, "step", 0) == n and type(event).__name__ == "Stepped":
            events.close()
            return


@pytest.mark.parametrize("every", ["1 step", "4 steps", "60 s"])
def test_left_after_any_step_it_goes_on_to_the_same_weights(spec, tmp_path, every):
    spec.write_text(SPEC.replace("4 steps", every))
    expected = undisturbed(spec, tmp_path / "whole")
    for n in range(1, 9):
        folder = tmp_path / f"left-{n}"
        steps_of(Trainer(read_spec(spec), folder), n)
        finish(Trainer.resume(folder))
        assert end_of(folder) == expected, n


def test_stopped_again_and_again(spec, tmp_path):
    expected = undisturbed(spec, tmp_path / "whole")
    folder = tmp_path / "run"
    trainer = Trainer(read_spec(spec), folder)
    for _ in range(100):
        for event in trainer:
            if type(event).__name__ == "Stepped":
                trainer.stop(signal.SIGTERM)
        if type(event).__name__ == "Done":
            break
        assert event.to_json()["resume"] == f"ag train --resume {folder}"
        trainer = Trainer.resume(folder)
    assert end_of(folder) == expected


@pytest.mark.parametrize("kill", [True, False], ids=["killed", "disk full"])
def test_a_failure_at_each_call_of_the_system(spec, tmp_path, kill):
    """The last good checkpoint stays, the error is one sentence, and what follows is the same training."""
    spec.write_text(SPEC.replace("epochs: 2", "epochs: 1").replace("3 steps", "5 steps"))
    expected = undisturbed(spec, tmp_path / "whole")
    said = []
    for n in count(1):
        folder = tmp_path / f"run-{n}"
        with pytest.MonkeyPatch.context() as patch:
            disk = Disk(patch, folder, n, kill)
            try:
                finish(Trainer(read_spec(spec), folder))
            except Killed:
                pass
            except RunError as e:
                said.append(str(e))
        if not disk.failed:
            break
        again = trainer_for(read_spec(spec), folder, (), "auto")
        finish(again)
        assert end_of(folder) == expected, n
        shutil.rmtree(folder)
    assert n > 40
    assert all("No space left on device" in text and "\n" not in text for text in said)
    assert bool(said) != kill


def at_step(spec, folder, n, *overrides):
    """A run that was left after ``n`` steps, with checkpoints of steps 3, 4 and so on."""
    steps_of(Trainer(read_spec(spec, overrides), folder), n)
    return folder


def bit_flipped(whole):
    return whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:]


def of_a_later_format(whole):
    return re.sub(rb"(format\\\": \\\")\d", rb"\g<1>9", whole)


DAMAGE = {
    "truncated": (lambda whole: whole[: len(whole) // 2], "not a whole safetensors file"),
    "empty": (lambda whole: b"", "not a whole safetensors file"),
    "bit-flipped": (bit_flipped, "does not have the hash"),
    "foreign": (lambda whole: b"PK\3\4 a zip", "not a whole safetensors file"),
    "of a later format": (of_a_later_format, "another version of ag"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_passed_over(spec, tmp_path, damage):
    make, said = DAMAGE[damage]
    expected = undisturbed(spec, tmp_path / "whole")
    folder = at_step(spec, tmp_path / "run", 8)
    newest = Run(folder).checkpoints()[-1]
    whole = newest.read_bytes()
    newest.write_bytes(make(whole))
    assert newest.read_bytes() != whole
    trainer = Trainer.resume(folder)
    (note,) = [n.text for n in trainer.notes if n.topic == "checkpoint"]
    assert said in note
    assert newest.name in note
    finish(trainer)
    assert end_of(folder) == expected


def test_a_safetensors_file_of_others_is_no_checkpoint(spec, tmp_path):
    from safetensors.numpy import save_file

    folder = at_step(spec, tmp_path / "run", 8)
    save_file({"w": np.zeros(3)}, folder / "checkpoints" / "step-00000099.safetensors")
    trainer = Trainer.resume(folder)
    assert ["not a checkpoint that ag wrote" in n.text for n in trainer.notes if n.topic == "checkpoint"] == [True]
    trainer.run.close()


def test_without_a_whole_checkpoint_nothing_is_overwritten(spec, tmp_path):
    folder = at_step(spec, tmp_path / "run", 8)
    before = (folder / "metrics.jsonl").read_bytes()
    for path in Run(folder).checkpoints():
        path.write_bytes(b"")
    with pytest.raises(RunError, match="no checkpoint is whole"):
        Trainer.resume(folder)
    assert (folder / "metrics.jsonl").read_bytes() == before


def test_a_lost_best_checkpoint_is_said(spec, tmp_path):
    folder = at_step(spec, tmp_path / "run", 7, "train.min_delta=10")
    best = (folder / "best").read_text().strip()
    assert best != Run(folder).checkpoints()[-1].name
    (folder / "checkpoints" / best).unlink()
    trainer = Trainer.resume(folder)
    assert [n.topic for n in trainer.notes] == ["validation", "best"]
    assert type(finish(trainer)).__name__ == "Done"


def test_the_hash_of_a_checkpoint_covers_all_of_it(tmp_path):
    files, arrays, progress = Folder(tmp_path), {"w": np.arange(3.0)}, {"step": 1}
    mine = Provenance("run-1", "seed: 1", {"train": "ab"})
    known = write(files, "a", arrays, progress, mine)
    others = [({"w": np.arange(3.0) + 1}, progress), ({"v": np.arange(3.0)}, progress), (arrays, {"step": 2})]
    others += [({"w": np.arange(3)}, progress), ({"w": np.arange(3.0)[:, None]}, progress)]
    assert len({known, *(write(files, "b", *other, mine) for other in others)}) == 6
    assert read(files, "a").hash == known
    assert write(files, "b", arrays, progress, replace(mine, run_id="run-2")) == known, "two runs come to one state"


@pytest.mark.parametrize("part", [b"run-1", b"seed: 1", b"ab4f"])
def test_where_a_checkpoint_comes_from_cannot_be_changed_by_a_flipped_bit(tmp_path, part):
    files, mine = Folder(tmp_path), Provenance("run-1", "seed: 1", {"train": "ab4f"})
    write(files, "a", {"w": np.arange(3.0)}, {"step": 1}, mine)
    whole = (tmp_path / "a").read_bytes()
    assert read(files, "a").provenance == mine
    assert whole.count(part) == 1
    (tmp_path / "a").write_bytes(whole.replace(part, part[:-1] + bytes([part[-1] ^ 1])))
    with pytest.raises(DamagedError, match="does not have the hash that was written with it"):
        read(files, "a")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("seed=4", "all random numbers follow from it"),
        ("data=digits", "the figures would speak of other samples"),
        ("model[0].dense.units=9", "the weights belong to this model"),
        ("loss=mean_squared_error", "could not be compared"),
        ("train.batch_size=8", "it may change when an epoch is complete"),
        ("train.shuffle=false", "it may change when an epoch is complete"),
        ("optimizer=sgd", "another optimizer has another state"),
    ],
)
def test_what_cannot_change_is_refused_with_a_reason(spec, tmp_path, override, said):
    folder = at_step(spec, tmp_path / "run", 5)
    with pytest.raises(RunError, match="cannot go on with other settings") as caught:
        Trainer.resume(folder, (override,))
    assert said in str(caught.value)
    Trainer.resume(folder).run.close()  # the lock is free again


def test_what_may_change_is_listed_and_written_down(spec, tmp_path):
    folder = at_step(spec, tmp_path / "run", 5)
    trainer = Trainer.resume(folder, ("train.epochs=3", "optimizer.adam.lr.plateau.patience=2"))
    assert sorted(n.text for n in trainer.notes if n.topic == "setting") == [
        "changed optimizer.adam.lr.plateau.patience: 1 -> 2",
        "changed train.epochs: 2 -> 3",
    ]
    done = finish(trainer)
    assert (done.epochs, Run(folder).spec.train.epochs) == (3, 3)
    assert "changed train.epochs: 2 -> 3" in (folder / "log.txt").read_text()


def test_a_lower_limit_ends_with_the_figures_of_its_weights(spec, tmp_path):
    folder = at_step(spec, tmp_path / "run", 7, "train.checkpoint_every=5 steps", "train.eval_every=100 steps")
    done = finish(Trainer.resume(folder, ("train.max_steps=2",)))
    assert done.steps == 5
    assert done.test_loss == pytest.approx(opened(folder, "last").evaluate().mean_loss, rel=1e-6)


def test_a_batch_size_may_change_between_two_epochs(spec, tmp_path):
    folder = tmp_path / "run"
    finish(Trainer(read_spec(spec), folder))
    done = finish(Trainer.resume(folder, ("train.epochs=3", "train.batch_size=60")))
    assert done.steps == 16 + 2


def test_a_changed_file_needs_set(spec, tmp_path):
    folder = at_step(spec, tmp_path / "run", 5)
    spec.write_text(SPEC.replace("epochs: 2", "epochs: 7"))
    with pytest.raises(RunError, match=r"train\.epochs: 2 -> 7") as caught:
        trainer_for(read_spec(spec), None, (), str(folder))
    assert "--set" in str(caught.value)
    trainer = trainer_for(read_spec(spec, ("train.epochs=7",)), None, ("train.epochs=7",), str(folder))
    assert trainer.spec.train.epochs == 7
    trainer.run.close()


def test_changes_name_the_setting():
    specs = [read_spec(ROOT / "models" / "iris.yaml", (text,)) for text in ("seed=0", "model[0].dense.units=8")]
    assert list(map(str, changes(*specs))) == ["model[0].dense.units: 16 -> 8"]


def test_other_data_is_noticed(spec, tmp_path):
    table = tmp_path / "t.csv"
    rows = [f"{i},{i % 7},{'ab'[i % 2]}" for i in range(60)]
    table.write_text("\n".join(["p,q,c", *rows]) + "\n")
    spec.write_text(SPEC.replace("{name: iris, validation: 0.05}", "{name: table, file: t.csv, target: c}"))
    folder = at_step(spec, tmp_path / "run", 1)
    table.write_text("\n".join(["p,q,c", *rows[:-1], "59,6,b"]) + "\n")
    with pytest.raises(RunError, match="the data is not what it was"):
        Trainer.resume(folder)


@pytest.mark.parametrize("package", [p for p in PACKAGES if p != "agcli" and find_spec(p)])
def test_versions_are_those_of_the_packages(package):
    assert installed()[package] == version(package)


def test_another_machine_is_said(spec, tmp_path):
    folder = at_step(spec, tmp_path / "run", 5)
    path = folder / "environment.json"
    known = json.loads(path.read_text())
    path.write_text(json.dumps(known | {"kernels": "others", "packages": {"numpy": "0.1"}}))
    trainer = Trainer.resume(folder)
    said = [n.text for n in trainer.notes if n.topic == "environment"]
    assert [text.partition(": ")[2].partition(":")[0] for text in said] == ["packages", "kernels"]
    trainer.run.close()


def test_other_random_numbers_are_said_where_a_training_draws_any(spec, tmp_path, monkeypatch):
    """Runs of 0.3 and earlier say nothing of how they drew normal numbers; dropout draws none."""

    def noisy(self, x, scope):
        return ag.normal(x, 0.1) if scope.training else x

    def notes(folder, told):
        path = folder / "environment.json"
        known = json.loads(path.read_text())
        assert known.pop("sampler") == "quantiles"
        path.write_text(json.dumps(known if told else known | {"sampler": "quantiles"}))
        trainer = Trainer.resume(folder)
        trainer.run.close()
        return [n.text.partition(": ")[2] for n in trainer.notes if n.topic == "environment"]

    message = "normal and exponential numbers are drawn in another way since this run began"
    assert notes(at_step(spec, tmp_path / "dropout", 5), True) == []
    begun = at_step(spec, tmp_path / "begun", 5)
    for path in (begun / "last", begun / "best", *(begun / "checkpoints").iterdir()):
        path.unlink(missing_ok=True)
    assert notes(begun, True) == [message]
    monkeypatch.setattr(Dropout, "build", noisy)
    for told, expected in ((False, []), (True, [message])):
        assert notes(at_step(spec, tmp_path / f"noise-{told}", 5), told) == expected


def test_one_process_at_a_time(spec, tmp_path):
    folder = tmp_path / "run"
    first = iter(Trainer(read_spec(spec), folder))
    next(first)
    for attempt in (lambda: Trainer.resume(folder), lambda: Trainer(read_spec(spec), folder).opening().__next__()):
        with pytest.raises(RunError, match=r"another process|not an empty folder"):
            attempt()
    first.close()
    finish(Trainer.resume(folder))


def test_a_folder_that_vanishes(spec, tmp_path):
    folder = tmp_path / "run"
    events = iter(Trainer(read_spec(spec), folder))
    next(events)
    shutil.rmtree(folder)
    with pytest.raises(RunError, match="the folder is gone") as caught:
        list(events)
    assert caught.value.exit_code == 1


METRICS = """
data: {name: iris, validation: 0.1}
model: [{dense: 3}]
loss: softmax_cross_entropy
metrics: {m: {formula: "mean(argmax(output, -1) == y)", better: high}}
optimizer: {adam: 0.1}
train: {epochs: 4, batch_size: 16%s}
"""
WRONG = 'm: {formula: "mean(argmax(output, -1) != y)", better: low}'
OTHER = f'metrics={{{WRONG}, accuracy: {{formula: "mean(argmax(output, -1) == y)"}}}}'


@pytest.mark.parametrize("epochs", [4, 6])
@pytest.mark.parametrize("watch", ["loss", "m"])
def test_figures_of_other_metrics_are_measured_anew(tmp_path, watch, epochs):
    """A metric of the same name may mean something else: neither its old figure nor a best by it is kept."""
    folder = tmp_path / "run"
    finish(Trainer(parse_spec(METRICS % f", watch: {watch}"), folder))
    trainer = Trainer.resume(folder, (OTHER, f"train.epochs={epochs}"))
    assert any("is another figure than before" in n.text for n in trainer.notes) == (watch == "m")
    done = finish(trainer)
    for found in (done.validation_metrics, done.metrics):
        assert list(found) == ["m", "accuracy"]
        assert found["m"] == pytest.approx(1 - found["accuracy"], abs=1e-6)
    assert done.best["value"] == {"loss": done.validation_loss, **done.validation_metrics}[watch]
    again = finish(Trainer.resume(folder))
    assert (again.metrics, again.validation_metrics) == (done.metrics, done.validation_metrics)


def test_another_figure_that_is_watched_begins_with_the_weights_of_now(tmp_path):
    """Also where no step comes any more: it has a value there, and those weights are the best by it so far."""
    folder = tmp_path / "run"
    finish(Trainer(parse_spec(METRICS % ""), folder))
    done = finish(Trainer.resume(folder, ("train.watch=m",)))
    assert done.best == {"watch": "m", "value": done.validation_metrics["m"], "epoch": 4, "step": done.steps}
