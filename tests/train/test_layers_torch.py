"""Layers and losses against torch: forward values and gradients that golden/make_layers.py stored."""

import json
from pathlib import Path

import numpy as np
import pytest

from agcli.datasets import Column, Dataset, Split
from agcli.engine.function import Function
from agcli.engine.gradient import grad
from agcli.engine.graph import call, constant
from agcli.model.build import build
from agcli.spec import parse_spec

pytestmark = pytest.mark.numeric

with np.load(Path(__file__).parents[1] / "golden" / "layers.npz") as file:
    ARRAYS = {name: file[name] for name in file.files}
CASES = json.loads(str(ARRAYS.pop("index")))["cases"]
LAYERS = [name for name in CASES if not name.startswith("loss ")]
LOSSES = [name for name in CASES if name.startswith("loss ")]


def arrays(case, kind=""):
    head = f"{case}/{kind}"
    return {name.removeprefix(head): value for name, value in ARRAYS.items() if name.startswith(head)}


def built(spec, x, y):
    columns = {"x": Column(x), "y": Column(y)}
    data = Dataset(name="made", description="", source="", licence="", splits={"train": Split(columns)})
    return build(parse_spec(f"data: iris\n{spec}"), data)


def close(found, expected, tolerance=3e-5):
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=tolerance * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("case", LAYERS)
def test_layer_is_that_of_torch(case):
    given, gradients, (y, r) = arrays(case, "in/"), arrays(case, "grad/"), (ARRAYS[f"{case}/{k}"] for k in "yr")
    x = given.pop("x")
    model = built(f"model: [{CASES[case]['spec']}]\nloss: mean(output)\n", x, np.zeros(len(x), "f4"))
    assert set(model.parameters) == set(given)
    for name, value in given.items():
        model.parameters[name].value = value
    output = model.train.output
    leaves = {**model.parameters, "x": model.x}
    wanted = [leaves[name] for name in gradients]
    found = Function([output, *grad(call("sum", output * constant(r)), wanted)], inputs=[model.x])(x)
    close(found[0], y)
    for name, value, expected in zip(gradients, found[1:], gradients.values(), strict=True):
        assert value.shape == expected.shape, name
        close(value, expected)


@pytest.mark.parametrize("case", LOSSES)
def test_loss_is_that_of_torch(case):
    held = arrays(case, "")
    x, target = held["x"], held["target"]
    model = built(
        f"model: [lambda: x]\nvariables: {{unused: {{value: 0, trainable: false}}}}\nloss: {CASES[case]['loss']}\n",
        x,
        target,
    )
    loss = model.test.loss
    value, gradient = Function([loss, grad(loss, model.x)], inputs=[model.x, model.y])(x, target)
    close(value, held["value"])
    close(gradient, held["grad"])
