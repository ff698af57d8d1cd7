"""Figures that have no value: a NaN that knows why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

NOT_FINITE = "some answers are NaN or infinite"


class Undefined(float):
    """NaN, with the reason."""

    reason: str

    def __new__(cls, reason: str) -> Undefined:
        made = super().__new__(cls, math.nan)
        made.reason = reason
        return made

    def __reduce__(self) -> tuple[type[Undefined], tuple[str]]:
        return Undefined, (self.reason,)

    def __str__(self) -> str:
        return f"undefined: {self.reason}"


def reasons(figures: Mapping[str, Any]) -> dict[str, str]:
    """Why some of these figures have no value, by their names."""
    return {name: value.reason for name, value in figures.items() if isinstance(value, Undefined)}


def in_json(figures: Mapping[str, Any], key: str = "metrics") -> dict[str, Any]:
    """Figures as an entry of a JSON object, null for those without a value, and beside it the reasons, if any."""
    why = reasons(figures)
    plain = {name: None if name in why else value for name, value in figures.items()}
    return {key: plain, "undefined": why} if why else {key: plain}


def restored(figures: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """Figures read back from plain data, where NaN or null stands for those that have no value."""
    return {name: Undefined(known[name]) if name in known else value for name, value in figures.items()}
