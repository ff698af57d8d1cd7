"""A training that goes on with another number of epochs says in numbers what becomes of its learning rate."""

import json
import re

import pytest

LESS, MORE, DONE = 12, 24, 6  # epochs of one step each: as set up, as it goes on, and when it stopped
SPEC = """
data: {{name: iris, validation: 0.1}}
model: [dense: 3]
loss: softmax_cross_entropy
optimizer: {{sgd: {{lr: {rate}}}}}
train: {{epochs: {epochs}, batch_size: 200, patience: 1000}}
"""
AT_ONCE = {
    "cosine": "{cosine: 0.1}",
    "one_cycle": "{one_cycle: 0.1}",
    "polynomial": "{polynomial: {lr: 0.1, end: 0.01}}",
    "plateau": "{plateau: {lr: {cosine: 0.1}, patience: 1000}}",
}
LATER = {"warmup": "{warmup: {lr: {cosine: 0.1}, steps: 8 steps}}"}
NEVER = {
    "constant": "0.1",
    "step": "{step: {lr: 0.1, every: 4 epochs}}",
    "plateau": "{plateau: {lr: 0.1, patience: 1000}}",
    "cosine of its own length": "{cosine: {lr: 0.1, steps: 30 steps}}",
}


def rates(ag, folder, rate, epochs):
    """The rate of each step of a whole training, by its number."""
    (folder / f"{epochs}.yaml").write_text(SPEC.format(rate=rate, epochs=epochs))
    ag("train", folder / f"{epochs}.yaml", "--out", folder / f"run{epochs}", "--quiet", check=0)
    lines = map(json.loads, (folder / f"run{epochs}" / "metrics.jsonl").read_text().splitlines())
    return {line["step"] + 1: line["lr"] for line in lines if "lr" in line}


def resumed(ag, folder, rate):
    """What is said where a training of few epochs goes on with many."""
    (folder / "spec.yaml").write_text(SPEC.format(rate=rate, epochs=LESS))
    ag("train", folder / "spec.yaml", "--out", folder / "run", "--set", f"train.max_steps={DONE}", check=0)
    changed = (f"train.epochs={MORE}", "train.max_steps=null")
    done = ag("train", "--resume", folder / "run", *(x for c in changed for x in ("--set", c)), check=0)
    text = " ".join((done.stdout + done.stderr).split())
    assert f"train.epochs: {LESS} -> {MORE}" in text
    return text


NUMBER = r"([\d.e-]+?)"
LENGTHS = f"is as long as the training, {MORE} epochs instead of {LESS}; with `steps` of its own it would stay"


@pytest.mark.parametrize("rate", AT_ONCE.values(), ids=AT_ONCE)
def test_a_rate_that_jumps_is_told_with_what_it_would_have_been(ag, tmp_path, rate):
    less, more = rates(ag, tmp_path, rate, LESS), rates(ag, tmp_path, rate, MORE)
    text = resumed(ag, tmp_path, rate)
    told = re.search(
        rf"the learning rate of the next step is {NUMBER}; as the run was set up, it would have been {NUMBER}: "
        rf"the schedule `(\w+)` {LENGTHS}",
        text,
    )
    assert told, text
    assert float(told[1]) == pytest.approx(more[DONE + 1], rel=1e-3)
    assert float(told[2]) == pytest.approx(less[DONE + 1], rel=1e-3)
    assert told[1] != told[2]
    assert f"{{{told[3]}" in rate
    assert told[3] != "plateau"  # which has no length; the schedule inside of it has


@pytest.mark.parametrize("rate", LATER.values(), ids=LATER)
def test_a_course_that_bends_later_is_told_with_its_step(ag, tmp_path, rate):
    less, more = rates(ag, tmp_path, rate, LESS), rates(ag, tmp_path, rate, MORE)
    text = resumed(ag, tmp_path, rate)
    told = re.search(rf"at step (\d+) it is {NUMBER} instead of {NUMBER}: the schedule `(\w+)` {LENGTHS}", text)
    assert told, text
    step = int(told[1])
    assert step > DONE + 1
    assert float(told[2]) == pytest.approx(more[step], rel=1e-3)
    assert float(told[3]) == pytest.approx(less[step], rel=1e-3)
    assert told[4] == "cosine"
    assert more[step - 1] == pytest.approx(less[step - 1], rel=1e-5)  # the first step that differs


@pytest.mark.parametrize("rate", NEVER.values(), ids=NEVER)
def test_a_rate_that_stays_is_nothing_to_tell(ag, tmp_path, rate):
    less, more = rates(ag, tmp_path, rate, LESS), rates(ag, tmp_path, rate, MORE)
    assert {step: more[step] for step in less} == pytest.approx(less)
    text = resumed(ag, tmp_path, rate)
    assert not re.search("learning rate (of the next step|takes another course)|would have been", text), text
