"""Pools, their positions, windows side by side, and cuts: by their definitions, and beside PyTorch."""

import numpy as np
import pytest

import agcli as ag
from agcli.engine.errors import FeedError, ShapeError
from tests.engine.helpers import first, last, same, torch

pytestmark = pytest.mark.numeric
RNG = np.random.default_rng(3)


# Pools --------------------------------------------------------------------------------------------------------
POOLS = [
    {"size": 2},
    {"size": 3, "strides": 2, "padding": 1},
    {"size": 3, "strides": 2, "padding": 1, "ceil_mode": True},
    {"size": (2, 3), "strides": (3, 2), "ceil_mode": True},
    {"size": (3, 2), "strides": (2, 4), "padding": (1, 0), "ceil_mode": True},
]
LENGTHS = [(6, 7), (7, 8), (9, 8)]


def padded(length, size, stride, padding, ceil_mode):
    """Lengths after padding, and the first places of all windows, by the definition."""
    starts = [s for s in range(0, length + 2 * padding, stride) if s + size <= length + 2 * padding]
    if ceil_mode:
        starts = [s for s in range(0, length + padding, stride) if s - stride + size < length + 2 * padding]
    return starts


@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize("options", POOLS, ids=str)
def test_average_pools_by_definition(options, counted):
    given = dict(options)
    (a, b), (s, r), (p, q) = (
        v if isinstance(v, tuple) else (v, v)
        for v in (given["size"], given.get("strides", given["size"]), given.get("padding", 0))
    )
    given["padding"] = ((p, p), (q, q))
    for high, wide in LENGTHS:
        x = RNG.normal(size=(2, high, wide, 2))
        rows, columns = (padded(*v, given.get("ceil_mode", False)) for v in ((high, a, s, p), (wide, b, r, q)))
        blank = np.full((2, high + 2 * p, wide + 2 * q, 2), 0.0 if counted else np.nan)
        blank[:, p : p + high, q : q + wide] = x
        expected = [[np.nanmean(blank[:, i : i + a, j : j + b], (1, 2)) for j in columns] for i in rows]
        same(ag.avg_pool2d(x, **given, count_include_pad=counted).eval(), np.array(expected).transpose(2, 0, 1, 3))


@pytest.mark.parametrize("options", POOLS, ids=str)
def test_pools_are_those_of_pytorch(options):
    functions = torch().nn.functional
    theirs = {{"size": "kernel_size", "strides": "stride"}.get(k, k): v for k, v in options.items()}
    for lengths in LENGTHS:
        x = RNG.normal(size=(2, *lengths, 3))
        for counted in (False, True):
            expected = functions.avg_pool2d(first(x), **theirs, count_include_pad=counted)
            same(ag.avg_pool2d(x, **options, count_include_pad=counted).eval(), last(expected))
        for dilation in (1, 2, (1, 3)):
            y, at = functions.max_pool2d(first(x), **theirs, dilation=dilation, return_indices=True)
            same(ag.max_pool2d(x, **options, dilation=dilation).eval(), last(y), 0)
            same(ag.max_pool2d_indices(x, **options, dilation=dilation).eval(), last(at), 0)


def test_pools_of_sequences_are_those_of_pytorch():
    functions, x = torch().nn.functional, RNG.normal(size=(2, 9, 3))
    y, at = functions.max_pool1d(first(x), 3, 2, 1, dilation=2, ceil_mode=True, return_indices=True)
    options = {"size": 3, "strides": 2, "padding": 1, "ceil_mode": True}
    same(ag.max_pool1d(x, **options, dilation=2).eval(), last(y), 0)
    same(ag.max_pool1d_indices(x, **options, dilation=2).eval(), last(at), 0)
    expected = functions.avg_pool1d(first(x), 3, 2, 1, ceil_mode=True, count_include_pad=True)
    same(ag.avg_pool1d(x, **options, count_include_pad=True).eval(), last(expected))


def test_positions_name_the_elements_and_both_look_once():
    x = RNG.integers(0, 3, (2, 7, 6, 4)).astype(float)  # with many ties
    t = ag.placeholder("x", x.shape, "float64")
    options = {"size": 3, "strides": 2, "padding": 1}
    f = ag.function([ag.max_pool2d(t, **options), ag.max_pool2d_indices(t, **options)])
    y, at = f(x)
    flat = x.reshape(2, 42, 4)
    same(np.take_along_axis(flat, at.reshape(2, -1, 4), 1), y.reshape(2, -1, 4), 0)
    for n, i, j, c in np.ndindex(y.shape):
        window = [
            a * 6 + b for a in range(2 * i - 1, 2 * i + 2) for b in range(2 * j - 1, 2 * j + 2)
            if 0 <= a < 7 and 0 <= b < 6
        ]  # fmt: skip
        assert at[n, i, j, c] == next(k for k in window if flat[n, k, c] == y[n, i, j, c])
    assert sum("max_pool2d_located" in step.op.name for step in f.plan.steps) == 1


@pytest.mark.parametrize("rank", [1, 2])
def test_unpooling_is_that_of_pytorch(rank):
    functions = torch().nn.functional
    x = RNG.normal(size=(2, *(8, 6)[:rank], 3))
    pool, where, undo = (
        getattr(ag, name.format(rank)) for name in ("max_pool{}d", "max_pool{}d_indices", "max_unpool{}d")
    )
    y, at = getattr(functions, f"max_pool{rank}d")(first(x), 2, return_indices=True)
    same(undo(pool(x), where(x)).eval(), last(getattr(functions, f"max_unpool{rank}d")(y, at, 2)), 0)


def test_of_elements_put_at_one_place_the_last_stays_and_has_the_cotangent():
    y, at = np.array([1.0, 2.0, 3.0]).reshape(1, 3, 1), np.array([1, 1, 0]).reshape(1, 3, 1)
    t = ag.placeholder("y", (1, 3, 1), "float64")
    out = ag.max_unpool1d(t, at, lengths=4)
    assert out.eval({t: y}).ravel().tolist() == [3, 2, 0, 0]
    g = ag.constant([10.0, 20.0, 30.0, 40.0]).reshape(1, 4, 1)
    assert ag.grad(ag.sum(out * g), t).eval({t: y}).ravel().tolist() == [0, 20, 10]
    with pytest.raises(FeedError, match=r"max_unpool: index 4 is outside of 0\.\.3"):
        ag.max_unpool1d(t, at + 3, lengths=4).eval({t: y})


# Windows side by side -----------------------------------------------------------------------------------------
UNFOLDINGS = [
    {"size": 2},
    {"size": (3, 2), "strides": 2, "padding": 1},
    {"size": 2, "dilation": (2, 3), "padding": (0, 2)},
    {"size": (1, 2), "dilation": 2, "padding": 2},  # some windows see nothing but padding
]


@pytest.mark.parametrize("options", UNFOLDINGS, ids=str)
def test_unfolded_windows_are_those_of_convolutions(options):
    size = options["size"] if isinstance(options["size"], tuple) else (options["size"],) * 2
    x, w = RNG.normal(size=(2, 6, 7, 3)), RNG.normal(size=(*size, 3, 4))
    place = {k: v for k, v in options.items() if k != "size"}
    expected = ag.conv2d(x, w, **place).eval()
    rows = ag.unfold(x, **options)
    same((rows @ w.reshape(-1, 4)).eval(), expected.reshape(2, -1, 4))
    g = RNG.normal(size=rows.shape)
    folded = ag.fold(g, (6, 7), **options).eval()
    assert np.sum(folded * x) == pytest.approx(np.sum(g * rows.eval()), rel=1e-12)


@pytest.mark.parametrize("options", UNFOLDINGS, ids=str)
def test_unfold_and_fold_are_those_of_pytorch(options):
    """Theirs are (N, C * taps, windows), channels before taps."""
    functions, x = torch().nn.functional, RNG.normal(size=(2, 6, 7, 3))
    theirs = {{"size": "kernel_size", "strides": "stride"}.get(k, k): v for k, v in options.items()}
    expected = functions.unfold(first(x), **theirs)
    rows = ag.unfold(x, **options)
    taps = rows.shape[2] // 3

    def turned(y):
        return y.reshape(2, -1, taps, 3).transpose(0, 3, 2, 1).reshape(2, 3 * taps, -1)

    same(turned(rows.eval()), expected.numpy(), 0)
    g = RNG.normal(size=rows.shape)
    undone = functions.fold(torch().tensor(turned(g).copy()), (6, 7), **theirs)
    same(ag.fold(g, (6, 7), **options).eval(), last(undone))


# Cuts ---------------------------------------------------------------------------------------------------------
def test_negative_widths_cut():
    x = np.arange(12.0).reshape(3, 4)
    t = ag.placeholder("x", (None, None), "float64")
    y = ag.pad(t, ((-1, 2), (1, -3)), value=9.0)
    expected = np.full((4, 2), 9.0)
    expected[:2, 1:] = x[1:, :1]
    same(y.eval({t: x}), expected, 0)
    g = RNG.normal(size=(4, 2))
    back = np.zeros((3, 4))
    back[1:, :1] = g[:2, 1:]
    same(ag.grad(ag.sum(y * g), t).eval({t: x}), back, 0)
    assert ag.pad([1, 2, 3], (-5, 5), value=7).eval().tolist() == [7, 7, 7]
    assert ag.pad([1, 2, 3], (5, -5), value=7).eval().tolist() == [7, 7, 7]
    assert ag.pad([1, 2, 3], (-1, -2)).eval().tolist() == []
    with pytest.raises(ShapeError, match=r"pad: widths \(-2, -2\) cut more than the 3 elements of axis 0"):
        ag.pad(t, ((-2, -2), (0, 0))).eval({t: x})


def test_negative_widths_are_those_of_pytorch():
    x = RNG.normal(size=(2, 4, 5))
    expected = torch().nn.functional.pad(torch().tensor(x), (-2, 1, 3, -1, -1, 0), value=2.5).numpy()
    same(ag.pad(x, ((-1, 0), (3, -1), (-2, 1)), value=2.5).eval(), expected, 0)


# Many at once -------------------------------------------------------------------------------------------------
def test_shards_compute_the_same():
    """Of a batch on threads, forward and backward."""
    x = ag.placeholder("x", (8, 8, 6, 2), "float64")
    at = ag.max_pool2d_indices(x)
    y = ag.interpolate(ag.max_unpool2d(ag.max_pool2d(x), at), (5, 9), mode="cubic")
    z = ag.fold(ag.unfold(y, 3) ** 2, (5, 9), 3) + ag.interpolate(
        ag.adaptive_max_pool(x, (3, 4)), (5, 9), mode="linear"
    )
    loss = ag.mean(ag.avg_pool2d(z, 3, 2, 1, ceil_mode=True, count_include_pad=True) ** 2)
    outputs = [loss, ag.grad(loss, x)]
    value = RNG.normal(size=x.shape)
    whole, split = (ag.function(outputs, inputs=[x], **more)(value) for more in ({}, {"shards": 3}))
    for a, b in zip(whole, split, strict=True):
        same(a, b)


WRONG = {
    "unfold: a window that spans 6 does not fit on axis 1 of length 4": lambda x: ag.unfold(x, 6),
    "fold: rows of \\(1, 20, 5\\) do not divide into the 4 taps": lambda x: ag.fold(ag.zeros((1, 20, 5)), (4, 5), 2),
    "fold: \\(1, 11, 4\\) has 11 windows, lengths \\(4, 5\\) have 3 \\* 4": lambda x: ag.fold(
        ag.zeros((1, 11, 4)), (4, 5), 2
    ),
    "fold: lengths are 2 positive integers, got \\(4,\\)": lambda x: ag.fold(ag.zeros((1, 12, 4)), (4,), 2),
    "max_unpool: needs elements and indices of one shape": lambda x: ag.max_unpool2d(
        x, ag.zeros((1, 2, 2, 2), "int64")
    ),
    "max_unpool1d: needs \\(N, L, C\\)": lambda x: ag.max_unpool1d(x, ag.zeros((1, 2, 2, 2), "int64")),
    "max_pool1d: a window that spans 7 does not fit on axis 1 of length 5": lambda x: ag.max_pool1d(x[:, 0], 7),
    "max_pool1d: padding .* must be smaller than the window": lambda x: ag.max_pool1d(x[:, 0], 2, padding=2),
    "conv1d: a window that spans 6 does not fit on axis 1 of length 5": lambda x: ag.conv1d(
        x[:, 0], ag.zeros((6, 2, 1))
    ),
    "is more than half of what windows span, \\(3, 3\\)": lambda x: ag.max_pool2d(x, 2, padding=2, dilation=2),
    "sees nothing but padding": lambda x: ag.max_pool2d(x[:, :1], (2, 1), padding=((1, 1), (0, 0)), dilation=2),
    "pad: widths \\(-3, -2\\) cut more than the 4 elements of axis 1": lambda x: ag.pad(
        x, ((0, 0), (-3, -2), (0, 0), (0, 0))
    ),
    "pad: mode 'reflect' takes widths of 0 or more": lambda x: ag.pad(x, -1, mode="reflect"),
}


@pytest.mark.parametrize("message", WRONG)
def test_what_is_wrong_is_said(message):
    with pytest.raises(ShapeError, match=message):
        WRONG[message](ag.placeholder("x", (1, 4, 5, 2)))
