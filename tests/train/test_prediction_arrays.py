"""Arrays to predict: shapes that do not fit, channels that stand first, and pixels in other units."""

import numpy as np
import pytest

import agcli
from agcli.datasets import DataError
from agcli.prediction.files import predict_file
from agcli.spec import parse_spec
from agcli.spec.errors import SpecError
from agcli.training import Trainer

CLASSES = "loss: softmax_cross_entropy\ntrain: {epochs: 2}"


def trained(folder, text):
    list(Trainer(parse_spec(text), folder))
    return agcli.load(folder)


@pytest.fixture(scope="module")
def labels():
    return np.arange(60) % 2


@pytest.fixture(scope="module")
def vectors(tmp_path_factory, labels):
    """A model of arrays of four features."""
    folder = tmp_path_factory.mktemp("vectors")
    np.savez(folder / "t.npz", x=np.random.default_rng(0).normal(size=(60, 4)), y=labels)
    return trained(folder / "run", f"data: {{file: {folder}/t.npz, target: y}}\nmodel: [dense: 2]\n{CLASSES}")


def pictures(folder, labels, x, role="image"):
    np.savez(folder / "t.npz", x=x, y=labels)
    spec = f"data: {{file: {folder}/t.npz, target: y, columns: {{x: {role}}}}}\nmodel: [flatten, dense: 2]\n{CLASSES}"
    return trained(folder / "run", spec)


@pytest.fixture(scope="module")
def gray(tmp_path_factory, labels):
    """A model of bytes (8, 8)."""
    x = np.random.default_rng(0).integers(0, 256, (60, 8, 8)).astype(np.uint8)
    x[0, 0, :2] = 0, 255
    return pictures(tmp_path_factory.mktemp("gray"), labels, x)


@pytest.fixture(scope="module")
def fractions(tmp_path_factory, labels):
    """A model of fractions (8, 8)."""
    return pictures(tmp_path_factory.mktemp("fractions"), labels, np.random.default_rng(0).random((60, 8, 8)))


def through_a_file(run, x, folder, name):
    """The classes that `ag predict` writes for an array."""
    path = folder / f"samples{name}"
    np.save(path, x) if name == ".npy" else np.savez(path, x=x)
    predict_file(run.folder, path, folder / "out.csv")
    return [line.partition(",")[0] for line in (folder / "out.csv").read_text().splitlines()[1:]]


@pytest.mark.parametrize("shape", [(3, 1), (3, 3), (3, 5), (3,), (2, 4, 1), (2, 2, 2), (3, 0)], ids=str)
@pytest.mark.parametrize("name", [".npz", ".npy"])
def test_features_that_are_not_as_many_are_refused(vectors, tmp_path, shape, name):
    with pytest.raises(DataError, match=r"expected samples of shape \(4,\), found"):
        vectors.predict(np.zeros(shape))
    with pytest.raises(DataError, match=r"expected samples of shape \(4,\), found"):
        through_a_file(vectors, np.zeros(shape), tmp_path, name)


def test_features_that_are_as_many_are_answered(vectors, tmp_path):
    x = np.random.default_rng(1).normal(size=(5, 4))
    expected = vectors.predict(x).tolist()
    assert len(expected) == 5
    assert vectors.predict(x[0]).tolist() == expected[:1]
    for name in (".npz", ".npy"):
        assert through_a_file(vectors, x, tmp_path, name) == expected
        assert through_a_file(vectors, x[:0], tmp_path, name) == []
    assert vectors.predict(x[:0]).tolist() == []


@pytest.mark.parametrize("value", [1e300, np.inf, -np.inf])
def test_values_beyond_the_type_are_refused_with_their_row(vectors, tmp_path, value):
    x = np.zeros((3, 4))
    x[1, 2] = value
    with pytest.raises(DataError, match=r'row 2: column "x": expected a .*number.*found "-?(1e\+300|inf)"'):
        vectors.predict(x)
    np.savez(tmp_path / "x.npz", x=x)
    summary = predict_file(vectors.folder, tmp_path / "x.npz", tmp_path / "out.csv", skip_bad=True)
    assert summary.skipped.count == 1
    assert (tmp_path / "out.csv").read_text().splitlines()[2] == ",,,"


def test_what_is_missing_is_filled_as_in_training(vectors):
    x = np.zeros((1, 4))
    x[0, 1] = np.nan
    assert vectors.answers(x).probabilities[0].sum() == pytest.approx(1)


X = np.random.default_rng(2).random((2, 8, 8))
ONES = np.zeros((2, 8, 8), np.uint8)
ONES[0, 0, 0] = 1


@pytest.mark.parametrize(
    ("x", "found"),
    [
        (X, "they are divided by 255 when they are fed"),
        (2 * X - 1, "they are divided by 255 when they are fed"),
        (ONES, "found 0 to 1; they are divided by 255"),
        (X * -200, "expected pixels of 0 to 255 as in training"),
        (X.round() * 300, "expected pixels of 0 to 255 as in training, found 0 to 300"),
        ((X * 65535).astype(np.uint16), "expected pixels of 0 to 255 as in training"),
        (np.where(X > 0.9, np.nan, 200.0), 'expected finite pixels, found "nan"'),
    ],
)
def test_other_units_than_bytes_are_refused(gray, tmp_path, x, found):
    with pytest.raises(DataError, match=found):
        gray.predict(x)
    with pytest.raises(DataError, match=found):
        through_a_file(gray, x, tmp_path, ".npz")


def test_bytes_of_any_type_are_the_same(gray):
    x = np.random.default_rng(3).integers(0, 256, (4, 8, 8))
    expected = gray.answers(x.astype(np.uint8)).probabilities
    for dtype in (np.int64, np.float32, np.float64):
        np.testing.assert_allclose(gray.answers(x.astype(dtype)).probabilities, expected, rtol=1e-6)
    assert len(gray.predict(np.zeros((2, 8, 8)))) == 2  # black, in any units
    assert gray.predict(x[:0]).tolist() == []


@pytest.mark.parametrize(
    ("x", "found"),
    [
        (X * 255, "expected pixels of 0 to 0.9.* as in training, .*; divide them by 255"),
        ((X * 255).astype(np.uint8), "divide them by 255"),
        (X * 60_000, "divide them by 65535"),
        (2 * X - 1, "expected pixels of 0 to 0.9"),
    ],
)
def test_other_units_than_fractions_are_refused(fractions, x, found):
    with pytest.raises(DataError, match=found):
        fractions.predict(x)
    assert len(fractions.predict(X * 1.04 - 0.02)) == 2  # as resampling makes them


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_that_seem_to_stand_first_are_refused_with_the_line_to_write(tmp_path, labels, channels):
    x = np.random.default_rng(0).integers(0, 256, (60, channels, 8, 8)).astype(np.uint8)
    with pytest.raises(
        SpecError, match=r"found \(\d, 8, 8\), which has its channels first; write `columns: {x: {image"
    ):
        pictures(tmp_path, labels, x)
    run = pictures(tmp_path, labels, x, "{image: {channels: last}}")
    assert run.predictor.terms.inputs == ("x",)


def test_channels_first_are_fed_last(tmp_path, labels):
    x = np.random.default_rng(0).integers(0, 256, (60, 3, 8, 6)).astype(np.uint8)
    for name in ("first", "last"):
        (tmp_path / name).mkdir()
    first = pictures(tmp_path / "first", labels, x, "{image: {channels: first}}")
    moved = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    last = pictures(tmp_path / "last", labels, moved)
    np.testing.assert_array_equal(first.answers(x[:9]).probabilities, last.answers(moved[:9]).probabilities)
    with pytest.raises(DataError, match=r"shape \(8, 6, 3\), found \(3, 8, 6\); `x.transpose\(0, 2, 3, 1\)`"):
        last.predict(x)
    with pytest.raises(DataError, match=r"shape \(3, 8, 6\), found \(8, 6, 3\); `x.transpose\(0, 3, 1, 2\)`"):
        first.predict(moved)


def test_pictures_of_another_number_of_axes_are_refused_with_what_to_write(gray):
    with pytest.raises(DataError, match=r"found \(8, 8, 1\); `x\[\.\.\., 0\]` takes the last axis off"):
        gray.predict(np.full((2, 8, 8, 1), 200))
    with pytest.raises(DataError, match=r"found \(2, 64\)"):
        gray.predict(np.full((2, 64), 200))


def test_pictures_of_a_named_set_are_bytes(tmp_path):
    spec = f"data: {{name: digits, flatten: false}}\nmodel: [flatten, dense: 10]\n{CLASSES}"
    run = trained(tmp_path / "run", spec)
    for x, found in (
        (X * -16, "row 1: expected pixels of 0 to 255, found -"),
        (X, "numbers of 0 to 1"),
        (X * 999, "row"),
    ):
        with pytest.raises(DataError, match=found):
            run.predict(x)
    assert len(run.predict(X * 16)) == 2


def test_outputs_of_a_formula_model_are_answers(tmp_path):
    x = np.arange(1, 31.0)
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{v},{3 * v}\n" for v in x))
    spec = (
        f"data: {{file: {tmp_path}/t.csv, target: y}}\nvariables: {{a: 1.0}}\nlet: {{output: 'a * x[:, 0]'}}\n"
        "loss: mean(square(output - y))\noutputs: {double: '2 * output', slope: a}\n"
        "optimizer: levenberg_marquardt\ntrain: {epochs: 5, batch_size: 100}"
    )
    run = trained(tmp_path / "run", spec)
    (tmp_path / "new.csv").write_text("x\n1\n10\n")
    predict_file(run.folder, tmp_path / "new.csv", tmp_path / "out.csv")
    head, *rows = (tmp_path / "out.csv").read_text().splitlines()
    assert head == "predicted,double"
    assert [[*map(float, row.split(","))] for row in rows] == [pytest.approx([3, 6]), pytest.approx([30, 60])]
