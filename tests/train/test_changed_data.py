"""A file of data that is not what it was when a run was trained: who looks at it again refuses it, or says so."""

import json

import pytest
from samples import rows

import agcli as ag_module
from agcli.runs import RunError
from agcli.spec import read_spec
from agcli.training import Trainer

HEAD = "model: [{dense: 2}]\nloss: softmax_cross_entropy\n"


def looks(folder):
    return json.loads((folder / "result.json").read_text())["test_looks"]


@pytest.fixture
def changed(tmp_path):
    """A run whose file of data is no longer the one that it was trained on."""
    (tmp_path / "t.csv").write_text(rows())
    (tmp_path / "s.yaml").write_text(f"data: {{file: t.csv, target: kind, columns: {{who: ignore}}}}\n{HEAD}")
    Trainer(read_spec(tmp_path / "s.yaml", ("train.epochs=2",)), tmp_path / "run").finish()
    (tmp_path / "t.csv").write_text(rows(121))
    return tmp_path / "run"


@pytest.mark.parametrize("command", ["eval", "report"])
def test_changed_data_is_refused_with_what_may_be_done(ag, changed, command):
    told = ag(command, changed, check=2).stderr
    assert "the data is not what it was when this run was trained" in told
    assert "--data FILE" in told
    assert "--anyway" in told
    assert looks(changed) == 1
    out = ag(command, changed, "--anyway", check=0).stdout
    page = (changed / "report.html").read_text() if command == "report" else out
    assert (
        "he data is not what it was when this run was trained: some of these samples may have been trained on" in page
    )
    assert looks(changed) == 2


def test_changed_data_is_refused_from_python_and_a_file_judged(changed):
    run = ag_module.load(changed)
    with pytest.raises(RunError, match="the data is not what it was"):
        run.evaluate()
    assert run.evaluate(anyway=True).samples == 24
    assert run.evaluate(data=changed.parent / "t.csv").samples == 121
    assert len(run.predict({"a": [0.0], "b": [0.0]})) == 1  # which needs no data


def test_a_file_has_no_parts(ag, changed):
    told = ag("eval", changed, "--data", changed.parent / "t.csv", "--split", "test", check=2).stderr
    assert "leave one of them out" in " ".join(told.split())


def test_classes_keep_their_names_beside_a_score_too_many(tmp_path):
    (tmp_path / "t.csv").write_text(rows())
    head = HEAD.replace("2", "3")
    (tmp_path / "s.yaml").write_text(f"data: {{file: t.csv, target: kind, columns: {{who: ignore}}}}\n{head}")
    Trainer(read_spec(tmp_path / "s.yaml", ("train.epochs=2",)), tmp_path / "run").finish()
    assert ag_module.load(tmp_path / "run").evaluate().classes == ("u", "v", "2")
