"""Which convolutions are computed by minimal filtering, and in which blocks: by a model of their cost, never by timing.

Windows of three by three places that move one at a time, over many channels, in float32. Errors are those of a
transformed tile: relative to the largest of its 16 inputs, where those of the direct kernels are relative to the nine
that an output sees.
"""

from __future__ import annotations

from functools import cache
from itertools import product

from ..code.compiler import compiled
from . import winograd_text as texts
from . import winograd_weights as weights
from .direct_text import Conv, Pooled, Tile
from .launch import Kernel
from .winograd_blocks import POINTS, Blocks, whole_vectors

SAVES = 0.8  # of the cycles of the direct kernel, at most, since the last digits are others
TILES = 16  # of a block at least, for as long does it take to read the weights
SUMS = 16  # vectors of sums that stay in registers: enough to hide how long a multiplication takes
DIRECT = 36  # products a channel for four outputs
TRANSFORM = 40  # cycles to transform a vector of a patch, or of outputs
CHECK = 20  # cycles of a tile to see whether its outputs are right
WEIGHTS = 60  # cycles to transform a vector of weights
READ = 32  # cycles to read the 16 vectors of weights of one channel from the cache of second level
CACHE = 1 << 18  # bytes of patches and cotangents that are transformed at a time


def applies(conv: Conv, pool: Pooled = None) -> bool:
    """Whether a convolution is one that minimal filtering is for, and a pool, if any, takes the outputs of a tile."""
    for a in (conv.rows, conv.columns):
        if (a.size, a.stride, a.dilation) != (3, 1, 1) or a.count < 2:
            return False
    return conv.kind == "float" and not conv.depthwise and (pool is None or pool.size == (2, 2))


def blocks_of(conv: Conv, lanes: int, registers: int, pool: Pooled = None) -> Blocks:
    """Rows of tiles as long as a block is short, and the part of a product that is multiplied fastest."""
    high, wide = (a.count // 2 if pool else -(-a.count // 2) for a in (conv.rows, conv.columns))
    count = -(-high // -(-TILES // wide))  # blocks
    rows, vectors = -(-high // max(count, 1)), -(-conv.outputs // lanes)

    def cost(grid: tuple[int, int]) -> float:
        n, v = grid
        return -(-rows * wide // n) * -(-vectors // v) * (max(n * v, 8) + (n + v) / 4)

    return Blocks(rows, wide, high, *min(grids(rows * wide, vectors, registers), key=cost))


def grids(lines: int, vectors: int, registers: int) -> list[tuple[int, int]]:
    """Lines and vectors of sums that registers have room for, beside those of weights and an input."""
    every = product(range(1, min(lines, SUMS) + 1), range(1, min(vectors, SUMS) + 1))
    return [(n, v) for n, v in every if (n + 1) * v < registers and n * v <= SUMS]


def gradient_blocks(conv: Conv, lanes: int, registers: int) -> Blocks:
    """The same for the gradient in the weights: as many tiles as the cache holds, in blocks that do not overlap."""
    high, wide = (-(-a.count // 2) for a in (conv.rows, conv.columns))
    each = 4 * POINTS * wide * (whole_vectors(conv.channels, lanes) + whole_vectors(conv.outputs, lanes))
    rows = max(n for n in range(1, high + 1) if high % n == 0 and (n == 1 or n * each <= CACHE))
    vectors = -(-conv.outputs // lanes)

    def cost(grid: tuple[int, int]) -> float:
        n, v = grid
        return -(-conv.channels // n) * -(-vectors // v) * (max(n * v, 8) + (n + v) / 4)

    whole = [grid for grid in grids(lanes, vectors, registers) if lanes % grid[0] == 0]
    return Blocks(rows, wide, high, *min(whole, key=cost))


def cycles(conv: Conv, blocks: Blocks, images: int, lanes: int, steps: float) -> float:
    """Of one tile; ``steps`` is for each product of a vector what a block reads and writes for it."""
    inputs, vectors = (-(-n // lanes) for n in (conv.channels, conv.outputs))
    grid = blocks.lines * blocks.vectors
    products = conv.channels * vectors
    all_tiles = images * blocks.high * blocks.columns
    own = POINTS * max(1, 8 / grid) + steps / blocks.tiles + WEIGHTS / all_tiles
    return products * own + TRANSFORM * (inputs + vectors) + CHECK


def saves(conv: Conv, blocks: Blocks, images: int, lanes: int, steps: float = READ) -> bool:
    return cycles(conv, blocks, images, lanes, steps) < SAVES * DIRECT * conv.channels * -(-conv.outputs // lanes)


@cache
def forward_kernel(conv: Conv, images: int, lanes: int, registers: int, pool: Pooled = None) -> Kernel | None:
    """The kernel of a convolution of so many images; None where it gains too little."""
    if not applies(conv, pool):
        return None
    blocks = blocks_of(conv, lanes, registers, pool)
    if not saves(conv, blocks, images, lanes):
        return None
    run = compiled(texts.winograd_text(conv, blocks, lanes, pool))
    return Kernel(run, texts.FIELDS, texts.scratch(conv, blocks, lanes))


@cache
def weights_kernel(conv: Conv, tile: Tile, images: int, lanes: int, registers: int) -> Kernel | None:
    """The kernel of the gradient in the weights, and ``tile`` is that of the direct one; None as above."""
    if not applies(conv):
        return None
    blocks = gradient_blocks(conv, lanes, registers)
    if not saves(conv, blocks, images, lanes, 3 * POINTS):
        return None
    run = compiled(weights.winograd_weights_text(conv, blocks, tile, lanes))
    return Kernel(run, weights.FIELDS, weights.scratch(conv, blocks, lanes))
