"""Steps: told in order, each true at random points, and ending in the answer."""

import numpy as np
import pytest

import agcli as ag
from agcli.engine.graph import toposort
from agcli.engine.substitution import substitute
from agcli.expression.api import parse, to_text
from agcli.expression.gradients import gradients
from agcli.expression.simplify import gradient_steps, simplify, steps
from agcli.expression.values import pointwise, values

FORMULAS = [
    "x^2*sin(x)",
    "exp(-x^2/2)",
    "x/(x^2 + 1)",
    "sin(x)*cos(x)",
    "log(1/cos(x) + tan(x))",
    "x^x",
    "2^x*y",
    "(x + 1)^3*(x - 1)^2",
    "sqrt(x + sqrt(x))",
    "arctan(2*x/(1 - x^2))",
    "tanh(x)^2/x",
    "where(x > 1, x^2, log(x))",
    "abs(x - 1)*x",
    "-3*x + y",
    "sinh(x)/(1 + cosh(x))",
]


def text_of(step):
    mark = "d/dx " if step.kind == "derivative" else ""
    return f"{step.rule}: {mark}{to_text(step.before)} = {to_text(step.after)}"


def variable(f):
    return next(t for t in toposort([f]) if t.name == "x")


@pytest.mark.parametrize("text", FORMULAS)
def test_each_step_is_true(text):
    rng = np.random.default_rng(1)
    x = rng.uniform(0.2, 0.9, 50)
    f = parse(text)
    told = steps(f, variable(f))
    assert told
    for step in told:
        feeds, moved = {"x": x, "y": rng.uniform(1, 2, 50)}, {}
        (after,) = pointwise([step.after], feeds)
        if step.kind == "rewrite":
            (expected,) = pointwise([step.before], feeds)
        else:
            moved = [pointwise([step.before], {**feeds, "x": x + h})[0] for h in (1e-6, -1e-6)]
            expected = (moved[0] - moved[1]) / 2e-6
        np.testing.assert_allclose(*np.broadcast_arrays(after, expected), rtol=1e-5, atol=1e-6, err_msg=text_of(step))


@pytest.mark.parametrize("text", FORMULAS)
def test_the_last_step_is_the_answer(text):
    f = parse(text)
    x = variable(f)
    assert to_text(steps(f, x)[-1].after) == to_text(simplify(gradients(f, [x])[0]))


TOLD = {
    "x^2*sin(x)": [
        "power rule: d/dx x^2 = 2*x",
        "derivative of sin: d/dx sin(x) = cos(x)",
        "product rule: d/dx x^2*sin(x) = x^2*cos(x) + 2*x*sin(x)",
        "common factor: x^2*cos(x) + 2*x*sin(x) = x*(x*cos(x) + 2*sin(x))",
    ],
    "x/(x^2 + 1)": [
        "power rule: d/dx x^2 = 2*x",
        "sum rule: d/dx x^2 + 1 = 2*x",
        "quotient rule: d/dx x/(x^2 + 1) = 1/(x^2 + 1) - 2*x^2/(x^2 + 1)^2",
        "common denominator: 1/(x^2 + 1) - 2*x^2/(x^2 + 1)^2 = (1 - x^2)/(x^2 + 1)^2",
    ],
    "sin(x^2)*y": [
        "power rule: d/dx x^2 = 2*x",
        "derivative of sin, chain rule: d/dx sin(x^2) = 2*x*cos(x^2)",
        "constant factor rule: d/dx sin(x^2)*y = 2*x*y*cos(x^2)",
    ],
    "2^x": ["exponential rule: d/dx 2^x = log(2)*2^x"],
    "x^y - y": ["power rule: d/dx x^y = y*x^(y - 1)",
                "difference rule: d/dx x^y - y = y*x^(y - 1)"],
}  # fmt: skip


@pytest.mark.parametrize("text", TOLD)
def test_what_is_told(text):
    f = parse(text)
    told = [text_of(s) for s in steps(f, variable(f)) if s.rule != "collect like terms and powers"]
    assert told == TOLD[text]


def test_rewrites_follow_each_other():
    """Each rewritten part is a part of what stood there before."""
    f = parse("(x + 1)^3*(x - 1)^2")
    told = [s for s in steps(f, variable(f)) if s.kind == "rewrite"]
    assert to_text(told[1].before) in to_text(told[0].after)
    assert told[0].rule == "collect like terms and powers"


def test_a_formula_without_the_variable_has_no_derivative_steps():
    x = ag.placeholder("x", (), "float64")
    assert [s.kind for s in steps(parse("y^2"), x)] in ([], ["rewrite"])


ARRAYS = [
    ("sum((A @ v - b)^2)", "v"),
    ("sum((A @ v - b)^2)", "A"),
    ("v.T @ (A.T @ A) @ v", "v"),
    ("norm(v)^2 + sum(sin(v))", "v"),
    ("dot(v, v)*logsumexp(v)", "v"),
    ("prod(v + 2)*max(b)", "b"),
    ("sum(tanh(A @ v)*b)", "A"),
]
SHAPES = {"A": (2, 3), "v": (3,), "b": (2,)}


@pytest.mark.parametrize(("text", "name"), ARRAYS)
def test_each_gradient_is_true(text, name):
    """The gradient by every part against differences of the formula in which the part is moved."""
    rng = np.random.default_rng(2)
    f = parse(text, {n: s for n, s in SHAPES.items() if n in text})
    x = next(t for t in toposort([f]) if t.name == name)
    feeds = {t.name: rng.uniform(0.3, 1, t.shape) for t in toposort([f]) if t.op is None and t.name}
    told = gradient_steps(f, x)
    assert told[-1].kind == "rewrite"
    assert sum(s.before is x for s in told) == 1
    for step in told:
        (after,) = values([step.after], feeds)
        if step.kind == "rewrite":
            np.testing.assert_allclose(after, values([step.before], feeds)[0], rtol=1e-9)
            continue
        moved = ag.placeholder("moved", step.before.shape, "float64")
        (whole,) = substitute([f], {step.before: moved})
        (at,) = values([step.before], feeds)
        v = rng.standard_normal(at.shape)
        sides = [values([whole], {**feeds, "moved": at + h * v})[0] for h in (1e-6, -1e-6)]
        np.testing.assert_allclose(np.sum(after * v), (sides[0] - sides[1]) / 2e-6, rtol=1e-5, err_msg=text_of(step))
