"""Normal and exponential numbers: quantiles of words against mpmath and SciPy, tails, and the same bits everywhere."""

import os
from functools import partial

import mpmath
import numpy as np
import pytest
from scipy import stats

import agcli as ag
from agcli.engine import initializers
from agcli.engine.errors import DTypeError
from agcli.engine.ops import quantiles as q
from agcli.engine.ops import random as r
from agcli.engine.ops.keys import streams
from agcli.engine.ops.words import Words
from tools import special_fits

pytestmark = pytest.mark.numeric

KINDS = {"float32": (np.int32, 32), "float64": (np.int64, 64)}
LAWS = {
    "normal": stats.norm(),
    "truncated_normal": stats.truncnorm(-2, 2),
    "exponential": stats.expon(),
}
CASES = [(name, dtype) for name in LAWS for dtype in KINDS]
LONG = "AG_LONG" in os.environ


def quantile(name, words, dtype):
    out = np.empty(len(words), dtype)
    q.fill(name, np.asarray(words, KINDS[dtype][0]), out)
    return out


def hard_words(dtype):
    """Both ends, the middle, all magnitudes seen from each of them, and where formulas change."""
    kind, count = KINDS[dtype]
    rng, half = np.random.default_rng(0), 2 ** (count - 1)
    found = {s + d for s in (-half, 0, half) for d in range(-20, 20)}
    for power in range(count - 1):
        for x in (int(2**power * rng.uniform(1, 2)) for _ in range(3)):
            found |= {x, -x, half - 1 - x, x - half}
    for share in (0.25, 0.5, 0.7071, 0.5238, 0.5858, 1 - 0.7071):
        found |= {sign * int(share * half) + d for sign in (-1, 1) for d in range(-3, 4)}
    found |= set(rng.integers(-half, half - 1, 200, kind, endpoint=True).tolist())
    return sorted(w for w in found if -half <= w < half)


def exact(name, word, count):
    """The quantile at U = (1 + y)/2, from the word itself."""
    y = mpmath.mpf(2 * word + 1) / 2**count
    if name == "exponential":
        return -mpmath.log1p(-(1 + y) / 2) if y < 0 else -mpmath.log((1 - y) / 2)
    size = abs(y) * (mpmath.erf(mpmath.sqrt(2)) if name == "truncated_normal" else 1)
    inverse = mpmath.erfinv(size) if size < 0.9 else special_fits.erfinv_beside(1 - size)
    return mpmath.sign(y) * mpmath.sqrt(2) * inverse


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_quantiles_are_right_at_every_magnitude(name, dtype):
    words = hard_words(dtype)
    found, digits = quantile(name, words, dtype), np.finfo(dtype).nmant
    with mpmath.workdps(50):
        for word, x in zip(words, found.tolist(), strict=True):
            z = exact(name, word, KINDS[dtype][1])
            unit = mpmath.ldexp(1, int(mpmath.frexp(z)[1]) - 1 - digits)
            assert abs(mpmath.mpf(x) - z) <= q.ULP * unit, word


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_ends_are_finite_and_numbers_rise_with_their_words(name, dtype):
    half = 2 ** (KINDS[dtype][1] - 1)
    words = [*range(-half, 3000 - half), *range(-3000, 3000), *range(half - 3000, half)]
    x = quantile(name, words, dtype)
    assert np.isfinite(x).all()
    assert (x != 0).all()
    assert (np.diff(quantile(name, hard_words(dtype), dtype)) > -q.ULP * np.finfo(dtype).eps * 10).all()
    low, high = LAWS[name].support()
    assert low <= x.min() < x.max() <= high
    end = 2.0 ** -KINDS[dtype][1] / 2  # the share of either end
    np.testing.assert_allclose(x.max(), LAWS[name].isf(end), rtol=1e-6)
    np.testing.assert_allclose(x.min(), LAWS[name].ppf(end), rtol=1e-6)


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("name", ["normal", "truncated_normal"])
def test_quantiles_are_symmetric(name, dtype):
    words = np.array(hard_words(dtype), KINDS[dtype][0])
    np.testing.assert_array_equal(quantile(name, ~words, dtype), -quantile(name, words, dtype))


DRAWS = {
    "normal": r.standard_normal,
    "truncated_normal": partial(r.truncated_normal, 0, 1),
    "exponential": r.standard_exponential,
}


COUNT = 1_000_000 if LONG else 200_000
ORDER = 5 / np.sqrt(COUNT)  # standard errors of a mean of numbers of variance 1


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_many_numbers_follow_their_law(name, dtype):
    x = ag.function(DRAWS[name]((COUNT,), key=ag.random_key(11), dtype=dtype))()
    assert x.dtype == dtype
    law, x = LAWS[name], x.astype("f8")
    assert stats.kstest(x, law.cdf, method="asymp").pvalue > 0.01
    mean, variance, skewness, kurtosis = (float(m) for m in law.stats("mvsk"))
    z = (x - mean) / np.sqrt(variance)
    assert abs(z.mean()) < ORDER
    for power, expected in ((2, 1), (3, skewness), (4, kurtosis + 3)):
        found = z**power
        assert abs(found.mean() - expected) < ORDER * found.std()
    assert abs(np.corrcoef(x[1:], x[:-1])[0, 1]) < ORDER


BOUNDS = {"normal": (3.0, 4.0, 5.0, 5.4), "exponential": (6.0, 10.0, 15.0, 16.5)}
PIECES, PIECE = (100, 1_000_000) if LONG else (4, 500_000)


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("name", BOUNDS)
def test_tails_hold_as_many_numbers_as_they_should(name, dtype):
    """On either side, by the binomial law; with AG_LONG, of 10^8 numbers."""
    f = ag.function(DRAWS[name]((PIECE,), dtype=dtype), seed=3)
    beyond = np.zeros((2, len(BOUNDS[name])), int)
    for _ in range(PIECES):
        x = f()
        beyond += [[np.count_nonzero(s * x > b) for b in BOUNDS[name]] for s in (1, -1)]
    share = LAWS[name].sf(BOUNDS[name])
    for found in beyond if name == "normal" else beyond[:1]:
        for count, p in zip(found, share, strict=True):
            assert stats.binomtest(int(count), PIECE * PIECES, p).pvalue > 1e-3


def test_small_numbers_and_tails_keep_their_digits():
    """Of words that are 2^-16 apart, as seen from the middle or an end, no two give one number."""
    for dtype, (_, count) in KINDS.items():
        half, first = 2 ** (count - 1), 2 ** (count - 12)
        steps = [first + n * (first >> 16) for n in range(0, 1 << 16, 64)]
        for words in (steps, [half - 1 - n for n in steps], [n - half for n in steps]):
            assert len(np.unique(quantile("normal", words, dtype))) == len(steps)
        assert len(np.unique(quantile("exponential", [n - half for n in steps], dtype))) == len(steps)


# Results of a machine with AVX-512; all machines have to make these bits.
BITS = {
    ("normal", "float32"): ["0x1.bbe2960000000p+0", "0x1.b578860000000p-1", "0x1.8295220000000p-2"],
    ("normal", "float64"): ["0x1.b57885e020530p-1", "-0x1.8e23ed27ea4dcp-2", "0x1.3215d8d09c31cp-2"],
    ("truncated_normal", "float64"): ["0x1.9c7422d88f1f1p-1", "-0x1.7b26bc824108ap-2", "0x1.23c3fd9109397p-2"],
    ("exponential", "float32"): ["0x1.9768fc0000000p+1", "0x1.a09fda0000000p+0", "0x1.0aa5b20000000p+0"],
    ("exponential", "float64"): ["0x1.a09fd9f2c52fap+0", "0x1.b716e9ffea903p-2", "0x1.ec0a613cc891cp-1"],
}


@pytest.mark.parametrize(("name", "dtype"), BITS)
def test_bits_are_the_same_on_every_machine(name, dtype):
    with streams():
        x = ag.function(DRAWS[name]((1000,), dtype=dtype), seed=1)()
    assert [float(v).hex() for v in (*x[:2], x[-1])] == BITS[name, dtype]


def test_words_are_those_of_the_generator_in_their_order():
    with streams():
        op = [Words(np.dtype(d), (1001,), 5)(ag.random_key(9)) for d in ("int32", "int64")]
    raw = np.random.Philox(key=[9, 5]).random_raw(1001)
    short, long = ag.function(op)()
    np.testing.assert_array_equal(long, raw.view("i8"))
    np.testing.assert_array_equal(short, raw.astype("<u8").view("<i4")[:1001])


def test_a_number_depends_on_seed_step_and_place_alone():
    """Not on how many are drawn, in which shape, or in which pieces they are turned to numbers."""

    def drawn(shape, seed=4):
        with streams():
            return ag.function(r.standard_normal(shape, dtype="float64"), seed=seed)

    whole = drawn((700, 100))
    first, second = whole().reshape(-1), whole().reshape(-1)
    np.testing.assert_array_equal(drawn((9,))(), first[:9])
    np.testing.assert_array_equal(drawn((30, 50))().reshape(-1), first[:1500])
    few = drawn((11,))
    few()
    np.testing.assert_array_equal(few(), second[:11])
    assert len({*first[:1000], *second[:1000], *drawn((1000,), 5)()}) == 3000


def test_half_precision_rounds_float32():
    with streams():
        half = ag.function(r.standard_normal((500,), dtype="float16"), seed=2)()
    with streams():
        single = ag.function(r.standard_normal((500,)), seed=2)()
    np.testing.assert_array_equal(half, single.astype("f2"))


def test_memory_with_gaps_and_shared_memory():
    words = np.random.default_rng(0).integers(q.SIGN, q.LARGEST, (40, 6), np.int64)
    expected = quantile("normal", words.reshape(-1), "float64").reshape(40, 6)
    whole = np.zeros((40, 12))
    q.fill("normal", words[:, ::-1], whole[:, ::2])
    np.testing.assert_array_equal(whole[:, ::2], expected[:, ::-1])
    shared = words.copy()
    q.fill("normal", shared, shared.view("f8"))
    np.testing.assert_array_equal(shared.view("f8"), expected)
    out = np.zeros((4, 5), "i4")
    Words(np.dtype("int32"), (4, 5), 1).kernel(ag.random_key(1), out=(apart := np.zeros((4, 10), "i4"))[:, ::2])
    Words(np.dtype("int32"), (4, 5), 1).kernel(ag.random_key(1), out=out)
    np.testing.assert_array_equal(apart[:, ::2], out)


@pytest.mark.parametrize("name", ["normal", "truncated_normal", "he_normal", "glorot_normal", "lecun_normal"])
def test_initializers_draw_quantiles(name):
    shape = (300, 200)
    std = {"he_normal": np.sqrt(2 / 300), "glorot_normal": np.sqrt(2 / 500), "lecun_normal": np.sqrt(1 / 300)}
    weights = initializers.initial(name, shape, 7, "float64") / std.get(name, 0.05)
    law = "truncated_normal" if name == "truncated_normal" else "normal"
    np.testing.assert_allclose(weights, q.numbers(law, shape, np.random.default_rng(7)), rtol=1e-15)
    assert stats.kstest(weights.reshape(-1), LAWS[law].cdf).pvalue > 0.01
    np.testing.assert_array_equal(initializers.initial(name, (), 7).shape, ())


def test_errors():
    with pytest.raises(DTypeError, match="standard_normal: makes floats, not int64"):
        r.standard_normal((3,), dtype="int64")
    with pytest.raises(DTypeError, match="normal_quantile: takes words of 32 or 64 bits, int32 or int64, got float32"):
        q.Quantile("normal")(np.ones(3, "f4"))
