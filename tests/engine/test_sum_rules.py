"""Sums that need no adding, or no order of axes, and reshaped numbers: fewer ops, and the same values."""

import numpy as np
import pytest

import agcli as ag
from agcli.engine.rewrite.rewriter import simplify

pytestmark = pytest.mark.numeric

ROWS = {  # formula of x, shape of x, ops that are left
    "over a length of one": (lambda x: ag.sum(x, 1), (5, 1), ["reshape"]),
    "over lengths of one, kept": (lambda x: ag.sum(x, (0, 2), keepdims=True), (1, 4, 1), []),
    "over all but a length of one": (lambda x: ag.sum(x, 0, keepdims=True), (6, 1), ["sum", "reshape"]),
    "of a sum": (lambda x: ag.sum(ag.sum(x, -1)), (7, 1), ["sum"]),
    "of a reshaped array": (lambda x: ag.sum(ag.reshape(x, (3, 4))), (2, 6), ["sum"]),
    "of rows": (lambda x: ag.sum(x, 1), (3, 4), ["sum"]),
    "of reshaped rows": (lambda x: ag.sum(ag.reshape(x, (3, 4)), 1), (2, 6), ["reshape", "sum"]),
    "of nothing": (lambda x: ag.sum(x, 1), (3, 0), ["sum"]),
    "of integers": (lambda x: ag.sum(ag.astype(x, "int64"), 1), (5, 1), ["astype", "sum"]),
    "a reshaped number": (lambda x: x * ag.reshape(ag.broadcast_to(2.0, (6,)), (6, 1)), (6, 1), ["multiply"]),
}


@pytest.mark.parametrize("case", ROWS)
def test_what_is_left(case):
    make, shape, left = ROWS[case]
    x = ag.placeholder("x", shape, "float64")
    y = make(x)
    (new,) = simplify([y])
    names, value = [], np.random.default_rng(0).integers(-9, 9, shape).astype(np.float64)
    while new.op is not None and new.op.name != "broadcast_to":
        names.insert(0, new.op.name)
        new = new.inputs[0]
    assert names == left
    assert y.type == simplify([y])[0].type
    got = ag.function(y, inputs=[x])(value)
    np.testing.assert_array_equal(got, y.eval({x: value}))


def test_values_are_those_of_numpy():
    x = np.random.default_rng(0).integers(-9, 9, (4, 1, 3)).astype(np.float64)
    for axis in (None, 0, 1, 2, (0, 1), (0, 2), (0, 1, 2)):
        for keepdims in (False, True):
            p = ag.placeholder("x", x.shape, "float64")
            got = ag.function(ag.sum(p, axis, keepdims))(x)
            np.testing.assert_array_equal(got, x.sum(axis, keepdims=keepdims))
