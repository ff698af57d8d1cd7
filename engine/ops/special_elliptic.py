"""Complete elliptic integrals of the parameter m = k^2, and Lambert's W on its two real branches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ..errors import ShapeError
from ..graph import Constant, Like, Tensor, as_tensor, call
from ..table import op, real, sample
from ..types import Array
from .base import Elementwise, SciPy
from .elementwise import HALF, exp
from .special_base import Float64, Series, function, one, pieces, series

HYP2F1, ELLIPK, ELLIPE, LAMBERTW = SciPy("hyp2f1", 4), SciPy("ellipk"), SciPy("ellipe"), SciPy("lambertw", 2)
NEAR = 0.5  # to m = 0, where the recurrence divides by m


def elliptic(n: int, m: Array, a: float, first: Sequence[Array]) -> Array:
    """The n-th derivative of (pi/2) F(a, 1/2; 1; m), from its first two by Gauss's equation, differentiated.

    With F for it (DLMF 15.10.1): m (1 - m) F'' = (a/2) F - (1 - (a + 3/2) m) F'.
    """
    values = list(first)
    for k in range(n - 1):
        slope = (k + 1) - (a + 1.5 + 2 * k) * m
        values.append(((a + k) * (0.5 + k) * values[k] - slope * values[k + 1]) / (m * (1 - m)))
    return values[n]


def at_small(n: int, m: Array, a: float) -> Array:
    """The same near 0, where the derivatives are hypergeometric series themselves (DLMF 15.5.2)."""
    factor = math.prod((a + k) * (0.5 + k) / (1 + k) for k in range(n))
    return np.asarray(math.pi / 2 * factor * HYP2F1(a + n, 0.5 + n, 1 + n, m))


def ellipk_compute(n: int, m: Array) -> Array:
    def away(m: Array) -> Array:
        k, e = ELLIPK(m), ELLIPE(m)
        return elliptic(n, m, 0.5, [k, (e - (1 - m) * k) / (2 * m * (1 - m))])

    return pieces(m, away, (np.abs(m) < NEAR, lambda m: at_small(n, m, 0.5))) if n else np.asarray(ELLIPK(m))


def ellipe_compute(n: int, m: Array) -> Array:
    def away(m: Array) -> Array:
        k, e = ELLIPK(m), ELLIPE(m)
        return elliptic(n, m, -0.5, [e, (e - k) / (2 * m)])

    return pieces(m, away, (np.abs(m) < NEAR, lambda m: at_small(n, m, -0.5))) if n else np.asarray(ELLIPE(m))


def elliptic_formula(n: int, m: Tensor, a: Fraction, first: Sequence[Tensor]) -> Tensor:
    """``elliptic`` as graph."""
    values = list(first)
    for k in range(n - 1):
        slope = (k + 1) - (a + Fraction(3, 2) + 2 * k) * m
        values.append((((a + k) * (HALF + k)) * values[k] - slope * values[k + 1]) / (m * (1 - m)))
    return values[n]


def ellipk_formula(n: int, m: Tensor) -> Tensor:
    """K' by K and E (DLMF 19.4.1 for m = k^2)."""
    k, e = call("ellipk", m), call("ellipe", m)
    return elliptic_formula(n, m, HALF, [k, (e - (1 - m) * k) / (2 * m * (1 - m))])


def ellipe_formula(n: int, m: Tensor) -> Tensor:
    """E' by K and E (DLMF 19.4.2 for m = k^2)."""
    k, e = call("ellipk", m), call("ellipe", m)
    return elliptic_formula(n, m, -HALF, [e, (e - k) / (2 * m)])


@function(*series("ellipk", Series(1, ellipk_compute, ellipk_formula)), *one(-2.0, 0.8))
def ellipk(m: Like) -> Tensor:
    """Complete elliptic integral of the first kind K of the parameter m = k^2 <= 1 (DLMF 19.2.8).

    >>> print(ag.ellipk(0.5).eval().round(6))
    1.854075
    """
    return call("ellipk", m)


@function(*series("ellipe", Series(1, ellipe_compute, ellipe_formula)), *one(-2.0, 0.8))
def ellipe(m: Like) -> Tensor:
    """Complete elliptic integral of the second kind E of the parameter m = k^2 <= 1 (DLMF 19.2.8).

    >>> print(ag.ellipe(0.5).eval().round(6))
    1.350644
    """
    return call("ellipe", m)


# Lambert ---------------------------------------------------------------------------------------------------------
BRANCH = -math.exp(-1)  # the float64 nearest to -1/e, which is below it
BRANCH_LOW = 1.2428753672788363e-17  # -1/e - BRANCH
CLOSE = 0.02  # to the branch point, where the series in p = sqrt(2 (1 + e x)) serves


def branch_series(terms: int) -> Sequence[float]:
    """The coefficients mu_k of W = sum of mu_k p^k (Corless, Gonnet, Hare, Jeffrey, Knuth, 1996, 4.23 and 4.24)."""
    mu, alpha = [-1.0, 1.0], [2.0, -1.0]
    for k in range(2, terms):
        alpha.append(sum(mu[j] * mu[k + 1 - j] for j in range(2, k)))
        mu.append((k - 1) / (k + 1) * (mu[k - 2] / 2 + alpha[k - 2] / 4) - alpha[k] / 2 - mu[k - 1] / (k + 1))
    return mu


MU = branch_series(40)


def beside_branch(x: Array, k: int) -> Array:
    """1 + W near the branch point, to full accuracy."""
    distance = np.maximum((x - BRANCH) - BRANCH_LOW, 0)
    p = np.sqrt(2 * math.e * distance) * (-1 if k else 1)
    total = np.zeros_like(x)
    for c in reversed(MU[1:]):
        total = (total + c) * p
    return total


def one_plus(x: Array, k: int) -> tuple[Array, Array]:
    """W and 1 + W."""
    inside = (x >= BRANCH) & ((x <= 0) | (k == 0))
    w = np.where(inside, np.real(LAMBERTW(x, k)), np.nan)
    rest = 1 + w
    close = inside & (x < BRANCH + CLOSE)
    rest[close] = beside_branch(x[close], k)
    w[close] = rest[close] - 1
    return w, rest


def lambertw_compute(n: int, x: Array, k: int) -> Array:
    """exp(-n W) q(W) / (1 + W)^(2n - 1), where q is a polynomial (Corless et al., 1996, 3.5), here of 1 + W."""
    w, rest = one_plus(x, k)
    if n == 0:
        return w
    q = polynomial_of(n)
    return np.asarray(np.exp(-n * w) * np.polynomial.polynomial.polyval(rest, q) / rest ** (2 * n - 1))


def polynomial_of(n: int) -> Sequence[float]:
    """q_1 = 1, q_(n+1) = -(n d + 2n - 1) q_n + d q_n', for d = 1 + W."""
    q = np.polynomial.Polynomial([1.0])
    d = np.polynomial.Polynomial([0.0, 1.0])
    for i in range(1, n):
        q = -(i * d + 2 * i - 1) * q + d * q.deriv()
    return list(q.coef)


def lambertw_formula(n: int, x: Tensor, k: int) -> Tensor:
    w = lambertw(x, k)
    total = as_tensor(int(polynomial_of(n)[-1]))
    for c in reversed(polynomial_of(n)[:-1]):
        total = total * (1 + w) + int(c)
    e = exp(-w if n == 1 else -n * w)
    top = e if n == 1 else total * e
    return top / (1 + w if n == 1 else (1 + w) ** (2 * n - 1))


def branch(name: str, k: int) -> Elementwise:
    """One branch of W as an op."""

    def compute(n: int, x: Array) -> Array:
        return lambertw_compute(n, x, k)

    values, rule = series(name, Series(1, compute, lambda n, x: lambertw_formula(n, x, k)))
    return Elementwise(name, Float64(1, values), rule, "Lambert W.")


UPPER, LOWER = branch("lambertw", 0), branch("lambertw_lower", -1)


@op(sample(real(3, low=-0.3, high=3.0)), sample(real(2, 3, low=-0.35, high=-0.05), k=-1))
def lambertw(x: Like, k: int | Constant = 0) -> Tensor:
    """Lambert W, the solution w of w exp(w) = x: w >= -1 for ``k=0``, w <= -1 for ``k=-1`` (DLMF 4.13.1).

    Real values alone: x >= -1/e, and for ``k=-1`` x < 0; elsewhere it is NaN.

    >>> print(ag.lambertw(1.0).eval().round(6), ag.lambertw(-0.1, k=-1).eval().round(6))
    0.567143 -3.577152
    """
    number = k.value if isinstance(k, Constant) else k
    if number not in (0, -1) or isinstance(number, bool):
        raise ShapeError(f"lambertw: the real branches are k=0 and k=-1, got {number!r}")
    return (LOWER if number else UPPER)(x)
