"""An order of the units of a graph in which each stands before those that read it, kept while units become one.

A unit is a group of tensors that one loop computes, or a tensor by itself. Two of them may become one unless a way
leads from the one through others to the other. Such a way runs through units that stand between them, so that only
those are looked at; and only what the later one needs has to move, to right behind the earlier one (after Pearce and
Kelly, A Dynamic Topological Sort Algorithm for Directed Acyclic Graphs, 2006).
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import TypeAlias

from ...graph import Tensor
from .groups import Group

Unit: TypeAlias = "Group | Tensor"
Label: TypeAlias = "tuple[int, ...]"  # compared as words are: what is put behind (3,) is (3, 0), (3, 1) and so on
MAX_UNITS = 2048  # that are looked at for a way; if there are more between two units, they stay two
MAX_LABEL = 32  # numbers of a label, before all are made anew


class Units:
    """The units of one graph, to which they are added inputs first."""

    def __init__(self) -> None:
        self.home: dict[int, Group] = {}  # of the tensors that are in a group
        self.labels: dict[Unit, Label] = {}
        self.added = 0

    def add(self, unit: Unit) -> None:
        """Put a unit behind all others."""
        self.labels[unit] = (self.added,)
        self.added += 1

    def enter(self, t: Tensor, group: Group) -> None:
        """Let ``t``, which reads nothing but members of the group, be a part of it."""
        self.labels.pop(t, None)
        self.home[t.id] = group

    def precedes(self, a: Unit, b: Unit) -> bool:
        return self.labels[a] < self.labels[b]

    def between(self, low: Unit, high: Unit) -> list[Unit] | None:
        """What ``high`` needs of the units that stand between both, in order.

        None if one of them needs ``low``, or if they are too many to say.
        """
        home, labels = self.home, self.labels
        first = labels[low]
        seen = {low, high}
        heap: list[tuple[Label, Unit]] = []  # the earliest first: if there is a way, it soon ends in ``low``
        met: list[tuple[Label, Unit]] = []
        unit = high
        while True:
            for x in read_by(unit):
                y = home.get(x.id, x)
                if y is low and unit is not high:
                    return None
                if y not in seen and (label := labels[y]) > first:
                    seen.add(y)
                    heappush(heap, (label, y))
            if not heap:
                return [y for _, y in sorted(met)]  # no two labels are equal
            met.append(heappop(heap))
            if len(met) > MAX_UNITS:
                return None
            unit = met[-1][1]

    def merge(self, low: Unit, high: Unit, between: Iterable[Unit], merged: Group) -> None:
        """Put ``between`` and then ``merged``, which is what both units become, in the place of ``low``."""
        labels = self.labels
        base = labels.pop(low)
        del labels[high]
        label, n = base, 0
        for unit in between:
            labels[unit] = (*base, n)
            n += 1
        labels[merged] = label = (*base, n) if n else base
        if len(label) > MAX_LABEL:
            for i, unit in enumerate(sorted(labels, key=labels.__getitem__)):
                labels[unit] = (i,)
            self.added = len(labels)


def read_by(unit: Unit) -> Iterable[Tensor]:
    """The tensors that a unit reads, none of them its own."""
    return unit.inputs if isinstance(unit, Tensor) else unit.outside.values()
