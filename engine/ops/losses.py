"""Losses of predictions against targets; the cross-entropies of logits stand in cross_entropy.

Those whose name begins with ``mean`` are one number. The others keep one number an element, or an example where an
axis is consumed, so that they can be weighted and masked; ``mean`` of them is what one minimises. Predictions and
targets have one shape, or one of them is a single number: (n, 1) against (n,) is an error, not n times n errors.
"""

from __future__ import annotations

import numpy as np

from ..errors import ShapeError
from ..graph import Like, Tensor, as_tensor
from ..table import booleans, distinct, integers, op, real, sample
from ..types import Array
from .activations import relu, softplus
from .alike import alike
from .base import Elementwise
from .binary_cross_entropy import sigmoid_cross_entropy
from .counting import Labels, check_reduction
from .elementwise import abs, clip, exp, maximum, rsqrt, square, tanh, xlogy
from .indexing import take_along_axis
from .reductions import mean, sum
from .slicing import expand_dims, squeeze
from .special import lgamma
from .wide import wide

LN2 = float(np.log(2.0))
HALF_LOG_2PI = float(np.log(2 * np.pi) / 2)
LINEAR = 20.0  # above it, log(cosh(x)) is |x| - log(2) in double precision


@op(sample((2, 3), (2, 3)), sample((2, 3), ()))
@wide
def mean_squared_error(prediction: Like, target: Like) -> Tensor:
    """Mean of (prediction - target)^2 over all elements.

    >>> print(ag.mean_squared_error([1.0, 2.0], [1.0, 4.0]).eval())
    2.0
    """
    p, t = alike(prediction, target, "mean_squared_error")
    return mean(square(p - t))


@op(sample(distinct(2, 3), real(2, 3, low=-0.04, high=0.04)), sample(distinct(2, 3), real(low=-0.04, high=0.04)))
@wide
def mean_absolute_error(prediction: Like, target: Like) -> Tensor:
    """Mean of |prediction - target| over all elements; derivative 0 where they are equal.

    >>> print(ag.mean_absolute_error([1.0, 2.0], [1.0, 4.0]).eval())
    1.0
    """
    p, t = alike(prediction, target, "mean_absolute_error")
    return mean(abs(p - t))


@op(sample((2, 3), (2, 3), delta=0.7), sample((2, 3), ()))
@wide
def huber(prediction: Like, target: Like, delta: float = 1.0) -> Tensor:
    """e^2 / 2 for errors e up to ``delta``, beyond it delta (|e| - delta / 2), element by element (Huber, 1964).

    >>> print(ag.huber([0.5, 3.0], [0.0, 0.0]).eval())
    [0.125 2.5  ]
    """
    if not delta > 0:
        raise ShapeError(f"huber: delta is positive, got {delta}")
    p, t = alike(prediction, target, "huber")
    error = p - t
    inner = clip(error, -delta, delta)
    return inner * (error - 0.5 * inner)


def _log_cosh(x: Array, out: Array) -> None:
    """log(1 + 2 sinh(x/2)^2) is exact for small x, |x| - log(2) for large."""
    size = np.abs(x)
    near = np.log1p(2 * np.square(np.sinh(0.5 * np.minimum(size, LINEAR))))
    out[...] = np.where(size < LINEAR, near, size - LN2)


LOG_COSH = Elementwise(
    "log_cosh", np.cosh, lambda g, y, x: (g * tanh(x),), "Logarithm of the hyperbolic cosine.", fill=_log_cosh
)


@op(sample((2, 3), (2, 3)), sample((2, 3), ()))
@wide
def log_cosh(prediction: Like, target: Like = 0) -> Tensor:
    """log(cosh(prediction - target)), element by element: a smooth |e| that does not overflow.

    >>> print(ag.log_cosh([0.0, 1000.0]).eval())
    [  0.         999.30685282]
    """
    p, t = alike(prediction, target, "log_cosh")
    return LOG_COSH(p - t)


@op(sample((2, 3), real(2, 3, low=-0.4, high=0.4)))
@wide
def hinge(prediction: Like, target: Like) -> Tensor:
    """max(0, 1 - target prediction), element by element, for targets -1 and 1; derivative 0 at the kink.

    >>> print(ag.hinge([0.5, 2.0], [1.0, -1.0]).eval())
    [0.5 3. ]
    """
    p, t = alike(prediction, target, "hinge")
    return relu(1 - t * p)


@op(
    sample(real(2, 3, low=0.1, high=1), real(2, 3, low=0.1, high=1)), sample(real(3, low=0.1), real(3, low=0.1), axis=0)
)
@wide
def kl_divergence(prediction: Like, target: Like, axis: int = -1) -> Tensor:
    """sum(target log(target / prediction)) along ``axis``, for probabilities; 0 log 0 is 0.

    For a prediction in logits use ``softmax_cross_entropy``, which has the same gradient in them.

    >>> print(ag.kl_divergence([0.5, 0.5], [1.0, 0.0]).eval().round(6))
    0.693147
    """
    p, t = alike(prediction, target, "kl_divergence", hint="both hold a probability for each class")
    return sum(xlogy(t, t) - xlogy(t, p), axis)


@op(sample((3,), real(3, low=0.5, high=3)), sample((3,), real(3, low=0.5, high=3), full=True))
@wide
def poisson_nll(log_rate: Like, target: Like, full: bool = False) -> Tensor:
    """exp(log_rate) - target log_rate: -log of the Poisson probability of counts, element by element.

    Without ``full`` the term log(target!), which does not depend on the rate, is left out.

    >>> print(ag.poisson_nll(0.0, 2.0).eval())
    1.0
    """
    s, t = alike(log_rate, target, "poisson_nll", ("log_rate", "target"))
    loss = exp(s) - t * s
    return loss + lgamma(t + 1) if full else loss


@op(sample((3,), (3,), (3,)), sample((2, 3), (), (2, 3), full=True))
@wide
def gaussian_nll(prediction: Like, log_variance: Like, target: Like, full: bool = False) -> Tensor:
    """(log v + (prediction - target)^2 / v) / 2: -log of the normal density, element by element.

    Without ``full`` the constant log(2 pi) / 2 is left out.

    >>> print(ag.gaussian_nll([1.0, 1.0], 0.0, [1.0, 3.0]).eval())
    [0. 2.]
    """
    p, t = alike(prediction, target, "gaussian_nll")
    p, s = alike(p, log_variance, "gaussian_nll", ("prediction", "log_variance"))
    loss = 0.5 * (s + square(p - t) * exp(-s))
    return loss + HALF_LOG_2PI if full else loss


@op(sample((3,), booleans(3)), sample((2, 3), booleans(2, 3), gamma=1.5, alpha=0.25))
@wide
def sigmoid_focal_loss(logits: Like, targets: Like, gamma: float = 2.0, alpha: float | None = None) -> Tensor:
    """(1 - p)^gamma times the sigmoid cross-entropy, where p is the probability given to the target 0 or 1.

    ``alpha`` weighs the targets 1 with alpha and the targets 0 with 1 - alpha (Lin et al., 2017).

    >>> print(ag.sigmoid_focal_loss([0.0, 5.0], [1.0, 1.0]).eval().round(6))
    [0.173287 0.      ]
    """
    x, t = alike(logits, targets, "sigmoid_focal_loss", ("logits", "targets"))
    t = t.astype(x.dtype)
    loss = sigmoid_cross_entropy(x, t) * exp(-gamma * softplus((2 * t - 1) * x))
    return loss if alpha is None else loss * (alpha * t + (1 - alpha) * (1 - t))


@op(sample((2, 3), (2, 3)), sample((3, 2), (3, 1), axis=0), sample((3,), (2, 3)))
@wide
def cosine_similarity(a: Like, b: Like, axis: int = -1, epsilon: float = 1e-8) -> Tensor:
    """Cosine of the angle between vectors along ``axis``; lengths below ``epsilon`` count as ``epsilon``.

    >>> print(ag.cosine_similarity([1.0, 0.0], [[2.0, 0.0], [0.0, 3.0]]).eval())
    [1. 0.]
    """
    x, y = as_tensor(a), as_tensor(b)
    return sum(x * y, axis) * inverse_length(x, axis, epsilon) * inverse_length(y, axis, epsilon)


def inverse_length(x: Tensor, axis: int, epsilon: float) -> Tensor:
    return rsqrt(maximum(sum(square(x), axis), epsilon**2))


@op(
    sample((3, 4), integers(3, high=4)),
    sample((2, 3, 4), integers(2, 3, high=4)),
    sample((3, 4), integers(3, high=4), weights=(1.0, 0.5, 2.0, 1.5), ignore_index=2, reduction="mean"),
)
def negative_log_likelihood(
    log_probabilities: Like,
    labels: Like,
    weights: Like | None = None,
    ignore_index: int | None = None,
    reduction: str = "none",
) -> Tensor:
    """-log_probabilities at the integer ``labels``: (..., classes) and (...) give (...).

    ``weights``, ``ignore_index`` and ``reduction`` are those of sparse_softmax_cross_entropy.

    >>> print(ag.negative_log_likelihood([[-0.5, -1.0]], [1]).eval())
    [1.]
    """
    name, x = "negative_log_likelihood", as_tensor(log_probabilities)
    check_reduction(reduction, name)
    if x.ndim == 0:
        raise ShapeError(f"{name}: needs log-probabilities (..., classes), got a single number")
    _, index = alike(x[..., 0], labels, name, ("the rows of log_probabilities", "labels"))
    rows = Labels(x, index, weights, ignore_index, name)
    picked = take_along_axis(rows.scores, expand_dims(rows.labels, -1), -1)
    return rows.reduced(rows.weighted(-squeeze(picked, -1)), reduction)
