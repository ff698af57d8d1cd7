"""A character model on Shakespeare: embedding, one LSTM of 256 units over 64 characters, scores of the next one."""

from __future__ import annotations

import numpy as np

from benchmarks.problem import named
from benchmarks.row import Problem, Row, Side
from benchmarks.session import joined, trained

BATCH, LENGTH, BATCHES, WIDTH, UNITS, SYMBOLS = 32, 64, 10, 64, 256, 65
SPEC = """
data: mnist
model:
  - embedding: {size: 65, width: 64}
  - lstm: {units: 256, return_sequences: true}
  - dense: 65
loss: softmax_cross_entropy
metrics: []
optimizer: {adam: {lr: 0.001}}
train: {epochs: 1000000, batch_size: 32, shuffle: false}
"""
ROWS = (Row("lstm", "LSTM char model 256, 64 steps, batch 32, Adam", "ms/step", 1.1, ("torch", "jax", "numpy")),)


def text(quick: bool) -> np.ndarray:
    """Numbers of characters in tinyshakespeare where it is at hand (AG_DATA), else random ones."""
    import os
    from pathlib import Path

    need = BATCHES * BATCH * (LENGTH + 1)
    path = Path(os.environ.get("AG_DATA", ""), "tinyshakespeare", "input.txt")
    if quick or not path.is_file():
        return np.random.default_rng(0).integers(0, SYMBOLS, need)
    _, numbers = np.unique(np.frombuffer(path.read_bytes(), np.uint8), return_inverse=True)
    return numbers[:need].astype(np.int64)


def problem(quick: bool) -> Problem:
    rng = np.random.default_rng(1)
    windows = text(quick).reshape(BATCHES, BATCH, LENGTH + 1)[:, :, : 9 if quick else None]
    shapes = ((SYMBOLS, WIDTH), (WIDTH, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,), (UNITS, SYMBOLS), (SYMBOLS,))
    start = [rng.normal(0, 0.08, s).astype(np.float32) if len(s) > 1 else np.zeros(s, np.float32) for s in shapes]
    start[3][UNITS : 2 * UNITS] = 1  # forget gates start open
    x, y = (np.ascontiguousarray(w) for w in (windows[:, :, :-1], windows[:, :, 1:]))
    return {"x": x, "y": y, **named(start)}


def lstm(p: Problem, threads: int) -> Side:
    """Our forget gate adds the 1 itself, with which the bias of the others starts."""
    closed = p["p3"].copy()
    closed[UNITS : 2 * UNITS] -= 1
    return trained(SPEC, joined({**p, "p3": closed}), threads)
