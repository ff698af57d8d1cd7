"""Answers and steps hold no conditions that nobody typed: the guards of the engine's gradients at single points."""

import pytest
from rules import Sweep

from agcli.engine.gradient import grad
from agcli.expression.answers import answer
from agcli.expression.api import derivative, parse, to_text, variables
from agcli.expression.questions import Question
from agcli.expression.simplify import simplify

GUARDED = ["x^x", "x^y", "P*(1 + r/n)^(n*x)", "sin(x)^cos(x)", "hypot(x, y)", "atan2(y, x)", "xlogy(x, y)",
           "logaddexp(x, y)", "norm([x, y])", "(x*y)^(x/y)", "log(x)^(x^y)", "x^y^x"]  # fmt: skip


def texts(text, **options):
    """All that an answer shows of formulas."""
    for result in answer(text, Question(**options)).results:
        yield to_text(result.formula)
        yield from (to_text(t) for step in result.steps for t in (step.before, step.after))


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("text", GUARDED)
def test_no_conditions_that_nobody_typed(text, order, raw):
    shown = list(texts(text, order=order, raw=raw, steps=True))
    assert shown
    assert not any("where" in t for t in shown), shown


def test_what_was_typed_stays():
    assert to_text(derivative("x^where(y == 0, 1, y - 1)", "x")) == "where(y == 0, 1, y - 1)*x^where(y == 0, 0, y - 2)"
    assert to_text(derivative("where(x == 0, 1, x)^2", "x", shorten=False)) == (
        "where(x == 0, 0, 1)*2*where(x == 0, 1, x)"
    )


def test_shares_of_a_maximum_are_no_guards():
    assert to_text(derivative("max(x, y)", "x", shorten=False)) == "where(x > y, 1, where(x == y, 1/2, 0))"


@pytest.mark.parametrize(("text", "name"), [("P*(1 + r/n)^(n*x)", "r"), ("(1 + y/x)^(x*z)", "y"), ("x^y", "x")])
def test_the_simplifier_drops_the_guards_of_an_engine_gradient(text, name):
    """Also where a factor of the exponent was cancelled against a division: n*t of r/n."""
    f = parse(text)
    raw = grad(f, variables(f)[name])
    assert "where" in to_text(raw)
    assert "where" not in to_text(simplify(raw))


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("where(hypot(x, y) == 0, 0, x + 1)", {"x": 0, "y": 0}),
        ("where(hypot(x, y) == 0, 0, cos(x)/hypot(x, y)*hypot(x, y))", {"x": 0, "y": 0}),
        ("(x + 1)*where(hypot(x, y) == 0, 1, hypot(x, y))", {"x": 0, "y": 0}),
        ("where(hypot(relu(x), relu(y)) == 0, 0, relu(x)/hypot(relu(x), relu(y)))", {"x": -1, "y": -2}),
        ("where(hypot(x - abs(x), y - abs(y)) == 0, 3, y)", {"x": 1, "y": 2}),
        ("x^y*log(where(x == 0, 1, z))", {"x": 0, "y": 0, "z": 5}),
        ("y^z*x^where(y == 0, 1, y - 1)", {"x": 3, "y": 0, "z": 0}),
        ("y^z*where(logical_and(x == 0, y == 0), 1, x)^2", {"x": 0, "y": 0, "z": 0}),
    ],
)
def test_a_condition_that_is_no_guard_keeps_its_value(text, point):
    """Nothing is divided by the distance there, the power of 0 is 1, or the distance is 0 over more than a point."""
    formula = parse(text)
    assert simplify(formula).eval(point) == formula.eval(point)


def test_a_condition_whose_distance_stands_nowhere_else_keeps_its_domain():
    """x^(15/2) has no value below 0, and neither has the choice."""
    text = "where(sqrt(x^2*z^2 + x^(15/2)) == 0, 0, x*z/sqrt(x^2*z^2 + x^4))"
    assert "x^(15/2)" in to_text(simplify(parse(text)))


def test_a_distance_of_another_sum_is_no_guard_in_the_check_of_rules():
    sweep = Sweep(7)
    sweep.examine("where(sqrt(x^2*z^2 + x^(15/2)) == 0, 0, x*z/sqrt(x^2*z^2 + x^4))", 0)
    sweep.examine("where(sqrt(x^2*z^2 + x^(15/2)) == 0, 0, x*z/sqrt(x^2*z^2 + x^(15/2)))", 0)
    assert sweep.report.applied["Fn: guard at 0"]
    assert not sweep.report.wider["Fn: guard at 0"]
