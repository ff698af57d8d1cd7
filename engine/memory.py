"""Where the values of a plan lie: buffers whose lifetimes do not meet share memory in one arena.

An op writes over an input that dies with it where it can, and what is concatenated is computed in its place.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .freelist import FreeList
from .graph import Op, Tensor
from .ops.base import Elementwise
from .ops.joining import Concatenate
from .ops.slicing import GetItem
from .plan import Plan, Slot, Step
from .rewrite.shards import MAIN
from .types import Array, TensorType, static


@dataclass(frozen=True)
class Copy(Op):
    """Moves a piece into its place within a whole."""

    name = "copy"

    def kernel(self, x: Array, *, out: Array) -> None:
        np.copyto(out, x, casting="unsafe")


class Memory:
    """The slots of a plan, each with a shadow: untouched memory of its strides, to ask what can be a view."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.shadow: list[Array] = []
        self.shadows: dict[TensorType, Array] = {}
        self.known: dict[int, tuple[TensorType, Array]] = {}  # the same by the objects of types, of which there are few

    def add(self, t: Tensor, type: TensorType, kind: str, array: Array, root: int = -1, source: Any = None) -> Slot:
        slots = self.plan.slots
        index = len(slots)
        s = Slot(index, type, kind, index if root < 0 else root, t, False, MAIN, -1, source, array.nbytes)
        slots.append(s)
        self.shadow.append(array)
        return s

    def buffer(self, t: Tensor, shard: int) -> int:
        """A slot for what a step makes; its number."""
        type, slots = t.type, self.plan.slots
        known = self.known.get(id(type))
        array = self.shadow_of(type) if known is None else known[1]
        index = len(slots)
        slots.append(Slot(index, type, "buffer", index, t, False, shard, -1, None, array.nbytes))
        self.shadow.append(array)
        return index

    def shadow_of(self, type: TensorType) -> Array:
        """Memory of this type in C order that is never touched."""
        known = self.known.get(id(type))
        if known is not None:
            return known[1]
        found = self.shadows.get(type)
        if found is None:
            found = self.shadows[type] = np.empty([static(d) for d in type.shape], type.dtype)
        self.known[id(type)] = type, found
        return found

    def join(self) -> None:
        """Let what is concatenated be computed in its place within the whole."""
        if not any(isinstance(step.op, Concatenate) for step in self.plan.steps):
            return
        self.join_columns()
        slots, steps = self.plan.slots, []
        kept = {slots[i].root for i in (*self.plan.fetches, *(s for _, s in self.plan.commits))}
        for step in self.plan.steps:
            whole = slots[step.outputs[0]]
            if not (isinstance(step.op, Concatenate) and step.op.axis == 0 and whole.kind == "buffer"):
                steps.append(step)
                continue
            start = 0
            for i in step.inputs:
                x, root = slots[i], slots[slots[i].root]
                full = root.nbytes == x.nbytes and self.shadow[i].flags.c_contiguous
                same = full and x.type.dtype == whole.type.dtype
                if root.kind == "buffer" and same and root.index not in kept and root.index != whole.index:
                    root.kind, root.source = "part", (whole.index, start)
                else:
                    piece = self.add(step.tensor, x.type.with_dtype(whole.type.dtype), "part", self.shadow[i])
                    piece.source = (whole.index, start)
                    steps.append(replace(step, op=Copy(), inputs=(i,), outputs=(piece.index,)))
                start += x.type.size * whole.type.dtype.itemsize
        self.plan.steps = steps

    def join_columns(self) -> None:
        """The same along other axes, where the pieces lie in memory with gaps: NumPy's own kernels write there too."""
        slots, steps = self.plan.slots, []
        made = {o: step for step in self.plan.steps for o in step.outputs}
        reads = Counter(i for step in self.plan.steps for i in step.inputs)
        reads.update((*self.plan.fetches, *(s for _, s in self.plan.commits)))
        reads.update(i for s in slots if s.kind == "view" for i in s.source[1])
        for step in self.plan.steps:
            whole = slots[step.outputs[0]]
            fit = [i for i in step.inputs if reads[i] == 1 and slots[i].kind == "buffer" and strided(made[i].op)]
            fit = [i for i in fit if slots[i].type.dtype == whole.type.dtype]
            if not (fit and isinstance(step.op, Concatenate) and step.op.axis and whole.kind in ("buffer", "out")):
                steps.append(step)
                continue
            axis, start = step.op.axis, 0
            for i in step.inputs:
                x, stop = slots[i], start + static(slots[i].type.shape[axis])
                index = tuple([(start, stop, None) if a == axis else (None, None, None) for a in range(x.type.rank)])
                if i not in fit:
                    x = self.add(step.tensor, x.type.with_dtype(whole.type.dtype), "view", self.shadow[i])
                    steps.append(replace(step, op=Copy(), inputs=(i,), outputs=(x.index,)))
                x.kind, x.root, x.source = "view", whole.index, (GetItem(index), (whole.index,))
                start = stop
        self.plan.steps = steps

    def owner(self, index: int) -> int:
        """The slot whose place in the arena holds the memory behind a slot."""
        slots = self.plan.slots
        s = slots[slots[index].root]
        while s.kind == "part":
            s = slots[s.source[0]]
        return s.index

    def allocate(self, direct: bool) -> None:
        """Give every buffer a place in the arena; a place is free again after the last step that reads it."""
        slots, steps = self.plan.slots, self.plan.steps
        owner = [s.root for s in slots]
        if "part" in {s.kind for s in slots}:
            owner = [self.owner(i) for i in range(len(slots))]
        last = [-1] * len(slots)  # step at which each owner is read or written
        for n, step in enumerate(steps):
            for i in step.inputs:
                last[owner[i]] = n
            for i in step.outputs:
                last[owner[i]] = n
        for i in (*self.plan.fetches, *(s for _, s in self.plan.commits)):
            last[owner[i]] = len(steps)
        pools: dict[int, FreeList] = defaultdict(FreeList)  # shards that run side by side share no memory
        waiting: list[Slot] = []  # free at the end of the phase, as another shard's steps may still run
        phase = 0
        for n, step in enumerate(steps):
            if step.phase != phase:
                for s in waiting:
                    pools[s.shard].give(s.offset, s.nbytes)
                phase, waiting = step.phase, []
            taken = self.reuse(step, n, last) if direct else ()
            for o in step.outputs:
                whole = slots[owner[o]]
                if whole.kind == "buffer" and whole.offset < 0:
                    whole.offset = pools[whole.shard].take(whole.nbytes)
            for i in step.inputs + step.outputs:
                own = owner[i]
                if last[own] != n:
                    continue
                last[own] = -1  # it dies once
                s = slots[own]
                if s.kind != "buffer" or own in taken:
                    continue
                if s.shard == step.shard:
                    pools[step.shard].give(s.offset, s.nbytes)
                else:
                    waiting.append(s)
        self.settle(pools)

    def settle(self, pools: Mapping[int, FreeList]) -> None:
        """Put the pools behind each other in the arena, and each part into its whole."""
        slots, start = self.plan.slots, {}
        for shard, pool in sorted(pools.items()):
            start[shard] = self.plan.arena
            self.plan.arena += pool.end
        for s in slots:
            if s.kind == "buffer":
                s.offset += start[s.shard]
        for s in slots:
            part = s
            while part.kind == "part":
                s.offset = max(s.offset, 0) + part.source[1]
                part = slots[part.source[0]]
            if s.kind == "part":
                s.offset += part.offset

    def reuse(self, step: Step, n: int, last: list[int]) -> Sequence[int]:
        """Write over inputs that nobody reads after this step; returns their slots."""
        op, inputs = step.op, step.inputs
        if not op.inplace or (step.multiple and not getattr(op, "inplace_each", False)):
            return ()
        slots = self.plan.slots
        taken: list[int] = []
        for o in step.outputs:
            out = slots[o]
            if out.kind != "buffer":
                continue
            for k in op.inplace:
                if k >= len(inputs):
                    break
                x = slots[inputs[k]]
                own = x.root
                if last[own] != n or own in taken:
                    continue
                root = slots[own]
                if root.kind != "buffer" or root.shard != step.shard or root.nbytes != out.nbytes:
                    continue
                same = x.type is out.type or (x.type.dtype == out.type.dtype and x.type.shape == out.type.shape)
                if same and self.shadow[x.index].flags.c_contiguous and alone(x, inputs, slots):
                    out.offset = root.offset
                    taken.append(own)
                    break
        return taken


def alone(x: Slot, inputs: Sequence[int], slots: Sequence[Slot]) -> bool:
    """Whether no other input of a step looks at the memory of ``x``."""
    for i in inputs:  # noqa: SIM110  # a generator takes twice as long
        if i != x.index and slots[i].root == x.root:
            return False
    return True


def strided(op: Op) -> bool:
    """Whether the kernel fills rows with gaps between them as fast as any: a ufunc of NumPy does."""
    return op.fill is None if isinstance(op, Elementwise) else getattr(op, "strided", False)
