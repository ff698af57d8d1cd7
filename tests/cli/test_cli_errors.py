"""What ends a command with wrong input: one message on standard error, and one JSON object for programs."""

import json
import sys

import click
import pytest

from agcli.cli import ag, main


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run `ag` in this process, in an empty folder: run(*args) -> exit code, output, errors."""
    monkeypatch.chdir(tmp_path)

    def invoke(*args):
        monkeypatch.setattr(sys, "argv", ["ag", *map(str, args)])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code, *capsys.readouterr()

    return invoke


def with_json(command, path=()):
    """The commands below one that have `--json`, as words."""
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            yield from with_json(command.get_command(click.Context(command), name), (*path, name))
    if any("--json" in parameter.opts for parameter in command.params):
        yield path


@pytest.mark.parametrize("command", list(with_json(ag)), ids=" ".join)
def test_a_wrong_option_beside_json_is_an_object(run, command):
    code, out, err = run(*command, "--json", "--nonsense")
    assert (code, out) == (2, "")
    error = json.loads(err)["error"]
    assert error["code"] == 2
    assert error["message"].startswith("No such option '--nonsense'.")


WRONG = [
    ("train none.yaml", "none.yaml: expected a spec file, found none"),
    ("train .", "expected a spec file, found a directory"),
    ("eval none", "none: expected a run folder with a spec.yaml, found nothing there"),
    ("runs", "there is no such folder"),
    ("runs compare a b", "expected a run folder"),
    ("replay none", "expected a bundle"),
    ("data info none.csv", "none.csv"),
    ("data head none", "unknown data set"),
    ("check none", "expected a spec file, found none"),
    ("nonsense", "no command is called `nonsense`"),
]


@pytest.mark.parametrize(("line", "expected"), WRONG, ids=[line for line, _ in WRONG])
def test_wrong_input_is_told_to_people_and_to_programs(run, line, expected):
    code, out, text = run(*line.split())
    assert (code, out) == (2, "")
    assert expected in text
    code, out, err = run(*line.split(), "--json")
    assert (code, out) == (2, "")
    error = json.loads(err)["error"]
    assert error["code"] == 2
    assert expected in error["message"]


SPECS = {
    "data: iris\nmodel: [dense: 2]\nloss: softmax_cross_entropy": (
        "s.yaml:3:7: loss: the data has 3 classes, the model gives 2 scores; end in `dense: 3`"
    ),
    "data: {file: none.csv, target: y}\nmodel: [dense: 2]\nloss: hinge": (
        "none.csv: cannot be read: No such file or directory; $AG_DATA, where data sets may lie, is not set"
    ),
}


@pytest.mark.parametrize("text", SPECS)
def test_what_a_spec_and_its_data_disagree_on_is_told_at_its_line(run, tmp_path, monkeypatch, text):
    monkeypatch.delenv("AG_DATA", raising=False)
    (tmp_path / "s.yaml").write_text(text + "\n")
    code, out, err = run("train", "s.yaml")
    assert (code, out) == (2, "")
    assert SPECS[text] in err
    assert [path.name for path in tmp_path.iterdir()] == ["s.yaml"]
    monkeypatch.setenv("AG_DATA", "/elsewhere")
    assert ("nor is it in $AG_DATA, /elsewhere" in run("train", "s.yaml")[2]) == ("none.csv" in text)


def test_a_terminal_is_not_sent_the_bytes_of_parquet(run, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    code, out, err = run("predict", "digits", "x.csv", "--format", "parquet")
    assert (code, out) == (2, "")
    assert "give --out FILE" in err


def test_a_model_beyond_memory_is_no_bug(run):
    code, _, err = run("train", "digits", "--dry-run", "--set", "model[0].dense.units=2147483647")
    assert code == 1
    assert err.startswith("error: there is not enough memory: Unable to allocate")
    assert "make the model or its batches smaller" in err


def test_the_error_of_a_formula_has_its_place(run):
    for words in (["--format", "json"], ["--format=json"]):
        code, out, err = run("grad", "2*x + sin x", *words)
        assert (code, out) == (2, "")
        error = json.loads(err)["error"]
        assert (error["start"], error["end"], error["hint"]) == (6, 9, "write `sin(x)`")


def test_the_error_of_a_spec_lists_its_problems(run, tmp_path):
    (tmp_path / "bad.yaml").write_text("data: iris\nmodel: [dens: 3]\nloss: no\n")
    problems = json.loads(run("train", "bad.yaml", "--json")[2])["error"]["problems"]
    assert [(p["file"], p["line"], p["path"]) for p in problems] == [
        ("bad.yaml", 2, "model[0].dens"),
        ("bad.yaml", 3, "loss"),
    ]
