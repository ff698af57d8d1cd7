"""Text on its way to a terminal: what files, arguments and runs hold must not move the cursor or color the screen."""

from __future__ import annotations

import unicodedata

JOINERS = "\u200c\u200d"  # within words of Persian and of Indian languages, and within emoji
SIGN = "·"  # in the place of a character that is not shown


def printable(text: str) -> str:
    """The text on one line, character for character: blanks of any kind as spaces, what steers a terminal as `·`."""
    return text if text.isprintable() else "".join(map(_shown, text))


def printable_lines(text: str) -> str:
    """The same of text whose line breaks and tabs stay."""
    if "\n" not in text and "\t" not in text:
        return printable(text)
    return "".join(c if c in "\n\t" else _shown(c) for c in text)


def _shown(c: str) -> str:
    if c.isprintable() or c in JOINERS:
        return c
    return " " if c == "\t" or unicodedata.category(c) == "Zs" else SIGN
