"""A character model on Shakespeare: embedding, one LSTM of 256 units over 64 characters, scores of the next one."""

from __future__ import annotations

import numpy as np

import agcli as ag
from benchmarks.problem import named, params
from benchmarks.row import Problem, Row, Side

BATCH, LENGTH, BATCHES, WIDTH, UNITS, SYMBOLS = 32, 64, 10, 64, 256, 65
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
    x, y = (np.ascontiguousarray(w) for w in (windows[:, :, :-1], windows[:, :, 1:]))
    return {"x": x, "y": y, **named(start)}


def lstm(p: Problem, threads: int) -> Side:
    """The gates lie in the order input, forget, candidate, output."""
    x, y = (ag.placeholder(name, (None, None), "int64") for name in "xy")
    table, wx, wh, b, wo, bo = weights = [ag.variable(a) for a in params(p)]
    along = ag.swapaxes(ag.embedding(table, x) @ wx + b, 0, 1)

    def cell(state, inputs):
        h, c = state
        i, f, u, o = ag.split(inputs + h @ wh, 4, axis=-1)
        c = ag.sigmoid(f) * c + ag.sigmoid(i) * ag.tanh(u)
        h = ag.sigmoid(o) * ag.tanh(c)
        return (h, c), h

    zero = ag.zeros((p["x"].shape[1], UNITS))
    _, hidden = ag.scan(cell, (zero, zero), along)
    z = ag.swapaxes(hidden, 0, 1) @ wo + bo
    loss = ag.mean(ag.sparse_softmax_cross_entropy(z, y))
    step = ag.function(loss, updates=ag.adam().minimize(loss, weights), shards=threads)
    return Side(lambda i: step({x: p["x"][i % BATCHES], y: p["y"][i % BATCHES]}), function=step)
