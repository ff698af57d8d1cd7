"""Trainings that make no progress, or that are at their end before their epochs are: what they say, and where."""

import itertools
import json

import pytest
from click.testing import CliRunner
from outcomes import outcome

import agcli as ag
from agcli.cli import ag as program
from agcli.events import Done, Note, Stepped
from agcli.runs import Run
from agcli.training import trainer as module

pytestmark = pytest.mark.numeric

LINE = {
    "data": {"name": "sine", "samples": 50},
    "variables": {"a": 0.5, "b": 1.5},
    "let": {"line": "a*sin(b*x[:, 0])"},
    "loss": "mean(square(y - line))",
    "train": {"epochs": 6, "batch_size": 100},
}


def trained(folder, **changes):
    """The events of a training that are notes, and the last one."""
    events = list(ag.Trainer({**LINE, **changes}, folder / "run"))
    assert isinstance(events[-1], Done)
    return [e for e in events if isinstance(e, Note) and e.topic == "no progress"], events[-1]


@pytest.mark.parametrize("optimizer", ["lbfgs", "levenberg_marquardt"])
def test_a_fit_that_has_converged_ends_and_says_so(tmp_path, optimizer):
    notes, done = trained(tmp_path, optimizer=optimizer)
    assert not notes
    assert done.converged is True
    assert done.reason.startswith("converged: ")
    assert done.epochs < 6
    again = ag.load(tmp_path / "run")
    assert again.result["reason"] == done.reason
    assert again.result["converged"] is True
    assert again.result["loss"] < 0.02, "the loss is that at the end of the fit"


def test_a_fit_lost_in_float32_says_so_and_what_to_write(tmp_path):
    """Saturating growth, of which float32 cannot see that the first parameter is to move."""
    formulas = {
        "x0": "70 + 53*(x[:, 0] + pi)",
        "curve": "a*(1 - exp(-b*x0))",
        "r": "239*(1 - exp(-5.5e-4*x0)) + y - curve",
    }
    fit = {"variables": {"a": 250, "b": 5e-4}, "let": formulas, "loss": "mean(square(r))", "optimizer": "lbfgs"}
    fit["train"] = {"epochs": 100, "batch_size": 100}
    notes, done = trained(tmp_path / "32", **fit, dtype="float32")
    assert done.converged is False
    assert done.reason.startswith("stopped: no step makes the loss smaller in float32; write `dtype: float64`")
    assert [n.text for n in notes] == [f"no progress: {done.reason}"]
    notes, done = trained(tmp_path / "64", **fit)
    assert not notes
    assert done.converged is True


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"optimizer": {"sgd": {"lr": {"expression": "0*step"}}}}, "the learning rate is 0"),
        (
            {"optimizer": {"adam": 1e-12}, "dtype": "float32"},
            "the steps are lost in the rounding of float32 (the largest",
        ),
        ({"loss": "mean(square(y - line)) * 0", "optimizer": {"sgd": 0.1}}, "all gradients are 0"),
    ],
)
def test_parameters_that_do_not_change_are_a_note_and_the_last_word(tmp_path, changes, cause):
    notes, done = trained(tmp_path, **changes)
    assert notes[-1].text.startswith(f"no progress: no parameter changes in an epoch: {cause}")
    assert done.reason.startswith(f"no parameter changed in the last 6 epochs: {cause}")
    assert done.converged is False


def test_a_training_that_gets_on_is_left_alone(tmp_path):
    for i, optimizer in enumerate(
        ({"adam": {"lr": 0.01, "accumulate": 4}}, {"sgd": {"lr": {"warmup": {"lr": 0.1, "steps": 2}}}})
    ):
        notes, done = trained(tmp_path / str(i), optimizer=optimizer)
        assert not any("no parameter" in n.text for n in notes)
        assert (done.reason, done.converged) == (Done.FINISHED, None)


def test_an_optimizer_whose_steps_are_drawn_is_not_stopped(tmp_path):
    """With dropout, a step that found nothing says nothing of the next one."""
    changes = {
        "variables": {"a": 0.5, "b": 1.5},
        "let": {"line": "dropout(a*sin(b*x[:, 0]), 0.5)"},
        "optimizer": "lbfgs",
    }
    _, done = trained(tmp_path, **changes)
    assert done.epochs == 6
    assert done.reason == Done.FINISHED


def test_a_run_that_converged_is_over_unless_its_settings_change(tmp_path):
    trained(tmp_path, optimizer={"levenberg_marquardt": 2}, train={"epochs": 40, "batch_size": 100})
    run = ag.load(tmp_path / "run")
    before = run.result
    assert list(ag.Trainer.resume(tmp_path / "run"))[-1].steps == before["steps"]
    again = list(ag.Trainer.resume(tmp_path / "run", ("optimizer.levenberg_marquardt.gtol=0",)))[-1]
    assert again.steps > before["steps"]


def test_the_last_words_of_the_command_say_why(tmp_path):
    spec = tmp_path / "line.yaml"
    spec.write_text(json.dumps({**LINE, "optimizer": "levenberg_marquardt"}))
    done = CliRunner().invoke(program, ["train", str(spec), "--out", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
    assert "ended: converged: " in done.stdout
    assert "(converged: " in done.stderr.splitlines()[-1]


# A training that is broken off and goes on ends with the same words

RATES = {
    "no rate": {"optimizer": {"sgd": {"lr": {"expression": "0*step"}}}},
    "rounding": {"optimizer": {"adam": 1e-12}, "dtype": "float32"},
    "moves, then stands": {"optimizer": {"sgd": {"lr": {"step": {"lr": 0.1, "factor": 1e-30, "every": "2 epochs"}}}}},
    "gets on": {"optimizer": {"adam": 0.01}},
    "converged": {"optimizer": "lbfgs", "train": {"epochs": 40, "batch_size": 100}},
}


@pytest.mark.parametrize("kind", RATES)
def test_a_training_that_was_broken_off_ends_with_the_same_words(tmp_path, kind, monkeypatch):
    spec = {**LINE, "train": {"epochs": 6, "batch_size": 20}, **RATES[kind]}
    spec["train"] = {**spec["train"], "checkpoint_every": "1 steps"}
    _, expected = trained(tmp_path / "whole", **spec)
    assert (expected.reason == Done.FINISHED) == (kind == "gets on")
    whole = outcome(tmp_path / "whole" / "run")
    monkeypatch.setattr(module, "TICK", -1.0)
    for n in range(1, min(expected.steps, 18) + 1):
        folder = tmp_path / str(n)
        for event in (events := iter(ag.Trainer(spec, folder))):
            if isinstance(event, Stepped) and Run(folder).has_checkpoint(n):
                events.close()
        (*_, done) = ag.Trainer.resume(folder)
        assert (done.reason, done.converged) == (expected.reason, expected.converged), n
        assert outcome(folder) == whole, n
        (*_, again) = ag.Trainer.resume(folder)
        assert (again.reason, again.converged) == (expected.reason, expected.converged), "and of a run that is over"


def test_a_word_on_no_progress_is_said_once_in_a_training(tmp_path):
    spec = {**LINE, **RATES["no rate"], "train": {"epochs": 2, "batch_size": 100}}
    notes, _ = trained(tmp_path, **spec)
    assert [n.text for n in notes][-1] == "no progress: no parameter changes in an epoch: the learning rate is 0"
    events = list(ag.Trainer.resume(tmp_path / "run", ("train.epochs=5",)))
    assert not [e for e in events if isinstance(e, Note) and "no parameter" in e.text]
    assert events[-1].reason == "no parameter changed in the last 5 epochs: the learning rate is 0"


def test_another_rate_begins_another_count(tmp_path):
    trained(tmp_path, **RATES["no rate"], train={"epochs": 2, "batch_size": 100})
    rate = "optimizer.sgd.lr={expression: '0*step + 0'}"
    done = list(ag.Trainer.resume(tmp_path / "run", ("train.epochs=5", rate)))[-1]
    assert done.reason == "no parameter changed in the last 3 epochs: the learning rate is 0"


def test_why_a_figure_has_no_value_is_kept(tmp_path):
    """The reason of `patience` names it."""
    spec = {
        "data": {"name": "iris", "validation": 0.02},
        "model": [{"dense": 3}],
        "loss": "softmax_cross_entropy",
        "metrics": {"never": {"formula": "mean(sqrt(-1 - square(output)))", "better": "low"}},
        "train": {"epochs": 9, "patience": 3, "watch": "never"},
    }
    expected = list(ag.Trainer(spec, tmp_path / "whole"))[-1]
    assert expected.reason.startswith("patience: never had no value in 3 evaluations (")
    list(ag.Trainer({**spec, "train": {**spec["train"], "epochs": 2}}, tmp_path / "run"))
    (*_, done) = ag.Trainer.resume(tmp_path / "run", ("train.epochs=9",))
    assert done.reason == expected.reason
    (*_, done) = ag.Trainer.resume(tmp_path / "run")
    assert done.reason == expected.reason


def test_the_time_within_an_epoch_counts_too(tmp_path, monkeypatch):
    """Of a training that is broken off within its first epoch again and again, `max_time` comes all the same."""
    spec = {**LINE, "train": {"epochs": 2, "batch_size": 1, "checkpoint_every": "1 steps", "max_time": "100 s"}}
    monkeypatch.setattr(module, "TICK", -1.0)
    clock = itertools.count(0, 1)  # a second between two looks at it
    monkeypatch.setattr(module.time, "perf_counter", lambda: float(next(clock)))
    folder, done, times = tmp_path / "run", None, 0
    trainer = ag.Trainer(spec, folder)
    while not isinstance(done, Done):
        for done in (events := iter(trainer)):
            if isinstance(done, Stepped) and done.step >= 2 * (1 + times):
                events.close()
        trainer, times = ag.Trainer.resume(folder), times + 1
        assert times < 20
    trainer.run.close()
    assert times > 1
    assert (done.reason, done.epochs) == ("max_time: 100 s are over", 0)
