"""A sample of the values that `python -m tests.values_corpus` measures, and constants of formulas at their float64,
against mpmath."""

import math
import random

import mpmath as mp
import pytest

from agcli.expression.api import read
from agcli.expression.at_point import Point
from tests.values_corpus import SEED, formulas, judge_point, run
from tests.values_oracle import Oracle, as_mpf, close

SHARE = 0.025
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


def test_values_are_right_or_named():
    luck = random.Random(SEED + 1)
    every = formulas()
    bad = []
    counts = run(luck.sample(every, round(SHARE * len(every))), luck, bad.append)
    total = sum(counts.values())
    named = sum(n for kind, n in counts.items() if kind.startswith("named"))
    assert [line for line in bad if not line.startswith("named")] == []
    assert total >= 600
    assert counts["right"] >= 300
    assert named <= 0.02 * total
    assert counts["too hard"] <= 0.1 * total


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
