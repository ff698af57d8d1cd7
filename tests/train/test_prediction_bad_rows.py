"""Rows that cannot be told apart into cells, files in several parts, and test files of every format."""

import gzip
import json

import polars as pl
import pytest
from sample_files import SAMPLES, WRITERS, run

import agcli
from agcli.data.formats import FORMATS, TABLE
from agcli.datasets import DataError
from agcli.prediction.files import predict_file
from agcli.spec import parse_spec

MODEL = "\nmodel: [dense: 2]\nloss: softmax_cross_entropy\ntrain: {epochs: 1}\n"


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """Two numbers and a class."""
    folder = tmp_path_factory.mktemp("kinds")
    rows = "".join(f"{i % 7},{i % 5},{'hi' if i % 7 > 3 else 'lo'}\n" for i in range(140))
    (folder / "kinds.csv").write_text("a,b,kind\n" + rows)
    agcli.train(parse_spec(f"data: {{file: {folder}/kinds.csv, target: kind}}{MODEL}"), folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """One number, from which a class follows."""
    folder = tmp_path_factory.mktemp("line")
    (folder / "line.csv").write_text(
        "a,kind\n" + "".join(f"{i % 7},{'hi' if i % 7 > 3 else 'lo'}\n" for i in range(140))
    )
    agcli.train(parse_spec(f"data: {{file: {folder}/line.csv, target: kind}}{MODEL}"), folder / "run")
    return folder / "run"


def skipped(model, path):
    """Of each row, whether it has no answer; how many have none, and what is said of the first of these."""
    summary = predict_file(model, path, path.with_name("out.parquet"), skip_bad=True)
    answers = pl.read_parquet(path.with_name("out.parquet"))
    assert len(answers) == summary.samples
    return answers["predicted"].is_null().to_list(), summary.skipped.count, summary.skipped.first


# Files of two columns: rows that are no rows, which of them have no answer, and what is said of the first
TORN = [
    ("t.csv", "a,b\n1,2\n1,2,3\n3,4\n", [0, 1, 0], "row 2: expected 2 cells, found 3"),
    ("t.csv", "a,b\n1\n1,2\n3,4\n", [1, 0, 0], "row 1: expected 2 cells, found 1"),
    ("t.csv", "a,b\n1\n1,2,3\nx,1\n\n3,4\n5\n", [1, 1, 1, 0, 1], "row 1: expected 2 cells, found 1"),
    ("t.csv", 'a,b\n1,2\n"1,2\n3,4\n5,6\n', [0, 1, 0, 0], "row 2: expected 2 cells, found 1"),
    ("t.csv", 'a,b,c\n1,2,"x\ny"\n"1,2\n3,4,z\n', [0, 1, 0], "row 2: expected 3 cells, found 1"),
    ("t.csv", 'a,b\n1,2\n3,"4', [0, 1], "row 2: a quote is never closed"),
    ("t.csv", 'a,b\n1,"2\n3,4\n5,6\n', [1, 0, 0], "row 1: a quote is never closed"),
    ("t.csv", 'a,b\n1,2\n"3"3,4\n5,"6"\n', [0, 1, 0], "row 2: ',' expected after '\"'"),
    ("t.jsonl", '{"a": 1, "b": 2}\n{"a": NaN, "b": 2}\n{"a": 1, "b": 1e999}\n', [0, 1, 1], "row 2: expected a JSON"),
    ("t.csv", ",a,b\n1,1,2\n2,1\n3,4,5\n", [0, 1, 0], "row 2: expected 3 cells, found 2"),
    ("t.csv", "# note\n#\na;b;b\n1;2;3\n1;2\n", [0, 1], "row 2: expected 3 cells, found 2"),
    ("t.csv", "1,2\n1\n3,4\n", [0, 1, 0], "row 2: expected 2 cells, found 1"),
    ("t.csv", "a,b\n1,2,3\n", [1], "row 1: expected 2 cells, found 3"),
    ("t.tsv", "a\tb\n1\t2\t3\n3\t4\n", [1, 0], "row 1: expected 2 cells, found 3"),
    ("t.csv.gz", "a,b\n1,2,3\n3,4\n", [1, 0], "row 1: expected 2 cells, found 3"),
    (
        "t.jsonl",
        '{"a": 1, "b": 2}\n{"a": 1,\n\n{"a": 3, "b": 4}',
        [0, 1, 0],
        "row 2: expected a JSON object, found broken",
    ),
    ("t.jsonl", '[1]\n{"a": }\n{"a": 1, "b": 2}\n7', [1, 1, 0, 1], "row 1: expected a JSON object, found '[1]'"),
]


@pytest.mark.parametrize(("name", "text", "answers", "first"), TORN)
def test_rows_that_are_none_have_an_empty_answer_and_are_counted(name, text, answers, first, kinds, tmp_path):
    content = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    found, count, told = skipped(kinds, tmp_path / name)
    assert found == [bool(answer) for answer in answers]
    assert count == sum(answers)
    assert told.startswith(f"{tmp_path / name}: {first}")


def test_without_that_option_long_rows_are_an_error_and_short_ones_are_told(kinds, tmp_path):
    (tmp_path / "long.csv").write_text("a,b\n1,2,3\n")
    with pytest.raises(DataError, match="line 2: expected 2 cells, found 3"):
        predict_file(kinds, tmp_path / "long.csv", tmp_path / "out.csv")
    (tmp_path / "short.csv").write_text("a,b\n1\n1,2\n")
    summary = predict_file(kinds, tmp_path / "short.csv", tmp_path / "out.csv")
    assert summary.of_file == (
        "1 row has fewer cells than the 2 columns, row 1 with 1; what they lack is taken as missing",
    )


@pytest.mark.parametrize("text", ["a\n1\n2,3\n\n4\n\n", 'a\n1\n2,3\n""\n4\n'])
def test_gaps_of_a_file_of_one_column_stay_rows(text, line, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    assert skipped(line, tmp_path / "t.csv")[0] == [False, True, False, False]


def test_what_is_well_is_answered_as_it_is_without_the_bad_rows(kinds, tmp_path):
    rows = [f"{i % 9},{i % 4}" for i in range(5_000)]
    spoiled = {i: f"{rows[i]},7" if i % 2 else "" + rows[i].split(",")[0] for i in range(0, 5_000, 617)}
    (tmp_path / "good.csv").write_text("a,b\n" + "\n".join(r for i, r in enumerate(rows) if i not in spoiled) + "\n")
    (tmp_path / "bad.csv").write_text("a,b\n" + "\n".join(spoiled.get(i, r) for i, r in enumerate(rows)) + "\n")
    predict_file(kinds, tmp_path / "good.csv", tmp_path / "good.parquet")
    summary = predict_file(kinds, tmp_path / "bad.csv", tmp_path / "bad.parquet", skip_bad=True)
    answers = pl.read_parquet(tmp_path / "bad.parquet")
    assert answers["predicted"].is_null().arg_true().to_list() == sorted(spoiled)
    assert answers.drop_nulls().equals(pl.read_parquet(tmp_path / "good.parquet"))
    assert summary.skipped.count == len(spoiled)


def test_standard_input_is_called_so(ag, kinds):
    done = ag("predict", kinds, "-", "--skip-bad", input="a,b\n1,2\n1,2,3\n", check=0)
    assert "the first: standard input: row 2: expected 2 cells, found 3" in done.stderr
    assert len(done.stdout.splitlines()) == 3


# Several files


@pytest.fixture
def shards(tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    for number in range(3):
        (folder / f"p{number}.csv").write_text(
            "a,b,kind\n" + "".join(f"{i},{i},{'hi' if i > 4 else 'lo'}\n" for i in range(9))
        )
    return folder


@pytest.mark.parametrize(("part", "row"), [("p0", 1), ("p1", 9), ("p2", 4)])
def test_an_error_names_the_part_and_the_row_in_it(part, row, shards, kinds, ag):
    lines = (shards / f"{part}.csv").read_text().splitlines()
    lines[row] = "1,x,hi"
    (shards / f"{part}.csv").write_text("\n".join(lines) + "\n")
    told = f'{shards}/{part}.csv: row {row}: column "b": expected a number, found "x"'
    (shards / "s.yaml").write_text(f'data: {{file: "p*.csv", target: kind, columns: {{b: numeric}}}}{MODEL}')
    for command in (("predict", kinds, shards / "p*.csv"), ("eval", kinds, "--data", shards / "p*.csv")):
        assert told in ag(*command, check=2).stderr
    assert "p*.csv" not in ag("predict", kinds, shards / "p*.csv", "--skip-bad", check=0).stderr
    assert told in ag("predict", kinds, shards / "p*.csv", "--skip-bad", check=0).stderr
    training = ag("train", shards / "s.yaml", "--dry-run", check=2).stderr
    assert f"{part}.csv: row {row}" in training or 'column "b"' in training


def test_rows_that_are_none_are_counted_part_by_part(shards, kinds):
    for part, line in (("p0", "1,2\n"), ("p2", "1,2,lo,4\n")):
        with (shards / f"{part}.csv").open("a") as file:
            file.write(line)
    found, count, told = skipped(kinds, shards / "p*.csv")
    assert [i for i, is_bad in enumerate(found) if is_bad] == [9, 28]
    assert (count, len(found)) == (2, 29)
    assert told == f"{shards}/p0.csv: row 10: expected 3 cells, found 2"


@pytest.mark.parametrize("ending", [".npz", ".npy", ".txt"])
def test_a_pattern_of_other_files_is_one_message(ending, tmp_path):
    for number in range(2):
        (tmp_path / f"p{number}{ending}").write_bytes(b"")
    told = f"p*{ending}: expected one file, found a pattern; only tables may be in several files"
    for command in (("data", "info"), ("init",)):
        code, said = run(*command, tmp_path / f"p*{ending}")
        assert code == 2
        assert told in said


# Every format of tables


@pytest.mark.parametrize("row", [row for row in FORMATS if row.kind == TABLE], ids=lambda row: row.name)
def test_files_of_every_format_test_are_predicted_and_judged(row, tmp_path):
    path = tmp_path / f"samples{row.endings[0]}"
    WRITERS[row.name](path)
    (tmp_path / "train.csv").write_text(SAMPLES.write_csv())
    spec = f"data: {{file: train.csv, test_file: {path.name}, target: kind}}{MODEL}"
    (tmp_path / "s.yaml").write_text(spec)
    code, said = run("train", tmp_path / "s.yaml", "--out", tmp_path / "run", "--quiet")
    assert code == 0, said
    code, said = run("eval", tmp_path / "run", "--json")
    assert code == 0, said
    assert json.loads(said[said.index("{") :])["samples"] == 40
    whole, judged = (
        run(*c, "--json") for c in (("predict", tmp_path / "run", path), ("eval", tmp_path / "run", "--data", path))
    )
    assert [whole[0], judged[0]] == [0, 0]
    text = run("predict", tmp_path / "run", tmp_path / "train.csv", "--json")
    assert text[1].splitlines()[:40] == whole[1].splitlines()[:40]


def test_a_test_file_may_have_another_separator(tmp_path):
    (tmp_path / "train.csv").write_text(SAMPLES.write_csv())
    (tmp_path / "test.csv").write_text(SAMPLES.head(20).write_csv(separator=";"))
    (tmp_path / "s.yaml").write_text(f"data: {{file: train.csv, test_file: test.csv, target: kind}}{MODEL}")
    assert run("train", tmp_path / "s.yaml", "--out", tmp_path / "run", "--quiet")[0] == 0
    code, said = run("eval", tmp_path / "run", "--json")
    assert code == 0, said
    assert json.loads(said[said.index("{") :])["samples"] == 20


@pytest.mark.parametrize("name", ["Parquet", "Arrow", "JSON lines", "TSV"])
def test_parts_of_every_format_are_predicted_and_judged(name, kinds, tmp_path):
    ending = next(row.endings[0] for row in FORMATS if row.name == name)
    frame = pl.DataFrame({"a": [1, 2, 3], "b": [3, 2, 1], "kind": ["hi", "lo", "hi"]})
    writers = {"Parquet": frame.write_parquet, "Arrow": frame.write_ipc, "JSON lines": frame.write_ndjson}
    write = writers.get(name, lambda path: frame.write_csv(path, separator="\t"))
    for number in range(2):
        write(tmp_path / f"p{number}{ending}")
    code, said = run("predict", kinds, tmp_path / f"p*{ending}")
    rows = said.splitlines()[1:7]
    assert (code, len(rows), rows[:3]) == (0, 6, rows[3:])
    code, said = run("eval", kinds, "--data", tmp_path / f"p*{ending}", "--json")
    assert (code, json.loads(said[said.index("{") :])["samples"]) == (0, 6)
