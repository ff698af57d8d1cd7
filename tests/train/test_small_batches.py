"""Layers that measure batches, and batches or samples in which there is nothing to measure."""

import json

import numpy as np
import pytest
from samples import rows

from agcli.datasets import Column, Dataset, Split
from agcli.runs import Run
from agcli.spec import SpecError, parse_spec
from agcli.training import Trainer

SPEC = """
name: net
data: iris
model: [{dense: 4}, batch_norm, tanh, {dense: 3}]
loss: softmax_cross_entropy
optimizer: {adam: 0.02}
train: {epochs: 4, batch_size: 1}
"""
IMAGES = """
name: net
data: digits
model: [{conv2d: {filters: 2, kernel: 3}}, batch_norm, flatten, {dense: 3}]
loss: softmax_cross_entropy
train: {epochs: 1, batch_size: 1}
"""


def data_of(samples, shape=(2,)):
    """Samples of three classes, to train on; nine others to be judged by."""
    rng = np.random.default_rng(0)

    def split(count):
        classes = np.arange(count) % 3
        noise = rng.normal(0, 0.3, (count, *shape))
        x = (noise + classes.reshape(-1, *(1 for _ in shape))).astype(np.float32)
        return Split({"x": Column(x), "y": Column(classes)})

    return Dataset(
        name="made", description="", source="", licence="", splits={"train": split(samples), "test": split(9)}
    )


def trainer_of(samples, size, *overrides, out=None):
    spec = parse_spec(SPEC, "spec", (f"train.batch_size={size}", *overrides))
    return Trainer(spec, out, data=data_of(samples))


def test_a_batch_of_one_is_refused_at_its_line():
    with pytest.raises(SpecError) as error:
        Trainer(parse_spec(SPEC), data=data_of(33))
    assert str(error.value).splitlines()[0] == (
        "<spec>:7:32: train.batch_size: batch_norm (model[1]) standardizes over the samples of a batch, and of one "
        "sample its output is its offset whatever the input; write `batch_size: 2` or more (32 is usual), or use "
        "`layer_norm`"
    )


def test_a_batch_of_one_is_refused_wherever_the_layer_stands():
    model = "model=[{dense: 4}, {residual: [{dense: 4}, batch_norm]}, {dense: 3}]"
    with pytest.raises(SpecError, match=r"batch_norm \(model\[1\]\.residual\.layers\[1\]\) standardizes"):
        trainer_of(33, 1, model)


def test_ag_says_it_in_one_message(ag, tmp_path):
    (tmp_path / "net.yaml").write_text(SPEC)
    for command in ("train", "check"):
        done = ag(command, "net.yaml", cwd=tmp_path, check=2)
        assert "net.yaml:7:32: train.batch_size: batch_norm (model[1])" in done.stderr


def test_one_sample_needs_another_layer():
    with pytest.raises(SpecError, match="and there is one sample; use `layer_norm` instead"):
        trainer_of(1, 32)


def test_a_last_batch_of_one_is_left_out_and_that_is_said(tmp_path):
    """33 samples, in batches of 8 and one of one."""
    trainer = trainer_of(33, 8, out=tmp_path / "run")
    (note,) = [n.text for n in trainer.notes if n.topic == "batch" and "last batch" in n.text]
    assert note == (
        "the last batch of an epoch would be one sample, of which batch_norm (model[1]) has no variance; it is left "
        "out, another one in each epoch: `drop_last: true`; a `batch_size` other than 8 may keep all samples"
    )
    done = trainer.finish()
    assert done.steps == 4 * 4
    assert Run(tmp_path / "run").spec.train.drop_last, "the run's spec trains the same again"
    variance = Run(tmp_path / "run").chosen("last").arrays["model.batch_norm_1.variance"]
    assert variance.min() > 0


def test_schedules_count_the_batches_that_there_are():
    """The cosine ends with the training, not before or after it."""
    trainer = trainer_of(33, 8, "optimizer={adam: {lr: {cosine: 0.1}}}")
    session = trainer.session
    while session.step < 16:
        session.advance(session.next_batch())
        if session.is_epoch_complete:
            session.next_epoch()
    assert (session.epoch, session.rate) == (4, pytest.approx(0.0, abs=1e-9))


def test_a_resumed_training_leaves_it_out_too(tmp_path):
    whole = trainer_of(33, 8, out=tmp_path / "whole").finish()
    trainer_of(33, 8, "train.max_steps=6", out=tmp_path / "parts").finish()
    parts = Trainer.resume(tmp_path / "parts", ("train.max_steps=null",), data=data_of(33)).finish()
    assert parts.steps == whole.steps
    assert Run(tmp_path / "parts").newest()[0].hash == Run(tmp_path / "whole").newest()[0].hash


@pytest.mark.parametrize(
    ("samples", "size", "overrides", "steps"),
    [
        (33, 32, (), 1),  # one batch, and one sample
        (33, 8, ("model=[{dense: 3}]",), 5),  # nothing measures the batch
        (33, 8, ("model=[{dense: 4}, layer_norm, {dense: 3}]",), 5),
        (33, 8, ("model=[{reshape: [2, 1]}, batch_norm, flatten, {dense: 3}]",), 5),  # two places of a sample
        (32, 8, (), 4),
        (34, 8, (), 5),  # the last batch has two
        (33, 40, (), 1),  # all of them
        (33, 8, ("train.drop_last=true",), 4),
    ],
)
def test_other_batches_stay_as_they_are(samples, size, overrides, steps):
    trainer = trainer_of(samples, size, *overrides)
    assert len(trainer.session.batches) == steps
    assert any("last batch" in n.text for n in trainer.notes) == (size == 32)


def test_a_single_image_has_many_values_of_a_channel(tmp_path):
    trainer = Trainer(parse_spec(IMAGES), tmp_path / "run", data=data_of(12, (4, 4, 1)))
    assert trainer.finish().steps == 12
    whole = "model=[{conv2d: {filters: 2, kernel: 4, padding: valid}}, batch_norm, flatten, {dense: 3}]"
    with pytest.raises(SpecError, match="batch_norm"):
        Trainer(parse_spec(IMAGES, "spec", (whole,)), data=data_of(12, (4, 4, 1)))


def test_few_values_are_noted():
    notes = {size: [n.text for n in trainer_of(33, size).notes if "mostly noise" in n.text] for size in (2, 7, 8)}
    assert [len(notes[size]) for size in (2, 7, 8)] == [1, 1, 0]
    assert notes[2][0].startswith("batch_norm (model[1]) has 2 values of a channel in a batch")


def test_check_warns_of_them(ag, tmp_path):
    (tmp_path / "net.yaml").write_text(SPEC)
    done = ag("check", "net.yaml", "--set", "train.batch_size=4", cwd=tmp_path, check=0)
    assert "batch_norm (model[1]) has 4 values of a channel" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("[{dense: 4}, {group_norm: 4}, {dense: 3}]",
         r"model\[1\]: group_norm: would normalize single values, of each of which only its offset is left; "
         "choose fewer groups than 4"),
        ("[{dense: 1}, layer_norm, {dense: 3}]", r"model\[1\]: layer_norm: would normalize single values"),
        ("[{dense: 1}, rms_norm, {dense: 3}]", r"model\[1\]: rms_norm: .* only its sign is left"),
        ("[{dense: 1}, {group_norm: 1}, {dense: 3}]", r"only its offset is left; shapes so far"),
        ("[{reshape: [2, 1]}, {transformer: {heads: 1}}, flatten, {dense: 3}]", r"transformer: would normalize"),
    ],
)  # fmt: skip
def test_norms_of_single_values_are_refused_at_their_line(layers, message):
    with pytest.raises(SpecError, match=message):
        trainer_of(33, 8, f"model={layers}")


@pytest.mark.parametrize(
    "layers",
    [
        "[{dense: 4}, {group_norm: 2}, {dense: 3}]",
        "[{dense: 2}, layer_norm, {dense: 3}]",
        "[{reshape: [2, 1]}, {group_norm: 1}, flatten, {dense: 3}]",  # one channel of two places
    ],
)
def test_norms_of_several_values_are_built(layers):
    assert trainer_of(33, 8, f"model={layers}").session.advance


def test_a_dry_run_says_what_the_training_would_say(ag, tmp_path):
    """Of the batches, here, of which the last one of an epoch would be a single sample."""
    (tmp_path / "t.csv").write_text(rows(65))
    spec = (
        f"data: {{file: {tmp_path}/t.csv, target: kind, split: {{shuffled: {{test: 0, validation: 0}}}}}}\n"
        "model: [{dense: 4}, batch_norm, {dense: 3}]\nloss: softmax_cross_entropy\ntrain: {batch_size: 16}\n"
    )
    (tmp_path / "s.yaml").write_text(spec)
    text = ag("train", tmp_path / "s.yaml", "--dry-run", check=0).stdout
    assert (
        "note: the last batch of an epoch would be one sample, of which batch_norm (model[1]) has no variance" in text
    )
    told = json.loads(ag("train", tmp_path / "s.yaml", "--dry-run", "--json", check=0).stdout)["notes"]
    assert [f"note: {note}" for note in told] == [line for line in text.splitlines() if line.startswith("note: ")]
    assert [note.text for note in Trainer(parse_spec(spec)).notes] == told
