"""Graph -> graph: what is joined to others, and read elsewhere too, is written to both places by one loop.

A plan lets a piece be computed in its place within the whole, if nothing else reads it; else it is copied there, for
which every turn of a loop would come back to Python.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from ....graph import Tensor, toposort
from ....ops.arrays import Astype
from ....ops.joining import Concatenate


def doubled(roots: Sequence[Tensor], shard_of: dict[int, int], looped: Callable[[Tensor], bool]) -> list[Tensor]:
    """``roots`` in which such pieces are tensors of their own; ``shard_of`` (the shard of a tensor) learns them."""
    order = toposort(roots)
    uses = Counter(x.id for t in order for x in t.inputs)
    uses.update(t.id for t in roots)

    def piece(x: Tensor) -> Tensor:
        made = new[x.id]
        if uses[x.id] == 1 or not looped(x):
            return made
        return like(Astype(x.dtype)(made), x)

    def like(made: Tensor, old: Tensor) -> Tensor:
        if old.id in shard_of:
            shard_of[made.id] = shard_of[old.id]
        return made

    new: dict[int, Tensor] = {}
    for t in order:
        joins = isinstance(t.op, Concatenate) and t.op.axis != 0
        inputs = [piece(x) if joins else new[x.id] for x in t.inputs]
        changed = any(a is not b for a, b in zip(inputs, t.inputs, strict=True))
        new[t.id] = like(Tensor(t.type, t.op, tuple(inputs), t.place, t.name), t) if changed else t
    return [new[t.id] for t in roots]
