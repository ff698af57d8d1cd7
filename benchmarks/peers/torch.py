"""The workloads in torch, each as its users would write it for speed: fused Adam, channels last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from benchmarks.problem import Order, enough, floats, params
from benchmarks.row import Problem, Side
from benchmarks.workloads.transformer import own

Loss = Callable[[Any, Any], Any]


def prepared(loss: Loss) -> Loss:
    """A loss as it is called in every step; `torch_compile` puts something else here."""
    return loss


def parameters(p: Problem) -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(torch.from_numpy(a)) for a in params(p)]


def steps(loss: Loss, weights: Sequence[Any], batch: Callable[[int], Any], optimizer: Any = None) -> Side:
    """A step of training on ``batch(i)``."""
    if optimizer is None:
        optimizer = torch.optim.Adam(weights, lr=1e-3, fused=True)
    loss = prepared(loss)

    def call(i: int) -> float:
        value = loss(*batch(i))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return float(value.item())

    return Side(call)


def gathered(p: Problem, x: np.ndarray) -> Callable[[int], Any]:
    """Batches of rows that are taken from all of the data."""
    xs, ys, order = torch.from_numpy(x), torch.from_numpy(p["y"]), Order(p["order"])

    def batch(i: int) -> Any:
        rows = torch.from_numpy(order(i))
        return xs[rows], ys[rows]

    return batch


def cycled(p: Problem, x: Any) -> Callable[[int], Any]:
    """A few batches that come again and again."""
    batches = list(zip(x, torch.from_numpy(p["y"]), strict=True))
    return lambda i: batches[i % len(batches)]


def softmax(p: Problem, threads: int) -> Side:
    torch.set_num_threads(threads)
    w, b = weights = parameters(p)
    x = floats(p["x"]).reshape(-1, 784)
    return steps(lambda x, y: functional.cross_entropy(torch.addmm(b, x, w), y), weights, gathered(p, x))


def perceptron(x: Any, w: Sequence[Any]) -> Any:
    h = functional.relu(torch.addmm(w[1], x, w[0]))
    h = functional.relu(torch.addmm(w[3], h, w[2]))
    return torch.addmm(w[5], h, w[4])


def mlp(p: Problem, threads: int) -> Side:
    torch.set_num_threads(threads)
    weights = parameters(p)
    x = floats(p["x"]).reshape(-1, 784)
    return steps(lambda x, y: functional.cross_entropy(perceptron(x, weights), y), weights, gathered(p, x))


def mlp_wide(p: Problem, threads: int) -> Side:
    torch.set_num_threads(threads)
    weights, x = parameters(p), torch.from_numpy(p["x"])
    return steps(lambda x, y: functional.cross_entropy(perceptron(x, weights), y), weights, cycled(p, x))


def cnn(p: Problem, threads: int) -> Side:
    """Channels last, the faster layout on a CPU; the dense layer sees them in that order too."""
    torch.set_num_threads(threads)
    w = params(p)
    kernels = [
        torch.from_numpy(a).permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last) for a in (w[0], w[2])
    ]
    rest = [torch.from_numpy(w[i]) for i in (1, 3, 4, 5)]
    weights = k1, k2, b1, b2, w3, b3 = [torch.nn.Parameter(t) for t in (*kernels, *rest)]

    def loss(x: Any, y: Any) -> Any:
        h = functional.max_pool2d(functional.relu(functional.conv2d(x, k1, b1, padding=1)), 2)
        h = functional.dropout(h, p["drop"]) if p["drop"] else h
        h = functional.max_pool2d(functional.relu(functional.conv2d(h, k2, b2, padding=1)), 2)
        h = functional.dropout(h, p["drop"]) if p["drop"] else h
        return functional.cross_entropy(torch.addmm(b3, h.permute(0, 2, 3, 1).reshape(len(y), -1), w3), y)

    x = torch.from_numpy(p["x"]).permute(0, 1, 4, 2, 3)
    return steps(loss, weights, cycled(p, x))


def resnet(p: Problem, threads: int) -> Side:
    """Channels last."""
    torch.set_num_threads(threads)
    last = torch.channels_last
    arrays = [torch.from_numpy(a) for a in params(p)]
    weights = [
        torch.nn.Parameter(a.permute(3, 2, 0, 1).contiguous(memory_format=last) if a.ndim == 4 else a) for a in arrays
    ]

    def normed(n: int, x: Any, stride: int = 1, padding: int = 1) -> Any:
        """Convolution n and its batch norm; running statistics are kept as a layer would keep them."""
        kernel, scale, offset = weights[3 * n : 3 * n + 3]
        x = functional.conv2d(x, kernel, stride=stride, padding=padding)
        return functional.batch_norm(x, *running[n], scale, offset, training=True)

    running = [(torch.zeros(len(weights[3 * n])), torch.ones(len(weights[3 * n]))) for n in range(6)]

    def loss(x: Any, y: Any) -> Any:
        h = functional.relu(normed(0, x))
        h = functional.relu(h + normed(2, functional.relu(normed(1, h))))
        h = functional.relu(normed(4, functional.relu(normed(3, h, 2))) + normed(5, h, 2, 0))
        return functional.cross_entropy(torch.addmm(weights[-1], h.mean((2, 3)), weights[-2]), y)

    return steps(loss, weights, cycled(p, torch.from_numpy(p["x"]).permute(0, 1, 4, 2, 3)))


def lstm(p: Problem, threads: int) -> Side:
    """Of the two biases of torch's LSTM one stays zero."""
    torch.set_num_threads(threads)
    table, wx, wh, b, wo, bo = (torch.from_numpy(a) for a in params(p))
    layer = torch.nn.LSTM(table.shape[1], wh.shape[0])
    with torch.no_grad():
        layer.weight_ih_l0.copy_(wx.T)
        layer.weight_hh_l0.copy_(wh.T)
        layer.bias_ih_l0.copy_(b)
        layer.bias_hh_l0.zero_()
    layer.bias_hh_l0.requires_grad_(False)
    own = table, wo, bo = [torch.nn.Parameter(t) for t in (table, wo, bo)]
    weights = [*own, layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0]

    def loss(x: Any, y: Any) -> Any:
        h, _ = layer(functional.embedding(x, table))
        return functional.cross_entropy((h @ wo + bo).reshape(-1, len(bo)), y.reshape(-1))

    along = {**p, "y": np.ascontiguousarray(p["y"].swapaxes(1, 2))}
    return steps(loss, weights, cycled(along, torch.from_numpy(np.ascontiguousarray(p["x"].swapaxes(1, 2)))))


def attended(h: Any, w: Sequence[Any], heads: int) -> Any:
    """Causal attention: weights and biases of query, key, value and output."""

    def split(k: int) -> Any:
        return functional.linear(h, w[k].T, w[k + 1]).unflatten(-1, (heads, -1)).transpose(1, 2)

    y = functional.scaled_dot_product_attention(split(0), split(2), split(4), is_causal=True)
    return functional.linear(y.transpose(1, 2).flatten(2), w[6].T, w[7])


def transformer(p: Problem, threads: int, row: str = "transformer") -> Side:
    torch.set_num_threads(threads)
    q = own(p, row)
    weights = parameters(q)
    table, places, *layers = weights
    width = (table.shape[1],)

    def loss(x: Any, y: Any) -> Any:
        h = functional.embedding(x, table) + places
        for n in range(q["blocks"]):
            w = layers[16 * n : 16 * n + 16]
            h = h + attended(functional.layer_norm(h, width, w[0], w[1]), w[2:10], q["heads"])
            inner = functional.linear(functional.layer_norm(h, width, w[10], w[11]), w[12].T, w[13])
            h = h + functional.linear(functional.gelu(inner), w[14].T, w[15])
        scale, offset, wo, bo = layers[-4:]
        scores = functional.linear(functional.layer_norm(h, width, scale, offset), wo.T, bo)
        return functional.cross_entropy(scores.flatten(0, 1), y.flatten())

    return steps(loss, weights, cycled(q, torch.from_numpy(q["x"])))


def transformer_wide(p: Problem, threads: int) -> Side:
    return transformer(p, threads, "transformer_wide")


def adult_sgd(p: Problem, threads: int) -> Side:
    torch.set_num_threads(threads)
    w, b = weights = parameters(p)

    def loss(x: Any, y: Any) -> Any:
        return functional.binary_cross_entropy_with_logits(torch.addmm(b, x, w)[:, 0], y)

    labels = {**p, "y": p["y"].astype(np.float32)}
    return steps(loss, weights, gathered(labels, p["x"]), torch.optim.SGD(weights, lr=0.1, fused=True))


def adult_lbfgs(p: Problem, threads: int) -> Side:
    torch.set_num_threads(threads)
    w, b = parameters(p)
    x, y = torch.from_numpy(p["x"]), torch.from_numpy(p["y"].astype(np.float32))

    def loss() -> Any:
        return functional.binary_cross_entropy_with_logits(torch.addmm(b, x, w)[:, 0], y)

    def fitted(iterations: int) -> Side:
        def call(i: int) -> None:
            with torch.no_grad():
                w.zero_(), b.zero_()
            options: Any = {"history_size": 10, "line_search_fn": "strong_wolfe", "tolerance_change": 0}
            optimizer = torch.optim.LBFGS([w, b], max_iter=iterations, max_eval=10 * iterations, **options)

            def both() -> Any:
                optimizer.zero_grad()
                value = loss()
                value.backward()
                return value

            optimizer.step(both)

        def value(i: int) -> float:
            call(i)
            with torch.no_grad():
                return float(loss().item())

        return Side(call, value=value)

    return enough(fitted, p)


def formula(x: Any) -> Any:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def at_points(p: Problem, threads: int, f: Callable[[Any], Any]) -> Side:
    torch.set_num_threads(threads)
    points = list(torch.from_numpy(p["x"]))
    return Side(lambda i: f(points[i % len(points)]))


def rosenbrock(p: Problem, threads: int) -> Side:
    @torch.inference_mode()
    def value(x: Any) -> float:
        return float(formula(x).item())

    return at_points(p, threads, value)


def gradient(p: Problem, threads: int) -> Side:
    def both(x: Any) -> Any:
        x = x.detach().requires_grad_(True)
        value = formula(x)
        (g,) = torch.autograd.grad(value, x)
        return value.item(), *g.numpy()

    return at_points(p, threads, both)


def hessian(p: Problem, threads: int) -> Side:
    return at_points(p, threads, lambda x: torch.autograd.functional.hessian(formula, x).numpy())


def readme(p: Problem, threads: int) -> Side:
    torch.set_num_threads(threads)
    points = [float(v) for v in p["x"][:, 0]]

    def both(i: int) -> Any:
        x = torch.tensor(points[i % len(points)], dtype=torch.float64, requires_grad=True)
        y = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
        return [g.item() for g in torch.autograd.grad(2 * x * x + 3 * y + 1, [x, y])]

    return Side(both)


def chain(p: Problem, threads: int) -> Side:
    torch.set_num_threads(threads)
    x = torch.from_numpy(p["x"])

    @torch.inference_mode()
    def call(i: int) -> Any:
        return (torch.tanh(torch.exp(-x * x) * torch.sin(x) + 0.5 * x) * torch.sqrt(x + 1) - x).numpy()

    return Side(call)


def predict(p: Problem, threads: int) -> Side:
    torch.set_num_threads(threads)
    weights, rows = [torch.from_numpy(a) for a in params(p)], list(torch.from_numpy(p["x"]))

    @torch.inference_mode()
    def call(i: int) -> Any:
        return perceptron(rows[i % len(rows)], weights).numpy()

    return Side(call)
