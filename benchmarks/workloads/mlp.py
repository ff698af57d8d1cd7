"""A network 784-512-256-10 on MNIST, from its spec; steps on shuffled batches of 128."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from benchmarks.problem import images, named, shuffled_batches
from benchmarks.row import Problem, Row, Side
from benchmarks.session import trained

SIZES = (784, 512, 256, 10)
SPEC = """
data: mnist
model:
  - flatten
  - dense: {units: 512, activation: relu}
  - dense: {units: 256, activation: relu}
  - dense: 10
loss: softmax_cross_entropy
metrics: []
optimizer: {adam: {lr: 0.001}}
train: {epochs: 1000, batch_size: 128, drop_last: true}
"""
ROWS = (Row("mlp", "MLP 784-512-256-10, batch 128, Adam", "ms/step", 0.7, ("torch", "jax", "numpy")),)


def weights(sizes: Sequence[int] = SIZES) -> list[np.ndarray]:
    """Weight and bias of each layer (He et al., 2015)."""
    rng, made = np.random.default_rng(1), []
    for n, m in pairwise(sizes):
        made += [rng.normal(0, (2 / n) ** 0.5, (n, m)).astype(np.float32), np.zeros(m, np.float32)]
    return made


def problem(quick: bool) -> Problem:
    x, y = images(quick)
    return {"x": x, "y": y, "order": shuffled_batches(len(x), 128), **named(weights())}


def mlp(p: Problem, threads: int) -> Side:
    return trained(SPEC, p, threads)
