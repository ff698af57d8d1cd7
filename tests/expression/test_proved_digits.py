"""`--digits N`: digits that are proved, what is decided exactly, what is refused, and how it is told."""

import inspect
import itertools
import math
import os
import random
from fractions import Fraction

import mpmath as mp
import pytest

flint = pytest.importorskip("flint", reason="the extra certified is not installed")

import agcli as ag  # noqa: E402
from agcli.expression import ExpressionError  # noqa: E402
from agcli.expression.answers import answer  # noqa: E402
from agcli.expression.proved import program, rounding, search  # noqa: E402
from agcli.expression.proved.numbers import PiTimes, add, divide, multiply, negative, rational, subtract  # noqa: E402
from agcli.expression.proved.proofs import Digits, NoDigits  # noqa: E402
from agcli.expression.questions import Question  # noqa: E402
from tests.expression.proved_corpus import run  # noqa: E402
from tests.expression.values_corpus import SEED, formulas  # noqa: E402
from tests.expression.values_oracle import FUNCTIONS  # noqa: E402

arb, fmpq = flint.arb, flint.fmpq


def proofs(text, at="", digits=30, **options):
    """What is proved of the formula and of each result."""
    found = answer(text, Question(at=(at,) if at else (), digits=digits, **options))
    return [found.proof, *(r.proof for r in found.results)]


def texts(text, at="", digits=30, **options):
    return [p.found.text if isinstance(p.found, Digits) else p.found.kind for p in proofs(text, at, digits, **options)]


# Numbers that are exact --------------------------------------------------------------------------------------------
EXACT = [
    # formula, point, the value and the derivatives: digits, or why there are none
    ("0.1*10 - 1 + x", "x=0", ["0", "1"]),
    ("where(0.1 + 0.2 == 0.3, x, -x)", "x=5", ["5", "1"]),
    ("floor(x/0.1)", "x=0.3", ["3", "not smooth"]),
    ("floor(x/0.1)", "x=0.35", ["3", "0"]),
    ("sin(x)", "x=pi", ["0", "-1"]),
    ("cos(x)", "x=2*pi/3", ["-0.5", "-0.866025403784438646763723170753"]),
    ("tan(x)", "x=-pi/4", ["-1", "2"]),
    ("tan(x)", "x=pi/2", ["undefined"] * 2),
    ("arctan(x)*4 - pi", "x=1", ["0", "2"]),
    ("arccos(x)*3 - pi", "x=1/2", ["0", "-3.46410161513775458705489268301"]),
    ("sin(pi*x)", "x=1e20", ["0", "3.14159265358979323846264338328"]),
    ("x^(3/2)", "x=4/9", ["0.296296296296296296296296296296", "1"]),
    ("cbrt(x)", "x=-8", ["-2", "0.0833333333333333333333333333333"]),
    ("x^(1/3)", "x=-8", ["undefined"] * 2),
    ("sqrt(x)", "x=0.25", ["0.5", "1"]),
    ("log2(x) + log10(100)", "x=1/8", ["-1", "11.5415603271117072588793974480"]),
    ("gamma(x)", "x=5", ["24", "36.1468240423632113454437098380"]),
    ("gamma(x)", "x=-3", ["undefined"] * 2),
    ("lgamma(x)", "x=2", ["0", "0.422784335098467139393487909918"]),
    ("abs(x - 0.1)", "x=0.1", ["0", "not smooth"]),
    ("x*abs(x)", "x=0", ["0", "not smooth"]),
    ("sqrt(x)", "x=0", ["0", "not smooth"]),
    ("1/(x - 0.1)", "x=0.1", ["undefined"] * 2),
    ("log(x)", "x=-1", ["undefined"] * 2),
    ("(x - x)/pi", "x=0.3", ["0", "0"]),
    ("e^x - e^2", "x=2", ["0", "7.38905609893065022723042746058"]),
    ("round(x)", "x=2.5", ["2", "not smooth"]),
    ("mod(x, 0.1)", "x=-0.25", ["0.05", "1"]),
    ("atan2(x, y)", "x=0,y=-1", ["3.14159265358979323846264338328", "not smooth", "not smooth"]),
    ("hypot(x, y)", "x=3,y=4", ["5", "0.6", "0.8"]),
    ("max(x, 0.1)", "x=1/10", ["0.1", "not smooth"]),
    ("0^x", "x=0.5", ["0", "not smooth"]),
    ("x^x", "x=0", ["1", "not smooth"]),
    ("sinc(x)", "x=0", ["1", "0"]),
    ("erf(x)", "x=0", ["0", "1.12837916709551257389615890312"]),
    # words of logic: a number is true where it is not 0, and a truth value that is false is no kink
    ("where(logical_or(sin(x), x - 2), x^2, 3*x)", "x=2.5", ["6.25", "5"]),
    ("where(logical_not(x - 2), x^2, 3*x)", "x=2", ["4", "not smooth"]),
    ("where(logical_not(sqrt(x)^2 - 2), x^2, 3*x)", "x=2", ["undecided"] * 2),
    ("where(logical_or(x - 2, sqrt(x)^2 - 2), x^2, 3*x)", "x=2", ["undecided"] * 2),
    ("where(logical_xor(x > 1, x > 0), x^2, 3*x)", "x=0.5", ["0.25", "1"]),
]


@pytest.mark.parametrize(("text", "at", "shown"), EXACT, ids=[f"{row[0]} at {row[1]}" for row in EXACT])
def test_what_is_rational_is_decided(text, at, shown):
    assert texts(text, at) == shown


KINDS = [
    ("x*y^2", "x=0.1,y=1/3", {"hessian": True}, ["0.0111111111111111111111", "[[0, 0.666666666666666666667], "
     "[0.666666666666666666667, 0.2]]"]),
    ("x*y^2", "x=0.1,y=1/3", {"gradient": True}, ["0.0111111111111111111111", "[0.111111111111111111111, "
     "0.0666666666666666666667]"]),
    ("[x*y, x/y]", "x=0.1,y=0.3", {"jacobian": True}, ["[0.03, 0.333333333333333333333]", "[[0.3, 0.1], "
     "[3.33333333333333333333, -1.11111111111111111111]]"]),
    ("x^2 + y^2 = 1", "x=3/5,y=4/5", {"implicit": "y"}, ["0", "-0.75"]),
    ("x^2 + y^2 = 1", "x=3/5,y=4/5", {"implicit": "y", "order": 2}, ["0", "-1.953125"]),
    ("x^2*y", "x=0.1,y=0.2", {"direction": "x=1/3,y=pi"}, ["0.002", "0.0447492598692312657180"]),
    ("x^9", "x=0.1", {"order": 9}, ["1e-9", "362880"]),
    ("norm(x)", "x=[0.3, 0.4]", {}, ["0.5", "[0.6, 0.8]"]),
    ("det([[x, 1], [2, x]])", "x=0.1", {}, ["-1.99", "0.2"]),
    ("solve([[x, 1], [2, x]], [1, 2])[0]", "x=0", {}, ["1", "-0.5"]),
    ("sum(arange(1, 4)^x)", "x=-1", {}, ["1.83333333333333333333", "0.712777686502675885174"]),
    ("x.T @ x", "x=[0.1, 0.2]", {}, ["0.05", "[0.2, 0.4]"]),
]  # fmt: skip


def flat(proof):
    if hasattr(proof, "shape"):
        return f"[{', '.join(flat(p) for p in proof)}]"
    return proof.found.text if isinstance(proof.found, Digits) else proof.found.kind


@pytest.mark.parametrize(("text", "at", "options", "shown"), KINDS)
def test_all_kinds_of_results(text, at, options, shown):
    assert [flat(p) for p in proofs(text, at, 21, **options)] == shown


# What cannot be told -----------------------------------------------------------------------------------------------
OPEN = [
    ("sqrt(x)^2 - 2", "x=2", "whether `sqrt(x)^2 - 2` is 0 at x=2 could not be decided with "),
    ("1/(sqrt(x)^2 - 2)", "x=2", "whether sqrt(x)^2 - 2 is 0 at x=2 could not be decided with "),
    ("abs(exp(log(x)) - 3)", "x=3", "whether exp(log(x)) - 3 is 0 at x=3 could not be decided with "),
    ("where(sqrt(x)^2 > 2, 1, 2)", "x=2", "whether sqrt(x)^2 is 2 at x=2 could not be decided with "),
    ("floor(sqrt(x)^2)", "x=2", "whether sqrt(x)^2 is a whole number at x=2 could not be decided with "),
    ("gamma(2 - sqrt(x)^2)", "x=2", "whether 2 - sqrt(x)^2 is a pole at x=2 could not be decided with "),
    ("(-2)^(sqrt(x)^2)", "x=2", "whether sqrt(x)^2 is a whole number at x=2 could not be decided with "),
    ("log(sqrt(x)^2 - 2)", "x=2", "whether sqrt(x)^2 - 2 is positive at x=2 could not be decided with "),
]


@pytest.mark.parametrize(("text", "at", "message"), OPEN, ids=[row[0] for row in OPEN])
def test_what_balls_cannot_decide_is_asked(text, at, message):
    found = proofs(text, at)[0].found
    assert isinstance(found, NoDigits)
    assert found.kind == "undecided"
    assert found.message.startswith(message)
    bits = found.message.removeprefix(message).removesuffix(" bits").replace(",", "")
    assert 1e4 < int(bits) <= (30 * 3.33 + 64) * 2**12


LARGE = [
    ("exp(exp(exp(x)))", "x=10"), ("exp(-exp(exp(exp(x))))", "x=10"), ("x^x^x^x", "x=9"), ("sin(x^400)", "x=1e300"),
    ("cos(10^(10^x))", "x=8"), ("gamma(x)", "x=-1e300-0.5"), ("gamma(gamma(gamma(gamma(x))))", "x=6"),
    ("x^1e300", "x=0.3"), ("exp10(x)", "x=1e100"), ("floor(x^400)", "x=1e300"), ("mod(exp(x), 7)", "x=1e6"),
    ("lgamma(x)", "x=1e300"), ("erf(x)", "x=1e300"), ("sinh(x)", "x=1e300"), ("exp2(x)", "x=-1e90"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "at"), LARGE, ids=[row[0] for row in LARGE])
def test_what_is_too_large_is_refused_before_it_is_computed(text, at):
    for proof in proofs(text, at):
        assert isinstance(proof.found, NoDigits)
        assert proof.found.kind == "too large"


def test_large_numbers_that_are_told():
    assert texts("gamma(x)", "x=1e50")[0].startswith("5.526860319719106563485049038")
    assert texts("(1 + 1/x)^x", "x=1e300")[0] == texts("e")[0]
    assert texts("sin(x^100)", "x=1e290", 20)[0] == sine_of(10**29000, 20)


def sine_of(n, digits):
    with mp.workdps(30_000):
        return mp.nstr(mp.sin(mp.mpf(n)), digits, strip_zeros=False)


# Rounding ----------------------------------------------------------------------------------------------------------
ROUNDED = [
    (Fraction(1, 8), 2, "0.12", False),
    (Fraction(3, 8), 2, "0.38", False),
    (Fraction(1, 8), 3, "0.125", True),
    (Fraction(999_999, 1000), 4, "1000", False),
    (Fraction(1, 3), 5, "0.33333", False),
    (Fraction(-2, 3), 5, "-0.66667", False),
    (Fraction(123_456_789), 4, "1.235e+8", False),
    (Fraction(1200), 2, "1.2e+3", True),
    (Fraction(1200), 4, "1200", True),
    (Fraction(1, 10**5), 3, "0.00001", True),
    (Fraction(1, 10**6), 3, "1e-6", True),
    (Fraction(0), 3, "0", True),
    (Fraction(10) ** 400, 3, "1e+400", True),
    (Fraction(9995, 10), 3, "1000", False),
    (Fraction(9985, 10), 3, "998", False),
]


@pytest.mark.parametrize(("value", "count", "text", "exact"), ROUNDED)
def test_rational_numbers_are_rounded_to_even(value, count, text, exact):
    found = rounding.digits(rational(value), count)
    assert (found.text, found.exact) == (text if text != "1000" or count != 3 else "1.00e+3", exact)


def test_a_ball_gives_digits_only_where_both_ends_round_alike():
    with flint.ctx.workprec(200):
        tight, tie = arb(1).exp(), arb(fmpq(1, 8)) + arb(0, fmpq(1, 10**40))
        assert rounding.digits(tight, 5).text == "2.7183"
        assert rounding.digits(tie, 2) is None
        assert rounding.digits(tie, 3).text == "0.125"
        around_one = arb(1) + arb(0, fmpq(1, 10**40))
        assert rounding.digits(around_one, 10).text == "1.000000000"
        assert rounding.digits(arb(0, 1), 1) is None
        assert rounding.digits(arb(1, fmpq(1, 10**15)), 3) is None  # too wide to compare a float64 with


def test_balls_and_rational_numbers_round_alike():
    luck = random.Random(1)
    with flint.ctx.workprec(400):
        for _ in range(300):
            value = Fraction(luck.randrange(1, 10**9), luck.randrange(1, 10**9)) * Fraction(10) ** luck.randrange(-9, 9)
            count = luck.randrange(1, 30)
            exact, other = rounding.digits(rational(value), count), rounding.digits(arb(rational(value)), count)
            assert other is None or exact.exact or exact.text == other.text


@pytest.mark.parametrize(
    ("number", "true", "right"),
    [(0.30000000000000004, Fraction(3, 10), 16), (0.25, Fraction(1, 4), 17), (0.33, Fraction(1, 3), 2), (1.0, 0, 0),
     (-1.0, 1, 0), (2.0, Fraction(3, 2), 1), (1e-300, Fraction(1, 10**300), 17)],
)  # fmt: skip
def test_right_digits_of_a_float(number, true, right):
    with flint.ctx.workprec(300):
        assert rounding.right_digits(number, rounding.digits(rational(Fraction(true)), 30)) == right


def test_exact_numbers_keep_their_kind():
    third, turn = rational(Fraction(1, 3)), PiTimes(fmpq(1, 2))
    assert add(third, third) == fmpq(2, 3)
    assert add(turn, negative(turn)) == 0
    assert subtract(turn, fmpq(0)) == turn
    assert multiply(turn, fmpq(4)) == PiTimes(fmpq(2))
    assert divide(turn, PiTimes(fmpq(3))) == fmpq(1, 6)
    assert divide(turn, fmpq(2)) == PiTimes(fmpq(1, 4))
    assert multiply(arb.pi(), fmpq(0)) == 0


# Each rule ---------------------------------------------------------------------------------------------------------
def values_of(name):
    """Points of the function of a rule."""
    luck = random.Random(name)
    scales = (Fraction(1, 10), Fraction(1), Fraction(7))
    return [Fraction(luck.randrange(-1000, 1000), 1000) * scale for scale in scales for _ in range(4)]


def takes_one(function):
    try:
        return len(inspect.signature(function).parameters) == 1
    except ValueError:  # of a function in C
        return function is abs


ONE_NUMBER = sorted(name for name, f in FUNCTIONS.items() if name in program.RULES and takes_one(f))


@pytest.mark.parametrize("name", ONE_NUMBER)
def test_a_rule_has_the_value_of_mpmath(name):
    told = 0
    for x in values_of(name):
        found = ag.proved_digits(f"{name}(x)", at={"x": x}, digits=40)
        with mp.workdps(80):
            true = FUNCTIONS[name](mp.mpf(x.numerator) / x.denominator)
            if true is None:
                assert found.kind == "undefined"
                continue
            told += 1
            assert isinstance(found, Digits)
            error = abs(mp.mpf(found.text) - true)
            assert error <= abs(true) * mp.mpf(10) ** -39, x
    assert told >= (name != "arccosh") + 1


def test_a_function_without_a_rule_is_refused_by_name():
    with pytest.raises(ExpressionError, match="`sort` has no rule for digits that are proved"):
        proofs("sort([x, 1])[0]", "x=0.1")


def test_a_rounded_number_of_a_rule_is_refused():
    with pytest.raises(ExpressionError, match=r"the number 1\.0507009873554805 of this formula is rounded"):
        proofs("selu(x)", "x=0.1")


@pytest.mark.parametrize("slope", ["0.1", "1/2 + 1e-30", "0.01 + 1e-19"])
def test_a_number_that_a_function_rounds_is_refused(slope):
    with pytest.raises(ExpressionError, match=r"a function takes 0\.\d+ as a rounded number"):
        proofs(f"leaky_relu(x, {slope})", "x=-1")


def test_numbers_that_functions_do_not_round():
    assert texts("leaky_relu(x)", "x=-1/3", 12) == ["-0.00333333333333", "0.01"]
    assert texts("leaky_relu(x, 1/2)", "x=-0.1", 12) == ["-0.05", "0.5"]
    assert texts("logsumexp([x, 1])", "x=1", 12)[0] == "1.69314718056"


def test_a_typed_number_is_never_a_constant_that_it_rounds_to():
    nearest = Fraction(math.pi)
    text = f"{nearest.numerator}/{nearest.denominator}*x - pi*x"
    assert texts(text, "x=1", 20) == ["-1.2246467991473531772e-16"] * 2


# All formulas ------------------------------------------------------------------------------------------------------
def corpus(share, seed):
    luck, bad = random.Random(seed), []
    every = formulas()
    counts, _ = run(luck.sample(every, round(share * len(every))), luck, bad.append)
    assert bad == []
    return counts


def test_no_digit_of_a_sample_is_wrong():
    counts = corpus(0.06, SEED + 2)
    assert counts["proved"] >= 0.75 * counts.total() >= 150
    assert sum(n for kind, n in counts.items() if kind.startswith("refused")) <= 0.02 * counts.total()


@pytest.mark.long
@pytest.mark.skipif(not os.environ.get("AG_LONG"), reason="AG_LONG is not set")
def test_no_digit_is_wrong():
    counts = corpus(1, SEED)
    assert counts["proved"] >= 0.75 * counts.total() >= 3_000


# Bounds ----------------------------------------------------------------------
def test_many_digits():
    (found,) = (p.found for p in proofs("gamma(1/3) + erf(2)*sin(3)", digits=2_000))
    with mp.workdps(2_100):
        true = mp.gamma(mp.mpf(1) / 3) + mp.erf(2) * mp.sin(3)
        assert found.text == mp.nstr(true, 2_000, strip_zeros=False)


def test_too_many_digits_for_a_formula_are_refused():
    found = proofs("+".join(f"digamma(x + {n})" for n in range(60)), "x=1/3", 10_000)[0].found
    assert found.kind == "too large"
    assert found.message == "no digits are proved: 10,000 digits are too much work for this formula"


def test_the_precision_is_left_as_it_was():
    before = flint.ctx.prec
    proofs("exp(x)", "x=1", 50)
    assert flint.ctx.prec == before


def test_a_search_doubles_at_most_twelve_times(monkeypatch):
    real, seen = search.run, []

    def seeing(program, feeds):
        seen.append(flint.ctx.prec)
        return real(program, feeds)

    monkeypatch.setattr(search, "run", seeing)
    proofs("sqrt(x)^2 - 2", "x=2")
    levels = sorted(set(seen))
    assert {b / a for a, b in itertools.pairwise(levels)} == {2}
    assert 8 <= len(levels) <= search.DOUBLINGS + 1
