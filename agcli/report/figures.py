"""How figures are written: short, and the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agcli.model.undefined import Undefined


def figure(value: Any) -> str:
    """Four significant digits, without an exponent where that is readable; lists by rows; or why there is no value."""
    if isinstance(value, Undefined):
        return str(value)
    if isinstance(value, list):
        is_matrix = bool(value) and isinstance(value[0], list)
        return "\n".join(map(row, value)) if is_matrix else row(value)
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e5 or value == 0 else f"{value:.4g}"


def row(values: list[Any]) -> str:
    """Numbers side by side; counts without decimals."""
    return " ".join(f"{v:>5.0f}" if float(v).is_integer() else figure(v) for v in values)


def figures(values: Mapping[str, Any]) -> str:
    """Names and figures on one line, without those of many numbers."""
    return "  ".join(f"{k} {figure(v)}" for k, v in values.items() if not isinstance(v, list))


def amount(bytes: float) -> str:
    """As in ``512 B``, ``61.4 kB`` or ``1.2 GB``."""
    for unit in ("B", "kB", "MB"):
        if bytes < 1000:
            return f"{bytes:.0f} {unit}" if unit == "B" else f"{bytes:.3g} {unit}"
        bytes /= 1000
    return f"{bytes:.3g} GB"


def duration(seconds: float) -> str:
    """As in ``0.21 ms``, ``0.82 s``, ``14 s`` or ``3:05``."""
    if seconds < 0.1:
        return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.3g} µs"
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
