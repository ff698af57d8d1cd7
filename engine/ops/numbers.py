"""Signs, nearness and mixtures of numbers, and numbers in place of what is none."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from ..graph import Like, Tensor, as_tensor, cast, unify
from ..table import op, real, sample
from .base import Elementwise
from .base import binary as any_binary
from .base import unary as any_unary
from .elementwise import abs, logaddexp_rule, sign, zero
from .logic import equal, isfinite, isinf, isnan, logical_and, logical_or, where
from .reductions import all

binary = partial(any_binary, family="numbers")
unary = partial(any_unary, family="numbers")

copysign: Elementwise = binary(
    "copysign",
    np.copysign,
    lambda g, y, a, b: (g * sign(a) * copysign(1, b), zero(b)),
    "The size of a with the sign of b, also of -0; derivative 0 at a = 0, and in b: copysign(3.0, -0.5) = -3.0.",
)
signbit = unary("signbit", np.signbit, None, "Whether the sign is minus, also that of -0: signbit(-0.0) = True.")
logaddexp2 = binary(
    "logaddexp2",
    np.logaddexp2,
    lambda g, y, a, b: logaddexp_rule(g, y, a * math.log(2), b * math.log(2)),
    "log2(2^a + 2^b), without overflow: logaddexp2(0.0, 0.0) = 1.0.",
    commutative=True,
)


@op(sample((3,), (3,), (3,)), sample((2, 1), (3,), real(low=0, high=1)), sample((), (), ()))
def lerp(a: Like, b: Like, t: Like) -> Tensor:
    """``(1 - t) a + t b``: ``a`` at ``t = 0``, ``b`` at ``t = 1``, both exactly; the three broadcast.

    Between the two it does not overflow; outside of [0, 1] it goes on in the same line.

    >>> print(ag.lerp([0.0, 10.0], [1.0, 20.0], 0.25).eval())
    [ 0.25 12.5 ]
    """
    share = as_tensor(t)
    return (1 - share) * a + share * as_tensor(b)


@op(sample((3,)), sample((2, 3), nan=1.0, posinf=2.0, neginf=-2.0))
def nan_to_num(x: Like, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """``x`` with numbers in place of NaN and infinities: ``nan``, ``posinf``, ``neginf``.

    None stands for the largest and the smallest finite number of the type. The derivative is 0 where a number was
    put in, else 1. Integers stay as they are.

    >>> print(ag.nan_to_num([np.nan, -np.inf, 2.0], neginf=-1.0).eval())
    [ 0. -1.  2.]
    """
    t = as_tensor(x)
    if t.dtype.kind != "f":
        return t
    limits = np.finfo(t.dtype)
    high = float(limits.max) if posinf is None else posinf
    low = float(limits.min) if neginf is None else neginf
    return where(isnan(t), nan, where(isinf(t), where(t > 0, high, low), t))


def floats(a: Like, b: Like) -> tuple[Tensor, Tensor]:
    """Both in one float type; integers and bools become float64, in which no difference wraps around."""
    x, y = unify([as_tensor(a), as_tensor(b)])
    kind = np.result_type(x.dtype, y.dtype)
    kind = kind if kind.kind == "f" else np.dtype("float64")
    return cast(x, kind), cast(y, kind)


@op(
    sample((3,), (3,)),
    sample((2, 3), (), rtol=0.1, atol=0.5),
    sample((2, 1), (3,), equal_nan=True),
    differentiable=False,
)
def isclose(a: Like, b: Like, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Whether ``abs(a - b) <= atol + rtol * abs(b)``, as in NumPy: ``b`` is the one that is right.

    An infinity is close to itself alone, and NaN to nothing, or with ``equal_nan`` to NaN.

    >>> print(ag.isclose([1.0, 1.0, np.inf], [1.000001, 1.1, np.inf]).eval())
    [ True False  True]
    """
    x, y = floats(a, b)
    near = logical_and(abs(x - y) <= atol + rtol * abs(y), isfinite(y))
    found = logical_or(near, equal(x, y))
    return logical_or(found, logical_and(isnan(x), isnan(y))) if equal_nan else found


@op(sample((3,), (3,)), sample((2, 3), (), rtol=0.1, atol=0.5), differentiable=False)
def allclose(a: Like, b: Like, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Whether all elements are close (``isclose``): one bool.

    >>> print(ag.allclose([1.0, 2.0], [1.0, 2.000001]).eval())
    True
    """
    return all(isclose(a, b, rtol, atol, equal_nan))
