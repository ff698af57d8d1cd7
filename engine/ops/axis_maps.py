"""Linear maps along one axis whose weights follow from its length: interpolation, and means of nearly equal parts.

A map is a list of entries (place of the result, place of the input, weight). Read the other way, the same entries are
the transposed map, which is the gradient; so both run the same kernel, and derivatives of any order are one of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from math import prod
from typing import TypeAlias

import numpy as np

from ..errors import DTypeError, ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Tensor
from ..types import Array, TensorType
from .base import Linear
from .indexing import blocks
from .program import Call, program

Entries: TypeAlias = "tuple[Array, Array, Array]"  # places of the result, of the input, and weights
Round: TypeAlias = "tuple[Array, Array, Array]"  # entries of which each has another place of the result
BLOCK = 1 << 18  # bytes of results that are computed at a time
CUBIC = -0.75  # the slope of the cubic kernel at 1; what PyTorch and OpenCV take
ANTIALIASED_CUBIC = -0.5  # the same with antialiasing; what PyTorch and Pillow take


@frozen
class Resampling:
    """How one axis of any length is mapped to another: to ``size`` places, or to ``scale`` times as many."""

    mode: str
    size: int | None
    scale: float | None
    corners: bool = False
    antialias: bool = False

    def count(self, length: int) -> int:
        """The length of the result."""
        count = self.size if self.size is not None else int(np.floor(length * self.scale))  # type: ignore[operator]
        if length < 1 or count < 1:
            raise ShapeError(f"an axis of length {length} has no values for {count}")
        return count

    def step(self, length: int) -> float:
        """The distance of the places of the result, in places of the input."""
        return 1 / self.scale if self.scale is not None else length / self.count(length)

    def places(self, length: int) -> Array:
        """Where the result lies in the input, whose places are 0 to ``length`` - 1."""
        out = np.arange(self.count(length))
        if self.corners:
            return out * (length - 1) / max(len(out) - 1, 1)
        return (out + 0.5) * self.step(length) - 0.5

    def entries(self, length: int) -> Entries:
        """The map, sorted by the places of the result; equal ones are added up, and those of weight 0 left out."""
        rows, columns, weights = MODES[self.mode](self, length)
        order = rows * length + np.clip(columns, 0, length - 1)
        kept, at = np.unique(order, return_inverse=True)
        total = np.bincount(at.reshape(-1), weights.reshape(-1), len(kept))
        kept, total = kept[total != 0], total[total != 0]
        return kept // length, kept % length, total


def nearest(rule: Resampling, length: int) -> Entries:
    """The place that floor(i * step) names, in whole numbers where the lengths say the step."""
    out = np.arange(rule.count(length))
    shift = 1 if rule.mode == "nearest-exact" else 0
    if rule.scale is None:
        at = (2 * out + shift) * length // (2 * len(out))
    else:
        at = np.floor((2 * out + shift) / (2 * rule.scale)).astype(np.int64)
    return out, at, np.ones(len(out))


def linear(rule: Resampling, length: int) -> Entries:
    """The two places around; beyond the first and the last, those."""
    if rule.antialias:
        return filtered(rule, length, 1, lambda x: 1 - x)
    place = np.clip(rule.places(length), 0, length - 1)
    low = np.floor(place).astype(np.int64)
    part = place - low
    return taps([low, low + 1], [1 - part, part])


def cubic(rule: Resampling, length: int) -> Entries:
    """The four places around, by the kernel of Keys (1981); beyond the ends, the first or the last."""
    if rule.antialias:
        return filtered(rule, length, 2, lambda x: keys(x, ANTIALIASED_CUBIC))
    place = rule.places(length)
    low = np.floor(place).astype(np.int64)
    return taps([low + k for k in (-1, 0, 1, 2)], [keys(np.abs(place - low - k), CUBIC) for k in (-1, 0, 1, 2)])


def keys(x: Array, a: float) -> Array:
    """The cubic kernel at distances 0 to 2."""
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = a * (((x - 5) * x + 8) * x - 4)
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def filtered(rule: Resampling, length: int, reach: int, kernel: Callable[[Array], Array]) -> Entries:
    """A kernel stretched by the step where that is more than 1, so that every input counts; weights sum to 1."""
    step = rule.step(length)
    stretch = max(step, 1.0)
    centre = (np.arange(rule.count(length)) + 0.5) * step
    first = np.maximum((centre - reach * stretch + 0.5).astype(np.int64), 0)
    last = np.minimum((centre + reach * stretch + 0.5).astype(np.int64), length)
    at = first[:, None] + np.arange(max(int((last - first).max()), 1))
    away = np.minimum(np.abs(at - centre[:, None] + 0.5) / stretch, reach)
    weight = np.where(at < last[:, None], kernel(away), 0)
    rows = np.broadcast_to(np.arange(len(centre))[:, None], at.shape)
    return rows, at, weight / weight.sum(1, keepdims=True)


def area(rule: Resampling, length: int) -> Entries:
    """The mean of the places from floor(i * step) up to ceil((i + 1) * step), as an adaptive pool takes it."""
    first, last = parts(length, rule.count(length))
    at = first[:, None] + np.arange(int((last - first).max()))
    inside = at < last[:, None]
    rows = np.broadcast_to(np.arange(len(first))[:, None], at.shape)
    return rows, at, inside / inside.sum(1, keepdims=True)


def parts(length: int, count: int) -> tuple[Array, Array]:
    """First places and ends of ``count`` parts of an axis, nearly equal, which may share a place."""
    out = np.arange(count)
    return out * length // count, -(-(out + 1) * length // count)


def taps(columns: Sequence[Array], weights: Sequence[Array]) -> Entries:
    """Entries of results that have equally many inputs each."""
    at = np.stack(columns, 1)
    return np.broadcast_to(np.arange(len(at))[:, None], at.shape), at, np.stack(weights, 1)


MODES: dict[str, Callable[[Resampling, int], Entries]] = {
    "nearest": nearest,
    "nearest-exact": nearest,
    "linear": linear,
    "cubic": cubic,
    "area": area,
}


@lru_cache(maxsize=256)
def rounds(rule: Resampling, length: int, transposed: bool) -> tuple[Round, ...]:
    """The entries, in rounds: in each, every place of the result has one input at most."""
    rows, columns, weights = rule.entries(length)
    if transposed:
        order = np.lexsort((rows, columns))
        rows, columns, weights = columns[order], rows[order], weights[order]
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    turn = np.arange(len(rows)) - np.repeat(starts, np.diff(np.append(starts, len(rows))))
    return tuple((rows[turn == k], columns[turn == k], weights[turn == k]) for k in range(int(turn.max()) + 1))


@frozen
class AxisMap(Linear):
    """One axis, resampled."""

    axis: int
    rule: Resampling
    name: str = "interpolate"

    def infer(self, x: TensorType) -> TensorType:
        self.check(x)
        n = x.shape[self.axis]
        made = self.rule.size if n is None else self.rule.count(n)
        return x.with_shape((*x.shape[: self.axis], made, *x.shape[self.axis + 1 :]))

    def check(self, x: TensorType) -> None:
        if x.dtype.kind != "f" and not self.rule.mode.startswith("nearest"):
            raise DTypeError(f"{self.name}: mode {self.rule.mode!r} needs a float dtype, got {x}")

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        return mapped(inputs[0], out, self.axis, rounds(self.rule, inputs[0].shape[self.axis], False))

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (AxisMapBack(self.axis, self.rule, self.name)(g, x),)

    def simplify(self, x: Tensor) -> Tensor | None:
        n = x.shape[self.axis]
        return x if n and (self.rule.size == n or self.rule.scale == 1) else None


class AxisMapBack(AxisMap):
    """The transposed map, back to the shape of the second input."""

    shape_only = (1,)

    def infer(self, g: TensorType, like: TensorType) -> TensorType:  # type: ignore[override]
        return g.with_shape(like.shape)

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        return mapped(inputs[0], out, self.axis, rounds(self.rule, out.shape[self.axis], True))

    def vjp(self, g: Tensor, y: Tensor, x: Tensor, like: Tensor) -> Cotangents:  # type: ignore[override]
        return AxisMap(self.axis, self.rule, self.name)(g), None

    def simplify(self, g: Tensor, like: Tensor) -> Tensor | None:  # type: ignore[override]
        return None


def mapped(x: Array, out: Array, axis: int, turns: Sequence[Round]) -> Call:
    """A call that fills ``out`` with the weighted sums of elements of ``x``, in blocks that stay in the cache."""
    if not out.size:
        return program(())
    source, target = (a.reshape(blocks(a.shape, axis, 1)) for a in (x, out))
    calls: list[Call] = [] if np.shares_memory(source, x) else [partial(np.copyto, source.reshape(x.shape), x)]
    if not turns or len(turns[0][0]) < target.shape[1]:
        calls.append(partial(out.fill, 0))
    before, length, behind = target.shape
    row = max(1, behind * out.itemsize)
    several = max(1, BLOCK // (length * row))
    each = length if length * row <= BLOCK else max(1, BLOCK // row)
    scratch = np.empty(min(several, before) * each * behind, out.dtype)
    turns = [(rows, columns, weights.astype(out.dtype)) for rows, columns, weights in turns]
    for start in range(0, length, each):
        some = [part_of(turn, start, min(start + each, length)) for turn in turns]
        for i in range(0, before, several):
            own = target[i : i + several, start : start + each]
            calls += of_block(source[i : i + several], own, [turn for turn in some if len(turn[0])], scratch)
    return program(calls)


def part_of(turn: Round, start: int, stop: int) -> Round:
    """What a round does for some rows, which are counted from the first of them."""
    rows, columns, weights = turn
    low, high = np.searchsorted(rows, (start, stop))
    return rows[low:high] - start, columns[low:high], weights[low:high]


def of_block(source: Array, target: Array, turns: Sequence[Round], scratch: Array) -> Iterator[Call]:
    """What fills one block, which lies in one piece."""
    for k, (rows, columns, weights) in enumerate(turns):
        whole = len(rows) == target.shape[1]
        shape = (target.shape[0], len(rows), target.shape[2])
        part = target if whole and k == 0 else scratch[: prod(shape)].reshape(shape)
        yield partial(np.take, source, columns, 1, part, "clip")
        if (weights != 1).any():
            yield partial(np.multiply, part, weights[:, None], part)
        if part is not target:
            yield partial(np.add, target, part, target) if whole else partial(add_at, target, rows, part)


def add_at(target: Array, rows: Array, part: Array) -> None:
    """Add to rows that are all different."""
    target[:, rows] += part
