"""Weight decay: rules that pull parameters towards zero, and a mask that says which."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np

from ..errors import StateError
from ..graph import Tensor, label
from ..leaves import Variable
from ..types import Array
from .state import State, narrow


class PatternError(StateError):
    """A pattern for names of parameters that none of them has."""


def decays(rate: float, params: Sequence[Variable], spared: Sequence[str]) -> float | Array | None:
    """The decay of all parameters, or of each element where those whose names match a pattern of ``spared`` have none.

    Patterns are those of file names: ``*.bias``, ``dense_?.*``. One that matches no parameter is an error.
    """
    names = [p.name or "" for p in params]
    idle = [pattern for pattern in spared if not any(fnmatchcase(name, pattern) for name in names)]
    if idle:
        known = ", ".join(map(label, params[:8])) + (", ..." if len(params) > 8 else "")
        raise PatternError(f"no parameter is called like {', '.join(map(repr, idle))}; there are {known}")
    if not rate:
        return None
    if not spared:
        return rate
    free = [any(fnmatchcase(name, pattern) for pattern in spared) for name in names]
    parts = [np.full(p.value.size, 0.0 if f else rate, p.dtype) for p, f in zip(params, free, strict=True)]
    return np.concatenate(parts)


def l2(g: Tensor, p: Tensor, state: State) -> Tensor:
    """Decay as part of the gradient, as if decay / 2 * |p|^2 were part of the loss."""
    return g if state.decay is None else g + state.decay * p


def decoupled(step: Tensor, p: Tensor, state: State) -> Tensor:
    """Decay as part of the step (Loshchilov and Hutter, 2019, algorithm 2)."""
    if state.decay is None:
        return step
    if isinstance(state.decay, float):
        return step + narrow(state.rate * state.decay, p) * p
    return step + narrow(state.rate, p) * state.decay * p
