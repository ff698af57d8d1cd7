"""Formulas for the check of rules: the corpus, the rows of the rules' own tests with other things in the places of
their variables, and functions of which the simplifier knows something."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

from rule_rows import CANONICAL, DOMAIN, ROWS

from agcli.expression.simplify.functions import ANGLES, EVEN, MAKERS, ODD, RULES, VALUES

CORPUS = Path(__file__).parents[1] / "corpus"
PARTS = [
    "x", "x", "y", "2*x", "x + 1", "x*y", "x/2", "-x", "x - y", "x^2", "x^2 + 1", "exp(x)", "log(x)", "sqrt(x)",
    "sin(x)", "cos(x)", "abs(x)", "3*x + y", "x/(x + 1)", "1/x", "1 - x", "x^3", "2*y", "x^y", "tan(x)", "cosh(x)",
    "z", "x*z", "pi*x", "x + pi/2", "x^(1/3)", "x^(2/3)", "-3*x*y", "y - 2*x", "sqrt(x^2 + y^2)", "max(x, y)",
]  # fmt: skip
NUMBERS = ["0", "1", "2", "3", "1/2", "-1", "-2", "10", "pi/3", "5/2", "-1/3"]
INVERSES = {"sin": "arcsin", "cos": "arccos", "tan": "arctan", "sinh": "arcsinh", "cosh": "arccosh", "tanh": "arctanh",
            "erf": "erfinv", "log": "exp", "expm1": "log"}  # fmt: skip
INVERSES |= {b: a for a, b in INVERSES.items()}
NARROW = {"arcsin", "arccos", "arctanh", "erfinv"}  # functions of numbers in (-1, 1)
SMALL = ["x/5", "sin(x)/2", "x/(x^2 + 1)", "y/7", "1/(x^2 + 2)", "x*y/30", "exp(-x^2)/3", "tanh(x)/2", "(x - y)/12"]
LARGE = ["x^2 + 2", "cosh(x) + 1", "exp(y^2) + x^2", "3 + abs(x)", "2*exp(abs(x))", "x^4 + y^2 + 3/2"]  # above 1
EXPONENTS = ["2", "3", "4", "-1", "-2", "1/2", "-1/2", "3/2", "1/3", "2/3", "-3", "y", "2*y", "x", "y/2"]
COMPARISONS = ["<", "<=", ">", ">=", "==", "!="]
ARITHMETIC = {
    "add": "({0}) + ({1})", "subtract": "({0}) - ({1})", "multiply": "({0})*({1})", "divide": "({0})/({1})",
    "negative": "-({0})", "power": "({0})^({1})", "where": "where({0} {2} {1}, {3}, {4})",
    "maximum": "max({0}, {1})", "minimum": "min({0}, {1})",
}  # fmt: skip


def corpus() -> list[str]:
    lines = [line for path in sorted(CORPUS.glob("*.txt")) for line in path.read_text("utf-8").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def put_in(text: str, parts: dict[str, str]) -> str:
    """``text`` with formulas in the places of its variables."""
    return re.sub(r"\b[xyz]\b", lambda match: f"({parts[match.group()]})", text)


def function_text(name: str, luck: random.Random) -> str:
    """A formula with a function of which something is known, with what is known of it where it can be."""
    part, other = luck.choice(PARTS), luck.choice(PARTS)
    if name in ARITHMETIC:
        second = luck.choice([other, part, luck.choice(EXPONENTS if name == "power" else NUMBERS)])
        texts = [ARITHMETIC[name].format(part, second, luck.choice(COMPARISONS), other, luck.choice([other, "0"]))]
        if name in ("maximum", "minimum"):
            texts = [f"x*{ARITHMETIC[name].format(luck.choice(NUMBERS), luck.choice(NUMBERS))}"]
        return luck.choice(texts)
    if name == "hypot":
        return f"hypot({part}, {other})"
    texts = []
    if name in RULES or name in VALUES:
        known = [*VALUES.get(name, {}), *ANGLES.get(name, {})]
        value = luck.choice([*map(str, known), *(NUMBERS if name in RULES and name not in ANGLES else ())])
        texts.append(f"{luck.choice(['x', 'y', 'z'])}^{luck.randint(1, 9)} + {part}*{name}({value})")
    if name in ODD or name in EVEN:
        part = luck.choice(SMALL) if name in NARROW else part
        texts.append(f"{name}({luck.choice(['-', '-2*', '-1/3*'])}({part}))")
    if name in NARROW or INVERSES.get(name) in NARROW:
        part = luck.choice(SMALL)
    if "arccosh" in (name, INVERSES.get(name)):
        part = luck.choice(LARGE)
    if name in INVERSES:
        texts.append(f"{name}({INVERSES[name]}({part}))")
    return luck.choice(texts or [f"{name}({part})"])


def other_texts(luck: random.Random) -> Iterator[str]:
    """Powers of powers, and functions of their inverses."""
    part, other, number = luck.choice(PARTS), luck.choice(PARTS), luck.choice(EXPONENTS)
    for outer in ("sin", "cos", "tan"):
        inner = luck.choice(["arcsin", "arccos", "arctan"])
        yield f"{outer}({inner}({luck.choice(SMALL if inner in NARROW else PARTS)}))"
        yield f"{outer}({luck.choice(PARTS)} + {luck.randint(-5, 5)}*pi/2)"
        yield f"{luck.choice(PARTS)}*{outer}({luck.randint(-9, 9)}*pi/{luck.choice([1, 2, 3, 4, 6])})"
    yield f"cosh(arcsinh({part}))"
    yield f"cbrt(({part})^{luck.choice([3, 6, -3])})"
    yield f"({luck.choice(['abs', 'cbrt'])}({part}))^{luck.choice([2, 3, -2, 6])}"
    yield f"(({part})^({luck.choice(EXPONENTS)}))^({number})"
    yield f"(({part})*({other}))^({number})"
    yield f"abs(({part})^({luck.choice(EXPONENTS)})*({other}))"
    yield f"log(({part})^({number}))"


def pool_for(text: str) -> list[str]:
    """Formulas of the sizes that a formula has values for."""
    if "arccosh" in text or re.search(r"x\)* - 1\b", text):
        return LARGE
    return SMALL if any(name in text for name in NARROW) else PARTS


def row_text(row: str, luck: random.Random) -> str:
    """A row of the tests of rules over other variables."""
    if luck.random() < 0.4:  # the same thing in all places of a variable, other numbers around it
        row = f"({luck.choice(PARTS)})*({row})" if luck.random() < 0.5 else f"({row}) + {luck.randint(2, 99)}*z"
    pool = pool_for(row)
    parts = {name: luck.choice(pool) if luck.random() < 0.5 else name for name in "xyz"}
    return put_in(row, parts)


def texts_for(name: str, luck: random.Random) -> Iterator[str]:
    """Formulas in which a rule should be at work."""
    kind, _, rest = name.partition(" #")[0].partition(": ")
    if kind == "function":
        yield function_text(rest, luck)
    elif kind == "power":
        yield from other_texts(luck)
    else:
        yield from (row_text(before, luck) for rule, before, _ in ROWS if rule == rest)


def rare_texts(name: str, luck: random.Random) -> Iterator[str]:
    """Formulas for a rule that is seldom at work, without end: with parts in the places of variables of parts, and
    other numbers."""
    while True:
        for row in texts_for(name, luck):
            if name.startswith("function: "):  # which are drawn within their domains
                yield row
                continue
            text = re.sub(r"(?<![\^.\w])\d+\b(?!\.)", lambda m: number(m.group(), luck), row)
            yield put_in(text, {v: luck.choice(pool_for(row)) if luck.random() < 0.3 else v for v in "xyz"})


def number(digits: str, luck: random.Random) -> str:
    return str(luck.randint(2, 30)) if digits not in "01" and luck.random() < 0.3 else digits


def formulas(seed: int) -> Iterator[tuple[str, int]]:
    """Texts without end, each with the order of the derivative by x that is to be simplified: the corpus to order 3,
    then rounds of all rows and functions."""
    luck = random.Random(seed)
    yield from ((text, order) for order in range(4) for text in corpus())
    while True:
        rows = [*(row[1] for row in ROWS), *(row[0] for row in (*CANONICAL, *DOMAIN))]
        texts = [row_text(row, luck) for row in rows]
        texts += [function_text(str(head), luck) for head in MAKERS]
        texts += other_texts(luck)
        yield from ((text, luck.choice([0, 0, 0, 1, 1, 2])) for text in texts)
