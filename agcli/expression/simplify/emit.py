"""Algebra -> Tensor: the engine's own ops, in the order in which people write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np

from agcli.engine.graph import Constant, Tensor, call
from agcli.engine.types import DType, TensorType
from agcli.expression.simplify.arithmetic import negate
from agcli.expression.simplify.layout import HALF, Part, number_power, quotient, written_terms
from agcli.expression.simplify.nodes import Add, Atom, E, Expr, Fn, Mul, Node, Number, UndefinedError, size

NAMED = {"pi": 3.141592653589793, "e": 2.718281828459045}


class Emitter:
    """Makes tensors of one dtype; equal expressions become one tensor."""

    def __init__(self, dtype: DType) -> None:
        self.type = TensorType((), dtype)
        self.largest = float(np.finfo(dtype).max)
        self.least = float(np.finfo(dtype).tiny)
        self.made: dict[Any, Tensor] = {}
        self.roots: set[Expr] = set()  # sums under a root, whose squares are written with the same sign

    def __call__(self, e: Expr) -> Tensor:
        found = self.made.get(e)
        if found is None:
            found = self.made[e] = self.number(e) if not isinstance(e, Node) else self.node(e)
        return found

    def number(self, value: Number) -> Tensor:
        """An exact constant; one that the dtype cannot hold is an error, so that the formula is left as it was."""
        if size(value) > self.largest or 0 < size(value) < self.least:
            raise UndefinedError
        return Constant(value, self.type)

    def node(self, e: Any) -> Tensor:
        if type(e) is Atom:
            return e.tensor if e.tensor is not None else Constant(NAMED[e.name], self.type).named(e.name)
        if type(e) is Fn:
            args = [self(a) for a in e.args]
            if e.head == "step":
                return call("where", call("greater", *args), self(1), self(0))
            return call(e.head, *args) if isinstance(e.head, str) else e.head(*args)
        return self.product(e) if type(e) is Mul else self.sum(e)

    def sum(self, e: Add) -> Tensor:
        (first, k), *others = written_terms(e)
        total = self.scaled(first, k)
        for term, k in others:
            total = call("add" if k > 0 else "subtract", total, self.scaled(term, size(k)))
        return total

    def scaled(self, term: Expr, k: Number) -> Tensor:
        if term == 1:
            return self(k)
        if k == 1:
            return self(term)
        factors = term.factors if type(term) is Mul else ((term, 1),)
        made = Mul()
        made.coefficient, made.factors = k, factors
        return self.product(made)

    def product(self, e: Mul) -> Tensor:
        line = quotient(e)
        above = [self.part(p) for p in line.above]
        below = [self.part(p) for p in line.below]
        if line.bottom != 1:
            below.insert(0, self(line.bottom))
        if line.top != 1 or not above:
            above.insert(0, self(-line.top if line.negative else line.top))
        elif line.negative:
            above[0] = call("negative", above[0])
        value = times(above)
        return call("divide", value, times(below)) if below else value

    def part(self, part: Part) -> Tensor:
        bases, exponent = part
        if bases[0] is E:
            return self(E) if exponent == 1 else call("exp", self(exponent))
        if type(bases[0]) is int and isinstance(exponent, Node):
            number, exponent = number_power(bases[0], exponent)
            return call("power", self(number), self(exponent))
        if self.roots and len(bases) == 1 and type(exponent) is int and exponent % 2 == 0:
            turned = negate(bases[0]) if type(bases[0]) is Add else None
            bases = (turned,) if turned in self.roots else bases
        base = times([self(b) for b in bases])
        if exponent == 1:
            return base
        return call("sqrt", base) if exponent == HALF else call("power", base, self(exponent))


def sums_under_roots(e: Expr, seen: set[Expr]) -> Iterator[Add]:
    """The sums of which a root is taken somewhere in ``e``."""
    if not isinstance(e, Node) or type(e) is Atom or e in seen:
        return
    seen.add(e)
    if type(e) is Mul:
        yield from (b for b, x in e.factors if type(b) is Add and type(x) is Fraction)
    parts = e.args if type(e) is Fn else [p for pair in factors_or_terms(e) for p in pair]
    for part in parts:
        yield from sums_under_roots(part, seen)


def factors_or_terms(e: Any) -> Sequence[tuple[Expr, Expr]]:
    found: Sequence[tuple[Expr, Expr]] = e.factors if type(e) is Mul else e.terms
    return found


def times(tensors: Sequence[Tensor]) -> Tensor:
    return reduce(lambda a, b: call("multiply", a, b), tensors)
