"""What a training split taught, read back from plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .corpus import Speller
from .errors import unknown
from .layout import Layout
from .preprocessing import Recipe

_KINDS: Mapping[str, Callable[[Mapping[str, Any]], Recipe | Speller | Layout]] = {
    "table": Recipe.from_json,
    "arrays": Layout.from_json,
    "corpus": Speller.from_json,
}


def fitted(plain: Mapping[str, Any]) -> Recipe | Speller | Layout:
    """The recipe, the layout or the speller whose `to_json` gave this. Raises DataError for anything else."""
    kind = str(plain.get("kind"))
    if kind not in _KINDS:
        raise unknown("kind of statistics", kind, _KINDS)
    return _KINDS[kind](plain)
