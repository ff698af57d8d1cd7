"""Formulas of a table with a scaled target: `outputs` and metrics are in the target's own units, wherever one looks."""

import json

import numpy as np
import pytest

import agcli

N = 120


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A model that hits a target around 1000, standardized while it trains."""
    folder, rng = tmp_path_factory.mktemp("units"), np.random.default_rng(0)
    x = rng.normal(size=N)
    y = 1000 + 5 * x + 0.1 * rng.normal(size=N)
    (folder / "t.csv").write_text("a,y\n" + "".join(f"{a},{b}\n" for a, b in zip(x, y, strict=True)))
    (folder / "spec.yaml").write_text(
        f"data: {{file: {folder}/t.csv, target: y, split: {{tail: {{test: 0.25, validation: 0}}}}}}\n"
        "model: [dense: 1]\nloss: mean_squared_error\noptimizer: lbfgs\n"
        "metrics: {gap: 'mean(output[:, 0] - y)', off: 'mean(abs(output[:, 0] - y))', "
        "twice: mean(2 * output), mae: mae}\n"
        "outputs: {gap: 'output[:, 0] - y', double: 2 * output, center: mean(y)}\n"
        f"train: {{epochs: 30, batch_size: {N}}}\n"
    )
    return agcli.train(folder / "spec.yaml", folder / "run"), y[-N // 4 :], folder


def test_the_target_is_scaled_while_training(run):
    scaled = run[0].data.train.y
    assert abs(scaled.mean()) < 1e-3
    assert scaled.std() == pytest.approx(1, abs=1e-3)


def test_formulas_of_an_evaluation_are_in_units_of_the_target(ag, run):
    run, y, _ = run
    judged = json.loads(ag("eval", run.folder, "--json", check=0).stdout)
    shown = ag("eval", run.folder, check=0).stdout
    found = run.evaluate()
    for outputs in (judged["outputs"], {name: value.tolist() for name, value in found.outputs.items()}):
        double, gap = np.array(outputs["double"])[:, 0], np.array(outputs["gap"])
        assert double == pytest.approx(2 * y, abs=1)
        assert np.abs(gap).max() < 0.5
        assert double / 2 - y == pytest.approx(gap, abs=2e-3)
        assert outputs["center"] == pytest.approx(y.mean(), rel=1e-6)
    for metrics in (judged["metrics"], found.metrics, run.result["metrics"]):
        assert metrics["twice"] == pytest.approx(2 * y.mean(), abs=0.5)
        assert metrics["gap"] == pytest.approx(gap.mean(), abs=1e-3)
        assert metrics["off"] == pytest.approx(metrics["mae"], rel=1e-3)
        assert metrics["off"] == pytest.approx(judged["figures"]["mean_absolute_error"]["value"], rel=1e-3)
        assert 0.01 < metrics["off"] < 0.5
    assert any(line.split()[:1] == ["twice"] and "," in line.split()[1] for line in shown.splitlines())


def test_another_file_is_judged_in_the_same_units(ag, run):
    run, _, folder = run
    rows = (folder / "t.csv").read_text().splitlines()
    (folder / "tail.csv").write_text("\n".join([rows[0], *rows[-N // 4 :]]) + "\n")
    of_file = json.loads(ag("eval", run.folder, "--data", folder / "tail.csv", "--json", check=0).stdout)
    of_split = json.loads(ag("eval", run.folder, "--json", check=0).stdout)
    assert of_file["metrics"] == of_split["metrics"]
    assert of_file["outputs"] == of_split["outputs"]
