"""What intervals prove of the roots of one formula between two numbers: that there is none, or no other.

An interval is cut into pieces. A piece holds no root where all values of the formula on it lie on one side of 0, and
exactly one where the derivative has one sign and the formula another sign at either end (Moore, Kearfott and Cloud,
Introduction to Interval Analysis, 2009, chapter 8).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from agcli.engine.frozen import frozen
from agcli.expression.enclosures.arrays import UnsupportedError
from agcli.expression.enclosures.interval import Interval, Precision
from agcli.expression.enclosures.program import Program, Undefined
from agcli.solving.functions import System
from agcli.solving.problem import Problem

PIECES = 3_000
DIGITS = 30


@frozen
class Proof:
    """`roots` are all that there are between the bounds."""

    roots: int
    pieces: int


class Prover:
    """A formula of one variable and its derivative on intervals."""

    def __init__(self, system: System, problem: Problem) -> None:
        self.name = problem.names[0]
        self.value = Program(system.value.outputs)
        self.slope = Program(system.slopes.outputs)
        self.p = Precision(DIGITS)

    def on(self, program: Program, a: Decimal, b: Decimal) -> Any:
        return program.once({self.name: Interval(a, b)}, self.p, {}).values[program.outputs[0]]

    def has_no_zero(self, program: Program, a: Decimal, b: Decimal) -> bool:
        """Whether all values on an interval are on one side of 0, or the formula has none there."""
        found = self.on(program, a, b)
        if isinstance(found, Undefined):
            return program is self.value
        return isinstance(found, Interval) and (found.low > 0 or found.high < 0)

    def sign(self, a: Decimal) -> int:
        found = self.on(self.value, a, a)
        return (found.low > 0) - (found.high < 0) if isinstance(found, Interval) else 0

    def has_one(self, a: Decimal, b: Decimal) -> bool:
        """Whether there is exactly one root between two numbers, and none at them."""
        return self.sign(a) * self.sign(b) < 0 and self.has_no_zero(self.slope, a, b)


def prove(system: System, problem: Problem, roots: Sequence[float]) -> Proof | None:
    """That `roots` are all; None where that could not be shown."""
    prover = Prover(system, problem)
    low, high = Decimal(float(problem.low[0])), Decimal(float(problem.high[0]))
    try:
        pieces = [(low, high)]
        for root in roots:
            pieces = [part for piece in pieces for part in apart(prover, piece, root)]
        count, waiting = 0, pieces
        while waiting:
            count += 1
            a, b = waiting.pop()
            if prover.has_no_zero(prover.value, a, b):
                continue
            middle = (a + b) / 2
            if count + len(waiting) > PIECES or not a < middle < b:
                return None
            waiting += [(a, middle), (middle, b)]
    except UnsupportedError:
        return None
    return Proof(len(roots), count)


def apart(prover: Prover, piece: tuple[Decimal, Decimal], root: float) -> list[tuple[Decimal, Decimal]]:
    """A piece without the surroundings of a root in which there is no other; the piece itself where none are known."""
    a, b = piece
    if not a <= Decimal(root) <= b:
        return [piece]
    for reach in (1e-1, 1e-2, 1e-3, 1e-5, 1e-7, 1e-10):
        step = Decimal(float(reach * (abs(root) or float(np.float64(b - a)))))
        left, right = Decimal(root) - step, Decimal(root) + step
        if a < left and right < b and prover.has_one(left, right):
            return [(a, left), (right, b)]
    return [piece]
