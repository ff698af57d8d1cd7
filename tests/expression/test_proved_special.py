"""Proved digits of special functions: each rule against mpmath, and derivatives against its differences."""

import random
from fractions import Fraction
from types import SimpleNamespace

import mpmath as mp
import pytest

flint = pytest.importorskip("flint", reason="the extra certified is not installed")

import agcli as ag  # noqa: E402
from agcli.expression.enclosures.interval import NoValueError  # noqa: E402
from agcli.expression.lower import functions  # noqa: E402
from agcli.expression.proved import program, rounding  # noqa: E402
from agcli.expression.proved.numbers import BeyondError, UndecidedError, rational  # noqa: E402
from agcli.expression.proved.proofs import Digits  # noqa: E402
from agcli.expression.proved.site import Site  # noqa: E402

DIGITS = 40


def regularized_beta(a, b, x):
    return mp.betainc(a, b, 0, x, regularized=True)


def lower_gamma(a, x):
    return mp.gammainc(a, 0, x, regularized=True)


def upper_gamma(a, x):
    return mp.gammainc(a, x, mp.inf, regularized=True)


def log_normal(x):
    return mp.log(mp.erfc(-x / mp.sqrt(2)) / 2) if x < 1 else mp.log1p(-mp.erfc(x / mp.sqrt(2)) / 2)


# Name, mpmath's function, and the ranges from which numbers are drawn: the last is that of x
NUMBERS = [(-3, 3)]
ABOVE = [(0, 8)]
ROWS = {
    "jv": (mp.besselj, [(-3, 5), (0, 20)]),
    "yv": (mp.bessely, [(-3, 5), (0, 20)]),
    "iv": (mp.besseli, [(-3, 5), (0, 20)]),
    "kv": (mp.besselk, [(-3, 5), (0, 20)]),
    "ive": (lambda v, x: mp.exp(-abs(x)) * mp.besseli(v, x), [(-3, 5), (0, 20)]),
    "kve": (lambda v, x: mp.exp(x) * mp.besselk(v, x), [(-3, 5), (0, 20)]),
    "j0": (lambda x: mp.besselj(0, x), [(-20, 20)]),
    "j1": (lambda x: mp.besselj(1, x), [(-20, 20)]),
    "y0": (lambda x: mp.bessely(0, x), ABOVE),
    "y1": (lambda x: mp.bessely(1, x), ABOVE),
    "i0": (lambda x: mp.besseli(0, x), [(-20, 20)]),
    "i1": (lambda x: mp.besseli(1, x), [(-20, 20)]),
    "k0": (lambda x: mp.besselk(0, x), ABOVE),
    "k1": (lambda x: mp.besselk(1, x), ABOVE),
    "airyai": (mp.airyai, [(-20, 10)]),
    "airyaiprime": (lambda x: mp.airyai(x, derivative=1), [(-20, 10)]),
    "airybi": (mp.airybi, [(-20, 10)]),
    "airybiprime": (lambda x: mp.airybi(x, derivative=1), [(-20, 10)]),
    "zeta": (mp.zeta, [(-20, 20)]),
    "beta": (mp.beta, [(-3, 4), (0, 4)]),
    "betaln": (lambda a, b: mp.log(abs(mp.beta(a, b))), [(-3, 4), (0, 4)]),
    "betainc": (regularized_beta, [(0, 5), (0, 5), (0, 1)]),
    "gammainc": (lower_gamma, [(0, 8), (0, 16)]),
    "gammaincc": (upper_gamma, [(0, 8), (0, 16)]),
    "hyp2f1": (mp.hyp2f1, [(-3, 3), (-3, 3), (0, 4), (-4, 1)]),
    "expi": (mp.ei, [(-9, 9)]),
    "exp1": (mp.e1, ABOVE),
    "sinint": (mp.si, [(-20, 20)]),
    "cosint": (mp.ci, ABOVE),
    "fresnels": (mp.fresnels, NUMBERS),
    "fresnelc": (mp.fresnelc, NUMBERS),
    "erfi": (mp.erfi, NUMBERS),
    "erfcx": (lambda x: mp.exp(x * x) * mp.erfc(x), [(-5, 20)]),
    "erfinv": (mp.erfinv, [(-1, 1)]),
    "erfcinv": (lambda x: mp.erfinv(1 - x), [(0, 2)]),
    "ndtr": (mp.ncdf, [(-9, 9)]),
    "ndtri": (lambda x: mp.sqrt(2) * mp.erfinv(2 * x - 1), [(0, 1)]),
    "log_ndtr": (log_normal, [(-20, 9)]),
    "logit": (lambda x: mp.log(x / (1 - x)), [(0, 1)]),
    "entr": (lambda x: -x * mp.log(x), ABOVE),
    "xlogy": (lambda a, x: a * mp.log(x), [(-3, 3), (0, 8)]),
    "xlog1py": (lambda a, x: a * mp.log1p(x), [(-3, 3), (-1, 8)]),
    "log1mexp": (lambda x: mp.log(-mp.expm1(-x)), ABOVE),
    "ellipk": (mp.ellipk, [(-9, 1)]),
    "ellipe": (mp.ellipe, [(-9, 1)]),
    "lambertw": (lambda x: mp.lambertw(x).real, [(0, 9)]),
    "lambertw_lower": (lambda x: mp.lambertw(x, -1).real, [(Fraction(-9, 25), 0)]),
    "digamma": (mp.digamma, [(-9, 9)]),
    "lgamma": (lambda x: mp.log(abs(mp.gamma(x))), [(-9, 9)]),
    "log_cosh": (lambda x: mp.log(mp.cosh(x)), NUMBERS),
    "log_sigmoid": (lambda x: -mp.log1p(mp.exp(-x)), [(-50, 50)]),
    "exp2": (lambda x: mp.mpf(2) ** x, NUMBERS),
    "exp10": (lambda x: mp.mpf(10) ** x, NUMBERS),
    "rsqrt": (lambda x: 1 / mp.sqrt(x), ABOVE),
    "fmod": (lambda a, b: mp.sign(a) * (abs(a) % b), [(-9, 9), (0, 3)]),
}  # fmt: skip


def points(name, count):
    """Numbers of the ranges of a row."""
    luck = random.Random(name)
    for _ in range(count):
        yield tuple(
            low + (Fraction(high) - low) * Fraction(luck.randrange(1, 10_000), 10_000) for low, high in ROWS[name][1]
        )


def as_mpf(value):
    return mp.mpf(value.numerator) / value.denominator


def true_value(name, args):
    """mpmath's value, which it finds again with other digits."""
    found = []
    for digits in (3 * DIGITS, 4 * DIGITS):
        with mp.workdps(digits):
            found.append(ROWS[name][0](*map(as_mpf, args)))
    assert abs(found[0] - found[1]) <= abs(found[1]) * mp.mpf(10) ** (-DIGITS - 10)
    return found[1]


@pytest.mark.parametrize("name", ROWS)
def test_a_rule_has_the_value_of_mpmath(name):
    site = Site((1,) * len(ROWS[name][1]), SimpleNamespace(n=0))
    for args in points(name, 6):
        with flint.ctx.workprec(600):
            found = rounding.digits(program.RULES[name](site, *map(rational, args)), DIGITS)
        true = true_value(name, args)
        with mp.workdps(4 * DIGITS):
            assert abs(mp.mpf(found.text) - true) <= abs(true) * mp.mpf(10) ** (1 - DIGITS), args
    assert site.singular == 0


KNOWN = sorted(ROWS.keys() & functions())


@pytest.mark.parametrize("name", KNOWN)
def test_the_derivative_is_that_of_mpmath(name):
    function = ROWS[name][0]
    *others, x = next(points(name, 1))
    formula = f"{name}({', '.join([*map(str, others), 'x'])})"
    found = ag.proved_digits(formula, "x", at={"x": x}, digits=25)
    assert isinstance(found, Digits), found
    with mp.workdps(150):
        h, center = mp.mpf(10) ** -40, as_mpf(x)
        before, after = (function(*map(as_mpf, others), center + s * h) for s in (-1, 1))
        true = (after - before) / (2 * h)
        assert abs(mp.mpf(found.text) - true) <= abs(true) * mp.mpf(10) ** -24 + h


POLES = [
    # rule, exact arguments, what it says there
    ("yv", (1, 0), NoValueError), ("kv", (1, -1), NoValueError), ("jv", (Fraction(1, 2), -1), NoValueError),
    ("jv", (-2, 0), 0), ("jv", (0, 0), 1), ("iv", (Fraction(-1, 2), 0), NoValueError), ("zeta", (1,), NoValueError),
    ("zeta", (-4,), 0), ("beta", (-1, 2), BeyondError), ("beta", (Fraction(-1, 2), Fraction(1, 2)), 0),
    ("betainc", (1, 2, 0), 0), ("betainc", (1, 2, 1), 1), ("betainc", (1, 2, 2), NoValueError),
    ("gammainc", (2, 0), 0), ("gammaincc", (2, 0), 1), ("gammaincc", (-1, 1), NoValueError),
    ("hyp2f1", (1, 1, -1, Fraction(1, 2)), BeyondError), ("expi", (0,), NoValueError), ("exp1", (-1,), NoValueError),
    ("erfinv", (1,), NoValueError), ("ndtri", (0,), NoValueError), ("ndtr", (0,), Fraction(1, 2)),
    ("logit", (Fraction(1, 2),), 0), ("entr", (0,), 0), ("entr", (-1,), NoValueError), ("ellipk", (1,), NoValueError),
    ("ellipe", (1,), 1), ("lambertw", (-1,), NoValueError), ("lambertw", (0,), 0),
    ("lambertw_lower", (1,), NoValueError),
    ("jv", (5000, 1), BeyondError), ("heaviside", (0, Fraction(1, 2)), Fraction(1, 2)), ("xlogy", (0, 0), 0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "told"), POLES)
def test_ends_and_poles(name, args, told):
    site = Site((1,) * len(args), SimpleNamespace(n=0))
    exact = [rational(Fraction(a)) for a in args]
    if isinstance(told, type):
        with pytest.raises(told):
            program.RULES[name](site, *exact)
    else:
        assert program.RULES[name](site, *exact) == rational(Fraction(told))


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("lambertw", (-flint.arb(-1).exp(),)),
        ("zeta", (flint.arb(1, 1e-9),)),
        ("jv", (2, flint.arb(0, 1e-9))),
        ("gammainc", (2, flint.arb(0, 1e-9))),
        ("yv", (2, flint.arb(0, 1e-9))),
    ],
)
def test_a_ball_at_an_end_is_undecided(name, args):
    site = Site((1,) * len(args), SimpleNamespace(n=0))
    with pytest.raises(UndecidedError):
        program.RULES[name](site, *(rational(a) if isinstance(a, int) else a for a in args))


@pytest.mark.parametrize("x", [Fraction(-5, 2), Fraction(-1001, 2), Fraction(1, 3), Fraction(-1, 1000)])
@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_polygamma(n, x):
    found = ag.proved_digits(f"polygamma({n}, x)", at={"x": x}, digits=30)
    with mp.workdps(60):
        assert abs(mp.mpf(found.text) - mp.polygamma(n, as_mpf(x))) <= abs(mp.mpf(found.text)) * mp.mpf(10) ** -29
