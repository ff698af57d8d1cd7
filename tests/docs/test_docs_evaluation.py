"""The page on what comes after training: its commands run in order and print what it shows, numbers aside."""

import doctest
import re
import shlex

import numpy as np
import pytest
from click.testing import CliRunner
from pages import console, page

import agcli
from agcli.cli import COMMANDS, ag

PAGE = page("evaluation.md")
OPTIONS = ("eval", "predict", "report", "runs")


def normal(text):
    """Words and lines; figures, widths, rules, and units of time may differ from machine to machine."""
    lines = re.sub(r"-?\d[\d.,:/-]*(e-?\d+)?", "#", re.sub(r"─+", "─", text)).splitlines()
    return [" ".join(re.sub(r"# (ms|µs|s)\b", "#", " ".join(line.split())).split()) for line in lines]


def run(line):
    """The output of one line of the page."""
    words = shlex.split(line)
    if words[0] == "echo":
        return write(words)
    done = CliRunner().invoke(ag, words[1:])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        assert getattr(done.exception, "exit_code", None) == 2, done.exception
        return done.output + f"error: {done.exception}\n"
    return done.output


def write(words):
    text, arrow, file = words[1:]
    assert arrow == ">"
    with open(file, "w", encoding="utf-8") as out:
        out.write(text.replace("\\n", "\n") + "\n")
    return ""


def test_the_commands_of_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    examples = console(PAGE)
    assert len(examples) > 10
    for line, shown in examples:
        said = "\n".join(normal(run(line))).strip()
        wanted = "\n".join(normal(shown)).strip()
        expected = ".*".join(re.escape(part) for part in re.split(r"^\.\.\.\n|\n?^\.\.\.$", wanted, flags=re.MULTILINE))
        assert re.fullmatch(expected, said, re.DOTALL), f"{line}\n{said}\n--- wanted\n{wanted}"


def test_the_python_of_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    test = doctest.DocTestParser().get_doctest(text, {"ag": agcli, "np": np}, "evaluation.md", None, 0)
    said = []
    assert len(test.examples) > 10
    assert doctest.DocTestRunner().run(test, out=said.append).failed == 0, "".join(said)


@pytest.mark.parametrize("name", OPTIONS)
def test_the_page_names_every_option(name):
    command = ag.get_command(None, name)
    options = {o for p in command.params for o in p.opts if o.startswith("--")}
    assert {o for o in options if o not in PAGE} <= {"--help"}, options
    assert name in COMMANDS
