"""A point that is a constant of the formula but for rounding: values are those at the float64, against mpmath; what
hangs on the constant itself, a kink, a jump, a pole or an end, is named."""

import math

import mpmath as mp
import pytest

from agcli.expression.answers import answer
from agcli.expression.api import read
from agcli.expression.at_point import Point
from agcli.expression.questions import Question
from agcli.report.formulas import lines, to_json
from tests.expression.values_corpus import judge_point
from tests.expression.values_oracle import Oracle, as_mpf, close

pytestmark = pytest.mark.numeric

CONSTANTS = {
    "pi": math.pi, "e": math.e, "(-pi)": -math.pi, "(pi/2)": math.pi / 2, "(2*pi)": 2 * math.pi,
    "sqrt(2)": math.sqrt(2), "(1/3)": 1 / 3, "((1 + sqrt(5))/2)": (1 + math.sqrt(5)) / 2,
}  # fmt: skip
MEETING = [
    # formula, and whether it has a kink, a jump, a pole or an end at the constant
    ("abs(x - {c})", True), ("(x - {c})*abs(x - {c}) + x", True), ("sqrt({c} - x)", True), ("sqrt(x - {c})", True),
    ("log({c} - x)", True), ("1/(x - {c})", True), ("floor(x/{c})", True), ("mod(x*x, {c}*x)", True),
    ("max(x, {c})", True), ("sign(x - {c})", True), ("where({c} - x == 0, 1, x)", True),
    ("where(x < {c}, x, x^2)", True), ("where(x >= {c}, x, sin(x))", True), ("arccos(x/{c})", True),
    ("sin(x + {c})", False), ("x*{c} - {c}", False),
]  # fmt: skip
LINES = [
    # formula, point, what is shown of it and of its derivatives of order 1 to 3
    ("abs(x - 1/3)", 1 / 3, "1.85037170771e-17 (0 at 1/3 itself)",
     "undefined (kink: -1 from the left, 1 from the right)", None, None),
    ("x/sin(pi)", math.pi, *["undefined: x/sin(pi) has no value at x=3.14159265359"] * 2, None, None),
    ("x*sin(pi)", math.pi, "0", "0", None, None),
    ("x/(tan(pi) + sin(2*pi))", math.pi, None, "undefined: x/(tan(pi) + sin(2*pi)) has no value at x=3.14159265359",
     None, None),
    ("sin(x + pi)", math.pi, "-1.22464679915e-16", "1", None, None),
    ("tan(x - pi)", math.pi, "-1.22464679915e-16", "1", None, None),
    ("abs(x - pi)", math.pi, "1.22464679915e-16 (0 at pi itself)",
     "undefined (kink: -1 from the left, 1 from the right)", None, None),
    ("abs(x + pi)", -math.pi, "1.22464679915e-16 (0 at -pi itself)",
     "undefined (kink: -1 from the left, 1 from the right)", None, None),
    ("(x - pi)*abs(x - pi)", math.pi, "-1.49975978266e-32 (0 at pi itself)", "2.44929359829e-16 (0 at pi itself)",
     "undefined (kink: -2 from the left, 2 from the right)", None),
    ("abs(x - pi) + sin(x)", math.pi, "2.44929359829e-16 (0 at pi itself)", None, None, None),
    ("sqrt(pi - x)", math.pi, "1.10663760968e-08 (0 at pi itself)", "undefined (one-sided: -inf from the left)", None,
     None),
    ("sqrt(x - pi)", math.pi, "undefined: sqrt(x - pi) has no value at x=3.14159265359 (0 at pi itself)",
     "undefined (one-sided: inf from the right)", None, None),
    ("where(pi - x == 0, 1, x)", math.pi, "3.14159265359 (1 at pi itself)",
     "undefined (jump of f: 3.14159265359 from both sides)", None, None),
    ("where(x < pi, x, 2)", math.pi, "3.14159265359 (2 at pi itself)",
     "undefined (jump of f: 3.14159265359 from the left, 2 from the right)", None, None),
    ("mod(x*x, pi*x)", math.pi, "9.86960440109 (0 at pi itself)",
     "undefined (jump of f: 9.86960440109 from the left, 0 from the right)", None, None),
    ("max(x, pi)", math.pi, "3.14159265359", "undefined (kink: 0 from the left, 1 from the right)", None, None),
    ("log(pi - x)", math.pi, "undefined (infinite: -inf from the left)", None, None, None),
    ("arccos(x/pi)", math.pi, "8.82969063164e-09 (0 at pi itself)", "undefined (one-sided: -inf from the left)", None,
     None),
    ("abs(x - pi/2)", math.pi / 2, "6.12323399574e-17 (0 at pi/2 itself)",
     "undefined (kink: -1 from the left, 1 from the right)", None, None),
    ("sqrt(2*pi - x)", 2 * math.pi, "1.56502191623e-08 (0 at 2*pi itself)",
     "undefined (one-sided: -inf from the left)", None, None),
    ("sqrt(e - x)", math.e, "1.2023505694e-08 (0 at e itself)", "undefined (one-sided: -inf from the left)", None,
     None),
    ("floor(x - sqrt(2))", math.sqrt(2), "0", "undefined (jump of f: -1 from the left, 0 from the right)", None, None),
    ("abs(x - (1 + sqrt(5))/2)", (1 + math.sqrt(5)) / 2, "5.43211520368e-17 (0 at (1 + sqrt(5))/2 itself)",
     "undefined (kink: -1 from the left, 1 from the right)", None, None),
    ("sqrt(1/3 - x)", 1 / 3, "4.30159471325e-09 (0 at 1/3 itself)", "undefined (one-sided: -inf from the left)", None,
     None),
    ("abs(sin(x))", math.pi, "1.22464679915e-16", "-1", None, None),
    ("log(x - tanh(25))", 1, "-49.3068528194", None, None, None),  # 1 is what was typed, not tanh(25)
    ("1/(x - pi)", math.pi, "undefined (infinite: -inf from the left, inf from the right)", None, None, None),
    ("floor(x/pi)", math.pi, "0 (1 at pi itself)", "undefined (jump of f: 0 from the left, 1 from the right)", None,
     None),
    ("abs(x - y*pi)", "x=pi,y=1", "1.22464679915e-16 (0 at pi itself)",
     "undefined (kink: -1 from the left, 1 from the right)", None, None),
]  # fmt: skip
CASES = [(text, at, n, told) for text, at, *words in LINES for n, told in enumerate(words) if told is not None]


@pytest.mark.parametrize(("text", "at", "order", "told"), CASES, ids=[f"{t} {a} {n}" for t, a, n, _ in CASES])
def test_values_and_names(text, at, order, told):
    point = at if isinstance(at, str) else f"x={at!r}"
    f, derivative = lines(answer(text, Question(wrt=("x",), at=(point,), order=max(order, 1))), "text")
    shown = derivative if order else f
    assert shown.endswith((f" = {told}", f": {told}"))


def test_the_axis_of_another_variable_meets_the_constant_too():
    _, _, by_y = lines(answer("abs(x - y*pi)", Question(at=("x=pi,y=1",))), "text")
    assert by_y.endswith(": undefined (kink: -3.14159265359 from the left, 3.14159265359 from the right)")


def test_elements_of_vectors():
    (f, _) = lines(answer("[abs(x - pi), x]", Question(at=("x=pi",))), "text")
    assert f == "f = [1.22464679915e-16 (0 at pi itself), 3.14159265359]"
    found = to_json(answer("[abs(x - pi), x]", Question(at=("x=pi",))))["f"]
    assert found["value"] == [1.2246467991473532e-16, math.pi]
    assert found["status"] == [{"status": "rounded", "constant": "pi", "at_constant": 0.0}, None]


@pytest.mark.parametrize(("text", "at", "fields"), [
    ("(x - pi)*abs(x - pi)", "x=pi", {"value": 2.4492935982947064e-16, "status": "rounded", "constant": "pi",
     "at_constant": 0.0}),
    ("abs(x - pi)", "x=pi", {"value": None, "status": "kink", "left": -1.0, "right": 1.0}),
])  # fmt: skip
def test_json_fields(text, at, fields):
    (result,) = to_json(answer(text, Question(at=(at,))))["results"]
    assert {name: v for name, v in result.items() if name not in ("wrt", "derivative")} == fields


@pytest.mark.parametrize("constant", CONSTANTS)
def test_a_point_is_the_float64_of_a_constant(constant):
    """Values are those at the float64; the second derivative is named where the formula is not smooth."""
    at = CONSTANTS[constant]
    for form, breaks in MEETING:
        text = form.format(c=constant)
        formula = read(text)
        place = Point(formula.tensor, formula.names, {"x": at})
        expected = Oracle(text, "x", {}).exactly().derivatives(at, 2)
        for n in range(3):
            found = place.partial(place.f, ("x",) * n)
            if found.value is not None:
                assert expected[n] is not None, (text, n)
                assert close(as_mpf(found.value), expected[n], mp.mpf(10) ** -9), (text, n)
        assert (found.value is None) == breaks, text


@pytest.mark.parametrize("at", [math.pi, -math.pi])
@pytest.mark.parametrize("text", ["sqrt(pi - x)", "where(pi - x == 0, y, x)", "mod(x*x, pi*x)", "sqrt(x - pi)"])
def test_the_judge_knows_constants(text, at):
    formula = read(text)
    others = {"y": 0.7} if "y" in formula.names else {}
    place = Point(formula.tensor, formula.names, {"x": at, **others})
    found = list(judge_point(text, Oracle(text, "x", others), place, "x", at))
    assert len(found) == 4
    assert all(kind.startswith("right") for kind, _ in found)
