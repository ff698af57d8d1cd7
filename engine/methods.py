"""What a tensor does by its own name: operators, and the methods that arrays of NumPy have, each the op of its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, Self

from .foreign import NoNumbers
from .table import OPS

if TYPE_CHECKING:
    from .graph import Like, Tensor
    from .types import TensorType


def call(name: str, *args: Any, **kwargs: Any) -> Tensor:
    """Apply the op called ``name`` in the table."""
    made: Tensor = OPS[name].function(*args, **kwargs)
    return made


def infix(name: str, swapped: bool = False) -> Callable[[Any, Like], Tensor]:
    """The method behind an operator: the op of this name, which is found when it is used."""
    if swapped:
        return lambda self, other: call(name, other, self)
    return lambda self, other: call(name, self, other)


class Methods(NoNumbers):
    """Operators and methods of ``Tensor``. Axes count from the end if negative; None takes all of them.

    >>> x = ag.constant([[1, 2], [3, 6]])
    >>> print(x.std(axis=0).eval(), x.ravel().shape, x.size, x.argmax().eval())
    [1. 2.] (4,) 4 3
    """

    __slots__ = ()

    if TYPE_CHECKING:
        type: TensorType

    __add__, __radd__ = infix("add"), infix("add", swapped=True)
    __sub__, __rsub__ = infix("subtract"), infix("subtract", swapped=True)
    __mul__, __rmul__ = infix("multiply"), infix("multiply", swapped=True)
    __truediv__, __rtruediv__ = infix("divide"), infix("divide", swapped=True)
    __floordiv__, __rfloordiv__ = infix("floor_divide"), infix("floor_divide", swapped=True)
    __mod__, __rmod__ = infix("mod"), infix("mod", swapped=True)
    __pow__, __rpow__ = infix("power"), infix("power", swapped=True)
    __matmul__, __rmatmul__ = infix("matmul"), infix("matmul", swapped=True)
    __and__, __rand__ = infix("bitwise_and"), infix("bitwise_and", swapped=True)
    __or__, __ror__ = infix("bitwise_or"), infix("bitwise_or", swapped=True)
    __xor__, __rxor__ = infix("bitwise_xor"), infix("bitwise_xor", swapped=True)
    __lshift__, __rlshift__ = infix("left_shift"), infix("left_shift", swapped=True)
    __rshift__, __rrshift__ = infix("right_shift"), infix("right_shift", swapped=True)
    __lt__, __le__, __gt__, __ge__ = infix("less"), infix("less_equal"), infix("greater"), infix("greater_equal")

    def __neg__(self) -> Tensor:
        return call("negative", self)

    def __pos__(self) -> Self:
        return self

    def __abs__(self) -> Tensor:
        return call("abs", self)

    def __invert__(self) -> Tensor:
        return call("bitwise_not", self)

    def __getitem__(self, index: Any) -> Tensor:
        return call("getitem", self, index=index)

    # Shape ------------------------------------------------------------------------------------------------------
    @property
    def size(self) -> int | None:
        """The number of elements; None where a length is unknown until the graph runs (``ag.size(t)``)."""
        return self.type.size if self.type.known else None

    @property
    def T(self) -> Tensor:  # noqa: N802
        """All axes reversed."""
        return call("transpose", self)

    @property
    def mT(self) -> Tensor:  # noqa: N802
        """The last two axes exchanged: the transpose of each matrix."""
        return call("swapaxes", self, axis1=-1, axis2=-2)

    def reshape(self, *shape: Any) -> Tensor:
        return call("reshape", self, shape=shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Tensor:
        return call("transpose", self, axes=(axes[0] if len(axes) == 1 else axes) or None)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        return call("swapaxes", self, axis1=axis1, axis2=axis2)

    def flatten(self, keep: int = 0) -> Tensor:
        return call("flatten", self, keep=keep)

    def ravel(self) -> Tensor:
        return call("flatten", self)

    def squeeze(self, axis: Any = None) -> Tensor:
        return call("squeeze", self, axis=axis)

    def astype(self, dtype: Any) -> Tensor:
        return call("astype", self, dtype=dtype)

    # Elements ---------------------------------------------------------------------------------------------------
    @property
    def at(self) -> At:
        """``t.at[index].set(values)``: this tensor with other elements there; also add, multiply, max and min."""
        return At(self)

    def take(self, indices: Like, axis: int | None = None) -> Tensor:
        return call("take", self, indices, axis=axis)

    def repeat(self, repeats: Any, axis: int | None = None) -> Tensor:
        return call("repeat", self, repeats=repeats, axis=axis)

    def clip(self, low: Like | None = None, high: Like | None = None) -> Tensor:
        return call("clip", self, low, high)

    def diagonal(self) -> Tensor:
        return call("diagonal", self)

    def trace(self) -> Tensor:
        return call("trace", self)

    def dot(self, other: Like) -> Tensor:
        return call("dot", self, other)

    # Along axes -------------------------------------------------------------------------------------------------
    def sum(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return call("sum", self, axis=axis, keepdims=keepdims)

    def prod(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return call("prod", self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return call("mean", self, axis=axis, keepdims=keepdims)

    def var(self, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
        return call("var", self, axis=axis, ddof=ddof, keepdims=keepdims)

    def std(self, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
        return call("std", self, axis=axis, ddof=ddof, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return call("max", self, axis=axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return call("min", self, axis=axis, keepdims=keepdims)

    def all(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return call("all", self, axis=axis, keepdims=keepdims)

    def any(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return call("any", self, axis=axis, keepdims=keepdims)

    def argmax(self, axis: int | None = None) -> Tensor:
        """Along ``axis``; without it in row-major order as in NumPy, where ``ag.argmax`` goes along the last axis."""
        return call("argmax", self, axis=axis)

    def argmin(self, axis: int | None = None) -> Tensor:
        """Along ``axis``; without it in row-major order as in NumPy, where ``ag.argmin`` goes along the last axis."""
        return call("argmin", self, axis=axis)

    def argsort(self, axis: int = -1) -> Tensor:
        return call("argsort", self, axis=axis)

    def cumsum(self, axis: int | None = None) -> Tensor:
        return call("cumsum", self, axis=axis)

    def cumprod(self, axis: int | None = None) -> Tensor:
        return call("cumprod", self, axis=axis)


class At:
    """A tensor that waits for an index: ``t.at[index]``."""

    __slots__ = ("tensor",)

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor

    def __getitem__(self, index: Any) -> Chosen:
        return Chosen(self.tensor, index)


class Chosen:
    """Elements of a tensor, of which each method makes a whole tensor: ``setitem`` in one of its modes.

    >>> x = ag.constant([1.0, 2.0, 3.0])
    >>> print(x.at[0].set(9.0).eval(), x.at[[0, 0]].add(1.0).eval())
    [9. 2. 3.] [3. 2. 3.]
    """

    __slots__ = ("index", "tensor")

    def __init__(self, tensor: Any, index: Any) -> None:
        self.tensor, self.index = tensor, index

    if not TYPE_CHECKING:  # else every attribute would be there

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(f"t.at[index] has set, add, multiply, max and min, which take values, not {name!r}")

    def made(self, values: Like, mode: str) -> Tensor:
        return call("setitem", self.tensor, values, index=self.index, mode=mode)

    def set(self, values: Like) -> Tensor:
        return self.made(values, "set")

    def add(self, values: Like) -> Tensor:
        return self.made(values, "add")

    def multiply(self, values: Like) -> Tensor:
        return self.made(values, "multiply")

    def max(self, values: Like) -> Tensor:
        return self.made(values, "max")

    def min(self, values: Like) -> Tensor:
        return self.made(values, "min")
