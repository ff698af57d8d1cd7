"""A loop in shards of the batch: every turn splits as the graph around it does, or the loop stays whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..graph import Tensor
from ..leaves import Placeholder
from ..rewrite.shards import PARTIAL, WHOLE, Layout, Sharder
from ..types import TensorType, static
from .scan import Body, Scan


class CoupledError(Exception):
    """A turn would have to put the samples of the batch together."""


class BodySharder(Sharder):
    """Shards of one turn, whose inputs come in the given states."""

    def __init__(self, outer: Sharder, inputs: Sequence[Placeholder], states: Sequence[int]) -> None:
        super().__init__(outer.batch, len(outer.bounds), [])
        for p, state in zip(inputs, states, strict=True):
            if state != WHOLE:
                self.states[p.id] = state
                self.pieces[p.id, state] = [self.piece(p, state, i) for i in range(len(self.bounds))]

    def piece(self, p: Placeholder, axis: int, i: int) -> Placeholder:
        low, high = self.span(static(p.shape[axis]), i)
        return Placeholder(TensorType((*p.shape[:axis], high - low, *p.shape[axis + 1 :]), p.dtype))

    def whole(self, t: Tensor) -> Tensor:
        if self.state(t) != WHOLE:
            raise CoupledError
        return super().whole(t)

    def body(self, old: Body, carries: Sequence[int], i: int) -> Body:
        """The turn of shard ``i``, where carries are split along these axes."""

        def own(tensors: Sequence[Tensor], states: Sequence[int] | None = None) -> tuple[Any, ...]:
            states = [self.state(t) for t in tensors] if states is None else states
            return tuple(self.parts(t, state)[i] for t, state in zip(tensors, states, strict=True))

        return replace(
            old, carries=own(old.carries), elements=own(old.elements), shared=own(old.shared),
            nexts=own(old.nexts, carries), emits=own(old.emits), totals=own(old.totals),
            retyped={}, plans={}, sharded=True,
        )  # fmt: skip


def in_shards(op: Scan, sharder: Sharder, t: Tensor, states: list[int]) -> Layout | None:
    """The layout of the loop ``t``, with the op of each shard, for inputs in these states.

    A carry is split as soon as a turn makes it so of inputs that are; until that holds for all turns, one more is
    tried.
    """
    body = op.turn([x.type for x in t.inputs])
    n, m = len(body.carries), len(body.elements)
    if all(s == WHOLE for s in states) or PARTIAL in states or 0 in states[n : n + m]:
        return None
    carries = list(states[:n])
    rest = [s - 1 if s > 0 else s for s in states[n : n + m]] + list(states[n + m :])
    try:
        while True:
            inner = BodySharder(sharder, body.inputs, [*carries, *rest])
            inner.visit(body.results)
            after = [s if (s := inner.state(new)) != WHOLE else c for new, c in zip(body.nexts, carries, strict=True)]
            if after == carries:
                break
            if any(c not in (WHOLE, s) for c, s in zip(carries, after, strict=True)):
                return None
            carries = after
        if PARTIAL in carries:
            return None
        ops = tuple(replace(op, body=inner.body(body, carries, i)) for i in range(len(sharder.bounds)))
    except CoupledError:
        return None
    out = tuple(state_of(output, carries, inner, body) for output in op.outputs)
    return Layout(out, (*carries, *states[n:]), ops=ops)


def state_of(output: tuple[str, int], carries: Sequence[int], inner: BodySharder, body: Body) -> int:
    """How an output of the loop is split: stacked ones have one more axis in front."""
    kind, i = output
    state = carries[i] if kind in ("final", "trace") else inner.state(body.made(output))
    return state + 1 if state >= 0 and kind in ("trace", "emit") else state
