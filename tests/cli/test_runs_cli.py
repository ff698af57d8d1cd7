"""`ag runs`: what is listed is what is there, what differs is named, and only runs are removed."""

import io
import json
import shutil

import pytest
from click.testing import CliRunner
from rich.console import Console

import agcli
from agcli.cli import ag as program
from agcli.comparison import Curve, compare, found, listed
from agcli.events import EpochDone
from agcli.report.runs import drawing, print_list
from agcli.runs import RunError
from agcli.runs.lock import Lock

IRIS = {"name": "flowers", "data": "iris", "model": [{"dense": 3}], "loss": "softmax_cross_entropy"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    agcli.train(IRIS, place / "slow", epochs=4, optimizer={"adam": 0.001})
    agcli.train(IRIS, place / "fast", epochs=6, optimizer={"adam": 0.1})
    for event in (trainer := agcli.Trainer(IRIS, place / "stopped", epochs=50)):
        if isinstance(event, EpochDone) and event.epoch == 2:
            trainer.stop()
    return place


@pytest.fixture
def place(made, tmp_path):
    return shutil.copytree(made, tmp_path / "runs")


def invoke(place, *arguments, input=None, check=0):
    done = CliRunner().invoke(program, ["runs", "--dir", str(place), *map(str, arguments)], input=input)
    assert done.exit_code == check, done.output
    return done


def test_runs_are_listed_newest_first(place):
    rows = [json.loads(line) for line in invoke(place, "--json").stdout.splitlines()]
    assert {(r["folder"].rpartition("/")[2], r["state"], r["epoch"], r["epochs"]) for r in rows} == {
        ("stopped", "stopped", 2, 50),
        ("fast", "done", 6, 6),
        ("slow", "done", 4, 4),
    }
    assert [r["started"] for r in rows] == sorted((r["started"] for r in rows), reverse=True)
    assert all(row["metrics"]["accuracy"] > 0 for row in rows)
    text = invoke(place).stdout
    for word in ("slow", "fast", "stopped", "6/6", "2/50", "accuracy"):
        assert word in text


def test_a_list_in_a_pipe_has_whole_lines_and_a_narrow_terminal_loses_nothing(place):
    lines = invoke(place).stdout.splitlines()
    assert len(lines) == 2 + 3
    rows = listed(place)
    narrow = Console(width=40, file=io.StringIO(), force_terminal=True, color_system=None)
    print_list(narrow, rows, place)
    text = narrow.file.getvalue()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 40


def test_a_damaged_run_is_listed_and_a_live_one_shown(place):
    (place / "slow" / "spec.yaml").write_text("model: [")
    lock = Lock(place / "stopped")
    states = {row.folder.name: row.state for row in listed(place)}
    lock.release()
    assert states == {"slow": "damaged", "stopped": "training", "fast": "done"}


def test_no_runs_and_no_folder_are_said(tmp_path):
    assert "no runs" in invoke(tmp_path).stdout
    with pytest.raises(RunError, match="there is no such folder"):
        listed(tmp_path / "nowhere")


def test_differences_are_named_with_their_values(place):
    result = compare(found(["slow", str(place / "fast")], place))
    assert result.runs == ["slow", "fast"]
    assert result.settings == {"optimizer.adam.lr": [0.001, 0.1], "train.epochs": [4, 6]}
    assert result.results["epochs done"] == [4, 6]
    assert result.results["loss"][0] > result.results["loss"][1]
    assert [len(curve.x) for curve in result.curves["validation_loss"]] == [4, 6]
    text = invoke(place, "compare", "slow", "fast", "stopped").stdout
    for word in ("optimizer.adam.lr", "0.001", "validation_loss over the epochs", "A  slow", "C  stopped"):
        assert word in text
    assert max(map(len, text.splitlines())) <= 80
    assert json.loads(invoke(place, "compare", "slow", "fast", "--json").stdout)["settings"]["train.epochs"] == [4, 6]


def test_runs_with_the_same_settings_differ_in_nothing(place):
    shutil.copytree(place / "fast", place / "again")
    assert compare(found(["fast", "again"], place)).settings == {}


@pytest.mark.parametrize(("names", "said"), [(["fast"], "two runs or more"), (["fast", "fats"], "found nothing there")])
def test_what_cannot_be_compared_is_said(place, names, said):
    with pytest.raises(RunError, match=said):
        compare(found(names, place))


def test_the_name_of_a_run_is_found_in_the_usual_place_and_a_folder_of_that_name_goes_first(place, monkeypatch):
    monkeypatch.chdir(place.parent)
    resume = "train --resume stopped --set train.epochs=2"
    for line in ("eval slow", "report slow", "runs compare fast slow", resume):
        done = CliRunner().invoke(program, line.split())
        assert done.exit_code == 0, done.output
    assert str(agcli.load("fast").folder) == "runs/fast"
    shutil.copytree("runs/fast", "slow")
    assert str(agcli.load("slow").folder) == "slow"


@pytest.mark.parametrize(
    ("name", "said"),
    [("slo", "runs near it: runs/slow"), ("x", "runs near it: runs/fast, runs/slow, runs/stopped")],
)
def test_runs_of_a_name_like_the_one_that_is_not_there_are_named(place, monkeypatch, name, said):
    monkeypatch.chdir(place.parent)
    with pytest.raises(RunError) as caught:
        agcli.load(name)
    assert str(caught.value).endswith(said)


def test_curves_are_drawn_to_scale():
    text = str(drawing([Curve("a", [1, 2, 3], [3.0, 2.0, 1.0]), Curve("b", [1, 3], [1.0, 3.0])], "AB"))
    lines = [line.partition("│")[2] for line in text.splitlines() if "│" in line]
    assert lines[0].startswith("A")
    assert lines[0].rstrip().endswith("B")
    assert lines[-1].startswith("B")
    assert lines[-1].rstrip().endswith("A")


def test_removal_asks_and_removes(place):
    assert "kept" in invoke(place, "rm", "slow", input="n\n").stderr
    assert "--yes removes without a question" in invoke(place, "rm", "slow", input="", check=2).stderr
    assert (place / "slow" / "spec.yaml").exists()
    assert "4/4 epochs" in invoke(place, "rm", "slow", input="y\n").stderr
    assert not (place / "slow").exists()
    invoke(place, "rm", "fast", "stopped", "--yes")
    assert not list(place.iterdir())


def test_removal_keeps_what_is_not_of_the_run(place):
    (place / "slow" / "thoughts.txt").write_text("mine")
    assert "kept 1 file that is" in invoke(place, "rm", "slow", "--yes").stderr
    assert [path.name for path in (place / "slow").iterdir()] == ["thoughts.txt"]


def test_a_project_with_a_spec_is_not_a_run(tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "spec.yaml").write_text("data: iris\nmodel: [dense: 3]\nloss: softmax_cross_entropy\n")
    done = invoke(tmp_path, "rm", "project", "--yes", check=1)
    assert "left alone" in str(done.exception)
    assert (tmp_path / "project" / "spec.yaml").exists()


def test_a_run_that_trains_is_not_removed(place):
    lock = Lock(place / "stopped")
    done = invoke(place, "rm", "stopped", "--yes", check=1)
    lock.release()
    assert "a process trains in it" in str(done.exception)
    assert (place / "stopped" / "spec.yaml").exists()


def test_a_bundle_of_a_failure_goes_with_its_run(place):
    bundle = place / "slow" / "failure-step-00000003"
    bundle.mkdir()
    (bundle / "about.json").write_text("{}")
    invoke(place, "rm", "slow", "--yes")
    assert not (place / "slow").exists()


def test_the_runs_of_a_cross_validation_are_listed(place):
    (place / "crossed").mkdir()
    (place / "crossed" / "folds.json").write_text("{}")
    shutil.move(place / "fast", place / "crossed" / "fold-1")
    assert "crossed/fold-1" in invoke(place).stdout
    assert compare(found(["crossed/fold-1", "slow"], place)).runs == ["fold-1", "slow"]
