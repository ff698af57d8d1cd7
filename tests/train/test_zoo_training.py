"""Every model of the zoo is built and does two steps; those of real data where it is at hand."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from agcli.data.section import load_data
from agcli.spec import read_spec
from agcli.spec.source import ZOO
from agcli.training import Session

MODELS = sorted(path.stem for path in ZOO.glob("*.yaml"))
NOTES = (ZOO / "README.md").read_text("utf-8")
PACKAGED = ("digits", "iris", "sine", "lotka_volterra", "moons", "blobs", "spirals")


def session_of(name):
    spec = read_spec(ZOO / f"{name}.yaml")
    if spec.data.name not in PACKAGED and not os.environ.get("AG_DATA"):
        pytest.skip("AG_DATA names no folder with the real data sets")
    return Session(spec, load_data(spec))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_two_steps(name):
    session = session_of(name)
    before = {k: v.value.copy() for k, v in session.model.parameters.items()}
    for _ in range(2):
        assert session.advance(session.next_batch())
        if session.is_epoch_complete:
            session.next_epoch()
    changed = [k for k, v in session.model.parameters.items() if not np.array_equal(v.value, before[k])]
    assert changed
    sums = session.evaluate(session.data.train, limit=1)
    assert sums is not None
    json.dumps(sums.figures)
    assert all(np.isfinite(np.asarray(value)).all() for value in sums.figures.values())


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_its_line_with_a_measured_result(name):
    (line,) = [line for line in NOTES.splitlines() if line.startswith(f"| [`{name}`]({name}.yaml) |")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert all(cells)
    assert any(c.isdigit() for c in cells[3])


def test_the_zoo_holds_specs_and_nothing_else():
    found = {path.name for path in Path(ZOO).iterdir() if not path.name.startswith("__")}
    assert found == {f"{name}.yaml" for name in MODELS} | {"README.md"}
