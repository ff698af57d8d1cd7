"""Random trees, written as people write, parse back to themselves; random text is read or refused, nothing else."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agcli.expression import ExpressionError, parse_syntax, reading
from agcli.expression.syntax import Call, Syntax

FUNCTIONS = frozenset(["sin", "log", "max", "sum", "abs", "sqrt", "cbrt", "factorial", "transpose", "gamma"])
SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "matmul": "@", "power": "^"}
LEVELS = {"add": 1, "subtract": 1, "multiply": 2, "divide": 2, "matmul": 2, "negative": 3, "power": 4}
ATOM = 5

Tree = tuple[Any, ...]  # head and children

LEAVES = st.sampled_from(["x", "y", "z", "α", "x_1", "theta", "pi", "1", "2", "0.5", "1e3", "30"]).map(
    lambda leaf: (leaf,)
)
TREES = st.recursive(
    LEAVES,
    lambda trees: st.one_of(
        st.tuples(st.sampled_from(["negative", "sin", "log", "abs"]), trees),
        st.tuples(st.sampled_from([*SIGNS, "max", "multiply"]), trees, trees),
    ),
    max_leaves=25,
)


def write(tree: Tree, weakest: int, luck: random.Random) -> str:
    """The tree as someone might type it: random spaces and parentheses, products often without their sign."""
    head, *children = tree
    space = luck.choice(["", "", " ", "  "])
    level = LEVELS.get(head, ATOM)
    if not children:
        text = head
    elif head == "negative":
        text = f"{luck.choice('-−')}{space}{write(children[0], level + luck.randint(0, 1), luck)}"
    elif head == "abs" and luck.random() < 0.5:
        text = f"|{space}{write(children[0], 1, luck)}{space}|"
        return f"({text})"  # bars that meet bars are ambiguous
    elif head in SIGNS:
        left, right = (write(child, least, luck) for child, least in zip(children, sides(head), strict=True))
        text = joined(head, left, right, space, luck)
    else:
        text = f"{head}({', '.join(write(child, 1, luck) for child in children)}{space})"
    return f"({text})" if level < weakest or luck.random() < 0.1 else text


def sides(head: str) -> tuple[int, int]:
    """The weakest levels that may stand left and right of an operator without parentheses."""
    level = LEVELS[head]
    return (level + 1, LEVELS["negative"]) if head == "power" else (level, level + 1)


def joined(head: str, left: str, right: str, space: str, luck: random.Random) -> str:
    if head == "multiply" and luck.random() < 0.6 and (right[0].isalpha() or right[0] == "("):
        merges = left[-1].isalnum() and not (left[-1].isdigit() and left[0].isdigit() and left.isdigit())
        return f"{left}{' ' if merges else space}{right}"
    sign = luck.choice(["^", "**"]) if head == "power" else SIGNS[head]
    return f"{left}{space}{sign}{space}{right}"


def tree_of(syntax: Syntax) -> Tree:
    trees: list[Tree] = []
    for node in syntax.nodes:
        inside = [trees[arg] for arg in node.args] if isinstance(node, Call) else []
        head = node.function if isinstance(node, Call) else syntax.text[node.start : node.end]
        trees.append((head, *inside))
    return trees[-1]


@settings(max_examples=300, deadline=None)
@given(TREES, st.integers(0, 2**32))
def test_what_people_write_is_what_is_read(tree: Tree, seed: int) -> None:
    text = write(tree, 1, random.Random(seed))
    syntax = parse_syntax(text, FUNCTIONS)
    assert tree_of(syntax) == tree
    assert parse_syntax(reading(syntax), FUNCTIONS) == syntax


PIECES = [
    "x",
    "y",
    "e",
    "2",
    "0.5",
    "1e3",
    *"+-*/^()[]|,:!=<@√∛²⁻' \n\0½₁漢\u0301\ud800",
    "**",
    "...",
    ".T",
    "==",
    "sin(",
]
PIECES += ["sum(", "axis=", "sin", "gamma", "None", '"a"', "xy", "x(", "x[", "[a,", "²(", "ᵀ", "ﷺ", "\\frac", "“"]


def check_refusal(text: str, error: ExpressionError) -> None:
    assert error.message
    assert 0 <= error.start <= error.end <= len(text)
    assert len(str(error).splitlines()) <= 4


def check_syntax(syntax: Syntax) -> None:
    """It reads the same again, and every node but the last is the operand of exactly one later node."""
    assert parse_syntax(reading(syntax), FUNCTIONS) == syntax
    arguments = [(arg, place) for place, node in enumerate(syntax.nodes) for arg in getattr(node, "args", ())]
    assert all(arg < place for arg, place in arguments)
    assert sorted(arg for arg, _ in arguments) == list(range(len(syntax.nodes) - 1))


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=25).map("".join)))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        syntax = parse_syntax(text, FUNCTIONS)
    except ExpressionError as error:
        check_refusal(text, error)
    else:
        check_syntax(syntax)
