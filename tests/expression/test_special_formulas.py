"""Special functions in formulas: what is read, what is printed, what is refused."""

import re

import numpy as np
import pytest
from scipy import special

from agcli.expression.answers import answer
from agcli.expression.api import parse
from agcli.expression.errors import ExpressionError
from agcli.expression.lower import functions
from agcli.expression.parser import parse_syntax
from agcli.expression.printers.latex import to_latex
from agcli.expression.printers.mathml import to_mathml
from agcli.expression.printers.text import to_text
from agcli.expression.printers.unicode import to_unicode
from agcli.expression.questions import Question
from agcli.expression.syntax import Call
from tools.special_page import missing

pytestmark = pytest.mark.numeric

DERIVATIVES = {
    "jv(2, x)": "(jv(1, x) - jv(3, x))/2", "jv(0, x)": "-jv(1, x)", "kv(1, x)": "-(kv(0, x) + kv(2, x))/2",
    "iv(0, x)": "iv(1, x)", "kve(1, x)": "kve(1, x) - (kve(0, x) + kve(2, x))/2", "j0(x)": "-j1(x)",
    "airyai(x)": "airyaiprime(x)", "airybiprime(x)": "x*airybi(x)", "zeta(x)": "zeta(x, n=1)",
    "zeta(3, x)": "-3*zeta(4, x)", "beta(2, x)": "(digamma(x) - digamma(x + 2))*beta(2, x)",
    "betainc(2, 3, x)": "12*x*(x - 1)^2", "gammainc(1, x)": "exp(-x)", "hyp2f1(1, 2, 3, x)": "2*hyp2f1(2, 3, 4, x)/3",
    "lambertw(x)": "exp(-lambertw(x))/(1 + lambertw(x))",
    "lambertw(x, -1)": "exp(-lambertw(x, -1))/(1 + lambertw(x, -1))",
    "ellipk(x)": "(ellipe(x) - (1 - x)*ellipk(x))/(2*x*(1 - x))", "ellipe(x)": "(ellipe(x) - ellipk(x))/(2*x)",
    "expi(x)": "exp(x)/x", "exp1(x)": "-exp(-x)/x", "sinint(x)": "sin(x)/x", "cosint(x)": "cos(x)/x",
    "fresnels(x)": "sin(pi*x^2/2)", "fresnelc(x)": "cos(pi*x^2/2)", "erfi(x)": "2*exp(x^2)/sqrt(pi)",
    "logit(x)": "1/(x*(1 - x))", "entr(x)": "-log(x) - 1", "log1mexp(x)": "1/expm1(x)", "heaviside(x)": "0",
    "polygamma(2, x)": "polygamma(3, x)", "sinc(x)": "sinc(x, n=1)", "erfcx(x)": "2*x*erfcx(x) - 2/sqrt(pi)",
    "ndtri(x)": "sqrt(2*pi)*exp(ndtri(x)^2/2)",
}  # fmt: skip
AT = {"lambertw(x, -1)": -0.2}  # elsewhere 0.4


def result(text, **question):
    (found,) = answer(text, Question(wrt=("x",), **question)).results
    return found.formula


@pytest.mark.parametrize("text", DERIVATIVES)
def test_derivatives_in_words_that_people_know(text):
    assert to_text(result(text)) == DERIVATIVES[text]


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("text", DERIVATIVES)
def test_what_is_printed_is_read_again_with_the_same_value(text, order):
    """Also where the engine computes a derivative by itself and the text shows a formula for it."""
    formula = result(text, order=order)
    at = {"x": AT.get(text, 0.4)}
    if not (again := parse(to_text(formula))).op and not again.name:
        at = {}
    value = formula.eval(at) if at else formula.eval()
    np.testing.assert_allclose(again.eval(at) if at else again.eval(), value, rtol=1e-11)


SPELLINGS = [
    ("besselj(2, x)", "jv(2, x)"), ("besselk(0, x)", "kv(0, x)"), ("Ai(x)", "airyai(x)"), ("Si(x)", "sinint(x)"),
    ("Ei(x)", "expi(x)"), ("x*E1(x)", "x*exp1(x)"), ("LambertW(x)", "lambertw(x)"),
    ("lambertw(x, k=-1)", "lambertw(x, -1)"),
    ("elliptic_k(x)", "ellipk(x)"), ("probit(x)", "ndtri(x)"), ("Heaviside(x)*x", "heaviside(x)*x"),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "meant"), SPELLINGS)
def test_names_of_other_systems(typed, meant):
    assert to_text(result(typed)) == to_text(result(meant))


VARIABLES = [
    ("k1*x", "k1"), ("k1(a + x) - k1*x", "0"), ("beta*x", "beta"), ("beta x", "beta"), ("iv*x + kv", "iv"),
    ("E1*x + E1(x)", "2*E1"), ("zeta^2*x", "zeta^2"), ("y0 + y0(x + 1)", "y0"), ("j0^2*x", "j0^2"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "slope"), VARIABLES)
def test_names_that_are_variables_in_most_formulas_stay_so(text, slope):
    assert to_text(result(text)) == slope


def test_a_call_that_could_be_a_product_is_noted():
    assert answer("k1(x)", Question()).notes == ("`k1` is read as the function; write `k1*(...)` for a product",)
    assert answer("zeta(x, 2)", Question()).notes == ()
    declared = parse_syntax("k1(x + 1)", functions(), ("k1", "x"))
    assert [n.function for n in declared.nodes if isinstance(n, Call)] == ["add", "multiply"]


REFUSED = {
    "jv(x, 2)": "jv: has no derivative in its order v", "kve(x, 2)": "kve: has no derivative in its order v",
    "gammainc(x, 2)": "gammainc: has no derivative in its parameter a",
    "betainc(2, x, 0.5)": "betainc: has no derivative in its parameter b",
    "hyp2f1(1, 2, x, 0.5)": "hyp2f1: has no derivative in its parameter c",
    "beta(x + 1)": "`beta` takes 2 values, found 1", "lambertw(x, 1)": "the real branches are k=0 and k=-1, got 1",
    "zeta(x, n=-1)": "the order is a whole number from 0 to 20, got -1",
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_refused_by_name(text):
    with pytest.raises(ExpressionError, match=re.escape(REFUSED[text])):
        answer(text, Question())


def test_a_refused_derivative_ends_with_exit_code_2(ag):
    assert "has no derivative in its order v" in ag("grad", "jv(v, x)", check=2).stderr
    assert "jv(v - 1, x)" in ag("grad", "jv(v, x)", "--wrt", "x").stdout


LETTERS = {
    "jv(2, x)": (r"J_{2}\left(x\right)", "J₂(x)"), "jv(v, x)": (r"J_{v}\left(x\right)", "jv(v, x)"),
    "airyaiprime(x)": (r"\operatorname{Ai}'\left(x\right)", "Ai′(x)"), "zeta(x)": (r"\zeta\left(x\right)", "ζ(x)"),
    "lambertw(x, -1)": (r"W_{-1}\left(x\right)", "W₋₁(x)"), "polygamma(3, x)": (r"\psi^{(3)}\left(x\right)", "ψ⁽³⁾(x)"),
    "betainc(2, 3, x)": (r"I_{x}\left(2, 3\right)", "betainc(2, 3, x)"),
    "ndtri(x)": (r"\Phi^{-1}\left(x\right)", "Φ⁻¹(x)"),
    "exp1(x)": (r"E_{1}\left(x\right)", "E₁(x)"),
    "zeta(x, n=1)": (r"\operatorname{zeta}\left(x, n=1\right)", "zeta(x, n=1)"),
}  # fmt: skip


@pytest.mark.parametrize("text", LETTERS)
def test_letters_of_books(text):
    f = parse(text)
    assert (to_latex(f), to_unicode(f)) == LETTERS[text]
    assert to_mathml(f).count("<mrow>") == to_mathml(f).count("</mrow>")


NUMPY = {
    "airybi(x)": "special.airy(x)[2]", "cosint(x)": "special.sici(x)[1]", "fresnelc(x)": "special.fresnel(x)[1]",
    "lambertw(x, -1)": "special.lambertw(x, -1).real", "heaviside(x)": "np.heaviside(x, 0.5)",
    "heaviside(x, 1)": "np.heaviside(x, 1)", "polygamma(2, x)": "special.polygamma(2, x)",
    "zeta(3, x)": "special.zeta(3, x)",
}  # fmt: skip


@pytest.mark.parametrize("text", NUMPY)
def test_numpy_calls_scipy(text):
    from agcli.expression.printers.numpy import to_numpy

    code = to_numpy(parse(text))
    assert f"return {NUMPY[text]}" in code
    exec(code, space := {})  # noqa: S102
    x = -0.2 if "lambertw" in text else 0.4
    np.testing.assert_allclose(space["f"](x), parse(text).eval({"x": x}), rtol=1e-13)


@pytest.mark.parametrize("text", ["j0(x)", "y1(x)", "jv(2, x)", "zeta(x)", "expi(x)", "lambertw(x)", "gammainc(2, x)"])
def test_c_and_python_lack_them_by_name(text):
    from agcli.expression.printers.c import to_c
    from agcli.expression.printers.python import to_python

    name = text.partition("(")[0]
    for write, language in ((to_c, "C"), (to_python, "Python")):
        with pytest.raises(ExpressionError, match=f"{language} has no function `{name}`"):
            write(parse(text))


WRITTEN = {"logit(x)": special.logit, "entr(x)": special.entr, "ndtr(x)": special.ndtr, "log1mexp(x)": None,
           "heaviside(x)": None, "xlog1py(2, x)": lambda x: special.xlog1py(2, x)}  # fmt: skip


@pytest.mark.parametrize("text", WRITTEN)
def test_python_writes_out_the_small_ones(text):
    from agcli.expression.printers.python import to_python

    exec(to_python(parse(text)), space := {})  # noqa: S102
    for x in (0.25, 0.9, 0.5, 1e-9):
        assert space["f"](x) == pytest.approx(float(parse(text).eval({"x": x})), rel=1e-13)


def test_a_jump_has_no_derivative():
    (found,) = answer("heaviside(x)", Question(at=("x=0",))).results
    assert "jump" in str(found)


def test_the_page_names_every_function():
    assert not missing()
