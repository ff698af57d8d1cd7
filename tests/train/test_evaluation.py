"""What is said of a trained model: figures against scikit-learn and known truths, and rows that are really there."""

import csv
import json

import numpy as np
import pytest

import agcli as ag
from agcli.engine.leaves import placeholder
from agcli.evaluation import evaluate
from agcli.evaluation.bootstrap import intervals, total_by, weights
from agcli.evaluation.classes import calibration, class_table, confusion
from agcli.evaluation.figures import baseline, figures, statistics_of
from agcli.model.meters import meter
from agcli.prediction import Classes, Numbers
from agcli.spec import parse_spec
from agcli.spec.nouns import METRICS
from agcli.training import Trainer

HOUSING = """
data: {{file: {data}/california-housing/housing.csv, target: median_house_value}}
model: [dense: {{units: 16, activation: relu}}, dense: 1]
loss: mean_squared_error
train: {{epochs: 2, batch_size: 256}}
"""
NAMES = (
    "age, workclass, fnlwgt, education, years, marital, occupation, relationship, race, sex, gain, loss, hours, country"
)
ADULT = """
data:
  file: {data}/adult/adult-train.csv
  header: [{names}, income]
  target: income
  columns: {{income: {{categorical: {{strip: .}}}}}}
model: [dense: 2]
loss: softmax_cross_entropy
optimizer: {{adam: 0.01}}
train: {{epochs: 1, batch_size: 256}}
"""


def trained(folder, text):
    *_, done = Trainer(parse_spec(text), folder)
    return done


@pytest.fixture(scope="module")
def iris(tmp_path_factory):
    folder = tmp_path_factory.mktemp("iris") / "run"
    trained(folder, "data: iris\nmodel: [dense: 3]\nloss: softmax_cross_entropy\ntrain: {epochs: 5}")
    return folder


@pytest.fixture(scope="module")
def housing(tmp_path_factory, real_data):
    folder = tmp_path_factory.mktemp("housing") / "run"
    trained(folder, HOUSING.format(data=real_data))
    return folder


@pytest.fixture(scope="module")
def adult(tmp_path_factory, real_data):
    folder = tmp_path_factory.mktemp("adult") / "run"
    trained(folder, ADULT.format(data=real_data, names=NAMES))
    return folder


def classes(n=400, k=3, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    scores = rng.normal(size=(n, k)) + np.eye(k)[truth] * 1.5
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return Classes(tuple("abcdef"[:k]), probabilities, np.log(probabilities)), truth


def mean_of(values):
    return lambda w: w @ values / w.sum(axis=1)


# Figures


@pytest.mark.parametrize("k", [2, 3, 5])
def test_figures_of_classes_are_those_of_scikit_learn(k):
    metrics = pytest.importorskip("sklearn.metrics")
    answers, truth = classes(k=k)
    found = {name: f.value for name, f in figures(answers, truth).items()}
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(truth, answers.chosen))
    average = "binary" if k == 2 else "macro"
    assert found["f1"] == pytest.approx(metrics.f1_score(truth, answers.chosen, average=average))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(truth, answers.probabilities))
    if k == 2:
        assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(truth, answers.probabilities[:, 1]))
        assert found["brier_score"] == pytest.approx(metrics.brier_score_loss(truth, answers.probabilities[:, 1]))


def test_figures_of_classes_with_ties_and_weights_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    answers, truth = classes(k=2)
    coarse = np.round(answers.probabilities, 1).clip(0.05, 0.95)
    answers = Classes(("a", "b"), coarse, np.log(coarse))
    statistics = statistics_of(answers, truth)
    for w in weights(len(truth), 3, seed=1):
        for name, reference in (
            (
                "roc_auc",
                lambda row: metrics.roc_auc_score(truth, np.log(coarse[:, 1] / coarse[:, 0]), sample_weight=row),
            ),
            ("f1", lambda row: metrics.f1_score(truth, answers.chosen, sample_weight=row)),
        ):
            assert statistics[name](w) == pytest.approx([reference(row) for row in w])


def test_figures_of_numbers_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    truth = rng.normal(100, 20, (300, 1))
    answers = Numbers(("price",), truth + rng.normal(5, 10, truth.shape))
    found = {name: f.value for name, f in figures(answers, truth).items()}
    assert found["mean_absolute_error"] == pytest.approx(metrics.mean_absolute_error(truth, answers.values))
    assert found["root_mean_squared_error"] == pytest.approx(metrics.root_mean_squared_error(truth, answers.values))
    assert found["r2"] == pytest.approx(metrics.r2_score(truth, answers.values))
    assert found["bias"] == pytest.approx((answers.values - truth).mean())
    assert baseline(answers, truth)["r2"] == pytest.approx(0, abs=1e-12)
    assert baseline(answers, truth)["root_mean_squared_error"] == pytest.approx(truth.std())


def test_the_constant_answer_is_the_most_frequent_class():
    answers, _ = classes()
    truth = np.repeat([0, 1, 2], [250, 100, 50])
    found = baseline(answers, truth)
    assert found["accuracy"] == 250 / 400
    shares = np.array([250, 100, 50]) / 400
    assert found["log_loss"] == pytest.approx(-(shares * np.log(shares)).sum())


# Intervals


def test_intervals_of_a_mean_are_as_wide_as_theory_says():
    values = np.random.default_rng(3).normal(10, 2, 1000)
    low, high = intervals({"mean": mean_of(values)}, 1000)["mean"]
    half = 1.96 * values.std() / np.sqrt(1000)
    assert low == pytest.approx(values.mean() - half, abs=half / 5)
    assert high == pytest.approx(values.mean() + half, abs=half / 5)


def test_intervals_contain_the_truth_about_as_often_as_they_say():
    """In 200 experiments of a coin with p = 0.7, about 190 intervals have 0.7; 4 deviations are allowed."""
    rng = np.random.default_rng(5)
    hits = 0
    for seed in range(200):
        low, high = intervals({"p": mean_of((rng.random(150) < 0.7).astype(float))}, 150, seed)["p"]
        hits += low <= 0.7 <= high
    assert 175 <= hits <= 200


def test_resamples_repeat_by_their_seed():
    def drawn(seed):
        return np.concatenate(list(weights(50, 20, seed)))

    assert (drawn(1) == drawn(1)).all()
    assert (drawn(1) != drawn(2)).any()
    assert (drawn(1).sum(axis=1) == 50).all()


def test_answers_of_one_sample_are_drawn_together():
    """A thousand copies of each of 30 coins tell as much as the 30 coins."""
    coins = (np.random.default_rng(1).random(30) < 0.5).astype(float)
    alone = intervals({"p": mean_of(coins)}, 30)["p"]
    assert intervals({"p": mean_of(np.repeat(coins, 1000))}, 30, each=1000)["p"] == pytest.approx(alone, abs=0.07)


def test_totals_of_labels_that_do_not_occur_are_zero():
    assert total_by(np.array([2, 0, 2]), 4)(np.array([[1.0, 5.0, 2.0]])).tolist() == [[5.0, 0.0, 3.0, 0.0]]


# Classes


def test_confusions_and_class_table_agree():
    answers, truth = classes()
    counts = confusion(answers, truth)
    assert counts.sum() == len(truth)
    assert counts[1, 2] == ((truth == 1) & (answers.chosen == 2)).sum()
    row = class_table(answers, counts)[1]
    assert row.recall == pytest.approx(((truth == 1) & (answers.chosen == 1)).sum() / (truth == 1).sum())
    assert row.samples == (truth == 1).sum()


def test_calibration_tells_honest_from_boastful_probabilities():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.5, 1, 20_000)
    truth = (rng.random(20_000) > p).astype(int)  # class 0 with probability p
    honest = np.stack([p, 1 - p], axis=1)
    boastful = np.stack([p**0.2, 1 - p**0.2], axis=1)
    assert calibration(Classes(("a", "b"), honest, np.log(honest)), truth).error < 0.01
    assert calibration(Classes(("a", "b"), boastful, np.log(boastful)), truth).error > 0.1
    assert sum(b.samples for b in calibration(Classes(("a", "b"), honest, np.log(honest)), truth).bins) == 20_000
    assert calibration(Classes(("a", "b"), honest, np.log(honest), certain=False), truth) is None


# Runs


def test_a_run_on_iris(iris, ag):
    found = json.loads(ag("eval", iris, "--json", "--worst", 3, check=0).stdout)
    assert found["samples"] == 30
    assert found["metrics"]["accuracy"] == pytest.approx(found["figures"]["accuracy"]["value"])
    assert found["figures"]["log_loss"]["value"] == pytest.approx(found["loss"], rel=1e-5)
    assert found["figures"]["accuracy"]["baseline"] == pytest.approx(1 / 3)
    assert np.sum(found["confusion"]) == 30
    assert [row["name"] for row in found["classes"]] == ["setosa", "versicolor", "virginica"]
    assert len(found["worst"]) <= 3
    for worst in found["worst"]:
        assert worst["truth"] == worst["cells"]["class"] != worst["said"]
        assert set(worst["cells"]) == {"sepal_length", "sepal_width", "petal_length", "petal_width", "class"}
    text = ag("eval", iris, check=0).stdout
    assert "95 % interval" in text
    assert "virginica" in text
    assert max(len(line) for line in text.splitlines() if not line.startswith("note: ")) <= 80


def test_numbers_are_in_units_of_the_target(housing, real_data):
    found = evaluate(housing, by="ocean_proximity", count=5)
    rmse = found.figures["root_mean_squared_error"]
    spread = rmse.baseline
    assert rmse.low < rmse.value < rmse.high < spread
    assert 100_000 < spread < 130_000  # dollars
    assert rmse.value == pytest.approx(found.metrics["root_mean_squared_error"], rel=1e-4)  # of training, too
    rows = list(csv.DictReader((real_data / "california-housing/housing.csv").read_text().splitlines()))
    for worst in found.worst:
        assert float(rows[worst.row - 1]["median_house_value"]) == worst.truth
        assert worst.wrong == pytest.approx(worst.said - worst.truth, abs=1)
        assert worst.cells == {k: v or None for k, v in rows[worst.row - 1].items()}
    assert sum(group.samples for group in found.groups) == found.samples == 4128
    assert {group.name for group in found.groups} >= {"INLAND", "NEAR BAY"}


def test_columns_of_many_numbers_are_cut_into_quarters(housing):
    found = evaluate(housing, by="median_income", count=0)
    assert len(found.groups) == 4
    assert sum(group.samples for group in found.groups) == found.samples
    assert max(g.samples for g in found.groups) < 1.1 * min(g.samples for g in found.groups)
    assert found.worst == []


def test_another_file_is_judged_by_the_same_terms(adult, real_data, ag):
    """The official test file has no header, and a full stop behind its labels."""
    found = json.loads(
        ag("eval", adult, "--data", real_data / "adult/adult-test.csv", "--by", "sex", "--json", check=0).stdout
    )
    assert found["samples"] == 16_281
    assert found["figures"]["accuracy"]["value"] > found["figures"]["accuracy"]["baseline"] > 0.7
    assert found["figures"]["roc_auc"]["low"] > 0.8
    assert {g["name"]: g["samples"] for g in found["groups"]} == {"Male": 10_860, "Female": 5_421}
    lines = (real_data / "adult/adult-test.csv").read_text().splitlines()
    for worst in found["worst"]:
        assert lines[worst["row"] - 1].split(", ")[0] == worst["cells"]["age"]


def test_running_text_is_judged_token_by_token(tmp_path):
    (tmp_path / "text.txt").write_text("the cat sat on the mat. " * 60)
    spec = f"data: {{file: {tmp_path}/text.txt, length: 8}}\nmodel: [embedding: {{size: 12, width: 4}}, dense: 12]\n"
    trained(tmp_path / "run", spec + "loss: softmax_cross_entropy\ntrain: {epochs: 1}")
    found = evaluate(tmp_path / "run")
    assert found.confusion.sum() == found.samples * 8
    assert found.worst[0].cells["text"] in "the cat sat on the mat. " * 2
    assert found.worst[0].truth != found.worst[0].said


def test_outputs_that_are_no_answers_have_no_figures(tmp_path):
    trained(tmp_path / "run", "data: iris\nmodel: [dense: 2, dense: 4]\nloss: mean((output - x)^2)\ntrain: {epochs: 1}")
    found = evaluate(tmp_path / "run")
    assert found.figures == {}
    assert found.loss > 0
    with pytest.raises(ValueError, match="neither classes nor the target"):
        evaluate(tmp_path / "run", by="class")


def test_samples_may_come_on_standard_input(iris, ag):
    lines = "petal_width,sepal_length,sepal_width,petal_length,species\n0.2,5.1,3.5,1.4,setosa\n2.5,6.3,3.3,6.0,rose\n"
    done = ag("eval", iris, "--data", "-", input=lines, check=2)
    assert 'standard input: row 2: column "species": expected a class (setosa, versicolor, virginica)' in done.stderr
    found = ag("eval", iris, "--data", "-", "--json", input=lines.replace("rose", "virginica"), check=0).stdout
    assert json.loads(found)["samples"] == 2
    assert json.loads(found)["data"] == "standard input"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--by", "petal_lenght"], 'did you mean "petal_length"'),
        (["--split", "tset"], 'did you mean "test"'),
        (["--data", "nowhere.csv"], "nowhere.csv: cannot be read"),
        (["--data", "x.npy"], "expected targets beside the samples"),
        (["--weights", "7"], "expected best, last or one of the steps"),
    ],
)
def test_what_does_not_fit_is_said(iris, ag, options, said, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 4)))
    done = ag("eval", iris.resolve(), *options, check=2, cwd=tmp_path)
    assert said in done.stderr
    assert "internal error" not in done.stderr


def test_figures_without_a_value_are_null_in_json(tmp_path):
    """A truth that is always the same has no variance that could be explained."""
    rows = "".join(f"{i},{i % 7 if i < 60 else 1.5}\n" for i in range(80))
    (tmp_path / "data.csv").write_text("x,y\n" + rows)
    columns = "columns: {x: numeric, y: numeric}, split: {tail: {test: 0.2}}"
    spec = f"data: {{file: {tmp_path}/data.csv, target: y, {columns}}}\n"
    trained(tmp_path / "run", spec + "model: [dense: 1]\nloss: mse\ntrain: {epochs: 1}")
    found = json.loads(json.dumps(evaluate(tmp_path / "run").to_json(), allow_nan=False))
    assert found["figures"]["r2"]["value"] is None
    assert found["figures"]["mean_absolute_error"]["value"] > 0


def test_a_streamed_table_is_judged_with_its_rows(tmp_path, real_data):
    text = HOUSING.format(data=real_data).replace("target:", "stream: true, target:").replace("epochs: 2", "epochs: 1")
    trained(tmp_path / "run", text)
    found = evaluate(tmp_path / "run", by="ocean_proximity", count=3)
    rows = list(csv.DictReader((real_data / "california-housing/housing.csv").read_text().splitlines()))
    for worst in found.worst:
        assert float(rows[worst.row - 1]["median_house_value"]) == worst.truth
    assert sum(group.samples for group in found.groups) == found.samples


def test_a_target_that_the_loss_never_sees_is_not_held_against_the_model(tmp_path):
    spec = {
        "data": {"name": "sine", "samples": 100}, "model": [{"dense": 1}], "loss": "mean(square(output - 2 * x))",
        "metrics": {"gap": "mean(abs(output - 2 * x))"}, "train": {"epochs": 1},
    }  # fmt: skip
    found = ag.train(spec, tmp_path / "run").evaluate()
    assert found.figures == {}
    assert found.metrics.keys() == {"gap"}


def test_labels_of_sets_have_a_row_each_by_name(ag, tmp_path):
    """Precision, recall and F1 of each label are those of scikit-learn for its own column."""
    from sklearn import metrics as sklearn

    import agcli

    rng = np.random.default_rng(2)
    x = rng.normal(size=(150, 3))
    has = x + rng.normal(size=x.shape) * 0.7 > 0
    sets = [";".join(np.array(["big", "new", "red"])[row]) for row in has]
    lines = [f"{a:.4f},{b:.4f},{c:.4f},{tags}" for (a, b, c), tags in zip(x, sets, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,c,tags", *lines]) + "\n")
    (tmp_path / "s.yaml").write_text(
        f"data: {{file: {tmp_path}/t.csv, target: tags, columns: {{tags: labels}}}}\n"
        "model: [dense: 3]\nloss: sigmoid_cross_entropy\nmetrics: [calibration_error]\noptimizer: {adam: 0.1}\n"
        "train: {epochs: 3}\n"
    )
    run = agcli.train(tmp_path / "s.yaml", tmp_path / "run")
    found = run.evaluate()
    assert [row.name for row in found.table] == ["big", "new", "red"]
    truth, said = (array.reshape(-1, 3) for array in (found.truth, found.answers.chosen))
    of = sklearn.precision_recall_fscore_support(truth, said, zero_division=0)
    for row, precision, recall, f1, samples in zip(found.table, *of, strict=True):
        assert (row.precision, row.recall, row.f1) == pytest.approx((precision, recall, f1))
        assert (row.samples, row.predicted) == (samples, said[:, ["big", "new", "red"].index(row.name)].sum())
    shown = ag("eval", run.folder, check=0).stdout
    assert "\nlabels\nlabel " in shown
    assert "\nred " in shown
    assert "none: a resample has larger gaps" in shown
    assert found.confusion.shape == (2, 2)


def test_answers_that_are_no_numbers_are_why_a_figure_has_no_value():
    """It is neither for want of samples, nor since all truths are the same."""
    said = "some answers are NaN or infinite"
    found = figures(Numbers(("y",), np.array([[1.0], [np.nan], [2.0]])), np.array([[1.0], [2.0], [3.0]]))
    assert {"mean_absolute_error", "r2"} <= found.keys()
    assert {figure.value.reason for figure in found.values()} == {said}
    x, t = placeholder("x", (None, 1)), placeholder("t", (None, 1))
    for name in ("mean_absolute_error", "r2", "mean_squared_error"):
        row = meter(METRICS.read(name), 0, x, t)
        parts = {part: f.eval({x: [[np.nan], [2.0]], t: [[1.0], [3.0]]}) for part, f in row.parts.items()}
        assert row.value(parts, 2).reason == said
