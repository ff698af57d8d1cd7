"""Gradients, Jacobians and Hessians of vector formulas: shapes, values against differences, and how they read."""

import re
import zlib

import numpy as np
import pytest

from agcli.expression.answers import answer
from agcli.expression.api import parse, to_text
from agcli.expression.check import Claim, check
from agcli.expression.questions import Question
from agcli.expression.values import values
from agcli.report.formulas import lines

pytestmark = pytest.mark.numeric

V3 = {"x": 3}
SQUARE = {"x": 3, "A": (3, 3)}
WIDE = {"x": 3, "A": (2, 3), "b": 2}

HESSIANS = [
    ("sum(x^2)", V3, "2*eye(3)"),
    ("sum(x)", V3, "zeros((3, 3))"),
    ("sum(x)^2", V3, "2*ones((3, 3))"),
    ("mean(x^2)", V3, "2*eye(3)/3"),
    ("x.T @ x", V3, "2*eye(3)"),
    ("x.T @ A @ x", SQUARE, "A + A.T"),
    ("x[0]^2*x[1]", V3, "[[2*x[1], 2*x[0], 0], [2*x[0], 0, 0], [0, 0, 0]]"),
    ("x[0]*x[-1]", V3, "[[0, 0, 1], [0, 0, 0], [1, 0, 0]]"),
    ("sum(exp(x))", V3, "diag(exp(x))"),
    ("sum(where(x > 0, x^3, x))", V3, "diag(where(x > 0, 6*x, 0))"),
    ("sum(exp(A @ x))", WIDE, "A.T @ diag(exp(A @ x)) @ A"),
    ("sum((A @ x - b)^2)", WIDE, None),
    ("sum(relu(A @ x - b)^2)", WIDE, None),
    ("norm(A @ x - b)", WIDE, None),
    ("norm(x)", V3, None),
    ("logsumexp(x)", V3, None),
    ("var(x)", V3, None),
    ("prod(x)", V3, None),
    ("sum(log(x))*sum(x)", V3, None),
    ("sum(cumsum(x)^2)", V3, None),
    ("x.T @ x/(1 + x.T @ x)", V3, None),
    ("sum(x[1:]^2*x[:-1])", V3, None),
    ("sum(sin(x)*x)/sum(x)", V3, None),
    ("log(sum(exp(x)*x))", V3, None),
    ("(x.T @ A @ x)^2", SQUARE, None),
    ("sum(outer(x, x)^3)", V3, None),
    ("trace(outer(x, sin(x)))", V3, None),
    ("max(x)*sum(x)", V3, None),
    ("sum(x^2)", {"x": 1}, None),
    ("sum(concatenate(x^2, sin(x), axis=0))", V3, None),
    ("sum(x[::-1]*x)", V3, None),
    ("sum(sort(x)*x)", V3, None),
]

JACOBIANS = [
    ("A @ x", WIDE, "A"),
    ("A @ x + b", WIDE, "A"),
    ("exp(x)", V3, "diag(exp(x))"),
    ("x", V3, "eye(3)"),
    ("3*x", V3, "3*eye(3)"),
    ("softmax(x)", V3, "diag(softmax(x)) - outer(softmax(x), softmax(x))"),
    ("sigmoid(A @ x + b)", WIDE, None),
    ("x/norm(x)", V3, None),
    ("x[1]*x + x[0]", V3, None),
    ("x[1:]*x[:-1]", V3, None),
    ("[x.T @ x, sum(x), x[0]*x[1]]", V3, None),
    ("x*sum(x)", V3, None),
    ("A @ x/norm(x)", WIDE, None),
    ("x.T @ A", SQUARE, "A.T"),
    ("where(x > 1, x^2, sin(x))", V3, None),
    ("cumsum(x)", V3, None),
    ("abs(x)*x", V3, None),
    ("A @ tanh(x)", WIDE, None),
    ("concatenate(x, x^2, axis=0)", V3, None),
    ("maximum(x, 1)", V3, None),
    ("mean(x)*x", V3, None),
    ("inv(A) @ x", SQUARE, None),
    ("solve(A, x)", SQUARE, None),
    ("sum(A*x, axis=1)", WIDE, None),
]


def used(text, shapes):
    """The shapes of the variables of a formula."""
    found = {name: s if isinstance(s, tuple) else (s,) for name, s in shapes.items()}
    return {name: s for name, s in found.items() if re.search(rf"\b{name}\b(?!\()", text)}


def texts(shapes):
    return tuple(f"{name}={list(s)}" for name, s in shapes.items())


def point(shapes, text):
    """Values away from kinks; the same for a formula in every run."""
    rng = np.random.default_rng(zlib.crc32(text.encode()))
    return {name: rng.uniform(0.4, 1.9, s) for name, s in shapes.items()}


def differences(f, at, name, h):
    """Central differences of a formula by each element of the vector `name`, as new last axes."""
    columns = []
    for i in range(at[name].size):
        step = np.zeros_like(at[name])
        step.reshape(-1)[i] = h
        up, down = (values([f], {**at, name: at[name] + s * step})[0] for s in (1, -1))
        columns.append((up - down) / (2 * h))
    return np.stack(columns, axis=-1)


def second_differences(f, at, name, h=2e-4):
    x = at[name]
    n = x.size

    def value(i, s, j, t):
        moved = x.copy()
        moved[i] += s * h
        moved[j] += t * h
        return float(values([f], {**at, name: moved})[0])

    return np.array([
        [(value(i, 1, j, 1) - value(i, 1, j, -1) - value(i, -1, j, 1) + value(i, -1, j, -1)) / (4 * h * h)
         for j in range(n)] for i in range(n)
    ])  # fmt: skip


@pytest.mark.parametrize(("text", "shapes", "shown"), HESSIANS, ids=[row[0] for row in HESSIANS])
@pytest.mark.parametrize("raw", [False, True])
def test_hessians_of_vectors_are_square(text, shapes, shown, raw):
    shapes = used(text, shapes)
    at = point(shapes, text)
    (result,) = answer(text, Question(hessian=True, wrt=("x",), shape=texts(shapes), raw=raw)).results
    (n,) = shapes["x"]
    assert result.formula.shape == (n, n)
    found = values([result.formula], at)[0]
    f = parse(text, shapes)
    np.testing.assert_allclose(found, second_differences(f, at, "x"), rtol=1e-5, atol=1e-5)
    if shown and not raw:
        assert to_text(result.formula) == shown
        again = values([parse(shown, used(shown, shapes))], at)[0]
        np.testing.assert_allclose(again, found, rtol=1e-12)


@pytest.mark.parametrize(("text", "shapes", "shown"), JACOBIANS, ids=[row[0] for row in JACOBIANS])
@pytest.mark.parametrize("raw", [False, True])
def test_jacobians_of_vectors_have_a_row_for_each_element(text, shapes, shown, raw):
    shapes = used(text, shapes)
    at = point(shapes, text)
    f = parse(text, shapes)
    expected = differences(f, at, "x", 1e-6)
    (plain,) = answer(text, Question(wrt=("x",), shape=texts(shapes), raw=raw)).results
    (matrix,) = answer(text, Question(jacobian=True, wrt=("x",), shape=texts(shapes), raw=raw)).results
    for result in (plain, matrix):
        assert result.formula.shape == expected.shape
        np.testing.assert_allclose(values([result.formula], at)[0], expected, rtol=1e-7, atol=1e-7)
    if shown and not raw:
        assert to_text(matrix.formula) == shown


@pytest.mark.parametrize("text", ["softmax(x)", "A @ x", "x/norm(x)", "sigmoid(A @ x + b)"])
def test_the_check_compares_jacobians(text):
    shapes = used(text, WIDE)
    (result,) = answer(text, Question(wrt=("x",), shape=texts(shapes), check=True)).results
    assert result.check.ok
    f, x = result.claims[0].formula, result.claims[0].x
    for wrong in (2 * result.formula, result.formula[::-1]):
        assert check([Claim(f, x, wrong)]).ok is False


@pytest.mark.parametrize("text", ["[y]/[x, y]", "[x, y] - [0.1y]", "[x]*[1, y]*[y]"])
def test_a_vector_of_one_element_stands_for_all(text):
    found = answer(text, Question(at=("x=3,y=2",)))
    function = found.formula.tensor
    for result in found.results:
        name, h = result.wrt[0], 1e-6
        ahead, behind = (function.eval({"x": 3.0, "y": 2.0, name: {"x": 3.0, "y": 2.0}[name] + s * h}) for s in (1, -1))
        np.testing.assert_allclose(np.asarray(result.value, float), (ahead - behind) / (2 * h), rtol=1e-6, atol=1e-9)
    for form in ("text", "python", "numpy", "latex"):
        assert list(lines(found, form))


WRITTEN = [  # what is written out has derivatives without a matrix
    ("trace([[x, 1], [1, y]])", "1", "1"),
    ("trace([[x, 1], [1, y]] @ [[x, 2], [3, y]])", "2*x", "2*y"),
    ("([[x, 1], [1, y]] @ [x, y])[1]", "1", "2*y"),
    ("[x, y] @ [[x, 1], [1, y]] @ [x, y]", "3*x^2 + 2*y", "3*y^2 + 2*x"),
    ("[x, y] @ [[x, 1], [1, y]]", "[2*x, 1]", "[1, 2*y]"),
    ("inv([[x, 1], [1, y]])[0, 0]", "-y^2/(x*y - 1)^2", "-1/(x*y - 1)^2"),
    ("[[x*y, 1], [1, y]][:, 0]", "[y, 0]", "[x, 0]"),
    ("[[x*y, 1], [x, y]][1, :]", "[1, 0]", "[0, 1]"),
]


@pytest.mark.parametrize(("text", "by_x", "by_y"), WRITTEN, ids=[row[0] for row in WRITTEN])
def test_matrices_that_are_written_out_are_formulas_of_their_elements(text, by_x, by_y):
    found = answer(text, Question(check=True))
    assert [to_text(result.formula) for result in found.results] == [by_x, by_y]
    assert all(result.check.ok for result in found.results)
