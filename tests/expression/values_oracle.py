"""What a formula of one variable is worth at a point, by mpmath from its syntax: the definition of the derivative, as
differences with steps of 1e-30 and 1e-45 in 400 digits, from both sides.

Nothing here knows the engine's rules or its gradients.
"""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath as mp

from agcli.expression.lower import functions
from agcli.expression.parser import parse_syntax
from agcli.expression.syntax import Call, Constant, Name, Number

DIGITS, MORE_DIGITS = 400, 2600
STEPS, SHORTER_STEPS = (30, 45), (300, 450)  # powers of ten; the latter with more digits
AGREE = mp.mpf(10) ** -12


class TooHardError(Exception):
    """A number beyond what mpmath computes in reasonable time."""


def tame(x, bound=1e25):
    if abs(x) > bound:
        raise TooHardError
    return x


def power(a, b):
    if b == 0:
        return mp.mpf(1)
    if a > 0:
        tame(b * mp.log(a))
        return a**b
    if b == mp.floor(b):
        return None if a == 0 and b < 0 else a ** int(tame(b))
    return mp.mpf(0) if a == 0 and b > 0 else None


def wave(function, x):
    """Sine or cosine, 0 where only the digits of pi tell it from 0."""
    value = function(tame(x))
    return mp.mpf(0) if abs(value) < mp.mpf(10) ** (60 - mp.mp.dps) else value


def if_(holds, value):
    return value() if holds else None


def even(x):
    below = mp.floor(x)
    return below + (x - below > 0.5 or (x - below == 0.5 and below % 2 == 1))


def pole(x):
    return x <= 0 and x == mp.floor(x)


def sinc(x):
    if x == mp.floor(x):
        return mp.mpf(x == 0)
    return mp.sin(mp.pi * x) / (mp.pi * x)


FUNCTIONS = {
    "add": lambda a, b: a + b, "subtract": lambda a, b: a - b, "multiply": lambda a, b: a * b,
    "divide": lambda a, b: if_(b != 0, lambda: a / b), "power": power, "pow": power, "negative": lambda a: -a,
    "sqrt": lambda a: if_(a >= 0, lambda: mp.sqrt(a)), "cbrt": lambda a: mp.sign(a) * mp.cbrt(abs(a)),
    "square": lambda a: a * a, "abs": abs, "sign": mp.sign, "exp": lambda a: mp.exp(tame(a)),
    "log": lambda a, b=None: if_(a > 0 and (b is None or (b > 0 and b != 1)),
                                 lambda: mp.log(a) if b is None else mp.log(a) / mp.log(b)),
    "log2": lambda a: if_(a > 0, lambda: mp.log(a, 2)), "log10": lambda a: if_(a > 0, lambda: mp.log10(a)),
    "log1p": lambda a: if_(a > -1, lambda: mp.log1p(a)), "expm1": lambda a: mp.expm1(tame(a)),
    "sin": lambda a: wave(mp.sin, a), "cos": lambda a: wave(mp.cos, a),
    "tan": lambda a: if_(wave(mp.cos, a) != 0, lambda: wave(mp.sin, a) / wave(mp.cos, a)),
    "sec": lambda a: if_(mp.cos(tame(a)) != 0, lambda: 1 / mp.cos(a)),
    "csc": lambda a: if_(a != 0, lambda: 1 / mp.sin(tame(a))), "cot": lambda a: if_(a != 0, lambda: mp.cot(tame(a))),
    "arcsin": lambda a: if_(abs(a) <= 1, lambda: mp.asin(a)), "arccos": lambda a: if_(abs(a) <= 1, lambda: mp.acos(a)),
    "arctan": mp.atan, "sinh": lambda a: mp.sinh(tame(a)), "cosh": lambda a: mp.cosh(tame(a)),
    "tanh": lambda a: mp.sign(a) if abs(a) > 1e8 else mp.tanh(a),
    "sech": lambda a: 1 / mp.cosh(tame(a)), "coth": lambda a: if_(a != 0, lambda: mp.coth(tame(a, 1e8))),
    "csch": lambda a: if_(a != 0, lambda: 1 / mp.sinh(tame(a))), "arcsinh": mp.asinh,
    "arccosh": lambda a: if_(a >= 1, lambda: mp.acosh(a)), "arctanh": lambda a: if_(abs(a) < 1, lambda: mp.atanh(a)),
    "atan2": lambda a, b: mp.mpf(0) if a == b == 0 else mp.atan2(a, b),
    "arctan2": lambda a, b: mp.mpf(0) if a == b == 0 else mp.atan2(a, b),
    "gamma": lambda a: if_(not pole(a), lambda: mp.gamma(tame(a, 1e6))),
    "lgamma": lambda a: if_(not pole(a), lambda: mp.log(abs(mp.gamma(tame(a, 1e6))))),
    "digamma": lambda a: if_(not pole(a), lambda: mp.digamma(tame(a, 1e6))),
    "erf": lambda a: mp.erf(tame(a, 60)), "erfc": lambda a: mp.erfc(tame(a, 60)), "sinc": lambda a: sinc(tame(a)),
    "sigmoid": lambda a: 1 / (1 + mp.exp(tame(-a))), "softplus": lambda a: mp.log1p(mp.exp(tame(a))),
    "relu": lambda a: max(a, mp.mpf(0)), "softsign": lambda a: a / (1 + abs(a)),
    "elu": lambda a: a if a > 0 else mp.expm1(a), "silu": lambda a: a / (1 + mp.exp(tame(-a))),
    "floor": mp.floor, "ceil": mp.ceil, "round": even, "trunc": lambda a: mp.sign(a) * mp.floor(abs(a)),
    "max": max, "min": min, "maximum": max, "minimum": min, "hypot": lambda a, b: mp.sqrt(a * a + b * b),
    "mod": lambda a, b: if_(b != 0, lambda: a - b * mp.floor(a / b)),
    "logaddexp": lambda a, b: max(a, b) + mp.log1p(mp.exp(-abs(a - b))),
    "less": lambda a, b: a < b, "less_equal": lambda a, b: a <= b, "greater": lambda a, b: a > b,
    "greater_equal": lambda a, b: a >= b, "equal": lambda a, b: a == b, "not_equal": lambda a, b: a != b,
}  # fmt: skip


class Oracle:
    """A formula and the values of its other variables; `x` is the one that moves.

    With `same`, a pi of the formula at the float nearest to it or to -pi is that float: so kinks and poles there are
    told.
    """

    def __init__(self, text, x, others, same=True):
        self.syntax = parse_syntax(text, functions())
        self.x = x
        self.others = others
        self.same = same

    def exactly(self):
        """The same with pi as the number that it is, by which values are judged."""
        return Oracle(self.syntax.text, self.x, self.others, same=False)

    def meets(self, point):
        """Whether a constant of the formula is the point, or its negative, but for rounding."""
        return any(isinstance(n, Constant) and getattr(math, n.name) == abs(point) for n in self.syntax.nodes)

    def at(self, point, exact):
        """The value at an mpf near the float `point`; None where there is none."""
        values = []
        for node in self.syntax.nodes:
            values.append(self.node(node, values, point, exact))
        return values[-1]

    def node(self, node, values, point, exact):
        if isinstance(node, Name):
            return exact if node.name == self.x else mp.mpf(self.others[node.name])
        if isinstance(node, Constant):
            value = getattr(math, node.name)
            return mp.mpf(value) if value == abs(point) and self.same else +getattr(mp, node.name)
        if isinstance(node, Number):
            if float(node.value) == point:
                return mp.mpf(point)
            fraction = Fraction(node.value)
            return mp.mpf(fraction.numerator) / fraction.denominator
        if not isinstance(node, Call):
            raise TooHardError
        args = [values[i] for i in node.args]
        if node.function == "where":
            condition, a, b = args
            return None if condition is None else a if condition else b
        if any(a is None for a in args):
            return None
        if node.function not in FUNCTIONS:
            raise TooHardError(node.function)
        return FUNCTIONS[node.function](*args)

    def difference(self, point, n, side, k, start):
        """The n-th difference with steps of 10^-k to one side, from the point or from `start` steps beside it."""
        h = side * mp.mpf(10) ** -k * (mp.mpf(10) ** math.floor(math.log10(abs(point))) if point else 1)
        total = mp.mpf(0)
        for j in range(n + 1):
            value = self.at(point, mp.mpf(point) + (j + start) * h)
            if value is None:
                return None
            total += (-1) ** (n - j) * mp.binomial(n, j) * value
        return total / h**n

    def one_sided(self, point, n, side, start=0):
        """The n-th derivative from one side; None where it does not exist."""
        steps = STEPS if mp.mp.dps == DIGITS else SHORTER_STEPS
        first, second = (self.difference(point, n, side, k, start) for k in steps)
        if first is None or second is None:
            return None
        if max(abs(first), abs(second)) < mp.mpf(10) ** max(235 - mp.mp.dps, -330):  # rounding by h^3
            return mp.mpf(0)
        if abs(first - second) <= AGREE * abs(second):
            return second
        return mp.mpf(0) if abs(second) <= abs(first) / 1000 else None

    def derivatives(self, point, orders, digits=DIGITS):
        """The derivatives of order 0 to `orders`, None from where one does not exist."""
        with mp.workdps(digits):
            found = [self.at(point, mp.mpf(point))]
            for n in range(1, orders + 1):
                sides = [self.one_sided(point, n, s) for s in (-1, 1)] if found[-1] is not None else [None, None]
                if None in sides or not close(*sides):
                    sides = [None, None]
                found.append(sides[1])
            return found

    def limits(self, point, n, digits=DIGITS):
        """The limits of the n-th derivative from the left and from the right; None where there is none."""
        with mp.workdps(digits):
            return [self.one_sided(point, n, side, start=1) for side in (-1, 1)]


def close(a, b, tolerance=1e-12):
    """Whether two numbers agree; those that only rounding tells from 0 do."""
    size = max(abs(a), abs(b))
    return size < mp.mpf(10) ** -250 or abs(a - b) <= tolerance * size


def as_mpf(value):
    return mp.mpf(str(value))
