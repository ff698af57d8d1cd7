"""Special functions of a proof, by the names of their ops, which say what the domains are."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial

from flint import acb, arb, arb_series, ctx, fmpq

from agcli.expression.enclosures.interval import NoValueError
from agcli.expression.proved.elementary import log, log1p
from agcli.expression.proved.gammas import gamma, hurwitz, log_gamma, not_a_pole, sure
from agcli.expression.proved.numbers import (
    HALF,
    ONE,
    ZERO,
    BeyondError,
    Number,
    UndecidedError,
    absolute,
    add,
    ball,
    divide,
    is_exact,
    is_whole,
    multiply,
    negative,
    rational,
    sign,
    subtract,
)
from agcli.expression.proved.site import Rule, Site, bounded, nonzero, positive, within

MAX_PARAMETER = 10  # bits of an order or a parameter before the point
SIZE = 100  # bits of an argument


def parameter(value: Number) -> arb:
    return bounded(value, MAX_PARAMETER, f"a parameter of it is beyond {1 << MAX_PARAMETER:,}")


def aside(x: arb) -> acb:
    """The number among complex ones that are next to it, so that FLINT takes no integral, which may take minutes.

    What is analytic at x has its value there in the ball of what it is around x.
    """
    return acb(x, arb(0, arb((1, -4 * ctx.prec))))


def is_zero(value: Number) -> bool:
    return is_exact(value) and not value


def asked(value: Number, question: str) -> int:
    """The sign of a number."""
    found = sign(value)
    if found is None:
        raise UndecidedError(question)
    return found


# Bessel and Airy ---------------------------------------------------------------------------------------------------
Bessel = Callable[[arb, arb], arb]


def first_kind(function: Bessel) -> Rule:
    """J or I of real order: below 0 of whole orders alone, (-1)^v times the value above for J and for I alike."""

    def rule(s: Site, v: Number, x: Number) -> Number:
        side = asked(x, "{1} is 0")
        order = parameter(v)
        whole = is_whole(v)
        if side < 0 and not whole:
            if order.contains_integer():
                raise UndecidedError("{0} is a whole number")
            raise NoValueError
        if side == 0:
            return at_origin(s, v, order)
        odd = isinstance(v, fmpq) and whole and v.p % 2 == 1
        value = sure(function(abs(bounded(x, SIZE)), order))
        return -value if side < 0 and odd else value

    return rule


def at_origin(s: Site, v: Number, order: arb) -> Number:
    """1 for v = 0, 0 for whole orders and those above 0; a power x^v that is not smooth for others."""
    if is_whole(v):
        return ZERO if v else ONE
    s.touch()
    if order > 0:
        return ZERO
    raise NoValueError


def second_kind(function: Bessel) -> Rule:
    """Y or K, for x > 0."""

    def rule(s: Site, v: Number, x: Number) -> Number:
        if asked(x, "{1} is positive") <= 0:
            raise NoValueError
        return sure(function(bounded(x, SIZE), parameter(v)))

    return rule


def scaled_first(s: Site, v: Number, x: Number) -> Number:
    """exp(-|x|) I, which has a kink at 0."""
    if asked(x, "{1} is 0") == 0:
        s.touch()
    size = bounded(absolute(x), SIZE)
    return multiply(I(s, v, x), (-size).exp())


def fixed(rule: Rule, order: int) -> Rule:
    """A Bessel function of an order as a function of one number."""

    def of_one(s: Site, x: Number) -> Number:
        inner = Site((0, *s.moving), s.op)
        try:
            value = rule(inner, rational(order), x)
        except UndecidedError as e:
            raise UndecidedError(e.question.replace("{1}", "{0}")) from None
        s.singular |= inner.singular
        return value

    return of_one


J, I = first_kind(arb.bessel_j), first_kind(lambda x, v: aside(x).bessel_i(v).real)  # noqa: E741
Y, K = second_kind(arb.bessel_y), second_kind(lambda x, v: aside(x).bessel_k(v).real)
BESSELS = {"j": J, "y": Y, "i": I, "k": K}
SCALED_K = second_kind(lambda x, v: aside(x).bessel_k(v, scaled=True).real)


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
    "jv": J,
    "yv": Y,
    "iv": I,
    "kv": K,
    "ive": scaled_first,
    "kve": SCALED_K,
    **{f"{name}{order}": fixed(rule, order) for name, rule in BESSELS.items() for order in (0, 1)},
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
