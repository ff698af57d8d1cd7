"""Interpolation and adaptive pools: by their definitions, and beside PyTorch."""

import itertools

import numpy as np
import pytest

import agcli as ag
from agcli.engine.errors import DTypeError, ShapeError
from agcli.engine.ops import axis_maps
from tests.engine.helpers import first, last, same, torch

pytestmark = pytest.mark.numeric
RNG = np.random.default_rng(3)


# Interpolation ------------------------------------------------------------------------------------------------
def matrix(length, count, mode, corners=False):
    """The map of one axis by its definition, a row a result."""
    found = np.zeros((count, length))
    for i in range(count):
        if mode == "nearest":
            found[i, i * length // count] = 1
            continue
        if mode == "nearest-exact":
            found[i, int(np.floor((i + 0.5) * length / count))] = 1
            continue
        if mode == "area":
            low, high = int(np.floor(i * length / count)), int(np.ceil((i + 1) * length / count))
            found[i, low:high] = 1 / (high - low)
            continue
        place = i * (length - 1) / max(count - 1, 1) if corners else (i + 0.5) * length / count - 0.5
        for j in range(-3, length + 3):
            x = abs(place - j)
            if mode == "linear":
                weight = max(1 - x, 0)
            elif x <= 1:
                weight = 1.25 * x**3 - 2.25 * x**2 + 1
            else:
                weight = -0.75 * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0
            found[i, min(max(j, 0), length - 1)] += weight
    return found


MODES = ["nearest", "nearest-exact", "area", "linear", "cubic"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("length", "count"), [(1, 1), (1, 3), (3, 1), (5, 5), (5, 8), (8, 5), (4, 13), (13, 4), (7, 2)]
)
def test_each_axis_is_a_linear_map_and_its_gradient_the_transpose(length, count, mode):
    for corners in (False, True) if mode in ("linear", "cubic") else (False,):
        a = matrix(length, count, mode, corners)
        x, g = RNG.normal(size=(2, length, 3)), RNG.normal(size=(2, count, 3))
        t = ag.placeholder("x", (None, None, 3), "float64")
        y = ag.interpolate(t, count, mode=mode, align_corners=corners)
        same(y.eval({t: x}), np.einsum("ij,njc->nic", a, x), 1e-11)
        same(ag.grad(ag.sum(y * g), t).eval({t: x}), np.einsum("ij,nic->njc", a, g), 1e-11)


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_values_are_those_of_pytorch(mode, antialias):
    """Whatever sizes and scales, for the corners and for the middles of pixels."""
    named = {"linear": "bilinear", "cubic": "bicubic"}.get(mode, mode)
    smooth = mode in ("linear", "cubic")
    if antialias and not smooth:
        return
    resize = torch().nn.functional.interpolate
    sizes = [{"size": s} for s in ((1, 7), (3, 3), (8, 2), (16, 13))]
    for shape, how in itertools.product(
        [(5, 4), (2, 9), (13, 6)], [*sizes, *({"scale": s} for s in (0.5, 0.75, 1, 1.5, 2.7, 3))]
    ):
        for corners in (False, True) if smooth and not antialias else (False,):
            x = RNG.normal(size=(2, *shape, 3))
            options = {"align_corners": corners, "antialias": antialias} if smooth else {}
            theirs = {"scale_factor" if k == "scale" else k: v for k, v in how.items()}
            expected = last(resize(first(x), mode=named, **theirs, **options))
            same(ag.interpolate(x, mode=mode, **how, **options).eval(), expected)


def test_one_and_three_axes_are_those_of_pytorch():
    resize = torch().nn.functional.interpolate
    sequence, volume = RNG.normal(size=(2, 7, 3)), RNG.normal(size=(2, 3, 4, 5, 2))
    for corners in (False, True):
        expected = resize(first(sequence), size=11, mode="linear", align_corners=corners)
        same(ag.interpolate(sequence, 11, mode="linear", align_corners=corners).eval(), last(expected))
        expected = resize(first(volume), scale_factor=2, mode="trilinear", align_corners=corners)
        same(ag.interpolate(volume, scale=2, mode="linear", align_corners=corners).eval(), last(expected))
    expected = resize(first(volume), size=(2, 7, 5), mode="nearest-exact")
    same(ag.interpolate(volume, (2, 7, 5), mode="nearest-exact").eval(), last(expected))


def test_nearest_takes_numbers_of_any_kind_and_means_need_floats():
    x = np.arange(6).reshape(1, 6, 1)
    y = ag.interpolate(x, 4, mode="nearest")
    assert y.dtype == np.int64
    assert y.eval().ravel().tolist() == [0, 1, 3, 4]
    assert ag.interpolate(x, 4, mode="nearest-exact").eval().ravel().tolist() == [0, 2, 3, 5]
    with pytest.raises(DTypeError, match="interpolate: mode 'linear' needs a float dtype"):
        ag.interpolate(x, 4, mode="linear")


def test_an_infinity_stays_where_its_weight_is_not_zero():
    x = np.array([1.0, 2.0, np.inf, 4.0, 5.0]).reshape(1, 5, 1)
    assert ag.interpolate(x, 9, mode="linear", align_corners=True).eval().ravel().tolist() == [
        1,
        1.5,
        2,
        *[np.inf] * 3,
        4,
        4.5,
        5,
    ]


@pytest.mark.parametrize("block", [1, 100, 1000])
def test_blocks_change_nothing(block, monkeypatch):
    """Of one row, of several, of several images; forward and back, where rounds have not all rows, too."""
    x, g = RNG.normal(size=(3, 9, 5, 2)), RNG.normal(size=(3, 6, 8, 2))
    t = ag.placeholder("x", x.shape, "float64")
    for mode in MODES:
        y = ag.interpolate(t, (6, 8), mode=mode)
        outputs = [y, ag.grad(ag.sum(y * g), t)]
        expected = ag.function(outputs, inputs=[t])(x)
        with monkeypatch.context() as patch:
            patch.setattr(axis_maps, "BLOCK", block)
            found = ag.function(outputs, inputs=[t])(x)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_scale_is_the_step_whatever_length_it_gives():
    """1.25 times 3 places are 3, a step of 0.8 apart."""
    x = np.array([1.0, 3.0, 2.0]).reshape(1, 3, 1)
    found = ag.interpolate(x, scale=1.25, mode="linear").eval().ravel()
    same(found, np.interp((np.arange(3) + 0.5) * 0.8 - 0.5, np.arange(3), x.ravel()))


def test_an_image_of_its_own_size_is_left_alone():
    x = ag.placeholder("x", (None, 4, 5, 2))
    for mode in MODES:
        assert ag.interpolate(x, (4, 5), mode=mode) is x
        assert ag.interpolate(x, scale=1, mode=mode) is x


WRONG = {
    "needs \\(N, ..., C\\)": lambda x: ag.interpolate(x[0, 0], 3),
    "mode is nearest, nearest-exact, linear, cubic, area; got 'bilinear'; write 'linear'": lambda x: ag.interpolate(
        x, 3, mode="bilinear"
    ),
    "align_corners and antialias are for modes": lambda x: ag.interpolate(x, 3, align_corners=True),
    "antialias is for middles of pixels": lambda x: ag.interpolate(
        x, 3, mode="cubic", align_corners=True, antialias=True
    ),
    "expected size or scale, got neither": ag.interpolate,
    "expected size or scale, got both": lambda x: ag.interpolate(x, 3, 2.0),
    "size is a positive integer, or one for each of 2 axes of \\(1, 4, 5, 2\\), got 0": lambda x: ag.interpolate(x, 0),
    "size is a positive integer, or one for each of 2 axes": lambda x: ag.interpolate(x, (3, 3, 3)),
    "scale is a positive number, or one for each": lambda x: ag.interpolate(x, scale=-1.0),
    "interpolate: an axis of length 0 has no values for 3": lambda x: ag.interpolate(x[:, :0], 3),
    "interpolate: an axis of length 4 has no values for 0": lambda x: ag.interpolate(x, scale=0.2),
    "adaptive_avg_pool: size is a positive integer": lambda x: ag.adaptive_avg_pool(x, 2.5),
}


@pytest.mark.parametrize("message", WRONG)
def test_what_is_wrong_is_said(message):
    with pytest.raises(ShapeError, match=message):
        WRONG[message](ag.placeholder("x", (1, 4, 5, 2)))


# Adaptive pools -----------------------------------------------------------------------------------------------
def test_adaptive_pools_are_those_of_pytorch():
    functions = torch().nn.functional
    for shape, size in [((5, 4), (2, 3)), ((8, 8), (4, 2)), ((3, 7), (5, 7)), ((6, 1), (1, 3))]:
        x = RNG.normal(size=(2, *shape, 3))
        same(ag.adaptive_avg_pool(x, size).eval(), last(functions.adaptive_avg_pool2d(first(x), size)))
        same(ag.adaptive_max_pool(x, size).eval(), last(functions.adaptive_max_pool2d(first(x), size)), 0)


def test_a_tie_of_an_adaptive_pool_goes_to_the_first_in_row_major_order():
    x = np.array([[0.0, 7.0, 1.0], [7.0, 0.0, 2.0], [3.0, 7.0, 7.0]])
    t = ag.placeholder("x", (1, 3, 3, 1), "float64")
    dx = ag.grad(ag.sum(ag.adaptive_max_pool(t, 1)), t).eval({t: x.reshape(t.shape)})
    assert dx.reshape(3, 3).tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
