"""Predictions of files: in the data's own terms, row by row, whatever the format, and piece by piece."""

import gzip
import io
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from conftest import ROOT

import agcli
from agcli.datasets import DataError, delimited, load
from agcli.prediction import Predictor
from agcli.prediction.answer_table import table_of
from agcli.prediction.files import predict_file
from agcli.prediction.output_decoding import Reading
from agcli.prediction.target_encoding import set_frame
from agcli.runs import Run
from agcli.spec import parse_spec
from agcli.spec.nouns import LOSSES
from agcli.training import Trainer

TABLE = """
data:
  file: {file}
  target: price
  columns: {{district: {{categorical: {{encoding: {encoding}}}}}}}
model: {model}
loss: mean_squared_error
train: {{epochs: 2}}
"""


def trained(folder, text):
    list(Trainer(parse_spec(text), folder))
    return folder


@pytest.fixture(scope="module")
def iris(tmp_path_factory):
    folder = tmp_path_factory.mktemp("iris") / "run"
    spec = "data: iris\nmodel: [dense: 3]\nloss: softmax_cross_entropy\noptimizer: {adam: 0.05}\ntrain: {epochs: 20}"
    return trained(folder, spec)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits") / "run"
    spec = "data: {name: digits, flatten: false}\nmodel: [flatten, dense: 10]\nloss: softmax_cross_entropy"
    return trained(folder, spec + "\ntrain: {epochs: 2}")


@pytest.fixture(scope="module")
def flats(tmp_path_factory):
    """Flats whose price is 1000 for each square metre, and 50,000 in the east."""
    folder = tmp_path_factory.mktemp("flats")
    rng = np.random.default_rng(0)
    area, east = rng.uniform(20, 120, 500).round(1), rng.random(500) < 0.5
    table = pl.DataFrame({"area": area, "district": np.where(east, "east", "west"), "price": area * 1e3 + 5e4 * east})
    table.write_csv(folder / "flats.csv")
    spec = TABLE.format(file=folder / "flats.csv", encoding="one_hot", model="[dense: 1]")
    return trained(
        folder / "run", spec.replace("epochs: 2", "epochs: 40, batch_size: 50") + "optimizer: {adam: 0.05}\n"
    )


IRIS = "sepal_length,sepal_width,petal_length,petal_width\n5.1,3.5,1.4,0.2\n6.3,3.3,6.0,2.5\n"


def table(run, samples, **options):
    """The predictions of a file as a frame."""
    out = samples.with_suffix(".predicted.parquet")
    predict_file(run, samples, out, **options)
    return pl.read_parquet(out)


# What is written


def test_classes_have_their_names_and_probabilities(iris, tmp_path):
    file = tmp_path / "flowers.csv"
    file.write_text(IRIS)
    found = table(iris, file)
    assert found["predicted"].to_list() == ["setosa", "virginica"]
    assert found.columns[1:] == ["probability", *(f"probability_{name}" for name in load("iris").classes)]
    rows = found.select(pl.selectors.starts_with("probability_")).to_numpy()
    assert rows.sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert rows.max(axis=1) == pytest.approx(found["probability"].to_numpy())


def test_numbers_are_in_units_of_the_target(flats, tmp_path):
    file = tmp_path / "new.csv"
    file.write_text("district,area\neast,50\nwest,50\nwest,100\n")
    found = table(flats, file)["predicted"].to_numpy()
    assert found == pytest.approx([100e3, 50e3, 100e3], rel=0.05)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet", ".csv.gz"])
def test_every_format_gives_the_same(flats, tmp_path, suffix):
    samples = pl.DataFrame({"note": ["a", "b"], "area": [50.0, 90.0], "district": ["west", "east"]})
    file = tmp_path / f"samples{suffix}"
    if suffix == ".jsonl":
        samples.write_ndjson(file)
    elif suffix == ".parquet":
        samples.write_parquet(file)
    elif suffix == ".csv.gz":
        file.write_bytes(gzip.compress(samples.write_csv().encode()))
    else:
        samples.write_csv(file, separator="\t" if suffix == ".tsv" else ",")
    results = {}
    for out in ("a.csv", "a.jsonl", "a.parquet"):
        predict_file(flats, file, tmp_path / out, keep=True)
        reader = {"a.csv": pl.read_csv, "a.jsonl": pl.read_ndjson, "a.parquet": pl.read_parquet}[out]
        results[out] = reader(tmp_path / out)
        assert results[out].columns == ["note", "area", "district", "predicted"]
        assert results[out]["note"].to_list() == ["a", "b"]
    assert results["a.csv"]["predicted"].to_list() == pytest.approx(results["a.parquet"]["predicted"].to_list())
    assert results["a.jsonl"]["predicted"].to_list() == pytest.approx([50e3, 140e3], rel=0.05)


def test_pieces_give_what_the_whole_gives(flats, tmp_path, monkeypatch):
    file = tmp_path / "many.csv"
    rows = [f"{20 + i % 100},{'east' if i % 3 else 'west'}\n" for i in range(5000)]
    file.write_text("area,district\n" + "".join(rows))
    whole = table(flats, file)
    monkeypatch.setattr(delimited.pieces, "__defaults__", (1000,))
    for name in ("many.parquet", "many2.csv"):
        assert predict_file(flats, file, tmp_path / name).samples == 5000
    assert pl.read_parquet(tmp_path / "many.parquet")["predicted"].to_numpy() == pytest.approx(
        whole["predicted"].to_numpy(), rel=1e-5
    )
    assert len(pl.read_csv(tmp_path / "many2.csv")) == 5000


def test_json_lines_in_pieces_may_lack_keys(flats, tmp_path, monkeypatch):
    file = tmp_path / "many.jsonl"
    lines = [{"area": 50, "district": "west"}, {"area": 60.5, "district": "east"}] * 100 + [{"area": 70}] * 100
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    whole = table(flats, file)["predicted"].to_numpy()
    monkeypatch.setattr(delimited.pieces, "__defaults__", (500,))
    assert table(flats, file)["predicted"].to_numpy() == pytest.approx(whole, rel=1e-5)


# Arrays


def test_arrays_of_a_named_set(digits, tmp_path):
    images = load("digits", flatten=False).test.columns["x"].stored
    expected = Predictor.open(Run.open(digits)).predict(set_frame(load("digits", flatten=False), "test")).named
    np.save(tmp_path / "images.npy", images)
    np.savez(tmp_path / "images.npz", x=images)
    header = np.array([0x0803, *images.shape], ">u4").tobytes()
    (tmp_path / "images-idx3-ubyte").write_bytes(header + images.astype(np.uint8).tobytes())
    flat = pl.DataFrame(images.reshape(len(images), -1), schema=[f"pixel_{i}" for i in range(64)])
    flat.write_csv(tmp_path / "images.csv")
    for name in ("images.npy", "images.npz", "images-idx3-ubyte", "images.csv"):
        found = tmp_path / f"{name}.out.parquet"
        predict_file(digits, tmp_path / name, found)
        assert (pl.read_parquet(found)["predicted"].to_numpy() == expected).all(), name
    np.save(tmp_path / "wrong.npy", images[:, :7])
    with pytest.raises(ValueError, match=r"wrong.npy: expected samples of shape \(8, 8\), found uint8 of shape"):
        predict_file(digits, tmp_path / "wrong.npy")


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (np.full((2, 8, 8), np.nan), "row 1: expected finite numbers of float32, found nan"),
        (np.full((2, 8, 8), 1e300), "row 1: expected finite numbers of float32, found 1e+300"),
        (np.zeros((2, 7)), "expected samples of shape (8, 8), found float64 of shape (7,)"),
    ],
)
def test_arrays_that_do_not_fit_are_named(digits, tmp_path, samples, said):
    np.save(tmp_path / "bad.npy", samples)
    with pytest.raises(DataError, match=re.escape(said)):
        predict_file(digits, tmp_path / "bad.npy", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_a_place_that_cannot_be_written_is_named(iris, tmp_path):
    (tmp_path / "in.csv").write_text(IRIS)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match=r"folder\.csv: expected the name of a file, found a folder"):
        predict_file(iris, tmp_path / "in.csv", tmp_path / "folder.csv")
    if Path("/proc/version").exists():  # a file system in which nobody can make files
        with pytest.raises(DataError, match=r"^/proc/x\.csv: cannot be written"):
            predict_file(iris, tmp_path / "in.csv", Path("/proc/x.csv"))


def test_arrays_of_a_file(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (60, 6, 6)).astype(np.uint8)
    labels = (images[:, 0, 0] > 127).astype(np.int64)
    np.savez(tmp_path / "train.npz", x=images, y=labels)
    spec = f"data: {{file: {tmp_path}/train.npz, target: y, columns: {{x: image, y: categorical}}}}\n"
    run = trained(
        tmp_path / "run", spec + "model: [flatten, dense: 2]\nloss: softmax_cross_entropy\ntrain: {epochs: 3}"
    )
    np.save(tmp_path / "new.npy", images[:7])
    found = table(run, tmp_path / "new.npy")
    assert len(found) == 7
    assert set(found["predicted"]) <= {"0", "1"}
    (tmp_path / "train.npz").unlink()  # a table need not be there any more
    assert table(run, tmp_path / "new.npy").equals(found)
    np.save(tmp_path / "other.npy", images[:7, :3])
    with pytest.raises(ValueError, match=r"expected samples of shape \(6, 6\) as in training, found \(3, 6\)"):
        predict_file(run, tmp_path / "other.npy")


@pytest.mark.parametrize("shape", [(3,), (2, 2)], ids=str)
def test_an_array_target_of_several_values_is_read_back(ag, tmp_path, shape):
    rng = np.random.default_rng(0)
    x, width = rng.normal(size=(60, 4)).astype(np.float32), math.prod(shape)
    y = (100 + 7 * x @ rng.normal(size=(4, width))).reshape(60, *shape)
    np.savez(tmp_path / "train.npz", x=x, y=y.astype(np.float32))
    model = f"[dense: {width}]" if len(shape) == 1 else f"[{{dense: {width}}}, {{reshape: {list(shape)}}}]"
    run = trained(
        tmp_path / "run",
        f"data: {{file: {tmp_path}/train.npz, target: y, split: {{shuffled: {{test: 0.2, validation: 0}}}}}}\n"
        f"model: {model}\nloss: mse\noptimizer: lbfgs\ntrain: {{epochs: 40, batch_size: 60}}",
    )
    np.savez(tmp_path / "new.npz", x=x[:5])
    for format in ("csv", "parquet", "jsonl"):
        ag("predict", run, tmp_path / "new.npz", "--out", tmp_path / f"out.{format}", check=0)
        read = {"csv": pl.read_csv, "parquet": pl.read_parquet, "jsonl": pl.read_ndjson}[format]
        found = read(tmp_path / f"out.{format}")
        assert found.columns == [f"predicted_y_{i}" for i in range(width)]
        np.testing.assert_allclose(found.to_numpy(), y[:5].reshape(5, -1), atol=0.05)
    answers = agcli.load(run).predict({"x": x[:5]})
    np.testing.assert_allclose(np.reshape(answers, (5, -1)), found.to_numpy(), rtol=1e-5)


def test_several_inputs_and_the_outputs_of_the_spec(tmp_path):
    rng = np.random.default_rng(0)
    area, east = rng.uniform(20, 120, 200).round(1), rng.random(200) < 0.5
    table_in = pl.DataFrame({"area": area, "district": np.where(east, "east", "west"), "price": area + 50 * east})
    table_in.write_csv(tmp_path / "flats.csv")
    model = (
        "{in: {embedding: {size: 3, width: 2}, input: district}, all: {concat: {}, input: [x, in]}, out: {dense: 1}}"
    )
    spec = TABLE.format(file=tmp_path / "flats.csv", encoding="index", model=model)
    outputs = "outputs: {double: 2 * output, pair: 'output * [1, 3]', all: mean(output), gap: 'output[:, 0] - y'}\n"
    run = trained(tmp_path / "run", spec + outputs)
    found = table(run, tmp_path / "flats.csv")
    assert found.columns == ["predicted", "double", "pair_0", "pair_1"]
    assert found["double"].to_numpy() * 1.5 == pytest.approx(found["pair_1"].to_numpy())
    assert len(found) == 200


# The command


def test_the_command_reads_standard_input(ag, flats, iris):
    done = ag("predict", flats, "-", input="area,district\n50,west\n80,north\n", check=0)
    assert done.stdout.splitlines()[0] == "predicted"
    assert len(done.stdout.splitlines()) == 3
    assert 'column "district": 1 of 2 samples' in done.stderr
    assert '"north" in row 2' in done.stderr
    lines = '{"sepal_length": 5, "sepal_width": 3.4, "petal_length": 1.4, "petal_width": 0.2}\n'
    found = ag("predict", iris, "-", "--format", "jsonl", "--keep", input=lines, check=0).stdout
    assert json.loads(found)["predicted"] == "setosa"
    assert json.loads(found)["sepal_length"] == 5


def test_a_file_without_header_has_the_columns_of_training(ag, tmp_path, real_data):
    names = "[a, b, c, d, species]"
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        f"data: {{file: {real_data}/iris/iris-uci-noheader.csv, header: {names}, target: species}}\n"
        "model: [dense: 3]\nloss: softmax_cross_entropy\ntrain: {epochs: 3}\n"
    )
    ag("train", spec, "--quiet", "--out", tmp_path / "run", check=0)
    with_target = ag("predict", tmp_path / "run", "-", input="5.1,3.5,1.4,0.2,Iris-setosa\n", check=0).stdout
    assert ag("predict", tmp_path / "run", "-", input="5.1,3.5,1.4,0.2\n", check=0).stdout == with_target
    assert "lacks columns" in ag("predict", tmp_path / "run", "-", input="5.1,3.5,1.4\n", check=2).stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Area,distrct\n1,2\n", '"area" (there is "Area"; rename it), "district" (there is "distrct"; rename it)'),
        ("area,district\nlarge,west\n", 'standard input: row 1: column "area": expected a number, found "large"'),
        ("", "standard input: expected samples, found nothing"),
        ('{"area": 1\n', "line 1: expected a JSON object, found broken JSON"),
        ('{"area": [1], "district": "a"}\n', 'lacks columns that the model reads: "area" (there is "area_0"'),
        ("area,district\n1,west\n1,west,3\n", "line 3: expected 2 cells, found 3"),
    ],
)
def test_samples_that_do_not_fit_are_named(flats, monkeypatch, capsys, text, said):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    with pytest.raises(DataError) as caught:
        predict_file(flats, "-")
    assert said in str(caught.value)
    assert "ag-input" not in str(caught.value)
    assert not capsys.readouterr().out


def test_nothing_is_left_of_a_failed_prediction(ag, flats, tmp_path):
    file = tmp_path / "broken.csv"
    file.write_text("area,district\n1,west\nx,east\n")
    ag("predict", flats, file, "--out", tmp_path / "out.csv", check=2)
    assert [path.name for path in tmp_path.iterdir()] == ["broken.csv"]
    assert "ends in .csv" in ag("predict", flats, file, "--out", tmp_path / "out.xlsx", check=2).stderr
    file.write_text("area,district\n1,west\n")
    assert "no folder" in ag("predict", flats, file, "--out", tmp_path / "no" / "out.csv", check=2).stderr
    file.write_text("area,district,predicted\n1,west,5\n")
    assert "a column" in ag("predict", flats, file, "--keep", check=2).stderr


def test_a_reader_that_goes_away_is_no_error(flats, tmp_path):
    file = tmp_path / "many.csv"
    file.write_text("area,district\n" + "50,west\n" * 200_000)
    command = f"{sys.executable} -c 'from agcli.cli import main; main()' predict {flats} {file} | head -1"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)  # noqa: S602
    assert done.stdout == "predicted\n"
    assert not done.stderr


# Reading


@pytest.mark.parametrize(
    ("loss", "output", "expected"),
    [
        ("softmax_cross_entropy", [[0.0, np.log(3)]], [[0.25, 0.75]]),
        ("sigmoid_cross_entropy", [[np.log(3)]], [[0.25, 0.75]]),
        ("sigmoid_cross_entropy", [np.log(3)], [[0.25, 0.75]]),
        ("softmax_cross_entropy", [[[0.0, 0.0], [0.0, np.log(3)]]], [[0.5, 0.5], [0.25, 0.75]]),
        ("negative_log_likelihood", [[np.log(0.25), np.log(0.75)]], [[0.25, 0.75]]),
    ],
)
def test_probabilities_follow_from_the_loss(loss, output, expected):
    answers = Reading(loss_of(loss), _Names(("no", "yes")))(np.array(output))
    assert answers.probabilities == pytest.approx(np.array(expected))
    assert np.exp(answers.log_probabilities) == pytest.approx(np.array(expected))
    assert answers.named[-1] == "yes"


def test_scores_of_a_hinge_are_no_probabilities():
    answers = Reading(loss_of("hinge"), _Names(("no", "yes")))(np.array([[0.2, 3.0]]))
    assert not answers.certain
    assert table_of(answers).columns == ["predicted"]


def test_several_answers_of_a_sample_have_columns_each():
    answers = Reading(loss_of("sigmoid_cross_entropy"), _Names(()))(np.array([[3.0, -3.0, 3.0]]))
    found = table_of(answers)
    assert [found[f"predicted_{i}"][0] for i in range(3)] == ["1", "0", "1"]


def test_a_gaussian_gives_a_deviation_in_units():
    terms = _Names((), ("price",), scale=10.0, offset=100.0)
    found = table_of(Reading(loss_of("gaussian"), terms)(np.array([[2.0, 2 * np.log(0.5)]])))
    assert found.to_dicts() == [{"predicted": 120.0, "deviation": 5.0}]


def loss_of(name):
    """The row of a loss."""
    return LOSSES.read(name).fields


class _Names:
    """Terms of a target that is encoded as (value - offset) / scale."""

    def __init__(self, classes, targets=("target",), scale=1.0, offset=0.0):
        self.classes, self.targets, self.scale, self.offset = classes, targets, scale, offset

    def restore(self, values):
        return values * self.scale + self.offset
