"""Tensor -> algebra: arithmetic and functions of scalars; everything else becomes an atom."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from agcli.engine.graph import Constant, Tensor
from agcli.engine.ops.base import Elementwise
from agcli.engine.ops.creation import FullLike
from agcli.engine.table import OPS
from agcli.engine.types import TensorType

from .arithmetic import divide, mul, power
from .functions import HALF, call
from .nodes import PI, Atom, E, Expr, Number, fn

# Ops that leave a scalar as it is.
IDENTITIES = {
    "expand_like", "broadcast_to", "sum_like", "reshape", "reshape_like", "sum", "mean", "max", "min", "prod",
    "transpose", "logsumexp", "squeeze",
}  # fmt: skip

# Floats that gradient rules hold, as what they are.
KNOWN: dict[float, Callable[[], Expr]] = {
    math.pi: lambda: PI,
    2 * math.pi: lambda: mul(2, PI),
    math.pi / 2: lambda: mul(HALF, PI),
    math.e: lambda: E,
    math.log(2): lambda: fn("log", 2),
    math.log(10): lambda: fn("log", 10),
    1 / math.log(2): lambda: divide(1, fn("log", 2)),
    1 / math.log(10): lambda: divide(1, fn("log", 10)),
    math.sqrt(math.pi): lambda: power(PI, HALF),
    2 / math.sqrt(math.pi): lambda: mul(2, power(PI, -HALF)),
    math.sqrt(math.pi) / 2: lambda: mul(HALF, power(PI, HALF)),
    math.sqrt(2): lambda: power(2, HALF),
    math.sqrt(2 * math.pi): lambda: mul(power(2, HALF), power(PI, HALF)),
    1 / math.sqrt(2 * math.pi): lambda: divide(mul(HALF, power(2, HALF)), power(PI, HALF)),
    math.sqrt(2 / math.pi): lambda: mul(power(2, HALF), power(PI, -HALF)),
}
DIGITS = 12  # a float of at most so many digits was written as a decimal


def constant(value: Any) -> Expr | None:
    """A number of a graph, exact where it is or was written exactly; None if it has no value."""
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, int | Fraction):
        return simple(value)
    value = float(value)
    if not math.isfinite(value):
        return None
    if value in KNOWN:
        return KNOWN[value]()
    if -value in KNOWN:
        return mul(-1, KNOWN[-value]())
    if float(value).is_integer() and abs(value) < 2**53:
        return int(value)
    text = repr(value)
    if len(text.partition("e")[0].replace(".", "").strip("-0")) <= DIGITS:
        return simple(Fraction(text))
    return None


def simple(value: int | Fraction) -> Number:
    value = Fraction(value)
    return value.numerator if value.denominator == 1 else value


class Reader:
    """Reads tensors of one dtype."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        self.found: dict[int, Expr] = {}
        self.atoms: dict[int, Atom] = {}

    def __call__(self, t: Tensor) -> Expr:
        """The expression of ``t``, whose inputs have been read."""
        self.found[t.id] = result = self.leaf(t) if t.op is None else self.apply(t, t.op)
        return result

    def leaf(self, t: Tensor) -> Expr:
        if isinstance(t, Constant) and t.shape == ():
            value = constant(t.value.item() if isinstance(t.value, np.ndarray) else t.value)
            if value is not None:
                return value
        return self.atom(t)

    def atom(self, t: Tensor) -> Atom:
        if t.id not in self.atoms:
            self.atoms[t.id] = Atom(t.name or f"tensor {t.id}", t)
        return self.atoms[t.id]

    def apply(self, t: Tensor, op: Any) -> Expr:
        if not scalar(t) or not op.pure:
            return self.atom(t)
        if isinstance(op, FullLike) and t.dtype.kind == "f":
            value = constant(op.value)
            return self.atom(t) if value is None else value
        if not t.inputs or not all(scalar(x) for x in t.inputs):
            return self.atom(t)
        args = [self.found[x.id] for x in t.inputs]
        if op.name in IDENTITIES or (op.name == "astype" and t.dtype == t.inputs[0].dtype):
            return args[0] if t.dtype == t.inputs[0].dtype or t.inputs[0].type.weak else self.atom(t)
        if t.dtype.kind not in "fb" or (t.dtype.kind == "f" and t.dtype != self.dtype and not t.type.weak):
            return self.atom(t)
        head = op.name if isinstance(op, Elementwise) and registered(op) else op
        return call("where" if op.name == "where" else head, *args)


def registered(op: Elementwise) -> bool:
    return op.name in OPS and OPS[op.name].function is op


def scalar(t: Tensor) -> bool:
    return isinstance(t.type, TensorType) and t.shape == ()
