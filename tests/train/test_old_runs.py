"""Runs of older versions: what was trained then lists, judges, predicts, reports and goes on with the figures of then.

`golden/runs` holds runs that ag 0.1 (curve, plane) and 0.2 wrote, and in figures.json what 0.2 said of its own.
"""

import csv
import html
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import agcli
from agcli.cli import ag as program
from agcli.runs import Run, RunError, migrate
from agcli.runs.migrate import FORMAT, METRICS, PROGRESS, RESULT, ROWS, SPEC, Row, default, migrated
from agcli.spec import SpecError
from agcli.spec.dump import plain

GOLDEN = Path(__file__).parents[1] / "golden" / "runs"
FIGURES = json.loads((GOLDEN / "figures.json").read_text("utf-8"))
RUNS = ("decay", "digits", "flowers")  # of 0.2
ALL = (*RUNS, "curve", "plane")
CLOSE = 1e-4  # of float32, summed in another order


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The runs, in a folder of their own, which is the current one."""
    shutil.copytree(GOLDEN, tmp_path / "runs")
    monkeypatch.chdir(tmp_path / "runs")
    return tmp_path / "runs"


def invoke(*arguments, check=0):
    done = CliRunner().invoke(program, list(map(str, arguments)))
    assert done.exit_code == check, done.output
    return done.stdout


def same(found, expected):
    """Whether two results are the same, numbers as far as float32 goes; what only the new one says is left out."""
    if isinstance(expected, dict):
        return found is not None and all(key in found and same(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, float):
        return found == pytest.approx(expected, rel=CLOSE, abs=1e-6)
    return found == expected


def test_they_are_listed(place):
    rows = {row["name"]: row for row in map(json.loads, invoke("runs", "--dir", ".", "--json").splitlines())}
    assert set(rows) == set(ALL)
    for name in RUNS:
        assert same(rows[name], FIGURES["runs"][name]["listed"]), rows[name]
    text = invoke("runs", "--dir", ".")
    for words in ("flowers", "6/12", "accuracy 0.8571", "1/3", "rmse 0.0583"):
        assert words in text


@pytest.mark.parametrize("name", RUNS)
def test_they_are_judged_on_the_test_data_of_then(place, name):
    expected = dict(FIGURES["runs"][name]["eval"])
    found = json.loads(invoke("eval", name, "--json"))
    said = {k: v["value"] for k, v in found["figures"].items()}
    assert {row["row"] for row in found["worst"]} == set(expected.pop("worst rows"))
    parameters = expected.pop("parameters", None)
    assert parameters is None or same(found["fit"]["parameters"], parameters)
    assert same(said, expected.pop("figures")), said
    assert same(found, expected), found


@pytest.mark.parametrize("name", RUNS)
def test_they_predict_as_then(place, name):
    given = FIGURES["runs"][name]["given"]
    if "csv" in given:
        Path("samples.csv").write_text(given["csv"])
    else:
        np.save("samples.npy", np.array(given["pixels"], np.uint8))
    text = invoke("predict", name, "samples.csv" if "csv" in given else "samples.npy")
    found, expected = (list(csv.DictReader(io.StringIO(t))) for t in (text, FIGURES["runs"][name]["predicted"]))
    for row, known in zip(found, expected, strict=True):
        assert same({k: number(v) for k, v in row.items()}, {k: number(v) for k, v in known.items()})


def number(text):
    """A cell as the float that it is, or as text."""
    return float(text) if re.fullmatch(r"-?\d+\.\d+(e-?\d+)?", text) else text


@pytest.mark.parametrize("name", RUNS)
def test_they_are_reported(place, name):
    invoke("report", name)
    text = html.unescape(re.sub(r"<[^>]+>", " ", (place / name / "report.html").read_text("utf-8")))
    expected = FIGURES["runs"][name]["eval"]
    assert re.search(rf"{expected['samples']} samples: the test split of", text)
    assert re.search(rf"weights\b[^.]{{0,40}}\bstep {expected['step']}\b", text)
    for value in (expected["loss"], *(v for v in expected["metrics"].values() if isinstance(v, float))):
        assert f"{value:.4f}" in text


def test_they_are_compared(place):
    expected = FIGURES["compared"]
    found = json.loads(invoke("runs", "--dir", ".", "compare", "digits", "flowers", "--json"))
    assert same(found, expected), found


@pytest.mark.parametrize("name", RUNS)
def test_they_go_on_to_the_end_of_then_and_are_of_today_afterwards(place, name):
    options: tuple[str, ...] = ()
    expected = {key: value for key, value in FIGURES["runs"][name]["resumed"].items() if key != "best"}  # by test data
    if name == "flowers":  # its patience looked at test data, which none does today
        refused = CliRunner().invoke(program, ["train", "--resume", name])
        assert "the run has no validation data, at which `patience` and `watch` look" in str(refused.exception)
        options = "--set", "train.patience=null", "--set", "train.watch=loss"
        expected = {"event": "done", "split": "test", "epochs": 12, "test_looks": 2}
    lines = [json.loads(line) for line in invoke("train", "--resume", name, "--json", *options).splitlines()]
    assert same(lines[-1], expected), lines[-1]
    run = Run(place / name)
    assert run.environment["format"] == FORMAT
    assert run.environment["packages"]["agcli"] == "0.2.0", "the version that began it"
    assert (place / name / "spec.yaml").read_text() == run.spec.dump()
    assert same(json.loads(invoke("eval", name, "--json")), {"loss": lines[-1]["test_loss"], "split": "test"})


@pytest.mark.parametrize("name", ["curve", "plane"])
def test_runs_of_0_1_go_on_too(place, name):
    invoke("train", "--resume", name, "--set", "train.epochs=4")
    run = agcli.load(place / name)
    assert (run.spec.dtype, run.place.format, run.result["split"]) == ("float32", FORMAT, "test")
    assert run.evaluate().loss == pytest.approx(run.metrics["loss"], rel=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_an_older_run_reads_the_same_after_it_was_upgraded(place, name):
    before, run = state(place / name), Run(place / name)
    run.upgrade()
    assert state(place / name) == before
    assert json.loads((place / name / "environment.json").read_text())["format"] == FORMAT


@pytest.mark.parametrize("name", ALL)
def test_a_process_that_is_killed_within_the_upgrade_leaves_an_older_run(place, name, monkeypatch):
    before, run = state(place / name), Run(place / name)
    whole = run.write

    def killed(name, content, indent=2):
        if name == migrate.ENVIRONMENT:
            raise KeyboardInterrupt
        whole(name, content, indent)

    monkeypatch.setattr(run, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        run.upgrade()
    assert "format" not in Run(place / name).environment
    assert state(place / name) == before


def state(folder):
    """All that is read of a run."""
    run = Run(folder)
    return (
        run.spec,
        run.preprocessing,
        run.result,
        run.metrics,
        run.chosen("last").progress,
        run.read("fit.json", "a fit"),
    )


def test_the_settings_of_then_mean_what_they_meant(place):
    """A spec of then knew two splits: what is absent from it may not become today's default."""
    for name in ALL:
        data = dict(flat(plain(Run(place / name).spec)["data"]))
        assert {value for key, value in data.items() if key.endswith("validation")} <= {0}


def flat(value, path=""):
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield f"{path}{key}", inner
        yield from flat(inner, f"{path}{key}.")


def test_the_rows_for_the_validation_split():
    table = {"name": "table", "file": "a.csv"}
    cases = [
        ({"name": "digits", "fold": None}, {"name": "digits", "fold": None, "validation": 0}),
        ({"name": "text", "test": 0.1}, {"name": "text", "test": 0.1, "validation": 0}),
        (table | {"split": {"stratified": {"test": 0.2}}},
         table | {"split": {"stratified": {"test": 0.2, "validation": 0}}}),
        (table | {"split": None, "test_file": "b.csv"},
         table | {"split": {"shuffled": {"test": 0, "validation": 0}}, "test_file": "b.csv"}),
    ]  # fmt: skip
    for old, new in cases:
        found = migrated(SPEC, {"data": old}, 1)
        assert found == {"data": new, "dtype": "float32"}
        assert migrated(SPEC, found, 1) == found
    progress = {"best": {"found": {"step": 3, "value": 0.5}, "since": 2}, "test": {"loss": 1.0}}
    new = {"best": {"found": None, "since": 0, "void": ""}, "validation": {"loss": 1.0}}
    assert migrated(PROGRESS, progress, 1) == {**new, "halt": None, "halted": 0, "standstill": None}
    assert migrated(METRICS, {"test_loss": 1.0, "loss": 2.0}, 1) == {"validation_loss": 1.0, "loss": 2.0}
    assert migrated(RESULT, {"split": "train"}, 1) == {"split": "train", "test_looks": 1}


def test_weights_are_those_that_the_result_of_then_speaks_of(place):
    steps = {name: Run(place / name).chosen().step for name in ALL}
    assert steps == {"decay": 2, "digits": 40, "flowers": 12, "curve": 3, "plane": 2}


# The table


ROWS_OF_A_TEST = (
    Row(SPEC, "train.watch", "figure", 2, "renamed"),
    Row(SPEC, "model.*.dense.size", "units", 2, "renamed in each layer"),
    Row(SPEC, "seed", lambda holder, key: holder.update({key: abs(holder[key])}), 2, "read"),
    Row(METRICS, "metrics.*", lambda holder, key: holder.update({key: float(holder[key])}), 2, "each value"),
    Row(PROGRESS, "halted", default(0), 2, "an absent key"),
    Row(SPEC, "later", "latest", 3, "of a later format"),
)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (SPEC, {"seed": -1, "train": {"epochs": 2, "watch": "loss", "patience": 1}},
         {"seed": 1, "train": {"epochs": 2, "figure": "loss", "patience": 1}}),
        (SPEC, {"seed": 1, "model": ["relu", {"dense": {"size": 3}}, {"dense": {"size": 4, "units": 5}}]},
         {"seed": 1, "model": ["relu", {"dense": {"units": 3}}, {"dense": {"units": 5}}]}),
        (SPEC, {"seed": 1, "train": None, "model": {"a": {"dense": {"size": 3}}}, "later": 1},
         {"seed": 1, "train": None, "model": {"a": {"dense": {"units": 3}}}, "latest": 1}),
        (METRICS, {"metrics": {"a": 1, "b": 2}}, {"metrics": {"a": 1.0, "b": 2.0}}),
        (METRICS, {"loss": 1.0}, {"loss": 1.0}),
        (PROGRESS, {"step": 1}, {"step": 1, "halted": 0}),
        (RESULT, {"halted": 7}, {"halted": 7}),
        (RESULT, None, None),
    ],
)  # fmt: skip
def test_a_row_renames_reads_or_fills_in(file, old, new):
    text = json.dumps(old)
    found = migrated(file, old, 1, ROWS_OF_A_TEST)
    assert found == new
    assert list(flat(found)) == list(flat(new)), "in the places of then"
    assert json.dumps(old) == text, "what was read stays as it is"
    assert migrated(file, found, 1, ROWS_OF_A_TEST) == new, "and what is new already stays"


def test_only_rows_of_later_formats_are_applied():
    assert migrated(SPEC, {"seed": -1, "later": 1}, 2, ROWS_OF_A_TEST) == {"seed": -1, "latest": 1}
    assert migrated(SPEC, {"seed": -1, "later": 1}, 3, ROWS_OF_A_TEST) == {"seed": -1, "later": 1}


def test_rows_name_files_of_a_run_and_formats_that_there_are():
    files = {migrate.SPEC, migrate.PREPROCESSING, migrate.METRICS, migrate.RESULT, migrate.FIT, migrate.PROGRESS}
    for row in ROWS:
        assert row.file in files
        assert 1 < row.since <= FORMAT, f"{row}: raise FORMAT with the first row of a new one"
        assert row.why


# Runs of newer versions


@pytest.fixture
def newer(place):
    path = place / "flowers" / "environment.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "format": FORMAT + 1, "packages": {"agcli": "9.1.0"}}))
    return place


@pytest.mark.parametrize(
    "command",
    [
        ("eval", "flowers"),
        ("predict", "flowers", "flowers/flowers.csv"),
        ("report", "flowers"),
        ("train", "--resume", "flowers"),
        ("runs", "--dir", ".", "compare", "digits", "flowers"),
    ],
)
def test_a_newer_run_is_one_message(newer, ag, command):
    before = {path: path.read_bytes() for path in sorted((newer / "flowers").rglob("*")) if path.is_file()}
    done = ag(*command, cwd=newer, check=2)
    assert (
        done.stderr.strip()
        .splitlines()[-1]
        .endswith(
            f"flowers: ag 9.1.0 wrote this run, in format {FORMAT + 1}; this version reads formats up to {FORMAT}: "
            "pip install --upgrade agcli"
        )
    )
    assert {path: path.read_bytes() for path in sorted((newer / "flowers").rglob("*")) if path.is_file()} == before


def test_a_newer_run_is_listed_as_one_and_can_be_removed(newer):
    rows = [json.loads(line) for line in invoke("runs", "--dir", ".", "--json").splitlines()]
    assert {row["name"]: row["state"] for row in rows}["flowers"] == "newer"
    invoke("runs", "--dir", ".", "rm", "flowers", "--yes")
    assert not (newer / "flowers" / "spec.yaml").exists()


@pytest.mark.parametrize("version", [None, 7, "\x1b[31m9", "9" * 100])
def test_what_a_newer_run_calls_its_version_does_not_matter(newer, version):
    path = newer / "flowers" / "environment.json"
    path.write_text(json.dumps({"format": FORMAT + 1, "packages": version and {"agcli": version}}))
    with pytest.raises(RunError, match=r"flowers: (ag 7|a newer ag) wrote this run, in format"):
        Run(newer / "flowers").format  # noqa: B018


def test_a_format_that_is_no_number_is_said(newer):
    (newer / "flowers" / "environment.json").write_text('{"format": "new"}')
    with pytest.raises(RunError, match="`format`: expected a whole number"):
        Run(newer / "flowers").spec  # noqa: B018


def test_a_new_run_has_the_format_and_the_version_before_it_is_a_run(tmp_path, monkeypatch):
    found = []
    whole = Run.write

    def written(self, name, content, indent=2):
        whole(self, name, content, indent)
        found.append((name, (self.folder / migrate.SPEC).exists()))

    monkeypatch.setattr(Run, "write", written)
    agcli.train({"data": "iris", "model": [{"dense": 3}], "loss": "softmax_cross_entropy"}, tmp_path / "run", epochs=1)
    assert found[0] == (migrate.ENVIRONMENT, False)
    environment = Run(tmp_path / "run").environment
    assert environment["format"] == FORMAT
    assert environment["packages"]["agcli"] == agcli.__version__


def test_a_spec_of_then_that_was_spoiled_by_hand_is_told_at_its_line(place):
    path = place / "flowers" / "spec.yaml"
    lines = path.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if "batch_size" in line)
    lines[at] = "  batch_size: many"
    path.write_text("\n".join(lines))
    with pytest.raises(SpecError, match=rf"spec\.yaml:{at + 1}:15: train\.batch_size: expected a positive integer"):
        Run(place / "flowers").spec  # noqa: B018
