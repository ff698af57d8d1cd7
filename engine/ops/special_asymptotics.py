"""Values of Bessel and Airy functions for large arguments, where SciPy's lose digits; arrays of float64.

Numbers of the form sin(z + c) are made of sin(z) and cos(z): the sum z + c would round a phase to which 1e8 turns have
been added. What is not a float64 itself, as x^(3/2), is kept as a sum of two (Dekker, 1971).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..types import Array

TERMS = 24  # of the series in 1/x: the first that is left out is below 1e-17 from x = FAR on
SCALED_TERMS = 40
FAR = 50.0
AIRY_FAR = -50.0
SPLITTER = 2.0**27 + 1


# Sums of two float64 ---------------------------------------------------------------------------------------------
def halves(a: Array) -> tuple[Array, Array]:
    high = SPLITTER * a
    high = high - (high - a)
    return high, a - high


def product(a: Array, b: Array) -> tuple[Array, Array]:
    """a b as two float64."""
    p = a * b
    (ah, al), (bh, bl) = halves(a), halves(b)
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def turns(high: Array, low: Array) -> tuple[Array, Array]:
    """sin and cos of a sum."""
    s, c, sl, cl = np.sin(high), np.cos(high), np.sin(low), np.cos(low)
    return s * cl + c * sl, c * cl - s * sl


# Bessel functions ------------------------------------------------------------------------------------------------
def far(v: Array, x: Array) -> Array:
    """Where the series in 1/x serve."""
    return np.asarray(np.abs(x) >= np.maximum(FAR, v * v))


def far_scaled(v: Array, x: Array) -> Array:
    """Where the series of ``scaled_tail`` serves; nearer than the other, as differences of orders cancel there."""
    return np.asarray(np.abs(x) >= np.maximum(FAR, v * v / 8))


def hankel_terms(v: Array, x: Array) -> tuple[Array, Array]:
    """The sums of even and of odd terms of a_k(v) / x^k with alternating signs (DLMF 10.17.3 to 10.17.4)."""
    total = [np.ones_like(x), np.zeros_like(x)]
    term = np.ones_like(x)
    for k in range(1, TERMS):
        term = term * (4 * v * v - (2 * k - 1) ** 2) / (8 * k * x)
        total[k % 2] = total[k % 2] + (term if k % 4 < 2 else -term)
    return total[0], total[1]


def bessel_waves(v: Array, x: Array) -> tuple[Array, Array]:
    """J and Y for large x > 0: an amplitude times cos and sin of x - (v/2 + 1/4) pi (DLMF 10.17.3 and 10.17.4)."""
    even, odd = hankel_terms(v, x)
    shift = np.fmod(v, 4) / 2 + 0.25
    c, s = np.cos(np.pi * shift), np.sin(np.pi * shift)
    ends = np.isinf(x)
    cx, sx = np.cos(np.where(ends, 0, x)), np.sin(np.where(ends, 0, x))
    cosine, sine = cx * c + sx * s, sx * c - cx * s
    size = np.sqrt(2 / np.pi / x)
    return size * (even * cosine - odd * sine), size * (even * sine + odd * cosine)


def bessel_j(v: Array, x: Array) -> Array:
    """J for large abs(x); of x < 0 only for whole orders (DLMF 10.11.1)."""
    value = bessel_waves(v, np.abs(x))[0]
    odd = np.fmod(v, 2) != 0
    negative = np.where(np.floor(v) == v, np.where(odd, -value, value), np.nan)
    return np.where(x < 0, negative, value)


def bessel_y(v: Array, x: Array) -> Array:
    return np.where(x < 0, np.nan, bessel_waves(v, np.abs(x))[1])


def scaled_tail(n: int, v: Array, x: Array, sign: int) -> Array:
    """The n-th derivative of the sum of sign^k a_k(v) / x^(k + 1/2), for x > 0 (DLMF 10.40.1 and 10.40.2)."""
    total = np.zeros_like(x)
    term = x**-0.5
    for k in range(SCALED_TERMS):
        total += term * math.prod(k + 0.5 + j for j in range(n))
        term = term * sign * (4 * v * v - (2 * k + 1) ** 2) / (8 * (k + 1) * x)
    return np.asarray((-1) ** n * total / x**n)


# Airy functions --------------------------------------------------------------------------------------------------
def airy_coefficients() -> tuple[Sequence[float], Sequence[float]]:
    """u_k and v_k (DLMF 9.7.2)."""
    u = [1.0]
    for k in range(1, 12):
        u.append(u[-1] * (6 * k - 5) * (6 * k - 3) * (6 * k - 1) / (216 * k * (2 * k - 1)))
    return u, [(6 * k + 1) / (1 - 6 * k) * c for k, c in enumerate(u)]


VALUES, SLOPES = airy_coefficients()


def airy_phase(z: Array) -> tuple[Array, Array]:
    """(2/3) z^(3/2) as a sum of two float64."""
    root = np.sqrt(z)
    square, rest = product(root, root)
    root_low = ((z - square) - rest) / (2 * root)
    high, low = product(z, root)
    low = low + z * root_low
    phase = high * (2 / 3)
    thrice, beyond = product(phase, np.full_like(phase, 3.0))
    return phase, ((2 * high - thrice) - beyond + 2 * low) / 3


def airy_waves(x: Array, coefficients: Sequence[float]) -> tuple[Array, Array, Array, Array]:
    """For large -x: sin and cos of phase - pi/4, and the sums of even and odd terms (DLMF 9.7.9 to 9.7.12)."""
    high, low = airy_phase(-x)
    s, c = turns(high, low)
    sums = [np.zeros_like(x), np.zeros_like(x)]
    for k, u in enumerate(coefficients):
        sums[k % 2] += (u if k % 4 < 2 else -u) / high**k
    half = math.sqrt(0.5)
    return half * (s - c), half * (s + c), sums[0], sums[1]


def airy(x: Array, which: int) -> Array:
    """Ai, Ai', Bi or Bi' for large -x, by their places in what SciPy's ``airy`` gives."""
    s, c, even, odd = airy_waves(x, SLOPES if which % 2 else VALUES)
    size = (-x) ** (0.25 if which % 2 else -0.25) / math.sqrt(math.pi)
    wave = (c * even + s * odd, s * even - c * odd, c * odd - s * even, c * even + s * odd)[which]
    return np.asarray(size * wave)
