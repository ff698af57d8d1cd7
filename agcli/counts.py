"""Counts with their nouns, as messages write them. Every room of the house may import this one."""

from __future__ import annotations

HISSING = ("s", "x", "ch", "sh")  # ends of nouns whose plural is spoken with a syllable more


def number_of(count: int, noun: str, nouns: str = "") -> str:
    """A count and its noun: `1 sample`, `2,000 samples`, `0 classes`.

    ``nouns`` is the plural where it is no `s` behind the noun, nor `es` behind a hissing sound: `entries`, `axes`.
    """
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {nouns or noun + ('es' if noun.endswith(HISSING) else 's')}"
