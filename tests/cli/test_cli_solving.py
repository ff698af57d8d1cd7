"""`ag minimize` and `ag solve`: bad input ends in one message, the JSON is as documented."""

import json
import sys

import pytest

from agcli.cli import main


@pytest.fixture
def run(monkeypatch, capsys):
    """run(*words) -> exit code, output, errors."""

    def invoke(*words):
        monkeypatch.setattr(sys, "argv", ["ag", *words])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code, *capsys.readouterr()

    return invoke


WRONG = [
    ("minimize", "x^2 + y", "--bounds z=0..1", "--bounds: the formula has no variable `z`"),
    ("minimize", "x^2", "--bounds x=2..1", "write x=1..2"),
    ("minimize", "x^2", "--bounds x=1..1", "write --at x=1"),
    ("minimize", "x^2", "--bounds x=0", "--bounds: expected `name=low..high`"),
    ("minimize", "x^2", "--bounds 0..1", "--bounds: expected `name=low..high`"),
    ("minimize", "x^2", "--bounds x=nan..1", "expected a value without variables, found `nan`"),
    ("minimize", "x^2", "--bounds x=1/0..1", "--bounds: expected finite numbers"),
    ("minimize", "x^2", "--bounds x=0..1,x=2..3", "`x` is given twice"),
    ("minimize", "a*x^2", "--at a=1 --bounds a=0..1", "`a` has its value from --at"),
    ("minimize", "x^2", "--at x=2", "every variable has a value from --at"),
    ("minimize", "x^2", "--at a=2", "--at: the formula has no variable `a`"),
    ("minimize", "a*x^2", "--at a=1/0", "--at: the value of `a` is not a finite number"),
    ("minimize", "2 + 3", "", "the formula has no variables"),
    ("minimize", "[x, y]", "", "expected a formula of one number, found an array of shape (2,)"),
    ("minimize", "x > 1", "", "expected a formula of one number, found true or false"),
    ("minimize", "x^2 = 2*x", "", 'write ag solve "x^2 = 2*x" for the roots of an equation'),
    ("minimize", "x^2 +", "", "expected"),
    ("minimize", "", "", "expected a formula"),
    ("minimize", "x^2", "--start y=1", "--start: the formula has no variable `y`"),
    ("minimize", "x^2 + y", "--start x=1", "--start gives no value for `y`"),
    ("minimize", "x^2", "--bounds x=0..1 --start x=2", "--start: x=2 lies outside of the bounds 0..1"),
    ("minimize", "x^2", "--starts 0", "--starts: expected a whole number from 1 to 100,000, found 0"),
    ("minimize", "x^2", "--seed -1", "--seed: expected a whole number from 0, found -1"),
    ("minimize", "x^2", "--starts many", "is not a valid integer"),
    ("minimize", "x^2 + normal(0)", "", "the formula draws random numbers"),
    ("solve", "normal(x) = 3", "", "the formula draws random numbers"),
    ("solve", "x + y", "", "2 unknowns (x, y) need 2 equations, found 1"),
    ("solve", "[x, y]", "", "give each equation by itself"),
    ("solve", "x < 1", "", "found true or false"),
    ("solve", "1 = 2", "", "the formula has no variables"),
    ("solve", "x^2 = y^2 = 1", "", "="),
]


@pytest.mark.parametrize(("command", "formula", "options", "expected"), WRONG, ids=[" ".join(w[:3]) for w in WRONG])
def test_wrong_input_is_one_message(run, command, formula, options, expected):
    code, out, err = run(command, formula, *options.split())
    assert (code, out) == (2, "")
    assert expected in err
    assert "Traceback" not in err
    assert "internal error" not in err
    code, out, err = run(command, formula, *options.split(), "--json")
    assert (code, out) == (2, "")
    error = json.loads(err)["error"]
    assert expected in error["message"] + error.get("hint", "")


def test_a_formula_may_have_a_name_and_begin_with_a_minus(run):
    code, out, err = run("minimize", "f(x) = (x - 1)^2", "--starts", "4")
    assert (code, err) == (0, "note: `f(x) =` is read as the name of the formula behind it\n")
    assert out.splitlines()[2].split() == ["minimum", "1", "0", "0", "2", "5"]
    code, out, _ = run("solve", "-x + 1", "--starts", "4")
    assert (code, out.splitlines()[2].split()[:3]) == (0, ["simple", "1", "0"])


def test_json_of_minima_is_as_documented(run):
    code, out, _ = run(
        "minimize", "a*(x - 1)^2 + y", "--bounds", "y=0..,x=..5", "--at", "a=3", "--starts", "8", "--json"
    )
    assert code == 0
    assert json.loads(out) == {
        "expression": "a*(x - 1)^2 + y", "variables": ["x", "y"], "fixed": {"a": 3.0}, "seed": 0, "notes": [],
        "bounds": {"x": ["-inf", 5.0], "y": [0.0, "inf"]},
        "points": [{"kind": "minimum", "at": {"x": 1.0, "y": 0.0}, "value": 0.0, "gradient": 0.0, "curvatures": [6.0],
                    "bounds": {"y": "lower"}, "error": {"x": 0.0, "y": 0.0}, "starts": 8, "note": ""}],
        "searches": 8, "elsewhere": 0, "not_looked_at": 0, "looked": 256, "without_value": 0, "falls": None,
    }  # fmt: skip


def test_json_of_a_fall(run):
    code, out, _ = run("minimize", "-x", "--starts", "4", "--json")
    found = json.loads(out)
    assert (code, found["points"]) == (1, [])
    assert found["falls"]["without_end"] is True
    assert found["falls"]["at"]["x"] > 1e50


def test_json_of_roots_is_as_documented(run):
    code, out, _ = run("solve", "x^2 = 4", "--bounds", "x=0..3", "--starts", "8", "--json")
    found = json.loads(out)
    counts = {key: found.pop(key) for key in ("searches", "elsewhere")}
    root = found["roots"][0]
    assert root.pop("starts") == counts["searches"] - counts["elsewhere"]
    assert code == 0
    assert found == {
        "equations": ["x^2 = 4"], "variables": ["x"], "bounds": {"x": [0.0, 3.0]}, "fixed": {}, "seed": 0, "notes": [],
        "roots": [{"kind": "simple", "at": {"x": 2.0}, "residual": 0.0, "error": {"x": 0.0}, "note": ""}],
        "not_looked_at": 0, "looked": 256, "without_value": 0, "closest": None, "proved": True,
    }  # fmt: skip


def test_exit_codes_tell_what_was_found(run):
    assert run("solve", "x^2 + 1", "--starts", "4")[0] == 1
    code, out, _ = run("solve", "x^2 + 1", "--bounds", "x=-1..1", "--starts", "4")
    assert code == 0
    assert out.startswith("there is no root in x = -1..1: proved with intervals")


def test_many_unknowns_stand_in_one_column(run):
    code, out, _ = run("minimize", "(a-1)^2 + (b-2)^2 + (c-3)^2 + (d-4)^2 + (g-5)^2", "--starts", "4")
    assert code == 0
    assert "a=1 b=2 c=3 d=4 g=5" in out


def test_hundreds_of_answers_are_cut_short_and_said(run):
    code, out, _ = run("solve", "sin(x)", "--bounds", "x=-300..300")
    assert code == 0
    assert len([line for line in out.splitlines() if line.startswith("simple")]) == 20
    assert "roots were found, of which the 20 nearest to 0 are shown" in out
