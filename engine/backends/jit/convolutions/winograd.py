"""Which convolutions are computed by minimal filtering, and in which blocks: by a model of their cost, never by timing.

Windows of three by three places that move one at a time, over many channels, in float32. F(4x4, 3x3) would take a
quarter of the products, but its errors are several times as large.
"""

from __future__ import annotations

from functools import cache
from itertools import product

from ....frozen import frozen
from ..code.compiler import compiled
from ..llvm.loop_nest import SIZES
from . import winograd_text as texts
from . import winograd_weights as weights
from .direct_text import Conv, Pooled, Tile
from .launch import Routine
from .winograd_blocks import POINTS, Blocks, scratch

SAVES = 0.8  # of the cycles of the direct kernel, at most, since the last digits are others
SUMS = 16  # vectors of sums that stay in registers: enough to hide how long a multiplication takes
DIRECT = 37  # cycles of the direct kernel for four outputs, a channel and vector
TRANSFORM = 45  # cycles to transform a vector of a patch, or of outputs
CHECK = 10  # cycles of a tile to see whether its outputs are right
WEIGHTS = 60  # cycles to transform a vector of weights
READ = 16  # cycles to read the 16 vectors of weights of one channel from the cache of second level
ADD = 44  # cycles to add to 16 vectors of sums there, twice as many behind it
NEAR, MOST = 1 << 20, 1 << 22  # bytes of the 16 matrices of weights in that cache, and at all
CACHE = 3 << 17  # bytes of transformed patches, with what they are multiplied with or become, in a block


@frozen
class Problem:
    """A convolution for registers of so many lanes; ``added`` says that products are summed, for the weights."""

    conv: Conv
    lanes: int
    registers: int
    pool: Pooled = None
    added: bool = False

    @property
    def tiles(self) -> tuple[int, int]:
        """Along both axes."""
        high, wide = (a.count // 2 if self.pool else -(-a.count // 2) for a in (self.conv.rows, self.conv.columns))
        return high, wide

    @property
    def vectors(self) -> tuple[int, int]:
        """Of inputs and of outputs at one place."""
        return -(-self.conv.channels // self.lanes), -(-self.conv.outputs // self.lanes)

    @property
    def matrices(self) -> int:
        """Bytes of the transformed weights, or of their sums."""
        return POINTS * self.conv.channels * self.vectors[1] * self.lanes * SIZES[self.conv.kind]

    @property
    def direct(self) -> float:
        """Cycles of an image by the direct kernel."""
        high, wide = self.tiles
        return DIRECT * high * wide * self.conv.channels * self.vectors[1]

    def cycles(self, blocks: Blocks) -> float:
        """Of an image; a block of sums costs a load for each line and vector, and addresses where it is high."""
        (inputs, outputs), channels = self.vectors, self.conv.channels
        n, v, tiles = blocks.lines, blocks.vectors, blocks.tiles
        rows, common = (channels, tiles) if self.added else (tiles, channels)
        each = max(n * v, 8) + (n + v) / 16 + n * n / 128
        products = POINTS * common * -(-rows // n) * -(-outputs // v) * each
        moved = (ADD if self.matrices <= NEAR else 2 * ADD) if self.added else READ
        whole = products + moved * channels * outputs
        return -(-blocks.high // blocks.rows) * (whole + tiles * (TRANSFORM * (inputs + outputs) + CHECK))

    def best(self) -> Blocks:
        """The blocks with the fewest cycles that stay in the cache; sums are of whole blocks, which do not overlap."""
        high, wide = self.tiles
        each = POINTS * wide * sum(self.vectors) * self.lanes * SIZES[self.conv.kind]
        most = max(1, CACHE // each)
        rows = [n for n in range(1, high + 1) if n <= most and not (self.added and high % n)]
        grids = product(range(1, SUMS + 1), range(1, min(self.vectors[1], SUMS) + 1))
        found = [(n, v) for n, v in grids if (n + 1) * v < self.registers and n * v <= SUMS]
        every = (Blocks(r, wide, high, *grid) for r in rows for grid in found if self.fits(r * wide, grid[0]))
        return min(every, key=self.cycles)

    def fits(self, tiles: int, lines: int) -> bool:
        """Whether there are so many lines; those of sums are filled up to whole vectors."""
        return self.lanes % lines == 0 if self.added else lines <= tiles

    def saves(self, blocks: Blocks, images: int) -> bool:
        """Whether minimal filtering gains enough, and memory for it is small."""
        weights = WEIGHTS * self.conv.channels * self.vectors[1]
        return self.matrices <= MOST and weights + images * self.cycles(blocks) < SAVES * images * self.direct


def applies(conv: Conv, pool: Pooled = None) -> bool:
    """Whether a convolution is one that minimal filtering is for, and a pool, if any, takes the outputs of a tile."""
    for a in (conv.rows, conv.columns):
        if (a.size, a.stride, a.dilation) != (3, 1, 1) or a.count < 2:
            return False
    return conv.kind == "float" and not conv.depthwise and (pool is None or pool.size == (2, 2))


def forward_kernel(problem: Problem, images: int) -> Routine | None:
    """The kernel of a convolution of so many images; None where it gains too little."""
    if not applies(problem.conv, problem.pool):
        return None
    blocks = problem.best()
    return forward_blocks(problem, blocks) if problem.saves(blocks, images) else None


@cache
def forward_blocks(problem: Problem, blocks: Blocks) -> Routine:
    conv, lanes = problem.conv, problem.lanes
    run = compiled(texts.winograd_text(conv, blocks, lanes, problem.pool))
    return Routine(run, texts.FIELDS, scratch(texts.panels_of(conv, blocks, lanes)))


def weights_kernel(problem: Problem, tile: Tile, images: int) -> Routine | None:
    """The kernel of the gradient in the weights, and ``tile`` is that of the direct one; None as above."""
    if not applies(problem.conv):
        return None
    blocks = problem.best()
    return weights_blocks(problem, blocks, tile) if problem.saves(blocks, images) else None


@cache
def weights_blocks(problem: Problem, blocks: Blocks, tile: Tile) -> Routine:
    conv, lanes = problem.conv, problem.lanes
    run = compiled(weights.winograd_weights_text(conv, blocks, tile, lanes))
    return Routine(run, weights.FIELDS, scratch(weights.panels_of(conv, blocks, lanes)))
