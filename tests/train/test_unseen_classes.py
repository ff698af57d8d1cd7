"""Classes that only validation or test samples have: they are wrong answers, and no reason to stop."""

import numpy as np
import pytest
from samples import rows
from sklearn import metrics as sklearn

import agcli as ag_module
from agcli.spec import SpecError, parse_spec
from agcli.training import Trainer

HEAD = "model: [{dense: 2}]\nloss: softmax_cross_entropy\n"


@pytest.mark.parametrize(("loss", "units"), [("softmax_cross_entropy", 2), ("sigmoid_cross_entropy", 1), ("hinge", 2)])
@pytest.mark.parametrize("stream", ["false", "true"])
def test_unseen_classes_count_as_wrong_and_lose_nothing(ag, tmp_path, loss, units, stream):
    (tmp_path / "t.csv").write_text(rows())
    for name, seed in (("v", 1), ("e", 2)):
        (tmp_path / f"{name}.csv").write_text(rows(50, "uvwx", seed))
    (tmp_path / "known.csv").write_text("".join(
        line for line in rows(50, "uvwx", 2).splitlines(keepends=True) if line[-2] not in "wx"
    ))  # fmt: skip
    text = f"""
data:
  {{file: t.csv, target: kind, columns: {{who: ignore}}, validation_file: v.csv, test_file: e.csv, stream: {stream}}}
model: [{{dense: {units}}}]
loss: {loss}
metrics: [accuracy, {{precision: {{average: macro}}}}, {{f1: {{average: macro}}}}, confusion_matrix]
optimizer: {{adam: 0.1}}
train: {{epochs: 3}}
"""
    (tmp_path / "s.yaml").write_text(text)
    out = ag("train", tmp_path / "s.yaml", "--out", tmp_path / "run", check=0)
    truth = [line[-1] for line in (tmp_path / "e.csv").read_text().splitlines()[1:]]
    unseen = sum(kind in "wx" for kind in truth)
    assert f"{unseen} of 50 test samples have a class that no training sample has" in out.stderr
    run = ag_module.load(tmp_path / "run")
    said = [str(name) for name in run.predict(str(tmp_path / "e.csv"))]
    expected = {
        "accuracy": sklearn.accuracy_score(truth, said),
        "f1": sklearn.f1_score(truth, said, labels=["u", "v"], average="macro", zero_division=0),
        "precision": sklearn.precision_score(truth, said, labels=["u", "v"], average="macro", zero_division=0),
    }
    assert {name: run.metrics[name] for name in expected} == pytest.approx(expected)
    found = run.evaluate()
    assert (found.figures["accuracy"].value, found.unseen) == (pytest.approx(expected["accuracy"]), unseen)
    assert found.figures["f1"].value == pytest.approx(expected["f1"])
    assert np.sum(found.confusion) == np.sum(run.metrics["confusion_matrix"]) == 50
    assert found.confusion[-1].sum() == unseen
    known = run.evaluate(data=tmp_path / "known.csv")
    assert run.metrics["loss"] == pytest.approx(known.loss, rel=1e-5)
    if loss != "hinge":
        assert found.figures["log_loss"].value == pytest.approx(known.figures["log_loss"].value, rel=1e-6)
        assert found.calibration.error == pytest.approx(known.calibration.error)
    assert "(unseen)" in ag("eval", tmp_path / "run", check=0).stdout


def test_validation_samples_that_are_all_unseen_choose_nothing(tmp_path):
    (tmp_path / "t.csv").write_text(rows())
    (tmp_path / "v.csv").write_text(rows(10, "w"))
    text = (
        f"data: {{file: {tmp_path}/t.csv, target: kind, validation_file: {tmp_path}/v.csv}}\n{HEAD}train: {{epochs: 2}}"
    )
    done = Trainer(parse_spec(text), tmp_path / "run").finish()
    assert np.isnan(done.validation_loss)
    assert done.weights == {"which": "last", "step": done.steps, "epoch": 2}


def test_a_prediction_of_no_class_is_wrong_and_no_class_of_the_average(tmp_path):
    """Three scores for two classes: figures are over the two, as scikit-learn's with `labels`."""
    (tmp_path / "t.csv").write_text(rows(200))
    text = f"""
data: {{file: {tmp_path}/t.csv, target: kind, columns: {{who: ignore}}}}
model: [dense: 3]
loss: softmax_cross_entropy
metrics: [accuracy, {{f1: macro}}, {{precision: weighted}}, {{recall: per_class}}, roc_auc, pr_auc, confusion_matrix]
optimizer: {{sgd: 0.01}}
train: {{epochs: 1, batch_size: 200}}
seed: 3
"""
    run = ag_module.train(parse_spec(text), tmp_path / "run")
    found = run.evaluate("train")
    names = np.array(found.answers.names)
    said, truth = found.answers.named, names[found.truth]
    assert found.classes == ("u", "v", "2")
    assert (said == "2").sum() > 0  # else it shows nothing
    of = {"labels": ["u", "v"], "zero_division": 0}
    z = found.answers.log_probabilities
    expected = {
        "accuracy": sklearn.accuracy_score(truth, said),
        "f1": sklearn.f1_score(truth, said, average="macro", **of),
        "precision": sklearn.precision_score(truth, said, average="weighted", **of),
        "roc_auc": sklearn.roc_auc_score(truth == "v", z[:, 1] - z[:, 0]),
        "pr_auc": sklearn.average_precision_score(truth == "v", z[:, 1] - z[:, 0]),
    }
    for figures in ({k: f.value for k, f in found.figures.items()}, found.metrics):
        assert {name: figures[name] for name in expected} == pytest.approx(expected, abs=1e-6)
    assert found.metrics["recall"] == pytest.approx(sklearn.recall_score(truth, said, average=None, **of))
    table = sklearn.confusion_matrix(truth, said, labels=["u", "v", "2"])[:2]
    assert found.confusion.tolist() == found.metrics["confusion_matrix"] == table.tolist()
    assert [(row.name, row.predicted) for row in found.table] == [(n, (said == n).sum()) for n in "uv"]


@pytest.mark.parametrize(("classes", "scores"), [(2, 2), (2, 3), (3, 7), (5, 5), (5, 6)])
@pytest.mark.parametrize("unseen", [False, True])
def test_a_confusion_has_a_column_a_score(classes, scores, unseen):
    from agcli.evaluation.figures import statistics
    from agcli.spec.nouns import METRICS

    rng = np.random.default_rng(0)
    output, target = rng.normal(size=(60, scores)), rng.integers(0, classes, 60)
    if unseen:
        target[:4] = -1
    row = METRICS.read("confusion_matrix").fields.over(classes)
    found = statistics({"it": row}, output, target)["it"](np.ones((1, 60)))[0]
    expected = np.zeros((classes + unseen, scores))
    for true, said in zip(target, output.argmax(axis=1), strict=True):
        expected[true, said] += 1
    assert found.tolist() == expected.tolist()


LABELS = {
    "names": ("u", "v", "w"),
    "numbers": ("0", "1", "2"),
    "signs": ("-1", "1", "3"),
    "truths": ("false", "true", "x"),
}


@pytest.mark.parametrize("names", LABELS.values(), ids=LABELS)
def test_labels_are_those_of_the_training_samples(tmp_path, names):
    """A third value that only the end of the file has, which is for testing, is no reason to stop."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(80, 2))
    kinds = [names[2] if i >= 74 else names[int(a + b > 0)] for i, (a, b) in enumerate(points)]
    lines = [f"{a:.4f},{b:.4f},{kind}" for (a, b), kind in zip(points, kinds, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,kind", *lines]))
    text = (
        f"data: {{file: {tmp_path}/t.csv, target: kind, split: {{tail: {{test: 0.25}}}}}}\nmodel: [{{dense: 1}}]\n"
        "loss: sigmoid_cross_entropy\nmetrics: [accuracy, confusion_matrix]\noptimizer: {adam: 0.2}\n"
        "train: {epochs: 30}"
    )
    trainer = Trainer(parse_spec(text), tmp_path / "run")
    assert any("6 of 20 test samples have a class that no training sample has" in note.text for note in trainer.notes)
    done = trainer.finish()
    counts = np.asarray(done.metrics["confusion_matrix"])
    assert counts.shape == (3, 2)
    assert counts[2].sum() == 6
    assert done.metrics["accuracy"] == pytest.approx((counts[0, 0] + counts[1, 1]) / 20)
    assert done.metrics["accuracy"] >= 0.6
    assert ag_module.load(tmp_path / "run").evaluate().unseen == 6


def test_a_third_value_in_the_training_samples_is_still_refused(tmp_path):
    (tmp_path / "t.csv").write_text("a,kind\n" + "".join(f"{i * 7 % 13}.5,{'uvw'[i % 3]}\n" for i in range(30)))
    text = f"data: {{file: {tmp_path}/t.csv, target: kind}}\nmodel: [{{dense: 1}}]\nloss: sigmoid_cross_entropy"
    with pytest.raises(SpecError, match=r'"kind" holds names \("u", "v", "w"\)'):
        Trainer(parse_spec(text))
