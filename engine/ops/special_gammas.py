"""Beta functions, incomplete gammas and betas, and the hypergeometric function of Gauss.

The derivatives in the parameters of the incomplete ones and of ``hyp2f1`` are refused: SciPy has none.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from ..graph import Cotangents, Like, Tensor, call
from ..table import real, sample
from ..types import Array
from .base import SciPy
from .elementwise import exp, power, xlogy
from .special import digamma, lgamma
from .special_base import function, number, parameters, refused, scipy
from .special_probability import xlog1py

SMALL = 21


def beta_slopes(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The derivatives of log(B) (DLMF 5.12.1 and 5.2.2)."""
    both = digamma(a + b)
    return digamma(a) - both, digamma(b) - both


def beta_rule(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Cotangents:
    by_a, by_b = beta_slopes(a, b)
    return g * (y * by_a), g * (y * by_b)


def betaln_rule(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Cotangents:
    by_a, by_b = beta_slopes(a, b)
    return g * by_a, g * by_b


TWO = tuple(
    sample(real(*a, low=0.5, high=3.0), real(*b, low=0.5, high=3.0)) for a, b in (((3,), (3,)), ((2, 1), (1, 3)))
)


@function(scipy("beta", 2), beta_rule, *TWO, commutative=True)
def beta(a: Like, b: Like) -> Tensor:
    """Beta function, gamma(a) gamma(b) / gamma(a + b) (DLMF 5.12.1).

    >>> print(ag.beta(2.0, 3.0).eval().round(6))
    0.083333
    """
    return call("beta", a, b)


@function(scipy("betaln", 2), betaln_rule, *TWO, commutative=True)
def betaln(a: Like, b: Like) -> Tensor:
    """Logarithm of the absolute value of the beta function, without overflow and underflow.

    >>> print(ag.betaln(2.0, 3.0).eval().round(6))
    -2.484907
    """
    return call("betaln", a, b)


def small(a: Tensor) -> int | None:
    """A parameter that is a small whole number: its powers are smooth at 0, which logarithms are not."""
    value = number(a)
    return int(value) if isinstance(value, int | float | Fraction) and value in range(1, SMALL) else None


def betainc_rule(g: Tensor, y: Tensor, a: Tensor, b: Tensor, x: Tensor) -> Cotangents:
    """x^(a - 1) (1 - x)^(b - 1) / B(a, b) (DLMF 8.17.1), as logarithms where that could overflow."""
    m, n = small(a), small(b)
    if m is None or n is None:
        density = exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))
    else:
        factor = Fraction(math.factorial(m + n - 1), math.factorial(m - 1) * math.factorial(n - 1))
        density = factor * power(x, m - 1) * power(1 - x, n - 1)
    return [*refused("betainc", "its parameter a", "its parameter b"), g * density]


@function(scipy("betainc", 3), betainc_rule, sample(*parameters((0.5, 3), (0.5, 3)), real(3, low=0.1, high=0.9)))
def betainc(a: Like, b: Like, x: Like) -> Tensor:
    """Regularized incomplete beta function I, for a, b > 0 and 0 <= x <= 1 (DLMF 8.17.2).

    It is the distribution function of the beta distribution. The derivative is in x alone.

    >>> print(ag.betainc(2.0, 3.0, 0.5).eval().round(6))
    0.6875
    """
    return call("betainc", a, b, x)


def gamma_density(a: Tensor, x: Tensor) -> Tensor:
    """x^(a - 1) exp(-x) / gamma(a) (DLMF 8.8.13, 8.2.4), as logarithms where that could overflow."""
    n = small(a)
    if n is not None:
        return Fraction(1, math.factorial(n - 1)) * power(x, n - 1) * exp(-x)
    return exp(xlogy(a - 1, x) - x - lgamma(a))


A = "its parameter a"
SHAPED = sample(*parameters((0.5, 3)), real(3, low=0.3, high=4.0))


@function(scipy("gammainc", 2), lambda g, y, a, x: [*refused("gammainc", A), g * gamma_density(a, x)], SHAPED)
def gammainc(a: Like, x: Like) -> Tensor:
    """Regularized lower incomplete gamma function P, for a > 0 and x >= 0 (DLMF 8.2.4).

    It is the distribution function of the gamma distribution. The derivative is in x alone.

    >>> print(ag.gammainc(2.0, 3.0).eval().round(6))
    0.800852
    """
    return call("gammainc", a, x)


@function(scipy("gammaincc", 2), lambda g, y, a, x: [*refused("gammaincc", A), -g * gamma_density(a, x)], SHAPED)
def gammaincc(a: Like, x: Like) -> Tensor:
    """Regularized upper incomplete gamma function Q = 1 - P, without cancellation (DLMF 8.2.4).

    The derivative is in x alone.

    >>> print(ag.gammaincc(2.0, 3.0).eval().round(6))
    0.199148
    """
    return call("gammaincc", a, x)


def hyp2f1_rule(g: Tensor, y: Tensor, a: Tensor, b: Tensor, c: Tensor, x: Tensor) -> Cotangents:
    """DLMF 15.5.1."""
    slope = a * b / c * call("hyp2f1", a + 1, b + 1, c + 1, x)
    return [*refused("hyp2f1", *(f"its parameter {name}" for name in "abc")), g * slope]


HYP2F1 = SciPy("hyp2f1", 4)
BESIDE = 1e-4  # a whole number: there SciPy's formula for x near 1 takes infinities of opposite signs together
NODES = (1, 2, 3, 4, -1, -2, -3, -4)
WEIGHTS = tuple(
    math.prod(-other / (node - other) for other in NODES if other != node) for node in NODES
)  # of Lagrange's polynomial at 0
SPACING = 2e-3


def around(a: Array, b: Array, c: Array, x: Array) -> Array:
    """From values at other c, of which F is an analytic function: of degree 7, to 1e-13."""
    values = (w * HYP2F1(a, b, c + node * SPACING, x) for node, w in zip(NODES, WEIGHTS, strict=True))
    return np.asarray(sum(values))


def gauss(a: Array, b: Array, c: Array, x: Array) -> Array:
    """SciPy's, but where c - a - b is almost a whole number and x near 1 (NaN, or 8 digits), or x < -1 (infinite)."""
    value = np.asarray(HYP2F1(a, b, c, x))
    rest = c - a - b
    distance = np.abs(rest - np.round(rest))
    risky = (x > 0.9) & (x < 1) & (distance > 0) & (distance < BESIDE)
    if risky.any():
        value[risky] = around(a[risky], b[risky], c[risky], x[risky])
    infinite = (x < -1) & ~np.isfinite(value) & np.isfinite(a + b + c + x)
    for p, q in ((a, b), (b, a)):  # by Pfaff's transformation (DLMF 15.8.1), where that has a series that ends
        here = infinite & ends(c - q)
        if here.any():
            z = x[here]
            value[here] = (1 - z) ** -p[here] * HYP2F1(p[here], (c - q)[here], c[here], z / (z - 1))
    return value


def ends(parameter: Array) -> Array:
    """Whether a series ends, but for rounding."""
    nearest = np.round(parameter)
    return (nearest <= 0) & (np.abs(parameter - nearest) < BESIDE**3)


GAUSS = sample(*parameters((0.5, 2), (-1, 1), (2, 4)), real(3, low=-0.8, high=0.8))


@function(gauss, hyp2f1_rule, GAUSS)
def hyp2f1(a: Like, b: Like, c: Like, x: Like) -> Tensor:
    """Hypergeometric function of Gauss F(a, b; c; x) for real x <= 1 (DLMF 15.2.1).

    The derivative is in x alone. Values are exact to 1e-10 where a, b and c are within 4.

    >>> print(ag.hyp2f1(1.0, 2.0, 3.0, 0.5).eval().round(6))
    1.545177
    """
    return call("hyp2f1", a, b, c, x)
