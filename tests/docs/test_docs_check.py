"""docs/check.md shows what the commands print, but for what depends on the machine."""

import re
import shlex
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "check.md").read_text("utf-8")
EXAMPLES = re.findall(r"```\n\$ ag (.+)\n([^`]+)```", PAGE)
MEASURED = ("batch ", "gradient ", "memory ", "time ")


def steady(text):
    """The lines that are the same everywhere."""
    return [line.rstrip() for line in text.splitlines() if not line.startswith(MEASURED)]


def test_the_page_has_examples():
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize(("arguments", "shown"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_examples_print_what_the_page_says(arguments, shown, ag):
    out = ag(*shlex.split(arguments), check=0).stdout
    assert steady(out) == steady(shown)
    assert [line.split()[0] for line in out.splitlines()] == [line.split()[0] for line in shown.splitlines()]
