"""What the check of rules counts, and what makes it fail."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import matrix_rules
import mpmath as mp

from agcli.expression.simplify.observe import names

LEAST, MISSED = 200, 0.02  # times that a rule fires; share of its different forms that may go uncompared
WHOLE = "whole: raw and simplified graph"

# Rules whose forms may have a value where their origin has none: what cancels takes its domain with it, as
# sqrt(x)*sqrt(x) = x, exp(log(x)) = x, sign(x^(1/3)) = 1 and sin(sqrt(x))^2 + cos(sqrt(x))^2 = 1; a branch that
# is not taken; and sqrt(x - 1)*sqrt(x + 1) = sqrt(x^2 - 1).
WIDER = {
    *(f"function: {name}" for name in (
        "add", "subtract", "multiply", "divide", "power", "square", "sqrt", "hypot", "exp", "expm1", "sin", "cos",
        "tan", "cosh", "tanh", "erf", "sign", "abs", "where", "negative", "rsqrt", "reciprocal")),
    "power: exponential", "power: Mul", "power: Fn", "power: symbolic",
    "Add: multiply out", "Add: common denominator", "Add: nested fractions", "Add: partial factor",
    "Add: sin^2 + cos^2 = 1", "Add: cosh^2 - sinh^2 = 1", "Add: double argument", "Add: double argument #2",
    "Add: double argument #3", "Add: hyperbolic functions to exponentials", "Add: 1 + tan^2 = 1/cos^2",
    "Add: tan = sin/cos", "Add: sum of angles", "Add: sum of angles #2", "Add: products to sums", "Add: choice",
    "Add: signs", "Add: common factor", "Add: factor",
    "Mul: signs", "Mul: multiply out", "Mul: multiply out below", "Mul: join roots", "Mul: choice",
    "Mul: clear fractions", "Mul: cancel", "Mul: tan = sin/cos", "Mul: tan = sin/cos #2", "Mul: double argument #3",
    "Mul: double argument #4", "last Mul: stable quotient #3", "last Mul: stable quotient #4",
}  # fmt: skip
WIDER.add(WHOLE)


@dataclass
class Wrong:
    rule: str
    text: str
    before: str
    after: str
    point: dict[str, Any]
    values: tuple[Any, Any]

    def __str__(self) -> str:
        at = ", ".join(f"{name}={mp.nstr(v, 17)}" for name, v in self.point.items())
        values = " but ".join(mp.nstr(v, 17) if not isinstance(v, bool) else str(v) for v in self.values)
        return f"{self.rule}: {self.before}  ->  {self.after}\n    {values} at {at}\n    in {self.text}"


@dataclass
class Report:
    """What was counted, by rule."""

    applied: Counter[str] = field(default_factory=Counter)
    forms: Counter[str] = field(default_factory=Counter)  # different ones
    missed: Counter[str] = field(default_factory=Counter)
    nowhere: Counter[str] = field(default_factory=Counter)  # forms that have no value anywhere, nor had their origin
    wider: Counter[str] = field(default_factory=Counter)
    widened: dict[str, str] = field(default_factory=dict)  # an example of each
    examples: dict[str, list[str]] = field(default_factory=dict)  # of forms that could not be compared
    unknown: Counter[str] = field(default_factory=Counter)
    wrong: list[Wrong] = field(default_factory=list)

    def lacking(self, least: int) -> list[str]:
        """The rules that fired too rarely, or made few different forms."""
        return [name for name in names() if min(self.count(name), self.forms[name]) < least]

    def count(self, name: str) -> int:
        """How often a rule fired; 0 if nothing that it made could be compared."""
        return self.applied[name] if self.forms[name] > self.missed[name] else 0

    def take(self, other: Report) -> None:
        """Add what was counted elsewhere; which forms are different is for ``Sweep`` to say."""
        for name in ("applied", "missed", "nowhere", "wider", "unknown"):
            getattr(self, name).update(getattr(other, name))
        self.wrong += other.wrong
        self.widened = other.widened | self.widened
        for name, found in other.examples.items():
            self.examples.setdefault(name, []).extend(found)

    def faults(self, least: int = LEAST) -> list[str]:
        """What makes a run fail, in words."""
        found = [str(w) for w in self.wrong]
        for name in [*names(), *matrix_rules.names(), WHOLE]:
            if (count := self.count(name)) < least:
                found.append(f"{name}: fired {count} times, expected {least}")
            if self.missed[name] > max(MISSED * self.forms[name], 2):
                examples = "; ".join(self.examples.get(name, [])[:3])
                found.append(
                    f"{name}: {self.missed[name]} of {self.forms[name]} forms not compared, such as {examples}"
                )
            if self.wider[name] and name not in WIDER:
                found.append(
                    f"{name}: {self.wider[name]} forms have a value where there was none: {self.widened[name]}"
                )
        return found
