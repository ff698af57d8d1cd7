"""Formulas of signs: where they have no derivative, they say so."""

import pytest

from agcli.expression.answers import answer
from agcli.expression.questions import Question
from agcli.report.formulas import lines

KINK = "undefined (kink: -1 from the left, 1 from the right)"
CASES = [
    ("copysign(x, 2)", "x=0", ["f = 0", f"= copysign(1, 2)*sign(x): {KINK}"]),
    ("copysign(3, x)", "x=0", ["f = 3", "undefined (jump of f: -3 from the left, 3 from the right)"]),
    ("copysign(x, y)", "x=2,y=-1", ["f = -2", "d/dx = copysign(1, y)*sign(x) = -1"]),
    ("signbit(x) + x", "x=0", ["f = 0", "undefined (jump of f: 1 from the left, 0 from the right)"]),
    ("logaddexp2(x, y)", "x=0,y=0", ["f = 1", "= 0.5"]),
    ("hard_tanh(x)", "x=1", ["f = 1", "undefined (kink: 1 from the left, 0 from the right)"]),
]


@pytest.mark.parametrize(("text", "at", "words"), CASES, ids=[text for text, _, _ in CASES])
def test_a_sign_has_a_derivative_only_where_it_does_not_change(text, at, words):
    shown = list(lines(answer(text, Question(at=(at,))), "text"))
    for word, line in zip(words, shown[:2], strict=True):
        assert word in line
