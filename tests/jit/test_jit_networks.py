"""Random networks of convolutions: compiled, and in shards, they give the numbers of NumPy."""

import random

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import agcli as ag
from agcli.engine.backends.jit.convolutions import direct

pytestmark = pytest.mark.numeric

CONVOLUTIONS = ({"padding": "same"}, {"padding": 1}, {"strides": 2}, {"strides": (1, 2), "padding": "same"})
POOLS = ({"size": 2}, {"size": 3, "strides": 2}, {"size": (2, 3)}, {"size": 2, "padding": "same"})


@pytest.fixture(autouse=True)
def everything(monkeypatch, own_kernels, policy):
    monkeypatch.setattr(direct, "LEAST", 0)
    policy(min_gain=0)


class Network:
    """Three to six layers, each drawn from all that may follow."""

    def __init__(self, draw):
        self.draw, self.parameters = draw, []
        self.x = ag.placeholder("x", (None, 13, 11, draw.choice([1, 3, 17])), "float64")
        self.y = self.x
        for _ in range(draw.randint(3, 6)):
            draw.choice([self.convolution, self.convolution, self.transposed, self.pool, self.pool, self.between])()
        self.loss = ag.mean(ag.sin(self.y) * self.y)

    def parameter(self, *shape):
        self.parameters.append(ag.placeholder(f"p{len(self.parameters)}", shape, "float64"))
        return self.parameters[-1]

    def convolution(self):
        channels = self.y.shape[3]
        groups = self.draw.choice([1, 1, channels])
        outputs = channels if groups > 1 else self.draw.choice([2, 5, 20])
        size = [min(self.draw.randint(1, 3), n) for n in self.y.shape[1:3]]
        weights = self.parameter(*size, channels // groups, outputs)
        y = ag.conv2d(self.y, weights, groups=groups, **self.draw.choice(CONVOLUTIONS))
        self.y = y + self.parameter(outputs) if self.draw.random() < 0.6 else y

    def transposed(self):
        if max(self.y.shape[1:3]) < 10:
            weights = self.parameter(3, 2, 6, self.y.shape[3])
            self.y = ag.conv2d_transpose(self.y, weights, strides=self.draw.choice([1, 2]), padding="same")

    def pool(self):
        if min(self.y.shape[1:3]) >= 3:
            y = ag.relu(self.y) if self.draw.random() < 0.5 else self.y
            self.y = self.draw.choice([ag.max_pool2d, ag.max_pool2d, ag.avg_pool2d])(y, **self.draw.choice(POOLS))

    def between(self):
        self.y = self.draw.choice([ag.relu, ag.batch_norm, lambda y: ag.dropout(y, 0.25), lambda y: y + ag.tanh(y)])(
            self.y
        )


@pytest.mark.parametrize("seed", range(12))
def test_random_networks(monkeypatch, seed):
    net = Network(random.Random(seed))
    inputs = [net.x, *net.parameters]
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal((7, *net.x.shape[1:])), *(rng.standard_normal(p.shape) / 2 for p in net.parameters)]
    results = []
    for backend, shards in (("numpy", 1), ("jit", 1), ("jit", 2)):
        monkeypatch.setenv("AG_BACKEND", backend)
        f = ag.function([net.loss, *ag.grad(net.loss, inputs)], inputs=inputs, seed=3, shards=shards)
        f(*arrays)
        results.append(f(*arrays))  # with masks of a second call
    for found in results[1:]:
        for a, b in zip(results[0], found, strict=True):
            np.testing.assert_allclose(b, a, rtol=0, atol=1e-10 * max(1.0, float(np.abs(a).max())))
