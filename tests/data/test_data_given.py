"""Samples that a program gives to a training: what the run records and predicts by is what was given."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_diabetes, load_wine
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

import agcli as ag
from agcli.datasets import ArrayFile, Column, DataError, Dataset, Scaling, Split, Table, TableFile, load
from agcli.runs import RunError
from agcli.spec import SpecError
from agcli.training.failure import TrainingError, replay

NAMES = ("barolo", "grignolino", "barbera")
CLASSES = {
    "name": "wine",
    "data": "iris",
    "model": [{"dense": 3}],
    "loss": "softmax_cross_entropy",
    "optimizer": {"adam": 0.05},
    "train": {"epochs": 15},
}
NUMBERS = {**CLASSES, "name": "diabetes", "model": [{"dense": 1}], "loss": "mse", "train": {"epochs": 30}}
WINE = load_wine()
COLUMNS = [name.replace("/", "_") for name in WINE.feature_names]
KINDS = np.array(NAMES)[WINE.target]


class Stream:
    """A frame of another library: no more than Arrow's C stream."""

    def __init__(self, frame):
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema=None):
        return self.frame.__arrow_c_stream__(requested_schema)


class Columns:
    """A frame without Arrow: names, and an array for each; a gap in text is NaN, as pandas has it."""

    def __init__(self, frame):
        self.columns = frame.columns
        self.frame = frame

    def __getitem__(self, name):
        values = self.frame[name].to_list()
        gaps = [float("nan") if value is None else value for value in values]
        return np.array(gaps, object if self.frame[name].dtype == pl.String else None)


def wine():
    return pl.DataFrame(WINE.data, schema=COLUMNS).with_columns(kind=pl.Series(KINDS))


FORMS = {
    "polars": wine,
    "lazy": lambda: wine().lazy(),
    "arrow": lambda: Stream(wine()),
    "columns": lambda: Columns(wine()),
    "mapping": lambda: wine().to_dict(as_series=False),
    "arrays": lambda: {name: wine()[name].to_numpy() for name in wine().columns},
    "rows": lambda: wine().to_dicts(),
    "pair of frame and series": lambda: (wine().drop("kind"), wine()["kind"]),
    "structured": lambda: wine().to_numpy(structured=True),
}


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The same samples from a file."""
    folder = tmp_path_factory.mktemp("file")
    wine().write_parquet(folder / "wine.parquet")
    spec = {**CLASSES, "data": {"file": str(folder / "wine.parquet"), "target": "kind"}}
    return ag.train(spec, folder / "run")


@pytest.mark.parametrize("form", FORMS)
def test_samples_of_any_form_train_like_a_file(form, expected, tmp_path):
    spec = {**CLASSES, "data": {"name": "python", "target": "kind"}}
    run = ag.train(spec, tmp_path / "run", data=FORMS[form]())
    assert run.metrics == expected.metrics
    assert run.spec.data.name == "python"
    assert run.spec.data.fields.target == ("kind",)
    again = ag.load(tmp_path / "run")
    frame = FORMS[form]()
    samples = frame[0] if isinstance(frame, tuple) else frame
    assert again.predict(samples).tolist() == expected.predict(wine()).tolist()
    assert set(again.predict(samples)) == set(NAMES)
    found, known = again.evaluate(frame), expected.evaluate(data=wine_file(tmp_path))
    assert found.figures["accuracy"].value == known.figures["accuracy"].value > 0.9
    assert found.classes == tuple(sorted(NAMES))


def wine_file(folder):
    wine().write_csv(folder / "wine.csv")
    return folder / "wine.csv"


def test_a_pair_of_arrays(tmp_path):
    data = load_diabetes(scaled=False)
    run = ag.train(NUMBERS, tmp_path / "run", data=(data.data, data.target))
    again = ag.load(tmp_path / "run")
    predicted = again.predict(data.data)
    assert predicted.shape == (442,)
    assert np.corrcoef(predicted, data.target)[0, 1] > 0.6  # in units of the target, which runs from 25 to 346
    assert abs(predicted.mean() - data.target.mean()) < 10
    assert again.predict(data.data[0]).shape == (1,)
    found = again.evaluate((data.data, data.target))
    assert found.figures["r2"].value == pytest.approx(r2_score(data.target, predicted))
    assert run.evaluate().split == "test"  # this process still has the data
    wrong = np.zeros((3, 1)), np.zeros((3, 9)), np.zeros(9), np.zeros((3, 10, 1))
    for samples in wrong:
        with pytest.raises(DataError, match=r"expected samples of shape \(10,\), found"):
            again.predict(samples)


def test_parts_that_were_split_before(tmp_path):
    parts = train_test_split(WINE.data, KINDS, test_size=0.25, random_state=0)
    x, x_test, y, y_test = parts
    run = ag.train(CLASSES, tmp_path / "run", data={"train": (x, y), "test": (x_test, y_test)})
    assert len(run.data.test) == len(y_test)
    assert run.metrics["accuracy"] == (ag.load(tmp_path / "run").predict(x_test) == y_test).mean() > 0.9
    frames = {"train": wine()[::2], "test": wine()[1::2]}
    run = ag.train({**CLASSES, "data": {"name": "python", "target": "kind"}}, tmp_path / "frames", data=frames)
    assert {name: len(split) for name, split in run.data.splits.items()} == {"train": 76, "validation": 13, "test": 89}
    three = {"train": wine()[::3], "validation": wine()[1::3], "test": wine()[2::3]}
    run = ag.train({**CLASSES, "data": {"name": "python", "target": "kind"}}, tmp_path / "three", data=three)
    assert [len(split) for split in run.data.splits.values()] == [60, 59, 59]
    spec = {**CLASSES, "data": {"name": "python", "target": "kind", "split": {"tail": 0.2}}}
    with pytest.raises(SpecError, match=r"data\.split: expected a share or a file for test, found both"):
        ag.train(spec, tmp_path / "both", data=frames)


def test_a_spec_needs_no_data_then(tmp_path):
    spec = {key: value for key, value in CLASSES.items() if key != "data"}
    run = ag.train(spec, tmp_path / "run", data=wine(), set=["data.target=kind"])
    assert set(run.predict(wine())) <= set(NAMES)


@pytest.fixture
def given():
    """A data set whose scaling, classes and features are nobody else's."""
    kinds = ("first", "second", "third")
    scaling = Scaling.standard(WINE.data.astype(np.float32))
    splits = {
        name: Split({"x": Column(WINE.data[rows].astype(np.float32), scaling), "y": Column(WINE.target[rows])})
        for name, rows in (("train", slice(None, None, 2)), ("test", slice(1, None, 2)))
    }
    about = {"name": "iris", "description": "", "source": "a program", "licence": ""}  # a name that others have, too
    return Dataset(**about, classes=kinds, features=tuple(COLUMNS), splits=splits)


def test_a_data_set_is_used_with_its_own_scaling_and_classes(given, tmp_path):
    run = ag.train(CLASSES, tmp_path / "run", data=given)
    again = ag.load(tmp_path / "run")
    assert again.spec.data.name == "python"
    for samples in (WINE.data, pl.DataFrame(WINE.data, schema=COLUMNS), {"x": WINE.data}):
        answers = again.predict(samples)
        assert (answers == np.array(given.classes)[WINE.target]).mean() > 0.95
    test = again.evaluate(given)
    assert test.samples == len(given.test)
    assert test.figures["accuracy"].value == run.metrics["accuracy"] == run.evaluate().figures["accuracy"].value > 0.9
    assert test.classes == given.classes
    assert again.evaluate((WINE.data, WINE.target)).figures["accuracy"].value > 0.95  # labels as the set stores them


def test_what_cannot_be_read_again_is_said(given, tmp_path, ag):
    import agcli

    agcli.train(CLASSES, tmp_path / "run", data=given)
    for command in (["eval", "run"], ["train", "run/spec.yaml", "--out", "other"]):
        assert "came from a Python program" in ag(*command, cwd=tmp_path, check=2).stderr
    with pytest.raises(DataError, match=r"ag eval RUN --data FILE.*run.evaluate\(samples\)"):
        agcli.load(tmp_path / "run").evaluate()
    assert (
        "cannot be read again"
        in (ag("report", "run", cwd=tmp_path, check=0), tmp_path / "run/report.html")[1].read_text()
    )
    pl.DataFrame(WINE.data, schema=COLUMNS).with_columns(target=pl.Series(WINE.target)).write_csv(tmp_path / "w.csv")
    assert "accuracy" in ag("eval", "run", "--data", "w.csv", cwd=tmp_path, check=0).stdout
    predicted = ag("predict", "run", "w.csv", cwd=tmp_path, check=0).stdout.splitlines()
    assert predicted[1].startswith("first,")


@pytest.mark.parametrize("kind", ["frame", "data set"])
def test_a_step_that_failed_is_repeated_without_the_samples(kind, given, tmp_path):
    spec = {**CLASSES, "data": {"name": "python"}, "optimizer": {"sgd": 1e30}}
    spec["model"] = [{"dense": {"units": 8, "activation": "relu"}}, {"dense": 3}]
    with pytest.raises(TrainingError) as caught:
        ag.train(spec, tmp_path / "run", data=given if kind == "data set" else wine())
    assert replay(caught.value.bundle).same


def test_a_resumed_training_takes_the_same_samples(tmp_path):
    spec = {**CLASSES, "data": {"name": "python", "target": "kind"}, "train": {"epochs": 2}}
    ag.train(spec, tmp_path / "run", data=wine())
    *_, done = ag.Trainer.resume(tmp_path / "run", ["train.epochs=4"], data=wine())
    whole = ag.train(spec, tmp_path / "whole", data=wine(), epochs=4)
    assert done.metrics == {key: value for key, value in whole.metrics.items() if key != "loss"}
    with pytest.raises(RunError, match="the data is not what it was"):
        ag.Trainer.resume(tmp_path / "run", data=wine().reverse())


def test_a_data_set_of_a_file_is_recorded_by_its_place(tmp_path):
    np.savez(tmp_path / "wine.npz", x=WINE.data, y=WINE.target)
    wine().write_csv(tmp_path / "wine.csv")
    for source, kind, target in ((TableFile, "table", "kind"), (ArrayFile, "arrays", "y")):
        path = tmp_path / ("wine.csv" if kind == "table" else "wine.npz")
        data = Table(source=source(path), target=(target,)).read()
        run = ag.train(CLASSES, tmp_path / kind, data=data)
        again = ag.load(tmp_path / kind)
        assert again.spec.data.name == kind
        assert again.evaluate().figures["accuracy"].value == run.metrics["accuracy"] > 0.9


def test_a_named_set_stays_named_if_it_is_the_same(tmp_path):
    run = ag.train(CLASSES, tmp_path / "same", data=load("iris"), epochs=1)
    assert run.spec.data.name == "iris"
    run = ag.train(CLASSES, tmp_path / "raw", data=load("iris", raw=True), epochs=1)
    assert run.spec.data.name == "python"


def test_a_scaled_target_is_told_in_its_own_units(tmp_path):
    data = load_diabetes(scaled=False)
    x, y = data.data.astype(np.float32), data.target.astype(np.float32)
    split = Split({"x": Column(x, Scaling.standard(x)), "y": Column(y, Scaling.standard(y))})
    about = {"name": "diabetes", "description": "", "source": "", "licence": ""}
    run = ag.train(NUMBERS, tmp_path / "run", data=Dataset(**about, splits={"train": split, "test": split}))
    again = ag.load(tmp_path / "run")
    predicted = again.predict(x)
    assert abs(predicted.mean() - y.mean()) < 10
    figure = again.evaluate((x, y)).figures["mean_absolute_error"].value
    assert figure == pytest.approx(np.abs(predicted - y).mean(), rel=1e-5)
    assert figure == pytest.approx(run.evaluate().figures["mean_absolute_error"].value)


def test_several_inputs(tmp_path):
    x, y = WINE.data.astype(np.float32) / WINE.data.max(axis=0).astype(np.float32), WINE.target
    split = Split({"left": Column(x[:, :6]), "right": Column(x[:, 6:]), "y": Column(y)})
    about = {"name": "halves", "description": "", "source": "", "licence": "", "classes": NAMES}
    spec = {
        **CLASSES,
        "model": [{"concat": None, "input": ["left", "right"]}, {"dense": 3}],
    }
    ag.train(spec, tmp_path / "run", data=Dataset(**about, splits={"train": split, "test": split}))
    again = ag.load(tmp_path / "run")
    assert (again.predict({"left": x[:, :6], "right": x[:, 6:]}) == np.array(NAMES)[y]).mean() > 0.9
    with pytest.raises(DataError, match="a mapping with an array for each input: left, right"):
        again.predict(x)
    with pytest.raises(DataError, match='lacks columns that the model reads: "right"'):
        again.predict({"left": x[:, :6]})


WRONG = [
    (None, "expected columns by name"),
    (5.0, "expected columns by name"),
    (object(), "expected columns by name"),
    ({}, "expected at least one"),
    ([], "expected"),
    ([[1.0], [2.0, 3.0]], "rows of one length"),
    (iter([1.0]), "expected columns by name"),
    ({"alcohol": 1.0, "ash": [1.0, 2.0]}, 'column "alcohol": expected a value a sample'),
    ({"alcohol": [1.0], "ash": [1.0, 2.0]}, "columns of one length"),
    (np.array(["a", "b"]), "expected columns by name"),
    (wine().select(pl.struct(pl.all()).alias("s")), "expected numbers, text or dates"),
]


@pytest.mark.parametrize(("samples", "said"), WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_wrong_samples_get_one_message(samples, said, expected, given, tmp_path):
    with pytest.raises(DataError, match=said):
        expected.predict(samples)
    with pytest.raises(DataError):
        expected.evaluate(samples) if not isinstance(samples, str | type(None)) else expected.predict(samples)
    with pytest.raises(DataError):
        ag.train({**CLASSES, "data": "python"}, tmp_path / "run", data=samples if samples is not None else np.zeros(3))


@pytest.mark.parametrize("data", ["wine.csv", Path("wine.csv")])
def test_a_file_is_a_section_and_no_samples(data, tmp_path):
    with pytest.raises(SpecError, match=r"for a file write \{file: wine.csv, ...\}"):
        ag.train(CLASSES, tmp_path / "run", data=data)
    section = {"file": wine_file(tmp_path), "target": "kind"}
    assert ag.train(CLASSES, tmp_path / "run", data={**section, "file": str(section["file"])}).metrics["accuracy"] > 0.9


def test_a_lone_array_has_no_target(tmp_path):
    with pytest.raises(DataError, match=r"expected a target beside them: \(x, y\)"):
        ag.train(CLASSES, tmp_path / "run", data=WINE.data)


def test_the_layout_of_arrays_is_plain_json(given, tmp_path):
    from agcli.datasets import Layout, fitted

    plain = json.loads(json.dumps(Layout.of(given).to_json()))
    again = fitted(plain)
    assert isinstance(again, Layout)
    assert again.to_json() == plain
    scaling = again.columns["x"].scaling
    assert scaling.offset.tobytes() == given.train.columns["x"].scaling.offset.tobytes()
    with pytest.raises(DataError, match="the columns of arrays"):
        fitted({"kind": "arrays", "columns": 3})
