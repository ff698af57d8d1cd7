"""Fuzz the expression language: `python tests/expression/fuzz_expression.py SECONDS [SEED]`.

Formulas made of pieces that mean something, and formulas of the tests with characters changed, are parsed, printed,
differentiated, simplified and checked. Each ends in an answer or in an ExpressionError; anything else, and a formula
that takes more than a few seconds, is a failure that is printed with its text.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import numpy as np

from agcli.expression import ExpressionError
from agcli.expression.answers import answer
from agcli.expression.api import parse, to_format, to_text, variables
from agcli.expression.printers import FORMATS
from agcli.expression.questions import Question
from agcli.expression.values import values

SLOWEST = 30.0  # seconds for one formula
SEEDS = (Path(__file__).parents[1] / "golden" / "grad" / "formulas.txt").read_text(encoding="utf-8").splitlines()
PIECES = [
    "x", "y", "2", "0", "1/3", "0.1", "1e9", "pi", "e", "(", ")", "[", "]", "|", ",", " ", "+", "-", "*", "/", "^", "@",
    "**", "!", "=", "<", ">=", ".T", "²", "√", "sin(", "log(", "exp(", "sqrt(", "where(", "max(", "sum(", "norm(",
    "gamma(", "axis=0", "9^9", "\x00", "é", "\n", "'", '"', "...", "None", "True", "::", "_", "sigmoid(", "inv(",
]  # fmt: skip
QUESTIONS = [
    Question(), Question(raw=True), Question(order=2), Question(steps=True), Question(gradient=True),
    Question(hessian=True), Question(jacobian=True), Question(implicit="y"), Question(taylor="x=0,n=3"),
    Question(direction="x=1"), Question(at=("x=1,y=2",)), Question(at=("x=0,y=0",), order=2),
    Question(given=("y=2",)), Question(shape=("x=2",)),
]  # fmt: skip


def invented(luck: random.Random) -> str:
    """Pieces in a row, or a known formula in which some characters were changed."""
    if luck.random() < 0.4:
        return "".join(luck.choice(PIECES) for _ in range(luck.randint(1, 25)))
    text = luck.choice(SEEDS)
    if luck.random() < 0.5:
        text = f"({text}){luck.choice('+-*/^')}({luck.choice(SEEDS)})"
    for _ in range(luck.randint(0, 3)):
        at = luck.randint(0, len(text))
        text = text[:at] + luck.choice([*PIECES, ""]) + text[at + luck.randint(0, 2) :]
    return text


def examine(text: str, luck: random.Random) -> bool:
    """Whether the formula has an answer; a wrong one is an AssertionError."""
    try:
        f = parse(text)
        for form in FORMATS:
            try:
                to_format(f, form)
            except ExpressionError:  # C has no matrices
                assert form in ("python", "numpy", "c")
        same_value(f, text)
    except ExpressionError:
        pass
    try:
        found = answer(text, luck.choice(QUESTIONS))
    except ExpressionError:
        return False
    for result in found.results:
        to_text(result.formula)
    return True


def same_value(f, text: str) -> None:
    """Printing and parsing are inverse."""
    at = {"x": np.float64(0.7), "y": np.float64(1.3)}
    names = set(variables(f))
    if f.dtype.kind == "f" and names <= set(at):
        before, after = (values([t], {k: v for k, v in at.items() if k in names})[0] for t in (f, parse(to_text(f))))
        finite = np.isfinite(before) & np.isfinite(after)  # the sign of 0, and so of 1/0, may differ
        assert np.allclose(before[finite], after[finite], rtol=1e-6), f"{text!r} is printed as {to_text(f)!r}"


def main(seconds: float, seed: int) -> int:
    luck = random.Random(seed)
    end = time.monotonic() + seconds
    count = answered = 0
    slowest = (0.0, "")
    while time.monotonic() < end:
        text = invented(luck)
        started = time.process_time()
        try:
            answered += examine(text, luck)
        except Exception as error:
            print(f"seed {seed}, formula {count}: {text!r}: {type(error).__name__}: {error}")
            raise
        spent = time.process_time() - started
        slowest = max(slowest, (spent, text))
        assert spent < SLOWEST, f"{text!r} took {spent:.1f} s"
        count += 1
    print(f"{count:,} formulas, {answered:,} with an answer; the slowest took {slowest[0]:.2f} s: {slowest[1]!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6)))
