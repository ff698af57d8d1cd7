"""What is known of the sign of an expression, wherever it has a value."""

from __future__ import annotations

from agcli.expression.simplify.nodes import Add, Atom, Expr, Fn, Mul, Node

NONNEGATIVE = {"abs", "cosh", "sigmoid", "exp2", "exp10", "square", "softplus", "relu", "hypot"}
POSITIVE = {"cosh", "sigmoid", "exp2", "exp10", "softplus"}


def nonnegative_power(base: Expr, exponent: Expr) -> bool:
    """Whether ``base^exponent`` is never negative where it has a value."""
    if not isinstance(exponent, Node) and (exponent.denominator != 1 or exponent.numerator % 2 == 0):
        return True
    return nonnegative(base)  # (-2)^n is negative for an odd number n


def nonnegative(e: Expr) -> bool:
    """Whether ``e`` is known never to be negative where it has a value."""
    if not isinstance(e, Node):
        return e >= 0
    if type(e) is Atom:
        return e.positive
    if type(e) is Fn:
        return e.head in NONNEGATIVE
    if type(e) is Mul:
        return e.coefficient > 0 and all(nonnegative_power(b, k) for b, k in e.factors)
    return type(e) is Add and e.constant >= 0 and all(k > 0 and nonnegative(t) for t, k in e.terms)


def never_zero(e: Expr) -> bool:
    """Whether ``e`` is known not to be 0 anywhere."""
    if not isinstance(e, Node):
        return e != 0
    if type(e) is Mul:
        return all(never_zero(b) or (not isinstance(x, Node) and x < 0) for b, x in e.factors)
    return positive(e)


def positive(e: Expr) -> bool:
    """Whether ``e`` is known to be positive where it has a value."""
    if not isinstance(e, Node):
        return e > 0
    if type(e) is Atom:
        return e.positive
    if type(e) is Fn:
        return e.head in POSITIVE
    if type(e) is Mul:
        return e.coefficient > 0 and all(positive(b) for b, _ in e.factors)
    return type(e) is Add and nonnegative(e) and (e.constant > 0 or any(positive(t) for t, _ in e.terms))
