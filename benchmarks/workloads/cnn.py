"""Two 3x3 convolutions of 32 and 64 channels, each with relu, pooling and dropout, and a dense layer, on MNIST."""

from __future__ import annotations

import numpy as np

import agcli as ag
from benchmarks.problem import floats, images, named, params
from benchmarks.row import Problem, Row, Side

BATCH, BATCHES = 128, 10
ROWS = (
    Row(
        "cnn", "CNN 32-64, batch 128, Adam", "ms/step", 0.7, ("torch", "jax", "numpy"), check={"drop": 0.0}, memory=0.8
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
    x, y = ag.placeholder("x", (None, 28, 28, 1)), ag.placeholder("y", (None,), "int64")
    w1, b1, w2, b2, w3, b3 = weights = [ag.variable(a) for a in params(p)]
    h = x
    for w, b in ((w1, b1), (w2, b2)):
        h = ag.max_pool2d(ag.relu(ag.conv2d(h, w, padding="same") + b), size=2)
        h = ag.dropout(h, p["drop"]) if p["drop"] else h
    z = ag.flatten(h, keep=1) @ w3 + b3
    loss = ag.mean(ag.sparse_softmax_cross_entropy(z, y))
    step = ag.function(loss, updates=ag.adam().minimize(loss, weights), shards=threads)
    return Side(lambda i: step({x: p["x"][i % BATCHES], y: p["y"][i % BATCHES]}), function=step)
