"""A small residual network (He et al., 2016) on pictures of 32x32x3: batch norm, a stride of 2, a global pool."""

from __future__ import annotations

import numpy as np

from benchmarks.problem import named
from benchmarks.row import Problem, Row, Side
from benchmarks.session import joined, trained

BATCH, BATCHES = 64, 10
NARROW, WIDE = 32, 64
SPEC = """
data: mnist
model:
  - conv2d: {filters: 32, kernel: 3, padding: 1, use_bias: false}
  - batch_norm
  - activation: relu
  - residual:
      layers:
        - conv2d: {filters: 32, kernel: 3, padding: 1, use_bias: false}
        - batch_norm
        - activation: relu
        - conv2d: {filters: 32, kernel: 3, padding: 1, use_bias: false}
        - batch_norm
  - activation: relu
  - parallel:
      join: add
      branches:
        - - conv2d: {filters: 64, kernel: 3, stride: 2, padding: 1, use_bias: false}
          - batch_norm
          - activation: relu
          - conv2d: {filters: 64, kernel: 3, padding: 1, use_bias: false}
          - batch_norm
        - - conv2d: {filters: 64, kernel: 1, stride: 2, use_bias: false}
          - batch_norm
  - activation: relu
  - global_avg_pool
  - dense: 10
loss: softmax_cross_entropy
metrics: []
optimizer: {adam: {lr: 0.001}}
train: {epochs: 1000000, batch_size: BATCH, shuffle: false}
"""
ROWS = (
    Row(
        "resnet",
        "ResNet 32-64 on 32x32x3, batch 64, Adam",
        "ms/step",
        0.65,
        ("torch", "jax"),
        tolerance=1e-3,  # as for the CNN: the last digits of ten steps of float32 grow
    ),
)


def problem(quick: bool) -> Problem:
    """Ten batches of noise, which come again and again; convolutions without bias, each with a scale and an offset."""
    rng, batch, side = np.random.default_rng(1), 8 if quick else BATCH, 8 if quick else 32
    kernels = [(3, 3, 3, NARROW), *[(3, 3, NARROW, NARROW)] * 2]
    kernels += [(3, 3, NARROW, WIDE), (3, 3, WIDE, WIDE), (1, 1, NARROW, WIDE)]
    start = []
    for shape in kernels:
        kernel = rng.normal(0, (2 / np.prod(shape[:-1])) ** 0.5, shape)
        start += [kernel, np.ones(shape[-1]), np.zeros(shape[-1])]
    start += [rng.normal(0, WIDE**-0.5, (WIDE, 10)), np.zeros(10)]
    return {
        "x": rng.normal(0, 1, (BATCHES, batch, side, side, 3)).astype(np.float32),
        "y": rng.integers(0, 10, (BATCHES, batch)),
        **named([a.astype(np.float32) for a in start]),
    }


def resnet(p: Problem, threads: int) -> Side:
    return trained(SPEC.replace("BATCH", str(p["x"].shape[1])), joined(p), threads)
