"""lgamma and digamma as polynomials, in formulas that run on all lanes at once.

lgamma(a) of positive numbers is (a - 1)(a - 2) times a polynomial of (a - k)/(a + k) below 3, and Stirling's formula
with a polynomial of 1/a^2 for its series above (DLMF 5.11.1); below 1, the recurrence lgamma(1 + a) - log(a) leads
there. digamma(1 + a) is log(a + 1/2) and a polynomial of (a - 1)/(a + 1). Negative numbers are reflected (DLMF 5.5.3,
5.5.4). For float64 every sum of large parts is one of pairs of numbers, as near the zeros between the poles nothing
else is left of them; for float32 the same formulas run as float64, with shorter polynomials.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from . import fits, pairs
from .elementary import LARGEST, polynomial, short_log

if TYPE_CHECKING:
    from .pairs import Pair
    from .values import Value

ULP = {"lgamma": 1.75, "digamma": 1.5}
STIRLING = 3.0  # from here on
MIDDLE = 1.75  # k
LEVEL = (0.4189385332046727, 1.6728209650585413e-17)  # log(2 pi)/2 - 1/2
WHOLE = 2.0**52  # all numbers from here on are whole
OVERFLOW = 2.5599833278516383e305  # beyond, lgamma is infinite
TINY = 2.0**-900
INF, NAN = math.inf, math.nan


def fraction(a: Value) -> Value:
    """What a positive number is beyond the nearest whole number; 0 for large ones."""
    return (a < WHOLE).choose(a - ((a + WHOLE) - WHOLE), 0.0)


def lgamma(x: Value) -> Value:
    """The logarithm of the absolute value of the gamma function; infinite at its poles."""
    if x.only_float().kind == "float":
        return short_lgamma(x.to("double")).to("float")
    a, negative = x.abs(), x < 0.0
    below_one = a < 1.0
    log = pairs.log(a)
    core = (a < STIRLING).choose
    near, far = between_zeros(a), stirling(a, log)
    part = fraction(a)
    sine = pairs.log_of(scaled_sine(part))
    # below 1, ``near`` is that of 1 + a; mirrored, the logarithm is needed where it is not otherwise
    recurrence = below_one ^ negative

    def terms(k: int) -> tuple[Value, Value, Value]:
        first = core(near[k], far[k])
        first = negative.choose(-first, first)
        return first, recurrence.choose(-log[k], 0.0), negative.choose(-sine[k], 0.0)

    y = added(terms(0), terms(1))
    return ends_of_lgamma(x, y, part)


def short_lgamma(x: Value) -> Value:
    """lgamma to 29 bits."""
    a, negative = x.abs(), x < 0.0
    below_one = a < 1.0
    log = short_log(a)
    b = below_one.choose(a, a - 1.0)
    near = b * (b - 1.0) * polynomial((b + (1.0 - MIDDLE)) / (b + (1.0 + MIDDLE)), fits.LGAMMA_NEAR_SHORT)
    over = 1.0 / a
    far = (a - 0.5).fma(log - 1.0, over.fma(polynomial(over * over, fits.LGAMMA_FAR_SHORT), LEVEL[0]))
    y = (a < STIRLING).choose(near, far)
    part = fraction(a)
    z = part * part
    sine = short_log(part.abs() * (1.0 - z * polynomial(z, fits.SINE_SHORT)))
    y = negative.choose(-y - sine, y) + (below_one ^ negative).choose(-log, 0.0)
    return ends_of_lgamma(x, y, part)


def ends_of_lgamma(x: Value, y: Value, part: Value) -> Value:
    """``y``, but infinite at the poles and where it overflows."""
    pole = (x <= 0.0) & part.equals(0.0)
    return (pole | (x.abs() > OVERFLOW)).choose(y.like(INF), y)


def between_zeros(a: Value) -> Pair:
    """lgamma(a) for a from 1 to 3, and lgamma(1 + a) below."""
    b = (a < 1.0).choose(a, a - 1.0)
    less = pairs.sorted_sum(b.like(-1.0), b)
    high, low = pairs.two_product(b, less[0])
    t = pairs.quotient((b - (MIDDLE - 1.0), b.like(0.0)), pairs.sorted_sum(b.like(1.0 + MIDDLE), b))
    start, slope = (b.like(c) for c in fits.LGAMMA_NEAR[:2])
    line = pairs.product((slope, b.like(fits.LGAMMA_NEAR[-1])), t)
    factor, lost = pairs.sorted_sum(start, line[0])
    lost = lost + (line[1] + t[0] * t[0] * polynomial(t[0], fits.LGAMMA_NEAR[2:-2]) + fits.LGAMMA_NEAR[-2])
    return pairs.product((high, low + b * less[1]), pairs.sorted_sum(factor, lost))


def stirling(a: Value, log: Pair) -> Pair:
    """(a - 1/2)(log(a) - 1) + log(2 pi)/2 - 1/2 + P(1/a^2)/a."""
    high, low = pairs.sorted_sum(log[0], a.like(-1.0))
    high, low = pairs.product(pairs.sorted_sum(a, a.like(-0.5)), (high, low + log[1]))
    over = 1.0 / a
    low = low + over.fma(polynomial(over * over, fits.LGAMMA_FAR), LEVEL[1])
    high, lost = pairs.two_sum(high, a.like(LEVEL[0]))
    return high, lost + low


def scaled_sine(r: Value) -> Pair:
    """abs(sin(pi r)) / pi, for r up to 1/2."""
    z = pairs.two_product(r, r)
    first, *rest = fits.SINE[:-1]
    factor, lost = pairs.sorted_sum(r.like(first), z[0] * polynomial(z[0], rest))
    high, low = pairs.product(z, (factor, lost + fits.SINE[-1]))
    near, lost = pairs.sorted_sum(r.like(1.0), -high)
    size = r.abs()
    high, rounding = pairs.two_product(size, near)
    return high, rounding + size * (lost - low)


def added(highs: tuple[Value, Value, Value], lows: tuple[Value, Value, Value]) -> Value:
    """The sum of three pairs."""
    one, lost = pairs.two_sum(highs[0], highs[1])
    two, again = pairs.two_sum(one, highs[2])
    return two + ((lost + again) + (lows[0] + lows[1] + lows[2]))


def digamma(x: Value) -> Value:
    """The derivative of lgamma; NaN at its poles, but infinite at the zeros of either sign."""
    if x.only_float().kind == "float":
        return short_digamma(x.to("double")).to("float")
    a, negative = x.abs(), x < 0.0
    total = pairs.two_sum(a, a.like(0.5))
    high, low = pairs.log_of(total)
    low = low + polynomial((a - 1.0) / (a + 1.0), fits.DIGAMMA)
    part = fraction(a)
    below = negative.choose(part, -a)
    over = 1.0 / below
    whole, rounding = pairs.two_product(over, below)
    rest = ((1.0 - whole) - rounding) * over
    z = part * part
    first, *others = fits.COTANGENT[:-1]
    factor, lost = pairs.sorted_sum(z.like(first), z * polynomial(z, others))
    turn, turned = pairs.two_product(part, factor)
    turned = turned + part * (lost + fits.COTANGENT[-1])
    y = added((over, high, negative.choose(-turn, 0.0)), (rest, low, negative.choose(-turned, 0.0)))
    return ends_of_digamma(x, y, part)


def short_digamma(x: Value) -> Value:
    """digamma to 29 bits; near its zeros, less is wrong than that of 1."""
    a, negative = x.abs(), x < 0.0
    part = fraction(a)
    z = part * part
    y = short_log(a + 0.5) + polynomial((a - 1.0) / (a + 1.0), fits.DIGAMMA_SHORT)
    y = y - negative.choose(part * polynomial(z, fits.COTANGENT_SHORT), 0.0)
    return ends_of_digamma(x, y + 1.0 / negative.choose(part, -a), part)


def ends_of_digamma(x: Value, y: Value, part: Value) -> Value:
    """``y``, but what it is near 0, where the rest does not count, at the poles, and for infinity."""
    y = (x.abs() < TINY).choose(-1.0 / x, y)
    y = ((x < 0.0) & part.equals(0.0)).choose(y.like(NAN), y)
    return (x > LARGEST["double"]).choose(x, y)
