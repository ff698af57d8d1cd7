"""Convolutions and pools of volumes, and what is added to transposed convolutions: by loops, and beside PyTorch."""

import itertools

import numpy as np
import pytest

import agcli as ag
from agcli.engine.errors import ShapeError
from tests.engine.helpers import first, last, same, torch

pytestmark = pytest.mark.numeric
RNG = np.random.default_rng(5)


def filters(w):
    """(..., C, F) as PyTorch has them: (F, C, ...)."""
    return torch().tensor(np.moveaxis(w, (-1, -2), (0, 1)).copy())


def threes(value):
    return value if isinstance(value, tuple) else (value,) * 3


def loop_conv(x, w, strides=1, padding=0, dilation=1, groups=1):
    """The convolution by its definition, one output at a time."""
    strides, padding, dilation = map(threes, (strides, padding, dilation))
    x = np.pad(x, ((0, 0), *((p, p) for p in padding), (0, 0)))
    counts = [
        (n - (k - 1) * d - 1) // s + 1 for n, k, s, d in zip(x.shape[1:4], w.shape[:3], strides, dilation, strict=True)
    ]
    y = np.zeros((len(x), *counts, w.shape[4]))
    inner, outer = w.shape[3], w.shape[4] // groups
    for place in itertools.product(*map(range, counts)):
        for tap in itertools.product(*map(range, w.shape[:3])):
            at = tuple(i * s + k * d for i, s, k, d in zip(place, strides, tap, dilation, strict=True))
            seen = x[:, *at]
            for f in range(w.shape[4]):
                g = f // outer
                y[:, *place, f] += seen[:, g * inner : (g + 1) * inner] @ w[(*tap, slice(None), f)]
    return y


CASES = [
    ((2, 3, 4, 3, 2), (2, 2, 3, 2, 3), {}),
    ((1, 5, 6, 4, 4), (3, 2, 2, 2, 6), {"strides": (2, 1, 2), "padding": (1, 0, 1), "groups": 2}),
    ((1, 6, 5, 5, 2), (2, 2, 2, 2, 1), {"dilation": (2, 1, 3), "padding": 1}),
    ((2, 3, 4, 4, 3), (3, 3, 3, 1, 3), {"groups": 3, "padding": 1}),
]


@pytest.mark.parametrize(("shape", "weights", "options"), CASES)
def test_a_convolution_by_its_definition(shape, weights, options):
    x, w = RNG.normal(size=shape), RNG.normal(size=weights)
    same(ag.conv3d(x, w, **options).eval(), loop_conv(x, w, **options))


@pytest.mark.parametrize(("shape", "weights", "options"), CASES)
def test_convolutions_are_those_of_pytorch_and_the_transpose_their_gradient(shape, weights, options):
    x, w = RNG.normal(size=shape), RNG.normal(size=weights)
    theirs = {{"strides": "stride"}.get(k, k): v for k, v in options.items()}
    functions = torch().nn.functional
    a, b = first(x).requires_grad_(), filters(w).requires_grad_()
    expected = functions.conv3d(a, b, **theirs)
    p, q = ag.placeholder("x", (None, *shape[1:]), "float64"), ag.placeholder("w", weights, "float64")
    y = ag.conv3d(p, q, **options)
    g = RNG.normal(size=(shape[0], *y.shape[1:]))
    expected.backward(first(g))
    made = ag.function([y, *ag.grad(ag.sum(y * g), [p, q])], inputs=[p, q])(x, w)
    same(made[0], last(expected.detach()))
    same(made[1], last(a.grad))
    same(made[2], np.moveaxis(b.grad.numpy(), (0, 1), (-1, -2)))
    # the transpose, of the lengths that a stride leaves open
    back = torch().nn.functional.conv_transpose3d(first(g), filters(w), **theirs)
    same(ag.conv3d_transpose(g, w, **options).eval(), last(back))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_output_padding_is_that_of_pytorch(rank):
    lengths, sizes = (4, 3, 2)[:rank], (3, 2, 4)[:rank]
    steps, more, around = (2, 3, 3)[:rank], (1, 2, 0)[:rank], (1, 0, 1)[:rank]
    g, w = RNG.normal(size=(2, *lengths, 6)), RNG.normal(size=(*sizes, 2, 6))
    theirs = getattr(torch().nn.functional, f"conv_transpose{rank}d")
    weights = filters(w)
    expected = last(theirs(first(g), weights, stride=steps, padding=around, output_padding=more, groups=2))
    ours = getattr(ag, f"conv{rank}d_transpose")
    if rank == 1:
        (steps,), (more,), ((p,)) = steps, more, around
        around = (p, p)
    elif rank == 2:
        around = tuple((p, p) for p in around)
    y = ours(g, w, strides=steps, padding=around, output_padding=more, groups=2)
    same(y.eval(), expected)


def test_a_convolution_makes_the_lengths_that_output_padding_enlarges():
    """<conv(x), g> = <x, transpose(g)>, whatever of the lengths is chosen."""
    w, g = RNG.normal(size=(3, 3, 2, 4)), RNG.normal(size=(1, 3, 3, 4))
    for more in (0, 1, 2):
        y = ag.conv2d_transpose(g, w, strides=3, padding=1, output_padding=more).eval()
        assert y.shape == (1, 7 + more, 7 + more, 2)
        x = RNG.normal(size=y.shape)
        assert np.sum(x * y) == pytest.approx(np.sum(ag.conv2d(x, w, strides=3, padding=1).eval() * g), rel=1e-12)


POOLS = [
    {"size": 2},
    {"size": (2, 3, 2), "strides": (1, 2, 2), "padding": (1, 1, 0)},
    {"size": 3, "strides": 2, "padding": 1, "ceil_mode": True},
]


@pytest.mark.parametrize("options", POOLS, ids=str)
def test_pools_by_their_definition(options):
    """Of all windows at once, with padding that is no number."""
    size, strides, padding = (
        threes(options.get(k, d)) for k, d in (("size", 2), ("strides", options["size"]), ("padding", 0))
    )
    ceil = options.get("ceil_mode", False)
    x = RNG.normal(size=(2, 5, 6, 4, 3))
    blank = np.pad(x, ((0, 0), *((p, p + 3) for p in padding), (0, 0)), constant_values=np.nan)
    starts = []
    for n, k, s, p in zip(x.shape[1:4], size, strides, padding, strict=True):
        most = n + 2 * p - k + (s - 1 if ceil else 0)
        starts.append([i for i in range(0, most + 1, s) if i < n + p])
    boxes = [blank[:, *(slice(i, i + k) for i, k in zip(at, size, strict=True))] for at in itertools.product(*starts)]
    shape = (*map(len, starts), 2, 3)
    for name, reduce in (("max_pool3d", np.nanmax), ("avg_pool3d", np.nanmean)):
        expected = np.stack([reduce(b, axis=(1, 2, 3)) for b in boxes]).reshape(shape)
        same(getattr(ag, name)(x, **options).eval(), np.moveaxis(expected, 3, 0))


@pytest.mark.parametrize("options", POOLS, ids=str)
def test_pools_are_those_of_pytorch(options):
    functions, x = torch().nn.functional, RNG.normal(size=(2, 6, 7, 5, 3))
    theirs = {{"size": "kernel_size", "strides": "stride"}.get(k, k): v for k, v in options.items()}
    for counted in (False, True):
        expected = functions.avg_pool3d(first(x), **theirs, count_include_pad=counted)
        same(ag.avg_pool3d(x, **options, count_include_pad=counted).eval(), last(expected))
    for dilation in (1, (2, 1, 2)):
        y, at = functions.max_pool3d(first(x), **theirs, dilation=dilation, return_indices=True)
        same(ag.max_pool3d(x, **options, dilation=dilation).eval(), last(y), 0)
        same(ag.max_pool3d_indices(x, **options, dilation=dilation).eval(), last(at), 0)
    y, at = functions.max_pool3d(first(x), 2, return_indices=True)
    undone = functions.max_unpool3d(y, at, 2, output_size=(6, 7, 5))
    same(ag.max_unpool3d(ag.max_pool3d(x), ag.max_pool3d_indices(x), lengths=(6, 7, 5)).eval(), last(undone), 0)


def test_a_tie_in_a_volume_goes_to_the_first_in_row_major_order():
    x = RNG.integers(0, 2, (2, 4, 6, 4, 3)).astype(float)
    at = ag.max_pool3d_indices(x).eval()
    flat = x.reshape(2, -1, 3)
    for n, i, j, k, c in np.ndindex(at.shape):
        window = [
            (a * 6 + b) * 4 + d for a in (2 * i, 2 * i + 1) for b in (2 * j, 2 * j + 1) for d in (2 * k, 2 * k + 1)
        ]
        assert at[n, i, j, k, c] == max(window, key=lambda place: flat[n, place, c])
    t = ag.placeholder("x", x.shape, "float64")
    dx = ag.grad(ag.sum(ag.max_pool3d(t)), t).eval({t: x}).reshape(2, -1, 3)
    expected = np.zeros_like(dx)
    np.put_along_axis(expected, at.reshape(2, -1, 3), 1, 1)
    same(dx, expected, 0)


def test_of_no_volume_nothing_is_made():
    none, w = np.zeros((0, 3, 4, 5, 2)), np.zeros((2, 2, 2, 2, 3))
    assert ag.conv3d(none, w).eval().shape == (0, 2, 3, 4, 3)
    assert ag.conv3d_transpose(none, w.swapaxes(3, 4), strides=2).eval().shape == (0, 6, 8, 10, 3)
    assert ag.max_pool3d(none).eval().shape == ag.max_pool3d_indices(none).eval().shape == (0, 1, 2, 2, 2)


def test_half_precision_adds_in_single():
    x = np.full((1, 8, 16, 16, 1), 300.0, "float16")
    y = ag.avg_pool3d(x, (8, 16, 16))
    assert y.dtype == np.float16
    assert y.eval().item() == 300
    ones = ag.conv3d(np.ones((1, 3, 40, 40, 1), "float16"), np.ones((3, 40, 40, 1, 1), "float16"))
    assert ones.dtype == np.float16
    assert ones.eval().item() == 4800


X = ag.placeholder("x", (None, 4, 5, 6, 2))
W = np.zeros((2, 2, 2, 2, 3))
WRONG = {
    r"conv3d: needs \(N, D, H, W, C\), got": lambda: ag.conv3d(X[0], W),
    r"conv3d: needs \(N, D, H, W, C\) of which only N is unknown": lambda: ag.conv3d(
        ag.placeholder("v", (None, None, 4, 4, 2)), W
    ),
    r"max_pool3d: needs \(N, D, H, W, C\) with lengths of 1 or more behind N": lambda: ag.max_pool3d(X[..., :0]),
    r"conv3d: needs weights \(kd, kh, kw, C / groups, F\)": lambda: ag.conv3d(X, W[0]),
    r"conv3d: the input \(None, 4, 5, 6, 2\) has 2 channels, weights \(2, 2, 2, 2, 3\) take 4": lambda: ag.conv3d(
        X, W, groups=2
    ),
    "conv3d: 3 outputs do not divide into 2 groups": lambda: ag.conv3d(X, W[:, :, :, :1], groups=2),
    "conv3d: groups is a positive integer": lambda: ag.conv3d(X, W, groups=0),
    "conv3d: strides is a positive integer or three of them, got \\(1, 2\\)": lambda: ag.conv3d(X, W, strides=(1, 2)),
    "conv3d: padding is .*three pairs": lambda: ag.conv3d(X, W, padding=(1, 2)),
    "conv3d: a window that spans 7 does not fit on axis 3 of length 6": lambda: ag.conv3d(X, W, dilation=(1, 1, 6)),
    "conv3d: a window that spans 7 does not fit on axis 1 of length 4": lambda: ag.conv3d(X, W, dilation=(6, 1, 1)),
    "max_pool3d: padding .* must be smaller than the window": lambda: ag.max_pool3d(X, 2, padding=2),
    "avg_pool3d: a window that spans 7 does not fit on axis 2": lambda: ag.avg_pool3d(X, (1, 7, 1)),
    "max_unpool3d: lengths are 3 positive integers": lambda: ag.max_unpool3d(X, X, lengths=(1, 2)),
    "conv2d_transpose: output_padding is 0 or more and less than the strides": lambda: ag.conv2d_transpose(
        X[:, 0], W[0], output_padding=1
    ),
    'with padding "same" results are as long as strides say': lambda: ag.conv3d_transpose(
        X, np.zeros((2, 2, 2, 3, 2)), strides=2, padding="same", output_padding=1
    ),
    "conv1d_transpose: output_padding is 0 or more": lambda: ag.conv1d_transpose(
        X[:, 0, 0], W[0, 0], strides=2, output_padding=(1, 1)
    ),
}


@pytest.mark.parametrize("message", WRONG)
def test_what_is_wrong_is_said(message):
    with pytest.raises(ShapeError, match=message):
        WRONG[message]()


def test_shards_and_many_examples_at_once_compute_the_same():
    x, w = ag.placeholder("x", (4, 4, 5, 4, 2), "float64"), ag.variable(RNG.normal(size=(2, 2, 2, 2, 3)))
    loss = ag.mean(ag.max_pool3d(ag.conv3d(x, w, padding=1), 2) ** 2)
    outputs, value = [loss, *ag.grad(loss, [x, w])], RNG.normal(size=x.shape)
    whole, split = (ag.function(outputs, inputs=[x], **more)(value) for more in ({}, {"shards": 2}))
    for a, b in zip(whole, split, strict=True):
        same(a, b)
    each = ag.vmap(lambda v: ag.avg_pool3d(ag.conv3d(v, w), (1, 2, 1)))(
        x[None] + ag.zeros((3, 1, 1, 1, 1, 1), "float64")
    )
    same(each.eval({x: value})[1], ag.avg_pool3d(ag.conv3d(value, w), (1, 2, 1)).eval())
