"""The CNN and the LSTM by hand: forward, backward and Adam over buffers that are made once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from threadpoolctl import threadpool_limits

from benchmarks.by_hand import Adam, Arrays, CrossEntropy
from benchmarks.problem import params
from benchmarks.row import Problem, Side

BLOCK = 4  # images whose columns stay in the cache


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


class Convolution:
    """A 3x3 convolution with relu and 2x2 pooling, a block of images at a time; its input has a border of zeros."""

    def __init__(self, n: int, size: int, low: int, high: int, first: bool) -> None:
        half = size // 2
        self.x, self.y, self.pooled = (
            zeros(n, size + 2, size + 2, low),
            zeros(n, size, size, high),
            zeros(n, half, half, high),
        )
        self.columns, self.g, self.part = (
            zeros(BLOCK, size, size, 3, 3, low),
            zeros(n, size, size, high),
            zeros(9 * low, high),
        )
        self.below = None if first else zeros(*self.x.shape)
        self.to_columns = None if first else zeros(BLOCK, size, size, 3, 3, low)
        self.ones = np.ones(n * size * size, np.float32)
        self.mask, self.taken = np.empty(self.pooled.shape, bool), np.empty(self.pooled.shape, bool)

    def blocks(self) -> Any:
        """Slices of images, and their columns."""
        windows = sliding_window_view(self.x, (3, 3), (1, 2)).transpose(0, 1, 2, 4, 5, 3)
        for start in range(0, len(self.x), BLOCK):
            s = slice(start, start + BLOCK)
            columns = self.columns[: len(self.x[s])]
            np.copyto(columns, windows[s])
            yield s, columns.reshape(-1, self.part.shape[0])

    def corners(self, a: np.ndarray) -> Arrays:
        return [a[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]

    def forward(self, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        w = w.reshape(-1, w.shape[-1])
        for s, columns in self.blocks():
            y = self.y[s]
            np.matmul(columns, w, out=y.reshape(-1, y.shape[-1]))
            y += b
            np.maximum(y, 0, out=y)
            p, (a, *rest) = self.pooled[s], self.corners(y)
            np.maximum(a, rest[0], out=p)
            for c in rest[1:]:
                np.maximum(p, c, out=p)
        return self.pooled

    def backward(self, g: np.ndarray, w: np.ndarray, to_w: np.ndarray, to_b: np.ndarray) -> None:
        """Of equal values in a window the first one gets the gradient."""
        np.multiply(g, self.pooled > 0, out=g)
        self.taken[...] = False
        for y, to in zip(self.corners(self.y), self.corners(self.g), strict=True):
            np.equal(y, self.pooled, out=self.mask)
            np.greater(self.mask, self.taken, out=self.mask)
            np.logical_or(self.taken, self.mask, out=self.taken)
            np.multiply(g, self.mask, out=to)
        np.matmul(self.ones, self.g.reshape(len(self.ones), -1), out=to_b)
        w, to_w = w.reshape(-1, w.shape[-1]), to_w.reshape(-1, w.shape[-1])
        to_w[...] = 0
        if self.below is not None:
            self.below[...] = 0
        for s, columns in self.blocks():
            up = self.g[s].reshape(-1, self.g.shape[-1])
            np.matmul(columns.T, up, out=self.part)
            to_w += self.part
            if self.below is not None and self.to_columns is not None:
                back = self.to_columns[: len(self.x[s])]
                np.matmul(up, w.T, out=back.reshape(len(up), -1))
                size = self.y.shape[1]
                for i in range(3):
                    for j in range(3):
                        self.below[s, i : i + size, j : j + size] += back[:, :, :, i, j]


class Shard:
    """Forward and backward for a part of the batch."""

    def __init__(self, n: int, of: int, drop: float, like: Arrays, seed: int) -> None:
        self.first, self.second = Convolution(n, 28, 1, 32, True), Convolution(n, 14, 32, 64, False)
        self.flat_grads = np.zeros(sum(a.size for a in like), np.float32)
        self.grads = Adam.views(self.flat_grads, like)
        self.z, self.entropy = zeros(n, 10), CrossEntropy(n, 10)
        self.masks = zeros(n, 14, 14, 32), zeros(n, 7, 7, 64)
        self.flat, self.g = zeros(n, 7, 7, 64), zeros(n, 7, 7, 64)
        self.drop, self.share = drop, n / of
        self.rng = np.random.Generator(np.random.SFC64(seed))

    def mask(self, m: np.ndarray) -> np.ndarray:
        if self.drop:
            self.rng.random(out=m, dtype=np.float32)
            np.less(m, np.float32(1 - self.drop), out=m, casting="unsafe")
            m *= np.float32(1 / (1 - self.drop))
        else:
            m[...] = 1
        return m

    def run(self, weights: Arrays, x: np.ndarray, y: np.ndarray) -> float:
        w1, b1, w2, b2, w3, b3 = weights
        g1, to_b1, g2, to_b2, g3, to_b3 = self.grads
        m1, m2 = (self.mask(m) for m in self.masks)
        self.first.x[:, 1:-1, 1:-1] = x
        np.multiply(self.first.forward(w1, b1), m1, out=self.second.x[:, 1:-1, 1:-1])
        np.multiply(self.second.forward(w2, b2), m2, out=self.flat)
        flat, g = self.flat.reshape(len(x), -1), self.g.reshape(len(x), -1)
        np.matmul(flat, w3, out=self.z)
        self.z += b3
        loss = self.entropy(self.z, y) * self.share
        self.z *= np.float32(self.share)
        np.matmul(flat.T, self.z, out=g3)
        np.sum(self.z, axis=0, out=to_b3)
        np.matmul(self.z, w3.T, out=g)
        self.g *= m2
        self.second.backward(self.g, w2, g2, to_b2)
        assert self.second.below is not None
        below = self.second.below[:, 1:-1, 1:-1]
        below *= m1
        self.first.backward(below, w1, g1, to_b1)
        return loss


def cnn(p: Problem, threads: int) -> Side:
    """One shard of the batch a thread, each with one BLAS thread."""
    adam, n = Adam(params(p)), p["x"].shape[1]
    parts = [slice(n * i // threads, n * (i + 1) // threads) for i in range(threads)]
    shards = [Shard(s.stop - s.start, n, p["drop"], adam.params, seed) for seed, s in enumerate(parts)]
    pool = ThreadPoolExecutor(threads)
    threadpool_limits(1, "blas")

    def call(i: int) -> float:
        x, y = p["x"][i % len(p["x"])], p["y"][i % len(p["x"])]
        jobs = [pool.submit(shard.run, adam.params, x[s], y[s]) for shard, s in zip(shards, parts, strict=True)]
        loss = sum(job.result() for job in jobs)
        adam.g[...] = shards[0].flat_grads
        for shard in shards[1:]:
            adam.g += shard.flat_grads
        adam.step()
        return loss

    return Side(call)


def sigmoid(x: np.ndarray) -> None:
    np.negative(x, out=x)
    np.exp(x, out=x)
    x += np.float32(1)
    np.reciprocal(x, out=x)


class Lstm:
    """Time comes first in all buffers; the gates lie in the order input, forget, candidate, output."""

    def __init__(self, like: Arrays, batch: int, length: int) -> None:
        table, _, wh, *_ = like
        self.n, self.width, self.length = len(wh), table.shape[1], length
        n = self.n
        self.gates, self.up = zeros(length, batch, 4 * n), zeros(length, batch, 4 * n)
        self.h, self.c = zeros(length + 1, batch, n), zeros(length + 1, batch, n)
        self.tanh_c, self.to_hidden = zeros(length, batch, n), zeros(length, batch, n)
        self.inputs, self.product = zeros(length, batch, self.width), zeros(batch, 4 * n)
        self.to_h, self.to_c, self.t = zeros(batch, n), zeros(batch, n), zeros(batch, n)
        self.z, self.ones = zeros(length * batch, len(table)), np.ones(length * batch, np.float32)
        self.entropy = CrossEntropy(*self.z.shape)

    def parts(self, a: np.ndarray) -> Arrays:
        """The four gates side by side in the last axis."""
        return [a[:, k * self.n : (k + 1) * self.n] for k in range(4)]

    def forward(self, weights: Arrays, x: np.ndarray) -> None:
        table, wx, wh, b, wo, bo = weights
        np.take(table, x, 0, out=self.inputs.reshape(-1, self.width), mode="clip")
        np.matmul(self.inputs, wx, out=self.gates)
        self.gates += b
        for k, a in enumerate(self.gates):
            np.matmul(self.h[k], wh, out=self.product)
            a += self.product  # noqa: PLW2901 - adds in place
            i, f, u, o = self.parts(a)
            sigmoid(a[:, : 2 * self.n])
            np.tanh(u, out=u)
            sigmoid(o)
            np.multiply(f, self.c[k], out=self.c[k + 1])
            np.multiply(i, u, out=self.t)
            self.c[k + 1] += self.t
            np.tanh(self.c[k + 1], out=self.tanh_c[k])
            np.multiply(o, self.tanh_c[k], out=self.h[k + 1])
        np.matmul(self.h[1:].reshape(-1, self.n), wo, out=self.z)
        self.z += bo

    def turn(self, k: int, wh: np.ndarray) -> None:
        """Back through one step: what reaches its gates, and the state before it."""
        i, f, u, o = self.parts(self.gates[k])
        to_i, to_f, to_u, to_o = self.parts(self.up[k])
        g, t, tc = self.to_hidden[k], self.t, self.tanh_c[k]
        g += self.to_h
        slope(tc, t)
        t *= o
        t *= g
        self.to_c += t
        for to, gate, factor, above in ((to_i, i, u, self.to_c), (to_f, f, self.c[k], self.to_c), (to_o, o, tc, g)):
            np.subtract(1, gate, out=to)
            for with_ in (gate, factor, above):
                np.multiply(to, with_, out=to)
        slope(u, to_u)
        to_u *= i
        to_u *= self.to_c
        self.to_c *= f
        np.matmul(self.up[k], wh.T, out=self.to_h)

    def backward(self, weights: Arrays, grads: Arrays, x: np.ndarray) -> None:
        """From the gradient of the scores, in ``z``, to those of the parameters."""
        _, wx, wh, _, wo, _ = weights
        to_table, to_wx, to_wh, to_b, to_wo, to_bo = grads
        np.matmul(self.h[1:].reshape(-1, self.n).T, self.z, out=to_wo)
        np.matmul(self.ones, self.z, out=to_bo)
        np.matmul(self.z, wo.T, out=self.to_hidden.reshape(-1, self.n))
        self.to_h[...] = 0
        self.to_c[...] = 0
        for k in reversed(range(self.length)):
            self.turn(k, wh)
        flat = self.up.reshape(-1, 4 * self.n)
        np.matmul(self.h[:-1].reshape(-1, self.n).T, flat, out=to_wh)
        np.matmul(self.inputs.reshape(-1, self.width).T, flat, out=to_wx)
        np.matmul(self.ones, flat, out=to_b)
        chosen = zeros(len(to_table), len(x))  # a product with ones and zeros adds up the rows of each symbol
        chosen[x, np.arange(len(x))] = 1
        np.matmul(chosen, flat @ wx.T, out=to_table)


def slope(tanh: np.ndarray, out: np.ndarray) -> None:
    """The derivative of tanh from its value."""
    np.multiply(tanh, tanh, out=out)
    np.subtract(1, out, out=out)


def lstm(p: Problem, threads: int) -> Side:
    adam = Adam(params(p))
    net = Lstm(adam.params, *p["x"].shape[1:])
    batches = [(x.T.ravel(), y.T.ravel()) for x, y in zip(p["x"], p["y"], strict=True)]

    def call(i: int) -> float:
        x, y = batches[i % len(batches)]
        net.forward(adam.params, x)
        loss = net.entropy(net.z, y)
        net.backward(adam.params, adam.grads, x)
        adam.step()
        return loss

    return Side(call)
