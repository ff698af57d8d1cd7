"""Tensors where Python, NumPy or SciPy ask for numbers, and calls as other libraries want them."""

import copy
import math
import pickle

import numpy as np
import pytest
from scipy import special

import agcli as ag
from agcli.engine.foreign import METHODS, PHRASES, RENAMED, renamed
from agcli.engine.table import OPS
from agcli.foreign_names import ATTRIBUTES

X = ag.variable(np.array([1.0, 2.0, 3.0]))
S = ag.variable(np.float64(2.0))
P = ag.placeholder("p", (None, 3))


def error(call):
    with pytest.raises((ag.EngineError, AttributeError)) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize("t", [X, X * X, P, ag.constant([1.0])], ids=["variable", "op", "placeholder", "constant"])
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps], ids=["copy", "deepcopy", "pickle"])
def test_a_tensor_has_no_second_copy(t, duplicate):
    """Tensors are told apart by a number that a copy would share, so that one would stand for the other."""
    assert "ag.variable(v.value)" in error(lambda: duplicate(t))
    assert duplicate is copy.copy or "ag.variable(v.value)" in error(lambda: duplicate({"t": [t]}))


def test_python_rounds_and_divides_tensors_as_it_does_numbers():
    half = ag.variable(np.array([0.5, 1.5, -2.6]))
    assert list(round(half).eval()) == [0, 2, -3]
    assert list(math.floor(half).eval()) == [0, 1, -3]
    assert list(math.ceil(half).eval()) == [1, 2, -2]
    for quotient, rest, dividend, divisor in ((*divmod(X, 2), X.value, 2), (*divmod(7, X), 7, X.value)):
        whole, left = divmod(dividend, divisor)
        assert (list(quotient.eval()), list(rest.eval())) == (list(whole), list(left))
    assert "ag.round(t * 10**n)" in error(lambda: round(X, 2))


@pytest.mark.parametrize("spec", [".3f", ".2e", "d", "%", "8.3", "g"])
def test_a_tensor_is_not_formatted_as_a_number(spec):
    assert "t.eval(feeds)" in error(lambda: format(S, spec))
    assert format(S, "") == str(S)
    assert format(S, ">60") == f"{S!s:>60}"


@pytest.mark.parametrize("values", [[1.0, 2.0, 3.0], [1, 2, 3], 2, 2.0, np.float32(1), np.ones(3)], ids=str)
def test_tensors_are_not_compared_with_values_in_silence(values):
    assert "ag.equal" in error(lambda: values == X)
    assert "ag." in error(lambda: values != X)


NUMPY = [
    (lambda: np.gradient(X), "ag.gradient("),
    (lambda: np.diff(X), "ag.diff("),
    (lambda: np.dot(X, X), "ag.dot("),
    (lambda: np.add.accumulate(X), "ag.cumsum("),
    (lambda: np.multiply.reduce(X), "ag.prod("),
    (lambda: np.multiply.outer(X, X), "ag.outer("),
    (lambda: np.add.at(np.zeros(3), 0, S), "ag.scatter_add("),
    (lambda: np.linalg.inv(X), "np.linalg.inv computes with arrays, not with lazy tensors; write ag.inv("),
    (lambda: special.expit(X), "scipy.special.expit computes with arrays, not with lazy tensors; write ag.sigmoid("),
    (lambda: special.erf(X), "ag.erf("),
    (lambda: np.allclose(X, X), "ag.allclose("),
    (lambda: math.sin(S), "ag.sin"),
    (lambda: sorted([S, S + 1]), "ag.sort"),
    (lambda: max(X), "ag.maximum"),
    (lambda: X + None, "ag.shape(t)[0]"),
    (lambda: ag.sum(P) / P.shape[0], "ag.shape(t)[0]"),
    (lambda: X + "a", "found text"),
    (lambda: X * {}, "found a dict"),
    (lambda: ag.constant([[1], [1, 2]]), "one length"),
    (lambda: ag.variable([[1], [1, 2]]), "one length"),
    (lambda: list(S), "it has no axes"),
    (lambda: list(P), "ag.shape(t)[0]"),
]


@pytest.mark.parametrize(("call", "words"), NUMPY)
def test_what_asks_for_numbers_is_told_what_to_write(call, words):
    assert words in error(call)


@pytest.mark.parametrize("call", [lambda: np.median(X), lambda: np.fft.fftshift(X), lambda: np.histogram(X)])
def test_no_op_is_named_that_does_something_else(call):
    assert "write" not in error(call)


def test_tables_name_what_exists():
    assert set(RENAMED.values()) <= set(OPS)
    assert not {n for n in RENAMED if n in OPS and RENAMED[n] != n}
    assert not set(PHRASES) & {n for n in PHRASES if renamed(n)}
    assert not [n for n in METHODS if n in dir(ag.Tensor)]
    assert not set(ATTRIBUTES) & set(ag.__all__)


MISUSED = [
    (lambda: X.backward, "ag.grad(loss, x)"),
    (lambda: X.grad, "ag.grad(y, t)"),
    (lambda: X.numpy, "t.eval(feeds)"),
    (lambda: (X * X).item, "t.eval(feeds)"),
    (lambda: X.detach, "ag.stop_gradient(t)"),
    (lambda: X.exp, "ag.exp(t, ...)"),
    (lambda: X.unsqueeze(0), "ag.expand_dims(t, ...)"),
    (lambda: X.add_(1), "do not change"),
    (lambda: X.at[0].mul(2.0), "t.at[index] has set, add, multiply, max and min"),
    (lambda: X.masked_fill(X > 1, 0.0), "ag.where(mask, value, t)"),
    (lambda: X.assign(1), "v.value = array"),
    (lambda: ag.jit, "ag.function"),
    (lambda: ag.tensor([1.0]), "ag.constant(array)"),
    (lambda: ag.no_grad, "leave it out"),
    (lambda: ag.GradientTape, "ag.grad(y, x)"),
    (lambda: ag.jacfwd, 'mode="forward"'),
    (lambda: ag.concat, "concatenate"),
    (lambda: ag.cat, "ag.concatenate"),
    (lambda: ag.reduce_sum, "sum"),
    (lambda: ag.nn.relu, "ag itself"),
    (lambda: ag.Tensor([1.0]), "ag.constant(array)"),
    (lambda: ag.Placeholder("x"), "ag.placeholder"),
    (lambda: ag.Variable(np.ones(3)), "ag.variable(value)"),
    (lambda: ag.variable("w", np.ones(3)), "the value comes first"),
    (lambda: ag.variable("w"), "the value comes first"),
    (lambda: ag.variable(np.ones(3), np.ones(3)), "the value comes first"),
    (lambda: ag.placeholder((3,)), "the name comes first"),
    (lambda: ag.function(X * X, [X]), "inputs=[x]"),
    (lambda: P.eval(np.ones((2, 3))), ".eval({x: 2.0})"),
    (lambda: ag.grad([], X), "an empty list"),
]


@pytest.mark.parametrize(("call", "words"), MISUSED)
def test_calls_of_other_libraries_get_the_line_that_works(call, words):
    assert words in error(call)


@pytest.mark.parametrize("name", ["erf", "erfc", "erfinv", "lgamma", "gamma", "digamma", "gelu"])
def test_special_functions_keep_float16(name):
    values = np.array([0.1, 0.3, 0.75], "float16")
    x = ag.placeholder("x", (None,), "float16")
    value, slope = ag.function([OPS[name].function(x), ag.grad(ag.sum(OPS[name].function(x)), x)])(values)
    wide = ag.placeholder("x", (None,), "float64")
    right = ag.function([OPS[name].function(wide), ag.grad(ag.sum(OPS[name].function(wide)), wide)])(
        values.astype(float)
    )
    assert value.dtype == slope.dtype == np.float16
    for ours, theirs in zip((value, slope), right, strict=True):
        np.testing.assert_allclose(ours.astype(float), theirs, rtol=4e-3)


LABELS = [
    (np.zeros((4, 1), int), "drop the last axis: labels[..., 0]"),
    (np.zeros((4, 3)), "softmax_cross_entropy"),
    (np.zeros(4), "astype('int64')"),
]


@pytest.mark.parametrize(("labels", "words"), LABELS)
def test_labels_of_another_shape_or_type_are_told_what_helps(labels, words):
    assert words in error(lambda: ag.sparse_softmax_cross_entropy(np.zeros((4, 3)), labels))


def test_a_divergence_wants_a_probability_for_each_class():
    assert "probability for each class" in error(lambda: ag.kl_divergence(np.full((4, 2), 0.5), 0.5))
