"""Arithmetic, powers, exponentials and logarithms of a proof."""

from __future__ import annotations

from collections.abc import Callable

from flint import arb, fmpq

from agcli.expression.enclosures.interval import NoValueError
from agcli.expression.proved.numbers import (
    HALF,
    MAX_EXACT,
    MAX_SIZE,
    ONE,
    ZERO,
    BeyondError,
    Number,
    UndecidedError,
    add,
    ball,
    bits,
    divide,
    is_exact,
    is_whole,
    large,
    multiply,
    negative,
    rational,
    root_of,
    sign,
    subtract,
)
from agcli.expression.proved.site import Rule, Site, bounded, nonzero, positive

MAX_ROOT = 1_000  # of a rational number that is looked for
SECOND_IS_ZERO = "{1} is 0"
TOO_LARGE = "it has more digits before the point than a proof can count"


def smooth(function: Callable[..., Number]) -> Rule:
    """An op that is smooth wherever it has a value."""
    return lambda s, *args: function(*args)


def balls(function: Callable[..., arb]) -> Rule:
    """A smooth op by its ball."""
    return lambda s, *args: function(*map(ball, args))


def quotient(s: Site, a: Number, b: Number) -> Number:
    return divide(a, nonzero(b, SECOND_IS_ZERO))


def square(a: Number) -> Number:
    return multiply(a, a) if is_exact(a) else ball(a) ** 2


def exp(a: Number) -> Number:
    if is_exact(a) and not a:
        return ONE
    value = ball(a)
    if large(value) and value < 0:  # between 0 and a number below any that is looked at
        return arb(0).union((-(arb(2) ** MAX_SIZE)).exp())
    return bounded(value, reason=TOO_LARGE).exp()


def expm1(a: Number) -> Number:
    if is_exact(a) and not a:
        return ZERO
    value = ball(a)
    return ball(exp(a)) - 1 if large(value, 8) else value.expm1()


def log(a: Number) -> Number:
    positive(a)
    return ZERO if is_exact(a) and a == 1 else ball(a).log()


def log1p(a: Number) -> Number:
    above = add(a, ONE)
    positive_or_ask(above, "{0} is -1")
    return ZERO if is_exact(a) and not a else ball(a).log1p()


def positive_or_ask(value: Number, question: str) -> None:
    found = sign(value)
    if found is None:
        raise UndecidedError(question)
    if found <= 0:
        raise NoValueError


def log_to(base: int) -> Callable[[Number], Number]:
    def rule(a: Number) -> Number:
        positive(a)
        if isinstance(a, fmpq):
            whole, n = (a, 1) if a.q == 1 else (1 / a, -1)
            if whole.q == 1:
                guess = round(float(arb(whole).log() / arb(base).log())) if bits(a) <= MAX_EXACT else 0
                if fmpq(base) ** guess == whole:
                    return rational(n * guess)
        return ball(a).log() / arb(base).log()

    return rule


def root(s: Site, a: Number) -> Number:
    side = s.sign(a)
    if side < 0:
        raise NoValueError
    if side == 0:
        return ZERO
    exact = root_of(a, 2) if isinstance(a, fmpq) else None
    return ball(a).sqrt() if exact is None else exact


def cube_root(s: Site, a: Number) -> Number:
    side = s.sign(a)
    if side == 0:
        return ZERO
    size = a if side > 0 else negative(a)
    exact = root_of(size, 3) if isinstance(size, fmpq) else None
    found: Number = ball(size).root(3) if exact is None else exact
    return found if side > 0 else negative(found)


def reciprocal_root(s: Site, a: Number) -> Number:
    return divide(ONE, root(s, positive(a)))


def hypot(s: Site, a: Number, b: Number) -> Number:
    squares = add(square(a), square(b))
    if sign(squares) is None:
        raise UndecidedError("{0} and {1} are 0")
    return root(s, squares)


def power(s: Site, a: Number, b: Number) -> Number:
    """a^b: 0^0 is 1, and a negative base takes whole exponents only."""
    if is_whole(b) and isinstance(b, fmpq):
        n = int(b.p)
        side = s.sign(a, smooth=True) if n < 0 or s.moving[1] else 1
        if side <= 0:
            s.touch(*((1,) if side else ()))
        if side == 0 and n < 0:
            raise NoValueError
        return whole_power(a, n)
    side = s.sign(a, smooth=True)
    if side > 0:
        return positive_power(a, b)
    s.touch()
    if side < 0:
        if isinstance(b, fmpq) or not ball(b).contains_integer():
            raise NoValueError
        raise UndecidedError("{1} is a whole number")
    exponent = s.sign(b, SECOND_IS_ZERO)
    if exponent < 0:
        raise NoValueError
    return ZERO if exponent else ONE


def whole_power(a: Number, n: int) -> Number:
    if n in (0, 1):
        return a if n else ONE
    if isinstance(a, fmpq) and a in (-ONE, ZERO, ONE):
        return a if n % 2 else abs(a)
    if isinstance(a, fmpq) and bits(a) * abs(n) <= MAX_EXACT:
        return a**n
    value = ball(a)
    if n.bit_length() < 64:
        found = value**n
    else:
        size = ball(positive_power(abs(value), rational(n)))
        found = size if value > 0 or n % 2 == 0 else -size
    if large_exponent(found):
        raise BeyondError(TOO_LARGE)
    return found


def large_exponent(value: arb) -> bool:
    return bool(abs(value).is_finite() and abs(value) > 1 and large(abs(value).log()))


def positive_power(a: Number, b: Number) -> Number:
    if isinstance(a, fmpq) and isinstance(b, fmpq):
        n, q = int(b.p), int(b.q)
        if a == 1:
            return ONE
        if q <= MAX_ROOT and bits(a) * abs(n) <= MAX_EXACT:
            exact = root_of(a, q)
            if exact is not None:
                return exact**n
    if is_exact(b) and b == HALF:
        return ball(a).sqrt()
    return exp(ball(b) * ball(a).log())


def power_of(base: int) -> Rule:
    return lambda s, x: power(Site((0, 0), s.op), rational(base), x)


def xlogy(s: Site, a: Number, b: Number) -> Number:
    if s.sign(a, smooth=True) == 0:
        if s.sign(b, SECOND_IS_ZERO, smooth=True) <= 0:
            s.touch()
        return ZERO
    return times_log(a, b)


def times_log(a: Number, b: Number) -> Number:
    positive_or_ask(b, "{1} is positive")
    return multiply(a, log(b))


def xlog1py(s: Site, a: Number, b: Number) -> Number:
    return xlogy(s, a, add(ONE, b))


def entropy(s: Site, a: Number) -> Number:
    """-x log(x), 0 at 0."""
    side = s.sign(a)
    if side < 0:
        raise NoValueError
    return negative(multiply(a, log(a))) if side else ZERO


ELEMENTARY: dict[str, Rule] = {
    "add": smooth(add),
    "subtract": smooth(subtract),
    "multiply": smooth(multiply),
    "divide": quotient,
    "negative": smooth(negative),
    "reciprocal": lambda s, a: divide(ONE, nonzero(a)),
    "square": smooth(square),
    "sqrt": root,
    "rsqrt": reciprocal_root,
    "cbrt": cube_root,
    "hypot": hypot,
    "power": power,
    "exp": smooth(exp),
    "exp2": power_of(2),
    "exp10": power_of(10),
    "expm1": smooth(expm1),
    "log": smooth(log),
    "log2": smooth(log_to(2)),
    "log10": smooth(log_to(10)),
    "log1p": smooth(log1p),
    "xlogy": xlogy,
    "xlog1py": xlog1py,
    "entr": entropy,
}
