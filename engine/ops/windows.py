"""How a window moves over the two middle axes of (N, H, W, C): what convolutions and pools share.

A *tap* is one place inside the window. For each tap, the outputs that it serves and the inputs that it reads are two
slices; at a border a tap serves fewer outputs, so that nothing has to be padded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np

from ..errors import ShapeError
from ..frozen import frozen
from ..types import Array, Dim, Shape

Pair: TypeAlias = "tuple[int, int]"
Padding: TypeAlias = "str | tuple[Pair, Pair]"
Pads: TypeAlias = "str | int | Sequence[int] | Sequence[Sequence[int]]"  # what a caller may write
Tap: TypeAlias = "tuple[tuple[slice, slice], tuple[slice, slice]]"
COUNTS = {2: "two", 3: "three"}


@frozen
class Axis:
    """One axis, all of whose lengths are known: ``count`` windows over ``length`` inputs."""

    size: int
    stride: int
    dilation: int
    before: int
    after: int
    length: int
    count: int

    @property
    def span(self) -> int:
        """Inputs from the first tap of a window to its last."""
        return (self.size - 1) * self.dilation + 1

    @property
    def disjoint(self) -> bool:
        """Whether no input is read by two windows, nor twice by one."""
        return self.stride >= self.span

    def inside(self) -> Array:
        """Which taps of each window see an input and no padding, (count, size)."""
        place = np.arange(self.count)[:, None] * self.stride - self.before + np.arange(self.size) * self.dilation
        return (place >= 0) & (place < self.length)

    def tap(self, k: int, start: int, stop: int) -> tuple[slice, slice]:
        """Outputs among ``start`` to ``stop`` that tap ``k`` serves, and the inputs that it reads for them."""
        shift = k * self.dilation - self.before
        low = max(start, -(shift // self.stride))
        high = max(low, min(stop, -((shift - self.length) // self.stride)))
        first = low * self.stride + shift
        reach = first + (high - low - 1) * self.stride + 1 if high > low else first
        return slice(low, high), slice(first, reach, self.stride)


@frozen
class Window:
    """Strides, dilation and padding of a window over two axes.

    With ``ceil`` there are as many windows as begin before the end, of which the last may look beyond it.
    """

    strides: Pair
    dilation: Pair
    padding: Padding
    ceil: bool = False

    def axis(self, i: int, length: int, size: int) -> Axis:
        """Axis ``i`` (0 or 1) for an input of ``length`` under a window of ``size``."""
        stride, dilation = self.strides[i], self.dilation[i]
        span = (size - 1) * dilation + 1
        if self.padding == "same":
            count = -(-length // stride)
            total = max((count - 1) * stride + span - length, 0)
            before, after = total // 2, total - total // 2
        else:
            before, after = (0, 0) if isinstance(self.padding, str) else self.padding[i]
            rest = length + before + after - span
            count = rest // stride + 1
            if self.ceil:
                count = -(-rest // stride) + 1
                count -= (count - 1) * stride >= length + before
                after = max(after, (count - 1) * stride + span - length - before)
        if count < 1:
            raise ShapeError(
                f"a window that spans {span} does not fit on axis {i + 1} of length {length} "
                f"with padding {before} + {after}"
            )
        return Axis(size, stride, dilation, before, after, length, count)

    def axes(self, lengths: Sequence[int], sizes: Sequence[int]) -> tuple[Axis, Axis]:
        return self.axis(0, lengths[0], sizes[0]), self.axis(1, lengths[1], sizes[1])

    def counts(self, lengths: Shape, sizes: Shape) -> tuple[Dim, Dim]:
        """Numbers of windows; None where a length or size is unknown."""
        first, second = (
            None if length is None or size is None else self.axis(i, length, size).count
            for i, (length, size) in enumerate(zip(lengths, sizes, strict=True))
        )
        return first, second

    def lengths(self, counts: Shape, sizes: Shape) -> tuple[Dim, Dim]:
        """The shortest inputs that have these numbers of windows; with "same" padding, whole strides."""
        found: list[Dim] = []
        for i, (count, size) in enumerate(zip(counts, sizes, strict=True)):
            if count is None or size is None:
                found.append(None)
            elif self.padding == "same":
                found.append(count * self.strides[i])
            else:
                pads = 0 if isinstance(self.padding, str) else self.padding[i][0] + self.padding[i][1]
                length = (count - 1) * self.strides[i] + (size - 1) * self.dilation[i] + 1 - pads
                if length < 0:
                    raise ShapeError(f"padding {self.padding[i]} on axis {i + 1} is more than {count} windows cover")
                found.append(length)
        return found[0], found[1]


def taps(rows: Axis, columns: Axis, band: Pair | None = None) -> Iterator[Tap]:
    """For each tap in row-major order: (rows, columns) of the outputs it serves, and of the inputs it reads.

    ``band`` limits the rows of outputs.
    """
    start, stop = band or (0, rows.count)
    for a in range(rows.size):
        out_rows, in_rows = rows.tap(a, start, stop)
        for b in range(columns.size):
            out_columns, in_columns = columns.tap(b, 0, columns.count)
            yield (out_rows, out_columns), (in_rows, in_columns)


def cut(x: Array, places: tuple[slice, slice]) -> Array:
    """The part of (N, H, W, ...) at these rows and columns, as a view."""
    return x[:, places[0], places[1]]


def is_int(value: Any, low: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= low)


def each(value: Any, axes: int) -> tuple[Any, ...]:
    """What was written for each of ``axes``, or once for all of them; how many there are is not checked."""
    return tuple(value) if isinstance(value, list | tuple) else (value,) * axes


def positives(value: Any, axes: int, op: str, what: str) -> tuple[int, ...]:
    """``value`` as a positive integer for each of two or three axes; one number counts for all."""
    items = each(value, axes)
    if len(items) != axes or not all(is_int(v, 1) for v in items):
        raise ShapeError(f"{op}: {what} is a positive integer or {COUNTS[axes]} of them, got {value!r}")
    return tuple(map(int, items))


def pair(value: Any, op: str, what: str) -> Pair:
    first, second = positives(value, 2, op, what)
    return first, second


def sides(padding: Pads, axes: int, op: str) -> str | tuple[Pair, ...]:
    """``padding`` as "valid", "same" or a (before, after) for each of two or three axes."""
    if padding in ("valid", "same"):
        return str(padding)
    found = [each(p, 2) for p in each(padding, axes)]
    if len(found) != axes or not all(len(p) == 2 and all(is_int(n, 0) for n in p) for p in found):
        count = COUNTS[axes]
        raise ShapeError(
            f'{op}: padding is "valid", "same", an integer, {count} integers (one an axis), '
            f"or {count} pairs (before, after); got {padding!r}"
        )
    return tuple((int(before), int(after)) for before, after in found)


def window(strides: Any, dilation: Any, padding: Pads, op: str, ceil: bool = False) -> Window:
    around = sides(padding, 2, op)
    around = around if isinstance(around, str) else (around[0], around[1])
    return Window(pair(strides, op, "strides"), pair(dilation, op, "dilation"), around, bool(ceil))


def window1d(strides: Any, dilation: Any, padding: Pads, op: str, ceil: bool = False) -> Window:
    """The window over a sequence, which is treated as an image of height 1."""
    steps, gaps = one_axis(strides, op, "strides"), one_axis(dilation, op, "dilation")
    if isinstance(padding, str):
        return window(steps, gaps, padding, op, ceil)
    around = each(padding, 2)
    if len(around) != 2 or not all(is_int(v, 0) for v in around):
        raise ShapeError(f'{op}: padding is "valid", "same", an integer or (before, after); got {padding!r}')
    return Window(steps, gaps, ((0, 0), (int(around[0]), int(around[1]))), bool(ceil))


def one_axis(value: Any, op: str, what: str) -> Pair:
    """A number for the only axis of a sequence."""
    number = value[0] if isinstance(value, list | tuple) and len(value) == 1 else value
    if not is_int(number, 1):
        raise ShapeError(f"{op}: {what} is a positive integer, got {value!r}")
    return 1, int(number)


@contextmanager
def of_sequences(op: str) -> Iterator[None]:
    """Errors inside name the op of sequences and its one axis, not those of the images that they are taken for."""
    try:
        yield
    except ShapeError as error:
        text = str(error).replace(op.replace("1d", "2d"), op).replace(" axis 2 ", " axis 1 ")
        raise ShapeError(text) from None


def extra(value: Any, steps: tuple[int, ...], padding: Any, name: str) -> tuple[int, ...]:
    """What is added to the lengths of a transposed convolution, less than its strides ``steps``."""
    numbers = each(value, len(steps))
    good = [is_int(n, 0) and n < step for n, step in zip(numbers, steps, strict=False)]
    if len(numbers) != len(steps) or not all(good):
        raise ShapeError(f"{name}: output_padding is 0 or more and less than the strides {steps}, got {value!r}")
    if padding == "same" and any(numbers):
        raise ShapeError(f'{name}: with padding "same" results are as long as strides say, without output_padding')
    return tuple(map(int, numbers))
