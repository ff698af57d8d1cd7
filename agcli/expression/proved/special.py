"""Special functions of a proof, by the names of their ops, which say what the domains are."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial

from flint import acb, arb, arb_series, fmpq

from agcli.expression.enclosures.interval import NoValueError
from agcli.expression.proved.bessel import BESSEL, SIZE, aside, asked, is_zero, parameter
from agcli.expression.proved.elementary import log, log1p
from agcli.expression.proved.gammas import gamma, hurwitz, log_gamma, not_a_pole, sure
from agcli.expression.proved.numbers import (
    HALF,
    ONE,
    ZERO,
    BeyondError,
    Number,
    add,
    ball,
    divide,
    is_exact,
    is_whole,
    multiply,
    negative,
    subtract,
)
from agcli.expression.proved.site import Rule, Site, bounded, nonzero, positive, within


def plain(function: Callable[[arb], arb], size: int = SIZE) -> Rule:
    """A function that is smooth everywhere."""
    return lambda s, x: sure(function(bounded(x, size)))


def odd(function: Callable[[arb], arb], size: int = SIZE) -> Rule:
    """The same, and 0 at 0."""
    return lambda s, x: ZERO if is_zero(x) else sure(function(bounded(x, size)))


def above(function: Callable[[arb], arb]) -> Rule:
    """A function of positive numbers."""
    return lambda s, x: sure(function(bounded(positive(x), SIZE)))


# Zeta and beta -----------------------------------------------------------------------------------------------------
def series_of(s: Number, n: int, a: arb) -> arb:
    """The n-th derivative of zeta(s, a) in s."""
    found = arb_series([parameter(s), 1], n + 1).zeta(a)
    return found[n] * factorial(n)


def zeta(s: Site, x: Number) -> Number:
    """Riemann's, of which n counts the derivatives; at 1 it has a pole."""
    nonzero(subtract(x, ONE), "{0} is 1")
    n = s.op.n
    if n == 0 and isinstance(x, fmpq) and is_whole(x) and x < 0 and x.p % 2 == 0:
        return ZERO
    return sure(series_of(x, n, arb(1)) if n else parameter(x).zeta())


def hurwitz_zeta(s: Site, x: Number, q: Number) -> Number:
    """For x > 1, and for q <= 0 of whole x alone."""
    if asked(subtract(x, ONE), "{0} is 1") <= 0:
        raise NoValueError
    n = s.op.n
    if asked(q, "{1} is 0") > 0:
        return sure(series_of(x, n, bounded(q, SIZE)))
    not_a_pole(q)
    if n or not (isinstance(x, fmpq) and is_whole(x)):
        raise NoValueError
    parameter(x)
    return hurwitz(int(x.p), q)


def beta(s: Site, a: Number, b: Number) -> Number:
    """gamma(a) gamma(b)/gamma(a + b), but where it is a limit at a pole."""
    for value in (a, b):
        if is_whole(value) and asked(value, "{0} is positive") <= 0:
            raise BeyondError("at a pole of the gamma function it is a limit")
    both = add(a, b)
    if is_whole(both) and asked(both, "{0} + {1} is 0") <= 0:
        return ZERO
    return divide(multiply(gamma(a), gamma(b)), gamma(both))


def log_beta(s: Site, a: Number, b: Number) -> Number:
    return subtract(add(log_gamma(a), log_gamma(b)), log_gamma(add(a, b)))


def incomplete_beta(s: Site, a: Number, b: Number, x: Number) -> Number:
    """I_x(a, b); above 1/2 as 1 - I_(1-x)(b, a) (DLMF 8.17.4)."""
    for value in (a, b):
        if asked(value, "a parameter is positive") <= 0:
            raise NoValueError
    rest = subtract(ONE, x)
    for value in (x, rest):
        side = asked(value, "{2} is 0 or 1")
        if side < 0:
            raise NoValueError
        if side == 0:
            s.touch()
            return ZERO if value is x else ONE
    p, q = parameter(a), parameter(b)
    if ball(x) > 0.5:
        return 1 - sure(aside(ball(rest)).beta_lower(q, p, 1).real)
    return sure(aside(ball(x)).beta_lower(p, q, 1).real)


def incomplete_gamma(upper: bool) -> Rule:
    """P or Q, for a > 0 and x >= 0; each as it is where it is small, and as 1 minus the other elsewhere."""

    def rule(s: Site, a: Number, x: Number) -> Number:
        if asked(a, "{0} is positive") <= 0:
            raise NoValueError
        side = asked(x, "{1} is 0")
        if side < 0:
            raise NoValueError
        if side == 0:
            s.touch()
            return ONE if upper else ZERO
        p, z = parameter(a), bounded(x, SIZE)
        if z > p:
            found = sure(aside(z).gamma_upper(p, 1).real)
            return found if upper else 1 - found
        found = sure(aside(z).gamma_lower(p, 1).real)
        return 1 - found if upper else found

    return rule


def gauss(s: Site, a: Number, b: Number, c: Number, x: Number) -> Number:
    """F(a, b; c; x) for x < 1."""
    if is_whole(c) and asked(c, "{2} is positive") <= 0:
        raise BeyondError("its third parameter is 0 or a negative whole number")
    if asked(subtract(ONE, x), "{3} is 1") <= 0:
        raise BeyondError("from 1 on it is a limit")
    if is_zero(x):
        return ONE
    return sure(aside(bounded(x, SIZE)).hypgeom_2f1(parameter(a), parameter(b), parameter(c)).real)


# Integrals ---------------------------------------------------------------------------------------------------------
def exponential_integral(s: Site, x: Number) -> Number:
    return sure(bounded(nonzero(x), SIZE).ei())


def scaled_erfc(x: arb) -> arb:
    return (x * x).exp() * x.erfc()


# The normal distribution -------------------------------------------------------------------------------------------
def normal(x: arb) -> arb:
    return (-x / arb(2).sqrt()).erfc() / 2


def log_normal(x: arb) -> arb:
    return (-normal(-x)).log1p() if x > 0 else normal(x).log()


def normal_distribution(s: Site, x: Number) -> Number:
    return HALF if is_zero(x) else sure(normal(bounded(x, SIZE)))


def normal_quantile(s: Site, x: Number) -> Number:
    within(s, x, 0, 1, ends=False)
    if is_exact(x) and x == HALF:
        return ZERO
    return sure(-arb(2).sqrt() * (2 * ball(x)).erfcinv())


def logit(s: Site, x: Number) -> Number:
    within(s, x, 0, 1, ends=False)
    return ZERO if is_exact(x) and x == HALF else subtract(log(x), log1p(negative(x)))


def log1mexp(s: Site, x: Number) -> Number:
    """log(1 - exp(-x)) for x > 0"""
    positive(x)
    value = bounded(x, SIZE)
    return sure((-(-value).exp()).log1p() if value > 1 else (-(-value).expm1()).log())


# Elliptic integrals and Lambert's W ----------------------------------------------------------------------------------
def elliptic(function: Callable[[acb], acb], at_one: bool) -> Rule:
    """K or E of the parameter m <= 1; K is infinite at 1."""

    def rule(s: Site, m: Number) -> Number:
        within(s, m, None, 1, ends=at_one)
        if at_one and is_exact(m) and m == 1:
            return ONE
        return sure(function(acb(bounded(m, 1100))).real)

    return rule


def lambert(branch: int) -> Rule:
    """W on one of its real branches, from -1/e on, where both end."""

    def rule(s: Site, x: Number) -> Number:
        if s.sign(add(x, (arb(-1)).exp()), "{0} is -1/e") < 0:
            raise NoValueError
        if branch == 0:
            return ZERO if is_zero(x) else sure(ball(x).lambertw())
        if asked(x, "{0} is 0") >= 0:
            raise NoValueError
        return sure(ball(x).lambertw(branch))

    return rule


SPECIAL: dict[str, Rule] = {
    **BESSEL,
    "airyai": plain(arb.airy_ai),
    "airyaiprime": plain(lambda x: x.airy_ai(derivative=1)),
    "airybi": plain(arb.airy_bi),
    "airybiprime": plain(lambda x: x.airy_bi(derivative=1)),
    "zeta": zeta,
    "hurwitz_zeta": hurwitz_zeta,
    "beta": beta,
    "betaln": log_beta,
    "betainc": incomplete_beta,
    "gammainc": incomplete_gamma(upper=False),
    "gammaincc": incomplete_gamma(upper=True),
    "hyp2f1": gauss,
    "expi": exponential_integral,
    "exp1": above(lambda x: -(-x).ei()),
    "sinint": odd(arb.si),
    "cosint": above(arb.ci),
    "fresnels": odd(lambda x: x.fresnel_s()),
    "fresnelc": odd(lambda x: x.fresnel_c()),
    "erfi": odd(arb.erfi),
    "erfcx": plain(scaled_erfc),
    "ndtr": normal_distribution,
    "ndtri": normal_quantile,
    "log_ndtr": plain(log_normal),
    "logit": logit,
    "log1mexp": log1mexp,
    "ellipk": elliptic(acb.elliptic_k, at_one=False),
    "ellipe": elliptic(acb.elliptic_e, at_one=True),
    "lambertw": lambert(0),
    "lambertw_lower": lambert(-1),
}
