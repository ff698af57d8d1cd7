"""The bits of integers, and truth values as single bits. Nothing here has a derivative, and floats are refused.

Of two bools the ops are those of logic, so that masks are read as such everywhere: ``a & b`` is ``bitwise_and``.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ..errors import DTypeError, GradientError
from ..frozen import frozen
from ..graph import Cotangents, Like, Tensor, as_tensor, unify
from ..table import booleans, integers, op, sample
from ..types import TensorType
from .base import Computed
from .logic import logical_and, logical_not, logical_or, logical_xor


@frozen
class Bitwise(Computed):
    """One ufunc of integers; shifts that leave the width give 0, or -1 for negative numbers to the right."""

    name: str

    @property
    def ufunc(self) -> np.ufunc:
        return getattr(np, self.name)  # type: ignore[no-any-return]

    def infer(self, *inputs: TensorType) -> TensorType:
        for t in inputs:
            if t.dtype.kind == "f":
                hint = "" if "shift" in self.name else f"; for truth values write ag.{LOGIC[self.name].name}"
                raise DTypeError(f"{self.name}: takes integers or bools, got {t}{hint}")
        return super().infer(*inputs)

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        raise GradientError(f"{self.name} has no derivative")


LOGIC = {
    "bitwise_and": logical_and,
    "bitwise_or": logical_or,
    "bitwise_xor": logical_xor,
    "bitwise_not": logical_not,
}


def applied(name: str, *inputs: Like) -> Tensor:
    """The op of a name, which of bools alone is logic."""
    tensors = unify([as_tensor(x) for x in inputs])
    if name in LOGIC and {t.dtype.kind for t in tensors} == {"b"}:
        return LOGIC[name](*tensors)
    return Bitwise(name)(*tensors)


WHOLE = partial(integers, low=-9, high=9)
PAIRS = (sample(WHOLE(3), WHOLE(3)), sample(WHOLE(2, 1), WHOLE(3)), sample(booleans(3), booleans(3)))


@op(*PAIRS, differentiable=False)
def bitwise_and(a: Like, b: Like) -> Tensor:
    """The bits that both have, of integers; of bools whether both are true. Also ``a & b``.

    >>> print(ag.bitwise_and(12, 10).eval(), bin(12 & 10))
    8 0b1000
    """
    return applied("bitwise_and", a, b)


@op(*PAIRS, differentiable=False)
def bitwise_or(a: Like, b: Like) -> Tensor:
    """The bits that at least one has, of integers; of bools whether one is true. Also ``a | b``.

    >>> print(ag.bitwise_or(12, 10).eval(), bin(12 | 10))
    14 0b1110
    """
    return applied("bitwise_or", a, b)


@op(*PAIRS, differentiable=False)
def bitwise_xor(a: Like, b: Like) -> Tensor:
    """The bits that exactly one has, of integers; of bools whether they differ. Also ``a ^ b``.

    >>> print(ag.bitwise_xor(12, 10).eval(), bin(12 ^ 10))
    6 0b110
    """
    return applied("bitwise_xor", a, b)


@op(sample(WHOLE(3)), sample(booleans(2, 3)), differentiable=False)
def bitwise_not(x: Like) -> Tensor:
    """All bits turned: ``-x - 1`` of integers with a sign; of bools the opposite. Also ``~x``.

    >>> print(ag.bitwise_not(12).eval(), ag.bitwise_not(True).eval())
    -13 False
    """
    return applied("bitwise_not", x)


SHIFTS = (sample(WHOLE(3), integers(3, high=5)), sample(WHOLE(2, 1), integers(3, high=5)))


@op(*SHIFTS, differentiable=False)
def left_shift(a: Like, b: Like) -> Tensor:
    """``a * 2^b`` of integers, in which bits that leave the width are lost. Also ``a << b``.

    >>> print(ag.left_shift(3, 2).eval())
    12
    """
    return applied("left_shift", a, b)


@op(*SHIFTS, differentiable=False)
def right_shift(a: Like, b: Like) -> Tensor:
    """The floor of ``a / 2^b`` of integers. Also ``a >> b``.

    >>> print(ag.right_shift(-13, 2).eval())
    -4
    """
    return applied("right_shift", a, b)
