"""Training, validation, test: what looks at which, whose weights are used, and how often the test data is looked at."""

import json
import re

import numpy as np
import pytest
from samples import rows

import agcli as ag_module
from agcli.data.section import folds, load_data
from agcli.runs import Run, RunError
from agcli.runs.checkpoints import steps
from agcli.spec import SpecError, parse_spec, read_spec
from agcli.training import Trainer
from agcli.training import evaluate as measuring
from agcli.training.evaluate import opened

SPEC = """
data: {name: iris, validation: 0.3}
model: [{dense: {units: 8, activation: tanh}}, {dense: 3}]
loss: softmax_cross_entropy
metrics: [accuracy, f1]
optimizer: {adam: 0.5}
train: {epochs: 12, batch_size: 16}
"""  # a rate at which the last weights are not the best


@pytest.fixture
def trained(tmp_path):
    """A run of iris whose last weights are not its best, and its last event."""
    *_, done = Trainer(parse_spec(SPEC), tmp_path / "run")
    assert done.weights["which"] == "best"
    assert done.weights["step"] < done.steps
    return tmp_path / "run", done


def looks(folder):
    return json.loads((folder / "result.json").read_text())["test_looks"]


# What looks at what


def test_training_looks_at_the_test_data_once_and_at_its_end(tmp_path, monkeypatch):
    seen, measured = [], measuring.measured

    def noted(model, evaluator, split, *rest):
        seen.append(split)
        return measured(model, evaluator, split, *rest)

    monkeypatch.setattr("agcli.training.session.measured", noted)
    trainer = Trainer(parse_spec(SPEC), tmp_path / "run")
    done = trainer.finish()
    assert [split is trainer.data.test for split in seen] == [False] * 12 + [True]
    assert all(split is trainer.data.validation for split in seen[:-1])
    best = opened(tmp_path / "run", "best")
    assert done.test_loss == pytest.approx(best.evaluate(trainer.data.test).mean_loss, rel=1e-9)
    assert done.test_looks == looks(tmp_path / "run") == 1


def test_no_figure_of_the_training_depends_on_the_test_data(tmp_path):
    """Other test samples: the same losses, checkpoints and choices to the last bit."""
    from dataclasses import replace

    spec = parse_spec(
        SPEC.replace("adam: 0.5", "adam: {lr: {plateau: {lr: 0.5, patience: 0}}}"), "s", ("train.patience=3",)
    )
    data, lines, hashes = load_data(spec), [], []
    for name, test in (("a", data.test), ("b", data.test.select(np.arange(7)))):
        Trainer(spec, tmp_path / name, data=replace(data, splits={**data.splits, "test": test})).finish()
        run = Run(tmp_path / name)
        timings = ("seconds", "elapsed", "samples_per_second")
        lines.append([{k: v for k, v in record.items() if k not in timings} for record in run.metrics])
        hashes.append([run.chosen(which).hash for which in ("best", "last")])
    assert lines[0] == lines[1]
    assert hashes[0] == hashes[1]


def test_a_dry_run_does_not_look(monkeypatch):
    from agcli.training.dry_run import dry_run

    monkeypatch.setattr("agcli.runs.looks.look", lambda run: pytest.fail("looked at the test data"))
    assert np.isfinite(dry_run(parse_spec(SPEC)).validation_loss)


# Looks are counted


@pytest.mark.parametrize(
    ("arguments", "count", "said"),
    [
        (("eval",), 2, "note: looked at the test data 2 times"),
        (("report",), 2, ""),
        (("eval", "--split", "validation"), 1, "note: the validation data chose the weights"),
        (("eval", "--split", "train"), 1, ""),
    ],
)
def test_a_command_counts_its_look(ag, trained, arguments, count, said):
    folder, _ = trained
    out = ag(arguments[0], folder, *arguments[1:], check=0).stdout
    assert looks(folder) == count
    assert said in out
    assert ("looked at the test data" in out) == ("looked" in said)
    if arguments == ("report",):
        assert "Looked at the test data 2 times" in (folder / "report.html").read_text()


def test_json_and_python_count_too(ag, trained):
    folder, _ = trained
    assert json.loads(ag("eval", folder, "--json", check=0).stdout)["test_looks"] == 2
    run = ag_module.load(folder)
    assert run.evaluate().test_looks == run.result["test_looks"] == 3
    assert run.evaluate("validation").test_looks == 0
    assert looks(folder) == 3


def test_a_training_that_goes_on_looks_again_if_its_weights_are_others(ag, trained):
    folder, done = trained
    again = Trainer.resume(folder).finish()
    assert (again.test_looks, again.test_loss, again.metrics) == (1, done.test_loss, done.metrics)
    more = ag(
        "train", "--resume", folder, "--set", "train.epochs=13", "--set", "metrics=[accuracy]", "--quiet", check=0
    )
    assert looks(folder) == 2
    assert "note: looked at the test data 2 times" in more.stdout


def test_looks_before_the_end_are_kept(tmp_path):
    folder = tmp_path / "run"
    for event in (trainer := Trainer(parse_spec(SPEC), folder)):
        if type(event).__name__ == "EpochDone" and event.epoch == 3:
            trainer.stop()
    assert not (folder / "result.json").exists()
    assert ag_module.load(folder).evaluate().test_looks == 1
    assert json.loads((folder / "looks.json").read_text()) == {"test_looks": 1}
    assert Trainer.resume(folder).finish().test_looks == 2
    assert not (folder / "looks.json").exists()


def test_a_look_that_cannot_be_counted_is_said(ag, trained):
    folder, _ = trained
    folder.chmod(0o555)
    try:
        out = ag("eval", folder, check=0, anyone=True).stdout
    finally:
        folder.chmod(0o755)
    assert "this look at the test data could not be counted" in out


# Whose weights


def test_everything_takes_the_best_weights(ag, trained, tmp_path):
    folder, done = trained
    best, last = (Run(folder).chosen(which) for which in ("best", "last"))
    assert best.step == done.weights["step"] < last.step == done.steps
    found = {which: json.loads(ag("eval", folder, "--json", *options, check=0).stdout) for which, options in {
        "": (), "best": ("--weights", "best"), "last": ("--weights", "last"), "step": ("--weights", best.step),
    }.items()}  # fmt: skip
    assert [found[which]["step"] for which in found] == [best.step, best.step, last.step, best.step]
    assert [found[which]["weights"] for which in found] == ["best", "best", "last", "best"]
    assert found[""]["loss"] == pytest.approx(done.test_loss, rel=1e-6)
    (tmp_path / "new.csv").write_text("sepal_length,sepal_width,petal_length,petal_width\n6.2,2.9,4.6,1.4\n")
    said = [ag("predict", folder, tmp_path / "new.csv", *o, check=0).stdout for o in ((), ("--weights", "last"))]
    runs = [ag_module.load(folder), ag_module.load(folder, weights="last")]
    for text, run in zip(said, runs, strict=True):
        shown = [float(cell) for cell in text.splitlines()[1].split(",")[2:]]
        assert run.predict([[6.2, 2.9, 4.6, 1.4]], probabilities=True)[0] == pytest.approx(shown, abs=1e-5)
    assert said[0] != said[1]
    assert runs[1].evaluate("validation").step == last.step
    assert f"the best weights, of step {best.step}" in ag("eval", folder, "--split", "train", check=0).stdout


@pytest.mark.parametrize("command", [("eval",), ("predict", "x.csv"), ("report",)])
def test_the_old_option_is_unknown_and_the_new_one_named(ag, trained, command):
    name, *rest = command
    told = ag(name, trained[0], *rest, "--checkpoint", "last", check=2).stderr
    assert "No such option" in told
    assert "--weights" in told


def test_weights_that_are_not_there_are_refused(trained, tmp_path):
    folder, done = trained
    with pytest.raises(RunError, match="expected best, last or one of the steps"):
        ag_module.load(folder).evaluate(weights="7")
    Run(folder).path(done.weights["step"]).unlink()
    with pytest.raises(RunError, match="the best weights are gone; --weights last takes the last ones"):
        ag_module.load(folder).evaluate()
    for step in steps(Run(folder).files):
        Run(folder).path(step).unlink()
    with pytest.raises(RunError, match=r"its checkpoints are gone: it had step-\d+.safetensors$"):
        ag_module.load(folder).evaluate()
    Trainer(parse_spec(SPEC, "s", ("data.validation=0", "train.epochs=1")), tmp_path / "none").finish()
    with pytest.raises(RunError, match="has no best weights, as nothing was judged by validation data"):
        ag_module.load(tmp_path / "none", weights="best").evaluate()


# Without validation data

HEAD = "model: [{dense: 2}]\nloss: softmax_cross_entropy\n"
KINDS = {
    "{name: iris, validation: 0}": "write `data: {name: iris, validation: 0.15}`",
    "{name: moons, validation: 0}": "write `data: {name: moons, validation: 0.15}`",
    "{file: t.csv, target: kind, split: {group: {column: who, validation: 0}}}": (
        "write `split: {group: {validation: 0.15, column: who}}` in `data`"
    ),
    "{file: t.csv, target: kind, split: {stratified: {validation: 0}}}": (
        "write `split: {stratified: {validation: 0.15}}` in `data`"
    ),
    "{file: t.txt, length: 8, validation: 0}": "write `validation: 0.15` in `data`",
}
WANTING = {
    "train: {patience: 3}": "patience",
    "metrics: [accuracy]\ntrain: {watch: accuracy}": "watch",
    "optimizer: {sgd: {lr: {plateau: 0.1}}}": "plateau",
}


@pytest.mark.parametrize("data", KINDS)
@pytest.mark.parametrize("setting", WANTING)
def test_what_needs_validation_data_is_refused_at_its_line(tmp_path, data, setting):
    (tmp_path / "t.csv").write_text(rows())
    (tmp_path / "t.txt").write_text("to be or not to be " * 30)
    layers = "model: [{embedding: {size: 9, width: 2}}, {dense: 9}]" if ".txt" in data else "model: [{dense: 3}]"
    path = tmp_path / "s.yaml"
    path.write_text(f"data: {data}\n{layers}\nloss: softmax_cross_entropy\n{setting}\n")
    with pytest.raises(SpecError) as caught:
        Trainer(read_spec(path))
    told = str(caught.value)
    line = 4 + (WANTING[setting] == "watch")
    assert f"s.yaml:{line}:" in told
    assert f"`{WANTING[setting]}` looks at validation data, and there is none; {KINDS[data]}" in told


@pytest.mark.parametrize("quiet", [(), ("--quiet",)])
def test_the_last_weights_are_used_and_that_is_said(ag, tmp_path, quiet):
    (tmp_path / "s.yaml").write_text(SPEC)
    out = ag("train", tmp_path / "s.yaml", "--out", tmp_path / "run", "--set", "data.validation=0", *quiet, check=0)
    assert "weights: the last; there is no validation data" in out.stdout
    assert "validation data   test data" not in out.stdout
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert (result["validation_loss"], result["weights"]["which"], result["test_looks"]) == (None, "last", 1)
    assert not (tmp_path / "run" / "best").exists()


@pytest.mark.parametrize(("share", "said"), [(0.15, ["18 validation samples: figures are rough"]), (0.25, [])])
def test_few_validation_samples_are_told(share, said):
    trainer = Trainer(parse_spec(SPEC, "s", (f"data.validation={share}",)))
    notes = [note.text for note in trainer.notes if note.topic == "validation"]
    assert len(notes) == len(said)
    assert all(text in note for text, note in zip(said, notes, strict=True))


# Where the data comes from


@pytest.mark.parametrize(
    ("data", "sizes"),
    [
        ("mnist", (51_000, 9_000, 10_000)),
        ("{name: mnist, validation: 0}", (60_000, 0, 10_000)),
        ("digits", (1_221, 216, 360)),
        ("{name: iris, validation: 0.5}", (60, 60, 30)),
        ("{name: blobs, samples: 100}", (68, 12, 20)),
        ("{name: sine, samples: 1000000}", (790_000, 10_000, 200_000)),
        ("{name: iris, fold: {of: 5, number: 2}}", (102, 18, 30)),
    ],
)
def test_named_sets_take_validation_from_their_training_part(data, sizes, request):
    if "mnist" in data:
        request.getfixturevalue("real_data")
    spec = parse_spec(f"data: {data}\n{HEAD}")
    found = load_data(spec)
    assert tuple(len(found.splits.get(name, ())) for name in ("train", "validation", "test")) == sizes
    if found.has_validation and found.classes:
        shares = np.bincount(found.validation.y) / len(found.validation)
        assert shares == pytest.approx(np.bincount(found.train.y) / len(found.train), abs=0.02)
    if "iris" in data:
        assert np.allclose(found.train.x.mean(axis=0), 0, atol=1e-5)
        assert np.abs(found.validation.x.mean(axis=0)).max() > 1e-3


def test_a_named_set_keeps_its_test_part(tmp_path):
    from agcli import datasets

    whole, spec = datasets.load("digits"), parse_spec(f"data: digits\n{HEAD}")
    parted = load_data(spec)
    assert np.array_equal(parted.test.x, whole.test.x)
    both = np.concatenate([parted.train.columns["x"].stored, parted.validation.columns["x"].stored])
    assert sorted(map(bytes, both)) == sorted(map(bytes, whole.train.columns["x"].stored))


def test_arrays_say_their_parts_or_have_files(tmp_path):
    x, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    named = {f"{name}_{part}": a[rows] for part, rows in (("train", slice(0, 12)), ("val", slice(12, 15)),
             ("test", slice(15, 20))) for name, a in (("x", x), ("y", y))}  # fmt: skip
    np.savez(tmp_path / "s.npz", **named)
    for part, places in (("t", slice(0, 12)), ("v", slice(12, 15)), ("e", slice(15, 20))):
        np.save(tmp_path / f"x{part}.npy", x[places])
        np.save(tmp_path / f"y{part}.npy", y[places])
    files = "file: xt.npy, target_file: yt.npy, validation_file: xv.npy, validation_target_file: yv.npy, "
    files += "test_file: xe.npy, test_target_file: ye.npy"
    for data in (f"{{file: {tmp_path}/s.npz}}", "{" + re.sub(r"\b(\w+\.npy)", rf"{tmp_path}/\1", files) + "}"):
        spec = parse_spec(f"data: {data}\n{HEAD}", "s", ("train.epochs=1",))
        found = load_data(spec)
        assert {name: len(split) for name, split in found.splits.items()} == {"train": 12, "validation": 3, "test": 5}
        assert np.allclose(found.train.x.mean(axis=0), 0, atol=1e-6)
        folder = tmp_path / f"run-{len(data)}"
        done = Trainer(spec, folder).finish()
        assert ag_module.load(folder).evaluate().loss == pytest.approx(done.test_loss, rel=1e-6)
        again = load_data(read_spec(folder / "spec.yaml"))
        assert all(np.array_equal(again[name].x, found[name].x) for name in found.splits)


@pytest.mark.parametrize(
    "more",
    ["", ", stream: true", ", split: {group: who}", ", split: {time: a}", ", split: tail",
     ", split: {shuffled: {validation: 0.3, test: 0}}", ", split: {fold: {of: 4, group: who}}",
     ", stream: true, split: {group: who}", ", validation_file: v.csv", ", validation_file: v.csv, test_file: v.csv"],
)  # fmt: skip
def test_a_run_is_judged_by_the_parts_that_it_was_trained_by(tmp_path, more):
    (tmp_path / "t.csv").write_text(rows(200))
    (tmp_path / "v.csv").write_text(rows(40, seed=1))
    path = tmp_path / "s.yaml"
    path.write_text(
        f"data: {{file: t.csv, target: kind, columns: {{who: ignore}}{more}}}\n{HEAD}train: {{epochs: 2}}\n"
    )
    done = Trainer(read_spec(path), tmp_path / "run").finish()
    run = ag_module.load(tmp_path / "run")
    assert run.evaluate("validation").loss == pytest.approx(done.validation_loss, rel=1e-6)
    if done.split == "test":
        assert run.evaluate("test").loss == pytest.approx(done.test_loss, rel=1e-6)
    whole = Trainer(read_spec(tmp_path / "run" / "spec.yaml"), tmp_path / "again").finish()
    assert (whole.loss, whole.validation_loss, whole.test_loss) == (done.loss, done.validation_loss, done.test_loss)


def test_a_fold_draws_its_validation_groups_from_its_training_groups(tmp_path):
    (tmp_path / "t.csv").write_text(rows(180))
    data = f"{{file: {tmp_path}/t.csv, target: kind, split: {{group: {{column: who, validation: 0.25}}}}}}"
    for spec in folds(parse_spec(f"data: {data}\n{HEAD}"), 3):
        found = load_data(spec)
        table = found.settled
        who = {name: set(next(table.frames(name)).columns["who"].to_list()) for name in found.splits}
        assert len(set.union(*who.values())) == 9 == sum(map(len, who.values()))
        assert len(who["validation"]) == 2
