"""Every loss with every form of target: it trains on the right thing, or one message says which line mends it.

The three classes of the samples can be told from their features by a line, and what each form says of a sample follows
from its class, so that every cell which trains has to get nearly everything right: while training, in `ag eval`, in the
file that `ag predict` writes, and in the report.
"""

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from agcli import api, training
from agcli.evaluation.evaluate import evaluate
from agcli.prediction import Classes
from agcli.prediction.files import predict_file
from agcli.report.page.page import written as report
from agcli.spec import SpecError, parse_spec
from agcli.spec.nouns import LOSSES

N = 60
KIND = np.arange(N) % 3
X = np.eye(3)[KIND] + 0.02 * np.random.default_rng(3).normal(size=(N, 3))
SHARES = np.array([[0.8, 0.1, 0.1], [0.1, 0.7, 0.2], [0.2, 0.2, 0.6]])
LABELS = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 0]])

# Form -> what the target says of a sample of each of the three classes, a column for each number.
FORMS = {
    "two names": ["no", "yes", "no"],
    "three names": ["cat", "dog", "emu"],
    "integers": [0, 1, 2],
    "from one": [3, 7, 5],
    "minus one and one": [-1, 1, -1],
    "booleans": [False, True, False],
    "whole floats": [0.0, 1.0, 2.0],
    "a column (n, 1)": [[0], [1], [2]],
    "a column of two (n, 1)": [[-1], [1], [-1]],
    "one-hot": np.eye(3, dtype=int).tolist(),
    "several 0 and 1": LABELS.tolist(),
    "two names each": [["no", "yes"], ["yes", "yes"], ["yes", "no"]],
    "sets": ["red;round", "round", "big;red"],
    "counts": [1, 4, 12],
    "shares": SHARES.tolist(),
    "fractions": [0.1, 0.9, 0.4],
    "numbers": [1000.5, 1003.25, 1001.75],
    "several numbers": [[-3.5, 1.0], [4.0, 2.5], [1.0, -2.0]],
}
GOLDEN = Path(__file__).parent.parent / "golden" / "target_matrix.txt"
NAMES = ("u", "v", "w")


def cells(form):
    """The target of all samples: columns by name."""
    values = np.array(FORMS[form], dtype=object)[KIND]
    if values.ndim == 1 or values.shape[1] == 1:
        return {"y": values.reshape(N).tolist()}
    return {name: values[:, i].tolist() for i, name in enumerate(NAMES[: values.shape[1]])}


def frame(form, loss=""):
    """The samples as a table."""
    parts = TUPLES.get(loss, (X,))
    return pl.DataFrame({f"x{i}{j}": part[:, j] for i, part in enumerate(parts) for j in range(3)} | cells(form))


def arrays(form, loss=""):
    """The samples as arrays."""
    parts = {f"x{i}": part.astype(np.float32) for i, part in enumerate(TUPLES[loss])} if loss in TUPLES else {"x": X}
    return parts | {"y": np.array(FORMS[form])[KIND]}


def written(folder, form, source, loss=""):
    """The samples in a file of a kind, and the names of the target in it."""
    path = folder / f"samples.{source}"
    if source == "npz":
        np.savez(path, **arrays(form, loss))
        return path, ["y"]
    table = frame(form, loss)
    table.write_parquet(path) if source == "parquet" else table.write_csv(path)
    return path, list(cells(form))


# Last layers ----------------------------------------------------------------------------------------------------------
def units(loss, form):
    """How many numbers a user who knows the loss lets the model end in."""
    values = np.array(FORMS[form], dtype=object)
    several = values.ndim == 2 and values.shape[1] > 1
    count = values.shape[1] if several else 1
    if form == "sets":
        count = 3
    classes = len({*map(str, FORMS[form])})
    row = LOSSES.rows[loss].fields
    if loss == "gaussian":
        return 2 * count
    if loss == "expression":
        return count if "sparse" not in formula(form) else classes
    if "classes" in row.target and (not several or form == "one-hot"):
        return 3 if form == "one-hot" else classes
    return count


def layers(loss, form):
    """The layers of a model for a loss."""
    if loss in TUPLES:
        first, *others = ({"dense": 4, "input": f"x{i}"} for i in range(len(TUPLES[loss])))
        towers = {"v0": first} | {f"v{i}": layer | {"weights": "v0"} for i, layer in enumerate(others, 1)}
        return towers | {"tuples": {"stack": {}, "input": list(towers)}}
    if loss == "negative_log_likelihood":
        return [{"dense": units(loss, form)}, "log_softmax"]
    return [{"dense": units(loss, form)}]


def formula(form):
    """A loss by a formula, as a user writes it for such a target."""
    if form in ("two names", "sets", "three names", "booleans", "integers", "whole floats") or "(n, 1)" in form:
        return "mean(sparse_softmax_cross_entropy(output, y))"
    several = "y" not in cells(form)
    return "mean(square(output - y))" if several else "mean(square(output[:, 0] - y))"


# Losses of vectors in tuples: the sample itself, one of class 1, and for three one of the class before it.
TUPLES = {"contrastive": (X, X[(KIND * 0) + 1]), "triplet": (X, np.roll(X, 3, axis=0), np.roll(X, 1, axis=0))}


EPOCHS = {"poisson": 600}  # a logarithm of a large mean is far from where training starts


def spec_of(path, target, loss, form, model=None):
    """The spec that a user would write."""
    data = {"file": str(path), "target": target, "split": {"shuffled": {"test": 0.2, "seed": 1}}}
    if loss in TUPLES:
        names = arrays(form, loss) if path.suffix == ".npz" else frame(form, loss).columns
        data["columns"] = {name: {"numeric": {"input": name[:2]}} for name in names if name.startswith("x")}
    content = {
        "data": data,
        "model": model or layers(loss, form),
        "loss": loss if loss != "expression" else {"expression": formula(form)},
        "optimizer": "lbfgs" if LOSSES.rows[loss].fields.link == "direction" else {"adam": 0.1},
        "train": {"epochs": EPOCHS.get(loss, 150), "batch_size": N, "eval_every": 1000},
    }
    return parse_spec(json.dumps(content), "spec.yaml")


# What a cell has to do ------------------------------------------------------------------------------------------------
REFUSED = {}


def refusal(loss, form, error):
    """A line of the golden: the message without where the file is."""
    text = str(error).splitlines()[0]
    return f"{loss} x {form}: {re.sub(r'^.*?: loss: ', '', text)}"


def goldens():
    """The refusals by cell."""
    lines = GOLDEN.read_text("utf-8").splitlines()
    return {tuple(line.split(": ")[0].split(" x ")): line for line in lines}


def truth_of(form):
    """What a file of predictions has to say of all samples: texts, or numbers (n, k)."""
    columns = cells(form)
    return columns["y"] if "y" in columns else np.array(list(columns.values()), dtype=object).T


def said(value):
    """A class as `ag` writes it."""
    if isinstance(value, bool | np.bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, int | float) else str(value)


def judge(table, form, is_names, link):
    """How good a file of predictions is: the share of samples whose names are all right, or the least R2."""
    names = [name for name in table.columns if name.startswith("predicted")]
    found, truth = table.select(names), truth_of(form)
    if not is_names:
        wanted = np.array(truth, dtype=np.float64).reshape(N, -1)
        wanted = wanted / np.linalg.norm(wanted, axis=1, keepdims=True) if link == "direction" else wanted
        return r2(found.cast(pl.Float64).to_numpy(), wanted)
    if form == "one-hot" and len(names) == 1:
        return accuracy(found.to_series().to_list(), [NAMES[k] for k in KIND])
    if form == "sets":
        return accuracy([set(v.split(";")) for v in found.to_series()], [set(v.split(";")) for v in truth])
    return accuracy([list(row) for row in found.rows()], [[said(v) for v in np.atleast_1d(row)] for row in truth])


def accuracy(found, wanted):
    return np.mean([a == b for a, b in zip(found, wanted, strict=True)])


def r2(found, wanted):
    assert found.shape == wanted.shape
    return (1 - ((found - wanted) ** 2).mean(0) / wanted.var(0)).min()


def trained(folder, spec):
    """A run of a spec."""
    trainer = training.Trainer(spec, folder / "run")
    trainer.finish()
    return trainer.run.folder


def check(folder, path, loss, form):
    """Train's run, `ag eval`, `ag predict` and the report have to be right of what follows from the features."""
    found = evaluate(folder)
    is_names = isinstance(found.answers, Classes)
    if is_names:
        assert found.figures["accuracy"].value > 0.95
        assert found.metrics.get("accuracy", 1.0) > 0.95
    else:
        assert min((f.value for name, f in found.figures.items() if name.startswith("r2")), default=0) > 0.9
    out = path.parent / "predicted.csv"
    predict_file(folder, path, out)
    link = LOSSES.rows[loss].fields.link
    assert judge(pl.read_csv(out, infer_schema=False), form, is_names, link) > (0.95 if is_names else 0.9)
    html = report(folder, path.parent / "report.html").read_text("utf-8")
    assert all(name in html for name in found.figures)


def check_triples(folder, path):
    """Vectors of no class: the first of three has to be nearer to the second than to the third."""
    assert not evaluate(folder).figures
    out = path.parent / "predicted.csv"
    predict_file(folder, path, out)
    first, second, third = pl.read_csv(out).to_numpy().reshape(N, 3, 4).transpose(1, 0, 2)
    near, far = (np.linalg.norm(first - other, axis=1) for other in (second, third))
    assert (near < far).mean() > 0.95
    assert "loss" in report(folder, path.parent / "report.html").read_text("utf-8")


CELLS = [(loss, form) for loss in LOSSES.rows for form in FORMS]


@pytest.mark.sampled(3)  # the full check tries every cell
@pytest.mark.parametrize(("loss", "form"), CELLS, ids=lambda v: v.replace(" ", "-"))
def test_a_loss_and_a_target(tmp_path, loss, form):
    source = "npz" if "(n, 1)" in form else ("csv", "parquet")[CELLS.index((loss, form)) % 2]
    path, target = written(tmp_path, form, source, loss)
    spec = spec_of(path, target, loss, form)
    golden = goldens().get((loss, form))
    if golden is not None:
        with pytest.raises(SpecError) as refused:
            training.Trainer(spec, tmp_path / "run")
        assert refusal(loss, form, refused.value) == golden
        return
    folder = trained(tmp_path, spec)
    if loss == "triplet":
        check_triples(folder, path)
    else:
        check(folder, path, loss, form)


SAMPLE = [
    ("softmax_cross_entropy", "three names"),
    ("softmax_cross_entropy", "whole floats"),
    ("softmax_cross_entropy", "one-hot"),
    ("sigmoid_cross_entropy", "booleans"),
    ("sigmoid_cross_entropy", "several 0 and 1"),
    ("sigmoid_cross_entropy", "a column of two (n, 1)"),
    ("hinge", "minus one and one"),
    ("kl_divergence", "shares"),
    ("poisson", "counts"),
    ("mean_squared_error", "several numbers"),
    ("mean_squared_error", "numbers"),
]


@pytest.mark.parametrize("source", ["csv", "parquet", "npz", "python"])
@pytest.mark.parametrize(("loss", "form"), SAMPLE, ids=lambda v: v.replace(" ", "-"))
def test_a_target_means_the_same_from_every_source(tmp_path, loss, form, source):
    path, target = written(tmp_path, form, "parquet" if source == "python" else source, loss)
    spec = spec_of(path, target, loss, form)
    samples = None
    if source == "python":
        plain = json.loads(json.dumps({"data": {"name": "python", "target": target}, "model": layers(loss, form)}))
        train = {"epochs": EPOCHS.get(loss, 150), "batch_size": N, "eval_every": 1000}
        spec = parse_spec(json.dumps({**plain, "loss": loss, "optimizer": {"adam": 0.1}, "train": train}), "spec.yaml")
        samples = frame(form, loss)
    run = api.train(spec, tmp_path / "run", **({} if samples is None else {"data": samples}))
    found = run.predict(str(path) if samples is None else samples.drop(target))
    truth = truth_of(form)
    if found.dtype.kind == "U":
        wanted = [NAMES[k] for k in KIND] if form == "one-hot" and source != "npz" else truth
        wanted = [str(k) for k in KIND] if form == "one-hot" and source == "npz" else wanted
        rows = [[said(v) for v in np.atleast_1d(row)] for row in wanted]
        assert accuracy([list(np.atleast_1d(row)) for row in found], rows) > 0.95
    else:
        assert r2(found.reshape(N, -1), np.array(truth, dtype=np.float64).reshape(N, -1)) > 0.9
