"""Every file belongs to one run: those of another are refused, and what has changed since a checkpoint is listed."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT

import agcli
from agcli.comparison import listed
from agcli.runs import Run, RunError
from agcli.runs.checkpoints import name_of, read, write
from agcli.runs.files import Folder
from agcli.runs.identity import ForeignError, is_id
from agcli.spec import read_spec
from agcli.training import Trainer
from agcli.training.evaluate import opened
from agcli.training.failure import TrainingError, replay
from agcli.training.folds import CrossValidation

IRIS = {
    "name": "flowers",
    "data": {"name": "iris", "validation": 0.2},
    "model": [{"dense": {"units": 4, "activation": "tanh"}}, {"dense": 3}],
    "loss": "softmax_cross_entropy",
    "optimizer": {"adam": 0.01},
    "train": {"epochs": 3, "checkpoint_every": "2 steps"},
}
LINE = {
    "data": {"name": "sine", "samples": 50},
    "variables": {"a": 0.5, "b": 1.5},
    "let": {"line": "a*sin(b*x[:, 0])"},
    "loss": "mean(square(y - line))",
    "optimizer": "lbfgs",
    "train": {"epochs": 3, "batch_size": 100},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Runs of one spec, of the same with another rate, and with another seed."""
    folder = tmp_path_factory.mktemp("made")
    agcli.train(IRIS, folder / "a")
    agcli.train(IRIS, folder / "same")
    agcli.train({**IRIS, "optimizer": {"adam": 0.02}}, folder / "rate")
    agcli.train({**IRIS, "seed": 5}, folder / "seed")
    agcli.train(LINE, folder / "line")
    agcli.train(LINE, folder / "other line")
    return folder


@pytest.fixture
def runs(place, tmp_path):
    return shutil.copytree(place, tmp_path / "runs")


def edited(run, old, new):
    """Put other words into a run's spec.yaml."""
    text = (run / "spec.yaml").read_text()
    assert old in text
    (run / "spec.yaml").write_text(text.replace(old, new))


def unfinished(folder, spec=IRIS, steps=5):
    """A run that was left in the middle of an epoch."""
    for event in (events := iter(agcli.Trainer(spec, folder))):
        if getattr(event, "step", 0) >= steps:
            events.close()
    return folder


def settings(trainer):
    return [note.text for note in trainer.notes if note.topic == "setting"]


def newest(run):
    found, passed_over = Run(run).newest()
    assert not passed_over
    return found


def untouched(run):
    return {str(path): path.read_bytes() for path in sorted(run.rglob("*")) if path.is_file() and path.name != "lock"}


def without_provenance(run, name):
    """Write a checkpoint as 0.3 did."""
    found = read(Folder(run), name)
    progress = {k: v for k, v in found.progress.items() if k != "standstill"}
    progress["best"] = {k: v for k, v in progress["best"].items() if k != "void"}
    from agcli.engine.variables import packed_arrays
    from agcli.runs.checkpoints import digest

    about = {"format": "2", "progress": json.dumps(progress, sort_keys=True), "sha256": digest(found.arrays, progress)}
    (run / name).write_bytes(packed_arrays(found.arrays, about))


# The id


def test_a_run_has_one_id_that_all_it_writes_carries(place):
    run = Run(place / "a")
    assert is_id(run.id)
    assert run.id.startswith("flowers-")
    steps = [read(run.files, f"checkpoints/{path.name}").provenance.run_id for path in run.checkpoints()]
    assert {run.id} == {*steps, run.result["run_id"], run.environment["run_id"]}
    assert run.id in (place / "a" / "log.txt").read_text()
    assert {row.folder.name: row.run_id for row in listed(place)}["a"] == run.id
    assert len({row.run_id for row in listed(place)}) == 6
    assert Run(place / "line").read("fit.json", "a fit")["run_id"] == Run(place / "line").id


def test_the_id_stays_and_the_events_name_it(runs, ag):
    known = Run(runs / "a").id
    lines = ag("train", "--resume", runs / "a", "--set", "train.epochs=4", "--json", check=0).stdout.splitlines()
    start, *_, done = map(json.loads, lines)
    assert {start["run_id"], done["run_id"], Run(runs / "a").id, newest(runs / "a").provenance.run_id} == {known}


def test_two_runs_of_one_spec_come_to_the_same_state(place):
    a, same = newest(place / "a"), newest(place / "same")
    assert a.hash == same.hash
    assert a.provenance.run_id != same.provenance.run_id
    assert a.provenance.spec == (place / "a" / "spec.yaml").read_text()


def test_a_run_that_was_moved_or_copied_is_itself(runs):
    shutil.copytree(runs / "a", runs / "copy")
    (runs / "a").rename(runs / "moved")
    for name in ("copy", "moved"):
        opened(runs / name)
        assert list(Trainer.resume(runs / name, ("train.epochs=4",)))[-1].epochs == 4


# Files of another run


@pytest.mark.parametrize("other", ["same", "rate", "seed"])
def test_a_checkpoint_of_another_run_is_refused(runs, other, ag, tmp_path):
    run, theirs = Run(runs / "a"), Run(runs / other)
    path = run.checkpoints()[-1]
    shutil.copy(theirs.path(newest(theirs.folder).step), path)
    before = untouched(run.folder)
    said = (
        f"{path}: belongs to another run, {theirs.id} ({theirs.folder}), not to this one, {run.id}; "
        "put back this run's own file, or remove this one"
    )
    table = tmp_path / "t.csv"
    table.write_text("sepal_length,sepal_width,petal_length,petal_width\n5,3,1,0.2\n")
    for command in (
        ("train", "--resume", run.folder),
        ("train", "--resume", run.folder, "--set", "train.epochs=9"),
        ("eval", run.folder),
        ("eval", run.folder, "--weights", "last"),
        ("predict", run.folder, table),
        ("report", run.folder),
    ):
        assert ag(*command, check=2).stderr.strip().splitlines()[-1] == f"error: {said}", command
    assert untouched(run.folder) == before


def test_a_checkpoint_of_a_run_that_is_not_near_is_refused_by_its_id(runs):
    theirs, path = Run(runs / "same"), Run(runs / "a").checkpoints()[-1]
    shutil.copy(theirs.checkpoints()[-1], path)
    known = theirs.id
    shutil.rmtree(theirs.folder)
    with pytest.raises(ForeignError, match=rf"another run, {known}, not to this one"):
        Trainer.resume(runs / "a")


def test_without_the_foreign_file_the_run_goes_on(runs):
    expected = newest(runs / "a").hash
    path = Run(runs / "a").checkpoints()[-1]
    shutil.copy(Run(runs / "rate").checkpoints()[-1], path)
    path.unlink()
    list(Trainer.resume(runs / "a"))
    assert newest(runs / "a").hash == expected


def test_best_weights_of_another_run_are_refused_before_the_training_goes_on(runs):
    run = Run(runs / "a")
    first = read(run.files, f"checkpoints/{run.checkpoints()[0].name}")
    best = {**first.progress["best"], "found": {**newest(run.folder).progress["best"]["found"], "step": first.step}}
    last = newest(run.folder)
    write(run.files, name_of(last.step), last.arrays, {**last.progress, "best": best}, last.provenance)
    theirs = replace(first.provenance, run_id=Run(runs / "same").id)
    write(run.files, name_of(first.step), first.arrays, first.progress, theirs)
    run.set_links(last.step, first.step)
    before = untouched(run.folder)
    for use in (lambda: Trainer.resume(run.folder), lambda: opened(run.folder)):
        with pytest.raises(ForeignError, match=f"{name_of(first.step)}: belongs to another run"):
            use()
    assert untouched(run.folder) == before
    run.path(first.step).write_bytes(b"cut")
    trainer = Trainer.resume(run.folder)
    (note,) = [note.text for note in trainer.notes if note.topic == "best"]
    assert note.startswith(f"the best checkpoint, of step {first.step}, cannot be used ({run.path(first.step)}: ")
    assert list(trainer)[-1].run_id == run.id


@pytest.mark.parametrize("name", ["result.json", "fit.json"])
def test_results_of_another_run_are_refused(runs, name, ag):
    shutil.copy(runs / "other line" / name, runs / "line" / name)
    said = f"{runs / 'line' / name}: belongs to another run, {Run(runs / 'other line').id}"
    assert said in ag("report", runs / "line", check=2).stderr
    if name == "result.json":
        assert said in ag("train", "--resume", runs / "line", check=2).stderr
        assert {row.folder.name: row.state for row in listed(runs)}["line"] == "damaged"


def test_a_checkpoint_of_the_same_run_on_other_samples_is_refused(tmp_path):
    x = np.random.default_rng(0).standard_normal((60, 4)).astype(np.float32)
    samples = (x, np.arange(60) % 3)
    spec = {k: v for k, v in IRIS.items() if k != "data"}
    run = agcli.train(spec, tmp_path / "run", data=samples).folder
    last = newest(run)
    others = replace(last.provenance, samples={**last.provenance.samples, "train": "0" * 64})
    write(Folder(run), name_of(last.step), last.arrays, last.progress, others)
    with pytest.raises(RunError, match=r"was trained on other data than the run's: train differ"):
        agcli.Trainer.resume(run, data=samples)


def test_every_fold_is_a_run_of_its_own(tmp_path):
    list(CrossValidation(read_spec(ROOT / "models/iris.yaml", ("train.epochs=1",)), 2, tmp_path / "cv"))
    first, second = (Run(tmp_path / "cv" / f"fold-{n}") for n in (1, 2))
    assert first.id != second.id
    shutil.copy(first.checkpoints()[-1], second.checkpoints()[-1])
    with pytest.raises(ForeignError, match=re.escape(f"another run, {first.id} ({first.folder})")):
        opened(second.folder)


def test_the_state_of_another_run_is_not_replayed(tmp_path):
    spec, bundles = {**IRIS, "model": [{"dense": 4}, {"dense": 3}], "optimizer": {"sgd": 1e30}}, []
    for name in ("a", "b"):
        with pytest.raises(TrainingError) as caught:
            agcli.train(spec, tmp_path / name)
        bundles.append(caught.value.bundle)
    mine, other = bundles
    assert replay(mine).same
    shutil.copy(other / "state.safetensors", mine / "state.safetensors")
    with pytest.raises(ForeignError, match=f"belongs to another run, {Run(tmp_path / 'b').id}, than failure.json"):
        replay(mine)


# Older runs


def test_a_checkpoint_of_an_older_version_is_taken_with_a_note(runs):
    run = Run(runs / "a")
    step = newest(run.folder).step
    without_provenance(run.folder, name_of(step))
    trainer = Trainer.resume(run.folder, ("train.epochs=4",))
    said = f"step {step} was written by an older version: whether it is of this run is not known"
    assert said in [note.text for note in trainer.notes]
    assert settings(trainer) == ["changed train.epochs: 3 -> 4"]
    list(trainer)
    assert newest(run.folder).provenance.run_id == run.id


def test_an_older_run_gets_an_id_when_it_is_trained_on_and_takes_none_of_others(runs):
    run, theirs = Run(runs / "a"), Run(runs / "same")
    for path in run.checkpoints():
        without_provenance(run.folder, f"checkpoints/{path.name}")
    for name in ("environment.json", "result.json"):
        content = json.loads((run.folder / name).read_text())
        content.pop("run_id")
        (run.folder / name).write_text(json.dumps({**content, "format": 2}))
    assert run.id == ""
    assert opened(run.folder).step == theirs.result["weights"]["step"]
    path = run.checkpoints()[-1]
    own = path.read_bytes()
    shutil.copy(theirs.checkpoints()[-1], path)
    with pytest.raises(ForeignError, match="not to this one, which has no id, being of an older version"):
        Trainer.resume(run.folder)
    path.write_bytes(own)
    expected = theirs.result["test_loss"]
    assert list(Trainer.resume(run.folder))[-1].test_loss == expected
    assert run.id not in ("", theirs.id)
    assert {newest(run.folder).provenance.run_id, run.result["run_id"]} == {run.id}


def test_a_run_whose_id_was_lost_before_its_first_checkpoint_gets_another(runs):
    run = Run(runs / "a")
    for path in run.checkpoints():
        path.unlink()
    run.remove("result.json", "best", "last")
    about = run.environment
    known = about.pop("run_id")
    run.write("environment.json", about)
    assert list(Trainer.resume(run.folder))[-1].epochs == 3
    assert is_id(run.id)
    assert run.id != known
    assert opened(run.folder, "last").step == newest(run.folder).step


# What has changed since a checkpoint


def test_a_rate_that_was_edited_by_hand_is_told_once_with_what_is_asked_for(runs, ag):
    edited(runs / "a", "lr: 0.01", "lr: 0.1")
    step = newest(runs / "a").step
    options = "--resume", runs / "a", "--set", "train.epochs=5"
    told = ag("train", *options, check=0).stderr
    lines = [line for line in told.splitlines() if line.startswith("note: changed")]
    by_hand = f"changed optimizer.adam.lr: 0.01 -> 0.1 (in spec.yaml, since step {step})"
    assert lines == [f"note: {by_hand}", "note: changed train.epochs: 3 -> 5"]
    assert "the learning rate of the next step is 0.1; as the run was set up, it would have been 0.01" in told
    assert (runs / "a" / "log.txt").read_text().count(by_hand) == 1
    assert "note: changed" not in ag("train", *options, check=0).stderr, "the next checkpoint was trained with it"


def test_a_change_that_no_checkpoint_has_is_told_again(runs, tmp_path):
    run = unfinished(tmp_path / "run")
    trainer = Trainer.resume(run, ("optimizer.adam.lr=0.1",))
    assert settings(trainer) == ["changed optimizer.adam.lr: 0.01 -> 0.1"]
    trainer.run.close()  # killed before its first step
    trainer = Trainer.resume(run)
    since = newest(run).step
    assert settings(trainer) == [f"changed optimizer.adam.lr: 0.01 -> 0.1 (in spec.yaml, since step {since})"]
    list(trainer)
    trainer = Trainer.resume(run)
    assert settings(trainer) == []
    trainer.run.close()


def test_a_change_without_a_step_is_told_once(runs):
    for epochs, expected in ((2, ["changed train.epochs: 3 -> 2"]), (2, [])):
        trainer = Trainer.resume(runs / "a", (f"train.epochs={epochs}",))
        assert settings(trainer) == expected
        list(trainer)


def test_what_was_edited_by_hand_can_be_asked_back(runs):
    edited(runs / "a", "lr: 0.01", "lr: 0.1")
    trainer = Trainer.resume(runs / "a", ("optimizer.adam.lr=0.01", "train.epochs=4"))
    assert settings(trainer) == ["changed train.epochs: 3 -> 4"]
    trainer.run.close()
    assert Run(runs / "a").spec.optimizer.fields.lr == 0.01


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("batch_size: 32", "batch_size: 8", "train.batch_size: 32 -> 8: the place within the epoch is counted in"),
        ("shuffle: true", "shuffle: false", "train.shuffle: True -> False: the place within the epoch"),
        ("adam:", "nadam:", "another optimizer has another state"),
    ],
)
def test_what_may_not_change_here_is_refused_if_it_was_edited_by_hand_too(tmp_path, old, new, said):
    run = unfinished(tmp_path / "run", {**IRIS, "train": {**IRIS["train"], "checkpoint_every": 1}})
    assert newest(run).progress["batch"]
    edited(run, old, new)
    with pytest.raises(RunError, match="cannot go on with other settings") as caught:
        Trainer.resume(run)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("a*sin(b*x[:, 0])", "a*cos(b*x[:, 0])", "let.line: a*sin(b*x[:, 0]) -> a*cos(b*x[:, 0]): the parameters"),
        ("0.5", "0.75", "variables.a"),
    ],
)
def test_the_formulas_of_a_model_stay_as_they_are(runs, old, new, said, ag):
    edited(runs / "line", old, new)
    for command in (("train", "--resume"), ("eval",)):
        told = ag(*command, runs / "line", check=2).stderr
        assert "belongs to a training with other settings than spec.yaml has" in told
        assert said in told


def test_a_file_of_samples_that_has_moved_is_told(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("p,q,c\n" + "".join(f"{i},{i % 7},{'ab'[i % 2]}\n" for i in range(60)))
    spec = {**IRIS, "data": {"name": "table", "file": str(table), "target": "c"}, "model": [{"dense": 2}]}
    run = agcli.train(spec, tmp_path / "run").folder
    table.rename(tmp_path / "moved.csv")
    edited(run, "t.csv", "moved.csv")
    opened(run)
    (said,) = settings(trainer := Trainer.resume(run, ("train.epochs=4",)))[:1]
    assert re.match(r"changed data\.(table\.)?file: .*t\.csv -> .*moved\.csv", said)
    list(trainer)
    assert opened(run).epoch == 4
