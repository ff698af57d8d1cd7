"""Arithmetic, powers, exponentials, trigonometry and rounding: one to four lines each.

Subgradients at kinks are 0 (abs, sign, floor and friends); maximum and minimum share the cotangent equally at a tie.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..frozen import frozen
from ..graph import Constant, Cotangents, Like, Tensor, as_tensor, call
from ..table import op, real, sample
from ..types import Array, DType, TensorType, broadcast_shapes
from .base import Elementwise, Pointwise, SciPy, binary, unary
from .logic import equal, isinf, logical_and, where

HALF = Fraction(1, 2)
AWAY = 0.3, 3.0  # from 0: a domain without poles and branch points


def zero(x: Tensor) -> Tensor:
    return call("zeros_like", x)


# Arithmetic ---------------------------------------------------------------------------------------------------
add = binary(
    "add",
    np.add,
    lambda g, y, a, b: (g, g),
    "Sum of two tensors: add(2, 3) = 5.",
    commutative=True,
    scalar_rule=lambda a, b: a + b,
)
subtract = binary(
    "subtract",
    np.subtract,
    lambda g, y, a, b: (g, -g),
    "Difference of two tensors: subtract(2, 3) = -1.",
    scalar_rule=lambda a, b: a - b,
)
multiply = binary(
    "multiply",
    np.multiply,
    lambda g, y, a, b: (g * b, g * a),
    "Product: multiply(2, 3) = 6.",
    commutative=True,
    scalar_rule=lambda a, b: a * b,
)
divide = binary(
    "divide",
    np.divide,
    lambda g, y, a, b: (g / b, -g * y / b),
    "True quotient: divide(1, 4) = 0.25.",
    (0.5, 2.0),
    scalar_rule=lambda a, b: a / b,
)
negative = unary(
    "negative", np.negative, lambda g, y, x: (-g,), "Negation: negative(2) = -2.", scalar_rule=lambda x: -x
)
mod = binary(
    "mod",
    np.mod,
    lambda g, y, a, b: (g, -g * floor_divide(a, b)),
    "Remainder with the sign of the divisor, as Python's %: mod(-7, 3) = 2.",
    (0.6, 1.0),
)
fmod = binary(
    "fmod",
    np.fmod,
    lambda g, y, a, b: (g, -g * trunc(a / b)),
    "Remainder with the sign of the dividend: fmod(-7, 3) = -1.",
    (0.6, 1.0),
)
floor_divide: Elementwise = binary(
    "floor_divide",
    np.floor_divide,
    lambda g, y, a, b: (zero(a), zero(b)),
    "Floor of the quotient; derivative 0: floor_divide(-7, 2) = -4.",
    (0.6, 1.0),
)


@op(sample((3,)), sample((2, 3), (3,), ()), sample((0, 2), (1, 2)))
def add_n(*xs: Like) -> Tensor:
    """Sum of any number of tensors, added in pairs: rounding and depth grow with the logarithm of their number.

    >>> print(ag.add_n([1, 2], [10, 20], 100).eval())
    [111 122]
    """
    items = list(xs[0] if len(xs) == 1 and isinstance(xs[0], list | tuple) else xs)
    if not items:
        raise ShapeError("add_n: needs at least one tensor")
    while len(items) > 1:
        rest = items[len(items) // 2 * 2 :]
        items = [add(a, b) for a, b in zip(items[::2], items[1::2], strict=False)] + rest
    return as_tensor(items[0])


# Powers and roots ---------------------------------------------------------------------------------------------
def power_rule(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Cotangents:
    """d a^b = b a^(b-1) da + a^b log(a) db; where a factor is 0 by itself, the unsafe power or log beside it is masked.

    0^0 is 1. The derivative in b is taken as 0 at a = 0 for b >= 0, and does not exist (NaN) for a < 0.
    """
    base = equal(a, 0)
    db = g * y * log(where(logical_and(base, b >= 0), 1, a))
    if not isinstance(b, Constant) or isinstance(b.value, np.ndarray):
        return g * b * power(where(logical_and(base, equal(b, 0)), 1, a), b - 1), db
    n = b.value
    return zero(a) if n == 0 else g if n == 1 else g * n * (a if n == 2 else power(a, n - 1)), db


power = binary(
    "power",
    np.power,
    power_rule,
    "Power a^b; 0^0 is 1, and a negative base takes integers b: power(2, 10) = 1024.",
    (0.5, 2.0),
    scalar_rule="power",
)
square = unary(
    "square", np.square, lambda g, y, x: (g * 2 * x,), "Square: square(-3) = 9.", scalar_rule=lambda x: x * x
)
sqrt = unary(
    "sqrt", np.sqrt, lambda g, y, x: (g / (2 * y),), "Square root: sqrt(2.0) = 1.414214.", AWAY, scalar_rule="sqrt"
)
cbrt = unary(
    "cbrt", np.cbrt, lambda g, y, x: (g / (3 * square(y)),), "Cube root, also of x < 0: cbrt(-27.0) = -3.0.", AWAY
)
reciprocal = unary(
    "reciprocal",
    np.sqrt,  # NumPy's own keeps integers, and makes 1/2 a 0
    lambda g, y, x: (-g * y * y,),
    "One over x: reciprocal(4) = 0.25.",
    (0.5, 2.0),
    fill=np.reciprocal,
    scalar_rule=lambda x: 1 / x,
)
rsqrt = unary(
    "rsqrt",
    np.sqrt,
    lambda g, y, x: (-HALF * g * (y / x),),
    "One over the square root: rsqrt(4.0) = 0.5.",
    AWAY,
    fill=lambda x, out: np.reciprocal(np.sqrt(x, out=out), out=out),
    scalar_rule=lambda x: 1 / x.sqrt(),
)


def hypot_rule(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Cotangents:
    """a/y and b/y, which are 0 at the origin."""
    origin = equal(y, 0)
    safe = where(origin, 1, y)
    return where(origin, 0, g * (a / safe)), where(origin, 0, g * (b / safe))


hypot = binary(
    "hypot",
    np.hypot,
    hypot_rule,
    "sqrt(a^2 + b^2) without overflow; derivative 0 at the origin: hypot(3.0, 4.0) = 5.0.",
    (0.5, 2.0),
    commutative=True,
)

# Exponentials and logarithms ----------------------------------------------------------------------------------
exp = unary("exp", np.exp, lambda g, y, x: (g * y,), "Exponential function: exp(1.0) = 2.718282.", scalar_rule="exp")
exp2 = unary("exp2", np.exp2, lambda g, y, x: (g * y * log(2),), "2^x: exp2(10.0) = 1024.0.")
exp10 = unary("exp10", SciPy("exp10"), lambda g, y, x: (g * y * log(10),), "10^x: exp10(-3.0) = 0.001.", (-1.0, 1.0))
expm1 = unary(
    "expm1",
    np.expm1,
    lambda g, y, x: (g * exp(x),),
    "exp(x) - 1, exact for small x: expm1(0.001) = 0.001001.",
    scalar_rule="expm1",
)
log: Elementwise = unary(
    "log", np.log, lambda g, y, x: (g / x,), "Natural logarithm: log(10.0) = 2.302585.", AWAY, scalar_rule="log"
)
log2 = unary("log2", np.log2, lambda g, y, x: (g / (x * log(2)),), "Logarithm to base 2: log2(8.0) = 3.0.", AWAY)
log10 = unary(
    "log10", np.log10, lambda g, y, x: (g / (x * log(10)),), "Logarithm to base 10: log10(1000.0) = 3.0.", AWAY
)
log1p = unary(
    "log1p",
    np.log1p,
    lambda g, y, x: (g / (1 + x),),
    "log(1 + x), exact for small x: log1p(0.01) = 0.00995.",
    (-0.7, 2.0),
    scalar_rule="log1p",
)


def logaddexp_rule(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Cotangents:
    """sigmoid(a - b) and sigmoid(b - a); two equal infinities share equally."""
    d = where(logical_and(isinf(a), equal(a, b)), 0, a - b)
    return g * call("sigmoid", d), g * call("sigmoid", -d)


logaddexp = binary(
    "logaddexp",
    np.logaddexp,
    logaddexp_rule,
    "log(exp(a) + exp(b)), without overflow: logaddexp(0.0, 0.0) = 0.693147.",
    commutative=True,
)


def xlogy_rule(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Cotangents:
    """log(b) and a/b, both 0 where a and b are 0."""
    safe = where(logical_and(equal(a, 0), equal(b, 0)), 1, b)
    return g * log(safe), g * (a / safe)


xlogy = binary(
    "xlogy", SciPy("xlogy", 2), xlogy_rule, "a log(b), which is 0 where a is 0: xlogy(0.0, 0.0) = 0.0.", (0.5, 2.0)
)

# Trigonometric and hyperbolic ---------------------------------------------------------------------------------
sin = unary(
    "sin", np.sin, lambda g, y, x: (g * cos(x),), "Sine of an angle in radians: sin(1.0) = 0.841471.", scalar_rule="sin"
)
cos: Elementwise = unary(
    "cos",
    np.cos,
    lambda g, y, x: (-g * sin(x),),
    "Cosine of an angle in radians: cos(1.0) = 0.540302.",
    scalar_rule="cos",
)
tan = unary(
    "tan",
    np.tan,
    lambda g, y, x: (g * (1 + square(y)),),
    "Tangent of an angle in radians: tan(1.0) = 1.557408.",
    (-1.2, 1.2),
)
arcsin = unary(
    "arcsin",
    np.arcsin,
    lambda g, y, x: (g / sqrt(1 - square(x)),),
    "Inverse sine: arcsin(1.0) = 1.570796.",
    (-0.8, 0.8),
)
arccos = unary(
    "arccos",
    np.arccos,
    lambda g, y, x: (-g / sqrt(1 - square(x)),),
    "Inverse cosine: arccos(-1.0) = 3.141593.",
    (-0.8, 0.8),
)
arctan = unary("arctan", np.arctan, lambda g, y, x: (g / (1 + square(x)),), "Inverse tangent: arctan(1.0) = 0.785398.")
sinh = unary("sinh", np.sinh, lambda g, y, x: (g * cosh(x),), "Hyperbolic sine: sinh(1.0) = 1.175201.")
cosh: Elementwise = unary("cosh", np.cosh, lambda g, y, x: (g * sinh(x),), "Hyperbolic cosine: cosh(1.0) = 1.543081.")
tanh = unary(
    "tanh",
    np.tanh,
    lambda g, y, x: (g * (1 - square(y)),),
    "Hyperbolic tangent: tanh(1.0) = 0.761594.",
    scalar_rule="tanh",
)
arcsinh = unary(
    "arcsinh",
    np.arcsinh,
    lambda g, y, x: (g / sqrt(1 + square(x)),),
    "Inverse hyperbolic sine: arcsinh(1.0) = 0.881374.",
)
arccosh = unary(
    "arccosh",
    np.arccosh,
    lambda g, y, x: (g / (sqrt(x - 1) * sqrt(x + 1)),),
    "Inverse hyperbolic cosine: arccosh(2.0) = 1.316958.",
    (1.5, 3.0),
)
arctanh = unary(
    "arctanh",
    np.arctanh,
    lambda g, y, x: (g / (1 - square(x)),),
    "Inverse hyperbolic tangent: arctanh(0.5) = 0.549306.",
    (-0.7, 0.7),
)


def arctan2_rule(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Cotangents:
    """b/(a^2 + b^2) and -a/(a^2 + b^2), divided twice by the radius so that no square overflows; 0 at the origin."""
    r = hypot(a, b)
    safe = where(equal(r, 0), 1, r)
    return g * (b / safe / safe), -g * (a / safe / safe)


arctan2 = binary(
    "arctan2",
    np.arctan2,
    arctan2_rule,
    "Angle of the point (b, a), in all four quadrants: arctan2(1.0, -1.0) = 2.356194.",
    (0.5, 2.0),
)

# Pieces -------------------------------------------------------------------------------------------------------
abs = unary(
    "abs",
    np.absolute,
    lambda g, y, x: (g * sign(x),),
    "Absolute value; derivative 0 at 0: abs(-3) = 3.",
    scalar_rule="abs",
)
sign: Elementwise = unary("sign", np.sign, lambda g, y, x: (zero(x),), "-1, 0 or 1; derivative 0: sign(-3) = -1.")
floor = unary(
    "floor", np.floor, lambda g, y, x: (zero(x),), "Largest integer not above x; derivative 0: floor(-1.5) = -2.0."
)
ceil = unary(
    "ceil", np.ceil, lambda g, y, x: (zero(x),), "Smallest integer not below x; derivative 0: ceil(-1.5) = -1.0."
)
trunc: Elementwise = unary(
    "trunc", np.trunc, lambda g, y, x: (zero(x),), "The integer part of x; derivative 0: trunc(-1.5) = -1.0."
)
round = unary(
    "round",
    np.trunc,  # NumPy's rint makes floats of integers
    lambda g, y, x: (zero(x),),
    "Nearest integer, halves to the even one; derivative 0: round(2.5) = 2.0.",
    fill=lambda x, out: np.rint(x, out=out) if x.dtype.kind == "f" else np.copyto(out, x),
)


def share(g: Tensor, wins: Tensor, tie: Tensor) -> Tensor:
    return where(wins, g, where(tie, HALF * g, 0))


maximum = binary(
    "maximum",
    np.maximum,
    lambda g, y, a, b: (share(g, a > b, equal(a, b)), share(g, b > a, equal(a, b))),
    "The larger of two; at a tie each gets half of the cotangent: maximum(1, 5) = 5.",
    commutative=True,
    scalar_rule="maximum",
)
minimum = binary(
    "minimum",
    np.minimum,
    lambda g, y, a, b: (share(g, a < b, equal(a, b)), share(g, b < a, equal(a, b))),
    "The smaller of two; at a tie each gets half of the cotangent: minimum(1, 5) = 1.",
    commutative=True,
    scalar_rule="minimum",
)


@frozen
class Clip(Pointwise):
    """Keep x between two bounds; the cotangent goes to x inside and at the bounds, else to the bound that it met."""

    name = "clip"
    inplace = (0, 1)

    def infer(self, *inputs: TensorType) -> TensorType:
        return TensorType(broadcast_shapes(*(t.shape for t in inputs)), np.result_type(*(t.dtype for t in inputs)))

    def kernel(self, *inputs: Array, out: Array) -> None:
        x, low, high = inputs
        np.maximum(x, low, out=out)
        np.minimum(out, high, out=out)

    def scalar(self, *values: Any) -> Any:
        return values[0].maximum(values[1]).minimum(values[2])

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        x, low, high = inputs
        below, above = x < low, x > high
        return where(below, 0, where(above, 0, g)), where(below, g, 0), where(above, g, 0)


@op(
    sample((3,), low=-1.0, high=1),
    sample((2, 3), real(1, 3, low=-2, high=-0.5), real(2, 1, low=0.5, high=2)),
    sample((3,), low=0),
    sample((), high=0.5),
)
def clip(x: Like, low: Like | None = None, high: Like | None = None) -> Tensor:
    """``x``, but not below ``low`` and not above ``high``; None is no bound, and ``low <= high`` is taken for granted.

    The derivative in ``x`` is 1 inside and at the bounds, else 0; a bound gets the cotangent of what lies beyond it.

    >>> print(ag.clip([-5, 0, 5], low=-1, high=3).eval())
    [-1  0  3]
    """
    t = as_tensor(x)
    if t.dtype.kind == "b":
        raise DTypeError("clip: does not compute with bool")
    least, most = (-np.inf, np.inf) if t.dtype.kind == "f" else extremes(t.dtype)
    return Clip()(t, least if low is None else low, most if high is None else high)


def extremes(dtype: DType) -> tuple[Array, Array]:
    """The smallest and the largest number of an integer type."""
    limits = np.iinfo(dtype)
    return np.asarray(limits.min, dtype), np.asarray(limits.max, dtype)
