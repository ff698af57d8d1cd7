"""Limits from one side, from values very near to a point."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from agcli.engine.graph import Tensor
from agcli.expression.enclosures.interval import Interval, Precision, add, context, multiply
from agcli.expression.enclosures.program import Undefined, Unknown
from agcli.expression.enclosures.refine import NOTHING, evaluate

STEPS = ((20, 40, 80), (8, 16, 32))  # powers of ten of the distances; the second where digits run out at the first
CONVERGED = Decimal("1e-13")  # relative difference of the last two values
FAST = Decimal(100)  # by which each value differs from the one before where a limit is 0 or infinite
SLOW = Decimal("1.3")  # the same for logarithms, whose values double
ENDLESS = 1_000_000  # power of ten of a value that is on its way to infinity, whatever the others are
FINE = Precision(60).near


@dataclass(frozen=True)
class Limit:
    """`finite`, `infinite`, `undefined` where the formula has no value near the point, or `none`."""

    kind: str
    value: Decimal = Decimal(0)

    def meets(self, other: Decimal) -> bool:
        """Whether the limit is that number."""
        return self.kind == "finite" and alike(self.value, other)


NONE, UNDEFINED = Limit("none"), Limit("undefined")


def alike(a: Decimal, b: Decimal) -> bool:
    size = max(a.copy_abs(), b.copy_abs())
    return size < NOTHING or FINE.subtract(a, b).copy_abs() <= FINE.multiply(size, Decimal("1e-12"))


def distance(at: Interval, k: int) -> Decimal:
    """About 10^-k, relative to numbers that are not 0; without a pattern, as 1/x is whole for too many round x."""
    exponent = at.low.adjusted() if at.low else 0
    return context(20, "ROUND_HALF_EVEN").sqrt(Decimal(k + 2)).scaleb(exponent - k - 1, FINE)


Move = Callable[[Decimal, int], Mapping[str, Any]]  # distance and side -> feeds


def along(feeds: Mapping[str, Any], parts: Mapping[str, Any]) -> tuple[Move, Interval]:
    """Feeds at a distance from a point, in a direction; and a number of the point that gives the scale.

    `parts` holds how far each variable goes; of an array, the index of the element that moves by one.
    """

    def moved(feed: Any, part: Any, h: Decimal) -> Any:
        step = Interval(h, h)
        if isinstance(feed, np.ndarray):
            new = feed.copy()
            new[part] = add(exactly(0), feed[part], step)
            return new
        return lambda p: add(exactly(p.digits), feed(p) if callable(feed) else feed, multiply(p, part, step))

    def move(h: Decimal, side: int) -> Mapping[str, Any]:
        step = h if side > 0 else h.copy_negate()
        return {**feeds, **{name: moved(feeds[name], part, step) for name, part in parts.items()}}

    name, part = next(iter(parts.items()))
    first = feeds[name]
    return move, first[part] if isinstance(first, np.ndarray) else first(Precision(40)) if callable(first) else first


def exactly(digits: int) -> Precision:
    """A precision at which a float64 and a distance add without rounding."""
    return Precision(max(digits, 200) + 1200)


def limits(
    outputs: Sequence[Tensor],
    move: Move,
    scale: Interval,
    side: int,
    moving: Collection[str],
    others: Collection[str],
    constants: Mapping[float, Interval],
) -> list[Limit]:
    """The limit of each formula; `none` where the first is not smooth at some numbers next to the point.

    One that is smooth at no number has operands that tie everywhere, as in max(x, x), which does no harm along the
    variables that are `moving`. Along the `others` of a mixed derivative it must be smooth. Parts of the formulas that
    round to one of `constants` are that number.
    """
    for steps in STEPS:
        rows, rough, sure = [], 0, True
        for k in steps:
            found, bits = evaluate(outputs, move(distance(scale, k), side), 1, constants)
            row = [middle(f.value) for f in found]
            singular = found[0].singular if row[0] is not None else 0
            if singular & sum(bits.get(name, 0) for name in others):
                return [NONE] * len(outputs)
            rough += bool(singular & sum(bits.get(name, 0) for name in moving))
            sure = sure and not any(isinstance(f.value, Unknown) for f in found)
            rows.append(row)
            if not sure:
                break
        if sure:
            break
    else:
        return [NONE] * len(outputs)
    if all(row[0] is None for row in rows):
        return [UNDEFINED] * len(outputs)
    if 0 < rough < len(rows):
        return [NONE] * len(outputs)
    if rough and len({row[0] for row in rows}) == 1:  # constant next to the point, whatever its parts are
        rows = [[Decimal(0) if v is None else v for v in row] for row in rows]
    return [limit_of([row[i] for row in rows]) for i in range(len(outputs))]


def middle(value: Any) -> Decimal | None:
    if isinstance(value, Undefined | Unknown):
        return None
    if not value.low.is_finite() or not value.high.is_finite():
        ends: list[Decimal] = [end for end in (value.low, value.high) if end.is_finite()]
        return ends[0] if ends and (value.low > 0 or value.high < 0) else None
    return FINE.divide(FINE.add(value.low, value.high), Decimal(2))


def limit_of(values: Sequence[Decimal | None]) -> Limit:
    """Where three values at distances whose exponents double are going."""
    if any(v is None for v in values):
        return NONE
    a, b, c = (v for v in values if v is not None)
    sizes = [v.copy_abs() for v in (a, b, c)]
    same_sign = (a > 0) == (b > 0) == (c > 0)
    if all(s < NOTHING for s in sizes):
        return Limit("finite")
    if c.adjusted() > ENDLESS and b.adjusted() > ENDLESS // 4:
        return Limit("infinite", Decimal("Infinity").copy_sign(c)) if (b > 0) == (c > 0) else NONE
    close = FINE.subtract(a, b).copy_abs() <= FINE.multiply(sizes[2], Decimal("0.1"))
    if close and FINE.subtract(b, c).copy_abs() <= FINE.multiply(sizes[2], CONVERGED):
        return Limit("finite", c)
    for factor in (FAST, SLOW):
        larger = [FINE.multiply(s, factor) for s in sizes]
        slow = factor == SLOW
        if larger[2] <= sizes[1] and larger[1] <= sizes[0] and (not slow or steady(sizes, Decimal("0.02"))):
            return Limit("finite")
        rising = larger[0] <= sizes[1] and larger[1] <= sizes[2] and same_sign
        if rising and (not slow or steady(sizes, Decimal("0.2"))):
            return Limit("infinite", Decimal("Infinity").copy_sign(c))
    return NONE


def steady(sizes: Sequence[Decimal], slack: Decimal) -> bool:
    """Whether two steps multiply alike, as they do for a power of a logarithm."""
    first, second = FINE.divide(sizes[1], sizes[0]), FINE.divide(sizes[2], sizes[1])
    return FINE.subtract(FINE.divide(first, second), Decimal(1)).copy_abs() < slack
