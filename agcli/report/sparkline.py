"""A row of numbers as a row of blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
KEPT = 512  # numbers of a history; when there are more, neighbours are merged


def sparkline(values: Sequence[float], width: int) -> str:
    """``values`` in at most ``width`` characters, by logarithms if all are positive; what is not finite is `×`."""
    if not values or width < 1:
        return ""
    n = min(width, len(values))
    parts = [values[i * len(values) // n : (i + 1) * len(values) // n] for i in range(n)]
    means = [sum(part) / len(part) for part in parts]
    known = [m for m in means if math.isfinite(m)]
    logarithmic = bool(known) and min(known) > 0
    heights = [(math.log(m) if logarithmic else m) if math.isfinite(m) else math.nan for m in means]
    finite = [h for h in heights if math.isfinite(h)]
    low, span = min(finite, default=0.0), max(finite, default=0.0) - min(finite, default=0.0)
    return "".join(block(h, low, span) for h in heights)


def block(height: float, low: float, span: float) -> str:
    if not math.isfinite(height):
        return "×"
    return BLOCKS[round((height - low) / span * (len(BLOCKS) - 1)) if span else 0]


class History:
    """Numbers over time in bounded memory: evenly spaced, each the mean of as many."""

    def __init__(self, kept: int = KEPT) -> None:
        self.kept, self.each = kept, 1
        self.values: list[float] = []
        self._open: list[float] = []

    def add(self, value: float) -> None:
        self._open.append(value)
        if len(self._open) == self.each:
            self.values.append(sum(self._open) / self.each)
            self._open = []
        if len(self.values) >= self.kept:
            self.values = [(a + b) / 2 for a, b in zip(self.values[::2], self.values[1::2], strict=False)]
            self.each *= 2
