"""Bessel functions of a proof, and what special functions share."""

from __future__ import annotations

from collections.abc import Callable

from flint import acb, arb, ctx, fmpq

from agcli.expression.enclosures.interval import NoValueError
from agcli.expression.proved.gammas import sure
from agcli.expression.proved.numbers import (
    ONE,
    ZERO,
    Number,
    UndecidedError,
    absolute,
    is_exact,
    is_whole,
    multiply,
    rational,
    sign,
)
from agcli.expression.proved.site import Rule, Site, bounded

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

BESSEL: dict[str, Rule] = {
    "jv": J,
    "yv": Y,
    "iv": I,
    "kv": K,
    "ive": scaled_first,
    "kve": SCALED_K,
    **{f"{name}{order}": fixed(rule, order) for name, rule in BESSELS.items() for order in (0, 1)},
}
