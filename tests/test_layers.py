"""Every name that a spec may write is built: layers, activations, initialisers, losses, metrics, optimizers."""

import numpy as np
import pytest

from agcli.build import build
from agcli.datasets import load
from agcli.layers import LAYERS, apply_layer, start
from agcli.losses import LOSSES, METRICS
from agcli.spec import parse_spec
from agcli.spec.activations import ACTIVATIONS
from agcli.spec.initializers import INITIALIZERS
from agcli.spec.layers import LAYERS as LAYER_ROWS
from agcli.spec.losses import LOSSES as LOSS_ROWS
from agcli.spec.metrics import METRICS as METRIC_ROWS

assert apply_layer


def test_the_tables_of_spec_and_graph_agree():
    assert set(LAYER_ROWS.rows) == set(LAYERS) | set(ACTIVATIONS.rows)
    assert set(LOSS_ROWS.rows) == set(LOSSES)
    assert set(METRIC_ROWS.rows) == set(METRICS)


def trained(spec):
    data = load("iris")
    model = build(spec, data)
    step, _ = model.trainer()
    losses = [float(step(data.train.x[:32], data.train.y[:32])["loss"]) for _ in range(5)]
    assert np.isfinite(losses).all()
    return losses, model, data


@pytest.mark.parametrize("name", ACTIVATIONS.rows)
def test_every_activation_trains(name):
    model = f"[dense: {{units: 8, activation: {name}}}, {name}, dense: 3]"
    losses, _, _ = trained(parse_spec(f"data: iris\nmodel: {model}\nloss: softmax_cross_entropy\n"))
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", INITIALIZERS.rows)
def test_every_initialiser_draws(name):
    spec = parse_spec(
        f"data: iris\nmodel: [dense: {{units: 3, init: {name if name != 'constant' else '{constant: 0.5}'}}}]\n"
        "loss: softmax_cross_entropy\n"
    )
    value = start(spec.model[0].fields.init, (50, 20), np.random.default_rng(0))
    assert value.shape == (50, 20)
    assert value.dtype == np.float32
    assert np.isfinite(value).all()
    if name == "orthogonal":
        np.testing.assert_allclose(value.T @ value, np.eye(20), atol=1e-5)
    elif name not in ("zeros", "ones", "constant"):
        assert abs(value.mean()) < 0.1 < 20 * value.std()


@pytest.mark.parametrize("name", LOSS_ROWS.rows)
def test_every_loss_and_its_metrics(name):
    head = {"softmax_cross_entropy": "dense: 3", "sigmoid_cross_entropy": "dense: 1", "mean_squared_error": "dense: 1"}
    metrics = "[accuracy]" if "entropy" in name else "[mean_absolute_error, root_mean_squared_error]"
    spec = parse_spec(f"data: iris\nmodel: [{head[name]}]\nloss: {name}\nmetrics: {metrics}\n")
    _, model, data = trained(spec)
    values = model.evaluator()(data.test.x, data.test.y)
    output = model.predictor()(data.test.x)
    y = data.test.y
    if name == "softmax_cross_entropy":
        assert values["accuracy"] == (output.argmax(1) == y).sum()
    elif name == "sigmoid_cross_entropy":
        assert values["accuracy"] == ((output[:, 0] > 0) == y).sum()
    else:
        np.testing.assert_allclose(values["loss"], ((output[:, 0] - y) ** 2).mean(), rtol=1e-5)
        np.testing.assert_allclose(values["mean_absolute_error"], np.abs(output[:, 0] - y).sum(), rtol=1e-5)
        np.testing.assert_allclose(values["root_mean_squared_error"], ((output[:, 0] - y) ** 2).sum(), rtol=1e-5)


def test_dropout_is_for_training_only():
    spec = parse_spec("data: iris\nmodel: [dropout: 0.9, dense: 3]\nloss: softmax_cross_entropy\n")
    _, model, data = trained(spec)
    predict = model.predictor()
    np.testing.assert_array_equal(predict(data.test.x), predict(data.test.x))
