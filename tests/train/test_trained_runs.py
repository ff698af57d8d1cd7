"""Training from Python: specs from anywhere, keywords that are validated, and models that take what programs have."""

import numpy as np
import polars as pl
import pytest

import agcli as ag
from agcli.datasets import DataError, load
from agcli.events import Done, EpochDone, Interrupted, Started
from agcli.prediction import Classes
from agcli.runs import RunError
from agcli.spec import SpecError

IRIS = {
    "name": "flowers",
    "data": "iris",
    "model": [{"dense": 3}],
    "loss": "softmax_cross_entropy",
    "optimizer": {"adam": 0.05},
    "train": {"epochs": 20},
}
FEATURES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
ROWS = [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]
FLOWERS = ["setosa", "virginica"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return ag.train(IRIS, tmp_path_factory.mktemp("iris") / "run")


class Frame:
    """What pandas has of a data frame, as far as it is used here."""

    columns = FEATURES

    def __getitem__(self, name):
        return np.array(ROWS)[:, FEATURES.index(name)]


@pytest.mark.parametrize(
    "samples",
    [
        ROWS,
        np.array(ROWS),
        np.array(ROWS, np.float32),
        [dict(zip(FEATURES, row, strict=True)) for row in ROWS],
        {name: [row[i] for row in ROWS] for i, name in enumerate(FEATURES)},
        {name: np.array(ROWS)[:, i] for i, name in reversed(list(enumerate(FEATURES)))},
        pl.DataFrame(ROWS, schema=list(FEATURES), orient="row"),
        Frame(),
    ],
)
def test_samples_come_in_any_form(run, samples):
    assert run.predict(samples).tolist() == FLOWERS
    assert run.predict(samples, probabilities=True).sum(axis=1) == pytest.approx(1)


def test_one_sample_is_enough(run, tmp_path):
    assert run.predict(dict(zip(FEATURES, ROWS[0], strict=True))).tolist() == ["setosa"]
    assert run.predict(ROWS[1]).tolist() == ["virginica"]
    (tmp_path / "x.csv").write_text(",".join(FEATURES) + "\n" + ",".join(map(str, ROWS[1])))
    assert run.predict(tmp_path / "x.csv").tolist() == ["virginica"]


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        ([], "expected"),
        ([[1, 2]], r"expected samples of shape \(4,\), found"),
        ([[1, 2], [3]], "rows of one length"),
        ("nowhere.csv", "nowhere.csv"),
        ({"sepal_lenght": [1]}, 'there is "sepal_lenght"'),
        ([["a", "b", "c", "d"]], "expected columns by name"),
        ([[1, 2, 3, float("nan")]], "finite"),
    ],
)
def test_samples_that_do_not_fit_are_said(run, samples, said):
    with pytest.raises(DataError, match=said):
        run.predict(samples)


def test_predictions_do_not_depend_on_the_batch(run):
    x = np.tile(load("iris", raw=True).test.x, (70, 1))
    whole = run.predict(x, probabilities=True)
    alone = np.concatenate([run.predict(x[i : i + 1], probabilities=True) for i in range(30)])
    assert whole[:30] == pytest.approx(alone, abs=1e-6)
    assert whole[30:60] == pytest.approx(whole[:30], abs=1e-6)


def test_the_run_tells_how_it_went(run):
    assert [record["epoch"] for record in run.history] == list(range(1, 21))
    assert run.metrics["accuracy"] == run.result["metrics"]["accuracy"] >= 0.9
    assert run.metrics["loss"] == run.result["test_loss"]
    assert run.result["validation_loss"] == min(record["validation_loss"] for record in run.history)
    assert run.spec.train.epochs == 20
    again = ag.load(run.folder)
    assert again.metrics == run.metrics
    assert again.predict(ROWS).tolist() == FLOWERS
    found = again.evaluate(count=0)
    assert found.figures["accuracy"].value == pytest.approx(run.metrics["accuracy"])
    assert isinstance(again.answers(ROWS), Classes)


def test_numbers_have_no_probabilities(tmp_path):
    run = ag.train({**IRIS, "data": "sine", "model": [{"dense": 1}], "loss": "mse"}, tmp_path / "run", epochs=1)
    assert run.predict([[0.5], [1.0]]).shape == (2,)
    with pytest.raises(RunError, match="gives no probabilities"):
        run.predict([[0.5]], probabilities=True)


def test_keywords_change_the_spec(tmp_path):
    events = []
    run = ag.train(
        IRIS,
        tmp_path / "a",
        epochs=2,
        seed=3,
        optimizer={"sgd": 0.1},
        set=["train.batch_size=7"],
        on_event=events.append,
    )
    assert (run.spec.train.epochs, run.spec.seed, run.spec.train.batch_size) == (2, 3, 7)
    assert run.spec.optimizer.name == "sgd"
    assert [type(e) for e in events if isinstance(e, Started | EpochDone | Done)] == [
        Started, EpochDone, EpochDone, Done,
    ]  # fmt: skip
    again = ag.train(run.spec, tmp_path / "b", epochs=1)
    assert (again.spec.train.epochs, again.spec.seed) == (1, 3)


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"epoch": 3}, RunError, "did you mean `epochs`"),
        ({"epochs": 0}, SpecError, "train.epochs"),
        ({"epochs": "many"}, SpecError, "train.epochs"),
        ({"optimizer": "adma"}, SpecError, "adam"),
        ({"set": ["train.epochs"]}, SpecError, "path=value"),
    ],
)
def test_keywords_are_validated(tmp_path, settings, error, said):
    with pytest.raises(error, match=said):
        ag.train(IRIS, tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def test_a_loop_may_be_left_and_gone_on_with(tmp_path):
    trainer = ag.Trainer(IRIS, tmp_path / "run", epochs=4)
    for event in trainer:
        if isinstance(event, EpochDone) and event.epoch == 2:
            trainer.stop()
    assert isinstance(event, Interrupted)
    *_, done = ag.Trainer.resume(tmp_path / "run")
    *_, whole = ag.Trainer(IRIS, tmp_path / "whole", epochs=4)
    assert done.metrics == whole.metrics
    assert done.loss == whole.loss


def test_a_data_set_may_be_given(tmp_path):
    data = load("iris", raw=True)
    trainer = ag.Trainer(IRIS, tmp_path / "run", data=data, epochs=1)
    assert trainer.data.train is data.train
    assert ag.Trainer(IRIS, tmp_path / "other", data="blobs", epochs=1).data.name == "blobs"
