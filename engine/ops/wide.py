"""Float16 holds numbers up to 65504 with three digits: whatever adds many of them does so in float32."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ..graph import Tensor, call

P = ParamSpec("P")
R = TypeVar("R")
HALF, SINGLE = np.dtype("float16"), np.dtype("float32")


def is_half(x: Any) -> bool:
    return isinstance(x, Tensor | np.ndarray | np.generic) and x.dtype == HALF


def widened(x: Any) -> Any:
    return call("astype", x, dtype=SINGLE) if is_half(x) else x


def wide(function: Callable[P, R]) -> Callable[P, R]:
    """``function`` with float16 arguments computed in float32, forward and backward; results are rounded once.

    Their types stay those that ``function`` gives for the arguments as they are. NumPy accumulates means in float32
    too, and torch normalizes so.
    """

    run: Callable[..., Any] = function

    @wraps(function)
    def computed(*args: Any, **kwargs: Any) -> Any:
        made = run(*args, **kwargs)
        if not any(map(is_half, (*args, *kwargs.values()))):
            return made
        better = run(*map(widened, args), **{k: widened(v) for k, v in kwargs.items()})
        if isinstance(made, Tensor):
            return call("astype", better, dtype=made.dtype)
        return type(made)(call("astype", b, dtype=m.dtype) for b, m in zip(better, made, strict=True))

    return computed
