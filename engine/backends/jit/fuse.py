"""Graph -> graph: neighbouring elementwise ops of one shape become one op, wherever that closes no circle.

A group grows along the order of the graph: an op joins the groups of its inputs. What makes it impossible is a way
that leaves the group and comes back, which ``units`` knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from ...graph import Op, Tensor, toposort
from ...ops.base import Elementwise, Item
from ...ops.elementwise import Clip
from ...ops.logic import Where
from ...ops.quantiles import PASSES, Quantile
from ...types import TensorType
from ..policy import current
from .code.machine import usable
from .convolutions.direct_pool import DirectPool, is_pooled, uses_of
from .elementwise.columns import COLUMNS, Columns, column_axes
from .elementwise.frames import Frame, frame_of, frames
from .elementwise.fused import Fused, Line, Program, has_code
from .elementwise.joins import doubled
from .elementwise.looped import on_views
from .elementwise.rows import RowLoop
from .elementwise.standard import spelled_out
from .elementwise.sums import Summed, kept_axes
from .groups import Group, form_of, number_of
from .kernels import gain_of, kernel_of
from .products.packing import Packing
from .recompute import Recompute
from .siblings import Siblings
from .units import Units


def fusable(t: Tensor, least: int | None = None) -> bool:
    if t.op is None or type(t.op).scalar is Op.scalar or on_views(type(t.op)) or not isinstance(t.type, TensorType):
        return False
    if not t.type.known or t.type.size < (current().min_elements if least is None else least):
        return False
    return has_code(t.op, tuple(x.dtype for x in t.inputs), tuple(map(number_of, t.inputs)), t.dtype)


def is_large(t: Tensor) -> bool:
    return isinstance(t.type, TensorType) and t.type.known and t.type.size >= current().min_elements


def passes(op: Op | None) -> int:
    """How often NumPy goes through memory for an op."""
    if isinstance(op, Quantile):
        return PASSES
    return 2 if isinstance(op, Where | Clip) or (isinstance(op, Elementwise) and op.fill is not None) else 1


def summed_axes(t: Tensor) -> int | None:
    """How many first axes a sum keeps, or that it keeps the last one too (``column_axes``); None for other ops."""
    columns = column_axes(t)
    return kept_axes(t) if columns is None else columns


class Fuser:
    """Groups of one graph."""

    fits: Callable[[Tensor], bool] = staticmethod(fusable)

    def __init__(self, shard_of: dict[int, int], frames: Mapping[int, Frame] = MappingProxyType({})) -> None:
        self.shard_of, self.frames = shard_of, frames
        self.groups: dict[int, Group] = {}  # of tensors
        self.units = Units()
        self.policy = current()

    def place(self, t: Tensor) -> None:
        """Put a tensor into the groups of its inputs, a new one, or none."""
        frame = self.frames.get(t.id)
        if frame is None and not self.fits(t):
            self.units.add(t)
            return
        group = Group(self.shard_of.get(t.id, 0), [t], {x.id: x for x in t.inputs}, frame=frame)
        self.units.add(group)
        self.enter(t, group)
        for x in t.inputs:
            other = self.groups.get(x.id)
            if other is not None and other is not group:
                group = self.joined(other, group) or group

    def enter(self, t: Tensor, group: Group) -> None:
        self.groups[t.id] = group
        self.units.enter(t, group)

    def joined(self, a: Group, b: Group) -> Group | None:
        """``a`` with ``b`` as part of it, if they fit into one kernel, and no way leads out of them and back."""
        if b.shard != a.shard or len(a.members) + len(b.members) > self.policy.max_lines or b.shape != a.shape:
            return None
        if a.frame is not None and b.frame is not None and a.frame.kept != b.frame.kept:
            return None
        groups = self.groups
        outside = {n: x for g in (a, b) for n, x in g.outside.items() if groups.get(n) not in (a, b)}
        if len(outside) > self.policy.max_operands:
            return None
        low, high = (a, b) if self.units.precedes(a, b) else (b, a)
        between = self.units.between(low, high)
        if between is None:
            return None
        a.frame = a.frame or b.frame
        a.outside = outside
        for t in b.members:
            self.enter(t, a)
        for t in b.totals:
            self.units.enter(t, a)
        a.members += b.members
        a.totals += b.totals
        self.units.merge(low, high, between, a)
        return a

    def add_total(self, t: Tensor, group: Group) -> bool:
        """Let a group make a sum of what it computes or reads, unless it needs what is made of the sum."""
        if t.id in group.outside or t.id in self.units.home:
            return False
        low, high = (t, group) if self.units.precedes(t, group) else (group, t)
        between = self.units.between(low, high)
        if between is None:
            return False
        self.units.merge(low, high, between, group)
        self.units.enter(t, group)
        group.totals.append(t)
        return True

    def end(self, t: Tensor) -> None:
        """Let the group of what ``t`` sums make the sum too: whoever reads it needs the group already."""
        group = self.groups.get(t.inputs[0].id) if t.inputs else None
        if group is None or t.id in self.groups or group.shard != self.shard_of.get(t.id, 0):
            return
        kept = summed_axes(t)
        if group.frame is not None and frame_of(t) == group.frame:
            group.members.append(t)
            self.enter(t, group)
            return
        if kept is None or (group.frame is not None and (kept != COLUMNS or group.frame.kept != t.inputs[0].ndim - 1)):
            return
        first = group.totals[0] if group.totals else t
        if summed_axes(first) == kept and type(first.op) is type(t.op):
            group.totals.append(t)
            self.units.enter(t, group)


def fuse(roots: Sequence[Tensor], shard_of: dict[int, int] | None = None, runs: int = 1) -> list[Tensor]:
    """``roots`` with groups of elementwise ops fused; ``shard_of`` (the shard of a tensor) learns the new ones.

    ``runs`` is how often a call of the function runs the graph. Whether to compile depends on nothing but the graph,
    so that a run repeats.
    """
    policy = current()
    order = toposort(sorted(roots, key=lambda t: t.id))
    types = {id(t.type): t for t in order}.values()  # few, as equal types are mostly one object
    if runs == 1 and len(order) > policy.few_tensors and not any(map(is_large, types)):
        return list(roots)  # to look through so many again and again takes a fifth of the time to compile them
    shards = {} if shard_of is None else shard_of
    outputs = spelled_out(roots, shards)
    if runs > 1:
        outputs = doubled(outputs, shards, fusable)
    packing = Packing(outputs, shards, threads=not shards)
    order = toposort(packing.outputs)
    fuser = Fuser(shards, frames(order, partial(fusable, least=1)))
    if len(order) <= policy.few_tensors and any(map(is_large, order)):
        fuser.fits = partial(fusable, least=min(policy.min_elements, 1))
    for t in order:
        fuser.place(t)
    for t in order:
        fuser.end(t)
    if runs == 1:
        Siblings(order, packing.outputs, fuser)
    every = {id(g): g for g in fuser.groups.values()}
    groups = {n: g for n, g in every.items() if saved(g) > 0}
    others = packing.elements + gain_of(order)
    if runs > 1:  # a turn whose calls are all compiled does not come back to Python
        others += policy.call_elements * len(every)
    if runs * (others + sum(map(saved, groups.values()))) < policy.min_gain or not usable():
        return list(roots)
    groups = affordable(groups)
    if len(order) <= policy.few_tensors:  # a compiled call joins its neighbours, where NumPy's stands between them
        groups.update((n, g) for n, g in every.items() if g.members[0].type.size <= policy.small_elements)
    if runs == 1:
        Recompute(order, packing.outputs, list(groups.values()))
    members = {t.id: g for g in groups.values() for t in (*g.members, *g.totals)}
    return Builder(order, packing.outputs, members, shards).roots


def saved(group: Group) -> int:
    """Elements that NumPy would read or write once more."""
    more: int = sum(passes(t.op) for t in group.members if t.shape == group.shape) + len(group.totals) - 1
    return more * int(group.members[0].type.with_shape(group.shape).size)


def affordable(groups: Mapping[int, Group]) -> dict[int, Group]:
    """The groups without those that save least, where all kernels have too many lines; equal groups share theirs."""
    most = current().compiled_lines
    if sum(len(g.members) for g in groups.values()) <= most:
        return dict(groups)
    alike: dict[Any, list[int]] = {}
    for n, group in groups.items():
        alike.setdefault(form_of(group), []).append(n)
    kept: dict[int, Group] = {}
    lines = 0
    for numbers in sorted(alike.values(), key=lambda ns: -sum(saved(groups[n]) for n in ns)):
        lines += len(groups[numbers[0]].members)
        if lines > most:
            break
        kept.update((n, groups[n]) for n in numbers)
    return {n: g for n, g in groups.items() if n in kept}


def used_outside(order: Sequence[Tensor], roots: Sequence[Tensor], groups: dict[int, Group]) -> set[int]:
    """Tensors that are wanted, or read by others than the group that computes them."""
    dropped = {n for g in groups.values() for n in g.dropped}
    used = {t.id for t in roots}
    for t in order:
        group = groups.get(t.id)
        if group is None and t.id not in dropped:
            used |= {x.id for x in t.inputs}
    for group in {id(g): g for g in groups.values()}.values():
        own = {t.id for t in group.tensors}
        used |= {x.id for t in (*group.tensors, *group.totals) for x in t.inputs if x.id not in own}
    return used


class Builder:
    """Builds the graph again, groups as one op each."""

    make = Fused

    def __init__(
        self, order: Sequence[Tensor], roots: Sequence[Tensor], groups: dict[int, Group], shard_of: dict[int, int]
    ) -> None:
        self.groups, self.shard_of = groups, shard_of
        self.new: dict[int, Tensor] = {}
        self.used = used_outside(order, roots, groups)
        self.uses = uses_of(order, roots)
        stack = list(reversed(roots))
        while stack:
            t = stack[-1]
            if t.id in self.new:
                stack.pop()
                continue
            group = groups.get(t.id)
            inputs = t.inputs if group is None else group.inputs()
            missing = [x for x in inputs if x.id not in self.new]
            if missing:
                stack.extend(reversed(missing))
            elif group is None:
                self.new[t.id] = self.copy(t)
            else:
                self.fused(group, inputs)
        self.roots = [self.new[t.id] for t in roots]

    def copy(self, t: Tensor) -> Tensor:
        """``t`` on the new inputs, or itself where nothing changed."""
        inputs = tuple(self.new[x.id] for x in t.inputs)
        if is_pooled(t, self.uses, self.shard_of):
            op = DirectPool(t.inputs[0].op, t.op, not self.shard_of)  # type: ignore[arg-type]
            return self.like(Tensor(t.type, op, tuple(self.new[x.id] for x in t.inputs[0].inputs)), t)
        kernel = kernel_of(t)
        if kernel is not None:
            return self.like(Tensor(t.type, kernel.make(t.op, t, self.shard_of), inputs), t)
        if all(a is b for a, b in zip(inputs, t.inputs, strict=True)):
            return t
        return self.like(Tensor(t.type, t.op, inputs), t)

    def like(self, new: Tensor, old: Tensor) -> Tensor:
        new.name, new.place = old.name, old.place
        if old.id in self.shard_of:
            self.shard_of[new.id] = self.shard_of[old.id]
        return new

    def fused(self, group: Group, inputs: Sequence[Tensor]) -> None:
        members = toposort(group.tensors, stop={x.id for x in inputs})
        own = {t.id for t in group.tensors}
        copies = {t.id for t in group.copies}
        places = {x.id: i for i, x in enumerate(inputs)}
        lines: list[Line] = []
        for t in members:
            value = None if t.id in own else number_of(t)
            if t.id not in own and value is None:
                continue  # what a number is broadcast from
            places[t.id] = len(inputs) + len(lines)
            if value is not None:
                lines.append(Line(None, (), t.dtype, value, repr(value)))
            else:
                lines.append(Line(t.op, tuple(places[x.id] for x in t.inputs), t.dtype))
        results = [t for t in members if t.id in own - copies and t.id in self.used]
        wanted = [places[t.id] for t in (*results, *(s.inputs[0] for s in group.totals))]
        fold = group.totals[0].op.name if group.totals else "sum"  # type: ignore[union-attr]
        program = Program(tuple(x.dtype for x in inputs), tuple(lines), tuple(wanted), len(group.totals), fold)
        op = self.make(program, group.shape, not self.shard_of)
        if group.frame is not None:
            single = tuple(t.id not in own or group.frame.is_single(t) for t in members if t.id in places)
            types = tuple(t.type for t in (*results, *group.totals))
            op = RowLoop(program, op.shape, op.threads, group.frame, single, types)
        elif group.totals:
            types, kept = tuple(s.type for s in group.totals), summed_axes(group.totals[0]) or 0
            op = (Columns if kept < 0 else Summed)(program, op.shape, op.threads, kept, types)
        made = op.outputs(*(self.new[x.id] for x in inputs))
        whole = made[0].inputs[0] if isinstance(made[0].op, Item) else made[0]
        self.like(whole, members[-1])
        for t, new in zip((*results, *group.totals), made, strict=True):
            self.new[t.id] = self.like(new, t)
