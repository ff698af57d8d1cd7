"""How a loop runs: one plan for a turn, and a call without arguments for every kernel of every turn.

A turn writes its results straight where they are read next: into the carry of the following turn, into its row of
a stacked output. As these places are known before, long lists of bound calls are all that is left to run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from ..graph import Tensor
from ..leaves import Variable
from ..ops.arrays import Reshape
from ..ops.matmul import MatMul
from ..ops.program import joined
from ..plan import Plan
from ..planner import Planner
from ..rewrite.rewriter import simplify
from ..types import Array, static

if TYPE_CHECKING:
    from .scan import Body, Output

Call = Callable[[], Any]
Fusion: TypeAlias = "Callable[[Sequence[Tensor], dict[int, int] | None, int], list[Tensor]]"
TURNS = 32  # a guess, for what is worth compiling
LONG = 4  # turns for which a copy of a factor pays
KEEP = 50_000  # bound calls that are kept; in longer loops every turn is bound again when it runs


def unfused(roots: Sequence[Tensor], shard_of: dict[int, int] | None, runs: int) -> list[Tensor]:
    return list(roots)


class TurnPlanner(Planner):
    """Plans one turn; values that leave it lie outside of its arena, except those that are only added up."""

    fusion: ClassVar[Fusion] = staticmethod(unfused)  # what compiles the ops of a turn, given by who runs functions

    def __init__(self, fetches: Sequence[Tensor], leaving: int) -> None:
        self.leaving = leaving
        super().__init__(fetches, {})

    def commit(self, updates: Mapping[Variable, Tensor], direct: bool) -> None:
        written = {o for step in self.plan.steps for o in step.outputs}
        for i in self.plan.fetches[: self.leaving]:
            if i in written:
                self.plan.slots[i].kind = "out"


@dataclass(frozen=True)
class LoopPlan:
    """A turn's plan and what its slots mean."""

    plan: Plan
    body: Body
    outputs: tuple[Output, ...]
    inputs: tuple[int, ...]  # slot of each input of the body, -1 where it is not read
    nexts: tuple[int, ...]
    emits: tuple[tuple[int, int], ...]  # (slot, position among the outputs)
    totals: tuple[tuple[int, int], ...]


def plan_body(body: Body, outputs: tuple[Output, ...]) -> LoopPlan:
    """The plan of one turn of a body whose shapes are known, for some of its outputs."""
    places = {kind: [i for i, o in enumerate(outputs) if o[0] == kind] for kind in ("emit", "total")}
    fetches = [*body.nexts, *(body.made(outputs[i]) for kind in ("emit", "total") for i in places[kind])]
    n, m = len(body.nexts), len(places["emit"])
    made = simplify(fetches)
    shard_of = dict.fromkeys((t.id for t in made), 0) if body.sharded else None  # so that kernels keep to one thread
    plan = TurnPlanner(TurnPlanner.fusion(made, shard_of, TURNS), n + m).plan
    slots = plan.fetches
    return LoopPlan(
        plan, body, outputs,
        tuple(plan.feeds.get(p, -1) for p in body.inputs),
        tuple(slots[:n]),
        tuple(zip(slots[n : n + m], places["emit"], strict=True)),
        tuple(zip(slots[n + m :], places["total"], strict=True)),
    )  # fmt: skip


class Loop:
    """A loop with its memory, for fixed arrays; ``run`` is one pass over all turns."""

    def __init__(self, turn: LoopPlan, inputs: Sequence[Array], out: Any, length: int, reverse: bool) -> None:
        self.turn, self.length, self.reverse, self.out = turn, length, reverse, out
        n, m = len(turn.body.carries), len(turn.body.elements)
        self.copies: list[tuple[Array, Array]] = []  # of what is read in another order than it lies in
        read = [x if k < n else self.as_planned(k, x, k < n + m) for k, x in enumerate(inputs)]
        self.inits, self.stacks, shared = read[:n], read[n : n + m], read[n + m :]
        self.carries = [self.carry(i) for i in range(n)]
        self.finals = [(out[k], self.place(i, length)) for k, (kind, i) in enumerate(turn.outputs) if kind == "final"]
        self.totals = [out[k] for _, k in turn.totals]
        self.values: list[Any] = self.fixed_values(shared)
        self.varying = self.find_varying()
        slots = turn.plan.slots
        self.views = [s for s in slots if s.kind == "view" and s.index in self.varying]
        for s in slots:
            if s.kind == "view" and s.index not in self.varying:
                self.values[s.index] = self.look(s)
        if length >= LONG:
            self.copy_transposes()
        steps = turn.plan.steps
        self.fixed = {
            k: self.bind(step) for k, step in enumerate(steps) if self.varying.isdisjoint((*step.inputs, *step.outputs))
        }
        keep = (len(steps) - len(self.fixed) + 1) * length <= KEEP
        self.calls = [call for _, call in joined([*self.every_turn()])] if keep else None

    def carry(self, i: int) -> tuple[Array, bool]:
        """Memory of a carry: its trace, or two places by turns."""
        k = next((k for k, o in enumerate(self.turn.outputs) if o == ("trace", i)), None)
        if k is not None:
            return self.out[k], True
        type = self.turn.body.carries[i].type
        return np.empty((2, *type.shape), type.dtype), False

    def place(self, i: int, n: int) -> Array:
        """Where carry ``i`` lies before turn ``n``."""
        memory, trace = self.carries[i]
        row = n % 2 if not trace else self.length - n if self.reverse else n
        return memory[row, ...]

    def fixed_values(self, shared: Sequence[Array]) -> list[Any]:
        """Memory of the slots that is the same in all turns."""
        plan = self.turn.plan
        arena = np.empty(plan.arena, np.uint8)
        values: list[Any] = [None] * len(plan.slots)
        places: dict[Any, Array] = {}  # one array a place, as in the executor of a whole plan
        for s in plan.slots:
            if s.kind == "constant":
                values[s.index] = s.source
            elif s.kind in ("buffer", "part"):
                shape, dtype = tuple(map(static, s.type.shape)), s.type.dtype
                place = np.ndarray(shape, dtype, arena, s.offset)
                values[s.index] = places.setdefault((shape, dtype, s.offset), place)
        for slot, array in zip(self.turn.inputs[len(self.inits) + len(self.stacks) :], shared, strict=True):
            if slot >= 0:
                values[slot] = array
        return values

    def find_varying(self) -> set[int]:
        """Slots whose memory is another one in every turn."""
        roots = {i for i in self.turn.inputs[: len(self.inits) + len(self.stacks)] if i >= 0}
        slots = self.turn.plan.slots
        roots |= {s.index for s in slots if s.kind == "out"}
        return {s.index for s in slots if s.root in roots}

    def as_planned(self, k: int, x: Array, stacked: bool) -> Array:
        """Input ``k``, or a copy where a turn reshapes what has gaps: the plan took it for an array without."""
        views = [s for s in self.turn.plan.slots if s.kind == "view" and s.root == self.turn.inputs[k]]
        if (x[:1] if stacked else x).flags.c_contiguous or not any(isinstance(s.source[0], Reshape) for s in views):
            return x
        self.copies.append((np.empty(x.shape, x.dtype), x))
        return self.copies[-1][0]

    def copy_transposes(self) -> None:
        """Copy what every turn multiplies by and sees transposed: products of rows read it faster.

        What a turn makes itself is another matrix in every turn, though it lies in one place.
        """
        slots = self.turn.plan.slots
        for step in self.turn.plan.steps:
            for i in step.inputs if isinstance(step.op, MatMul) else ():
                original = self.values[i]
                made = slots[slots[i].root].kind in ("buffer", "part")
                if i not in self.varying and not made and not original.flags.c_contiguous:
                    self.values[i] = np.empty(original.shape, original.dtype)
                    self.copies.append((self.values[i], original))

    def look(self, s: Any) -> Array:
        op, inputs = s.source
        return op.view(*(self.values[i] for i in inputs))  # type: ignore[no-any-return]

    def bind(self, step: Any) -> Call:
        outputs = tuple(self.values[o] for o in step.outputs)
        return step.op.bind([self.values[i] for i in step.inputs], outputs if step.multiple else outputs[0])  # type: ignore[no-any-return]

    def every_turn(self) -> Iterator[Call]:
        """The calls of all turns, in order."""
        for n in range(self.length):
            ends = self.move(n)
            for k, step in enumerate(self.turn.plan.steps):
                yield self.fixed.get(k) or self.bind(step)
            yield from ends

    def culprit(self) -> str | None:
        """The first step of a turn that makes a NaN or infinity; the loop is run once more to find it."""
        self.start()
        for n in range(self.length):
            ends = self.move(n)
            for step in self.turn.plan.steps:
                self.bind(step)()
                for value in (self.values[o] for o in step.outputs):
                    if value.dtype.kind == "f" and not np.isfinite(value).all():
                        return f"{step.op.name} in turn {n}, built at {step.tensor.origin}"
            for end in ends:
                end()
        return None

    def move(self, n: int) -> list[Call]:
        """Point the slots to the memory of turn ``n``; what is left to copy or add at its end."""
        t = self.length - 1 - n if self.reverse else n
        turn, values = self.turn, self.values
        reads = [self.place(i, n) for i in range(len(self.inits))] + [stack[t, ...] for stack in self.stacks]
        for slot, place in zip(turn.inputs, reads, strict=False):
            if slot >= 0:
                values[slot] = place
        ends = [(slot, self.place(i, n + 1)) for i, slot in enumerate(turn.nexts)]
        ends += [(slot, self.out[k][t, ...]) for slot, k in turn.emits]
        taken: set[int] = set()
        copies = []
        for slot, place in ends:
            if turn.plan.slots[slot].kind == "out" and slot not in taken:
                taken.add(slot)
                values[slot] = place
            else:
                copies.append((slot, place))
        for s in self.views:
            values[s.index] = self.look(s)
        calls: list[Call] = [partial(np.copyto, place, values[slot]) for slot, place in copies]
        return calls + [
            partial(np.add, total, values[slot], total)
            for (slot, _), total in zip(turn.totals, self.totals, strict=True)
        ]

    def start(self) -> None:
        """The first carries, and nothing added up."""
        for i, init in enumerate(self.inits):
            self.place(i, 0)[...] = init
        for total in self.totals:
            total[...] = 0
        for copy, original in self.copies:
            copy[...] = original

    def run(self) -> None:
        """All turns, from the first carries to the final ones."""
        self.start()
        calls: Iterable[Call] = self.every_turn() if self.calls is None else self.calls
        for call in calls:
            call()
        for place, value in self.finals:
            place[...] = value
