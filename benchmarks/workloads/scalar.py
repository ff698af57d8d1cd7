"""A scalar function of ten variables (Rosenbrock, 1960), its gradient and Hessian; and the README's formula."""

from __future__ import annotations

import numpy as np

import agcli as ag
from benchmarks.row import Problem, Row, Side

POINTS = 100
PEERS = ("torch", "jax", "hips", "numpy")
ROWS = (
    Row("rosenbrock", "Rosenbrock of 10 variables: value", "us/call", 0.5, PEERS),
    Row("gradient", "Rosenbrock: value and gradient", "us/call", 0.5, PEERS),
    Row("hessian", "Rosenbrock: Hessian", "us/call", 0.5, PEERS),
    Row("readme", "2*x^2 + 3*y + 1: both derivatives", "us/call", 0.5, PEERS),
)


def problem(quick: bool) -> Problem:
    return {"x": np.random.default_rng(1).normal(0, 1, (POINTS, 10))}


def formula(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def called(p: Problem, fetches, x) -> Side:
    f, points = ag.function(fetches, inputs=[x]), list(p["x"])
    return Side(lambda i: f({x: points[i % POINTS]}))


def rosenbrock(p: Problem, threads: int) -> Side:
    x = ag.placeholder("x", (10,), "float64")
    return called(p, formula(x), x)


def gradient(p: Problem, threads: int) -> Side:
    x = ag.placeholder("x", (10,), "float64")
    f, y = ag.function([formula(x), ag.grad(formula(x), x)], inputs=[x]), list(p["x"])

    def call(i: int):
        value, g = f({x: y[i % POINTS]})
        return value, *g

    return Side(call)


def hessian(p: Problem, threads: int) -> Side:
    x = ag.placeholder("x", (10,), "float64")
    return called(p, ag.hessian(formula(x), x), x)


def readme(p: Problem, threads: int) -> Side:
    x, y = ag.placeholder("x", (), "float64"), ag.placeholder("y", (), "float64")
    f = ag.function(ag.grad(2 * x * x + 3 * y + 1, [x, y]), inputs=[x, y])
    points = [float(v) for v in p["x"][:, 0]]
    return Side(lambda i: f({x: points[i % POINTS], y: 1.0}))
