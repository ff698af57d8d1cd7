"""`ag grad`: every option, every format, the JSON shape, bad input, and many formulas at once."""

import json
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from pages import console, page

from agcli.cli.grad import command

FORMATS = ["text", "unicode", "latex", "python", "numpy", "c", "json", "mathml", "dot"]


ANSWERS = [
    ("2*x^2 + 3*y + 1", "d/dx = 4*x|d/dy = 3"),
    ("-2*x*y", "d/dx = -2*y|d/dy = -2*x"),
    ("exp(-x^2/2)", "d/dx = -x*exp(-x^2/2)"),
    ("x*log(x^2 + 1)", "d/dx = 2*x^2/(x^2 + 1) + log(x^2 + 1)"),
    ("x*(exp(x) - 1)", "d/dx = x*exp(x) + exp(x) - 1"),
    ("sqrt(x^2)", "d/dx = sign(x)"),
    ("where(x > 1, x^2, log(x))", "d/dx = where(x > 1, 2*x, 1/x)"),
    ("[x*y, x + y]", "d/dx = [y, 1]|d/dy = [x, 1]"),
    ("ümlaut^2*β_1", "d/dümlaut = 2*ümlaut*β_1|d/dβ_1 = ümlaut^2"),
    ("sin(x)*exp(x) --wrt x,x --wrt x", "d^2/dx^2 = 2*cos(x)*exp(x)|d/dx = (sin(x) + cos(x))*exp(x)"),
    ("x^3*y^2 --wrt x,y,x", "d^3/dx dy dx = 12*x*y"),
    ("x^5 --order 3", "d^3/dx^3 = 60*x^2"),
    ("x^2*y + z --gradient", "gradient (x, y, z) = [2*x*y, x^2, 1]"),
    ("x^2*y + z --gradient --wrt z,x", "gradient (z, x) = [1, 2*x*y]"),
    ("[x*y, x + y] --jacobian", "jacobian (x, y) = [[y, x], [1, 1]]"),
    ("x^2*y --hessian", "hessian (x, y) = [[2*y, 2*x], [2*x, 0]]"),
    ("x^2*y --direction x=1,y=2", "direction (x=1,y=2) = 2*x*(x + y)"),
    ("x^2 + y^2 = 1 --implicit y", "dy/dx = -x/y"),
    ("x^2 + y^2 - 1 --implicit y", "dy/dx = -x/y"),
    ("sin(x) --taylor x=0,n=5", "taylor (x=0,n=5) = x - x^3/6 + x^5/120"),
    ("exp(a*x) --taylor x=0,n=2", "taylor (x=0,n=2) = 1 + a*x + a^2*x^2/2"),
    ("a*x^2 --given a=3", "d/dx = 6*x"),
    ("a*x^2 --given a=x", "d/dx = 3*x^2"),
    ("x^2*sin(y) --wrt x --at x=2,y=pi/6", "f = 2|d/dx = 2*x*sin(y) = 2"),
    ("-x --at x=-2", "f = 2|d/dx = -1"),
    ("sqrt(x) --at x=-1", "f = undefined: sqrt(x) has no value at x=-1|d/dx = 1/(2*sqrt(x)): undefined: "
     "sqrt(x) has no value at x=-1"),
    ("1/x --at x=0", "f = undefined (infinite: -inf from the left, inf from the right)|d/dx = -1/x^2: undefined "
     "(f is infinite: -inf from the left, inf from the right)"),
    ("dot(x, x) --shape x=3", "d/dx = 2*x"),
    ("norm(x) --at x=[3,4]", "f = 5|d/dx = x/norm(x) = [0.6, 0.8]"),
    ("a*x^2 --raw --wrt x", "d/dx = 1*a*2*x"),
    ("x*sin(x) --steps", "d/dx = x*cos(x) + sin(x)|  1. derivative of sin: (sin(x))′ = cos(x)|"
     "  2. product rule: (x*sin(x))′ = x*cos(x) + sin(x)|"
     "  3. collect like terms and powers: 1*sin(x) + 1*x*cos(x) = x*cos(x) + sin(x)"),
]  # fmt: skip


def split(line):
    """The formula and its options, as a shell would give them."""
    formula, *options = line.split(" --")
    return [formula, *(word for option in options for word in f"--{option}".split(" ", 1))]


@pytest.mark.parametrize(("line", "expected"), ANSWERS, ids=[line for line, _ in ANSWERS])
def test_answers(grad, line, expected):
    code, out, _ = grad(*split(line))
    assert (code, out.splitlines()) == (0, expected.split("|"))


@pytest.mark.parametrize("line", [line for line, _ in ANSWERS if "--raw" not in line])
def test_every_answer_passes_its_check_in_json(grad, line):
    code, out, _ = grad(*split(line), "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert list(found)[:3] == ["expression", "results", "variables"]
    for result in found["results"]:
        assert list(result)[:4] == ["wrt", "derivative", "value", "check"]
        assert list(result["check"]) == ["ok", "points", "max_error"]
        assert result["check"]["ok"] is True
        assert result["check"]["points"] >= 4
        assert result["check"]["max_error"] < 1e-6


def test_json_is_as_documented(grad):
    _, out, _ = grad("2*x^2 + 3*y + 1", "--wrt", "x", "--at", "x=2,y=0", "--no-check", "--format", "json")
    assert json.loads(out) == {
        "expression": "2*x^2 + 3*y + 1",
        "results": [{"wrt": ["x"], "derivative": "4*x", "value": 8.0}],
        "variables": ["x", "y"],
        "notes": [],
        "f": {"value": 9.0},
    }


def test_json_has_null_where_there_is_no_value(grad):
    _, out, _ = grad("[1/x, x]", "--at", "x=0", "--format", "json")
    assert json.loads(out)["results"][0]["value"] == [None, 1.0]


def test_check_names_points_and_kinks(grad):
    _, out, _ = grad("log(x) + abs(x - 1)", "--check")
    assert out.splitlines()[1].startswith("  check: ok at 12 points, largest relative error ")
    assert out.rstrip().endswith("not smooth where x - 1 = 0")


@pytest.mark.parametrize("form", FORMATS)
def test_formats_with_a_value_a_check_and_steps(grad, form):
    code, out, _ = grad("x^2*sin(y)", "--format", form, "--at", "x=1,y=0", "--check", "--steps")
    assert code == 0
    if form == "python":
        exec(out, found := {})  # noqa: S102  our own output
        assert found["d_dx"](1.0, 0.5) == pytest.approx(0.9588510772)


def test_doubts_are_told_beside_the_answer(grad):
    code, out, err = grad("1/2x")
    assert (code, out, err) == (0, "d/dx = 1/2\n", "note: `1/2x` is read as `(1/2)*x`\n")


@pytest.mark.parametrize("form", ["text", "json"])
def test_plot(grad, form):
    code, out, err = grad("sin(x)", "--plot", "--range", "-pi:pi", "--format", form)
    drawing = (err if form == "json" else out).splitlines()[-31:]
    assert code == 0
    assert drawing[0 if form == "json" else 1].startswith(("f = sin(x)", " " * 8))
    assert drawing[-1].split() == ["-3.142", "3.142"]
    assert any("⠉" <= c <= "⣿" for line in drawing for c in line)


def test_a_plot_is_saved_or_says_what_is_missing(grad, tmp_path):
    path = tmp_path / "plot.svg"
    code, out, err = grad("sin(x)", "--save", str(path))
    if find_spec("matplotlib"):
        assert (code, path.read_text()[:5]) == (0, "<?xml")
        assert f"saved {path}" in out
    else:
        assert (code, err) == (2, "error: --save needs matplotlib\nrun `pip install agcli[plots]`\n")


def test_without_matplotlib_the_command_to_install_it_is_named(grad, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    code, _, err = grad("sin(x)", "--save", str(tmp_path / "plot.svg"))
    assert (code, err) == (2, "error: --save needs matplotlib\nrun `pip install agcli[plots]`\n")


@pytest.mark.parametrize("formula", ["tan(x) + 1/x", "log(-x^2)", "3", "sqrt(x)", "x^2"])
def test_pictures_are_written_whole(grad, tmp_path, formula):
    pytest.importorskip("matplotlib")
    path = tmp_path / "plot.png"
    code, _, err = grad(f"{formula} + 0*x", "--save", str(path), "--range=-3:3")
    assert (code, err) == (0, "")
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert [p.name for p in tmp_path.iterdir()] == ["plot.png"]


def test_a_folder_that_is_not_there_is_named(grad, tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "nowhere" / "plot.png"
    code, _, err = grad("x^2", "--save", str(path))
    assert (code, err) == (2, f"error: {path}: there is no folder {path.parent}\n")


BAD = [
    ("x +* 2", "expected a value after `+`, found `*`|     ^"),
    ("sine(x)", "did you mean `sin`?"),
    ("trigamma(x)", "write `polygamma(1, x)`"),
    ("factorise(x)", "`sympy.factor(f)` in SymPy"),
    ("factorize(x^2-1)", "`sympy.factor(f)` in SymPy"),
    ("Phi(x)", "write `ndtr(x)`"),
    ("", "expected a formula"),
    ("1 + 2", "the formula has no variables"),
    ("x^2 = 1", "write `--implicit y`"),
    ("x > 1", "the formula is true or false, which has no derivative"),
    ("x^2 --wrt y", "--wrt: the formula has no variable `y`|its variable is x"),
    ("x*y --wrt z", "the formula has no variable `z`|its variables are x, y"),
    ("alpha^2 --wrt alhpa", "did you mean `alpha`?"),
    ("x --wrt x,", "expected a name"),
    ("x --order 0", "--order: expected a number from 1 to 50, found 0"),
    ("x --order a", "'a' is not a valid integer"),
    ("x --at y=1", "--at: the formula has no variable `y`"),
    ("x --at x", "--at: expected `name=value`"),
    ("x --at x=y", "expected a value without variables, found `y`"),
    ("x --at x=1,x=2", "`x` is given twice"),
    ("x*y --at x=1", "--at gives no value for `y`|write --at x=...,y=1"),
    ("x --given y=1", "--given: the formula has no variable `y`"),
    ("x --given x=1", "--given gives every variable a value"),
    ("x*y --given y=1 --wrt y", "`y` has a value, from --given"),
    ("x --direction z=1", "--direction: the formula has no variable `z`"),
    ("x = y --implicit z", "--implicit: the formula has no variable `z`"),
    ("x = x --implicit x", "the equation does not determine `x`"),
    ("log(x) --taylor x=0", "the formula has no finite value at that x"),
    ("x --taylor x=0,n=-1", "expected n from 0 to 50, found -1"),
    ("x --taylor 5", "--taylor: expected `name=value`"),
    ("[x, y] --gradient", "write --jacobian for a vector"),
    ("[x, y] --hessian", "--hessian: expected one value"),
    ("x --gradient --hessian", "cannot be combined"),
    ("x --shape x=-1", "expected whole numbers"),
    ("x @ y --shape x=2,y=3", "inner dimensions 2 and 3 differ|  ^^^^^"),
    ("x*y --plot", "give all but one a value: --at y=1"),
    ("x --plot --range 1:0", "the first number must be less than the second"),
    ("x --save x.txt", "expected a file that ends in .svg or .png"),
    ("x --save x.svg --range 1:0", "the first number must be less than the second"),
    ("x --format word", "'word' is not one of"),
    ("x --wert x", "No such option '--wert'"),
    ("x --batch -", "not both"),
    ("x\x00", "unexpected character"),
]


@pytest.mark.parametrize(("line", "expected"), BAD, ids=[ascii(line) for line, _ in BAD])
def test_bad_input_says_what_to_type(grad, line, expected):
    code, _, err = grad(*split(line))
    assert code == 2
    for part in expected.split("|"):
        assert part in err


def test_nothing_to_do_is_an_error(grad):
    assert grad()[0] == 2
    code, _, err = grad("--batch", "no/such/file")
    assert code == 2
    assert "--batch: cannot read `no/such/file`" in err


@pytest.mark.parametrize("content", [b"x^2\n\x93\x00\x01", "x^2\n".encode("utf-16"), "é^2\n".encode("latin-1")])
def test_a_batch_that_is_no_text_is_one_error(grad, tmp_path, content):
    (tmp_path / "formulas").write_bytes(content)
    code, out, err = grad("--batch", str(tmp_path / "formulas"))
    assert (code, out) == (2, "")
    assert "expected UTF-8 text, found the byte 0x" in err
    (tmp_path / "formulas").write_bytes("x^2".encode("utf-8-sig"))
    assert json.loads(grad("--batch", str(tmp_path / "formulas"))[1])["expression"] == "x^2"


def test_batch_answers_line_by_line_and_tells_errors_at_the_end(grad):
    code, out, _ = grad("--batch", "-", "--wrt", "x", input="x^2\n\n# a remark\nsin(\nx*y\n[x, x] @ [1, 2, 3]\n")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 2
    assert [line["expression"] for line in lines] == ["x^2", "sin(", "x*y", "[x, x] @ [1, 2, 3]"]
    assert lines[0]["results"][0] | {"check": None} == {"wrt": ["x"], "derivative": "2*x", "value": None, "check": None}
    assert lines[1]["error"] | {"hint": ""} == {
        "message": "expected a value after `(`, found the end of the text", "start": 4, "end": 4, "hint": "",
    }  # fmt: skip
    assert "inner dimensions" in lines[3]["error"]["message"]


def test_batch_reads_a_file(grad, tmp_path):
    path = tmp_path / "formulas.txt"
    path.write_text("x^3\n" + "x" * 200_000 + "\nx", encoding="utf-8")
    code, out, _ = grad("--batch", str(path), "--no-check")
    first, second, third = map(json.loads, out.splitlines())
    assert code == 2
    assert first["results"] == [{"wrt": ["x"], "derivative": "3*x^2", "value": None}]
    assert "100,000" in second["error"]["message"]
    assert third["results"][0]["derivative"] == "1"


def test_batch_is_streamed():
    """The first answer comes before the second question is there."""
    command = [sys.executable, "-c", "from agcli.cli import main; main()", "grad", "--batch", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        for name in ("x", "y"):
            process.stdin.write(f"{name}^2\n")
            assert json.loads(process.stdout.readline())["variables"] == [name]
        process.stdin.close()
        assert process.wait(timeout=300) == 0


@pytest.mark.parametrize(
    "text",
    ["(" * 100_000, "x" + "^x" * 50_000, "-" * 100_000 + "x", "9^9^9^9*x", "sin(" * 2_000, "x*" * 9_000 + "x"],
    ids=lambda text: text[:8],
)
def test_hostile_formulas_are_answered_or_refused(grad, text):
    code, out, err = grad(text)
    assert code in (0, 2)
    assert "internal error" not in err
    assert len(out) + len(err) < 1_000_000


# The page ----------------------------------------------------------------------------------------------------------

PAGE = page("grad.md")
START = "ag grad "
EXAMPLES = [(line.removeprefix(START), shown) for line, shown in console(PAGE) if line.startswith(START)]


@pytest.mark.parametrize(("line", "shown"), EXAMPLES, ids=[line for line, _ in EXAMPLES])
def test_the_examples_of_the_page(grad, line, shown, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    _, out, err = grad(*shlex.split(line))
    assert out + err == shown


def test_the_page_names_every_option():
    options = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
    assert {name for name in options if name not in PAGE} <= {"--simplify"}
    assert len(EXAMPLES) >= 20


def test_a_derivative_whose_terms_cancel_to_nothing_passes_its_check(grad):
    for text in ("sin(x - pi/2) + cos(x)", "sin(2*x/3 + 1) - sin(2*x/3)*cos(1) - cos(2*x/3)*sin(1)"):
        code, out, err = grad(text, "--check")
        assert (code, err) == (0, "")
        assert out.startswith("d/dx = 0\n  check: ok at 12 points")


def test_exponents_keep_their_constants(grad):
    assert grad("x^pi", "--order", "2")[1] == "d^2/dx^2 = pi*(pi - 1)*x^(pi - 2)\n"
    assert grad("x^e")[1] == "d/dx = e*x^(e - 1)\n"
