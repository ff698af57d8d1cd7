"""Ops that steer a run rather than compute: user functions, hooks, order of execution.

A custom op in full, for the case that ``apply`` is not enough; it is a value, so equal ops are computed once:

>>> from dataclasses import dataclass
>>> @dataclass(frozen=True)
... class ScaledCube(ag.Op):
...     factor: float
...     name = "scaled_cube"
...
...     def infer(self, x):                # types of the inputs -> type of the output
...         return x
...
...     def kernel(self, x, *, out):       # fills `out`, and keeps no reference to any array
...         out[...] = self.factor * x**3
...
...     def vjp(self, g, y, x):            # cotangents of the inputs, made of tensors: any order follows
...         return (g * 3 * y / x,)
>>> x = ag.placeholder("x", (), "float64")
>>> y = ScaledCube(2.0)(x)
>>> dy = ag.grad(y, x)
>>> print(*ag.function([y, dy, ag.grad(dy, x)])(x=2.0))
16.0 24.0 24.0
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ExecutionError, GradientError, ShapeError, StateError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor, label
from ..leaves import Variable
from ..types import Array, DType, Shape, TensorType, as_dtype, as_shape, broadcast_shapes, fits
from .base import Linear

Rule = Callable[..., Any]


def read_only(arrays: Sequence[Array]) -> list[Array]:
    """Views for code of the user, which must not write into the engine's memory."""
    views = [np.asarray(a).view() for a in arrays]
    for v in views:
        v.flags.writeable = False
    return views


@frozen(eq=False)
class Apply(Op):
    """A function of the user on arrays; each application stands for itself."""

    function: Callable[..., Any]
    shape: Shape | Callable[..., Any] | None
    dtype: DType | None
    rule: Rule | None
    name: str
    pure = False

    def unify(self, inputs: list[Tensor]) -> list[Tensor]:
        return inputs

    def infer(self, *xs: TensorType) -> TensorType:
        if callable(self.shape):
            shape = as_shape(self.shape(*(x.shape for x in xs)))
        else:
            shape = broadcast_shapes(*(x.shape for x in xs)) if self.shape is None else self.shape
        return TensorType(shape, self.dtype or np.result_type(*(x.dtype for x in xs)))

    def kernel(self, *arrays: Array, out: Array) -> None:
        result = np.asarray(self.function(*read_only(arrays)))
        if result.shape != out.shape:
            raise ExecutionError(f"{self.name}: the function must return shape {out.shape}, it returned {result.shape}")
        np.copyto(out, result, casting="unsafe")

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        if self.rule is None:
            raise GradientError(f"{self.name} has no derivative; give apply(..., vjp=) a rule (g, y, *inputs)")
        found = self.rule(g, y, *inputs)
        parts = [found] if isinstance(found, Tensor) else list(found)
        if len(parts) != len(inputs):
            raise GradientError(f"{self.name}: vjp= must return {len(inputs)} cotangents, it returned {len(parts)}")
        return [None if p is None else as_tensor(p) for p in parts]


def apply(
    function: Callable[..., Any],
    *inputs: Like,
    shape: Any = None,
    dtype: Any = None,
    vjp: Rule | None = None,
    name: str | None = None,
) -> Tensor:
    """A NumPy function of yours inside the graph: it gets read-only arrays and returns one.

    ``shape`` is that of the result: a tuple (None for unknown lengths), a function of the input shapes, or by
    default the shape to which the inputs broadcast; ``dtype`` is by default their common one. ``vjp(g, y, *inputs)``
    returns one cotangent an input (None for none) made of tensors, so it can be differentiated again; without it
    the result has no derivative, and says so.

    >>> x = ag.placeholder("x", (2,), "float64")
    >>> y = ag.apply(np.cbrt, x, vjp=lambda g, y, x: g / (3 * y * y))
    >>> print(ag.function(ag.grad(y.sum(), x))([1.0, 8.0]).round(4))
    [0.3333 0.0833]
    """
    fixed = shape if shape is None or callable(shape) else as_shape(shape)
    title = str(name or getattr(function, "__name__", "apply"))
    return Apply(function, fixed, None if dtype is None else as_dtype(dtype), vjp, title)(*inputs)


@frozen(eq=False)
class Tap(Linear):
    """The input itself, after a function of the user has seen its value."""

    function: Callable[[Array], Any]
    name = "tap"
    pure = False
    inplace = (0,)

    def infer(self, x: TensorType) -> TensorType:
        return x

    def kernel(self, x: Array, *, out: Array) -> None:
        np.copyto(out, x)
        self.function(*read_only([out]))

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (g,)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> Tensor | None:
        return tangents[0]


def tap(x: Like, function: Callable[[Array], Any]) -> Tensor:
    """``x``, whose value ``function`` sees (read-only, to be copied if kept) whenever it is computed.

    >>> seen = []
    >>> x = ag.placeholder("x", (2,))
    >>> y = ag.tap(x * x, lambda value: seen.append(value.copy())).sum()
    >>> print(ag.function(y)([3.0, 4.0]), seen)
    25.0 [array([ 9., 16.], dtype=float32)]
    """
    return Tap(function)(x)


def print_value(x: Like, title: str | None = None, file: Any = None) -> Tensor:
    """``x``, printed to standard error (or ``file``) whenever it is computed.

    >>> import sys
    >>> x = ag.placeholder("x", (2,))
    >>> print(ag.function(ag.print_value(2 * x, "doubled", sys.stdout).sum())([3.0, 4.0]))
    doubled: [6. 8.]
    14.0
    """
    t = as_tensor(x)
    head = title or label(t)
    return tap(t, lambda value: (file or sys.stderr).write(f"{head}: {value}\n"))


def print_shape(x: Like, title: str | None = None, file: Any = None) -> Tensor:
    """``x``, with its dtype and shape printed to standard error (or ``file``) whenever it is computed.

    >>> import sys
    >>> x = ag.placeholder("batch", (None, 2))
    >>> print(ag.function(ag.print_shape(x, file=sys.stdout).sum())(np.ones((5, 2))))
    batch: float32(5, 2)
    10.0
    """
    t = as_tensor(x)
    head = title or label(t)
    return tap(t, lambda value: (file or sys.stderr).write(f"{head}: {value.dtype}{value.shape}\n"))


def assign(v: Variable, value: Like) -> tuple[Variable, Tensor]:
    """The update that gives ``v`` a new ``value``: one member of ``function(..., updates=dict([...]))``.

    Graphs have no side effects. All updates of a function read the values from before the call, and are committed
    together after it.

    >>> a, b = ag.variable(1.0), ag.variable(2.0)
    >>> swap = ag.function([], updates=dict([ag.assign(a, b), ag.assign(b, a)]))
    >>> print(swap(), a.value, b.value)
    [] 2.0 1.0
    """
    t = as_tensor(value)
    if not isinstance(v, Variable):
        raise StateError(f"assign: only variables have a value that can change, not {label(as_tensor(v))}")
    if not fits(v.shape, t.shape) or (t.dtype != v.dtype and not t.type.weak):
        raise StateError(f"assign: variable {label(v)} is {v.type}, its new value is {t.type}")
    return v, t


class Same(Linear):
    """The first input as it is; the others are only waited for."""

    pure = False

    def infer(self, x: TensorType, *others: Any) -> TensorType:
        return x

    def kernel(self, x: Array, *others: Any, out: Array) -> None:
        np.copyto(out, x)

    def view(self, *arrays: Array) -> Array | None:
        return arrays[0]

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        return g, *(None for _ in inputs[1:])

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> Tensor | None:
        return tangents[0]


@frozen
class After(Same):
    """A value that counts as computed only when others are."""

    name = "with_dependencies"


def with_dependencies(x: Like, dependencies: Sequence[Tensor]) -> Tensor:
    """``x``, available only after all of ``dependencies`` are computed (hooks, mostly).

    >>> x, seen = ag.placeholder("x"), []
    >>> noted = ag.tap(x, seen.append)
    >>> print(ag.function(ag.with_dependencies(2 * x, [noted]))(3.0), len(seen))
    6.0 1
    """
    for d in dependencies:
        if not isinstance(d, Tensor):
            raise ShapeError(f"with_dependencies: a dependency is a tensor, got {type(d).__name__}")
    return After()(as_tensor(x), *dependencies)


@frozen
class Barrier(Same):
    """A value that the rewriter does not recognise as the one it is made from.

    What is built on it is computed again, not merged with what was built on the original, and not before the
    second input is there.
    """

    name = "barrier"
