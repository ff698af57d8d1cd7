"""Graph -> graph: neighbouring elementwise ops of one shape become one op, wherever that closes no circle.

A group grows along the order of the graph: an op joins the groups of its inputs. What makes it impossible is a way
that leaves the group and comes back; so every group knows, as bits of an integer, which groups it depends on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from ...graph import Op, Tensor, toposort
from ...ops.base import Elementwise, Item
from ...ops.elementwise import Clip
from ...ops.logic import Where
from ...ops.quantiles import PASSES, Quantile
from ...rewrite.cost import operations
from ...types import TensorType
from .attention.launch import CompiledAttention, is_attention, scores
from .code.machine import usable
from .convolutions.direct import Direct, is_direct
from .convolutions.direct_pool import DirectPool, is_pooled, uses_of
from .elementwise.columns import COLUMNS, Columns, column_axes, is_column_sum, lone_columns
from .elementwise.frames import Frame, frame_of, frames
from .elementwise.fused import Fused, Line, Looped, Program, has_code
from .elementwise.joins import doubled
from .elementwise.rows import RowLoop
from .elementwise.standard import spelled_out
from .elementwise.sums import Summed, is_sum, kept_axes, lone
from .groups import Group, number_of
from .masks import CompiledMask, is_mask
from .products.gemv import gemv, is_gemv
from .products.narrow_gemm import NarrowGemm, is_narrow_gemm
from .products.packing import Packing
from .recompute import Recompute
from .scatter import Scatter, is_scatter
from .siblings import Siblings
from .words import CompiledWords, is_words

LEAST = 256  # elements; below, a compiled loop gains less than it takes to compile it
FEW = 2000  # tensors of a graph in which single numbers are computed in loops too, if others are worth loading kernels
SMALL = 1 << 14  # elements up to which the call of an op takes longer than its arithmetic
WORTH = 1 << 16  # elements times passes that a plan must save: llvmlite takes 50 ms to load, a kernel 10 to compile
EACH = 256  # operations of a convolution that count as one element
CALL = 2048  # elements that NumPy reads while Python makes a call
MOST_LINES = 64
MOST_OPERANDS = 20


def fusable(t: Tensor, least: int | None = None) -> bool:
    if t.op is None or type(t.op).scalar is Op.scalar or on_views(t.op) or not isinstance(t.type, TensorType):
        return False
    if not t.type.known or t.type.size < (LEAST if least is None else least):
        return False
    return has_code(t.op, tuple(x.dtype for x in t.inputs), tuple(map(number_of, t.inputs)), t.dtype)


def is_large(t: Tensor) -> bool:
    return isinstance(t.type, TensorType) and t.type.known and t.type.size >= LEAST


def on_views(op: Op | None) -> bool:
    return op is not None and type(op).aligned is not Op.aligned


def looped(t: Tensor) -> bool:
    """Whether an op is elementwise on views of its arrays, and large."""
    return on_views(t.op) and all(x.type.known for x in t.inputs) and largest(t) >= LEAST


def largest(t: Tensor) -> int:
    """Elements of the largest input."""
    sizes: list[int] = [x.type.size for x in t.inputs]
    return max(sizes)


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
        self.bits: list[Group] = []  # group of each bit
        self.depends: dict[int, int] = {}  # tensor -> groups that it depends on

    def place(self, t: Tensor) -> None:
        """Put a tensor into the groups of its inputs, a new one, or none."""
        depends = 0
        for x in t.inputs:
            depends |= self.depends[x.id]
        self.depends[t.id] = depends
        frame = self.frames.get(t.id)
        if frame is None and not self.fits(t):
            return
        shard = self.shard_of.get(t.id, 0)
        group = Group(1 << len(self.bits), shard, [t], depends, frame=frame)
        self.bits.append(group)
        for x in t.inputs:
            other = self.groups.get(x.id)
            if other is not None and other is not group and self.may_join(group, other):
                group = self.joined(other, group)
        self.groups[t.id] = group
        self.depends[t.id] = depends | group.bit

    def may_join(self, group: Group, other: Group) -> bool:
        """Whether both have one shape and shard, fit into one kernel, and no way leads out of them and back."""
        if other.shard != group.shard or other.shape != group.shape:
            return False
        if group.frame is not None and other.frame is not None and group.frame.kept != other.frame.kept:
            return False
        if len(group.members) + len(other.members) > MOST_LINES:
            return False
        both = group.bit | other.bit
        own = {m.id for m in (*group.members, *other.members)}
        outside = {x.id: x for m in (*group.members, *other.members) for x in m.inputs if x.id not in own}
        if len(outside) > MOST_OPERANDS:
            return False
        direct = 0
        for x in outside.values():
            direct |= self.depends[x.id]
        return not self.reach(direct, both) & both

    def reach(self, bits: int, within: int) -> int:
        """All groups that are needed for ``bits``; it stops as soon as it meets ``within``."""
        seen = 0
        while todo := bits & ~seen:
            if bits & within:
                break
            low = todo & -todo
            seen |= low
            bits |= self.bits[low.bit_length() - 1].needs
        return bits

    def closure(self, group: Group) -> int:
        """All groups that one depends on, by its bits of now."""
        own = {t.id for t in group.members}
        direct = 0
        for x in (x for t in group.members for x in t.inputs if x.id not in own):
            direct |= self.depends[x.id]
        return self.reach(direct, 0)

    def end(self, t: Tensor) -> None:
        """Let the group of what ``t`` sums make the sum too: whoever reads it needs the group already."""
        group = self.groups.get(t.inputs[0].id) if t.inputs else None
        if group is None or t.id in self.groups or group.shard != self.shard_of.get(t.id, 0):
            return
        kept = summed_axes(t)
        if group.frame is not None and frame_of(t) == group.frame:
            group.members.append(t)
            self.groups[t.id] = group
            return
        if kept is None or (group.frame is not None and (kept != COLUMNS or group.frame.kept != t.inputs[0].ndim - 1)):
            return
        first = group.totals[0] if group.totals else t
        if summed_axes(first) == kept and type(first.op) is type(t.op):
            group.totals.append(t)

    def joined(self, a: Group, b: Group) -> Group:
        """``b`` becomes part of ``a``."""
        a.members += b.members
        a.frame = a.frame or b.frame
        a.bit |= b.bit
        for t in b.members:
            self.groups[t.id] = a
        for n in indices(b.bit):
            self.bits[n] = a
        own = {m.id for m in a.members}
        a.needs = 0
        for m in a.members:
            for x in m.inputs:
                if x.id not in own:
                    a.needs |= self.depends[x.id]
        return a


def indices(bits: int) -> Iterator[int]:
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


def fuse(roots: Sequence[Tensor], shard_of: dict[int, int] | None = None, runs: int = 1) -> list[Tensor]:
    """``roots`` with groups of elementwise ops fused; ``shard_of`` (the shard of a tensor) learns the new ones.

    ``runs`` is how often a call of the function runs the graph. Whether to compile depends on nothing but the graph,
    so that a run repeats.
    """
    order = toposort(roots)
    if runs == 1 and len(order) > FEW and not any(map(is_large, order)):
        return list(roots)  # to look through so many again and again takes a fifth of the time to compile them
    shards = {} if shard_of is None else shard_of
    outputs = spelled_out(roots, shards)
    if runs > 1:
        outputs = doubled(outputs, shards, fusable)
    packing = Packing(outputs, shards, threads=not shards)
    order = toposort(packing.outputs)
    fuser = Fuser(shards, frames(order, partial(fusable, least=1)))
    if len(order) <= FEW and any(map(is_large, order)):
        fuser.fits = partial(fusable, least=min(LEAST, 1))
    for t in order:
        fuser.place(t)
    for t in order:
        fuser.end(t)
    if runs == 1:
        Siblings(order, packing.outputs, fuser)
    every = {id(g): g for g in fuser.groups.values()}
    groups = {n: g for n, g in every.items() if saved(g) > 0}
    others = packing.elements + sum(largest(t) for t in order if looped(t))
    others += sum(int(operations(t)) // EACH for t in order if is_direct(t))
    others += sum(t.inputs[0].type.size for t in order if is_narrow_gemm(t))
    others += sum(max(x.type.size for x in t.inputs) for t in order if is_gemv(t))
    others += sum(t.inputs[0].type.size for t in order if is_scatter(t))
    others += sum(scores(t) for t in order if is_attention(t))
    others += CALL * len(every) if runs > 1 else 0  # a turn whose calls are all compiled does not come back to Python
    if runs * (others + sum(map(saved, groups.values()))) < WORTH or not usable():
        return list(roots)
    if len(order) <= FEW:  # a compiled call joins its neighbours, where one of NumPy's stands between them
        groups.update((n, g) for n, g in every.items() if g.members[0].type.size <= SMALL)
    if runs == 1:
        Recompute(order, packing.outputs, list(groups.values()))
    members = {t.id: g for g in groups.values() for t in (*g.members, *g.totals)}
    return Builder(order, packing.outputs, members, shards).roots


def saved(group: Group) -> int:
    """Elements that NumPy would read or write once more."""
    more: int = sum(passes(t.op) for t in group.members if t.shape == group.shape) + len(group.totals) - 1
    return more * int(group.members[0].type.with_shape(group.shape).size)


# ops with a loop of their own, and what makes the compiled op of a tensor; it is told whether it may use threads
ALONE: tuple[tuple[Callable[[Tensor], bool], Callable[[Tensor, bool], Any]], ...] = (
    (looped, lambda t, threads: Looped(t.op, threads)),  # type: ignore[arg-type]
    (is_direct, lambda t, threads: Direct(t.op, threads)),  # type: ignore[arg-type]
    (is_column_sum, lone_columns),
    (is_sum, lone),
    (is_gemv, gemv),
    (is_narrow_gemm, lambda t, threads: NarrowGemm()),
    (is_scatter, lambda t, threads: Scatter(t.op)),  # type: ignore[arg-type]
    (is_words, lambda t, threads: CompiledWords(t.op, threads)),  # type: ignore[arg-type]
    (is_attention, lambda t, threads: CompiledAttention(t.op, threads)),  # type: ignore[arg-type]
)


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
        if is_mask(t):
            mask = CompiledMask(t.op, t.id not in self.shard_of)  # type: ignore[arg-type]
            return self.like(Tensor(t.type, mask, inputs), t)
        make = next((make for fits, make in ALONE if fits(t)), None)
        if make is not None:
            return self.like(Tensor(t.type, make(t, not self.shard_of), inputs), t)
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
