"""Groups of tensors that one loop computes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...graph import Constant, Tensor
from ...rewrite.rules import number
from .elementwise.frames import Frame
from .elementwise.fused import Number

SMALL = 8  # times fewer elements make an input that does not count


@dataclass(eq=False)
class Group:
    """Tensors that are to be computed in one loop."""

    shard: int
    members: list[Tensor]
    outside: dict[int, Tensor]  # what members read that is no member, by id
    totals: list[Tensor] = field(default_factory=list)  # sums of members, over the same axes
    frame: Frame | None = None  # of a loop over rows that needs their sums
    copies: list[Tensor] = field(default_factory=list)  # members of other groups that are computed here too
    dropped: set[int] = field(default_factory=set)  # members that only others compute

    @property
    def shape(self) -> Any:
        """Of the elements."""
        return self.members[0].shape if self.frame is None else self.frame.shape

    @property
    def tensors(self) -> list[Tensor]:
        """All that the loop computes but sums of columns."""
        return [*self.members, *self.copies]

    def inputs(self) -> list[Tensor]:
        """What comes from outside, numbers excepted."""
        own = {t.id for t in self.tensors}
        found = {x.id: x for t in self.tensors for x in t.inputs if x.id not in own and number_of(x) is None}
        return list(found.values())


def number_of(t: Tensor) -> Number:
    """The number that ``t`` is everywhere, exactly as its dtype holds it."""
    value = number(t)
    if value is None:
        return None
    source = t
    while not isinstance(source, Constant):
        source = source.inputs[0]
    return source.array.astype(t.dtype)[()].item()  # type: ignore[no-any-return]


def form_of(group: Group) -> Any:
    """What is equal for groups that one kernel computes, from the formulas of their elements."""
    places: dict[int, int] = {}
    lines = []
    for t in group.members:
        numbers = tuple(None if (n := number_of(x)) is None else repr(n) for x in t.inputs)
        lines.append((t.op, t.dtype, tuple(places.setdefault(x.id, len(places)) for x in t.inputs), numbers))
        places.setdefault(t.id, len(places))
    return group.frame, tuple(lines), tuple((s.op, places.get(s.inputs[0].id)) for s in group.totals)
