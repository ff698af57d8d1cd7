"""Optimizers and schedules: step by step beside torch and optax, on known valleys, and through a spec."""

import json
import math

import numpy as np
import pytest
from conftest import ROOT

import agcli as ag
from agcli.engine import optimizers as o
from agcli.engine.errors import StateError
from agcli.engine.function import function
from agcli.engine.leaves import placeholder
from agcli.engine.optimizers import clipping, schedules
from agcli.engine.optimizers.segments import SegmentSums, Spread
from agcli.engine.testing import check_grads

pytestmark = pytest.mark.numeric

GOLDEN = json.loads((ROOT / "tests" / "golden" / "optimizers.json").read_text())
A = [[1.0, -0.5], [0.3, 2.0], [-1.2, 0.7]]
B = [0.9, -0.4, 1.5, -1.1]
LR = 0.05

MAKERS = {
    "sgd": lambda: o.sgd(LR),
    "sgd momentum": lambda: o.sgd(LR, 0.9),
    "sgd nesterov": lambda: o.sgd(LR, 0.9, nesterov=True),
    "sgd decay": lambda: o.sgd(LR, 0.5).using(weight_decay=0.1),
    "adagrad": lambda: o.adagrad(LR),
    "adagrad decay": lambda: o.adagrad(LR).using(weight_decay=0.1),
    "rmsprop": lambda: o.rmsprop(LR),
    "rmsprop momentum": lambda: o.rmsprop(LR, momentum=0.9).using(weight_decay=0.1),
    "rmsprop centered": lambda: o.rmsprop(LR, centered=True),
    "adadelta": lambda: o.adadelta(LR),
    "adadelta decay": lambda: o.adadelta(LR).using(weight_decay=0.1),
    "adam": lambda: o.adam(LR),
    "adam decay": lambda: o.adam(LR).using(weight_decay=0.1),
    "adamw": lambda: o.adamw(LR),
    "adamw decay": lambda: o.adamw(LR, weight_decay=0.1),
    "amsgrad": lambda: o.amsgrad(LR),
    "nadam": lambda: o.nadam(LR),
    "nadam decay": lambda: o.nadam(LR).using(weight_decay=0.1),
    "radam": lambda: o.radam(LR),
    "radam decay": lambda: o.radam(LR).using(weight_decay=0.1),
    "lion": lambda: o.lion(LR),
    "lion decay": lambda: o.lion(LR, weight_decay=0.1),
    "lamb": lambda: o.lamb(LR),
    "lamb decay": lambda: o.lamb(LR, weight_decay=0.1),
    "lbfgs": lambda: o.lbfgs(memory=5, iterations=1),
}


def params(dtype="float64"):
    return ag.variable(A, "layer.weight", dtype), ag.variable(B, "layer.bias", dtype)


def problem(a, b):
    return ag.sum(ag.log(ag.cosh(a * 1.5 - 0.2))) + 0.25 * ag.sum(b**4) + 0.3 * (ag.sum(a) - 2 * ag.sum(b) - 1) ** 2


def flat(*arrays):
    return np.concatenate([np.ravel(x) for x in arrays])


@pytest.mark.parametrize("name", MAKERS)
def test_steps_are_those_of_the_source(name):
    a, b = params()
    step = MAKERS[name]().function(problem(a, b), [a, b])
    for n in range(1, int(max(GOLDEN["parameters"][name], key=int)) + 1):
        step()
        if str(n) in GOLDEN["parameters"][name]:
            wanted = flat(*GOLDEN["parameters"][name][str(n)])
            np.testing.assert_allclose(flat(a.value, b.value), wanted, rtol=1e-9, atol=1e-11, err_msg=f"step {n}")


def test_every_number_of_the_sources_is_looked_at():
    assert set(GOLDEN["parameters"]) == set(MAKERS)
    assert set(GOLDEN["rates"]) == {*SCHEDULES, "plateau"}


SCHEDULES = {
    "steps": schedules.steps(0.1, 4, 0.3),
    "exponential": schedules.exponential(0.1, 1, 0.8),
    "polynomial": schedules.polynomial(0.1, 12, degree=2.0),
    "cosine": schedules.cosine(0.1, 20, 0.01),
    "cosine_restarts": schedules.cosine_restarts(0.1, 3, 2.0, 0.01),
    "cosine_restarts even": schedules.cosine_restarts(0.1, 5),
    "one_cycle": schedules.one_cycle(0.1, 20),
}


def rates(schedule, n):
    """The rates of the first ``n`` steps, as the optimizer itself moves a parameter of gradient 1."""
    x = ag.variable(np.array(0.0), "x")
    step, seen = o.sgd(schedule).function(1.0 * x, [x]), []
    for _ in range(n):
        before = x.value.copy()
        told = step.rate
        step()
        seen.append(float(before - x.value))
        assert told == pytest.approx(seen[-1], abs=1e-12)
    return seen


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_are_those_of_torch(name):
    np.testing.assert_allclose(rates(SCHEDULES[name], 20), GOLDEN["rates"][name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("schedule", "wanted"),
    [
        (0.1, [0.1, 0.1, 0.1, 0.1, 0.1]),
        (schedules.warmup(0.1, 4), [0.0, 0.025, 0.05, 0.075, 0.1]),
        (schedules.warmup(0.1, 2, start=0.5), [0.05, 0.075, 0.1, 0.1, 0.1]),
        (schedules.warmup(schedules.exponential(0.1, 1, 0.5), 2), [0.0, 0.05, 0.1, 0.05, 0.025]),
        (schedules.polynomial(0.1, 2, end=0.02), [0.1, 0.06, 0.02, 0.02, 0.02]),
        (schedules.cosine(0.1, 2), [0.1, 0.05, 0.0, 0.0, 0.0]),
        (schedules.one_cycle(0.1, 3, rising=0.0), [0.1, 0.0500002, 4e-7, 4e-7, 4e-7]),
        (lambda done: 1 / (1 + done), [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]),
    ],
)  # fmt: skip
def test_rates_by_hand(schedule, wanted):
    np.testing.assert_allclose(rates(schedule, 5), wanted, atol=1e-12)


def test_waves_end_where_they_should_for_long_trainings():
    done = placeholder("done", (), "float64")
    f = function(schedules.cosine_restarts(1.0, 10, 3.0)(done))
    for start in (0, 10, 40, 130, 400, 1210, 10 * (3**12 - 1) // 2):
        assert f(float(start)) == pytest.approx(1.0, abs=1e-9)
        if start:
            assert f(start - 1.0) < 0.03


METRIC = [5, 4, 4, 4.1, 4, 3.9, 3.9, 4, 4, 4, 4, 4, 4, 3, 3, 3, 3, 2.9999, 3, 3, 3, 3, 3, 3, 3]


def test_plateau_is_torchs_and_lives_in_variables():
    x = ag.variable(np.array(0.0), "x")
    plateau = o.Plateau(0.1, factor=0.5, patience=2, cooldown=1, least=0.02)
    step = o.sgd(plateau).function(1.0 * x, [x])
    seen = []
    for i, metric in enumerate(METRIC):
        if i == 12:  # as after a resume: a new step that gets the old variables
            y = ag.variable(x.value, "x")
            again = o.sgd(plateau).function(1.0 * y, [y])
            for k, v in again.variables.items():
                v.value = step.variables[k].value
            step = again
        step.observe(metric)
        seen.append(step.rate)
    np.testing.assert_allclose(seen, GOLDEN["rates"]["plateau"])
    assert sorted(step.variables) == ["plateau.bad", "plateau.best", "plateau.rest", "plateau.scale"]


def test_plateau_of_a_schedule():
    plateau = o.Plateau(schedules.exponential(0.1, 1, 0.5), patience=0)
    x = ag.variable(np.array(0.0), "x")
    step = o.sgd(plateau).function(1.0 * x, [x])
    step()
    for metric in (1.0, math.nan):
        step.observe(metric)
    assert step.rate == pytest.approx(0.1 * 0.5 * 0.1)
    with pytest.raises(StateError, match="warmed up"):
        schedules.warmup(plateau, 5)
    with pytest.raises(StateError, match="another plateau"):
        o.Plateau(plateau)


# Known valleys: start, lowest points, loss ---------------------------------------------------------------------
VALLEYS = {
    "quadratic": ([2.0, -3.0], [(1.0, -1.0)], lambda x, y: (x - 1) ** 2 + 4 * (y + 1) ** 2),
    "rosenbrock": ([-1.2, 1.0], [(1.0, 1.0)], lambda x, y: (1 - x) ** 2 + 100 * (y - x * x) ** 2),
    "himmelblau": (
        [0.0, 0.0],
        [(3.0, 2.0), (-2.805118, 3.131312), (-3.779310, -3.283186), (3.584428, -1.848126)],
        lambda x, y: (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2,
    ),
    "beale": (
        [1.0, 1.0],
        [(3.0, 0.5)],
        lambda x, y: (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2,
    ),
}
# Those that make steps of one length whatever the gradient need rates that fall to 0 to end at a point.
SLOW = schedules.cosine(0.03, 3900)
STEADY = {
    "sgd": o.sgd(1e-3),
    "momentum": o.sgd(1e-3, 0.9),
    "nesterov": o.sgd(1e-3, 0.9, nesterov=True),
    "adagrad": o.adagrad(0.5),
    "rmsprop": o.rmsprop(SLOW),
    "adadelta": o.adadelta(schedules.cosine(1.0, 3900), decay=0.99, eps=1e-5),
    "adam": o.adam(SLOW),
    "adamw": o.adamw(SLOW, weight_decay=0.0),
    "amsgrad": o.amsgrad(0.1),
    "nadam": o.nadam(SLOW),
    "radam": o.radam(schedules.warmup(schedules.cosine(0.05, 2900), 1000)),
    "lion": o.lion(SLOW),
    "lamb": o.lamb(SLOW),
    "lbfgs": o.lbfgs(),
}


@pytest.mark.parametrize("valley", VALLEYS)
@pytest.mark.parametrize("name", STEADY)
def test_valleys_are_found(valley, name):
    start, lowest, loss = VALLEYS[valley]
    p = ag.variable(np.array(start), "p")
    step = STEADY[name].function(loss(p[0], p[1]), [p])
    steps = 8000 if name == "sgd" else 4 if name == "lbfgs" else 4000
    last = next((value for value in (step() for _ in range(steps)) if value < 1e-3), np.inf)
    assert last < 1e-3
    assert min(np.abs(p.value - np.array(q)).max() for q in lowest) < 0.1


# What goes around a rule ----------------------------------------------------------------------------------------
def gradients(clip):
    """The gradient after clipping, and what it was."""
    a, b = params()
    seen = o.sgd(1.0).using(clip=clip).function(problem(a, b), [a, b])
    before, plain = flat(a.value, b.value), function(ag.grad(problem(a, b), [a, b]))()
    seen()
    return before - flat(a.value, b.value), flat(*plain)


def test_clipping():
    limit = 0.5
    cut, g = gradients(clipping.value(limit))
    np.testing.assert_allclose(cut, np.clip(g, -limit, limit))
    cut, g = gradients(clipping.global_norm(limit))
    np.testing.assert_allclose(cut, g * limit / np.linalg.norm(g))
    cut, g = gradients(clipping.norm(limit))
    np.testing.assert_allclose(cut, flat(*(limit * x / np.linalg.norm(x) for x in (g[:6], g[6:]))))
    for make in (clipping.value, clipping.norm, clipping.global_norm):
        cut, g = gradients(make(1e6))
        np.testing.assert_allclose(cut, g)


@pytest.mark.parametrize("make", [lambda: o.sgd(LR), lambda: o.adamw(LR)])
def test_decay_spares_parameters_by_name(make):
    both = {}
    for key, options in {
        "none": {"weight_decay": 0.0},
        "all": {"weight_decay": 0.5},
        "some": {"weight_decay": 0.5, "no_decay": ("*.bias",)},
    }.items():
        a, b = params()
        make().using(**options).function(problem(a, b), [a, b])()
        both[key] = a.value.copy(), b.value.copy()
    np.testing.assert_allclose(both["some"][0], both["all"][0])
    np.testing.assert_allclose(both["some"][1], both["none"][1])
    assert not np.allclose(both["all"][1], both["none"][1])


def test_decay_patterns_that_match_nothing_are_errors():
    a, b = params()
    with pytest.raises(StateError, match=r"'\*\.scale'; there are layer\.weight, layer\.bias"):
        o.sgd().using(no_decay=("*.bias", "*.scale")).function(problem(a, b), [a, b])


@pytest.mark.parametrize("make", [o.sgd, lambda: o.adam(schedules.steps(0.1, 1, 0.5))])
def test_accumulated_batches_are_one_large_batch(make):
    data = np.random.default_rng(0).normal(size=(3, 4, 10))
    ends = []
    for batches, feeds in ((4, [part for block in data for part in block[:, None]]), (1, list(data))):
        a, b = params()
        x = placeholder("x", (None, 10), "float64")
        loss = ag.mean(ag.sum(x * ag.concatenate(ag.flatten(a), b), -1) ** 2)
        step = make().using(accumulate=batches).function(loss, [a, b])
        for n, feed in enumerate(feeds, 1):
            before = a.value.copy()
            step(feed)
            assert np.array_equal(before, a.value) == (n % batches != 0)
        ends.append(flat(a.value, b.value))
    np.testing.assert_allclose(*ends, rtol=1e-12)


def test_a_second_optimizer_goes_on_with_the_same_parameters():
    a, b = params()
    for make in (o.adam, lambda: o.sgd(0.01).using(average=0.9), o.lbfgs):
        step = make().function(problem(a, b), [a, b])
        assert step() > step()


def test_averages_follow_the_parameters():
    a, b = params()
    step = o.sgd(0.01).using(average=0.5).function(problem(a, b), [a, b])
    mean = flat(a.value, b.value)
    for t in range(1, 8):
        step()
        keep = min(0.5, (1 + t) / (10 + t))
        mean = keep * mean + (1 - keep) * flat(a.value, b.value)
    found = flat(*(step.variables[f"average.{p.name}"].value for p in (a, b)))
    np.testing.assert_allclose(found, mean)


def test_updates_of_the_model_are_made_with_every_batch():
    for make in (lambda: o.sgd().using(accumulate=3), o.lbfgs, o.sgd):
        a, b = params()
        seen = ag.variable(np.array(0), "seen")
        step = make().function(problem(a, b), [a, b], {"loss": problem(a, b)}, updates={seen: seen + 1})
        for _ in range(4):
            assert list(step()) == ["loss"]
        assert seen.value == 4


def test_pieces_of_an_arena_differentiate():
    x = np.arange(1.0, 7.0)
    check_grads(lambda x: Spread((2, 1, 3))(SegmentSums((2, 1, 3))(x * x)), [x])
    assert function(SegmentSums((2, 1, 3))(ag.constant(x)))().tolist() == [3, 3, 15]


@pytest.mark.parametrize("name", [n for n in MAKERS if n != "lbfgs"])
def test_the_number_of_kernels_does_not_grow_with_the_parameters(name):
    def count(n):
        ps = [ag.variable(np.full((2, i + 1), 0.3, "float32"), f"p{i}") for i in range(n)]
        loss = ag.add_n(*(ag.sum(p**2) for p in ps))
        step, model = MAKERS[name]().function(loss, ps), function([loss, *ag.grad(loss, ps)])
        step(), model()
        return len(step.plan.steps) - len(model.plan.steps)

    assert count(20) == count(3)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda a: o.lbfgs().minimize(ag.sum(a), [a]), "function"),
        (lambda a: o.sgd().using(accumulate=2).minimize(ag.sum(a), [a]), "function"),
        (lambda a: o.adam().minimize(ag.sum(a), []), "no parameters"),
        (lambda a: o.adam().minimize(ag.sum(a), [ag.placeholder("x")]), "only variables"),
    ],
)
def test_what_cannot_be_done_says_what_can(call, said):
    with pytest.raises(StateError, match=said):
        call(ag.variable([1.0], "a"))
