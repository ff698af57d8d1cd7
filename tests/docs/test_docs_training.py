"""docs/training.md does what it shows."""

import shutil

import pytest
from conftest import ROOT
from pages import Shell, blocks, page

from agcli.cli.train import command

pytestmark = pytest.mark.numeric

PAGE = page("training.md")


def test_the_examples_of_the_page(tmp_path):
    shutil.copytree(ROOT / "models", tmp_path / "models")
    shell, count, printed = Shell(tmp_path), 0, ["1 ['accuracy']\n2 ['accuracy']\n", "setosa virginica\n1.0\n"]
    for language, block in blocks(PAGE):
        if language == "yaml":
            (tmp_path / "wild.yaml").write_text(block)
        elif language == "python":
            assert shell.python(block) == printed.pop(0)
        else:
            count += shell.check(block)
    assert count >= 10
    assert not printed


def test_the_page_names_every_option():
    options = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
    assert {name for name in options if name not in PAGE} <= {"--folds"}
