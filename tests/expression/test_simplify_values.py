"""The simplifier keeps values: over the corpus with its derivatives, and over random trees, at points of all signs."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agcli.engine.gradient import grad
from agcli.engine.graph import toposort
from agcli.engine.leaves import Placeholder
from agcli.expression.api import parse, to_text
from agcli.expression.simplify import simplify
from agcli.expression.values import pointwise

pytestmark = pytest.mark.numeric

CORPUS = Path(__file__).parents[1] / "corpus"
POINTS = 60


def corpus(name):
    lines = (CORPUS / f"{name}.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def feeds_for(t, seed=0):
    """Points of both signs, small and large, for each variable."""
    rng = np.random.default_rng(seed)
    names = sorted({p.name for p in toposort([t]) if isinstance(p, Placeholder)})
    half = POINTS // 2
    return {n: rng.permutation(np.r_[rng.uniform(-3, 3, half), rng.uniform(-1, 1, POINTS - half)]) for n in names}


def compare(before, after, what):
    """Equal values wherever ``before`` has one that rounding does not dominate; the number of such points."""
    feeds = feeds_for(before)
    nearby = {name: values * (1 + 1e-10) for name, values in feeds.items()}
    (a,), (b,) = pointwise([before], feeds), pointwise([after], feeds)
    (c,) = pointwise([before], nearby)
    a, b, c = (np.broadcast_to(v, (POINTS,)) for v in (a, b, c))
    with np.errstate(all="ignore"):
        sound = np.isfinite(a) & (np.abs(a) < 1e8) & (np.abs(a - c) < 1e-6 * (1 + np.abs(a)))
        wrong = sound & ~(np.abs(a - b) <= 1e-5 * (1e-2 + np.abs(a)))
    if wrong.any():
        i = int(np.argmax(wrong))
        at = {name: float(values[i]) for name, values in feeds.items()}
        pytest.fail(f"{what}: {to_text(before)} is {a[i]}, but {to_text(after)} is {b[i]} at {at}")
    return int(sound.sum())


@pytest.mark.parametrize("name", ["textbook", "oracle", "generated"])
def test_corpus_keeps_its_values(name):
    seen = 0
    for text in corpus(name):
        f = parse(text)
        seen += compare(f, simplify(f), text) > 0
        x = next(t for t in toposort([f]) if t.name == "x")
        g = grad(f, x)
        seen += compare(g, simplify(g), f"d/dx {text}") > 0
    assert seen > 1.9 * len(corpus(name))


UNARY = ["sin", "cos", "tan", "exp", "log", "sqrt", "arctan", "arcsin", "arccos", "sinh", "cosh", "tanh", "abs",
         "cbrt", "sigmoid", "arcsinh", "log1p", "expm1"]  # fmt: skip
EXPONENTS = ["2", "3", "4", "-1", "-2", "1/2", "-1/2", "3/2", "1/3", "2/3", "-3", "y", "x"]
LEAVES = st.sampled_from(["x", "x", "y", "2", "3", "-1", "1/2", "x + 1", "2*x", "x^2", "-x", "1 - x", "x*y", "-1/3"])


def extend(inner):
    return st.one_of(
        st.tuples(st.sampled_from(UNARY), inner).map("{0[0]}({0[1]})".format),
        st.tuples(inner, st.sampled_from(EXPONENTS)).map("({0[0]})^({0[1]})".format),
        st.tuples(inner, st.sampled_from("+-**//"), inner).map("({0[0]}){0[1]}({0[2]})".format),
        st.tuples(LEAVES, LEAVES, inner, inner).map("where({0[0]} > {0[1]}, {0[2]}, {0[3]})".format),
        st.tuples(inner, inner).map("max({0[0]}, {0[1]})".format),
    )


TREES = st.recursive(LEAVES, extend, max_leaves=8)


@given(TREES)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_random_trees_keep_their_values(text):
    try:
        f = parse(text)
    except ValueError:  # an exact power or quotient that has no value
        return
    compare(f, simplify(f), text)


@given(TREES)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_derivatives_of_random_trees_keep_their_values(text):
    try:
        f = parse(text)
        x = next(t for t in toposort([f]) if t.name == "x")
        g = grad(f, x)
    except (ValueError, StopIteration):  # no value, no x, or no derivative
        return
    compare(g, simplify(g), f"d/dx {text}")
