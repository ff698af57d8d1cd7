"""Logistic regression on the census data `adult`, encoded as a spec would have it: SGD, and L-BFGS to the optimum."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from benchmarks.problem import enough, named, shuffled_batches
from benchmarks.row import Problem, Row, Side
from benchmarks.session import session, trained

BATCH, NEAR = 1024, 5e-4  # how near to the least loss L-BFGS has to come
PEERS = ("torch", "jax", "numpy")
DATA = """
data: {file: FILE, target: column_15, header: false, split: {stratified: {validation: 0}}}
model: [dense: 1]
loss: sigmoid_cross_entropy
"""
SGD = """
data: mnist
model: [dense: 1]
loss: sigmoid_cross_entropy
metrics: []
optimizer: {sgd: {lr: 0.1}}
train: {epochs: 1000, batch_size: 1024, drop_last: true}
"""
LBFGS = """
data: mnist
model: [dense: 1]
loss: sigmoid_cross_entropy
metrics: []
optimizer: {lbfgs: {memory: 10, iterations: ITERATIONS}}
train: {epochs: 1000, batch_size: 100000, shuffle: false}
"""
ROWS = (
    Row("adult_sgd", "logistic regression, adult, batch 1024, SGD", "ms/epoch", 0.7, PEERS, steps=25),
    Row("adult_lbfgs", "logistic regression, adult, L-BFGS to 5e-4", "ms/fit", 0.8, PEERS, tolerance=2 * NEAR),
)


def table(quick: bool) -> tuple[np.ndarray, np.ndarray]:
    """Encoded rows and labels; noise in their place where the file is not at hand (AG_DATA)."""
    path = Path(os.environ.get("AG_DATA", ""), "adult", "adult-train.csv")
    if quick or not path.is_file():
        rng = np.random.default_rng(0)
        x = rng.normal(0, 1, (12_288 if quick else 26_048, 107)).astype(np.float32)
        return x, (x[:, :9].sum(1) + rng.normal(0, 3, len(x)) > 0).astype(np.int64)
    from agcli.data.section import load_data
    from agcli.spec import parse_spec

    train = load_data(parse_spec(DATA.replace("FILE", str(path)))).train
    return np.array(train.x), np.array(train.y).astype(np.int64)


def least_loss(x: np.ndarray, y: np.ndarray) -> float:
    """The least mean loss, found in float64."""
    from scipy.optimize import minimize

    x, sign = np.column_stack([x, np.ones(len(x))]).astype(np.float64), 1.0 - 2.0 * y

    def both(w):
        z = sign * (x @ w)
        return np.logaddexp(0, z).mean(), x.T @ (sign / (1 + np.exp(-z))) / len(z)

    return float(minimize(both, np.zeros(x.shape[1]), jac=True, options={"maxiter": 300, "gtol": 1e-6}).fun)


def problem(quick: bool) -> Problem:
    x, y = table(quick)
    start = [np.zeros((x.shape[1], 1), np.float32), np.zeros(1, np.float32)]
    return {"x": x, "y": y, "order": shuffled_batches(len(x), BATCH), "enough": least_loss(x, y) + NEAR, **named(start)}


def adult_sgd(p: Problem, threads: int) -> Side:
    return trained(SGD, p, threads)


def adult_lbfgs(p: Problem, threads: int) -> Side:
    def fitted(iterations: int) -> Side:
        s = session(LBFGS.replace("ITERATIONS", str(iterations)), p, threads)
        start = {name: np.array(a) for name, a in s.arrays.items()}

        def call(i: int) -> None:
            for name, variable in s.variables.items():
                variable.value[...] = start[name]
            s.next_epoch()
            s.advance(s.next_batch())

        def value(i: int) -> float:
            call(i)
            return s.evaluate(s.data.train).mean_loss

        return Side(call, value=value)

    return enough(fitted, p)
