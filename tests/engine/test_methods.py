"""Methods and operators of tensors beside those of NumPy's arrays."""

import numpy as np
import pytest

import agcli as ag

pytestmark = pytest.mark.numeric

RNG = np.random.default_rng(6)
A = RNG.standard_normal((3, 4))
N = RNG.integers(-100, 100, (3, 4))

METHODS = [
    "ravel", "squeeze", "std", "var", "min", "max", "argmin", "argmax", "sum", "mean", "prod", "all", "any", "cumsum",
    "cumprod", "flatten", "trace", "diagonal", "argsort",
]  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
def test_methods_are_those_of_arrays(name):
    x = ag.placeholder("x", (3, 4), "float64")
    np.testing.assert_allclose(getattr(x, name)().eval({x: A}), getattr(A, name)(), rtol=1e-12)
    if name in ("std", "var", "min", "max", "argmin", "argmax", "sum", "mean", "prod", "all", "any", "cumsum"):
        np.testing.assert_allclose(getattr(x, name)(axis=0).eval({x: A}), getattr(A, name)(axis=0), rtol=1e-12)
        np.testing.assert_allclose(getattr(x, name)(1).eval({x: A}), getattr(A, name)(1), rtol=1e-12)


def test_methods_with_arguments():
    x, i = ag.placeholder("x", (3, 4), "float64"), ag.constant(N)
    for ours, theirs in (
        (x.std(ddof=1), A.std(ddof=1)), (x.var(0, ddof=1, keepdims=True), A.var(0, ddof=1, keepdims=True)),
        (x.swapaxes(0, 1), A.T), (x.mT, A.T), (x[None].mT, A.T[None]), (x.take([0, 2], axis=1), A[:, [0, 2]]),
        (x.clip(0, 1), A.clip(0, 1)), (x.clip(high=0), A.clip(max=0)), (x.repeat(2, axis=0), A.repeat(2, 0)),
        (x.dot(x.T), A.dot(A.T)), (i & 3, N & 3), (i | 3, N | 3), (i ^ 3, N ^ 3), (~i, ~N), (i << 2, N << 2),
        (i >> 2, N >> 2), (7 & i, 7 & N), (np.array(5) ^ i, 5 ^ N),
        (1 << (i & 7), 1 << (N & 7)), (N >> (i & 7), N >> (N & 7)),
        (~(x > 0) & (x < 1), ~(A > 0) & (A < 1)), ((x > 0) ^ (x < 1), (A > 0) ^ (A < 1)),
    ):  # fmt: skip
        np.testing.assert_allclose(ours.eval({x: A} if x in reached(ours) else {}), theirs, rtol=1e-12)
    assert x.size == 12
    assert ag.placeholder("n", (None, 3)).size is None
    assert x.argmax().eval({x: A}) == A.argmax()


def reached(t):
    return {t} | {x for i in t.inputs for x in reached(i)}
