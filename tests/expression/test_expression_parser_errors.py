"""What a person reads when a formula cannot be read. Each block is a whole error; its second line is the input."""

from __future__ import annotations

import pickle

import pytest

from agcli.expression import ExpressionError, nearest, parse_syntax
from agcli.expression.errors import picture

FUNCTIONS = frozenset({"asin", "cos", "exp", "log", "max", "norm", "sin", "sqrt", "sum", "where"})

GOLDEN = r"""
expected a value after `*`, found `)`
  2*(x+y*)
         ^
expected a value after `+`, found the end of the text
  x +
     ^
expected a formula, found `*`
  * x
  ^
expected an operator before `2`
  (x+1) 2
        ^
write `*2` or `^2`
expected an operator before `3`
  [1, 2 3]
        ^
write commas between the values of a vector
expected an operator, found `"a"`
  x "a"
    ^^^
`(` is never closed
  2*((x + 1)*3
    ^
add `)` where it ends
`(` is never closed
  1 + sin(x
      ^^^^
add `)` where it ends
`|` is never closed
  1 + |x
      ^
add `|` where it ends
expected a value after `|`, found the end of the text
  |2|x||
        ^
write `abs(x)` where bars could be read in two ways
`)` closes nothing
  x + 1)
       ^
remove it, or open it before
expected `]` to close `[`, found `)`
  [x, y)
       ^
expected a value after `[`, found `]`
  x[]
    ^
a comma stands only between values in brackets
  3,5x
   ^
write decimals with a point, as in `1.5`, and vectors as `[a, b]`
several values in parentheses can only be an argument of a function
  (1, 2) + x
  ^^^^^^
write a vector as `[a, b]`
several values in parentheses can only be an argument of a function
  f(x, y)
   ^^^^^^
`f` is a variable, not a function
an empty pair of parentheses can only be an argument of a function
  2*f()
     ^^
`f` is a variable, not a function
a text can only be an argument of a function
  "x" + 1
  ^^^
write names without quotes
the rows of a matrix have the same length: expected 2 values, found 1
  [[1, 2], [3]]
           ^^^
`:` stands only in an index, as in `x[1:3]`
  x:y
   ^
a slice has at most three parts, `start:stop:step`
  x[1:2:3:4]
         ^
`...` stands only for whole axes of an index, as in `x[..., 0]`
  1 + ... + n
      ^^^
comparisons are not chained
  0 < x < 1
        ^
write `logical_and(a < b, b < c)`
an equation has one `=`
  x = y = z
        ^
write `==` to compare
`=` stands between the sides of an equation, not within brackets
  (x = 1)
     ^
write `==` to compare
`=` stands between the sides of an equation, not within brackets
  sum(x axis=0)
            ^
write a comma before `axis=`, or `==` to compare
`=` stands between the sides of an equation, not within brackets
  f(x=2)
     ^
`f` is a variable, not a function
`axis=` is given twice
  sum(x, axis=0, axis=1)
                 ^^^^
a value without a name follows one with a name
  sum(x, axis=0, 1)
                 ^
write it before `axis=`
expected a value after `=`, found `)`
  sum(x, axis=)
              ^
there is no function `sine`
  2 sine(x)
    ^^^^
did you mean `sin`? Or write `sine*(...)` if it is a variable
there is no function `Sqrt`
  Sqrt(x)
  ^^^^
did you mean `sqrt`? Or write `Sqrt*(...)` if it is a variable
there is no function `xsin`
  xsin(x)
  ^^^^
write `x*sin(...)` for a product
there is no function `energy`
  energy(x)
  ^^^^^^
write `energy*(...)` if it is a variable
the argument of the function `sin` stands in parentheses
  1 + sin 2x
      ^^^
write `sin(2x)`
the argument of the function `sin` stands in parentheses
  sin + 1
  ^^^
write `sin(x)`
the argument of the function `sin` stands in parentheses
  sin^n(x)
  ^^^
write `sin(x)^n`
a negative power of `sin` could be the inverse function or the reciprocal
  sin^-1(x)
  ^^^^^^
write `asin(x)` for the inverse or `1/sin(x)` for the reciprocal
a negative power of `sin` could be the inverse function or the reciprocal
  2sin⁻¹(x)
   ^^^^^
write `asin(x)` for the inverse or `1/sin(x)` for the reciprocal
a negative power of `log` could be the inverse function or the reciprocal
  log^-2(x)
  ^^^^^^
write `log(x)^-2`
a root of a signed value needs parentheses
  √-x^2
   ^
write `√(-x)`
the double factorial is not known
  n!!
    ^
write `(n!)!` for the factorial of a factorial
`and` has no meaning in a formula
  x > 0 and x < 1
        ^^^
write `logical_and(a, b)`
LaTeX is not read
  \frac{1}{2}
  ^^^^^
write a fraction as `a/b`
LaTeX is not read
  2\alpha
   ^^^^^^
write `alpha` without the `\`
unexpected character `'`
  f'(x)
   ^
`'` could be a derivative or a transpose: write the formula alone, or `x.T`
unexpected character `.`
  np.sin(x)
    ^
only `.T` can follow a value, and functions have no prefix: write `sin(x)`, not `np.sin(x)`
unexpected character `{`
  2^{x}
    ^
use parentheses `( )` to group
unexpected character `_`
  1_000
   ^
names start with a letter, and numbers have no `_`
unexpected character `“`
  norm(x, ord=“fro”)
              ^
use straight quotes, as in `norm(x, ord="fro")`
unexpected character `½`
  ½x
  ^
write `1/2`
superscript letters such as `ˣ` are not read
  eˣ
   ^
write a power as `x^n`
superscript letters such as `ᵀ` are not read
  xᵀ y
   ^
write `x.T`
expected a superscript number, found `--`
  x⁻⁻
   ^^
a superscript is a number, as in x² or x⁻¹
the exponent of a number is at most 1,000
  1e999999999
  ^^^^^^^^^^^
expected a value after `+`, found `*`
  漢字 + * 2
         ^
expected a value after `-`, found `/`
  x̂ - /2
      ^
"""


def blocks() -> list[str]:
    """The errors above: a line with carets ends one, or the hint that follows it."""
    found: list[str] = []
    lines = GOLDEN.strip("\n").split("\n")
    for place, line in enumerate(lines):
        if place + 1 < len(lines) and lines[place + 1].startswith("  ") and not line.startswith("  "):
            found.append(line)
        else:
            found[-1] += "\n" + line
    return found


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.split("\n")[1].strip())
def test_error(block: str) -> None:
    text = block.split("\n")[1][2:]
    with pytest.raises(ExpressionError) as caught:
        parse_syntax(text, FUNCTIONS)
    assert str(caught.value) == block


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_nothing_has_no_picture(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_syntax(text, FUNCTIONS)
    assert str(caught.value) == "expected a formula, found the end of the text"


def test_a_long_text_is_shown_around_the_place() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_syntax("alpha + " * 100 + "* beta" + " + gamma" * 100, FUNCTIONS)
    assert str(caught.value).split("\n") == [
        "expected a value after `+`, found `*`",
        "  …a + alpha + alpha + alpha + alpha + * beta + gamma + gamma + gamma + gam…",
        "  " + " " * 37 + "^",
    ]


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("漢字x", 2, ("漢字x", "    ^")),
        ("x̂+", 2, ("x̂+", " ^")),
        ("a\0\n\tb", 4, ("a\N{REPLACEMENT CHARACTER}  b", "    ^")),
        ("\ud800", 0, ("\N{REPLACEMENT CHARACTER}", "^")),
        ("漢" * 100, 50, ("…" + "漢" * 36 + "…", " " * 37 + "^^")),
        ("x", 1, ("x", " ^")),
    ],
)
def test_carets_stand_under_wide_and_invisible_characters(text: str, start: int, expected: tuple[str, str]) -> None:
    assert picture(text, start, start + 1) == expected


@pytest.mark.parametrize(
    ("text", "shown"),
    [("\0", "U+0000"), ("\ud800", "U+D800"), ("\N{RIGHT-TO-LEFT OVERRIDE}", "U+202E"), ("#", "`#`")],
)
def test_characters_that_cannot_be_seen_are_named(text: str, shown: str) -> None:
    with pytest.raises(ExpressionError, match=f"unexpected character {shown}".replace("+", r"\+")):
        parse_syntax(f"x {text}", FUNCTIONS)


def test_an_error_is_a_value_error_with_its_place() -> None:
    with pytest.raises(ValueError, match="no function") as caught:
        parse_syntax("1 + foo(x)", FUNCTIONS)
    error = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert (error.start, error.end, error.text) == (4, 7, "1 + foo(x)")
    assert str(error) == str(caught.value)


@pytest.mark.parametrize(
    ("word", "expected"), [("sinn", "sin"), ("LOG", "log"), ("wher", "where"), ("zzz", None), ("s" * 100_000, None)]
)
def test_nearest(word: str, expected: str | None) -> None:
    assert nearest(word, FUNCTIONS) == expected
