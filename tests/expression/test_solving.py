"""Minima and roots against closed values: what is found, what it is called, and what is said where nothing is."""

import math

import numpy as np
import pytest

import agcli as ag
from agcli.expression import ExpressionError
from agcli.solving.critical import KINK, LINE, NEARBY, UNDECIDED

pytestmark = [pytest.mark.numeric, pytest.mark.sampled(3)]  # each takes a while; the full check runs all

ROSENBROCK = "(1 - x)^2 + 100*(y - x^2)^2"
HIMMELBLAU = "(x^2 + y - 11)^2 + (x + y^2 - 7)^2"
BRANIN = "(y - 5.1/(4*pi^2)*x^2 + 5/pi*x - 6)^2 + 10*(1 - 1/(8*pi))*cos(x) + 10"
CAMEL = "(4 - 2.1*x^2 + x^4/3)*x^2 + x*y + (-4 + 4*y^2)*y^2"
BEALE = "(1.5 - x + x*y)^2 + (2.25 - x + x*y^2)^2 + (2.625 - x + x*y^3)^2"
ACKLEY = "-20*exp(-0.2*sqrt(0.5*(x^2 + y^2))) - exp(0.5*(cos(2*pi*x) + cos(2*pi*y))) + e + 20"
PEANO = "y^2 - 3*x^2*y + 2*x^4"


def places(points):
    return [tuple(p.at.values()) for p in points]


def close(found, expected, error=1e-11):
    assert len(found) == len(expected), found
    for x, y in zip(sorted(found), sorted(expected), strict=True):
        assert x == pytest.approx(y, rel=error, abs=error)


MINIMA = [
    (ROSENBROCK, {}, [(1, 1)], 0),
    (BEALE, {"bounds": {"x": (-4.5, 4.5), "y": (-4.5, 4.5)}}, [(3, 0.5)], 0),
    ("x^2 - 4*x", {}, [(2,)], -4),
    ("x^4 - 2*x^2", {}, [(-1,), (1,)], -1),
    ("x*log(x)", {}, [(1 / math.e,)], -1 / math.e),
    ("x + 1/x", {"bounds": {"x": (0.1, 9)}}, [(1,)], 2),
    ("x^x", {"bounds": {"x": (0, math.inf)}}, [(1 / math.e,)], math.exp(-1 / math.e)),
    ("1e-20*(x - 3)^2", {}, [(3,)], 0),
    ("(x - 1e20)^2", {}, [(1e20,)], 0),
    ("(x - 2)^2 + 1e8*(y - 1e-3)^2", {}, [(2, 1e-3)], 0),
    ("a*(x - b)^2", {"at": {"a": 2, "b": 0.25}}, [(0.25,)], 0),
    ("cosh(x) + cosh(y - x) + z^2", {}, [(0, 0, 0)], 2),
    ("x^2 + y^2", {"bounds": {"x": (1, 2), "y": (-math.inf, -1)}}, [(1, -1)], 2),
    ("x", {"bounds": {"x": (0.3, 5)}}, [(0.3,)], 0.3),
]


@pytest.mark.parametrize(("formula", "options", "expected", "value"), MINIMA, ids=[m[0] for m in MINIMA])
def test_minima(formula, options, expected, value):
    found = ag.minimize(formula, **options)
    lowest = [p for p in found.points if p.value <= found.points[0].value + 1e-9]
    close(places(lowest), expected)
    assert {p.kind for p in lowest} == {"minimum"}
    assert found.points[0].value == pytest.approx(value, abs=1e-14)
    assert found.fall is None
    assert found.ended + sum(p.found for p in found.points) == found.started


def test_branin_has_three_minima_of_one_value():
    found = ag.minimize(BRANIN, {"x": (-5, 10), "y": (0, 15)})
    close(places(found.points), [(-math.pi, 12.275), (math.pi, 2.275), (3 * math.pi, 2.475)], 1e-9)
    assert [p.value for p in found.points] == pytest.approx([5 / (4 * math.pi)] * 3, rel=1e-12)


def test_the_camel_has_six_humps():
    found = ag.minimize(CAMEL, {"x": (-3, 3), "y": (-2, 2)})
    assert len(found.points) == 6
    assert found.points[0].value == pytest.approx(-1.031628453489877, rel=1e-13)
    close(
        places(found.points[:2]), [(0.0898420131003180, -0.7126564030207396), (-0.0898420131003180, 0.7126564030207396)]
    )


def test_every_critical_point_of_himmelblau():
    found = ag.minimize(HIMMELBLAU, all=True)
    kinds = [p.kind for p in found.points]
    assert (kinds.count("minimum"), kinds.count("saddle"), kinds.count("maximum")) == (4, 4, 1)
    minima = [(3, 2), (3.584428340330, -1.848126526964), (-2.805118086953, 3.131312518250)]
    close(places(found.points[:4]), [*minima, (-3.779310253378, -3.283185991286)], 1e-11)
    (top,) = (p for p in found.points if p.kind == "maximum")
    assert tuple(top.at.values()) == pytest.approx((-0.270844590667, -0.923038556480), abs=1e-11)
    assert all(p.curvatures[0] < 0 < p.curvatures[1] for p in found.points if p.kind == "saddle")


def test_a_maximum_is_found_among_ends_far_out():
    """Searches that go on and on end at many distinct points, all of them lower than the maximum."""
    found = ag.minimize("x/(1 + x^2)", all=True)
    assert [(p.kind, p.at["x"]) for p in found.points] == [("minimum", -1), ("maximum", 1)]


def test_critical_points_are_the_roots_of_the_gradient_that_sympy_finds():
    sympy = pytest.importorskip("sympy")
    x, y = sympy.symbols("x y", real=True)
    f = x**3 + y**3 - 3 * x * y + y**2
    expected = {tuple(float(v.evalf(30)) for v in p) for p in sympy.solve([f.diff(x), f.diff(y)], [x, y])
                if all(sympy.im(v.evalf()) == 0 for v in p)}  # fmt: skip
    found = ag.minimize("x^3 + y^3 - 3*x*y + y^2", all=True)
    close(places(found.points), expected)
    for p in found.points:
        hessian = np.array([[6 * p.at["x"], -3], [-3, 6 * p.at["y"] + 2]])
        assert p.curvatures == pytest.approx(np.linalg.eigvalsh(hessian), rel=1e-9)


WITHOUT_CURVATURE = [
    ("x^4", "minimum", NEARBY),
    ("(x - 1)^4", "minimum", NEARBY),
    ("x^4 - 4*x^3 + 6*x^2 - 4*x + 1", "minimum", NEARBY),
    ("-x^4", "maximum", NEARBY),
    ("x^3", "degenerate", NEARBY),
    ("x^4 + y^2", "degenerate", UNDECIDED),
    (PEANO, "degenerate", UNDECIDED),  # higher along every line, lower on y = 1.5 x^2
    ("x^4 - y^4", "saddle", NEARBY),
    ("(x - y)^2", "minimum", LINE),
    ("(x^2 + y^2 - 1)^2 + z^2", "minimum", LINE),
]


@pytest.mark.parametrize(("formula", "kind", "note"), WITHOUT_CURVATURE, ids=[w[0] for w in WITHOUT_CURVATURE])
def test_where_second_derivatives_do_not_decide(formula, kind, note):
    points = ag.minimize(formula, all=True, starts=16).points
    found = [p for p in points if p.note]
    assert [(p.kind, p.note) for p in found] == [(kind, note)]


KINKS = [
    ("abs(x)", (0,)), ("abs(x - 1/3)", (1 / 3,)), ("abs(x) + abs(y - 2)", (0, 2)), ("max([x, -2*x])", (0,)),
    ("sqrt(x)", (0,)), ("where(x > 1, x^2, 3 - x)", (1,)), ("abs(x)^(1/2)", (0,)),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "at"), KINKS, ids=[k[0] for k in KINKS])
def test_minima_at_kinks_and_edges(formula, at):
    (point,) = ag.minimize(formula, starts=16).points
    assert (point.kind, point.note) == ("minimum", KINK)
    assert tuple(point.at.values()) == pytest.approx(at, abs=1e-8)


def test_ackley_is_lowest_at_its_kink():
    found = ag.minimize(ACKLEY, {"x": (-2, 2), "y": (-2, 2)})
    lowest = found.points[0]
    assert (lowest.at, lowest.note) == ({"x": 0.0, "y": 0.0}, KINK)
    assert abs(lowest.value) < 1e-14
    assert all(p.value > 2 and p.note == "" for p in found.points[1:])


def test_bounds_are_named_and_hold():
    found = ag.minimize("x*sin(x)", {"x": (1, 10)})
    assert [p.bounds for p in found.points] == [(1,), (0,), (-1,)]
    assert found.points[0].at == {"x": 10.0}
    assert ag.minimize("-x", {"x": (1, 10)}).points[0].bounds == (1,)
    found = ag.minimize("x^2", {"x": (0, 4)}, all=True)  # the derivative vanishes at the bound
    assert [(p.kind, p.at["x"]) for p in found.points] == [("minimum", 0.0), ("maximum", 4.0)]


FALLS = [
    ("x", True), ("-x^2", True), ("x^3 - 3*x", True), ("log(x)", True), ("x*y", True), ("x^2 - y^2 + x", True),
    ("exp(-x)", False), ("1/x", None), ("-1/abs(x)", None), ("tan(x)", None), ("1/(1 + x^2)", False),
    ("-atan(x)", False),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "endless"), FALLS, ids=[f[0] for f in FALLS])
def test_what_has_no_lowest_value_is_said(formula, endless):
    found = ag.minimize(formula, starts=8)
    assert found.fall is not None
    assert endless in (None, found.fall.endless)
    assert all(p.value > found.fall.value for p in found.points)
    assert len(found.points) == (formula == "x^3 - 3*x")


def test_rounding_far_out_is_no_fall():
    (point,) = ag.minimize("(x - 1)^2 - (x^2 - 2*x) + y^2", starts=8).points
    assert (point.value, point.note) == (1.0, LINE)


def test_starts_without_a_value_are_counted():
    found = ag.minimize("x - log(x)")
    assert 0.4 < found.outside / found.looked < 0.6
    none = ag.minimize("log(-1 - x^2)")
    assert (none.points, none.started, none.outside) == ((), 0, none.looked)


def test_the_seed_decides():
    first, again, other = (ag.minimize("sin(x)*sin(y)", seed=seed, starts=16) for seed in (3, 3, 4))
    assert places(first.points) == places(again.points)
    assert places(first.points) != places(other.points)


def test_a_start_is_the_first():
    (point,) = ag.minimize("cos(x)", start={"x": 100}, starts=1).points[:1]
    found = ag.minimize("cos(x) + 0*y", start={"x": 100, "y": 1}, starts=1)
    assert found.started == 1
    assert point.value == -1.0


# Roots -------------------------------------------------------------------------------------------------------------

ROOTS = [
    ("x^3 - 2*x - 5", {}, [(2.0945514815423265,)]),
    ("x^2 = 2", {}, [(-math.sqrt(2),), (math.sqrt(2),)]),
    ("cos(x) = x", {}, [(0.7390851332151607,)]),
    ("log(x) = -1", {}, [(1 / math.e,)]),
    ("x*exp(x) = 1", {}, [(0.5671432904097838,)]),
    ("exp(-x) = 1e-30", {}, [(30 * math.log(10),)]),
    ("tan(x) = x", {"bounds": {"x": (1, 9)}}, [(4.493409457909064,), (7.725251836937707,)]),
    ("x^5 - x - 1", {}, [(1.1673039782614187,)]),
    ("1e9*x = 1", {}, [(1e-9,)]),
    ("x - 1e15", {}, [(1e15,)]),
    ("x^x = 1e300", {"bounds": {"x": (1, 200)}}, [(139.8225198123926,)]),
    ("a*x = 3", {"at": {"a": 2}}, [(1.5,)]),
    (["x^2 + y^2 = 1", "x = y"], {}, [(math.sqrt(0.5),) * 2, (-math.sqrt(0.5),) * 2]),
    (["x + y = 3", "x - y = 1", "x*y = 2"], {}, [(2, 1)]),
    (["x^2 = 2", "x^3 = 2*x"], {}, [(-math.sqrt(2),), (math.sqrt(2),)]),
    (["x + y + z = 6", "x*y*z = 6", "x^2 + y^2 + z^2 = 14"], {},
     [(1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)]),
]  # fmt: skip


@pytest.mark.parametrize(("equations", "options", "expected"), ROOTS, ids=[str(r[0]) for r in ROOTS])
def test_roots(equations, options, expected):
    found = ag.solve(equations, **options)
    close(places(found.points), expected, 1e-14)
    assert {r.kind for r in found.points} == {"simple"}
    assert all((r.error <= 1e-14 * (1e-12 + np.abs(r.x))).all() for r in found.points)
    assert places(found.points) == sorted(places(found.points))


MULTIPLE = [
    ("x^2", 0.0), ("x^2 - 2*x + 1", 1.0), ("x^4 - 4*x^3 + 6*x^2 - 4*x + 1", 1.0), ("(x^2 - 2)^2 + 0*x", math.sqrt(2)),
    ("1 - cos(x) + x^4", 0.0), ("(x - 0.1)^3", 0.1),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "at"), MULTIPLE, ids=[m[0] for m in MULTIPLE])
def test_multiple_roots_have_all_digits(formula, at):
    root = ag.solve(formula).points[-1]
    assert (root.kind, root.at["x"]) == ("multiple", pytest.approx(at, rel=3e-16, abs=1e-300))


@pytest.mark.parametrize(
    "formula",
    ["x^2 + 1", "x^2 + 1e-20", "exp(x)", "1/x", "sign(x) = 1/2", "floor(x) = 1/2", "exp(x) = x", "1/(1 + x^2)",
     "log(-1 - x^2)", ["x^2 + 1e-20", "y - 1"], ["x + y = 1", "x + y = 2"], ["x = 1", "x = 1 + 1e-9"]],
    ids=str,
)  # fmt: skip
def test_what_has_no_root_has_none(formula):
    found = ag.solve(formula)
    assert found.points == ()
    assert found.proof is None
    assert found.best is None or found.best.residual > 0


def test_poles_between_numbers_that_are_looked_at_hide_no_root():
    """Brent's method asks for the value at -1, where there is none."""
    found = ag.solve("gamma(x) = 3", {"x": (-3, 5)})
    close(places(found.points), [(-1.7811879714567206,), (-1.3398019935818786,), (0.2991976228173258,),
                                 (3.4058699863095669,)], 1e-13)  # fmt: skip
    assert ag.solve("gamma(x)", {"x": (-3, 3)}).points == ()


def test_two_roots_that_are_close_are_two():
    close(places(ag.solve("x^2 = 1e-30").points), [(-1e-15,), (1e-15,)], 1e-30)
    close(places(ag.solve("(x - 1)*(x - 1 - 1e-9) = 0").points), [(1,), (1 + 1e-9,)], 1e-15)


@pytest.mark.parametrize("equations", ["floor(x) = 2", "x^2 = x^2", ["x*y = 0", "2*x*y = 0"]], ids=str)
def test_of_whole_lines_of_roots_one_is_shown(equations):
    (root,) = ag.solve(equations, starts=16).points
    assert root.note.startswith("one of many")


def test_roots_at_kinks_and_bounds():
    assert [(r.at["x"], r.note) for r in ag.solve("abs(x - 1)").points] == [(1.0, "at a kink")]
    assert [r.at["x"] for r in ag.solve("sqrt(abs(x))").points] == [0.0]
    assert [r.at["x"] for r in ag.solve("x*(x - 1)", {"x": (0, 5)}).points] == [0.0, 1.0]
    assert ag.solve("x^2 = 4", {"x": (0, 5)}).points[0].at == {"x": 2.0}


PROOFS = [
    ("x^2 + 1", (-5, 5), 0), ("exp(x) = x", (-50, 50), 0), ("cos(x) = x", (0, 1), 1), ("x^3 - 2*x - 5", (-3, 3), 1),
    ("sin(1/x)", (0.1, 1), 3), ("log(x) = x - 2", (0.01, 10), 2), ("x^2 + 1e-6", (-1, 1), 0), ("1/x", (1, 2), 0),
    ("abs(x) + 1", (0.5, 1), 0), ("(x - 1)*(x - 1 - 1e-9)", (0, 3), 2),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "bounds", "count"), PROOFS, ids=[p[0] for p in PROOFS])
def test_intervals_prove_that_there_is_no_other_root(formula, bounds, count):
    found = ag.solve(formula, {"x": bounds})
    assert (len(found.points), found.proof and found.proof.roots) == (count, count)


@pytest.mark.parametrize(
    ("formula", "bounds"),
    [
        ("x^2", (-1, 1)),
        ("1/x", (-1, 1)),
        ("sign(x)", (-1, 2)),
        ("tan(x) + 5", (0, 3)),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_what_intervals_do_not_prove_is_not_claimed(formula, bounds):
    assert ag.solve(formula, {"x": bounds}).proof is None


FORMULAS = [
    "sin(x)",
    "cos(3*x)",
    "tan(x)",
    "exp(x)",
    "log(x)",
    "sqrt(x)",
    "x^3",
    "x^2.5",
    "x^-2",
    "abs(x)",
    "atan(x)",
    "sinh(x)",
    "cosh(x)",
    "tanh(x)",
    "erf(x)",
    "gamma(x)",
    "lgamma(x)",
    "cbrt(x)",
    "mod(x, 2)",
    "floor(x)",
    "max([x, 1 - x])",
    "asin(x/9)",
    "acosh(x)",
    "digamma(x)",
    "x*sin(x)/(1 + x^2)",
    "where(x > 1, x, -x)",
    "softplus(x)",
    "sigmoid(x)",
    "clip(x, -1, 2)",
    "round(x)",
    "sinc(x)",
    "log1p(x)",
    "expm1(x)",
]


def test_intervals_of_any_width_hold_the_values():
    """The proofs stand on this: rules of the enclosures that are made for narrow intervals hold for wide ones."""
    from decimal import Decimal

    from agcli.expression.enclosures.interval import Interval, Precision
    from agcli.expression.enclosures.program import Program

    rng, told = np.random.default_rng(5), 0
    for text in FORMULAS:
        f = ag.parse(text)
        program = Program([f])
        for _ in range(12):
            low, high = np.sort(rng.normal(size=2) * rng.choice([0.1, 1.0, 3.0]) + rng.choice([0.0, 2.0]))
            box = Interval(Decimal(float(low)), Decimal(float(high)))
            found = program.once({"x": box}, Precision(30), {}).values[program.outputs[0]]
            if not isinstance(found, Interval):
                continue
            told += 1
            with np.errstate(all="ignore"):
                values = [float(f.eval({"x": x})) for x in np.linspace(low, high, 40)]
            inside = [v for v in values if math.isfinite(v)]
            slack = 1e-12 * (1 + max(map(abs, inside), default=0.0))
            assert all(float(found.low) - slack <= v <= float(found.high) + slack for v in inside), (text, low, high)
    assert told > 150


def test_fewer_equations_than_unknowns_are_refused():
    with pytest.raises(ExpressionError, match=r"2 unknowns \(x, y\) need 2 equations, found 1"):
        ag.solve("x + y")
    assert ag.solve([[2.0, 0.0], [1.0, 1.0]], [4.0, 5.0]).eval().tolist() == [2.0, 3.0]
