"""Attention in NumPy, tile by tile: some queries of a few heads and samples beside all keys that they may see.

What lies between scores and result fits into the cache, and nothing of it is kept. The gradient computes the scores
again, and with them the weights, from the logarithm of each query's sum of exponentials (Dao et al., 2022).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..types import Array
from .words import Source

if TYPE_CHECKING:
    from .attention import Attends

ELEMENTS = 1 << 16  # scores of a tile
ROWS = 16  # queries of a tile, at least
LEVELS = 1 << 16  # shares of weights that are set to 0 are multiples of one over this
BLOCK = 16  # weights that one block of the generator decides
WORDS = 4  # of 64 bits in a block


@dataclass(frozen=True)
class Tile:
    """Samples, groups of heads and queries, and how many keys the last of these may see."""

    batch: slice
    groups: slice
    rows: slice
    stop: int

    @property
    def queries(self) -> tuple[Any, ...]:
        return self.batch, self.groups, slice(None), self.rows

    @property
    def keys(self) -> tuple[Any, ...]:
        return self.batch, self.groups, slice(None), slice(self.stop)


class Heads:
    """Views (samples, groups, heads of a group, places, width) of what an op reads, which broadcast.

    A group is the query heads that share the heads of keys and values.
    """

    def __init__(self, op: Attends, inputs: Sequence[Array]) -> None:
        self.op = op
        q, k, v, *rest = inputs
        mask = rest.pop(0) if op.masked else None
        self.key = rest.pop() if rest else np.zeros(2, np.uint64)
        arrays = [q, k, v] if mask is None else [q, k, v, mask[:, :, :1].swapaxes(1, 2)]
        self.batch, self.heads = (max(x.shape[i] for x in arrays) for i in (0, 2))
        self.groups = max(k.shape[2], v.shape[2])
        self.each = self.heads // self.groups
        self.rows, self.columns = q.shape[1], k.shape[1]
        self.scale = q.dtype.type(op.factor(q.shape[-1]))
        self.q, self.k, self.v = self.queries(q), self.keys(k), self.keys(v)
        self.mask = None
        if mask is not None:
            whole = np.broadcast_to(mask, (self.batch, self.heads, self.rows, self.columns))
            self.mask = whole.reshape(self.batch, self.groups, self.each, *whole.shape[2:])
        self.source = Source(op.stream)
        self.keep = 1 - op.threshold / LEVELS
        self.tile_rows, self.tile_groups, self.tile_batch = self.lengths()
        most = self.tile_batch * self.tile_groups * self.each * self.tile_rows * self.columns
        self.memory = [np.empty(most, q.dtype) for _ in range(2)]

    def queries(self, x: Array) -> Array:
        """(samples, places, heads, width), or with one sample or head for all."""
        whole = broadcast(x, (self.batch, x.shape[1], self.heads, x.shape[3]))
        split = whole.reshape(*whole.shape[:2], self.groups, self.each, x.shape[3])
        return split.transpose(0, 2, 3, 1, 4)

    def keys(self, x: Array) -> Array:
        whole = broadcast(x, (self.batch, x.shape[1], self.groups, x.shape[3]))
        return whole[:, :, :, None].transpose(0, 2, 3, 1, 4)

    def levels(self, x: Array) -> Array:
        """(samples, heads, places) as (samples, groups, heads of a group, places, 1)."""
        return x.reshape(self.batch, self.groups, self.each, self.rows, 1)

    def lengths(self) -> tuple[int, int, int]:
        """Queries, groups and samples of a tile."""
        rows = min(self.rows, max(ROWS, ELEMENTS // max(self.columns, 1)))
        one = max(1, self.each * rows * self.columns)
        groups = max(1, min(self.groups, ELEMENTS // one))
        batch = max(1, min(self.batch, ELEMENTS // (one * groups))) if groups == self.groups else 1
        return rows, groups, batch

    def __iter__(self) -> Iterator[Tile]:
        if not self.columns:
            return
        for b in range(0, self.batch, self.tile_batch):
            for g in range(0, self.groups, self.tile_groups):
                for i in range(0, self.rows, self.tile_rows):
                    end = min(i + self.tile_rows, self.rows)
                    stop = min(end, self.columns) if self.op.causal else self.columns
                    yield Tile(slice(b, b + self.tile_batch), slice(g, g + self.tile_groups), slice(i, end), stop)

    def scratch(self, number: int, shape: Sequence[int]) -> Array:
        return self.memory[number][: int(np.prod(shape))].reshape(shape)

    def scores(self, tile: Tile) -> tuple[Array, Array]:
        """Scores of a tile, -inf where a query may not look, and its queries times the scale."""
        q = self.q[tile.queries] * self.scale
        s = self.scratch(0, (*q.shape[:-1], tile.stop))
        np.matmul(q, self.k[tile.keys].swapaxes(-1, -2), s)
        part = None if self.mask is None else self.mask[tile.queries][..., : tile.stop]
        if part is not None and part.dtype == bool:
            np.copyto(s, -np.inf, where=~part)
        elif part is not None:
            np.add(s, part, s)
        first = tile.rows.start
        if self.op.causal and first < tile.stop:
            later = ~np.tri(s.shape[-2], tile.stop - first, dtype=bool)
            np.copyto(s[..., first:], -np.inf, where=later)
        return s, q

    def kept(self, tile: Tile) -> Array:
        """Which weights of a tile stay: the numbers of a query's row begin with a block of the generator."""
        b, g, _, rows = tile.queries
        shape = (len(range(self.batch)[b]), len(range(self.groups)[g]), self.each, rows.stop - rows.start, tile.stop)
        found = np.empty(shape, bool)
        for at in np.ndindex(shape[:3]):
            head = (g.start + at[1]) * self.each + at[2]
            row = ((self.op.first + b.start + at[0]) * self.heads + head) * self.rows + rows.start
            found[at] = kept_rows(self.source, self.key, row, shape[3], self.columns, self.op.threshold)[:, : tile.stop]
        return found


def broadcast(x: Array, shape: tuple[int, ...]) -> Array:
    """A view of this shape, which can be written where ``x`` has it already."""
    return x if x.shape == shape else np.broadcast_to(x, shape)


def kept_rows(source: Source, key: Array, first: int, count: int, columns: int, threshold: int) -> Array:
    """Decisions for ``count`` rows of so many columns; each row begins with a block of 16 decisions of its own."""
    blocks = -(-columns // BLOCK)
    source.counter[0] = first * blocks
    raw = source.at(key).bit_generator.random_raw
    numbers = raw(count * blocks * WORDS).view(np.uint16).reshape(count, blocks * BLOCK)
    return numbers[:, :columns] >= np.uint16(threshold)


def forward(heads: Heads, y: Array, level: Array) -> None:
    """Results (samples, places, heads, width), and log of the sum of exponentials (samples, heads, places)."""
    out, levels = heads.queries(y), heads.levels(level)
    if not heads.columns:
        y.fill(0)
        level.fill(0)
    for tile in heads:
        s, _ = heads.scores(tile)
        top = s.max(-1, keepdims=True)
        if heads.mask is not None:
            top[top == -np.inf] = 0
        np.subtract(s, top, s)
        np.exp(s, s)
        total = s.sum(-1, keepdims=True)
        if heads.mask is not None:
            total[total == 0] = 1  # a query that may look nowhere: all its weights are 0
        np.add(np.log(total), top, levels[tile.queries])
        if heads.op.threshold:
            np.multiply(s, heads.kept(tile), s)
            total *= total.dtype.type(heads.keep)
        place = out[tile.queries]
        np.matmul(s, heads.v[tile.keys], place)
        np.divide(place, total, place)


def backward(heads: Heads, dy: Array, level: Array, outs: Sequence[Array]) -> None:
    """Fill the cotangents of queries, keys and values, given that of the results.

    A tile holds all keys of a query, so the mean of the weights' cotangents is taken of these themselves, by weights
    that are not quite 1 together: as <dy, y> it would be rounded otherwise than they are, and what all keys have in
    common would be multiplied by the difference.
    """
    lengths = [heads.heads, heads.groups, heads.groups]
    full = []
    for x, n in zip(outs, lengths, strict=True):
        whole = (heads.batch, x.shape[1], n, x.shape[3])
        full.append(x if x.shape == whole else np.empty(whole, x.dtype))
        full[-1].fill(0)
    dq, dk, dv = heads.queries(full[0]), heads.keys(full[1]), heads.keys(full[2])
    dys, levels = heads.queries(dy), heads.levels(level)
    for tile in heads:
        p, q = heads.scores(tile)
        np.subtract(p, levels[tile.queries], p)
        np.exp(p, p)
        g = dys[tile.queries]
        ds = heads.scratch(1, p.shape)
        np.matmul(g, heads.v[tile.keys].swapaxes(-1, -2), ds)
        used = p
        if heads.op.threshold:
            kept = heads.kept(tile) * p.dtype.type(1 / heads.keep)
            np.multiply(ds, kept, ds)
            used = p * kept
        dv[tile.keys] += np.matmul(used.swapaxes(-1, -2), g).sum(2, keepdims=True)
        whole = p.sum(-1, keepdims=True)
        whole[whole == 0] = 1
        np.subtract(ds, (p * ds).sum(-1, keepdims=True) / whole, ds)
        np.multiply(ds, p, ds)
        dk[tile.keys] += np.matmul(ds.swapaxes(-1, -2), q).sum(2, keepdims=True)
        place = dq[tile.queries]
        np.matmul(ds, heads.k[tile.keys], place)
        np.multiply(place, heads.scale, place)
    for x, out in zip(full, outs, strict=True):
        if x is not out:
            np.sum(x, tuple(i for i in (0, 2) if x.shape[i] != out.shape[i]), keepdims=True, out=out)
