"""Sums of columns join a loop that reads what they add: it need not be read again, nor kept until then.

The gradients of scale and offset of a normalization are such sums: their inputs are those of its gradient, but neither
reads the other. A plan would make them last, as nobody but the optimizer waits for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ...graph import Tensor
from .elementwise.columns import COLUMNS, column_axes
from .elementwise.frames import users_of
from .groups import SMALL, Group, number_of


class Fuser(Protocol):
    """What knows the groups, and what they can become."""

    groups: dict[int, Group]
    shard_of: dict[int, int]

    def joined(self, a: Group, b: Group) -> Group | None: ...
    def add_total(self, t: Tensor, group: Group) -> bool: ...


class Siblings:
    """Lets loops make sums of columns of what they read."""

    def __init__(self, order: Sequence[Tensor], roots: Sequence[Tensor], fuser: Fuser) -> None:
        self.fuser = fuser
        self.roots = {t.id for t in roots}
        self.users = users_of(order)
        for t in order:
            if column_axes(t) == COLUMNS:
                self.place(t)

    def place(self, t: Tensor) -> None:
        """Find a loop for a sum that has none, or for one whose loop does nothing else."""
        x = t.inputs[0]
        own = self.fuser.groups.get(x.id)
        if own is None:
            for group in self.readers([x]):
                if self.takes(group, x, self.fuser.shard_of.get(t.id, 0)) and self.fuser.add_total(t, group):
                    return
        elif t in own.totals and self.only_sums(own):
            large = [y for y in own.inputs() if y.type.size * SMALL > x.type.size]
            for group in self.readers(large) if large else ():
                if group is not own and self.takes(group, x, own.shard) and self.fuser.joined(group, own) is not None:
                    return

    def readers(self, inputs: Sequence[Tensor]) -> list[Group]:
        """The groups that read or compute all of some tensors."""
        found = {id(g): g for u in self.users.get(inputs[0].id, ()) if (g := self.fuser.groups.get(u.id)) is not None}
        if (home := self.fuser.groups.get(inputs[0].id)) is not None:
            found[id(home)] = home
        wanted = {x.id for x in inputs}
        return [g for g in found.values() if wanted <= {x.id for t in g.members for x in (t, *t.inputs)}]

    def takes(self, group: Group, x: Tensor, shard: int) -> bool:
        """Whether a group can sum columns of an array like ``x``."""
        fits = group.shape == x.shape and group.shard == shard and all(column_axes(s) == COLUMNS for s in group.totals)
        return fits and (group.frame is None or group.frame.kept == x.ndim - 1)

    def only_sums(self, group: Group) -> bool:
        """Whether nobody reads what a group computes but its sums of columns."""
        inside = {t.id for t in (*group.members, *group.totals)}
        return (
            group.frame is None
            and all(column_axes(s) == COLUMNS for s in group.totals)
            and all(t.id not in self.roots and number_of(t) is None for t in group.members)
            and all(u.id in inside for t in group.members for u in self.users.get(t.id, ()))
        )
