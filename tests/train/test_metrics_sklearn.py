"""Metrics against scikit-learn on random cases: ties, missing classes, one class, unseen ones, weights.

1,000 of each, of which the gate takes 200.
"""

import math
import os
from functools import cache

import numpy as np
import pytest

from agcli.engine.function import Function
from agcli.engine.leaves import placeholder
from agcli.model.meters import meter
from agcli.spec.nouns import METRICS

pytestmark = pytest.mark.numeric
metrics = pytest.importorskip("sklearn.metrics")

CASES = 1000 if os.environ.get("AG_LONG") else 200
SIZES = (1, 3, 12, 30)
AVERAGES = ("micro", "macro", "weighted")


@pytest.fixture(scope="module", autouse=True)
def quick():
    sklearn = pytest.importorskip("sklearn")
    with sklearn.config_context(skip_parameter_validation=True, assume_finite=True):
        yield


@cache
def graph(written, shape, target, is_weighted):
    """A metric of outputs and targets of a shape: the function of a batch, and its meter."""
    y, t = placeholder("output", (None, *shape), "float32"), placeholder("target", (None, *target[1:]), target[0])
    w = placeholder("weights", (None,), "float32") if is_weighted else None
    name, _, value = written.partition(": ")
    made = meter(METRICS.read({name: int(value) if value.isdigit() else value} if value else name), 0, y, t, w)
    return Function(made.fetches(), inputs=[y, t, w] if is_weighted else [y, t]), made


def ours(written, output, target, weights=None):
    """A metric of all samples, in two batches of different sizes."""
    function, made = graph(written, output.shape[1:], (str(target.dtype), *target.shape[1:]), weights is not None)
    totals = dict.fromkeys(made.parts)
    for part in (slice(0, len(output) // 3), slice(len(output) // 3, None)):
        arrays = (output, target) if weights is None else (output, target, weights)
        if len(output[part]):
            found = function(dict(zip(function.inputs, (a[part] for a in arrays), strict=True)))
            totals = {k: made.fold(k, totals[k], found[made.key(k)]) for k in totals}
    return made.value(totals, len(output))


def weighing(rng, n):
    """No weights, or some of which a few are 0."""
    if rng.random() < 0.5:
        return None
    weights = rng.integers(0, 4, n).astype("f4")
    weights[rng.integers(n)] = 2
    return weights


def of_classes(seed):
    """Scores, true classes and weights of a case; a class may lack samples, and be one that training did not see."""
    rng = np.random.default_rng(seed)
    n, classes = int(rng.choice(SIZES)), int(rng.choice([2, 3, 5]))
    scores = rng.normal(size=(n, classes)).astype("f4").round(int(rng.choice([0, 1, 6])))
    there = rng.choice(classes, size=int(rng.integers(1, classes + 1)), replace=False)
    true = rng.choice(there, size=n)
    if rng.random() < 0.2:
        true[rng.random(n) < 0.3] = rng.choice([-1, classes, classes + 3])
    return scores, true, weighing(rng, n)


def softmax(x):
    x = x.astype("f8")
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def check(found, expected, what, rtol=1e-6):
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-7, err_msg=str(what))


@pytest.mark.filterwarnings("ignore")  # scikit-learn warns of what has no value
def test_figures_of_chosen_classes_are_those_of_scikit_learn():
    for seed in range(CASES):
        scores, true, w = of_classes(seed)
        classes, found = scores.shape[1], scores.argmax(1)
        check(ours("accuracy", scores, true, w), metrics.accuracy_score(true, found, sample_weight=w), seed)
        inside = np.where((true < 0) | (true > classes), classes, true)
        counts = metrics.confusion_matrix(inside, found, labels=np.arange(classes + 1), sample_weight=w)[:, :classes]
        check(ours("confusion_matrix", scores, true, w), counts if counts[-1].any() else counts[:-1], seed)
        usual = "binary" if classes == 2 else "macro"
        for average in ("per_class", (usual, *AVERAGES)[seed % 4]):
            as_theirs = {"per_class": None, "binary": None}.get(average, average)
            p, r, f, _ = metrics.precision_recall_fscore_support(
                inside, found, labels=np.arange(classes), average=as_theirs, sample_weight=w, zero_division=0
            )
            for name, value in {"precision": p, "recall": r, "f1": f}.items():
                expected = value[1] if average == "binary" else value
                check(ours(f"{name}: {average}", scores, true, w), expected, (seed, name, average))
                if average == usual and seed < 40:
                    assert ours(name, scores, true, w) == ours(f"{name}: {average}", scores, true, w)


def test_top_k_is_that_of_scikit_learn_and_equal_scores_go_by_their_number():
    for seed in range(CASES):
        scores, true, w = of_classes(seed)
        classes = scores.shape[1]
        if classes == 2:
            scores, classes = np.hstack([scores, scores[:, :1] + 1]), 3
        known = (true >= 0) & (true < classes)
        first = np.argsort(-scores, axis=1, kind="stable")[:, :2]
        expected = np.average((first == true[:, None]).any(1) & known, weights=w)
        check(ours("top_k: 2", scores, true, w), expected, seed)
        if known.all() and all(len(set(row)) == classes for row in scores.tolist()):
            theirs = metrics.top_k_accuracy_score(true, scores, k=2, labels=np.arange(classes), sample_weight=w)
            check(expected, theirs, seed)


def binned(p, hit, w, bins):
    """The definition: bins of certainty, closed above."""
    place = np.digitize(p, np.arange(1, bins) / bins, right=True)
    gaps = [abs(np.average(p[m], weights=w[m]) - np.average(hit[m], weights=w[m])) * w[m].sum() for b in range(bins)
            if w[m := place == b].sum()]  # fmt: skip
    return sum(gaps) / w.sum()


def test_figures_of_probabilities_are_those_of_scikit_learn():
    undefined = 0
    for seed in range(CASES):
        scores, true, w = of_classes(seed)
        classes = scores.shape[1]
        p, labels = softmax(scores), np.arange(classes)
        known = (true >= 0) & (true < classes)
        weights = np.ones(len(true)) if w is None else w.astype("f8")
        if not weights[known].sum():
            undefined += 1
            for name in ("log_loss", "perplexity", "brier_score", "calibration_error"):
                assert "undefined: there is no sample of a class" in str(ours(name, scores, true, w))
            continue
        of = {"sample_weight": weights[known]}
        loss = metrics.log_loss(true[known], p[known], labels=labels, **of)
        check(ours("log_loss", scores, true, w), loss, seed)
        check(ours("perplexity", scores, true, w), math.exp(loss), seed)
        two = {"pos_label": 1} if classes == 2 else {"labels": labels}
        theirs = metrics.brier_score_loss(true[known], p[known, 1] if classes == 2 else p[known], **two, **of)
        check(ours("brier_score", scores, true, w), theirs, seed)
        hit = scores.argmax(1) == true
        for bins in (10, 15):
            expected = binned(p.max(1)[known], hit[known], weights[known], bins)
            check(ours(f"calibration_error: {bins}", scores, true, w), expected, (seed, bins))
    assert undefined > CASES // 200


@pytest.mark.parametrize(("name", "area"), [("roc_auc", "roc_auc_score"), ("pr_auc", "average_precision_score")])
def test_areas_under_curves_are_those_of_scikit_learn(name, area):
    undefined = 0
    for seed in range(CASES):
        scores, true, w = of_classes(seed)
        classes = scores.shape[1]
        if seed % 2 and classes > 2:  # so that most cases have all of their classes
            true = np.where(np.arange(len(true)) < classes, np.arange(len(true)), true)
        p = scores[:, 1:] - scores[:, :1] if classes == 2 else np.log(softmax(scores)).astype("f4")  # keeps ties
        known = (true >= 0) & (true < classes)
        weights = np.ones(len(true)) if w is None else w.astype("f8")
        members = [(true == c) & known for c in ([1] if classes == 2 else range(classes))]
        found = ours(name, scores, true, w)
        if not all(weights[m].sum() and weights[known & ~m].sum() for m in members):
            undefined += 1
            assert "undefined: it needs samples of every class" in str(found)
            continue
        of = getattr(metrics, area)
        each = [of(m[known], p[known, i], sample_weight=weights[known]) for i, m in enumerate(members)]
        check(found, np.mean(each), seed)
    assert 100 < undefined < 900


def test_the_mean_over_classes_is_what_scikit_learn_calls_ovr():
    rng = np.random.default_rng(0)
    scores, true = rng.normal(size=(60, 4)).astype("f4"), np.arange(60) % 4
    theirs = metrics.roc_auc_score(true, softmax(scores), multi_class="ovr", average="macro")
    check(ours("roc_auc", scores, true), theirs, "ovr")


def of_scores(seed):
    """One score a sample, labels 0 and 1, and weights."""
    rng = np.random.default_rng(seed)
    n = int(rng.choice(SIZES))
    score = rng.normal(size=(n, 1)).astype("f4").round(int(rng.choice([0, 1, 6])))
    true = (rng.random(n) < rng.choice([0.0, 0.3, 0.5, 1.0])).astype(rng.choice(["i8", "f4"]))
    return score, true, weighing(rng, n)


@pytest.mark.filterwarnings("ignore")
def test_figures_of_single_scores_are_those_of_scikit_learn():
    for seed in range(CASES):
        score, true, w = of_scores(seed)
        z, found = score[:, 0].astype("f8"), (score[:, 0] > 0).astype(int)
        p = 1 / (1 + np.exp(-z))
        check(ours("accuracy", score, true, w), metrics.accuracy_score(true, found, sample_weight=w), seed)
        check(ours("f1", score, true, w), metrics.f1_score(true, found, sample_weight=w, zero_division=0), seed)
        loss = metrics.log_loss(true, p, labels=[0, 1], sample_weight=w)
        check(ours("log_loss", score, true, w), loss, seed)
        brier = metrics.brier_score_loss(true, p, sample_weight=w, pos_label=1)
        check(ours("brier_score", score, true, w), brier, seed)
        weights = np.ones(len(true)) if w is None else w
        if weights[true == 1].sum() and weights[true == 0].sum():
            check(ours("roc_auc", score, true, w), metrics.roc_auc_score(true, z, sample_weight=w), seed)
            check(ours("pr_auc", score, true, w), metrics.average_precision_score(true, z, sample_weight=w), seed)
        else:
            assert math.isnan(ours("roc_auc", score, true, w))
            assert math.isnan(ours("pr_auc", score, true, w))


def of_numbers(seed):
    """Outputs and targets (n, targets), some of them constant, some far from 0, and weights."""
    rng = np.random.default_rng(seed)
    n, targets = int(rng.choice(SIZES)), int(rng.choice([1, 3]))
    far = float(rng.choice([0, 0, 1e6]))
    true = (rng.integers(0, 3, (n, targets)) + far).astype("f4")
    if rng.random() < 0.2:
        true[:, 0] = rng.choice([0.0, 0.1, 1e6 + 0.1])
    output = (true + rng.normal(size=(n, targets))).astype("f4")
    return output, true, weighing(rng, n)


def test_figures_of_numbers_are_those_of_scikit_learn():
    undefined = 0
    for seed in range(CASES):
        output, true, w = of_numbers(seed)
        target = true[:, 0] if true.shape[1] == 1 else true
        y, t = output.astype("f8"), true.astype("f8")
        named = {"mean_absolute_error", "mean_squared_error", "root_mean_squared_error"}
        for name in named:
            check(ours(name, output, target, w), getattr(metrics, name)(t, y, sample_weight=w), (seed, name), 1e-5)
        check(ours("bias", output, target, w), np.average(y - t, axis=0, weights=w).mean(), seed, 1e-5)
        there = t if w is None else t[w > 0]
        found = ours("r2", output, target, w)
        if (there == there[0]).all(0).any():
            undefined += 1
            assert str(found) == "undefined: all targets are the same"
            assert math.isnan(found)
        else:
            check(found, metrics.r2_score(t, y, sample_weight=w), seed)
    assert CASES // 10 < undefined < CASES * 6 // 10


# What no random case shows


def test_r2_of_targets_far_from_0():
    """L10: 1e6 + 0/1 in batches, whose squares have no digit left for the variance."""
    t = (1e6 + np.arange(4000) % 2).astype("f4")
    y = (t + np.where(np.arange(4000) % 4 < 2, 1, -1) * np.float32(0.0625)).astype("f4")[:, None]
    assert ours("r2", y, t) == pytest.approx(1 - 0.0625**2 / 0.25, rel=1e-9)
    sorted_by_target = np.argsort(t, kind="stable")
    assert ours("r2", y[sorted_by_target], t[sorted_by_target]) == pytest.approx(1 - 0.0625**2 / 0.25, rel=1e-9)


def test_a_certainty_on_an_edge_is_in_the_lower_bin():
    """Ten answers of 0.6 and ten of 0.58 share a bin of ten; the edge goes to the same side however it is rounded."""
    p = np.repeat([0.6, 0.58], 10)
    true = (np.arange(20) % 10 < np.where(p == 0.6, 2, 10)).astype("i8")
    z = np.log(p / (1 - p))
    expected = abs(p.mean() - true.mean())
    for scores in (np.stack([np.zeros(20), z], 1), np.stack([np.log(1 - p), np.log(p)], 1)):
        check(ours("calibration_error: 10", scores.astype("f4"), true), expected, "edge")
    check(ours("calibration_error: 10", z.astype("f4")[:, None], true), expected, "edge")


def test_weights_of_places_leave_padding_out():
    """Weights (n, places) of 0 and 1 are those of places; of samples (n,), they count for all of their places."""
    rng = np.random.default_rng(1)
    scores, true = rng.normal(size=(8, 6, 3)).astype("f4"), rng.integers(0, 3, (8, 6))
    mask = (np.arange(6) < rng.integers(1, 7, (8, 1))).astype("f4")
    y, t, w = (placeholder(n, (None, 6, *more), d) for n, more, d in
               (("y", (3,), "float32"), ("t", (), "int64"), ("w", (), "float32")))  # fmt: skip
    for name in ("accuracy", "f1", "confusion_matrix", "log_loss", "roc_auc", "calibration_error"):
        made = meter(METRICS.read(name), 0, y, t, w)
        found = Function(made.fetches(), inputs=[y, t, w])({y: scores, t: true, w: mask})
        masked = made.value({k: made.fold(k, None, found[made.key(k)]) for k in made.parts}, 8)
        check(masked, ours(name, scores[mask > 0], true[mask > 0]), name)


def test_labels_have_an_area_each():
    rng = np.random.default_rng(2)
    scores, true = rng.normal(size=(40, 3)).astype("f4"), (rng.random((40, 3)) < 0.4).astype("f4")
    check(ours("roc_auc", scores, true), metrics.roc_auc_score(true, scores), "labels")
    check(ours("pr_auc", scores, true), metrics.average_precision_score(true, scores), "labels")
