"""When training evaluates, saves and ends; dry runs, overfitted batches and profiles."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest

from agcli.evaluation import evaluate
from agcli.runs import Run
from agcli.spec import read_spec
from agcli.training import Trainer
from agcli.training import trainer as module
from agcli.training.best import Best
from agcli.training.dry_run import dry_run, overfit
from agcli.training.interval import Rhythm
from agcli.training.profile import Profile

SPEC = """
data: {name: iris, validation: 0.05}
model: [{dense: {units: 8, activation: tanh}}, {dropout: 0.1}, {dense: 3}]
loss: softmax_cross_entropy
optimizer: {adam: 0.05}
train: {epochs: 3, batch_size: 16}
"""  # eight steps an epoch


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SPEC)
    return path


def trained(spec, folder, *settings):
    events = list(Trainer(read_spec(spec, settings), folder))
    return events, events[-1]


def kinds(events, *names):
    return [e for e in events if type(e).__name__ in names]


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        (3, "epoch", Rhythm(epochs=3)),
        (100, "step", Rhythm(steps=100)),
        ("1 epoch", "step", Rhythm(epochs=1)),
        ("250 steps", "epoch", Rhythm(steps=250)),
        ("30s", "step", Rhythm(seconds=30)),
        ("30 s", "step", Rhythm(seconds=30)),
        ("5 minutes", "step", Rhythm(seconds=300)),
        ("2 min", "step", Rhythm(seconds=120)),
        ("3 hours", "second", Rhythm(seconds=10800)),
        (90, "second", Rhythm(seconds=90)),
    ],
)
def test_rhythms(text, unit, expected):
    assert Rhythm.read(text, unit) == expected


@pytest.mark.parametrize(
    ("setting", "places"),
    [
        ("train.eval_every=1", [8, 16, 24]),
        ("train.eval_every=2 epochs", [16, 24]),
        ("train.eval_every=5 steps", [5, 10, 15, 20, 24]),
        ("train.eval_every=1000 steps", [24]),
    ],
)
def test_evaluations_come_when_they_are_due(spec, tmp_path, setting, places):
    events, done = trained(spec, tmp_path / "run", setting)
    found = [e for e in kinds(events, "Evaluated", "EpochDone") if getattr(e, "validation_loss", None) is not None]
    assert [e.step for e in found] == places
    assert done.validation_loss == min(e.validation_loss for e in found)
    assert [e.epoch for e in kinds(events, "EpochDone")] == [1, 2, 3]


@pytest.fixture
def saved(monkeypatch):
    """The steps of the checkpoints that are written, each with that of the best one."""
    found, save = [], Run.save

    def noted(run, arrays, progress, provenance, best):
        found.append((progress["step"], best))
        return save(run, arrays, progress, provenance, best)

    monkeypatch.setattr(Run, "save", noted)
    return found


def test_checkpoints_come_when_they_are_due(spec, tmp_path, saved):
    trained(spec, tmp_path / "run", "train.checkpoint_every=3 steps", "train.eval_every=3")
    assert [step for step, _ in saved] == [3, 6, 9, 12, 15, 18, 21, 24]


def test_epochs_end_with_checkpoints_that_are_not_too_many(spec, tmp_path, monkeypatch, saved):
    monkeypatch.setattr(module, "PAUSE", math.inf)  # as if three epochs took less than a second
    trained(spec, tmp_path / "quick")
    assert saved == [(24, 24)]
    saved.clear()
    monkeypatch.setattr(module, "PAUSE", 0.0)
    trained(spec, tmp_path / "slow")
    assert [step for step, _ in saved] == [8, 16, 24]


def test_the_best_is_written_before_what_comes_after_it(spec, tmp_path, monkeypatch, saved):
    monkeypatch.setattr(module, "PAUSE", math.inf)
    trained(spec, tmp_path / "run", "train.min_delta=10", "train.checkpoint_every=20 steps")
    assert saved == [(8, 8), (20, 8), (24, 8)]


def test_checkpoints_by_the_clock(spec, tmp_path, monkeypatch, saved):
    monkeypatch.setattr(module, "TICK", -1.0)
    clock = iter(range(10**6))
    monkeypatch.setattr(module.time, "perf_counter", lambda: float(next(clock)))
    trained(spec, tmp_path / "run", "train.checkpoint_every=10 s")
    assert len(saved) > 3
    assert 24 in [step for step, _ in saved]


def test_at_least_two_checkpoints_and_the_best_are_kept(spec, tmp_path):
    settings = ("train.eval_every=2 steps", "train.min_delta=10", "train.checkpoint_every=2 steps")
    _, done = trained(spec, tmp_path / "run", *settings)
    assert done.best["step"] == 2
    assert [p.name[5:13] for p in Run(tmp_path / "run").checkpoints()] == ["00000002", "00000022", "00000024"]
    assert (tmp_path / "run" / "best").read_text() == "step-00000002.safetensors\n"
    assert (tmp_path / "run" / "last").read_text() == "step-00000024.safetensors\n"


def test_max_steps_and_max_time_end_the_training(spec, tmp_path, monkeypatch):
    _, done = trained(spec, tmp_path / "a", "train.max_steps=11")
    assert (done.steps, done.epochs) == (11, 1)
    assert done.reason.startswith("max_steps")
    assert math.isfinite(done.test_loss)
    monkeypatch.setattr(module, "TICK", -1.0)
    clock = iter(range(10**6))  # a second passes from one look to the next
    monkeypatch.setattr(module.time, "perf_counter", lambda: float(next(clock)))
    _, done = trained(spec, tmp_path / "b", "train.max_time=1000 s", "train.epochs=1000000")
    assert done.reason.startswith("max_time")
    assert 1000 <= done.seconds < 1100


def test_patience_goes_back_to_the_best_weights(spec, tmp_path):
    events, done = trained(spec, tmp_path / "run", "train.patience=2", "train.epochs=1000", "optimizer.adam.lr=0.5")
    losses = [e.validation_loss for e in kinds(events, "EpochDone")]
    assert "patience: loss has not improved for 2 evaluations" in done.reason
    assert done.validation_loss == min(losses) < losses[-1]
    assert done.best["epoch"] == int(np.argmin(losses)) + 1 == len(losses) - 2
    assert evaluate(tmp_path / "run").loss == pytest.approx(done.test_loss, rel=1e-6)
    assert evaluate(tmp_path / "run", "validation").loss == pytest.approx(min(losses), rel=1e-6)
    assert evaluate(tmp_path / "run", "validation", weights="last").loss == pytest.approx(losses[-1], rel=1e-6)


@pytest.mark.parametrize(("watch", "better"), [("loss", "low"), ("accuracy", "high"), ("error_bars_hit", "high")])
def test_the_best_is_judged_by_the_figure_that_is_watched(watch, better):
    best = Best(watch, 0.1, better)
    sign = 1 if better == "low" else -1
    judged = [best.judge({watch: sign * value}, 1, step) for step, value in enumerate([5, 4.95, 4, math.nan, 4.5, 3])]
    assert judged == [True, False, True, False, False, True]
    assert (best.step, best.since) == (5, 0)


def test_a_dry_run_leaves_nothing_behind(ag, spec, tmp_path):
    result = dry_run(read_spec(spec))
    assert (result.parameters, result.samples, result.steps) == (4 * 8 + 8 + 8 * 3 + 3, 114, 24)
    assert math.isfinite(result.validation_loss)
    said = ag("train", spec, "--dry-run", cwd=tmp_path, check=0)
    assert "two steps, an evaluation, a checkpoint and a resumption work" in said.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["small.yaml"]


def test_overfitting_one_batch(ag, spec, tmp_path):
    result = overfit(read_spec(spec))
    assert result.learnt
    assert result.metrics["accuracy"] == 1
    assert result.loss <= 0.01 * result.first_loss
    still = ag("train", spec, "--overfit", "--set", "optimizer.adam.lr=1e-9", cwd=tmp_path, check=1)
    assert "could not learn one batch of 16 samples" in still.stdout
    assert "--set optimizer.adam.lr=1e-08" in still.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["small.yaml"]


@pytest.mark.parametrize(
    "options", [["--dry-run", "--overfit"], ["--dry-run", "--out", "x"], ["--overfit", "--resume", "x"]]
)
def test_trials_exclude_the_other_options(ag, spec, options):
    assert "exclude each other" in ag("train", spec, *options, check=2).stderr


def test_a_profile_counts_what_a_step_does(spec, tmp_path):
    trainer, plain = Trainer(read_spec(spec), tmp_path / "a"), Trainer(read_spec(spec), tmp_path / "b")
    trainer.profile = profile = Profile(first=2, count=10)
    trainer.finish()
    plain.finish()
    assert Run(tmp_path / "a").newest()[0].hash == Run(tmp_path / "b").newest()[0].hash
    assert 8 <= profile.steps <= 10  # one of the ten compiles for the smaller last batch
    rows = {row.op: row for row in profile.rows()}
    products = rows["matmul"]
    assert products.calls == 5 * profile.steps  # two forward, three backward: the data needs no gradient
    assert products.gflops > 0
    assert rows["add"].gflops is None
    assert sum(row.seconds for row in rows.values()) < profile.wall
    trace = profile.trace()["traceEvents"]
    assert len(trace) == sum(row.calls for row in rows.values())
    assert {e["ph"] for e in trace} == {"X"}
    assert any("small.yaml:3:9" in e["args"]["place"] for e in trace)
    assert all(a["ts"] + a["dur"] <= b["ts"] + 1e-6 for a, b in pairwise(trace))


def test_floating_point_operations_are_counted():
    """2 N H W kh kw C O of a convolution and of both its gradients."""
    import agcli as ag

    x, w = ag.placeholder("x", (2, 8, 8, 3)), ag.variable(np.ones((3, 3, 3, 5), np.float32))
    f = ag.function(ag.grad(ag.conv2d(x, w).sum(), [x, w]), inputs=[x])
    f(np.ones((2, 8, 8, 3), np.float32))
    from agcli.training.profile import flops

    known = {s.op.name: flops(f.plan, s) for s in f.plan.steps if s.op.name.startswith("conv2d")}
    outputs = f.plan.steps and ag.conv2d(x, w).type.size
    assert set(known.values()) == {2.0 * outputs * 3 * 3 * 3}


def test_a_profile_as_table_and_as_json(ag, spec, tmp_path):
    said = ag("train", spec, "--profile", "--quiet", "--out", tmp_path / "a", check=0).stdout
    assert "GFLOP/s" in said
    assert "matmul" in said
    assert json.loads((tmp_path / "a" / "profile.json").read_text())["traceEvents"]
    lines = ag("train", spec, "--profile", "--json", "--out", tmp_path / "b", check=0).stdout.splitlines()
    (profile,) = [r for r in map(json.loads, lines) if r["event"] == "profile"]
    assert {"matmul", "add"} <= {row["op"] for row in profile["ops"]}
