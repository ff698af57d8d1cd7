"""Ops whose shape depends on values, such as the positions of a mask.

A plan needs every length. So a function that meets such a *dynamic* op first runs another function, which fetches
the inputs of the op; the op computes its output, and the function goes on as if that had been fed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .graph import Tensor
from .types import Array


def dynamic_tensors(order: Sequence[Tensor]) -> list[Tensor]:
    """The results of dynamic ops among tensors."""
    return [t for t in order if t.op is not None and t.op.dynamic]


def compute(tensors: Sequence[Tensor], inputs: Sequence[Any]) -> list[Array]:
    """The values of dynamic ``tensors``, whose inputs lie one after another in ``inputs``."""
    given = iter(inputs)
    return [t.op.compute(*(np.asarray(next(given)) for _ in t.inputs)) for t in tensors if t.op is not None]
