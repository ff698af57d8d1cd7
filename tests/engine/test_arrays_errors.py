"""What people read when arrays, axes and indices do not fit: when the graph is built, and when it runs."""

import numpy as np
import pytest

import agcli as ag
from agcli.engine import ops
from agcli.engine.errors import DTypeError, FeedError, GradientError, ShapeError
from agcli.engine.function import Function
from agcli.engine.gradient import grad
from agcli.engine.graph import call
from agcli.engine.leaves import placeholder

assert ops
x34, anything, labels = placeholder("x", (3, 4)), placeholder("y", (None, None)), placeholder("labels", (3,), "int64")
BUILD_ERRORS = [
    (lambda: x34[1.5], DTypeError, "an index is an integer, a slice, None, ..., or a tensor of these, got 1.5"),
    (lambda: x34[True], DTypeError, "getitem: an index is an integer"),
    (lambda: x34[x34], DTypeError, "getitem: a tensor that is an index holds integers or bools, got float32(3, 4)"),
    (lambda: x34[1, 2, 3], ShapeError, "getitem: 3 indices for a tensor of rank 2, (3, 4)"),
    (lambda: x34[..., ...], ShapeError, "getitem: more than one ... for a tensor of rank 2"),
    (lambda: x34[:, 4], ShapeError, "getitem: index 4 is out of range for axis 1 of length 4"),
    (lambda: ag.std(x34, axis=4), ShapeError, "std: axis 4 is out of range for a tensor of rank 2"),
    (lambda: ag.var(x34, axis=4), ShapeError, "var: axis 4 is out of range for a tensor of rank 2"),
    (
        lambda: ag.layer_norm(x34, ag.ones((3,))),
        ShapeError,
        "layer_norm: scale (3,) does not belong to an input (3, 4)",
    ),
    (lambda: ag.rms_norm(x34, ag.ones((3,))), ShapeError, "rms_norm: scale (3,) does not belong to an input (3, 4)"),
    (lambda: x34[::0], DTypeError, "getitem: a slice takes integers, and a step other than 0"),
    (lambda: x34[:, np.ones(3, bool)], ShapeError, "getitem: a mask of shape (3,) does not fit axis 1 of (3, 4)"),
    (lambda: call("take", x34, [0.5]), DTypeError, "take: an index must be integers, got float64(1,)"),
    (lambda: call("take", x34, [0], axis=2), ShapeError, "take: axis 2 is out of range for a tensor of rank 2"),
    (lambda: call("take_along_axis", x34, [0]), ShapeError, "take_along_axis: (3, 4) needs indices of rank 2"),
    (lambda: call("scatter_add", x34, labels, x34[:2]), ShapeError, "scatter_add: updates must have the shape (3, 4)"),
    (lambda: call("segment_sum", x34, [0, 1], count=2), ShapeError, "segment_sum: needs one segment for each row"),
    (lambda: call("split", x34, parts=3, axis=1), ShapeError, "split: 3 equal pieces need a known length"),
    (lambda: call("stack", x34, labels), ShapeError, "stack: needs tensors of one shape, got (3, 4), (3,)"),
    (lambda: call("pad", x34, widths=(1, 2, 3)), ShapeError, "pad: widths are a number, a pair, or a pair for each"),
    (lambda: call("pad", x34, widths=1, mode="mirror"), ShapeError, "pad: mode is constant, reflect"),
    (lambda: call("pad", call("zeros", 0), widths=1, mode="edge"), ShapeError, "pad: axis 0 of (0,) has no elements"),
    (lambda: call("tile", x34, reps=-1), ShapeError, "a shape holds lengths of 0 or more"),
    (lambda: call("repeat", x34, repeats=(1, 2), axis=0), ShapeError, "repeat: axis 0 of (3, 4) needs as many repeats"),
    (lambda: call("roll", x34, shift=(1, 2), axis=0), ShapeError, "roll: needs one shift an axis"),
    (lambda: call("moveaxis", x34, source=(0, 1), destination=0), ShapeError, "moveaxis: (0, 1) and 0 must name"),
    (lambda: call("tril", labels), ShapeError, "tril: needs at least two axes, got (3,)"),
    (lambda: call("diag", call("zeros", (1, 1, 1))), ShapeError, "diag: needs a vector or a matrix, got (1, 1, 1)"),
    (lambda: call("diagonal", labels), ShapeError, "diagonal: needs two axes, got (3,)"),
    (lambda: call("kron", anything, anything), ShapeError, "kron: at most one axis may have an unknown length"),
    (lambda: call("zeros", (2, None)), ShapeError, "zeros: every length must be known, got (2, None); use zeros_like"),
    (lambda: call("arange", 0, 1, 0), ShapeError, "arange: needs finite numbers and a step other than 0"),
    (lambda: call("norm", x34, ord="fro"), ShapeError, 'norm: ord is a positive number, "inf" or "-inf", got \'fro\''),
    (lambda: call("top_k", x34, k=5), ShapeError, "top_k: cannot choose 5 of 4 elements, in (3, 4)"),
    (lambda: call("searchsorted", x34, 1.0), ShapeError, "searchsorted: needs a sorted vector, got (3, 4)"),
    (lambda: call("setdiff1d", x34, labels), DTypeError, "setdiff1d: compares numbers of one kind"),
    (lambda: call("logcumsumexp", labels), DTypeError, "logcumsumexp: needs a float dtype, got int64(3,)"),
    (lambda: grad(call("argsort", x34), x34), GradientError, "only floats have a derivative"),
    (lambda: grad((call("any", x34) * 1.0).sum(), x34), GradientError, "x reaches sum only through any"),
]


@pytest.mark.parametrize(("build", "error", "text"), BUILD_ERRORS, ids=[text for *_, text in BUILD_ERRORS])
def test_errors_when_the_graph_is_built(build, error, text):
    with pytest.raises(error) as found:
        build()
    assert text in str(found.value)


RUN_ERRORS = [
    (lambda x, i: call("take", x, i, axis=0), 3, "take: index 3 is out of range for an axis of length 3"),
    (lambda x, i: x[:, i], -5, "getitem: index -5 is out of range for an axis of length 4"),
    (lambda x, i: x[[0], i], 4, "getitem: index 4 is out of range for an axis of length 4"),
    (
        lambda x, i: call("take_along_axis", x, i.reshape(1, 1), axis=1),
        9,
        "take_along_axis: index 9 is out of range for an axis of length 4",
    ),
    (
        lambda x, i: call("segment_sum", x[:1], i.reshape(1), count=2),
        2,
        "segment_sum: index 2 is out of range for an axis of length 2",
    ),
    (lambda x, i: call("one_hot", i, depth=2), 2, "one_hot: index 2 is outside of 0..1"),
]


@pytest.mark.parametrize(("build", "index", "text"), RUN_ERRORS, ids=[text for *_, text in RUN_ERRORS])
def test_errors_when_an_index_is_out_of_range(build, index, text):
    x, i = placeholder("x", (3, 4), "float64"), placeholder("i", (), "int64")
    with pytest.raises(FeedError) as found:
        Function(build(x, i), inputs=[x, i])(np.zeros((3, 4)), index)
    assert str(found.value).startswith(text)
    assert "built at" in str(found.value)
