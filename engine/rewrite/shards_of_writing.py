"""How ops that write at positions split over shards of a batch: rules beside those of ``shards``."""

from __future__ import annotations

from ..graph import Op, Tensor
from .shards import WHOLE, Layout, rule


@rule("ScatterSet", "ScatterMultiply", "ScatterExtremum")
def scatter(op: Op, t: Tensor, states: list[int]) -> Layout | None:
    """Rows are written whole, so a batch that lies along another axis stays split; places are the same for all."""
    x, u, at = states
    axes = {x, u} - {WHOLE}
    if at != WHOLE or len(axes) != 1 or min(axes) < 1:
        return None
    (axis,) = axes
    return Layout(axis, (axis, axis, WHOLE))
