"""Character models of transformer blocks, causal and pre-norm: a small one, and one of words (batches come again)."""

from __future__ import annotations

import numpy as np

from benchmarks.problem import named
from benchmarks.row import Problem, Row, Side
from benchmarks.session import joined, trained

BATCHES = 10
HIDDEN = 4  # times the width
# row -> blocks, width, heads, places, batch, symbols
SIZES = {
    "transformer": (3, 64, 4, 64, 64, 65),
    "transformer_wide": (4, 256, 8, 128, 16, 1000),
}
SPEC = """
data: mnist
model:
  - embedding: {size: SYMBOLS, width: WIDTH}
  - positional: learned
  - repeat:
      times: BLOCKS
      layers:
        - transformer: {heads: HEADS, causal: true}
  - layer_norm
  - dense: SYMBOLS
loss: softmax_cross_entropy
metrics: []
optimizer: {adam: {lr: 0.001}}
train: {epochs: 1000000, batch_size: BATCH, shuffle: false}
"""
ROWS = (
    Row("transformer", "transformer 3 x 64, 4 heads, 64 places, batch 64, Adam", "ms/step", 0.6, ("torch", "jax")),
    Row(
        "transformer_wide",
        "transformer 4 x 256, 8 heads, 128 places, batch 16, 1,000 symbols, Adam",
        "ms/step",
        0.75,
        ("torch", "jax"),
    ),
)


def problem(quick: bool) -> Problem:
    """Two problems in one: the names of the wide one's arrays end in ``_wide``."""
    found: Problem = {}
    for name, sizes in SIZES.items():
        found |= {f"{key}{name.removeprefix('transformer')}": value for key, value in single(sizes, quick).items()}
    return found


def single(sizes: tuple[int, ...], quick: bool) -> Problem:
    blocks, width, heads, places, batch, symbols = sizes
    if quick:
        blocks, places, batch = 1, 8, 4
    rng = np.random.default_rng(1)
    text = rng.integers(0, symbols, (BATCHES, batch, places + 1))
    x, y = (np.ascontiguousarray(w) for w in (text[:, :, :-1], text[:, :, 1:]))
    return {"x": x, "y": y, "blocks": blocks, "heads": heads, **named(start(rng, blocks, width, places, symbols))}


def start(rng: np.random.Generator, blocks: int, width: int, places: int, symbols: int) -> list[np.ndarray]:
    """Parameters in the order of our layers: matrices are drawn, scales are 1 and offsets 0."""

    def drawn(*shape: int) -> np.ndarray:
        return rng.normal(0, shape[0] ** -0.5 if len(shape) > 1 else 1, shape).astype(np.float32)

    def norm() -> list[np.ndarray]:
        return [np.ones(width, np.float32), np.zeros(width, np.float32)]

    def linear(inputs: int, outputs: int) -> list[np.ndarray]:
        return [drawn(inputs, outputs), np.zeros(outputs, np.float32)]

    found = [drawn(symbols, width), drawn(places, width)]
    for _ in range(blocks):
        found += norm()
        for _ in range(4):
            found += linear(width, width)
        found += [*norm(), *linear(width, HIDDEN * width), *linear(HIDDEN * width, width)]
    return [*found, *norm(), *linear(width, symbols)]


def own(p: Problem, row: str) -> Problem:
    """The problem of one row."""
    end = row.removeprefix("transformer")
    if end:
        return {key.removesuffix(end): value for key, value in p.items() if key.endswith(end)}
    return {key: value for key, value in p.items() if not key.endswith("_wide")}


def side(p: Problem, row: str, threads: int) -> Side:
    q = own(p, row)
    values = {
        "SYMBOLS": len(q["p0"]), "WIDTH": q["p0"].shape[1], "BLOCKS": q["blocks"], "HEADS": q["heads"],
        "BATCH": q["x"].shape[1],
    }  # fmt: skip
    text = SPEC
    for name, value in values.items():
        text = text.replace(name, str(value))
    return trained(text, joined(q), threads)


def transformer(p: Problem, threads: int) -> Side:
    return side(p, "transformer", threads)


def transformer_wide(p: Problem, threads: int) -> Side:
    return side(p, "transformer_wide", threads)
