"""What is cheap is computed again where it is read, instead of written and read: by that the memory of a loop is saved.

A loop that normalizes need not store what its gradient reads if that follows, element by element, from an array that
is there anyway: a few operations cost less than to go through memory. No array lives longer than others go by it.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...frozen import frozen
from ...graph import Tensor
from ...types import TensorType
from ..policy import current
from .elementwise.frames import users_of
from .groups import SMALL, Group, number_of

CHEAP = frozenset({
    "add", "subtract", "multiply", "divide", "negative", "square", "where", "keep", "relu", "maximum", "minimum",
    "greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "logical_and", "logical_or", "logical_not",
})  # fmt: skip
MOST = 8  # operations that are done again for one result
MOST_LINES = 64  # of a group


@frozen
class Again:
    """A result that can be computed again: the tensors on the way, itself last, and the large ones they begin with."""

    result: Tensor
    way: list[Tensor]
    starts: list[Tensor]


class Recompute:
    """Lets groups compute what others would store for them."""

    def __init__(self, order: Sequence[Tensor], roots: Sequence[Tensor], groups: Sequence[Group]) -> None:
        self.least = current().recomputed_elements
        self.home = {t.id: g for g in groups for t in (*g.members, *g.totals)}
        self.users = users_of(order)
        self.last = {t.id: len(order) for t in roots}
        for n, t in enumerate(order):
            for x in t.inputs:
                self.last[x.id] = max(self.last.get(x.id, 0), n)
        self.roots = {t.id for t in roots}
        place = {t.id: n for n, t in enumerate(order)}
        for group in sorted(groups, key=lambda g: min(place[t.id] for t in g.members)):
            self.relieve(group)

    def relieve(self, group: Group) -> None:
        """Take from a group the results that its readers can compute."""
        found = [again for t in group.members if (again := self.again(t, group)) is not None]
        found = self.chosen(found)
        for again in found:
            for reader in self.readers(again.result, group):
                own = {t.id for t in reader.tensors}
                reader.copies += [t for t in again.way if t.id not in own]
            for t in again.starts:
                self.last[t.id] = max(self.last[t.id], self.last[again.result.id])
        self.drop(group, {again.result.id for again in found})

    def chosen(self, found: Sequence[Again]) -> list[Again]:
        """Those of the results that are worth it: all but what costs more than it saves, or as many as pay."""
        best = list(found)
        if self.gain(best) is None:
            best = []
            for again in found:
                if self.gain([*best, again]) is not None:
                    best.append(again)
        for again in found:
            others = [a for a in best if a is not again]
            less, now = self.gain(others), self.gain(best)
            if again in best and less is not None and now is not None and less > now:
                best = others
        return best

    def readers(self, t: Tensor, group: Group) -> list[Group]:
        """The other groups that read a result."""
        found = {id(g): g for u in self.users.get(t.id, ()) if (g := self.home.get(u.id)) not in (None, group)}
        return list(found.values())

    def stored(self, t: Tensor) -> bool:
        """Whether somebody reads a tensor who cannot compute it."""
        return t.id in self.roots or any(u.id not in self.home for u in self.users.get(t.id, ()))

    def again(self, t: Tensor, group: Group) -> Again | None:
        """How other groups can compute a member of this one, if they are all that read it."""
        readers = self.readers(t, group)
        if t.shape != group.shape or t.type.size < self.least or self.stored(t) or not readers:
            return None
        if any(g.shard != group.shard for g in readers):
            return None
        found = [a for a in (self.way(t, group, False), self.way(t, group, True)) if a is not None]
        found = [a for a in found if all(len(g.tensors) + len(a.way) <= MOST_LINES for g in readers)]
        return min(found, key=lambda a: sum(map(nbytes, a.starts)), default=None)

    def way(self, t: Tensor, group: Group, short: bool) -> Again | None:
        """The way to a result from what the group reads; a ``short`` one begins with what is stored anyway."""
        own = {x.id: x for x in group.tensors}
        way: dict[int, Tensor] = {}
        starts: dict[int, Tensor] = {}
        todo = [t]
        while todo:
            x = todo.pop()
            if x.id in way:
                continue
            if x.op is None or x.op.name not in CHEAP or len(way) == MOST:
                return None
            way[x.id] = x
            for y in x.inputs:
                if number_of(y) is not None or y.type.size * SMALL <= t.type.size:
                    continue
                if y.id in own and y.shape == group.shape and not (short and self.stored(y)):
                    todo.append(y)
                else:
                    starts[y.id] = y
        return Again(t, list(way.values()), list(starts.values()))

    def gain(self, found: Sequence[Again]) -> int | None:
        """Bytes that go to and fro no longer; None where there is no gain, or where more are held at a time."""
        if not found:
            return 0
        saved, more = 0, 0
        new: dict[int, dict[int, Tensor]] = {}
        groups: dict[int, Group] = {}
        for again in found:
            readers = self.readers(again.result, self.home[again.result.id])
            saved += nbytes(again.result) * (1 + len(readers))
            for g in readers:
                groups[id(g)] = g
                new.setdefault(id(g), {}).update((x.id, x) for x in again.starts)
        for n, starts in new.items():
            known = {x.id for x in groups[n].inputs()}
            more += sum(nbytes(x) for x in starts.values() if x.id not in known)
        end = max(self.last[again.result.id] for again in found)
        longer = {x.id: x for again in found for x in again.starts if self.last[x.id] < end}
        held = sum(map(nbytes, longer.values())) - sum(nbytes(again.result) for again in found)
        return saved - more if more <= saved and held <= 0 else None

    def drop(self, group: Group, results: set[int]) -> None:
        """Leave out members that only others compute now."""
        while True:
            read = {x.id for t in (*group.members, *group.copies, *group.totals) for x in t.inputs}
            idle = [t for t in group.members if t.id in results and t.id not in read]
            if not idle:
                return
            for t in idle:
                group.members.remove(t)
                group.dropped.add(t.id)
                del self.home[t.id]
                results |= {x.id for x in t.inputs if self.only_for(x, group)}

    def only_for(self, t: Tensor, group: Group) -> bool:
        """Whether a member is read by dropped ones alone."""
        return all(u.id in group.dropped for u in self.users[t.id]) and t.id not in self.roots


def nbytes(t: Tensor) -> int:
    return int(t.type.nbytes) if isinstance(t.type, TensorType) else 0
