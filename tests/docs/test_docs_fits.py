"""docs/fits.md does what it shows."""

import importlib.util
import re

import pytest
from pages import Shell, blocks, page, shows

pytestmark = pytest.mark.numeric

PAGE = page("fits.md")
DRAWS = "matplotlib"


def test_the_examples_of_the_page(tmp_path):
    shell, count, said = Shell(tmp_path, MPLBACKEND="agg"), 0, None
    for language, block in blocks(PAGE):
        if language == "csv":
            (tmp_path / "oscillation.csv").write_text(block)
        elif language == "yaml" and block.startswith("# "):
            (tmp_path / block.partition("\n")[0].removeprefix("# ")).write_text(block)
        elif language == "python":
            can_run = DRAWS not in block or importlib.util.find_spec(DRAWS) is not None
            said = shell.python(block) if can_run else None
        elif language == "text" and said is not None:
            count += 1
            assert shows(block, said), said
        elif language == "console":
            count += shell.check(block)
    assert count >= 4


def test_the_optimizer_of_the_page_has_its_defaults():
    from agcli.spec import parse_spec

    (line,) = re.findall(r"^optimizer: \{levenberg_marquardt: .*$", PAGE, re.MULTILINE)
    head = "data: sine\nvariables: {a: 1}\nloss: mean(square(y - a))\n"
    assert parse_spec(head + line) == parse_spec(head + "optimizer: levenberg_marquardt")
