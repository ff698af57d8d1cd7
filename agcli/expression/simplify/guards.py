"""The guards of the engine's gradients, which keep them finite at single points, left out where a factor is 0 there."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from agcli.engine.graph import Tensor, toposort
from agcli.expression.simplify.arithmetic import add, divide, mul, power, scale
from agcli.expression.simplify.functions import HALF, call
from agcli.expression.simplify.nodes import Add, Atom, Expr, Fn, Mul, Node, factors_of, fn, terms_of
from agcli.expression.simplify.signs import nonnegative
from agcli.expression.simplify.trigonometry import same

PIECES = frozenset((
    "abs", "copysign", "sign", "maximum", "minimum", "where", "relu", "clip", "floor", "ceil", "round", "trunc", "mod",
    "fmod", "step", "keep",
))  # fmt: skip


def guards(e: Mul) -> Iterator[Expr]:
    """b * where(a == 0 and b == 0, 1, a)^(b - 1) -> b * a^(b - 1), also with where(b == 0, 1, b - 1) as the exponent;
    a^b * log(where(a == 0 and b >= 0, 1, a)) -> a^b * log(a); a/where(r == 0, 1, r) -> a/r for a distance r"""
    bases = {b for b, _ in e.factors}
    certain = {b for b, x in e.factors if not isinstance(x, Node)}  # 0, or below the line, where they are 0: 0^0 is 1
    for base, exponent in e.factors:
        for term, k in terms_of(exponent)[1]:
            plain = unguarded(term, any_value=True)  # of a factor that is 0 there, the power does not matter
            if plain is not None and has_factors(plain[0], certain, e):
                powers = dict(e.factors)
                powers[base] = add(exponent, scale(-k, term), scale(k, plain[1]))
                yield mul(e.coefficient, *(power(b, x) for b, x in powers.items()))
        if type(base) is Fn and base.head == "log":
            plain = unguarded(base.args[0])
            if plain is not None and (plain[0] in (certain if plain[0] is not plain[1] else bases)):
                yield mul(divide(e, power(base, exponent)), power(call("log", plain[1]), exponent))
            both = unguarded_pair(base.args[0])
            if both is not None and both[0] in bases:
                yield mul(divide(e, power(base, exponent)), power(call("log", both[0]), exponent))
        both = unguarded_pair(base)
        if both is not None and has_factors(both[1], certain, e):
            yield mul(divide(e, power(base, exponent)), power(both[0], exponent))
        plain = unguarded(base)
        if plain is not None and plain[0] is plain[1] and is_distance(plain[0]) and is_below(exponent):
            front = mul(divide(e, power(base, exponent)), power(plain[1], exponent))
            yield mul(front, power(fn("where", fn("equal", plain[0], 0), 0, 1), -1))
            yield front


def has_factors(e: Expr, bases: AbstractSet[Expr], product: Mul) -> bool:
    """Whether ``product``, of powers of ``bases``, is 0 or has no value where ``e`` is 0."""
    factors = [base for base, _ in e.factors] if type(e) is Mul else [e]
    return all(factor in bases or stands_below(factor, product) for factor in factors)


def stands_below(factor: Expr, e: Expr) -> bool:
    """Whether something is divided by ``factor`` in ``e``, in a sum or product that is a base, or behind a guard."""
    for term, _ in terms_of(e)[1]:
        for base, x in factors_of(term)[1]:
            if base is factor and is_below(x):
                return True
            both = unguarded_pair(base)
            inner = base if type(base) in (Add, Mul) else None if both is None else both[0]
            if inner is not None and stands_below(factor, inner):
                return True
    return False


def guarded_distance(e: Fn) -> Iterator[Expr]:
    """where(r == 0, 0, a/r) -> a/r for a distance r, which has no derivative at 0. What is not divided by r would have
    another value there, and perhaps one where r has none."""
    if e.head == "where" and same(e.args[1], 0) and type(e.args[0]) is Fn and e.args[0].head == "equal":
        r = e.args[0].args[0]
        if is_distance(r) and same(e.args[0].args[1], 0):
            plain = replaced_condition(e.args[2], e.args[0])
            if is_divided(plain, r):
                yield plain


def is_divided(e: Expr, r: Expr) -> bool:
    """Whether a term of ``e`` is divided by a power of the distance ``r``."""
    root = r if type(r) is Atom else factors_of(r)[1][0][0]
    return any(base is root and is_below(x) for term, _ in terms_of(e)[1] for base, x in factors_of(term)[1])


def is_below(exponent: Expr) -> bool:
    """Whether a power with this exponent stands below the line."""
    return not isinstance(exponent, Node) and exponent < 0


def replaced_condition(e: Expr, condition: Fn) -> Expr:
    """``e`` where the condition does not hold."""
    factors = [
        (b.args[2] if type(b) is Fn and b.head == "where" and b.args[0] is condition else b, x)
        for b, x in factors_of(e)[1]
    ]
    return mul(factors_of(e)[0], *(power(b, x) for b, x in factors))


def is_distance(e: Expr) -> bool:
    """Whether ``e`` is a root of a sum of squares, or a norm, which is 0 at single points."""
    if type(e) is Atom:
        return e.tensor is not None and e.tensor.op is not None and e.tensor.op.name == "norm" and is_smooth(e.tensor)
    factors = factors_of(e)[1]
    if len(factors) != 1 or factors[0][1] != HALF or type(factors[0][0]) is not Add:
        return False
    return nonnegative(factors[0][0]) and all(vanishes_at_points(term) for term, _ in factors[0][0].terms)


def is_smooth(t: Tensor) -> bool:
    """Whether no function in ``t`` is made of pieces."""
    return not any(part.op is not None and part.op.name in PIECES for part in toposort([t]))


def unguarded(e: Expr, any_value: bool = False) -> tuple[Expr, Expr] | None:
    """``where(u == 0, 1, v)`` as (u, v), or with any number in the place of 1."""
    if type(e) is Fn and e.head == "where" and (e.args[1] == 1 or (any_value and not isinstance(e.args[1], Node))):
        condition = e.args[0]
        if type(condition) is Fn and condition.head == "equal" and condition.args[1] == 0:
            return (condition.args[0], e.args[2]) if vanishes_at_points(condition.args[0]) else None
    return None


def vanishes_at_points(u: Expr) -> bool:
    """Whether ``u`` is 0 at single points at most, as far as its functions tell: x - abs(x) is 0 over half a line."""
    if type(u) is Add:
        return not any(has_pieces(term) for term, _ in u.terms)
    if type(u) is Mul:
        return all(vanishes_at_points(base) for base, _ in u.factors)
    return type(u) is not Fn or u.head in ("abs", "sign") or u.head not in PIECES


def has_pieces(e: Expr) -> bool:
    """Whether a function of ``e`` is made of pieces."""
    stack = [e]
    while stack:
        x = stack.pop()
        if type(x) is Fn:
            if x.head in PIECES:
                return True
            stack += x.args
        elif type(x) is Add:
            stack += [term for term, _ in x.terms]
        elif type(x) is Mul:
            stack += [part for factor in x.factors for part in factor]
    return False


def unguarded_pair(e: Expr) -> tuple[Expr, Expr] | None:
    """``where(u == 0 and v == 0, 1, u)`` as (u, v), and the same with v >= 0."""
    if type(e) is not Fn or e.head != "where" or e.args[1] != 1:
        return None
    condition, _, u = e.args
    if type(condition) is not Fn or condition.head != "logical_and":
        return None
    first, second = condition.args
    if type(first) is not Fn or type(second) is not Fn:
        return None
    pointed = first.head == "equal" and first.args[0] is u and same(first.args[1], 0)
    bounded = second.head in ("equal", "greater_equal") and same(second.args[1], 0)
    return (u, second.args[0]) if pointed and bounded and vanishes_at_points(u) else None
