"""Ops that are elementwise on views of their arrays, such as pools on their windows, as loops of their own."""

from __future__ import annotations

from ....graph import Op, Tensor
from ...policy import current
from ..kernel import Kernel
from .fused import Looped


def on_views(cls: type[Op]) -> bool:
    return cls.aligned is not Op.aligned


def is_looped(t: Tensor) -> bool:
    """Whether an op is elementwise on views of its arrays, and large."""
    if t.op is None or not on_views(type(t.op)) or not all(x.type.known for x in t.inputs):
        return False
    return largest(t) >= current().min_elements


def largest(t: Tensor) -> int:
    """Elements of the largest input."""
    sizes: list[int] = [x.type.size for x in t.inputs]
    return max(sizes)


KERNEL = Kernel(on_views, is_looped, lambda op, t, shards: Looped(op, not shards), largest)
