"""Counts with their nouns, as messages write them. Every room of the house may import this one."""

from __future__ import annotations

HISSING = ("s", "x", "ch", "sh")  # ends of nouns whose plural is spoken with a syllable more
IRREGULAR = {"epoch": "epochs", "axis": "axes", "degree of freedom": "degrees of freedom"}


def number_of(count: int, noun: str) -> str:
    """A count and its noun: `1 sample`, `2,000 samples`, `0 classes`."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {IRREGULAR.get(noun) or noun + ('es' if noun.endswith(HISSING) else 's')}"
