"""A formula, its results and a point -> what is known of their values there."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from agcli.engine.graph import Constant, Tensor, call, toposort
from agcli.engine.leaves import Placeholder
from agcli.engine.types import Array, static
from agcli.expression.assignments import assignments
from agcli.expression.calculus import differentiate, elements, simplified
from agcli.expression.enclosures.arrays import UnsupportedError
from agcli.expression.enclosures.findings import Finder, Finding, value_at
from agcli.expression.enclosures.interval import Interval
from agcli.expression.enclosures.program import Program, point
from agcli.expression.enclosures.refine import evaluate
from agcli.expression.lower import FLOAT, lower
from agcli.expression.questions import Result
from agcli.expression.substitution import substitute
from agcli.expression.values import values

MAX_RAW = 1_500  # tensors of a derivative that is differentiated again as it is
TIES = {"subtract": 0, "divide": 1}
HIGH_ORDER = 4  # from which derivatives as they are grow too large for limits
GOOD_DIGITS = 10  # of a float64 value that needs no word
SEED, DRAWS = 11, 4
CAUTION = 4  # as rounding on the way adds to that of the point


def exact_feeds(at: Mapping[str, Array]) -> dict[str, Any]:
    """The float64 numbers of a point, as intervals."""
    return {name: boxed(value) for name, value in at.items()}


def boxed(value: Any) -> Any:
    return np.frompyfunc(point, 1, 1)(np.asarray(value, np.float64))


class Chain:
    """The derivatives of a formula, each made from the one before; one that grows too large is shortened first."""

    def __init__(self, f: Tensor, variables: Mapping[str, Placeholder]) -> None:
        self.variables = variables
        self.made: dict[tuple[str, ...], Tensor] = {(): without_ties(f)}

    def __call__(self, names: tuple[str, ...]) -> Tensor:
        if names not in self.made:
            before = self(names[:-1])
            if len(names) > 1 and len(toposort([before])) > MAX_RAW:
                before = simplified(before)
            self.made[names] = differentiate(before, self.variables[names[-1]])
        return self.made[names]


def without_ties(f: Tensor) -> Tensor:
    """The formula with 0 for a - a and 1 for a/a, whose derivatives may be 0 times what has no value."""
    if f.shape != ():
        return f
    places = Program([f]).places
    new: dict[Tensor, Tensor] = {}
    for t in toposort([f]):
        number = TIES.get(t.op.name) if t.op is not None else None
        if number is not None and t.shape == () and places[t.inputs[0].id] == places[t.inputs[1].id]:
            new[t] = Constant(number, FLOAT)
    return substitute(f, new) if new else f


class Point:
    """A formula at a point."""

    def __init__(self, f: Tensor, variables: Mapping[str, Placeholder], at: Mapping[str, Array]) -> None:
        self.f = f
        self.variables = variables
        self.at = at
        self.feeds = exact_feeds(at)
        self.finders: dict[int, Finder] = {}
        self.chains: dict[int, Chain] = {}

    def finder(self, f: Tensor) -> Finder:
        if f.id not in self.finders:
            self.finders[f.id] = Finder(f, self.feeds, self.chain(f))
        return self.finders[f.id]

    def chain(self, f: Tensor) -> Chain:
        return self.chains.setdefault(f.id, Chain(f, self.variables))

    def value(self) -> Any:
        """Of the formula itself: a finding, or an array of them."""
        try:
            if self.f.shape == ():
                return self.finder(self.f).value()
            return value_at(self.f, self.feeds)
        except UnsupportedError:
            return in_floats(self.f, self.f, self.at)

    def result(self, result: Result) -> Any:
        """Of one result: a finding, or an array of them in the shape of the result."""
        try:
            found = KINDS[result.kind](self, result)
        except UnsupportedError:
            found = None
        if found is None or np.shape(found) != result.formula.shape:
            raw = result.claims[-1].formula if result.kind in ("direction", "implicit") and result.claims else None
            if not np.isfinite(np.asarray(values([self.f], self.at)[0])).all():
                return unlike(result.formula)
            return in_floats(result.formula, result.formula if raw is None else raw, self.at)
        return found

    def partial(self, f: Tensor, names: tuple[str, ...]) -> Any:
        """Of a derivative of a formula by each name in turn."""
        if f.shape != ():
            return stacked([self.partial(part, names) for part in parts(f)])
        shapes = [self.variables[name].shape for name in names]
        if not any(shapes):
            return self.finder(f).derivative(names)
        finder = self.finder(f)
        g = finder.chain(names)
        before = finder.base_value()
        if before.limit is not None and not finder.singular(names):
            return value_at(g, self.feeds)
        if len(names) > 1 and before.limit is not None:
            before = Finding("undefined")
        out: Any = np.empty(tuple(map(static, g.shape)), object)
        for index in np.ndindex(*out.shape):
            if before.limit is None or not index:
                out[index] = before
            else:
                element = call("getitem", g, index=index if len(index) > 1 else index[0])
                out[index] = finder.typed(finder.step(before, element, f, {names[0]: index}, names), element)
        return out if out.shape else out[()]


def parts(f: Tensor) -> list[Tensor]:
    """The elements of a vector, or the rows of a matrix."""
    if len(f.shape) == 1:
        return elements(f)
    if f.shape[0] is None:
        raise UnsupportedError
    return [call("getitem", f, index=i) for i in range(f.shape[0])]


def stacked(items: Sequence[Any]) -> Any:
    """Findings, or arrays of them, as the elements of a new first axis."""
    shapes = {np.shape(item) for item in items}
    if len(shapes) != 1:
        raise UnsupportedError
    out = np.empty((len(items), *shapes.pop()), object)
    for i, item in enumerate(items):
        out[i] = item
    return out


def gradient(p: Point, r: Result) -> Any:
    return stacked_row([p.partial(p.f, (name,)) for name in r.wrt])


def jacobian(p: Point, r: Result) -> Any:
    return stacked([stacked_row([p.partial(f, (name,)) for name in r.wrt]) for f in elements(p.f)])


def stacked_row(found: Sequence[Any]) -> Any:
    return found[0] if len(found) == 1 and np.shape(found[0]) else stacked(found)


def hessian(p: Point, r: Result) -> Any:
    return stacked([stacked([p.partial(p.f, (a, b) if a <= b else (b, a)) for b in r.wrt]) for a in r.wrt])


def direction(p: Point, r: Result) -> Any:
    """Along a direction whose parts may be formulas."""
    steps: dict[str, Interval] = {}
    for name, syntax in assignments([r.about], "--direction").items():
        component = lower(syntax, p.variables)[0]
        (known,), _ = evaluate([component], p.feeds)
        if not isinstance(known.value, Interval):
            raise UnsupportedError
        steps[name] = known.value
    if p.f.shape != () or any(p.variables[name].shape for name in steps):
        raise UnsupportedError
    return p.finder(p.f).direction(r.claims[-1].formula, steps)


def plain(p: Point, r: Result) -> Any:
    """Of the formula of a result as it stands."""
    whole = p.finder(r.formula) if r.formula.shape == () else None
    return whole.value() if whole else value_at(r.formula, p.feeds)


def implicit(p: Point, r: Result) -> Any:
    """Of -F_x/F_y, where F has a value and is smooth."""
    finder = p.finder(p.f)
    before = finder.base_value()
    if before.value is None:
        return before
    if finder.singular([*r.wrt, r.about]):
        return Finding("undefined")
    return value_at(r.claims[-1].formula, p.feeds)


def derivative(p: Point, r: Result) -> Any:
    """Of high orders, from the shortened formulas of the derivatives."""
    if p.f.shape == () and len(r.claims) == len(r.wrt):
        for k in range(HIGH_ORDER, len(r.wrt) + 1):
            p.chain(p.f).made[r.wrt[:k]] = r.claims[k - 1].result
    found = p.partial(p.f, r.wrt)
    if not isinstance(found, Finding) or found.status not in ("unknown", "rough") or p.finder(p.f).singular(r.wrt):
        return found
    shorter = value_at(r.formula, p.feeds)
    return found if shorter.value is None or p.finder(p.f).base_value().value is None else shorter


KINDS: dict[str, Callable[[Point, Result], Any]] = {
    "derivative": derivative,
    "gradient": gradient,
    "jacobian": jacobian,
    "hessian": hessian,
    "direction": direction,
    "implicit": implicit,
    "taylor": plain,
}


# Formulas with ops that have no rule for intervals: float64, with the digits that survive a change of the last ones
def in_floats(t: Tensor, other: Tensor, at: Mapping[str, Array]) -> Any:
    """What float64 tells of a formula; `other` is another form of it."""
    value, second = (np.asarray(v, np.float64) for v in values([t, other], at))
    luck = np.random.default_rng(SEED)
    with np.errstate(all="ignore"):
        noise = np.abs(second - value) if second.shape == value.shape else np.zeros(value.shape)
        for _ in range(DRAWS):
            moved = {n: np.asarray(v) * (1 + 4e-16 * luck.uniform(-1, 1, np.shape(v))) for n, v in at.items()}
            noise = np.fmax(noise, np.abs(np.asarray(values([t], moved)[0], np.float64) - value))
        kept = np.where(noise > 0, -np.log10(CAUTION * noise / np.abs(value)), 15)
    return np.frompyfunc(of_float, 2, 1)(value, kept)


def unlike(t: Tensor) -> Any:
    """The derivative of what has no value."""
    out: Any = np.empty(tuple(map(static, t.shape)), object)
    out[...] = Finding("undefined")
    return out if out.shape else out[()]


def of_float(value: float, digits: float) -> Finding:
    if math.isnan(value):
        return Finding("undefined")
    if math.isinf(value):
        return Finding("infinite")
    if value == 0 or digits >= GOOD_DIGITS:
        return Finding("value", Decimal(value))
    return Finding("rough", Decimal(value), digits=int(digits)) if digits >= 1 else Finding("unknown")


def numbers(found: Any) -> Any:
    """The values as float64, NaN where there is none."""
    if isinstance(found, Finding):
        return np.asarray(found.number)
    return np.array([f.number for f in found.flat]).reshape(found.shape)
