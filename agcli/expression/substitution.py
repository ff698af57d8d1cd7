"""A formula with other formulas in the places of some variables."""

from __future__ import annotations

from collections.abc import Mapping

from agcli.engine.graph import Tensor, toposort


def substitute(t: Tensor, new: Mapping[Tensor, Tensor]) -> Tensor:
    """`t` with each key of `new` replaced by its value; parts that do not change are shared."""
    made: dict[int, Tensor] = {old.id: tensor for old, tensor in new.items()}
    for x in toposort([t], made):
        inputs = [made[i.id] for i in x.inputs]
        unchanged = x.op is None or all(a is b for a, b in zip(inputs, x.inputs, strict=True))
        made[x.id] = x if unchanged else x.on(inputs)
    return made[t.id]
