"""Random graphs of ops beside NumPy: every dtype, Python numbers, shapes with 0 and 1, any layout, compiled or not."""

import numpy as np
import pytest

import agcli as ag

pytestmark = pytest.mark.numeric

UNARY = ["negative", "square", "sqrt", "cbrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "arctan", "sinh",
         "cosh", "abs", "sign", "floor", "ceil", "trunc", "isnan", "logical_not", "arcsinh"]  # fmt: skip
BINARY = ["add", "subtract", "multiply", "divide", "mod", "fmod", "floor_divide", "power", "hypot", "logaddexp",
          "arctan2", "maximum", "minimum", "less", "less_equal", "greater", "greater_equal", "equal", "not_equal",
          "logical_and", "logical_or", "logical_xor"]  # fmt: skip
REDUCING = ["sum", "mean", "prod", "max", "min", "any", "all", "var", "std", "cumsum", "cumprod"]
DTYPES = ["float64", "float32", "int64", "int32", "bool", "uint8", "int8", "uint64"]
NUMBERS = [2, -1, 1, 0.5, 3.0, -2.5, True, 300]  # not 0: a product with it is 0, of whatever sign


def leaf(rng, shape):
    """An array of a shape that broadcasts to ``shape``, in some dtype and layout."""
    own = tuple(d if rng.random() < 0.7 else 1 for d in shape)
    own = own[int(rng.integers(len(own) + 1)) if rng.random() < 0.3 else 0 :]
    a, dtype = rng.standard_normal(own) * 3, str(rng.choice(DTYPES))
    a = a > 0 if dtype == "bool" else (np.abs(a) if dtype[0] == "u" else a).astype(dtype)
    a = np.asarray(a)
    return [a, a[::-1], np.asfortranarray(a), np.repeat(a, 2, -1)[..., ::2]][int(rng.integers(4))] if a.ndim else a


def grown(rng, pool):
    """One more op on members of the pool, which holds (tensor, array): None where one of the two refuses it."""
    pick = lambda: pool[int(rng.integers(len(pool)))]
    (t, a), kind = pick(), rng.random()
    if kind < 0.35:
        name, ours, theirs = str(rng.choice(UNARY)), (t,), (a,)
    elif kind < 0.75:
        name = str(rng.choice(BINARY))
        n = NUMBERS[int(rng.integers(len(NUMBERS)))]
        u, b = pick() if rng.random() < 0.7 else (n, n)
        ours, theirs = ((t, u), (a, b)) if rng.random() < 0.5 else ((u, t), (b, a))
    else:
        name = str(rng.choice(REDUCING))
        axis = None if a.ndim == 0 or rng.random() < 0.4 else int(rng.integers(-a.ndim, a.ndim))
        ours, theirs = (t, axis), (a, axis)
    try:
        array = np.asarray(getattr(np, name)(*theirs))
    except (ValueError, TypeError, OverflowError):
        return None  # NumPy computes no such thing
    if array.dtype == np.float16:
        return None  # ours computes with float32 there
    try:
        return getattr(ag, name)(*ours), array
    except ag.DTypeError:
        return None


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("seed", range(8))
def test_random_graphs_are_what_numpy_computes(seed, backend):
    rng = np.random.default_rng(seed)
    for _ in range(60):
        shape = tuple(int(d) for d in rng.choice([0, 1, 2, 3, 5], rng.integers(4), p=[0.06, 0.24, 0.25, 0.25, 0.2]))
        arrays = [leaf(rng, shape) for _ in range(3)]
        known = rng.random(3) < 0.5
        leaves = [
            ag.placeholder(f"x{i}", a.shape if k else (None,) * a.ndim, a.dtype)
            for i, (a, k) in enumerate(zip(arrays, known, strict=True))
        ]
        pool = list(zip(leaves, arrays, strict=True))
        for _ in range(int(rng.integers(1, 7))):
            new = grown(rng, pool)
            pool += [new] if new else []
        made = pool[3:]
        single = any(a.dtype == np.float32 for _, a in pool)
        found = ag.function([t for t, _ in made], inputs=leaves)(*arrays)
        for (t, exact), value in zip(made, found, strict=True):
            assert np.shape(value) == exact.shape
            assert np.asarray(value).dtype == t.dtype
            finite = np.abs(exact[np.isfinite(exact)].astype("float64"))
            tolerance = (2e-3 if single else 1e-9) * (exact.dtype.kind == "f")
            size = finite.max(initial=1)
            np.testing.assert_allclose(value, exact, rtol=tolerance, atol=1e-3 * tolerance * size, err_msg=repr(t))


U8, I8 = ag.placeholder("u", (3,), "uint8"), ag.placeholder("i", (3,), "int8")
BYTES, SIGNED = np.array([1, 200, 0], "uint8"), np.array([1, -2, 100], "int8")


@pytest.mark.parametrize(
    ("build", "exact"),
    [
        (lambda: U8 < -1, [False] * 3),
        (lambda: U8 >= -1, [True] * 3),
        (lambda: ag.equal(U8, 300), [False] * 3),
        (lambda: ag.not_equal(-1, U8), [True] * 3),
        (lambda: ag.less(U8, 10**30), [True] * 3),
        (lambda: ag.logical_and(U8, -1), [True, True, False]),
        (lambda: -U8 / ag.constant([1.0, 1.0, 2.0]), [255.0, 56.0, 0.0]),
        (lambda: ag.constant([1000, 1000, 1000]) + -U8, [1255, 1056, 1000]),
        (lambda: I8 * 100 * 100, (SIGNED * np.int8(100) * np.int8(100)).tolist()),
        (lambda: ag.constant(100, "int8") * ag.constant(100, "int8") + I8, [17, 14, 116]),
        (lambda: 0 / U8, [0.0, 0.0, np.nan]),
    ],
)
def test_integers_wrap_as_numpys_and_compare_as_numbers(build, exact):
    t = build()
    np.testing.assert_array_equal(t.eval({U8: BYTES, I8: SIGNED}), exact)


@pytest.mark.parametrize(
    "build",
    [
        lambda: U8 + -1,
        lambda: I8 * 300,
        lambda: ag.where(U8 > 3, U8, -1),
        lambda: ag.constant(300, "uint8"),
        lambda: U8**-1,
    ],
)
def test_a_number_that_is_none_of_the_dtype_is_refused_when_the_graph_is_built(build):
    with pytest.raises(ag.DTypeError, match=r"(-1|300) is no u?int8; cast the tensor beside it first"):
        build()
