"""Derivatives as values: against differences, at points, in series, matrices and directions; and the Python names."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agcli.expression import ExpressionError
from agcli.expression.answers import answer
from agcli.expression.api import derivative, parse, to_text
from agcli.expression.check import Claim, check
from agcli.expression.questions import Question
from agcli.expression.values import show, values

pytestmark = pytest.mark.numeric

UNARY = ["sin", "cos", "exp", "tanh", "arctan", "log", "sqrt", "sinh", "erf", "sigmoid", "softplus", "abs", "cbrt"]
TREES = st.recursive(
    st.sampled_from(["x", "y", "2", "1/3", "pi"]),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("({})^{}".format, inner, st.sampled_from(["2", "3", "(-1)", "(1/2)", "y"])),
        st.builds("{}({})".format, st.sampled_from(UNARY), inner),
        st.builds("where({} > 1, {}, {})".format, inner, inner, inner),
        st.builds("max({}, {})".format, inner, inner),
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@example("max((1/3)^(1/2), erf(x))", False)  # erf near 1 is nearly flat
@given(TREES, st.booleans())
def test_derivatives_pass_their_check(text, raw):
    """The formula of the derivative, the engine's reverse mode and a complex step agree."""
    try:
        found = answer(text, Question(check=True, raw=raw))
    except ExpressionError:  # without a variable, or a number that is too large
        return
    for result in found.results:
        assert result.check.ok is not False, (to_text(result.formula), result.check)


def test_the_check_finds_a_wrong_derivative():
    f = parse("x^2*sin(x)")
    x = next(iter(f.inputs[0].inputs))
    right = check([Claim(f, x, derivative(f, "x"))])
    wrong = check([Claim(f, x, derivative(f, "x") + f * 1e-3)])
    assert (right.ok, wrong.ok) == (True, False)
    assert wrong.max_error > 1e-5 > right.max_error


@pytest.mark.parametrize("text", ["log(x - 1)", "sqrt(1 - x^2)", "arcsin(x)*arccosh(x + 1)", "log(log(x))", "x^x"])
def test_points_are_found_inside_of_domains(text):
    (result,) = answer(text, Question(check=True)).results
    assert (result.check.ok, result.check.points) == (True, 12)


def test_no_point_is_not_a_proof():
    (result,) = answer("log(-x^2 - 1)", Question(check=True)).results
    assert (result.check.ok, result.check.points) == (None, 0)


VALUES = [
    # formula, question, values of the results
    ("2*x^2 + 3*y + 1", {"at": ["x=2,y=0"]}, [8, 3]),
    ("sin(x)", {"order": 4, "at": ["x=pi/2"]}, [1]),
    ("x^3*y^2", {"wrt": ["x,y"], "at": ["x=2", "y=5"]}, [120]),
    ("x^2*y", {"gradient": True, "at": ["x=2,y=3"]}, [[12, 4]]),
    ("[x*y, x + y]", {"jacobian": True, "at": ["x=2,y=3"]}, [[[3, 2], [1, 1]]]),
    ("x^2*y + y^3", {"hessian": True, "at": ["x=2,y=3"]}, [[[6, 4], [4, 18]]]),
    ("x^2*y", {"direction": "x=3/5,y=4/5", "at": ["x=1,y=2"]}, [3.2]),
    ("x^2 + y^2 = 25", {"implicit": "y", "at": ["x=3,y=4"]}, [-0.75]),
    ("x^2 + y^2 = 25", {"implicit": "y", "order": 2, "at": ["x=3,y=4"]}, [-25 / 64]),
    ("x*y*z = 1", {"implicit": "z", "at": ["x=1,y=2,z=1/2"]}, [-0.5, -0.25]),
    ("exp(x)", {"taylor": "x=0,n=10", "at": ["x=1"]}, [2.7182818011]),
    ("cos(x)", {"taylor": "x=pi,n=4", "at": ["x=pi"]}, [-1]),
    ("sqrt(x)", {"taylor": "x=1,n=1", "at": ["x=3"]}, [2]),
    ("a*x^2", {"given": ["a=3"], "at": ["x=2"]}, [12]),
    ("a*x^2", {"given": ["a=b", "b=2"], "wrt": ["x"], "at": ["x=2"]}, None),
    ("dot(x, x)", {"at": ["x=[1,2,3]"]}, [[2, 4, 6]]),
    ("x.T @ A @ x", {"wrt": ["x"], "at": ["A=[[1,2],[3,4]],x=[1,1]"]}, [[7, 13]]),
    ("det(A)", {"at": ["A=[[1,2],[3,4]]"]}, [[[4, -3], [-2, 1]]]),
    ("[sin(x), x^2][1]", {"at": ["x=3"]}, [6]),
    ("x[0]*x[1]", {"at": ["x=[3,4]"]}, [[4, 3]]),
    ("where(x > 0, sqrt(x), x)", {"at": ["x=-1"]}, [1]),
    ("abs(x)", {"at": ["x=-2"]}, [-1]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "options", "expected"), VALUES, ids=[f"{t} {o}" for t, o, _ in VALUES])
def test_values(text, options, expected):
    question = Question(**options, check=True)
    if expected is None:
        with pytest.raises(ExpressionError, match="has no variable `b`"):
            answer(text, question)
        return
    results = answer(text, question).results
    assert len(results) == len(expected)
    for result, value in zip(results, expected, strict=True):
        np.testing.assert_allclose(result.value, value, rtol=1e-9, atol=1e-12)
        assert result.check.ok is True


def test_python_names():
    f = parse("x*sin(y)")
    assert f.eval({"x": 2.0, "y": 0.5}) == pytest.approx(2 * np.sin(0.5))
    assert to_text(derivative(f, "x")) == "sin(y)"
    assert to_text(derivative(f, "y", order=2)) == "-x*sin(y)"
    assert to_text(derivative("x^3")) == "3*x^2"
    assert to_text(derivative("x^3", shorten=False)) == "1*3*x^2"
    with pytest.raises(ExpressionError, match="its variables are x, y"):
        derivative(f, "z")
    with pytest.raises(ExpressionError, match="name the variable: the formula has x, y"):
        derivative(f)
    with pytest.raises(ExpressionError, match="found an equation"):
        parse("x = 1")


@pytest.mark.parametrize(
    ("value", "text"),
    [(2.0, "2"), (0.1, "0.1"), (1 / 3, "0.333333333333"), (np.nan, "nan"), (1e300, "1e+300"), (True, "True"),
     ([[1.0, 2.5]], "[[1, 2.5]]"), (np.zeros(1000), "1,000 numbers")],
)  # fmt: skip
def test_how_values_are_shown(value, text):
    assert show(value) == text


def test_values_of_the_formula_and_its_parts_are_those_of_the_engine():
    f = parse("exp(x)*log(y)")
    at = {"x": np.float64(0.3), "y": np.float64(2.0)}
    assert values([f], at)[0] == pytest.approx(float(f.eval({"x": 0.3, "y": 2.0})))


@pytest.mark.parametrize("text", ["sum(svd([[x, 1], [2, y]]))", "top_k([x, y], 1)", "2*split([x, y], 2)"])
def test_results_of_a_function_are_not_mixed(text):
    with pytest.raises(ExpressionError, match=r"expected one value, found the \d results") as e:
        parse(text)
    assert e.value.hint == "write f(...)[0]"
    assert parse("sum(svd([[x, 1], [2, y]])[1])").shape == ()
