"""Optimizers as a spec names them: fields, lengths in epochs, state that a checkpoint holds, errors at their place."""

import inspect

import numpy as np
import pytest

from agcli.build import build
from agcli.datasets import Batches, load
from agcli.engine import optimizers
from agcli.engine.leaves import placeholder
from agcli.engine.optimizers import schedules
from agcli.optimizer import Clock, rate_of
from agcli.spec import SpecError, parse_spec
from agcli.spec.optimizers import OPTIMIZERS, Shared
from agcli.spec.schedules import SCHEDULES

HEAD = "data: iris\nmodel: [dense: {units: 8, activation: tanh}, dense: 3]\nloss: softmax_cross_entropy\n"
CLOCK = Clock(per_epoch=10.0, total=100.0, epochs=10)


def model_of(optimizer, train="{epochs: 3, batch_size: 16}", head=HEAD):
    data = load("iris")
    return build(parse_spec(f"{head}optimizer: {optimizer}\ntrain: {train}\n"), data), data


def epochs(step, data, count, size=16, first=0):
    """The losses of the batches of some epochs."""
    for epoch in range(first, first + count):
        for batch in Batches(data.train, size).epoch(epoch):
            yield float(step(x=batch["x"], y=batch["y"])["loss"])


@pytest.mark.parametrize("name", OPTIMIZERS.rows)
def test_fields_and_defaults_are_those_of_the_engine(name):
    fields = OPTIMIZERS.rows[name].fields
    taken = {k: p.default for k, p in inspect.signature(getattr(optimizers, name)).parameters.items()}
    shared = set(Shared.model_fields) - {"lr"} if issubclass(fields, Shared) else set()
    assert {k: f.default for k, f in fields.model_fields.items() if k in taken} == taken
    assert set(fields.model_fields) - shared <= set(taken)


@pytest.mark.parametrize("name", OPTIMIZERS.rows)
def test_each_trains(name):
    size = 200 if name == "lbfgs" else 16
    model, data = model_of(name, f"{{epochs: 12, batch_size: {size}}}")
    losses = list(epochs(model.trainer()[0], data, 12, size))
    count = len(losses) // 12
    assert np.mean(losses[-count:]) < np.mean(losses[:count])


EVERYTHING = "weight_decay: 0.01, no_decay: ['*.bias'], clip: {norm: 1}, accumulate: 3, average: 0.9"


@pytest.mark.parametrize(
    "optimizer",
    [
        *[f"{{{name}: {{{EVERYTHING}}}}}" for name in ("sgd", "adadelta", "nadam", "lion", "lamb")],
        "{adam: {lr: {plateau: {lr: {warmup: {lr: {one_cycle: 0.01}}}, patience: 0}}}}",
    ],
)
def test_a_checkpoint_is_complete(optimizer):
    """What goes on from the variables of a checkpoint ends at the same bits as what never stopped."""
    ends = []
    for stops in (False, True):
        model, data = model_of(optimizer)
        step, own = model.trainer()
        list(epochs(step, data, 2))
        step.observe(1.0), step.observe(2.0)
        if stops:
            saved = {k: v.value.copy() for k, v in model.state(own).items()}
            model, data = model_of(optimizer)
            step, own = model.trainer()
            assert saved.keys() == model.state(own).keys()
            for k, v in model.state(own).items():
                v.value = saved[k]
        list(epochs(step, data, 2, first=2))
        ends.append({k: v.value.tobytes() for k, v in model.state(own).items()})
    assert ends[0] == ends[1]


def test_evaluation_has_the_running_means():
    model, data = model_of("{sgd: {lr: 0.5, average: 0.99}}")
    step, _ = model.trainer()
    batch = next(iter(Batches(data.train, len(data.train), shuffle=False).epoch()))
    evaluate = model.evaluator()
    list(epochs(step, data, 2))
    seen = evaluate(x=batch["x"], y=batch["y"])["loss"]
    for name, v in list(model.parameters.items()):
        if f"average.{name}" in model.parameters:
            v.value = model.parameters[f"average.{name}"].value
    assert step(x=batch["x"], y=batch["y"])["loss"] == pytest.approx(seen, rel=1e-6)


def test_lbfgs_sees_all_of_the_data():
    model, data = model_of("lbfgs", "{epochs: 5, batch_size: 1000}")
    losses = list(epochs(model.trainer()[0], data, 5, 1000))
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.05


WAVE = (1 + np.cos(0.4 * np.pi)) / 2
# What stands in the spec, and the rate in steps 0, 10 and 60 of 100.
RATES = {
    "0.5": (0.5, 0.5, 0.5),
    "{step: {lr: 1, every: 2 epochs}}": (1, 1, 0.001),
    "{step: {lr: 1, every: 10, factor: 0.5}}": (1, 0.5, 1 / 64),
    "{exponential: {lr: 1, factor: 0.5}}": (1, 0.5, 1 / 64),
    "{linear: 1}": (1, 0.9, 0.4),
    "{polynomial: {lr: 1, steps: 2 epochs, degree: 2, end: 0.1}}": (1, 0.1 + 0.9 / 4, 0.1),
    "{cosine: {lr: 1, steps: 20 steps}}": (1, 0.5, 0),
    "{cosine_restarts: {lr: 1, steps: 2.5 epochs, growth: 1}}": (1, WAVE, WAVE),
    "{one_cycle: {lr: 1, steps: 21, rising: 0.0, start: 0.5, end: 0.5}}": (1, 0.625, 0.25),
    "{warmup: {lr: {linear: 1}, steps: 20}}": (0, 0.5, 0.5),
    "{warmup: {lr: 2, steps: 1 epoch, start: 0.5}}": (1, 2, 2),
    '{expression: "1/(1 + step) + epoch + steps/100 + epochs"}': (12, 1 / 11 + 12, 1 / 61 + 17),
}  # fmt: skip


@pytest.mark.parametrize("text", RATES)
def test_rates_of_a_spec(text):
    rate = rate_of(parse_spec(f"{HEAD}optimizer: {{sgd: {{lr: {text}}}}}").optimizer.fields.lr, CLOCK)
    done = placeholder("done", (), "float64")
    found = [float(rate(done).eval({done: n})) if callable(rate) else rate for n in (0.0, 10.0, 60.0)]
    np.testing.assert_allclose(found, RATES[text], atol=1e-12)


def test_every_schedule_is_looked_at():
    for name in SCHEDULES.rows:
        assert any(f"{{{name}: " in text for text in [*RATES, "{plateau: "]), name
    plateau = parse_spec(f"{HEAD}optimizer: {{sgd: {{lr: {{plateau: 1}}}}}}").optimizer.fields.lr
    assert rate_of(plateau, CLOCK) == schedules.Plateau(1.0)


@pytest.mark.parametrize(
    ("optimizer", "place", "said"),
    [
        (
            "lbfgs",
            "4:12",
            "lbfgs computes each step from all of the training data; set train.batch_size to 120 or more",
        ),
        ("{sgd: {no_decay: '*.scale'}}", "4:29", "no parameter is called like '*.scale'"),
        ("{sgd: {lr: {expression: 0.1*speed}}}", "4:23", "there is no `speed` here"),
        ("{sgd: {lr: {expression: step > 3}}}", "4:23", "expected a formula for a number, got bool"),
    ],
)
def test_what_does_not_fit_is_said_at_its_place(optimizer, place, said):
    model, _ = model_of(optimizer)
    with pytest.raises(SpecError) as caught:
        model.trainer()
    assert f"<spec>:{place}: optimizer" in str(caught.value)
    assert said in str(caught.value)
