"""A graph -> steps over intervals: what is equal is computed once, and what has no value spoils only what needs it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal, DecimalException
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from agcli.engine.graph import Constant, Tensor, toposort
from agcli.engine.leaves import Placeholder
from agcli.expression.enclosures import elementary
from agcli.expression.enclosures.arrays import ARRAY_RULES, UnsupportedError, each, moved
from agcli.expression.enclosures.interval import (
    ANYTHING,
    NULL,
    UNIT,
    Interval,
    NoValueError,
    Precision,
    UnsureError,
    divide,
    multiply,
    sqrt,
)
from agcli.expression.enclosures.logic import LOGICAL, Logic
from agcli.expression.enclosures.rules import RULES, Rule, Site, is_true


class Undefined(NamedTuple):
    """No value, since `part` of the formula has none where its operands have one."""

    part: Tensor


class Unknown(NamedTuple):
    """A value that more digits may tell."""


UNKNOWN = Unknown()
Value: TypeAlias = Interval | Undefined | Unknown


def numbers_of(feeds: Mapping[str, Any]) -> list[Interval]:
    """The numbers of a point that are known exactly."""
    every = [v for feed in feeds.values() for v in (feed.flat if isinstance(feed, np.ndarray) else [feed])]
    return [v for v in every if isinstance(v, Interval) and v.exact]


def two_by_root_pi(p: Precision) -> Interval:
    return divide(p, p.number(2), sqrt(p, elementary.pi(p)))


def root_eight_by_pi(p: Precision) -> Interval:
    return sqrt(p, divide(p, p.number(8), elementary.pi(p)))


# Floats that stand for numbers that are no floats: those of formulas, and those in the rules of the engine.
KNOWN: dict[float, Any] = {
    math.pi: elementary.pi,
    math.e: elementary.e,
    2 / math.sqrt(math.pi): two_by_root_pi,
    math.sqrt(0.5): lambda p: sqrt(p, p.number(Fraction(1, 2))),
    math.sqrt(8 / math.pi): root_eight_by_pi,
}


ROUNDED_DIGITS = 14  # of the shortest text of a float64 that may stand for a pi: 0.5 and 1000.0 are what they say


def candidates(typed: Collection[float]) -> frozenset[float]:
    """The float64 numbers to which a constant of the formula may round, of a point and of its negative."""
    long = [v for v in typed if len(Decimal(repr(v)).as_tuple().digits) >= ROUNDED_DIGITS]
    return frozenset(long) | {-v for v in long}


def nearest(value: Value) -> float | None:
    """The float64 to which a number rounds that is none itself."""
    if not isinstance(value, Interval):
        return None
    near = float(value.low)
    return near if near == float(value.high) and (value.low, value.high) != (Decimal(near),) * 2 else None


def number(p: Precision, value: Any, typed: Collection[float]) -> Value:
    """A constant of a formula. A decimal that was typed like a number of the point, as 0.1, is that float64."""
    if isinstance(value, Fraction | int) and not isinstance(value, bool):
        try:
            near = float(value)
        except OverflowError:
            near = math.inf
        like = near in typed and near != int(near) and Fraction(repr(near)) == value
        return p.number(near if like else value)
    value = float(value)
    if math.isnan(value):
        return UNKNOWN
    exact = KNOWN.get(abs(value))
    if exact is None:
        return p.number(value)
    found: Interval = exact(p)
    return found if value > 0 else multiply(p, found, p.number(-1))


def nothing(s: Site, a: Interval, b: Interval) -> Interval:
    return NULL


def one(s: Site, a: Interval, b: Interval) -> Interval:
    if s.p.sign(a) == 0:
        raise NoValueError
    return UNIT


SAME: dict[str, Rule] = {"subtract": nothing, "divide": one}  # ops of twice the same number


class Step(NamedTuple):
    tensor: Tensor
    inputs: tuple[int, ...]
    moving: tuple[int, ...]  # of each input: the variables on which it depends, as bits

    @property
    def operation(self) -> Any:
        """The op, of a tensor that is no leaf."""
        return self.tensor.op

    @property
    def is_constant(self) -> bool:
        """Whether it is a single number of the formula, pi or sqrt(2)."""
        return self.tensor.shape == () and not any(self.moving) and not isinstance(self.tensor, Placeholder)


class Program:
    """Formulas as steps; `bits` gives each variable its bit."""

    def __init__(self, outputs: Sequence[Tensor]) -> None:
        self.steps: list[Step] = []
        self.bits: dict[str, int] = {}
        self.places: dict[int, int] = {}
        known: dict[Any, int] = {}
        moving: list[int] = []
        for t in toposort(outputs):
            inputs = tuple(self.places[x.id] for x in t.inputs)
            key = self.key(t, inputs)
            if key not in known:
                known[key] = len(self.steps)
                if isinstance(t, Placeholder):
                    bits = self.bits.setdefault(t.name or "", 1 << len(self.bits))
                else:
                    bits = 0
                    for i in inputs:
                        bits |= moving[i]
                self.steps.append(Step(t, inputs, tuple(moving[i] for i in inputs)))
                moving.append(bits)
            self.places[t.id] = known[key]
        self.outputs = [self.places[t.id] for t in outputs]

    def key(self, t: Tensor, inputs: tuple[int, ...]) -> Any:
        if isinstance(t, Placeholder):
            return t.name
        if isinstance(t, Constant):
            plain = not isinstance(t.value, np.ndarray)
            return (type(t.value), t.value, t.type) if plain else id(t)
        return (t.op, inputs)

    def run(self, feeds: Mapping[str, Any], p: Precision, constants: Mapping[float, Interval] | None = None) -> Found:
        """The values of the formulas, and along which variables each is singular. Raises UnsupportedError.

        The point is read twice where a constant of the formula, as pi, rounds to a number of it: values are those at
        the float64 number, and what is there, a kink or a pole, is that of the constant. With `constants`, parts that
        round to one of these float64 are the number it gives, and no others are looked for.
        """
        run = self.once(feeds, p, constants or {})
        values, singular = [run.values[i] for i in self.outputs], [run.singular[i] for i in self.outputs]
        if constants is not None or not run.met:
            return Found(values, singular, [None] * len(values), {})
        there = self.once(feeds, p, {near: p.number(near) for near in run.met})
        singular = [there.singular[i] for i in self.outputs]
        at_constant = [there.values[i] for i in self.outputs]
        smooth = [not bits and is_number(v) for v, bits in zip(at_constant, singular, strict=True)]
        there_alone = [None if same else v for v, same in zip(at_constant, smooth, strict=True)]
        return Found(values, singular, there_alone, run.met)

    def once(self, feeds: Mapping[str, Any], p: Precision, constants: Mapping[float, Interval]) -> Run:
        """All steps; parts without a variable that round to one of `constants` are that number."""
        typed = {float(v.low) for v in numbers_of(feeds)}
        wanted = candidates(typed) | constants.keys()
        run = Run(feeds, p, typed, [], [], {}, {})
        for step in self.steps:
            value, bits = run.leaf(step.tensor) if step.tensor.op is None else run.operation(step)
            if wanted and step.is_constant:
                near = nearest(value)
                if near in wanted:
                    run.met.setdefault(near, step.tensor)
                    run.true[len(run.values)] = value
                    value = constants.get(near, value)
            run.values.append(value)
            run.singular.append(bits)
        return run


class Found(NamedTuple):
    """Of each formula: the value, the variables along which it is singular, and the value at a constant to which the
    point is rounded, None where that tells nothing else. `constants` are those constants by the float64 they round to.
    """

    values: list[Any]
    singular: list[int]
    at_constant: list[Any]
    constants: Mapping[float, Tensor]


def is_number(value: Any) -> bool:
    every = value.flat if isinstance(value, np.ndarray) else [value]
    return all(isinstance(v, Interval) for v in every)


class Run(NamedTuple):
    """The values of the steps so far, and the variables along which each is singular."""

    feeds: Mapping[str, Any]
    p: Precision
    typed: Collection[float]  # the numbers of the point
    values: list[Any]
    singular: list[int]
    true: dict[int, Value]  # of constants that round to a number of the point, what they are by themselves
    met: dict[float, Tensor]  # those constants, by the number

    def leaf(self, t: Tensor) -> tuple[Any, int]:
        if isinstance(t, Placeholder) and (t.name or "") in self.feeds:
            return self.feeds[t.name or ""], 0
        if not isinstance(t, Constant):
            raise UnsupportedError
        if t.shape == ():
            return number(self.p, t.value.item() if isinstance(t.value, np.ndarray) else t.value, self.typed), 0
        return each(lambda v: number(self.p, float(v), self.typed), t.shape, t.array), 0

    def operation(self, step: Step) -> tuple[Any, int]:
        t, op = step.tensor, step.operation
        name = op.name
        args, masks = [self.values[i] for i in step.inputs], [self.singular[i] for i in step.inputs]
        if self.true and not any(step.moving):  # sin(pi) is 0 wherever the point is
            args = [self.true.get(i, value) for i, value in zip(step.inputs, args, strict=True)]
        if name in ("where", "keep"):
            return LOGIC.chosen(op, t.shape, args, masks)
        bits = 0
        for mask in masks:
            bits |= mask
        site = Site(self.p, step.moving, op)
        if name in LOGICAL:
            args = LOGIC.operands(t, args, lambda i, v: applied(partial(is_true, i), site, t, [v]))
        rule = RULES.get(name)
        if name in ("logical_and", "logical_or"):
            value = each(partial(LOGIC.joined, name), t.shape, *args)
        elif rule is None:

            def apply(kind: str, *operands: Any) -> Value:
                return applied(RULES[kind], site, t, operands)

            array_rule: Callable[..., Any] = ARRAY_RULES.get(name, moved)
            value = array_rule(apply, t, args)
        elif t.shape == ():
            twice = len(args) == 2 and step.inputs[0] == step.inputs[1]
            value = applied(SAME.get(name, rule) if twice else rule, site, t, args)
        else:
            value = each(lambda *a: applied(rule, site, t, a), t.shape, *args)
        return value, bits | site.singular


def applied(rule: Rule, site: Site, t: Tensor, args: Sequence[Any]) -> Value:
    """One op on numbers."""
    for a in args:
        if type(a) is Undefined:
            return a
    for a in args:
        if type(a) is Unknown:
            return a
    try:
        return rule(site, *args)
    except UnsureError:
        return UNKNOWN
    except NoValueError:
        return Undefined(t)
    except DecimalException:
        return ANYTHING


LOGIC = Logic(NULL, UNIT, (Undefined, Unknown), lambda v: v.low != 0)


def point(value: float | Decimal) -> Interval:
    number = value if isinstance(value, Decimal) else Decimal(value)
    return Interval(number, number)
