"""A graph -> steps over intervals: what is equal is computed once, and what has no value spoils only what needs it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, DecimalException
from fractions import Fraction
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
from agcli.expression.enclosures.rules import RULES, Rule, Site


class Undefined(NamedTuple):
    """No value, since `part` of the formula has none where its operands have one."""

    part: Tensor


class Unknown(NamedTuple):
    """A value that more digits may tell."""


Same: TypeAlias = "Mapping[float, Interval]"
UNKNOWN = Unknown()
Value: TypeAlias = Interval | Undefined | Unknown


def same_as(feeds: Mapping[str, Any]) -> dict[float, Interval]:
    """The numbers of a point by their float64."""
    every = [v for feed in feeds.values() for v in (feed.flat if isinstance(feed, np.ndarray) else [feed])]
    return {float(v.low): v for v in every if isinstance(v, Interval) and v.exact}


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


NONE_SAME: dict[float, Interval] = {}


def rounded(t: Tensor, same: Same) -> bool:
    """Whether a constant is a pi, say, that rounds to a number of the point."""
    if not isinstance(t, Constant) or t.shape != () or isinstance(t.value, Fraction | int):
        return False
    value = float(t.array)
    return value in same and abs(value) in KNOWN


def number(p: Precision, value: Any, same: Same) -> Value:
    """A constant of a formula. One that rounds to a number of the point, is that number."""
    if isinstance(value, Fraction | int) and not isinstance(value, bool):
        try:
            near = float(value)
        except OverflowError:
            near = math.inf
        return p.number(near if near in same and near != int(near) else value)
    value = float(value)
    if math.isnan(value):
        return UNKNOWN
    exact = None if value in same else KNOWN.get(abs(value))
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

    def run(self, feeds: Mapping[str, Any], p: Precision) -> tuple[list[Any], list[int]]:
        """The values of the formulas, and along which variables each is singular. Raises UnsupportedError.

        A pi that rounds to a number of the point is that number where it decides what is there, a kink or a pole; a
        value that it only moves by its last digits is that of the pi itself.
        """
        same = same_as(feeds)
        run = self.once(feeds, p, same)
        values, singular = [run.values[i] for i in self.outputs], [run.singular[i] for i in self.outputs]
        met = [value for value in same if abs(value) in KNOWN and same[value].low == Decimal(value)]
        if met and any(rounded(step.tensor, same) for step in self.steps):
            true = self.once(feeds, p, {value: v for value, v in same.items() if value not in met})
            for k, i in enumerate(self.outputs):
                if not singular[k] and isinstance(values[k], Interval) and isinstance(true.values[i], Interval):
                    values[k] = true.values[i]
        return values, singular

    def once(self, feeds: Mapping[str, Any], p: Precision, same: Same) -> Run:
        """All steps; `same` are the numbers of the point with which constants are identified."""
        run = Run(feeds, p, same, [], [], {})
        for step in self.steps:
            value, bits = run.leaf(step.tensor) if step.tensor.op is None else run.operation(step)
            if isinstance(step.tensor, Constant) and rounded(step.tensor, same):
                run.true[len(run.values)] = run.constant(step.tensor, NONE_SAME)
            run.values.append(value)
            run.singular.append(bits)
        return run


class Run(NamedTuple):
    """The values of the steps so far, and the variables along which each is singular."""

    feeds: Mapping[str, Any]
    p: Precision
    same: Same
    values: list[Any]
    singular: list[int]
    true: dict[int, Value]  # of constants that are identified with a number of the point, what they are by themselves

    def leaf(self, t: Tensor) -> tuple[Any, int]:
        if isinstance(t, Placeholder) and (t.name or "") in self.feeds:
            return self.feeds[t.name or ""], 0
        if not isinstance(t, Constant):
            raise UnsupportedError
        if t.shape == ():
            return self.constant(t, self.same), 0
        return each(lambda v: number(self.p, float(v), self.same), t.shape, t.array), 0

    def constant(self, t: Constant, same: Same) -> Value:
        return number(self.p, t.value.item() if isinstance(t.value, np.ndarray) else t.value, same)

    def operation(self, step: Step) -> tuple[Any, int]:
        t, name = step.tensor, step.tensor.op.name  # type: ignore[union-attr]
        args, masks = [self.values[i] for i in step.inputs], [self.singular[i] for i in step.inputs]
        if self.true and not any(step.moving):  # sin(pi) is 0 wherever the point is
            args = [self.true.get(i, value) for i, value in zip(step.inputs, args, strict=True)]
        if name in ("where", "keep"):
            return chosen(t, args, masks)
        bits = 0
        for mask in masks:
            bits |= mask
        if name in ("logical_and", "logical_or"):
            return each(lambda a, b: logical(name, a, b), t.shape, *args), bits
        site = Site(self.p, step.moving, t.op)
        rule = RULES.get(name)
        if rule is None:

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


def logical(name: str, a: Value, b: Value) -> Value:
    """`and`, `or`: one operand may decide alone."""
    decisive = name == "logical_or"
    for v in (a, b):
        if isinstance(v, Interval) and v.exact and (v.low != 0) == decisive:
            return UNIT if decisive else NULL
    for kind in (Undefined, Unknown):
        for v in (a, b):
            if isinstance(v, kind):
                return v
    return NULL if decisive else UNIT


def chosen(t: Tensor, args: list[Any], singular: list[int]) -> tuple[Any, int]:
    """What a condition chooses; the rest may have no value."""
    if t.op.name == "keep":  # type: ignore[union-attr]
        x, condition = args
        kept = t.op.value  # type: ignore[union-attr]
        args = [condition, x, NULL] if kept else [condition, NULL, x]
        singular = [singular[1], singular[0], 0] if kept else [singular[1], 0, singular[0]]
    taken = 0

    def choose(condition: Value, a: Value, b: Value) -> Value:
        nonlocal taken
        if not isinstance(condition, Interval):
            return condition
        holds = condition.low != 0
        taken |= singular[1 if holds else 2]
        return a if holds else b

    value = each(choose, t.shape, *args)
    return value, singular[0] | taken


def point(value: float | Decimal) -> Interval:
    number = value if isinstance(value, Decimal) else Decimal(value)
    return Interval(number, number)
