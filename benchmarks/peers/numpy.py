"""The floor: the workloads written by hand in NumPy, with buffers made once and derivatives worked out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from benchmarks.by_hand import Adam, CrossEntropy, Gather
from benchmarks.peers.numpy_networks import cnn as cnn
from benchmarks.peers.numpy_networks import lstm as lstm
from benchmarks.problem import enough, floats, params
from benchmarks.row import Problem, Side


def softmax(p: Problem, threads: int) -> Side:
    adam, batches = Adam(params(p)), Gather(p, floats(p["x"]).reshape(-1, 784))
    (w, b), (gw, gb) = adam.params, adam.grads
    z = np.empty((p["order"].shape[1], 10), np.float32)
    entropy, ones = CrossEntropy(*z.shape), np.ones(len(z), np.float32)

    def call(i: int) -> float:
        x, y = batches(i)
        np.matmul(x, w, out=z)
        np.add(z, b, out=z)
        loss = entropy(z, y)
        np.matmul(x.T, z, out=gw)
        np.matmul(ones, z, out=gb)
        adam.step()
        return loss

    return Side(call)


def mlp(p: Problem, threads: int) -> Side:
    adam, batches = Adam(params(p)), Gather(p, floats(p["x"]).reshape(-1, 784))
    weights, biases = adam.params[::2], adam.params[1::2]
    to_weights, to_biases = adam.grads[::2], adam.grads[1::2]
    batch = p["order"].shape[1]
    h = [np.empty((batch, w.shape[1]), np.float32) for w in weights]
    g = [np.empty_like(a) for a in h]
    entropy, ones = CrossEntropy(*h[-1].shape), np.ones(batch, np.float32)

    def call(i: int) -> float:
        x, y = batches(i)
        below = [x, *h[:-1]]
        for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
            np.matmul(below[k], w, out=h[k])
            h[k] += b
            if k < 2:
                np.maximum(h[k], 0, out=h[k])
        loss = entropy(h[2], y)
        up = h[2]
        for k in (2, 1, 0):
            np.matmul(below[k].T, up, out=to_weights[k])
            np.matmul(ones, up, out=to_biases[k])
            if k:
                np.matmul(up, weights[k].T, out=g[k - 1])
                np.multiply(g[k - 1], h[k - 1] > 0, out=g[k - 1])
                up = g[k - 1]
        adam.step()
        return loss

    return Side(call)


def adult_sgd(p: Problem, threads: int) -> Side:
    (w, b), batches = params(p), Gather(p, p["x"])
    n = p["order"].shape[1]
    z, rate = np.empty((n, 1), np.float32), np.float32(0.1 / n)

    def call(i: int) -> float:
        x, y = batches(i)
        np.matmul(x, w, out=z)
        np.add(z, b, out=z)
        t = z[:, 0]
        loss = np.logaddexp(0, t).mean(dtype=np.float64) - float(t @ y) / n
        expit(t, out=t)
        np.subtract(t, y, out=t)
        np.multiply(t, rate, out=t)
        np.subtract(w, x.T @ z, out=w)
        np.subtract(b, t.sum(), out=b)
        return float(loss)

    return Side(call)


def adult_lbfgs(p: Problem, threads: int) -> Side:
    """SciPy's L-BFGS-B, loss and gradient by hand."""
    x, y = p["x"], p["y"].astype(np.float32)
    n, width = x.shape

    def both(w: Any) -> Any:
        w = w.astype(np.float32)
        z = x @ w[:width] + w[width]
        loss = np.logaddexp(0, z).mean(dtype=np.float64) - float(z @ y) / n
        e = (expit(z) - y) / n
        return loss, np.append(x.T @ e, e.sum()).astype(np.float64)

    def fitted(iterations: int) -> Side:
        options = {"maxiter": iterations, "maxcor": 10, "ftol": 0, "gtol": 0}

        def value(i: int) -> float:
            return float(minimize(both, np.zeros(width + 1), jac=True, method="L-BFGS-B", options=options).fun)

        return Side(value, value=value)

    return enough(fitted, p)


def formula(x: Any) -> Any:
    a, b = x[1:] - x[:-1] ** 2, 1 - x[:-1]
    return 100 * (a @ a) + b @ b


def slope(x: Any) -> Any:
    a, b = x[1:] - x[:-1] ** 2, 1 - x[:-1]
    g = np.zeros_like(x)
    g[:-1] = -400 * x[:-1] * a - 2 * b
    g[1:] += 200 * a
    return 100 * (a @ a) + b @ b, *g


def curvature(x: Any) -> Any:
    n, low = len(x), x[:-1]
    h = np.zeros((n, n))
    flat, side = h.reshape(-1), -400 * low
    flat[1 :: n + 1] = side
    flat[n :: n + 1] = side
    flat[: -1 : n + 1] = 1200 * low * low - 400 * x[1:] + 2
    flat[n + 1 :: n + 1] += 200
    return h


def at_points(p: Problem, f: Callable[[Any], Any]) -> Side:
    points = list(p["x"])
    return Side(lambda i: f(points[i % len(points)]))


def rosenbrock(p: Problem, threads: int) -> Side:
    return at_points(p, formula)


def gradient(p: Problem, threads: int) -> Side:
    return at_points(p, slope)


def hessian(p: Problem, threads: int) -> Side:
    return at_points(p, curvature)


def readme(p: Problem, threads: int) -> Side:
    return at_points({"x": p["x"][:, 0].tolist()}, lambda x: (4 * x, 3.0))


def chain(p: Problem, threads: int) -> Side:
    """In blocks that stay in the cache."""
    x, block = p["x"], 16_384
    out, t = np.empty_like(x), np.empty(block, np.float32)

    def call(i: int) -> Any:
        for start in range(0, len(x), block):
            v, u = x[start : start + block], out[start : start + block]
            s = t[: len(v)]
            np.multiply(v, v, out=u)
            np.negative(u, out=u)
            np.exp(u, out=u)
            np.sin(v, out=s)
            np.multiply(u, s, out=u)
            np.multiply(v, np.float32(0.5), out=s)
            np.add(u, s, out=u)
            np.tanh(u, out=u)
            np.add(v, np.float32(1), out=s)
            np.sqrt(s, out=s)
            np.multiply(u, s, out=u)
            np.subtract(u, v, out=u)
        return out

    return Side(call)


def predict(p: Problem, threads: int) -> Side:
    w, rows = params(p), list(p["x"])

    def call(i: int) -> Any:
        h = rows[i % len(rows)]
        for k in (0, 2):
            h = h @ w[k]
            h += w[k + 1]
            np.maximum(h, 0, out=h)
        h = h @ w[4]
        h += w[5]
        return h

    return Side(call)
