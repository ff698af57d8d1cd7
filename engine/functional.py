"""Composites that need no kernel of their own: normalisations, dropout, embedding, attention."""

from __future__ import annotations

from .errors import DTypeError, ShapeError
from .graph import Like, Tensor, as_tensor
from .ops.arrays import expand_like, reshape, reshape_like
from .ops.attention import attention
from .ops.dropout import dropout_mask
from .ops.elementwise import rsqrt, square
from .ops.indexing import take
from .ops.logic import where
from .ops.normalization import standardize
from .ops.reductions import mean
from .ops.wide import wide
from .table import booleans, integers, op, real, sample
from .types import Axes, broadcast_shapes, normalize_axes, normalize_axis

POSITIVE = real(3, low=0.5, high=2)


# Normalisations -----------------------------------------------------------------------------------------------
@op(sample((3, 4)), sample((3, 4), axis=0, keepdims=True), sample((2, 3, 4), axis=(0, 2)))
@wide
def moments(x: Like, axis: Axes = None, keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """Mean and variance over ``axis``; the variance is that of the population (divided by n).

    >>> mean, variance = ag.moments([1.0, 2.0, 3.0, 4.0])
    >>> print(mean.eval(), variance.eval())
    2.5 1.25
    """
    t = as_tensor(x)
    axes = normalize_axes(axis, t.ndim, "moments")
    centre = mean(t, axes, keepdims=True)
    return mean(t, axes, keepdims), mean(square(t - centre), axes, keepdims)


def affine(x: Tensor, scale: Like | None, offset: Like | None, op: str) -> Tensor:
    """``x * scale + offset``; None leaves that part out."""
    y = x if scale is None else x * fitting(scale, x, f"{op}: scale")
    return y if offset is None else y + fitting(offset, x, f"{op}: offset")


def fitting(value: Like, x: Tensor, what: str) -> Tensor:
    """The value, where it broadcasts to ``x``. Raises ShapeError."""
    t = as_tensor(value)
    try:
        broadcast_shapes(x.shape, t.shape)
    except ShapeError:
        raise ShapeError(f"{what} {t.shape} does not belong to an input {x.shape}") from None
    return t


@op(sample((3, 4)), sample((3, 4), axis=0), sample((2, 3, 4), axis=(1, 2)))
@wide
def normalize(x: Like, axis: Axes = -1, epsilon: float = 1e-5) -> Tensor:
    """``x`` with mean 0 and variance 1 along ``axis``; ``epsilon`` is added to the variance.

    >>> print(ag.normalize([1.0, 2.0, 3.0], epsilon=0).eval().round(4))
    [-1.2247  0.      1.2247]
    """
    return standardize(x, axis, epsilon, "normalize")[0]


@op(sample((3, 4)), sample((3, 4), (4,), (4,)), sample((2, 3, 4), (3, 4), axis=(1, 2)))
@wide
def layer_norm(
    x: Like, scale: Like | None = None, offset: Like | None = None, *, axis: Axes = -1, epsilon: float = 1e-5
) -> Tensor:
    """Every example by itself: normalize(x, axis) * scale + offset (Ba, Kiros and Hinton, 2016).

    ``scale`` and ``offset`` have the shape of ``x`` along the last axes, over which one usually normalises.

    >>> print(ag.layer_norm([[1.0, 3.0], [10.0, 30.0]], scale=[1.0, 2.0]).eval().round(3))
    [[-1.  2.]
     [-1.  2.]]
    """
    return affine(normalize(x, axis, epsilon), scale, offset, "layer_norm")


@op(sample((3, 4)), sample((2, 3), (3,)))
@wide
def rms_norm(x: Like, scale: Like | None = None, *, axis: Axes = -1, epsilon: float = 1e-6) -> Tensor:
    """x / sqrt(mean(x^2) + epsilon) * scale along ``axis``: without a mean (Zhang and Sennrich, 2019).

    >>> print(ag.rms_norm([3.0, 4.0]).eval().round(4))
    [0.8485 1.1314]
    """
    t = as_tensor(x)
    axes = normalize_axes(axis, t.ndim, "rms_norm")
    return affine(t * rsqrt(mean(square(t), axes, keepdims=True) + epsilon), scale, None, "rms_norm")


@op(sample((2, 3, 4)), sample((2, 2, 2, 3), (3,), (3,)))
@wide
def instance_norm(x: Like, scale: Like | None = None, offset: Like | None = None, *, epsilon: float = 1e-5) -> Tensor:
    """Every channel of every example by itself: x (N, ..., C), scale and offset (C,) (Ulyanov et al., 2016).

    >>> print(ag.instance_norm(np.array([1.0, 3.0]).reshape(1, 2, 1)).eval().round(3).ravel())
    [-1.  1.]
    """
    t = as_tensor(x)
    if t.ndim < 3:
        raise ShapeError(f"instance_norm: needs (N, ..., C) with at least one axis between, got {t.shape}")
    return affine(normalize(t, tuple(range(1, t.ndim - 1)), epsilon), scale, offset, "instance_norm")


@op(sample((2, 3, 4), groups=2), sample((2, 2, 2, 6), (6,), (6,), groups=3), sample((2, 4), groups=2))
@wide
def group_norm(
    x: Like, scale: Like | None = None, offset: Like | None = None, *, groups: int, epsilon: float = 1e-5
) -> Tensor:
    """Groups of neighbouring channels of every example: x (N, ..., C), scale and offset (C,) (Wu and He, 2018).

    >>> print(ag.group_norm([[1.0, 3.0, 10.0, 30.0]], groups=2).eval().round(3))
    [[-1.  1. -1.  1.]]
    """
    t = as_tensor(x)
    channels = t.shape[-1] if t.ndim > 1 else None
    if channels is None or groups < 1 or channels % groups:
        raise ShapeError(f"group_norm: needs (N, ..., C) with C known and divisible by groups={groups}, got {t.shape}")

    def group_mean(values: Tensor) -> Tensor:
        """First over the axes between, then over the channels of a group: few numbers are left to regroup."""
        m = mean(values, tuple(range(1, t.ndim - 1)), keepdims=True)
        grouped = reshape(m, (-1, groups, channels // groups))
        return reshape_like(expand_like(mean(grouped, -1, keepdims=True), grouped), m)

    centred = t - group_mean(t)
    return affine(centred * rsqrt(group_mean(square(centred)) + epsilon), scale, offset, "group_norm")


def channel(p: Like | None, x: Tensor, axis: int) -> Tensor | None:
    """A parameter (C,) in a shape that broadcasts along ``axis`` of ``x``."""
    if p is None:
        return None
    t = as_tensor(p)
    return t[(slice(None), *(None,) * (x.ndim - 1 - axis))] if t.ndim == 1 else t


def channel_axis(x: Tensor, axis: int, name: str) -> tuple[int, tuple[int, ...]]:
    """The axis of the channels, and all others."""
    place = normalize_axis(axis, x.ndim, name)
    return place, tuple(i for i in range(x.ndim) if i != place)


@op(
    sample((5, 3)),
    sample((2, 2, 2, 3), (3,), (3,)),
    sample((2, 3, 4), (3,), (3,), axis=1),
    sample((4, 3), (3,), (3,), mean=0.5, variance=2.0),
)
@wide
def batch_norm(
    x: Like,
    scale: Like | None = None,
    offset: Like | None = None,
    *,
    mean: Like | None = None,
    variance: Like | None = None,
    axis: int = -1,
    epsilon: float = 1e-5,
) -> Tensor:
    """Every channel over the whole batch, times ``scale`` plus ``offset`` (Ioffe and Szegedy, 2015).

    x (..., C) with the channels on ``axis``; scale, offset, mean and variance (C,). With ``mean`` and ``variance``,
    as in evaluation, these are used; without them, as in training, those of the batch.

    >>> print(ag.batch_norm([[1.0, 10.0], [3.0, 30.0]]).eval().round(3))
    [[-1. -1.]
     [ 1.  1.]]
    """
    t = as_tensor(x)
    if (mean is None) != (variance is None):
        raise ShapeError("batch_norm: give both mean and variance, or neither to take those of the batch")
    place, others = channel_axis(t, axis, "batch_norm")
    centre, spread = channel(mean, t, place), channel(variance, t, place)
    if centre is None or spread is None:
        y = standardize(t, others, epsilon, "batch_norm")[0]
    else:
        y = (t - centre) * rsqrt(spread + epsilon)
    return affine(y, channel(scale, t, place), channel(offset, t, place), "batch_norm")


@op(sample((5, 3), (3,), (3,), (3,), POSITIVE), sample((2, 3, 4), (3,), (3,), (3,), POSITIVE, axis=1, momentum=0.5))
@wide
def batch_norm_train(
    x: Like,
    scale: Like | None,
    offset: Like | None,
    running_mean: Like,
    running_variance: Like,
    *,
    momentum: float = 0.9,
    axis: int = -1,
    epsilon: float = 1e-5,
) -> tuple[Tensor, Tensor, Tensor]:
    """``batch_norm`` with the statistics of the batch, and the next running mean and variance, for ``updates``.

    The running ones move by 1 - momentum towards those of the batch, through which no gradient is meant to flow:
    ``updates={running_mean: new_mean, running_variance: new_variance}``.

    >>> mean, variance = ag.variable([0.0]), ag.variable([1.0])
    >>> y, new_mean, new_variance = ag.batch_norm_train([[1.0], [5.0]], None, None, mean, variance)
    >>> print(y.eval().round(3).ravel(), new_mean.eval().round(3), new_variance.eval().round(3))
    [-1.  1.] [0.3] [1.3]
    """
    t = as_tensor(x)
    place, others = channel_axis(t, axis, "batch_norm_train")
    y, centre, spread = standardize(t, others, epsilon, "batch_norm_train")
    news = [
        momentum * old + (1 - momentum) * reshape_like(batch, old)
        for old, batch in ((as_tensor(running_mean), centre), (as_tensor(running_variance), spread))
    ]
    return affine(y, channel(scale, t, place), channel(offset, t, place), "batch_norm_train"), news[0], news[1]


# Layers that choose ---------------------------------------------------------------------------------------------
@op(sample((2, 3), rate=0.0))
def dropout(x: Like, rate: float, key: Like | None = None) -> Tensor:
    """Zero each element with probability ``rate`` and scale the others by 1 / (1 - rate) (Srivastava et al., 2014).

    The rate is rounded to a multiple of 1/65536. Every dropout of a graph draws a mask of its own at every call; they
    repeat from the seed of the function, or from ``key``.

    >>> print(ag.unique(ag.dropout(ag.ones(100), rate=0.2)).eval().round(2))
    [0.   1.25]
    """
    t = as_tensor(x)
    if not 0 <= rate < 1:
        raise ShapeError(f"dropout: the rate lies in [0, 1), got {rate}")
    if t.dtype.kind != "f":
        raise DTypeError(f"dropout: needs a float dtype, got {t.type}")
    if rate == 0:
        return t
    mask, keep = dropout_mask(t, rate, key)
    return where(mask, t * (1 / keep), 0)


@op(sample((4, 3), integers(5, high=4)), sample((4, 2), integers(2, 3, high=4)))
def embedding(table: Like, indices: Like) -> Tensor:
    """Rows of ``table`` (entries, width) at integer ``indices`` (...): the result is (..., width).

    >>> print(ag.embedding([[1.0, 2.0], [3.0, 4.0]], [1, 1, 0]).eval())
    [[3. 4.]
     [3. 4.]
     [1. 2.]]
    """
    return take(table, indices, axis=0)


@op(
    sample((3, 2), (4, 2), (4, 3)),
    sample((2, 3, 2), (2, 3, 2), (2, 3, 2), causal=True),
    sample((2, 2), (3, 2), (3, 2), booleans(2, 3), scale=1.0),
    sample((2, 4, 3, 2), (2, 2, 3, 2), (1, 2, 3, 1), booleans(2, 1, 1, 3), causal=True),
    sample((2, 3, 2), (2, 4, 2), (2, 4, 1), (3, 4)),
)
@wide
def scaled_dot_product_attention(
    query: Like,
    key: Like,
    value: Like,
    mask: Like | None = None,
    *,
    causal: bool = False,
    scale: float | Tensor | None = None,
    dropout: float = 0.0,
    random_key: Like | None = None,
) -> Tensor:
    """softmax(query key^T scale) value, over the keys that are not masked (Vaswani et al., 2017).

    query (..., L, D), key (..., S, D), value (..., S, V), result (..., L, V). ``mask`` (..., L, S) is true where a
    query may look; a mask of floats is added to the scores, -inf where it may not. With ``causal``, query i looks at
    the keys 0 to i. ``scale`` is 1 / sqrt(D) unless given. A query that may look nowhere gets 0, and derivatives 0.

    Leading axes broadcast; of (..., H, L, D) and (..., G, S, D), where G divides H, the H / G heads of queries behind
    each other share a head of keys and values (Ainslie et al., 2023). With ``dropout``, weights are set to 0 with this
    probability and the others scaled; which ones repeats from the seed of the function, or from ``random_key``.

    It is computed in tiles, and nothing of size (L, S) is kept for the gradient (Dao et al., 2022), but for that of a
    mask of floats, where it is wanted.

    >>> x = [[1.0, 0.0], [0.0, 1.0]]
    >>> print(ag.scaled_dot_product_attention(x, x, x, causal=True).eval().round(4))
    [[1.     0.    ]
     [0.3302 0.6698]]
    """
    return attention(query, key, value, mask, causal=causal, scale=scale, rate=dropout, random_key=random_key)
