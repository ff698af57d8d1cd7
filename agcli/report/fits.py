"""The parameters of a least-squares fit as lines and a table: values with their errors, and how they hang together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from agcli.counts import number_of

DIGITS = 4  # of a standard error
EXACT = 10  # digits of a value without an error
STRONG = 0.5  # correlations that are worth a line
SHOWN = 6  # of them, the strongest
HEAD = ("parameter", "value", "standard error")


def heading(fit: Mapping[str, Any]) -> str:
    """What was fitted to what."""
    scatter = f"residual standard deviation {fit['deviation']:.{DIGITS}g}"
    if fit["absolute_sigma"]:
        scatter = f"chi-squared {fit['deviation'] ** 2 * fit['freedom']:.{DIGITS}g}"
    samples = number_of(fit["samples"], "sample")
    freedom = number_of(fit["freedom"], "degree of freedom")
    return f"parameters: {samples}, {freedom}, {scatter}"


def rows(fit: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The cells of the table under HEAD: values to the last digit of their errors."""
    return [(p["name"], *value_and_error(p["value"], p["standard_error"])) for p in fit["parameters"]]


def value_and_error(value: float, error: float | None) -> tuple[str, str]:
    """Both with as many digits as the error means."""
    if error is None or not math.isfinite(error) or error <= 0:
        return f"{value:.{EXACT}g}", "-"
    last = math.floor(math.log10(error)) - DIGITS + 1  # the decimal place of the error's last digit
    if value == 0 or -6 <= last <= 0:
        return f"{value:.{min(max(-last, 0), 15)}f}", f"{error:.{min(max(-last, 0), 15)}f}"
    digits = min(max(math.floor(math.log10(abs(value))) - last + 1, DIGITS), 17)
    return f"{value:.{digits}g}", f"{error:.{DIGITS}g}"


def remarks(fit: Mapping[str, Any]) -> Iterator[str]:
    """Strong correlations, and what has to be known to read the errors."""
    found = sorted(pairs(fit), key=lambda pair: -abs(pair[2]))
    if found:
        listed = ", ".join(f"{a} and {b} {c:+.3f}" for a, b, c in found[:SHOWN])
        yield f"correlations: {listed}{', ...' if len(found) > SHOWN else ''}"
    for note in fit["notes"]:
        yield f"note: {note}"


def pairs(fit: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    """The pairs of parameters with a strong correlation."""
    names = [p["name"] for p in fit["parameters"]]
    for i, row in enumerate(fit["correlations"]):
        for j, c in enumerate(row[:i]):
            if c is not None and abs(c) >= STRONG:
                yield names[j], names[i], c


def problem(fit: Mapping[str, Any]) -> str:
    """Why there are no errors, if so."""
    return f"no standard errors: {fit['problem']}" if "problem" in fit else ""
