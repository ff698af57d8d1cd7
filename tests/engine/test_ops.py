"""Every row of the op table: derivatives to third order in both modes, kernels in every dtype, documentation."""

import numpy as np
import pytest

from agcli.engine import functional, ops
from agcli.engine.errors import ShapeError
from agcli.engine.function import Function
from agcli.engine.graph import Constant, Tensor
from agcli.engine.leaves import placeholder
from agcli.engine.ops.joining import concatenate
from agcli.engine.table import OPS, Entry, Sample
from agcli.engine.testing import check_grads
from agcli.engine.types import fits

pytestmark = pytest.mark.numeric

assert functional
assert ops

ROWS = [
    pytest.param(entry, sample, id=f"{entry.name}-{i}")
    for entry in OPS.values()
    for i, sample in enumerate(entry.samples)
]
GIVEN = [row for row in ROWS if row.values[1].args]  # not those that draw their own numbers
SMOOTH = [row for row in ROWS if row.values[0].differentiable and any(a.real for a in row.values[1].args)]


def call(entry: Entry, sample: Sample, reals):
    """The public function with ``reals`` in place of the real arguments."""
    given = iter(reals)
    drawn = zip(sample.args, sample.draw(), strict=True)
    return entry.function(*(next(given) if a.real else d for a, d in drawn), **sample.kwargs)


def joined(y):
    """The float outputs of an op that has several, as one vector."""
    return y if isinstance(y, Tensor) else concatenate(*(t.reshape(-1) for t in y if t.dtype.kind == "f"))


@pytest.mark.sampled(2)  # the full check tries all
@pytest.mark.parametrize(("entry", "sample"), SMOOTH)
def test_derivatives_to_third_order(entry, sample):
    reals = [d for a, d in zip(sample.args, sample.draw(), strict=True) if a.real]
    check_grads(lambda *xs: joined(call(entry, sample, xs)), reals, order=3, tolerance=2e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("entry", "sample"), ROWS)
def test_kernel_fills_out_of_the_inferred_type(entry, sample, dtype):
    reals = [np.asarray(d, dtype) for a, d in zip(sample.args, sample.draw(), strict=True) if a.real]
    xs = [placeholder(f"x{i}", a.shape, dtype) for i, a in enumerate(reals)]
    y = call(entry, sample, xs)
    for t in y if isinstance(y, tuple) else [y]:
        value = np.asarray(Function([t], inputs=xs)(*reals)[0])
        assert fits(t.shape, value.shape)  # a length that depends on values is unknown
        assert value.dtype == t.dtype


@pytest.mark.parametrize(("entry", "sample"), GIVEN)
def test_layout_of_the_inputs_does_not_matter(entry, sample):
    reals = [np.asarray(d) for a, d in zip(sample.args, sample.draw(), strict=True) if a.real]
    xs = [placeholder(f"x{i}", a.shape, "float64") for i, a in enumerate(reals)]
    y = call(entry, sample, xs)
    f = Function(list(y) if isinstance(y, tuple) else [y], inputs=xs)
    strided = [np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a for a in reals]
    for a, b in zip(f(*reals), f(*strided), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("entry", OPS.values(), ids=OPS)
def test_documented_and_sampled(entry):
    assert entry.doc.splitlines()[0].endswith((".", ":")), entry.doc
    assert entry.samples


NEED_LENGTHS = {  # for the shape of the result
    *("squeeze", "split", "kron", "qr", "lstsq", "group_norm", "max_unpool1d", "max_unpool2d"),
    *("conv3d", "conv3d_transpose", "max_pool3d", "max_pool3d_indices", "max_unpool3d", "avg_pool3d"),
    *("glu", "array_split", "vsplit", "hsplit", "dsplit", "fft", "ifft", "rfft", "irfft"),
}


def built(entry, sample, xs):
    """The op's tensor, or the error that says why there is none."""
    try:
        return call(entry, sample, xs)
    except ShapeError as error:
        return error


@pytest.mark.parametrize(("entry", "sample"), GIVEN)
def test_unknown_lengths_give_the_same_value(entry, sample):
    """A graph built without knowing any length computes what the graph with known lengths computes.

    A few ops need one, and say which is unknown.
    """
    reals = [np.asarray(d) for a, d in zip(sample.args, sample.draw(), strict=True) if a.real]
    known = [placeholder(f"x{i}", a.shape, "float64") for i, a in enumerate(reals)]
    unknown = [placeholder(f"x{i}", (None,) * a.ndim, "float64") for i, a in enumerate(reals)]
    y = built(entry, sample, unknown)
    if isinstance(y, ShapeError):
        assert entry.name in NEED_LENGTHS, y
        assert "None" in str(y)
        return
    expected = call(entry, sample, known)
    for a, b in zip(*(t if isinstance(t, tuple) else [t] for t in (y, expected)), strict=True):
        assert isinstance(a, Tensor)
        if not isinstance(a, Constant):
            values = Function(a, inputs=unknown)(*reals), Function(b, inputs=known)(*reals)
            np.testing.assert_allclose(*values, rtol=1e-12)
