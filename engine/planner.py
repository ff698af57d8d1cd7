"""Graph -> plan: every tensor becomes a view or a step, in an order in which inputs come first.

A new value of a variable is written straight into the variable where nobody reads the old one any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .graph import Constant, Op, Tensor, toposort
from .leaves import Placeholder, Variable
from .memory import Memory
from .ops.base import Item
from .plan import Plan, Slot, Step
from .rewrite import pieces as pieces
from .rewrite import shards_of_writing as shards_of_writing
from .rewrite.rewriter import oldest_first
from .rewrite.shards import MAIN, arrange
from .types import Array, TensorType, TupleType

COPY_LIMIT = 16384  # bytes; smaller feeds are copied into a fixed place, larger ones are used where they lie


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
        self.memory = Memory(self.plan)
        self.slot_of: dict[int, int] = {}
        self.parts: dict[int, tuple[int, ...]] = {}  # tensors of tuple type
        order = toposort([*oldest_first(fetches), *updates.values()])
        self.shard, self.phase = MAIN, 0
        if not shard_of:
            for t in order:
                self.place(t)
        for t, self.shard, self.phase in arrange(order, shard_of) if shard_of else ():
            self.place(t)
        self.plan.fetches = [self.slot_of[t.id] for t in fetches]
        self.commit(updates, direct)
        self.memory.join()
        self.memory.allocate(direct)  # else inputs outlive their step, so that an error can show them

    def place(self, t: Tensor) -> None:
        op = t.op
        if isinstance(op, Item):
            self.slot_of[t.id] = self.parts[t.inputs[0].id][op.index]
        elif op is not None:
            slot_of = self.slot_of
            inputs = tuple([slot_of[x.id] for x in t.inputs])
            if type(t.type) is TupleType:
                self.as_steps(t, op, inputs)
            elif type(op).view is Op.view or not self.as_view(t, op, inputs):
                slot_of[t.id] = index = self.memory.buffer(t, self.shard)
                self.plan.steps.append(Step(op, inputs, (index,), t, False, self.shard, self.phase))
        elif isinstance(t, Constant):
            self.add(t, t.type, "constant", t.array, source=t.array)
        elif isinstance(t, Variable):
            self.add(t, t.type, "variable", t.value, source=t)
        elif isinstance(t, Placeholder):
            s = self.add(t, t.type, "feed", self.memory.shadow_of(t.type))
            s.dynamic = s.nbytes > COPY_LIMIT
            self.plan.feeds[t] = s.index

    def add(self, t: Tensor, type: TensorType, kind: str, array: Array, root: int = -1, source: Any = None) -> Slot:
        s = self.memory.add(t, type, kind, array, root, source)
        self.slot_of.setdefault(t.id, s.index)
        return s

    def as_view(self, t: Tensor, op: Op, inputs: tuple[int, ...]) -> bool:
        array = op.view(*(self.memory.shadow[i] for i in inputs))
        if array is None:
            return False
        base = self.plan.slots[inputs[0]]
        s = self.add(t, t.type, "view", array, root=base.root, source=(op, inputs))
        s.dynamic = base.dynamic
        return True

    def as_steps(self, t: Tensor, op: Op, inputs: tuple[int, ...]) -> None:
        """A step that fills a tuple."""
        made = [self.add(t, type, "buffer", self.memory.shadow_of(type)) for type in t.type.items]
        for s in made:
            s.shard = self.shard
        self.parts[t.id] = outputs = tuple([s.index for s in made])
        self.plan.steps.append(Step(op, inputs, outputs, t, True, self.shard, self.phase))

    def commit(self, updates: Mapping[Variable, Tensor], direct: bool) -> None:
        """Let the last op of an update write into its variable, or copy at the end where that is not safe."""
        slots, steps = self.plan.slots, self.plan.steps
        if not updates:
            return
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
