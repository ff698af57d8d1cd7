"""What the implementations by hand share: Adam over one flat array, softmax cross-entropy, batches in buffers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.problem import Order
from benchmarks.row import Problem

Arrays = Sequence[np.ndarray]


class Adam:
    """Adam over one flat array, of which parameters and gradients are views."""

    def __init__(self, start: Arrays, lr: float = 1e-3) -> None:
        self.flat = np.concatenate([a.ravel() for a in start])
        self.g = np.zeros_like(self.flat)
        self.m, self.v, self.t = np.zeros_like(self.flat), np.zeros_like(self.flat), np.empty_like(self.flat)
        self.params, self.grads = self.views(self.flat, start), self.views(self.g, start)
        self.lr, self.steps = lr, 0

    @staticmethod
    def views(flat: np.ndarray, like: Arrays) -> list[np.ndarray]:
        ends = np.cumsum([a.size for a in like])
        return [flat[end - a.size : end].reshape(a.shape) for a, end in zip(like, ends, strict=True)]

    def step(self) -> None:
        """Kingma and Ba (2015), with both corrections in the rate and in epsilon."""
        self.steps += 1
        g, m, v, t = self.g, self.m, self.v, self.t
        first, second = 1 - 0.9**self.steps, 1 - 0.999**self.steps
        np.multiply(g, g, out=t)
        t *= np.float32(0.001)
        v *= np.float32(0.999)
        v += t
        g *= np.float32(0.1)
        m *= np.float32(0.9)
        m += g
        np.sqrt(v, out=t)
        t += np.float32(1e-8 * second**0.5)
        np.divide(m, t, out=t)
        t *= np.float32(self.lr * second**0.5 / first)
        self.flat -= t


class CrossEntropy:
    """Softmax cross-entropy of (batch, classes) scores: the mean loss; the scores become its gradient."""

    def __init__(self, batch: int, classes: int) -> None:
        self.rows = np.arange(batch)
        self.ones = np.ones((classes, 1), np.float32)
        self.top, self.sum = np.empty((batch, 1), np.float32), np.empty((batch, 1), np.float32)

    def __call__(self, z: np.ndarray, y: np.ndarray) -> float:
        np.max(z, axis=1, keepdims=True, out=self.top)
        z -= self.top
        picked = z[self.rows, y].sum(dtype=np.float64)
        np.exp(z, out=z)
        np.matmul(z, self.ones, out=self.sum)
        loss = (np.log(self.sum).sum(dtype=np.float64) - picked) / len(y)
        self.sum *= np.float32(len(y))
        z /= self.sum
        z[self.rows, y] -= np.float32(1 / len(y))
        return float(loss)


class Gather:
    """Batches of images as rows of floats, in buffers of their own."""

    def __init__(self, p: Problem, x: np.ndarray) -> None:
        self.x, self.y, self.order = x, p["y"], Order(p["order"])
        batch = p["order"].shape[1]
        self.xb, self.yb = np.empty((batch, *x.shape[1:]), x.dtype), np.empty(batch, p["y"].dtype)

    def __call__(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self.order(i)
        np.take(self.x, rows, 0, out=self.xb, mode="clip")
        np.take(self.y, rows, 0, out=self.yb, mode="clip")
        return self.xb, self.yb
