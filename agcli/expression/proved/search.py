"""More and more bits, until the digits of formulas at a point are sure or it is said what is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from flint import arb, ctx, fmpz

from agcli.engine.frozen import frozen
from agcli.engine.graph import Tensor, toposort
from agcli.expression.enclosures.program import Program
from agcli.expression.kinks import UNSHOWN, shown
from agcli.expression.proved.numbers import sign
from agcli.expression.proved.program import (
    HAS_VALUE,
    UNKNOWN,
    Beyond,
    Found,
    Undefined,
    run,
)
from agcli.expression.proved.proofs import NoDigits, Outcome
from agcli.expression.proved.rounding import digits
from agcli.expression.proved.special import SPECIAL
from agcli.expression.values import show

DOUBLINGS = 12
GUARD = 64  # bits beyond the digits, at first
BITS_PER_DIGIT = 3.3219280948873626
MAX_WORK = 3.0  # seconds, about, of one precision: what a step costs at 1,000 bits, and how that grows
ARITHMETIC, ELEMENTARY_COST, GAMMA_COST, HEAVY = (1e-6, 1.5), (4e-5, 1.7), (2e-4, 2.2), (2e-3, 2.2)
CHEAP = frozenset([
    "add", "subtract", "multiply", "divide", "negative", "square", "abs", "where", "reciprocal", "keep", "sqrt",
    "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "maximum", "minimum", "getitem",
])  # fmt: skip
GAMMA = frozenset(["gamma", "lgamma", "digamma", "erf", "erfc", "erfinv", "erfcinv"])


@frozen
class Item:
    """An element of a formula that is asked for: of a derivative, `base` is what must be smooth along `names`."""

    formula: Tensor
    index: tuple[int, ...] = ()
    base: Tensor | None = None
    names: tuple[str, ...] = ()


def costs(program: Program, bits: int) -> float:
    """About the seconds that one run takes."""
    total = 0.0
    for step in program.steps:
        op = step.tensor.op
        if op is None or op.name in CHEAP:
            unit, growth = ARITHMETIC
        elif op.name in GAMMA:
            unit, growth = GAMMA_COST
        else:
            unit, growth = HEAVY if op.name in SLOW else ELEMENTARY_COST
        size = max(1, step.tensor.type.size) if step.tensor.type.known else 1
        total += size * unit * max(bits / 1000, 0.1) ** growth
    return total


SLOW = frozenset(["polygamma", *SPECIAL])
TINY = arb((fmpz(1), -(fmpz(1) << 120)))


def opened(outputs: list[Tensor]) -> list[Tensor]:
    """The formulas with derivatives that are ops of their own written in functions that have rules."""
    order = toposort(outputs)
    if not any(hasattr(t.op, "formula") for t in order):
        return outputs
    made: dict[int, Tensor] = {}
    for t in order:
        inputs = [made[x.id] for x in t.inputs]
        op: Any = t.op
        if hasattr(op, "formula"):
            made[t.id] = op.formula(*inputs)
        else:
            unchanged = all(a is b for a, b in zip(inputs, t.inputs, strict=True))
            made[t.id] = t if unchanged else t.on(inputs)
    return [made[t.id] for t in outputs]


class Search:
    """Items at a point, whose values are formulas without variables."""

    def __init__(self, feeds: Mapping[str, Tensor], at: Mapping[str, Any], count: int) -> None:
        self.feeds = feeds
        self.floats = at
        self.count = count
        self.names = list(feeds)
        self.point = Program([feeds[name] for name in self.names])

    def found(self, items: Sequence[Item]) -> list[Outcome]:
        """What is proved of each."""
        done: dict[int, Outcome] = {}
        waiting = list(range(len(items)))
        bits = int(self.count * BITS_PER_DIGIT) + GUARD
        for doubling in range(DOUBLINGS + 1):
            program, places = self.program([items[i] for i in waiting])
            if costs(program, bits) > MAX_WORK:
                if not doubling:
                    done |= {i: self.too_much() for i in waiting}
                break
            with ctx.workprec(bits):
                told = run(program, self.at())
                for i, place in zip(waiting, places, strict=True):
                    done[i] = self.judged(items[i], place, told, bits)
            waiting = [i for i in waiting if is_open(done[i])]
            if not waiting:
                break
            bits *= 2
        return [done[i] for i in range(len(items))]

    def too_much(self) -> NoDigits:
        return NoDigits("too large", f"no digits are proved: {self.count:,} digits are too much work for this formula")

    def program(self, items: Sequence[Item]) -> tuple[Program, list[tuple[int, int | None]]]:
        """One program for all items, and where its outputs hold each formula and its base."""
        outputs: dict[Tensor, int] = {}
        places = []
        for item in items:
            whole = outputs.setdefault(item.formula, len(outputs))
            base = None if item.base is None else outputs.setdefault(item.base, len(outputs))
            places.append((whole, base))
        return Program(opened(list(outputs))), places

    def at(self) -> dict[str, Any]:
        """The point, at the working precision."""
        return dict(zip(self.names, run(self.point, {}).values, strict=True))

    def judged(self, item: Item, place: tuple[int, int | None], told: Found, bits: int) -> Outcome:
        whole, base = place
        if base is not None:
            before = told.values[base]
            if isinstance(before, UNKNOWN):
                return self.missing(before, bits)
            mask = told.singular[base] & sum(told.bits.get(name, 0) for name in set(item.names))
            if mask:
                return self.not_smooth(told, mask)
        value = told.values[whole]
        value = value[item.index] if isinstance(value, np.ndarray) else value
        if isinstance(value, Undefined) and base is not None:
            message = f"no digits are proved: the derivative is not found by `{shown(value.part)}`{self.place()}"
            return NoDigits("unproved", message)
        if isinstance(value, UNKNOWN):
            return self.missing(value, bits)
        if isinstance(value, arb) and tiny(value):
            what = "is 0, or has more zeros behind the point than a proof can count"
            return NoDigits("too large", f"no digits are proved: {self.formula(item)} {what}")
        exact = digits(value, self.count)
        if exact is not None:
            return exact
        if sign(value) is None:
            return self.open(f"whether {self.formula(item)} is 0{self.place()}", bits)
        return self.open(f"the last digits of {self.formula(item)}{self.place()}", bits)

    def formula(self, item: Item) -> str:
        return quoted(item.formula) if item.base is None and not item.index else "this number"

    def missing(self, value: Any, bits: int) -> NoDigits:
        part: Tensor = value.part
        if isinstance(value, Undefined):
            return NoDigits("undefined", f"undefined: {shown(part)} has no value{self.place()}")
        if isinstance(value, Beyond):
            reason = value.reason.format(*map(quoted, part.inputs))
            return NoDigits("too large", f"no digits are proved: {quoted(part)} is too large; {reason}")
        if not value.question:
            return self.open(HAS_VALUE.format(quoted(part)) + self.place(), bits)
        return self.open(f"whether {value.question.format(*map(shown, part.inputs))}{self.place()}", bits)

    def not_smooth(self, told: Found, mask: int) -> NoDigits:
        part = next((t for bit, t in told.rough.items() if mask & bit), None)
        what = "the formula" if part is None else shown(part)
        return NoDigits("not smooth", f"no digits are proved: {what} is not smooth{self.place()}")

    def open(self, what: str, bits: int) -> NoDigits:
        return NoDigits("undecided", f"{what} could not be decided with {bits:,} bits")

    def place(self) -> str:
        """` at x = 0.3`"""
        texts = {name: shown(value) for name, value in self.feeds.items()}
        pairs = [f"{name}={show(self.floats[name]) if t == UNSHOWN else t}" for name, t in texts.items()]
        return f" at {', '.join(pairs)}" if pairs else ""


def tiny(value: arb) -> bool:
    """Whether a ball holds only 0 and what is too close to it to be told."""
    return bool(value.contains(0) and abs(value) < TINY)


def is_open(found: Outcome) -> bool:
    """Whether more bits may tell more."""
    return isinstance(found, NoDigits) and found.kind == "undecided"


def quoted(t: Tensor) -> str:
    text = shown(t)
    return "a part of the formula" if text == UNSHOWN else f"`{text}`"
