"""Integrals: the exponential, sine and cosine ones, Fresnel's, and relatives of the error function."""

from __future__ import annotations

import math

import numpy as np

from ..graph import Like, Tensor, as_tensor, call
from ..types import Array
from . import special_asymptotics as asymptotics
from .base import SciPy
from .elementwise import cos, exp, sin, sqrt, square
from .special import TWO_BY_SQRT_PI, cardinal_sine
from .special_base import Series, function, one, pieces, scipy, series

PI = math.pi
SICI, FRESNEL, ERFCX = SciPy("sici"), SciPy("fresnel"), SciPy("erfcx")


# Exponential, sine and cosine --------------------------------------------------------------------------------------
@function(scipy("expi"), lambda g, y, x: (g * (exp(x) / x),), *one(0.5, 3.0))
def expi(x: Like) -> Tensor:
    """Exponential integral Ei, the principal value of the integral of exp(t)/t from -infinity to x (DLMF 6.2.5).

    >>> print(ag.expi(1.0).eval().round(6))
    1.895118
    """
    return call("expi", x)


@function(scipy("exp1"), lambda g, y, x: (-g * (exp(-x) / x),), *one(0.5, 3.0))
def exp1(x: Like) -> Tensor:
    """Exponential integral E1 for x > 0, the integral of exp(-t)/t from x to infinity (DLMF 6.2.1).

    >>> print(ag.exp1(1.0).eval().round(6))
    0.219384
    """
    return call("exp1", x)


def sinint_compute(n: int, x: Array) -> Array:
    return cardinal_sine(x, x, n - 1) if n else np.asarray(SICI(x)[0])


def quarter(x: Tensor, turns: int) -> Tensor:
    """sin(x + turns pi/2)"""
    wave = (sin, cos)[turns % 2](x)
    return -wave if turns % 4 > 1 else wave


def times(k: int, x: Tensor) -> Tensor:
    return x if k == 1 else k * x


def sinint_formula(n: int, x: Tensor) -> Tensor:
    if n == 1:
        return sin(x) / x
    return (quarter(x, n - 1) - times(n - 1, sinint_formula(n - 1, x))) / x


@function(*series("sinint", Series(1, sinint_compute, sinint_formula)), *one())
def sinint(x: Like) -> Tensor:
    """Sine integral Si, the integral of sin(t)/t from 0 to x (DLMF 6.2.9); SciPy's ``sici(x)[0]``.

    >>> print(ag.sinint(1.0).eval().round(6))
    0.946083
    """
    return call("sinint", x)


@function(lambda x: np.where(x < 0, np.nan, SICI(x)[1]), lambda g, y, x: (g * (cos(x) / x),), *one(0.5, 3.0))
def cosint(x: Like) -> Tensor:
    """Cosine integral Ci for x > 0, minus the integral of cos(t)/t from x to infinity (DLMF 6.2.11).

    SciPy's ``sici(x)[1]``.

    >>> print(ag.cosint(1.0).eval().round(6))
    0.337404
    """
    return call("cosint", x)


# Fresnel ---------------------------------------------------------------------------------------------------------
FRESNEL_FAR = 30.0
EVEN = 2.0**54  # from here on all numbers are even, and their squares whole turns


def fresnel_waves(x: Array) -> tuple[Array, Array]:
    """sin and cos of (pi/2) x^2, of which the whole turns are taken away before it is rounded."""
    safe = np.where(np.abs(x) < EVEN, x, 0)
    high, low = asymptotics.product(safe, safe)
    return asymptotics.turns(PI / 2 * np.fmod(high, 4), PI / 2 * low)


def fresnel_far(x: Array, which: int) -> Array:
    """S or C for large abs(x) (DLMF 7.5.3, 7.5.4, 7.12.2, 7.12.3)."""
    s, c = fresnel_waves(x)
    z = PI / 2 * x * x
    f, g, term = np.zeros_like(x), np.zeros_like(x), 1 / (PI * np.abs(x))
    for k in range(6):
        f += (-1) ** k * term
        term = term * (2 * k + 0.5) / z
        g += (-1) ** k * term
        term = term * (2 * k + 1.5) / z
    return np.asarray(np.sign(x) * (0.5 + (f * s - g * c if which else -f * c - g * s)))


def fresnel_compute(n: int, x: Array, which: int) -> Array:
    """S or C; derivatives by Leibniz's rule for (sin u)' = pi x cos u with u = (pi/2) x^2."""
    if n == 0:
        far = np.abs(x) > FRESNEL_FAR
        return pieces(x, lambda x: np.asarray(FRESNEL(x)[which]), (far, lambda x: fresnel_far(x, which)))
    waves = [fresnel_waves(x)]
    for k in range(n - 1):
        before = waves[k - 1] if k else (0, 0)
        s = PI * (x * waves[k][1] + k * before[1])
        c = -PI * (x * waves[k][0] + k * before[0])
        waves.append((s, c))
    return waves[-1][which]


def fresnel_formula(n: int, x: Tensor, which: int) -> Tensor:
    u = PI * square(x) / 2
    waves = [(sin(u), cos(u))]
    for k in range(n - 1):
        s, c = x * waves[k][1], x * waves[k][0]
        if k:
            s, c = s + times(k, waves[k - 1][1]), c + times(k, waves[k - 1][0])
        waves.append((PI * s, -(PI * c)))
    return waves[-1][which]


FRESNELS = Series(1, lambda n, x: fresnel_compute(n, x, 0), lambda n, x: fresnel_formula(n, x, 0))
FRESNELC = Series(1, lambda n, x: fresnel_compute(n, x, 1), lambda n, x: fresnel_formula(n, x, 1))


@function(*series("fresnels", FRESNELS), *one())
def fresnels(x: Like) -> Tensor:
    """Fresnel integral S, the integral of sin((pi/2) t^2) from 0 to x (DLMF 7.2.8); SciPy's ``fresnel(x)[0]``.

    >>> print(ag.fresnels(1.0).eval().round(6))
    0.438259
    """
    return call("fresnels", x)


@function(*series("fresnelc", FRESNELC), *one())
def fresnelc(x: Like) -> Tensor:
    """Fresnel integral C, the integral of cos((pi/2) t^2) from 0 to x (DLMF 7.2.7); SciPy's ``fresnel(x)[1]``.

    >>> print(ag.fresnelc(1.0).eval().round(6))
    0.779893
    """
    return call("fresnelc", x)


# Of the error function ----------------------------------------------------------------------------------------------
@function(scipy("erfi"), lambda g, y, x: (g * (TWO_BY_SQRT_PI * exp(square(x))),), *one())
def erfi(x: Like) -> Tensor:
    """Imaginary error function, -i erf(i x): the integral of exp(t^2) from 0 to x by sqrt(pi)/2.

    >>> print(ag.erfi(1.0).eval().round(6))
    1.650426
    """
    return call("erfi", x)


@function(scipy("erfcinv"), lambda g, y, x: (-g * (exp(square(y)) / TWO_BY_SQRT_PI),), *one(0.2, 1.8))
def erfcinv(x: Like) -> Tensor:
    """Inverse of ``erfc``, without cancellation for small x: erfcinv(1 - x) = erfinv(x).

    >>> print(ag.erfcinv(0.5).eval().round(6))
    0.476936
    """
    return call("erfcinv", x)


ERFCX_FAR = 6.5


def erfcx_compute(n: int, x: Array) -> Array:
    def near(x: Array) -> Array:
        """(2x d/dx + ...): f' = 2x f - 2/sqrt(pi), and from it f'' = 2x f' + 2f and so on."""
        values = [np.asarray(ERFCX(x))]
        for k in range(n):
            values.append(2 * x * values[k] + (2 * k * values[k - 1] if k else -TWO_BY_SQRT_PI))
        return values[n]

    def tail(x: Array) -> Array:
        """DLMF 7.12.1, differentiated n times."""
        total, term = np.zeros_like(x), 1 / (x * math.sqrt(PI))
        for k in range(30):
            total += term * math.prod(range(2 * k + 1, 2 * k + 1 + n))
            term = -term * (k + 0.5) / (x * x)
        return np.asarray((-1) ** n * total / x**n)

    return pieces(x, near, (x > ERFCX_FAR, tail)) if n else near(x)


def erfcx_formula(n: int, x: Tensor) -> Tensor:
    values = [call("erfcx", x), 2 * x * call("erfcx", x) - 2 / sqrt(as_tensor(PI))]
    for k in range(1, n):
        values.append(2 * x * values[k] + 2 * k * values[k - 1])
    return values[n]


@function(*series("erfcx", Series(1, erfcx_compute, erfcx_formula)), *one())
def erfcx(x: Like) -> Tensor:
    """exp(x^2) erfc(x), which is not 0 for large x.

    >>> print(ag.erfcx(100.0).eval().round(6))
    0.005642
    """
    return call("erfcx", x)
