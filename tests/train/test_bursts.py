"""Steps that are done many at a time: the same bits as one by one, and the same words where one fails."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from agcli.datasets import Dataset, Split, batches
from agcli.datasets.dataset import Cast, Column, Scaling
from agcli.engine.backends.jit.gather import readable
from agcli.engine.errors import EngineError
from agcli.spec import parse_spec
from agcli.training import bursts
from agcli.training.session import Session
from tests.outcomes import outcome

pytestmark = pytest.mark.numeric


@pytest.fixture(autouse=True)
def any_time(monkeypatch):
    """How long a burst may be does not depend on how busy the machine is."""
    monkeypatch.setattr(bursts, "PAUSE", 100.0)
    monkeypatch.delenv("AG_BACKEND", raising=False)


RNG = np.random.default_rng(4)
PLAIN = """
data: digits
model: [dense: {units: 8, activation: tanh}, dense: 3]
loss: softmax_cross_entropy
metrics: []
optimizer: {adam: {lr: 0.01}}
train: {epochs: 9, batch_size: 16}
"""
MEASURED = PLAIN.replace("metrics: []", "metrics: [accuracy]").replace("dense: 3]", "dropout: 0.3, dense: 3]")
NORMED = PLAIN.replace("model: [", "model: [batch_norm, ").replace("lr: 0.01", "lr: {cosine: {lr: 0.1, steps: 40}}")
AVERAGED = PLAIN.replace("lr: 0.01}", "lr: 0.01, average: 0.9}").replace("train: {", "train: {balanced: true, ")
WATCHING = PLAIN.replace("lr: 0.01", "lr: {plateau: {lr: 0.01}}")  # whose best loss before any is infinite
GATHERED = PLAIN.replace("lr: 0.01}", "lr: 0.01, accumulate: 2}")


def split(columns):
    return Split({name: Column(*column) for name, column in columns.items()})


def rows(n=150, width=5, dtype="float32"):
    return {"x": (RNG.normal(size=(n, width)).astype(dtype),), "y": (RNG.integers(0, 3, n),)}


def pictures():
    return {"x": (RNG.integers(0, 256, (90, 80), dtype=np.uint8), Scaling.by(255)), "y": (RNG.integers(0, 3, 90),)}


def scaled():
    """Features that are standardized, and labels of one byte, as tables have them."""
    x = RNG.normal(5, 3, (150, 5)).astype("float32")
    return {"x": (x, Scaling.standard(x)), "y": (RNG.integers(0, 3, 150, dtype=np.uint8), Cast(np.dtype("int64")))}


def session(spec, columns):
    data = split(columns)
    return Session(
        parse_spec(spec), Dataset("made", "", "", "", splits=dict.fromkeys(("train", "validation", "test"), data))
    )


def advanced(s, steps, at_once=True):
    """The state after some steps, and how many of them were done at once."""
    done, several = 0, 0
    while done < steps:
        if s.is_epoch_complete:
            s.next_epoch()
        n = s.advance_by(steps - done) if at_once else 0
        if not n:
            assert s.advance(s.next_batch())
        done, several = done + max(n, 1), several + n
    return several


@pytest.mark.parametrize("make", [rows, pictures, scaled, lambda: rows(64, 24), lambda: rows(width=1)])
@pytest.mark.parametrize(
    "spec", [PLAIN, MEASURED, NORMED, AVERAGED, WATCHING], ids=["plain", "measured", "normed", "averaged", "watching"]
)
def test_many_steps_at_a_time_are_the_same_steps(make, spec):
    columns = make()
    one, many = session(spec, columns), session(spec, columns)
    advanced(one, 71, at_once=False)
    several = advanced(many, 71)
    assert several > 30 or not all(readable(*source) for source in many.bursts.sources)
    assert many.progress == one.progress
    for name, value in one.arrays.items():
        np.testing.assert_array_equal(many.arrays[name], value, err_msg=name)


@pytest.mark.parametrize("backend", ["jit", "numpy"])
def test_what_cannot_be_done_at_once_is_done_one_by_one(backend, monkeypatch):
    monkeypatch.setenv("AG_BACKEND", backend)
    if backend == "jit":
        monkeypatch.setattr(batches, "_FED", 0)
    assert advanced(session(PLAIN, rows() if backend == "numpy" else scaled()), 20) == 0
    assert advanced(session(GATHERED, rows()), 20) == 0


def test_a_large_model_is_not_copied_for_it(monkeypatch):
    monkeypatch.setattr(bursts, "STATE", 100)
    assert advanced(session(PLAIN, rows()), 20) == 0


def test_a_step_that_fails_is_found_as_if_alone():
    """Its burst is undone, to the bit; then steps come one by one, up to the first that is not finite."""
    columns = rows()
    late = session(PLAIN, columns).batches.order(0)[40]  # in the third batch
    columns["x"][0][late] = 1e38  # its square is beyond float32, and so is the next loss
    spec = PLAIN.replace("tanh", "relu").replace("adam: {lr: 0.01}", "sgd: {lr: 1000}")
    found = []
    for at_once in (True, False):
        s = session(spec, columns)
        s.bursts.length = 8
        for _ in range(60):
            if s.is_epoch_complete:
                s.next_epoch()
            if not (at_once and s.advance_by(60)) and not s.advance(s.next_batch()):
                break
        assert not s.bursts.possible or not at_once
        found.append((s.step, s.batch, {k: v.copy() for k, v in s.arrays.items()}))
    assert found[0][:2] == found[1][:2]
    assert found[0][0] < 60
    for name, value in found[1][2].items():
        np.testing.assert_array_equal(found[0][2][name], value, err_msg=name)


def test_a_label_out_of_range_is_refused():
    columns = rows()
    s = session(PLAIN, columns)
    columns["y"][0][:] = 7
    with pytest.raises(EngineError, match="index 7 is outside"):
        advanced(s, 30)


def test_a_burst_takes_no_longer_than_asked(monkeypatch):
    """How many steps come at once follows the time that they take, and what is left of an epoch."""
    monkeypatch.setattr(bursts, "PAUSE", 0.0)
    slow = session(PLAIN, rows())
    assert advanced(slow, 40) <= 3
    monkeypatch.setattr(bursts, "PAUSE", 100.0)
    s = session(PLAIN, rows())
    assert advanced(s, 9) == 8  # the first compiles; the tenth batch of an epoch is not whole
    assert (s.batch, s.bursts.length) == (9, 16)


@pytest.mark.parametrize("steps", ["", ", max_steps: 33"])
def test_a_run_is_the_same(steps, tmp_path, monkeypatch):
    """Metrics, checkpoints and result of a whole training, with evaluations and checkpoints between steps."""
    from agcli.training.trainer import train

    text = """
data: digits
model: [flatten, {dense: {units: 8, activation: relu}}, dropout: 0.2, dense: 10]
loss: softmax_cross_entropy
optimizer: {adam: {lr: 0.01}}
train: {epochs: 2, batch_size: 64, eval_every: 7 steps, checkpoint_every: 11 steps%s}
"""
    outcomes = []
    for state in (1 << 20, 0):
        monkeypatch.setattr(bursts, "STATE", state)
        folder = tmp_path / str(state)
        for _ in train(parse_spec(text % steps), folder):
            pass
        outcomes.append(outcome(folder))
    assert outcomes[0] == outcomes[1]
