"""The workloads in JAX: everything jitted, buffers given away, and a whole epoch in one lax.scan where that helps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.problem import Order, enough, floats, params
from benchmarks.row import Problem, Side
from benchmarks.workloads.transformer import own

Loss = Callable[..., Any]
LAYOUT = ("NHWC", "HWIO", "NHWC")


def cross_entropy(z: Any, y: Any) -> Any:
    return optax.softmax_cross_entropy_with_integer_labels(z, y).mean()


def stepper(loss: Loss, optimizer: Any) -> Callable[..., Any]:
    """(parameters, state, batch) -> the same after a step, and the loss."""

    def step(weights: Any, state: Any, *batch: Any) -> Any:
        value, g = jax.value_and_grad(loss)(weights, *batch)
        updates, state = optimizer.update(g, state, weights)
        return optax.apply_updates(weights, updates), state, value

    return step


class Training:
    """Parameters and optimizer state between calls."""

    def __init__(self, loss: Loss, p: Problem, optimizer: Any = None) -> None:
        optimizer = optax.adam(1e-3) if optimizer is None else optimizer
        self.weights = [jnp.array(a) for a in params(p)]
        self.state = optimizer.init(self.weights)
        self.step = stepper(loss, optimizer)
        self.jitted = jax.jit(self.step, donate_argnums=(0, 1))

    def __call__(self, *batch: Any) -> float:
        self.weights, self.state, value = self.jitted(self.weights, self.state, *batch)
        return float(value)


def scanned(loss: Loss, p: Problem, x: np.ndarray, optimizer: Any = None) -> Side:
    """Many steps in one lax.scan over the row numbers of their batches."""
    training, order = Training(loss, p, optimizer), Order(p["order"])
    xs, ys = jnp.array(x), jnp.array(p["y"].astype(np.int32))

    @jax.jit
    def epoch(weights: Any, state: Any, order: Any) -> Any:
        def body(carry: Any, rows: Any) -> Any:
            weights, state, value = training.step(*carry, xs[rows], ys[rows])
            return (weights, state), value

        return jax.lax.scan(body, (weights, state), order)

    def many(start: int, stop: int) -> Any:
        values = []
        for first in range(start, stop, len(p["order"])):
            last = min(first + len(p["order"]), stop)
            rows = np.stack([order(i) for i in range(first, last)]).astype(np.int32)
            (training.weights, training.state), losses = epoch(training.weights, training.state, rows)
            values.append(np.asarray(losses))
        return np.concatenate(values)

    return Side(many=many)


def cycled(loss: Loss, p: Problem) -> Side:
    """One jitted step after another over a few batches."""
    training = Training(loss, p)
    batches = [(jnp.array(x), jnp.array(y.astype(np.int32))) for x, y in zip(p["x"], p["y"], strict=True)]
    if not p.get("drop"):
        return Side(lambda i: training(*batches[i % len(batches)]))
    keys = iter(jax.random.split(jax.random.key(0), 1 << 20))
    return Side(lambda i: training(*batches[i % len(batches)], next(keys)))


def softmax(p: Problem, threads: int) -> Side:
    def loss(weights: Any, x: Any, y: Any) -> Any:
        return cross_entropy(x @ weights[0] + weights[1], y)

    return scanned(loss, p, floats(p["x"]).reshape(-1, 784))


def perceptron(w: Any, x: Any) -> Any:
    h = jax.nn.relu(x @ w[0] + w[1])
    return jax.nn.relu(h @ w[2] + w[3]) @ w[4] + w[5]


def mlp(p: Problem, threads: int) -> Side:
    """Step by step: in a scan XLA computes large products on one thread."""
    training = Training(lambda w, x, y: cross_entropy(perceptron(w, x), y), p)
    x, y, order = floats(p["x"]).reshape(-1, 784), p["y"].astype(np.int32), Order(p["order"])

    def call(i: int) -> float:
        rows = order(i)
        return training(x[rows], y[rows])

    return Side(call)


def mlp_wide(p: Problem, threads: int) -> Side:
    return cycled(lambda w, x, y: cross_entropy(perceptron(w, x), y), p)


def cnn(p: Problem, threads: int) -> Side:
    def pooled(x: Any) -> Any:
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def dropped(x: Any, key: Any) -> Any:
        keep = 1 - p["drop"]
        return jnp.where(jax.random.bernoulli(key, keep, x.shape), x / keep, 0)

    def loss(w: Any, x: Any, y: Any, key: Any = None) -> Any:
        keys = [None, None] if key is None else jax.random.split(key)
        for kernel, bias, k in ((w[0], w[1], keys[0]), (w[2], w[3], keys[1])):
            x = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=LAYOUT)
            x = pooled(jax.nn.relu(x + bias))
            x = x if k is None else dropped(x, k)
        return cross_entropy(x.reshape(len(y), -1) @ w[4] + w[5], y)

    return cycled(loss, p)


def resnet(p: Problem, threads: int) -> Side:
    """Running statistics are left out: they change no loss of training."""

    def loss(w: Any, x: Any, y: Any) -> Any:
        def normed(n: int, x: Any, stride: int = 1, padding: int = 1) -> Any:
            kernel, scale, offset = w[3 * n : 3 * n + 3]
            around = ((padding, padding), (padding, padding))
            x = jax.lax.conv_general_dilated(x, kernel, (stride, stride), around, dimension_numbers=LAYOUT)
            mean = x.mean((0, 1, 2))
            variance = jnp.square(x - mean).mean((0, 1, 2))
            return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * scale + offset

        h = jax.nn.relu(normed(0, x))
        h = jax.nn.relu(h + normed(2, jax.nn.relu(normed(1, h))))
        h = jax.nn.relu(normed(4, jax.nn.relu(normed(3, h, 2))) + normed(5, h, 2, 0))
        return cross_entropy(h.mean((1, 2)) @ w[-2] + w[-1], y)

    return cycled(loss, p)


def lstm(p: Problem, threads: int) -> Side:
    def loss(weights: Any, x: Any, y: Any) -> Any:
        table, wx, wh, b, wo, bo = weights
        along = (table[x] @ wx + b).swapaxes(0, 1)

        def cell(state: Any, inputs: Any) -> Any:
            h, c = state
            i, f, u, o = jnp.split(inputs + h @ wh, 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(u)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        zero = jnp.zeros((x.shape[0], wh.shape[0]))
        _, hidden = jax.lax.scan(cell, (zero, zero), along)
        return cross_entropy(hidden.swapaxes(0, 1) @ wo + bo, y)

    return cycled(loss, p)


def normalized(x: Any, scale: Any, offset: Any) -> Any:
    centred = x - x.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + 1e-5) * scale + offset


def attended(h: Any, w: Any, heads: int) -> Any:
    """Causal attention: weights and biases of query, key, value and output."""
    q, k, v = ((h @ w[i] + w[i + 1]).reshape(*h.shape[:2], heads, -1) for i in (0, 2, 4))
    return jax.nn.dot_product_attention(q, k, v, is_causal=True).reshape(h.shape) @ w[6] + w[7]


def transformer(p: Problem, threads: int, row: str = "transformer") -> Side:
    q = own(p, row)

    def loss(weights: Any, x: Any, y: Any) -> Any:
        table, places, *layers = weights
        h = table[x] + places
        for n in range(q["blocks"]):
            w = layers[16 * n : 16 * n + 16]
            h = h + attended(normalized(h, w[0], w[1]), w[2:10], q["heads"])
            inner = normalized(h, w[10], w[11]) @ w[12] + w[13]
            h = h + jax.nn.gelu(inner, approximate=False) @ w[14] + w[15]
        scale, offset, wo, bo = layers[-4:]
        return cross_entropy(normalized(h, scale, offset) @ wo + bo, y)

    return cycled(loss, q)


def transformer_wide(p: Problem, threads: int) -> Side:
    return transformer(p, threads, "transformer_wide")


def logistic(weights: Any, x: Any, y: Any) -> Any:
    return optax.sigmoid_binary_cross_entropy((x @ weights[0] + weights[1])[:, 0], y).mean()


def adult_sgd(p: Problem, threads: int) -> Side:
    return scanned(logistic, p, p["x"], optax.sgd(0.1))


def adult_lbfgs(p: Problem, threads: int) -> Side:
    """All iterations in one compiled loop."""
    x, y, start = jnp.array(p["x"]), jnp.array(p["y"].astype(np.float32)), [jnp.array(a) for a in params(p)]
    optimizer = optax.lbfgs(memory_size=10)

    def loss(weights: Any) -> Any:
        return logistic(weights, x, y)

    @jax.jit
    def fit(weights: Any, iterations: int) -> Any:
        both = optax.value_and_grad_from_state(loss)

        def body(_: int, carry: Any) -> Any:
            weights, state = carry
            value, g = both(weights, state=state)
            updates, state = optimizer.update(g, state, weights, value=value, grad=g, value_fn=loss)
            return optax.apply_updates(weights, updates), state

        return jax.lax.fori_loop(0, iterations, body, (weights, optimizer.init(weights)))[0]

    def fitted(iterations: int) -> Side:
        def value(i: int) -> float:
            return float(loss(fit(start, iterations)))

        return Side(lambda i: jax.block_until_ready(fit(start, iterations)), value=value)

    return enough(fitted, p)


def formula(x: Any) -> Any:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def at_points(p: Problem, f: Callable[[Any], Any]) -> Side:
    jax.config.update("jax_enable_x64", True)
    f, points = jax.jit(f), list(p["x"])
    return Side(lambda i: jax.block_until_ready(f(points[i % len(points)])))


def rosenbrock(p: Problem, threads: int) -> Side:
    return at_points(p, formula)


def gradient(p: Problem, threads: int) -> Side:
    side = at_points(p, jax.value_and_grad(formula))

    def value(i: int) -> Any:
        assert side.call is not None
        f, g = side.call(i)
        return f, *g

    return Side(side.call, value=value)


def hessian(p: Problem, threads: int) -> Side:
    return at_points(p, jax.hessian(formula))


def readme(p: Problem, threads: int) -> Side:
    jax.config.update("jax_enable_x64", True)
    f = jax.jit(jax.grad(lambda x, y: 2 * x * x + 3 * y + 1, (0, 1)))
    points = [float(v) for v in p["x"][:, 0]]
    return Side(lambda i: jax.block_until_ready(f(points[i % len(points)], 1.0)))


def chain(p: Problem, threads: int) -> Side:
    x = jnp.array(p["x"])
    f = jax.jit(lambda x: jnp.tanh(jnp.exp(-x * x) * jnp.sin(x) + 0.5 * x) * jnp.sqrt(x + 1) - x)
    return Side(lambda i: jax.block_until_ready(f(x)))


def predict(p: Problem, threads: int) -> Side:
    weights, rows, f = [jnp.array(a) for a in params(p)], list(p["x"]), jax.jit(perceptron)
    return Side(lambda i: np.asarray(f(weights, rows[i % len(rows)])))
