"""More and more digits, until the values of formulas are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from agcli.engine.graph import Tensor
from agcli.expression.enclosures.interval import Interval, Precision
from agcli.expression.enclosures.program import UNKNOWN, Program, Undefined, Unknown, Value

LEVELS = (40, 100, 250, 600, 1500)  # digits
MAX_WORK = 30_000_000  # of the steps, where one costs digits^1.6 and a function as much as 20 of arithmetic
FUNCTION = 20
ARITHMETIC = frozenset(["add", "subtract", "multiply", "divide", "negative", "square", "abs", "where", "reciprocal"])
ACCURACY = Decimal("1e-16")  # relative, of a value that is known
NOTHING, HUGE = Decimal("1e-400"), Decimal("1e400")  # beyond all float64

NO_CONSTANTS: Mapping[float, Tensor] = {}


class Known(NamedTuple):
    """A value, or an array of values, and the variables along which the formula is singular.

    Where the point is a constant of the formula but for rounding, and that matters, `at_constant` is the value at the
    constant, by which the formula is continuous or not; `constants` are the constants by their float64.
    """

    value: Any
    singular: int
    at_constant: Any = None
    constants: Mapping[float, Tensor] = NO_CONSTANTS

    @property
    def local(self) -> Any:
        """The value by which the limits are judged."""
        return self.value if self.at_constant is None else self.at_constant


def width(a: Interval) -> Decimal:
    if not a.low.is_finite() or not a.high.is_finite():
        return Decimal("Infinity")
    return WIDE.subtract(a.high, a.low)


WIDE = Precision(30).up


def settled(value: Value) -> bool:
    """Whether more digits would tell nothing new."""
    if isinstance(value, Undefined):
        return True
    if isinstance(value, Unknown):
        return False
    low, high = value.low.copy_abs(), value.high.copy_abs()
    if value.low == value.high or max(low, high) < NOTHING:
        return True
    if (value.low > 0) != (value.high > 0):
        return False
    least = min(low, high)
    return least > HUGE or width(value) <= WIDE.multiply(least, ACCURACY)


def all_settled(value: Any) -> bool:
    return all(map(settled, value.flat)) if isinstance(value, np.ndarray) else settled(value)


def evaluate(
    outputs: Sequence[Tensor],
    feeds: Mapping[str, Any],
    start: int = 0,
    constants: Mapping[float, Interval] | None = None,
) -> tuple[list[Known], dict[str, int]]:
    """The value of each formula, and the bits of the variables. Raises UnsupportedError.

    Feeds are intervals, arrays of them, or functions from a precision to an interval. `constants` are numbers that
    constants of the formulas are, by the float64 to which they round.
    """
    program = Program(outputs)
    bits = program.bits
    found: list[Known | None] = [None] * len(outputs)
    waiting = list(range(len(outputs)))
    for level in range(start, len(LEVELS)):
        digits = LEVELS[level]
        last = level + 1 == len(LEVELS) or weight(program) * LEVELS[level + 1] ** 1.6 > MAX_WORK
        p = Precision(digits, last)
        at = {name: v(p) if callable(v) else v for name, v in feeds.items()}
        run = program.run(at, p, constants)
        unknown = []
        for i, value, mask, there in zip(waiting, run.values, run.singular, run.at_constant, strict=True):
            found[i] = Known(value, named(mask, program.bits, bits), there, run.constants)
            if not all_settled(value) or (there is not None and not all_settled(there)):
                unknown.append(i)
        waiting = unknown
        if not waiting or last:
            break
        if len(waiting) < len(program.outputs):
            program = Program([outputs[i] for i in waiting])
    return [Known(UNKNOWN, 0) if f is None else f for f in found], bits


def weight(program: Program) -> int:
    """How much a program costs, in steps of arithmetic."""
    ops = [step.tensor.op for step in program.steps]
    return sum(1 if op is None or op.name in ARITHMETIC else FUNCTION for op in ops)


def named(mask: int, own: Mapping[str, int], bits: Mapping[str, int]) -> int:
    """A mask of one program in the bits of another."""
    if own is bits:
        return mask
    return sum(bits[name] for name, bit in own.items() if mask & bit)
