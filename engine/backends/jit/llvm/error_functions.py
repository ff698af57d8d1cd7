"""erf, erfc and erfinv as polynomials, in formulas that run on all lanes at once.

Near 0, erf(x) = x + x P(x^2). Elsewhere erfc(x) = exp(-x^2) R(x) for positive x, where R, which decays as 1/x, is a
polynomial of t = (x - 3)/(x + 3) over a linear function (after Shepherd and Laframboise, Chebyshev approximation of
(1 + 2x) exp(x^2) erfc x in 0 <= x < infinity, 1981; the coefficients are fits of our own). For float64, R and x^2 are
pairs of numbers. For float32, erfc is computed as float64, with shorter polynomials, and rounded at the end.

erfinv(y) differs little from s = sqrt(-log(1 - |y|)) away from 0, by a polynomial of (s - k)/(s + k).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import fits, pairs
from .elementary import LN2, LOG2E, form_of, magic_bits, polynomial, power_of_two, reduced, scaled, short_log

if TYPE_CHECKING:
    from .values import Value

ULP = {"erf": 1.5, "erfc": 1.75, "erfinv": 1.5}
NEAR, NEAR_SHORT = 0.8, 0.9  # where the series about 0 ends
MIDDLE = 3.0  # where t is 0
ROOT, ROOT_SHORT = 2.0, 1.0  # the same of erfinv, as a function of s


def at_most(a: Value, limit: float) -> Value:
    """The smaller one; NaN stays."""
    return (a > limit).choose(a.like(limit), a)


def erf(x: Value) -> Value:
    """Error function."""
    a = x.abs()
    if x.only_float().kind == "float":
        near = x.fma(polynomial(x * x, fits.ERF_NEAR_SHORT), x)
        b = at_most(a, 4.0)
        n, p = reduced(polynomial(b, fits.ERF_FAR_SHORT), form_of(x))
        far = 1.0 - (p + 1.0) * power_of_two(n, form_of(x))
        return (a > NEAR_SHORT).choose(far.copysign(x), near)
    near = x.fma(polynomial(x * x, fits.ERF_NEAR), x)
    b = at_most(a, 6.0)
    n, p = reduced(-(b * b), form_of(x))
    above = polynomial((b - MIDDLE) / (b + MIDDLE), fits.ERFC_TAIL[:-1]) * power_of_two(n, form_of(x))
    far = 1.0 - p.fma(above, above) / (b + b + 1.0)
    return (a > NEAR).choose(far.copysign(x), near)


def erfc(x: Value) -> Value:
    """1 - erf(x), to full precision where it is small."""
    if x.only_float().kind == "float":
        return short_erfc(x.to("double")).to("float")
    a = x.abs()
    near = ((0.5 - x) - x * polynomial(x * x, fits.ERF_NEAR)) + 0.5
    far = scaled(*tail(at_most(a, 28.0)), form_of(x))
    far = (x < 0.0).choose(2.0 - far, far)
    return (a > NEAR).choose(far, near)


def short_erfc(x: Value) -> Value:
    """erfc to 29 bits: R = P(t) / (x + 3), with t = 1 - 6 / (x + 3)."""
    form = form_of(x)
    a = at_most(x.abs(), 20.0)
    over = 1.0 / (a + MIDDLE)
    r = polynomial(over.fma(-2 * MIDDLE, 1.0), fits.ERFC_TAIL_SHORT) * over
    square = a * a
    shifted = square.fma(-LOG2E, form.magic)
    e = polynomial((shifted - form.magic).fma(-LN2, -square), fits.EXP_SHORT)
    y = r * e * power_of_two(shifted.bitcast(form.bits), form)
    return (x < 0.0).choose(2.0 - y, y)


def tail(a: Value) -> tuple[Value, Value]:
    """erfc of numbers beyond ``NEAR``, over 2^n, and n."""
    form = form_of(a)
    double = a + a
    below = pairs.sorted_sum(double, double.like(1.0))
    first, *rest = fits.ERFC_TAIL[:-1]
    t = (a - MIDDLE) / (a + MIDDLE)
    above, lost = pairs.sorted_sum(a.like(first), t * polynomial(t, rest))
    r, low = pairs.quotient((above, lost + fits.ERFC_TAIL[-1]), below)
    a1 = pairs.head(a)
    n, p = reduced(-(a1 * a1), form, (a1 - a) * (a1 + a))
    return r + p.fma(r, p.fma(low, low)), n - magic_bits(form)


def erfinv(y: Value) -> Value:
    """The inverse of erf; infinite at 1 and -1, NaN beyond."""
    if y.only_float().kind == "float":
        return short_erfinv(y.to("double")).to("float")
    a = y.abs()
    near = (-y).fma(polynomial(y * y, fits.ERFINV_NEAR), y)
    high, low = pairs.log(1.0 - a)
    root, rest = pairs.sqrt((-high, -low))
    t = (root - ROOT) / (root + ROOT)
    return inverse(y, near, root + (polynomial(t, fits.ERFINV_TAIL) + rest))


def short_erfinv(y: Value) -> Value:
    """erfinv to 29 bits."""
    near = (-y).fma(polynomial(y * y, fits.ERFINV_NEAR_SHORT), y)
    root = (-short_log(1.0 - y.abs())).sqrt()
    t = (root - ROOT_SHORT) / (root + ROOT_SHORT)
    return inverse(y, near, root + polynomial(t, fits.ERFINV_TAIL_SHORT))


def inverse(y: Value, near: Value, far: Value) -> Value:
    """What holds where."""
    a = y.abs()
    far = (a < 1.0).choose(far, a.equals(1.0).choose(a.like(float("inf")), float("nan")))
    return (a <= 0.5).choose(near, far).copysign(y)
