"""Float16: whatever adds many numbers does so in float32, as NumPy's means do; held against float64 over scales."""

import numpy as np
import pytest

import agcli as ag

pytestmark = pytest.mark.numeric

N = 3000  # beyond 2048, where a running sum of ones in float16 stands still
SCALES = (2e-4, 1.0, 300.0, 3e4)
LABELS = np.arange(N) % 4
TARGETS = np.eye(4, dtype="float16")[LABELS]

# name -> a function of a tensor (N, 4), each column of one scale with small differences
FUNCTIONS = {
    "sum of columns": lambda x: ag.sum(x, 0),
    "sum of rows": lambda x: ag.sum(x, 1),
    "sum": ag.sum,
    "mean": ag.mean,
    "mean of columns": lambda x: ag.mean(x, 0),
    "mean of rows": lambda x: ag.mean(x, 1, keepdims=True),
    "var": lambda x: ag.var(x, 0),
    "var, ddof 1": lambda x: ag.var(x, 0, ddof=1),
    "std": lambda x: ag.std(x, 0),
    "norm": ag.norm,
    "norm 1": lambda x: ag.norm(x, 1, 0),
    "norm 3": lambda x: ag.norm(x, 3, 0),
    "prod": lambda x: ag.prod(x[:3], 0),
    "logsumexp": lambda x: ag.logsumexp(x, 0),
    "cumsum": lambda x: ag.cumsum(x, 0),
    "logcumsumexp": lambda x: ag.logcumsumexp(x, 0),
    "moments": lambda x: ag.moments(x, 0)[1],
    "normalize": lambda x: ag.normalize(x, 0),
    "layer_norm": lambda x: ag.layer_norm(x.T, np.ones(N, "float16")),
    "rms_norm": lambda x: ag.rms_norm(x.T),
    "batch_norm": ag.batch_norm,
    "instance_norm": lambda x: ag.instance_norm(x.reshape(2, -1, 4)),
    "group_norm": lambda x: ag.group_norm(x.reshape(2, -1, 4), groups=2),
    "softmax": lambda x: ag.softmax(x, 0),
    "log_softmax": lambda x: ag.log_softmax(x, 0),
    "softmax of rows": ag.softmax,
    "mean cross-entropy": lambda x: ag.mean(ag.sparse_softmax_cross_entropy(x, LABELS)),
    "mean soft cross-entropy": lambda x: ag.mean(ag.softmax_cross_entropy(x, TARGETS)),
    "mean binary cross-entropy": lambda x: ag.mean(ag.sigmoid_cross_entropy(x, TARGETS)),
    "mean squared error": lambda x: ag.mean_squared_error(x, TARGETS),
    "mean absolute error": lambda x: ag.mean_absolute_error(x, TARGETS),
    "cosine_similarity": lambda x: ag.cosine_similarity(x.T, x.T[::-1]),
    "segment_sum": lambda x: ag.segment_sum(x, LABELS, 4),
    "gradient of a broadcast": lambda x: ag.grad(ag.sum(x * ag.sum(x[:1] * 0 + 1, 0)), x),
    "global_avg_pool": lambda x: ag.global_avg_pool(x.reshape(1, -1, 4)),
    "attention": lambda x: ag.scaled_dot_product_attention(x[:50], x, x, scale=1e-8),
}


def value_and_slope(function, x, dtype):
    t = ag.placeholder("x", x.shape, dtype)
    y = function(t)
    assert y.dtype == dtype
    weights = np.cos(np.arange(y.type.size)).astype("float16").reshape(y.shape)
    slope = ag.grad(ag.sum(y.astype("float64") * weights), t, allow_unused=True)
    return [np.asarray(v, "float64") for v in ag.function([y, slope])(x.astype(dtype))]


@pytest.mark.parametrize("backend", ["numpy", "compiled"])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_float16_is_as_good_as_its_digits(name, scale, backend, monkeypatch):
    if backend == "numpy":
        monkeypatch.setenv("AG_BACKEND", "numpy")
    rng = np.random.default_rng(0)
    x = (scale * rng.uniform(1, 1.01, (N, 4)) * [1, 1, 0.5, 2]).astype("float16")
    half, double = (value_and_slope(FUNCTIONS[name], x, dtype) for dtype in ("float16", "float64"))
    with np.errstate(over="ignore"):
        for found, exact in zip(half, double, strict=True):
            size = np.abs(exact).max()
            limit = np.abs(exact) > 65504
            assert np.isfinite(found[~limit]).all()
            np.testing.assert_allclose(found[~limit], exact[~limit], rtol=6e-3, atol=max(6e-3 * size, 1.2e-7))


def test_the_figures_that_once_overflowed():
    x = ag.placeholder("x", (None,), "float16")
    row = np.tile(np.array([300, 301, 302, 303], "float16"), 250)
    assert ag.mean(x).eval({x: np.ones(65520, "float16")}) == 1
    assert ag.var(x).eval({x: row}) == 1.25
    np.testing.assert_allclose(ag.layer_norm(x).eval({x: row})[:4], [-1.342, -0.447, 0.447, 1.342], rtol=1e-3)
    scores, labels = ag.placeholder("s", (None, 4), "float16"), ag.placeholder("l", (None,), "int64")
    loss = ag.mean(ag.sparse_softmax_cross_entropy(scores, labels))
    assert loss.eval({scores: np.zeros((20000, 4), "float16"), labels: np.zeros(20000, int)}) == np.float16(np.log(4))


@pytest.mark.parametrize("dtype", ["float16", "uint16", "int8"])
def test_dtypes_without_compiled_code_stay_with_numpy(dtype):
    """Sums, extremes, columns, elementwise chains and products, all large enough to be compiled."""
    x = ag.placeholder("x", (None, 64), dtype)
    chain = x * x + x
    f = ag.function([ag.sum(x, 1), ag.max(x, 1), ag.min(x), ag.sum(x, 0), chain, ag.max(chain, 1), ag.sum(chain)])
    a = np.random.default_rng(0).integers(0, 3, (4000, 64)).astype(dtype)
    wide = a.astype("float64")
    both = wide * wide + wide
    expected = [wide.sum(1), wide.max(1), wide.min(), wide.sum(0), both, both.max(1), both.sum()]
    for found, exact in zip(f(a), expected, strict=True):
        np.testing.assert_allclose(found, exact if exact.max() < 65504 or dtype != "float16" else np.inf, rtol=1e-3)
