"""Gradient clipping: rules that make a gradient smaller where it is too large, and leave it alone where it is not.

>>> w = ag.variable([3.0, 4.0])
>>> step = ag.sgd(1.0).using(clip=ag.clipping.global_norm(0.5)).function((w * w).sum() / 2, [w])
>>> print(step(), w.value)  # the gradient (3, 4) of norm 5 becomes (0.3, 0.4)
12.5 [2.7 3.6]
"""

from __future__ import annotations

from ..graph import Tensor
from ..ops.einsum import dot
from ..ops.elementwise import clip, maximum, sqrt
from .segments import norms, spread
from .state import Rule, State


def value(limit: float) -> Rule:
    """Every element between ``-limit`` and ``limit``."""
    return lambda g, p, state: clip(g, -limit, limit)


def norm(limit: float) -> Rule:
    """The gradient of each parameter scaled down to Euclidean norm ``limit``."""

    def rule(g: Tensor, p: Tensor, state: State) -> Tensor:
        return g * spread(limit / maximum(norms(g, state.params), limit), state.params)

    return rule


def global_norm(limit: float) -> Rule:
    """The whole gradient scaled down to Euclidean norm ``limit`` (Pascanu et al., 2013, algorithm 1)."""
    return lambda g, p, state: g * (limit / maximum(sqrt(dot(g, g)), limit))
