"""Softmax regression on MNIST in JAX, as a script: FOLDER OUT EPOCHS."""

from __future__ import annotations

import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.scripts.mnist import BATCH, images, labels, report, start

folder, out, epochs = sys.argv[1:]
x, y = jnp.array(images(folder, "train")), jnp.array(labels(folder, "train"), jnp.int32)
test_x, test_y = jnp.array(images(folder, "t10k")), jnp.array(labels(folder, "t10k"), jnp.int32)
weights = [jnp.array(a) for a in start()]
optimizer = optax.adam(1e-3)
state = optimizer.init(weights)


def loss(weights, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(x @ weights[0] + weights[1], y).mean()


@jax.jit
def epoch(weights, state, x, y, order):
    def body(carry, rows):
        weights, state = carry
        value, g = jax.value_and_grad(loss)(weights, x[rows], y[rows])
        updates, state = optimizer.update(g, state, weights)
        return (optax.apply_updates(weights, updates), state), value

    (weights, state), _ = jax.lax.scan(body, (weights, state), order)
    return weights, state


@jax.jit
def evaluated(weights, x, y):
    return loss(weights, x, y), ((x @ weights[0] + weights[1]).argmax(1) == y).mean()


rng = np.random.default_rng(0)
for _ in range(int(epochs)):
    weights, state = epoch(weights, state, x, y, rng.permutation(len(x)).astype(np.int32).reshape(-1, BATCH))
    _, accuracy = evaluated(weights, test_x, test_y)
    np.savez(out, w=weights[0], b=weights[1], **{f"s{i}": a for i, a in enumerate(jax.tree.leaves(state))})
report(accuracy)
