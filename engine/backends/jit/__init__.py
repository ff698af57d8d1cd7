"""Elementwise parts of a graph as compiled loops, through llvmlite (extra ``jit``).

Nothing else in the engine knows of it: ``fusion`` replaces groups of ops by one op whose kernel is compiled from the
scalar rules of its members. Without llvmlite, or with ``AG_BACKEND=numpy``, large groups run in blocks instead.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ...errors import StateError

if TYPE_CHECKING:
    import numpy as np

    from ...graph import Tensor
    from ...leaves import Variable
    from ...types import Array
    from ..numpy import Executor
    from .repeat import Repeated, Source


@cache
def available() -> bool:
    return find_spec("llvmlite") is not None


def active() -> bool:
    """Whether kernels are compiled: llvmlite is there, and ``AG_BACKEND`` is not ``numpy``."""
    chosen = os.environ.get("AG_BACKEND", "")
    if chosen not in ("", "numpy", "jit"):
        raise StateError(f"AG_BACKEND: expected numpy or jit, got {chosen!r}")
    if chosen == "jit" and not available():
        raise StateError('AG_BACKEND=jit needs llvmlite; try pip install "agcli[jit]"')
    return chosen != "numpy" and available()


def limits() -> list[str]:
    """The level of the processor that kernels keep to, if the environment names one."""
    from .code.machine import level

    return [level()] if level() else []


def fusion(roots: Sequence[Tensor], shard_of: dict[int, int] | None = None, runs: int = 1) -> list[Tensor]:
    """``roots`` with groups of elementwise ops fused, where that is possible and worth it; see ``fuse``."""
    if not active():
        from ..blocks import in_blocks

        return in_blocks(roots, shard_of)
    from .fuse import fuse

    return fuse(roots, shard_of, runs)


def gathering() -> Callable[[Array, np.float32 | None], Callable[[Array, Array], None] | None] | None:
    """What finds a compiled way to copy rows of an array; see ``gather``. None where nothing is compiled."""
    if not active():
        return None
    from .gather import gather

    return gather


def repeating() -> Callable[[Executor, Sequence[Source], Variable | None], Repeated | None] | None:
    """What finds a way to run a plan many times in one call; see ``repeat``. None where nothing is compiled."""
    if not active():
        return None
    from .repeat import repeated

    return repeated
