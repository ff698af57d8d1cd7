"""Numbers and leaves of a graph -> algebra."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from agcli.expression.simplify.arithmetic import divide, mul, power, subtract
from agcli.expression.simplify.functions import HALF
from agcli.expression.simplify.nodes import PI, E, Expr, Number, fn

# Floats that gradient rules hold, as what they are.
KNOWN: dict[float, Callable[[], Expr]] = {
    math.pi: lambda: PI,
    2 * math.pi: lambda: mul(2, PI),
    math.pi / 2: lambda: mul(HALF, PI),
    math.e: lambda: E,
    math.log(2): lambda: fn("log", 2),
    math.log(10): lambda: fn("log", 10),
    1 / math.log(2): lambda: divide(1, fn("log", 2)),
    1 / math.log(10): lambda: divide(1, fn("log", 10)),
    math.sqrt(math.pi): lambda: power(PI, HALF),
    2 / math.sqrt(math.pi): lambda: mul(2, power(PI, -HALF)),
    math.sqrt(math.pi) / 2: lambda: mul(HALF, power(PI, HALF)),
    math.sqrt(2): lambda: power(2, HALF),
    math.sqrt(0.5): lambda: power(2, -HALF),
    math.sqrt(2 * math.pi): lambda: mul(power(2, HALF), power(PI, HALF)),
    1 / math.sqrt(2 * math.pi): lambda: divide(mul(HALF, power(2, HALF)), power(PI, HALF)),
    math.sqrt(2 / math.pi): lambda: mul(power(2, HALF), power(PI, -HALF)),
}
# The exponents of the derivatives of x^pi and x^e.
KNOWN |= {math.pi - k: lambda k=k: subtract(PI, k) for k in (1, 2, 3)}  # type: ignore[misc]
KNOWN |= {math.e - k: lambda k=k: subtract(E, k) for k in (1, 2)}  # type: ignore[misc]
LOOKED_AT = 64  # elements of a constant array
DIGITS = 12  # a float of at most so many digits was written as a decimal


def constant(value: Any) -> Expr | None:
    """A number of a graph, exact where it is or was written exactly; None if it has no value."""
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, int | Fraction):
        return simple(value)
    return decimal(float(value))


def decimal(value: float) -> Expr | None:
    """A float as what it stands for: a known constant, a whole number, a short decimal."""
    if not math.isfinite(value):
        return None
    known = KNOWN.get(abs(value))
    return plain(value) if known is None else mul(1 if value > 0 else -1, known())


def plain(value: float) -> Number | None:
    """A whole number or a short decimal; None for any other float."""
    if not math.isfinite(value):
        return None
    if value.is_integer() and abs(value) < 2**53:
        return int(value)
    text = repr(value)
    short = len(text.partition("e")[0].replace(".", "").strip("-0")) <= DIGITS
    return simple(Fraction(text)) if short else None


def uniform(value: Any) -> Any:
    """The one number of a constant; None if it has several, or so many elements that looking would take time."""
    if not isinstance(value, np.ndarray):
        return value
    if not value.size or (value.size > LOOKED_AT and any(value.strides)):
        return None
    first = value.flat[0]
    return first.item() if value.size == 1 or not any(value.strides) or (value == first).all() else None


def simple(value: int | Fraction) -> Number:
    value = Fraction(value)
    return value.numerator if value.denominator == 1 else value
