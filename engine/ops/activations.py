"""Activations of networks. Each stays finite, value and gradient, as far as the floats reach."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..graph import Like, Tensor, as_tensor
from ..table import op, sample
from ..types import Array, normalize_axis
from .base import unary as any_unary
from .elementwise import HALF, abs, clip, expm1, square, tanh
from .logic import where
from .slicing import getitem
from .special import erfc

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer et al., 2017
LARGE = 2.0**60  # from here on x / (1 + x) is 1 in every float, also for infinity
unary = partial(any_unary, family="activations")


def _sigmoid(x: Array, out: Array) -> None:
    """1 / (1 + exp(-x)) in four passes, three times as fast as expit; an overflow of exp gives the right 0."""
    np.negative(x, out=out)
    np.exp(out, out=out)
    np.add(out, 1, out=out)
    np.reciprocal(out, out=out)


def _tail(x: Array, scratch: Array) -> None:
    """log(1 + exp(-abs(x))), by which softplus differs from relu."""
    np.abs(x, out=scratch)
    np.negative(scratch, out=scratch)
    np.exp(scratch, out=scratch)
    np.log1p(scratch, out=scratch)


def _softplus(x: Array, scratch: Array, out: Array) -> None:
    _tail(x, scratch)
    np.maximum(x, 0, out=out)
    np.add(out, scratch, out=out)


def _log_sigmoid(x: Array, scratch: Array, out: Array) -> None:
    _tail(x, scratch)
    np.minimum(x, 0, out=out)
    np.subtract(out, scratch, out=out)


def _softsign(x: Array, scratch: Array, out: Array) -> None:
    large = min(LARGE, float(np.finfo(out.dtype).max))
    np.clip(x, -large, large, out=out)
    np.abs(out, out=scratch)
    np.add(scratch, 1, out=scratch)
    np.divide(out, scratch, out=out)


def softsign_of(x: Any) -> Any:
    near = x.maximum(-LARGE).minimum(LARGE)
    return near / (near.abs() + 1)


relu = unary(
    "relu",
    np.positive,
    lambda g, y, x: (where(y > 0, g, 0),),
    "max(x, 0); derivative 0 at 0: relu(-2.0) = 0.0.",
    fill=lambda x, out: np.maximum(x, 0, out=out),
    scalar_rule=lambda x: x.maximum(0),
)
sigmoid = unary(
    "sigmoid",
    np.exp,
    lambda g, y, x: (g * y * (1 - y),),
    "1 / (1 + exp(-x)), without overflow: sigmoid(2.0) = 0.880797.",
    fill=_sigmoid,
    scalar_rule="sigmoid",
)
softplus = unary(
    "softplus",
    np.exp,
    lambda g, y, x: (g * sigmoid(x),),
    "log(1 + exp(x)), without overflow: softplus(0.0) = 0.693147.",
    fill=_softplus,
    scratch=True,
    scalar_rule=lambda x: x.maximum(0) + (-x.abs()).exp().log1p(),
)
log_sigmoid = unary(
    "log_sigmoid",
    np.exp,
    lambda g, y, x: (g * sigmoid(-x),),
    "log(sigmoid(x)), without overflow: log_sigmoid(0.0) = -0.693147.",
    fill=_log_sigmoid,
    scratch=True,
    scalar_rule=lambda x: x.minimum(0) - (-x.abs()).exp().log1p(),
)
softsign = unary(
    "softsign",
    np.exp,
    lambda g, y, x: (g / square(1 + abs(x)),),
    "x / (1 + abs(x)): softsign(3.0) = 0.75.",
    fill=_softsign,
    scratch=True,
    scalar_rule=softsign_of,
)


@op(sample((3,)), sample((2, 3), alpha=0.3))
def leaky_relu(x: Like, alpha: float = 0.01) -> Tensor:
    """``x`` where it is positive, else ``alpha * x``; derivative ``alpha`` at 0.

    >>> print(ag.leaky_relu([-2.0, 3.0], alpha=0.1).eval())
    [-0.2  3. ]
    """
    t = as_tensor(x)
    return where(t > 0, t, alpha * t)


@op(sample((3,)), sample((2, 3), alpha=0.7))
def elu(x: Like, alpha: float = 1.0) -> Tensor:
    """``x`` where it is positive, else ``alpha * (exp(x) - 1)``; derivative ``alpha`` at 0 (Clevert et al., 2016).

    >>> print(ag.elu([-2.0, 3.0]).eval())
    [-0.86466472  3.        ]
    """
    t = as_tensor(x)
    return where(t > 0, t, alpha * expm1(where(t > 0, 0, t)))


@op(sample((3,)), sample((2, 3)))
def selu(x: Like) -> Tensor:
    """The self-normalising scaled elu (Klambauer et al., 2017).

    >>> print(ag.selu([-2.0, 3.0]).eval())
    [-1.52016647  3.15210296]
    """
    return SELU_SCALE * elu(x, SELU_ALPHA)


@op(sample((3,)), sample((2, 3), approximate=True))
def gelu(x: Like, approximate: bool = False) -> Tensor:
    """``x`` times the normal distribution function at ``x`` (Hendrycks and Gimpel, 2016).

    ``approximate`` takes tanh(sqrt(2/pi) (x + 0.044715 x^3)) for erf(x / sqrt(2)).

    >>> print(ag.gelu([-2.0, 3.0]).eval())
    [-0.04550026  2.99595031]
    """
    t = as_tensor(x)
    if not approximate:
        return HALF * t * erfc(t * -math.sqrt(0.5))
    near = clip(t, -25, 25)  # beyond, the sigmoid is 0 or 1 in every float, and the cube would overflow
    return t * sigmoid(math.sqrt(8 / math.pi) * near * (1 + 0.044715 * square(near)))


@op(sample((3,)), sample((2, 3)))
def silu(x: Like) -> Tensor:
    """``x * sigmoid(x)``, also called swish (Hendrycks and Gimpel, 2016).

    >>> print(ag.silu([-2.0, 3.0]).eval())
    [-0.23840584  2.85772238]
    """
    t = as_tensor(x)
    return t * sigmoid(t)


@op(sample((3,)), sample((2, 3)))
def mish(x: Like) -> Tensor:
    """``x * tanh(softplus(x))`` (Misra, 2019).

    >>> print(ag.mish([-2.0, 3.0]).eval())
    [-0.25250148  2.986535  ]
    """
    t = as_tensor(x)
    return t * tanh(softplus(t))


@op(sample((3,)), sample((2, 3)))
def relu6(x: Like) -> Tensor:
    """``x`` clipped to [0, 6]; derivative 1 at both ends.

    >>> print(ag.relu6([-2.0, 3.0, 9.0]).eval())
    [0. 3. 6.]
    """
    return clip(x, 0, 6)


@op(sample((3,)), sample((2, 3)))
def hard_sigmoid(x: Like) -> Tensor:
    """``x / 6 + 1/2`` clipped to [0, 1]; derivative 1/6 at both ends.

    >>> print(ag.hard_sigmoid([-9.0, 0.0, 1.5]).eval())
    [0.   0.5  0.75]
    """
    return clip(as_tensor(x) / 6 + HALF, 0, 1)


@op(sample((3,)), sample((2, 3)))
def hard_swish(x: Like) -> Tensor:
    """``x * hard_sigmoid(x)`` (Howard et al., 2019); derivatives at -3 and 3 those of inside.

    >>> print(ag.hard_swish([-9.0, 1.0, 9.0]).eval().round(6))
    [-0.        0.666667  9.      ]
    """
    t = as_tensor(x)
    return t * hard_sigmoid(t)


@op(sample((3,)), sample((2, 3)))
def hard_tanh(x: Like) -> Tensor:
    """``x`` clipped to [-1, 1]; derivative 1 at both ends.

    >>> print(ag.hard_tanh([-9.0, 0.5, 9.0]).eval())
    [-1.   0.5  1. ]
    """
    return clip(x, -1, 1)


@op(sample((3,)), sample((2, 3), alpha=0.7))
def celu(x: Like, alpha: float = 1.0) -> Tensor:
    """``x`` where it is positive, else ``alpha * (exp(x / alpha) - 1)``; derivative 1 at 0 (Barron, 2017).

    >>> print(ag.celu([-2.0, 3.0], alpha=2.0).eval())
    [-1.26424112  3.        ]
    """
    if not alpha > 0:
        raise ShapeError(f"celu: alpha is a number above 0, got {alpha!r}")
    t = as_tensor(x)
    return where(t > 0, t, alpha * expm1(where(t > 0, 0, t) / alpha))


@op(sample((3,)), sample((2, 3)))
def quick_gelu(x: Like) -> Tensor:
    """``x * sigmoid(1.702 x)``, an approximation of ``gelu`` (Hendrycks and Gimpel, 2016).

    >>> print(ag.quick_gelu([-2.0, 3.0]).eval())
    [-0.06434138  2.98192869]
    """
    t = as_tensor(x)
    return t * sigmoid(1.702 * t)


@op(sample((4,)), sample((2, 6)), sample((2, 4, 3), axis=1))
def glu(x: Like, axis: int = -1) -> Tensor:
    """The first half of ``x`` along ``axis`` times the sigmoid of the second (Dauphin et al., 2017).

    >>> print(ag.glu([1.0, 2.0, 0.0, 30.0]).eval().round(6))
    [0.5 2. ]
    """
    t = as_tensor(x)
    a = normalize_axis(axis, t.ndim, "glu")
    n = t.shape[a]
    if n is None or n % 2:
        raise ShapeError(f"glu: needs an even known length along axis {a}, got {n} in {t.shape}")
    at = (slice(None),) * a
    return getitem(t, (*at, slice(None, n // 2))) * sigmoid(getitem(t, (*at, slice(n // 2, None))))
