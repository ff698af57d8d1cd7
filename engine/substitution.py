"""A piece of a graph on other inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .graph import Tensor, toposort


def substitute(outputs: Sequence[Tensor], replace: Mapping[Tensor, Tensor]) -> list[Tensor]:
    """``outputs`` on other inputs: what depends on a key of ``replace`` is built anew, the rest stays shared."""
    memo = {old.id: new for old, new in replace.items()}
    for t in toposort(outputs, set(memo)):
        inputs = [memo[x.id] for x in t.inputs]
        same = t.op is None or all(new is x for new, x in zip(inputs, t.inputs, strict=True))
        memo[t.id] = t if same else t.on(inputs)
    return [memo[t.id] for t in outputs]
