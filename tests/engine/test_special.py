"""Special functions: values and two derivatives against mpmath, refused derivatives, dtypes, ends of the domains."""

import os

import mpmath
import numpy as np
import pytest

from agcli.engine.errors import EngineError, GradientError, ShapeError
from agcli.engine.function import Function
from agcli.engine.gradient import grad, pushforward
from agcli.engine.leaves import placeholder
from agcli.engine.ops.special_base import WAYS, Float64
from agcli.engine.table import OPS
from agcli.engine.transforms.apply import vmap
from tools import special_accuracy
from tools.special_accuracy import CASES, LIMIT, worst

pytestmark = pytest.mark.numeric

NAN, INF = float("nan"), float("inf")
POINTS = 500 if os.environ.get("AG_LONG") else 40
F = {name: entry.function for name, entry in OPS.items()}
FAMILIES = {e.family for e in OPS.values() if e.family.startswith("special")}


def value(name, *args, **options):
    return float(np.asarray(F[name](*args, **options).eval()))


@pytest.mark.parametrize("label", CASES)
def test_values_and_two_derivatives(label):
    """At worst 1e-10 of the local scale, near zeros, poles and branch points, at small and at large arguments."""
    for error in worst(label, POINTS):
        assert error.error < LIMIT, error


def test_every_special_function_is_compared():
    elsewhere = {"erf", "erfc", "erfinv", "lgamma", "gamma", "heaviside"}
    compared = {case.name or label for label, case in CASES.items()}
    assert {n for n, e in OPS.items() if e.family.startswith("special")} - elsewhere <= compared


def test_a_wrong_value_is_seen(monkeypatch):
    """The measure itself: an error of 1e-9 in a value is one of 1e-9."""
    right = special_accuracy.compiled

    def wrong(*args):
        f = right(*args)
        return lambda x: [v * (1 + 1e-9) for v in f(x)]

    monkeypatch.setattr(special_accuracy, "compiled", wrong)
    assert all(5e-10 < e.error < 2e-9 for e in worst("exp1", 20))


# Refused ---------------------------------------------------------------------------------------------------------
REFUSED = {
    "jv": ((1.5, 2.0), {0: "its order v"}),
    "yv": ((1.5, 2.0), {0: "its order v"}),
    "iv": ((1.5, 2.0), {0: "its order v"}),
    "kv": ((1.5, 2.0), {0: "its order v"}),
    "ive": ((1.5, 2.0), {0: "its order v"}),
    "kve": ((1.5, 2.0), {0: "its order v"}),
    "gammainc": ((1.5, 2.0), {0: "its parameter a"}),
    "gammaincc": ((1.5, 2.0), {0: "its parameter a"}),
    "betainc": ((1.5, 2.0, 0.3), {0: "its parameter a", 1: "its parameter b"}),
    "hyp2f1": ((1.5, 2.0, 2.5, 0.3), {0: "its parameter a", 1: "its parameter b", 2: "its parameter c"}),
}
EACH = [(name, i) for name, (_, places) in REFUSED.items() for i in places]


@pytest.mark.parametrize(("name", "place"), EACH)
def test_a_derivative_that_is_not_there_is_refused_by_name(name, place):
    at, places = REFUSED[name]
    xs = [placeholder(f"x{i}", (), "float64") for i in range(len(at))]
    y = F[name](*xs)
    message = f"{name}: has no derivative in {places[place]}; {WAYS}"
    for derive in (lambda: grad(y, xs[place]), lambda: pushforward([y], [xs[place]], [F["ones_like"](xs[place])])):
        with pytest.raises(GradientError) as error:
            derive()
        assert str(error.value) == message
    stopped = F[name](*(F["stop_gradient"](x) if i in places else x for i, x in enumerate(xs)))
    by_last = Function([grad(stopped, xs[-1]), grad(grad(y, xs[-1]), xs[-1])], inputs=xs)(*at)
    assert np.isfinite(by_last).all()


@pytest.mark.parametrize("call", [
    lambda: F["lambertw"](1.0, k=1), lambda: F["lambertw"](1.0, k=True), lambda: F["zeta"](2.0, n=-1),
    lambda: F["zeta"](2.0, n=1.5), lambda: F["sinc"](2.0, n=-1), lambda: F["jv"](1.0), lambda: F["jv"](1, 2, 3),
    lambda: F["betainc"](1.0, 2.0),
], ids=["k=1", "k=True", "n=-1", "n=1.5", "sinc", "one of two", "three of two", "two of three"])  # fmt: skip
def test_wrong_arguments(call):
    with pytest.raises(EngineError):
        call()


def test_orders_of_derivatives_are_bounded():
    with pytest.raises(ShapeError, match="whole number from 0 to 20, got 21"):
        F["zeta"](2.0, n=21)


# Dtypes, shapes ---------------------------------------------------------------------------------------------------
NAMES = sorted(n for n, e in OPS.items() if e.family in FAMILIES - {"special"})


@pytest.mark.parametrize("name", NAMES)
def test_float32_is_float64_rounded_once(name):
    sample = OPS[name].samples[0]
    drawn = [
        np.asarray(d, np.float32) if a.real else np.float32(d) for a, d in zip(sample.args, sample.draw(), strict=True)
    ]
    found = F[name](*drawn, **sample.kwargs).eval()
    exact = F[name](*(d.astype(np.float64) for d in drawn), **sample.kwargs).eval()
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, exact.astype(np.float32))


@pytest.mark.parametrize("name", NAMES)
def test_whole_numbers_and_half_floats(name):
    n = 2 if name == "heaviside" else len(OPS[name].samples[0].args)
    at = [np.array([1, 1])] * n
    assert F[name](*at).eval().dtype == np.float64
    assert F[name](*(a.astype("float16") for a in at)).eval().dtype == np.float16
    assert F[name](*(a.astype("int8") for a in at)).eval().dtype == np.float32


@pytest.mark.parametrize("name", NAMES)
def test_vmap_is_a_loop(name):
    sample = OPS[name].samples[0]
    at = [np.asarray(d, np.float64) for d in sample.draw()]
    xs = [placeholder(f"x{i}", a.shape, "float64") for i, a in enumerate(at)]
    y = vmap(lambda *args: F[name](*args, **sample.kwargs))(*xs)
    rows = [F[name](*(a[i] for a in at), **sample.kwargs).eval() for i in range(3)]
    np.testing.assert_array_equal(Function([y], inputs=xs)(*at)[0], rows)


# Ends ------------------------------------------------------------------------------------------------------------
ENDS = {
    ("jv", 0, 0.0): 1, ("jv", 2, -1.5): value("jv", 2, 1.5), ("jv", 1, -1.5): -value("jv", 1, 1.5),
    ("jv", 0.5, -1.0): NAN, ("yv", 0, 0.0): -INF, ("yv", 0, -1.0): NAN, ("kv", 0, 0.0): INF, ("kv", 0, -1.0): NAN,
    ("iv", 3, -2.0): -value("iv", 3, 2.0), ("jv", 0, INF): 0, ("kve", 1, INF): 0, ("ive", 1, INF): 0, ("j0", INF): 0,
    ("airyai", INF): 0, ("airybi", INF): INF, ("airyai", -INF): 0, ("airybiprime", -INF): NAN,
    ("airyaiprime", INF): 0, ("yv", 1, INF): 0,
    ("zeta", 1.0): INF, ("zeta", 0.0): -0.5, ("zeta", -1.0): -1 / 12, ("zeta", -2.0): 0, ("zeta", INF): 1,
    ("zeta", 1.0, 2.0): INF, ("zeta", 0.5, 2.0): NAN, ("zeta", 2.0, 0.0): INF, ("zeta", 2.5, -0.5): NAN,
    ("zeta", 2.0, -0.5): float(mpmath.zeta(2, 0.5)) + 4, ("zeta", 2.0, -3.0): INF,
    ("expi", 0.0): -INF, ("exp1", 0.0): INF, ("exp1", -1.0): NAN, ("expi", -INF): 0, ("exp1", INF): 0,
    ("sinint", 0.0): 0, ("sinint", INF): np.pi / 2, ("sinint", -INF): -np.pi / 2, ("cosint", 0.0): -INF,
    ("cosint", -1.0): NAN, ("cosint", INF): 0, ("fresnels", INF): 0.5, ("fresnelc", -INF): -0.5,
    ("fresnels", 1e200): 0.5, ("erfcx", INF): 0, ("erfcx", -30.0): INF, ("erfi", 30.0): INF, ("erfcinv", 0.0): INF,
    ("erfcinv", 2.0): -INF,
    ("ellipk", 1.0): INF, ("ellipe", 1.0): 1, ("ellipk", 1.5): NAN, ("ellipk", 0.0): np.pi / 2,
    ("ellipe", 0.0): np.pi / 2,    ("lambertw", 0.0): 0, ("lambertw", INF): INF, ("lambertw", -0.4): NAN,
    ("lambertw", -np.exp(-1)): -1,
    ("ndtr", INF): 1, ("ndtr", -INF): 0, ("ndtri", 0.0): -INF, ("ndtri", 1.0): INF, ("log_ndtr", -INF): -INF,
    ("log_ndtr", INF): 0, ("logit", 0.0): -INF, ("logit", 1.0): INF, ("entr", 0.0): 0, ("entr", -1.0): -INF,
    ("xlog1py", 0.0, -1.0): 0, ("log1mexp", 0.0): -INF, ("log1mexp", INF): 0, ("log1mexp", -1.0): NAN,
    ("heaviside", -0.0): 0.5, ("heaviside", 0.0, 1.0): 1, ("heaviside", NAN): NAN,
    ("gammainc", 2.0, 0.0): 0, ("gammainc", 2.0, INF): 1, ("gammaincc", 2.0, 0.0): 1, ("betainc", 2.0, 3.0, 0.0): 0,
    ("betainc", 2.0, 3.0, 1.0): 1, ("beta", 1.0, 1.0): 1, ("hyp2f1", 1.0, 1.0, 2.0, 0.0): 1, ("digamma", -1.0): NAN,
}  # fmt: skip


@pytest.mark.parametrize("case", ENDS, ids=str)
def test_ends_of_the_domain(case):
    name, *at = case
    np.testing.assert_allclose(value(name, *at), ENDS[case], rtol=1e-14)


SLOPES = {
    ("jv", 0, 0.0): 0, ("jv", 1, 0.0): 0.5, ("iv", 1, 0.0): 0.5, ("ive", 0, 0.0): 0, ("sinint", 0.0): 1,
    ("fresnelc", 0.0): 1, ("ellipk", 0.0): np.pi / 8, ("ellipe", 0.0): -np.pi / 8, ("lambertw", 0.0): 1,
    ("lambertw", -np.exp(-1)): INF, ("airyaiprime", 0.0): 0, ("heaviside", 0.0): 0, ("gammainc", 1.0, 0.0): 1,
    ("betainc", 1.0, 1.0, 0.0): 1, ("log_ndtr", -1e8): 1e8, ("log_ndtr", 50.0): 0, ("erfcx", 1e8): -1e-16 / np.pi**0.5,
    ("kve", 0, 1e14): -0.5 * (np.pi / 2e42) ** 0.5, ("ive", 0, 1e14): -0.5 / (2 * np.pi * 1e42) ** 0.5,
    ("fresnels", 1e8): 0,
}  # fmt: skip


@pytest.mark.parametrize("case", SLOPES, ids=str)
def test_slopes_where_formulas_would_cancel(case):
    """At removable singularities, branch points, and where the parts of a formula are large."""
    name, *front, at = case
    x = placeholder("x", (), "float64")
    (found,) = Function([grad(F[name](*front, x), x)], inputs=[x])(at)
    np.testing.assert_allclose(found, SLOPES[case], rtol=1e-12, atol=1e-300)


def test_hyp2f1_where_its_transformation_ends():
    """SciPy 1.17 is infinite here, and mpmath 1.3 has 3 digits: F(1, b; b - 1; x) in closed form, by its series."""
    b, x = -3.9, -226.09165477209245
    exact = 1 / (1 - x) + x / (1 - x) ** 2 / (b - 1)
    assert value("hyp2f1", 1.0, b, -4.9, x) == pytest.approx(exact, rel=1e-12)


def test_hyp2f1_beside_whole_numbers():
    """Where c - a - b is whole but for a little, SciPy 1.17 has 8 digits or NaN."""
    for off in (1e-12, 1e-9, 1e-6, 9e-5):
        exact = mpmath.hyp2f1(2, 0.5, 3.5 + off, 0.9999)
        assert value("hyp2f1", 2.0, 0.5, 3.5 + off, 0.9999) == pytest.approx(float(exact), rel=1e-12)
    assert value("hyp2f1", 5.1, -0.2, 5.9, 0.9999) == pytest.approx(
        float(mpmath.hyp2f1(5.1, -0.2, 5.9, 0.9999)), rel=1e-12
    )


FLOAT64 = {name: f.ufunc.nin for name, f in F.items() if isinstance(getattr(f, "ufunc", None), Float64)}
ODD = (0.0, -0.0, 1.0, -1.0, 0.5, -3.0, 5e-324, 1e300, -1e300, 1e16, INF, -INF, NAN)


@pytest.mark.parametrize("name", [*FLOAT64, "zeta", "hurwitz"])
def test_odd_numbers_are_no_errors_and_nan_stays_nan(name):
    """SciPy's kv(nan, 0) is infinite; it is never given a NaN."""
    count = {"zeta": 1, "hurwitz": 2}.get(name) or FLOAT64[name]
    rows = np.stack(np.meshgrid(*[ODD] * count)).reshape(count, -1)
    if name == "hyp2f1":
        rows = rows[:, ~(np.abs(rows) > 10).any(axis=0)]
    xs = [placeholder(f"x{i}", rows[0].shape, "float64") for i in range(count)]
    y = F["zeta" if name == "hurwitz" else name](*xs)
    slope = grad(F["sum"](y), xs[-1])
    found, _ = Function([y, slope], inputs=xs)(*rows)
    assert np.isnan(found[np.isnan(rows).any(axis=0)]).all()


def test_zeta_far_below_0_takes_no_time_for_each_whole_number():
    """What SciPy adds one by one, for 1e10 numbers."""
    assert value("zeta", 2.0, -1e10 - 0.5) == pytest.approx(np.pi**2, rel=1e-9)
