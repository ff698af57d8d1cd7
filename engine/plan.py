"""Graph -> plan: which kernel runs when, and where every value lies.

A plan is made once for given shapes. Each value gets a *slot*; slots that only look at another slot's memory are
views. Buffers whose lifetimes do not meet share memory in one arena, an op writes over an input that dies with it
where it can, and a new value of a variable is written straight into the variable where nobody reads the old one
any more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .freelist import FreeList
from .graph import Constant, Op, Tensor, toposort
from .leaves import Placeholder, Variable
from .ops.base import Elementwise, Item
from .ops.joining import Concatenate
from .ops.slicing import GetItem
from .rewrite import pieces as pieces
from .rewrite.rules import oldest_first
from .rewrite.shards import MAIN, arrange
from .types import Array, TensorType, TupleType, static

COPY_LIMIT = 16384  # bytes; smaller feeds are copied into a fixed place, larger ones are used where they lie


@dataclass(slots=True)
class Slot:
    """Where one value lies."""

    index: int
    type: TensorType
    kind: str  # constant, variable, feed, buffer, part or view
    root: int  # the slot that owns the memory
    tensor: Tensor
    dynamic: bool = False  # its memory is another one at every run
    shard: int = MAIN  # the shard that computes it
    offset: int = -1  # bytes from the start of the arena
    source: Any = None  # array of a constant, the variable, (op, input slots) of a view, or (whole, bytes) of a part
    nbytes: int = 0


@dataclass(slots=True)
class Step:
    """One kernel call."""

    op: Op
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    tensor: Tensor
    multiple: bool = False  # whether the kernel fills a tuple
    shard: int = MAIN  # the shard that it belongs to
    phase: int = 0  # steps of one phase and different shard_of may run side by side


@dataclass(frozen=True)
class Copy(Op):
    """Moves a piece into its place within a whole."""

    name = "copy"

    def kernel(self, x: Array, *, out: Array) -> None:
        np.copyto(out, x, casting="unsafe")


@dataclass
class Plan:
    """Ordered steps with their slots."""

    slots: list[Slot] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    feeds: dict[Placeholder, int] = field(default_factory=dict)
    fetches: list[int] = field(default_factory=list)
    commits: list[tuple[Variable, int]] = field(default_factory=list)  # copied after the last step
    arena: int = 0  # bytes of the arena

    @property
    def bytes_without_reuse(self) -> int:
        return sum(s.nbytes for s in self.slots if s.kind == "buffer")

    def __str__(self) -> str:
        lines = [
            f"{len(self.steps)} steps, {self.arena:,} bytes of buffers "
            f"({self.bytes_without_reuse:,} without reuse), {len(self.commits)} copies at the end"
        ]
        for i, step in enumerate(self.steps):
            ins = ", ".join(map(self.describe, step.inputs))
            outs = ", ".join(f"{self.describe(o)} {self.slots[o].type}" for o in step.outputs)
            lines.append(f"{i:4}  {outs} = {step.op.name}({ins})")
        lines += [f"      {v.name or 'variable'} <- {self.describe(s)}" for v, s in self.commits]
        return "\n".join(lines)

    def describe(self, index: int) -> str:
        s = self.slots[index]
        if s.kind == "constant" and s.type.shape == ():
            return str(s.source[()])
        name = s.tensor.name if s.kind in ("variable", "feed") else None
        place = f"@{s.offset}" if s.kind in ("buffer", "part") else f" of %{s.root}" if s.kind == "view" else ""
        return name or f"%{index}{place}"


class Planner:
    """Builds one plan; a graph comes in whose shapes are all known and which is already rewritten."""

    def __init__(
        self,
        fetches: Sequence[Tensor],
        updates: Mapping[Variable, Tensor],
        direct: bool = True,
        shard_of: Mapping[int, int] | None = None,
    ) -> None:
        self.plan = Plan()
        self.direct = direct  # else inputs outlive their step, so that an error can show them
        self.slot_of: dict[int, int] = {}
        self.parts: dict[int, tuple[int, ...]] = {}  # tensors of tuple type
        self.shadow: list[Array] = []  # untouched memory of the right strides, to ask what can be a view
        self.shadows: dict[TensorType, Array] = {}
        self.variables: dict[int, int] = {}
        order = toposort([*oldest_first(fetches), *updates.values()])
        for t, self.shard, self.phase in arrange(order, shard_of or {}):
            self.place(t)
        self.plan.fetches = [self.slot_of[t.id] for t in fetches]
        self.commit(updates, direct)
        self.join()
        self.allocate()

    def place(self, t: Tensor) -> None:
        if isinstance(t.op, Item):
            self.slot_of[t.id] = self.parts[t.inputs[0].id][t.op.index]
        elif t.op is not None:
            slot_of = self.slot_of
            inputs = tuple([slot_of[x.id] for x in t.inputs])
            views = type(t.op).view is not Op.view and isinstance(t.type, TensorType)
            if not views or not self.as_view(t, t.op, inputs):
                self.as_step(t, t.op, inputs)
        elif isinstance(t, Constant):
            self.add(t, t.type, "constant", t.array, source=t.array)
        elif isinstance(t, Variable):
            self.add(t, t.type, "variable", t.value, source=t)
        elif isinstance(t, Placeholder):
            s = self.add(t, t.type, "feed", self.shadow_of(t.type))
            s.dynamic = s.nbytes > COPY_LIMIT
            self.plan.feeds[t] = s.index

    def add(self, t: Tensor, type: TensorType, kind: str, array: Array, root: int = -1, source: Any = None) -> Slot:
        slots = self.plan.slots
        index = len(slots)
        s = Slot(index, type, kind, index if root < 0 else root, t, False, MAIN, -1, source, array.nbytes)
        slots.append(s)
        self.shadow.append(array)
        self.slot_of.setdefault(t.id, index)
        return s

    def as_view(self, t: Tensor, op: Op, inputs: tuple[int, ...]) -> bool:
        array = op.view(*(self.shadow[i] for i in inputs))
        if array is None:
            return False
        base = self.plan.slots[inputs[0]]
        s = self.add(t, t.type, "view", array, root=base.root, source=(op, inputs))
        s.dynamic = base.dynamic
        return True

    def shadow_of(self, type: TensorType) -> Array:
        """Memory of this type in C order that is never touched."""
        found = self.shadows.get(type)
        if found is None:
            found = self.shadows[type] = np.empty([static(d) for d in type.shape], type.dtype)
        return found

    def as_step(self, t: Tensor, op: Op, inputs: tuple[int, ...]) -> None:
        multiple = isinstance(t.type, TupleType)
        made = [self.add(t, type, "buffer", self.shadow_of(type)) for type in (t.type.items if multiple else (t.type,))]
        for s in made:
            s.shard = self.shard
        outputs = tuple([s.index for s in made])
        if multiple:
            self.parts[t.id] = outputs
        self.plan.steps.append(Step(op, inputs, outputs, t, multiple, self.shard, self.phase))

    def commit(self, updates: Mapping[Variable, Tensor], direct: bool) -> None:
        """Let the last op of an update write into its variable, or copy at the end where that is not safe."""
        slots, steps = self.plan.slots, self.plan.steps
        written_by = {o: n for n, step in enumerate(steps) for o in step.outputs}
        last_read = self.last_reads()
        for value in updates.values():  # an old value that is copied at the end must still be there
            root = slots[slots[self.slot_of[value.id]].root]
            if root.kind == "variable":
                last_read[memory(root)] = len(steps)
        for variable, value in updates.items():
            s = slots[self.slot_of[value.id]]
            n = written_by.get(s.index)
            if direct and n is not None and s.kind == "buffer" and self.may_write(variable, s, n, last_read):
                s.kind, s.source = "variable", variable
                last_read[memory(s)] = len(steps)  # the next update of the same memory is copied
            elif s.source is not variable:
                self.plan.commits.append((variable, s.index))

    def may_write(self, variable: Variable, s: Slot, n: int, last_read: Mapping[int, int]) -> bool:
        step, home = self.plan.steps[n], id(variable.home)
        if last_read.get(home, -1) > n or s.type.dtype != variable.dtype or s.type.shape != variable.shape:
            return False
        if s.index in self.plan.fetches and len(step.outputs) > 1:
            return False
        readers = [i for i, k in enumerate(step.inputs) if memory(self.plan.slots[self.plan.slots[k].root]) == home]
        whole = all(self.plan.slots[step.inputs[i]].source is variable for i in readers)
        return whole and all(i in step.op.inplace for i in readers)

    def last_reads(self) -> dict[int, int]:
        """Memory of a variable -> the last step that reads it; fetches and commits read at the very end."""
        slots, last = self.plan.slots, {}
        for n, step in enumerate(self.plan.steps):
            for i in step.inputs:
                last[memory(slots[slots[i].root])] = n
        for i in self.plan.fetches:
            last[memory(slots[slots[i].root])] = len(self.plan.steps)
        return last

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

    def allocate(self) -> None:
        """Give every buffer a place in the arena; a place is free again after the last step that reads it."""
        slots, steps = self.plan.slots, self.plan.steps
        last = [-1] * len(slots)
        for n, step in enumerate(steps):
            for i in (*step.inputs, *step.outputs):
                root = slots[slots[i].root]
                last[root.index] = n
                if root.kind == "part":
                    last[self.owner(i)] = n
        for i in (*self.plan.fetches, *(s for _, s in self.plan.commits)):
            last[self.owner(i)] = len(steps)
        dies: dict[int, list[int]] = {}
        for s in slots:
            if s.kind == "buffer":
                dies.setdefault(last[s.index], []).append(s.index)
        pools: dict[int, FreeList] = defaultdict(FreeList)  # shards that run side by side share no memory
        waiting: list[Slot] = []  # free at the end of the phase, as another shard's steps may still run
        phase = 0
        for n, step in enumerate(steps):
            if step.phase != phase:
                for s in waiting:
                    pools[s.shard].give(s.offset, s.nbytes)
                phase, waiting = step.phase, []
            taken = self.reuse(step, n, last)
            for o in step.outputs:
                whole = slots[slots[o].root]
                if whole.kind == "part":
                    whole = slots[self.owner(o)]
                if whole.kind == "buffer" and whole.offset < 0:
                    whole.offset = pools[whole.shard].take(whole.nbytes)
            for i in dies.get(n, ()):
                if i != taken and slots[i].shard == step.shard:
                    pools[step.shard].give(slots[i].offset, slots[i].nbytes)
                elif i != taken:
                    waiting.append(slots[i])
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

    def reuse(self, step: Step, n: int, last: list[int]) -> int:
        """Write over an input that nobody reads after this step; returns its slot, or -1."""
        slots = self.plan.slots
        out = slots[step.outputs[0]]
        if out.kind != "buffer" or step.multiple or not self.direct:
            return -1
        for k in step.op.inplace:
            if k >= len(step.inputs):
                break
            x = slots[step.inputs[k]]
            root = slots[x.root]
            if (
                root.kind == "buffer"
                and last[root.index] == n
                and root.shard == step.shard
                and (x.type is out.type or (x.type.dtype == out.type.dtype and x.type.shape == out.type.shape))
                and root.nbytes == out.nbytes
                and self.shadow[x.index].flags.c_contiguous
                and all(i == x.index for i in step.inputs if slots[i].root == x.root)
            ):
                out.offset = root.offset
                return root.index
        return -1


def strided(op: Op) -> bool:
    """Whether the kernel fills rows with gaps between them as fast as any: a ufunc of NumPy does."""
    return op.fill is None if isinstance(op, Elementwise) else getattr(op, "strided", False)


def memory(s: Slot) -> int:
    """What tells apart the memory behind a root slot: variables in one arena share it."""
    return id(s.source.home) if s.kind == "variable" else -1 - s.index


def make_plan(
    fetches: Sequence[Tensor],
    updates: Mapping[Variable, Tensor],
    direct: bool = True,
    shard_of: Mapping[int, int] | None = None,
) -> Plan:
    """The plan for tensors whose shapes are all known; ``direct=False`` commits only after the last step.

    ``shard_of`` names the shard of each tensor that is computed in one.
    """
    return Planner(fetches, updates, direct, shard_of).plan
