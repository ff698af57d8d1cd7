"""Small functions that are written out as Python give what the steps give, to the last bit."""

import numpy as np
import pytest

import agcli as ag
from agcli.engine.backends.scalars import WARM


def rosenbrock(v):
    return ag.sum(100 * (v[1:] - v[:-1] ** 2) ** 2 + (1 - v[:-1]) ** 2)


def rational(v):
    return ag.sum(v[::2] / v[1::2] ** 2) - ag.sqrt(ag.sum(v**4) + v[0] ** 2)


def functions(v):
    return ag.sin(v[0]) * ag.exp(-v[1]) / (2 + ag.tanh(v[2]))


def many(v):
    """Sums of 17 and of 8 numbers, which NumPy adds in pairs."""
    long = ag.concatenate(v, v * 3, v[:1] - 1)
    return ag.sum(long) * ag.sum(long[:8] / 7)


FORMULAS = (rosenbrock, rational, functions, many)


def compiled(formula, **options):
    v = ag.placeholder("v", (8,), "float64")
    y = formula(v)
    fetches = [y, ag.grad(y, v), ag.hessian(formula, v)]
    return ag.function(fetches, inputs=[v], **options)


def program(f):
    (executor,) = f.executors.values()
    return executor.program


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda f: f.__name__)
def test_values_gradients_and_hessians_are_those_of_the_steps(formula, monkeypatch):
    monkeypatch.setenv("AG_BACKEND", "numpy")
    rng = np.random.default_rng(0)
    fast, steps = compiled(formula), compiled(formula, debug_nans=True)
    for _ in range(WARM):
        fast(rng.normal(size=8))
    assert program(fast) is not None
    for scale in (1e-3, 1.0, 30.0):
        v = rng.normal(size=8) * scale
        for a, b in zip(fast(v), steps(v), strict=True):
            assert type(a) is type(b)
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("formula", "point"),
    [
        (rational, np.zeros(8)),  # 0 / 0
        (rosenbrock, np.full(8, np.inf)),  # 0 times infinity
        (rosenbrock, np.full(8, 1e200)),  # overflow
        (functions, np.array([1.0, -800, 2, 3, 4, 5, 6, 7])),
        (functions, np.array([np.nan, 1, 2, 3, 4, 5, 6, 7])),
    ],
)
def test_what_is_not_finite_is_that_of_the_steps_without_a_warning(formula, point, monkeypatch):
    monkeypatch.setenv("AG_BACKEND", "numpy")
    f = compiled(formula)
    expected = f(point)
    for _ in range(WARM):
        f(np.linspace(0.1, 0.9, 8))
    assert program(f) is not None
    for a, b in zip(f(point), expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_results_are_arrays_of_their_own_and_variables_are_read_anew():
    v, w = ag.placeholder("v", (3,), "float64"), ag.variable(np.ones(3))
    f = ag.function(v * w + 1, inputs=[v])
    results = [f(np.arange(3.0)) for _ in range(WARM + 2)]
    assert program(f) is None or results[-1] is not results[-2]
    w.value = [1.0, 2.0, 3.0]
    np.testing.assert_array_equal(f(np.arange(3.0)), [1.0, 3.0, 7.0])


@pytest.mark.parametrize(
    "build",
    [
        lambda v: ag.sum(v @ np.eye(8)),  # BLAS adds in an order of its own
        ag.cumsum,
        lambda v: ag.sum(v.astype("float32")),
        lambda v: ag.sum(ag.concatenate(*[ag.sin(v + k) for k in range(40)])),  # a function of many elements
    ],
)
def test_other_graphs_stay_steps(build):
    v = ag.placeholder("v", (8,), "float64")
    f = ag.function(build(v), inputs=[v])
    first = f(np.linspace(0, 1, 8))
    for _ in range(WARM + 2):
        np.testing.assert_array_equal(f(np.linspace(0, 1, 8)), first)
    assert getattr(next(iter(f.executors.values())), "program", None) is None
