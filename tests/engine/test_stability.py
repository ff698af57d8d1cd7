"""Unstable formulas: each rule before and after, and values and gradients at the ends of the floats."""

import numpy as np
import pytest

from agcli.engine import functional
from agcli.engine.function import Function
from agcli.engine.gradient import grad, pullback, pushforward
from agcli.engine.graph import Tensor, toposort
from agcli.engine.leaves import placeholder
from agcli.engine.ops.elementwise import (
    exp,
    log,
    log1p,
    log2,
    reciprocal,
    sqrt,
    square,
)
from agcli.engine.ops.logic import where
from agcli.engine.ops.reductions import mean, sum
from agcli.engine.rewrite.stability import REPAIRS, UNSAFE, stabilise
from agcli.engine.table import OPS
from agcli.engine.testing import check_grads

pytestmark = pytest.mark.numeric

assert functional
F = {name: entry.function for name, entry in OPS.items()}
sigmoid, softmax = F["sigmoid"], F["softmax"]


def formula(t, leaf):
    """A graph as text, so that two columns can be compared."""
    if t.op is None:
        return "x" if t is leaf else f"{float(t.value):g}"
    return f"{t.op.name}({', '.join(formula(i, leaf) for i in t.inputs)})"


# rule -> rows of (formula as a user writes it, what it becomes, the same in NumPy)
RULES = {
    "log_of_activation": [
        (lambda x: log(softmax(x)), "log_softmax(x)", lambda x: np.log(np.exp(x) / np.exp(x).sum())),
        (lambda x: log(softmax(x)[1:]), "getitem(log_softmax(x))", lambda x: np.log(np.exp(x) / np.exp(x).sum())[1:]),
        (lambda x: log(sigmoid(x)), "log_sigmoid(x)", lambda x: -np.log(1 + np.exp(-x))),
        (lambda x: log(1 + exp(x)), "softplus(x)", lambda x: np.log(1 + np.exp(x))),
        (lambda x: log(exp(-x) + 1.0), "softplus(negative(x))", lambda x: np.log(1 + np.exp(-x))),
        (lambda x: log(exp(x) + exp(x)), "logaddexp(x, x)", lambda x: x + np.log(2)),
        (lambda x: log(1 - sigmoid(x)), "log_sigmoid(negative(x))", lambda x: -np.log(1 + np.exp(x))),
        (lambda x: log(1 - sigmoid(-x)), "log_sigmoid(x)", lambda x: -np.log(1 + np.exp(-x))),
        (lambda x: log(1 + -sigmoid(x)), "log_sigmoid(negative(x))", lambda x: -np.log(1 + np.exp(x))),
        (lambda x: log(exp(x)), "x", lambda x: x),
        (lambda x: log(sum(exp(x))), "logsumexp(x)", lambda x: np.log(np.exp(x).sum())),
        (
            lambda x: log(mean(exp(x), keepdims=True)),
            "subtract(logsumexp(x), log(astype(3)))",
            lambda x: np.log(np.exp(x).mean(keepdims=True)),
        ),
        (lambda x: log(1 / (1 + exp(-x))), "log_sigmoid(x)", lambda x: -np.log(1 + np.exp(-x))),
    ],
    "log_to_base": [
        (lambda x: log2(sigmoid(x)), "divide(log_sigmoid(x), astype(log(2)))", lambda x: -np.log2(1 + np.exp(-x))),
        (lambda x: log2(1 + x), "log2(add(1, x))", lambda x: np.log2(1 + x)),
    ],
    "log_near_one": [
        (lambda x: log(1 + x), "log1p(x)", np.log1p),
        (lambda x: log(1 - x / 4), "log1p(negative(divide(x, 4)))", lambda x: np.log(1 - x / 4)),
        (lambda x: log(2 + x), "log(add(2, x))", lambda x: np.log(2 + x)),
    ],
    "log1p_of_activation": [
        (lambda x: log1p(exp(x)), "softplus(x)", lambda x: np.log(1 + np.exp(x))),
        (lambda x: log1p(-sigmoid(x)), "log_sigmoid(negative(x))", lambda x: -np.log(1 + np.exp(x))),
    ],
    "exp_minus_one": [
        (lambda x: exp(x) - 1, "expm1(x)", np.expm1),
        (lambda x: -1 + exp(x), "expm1(x)", np.expm1),
        (lambda x: 1 - exp(x), "negative(expm1(x))", lambda x: -np.expm1(x)),
        (lambda x: exp(x) - 2, "subtract(exp(x), 2)", lambda x: np.exp(x) - 2),
    ],
    "quotient_of_exponentials": [
        (lambda x: exp(x) / sum(exp(x)), "softmax(x)", lambda x: np.exp(x) / np.exp(x).sum()),
        (
            lambda x: exp(2 * x) / sum(exp(2 * x), 0, keepdims=True),
            "softmax(multiply(2, x))",
            lambda x: np.exp(2 * x) / np.exp(2 * x).sum(),
        ),
        (lambda x: exp(x) / (1 + exp(x)), "sigmoid(x)", lambda x: 1 / (1 + np.exp(-x))),
        (lambda x: exp(x) / (exp(x) + exp(x * x)), "sigmoid(subtract(x, multiply(x, x)))",
         lambda x: 1 / (1 + np.exp(x * x - x))),
    ],
    "hyperbolic_tangent": [
        (lambda x: (exp(x) - exp(-x)) / (exp(x) + exp(-x)), "tanh(multiply(0.5, subtract(x, negative(x))))", np.tanh),
        (lambda x: (exp(2 * x) - 1) / (exp(2 * x) + 1), "tanh(multiply(0.5, multiply(2, x)))", np.tanh),
    ],
    "logistic": [
        (lambda x: 1 / (1 + exp(-x)), "sigmoid(x)", lambda x: 1 / (1 + np.exp(-x))),
        (lambda x: 1 / (1 + exp(x)), "sigmoid(negative(x))", lambda x: 1 / (1 + np.exp(x))),
        (lambda x: x / (1 + exp(-1 * x)), "multiply(x, sigmoid(x))", lambda x: x / (1 + np.exp(-x))),
    ],
    "logistic_inverse": [
        (lambda x: reciprocal(1 + exp(0 - x)), "sigmoid(x)", lambda x: 1 / (1 + np.exp(-x))),
        (lambda x: (1 + exp(-x)) ** -1, "sigmoid(x)", lambda x: 1 / (1 + np.exp(-x))),
        (lambda x: (1 + exp(-x)) ** -2, "power(add(1, exp(negative(x))), -2)", lambda x: (1 + np.exp(-x)) ** -2),
    ],
    "root_of_squares": [
        (lambda x: sqrt(x**2), "abs(x)", np.abs),
        (lambda x: sqrt(x * x + square(x - 1)), "hypot(x, subtract(x, 1))", lambda x: np.hypot(x, x - 1)),
        (lambda x: (x**2 + x**2 + x**2) ** 0.5, "hypot(hypot(x, x), x)", lambda x: np.sqrt(3) * x),
        (lambda x: sqrt(sum(square(x))), "norm(x)", lambda x: np.sqrt((x**2).sum())),
        (
            lambda x: sqrt(mean(x * x)),
            "divide(norm(x), sqrt(astype(3)))",
            lambda x: np.sqrt((x**2).mean()),
        ),
        (lambda x: sqrt(1 + square(x)), "sqrt(add(1, square(x)))", lambda x: np.sqrt(1 + x * x)),
    ],
    "mask_unsafe_branch": [
        (
            lambda x: where(x > 0, log(x), 0),
            "where(greater(x, 0), log(where(greater(x, 0), x, 0.5)), 0)",
            np.log,
        ),
        (
            lambda x: where(x > 0, log(where(x > 0, x, 1)), 0),
            "where(greater(x, 0), log(where(greater(x, 0), x, 1)), 0)",
            np.log,
        ),
        (
            lambda x: where(x < 0, 0, 1 / x + x),
            "where(less(x, 0), 0, add(divide(1, where(less(x, 0), 1, x)), x))",
            lambda x: 1 / x + x,
        ),
    ],
}  # fmt: skip
ROWS = [pytest.param(*row, id=f"{name}-{i}") for name, rows in RULES.items() for i, row in enumerate(rows)]
POINTS = np.array([0.3, 0.9, 0.5])


def test_every_rule_has_rows():
    assert {rule.__name__ for rules in REPAIRS.values() for rule in rules} == set(RULES)


@pytest.mark.parametrize(("build", "after", "reference"), ROWS)
def test_rules_before_and_after(build, after, reference):
    x = placeholder("x", (3,), "float64")
    y = build(x)
    (repaired,), _ = stabilise([y])
    assert formula(repaired, x) == after
    assert repaired.type == y.type
    np.testing.assert_allclose(Function([y], inputs=[x])(POINTS)[0], reference(POINTS), rtol=1e-14)
    check_grads(build, [POINTS], order=2)


@pytest.mark.parametrize(("build", "after", "reference"), ROWS)
def test_rules_do_not_look_through_what_is_differentiated(build, after, reference):
    """The gradient with respect to any intermediate tensor exists, also a second time."""
    x = placeholder("x", (3,), "float64")
    y = build(x)
    for t in toposort([y]):
        if t.op is not None and t.dtype.kind == "f" and t is not y:
            (g,) = pullback([y], [t], [F["ones_like"](y)])
            assert g is not None or t.op.name == "greater"


def test_a_repaired_tensor_can_be_differentiated_by_twice():
    x = placeholder("x", (3,), "float64")
    h = log(softmax(x))
    loss = sum(h * h * x)
    dh, dx = grad(loss, [h, x])
    assert grad(sum(dh), h) is not None
    hh, hx, ref = Function([grad(sum(dh), h), dx, log(softmax(x))], inputs=[x])(POINTS * 1000)
    np.testing.assert_allclose(hh, 2000 * POINTS)
    assert np.isfinite(hx).all()
    assert np.isfinite(ref).all()


def test_what_is_stable_stays_the_same_node():
    x = placeholder("x", (3,), "float64")
    y = sum(sqrt(1 + square(x)) * sigmoid(x) / (2 + exp(x)))
    assert stabilise([y], [x]) == ([y], [x])


def test_a_mask_does_not_reach_behind_ops_that_mix_elements():
    """softmax(exp(x)) needs every exp(x), chosen or not."""
    x = placeholder("x", (3,), "float64")
    y = where(x > 0.4, log(softmax(exp(x))), 0)
    e = np.exp(POINTS)
    expected = np.where(POINTS > 0.4, e - np.log(np.exp(e).sum()), 0)
    np.testing.assert_allclose(Function([y], inputs=[x])(POINTS)[0], expected, rtol=1e-14)


def test_a_mask_by_hand_and_ours_become_one():
    x = placeholder("x", (3,), "float64")
    f = Function([where(x > 0, log(where(x > 0, x, 0)), 0)], inputs=[x])
    np.testing.assert_array_equal(f(np.array([-1.0, 1.0, 0.0]))[0], 0)
    assert [step.op.name for step in f.plan.steps] == ["greater", "where", "log", "keep"]


def test_names_and_the_place_survive():
    x = placeholder("x", (3,), "float64")
    y = log(softmax(x)).named("scores")
    (new,), _ = stabilise([y])
    assert (new.name, new.origin) == ("scores", y.origin)


def test_nested_conditions_are_masked_together():
    """Each piece of a piecewise function is unsafe where another one is chosen."""
    x = placeholder("x", (4,), "float64")
    y = where(x < 0, 0, where(x < 1, sqrt(x) * x, log(x - 1 + 1 / (x - 2))))
    f = Function([y, grad(sum(y), x), grad(sum(grad(sum(y), x)), x)], inputs=[x])
    for found in f(np.array([-1.0, 0.25, 3.0, -1e30])):
        assert np.isfinite(found).all(), found


@pytest.mark.parametrize("name", UNSAFE)
def test_branches_that_are_not_chosen_leave_no_nan(name):
    """At points where the op or its derivative is not finite, the other branch is chosen."""
    bad = np.array([0.0, -1.0, 1.0, -2.0, np.inf, -np.inf, 1e30, -1e30])
    x = placeholder("x", bad.shape, "float32")
    f = F.get(name)
    special = {
        "polygamma": lambda t: f(1, t), "power": lambda t: f(t, -1.5), "betainc": lambda t: f(1.5, 2.5, t),
        "lambertw_lower": lambda t: F["lambertw"](t, -1), "hurwitz_zeta": lambda t: F["zeta"](2.0, t),
        "hyp2f1": lambda t: f(1.5, 0.5, 2.5, t),
    }  # fmt: skip
    call = special.get(name, F.get(name))
    z = call(1.0, x) if UNSAFE[name][0] == 1 and name not in special else call(x)
    y = where(x > 100.5, x, where(x < 100.5, x, z))
    (dy,) = pushforward([y], [x], [F["ones_like"](x)])
    for found in Function([grad(sum(y), x), dy], inputs=[x])(bad.astype("float32")):
        np.testing.assert_array_equal(found, 1)


# Scale --------------------------------------------------------------------------------------------------------
def chain(n, repairs):
    x: Tensor = placeholder("x", (), "float64")
    y = x
    for i in range(n // 4):
        y = log(1 + exp(y)) * 0.5 if repairs else log(2 + exp(y)) * 0.5
        if repairs and i % 10 == 0:
            y = where(y > 0, log(y), y)
    return y


@pytest.mark.parametrize("repairs", [False, True])
def test_work_grows_linearly(repairs, calls):
    few, many = chain(5_000, repairs), chain(20_000, repairs)
    assert calls(lambda: stabilise([many])) < 5 * calls(lambda: stabilise([few]))
