"""docs/solving.md does what it shows; the commands are run here, in this process."""

import re
import shlex

import pytest
from click.testing import CliRunner
from pages import Shell, blocks, console, page, shows

from agcli.cli import ag, minimize, solve

pytestmark = pytest.mark.numeric

PAGE = page("solving.md")
EXAMPLES = console(PAGE)
ROUNDING = re.compile(r"\b\d\.\de-\d\d\b")  # what is left of a gradient depends on the last bit of a number
ACCENT = re.compile(r"─+")


def plain(text):
    """A text without what another processor may round or count otherwise."""
    lines = [re.sub(r"\s+", " ", ACCENT.sub("", line)).strip() for line in text.splitlines()]
    return [line for line in lines if line]


def masked(text):
    found, starts = [], None
    for line in plain(text):
        words = ROUNDING.sub("~", line)
        if re.match(r"\d+ (searches|more ends)|of [\d,]+ points", words):
            words = re.sub(r"[\d,]+", "#", words)
        heads = words.split(" ")
        if heads[0] in ("kind", "root"):
            starts = heads.index("starts")
        elif starts is not None and heads[0] in ("minimum", "maximum", "saddle", "degenerate", "simple", "multiple"):
            words = re.sub(r" \d+( [a-z][^\d]*)?$", r" #\1", words.replace("0, 0", "0,0"))
            words = re.sub(r" (0|~) #", " ~ #", words)  # a residual may be 0 elsewhere
        found.append(words)
    return found


@pytest.mark.parametrize(("line", "shown"), EXAMPLES, ids=[line for line, _ in EXAMPLES])
def test_the_examples_of_the_page(line, shown):
    result = CliRunner().invoke(ag, shlex.split(line)[1:], standalone_mode=False)
    assert result.exception is None
    assert masked(result.output) == masked(shown)


def test_the_program_of_the_page(tmp_path):
    (program,) = [block for language, block in blocks(PAGE) if language == "python"]
    (said,) = [block for language, block in blocks(PAGE) if language == "text"]
    assert shows(said, Shell(tmp_path).python(program))


def test_the_page_names_every_option():
    options = {name for c in (minimize, solve) for p in c.command.params for name in p.opts if name.startswith("--")}
    assert {name for name in options if name not in PAGE} == set()
    assert len(EXAMPLES) >= 18
