"""The coefficients of a Taylor polynomial that are limits, and the points about which there is none."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from agcli.engine.graph import Constant, Tensor, toposort
from agcli.engine.leaves import Placeholder
from agcli.expression.at_point import Chain
from agcli.expression.enclosures.arrays import UnsupportedError
from agcli.expression.enclosures.findings import Finder, Finding
from agcli.expression.enclosures.interval import Interval, Precision
from agcli.expression.enclosures.program import Program, point
from agcli.expression.errors import ExpressionError
from agcli.expression.lower import FLOAT

MAX_DENOMINATOR = 1_000_000  # of a limit that is recognized as a fraction
RECOGNIZED = Decimal("1e-17")
SAMPLE = 0.7390851332151607  # value of the first other variable; the next ones are larger by 1 each


class Centre:
    """What a formula does at the centre of a series. Other variables than the one of the series stand for any value."""

    def __init__(self, f: Tensor, x: Placeholder, centre: Tensor, variables: Mapping[str, Placeholder]) -> None:
        self.name = x.name or ""
        leaves = [t for t in toposort([f, centre]) if isinstance(t, Placeholder)]
        free = {t.name or "" for t in leaves} - {self.name}
        others = {name: point(SAMPLE + i) for i, name in enumerate(sorted(free))}
        self.alone = not others
        self.finder: Finder | None = None
        if f.shape != () or any(t.shape != () for t in leaves):
            return
        try:
            self.finder = Finder(f, {**others, self.name: Value(centre, others)}, Chain(f, variables))
        except UnsupportedError:  # an op without a rule
            return

    def knows(self, k: int, derivative: Tensor) -> None:
        """Take a shorter formula of the k-th derivative."""
        if self.finder is not None and isinstance(self.finder.chain, Chain):
            self.finder.chain.made[(self.name,) * k] = derivative

    def limit(self, k: int) -> Tensor | None:
        """The k-th derivative where it is a limit; None where it is what the formula of the derivative says.

        Raises ExpressionError where there is neither.
        """
        finder = self.finder
        if finder is None:
            return None
        names = (self.name,) * k
        found = finder.local(names) if k else finder.base(self.name)
        defined = isinstance(finder.whole.local, Interval)
        regular = defined and (k == 0 or not finder.singular([self.name]))
        if found.status == "unknown" or (regular and found.value is not None):
            return None
        value = found.limit
        if value is None:
            raise refusal(found, k, self.name)
        if not self.alone:
            hint = "give the other variables a value: --given a=1"
            raise ExpressionError("--taylor: a limit is taken only of a formula of one variable", hint=hint)
        return recognized(value)


class Value:
    """The centre as an interval, at any precision."""

    def __init__(self, centre: Tensor, others: Mapping[str, Any]) -> None:
        self.program = Program([centre])
        self.others = others

    def __call__(self, p: Precision) -> Any:
        return self.program.run(self.others, p).values[0]


def refusal(found: Finding, k: int, name: str) -> ExpressionError:
    if k and found.status in ("undefined", "unknown"):
        message = f"--taylor: the limit of its derivative of order {k} at that {name} was not found"
        return ExpressionError(message, hint="ask for a lower order")
    what = "the formula" if found.order == 0 and k == 0 else f"its derivative of order {max(found.order, 1)}"
    if found.order == 0 and found.status in ("infinite", "jump", "undefined", "one-sided"):
        what = "the formula"
    kind = {"kink": "there is a kink", "jump": "it jumps", "one-sided": "it ends there"}.get(found.status, "")
    reason = f": {kind}" if kind else ""
    return ExpressionError(f"--taylor: {what} has no finite value at that {name}{reason}", hint="choose another point")


def recognized(value: Decimal) -> Constant:
    """A number as a fraction with a short denominator, if it is one."""
    near = Fraction(value).limit_denominator(MAX_DENOMINATOR)
    error = abs(Fraction(value) - near)
    if error > Fraction(RECOGNIZED) * max(Fraction(1), abs(near)):
        return Constant(float(value), FLOAT)
    return Constant(near.numerator if near.denominator == 1 else near, FLOAT)
