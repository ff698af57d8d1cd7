"""Optimizers as a spec names them: fields, lengths in epochs, state that a checkpoint holds, errors at their place."""

import inspect

import numpy as np
import pytest

from agcli.datasets import Batches, load
from agcli.engine import optimizers
from agcli.engine.leaves import placeholder
from agcli.engine.optimizers import schedules
from agcli.model.build import build
from agcli.model.optimizers import Shared
from agcli.spec import SpecError, parse_spec
from agcli.spec.clock import Clock
from agcli.spec.nouns import OPTIMIZERS, SCHEDULES, rate_of

HEAD = "data: iris\nmodel: [dense: {units: 8, activation: tanh}, dense: 3]\nloss: softmax_cross_entropy\n"
SQUARES = "data: iris\nmodel: [dense: {units: 8, activation: tanh}, dense: 1]\nloss: mean(square(output[:, 0] - y))\n"
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
    size = 200 if OPTIMIZERS.rows[name].fields.full_batch else 16
    head = SQUARES if name == "levenberg_marquardt" else HEAD
    model, data = model_of(name, f"{{epochs: 12, batch_size: {size}}}", head)
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
        (
            "levenberg_marquardt",
            "4:12",
            "levenberg_marquardt computes each step from all of the training data; set",
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


def test_a_loss_that_is_no_sum_of_squares_is_refused_at_the_line_of_the_optimizer():
    model, _ = model_of("levenberg_marquardt", "{batch_size: 120}")
    with pytest.raises(SpecError) as caught:
        model.trainer()
    assert "<spec>:4:12: optimizer: levenberg_marquardt: the loss has `sparse_softmax" in str(caught.value)
    assert "it takes a sum or a mean of squares, such as mean(square(y - f)); lbfgs takes any" in str(caught.value)


LINE = "data: sine\nvariables:\n  a: {value: 0.5, bounds: %s}\nloss: mean(square(y - a*x[:, 0]))\n"


@pytest.mark.parametrize(
    ("bounds", "optimizer", "said"),
    [
        ("[1, null]", "adam", "expected bounds around the value at which `a` starts, 0.5"),
        ("[null, 0.25]", "levenberg_marquardt", "expected bounds around the value at which `a` starts, 0.5"),
        ("[0, 1]", "lbfgs", "lbfgs takes no bounds; levenberg_marquardt (for sums of squares) and the optimizers with"),
    ],
)
def test_bounds_that_do_not_fit_are_said_at_their_place(bounds, optimizer, said):
    model = build(parse_spec(LINE % bounds + f"optimizer: {optimizer}\ntrain: {{batch_size: 1000}}"), load("sine"))
    with pytest.raises(SpecError) as caught:
        model.trainer()
    assert f"<spec>:3:27: variables.a.bounds: {said}" in str(caught.value)


@pytest.mark.parametrize("bounds", ["[1, 0]", "[0, 0]", "[null, null]"])
def test_bounds_without_room_are_refused(bounds):
    with pytest.raises(SpecError, match="the smaller number first, and one of them at least"):
        parse_spec(LINE % bounds)


@pytest.mark.parametrize("optimizer", ["adam: 0.1", "levenberg_marquardt: 5", "sgd: {lr: 1, momentum: 0.9}"])
def test_bounds_hold_in_training(optimizer):
    data = load("sine")
    spec = parse_spec(LINE % "[0.4, 0.6]" + f"optimizer: {{{optimizer}}}\ntrain: {{batch_size: 1000}}")
    model = build(spec, data)
    step, _ = model.trainer()
    for batch in Batches(data.train, 1000).epoch():
        for _ in range(20):
            step(x=batch["x"], y=batch["y"])
            assert 0.4 <= model.parameters["a"].value <= 0.6
    assert model.parameters["a"].value == pytest.approx(0.4), "the slope of a sine over many periods is smaller"
