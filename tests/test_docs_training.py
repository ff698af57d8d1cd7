"""docs/training.md does what it shows."""

import doctest
import os
import re
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

from agcli.cli.train import command

pytestmark = pytest.mark.numeric

PAGE = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
EXAMPLE = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the models, and an `ag` on the path."""
    folder = tmp_path_factory.mktemp("training")
    shutil.copytree(ROOT / "models", folder / "models")
    program = folder / "bin" / "ag"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'from agcli.cli import main; main()' \"$@\"\n")
    program.chmod(0o755)
    return folder


def test_the_examples_of_the_page(place):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{place / 'bin'}:{os.environ['PATH']}"}
    checker, count = doctest.OutputChecker(), 0
    for language, block in BLOCK.findall(PAGE):
        if language == "yaml":
            (place / "wild.yaml").write_text(block)
        elif language == "python":
            done = subprocess.run([sys.executable, "-c", block], cwd=place, env=env, capture_output=True, text=True)
            assert done.stdout == "1 ['accuracy']\n2 ['accuracy']\n", done.stderr
        else:
            for line, shown in EXAMPLE.findall(block):
                count += 1
                both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
                done = subprocess.run(["sh", "-c", line], cwd=place, env=env, text=True, **both)
                assert checker.check_output(shown, done.stdout, FLAGS), f"$ {line}\n{done.stdout}"
    assert count >= 10


def test_the_page_names_every_option():
    options = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
    assert {name for name in options if name not in PAGE} <= {"--folds"}
