"""How a window moves over the three middle axes of (N, D, H, W, C): windows of depth and of planes together."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError
from .windows import Axis, Pads, Window, is_int


def triple(value: Any, op: str, what: str) -> tuple[int, int, int]:
    """``value`` as three positive integers; one number counts for all axes."""
    items = tuple(value) if isinstance(value, list | tuple) else (value,) * 3
    if len(items) != 3 or not all(is_int(v, 1) for v in items):
        raise ShapeError(f"{op}: {what} is a positive integer or three of them, got {value!r}")
    return int(items[0]), int(items[1]), int(items[2])


class Box:
    """A window of three axes, as one of depth, which is the first axis of an image of width 1, and one of planes."""

    def __init__(self, strides: Any, dilation: Any, padding: Pads, op: str, ceil: bool = False) -> None:
        self.op = op
        self.strides, (d, *rest) = triple(strides, op, "strides"), triple(dilation, op, "dilation")
        sides = self.sides(padding)
        same: Any = sides if isinstance(sides, str) else None
        s, *steps = self.strides
        self.depth = Window((s, 1), (d, 1), same or (sides[0], (0, 0)), ceil)
        self.plane = Window((steps[0], steps[1]), (rest[0], rest[1]), same or (sides[1], sides[2]), ceil)

    def sides(self, padding: Pads) -> Any:
        """ "valid", "same", or (before, after) for each axis."""
        if padding in ("valid", "same"):
            return str(padding)
        numbers = tuple(padding) if isinstance(padding, list | tuple) else (padding,) * 3
        pairs: list[Any] = [tuple(p) if isinstance(p, list | tuple) else (p, p) for p in numbers]
        if len(pairs) != 3 or not all(len(p) == 2 and all(is_int(n, 0) for n in p) for p in pairs):
            raise ShapeError(
                f'{self.op}: padding is "valid", "same", an integer, three integers (one an axis), '
                f"or three pairs (before, after); got {padding!r}"
            )
        return tuple((int(a), int(b)) for a, b in pairs)

    def axes(self, lengths: tuple[int, ...], sizes: tuple[int, ...]) -> tuple[Axis, Axis, Axis]:
        """All three, for these lengths."""
        found = []
        for k, (window, i) in enumerate(((self.depth, 0), (self.plane, 0), (self.plane, 1))):
            try:
                found.append(window.axis(i, lengths[k], sizes[k]))
            except ShapeError as error:
                raise ShapeError(f"{self.op}: {error}".replace(f"axis {i + 1}", f"axis {k + 1}")) from None
        return found[0], found[1], found[2]
