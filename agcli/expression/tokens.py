"""Text -> tokens: numbers, canonical names, symbols; what people paste (`×`, `−`, `x²`, `≤`, `x₁`) becomes plain."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from agcli.expression.errors import ExpressionError, shorten, show_character
from agcli.expression.foreign_names import INSTEAD
from agcli.expression.syntax import MAX_DIGITS, MAX_EXPONENT, MAX_LENGTH, MAX_TOKENS


class Token(NamedTuple):
    """`kind` is number, name, power (a superscript), string, end, or the plain symbol itself; `text` is canonical."""

    kind: str
    text: str
    start: int
    end: int


PLAIN_SYMBOLS = {
    **dict.fromkeys("×·⋅∙∗", "*"),
    **dict.fromkeys("÷∕⁄", "/"),
    **dict.fromkeys("−–—‒", "-"),
    "**": "^",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "∣": "|",
    "…": "...",
}
_INVISIBLE = "\u200b-\u200d\u2060-\u2064\ufeff\u00ad"  # come with text that is pasted from web pages and MathML
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"
_PATTERN = re.compile(
    rf"""[\s{_INVISIBLE}]*+(?:
        ([0-9]+(?:\.(?!\.\.|T\b)[0-9]*)?(?:[eE][+-]?[0-9]+)? | \.[0-9]+(?:[eE][+-]?[0-9]+)?)   # 1 number
      | ([^\W\d_{_SUPERSCRIPTS}](?:[^\W{_SUPERSCRIPTS}]|[\u0300-\u036f])*)                      # 2 name
      | (\*\*|<=|>=|==|!=|\.\.\.|\.T\b|[-+*/^@!=<>()\[\]|,:√∛×·⋅∙∗÷∕⁄−–—‒≤≥≠∣…])             # 3 symbol
      | ([{_SUPERSCRIPTS}]+)                                                                    # 4 power
      | ("[^"]*"|(?<=[(,=\s])'[^']*')                                                           # 5 string
      | (.)                                                                                     # 6 nothing we know
    )""",
    re.VERBOSE,
)
_NUMBER, _NAME, _SYMBOL, _POWER, _STRING = range(1, 6)
_TO_DIGITS = str.maketrans(_SUPERSCRIPTS, "0123456789-")

_LATEX = {
    "frac": "write a fraction as `a/b`",
    "sqrt": "write a root as `sqrt(x)`",
    "cdot": "write a product as `a*b`",
    "times": "write a product as `a*b`",
    "left": "write plain parentheses `( )`",
}
_HINTS = {
    **dict.fromkeys("'’", "`'` could be a derivative or a transpose: write the formula alone, or `x.T`"),
    '"': 'a text needs a quote at both ends, as in `norm(x, ord="fro")`',
    "%": "write `mod(a, b)` for the remainder of a/b, `x/100` for percent",
    "{": "use parentheses `( )` to group",
    "}": "use parentheses `( )` to group",
    ";": "one formula at a time; the rows of a matrix are written `[[a, b], [c, d]]`",
    ".": "only `.T` can follow a value, and functions have no prefix: write `sin(x)`, not `np.sin(x)`",
    "_": "names start with a letter, and numbers have no `_`",
    "$": "write the formula without `$`",
    "&": "write `logical_and(a, b)`",
    "~": "write `logical_not(a)`",
    "½": "write `1/2`",
    "¼": "write `1/4`",
    "¾": "write `3/4`",
    "∞": "infinity is not a number; write a large one, such as `1e300`",
    "∑": "write `sum(x)`",
    "∏": "write `prod(x)`",
    "∂": 'write the formula alone, and name the variable: ag grad "x^2" --wrt x',
    "∫": INSTEAD["integrate"],
    "?": "write `where(condition, a, b)`",
    **dict.fromkeys("“”„‘", 'use straight quotes, as in `norm(x, ord="fro")`'),
}


def tokenize(text: str) -> list[Token]:
    """The tokens of the text, with a last one of kind `end`. Raises ExpressionError for anything else than tokens."""
    if len(text) > MAX_LENGTH:
        message = f"the formula has {len(text):,} characters; at most {MAX_LENGTH:,} are read"
        raise ExpressionError(message, text[: MAX_LENGTH + 1], MAX_LENGTH, MAX_LENGTH + 1)
    tokens: list[Token] = []
    match = _PATTERN.match
    found = match(text)
    while found:
        group = found.lastindex or 0
        word = found[group]
        start, at = found.span(group)
        if group == _SYMBOL:
            word = PLAIN_SYMBOLS.get(word, word)
            tokens.append(Token(word, word, start, at))
        elif group == _NAME:
            tokens.append(Token("name", word if word.isascii() else _plain_name(text, start, at), start, at))
        elif group == _NUMBER:
            tokens.append(Token("number", word, start, at))
        elif group == _POWER:
            tokens.append(Token("power", _plain_power(text, start, at), start, at))
        elif group == _STRING:
            tokens.append(Token("string", word[1:-1], start, at))
        else:
            raise _unknown(text, start)
        found = match(text, at)
    if len(tokens) > MAX_TOKENS:
        token = tokens[MAX_TOKENS]
        message = f"the formula has more than {MAX_TOKENS:,} numbers, names and signs"
        raise ExpressionError(message, text, token.start, token.end)
    tokens.append(Token("end", "", len(text.rstrip()), len(text.rstrip())))
    return tokens


def canonical_name(name: str) -> str:
    """The one spelling of a name: `x₁` is `x_1`, `𝑥` is `x`, `µ` is `μ`. Raises ExpressionError if it is no name."""
    tokens = tokenize(name)
    if [token.kind for token in tokens] != ["name", "end"]:
        hint = "a name is a letter, then letters, digits and `_`: `x`, `x_1`, `theta`"
        raise ExpressionError(f"expected a name, found `{shorten(name)}`", name, 0, len(name), hint)
    return tokens[0].text


def exact(text: str, token: Token) -> int | Fraction:
    """The exact value of a number token of the formula `text`. Raises ExpressionError beyond 1,000 digits or e1000."""
    word = token.text
    if len(word) > MAX_DIGITS:
        raise ExpressionError(f"a number has at most {MAX_DIGITS:,} digits", text, token.start, token.end)
    if word.isdigit():
        return int(word)
    mantissa, _, exponent = word.lower().partition("e")
    whole, _, decimals = mantissa.partition(".")
    shift = int(exponent or 0)
    if abs(shift) > MAX_EXPONENT:
        message = f"the exponent of a number is at most {MAX_EXPONENT:,}"
        raise ExpressionError(message, text, token.start, token.end)
    shift -= len(decimals)
    digits = int(whole + decimals)
    value = Fraction(digits * 10**shift) if shift >= 0 else Fraction(digits, 10**-shift)
    return value.numerator if value.denominator == 1 else value


def _plain_power(text: str, start: int, end: int) -> str:
    word = text[start:end].translate(_TO_DIGITS)
    if not word.removeprefix("-").isdigit():
        hint = "a superscript is a number, as in x² or x⁻¹"
        raise ExpressionError(f"expected a superscript number, found `{word}`", text, start, end, hint)
    return word


def _plain_name(text: str, start: int, end: int) -> str:
    """A name that has letters beyond ASCII, in its canonical spelling."""
    from unicodedata import combining, decomposition, normalize

    letters, below = [], False
    for place in range(start, end):
        character = text[place]
        parts = decomposition(character)
        if parts.startswith("<super>"):
            hint = "write `x.T`" if parts == "<super> 0054" else "write a power as `x^n`"
            raise ExpressionError(
                f"superscript letters such as `{character}` are not read", text, place, place + 1, hint
            )
        subscript = parts.startswith("<sub>")
        plain = normalize("NFKC", character)
        known = all(part.isalpha() or part.isdigit() or part == "_" or combining(part) for part in plain)
        if not known or (place == start and (subscript or not plain[0].isalpha())):
            raise _unknown(text, place)
        letters.append("_" + plain if subscript and not below else plain)
        below = subscript
    return normalize("NFKC", "".join(letters))


def _unknown(text: str, place: int) -> ExpressionError:
    character = text[place]
    if character == "\\":
        command = re.match(r"[A-Za-z]*", text[place + 1 : place + 40])
        word = command[0] if command else ""
        hint = _LATEX.get(word, f"write `{word}` without the `\\`" if word else "write the formula in plain text")
        return ExpressionError("LaTeX is not read", text, place, place + 1 + len(word), hint)
    hint = _HINTS.get(character, "")
    return ExpressionError(f"unexpected character {show_character(character)}", text, place, place + 1, hint)
