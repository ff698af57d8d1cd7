"""Answers and steps hold no conditions that nobody typed: the guards of the engine's gradients at single points."""

import pytest

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
