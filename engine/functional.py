"""Composites that need no kernel of their own."""
from __future__ import annotations

from .errors import ShapeError
from .graph import Like, Tensor, as_tensor
from .ops.elementwise import square
from .ops.logic import where
from .ops.random import standard_uniform
from .ops.reductions import mean
from .table import op, sample


@op(sample((2, 3), (2, 3)), sample((2, 3), (3,)))
def mean_squared_error(prediction: Like, target: Like) -> Tensor:
    """Mean of (prediction - target)^2 over all elements."""
    return mean(square(as_tensor(prediction) - as_tensor(target)))


@op(sample((2, 3), rate=0.0))
def dropout(x: Like, rate: float, key: Like | None = None) -> Tensor:
    """Zero each element with probability ``rate`` and scale the others by 1 / (1 - rate) (Srivastava et al., 2014)."""
    t = as_tensor(x)
    if not 0 <= rate < 1:
        raise ShapeError(f"dropout: the rate lies in [0, 1), got {rate}")
    if rate == 0:
        return t
    keep = standard_uniform(t, key) >= rate
    return where(keep, t * (1 / (1 - rate)), 0)
