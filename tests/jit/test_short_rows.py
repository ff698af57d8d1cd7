"""Softmax and cross-entropies of short rows, as many at a time as a register has lanes: as each row by itself."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import agcli as ag
from agcli.engine.backends.jit import fuse
from agcli.engine.backends.jit.elementwise import launch
from agcli.engine.errors import EngineError

pytestmark = pytest.mark.numeric
MANY = 3 * launch.LEAST_ROWS + 7  # some are left behind the last whole block


@pytest.fixture(autouse=True)
def always(monkeypatch, own_kernels):
    monkeypatch.setattr(fuse, "WORTH", 0)
    monkeypatch.setattr(fuse, "LEAST", 1)
    monkeypatch.setattr(launch, "_kernels", {})


def rows_of(count, classes, dtype):
    rng = np.random.default_rng(classes)
    x = (5 * rng.normal(size=(count, classes))).astype(dtype)
    x[3], x[5, 0], x[7], x[9] = np.nan, np.inf, -np.inf, 1000
    x[11, -1] = np.nan
    return x, rng.integers(0, classes, count)


def results(x, labels):
    logits = ag.placeholder("x", x.shape, x.dtype)
    y = ag.placeholder("y", labels.shape, labels.dtype)
    losses = ag.sparse_softmax_cross_entropy(logits, y)
    fetches = [losses, ag.grad(ag.sum(losses), logits), ag.softmax(logits), ag.log_softmax(logits)]
    return ag.function(fetches, inputs=[logits, y])(x, labels)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("classes", [1, 2, 3, 8, 10, 16, 17, launch.ACROSS, launch.ACROSS + 1])
def test_a_row_has_the_same_bits_among_many_rows(classes, dtype):
    x, labels = rows_of(MANY, classes, dtype)
    many = results(x, labels)
    assert any(across for *_, across in launch._kernels) == (classes <= launch.ACROSS)
    launch._kernels.clear()
    few = results(x[: launch.LEAST_ROWS - 1], labels[: launch.LEAST_ROWS - 1])
    assert not any(across for *_, across in launch._kernels)
    for a, b in zip(many, few, strict=True):
        np.testing.assert_array_equal(a[: len(b)], b)


def test_rows_of_a_wider_array_and_in_its_place():
    """Rows that lie apart, and a result where the logits lie."""
    wide = np.zeros((MANY, 32), "float32")
    x, labels = rows_of(MANY, 10, "float32")
    wide[:, 4:14] = x
    for a, b in zip(results(wide[:, 4:14], labels), results(x, labels), strict=True):
        np.testing.assert_array_equal(a, b)
    logits = ag.placeholder("x", x.shape, x.dtype)
    both = ag.function(ag.softmax(logits * 2.0), inputs=[logits])(x)
    np.testing.assert_array_equal(both, results(2 * x, labels)[2])


def test_a_label_that_does_not_exist_is_refused_among_many():
    x, labels = rows_of(MANY, 10, "float32")
    labels[-1] = 10
    with pytest.raises(EngineError, match="10"):
        results(x, labels)


@pytest.mark.parametrize("classes", [2, 7, 10])
def test_values_are_those_of_numpy(classes):
    x, _ = rows_of(MANY, classes, "float64")
    rows = np.isfinite(x).all(1)
    power = np.exp(x[rows] - x[rows].max(1, keepdims=True))
    found = results(x, np.zeros(MANY, "int64"))
    np.testing.assert_allclose(found[2][rows], power / power.sum(1, keepdims=True), rtol=1e-13)
    assert np.isnan(found[2][~rows & ~np.isinf(x).all(1)]).any()
