"""Graph -> graph: products read their right matrix packed, where they are large or a loop repeats them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

from ....graph import Tensor, toposort
from ....leaves import Placeholder
from ....loops.scan import Scan
from ....ops import elementwise as ew
from ....ops.arrays import Reshape, Transpose
from ....ops.base import Item
from ....ops.matmul import MatMul
from ....rewrite.cost import operations
from ....types import static
from ..code.machine import register_width
from .gemm_kernel import GemmKernel
from .panels import Pack

LEAST = 8  # elements along each side of a matrix; smaller ones are multiplied as fast without
TURNS = 4  # of a loop; in shorter ones packing takes as long as it saves
ROWS, COLUMNS = 32, 32  # of a product that is worth packing its matrix
LARGE = 1 << 18  # operations of such a product; from here on BLAS takes a tenth to a half longer
WIDE = 64  # bytes of a register
MOST = 1 << 24  # bytes of a matrix that is packed whole; a BLAS packs larger ones in parts, and needs less memory
EACH = 1024  # operations that count as one element that is read once less


def is_product(t: Tensor) -> bool:
    """Whether ``t`` is a product of floats of one dtype with a matrix that is worth packing."""
    if not isinstance(t.op, MatMul) or t.inputs[1].ndim != 2 or not all(x.type.known for x in t.inputs):
        return False
    fits = t.dtype.name in ("float32", "float64") and all(x.dtype == t.dtype for x in t.inputs)
    return fits and min(map(static, t.inputs[1].shape)) >= LEAST


class Packing:
    """The products of one graph; ``shard_of`` (the shard of a tensor) learns the new ones."""

    def __init__(self, outputs: Sequence[Tensor], shard_of: dict[int, int], threads: bool) -> None:
        self.shard_of, self.threads = shard_of, threads
        self.packed: dict[Any, Tensor] = {}
        self.elements = 0  # that are read once less
        order = toposort(outputs)
        starts = self.starts(order, outputs)
        inner = {product.id for product, _ in starts.values()}
        self.new: dict[int, Tensor] = {}
        for t in order:
            if t.id not in inner:
                self.new[t.id] = self.made(t, *starts.get(t.id, (t, None)))
        self.outputs = [self.new[t.id] for t in outputs]

    def chosen(self, t: Tensor) -> bool:
        """Whether the matrix of a product is packed for it: where registers are wide, that was faster than a BLAS."""
        if not is_product(t) or operations(t) < LARGE or register_width() < WIDE or t.inputs[1].type.nbytes > MOST:
            return False
        return prod(map(static, t.shape[:-1])) >= ROWS and static(t.shape[-1]) >= COLUMNS

    def starts(self, order: Sequence[Tensor], outputs: Sequence[Tensor]) -> dict[int, tuple[Tensor, Tensor]]:
        """Sums -> the product that is only read by it, and what is added, with which its own sums begin."""
        uses = Counter(x.id for t in order for x in t.inputs)
        uses.update(t.id for t in outputs)
        found = {}
        for t in order:
            for x, other in (t.inputs, t.inputs[::-1]) if t.op == ew.add else ():
                alone = uses[x.id] == 1 and self.shard_of.get(x.id) == self.shard_of.get(t.id)
                fits = other.shape in (x.shape, x.shape[-1:]) and other.dtype == x.dtype
                if alone and fits and self.chosen(x):
                    found[t.id] = x, other
        return found

    def made(self, t: Tensor, product: Tensor, start: Tensor | None) -> Tensor:
        """``t`` on the new inputs; as a product with a packed matrix, plus ``start``, if that is what it is."""
        if self.chosen(product):
            a, w = product.inputs
            self.elements += int(operations(product)) // EACH
            op = GemmKernel(static(w.shape[1]), self.threads)
            first = [] if start is None else [self.new[start.id]]
            return self.like(op(self.new[a.id], self.pack(w), *first), t)
        inputs = [self.new[x.id] for x in t.inputs]
        if isinstance(t.op, Scan) and (turn := Turn.of(t, self.threads)) is not None:
            self.elements += turn.saved
            return self.like(turn.loop(t, inputs, [self.pack(w) for w in turn.given(t.inputs)]), t)
        return t if all(a is b for a, b in zip(inputs, t.inputs, strict=True)) else self.like(t.on(inputs), t)

    def pack(self, w: Tensor) -> Tensor:
        """A matrix of the old graph in panels, once for all that multiply by it."""
        key = identity(w)
        if key not in self.packed:
            self.packed[key] = self.like(Pack(self.threads)(self.new[w.id]), w)
        return self.packed[key]

    def like(self, new: Tensor, old: Tensor) -> Tensor:
        """``new`` at the place of ``old``."""
        made = Tensor(new.type, new.op, new.inputs, old.place, old.name)
        if old.id in self.shard_of:
            self.shard_of[made.id] = self.shard_of[old.id]
        return made


def identity(t: Tensor) -> Any:
    """What is equal for equal views of one tensor."""
    return (t.op, *map(identity, t.inputs)) if isinstance(t.op, Reshape | Transpose | Item) else t.id


class Turn(Packing):
    """The products of one turn of a loop with matrices that all turns share."""

    def __init__(self, op: Scan, turns: int, factors: Sequence[Tensor], threads: bool) -> None:
        self.op = op
        self.panels = {w.id: Placeholder(Pack().infer(w.type)) for w in factors}
        self.saved = turns * sum(int(w.type.size) for w in factors)
        super().__init__(op.body.results, {}, threads)

    @classmethod
    def of(cls, t: Tensor, threads: bool) -> Turn | None:
        """The turn of a loop whose shapes are known, and which runs long enough."""
        types = [x.type for x in t.inputs]
        turns = t.op.turns(*types) if isinstance(t.op, Scan) and all(x.known for x in types) else 0
        if not isinstance(t.op, Scan) or not turns or turns < TURNS:
            return None
        op = replace(t.op, body=t.op.turn(types))
        shared = {p.id for p in op.body.shared}
        found = [x.inputs[1] for x in toposort(op.body.results) if is_product(x)]
        factors = list({w.id: w for w in found if w.id in shared}.values())
        return cls(op, turns, factors, threads and not op.body.sharded) if factors else None

    def chosen(self, t: Tensor) -> bool:
        return is_product(t) and t.inputs[1].id in self.panels

    def pack(self, w: Tensor) -> Tensor:
        return self.panels[w.id] if w.id in self.panels else super().pack(w)

    def given(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """The inputs of the loop that are its matrices."""
        return [x for p, x in zip(self.op.body.inputs, inputs, strict=True) if p.id in self.panels]

    def loop(self, t: Tensor, inputs: Sequence[Tensor], packed: Sequence[Tensor]) -> Tensor:
        """The loop ``t`` on ``inputs`` and its matrices in panels."""
        body, made = self.op.body, self.outputs
        used = {x.id for x in toposort(made)}
        kept = [p.id in used for p in body.shared]
        n, m, moving = len(body.nexts), len(body.emits), len(body.carries) + len(body.elements)
        shared = tuple(p for p, keep in zip(body.shared, kept, strict=True) if keep)
        panels = [self.panels[p.id] for p in body.shared if p.id in self.panels]
        new = replace(
            body, shared=(*shared, *panels), nexts=tuple(made[:n]), emits=tuple(made[n : n + m]),
            totals=tuple(made[n + m :]), retyped={}, plans={},
        )  # fmt: skip
        rest = [x for x, keep in zip(inputs[moving:], kept, strict=True) if keep]
        return Tensor(t.type, replace(self.op, body=new), (*inputs[:moving], *rest, *packed))
