"""How figures are written: short, and the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping


def figure(value: float) -> str:
    """Four significant digits, without an exponent where that is readable."""
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e5 or value == 0 else f"{value:.4g}"


def figures(values: Mapping[str, float]) -> str:
    return "  ".join(f"{k} {figure(v)}" for k, v in values.items())


def duration(seconds: float) -> str:
    """As in ``0.82 s``, ``14 s`` or ``3:05``."""
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
