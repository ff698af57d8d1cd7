"""docs/fits.md does what it shows."""

import doctest
import importlib.util
import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT

pytestmark = pytest.mark.numeric

PAGE = (ROOT / "docs" / "fits.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
EXAMPLE = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
DRAWS = "matplotlib"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with an `ag` on its path."""
    folder = tmp_path_factory.mktemp("fits")
    program = folder / "bin" / "ag"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'from agcli.cli import main; main()' \"$@\"\n")
    program.chmod(0o755)
    return folder


def test_the_examples_of_the_page(place):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{place / 'bin'}:{os.environ['PATH']}", "MPLBACKEND": "agg"}
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "cwd": place, "env": env, "text": True}
    checker, count, said = doctest.OutputChecker(), 0, None
    for language, block in BLOCK.findall(PAGE):
        if language == "csv":
            (place / "oscillation.csv").write_text(block)
        elif language == "yaml" and block.startswith("# "):
            (place / block.partition("\n")[0].removeprefix("# ")).write_text(block)
        elif language == "python":
            can_run = DRAWS not in block or importlib.util.find_spec(DRAWS) is not None
            said = subprocess.run([sys.executable, "-c", block], **both).stdout if can_run else None
        elif language == "text" and said is not None:
            count += 1
            assert checker.check_output(block, said, FLAGS), said
        elif language == "console":
            for line, shown in EXAMPLE.findall(block):
                count += 1
                done = subprocess.run(["sh", "-c", line], **both)
                assert checker.check_output(shown, done.stdout, FLAGS), f"$ {line}\n{done.stdout}"
    assert count >= 4


def test_the_optimizer_of_the_page_has_its_defaults():
    from agcli.spec import parse_spec

    (line,) = re.findall(r"^optimizer: \{levenberg_marquardt: .*$", PAGE, re.MULTILINE)
    head = "data: sine\nvariables: {a: 1}\nloss: mean(square(y - a))\n"
    assert parse_spec(head + line) == parse_spec(head + "optimizer: levenberg_marquardt")
