"""Random numbers as pure functions of (seed, the op's own stream, step), from NumPy's counter-based Philox.

A random op that is given no key uses the key of the function in which it runs, which counts its calls. Samples of
location-scale families are built from standard ones, so they have gradients in their parameters (Kingma and Welling,
2014).

Normal and exponential numbers are made of the generator's words by the inverse of the distribution function
(``quantiles``): two ops, of which any backend computes each to the same bits. The number at place i of the result
belongs to word i, so it depends on nothing but key, stream and place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import DTypeError, FeedError, GradientError, ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Tensor, as_tensor, call
from ..table import Sample, op
from ..types import Array, DType, Shape, TensorType, as_dtype, as_shape, broadcast_shapes, static
from .keys import FUNCTION_KEY, next_stream
from .quantiles import Quantile, words_for
from .words import Draw, Words


def fill(draw: Callable[..., Any], out: Array) -> None:
    """Let ``draw`` write into ``out``, or copy where it cannot: float16, or memory that is not contiguous."""
    if out.flags.c_contiguous and out.dtype.itemsize > 2:
        draw(out=out, dtype=out.dtype.type)
    else:
        out[...] = draw(size=out.shape)


def fill_integers(rng: np.random.Generator, out: Array, low: int, high: int) -> None:
    out[...] = rng.integers(low, high, out.shape, out.dtype.type)


def fill_permutation(rng: np.random.Generator, out: Array) -> None:
    out[...] = rng.permutation(len(out))


DRAWS: dict[str, Callable[..., None]] = {
    "standard_uniform": lambda rng, out: fill(rng.random, out),
    "randint": fill_integers,
    "permutation": fill_permutation,
}


STANDARD = {  # standard distributions that are made of words, and their quantiles
    "standard_normal": "normal",
    "standard_exponential": "exponential",
    "standard_truncated": "truncated_normal",
}


@frozen
class Random(Draw):
    """Samples of a standard distribution, in a given shape or that of a second input."""

    distribution: str
    shape: Shape | None
    dtype: DType
    stream: int
    bounds: tuple[int, ...] = ()
    shape_only = (1,)

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.distribution

    def infer(self, key: TensorType, like: TensorType | None = None) -> TensorType:
        self.check_key(key)
        shape = self.shape if like is None else like.shape
        if shape is None:
            raise ShapeError(f"{self.name}: needs a shape, or a tensor whose shape it takes")
        return TensorType(shape, self.dtype)

    def fill(self, rng: np.random.Generator, out: Array, *inputs: Array) -> None:
        DRAWS[self.distribution](rng, out, *self.bounds)

    def simplify(self, key: Tensor, like: Tensor | None = None) -> Tensor | None:
        if like is None or not like.type.known:
            return None
        return Random(self.distribution, like.shape, self.dtype, self.stream, self.bounds)(key)


@frozen
class StandardGamma(Draw):
    """Samples of the gamma distribution of scale 1; the second input is its shape parameter, one for each sample."""

    stream: int
    name = "standard_gamma"

    def infer(self, key: TensorType, a: TensorType) -> TensorType:
        self.check_key(key)
        return a

    def fill(self, rng: np.random.Generator, out: Array, *inputs: Array) -> None:
        (a,) = inputs
        if a.size and not (a >= 0).all():
            raise FeedError(f"gamma: the shape parameter is 0 or more, got {a.min()}")
        out[...] = rng.standard_gamma(a)

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        raise GradientError("gamma: has no derivative in its shape parameter; wrap it in ag.stop_gradient")

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> None:
        self.vjp(y, y)


def draw(distribution: str, shape: Any, key: Like | None, dtype: Any, bounds: tuple[int, ...] = ()) -> Tensor:
    """Samples in ``shape``, which may be a tensor whose shape is meant."""
    others: tuple[Tensor, ...]
    form: Shape | None
    if isinstance(shape, Tensor):
        form, kind, others = None, as_dtype(dtype or shape.dtype), (shape,)
    else:
        form, kind, others = as_shape(shape), as_dtype(dtype or "float32"), ()
    source = FUNCTION_KEY if key is None else as_tensor(key)
    if distribution not in STANDARD:
        return Random(distribution, form, kind, next_stream(), bounds).simplest(source, *others)
    if kind.kind != "f":
        raise DTypeError(f"{distribution}: makes floats, not {kind}")
    words = Words(words_for(kind), form, next_stream()).simplest(source, *others)
    return call("astype", Quantile(STANDARD[distribution])(words), dtype=kind)


def samples(distribution: str, shape: Any, key: Like | None, dtype: Any, *parameters: Like) -> tuple[Tensor, ...]:
    """Standard samples and the parameters; without a shape, samples in the shape to which the parameters broadcast."""
    tensors = [as_tensor(p) for p in parameters]
    strong = [t.dtype for t in tensors if not t.type.weak and t.dtype.kind == "f"]
    dtype = as_dtype(dtype or (np.result_type(*strong) if strong else "float32"))
    if shape is None:
        shape = meet(tensors)
    type = shape.type if isinstance(shape, Tensor) else TensorType(as_shape(shape), dtype)
    for t in tensors:
        if not reaches(t.shape, type.shape):
            raise ShapeError(
                f"{distribution}: a parameter of shape {t.shape} does not fit samples of shape {type.shape}"
            )
    return draw(distribution, shape, key, dtype), *(call("astype", t, dtype=dtype) for t in tensors)


def reaches(shape: Shape, wide: Shape) -> bool:
    """Whether ``shape`` broadcasts to ``wide``."""
    try:
        return broadcast_shapes(shape, wide) == wide
    except ShapeError:
        return False


def meet(tensors: Sequence[Tensor]) -> Any:
    """The shape to which tensors broadcast, or a tensor that has it."""
    shape = broadcast_shapes(*(t.shape for t in tensors))
    if None not in shape:
        return shape
    total = tensors[0]
    for t in tensors[1:]:
        total = total + t
    return total


@op(Sample((), {"shape": (2, 3)}), differentiable=False)
def standard_uniform(shape: Any = (), key: Like | None = None, dtype: Any = None) -> Tensor:
    """Uniform samples in [0, 1), in ``shape`` or the shape of a tensor.

    >>> x = ag.standard_uniform((1000,)).eval()
    >>> print(bool(x.min() >= 0 and x.max() < 1), x.mean().round(1), x.dtype)
    True 0.5 float32
    """
    return draw("standard_uniform", shape, key, dtype)


@op(Sample((), {"shape": (2, 3)}), differentiable=False)
def standard_normal(shape: Any = (), key: Like | None = None, dtype: Any = None) -> Tensor:
    """Normal samples of mean 0 and variance 1, in ``shape`` or the shape of a tensor.

    Quantiles of random words: of 32 bits for float32, to 6.34 on either side, of 64 for float64, to 9.16.

    >>> x = ag.standard_normal((200, 500), dtype="float64").eval()
    >>> print(abs(x.mean().round(1)), x.std().round(1))
    0.0 1.0
    """
    return draw("standard_normal", shape, key, dtype)


@op(Sample((), {"shape": (2, 3)}), differentiable=False)
def standard_exponential(shape: Any = (), key: Like | None = None, dtype: Any = None) -> Tensor:
    """Exponential samples of mean 1, in ``shape`` or the shape of a tensor; never 0.

    Quantiles of random words: of 32 bits for float32, to 22.9, of 64 for float64, to 45.1.

    >>> x = ag.standard_exponential((200, 500)).eval()
    >>> print(bool(x.min() > 0), x.mean().round(1))
    True 1.0
    """
    return draw("standard_exponential", shape, key, dtype)


@op(Sample((), {"low": -1, "high": 2.5, "shape": (2, 3)}))
def uniform(low: Like = 0, high: Like = 1, shape: Any = None, key: Like | None = None, dtype: Any = None) -> Tensor:
    """Uniform samples in [low, high); they have gradients in both.

    Without ``shape``, one sample for each place of the broadcast ``low`` and ``high``.

    >>> x = ag.uniform([0.0, 100.0], [1.0, 101.0])
    >>> print(ag.floor(x).eval())
    [  0. 100.]
    """
    u, a, b = samples("standard_uniform", shape, key, dtype, low, high)
    return a + (b - a) * u


@op(Sample((), {"mean": 1, "scale": 2.0, "shape": (2, 3)}))
def normal(mean: Like = 0, scale: Like = 1, shape: Any = None, key: Like | None = None, dtype: Any = None) -> Tensor:
    """Normal samples of a mean and a standard deviation; they have gradients in both.

    Without ``shape``, one sample for each place of the broadcast ``mean`` and ``scale``.

    >>> scale = ag.placeholder("scale")
    >>> x = ag.normal(5.0, scale, (200, 500))
    >>> print(ag.mean(x).eval({scale: 0.1}).round(1), ag.std(x).eval({scale: 0.1}).round(2))
    5.0 0.1
    """
    z, m, s = samples("standard_normal", shape, key, dtype, mean, scale)
    return m + s * z


@op(Sample((), {"mean": 1, "scale": 2.0, "shape": (2, 3)}))
def truncated_normal(
    mean: Like = 0, scale: Like = 1, shape: Any = None, key: Like | None = None, dtype: Any = None
) -> Tensor:
    """Normal samples that lie within two ``scale`` of the mean; they have gradients in both.

    ``shape`` as for ``normal``.

    >>> print(bool(abs(ag.truncated_normal(0.0, 0.5, (10000,)).eval()).max() <= 1.0))
    True
    """
    z, m, s = samples("standard_truncated", shape, key, dtype, mean, scale)
    return m + s * z


@op(Sample((), {"mean": 0, "scale": 0.5, "shape": (2, 3)}))
def log_normal(
    mean: Like = 0, scale: Like = 1, shape: Any = None, key: Like | None = None, dtype: Any = None
) -> Tensor:
    """Samples whose logarithm is normal with this mean and standard deviation; they have gradients in both.

    ``shape`` as for ``normal``.

    >>> x = ag.log_normal(2.0, 0.5, (200, 500))
    >>> print(ag.mean(ag.log(x)).eval().round(1), ag.std(ag.log(x)).eval().round(1))
    2.0 0.5
    """
    return call("exp", normal(mean, scale, shape, key, dtype))


@op(Sample((), {"scale": 2.0, "shape": (2, 3)}))
def exponential(scale: Like = 1, shape: Any = None, key: Like | None = None, dtype: Any = None) -> Tensor:
    """Exponential samples of mean ``scale``, in which they have a gradient.

    Without ``shape``, one sample for each element of ``scale``.

    >>> print(ag.mean(ag.exponential(3.0, (500, 500))).eval().round(1))
    3.0
    """
    e, s = samples("standard_exponential", shape, key, dtype, scale)
    return s * e


@op(Sample((), {"a": 2.5, "scale": 2.0, "shape": (2, 3)}))
def random_gamma(a: Like, scale: Like = 1, shape: Any = None, key: Like | None = None, dtype: Any = None) -> Tensor:
    """Gamma samples of shape parameter ``a`` and ``scale``; they have a gradient in ``scale`` only.

    Without ``shape``, one sample for each place of the broadcast ``a`` and ``scale``.

    >>> x = ag.random_gamma(4.0, 0.5, (500, 500))  # mean a * scale, variance a * scale^2
    >>> print(ag.mean(x).eval().round(1), ag.var(x).eval().round(1))
    2.0 1.0
    """
    like, t, s = samples("standard_uniform", shape, key, dtype, a, scale)  # of which only the shape is read
    source = FUNCTION_KEY if key is None else as_tensor(key)
    return s * StandardGamma(next_stream())(source, call("expand_like", t, like))


@op(Sample((), {"p": 0.3, "shape": (2, 3)}), differentiable=False)
def bernoulli(p: Like = 0.5, shape: Any = None, key: Like | None = None, dtype: Any = "bool") -> Tensor:
    """True with probability ``p``, else False.

    Without ``shape``, one sample for each element of ``p``.

    >>> print(ag.bernoulli([0.0, 1.0]).eval(), ag.bernoulli(0.3, (500, 500)).eval().mean().round(1))
    [False  True] 0.3
    """
    u, q = samples("standard_uniform", shape, key, None, p)
    return call("astype", u < q, dtype=dtype)


@op(Sample((), {"low": 2, "high": 9, "shape": (2, 3)}), differentiable=False)
def randint(low: int, high: int, shape: Any = (), key: Like | None = None, dtype: Any = "int64") -> Tensor:
    """Integers from ``low`` up to, not including, ``high``, all equally likely.

    >>> print(ag.unique(ag.randint(2, 5, (1000,))).eval())
    [2 3 4]
    """
    kind = as_dtype(dtype)
    if kind.kind not in "iu" or not np.iinfo(kind).min <= low < high <= np.iinfo(kind).max + 1:
        raise DTypeError(f"randint: needs low < high, both within an integer type; got {low}, {high}, {kind}")
    return draw("randint", shape, key, kind, (int(low), int(high)))


@op(Sample((), {"n": 5}), differentiable=False)
def permutation(n: int, key: Like | None = None) -> Tensor:
    """The integers from 0 to n - 1 in random order.

    Shape (n,).

    >>> print(ag.sort(ag.permutation(5)).eval())
    [0 1 2 3 4]
    """
    return draw("permutation", static(as_shape(n)[0]), key, "int64")


@op(Sample((), {"logits": [[0.0, 1.0, 2.0]]}), differentiable=False)
def categorical(logits: Like, key: Like | None = None) -> Tensor:
    """Class indices along the last axis, with probabilities softmax(logits), by the Gumbel-max trick.

    ``logits`` of shape (..., classes) give (...).

    >>> print(ag.categorical([[0.0, -1e4, -1e4], [-1e4, -1e4, 0.0]]).eval())
    [0 2]
    """
    t = as_tensor(logits)
    return call("argmax", t - call("log", standard_exponential(t, key)), axis=-1)
