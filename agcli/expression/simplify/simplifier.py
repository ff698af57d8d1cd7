"""``simplify``: a tensor is read into the algebra, made shorter rule by rule, and written back."""

from __future__ import annotations

from threading import RLock

from agcli.engine.graph import Tensor, toposort
from agcli.engine.types import TensorType

from .convert import Reader
from .emit import Emitter
from .nodes import TABLE, Exhausted, Expr, Undefined
from .search import Search

BUDGET = 20_000  # expressions that may be made
LARGEST = 2_000  # tensors of a graph that is still looked at
LOCK = RLock()


def simplify(t: Tensor, budget: int = BUDGET) -> Tensor:
    """A shorter tensor of the same value, or ``t`` itself; ``budget`` bounds the work."""
    order = toposort([t])
    if not isinstance(t.type, TensorType) or t.shape != () or t.dtype.kind != "f" or len(order) > LARGEST:
        return t
    with LOCK:
        try:
            TABLE.open(budget)
            reader = Reader(t.dtype)
            e: Expr = 0
            for node in order:
                e = reader(node)
            return Emitter(t.dtype)(Search()(e))
        except (Undefined, Exhausted, RecursionError):
            return t
