"""A number -> its digits, as far as they are sure: rounded to the nearest, halves to the even digit."""

from __future__ import annotations

from fractions import Fraction

from flint import arb, fmpq, fmpz

from agcli.expression.proved.numbers import HALF, Number, PiTimes, ball, rational, sign
from agcli.expression.proved.proofs import Digits

MOST_ZEROS = 5  # behind the point, of a number that is written without a power of ten
FLOAT_DIGITS = 17  # that tell a float64 from all others
SURE_BITS = 80  # of a number that a float64 is compared with
LARGEST = 100_000  # bits of an exact ball that becomes a rational number


def digits(value: Number, count: int) -> Digits | None:
    """A value rounded to so many digits; None if it is not known well enough."""
    number = ball(value) if isinstance(value, PiTimes) else value
    exact = exactly(number) if isinstance(number, arb) else number
    if exact is not None:
        return of_rational(exact, count)
    if not isinstance(number, arb) or number.rel_accuracy_bits() < SURE_BITS:
        return None
    return of_ball(number, count)


def exactly(number: arb) -> fmpq | None:
    """The rational number that a ball without a radius is."""
    if not number.is_exact():
        return None
    mantissa, exponent = number.man_exp()
    if abs(exponent) > LARGEST:
        return None
    shift = fmpz(1) << abs(int(exponent))
    return fmpq(mantissa * shift) if exponent >= 0 else fmpq(mantissa, shift)


def of_rational(value: fmpq, count: int) -> Digits:
    if not value:
        return Digits("0", count, True, value)
    size, e = abs(value), exponent_of(value) or 0
    scaled = size * fmpq(10) ** (count - 1 - e)
    below = scaled.floor()
    rest = scaled - below
    up = rest > HALF or (rest == HALF and below % 2 == 1)
    whole, e = within(int(below) + up, e, count)
    return Digits(written(value < 0, whole, e, count, not rest), count, not rest, value)


def of_ball(value: arb, count: int) -> Digits | None:
    side = sign(value)
    if not side:
        return None
    size = abs(value)
    estimate = exponent_of(value)
    if estimate is None:
        return None
    for e in (estimate, estimate - 1):
        whole = (size * arb(10) ** (count - 1 - e) + HALF).floor().unique_fmpz()
        if whole is None:
            continue
        decade = size * arb(10) ** -e
        inside = decade >= 1 and decade < 10
        if inside or (e < estimate and whole == fmpz(10) ** count):  # on both sides of a power of ten, and rounds to it
            number, exponent = within(int(whole), e, count)
            return Digits(written(side < 0, number, exponent, count, False), count, False, value)
    return None


def exponent_of(value: fmpq | arb) -> int | None:
    """The power of ten of the first digit; of a ball around a power of ten, the upper one."""
    if isinstance(value, fmpq):
        p, q = abs(value.p), value.q
        e = len(str(p)) - len(str(q)) if max(p.bit_length(), q.bit_length()) < 10_000 else guess(p, q)
        while fmpq(10) ** e > abs(value):
            e -= 1
        while fmpq(10) ** (e + 1) <= abs(value):
            e += 1
        return int(e)
    logarithm = (abs(value).upper().log() / arb(10).log()).upper().floor().unique_fmpz()
    if logarithm is None:
        return None
    e = int(logarithm)
    return e - 1 if abs(value) < arb(10) ** e else e


def guess(p: fmpz, q: fmpz) -> int:
    return int((p.bit_length() - q.bit_length()) * 0.30103)


def within(whole: int, e: int, count: int) -> tuple[int, int]:
    """99.96 with three digits is 100, whose first digit stands one place higher."""
    return (whole // 10, e + 1) if whole == 10**count else (whole, e)


def written(negative: bool, whole: int, e: int, count: int, exact: bool) -> str:
    """The number whole 10^(e - count + 1), as people write it; of an exact one, without zeros at the end."""
    text = decimal_text(whole)
    if exact:
        text = text.rstrip("0")
    if -MOST_ZEROS <= e < 0:
        body = f"0.{'0' * (-e - 1)}{text}"
    elif 0 <= e < count:
        head, tail = text[: e + 1].ljust(e + 1, "0"), text[e + 1 :]
        body = f"{head}.{tail}" if tail else head
    else:
        body = f"{text[0]}{'.' if text[1:] else ''}{text[1:]}e{e:+d}"
    return f"{'-' * negative}{body}"


def decimal_text(whole: int) -> str:
    """The digits of a whole number of any length, which Python's own limit would refuse."""
    return str(fmpz(whole))


def right_digits(number: float, found: Digits) -> int:
    """How many digits of a float64 are right: at most 17, as many as leave it within half a unit of the last one."""
    true = found.number
    if isinstance(true, fmpq) and rational(Fraction(number)) == true:
        return FLOAT_DIGITS
    if not true:
        return 0
    error = abs(ball(rational(Fraction(number))) - ball(true))
    e = exponent_of(true) or 0
    for count in range(FLOAT_DIGITS, 0, -1):
        if error <= arb(10) ** (e - count + 1) / 2:
            return count
    return 0
