"""A sample of the values that `python -m tests.expression.values_corpus` measures, against mpmath."""

import random

from tests.expression.values_corpus import SEED, formulas, run

SHARE = 0.025


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
