"""Graphs in floats of one type: ops that make float32 where nothing says a type make the wanted one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from agcli.engine.frozen import changed
from agcli.engine.graph import Constant, Tensor, toposort
from agcli.engine.ops.arrays import Astype
from agcli.engine.types import TensorType

SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


def in_floats(t: Tensor, dtype: str | None, known: Iterable[Tensor]) -> Tensor:
    """A formula whose floats are of a type: `zeros(3)` is one of float64 in a spec of float64.

    ``known`` are tensors of which it may be made and which stay as they are; so does what the formula casts itself.
    """
    return widened([t], {x: x for x in known}, casts=False)[0] if dtype == DOUBLE.name else t


def widened(outputs: Sequence[Tensor], replace: Mapping[Tensor, Tensor], *, casts: bool = True) -> list[Tensor]:
    """``outputs`` on other inputs, like ``substitute``; ops that make float32 by themselves make float64.

    Without ``casts``, a cast to float32 stays one.
    """
    memo = {old.id: new for old, new in replace.items()}
    for t in toposort(outputs, set(memo)):
        inputs = [memo[x.id] for x in t.inputs]
        memo[t.id] = t
        if isinstance(t, Constant) and t.dtype == SINGLE and not t.type.weak:
            memo[t.id] = Constant(t.value, TensorType(t.shape, DOUBLE))
        elif t.op is not None:
            op = wide(t.op) if casts or not isinstance(t.op, Astype) else t.op
            is_same = op is t.op and all(new is x for new, x in zip(inputs, t.inputs, strict=True))
            memo[t.id] = t if is_same else t.on(inputs) if op is t.op else op(*inputs)
    return [memo[t.id] for t in outputs]


def wide(op: Any) -> Any:
    """The op, or the one that makes float64 where it makes float32."""
    if getattr(op, "dtype", None) == SINGLE:
        return changed(op, dtype=DOUBLE)
    made = getattr(op, "type", None)
    if isinstance(made, TensorType) and made.dtype == SINGLE:
        return changed(op, type=TensorType(made.shape, DOUBLE))
    return op
