"""The named sets: facts about their content, their splits, and the errors of `load`."""

import csv
import gzip
import hashlib
import os
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest

from agcli import datasets
from agcli.datasets import Column, DataError, Scaling, Split
from agcli.datasets.order import stratified

FOLDER = Path(datasets.__file__).parent
REAL = pytest.mark.skipif("AG_DATA" not in os.environ, reason="AG_DATA names no folder with the MNIST files")


# ----------------------------------------------------------------------------------------------- embedded sets


@pytest.mark.parametrize(
    ("name", "samples", "total", "counts"),
    [
        ("digits", 1797, 561718, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]),
        ("iris", 150, 2078.7, [50, 50, 50]),
    ],
)
def test_embedded_sets_hold_the_published_numbers(name, samples, total, counts):
    data = datasets.load(name, raw=True)
    assert len(data.train) + len(data.test) == samples
    assert sum(split.x.sum(dtype=np.float64) for split in data.splits.values()) == pytest.approx(total)
    assert (np.bincount(data.train.y) + np.bincount(data.test.y)).tolist() == counts
    assert len(data.classes) == len(counts)


@pytest.mark.parametrize(
    ("name", "rows", "sha256", "counts"),
    [
        ("digits", [0, 6, 7, 11, 13, 28, 36, 44], "24ad1ec99239ca6a", [36, 37, 35, 37, 36, 36, 36, 36, 35, 36]),
        ("iris", [0, 3, 6, 12, 15, 19, 22, 31], "b2412d50969c7a68", [10, 10, 10]),
    ],
)
def test_splits_are_fixed_disjoint_and_stratified(name, rows, sha256, counts):
    with gzip.open(FOLDER / f"{name}.csv.gz", "rt", encoding="utf-8") as lines:
        table = list(csv.reader(lines))[1:]
    data = datasets.load(name, raw=True)
    labels = [data.classes.index(line[-1]) for line in table]
    train, test = stratified(np.array(labels), len(data.test), seed=0)
    assert sorted([*train, *test]) == list(range(len(table)))
    assert test[: len(rows)].tolist() == rows
    assert hashlib.sha256(test.astype("<i8").tobytes()).hexdigest().startswith(sha256)
    assert np.bincount(data.test.y).tolist() == counts
    for split, numbers in ((data.train, train), (data.test, test)):
        expected = np.array([table[row][:-1] for row in numbers], split.x.dtype)
        np.testing.assert_array_equal(split.x, expected)
        assert split.y.tolist() == [labels[row] for row in numbers]


@pytest.mark.parametrize(("name", "loader"), [("digits", "load_digits"), ("iris", "load_iris")])
def test_embedded_sets_equal_scikit_learns(name, loader):
    theirs = getattr(pytest.importorskip("sklearn.datasets"), loader)()
    ours = datasets.load(name, raw=True)
    train, test = stratified(theirs.target, len(ours.test), seed=0)
    for split, rows in ((ours.train, train), (ours.test, test)):
        np.testing.assert_array_equal(split.x, theirs.data[rows].astype(split.x.dtype))
        np.testing.assert_array_equal(split.y, theirs.target[rows])
    assert ours.classes == tuple(str(name) for name in theirs.target_names)


def test_iris_has_fishers_values_where_the_repository_errs():
    with gzip.open(FOLDER / "iris.csv.gz", "rt", encoding="utf-8") as lines:
        header, *table = csv.reader(lines)
    assert tuple(header[:-1]) == datasets.info("iris").features
    assert table[34] == ["4.9", "3.1", "1.5", "0.2", "setosa"]
    assert table[37] == ["4.9", "3.6", "1.4", "0.1", "setosa"]


def test_the_readme_names_the_files_that_ship():
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for file in FOLDER.glob("*.gz"):
        assert f"| `{file.name}` | `{hashlib.sha256(file.read_bytes()).hexdigest()}` |" in readme
        assert file.stat().st_size < 100_000


def test_digits_are_scaled_to_one_and_iris_by_its_training_split():
    digits, iris = datasets.load("digits"), datasets.load("iris")
    for split in digits.splits.values():
        assert split.x.dtype == np.float32
        assert (split.x.min(), split.x.max()) == (0, 1)
    np.testing.assert_array_equal(digits.test.x * 16, datasets.load("digits", raw=True).test.x)
    np.testing.assert_allclose(iris.train.x.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(iris.train.x.std(axis=0), 1, atol=1e-6)
    known, cm = datasets.load("iris", raw=True).train.x.astype(float), datasets.load("iris", raw=True).test.x
    np.testing.assert_allclose(iris.test.x, (cm - known.mean(0)) / known.std(0), atol=1e-5)


def test_digits_keep_their_shape_when_asked():
    image, flat = datasets.load("digits", flatten=False), datasets.load("digits")
    assert image.train.columns["x"].shape == (8, 8)
    assert flat.train.columns["x"].shape == (64,)
    np.testing.assert_array_equal(image.test.x.reshape(360, 64), flat.test.x)


# ----------------------------------------------------------------------------------------------- MNIST, Fashion


@REAL
@pytest.mark.parametrize(
    ("name", "split", "total", "first", "counts"),
    [
        ("mnist", "train", 1567298545, "5041921314", [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]),
        ("mnist", "test", 264923200, "7210414959", [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
        ("fashion-mnist", "train", 3431114169, "9003027255", [6000] * 10),
        ("fashion-mnist", "test", 573469082, "9211614657", [1000] * 10),
    ],
)
def test_images_hold_the_published_numbers(name, split, total, first, counts):
    found = datasets.load(name, raw=True)[split]
    assert found.x.shape == (sum(counts), 28, 28)
    assert found.x.dtype == np.uint8
    assert int(found.x.sum(dtype=np.int64)) == total
    assert "".join(str(label) for label in found.y[:10]) == first
    assert np.bincount(found.y).tolist() == counts


@REAL
def test_images_stay_bytes_and_are_fed_as_floats():
    data = datasets.load("mnist", flatten=True)
    column = data.test.columns["x"]
    assert (column.stored.dtype, column.dtype, column.shape) == (np.uint8, np.float32, (784,))
    batch = next(datasets.Batches(data.test, 200, seed=1).epoch())
    np.testing.assert_array_equal(batch.x, column.stored[batch.rows] / np.float32(255))
    assert batch.x.dtype == np.float32


# ----------------------------------------------------------------------------------------------- load, and the contract


KNOWN = "digits, iris, moons, spirals, blobs, sine, lotka_volterra, mnist, fashion-mnist"


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("mnits", {}, 'unknown data set "mnits"; did you mean "mnist"? known: ' + KNOWN),
        ("Iris", {}, 'unknown data set "Iris"; did you mean "iris"? known: ' + KNOWN),
        ("zzz", {}, 'unknown data set "zzz"; known: ' + KNOWN),
        ("iris", {"flatten": True}, 'unknown option of iris "flatten"; known: raw'),
        (
            "digits",
            {"flaten": True},
            'unknown option of digits "flaten"; did you mean "flatten"? known: flatten, raw, augment',
        ),
        ("digits", {"flatten": "yes"}, "digits: flatten: expected true or false, got 'yes'"),
        ("digits", {"raw": 1}, "digits: raw: expected true or false, got 1"),
    ],
)
def test_what_load_does_not_know_is_refused(name, options, text):
    with pytest.raises(DataError) as caught:
        datasets.load(name, **options)
    assert str(caught.value) == text


def test_every_set_tells_its_source_and_licence_unread():
    assert ", ".join(datasets.names()) == KNOWN
    for name in datasets.names():
        info = datasets.info(name)
        assert info.name == name
        assert all((info.description, info.source, info.licence, datasets.options(name)))
        assert datasets.where(name) in ("in the package", "generated", "downloaded once")
        assert info.classes or datasets.where(name) == "generated"


def drawn(name, **options):
    return datasets.load(name, samples=100, **options)


@pytest.mark.parametrize(
    ("name", "options", "shape", "classes"),
    [
        ("moons", {}, (2,), 2),
        ("spirals", {}, (2,), 2),
        ("spirals", {"classes": 5}, (2,), 5),
        ("blobs", {"features": 7}, (7,), 3),
        ("sine", {}, (1,), 0),
        ("lotka_volterra", {}, (1,), 0),
    ],
)
def test_generated_sets_follow_from_their_seed(name, options, shape, classes):
    data = drawn(name, **options)
    assert (len(data.train), len(data.test), len(data.classes)) == (80, 20, classes)
    assert data.train.x.dtype == np.float32
    assert data.train.columns["x"].shape == shape
    if classes:
        assert set(data.test.y) == set(range(classes))
    np.testing.assert_array_equal(drawn(name, **options).train.x, data.train.x)
    assert not np.array_equal(drawn(name, **options, seed=1).train.x, data.train.x)


def test_without_noise_a_set_is_its_formula():
    wave = drawn("sine", noise=0).train
    np.testing.assert_allclose(wave.y, np.sin(wave.x[:, 0]), atol=1e-6)
    animals = drawn("lotka_volterra", noise=0, dtype="float64").train
    hares, lynxes = animals.y.T
    kept = 0.024 * hares - 0.8 * np.log(hares) + 0.028 * lynxes - 0.55 * np.log(lynxes)  # along every solution
    np.testing.assert_allclose(kept, 0.024 * 30 - 0.8 * np.log(30) + 0.028 * 4 - 0.55 * np.log(4), atol=1e-4)
    moons = drawn("moons", noise=0).train
    radius = np.linalg.norm(np.where(moons.y[:, None] == 0, moons.x, np.array([1, 0.5]) - moons.x), axis=1)
    np.testing.assert_allclose(radius, 1, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"samples": 5}, "moons: samples: expected a whole number of 10 to 10,000,000, got 5"),
        ({"noise": -1.0}, "moons: noise: expected a number of 0 or more, got -1.0"),
        ({"classes": 3}, 'unknown option of moons "classes"; known: samples, noise, seed'),
    ],
)
def test_options_of_generated_sets_are_bounded(options, text):
    with pytest.raises(DataError) as caught:
        datasets.load("moons", **options)
    assert str(caught.value) == text


def test_a_data_set_is_its_info_and_its_splits():
    data = datasets.load("iris")
    assert data.licence == datasets.info("iris").licence
    assert data["test"] is data.test
    with pytest.raises(FrozenInstanceError):
        data.name = "other"
    with pytest.raises(DataError, match="iris: there is no validation data, only train, test"):
        data["validation"]
    with pytest.raises(DataError, match='unknown split of iris "tests"; did you mean "test"'):
        data["tests"]
    with pytest.raises(DataError, match='unknown column "X"; did you mean "x"'):
        data.train["X"]


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ({"x": Column(np.zeros((3, 2))), "y": Column(np.zeros(4))}, "found x has 3, y has 4"),
        ({}, "found no column"),
    ],
)
def test_columns_of_a_split_have_one_length(columns, text):
    with pytest.raises(DataError, match=text):
        Split(columns)


def test_a_column_needs_rows():
    with pytest.raises(DataError, match="found a single number"):
        Column(np.array(3.0))


def test_a_strided_column_is_made_contiguous_once():
    assert Column(np.zeros((4, 6))[:, ::2]).stored.flags.c_contiguous


def test_a_constant_feature_is_centred_and_not_divided():
    stored = np.array([[1.0, 7.0], [3.0, 7.0]])
    np.testing.assert_array_equal(Column(stored, Scaling.standard(stored)).values, [[-1, 0], [1, 0]])


def test_values_are_scaled_once():
    column = Column(np.arange(4, dtype=np.uint8), Scaling.by(2))
    assert column.values is column.values
    assert column.values.tolist() == [0, 0.5, 1, 1.5]
