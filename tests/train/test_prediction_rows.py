"""One row in, one row out, in order: empty cells, cells that cannot be read, no rows, and answers that are none."""

import datetime
import json
import math

import numpy as np
import polars as pl
import pytest

import agcli
from agcli.datasets import DataError
from agcli.datasets.tabular import TableFile
from agcli.prediction import Predictor
from agcli.prediction.files import predict_file
from agcli.runs import Run
from agcli.spec import parse_spec
from agcli.training import Trainer

SPLIT = "split: {shuffled: {test: 0.2, validation: 0}}}"
LINEAR = "model: [dense: 1]\nloss: mse\noptimizer: lbfgs\ntrain: {epochs: 20, batch_size: 500}"
FILLED = 70.0  # the answer to a missing cell


def trained(folder, text):
    list(Trainer(parse_spec(text), folder))
    return folder


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """y = 10 x, learnt from one column, in which 7 stands for a missing cell."""
    folder = tmp_path_factory.mktemp("line")
    rows = "".join(f"{i % 10},{10 * (i % 10)}\n" for i in range(200))
    (folder / "line.csv").write_text("x,y\n" + rows)
    columns = "columns: {x: {numeric: {missing: 7}}}"
    return trained(folder / "run", f"data: {{file: {folder}/line.csv, target: y, {columns}, {SPLIT}\n{LINEAR}")


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """Two numbers and a class."""
    folder = tmp_path_factory.mktemp("kinds")
    rows = "".join(f"{i % 7},{i % 5},{'hi' if i % 7 > 3 else 'lo'}\n" for i in range(140))
    (folder / "kinds.csv").write_text("a,b,kind\n" + rows)
    spec = f"data: {{file: {folder}/kinds.csv, target: kind}}\nmodel: [dense: 2]\nloss: softmax_cross_entropy\n"
    return trained(folder / "run", spec + "train: {epochs: 2}")


def predicted(run, path, text, **options):
    """The column `predicted` for a file of a text, and the summary."""
    path.write_bytes(text.encode())
    summary = predict_file(run, path, path.with_suffix(".out.parquet"), **options)
    return pl.read_parquet(path.with_suffix(".out.parquet"))["predicted"].to_list(), summary


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x\n1\n2\n", [10, 20]),
        ("x\n1\n2", [10, 20]),
        ("x\n1\n\n2\n", [10, FILLED, 20]),
        ('x\n1\n""\n2\n', [10, FILLED, 20]),
        ("x\n1\n  \n2\n", [10, FILLED, 20]),
        ("x\n\n1\n", [FILLED, 10]),
        ("x\n1\n\n\n2\n\n\n", [10, FILLED, FILLED, 20]),  # at the end there are no rows
        ('x\n1\n""\n', [10, FILLED]),
        ('x\n1\n\n""\n', [10, FILLED, FILLED]),
        ("x\r\n1\r\n\r\n2\r\n\r\n", [10, FILLED, 20]),
        ('"x"\n"1"\n"2\n"\n3\n', [10, 20, 30]),  # a line break within quotes is no row
        ("\ufeffx\n1\n\n2\n", [10, FILLED, 20]),
        ("x\n\n", []),
    ],
)
def test_a_row_whose_only_cell_is_empty_is_a_row(line, tmp_path, text, expected):
    found, summary = predicted(line, tmp_path / "new.csv", text)
    assert found == pytest.approx(expected, abs=0.5)
    assert summary.samples == len(expected)


def test_gaps_at_the_border_of_a_piece_are_rows(line, tmp_path, monkeypatch):
    from agcli.datasets import delimited

    text = "x\n" + "\n\n1\n\n2\n" * 40 + "\n\n"
    whole, _ = predicted(line, tmp_path / "whole.csv", text)
    assert len(whole) == 200
    for size in (3, 4, 5, 7, 20):
        monkeypatch.setattr(delimited.pieces, "__defaults__", (size,))
        assert predicted(line, tmp_path / "pieces.csv", text)[0] == pytest.approx(whole)


def test_lines_of_separators_are_rows_and_blank_lines_are_none(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('a,b\n1,2\n\n,\n"",""\n   \n"x\n\ny",3\n\n')
    assert [
        (row["a"], row["b"]) for row in pl.DataFrame(dict(TableFile(path).read().columns)).iter_rows(named=True)
    ] == [("1", "2"), (None, None), (None, None), ("x\n\ny", "3")]


def test_a_header_alone_has_an_empty_answer(ag, line, kinds, tmp_path):
    for name, text in (("h.csv", "a,b\n"), ("c.csv", "b,kind,a\r\n"), ("t.tsv", "a\tb\n")):
        (tmp_path / name).write_bytes(text.encode())
        done = ag("predict", kinds, tmp_path / name, check=0)
        assert done.stdout == "predicted,probability,probability_hi,probability_lo\n"
    pl.DataFrame(schema={"x": pl.Float64}).write_parquet(tmp_path / "none.parquet")
    assert ag("predict", line, tmp_path / "none.parquet", "--keep", check=0).stdout == "x,predicted\n"
    assert ag("predict", line, tmp_path / "none.parquet", "--json", check=0).stdout == ""
    predict_file(line, tmp_path / "none.parquet", tmp_path / "out.parquet")
    assert pl.read_parquet(tmp_path / "out.parquet").schema == {"predicted": pl.Float32}
    (tmp_path / "wrong.csv").write_text("z\n")
    assert "lacks columns" in ag("predict", line, tmp_path / "wrong.csv", check=2).stderr
    assert agcli.load(kinds).predict(pl.DataFrame(schema={"a": pl.Float64, "b": pl.Float64})).shape == (0,)
    assert agcli.load(kinds).predict(np.zeros((0, 2)), probabilities=True).shape == (0, 2)


def test_bands_of_no_samples_have_their_columns(tmp_path):
    x = np.arange(20.0)
    pl.DataFrame({"x": x, "y": 2 * x + np.sin(x)}).write_csv(tmp_path / "line.csv")
    run = trained(
        tmp_path / "run",
        f"data: {{file: {tmp_path}/line.csv, target: y}}\nvariables: {{a: 1.0}}\nlet: {{output: 'a * x[:, 0]'}}\n"
        "loss: mean(square(output - y))\noptimizer: levenberg_marquardt\ntrain: {epochs: 5, batch_size: 100}",
    )
    (tmp_path / "none.csv").write_text("x\n")
    predict_file(run, tmp_path / "none.csv", tmp_path / "out.csv", level=0.9)
    names = "predicted,confidence_low,confidence_high,prediction_low,prediction_high"
    assert (tmp_path / "out.csv").read_text() == names + "\n"


BAD = "a,b\n1,x\n1,2\n\n1e300,2\n,\ninf,y\n3,3\n"


def test_a_bad_cell_is_an_error_with_its_row(ag, kinds, tmp_path):
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n3,x\n")
    done = ag("predict", kinds, tmp_path / "bad.csv", "--out", tmp_path / "out.csv", check=2)
    assert 'row 2: column "b": expected a number, found "x"' in done.stderr
    assert not (tmp_path / "out.csv").exists()
    (tmp_path / "big.csv").write_text("a,b\n1,2\n3,1e300\n")
    done = ag("predict", kinds, tmp_path / "big.csv", check=2)
    assert 'row 2: column "b": expected a number to 3.4e+38' in done.stderr
    assert not done.stdout


def test_bad_rows_are_skipped_and_counted_when_that_is_asked(ag, kinds, tmp_path):
    (tmp_path / "bad.csv").write_text(BAD)
    done = ag("predict", kinds, tmp_path / "bad.csv", "--skip-bad", "--keep", check=0)
    rows = [line.split(",") for line in done.stdout.splitlines()[1:]]
    assert [row[:2] for row in rows] == [["1", "x"], ["1", "2"], ["1e300", "2"], ["", ""], ["inf", "y"], ["3", "3"]]
    answered = [all(row[2:]) for row in rows]
    assert answered == [False, True, False, True, False, True]
    assert all(any(row[2:]) == all(row[2:]) for row in rows)
    assert "3 of 6 samples were skipped" in done.stderr
    assert 'bad.csv: row 1: column "b": expected a number, found "x"' in done.stderr.partition("the first: ")[2]
    (tmp_path / "good.csv").write_text("a,b\n1,2\n,\n3,3\n")
    good = ag("predict", kinds, tmp_path / "good.csv", check=0).stdout.splitlines()[1:]
    assert [",".join(row[2:]) for row, well in zip(rows, answered, strict=True) if well] == good
    lines = ag("predict", kinds, tmp_path / "bad.csv", "--skip-bad", "--json", check=0)
    assert [json.loads(line)["predicted"] is None for line in lines.stdout.splitlines()] == [not w for w in answered]
    assert json.loads(lines.stderr)["note"].startswith("3 of 6 samples were skipped")


def test_an_empty_answer_of_one_column_is_a_row_of_the_csv(line, tmp_path):
    (tmp_path / "bad.csv").write_text("x\nno\n1\nno\n")
    predict_file(line, tmp_path / "bad.csv", tmp_path / "out.csv", skip_bad=True)
    first, *rows = (tmp_path / "out.csv").read_text().splitlines()
    assert (first, rows[0], rows[2]) == ("predicted", '""', '""')
    assert float(rows[1]) == pytest.approx(10, abs=0.5)
    assert len(TableFile(tmp_path / "out.csv").read()) == 3
    (tmp_path / "all.csv").write_text("x\nno\nno\n")
    found, summary = predicted(line, tmp_path / "none.csv", "x\nno\nno\n", skip_bad=True)
    assert found == [None, None]
    assert summary.skipped.count == 2


def test_all_wrong_cells_of_a_column_are_found_at_once(kinds, tmp_path, monkeypatch):
    calls = []
    known = Predictor.predict_all
    monkeypatch.setattr(Predictor, "predict_all", lambda self, frame: calls.append(1) or known(self, frame))
    text = "a,b\n" + "1,x\n2,3\n" * 500
    _, summary = predicted(kinds, tmp_path / "many.csv", text, skip_bad=True)
    assert summary.skipped.count == 500
    assert len(calls) == 2


def test_scores_that_are_no_numbers_name_no_class(kinds, monkeypatch):
    predictor = Predictor.open(Run.open(kinds))
    found = predictor.outputs

    def outputs(split):
        values = found(split)
        values["output"][1] = np.nan
        return values

    monkeypatch.setattr(predictor, "outputs", outputs)
    run = agcli.load(kinds)
    run.predictor = predictor
    with pytest.raises(DataError, match=r"row 2: the model gives no class, since its scores are no numbers"):
        run.predict({"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.0]})


def test_answers_that_are_infinite_are_counted(tmp_path):
    rows = "".join(f"{1 + i % 10},{math.log(1 + i % 10)}\n" for i in range(100))
    (tmp_path / "t.csv").write_text("x,y\n" + rows)
    run = trained(
        tmp_path / "run",
        f"data: {{file: {tmp_path}/t.csv, target: y}}\nvariables: {{a: 1.0}}\nlet: {{output: 'a * log(x[:, 0])'}}\n"
        "loss: mean(square(output - y))\ntrain: {epochs: 2}",
    )
    found, summary = predicted(run, tmp_path / "new.csv", "x\n1\n0\n2\n")
    assert found[1] == -math.inf
    assert summary.notes == ["1 of 3 answers are no finite numbers, the first of them that of row 2"]


def test_numbers_beyond_float32_are_written_as_float64(tmp_path):
    rows = "".join(f"{i % 10},{i % 10}e40\n" for i in range(100))
    (tmp_path / "t.csv").write_text("x,y\n" + rows)
    run = trained(tmp_path / "run", f"data: {{file: {tmp_path}/t.csv, target: y, {SPLIT}\n{LINEAR}")
    found, summary = predicted(run, tmp_path / "new.csv", "x\n1\n2\n")
    assert found == pytest.approx([1e40, 2e40], rel=1e-2)
    assert not summary.notes


def test_columns_that_training_did_not_have_are_told(ag, kinds, tmp_path):
    (tmp_path / "more.csv").write_text("id,b,kind,a\n7,1,hi,2\n")
    done = ag("predict", kinds, tmp_path / "more.csv", check=0)
    assert done.stderr == 'note: the training had no column "id"; the model does not read it\n'
    (tmp_path / "less.csv").write_text("id\n7\n")
    assert 'the model reads: "a", "b"' in ag("predict", kinds, tmp_path / "less.csv", check=2).stderr


def test_json_holds_what_stood_in_the_file(ag, kinds, tmp_path):
    days, z = [datetime.date(2024, 2, 29), None], [math.nan, math.inf]
    table = pl.DataFrame(
        {"a": [1.0, None], "b": [2.0, 3.0], "id": [2**53 + 1, 2**63 + 5], "day": days, "z": z},
        schema_overrides={"id": pl.UInt64},
    )
    table.write_parquet(tmp_path / "in.parquet")
    done = ag("predict", kinds, tmp_path / "in.parquet", "--json", "--keep", check=0)
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["id"], second["id"]) == (2**53 + 1, 2**63 + 5)
    assert (first["day"], second["day"]) == ("2024-02-29", None)
    assert (first["z"], second["z"], second["a"]) == (None, None, None)
    assert json.loads(done.stderr)["note"].startswith('the training had no column "id"')
    assert "leave one of them out" in ag("predict", kinds, tmp_path / "in.parquet", "--json", "--format", "csv").stderr
    assert json.loads(ag("predict", kinds, tmp_path / "no.csv", "--json", check=2).stderr)["error"]["code"] == 2


def test_formulae_are_escaped_when_that_is_asked(ag, kinds, tmp_path):
    cells = ["=1+1", "+SUM(A1)", "-2", "-x", "@A1", "plain", "1e-3", "＝1", "a=b"]
    pl.DataFrame({"a": [1.0] * 9, "b": [2.0] * 9, "=note": cells}).write_csv(tmp_path / "in.csv")
    raw = ag("predict", kinds, tmp_path / "in.csv", "--keep", check=0).stdout
    assert [line.split(",")[2] for line in raw.splitlines()] == ["=note", *cells]
    safe = ag("predict", kinds, tmp_path / "in.csv", "--keep", "--escape-formulae", check=0).stdout
    expected = ["'=1+1", "'+SUM(A1)", "-2", "'-x", "'@A1", "plain", "1e-3", "'＝1", "a=b"]
    assert [line.split(",")[2] for line in safe.splitlines()] == ["'=note", *expected]
    assert [line.split(",")[3:] for line in safe.splitlines()] == [line.split(",")[3:] for line in raw.splitlines()]
    done = ag("predict", kinds, tmp_path / "in.csv", "--escape-formulae", "--json", check=2)
    assert "--escape-formulae is for CSV and TSV" in done.stderr


@pytest.mark.parametrize("text", ["column_2,column_1\n5,70\n", "column_1,column_2\n70,5\n"])
def test_columns_that_only_look_counted_go_by_their_names(tmp_path, text):
    for names in ("column_1,column_2", "column_2,column_1"):
        cells = [(i % 10, i % 7) if names.startswith("column_1") else (i % 7, i % 10) for i in range(200)]
        rows = "".join(f"{a},{b},{10 * (i % 10)}\n" for i, (a, b) in enumerate(cells))
        (tmp_path / "line.csv").write_text(f"{names},y\n{rows}")
        folder = tmp_path / names
        trained(folder, f"data: {{file: {tmp_path}/line.csv, target: y, {SPLIT}\n{LINEAR}")
        answers, _ = predicted(folder, tmp_path / "new.csv", text)
        assert answers == pytest.approx([700], rel=1e-3)


def test_cells_without_a_header_go_by_their_place(tmp_path):
    (tmp_path / "line.csv").write_text("".join(f"{10 * (i % 10)},{i % 7},{i % 10}\n" for i in range(200)))
    trained(tmp_path / "run", f"data: {{file: {tmp_path}/line.csv, target: column_1, {SPLIT}\n{LINEAR}")
    for text in ("5,70\n", "0,5,70\n"):
        answers, summary = predicted(tmp_path / "run", tmp_path / "new.csv", text)
        assert answers == pytest.approx([700], rel=1e-3)
        told = 'no header; its columns are taken as those of the training: "column_2", "column_3"'
        assert summary.notes == ([told] if text == "5,70\n" else [])


@pytest.mark.parametrize("skip_bad", [False, True])
@pytest.mark.parametrize("link", [False, True])
def test_predictions_never_replace_samples(ag, line, tmp_path, link, skip_bad):
    (tmp_path / "new").mkdir()
    for name in ("a.csv", "b.csv"):
        (tmp_path / "new" / name).write_text("x\n1\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "new" / "b.csv")
    options = ["--skip-bad"] if skip_bad else []
    for file in ("new", "new/b.csv"):
        out = tmp_path / ("link.csv" if link else "new/b.csv")
        done = ag("predict", line, tmp_path / file, "--out", out, *options, check=2)
        assert "holds samples, which the predictions would replace" in done.stderr
    assert (tmp_path / "new" / "b.csv").read_text() == "x\n1\n"
    learnt = line.parent / "line.csv"
    before = learnt.read_bytes()
    assert "holds samples" in ag("predict", line, tmp_path / "new" / "a.csv", "--out", learnt, check=2).stderr
    assert learnt.read_bytes() == before
