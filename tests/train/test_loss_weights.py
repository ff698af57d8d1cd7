"""How much classes, labels and samples count, and what a loss refuses of a model's last layer."""

import json

import numpy as np
import pytest

from agcli.api import train
from agcli.data.section import load_data
from agcli.model.build import build
from agcli.model.class_weights import order, weighing
from agcli.spec import SpecError, parse_spec
from agcli.training import Session, Trainer

N = 80
YES = np.arange(N) % 4 == 0
X = np.random.default_rng(5).normal(size=N) + YES


@pytest.fixture
def folder(tmp_path):
    """A table of two classes, one three times as frequent, with weights that make up for it and with bad ones."""
    rows = ["a,w,zero,minus,gap,number,species,tags,y"]
    for i, (x, yes) in enumerate(zip(X, YES, strict=True)):
        tags = ("red;big", "red", "big;new")[i % 3]
        species = ("cat", "dog", "emu")[i % 3]
        gap = "" if i == 7 else 1
        rows.append(
            f"{x:.5f},{3 if yes else 1},0,{1 - 2 * yes},{gap},{x * 2},{species},{tags},{'yes' if yes else 'no'}"
        )
    (tmp_path / "t.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def spec(folder, loss, units=1, target="y", model=None, **data):
    columns = {name: "ignore" for name in ("w", "zero", "minus", "gap", "number", "species", "tags") if name != target}
    columns = {name: role for name, role in columns.items() if name != data.get("weights")}
    content = {
        "data": {
            "file": str(folder / "t.csv"),
            "target": target,
            "columns": columns,
            "split": {"tail": {"test": 0.25, "validation": 0}},
            **data,
        },
        "model": model or [{"dense": units}],
        "loss": loss,
        "optimizer": "lbfgs",
        "dtype": "float64",
        "train": {"epochs": 40, "batch_size": 2 * N, "eval_every": 40},
    }
    return parse_spec(json.dumps(content), "spec.yaml")


def chance(folder, loss, units=1, name="run", **data):
    """The chance of a yes at 0 and at 1."""
    return train(spec(folder, loss, units, **data), folder / name).predict({"a": [0.0, 1.0]}, probabilities=True)[:, 1]


WEIGHED = [
    ({"sigmoid_cross_entropy": {"class_weights": {"yes": 3}}}, 1, {}),
    ({"sigmoid_cross_entropy": {"class_weights": [1, 3]}}, 1, {}),
    ({"sigmoid_cross_entropy": {"class_weights": "balanced"}}, 1, {}),
    ({"sigmoid_cross_entropy": {"pos_weight": 3}}, 1, {}),
    ({"sigmoid_cross_entropy": {"pos_weight": {"yes": 3}}}, 1, {}),
    ({"sigmoid_cross_entropy": {"pos_weight": "balanced"}}, 1, {}),
    ({"softmax_cross_entropy": {"class_weights": {"no": 1, "yes": 3}}}, 2, {}),
    ({"softmax_cross_entropy": {"class_weights": "balanced"}}, 2, {}),
    ("sigmoid_cross_entropy", 1, {"weights": "w"}),
    ("softmax_cross_entropy", 2, {"weights": "w"}),
    ("mean(weights * sigmoid_cross_entropy(output[:, 0], y))", 1, {"weights": "w"}),
]


@pytest.fixture
def repeated(folder):
    """The chances of a model that was trained on a table in which each yes stands three times."""
    lines = (folder / "t.csv").read_text().splitlines()
    head, train_rows, test_rows = lines[0], lines[1 : 1 + N * 3 // 4], lines[1 + N * 3 // 4 :]
    many = [row for row in train_rows for _ in range(3 if row.endswith("yes") else 1)]
    (folder / "many.csv").write_text("\n".join([head, *many]) + "\n")
    (folder / "rest.csv").write_text("\n".join([head, *test_rows]) + "\n")
    files = {
        "file": str(folder / "many.csv"),
        "test_file": str(folder / "rest.csv"),
        "split": {"shuffled": {"validation": 0}},
    }
    return chance(folder, "sigmoid_cross_entropy", name="repeated", **files)


@pytest.mark.parametrize(("loss", "units", "data"), WEIGHED, ids=lambda v: str(v)[:60])
def test_a_weight_of_three_is_the_sample_three_times(folder, repeated, loss, units, data):
    if isinstance(loss, str) and "(" in loss:
        run = train(spec(folder, loss, units, **data), folder / "run")
        scores = run.predictor.outputs(run.predictor.terms.split(frame([0.0, 1.0])))["output"][:, 0]
        np.testing.assert_allclose(1 / (1 + np.exp(-scores)), repeated, atol=1e-3)
    else:
        np.testing.assert_allclose(chance(folder, loss, units, **data), repeated, atol=1e-3)


def frame(values):
    import polars as pl

    from agcli.datasets.frame import Frame

    return Frame("samples", {"a": pl.Series(values)})


def test_weights_count_in_every_figure_and_are_no_input(folder):
    weighed = spec(folder, {"sigmoid_cross_entropy": {}}, weights="w")
    session = Session(weighed, load_data(weighed))
    assert list(session.model.sources) == ["x"]
    assert session.data.train.columns["x"].shape == (1,)
    sums = session.evaluate(session.data.train)
    scores = session.model.predictor()(*[session.data.train["x"]])[:, 0]
    yes = session.data.train["y"] == 1
    w = np.where(yes, 3.0, 1.0)
    assert sums.figures["accuracy"] == pytest.approx(np.average((scores > 0) == yes, weights=w))
    lost = np.logaddexp(0, np.where(yes, -scores, scores))
    assert sums.mean_loss == pytest.approx(np.average(lost, weights=w))


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("zero", 'weights: expected some above 0 in "zero", found none'),
        ("minus", 'column "minus": expected a weight, a number of 0 or more, found "-1"'),
        ("gap", 'row 8: column "gap": expected a weight, a number of 0 or more, found none'),
        ("y", 'weights: expected another column than the target "y"'),
        ("nowhere", 'unknown column "nowhere"'),
    ],
)
def test_weights_that_are_none_are_refused(folder, column, told):
    with pytest.raises(SpecError, match=r"data\.weights: ") as refused:
        load_data(spec(folder, "sigmoid_cross_entropy", weights=column))
    assert told in str(refused.value)


SCORES = np.random.default_rng(4).normal(size=(6, 3))
CLASSES, HALF = np.array([0, 2, 1, 1, 0, 2]), np.array([0, 1, 1, 0, 1, 1])
BY_CLASS, BY_LABEL = np.array([0.5, 2.0, 7.0]), np.array([0.25, 4.0])
OF_CLASSES = ["softmax_cross_entropy", "focal", "hinge", "negative_log_likelihood"]
OF_LABELS = ["sigmoid_cross_entropy", "focal", "hinge"]


def lost(name, output, target, **fields):
    from agcli.engine.graph import constant
    from agcli.spec.nouns import LOSSES

    return LOSSES.rows[name].fields(**fields).of(constant(output), constant(target)).eval()


@pytest.mark.parametrize("name", OF_CLASSES)
def test_every_loss_of_classes_counts_by_them(name):
    plain, weighed = (lost(name, SCORES, CLASSES, class_weights=w) for w in (None, tuple(BY_CLASS)))
    np.testing.assert_allclose(weighed, plain * BY_CLASS[CLASSES], rtol=1e-12)


@pytest.mark.parametrize("name", OF_CLASSES)
def test_classes_of_time_steps_count_by_them(name):
    scores, classes = SCORES.reshape(2, 3, 3), CLASSES.reshape(2, 3)
    plain = lost(name, SCORES, CLASSES).reshape(2, 3)
    weighed = lost(name, scores, classes, class_weights=tuple(BY_CLASS))
    np.testing.assert_allclose(weighed, (plain * BY_CLASS[classes]).mean(axis=1), rtol=1e-12)


@pytest.mark.parametrize("name", OF_LABELS)
def test_every_loss_of_labels_counts_by_them(name):
    output = SCORES[:, :1]
    plain, weighed = (lost(name, output, HALF, class_weights=w) for w in (None, tuple(BY_LABEL)))
    np.testing.assert_allclose(weighed, plain * BY_LABEL[HALF], rtol=1e-12)


@pytest.mark.parametrize("loss", ["focal", "hinge"])
@pytest.mark.parametrize("units", [1, 2])
@pytest.mark.parametrize("weights", ["balanced", {"yes": 3, "no": 1}, [1, 3]], ids=str)
def test_weights_of_classes_reach_every_loss(folder, loss, units, weights):
    plain, weighed = (spec(folder, made, units) for made in (loss, {loss: {"class_weights": weights}}))
    data = load_data(plain)
    sessions = [Session(made, data) for made in (plain, weighed)]
    share = (data.train["y"] == 1).mean()
    yes, no = (0.5 / share, 0.5 / (1 - share)) if weights == "balanced" else (3, 1)
    assert weighing(weighed, data).class_weights == pytest.approx((no, yes))
    losses = [session.evaluate(data.train).mean_loss for session in sessions]
    assert losses[0] != pytest.approx(losses[1])


REFUSED = [
    ({"kl_divergence": {"class_weights": "balanced"}}, {"units": 2}, "no classes; `weights: COLUMN` in"),
    ({"mse": {"class_weights": [1, 2]}}, {"target": "number"}, "no classes; `weights: COLUMN` in"),
    ({"focal": {"class_weights": [1, 2, 3]}}, {"units": 2}, "in the order no, yes; got 3; by name: `class_weights: "),
    ({"hinge": {"class_weights": {"yess": 2}}}, {"units": 1}, "no class `yess`; did you mean `yes`?"),
    ({"softmax_cross_entropy": {"class_weights": [1, 2, 3]}}, {"units": 2},
     "in the order no, yes; got 3; by name: `class_weights: {no: 1, yes: 2}`"),
    ({"softmax_cross_entropy": {"class_weights": {"yess": 2}}}, {"units": 2}, "no class `yess`; did you mean `yes`?"),
    ({"softmax_cross_entropy": {"class_weights": "even"}}, {"units": 2}, "or `balanced`, got"),
    ({"softmax_cross_entropy": {"class_weights": [1, -2]}}, {"units": 2}, "a list of numbers of 0 or more"),
    ("mean(square(output[:, 0] - y))", {"weights": "w"}, "does not use `weights`; multiply by it, as in"),
    ("softmax_cross_entropy", {"units": 1}, "gives 1 score; end in `dense: 2`, or write `loss: sigmoid_cross_entropy`"),
    ("softmax_cross_entropy", {"units": 2, "target": "species"}, "gives 2 scores; end in `dense: 3`"),
    ("sigmoid_cross_entropy", {"units": 2}, "end in `dense: 1`, or write `loss: softmax_cross_entropy`"),
    ("sigmoid_cross_entropy", {"units": 1, "target": "tags"}, "needs as many; end in `dense: 3`"),
    ("gaussian", {"units": 1, "target": "number"}, "end in `dense: 2`"),
    ("mse", {"units": 3, "target": "number"}, "end in `dense: 1`"),
    ("mse", {}, '`mean_squared_error` takes numbers, and "y" holds names ("no", "yes"); write `loss: '),
    ("softmax_cross_entropy", {"model": [{"dense": 2}, "softmax"]}, "leave `softmax` out of the last layer"),
    ("softmax_cross_entropy", {"model": [{"dense": {"units": 2, "activation": "sigmoid"}}]}, "leave `sigmoid` out"),
    ("sigmoid_cross_entropy", {"model": [{"dense": 1}, "sigmoid"]}, "leave `sigmoid` out of the last layer"),
    ("hinge", {"model": [{"dense": 2}, "softmax"]}, "leave `softmax` out of the last layer"),
    ("negative_log_likelihood", {"units": 2}, "end in `log_softmax`, or write `loss: softmax_cross_entropy`"),
    ("negative_log_likelihood", {"model": [{"dense": 2}, "softmax"]}, "end in `log_softmax`"),
]  # fmt: skip


def built(folder, loss, options):
    made = spec(folder, loss, **options)
    return build(made, load_data(made))


@pytest.mark.parametrize(("loss", "options", "told"), REFUSED, ids=lambda v: str(v)[:50])
def test_what_a_loss_cannot_mean_is_told_with_the_line_that_mends_it(folder, loss, options, told):
    with pytest.raises(SpecError) as refused:
        built(folder, loss, options)
    assert told in str(refused.value)


def test_the_order_of_weights_and_scores_without_a_class_are_told(folder):
    made = spec(folder, {"softmax_cross_entropy": {"class_weights": "balanced"}}, 4, "species")
    notes = [note.text for note in Trainer(made).notes]
    assert any(text.startswith("`class_weights`: cat 1, dog 1, emu 1") for text in notes)
    assert any("gives 4 scores, the data has 3 classes" in text and "`dense: 3` is enough" in text for text in notes)


def test_balanced_weights_are_those_of_scikit_learn(folder):
    sklearn = pytest.importorskip("sklearn.utils.class_weight")
    made = spec(folder, {"softmax_cross_entropy": {"class_weights": "balanced"}}, 2)
    data = load_data(made)
    labels = np.array(data.classes)[data.train["y"]]
    wanted = sklearn.compute_class_weight("balanced", classes=np.array(data.classes), y=labels)
    np.testing.assert_allclose(weighing(made, data).class_weights, wanted)


def test_weights_of_labels_go_by_their_names(folder):
    made = spec(folder, {"sigmoid_cross_entropy": {"pos_weight": {"red": 2}}}, 3, "tags")
    data = load_data(made)
    assert order(data, "pos_weight") == ("big", "new", "red")
    assert weighing(made, data).pos_weight == (1.0, 1.0, 2.0)
