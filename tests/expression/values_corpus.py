"""Values and names against mpmath, of a share of all formulas.

`python -m tests.expression.values_corpus [SHARE] [SEED]`

Formulas are those of tests/corpus and 2,000 drawn from a grammar; derivatives to order 3, at points that are hard.
"""

from __future__ import annotations

import math
import random
import sys
from collections import Counter

import mpmath as mp
from mpmath.libmp import NoConvergence

from agcli.expression import ExpressionError
from agcli.expression.api import read
from agcli.expression.at_point import Point
from benchmarks.formulas import corpus
from tests.expression.values_oracle import MORE_DIGITS, Oracle, TooHardError, as_mpf, close

SEED, DRAWN, ORDERS = 2026, 2_000, 3
POINTS = (0.0, 1e-8, -1e-8, 1.0, -1.0, math.pi, -math.pi, 1e3, -1e3)
NEAR = tuple(k / 2 for k in range(-6, 7))  # where kinks, jumps, poles and gaps are looked for
OTHERS = {"a": 2.0, "b": 0.5, "c": 1.5, "n": 3.0, "k": 2.0, "m": 2.0}
UNARY = [
    "sin", "cos", "tan", "exp", "log", "sqrt", "sinh", "cosh", "tanh", "arctan", "arcsin", "arccos", "abs", "sign",
    "floor", "ceil", "round", "relu", "sigmoid", "softplus", "log1p", "expm1", "cbrt", "erf", "erfc", "gamma",
    "lgamma", "digamma", "arcsinh", "arccosh", "arctanh", "sinc", "elu", "silu", "softsign", "log2", "log10", "square",
]  # fmt: skip
COMMON = ["sin", "cos", "exp", "log", "sqrt", "abs", "tanh", "arctan"]


def drawn(luck, depth):
    """A formula of the grammar."""
    if depth == 0 or luck.random() < 0.1:
        return luck.choice(["x"] * 6 + ["2", "3", "1/2", "0.1", "pi", "1", "y"])
    kind = luck.random()
    if kind < 0.35:
        return f"{luck.choice(UNARY if luck.random() < 0.6 else COMMON)}({drawn(luck, depth - 1)})"
    if kind < 0.85:
        return f"({drawn(luck, depth - 1)} {luck.choice('+-**/')} {drawn(luck, depth - 1)})"
    if kind < 0.92:
        return f"({drawn(luck, depth - 1)})^{luck.choice(['2', '3', '(-1)', '(1/2)', '(1/3)', 'x'])}"
    if kind < 0.95:
        name = luck.choice(["max", "min", "hypot", "atan2", "mod"])
        return f"{name}({drawn(luck, depth - 1)}, {drawn(luck, depth - 1)})"
    condition = f"{drawn(luck, 1)} {luck.choice(['<', '>', '<=', '=='])} {luck.choice(['0', '1', 'x', '0.5'])}"
    return f"where({condition}, {drawn(luck, depth - 1)}, {drawn(luck, depth - 1)})"


def formulas(seed=SEED):
    """Those of the corpus, and 2,000 that are drawn."""
    found = [text for _, text in corpus()]
    luck = random.Random(seed)
    while len(found) < DRAWN + 569:
        text = drawn(luck, luck.choice([2, 3, 3, 4]))
        if "x" in text:
            found.append(text)
    return found


def special(f, names, x, others):
    """Points near 0 at which the formula is not smooth or has no value."""
    for at in NEAR:
        place = Point(f, names, {**others, x: at})
        finder = place.finder(f)
        if finder.singular([x]) or finder.value().value is None:
            yield at


def judge(text, luck, count=3):
    """What is right and wrong at some points of one formula, as kinds and lines."""
    try:
        formula = read(text)
    except ExpressionError:
        return
    f, names = formula.tensor, formula.names
    if not names or f.dtype.kind != "f" or f.shape != () or len(formula.sides) > 1:
        return
    x = "x" if "x" in names else sorted(names)[0]
    others = {name: OTHERS.get(name, 0.7) for name in names if name != x}
    oracle = Oracle(text, x, others)
    gaps = list(special(f, names, x, others))
    chosen = luck.sample(POINTS, count) + luck.sample(gaps, min(2, len(gaps)))
    for at in dict.fromkeys(chosen):
        yield from judge_point(text, oracle, Point(f, names, {**others, x: at}), x, at)


def judge_point(text, oracle, place, x, at):
    found = [place.partial(place.f, (x,) * n) for n in range(ORDERS + 1)]
    for digits in (None, MORE_DIGITS):  # what seems wrong is looked at again with more digits
        try:
            kinds = verdicts(oracle, found, at, *(() if digits is None else (digits,)))
        except (TooHardError, OverflowError, ZeroDivisionError, MemoryError, NoConvergence):
            kinds = ["too hard"] * len(found)
        if not any(kind.startswith(("wrong", "printed")) for kind in kinds):
            break
    for n, kind in enumerate(kinds):
        yield kind, f"{kind}: {text} at {at!r}, order {n}: {found[n]}"


def verdicts(oracle, found, at, *digits):
    expected = oracle.derivatives(at, ORDERS, *digits)
    exact = oracle.exactly().derivatives(at, ORDERS, *digits) if oracle.meets(at) else expected
    rows = enumerate(zip(found, expected, exact, strict=True))
    # a value is judged at the float64 number; a name also at the constant that it stands for
    return [verdict(oracle, f, e if f.value is None and x is not None else x, n, at, digits) for n, (f, e, x) in rows]


def verdict(oracle, found, expected, n, at, digits):
    """`right`, `named` where there is a value, `printed` where there is none, or `wrong`."""
    if found.value is None:
        return f"named {found.status}" if expected is not None else name_verdict(oracle, found, at, digits)
    if expected is None:
        return "right name" if found.status == "too large" else "printed"  # no number is printed
    if found.status == "rough":
        error = abs(as_mpf(found.value) - expected) / abs(expected)
        return "right" if error <= mp.mpf(10) ** (1 - found.digits) else "wrong digits"
    return "right" if close(as_mpf(found.value), expected, mp.mpf(10) ** -9) else "wrong"


def name_verdict(oracle, found, at, digits):
    """Whether the limits that a name tells are those of the formula."""
    if found.left is None or found.right is None:
        return "right name"
    sides = oracle.limits(at, found.order, *digits)
    for limit, side in zip((found.left, found.right), sides, strict=True):
        if limit.kind == "finite" and side is not None and not close(as_mpf(limit.value), side, mp.mpf(10) ** -9):
            return "wrong name"
    return "right name"


def run(texts, luck, show=print):
    counts = Counter()
    for text in texts:
        for kind, line in judge(text, luck):
            counts[kind] += 1
            if not kind.startswith("right") and kind != "too hard":
                show(line)
    return counts


def is_too_bad(counts):
    """Whether a value is wrong or stands where there is none, or more than 2 % are named where mpmath has a value."""
    named = sum(n for kind, n in counts.items() if kind.startswith("named"))
    wrong = sum(n for kind, n in counts.items() if kind.startswith(("wrong", "printed")))
    return wrong > 0 or named > 0.02 * counts.total()


if __name__ == "__main__":
    share = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else SEED
    every = formulas()
    luck = random.Random(seed)
    totals = run(luck.sample(every, round(share * len(every))), luck)
    print(sum(totals.values()), "pairs:", dict(totals.most_common()))
    sys.exit(int(is_too_bad(totals)))
