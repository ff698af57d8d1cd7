"""The table of kernels that stand for one op: of those that match a tensor, the first makes it.

A new kernel is a file with its row (``KERNEL``), and a name here. Elementwise ops are none: they are fused to groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ...graph import Tensor
from . import masks, scatter, words
from .attention import launch as attention
from .convolutions import direct
from .elementwise import columns, looped, sums
from .kernel import Kernel
from .products import gemv, narrow_gemm

KERNELS = (
    masks.KERNEL,
    looped.KERNEL,
    direct.KERNEL,
    columns.KERNEL,
    sums.KERNEL,
    gemv.KERNEL,
    narrow_gemm.KERNEL,
    scatter.KERNEL,
    words.KERNEL,
    attention.KERNEL,
)


@lru_cache(maxsize=1024)
def kernels_of(cls: Any) -> tuple[Kernel, ...]:
    """The rows that ops of a class may match."""
    return tuple(k for k in KERNELS if k.classes(cls))


def kernel_of(t: Tensor) -> Kernel | None:
    """The kernel of a tensor."""
    if t.op is None:
        return None
    kind: Any = type(t.op)
    return next((k for k in kernels_of(kind) if k.matches(t)), None)


def gain_of(order: Sequence[Tensor]) -> int:
    """Elements that NumPy would read once more without these kernels."""
    total = 0
    for t in order:
        kind: Any = type(t.op)
        total += sum(k.gain(t) for k in (kernels_of(kind) if t.op else ()) if k.gain and k.matches(t))
    return total
