"""The latency of one row through the MLP, as a server would ask for it."""

from __future__ import annotations

import numpy as np

import agcli as ag
from benchmarks.problem import named, params
from benchmarks.row import Problem, Row, Side
from benchmarks.workloads.mlp import weights

ROWS = (Row("predict", "predict: one row through the MLP", "us/call", 0.3, ("torch", "jax", "numpy")),)


def problem(quick: bool) -> Problem:
    return {"x": np.random.default_rng(2).random((20, 1, 784), np.float32), **named(weights())}


def predict(p: Problem, threads: int) -> Side:
    x = ag.placeholder("x", (None, 784))
    w = [ag.variable(a) for a in params(p)]
    h = x
    for i in (0, 2):
        h = ag.relu(h @ w[i] + w[i + 1])
    f, rows = ag.function(h @ w[4] + w[5], inputs=[x]), list(p["x"])
    return Side(lambda i: f({x: rows[i % len(rows)]}))
