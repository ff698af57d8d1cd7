"""`ag grad --digits N`: what is printed, JSON, exit codes and bad input."""

import json
import subprocess
import sys

import pytest

pytest.importorskip("flint", reason="the extra certified is not installed")


def test_the_prompt_tells_digits_and_the_ordinary_answer(grad):
    code, out, err = grad("sin(x)^2", "--at", "x=0.3", "--digits", "30")
    assert (code, err) == (0, "")
    assert out == (
        "f = 0.0873321925451608513795237505223\n"
        "  30 digits proved; the ordinary answer 0.08733219254516085 has 16 right digits\n"
        "d/dx = sin(2*x) = 0.564642473395035357200945445659\n"
        "  30 digits proved; the ordinary answer 0.5646424733950354 has 16 right digits\n"
    )


def test_what_is_not_proved_ends_with_1(grad):
    code, out, _ = grad("sqrt(x)^2 - 2", "--at", "x=2", "--digits", "9")
    assert code == 1
    assert out.startswith("f: whether `sqrt(x)^2 - 2` is 0 at x=2 could not be decided with ")
    assert "\n  the ordinary answer is 0\n" in out
    assert grad("abs(x)", "--at", "x=0", "--digits", "9")[0] == 1
    assert grad("log(x)", "--at", "x=-1", "--digits", "9")[0] == 0  # that there is no value is proved


def test_the_object_of_json(grad):
    code, out, err = grad("sqrt(x)", "--at", "x=0.01", "--digits", "25", "--format", "json")
    row = json.loads(out)
    assert (code, err) == (0, "")
    assert row["f"]["proved"] == {
        "value": "0.1", "digits": 25, "exact": True, "ordinary": 0.1, "right_digits": 16
    }  # fmt: skip
    assert row["results"][0]["proved"]["value"] == "5"
    code, out, _ = grad("abs(x)*[1, 2]", "--at", "x=0", "--digits", "5", "--format", "json")
    proved = json.loads(out)["results"][0]["proved"]
    assert [p["status"] for p in proved] == ["not smooth"] * 2
    assert [p["value"] for p in proved] == [None, None]
    assert all(p["reason"] == "no digits are proved: abs(x) is not smooth at x=0" for p in proved)


def test_a_formula_without_variables_has_digits(grad):
    code, out, _ = grad("gamma(1/3)", "--digits", "40")
    assert code == 0
    assert out.startswith("f = 2.678938534707747633655692940974677644129\n  40 digits proved; ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--digits", "0"], "--digits: expected a number from 1 to 10,000, found 0"),
        (["--digits", "10001"], "--digits: expected a number from 1 to 10,000, found 10,001"),
        (["--digits", "-3"], "--digits: expected a number from 1 to 10,000, found -3"),
        (["--digits", "abc"], "'abc' is not a valid integer"),
        (["--digits", "5", "--taylor", "x=0"], "--digits and --taylor cannot be combined"),
        (["--digits", "5", "--plot"], "--digits and --plot cannot be combined"),
    ],
)
def test_bad_digits_are_one_message(grad, options, message):
    code, out, err = grad("x^2", "--at", "x=1", *options)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_digits_need_a_point(grad):
    code, _, err = grad("x*y", "--digits", "5")
    assert code == 2
    assert err == "error: --digits: digits are those of values\nwrite --at x=1,y=1\n"


def test_digits_are_for_formulas(grad):
    code, _, err = grad("models/iris.yaml", "--digits", "0")
    assert code == 2
    assert "--digits is for formulas; a model takes" in err


def test_the_missing_extra_is_named(grad, monkeypatch):
    monkeypatch.setitem(sys.modules, "flint", None)
    code, _, err = grad("x", "--at", "x=1", "--digits", "5")
    assert code == 2
    assert err == 'error: --digits needs python-flint\nrun `pip install "agcli[certified]"`\n'


def test_many_formulas_have_digits_each(grad):
    code, out, _ = grad(
        "--batch", "-", "--at", "x=2", "--digits", "12", input="sin(x)\nsqrt(x)^2 - 2\nsort([x, 1])[0]\n"
    )
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 2
    assert rows[0]["f"]["proved"]["value"] == "0.909297426826"
    assert rows[1]["f"]["proved"]["status"] == "undecided"
    assert rows[2]["error"]["message"] == "--digits: `sort` has no rule for digits that are proved"


@pytest.mark.parametrize(("form", "sign"), [("latex", "% "), ("python", "# "), ("c", "// "), ("unicode", "  ")])
def test_all_formats_tell_what_is_proved(grad, form, sign):
    _, out, _ = grad("sin(x)", "--at", "x=2", "--digits", "12", "--format", form)
    assert f"{sign}12 digits proved; the ordinary answer 0.9092974268256817 has 16 right digits\n" in out
    assert "f = 0.909297426826\n" in out


def test_nobody_else_loads_flint():
    code = "import sys; from agcli.cli import ag; from click.testing import CliRunner; r = CliRunner()"
    code += "; r.invoke(ag, ['grad', 'x^2', '--at', 'x=1']); assert 'flint' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
