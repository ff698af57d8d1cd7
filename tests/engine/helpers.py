"""What tests of ops share: PyTorch's layout of images, comparisons, and errors."""

import numpy as np
import pytest

import agcli as ag


def torch():
    """PyTorch, which has the same ops with channels first."""
    return pytest.importorskip("torch", reason="values are compared with those of PyTorch")


def first(x):
    """Channels first, as PyTorch has them."""
    return torch().tensor(np.moveaxis(x, -1, 1).copy())


def last(t):
    return np.moveaxis(t.numpy(), 1, -1)


def same(a, b, tolerance=1e-12):
    assert np.shape(a) == np.shape(b)
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def refused(call, words):
    """The call is an error of the engine, whose text holds these words."""
    with pytest.raises(ag.EngineError) as caught:
        call()
    assert words in str(caught.value)
