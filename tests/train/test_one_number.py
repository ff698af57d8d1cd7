"""One number for one name: what training says at its end is what eval, report and Python say, to the last digit."""

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner

import agcli
from agcli.cli import ag as program
from agcli.report.evaluation import amount
from agcli.runs.migrate import SPEC, migrated
from agcli.spec import SpecError
from agcli.spec.nouns import METRICS

OF_CLASSES = (
    "accuracy, {top_k: 2}, {precision: weighted}, recall, {f1: micro}, confusion_matrix, roc_auc, pr_auc, log_loss, "
    "perplexity, brier_score, {calibration_error: 7}"
)
OF_NUMBERS = "mean_absolute_error, mean_squared_error, root_mean_squared_error, r2, bias"
OF_TWO = "accuracy, precision, recall, f1, roc_auc, pr_auc, log_loss, brier_score, calibration_error, confusion_matrix"
SPECS = {
    "classes": (OF_CLASSES, "[dense: 3]", "softmax_cross_entropy", "categorical"),
    "two": (OF_TWO, "[dense: 1]", "sigmoid_cross_entropy", "categorical"),
    "numbers": (OF_NUMBERS, "[dense: 1]", "mean_squared_error", "{numeric: {scale: none}}"),
}


def said_by(*arguments):
    """What a command prints."""
    done = CliRunner(catch_exceptions=False).invoke(program, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1500, 2))  # more than a batch of an evaluation holds
    noisy = x[:, 0] + rng.normal(size=1500)
    targets = {"classes": np.digitize(noisy, [-0.5, 0.7]), "two": (noisy > 0.3).astype(int), "numbers": 1e4 + noisy}
    made = {}
    for kind, (metrics, model, loss, role) in SPECS.items():
        shown = [f"class{v}" if kind != "numbers" else v for v in targets[kind]]
        rows = "".join(f"{a},{b},{t}\n" for (a, b), t in zip(x, shown, strict=True))
        (folder / f"{kind}.csv").write_text("a,b,t\n" + rows)
        data = f"{{file: {folder}/{kind}.csv, target: t, columns: {{t: {role}}}, split: {{shuffled: {{test: 0.8}}}}}}"
        (folder / f"{kind}.yaml").write_text(
            f"data: {data}\nmodel: {model}\nloss: {loss}\nmetrics: [{metrics}]\ntrain: {{epochs: 2}}\n"
        )
        made[kind] = agcli.train(folder / f"{kind}.yaml", folder / kind)
    return made


def test_every_metric_is_among_them():
    names = {n for metrics, *_ in SPECS.values() for n in METRICS.rows if n in metrics}
    assert names == set(METRICS.rows) - {"expression"}


@pytest.mark.parametrize("kind", SPECS)
def test_a_name_has_one_number_everywhere(runs, kind):
    run = runs[kind]
    trained = run.result["metrics"]
    assert len(trained) == SPECS[kind][0].count(",") + 1
    assert {k: v for k, v in run.metrics.items() if k != "loss"} == trained
    done = CliRunner().invoke(program, ["eval", str(run.folder), "--json"])
    judged = json.loads(done.output)
    found = run.evaluate()
    page = CliRunner().invoke(program, ["report", str(run.folder)])
    assert page.exit_code == 0, page.output
    html = (run.folder / "report.html").read_text("utf-8")
    for name, value in trained.items():
        assert judged["metrics"][name] == found.metrics[name] == value, name
        if name in found.figures:
            assert judged["figures"][name]["value"] == found.figures[name].value == value, name
        if name == "confusion_matrix":
            assert judged["confusion"] == found.confusion.tolist() == value
        elif name == "calibration_error":
            assert found.calibration.error == pytest.approx(value, rel=1e-6)
        assert isinstance(value, list) or f">{amount(value)}<" in html, name
    for name, figure in found.figures.items():
        assert name in trained or name in ("log_loss", "bias")
        assert figure.low <= figure.value <= figure.high, name


# What has no value


@pytest.fixture(scope="module")
def constant(tmp_path_factory):
    """A run whose test data is of one class, and has one target, only."""
    folder = tmp_path_factory.mktemp("constant")
    rows = "".join(f"{i % 9},{'ab'[i % 2] if i < 80 else 'a'},{i % 7 if i < 80 else 0.1}\n" for i in range(100))
    (folder / "t.csv").write_text("x,c,n\n" + rows)
    tail = "split: {tail: {test: 0.2}}"
    made = {}
    for kind, target, drop, role, metrics in (
        ("classes", "c", "n", "categorical", "accuracy, roc_auc, f1"),
        ("numbers", "n", "c", "numeric", "r2, mae"),
    ):
        loss, width = ("softmax_cross_entropy", 2) if kind == "classes" else ("mse", 1)
        columns = f"columns: {{x: numeric, {target}: {role}, {drop}: ignore}}"
        (folder / f"{kind}.yaml").write_text(
            f"data: {{file: {folder}/t.csv, target: {target}, {columns}, {tail}}}\nmodel: [dense: {width}]\n"
            f"loss: {loss}\nmetrics: [{metrics}]\ntrain: {{epochs: 2}}\n"
        )
        lines = CliRunner().invoke(program, ["train", str(folder / f"{kind}.yaml"), "--out", str(folder / kind)])
        assert lines.exit_code == 0, lines.output
        made[kind] = folder / kind, lines.output
    return made


@pytest.mark.parametrize(
    ("kind", "name", "why"),
    [
        ("classes", "roc_auc", "it needs samples of every class, and others"),
        ("numbers", "r2", "all targets are the same"),
    ],
)
def test_what_has_no_value_says_why_everywhere(constant, kind, name, why):
    folder, said = constant[kind]
    words = f"undefined: {why}"
    assert words in " ".join(said.split())
    result = json.loads((folder / "result.json").read_text(), parse_constant=pytest.fail)
    assert result["metrics"][name] is None
    assert result["undefined"] == {name: why}
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=pytest.fail)
    judged = json.loads(said_by("eval", folder, "--json"), parse_constant=pytest.fail)
    assert judged["metrics"][name] is judged["figures"][name]["value"] is None
    assert judged["undefined"][name] == judged["figures"][name]["undefined"] == why
    assert words in " ".join(said_by("eval", folder).split())
    listed = " ".join(said_by("runs", "--dir", folder.parent).split())
    assert "undefined" in listed
    run = agcli.load(folder)
    assert math.isnan(run.metrics[name])
    assert str(run.metrics[name]) == str(run.evaluate().figures[name].value) == words
    said_by("report", folder)
    assert words in (folder / "report.html").read_text("utf-8")


# Which way is better


def spec_of(folder, metric, watch="own"):
    (folder / "s.yaml").write_text(
        "data: {name: iris}\nmodel: [dense: 3]\nloss: softmax_cross_entropy\n"
        f"metrics:\n  own: {metric}\noptimizer: {{adam: 0.05}}\ntrain: {{epochs: 6, watch: {watch}}}\n"
    )
    return folder / "s.yaml"


def test_a_formula_that_is_watched_keeps_what_it_says_is_better(tmp_path):
    """L4: the direction was guessed by the name, and of `brier` the worst weights were kept."""
    brier = "mean(square(softmax(output)[:, 0] - (y == 0)))"
    for better, pick in (("low", min), ("high", max)):
        run = agcli.train(spec_of(tmp_path, f'{{formula: "{brier}", better: {better}}}'), tmp_path / better)
        values = [record["metrics"]["own"] for record in run.history]
        assert values[0] != values[-1]
        assert run.result["best"]["value"] == pick(values)


def test_a_formula_that_is_watched_and_does_not_say_it_is_refused(tmp_path):
    spec = spec_of(tmp_path, "mean(square(output))")
    with pytest.raises(SpecError) as caught:
        agcli.train(spec, tmp_path / "run")
    line = 'own: {formula: "mean(square(output))", better: low}'
    said = f"`own` is a formula that does not say which way is better; write under `metrics` {line}, or high"
    assert str(caught.value).splitlines()[0].endswith(f"s.yaml:7:27: train.watch: {said}")
    spec.write_text(spec.read_text().replace("own: mean(square(output))", line))
    assert agcli.train(spec, tmp_path / "mended").result["best"]["watch"] == "own"


def test_a_figure_of_no_direction_cannot_be_watched(runs, tmp_path):
    with pytest.raises(SpecError, match="`bias` is neither better high nor low; watch another figure"):
        agcli.train(runs["numbers"].spec, tmp_path / "run", watch="bias")


def test_runs_of_before_have_the_direction_that_was_guessed():
    for watch, better in (("brier", "high"), ("rmse_error", "low")):
        shared = {"train": {"watch": watch}}
        for old, new in (
            ({watch: "mean(x)"}, {watch: {"formula": "mean(x)", "better": better}}),
            ([{"expression": {"name": watch}}], [{"expression": {"name": watch, "better": better}}]),
            (["accuracy"], ["accuracy"]),
        ):
            assert migrated(SPEC, {"metrics": old, **shared}, 1) == {"metrics": new, **shared, "dtype": "float32"}
            assert migrated(SPEC, {"metrics": new, **shared}, 1)["metrics"] == new
