"""Two 3x3 convolutions of 32 and 64 channels, each with relu, pooling and dropout, and a dense layer, on MNIST."""

from __future__ import annotations

import numpy as np

from benchmarks.problem import floats, images, named
from benchmarks.row import Problem, Row, Side
from benchmarks.session import joined, trained

BATCH, BATCHES = 128, 10
SPEC = """
data: mnist
model:
  - conv2d: {filters: 32, kernel: 3, padding: same, activation: relu}
  - max_pool: 2
  - dropout
  - conv2d: {filters: 64, kernel: 3, padding: same, activation: relu}
  - max_pool: 2
  - dropout
  - flatten
  - dense: 10
loss: softmax_cross_entropy
metrics: []
optimizer: {adam: {lr: 0.001}}
train: {epochs: 1000000, batch_size: BATCH, shuffle: false}
"""
ROWS = (
    Row(
        "cnn",
        "CNN 32-64, batch 128, Adam",
        "ms/step",
        0.7,
        ("torch", "jax", "numpy"),
        check={"drop": 0.0},
        memory=0.8,
        tolerance=1e-3,  # the last digits of ten steps of float32 grow a thousandfold, here as between the peers
    ),
)


def problem(quick: bool) -> Problem:
    """Ten batches, which come again and again."""
    x, y = images(quick)
    batch, rng = 16 if quick else BATCH, np.random.default_rng(1)
    shapes = ((3, 3, 1, 32), (32,), (3, 3, 32, 64), (64,), (7 * 7 * 64, 10), (10,))
    start = [
        rng.normal(0, (2 / np.prod(s[:-1])) ** 0.5, s).astype(np.float32) if len(s) > 1 else np.zeros(s, np.float32)
        for s in shapes
    ]
    return {
        "x": floats(x[: batch * BATCHES]).reshape(BATCHES, batch, 28, 28, 1),
        "y": y[: batch * BATCHES].reshape(BATCHES, batch),
        "drop": 0.25,
        **named(start),
    }


def cnn(p: Problem, threads: int) -> Side:
    dropout = f"  - dropout: {p['drop']}\n" if p["drop"] else ""
    text = SPEC.replace("  - dropout\n", dropout).replace("BATCH", str(p["x"].shape[1]))
    return trained(text, joined(p), threads)
