"""Dates at the prompt: both readings of what nothing decides; later dates read as training read its own."""

import json

import pytest

from agcli.data.section import load_data
from agcli.spec import read_spec

ROWS = [(1 + i % 12, 1 + i % 11, i % 7 + 0.5, i % 5 + 0.25) for i in range(60)]  # day, month, a, y; no day above 12


def write(folder, more=""):
    rows = "".join(f"{day:02}/{month:02}/22,{a},{y}\n" for day, month, a, y in ROWS)
    (folder / "t.csv").write_text(f"day,a,y\n{rows}{more}")


def spec(folder, more=""):
    text = f"data:\n  file: t.csv\n  target: y\n{more}model: [{{dense: 1}}]\nloss: mean_squared_error\n"
    (folder / "s.yaml").write_text(text + "train: {epochs: 1}\n")
    return folder / "s.yaml"


LINES = ['day: {date: {format: "%d/%m/%y"}}', 'day: {date: {format: "%m/%d/%y"}}']


@pytest.mark.parametrize(
    ("more", "place"),
    [("", "s.yaml:1:1: data.columns.day:"), ("  columns:\n    a: numeric\n    day: date\n", "s.yaml:6:10:")],
)
def test_training_on_ambiguous_dates_ends_with_both_readings(ag, tmp_path, more, place):
    write(tmp_path)
    told = ag("train", spec(tmp_path, more), "--out", tmp_path / "run", check=2).stderr
    assert place in told
    assert '"02/02/22"' not in told
    assert '"12/01/22" in row 12 can be read in 2 ways' in told
    assert "2022-01-12 (day first), or 2022-12-01 (month first)" in told
    assert all(f"`columns: {{{line}}}`" in told for line in LINES)
    assert not (tmp_path / "run").exists()


def test_a_first_spec_leaves_ambiguous_dates_out_with_both_lines(ag, tmp_path):
    write(tmp_path)
    path = tmp_path / "first.yaml"
    ag("init", tmp_path / "t.csv", "--target", "y", "--out", path, check=0)
    text = path.read_text()
    assert "    day: ignore #" in text
    ag("train", path, "--set", "train.epochs=1", "--out", tmp_path / "run", check=0)
    for line, first in zip(LINES, ("2022-01-12", "2022-12-01"), strict=True):
        assert f"    # {line} # {first}" in text
        chosen = text.replace("    day: ignore #", "    #").replace(f"    # {line}", f"    {line}")
        path.write_text(chosen)
        assert load_data(read_spec(path)).features[0] == "day.year"


def test_later_dates_are_read_as_training_read_its_own(ag, tmp_path):
    write(tmp_path, "25/01/22,1.5,2\n")
    told = ag("train", spec(tmp_path, "  split: {time: day}\n"), "--out", tmp_path / "run", check=0)
    assert "dates as in `%d/%m/%y`, day first; years of two digits are 1969 to 2068" in told.stdout + told.stderr
    resolved = (tmp_path / "run" / "spec.yaml").read_text()
    assert resolved.count('format: "%d/%m/%y"') == 2  # of the column and of the split

    def predicted(cell):
        (tmp_path / "later.csv").write_text(f"day,a\n{cell},1.5\n")
        return ag("predict", tmp_path / "run", tmp_path / "later.csv", "--format", "jsonl", check=0).stdout

    assert predicted("02/12/22") == predicted("2/12/22") != predicted("12/02/22")
    (tmp_path / "later.csv").write_text("day,a\n01/02/22,1.5\n2022-02-01,1.5\n")
    told = ag("predict", tmp_path / "run", tmp_path / "later.csv", check=2).stderr
    assert 'later.csv: row 2: column "day": expected a date such as %d/%m/%y, found "2022-02-01"' in told
    (tmp_path / "judged.csv").write_text("day,a,y\n01/02/22,1.5,2\n02/02/22,0.5,3\n")
    result = ag("eval", tmp_path / "run", "--data", tmp_path / "judged.csv", "--json", check=0).stdout
    assert json.loads(result)["samples"] == 2


def test_durations_of_parquet_are_trained_predicted_and_kept(ag, tmp_path):
    from datetime import timedelta

    import polars as pl

    lasts = [timedelta(seconds=90 + 7 * (i * i % 23)) for i in range(60)]
    frame = pl.DataFrame({"a": [i % 7 + 0.5 for i in range(60)], "lasts": lasts, "y": lasts[::-1]})
    frame.write_parquet(tmp_path / "t.parquet")
    path = spec(tmp_path)
    path.write_text(path.read_text().replace("t.csv", "t.parquet"))
    ag("train", path, "--out", tmp_path / "run", check=0)
    predict = ("predict", tmp_path / "run")
    kept = ag(*predict, tmp_path / "t.parquet", "--keep", check=0).stdout
    (tmp_path / "kept.csv").write_text("\n".join(line.rpartition(",")[0] for line in kept.splitlines()) + "\n")
    assert kept.splitlines()[1].split(",")[1] == "PT1M30S"
    again = ag(*predict, tmp_path / "kept.csv", check=0).stdout.splitlines()
    assert again[1:] == [line.rpartition(",")[2] for line in kept.splitlines()[1:]]
