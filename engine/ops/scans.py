"""Running sums, products and extrema along an axis.

The derivatives of a running product are first-order linear recurrences, and so are the derivatives of those: with
``Recurrence`` the family is closed, exact at zeros, and needs no length in advance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

import numpy as np

from ..errors import DTypeError, ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor
from ..table import Sample, distinct, op, sample
from ..types import Array, TensorType, normalize_axis
from .addition import LONGEST
from .arrays import flatten
from .base import Linear
from .creation import zeros_like
from .elementwise import exp
from .indexing import take_along_axis
from .logic import where
from .repeating import Pad
from .slicing import getitem
from .wide import wide

ROWS: tuple[Sample, ...] = (
    sample((4,)),
    sample((3, 4)),
    sample((3, 4), axis=0),
    sample((2, 3, 2), axis=1, reverse=True),
    sample((0, 2), axis=0),
)


def forward(axis: int, reverse: bool, *arrays: Array) -> list[Array]:
    """Views whose first axis runs along ``axis``, from the end if ``reverse``."""
    views = [np.moveaxis(a, axis, 0) for a in arrays]
    return [v[::-1] for v in views] if reverse else views


def shifted(x: Tensor, axis: int, by: int, fill: float = 0) -> Tensor:
    """Elements moved one place along ``axis`` (``by`` is 1 or -1); ``fill`` comes in."""
    widths = tuple(((by == 1, by == -1) if i == axis else (False, False)) for i in range(x.ndim))
    kept = slice(None, -1) if by == 1 else slice(1, None)
    padded = Pad(tuple((int(a), int(b)) for a, b in widths), fill)(x)
    return getitem(padded, (*(slice(None),) * axis, kept))


@frozen
class Recurrence(Op):
    """h[i] = a[i] h[i-1] + b[i] along an axis, from the end if ``reverse``; h starts as b, so the first a is unread."""

    axis: int
    reverse: bool
    name = "recurrence"

    def infer(self, a: TensorType, b: TensorType) -> TensorType:
        return b

    def kernel(self, a: Array, b: Array, *, out: Array) -> None:
        a, b, h = forward(self.axis, self.reverse, a, b, out)
        if h.size == len(h) > 0:
            steps = zip(a.ravel().tolist()[1:], b.ravel().tolist()[1:], strict=True)
            path = accumulate(steps, lambda last, step: step[0] * last + step[1], initial=float(b.flat[0]))
            h[...] = np.fromiter(path, np.float64, len(h)).reshape(h.shape)
            return
        for i in range(len(h)):
            if i:
                np.multiply(a[i], h[i - 1], h[i])
                np.add(h[i], b[i], h[i])
            else:
                h[0] = b[0]

    def vjp(self, g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Cotangents:
        on = -1 if self.reverse else 1
        db = Recurrence(self.axis, not self.reverse)(shifted(a, self.axis, -on), g)
        return db * shifted(y, self.axis, on), db

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, a: Tensor, b: Tensor) -> Tensor:
        da, db = tangents
        drive = db if db is not None else zeros_like(b)
        return self(a, drive if da is None else drive + da * shifted(y, self.axis, -1 if self.reverse else 1))


@frozen
class Running(Op):
    """What the running sum and product share."""

    axis: int
    reverse: bool

    def infer(self, x: TensorType) -> TensorType:
        kind = x.dtype.kind
        return x if kind == "f" else x.with_dtype("uint64" if kind == "u" else "int64")


class CumSum(Running, Linear):
    name = "cumsum"

    def kernel(self, x: Array, *, out: Array) -> None:
        x, y = forward(self.axis, self.reverse, x, out)
        if y.dtype == np.float32 and len(y) > LONGEST:  # one after another, they lose digits
            np.copyto(y, np.add.accumulate(x, 0, np.float64), "same_kind")
        else:
            np.add.accumulate(x, 0, y.dtype, y)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (CumSum(self.axis, not self.reverse)(g),)


class CumProd(Running):
    name = "cumprod"

    def kernel(self, x: Array, *, out: Array) -> None:
        x, y = forward(self.axis, self.reverse, x, out)
        np.multiply.accumulate(x, 0, y.dtype, y)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        on = -1 if self.reverse else 1
        return (self.before(y) * Recurrence(self.axis, not self.reverse)(shifted(x, self.axis, -on), g),)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, x: Tensor) -> Tensor | None:
        (dx,) = tangents
        return None if dx is None else Recurrence(self.axis, self.reverse)(x, self.before(y) * dx)

    def before(self, y: Tensor) -> Tensor:
        """The product of all elements before each."""
        return shifted(y, self.axis, -1 if self.reverse else 1, 1)


def products_of_others(x: Tensor, axis: int) -> Tensor:
    """For each element the product of all others along ``axis``, exact where some are 0."""
    left, right = CumProd(axis, False), CumProd(axis, True)
    return left.before(left(x)) * right.before(right(x))


def running(make: Callable[[int], Op], x: Like, axis: int | None, name: str) -> Tensor:
    """``make(axis)`` applied to ``x``, which is flattened if no axis is named."""
    t = flatten(x) if axis is None else as_tensor(x)
    return make(0 if axis is None else normalize_axis(axis, t.ndim, name))(t)


@op(*ROWS)
@wide
def cumsum(x: Like, axis: int | None = None, reverse: bool = False) -> Tensor:
    """Sums of the elements up to each, along ``axis`` or in the flattened ``x``; from the end with ``reverse``.

    >>> print(ag.cumsum([1, 2, 3]).eval(), ag.cumsum([1, 2, 3], reverse=True).eval())
    [1 3 6] [6 5 3]
    """
    return running(lambda a: CumSum(a, reverse), x, axis, "cumsum")


@op(*ROWS)
@wide
def cumprod(x: Like, axis: int | None = None, reverse: bool = False) -> Tensor:
    """Products of the elements up to each, along ``axis`` or in the flattened ``x``; derivatives are exact at zeros.

    >>> print(ag.cumprod([1, 2, 3, 4]).eval())
    [ 1  2  6 24]
    """
    return running(lambda a: CumProd(a, reverse), x, axis, "cumprod")


@frozen
class LogCumSumExp(Op):
    """log of running sums of exp; T, the reverse recurrence of exp(y[k] - y[k+1]) <= 1, keeps its gradient finite."""

    axis: int
    name = "logcumsumexp"

    def infer(self, x: TensorType) -> TensorType:
        if x.dtype.kind != "f":
            raise DTypeError(f"logcumsumexp: needs a float dtype, got {x}")
        return x

    def kernel(self, x: Array, *, out: Array) -> None:
        np.logaddexp.accumulate(x, self.axis, None, out)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        low = where(y > -np.inf, y, 0)
        difference = y - shifted(y, self.axis, -1)
        # -inf against -inf is NaN, and the last difference has no partner: both fail the comparison or are unread
        ratio = exp(where(difference <= 0, difference, 0))
        return (exp(x - low) * Recurrence(self.axis, True)(ratio, g),)


@op(sample((4,)), sample((3, 4), axis=1), sample((0, 2), axis=0))
@wide
def logcumsumexp(x: Like, axis: int | None = None) -> Tensor:
    """log(cumsum(exp(x))) along ``axis`` or in the flattened ``x``, without overflow.

    >>> print(ag.logcumsumexp([1000.0, 1000.0]).eval())
    [1000.         1000.69314718]
    """
    return running(LogCumSumExp, x, axis, "logcumsumexp")


@frozen
class RunningArg(Op):
    """Position of the first largest (or smallest) of the elements up to each."""

    axis: int
    largest: bool

    @property
    def name(self) -> str:  # type: ignore[override]
        return "cummax" if self.largest else "cummin"

    def infer(self, x: TensorType) -> TensorType:
        return x.with_dtype("int64")

    def kernel(self, x: Array, *, out: Array) -> None:
        x, place = forward(self.axis, False, x, out)
        if not len(x):
            return
        best = (np.maximum if self.largest else np.minimum).accumulate(x, 0)
        place[0] = 0
        better = best[1:] != best[:-1]
        if x.dtype.kind == "f":  # after NaN all is NaN
            better &= ~np.isnan(best[:-1])
        place[1:] = np.arange(1, len(x)).reshape(-1, *(1,) * (x.ndim - 1)) * better
        np.maximum.accumulate(place, 0, None, place)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (None,)


def running_place(x: Like, axis: int | None, largest: bool, name: str) -> tuple[Tensor, Tensor, int]:
    """``x``, flattened if no axis is named, the positions along its axis, and that axis."""
    t = flatten(x) if axis is None else as_tensor(x)
    if t.ndim == 0:
        raise ShapeError(f"{name}: needs at least one axis, got {t.shape}")
    a = 0 if axis is None else normalize_axis(axis, t.ndim, name)
    return t, RunningArg(a, largest)(t), a


@op(sample(distinct(5)), sample(distinct(3, 4), axis=1), sample((0, 2), axis=0))
def cummax(x: Like, axis: int | None = None) -> Tensor:
    """The largest of the elements up to each, along ``axis`` or in the flattened ``x``; of equal ones the first.

    >>> print(ag.cummax([1, 3, 2, 5]).eval())
    [1 3 3 5]
    """
    return take_along_axis(*running_place(x, axis, True, "cummax"))


@op(sample(distinct(5)), sample(distinct(3, 4), axis=1))
def cummin(x: Like, axis: int | None = None) -> Tensor:
    """The smallest of the elements up to each, along ``axis`` or in the flattened ``x``; of equal ones the first.

    >>> print(ag.cummin([4, 5, 2, 3]).eval())
    [4 4 2 2]
    """
    return take_along_axis(*running_place(x, axis, False, "cummin"))


PLACES = (sample(distinct(5)), sample(distinct(3, 4), axis=1), sample((0, 2), axis=0))


@op(*PLACES, differentiable=False)
def cumargmax(x: Like, axis: int | None = None) -> Tensor:
    """The position of the first largest of the elements up to each: where ``cummax`` takes its values from.

    NaN counts as larger than every number.

    >>> print(ag.cumargmax([1, 3, 2, 5]).eval())
    [0 1 1 3]
    """
    return running_place(x, axis, True, "cumargmax")[1]


@op(*PLACES, differentiable=False)
def cumargmin(x: Like, axis: int | None = None) -> Tensor:
    """The position of the first smallest of the elements up to each: where ``cummin`` takes its values from.

    NaN counts as smaller than every number.

    >>> print(ag.cumargmin([4, 5, 2, 3]).eval())
    [0 0 2 2]
    """
    return running_place(x, axis, False, "cumargmin")[1]
