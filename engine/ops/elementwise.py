"""Elementwise ops: one to four lines each.

Subgradients at kinks and ties: abs, sign, relu and clip give 0 at the kink's own side as documented with each op;
maximum and minimum share the cotangent equally at a tie.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from scipy import special

from ..errors import DTypeError
from ..graph import Constant, Cotangents, Like, Op, Tensor, as_tensor, call, unify
from ..table import booleans, op, real, sample
from ..types import Array, TensorType, broadcast_shapes
from .base import Elementwise, binary, unary

LN2, LN10 = float(np.log(2.0)), float(np.log(10.0))


def zero(x: Tensor) -> Tensor:
    return call("zeros_like", x)


# Arithmetic ---------------------------------------------------------------------------------------------------
add = binary("add", np.add, lambda g, y, a, b: (g, g), "Sum of two tensors.", commutative=True)
subtract = binary("subtract", np.subtract, lambda g, y, a, b: (g, -g), "Difference of two tensors.")
multiply = binary("multiply", np.multiply, lambda g, y, a, b: (g * b, g * a), "Product.", commutative=True)
divide = binary("divide", np.divide, lambda g, y, a, b: (g / b, -g * y / b), "True quotient.", (0.5, 2.0))
negative = unary("negative", np.negative, lambda g, y, x: (-g,), "Negation.")


def power_rule(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Cotangents:
    """d a^b = b a^(b-1) da + a^b log(a) db; where the factor is 0 by itself, the unsafe power or log is masked."""
    if isinstance(b, Constant) and not isinstance(b.value, np.ndarray):
        n = b.value
        da = zero(a) if n == 0 else g if n == 1 else g * n * (a if n == 2 else power(a, n - 1))
        return da, g * y * log(where(a > 0, a, 1))
    da = g * b * power(a, where(equal(b, 0), 1, b - 1))
    return da, g * y * log(where(equal(a, 0), 1, a))


power = binary("power", np.power, power_rule, "Power a^b; the gradient in b takes log(a).", (0.5, 2.0))
square = unary("square", np.square, lambda g, y, x: (g * 2 * x,), "Square.")
sqrt = unary("sqrt", np.sqrt, lambda g, y, x: (g / (2 * y),), "Square root.", (0.3, 3.0))
reciprocal = unary("reciprocal", np.reciprocal, lambda g, y, x: (-g * y * y,), "One over x.", (0.5, 2.0))
mod = binary(
    "mod", np.mod, lambda g, y, a, b: (g, -g * floor(a / b)), "Remainder with the sign of the divisor.", (0.6, 1.0)
)
floor_divide = binary(
    "floor_divide", np.floor_divide, lambda g, y, a, b: (zero(a), zero(b)), "Floor of the quotient.", (0.6, 1.0)
)

# Exponentials and logarithms ----------------------------------------------------------------------------------
exp = unary("exp", np.exp, lambda g, y, x: (g * y,), "Exponential function.")
log = unary("log", np.log, lambda g, y, x: (g / x,), "Natural logarithm.", (0.3, 3.0))
expm1 = unary("expm1", np.expm1, lambda g, y, x: (g * exp(x),), "exp(x) - 1, exact for small x.")
log1p = unary("log1p", np.log1p, lambda g, y, x: (g / (1 + x),), "log(1 + x), exact for small x.", (-0.7, 2.0))

# Trigonometric and hyperbolic ---------------------------------------------------------------------------------
sin = unary("sin", np.sin, lambda g, y, x: (g * cos(x),), "Sine of an angle in radians.")
cos = unary("cos", np.cos, lambda g, y, x: (-g * sin(x),), "Cosine of an angle in radians.")
tan = unary("tan", np.tan, lambda g, y, x: (g * (1 + y * y),), "Tangent of an angle in radians.", (-1.2, 1.2))
tanh = unary("tanh", np.tanh, lambda g, y, x: (g * (1 - y * y),), "Hyperbolic tangent.")

# Pieces -------------------------------------------------------------------------------------------------------
abs = unary("abs", np.absolute, lambda g, y, x: (g * sign(x),), "Absolute value; derivative 0 at 0.")
sign = unary("sign", np.sign, lambda g, y, x: (zero(x),), "-1, 0 or 1; derivative 0.")
floor = unary("floor", np.floor, lambda g, y, x: (zero(x),), "Largest integer not above x; derivative 0.")
ceil = unary("ceil", np.ceil, lambda g, y, x: (zero(x),), "Smallest integer not below x; derivative 0.")


def share(g: Tensor, wins: Tensor, tie: Tensor) -> Tensor:
    return where(wins, g, where(tie, 0.5 * g, 0))


maximum = binary(
    "maximum",
    np.maximum,
    lambda g, y, a, b: (share(g, a > b, equal(a, b)), share(g, b > a, equal(a, b))),
    "The larger of two; at a tie each gets half of the cotangent.",
    commutative=True,
)
minimum = binary(
    "minimum",
    np.minimum,
    lambda g, y, a, b: (share(g, a < b, equal(a, b)), share(g, b < a, equal(a, b))),
    "The smaller of two; at a tie each gets half of the cotangent.",
    commutative=True,
)

# Activations --------------------------------------------------------------------------------------------------
relu = unary(
    "relu",
    np.positive,
    lambda g, y, x: (where(y > 0, g, 0),),
    "max(x, 0); derivative 0 at 0.",
    compute=lambda x, out: np.maximum(x, 0, out=out),
)
sigmoid = unary("sigmoid", special.expit, lambda g, y, x: (g * y * (1 - y),), "1 / (1 + exp(-x)), without overflow.")
softplus = unary(
    "softplus",
    special.expit,
    lambda g, y, x: (g * sigmoid(x),),
    "log(1 + exp(x)), without overflow.",
    compute=lambda x, out: np.logaddexp(x, 0, out),
)

# Comparisons and logic ----------------------------------------------------------------------------------------
less = binary("less", np.less, None, "Whether a < b.")
less_equal = binary("less_equal", np.less_equal, None, "Whether a <= b.")
greater = binary("greater", np.greater, None, "Whether a > b.")
greater_equal = binary("greater_equal", np.greater_equal, None, "Whether a >= b.")
equal = binary("equal", np.equal, None, "Whether a == b.", commutative=True)
not_equal = binary("not_equal", np.not_equal, None, "Whether a != b.", commutative=True)
logical_and = binary("logical_and", np.logical_and, None, "Whether both are true.", commutative=True)
logical_or = binary("logical_or", np.logical_or, None, "Whether one is true.", commutative=True)
logical_not = unary("logical_not", np.logical_not, None, "Whether it is false.")
isnan = unary("isnan", np.isnan, None, "Whether it is NaN.")
isfinite = unary("isfinite", np.isfinite, None, "Whether it is neither NaN nor infinite.")


@dataclass(frozen=True)
class Where(Op):
    """Choose element by element."""

    name = "where"
    inplace = (1, 2)

    def unify(self, inputs: list[Tensor]) -> list[Tensor]:
        return [inputs[0], *unify(inputs[1:])]

    def infer(self, condition: TensorType, a: TensorType, b: TensorType) -> TensorType:
        if condition.dtype.kind != "b":
            raise DTypeError(f"where: the condition must be bool, got {condition}")
        shape = broadcast_shapes(condition.shape, a.shape, b.shape)
        return TensorType(shape, np.result_type(a.dtype, b.dtype), weak=a.weak and b.weak)

    def kernel(self, condition: Array, a: Array, b: Array, *, out: Array) -> None:
        if np.may_share_memory(out, a):
            np.copyto(out, b, where=np.logical_not(condition))
        else:
            np.copyto(out, b)
            np.copyto(out, a, where=condition)

    def vjp(self, g: Tensor, y: Tensor, condition: Tensor, a: Tensor, b: Tensor) -> Cotangents:
        return None, where(condition, g, 0), where(condition, 0, g)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, condition: Tensor, a: Tensor, b: Tensor) -> Any:
        _, da, db = tangents
        return call("expand_like", where(condition, 0 if da is None else da, 0 if db is None else db), y)


@op(
    sample(booleans(3), (3,), (3,)),
    sample(booleans(2, 1), (1, 3), ()),
    sample(booleans(), (2, 3), (3,)),
    sample(booleans(0), (1,), ()),
)
def where(condition: Like, a: Like, b: Like) -> Tensor:
    """Elements of ``a`` where ``condition`` holds, else of ``b``; the three broadcast.

    The branch that is not chosen gets a cotangent of exactly 0. To keep an unsafe op out of the gradient,
    mask its input: ``where(x > 0, log(where(x > 0, x, 1)), 0)``.
    """
    c = as_tensor(condition)
    if isinstance(c, Constant) and isinstance(c.value, bool):
        return as_tensor(a if c.value else b)
    return Where()(c, a, b)


__all__ = ["LN2", "LN10", "Elementwise", "Fraction", "real"]
