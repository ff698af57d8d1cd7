"""Which sums over rows, and numbers made of them, belong into one loop with what is computed from them row by row.

A row that is read for its sum lies in the cache when its elements need that sum: normalizations, softmax and their
gradients go through memory once. Such a loop has a frame, the shape of its elements, and how many first axes tell
its rows apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from ....frozen import frozen
from ....graph import Tensor
from ....ops.reductions import Max, Min, Sum
from ....types import TensorType, static

ROWS = 16  # rows of the least array that is worth it
LONGEST = 1 << 12  # elements of a row, so that it and a few results lie in the first cache


@frozen
class Frame:
    """Elements and rows of a loop."""

    shape: tuple[int, ...]
    kept: int

    @property
    def length(self) -> int:
        """Elements of a row."""
        return prod(self.shape[self.kept :])

    @property
    def of_rows(self) -> tuple[int, ...]:
        """The shape of one number a row."""
        return (*self.shape[: self.kept], *(1 for _ in self.shape[self.kept :]))

    def is_single(self, t: Tensor) -> bool:
        """Whether a tensor has one number a row: a sum or an extremum of rows, or what has no length along them."""
        return isinstance(t.op, Sum | Max | Min) or all(n == 1 for n in t.shape[self.kept - len(self.shape) :])


def frame_of(t: Tensor) -> Frame | None:
    """The frame of a sum or an extremum over the last axes, of a size that such loops are made for; None of others."""
    if not isinstance(t.op, Sum | Max | Min) or not t.inputs[0].type.known:
        return None
    x, axes = t.inputs[0], t.op.axes
    frame = Frame(tuple(map(static, x.shape)), x.ndim - len(axes))
    if axes != tuple(range(frame.kept, x.ndim)) or x.dtype != t.dtype or x.dtype.char not in "fd":
        return None
    return frame if is_frame(frame) else None


def is_frame(frame: Frame) -> bool:
    return prod(frame.shape[: frame.kept]) >= ROWS and 1 < frame.length <= LONGEST


def frames(order: Sequence[Tensor], fusable: Callable[[Tensor], bool]) -> dict[int, Frame]:
    """Tensors of one number a row, by their ids, that lie between a sum over rows and elements that need it."""
    found: dict[int, Frame] = {}
    starts = [(t, frame) for t in order if (frame := frame_of(t)) is not None and t.shape == frame.of_rows]
    if not starts:
        return found
    users = users_of(order)
    for start, frame in starts:
        seen: dict[int, bool] = {}
        way = [start]
        while way:  # a tensor is left when all its users are known
            t = way[-1]
            if t.id not in seen:
                seen[t.id] = False
                way += [u for u in users.get(t.id, ()) if u.id not in seen and between(u, frame, fusable)]
                continue
            way.pop()
            seen[t.id] |= any(
                seen.get(u.id, False) or (u.shape == frame.shape and fusable(u))
                for u in users.get(t.id, ())
                if isinstance(u.type, TensorType)
            )
        if seen[start.id]:
            for number, leads in seen.items():
                if leads:
                    found.setdefault(number, frame)
    return found


def users_of(order: Sequence[Tensor]) -> dict[int, list[Tensor]]:
    """Which tensors read another, by its id: one that reads it twice comes twice."""
    users: dict[int, list[Tensor]] = {}
    for t in order:
        for x in t.inputs:
            users.setdefault(x.id, []).append(t)
    return users


def between(t: Tensor, frame: Frame, fusable: Callable[[Tensor], bool]) -> bool:
    return isinstance(t.type, TensorType) and t.shape == frame.of_rows and frame_of(t) is None and fusable(t)
