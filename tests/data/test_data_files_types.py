"""Types that text does not have, as inputs and as targets: names of a list, decimals, truths, lists of names."""

import json

import numpy as np
import polars as pl
import pytest
from sample_files import run

from agcli.data.formats import table_file
from agcli.datasets import DataError, Table

COUNT = 80
TEXT = pl.DataFrame(
    {
        "enum": ["low", "mid", "high", "mid"] * (COUNT // 4),
        "names": ["x", "y", "y", "x", "y"] * (COUNT // 5),
        "money": [f"{i * 37 % 50}.{i * 13 % 10}0" for i in range(COUNT)],
        "whole": [str(i % 3) for i in range(COUNT)],
        "yes": [str(i % 7 < 3).lower() for i in range(COUNT)],
        "tags": [";".join(name for j, name in enumerate(("big", "red", "round")) if i >> j & 1) for i in range(COUNT)],
        "kind": ["a", "b"] * (COUNT // 2),
    }
)
TYPED = TEXT.with_columns(
    enum=pl.col("enum").cast(pl.Enum(["low", "mid", "high"])),
    names=pl.col("names").cast(pl.Categorical),
    money=pl.col("money").cast(pl.Decimal(10, 2)),
    whole=pl.col("whole").cast(pl.Decimal(5, 0)),
    yes=pl.col("yes") == "true",
    tags=pl.col("tags").str.split(";").list.eval(pl.element().filter(pl.element() != "")),
)
WRITERS = {"t.parquet": pl.DataFrame.write_parquet, "t.arrow": pl.DataFrame.write_ipc,
           "t.feather": pl.DataFrame.write_ipc, "t.arrows": pl.DataFrame.write_ipc_stream,
           "t.csv": pl.DataFrame.write_csv}  # fmt: skip
PREDICTED = {"enum": {"low", "mid", "high"}, "names": {"x", "y"}, "whole": {"0", "1", "2"}, "yes": {"true", "false"}}


def written(folder, name):
    WRITERS[name](TEXT if name.endswith(".csv") else TYPED, folder / name)
    return folder / name


def read(path, target, **options):
    return Table(source=table_file(path, sets=(target,)), target=(target,), **options).read()


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "t.csv"])
@pytest.mark.parametrize("target", ["kind", "enum", "names", "money", "whole", "yes", "tags"])
def test_they_mean_what_the_same_text_means(target, name, tmp_path):
    """Truths are numbers as inputs; where lists of names are the target, they are sets."""
    sample = {"tags": "ignore"} if target != "tags" else {}
    typed, text = read(written(tmp_path, name), target), read(written(tmp_path, "t.csv"), target)
    for each in (typed, text):
        assert each.classes == text.classes
    for split in ("train", "validation", "test"):
        one, other = typed[split].columns["y"], text[split].columns["y"]
        np.testing.assert_array_equal(one.stored, other.stored)
    shared = [n for n in typed.features if n in text.features and n.split("=")[0] not in ("yes", *sample)]
    assert {n.split("=")[0] for n in shared} == {"enum", "names", "money", "whole", "kind"} - {target}
    one, other = (each.train.columns["x"].stored[:, [each.features.index(n) for n in shared]] for each in (typed, text))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow"])
def test_truths_are_0_and_1_as_inputs(name, tmp_path):
    data = read(written(tmp_path, name), "kind")
    column = data.train.columns["x"].stored[:, data.features.index("yes")]
    assert len(np.unique(column)) == 2


@pytest.mark.parametrize("target", ["enum", "names", "money", "whole", "yes", "tags"])
def test_they_are_predicted_and_judged(target, tmp_path):
    path, spec = written(tmp_path, "t.parquet"), tmp_path / "spec.yaml"
    assert run("init", path, "--target", target, "--out", spec)[0] == 0
    code, said = run("train", spec, "--out", tmp_path / "run", "--quiet", "--set", "train.epochs=2")
    assert code == 0, said
    for name in ("t.parquet", "t.feather", "t.arrows"):
        code, said = run("predict", tmp_path / "run", written(tmp_path, name), "--json")
        rows = [json.loads(line) for line in said.splitlines()]
        answers = [row["predicted"] for row in rows if "predicted" in row]
        assert (code, len(answers)) == (0, COUNT)
        if target == "money":
            assert all(isinstance(answer, float) for answer in answers)
        elif target == "tags":
            assert {part for answer in answers for part in answer.split(";")} <= {"", "big", "red", "round"}
        else:
            assert set(answers) <= PREDICTED[target]
        code, said = run("eval", tmp_path / "run", "--data", tmp_path / name, "--json")
        assert code == 0, said
        assert json.loads(said[said.index("{") :])["samples"] == COUNT


def test_a_run_reads_the_other_kind_of_file_alike(tmp_path):
    columns = ["enum", "names", "money", "whole", "kind"]
    TYPED.select(columns).write_parquet(tmp_path / "t.parquet")
    TEXT.select(columns).write_csv(tmp_path / "t.csv")
    spec = {
        "data": {"file": str(tmp_path / "t.parquet"), "target": "kind"}, "model": [{"dense": 2}],
        "loss": "softmax_cross_entropy", "train": {"epochs": 1},
    }  # fmt: skip
    (tmp_path / "spec.yaml").write_text(json.dumps(spec))
    assert run("train", tmp_path / "spec.yaml", "--out", tmp_path / "run", "--quiet")[0] == 0
    typed, text = (run("predict", tmp_path / "run", tmp_path / name) for name in ("t.parquet", "t.csv"))
    assert typed == text
    assert typed[0] == 0


# Lists of names


@pytest.mark.parametrize("kind", [pl.List(pl.String), pl.List(pl.Categorical), pl.Array(pl.String, 2)])
def test_lists_of_names_are_labels_where_they_are_the_target(kind, tmp_path):
    frame = pl.DataFrame({"a": range(40), "tags": [["red", "round"], ["big", "red"]] * 20}).cast({"tags": kind})
    frame.write_parquet(tmp_path / "t.parquet")
    (tmp_path / "spec.yaml").write_text(
        json.dumps(
            {
                "data": {"file": str(tmp_path / "t.parquet"), "target": "tags"},
                "model": [{"dense": 3}],
                "loss": "sigmoid_cross_entropy",
                "train": {"epochs": 1},
            }
        )
    )
    assert run("train", tmp_path / "spec.yaml", "--out", tmp_path / "run", "--quiet")[0] == 0
    code, said = run("predict", tmp_path / "run", tmp_path / "t.parquet", "--keep")
    assert code == 0
    assert said.splitlines()[0] == "a,tags,predicted,probability_big,probability_red,probability_round"
    assert said.splitlines()[1].startswith("0,red;round,")


def test_lists_of_names_are_left_out_as_inputs(tmp_path):
    file = table_file(written(tmp_path, "t.parquet"))
    file.read()
    assert file.notes == ['left out: "tags" (lists of text); a column holds one value a sample']
    code, said = run("init", tmp_path / "t.parquet", "--target", "kind", "--out", "-")
    assert code == 0
    assert said.count("warning: left out: ") == 2 * said.count("# warning: left out: ")  # on both streams, and
    assert '"tags" (empty)' not in said


def test_a_name_with_the_mark_between_names_is_refused(tmp_path):
    frame = pl.DataFrame({"a": [1, 2], "tags": [["red"], ["a;b", "red"]]})
    frame.write_parquet(tmp_path / "t.parquet")
    with pytest.raises(DataError, match=r't\.parquet: column "tags": expected lists of names without `;`, found "a;b"'):
        read(tmp_path / "t.parquet", "tags")


@pytest.mark.parametrize(("mark", "line"), [(";", "tags: labels #"), ("|", 'tags: {labels: {separator: "|"}} #')])
def test_init_takes_sets_of_names_for_labels(mark, line, tmp_path):
    path, spec = tmp_path / "t.csv", tmp_path / "spec.yaml"
    TEXT.with_columns(tags=pl.col("tags").str.replace_all(";", mark, literal=True)).write_csv(path)
    assert run("init", path, "--target", "tags", "--out", spec)[0] == 0
    text = spec.read_text()
    assert line in text
    assert "dense: 3 # a score for each label" in text
    assert "loss: sigmoid_cross_entropy" in text
    assert run("train", spec, "--out", tmp_path / "run", "--quiet", "--set", "train.epochs=1")[0] == 0


# Dates as targets

DATED = (
    'target "day": holds dates, each of which is taken for the name of a class; to predict a time, write it as a '
    "number, such as the days since a first one"
)


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d.%m.%Y", None])
def test_dates_as_a_target_are_names_and_that_is_said(form, tmp_path):
    days = pl.Series([f"2024-0{1 + i % 2}-15" for i in range(40)]).str.to_date()
    frame = pl.DataFrame({"a": range(40), "day": days.dt.strftime(form) if form else days})
    frame.write_parquet(tmp_path / "t.parquet")
    spec = {
        "data": {"file": str(tmp_path / "t.parquet"), "target": "day"}, "model": [{"dense": 2}],
        "loss": "softmax_cross_entropy", "train": {"epochs": 1},
    }  # fmt: skip
    (tmp_path / "spec.yaml").write_text(json.dumps(spec))
    code, said = run("train", tmp_path / "spec.yaml", "--out", tmp_path / "run")
    assert code == 0
    assert DATED in " ".join(said.split())


def test_dates_as_a_target_say_what_to_write(tmp_path):
    days = pl.Series([f"2024-0{1 + i % 2}-15" for i in range(40)]).str.to_date()
    pl.DataFrame({"a": range(40), "day": days}).write_parquet(tmp_path / "t.parquet")
    told = "found date; write a time as a number, such as the days since a first one, or let dates be the names of "
    code, said = run("init", tmp_path / "t.parquet", "--target", "day", "--out", "-")
    assert code == 2
    assert told + "classes: `columns: {day: categorical}`" in said
