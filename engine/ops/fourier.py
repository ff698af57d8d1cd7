"""Discrete Fourier transforms. A complex number is a pair of floats, so every transform is real and linear.

The conventions are NumPy's: fft sums x[j] exp(-2 pi i j k / n), and ifft, with the other sign, divides by n. Inside,
pairs lie behind each other, (..., 2), which is how NumPy's complex arrays lie in memory. The transpose of a sum with
one sign is the sum with the other, so derivatives of any order are transforms again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Tensor, as_tensor, constant, unify
from ..table import op, sample
from ..types import Array, TensorType, normalize_axis
from .alike import Alike
from .arrays import astype
from .base import Linear
from .creation import size, zeros_like
from .joining import stack
from .repeating import pad, tile
from .slicing import getitem
from .windows import is_int


def to_complex(pairs: Array) -> Array:
    """(..., 2) floats as complex numbers; half floats are widened."""
    wide = np.ascontiguousarray(pairs, np.float64 if pairs.dtype.itemsize == 8 else np.float32)
    return np.asarray(wide.view(np.complex128 if wide.itemsize == 8 else np.complex64)[..., 0])


def check_length(n: int | None, x: TensorType, axis: int, name: str) -> None:
    if n == 0:
        raise ShapeError(f"{name}: needs at least one element along axis {axis} of {x.shape}")


@frozen
class Fourier(Linear):
    """Sums of x[j] exp(sign 2 pi i j k / n) along an axis, of pairs (..., 2)."""

    axis: int
    sign: int
    name = "fourier"
    internal = True

    def infer(self, x: TensorType) -> TensorType:
        check_length(x.shape[self.axis], x, self.axis, "fft")
        return x

    def kernel(self, x: Array, *, out: Array) -> None:
        z = to_complex(x)
        z = np.fft.fft(z, axis=self.axis) if self.sign < 0 else np.fft.ifft(z, axis=self.axis, norm="forward")
        out[..., 0], out[..., 1] = z.real, z.imag

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (Fourier(self.axis, -self.sign)(g),)


@frozen
class Half(Linear):
    """The transform of real numbers, its first n // 2 + 1 pairs; the others are their conjugates."""

    axis: int
    name = "half_spectrum"
    internal = True

    def infer(self, x: TensorType) -> TensorType:
        n = x.shape[self.axis]
        check_length(n, x, self.axis, "rfft")
        kept = None if n is None else n // 2 + 1
        return x.with_shape((*x.shape[: self.axis], kept, *x.shape[self.axis + 1 :], 2))

    def kernel(self, x: Array, *, out: Array) -> None:
        z = np.fft.rfft(x if x.itemsize > 2 else x.astype(np.float32), axis=self.axis)
        out[..., 0], out[..., 1] = z.real, z.imag

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (Whole(self.axis)(g, x),)


@frozen
class Whole(Linear):
    """Real parts of the sums of z[k] exp(2 pi i j k / n) over n // 2 + 1 pairs, n from the second input: ``Half``
    transposed."""

    axis: int
    name = "whole_signal"
    internal = True
    shape_only = (1,)

    def infer(self, pairs: TensorType, like: TensorType) -> TensorType:
        return pairs.with_shape(like.shape)

    def kernel(self, pairs: Array, like: Array, *, out: Array) -> None:
        z, n = to_complex(pairs).copy(), out.shape[self.axis]
        inner = np.moveaxis(z, self.axis, 0)[1 : (n + 1) // 2]  # which NumPy counts twice, with their conjugates
        inner /= 2
        out[...] = np.fft.irfft(z, n, self.axis, norm="forward")

    def vjp(self, g: Tensor, y: Tensor, pairs: Tensor, like: Tensor) -> Cotangents:
        return Half(self.axis)(g), None


def floats(x: Like, name: str) -> Tensor:
    if isinstance(x, tuple) and len(x) == 2 and all(isinstance(part, Tensor) for part in x):
        raise ShapeError(
            f"{name}: takes both parts by themselves, got a pair: write {name}(*pair), as in ifft(*fft(x))"
        )
    t = as_tensor(x)
    if t.dtype.kind == "b":
        raise DTypeError(f"{name}: takes numbers, got {t.type}")
    return t if t.dtype.kind == "f" else astype(t, "float64")


def pairs_of(re: Like, im: Like | None, axis: int, name: str) -> tuple[Tensor, int]:
    """Both parts behind each other, and the axis; no imaginary part is one of zeros."""
    real = floats(re, name)
    a = normalize_axis(axis, real.ndim, name)
    both = unify([real, zeros_like(real) if im is None else floats(im, name)])
    if both[0].shape != both[1].shape and None not in (*both[0].shape, *both[1].shape):
        raise ShapeError(f"{name}: real parts {both[0].shape} and imaginary parts {both[1].shape} must have one shape")
    return stack(*both, axis=-1), a


def parts(pairs: Tensor) -> tuple[Tensor, Tensor]:
    return getitem(pairs, (Ellipsis, 0)), getitem(pairs, (Ellipsis, 1))


def check_count(n: Any, name: str) -> None:
    if not is_int(n, 1):
        raise ShapeError(f"{name}: n is a whole number of 1 or more, got {n!r}")


def of_length(x: Tensor, n: int | None, axis: int, name: str) -> Tensor:
    """The first ``n`` elements along an axis, or all with zeros behind them."""
    if n is None:
        return x
    check_count(n, name)
    there = x.shape[axis]
    if there is None:
        raise ShapeError(f"{name}: to choose n={n} the length of axis {axis} must be known, got {x.shape}")
    if n <= there:
        return getitem(x, (*(slice(None),) * axis, slice(0, n)))
    return pad(x, [(0, n - there) if i == axis else (0, 0) for i in range(x.ndim)])


def length(x: Tensor, axis: int) -> Any:
    """The number of elements along an axis, which may be known only when the graph runs."""
    return size(x, axis) if x.shape[axis] is None else x.shape[axis]


@op(sample((4,)), sample((2, 5), (2, 5)), sample((3, 2), (3, 2), axis=0), sample((2, 3), n=5))
def fft(re: Like, im: Like | None = None, n: int | None = None, axis: int = -1) -> tuple[Tensor, Tensor]:
    """The discrete Fourier transform along ``axis``: real and imaginary parts in, real and imaginary parts out.

    Without ``im`` the numbers are real. With ``n`` they are cut to this length, or zeros follow. Derivatives are those
    by the two parts.

    >>> re, im = ag.fft([1.0, 2.0, 3.0, 4.0])
    >>> print(re.eval(), im.eval())
    [10. -2. -2. -2.] [ 0.  2.  0. -2.]
    """
    pairs, a = pairs_of(re, im, axis, "fft")
    pairs = of_length(pairs, n, a, "fft")
    return parts(Fourier(a, -1)(pairs))


@op(sample((4,)), sample((2, 5), (2, 5)), sample((3, 2), (3, 2), axis=0), sample((2, 3), n=2))
def ifft(re: Like, im: Like | None = None, n: int | None = None, axis: int = -1) -> tuple[Tensor, Tensor]:
    """The inverse of ``fft``, in real and imaginary parts; with ``n`` of numbers cut or lengthened to this length.

    >>> re, im = ag.ifft([10.0, -2.0, -2.0, -2.0], [0.0, 2.0, 0.0, -2.0])
    >>> print(re.eval(), im.eval())
    [1. 2. 3. 4.] [0. 0. 0. 0.]
    """
    pairs, a = pairs_of(re, im, axis, "ifft")
    pairs = of_length(pairs, n, a, "ifft")
    return parts(Fourier(a, 1)(pairs) / length(pairs, a))


@op(sample((4,)), sample((2, 5)), sample((6, 2), axis=0), sample((3,), n=6))
def rfft(x: Like, n: int | None = None, axis: int = -1) -> tuple[Tensor, Tensor]:
    """The first ``n // 2 + 1`` of the ``n`` numbers of ``fft``, of real numbers: real and imaginary parts.

    With ``n`` the numbers are cut to this length, or zeros follow.

    >>> re, im = ag.rfft([1.0, 2.0, 3.0, 4.0])
    >>> print(re.eval(), im.eval())
    [10. -2. -2.] [0. 2. 0.]
    """
    t = floats(x, "rfft")
    a = normalize_axis(axis, t.ndim, "rfft")
    return parts(Half(a)(of_length(t, n, a, "rfft")))


@op(sample((3,), (3,)), sample((2, 3), (2, 3), n=5), sample((4, 2), (4, 2), axis=0))
def irfft(re: Like, im: Like, n: int | None = None, axis: int = -1) -> Tensor:
    """The ``n`` real numbers of which ``rfft`` made ``re`` and ``im``; without ``n`` an even number of them.

    The imaginary parts of the first, and of the last if ``n`` is even, are not read.

    >>> print(ag.irfft([10.0, -2.0, -2.0], [0.0, 2.0, 0.0]).eval())
    [1. 2. 3. 4.]
    """
    pairs, a = pairs_of(re, im, axis, "irfft")
    m = pairs.shape[a]
    if n is None and (m is None or m < 2):
        raise ShapeError(f"irfft: name n, as {m} pairs along axis {a} of {pairs.shape[:-1]} do not tell it")
    count = 2 * (m - 1) if n is None else n  # type: ignore[operator]
    check_count(count, "irfft")
    first = getitem(pairs, (*(slice(None),) * a, slice(0, 1), Ellipsis, 0))
    like = tile(first, [count if i == a else 1 for i in range(first.ndim)])  # of which only the shape is read
    hint = "n numbers have n // 2 + 1 pairs"
    pairs = Alike("irfft", (f"the pairs of {count} numbers", "those given"), hint)(pairs, Half(a)(like))
    twice = np.full(count // 2 + 1, 2.0, pairs.dtype)
    twice[0] = 1
    if count % 2 == 0:
        twice[-1] = 1
    weights = constant((twice / count).reshape(-1, *(1,) * (pairs.ndim - 1 - a)))
    return Whole(a)(pairs * weights, like)
