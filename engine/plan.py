"""What a plan is: which kernel runs when, and where every value lies.

A plan is made once for given shapes. Each value gets a *slot*; slots that only look at another slot's memory are
views. ``planner`` makes one, ``memory`` lays its buffers out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .graph import Op, Tensor
from .leaves import Placeholder, Variable
from .rewrite.shards import MAIN
from .types import TensorType


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
