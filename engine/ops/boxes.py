"""How a window moves over the three middle axes of (N, D, H, W, C): windows of depth and of planes together."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError
from .windows import Axis, Pads, Window, positives, sides


class Box:
    """A window of three axes, as one of depth, which is the first axis of an image of width 1, and one of planes."""

    def __init__(self, strides: Any, dilation: Any, padding: Pads, op: str, ceil: bool = False) -> None:
        self.op = op
        self.strides, (d, *rest) = positives(strides, 3, op, "strides"), positives(dilation, 3, op, "dilation")
        around = sides(padding, 3, op)
        deep, flat = (around, around) if isinstance(around, str) else ((around[0], (0, 0)), (around[1], around[2]))
        s, *steps = self.strides
        self.depth = Window((s, 1), (d, 1), deep, ceil)
        self.plane = Window((steps[0], steps[1]), (rest[0], rest[1]), flat, ceil)

    def axes(self, lengths: tuple[int, ...], sizes: tuple[int, ...]) -> tuple[Axis, Axis, Axis]:
        """All three, for these lengths."""
        found = []
        for k, (window, i) in enumerate(((self.depth, 0), (self.plane, 0), (self.plane, 1))):
            try:
                found.append(window.axis(i, lengths[k], sizes[k]))
            except ShapeError as error:
                raise ShapeError(f"{self.op}: {error}".replace(f"axis {i + 1}", f"axis {k + 1}")) from None
        return found[0], found[1], found[2]
