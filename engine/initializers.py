"""First values of parameters, as NumPy arrays from an explicit generator.

Normal numbers are quantiles of the generator's words (``ops.quantiles``), the same on every machine.

``fan_in`` and ``fan_out`` are the last two lengths of a shape, times all lengths before them (a convolution's window).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .backends.threads import blas
from .errors import ShapeError, StateError
from .ops.quantiles import numbers
from .types import Array, as_dtype

Initializer = Callable[[tuple[int, ...], np.random.Generator], Array]


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """Number of inputs and outputs of each unit of a weight of ``shape``."""
    if not shape:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def scaled(shape: tuple[int, ...], rng: np.random.Generator, variance: float, uniform: bool) -> Array:
    if uniform:
        limit = math.sqrt(3 * variance)
        return rng.uniform(-limit, limit, shape)
    return normal(shape, rng, math.sqrt(variance))


def average(fan_in: int, fan_out: int) -> float:
    return 2.0 / max(fan_in + fan_out, 1)


def he(fan_in: int, _: int) -> float:
    return 2.0 / max(fan_in, 1)


def lecun(fan_in: int, _: int) -> float:
    return 1.0 / max(fan_in, 1)


def normal(shape: tuple[int, ...], rng: np.random.Generator, std: float, mean: float = 0.0) -> Array:
    return np.asarray(mean + std * numbers("normal", shape, rng))


def truncated(shape: tuple[int, ...], rng: np.random.Generator, std: float, mean: float = 0.0) -> Array:
    """Normal numbers of those within two standard deviations."""
    return np.asarray(mean + std * numbers("truncated_normal", shape, rng))


def orthogonal(shape: tuple[int, ...], rng: np.random.Generator, gain: float = 1.0) -> Array:
    """Orthogonal rows or columns of the matrix whose columns are the last axis (Saxe et al., 2014)."""
    if len(shape) < 2:
        raise ShapeError(f"orthogonal: needs a matrix or more axes, got the shape {shape}")
    rows, columns = math.prod(shape[:-1]), shape[-1]
    with blas().limit(limits=1):  # many small steps, at each of which threads would wait for each other
        q, r = np.linalg.qr(numbers("normal", (max(rows, columns), min(rows, columns)), rng))
    q = q * np.sign(np.diagonal(r))
    return np.asarray(gain * (q if rows >= columns else q.T)).reshape(shape)


def by_fans(variance: Callable[[int, int], float], uniform: bool) -> Initializer:
    return lambda shape, rng: scaled(shape, rng, variance(*fans(shape)), uniform)


INITIALIZERS: dict[str, Initializer] = {
    "zeros": lambda shape, rng: np.zeros(shape),
    "ones": lambda shape, rng: np.ones(shape),
    "uniform": lambda shape, rng: rng.uniform(-0.05, 0.05, shape),
    "normal": lambda shape, rng: normal(shape, rng, 0.05),
    "truncated_normal": lambda shape, rng: truncated(shape, rng, 0.05),
    "orthogonal": orthogonal,
    "glorot_uniform": by_fans(average, True),
    "glorot_normal": by_fans(average, False),
    "he_uniform": by_fans(he, True),
    "he_normal": by_fans(he, False),
    "lecun_uniform": by_fans(lecun, True),
    "lecun_normal": by_fans(lecun, False),
}


def initial(name: str, shape: Any, seed: int | np.random.Generator = 0, dtype: Any = "float32") -> Array:
    """The first value of a parameter by the name of its initialiser.

    >>> print(ag.initial("lecun_normal", (784, 10)).shape, ag.initial("ones", 3))
    (784, 10) [1. 1. 1.]
    """
    if name not in INITIALIZERS:
        raise StateError(f"no initialiser is called {name!r}; there are {', '.join(INITIALIZERS)}")
    dims = (shape,) if isinstance(shape, int) else tuple(shape)
    if any(not isinstance(d, int | np.integer) or d < 0 for d in dims):
        raise ShapeError(f"{name}: a shape holds lengths of 0 or more, got {dims}")
    rng = seed if isinstance(seed, np.random.Generator) else np.random.default_rng(seed)
    return INITIALIZERS[name](dims, rng).astype(as_dtype(dtype))


def glorot_uniform(shape: Any, seed: int | np.random.Generator = 0, dtype: Any = "float32") -> Array:
    """Uniform within sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010, equation 16).

    >>> ag.glorot_uniform((784, 10)).shape
    (784, 10)
    """
    return initial("glorot_uniform", shape, seed, dtype)


def he_normal(shape: Any, seed: int | np.random.Generator = 0, dtype: Any = "float32") -> Array:
    """Normal with variance 2 / fan_in, for layers followed by relu (He et al., 2015).

    >>> ag.he_normal((3, 3, 1, 8)).dtype
    dtype('float32')
    """
    return initial("he_normal", shape, seed, dtype)
