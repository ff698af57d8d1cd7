"""Metrics: streamed over batches they equal the metric of all samples at once, and scikit-learn's."""

import json
import math

import numpy as np
import pytest

from agcli.datasets import Column, Dataset, Split
from agcli.model.build import build
from agcli.spec import SpecError, parse_spec
from agcli.training.best import Best
from agcli.training.sums import Sums

pytestmark = pytest.mark.numeric

RNG = np.random.default_rng(3)
N = 101
SCORES = RNG.normal(size=(N, 4)).astype("f4").round(1)  # rounded, so that some are tied
CLASSES = RNG.integers(0, 4, N)
SCORE = RNG.normal(size=(N, 1)).astype("f4").round(1)
LABELS = (SCORE[:, 0] + RNG.normal(size=N) > 0.3).astype("i8")
NUMBERS = RNG.normal(size=(N, 3)).astype("f4")
TARGETS = (NUMBERS + 0.3 * RNG.normal(size=(N, 3)) + 5).astype("f4")
LONG = RNG.normal(size=(N, 6, 4)).astype("f4")  # six places with a class each
PLACES = RNG.integers(0, 4, (N, 6))


def model_of(metrics, x, y, more=""):
    still = "variables: {unused: {value: 0, trainable: false}}"
    text = f"data: iris\nmodel: [lambda: x]\n{still}\nloss: mean(output)\nmetrics: {metrics}\n{more}"
    split = Split({"x": Column(x), "y": Column(y)})
    data = Dataset(name="made", description="", source="", licence="", splits={"train": split})
    return build(parse_spec(text), data)


def streamed(metrics, x, y, size):
    """The metrics of all samples, in batches of a size."""
    model = model_of(metrics, x, y)
    evaluate = model.evaluator()
    sums = Sums(model.test.meters)
    for start in range(0, len(x), size):
        part = slice(start, start + size)
        sums.add(evaluate({model.x: x[part], model.y: y[part]}), len(x[part]))
    return sums.metrics


def sk(name):
    return getattr(pytest.importorskip("sklearn.metrics"), name)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True), dtype="f8")
    return e / e.sum(-1, keepdims=True)


def chosen(x):
    return x.argmax(-1).reshape(-1)


def perplexity(x, y):
    p = np.take_along_axis(softmax(x), y[..., None], -1)
    return math.exp(-np.log(p).mean())


def calibration(certainty, hit, bins):
    """The definition, in a loop: bins of certainty closed above."""
    gap = 0.0
    for b in range(bins):
        inside = (certainty > b / bins) & (certainty <= (b + 1) / bins)
        if inside.any():
            gap += inside.mean() * abs(certainty[inside].mean() - hit[inside].mean())
    return gap


def binary_calibration(x, y):
    p = 1 / (1 + np.exp(-np.abs(x[:, 0].astype("f8"))))
    return calibration(p, (x[:, 0] > 0) == y, 10)


def one_against_rest(area):
    return lambda x, y: np.mean([sk(area)(y == c, softmax(x)[:, c]) for c in range(4)])


CLASS_METRICS = {
    "accuracy": lambda x, y: sk("accuracy_score")(y.reshape(-1), chosen(x)),
    "confusion_matrix": lambda x, y: sk("confusion_matrix")(y.reshape(-1), chosen(x)),
    "precision": lambda x, y: sk("precision_score")(y.reshape(-1), chosen(x), average="macro"),
    "recall": lambda x, y: sk("recall_score")(y.reshape(-1), chosen(x), average="macro"),
    "f1": lambda x, y: sk("f1_score")(y.reshape(-1), chosen(x), average="macro"),
    "f1: micro": lambda x, y: sk("f1_score")(y.reshape(-1), chosen(x), average="micro"),
    "f1: weighted": lambda x, y: sk("f1_score")(y.reshape(-1), chosen(x), average="weighted"),
    "recall: per_class": lambda x, y: sk("recall_score")(y.reshape(-1), chosen(x), average=None),
    "top_k: 2": lambda x, y: sk("top_k_accuracy_score")(y.reshape(-1), x.reshape(-1, 4), k=2),
    "perplexity": perplexity,
    "calibration_error": lambda x, y: calibration(softmax(x).max(-1), x.argmax(-1) == y, 15),
}
ROWS = [
    *((name, SCORES, CLASSES, of) for name, of in CLASS_METRICS.items()),
    *((name, LONG, PLACES, CLASS_METRICS[name]) for name in ("accuracy", "confusion_matrix", "f1", "perplexity")),
    ("roc_auc", SCORES, CLASSES, one_against_rest("roc_auc_score")),
    ("pr_auc", SCORES, CLASSES, one_against_rest("average_precision_score")),
    ("roc_auc", SCORES[:, :2], CLASSES % 2, lambda x, y: sk("roc_auc_score")(y, x[:, 1] - x[:, 0])),
    ("accuracy", SCORE, LABELS, lambda x, y: sk("accuracy_score")(y, x[:, 0] > 0)),
    ("precision", SCORE, LABELS, lambda x, y: sk("precision_score")(y, x[:, 0] > 0)),
    ("recall", SCORE, LABELS, lambda x, y: sk("recall_score")(y, x[:, 0] > 0)),
    ("f1", SCORE, LABELS, lambda x, y: sk("f1_score")(y, x[:, 0] > 0)),
    ("f1: macro", SCORE, LABELS, lambda x, y: sk("f1_score")(y, x[:, 0] > 0, average="macro")),
    ("roc_auc", SCORE, LABELS, lambda x, y: sk("roc_auc_score")(y, x[:, 0])),
    ("pr_auc", SCORE, LABELS, lambda x, y: sk("average_precision_score")(y, x[:, 0])),
    ("calibration_error: 10", SCORE, LABELS, binary_calibration),
    ("mean_absolute_error", NUMBERS, TARGETS, lambda x, y: sk("mean_absolute_error")(y, x)),
    ("mean_squared_error", NUMBERS, TARGETS, lambda x, y: sk("mean_squared_error")(y, x)),
    ("root_mean_squared_error", NUMBERS, TARGETS, lambda x, y: math.sqrt(sk("mean_squared_error")(y, x))),
    ("r2", NUMBERS, TARGETS, lambda x, y: sk("r2_score")(y, x)),
    ("r2", NUMBERS[:, :1], TARGETS[:, 0], lambda x, y: sk("r2_score")(y, x[:, 0])),
]


@pytest.mark.parametrize("size", [N, 7])
@pytest.mark.parametrize(("name", "x", "y", "of"), ROWS, ids=[f"{r[0]} {r[1].shape}" for r in ROWS])
def test_metric_is_that_of_scikit_learn(name, x, y, of, size):
    written = f"[{{{name}}}]" if ":" in name else f"[{name}]"
    (found,) = streamed(written, x, y, size).values()
    np.testing.assert_allclose(found, of(x, y), rtol=2e-5, atol=2e-6)


# Formulas

FORMULAS = {
    "mean(argmax(output, -1) == y)": lambda x, y: np.mean(x.argmax(-1) == y),
    "sqrt(mean(square(output))) / mean(abs(output))": lambda x, y: np.sqrt(np.mean(x**2)) / np.mean(np.abs(x)),
    "1 - sum(square(output)) / (sum(square(output)) + 3)": lambda x, y: 1 - np.sum(x**2) / (np.sum(x**2) + 3),
    "max(output) - min(output)": lambda x, y: x.max() - x.min(),
    "abs(output[:, 0])": lambda x, y: np.abs(x[:, 0]).mean(),
    "max(abs(output), axis=-1)": lambda x, y: np.abs(x).max(-1).mean(),
    "mean(where(y == 1, output[:, 1], 0)) / mean(y == 1)": lambda x, y: x[y == 1, 1].mean(),
    "3 + 2 * unused": lambda x, y: 3.0,
    # ops that have several outputs, of which a formula takes one
    "mean(sparse_softmax_cross_entropy(output, y))": lambda x, y: math.log(perplexity(x, y)),
    "max(sparse_softmax_cross_entropy(output, y)) + 1": lambda x, y: 1 - np.log(softmax(x)[np.arange(N), y]).min(),
    "mean(abs(layer_norm(output, epsilon=0)))": lambda x, y: (np.abs(x.T - x.mean(1)) / x.std(1)).mean(),
}


@pytest.mark.parametrize("size", [N, 7])
@pytest.mark.parametrize("formula", FORMULAS)
def test_formula_over_batches_is_that_over_all(formula, size):
    (found,) = streamed(f"{{own: '{formula}'}}", SCORES, CLASSES, size).values()
    np.testing.assert_allclose(found, FORMULAS[formula](SCORES, CLASSES), rtol=1e-5)


def test_a_formula_that_needs_all_samples_at_once_says_so():
    """A median of medians is no median: known of one batch, not a number of several."""
    formula = "{own: 'sum(sort(output[:, 0])[:3])'}"
    (whole,) = streamed(formula, SCORES, CLASSES, N).values()
    np.testing.assert_allclose(whole, np.sort(SCORES[:, 0])[:3].sum(), rtol=1e-5)
    (parts,) = streamed(formula, SCORES, CLASSES, 7).values()
    assert math.isnan(parts)
    (parts,) = streamed("{own: 'mean(abs(normalize(output, 0)))'}", SCORES, CLASSES, 7).values()
    assert math.isnan(parts)


def test_metrics_may_be_renamed():
    found = streamed("{all_of_them: accuracy, best_two: {top_k: 2}, own: mean(output)}", SCORES, CLASSES, 50)
    assert list(found) == ["all_of_them", "best_two", "own"]
    assert found["best_two"] == pytest.approx(streamed("[top_k: 2]", SCORES, CLASSES, N)["top_k"])


# Sums


def test_sums_go_on_from_their_plain_form():
    model = model_of("[accuracy, confusion_matrix, r2]", SCORES[:, :1], LABELS)
    evaluate = model.evaluator()
    sums = Sums(model.test.meters)
    assert set(sums.figures) == {"loss", "accuracy", "confusion_matrix", "r2"}
    assert list(sums.better) == ["loss", "accuracy", "r2"]
    for half in (slice(0, 60), slice(60, None)):
        again = Sums(model.test.meters)
        again.set(sums.to_json())
        sums = again
        sums.add(evaluate({model.x: SCORES[half, :1], model.y: LABELS[half]}), len(LABELS[half]))
    assert sums.figures == {"loss": pytest.approx(SCORES[:, 0].mean(), rel=1e-4), **streamed_whole(model)}
    settled = Sums(model.test.meters)
    settled.set(sums.settle().to_json())
    assert settled.metrics == sums.metrics


def test_samples_of_classes_that_training_did_not_see_are_wrong_and_have_no_loss():
    names = "accuracy, f1, confusion_matrix, log_loss, roc_auc"
    model = model_of(f"{{own: mean(output), {', '.join(f'm{i}: {n}' for i, n in enumerate(names.split(', ')))}}}",
                     SCORES, CLASSES)  # fmt: skip
    sums, unseen = Sums(model.test.meters), model.unseen_evaluator()
    sums.add(model.evaluator()({model.x: SCORES[:60], model.y: CLASSES[:60]}), 60)
    sums.add_unseen(unseen({model.x: SCORES[60:], model.y: np.where(CLASSES[60:] % 2, 4, -1)}), N - 60)
    known = streamed(f"[{names}]", SCORES[:60], CLASSES[:60], 60)
    truth, said = np.append(CLASSES[:60], np.full(N - 60, 4)), chosen(SCORES)
    assert sums.metrics["own"] == pytest.approx(SCORES[:60].mean(), rel=1e-5)
    assert sums.mean_loss == pytest.approx(sums.metrics["own"])
    assert sums.metrics["m0"] == pytest.approx((said == truth).mean())
    f1 = sk("f1_score")(truth, said, labels=range(4), average="macro")
    assert sums.metrics["m1"] == pytest.approx(f1)
    assert sums.metrics["m2"] == sk("confusion_matrix")(truth, said, labels=range(5))[:, :4].tolist()
    assert [sums.metrics[k] for k in ("m3", "m4")] == [pytest.approx(known[k]) for k in ("log_loss", "roc_auc")]
    assert all(map(np.isnan, Sums(model.test.meters).metrics.values()))


def streamed_whole(model):
    sums = Sums(model.test.meters)
    sums.add(model.evaluator()({model.x: SCORES[:, :1], model.y: LABELS}), N)
    return {k: pytest.approx(v) if isinstance(v, float) else v for k, v in sums.metrics.items()}


@pytest.mark.parametrize(
    ("metrics", "x", "y", "text"),
    [
        ("[top_k]", NUMBERS, TARGETS, "top_k: expected one score a class and whole numbers as targets"),
        ("[accuracy, roc_auc]", LONG[:, 0], TARGETS, "metrics[0]: the model's output has shape (None, 4)"),
        ("{own: mean(outpt)}", SCORES, CLASSES, "metrics.own: there is no `outpt` here; did you mean `output`?"),
    ],
)
def test_metrics_that_do_not_fit_are_told(metrics, x, y, text):
    with pytest.raises(SpecError) as caught:
        model_of(metrics, x, y)
    assert text in str(caught.value)


def test_the_row_of_a_metric_or_the_formula_says_which_way_is_better():
    formulas = "own: mean(output), low: {formula: mean(output), better: low}"
    model = model_of(f"{{off: mae, hits: r2, {formulas}}}", NUMBERS, TARGETS)
    found = Sums(model.test.meters).better
    assert found == {"loss": "low", "off": "low", "hits": "high", "own": None, "low": "low"}
    for name, way in found.items():
        best = Best(name, better=way)
        assert best.judge({name: 1.0}, 1, 1)
        assert best.judge({name: 2.0}, 2, 2) == (way == "high")


def test_a_metric_that_needs_all_samples_is_announced_and_is_null_in_json(ag, tmp_path):
    spec = tmp_path / "s.yaml"
    spec.write_text(
        "data: {name: sine, samples: 6000}\nmodel: [dense: 1]\nloss: mse\n"
        "metrics: {odd: 'sum(sort(y)[:3])', own: mean(y)}\ntrain: {epochs: 1, batch_size: 1000}\n"
    )
    lines = ag("train", spec, "--json", "--out", tmp_path / "run", check=0).stdout.splitlines()
    events = [json.loads(line, parse_constant=pytest.fail) for line in lines]
    (said,) = [e["text"] for e in events if e["event"] == "note"]
    assert "metrics.odd" in said
    assert "needs them all at once and will be NaN" in said
    assert events[-1]["metrics"]["odd"] is None
    assert isinstance(events[-1]["metrics"]["own"], float)
