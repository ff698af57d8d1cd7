"""Tensors made from numbers and shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..frozen import frozen
from ..graph import Constant, Cotangents, Like, Op, Tensor, as_tensor, constant
from ..table import op, sample
from ..types import Array, Axes, DType, TensorType, as_dtype, as_shape, normalize_axes, static
from .arrays import BroadcastTo, astype, broadcast_to


@frozen
class FullLike(Op):
    """One number in the shape of a tensor."""

    value: int | float
    dtype: DType
    name = "full_like"
    shape_only = (0,)

    def infer(self, like: TensorType) -> TensorType:
        return TensorType(like.shape, self.dtype)

    def vjp(self, g: Tensor, y: Tensor, like: Tensor) -> Cotangents:
        return (None,)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, like: Tensor) -> None:
        return None

    def simplify(self, like: Tensor) -> Tensor | None:
        if not like.type.known:
            return None
        number = Constant(self.value, TensorType((), self.dtype))
        return BroadcastTo(like.shape).simplest(number)

    def __call__(self, like: Like) -> Tensor:  # type: ignore[override]
        like = as_tensor(like)
        return Tensor(self.infer(like.type), self, (like,))


@op(sample((2, 3), value=2.5))
def full_like(x: Like, value: int | float, dtype: Any = None) -> Tensor:
    """``value`` in the shape and dtype of ``x``.

    >>> print(ag.full_like([1.0, 2.0], 7).eval())
    [7. 7.]
    """
    t = as_tensor(x)
    op = FullLike(value, t.dtype if dtype is None else as_dtype(dtype))
    return op.simplest(t)


@op(sample((2, 3)), sample(()))
def zeros_like(x: Like, dtype: Any = None) -> Tensor:
    """Zeros in the shape and dtype of ``x``.

    >>> print(ag.zeros_like([1.0, 2.0]).eval())
    [0. 0.]
    """
    return full_like(x, 0, dtype)


@op(sample((2, 3)))
def ones_like(x: Like, dtype: Any = None) -> Tensor:
    """Ones in the shape and dtype of ``x``.

    >>> print(ag.ones_like([1.0, 2.0]).eval())
    [1. 1.]
    """
    return full_like(x, 1, dtype)


@frozen
class Size(Op):
    """Number of elements along axes."""

    axes: tuple[int, ...]
    name = "size"
    shape_only = (0,)

    def infer(self, x: TensorType) -> TensorType:
        return TensorType((), np.dtype("int64"), weak=True)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (None,)

    def simplify(self, x: Tensor) -> Tensor | None:
        lengths = [x.shape[a] for a in self.axes]
        return None if None in lengths else constant(int(np.prod([static(d) for d in lengths])))


@op(sample((2, 3)), sample((2, 3), axis=1), differentiable=False)
def size(x: Like, axis: Axes = None) -> Tensor:
    """The number of elements of ``x``, or their number along ``axis``.

    >>> print(ag.size([[1, 2, 3], [4, 5, 6]]).eval(), ag.size([[1, 2, 3], [4, 5, 6]], axis=1).eval())
    6 3
    """
    t = as_tensor(x)
    op = Size(normalize_axes(axis, t.ndim, "size"))
    return op.simplest(t)


@frozen
class ShapeOf(Op):
    """The lengths of a tensor, as a tensor."""

    name = "shape"
    shape_only = (0,)

    def infer(self, x: TensorType) -> TensorType:
        return TensorType((x.rank,), np.dtype("int64"))

    def kernel(self, x: Array, *, out: Array) -> None:
        out[...] = x.shape

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (None,)


@op(sample((2, 3)), sample(()), differentiable=False)
def shape(x: Like) -> Tensor:
    """The lengths of ``x`` as an int64 tensor, also where they are known only when the graph runs.

    >>> x = ag.placeholder("x", (None, 3))
    >>> print(ag.shape(x).eval({x: np.zeros((5, 3))}))
    [5 3]
    """
    return ShapeOf()(x)


@op(sample((2, 3)), sample(()), differentiable=False)
def rank(x: Like) -> Tensor:
    """The number of axes of ``x``, as an exact number.

    >>> print(ag.rank([[1, 2], [3, 4]]).eval())
    2
    """
    return constant(as_tensor(x).ndim)


@op(sample((2, 3)), sample((3,), dtype="float64"))
def convert_to_tensor(x: Like, dtype: Any = None) -> Tensor:
    """``x`` (a number, an array, a nested list or a tensor) as a tensor, of ``dtype`` if that is given.

    >>> ag.convert_to_tensor([1, 2], "float32")
    <Tensor astype(constant(2,)): float32(2,)>
    """
    t = as_tensor(x)
    return t if dtype is None else astype(t, dtype)


def lengths(shape: Any, op: str) -> tuple[int, ...]:
    """``shape`` with all lengths known."""
    dims = as_shape(shape)
    if None in dims:
        raise ShapeError(f"{op}: every length must be known, got {dims}; use {op}_like for the shape of a tensor")
    return tuple(map(static, dims))


@op(sample(shape=(2, 3), value=2.5), sample(shape=(), value=1), differentiable=False)
def full(shape: Any, value: int | float, dtype: Any = "float32") -> Tensor:
    """A tensor of ``shape`` in which every element is ``value``; it takes no memory of its own.

    >>> print(ag.full((2, 2), 7.0).eval())
    [[7. 7.]
     [7. 7.]]
    """
    return broadcast_to(Constant(value, TensorType((), as_dtype(dtype))), lengths(shape, "full"))


@op(sample(shape=(2, 3)), sample(shape=4), differentiable=False)
def zeros(shape: Any, dtype: Any = "float32") -> Tensor:
    """Zeros in ``shape``.

    >>> print(ag.zeros((2, 3)).eval())
    [[0. 0. 0.]
     [0. 0. 0.]]
    """
    return full(lengths(shape, "zeros"), 0, dtype)


@op(sample(shape=(2, 3)), sample(shape=4), differentiable=False)
def ones(shape: Any, dtype: Any = "float32") -> Tensor:
    """Ones in ``shape``.

    >>> print(ag.ones(3, "int64").eval())
    [1 1 1]
    """
    return full(lengths(shape, "ones"), 1, dtype)


@frozen
class Source(Op):
    """What the ops without inputs share: a type that is known when the graph is built."""

    type: TensorType

    def infer(self) -> TensorType:
        return self.type


@frozen
class Eye(Source):
    """Ones on one diagonal."""

    k: int
    name = "eye"

    def kernel(self, *, out: Array) -> None:
        rows, columns = out.shape
        i = np.arange(max(0, -self.k), min(rows, columns - self.k))
        out[...] = 0
        out[i, i + self.k] = 1


@op(sample(n=3), sample(n=2, m=4, k=1), sample(n=3, m=2, k=-1, dtype="int64"), sample(n=2, k=5), differentiable=False)
def eye(n: int, m: int | None = None, k: int = 0, dtype: Any = "float32") -> Tensor:
    """The ``n`` by ``m`` matrix with ones on the ``k``-th diagonal; the identity matrix without ``m`` and ``k``.

    >>> print(ag.eye(2, 3, k=1).eval())
    [[0. 1. 0.]
     [0. 0. 1.]]
    """
    return Eye(TensorType(lengths((n, n if m is None else m), "eye"), as_dtype(dtype)), int(k))()


@frozen
class Steps(Source):
    """Numbers at equal distance."""

    start: int | float
    step: int | float
    name = "arange"

    def kernel(self, *, out: Array) -> None:
        counter = np.arange(out.size, dtype="int64" if isinstance(self.step, int) else "float64")
        np.copyto(out, self.start + self.step * counter, casting="unsafe")


@op(
    sample(start=5),
    sample(start=2, stop=9, step=3),
    sample(start=1.0, stop=0.0, step=-0.25, dtype="float64"),
    sample(start=3, stop=1),
    differentiable=False,
)
def arange(start: float, stop: float | None = None, step: float = 1, dtype: Any = None) -> Tensor:
    """The numbers from ``start`` up to, not including, ``stop``, by ``step``; with one number, from 0 up to it.

    int64 if the numbers are integers, else float32, unless ``dtype`` is given.

    >>> print(ag.arange(2, 10, 3).eval())
    [2 5 8]
    """
    first, last = (0, start) if stop is None else (start, stop)
    if step == 0 or not np.isfinite([first, last, step]).all():
        raise ShapeError(f"arange: needs finite numbers and a step other than 0, got {first}, {last}, {step}")
    whole = all(isinstance(v, int | np.integer) for v in (first, last, step))
    number = int if whole else float
    count = max(0, int(np.ceil((last - first) / step)) if not whole else -int((first - last) // step))
    kind = as_dtype(dtype if dtype is not None else "int64" if whole else "float32")
    return Steps(TensorType((count,), kind), number(first), number(step))()


@op(sample(start=0, stop=1, num=5), sample(start=-1.5, stop=2, num=4, endpoint=False), differentiable=False)
def linspace(start: float, stop: float, num: int = 50, endpoint: bool = True, dtype: Any = "float32") -> Tensor:
    """``num`` numbers at equal distance from ``start`` to ``stop``, which is left out without ``endpoint``.

    >>> print(ag.linspace(0, 1, 5).eval())
    [0.   0.25 0.5  0.75 1.  ]
    """
    (count,) = lengths(num, "linspace")
    return constant(np.linspace(start, stop, count, endpoint), as_dtype(dtype))
