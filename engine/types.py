"""Static types: dtype and shape of a value that is not yet computed.

A shape is a tuple of lengths; ``None`` stands for a length that is known only when the graph runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from .errors import DTypeError, ShapeError

Array: TypeAlias = "np.ndarray[Any, Any]"
DType: TypeAlias = "np.dtype[Any]"
Dim: TypeAlias = "int | None"
Shape: TypeAlias = "tuple[Dim, ...]"
Axes: TypeAlias = "int | Sequence[int] | None"

KINDS = {"b": "bool", "i": "integer", "u": "integer", "f": "float"}


@dataclass(frozen=True, slots=True)
class TensorType:
    """Dtype and shape, printed like ``float32(None, 784)``.

    ``weak`` marks values made from Python numbers alone: they take the dtype of what they meet.
    """

    shape: Shape
    dtype: DType
    weak: bool = False

    def __str__(self) -> str:
        return f"{self.dtype}{self.shape}"

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def known(self) -> bool:
        """Whether every length is known."""
        return None not in self.shape

    @property
    def size(self) -> int:
        """Number of elements; only for a type whose lengths are all known."""
        n = 1
        for d in self.shape:
            n *= static(d)
        return n

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def with_shape(self, shape: Sequence[Dim]) -> TensorType:
        return replace(self, shape=tuple(shape))

    def with_dtype(self, dtype: Any) -> TensorType:
        return TensorType(self.shape, np.dtype(dtype))

    def accepts(self, other: TensorType) -> bool:
        """Whether a value of type ``other`` may stand where this type is declared."""
        return self.dtype == other.dtype and fits(self.shape, other.shape)


@dataclass(frozen=True, slots=True)
class TupleType:
    """The type of an op with several outputs."""

    items: tuple[TensorType, ...]

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.items))})"


@lru_cache(maxsize=64)
def number_type(dtype: Any, weak: bool = False) -> TensorType:
    """The type of a number; one object for each dtype."""
    return TensorType((), np.dtype(dtype), weak)


def static(d: Dim) -> int:
    """``d`` where a known length is needed."""
    if d is None:
        raise ShapeError("a length is still unknown here; it is fixed by the shapes that are fed")
    return d


@lru_cache(maxsize=4096)  # as it is asked at every feed
def fits(declared: Shape, actual: Shape) -> bool:
    """Whether ``actual`` is one of the shapes that ``declared`` stands for."""
    if len(declared) != len(actual):
        return False
    return all(d == a or d is None or a is None for d, a in zip(declared, actual, strict=True))


def as_dtype(dtype: Any) -> DType:
    """``dtype`` as a NumPy dtype that the engine computes with."""
    try:
        result: DType = np.dtype(dtype)
    except TypeError as e:
        raise DTypeError(f"{dtype!r} is not a dtype; use one of float32, float64, int64, bool") from e
    if result.kind not in KINDS:
        pairs = " (complex numbers are pairs of floats: ag.fft)" if result.kind == "c" else ""
        raise DTypeError(f"dtype {result} is not supported{pairs}; use float16, float32, float64, an integer or bool")
    return result


def as_shape(shape: int | Sequence[Dim]) -> Shape:
    """``shape`` as a tuple; a single length is allowed."""
    dims = (shape,) if isinstance(shape, int) else tuple(shape)
    for d in dims:
        if d is not None and (not isinstance(d, int | np.integer) or d < 0):
            raise ShapeError(f"a shape holds lengths of 0 or more, or None for unknown; got {dims}")
    return tuple(None if d is None else int(d) for d in dims)


def broadcast_dims(a: Dim, b: Dim) -> Dim:
    if b in (a, 1):
        return a
    if a == 1 or a is None:
        return b
    if b is None:
        return a
    raise ShapeError(f"lengths {a} and {b} do not broadcast")


def broadcast_shapes(*shapes: Shape) -> Shape:
    """NumPy's broadcasting with unknown lengths: unknown against n > 1 can only be 1 or n, so it gives n."""
    result: list[Dim] = []
    rank = max((len(s) for s in shapes), default=0)
    for i in range(-rank, 0):
        d: Dim = 1
        for s in shapes:
            if len(s) >= -i:
                try:
                    d = broadcast_dims(d, s[i])
                except ShapeError:
                    raise ShapeError(f"shapes {' and '.join(map(str, shapes))} do not broadcast") from None
        result.append(d)
    return tuple(result)


@lru_cache(maxsize=4096)
def promote(*types: tuple[DType, bool]) -> DType:
    """The common dtype of ``(dtype, weak)`` pairs, by NumPy's rules (NEP 50: weak numbers never widen)."""
    samples = {"b": False, "i": 0, "u": 0, "f": 0.0}
    strong = [d for d, weak in types if not weak]
    if not strong:
        return np.result_type(*(d for d, _ in types))
    return np.result_type(*strong, *(samples[d.kind] for d, weak in types if weak))


def holds(dtype: DType, number: Any) -> bool:
    """Whether a whole number lies within an integer dtype; any number may become a float or a bool."""
    if dtype.kind not in "iu" or not isinstance(number, int):
        return True
    limits = np.iinfo(dtype)
    return bool(limits.min <= number <= limits.max)


def type_holding(number: Any, dtype: DType) -> TensorType:
    """The type of a number of ``dtype``. Raises DTypeError for one that does not lie within it."""
    if not holds(dtype, number):
        raise DTypeError(f"{number} is no {dtype}; cast the tensor beside it first, as in x.astype('int64')")
    return number_type(dtype)


def loses(array: Array, dtype: DType) -> str | None:
    """What ``array`` would lose as an array of ``dtype``, beside digits of floats; None if nothing."""
    whole = array.dtype.kind in "iu" and dtype.kind in "iu"
    if not whole and not np.can_cast(array.dtype, dtype, "same_kind"):
        return f"{array.dtype} is no {dtype}"
    if whole and array.size and not np.can_cast(array.dtype, dtype):
        low, high = int(array.min()), int(array.max())
        if not (holds(dtype, low) and holds(dtype, high)):
            return f"numbers from {low} to {high} do not fit into {dtype}"
    return None


def normalize_axis(axis: int, rank: int, op: str) -> int:
    """``axis`` counted from 0."""
    if not isinstance(axis, int | np.integer) or isinstance(axis, bool):
        raise ShapeError(f"{op}: an axis is an integer, got {axis!r}")
    if not -rank <= axis < rank:
        raise ShapeError(f"{op}: axis {axis} is out of range for a tensor of rank {rank}")
    return int(axis) % rank


def normalize_axes(axis: Axes, rank: int, op: str) -> tuple[int, ...]:
    """``axis`` (None for all) as a sorted tuple counted from 0."""
    if axis is None:
        return tuple(range(rank))
    axes = [normalize_axis(a, rank, op) for a in ((axis,) if isinstance(axis, int | np.integer) else axis)]
    if len(set(axes)) != len(axes):
        raise ShapeError(f"{op}: an axis is named twice in {axis}")
    return tuple(sorted(axes))


def reduced_shape(shape: Shape, axes: tuple[int, ...], keepdims: bool) -> Shape:
    """``shape`` after a reduction over ``axes``."""
    if keepdims:
        return tuple(1 if i in axes else d for i, d in enumerate(shape))
    return tuple(d for i, d in enumerate(shape) if i not in axes)
