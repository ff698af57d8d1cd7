"""What people type who come from other systems: read as meant, or answered with the line that works."""

import json

import pytest

import agcli as ag
from agcli.expression import ExpressionError
from agcli.expression.answers import answer
from agcli.expression.api import to_text
from agcli.expression.foreign_names import ALIASES, INSTEAD, defined, derivative_written
from agcli.expression.lower import COMMANDS, functions
from agcli.expression.questions import Question


def error_of(text, **asked):
    with pytest.raises(ExpressionError) as caught:
        answer(text, Question(**asked))
    return caught.value


SAME = [
    ("ln(x)", "log(x)"), ("lg(x)", "log10(x)"), ("tg(x)", "tan(x)"), ("ctg(x)", "cot(x)"), ("cosec(x)", "csc(x)"),
    ("arctg(x)", "arctan(x)"), ("atan(x)", "arctan(x)"), ("asinh(x)", "arcsinh(x)"), ("arsinh(x)", "arcsinh(x)"),
    ("sh(x)", "sinh(x)"), ("ch(x)", "cosh(x)"), ("th(x)", "tanh(x)"), ("log_2(x)", "log2(x)"), ("Γ(x)", "gamma(x)"),
    ("sin^2(x)", "sin(x)^2"), ("x²", "x^2"), ("√x", "sqrt(x)"), ("∛x", "cbrt(x)"), ("−x", "-x"), ("2·x", "2*x"),
    ("2×x", "2*x"), ("x÷2", "x/2"), ("f(x) = x^2", "x^2"), ("y = x^2", "x^2"), ("g(x, y) := x*y", "x*y"),
    ("let y = x^3", "x^3"), ("sqroot(x)", "sqrt(x)"), ("ceiling(x)*x", "ceil(x)*x"), ("product([x, y])", "x*y"),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "meant"), SAME)
def test_other_spellings_mean_the_same(typed, meant):
    ours, theirs = (answer(text, Question()).results for text in (typed, meant))
    assert [to_text(r.formula) for r in ours] == [to_text(r.formula) for r in theirs]


def test_aliases_are_functions_only_before_parentheses():
    assert set(ALIASES.values()) <= functions()
    assert not set(ALIASES) & functions()
    for name in ALIASES:
        assert list(ag.parse(f"{name}*x + {name}^2").eval({name: 2.0, "x": 3.0}).shape) == []
        call = {"modulo": "modulo(x, 2)"} | {f"bessel{c}": f"bessel{c}(2, x)" for c in "jyik"}
        (note,) = answer(call.get(name, f"{name}(x)"), Question()).notes
        assert note == f"`{name}` is read as the function `{ALIASES[name]}`"
    assert not set(INSTEAD) & (functions() - set(COMMANDS))


HINTS = [
    ("x % 2", "write `mod(a, b)` for the remainder of a/b, `x/100` for percent"),
    ("x mod 3", "write `mod(x, 3)`"),
    ("(x + 1) mod 3", "write `mod(a, b)`"),
    ("root(x, 3)", "write `sqrt(x)`, `cbrt(x)`, or `x^(1/n)`"),
    ("diff(x^2, x)", 'type the formula alone and name the variable: ag grad "x^2" --wrt x'),
    ("gradient(x^2*y)", "--gradient"),
    ("derivative(x^2)", 'type the formula alone and name the variable: ag grad "x^2" --wrt x'),
    ("integrate(x^2, x)", "scipy.integrate.quad"),
    ("int(x^2)", "sympy.integrate"),
    ("∫x dx", "sympy.integrate"),
    ("solve(x^2 - 1, x)", "ag solve"),
    ("solve(x^2 = 1)", "ag solve"),
    ("sum(i, 1, n)", "write out the terms"),
    ("sum(i^2, i, 1, 10)", "write out the terms"),
    ("sum(k, 1, 10)", "write out the terms"),
    ("prod(k, 1, 5)", "write out the factors"),
    ("limit(sin(x)/x, x, 0)", "sympy.limit"),
    ("factor(x^2 - 1)", "sympy.factor"),
    ("expand((x + 1)^2)", "sympy.expand"),
    ("simplify(x + x)", "type the formula alone"),
    ("taylor(sin(x))", "--taylor x=0,n=5"),
    ("d/dx x^2", 'write ag grad "x^2" --wrt x'),
    ("d/dx(x^2)", 'write ag grad "x^2" --wrt x'),
    ("d/dx (x^2 + 1)*x", 'write ag grad "(x^2 + 1)*x" --wrt x'),
    ("d^2/dx^2 sin(x)", 'write ag grad "sin(x)" --wrt x --order 2'),
    ("d²/dx² sin(x)", 'write ag grad "sin(x)" --wrt x --order 2'),
    ("d(x^2)/dx", 'write ag grad "x^2" --wrt x'),
    ("∂/∂y (x*y)", 'write ag grad "x*y" --wrt y'),
    ("Log[x]", "write `log(...)`"),
    ("Sin[x]", "write `sin(...)`"),
    ("tg x", "write `tan(x)`"),
    ("sin x cos x", "write `sin(x)`"),
    ("exp^x", "write `exp(x)`"),
    ("x > 0 ? x : 0", "write `where(condition, a, b)`"),
    ("jn(0, x)", "write `jv(n, x)`"),
    ("odeint(x, t)", "the section `odeint` of a spec"),
    ("sici(x)", "write `sinint(x)` for Si, `cosint(x)` for Ci"),
    ("li(x)", "write `expi(log(x))`"),
    ("Shi(x)", "write `(expi(x) + exp1(x))/2`"),
    ("lowergamma(a, x)", "`gammainc` is regularized"),
    ("beta(x + 1)", "write `beta*(...)` for a product"),
    ("binomial(n, k)", "gamma(n + 1)"),
    ("unitstep(x)", "write `heaviside(x)`, which is 1/2 at 0"),
]


@pytest.mark.parametrize(("text", "words"), HINTS)
def test_hints_name_what_works(text, words):
    error = error_of(text)
    assert words in error.hint
    assert "dropout" not in str(error)


def test_lines_that_are_named_can_be_typed():
    line = derivative_written("d^2/dx^2 (x^3*y)")
    assert line == 'ag grad "x^3*y" --wrt x --order 2'
    (result,) = answer("x^3*y", Question(wrt=("x",), order=2)).results
    assert to_text(result.formula) == "6*x*y"


@pytest.mark.parametrize("text", ["d/dx*x", "d/dx", "d + dx x", "a/dx x", "d/x y", "dx/dy", "x*d/dx x"])
def test_quotients_of_variables_stay_quotients(text):
    assert derivative_written(text) == ""


@pytest.mark.parametrize(
    "text", ["x^2 = y", "y = x*y", "x^2 + y^2 = 1", "y == x", "f(x) = 1", "f(z) = x", "x = ", "a=b=c"]
)
def test_equations_stay_equations(text):
    assert defined(text) == ("", 0)


def test_a_definition_is_told_and_can_be_asked_as_an_equation():
    found = answer("y = x^2", Question())
    assert found.notes == ("`y =` is read as the name of the formula behind it",)
    (slope,) = answer("y = x^2", Question(implicit="y")).results
    assert to_text(slope.formula) == "2*x"
    assert error_of("y = x^2", wrt=("y",)).message == "expected a formula, found an equation"
    assert error_of("y = sine(x)").start == 4  # places are those of the text


# Notes -----------------------------------------------------------------------------------------------------------

WAVE = "A e^(-γt) cos(ωt+φ)"
NOTE = "`ωt` is read as one variable; write `ω*t` for the product"


@pytest.mark.parametrize("asked", [{"wrt": ("t",)}, {"implicit": "t"}, {"at": ("A=1",)}, {"given": ("t=1",)}])
def test_notes_survive_errors(asked):
    error = error_of(WAVE, **asked)
    assert NOTE in error.notes
    assert error.to_json()["notes"] == list(error.notes)
    if "at" not in asked:
        assert error.hint == "`γt` is one variable; write `γ*t`"


def test_notes_stand_before_the_error(grad):
    code, out, err = grad(WAVE, "--wrt", "t")
    assert (code, out) == (2, "")
    assert f"note: {NOTE}\n" in err
    assert err.index("note:") < err.index("error:")


def test_errors_in_json_hold_the_notes(grad):
    code, out, err = grad(WAVE, "--wrt", "t", "--format", "json")
    assert (code, out) == (2, "")
    assert NOTE in json.loads(err)["error"]["notes"]


def test_a_batch_tells_of_every_line_how_it_was_read(grad):
    code, out, _ = grad("--batch", "-", input="j0(x)\nx^2\nωt + \nωt\x1b\nf(x) = x^2\n")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 2
    assert rows[0]["notes"] == ["`j0` is read as the function; write `j0*(...)` for a product"]
    assert [row["notes"] for row in rows[1:4]] == [[], [], []]
    assert "error" in rows[2]
    assert rows[3]["error"]["message"] == "unexpected character U+001B"
    assert rows[4]["notes"] == ["`f(x) =` is read as the name of the formula behind it"]


def test_products_of_words_are_told():
    assert answer("derive x^2", Question()).notes == ("`derive x^2` is read as `derive*x^2`",)
    assert answer("arc tan(x)", Question()).notes[-1] == "`arc tan(x)` is read as `arc*tan(x)`"
    for text in ["x y", "2 pi r", "omega t", "x_1 sin(x)", "x exp(y)", "alpha beta"]:
        assert answer(text, Question()).notes == ()


@pytest.mark.parametrize(
    "words",
    [
        ["x\x1b[31m + 1"], ["x + 1", "--wrt", "\x1b[31mx"], ["x", "--at", "\x1b[31m=1"], ["x", "--given", "x=\x1b[31m"],
        ["--batch", "\x1b[31mfile"], ["\x1b[31m.yaml"], ["x", "--format", "\x1b[31m"], ["x", "--shape", "x\x07=3"],
        ["x", "--taylor", "x=0,\x9b31m"], ["x", "--plot", "--range", "\x1b[2J"], ["x", "--save", "no\x1b[2J/x.svg"],
        ["x", "--order", "\x1b[2J"], ["\u202ex y z("],
    ],
)  # fmt: skip
def test_control_characters_do_not_reach_the_terminal(grad, words):
    code, out, err = grad(*words)
    assert code == 2
    assert all(c.isprintable() or c in "\n\t" for c in out + err)
