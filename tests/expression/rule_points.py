"""Points at which the forms of the simplifier are compared, and values there."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import mpmath as mp
from precise import LARGEST, Values, apply

from agcli.expression.simplify.nodes import Add, Atom, Fn, Mul, Node
from agcli.expression.simplify.observe import Call

DIGITS = 50
TOLERANCE = mp.mpf("1e-30")
OTHERS = 64  # the place from which on numbers have other sizes, for domains that are small or far away


class Point(dict[Any, Any]):
    """Numbers for atoms, drawn when they are asked for: the same for the same name and place."""

    def __init__(self, seed: int, place: int) -> None:
        super().__init__()
        self.seed, self.place = seed, place

    def __missing__(self, atom: Atom) -> Any:
        luck = random.Random(f"{self.seed} {self.place} {atom.name}")
        tensor = atom.tensor
        if tensor is not None and tensor.dtype.kind == "b":
            value: Any = luck.random() < 0.5
        else:
            value = drawn(luck, self.place)
            if tensor is not None and tensor.op is not None and tensor.op.name == "norm":
                value = abs(value)
        self[atom] = value
        return value


def drawn(luck: random.Random, place: int) -> Any:
    """A number of the sizes that most domains have; at every fifth place a small whole one."""
    if place % 5 == 4:
        return mp.mpf(luck.choice([-3, -2, -1, 1, 2, 3, 4]))
    if place >= OTHERS:
        return mp.mpf(luck.uniform(*luck.choice([(-0.1, 0.1), (0, 0.3), (-0.6, 0), (1, 1.05), (3, 30), (-30, -3)])))
    kinds = [(0.1, 1), (1, 4), (-2, 2), (0, 3)]
    low, high = kinds[place % 5] if place < 5 else luck.choice([*kinds, (-1, 0), (-5, 5), (1, 1.6), (-1, 1)])
    return mp.mpf(luck.uniform(low, high))


class Comparison:
    """The forms of one formula."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.points: list[Values] = []
        self.signs: dict[Any, int] = {}

    def point(self, place: int) -> Values:
        while len(self.points) <= place:
            self.points.append(Values(Point(self.seed, len(self.points)), DIGITS))
        return self.points[place]

    def precise(self, place: int, digits: int) -> Values:
        return Values(self.point(place).point, digits)

    def signature(self, e: Any) -> int:
        """Equal for equal forms of different formulas."""
        if not isinstance(e, Node):
            return hash(("n", e))
        known = self.signs.get(e)
        if known is None:
            known = self.signs[e] = self.fresh_signature(e)
        return known

    def fresh_signature(self, e: Any) -> int:
        of = self.signature
        if type(e) is Atom:
            return hash(e.name)
        if type(e) is Fn:
            return hash((repr(e.head), *map(of, e.args)))
        if type(e) is Mul:
            return hash((e.coefficient, frozenset((of(b), of(x)) for b, x in e.factors)))
        return hash((e.constant, frozenset((of(t), k) for t, k in e.terms), 0))


def value(at: Values, e: Any) -> Any:
    if isinstance(e, Call):
        with mp.workdps(at.digits):
            found = apply(e.head, *(at(a) for a in e.args))
            return mp.nan if not isinstance(found, bool) and abs(found) > at.largest else found
    return at(e)


def nothing(v: Any) -> bool:
    return not isinstance(v, bool) and bool(mp.isnan(v))


def beyond(v: Any) -> bool:
    """Whether a number is so large or small that another form of it has exponents that `precise` does not take."""
    return not isinstance(v, bool) and v != 0 and bool(abs(mp.log(abs(v))) > LARGEST / 3)


def is_pole(v: Any, digits: int) -> bool:
    """Whether a number is what rounding to so many digits made of a pole."""
    return not isinstance(v, bool) and bool(abs(v) > mp.mpf(10) ** (digits - 50))


def exponent_beyond(v: Any) -> bool:
    """Whether a number is the logarithm of what `beyond` is true of."""
    return not isinstance(v, bool) and bool(abs(v) > LARGEST / 3)


def close(a: Any, b: Any, least: Any = 0) -> bool:
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if mp.isnan(a) or mp.isnan(b):
        return False
    return bool(abs(a - b) <= max(TOLERANCE * max(abs(a), abs(b)), least))


def atoms(e: Any) -> Iterator[Atom]:
    if type(e) is Atom and e.name not in ("e", "pi"):
        yield e
    parts: Any = ()
    if isinstance(e, Call) or type(e) is Fn:
        parts = e.args
    elif type(e) is Mul:
        parts = [p for pair in e.factors for p in pair]
    elif type(e) is Add:
        parts = [t for t, _ in e.terms]
    for part in parts:
        yield from atoms(part)


def shown(e: Any) -> str:
    """A form as a person reads it."""
    if isinstance(e, Call):
        return f"{e.head}({', '.join(map(shown, e.args))})"
    if type(e) is Atom:
        return e.name
    if type(e) is Fn:
        return f"{e.head if isinstance(e.head, str) else e.head.name}({', '.join(map(shown, e.args))})"
    if type(e) is Mul:
        return "*".join([str(e.coefficient), *(f"[{shown(b)}]^{shown(x)}" for b, x in e.factors)])
    if type(e) is Add:
        return "(" + " + ".join([*(f"{k}*{shown(t)}" for t, k in e.terms), str(e.constant)]) + ")"
    return str(e)
