"""Models as formulas: variables, let, loss, metrics, outputs; derivatives inside of a loss; errors at their place."""

import numpy as np
import pytest

from agcli.datasets import Column, Dataset, Split
from agcli.engine.function import Function
from agcli.model.build import build
from agcli.spec import SpecError, parse_spec

RNG = np.random.default_rng(8)
X = RNG.normal(size=(30, 3)).astype("f4")
LABELS = RNG.integers(0, 3, 30)
Y = (X @ [1.0, -2.0, 0.5] + 0.3 + 0.1 * RNG.normal(size=30)).astype("f4")
HEAD = "data: iris\n"


def built(text, **columns):
    split = Split({name: Column(values) for name, values in columns.items()})
    data = Dataset(name="made", description="", source="", licence="", splits={"train": split})
    return build(parse_spec(HEAD + text), data)


def value(model, tensor, **columns):
    inputs = list(model.inputs.values())
    return Function(tensor, inputs=inputs, key=model.key)({p: columns[p.name] for p in inputs})


def output(name, text, **columns):
    model = built(text, **columns)
    return value(model, model.test.outputs[name], **columns)


def losses(text, steps=25, **columns):
    model = built(text, **columns)
    step, _ = model.trainer()
    return [float(step({p: columns[p.name] for p in step.inputs})["loss"]) for _ in range(steps)], model


REGRESSION = "variables: {w: {shape: [3]}, b: 0}\nlet:\n  z: x @ w + b\nloss: mean(square(z - y))\n"


def test_formulas_are_the_layers_that_they_say():
    layers = "model: [dense: 3]\nloss: softmax_cross_entropy\n"
    formulas = (
        "variables: {w: {shape: [3, 3]}, b: {shape: [3]}}\nlet: {z: x @ w + b}\n"
        "loss: mean(sparse_softmax_cross_entropy(z, y))\n"
    )
    left, _ = losses(layers, x=X, y=LABELS)
    right, _ = losses(formulas, x=X, y=LABELS)
    np.testing.assert_allclose(left, right, rtol=1e-5)


def test_a_formula_is_fitted():
    found, model = losses(REGRESSION + "optimizer: lbfgs\ntrain: {batch_size: 100}\n", steps=3, x=X, y=Y)
    design = np.column_stack([X, np.ones(30)])
    exact = np.linalg.lstsq(design, Y, rcond=None)[0]
    np.testing.assert_allclose([*model.parameters["w"].value, model.parameters["b"].value], exact, atol=1e-4)
    assert found[-1] < found[0]


def test_variables_start_as_they_say():
    text = """
variables:
  a: 2.5
  m: {value: [[1, 2], [3, 4]]}
  f: {shape: [2, 3], value: 7}
  n: {shape: [50], init: normal}
  z: {shape: [4]}
  g: {shape: [40, 30]}
  still: {value: 3, trainable: false}
loss: sum(g) + a + sum(m) + sum(f) + sum(n) + sum(z)
"""
    model = built(text, x=X)
    v = {name: variable.value for name, variable in model.parameters.items()}
    assert (v["a"], v["m"].tolist(), v["f"].tolist()) == (2.5, [[1, 2], [3, 4]], [[7] * 3] * 2)
    assert (np.abs(v["z"]).max(), v["n"].std() > 0.02, 0.2 > v["g"].std() > 0.1) == (0, True, True)
    assert not model.parameters["still"].trainable


def test_error_bars_from_the_hessian():
    """Of a linear fit they are the square roots of the diagonal of variance * (X^T X)^-1."""
    text = REGRESSION + "outputs:\n  spread: inv(hessian(sum(square(z - y)) / 2, w))\n"
    found = output("spread", text, x=X, y=Y)
    np.testing.assert_allclose(found, np.linalg.inv(X.T.astype("f8") @ X), rtol=1e-3)


def test_derivatives_by_inputs_inside_of_a_formula():
    text = "variables: {w: 2}\nlet:\n  u: sin(w * x)\n  du: grad(u, x)\nloss: mean(square(grad(du, x) + 4 * u))\n"
    text += "outputs: {du: du, ddu: 'grad(du, x)', j: 'jacobian(x[0], x)'}\n"
    model = built(text, x=X)
    np.testing.assert_allclose(value(model, model.test.outputs["du"], x=X), 2 * np.cos(2 * X), atol=1e-5)
    np.testing.assert_allclose(value(model, model.test.outputs["ddu"], x=X), -4 * np.sin(2 * X), atol=1e-5)
    assert value(model, model.test.loss, x=X) < 1e-9
    assert value(model, model.test.outputs["j"], x=X).shape == (3, 30, 3)


def test_the_layers_at_another_place():
    text = "model: [dense: {units: 2, activation: tanh}]\nloss: mean(output)\noutputs: {twice: model(2 * x)}\n"
    model = built(text, x=X)
    np.testing.assert_allclose(
        value(model, model.test.outputs["twice"], x=X), model.predictor()(2 * X), rtol=1e-5, atol=1e-6
    )
    assert len(model.parameters) == 2


def test_layers_have_names_in_formulas():
    text = "model: [{dense: 4, name: code}, dense: 3]\nloss: mean(square(output - x)) + 0.1 * mean(abs(code))\n"
    found, model = losses(text, x=X)
    assert found[-1] < found[0]
    code = X @ model.parameters["code.weight"].value + model.parameters["code.bias"].value
    expected = np.mean((model.predictor()(X) - X) ** 2) + 0.1 * np.abs(code).mean()
    np.testing.assert_allclose(value(model, model.test.loss, x=X), expected, rtol=1e-4)


def test_several_inputs_and_losses():
    text = """
model:
  a: {dense: 4, input: left}
  b: {dense: 4, input: right}
  both: {concat: , input: [a, b]}
  output: {dense: 1}
let:
  fit: mean(square(output[:, 0] - y))
  alike: mean(square(a - b))
  total: fit + 0.1 * alike
loss: total
metrics: {fit: fit, alike: alike}
"""
    found, model = losses(text, left=X, right=X[:, :2].copy(), y=Y)
    assert found[-1] < found[0]
    assert [m.name for m in model.test.meters] == ["fit", "alike"]


def test_an_ode_step_in_a_file():
    """Heun's method, one step of du/dt = rate * u: the rate is found from two points of an exponential."""
    text = """
variables: {rate: 0}
let:
  slope: rate * x
  guess: x + 0.1 * slope
  next: x + 0.05 * (slope + rate * guess)
loss: mean(square(next - y))
optimizer: lbfgs
train: {batch_size: 100}
"""
    _, model = losses(text, steps=3, x=X, y=np.exp(0.1 * 0.7) * X)
    assert float(model.parameters["rate"].value) == pytest.approx(0.7, abs=2e-3)


def test_a_loss_that_is_an_array_counts_with_its_mean():
    model = built("variables: {w: 1}\nloss: w * square(x[:, 0])\n", x=X)
    assert value(model, model.test.loss, x=X) == pytest.approx(np.mean(X[:, 0] ** 2), rel=1e-5)


def test_random_formulas_differ_between_training_and_evaluation():
    model = built("model: [dropout: 0.5]\nvariables: {w: 1}\nloss: mean(square(w * output))\n", x=X)
    assert value(model, model.test.loss, x=X) != value(model, model.train.loss, x=X)
    assert value(model, model.test.loss, x=X) == pytest.approx(np.mean(X**2), rel=1e-5)


WRONG = {
    "variables: {w: {shape: [4]}}\nlet: {z: x @ w}\nloss: mean(z)": ("let.z: matmul: ", "x @ w"),
    "variables: {w: 1}\nloss: mean(x * u)": ("loss.expression.formula: there is no `u` here", "u"),
    "variables: {w: 1}\nlet: {x: w}\nloss: x": ("let.x: expected a new name, got `x`, which means something else", "w"),
    "variables: {y: 1}\nloss: y": ("variables.y: expected a new name, got `y`, which means something else", "1"),
    "variables: {w: 1}\nloss: mean(x > w)": None,
    "variables: {w: 1}\nloss: argmax(x * w, -1)": ("with a derivative, got int64", "argmax(x * w, -1)"),
    "variables: {w: 1}\nloss: mean(model(x))": ("there is no function `model`", "model"),
    "model: [dense: 1]\nloss: mean(model(x, x))": ("model: takes 1 input (x), got 2", "model(x, x)"),
    "model: [dense: 1]\nloss: mse": ("loss: mean_squared_error: needs a target, and the data has none", "mse"),
    "variables: {w: 1}\nloss: mse": ("needs the output of a `model`, or of a formula called `output` in `let`", "mse"),
    "variables: {w: {shape: [2], value: [1, 2, 3]}}\nloss: sum(w)": (
        "variables.w: a value of shape (3,) does not fill the shape (2,)", "{shape: [2], value: [1, 2, 3]}",
    ),
    "variables: {w: 1}\nlet: {d: 'grad(x, w)'}\nloss: sum(d)": ("let.d: ", "grad(x, w)"),
    "variables: {w: 1}\nloss: w\noutputs: {a: wx}": ("outputs.a: there is no `wx` here", "wx"),
    "variables: {w: 1}\nloss: sum(w) = 3": ("expected a formula, found an equation", "sum(w) = 3"),
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_formula_is_told_with_a_caret_in_its_line(text):
    columns = {"x": X, "y": Y} if "variables: {y" in text else {"x": X}
    if WRONG[text] is None:
        assert built(text, **columns).test.loss.dtype.kind == "f"
        return
    with pytest.raises(SpecError) as caught:
        built(text, **columns)
    sentence, marked = WRONG[text]
    head, line, carets = str(caught.value).splitlines()
    assert sentence in head
    start = carets.index("^")
    assert line[start : start + carets.count("^")] == marked
