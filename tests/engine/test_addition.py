"""Sums of many numbers lose no digits to their count: over all axes, in any order of memory, on both backends."""

from itertools import combinations

import numpy as np
import pytest

import agcli as ag
from agcli.engine.ops.addition import summation

pytestmark = pytest.mark.numeric

SHAPES = [
    (1_000_003,), (1_000_000, 3), (3, 300_001), (200_000, 1), (20_000, 64), (4, 50_000, 8), (300, 7, 500),
    (2, 3, 100_000), (513, 4), (641, 10), (255, 4), (5, 700, 3, 2), (1, 1000, 1, 2),
]  # fmt: skip
LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "turned": lambda a: np.ascontiguousarray(np.moveaxis(a, 0, -1)).transpose(a.ndim - 1, *range(a.ndim - 1)),
    "gaps": lambda a: np.repeat(a, 2, -1)[..., ::2],
    "backwards": lambda a: np.ascontiguousarray(a[::-1])[::-1],
}
WIDE = {"float16": np.float64, "float32": np.float64, "float64": np.longdouble}


def choices(rank):
    return [axes for k in range(1, rank + 1) for axes in combinations(range(rank), k)]


def close(found, exact, dtype, units=40):
    np.testing.assert_allclose(found, exact, rtol=units * np.finfo(dtype).eps)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_kernel(shape, dtype, layout):
    a = LAYOUTS[layout](np.random.default_rng(0).uniform(0.5, 1.5, shape).astype(dtype))
    for axes in choices(len(shape)):
        exact = a.sum(axes, WIDE[dtype])
        for keepdims in (False, True):
            out = np.full(np.expand_dims(exact, axes).shape if keepdims else exact.shape, np.nan, dtype)
            call = summation(a, axes, keepdims, out)
            call()
            call()  # what it keeps between calls is not added twice
            close(out.reshape(exact.shape), exact, dtype)


def test_the_kernel_fills_any_place():
    a = np.random.default_rng(0).uniform(0.5, 1.5, (2, 3, 700)).astype("float32")
    for x, axes in ((a, (2,)), (a.transpose(1, 2, 0), (1,)), (a[..., ::2], (2,)), (a.transpose(1, 0, 2), (2,))):
        exact = x.sum(axes, np.float64)
        for out in (np.empty(exact.shape[::-1], "float32").T, np.empty((*exact.shape, 2), "float32")[..., 1]):
            summation(x, axes, False, out)()
            close(out, exact, "float32")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_sums_and_means(dtype, backend):
    for shape in ((60_000, 3), (60_000, 16), (4, 5000, 8), (300, 7, 50), (3, 40_000)):
        a = (np.random.default_rng(0).uniform(0.5, 1.5, shape) / (100 if dtype == "float16" else 1)).astype(dtype)
        x = ag.placeholder("x", shape, dtype)
        for axes in choices(len(shape)):
            exact, n = a.sum(axes, WIDE[dtype]), np.prod([shape[i] for i in axes])
            y = [
                ag.sum(x, axes),
                ag.mean(x, axes),
                ag.sum(x * 2, axes),
                ag.sum(ag.transpose(x), [len(shape) - 1 - i for i in axes]),
            ]
            total, mean, twice, turned = ag.function(y, inputs=[x])(a)
            for found, wanted in ((total, exact), (mean, exact / n), (twice, 2 * exact), (turned, exact.T)):
                close(found, wanted, dtype)


@pytest.mark.parametrize("value", [0.1, 0.7, 1.1, 3.3])
def test_equal_numbers_whose_roundings_all_go_one_way(value, backend):
    a = np.full((100_000, 9), value, "float32")
    x = ag.placeholder("x", a.shape)
    found = ag.function([ag.sum(x, 0), ag.sum(x[:, :3], 0), ag.sum(x), ag.sum(2 * x, 0) / 2], inputs=[x])(a)
    for sums in found:
        close(sums, np.float64(a[0, 0]) * (100_000 if sums.ndim else 900_000), "float32", 100)


# name -> a function of a tensor (n, k) whose columns are 1000 + N(0, 1), and the same by NumPy in float64
SPREADS = {
    "mean": (lambda x: ag.mean(x, 0), lambda a: a.mean(0)),
    "var": (lambda x: ag.var(x, 0), lambda a: a.var(0)),
    "std": (lambda x: ag.std(x, 0), lambda a: a.std(0)),
    "moments": (lambda x: ag.moments(x, 0)[1], lambda a: a.var(0)),
    "norm": (lambda x: ag.norm(x, axis=0), lambda a: np.sqrt((a * a).sum(0))),
    "norm of all": (ag.norm, lambda a: np.sqrt((a * a).sum())),
    "norm of rows": (lambda x: ag.norm(ag.transpose(x), axis=1), lambda a: np.sqrt((a * a).sum(0))),
    "logsumexp": (lambda x: ag.logsumexp(x * 0, 0), lambda a: np.log(len(a)) * np.ones(a.shape[1])),
    "softmax": (lambda x: 1 / ag.softmax(x * 0, 0)[0], lambda a: len(a) * np.ones(a.shape[1])),
    "cumsum": (lambda x: ag.cumsum(x, 0)[-1], lambda a: a.sum(0)),
    "batch_norm": (lambda x: ag.var(ag.batch_norm(x), 0), lambda a: np.ones(a.shape[1])),
    "segment_sum": (
        lambda x: ag.segment_sum(x, np.arange(x.shape[0]) % 2, 2), lambda a: np.stack([a[::2].sum(0), a[1::2].sum(0)])
    ),
    "gradient of a bias": (
        lambda x: ag.grad(ag.sum((x + (b := ag.zeros_like(x[0]))) * x), b), lambda a: a.sum(0)
    ),
    "gradient of tiles": (
        lambda x: ag.grad(ag.sum(ag.tile(b := x[:1], (x.shape[0], 1)) * x), b), lambda a: a.sum(0, keepdims=True)
    ),
    "gradient of an embedding": (
        lambda x: ag.grad(ag.sum(ag.take(b := x[:1], np.zeros(x.shape[0], int), axis=0) * x), b),
        lambda a: a.sum(0, keepdims=True),
    ),
}  # fmt: skip


@pytest.mark.parametrize("columns", [3, 16])
@pytest.mark.parametrize("name", SPREADS)
def test_what_is_made_of_sums(name, columns, backend):
    ours, exact = SPREADS[name]
    a = (1000 + np.random.default_rng(0).normal(size=(300_000, columns))).astype("float32")
    x = ag.placeholder("x", a.shape)
    tolerance = 1e-3 if name in ("var", "std", "moments", "batch_norm") else 40 * np.finfo("float32").eps
    np.testing.assert_allclose(ag.function(ours(x), inputs=[x])(a), exact(a.astype("float64")), rtol=tolerance)


def test_the_figures_that_were_once_wrong():
    x = ag.constant((1000 + np.random.default_rng(0).normal(size=(1_000_000, 3))).astype("f4"))
    np.testing.assert_allclose(ag.mean(x, axis=0).eval(), 1000, rtol=1e-5)
    np.testing.assert_allclose(ag.var(x, axis=0).eval(), 1, rtol=5e-3)


def test_means_of_integers_are_exact_to_the_last_digits():
    a = np.random.default_rng(0).integers(0, 1000, (100_000, 3))
    np.testing.assert_allclose(ag.mean(ag.constant(a), 0).eval(), a.sum(0) / len(a), rtol=1e-15)
