"""Values and their names: what `--at` prints, JSON, series and curves, where formulas cancel, overflow, jump or end."""

import math
from decimal import Decimal
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest

from agcli.expression import ExpressionError
from agcli.expression.answers import answer
from agcli.expression.api import parse, read, to_text
from agcli.expression.at_point import Point
from agcli.expression.calculus import simplified
from agcli.expression.enclosures import angles, elementary, error_functions, gammas, hyperbolic, interval
from agcli.expression.enclosures.interval import Interval, NoValueError, Precision, UnsureError
from agcli.expression.jets import coefficients
from agcli.expression.questions import Question
from agcli.expression.samples import sampled
from agcli.report.formulas import lines, to_json
from tests.expression.values_oracle import Oracle, as_mpf

pytestmark = pytest.mark.numeric

LINES = [
    # formula, point, what is shown of it and of its derivatives of order 1 to 3
    ("1/(1+e^-x)", 800, "1", "3.66787458418e-348 (too small for float64)", None, None),
    ("log(1+exp(x))", 1000, "1000", "1", "5.07595889755e-435 (too small for float64)", None),
    ("log(cosh(x))", 1000, "999.306852819", "1", None, None),
    ("log(sigmoid(x))", -800, "-800", "1", None, None),
    ("(1-cos(x))/x^2", 1e-8, "0.5", "-8.33333333333e-10", "-0.0833333333333", None),
    ("exp(x)", 800, *["too large for float64 (2.72637457211e+347)"] * 4),
    ("log(x)+log(x)", -2, *["undefined: log(x) has no value at x=-2"] * 4),
    ("atan(1/x)", 0, "undefined (jump: -1.57079632679 from the left, 1.57079632679 from the right)", None, None, None),
    ("tanh(1/x)", 0, "undefined (jump: -1 from the left, 1 from the right)",
     "undefined (jump of f: -1 from the left, 1 from the right)", None, None),
    ("exp(-1/x)", 0, "undefined (infinite: inf from the left, 0 from the right)", None, None, None),
    ("exp(-1/x^2)", 0, *["undefined (removable: the limit is 0)"] * 4),
    ("1/x^2", 0, "undefined (infinite: inf from both sides)", "undefined (f is infinite: inf from both sides)", None,
     None),
    ("abs(x)", 0, "0", "undefined (kink: -1 from the left, 1 from the right)",
     "undefined (kink of the derivative of order 1: -1 from the left, 1 from the right)", None),
    ("x*abs(x)", 0, "0", "0", "undefined (kink: -2 from the left, 2 from the right)", None),
    ("abs(x)^3", 0, "0", "0", "0", "undefined (kink: -6 from the left, 6 from the right)"),
    ("x^4*sign(x)", 0, "0", "0", "0", "0"),
    ("floor(x)", 1, "1", "undefined (jump of f: 0 from the left, 1 from the right)", None, None),
    ("sqrt(x)", 0, "0", "undefined (one-sided: inf from the right)", None, None),
    ("x^(3/2)", 0, "0", "undefined (one-sided: 0 from the right)", None, None),
    ("arcsin(x)", 1, "1.57079632679", "undefined (one-sided: inf from the left)", None, None),
    ("cbrt(x)", 0, "0", "undefined (infinite: inf from both sides)", None, None),
    ("x*log(x)", 0, "undefined (one-sided: 0 from the right)", None, None, None),
    ("log(x)", 0, "undefined (infinite: -inf from the right)", None, None, None),
    ("sin(x)/x", 0, "undefined (removable: the limit is 1)", "undefined (removable: the limit is 0)",
     "undefined (removable: the limit is -0.333333333333)", "undefined (removable: the limit is 0)"),
    ("where(x==0, 1, sin(x)/x)", 0, "1", "0", "-0.333333333333", "0"),
    ("where(x==0, 2, sin(x)/x)", 0, "2", "undefined (jump of f: 1 from both sides)", None, None),
    ("where(x>0, log(x), 0)", -1, "0", "0", "0", "0"),
    ("mod(1/x, 1.5)", 0, "undefined: 1/x has no value at x=0", None, None, None),
    ("floor(1/x)*x", 0, "undefined (removable: the limit is 1)", None, None, None),
    ("sin(1/x)", 0, "undefined: 1/x has no value at x=0", None, None, None),
    ("max(x, 0.1)", 0.1, "0.1", "undefined (kink: 0 from the left, 1 from the right)", None, None),
    ("gamma(x)*sin(pi*x)", 0, "undefined (removable: the limit is 3.14159265359)", None, None, None),
    ("sin(x)^2 + cos(x)^2 - 1", 1, "0", "0", "0", "0"),
    ("1/(exp(x)*exp(-x) - 1)", 1, "undefined: 1/(exp(x)*exp(-x) - 1) has no value at x=1", None, None, None),
    ("max(x, x)", 2, "2", "1", "0", "0"),
    ("x + sqrt(x - x)", 2, "2", "1", "0", "0"),
    ("x*arcsin(x/x)", 2, "3.14159265359", "1.57079632679", "0", "0"),
    ("1/log(x)", 0, "undefined (one-sided: 0 from the right)", None, None, None),
    ("gamma(x)", 1e300, *["too large for float64 (more than 10^999999999999999999)"] * 2, None, None),
    ("where(logical_or(sin(x), x - 2), x^2, 3*x)", 2.0, "4", "4", None),  # a number is true where it is not 0
    ("where(logical_not(x - 2), x^2, 3*x)", 2.0, "4", "undefined (jump of f: 6 from both sides)", None),
    ("sin(exp(exp(x)))", 100, "unknown: the terms cancel to the last digit that was computed", None, None, None),
]  # fmt: skip
CASES = [(text, at, n, told) for text, at, *words in LINES for n, told in enumerate(words) if told is not None]


def shown(text, **options):
    """The lines of an answer in text."""
    return list(lines(answer(text, Question(**options)), "text"))


@pytest.mark.parametrize(("text", "at", "order", "told"), CASES, ids=[f"{t} {a} {n}" for t, a, n, _ in CASES])
def test_values_and_names(text, at, order, told):
    f, derivative = shown(text, at=(f"x={at!r}",), order=max(order, 1))
    if not order:
        assert f == f"f = {told}"
    else:
        assert (
            derivative.endswith(f" = {told}" if told[0] in "-.0123456789" else f": {told}")
            or derivative == f"d/dx = {told}"
        )


JSON = [
    ("abs(x)", "x=0", 2, {"value": None, "status": "kink", "left": -1.0, "right": 1.0, "order": 1}),
    ("sin(x)/x", "x=0", 1, {"value": None, "status": "removable", "limit": 0.0}),
    ("sqrt(x)", "x=0", 1, {"value": None, "status": "one-sided", "left": None, "right": "inf"}),
    ("exp(x)", "x=800", 1, {"value": None, "status": "too large", "size": "2.72637457211e+347"}),
    ("exp(x)", "x=-800", 1, {"value": 0.0, "status": "too small", "size": "3.66787458418e-348"}),
    ("log(x)", "x=-1", 1, {"value": None, "status": "undefined", "part": "log(x)"}),
    ("x^2", "x=3", 1, {"value": 6.0}),
    ("[abs(x), x^2]", "x=0", 1, {"value": [None, 0.0],
     "status": [{"status": "kink", "left": -1.0, "right": 1.0}, None]}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "at", "order", "fields"), JSON, ids=[f"{t} {a}" for t, a, _, _ in JSON])
def test_json_fields(text, at, order, fields):
    (result,) = to_json(answer(text, Question(at=(at,), order=order)))["results"]
    assert {name: v for name, v in result.items() if name not in ("wrt", "derivative")} == fields


ARRAYS = [
    # formula, point, the value of the formula and its gradient; NaN where there is none
    ("norm(x)", "x=[3e-200,4e-200]", 5e-200, [0.6, 0.8]),
    ("norm(x)", "x=[0,0]", 0, [math.nan] * 2),
    ("sum(abs(x))", "x=[0,2]", 2, [math.nan, 1]),
    ("logsumexp(x)", "x=[1000,1000]", 1000 + math.log(2), [0.5, 0.5]),
    ("var(x)", "x=[1e8,1e8+1,1e8+2]", 2 / 3, [-2 / 3, 0, 2 / 3]),
    ("x[0]/x[1]", "x=[1,0]", math.nan, [math.nan] * 2),
    ("log(x[0])", "x=[-1,1]", math.nan, [math.nan] * 2),
    ("sum(1 - cos(x))", "x=[1e-9,0]", 5e-19, [1e-9, 0]),
    ("det(x)", "x=[[1,2],[3,4]]", -2, [[4, -3], [-2, 1]]),
    ("det(x)", "x=[[1,2],[2,4]]", 0, [[4, -2], [-2, 1]]),
    ("inv(x)[0, 0]", "x=[[1,2],[2,4]]", math.nan, [[math.nan] * 2] * 2),
    ("inv(x)[0, 0]", "x=[[4,2],[2,3]]", 0.375, [[-0.140625, 0.09375], [0.09375, -0.0625]]),
    ("softmax(x)[0]", "x=[1,1]", 0.5, [0.25, -0.25]),
    ("prod(x)", "x=[0,2,3]", 0, [6, 0, 0]),
    ("cumsum(x)[1]", "x=[1,2]", 3, [1, 1]),
    ("log(det(x))", "x=[[1,2],[3,4]]", math.nan, [[math.nan] * 2] * 2),
]


@pytest.mark.parametrize(("text", "at", "value", "gradient"), ARRAYS, ids=[f"{t} {a}" for t, a, _, _ in ARRAYS])
def test_formulas_of_vectors(text, at, value, gradient):
    found = answer(text, Question(at=(at,)))
    np.testing.assert_allclose(found.value, value, rtol=1e-12)
    np.testing.assert_allclose(found.results[0].value, gradient, rtol=1e-12)


def test_digits_of_float64_are_counted():
    """The determinant of a matrix that is nearly singular, with the digits that are right."""
    at = "A=[[1,1,0,0,0],[1,1.000000000003,0,0,0],[0,0,1,0,0],[0,0,0,1,0],[0,0,0,0,1]]"
    found = answer("inv(A)[0, 0]", Question(at=(at,))).found
    assert found.status == "rough"
    assert 2 <= found.digits <= 6


DIRECTED = [
    ("x^2*y", "x=3/5,y=4/5", "x=1,y=2", "2*x*(2*x + 3*y)/5 = 3.2"),
    ("|x| + y", "x=1,y=1", "x=0,y=2", "undefined (kink: 0 from the left, 2 from the right)"),
    ("|x*y|", "x=1,y=1", "x=0,y=0", "= 0"),
]


@pytest.mark.parametrize(("text", "direction", "at", "told"), DIRECTED)
def test_directions(text, direction, at, told):
    assert shown(text, direction=direction, at=(at,))[-1].endswith(told)


def test_limits_of_several_variables_are_taken_along_one():
    names = shown("|x|*y", wrt=("x", "y", "x,y"), at=("x=0,y=2",))
    assert names[1].endswith("undefined (kink: -2 from the left, 2 from the right)")
    assert names[2].endswith("= 0")
    assert "kink of the derivative of order 1" in names[3]


MIXED = [
    # formula, variables in turn, whether the derivative at the origin has a value
    ("|x|*y", ("x", "x"), True),
    ("|x|*y", ("x", "y"), False),
    ("|x|*y", ("y", "x"), False),
    ("x*|y|*y", ("x", "y"), True),
    ("|x*y|", ("x",), True),
    ("|x*y|", ("x", "y"), False),
]


@pytest.mark.parametrize(("text", "names", "has_value"), MIXED)
def test_mixed_derivatives_where_a_kink_runs_through_the_point(text, names, has_value):
    """As a limit of the first derivative beside the point, where that exists."""
    formula = read(text)
    found = Point(formula.tensor, formula.names, {"x": np.float64(0), "y": np.float64(0)})
    assert (found.partial(formula.tensor, names).value == 0) is has_value


SERIES = [
    ("sin(x)/x", "x=0,n=6", "1 - x^2/6 + x^4/120 - x^6/5040"),
    ("x/(exp(x)-1)", "x=0,n=4", "1 - x/2 + x^2/12 - x^4/720"),
    ("x*|x|", "x=0,n=1", "0"),
    ("exp(-1/x^2)", "x=0", "0"),
    ("sin(3*x)/x", "x=0,n=2", "3 - 9*x^2/2"),
    ("exp(a*x)", "x=0,n=1", "1 + a*x"),
    ("sin(a*x)/x", "x=0,n=4", "a - a^3*x^2/6 + a^5*x^4/120"),
    ("(exp(a*x) - 1)/x", "x=0,n=1", "a + a^2*x/2"),
]
REFUSED = [
    ("|x|", "x=0", "its derivative of order 1 has no finite value at that x: there is a kink"),
    ("x*|x|", "x=0,n=2", "its derivative of order 2 has no finite value at that x: there is a kink"),
    ("floor(x)", "x=1", "the formula has no finite value at that x: it jumps"),
    ("sqrt(x)", "x=0", "its derivative of order 1 has no finite value at that x: it ends there"),
    ("log(x) + log(x)", "x=-1", "the formula has no finite value at that x"),
    ("a*|x|", "x=0", "its derivative of order 1 has no finite value at that x: there is a kink"),
    ("a*exp(-1/x^2)", "x=0", "a limit is taken only of a formula of one variable"),
    ("x", "x=0,n=2 --order 3", "n and --order are the same thing"),
]


@pytest.mark.parametrize(("text", "about", "series"), SERIES)
def test_series_about_points_where_limits_exist(text, about, series):
    (result,) = answer(text, Question(taylor=about)).results
    assert to_text(result.formula) == series


@pytest.mark.parametrize(
    ("text", "about", "n"),
    [
        ("exp(sin(cos(x)))", "0", 12),
        ("sqrt(1 + sin(x)^2)/log(2 + x)", "0", 10),
        ("x^x", "1", 20),
        ("(x^2 + 2)^(7/3)*asinh(x)*atanh(x/3)", "1/2", 8),
        ("log(1 + sinh(x))^3/(2 + tanh(x))", "1", 7),
        ("expm1(x)*tan(x)*asin(x/2)/(1 + sigmoid(x))", "0", 8),
        ("atan(exp(x))*log1p(x)/cosh(x)", "1/4", 7),
        ("sin(x)/x", "0", 20),
        ("(x - sin(x))/x^3", "0", 20),
        ("x/(exp(x) - 1)", "0", 12),
    ],
)
def test_series_of_high_order(text, about, n):
    """Near its centre the polynomial has the value of the formula."""
    (result,) = answer(text, Question(taylor=f"x={about},n={n}")).results
    at = {"x": np.asarray(float(Fraction(about)) + 1 / 64)}
    f = read(text)
    wanted = Point(f.tensor, f.names, at).value().value
    found = Point(result.formula, f.names, at).value().value
    assert abs(found - wanted) < max(Decimal(64) ** -n, abs(wanted) * Decimal("1e-14"))


def test_arithmetic_of_series_alone():
    f = read("sin(x)^2*exp(-x)/(x + x^2) + sqrt(4 + x)")
    series = coefficients(f.tensor, f.names["x"], parse("0"), 3, simplified)
    assert [to_text(c) for c in series] == ["2", "5/4", "-129/64", "3331/1536"]


NO_SERIES = [("abs(x)", "1"), ("1/x", "0"), ("sqrt(x)", "0"), ("sin(x)/x^2", "0"), ("log(x)", "-1"), ("sqrt(x)", "-1"),
             ("arctanh(x)", "2"), ("arcsin(x)", "1"), ("x^x", "-1"), ("1/sin(x)", "pi")]  # fmt: skip


@pytest.mark.parametrize(("text", "centre"), NO_SERIES)
def test_no_series_where_a_formula_may_not_be_smooth(text, centre):
    f = read(text)
    assert coefficients(f.tensor, f.names["x"], parse(centre), 3, simplified) is None


@pytest.mark.parametrize(("text", "about", "message"), REFUSED)
def test_series_about_kinks_and_jumps_are_refused(text, about, message):
    centre, _, order = about.partition(" --order ")
    with pytest.raises(ExpressionError, match=message):
        answer(text, Question(taylor=centre, order=int(order or 1)))


def test_the_order_of_a_series_is_its_n():
    (result,) = answer("sin(x)", Question(taylor="x=0", order=3)).results
    assert to_text(result.formula) == "x - x^3/6"


def curve(text, low, high, count=400):
    points = np.linspace(low, high, count)
    return points, sampled(parse(text), parse(text), "x", {}, points)


BREAKS = [("floor(x)", 1.0), ("1/x", 0.0), ("atan(1/x)", 0.0), ("tan(x)", math.pi / 2)]


@pytest.mark.parametrize(("text", "place"), BREAKS)
def test_curves_have_gaps_at_jumps_and_poles(text, place):
    points, found = curve(text, place - 0.51, place + 0.51)
    (gap,) = np.flatnonzero(np.isnan(found))
    assert abs(points[gap] - place) < 0.01


@pytest.mark.parametrize("text", ["tanh(1000*x)", "abs(x)", "x^99", "(1-cos(x/10^6))*10^12/x^2", "log(1+exp(1000*x))"])
def test_steep_curves_are_joined(text):
    _, found = curve(text, -2, 2)
    assert np.isfinite(found).all()


def test_curves_do_not_show_rounding():
    _, found = curve("(1-cos(x))/x^2", -1e-6, 1e-6)
    np.testing.assert_allclose(found, 0.5, rtol=1e-9)
    derivative = sampled(parse("log(x) + log(x)"), parse("2/x"), "x", {}, np.array([-1.0, 1.0]))
    assert np.isnan(derivative).tolist() == [True, False]


def test_a_plot_takes_the_other_variables_from_the_point():
    found = answer("x^2*y", Question(at=("y=2",), plot=True))
    assert (found.at, found.found) == ({"y": 2.0}, None)


# Functions of intervals
def number(value):
    return mp.mpf(str(value)) if Decimal(value).is_finite() else mp.inf * (1 if value > 0 else -1)


FUNCTIONS = {
    "exp": (elementary.exp, mp.exp), "log": (elementary.log, mp.log), "expm1": (elementary.expm1, mp.expm1),
    "log1p": (elementary.log1p, mp.log1p), "sin": (angles.sin, mp.sin), "cos": (angles.cos, mp.cos),
    "tan": (angles.tan, mp.tan), "arctan": (angles.arctan, mp.atan), "arcsin": (angles.arcsin, mp.asin),
    "arccos": (angles.arccos, mp.acos), "sinh": (hyperbolic.sinh, mp.sinh), "cosh": (hyperbolic.cosh, mp.cosh),
    "tanh": (hyperbolic.tanh, mp.tanh), "arcsinh": (hyperbolic.arcsinh, mp.asinh),
    "arccosh": (hyperbolic.arccosh, mp.acosh), "arctanh": (hyperbolic.arctanh, mp.atanh),
    "sqrt": (interval.sqrt, mp.sqrt), "gamma": (gammas.gamma, mp.gamma),
    "lgamma": (gammas.log_gamma, lambda x: mp.log(abs(mp.gamma(x)))),
    "digamma": (lambda p, a: gammas.polygamma(p, 0, a), mp.digamma),
    "polygamma": (lambda p, a: gammas.polygamma(p, 2, a), lambda x: mp.polygamma(2, x)),
    "erf": (error_functions.erf, mp.erf), "erfc": (error_functions.erfc, mp.erfc),
    "erfinv": (error_functions.erfinv, mp.erfinv), "sinc": (lambda p, a: angles.sinc(p, 0, a), mp.sincpi),
    "sinc'": (lambda p, a: angles.sinc(p, 1, a), lambda x: mp.diff(mp.sincpi, x)),
    "softplus": (hyperbolic.softplus, lambda x: mp.log1p(mp.exp(x))),
}  # fmt: skip
NUMBERS = [0.0, 1.0, -1.0, 1e-8, -1e-8, math.pi, 1e3, -1e3, 0.5, -0.5, 3.5, -2.5, 1 - 1e-9, 1e-300, 7.25, -0.3, 30.5]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_lie_in_their_intervals(name):
    """At a point and at an interval that ends there, in 40 and in 100 digits."""
    function, exact = FUNCTIONS[name]
    checked = 0
    with mp.workdps(150):
        for p in (Precision(40), Precision(100)):
            for x in NUMBERS:
                end = Decimal(x)
                start = p.near.subtract(end, p.near.multiply(end.copy_abs(), Decimal("1e-35")))
                for a in (Interval(end, end), Interval(start, end)):
                    try:
                        low, high = function(p, a)
                    except (NoValueError, UnsureError):
                        continue
                    value = exact(mp.mpf(x))
                    slack = abs(value) * mp.mpf(10) ** -140
                    assert number(low) - slack <= value <= number(high) + slack, (x, a)
                    checked += 1
                    if a.exact and value and abs(value) > mp.mpf(10) ** -15:
                        assert number(high) - number(low) <= abs(value) * mp.mpf(10) ** (25 - p.digits)
    assert checked >= 20


def test_constants_of_the_engine_are_exact():
    """2/sqrt(pi) in the derivative of erf is no float: it cancels to nothing here."""
    f = read("erf(x) - 2*x/sqrt(pi) + 2*x^3/(3*sqrt(pi))")
    found = Point(f.tensor, f.names, {"x": np.float64(1e-6)}).partial(f.tensor, ("x",))
    expected = 2 / mp.sqrt(mp.pi) * (mp.mpf(1e-6) ** 4 / 2)
    assert abs(as_mpf(found.value) / expected - 1) < 1e-9


def test_the_oracle_knows_what_it_should():
    """The definition of the derivative finds kinks, removable points and third derivatives by itself."""
    assert Oracle("abs(x)", "x", {}).derivatives(0.0, 1) == [0, None]
    assert Oracle("sin(x)/x", "x", {}).derivatives(0.0, 1) == [None, None]
    third = Oracle("x^3*sin(y)", "x", {"y": 2.0}).derivatives(0.25, 3)[3]
    with mp.workdps(40):
        assert abs(third - 6 * mp.sin(2)) < 1e-20
    assert float(Oracle("x + 1/3", "x", {}).at(1.0, mp.mpf(1))) == float(Fraction(4, 3))


IMPLICIT = [
    ("x^2 + y^2 = 25", "x=3,y=4", -0.75),
    ("x^2 + y^2 = 25", "x=5,y=0", math.nan),
    ("log(x) + y = 0", "x=-1,y=2", math.nan),
    ("|x| + y = 0", "x=0,y=0", math.nan),
]


@pytest.mark.parametrize(("text", "at", "slope"), IMPLICIT)
def test_slopes_of_curves(text, at, slope):
    (result,) = answer(text, Question(implicit="y", at=(at,))).results
    np.testing.assert_equal(result.value, slope)
