"""Random ops: distributions, keys, independence, gradients of samples."""

import numpy as np
import pytest
from scipy import stats

from agcli.engine import functional, ops
from agcli.engine.errors import DTypeError, ExecutionError, FeedError, GradientError, ShapeError
from agcli.engine.function import function
from agcli.engine.gradient import grad
from agcli.engine.graph import call
from agcli.engine.leaves import placeholder, variable
from agcli.engine.ops import keys as k
from agcli.engine.ops import random as r
from agcli.engine.testing import check_grads

pytestmark = pytest.mark.numeric

assert functional
assert ops
N = 20_000

CONTINUOUS = {
    "standard_uniform": (r.standard_uniform, stats.uniform()),
    "standard_normal": (r.standard_normal, stats.norm()),
    "standard_exponential": (r.standard_exponential, stats.expon()),
    "uniform": (lambda s: r.uniform(-1, 3, s), stats.uniform(-1, 4)),
    "normal": (lambda s: r.normal(2, 0.5, s), stats.norm(2, 0.5)),
    "truncated_normal": (lambda s: r.truncated_normal(1, 2, s), stats.truncnorm(-2, 2, 1, 2)),
    "log_normal": (lambda s: r.log_normal(0.3, 0.5, s), stats.lognorm(0.5, scale=np.exp(0.3))),
    "exponential": (lambda s: r.exponential(3, s), stats.expon(scale=3)),
    "gamma": (lambda s: r.random_gamma(2.5, 2, s), stats.gamma(2.5, scale=2)),
    "gamma below 1": (lambda s: r.random_gamma(0.4, 1, s), stats.gamma(0.4)),
}


@pytest.mark.parametrize(("draw", "distribution"), CONTINUOUS.values(), ids=CONTINUOUS)
def test_continuous_distributions(draw, distribution):
    with k.streams():
        sample = function(draw((N,)), seed=7)()
    assert sample.dtype == np.float32
    assert stats.kstest(sample.astype(float), distribution.cdf).pvalue > 0.01


DISCRETE = {
    "bernoulli": (lambda: r.bernoulli(0.3, (N,)), [0.7, 0.3]),
    "randint": (lambda: r.randint(2, 6, (N,)), [0, 0, 0.25, 0.25, 0.25, 0.25]),
    "categorical": (lambda: r.categorical(np.log([[0.5, 0.2, 0.3]]).repeat(N, 0)), [0.5, 0.2, 0.3]),
}


@pytest.mark.parametrize(("draw", "probabilities"), DISCRETE.values(), ids=DISCRETE)
def test_discrete_distributions(draw, probabilities):
    with k.streams():
        counts = np.bincount(function(draw(), seed=3)().astype(int), minlength=len(probabilities))
    expected = np.multiply(probabilities, N)
    assert not counts[expected == 0].any()
    assert stats.chisquare(counts[expected > 0], expected[expected > 0]).pvalue > 0.01


def test_permutations_are_permutations_and_all_appear():
    f = function(r.permutation(3), seed=1)
    found = {tuple(f()) for _ in range(100)}
    assert found == {(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)}


def test_a_function_repeats_from_its_seed_and_never_within_a_run():
    y = r.standard_normal((4,))
    f, again, other = function(y, seed=5), function(y, seed=5), function(y, seed=6)
    runs = [f() for _ in range(3)]
    np.testing.assert_array_equal(runs, [again() for _ in range(3)])
    assert len({*np.ravel(runs), *other()}) == 16


def test_two_ops_never_share_a_stream():
    a, b = r.standard_uniform((N,)), r.standard_uniform((N,))
    x, y = function([a, b])()
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.03
    first, second = function([functional.dropout(np.ones(N, "f"), 0.5) for _ in range(2)])()
    assert abs(np.mean((first > 0) & (second > 0)) - 0.25) < 0.02


def test_a_rebuilt_graph_repeats_within_streams():
    def build():
        with k.streams():
            return function([r.standard_normal((3,)), r.bernoulli(0.5, (3,))], seed=2)()

    for a, b in zip(build(), build(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_resumed_key_continues():
    y = r.standard_normal((3,))
    whole = function(y, seed=9)
    expected = [whole() for _ in range(4)]
    key = variable(k.make_key(9), "key", trainable=False)
    first = function(y, key=key)
    got = [first(), first()]
    saved = key.value.copy()
    second = function(y, key=variable(saved, "key", trainable=False))
    np.testing.assert_array_equal([*got, second(), second()], expected)


def test_explicit_keys():
    key = placeholder("key", (2,), "uint64")
    f = function(r.standard_normal((5,), key=key))
    np.testing.assert_array_equal(f(k.random_key(1)), f(k.random_key(1)))
    assert not np.intersect1d(f(k.random_key(1)), f(k.random_key(2))).size
    fixed = function(r.standard_normal((5,), key=k.random_key(1)))
    np.testing.assert_array_equal(fixed(), fixed())


def test_folded_and_split_keys_are_new_keys():
    keys = function(
        [*k.split_key(k.random_key(1), 50), k.fold_in(k.random_key(2), 0), k.fold_in(k.random_key(1), -1)]
    )()
    assert len({int(k[0]) for k in keys}) == 52
    assert all(k.dtype == np.uint64 and k[1] == 0 for k in keys)


def test_scrambling_is_a_bijection_that_moves_half_of_the_bits():
    outputs = {k.scramble(i) for i in range(1000)}
    assert len(outputs) == 1000
    flips = [bin(k.scramble(i) ^ k.scramble(i ^ 1)).count("1") for i in range(1000)]
    assert 30 < np.mean(flips) < 34


def test_the_shape_is_that_of_the_parameters_or_as_given():
    mean = placeholder("mean", (None, 3))
    assert r.normal(mean, np.ones(3)).shape == (None, 3)
    assert function(r.normal(mean, 1.0))(np.zeros((2, 3), "f")).shape == (2, 3)
    assert r.normal(np.zeros((3, 1)), np.ones(2)).shape == (3, 2)
    assert r.normal(np.zeros(2), shape=(5, 2)).shape == (5, 2)
    assert r.uniform(0.0, np.ones(2)).dtype == np.float64
    with pytest.raises(ShapeError, match=r"a parameter of shape \(4,\) does not fit samples of shape \(2,\)"):
        r.normal(np.zeros(4), shape=(2,))


def test_every_row_of_parameters_gets_its_own_samples():
    sample = function(r.normal(np.zeros(N), 1.0))()
    assert len(np.unique(sample)) > N * 0.99


def test_half_precision_and_empty():
    assert function(r.standard_normal((3,), dtype="float16"))().dtype == np.float16
    assert function(r.standard_uniform((0, 3)))().shape == (0, 3)


REPARAMETERISED = {
    "normal": (r.normal, 2),
    "truncated_normal": (r.truncated_normal, 2),
    "uniform": (r.uniform, 2),
    "log_normal": (r.log_normal, 2),
    "exponential": (r.exponential, 1),
}


@pytest.mark.parametrize(("draw", "count"), REPARAMETERISED.values(), ids=REPARAMETERISED)
def test_samples_have_gradients_in_their_parameters(draw, count):
    parameters = [np.array([0.5, 1.0, 1.5]), np.array([[0.7], [2.0]])][:count]
    key = k.random_key(3)
    check_grads(lambda *ps: call("sin", draw(*ps, key=key)), parameters, order=3)


def test_gamma_has_a_gradient_in_its_scale_and_says_where_not():
    a, scale = placeholder("a", (3,), "float64"), placeholder("scale", (3,), "float64")
    y = r.random_gamma(a, scale, key=k.random_key(1))
    value, g = function([y, grad(y.sum(), scale)], inputs=[a, scale])(np.ones(3), 2 * np.ones(3))
    np.testing.assert_allclose(g, value / 2)
    with pytest.raises(GradientError, match=r"gamma: has no derivative in its shape parameter.*stop_gradient"):
        grad(y.sum(), a)
    stopped = r.random_gamma(call("stop_gradient", a), scale, key=k.random_key(1))
    np.testing.assert_array_equal(
        function(grad(stopped.sum(), a, allow_unused=True), inputs=[a])(np.ones(3)), np.zeros(3)
    )


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: k.random_key(-1), DTypeError, "a seed is an integer from 0"),
        (lambda: k.random_key(1.5), DTypeError, r"got 1\.5"),
        (lambda: r.standard_normal((2,), key=7), DTypeError, r"a key is uint64\(2,\), got int64\(\)"),
        (lambda: k.fold_in(7, 1), DTypeError, r"a key is uint64\(2,\)"),
        (lambda: k.fold_in(k.random_key(1), 0.5), DTypeError, "the number is one integer"),
        (lambda: r.randint(3, 3), DTypeError, "needs low < high"),
        (lambda: r.randint(0, 300, dtype="uint8"), DTypeError, "both within an integer type"),
        (lambda: r.permutation(-1), ShapeError, "lengths of 0 or more"),
        (function(r.random_gamma(np.array([-1.0]))), (FeedError, ExecutionError), "shape parameter is 0 or more"),
    ],
)
def test_errors(build, error, message):
    with pytest.raises(error, match=message):
        build()
