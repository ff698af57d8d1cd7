"""Losses against their formulas in NumPy, and predictions in the target's own units, of the weights of a model."""

import numpy as np
import polars as pl
import pytest

import agcli
from agcli.spec.nouns import LOSSES

RNG = np.random.default_rng(11)
Z, COUNTS, NUMBERS = RNG.normal(size=(8, 3)), RNG.poisson(2.0, size=(8, 3)), RNG.normal(size=(8, 3))
SHARES = RNG.dirichlet(np.ones(3), size=8)
SHARES[0] = (0, 0.25, 0.75)  # 0 log 0 is 0
LOG_VARIANCE = RNG.normal(size=(8, 3))


def log_softmax(z):
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def kl(z, t):
    ratio = np.log(np.where(t > 0, t, 1)) - log_softmax(z)
    return (t * ratio).sum(axis=1)


def cosine(z, t):
    lengths = np.sqrt((z**2).sum(axis=1) * (t**2).sum(axis=1))
    return 1 - (z * t).sum(axis=1) / lengths


def gaussian(z, t):  # without log(2 pi) / 2, as PyTorch has it by default
    mean, log_variance = z[:, :3], z[:, 3:]
    each = 0.5 * (log_variance + (t - mean) ** 2 / np.exp(log_variance))
    return each.mean(axis=1)


BY_HAND = {
    "poisson": (Z, COUNTS.astype(float), lambda z, t: (np.exp(z) - t * z).mean(axis=1)),
    "kl_divergence": (Z, SHARES, kl),
    "cosine": (Z, NUMBERS, cosine),
    "gaussian": (np.hstack([Z, LOG_VARIANCE]), NUMBERS, gaussian),
    "mean_squared_error": (Z, NUMBERS, lambda z, t: ((z - t) ** 2).mean(axis=1)),
    "mean_absolute_error": (Z, NUMBERS, lambda z, t: np.abs(z - t).mean(axis=1)),
    "log_cosh": (Z, NUMBERS, lambda z, t: np.log(np.cosh(z - t)).mean(axis=1)),
    "huber": (
        3 * Z,
        NUMBERS,
        lambda z, t: np.where(np.abs(z - t) <= 1, (z - t) ** 2 / 2, np.abs(z - t) - 0.5).mean(axis=1),
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_loss_is_its_formula(name):
    output, target, formula = BY_HAND[name]
    found = LOSSES.rows[name].fields().of(agcli.constant(output), agcli.constant(target)).eval()
    expected = formula(output, target)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def table(folder, targets):
    """A table of two inputs and columns of targets, in their own units."""
    x = RNG.normal(size=(60, 2))
    pl.DataFrame({"a": x[:, 0], "b": x[:, 1], **targets(x)}).write_csv(folder / "t.csv")


def shares(x):
    p = np.exp(log_softmax(np.stack([x[:, 0], x[:, 1], 0 * x[:, 0]], axis=1))).round(6)
    return {"s": p[:, 0], "t": p[:, 1], "u": 1 - p[:, 0] - p[:, 1]}


OWN_UNITS = {  # loss -> targets, units, and what a prediction is of the model's raw outputs
    "poisson": (lambda x: {"n": RNG.poisson(np.exp(1 + x[:, 0]))}, 1, np.exp),
    "kl_divergence": (shares, 3, lambda z: np.exp(log_softmax(z))),
    "cosine": (
        lambda x: {"p": 100 * x[:, 0], "q": 100 * x[:, 1]},
        2,
        lambda z: z / np.sqrt((z**2).sum(axis=1, keepdims=True)),
    ),
}


@pytest.mark.parametrize("loss", OWN_UNITS)
def test_predictions_are_in_the_units_of_the_target(tmp_path, loss):
    targets, units, reading = OWN_UNITS[loss]
    table(tmp_path, targets)
    names = [name for name in pl.read_csv(tmp_path / "t.csv").columns if name not in "ab"]
    target = f"[{', '.join(names)}]" if len(names) > 1 else names[0]
    (tmp_path / "s.yaml").write_text(
        f"data: {{file: {tmp_path}/t.csv, target: {target}}}\nmodel: [dense: {units}]\nloss: {loss}\n"
        "dtype: float64\ntrain: {epochs: 2}\n"
    )
    run = agcli.train(tmp_path / "s.yaml", tmp_path / "run")
    found = run.evaluate()
    outputs = run.predictor.outputs(run.data.test)["output"]
    expected = reading(outputs)
    np.testing.assert_allclose(found.answers.values.reshape(expected.shape), expected, rtol=1e-9)
    lost = BY_HAND[loss][2](outputs, run.data.test["y"].reshape(expected.shape))
    assert found.loss == pytest.approx(lost.mean(), rel=1e-9)


def test_a_gaussian_answers_in_units_with_its_deviation(tmp_path):
    table(tmp_path, lambda x: {"y": 500 + 40 * x[:, 0] + 8 * RNG.normal(size=60)})
    (tmp_path / "s.yaml").write_text(
        f"data: {{file: {tmp_path}/t.csv, target: y}}\nmodel: [dense: 2]\nloss: gaussian\ndtype: float64\n"
        "train: {epochs: 2}\n"
    )
    run = agcli.train(tmp_path / "s.yaml", tmp_path / "run")
    answers = run.evaluate().answers
    scale, offset = run.data.fitted.target[0].role.affine(run.data.fitted.target[0].stats)
    z = run.predictor.outputs(run.data.test)["output"]
    np.testing.assert_allclose(answers.values[:, 0], z[:, 0] * scale + offset, rtol=1e-9)
    np.testing.assert_allclose(answers.deviations[:, 0], np.exp(z[:, 1] / 2) * scale, rtol=1e-7)


def test_arrays_of_several_targets_are_read_back_in_units(ag, tmp_path):
    x = RNG.normal(size=(200, 2))
    y = np.stack([1000 * x[:, 0], x[:, 1] - 5, x.sum(axis=1)], axis=1)
    np.savez(tmp_path / "a.npz", x=x, y=y)
    (tmp_path / "s.yaml").write_text(
        f"data: {{file: {tmp_path}/a.npz}}\nmodel: [dense: 3]\nloss: mse\noptimizer: {{adam: 0.05}}\n"
        "train: {epochs: 20}\n"
    )
    ag("train", tmp_path / "s.yaml", "--out", tmp_path / "run", "--quiet", check=0)
    assert "r2 of y_2" in ag("eval", tmp_path / "run", check=0).stdout
    ag("predict", tmp_path / "run", tmp_path / "a.npz", "--out", tmp_path / "p.csv", check=0)
    said = pl.read_csv(tmp_path / "p.csv")
    assert said.columns == ["predicted_y_0", "predicted_y_1", "predicted_y_2"]
    missed = ((said.to_numpy() - y) ** 2).sum(axis=0) / ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    assert (missed < 0.01).all()
