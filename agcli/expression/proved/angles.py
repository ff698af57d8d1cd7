"""Trigonometric and hyperbolic functions of a proof, and their inverses."""

from __future__ import annotations

from collections.abc import Callable

from flint import arb, fmpq

from agcli.expression.enclosures.interval import NoValueError
from agcli.expression.proved.elementary import TOO_LARGE, exp, log1p, smooth
from agcli.expression.proved.numbers import (
    HALF,
    ONE,
    ZERO,
    Number,
    PiTimes,
    UndecidedError,
    absolute,
    add,
    ball,
    divide,
    is_exact,
    large,
    multiply,
    negative,
    sign,
    subtract,
    times_pi,
)
from agcli.expression.proved.site import Rule, Site, bounded, nonzero, within

MAX_ANGLE = 300_000  # bits of a number whose sine is taken
TURN, HALF_TURN = fmpq(2), fmpq(1)


def turns(a: Number) -> fmpq | None:
    """A multiple of pi that is known exactly, as its factor in [0, 2)."""
    if isinstance(a, PiTimes):
        return a.factor - TURN * fmpq((a.factor / TURN).floor())
    return ZERO if is_exact(a) and not a else None


def sine_of(factor: fmpq) -> Number:
    """sin(factor pi), which is rational for whole multiples of pi/2 and some of pi/6 alone (Niven's theorem)."""
    if factor < 0 or factor >= TURN:
        factor = factor - TURN * fmpq((factor / TURN).floor())
    if factor >= HALF_TURN:
        return negative(sine_of(factor - HALF_TURN))
    exact = {ZERO: ZERO, fmpq(1, 6): HALF, HALF: ONE, fmpq(5, 6): HALF}.get(factor)
    return arb.sin_pi_fmpq(factor) if exact is None else exact


def sin(a: Number) -> Number:
    factor = turns(a)
    return bounded(a, MAX_ANGLE).sin() if factor is None else sine_of(factor)


def cos(a: Number) -> Number:
    factor = turns(a)
    return bounded(a, MAX_ANGLE).cos() if factor is None else sine_of(factor + HALF)


def tan(a: Number) -> Number:
    factor = turns(a)
    if factor is None:
        found = bounded(a, MAX_ANGLE).tan()
        if not found.is_finite():
            raise UndecidedError("{0} is where tan is infinite")
        return found
    below = sine_of(factor + HALF)
    if not sign(below):
        raise NoValueError
    if factor.q == 4:
        return ONE if factor in (fmpq(1, 4), fmpq(5, 4)) else -ONE
    return divide(sine_of(factor), below)


def arcsin(s: Site, a: Number) -> Number:
    within(s, a, -1, 1)
    if isinstance(a, fmpq):
        size = {ZERO: ZERO, HALF: fmpq(1, 6), ONE: HALF}.get(abs(a))
        if size is not None:
            return times_pi(size if a > 0 else -size)
    return ball(a).asin()


def arccos(s: Site, a: Number) -> Number:
    known = arcsin(s, a)
    if isinstance(known, arb):
        return ball(a).acos()
    return subtract(PiTimes(HALF), known)


def arctan(a: Number) -> Number:
    if isinstance(a, fmpq) and a in (-ONE, ZERO, ONE):
        return times_pi(a / 4)
    return ball(a).atan()


def arctan2(s: Site, a: Number, b: Number) -> Number:
    """The angle of the point (b, a); 0 at the origin, where there is no derivative."""
    right = sign(b)
    if right is not None and right > 0:
        return arctan(divide(a, b))
    above = sign(a)
    if above is None:
        raise UndecidedError("{0} is 0")
    if above == 0:
        s.touch()
        if right is None:
            raise UndecidedError("{1} is 0")
        return times_pi(ONE) if right < 0 else ZERO
    quarter = PiTimes(HALF if above > 0 else -HALF)
    return subtract(quarter, arctan(divide(b, a)))


def sinc(s: Site, a: Number) -> Number:
    """The n-th derivative of sin(pi x)/(pi x): of the integral of cos(pi x t) over t in [0, 1].

    With z = pi x it is pi^n f_n, where z f_n = sin(z + n pi/2) - n f_(n-1) by parts; around 0 by its power series.
    """
    n = s.op.n
    if is_exact(a) and not a:
        return ZERO if n % 2 else multiply(fmpq((-1) ** (n // 2), n + 1), arb.pi() ** n if n else ONE)
    nonzero(a)
    whole = isinstance(a, fmpq)
    z = times_pi(a) if isinstance(a, fmpq) else bounded(multiply(a, arb.pi()), MAX_ANGLE)
    f: Number = divide(sin(z), z)
    for k in range(1, n + 1):
        wave = sin(add(z, PiTimes(fmpq(k, 2))) if whole else ball(z) + arb.pi() * k / 2)
        f = divide(subtract(wave, multiply(fmpq(k), f)), z)
    return multiply(f, arb.pi() ** n) if n else f


def sinh(a: Number) -> Number:
    return ZERO if is_exact(a) and not a else bounded(a, reason=TOO_LARGE).sinh()


def cosh(a: Number) -> Number:
    return ONE if is_exact(a) and not a else bounded(a, reason=TOO_LARGE).cosh()


def tanh(a: Number) -> Number:
    if is_exact(a) and not a:
        return ZERO
    value = ball(a)
    if large(value, 200):
        side = 1 if value > 0 else -1
        return side * arb(1).union(1 - (-(arb(2) ** 200)).exp())
    return value.tanh()


def arcsinh(a: Number) -> Number:
    return ZERO if is_exact(a) and not a else ball(a).asinh()


def arccosh(s: Site, a: Number) -> Number:
    within(s, a, 1)
    return ZERO if is_exact(a) and a == 1 else ball(a).acosh()


def arctanh(s: Site, a: Number) -> Number:
    within(s, a, -1, 1, ends=False)
    return ZERO if is_exact(a) and not a else ball(a).atanh()


def sigmoid(a: Number) -> Number:
    """1/(1 + exp(-x)) for x above 0, exp(x)/(1 + exp(x)) for others."""
    value = ball(a)
    if value > 0:
        return divide(ONE, add(ONE, exp(negative(a))))
    power = exp(a)
    return divide(power, add(ONE, power))


def softplus(a: Number) -> Number:
    """log(1 + exp(x)), which for x above 0 is x + log(1 + exp(-x))."""
    return add(a, log1p(exp(negative(a)))) if ball(a) > 0 else log1p(exp(a))


def log_sigmoid(a: Number) -> Number:
    return negative(softplus(negative(a)))


def log_cosh(a: Number) -> Number:
    """|x| + log(1 + exp(-2 |x|)) - log(2), which more bits tell around 0."""
    if is_exact(a) and not a:
        return ZERO
    size = absolute(a)
    if ball(size) < 1:
        return ball(a).cosh().log()
    return add(size, ball(log1p(exp(multiply(fmpq(-2), size)))) - arb(2).log())


def logaddexp(a: Number, b: Number) -> Number:
    distance = subtract(a, b)
    return add(b, softplus(distance))


def sigmoid_cross_entropy(x: Number, t: Number) -> Number:
    """softplus(x) - x t"""
    return subtract(softplus(x), multiply(x, t))


SMOOTH: dict[str, Callable[..., Number]] = {
    "sin": sin, "cos": cos, "tan": tan, "arctan": arctan, "sinh": sinh, "cosh": cosh, "tanh": tanh,
    "arcsinh": arcsinh, "sigmoid": sigmoid, "softplus": softplus, "log_sigmoid": log_sigmoid, "log_cosh": log_cosh,
    "logaddexp": logaddexp, "sigmoid_cross_entropy": sigmoid_cross_entropy,
}  # fmt: skip
ANGLES: dict[str, Rule] = {
    **{name: smooth(function) for name, function in SMOOTH.items()},
    "arcsin": arcsin,
    "arccos": arccos,
    "arctan2": arctan2,
    "arccosh": arccosh,
    "arctanh": arctanh,
    "sinc": sinc,
}
