"""What the expression language means: each text beside its fully explicit reading, the doubts it echoes, its bounds."""

from __future__ import annotations

import re
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from agcli.expression import ExpressionError, Syntax, canonical_name, parse_syntax, reading
from agcli.expression.syntax import MAX_DEPTH, AnyNode, Call, Constant, Form, Literal, Name, Number

FUNCTIONS = frozenset(
    {"abs", "asin", "cbrt", "cos", "diff", "einsum", "exp", "factorial", "gamma", "gradient", "log", "log2"}
    | {"max", "norm", "reshape", "sin", "sqrt", "sum", "tan", "transpose", "where"}
)


def parse(text: str, *variables: str) -> Syntax:
    return parse_syntax(text, FUNCTIONS, variables)


def explicit(syntax: Syntax) -> str:
    """The tree in prefix notation, written without the help of `reading`."""
    done: list[str] = []
    for node in syntax.nodes:
        done.append(_explicit(node, done))
    return done[-1]


def _explicit(node: AnyNode, done: list[str]) -> str:
    match node:
        case Number(value=value):
            return str(value)
        case Constant(name=name):
            return name.upper()
        case Name(name=name):
            return name
        case Literal(value=value):
            return "..." if value is ... else repr(value)
        case Call(function=function, args=args, keywords=keywords):
            labels = [""] * (len(args) - len(keywords)) + [f"{keyword}=" for keyword in keywords]
            return f"{function}({', '.join(label + done[arg] for label, arg in zip(labels, args, strict=True))})"
        case Form(kind=kind, args=args):
            return f"<{kind} {', '.join(done[arg] for arg in args)}>"


READINGS = [
    # Numbers, names, constants
    ("2", "2"),
    ("0.1", "1/10"),
    (".5", "1/2"),
    ("5.", "5"),
    ("1e-3", "1/1000"),
    ("1.50E2", "150"),
    ("pi + π", "add(PI, PI)"),
    ("e", "E"),
    ("tau", "tau"),
    ("x₁ + x_1", "add(x_1, x_1)"),
    ("x₁₂", "x_12"),
    ("𝑥 + µ", "add(x, μ)"),
    ("ŷ + x̂", "add(ŷ, x̂)"),
    ("漢字", "漢字"),
    ("lambda*x", "multiply(lambda, x)"),
    # Signs, sums, products, quotients
    ("2*x^2 + 3*y + 1", "add(add(multiply(2, power(x, 2)), multiply(3, y)), 1)"),
    ("a - b - c", "subtract(subtract(a, b), c)"),
    ("a/b/c", "divide(divide(a, b), c)"),
    ("a/b*c", "multiply(divide(a, b), c)"),
    ("a @ b*c", "multiply(matmul(a, b), c)"),
    ("-x*y", "multiply(negative(x), y)"),
    ("--x", "negative(negative(x))"),
    ("+x", "x"),
    ("x - -y", "subtract(x, negative(y))"),
    ("2 × x − 3 ÷ y · z", "subtract(multiply(2, x), multiply(divide(3, y), z))"),
    # Powers
    ("x**2", "power(x, 2)"),
    ("-x^2", "negative(power(x, 2))"),
    ("-2^2", "negative(power(2, 2))"),
    ("(-2)^2", "power(negative(2), 2)"),
    ("a^b^c", "power(a, power(b, c))"),
    ("x^-1", "power(x, negative(1))"),
    ("2^-x*y", "multiply(power(2, negative(x)), y)"),
    ("e^-x^2", "power(E, negative(power(x, 2)))"),
    ("x²y³", "multiply(power(x, 2), power(y, 3))"),
    ("x⁻¹", "power(x, negative(1))"),
    ("2^x²", "power(2, power(x, 2))"),
    ("-x²", "negative(power(x, 2))"),
    # Products without a sign
    ("2x", "multiply(2, x)"),
    ("2x^2", "multiply(2, power(x, 2))"),
    ("2 pi r", "multiply(multiply(2, PI), r)"),
    ("x y", "multiply(x, y)"),
    ("xy", "xy"),
    ("2(x+1)", "multiply(2, add(x, 1))"),
    ("(x+1)(x-1)", "multiply(add(x, 1), subtract(x, 1))"),
    ("(a)b", "multiply(a, b)"),
    ("3 sin(x)cos(x)", "multiply(multiply(3, sin(x)), cos(x))"),
    ("x(y+1)", "multiply(x, add(y, 1))"),
    ("1/2x", "multiply(divide(1, 2), x)"),
    ("1/-2x", "multiply(divide(1, negative(2)), x)"),
    ("1/x^2 y", "multiply(divide(1, power(x, 2)), y)"),
    ("x^2y", "multiply(power(x, 2), y)"),
    ("2e", "multiply(2, E)"),
    ("2e3x", "multiply(2000, x)"),
    ("2exp(x)", "multiply(2, exp(x))"),
    ("theta(x+1)", "multiply(theta, add(x, 1))"),
    ("2[1, 2]", "multiply(2, <vector 1, 2>)"),
    # Bars, roots, factorials
    ("|x|", "abs(x)"),
    ("2|x|^2", "multiply(2, power(abs(x), 2))"),
    ("||x| - 1|", "abs(subtract(abs(x), 1))"),
    ("|x|y|z|", "multiply(multiply(abs(x), y), abs(z))"),
    ("|x||y|", "multiply(abs(x), abs(y))"),
    ("max(|x|, |y|)", "max(abs(x), abs(y))"),
    ("√2", "sqrt(2)"),
    ("√(x+1)", "sqrt(add(x, 1))"),
    ("2√x y", "multiply(multiply(2, sqrt(x)), y)"),
    ("√x^2", "power(sqrt(x), 2)"),
    ("∛x + √√y", "add(cbrt(x), sqrt(sqrt(y)))"),
    ("n! + 1", "add(factorial(n), 1)"),
    ("-2^n!", "negative(power(2, factorial(n)))"),
    # Functions
    ("sin(x)^2", "power(sin(x), 2)"),
    ("sin^2(x)", "power(sin(x), 2)"),
    ("sin²(x) + 1", "add(power(sin(x), 2), 1)"),
    ("gamma(x) + gamma", "add(gamma(x), gamma)"),
    ("sum(x, axis=0)", "sum(x, axis=0)"),
    ("sum(x, axis=(0, 1), keepdims=True)", "sum(x, axis=<tuple 0, 1>, keepdims=True)"),
    ("sum(x, axis=[0], keepdims=None,)", "sum(x, axis=<vector 0>, keepdims=None)"),
    ("reshape(x, ()) + reshape(x, (2,))", "add(reshape(x, <tuple >), reshape(x, <tuple 2>))"),
    ("norm(x, ord=\"fro\") + norm(x, ord='fro')", "add(norm(x, ord='fro'), norm(x, ord='fro'))"),
    ('einsum("ij,jk->ik", a, b)', "einsum('ij,jk->ik', a, b)"),
    ("max()", "max()"),
    # Vectors, matrices, indices
    ("[a, b,]", "<vector a, b>"),
    ("[[1, 2], [3, 4]] @ [x, y]", "matmul(<vector <vector 1, 2>, <vector 3, 4>>, <vector x, y>)"),
    ("x.T @ y", "matmul(transpose(x), y)"),
    ("2.T", "transpose(2)"),
    ("x[0]", "<index x, 0>"),
    ("x[-1]", "<index x, negative(1)>"),
    ("x[:, 1]", "<index x, <slice None, None, None>, 1>"),
    ("x[1:3]", "<index x, <slice 1, 3, None>>"),
    ("x[::2, 1:]", "<index x, <slice None, None, 2>, <slice 1, None, None>>"),
    ("x[..., 0]", "<index x, ..., 0>"),
    ("x[:, None]", "<index x, <slice None, None, None>, None>"),
    ("(x + y)[i][j]^2", "power(<index <index add(x, y), i>, j>, 2)"),
    # Comparisons and equations
    ("x + 1 < 2 y", "less(add(x, 1), multiply(2, y))"),
    ("where(x >= 0, x, -x)", "where(greater_equal(x, 0), x, negative(x))"),
    ("(x ≤ 1) * (x ≠ y)", "multiply(less_equal(x, 1), not_equal(x, y))"),
    ("x!=y", "not_equal(x, y)"),
    ("x^2 + y^2 = 1", "<equation add(power(x, 2), power(y, 2)), 1>"),
    ("a == b = c", "<equation equal(a, b), c>"),
    # Invisible characters and line breaks
    ("x\n\t+\N{NO-BREAK SPACE}y\N{ZERO WIDTH SPACE}", "add(x, y)"),
]


@pytest.mark.parametrize(("text", "expected"), READINGS)
def test_reading(text: str, expected: str) -> None:
    syntax = parse(text)
    assert explicit(syntax) == expected
    assert parse(reading(syntax)) == syntax


ECHOES = [
    ("2x^2 + 1/2x", "2*x^2 + 1/2*x"),
    ("e^-x^2", "e^(-x^2)"),
    ("a^b^c", "a^(b^c)"),
    ("(a^b)^c - (b - c) - -d", "(a^b)^c - (b - c) - (-d)"),
    ("-(x y)", "-(x*y)"),
    ("a/(b c)", "a/(b*c)"),
    ("√2|x|", "sqrt(2)*abs(x)"),
    ("(a < b) == (c < d)", "(a < b) == (c < d)"),
    ("x.T@y", "x.T @ y"),
    ("(2)[0:1,...]", "(2)[0:1, ...]"),
    ("(x+1)[::2]", "(x + 1)[::2]"),
    ("f(x)=y", "f*x = y"),
    ("norm(x, ord='\"', axis=(0,))", "norm(x, ord='\"', axis=(0,))"),
]


@pytest.mark.parametrize(("text", "expected"), ECHOES)
def test_echo(text: str, expected: str) -> None:
    assert reading(parse(text)) == expected


DOUBTS = [
    ("1/2x", "`1/2x` is read as `(1/2)*x`"),
    ("x/2(y+1)", "`x/2(y+1)` is read as `(x/2)*(y+1)`"),
    ("1/x^2 y", "`1/x^2 y` is read as `(1/x^2)*y`"),
    ("x^2y", "`x^2y` is read as `(x^2)*y`"),
    ("e^-2x", "`e^-2x` is read as `(e^-2)*x`"),
    ("a^b^c", "`a^b^c` is read as `a^(b^c)`"),
    ("-2^2", "`-2^2` is read as `-(2^2)`"),
    ("√2x", "`√2x` is read as `(√2)*x`"),
    ("√x^2", "`√x^2` is read as `(√x)^2`"),
    ("√x²", "`√x²` is read as `(√x)^2`"),
    ("x(y+1)", "`x(y+1)` is read as `x*(y+1)`"),
    ("sin^2(x)", "`sin^2(x)` is read as `sin(x)^2`"),
    ("|x|y|z|", "`|x|y|z|` is read as `|x|y*|z|`"),
    ("xy", "`xy` is read as one variable; write `x*y` for the product"),
    ("2pir", "`pir` is read as one variable; write `pi*r` for the product"),
    ("sinx", "`sinx` is read as one variable; write `sin(x)` for the function"),
    ("gamma + 1", "`gamma` is read as a variable; write `gamma(x)` for the function"),
    ("diff*x", "`diff` is read as a variable; write `diff(x)` for the function"),
    ("1 - gradient^2", "`gradient` is read as a variable; write `gradient(x)` for the function"),
    ("2e+1", "`2e+1` is read as one number; write `2*e + 1` for the constant e"),
    ("3[x+1]", "`[x+1]` is read as a vector with one value; write `( )` to group"),
    ("[a b, c]", "`a b` is read as `a*b`; write commas between the values of a vector"),
]


@pytest.mark.parametrize(("text", "expected"), DOUBTS)
def test_doubt(text: str, expected: str) -> None:
    assert [doubt.message for doubt in parse(text).doubts] == [expected]


PLAIN = ["2x", "2x^2", "-x^2", "x^2 y", "x^2(x+1)", "1e-3 + 2.5e-4", "2 pi(r+1)", "|x||y|", "2|x| + 3|y|", "√(x)^2"]
PLAIN += ["theta mu", "x_1 x_2", "alpha^2/2", "norm([x])", "[[x]]", "x²y", "a/b/c", "(1/2)x", "x^(2)y"]


@pytest.mark.parametrize("text", PLAIN)
def test_no_doubt(text: str) -> None:
    assert parse(text).doubts == ()


def test_a_doubt_is_told_once_and_only_twenty_are() -> None:
    assert len(parse("xy + xy").doubts) == 1
    assert [doubt.start for doubt in parse("1/2ab").doubts] == [0, 3]
    assert len(parse("+".join(f"{letter}q" for letter in "abcdefghijklmnoprstuvwxyz")).doubts) == 20


PAGE = (Path(__file__).parents[2] / "docs" / "expressions.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("text", "expected"), re.findall(r"^(\S.*?) +→  (.*)$", PAGE, re.MULTILINE))
def test_readings_in_the_documentation(text: str, expected: str) -> None:
    assert reading(parse(text)) == expected


@pytest.mark.parametrize(("text", "expected"), re.findall(r"^(\S+) +(`.*` is read as .*)$", PAGE, re.MULTILINE))
def test_doubts_in_the_documentation(text: str, expected: str) -> None:
    assert [doubt.message for doubt in parse(text).doubts] == [expected]


def test_the_error_in_the_documentation() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse("2 sine(x)")
    assert f"```text\n{caught.value}\n```" in PAGE


def test_the_documentation_has_readings_and_doubts() -> None:
    assert PAGE.count("→") > 40
    assert PAGE.count("is read as") >= 12


def test_known_variables_come_before_constants_and_functions() -> None:
    assert explicit(parse("e + sum + loss(1)", "e", "sum", "loss")) == "add(add(e, sum), multiply(loss, 1))"
    assert explicit(parse("sum(x)", "sum")) == "sum(x)"
    assert parse("xy", "xy").doubts == ()


def test_numbers_are_exact_and_keep_their_text() -> None:
    number = parse("0.10").root
    assert isinstance(number, Number)
    assert (number.value, number.text) == (Fraction(1, 10), "0.10")
    whole = parse("1e3").root
    assert isinstance(whole, Number)
    assert type(whole.value) is int


def test_nodes_know_their_places() -> None:
    text = "2(x + 1)/y₁²[1:3]"
    places = [text[node.start : node.end] for node in parse(text).nodes]
    index = ["y₁", "²", "y₁²", "1", "3", "", "1:3", "y₁²[1:3]"]
    assert places == ["2", "x", "1", "x + 1", "2(x + 1)", *index, text]


def test_variables_are_named_once_in_their_order() -> None:
    assert parse("y + x*pi + y + sin(z)").variables == ("y", "x", "z")


@pytest.mark.parametrize(("name", "canonical"), [("x", "x"), ("x₁", "x_1"), ("xᵢ", "x_i"), ("𝛼", "α"), ("ｘ", "x")])
def test_canonical_name(name: str, canonical: str) -> None:
    assert canonical_name(name) == canonical


@pytest.mark.parametrize("name", ["", "1", "x y", "x+", "x²", "₁", "½", "ﷺ"])
def test_no_canonical_name(name: str) -> None:
    with pytest.raises(ExpressionError):
        canonical_name(name)


LONG_CHAINS = [
    ("x" + " + x" * 20_000, "+"),
    ("x" + "*x" * 20_000, "*"),
    ("x" + " x" * 24_000, "*"),
    ("x" + "[0]" * 16_000, "[0]"),
    ("+" * 40_000 + "x", "x"),
    ("|x|y" * 9_000, "*"),
    ("[" + "1," * 20_000 + "1]", "1"),
    ("9^9^9^9", "9"),
]

TOO_MUCH = [
    ("(" * 100_000, "more than 50,000"),
    ("(" * 40_000, f"more than {MAX_DEPTH:,} deep"),
    ("x^" * 20_000 + "x", f"more than {MAX_DEPTH:,} deep"),
    ("^" * 40_000, "expected a formula"),
    ("-" * 40_000 + "x", f"more than {MAX_DEPTH:,} deep"),
    ("sin(" * 20_000, f"more than {MAX_DEPTH:,} deep"),
    ("|" * 40_000, f"more than {MAX_DEPTH:,} deep"),
    ("x + " * 2_500_000, "10,000,000 characters; at most 100,000"),
    ("\0" * 100_000, "unexpected character U+0000"),
    ("1" * 1_001, "at most 1,000 digits"),
    ("x" + "⁹" * 1_001, "at most 1,000 digits"),
    ("1e-1001", "exponent of a number is at most 1,000"),
    ("1e999999999", "exponent of a number is at most 1,000"),
    ("a" * 99_000 + "(x)", "no function `aaa"),
    (" " * 100_000, "expected a formula"),
    ("'" * 100_000, "unexpected character"),
    ("(x" + "₁" * 90_000, "never closed"),
]


CALLS = 300  # for a character; the work grows as the text does


@pytest.mark.parametrize(("text", "last"), LONG_CHAINS, ids=lambda value: value[:8])
def test_long_chains_are_read(text: str, last: str, calls: Callable[[Callable[[], object]], int]) -> None:
    assert calls(lambda: parse(text)) < CALLS * len(text)
    syntax = parse(text)
    assert isinstance(syntax, Syntax)
    assert last in reading(syntax)
    assert syntax == parse(text)


@pytest.mark.parametrize(("text", "message"), TOO_MUCH, ids=lambda value: value[:8])
def test_too_much_is_refused(text: str, message: str, calls: Callable[[Callable[[], object]], int]) -> None:
    def refuse() -> None:
        with pytest.raises(ExpressionError) as caught:
            parse(text)
        refusals.append(str(caught.value))

    refusals: list[str] = []
    assert calls(refuse) < CALLS * min(len(text), 100_000) + 10_000  # and the search for a near name
    (shown,) = refusals
    assert message in shown
    assert len(shown) < 400


def test_memory_is_bounded() -> None:
    tracemalloc.start()
    try:
        parse("x" + "+x" * 24_000)
        assert tracemalloc.get_traced_memory()[1] < 60e6
    finally:
        tracemalloc.stop()


def test_it_imports_no_numpy() -> None:
    code = "import sys, agcli.expression; print({'numpy', 'click', 'rich', 'yaml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
