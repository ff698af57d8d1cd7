"""Taylor coefficients by arithmetic of power series, where derivatives of high order grow too large.

The recurrences are those of Griewank and Walther, Evaluating Derivatives (2008), table 13.2. A coefficient is a formula
of the centre and of the other variables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from agcli.engine.graph import Constant, Tensor, call, toposort
from agcli.engine.leaves import Placeholder
from agcli.engine.rewrite.rules import number
from agcli.expression.enclosures.arrays import UnsupportedError
from agcli.expression.enclosures.findings import Finding, value_at
from agcli.expression.lower import FLOAT

Series = list[Any]  # of tensors; None for a coefficient that a division by a power of x - centre has lost
SPARE = 6  # orders that may be lost so
MAX_POWER = 30  # that is multiplied out
MAX_TENSORS = 250  # of a coefficient that is made shorter


class NoSeriesError(Exception):
    """The formula is not known to be smooth at the centre, or has an op without a recurrence."""


def constant(value: int | Fraction) -> Tensor:
    return Constant(value, FLOAT)


ZERO, ONE = constant(0), constant(1)


def is_zero(t: Tensor | None) -> bool:
    return t is not None and bool(number(t) == 0)


def value_of(t: Tensor) -> Decimal | None:
    """The value of a constant; None of what depends on a variable. Raises NoSeriesError where it has none."""
    if any(isinstance(part, Placeholder) for part in toposort([t])):
        return None
    try:
        found: Finding = value_at(t, {})
    except UnsupportedError:
        raise NoSeriesError from None
    if found.status != "value":
        raise NoSeriesError
    return found.value


class Jets:
    """Series to order n in one variable; `shorten` makes the coefficients shorter."""

    def __init__(self, x: Placeholder, centre: Tensor, n: int, shorten: Callable[[Tensor], Tensor]) -> None:
        self.x, self.centre, self.n, self.shorten = x, centre, n, shorten

    def shorter(self, t: Tensor) -> Tensor:
        return self.shorten(t) if len(toposort([t])) <= MAX_TENSORS else t

    def of(self, f: Tensor) -> Series:
        """The coefficients of f. Raises NoSeriesError."""
        found: dict[int, Series] = {}
        for t in toposort([f]):
            if t.shape != () or (t.op is None and not isinstance(t, Constant | Placeholder)):
                raise NoSeriesError
            if t.op is None:
                found[t.id] = self.variable() if t is self.x else self.plain(t)
                continue
            rule = RULES.get(t.op.name)
            if rule is None:
                raise NoSeriesError
            found[t.id] = rule(self, *(found[x.id] for x in t.inputs))
        return found[f.id]

    def plain(self, t: Tensor) -> Series:
        return [t] + [ZERO] * self.n

    def variable(self) -> Series:
        return [self.centre, ONE] + [ZERO] * (self.n - 1)

    def sum(self, terms: Sequence[tuple[int | Fraction, Any, Any]]) -> Any:
        """The sum of numbers times products; None where a part is lost."""
        total: Tensor | None = None
        for k, a, b in terms:
            if k == 0 or is_zero(a) or is_zero(b):
                continue
            if a is None or b is None:
                return None
            term = constant(k) * a * b
            total = term if total is None else total + term
        return ZERO if total is None else self.shorter(total)

    def nonzero(self, t: Tensor | None) -> Tensor:
        """`t`, which divides. Raises NoSeriesError if it is 0, or may be."""
        if t is None or is_zero(t) or value_of(t) == 0:
            raise NoSeriesError
        return t

    def at(self, name: str, a: Series) -> Tensor:
        """A function of the first coefficient."""
        if a[0] is None:
            raise NoSeriesError
        return self.valued(call(name, a[0]))

    def valued(self, t: Tensor) -> Tensor:
        value_of(t)
        return self.shorter(t)

    def add(self, a: Series, b: Series, sign: int = 1) -> Series:
        return [self.sum([(1, u, ONE), (sign, v, ONE)]) for u, v in zip(a, b, strict=True)]

    def scale(self, k: int | Fraction, a: Series) -> Series:
        return [self.sum([(k, u, ONE)]) for u in a]

    def multiply(self, a: Series, b: Series) -> Series:
        return [self.sum([(1, a[i], b[k - i]) for i in range(k + 1)]) for k in range(self.n + 1)]

    def divide(self, a: Series, b: Series) -> Series:
        while is_zero(b[0]) and is_zero(a[0]):  # both have a factor x - centre
            a, b = [*a[1:], None], [*b[1:], None]
        first = self.nonzero(b[0])
        c: Series = []
        for k in range(self.n + 1):
            c.append(self.over(self.sum([(1, a[k], ONE), *((-1, c[i], b[k - i]) for i in range(k))]), first))
        return c

    def over(self, top: Any, first: Tensor) -> Any:
        return top if top is None or is_zero(top) else self.shorter(top / first)

    def exp(self, a: Series) -> Series:
        c: Series = [self.at("exp", a)]
        for k in range(1, self.n + 1):
            c.append(self.sum([(Fraction(i, k), a[i], c[k - i]) for i in range(1, k + 1)]))
        return c

    def log(self, a: Series) -> Series:
        first = self.nonzero(a[0])
        c: Series = [self.at("log", a)]
        for k in range(1, self.n + 1):
            top = self.sum([(1, a[k], ONE), *((-Fraction(i, k), c[i], a[k - i]) for i in range(1, k))])
            c.append(self.over(top, first))
        return c

    def power(self, a: Series, b: Series) -> Series:
        if b[0] is None:
            raise NoSeriesError
        p = number(b[0])
        if not all(map(is_zero, b[1:])):
            return self.exp(self.multiply(b, self.log(a)))
        if isinstance(p, int | Fraction) and p == int(p) and 0 <= p <= MAX_POWER:
            c = self.plain(ONE)
            for _ in range(int(p)):
                c = self.multiply(c, a)
            return c
        return self.root(a, b[0], p)

    def root(self, a: Series, exponent: Tensor, p: Any) -> Series:
        """A power that no variable of the series moves."""
        if not isinstance(p, int | Fraction):
            raise NoSeriesError
        first = self.nonzero(a[0])
        c = [self.valued(first**exponent)]
        for k in range(1, self.n + 1):
            top = self.sum([(Fraction(p) * i / k - Fraction(k - i, k), a[i], c[k - i]) for i in range(1, k + 1)])
            c.append(self.over(top, first))
        return c

    def pair(self, a: Series, names: tuple[str, str], sign: int) -> tuple[Series, Series]:
        """Sine and cosine, where the second's derivative is `sign` times the first."""
        s, c = ([self.at(name, a)] for name in names)
        for k in range(1, self.n + 1):
            one = self.sum([(Fraction(i, k), a[i], c[k - i]) for i in range(1, k + 1)])
            two = self.sum([(Fraction(sign * i, k), a[i], s[k - i]) for i in range(1, k + 1)])
            s.append(one)
            c.append(two)
        return s, c

    def angles(self, a: Series) -> tuple[Series, Series]:
        return self.pair(a, ("sin", "cos"), -1)

    def hyperbolic(self, a: Series) -> tuple[Series, Series]:
        return self.pair(a, ("sinh", "cosh"), 1)

    def integral(self, name: str, a: Series, slope: Series) -> Series:
        """A function of `a` by its derivative."""
        rates = [self.sum([(k + 1, a[k + 1], ONE)]) for k in range(self.n)] + [ZERO]
        change = self.multiply(rates, slope)
        return [self.at(name, a)] + [self.sum([(Fraction(1, k + 1), change[k], ONE)]) for k in range(self.n)]

    def plus(self, value: int, a: Series) -> Series:
        return [self.sum([(1, a[0], ONE), (value, ONE, ONE)]), *a[1:]]

    def one_over_root(self, a: Series) -> Series:
        return self.root(a, constant(Fraction(-1, 2)), Fraction(-1, 2))


def coefficients(
    f: Tensor, x: Placeholder, centre: Tensor, n: int, shorten: Callable[[Tensor], Tensor]
) -> list[Tensor] | None:
    """The Taylor coefficients to order n; None where the formula has an op without a recurrence, or may not be smooth.

    Removable points are no obstacle: sin(x)/x has its series about 0.
    """
    for spare in (0, SPARE):
        try:
            series = Jets(x, centre, n + spare, shorten).of(f)[: n + 1]
        except NoSeriesError:
            continue
        if all(c is not None for c in series):
            return series
    return None


def reciprocal(j: Jets, a: Series) -> Series:
    return j.divide(j.plain(ONE), a)


RULES: dict[str, Callable[..., Series]] = {
    "add": Jets.add,
    "subtract": lambda j, a, b: j.add(a, b, -1),
    "multiply": Jets.multiply,
    "divide": Jets.divide,
    "negative": lambda j, a: j.scale(-1, a),
    "power": Jets.power,
    "square": lambda j, a: j.multiply(a, a),
    "reciprocal": reciprocal,
    "sqrt": lambda j, a: j.root(a, constant(Fraction(1, 2)), Fraction(1, 2)),
    "exp": Jets.exp,
    "log": Jets.log,
    "log1p": lambda j, a: j.log(j.plus(1, a)),
    "expm1": lambda j, a: j.plus(-1, j.exp(a)),
    "sin": lambda j, a: j.angles(a)[0],
    "cos": lambda j, a: j.angles(a)[1],
    "tan": lambda j, a: j.divide(*j.angles(a)),
    "sinh": lambda j, a: j.hyperbolic(a)[0],
    "cosh": lambda j, a: j.hyperbolic(a)[1],
    "tanh": lambda j, a: j.divide(*j.hyperbolic(a)),
    "sigmoid": lambda j, a: reciprocal(j, j.plus(1, j.exp(j.scale(-1, a)))),
    "arctan": lambda j, a: j.integral("arctan", a, reciprocal(j, j.plus(1, j.multiply(a, a)))),
    "arctanh": lambda j, a: j.integral("arctanh", a, reciprocal(j, j.plus(1, j.scale(-1, j.multiply(a, a))))),
    "arcsin": lambda j, a: j.integral("arcsin", a, j.one_over_root(j.plus(1, j.scale(-1, j.multiply(a, a))))),
    "arcsinh": lambda j, a: j.integral("arcsinh", a, j.one_over_root(j.plus(1, j.multiply(a, a)))),
}
