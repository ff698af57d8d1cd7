"""Softmax regression on MNIST: an epoch of 300 shuffled batches of 200, as `ag train` does it, metrics left out."""

from __future__ import annotations

import numpy as np

from benchmarks.problem import images, named, shuffled_batches
from benchmarks.row import Problem, Row, Side
from benchmarks.session import trained

BATCH = 200
SPEC = """
data: mnist
model: [flatten, dense: 10]
loss: softmax_cross_entropy
metrics: []
optimizer: {adam: {lr: 0.001}}
train: {epochs: 1000, batch_size: 200}
"""
ROWS = (
    Row("softmax", "softmax regression, MNIST, batch 200, Adam", "s/epoch", 0.6, ("torch", "jax", "numpy"), steps=300),
)


def problem(quick: bool) -> Problem:
    x, y = images(quick)
    w = np.random.default_rng(1).normal(0, 0.05, (784, 10)).astype(np.float32)
    return {"x": x, "y": y, "order": shuffled_batches(len(x), BATCH), **named([w, np.zeros(10, np.float32)])}


def softmax(p: Problem, threads: int) -> Side:
    return trained(SPEC, p, threads)
