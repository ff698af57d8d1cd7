"""``simplify``: a tensor is read into the algebra, made shorter rule by rule, and written back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

from agcli.engine.collector import collector_paused
from agcli.engine.errors import DTypeError
from agcli.engine.graph import Tensor, toposort
from agcli.engine.types import TensorType
from agcli.expression.simplify.convert import Reader
from agcli.expression.simplify.nodes import TABLE, ExhaustedError, UndefinedError
from agcli.expression.simplify.search import shortest

BUDGET = 6_000  # expressions that may be made
LARGEST = 2_000  # tensors of a graph that is still looked at
LOCK = RLock()


@contextmanager
def workspace(budget: int) -> Iterator[None]:
    """The algebra's memory, for one simplification at a time."""
    with LOCK, collector_paused():
        TABLE.open(budget)
        try:
            yield
        finally:
            TABLE.open(0)


def simplify(t: Tensor, budget: int = BUDGET) -> Tensor:
    """A shorter tensor of the same value, or ``t`` itself; ``budget`` bounds the work.

    The value is the same wherever ``t`` has one, up to rounding; the result may have a value where ``t`` has none
    (x/x is 1, also at 0). Graphs of more than a few thousand tensors, and formulas that divide by zero, are left alone.
    """
    if not readable(t):
        return t
    with workspace(budget):
        try:
            return shortened(t)
        except (UndefinedError, ExhaustedError, RecursionError, DTypeError):
            return t


def shortened(t: Tensor) -> Tensor:
    """``simplify`` in an open workspace. What it made is gone when it returns, before the collector looks."""
    reader = Reader(t.dtype)
    return reader.write(shortest(reader.search, reader.read(t)), t)


def readable(t: Tensor) -> bool:
    """Whether ``t`` is a formula of floats, and small enough."""
    return isinstance(t.type, TensorType) and t.dtype.kind == "f" and len(toposort([t])) <= LARGEST
