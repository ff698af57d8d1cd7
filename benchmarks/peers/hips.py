"""The small workloads in HIPS autograd, which is not made for large ones."""

from __future__ import annotations

from typing import Any

from autograd import grad, value_and_grad
from autograd import hessian as hessian_of
from autograd import numpy as anp

from benchmarks.row import Problem, Side


def formula(x: Any) -> Any:
    return anp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def at_points(p: Problem, f: Any) -> Side:
    points = list(p["x"])
    return Side(lambda i: f(points[i % len(points)]))


def rosenbrock(p: Problem, threads: int) -> Side:
    return at_points(p, formula)


def gradient(p: Problem, threads: int) -> Side:
    both = value_and_grad(formula)

    def call(x: Any) -> Any:
        value, g = both(x)
        return value, *g

    return at_points(p, call)


def hessian(p: Problem, threads: int) -> Side:
    return at_points(p, hessian_of(formula))


def readme(p: Problem, threads: int) -> Side:
    both, points = grad(lambda x, y: 2 * x * x + 3 * y + 1, (0, 1)), [float(v) for v in p["x"][:, 0]]
    return Side(lambda i: both(points[i % len(points)], 1.0))
