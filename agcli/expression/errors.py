"""The one shape of every error of the expression language: what is wrong, the text with carets, what to type next."""

from __future__ import annotations

from collections.abc import Iterable

COLUMNS_BEFORE = 36  # of a long text, this much is shown before the place
COLUMNS_SHOWN = 72  # and this much in all
LONGEST_WORD = 40  # longer words are shown shortened, and nothing is near to them


class ExpressionError(ValueError):
    """A formula that cannot be read.

    `message` is one sentence, `text[start:end]` the place, `hint` what to type instead (it may be empty).
    `str()` is all of it, with the text in one line and carets under the place.

    >>> try:
    ...     ag.parse("2*x + sin x")
    ... except ag.ExpressionError as error:
    ...     print(error)
    the argument of the function `sin` stands in parentheses
      2*x + sin x
            ^^^
    write `sin(x)`
    """

    exit_code = 2

    def __init__(self, message: str, text: str = "", start: int = 0, end: int = 0, hint: str = "") -> None:
        super().__init__(message, text, start, end, hint)
        self.message = message
        self.text = text
        self.start = start
        self.end = end
        self.hint = hint
        self.notes: tuple[str, ...] = ()  # how the formula was read where it could be read in two ways

    def __str__(self) -> str:
        lines = [self.message, *(f"  {line}" for line in picture(self.text, self.start, self.end))]
        return "\n".join([*lines, self.hint] if self.hint else lines)

    def to_json(self) -> dict[str, str | int | list[str]]:
        """The error as plain data, without its text; notes where there are some."""
        fields: dict[str, str | int | list[str]] = {
            "message": self.message, "start": self.start, "end": self.end, "hint": self.hint,
        }  # fmt: skip
        return fields | {"notes": list(self.notes)} if self.notes else fields


def picture(text: str, start: int, end: int) -> tuple[str, ...]:
    """The text around `text[start:end]` and carets under it: two lines of at most 74 columns, none for no text."""
    if not text.strip():
        return ()
    first, last = 0, len(text)
    if _width(text[: COLUMNS_SHOWN + 1]) > COLUMNS_SHOWN:
        first = start - _fitting(text[max(0, start - COLUMNS_BEFORE) : start][::-1], COLUMNS_BEFORE)
        last = first + _fitting(text[first : first + COLUMNS_SHOWN], COLUMNS_SHOWN)
    dots = "…" if first else ""
    line = dots + "".join(map(_glyph, text[first:last])) + ("…" if last < len(text) else "")
    carets = "^" * max(1, _width(text[start : min(end, last)]))
    return line.rstrip(), " " * (len(dots) + _width(text[first:start])) + carets


def shorten(text: str, length: int = LONGEST_WORD) -> str:
    """The text in one printable line, its middle left out when it is longer than `length` characters."""
    half = length // 2
    if len(text) > length:
        text = f"{text[: half - 1]}…{text[-half:]}"
    return "".join(map(_glyph, text))


def nearest(word: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The name that `word` was most likely meant to be; None where nothing is near."""
    if len(word) > LONGEST_WORD:
        return None
    from difflib import get_close_matches

    known = sorted(names)
    if word.lower() in known:
        return word.lower()
    return next(iter(get_close_matches(word.lower(), known, n=1, cutoff=cutoff)), None)


def printable(text: str) -> str:
    """A text in which nothing moves the cursor or colors a terminal; lines stay lines."""
    return "\n".join("".join(map(_glyph, line)) for line in text.split("\n"))


def show_character(character: str) -> str:
    """A character as a sentence shows it: itself where it can be seen, else its code point."""
    return f"`{character}`" if character.isprintable() else f"U+{ord(character):04X}"


def _glyph(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else "\N{REPLACEMENT CHARACTER}"


def _columns(character: str) -> int:
    if character.isascii():
        return 1
    from unicodedata import combining, east_asian_width

    if combining(character):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def _width(text: str) -> int:
    return len(text) if text.isascii() else sum(map(_columns, text))


def _fitting(text: str, columns: int) -> int:
    """How many of the first characters of `text` fit into so many columns."""
    for count, character in enumerate(text):
        columns -= _columns(character)
        if columns < 0:
            return count
    return len(text)
