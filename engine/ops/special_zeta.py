"""The zeta functions of Riemann and Hurwitz, with derivatives of any order in both arguments.

Derivatives in s are Taylor coefficients: a number is a row of the coefficients of powers of s - s0, the first axis of
an array.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

import numpy as np

from ..frozen import frozen
from ..graph import Constant, Cotangents, Like, Tensor, as_tensor
from ..table import op, real, sample
from ..types import Array
from .base import Computed, SciPy
from .special import hurwitz, whole
from .special_base import Float64, number, pieces

PSI, ZETA, GAMMALN = SciPy("psi"), SciPy("zeta", 2), SciPy("gammaln")
MOST = 20  # derivatives in s
TERMS = 14  # of the correction by Bernoulli numbers
START = 14  # from here on that correction converges to full accuracy, for small s
LARGE = 200.0
REFLECTED = -1.0  # below, Riemann's functional equation serves


def bernoulli_numbers(count: int) -> list[float]:
    """B_2j / (2j)! for j from 1 on."""
    b = [Fraction(1)]
    for n in range(1, 2 * count + 1):
        b.append(-sum((math.comb(n + 1, k) * b[k] for k in range(n)), Fraction(0)) / (n + 1))
    return [float(b[2 * j] / math.factorial(2 * j)) for j in range(1, count + 1)]


BERNOULLI = bernoulli_numbers(TERMS)


# Rows of Taylor coefficients --------------------------------------------------------------------------------------
def times(a: Array, b: Array) -> Array:
    """The product of two rows."""
    out = np.zeros(np.broadcast_shapes(a.shape, b.shape))
    for i in range(len(out)):
        for j in range(i + 1):
            out[i] += a[j] * b[i - j]
    return out


def power(base: Array, s: Array, n: int) -> Array:
    """base^-s"""
    log = -np.log(base)
    return np.stack([base**-s * log**j / math.factorial(j) for j in range(n + 1)])


def shifted(s: Array, c: float, n: int) -> Array:
    """s + c"""
    row = np.zeros((n + 1, *s.shape))
    row[0] = s + c
    if n:
        row[1] = 1
    return row


def exponential(row: Array) -> Array:
    """exp of a row, by e' = row' e."""
    out = np.zeros_like(row)
    out[0] = np.exp(row[0])
    for i in range(1, len(row)):
        out[i] = sum(j * row[j] * out[i - j] for j in range(1, i + 1)) / i
    return out


# zeta --------------------------------------------------------------------------------------------------------------
def steps(s: Array, q: Array) -> Array:
    """How many terms are added before the Euler-Maclaurin formula serves, which is from q + N = max(14, s) on.

    For large s fewer: behind (q + N)/q = e^(80/s) no term counts.
    """
    need = np.maximum(START, s) - q
    enough = np.where(s > LARGE, q * np.expm1(80 / np.maximum(s, LARGE)), np.inf)
    return np.asarray(np.ceil(np.clip(np.minimum(need, enough), 0, None)))


def euler_maclaurin(n: int, s: Array, q: Array) -> Array:
    """The row of zeta(s, q) for q > 0 (DLMF 25.11.5, 25.11.28), away from s = 1."""
    count = steps(s, q)
    total = np.zeros((n + 1, *s.shape))
    for k in range(int(count.max(initial=0))):
        some = k < count
        total[:, some] += power(q[some] + k, s[some], n)
    a = q + count
    last = power(a, s, n)
    pole = np.stack([(-1.0) ** j / (s - 1) ** (j + 1) for j in range(n + 1)])
    total += times(last, a * pole) + last / 2
    rising = times(last, shifted(s, 0, n)) / a
    for j, b in enumerate(BERNOULLI):
        total += b * rising
        rising = times(times(rising, shifted(s, 2 * j + 1, n)), shifted(s, 2 * j + 2, n)) / (a * a)
    return total


def functional_equation(n: int, s: Array) -> Array:
    """The row of zeta(s) for s < 0: 2 (2 pi)^(s - 1) sin(pi s/2) Gamma(1 - s) zeta(1 - s) (DLMF 25.4.2)."""
    t = 1 - s
    log = np.stack([GAMMALN(t), -PSI(t), *(ZETA(float(j), t) / j for j in range(2, n + 1))][: n + 1])
    log[0] -= t * math.log(2 * math.pi)
    if n:
        log[1] += math.log(2 * math.pi)
    turn = np.fmod(s / 2, 2)
    near = np.round(2 * turn)  # so many quarter turns, which cost no rounding
    rest = np.pi * (turn - near / 2)
    wave = np.stack([
        (math.pi / 2) ** j / math.factorial(j) * quarter(rest, near + j) for j in range(n + 1)
    ])  # fmt: skip
    mirrored = euler_maclaurin(n, t, np.ones_like(t)) * (-1.0) ** np.arange(n + 1)[:, None]
    return 2 * times(times(exponential(log), wave), mirrored)


def quarter(x: Array, turns: Array) -> Array:
    """sin(x + turns pi/2)"""
    k = np.mod(turns, 4)
    return np.where(k % 2 == 0, np.sin(x), np.cos(x)) * np.where(k > 1, -1, 1)


def riemann(n: int, s: Array) -> Array:
    """The n-th derivative of zeta(s); at the pole it is infinite."""
    factor = math.factorial(n)
    value = pieces(
        s,
        lambda s: factor * euler_maclaurin(n, s, np.ones_like(s))[n],
        (s < REFLECTED, lambda s: factor * functional_equation(n, s)[n]),
        (s == np.inf, lambda s: np.full_like(s, float(n == 0))),
    )
    return np.where(s == 1, np.inf if n == 0 else np.nan, value)


def hurwitz_zeta(n: int, s: Array, q: Array) -> Array:
    """The n-th derivative in s of zeta(s, q) for s > 1; for q <= 0 of whole s alone, and not differentiated."""

    def positive(s: Array, q: Array) -> Array:
        return np.asarray(math.factorial(n) * euler_maclaurin(n, s, q)[n])

    def negative(s: Array, q: Array) -> Array:
        out = np.full_like(q, np.nan)
        for k in np.unique(s[(np.floor(s) == s) & np.isfinite(s)]) if n == 0 else ():
            here = s == k
            part = np.empty(int(here.sum()))
            hurwitz(int(k), q[here], part)
            out[here] = part
        return out

    endless = np.isinf(s) & np.isinf(q)
    value = pieces(q, positive, (q <= 0, negative), (endless, lambda s, q: np.full_like(q, np.nan)), more=(s,))
    pole = np.inf if n == 0 else np.nan
    return np.where(s > 1, value, np.where(s == 1, pole, np.nan))


@cache
def kernel_of(nin: int, n: int) -> Float64:
    if nin == 1:
        return Float64(1, lambda s: riemann(n, s))
    return Float64(2, lambda s, q: hurwitz_zeta(n, s, q))


@frozen
class Riemann(Computed):
    """The n-th derivative of zeta(s)."""

    n: int = 0
    name = "zeta"

    @property
    def ufunc(self) -> Float64:
        return kernel_of(1, self.n)

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        return [g * Riemann(self.n + 1)(*inputs)]


@frozen
class Hurwitz(Computed):
    """The n-th derivative in s of zeta(s, q); that in q is one of zeta(s + 1, q) (DLMF 25.11.17)."""

    n: int = 0
    name = "hurwitz_zeta"

    @property
    def ufunc(self) -> Float64:
        return kernel_of(2, self.n)

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        s, q = inputs
        slope = s * Hurwitz(self.n)(s + 1, q)
        if self.n:
            slope = slope + self.n * Hurwitz(self.n - 1)(s + 1, q)
        return [g * Hurwitz(self.n + 1)(s, q), -g * slope]


@op(sample(real(3, low=1.5, high=4.0)), sample(real(2, 3, low=-3.0, high=0.5)), sample(
    real(3, low=1.5, high=4.0), real(3, low=0.5, high=3.0)), sample(real(3, low=1.5, high=4.0), n=1))  # fmt: skip
def zeta(x: Like, q: Like | None = None, n: int | Constant = 0) -> Tensor:
    """Riemann's zeta function of real x, or with ``q`` Hurwitz's, the sum of 1/(k + q)^x for k = 0, 1, ... and x > 1.

    ``n`` is the order of a derivative in x. With q <= 0, x is whole and n is 0 (DLMF 25.2.1, 25.11.1).

    >>> print(ag.zeta(2.0).eval().round(6), ag.zeta(3.0, 0.5).eval().round(6), ag.zeta(2.0, n=1).eval().round(6))
    1.644934 8.414398 -0.937548
    """
    k = whole("zeta", n, MOST)
    if q is None or number(q) == 1:
        return Riemann(k)(as_tensor(x))
    return Hurwitz(k)(as_tensor(x), as_tensor(q))
