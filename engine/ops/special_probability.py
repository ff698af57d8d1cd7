"""The normal distribution, logarithms that keep their digits, entropy and the unit step."""

from __future__ import annotations

import math

import numpy as np

from ..graph import Cotangents, Like, Tensor, as_tensor, call
from ..table import op, real, sample
from ..types import Array
from .base import Elementwise
from .elementwise import HALF, exp, expm1, log, log1p, sqrt, square, zero
from .logic import equal, logical_and, where
from .special_base import Float64, function, one, scipy
from .special_integrals import erfcx

ROOT_TWO_PI = math.sqrt(2 * math.pi)


def root(x: float) -> Tensor:
    """The root of a number that formulas show as such."""
    return sqrt(as_tensor(x))


@function(scipy("ndtr"), lambda g, y, x: (g * (exp(-square(x) / 2) / ROOT_TWO_PI),), *one())
def ndtr(x: Like) -> Tensor:
    """Distribution function of the standard normal distribution, erfc(-x/sqrt(2))/2.

    >>> print(ag.ndtr(1.0).eval().round(6))
    0.841345
    """
    return call("ndtr", x)


@function(scipy("ndtri"), lambda g, y, x: (g * (exp(square(y) / 2) * ROOT_TWO_PI),), *one(0.1, 0.9))
def ndtri(x: Like) -> Tensor:
    """Quantile of the standard normal distribution, the inverse of ``ndtr``.

    >>> print(ag.ndtri(0.975).eval().round(6))
    1.959964
    """
    return call("ndtri", x)


@function(scipy("log_ndtr"), lambda g, y, x: (g * (math.sqrt(2 / math.pi) / erfcx(-x / root(2))),), *one())
def log_ndtr(x: Like) -> Tensor:
    """Logarithm of ``ndtr``, exact in both tails.

    >>> print(ag.log_ndtr(-40.0).eval().round(6))
    -804.608442
    """
    return call("log_ndtr", x)


@function(scipy("logit"), lambda g, y, x: (g / (x * (1 - x)),), *one(0.1, 0.9))
def logit(x: Like) -> Tensor:
    """log(x / (1 - x)), the inverse of ``sigmoid``.

    >>> print(ag.logit(0.75).eval().round(6))
    1.098612
    """
    return call("logit", x)


@function(scipy("entr"), lambda g, y, x: (-g * (log(x) + 1),), *one(0.3, 3.0))
def entr(x: Like) -> Tensor:
    """Entropy -x log(x), which is 0 at 0 and -infinity for x < 0.

    >>> print(ag.entr(0.5).eval().round(6))
    0.346574
    """
    return call("entr", x)


def xlog1py_rule(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Cotangents:
    """log(1 + b) and a/(1 + b), both 0 where a is 0 and b is -1."""
    safe = where(logical_and(equal(a, 0), equal(b, -1)), 0, b)
    return g * log1p(safe), g * (a / (1 + safe))


TWO = tuple(
    sample(real(*a, low=0.5, high=2.0), real(*b, low=-0.5, high=2.0)) for a, b in (((3,), (3,)), ((2, 1), (1, 3)))
)


@function(scipy("xlog1py", 2), xlog1py_rule, *TWO)
def xlog1py(a: Like, b: Like) -> Tensor:
    """a log(1 + b), exact for small b, which is 0 where a is 0.

    >>> print(ag.xlog1py(0.0, -1.0).eval(), ag.xlog1py(2.0, 0.01).eval().round(6))
    0.0 0.019901
    """
    return call("xlog1py", a, b)


def log1mexp_values(x: Array) -> Array:
    """By the half where no digits cancel (Maechler, 2012)."""
    return np.where(x < math.log(2), np.log(-np.expm1(-x)), np.log1p(-np.exp(-x)))


@function(log1mexp_values, lambda g, y, x: (g / expm1(x),), *one(0.3, 3.0))
def log1mexp(x: Like) -> Tensor:
    """log(1 - exp(-x)) for x > 0, exact for small and for large x.

    >>> print(ag.log1mexp(1e-10).eval().round(6))
    -23.025851
    """
    return call("log1mexp", x)


def heaviside_rule(g: Tensor, y: Tensor, x: Tensor, h0: Tensor) -> Cotangents:
    """0 everywhere; h0 is the value at 0."""
    return zero(x), g * where(equal(x, 0), 1, 0)


STEP = Elementwise("heaviside", Float64(2, np.heaviside), heaviside_rule, "Unit step.")


@op(sample((3,)), sample((2, 3), (3,)))
def heaviside(x: Like, h0: Like = HALF) -> Tensor:
    """Unit step: 0 for x < 0, 1 for x > 0, and ``h0`` at 0, which is 1/2 where it is not given; derivative 0 in x.

    >>> print(ag.heaviside([-1.0, 0.0, 2.0]).eval())
    [0.  0.5 1. ]
    """
    return STEP(as_tensor(x), as_tensor(h0))
