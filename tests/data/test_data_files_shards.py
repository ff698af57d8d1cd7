"""Tables in several files: patterns and folders, in the order of names, with the same columns."""

import glob
import os
from pathlib import Path

import polars as pl
import pytest
from sample_files import run

from agcli.data.formats import table_file
from agcli.datasets import DataError
from agcli.datasets.shards import matching

ROWS = pl.DataFrame({"a": [i % 7 for i in range(90)], "y": ["no" if i % 7 < 3 else "yes" for i in range(90)]})
MODEL = "model: [{dense: 2}]\nloss: softmax_cross_entropy\ntrain: {epochs: 2}\n"


def shards(folder, name="part-{}.csv", numbers=(2, 10, 9), rows=ROWS):
    """Parts of the rows, in files whose names sort as numbers."""
    folder.mkdir(exist_ok=True)
    size = len(rows) // len(numbers)
    for place, number in enumerate(sorted(numbers)):
        part, path = rows[place * size : (place + 1) * size], folder / name.format(number)
        part.write_parquet(path) if path.suffix == ".parquet" else part.write_csv(path)


def told(call):
    with pytest.raises(DataError) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize("place", ["*.csv", "part-*", "part-?*.csv", "."])
def test_rows_are_in_the_order_of_the_numbers_in_names(place, tmp_path):
    shards(tmp_path / "data")
    (tmp_path / "data" / "README.md").write_text("not a table")
    (tmp_path / "data" / "_SUCCESS").write_text("")
    if place == "part-*":
        assert "expected a table (CSV, " in told(lambda: table_file(tmp_path / "data" / place))
        return
    frame = table_file((tmp_path / "data" / place) if place != "." else tmp_path / "data").read()
    assert [int(a) for a in frame.columns["a"]] == ROWS["a"].to_list()
    assert frame.numbers.tolist() == list(range(1, 91))


@pytest.mark.parametrize(
    "pattern", ["**/*.csv", "**/part-*.csv", "a/**/*.csv", "**/b/**/*.csv", "*/**/part-?.csv", "**"]
)
def test_two_stars_look_in_all_folders_below_as_glob_has_it(pattern, tmp_path, monkeypatch):
    for name in ("a", "a/b", "a/b/c[1]", "b", ".hidden", "a/.hidden"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "part-1.csv").write_text("x\n1\n")
    (tmp_path / "part-2.csv").write_text("x\n1\n")
    (tmp_path / ".part-3.csv").write_text("x\n1\n")
    known = {Path(name) for name in glob.glob(str(tmp_path / pattern), recursive=True) if Path(name).is_file()}
    assert len(known) > 1
    assert set(matching(tmp_path / pattern)) == known
    assert len(matching(tmp_path / pattern)) == len(known)
    monkeypatch.chdir(tmp_path)
    assert {path.absolute() for path in matching(Path(pattern))} == known


@pytest.mark.only(os.name == "posix")
def test_folders_that_lead_round_in_circles_end(tmp_path, monkeypatch):
    """For `glob`, two links of a folder to itself are 2**40 folders."""
    shards(tmp_path / "data")
    for name in "ab":
        (tmp_path / "data" / name).symlink_to(".")
    assert len(matching(tmp_path / "**" / "*.csv")) == 3
    monkeypatch.setattr("agcli.datasets.shards.MAX_FOLDERS", 1)
    assert "expected at most 1 folders below" in told(lambda: matching(tmp_path / "**" / "*.csv"))


def test_a_file_with_marks_in_its_name_is_a_file(tmp_path):
    ROWS.write_csv(tmp_path / "t[1].csv")
    assert len(table_file(tmp_path / "t[1].csv").read()) == 90
    shards(tmp_path / "d[0]")
    assert len(table_file(tmp_path / "d[0]" / "*.csv").read()) == 90
    assert len(table_file(tmp_path / "d[0]").read()) == 90


def test_columns_agree_in_any_order_and_whole_numbers_with_others(tmp_path):
    ROWS[:2].write_parquet(tmp_path / "1.parquet")
    ROWS[2:4].select(pl.col("y"), pl.col("a").cast(pl.Float64) + 0.5).write_parquet(tmp_path / "2.parquet")
    assert table_file(tmp_path / "*.parquet").read().columns["a"].to_list() == [0, 1, 2.5, 3.5]


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (ROWS.rename({"a": "b"}), '2.parquet: expected the columns of 1.parquet; it lacks "a" and has also "b"'),
        (ROWS.drop("a"), '2.parquet: expected the columns of 1.parquet; it lacks "a"'),
        (ROWS.with_columns(z=1), '2.parquet: expected the columns of 1.parquet; it has also "z"'),
        (
            ROWS.cast({"a": pl.String}),
            '2.parquet: column "a": expected the type of the other files, found String, in 1.parquet it is Int64',
        ),
    ],
)
def test_the_first_file_that_differs_is_named(frame, text, tmp_path):
    ROWS.write_parquet(tmp_path / "1.parquet")
    frame.write_parquet(tmp_path / "2.parquet")
    ROWS.drop("y").write_parquet(tmp_path / "3.parquet")
    assert told(lambda: table_file(tmp_path / "*.parquet").read()) == f"{tmp_path}/{text}"


def test_shards_are_streamed_one_by_one(tmp_path):
    shards(tmp_path)
    file = table_file(tmp_path / "*.csv")
    frames = file.frames()
    first = next(frames)
    (tmp_path / "part-10.csv").unlink()
    assert [first.first, len(first)] == [1, 30]
    assert next(frames).first == 31
    with pytest.raises(DataError, match=r"part-10.csv: cannot be read"):
        next(frames)


def test_missing_files_of_a_set_are_told(tmp_path):
    shards(tmp_path, "train-0000{}-of-00004.parquet", numbers=(0, 2, 3))
    file = table_file(tmp_path / "train-*-of-00004.parquet")
    file.read()
    assert file.notes == ["1 of 4 files is missing: train-00001-of-00004.parquet"]
    one = table_file(tmp_path / "train-00002-of-00004.parquet")
    one.read()
    assert one.notes == ["this is one of 4 files; `train-*-of-00004.parquet` reads all of them"]
    shards(tmp_path, "train-0000{}-of-00005.parquet", numbers=(0,))
    text = told(lambda: table_file(tmp_path / "train-*.parquet"))
    assert text.endswith("expected files of one set, found -of-00004 and -of-00005")


def test_sets_that_count_from_1_are_whole(tmp_path):
    shards(tmp_path, "x-{}-of-3.csv", numbers=(1, 2, 3))
    file = table_file(tmp_path / "x-*-of-3.csv")
    file.read()
    assert file.notes == []


def test_what_is_wrong_with_a_folder_or_a_pattern_is_said(tmp_path):
    assert told(lambda: table_file(tmp_path / "no-*.csv")).endswith(
        "no-*.csv: expected files of such names, found none"
    )
    assert "found a folder without one" in told(lambda: table_file(tmp_path))
    ROWS.write_csv(tmp_path / "a.csv")
    ROWS.write_parquet(tmp_path / "a.parquet")
    text = told(lambda: table_file(tmp_path))
    assert text == f"{tmp_path}: expected tables of one format, found .csv, .parquet; write `{tmp_path}/*.csv`"


def test_the_bound_is_that_of_all_files(tmp_path):
    shards(tmp_path)
    size = max(path.stat().st_size for path in tmp_path.iterdir())
    assert "expected at most" in told(lambda: table_file(tmp_path / "*.csv").read(size + 10))


def test_a_folder_trains_and_is_judged_like_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shards(tmp_path / "data")
    (tmp_path / "s.yaml").write_text(f"data: {{file: data/, target: y}}\n{MODEL}")
    assert run("train", "s.yaml", "--out", "run", "--quiet")[0] == 0
    assert f'file: "{tmp_path}/data/*.csv"' in (tmp_path / "run" / "spec.yaml").read_text()
    assert run("eval", "run")[0] == 0
    whole = run("predict", "run", "data/*.csv")
    assert whole[0] == 0
    assert run("predict", "run", "data") == whole
    assert run("data", "info", "data")[1].split()[:2] == ["name", "*.csv"]
    assert run("init", "data", "--out", "-")[0] == 0
    code, said = run("eval", "run", "--data", "data/*.csv")
    assert code == 0
    assert "90 samples of data/*.csv" in said


@pytest.mark.parametrize("change", ["edit", "remove", "add"])
def test_a_shard_that_changed_is_noticed(change, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shards(tmp_path / "data")
    (tmp_path / "s.yaml").write_text(f"data: {{file: 'data/*.csv', target: y}}\n{MODEL}")
    assert run("train", "s.yaml", "--out", "run", "--quiet")[0] == 0
    path = tmp_path / "data" / "part-10.csv"
    if change == "edit":
        path.write_text(path.read_text().replace("6,", "5,"))
    elif change == "remove":
        path.unlink()
    else:
        shards(tmp_path / "data", numbers=(11,))
    for command in (("train", "--resume", "run", "--set", "train.epochs=3"), ("eval", "run")):
        code, said = run(*command)
        assert code == 2
        assert "the data is not what it was" in said or "changed" in said
