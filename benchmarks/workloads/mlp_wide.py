"""A wide network 512-2048-2048-10 on noise, in batches of 256 that come again: large products and Adam's traffic."""

from __future__ import annotations

import numpy as np

from benchmarks.problem import named
from benchmarks.row import Problem, Row, Side
from benchmarks.session import joined, trained
from benchmarks.workloads.mlp import weights

SIZES = (512, 2048, 2048, 10)
BATCH, BATCHES = 256, 10
SPEC = """
data: mnist
model:
  - dense: {units: 2048, activation: relu}
  - dense: {units: 2048, activation: relu}
  - dense: 10
loss: softmax_cross_entropy
metrics: []
optimizer: {adam: {lr: 0.001}}
train: {epochs: 1000000, batch_size: BATCH, shuffle: false}
"""
ROWS = (Row("mlp_wide", "MLP 512-2048-2048-10, batch 256, Adam", "ms/step", 0.75, ("torch", "jax"), against="torch"),)


def problem(quick: bool) -> Problem:
    rng, batch = np.random.default_rng(3), 16 if quick else BATCH
    return {
        "x": rng.random((BATCHES, batch, SIZES[0]), np.float32),
        "y": rng.integers(0, SIZES[-1], (BATCHES, batch)),
        **named(weights(SIZES)),
    }


def mlp_wide(p: Problem, threads: int) -> Side:
    return trained(SPEC.replace("BATCH", str(p["x"].shape[1])), joined(p), threads)
