"""The steps of formulas over numbers of a proof: what has no value, or none that is decided, spoils what needs it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from flint import arb, fmpq

from agcli.engine.graph import Constant, Tensor
from agcli.engine.leaves import Placeholder
from agcli.expression.enclosures.arrays import UnsupportedError, each
from agcli.expression.enclosures.interval import Interval, NoValueError
from agcli.expression.enclosures.logic import LOGICAL, Logic
from agcli.expression.enclosures.program import Program, Step
from agcli.expression.errors import ExpressionError
from agcli.expression.proved import arrays
from agcli.expression.proved.angles import ANGLES
from agcli.expression.proved.choices import CHOICES, is_true
from agcli.expression.proved.elementary import ELEMENTARY
from agcli.expression.proved.gammas import GAMMAS
from agcli.expression.proved.numbers import (
    ONE,
    ZERO,
    BeyondError,
    Number,
    PiTimes,
    UndecidedError,
    bits,
    rational,
    sign,
)
from agcli.expression.proved.site import Rule, Site, nonzero
from agcli.expression.proved.special import SPECIAL

RULES: dict[str, Rule] = {**ELEMENTARY, **ANGLES, **GAMMAS, **CHOICES, **SPECIAL}
FEW_BITS = 24  # of a float that is what it says; those of a rounded number are 53
HAS_VALUE = "the value of {0}"

# Floats in the rules of the engine that stand for other numbers. What is typed is exact, and is no float.
KNOWN: dict[float, Callable[[], Number]] = {
    math.pi: lambda: PiTimes(ONE),
    math.e: lambda: arb(1).exp(),
    2 / math.sqrt(math.pi): lambda: 2 / arb.pi().sqrt(),
    math.sqrt(0.5): lambda: root(fmpq(1, 2)),
    math.sqrt(8 / math.pi): lambda: root(8 / arb.pi()),
    math.sqrt(2 * math.pi): lambda: root(2 * arb.pi()),
    math.sqrt(2 / math.pi): lambda: root(2 / arb.pi()),
    0.01: lambda: fmpq(1, 100),  # the slope of leaky_relu
    0.044715: lambda: fmpq(44_715, 1_000_000),  # of the definition of GELU
}


def root(value: arb | fmpq) -> arb:
    return arb(value).sqrt()


class Undefined(NamedTuple):
    """No value, since `part` has none where its operands have one."""

    part: Tensor


class Undecided(NamedTuple):
    """A value that more bits may tell: whether `question`, about the operands of `part`, is so."""

    part: Tensor
    question: str


class Beyond(NamedTuple):
    """A value that no proof here can tell, for a reason."""

    part: Tensor
    reason: str


Value = fmpq | PiTimes | arb | Undefined | Undecided | Beyond
UNKNOWN = (Undefined, Beyond, Undecided)


def no_rule(t: Tensor) -> ExpressionError:
    name = t.op.name if t.op is not None else "a random number"
    return ExpressionError(f"--digits: `{name}` has no rule for digits that are proved", hint="leave out --digits")


def constant(t: Constant, value: Any) -> Number:
    """A number of a formula, or of the engine's rules."""
    if isinstance(value, bool | int | Fraction):
        return rational(value)
    number = float(value)
    known = KNOWN.get(abs(number))
    if known is not None:
        found = known()
        return found if number > 0 else RULES["negative"](None, found)
    if math.isinf(number):  # a bound that is none
        return arb.pos_inf() if number > 0 else arb.neg_inf()
    if math.isnan(number):
        raise no_rule(t)
    exact = rational(number)
    if bits(fmpq(exact.p)) > FEW_BITS:
        raise ExpressionError(f"--digits: the number {number!r} of this formula is rounded", hint="leave out --digits")
    return exact


class Found(NamedTuple):
    """The value of each formula, along which variables each is singular, as bits, and what is singular first."""

    values: list[Any]
    singular: list[int]
    rough: dict[int, Tensor]
    bits: Mapping[str, int]


class Run:
    """The values of the steps so far."""

    def __init__(self, feeds: Mapping[str, Any]) -> None:
        self.feeds = feeds
        self.values: list[Any] = []
        self.singular: list[int] = []
        self.rough: dict[int, Tensor] = {}
        self.known: dict[Any, tuple[Number, Any]] = {}

    def step(self, step: Step) -> None:
        value, bits = (self.leaf(step.tensor), 0) if step.tensor.op is None else self.operation(step)
        self.values.append(value)
        self.singular.append(bits)

    def leaf(self, t: Tensor) -> Any:
        if isinstance(t, Placeholder) and (t.name or "") in self.feeds:
            return self.feeds[t.name or ""]
        if not isinstance(t, Constant):
            raise no_rule(t)
        if t.shape == ():
            return self.constant(t, t.value.item() if isinstance(t.value, np.ndarray) else t.value)
        return each(lambda v: self.constant(t, v), t.shape, t.array)

    def constant(self, t: Constant, value: Any) -> Number:
        return self.known.setdefault((type(value), value), (constant(t, value), None))[0]

    def operation(self, step: Step) -> tuple[Any, int]:
        t, op = step.tensor, step.operation
        name = op.name
        args, masks = [self.values[i] for i in step.inputs], [self.singular[i] for i in step.inputs]
        if name in ("where", "keep"):
            return LOGIC.chosen(op, t.shape, args, masks)
        site = Site(step.moving, op)
        try:
            value = self.value(step, site, name, args)
        except UnsupportedError:
            raise no_rule(t) from None
        for bit in bits_of(site.singular):
            self.rough.setdefault(bit, t)
        whole = site.singular
        for mask in masks:
            whole |= mask
        return value, whole

    def value(self, step: Step, site: Site, name: str, args: list[Any]) -> Any:
        t = step.tensor
        if name in LOGICAL:
            args = LOGIC.operands(t, args, lambda i, v: applied(partial(is_true, i), site, t, [v]))
        if name in ("logical_and", "logical_or"):
            return each(partial(LOGIC.joined, name), t.shape, *args)
        rule = RULES.get(name)
        if rule is None:
            apply = partial(combined, site, t)
            return mapped(own, arrays.rule_of(name)(apply, t, args))
        return each(lambda *a: self.once(rule, site, t, a), t.shape, *args)

    def once(self, rule: Rule, site: Site, t: Tensor, args: Sequence[Any]) -> Value:
        """One op on numbers; the same op of the same numbers is the same number, so that their difference is 0."""
        same = len(args) == 2 and args[0] is args[1]
        value = applied(SAME.get(site.op.name, rule) if same else rule, site, t, args)
        if not isinstance(value, arb):
            return value
        key = (t.op, *(a if isinstance(a, fmpq | PiTimes) else id(a) for a in args))
        return self.known.setdefault(key, (value, args))[0]  # with the operands, whose places no others may take


def bits_of(mask: int) -> list[int]:
    return [1 << i for i in range(mask.bit_length()) if mask >> i & 1]


def combined(site: Site, t: Tensor, kind: str, *operands: Any) -> Any:
    """An op on elements, for a rule of arrays."""
    return applied(RULES[kind], site, t, [own(v) for v in operands])


def own(value: Any) -> Any:
    """The whole numbers of the rules of arrays, which are theirs."""
    return rational(int(value.low)) if isinstance(value, Interval) else value


def mapped(function: Callable[[Any], Any], value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return function(value)
    function_of_arrays: Callable[..., Any] = np.frompyfunc(function, 1, 1)
    return function_of_arrays(value)


def nothing(s: Site, a: Number, b: Number) -> Number:
    return ZERO


def one(s: Site, a: Number, b: Number) -> Number:
    nonzero(a)
    return ONE


SAME: dict[str, Rule] = {"subtract": nothing, "divide": one}  # ops of twice the same number


ORDERING = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "maximum", "minimum", "clip")
OF_BOUNDS = frozenset(RULES[name] for name in ORDERING)  # rules that may meet an infinite bound


def applied(rule: Rule, site: Site, t: Tensor, args: Sequence[Any]) -> Value:
    """One op on numbers."""
    for kind in UNKNOWN:
        for a in args:
            if isinstance(a, kind):
                return a
    if rule not in OF_BOUNDS and any(isinstance(a, arb) and not a.is_finite() for a in args):
        return Undecided(t, "")
    try:
        value = rule(site, *args)
    except NoValueError:
        return Undefined(t)
    except UndecidedError as e:
        return Undecided(t, e.question)
    except BeyondError as e:
        return Beyond(t, e.reason)
    except (OverflowError, ValueError, ZeroDivisionError):
        return Undecided(t, "")
    if isinstance(value, arb) and not value.is_finite():
        return Undecided(t, "")
    return value


LOGIC = Logic(ZERO, ONE, UNKNOWN, lambda v: sign(v) != 0)


def run(program: Program, feeds: Mapping[str, Any]) -> Found:
    """The values of formulas at the working precision. Raises ExpressionError for an op without a rule."""
    state = Run(feeds)
    for step in program.steps:
        state.step(step)
    values, singular = ([many[i] for i in program.outputs] for many in (state.values, state.singular))
    return Found(values, singular, state.rough, program.bits)
