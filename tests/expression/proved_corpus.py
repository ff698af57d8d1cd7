"""Digits that are proved against mpmath, of a share of all formulas, and the time of both.

`python -m tests.expression.proved_corpus [SHARE] [SEED] [DIGITS]`

Formulas are those of `values_corpus`. Derivatives are differences of mpmath's values with steps so small that they
have 20 digits more than are asked for; nothing here knows the engine's rules.
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections import Counter
from fractions import Fraction

import mpmath as mp
from mpmath.libmp import NoConvergence

from agcli.expression import ExpressionError
from agcli.expression.answers import answer
from agcli.expression.api import read
from agcli.expression.proved.proofs import Digits
from agcli.expression.questions import Question
from agcli.expression.syntax import Name, Number
from tests.expression.values_corpus import OTHERS, SEED, formulas
from tests.expression.values_oracle import Oracle, TooHardError

COUNT = 30
POINTS = ("0.3", "1", "-1/2", "1e-8", "3.7", "0", "-2", "100")
BEYOND = 20  # digits that mpmath has more
ZERO = mp.mpf(10) ** -60  # below which a difference of terms cannot be told from 0
AT_ZERO = ("undecided", "not smooth")


class Exactly(Oracle):
    """The formula at exact numbers: 0.1 is 1/10 and pi is pi."""

    def __init__(self, text, x, others):
        super().__init__(text, x, others, same=False)

    def node(self, node, values, point, exact):
        if isinstance(node, Number):
            return exactly(node.value)
        if isinstance(node, Name) and node.name != self.x:
            return exactly(self.others[node.name])
        return super().node(node, values, math.nan, exact)

    def jumps(self, point, value):
        """Whether mpmath's rounding chose a side of a jump: 0.1/1e-8 is below 10,000,000 for it."""
        sides = [self.at(math.nan, exactly(point) * (1 + s * mp.mpf(10) ** -40)) for s in (-1, 1)]
        return any(v is not None and abs(v - value) > abs(value) / 10**20 for v in sides)

    def expected(self, point, order, count):
        """The value, or the first derivative where both sides agree; None where there is none."""
        digits = count + BEYOND
        h = mp.mpf(10) ** -digits
        center = exactly(point)
        value = self.at(math.nan, center)
        if order == 0 or value is None:
            return value
        near = {k: self.at(math.nan, center + k * h) for k in (-2, -1, 1, 2)}
        if any(v is None for v in near.values()):
            return None
        sides = [s * (4 * near[s] - near[2 * s] - 3 * value) / (2 * h) for s in (-1, 1)]
        size = max(*map(abs, sides), h)
        return (near[1] - near[-1]) / (2 * h) if abs(sides[0] - sides[1]) <= size / 10**6 else None


def exactly(value):
    """A number that was typed, with all digits that mpmath has."""
    fraction = Fraction(value)
    return mp.mpf(fraction.numerator) / fraction.denominator


def written(name, value):
    return f"{name}={value}"


def judge(text, luck, count, seconds):
    """Kinds and lines: what is proved of a formula and of its derivative at one point."""
    try:
        formula = read(text)
    except ExpressionError:
        return
    f, names = formula.tensor, formula.names
    if not names or f.dtype.kind != "f" or f.shape != () or len(formula.sides) > 1:
        return
    x = "x" if "x" in names else min(names)
    point = luck.choice(POINTS)
    others = {name: str(OTHERS.get(name, 0.7)) for name in names if name != x}
    at = ",".join([written(x, point), *(written(*pair) for pair in others.items())])
    start = time.perf_counter()
    try:
        found = answer(text, Question(wrt=(x,), at=(at,), digits=count, verify=False))
    except ExpressionError as e:
        yield f"refused: {e.message}", f"{text} at {at}: {e.message}"
        return
    seconds["ours"] += time.perf_counter() - start
    oracle = Exactly(text, x, others)
    for order, proof in enumerate([found.proof, found.results[0].proof]):
        start = time.perf_counter()
        with mp.workdps(6 * (count + BEYOND) + 60):
            try:
                expected = oracle.expected(Fraction(point), order, count)
            except (TooHardError, OverflowError, ZeroDivisionError, MemoryError, NoConvergence, ValueError):
                yield "too hard", ""
                continue
            kind = verdict(proof.found, expected, count)
            if kind == "wrong digits" and order == 0 and oracle.jumps(Fraction(point), expected):
                kind = "too hard"
        seconds["mpmath"] += time.perf_counter() - start
        yield kind, f"{kind}: {text} at {at}, order {order}: {proof.found}, mpmath {mp.nstr(expected, count)}"


def verdict(found, expected, count):
    if not isinstance(found, Digits):
        missing = found.kind if expected is not None else "rightly none"
        return f"not proved: {missing}"
    if expected is None:
        return "wrong: there is no value"
    true, told = expected, mp.mpf(found.text)
    if found.text == "0":
        return "proved" if abs(true) < ZERO else "wrong: not 0"
    if max(abs(true), abs(told)) < ZERO:  # which a difference cannot tell from 0
        return "too hard"
    unit = mp.mpf(10) ** (mp.floor(mp.log10(abs(told))) - count + 1)
    allowed = unit / 10**8 if found.exact else unit / 2 * (1 + mp.mpf(10) ** -8)
    return "proved" if abs(true - told) <= allowed else "wrong digits"


def run(texts, luck, show=print, count=COUNT):
    counts, seconds = Counter(), Counter()
    for text in texts:
        for kind, line in judge(text, luck, count, seconds):
            counts[kind] += 1
            if kind.startswith("wrong"):
                show(line)
    return counts, seconds


if __name__ == "__main__":
    share = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else SEED
    digits = int(sys.argv[3]) if len(sys.argv) > 3 else COUNT
    every = formulas()
    luck = random.Random(seed)
    totals, times = run(luck.sample(every, round(share * len(every))), luck, count=digits)
    print(sum(totals.values()), "values:", dict(totals.most_common()))
    print({name: f"{t:.1f} s" for name, t in times.items()})
    sys.exit(int(any(kind.startswith("wrong") for kind in totals)))
