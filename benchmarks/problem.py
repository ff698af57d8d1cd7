"""Problems on disk: the same arrays and numbers for every side, so that no side has to load another's library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.row import Problem, Side


def write(path: Path, problem: Problem) -> None:
    np.savez(path, **problem)


def read(path: str) -> Problem:
    """Arrays as arrays, what has no axes as a number or text."""
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    return {name: a if a.ndim else a.item() for name, a in arrays.items()}


def params(p: Problem) -> list[np.ndarray]:
    """The parameters to start from, each side its own copy: p0, p1, ..."""
    return [p[f"p{i}"].copy() for i in range(sum(k[0] == "p" and k[1:].isdigit() for k in p))]


def named(arrays: list[np.ndarray]) -> Problem:
    """Parameters under the names that ``params`` looks for."""
    return {f"p{i}": np.asarray(a) for i, a in enumerate(arrays)}


def images(quick: bool) -> tuple[np.ndarray, np.ndarray]:
    """Training images of MNIST as bytes (n, 28, 28) with their classes; noise in their place where only the
    arithmetic is looked at.
    """
    if quick:
        rng = np.random.default_rng(0)
        x, y = rng.integers(0, 256, (2_000, 28, 28), dtype=np.uint8), rng.integers(0, 10, 2_000)
        return x * (rng.random(x.shape) < 0.2), y
    from agcli.datasets import load

    train = load("mnist").train
    return np.array(train.columns["x"].stored), np.array(train.columns["y"].stored)


def floats(x: np.ndarray) -> np.ndarray:
    """Bytes as float32 in 0..1, as a batch of ours is fed."""
    return x.astype(np.float32) / np.float32(255)


def shuffled_batches(n: int, batch: int) -> np.ndarray:
    """Row numbers (batches, batch) of the first epoch, in the order of ``Batches`` with seed 0."""
    from agcli.datasets.order import shuffled

    return shuffled(n, 0, 0)[: n // batch * batch].reshape(-1, batch)


class Order:
    """Row numbers of batch i: the first epoch as the problem says, every other one drawn anew."""

    def __init__(self, first: np.ndarray) -> None:
        self.rows, self.epoch = first, 0
        self.rng = np.random.default_rng(0)

    def __call__(self, i: int) -> np.ndarray:
        epoch, k = divmod(i, len(self.rows))
        if epoch != self.epoch:
            self.epoch = epoch
            self.rows = self.rng.permutation(self.rows.size).reshape(self.rows.shape)
        return self.rows[k]


def enough(fitted: Callable[[int], Side], p: Problem) -> Side:
    """``fitted(iterations)`` with the fewest iterations, of a few numbers, that come below the loss asked for."""
    for iterations in range(5, 300, 5):
        side = fitted(iterations)
        assert side.value is not None
        if side.value(0) <= p["enough"]:
            return side
    raise RuntimeError(f"no fit comes below a loss of {p['enough']}")
