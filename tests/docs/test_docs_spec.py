"""Every whole spec in docs/spec.md is read, built and does a step."""

import re
from pathlib import Path

import pytest

from agcli.data.section import load_data
from agcli.spec import parse_spec
from agcli.training import Session

TEXT = (Path(__file__).parents[2] / "docs" / "spec.md").read_text("utf-8")
SPECS = [block for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL) if "data:" in block and "loss:" in block]


def test_there_are_such_specs():
    assert len(SPECS) >= 5


@pytest.fixture
def measurements(tmp_path, monkeypatch):
    """The table that a fit of the page reads."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "decay.csv").write_text("time,activity,error\n0,98,2\n1,36,1\n2,14,1\n3,5,0.5\n4,2,0.5\n")


@pytest.mark.usefixtures("measurements")
@pytest.mark.parametrize("text", SPECS, ids=lambda text: text.splitlines()[0])
def test_spec_of_the_page_trains(text):
    spec = parse_spec(text)
    session = Session(spec, load_data(spec))
    assert session.advance(session.next_batch())
