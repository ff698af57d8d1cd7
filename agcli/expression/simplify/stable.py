"""Last forms that no large argument makes undefined: exponentials above a fraction bar would be inf/inf there.

E^u/(E^u + 1) is 1/(E^-u + 1), which underflows instead; E^u/(E^u + 1)^2 is 1/(2*cosh(u) + 2); and a difference that
loses its digits, such as 1 - sigmoid(u), is one function.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from agcli.expression.simplify.arithmetic import add, divide, mul, negate, power, scale, subtract, times
from agcli.expression.simplify.functions import HALF, call
from agcli.expression.simplify.layout import cost
from agcli.expression.simplify.nodes import Add, Atom, E, Expr, Fn, Mul, Node, Number, factors_of, fn, terms_of
from agcli.expression.simplify.trigonometry import halved

GROWING = ("cosh", "sinh")
OVERFLOW = 6.0  # operators that a form may have more if it does not overflow
LOSS = 2.0  # and if it loses no digits


def exponents_of(e: Expr) -> list[tuple[Expr, Expr]]:
    """The terms of a sum as (what is left without it, exponent of E)."""
    constant, terms = terms_of(e)
    rows: list[tuple[Expr, Expr]] = [(constant, 0)] if constant else []
    for term, k in terms:
        exponent = dict(factors_of(term)[1]).get(E, 0)
        rows.append((mul(k, term, power(E, negate(exponent))), exponent))
    return rows


def grows(e: Expr) -> bool:
    """Whether an exponential or a hyperbolic function is a factor of a term of ``e``."""
    _, terms = terms_of(e)
    return any(b is E or (type(b) is Fn and b.head in GROWING) for t, _ in terms for b, _ in factors_of(t)[1])


def grows_above(e: Expr) -> bool:
    """Whether something that grows is a factor of ``e`` above the line."""
    factors = factors_of(e)[1]
    return any((b is E or grows(b)) and (isinstance(n, Node) or n > 0 or b is E) for b, n in factors)


def share_of(part: Expr, whole: Expr) -> Number | None:
    """The number k of ``part = k*whole``."""
    if not isinstance(whole, Node):
        return None
    if part == 0:
        return 0
    quotient = divide(part, whole)
    return None if isinstance(quotient, Node) else quotient


def exponential_quotients(e: Mul) -> Iterator[Expr]:
    """E^u/(E^u + c) -> 1/(c*E^-u + 1); E^u/(E^u + 1)^2 -> 1/(2*cosh(u) + 2); E^u/(E^u - 1)^2 -> 1/(4*sinh(u/2)^2);
    E^u/(E^u + E^v) -> 1/(E^(v - u) + 1)"""
    exponent = dict(e.factors).get(E, 0)
    for base, n in e.factors:
        if type(base) is not Add or type(n) is not int or n > -1 or exponent == 0:
            continue
        rest = mul(e, power(E, negate(exponent)), power(base, -n))
        if grows_above(rest):
            continue
        rows = exponents_of(base)
        for _, v in rows:
            if same_exponent(exponent, times(-n, v)):
                yield mul(rest, power(add(*(mul(c, power(E, subtract(w, v))) for c, w in rows)), n))
        if len(rows) == 2:
            (a, v), (b, w) = rows
            if same_exponent(times(2, exponent), times(-n, add(v, w))) and abs_equal(a, b):
                difference = subtract(v, w)
                if a == b:
                    inner: Expr = mul(2, a, add(call("cosh", difference), 1))
                    yield (
                        mul(rest, power(inner, Fraction(n, 2)))
                        if n % 2 == 0
                        else mul(rest, power(mul(2, a, call("cosh", scale(HALF, difference))), n))
                    )
                else:
                    yield mul(rest, power(mul(2, a, call("sinh", scale(HALF, difference))), n))
            k = share_of(subtract(exponent, times(-n, w)), subtract(v, w))
            if type(k) is int and 0 < k < -n:
                first = add(a, mul(b, power(E, subtract(w, v))))
                second = add(b, mul(a, power(E, subtract(v, w))))
                yield mul(rest, power(first, -k), power(second, n + k))


def in_exponentials(e: Mul) -> Iterator[Expr]:
    """E^u/(cosh(u) + 1) -> 2/(E^-u + 1)^2; E^u/cosh(u) -> 2/(E^(-2*u) + 1)"""
    powers = dict(e.factors)
    if E not in powers:
        return
    for base, n in e.factors:
        if type(n) is not int or n > -1:
            continue
        whole = hyperbolic_as_exponentials(base)
        if whole is None:
            continue
        made = mul(e, power(base, -n), power(whole, n))
        if type(made) is Mul:
            yield made
            yield from exponential_quotients(made)


def hyperbolic_as_exponentials(e: Expr) -> Expr | None:
    """cosh(u), sinh(u), cosh(u) + 1 or cosh(u) - 1 as a product of exponentials."""
    shift: Number = 0
    if type(e) is Add and len(e.terms) == 1 and e.terms[0][1] == 1:
        shift, e = e.constant, e.terms[0][0]
    if type(e) is not Fn or e.head not in GROWING:
        return None
    front = mul(HALF, power(E, negate(e.args[0])))
    if not shift:
        return mul(front, add(power(E, times(2, e.args[0])), 1 if e.head == "cosh" else -1))
    if e.head == "cosh" and shift in (1, -1):
        return mul(front, power(add(power(E, e.args[0]), shift), 2))
    return None


def same_exponent(a: Expr, b: Expr) -> bool:
    return subtract(a, b) == 0


def abs_equal(a: Expr, b: Expr) -> bool:
    return not isinstance(a, Node) and not isinstance(b, Node) and abs(a) == abs(b)


def hyperbolic_quotients(e: Mul) -> Iterator[Expr]:
    """sinh(u)/cosh(u)^3 -> tanh(u)/cosh(u)^2; sinh(u)/(cosh(u) + 1) -> tanh(u/2); (E^u - 1)/(E^u + 1) -> tanh(u/2)"""
    powers: dict[Any, Any] = dict(e.factors)
    for base, n in e.factors:
        if type(n) is not int or n < 1:
            continue
        if type(base) is Fn and base.head == "cosh":
            sine = fn("sinh", *base.args)
            j = shared(powers, sine, n)
            if j:
                yield mul(e, power(base, -j), power(sine, j), power(call("tanh", *base.args), -j))
        elif type(base) is Fn and base.head == "sinh":
            u = base.args[0]
            cosine = fn("cosh", u)
            j = shared(powers, cosine, n)
            if j:
                yield mul(e, power(base, -j), power(cosine, j), power(call("tanh", u), j))
            for sign in (1, -1):
                below = add(cosine, sign)
                j = shared(powers, below, n)
                if j:
                    half = power(call("tanh", scale(HALF, u)), sign * j)
                    yield mul(e, power(base, -j), power(below, j), half)
        elif type(base) is Add and len(base.terms) == 1 and base.constant in (1, -1):
            ((term, k),) = base.terms
            found = factors_of(term)[1]
            other = add(scale(-k if k < 0 else k, term), 1)
            j = shared(powers, other, n)
            if j and k == -base.constant and len(found) == 1 and found[0][0] is E:
                ratio_of = call("tanh", scale(HALF, found[0][1]))
                yield mul(e, power(base, -j), power(other, j), power(scale(k, ratio_of), j))


def shared(powers: Mapping[Any, Any], below: Expr, n: int) -> int:
    """How often a factor with the power ``n`` stands over ``below``; 0 where that is not below the line."""
    m = powers.get(below)
    return min(n, -m) if type(m) is int and m < 0 else 0


def split_quotients(e: Mul) -> Iterator[Expr]:
    """(E^u + x + 1)*E^u/(E^u + 1)^2 -> x*E^u/(E^u + 1)^2 + E^u/(E^u + 1), each without an exponential above the line"""
    if not overflows(e):
        return
    for form in (e, *halved(e)):
        factors = form.factors if type(form) is Mul else ()
        below = [b for b, n in factors if type(b) is Add and type(n) is int and n < 0 and grows(b)]
        for base, n in factors:
            if type(base) is not Add or n != 1 or not grows(base):
                continue
            rest = mul(form, power(base, -1))
            for split in splits(base, below):
                parts = [stable_product(mul(rest, part)) for part in split]
                if len(parts) > 1 and all(part is not None for part in parts):
                    yield add(*(part for part in parts if part is not None))


def splits(e: Add, below: Sequence[Add]) -> Iterator[list[Expr]]:
    """A sum in parts: its terms, those of one exponential together; a multiple of a sum below the line and the rest."""
    groups: dict[Any, list[Expr]] = {}
    for c, v in exponents_of(e):
        groups.setdefault(v, []).append(mul(c, power(E, v)))
    if len(groups) > 1:
        yield [add(*terms) for terms in groups.values()]
    else:
        yield [scale(k, t) for t, k in e.terms] + [e.constant] * (e.constant != 0)
    for divisor in below:
        k = shared_coefficient(e, divisor)
        if k is not None:
            yield [scale(k, divisor), subtract(e, scale(k, divisor))]


def shared_coefficient(e: Add, divisor: Add) -> Number | None:
    """The number k for which ``e - k*divisor`` has no term that grows."""
    coefficients = dict(e.terms)
    for term, k in divisor.terms:
        if grows(term):
            quotient = Fraction(coefficients.get(term, 0)) / k
            rest = subtract(e, scale(quotient, divisor))
            return None if not quotient or grows(rest) else quotient
    return None


def stable_product(e: Expr) -> Expr | None:
    """A product without exponentials above the line, in which nothing else grows; None if there is none."""
    if type(e) is not Mul:
        return e
    forms = [e, *exponential_quotients(e), *hyperbolic_quotients(e), *in_exponentials(e)]
    good = [form for form in forms if not overflows(form)]
    return min(good, key=cost, default=None)


def overflows(e: Expr) -> bool:
    """Whether something that grows stands above and below the line of a product, found once for each."""
    if type(e) is not Mul:
        return False
    try:
        return e.overflows
    except AttributeError:
        above = below = False
        for base, n in e.factors:
            if base is E or (type(base) is not Atom and grows(base)):
                down = not isinstance(n, Node) and n < 0
                below, above = below or down, above or not down
        e.overflows = found = above and below
        return found


def penalty(e: Expr) -> float:
    """What a form costs beside its operators, because it is undefined for large arguments or loses digits."""
    if type(e) is Mul:
        return OVERFLOW * overflows(e)
    if type(e) is not Add:
        return 0
    lossy = next(differences(e), None) is not None
    return OVERFLOW * any(overflows(t) for t, _ in e.terms) + LOSS * lossy


def differences(e: Add) -> Iterator[Expr]:
    """1 - sigmoid(u) -> sigmoid(-u); 1 - tanh(u)^2 -> 1/cosh(u)^2"""
    for term, k in e.terms:
        if e.constant != -k:
            continue
        ((base, n), *others) = factors_of(term)[1]
        if others or type(base) is not Fn:
            continue
        if base.head == "sigmoid" and n == 1:
            yield add(e, -e.constant, scale(-k, term), scale(e.constant, fn("sigmoid", negate(base.args[0]))))
        elif base.head == "tanh" and n == 2:
            yield add(e, -e.constant, scale(-k, term), scale(e.constant, power(fn("cosh", base.args[0]), -2)))
