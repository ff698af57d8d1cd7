"""Bessel and Airy functions of a real argument, with derivatives of any order in it."""

from __future__ import annotations

import math

import numpy as np

from ..graph import Constant, Cotangents, Like, Tensor, call
from ..table import Arg, Sample, real, sample
from ..types import Array
from . import special_asymptotics as asymptotics
from .base import Rule, SciPy
from .elementwise import HALF, sign
from .special_base import Compute, Series, function, number, one, parameters, pieces, refused, scipy, series

JV, YV, IVE, KVE = (SciPy(name, 2) for name in ("jv", "yv", "ive", "kve"))
ORDER = "its order v"


def samples(low: float = 0.5, high: float = 3.0) -> tuple[Sample, ...]:
    """Orders, which are not differentiated, and arguments."""
    zero = Arg(lambda rng: 0, real=False)
    return sample(*parameters((-2, 3)), real(3, low=low, high=high)), sample(zero, real(2, 3, low=low, high=high))


# Orders ----------------------------------------------------------------------------------------------------------
def with_waves(plain: SciPy, waves: Compute) -> Compute:
    """SciPy's function, but that of ``asymptotics`` for large x."""
    return lambda v, x: pieces(x, plain, (asymptotics.far(v, x), waves), more=(v,))


J, Y = with_waves(JV, asymptotics.bessel_j), with_waves(YV, asymptotics.bessel_y)


def neighbors(name: str, plus: int, outer: int) -> Rule:
    """Half of what the orders v - 1 and v + 1 give (DLMF 10.6.1, 10.29.1); for v = 0 these two are alike."""

    def rule(g: Tensor, y: Tensor, v: Tensor, x: Tensor) -> Cotangents:
        above = call(name, v + 1, x)
        if number(v) == 0:
            return [*refused(name, ORDER), outer * plus * (g * above)]
        below = call(name, v - 1, x)
        return [*refused(name, ORDER), outer * (HALF * g * (below + above if plus > 0 else below - above))]

    return rule


@function(J, neighbors("jv", -1, 1), *samples())
def jv(v: Like, x: Like) -> Tensor:
    """Bessel function of the first kind J of real order v (DLMF 10.2.2).

    For x < 0 the order is whole. The derivative is in x alone.

    >>> print(ag.jv(1, 2.0).eval().round(6))
    0.576725
    """
    return call("jv", v, x)


@function(Y, neighbors("yv", -1, 1), *samples())
def yv(v: Like, x: Like) -> Tensor:
    """Bessel function of the second kind Y of real order v, for x > 0 (DLMF 10.2.3).

    The derivative is in x alone.

    >>> print(ag.yv(1, 2.0).eval().round(6))
    -0.107032
    """
    return call("yv", v, x)


@function(scipy("iv", 2), neighbors("iv", 1, 1), *samples())
def iv(v: Like, x: Like) -> Tensor:
    """Modified Bessel function of the first kind I of real order v (DLMF 10.25.2).

    For x < 0 the order is whole. The derivative is in x alone. It overflows from x = 714 on; ``ive`` does not.

    >>> print(ag.iv(1, 2.0).eval().round(6))
    1.590637
    """
    return call("iv", v, x)


@function(scipy("kv", 2), neighbors("kv", 1, -1), *samples())
def kv(v: Like, x: Like) -> Tensor:
    """Modified Bessel function of the second kind K of real order v, for x > 0 (DLMF 10.25.3).

    The derivative is in x alone. It is 0 from x = 746 on; ``kve`` is not.

    >>> print(ag.kv(1, 2.0).eval().round(6))
    0.139866
    """
    return call("kv", v, x)


# Exponentially scaled ---------------------------------------------------------------------------------------------
def shifts(n: int, v: Array, x: Array, scaled: SciPy, outer: int) -> Array:
    """The n-th derivative by orders around v: that of exp(-x) I is half of the second difference of the orders."""
    total = np.zeros_like(x)
    for i in range(2 * n + 1):
        total += (-1) ** i * outer**n * math.comb(2 * n, i) * scaled(v + n - i, x)
    return np.asarray(total / 2**n)


def kve_shifts(n: int, v: Array, x: Array) -> Array:
    """The n-th derivative of exp(x) K: minus half of the second difference of the orders."""
    return shifts(n, v, x, KVE, -1)


def ive_shifts(n: int, v: Array, x: Array) -> Array:
    """Whole orders are even or odd; at 0, where exp(-abs(x)) has its kink, the slope is the mean of both sides."""
    size = np.abs(x)
    value = shifts(n, v, size, IVE, 1)
    mirrored = np.where(np.floor(v) == v, (-1.0) ** (v + n) * value, np.nan)
    both = (IVE(v - 1, size) + IVE(v + 1, size)) / 2
    return np.where(x < 0, mirrored, np.where((x == 0) & (n == 1), both, value))


def ive_compute(n: int, v: Array, x: Array) -> Array:
    def tail(v: Array, x: Array) -> Array:
        value = asymptotics.scaled_tail(n, v, np.abs(x), -1) / math.sqrt(2 * math.pi)
        return np.where(x < 0, np.where(np.floor(v) == v, (-1.0) ** (v + n) * value, np.nan), value)

    def near(v: Array, x: Array) -> Array:
        return ive_shifts(n, v, x) if n else np.asarray(IVE(v, x))

    return pieces(x, near, (asymptotics.far_scaled(v, x), tail), more=(v,))


def kve_compute(n: int, v: Array, x: Array) -> Array:
    def tail(v: Array, x: Array) -> Array:
        return asymptotics.scaled_tail(n, v, x, 1) * math.sqrt(math.pi / 2)

    def near(v: Array, x: Array) -> Array:
        return kve_shifts(n, v, x)

    return pieces(x, near, (asymptotics.far_scaled(v, x) & (x > 0), tail), more=(v,))


def next_order(v: Tensor, k: int) -> Tensor:
    """v + k; a number at once."""
    order = number(v)
    if order is not None:
        return Constant(order + k, v.type)
    return v + k if k > 0 else v - -k if k else v


def ive_formula(n: int, v: Tensor, x: Tensor) -> Tensor:
    """The derivative of the order v is made of those of the orders beside it."""
    if n == 0:
        return call("ive", v, x)
    around = [ive_formula(n - 1, next_order(v, k), x) for k in (-1, 0, 1)]
    return HALF * (around[0] + around[2]) - sign(x) * around[1]


def kve_formula(n: int, v: Tensor, x: Tensor) -> Tensor:
    if n == 0:
        return call("kve", v, x)
    around = [kve_formula(n - 1, next_order(v, k), x) for k in (-1, 0, 1)]
    return around[1] - HALF * (around[0] + around[2])


@function(*series("ive", Series(2, ive_compute, ive_formula, (ORDER,))), *samples())
def ive(v: Like, x: Like) -> Tensor:
    """exp(-abs(x)) I(v, x), without overflow.

    For x < 0 the order is whole. The derivative is in x alone.

    >>> print(ag.ive(1, 1000.0).eval().round(6))
    0.012611
    """
    return call("ive", v, x)


@function(*series("kve", Series(2, kve_compute, kve_formula, (ORDER,))), *samples())
def kve(v: Like, x: Like) -> Tensor:
    """exp(x) K(v, x) for x > 0, which is not 0 for large x.

    The derivative is in x alone.

    >>> print(ag.kve(1, 1000.0).eval().round(6))
    0.039648
    """
    return call("kve", v, x)


# Orders 0 and 1 ---------------------------------------------------------------------------------------------------
def fixed(name: str, order: int, waves: Compute | None = None) -> Compute:
    """SciPy's function of an order, but that of ``asymptotics`` for large x."""
    plain = SciPy(name)
    if waves is None:
        return scipy(name)

    def compute(x: Array) -> Array:
        v = np.full_like(x, order)
        return pieces(x, lambda v, x: plain(x), (asymptotics.far(v, x), waves), more=(v,))

    return compute


@function(fixed("j0", 0, asymptotics.bessel_j), lambda g, y, x: (-g * call("j1", x),), *one())
def j0(x: Like) -> Tensor:
    """Bessel function of the first kind of order 0, jv(0, x).

    >>> print(ag.j0(1.0).eval().round(6))
    0.765198
    """
    return call("j0", x)


@function(fixed("j1", 1, asymptotics.bessel_j), lambda g, y, x: (HALF * g * (j0(x) - jv(2, x)),), *one())
def j1(x: Like) -> Tensor:
    """Bessel function of the first kind of order 1, jv(1, x).

    >>> print(ag.j1(1.0).eval().round(6))
    0.440051
    """
    return call("j1", x)


@function(fixed("y0", 0, asymptotics.bessel_y), lambda g, y, x: (-g * call("y1", x),), *one(0.5, 3.0))
def y0(x: Like) -> Tensor:
    """Bessel function of the second kind of order 0, yv(0, x), for x > 0.

    >>> print(ag.y0(1.0).eval().round(6))
    0.088257
    """
    return call("y0", x)


@function(fixed("y1", 1, asymptotics.bessel_y), lambda g, y, x: (HALF * g * (y0(x) - yv(2, x)),), *one(0.5, 3.0))
def y1(x: Like) -> Tensor:
    """Bessel function of the second kind of order 1, yv(1, x), for x > 0.

    >>> print(ag.y1(1.0).eval().round(6))
    -0.781213
    """
    return call("y1", x)


@function(fixed("i0", 0), lambda g, y, x: (g * call("i1", x),), *one())
def i0(x: Like) -> Tensor:
    """Modified Bessel function of the first kind of order 0, iv(0, x).

    >>> print(ag.i0(1.0).eval().round(6))
    1.266066
    """
    return call("i0", x)


@function(fixed("i1", 1), lambda g, y, x: (HALF * g * (i0(x) + iv(2, x)),), *one())
def i1(x: Like) -> Tensor:
    """Modified Bessel function of the first kind of order 1, iv(1, x).

    >>> print(ag.i1(1.0).eval().round(6))
    0.565159
    """
    return call("i1", x)


@function(fixed("k0", 0), lambda g, y, x: (-g * call("k1", x),), *one(0.5, 3.0))
def k0(x: Like) -> Tensor:
    """Modified Bessel function of the second kind of order 0, kv(0, x), for x > 0.

    >>> print(ag.k0(1.0).eval().round(6))
    0.421024
    """
    return call("k0", x)


@function(fixed("k1", 1), lambda g, y, x: (-HALF * g * (k0(x) + kv(2, x)),), *one(0.5, 3.0))
def k1(x: Like) -> Tensor:
    """Modified Bessel function of the second kind of order 1, kv(1, x), for x > 0.

    >>> print(ag.k1(1.0).eval().round(6))
    0.601907
    """
    return call("k1", x)
