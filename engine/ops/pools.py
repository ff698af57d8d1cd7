"""What pools share, and the ops of the largest element of every window of (N, H, W, C).

Where the largest element lies is an op of its own, without derivative; the gradient of a max pool scatters to those
positions and its second derivative gathers from them, both linear. At a tie the first position in row-major order gets
the whole cotangent.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np

from ..errors import DTypeError, ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Op, Tensor
from ..types import Array, Shape, TensorType, TupleType
from .base import Linear
from .logic import bits
from .program import Aligned, Call, program
from .windows import Axis, Pair, Window, cut, taps

SHORT = 16  # taps of a window


@frozen
class Pool(Op):
    """What pools share: a window of a fixed size."""

    size: Pair
    window: Window
    takes_padding: ClassVar[bool] = False  # whether a window may see nothing else

    def pooled(self, x: TensorType) -> Shape:
        """The shape of the result for inputs of type ``x``."""
        if x.dtype.kind != "f":
            raise DTypeError(f"{self.name}: needs a float dtype, got {x}")
        if x.rank != 4:
            raise ShapeError(f"{self.name}: needs (N, H, W, C), got {x.shape}")
        counts = self.window.counts(x.shape[1:3], self.size)
        if not self.takes_padding and self.window.dilation != (1, 1):  # else each window has an input
            for i, length in enumerate(x.shape[1:3]):
                axis = None if length is None else self.window.axis(i, length, self.size[i])
                if axis and not axis.inside().any(1).all():
                    raise ShapeError(f"{self.name}: a window of {self.size} sees nothing but padding in {x.shape}")
        return (x.shape[0], *counts, x.shape[3])

    def infer(self, x: TensorType) -> TensorType:
        return x.with_shape(self.pooled(x))

    def axes(self, x: Array) -> tuple[Axis, Axis]:
        return self.window.axes(x.shape[1:3], self.size)

    @property
    def taps(self) -> int:
        return self.size[0] * self.size[1]

    def windows(self, x: Array) -> list[Array]:
        """For each tap the elements that it sees."""
        return [cut(x, seen) for _, seen in taps(*self.axes(x))]

    def short(self, x: Array) -> bool:
        """Whether one loop may read all taps at once: few of them, and every one serves every output."""
        return self.taps <= SHORT and self.whole(self.axes(x))

    def whole(self, axes: tuple[Axis, Axis]) -> bool:
        """Whether every tap serves every output, as is so without padding."""
        return not any(a.before or a.after for a in axes)


class MaxPool(Pool):
    name = "max_pool2d"

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        (x,) = inputs
        axes = self.axes(x)
        places = list(taps(*axes))
        if self.whole(axes) and len(places) > 1:
            first, second, *rest = (cut(x, seen) for _, seen in places)
            calls: list[Call] = [partial(np.maximum, first, second, out=out)]
            return program(calls + [partial(np.maximum, out, other, out=out) for other in rest])
        calls = [partial(out.fill, -np.inf)]
        for where, seen in places:
            total = cut(out, where)
            calls.append(partial(np.maximum, total, cut(x, seen), out=total))
        return program(calls)

    def aligned(self, inputs: Sequence[Array], out: Array) -> Aligned | None:
        return Aligned(self.windows(inputs[0]), [out]) if self.short(inputs[0]) else None

    def scalar(self, *values: Any) -> Any:
        first, *rest = values
        for x in rest:
            first = first.maximum(x)
        return [first]

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (MaxScatter(self.size, self.window)(g, self.position(y, x), x),)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, x: Tensor) -> Tensor | None:
        (dx,) = tangents
        return None if dx is None else MaxGather(self.size, self.window)(dx, self.position(y, x))

    def position(self, y: Tensor, x: Tensor) -> Tensor:
        return MaxPosition(self.size, self.window)(x, y)


class MaxPosition(Pool):
    """The first tap that has the largest element, counted down from the number of taps, so that 0 means none."""

    name = "max_pool2d_position"

    def infer(self, x: TensorType, y: TensorType) -> TensorType:  # type: ignore[override]
        return TensorType(self.pooled(x), np.min_scalar_type(self.taps))

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        x, y = inputs
        code = out.dtype.type
        hits = np.empty(y.shape, bool)
        marks = hits.view(np.uint8) if out.dtype == np.uint8 else np.empty(out.shape, out.dtype)
        calls: list[Call] = [partial(out.fill, 0)]
        for k, (where, seen) in enumerate(taps(*self.axes(x))):
            hit, mark, total = cut(hits, where), cut(marks, where), cut(out, where)
            calls.append(partial(np.equal, cut(x, seen), cut(y, where), hit))
            calls.append(partial(np.multiply, hit.view(np.uint8), code(self.taps - k), mark))
            calls.append(partial(np.maximum, total, mark, out=total))
        return program(calls)

    def aligned(self, inputs: Sequence[Array], out: Array) -> Aligned | None:
        x, y = inputs
        return Aligned([y, *self.windows(x)], [out]) if self.short(x) else None

    def scalar(self, *values: Any) -> Any:
        y, *elements = values
        found = y.constant(0, np.dtype("uint8"))
        for k in reversed(range(self.taps)):
            found = elements[k].equals(y).choose(found.like(self.taps - k), found)
        return [found]

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        return None, None

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> None:
        return None


class MaxLocated(Pool):
    """The largest element of every window and its position, in one look at each; plans have it, derivatives do not."""

    name = "max_pool2d_located"

    @property
    def both(self) -> tuple[MaxPool, MaxPosition]:
        return MaxPool(self.size, self.window), MaxPosition(self.size, self.window)

    def infer(self, x: TensorType) -> TupleType:  # type: ignore[override]
        pool, position = self.both
        y = pool.infer(x)
        return TupleType((y, position.infer(x, y)))

    def bind(self, inputs: Sequence[Array], out: Any) -> Call:
        pool, position = self.both
        return program([pool.bind(inputs, out[0]), position.bind((*inputs, out[0]), out[1])])

    def aligned(self, inputs: Sequence[Array], out: Any) -> Aligned | None:
        return Aligned(self.windows(inputs[0]), list(out)) if self.short(inputs[0]) else None

    def scalar(self, *values: Any) -> Any:
        pool, position = self.both
        (y,) = pool.scalar(*values)
        return [y, *position.scalar(y, *values)]


class MaxScatter(Pool, Linear):
    """Cotangents of outputs, added up at the positions of the largest inputs."""

    name = "max_pool2d_scatter"
    shape_only = (2,)

    def infer(self, g: TensorType, position: TensorType, like: TensorType) -> TensorType:  # type: ignore[override]
        return g.with_shape(like.shape)

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        g, position, like = inputs
        axes = self.axes(like)
        disjoint = all(a.disjoint for a in axes)
        hits = np.empty(g.shape, bool)
        term = None if disjoint else np.empty(g.shape, g.dtype)
        calls = [] if covered(axes) else [partial(out.fill, 0)]
        for k, (where, seen) in enumerate(taps(*axes)):
            hit, total = cut(hits, where), cut(out, seen)
            calls.append(partial(np.equal, cut(position, where), position.dtype.type(self.taps - k), hit))
            part = total if term is None else cut(term, where)
            calls.append(partial(np.multiply, bits(cut(g, where)), hit, bits(part)))
            if term is not None:
                calls.append(partial(np.add, total, part, total))
        return program(calls)

    def aligned(self, inputs: Sequence[Array], out: Array) -> Aligned | None:
        g, position, _ = inputs
        return Aligned([g, position], self.windows(out)) if covered(self.axes(out)) and self.short(out) else None

    def scalar(self, *values: Any) -> Any:
        g, position = values
        return [position.equals(self.taps - k).choose(g, 0.0) for k in range(self.taps)]

    def vjp(self, g: Tensor, y: Tensor, gy: Tensor, position: Tensor, like: Tensor) -> Cotangents:
        return MaxGather(self.size, self.window)(g, position), None, None


class MaxGather(Pool, Linear):
    """Elements of an input at the positions of the largest ones: the transpose of the scatter."""

    name = "max_pool2d_gather"

    def infer(self, x: TensorType, position: TensorType) -> TensorType:  # type: ignore[override]
        return x.with_shape(position.shape)

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        x, position = inputs
        hits, term = np.empty(out.shape, bool), np.empty(out.shape, out.dtype)
        calls: list[Call] = [partial(out.fill, 0)]
        for k, (where, seen) in enumerate(taps(*self.axes(x))):
            hit, part, total = cut(hits, where), bits(cut(term, where)), bits(cut(out, where))
            calls.append(partial(np.equal, cut(position, where), position.dtype.type(self.taps - k), hit))
            calls.append(partial(np.multiply, bits(cut(x, seen)), hit, part))
            calls.append(partial(np.bitwise_or, total, part, total))  # at most one of them is not 0
        return program(calls)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor, position: Tensor) -> Cotangents:
        return MaxScatter(self.size, self.window)(g, position, x), None


def covered(axes: tuple[Axis, Axis]) -> bool:
    """Whether windows side by side read every input exactly once."""
    return all(
        a.dilation == 1 and a.stride == a.size and a.count * a.stride == a.length + a.before + a.after for a in axes
    )
