"""Samples of another shape, or in other units, than those of training: one message, or the right answer."""

import re

import numpy as np
import pytest

import agcli as ag
from agcli.datasets import DataError, Image, Memory, Table
from agcli.datasets.frame import Cells, Frame
from agcli.runs.migrate import FIRST, PREPROCESSING, migrated

FOUR = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
SIGNS = np.where(FOUR.sum(axis=1) > 0, "up", "down")
DOTS = np.random.default_rng(1).integers(0, 256, (60, 8, 8)).astype(np.uint8)
BRIGHT = (DOTS.mean(axis=(1, 2)) > 127).astype(int)
CLASSES = {
    "model": [{"dense": 2}],
    "loss": "softmax_cross_entropy",
    "optimizer": {"adam": 0.05},
    "train": {"epochs": 2},
}
FLAT = {**CLASSES, "model": ["flatten", {"dense": 2}]}


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    return ag.train(CLASSES, tmp_path_factory.mktemp("vectors") / "run", data=(FOUR, SIGNS))


@pytest.mark.parametrize("shape", [(3, 1), (3, 3), (3,), (3, 4, 1), (1, 3), (3, 2, 2), (5,), ()])
def test_arrays_of_another_shape_are_refused(shape, vectors, tmp_path):
    samples = np.zeros(shape, np.float32)
    with pytest.raises(DataError) as caught:
        vectors.predict(samples)
    assert re.search(r"expected samples of shape \(4,\), found|expected columns by name", str(caught.value))
    if not shape:
        return
    np.save(tmp_path / "x.npy", samples)
    with pytest.raises(DataError, match=r"expected samples of shape \(4,\), found"):
        vectors.predict(tmp_path / "x.npy")


def test_arrays_of_the_same_shape_are_answered(vectors, tmp_path):
    expected = vectors.predict(FOUR).tolist()
    np.save(tmp_path / "x.npy", FOUR)
    for samples in (FOUR.tolist(), FOUR.astype(np.float64), {"x": FOUR}, tmp_path / "x.npy", FOUR[::-1][::-1]):
        assert vectors.predict(samples).tolist() == expected
    assert vectors.predict(FOUR[0]).tolist() == expected[:1]


def test_a_column_of_single_numbers_takes_an_array_of_one(tmp_path):
    x = np.linspace(0, 1, 40)
    run = ag.train({**CLASSES, "model": [{"dense": 1}], "loss": "mse"}, tmp_path / "run", data={"x": x, "y": 2 * x})
    assert run.predict(x[:, None]).tolist() == run.predict(x).tolist() == run.predict({"x": x}).tolist()
    with pytest.raises(DataError, match='column "x": expected one number a sample, found shape'):
        run.predict(np.zeros((3, 2)))


@pytest.fixture(scope="module")
def bytes_run(tmp_path_factory):
    return ag.train(FLAT, tmp_path_factory.mktemp("bytes") / "run", data=(DOTS, BRIGHT))


def test_pictures_that_were_divided_already_are_refused(bytes_run, tmp_path):
    expected = bytes_run.predict(DOTS).tolist()
    assert bytes_run.predict(DOTS.astype(np.float32)).tolist() == expected  # the same numbers
    with pytest.raises(DataError, match=r"expected pixels of 0 to 255 as in training, found 0 to 1; they are divided"):
        bytes_run.predict(DOTS / 255)
    floats = ag.train(
        FLAT | {"data": {"name": "python", "columns": {"x": "image"}}}, tmp_path / "run", data=(DOTS / 255, BRIGHT)
    )
    assert len(floats.predict(DOTS / 255)) == 60
    with pytest.raises(DataError, match="expected pixels of 0 to 1 as in training, found 0 to 255; divide them by 255"):
        floats.predict(DOTS)


def test_the_same_of_a_named_set(tmp_path):
    run = ag.train({**CLASSES, "model": [{"dense": 10}], "data": "digits"}, tmp_path / "run")
    with pytest.raises(DataError, match=r"expected uint8, found numbers of 0 to 1; .* divided when they are fed"):
        run.predict(np.full((2, 64), 0.5))
    with pytest.raises(DataError, match=r"expected samples of shape \(64,\), found float64 of shape \(64, 2\)"):
        run.predict(np.zeros((3, 64, 2)))
    assert len(run.predict(np.zeros((3, 8, 8)))) == 3


def test_pictures_of_true_and_false_are_refused_for_what_they_are(bytes_run):
    with pytest.raises(DataError, match=r"expected pixels as numbers, found bool$"):
        bytes_run.predict(DOTS > 127)


def test_pictures_of_other_channels_are_refused(bytes_run):
    for shape in ((3, 8, 8, 3), (3, 64)):
        with pytest.raises(DataError, match=r"pictures of shape \(8, 8\)|shape \(samples, height, width\)"):
            bytes_run.predict(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ("dtype", "shape"), [(np.float64, (3, 8, 8)), (np.float32, (1, 28, 28)), (np.float32, (4, 9, 9))]
)
def test_channels_that_stand_first_are_told(dtype, shape):
    frame = Frame("f", {"x": np.ones((40, *shape), dtype), "y": np.arange(40) % 2})
    found = " ".join(Table(source=Memory(frame), target=("y",)).read().warnings)
    assert f"samples of shape {shape} are read as (height, width, channels)" in found
    assert "np.moveaxis(x, 1, -1)" in found
    turned = Frame("f", {"x": np.moveaxis(frame.columns["x"], 1, -1), "y": frame.columns["y"]})
    assert "moveaxis" not in " ".join(Table(source=Memory(turned), target=("y",)).read().warnings)


@pytest.mark.parametrize(("are_bytes", "refused"), [(True, DOTS / 255), (False, None)])
def test_runs_of_older_versions_know_whether_pictures_were_bytes(are_bytes, refused):
    part = {"column": "x", "role": "image", "stats": {"bytes": are_bytes}}
    found = migrated(PREPROCESSING, {"kind": "table", "inputs": [part], "target": []}, FIRST)
    stats, role = found["inputs"][0]["stats"], Image()
    assert role.encode(Cells(DOTS, "x", "f"), stats) is DOTS
    if refused is not None:
        with pytest.raises(DataError, match="expected pixels of 0 to 255"):
            role.encode(Cells(refused, "x", "f"), stats)
