"""Special functions: errors, gammas and the cardinal sine, with derivatives of any order."""

from __future__ import annotations

import math

import numpy as np

from ..errors import ShapeError
from ..frozen import frozen
from ..graph import Constant, Cotangents, Like, Tensor
from ..table import Arg, op, real, sample
from ..types import Array
from .base import Elementwise, Pointwise, SciPy, unary
from .elementwise import exp, square

LARGEST_ORDER = 170  # of polygamma: 171! is no float64
LARGE = 1e300  # from here on Stirling's formula has two terms
TWO_BY_SQRT_PI = 2 / math.sqrt(math.pi)

erf = unary(
    "erf",
    SciPy("erf"),
    lambda g, y, x: (g * (TWO_BY_SQRT_PI * exp(-square(x))),),
    "Error function: erf(1.0) = 0.842701.",
    scalar_rule="erf",
    family="special",
)
erfc = unary(
    "erfc",
    SciPy("erfc"),
    lambda g, y, x: (-g * (TWO_BY_SQRT_PI * exp(-square(x))),),
    "1 - erf(x), without cancellation for large x: erfc(1.0) = 0.157299.",
    scalar_rule="erfc",
    family="special",
)
erfinv = unary(
    "erfinv",
    SciPy("erfinv"),
    lambda g, y, x: (g * (exp(square(y)) / TWO_BY_SQRT_PI),),
    "Inverse of the error function: erfinv(0.5) = 0.476936.",
    (-0.8, 0.8),
    scalar_rule="erfinv",
    family="special",
)


def _lgamma(x: Array, out: Array) -> None:
    """SciPy's, but where that is infinite too early: for minus infinity, denormal numbers, and before it overflows.

    At minus infinity, C's lgamma is infinite, as the poles to its right are.
    """
    size = np.asarray(np.abs(x))  # before ``out``, which may lie where ``x`` lies, is filled
    limits = np.finfo(out.dtype)
    large = x > min(LARGE, float(limits.max))
    few = [
        (far, rule(size[far]))
        for far, rule in ((size < limits.tiny, _lgamma_near_zero), (large, _lgamma_large))
        if far.any()
    ]
    GAMMALN(np.where(x == -np.inf, np.inf, x), out=out)
    for far, values in few:
        out[far] = values


@np.errstate(divide="ignore")
def _lgamma_near_zero(x: Array) -> Array:
    return np.negative(np.log(x))


@np.errstate(over="ignore")
def _lgamma_large(x: Array) -> Array:
    return np.asarray(x * (np.log(x) - 1))


GAMMALN = SciPy("gammaln")
lgamma = unary(
    "lgamma",
    GAMMALN,
    lambda g, y, x: (g * digamma(x),),
    "Logarithm of the absolute value of the gamma function: lgamma(10.0) = 12.801827.",
    (0.5, 3.0),
    fill=_lgamma,
    scalar_rule="lgamma",
    family="special",
)
gamma = unary(
    "gamma",
    SciPy("gamma"),
    lambda g, y, x: (g * y * digamma(x),),
    "Gamma function: gamma(5.0) = 24.0.",
    (0.7, 3.0),
    family="special",
)
PSI = SciPy("psi")


def _digamma(x: Array, out: Array) -> None:
    """SciPy's, but below 0 by reflection (DLMF 5.5.4), where it takes no whole turns away before it rounds.

    Beside -1, SciPy 1.17 has 2 digits.
    """
    below = (x < 0) & np.isfinite(x)
    if not below.any():
        PSI(x, out=out)
        return
    at = np.asarray(x)[below].astype(np.float64)
    part = at - np.round(at)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        values = np.where(part == 0, np.nan, PSI(1 - at) - np.pi / np.tan(np.pi * part))
    PSI(np.where(below, 1, x), out=out)
    out[below] = values


digamma: Elementwise = unary(
    "digamma",
    PSI,
    lambda g, y, x: (g * Polygamma(1)(x),),
    "Derivative of lgamma: digamma(1.0) = -0.577216.",
    (0.7, 3.0),
    fill=_digamma,
    scalar_rule="digamma",
    family="special",
)


ZETA = SciPy("zeta", 2)
FAR = -64  # below, SciPy's zeta adds a term for every whole number up to 0: minutes, at -1e10


def hurwitz(s: int, q: Array, out: Array) -> None:
    """zeta(s, q) for a whole s above 1; far below 0 by its value at the fraction r of q, which is q - floor(q).

    What is added on the way from r down to q is a sum of 1/(r - k)^s, of which zeta knows the whole and the rest
    (DLMF 25.11.4): (-1)^s (zeta(s, 1 - r) - zeta(s, 1 - q)).
    """
    power = np.asarray(s, out.dtype)
    far = q < FAR
    if not far.any():
        ZETA(power, q, out=out)
        return
    ZETA(power, np.where(far, 1, q), out=out)
    away = q[far]
    r = away - np.floor(away)
    terms = np.zeros((3, len(r)), out.dtype)
    for term, at in zip(terms, (r, 1 - r, 1 - away), strict=True):
        ZETA(power, at, out=term)
    out[far] = terms[0] + (-1) ** s * (terms[1] - terms[2])


@frozen
class Polygamma(Pointwise):
    """(-1)^(n+1) n! zeta(n+1, x), for n >= 1 (DLMF 5.15.1)."""

    n: int
    name = "polygamma"
    ufunc = SciPy("psi")

    def kernel(self, *inputs: Array, out: Array) -> None:
        hurwitz(self.n + 1, inputs[0].astype(out.dtype, copy=False), out)
        np.multiply(out, float((-1) ** (self.n + 1) * math.factorial(self.n)), out=out)

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        return (g * polygamma(self.n + 1, inputs[0]),)


def order(n: int) -> Arg:
    return Arg(lambda rng: n, real=False)


def whole(name: str, n: int | Constant, largest: int) -> int:
    """An order as a plain number."""
    k = n.value if isinstance(n, Constant) else n
    if not isinstance(k, int | np.integer) or isinstance(k, bool) or not 0 <= k <= largest:
        raise ShapeError(f"{name}: the order is a whole number from 0 to {largest}, got {k!r}")
    return int(k)


@op(*(sample(order(n), real(3, low=0.9, high=3.0)) for n in (0, 1, 2)))
def polygamma(n: int | Constant, x: Like) -> Tensor:
    """The ``n``-th derivative of digamma, for a whole number n from 0 to 170.

    >>> print(ag.polygamma(1, 1.0).eval().round(6))
    1.644934
    """
    k = whole("polygamma", n, LARGEST_ORDER)
    return Polygamma(k)(x) if k else digamma(x)


def turned(x: Array, n: int, wave: Array) -> Array:
    """sin(x + n pi/2), where n quarter turns cost no rounding; ``wave`` is scratch."""
    (np.sin, np.cos)[n % 2](x, out=wave)
    return np.negative(wave, out=wave) if n % 4 > 1 else wave


def cardinal_sine(angle: Array, z: Array, n: int) -> Array:
    """f_n, the n-th derivative of sin(z)/z = integral of cos(z t) over t in [0, 1]; ``angle`` is z less whole turns.

    So f_n = integral of t^n cos(z t + n pi/2). Near 0 Gauss-Legendre nodes give that to full accuracy; elsewhere parts
    give the recurrence f_n = (sin(z + n pi/2) - n f_(n-1)) / z, stable for z > n.
    """
    near = np.abs(z) < np.maximum(8, 2 * n)
    safe = np.where(near, 1, z)
    f = np.sin(angle) / safe
    for k in range(1, n + 1):
        f = (turned(angle, k, np.empty_like(z)) - k * f) / safe
    nodes, weights = np.polynomial.legendre.leggauss(32 + 2 * n)
    t, w = (nodes + 1) / 2, weights / 2
    zt = z[near, None] * t
    f[near] = turned(zt, n + 1, np.empty_like(zt)) @ (w * t**n)
    return np.asarray(f)


def sinc_derivative(x: Array, n: int) -> Array:
    """The n-th derivative of sin(pi x)/(pi x), which is pi^n f_n at z = pi x."""
    x = x.astype(np.float64).reshape(-1)
    return np.asarray(np.pi**n * cardinal_sine(np.pi * np.fmod(x, 2), np.pi * x, n))


@frozen
class Sinc(Pointwise):
    """The n-th derivative of the cardinal sine."""

    n: int = 0
    name = "sinc"
    ufunc = np.sqrt

    def kernel(self, *inputs: Array, out: Array) -> None:
        out[...] = sinc_derivative(inputs[0], self.n).reshape(out.shape)

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        return (g * Sinc(self.n + 1)(inputs[0]),)


@op(sample((3,)), sample((2, 3)), sample(()), sample((0, 2)))
def sinc(x: Like, n: int | Constant = 0) -> Tensor:
    """sin(pi x) / (pi x), and 1 at 0, or its ``n``-th derivative, which is exact at 0 too.

    >>> print(ag.sinc([0.0, 0.5]).eval().round(6))
    [1.      0.63662]
    """
    return Sinc(whole("sinc", n, LARGEST_ORDER))(x)
