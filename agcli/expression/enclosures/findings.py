"""The value of a derivative at a point, or what is there instead of one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np

from agcli.engine.graph import Tensor, call
from agcli.expression.enclosures.interval import GUARD, Interval, Precision, context
from agcli.expression.enclosures.limits import FINE, UNDEFINED, Limit, alike, along, limits, middle
from agcli.expression.enclosures.program import Program, Undefined, Unknown, numbers_of, point
from agcli.expression.enclosures.refine import ACCURACY, NOTHING, evaluate, width

LARGEST, SMALLEST = Decimal("1.7976931348623157e308"), Decimal("2.2250738585072014e-308")
UNIT_STEP = point(1.0)
CONSTANT_DIGITS = 450  # as sin(pi) is then below what counts as 0
CONSTANT_LEVEL = 3  # of the precisions: the first with more digits
CONTEXT = context(CONSTANT_DIGITS, "ROUND_HALF_EVEN")


@dataclass(frozen=True)
class Finding:
    """What is known of a formula at a point.

    `status` is `value`, `too large` or `too small` for float64 (`value` holds the number), `rough` (a value of which
    `digits` are right), `removable` (`left` and `right` are one limit), `kink`, `jump`, `one-sided`, `infinite`,
    `undefined` or `unknown`. `left` and `right` are the limits of the derivative of order `order`: where it is lower
    than the order asked for, that one has no value, so there is none. `part` is what has no value. `at_constant` is the
    value at `constants`, to which the point is rounded, where it is another one.
    """

    status: str
    value: Decimal | None = None
    left: Limit | None = None
    right: Limit | None = None
    part: Tensor | None = None
    digits: int | None = None
    order: int = 0
    at_constant: Decimal | None = None
    constants: tuple[Tensor, ...] = ()

    @property
    def number(self) -> float:
        """The value as float64: the nearest one, NaN where there is none or it is too large."""
        if self.value is None or self.status == "too large":
            return math.nan
        return float(self.value)

    @property
    def limit(self) -> Decimal | None:
        """The value, or the limit where a point is missing."""
        if self.status in ("value", "too small", "too large"):
            return self.value
        return self.left.value if self.status == "removable" and self.left is not None else None


def finding_of(value: Any) -> Finding:
    """What a value that was computed tells."""
    if isinstance(value, Undefined):
        return Finding("undefined", part=value.part)
    if isinstance(value, Unknown):
        return Finding("unknown")
    number = middle(value)
    if number is None:
        return Finding("unknown")
    size, error = max(value.low.copy_abs(), value.high.copy_abs()), width(value)
    if size < NOTHING and error >= FINE.multiply(size, Decimal("0.1")):  # 0, or too small to tell from it
        return Finding("value", Decimal(0))
    if min(value.low.copy_abs(), value.high.copy_abs()) > LARGEST and (value.low > 0) == (value.high > 0):
        return Finding("too large", number)
    if size < SMALLEST:
        return Finding("too small", number)
    if error <= FINE.multiply(number.copy_abs(), ACCURACY.scaleb(4)):
        return Finding("value", number)
    digits = number.adjusted() - error.adjusted() - 1 if error.is_finite() and number else 0
    return Finding("rough", number, digits=digits) if digits > 0 else Finding("unknown")


Differentiate = Callable[[Tensor, str], Tensor]


class Finder:
    """A formula of one number at a point, and its derivatives there.

    `feeds` are intervals by name, or functions from a precision to one. `chain` makes the next derivative of a formula.
    """

    def __init__(self, f: Tensor, feeds: Mapping[str, Any], chain: Callable[[tuple[str, ...]], Tensor]) -> None:
        self.f = f
        self.feeds = feeds
        self.chain = chain
        self.found: dict[tuple[str, ...], Finding] = {}
        (self.whole,), self.bits = evaluate([f], feeds)

    def singular(self, names: Sequence[str]) -> bool:
        """Whether the formula is not smooth here along one of the variables."""
        return bool(self.whole.singular & sum(self.bits.get(name, 0) for name in set(names)))

    def value(self) -> Finding:
        """Of the formula itself: of one variable, with its limits where it has none."""
        found = finding_of(self.whole.local)
        if found.value is not None or found.status == "unknown":
            return self.typed(found, self.f)
        names = list(self.bits)
        if found.status != "undefined" or len(names) != 1 or isinstance(self.feeds[names[0]], np.ndarray):
            return found
        return self.missing(found, *self.sides([self.f], names[0]))

    def missing(self, found: Finding, left: list[Limit], right: list[Limit]) -> Finding:
        """A formula without a value at a point, by its limits there."""
        before, after = left[0], right[0]
        found = replace(found, left=before, right=after)
        kinds = {before.kind, after.kind}
        if "infinite" in kinds:
            return replace(found, status="infinite")
        if kinds == {"finite"}:
            return replace(found, status="removable" if alike(before.value, after.value) else "jump")
        return replace(found, status="one-sided") if kinds == {"finite", "undefined"} else found

    def sides(self, outputs: list[Tensor], name: str) -> tuple[list[Limit], list[Limit]]:
        """The limits of formulas from the left and from the right along one variable."""
        return self.directed(outputs, {name: UNIT_STEP})

    def directed(
        self, outputs: list[Tensor], parts: Mapping[str, Any], names: Sequence[str] = ()
    ) -> tuple[list[Limit], list[Limit]]:
        """The limits from both sides; `names` are all variables of a mixed derivative."""
        move, scale = along(self.feeds, parts)
        others = set(names) - set(parts)
        constants = {near: point(near) for near in self.whole.constants}
        left, right = (
            limits([self.f, *outputs], move, scale, side, list(parts), others, constants) for side in (-1, 1)
        )
        return left[1:], right[1:]

    def derivative(self, names: tuple[str, ...]) -> Finding:
        """Of the derivative by each name in turn."""
        return self.typed(self.local(names), self.chain(names)) if names else self.value()

    def typed(self, found: Finding, g: Tensor) -> Finding:
        """At the float64 number that was typed, what of `g` was found at a constant to which it is rounded."""
        if self.whole.at_constant is None or (found.value is None and found.status != "unknown"):
            return found
        here: Finding = value_at(g, self.feeds)
        return here if here.value is not None or here.at_constant is not None else found

    def local(self, names: tuple[str, ...]) -> Finding:
        """The same at the constants to which the point is rounded, by which there is a kink or none."""
        if names not in self.found:
            self.found[names] = self.find(names)
        return self.found[names]

    def find(self, names: tuple[str, ...]) -> Finding:
        g = self.chain(names)
        if names[-1] not in self.bits:  # the formula does not depend on it
            found = self.value()
            return Finding("value", Decimal(0)) if found.limit is not None else found
        defined = isinstance(self.whole.local, Interval)
        if defined and not self.singular(names):
            plain: Finding = value_at(g, self.feeds)
            if plain.status != "undefined":
                return plain
        if isinstance(self.whole.local, Unknown):
            return Finding("unknown")
        before = self.local(names[:-1]) if len(names) > 1 else self.base(names[-1])
        if before.limit is None:
            return before
        return self.step(before, g, self.chain(names[:-1]), {names[-1]: UNIT_STEP}, names)

    def base(self, name: str) -> Finding:
        """The formula itself, with limits along one variable where it has no value."""
        found = finding_of(self.whole.local)
        return self.missing(found, *self.sides([self.f], name)) if found.status == "undefined" else found

    def base_value(self) -> Finding:
        """The formula itself, of whatever variables."""
        return finding_of(self.whole.local)

    def direction(self, g: Tensor, parts: Mapping[str, Interval]) -> Finding:
        """Of a first derivative along several variables at once."""
        found = self.base_value()
        if found.value is not None and not self.singular(list(parts)):
            slope: Finding = value_at(g, self.feeds)
            if slope.status != "undefined":
                return slope
        if found.value is None:
            return found
        return self.typed(self.step(found, g, self.f, parts, ("",)), g)

    def step(
        self, before: Finding, g: Tensor, below: Tensor, parts: Mapping[str, Any], names: Sequence[str]
    ) -> Finding:
        """The derivative `g` by `names` of `below`, which has the value or limit `before`, from the limits of both."""
        order = len(names)
        (low_left, left), (low_right, right) = self.directed([below, g], parts, names)
        broken = discontinuity(before.limit or Decimal(0), low_left, low_right)
        if broken:
            return Finding(broken, left=low_left, right=low_right, part=before.part, order=order - 1)
        if low_left.kind == "undefined":
            return Finding("one-sided", left=UNDEFINED, right=right, order=order)
        if low_right.kind == "undefined":
            return Finding("one-sided", left=left, right=UNDEFINED, order=order)
        status = smoothness(left, right)
        if status == "value" and before.status != "removable":
            return finding_of(Interval(left.value, left.value))
        status = "removable" if status == "value" else status
        return Finding(status, left=left, right=right, order=order, part=before.part)


def discontinuity(value: Decimal, left: Limit, right: Limit) -> str:
    """What keeps a function with a value at a point from being continuous there, on the sides where it is defined."""
    kinds = {left.kind, right.kind}
    for kind, status in (("none", "undefined"), ("infinite", "infinite")):
        if kind in kinds:
            return status
    if kinds == {"undefined"}:
        return "undefined"
    return "" if all(side.kind == "undefined" or side.meets(value) for side in (left, right)) else "jump"


def smoothness(left: Limit, right: Limit) -> str:
    """What the limits of a derivative say of it."""
    kinds = {left.kind, right.kind}
    if kinds - {"finite", "infinite"}:
        return "undefined"
    if kinds == {"finite"}:
        return "value" if alike(left.value, right.value) else "kink"
    return "infinite" if left == right else "kink"


def findings(value: Any) -> Any:
    """What each element of a value tells."""
    return np.frompyfunc(finding_of, 1, 1)(value) if isinstance(value, np.ndarray) else finding_of(value)


def value_at(t: Tensor, feeds: Mapping[str, Any]) -> Any:
    """What is known of a formula where its variables have the values `feeds`: a finding, or an array of them. Raises
    UnsupportedError."""
    known = evaluate([t], feeds)[0][0]
    if known.at_constant is None:
        return findings(known.value)
    exactly = findings(at_constants(t, feeds, known.constants))
    typed = {float(v.low) for v in numbers_of(feeds)}
    signed = [c if near in typed else call("negative", c) for near, c in known.constants.items()]
    told = partial(of_both, constants=tuple(signed))
    return each_of(told, findings(known.value), findings(known.at_constant), exactly)


def each_of(function: Callable[..., Any], *args: Any) -> Any:
    return np.frompyfunc(function, len(args), 1)(*args) if isinstance(args[0], np.ndarray) else function(*args)


def of_both(typed: Finding, local: Finding, exactly: Finding, constants: tuple[Tensor, ...]) -> Finding:
    """A value at a float64 number that stands for a constant: what has no value at the constant has a name instead."""
    if local.value is None and local.status != "unknown":
        return local
    if exactly.value is None or (typed.value is not None and alike(typed.value, exactly.value)):
        return typed
    return replace(typed, at_constant=exactly.value, constants=constants)


def at_constants(t: Tensor, feeds: Mapping[str, Any], constants: Mapping[float, Tensor]) -> Any:
    """The value of a formula where numbers of the point are the constants to which they are the nearest float64."""
    new: dict[float, Interval] = {}
    for near, constant in constants.items():
        (value,) = Program([constant]).run({}, Precision(CONSTANT_DIGITS + GUARD)).values
        digits = CONTEXT.plus(value.low)
        new[near], new[-near] = Interval(digits, digits), Interval(*(digits.copy_negate(),) * 2)

    def moved(v: Any) -> Any:
        return new.get(float(v.low), v) if isinstance(v, Interval) and v.exact else v

    there = {name: each_of(moved, feed) for name, feed in feeds.items()}
    return evaluate([t], there, CONSTANT_LEVEL, new)[0][0].value
