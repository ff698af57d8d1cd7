"""Twelve elementwise ops on ten million numbers."""

from __future__ import annotations

import numpy as np

import agcli as ag
from benchmarks.row import Problem, Row, Side

ROWS = (Row("chain", "elementwise chain of 12 ops, 10^7 float32", "ms/call", 1.0, ("torch", "jax", "numpy")),)


def problem(quick: bool) -> Problem:
    return {"x": np.random.default_rng(1).random(10_000 if quick else 10_000_000, np.float32)}


def chain(p: Problem, threads: int) -> Side:
    x = ag.placeholder("x", (None,))
    y = ag.tanh(ag.exp(-x * x) * ag.sin(x) + 0.5 * x) * ag.sqrt(x + 1) - x
    f = ag.function(y, inputs=[x], shards=threads)
    return Side(lambda i: f({x: p["x"]}))
