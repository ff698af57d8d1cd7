"""Comparisons, logic, and choosing element by element. What answers true or false has no derivative."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..frozen import frozen
from ..graph import Constant, Cotangents, Like, Op, Tensor, as_tensor, call, unify
from ..table import booleans, op, sample
from ..types import Array, TensorType, broadcast_shapes
from .base import Linear, Pointwise
from .base import binary as any_binary
from .base import unary as any_unary

binary = partial(any_binary, family="logic")
unary = partial(any_unary, family="logic")

less = binary("less", np.less, None, "Whether a < b: less(1, 2) = True.", scalar_rule=lambda a, b: a < b)
less_equal = binary(
    "less_equal", np.less_equal, None, "Whether a <= b: less_equal(2, 2) = True.", scalar_rule=lambda a, b: a <= b
)
greater = binary("greater", np.greater, None, "Whether a > b: greater(1, 2) = False.", scalar_rule=lambda a, b: a > b)
greater_equal = binary(
    "greater_equal",
    np.greater_equal,
    None,
    "Whether a >= b: greater_equal(2, 2) = True.",
    scalar_rule=lambda a, b: a >= b,
)
equal = binary("equal", np.equal, None, "Whether a == b: equal(2, 2.0) = True.", commutative=True, scalar_rule="equals")
not_equal = binary(
    "not_equal", np.not_equal, None, "Whether a != b: not_equal(1, 2) = True.", commutative=True, scalar_rule="differs"
)
logical_and = binary(
    "logical_and",
    np.logical_and,
    None,
    "Whether both are true: logical_and(True, False) = False.",
    commutative=True,
    scalar_rule=lambda a, b: a & b,
)
logical_or = binary(
    "logical_or",
    np.logical_or,
    None,
    "Whether at least one is true: logical_or(True, False) = True.",
    commutative=True,
    scalar_rule=lambda a, b: a | b,
)
logical_xor = binary(
    "logical_xor",
    np.logical_xor,
    None,
    "Whether exactly one is true: logical_xor(True, True) = False.",
    commutative=True,
    scalar_rule=lambda a, b: a ^ b,
)
logical_not = unary(
    "logical_not", np.logical_not, None, "Whether it is false: logical_not(True) = False.", scalar_rule=lambda x: ~x
)
isnan = unary("isnan", np.isnan, None, "Whether it is NaN: isnan(np.nan) = True.", scalar_rule="isnan")
isinf = unary(
    "isinf",
    np.isinf,
    None,
    "Whether it is an infinity of either sign: isinf(-np.inf) = True.",
    scalar_rule=lambda x: x.abs().equals(math.inf),
)
isfinite = unary(
    "isfinite",
    np.isfinite,
    None,
    "Whether it is neither NaN nor infinite: isfinite(np.inf) = False.",
    scalar_rule=lambda x: x.abs() < math.inf,
)


def bits(x: Array) -> Array:
    """The same memory read as integers, which a product with 0 or 1 keeps or clears without looking at NaN."""
    return x.view(f"i{x.itemsize}")


@frozen
class Where(Pointwise):
    """Choose element by element: b ^ ((a ^ b) * condition) in the bits, several times as fast as masked copies."""

    name = "where"
    inplace = (1,)  # b is read again after `out` was written

    def unify(self, inputs: list[Tensor]) -> list[Tensor]:
        return [inputs[0], *unify(inputs[1:])]

    def infer(self, *inputs: TensorType) -> TensorType:
        condition, a, b = inputs
        if condition.dtype.kind != "b":
            raise DTypeError(f"where: the condition must be bool, got {condition}")
        shape = broadcast_shapes(condition.shape, a.shape, b.shape)
        return TensorType(shape, np.result_type(a.dtype, b.dtype), weak=a.weak and b.weak)

    def kernel(self, condition: Array, a: Array, b: Array, *, out: Array) -> None:
        a, b, result = (bits(x.astype(out.dtype, copy=False)) for x in (a, b, out))
        np.bitwise_xor(a, b, out=result)
        np.multiply(result, condition, out=result)
        np.bitwise_xor(result, b, out=result)

    def bind(self, inputs: Sequence[Array], out: Array) -> Callable[[], Any]:
        return partial(self.kernel, *inputs, out=out)

    def scalar(self, *values: Any) -> Any:
        condition, a, b = values
        return condition.choose(a, b)

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        condition = inputs[0]
        return None, where(condition, g, 0), where(condition, 0, g)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> Tensor | None:
        _, da, db = tangents
        if da is None and db is None:
            return None
        return call("expand_like", where(inputs[0], 0 if da is None else da, 0 if db is None else db), y)

    def simplify(self, *inputs: Tensor) -> Tensor | None:
        condition, a, b = inputs
        for keep, x, other in ((True, a, b), (False, b, a)):
            if is_zero(other) and x.type.known and x.shape == broadcast_shapes(condition.shape, a.shape, b.shape):
                return Keep(keep)(x, condition) if other.dtype == x.dtype else None
        return None


def is_zero(t: Tensor) -> bool:
    return isinstance(t, Constant) and t.shape == () and t.value == 0


@frozen
class Keep(Linear, Pointwise):
    """The first input where the condition is ``value``, else 0: one product in the bits."""

    value: bool
    name = "keep"
    inplace = (0,)

    def infer(self, *inputs: TensorType) -> TensorType:
        x, condition = inputs
        return x.with_shape(broadcast_shapes(x.shape, condition.shape))

    def kernel(self, x: Array, condition: Array, *, out: Array) -> None:
        np.multiply(bits(x), condition if self.value else ~condition, out=bits(out))

    def bind(self, inputs: Sequence[Array], out: Array) -> Callable[[], Any]:
        x, condition = inputs
        if self.value:
            return partial(np.multiply, bits(x), condition, out=bits(out))
        return partial(self.kernel, x, condition, out=out)

    def scalar(self, *values: Any) -> Any:
        x, condition = values
        return (condition if self.value else ~condition).choose(x, 0)

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        return self(g, inputs[1]), None


@op(
    sample(booleans(3), (3,), (3,)),
    sample(booleans(2, 1), (1, 3), ()),
    sample(booleans(), (2, 3), (3,)),
    sample(booleans(0), (1,), ()),
)
def where(condition: Like, a: Like, b: Like) -> Tensor:
    """Elements of ``a`` where ``condition`` holds, else of ``b``; the three broadcast.

    The branch that is not chosen gets a cotangent of exactly 0. An op that is unsafe there, as in
    ``where(x > 0, log(x), 0)``, does not spoil the gradient: ``stability`` masks its input.

    >>> print(ag.where([True, False], [1, 2], 0).eval())
    [1 0]
    """
    return Where()(condition, a, b)


@op(sample(booleans(3), (3,), booleans(3), ()), sample(booleans(2, 1), (2, 3), default=1.0))
def select(*cases: Any, default: Like = 0) -> Tensor:
    """Elements of the first choice whose condition holds, else of ``default``; all broadcast.

    Conditions and choices alternate, ``select(x < 0, a, x < 1, b, default=c)``, or come as two lists as in NumPy.

    >>> x = ag.constant([-2.0, 0.5, 3.0])
    >>> print(ag.select([x < 0, x < 1], [0.0, x], default=1.0).eval())
    [0.  0.5 1. ]
    """
    pairs = cases if not cases or not isinstance(cases[0], list | tuple) else alternate(*cases)
    if not pairs or len(pairs) % 2:
        raise ShapeError(f"select: needs a choice for each condition, got {len(pairs)} arguments")
    result = as_tensor(default)
    for condition, choice in zip(pairs[-2::-2], pairs[::-2], strict=True):
        result = where(condition, choice, result)
    return result


def alternate(conditions: Sequence[Any], choices: Sequence[Any] = ()) -> tuple[Any, ...]:
    """Two lists of the same length as one list of pairs."""
    if len(conditions) != len(choices):
        raise ShapeError(f"select: {len(conditions)} conditions do not fit {len(choices)} choices")
    return tuple(x for pair in zip(conditions, choices, strict=True) for x in pair)


@frozen
class StopGradient(Op):
    """The identity, through which no derivative flows in either mode."""

    name = "stop_gradient"
    stops = True

    def infer(self, x: TensorType) -> TensorType:
        return x

    def kernel(self, x: Array, *, out: Array) -> None:
        out[...] = x

    def view(self, x: Array) -> Array | None:
        return x

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (None,)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, x: Tensor) -> None:
        return None


@op(sample((3,)), differentiable=False)
def stop_gradient(x: Like) -> Tensor:
    """``x`` itself, taken as a constant by every derivative.

    >>> x = ag.constant(3.0)
    >>> print(ag.grad(x * ag.stop_gradient(x), x).eval())
    3.0
    """
    return StopGradient()(x)
