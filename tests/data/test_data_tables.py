"""Tables: guesses, splits and statistics of a file as a whole, and what a spec can say of them."""

import dataclasses
from dataclasses import replace

import numpy as np
import pytest

from agcli.datasets import (
    ROLES,
    RULES,
    ArrayFile,
    Categorical,
    DataError,
    Date,
    Fold,
    Group,
    Ignore,
    Numeric,
    Shuffled,
    Stratified,
    Table,
    TableFile,
    Tail,
    Text,
    Time,
    guess,
)
from agcli.datasets.frame import Frame
from agcli.spec.columns import COLUMNS, SPLITS


def frame(**columns):
    import polars as pl

    return Frame("t.csv", {k: v if isinstance(v, np.ndarray) else pl.Series(k, v) for k, v in columns.items()})


@pytest.mark.parametrize(
    ("values", "role"),
    [
        (["1.5", "2", "-3e4"], Numeric),
        ([None, "2", "3"], Numeric),
        ([str(i) for i in range(100, 200)], Ignore),
        (["7"] * 9, Ignore),
        ([None] * 9, Ignore),
        (["2024-01-01", "2024-02-01 10:00", None], Date),
        (["red", "blue", "red", "red", "blue"], Categorical),
        ([f"id-{i}" for i in range(100)], Ignore),
        ([f"this is sentence number {i}" for i in range(100)], Text),
        ([True, False, True], Numeric),
    ],
)
def test_the_role_of_an_input_is_guessed(values, role):
    assert type(guess.role(frame(c=values)["c"])) is role


@pytest.mark.parametrize(
    ("values", "role"),
    [
        (["0", "1", "1"], Categorical),
        (["1", "2", "3", "2"], Categorical),
        (["3", "4", "6"], Numeric),
        (["0.5", "1"], Numeric),
        (["a", "b"], Categorical),
        ([str(i) for i in range(50)], Numeric),
        (np.array([1, 2, 9]), Categorical),
        (np.array([1.0, 2]), Numeric),
    ],
)
def test_the_role_of_a_target_is_guessed(values, role):
    assert type(guess.target_role(frame(c=values)["c"])) is role


@pytest.mark.parametrize(
    ("names", "target"),
    [
        (["a", "species", "b"], "species"),
        (["median_income", "median_house_value", "ocean"], "median_house_value"),
        (["a", "b"], "b"),
        (["Target", "value"], "Target"),
    ],
)
def test_the_target_is_guessed(names, target):
    assert guess.target(frame(**{name: ["1", "2", "1", "3"] * 3 for name in names})) == target


@pytest.mark.parametrize("stream", [False, True])
def test_only_the_training_split_teaches(tmp_path, stream):
    path = tmp_path / "t.csv"
    path.write_text("a,k,y\n" + "1,u,0\n3,u,1\n" * 4 + "500,old,0\n500,old,2\n" + "1000,new,0\n1000,new,1\n")
    split = Tail(test=0.17, validation=0.2)
    table = Table(source=TableFile(path), target=("y",), split=split, columns={"k": Categorical()}, stream=stream)
    data = table.read()
    stats = data.fitted.inputs[0].stats
    assert (stats["mean"], stats["deviation"], data.fitted.inputs[1].stats) == (2, 1, {"categories": ["u"]})
    np.testing.assert_array_equal(data.test.x, [[998, 0], [998, 0]])
    np.testing.assert_array_equal(data.validation.x, [[498, 0], [498, 0]])
    assert data.classes == ("0", "1")
    assert data.validation.y.tolist() == [0, 2]  # the number behind those of the classes
    assert "1 of 2 validation samples have a class that no training sample has" in " ".join(data.warnings)


def test_what_was_settled_reads_the_same_again(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a;k\n" + "".join(f"{i % 13};{'uv'[i % 2]}\n" for i in range(60)))
    data = Table(source=TableFile(path)).read()
    assert data.settled.target == ("k",)
    assert data.settled.split.name == "stratified"
    again = data.settled.read()
    assert again.settled == data.settled
    np.testing.assert_array_equal(again.train.x, data.train.x)


def test_a_file_for_testing_has_the_columns_of_the_one_for_training(tmp_path):
    (tmp_path / "train.csv").write_text("a,b,y\n" + "1,2,u\n5,6,v\n" * 10)
    (tmp_path / "test.csv").write_text("3,4,u\n")
    table = Table(source=TableFile(tmp_path / "train.csv"), test=TableFile(tmp_path / "test.csv"), target=("y",))
    data = table.read()
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 17, "validation": 3, "test": 1}
    assert data.test.x.shape == (1, 2)
    assert replace(table, split=Tail()).read().settled.split.test == 0
    with pytest.raises(DataError, match="expected a share or a file for test, found both"):
        replace(table, split=Tail(test=0.1))
    with pytest.raises(DataError, match="expected a fold or a file for testing, found both"):
        replace(table, split=Fold())


@pytest.mark.parametrize("stream", [False, True])
def test_a_file_for_validation_stands_beside_one_for_testing(tmp_path, stream):
    files = {name: TableFile(tmp_path / f"{name}.csv") for name in ("train", "validation", "test")}
    for number, file in enumerate(files.values()):
        file.path.write_text("a,y\n" + f"{number},u\n{number}.5,v\n" * (10 - number))
    both = {"source": files["train"], "validation": files["validation"]}
    table = Table(**both, test=files["test"], target=("y",), columns={"a": Numeric(scale="none")}, stream=stream)
    data = table.read()
    assert {name: sorted(set(split.x[:, 0])) for name, split in data.splits.items()} == {
        "train": [0, 0.5], "validation": [1, 1.5], "test": [2, 2.5],
    }  # fmt: skip
    assert data.settled.split is None
    drawn = replace(table, test=None).read()
    assert drawn.settled.split.validation == 0
    assert sorted(set(drawn.validation.x[:, 0])) == [1, 1.5]
    assert len(drawn.train) + len(drawn.test) == 20
    with pytest.raises(DataError, match="expected a share or a file for validation, found both"):
        replace(table, split=Tail(validation=0.1))


@pytest.mark.parametrize(
    "split", [Shuffled(), Stratified(), Tail(), Fold(), Group(column="a"), Time(column="a")], ids=str
)
@pytest.mark.parametrize("target", ["k", "a"])
def test_what_a_split_left_open_is_settled(tmp_path, split, target):
    path = tmp_path / "t.csv"
    path.write_text("a,k\n" + "".join(f"{i % 23},{'uv'[i % 2]}\n" for i in range(100)))
    table = Table(source=TableFile(path), target=(target,), split=split, columns={"a": Numeric()})
    if isinstance(split, Stratified) and target == "a":
        with pytest.raises(DataError, match="expected classes as the target"):
            table.read()
        return
    data = table.read()
    assert data.settled.split.validation == pytest.approx(0.15, abs=0.06 if split.by else 0)
    again = data.settled.read()
    assert again.settled == data.settled
    assert all(map(np.array_equal, *([s.x for s in found.splits.values()] for found in (data, again))))
    assert sum(map(len, data.splits.values())) == 100


def test_formulas_hold_out_nothing_for_validation(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "".join(f"{i},{i % 7}.5\n" for i in range(50)))
    assert not Table(source=TableFile(path), target=("y",), plain=True).read().has_validation
    asked = Table(source=TableFile(path), target=("y",), plain=True, split=Shuffled(validation=0.25)).read()
    assert len(asked.validation) == 10


def test_samples_without_a_target_are_left_out(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "1,u\n2,v\n3,?\n" * 10)
    for stream in (False, True):
        data = Table(source=TableFile(path), target=("y",), stream=stream).read()
        assert sum(map(len, data.splits.values())) == 20
    path.write_text("a,y\n1,\n2,\n")
    with pytest.raises(DataError, match='expected samples with a "y", found none'):
        Table(source=TableFile(path), target=("y",)).read()


def test_arrays_are_a_table(tmp_path):
    x = np.arange(20 * 9, dtype=np.uint8).reshape(20, 3, 3)
    np.savez(tmp_path / "s.npz", x=x, extra=np.linspace(0, 1, 20), y=np.arange(20) % 2)
    table = Table(source=ArrayFile(tmp_path / "s.npz"), target=("y",))
    with pytest.raises(DataError, match='input x: expected columns of numbers, found "x"; give it an input of its own'):
        table.read()
    data = replace(table, columns={"extra": Numeric(input="extra")}).read()
    named = {name: role.name for name, role in data.settled.columns.items()}
    assert named == {"x": "image", "extra": "numeric", "y": "categorical"}
    assert data.train.inputs == ("x", "extra")
    assert data.train.columns["x"].stored.dtype == np.uint8
    assert data.train.x.max() <= 179 / np.float32(255)


# Real data


@pytest.mark.parametrize(
    ("file", "target", "shape", "classes", "warned"),
    [
        ("iris/iris.csv", "species", (102, 4), 3, "sorted by their class"),
        ("california-housing/housing.csv", "median_house_value", (14035, 13), 0, "of 14,035"),
        ("wine-quality/wine-quality-mlflow.csv", "quality", (3330, 11), 0, ""),
        ("adult/adult-train.csv", "column_15", (22142, 105), 2, "have no value; fed as unknown"),
    ],
)
def test_real_tables_are_read_without_a_word(real_data, file, target, shape, classes, warned):
    data = Table(source=TableFile(real_data / file), target=(target,)).read()
    assert data.train.x.shape == shape
    assert data.train.x.dtype == np.float32
    assert len(data.classes) == classes
    assert np.isfinite(data.train.x).all()
    assert warned in " ".join(data.warnings)
    numeric = [i for i, name in enumerate(data.features) if "=" not in name]
    np.testing.assert_allclose(data.train.x[:, numeric].mean(0, np.float64), 0, atol=1e-5)


def test_housing_is_restored_in_dollars(real_data):
    table = Table(source=TableFile(real_data / "california-housing/housing.csv"), target=("median_house_value",))
    data = table.read()
    dollars = table.source.read()["median_house_value"].numbers()
    assert np.isin(np.round(data.fitted.restore(data.test.y)), dollars).all()


def test_every_role_of_a_spec_is_here():
    for table, known in ((COLUMNS, ROLES), (SPLITS, RULES)):
        assert set(table.rows) == set(known)
        for name, row in table.rows.items():
            ours = {field.name: field.default for field in dataclasses.fields(known[name])}
            fields = row.fields.model_fields
            assert name == "ignore" or set(fields) == set(ours), name
            kind = ("scale", "missing")  # the kind of model decides
            fields = {key: field for key, field in fields.items() if key not in kind}
            assert all(field.is_required() or field.default == ours[key] for key, field in fields.items()), name
