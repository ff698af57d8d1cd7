"""Weights of samples in an evaluation: a sample of weight 3 is the sample three times, in every figure and count."""

import csv
import json

import numpy as np
import pytest

import agcli

N, TESTED = 90, 45
OF_CLASSES = "accuracy, {f1: macro}, pr_auc, roc_auc, log_loss, {calibration_error: 5}, confusion_matrix"
KINDS = {  # kind -> metrics, model, loss
    "numbers": ("r2, bias, mean_absolute_error", "[dense: 1]", "mean_squared_error"),
    "two": (OF_CLASSES, "[dense: 1]", "sigmoid_cross_entropy"),
    "three": (OF_CLASSES, "[dense: 3]", "softmax_cross_entropy"),
}


def written(path, rows):
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path


@pytest.fixture(scope="module", params=KINDS)
def run(request, tmp_path_factory):
    """A run whose test samples have the weights 0, 1, 2.5, 3 and 6; and a file with each twice as often as that."""
    metrics, model, loss = KINDS[request.param]
    folder, rng = tmp_path_factory.mktemp(request.param), np.random.default_rng(3)
    x = rng.normal(size=N)
    noisy = x + rng.normal(size=N)
    y = {"numbers": 1000 + noisy, "two": np.array(["no", "yes"])[(noisy > 0).astype(int)]}.get(
        request.param, np.array(["cat", "dog", "emu"])[np.digitize(noisy, [-0.5, 0.5])]
    )
    w = rng.choice([0, 1, 2.5, 3, 6], N)
    rows = [{"a": a, "kind": "uv"[i % 2], "w": b, "y": c} for i, (a, b, c) in enumerate(zip(x, w, y, strict=True))]
    tested = rows[-TESTED:]
    if request.param == "three":  # which training never sees
        tested.append({"a": 0.3, "kind": "u", "w": 2.5, "y": "fox"})
    written(folder / "train.csv", rows[:-TESTED])
    written(folder / "test.csv", tested)
    plain = [{k: v for k, v in row.items() if k != "w"} for row in tested for _ in range(int(2 * row["w"]))]
    written(folder / "often.csv", plain)
    (folder / "spec.yaml").write_text(
        f"data: {{file: {folder}/train.csv, test_file: {folder}/test.csv, target: y, weights: w, "
        f"columns: {{kind: ignore}}, split: {{shuffled: {{validation: 0}}}}}}\n"
        f"model: {model}\nloss: {loss}\nmetrics: [{metrics}]\ntrain: {{epochs: 3}}\n"
    )
    return agcli.train(folder / "spec.yaml", folder / "run"), folder


def alike(found, expected):
    """NaN is NaN."""
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(expected, float), rtol=1e-5, atol=1e-6)


def test_a_weight_is_the_sample_so_often_in_every_figure(run):
    run, folder = run
    found, often = run.evaluate(by="kind"), run.evaluate(data=folder / "often.csv", by="kind")
    assert often.samples > found.samples
    assert 'samples count by their weights, "w", in figures and in counts of classes' in found.notes
    lacking = next(note for note in often.notes if 'have no "w"' in note)
    assert lacking.startswith(
        'the samples have no "w", which `data.weights` names: each counts 1; give the file a column'
    )
    alike(found.loss, often.loss)
    assert list(found.figures) == list(often.figures)
    for name, figure in often.figures.items():
        alike(found.figures[name].value, figure.value)
        assert found.figures[name].low <= found.figures[name].value <= found.figures[name].high
        alike(found.figures[name].baseline, figure.baseline)
    for name, value in often.metrics.items():
        alike(found.metrics[name], np.array(value) / (2 if name == "confusion_matrix" else 1))
    groups = {group.name: group for group in often.groups}
    assert set(groups) == {"u", "v"}
    for group in found.groups:
        for name, figure in group.figures.items():
            alike(figure.value, groups[group.name].figures[name].value)


def test_counts_are_sums_of_weights(run):
    run, folder = run
    found, often = run.evaluate(), run.evaluate(data=folder / "often.csv")
    if not found.classes:
        assert found.confusion is None
        return
    alike(2 * found.confusion, often.confusion)
    for row, other in zip(found.table, often.table, strict=True):
        alike([2 * row.samples, 2 * row.predicted], [other.samples, other.predicted])
        alike(
            [row.precision or 0, row.recall or 0, row.f1 or 0], [other.precision or 0, other.recall or 0, other.f1 or 0]
        )
    alike(found.calibration.error, often.calibration.error)
    for bin_, other in zip(found.calibration.bins, often.calibration.bins, strict=True):
        alike([2 * bin_.samples, bin_.certainty, bin_.accuracy], [other.samples, other.certainty, other.accuracy])


def test_a_name_has_one_number_everywhere(run, ag):
    run, _ = run
    trained, found = run.result["metrics"], run.evaluate()
    done = ag("eval", run.folder, "--json")
    assert done.returncode == 0, done.stderr
    judged = json.loads(done.stdout)
    shown = ag("eval", run.folder)
    assert shown.returncode == 0, shown.stderr
    assert ag("report", run.folder).returncode == 0
    for name, value in trained.items():
        assert found.metrics[name] == judged["metrics"][name] == value, name
        if name in found.figures:
            assert found.figures[name].value == judged["figures"][name]["value"] == value, name
        if name == "confusion_matrix":
            assert found.confusion.tolist() == judged["confusion"] == value
            assert f"{found.table[0].samples:,.2f}".removesuffix(".00") in shown.stdout


def test_weights_of_a_file_are_those_of_its_column(run):
    run, folder = run
    found, same = run.evaluate(), run.evaluate(data=folder / "test.csv")
    assert {k: f.value for k, f in found.figures.items()} == {k: f.value for k, f in same.figures.items()}
    assert (found.loss, found.metrics) == (same.loss, same.metrics)


def test_intervals_narrow_to_the_samples_that_count(tmp_path):
    """A tenth of the samples has all of the weight: the interval is about as wide as theirs alone."""
    from agcli.evaluation.bootstrap import intervals, statistic
    from agcli.spec.nouns import METRICS

    values = np.random.default_rng(0).normal(size=2000)
    counts = (np.arange(2000) % 10 == 0) * 7.0
    row = METRICS.read("bias").fields
    low, high = intervals({"it": statistic(row, {"sum": values[:, None]})}, 2000, counts=counts)["it"]
    alone = values[counts > 0]
    assert (high - low) / (2 * 1.96 * alone.std() / np.sqrt(len(alone))) == pytest.approx(1, abs=0.12)
    assert (high + low) / 2 == pytest.approx(alone.mean(), abs=0.03)


@pytest.mark.parametrize(
    ("loss", "units"),
    [
        ("{softmax_cross_entropy: {class_weights: balanced}}", 2),
        ("{softmax_cross_entropy: {class_weights: {yes: 3}}}", 2),
        ("{sigmoid_cross_entropy: {pos_weight: balanced}}", 1),
    ],
)
def test_classes_of_a_file_weigh_as_those_of_training(tmp_path, loss, units):
    x = np.random.default_rng(0).normal(size=100)
    rows = [{"a": a, "y": "yes" if a > 0.8 else "no"} for a in x]
    written(tmp_path / "all.csv", rows)
    written(tmp_path / "tail.csv", rows[70:])
    (tmp_path / "spec.yaml").write_text(
        f"data: {{file: {tmp_path}/all.csv, target: y, split: {{tail: {{test: 0.3, validation: 0}}}}}}\n"
        f"model: [dense: {units}]\nloss: {loss}\ntrain: {{epochs: 2}}\n"
    )
    run = agcli.train(tmp_path / "spec.yaml", tmp_path / "run")
    for found in (run, agcli.load(run.folder)):
        assert found.evaluate(data=tmp_path / "tail.csv").loss == found.evaluate().loss == run.result["test_loss"]


def test_a_group_of_no_weight_has_no_figure(ag, tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        {"a": a, "kind": "uv"[i % 2], "w": i % 2, "y": "yes" if a > 0 else "no"}
        for i, a in enumerate(rng.normal(size=80))
    ]
    written(tmp_path / "t.csv", rows)
    (tmp_path / "spec.yaml").write_text(
        f"data: {{file: {tmp_path}/t.csv, target: y, weights: w, columns: {{kind: ignore}}}}\n"
        "model: [dense: 2]\nloss: softmax_cross_entropy\nmetrics: [{recall: macro}, {precision: per_class}]\n"
        "train: {epochs: 2}\n"
    )
    run = agcli.train(tmp_path / "spec.yaml", tmp_path / "run")
    of = {group.name: group.figures for group in run.evaluate(by="kind").groups}
    assert np.isfinite(of["v"]["f1"].value)
    assert np.isnan([of["u"][name].value for name in ("accuracy", "f1", "recall", "log_loss")]).all()
    assert of["u"]["f1"].to_json()["undefined"] == "there are no samples, or all have the weight 0"
    shown = ag("eval", run.folder, "--by", "kind", check=0).stdout
    assert "undefined" in shown.partition("by kind")[2]
