"""docs/special.md: its examples print what they show, its plots are there, and its table has measured errors."""

import re
import shlex

import pytest
from conftest import ROOT
from pages import console, page

from tools.special_page import PLOTS, ROWS

TEXT = page("special.md")
EXAMPLES = console(TEXT)


def test_the_page_has_examples():
    assert len(EXAMPLES) == 5


@pytest.mark.parametrize(("command", "shown"), EXAMPLES, ids=[command for command, _ in EXAMPLES])
def test_examples_print_what_the_page_says(command, shown, ag):
    done = ag(*shlex.split(command)[1:], check=None)
    assert (done.stdout + done.stderr).rstrip() == shown.rstrip()


def test_every_function_has_a_row_and_an_error_below_the_limit():
    rows = dict(re.findall(r"^\| `([^`]+)` \|.*\| ([^|]+) \|$", TEXT, re.MULTILINE))
    assert set(ROWS) <= set(rows)
    for call in ROWS:
        assert rows[call] == "exact" or max(map(float, rows[call].split())) < 1e-10, call


def test_the_plots_are_there():
    for name in PLOTS:
        assert f"images/{name}.svg" in TEXT
        assert (ROOT / "docs" / "images" / f"{name}.svg").is_file()
