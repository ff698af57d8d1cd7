"""Leaves whose value comes from outside of the graph: what is fed at every run, and state that lives between runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from .errors import DTypeError, ShapeError, UsageError
from .foreign import numbers
from .graph import Tensor, label
from .types import Array, TensorType, as_dtype, as_shape, loses


class Placeholder(Tensor):
    """A leaf that is fed at every run.

    >>> x = ag.placeholder("x", (None, 2))
    >>> print(isinstance(x, ag.Placeholder), x.name, x.shape, x.dtype)
    True x (None, 2) float32
    """

    __slots__ = ()


class Variable(Tensor):
    """A leaf with state: ``value`` lives between runs and changes only through ``updates``.

    >>> steps = ag.variable(0)
    >>> count = ag.function([], updates={steps: steps + 1})
    >>> _ = count(), count()
    >>> print(steps.value, steps.shape)
    2 ()
    """

    __slots__ = ("_value", "arena", "trainable")
    moves: ClassVar[int] = 0  # how often any variable changed its memory; bound plans look at it

    def __init__(self, value: Array, name: str | None = None, trainable: bool | None = None) -> None:
        if trainable is None:
            raise UsageError("a variable is made by ag.variable(value)")
        super().__init__(TensorType(value.shape, value.dtype))
        self.name = name
        self._value = value
        self.trainable = trainable
        self.arena: Any = None  # the packed variable that owns this one's memory, if any

    @property
    def value(self) -> Array:
        """The current value. Assigning copies into the variable's own memory."""
        return self._value

    @value.setter
    def value(self, new: Any) -> None:
        array = np.asarray(new)
        if array.shape != self._value.shape:
            raise ShapeError(f"variable {label(self)}: expected shape {self._value.shape}, got {array.shape}")
        lost = loses(array, self.dtype) if array.dtype != self.dtype else None
        if lost:
            raise DTypeError(f"variable {label(self)}: expected {self.dtype}, got {array.dtype}: {lost}")
        self._value[...] = array

    @property
    def home(self) -> Variable:
        """The variable that owns this one's memory: itself, or the arena that it lies in."""
        return self if self.arena is None else self.arena

    def rebase(self, storage: Array) -> None:
        """Move the value into ``storage`` (same shape and dtype), which from now on is its memory."""
        storage[...] = self._value
        self._value = storage
        Variable.moves += 1


def placeholder(name: str, shape: int | Sequence[int | None] = (), dtype: Any = "float32") -> Placeholder:
    """A tensor that is fed at every run, by itself or by its name; unknown lengths are None.

    >>> ag.placeholder("x", (None, 784))
    <Tensor x = placeholder: float32(None, 784)>
    """
    if not isinstance(name, str):
        raise UsageError('placeholder: the name comes first, then the shape: ag.placeholder("x", (None, 3))')
    t = Placeholder(TensorType(as_shape(shape), as_dtype(dtype)))
    t.name = name
    return t


def variable(value: Any, name: str | None = None, dtype: Any = None, trainable: bool = True) -> Variable:
    """State that lives between runs, initialised with a copy of ``value`` (Python floats become float32).

    >>> w = ag.variable(np.zeros((2, 3)), "w")
    >>> w.value = np.eye(2, 3)
    >>> print(w.sum().eval(), w.type, ag.variable(1.0).dtype)
    2.0 float64(2, 3) float32
    """
    if isinstance(value, str) or not (name is None or isinstance(name, str)):
        raise UsageError("variable: the value comes first, then the name: ag.variable(np.zeros(3), 'w')")
    array = numbers(value, None if dtype is None else as_dtype(dtype))
    if dtype is None and array.dtype.kind == "f" and not isinstance(value, np.ndarray | np.generic):
        array = array.astype(np.float32)
    return Variable(np.array(array, order="C"), name, trainable)
