"""Functions in canonical form: values at exact numbers, even and odd arguments, inverses of each other."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor
from typing import Any

from agcli.expression.simplify.arithmetic import (
    add,
    divide,
    mul,
    negate,
    power,
    scale,
    subtract,
)
from agcli.expression.simplify.contents import minus_leads
from agcli.expression.simplify.nodes import (
    PI,
    Add,
    E,
    Expr,
    Fn,
    Mul,
    Node,
    Number,
    UndefinedError,
    factors_of,
    fn,
    is_number,
    size,
)
from agcli.expression.simplify.signs import never_zero, nonnegative, positive

HALF = Fraction(1, 2)
ODD = {
    "sin", "tan", "arcsin", "arctan", "sinh", "tanh", "arcsinh", "arctanh", "erf", "cbrt", "sign", "erfinv",
}  # fmt: skip
EVEN = {"cos", "cosh", "abs", "sinc"}

# What an op of the engine is in this algebra; whatever is not listed is a function of its simplified arguments.
ALGEBRA: dict[str, Callable[..., Expr]] = {
    "add": add,
    "subtract": subtract,
    "multiply": mul,
    "divide": divide,
    "negative": negate,
    "power": power,
    "square": lambda a: power(a, 2),
    "sqrt": lambda a: power(a, HALF),
    "rsqrt": lambda a: power(a, -HALF),
    "reciprocal": lambda a: power(a, -1),
    "exp": lambda a: power(E, a),
    "exp2": lambda a: power(2, a),
    "exp10": lambda a: power(10, a),
    "hypot": lambda a, b: power(add(power(a, 2), power(b, 2)), HALF),
}


def call(head: Any, *args: Expr) -> Expr:
    """The function ``head`` of ``args``, with what is known about its values."""
    maker = MAKERS.get(head)
    found = maker(*args) if maker is not None else None
    return fn(head, *args) if found is None else found


VALUES: dict[str, dict[Any, Number]] = {
    **{name: {0: 0} for name in ODD | {"log1p", "expm1"}},
    "cos": {0: 1},
    "cosh": {0: 1},
    "arccos": {1: 0},
    "arccosh": {1: 0},
    "sigmoid": {0: HALF},
    "sinc": {0: 1},
    "log": {1: 0},
    "log2": {1: 0, 2: 1},
    "log10": {1: 0, 10: 1},
    "gamma": {1: 1, 2: 1, 3: 2},
    "lgamma": {1: 0, 2: 0},
}


def log(x: Expr) -> Expr | None:
    """log(E^u) = u; log(u^n) = n*log(u) where u must be positive anyway; log(1/2) = -log(2)."""
    if not isinstance(x, Node):
        if x == 0:
            raise UndefinedError
        return negate(fn("log", Fraction(1) / x)) if 0 < x < 1 and x.numerator == 1 else None
    coefficient, factors = factors_of(x)
    if len(factors) != 1 or coefficient != 1:
        return None
    base, exponent = factors[0]
    if base is E:
        return exponent
    split = exponent != 1 and (nonnegative(base) or not even(exponent))
    return mul(exponent, call("log", base)) if split else None


def even(exponent: Expr) -> bool:
    """Whether a power with this exponent may have a value for a negative base."""
    return isinstance(exponent, Node) or (exponent.denominator == 1 and exponent.numerator % 2 == 0)


def absolute(x: Expr) -> Expr | None:
    """|u| = u where u is known not to be negative; numbers and even powers leave."""
    if not isinstance(x, Node):
        return size(x)
    if nonnegative(x):
        return x
    if type(x) is not Mul:
        return None
    outside: list[Expr] = [size(x.coefficient)]
    inside: list[Expr] = []
    for b, e in x.factors:
        whole = power(b, e)
        if nonnegative(whole):
            outside.append(whole)
        elif not isinstance(e, Node) and e != 1:
            outside.append(power(call("abs", b), e))
        else:
            inside.append(whole)
    if len(inside) == len(x.factors) and x.coefficient == 1:
        return None
    return mul(*outside, call("abs", mul(*inside))) if inside else mul(*outside)


def sign(x: Expr) -> Expr | None:
    if not isinstance(x, Node):
        return (x > 0) - (x < 0)
    if positive(x):
        return 1
    if type(x) is Mul and x.coefficient != 1:
        return call("sign", scale(Fraction(1) / x.coefficient, x))
    return None


def inverse_of(*heads: str) -> Callable[[Expr], Expr | None]:
    """f(g(u)) = u."""

    def rule(x: Expr) -> Expr | None:
        return x.args[0] if type(x) is Fn and x.head in heads else None

    return rule


def trig(head: str, of_atan: Callable[[Expr], Expr]) -> Callable[[Expr], Expr | None]:
    """Values at parts of pi; sin(asin(u)) and its kin."""

    def rule(x: Expr) -> Expr | None:
        total = multiplied(x)
        if type(total) is Add:
            return shifted(head, total)
        if type(x) is not Fn:
            turns = multiple_of_pi(x)
            return None if turns is None else trig_value(head, turns)
        u = x.args[0]
        if x.head == INVERSE[head]:
            return u
        if x.head == "arctan":
            return of_atan(u)
        if x.head not in ("arcsin", "arccos"):
            return None
        other = root_sum(negate(power(u, 2)), 1)
        above, below = (u, other) if x.head == "arcsin" else (other, u)
        return divide(above, below) if head == "tan" else other

    return rule


INVERSE = {"sin": "arcsin", "cos": "arccos", "tan": "arctan"}


def multiple_of_pi(x: Expr) -> Fraction | None:
    if x is PI:
        return Fraction(1)
    if type(x) is Mul and x.factors == ((PI, 1),):
        return Fraction(x.coefficient)
    return None


def multiplied(x: Expr) -> Expr:
    """(2*u + pi)/2 as u + pi/2."""
    if type(x) is Mul and len(x.factors) == 1 and type(x.factors[0][0]) is Add and x.factors[0][1] == 1:
        inner = x.factors[0][0]
        return add(scale(x.coefficient, inner.constant), *(scale(k * x.coefficient, t) for t, k in inner.terms))
    return x


def shifted(head: str, x: Add) -> Expr | None:
    """sin(u + pi/2) = cos(u), and the same for every multiple of a right angle."""
    k = next((k for t, k in x.terms if t is PI), 0)
    if not k or k.denominator > 2:
        return None
    u, quarters = add(x, scale(-k, PI)), int(2 * k) % 4
    if head == "tan":
        return call("tan", u) if quarters % 2 == 0 else negate(power(call("tan", u), -1))
    found = call("sin" if (head == "sin") == (quarters % 2 == 0) else "cos", u)
    return negate(found) if quarters in ((2, 3) if head == "sin" else (1, 2)) else found


def sine(turns: Fraction) -> Expr | None:
    """sin(pi*turns) from its values in the first quadrant."""
    turns %= 2
    if turns >= 1:
        value = sine(turns - 1)
        return None if value is None else negate(value)
    turns = min(turns, 1 - turns)
    table: dict[Fraction, Expr] = {
        Fraction(0): 0,
        Fraction(1, 6): HALF,
        Fraction(1, 4): mul(HALF, power(2, HALF)),
        Fraction(1, 3): mul(HALF, power(3, HALF)),
        Fraction(1, 2): 1,
    }
    return table.get(turns)


def trig_value(head: str, turns: Fraction) -> Expr | None:
    s, c = sine(turns), sine(turns + HALF)
    if s is None or c is None:
        return None
    return {"sin": s, "cos": c, "tan": None if c == 0 else divide(s, c)}[head]


# Values of inverse functions in parts of pi.
ANGLES: dict[str, dict[Any, Fraction]] = {
    "arcsin": {1: HALF, HALF: Fraction(1, 6)},
    "arccos": {0: HALF, HALF: Fraction(1, 3)},
    "arctan": {1: Fraction(1, 4)},
}


def angle(table: dict[Any, Fraction]) -> Callable[[Expr], Expr | None]:
    return lambda x: mul(table[x], PI) if not isinstance(x, Node) and x in table else None


def where(condition: Expr, a: Expr, b: Expr) -> Expr | None:
    """Equal branches are one; so is a condition that always or never holds."""
    if a is b or (is_number(a) and is_number(b) and a == b):
        return a
    if type(condition) is not Fn or condition.head not in COMPARE:
        return None
    u, v = condition.args
    if u is v:
        u = v = 0
    if not isinstance(u, Node) and not isinstance(v, Node):
        return a if COMPARE[condition.head](u, v) else b
    if condition.head == "not_equal":
        return call("where", fn("equal", u, v), b, a)
    return where_zero(u, a, b) if condition.head == "equal" and v == 0 else None


def where_zero(u: Expr, a: Expr, b: Expr) -> Expr | None:
    """where(u == 0, a, b): b if u is never 0; numbers before u do not matter."""
    if never_zero(u):
        return b
    if type(u) is Mul and u.coefficient != 1:
        return call("where", fn("equal", scale(Fraction(1) / u.coefficient, u), 0), a, b)
    return None


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "equal": operator.eq,
    "not_equal": operator.ne,
}


def rounded(function: Callable[[Any], int]) -> Callable[[Expr], Expr | None]:
    return lambda x: function(x) if not isinstance(x, Node) else None


def pick(function: Callable[..., Any]) -> Callable[[Expr, Expr], Expr | None]:
    def rule(a: Expr, b: Expr) -> Expr | None:
        if not isinstance(a, Node) and not isinstance(b, Node):
            return function(a, b)  # type: ignore[no-any-return]
        return a if a is b else None

    return rule


def cosh(x: Expr) -> Expr | None:
    """cosh(arcsinh(u)) = sqrt(u^2 + 1), cosh(arccosh(u)) = u."""
    if type(x) is Fn and x.head == "arcsinh":
        return root_sum(power(x.args[0], 2), 1)
    return inverse_of("arccosh")(x)


def cbrt(x: Expr) -> Expr | None:
    """cbrt(u^3) = u."""
    if type(x) is Mul and x.coefficient == 1 and len(x.factors) == 1:
        base, exponent = x.factors[0]
        if type(exponent) is int and exponent % 3 == 0:
            return power(base, exponent // 3)
    return None


def root_sum(a: Expr, b: Expr) -> Expr:
    return power(add(a, b), HALF)


RULES: dict[str, Callable[..., Expr | None]] = {
    "log": log,
    "abs": absolute,
    "sign": sign,
    "sin": trig("sin", lambda u: divide(u, root_sum(power(u, 2), 1))),
    "cos": trig("cos", lambda u: power(root_sum(power(u, 2), 1), -1)),
    "tan": trig("tan", lambda u: u),
    "sinh": inverse_of("arcsinh"),
    "cosh": cosh,
    "tanh": inverse_of("arctanh"),
    **{head: angle(table) for head, table in ANGLES.items()},
    "arcsinh": inverse_of("sinh"),
    "arctanh": inverse_of("tanh"),
    "erf": inverse_of("erfinv"),
    "erfinv": inverse_of("erf"),
    "cbrt": cbrt,
    "expm1": lambda x: subtract(x.args[0], 1) if type(x) is Fn and x.head == "log" else None,
    "floor": rounded(floor),
    "ceil": rounded(ceil),
    "maximum": pick(max),
    "minimum": pick(min),
    "where": where,
}


def maker(head: str) -> Callable[..., Expr | None]:
    """What is known of a function: its values at numbers, whether it is even or odd, and its own rule."""
    values, rule, parity = VALUES.get(head, {}), RULES.get(head), head in ODD or head in EVEN

    def make(x: Expr, *others: Expr) -> Expr | None:
        if not isinstance(x, Node) and x in values:
            return values[x]
        if parity and minus_leads(x):
            inner = call(head, negate(x))
            return inner if head in EVEN else negate(inner)
        return rule(x, *others) if rule else None

    return make


# Every function of which something is known -> what it is of given arguments, or None for the plain function.
MAKERS: dict[Any, Callable[..., Expr | None]] = {
    **ALGEBRA,
    **{head: maker(head) for head in sorted({*VALUES, *ODD, *EVEN, *RULES})},
}
